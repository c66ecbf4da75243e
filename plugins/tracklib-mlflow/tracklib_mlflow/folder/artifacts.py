"""`Artifacts`: where the artifacts of a run or a model lie now, whatever place their URI named when MLflow wrote it."""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit

from tracklib_mlflow.folder.disk import Disk
from tracklib_mlflow.folder.files import FolderFiles
from tracklib_mlflow.folder.run import ARTIFACTS

__all__ = ["Artifacts"]

_SERVED = "mlartifacts"
"""Where ``mlflow server`` keeps artifacts by itself: beside ``mlruns``."""


class Artifacts:
    """Finds artifacts in the folder itself, or beside it where a server kept them."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        served = os.path.join(os.path.dirname(disk.root), _SERVED)
        self._served = Disk(served) if os.path.isdir(served) else None

    def of(self, folder: str, uri: str, problems: list[str]) -> FolderFiles:
        """Return the artifacts of the run or model that lies in a folder.

        Args:
            problems: Takes in what stands there and is left, and where artifacts are that lie elsewhere.
        """
        own = f"{folder}/{ARTIFACTS}"
        if not self._disk.entries(own, lambda _: None):
            parts = urlsplit(uri.replace("\\", "/"))
            place = unquote(parts.path).strip("/")
            if parts.scheme == "mlflow-artifacts" and self._served is not None and ".." not in place.split("/"):
                return FolderFiles(self._served, f"{self._served.root}/{place}", problems.append)
            if uri and not self._was_here(folder, parts.scheme, place):
                told = f"its artifacts lie at {uri}, outside of the folder, and are not read"
                problems += [told] if told not in problems else []
        return FolderFiles(self._disk, own, problems.append)

    def _was_here(self, folder: str, scheme: str, place: str) -> bool:
        """Tell whether a place is that of a folder's own artifacts, on this machine or another."""
        is_local = scheme in ("", "file") or len(scheme) == 1  # a drive of Windows
        inner = [part for part in self._disk.name(folder).split("/") if part != ".trash"]
        return is_local and place.split("/")[-len(inner) - 1 :] == [*inner, ARTIFACTS]
