"""An offline experiment: a zip that ``comet upload`` takes, written without the SDK's own recorder.

``OfflineExperiment`` records what it wants, at the time of its own clock, and loses everything when it is killed.
Here messages are collected in delivery's scratch folder, and the zip is replaced as a whole when the experiment is
closed: until then nothing counts as held.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from tracklib.backends.contract import VendorRun
from tracklib.errors import ConfigError, RejectedError, TransientError
from tracklib.model.records import Artifact
from tracklib.model.run import RunInfo
from tracklib.typing import JSON
from tracklib_comet.archive import EXPERIMENT, MESSAGES, Archive, messages_of
from tracklib_comet.experiment import Line, Param, Shown, Upload
from tracklib_comet.identity import OFFLINE, Identity, experiment_key, milliseconds
from tracklib_comet.names import shown, shown_project
from tracklib_comet.settings import CometSettings
from tracklib_comet.wire import as_json
from tracklib_comet.zip_view import DETAILS, ZipView

__all__ = ["OfflineExperiment"]


class OfflineExperiment:
    """Writes a zip."""

    is_durable = False

    def __init__(self, settings: CometSettings, run: RunInfo, scratch: Path) -> None:
        assert settings.offline is not None
        folder = Path(settings.offline)
        if folder.suffix == ".zip":
            raise ConfigError(f"expected a folder to write offline experiments to, got {folder}")
        self.key = experiment_key(settings.workspace or "", run.project, run.id)
        self._workspace = settings.workspace
        self._project = settings.project or shown_project(run.project)
        self.path = folder / f"{self.key}.zip"
        self.vendor = VendorRun(self.key, str(self.path))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._scratch = Path(tempfile.mkdtemp(prefix="comet-", dir=scratch))
        except OSError as error:
            raise TransientError(f"Comet's offline folder {folder}: {error.strerror or error}") from error
        self.is_new = not self.path.exists()
        self._archive = None if self.is_new else self._whole()
        self._identity: Identity | None = None
        self._messages = self._scratch / MESSAGES
        self._blobs: dict[str, Path] = {}
        self._assets: set[str] = set()
        self._tags: list[str] = []
        self._details: dict[str, Any] = {}
        self._kept: set[str] = set()
        self._count = 0
        if self._archive is not None:
            self._take_up(self._archive)
        else:
            self.set_other(OFFLINE, "true")  # as the SDK does

    def _whole(self) -> Archive:
        """Open the zip that is there; one that is damaged is not written over."""
        try:
            archive = Archive(self.path)
            for _ in archive.lines():
                pass
        except RejectedError as error:
            raise ConfigError(f"{error}; move it away, and the run is written anew: tracklib sync") from error
        return archive

    def _take_up(self, archive: Archive) -> None:
        """Go on with the zip that is there."""
        with self._messages.open("wb") as file:
            for line in archive.lines():
                file.write(line if line.endswith(b"\n") else line + b"\n")
                self._count += 1
        view = ZipView(archive)
        self._identity = Identity.among(view.others())
        self._assets = {asset.id for asset in view.assets()}
        self._tags = list(view.tags())
        self._details = dict(view.details())
        self._kept = archive.names - {EXPERIMENT, MESSAGES}

    def view(self) -> ZipView:
        """Return what the zip is to hold, as far as it is written."""
        return ZipView(self)

    @property
    def experiment(self) -> Mapping[str, Any]:
        """What ``experiment.json`` is to say."""
        return self._experiment()

    def messages(self, damaged: list[str], /) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the messages so far."""
        self._messages.touch()
        with self._messages.open("rb") as file:
            yield from messages_of(file, self.path.name, damaged)

    def opened(self, name: str, /) -> IO[bytes] | None:
        """Open a file, of now or of the zip that was there."""
        if name in self._blobs:
            return self._blobs[name].open("rb")
        return None if self._archive is None else self._archive.opened(name)

    def identity(self) -> Identity | None:
        """Return who it said that it was, when it was opened."""
        return self._identity

    def identify(self, identity: Identity) -> None:
        """Say who it is, and how it stands; what was said before is not said again."""
        before = {} if self._identity is None else {"Name": self._identity.shown_name, **self._identity.others()}
        for name, value in {"Name": identity.shown_name, **identity.others()}.items():
            if before.get(name) != value:
                self.set_other(name, value)
        self._identity = identity

    def add_points(self, points: Sequence[Shown]) -> None:
        """Add points."""
        self._add(
            {
                "type": "metric_msg",
                "payload": {
                    "local_timestamp": p.time,
                    "metric": {"metricName": p.name, "metricValue": as_json(p.value), "step": p.step, "epoch": None},
                },
            }
            for p in points
        )

    def set_params(self, params: Sequence[Param]) -> None:
        """Set params."""
        self._add(
            {
                "type": "parameter_msg",
                "payload": {
                    "local_timestamp": p.time,
                    "param": {"paramName": p.name, "paramValue": p.value, "step": None, "source": "manual"},
                },
            }
            for p in params
        )

    def set_other(self, key: str, value: str) -> None:
        """Set one of the values that Comet calls others."""
        self._add([{"type": "log_other", "payload": {"key": key, "value": value}}])

    def change_tags(self, added: Sequence[str], removed: Sequence[str]) -> None:
        """Add tags, and take tags away."""
        self._tags = [tag for tag in dict.fromkeys([*self._tags, *added]) if tag not in removed]

    def add_output(self, lines: Sequence[Line]) -> None:
        """Add lines of output."""
        self._add(
            {
                "type": "standard_output",
                "payload": {"output": line.text, "stderr": line.is_error, "local_timestamp": line.time},
            }
            for line in lines
        )

    def set_html(self, html: str) -> None:
        """Set the page of the tab that is called HTML."""
        self._add([{"type": "htmlOverride", "payload": {"htmlOverride": html}}])

    def set_details(self, details: Mapping[str, Any]) -> None:
        """Set what is known of the machine, in the SDK's messages; its schema has no details without a process id."""
        self._details |= details
        packages = details.get("installedPackages")
        if isinstance(self._details.get("pid"), int) and details.keys() - {"installedPackages"}:
            empty: dict[str, Any] = {**dict.fromkeys(DETAILS, ""), "command": [], "env": None}
            said = {name: self._details.get(own, empty[name]) for name, own in DETAILS.items()}
            self._add([{"type": "system_details", "payload": said}])
        if packages:
            self._add([{"type": "installed_packages", "payload": {"installed_packages": packages}}])

    def add_asset(self, upload: Upload) -> None:
        """Add a file, once."""
        if upload.id in self._assets:
            return  # sent before, under the same id: it is there
        blob = self._scratch / upload.id
        try:
            shutil.copyfile(upload.content, blob)
        except OSError as error:
            raise TransientError(f"copying {upload.name!r}: {error.strerror or error}") from error
        self._blobs[upload.id] = blob
        self._assets.add(upload.id)
        params = {
            "assetId": upload.id,
            "context": None,
            "epoch": None,
            "extension": upload.name.rpartition(".")[2] if "." in upload.name else None,
            "fileName": upload.name,
            "overwrite": False,
            "runId": None,
            "step": upload.step,
            "type": upload.kind,
        }
        payload = {
            "additional_params": {name: value for name, value in params.items() if name != "extension" or value},
            "clean": True,
            "file_path": upload.id,
            "local_timestamp": 0 if self._identity is None else milliseconds(self._identity.started),
            "metadata": dict(upload.metadata),
            "upload_type": upload.kind,
        }
        self._add([{"type": "file_upload", "payload": payload}])

    def add_artifact(self, artifact: Artifact, tag: str, uploads: Sequence[Upload]) -> JSON:
        """Add an artifact's files as assets: Comet's artifacts are made by its server alone."""
        del tag  # each file has its own
        for upload in uploads:
            name = f"artifacts/{shown(artifact.name)}/{upload.name}"
            self.add_asset(Upload(upload.id, name, upload.kind, upload.content, upload.metadata))
        return None

    def beat(self) -> None:
        """Nobody is told that the run goes on."""

    def close(self) -> None:
        """Replace the zip by one that holds everything."""
        try:
            self._write()
        except OSError as error:
            raise TransientError(f"writing {self.path}: {error.strerror or error}") from error

    def _write(self) -> None:
        self._messages.touch()
        handle, name = tempfile.mkstemp(prefix=f".{self.key}-", suffix=".part", dir=self.path.parent)
        try:
            with os.fdopen(handle, "w+b") as file:
                with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=1) as target:
                    self._fill(target)
                file.flush()
                os.fsync(file.fileno())
            if self._archive is not None:
                self._archive.close()  # Windows replaces no file that is open
                self._archive = None
            os.replace(name, self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _fill(self, target: zipfile.ZipFile) -> None:
        target.writestr(EXPERIMENT, json.dumps(self._experiment()))
        target.write(self._messages, MESSAGES)
        if self._archive is not None:
            self._archive.copy_into(target, self._kept)
        for blob_id, path in self._blobs.items():
            target.write(path, blob_id)

    def _experiment(self) -> dict[str, Any]:
        identity = self._identity
        started = milliseconds(identity.started) if identity is not None else 0
        ended = identity.ended if identity is not None and identity.is_over else None
        is_bad = ended is not None and identity is not None and identity.status != "finished"
        return {
            "offline_id": self.key,
            "project_name": self._project,
            "start_time": started,
            "stop_time": milliseconds(ended) if ended is not None else started,
            "tags": self._tags,
            "workspace": self._workspace,
            "resume_strategy": "get_or_create",
            "customer_error_reported": is_bad,
            "customer_error_message": (identity.error or identity.status)[:1000] if is_bad and identity else None,
            "user_provided_experiment_key": True,
            "comet_start_sourced": False,
        }

    def _add(self, messages: Iterable[dict[str, Any]]) -> None:
        try:
            with self._messages.open("a", encoding="utf-8") as file:
                for message in messages:
                    self._count += 1
                    message["payload"].setdefault("message_id", self._count)
                    file.write(json.dumps(message) + "\n")
        except OSError as error:
            raise TransientError(f"writing {self._messages}: {error.strerror or error}") from error
