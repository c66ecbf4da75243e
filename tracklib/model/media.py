"""The files of histograms and tables: what stands in them, written and read back exactly.

Both are one JSON object. ``docs/format.md`` is the specification, also of the metadata that goes with each type of
media and of what lies beside them as attachments.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, Union, cast

from tracklib.errors import BadValueError
from tracklib.model import members
from tracklib.model.codec import decode_tree, dumps, encode_tree, loads, metric_token
from tracklib.typing import JSON, Number

__all__ = [
    "MEDIA_TYPES",
    "Cell",
    "HistogramData",
    "MediaCell",
    "TableData",
    "column_type",
    "read_histogram",
    "read_table",
    "write_histogram",
    "write_table",
]

MEDIA_TYPES = ("image", "audio", "video", "histogram", "table", "text", "html", "figure")
"""The words that a `Media` record may have as its type; a newer version may know more."""


@dataclass(frozen=True, slots=True)
class MediaCell:
    """A picture, sound, ... that stands in a table.

    Attributes:
        path: Which of the table's attachments holds its content.
        media_type, metadata: As in a `Media` record.
    """

    path: str
    media_type: str
    metadata: Mapping[str, JSON] = field(default_factory=dict)


Cell: TypeAlias = Union[JSON, dt.datetime, dt.date, dt.time, dt.timedelta, bytes, MediaCell]
"""What may stand in a table."""


@dataclass(frozen=True, slots=True)
class HistogramData:
    """How many values fell between which edges.

    Attributes:
        edges: One more than there are counts, finite and never falling. A bin holds its left edge, the last one both.
        counts: Not negative; not whole where values were weighted.
    """

    edges: tuple[Number, ...]
    counts: tuple[Number, ...]

    def __post_init__(self) -> None:
        if len(self.edges) != len(self.counts) + 1 or not self.counts:
            raise BadValueError(
                f"expected one bin or more and one more edge than counts, "
                f"got {len(self.edges)} edges and {len(self.counts)} counts"
            )
        if not all(map(_is_finite, (*self.edges, *self.counts))):
            raise BadValueError("expected finite edges and counts, got NaN or infinity")
        if any(right < left for left, right in zip(self.edges, self.edges[1:], strict=False)):
            raise BadValueError("expected edges that never fall, got some out of order")
        if min(self.counts) < 0:
            raise BadValueError(f"expected counts that are not negative, got {min(self.counts)}")


def _is_finite(value: Number) -> bool:
    return isinstance(value, int) or math.isfinite(value)


@dataclass(frozen=True, slots=True)
class TableData:
    """Rows of cells under named columns; names may repeat.

    Attributes:
        rows: Each as long as there are columns.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()

    def __post_init__(self) -> None:
        for place, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise BadValueError(f"expected {len(self.columns)} cells in row {place}, got {len(row)}")

    @property
    def types(self) -> tuple[str, ...]:
        """The type of each column, as `column_type` says it."""
        return tuple(column_type([row[place] for row in self.rows]) for place in range(len(self.columns)))


_TYPES: tuple[tuple[type, str], ...] = (  # the first that fits: a bool is an int, a datetime is a date
    (bool, "bool"),
    (int, "int"),
    (float, "float"),
    (str, "text"),
    (bytes, "bytes"),
    (dt.datetime, "datetime"),
    (dt.date, "date"),
    (dt.time, "time"),
    (dt.timedelta, "duration"),
    (MediaCell, "media"),
)


def cell_type(cell: Cell) -> str:
    """Return the word for a cell's type; ``"tree"`` for lists and objects."""
    return "null" if cell is None else next((word for kind, word in _TYPES if isinstance(cell, kind)), "tree")


def column_type(cells: Sequence[Cell]) -> str:
    """Return the word for the type of all cells that are not null.

    It is ``"null"`` where there is none, ``"number"`` where ints and floats stand together, and ``"mixed"`` where any
    other types do.
    """
    found = set(map(cell_type, cells)) - {"null"}
    if len(found) <= 1:
        return found.pop() if found else "null"
    return "number" if found == {"int", "float"} else "mixed"


# -- histograms


def write_histogram(data: HistogramData) -> bytes:
    """Return a histogram as ``{"edges": [...], "counts": [...]}``."""
    return dumps({"edges": list(map(metric_token, data.edges)), "counts": list(map(metric_token, data.counts))})


def read_histogram(content: bytes) -> HistogramData:
    """Read what `write_histogram` wrote.

    Raises:
        BadValueError: It is no histogram.
    """
    fields = _fields(content, "histogram")
    return HistogramData(_numbers(fields, "edges"), _numbers(fields, "counts"))


def _numbers(fields: Mapping[str, Any], name: str) -> tuple[Number, ...]:
    return tuple(map(members.number, _list(fields, name)))


# -- tables


def write_table(data: TableData) -> bytes:
    """Return a table as ``{"columns": [...], "types": [...], "data": [[...], ...], "media": {...}}``.

    ``media`` says of each attachment what it is, and is left out where no cell is media.
    """
    media = {cell.path: cell for row in data.rows for cell in row if isinstance(cell, MediaCell)}
    nested = {path: {"media_type": c.media_type, "metadata": encode_tree(c.metadata)} for path, c in media.items()}
    rows = [[_encode_cell(cell) for cell in row] for row in data.rows]
    fields = {"columns": list(data.columns), "types": list(data.types), "data": rows}
    return dumps({**fields, "media": nested} if nested else fields)


def read_table(content: bytes) -> TableData:
    """Read what `write_table` wrote; columns and data alone are enough.

    Raises:
        BadValueError: It is no table.
    """
    fields = _fields(content, "table")
    nested = fields.get("media", {})
    try:
        rows = tuple(tuple(_decode_cell(cell, nested) for cell in row) for row in _list(fields, "data"))
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise BadValueError(f"expected a table's cells, got what raised {type(error).__name__}: {error}") from error
    return TableData(members.texts(_list(fields, "columns")), rows)


def _encode_cell(cell: Cell) -> JSON:
    if isinstance(cell, (str, int, float, list, tuple, Mapping)) or cell is None:
        return encode_tree(cast("JSON", cell))
    if isinstance(cell, bytes):
        return f"!bytes {base64.b64encode(cell).decode('ascii')}"
    if isinstance(cell, MediaCell):
        return f"!media {cell.path}"
    if isinstance(cell, dt.timedelta):
        return f"!duration {cell // dt.timedelta(microseconds=1)}"
    assert isinstance(cell, (dt.date, dt.time))  # a datetime is a date
    return f"!{cell_type(cell)} {cell.isoformat()}"


_READ: Mapping[str, Callable[[str], Cell]] = {
    "!bytes": lambda text: base64.b64decode(text, validate=True),
    "!duration": lambda text: dt.timedelta(microseconds=int(text)),
    "!datetime": dt.datetime.fromisoformat,
    "!date": dt.date.fromisoformat,
    "!time": dt.time.fromisoformat,
}


def _decode_cell(cell: JSON, media: Mapping[str, Any]) -> Cell:
    if not isinstance(cell, str) or not cell.startswith("!"):
        return decode_tree(cell)
    tag, _, rest = cell.partition(" ")
    if tag == "!media":
        about = media[rest]
        metadata = cast("dict[str, JSON]", decode_tree(about.get("metadata", {})))
        return MediaCell(rest, members.text(about["media_type"]), metadata)
    return _READ[tag](rest) if tag in _READ else decode_tree(cell)


def _fields(content: bytes, what: str) -> Mapping[str, Any]:
    try:
        fields = loads(content)
    except ValueError as error:
        raise BadValueError(f"expected a {what} as JSON, got {content[:40]!r}") from error
    if not isinstance(fields, dict):
        raise BadValueError(f"expected a {what} as a JSON object, got {type(fields).__name__}")
    return fields


def _list(fields: Mapping[str, Any], name: str) -> list[Any]:
    value = fields.get(name)
    if not isinstance(value, list):
        raise BadValueError(f"expected a list as {name}, got {type(value).__name__}")
    return value
