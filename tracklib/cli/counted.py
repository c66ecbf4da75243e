"""Counting: what somebody who waits for a slow source sees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from tracklib.cli.console import err, safe, shows_progress
from tracklib.cli.quantities import plural

__all__ = ["counted"]

T = TypeVar("T")


def counted(items: Iterable[T], noun: str, nouns: str | None = None, *, every: int = 1) -> Iterator[T]:
    """Yield items, and show on a terminal how many came.

    Args:
        items: Anything.
        noun, nouns: What one of them is, and several.
        every: Show each so-many-th, where showing would cost more than the item itself.
    """
    if not shows_progress():
        yield from items
        return
    with err().status(f"reading {nouns or noun + 's'}") as status:
        for number, item in enumerate(items, 1):
            if number % every == 0:
                status.update(safe(f"{plural(number, noun, nouns)} read"))
            yield item
