"""The record of a cut-over: what was measured, who answers for the rest, and how each criterion stands by it."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracklib import platform
from tracklib.errors import UsageError
from tracklib.messages import nearest
from tracklib.model.codec import dumps, loads
from tracklib.portability.cutover import CRITERIA, Criterion, Measure

__all__ = ["Entry", "Record", "Standing"]

_TICKED = tuple(criterion.name for criterion in CRITERIA if not criterion.measured)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the record.

    Attributes:
        kind: ``measured``, ``tick``, ``untick``.
        time: ISO 8601, UTC.
        facts: What else it says.
    """

    kind: str
    time: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one criterion stands.

    Attributes:
        told: Why, in words.
        facts: The entry that decides it, as JSON.
    """

    criterion: Criterion
    met: bool
    told: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        criterion = self.criterion
        about = {
            "criterion": criterion.name,
            "text": criterion.text,
            "how": "measured" if criterion.measured else "told",
        }
        return {**about, "met": self.met, "told": self.told, **self.facts}


class Record:
    """A file to which lines are added and from which none is taken, one JSON object each.

    Attributes:
        damaged: Lines that are none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        self.entries: list[Entry] = []
        self._read()

    @property
    def places(self) -> tuple[str, str] | None:
        """The two places that were measured, as they were named the last time."""
        last = self._last("measured")
        return None if last is None else (str(last.facts["a"]), str(last.facts["b"]))

    def measured(self, places: tuple[str, str], measure: Measure, asked: Mapping[str, Any], percent: float) -> None:
        """Add what was measured.

        Raises:
            UsageError: The record is about two other places.
        """
        held = self.places
        if held is not None and held != places:
            raise UsageError(f"{self.path} is the record of {' and '.join(held)}; name another one with --record")
        criteria = measure.criteria(percent)
        sides = {"a": places[0], "b": places[1]}
        self._add(
            "measured", {**sides, **asked, "percent": percent, "states": dict(measure.states), "criteria": criteria}
        )

    def tick(self, criterion: str, by: str, note: str, *, undo: bool = False) -> None:
        """Add that somebody answers for a criterion, or no longer does.

        Raises:
            UsageError: It is none that is told, or nobody is named.
        """
        if criterion not in _TICKED:
            measured = any(criterion == each.name for each in CRITERIA)
            why = ", which is measured: tracklib cutover A B" if measured else nearest(criterion, _TICKED)
            raise UsageError(f"expected one of {', '.join(_TICKED)}, got {criterion!r}{why}")
        if not by.strip():
            raise UsageError("--by: expected the name of who answers for it, got none")
        self._add("untick" if undo else "tick", {"criterion": criterion, "by": by, "note": note})

    def standings(self) -> list[Standing]:
        """Return how each criterion stands, by the last word on it."""
        return [_of_measure(each, self._last("measured")) if each.measured else self._told(each) for each in CRITERIA]

    def _told(self, criterion: Criterion) -> Standing:
        about = (each for each in reversed(self.entries) if each.facts.get("criterion") == criterion.name)
        last = next(about, None)
        if last is None:
            return Standing(criterion, met=False, told=f"open: tracklib cutover tick {criterion.name} --by NAME")
        note = f": {last.facts['note']}" if last.facts.get("note") else ""
        met = last.kind == "tick"
        told = f"{'ticked' if met else 'withdrawn'} by {last.facts['by']} on {last.time[:10]}{note}"
        return Standing(criterion, met, told, {"time": last.time, "by": last.facts["by"], "note": last.facts["note"]})

    def _last(self, kind: str) -> Entry | None:
        return next((each for each in reversed(self.entries) if each.kind == kind), None)

    def _add(self, kind: str, facts: Mapping[str, Any]) -> None:
        if self.damaged and not self.entries:
            raise UsageError(
                f"expected the record of a cut-over at {self.path}, got another file; nothing was added to it"
            )
        now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = platform.open_private(self.path, os.O_RDWR | os.O_APPEND)
        try:
            end = os.lseek(fd, 0, os.SEEK_END)
            os.lseek(fd, max(0, end - 1), os.SEEK_SET)
            torn = end > 0 and os.read(fd, 1) != b"\n"  # what a full disk or a crash left
            os.write(fd, (b"\n" if torn else b"") + dumps({"kind": kind, "time": now, **facts}) + b"\n")
            os.fsync(fd)
        finally:
            os.close(fd)
        self.entries.append(Entry(kind, now, facts))

    def _read(self) -> None:
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        for line in filter(None, lines):
            entry = _entry(line)
            if entry is None:
                self.damaged += 1
            else:
                self.entries.append(entry)


def _entry(line: bytes) -> Entry | None:
    try:
        facts = loads(line)
    except ValueError:
        return None
    needed = {
        "measured": ("a", "b", "criteria"),
        "tick": ("criterion", "by", "note"),
        "untick": ("criterion", "by", "note"),
    }
    kind = facts.pop("kind", None) if isinstance(facts, dict) else None
    if kind not in needed or not isinstance(facts.get("time"), str) or any(key not in facts for key in needed[kind]):
        return None
    return Entry(kind, facts.pop("time"), facts)


def _of_measure(criterion: Criterion, last: Entry | None) -> Standing:
    if last is None:
        return Standing(criterion, met=False, told="open: tracklib cutover A B measures it")
    found = last.facts["criteria"].get(criterion.name, {})
    met, runs, wrong = bool(found.get("met")), found.get("runs", 0), found.get("wrong", 0)
    examples: Iterable[str] = found.get("examples", ())
    such = f", such as {', '.join(examples)}" if wrong else ""
    told = (
        f"{runs - wrong:,} of {runs:,} runs on {last.time[:10]}{such}"
        if runs
        else f"no run to compare on {last.time[:10]}"
    )
    return Standing(criterion, met, told, {"time": last.time, "runs": runs, "wrong": wrong, "examples": list(examples)})
