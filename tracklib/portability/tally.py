"""`Tally`: what a copy moved, and what became of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tracklib.backends.contract import Outcome
from tracklib.model.records import Artifact, FileRef, Media, Metrics, Notice, Params, Record
from tracklib.model.trees import flatten

__all__ = ["Tally", "files_of"]


@dataclass(slots=True)
class Tally:
    """Counts of what was copied.

    Attributes:
        bytes: Of the files that artifacts and media name, as often as they are named.
        changed: How many records are held otherwise than sent, by the reason.
        refused: How many are not held, by kind and reason.
        damaged: What the source could not read of the run, in its own words, and how often; of many words the first.
    """

    records: int = 0
    points: int = 0
    params: int = 0
    artifacts: int = 0
    media: int = 0
    files: int = 0
    bytes: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    damaged: Counter[str] = field(default_factory=Counter)

    def count(self, record: Record) -> None:
        """Count a record that was taken."""
        body = record.body
        self.records += 1
        if isinstance(body, Metrics):
            self.points += len(body.values)
        elif isinstance(body, Params):
            self.params += sum(1 for _ in flatten(body.values))
        elif isinstance(body, Notice):
            if body.code == "damaged" and (body.message in self.damaged or len(self.damaged) < _WORDS):
                self.damaged[body.message] += body.count
        else:
            self.artifacts += isinstance(body, Artifact)
            self.media += isinstance(body, Media)
            files = files_of(record)
            self.files += len(files)
            self.bytes += sum(file.size for file in files)

    def book(self, record: Record, outcome: Outcome) -> None:
        """Count what became of a record."""
        if outcome.kind == "refused":
            self.refused[f"{type(record.body).__name__.lower()}: {outcome.reason}"] += 1
            return
        self.count(record)
        if outcome.kind == "changed":
            self.changed[outcome.reason] += 1

    def add(self, other: Tally) -> None:
        """Add another account."""
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.changed.update(other.changed)
        self.refused.update(other.refused)
        self.damaged.update(other.damaged)

    def copy(self) -> Tally:
        """Return an account that goes its own way."""
        made = Tally()
        made.add(self)
        return made

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        told = {"changed": dict(self.changed), "refused": dict(self.refused)}
        return {**numbers, **told, **({"damaged": dict(self.damaged)} if self.damaged else {})}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Tally:
        """Read what `document` returned."""
        numbers = {name: int(document[name]) for name in _NUMBERS}
        changed, refused = Counter(document["changed"]), Counter(document["refused"])
        return cls(**numbers, changed=changed, refused=refused, damaged=Counter(document.get("damaged", {})))


_WORDS = 20
_NUMBERS = ("records", "points", "params", "artifacts", "media", "files", "bytes")


def files_of(record: Record) -> tuple[FileRef, ...]:
    """Return the files whose content belongs to a record."""
    body = record.body
    if isinstance(body, Artifact):
        return body.files
    return (body.file, *body.attachments) if isinstance(body, Media) else ()
