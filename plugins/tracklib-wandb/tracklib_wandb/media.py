"""Media: what W&B's pages show of each, in the JSON by which its rows name files.

Where W&B keeps the very bytes, they are nowhere else; what it shows in a form of its own (histograms, tables, text) is
kept beside that, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracklib.model.media import MediaCell, read_histogram, read_table
from tracklib.model.records import Media
from tracklib.typing import JSON
from tracklib_wandb.params import held

__all__ = ["Shown", "digest_of", "row_value", "shown"]

_MAX_BINS = 512
_MAX_TEXT = 100_000
_MAX_ROWS = 200_000
_BAD = re.compile(r"[^A-Za-z0-9_-]+")
_IMAGES = frozenset({"png", "jpg", "jpeg", "gif", "bmp", "webp"})
_VIDEOS = frozenset({"mp4", "gif", "webm", "ogg"})
_DIGEST = re.compile(r"media/.+_([0-9a-f]{20})\.[A-Za-z0-9.]+")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a row says of a medium.

    Attributes:
        kind: By which several in one list are shown together.
        value: The row's.
        path: Where its file is in the run; ``None`` where it has none.
        content: The file's, where it is not the medium's own.
    """

    kind: str
    value: JSON
    path: str | None = None
    content: bytes | None = None

    @property
    def is_exact(self) -> bool:
        """Whether the run's file is the medium's own."""
        return self.path is not None and self.content is None

    def joins(self, others: Sequence[Shown]) -> bool:
        """Tell whether it can stand in one list with others."""
        return self.kind in _LISTS and all(other.kind == self.kind for other in others)


def digest_of(path: str) -> str | None:
    """Return the first twenty digits of the SHA-256 of a medium's file, which stand in its name."""
    found = _DIGEST.fullmatch(path)
    return found[1] if found else None


def shown(media: Media, content: Path) -> Shown | None:
    """Return what W&B shows of a medium; ``None`` where it has no form for it."""
    show = _FORMS.get(media.media_type)
    if show is None:
        return None
    try:
        return show(media, content)
    except Exception:  # a table that cannot be read, ...: it is kept all the same, and only not shown
        return None


def _format(media: Media) -> str:
    named = media.metadata.get("format")
    return str(named or media.file.path.rpartition(".")[2]).lower()


def _path(media: Media, folder: str, sha256: str, ending: str) -> str:
    name = _BAD.sub("_", media.key)[:80] or "_"
    step = _BAD.sub("_", str(media.step))[:20]
    return f"media/{folder}/{name}_{step}_{sha256[:20]}.{ending}"


def _file(media: Media, kind: str, folder: str, ending: str, more: Mapping[str, JSON]) -> Shown:
    path = _path(media, folder, media.file.sha256, ending)
    value = {"_type": kind, "path": path, "sha256": media.file.sha256, "size": media.file.size, **more}
    return Shown(kind, value, path)


def _caption(media: Media) -> dict[str, JSON]:
    caption = media.metadata.get("caption")
    return {"caption": str(held(caption))} if caption else {}


def _image(media: Media, content: Path) -> Shown | None:
    _ = content
    form = _format(media)
    if form not in _IMAGES:
        return None
    size = {name: media.metadata[name] for name in ("width", "height") if isinstance(media.metadata.get(name), int)}
    return _file(media, "image-file", "images", form, {"format": form, **size, **_caption(media)})


def _audio(media: Media, content: Path) -> Shown | None:
    _ = content
    return _file(media, "audio-file", "audio", _BAD.sub("", _format(media)) or "wav", _caption(media))


def _video(media: Media, content: Path) -> Shown | None:
    _ = content
    form = _format(media)
    return _file(media, "video-file", "videos", form, _caption(media)) if form in _VIDEOS else None


def _html(media: Media, content: Path) -> Shown | None:
    _ = content
    return _file(media, "html-file", "html", "html", {})


def _figure(media: Media, content: Path) -> Shown | None:
    if _format(media) == "plotly":
        return _file(media, "plotly-file", "plotly", "plotly.json", {})
    return _image(media, content)


def _text(media: Media, content: Path) -> Shown | None:
    _ = media
    return Shown("text", str(held(content.read_text("utf-8", "replace")[:_MAX_TEXT])))


def _histogram(media: Media, content: Path) -> Shown | None:
    _ = media
    data = read_histogram(content.read_bytes())
    if len(data.counts) > _MAX_BINS:
        return None
    bins: JSON = [held(edge) for edge in data.edges]
    return Shown("histogram", {"_type": "histogram", "values": [held(n) for n in data.counts], "bins": bins})


def _table(media: Media, content: Path) -> Shown | None:
    data = read_table(content.read_bytes())
    rows = [[_cell(cell) for cell in row] for row in data.rows[:_MAX_ROWS]]
    text = json.dumps({"columns": [str(held(name)) for name in data.columns], "data": rows}, allow_nan=False).encode()
    sha256 = hashlib.sha256(text).hexdigest()
    path = _path(media, "table", sha256, "table.json")
    value: dict[str, JSON] = {"_type": "table-file", "path": path, "sha256": sha256, "size": len(text)}
    return Shown("table-file", {**value, "ncols": len(data.columns), "nrows": len(rows)}, path, text)


def _cell(cell: Any) -> JSON:
    if isinstance(cell, MediaCell):
        return f"{cell.media_type}: {cell.path}"
    is_json = cell is None or isinstance(cell, (str, int, float, list, tuple, Mapping))
    return held(cell) if is_json else str(cell)


_FORMS: Mapping[str, Callable[[Media, Path], Shown | None]] = {
    "image": _image,
    "audio": _audio,
    "video": _video,
    "html": _html,
    "figure": _figure,
    "text": _text,
    "histogram": _histogram,
    "table": _table,
}


# -- lists


def row_value(listed: Sequence[Shown]) -> JSON:
    """Return what a row says of the media of one key."""
    if len(listed) == 1:
        return listed[0].value
    return _LISTS[listed[0].kind]([item.value for item in listed if isinstance(item.value, dict)])


def _images(items: list[dict[str, Any]]) -> JSON:
    first = items[0]
    captions: JSON = [item.get("caption", "") for item in items]
    return {
        "_type": "images/separated",
        **{name: first.get(name) for name in ("width", "height", "format")},
        "count": len(items),
        "filenames": [item["path"] for item in items],
        "captions": captions if any(item.get("caption") for item in items) else False,
    }


def _listed(kind: str, name: str) -> Callable[[list[dict[str, Any]]], JSON]:
    return lambda items: {
        "_type": kind,
        "count": len(items),
        name: list(items),
        "captions": [item.get("caption", "") for item in items],
    }


_LISTS: Mapping[str, Callable[[list[dict[str, Any]]], JSON]] = {
    "image-file": _images,
    "audio-file": _listed("audio", "audio"),
    "video-file": _listed("videos", "videos"),
    "html-file": _listed("html", "html"),
}
