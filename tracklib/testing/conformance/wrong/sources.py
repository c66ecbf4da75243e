"""Sources that each do one thing wrong, over the memory backend's, and a witness that does."""

# ruff: noqa: D102  the methods are the contract's; what is wrong with them the class says

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from tracklib.backends.contract import VendorRun
from tracklib.backends.memory import MemorySource
from tracklib.model.records import FileRef, Metrics, Position, Record
from tracklib.model.run import RunInfo
from tracklib.typing import Number

__all__ = ["Doubled", "LyingWitness", "OtherBytes", "Sampling"]


class Doubled(MemorySource):
    """Lists each run twice."""

    def runs(self, query: object, /) -> Iterator[RunInfo]:
        for run in super().runs(query):  # type: ignore[arg-type]
            yield run
            yield run


class LyingWitness:
    """A vendor's page that shows other numbers than were sent."""

    def points(self, run: VendorRun, metric: str, /) -> Sequence[tuple[Number, Number]]:
        _ = run, metric
        return [(step, float(step)) for step in range(20)]


class Sampling(MemorySource):
    """Thins out a metric of many points."""

    def read(self, run: RunInfo, /, after: Position | None = None) -> Iterator[Record]:
        records = list(super().read(run, after))
        points = [record for record in records if isinstance(record.body, Metrics)]
        dropped = {id(record) for record in (points[1::2] if len(points) > 15_000 else ())}
        return (record for record in records if id(record) not in dropped)


class OtherBytes(MemorySource):
    """Gives other bytes than those whose digest it names."""

    def open_file(self, run: RunInfo, file: FileRef, /) -> BinaryIO:
        return io.BytesIO(super().open_file(run, file).read()[:-1] + b"?")
