"""`Holder`: what holds a run at W&B, a server or a folder, as far as the sink has to know it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tracklib.model.records import Position

__all__ = ["Held", "Holder", "Known"]


@dataclass(frozen=True, slots=True)
class Known:
    """A run as it is before it is opened here.

    Attributes:
        last_step: Of its last row; -1 where it has none.
        config: Without the ``{"value": ...}`` around each key.
        summary: As W&B has it.
    """

    last_step: int = -1
    config: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of a run by now.

    Attributes:
        rows: How many since it was opened here.
        revision: Of the config.
    """

    rows: int
    revision: int


class Holder(Protocol):
    """A run's place.

    Raises, from every method: `TransientError` and the other branches of `BackendError`.
    """

    @property
    def key(self) -> str:
        """What no other run's place has."""
        ...

    @property
    def id(self) -> str:
        """How W&B names the run: ``entity/project/id``; the source's `tracklib_wandb.view.place_of` says the same."""
        ...

    @property
    def url(self) -> str | None:
        """The page that shows it."""
        ...

    @property
    def staging(self) -> Path:
        """Where the SDK may set files aside that it is to send, or that are to stay with the run."""
        ...

    def known(self) -> Known | None:
        """Return the run as it is there; ``None`` where it is not."""
        ...

    def begin(self) -> Mapping[str, Any]:
        """Return what the SDK's ``init`` is to be told of the place."""
        ...

    def began(self, sdk_run: Any) -> None:
        """Take note of the SDK's run, once it is open."""
        ...

    def rows(self, position: Position) -> Iterator[Mapping[str, Any]]:
        """Yield the rows that may hold records behind a position."""
        ...

    def chunks(self, position: Position) -> Iterator[bytes]:
        """Yield the chunks of whole records that may hold records behind a position."""
        ...

    def keep(self, name: str, content: bytes | Path) -> None:
        """Put a file into the run; on return it is held."""
        ...

    def has(self, name: str, size: int) -> bool:
        """Tell whether the run has a file."""
        ...

    def held(self, *, with_config: bool, at_once: bool) -> Held:
        """Return what is held by now.

        Args:
            with_config: Whether the config's revision is asked for; else it may be 0.
            at_once: Whether it is to be looked up now, whatever that takes.
        """
        ...

    def end(self, exit_code: int | None) -> None:
        """Say that the run is over, where it is, once the SDK is done with it; on return all of it is held."""
        ...
