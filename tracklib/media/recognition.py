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
    if homes(value).isdisjoint(_LIBRARIES) and type(value).__name__ != "module":
        return None
    from tracklib.media.drawings import drawn
    from tracklib.media.frames import is_frame

    if (found := drawn(value)) is not None or not is_frame(value):
        return found
    from tracklib.media.table import tabled

    return tabled(value)


def advice(value: object) -> str:
    """Return what to do with a value that is no number, for the end of a message; empty where nobody knows."""
    if isinstance(value, str):
        return "; pass a text as tracklib.Text(...), or record it once with log_params or set_tags"
    if is_array(value) or (isinstance(value, (list, tuple)) and value):
        return "; pass it as tracklib.Image(...), tracklib.Histogram(...) or tracklib.Table(...), whichever it is"
    return ""
