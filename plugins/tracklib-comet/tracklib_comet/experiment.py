"""`Writing` and `Viewing`: an experiment as it is written and as it is read, at the service or in a zip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from tracklib.backends.contract import VendorRun
from tracklib.model.records import Artifact
from tracklib.typing import JSON
from tracklib_comet.identity import Identity

__all__ = ["Asset", "Held", "Line", "Param", "Shown", "Upload", "Viewing", "Writing"]


class Shown(NamedTuple):
    """A point as Comet is given it.

    Attributes:
        time: Milliseconds since the epoch.
    """

    name: str
    step: int | None
    value: int | float
    time: int


class Held(NamedTuple):
    """A point as Comet gives it.

    Attributes:
        value: A text.
        step: ``None`` where none was logged.
        time: Milliseconds since the epoch.
    """

    step: int | float | None
    value: str
    time: int
    epoch: int | float | None = None


class Param(NamedTuple):
    """A param as Comet is given it."""

    name: str
    value: JSON
    time: int


class Line(NamedTuple):
    """A line of output; the time is in milliseconds."""

    text: str
    is_error: bool
    time: int


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way to Comet.

    Attributes:
        id: What Comet is to know it by: a file that is sent again has the same, and so is there once.
        kind: Comet's word, such as ``image``.
    """

    id: str
    name: str
    kind: str
    content: Path
    metadata: Mapping[str, Any]
    step: int | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as Comet lists it.

    Attributes:
        link: Where a remote one lies.
        version: The id of the artifact's version that it belongs to.
        time: Milliseconds since the epoch.
    """

    id: str
    name: str
    kind: str
    size: int = 0
    step: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    link: str | None = None
    version: str | None = None
    time: int = 0
    context: str | None = None


class Writing(Protocol):
    """An experiment that is written."""

    @property
    def vendor(self) -> VendorRun:
        """How Comet knows it."""
        ...

    @property
    def is_new(self) -> bool:
        """Whether it was made just now, so that it can hold nothing yet."""
        ...

    @property
    def is_durable(self) -> bool:
        """Whether what a call wrote is held when it returns; otherwise it is once the experiment is closed."""
        ...

    def view(self) -> Viewing:
        """Return what is held of it."""
        ...

    def identity(self) -> Identity | None:
        """Return who it said that it was, when it was opened."""
        ...

    def identify(self, identity: Identity) -> None:
        """Say who it is, and how it stands; what was said before is not said again."""
        ...

    def add_points(self, points: Sequence[Shown]) -> None:
        """Add points."""
        ...

    def set_params(self, params: Sequence[Param]) -> None:
        """Set params."""
        ...

    def set_other(self, key: str, value: str) -> None:
        """Set one of the values that Comet calls others."""
        ...

    def change_tags(self, added: Sequence[str], removed: Sequence[str]) -> None:
        """Add tags, and take tags away."""
        ...

    def add_output(self, lines: Sequence[Line]) -> None:
        """Add lines of output."""
        ...

    def set_html(self, html: str) -> None:
        """Set the page of the tab that is called HTML."""
        ...

    def set_details(self, details: Mapping[str, Any]) -> None:
        """Set what is known of the machine, under Comet's names."""
        ...

    def add_asset(self, upload: Upload) -> None:
        """Add a file."""
        ...

    def add_artifact(self, artifact: Artifact, tag: str, uploads: Sequence[Upload]) -> JSON:
        """Add a version of an artifact with its files; return where it is, as JSON."""
        ...

    def beat(self) -> None:
        """Tell Comet that the run goes on."""
        ...

    def close(self) -> None:
        """Hand over what is held back."""
        ...


class Viewing(Protocol):
    """An experiment that is read."""

    @property
    def key(self) -> str:
        """Comet's key of it."""
        ...

    @property
    def is_service(self) -> bool:
        """Whether Comet's service gives it, which leaves points out."""
        ...

    @property
    def damaged(self) -> Sequence[str]:
        """What could not be read so far, for people."""
        ...

    def discard(self) -> str:
        """Remove it for good; return what of it stays, and where, in words; empty where nothing does."""
        ...

    def metadata(self) -> Mapping[str, Any]:
        """Return what Comet says of it, by the names of its interface."""
        ...

    def url(self) -> str | None:
        """Return the page that shows it."""
        ...

    def others(self) -> Mapping[str, str]:
        """Return the values that Comet calls others."""
        ...

    def params(self) -> Mapping[str, str]:
        """Return the params."""
        ...

    def tags(self) -> Sequence[str]:
        """Return the tags."""
        ...

    def points(self) -> Iterator[tuple[str, list[Held], bool]]:
        """Yield each metric's name and points, and whether Comet left points out."""
        ...

    def output(self) -> str:
        """Return the output."""
        ...

    def html(self) -> str:
        """Return the page of the tab that is called HTML."""
        ...

    def details(self) -> Mapping[str, Any]:
        """Return what is known of the machine."""
        ...

    def assets(self) -> Sequence[Asset]:
        """Return the files, those of artifacts' versions left out."""
        ...

    def artifacts(self) -> Iterator[tuple[Mapping[str, Any], Sequence[Asset]]]:
        """Yield the versions of artifacts that it made, in Comet's words, with their files."""
        ...

    def artifact_assets(self, place: Mapping[str, Any]) -> Sequence[Asset]:
        """Return the files of an artifact's version; none where it is gone.

        Args:
            place: What `Writing.add_artifact` returned.
        """
        ...

    def opened(self, asset: Asset) -> IO[bytes] | None:
        """Open the content of a file; ``None`` where it is gone."""
        ...
