"""`Run`: the tracker over a journal."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from tracklib.errors import BadValueError
from tracklib.journal.blobs import BlobStore
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.writer import SegmentWriter
from tracklib.model.records import RunStart
from tracklib.model.scalars import describe, describe_error
from tracklib.tracking.endings import Ending, ending_of, endings, exit_number
from tracklib.tracking.options import RunOptions
from tracklib.tracking.recorder import Recorder
from tracklib.tracking.steps import next_step
from tracklib.tracking.summary import RunSummary
from tracklib.typing import JSON, Loggable, PathLike, Status, Step, TagsLike

if TYPE_CHECKING:
    from typing_extensions import Self

    from tracklib.tracking.inputs import UsedArtifact
    from tracklib.tracking.null import NullTracker
    from tracklib.tracking.shelf import Shelf

__all__ = ["Run"]

_FINAL = ("finished", "failed", "killed", "crashed")
_DEVICE_PATIENCE = 10.0
"""Seconds that the run's end waits for values that are still on a device."""


class Run:
    """A run that is being recorded, as `tracklib.init` returns it.

    Every method returns once the record stands in the journal on this machine's disk; none waits for a vendor, and
    none raises for a fault of disk, network or vendor. A value that cannot be recorded is refused by name, with a
    warning, and the rest of the call is kept; ``strict=True`` makes that a `BadValueError`.

    Attributes:
        id: The run's id, the same on every backend.
        attempt: 1, or one more at each resume.
        summary: Values that stand for the whole run: ``run.summary["best"] = 0.93``.
    """

    def __init__(self, root: Root, folder: RunFolder, run_id: str, start: RunStart, options: RunOptions) -> None:
        self.id = run_id
        self.project = start.project
        self.name = start.name
        self.attempt = start.attempt
        self.folder = folder
        self._options = options
        self._root = root
        self._blobs = BlobStore(root, options.reserve)
        self._kept_shelf: Shelf | None = None
        self._pid = os.getpid()
        after = _latest_time(folder) if start.attempt > 1 else 0
        writer = SegmentWriter(folder, run_id, start.project, after=after, warn=options.messages.warn)
        self._recorder = Recorder(writer, self._blobs, options.redactor, options.messages, strict=options.strict)
        self._recorder.prefix = options.prefix
        self._recorder.begin(None if start.attempt == 1 else lambda: next_step(folder, options.prefix))
        self._recorder.write(start)
        if options.params is not None:
            params = options.params
            self._recorder.guarded("init", lambda: self._recorder.hold_params(params))
        self.summary = RunSummary(self._record_summary)
        _open_runs.add(self)

    # -- the five methods of Tracker

    def log(
        self, values: Mapping[str, Loggable], /, *, step: Step | None = None, timestamp: float | None = None
    ) -> None:
        """Record the values of metrics, and media, at one step.

        Args:
            values: By name: a number, or media. NaN and infinities are values; numbers of numpy, torch and other
                frameworks are widened exactly. One on a GPU is copied there as it is now and fetched in the
                background, so that this waits for no device. Media are `tracklib.Image`, `tracklib.Table`, ... and
                lists of them, recorded as they are now; images of Pillow, figures and data frames may be passed as
                they are.
            step: Any int or finite float, in any order, repeated or negative; one more than the highest so far where
                omitted.
            timestamp: Seconds since 1970-01-01 UTC; now where omitted.
        """
        recorder = self._recorder
        if timestamp is None and type(values) is dict and recorder.plain and (step is None or type(step) is int):
            # The common case costs little more than the JSON and the write(2); all else takes the careful way.
            values = values.copy()  # another thread may change the mapping between a look at it and the writing
            for value in values.values():
                kind = type(value)
                if (kind is not float or value - value != 0.0) and kind is not int:
                    break
            else:
                if values and "" not in values and recorder.log_plain(values, step):
                    return
        recorder.guarded("log", lambda: recorder.metrics(values, step, timestamp))

    def log_params(self, params: Mapping[str, object], /) -> None:
        """Record params; dicts may nest. A param recorded again takes its new value, and the old one stays on record."""
        self._recorder.guarded("log_params", lambda: self._recorder.log_params(params))

    def set_tags(self, tags: TagsLike, /) -> None:
        """Set tags: ``["dev"]`` or ``{"team": "vision"}``; a value of ``None`` removes one."""
        self._recorder.guarded("set_tags", lambda: self._recorder.tags(tags))

    def log_artifact(
        self,
        path: PathLike,
        /,
        *,
        name: str | None = None,
        type: str = "file",
        aliases: Sequence[str] = (),
        metadata: Mapping[str, object] | None = None,
        copy: Literal["background", "now"] = "background",
        live: bool = False,
    ) -> None:
        """Record a file, a directory with all its files, or an address such as ``s3://bucket/weights.pt``.

        What is small is copied at once. What is large is set aside (a clone, or a hard link where the file system has
        no clones) and copied and hashed by another process, while training goes on. A file that is overwritten in
        place meanwhile is told; one that is deleted, or replaced by renaming, does no harm.

        Args:
            path: The file or directory; links that lead out of a directory are left out and named in a warning. What
                lies at an address is not fetched.
            name: The artifact's name; the path's last part where omitted.
            type: What it is: ``"model"``, ``"dataset"``, or any word of yours.
            aliases: Names for this version, such as ``"best"``.
            metadata: A JSON tree.
            copy: ``"now"`` returns when everything is copied.
            live: Only refer to the files where they lie, and copy nothing.
        """
        given = {"name": name, "type": type, "aliases": aliases, "metadata": metadata}
        self._recorder.guarded("log_artifact", lambda: self._shelf.log(path, given, copy=copy, live=live))

    def use_artifact(
        self,
        name: PathLike,
        /,
        *,
        type: str | None = None,
        version: str | None = None,
        run: str | Run | NullTracker | None = None,
    ) -> UsedArtifact:
        """Record that the run uses an artifact, and return it: ``run.use_artifact("digits:best").path``.

        Args:
            name: Its name, with ``:`` and a version or not; or a path or an address.
            type: What it is; any where omitted.
            version: An alias, ``"latest"``, or ``"v2"`` for the second of that name in its run; the latest where omitted.
            run: The run that made it, or its id; where omitted it is looked for in this project's latest thousand runs
                on this disk.
        """
        from tracklib.tracking.inputs import UsedArtifact, wanted

        made_by = run if run is None or isinstance(run, str) else getattr(run, "id", None)
        used = UsedArtifact(self._root, self.project, wanted(name, type, version, made_by or None))
        self._recorder.guarded("use_artifact", lambda: used.record(self._recorder))
        return used

    @property
    def _shelf(self) -> Shelf:
        if self._kept_shelf is None:
            from tracklib.tracking.shelf import Shelf

            self._kept_shelf = Shelf(self, self._root, self._blobs, self._recorder, self._options)
        return self._kept_shelf

    def finish(self, *, status: Status | None = None, exit_code: int | None = None, wait: bool = False) -> None:
        """End the run; calling it again does nothing.

        Args:
            status: ``"finished"`` where omitted.
            exit_code: The process's, where it is known.
            wait: Return only when every backend has everything, or ``TRACKLIB_FINISH_TIMEOUT`` is over.
        """
        code = exit_number(exit_code)
        given: object = status
        is_final = given is None or (isinstance(given, str) and given in _FINAL)
        if not is_final or (code is None and exit_code is not None):
            got = f"status={describe(status)}, exit_code={describe(exit_code)}"
            text = f"expected a status of {', '.join(map(repr, _FINAL))} and an integer as exit code, got {got}"
            self._recorder.complain("finish", text)
            status = status if is_final else "failed" if code else "finished"
        self.end(Ending(status or "finished", code), wait=wait)

    # -- beyond Tracker

    def set_notes(self, text: str, /) -> None:
        """Set the run's description."""
        recorder = self._recorder
        recorder.guarded("set_notes", lambda: recorder.notes(text))

    def define_metric(self, key: str, /, *, summary: str | Iterable[str] = ("last",), goal: str = "minimize") -> None:
        """Ask for summary values of a metric, which are recorded as ``<key>.<aggregate>`` when the run ends.

        Args:
            key: The metric's name.
            summary: Any of ``"last"``, ``"min"``, ``"max"``, ``"mean"``, ``"best"``.
            goal: ``"minimize"`` or ``"maximize"``: what ``"best"`` means.
        """

        def define() -> None:
            if goal not in ("minimize", "maximize"):
                raise BadValueError(f"expected goal 'minimize' or 'maximize', got {goal!r}")
            from tracklib.journal.reader import read_run

            wanted = (summary,) if isinstance(summary, str) else summary
            self._recorder.define_metric(
                key, wanted, maximize=goal == "maximize", earlier=lambda: read_run(self.folder)
            )

        self._recorder.guarded("define_metric", define)

    @property
    def config(self) -> dict[str, JSON]:
        """The params so far, as a tree."""
        return dict(self._recorder.params)

    @property
    def url(self) -> dict[str, str]:
        """The run's address at each backend that has told one."""
        return self._options.urls()

    def native(self, backend: str, /, *, timeout: float = 30.0) -> Any:
        """Return a vendor's own object for this run, where ``TRACKLIB_DELIVERY=inline`` delivers it from this process.

        Where it does not (the backend is off, or a relay delivers), a harmless object that takes everything and does
        nothing; a warning says once why. What is done through the vendor's object is in no journal.

        Args:
            backend: As it is named in the configuration: ``"mlflow"``.
            timeout: Seconds to wait, at most, until the run is open at the vendor.
        """
        if self._options.native is None:
            from tracklib.tracking.native import null_native

            return null_native(backend, "the run goes to no backend", self._options.messages)
        return self._options.native(backend, timeout)

    @property
    def path(self) -> Path:
        """The run's folder on this disk."""
        return self.folder.path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(ending_of(error))

    @property
    def is_open(self) -> bool:
        """Whether the run takes records, in this process."""
        return self._recorder.open and os.getpid() == self._pid

    @property
    def place(self) -> tuple[str, int]:
        """How far this process's part of the journal has come: its writer, and the number of the last record."""
        return self._recorder.writer.writer, self._recorder.writer.seq

    def _repr_html_(self) -> str:
        from tracklib.tracking.notebook import card

        state = "open" if self.is_open else "ended"
        facts = {"project": self.project, "id": self.id, "attempt": str(self.attempt), "state": state}
        return card(self.name, facts, self.url)

    def __repr__(self) -> str:
        return f"<tracklib.Run {self.project}/{self.id} {self.name!r}>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self  # a trainer that is copied with its tracker goes on in the same run

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"a run cannot be pickled; continue it where it is needed: tracklib.init({self.project!r}, id={self.id!r})"
        )

    def _record_summary(self, key: str, value: object) -> None:
        self._recorder.guarded("summary", lambda: self._recorder.summary(key, value))

    def end(self, ending: Ending, *, wait: bool = False) -> None:
        """End the run in a given way; `finish` is for people."""
        recorder = self._recorder
        if os.getpid() != self._pid:
            return
        recorder.settle(_DEVICE_PATIENCE)
        with recorder.writer.lock:  # of two threads, or a thread and a signal's handler, one ends the run
            if recorder.writer.closed:
                return
            recorder.open = recorder.plain = False
            try:
                recorder.end(ending)
            except Exception as error:  # promise 1, to the very end
                text = f"the end of run {self.id} could not be recorded: {describe_error(error)}"
                self._options.messages.warn(text)
        endings.forget(self)
        _open_runs.discard(self)
        try:
            if self._kept_shelf is not None:
                self._kept_shelf.finished(wait=wait)
            self._options.on_finish(wait)
        except Exception as error:  # the run has ended, whatever becomes of what it leaves to do
            self._options.messages.warn(f"the end of run {self.id} could not be seen to: {describe_error(error)}")


def _latest_time(folder: RunFolder) -> int:
    """Return what an attempt's records must be later than, on whatever machine: its end would not be the run's else."""
    from tracklib.journal.recovery import latest_time  # which a new run need not load

    return latest_time(folder)


_open_runs: weakref.WeakSet[Run] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for run in list(_open_runs):
        run._recorder.after_fork()  # noqa: SLF001  the same module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
