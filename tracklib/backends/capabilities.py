"""Capabilities: what a backend holds exactly, what it changes and how, and what it cannot hold."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from tracklib.errors import ConfigError

__all__ = ["EXACT", "Capabilities", "Encoding", "Feature", "Fidelity", "Limits", "Projection", "absent", "lossy"]

Projection: TypeAlias = Callable[[Any], Any]
"""A pure function from what was sent to what is read back; its argument is the value that the feature is about."""


class Feature(enum.Enum):
    """Something that a run may hold; the value is how documents and receipts call it."""

    METRIC_FINITE = "metric: finite float"
    METRIC_NAN = "metric: NaN"
    METRIC_INFINITE = "metric: infinity"
    METRIC_NEGATIVE_ZERO = "metric: -0.0"
    METRIC_LARGE_INT = "metric: integer beyond 2**53"
    METRIC_NAMES = "metric: any name"
    STEP_LATE = "step: out of order"
    STEP_REPEATED = "step: repeated"
    STEP_NEGATIVE = "step: negative"
    STEP_FRACTIONAL = "step: fractional"
    STEP_LARGE = "step: beyond 64 bits"
    TIME_OF_POINT = "time of a point, in nanoseconds"
    TIME_OF_CALLER = "time of a point, given by the caller, in nanoseconds"
    TIME_OF_RUN = "times of a run, in nanoseconds"
    PARAM_TYPES = "param: types"
    PARAM_LONG = "param: long text"
    PARAM_CHANGED = "param: changed later"
    PARAM_NAMES = "param: any name, nested"
    TAGS = "tags"
    TAG_LONG = "tag: long text"
    NOTES = "notes"
    SUMMARY = "summary"
    ARTIFACT_FILES = "artifact: files and directories, byte for byte"
    ARTIFACT_NAMES = "artifact: any file name"
    ARTIFACT_VERSIONS = "artifact: versions of one name"
    ARTIFACT_ALIASES = "artifact: aliases"
    ARTIFACT_METADATA = "artifact: type and metadata"
    ARTIFACT_REFERENCES = "artifact: references to files elsewhere"
    INPUTS = "artifacts used"
    MEDIA = "media"
    SYSTEM = "system metrics"
    CONTEXT = "what was captured of the surroundings"
    CONSOLE = "console output"
    STATUS_CRASHED = "status: crashed"
    STATUS_KILLED = "status: killed"
    RESUME = "resume of an ended run"
    PARENT = "parent run"
    GROUP = "group and job type"
    RUN_ID = "the caller's run id"


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How well a backend holds a feature.

    Attributes:
        reason: Why it is not exact, as a sentence for a person.
        projection: What reading back gives; the identity where the kind is exact.
    """

    kind: Literal["exact", "lossy", "absent"]
    reason: str = ""
    projection: Projection | None = None

    def __post_init__(self) -> None:
        if self.kind != "exact" and not self.reason:
            raise ConfigError(f"expected a reason why a feature is {self.kind}, got none")
        if (self.kind == "lossy") != (self.projection is not None):
            raise ConfigError(f"expected a projection where a feature is lossy and only there, got {self.kind}")


EXACT = Fidelity("exact")


def lossy(reason: str, projection: Projection) -> Fidelity:
    """Declare that a feature comes back as ``projection(sent)``."""
    return Fidelity("lossy", reason, projection)


def absent(reason: str) -> Fidelity:
    """Declare that a feature is not held at all."""
    return Fidelity("absent", reason)


_UNDECLARED = absent("the backend declares nothing about it")


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes that the vendor's interface takes; ``None`` where it names none.

    Attributes:
        batch_records: Records in one ``send``.
        name_chars: Characters of a metric's or param's name.
        param_chars: Characters of a param's value.
        tag_chars: Characters of a tag's value.
        requests_per_second: For one run.
    """

    batch_records: int = 1000
    name_chars: int | None = None
    param_chars: int | None = None
    tag_chars: int | None = None
    requests_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Encoding:
    """How names that the vendor does not take are written, and read again.

    Attributes:
        rule: For people, one sentence.
        encode: Injective.
        decode: Its inverse.
    """

    rule: str
    encode: Callable[[str], str] = str
    decode: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One backend's declaration; whatever it does not name counts as absent.

    Attributes:
        runs_per_process: How many runs one process can write at a time; ``None``: any number.
        idempotent: Whether a record that is sent twice is held once.
    """

    features: Mapping[Feature, Fidelity] = field(default_factory=dict)
    limits: Limits = Limits()
    names: Encoding = Encoding("names are kept as they are")
    runs_per_process: int | None = None
    idempotent: bool = False

    def of(self, feature: Feature, /) -> Fidelity:
        """Return how well a feature is held."""
        return self.features.get(feature, _UNDECLARED)

    def project(self, feature: Feature, value: Any, /) -> Any:
        """Return what reading back gives for a value of this feature."""
        fidelity = self.of(feature)
        return fidelity.projection(value) if fidelity.projection is not None else value
