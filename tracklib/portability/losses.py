"""`Losses`: what of a run a destination changes or does not hold, as it declares."""

from __future__ import annotations

from collections import Counter

from tracklib.backends.capabilities import Capabilities, Feature
from tracklib.model.records import Artifact, Console, Context, Input, Media, Metrics, Record, System
from tracklib.model.state import RunState
from tracklib.portability.expected import expected
from tracklib.portability.projection import Projector

__all__ = ["Losses"]

_WHOLE = {Input: Feature.INPUTS, Media: Feature.MEDIA, System: Feature.SYSTEM, Context: Feature.CONTEXT}
"""Records that a place holds whole or not at all."""


class Losses:
    """Counts for each declared change how many points, params, texts, ... of one run it concerns, as comparing would.

    Attributes:
        counts: By the declared reason; whole once `settle` was called behind the last record.
    """

    def __init__(self, run_id: str, capabilities: Capabilities) -> None:
        self.counts: Counter[str] = Counter()
        self._capabilities = capabilities
        self._project = Projector(capabilities, self.counts)
        self._state = RunState(run_id)

    def take(self, record: Record) -> None:
        """Take in the next record."""
        body = record.body
        if isinstance(body, Metrics):
            if not self._project.is_exact:
                self._project((body.values, body.step, record.when), given=body.timestamp is not None)
        elif isinstance(body, Console):
            self._project.text(body.text)
        elif (feature := _WHOLE.get(type(body))) is not None:
            self._count(feature)
        else:
            self._state.apply(record)
            if isinstance(body, Artifact) and body.references:
                self._count(Feature.ARTIFACT_REFERENCES)

    def settle(self) -> None:
        """Count what concerns the run as it is in the end: params, tags, summary, status, times, ..."""
        expected(self._state, self._capabilities, self.counts)
        for time in (self._state.started, self._state.ended):
            if time and self._capabilities.project(Feature.TIME_OF_RUN, time) != time:
                self.counts[self._capabilities.of(Feature.TIME_OF_RUN).reason] += 1

    def _count(self, feature: Feature) -> None:
        fidelity = self._capabilities.of(feature)
        if fidelity.kind != "exact":
            self.counts[fidelity.reason] += 1
