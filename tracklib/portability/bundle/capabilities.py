"""What a bundle holds: everything, exactly."""

from __future__ import annotations

from tracklib.backends.capabilities import EXACT, Capabilities, Feature

__all__ = ["CAPABILITIES"]

CAPABILITIES = Capabilities(features=dict.fromkeys(Feature, EXACT), idempotent=True)
