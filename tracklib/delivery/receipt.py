"""Receipts: the account of one run at one backend."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import orjson

from tracklib.delivery.lease import Lease
from tracklib.errors import CorruptJournalError
from tracklib.journal.layout import RunFolder, encode_name, private_folder
from tracklib.model.records import Position, Record
from tracklib.typing import JSON
from tracklib.value import Value

if TYPE_CHECKING:
    from tracklib.backends.contract import Outcome

__all__ = ["Place", "Receipt", "Refusal", "State", "all_receipts", "claim_on", "receipt_path"]

State: TypeAlias = Literal["waiting", "delivering", "retrying", "paused", "complete"]
"""``waiting`` for a relay; ``delivering``; ``retrying`` after a passing fault; ``paused`` until somebody mends
the credentials or the settings; ``complete``: the run has ended and everything is confirmed or refused."""

FORMAT = 1
MAX_REFUSALS = 1000


class Place(Value):
    """How far one segment was read.

    Attributes:
        offset: Bytes.
        seq: The last record's number.
    """

    offset: int = 0
    seq: int = 0


class Refusal(Value):
    """A record that the vendor will never take; it stays in the journal under this writer and number."""

    writer: str
    seq: int
    kind: str
    reason: str


@dataclass(slots=True)
class Receipt:
    """What became of a run's records at one backend.

    Attributes:
        entry: How the user named the backend: ``mlflow``, or a place such as ``mlflow:http://host:5000``.
        backend: The backend's name.
        destination: Its settings without credentials, as they were when the run began to go there.
        relay: The key of the relay that is in charge.
        sent, confirmed: For each writer, how far the vendor was told, and how far it durably holds.
        changes: For each declared transformation, how many records it concerned.
        refused: How many records will never be held; the first thousand are listed in ``refusals``.
        resent: Records that were sent again after a relay's death, or a broken call.
        error: What stands in the way, for a person.
        since: When that began, in seconds since the epoch.
    """

    entry: str
    backend: str
    destination: dict[str, JSON]
    relay: str = ""
    vendor_id: str | None = None
    url: str | None = None
    sent: dict[str, Place] = field(default_factory=dict)
    confirmed: dict[str, Place] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    resent: int = 0
    state: State = "waiting"
    error: str = ""
    since: float = 0.0

    def book(self, writer: str, record: Record, outcome: Outcome) -> None:
        """Count what the vendor changed, and list what it refused."""
        if outcome.kind == "changed":
            self.changes[outcome.reason] = self.changes.get(outcome.reason, 0) + 1
            return
        self.refused += 1
        if len(self.refusals) < MAX_REFUSALS:
            kind = type(record.body).__name__.lower()
            self.refusals.append(Refusal(writer, record.seq, kind, outcome.reason))

    def position(self) -> Position:
        """Return up to which number each writer's records are confirmed."""
        return {writer: place.seq for writer, place in self.confirmed.items()}

    @property
    def confirmed_records(self) -> int:
        """How many records the vendor holds, or has refused for good."""
        return sum(place.seq for place in self.confirmed.values())

    @property
    def changed(self) -> int:
        """How many records are held in another form than they were sent."""
        return sum(self.changes.values())

    def pending(self, totals: Mapping[str, int]) -> int:
        """Return how many records wait, given the number of each writer's last record."""
        return sum(max(0, total - self.confirmed.get(writer, Place()).seq) for writer, total in totals.items())

    def save(self, folder: RunFolder) -> None:
        """Write the receipt, in one step: a reader sees the old one or the new one."""
        private_folder(folder.receipts)
        path = receipt_path(folder, self.entry)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(orjson.dumps(_fields(self), option=orjson.OPT_INDENT_2))
        os.replace(temporary, path)

    @classmethod
    def load(cls, folder: RunFolder, entry: str) -> Receipt | None:
        """Return the receipt of a run at a backend, or ``None`` where there is none."""
        return _load(receipt_path(folder, entry))


def receipt_path(folder: RunFolder, entry: str) -> Path:
    """Return where a receipt lies."""
    return folder.receipts / f"{encode_name(entry)}.json"


def claim_on(folder: RunFolder, entry: str) -> Lease:
    """Return the lease without which nobody delivers a run to a backend, nor writes its receipt meanwhile."""
    return Lease(receipt_path(folder, entry).with_suffix(".lease"))


def all_receipts(folder: RunFolder, unreadable: Callable[[str], None] | None = None) -> Iterator[Receipt]:
    """Yield the receipts of a run, by name.

    Args:
        folder: The run.
        unreadable: Takes what is wrong with each one that cannot be read, which then hides no other.

    Raises:
        CorruptJournalError: One cannot be read, and nobody takes what is wrong with it.
    """
    try:
        names = sorted(os.listdir(folder.receipts))
    except FileNotFoundError:
        return
    for name in names:
        if not name.endswith(".json"):
            continue
        try:
            receipt = _load(folder.receipts / name)
        except CorruptJournalError as error:
            if unreadable is None:
                raise
            unreadable(str(error))
            continue
        if receipt is not None:
            yield receipt


def _load(path: Path) -> Receipt | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return _from_fields(orjson.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptJournalError(
            f"expected a receipt in {path}, got {error}; delete that file to deliver the run again from its start"
        ) from error


def _fields(receipt: Receipt) -> dict[str, Any]:
    fields: dict[str, Any] = {"format": FORMAT}
    fields |= {name: getattr(receipt, name) for name in receipt.__slots__}
    for name in ("sent", "confirmed"):
        fields[name] = {writer: [place.offset, place.seq] for writer, place in fields[name].items()}
    return fields


def _from_fields(fields: dict[str, Any]) -> Receipt:
    version = fields.pop("format")
    if version != FORMAT:
        raise ValueError(f"format {version}, which this tracklib does not know")
    for name in ("sent", "confirmed"):
        fields[name] = {writer: Place(*place) for writer, place in fields[name].items()}
    fields["refusals"] = [Refusal(**item) for item in fields["refusals"]]
    known = {name: value for name, value in fields.items() if name in Receipt.__slots__}
    return Receipt(**known)
