"""Comparing media: each picture, sound, table, ... by its place, its content and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias, cast

from tracklib.backends.capabilities import Capabilities, Feature
from tracklib.model.records import Media
from tracklib.model.trees import same
from tracklib.portability.comparison import Comparison, Difference
from tracklib.portability.snapshot import exact

__all__ = ["compare_media"]

_Place: TypeAlias = "tuple[str, object, int]"


def compare_media(
    left: Iterable[Media], right: Iterable[Media], capabilities: Capabilities, result: Comparison
) -> None:
    """Compare the media of two copies of a run: those of one key, step and index in the order in which they stand."""
    ours, theirs = _by_place(left), _by_place(right)
    result.counts["media"] = sum(map(len, ours.values()))
    for place in [*ours, *(place for place in theirs if place not in ours)]:
        mine, its = _apart(ours.get(place, []), theirs.get(place, []), capabilities)
        for number in range(max(len(mine), len(its))):
            a = mine[number] if number < len(mine) else None
            b = its[number] if number < len(its) else None
            _report(a, b, capabilities, result)


def _by_place(media: Iterable[Media]) -> dict[_Place, list[Media]]:
    groups: dict[_Place, list[Media]] = {}
    for item in media:
        groups.setdefault((item.key, exact(item.step), -1 if item.index is None else item.index), []).append(item)
    return groups


def _apart(ours: list[Media], theirs: list[Media], capabilities: Capabilities) -> tuple[list[Media], list[Media]]:
    """Return what is left of two lists when each has lost what the other has too."""
    left, right = [], list(theirs)
    for item in ours:
        twin = next((other for other in right if not _differences(item, other, capabilities)), None)
        if twin is None:
            left.append(item)
        else:
            right.remove(twin)
    return left, right


def _differences(left: Media, right: Media, capabilities: Capabilities) -> list[tuple[str, str, str]]:
    """Return in what two differ, each with both sides as text."""
    pairs: list[tuple[str, object, object]] = [
        ("type", left.media_type, right.media_type),
        ("content", _file(left), _file(right)),
        ("attachments", _attachments(left), _attachments(right)),
    ]
    if right.timestamp not in (left.timestamp, _projected(left.timestamp, capabilities)):
        pairs.append(("time", left.timestamp, right.timestamp))
    found = [(name, str(a), str(b)) for name, a, b in pairs if a != b]
    if not same(dict(left.metadata), dict(right.metadata)):
        found.append(("metadata", repr(left.metadata), repr(right.metadata)))
    return found


def _file(media: Media) -> str:
    return f"{media.file.size} bytes, sha256 {media.file.sha256}"


def _projected(timestamp: int | None, capabilities: Capabilities) -> int | None:
    """Return the time that a copy may have too: the one that the backend holds of points."""
    return None if timestamp is None else cast("int", capabilities.project(Feature.TIME_OF_CALLER, timestamp))


def _attachments(media: Media) -> list[str]:
    return sorted(f"{file.path}, {file.size} bytes, sha256 {file.sha256}" for file in media.attachments)


def _report(left: Media | None, right: Media | None, capabilities: Capabilities, result: Comparison) -> None:
    media = left or right
    assert media is not None
    key = media.key if media.index is None else f"{media.key}[{media.index}]"
    step = str(media.step)
    if left is None or right is None:
        result.add(Difference("media", key, _described(left), _described(right), step))
        return
    for name, a, b in _differences(left, right, capabilities):
        result.add(Difference("media", f"{key}: {name}", a, b, step))


def _described(media: Media | None) -> str | None:
    return None if media is None else f"{media.media_type} {media.file.sha256}"
