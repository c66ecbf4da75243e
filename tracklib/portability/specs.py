"""The declarations of the backends that tracklib itself brings."""

from __future__ import annotations

from tracklib.backends.spec import BackendSpec

__all__ = ["LOCAL"]

LOCAL = BackendSpec(
    name="local",
    title="A journal root",
    distribution="tracklib-core",
    settings="tracklib.portability.local_settings:LocalSettings",
    sink="tracklib.portability.local_settings:open_sink",
    source="tracklib.portability.local_settings:open_source",
)
