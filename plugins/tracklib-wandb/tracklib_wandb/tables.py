"""W&B's tables into tracklib's, with the pictures, sounds, ... that stand in them."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tracklib.errors import BadValueError, RejectedError
from tracklib.model.media import Cell, MediaCell, TableData, write_table
from tracklib.model.records import FileRef
from tracklib.typing import JSON
from tracklib_wandb.view import StoredArtifact

if TYPE_CHECKING:
    from tracklib_wandb.contents import Contents

__all__ = ["KINDS", "Bundle", "ReadTable", "format_of", "read_wandb_table"]

KINDS = {
    "image-file": "image",
    "audio-file": "audio",
    "video-file": "video",
    "html-file": "html",
    "plotly-file": "figure",
    "table-file": "table",
}
"""tracklib's words for W&B's; another one's is W&B's own without ``-file``."""

_FORMATS = {"jpg": "jpeg", "oga": "ogg", "ogv": "ogg", "json": None, "html": None}
_MAX_TABLE = 512 << 20


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of an artifact that a table is held in."""

    contents: Contents
    artifact: StoredArtifact

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        file = self.contents.of_artifact(self.artifact, path, path)
        return self._content(file)

    def attach(self, path: str, shown: str) -> FileRef:
        """Return the reference to a file."""
        file = self.contents.of_artifact(self.artifact, path, shown)
        self.contents.taken_apart.add((self.artifact.digest, path))
        return file

    def take(self, path: str) -> None:
        """Note that a file's content is part of the run's media."""
        self.contents.taken_apart.add((self.artifact.digest, path))

    def _content(self, file: FileRef) -> bytes:
        if file.size > _MAX_TABLE:
            raise RejectedError(f"{file.path} has {file.size} bytes: too many for a table")
        content = self.contents.open(file.sha256)
        assert content is not None
        with content:
            return content.read()


@dataclass(slots=True)
class ReadTable:
    """A table as it is recorded.

    Attributes:
        said: What else W&B holds of it: the types of its columns, ...
    """

    content: bytes
    attachments: tuple[FileRef, ...]
    said: dict[str, JSON]


def read_wandb_table(content: bytes, bundle: Bundle | None, rough: bytes | None = None) -> ReadTable:
    """Read W&B's JSON of a table.

    Args:
        rough: The run's own file of it, which has NaN and the infinities where the artifact's has null, but may be cut.

    Raises:
        BadValueError: It is no table.
    """
    try:
        told = json.loads(content)
        _restore_numbers(told["data"], rough)
        columns = tuple(str(name) for name in told["columns"])
        data = told["data"]
        cells = _Cells(bundle)
        rows = tuple(tuple(map(cells.read, row)) for row in data)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadValueError(f"expected a W&B table, got {content[:40]!r}") from error
    said = {key: value for key, value in told.items() if key not in ("columns", "data", "_type", "ncols", "nrows")}
    if any(type(name) is not str for name in told["columns"]):
        said["columns"] = told["columns"]
    return ReadTable(write_table(TableData(columns, rows)), tuple(cells.attachments.values()), said)


def _restore_numbers(data: Any, rough: bytes | None) -> None:
    """Put NaN and the infinities back where a row's artifact has null."""
    if rough is None or not isinstance(data, list):
        return
    try:
        rows = json.loads(rough)["data"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return  # it only serves to improve
    for row, other in zip(data, rows if isinstance(rows, list) else [], strict=False):
        if isinstance(row, list) and isinstance(other, list) and len(row) == len(other):
            row[:] = [b if a is None and isinstance(b, float) else a for a, b in zip(row, other, strict=True)]


@dataclass(slots=True)
class _Cells:
    """Reads cells; those that hold a file of the artifact become media."""

    bundle: Bundle | None
    attachments: dict[str, FileRef] = field(default_factory=dict)

    def read(self, value: Any) -> Cell:
        if not isinstance(value, Mapping) or self.bundle is None:
            return value  # type: ignore[no-any-return]  # JSON
        kind, path = value.get("_type"), value.get("path")
        if not isinstance(kind, str) or not kind.endswith("-file") or not isinstance(path, str):
            return dict(value)
        shown = f"media/{path}" if not path.startswith("media/") else path
        try:
            if shown not in self.attachments:
                self.attachments[shown] = self.bundle.attach(path, shown)
        except RejectedError:
            self.bundle.contents.missing["files in tables that are not held"] += 1
            return dict(value)
        return MediaCell(shown, KINDS.get(kind, kind.removesuffix("-file")), _said(value, path))


def _said(value: Mapping[str, Any], path: str) -> dict[str, JSON]:
    said: dict[str, JSON] = {}
    if (found := format_of(path)) is not None:
        said["format"] = found
    said |= {key: value[key] for key in ("caption", "width", "height") if value.get(key) is not None}
    rest = {k: v for k, v in value.items() if k not in ("_type", "path", "sha256", "size", "format", *said)}
    return {**said, "wandb": rest} if rest else said


def format_of(path: str) -> str | None:
    """Return the format that a file's name tells of."""
    if path.endswith(".plotly.json"):
        return "plotly"
    ending = posixpath.splitext(path)[1].lower().removeprefix(".")
    return _FORMATS.get(ending, ending) or None
