"""Rendering with what was told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tracklib.media.values import MediaValue, RenderContext, Rendered


@pytest.fixture
def told() -> list[str]:
    """What the values rendered in this test had to say."""
    return []


@pytest.fixture
def render(told: list[str]) -> Callable[[MediaValue], Rendered]:
    """Return a function that renders a value and notes what it tells."""
    return lambda value: value.render(RenderContext(tell=told.append))
