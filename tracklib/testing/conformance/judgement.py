"""Judgement: from a run as it was told and as it reads back to verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tracklib.model.trees import same
from tracklib.portability.compare import compare
from tracklib.portability.comparison import Comparison, Difference
from tracklib.portability.snapshot import Snapshot
from tracklib.testing.conformance.cases import Case, Key
from tracklib.testing.conformance.desk import Desk, Story
from tracklib.testing.conformance.verdict import Verdict

__all__ = ["judge", "same_runs"]

_SHOWN = 3


def judge(desk: Desk, story: Story, cases: Sequence[Case], law: str) -> Iterator[Verdict]:
    """Judge each case of a run by what concerns its names; what concerns none of them is the run's own."""
    told, read = story.told(), desk.read(story)
    if read is None:
        yield Verdict(law, "the run", None, f"expected one run, the source lists {len(desk.found(story))}")
        return
    differences = compare(told, read, desk.subject.capabilities).differences
    owners = {key: case.id for case in cases for key in case.keys}
    owned: dict[str, list[Difference]] = {}
    for difference in differences:
        owned.setdefault(_owner(difference, owners), []).append(difference)
    for case in cases:
        problem = _told(owned.pop(case.id, []))
        if not problem and desk.subject.capabilities.of(case.feature).kind == "absent":
            problem = _unexpected(case, told, read)
        yield Verdict(law, case.id, case.feature, problem)
    rest = [difference for differences in owned.values() for difference in differences]
    yield Verdict(law, "the run", None, _told(rest))


def same_runs(desk: Desk, story: Story, law: str, case: str) -> Verdict:
    """Judge a run as a whole."""
    read = desk.read(story)
    if read is None:
        return Verdict(law, case, None, f"expected one run, the source lists {len(desk.found(story))}")
    found: Comparison = compare(story.told(), read, desk.subject.capabilities)
    return Verdict(law, case, None, _told(found.differences))


def _owner(difference: Difference, owners: dict[Key, str]) -> str:
    """Return the case whose name a difference is about."""
    kind = "artifact" if difference.kind == "file" else difference.kind
    key = difference.key
    if (kind, key) in owners:
        return owners[kind, key]
    # A param's difference names its path, an artifact's goes on behind its name: the longest name that fits owns it.
    fitting = [
        (len(name), owner)
        for (of, name), owner in owners.items()
        if of == kind and name and key.startswith((name, name.replace("\\", "\\\\").replace(".", "\\.")))
    ]
    return max(fitting)[1] if fitting else ""


def _told(differences: Sequence[Difference]) -> str:
    if not differences:
        return ""
    more = f"; and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    return "; ".join(str(difference)[:300] for difference in differences[:_SHOWN]) + more


def _unexpected(case: Case, told: Snapshot, read: Snapshot) -> str:
    """Say so where a backend holds what it declares not to."""
    for kind, name in case.keys:
        ours, theirs = _held(told, kind, name), _held(read, kind, name)
        if ours is not None and theirs is not None and same(ours, theirs):
            return f"declared absent, and there all the same: {kind} {name}"
    return ""


def _held(side: Snapshot, kind: str, name: str) -> Any:
    state = side.state
    match kind:
        case "point":
            return [[point.step, point.value] for point in side.points.get(name, [])] or None
        case "param":
            return state.params.get(name)
        case "tag":
            return state.tags.get(name)
        case "summary":
            return state.summary.get(name)
        case "notes":
            return state.notes or None
        case "artifact":
            return [[file.sha256 for file in a.files] for a in state.artifacts if a.name == name] or None
        case "media":
            return [media.file.sha256 for media in state.media if media.key == name] or None
        case "input":
            return [[i.name, i.type, i.version, i.run] for i in state.inputs if i.name == name] or None
        case "system":
            return sorted([time, repr(value)] for key, time, value in side.system if key == name) or None
        case "context":
            return state.context.get(name)
        case "console":
            return sorted(text for stream, text in side.console if stream == name) or None
        case _:
            return None
