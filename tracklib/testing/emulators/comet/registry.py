"""What stands beside experiments: models of the workspace's registry, notes and saved views of projects."""

from __future__ import annotations

import uuid
from typing import Any

from tracklib.testing.emulators.comet.state import Project, RegistryModel
from tracklib.testing.emulators.comet.world import Refused, Route, World, now
from tracklib.testing.emulators.exchange import Request

__all__ = ["ROUTES"]


def register(world: World, request: Request) -> dict[str, Any]:
    """Register an experiment's model: a model of the registry, or a version more of one."""
    asked = request.json()
    # The SDK has two ways; a model's id is its name here.
    name = asked.get("experimentModelName") or asked["experimentModelId"]
    wanted = asked.get("experimentKey")
    holders = [e for e in world.state.experiments.values() if name in e.models and wanted in (None, e.key)]
    if not holders:
        raise Refused(f"no experiment has a model {name!r}")
    experiment = holders[-1]
    told = {"registryModelItemId": uuid.uuid4().hex, "version": asked["version"], "createdAt": now()}
    told["experimentModel"] = {"experimentKey": experiment.key, "experimentModelName": name, "experimentModelId": name}
    found = _models(world, experiment.workspace).get(asked["registryModelName"])
    if found is None:
        found = RegistryModel(uuid.uuid4().hex, experiment.workspace, asked["registryModelName"])
        world.state.registry[found.id] = found
    if any(version["version"] == told["version"] for version in found.versions):
        raise Refused(f"version {told['version']} of the model {found.name!r} already exists")
    found.versions.append(told)
    return {"registryModelId": found.id, "registryModelItemId": told["registryModelItemId"]}


def models(world: World, request: Request) -> dict[str, Any]:
    """Return the models of a workspace's registry."""
    return {"registryModels": [_shown(each) for each in _models(world, request.query["workspaceName"]).values()]}


def count(world: World, request: Request) -> dict[str, Any]:
    """Return how many models a workspace's registry has."""
    return {"registryModelCount": len(_models(world, request.query["workspaceName"]))}


def details(world: World, request: Request) -> dict[str, Any]:
    """Return one model with its versions."""
    name = request.query["modelName"]
    found = _models(world, request.query["workspaceName"]).get(name)
    if found is None:
        raise Refused(f"no model of the registry has the name {name!r}", status=404)
    return {**_shown(found), "versions": found.versions}


def notes(world: World, request: Request) -> dict[str, Any]:
    """Return a project's notes."""
    return {"notes": _project(world, request.query["projectId"]).notes}


def set_notes(world: World, request: Request) -> dict[str, Any]:
    """Take a project's notes."""
    asked = request.json()
    _project(world, asked["projectId"]).notes = asked["notes"]
    return {}


def views(world: World, request: Request) -> dict[str, Any]:
    """Return a project's saved views."""
    return {"views": _project(world, request.query["projectId"]).views}


def save_view(world: World, request: Request) -> dict[str, Any]:
    """Save a view of a project, in the place of that with its id."""
    asked = request.json()
    project = _project(world, asked["projectId"])
    view = {**asked, "templateId": asked.get("templateId") or uuid.uuid4().hex, "unsavedView": False}
    project.views = [each for each in project.views if each["templateId"] != view["templateId"]] + [view]
    return view


def _project(world: World, project_id: str) -> Project:
    found = next((each for each in world.state.projects.values() if each.id == project_id), None)
    if found is None:
        raise Refused(f"no project has the id {project_id}")
    return found


def _models(world: World, workspace: str) -> dict[str, RegistryModel]:
    return {each.name: each for each in world.state.registry.values() if each.workspace == workspace}


def _shown(model: RegistryModel) -> dict[str, Any]:
    return {"registryModelId": model.id, "modelName": model.name, "description": "", "isPublic": False}


ROUTES: dict[str, Route] = {
    "POST write/registry-model": register,
    "POST write/registry-model/item": register,
    "POST write/registry-model/item/create": register,
    "GET registry-model": models,
    "GET registry-model/count": count,
    "GET registry-model/details": details,
    "GET project/notes": notes,
    "POST write/project/notes": set_notes,
    "GET views/get-all": views,
    "POST write/views/upsert": save_view,
}
