"""Media: the kinds of files that Comet's pages show, and what is made for them where they want another form."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from tracklib.model.media import read_histogram, read_table
from tracklib.model.records import Media
from tracklib_comet.surroundings import sdk

__all__ = ["Picture", "kind_of", "name_of", "picture"]

_KINDS = {"image": "image", "audio": "audio", "video": "video", "text": "text-sample"}
_MAX_CELL = 1000

Picture = tuple[str, str, bytes]
"""Name, kind and content of a file that is there to be looked at."""


def kind_of(media: Media) -> str:
    """Return Comet's word for a medium's own file; what its pages have no view for is a file."""
    if media.media_type == "figure" and str(media.metadata.get("format")) in ("png", "svg", "jpeg", "jpg"):
        return "image"
    return _KINDS.get(media.media_type, "asset")


def name_of(media: Media) -> str:
    """Return the name under which Comet shows a medium: its key, with the file's ending where it is no picture."""
    ending = Path(media.file.path).suffix
    return media.key if kind_of(media) in ("image", "text-sample") else f"{media.key}{ending}"


def picture(media: Media, content: Path) -> Picture | None:
    """Return what Comet shows instead of a file that it has no view for; ``None`` where there is nothing."""
    try:
        if media.media_type == "histogram":
            return media.key, "histogram3d", _histogram(content.read_bytes())
        if media.media_type == "table":
            return f"{media.key}.csv", "asset", _table(content.read_bytes())
    except Exception:  # a histogram beyond Comet's bins, ...: the file itself is there all the same, and only not shown
        return None
    return None


def _histogram(content: bytes) -> bytes:
    """Return a histogram in Comet's bins, each count at the middle of its own bin."""
    data = read_histogram(content)
    middles = [(float(a) + float(b)) / 2 for a, b in zip(data.edges, data.edges[1:], strict=False)]
    made: Any = sdk("data_structure").Histogram()
    counted = [(middle, int(count)) for middle, count in zip(middles, data.counts, strict=True) if count >= 1]
    for middle, count in counted:
        made.counts[made.get_bin_index(middle)] += count
    return json.dumps(made.to_json()).encode()


def _table(content: bytes) -> bytes:
    data = read_table(content)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(data.columns)
    writer.writerows([str(cell)[:_MAX_CELL] for cell in row] for row in data.rows)
    return text.getvalue().encode("utf-8", "replace")
