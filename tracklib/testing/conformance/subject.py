"""`Subject`: a backend under examination, as its plugin's author presents it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from tracklib.backends import registry
from tracklib.backends.capabilities import Capabilities
from tracklib.backends.contract import Sink, SinkContext, Source, VendorRun
from tracklib.testing.conformance.gate import Gate
from tracklib.typing import Number, Step

__all__ = ["PlaceSubject", "Subject", "Witness"]

_HERE = "tracklib.testing.conformance.subject:PlaceSubject"


class Witness(Protocol):
    """Another way to see what the vendor holds than the plugin's own source.

    An emulator's state, the vendor's database, or its client used in the plainest way.
    """

    def points(self, run: VendorRun, metric: str, /) -> Sequence[tuple[Step, Number]]:
        """Return what the vendor's own pages would plot for a metric with an ordinary name."""
        ...


class Subject(Protocol):
    """A backend with a place to write to.

    It may have two attributes more, each of which opens laws that are not examined without it: ``gate``, a
    `tracklib.testing.conformance.gate.Gate` that lets faults in, and ``recipe``, from which another process makes the
    same subject: ``"module:Class"`` and the arguments that it is called with by name, as JSON.
    """

    @property
    def name(self) -> str:
        """The backend's name."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it declares."""
        ...

    @property
    def witness(self) -> Witness | None:
        """Another way to see what it holds."""
        ...

    def sink(self, context: SinkContext, /) -> Sink:
        """Return a new sink."""
        ...

    def source(self) -> Source:
        """Return a new source."""
        ...


class PlaceSubject:
    """An installed backend at a place, such as ``wandb:entity/scratch``.

    Args:
        entry: The backend's name, or a place.
        settings: What else its settings say, as in ``tracklib.toml``.
        gate: What lets faults in on the way there.
        read_at: Where the source reads, if that is to be another way to the same place; without the settings.
    """

    def __init__(
        self,
        entry: str,
        settings: Mapping[str, Any] | None = None,
        *,
        witness: Witness | None = None,
        gate: Gate | None = None,
        read_at: str | None = None,
    ) -> None:
        name = registry.split_entry(entry)[0]
        resolved = registry.resolve(entry, {name: settings or {}})
        self._spec, self._settings = resolved.spec, resolved.settings
        if settings:  # a place stands for itself: what is said besides counts for a name alone
            self._settings = replace(resolved.settings, **settings).resolved()
        self._resolved = replace(resolved, settings=self._settings)
        self.name = name
        self.witness = witness
        self.gate = gate
        self.recipe = (_HERE, {"entry": entry, "settings": dict(settings or {})})
        self._reading = self._settings if read_at is None else registry.resolve(read_at, {}).settings
        self.capabilities: Capabilities = self._spec.load(self._spec.capabilities)

    def sink(self, context: SinkContext, /) -> Sink:
        """Return a new sink at the place."""
        made: Sink = self._spec.load(self._spec.sink)(self._settings, context)
        return made

    def source(self) -> Source:
        """Return a new source at the place."""
        made: Source = self._spec.load(self._spec.source)(self._reading)
        return made

    def check(self) -> str:
        """Ask the place for a sign of life; return its answer.

        Raises:
            BackendError: It does not answer, or refuses the credentials.
        """
        return self._resolved.check()
