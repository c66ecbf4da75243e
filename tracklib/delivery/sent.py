"""`Sent`: records that a vendor was told of, and has not confirmed yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracklib.backends.contract import Outcome
from tracklib.delivery.batches import Batch
from tracklib.delivery.receipt import Place, Receipt
from tracklib.model.records import Record

__all__ = ["Sent"]


@dataclass(slots=True)
class Sent:
    """One writer's records, in a row.

    Attributes:
        places: Where each ends.
        notable: By number, those that were changed or refused.
    """

    writer: str
    places: list[Place]
    notable: dict[int, tuple[Record, Outcome]]

    @classmethod
    def of(cls, batch: Batch, outcomes: Sequence[Outcome]) -> Sent:
        """Return the records of a batch that have an outcome."""
        places = batch.places[: len(outcomes)]
        notable = {
            place.seq: (record, outcome)
            for place, record, outcome in zip(places, batch.records, outcomes, strict=False)
            if outcome.kind in ("changed", "refused")
        }
        return cls(batch.writer, places, notable)

    def settled(self, seq: int) -> int:
        """Return how many are held by a vendor that holds up to a number, or refused with nothing before them open."""
        count = 0
        for index, place in enumerate(self.places, 1):
            notable = self.notable.get(place.seq)
            if place.seq <= seq or (notable is not None and notable[1].kind == "refused" and count == index - 1):
                count = index
        return count

    def book(self, count: int, receipt: Receipt) -> None:
        """Move the first of them into the receipt."""
        for place in self.places[:count]:
            if (notable := self.notable.get(place.seq)) is not None:
                receipt.book(self.writer, *notable)
        receipt.confirmed[self.writer] = self.places[count - 1]
        self.places = self.places[count:]
