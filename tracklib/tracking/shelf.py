"""The shelf: where a run's artifacts are put, copied at once or set aside for the porter."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracklib.delivery import porter
from tracklib.delivery.active import mark
from tracklib.delivery.settled import settle
from tracklib.errors import BadValueError, ConfigError, TracklibError
from tracklib.journal.blobs import BlobStore
from tracklib.journal.flusher import flusher
from tracklib.journal.layout import Root
from tracklib.journal.staging import StagedFile, accept, is_pending, set_aside, stage_file, staged
from tracklib.model.records import Artifact
from tracklib.tracking import references
from tracklib.tracking.artifacts import Found, capture, find, name_of
from tracklib.tracking.endings import endings
from tracklib.tracking.progress_line import ProgressLine

if TYPE_CHECKING:
    from tracklib.tracking.options import RunOptions
    from tracklib.tracking.recorder import Recorder
    from tracklib.tracking.run import Run

__all__ = ["Shelf"]

_SMALL = 8 << 20
_FEW = 20
"""Bytes and files that are copied at the call: no more than some tens of milliseconds, and safe from then on."""

_POLL = 0.05
_to_await: dict[Path, Shelf] = {}
"""Runs of this process whose artifacts are waited for at its end."""


class Shelf:
    """Puts away a run's artifacts."""

    def __init__(self, run: Run, root: Root, blobs: BlobStore, recorder: Recorder, options: RunOptions) -> None:
        self._root = root
        self._folder = run.folder
        self._identity = {"run": run.id, "project": run.project, "reserve": options.reserve}
        self._blobs = blobs
        self._recorder = recorder
        self._options = options

    def log(self, path: object, given: Mapping[str, Any], *, copy: str, live: bool) -> None:
        """Record an artifact.

        Raises:
            BadValueError: It is none.
            NoRoomError: Less than the reserve would stay free.
            OSError: It cannot be read, or the disk is full.
        """
        if copy not in ("background", "now"):
            raise BadValueError(f"expected copy 'background' or 'now', got {copy!r}")
        if references.is_address(path):
            url = self._recorder.objections.clean_text(path, "address")
            artifact = self._artifact(references.name_at(url), given)
            self._recorder.write(replace(artifact, references=(references.to_address(url),)))
            return
        artifact = self._artifact(path, given)
        found = find(path, self._blobs.home)
        if live:
            refers = replace(artifact, folders=tuple(found.folders), references=references.to_files(found))
            self._recorder.write(refers)
        elif copy == "now" or self._is_small(found):
            self._recorder.write(capture(self._blobs, found, artifact))
        else:
            self._set_aside(found, artifact)
        self._recorder.left_out(artifact.name, found.left)

    def _artifact(self, path: object, given: Mapping[str, Any]) -> Artifact:
        clean, name, aliases = self._recorder.objections.clean_text, given["name"], given["aliases"]
        words = [aliases] if isinstance(aliases, str) else aliases
        return Artifact(
            self._recorder.prefix + name_of(path, None if name is None else clean(name, "artifact name")),
            clean(given["type"], "artifact type"),
            (),
            tuple(dict.fromkeys(clean(word, "alias") for word in words)),
            self._recorder.metadata(given["metadata"]),
        )

    def _is_small(self, found: Found) -> bool:
        """Tell whether to copy at once: it is soon done, and no artifact before it waits, which would come after it."""
        return found.size <= _SMALL and len(found.files) <= _FEW and not is_pending(self._folder)

    def _set_aside(self, found: Found, artifact: Artifact) -> None:
        with set_aside(self._folder) as place:
            files = self._stage(found, place)
            waiting = sum(item.remaining() for item in staged(self._folder))
            self._blobs.check_room(waiting + sum(file.size for file in files if file.how != "clone"))
            writer = self._recorder.writer
            with writer.lock:
                time = writer.segment.tick()  # the artifact's place among the run's records is that of the call
            whole = replace(artifact, folders=tuple(found.folders))
            mark(self._root, self._folder)
            accept(place, time=time, artifact=whole, files=files, **self._identity)
        self._begin()

    def _stage(self, found: Found, place: Path) -> list[StagedFile]:
        files: list[StagedFile] = []
        for file in found.files:
            try:
                files.append(stage_file(place, len(files), file.path, file.place))
            except (OSError, BadValueError) as error:
                if found.is_file:
                    raise
                found.left.append(f"{file.path}: {error}")
        if any(file.how == "path" for file in files):
            text = (
                f"{found.files[0].place} lies where no hard link to it can be made from {self._root.path}: do not change "
                "it until it is copied, or log it with copy='now'"
            )
            self._options.messages.warn(text, once="no hard links")
        return files

    def _begin(self) -> None:
        """See to it that the porter works, goes on working, and is waited for."""
        self._look_after()
        if self._folder.path not in _to_await:
            _to_await[self._folder.path] = self
            flusher.every(self._look_after)
            endings.before_last(_wait_for_all)

    def _look_after(self) -> None:
        try:
            porter.ensure(self._root)
        except (OSError, ConfigError) as error:
            text = f"artifacts cannot be copied in the background now: {error}. They are set aside; store them with: "
            self._options.messages.warn(f"{text}tracklib sync --dir {self._root.path}", once="no porter")

    def finished(self, *, wait: bool) -> None:
        """The run has ended: wait for its artifacts, where delivery does not wait for them anyhow."""
        if self._folder.path not in _to_await:
            return
        flusher.stop(self._look_after)
        if wait:
            self.at_last()
        with contextlib.suppress(OSError, TracklibError):  # then sync does it
            if not is_pending(self._folder):
                settle(self._root, self._folder)

    def wait(self) -> None:
        """Wait until everything is taken in, at most the finish timeout."""
        deadline = time.monotonic() + self._options.finish_timeout
        looked = 0.0
        with ProgressLine(quiet=self._options.messages.quiet) as line:
            while is_pending(self._folder) and time.monotonic() < deadline:
                if time.monotonic() - looked > 1:
                    looked = time.monotonic()
                    self._look_after()
                    line.show(lambda: f"storing artifacts: {self.left() / 1e6:,.0f} MB left")
                time.sleep(_POLL)
        if left := self.left():
            text = (
                f"artifacts: {left / 1e6:,.0f} MB are still being stored, by a process that goes on; where that ends "
            )
            self._options.messages.info(
                f"{text}with this one (a container, a batch job): tracklib sync stores the rest"
            )

    def left(self) -> int:
        """Return the bytes that are not taken in yet."""
        return sum(item.remaining() for item in staged(self._folder))

    def at_last(self) -> None:
        """The process ends: wait, where delivery does not."""
        try:
            if not self._options.delivers:
                self.wait()
        except KeyboardInterrupt:
            self._options.messages.info("not waiting; tracklib sync stores what a process that goes on does not")
        except Exception as error:  # promise 1: the end of tracking is not the end of training
            self._options.messages.warn(f"artifacts could not be watched: {type(error).__name__}: {error}")


def _wait_for_all() -> None:
    waited = list(_to_await.values())
    _to_await.clear()
    for shelf in waited:
        shelf.at_last()
