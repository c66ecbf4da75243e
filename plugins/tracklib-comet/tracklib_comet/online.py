"""An experiment at the service: written and read, one answered request after the other."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tracklib.backends.contract import VendorRun
from tracklib.errors import RejectedError
from tracklib.model.records import Artifact
from tracklib.model.run import RunInfo
from tracklib.typing import JSON
from tracklib_comet.border import ExistsError, FullError
from tracklib_comet.experiment import Line, Param, Shown, Upload
from tracklib_comet.identity import Identity, experiment_key, milliseconds
from tracklib_comet.names import shown, shown_project, shown_text
from tracklib_comet.online_view import OnlineView
from tracklib_comet.service import Service
from tracklib_comet.wire import as_json, as_metadata

__all__ = ["OnlineExperiment"]

_BATCH = 1000
"""Points, params or lines in one request, as the SDK has it."""

_HEARTBEAT = 10.0
"""Seconds between two signs of life."""


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
        self.vendor: VendorRun = service.page(str(told["projectName"]), self.key)
        self._view = OnlineView(service, self.key)

    def native(self) -> Any:
        """Return the SDK's own object for it."""
        return self._service.native(self.key)

    def view(self) -> OnlineView:
        """Return what is held of it."""
        return self._view

    def identity(self) -> Identity | None:
        """Return who it said that it was, when it was opened."""
        held = None if self.is_new else Identity.among(self._view.others())
        if held is not None:  # what somebody changed of it since, such as the name, stays so
            self._told = {"Name": held.shown_name, **held.others()}
        return held

    def identify(self, identity: Identity) -> None:
        """Say who it is, and how it stands; what was said before is not said again."""
        service, key = self._service, self.key
        for name, value in {"Name": identity.shown_name, **identity.others()}.items():
            if self._told.get(name) != value:
                self.set_other(name, value)
                self._told[name] = value
        end = milliseconds(identity.ended) if identity.is_over and identity.ended is not None else None
        bad = identity.is_over and identity.status != "finished"
        said = shown_text(identity.error) if identity.error else None
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
        """Add a file; as a plain one where Comet takes no more of its kind."""
        try:
            self._add_asset(upload)
        except FullError:
            if upload.kind == "asset":
                raise
            self._add_asset(replace(upload, kind="asset"))

    def _add_asset(self, upload: Upload) -> None:
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
        with contextlib.suppress(ExistsError):  # sent before, under the same id: it is there
            self._service.upload(self.key, upload.content, params, upload.metadata)

    def add_artifact(self, artifact: Artifact, tag: str, uploads: Sequence[Upload]) -> JSON:
        """Add a version of an artifact with its files; one that was begun before is completed."""
        name = shown(artifact.name or "artifact")
        version = self._version(name, tag) or self._new_version(artifact, name, tag)
        if version["state"] != "CLOSED":
            for upload in uploads:
                self.add_asset(replace(upload, version=version["id"]))
            self._service.close_version(self.key, version["id"])
        return {"id": version["id"], "name": name, "version": version["version"], "workspace": self._service.workspace}

    def _version(self, name: str, tag: str) -> dict[str, Any] | None:
        """Return the version of an artifact that an earlier attempt at this record made."""
        if self.is_new and not self._has_artifacts:
            return None
        try:
            found = self._service.artifact(name)
        except RejectedError:  # Comet says in several ways that it knows none
            return None
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
