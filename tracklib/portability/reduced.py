"""Reducing: a copy of a run brought down to what two places can both be asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from tracklib.backends.capabilities import EXACT, Capabilities, Feature, lossy
from tracklib.portability.expected import expected, expected_console
from tracklib.portability.points import projected
from tracklib.portability.snapshot import Snapshot

__all__ = ["apart_from_the_logging", "reduced"]


def reduced(taken: Snapshot, capabilities: Capabilities, declared: Counter[str]) -> Snapshot:
    """Return what a place with these capabilities would give back for a copy, and count what that changes."""
    points = {}
    for key, held in taken.points.items():
        kept = [projected(point, capabilities, declared) for point in held]
        points[key] = [point for point in kept if point is not None]
    state = expected(taken.state, capabilities, declared)
    times: dict[str, Any] = {}
    for name in ("started", "ended"):
        time = getattr(state, name)
        times[name] = None if time is None else capabilities.project(Feature.TIME_OF_RUN, time)
    console = expected_console(taken.console, capabilities, declared)
    return replace(taken, state=replace(state, **times), points=points, console=console)


_TWICE = "what was logged twice has two ids, times and surroundings, which are not compared"


def apart_from_the_logging(taken: Snapshot, declared: Counter[str]) -> Snapshot:
    """Return a run without what differs whenever it is logged twice: its id, all times, and its surroundings."""
    timeless = lossy(_TWICE, lambda _time: 0)
    moments = dict.fromkeys((Feature.TIME_OF_POINT, Feature.TIME_OF_CALLER, Feature.TIME_OF_RUN), timeless)
    bare = reduced(taken, Capabilities(features={**dict.fromkeys(Feature, EXACT), **moments}), declared)
    media = [replace(item, timestamp=None) for item in bare.state.media]
    state = replace(bare.state, id="", parent=None, context={}, media=media)
    return replace(bare, state=state, console=Counter(), system=Counter())
