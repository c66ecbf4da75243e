"""Workspaces, projects, and which experiments they hold."""

from __future__ import annotations

from typing import Any

from tracklib.testing.emulators.comet.queries import column_names, matches
from tracklib.testing.emulators.comet.reads import metadata_of
from tracklib.testing.emulators.comet.state import Experiment, Project
from tracklib.testing.emulators.comet.world import Route, World
from tracklib.testing.emulators.exchange import Request

__all__ = ["ROUTES"]


def account(world: World, request: Request) -> dict[str, Any]:
    """Return whose key it is."""
    return {"userName": world.username, "defaultWorkspaceName": world.workspace}


def workspaces(world: World, request: Request) -> dict[str, Any]:
    """Return the names of the workspaces."""
    names = dict.fromkeys([world.workspace, *(project.workspace for project in world.state.projects.values())])
    return {"workspaceNames": list(names)}


def projects(world: World, request: Request) -> dict[str, Any]:
    """Return the projects of a workspace."""
    wanted = request.query.get("workspaceName", world.workspace)
    mine = [project for project in world.state.projects.values() if project.workspace == wanted]
    return {"projects": [_shown(world, project) for project in mine]}


def project(world: World, request: Request) -> dict[str, Any]:
    """Return one project, by its id or its name."""
    query = request.query
    for each in world.state.projects.values():
        if query.get("projectId") == each.id or (
            (query.get("workspaceName"), query.get("projectName")) == (each.workspace, each.name)
        ):
            return _shown(world, each)
    return {}


def experiments(world: World, request: Request) -> dict[str, Any]:
    """Return the experiments of a project, a page of them where that is asked for."""
    query = request.query
    archived = query.get("archived", "false").lower() == "true"
    mine = [e for e in _held(world, query["workspaceName"], query["projectName"]) if e.archived == archived]
    if query.get("sortBy"):
        by_end = query["sortBy"] == "endTime"
        mine.sort(key=lambda e: (e.end or 0) if by_end else e.start, reverse=query.get("sortOrder") == "desc")
    if query.get("size"):
        size, page = int(query["size"]), int(query.get("page") or 1)
        mine = mine[(page - 1) * size : page * size]
    return {"experiments": [metadata_of(world, experiment) for experiment in mine]}


def columns(world: World, request: Request) -> dict[str, Any]:
    """Return what experiments of a project can be asked for."""
    return {"columns": column_names(_held(world, request.query["workspaceName"], request.query["projectName"]))}


def query(world: World, request: Request) -> dict[str, Any]:
    """Return the keys of the experiments that meet all predicates."""
    asked = request.json()
    mine = _held(world, asked["workspaceName"], asked["projectName"])
    return {"experimentKeys": [e.key for e in mine if matches(e, asked["predicates"])]}


def create(world: World, request: Request) -> dict[str, Any]:
    """Make a project."""
    asked = request.json()
    return _shown(world, world.state.project(asked.get("workspaceName") or world.workspace, asked["projectName"]))


def delete_experiment(world: World, request: Request) -> dict[str, Any]:
    """Forget an experiment with its files; those of artifacts stay, as these are the workspace's."""
    key = world.experiment(request.query["experimentKey"]).key
    for asset in [asset for asset in world.state.assets_of(key) if asset.artifact_version is None]:
        world.blobs.delete(asset.key)
        del world.state.assets[asset.id]
    del world.state.experiments[key]
    return {}


def archive(world: World, request: Request) -> dict[str, Any]:
    """Archive an experiment, or restore it."""
    restoring = request.path.endswith("restore")
    world.experiment(request.query["experimentKey"]).archived = not restoring
    return {}


def _held(world: World, workspace: str, project: str) -> list[Experiment]:
    return [e for e in world.state.experiments.values() if (e.workspace, e.project) == (workspace, project)]


def _shown(world: World, project: Project) -> dict[str, Any]:
    held = _held(world, project.workspace, project.name)
    return {
        "projectId": project.id,
        "projectName": project.name,
        "workspaceName": project.workspace,
        "ownerUserName": world.username,
        "projectDescription": "",
        "numberOfExperiments": len(held),
        "lastUpdated": max((e.end or e.start for e in held), default=None),
        "public": False,
    }


ROUTES: dict[str, Route] = {
    "GET account-details": account,
    "GET workspaces": workspaces,
    "GET projects": projects,
    "GET project": project,
    "GET experiments": experiments,
    "GET project/column-names": columns,
    "POST project/query": query,
    "POST write/project/create": create,
    "GET write/experiment/delete": delete_experiment,
    "GET write/experiment/archive": archive,
    "GET write/experiment/restore": archive,
}
