"""Comparing artifacts: version by version, file by file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tracklib.model.records import Artifact
from tracklib.model.trees import same
from tracklib.portability.comparison import Comparison, Difference

__all__ = ["compare_artifacts"]


def compare_artifacts(left: Iterable[Artifact], right: Iterable[Artifact], result: Comparison) -> None:
    """Take in how the artifacts of two copies differ."""
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
