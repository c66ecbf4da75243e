"""Names: a metric's name as Aim's name and context, and back.

Aim tells sequences apart by a name and a *context*, a small dictionary that its pages group by. tracklib has a name
alone, so a context stands behind it as JSON: ``loss{"subset":"train"}`` is Aim's ``loss`` with the context
``{"subset": "train"}``, in both directions. A name that would be taken for one with a context has ``{}`` behind it.

A name that Aim cannot hold (an empty one breaks the listing of a run; a lone surrogate cannot be stored), or keeps for
itself (``logs``, and what begins with two underscores), becomes ``!`` and its JSON form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

__all__ = ["Context", "decode", "encode", "is_natural", "join", "native", "split"]

Context: TypeAlias = Mapping[str, Any]

_RESERVED = ("__", '!"')
_SURROGATE = re.compile("[\ud800-\udfff]")
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


def is_natural(name: str) -> bool:
    """Tell whether Aim holds a name as it is, and nothing of ours or its own can be taken for it."""
    return bool(name) and name != "logs" and not name.startswith(_RESERVED) and not _SURROGATE.search(name)


def encode(name: str) -> str:
    """Return a name that Aim holds."""
    return name if is_natural(name) else f"!{json.dumps(name)}"


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


def native(name: str) -> tuple[str, Context]:
    """Return Aim's name and context for a metric's name."""
    own, context = split(name)
    return encode(own), context


def split(name: str) -> tuple[str, Context]:
    """Return a name and the context that stands behind it."""
    found = _parsed(name)
    if found is None:
        return name, {}
    own, context = found
    if not context and _parsed(own) is None:  # the braces are the name's own
        return name, {}
    return own, context


def join(name: str, context: Context) -> str:
    """Return the name that `split` takes apart again."""
    if context:
        return name + _canonical(context)
    return name + "{}" if _parsed(name) is not None and split(name) != (name, {}) else name


def _parsed(name: str) -> tuple[str, Context] | None:
    """Return what stands before and in the object at the end of a name, in its one form."""
    if not name.endswith("}"):
        return None
    start = name.find("{", 1)
    while start != -1:
        try:
            context = json.loads(name[start:])
        except (ValueError, RecursionError):
            context = None
        if isinstance(context, dict) and _holds(context) and _canonical(context) == name[start:]:
            return name[:start], cast("Context", context)
        start = name.find("{", start + 1)
    return None


def _canonical(context: Context) -> str:
    return json.dumps(context, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _holds(value: object) -> bool:
    """Tell whether Aim's context holds a value, and gives it back as it is."""
    if isinstance(value, dict):
        return all(key and not _SURROGATE.search(key) and _holds(item) for key, item in value.items())
    if isinstance(value, str):
        return not _SURROGATE.search(value)
    if isinstance(value, int):
        return _INT_MIN <= value <= _INT_MAX
    return isinstance(value, float) and value - value == 0
