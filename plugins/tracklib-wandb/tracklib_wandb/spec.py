"""The plugin's declaration: which parts it has, and under which names W&B's own surroundings know it."""

from __future__ import annotations

from tracklib.backends.spec import BackendSpec

__all__ = ["SPEC"]

SPEC = BackendSpec(
    name="wandb",
    title="Weights & Biases",
    distribution="tracklib-wandb",
    settings="tracklib_wandb.settings:WandbSettings",
    sink="tracklib_wandb.sink:WandbSink",
    source="tracklib_wandb.source:WandbSource",
    capabilities="tracklib_wandb.capabilities:CAPABILITIES",
    check="tracklib_wandb.check:check",
    calls="tracklib_wandb.calls:CALLS",
    sdks=("wandb",),
    variables=("WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_ENTITY", "WANDB_MODE", "WANDB_DIR"),
)
