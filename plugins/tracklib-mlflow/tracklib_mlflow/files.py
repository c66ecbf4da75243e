"""`Files`: the artifacts of one run at MLflow, as files under paths.

MLflow's own `download_artifacts` swallows every exception and then says that the file does not exist; a server that is
down for a moment would look like lost data. So files are moved by the artifact repository itself, with one request each.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tracklib.errors import RejectedError, TransientError
from tracklib_mlflow import texts
from tracklib_mlflow.border import MissingError
from tracklib_mlflow.client import Client
from tracklib_mlflow.paths import TEXTS, ascii_path

__all__ = ["Files", "hashed", "place_copy"]

_CHUNK = 1 << 20
_SERVES_ANY_NAME = (3, 13)
"""The first MLflow whose server gives back files whose names are not ASCII; those before break the connection."""


class Files:
    """Reads and writes a run's artifacts.

    Args:
        uri: Where MLflow keeps them.
        scratch: A private directory for what is staged or fetched.
    """

    def __init__(self, client: Client, uri: str, scratch: Path) -> None:
        self._client = client
        self._uri = uri
        self._scratch = scratch
        self._texts: dict[str, str] = {}
        self._put: set[str] = set()
        self._opened: Any = None

    @property
    def _repository(self) -> Any:
        """Return MLflow's own way to the files: local, through its server, or an object store's."""
        if self._opened is None:
            find = importlib.import_module("mlflow.store.artifact.artifact_repository_registry").get_artifact_repository
            # MLflow 2 takes the server from MLFLOW_TRACKING_URI, which the surroundings set.
            takes_server = "tracking_uri" in inspect.signature(find).parameters
            self._opened = (
                find(self._uri, tracking_uri=self._client.settings.connection()) if takes_server else find(self._uri)
            )
        return self._opened

    def servable(self, place: str) -> str:
        """Return where a file is to lie so that its store can give it back: at an old server under a name in ASCII."""
        version = self._serving(place)
        return place if version is None or version >= _SERVES_ANY_NAME else ascii_path(place)

    def _serving(self, place: str) -> tuple[int, ...] | None:
        """Return the version of the server that is to give back a file whose name is not ASCII; else ``None``."""
        if place.rpartition("/")[2].isascii() or not self._uri.startswith(("mlflow-artifacts:", "http:", "https:")):
            return None
        return self._client.server_version()

    def put_files(self, sources: Mapping[str, Path], place: str, *, resume: bool = False) -> None:
        """Upload files below one place, each by a request of its own.

        Args:
            sources: For each path at MLflow, from the run's root, the local file.
            place: The folder that is above them all.
            resume: Whether these very files were on their way there before: then those that are there in their size
                already are not sent again. No store shows half a file under its name.
        """
        held = self._sizes(place) if resume else {}
        with self.staging() as staging:
            for stored, source in sources.items():
                if held.get(stored) == source.stat().st_size:
                    continue
                folder, _, name = stored.rpartition("/")
                place_copy(source, staging / name)
                with self._client.calling(f"uploading {stored}", patient=True):
                    self._repository.log_artifact(str(staging / name), folder or None)
                (staging / name).unlink()

    def _sizes(self, place: str) -> dict[str, int]:
        """Return the sizes of the files below a place, as far as MLflow lists them."""
        with self._client.calling(f"listing {place}", patient=True):
            items = list(self._repository.list_artifacts(place))
            sizes = {}
            while items:
                item = items.pop()
                if item.is_dir:
                    items += self._repository.list_artifacts(item.path)
                elif item.file_size is not None:
                    sizes[str(item.path)] = int(item.file_size)
        return sizes

    def put(self, place: str, write: Callable[[Path], object]) -> None:
        """Upload one file; ``write`` makes it at the local path that it is given."""
        folder, _, name = place.rpartition("/")
        with self.staging() as staging:
            write(staging / name)
            with self._client.calling(f"uploading {place}", patient=True):
                self._repository.log_artifact(str(staging / name), folder or None)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Give a new folder that is gone afterwards."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            yield Path(folder)

    def put_text(self, digest: str, text: str) -> None:
        """Upload a companion text, once."""
        if digest not in self._put:
            self.put(f"{TEXTS}/{digest}.txt", lambda path: path.write_bytes(texts.to_bytes(text)))
            self._put.add(digest)

    def text(self, digest: str) -> str | None:
        """Return a companion text; ``None`` where it is not there or not what its name says."""
        if digest not in self._texts:
            try:
                with self.fetched(f"{TEXTS}/{digest}.txt") as path:
                    content = path.read_bytes()
            except MissingError:
                return None
            if hashlib.sha256(content).hexdigest() != digest:
                return None
            self._texts[digest] = texts.from_bytes(content)
        return self._texts[digest]

    def walk(self, place: str = "") -> Iterator[str]:
        """Yield the paths of all files below a place."""
        for path, is_folder in self.top(place):
            if is_folder:
                yield from self.below(path)
            else:
                yield path

    def top(self, place: str = "") -> list[tuple[str, bool]]:
        """Return what lies directly at a place, and whether each is a folder."""
        with self._client.calling(f"listing {place or 'artifacts'}", patient=True):
            items = self._repository.list_artifacts(place or None)
        return [(str(item.path), bool(item.is_dir)) for item in items]

    def below(self, folder: str) -> Iterator[str]:
        """Yield the files of a folder that is known to be there.

        MLflow's client takes a folder whose only file has the folder's own name for a file, and lists nothing.
        """
        found = list(self.walk(folder))
        namesake = f"{folder}/{folder.rpartition('/')[2]}"
        yield from found if found or not self.has(namesake) else [namesake]

    def has(self, place: str) -> bool:
        """Tell whether there is a file at a place."""
        try:
            with self.fetched(place):
                return True
        except MissingError:
            return False

    @contextmanager
    def fetched(self, place: str) -> Iterator[Path]:
        """Give a local path with the content of a file.

        Raises:
            MissingError: MLflow has no such file.
        """
        with self.staging() as folder:
            path = self._fetch(place, folder / "content")
            if not path.is_file():
                raise MissingError(f"MLflow holds no file {place}")
            yield path

    def _fetch(self, place: str, target: Path) -> Path:
        problem = None
        try:
            with self._client.calling(f"downloading {place}", patient=True):
                return self._local(place) or self._downloaded(place, target)
        except TransientError as error:
            problem = error
        # Servers of MLflow 2 answer 500 for a file that is not there, as if they had failed: the listing tells.
        folder, _, name = place.rpartition("/")
        if name != folder.rpartition("/")[2] and (place, False) not in self.top(folder):
            raise MissingError(f"MLflow holds no file {place}")
        if () < (self._serving(place) or ()) < _SERVES_ANY_NAME:
            raise MissingError(f"MLflow's server cannot send {place}, whose name is not ASCII; 3.13 and newer can")
        raise problem

    def _local(self, place: str) -> Path | None:
        """Return where a file lies, if that is a folder of this machine: then nothing need be copied."""
        root = getattr(self._repository, "artifact_dir", None)
        return Path(root, *place.split("/")) if isinstance(root, str) else None

    def _downloaded(self, place: str, target: Path) -> Path:
        self._repository._download_file(place, str(target))  # noqa: SLF001  what every repository has to implement
        return target


def hashed(path: Path) -> tuple[int, str]:
    """Return a file's size and SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            digest.update(block)
    return path.stat().st_size, digest.hexdigest()


def place_copy(source: Path, target: Path) -> None:
    """Put a file at a path under another name: a hard link where the file system has them, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not source.is_file():
        raise RejectedError(f"the content of {target.name} is no longer at {source}")
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)
