"""What an export gives back: each thing as it stands there, whenever it is read."""

from __future__ import annotations

from tracklib.backends.capabilities import EXACT, Capabilities, Feature

__all__ = ["CAPABILITIES"]

CAPABILITIES = Capabilities(features=dict.fromkeys(Feature, EXACT))
