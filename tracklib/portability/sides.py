"""The two sides of a comparison, each read in the quickest way that both allow."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tracklib.backends.contract import ColumnSource, Source
from tracklib.model.state import RunState
from tracklib.portability.side import Side

if TYPE_CHECKING:
    from tracklib.model.records import Record
    from tracklib.model.run import RunInfo
    from tracklib.portability.copy import Change
    from tracklib.portability.projection import Projector

__all__ = ["Held", "sides_of"]


class Held(NamedTuple):
    """A run at a place, and what its points meet on their way to the other one."""

    source: Source
    run: RunInfo
    projectors: Sequence[Projector] = ()


def sides_of(left: Held, right: Held, *, alone: bool = False, change: Change | None = None) -> tuple[Side, Side]:
    """Return two sides that are not read yet.

    Their points are compared as columns where both sources give them so, neither side changes any, and numpy is there.

    Args:
        alone: As for `Side`.
        change: Applied to each record of the left one.
    """
    exact = all(projector.is_exact for projector in (*left.projectors, *right.projectors))
    a, b = left.source, right.source
    if exact and change is None and isinstance(a, ColumnSource) and isinstance(b, ColumnSource) and _has_numpy():
        return _as_columns((a, left), (b, right))

    def read() -> Iterable[Record]:
        return a.read(left.run) if change is None else map(change, a.read(left.run))

    return (
        Side(read, left.projectors, state=RunState(left.run.id), alone=alone),
        Side(lambda: b.read(right.run), right.projectors, state=RunState(right.run.id), alone=alone),
    )


def _has_numpy() -> bool:
    return importlib.util.find_spec("numpy") is not None


def _as_columns(*pairs: tuple[ColumnSource, Held]) -> tuple[Side, Side]:
    from tracklib.portability.columns import ColumnSide

    codes: dict[str, int] = {}

    def side(source: ColumnSource, held: Held) -> Side:
        return ColumnSide(
            lambda: source.point_batches(held.run),
            codes,
            read=lambda: source.other_records(held.run),
            projectors=held.projectors,
            state=RunState(held.run.id),
        )

    left, right = (side(*pair) for pair in pairs)
    return left, right
