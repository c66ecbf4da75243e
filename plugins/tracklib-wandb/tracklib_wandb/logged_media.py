"""Media as W&B's own SDK logged them, from its rows of history into records."""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracklib.errors import BadValueError, RejectedError
from tracklib.model.media import HistogramData, write_histogram
from tracklib.model.records import FileRef, Media
from tracklib.typing import JSON, Step
from tracklib_wandb.annotations import boxes_of, labels_of
from tracklib_wandb.contents import Contents
from tracklib_wandb.tables import KINDS, format_of, read_wandb_table

__all__ = ["Place", "read_media"]

_LISTS = {"audio": "audio", "videos": "videos", "html": "html", "plotly": "plotly", "object3D": "objects"}
"""Under which member each kind of list keeps its items."""

_MAX_SMALL = 64 << 20
_KNOWN = frozenset(("_type", "path", "sha256", "size", "format", "caption", "width", "height", "boxes", "masks"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the run a medium stands.

    Attributes:
        when: Nanoseconds since the epoch.
    """

    key: str
    step: Step
    when: int


def read_media(
    place: Place, value: Mapping[str, Any], contents: Contents, internals: Mapping[str, Any]
) -> Iterator[Media]:
    """Yield the media that a value of a row stands for.

    Raises:
        RejectedError: A file of it is not held; nothing of it was yielded.
        BadValueError: It is none that can be read.
    """
    yield from [_medium(place, item, index, contents, internals) for index, item in _items(value)]


def _items(value: Mapping[str, Any]) -> list[tuple[int | None, Mapping[str, Any]]]:
    """Return the single media of a value, each with its place in the list that was logged."""
    kind = value["_type"]
    if kind == "images/separated":
        return list(enumerate(_separated(value)))
    if kind == "molecule" and isinstance(value.get("filenames"), Sequence):
        items = [{"_type": "molecule-file", "path": path} for path in value["filenames"]]
        return list(enumerate(_captioned(items, value.get("captions"))))
    if kind in _LISTS and isinstance(value.get(_LISTS[kind]), Sequence):
        return list(enumerate(_captioned(value[_LISTS[kind]], value.get("captions"))))
    return [(None, value)]


def _captioned(items: Sequence[Any], captions: Any) -> list[Mapping[str, Any]]:
    told = captions if isinstance(captions, Sequence) and not isinstance(captions, str) else ()
    found = []
    for number, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise BadValueError("expected a list of media, got something else in it")
        caption = told[number] if number < len(told) else None
        found.append({**item, "caption": caption} if caption and "caption" not in item else item)
    return found


def _separated(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Take a list of images apart; width and height are those of the first, so each file's own are read."""
    common = {"_type": "image-file", "format": value.get("format")}
    items: list[dict[str, Any]] = []
    for number, path in enumerate(value.get("filenames") or ()):
        item = {**common, ("artifact_path" if "://" in str(path) else "path"): path}
        for name, members in (("boxes", value.get("all_boxes")), ("masks", value.get("all_masks"))):
            if isinstance(members, Sequence) and number < len(members) and members[number]:
                item[name] = members[number]
        items.append(item)
    return _captioned(items, value.get("captions"))


def _medium(
    place: Place, value: Mapping[str, Any], index: int | None, contents: Contents, internals: Mapping[str, Any]
) -> Media:
    kind = value.get("_type")
    if kind == "histogram":
        return _histogram(place, value, index, contents)
    if kind == "table-file":
        return _table(place, value, index, contents)
    path = value.get("path")
    shown = str(path or value.get("artifact_path") or "").rpartition("/")[2]
    if not isinstance(kind, str) or not kind.endswith("-file") or not shown:
        raise BadValueError(f"expected a file, got {kind!r}")
    file = _file(value, shown, contents)
    metadata = _metadata(value, shown)
    attachments: list[FileRef] = []
    if kind == "image-file":
        metadata |= _size(file, contents) if "width" not in value else {}
        metadata |= _drawn(place.key, value, contents, internals, attachments)
    word = KINDS.get(kind, kind.removesuffix("-file"))
    return Media(place.key, place.step, word, file, metadata, index, tuple(attachments), place.when)


def _file(value: Mapping[str, Any], shown: str, contents: Contents) -> FileRef:
    path, uri = value.get("path"), value.get("artifact_path")
    if isinstance(path, str):
        return contents.of_run(path, shown)
    bundle = contents.bundle(str(uri))
    if bundle is None:
        raise RejectedError(f"{uri} leads to no artifact of this run")
    return bundle.attach(_inside(str(uri)), shown)


def _inside(uri: str) -> str:
    return uri.partition("://")[2].partition("/")[2]


def _metadata(value: Mapping[str, Any], shown: str) -> dict[str, JSON]:
    metadata: dict[str, JSON] = {}
    found = format_of(shown) or value.get("format")
    if found:
        metadata["format"] = found
    metadata |= {key: value[key] for key in ("caption", "width", "height") if value.get(key) is not None}
    rest = {key: item for key, item in value.items() if key not in _KNOWN}
    return {**metadata, "wandb": rest} if rest else metadata


def _size(file: FileRef, contents: Contents) -> dict[str, JSON]:
    """Return width and height from the head of a PNG, as which the SDK writes arrays."""
    content = contents.open(file.sha256)
    if content is None:
        return {}
    with content:
        head = content.read(24)
    if len(head) < 24 or not head.startswith(b"\x89PNG\r\n\x1a\n"):
        return {}
    width, height = struct.unpack(">II", head[16:24])
    return {"width": width, "height": height}


def _drawn(
    key: str,
    value: Mapping[str, Any],
    contents: Contents,
    internals: Mapping[str, Any],
    attachments: list[FileRef],
) -> dict[str, JSON]:
    """Return what metadata says of an image's boxes and masks; masks become attachments."""
    said: dict[str, JSON] = {}
    groups: dict[str, JSON] = {}
    for name, told in (value.get("boxes") or {}).items():
        groups[name] = boxes_of(_json(contents, str(told.get("path"))))
    masks: dict[str, JSON] = {}
    for name, told in (value.get("masks") or {}).items():
        file = contents.of_run(str(told.get("path")), f"masks/{len(attachments)}.png")
        attachments.append(file)
        classes = internals.get("mask/class_labels")
        named = classes.get(f"{key}_wandb_delimeter_{name}") if isinstance(classes, Mapping) else None
        labels = labels_of(named.get("value") if isinstance(named, Mapping) else None)
        masks[name] = {"path": file.path, "labels": labels}
    if groups:
        said["boxes"] = groups
    if masks:
        said["masks"] = masks
    return said


def _json(contents: Contents, path: str) -> Mapping[str, Any]:
    file = contents.of_run(path, path)
    content = contents.open(file.sha256)
    assert content is not None
    with content:
        told = json.loads(content.read(_MAX_SMALL))
    return told if isinstance(told, Mapping) else {}


def _histogram(place: Place, value: Mapping[str, Any], index: int | None, contents: Contents) -> Media:
    counts, edges, packed = value.get("values"), value.get("bins"), value.get("packedBins")
    rest = {key: item for key, item in value.items() if key not in ("_type", "values", "bins")}
    if edges is None and isinstance(packed, Mapping):  # how W&B stores bins of one width
        low, width = packed.get("min"), packed.get("size")
        if not isinstance(low, (int, float)) or not isinstance(width, (int, float)):
            raise BadValueError("expected where a histogram's bins begin and how wide they are")
        edges = [low + width * number for number in range(len(counts or ()) + 1)]
    try:
        data = HistogramData(tuple(edges or ()), tuple(counts or ()))
    except TypeError as error:
        raise BadValueError(f"expected a histogram of numbers: {error}") from error
    file = contents.made(write_histogram(data), "histogram.json")
    metadata: dict[str, JSON] = {"wandb": rest} if rest else {}
    return Media(place.key, place.step, "histogram", file, metadata, index, (), place.when)


def _table(place: Place, value: Mapping[str, Any], index: int | None, contents: Contents) -> Media:
    """Read a table from its artifact, which holds all rows and what stands in them; the run's own file may be cut."""
    path, uri = value.get("path"), value.get("artifact_path")
    bundle = contents.bundle(uri) if isinstance(uri, str) else None
    content, rough, inside = None, None, _inside(uri) if isinstance(uri, str) else ""
    if bundle is not None:
        try:
            content = bundle.read(inside)
        except RejectedError:  # the run's own file may be there
            bundle = None
    if content is None:
        content = _bytes(contents, str(path))
    elif isinstance(path, str):
        with contextlib.suppress(RejectedError):  # the artifact has everything but NaN
            rough = _bytes(contents, path)
    table = read_wandb_table(content, bundle, rough)
    if bundle is not None:
        bundle.take(inside)
    file = contents.made(table.content, "table.json")
    rest = {key: item for key, item in value.items() if key not in ("_type", "path", "sha256", "size", "caption")}
    caption: dict[str, JSON] = {"caption": value["caption"]} if value.get("caption") else {}
    metadata: dict[str, JSON] = {**caption, "wandb": {**rest, **table.said}}
    return Media(place.key, place.step, "table", file, metadata, index, table.attachments, place.when)


def _bytes(contents: Contents, path: str) -> bytes:
    file = contents.of_run(path, path)
    content = contents.open(file.sha256)
    assert content is not None
    with content:
        return content.read()
