"""Filters and orders of runs, in the part of MongoDB's language that ``Api.runs`` documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tracklib.testing.emulators.wandb.graphql import GraphQLProblem
from tracklib.testing.emulators.wandb.state import Run, iso

__all__ = ["matches", "ordered"]

_MISSING = object()

_COLUMNS: dict[str, Callable[[Run], Any]] = {
    "name": lambda run: run.name,
    "displayname": lambda run: run.display_name,
    "state": lambda run: run.state,
    "group": lambda run: run.group,
    "jobtype": lambda run: run.job_type,
    "tags": lambda run: run.tags,
    "notes": lambda run: run.notes,
    "description": lambda run: run.description,
    "sweep": lambda run: run.sweep,
    "username": lambda run: run.user,
    "createdat": lambda run: iso(run.created_at),
    "updatedat": lambda run: iso(max(run.heartbeat_at, run.created_at)),
    "heartbeatat": lambda run: iso(run.heartbeat_at),
}


def matches(run: Run, condition: Mapping[str, Any] | None) -> bool:
    """Return whether a run meets a filter.

    Raises:
        GraphQLProblem: The filter names a column or an operator that is not known.
    """
    return all(_holds(run, key, value) for key, value in (condition or {}).items())


def ordered(runs: list[Run], order: str | None) -> list[Run]:
    """Return runs in an order such as ``-created_at`` or ``+summary_metrics.loss``; those without the key come last."""
    key = order or "+created_at"
    descending, name = key.startswith("-"), key.lstrip("+-")
    with_key = [run for run in runs if _comparable(_value(run, name)) is not None]
    rest = [run for run in runs if _comparable(_value(run, name)) is None]
    return sorted(with_key, key=lambda run: _comparable(_value(run, name)) or (0, 0), reverse=descending) + rest


def _holds(run: Run, key: str, value: Any) -> bool:
    if key == "$and":
        return all(matches(run, each) for each in value)
    if key == "$or":
        return any(matches(run, each) for each in value)
    if key == "$nor":
        return not any(matches(run, each) for each in value)
    if key == "$not":
        return not matches(run, value)
    found = _value(run, key)
    if isinstance(value, Mapping) and any(name.startswith("$") for name in value):
        return all(_compare(found, operator, wanted) for operator, wanted in value.items())
    return _equal(found, value)


def _value(run: Run, key: str) -> Any:
    """Return what a dotted key leads to; ``config.lr`` and ``config.lr.value`` are one."""
    top, _, rest = key.partition(".")
    if top == "config":
        return _descend(run.values, rest.removesuffix(".value"))
    if top in ("summary_metrics", "summaryMetrics"):
        return _descend(run.summary, rest)
    column = _COLUMNS.get(key.replace("_", "").lower())
    if column is None:
        raise GraphQLProblem(f"unknown column in a filter or an order: {key}", unknown=True)
    return column(run)


def _descend(tree: Any, path: str) -> Any:
    if isinstance(tree, Mapping) and path in tree:
        return tree[path]
    head, dot, rest = path.partition(".")
    return _descend(tree[head], rest) if dot and isinstance(tree, Mapping) and head in tree else _MISSING


def _equal(found: Any, wanted: Any) -> bool:
    if isinstance(found, list) and not isinstance(wanted, list):
        return wanted in found
    return bool(found == wanted) or (found is _MISSING and wanted is None)


def _compare(found: Any, operator: str, wanted: Any) -> bool:
    if operator not in _OPERATORS:
        raise GraphQLProblem(f"unknown operator in a filter: {operator}", unknown=True)
    return bool(_OPERATORS[operator](found, wanted))


def _both(found: Any, wanted: Any, compare: Callable[[Any, Any], bool]) -> bool:
    left, right = _comparable(found), _comparable(wanted)
    return left is not None and right is not None and left[0] == right[0] and compare(left[1], right[1])


def _comparable(value: Any) -> tuple[int, Any] | None:
    """Return a value with the rank of its type, so that numbers stand before texts."""
    if isinstance(value, (int, float)):
        return 0, value
    return (1, value.rstrip("Z")) if isinstance(value, str) else None


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": _equal,
    "$ne": lambda found, wanted: not _equal(found, wanted),
    "$in": lambda found, wanted: any(_equal(found, each) for each in wanted),
    "$nin": lambda found, wanted: not any(_equal(found, each) for each in wanted),
    "$gt": lambda found, wanted: _both(found, wanted, lambda a, b: a > b),
    "$gte": lambda found, wanted: _both(found, wanted, lambda a, b: a >= b),
    "$lt": lambda found, wanted: _both(found, wanted, lambda a, b: a < b),
    "$lte": lambda found, wanted: _both(found, wanted, lambda a, b: a <= b),
    "$exists": lambda found, wanted: (found is not _MISSING and found is not None) is bool(wanted),
    "$regex": lambda found, wanted: isinstance(found, str) and re.search(wanted, found) is not None,
}
