"""The plugin's declaration: it reads, and has no sink, as Neptune's service is gone."""

from __future__ import annotations

from tracklib.backends.spec import BackendSpec

__all__ = ["SPEC"]

SPEC = BackendSpec(
    name="neptune",
    title="Neptune",
    distribution="tracklib-neptune",
    settings="tracklib_neptune.settings:NeptuneSettings",
    source="tracklib_neptune.source:NeptuneSource",
    capabilities="tracklib_neptune.capabilities:CAPABILITIES",
    check="tracklib_neptune.check:check",
    sdks=("pyarrow",),
)
