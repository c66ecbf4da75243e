"""The contract between tracklib and a backend: all that a plugin imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracklib._lazy import lazy_names

if TYPE_CHECKING:
    from tracklib.backends.capabilities import EXACT as EXACT
    from tracklib.backends.capabilities import Capabilities as Capabilities
    from tracklib.backends.capabilities import Encoding as Encoding
    from tracklib.backends.capabilities import Feature as Feature
    from tracklib.backends.capabilities import Fidelity as Fidelity
    from tracklib.backends.capabilities import Limits as Limits
    from tracklib.backends.capabilities import absent as absent
    from tracklib.backends.capabilities import lossy as lossy
    from tracklib.backends.contract import ColumnSource as ColumnSource
    from tracklib.backends.contract import Leftover as Leftover
    from tracklib.backends.contract import LeftoverSource as LeftoverSource
    from tracklib.backends.contract import Outcome as Outcome
    from tracklib.backends.contract import Remover as Remover
    from tracklib.backends.contract import Sink as Sink
    from tracklib.backends.contract import SinkContext as SinkContext
    from tracklib.backends.contract import Source as Source
    from tracklib.backends.contract import VendorRun as VendorRun
    from tracklib.backends.contract import accepted as accepted
    from tracklib.backends.contract import changed as changed
    from tracklib.backends.contract import refused as refused
    from tracklib.backends.contract import retry as retry
    from tracklib.backends.contract import unknown as unknown
    from tracklib.backends.importing import SDK as SDK
    from tracklib.backends.importing import import_sdk as import_sdk
    from tracklib.backends.settings import BackendSettings as BackendSettings
    from tracklib.backends.settings import Secret as Secret
    from tracklib.backends.spec import BackendSpec as BackendSpec
    from tracklib.model.query import RunQuery as RunQuery

_WHERE = {
    "capabilities": ("EXACT", "Capabilities", "Encoding", "Feature", "Fidelity", "Limits", "absent", "lossy"),
    "contract": (
        "ColumnSource",
        "Leftover",
        "LeftoverSource",
        "Outcome",
        "Remover",
        "Sink",
        "SinkContext",
        "Source",
        "VendorRun",
        "accepted",
        "changed",
        "refused",
        "retry",
        "unknown",
    ),
    "importing": ("SDK", "import_sdk"),
    "settings": ("BackendSettings", "Secret"),
    "spec": ("BackendSpec",),
}
_NAMES = {name: f"{__name__}.{module}" for module, names in _WHERE.items() for name in names}
_NAMES["RunQuery"] = "tracklib.model.query"

__all__ = sorted(_NAMES)  # noqa: PLE0605  the table above is the list
__getattr__ = lazy_names(__name__, _NAMES)
