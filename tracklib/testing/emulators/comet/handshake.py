"""How an experiment begins, beats and ends."""

from __future__ import annotations

import uuid
from typing import Any

from tracklib.testing.emulators.comet.state import Experiment
from tracklib.testing.emulators.comet.world import Refused, Route, World, now
from tracklib.testing.emulators.exchange import Request

__all__ = ["ROUTES"]

EXPERIMENT_ALREADY_EXISTS = 90999


def add_run(world: World, request: Request) -> dict[str, Any]:
    """Begin an experiment of a key that the client chose."""
    asked = request.json()
    key = asked["experimentKey"]
    if key in world.state.experiments and not asked.get("getOrCreateEnabled"):
        raise Refused(f"experiment {key} already exists", EXPERIMENT_ALREADY_EXISTS)
    return _handshake(world, key, asked)


def get_run(world: World, request: Request) -> dict[str, Any]:
    """Go on with an experiment."""
    experiment = world.experiment(request.json()["previousExperiment"])
    experiment.running, experiment.end = True, None
    return _handshake(world, experiment.key, {})


def create(world: World, request: Request) -> dict[str, Any]:
    """Begin an experiment through the API."""
    asked = request.json()
    key = asked.get("experimentKey") or uuid.uuid4().hex
    made = _made(world, key, {"teamName": asked.get("workspaceName"), "projectName": asked.get("projectName")})
    made.name = asked.get("experimentName")
    return {"experimentKey": key, "link": f"{world.url}/{made.workspace}/{made.project}/{key}", "name": made.name}


def beat(world: World, request: Request) -> dict[str, Any]:
    """Take a heartbeat, of which the last says that the experiment has ended."""
    asked = request.json()
    experiment = world.experiment(asked["experimentKey"])
    experiment.running = bool(asked.get("is_alive"))
    experiment.end = None if experiment.running else asked.get("local_timestamp") or now()
    return {"is_alive_beat_duration_millis": 10_000, "gpu_monitor_interval_millis": 60_000}


def offline_times(world: World, request: Request) -> dict[str, Any]:
    """Take the times at which an offline experiment began and ended."""
    asked = request.json()
    experiment = world.experiment(asked["experimentKey"])
    experiment.start = asked.get("startTimestamp") or experiment.start
    experiment.end = asked.get("endTimestamp")
    experiment.offline = True
    return {}


def status(world: World, request: Request) -> dict[str, Any]:
    """Take a status through the API."""
    asked = request.json()
    experiment = world.experiment(asked["experimentKey"])
    experiment.running = bool(asked.get("isAlive"))
    experiment.crashed = bool(asked.get("hasCrashed"))
    experiment.error = asked.get("error") or experiment.error
    experiment.end = None if experiment.running else experiment.end or now()
    return {"is_alive_beat_duration_millis": 10_000, "gpu_monitor_interval_millis": 60_000}


def alive(world: World, request: Request) -> dict[str, Any]:
    """Take a heartbeat through the API."""
    world.experiment(request.query["experimentKey"]).running = True
    return {"isAliveBeatDurationMillis": 10_000, "gpuMonitorIntervalMillis": 60_000}


def start_end(world: World, request: Request) -> dict[str, Any]:
    """Take the times of an experiment through the API."""
    asked = request.json()
    experiment = world.experiment(asked["experimentKey"])
    experiment.start = asked.get("startTimeMillis") or experiment.start
    experiment.end = asked.get("endTimeMillis") or experiment.end
    return {}


def notify(world: World, request: Request) -> dict[str, Any]:
    """Take a notification for the user."""
    asked = request.json()
    world.experiment(asked["experiment_key"]).notifications.append(asked)
    return {}


def _made(world: World, key: str, asked: dict[str, Any]) -> Experiment:
    workspace, project = asked.get("teamName") or world.workspace, asked.get("projectName") or "general"
    world.state.project(workspace, project)
    return world.state.experiments.setdefault(key, Experiment(key, workspace, project, now()))


def _handshake(world: World, key: str, asked: dict[str, Any]) -> dict[str, Any]:
    experiment = _made(world, key, asked)
    project = world.project_of(experiment)
    return {
        "runId": f"run-{key}",
        "project_id": project.id,
        "focusUrl": f"{world.url}/{project.workspace}/{project.name}/",
        "lastOffset": len(experiment.points),
        "name": experiment.name,
        "featureToggles": [],
        "upload_file_size_limit_in_mb": 1000,
        "asset_upload_file_size_limit_in_mb": 100_000,
        "uploadVideoMaxSizeMB": 100,
        "s3DirectAccessEnabled": False,
        "cometWebAssetUrl": f"{world.url}/api/asset/download",
        "cometWebImageUrl": f"{world.url}/api/image/download",
        "cometRestApiAssetUrl": f"{world.url}/api/rest/v2/experiment/asset/get-asset",
        "cometRestApiImageUrl": f"{world.url}/api/rest/v2/image/get-image",
    }


ROUTES: dict[str, Route] = {
    "POST logger/add/run": add_run,
    "POST logger/get/run": get_run,
    "POST status-report/update": beat,
    "POST status-report/offline-metadata": offline_times,
    "POST notification/experiment": notify,
    "POST write/experiment/create": create,
    "POST write/experiment/update-status": status,
    "GET write/experiment/set-status": alive,
    "POST write/experiment/set-start-end-time": start_end,
}
