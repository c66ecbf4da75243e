"""Foreign runs: what Aim's own SDK has tracked besides metrics, as media, system metrics and console output."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from tracklib.model.media import HistogramData, write_histogram
from tracklib.model.records import Body, Console, Media
from tracklib.typing import JSON
from tracklib_aim.border import border
from tracklib_aim.contents import Contents
from tracklib_aim.database import Database, Path
from tracklib_aim.points import NS

__all__ = ["FORMS", "objects"]

Timed: TypeAlias = "tuple[int, Body]"

FORMS = {
    "aim.image": "image",
    "aim.audio": "audio",
    "aim.text": "text",
    "aim.distribution": "histogram",
    "aim.figure": "figure",
    "aim.log_line": "console",
}
_ENDINGS = {"text": "txt", "histogram": "json", "figure": "json"}


def objects(seqs: Database, place: Path, key: str, kind: str, contents: Contents) -> Iterator[Timed]:
    """Yield the objects of a sequence, with their times in nanoseconds."""
    with border(f"reading the sequence {key!r}"):
        times = dict(seqs.items((*place, "time")))
    for step, time in times.items():
        with border(f"reading the sequence {key!r}"):
            held = seqs.get((*place, "val", step))
        when = round(time * NS)
        listed = isinstance(held, (list, tuple))
        for number, item in enumerate(held if listed else [held]):
            if kind == "console":
                yield when, Console("stdout", str(_content(item, kind).decode("utf-8", "replace")))
            else:
                yield when, _media(key, step, kind, item, number if listed else None, when, contents)


def _media(key: str, step: int, kind: str, item: Any, index: int | None, when: int, contents: Contents) -> Media:
    stored: Mapping[str, Any] = item.storage
    form = str(stored.get("format") or "") or None
    metadata: dict[str, JSON] = {}
    for name in ("caption", "format", "width", "height"):
        value = stored.get(name)
        if isinstance(value, (str, int)) and value != "":
            metadata[name] = value.lower() if name == "format" and isinstance(value, str) else value
    if kind == "figure":
        metadata = {"format": "plotly"}
    ending = _ENDINGS.get(kind) or (form or "bin").lower()
    data = _content(item, kind)
    path = f"{step}.{ending}" if index is None else f"{step}-{index}.{ending}"
    file = contents.add(io.BytesIO(data), path, lambda: io.BytesIO(_content(item, kind)))
    return Media(key, step, kind, file, metadata, index, (), when)


def _content(item: Any, kind: str) -> bytes:
    if kind == "histogram":
        weights, edges = item.to_np_histogram()
        return write_histogram(HistogramData(tuple(edges.tolist()), tuple(weights.tolist())))
    data = item.storage["data"]
    loaded = data.load() if hasattr(data, "load") else data
    return loaded.encode("utf-8") if isinstance(loaded, str) else bytes(loaded)
