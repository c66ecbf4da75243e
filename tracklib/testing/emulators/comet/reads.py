"""What the read API gives of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from tracklib.testing.emulators.comet.state import Experiment
from tracklib.testing.emulators.comet.world import Route, World
from tracklib.testing.emulators.exchange import Request

__all__ = ["ROUTES", "metadata_of"]

T = TypeVar("T")


def metadata(world: World, request: Request) -> dict[str, Any]:
    """Return what an experiment is."""
    return metadata_of(world, _experiment(world, request))


def metadata_of(world: World, experiment: Experiment) -> dict[str, Any]:
    """Return what an experiment is, as lists show it too."""
    return {
        "experimentKey": experiment.key,
        "experimentName": experiment.name,
        "workspaceName": experiment.workspace,
        "projectName": experiment.project,
        "projectId": world.project_of(experiment).id,
        "userName": world.username,
        "archived": experiment.archived,
        "running": experiment.running,
        "hasCrashed": experiment.crashed,
        "startTimeMillis": experiment.start,
        "endTimeMillis": experiment.end,
        "durationMillis": (experiment.end or experiment.start) - experiment.start,
        "filePath": experiment.file_path,
        "fileName": (experiment.file_path or "").rpartition("/")[2] or None,
        "optimizationId": experiment.others.get("optimizer_id", {}).get("value"),
        "throttle": False,
        "throttleReasons": [],
    }


def values(world: World, request: Request) -> dict[str, Any]:
    """Return the parameters."""
    return {"values": _summaries(_experiment(world, request).parameters)}


def others(world: World, request: Request) -> dict[str, Any]:
    """Return the values beside metrics and parameters."""
    return {"values": _summaries(_experiment(world, request).others)}


def metric_summaries(world: World, request: Request) -> dict[str, Any]:
    """Return of each metric the last, the least and the greatest value."""
    experiment = _experiment(world, request)
    names = dict.fromkeys(point["metricName"] for point in experiment.points)
    return {"values": [_summary(name, _points(experiment, name)) for name in names]}


def all_metrics(world: World, request: Request) -> dict[str, Any]:
    """Return the points of all metrics, each thinned out where it has too many."""
    experiment = _experiment(world, request)
    names = dict.fromkeys(point["metricName"] for point in experiment.points)
    return {"metrics": [p for name in names for p in _thinned(_points(experiment, name), world.sampled_above)]}


def one_metric(world: World, request: Request) -> dict[str, Any]:
    """Return the points of one metric, thinned out where there are too many."""
    experiment = _experiment(world, request)
    return {"metrics": _thinned(_points(experiment, request.query["metricName"]), world.sampled_above)}


def output(world: World, request: Request) -> dict[str, Any]:
    """Return the output as one text."""
    return {"output": "".join(line["output"] for line in _experiment(world, request).output)}


def system_details(world: World, request: Request) -> dict[str, Any]:
    """Return what was told of the machine."""
    return dict(_experiment(world, request).system_details)


def models(world: World, request: Request) -> dict[str, Any]:
    """Return the models."""
    named = _experiment(world, request).models
    return {"models": [{"modelName": name, "experimentModelId": name, "assets": ids} for name, ids in named.items()]}


def attribute(field: str, name: str) -> Route:
    """Return a route that gives one attribute of an experiment."""
    return lambda world, request: {field: getattr(_experiment(world, request), name)}


def _experiment(world: World, request: Request) -> Experiment:
    return world.experiment(request.query["experimentKey"])


def _points(experiment: Experiment, name: str) -> list[dict[str, Any]]:
    return [point for point in experiment.points if point["metricName"] == name]


def _thinned(items: Sequence[T], count: int) -> list[T]:
    if len(items) <= count:
        return list(items)
    return [items[i * len(items) // count] for i in range(count)]


def _summaries(values: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            **{f"value{which}": held["value"] for which in ("Min", "Max", "Current")},
            **{f"timestamp{which}": held["timestamp"] for which in ("Min", "Max", "Current")},
            "editable": False,
        }
        for name, held in values.items()
    ]


def _summary(name: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    numbers = [p for p in points if _number(p["metricValue"]) is not None] or points
    chosen = {
        "Min": min(numbers, key=lambda p: _number(p["metricValue"]) or 0.0),
        "Max": max(numbers, key=lambda p: _number(p["metricValue"]) or 0.0),
        "Current": points[-1],
    }
    summary: dict[str, Any] = {"name": name, "editable": False, "valueCount": len(points)}
    for which, point in chosen.items():
        summary[f"value{which}"] = point["metricValue"]
        for field in ("timestamp", "step", "epoch", "runContext"):
            summary[f"{field}{which}"] = point[field]
    return summary


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return None if value != value else value  # noqa: PLR0124 - NaN has no place in an order


ROUTES: dict[str, Route] = {
    "GET experiment/metadata": metadata,
    "GET experiment/parameters": values,
    "GET experiment/log-other": others,
    "GET experiment/metrics/summary": metric_summaries,
    "GET experiment/metrics/get-all": all_metrics,
    "GET experiment/metrics/get-metric": one_metric,
    "GET experiment/output": output,
    "GET experiment/system-details": system_details,
    "GET experiment/model": models,
    "GET experiment/tags": attribute("tags", "tags"),
    "GET experiment/html": attribute("html", "html"),
    "GET experiment/code": attribute("code", "code"),
    "GET experiment/graph": attribute("graph", "graph"),
}
