"""Media: as Aim's own objects, which its pages show; the files themselves are kept beside these, byte for byte."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracklib.model.media import read_histogram
from tracklib.model.records import Media
from tracklib_aim.identity import clean
from tracklib_aim.surroundings import sdk

__all__ = ["CONTEXT", "Shown", "shown"]

CONTEXT = "media"
"""The key of a context that tells the media of a name from its metric: Aim's sequences hold one type each."""

_MAX_BINS = 512


@dataclass(frozen=True, slots=True)
class Shown:
    """An object of Aim's.

    Attributes:
        dtype: What Aim calls the sequence's type.
    """

    dtype: str
    value: Any

    @property
    def is_listed(self) -> bool:
        """Whether several may stand at one step."""
        return self.dtype.startswith("list(")


def shown(media: Media, content: Path) -> Shown | None:
    """Return what Aim shows for a medium; ``None`` where it has no form for it."""
    try:
        return _shown(media, content)
    except Exception:  # a picture that Pillow cannot read, ...: it is kept all the same, and only not shown
        return None


def _shown(media: Media, content: Path) -> Shown | None:
    kind, form = media.media_type, media.metadata.get("format")
    caption = clean(str(media.metadata.get("caption") or ""))
    if kind == "image" or form in ("gif", "png"):
        return Shown("list(aim.image)", sdk("aim.sdk.objects.image").Image(str(content), caption=caption))
    if kind == "audio":
        audio = sdk("aim.sdk.objects.audio").Audio(content.read_bytes(), format=str(form), caption=caption)
        return Shown("list(aim.audio)", audio)
    if kind in ("text", "html"):
        return Shown("list(aim.text)", sdk("aim.sdk.objects.text").Text(content.read_text("utf-8", "replace")))
    if kind == "histogram":
        return _distribution(content)
    if kind == "figure" and form == "plotly":
        return Shown("aim.figure", _figure(content.read_text("utf-8")))
    return None


def _distribution(content: Path) -> Shown | None:
    """Return a histogram, if its bins are of one width: Aim holds no other."""
    data = read_histogram(content.read_bytes())
    first, last, count = float(data.edges[0]), float(data.edges[-1]), len(data.counts)
    width = (last - first) / count
    is_even = all(math.isclose(e, first + width * i, abs_tol=width * 1e-6) for i, e in enumerate(data.edges))
    if not is_even or count > _MAX_BINS:
        return None
    hist = [float(number) for number in data.counts]
    value = sdk("aim.sdk.objects.distribution").Distribution(hist=hist, bin_range=(first, last))
    return Shown("aim.distribution", value)


class _Drawing:
    """What Aim takes a Plotly figure by: its JSON; Plotly itself is not needed for it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def to_json(self) -> str:
        return self._text


def _figure(text: str) -> Any:
    figure_class = sdk("aim.sdk.objects.figure").Figure
    figure = figure_class.__new__(figure_class)
    super(figure_class, figure).__init__()
    figure._prepare(_Drawing(text))  # noqa: SLF001  the constructor wants Plotly's own class
    return figure
