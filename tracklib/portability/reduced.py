"""Reducing: what a run has come to, brought down to what two places can both be asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from tracklib.backends.capabilities import EXACT, Capabilities, Feature, lossy
from tracklib.model.state import RunState
from tracklib.portability.expected import expected

__all__ = ["TIMELESS", "apart_from_the_logging", "reduced"]

_TWICE = "what was logged twice has two ids, times and surroundings, which are not compared"
_NO_TIME = lossy(_TWICE, lambda _time: 0)
TIMELESS = Capabilities(
    features=dict.fromkeys(Feature, EXACT)
    | dict.fromkeys((Feature.TIME_OF_POINT, Feature.TIME_OF_CALLER, Feature.TIME_OF_RUN), _NO_TIME)
)
"""A place without times, as it were."""


def reduced(state: RunState, capabilities: Capabilities, declared: Counter[str]) -> RunState:
    """Return what a place with these capabilities would give back for a run, and count what that changes."""
    times: dict[str, Any] = {}
    for name in ("started", "ended"):
        time = getattr(state, name)
        times[name] = None if time is None else capabilities.project(Feature.TIME_OF_RUN, time)
    return replace(expected(state, capabilities, declared), **times)


def apart_from_the_logging(state: RunState, declared: Counter[str]) -> RunState:
    """Return a run without what differs whenever it is logged twice: its id, all times, and its surroundings."""
    bare = reduced(state, TIMELESS, declared)
    media = [replace(item, timestamp=None) for item in bare.media]
    return replace(bare, id="", parent=None, context={}, media=media)
