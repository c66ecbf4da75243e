"""`WrongSubject`: the memory backend with a fault, as a subject of the kit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tracklib.backends.capabilities import Capabilities
from tracklib.backends.contract import Sink, SinkContext, Source
from tracklib.backends.memory import CAPABILITIES, MemorySource, MemoryStore
from tracklib.testing.conformance.gate import Gate
from tracklib.testing.conformance.subject import Witness

__all__ = ["WrongSubject"]


@dataclass(slots=True)
class WrongSubject:
    """The memory backend with a fault.

    Attributes:
        make: Makes its sinks.
        gate: Lets faults in, where its sinks look at them.
    """

    name: str
    make: Callable[[MemoryStore, SinkContext], Sink]
    capabilities: Capabilities = CAPABILITIES
    witness: Witness | None = None
    gate: Gate | None = None
    read: Callable[[MemoryStore], Source] = MemorySource
    store: MemoryStore = field(default_factory=MemoryStore)

    def sink(self, context: SinkContext, /) -> Sink:
        """Return a new sink."""
        return self.make(self.store, context)

    def source(self) -> Source:
        """Return a new source."""
        return self.read(self.store)
