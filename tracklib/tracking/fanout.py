"""`FanOutTracker`: one tracker over several."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tracklib.messages import Messages
from tracklib.model.scalars import describe_error
from tracklib.typing import Loggable, PathLike, Status, Step, TagsLike, Tracker

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FanOutTracker"]

_T = TypeVar("_T")


class FanOutTracker:
    """Passes every call to each of its trackers, in order; one that raises does not disturb the others.

    Each tracker gets a copy of its own of what could be changed: a sibling that alters its argument alters only that.

    Attributes:
        trackers: The trackers, in order.
        failures: For each tracker that raised, by its place, how often.
    """

    def __init__(self, *trackers: Tracker) -> None:
        self.trackers = trackers
        self.failures: dict[int, int] = {}
        self._messages = Messages()

    def _each(self, method: str, call: Callable[[Tracker], None]) -> None:
        for index, tracker in enumerate(self.trackers):
            try:
                call(tracker)
            except Exception as error:  # containment is this class's purpose
                self.failures[index] = self.failures.get(index, 0) + 1
                name = type(tracker).__name__
                text = f"{name}.{method} raised {describe_error(error)}; its siblings go on"
                self._messages.warn(text, once=f"{index}.{method}.{type(error).__name__}")

    def log(
        self, values: Mapping[str, Loggable], /, *, step: Step | None = None, timestamp: float | None = None
    ) -> None:
        """Record the values of metrics at one step."""
        self._each("log", lambda tracker: tracker.log(_own(values), step=step, timestamp=timestamp))

    def log_params(self, params: Mapping[str, object], /) -> None:
        """Record params."""
        self._each("log_params", lambda tracker: tracker.log_params(_copied(params)))

    def set_tags(self, tags: TagsLike, /) -> None:
        """Set tags."""
        fixed = _listed(tags)
        self._each("set_tags", lambda tracker: tracker.set_tags(_copied(fixed)))

    def log_artifact(
        self,
        path: PathLike,
        /,
        *,
        name: str | None = None,
        type: str = "file",
        aliases: Sequence[str] = (),
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Record a file or directory."""
        fixed = _listed(aliases)
        self._each(
            "log_artifact",
            lambda tracker: tracker.log_artifact(
                path, name=name, type=type, aliases=_copied(fixed), metadata=_copied(metadata)
            ),
        )

    def finish(self, *, status: Status | None = None, exit_code: int | None = None) -> None:
        """End the run in each."""
        self._each("finish", lambda tracker: tracker.finish(status=status, exit_code=exit_code))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        from tracklib.tracking.endings import ending_of

        ending = ending_of(error)
        self.finish(status=ending.status, exit_code=ending.exit_code)


def _own(values: Mapping[str, Loggable]) -> Mapping[str, Loggable]:
    """Return a copy of metrics; an array of one element can be changed too. Media are shared, for they are only read."""
    if type(values) is not dict:
        return _copied(values)
    return {key: value if type(value) in (float, int) else _own_value(value) for key, value in values.items()}


def _own_value(value: Any) -> Any:
    from tracklib.media.recognition import recognised

    if isinstance(value, (list, tuple)) and value and recognised(value[0]) is not None:
        return [recognised(item) or _copied(item) for item in value]
    return recognised(value) or _copied(value)


def _listed(value: _T) -> _T:
    """Turn an iterator into a list: it serves all trackers, not the first alone. Anything else stays as it is."""
    return cast("_T", list(value)) if isinstance(value, Iterator) else value


def _copied(value: _T) -> _T:
    """Copy deeply what can be copied deeply, such as a config, and plainly what cannot, such as one with a lock in it."""
    try:
        return copy.deepcopy(value)
    except Exception:  # whatever a value's own __deepcopy__ raises
        if isinstance(value, dict):
            return cast("_T", {key: _copied(item) for key, item in value.items()})
        if isinstance(value, list):
            return cast("_T", [_copied(item) for item in value])
        return value
