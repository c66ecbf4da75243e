"""Limits: what of some runs goes beyond the sizes and names that a destination takes as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tracklib.model.codec import dumps, encode_tree
from tracklib.model.records import Metrics, Params, Record, Tags
from tracklib.model.trees import flatten

if TYPE_CHECKING:
    from tracklib.backends.capabilities import Capabilities

__all__ = ["Hits"]


@dataclass(slots=True)
class _Hit:
    count: int = 0
    example: str = ""


@dataclass(slots=True)
class Hits:
    """What goes beyond a destination's limits.

    It holds each name once. A hit is no loss: how the destination's plugin keeps such a thing, its declaration tells.
    """

    capabilities: Capabilities | None = None
    _names: set[str] = field(default_factory=set)
    _hits: dict[str, _Hit] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        """Take in a record."""
        body = record.body
        if self.capabilities is None:
            return
        limits = self.capabilities.limits
        if isinstance(body, Metrics):
            self._take_names(body.values)
        elif isinstance(body, Params):
            for path, leaf in flatten(body.values):
                name = ".".join(path)
                self._take_names([name])
                text = leaf if isinstance(leaf, str) else dumps({"": encode_tree(leaf)}).decode()[4:-1]
                self._measure("params", text, limits.param_chars, name)
        elif isinstance(body, Tags):
            for name, value in body.values.items():
                self._measure("tags", value or "", limits.tag_chars, name)

    def document(self) -> list[dict[str, Any]]:
        """Return each as ``what, count, example``."""
        return [{"what": what, "count": hit.count, "example": hit.example} for what, hit in self._hits.items()]

    def __iter__(self) -> Iterator[tuple[str, int, str]]:
        return ((what, hit.count, hit.example) for what, hit in self._hits.items())

    def _take_names(self, names: Any) -> None:
        for name in names:
            if name in self._names or self.capabilities is None:
                continue
            self._names.add(name)
            limit = self.capabilities.limits.name_chars
            self._measure("names of metrics or params", name, limit, name)
            if self.capabilities.names.encode(name) != name and (limit is None or len(name) <= limit):
                self._hit("names of metrics or params with characters that are written otherwise", name)

    def _measure(self, what: str, text: str, limit: int | None, example: str) -> None:
        if limit is not None and len(text) > limit:
            self._hit(f"{what} longer than {limit:,} characters", example)

    def _hit(self, what: str, example: str) -> None:
        hit = self._hits.setdefault(what, _Hit(0, example))
        hit.count += 1
