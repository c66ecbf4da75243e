"""`Damage`: what a source could not read, told apart from what is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tracklib.backends.contract import Source

__all__ = ["Damage"]


class Damage(NamedTuple):
    """Counts that a journal root keeps of all that it read; other places raise, and have none.

    Attributes:
        lines: Damaged lines, and files that could not be read.
        missing: Records whose numbers never came.
    """

    lines: int = 0
    missing: int = 0

    @classmethod
    def of(cls, source: Source) -> Damage:
        """Return what a source has met so far."""
        damage = getattr(source, "damage", None)
        return cls() if damage is None else cls(damage.lines, damage.missing)

    def since(self, before: Damage) -> Damage:
        """Return what was met since."""
        return Damage(self.lines - before.lines, self.missing - before.missing)

    def __bool__(self) -> bool:
        return bool(self.lines or self.missing)

    def __str__(self) -> str:
        return f"{self.lines} damaged lines, {self.missing} records missing"
