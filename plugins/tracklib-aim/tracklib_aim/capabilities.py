"""What Aim holds, and how well, with what stands beside it."""

from __future__ import annotations

from tracklib.backends.capabilities import EXACT, Capabilities, Encoding, Feature, Limits
from tracklib_aim import names

__all__ = ["CAPABILITIES"]


def _encode(name: str) -> str:
    own, context = names.native(name)
    return names.join(own, context)


def _decode(held: str) -> str:
    own, context = names.split(held)
    return names.join(names.decode(own), context)


CAPABILITIES = Capabilities(
    # Aim's own forms are narrower than this: see the README for what goes beside them, and where.
    features=dict.fromkeys(Feature, EXACT),
    limits=Limits(batch_records=1000),
    names=Encoding(
        "a name that Aim cannot hold is written ! and its JSON; a JSON object at its end becomes Aim's context",
        _encode,
        _decode,
    ),
    idempotent=True,
)
