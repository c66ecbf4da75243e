"""The current run: the one that ``tracklib.log`` and its siblings mean, by thread of control (context-local)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal

from tracklib.errors import RunStateError
from tracklib.typing import Loggable, PathLike, Status, Step, TagsLike

if TYPE_CHECKING:
    from tracklib.tracking.null import NullTracker
    from tracklib.tracking.run import Run

__all__ = ["current_run", "finish", "log", "log_artifact", "log_params", "set_current", "set_tags"]

_current: ContextVar[Run | NullTracker | None] = ContextVar("tracklib.run", default=None)
_last: list[Run | NullTracker] = []
"""The run begun last in this process: what a thread that was started without a context means."""


def set_current(run: Run | NullTracker | None) -> None:
    """Make a run the current one of this thread or task, and of those that know no other."""
    _current.set(run)
    _last[:] = [run] if run is not None else []


def current_run() -> Run | NullTracker:
    """Return the current run.

    Raises:
        RunStateError: There is none.
    """
    run = _current.get() or (_last[0] if _last else None)
    if run is None:
        raise RunStateError("expected a current run, but there is none; call tracklib.init(...) first")
    return run


def log(values: Mapping[str, Loggable], /, *, step: Step | None = None, timestamp: float | None = None) -> None:
    """Record the values of metrics in the current run; see `Run.log`."""
    current_run().log(values, step=step, timestamp=timestamp)


def log_params(params: Mapping[str, object], /) -> None:
    """Record params in the current run; see `Run.log_params`."""
    current_run().log_params(params)


def set_tags(tags: TagsLike, /) -> None:
    """Set tags of the current run; see `Run.set_tags`."""
    current_run().set_tags(tags)


def log_artifact(
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
    """Record a file or directory in the current run; see `Run.log_artifact`."""
    current_run().log_artifact(path, name=name, type=type, aliases=aliases, metadata=metadata, copy=copy, live=live)


def finish(*, status: Status | None = None, exit_code: int | None = None, wait: bool = False) -> None:
    """End the current run; see `Run.finish`."""
    current_run().finish(status=status, exit_code=exit_code, wait=wait)
    set_current(None)
