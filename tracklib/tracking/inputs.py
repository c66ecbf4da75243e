"""Inputs: the artifacts that a run uses, found again on this disk."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tracklib.errors import TracklibError, UsageError
from tracklib.journal.blobs import BlobStore
from tracklib.journal.layout import Root, RunFolder, private_folder
from tracklib.journal.reader import read_run
from tracklib.model.records import Artifact, Input
from tracklib.model.scalars import describe
from tracklib.tracking.references import is_address
from tracklib.typing import PathLike

if TYPE_CHECKING:
    from tracklib.tracking.recorder import Recorder

__all__ = ["UsedArtifact", "wanted"]

_RUNS = 1000
"""Runs that are searched for an artifact whose run is not named, the latest first."""


@dataclass(frozen=True, slots=True)
class _Made:
    """An artifact that a run on this disk made.

    Attributes:
        number: Which of that name in the run, from 1.
    """

    artifact: Artifact
    run: str
    number: int

    def answers(self, input: Input) -> bool:
        """Tell whether it is the one that is meant."""
        wanted = input.version
        words = (None, "latest", f"v{self.number}", *self.artifact.aliases)
        return input.type in (None, self.artifact.type) and wanted in words


def wanted(name: object, type: str | None, version: str | None, run: str | None) -> Input:
    """Return what the words of a call mean; a path or address is its own name, a bare word that of an artifact first."""
    text = name
    if isinstance(name, os.PathLike):
        text = os.fspath(name)
        text = text if _is_path(text) else os.path.join(os.curdir, text)
    if not isinstance(text, str):
        return Input(describe(text), type, version, run)
    if version is None and not is_address(text) and not os.path.exists(text):
        head, colon, tail = text.rpartition(":")
        if colon and head and tail:
            return Input(head, type, tail, run)
    return Input(text, type, version, run)


class UsedArtifact:
    """An artifact that a run uses.

    Attributes:
        input: What is recorded of it.
    """

    def __init__(self, root: Root, project: str, input: Input) -> None:
        self._root = root
        self._project = project
        self.input = input
        self._made: _Made | None = None

    def record(self, recorder: Recorder) -> None:
        """Record the use; where the artifact is found, with its type and the run that made it."""
        with contextlib.suppress(OSError, TracklibError):  # a damaged run hides no use
            self._made = self._find()
        if self._made is not None:
            made = self._made
            version = self.input.version or f"v{made.number}"
            self.input = replace(self.input, type=made.artifact.type, version=version, run=made.run)
        named = {"name": self.input.name, "type": self.input.type, "version": self.input.version}
        clean = {
            key: None if text is None else recorder.objections.clean_text(text, "input") for key, text in named.items()
        }
        recorder.write(Input(clean["name"] or "", clean["type"], clean["version"], self.input.run))

    def _is_place(self) -> bool:
        return is_address(self.input.name) or _is_path(self.input.name)

    def _local(self) -> Path | None:
        """Return the path that is meant, where it is one."""
        if self._made is None and not self._is_place():
            self._made = self._find()
        return Path(self.input.name) if self._made is None and os.path.exists(self.input.name) else None

    @property
    def path(self) -> Path:
        """A directory with its files, to be read and not to be written; or the very path that was given.

        Raises:
            UsageError: It is not on this disk.
            RejectedError: Its content was pruned.
        """
        return self._local() or _laid_out(self._root, self._found().artifact)

    def download(self, target: PathLike, /) -> Path:
        """Copy its files into a directory of your own, and return that; raises as `path` does."""
        if (local := self._local()) is not None:
            os.makedirs(target, exist_ok=True)
            copied = shutil.copytree if local.is_dir() else shutil.copy
            copied(local, Path(target, local.name))
            return Path(target)
        _lay_out(BlobStore(self._root), self._found().artifact, Path(target), shutil.copyfile)
        return Path(target)

    @property
    def artifact(self) -> Artifact:
        """Its record: files, references, metadata.

        Raises:
            UsageError: It is not on this disk.
        """
        return self._found().artifact

    def _found(self) -> _Made:
        self._made = self._made or self._find()
        if self._made is None:
            asked = self.input
            what = f"{asked.name!r}" + (f", version {asked.version!r}" if asked.version else "")
            where = f"run {asked.run!r}" if asked.run else f"the latest {_RUNS} runs of project {self._project!r}"
            raise UsageError(f"expected an artifact {what} in {where} of {self._root.path}, got none")
        return self._made

    def _find(self) -> _Made | None:
        if self._is_place():
            return None
        if self.input.run is not None:
            folders = self._root.find(self.input.run)
        else:
            folder = self._root.run(self._project, "x").path.parent
            mine = [run for run in self._root.runs() if run.path.parent == folder]
            folders = sorted(mine, key=_last_written, reverse=True)[:_RUNS]
        for run in folders:
            answers = [made for made in _made_by(run, self.input.name) if made.answers(self.input)]
            if answers:
                return answers[-1]
        return None


def _is_path(text: str) -> bool:
    """Tell whether a text is a path for certain: an artifact may have the name of a file that lies here."""
    return (os.sep in text or "/" in text) and os.path.exists(text)


def _last_written(folder: RunFolder) -> int:
    return max((segment.stat().st_mtime_ns for segment in folder.segments()), default=0)


def _made_by(folder: RunFolder, name: str) -> Iterator[_Made]:
    """Yield a run's artifacts of a name; a run without any is not parsed."""
    if not any(_mentions(segment) for segment in folder.segments()):
        return
    number = 0
    for record in read_run(folder):
        if isinstance(record.body, Artifact) and record.body.name == name:
            number += 1
            yield _Made(record.body, folder.names()[1], number)


def _mentions(segment: Path) -> bool:
    with contextlib.suppress(OSError), segment.open("rb") as file:
        return any(line.startswith(b'{"kind":"artifact"') for line in file)
    return False


def _laid_out(root: Root, artifact: Artifact) -> Path:
    """Return a directory with an artifact's files, made at its first use; the contents lie on the disk once."""
    import hashlib

    facts = repr(([(file.path, file.sha256) for file in artifact.files], artifact.folders))
    place = root.scratch / f"used-{hashlib.sha256(facts.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
    if place.is_dir():
        os.utime(place)  # prune spares what is used
        return place
    private_folder(root.scratch)
    making = root.scratch / f"using-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        _lay_out(BlobStore(root), artifact, making, _link)
        if not place.is_dir():
            making.rename(place)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return place


def _lay_out(blobs: BlobStore, artifact: Artifact, place: Path, put: object) -> None:
    assert callable(put)
    private_folder(place)
    for folder in artifact.folders:
        (place / folder).mkdir(parents=True, exist_ok=True)
    for file in artifact.files:
        target = place / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        put(blobs.open(file), target)


def _link(content: Path, target: Path) -> None:
    """Give a content another name that nobody writes to, or copy it where that cannot be."""
    try:
        os.link(content, target)
    except OSError:
        shutil.copyfile(content, target)
    target.chmod(0o400)
