"""What a copy is expected to hold: a run's state as a backend's capabilities say that it comes back.

A feature that is declared absent is expected to be missing, one that is lossy to be its projection; each thing that this
changes is counted under the declared reason. Points, printed lines and media are compared one by one, and are left as they are here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tracklib.backends.capabilities import Capabilities, Feature
from tracklib.model.records import Artifact
from tracklib.model.state import RunState
from tracklib.model.trees import same
from tracklib.typing import JSON

__all__ = ["expected"]


def expected(state: RunState, capabilities: Capabilities, declared: Counter[str]) -> RunState:
    """Return what is expected of a state, and count what is declared to be otherwise."""
    rules = _Rules(capabilities, declared)
    limits = capabilities.limits
    return replace(
        state,
        group=rules.value(Feature.GROUP, state.group),
        job_type=rules.value(Feature.GROUP, state.job_type),
        parent=rules.value(Feature.PARENT, state.parent),
        status=rules.status(state.status),
        notes=rules.value(Feature.NOTES, state.notes) or "",
        params=rules.params(state.params, limits.param_chars),
        tags=rules.texts(Feature.TAGS, Feature.TAG_LONG, state.tags, limits.tag_chars),
        summary=rules.values(Feature.SUMMARY, state.summary),
        artifacts=[kept for artifact in state.artifacts if (kept := rules.artifact(artifact)) is not None],
    )


@dataclass(frozen=True, slots=True)
class _Rules:
    """A backend's capabilities, applied to values one by one."""

    capabilities: Capabilities
    declared: Counter[str]

    def value(self, feature: Feature, value: Any) -> Any:
        """Return what comes back for a value; ``None`` where it is not held. Nothing comes back as nothing."""
        return value if value is None or value in ("", ()) else self._back(feature, value)

    def _back(self, feature: Feature, value: Any) -> Any:
        fidelity = self.capabilities.of(feature)
        if fidelity.kind == "exact":
            return value
        back = fidelity.projection(value) if fidelity.projection is not None else None
        if fidelity.kind == "absent" or not same(back, value):
            self.declared[fidelity.reason] += 1
        return back

    def status(self, status: Any) -> Any:
        """Return what comes back for a status; of one that is not held, nothing is known but that the run ended."""
        features = {"crashed": Feature.STATUS_CRASHED, "killed": Feature.STATUS_KILLED}
        return (self.value(features[status], status) or status) if status in features else status

    def values(self, feature: Feature, values: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return what comes back for each value, those left out that are not held."""
        found = {key: self._back(feature, value) for key, value in values.items()}
        return {} if self.capabilities.of(feature).kind == "absent" else found

    def texts(self, feature: Feature, long: Feature, texts: Mapping[str, Any], limit: int | None) -> dict[str, Any]:
        """Return what comes back for texts, the long ones by a feature of their own."""
        found = {key: self._long(long, text, limit) for key, text in self.values(feature, texts).items()}
        return {key: text for key, text in found.items() if text is not None}

    def _long(self, feature: Feature, value: Any, limit: int | None) -> Any:
        is_long = isinstance(value, str) and limit is not None and len(value) > limit
        return self._back(feature, value) if is_long else value

    def params(self, tree: Mapping[str, JSON], limit: int | None) -> dict[str, JSON]:
        """Return what comes back for params, leaf by leaf."""
        found: dict[str, JSON] = {}
        for key, value in tree.items():
            if isinstance(value, Mapping) and value:
                if inner := self.params(value, limit):
                    found[key] = inner
                continue
            kept = self._long(Feature.PARAM_LONG, value, limit)
            if value is None or kept is not None:
                found |= self.values(Feature.PARAM_TYPES, {key: kept})
        return found

    def artifact(self, artifact: Artifact) -> Artifact | None:
        """Return what comes back for an artifact; ``None`` where none is held."""
        if self.capabilities.of(Feature.ARTIFACT_FILES).kind == "absent":
            self.declared[self.capabilities.of(Feature.ARTIFACT_FILES).reason] += 1
            return None
        aliases = self.value(Feature.ARTIFACT_ALIASES, tuple(artifact.aliases)) or ()
        metadata = self.value(Feature.ARTIFACT_METADATA, artifact.metadata or None) or {}
        return replace(artifact, aliases=tuple(aliases), metadata=metadata)
