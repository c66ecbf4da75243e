"""The protocols and aliases that users and plugins meet."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, Union, runtime_checkable

__all__ = [
    "JSON",
    "Loggable",
    "Number",
    "PathLike",
    "Scalar",
    "Status",
    "Step",
    "SupportsDrawing",
    "SupportsFrame",
    "SupportsMedia",
    "SupportsPicture",
    "SupportsScalar",
    "TagsLike",
    "Tracker",
]

Number: TypeAlias = Union[int, float]
"""A metric's value in the journal: exact, NaN and infinities included."""

Step: TypeAlias = Union[int, float]
"""Any int or finite float, in any order, repeated or negative."""

JSON: TypeAlias = Union[bool, int, float, str, Sequence["JSON"], Mapping[str, "JSON"], None]
"""A param's value in the journal: a JSON tree whose floats may also be NaN or infinite."""

PathLike: TypeAlias = Union[str, "os.PathLike[str]"]

Status: TypeAlias = Literal["running", "finished", "failed", "killed", "crashed", "stale"]
"""A run's status.

``finished`` returned; ``failed`` raised, or exited with a code other than 0; ``killed`` was stopped from outside
(Ctrl-C, SIGTERM); ``crashed`` vanished without a word (SIGKILL, power); ``stale`` has been silent on another host.
"""


class SupportsScalar(Protocol):
    """A framework's scalar: a numpy, torch, jax or tensorflow value of one element."""

    def item(self) -> Number:
        """Return the value as a Python number."""
        ...


Scalar: TypeAlias = Union[int, float, SupportsScalar]
"""What ``log()`` takes as a metric's value."""


class SupportsMedia(Protocol):
    """One of tracklib's own values: `tracklib.Image`, `tracklib.Table`, ..."""

    media_type: ClassVar[str]
    caption: str | None


class SupportsPicture(Protocol):
    """An image of Pillow."""

    mode: str

    def save(self, fp: Any, format: str | None = None) -> None:
        """Write the picture."""
        ...


class SupportsDrawing(Protocol):
    """A figure of matplotlib."""

    @property
    def savefig(self) -> Any:
        """Write the figure."""
        ...


class SupportsFrame(Protocol):
    """A data frame of pandas or polars."""

    @property
    def columns(self) -> Any:
        """Return the names of the columns."""
        ...


Medium: TypeAlias = Union[SupportsMedia, SupportsPicture, SupportsDrawing, SupportsFrame]

Loggable: TypeAlias = Union[Scalar, Medium, Sequence[Medium]]
"""What ``log()`` takes as a value: a number, or what stands for a picture, table, ..., or a list of such things."""

TagsLike: TypeAlias = Union[Mapping[str, Union[str, None]], Iterable[str]]
"""``{"team": "vision"}`` or ``["dev", "vision"]``; a bare tag is one whose value is the empty string."""


@runtime_checkable
class Tracker(Protocol):
    """What training code talks to: five methods, none of which raises for a vendor's, disk's or network's fault."""

    def log(
        self,
        values: Mapping[str, Loggable],
        /,
        *,
        step: Step | None = None,
        timestamp: float | None = None,
    ) -> None:
        """Record the values of metrics, and media, at one step.

        Args:
            values: By name: a number, or a picture, table, ... such as `tracklib.Image`, or a list of these.
            step: Any int or finite float; the run's own counter where omitted.
            timestamp: Seconds since 1970-01-01 UTC; now where omitted.
        """
        ...

    def log_params(self, params: Mapping[str, object], /) -> None:
        """Record params; dicts may nest. A param recorded again takes its new value."""
        ...

    def set_tags(self, tags: TagsLike, /) -> None:
        """Set tags; a value of ``None`` removes one."""
        ...

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
        """Record a file, or a directory with all its files, as they are now.

        Args:
            path: The file or directory.
            name: The artifact's name; the path's last part where omitted.
            type: What it is: ``"model"``, ``"dataset"``, or any word of yours.
            aliases: Names for this version, such as ``"best"``.
            metadata: A JSON tree.
        """
        ...

    def finish(self, *, status: Status | None = None, exit_code: int | None = None) -> None:
        """End the run with the given status, ``"finished"`` where omitted. Calling it again does nothing."""
        ...
