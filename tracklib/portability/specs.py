"""The declarations of the backends that tracklib itself brings."""

from __future__ import annotations

from tracklib.backends.spec import BackendSpec

__all__ = ["BUNDLE", "LOCAL"]

LOCAL = BackendSpec(
    name="local",
    title="A journal root",
    distribution="tracklib-core",
    settings="tracklib.portability.local_settings:LocalSettings",
    sink="tracklib.portability.local_settings:open_sink",
    source="tracklib.portability.local_settings:open_source",
)

BUNDLE = BackendSpec(
    name="bundle",
    title="A bundle",
    distribution="tracklib-core[bundle]",
    settings="tracklib.portability.bundle.settings:BundleSettings",
    sink="tracklib.portability.bundle.settings:open_sink",
    source="tracklib.portability.bundle.settings:open_source",
    capabilities="tracklib.portability.bundle.capabilities:CAPABILITIES",
    check="tracklib.portability.bundle.settings:check",
    sdks=("pyarrow", "fsspec"),
)
