"""Comparing two copies of a run, point by point, artifact by artifact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tracklib.backends.capabilities import Capabilities, Feature
from tracklib.model.records import Input
from tracklib.model.state import RunState
from tracklib.model.trees import flatten, same
from tracklib.portability.artifacts import compare_artifacts
from tracklib.portability.comparison import Comparison, Difference
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

__all__ = ["compare", "compare_runs", "compare_sides"]


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
    compare_artifacts(state.artifacts, right.state.artifacts, result)
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


def _compare_inputs(left: Iterable[Input], right: Iterable[Input], result: Comparison) -> None:
    ours, theirs = Counter(left), Counter(right)
    result.counts["inputs"] = ours.total()
    for item in (ours - theirs).elements():
        result.add(Difference("input", item.name, _of_input(item), None))
    for item in (theirs - ours).elements():
        result.add(Difference("input", item.name, None, _of_input(item)))


def _of_input(item: Input) -> str:
    return f"type {item.type}, version {item.version}, of run {item.run}"
