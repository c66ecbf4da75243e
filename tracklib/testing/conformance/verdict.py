"""`Verdict`: what one law found about one case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tracklib.backends.capabilities import Capabilities, Feature
from tracklib.typing import JSON

__all__ = ["Report", "Verdict"]

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one law found about one case.

    Attributes:
        case: The case's id; a word of the law's own where it is about none.
        feature: What the case is about; ``None`` where the law is about no feature.
        problem: What was expected and what came; empty where the law holds.
    """

    law: str
    case: str
    feature: Feature | None = None
    problem: str = ""

    @property
    def holds(self) -> bool:
        """Whether the backend does as the law says."""
        return not self.problem

    def __str__(self) -> str:
        return f"{self.law}: {self.case}: {self.problem or 'holds'}"


@dataclass(slots=True)
class Report:
    """Everything that was found about one backend.

    Attributes:
        versions: The vendor's SDK, by distribution.
    """

    backend: str
    capabilities: Capabilities
    versions: Mapping[str, str] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def failures(self) -> list[Verdict]:
        """The verdicts against the backend."""
        return [verdict for verdict in self.verdicts if not verdict.holds]

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Take in what a law found."""
        self.verdicts += verdicts

    def to_json(self) -> dict[str, JSON]:
        """Return the report as it is kept beside the plugin: no times, so that equal results are equal files."""
        return {
            "format": FORMAT,
            "backend": self.backend,
            "versions": dict(self.versions),
            "idempotent": self.capabilities.idempotent,
            "names": self.capabilities.names.rule,
            "features": {feature.name: dict(self._of_feature(feature)) for feature in Feature},
            "laws": {law: self._of_law(law) for law in dict.fromkeys(verdict.law for verdict in self.verdicts)},
        }

    def _of_feature(self, feature: Feature) -> Iterator[tuple[str, JSON]]:
        fidelity = self.capabilities.of(feature)
        about = [verdict for verdict in self.verdicts if verdict.feature is feature]
        yield "fidelity", fidelity.kind
        if fidelity.reason:
            yield "reason", fidelity.reason
        yield "cases", len({verdict.case for verdict in about})
        if failed := sorted({verdict.case for verdict in about if not verdict.holds}):
            yield "failed", list(failed)

    def _of_law(self, law: str) -> dict[str, JSON]:
        about = [verdict for verdict in self.verdicts if verdict.law == law]
        failed = sorted(verdict.case for verdict in about if not verdict.holds)
        return {"cases": len(about), **({"failed": list(failed)} if failed else {})}
