"""Media: pictures, sounds, films, histograms, tables, texts, pages and figures, as values to log.

Nothing here imports a library that the caller has not: what a value is shows in its class and in what it can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracklib._lazy import lazy_names

if TYPE_CHECKING:
    from tracklib.media.audio import Audio as Audio
    from tracklib.media.figure import Figure as Figure
    from tracklib.media.histogram import Histogram as Histogram
    from tracklib.media.html import Html as Html
    from tracklib.media.image import Image as Image
    from tracklib.media.plots import confusion_matrix as confusion_matrix
    from tracklib.media.plots import pr_curve as pr_curve
    from tracklib.media.plots import roc_curve as roc_curve
    from tracklib.media.table import Table as Table
    from tracklib.media.text import Text as Text
    from tracklib.media.values import MediaValue as MediaValue
    from tracklib.media.video import Video as Video

_WHERE = {
    "audio": ("Audio",),
    "figure": ("Figure",),
    "histogram": ("Histogram",),
    "html": ("Html",),
    "image": ("Image",),
    "plots": ("confusion_matrix", "pr_curve", "roc_curve"),
    "table": ("Table",),
    "text": ("Text",),
    "values": ("MediaValue",),
    "video": ("Video",),
}
_NAMES = {name: f"{__name__}.{module}" for module, names in _WHERE.items() for name in names}

__all__ = sorted(_NAMES)  # noqa: PLE0605  the table above is the list
__getattr__ = lazy_names(__name__, _NAMES)


def __dir__() -> list[str]:
    return list(__all__)
