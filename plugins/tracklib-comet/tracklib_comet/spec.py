"""The plugin's declaration: which parts it has, and which of Comet's own variables keep working."""

from __future__ import annotations

from tracklib.backends.spec import BackendSpec

__all__ = ["SPEC"]

SPEC = BackendSpec(
    name="comet",
    title="Comet",
    distribution="tracklib-comet",
    settings="tracklib_comet.settings:CometSettings",
    sink="tracklib_comet.sink:CometSink",
    source="tracklib_comet.source:CometSource",
    capabilities="tracklib_comet.capabilities:CAPABILITIES",
    check="tracklib_comet.greeting:greeting",
    calls="tracklib_comet.calls:CALLS",
    sdks=("comet_ml",),
    variables=(
        "COMET_API_KEY",
        "COMET_URL_OVERRIDE",
        "COMET_WORKSPACE",
        "COMET_PROJECT_NAME",
        "COMET_OFFLINE_DIRECTORY",
        "COMET_CONFIG",
    ),
)
