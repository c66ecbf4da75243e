"""Drawings: which of the things that training code logs as they are stand for pictures and figures."""

from __future__ import annotations

from tracklib.media.arrays import homes
from tracklib.media.values import MediaValue

__all__ = ["drawn"]


def drawn(value: object) -> MediaValue | None:
    """Return the media value that something is, an image of Pillow, or a figure of matplotlib or plotly stands for."""
    if isinstance(value, MediaValue):
        return value
    if "PIL" in homes(value) and hasattr(value, "save"):
        from tracklib.media.image import Image

        return Image(value)
    from tracklib.media.figure import Figure, is_figure

    return Figure(value) if is_figure(value) else None
