"""Recognition: which of the things that training code logs as they are stand for media, and what to do about others."""

from __future__ import annotations

from tracklib.media.arrays import homes, is_array
from tracklib.media.values import MediaValue

__all__ = ["advice", "recognised"]

_LIBRARIES = frozenset({"PIL", "matplotlib", "plotly", "pandas", "polars", "pyarrow"})


def recognised(value: object) -> MediaValue | None:
    """Return the media value that something is, or plainly stands for.

    That is an image of Pillow, a figure of matplotlib or plotly, and a data frame of pandas or polars. An array is none:
    it may be a picture as well as weights.
    """
    if isinstance(value, MediaValue):
        return value
    home = homes(value)
    if home.isdisjoint(_LIBRARIES) and type(value).__name__ != "module":
        return None
    if "PIL" in home and hasattr(value, "save"):
        from tracklib.media.image import Image

        return Image(value)
    return _drawing_or_frame(value)


def _drawing_or_frame(value: object) -> MediaValue | None:
    from tracklib.media.figure import Figure, is_figure
    from tracklib.media.frames import is_frame

    if is_figure(value):
        return Figure(value)
    if is_frame(value):
        from tracklib.media.table import Table

        return Table(value)
    return None


def advice(value: object) -> str:
    """Return what to do with a value that is no number, for the end of a message; empty where nobody knows."""
    if isinstance(value, str):
        return "; pass a text as tracklib.Text(...), or record it once with log_params or set_tags"
    if is_array(value) or (isinstance(value, (list, tuple)) and value):
        return "; pass it as tracklib.Image(...), tracklib.Histogram(...) or tracklib.Table(...), whichever it is"
    return ""
