"""An experiment at the service: written and read, one answered request after the other."""

from __future__ import annotations

import csv
import io
import json
import re
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import IO, Any

from tracklib.backends.contract import VendorRun
from tracklib.model.records import Artifact
from tracklib.model.run import RunInfo
from tracklib.typing import JSON
from tracklib_comet.border import ExistsError, MissingError
from tracklib_comet.experiment import Asset, Held, Line, Param, Shown, Upload
from tracklib_comet.identity import Identity, experiment_key, milliseconds
from tracklib_comet.names import shown, shown_project
from tracklib_comet.service import Service

__all__ = ["OnlineExperiment", "OnlineView", "as_json", "as_metadata", "as_step"]

_BATCH = 1000
"""Points, params or lines in one request, as the SDK has it."""

_SAMPLED = 15_000
"""Points of a metric above which Comet gives a part of them."""

_FULL = "ASSET_TYPE_FULL_METRIC"
_HEARTBEAT = 10.0
_MAX_CSV = 1 << 31


class OnlineExperiment:
    """Writes an experiment at the service."""

    is_durable = True

    def __init__(self, service: Service, run: RunInfo, vendor_id: str | None) -> None:
        self._service = service
        settings = service.settings
        self.key = vendor_id or experiment_key(service.workspace, run.project, run.id)
        project = settings.project or shown_project(run.project)
        self.is_new, told = service.begin(self.key, project)
        self._params = {"experimentId": self.key, "projectId": told.get("project_id"), "runId": told.get("runId")}
        self._beaten = time.monotonic()
        self._is_over = False
        self._has_artifacts = False
        self._told: dict[str, str] = {}
        self.vendor: VendorRun = service.page(project, self.key)
        self._view = OnlineView(service, self.key)

    def view(self) -> OnlineView:
        """Return what is held of it."""
        return self._view

    def identify(self, identity: Identity) -> None:
        """Say who it is, and how it stands."""
        service, key = self._service, self.key
        for name, value in {"Name": identity.shown_name, **identity.others()}.items():
            if self._told.get(name) != value:
                self.set_other(name, value)
                self._told[name] = value
        end = milliseconds(identity.ended) if identity.is_over and identity.ended is not None else None
        bad = identity.is_over and identity.status != "finished"
        said = shown(identity.error, 1000) if identity.error else None
        with service.doing("telling how the run stands"):
            service.client.update_experiment_error_status(
                key, is_alive=not identity.is_over, error_value=said, has_crashed=bad
            )
            service.client.set_experiment_start_end(key, milliseconds(identity.started), end)
        self._is_over = identity.is_over

    def add_points(self, points: Sequence[Shown]) -> None:
        """Add points."""
        values = [
            {"metricName": p.name, "metricValue": as_json(p.value), "step": p.step, "epoch": None, "context": None, "timestamp": p.time}
            for p in points
        ]  # fmt: skip
        for at in range(0, len(values), _BATCH):
            self._service.batch("metric", self.key, values[at : at + _BATCH])

    def set_params(self, params: Sequence[Param]) -> None:
        """Set params."""
        values = [
            {"parameterName": p.name, "parameterValue": p.value, "step": None, "source": "manual", "context": None, "timestamp": p.time}
            for p in params
        ]  # fmt: skip
        for at in range(0, len(values), _BATCH):
            self._service.batch("parameter", self.key, values[at : at + _BATCH])

    def set_other(self, key: str, value: str) -> None:
        """Set one of the values that Comet calls others."""
        with self._service.doing(f"setting {key!r}"):
            self._service.client.log_experiment_other(self.key, key, value)

    def change_tags(self, added: Sequence[str], removed: Sequence[str]) -> None:
        """Add tags, and take tags away."""
        with self._service.doing("setting tags"):
            if added:
                self._service.client.add_experiment_tags(self.key, list(added))
            if removed:
                self._service.client.delete_experiment_tags(self.key, list(removed))

    def add_output(self, lines: Sequence[Line]) -> None:
        """Add lines of output."""
        asked = [
            {"stderr": line.is_error, "output": line.text, "localTimestamp": line.time, "offset": number}
            for number, line in enumerate(lines)
        ]
        for at in range(0, len(asked), _BATCH):
            self._service.output(self.key, asked[at : at + _BATCH])

    def set_html(self, html: str) -> None:
        """Set the page of the tab that is called HTML."""
        with self._service.doing("setting the HTML"):
            self._service.client.log_experiment_html(self.key, html, overwrite=True)

    def set_details(self, details: Mapping[str, Any]) -> None:
        """Set what is known of the machine."""
        self._service.details(self.key, details)

    def add_asset(self, upload: Upload) -> None:
        """Add a file."""
        params = {
            **self._params,
            "assetId": upload.id,
            "fileName": upload.name,
            "type": upload.kind,
            "step": upload.step,
            "extension": upload.name.rpartition(".")[2] if "." in upload.name else None,
            "artifactVersionId": upload.version,
            "overwrite": "false",
        }
        try:
            self._service.upload(self.key, upload.content, params, upload.metadata)
        except ExistsError:
            pass  # sent before, under the same id: it is there

    def add_artifact(self, artifact: Artifact, tag: str, uploads: Sequence[Upload]) -> JSON:
        """Add a version of an artifact with its files; one that was begun before is completed."""
        name = shown(artifact.name or "artifact")
        version = self._version(name, tag) or self._new_version(artifact, name, tag)
        if version["state"] != "CLOSED":
            for upload in uploads:
                self.add_asset(upload_to(upload, version["id"]))
            self._service.close_version(self.key, version["id"])
        return {"id": version["id"], "name": name, "version": version["version"], "workspace": self._service.workspace}

    def _version(self, name: str, tag: str) -> dict[str, Any] | None:
        """Return the version of an artifact that an earlier attempt at this record made."""
        if self.is_new and not self._has_artifacts:
            return None
        with self._service.doing("looking for the artifact"):
            try:
                found = self._service.client.get_artifact_details(workspace=self._service.workspace, name=name)
            except Exception as error:
                if getattr(error, "sdk_error_code", None) in (624522, 624523) or _status(error) == 404:
                    return None
                raise
        for version in found.get("versions") or []:
            told = as_metadata(version.get("metadata"))
            if (told.get("tracklib"), version.get("experimentKey", self.key)) == (f"{self.key}/{tag}", self.key):
                return {
                    "id": version["artifactVersionId"],
                    "version": version["version"],
                    "state": version.get("state") or "CLOSED",
                }
        return None

    def _new_version(self, artifact: Artifact, name: str, tag: str) -> dict[str, Any]:
        self._has_artifacts = True  # from now on, an attempt at the same artifact has something to find
        plain = {key: value for key, value in artifact.metadata.items() if key != "tracklib"}
        metadata = {**json.loads(json.dumps(plain, default=str)), "tracklib": f"{self.key}/{tag}"}
        with self._service.doing("creating an artifact's version"):
            answer = self._service.client.upsert_artifact(
                artifact_name=name,
                artifact_type=shown(artifact.type or "artifact"),
                experiment_key=self.key,
                metadata=metadata,
                aliases=[shown(alias) for alias in artifact.aliases if alias],
            ).json()
        return {"id": answer["artifactVersionId"], "version": answer["currentVersion"], "state": "OPEN"}

    def beat(self) -> None:
        """Tell Comet that the run goes on."""
        now = time.monotonic()
        if not self._is_over and now - self._beaten > _HEARTBEAT:
            self._beaten = now
            with self._service.doing("telling that the run goes on"):
                self._service.client.update_experiment_status(self.key)

    def close(self) -> None:
        """Let go of connections."""
        self._service.close()


def upload_to(upload: Upload, version: str) -> Upload:
    """Return a file on its way to a version of an artifact."""
    return Upload(upload.id, upload.name, upload.kind, upload.content, upload.metadata, upload.step, version)


class OnlineView:
    """Reads an experiment at the service."""

    def __init__(self, service: Service, key: str, metadata: Mapping[str, Any] | None = None) -> None:
        self._service = service
        self.key = key
        self._metadata = metadata

    def metadata(self) -> Mapping[str, Any]:
        """Return what Comet says of it."""
        if self._metadata is None:
            self._metadata = self._service.metadata(self.key)
            if self._metadata is None:
                raise MissingError(f"Comet has no experiment {self.key}")
        return self._metadata

    def url(self) -> str | None:
        """Return the page that shows it."""
        return self._service.page(str(self.metadata().get("projectName")), self.key).url

    def others(self) -> Mapping[str, str]:
        """Return the values that Comet calls others."""
        with self._service.doing("reading the other values"):
            return _current(self._service.client.get_experiment_others_summaries(self.key))

    def params(self) -> Mapping[str, str]:
        """Return the params."""
        with self._service.doing("reading the params"):
            return _current(self._service.client.get_experiment_parameters_summaries(self.key))

    def tags(self) -> Sequence[str]:
        """Return the tags."""
        with self._service.doing("reading the tags"):
            found = self._service.client.get_experiment_tags(self.key) or {}
            return [str(tag) for tag in found.get("tags") or []]

    def points(self) -> Iterator[tuple[str, list[Held], bool]]:
        """Yield each metric; what Comet gives a part of, is read from its export where there is one."""
        with self._service.doing("reading the metrics"):
            found = self._service.client.get_all_experiment_metrics(self.key) or {}
        series: dict[str, list[Held]] = {}
        for point in found.get("metrics") or []:
            held = Held(as_step(point.get("step")), str(point["metricValue"]), int(point.get("timestamp") or 0))
            series.setdefault(str(point["metricName"]), []).append(held)
        for name in list(series):
            held_now = series.pop(name)
            whole = self._whole(name, held_now) if len(held_now) >= _SAMPLED else held_now
            yield name, whole or held_now, whole is None

    def _whole(self, name: str, part: list[Held]) -> list[Held] | None:
        """Return all points of a metric, from Comet's export; ``None`` where there is none."""
        stem = re.sub("[^a-zA-Z0-9-+]+", "_", name)  # as `APIExperiment.get_metric_total_df` has it
        assets = self._exports.get(stem, [])
        is_one = len({number for number, _ in assets}) == len(assets)
        # Several metrics can have one file name: theirs is the export that holds what is known of it.
        ends = {part[0], part[-1]}
        for group in [assets] if is_one else [[asset] for asset in assets]:
            whole = [held for _, asset in group for held in self._exported(asset)]
            if len(whole) >= len(part) and ends <= set(whole):
                return whole
        return None

    def _exported(self, asset: Asset) -> list[Held]:
        content = self.opened(asset)
        if content is None:
            return []
        with content, self._service.doing("reading an export"):
            return list(_exported(content))

    @cached_property
    def _exports(self) -> dict[str, list[tuple[int, Asset]]]:
        found: dict[str, list[tuple[int, Asset]]] = {}
        for asset in self._listed(_FULL):
            if (named := re.fullmatch(r"(.*)_(\d+)\.csv\.zip", asset.name)) is not None:
                found.setdefault(named[1], []).append((int(named[2]), asset))
        return {stem: sorted(parts, key=lambda part: part[0]) for stem, parts in found.items()}

    def output(self) -> str:
        """Return the output."""
        with self._service.doing("reading the output"):
            return str((self._service.client.get_experiment_output(self.key) or {}).get("output") or "")

    def html(self) -> str:
        """Return the page of the tab that is called HTML."""
        with self._service.doing("reading the HTML"):
            return str((self._service.client.get_experiment_html(self.key) or {}).get("html") or "")

    def details(self) -> Mapping[str, Any]:
        """Return what is known of the machine."""
        with self._service.doing("reading the system's details"):
            found = self._service.client.get_experiment_system_details(self.key)
            return found if isinstance(found, dict) else {}

    def assets(self) -> Sequence[Asset]:
        """Return the files, those of artifacts' versions left out."""
        return [asset for asset in self._listed(None) if asset.version is None]

    def _listed(self, kind: str | None) -> list[Asset]:
        with self._service.doing("listing files"):
            return [_asset(found) for found in self._service.client.get_experiment_asset_list(self.key, kind) or []]

    def artifacts(self) -> Iterator[tuple[Mapping[str, Any], Sequence[Asset]]]:
        """Yield the versions of artifacts that it made."""
        with self._service.doing("listing artifacts"):
            found = self._service.client.get_artifact_lineage(self.key, "output") or {}
        for artifact in found.get("artifacts") or []:
            with self._service.doing("reading an artifact"):
                told = self._service.client.get_artifact_details(artifact_id=artifact["artifactId"])
            for version in told.get("versions") or []:
                if version.get("experimentKey") == self.key and version.get("state", "CLOSED") == "CLOSED":
                    place = {**version, "id": version["artifactVersionId"], "name": told["artifactName"]}
                    place |= {"type": told.get("artifactType"), "workspace": told.get("workspaceName")}
                    yield place, self.artifact_assets(place)

    def artifact_assets(self, place: Mapping[str, Any]) -> Sequence[Asset]:
        """Return the files of an artifact's version; none where it is gone."""
        try:
            with self._service.doing("listing an artifact's files"):
                found = self._service.client.get_artifact_files(
                    workspace=place["workspace"], name=place["name"], version=place["version"]
                )
        except MissingError:
            return []
        return [_asset({**file, "artifactVersionId": place["id"]}) for file in (found or {}).get("files") or []]

    def opened(self, asset: Asset) -> IO[bytes] | None:
        """Open the content of a file; ``None`` where it is gone."""
        try:
            return self._service.download(self.key, asset.id, asset.version)
        except MissingError:
            return None


def as_json(value: float) -> Any:
    """Return a value as the SDK puts it into JSON, which has no NaN and no infinities."""
    if value != value:  # noqa: PLR0124  NaN
        return "NaN"
    return value if value - value == 0 else "Infinity" if value > 0 else "-Infinity"


def _current(found: Any) -> dict[str, str]:
    return {str(value["name"]): str(value["valueCurrent"]) for value in (found or {}).get("values") or []}


def as_step(step: Any) -> int | float | None:
    if isinstance(step, str):
        try:
            step = float(step)
        except ValueError:
            return None
    return int(step) if isinstance(step, float) and step.is_integer() else step


def _exported(content: IO[bytes]) -> Iterator[Held]:
    """Yield the points of an export: a zipped table with the columns value, timestamp, step and epoch."""
    with zipfile.ZipFile(content) as archive:
        for member in archive.infolist():
            if member.file_size > _MAX_CSV:
                continue
            with io.TextIOWrapper(archive.open(member), "utf-8", newline="") as table:
                for row in csv.DictReader(table):
                    yield Held(as_step(row["step"] or None), row["value"], round(float(row["timestamp"]) * 1000))


def _asset(found: Mapping[str, Any]) -> Asset:
    is_remote = bool(found.get("remote"))
    return Asset(
        id=str(found["assetId"]),
        name=str(found.get("fileName") or found["assetId"]),
        kind=str(found.get("type") or "asset"),
        size=int(found.get("fileSize") or 0),
        step=found.get("step"),
        metadata=as_metadata(found.get("metadata")),
        link=str(found["link"]) if is_remote and found.get("link") else None,
        version=found.get("artifactVersionId") or None,
        time=int(found.get("createdAt") or 0),
        context=found.get("runContext") or None,
    )


def as_metadata(found: Any) -> dict[str, Any]:
    """Return metadata, which Comet gives as a text of JSON."""
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            return {}
    return dict(found) if isinstance(found, Mapping) else {}


def _status(error: BaseException) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)
