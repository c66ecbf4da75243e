"""Queries of experiments, in the form that ``API.query`` sends: predicates with rules, all or any of which hold."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from tracklib.testing.emulators.comet.state import Experiment
from tracklib.testing.emulators.comet.world import Refused

__all__ = ["column_names", "matches"]

_METADATA: dict[str, Callable[[Experiment], Any]] = {
    "experimentKey": lambda e: e.key,
    "experiment_key": lambda e: e.key,
    "name": lambda e: e.name,
    "experimentName": lambda e: e.name,
    "start_server_timestamp": lambda e: e.start,
    "end_server_timestamp": lambda e: e.end,
    "duration": lambda e: (e.end or e.start) - e.start,
}


def column_names(experiments: list[Experiment]) -> list[dict[str, Any]]:
    """Return name, source and type of everything that experiments have."""
    found: dict[tuple[str, str], str] = {(name, "metadata"): "string" for name in _METADATA}
    for experiment in experiments:
        found |= {(point["metricName"], "metrics"): "double" for point in experiment.points}
        for source, held in (("params", experiment.parameters), ("log_other", experiment.others)):
            found |= {(name, source): _type(value["value"]) for name, value in held.items()}
        found |= {(tag, "tag"): "string" for tag in experiment.tags}
    return [{"name": name, "source": source, "type": kind} for (name, source), kind in found.items()]


def matches(experiment: Experiment, predicates: list[dict[str, Any]]) -> bool:
    """Return whether an experiment meets all predicates."""
    return all(_holds(experiment, predicate["source"], predicate["query"]) for predicate in predicates)


def _holds(experiment: Experiment, source: str, query: dict[str, Any]) -> bool:
    combine = all if query.get("condition", "AND").upper() == "AND" else any
    return combine(_rule(experiment, source, rule) for rule in query["rules"])


def _rule(experiment: Experiment, source: str, rule: dict[str, Any]) -> bool:
    name = rule.get("operator")
    if name not in _OPERATORS:
        raise LookupError(f"unknown operator in a query: {rule}")
    found = _value(experiment, source, rule["field"])
    return _OPERATORS[name](found, rule.get("value"))


def _value(experiment: Experiment, source: str, field: str) -> Any:
    if source == "metrics":
        values = [point["metricValue"] for point in experiment.points if point["metricName"] == field]
        return values[-1] if values else None
    if source in ("params", "log_other"):
        held = experiment.parameters if source == "params" else experiment.others
        return held.get(field, {}).get("value")
    if source == "tag":
        return field if field in experiment.tags else None
    if source == "metadata" and field in _METADATA:
        return _METADATA[field](experiment)
    raise Refused(f"unknown column in a query: {source} {field}")


def _type(text: str) -> str:
    return "double" if _number(text) is not None else "string"


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _compared(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(found: Any, wanted: Any) -> bool:
        left, right = _number(found), _number(wanted)
        if left is not None and right is not None:
            return compare(left, right)
        return found is not None and compare(str(found), str(wanted))

    return holds


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equal": _compared(operator.eq),
    "not_equal": lambda found, wanted: not _compared(operator.eq)(found, wanted),
    "less": _compared(operator.lt),
    "less_or_equal": _compared(operator.le),
    "greater": _compared(operator.gt),
    "greater_or_equal": _compared(operator.ge),
    "contains": lambda found, wanted: str(wanted) in str(found),
    "not_contains": lambda found, wanted: str(wanted) not in str(found),
    "begins_with": lambda found, wanted: str(found).startswith(str(wanted)),
    "ends_with": lambda found, wanted: str(found).endswith(str(wanted)),
    "is_null": lambda found, wanted: found is None,
    "is_not_null": lambda found, wanted: found is not None,
    "is_empty": lambda found, wanted: not found,
    "is_not_empty": lambda found, wanted: bool(found),
}
