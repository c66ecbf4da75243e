"""`MemoryTracker`: a tracker that keeps everything in lists, for tests of training code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING

from tracklib.errors import BadValueError
from tracklib.model.scalars import describe, number, step_number
from tracklib.model.trees import merge, tree
from tracklib.tracking.endings import ending_of
from tracklib.tracking.tags import tag_values
from tracklib.typing import JSON, Loggable, Number, PathLike, Status, Step, TagsLike

if TYPE_CHECKING:
    from typing_extensions import Self

    from tracklib.media.values import Rendered
    from tracklib.tracking.media import Logged

__all__ = ["LoggedArtifact", "LoggedMedia", "MemoryTracker", "Point"]


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one metric."""

    key: str
    step: Step
    value: Number
    timestamp: float | None = None


@dataclass(frozen=True, slots=True)
class LoggedMedia:
    """One picture, table, ..., as it was when it was logged.

    Attributes:
        index: Its place in the list that was logged; ``None`` where it was no list.
        rendered: Its content, metadata and attachments.
    """

    key: str
    step: Step
    media_type: str
    index: int | None
    rendered: Rendered
    timestamp: float | None = None


@dataclass(frozen=True, slots=True)
class LoggedArtifact:
    """What `MemoryTracker.log_artifact` was called with; the file itself is not read."""

    path: str
    name: str | None
    type: str
    aliases: tuple[str, ...]
    metadata: dict[str, JSON]


@dataclass
class MemoryTracker:
    """Keeps what it is told; opens no file and no socket, and raises at once for a bad value.

    Attributes:
        points: Every value of every metric, in order.
        media: Everything else that was logged at a step, in order.
        params: The tree of params, later values winning.
        status: ``None`` until `finish`.
    """

    points: list[Point] = field(default_factory=list)
    media: list[LoggedMedia] = field(default_factory=list)
    params: dict[str, JSON] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    artifacts: list[LoggedArtifact] = field(default_factory=list)
    status: Status | None = None
    exit_code: int | None = None
    _next: int = 0

    def values(self, key: str) -> list[Number]:
        """Return the values of a metric, in order."""
        return [point.value for point in self.points if point.key == key]

    def log(
        self, values: Mapping[str, Loggable], /, *, step: Step | None = None, timestamp: float | None = None
    ) -> None:
        """Keep the values of metrics, and media, at one step."""
        if "" in values or not all(isinstance(key, str) for key in values):
            raise BadValueError(f"expected metrics' names, texts that are not empty, got {describe(list(values))}")
        at = self._next if step is None else step_number(step)
        found = {key: _media_in(key, value) for key, value in values.items()}
        points = [Point(key, at, number(value), timestamp) for key, value in values.items() if not found[key]]
        media = [_rendered(logged, at, timestamp) for items in found.values() for logged in items]
        if points or media:
            self.points += points
            self.media += media
            self._next = max(self._next, int(at // 1) + 1)

    def log_params(self, params: Mapping[str, object], /) -> None:
        """Keep params."""
        self.params = merge(self.params, tree(params))

    def set_tags(self, tags: TagsLike, /) -> None:
        """Keep tags."""
        for key, value in tag_values(tags).items():
            if value is None:
                self.tags.pop(key, None)
            else:
                self.tags[key] = value

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
        """Keep the call."""
        self.artifacts.append(LoggedArtifact(str(path), name, type, tuple(aliases), tree(metadata or {})))

    def finish(self, *, status: Status | None = None, exit_code: int | None = None) -> None:
        """Keep the first status that is given."""
        if self.status is None:
            self.status, self.exit_code = status or "finished", exit_code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ending = ending_of(error)
        self.finish(status=ending.status, exit_code=ending.exit_code)


def _media_in(key: str, value: object) -> list[Logged]:
    if isinstance(value, (int, float)):
        return []
    from tracklib.tracking.media import media_in

    return media_in(key, value)


def _rendered(logged: Logged, step: Step, timestamp: float | None) -> LoggedMedia:
    if logged.value is None:
        raise BadValueError(f"{logged.place}: expected media, as the first of the list is, got something else")
    return LoggedMedia(logged.key, step, logged.value.media_type, logged.index, logged.value.render(), timestamp)
