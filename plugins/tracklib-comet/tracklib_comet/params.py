"""Params: a tree as Comet shows it, flat and as texts, and back.

Comet's own SDK joins the keys of a tree by ``|``; so does this. What a name or value that is too long becomes ends in a
digest. The exact tree stands in the companions, and is what is read wherever Comet still shows what was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from tracklib.model.trees import flatten, unflatten
from tracklib.typing import JSON
from tracklib_comet.names import MAX_VALUE, shown
from tracklib_comet.points import number

__all__ = ["flat", "is_shown", "parsed", "read", "shown_value"]


def flat(values: Mapping[str, JSON]) -> Iterator[tuple[str, tuple[str, ...], JSON]]:
    """Yield each leaf of a tree with its name at Comet and its path."""
    for path, leaf in flatten(values):
        yield shown("|".join(path)), path, leaf


def shown_value(value: JSON) -> JSON:
    """Return a leaf as Comet is given it."""
    if isinstance(value, str):
        return shown(value, MAX_VALUE) if value else ""
    if isinstance(value, bool):
        return value
    if value is None:
        return "null"
    if isinstance(value, int):
        return value if abs(value) < 2**63 else shown(str(value), MAX_VALUE)
    if isinstance(value, float):
        return value if value - value == 0 else {"inf": "Infinity", "-inf": "-Infinity"}.get(str(value), "NaN")
    return shown(json.dumps(value), MAX_VALUE)


def is_shown(text: str, value: JSON) -> bool:
    """Tell whether a text of Comet's is what it shows of a leaf."""
    sent = shown_value(value)
    if isinstance(sent, bool):
        return text.lower() == str(sent).lower()
    if isinstance(sent, (int, float)):
        return text == str(sent) or number(text) == sent
    return text == sent


def parsed(text: str) -> JSON:
    """Return the value that a text stands for, by rule: a number, ``true`` or ``false``, a list or tree in JSON, a text.

    ``null`` and ``None`` stand for nothing; what Comet gives of a text that looks like a number cannot be told from it.
    """
    clean = text.strip()
    if clean in ("null", "None"):
        return None
    if clean.lower() in ("true", "false"):
        return clean.lower() == "true"
    if clean[:1] in "[{" and clean:
        try:
            found: JSON = json.loads(clean)
        except (ValueError, RecursionError):
            return text
        return found
    value = number(clean)
    return text if value is None else value


def read(exact: Mapping[str, JSON], held: Mapping[str, str], ever: Iterable[Mapping[str, JSON]]) -> dict[str, JSON]:
    """Return the params of a run that tracklib wrote: the exact ones, unless Comet shows something else.

    Args:
        exact: What the companions come to.
        held: What Comet shows.
        ever: All trees that were written: Comet goes on to show what a later one replaced under another name.
    """
    written: dict[str, list[JSON]] = {}
    for tree in ever:
        for name, _, leaf in flat(tree):
            written.setdefault(name, []).append(leaf)
    groups: dict[str, list[JSON]] = {}
    for name, _, leaf in flat(exact):  # several leaves can have one name, as in ``{"a": {"b": 1}, "a|b": 2}``
        groups.setdefault(name, []).append(leaf)
    leaves: list[tuple[tuple[str, ...], JSON]] = []
    for name, path, leaf in flat(exact):
        if name in held:
            is_there = any(is_shown(held[name], each) for each in groups[name])
            leaves.append((path, leaf if is_there else parsed(held[name])))
    for name, text in held.items():
        if name not in groups and not any(is_shown(text, each) for each in written.get(name, [])):
            leaves.append(((name,), parsed(text)))
    return unflatten(iter(leaves))
