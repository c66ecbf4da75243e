"""`ZipView`: an offline experiment, of tracklib's or of the SDK's own, as it is read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Protocol

from tracklib.errors import RejectedError
from tracklib_comet.archive import Archive
from tracklib_comet.experiment import Asset, Held
from tracklib_comet.wire import as_metadata, as_step

__all__ = ["DETAILS", "LostView", "Messages", "ZipView"]

DETAILS = {
    "command": "command",
    "env": "env",
    "hostname": "hostname",
    "ip": "ip",
    "machine": "machine",
    "os": "os",
    "os_release": "osRelease",
    "os_type": "osType",
    "pid": "pid",
    "processor": "processor",
    "python_exe": "executable",
    "python_version": "pythonVersion",
    "python_version_verbose": "pythonVersionVerbose",
    "user": "user",
}
"""The SDK's message of the system's details, by the names of Comet's interface."""


class Messages(Protocol):
    """Where a view reads from: a zip, or one that is still being written."""

    @property
    def path(self) -> Path:
        """The zip."""
        ...

    @property
    def experiment(self) -> Mapping[str, Any]:
        """What ``experiment.json`` says."""
        ...

    def messages(self, damaged: list[str], /) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the type and payload of each message; what is none is noted in ``damaged``."""
        ...

    def opened(self, name: str, /) -> IO[bytes] | None:
        """Open a file; ``None`` where there is none."""
        ...


class ZipView:
    """Reads a zip, of tracklib's or of the SDK's own."""

    is_service = False

    def __init__(self, archive: Messages) -> None:
        self._archive = archive
        self.path = archive.path
        self.damaged: list[str] = []
        self.key = str(archive.experiment.get("offline_id") or archive.path.stem)

    def discard(self) -> str:
        """Remove the zip; nothing of it stays."""
        if isinstance(self._archive, Archive):
            self._archive.close()  # Windows removes no file that is open
        self.path.unlink(missing_ok=True)
        return ""

    def metadata(self) -> Mapping[str, Any]:
        """Return what the zip says of it, by the names of Comet's interface."""
        told = self._archive.experiment
        return {
            "experimentKey": self.key,
            "experimentName": self.others().get("Name"),
            "projectName": told.get("project_name"),
            "workspaceName": told.get("workspace"),
            "running": False,
            "hasCrashed": bool(told.get("customer_error_reported")),
            "error": told.get("customer_error_message"),
            "startTimeMillis": told.get("start_time"),
            "endTimeMillis": told.get("stop_time"),
        }

    def url(self) -> str | None:
        """No page shows it."""
        return None

    @cached_property
    def _told(self) -> dict[str, list[Mapping[str, Any]]]:
        """Return the messages but for points, by their type."""
        found: dict[str, list[Mapping[str, Any]]] = {}
        for kind, payload in self._archive.messages(self.damaged):
            if kind != "metric_msg" and "metric" not in payload:
                found.setdefault(kind, []).append(payload)
        return found

    def others(self) -> Mapping[str, str]:
        """Return the values that Comet calls others."""
        return {str(told.get("key")): _text(told.get("value")) for told in self._told.get("log_other", [])}

    def params(self) -> Mapping[str, str]:
        """Return the params; the last value of a name stands."""
        found: dict[str, str] = {}
        for told in self._told.get("parameter_msg", []):
            param = told.get("param") or told.get("params")
            if isinstance(param, Mapping):
                found[str(param.get("paramName"))] = _text(param.get("paramValue"))
        return found

    def tags(self) -> Sequence[str]:
        """Return the tags."""
        tags = self._archive.experiment.get("tags")
        return [str(tag) for tag in tags] if isinstance(tags, list) else []

    def points(self) -> Iterator[tuple[str, list[Held], bool]]:
        """Yield each metric's name and points: all of them."""
        series: dict[str, list[Held]] = {}
        for kind, payload in self._archive.messages([]):  # what is none was noted when the others were read
            metric = payload.get("metric")
            if kind not in ("metric_msg", "ws_msg") or not isinstance(metric, Mapping):
                continue
            context, name = payload.get("context"), str(metric.get("metricName"))
            step, epoch = as_step(metric.get("step")), as_step(metric.get("epoch"))
            held = Held(step, _text(metric.get("metricValue")), _int(payload.get("local_timestamp")), epoch)
            series.setdefault(f"{context}_{name}" if context else name, []).append(held)
        yield from ((name, held, False) for name, held in series.items())

    def output(self) -> str:
        """Return the output."""
        return "".join(str(told.get("output") or "") for told in self._told.get("standard_output", []))

    def html(self) -> str:
        """Return the page of the tab that is called HTML."""
        found = "".join(str(told.get("html") or "") for told in self._told.get("html", []))
        overriding = self._told.get("htmlOverride", [])
        return str(overriding[-1].get("htmlOverride") or "") if overriding else found

    def details(self) -> Mapping[str, Any]:
        """Return what is known of the machine."""
        found: dict[str, Any] = {}
        for told in self._told.get("system_details", []):
            found |= {own: told[name] for name, own in DETAILS.items() if told.get(name) not in (None, "", [])}
        for kind, name, own in (
            ("installed_packages", "installed_packages", "installedPackages"),
            ("os_packages", "os_packages", "osPackages"),
            ("gpu_static_info", "gpu_static_info", "gpuStaticInfoList"),
        ):
            for told in self._told.get(kind, []):
                found[own] = told.get(name)
        return found

    def assets(self) -> Sequence[Asset]:
        """Return the files."""
        found: dict[str, Asset] = {}
        for number, told in enumerate(self._told.get("file_upload", [])):
            asset = self._asset(told, number)
            found[asset.id] = asset
        for number, told in enumerate(self._told.get("remote_file", [])):
            asset = self._asset(told, number)
            found[asset.id] = asset
        return list(found.values())

    def _asset(self, told: Mapping[str, Any], number: int) -> Asset:
        params: Mapping[str, Any] = told.get("additional_params") or {}
        path = str(told.get("file_path") or "")
        step = as_step(params.get("step"))
        return Asset(
            id=path or f"remote-{number}",
            name=str(params.get("fileName") or params.get("figName") or path),
            kind=str(params.get("type") or told.get("upload_type") or "asset"),
            step=int(step) if step is not None else None,
            metadata=as_metadata(told.get("metadata")),
            link=str(told["remote_uri"]) if told.get("remote_uri") else None,
            time=_int(told.get("local_timestamp")),
            context=params.get("context"),
        )

    def artifacts(self) -> Iterator[tuple[Mapping[str, Any], Sequence[Asset]]]:
        """Comet's SDK makes no artifacts offline."""
        yield from ()

    def artifact_assets(self, place: Mapping[str, Any]) -> Sequence[Asset]:
        """Comet's SDK makes no artifacts offline."""
        del place
        return []

    def opened(self, asset: Asset) -> IO[bytes] | None:
        """Open the content of a file; ``None`` where it is gone."""
        try:
            return self._archive.opened(asset.id)
        except (zipfile.BadZipFile, RuntimeError, OSError, NotImplementedError) as error:
            raise RejectedError(f"{self._archive.path}: {asset.name} cannot be read: {error}") from error


class LostView(ZipView):
    """Reads what the SDK left of a run whose process was killed: that it was there, and is lost.

    Args:
        path: The empty zip.
        reason: What to say of it.
    """

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        when = int(path.stat().st_mtime * 1000)
        self.damaged = [reason]
        self.key = path.stem.partition("-")[0]
        self._told = {}
        self._lost = {"experimentKey": self.key, "hasCrashed": True, "error": reason, "running": False}
        self._lost |= {"startTimeMillis": when, "endTimeMillis": when}

    def discard(self) -> str:
        """Remove the empty zip."""
        self.path.unlink(missing_ok=True)
        return ""

    def metadata(self) -> Mapping[str, Any]:
        """Return all that is known."""
        return self._lost

    def tags(self) -> Sequence[str]:
        """No tag is known."""
        return []

    def points(self) -> Iterator[tuple[str, list[Held], bool]]:
        """No point is known."""
        yield from ()

    def opened(self, asset: Asset) -> IO[bytes] | None:
        """No file is known."""
        del asset
        return None


def _text(value: Any) -> str:
    """Return a value as Comet's service would give it: a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else value if isinstance(value, str) else json.dumps(value)


def _int(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and value - value == 0 else 0
