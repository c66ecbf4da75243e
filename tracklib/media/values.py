"""`MediaValue`: what every picture, sound, table, ... is, and what becomes of one when it is logged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tracklib.typing import JSON

__all__ = ["Attachment", "MediaValue", "RenderContext", "Rendered"]


def _keep(_: str, value: JSON) -> JSON:
    return value


def _ignore(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What a value is rendered with.

    Attributes:
        clean: Takes a name, empty for the value's own, and what stands under it; returns that without secrets.
        tell: Is told of what could not be kept as it was; the value is recorded all the same.
    """

    clean: Callable[[str, JSON], JSON] = _keep
    tell: Callable[[str], None] = _ignore


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that belongs to another one, such as the mask of an image."""

    path: str
    content: bytes | Path


@dataclass(frozen=True, slots=True)
class Rendered:
    """A value as it is recorded.

    Attributes:
        content: The file's bytes, or a file that holds them.
        suffix: The ending of the file's name, without a dot.
        metadata: As ``docs/format.md`` says for the type.
    """

    content: bytes | Path
    suffix: str
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()

    def read(self) -> bytes:
        """Return the file's bytes."""
        return self.content if isinstance(self.content, bytes) else self.content.read_bytes()


class MediaValue(ABC):
    """A value that is recorded as a file.

    Making one never raises: what it is made of is looked at when it is logged, and refused then, by name.

    Attributes:
        media_type: One of `tracklib.model.media.MEDIA_TYPES`.
    """

    media_type: ClassVar[str]

    def __init__(self, *, caption: str | None = None) -> None:
        self.caption = caption

    def render(self, context: RenderContext | None = None, /) -> Rendered:
        """Return the value as it is now; what it is made of is only read.

        Raises:
            BadValueError: It is no such value.
        """
        self._settle()
        return self._render(context or RenderContext())

    def _settle(self) -> None:  # noqa: B027  most are made of what can be read again
        """Read what can be read only once, so that a value can be rendered for several trackers."""

    @abstractmethod
    def _render(self, context: RenderContext) -> Rendered: ...

    def _metadata(self, **known: Any) -> dict[str, JSON]:
        """Return what is known, with the caption."""
        return {key: value for key, value in {"caption": self.caption, **known}.items() if value is not None}

    def __deepcopy__(self, memo: object) -> MediaValue:
        return self  # nobody who takes it changes it, and a copy of a figure would register with pyplot
