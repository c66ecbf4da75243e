"""Log once, keep it on your own disk, deliver it to any tracker, and prove it.

```python
import tracklib

with tracklib.init(project="digits", config={"lr": 1e-3}) as run:
    run.log({"loss": 0.31}, step=10)
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracklib._lazy import lazy_names

if TYPE_CHECKING:
    from tracklib.errors import BadValueError as BadValueError
    from tracklib.errors import ConfigError as ConfigError
    from tracklib.errors import MissingPluginError as MissingPluginError
    from tracklib.errors import RunStateError as RunStateError
    from tracklib.errors import TracklibError as TracklibError
    from tracklib.errors import UsageError as UsageError
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
    from tracklib.media.video import Video as Video
    from tracklib.reading.reader import open as open  # noqa: A004  the name that users know: tracklib.open
    from tracklib.tracking.current import current_run as current_run
    from tracklib.tracking.current import finish as finish
    from tracklib.tracking.current import log as log
    from tracklib.tracking.current import log_artifact as log_artifact
    from tracklib.tracking.current import log_params as log_params
    from tracklib.tracking.current import set_tags as set_tags
    from tracklib.tracking.fanout import FanOutTracker as FanOutTracker
    from tracklib.tracking.memory import MemoryTracker as MemoryTracker
    from tracklib.tracking.null import NullTracker as NullTracker
    from tracklib.tracking.run import Run as Run
    from tracklib.tracking.starting import init as init
    from tracklib.typing import Tracker as Tracker

__version__ = "0.1.0"

_WHERE = {
    "errors": ("BadValueError", "ConfigError", "MissingPluginError", "RunStateError", "TracklibError", "UsageError"),
    "media": ("Audio", "Figure", "Histogram", "Html", "Image", "Table", "Text", "Video"),
    "media.plots": ("confusion_matrix", "pr_curve", "roc_curve"),
    "reading.reader": ("open",),
    "tracking.current": ("current_run", "finish", "log", "log_artifact", "log_params", "set_tags"),
    "tracking.fanout": ("FanOutTracker",),
    "tracking.memory": ("MemoryTracker",),
    "tracking.null": ("NullTracker",),
    "tracking.run": ("Run",),
    "tracking.starting": ("init",),
    "typing": ("Tracker",),
}
_NAMES = {name: f"{__name__}.{module}" for module, names in _WHERE.items() for name in names}

__all__ = sorted([*_NAMES, "__version__"])  # noqa: PLE0605  the table above is the list
__getattr__ = lazy_names(__name__, _NAMES)


def __dir__() -> list[str]:
    return list(__all__)
