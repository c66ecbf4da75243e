"""What clients write into an experiment, but for files."""

from __future__ import annotations

from typing import Any

from tracklib.testing.emulators.comet.state import Experiment
from tracklib.testing.emulators.comet.world import Route, World, now
from tracklib.testing.emulators.exchange import Request

__all__ = ["ROUTES", "as_text"]


def as_text(value: Any) -> str:
    """Return a value as Comet reads it back: a text, in JSON's words for true and false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


def metrics(world: World, request: Request) -> dict[str, Any]:
    """Take a batch of points."""
    asked = request.json()
    experiment = world.experiment(asked["experimentKey"])
    for value in asked["values"]:
        _add_point(experiment, value)
    return {}


def metric(world: World, request: Request) -> dict[str, Any]:
    """Take one point through the API."""
    asked = request.json()
    _add_point(world.experiment(asked["experimentKey"]), asked)
    return {}


def parameters(world: World, request: Request) -> dict[str, Any]:
    """Take a batch of parameters; the last value of a name stands."""
    asked = request.json()
    experiment = world.experiment(asked["experimentKey"])
    for value in asked["values"]:
        _set_parameter(experiment, value)
    return {}


def parameter(world: World, request: Request) -> dict[str, Any]:
    """Take one parameter through the API."""
    asked = request.json()
    _set_parameter(world.experiment(asked["experimentKey"]), asked)
    return {}


def delete_parameters(world: World, request: Request) -> dict[str, Any]:
    """Forget parameters."""
    asked = request.json()
    for each in asked if isinstance(asked, list) else [asked]:
        world.experiment(each["experimentKey"]).parameters.pop(each["parameterName"], None)
    return {}


def other(world: World, request: Request) -> dict[str, Any]:
    """Take a value beside metrics and parameters; that of ``Name`` is the experiment's name."""
    asked = request.json()
    experiment = world.experiment(asked["experimentKey"])
    key, value = asked["key"], as_text(asked.get("value"))
    experiment.others[key] = {"value": value, "timestamp": asked.get("timestamp") or now()}
    if key in ("Name", "name"):
        experiment.name = value
    return {}


def add_tags(world: World, request: Request) -> dict[str, Any]:
    """Add tags."""
    asked = request.json()
    experiment = world.experiment(asked["experimentKey"])
    experiment.tags = list(dict.fromkeys([*experiment.tags, *asked["addedTags"]]))
    return {}


def delete_tags(world: World, request: Request) -> dict[str, Any]:
    """Take tags away."""
    asked = request.json()
    experiment = world.experiment(asked["experimentKey"])
    experiment.tags = [tag for tag in experiment.tags if tag not in asked.get("tags", asked.get("deletedTags", []))]
    return {}


def output(world: World, request: Request) -> dict[str, Any]:
    """Take lines of output."""
    asked = request.json()
    world.experiment(asked["experimentKey"]).output += asked["outputLines"]
    return {}


def html(world: World, request: Request) -> dict[str, Any]:
    """Take HTML, behind what is there or in its place."""
    asked = request.json()
    experiment = world.experiment(asked["experimentKey"])
    experiment.html = asked["html"] if asked.get("override") else experiment.html + asked["html"]
    return {}


def system_details(world: World, request: Request) -> dict[str, Any]:
    """Take what is told of the machine."""
    asked = request.json()
    world.experiment(asked["experimentKey"]).system_details.update(
        {name: value for name, value in asked.items() if name != "experimentKey" and value is not None}
    )
    return {}


def attribute(name: str, field: str) -> Route:
    """Return a route that sets one attribute of an experiment."""

    def take(world: World, request: Request) -> dict[str, Any]:
        asked = request.json()
        setattr(world.experiment(asked["experimentKey"]), name, asked[field])
        return {}

    return take


def dependencies(world: World, request: Request) -> dict[str, Any]:
    """Take what the program depends on."""
    asked = request.json()
    world.experiment(asked["experimentKey"]).dependencies += asked["logDependencies"]
    return {}


def accepted(world: World, request: Request) -> dict[str, Any]:
    """Take what is neither kept nor read back: samples of the machine's load, git's state."""
    return {}


def _add_point(experiment: Experiment, value: dict[str, Any]) -> None:
    context, name = value.get("context"), value["metricName"]
    experiment.points.append(
        {
            "metricName": f"{context}_{name}" if context else name,
            "metricValue": as_text(value["metricValue"]),
            "timestamp": value.get("timestamp") or now(),
            "step": value.get("step"),
            "epoch": value.get("epoch"),
            "runContext": context,
            "offset": len(experiment.points),
        }
    )


def _set_parameter(experiment: Experiment, value: dict[str, Any]) -> None:
    experiment.parameters[value["parameterName"]] = {
        "value": as_text(value["parameterValue"]),
        "timestamp": value.get("timestamp") or now(),
    }


ROUTES: dict[str, Route] = {
    "POST batch/logger/experiment/metric": metrics,
    "POST batch/logger/experiment/parameter": parameters,
    "POST write/experiment/metric": metric,
    "POST write/experiment/parameter": parameter,
    "POST write/experiment/parameter/delete": delete_parameters,
    "POST write/experiments/parameters/delete": delete_parameters,
    "POST write/experiment/log-other": other,
    "POST write/experiment/tags": add_tags,
    "POST tags/add-tags-to-experiment": add_tags,
    "POST write/experiment/tags/delete": delete_tags,
    "POST write/experiment/output": output,
    "POST write/experiment/html": html,
    "POST write/experiment/system-details": system_details,
    "POST write/experiment/file-path": attribute("file_path", "filePath"),
    "POST write/experiment/code": attribute("code", "code"),
    "POST write/experiment/graph": attribute("graph", "graph"),
    "POST write/experiment/dependencies": dependencies,
    "POST write/experiment/gpu-metrics": accepted,
    "POST write/experiment/cpu-metrics": accepted,
    "POST write/experiment/ram-metrics": accepted,
    "POST write/experiment/load-metrics": accepted,
    "POST write/experiment/git/metadata": accepted,
    "POST write/experiment/cloud-details": accepted,
}
