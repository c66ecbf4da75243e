"""`OnlineView`: an experiment at the service, as it is read."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import IO, Any

from tracklib_comet.border import MissingError
from tracklib_comet.experiment import Asset, Held
from tracklib_comet.service import Service
from tracklib_comet.wire import as_step, asset_of, current

__all__ = ["OnlineView"]

_SAMPLED = 15_000
"""Points of a metric above which Comet gives a part of them."""

_FULL = "ASSET_TYPE_FULL_METRIC"
_MAX_CSV = 1 << 31


class OnlineView:
    """Reads an experiment at the service."""

    is_service = True
    damaged = ()

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
            return current(self._service.client.get_experiment_others_summaries(self.key))

    def params(self) -> Mapping[str, str]:
        """Return the params."""
        with self._service.doing("reading the params"):
            return current(self._service.client.get_experiment_parameters_summaries(self.key))

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
            step, epoch = as_step(point.get("step")), as_step(point.get("epoch"))
            held = Held(step, str(point["metricValue"]), int(point.get("timestamp") or 0), epoch)
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
            return [asset_of(found) for found in self._service.client.get_experiment_asset_list(self.key, kind) or []]

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
        return [asset_of({**file, "artifactVersionId": place["id"]}) for file in (found or {}).get("files") or []]

    def discard(self) -> str:
        """Delete the experiment; return what Comet keeps all the same."""
        project = str(self.metadata().get("projectName"))
        with self._service.doing("listing artifacts"):
            made = (self._service.client.get_artifact_lineage(self.key, "output") or {}).get("artifacts")
        if not self._service.delete(self.key):
            return ""
        return f"Comet keeps the project {project!r}{', and the artifacts that the run made' if made else ''}"

    def opened(self, asset: Asset) -> IO[bytes] | None:
        """Open the content of a file; ``None`` where it is gone."""
        try:
            return self._service.download(self.key, asset.id, asset.version)
        except MissingError:
            return None


def _exported(content: IO[bytes]) -> Iterator[Held]:
    """Yield the points of an export: a zipped table with the columns value, timestamp, step and epoch."""
    with zipfile.ZipFile(content) as archive:
        for member in archive.infolist():
            if member.file_size > _MAX_CSV:
                continue
            with io.TextIOWrapper(archive.open(member), "utf-8", newline="") as table:
                for row in csv.DictReader(table):
                    step, epoch = as_step(row["step"] or None), as_step(row["epoch"] or None)
                    yield Held(step, row["value"], round(float(row["timestamp"]) * 1000), epoch)
