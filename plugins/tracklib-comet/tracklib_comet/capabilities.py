"""What Comet holds, and how well, with what stands beside it."""

from __future__ import annotations

from tracklib.backends.capabilities import EXACT, Capabilities, Encoding, Feature, Limits
from tracklib_comet.names import MAX_NAME, MAX_VALUE

__all__ = ["CAPABILITIES"]

CAPABILITIES = Capabilities(
    # Comet's own forms are narrower than this: see the README for what goes beside them, and where.
    features=dict.fromkeys(Feature, EXACT),
    limits=Limits(batch_records=1000, name_chars=MAX_NAME, param_chars=MAX_VALUE),
    names=Encoding(
        "a name that Comet cuts is shown with a digest at its end, the whole one stands beside it and is read back"
    ),
    # Comet's `Experiment` allows one in a process; its REST client, which is used here, knows no such thing.
    runs_per_process=None,
    idempotent=True,
)
