"""Comparing two copies of a run, point by point, artifact by artifact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tracklib.backends.capabilities import Capabilities, Feature
from tracklib.model.records import Artifact, Input
from tracklib.model.state import RunState
from tracklib.model.trees import flatten, same
from tracklib.portability.curves import Curve
from tracklib.portability.expected import expected
from tracklib.portability.media import compare_media
from tracklib.portability.points import compare_points
from tracklib.portability.projection import Projector
from tracklib.portability.side import Side
from tracklib.portability.sides import Held, sides_of
from tracklib.portability.snapshot import Snapshot
from tracklib.typing import JSON

if TYPE_CHECKING:
    from tracklib.backends.contract import Source
    from tracklib.model.run import RunInfo
    from tracklib.portability.copy import Change

__all__ = ["DETAILED", "Comparison", "Difference", "compare", "compare_runs", "compare_sides"]

DETAILED = 1000
"""Differences of one kind that are told in detail."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which two copies differ.

    Attributes:
        kind: ``point``, ``param``, ``tag``, ``summary``, ``artifact``, ``file``, ``status``, ...
        key: The metric, param, tag or artifact.
        left, right: What each side holds, as text; ``None`` where it holds nothing.
    """

    kind: str
    key: str
    left: str | None
    right: str | None
    step: str | None = None
    time: int | None = None

    def __str__(self) -> str:
        place = f"{self.kind} {self.key}" if self.key else self.kind
        step = f" step {self.step}" if self.step is not None else ""
        return f"{place}{step}: {_or_missing(self.left)} != {_or_missing(self.right)}"


def _or_missing(text: str | None) -> str:
    return "(missing)" if text is None else text


@dataclass(slots=True)
class Comparison:
    """What comparing two copies found.

    Attributes:
        counts: How many points, params, tags, summary values, artifacts and files of the left side were compared.
        differences: The real ones, the first thousand of each kind in detail.
        found: How many real differences there are of each kind.
        declared: For each transformation that the capabilities declare, how many things it concerns; these are equal
            after it.
        curves: Metrics in which the two differ, for a drawing.
    """

    counts: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    declared: Counter[str] = field(default_factory=Counter)
    curves: list[Curve] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether there is no real difference."""
        return not self.found

    def add(self, difference: Difference) -> None:
        """Take in a real difference."""
        self.found[difference.kind] += 1
        if self.found[difference.kind] <= DETAILED:
            self.differences.append(difference)


def compare(left: Snapshot, right: Snapshot, capabilities: Capabilities) -> Comparison:
    """Compare two copies of a run; the right one may differ as its capabilities declare, and no further."""
    declared: Counter[str] = Counter()
    sides = (
        Side(lambda: left.records, [Projector(capabilities, declared)], state=left.state, is_folded=True),
        Side(lambda: right.records, state=right.state, is_folded=True),
    )
    for side in sides:
        side.scan()
    return compare_sides(*sides, capabilities, declared)


def compare_runs(a: Source, run: RunInfo, b: Source, copy: RunInfo, *, change: Change | None = None) -> Comparison:
    """Compare a run with its copy at another place, which may differ as that place declares.

    Args:
        change: Was applied to each record as it was copied.
    """
    declared: Counter[str] = Counter()
    left, right = sides_of(Held(a, run, [Projector(b.capabilities, declared)]), Held(b, copy), change=change)
    left.scan()
    right.scan()
    return compare_sides(left, right, b.capabilities, declared)


def compare_sides(left: Side, right: Side, capabilities: Capabilities, declared: Counter[str]) -> Comparison:
    """Compare two copies of a run that were scanned; the right one may differ as its capabilities declare.

    Args:
        declared: What reading the left side has counted of these changes so far.
    """
    result = Comparison(declared=declared)
    state = expected(left.state, capabilities, declared)
    _compare_identity(state, right.state, capabilities, result)
    compare_points(left, right, result)
    _compare_trees("param", state.params, right.state.params, result)
    _compare_values("tag", state.tags, right.state.tags, result)
    _compare_values("summary", state.summary, right.state.summary, result)
    _compare_artifacts(state.artifacts, right.state.artifacts, result)
    _compare_inputs(left.state.inputs, right.state.inputs, result)
    compare_media(left.state.media, right.state.media, capabilities, result)
    _compare_trees("context", left.state.context, right.state.context, result)
    return result


def _compare_identity(left: RunState, right: RunState, capabilities: Capabilities, result: Comparison) -> None:
    for name in ("id", "project", "name", "group", "job_type", "parent", "status", "exit_code", "error", "notes"):
        a, b = getattr(left, name), getattr(right, name)
        if a != b:
            result.add(Difference(name, "", _text(a), _text(b)))
    for name in ("started", "ended"):
        a, b = getattr(left, name), getattr(right, name)
        expected = None if a is None else capabilities.project(Feature.TIME_OF_RUN, a)
        if expected != b:
            result.add(Difference(name, "", _text(a), _text(b)))
        elif expected != a:
            result.declared[capabilities.of(Feature.TIME_OF_RUN).reason] += 1


def _text(value: object) -> str | None:
    return None if value is None else value if isinstance(value, str) else repr(value)


def _compare_trees(kind: str, left: Mapping[str, JSON], right: Mapping[str, JSON], result: Comparison) -> None:
    _compare_values(kind, _leaves(left), _leaves(right), result)


def _leaves(tree: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the leaves by their paths; a dot inside a key is told apart by a backslash before it."""
    return {
        ".".join(part.replace("\\", "\\\\").replace(".", "\\.") for part in path): leaf for path, leaf in flatten(tree)
    }


def _compare_values(kind: str, left: Mapping[str, JSON], right: Mapping[str, JSON], result: Comparison) -> None:
    result.counts[kind if kind in ("summary", "context") else f"{kind}s"] = len(left)
    for key in [*left, *(key for key in right if key not in left)]:
        a = repr(left[key]) if key in left else None
        b = repr(right[key]) if key in right else None
        if a is None or b is None or not same(left[key], right[key]):
            result.add(Difference(kind, key, a, b))


def _compare_artifacts(left: Iterable[Artifact], right: Iterable[Artifact], result: Comparison) -> None:
    ours, theirs = _versions(left), _versions(right)
    result.counts["artifacts"] = len(ours)
    result.counts["files"] = sum(len(artifact.files) for artifact in ours.values())
    for key in [*ours, *(key for key in theirs if key not in ours)]:
        a, b = ours.get(key), theirs.get(key)
        if a is None or b is None:
            result.add(Difference("artifact", key, _of_artifact(a), _of_artifact(b)))
        else:
            _compare_artifact(key, a, b, result)


def _versions(artifacts: Iterable[Artifact]) -> dict[str, Artifact]:
    """Name each version: ``model``, ``model (version 2)``, ..."""
    seen: Counter[str] = Counter()
    named = {}
    for artifact in artifacts:
        seen[artifact.name] += 1
        number = seen[artifact.name]
        named[artifact.name if number == 1 else f"{artifact.name} (version {number})"] = artifact
    return named


def _of_artifact(artifact: Artifact | None) -> str | None:
    return None if artifact is None else f"{artifact.type} of {len(artifact.files)} files"


def _compare_artifact(key: str, left: Artifact, right: Artifact, result: Comparison) -> None:
    for name in ("type", "aliases", "folders"):
        a, b = getattr(left, name), getattr(right, name)
        if (a if name == "type" else sorted(a)) != (b if name == "type" else sorted(b)):
            result.add(Difference("artifact", f"{key}: {name}", repr(a), repr(b)))
    if not same(dict(left.metadata), dict(right.metadata)):
        result.add(Difference("artifact", f"{key}: metadata", repr(left.metadata), repr(right.metadata)))
    ours, theirs = _contents(left), _contents(right)
    for path in [*ours, *(path for path in theirs if path not in ours)]:
        if ours.get(path) != theirs.get(path):
            result.add(Difference("file", f"{key}/{path}", ours.get(path), theirs.get(path)))


def _contents(artifact: Artifact) -> dict[str, str]:
    """Return what stands at each path of an artifact, files and references."""
    found = {file.path: f"{file.size} bytes, sha256 {file.sha256}" for file in artifact.files}
    for reference in artifact.references:
        text = f"elsewhere at {reference.url}, size {reference.size}, digest {reference.digest}"
        found[reference.path] = f"{found[reference.path]}; {text}" if reference.path in found else text
    return found


def _compare_inputs(left: Iterable[Input], right: Iterable[Input], result: Comparison) -> None:
    ours, theirs = Counter(left), Counter(right)
    result.counts["inputs"] = ours.total()
    for item in (ours - theirs).elements():
        result.add(Difference("input", item.name, _of_input(item), None))
    for item in (theirs - ours).elements():
        result.add(Difference("input", item.name, None, _of_input(item)))


def _of_input(item: Input) -> str:
    return f"type {item.type}, version {item.version}, of run {item.run}"
