"""The plugin's declaration: which parts it has, and under which names Aim's own surroundings know it."""

from __future__ import annotations

from tracklib.backends.spec import BackendSpec

__all__ = ["SPEC"]

SPEC = BackendSpec(
    name="aim",
    title="Aim",
    distribution="tracklib-aim",
    settings="tracklib_aim.settings:AimSettings",
    sink="tracklib_aim.sink:AimSink",
    source="tracklib_aim.source:AimSource",
    capabilities="tracklib_aim.capabilities:CAPABILITIES",
    check="tracklib_aim.check:check",
    calls="tracklib_aim.calls:CALLS",
    sdks=("aim",),
    variables=("__AIM_REPO_NAME__", "__AIM_CLIENT_SSL_CERTIFICATES_FILE__"),
)
