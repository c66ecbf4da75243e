"""What W&B holds, and how well, with what stands beside it."""

from __future__ import annotations

from tracklib.backends.capabilities import EXACT, Capabilities, Encoding, Feature, Limits
from tracklib_wandb import names

__all__ = ["CAPABILITIES"]

CAPABILITIES = Capabilities(
    # W&B's own forms are narrower than this: see the README for what goes beside them, and where.
    features=dict.fromkeys(Feature, EXACT),
    limits=Limits(batch_records=1000, requests_per_second=2.0),
    names=Encoding(
        "a name that W&B cannot hold, or keeps for itself, is written ! and its JSON", names.encode, names.decode
    ),
    idempotent=True,
)
