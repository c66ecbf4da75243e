"""The gallery: pictures and tables under the names and in the forms that MLflow's page shows.

Measured with 3.17.2. ``MlflowClient.log_image(key=, step=)`` writes ``images/<key>+step+<n>+timestamp+<ms>+<uuid>.png``,
a picture of at most 256 pixels beside it (``...+compressed.webp``), and the tag ``mlflow.loggedImages``; the page takes
PNG and WebP, reads ``~`` in the key as ``/`` and the step as an integer, and shows no picture at all where one name in
the folder is another. ``log_table`` writes ``{"columns": [...], "data": [...]}`` and lists the path in the tag
``mlflow.loggedArtifacts``. Neither name is a record's own there: these are made of the writer and number, so that
sending again writes the same file.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import math
import uuid
from pathlib import Path
from typing import Any

from tracklib.errors import BadValueError
from tracklib.model.codec import dumps
from tracklib.model.media import Cell, MediaCell, read_table
from tracklib.model.records import Media, Record
from tracklib.typing import JSON
from tracklib_mlflow.paths import IMAGES, ascii_part, encode_part
from tracklib_mlflow.points import NS

__all__ = ["as_png", "image_place", "shown_table", "thumbnail", "thumbnail_place"]

_MAX_KEY = 100
"""Bytes of a key in a name; what is beyond is cut, and the name ends in a digest."""
_SIDE = 256
_LONGEST_STEP = 2**53


def image_place(record: Record, ending: str, *, in_ascii: bool = False) -> str:
    """Return where the page looks for a record's picture."""
    media = record.body
    assert isinstance(media, Media)
    parts = [encode_part(part, "+") for part in media.key.split("/")]
    key = "~".join((ascii_part(part) if in_ascii else part).replace("~", "-") for part in parts)
    if len(key.encode()) > _MAX_KEY:
        digest = hashlib.sha256(media.key.encode(errors="surrogatepass")).hexdigest()[:16]
        key = f"{key.encode()[:_MAX_KEY].decode(errors='ignore')}-{digest}"
    step = math.floor(max(-_LONGEST_STEP, min(media.step, _LONGEST_STEP)))
    own = uuid.UUID(bytes=hashlib.sha256(f"{record.writer}:{record.seq}".encode()).digest()[:16])
    return f"{IMAGES}/{key}+step+{step}+timestamp+{max(record.when, 0) // NS}+{own}.{ending}"


def thumbnail_place(place: str) -> str:
    """Return where the page looks for the small form of a picture."""
    return f"{place.rpartition('.')[0]}+compressed.webp"


def thumbnail(source: Path) -> bytes | None:
    """Return a picture's small form; ``None`` where Pillow is not installed or cannot read it."""
    return _converted(source, "WEBP", _SIDE)


def as_png(source: Path) -> bytes | None:
    """Return a picture as PNG; ``None`` as for `thumbnail`."""
    return _converted(source, "PNG", None)


def _converted(source: Path, format: str, side: int | None) -> bytes | None:
    try:
        pillow = importlib.import_module("PIL.Image")
        with pillow.open(source) as opened:
            image: Any = opened.convert("RGBA" if "A" in opened.getbands() or "transparency" in opened.info else "RGB")
        if side is not None:
            image.thumbnail((side, side))
        buffer = io.BytesIO()
        image.save(buffer, format=format)
    except Exception:  # what is shown is a courtesy: the picture itself is kept whatever Pillow says of it
        return None
    return buffer.getvalue()


def shown_table(content: bytes) -> bytes | None:
    """Return a table as ``MlflowClient.log_table`` writes it; ``None`` where the file is no table."""
    try:
        table = read_table(content)
    except BadValueError:
        return None
    data = [[_shown(cell) for cell in row] for row in table.rows]
    return dumps({"columns": list(table.columns), "data": data})


def _shown(cell: Cell) -> JSON:
    if isinstance(cell, float) and not math.isfinite(cell):
        return None if math.isnan(cell) else str(cell)
    if cell is None or isinstance(cell, (bool, float, str)):
        return cell
    if isinstance(cell, int):
        return cell if abs(cell) < _LONGEST_STEP else str(cell)  # a browser reads beyond that what is near
    if isinstance(cell, MediaCell):
        return cell.path
    return str(cell)
