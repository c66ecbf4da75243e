"""`Gate`: where a subject lets faults in, between its sinks and the vendor."""

from __future__ import annotations

from dataclasses import dataclass

from tracklib.testing.emulators.faults import Faults

__all__ = ["Gate"]


@dataclass(frozen=True, slots=True)
class Gate:
    """Faults on the way to a vendor: those of an emulator, or of a `tracklib.testing.proxy.FaultProxy` before a server.

    Attributes:
        faults: What goes wrong.
        writes: A pattern for the operations that write.
        batches: A pattern for operations that carry many items, of which a part can be taken; ``None`` where none does.
        patience: Seconds after which the client, as the subject sets it up, gives up waiting; ``None`` where it waits
            for longer than a test can.
    """

    faults: Faults
    writes: str = "P*"
    batches: str | None = None
    patience: float | None = None
