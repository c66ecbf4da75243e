"""Plots: a metric over its steps, drawn with text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tracklib.cli.envelope import Bucket, drawable, fraction
from tracklib.cli.quantities import number_text
from tracklib.typing import Number

__all__ = ["Canvas", "plot"]

_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a braille character, by row and column (Unicode, block Braille Patterns)."""


class Canvas:
    """A raster of dots, in characters of two columns and four rows of dots, or in ASCII of one dot each.

    Attributes:
        width, height: In dots; the dot (0, 0) is at the lower left.
    """

    def __init__(self, columns: int, rows: int, *, ascii_only: bool = False) -> None:
        self._dots = (1, 1) if ascii_only else (2, 4)
        self._ascii = ascii_only
        self.width, self.height = columns * self._dots[0], rows * self._dots[1]
        self._cells = [[0] * columns for _ in range(rows)]

    def dot(self, x: int, y: int) -> None:
        """Set a dot."""
        across, down = self._dots
        row, dot_row = divmod(self.height - 1 - y, down)
        column, dot_column = divmod(x, across)
        self._cells[row][column] |= _DOTS[dot_row][dot_column]

    def line(self, x0: int, y0: int, x1: int, y1: int) -> None:
        """Set the dots from one place to another."""
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for i in range(steps + 1):
            self.dot(round(x0 + (x1 - x0) * i / steps), round(y0 + (y1 - y0) * i / steps))

    def lines(self) -> list[str]:
        """Return the picture, row by row."""
        mark = (
            (lambda cell: "*" if cell else " ") if self._ascii else (lambda cell: chr(_BRAILLE + cell) if cell else " ")
        )
        return ["".join(map(mark, row)) for row in self._cells]


def plot(
    points: Iterable[tuple[Number, Number]],
    steps: tuple[Number, Number],
    *,
    width: int,
    height: int,
    ascii_only: bool = False,
) -> list[str]:
    """Return the lines of a plot with labelled axes.

    Each column of dots reaches from the least to the greatest of its values, and its mean is joined to the next
    column's; NaN and infinities interrupt the line.

    Args:
        points: Steps and values, in any order.
        steps: The least and the greatest step.
        width, height: In characters, the labels included.
    """
    margin = 12
    canvas = Canvas(max(width - margin - 1, 8), max(height - 2, 2), ascii_only=ascii_only)
    columns = _columns(points, steps, canvas.width)
    finite = [column for column in columns if column.finite]
    low, high = min((c.low for c in finite), default=0.0), max((c.high for c in finite), default=0.0)
    _draw(canvas, columns, low, high)
    rows = canvas.lines()
    edge, corner, base = ("|", "+", "-") if ascii_only else ("│", "└", "─")
    labels = _labels(len(rows), low, high) if finite else {}
    lines = [f"{labels.get(index, ''):>{margin - 1}} {edge}{row}".rstrip() for index, row in enumerate(rows)]
    lines.append(" " * margin + corner + base * len(rows[0]))
    return [*lines, " " * (margin + 1) + _under(steps, len(rows[0]))]


def _columns(points: Iterable[tuple[Number, Number]], steps: tuple[Number, Number], width: int) -> list[Bucket]:
    columns = [Bucket() for _ in range(width)]
    first, last = map(drawable, steps)
    for step, value in points:
        columns[round(fraction(drawable(step), first, last) * (width - 1))].add(drawable(value))
    return columns


def _draw(canvas: Canvas, columns: Sequence[Bucket], low: float, high: float) -> None:
    def row(value: float) -> int:
        return round(fraction(value, low, high) * (canvas.height - 1))

    for x, column in enumerate(columns):
        if column.finite:
            canvas.line(x, row(column.low), x, row(column.high))
    for before, after in _neighbours(columns):
        canvas.line(before, row(columns[before].mean), after, row(columns[after].mean))


def _neighbours(columns: Sequence[Bucket]) -> Iterator[tuple[int, int]]:
    """Yield the columns that are to be joined: with nothing between them, NaN neither."""
    before: int | None = None
    for x, column in enumerate(columns):
        if column.finite and before is not None:
            yield before, x
        if column.count:
            before = x if column.finite else None


def _labels(rows: int, low: float, high: float) -> dict[int, str]:
    """Return what the rows at the top, in the middle and at the bottom stand for."""
    if low >= high:
        return {rows // 2: number_text(low)}
    wanted = (0, (rows - 1) // 2, rows - 1) if rows > 4 else (0, rows - 1)
    shares = {row: row / (rows - 1) for row in wanted}
    return {row: number_text(high * (1 - share) + low * share) for row, share in shares.items()}


def _under(steps: tuple[Number, Number], width: int) -> str:
    first, last = map(number_text, steps)
    if steps[0] == steps[1]:
        return f"step {first}".center(width).rstrip()
    return f"{first}{'step'.center(max(width - len(first) - len(last), 6))}{last}"
