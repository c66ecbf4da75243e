"""Names: a metric's name as W&B's key, and back.

W&B takes any text but the empty one, and keeps some keys for itself. Those, and texts that are not Unicode, are written
as ``!`` and their JSON form.
"""

from __future__ import annotations

import json
import re

__all__ = ["MARK", "RESERVED", "STEP", "decode", "encode"]

MARK = "_tracklib"
"""The key of a row that says which records it holds; hidden from W&B's pages."""

STEP = "tracklib/step"
"""The key of a row that holds the caller's step, which W&B's own ``_step`` is only while it rises."""

RESERVED = frozenset({"_step", "_timestamp", "_runtime", "_wandb", MARK, STEP})
_SURROGATE = re.compile("[\ud800-\udfff]")


def _is_natural(name: str) -> bool:
    return bool(name) and name not in RESERVED and not name.startswith('!"') and not _SURROGATE.search(name)


def encode(name: str) -> str:
    """Return a key that W&B holds."""
    return name if _is_natural(name) else f"!{json.dumps(name)}"


def decode(held: str) -> str:
    """Return the name that `encode` wrote, and any other as it is."""
    if held.startswith('!"'):
        try:
            name = json.loads(held[1:])
        except ValueError:
            return held
        if isinstance(name, str) and encode(name) == held:
            return name
    return held
