"""`Table`: rows of cells under named columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tracklib.errors import BadValueError
from tracklib.media.cells import cell
from tracklib.media.drawings import drawn
from tracklib.media.frames import columns_and_rows, is_frame
from tracklib.media.sources import settled
from tracklib.media.values import Attachment, MediaValue, RenderContext, Rendered
from tracklib.model.media import Cell, MediaCell, TableData, column_type, write_table
from tracklib.model.scalars import describe_error
from tracklib.typing import JSON

__all__ = ["Table", "tabled"]


class Table(MediaValue):
    """Rows of cells under named columns.

    Every cell is kept exactly, in columns of mixed types too, which a notice names; pictures, sounds, figures and other
    values of media may stand in cells. What has no exact form is recorded as text, and named.

    Args:
        data: A data frame of pandas or polars, a table of Arrow, a list of rows, a list of objects by column, columns by
            name, or an array of two dimensions. A frame's index is no column: ``reset_index()`` makes it one.
        columns: The names of the columns; of a frame or of objects, those that are taken.
        plot: How it is best drawn, as ``docs/format.md`` says: ``{"kind": "line", "x": "epoch", "y": "loss"}``.
    """

    media_type = "table"

    def __init__(
        self,
        data: object = None,
        *,
        columns: Iterable[object] | None = None,
        plot: Mapping[str, JSON] | None = None,
        caption: str | None = None,
    ) -> None:
        super().__init__(caption=caption)
        self.data = data
        self.columns: object = columns
        self.plot = plot
        self._added: list[tuple[object, ...]] = []

    def add_row(self, *cells: object) -> None:
        """Add a row at the end; a table that was logged before stays as it was."""
        self._added.append(cells)

    def _content(self) -> tuple[list[str], list[Sequence[Any]]]:
        names, rows = columns_and_rows(self.data, self.columns)
        if self._added and not rows and self.columns is None:
            return columns_and_rows(self._added, None)
        for place, row in enumerate(self._added, len(rows)):
            if len(row) != len(names):
                raise BadValueError(f"expected {len(names)} cells in row {place}, got {len(row)}")
        return names, [*rows, *self._added]

    def _settle(self) -> None:
        self.data = settled(self.data)
        self.columns = settled(self.columns)

    def _render(self, context: RenderContext) -> Rendered:
        names, rows = self._content()
        filler = _Filler(context)
        columns = [filler.column(name, [row[place] for row in rows]) for place, name in enumerate(names)]
        clean = [str(context.clean("column", name)) for name in names]
        data = TableData(tuple(clean), tuple(zip(*columns, strict=True)) if columns else ())
        plot = None if self.plot is None else dict(self.plot)
        return Rendered(write_table(data), "json", self._metadata(plot=plot), tuple(filler.attachments))


def tabled(value: object) -> Table | None:
    """Return the table that a data frame plainly stands for; ``None`` for anything else."""
    return Table(value) if is_frame(value) else None


class _Filler:
    """Fills a table's columns.

    Attributes:
        attachments: What the cells that are media brought along.
    """

    def __init__(self, context: RenderContext) -> None:
        self._context = context
        self._media = 0
        self.attachments: list[Attachment] = []

    def column(self, name: str, values: Iterable[object]) -> list[Cell]:
        """Return a column's cells, without secrets; what was changed in it is told once."""
        problems: dict[str, int] = {}
        cells = [self._cell(value, problems) for value in values]
        for problem, count in problems.items():
            self._context.tell(f"column {name!r}: {problem}" + (f" ({count:,} times)" if count > 1 else ""))
        if column_type(cells) == "mixed":
            self._context.tell(f"column {name!r} holds cells of several types; each is kept as it is")
        return self._cleaned(name, cells)

    def _cell(self, value: object, problems: dict[str, int]) -> Cell:
        def tell(problem: str) -> None:
            problems[problem] = problems.get(problem, 0) + 1

        plain = value is None or type(value) in (bool, int, float, str)
        medium = None if plain else drawn(value) or tabled(value)
        try:
            return cell(value, tell) if medium is None else self._nested(medium, tell)
        except Exception as error:  # one bad cell must not cost its neighbours
            tell(f"a cell is left empty: {error if isinstance(error, BadValueError) else describe_error(error)}")
            return None

    def _nested(self, medium: MediaValue, tell: Any) -> Cell:
        """Render what stands in a cell; its own attachments lie beside it."""
        rendered = medium.render(replace(self._context, tell=tell))
        folder = f"media/{self._media}"
        path = f"{folder}/{medium.media_type}.{rendered.suffix}"
        beside = [replace(item, path=f"{folder}/{item.path}") for item in rendered.attachments]
        self.attachments += [Attachment(path, rendered.content), *beside]
        self._media += 1
        metadata = self._context.clean("metadata", dict(rendered.metadata))
        assert isinstance(metadata, Mapping)
        return MediaCell(path, medium.media_type, metadata)

    def _cleaned(self, name: str, cells: list[Cell]) -> list[Cell]:
        texts: dict[int, JSON] = {i: c for i, c in enumerate(cells) if isinstance(c, (str, list, dict)) and c}
        if not texts:
            return cells
        clean = self._context.clean(name, list(texts.values()))
        if isinstance(clean, str):  # the name says that all are secrets
            return [clean if place in texts else found for place, found in enumerate(cells)]
        assert isinstance(clean, Sequence)
        at = dict(zip(texts, clean, strict=True))
        return [at.get(place, found) for place, found in enumerate(cells)]
