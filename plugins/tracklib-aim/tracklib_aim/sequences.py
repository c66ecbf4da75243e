"""`Sequences`: the sequences of a run, written many points at a time, in the form in which Aim's tracker writes one.

Aim's tracker makes some ten separate writes for each value. Here a batch of points is one write, with the exact points
beside the native ones; what Aim notes of each sequence (its first, last, least and greatest value) is one more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracklib_aim.companions import chunk_key
from tracklib_aim.database import Database, Operation, Path, put
from tracklib_aim.names import Context
from tracklib_aim.points import Native, Point, native, write_chunk
from tracklib_aim.surroundings import sdk

__all__ = ["CHUNKS", "Sequences", "trace_path", "values_path"]

CHUNKS = "tracklib"
_NUMBERS = ("float", "int", "float64", "number")


def trace_path(run_hash: str, index: int, name: str) -> Path:
    """Return where Aim notes what a sequence is."""
    return ("meta", "chunks", run_hash, "traces", index, name)


def values_path(run_hash: str, index: int, name: str, version: int) -> Path:
    """Return where the values of a sequence are; version 2 is that of numbers, addressed by their steps' hashes."""
    return ("seqs", *(("v2",) if version == 2 else ()), "chunks", run_hash, index, name)


@dataclass(slots=True)
class _Trace:
    """What Aim notes of a sequence."""

    path: Path
    dtype: str
    version: int
    held: dict[str, Any] = field(default_factory=dict)

    def take(self, points: Iterable[Native]) -> list[Operation]:
        """Note values; return the writes of what that changes."""
        changed: dict[str, Any] = {}
        for point in points:
            if "first" not in self.held:
                changed |= {"dtype": self.dtype, "version": self.version}
                changed |= {"first": point.value, "first_step": point.step}
            if point.step >= self.held.get("last_step", point.step):
                changed |= {"last": point.value, "last_step": point.step}
            if self.version == 2 and point.value > self.held.get("max", float("-inf")):
                changed["max"] = point.value
            if self.version == 2 and point.value < self.held.get("min", float("inf")):
                changed["min"] = point.value
            self.held |= changed
        return [put((*self.path, key), value) for key, value in changed.items()]

    def take_object(self, step: int, number: int | None) -> list[Operation]:
        """Note an object; return the writes of what that changes."""
        changed: dict[str, Any] = {}
        if "first_step" not in self.held:
            changed |= {"dtype": self.dtype, "version": self.version, "first_step": step}
        if step >= self.held.get("last_step", step):
            changed["last_step"] = step
        if number is not None and number >= self.held.get("record_max_length", 0):
            changed["record_max_length"] = number + 1
        self.held |= changed
        return [put((*self.path, key), value) for key, value in changed.items()]


class Sequences:
    """Writes the sequences of a run.

    Args:
        meta: The run's, for what is noted of its sequences already.
    """

    def __init__(self, run_hash: str, meta: Database) -> None:
        self._hash = run_hash
        self._meta = meta
        self._traces: dict[tuple[int, str], _Trace] = {}
        self._context: Callable[[Context], Any] = sdk("aim.storage.context").Context
        self._step_hash: Callable[[int], int] = sdk("aim.storage.hashing").hash_auto
        self._types: dict[str, str] = sdk("aim.sdk.sequences.sequence_type_map").SEQUENCE_TYPE_MAP

    def numbers(
        self, name: str, context: Context, points: Sequence[Point], *, exact: bool = True
    ) -> tuple[list[Operation], list[Operation]]:
        """Return the writes of points, to ``meta`` and to ``seqs``.

        Args:
            exact: Write the points' exact form beside them.
        """
        index = self._context(context).idx
        natives = [native(point) for point in points]
        place = values_path(self._hash, index, name, 2)
        meta, seqs = self._begin(name, context, index, "float", 2)
        for held in natives:
            seqs += self._number(place, held)
        meta += self._traces[index, name].take(natives)
        if exact:
            seqs += _chunks(place, points)
        return meta, seqs

    def _number(self, place: Path, held: Native) -> list[Operation]:
        at = self._step_hash(held.step)
        return [
            put((*place, "val", at), held.value),
            put((*place, "epoch", at), None),
            put((*place, "time", at), held.time),
            put((*place, "step", at), held.step),
        ]

    def objects(
        self, name: str, context: Context, dtype: str, *, step: int, number: int | None, value: Any, seconds: float
    ) -> tuple[list[Operation], list[Operation]]:
        """Return the writes of a picture, text, ..., to ``meta`` and to ``seqs``.

        Args:
            number: Its place in the list of its step; ``None`` where the sequence holds one object at a step.
        """
        index = self._context(context).idx
        place = values_path(self._hash, index, name, 1)
        meta, seqs = self._begin(name, context, index, dtype, 1)
        if number is None:
            seqs.append(put((*place, "val", step), value))
        else:
            seqs += [Operation("array", (*place, "val", step)), put((*place, "val", step, number), value)]
        seqs += [put((*place, "epoch", step), None), put((*place, "time", step), seconds)]
        meta += self._traces[index, name].take_object(step, number)
        return meta, seqs

    def _begin(
        self, name: str, context: Context, index: int, dtype: str, version: int
    ) -> tuple[list[Operation], list[Operation]]:
        """Return the writes that a sequence begins with, where this process has not met it yet."""
        if (index, name) in self._traces:
            return [], []
        path = trace_path(self._hash, index, name)
        found = self._meta.get(path, {})
        held = dict(found) if isinstance(found, dict) else {}
        kept = held.get("dtype", dtype)
        if "dtype" in held and kept != dtype and not (kept in _NUMBERS and dtype in _NUMBERS):
            raise ValueError(f"expected the sequence {name!r} to hold {dtype}, found {kept}")
        self._traces[index, name] = _Trace(path, dtype, version, held)
        place = values_path(self._hash, index, name, version)
        columns = ("val", "epoch", "time", "step") if version == 2 else ("val", "epoch", "time")
        chunk = ("meta", "chunks", self._hash)
        meta = [
            put(("meta", "contexts", index), dict(context)),
            put((*chunk, "contexts", index), dict(context)),
            put(("meta", "traces_types", dtype, index, name), 1),
            put((*chunk, "typed_traces", self._types.get(dtype, "sequence"), index, name), 1),
        ]
        return meta, [Operation("array", (*place, column)) for column in columns]


def _chunks(place: Path, points: Sequence[Point]) -> list[Operation]:
    by_writer: dict[str, list[Point]] = {}
    for point in points:
        by_writer.setdefault(point.writer, []).append(point)
    return [
        put((*place, CHUNKS, chunk_key(writer, own[0].seq, own[-1].seq)), write_chunk(own))
        for writer, own in by_writer.items()
    ]
