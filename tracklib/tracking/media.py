"""Media of one ``log()`` call: from values to files among the blobs, and what a record says of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from tracklib.errors import BadValueError
from tracklib.media.recognition import recognised
from tracklib.media.values import MediaValue, RenderContext
from tracklib.model.records import FileRef, Media
from tracklib.model.scalars import describe_error
from tracklib.model.trees import tree
from tracklib.typing import JSON, Step

if TYPE_CHECKING:
    from tracklib.journal.blobs import BlobStore

__all__ = ["Captured", "Logged", "MediaKeeper", "media_in"]

Clean: TypeAlias = Callable[[Mapping[str, JSON], str], dict[str, JSON]]

_DIGITS = re.compile(r"[0-9][0-9.,e+-]*")


class TellChange(Protocol):
    """Says of a place what was changed there."""

    def __call__(self, place: str, problem: str, *, once: str | None = None) -> None:
        """Say it, with ``once`` a single time for that key."""
        ...


@dataclass(frozen=True, slots=True)
class Logged:
    """A value of media with where it was logged.

    Attributes:
        index: Its place in the list that was logged; ``None`` where it was no list.
        value: ``None`` where an item of a list is no media.
    """

    key: str
    index: int | None
    value: MediaValue | None

    @property
    def place(self) -> str:
        """Return how messages call it: ``media 'sample'`` or ``media 'sample'[2]``."""
        return f"media {self.key!r}" + ("" if self.index is None else f"[{self.index}]")


@dataclass(frozen=True, slots=True)
class Captured:
    """Media whose files are kept, and which lack but the moment."""

    logged: Logged
    media_type: str
    file: FileRef
    attachments: tuple[FileRef, ...]
    metadata: dict[str, JSON]

    def record(self, step: Step, timestamp: int | None) -> Media:
        """Return the record's body."""
        logged = self.logged
        return Media(
            logged.key, step, self.media_type, self.file, self.metadata, logged.index, self.attachments, timestamp
        )


def media_in(key: str, value: object) -> list[Logged]:
    """Return what is media under a key: one value, or each of a list whose first item is media; else nothing."""
    if isinstance(value, (list, tuple)):
        return list(_items(key, value)) if value and recognised(value[0]) is not None else []
    medium = recognised(value)
    return [] if medium is None else [Logged(key, None, medium)]


def _items(key: str, values: list[object] | tuple[object, ...]) -> Iterator[Logged]:
    return (Logged(key, index, recognised(value)) for index, value in enumerate(values))


class MediaKeeper:
    """Keeps the files of media, without secrets.

    Args:
        clean: Takes a tree and what it belongs to; returns it without secrets.
        tell_change: Takes a place, what was changed there, and a key under which that is said once.
        strict: Whether a change counts as a problem.
    """

    def __init__(self, blobs: BlobStore, clean: Clean, tell_change: TellChange, *, strict: bool) -> None:
        self._blobs = blobs
        self._clean = clean
        self._tell_change = tell_change
        self._strict = strict

    def keep(self, media: Iterable[Logged], problems: list[str]) -> list[Captured]:
        """Return media with their files kept; one that cannot be is a problem, and costs no other."""
        captured = []
        for logged in media:
            try:
                captured.append(self._capture(logged, problems))
            except Exception as error:  # the code of a figure, an array or a file system may raise anything
                text = str(error) if isinstance(error, BadValueError) else describe_error(error)
                problems.append(f"{logged.place}: {text}")
        return captured

    def _capture(self, logged: Logged, problems: list[str]) -> Captured:
        value = logged.value
        if value is None:
            raise BadValueError("expected media, as the first of the list is, got something else")
        rendered = value.render(self._context(logged, problems))
        metadata = self._clean(tree(rendered.metadata, self._tell_change), logged.place)
        attachments = tuple(self._file(item.content, item.path) for item in rendered.attachments)
        file = self._file(rendered.content, f"{value.media_type}.{rendered.suffix}")
        return Captured(logged, value.media_type, file, attachments, metadata)

    def _file(self, content: bytes | Path, path: str) -> FileRef:
        return self._blobs.add_bytes(content, path) if isinstance(content, bytes) else self._blobs.add(content, path)

    def _context(self, logged: Logged, problems: list[str]) -> RenderContext:
        place = logged.place

        def clean(name: str, value: JSON) -> JSON:
            (found,) = self._clean({name or logged.key: value}, place).values()
            return found

        def tell(problem: str) -> None:
            if self._strict:
                problems.append(f"{place}: {problem}")
            else:  # with other numbers at each step of a loop, it is the same fault: it is told once
                self._tell_change(place, problem, once=_DIGITS.sub("", f"{place} {problem}"))

        return RenderContext(clean, tell)
