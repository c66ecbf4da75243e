"""What a project has beside runs, sweeps and views, and a team's organization with its registries.

A view is a report (of type ``runs``), the draft of one (``runs/draft``) or a saved view of the runs (``project-view``), as
W&B's own packages write them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from tracklib.testing.emulators.wandb import people
from tracklib.testing.emulators.wandb.connections import connection
from tracklib.testing.emulators.wandb.graphql import GraphQLProblem, Node
from tracklib.testing.emulators.wandb.state import Project, Sweep, View, encoded_id, iso
from tracklib.testing.emulators.wandb.world import World

__all__ = ["CHANGES", "organization", "project_fields"]

_REPORTS = "runs"


def project_fields(world: World, project: Project) -> dict[str, Any]:
    """Return the fields of a project that concern sweeps and views."""
    mine = (project.entity, project.name)
    sweeps = [each for each in world.state.sweeps.values() if (each.entity, each.project) == mine]

    def sweep(sweepName: str) -> Node | None:
        return next((_sweep(world, each) for each in sweeps if each.name == sweepName), None)

    def sweep_page(after: str | None = None, first: int | None = None, filters: str | None = None) -> Node:
        if filters not in (None, "{}"):
            raise GraphQLProblem(f"unknown filters of sweeps: {filters}", unknown=True)
        return connection(sweeps, lambda each: _sweep(world, each), first=first, after=after)

    def views(
        viewType: str = _REPORTS,
        viewName: str | None = None,
        userName: str | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> Node:
        chosen = [
            each for each in world.state.views.values() if (each.entity, each.project, each.type) == (*mine, viewType)
        ]
        chosen = [each for each in chosen if viewName in (None, each.name) and userName in (None, world.username)]
        return connection(chosen, lambda each: _view(world, each), first=first, after=after)

    return {"totalSweeps": len(sweeps), "sweeps": sweep_page, "sweep": sweep, "allViews": views}


def organization(world: World, name: str) -> Node | None:
    """Return the team's organization, where it has one; its registries are projects of an entity of its own."""
    if world.organization is None or name != world.organization:
        return None

    def registries(
        filters: str | None = None, after: str | None = None, first: int | None = None, order: str | None = None
    ) -> Node:
        if filters not in (None, "{}") or order is not None:
            raise GraphQLProblem(f"unknown filters or order of registries: {filters}, {order}", unknown=True)
        return connection(world.state.registries, lambda each: _registry(world, each), first=first, after=after)

    own = {"__typename": "Entity", "name": people.org_entity(world), "projects": registries}
    return {"__typename": "Organization", "id": encoded_id("Organization", name), "name": name, "orgEntity": own}


def upsert_sweep(world: World, **given: Any) -> Node:
    """Make a sweep, or change one that an ``id`` finds."""
    now = time.time()
    found = next((each for each in world.state.sweeps.values() if each.id == given.get("id")), None)
    if found is None:
        project = world.state.project(
            given.get("entityName") or world.entity, given.get("projectName") or "uncategorized"
        )
        name = f"s{len(world.state.sweeps):07}"
        found = Sweep(project.entity, project.name, name, now)
        world.state.sweeps[found.id] = found
    found.config = given.get("config") or found.config
    found.display_name = given.get("displayName") or found.display_name
    found.state = given.get("state") or found.state
    found.updated_at = now
    return {"__typename": "UpsertSweepPayload", "sweep": _sweep(world, found), "configValidationWarnings": []}


def upsert_view(world: World, **given: Any) -> Node:
    """Make a view, or change one that an ``id`` finds."""
    now = time.time()
    found, inserted = world.state.views.get(given.get("id") or ""), False
    if found is None:
        project = world.state.project(given.get("entityName") or world.entity, given["projectName"])
        found, inserted = View(project.entity, project.name, given["name"], given["type"], now), True
        world.state.views[found.id] = found
    found.display_name = given.get("displayName") or found.display_name
    found.description = given.get("description") or found.description
    found.spec = given.get("spec") or found.spec
    found.updated_at = now
    return {"__typename": "UpsertViewPayload", "view": _view(world, found), "inserted": inserted}


def _sweep(world: World, sweep: Sweep) -> Node:
    project = world.state.project(sweep.entity, sweep.project)
    runs = [run for run in world.state.runs_of(project) if run.sweep == sweep.name]
    return {
        "__typename": "Sweep",
        "id": sweep.id,
        "name": sweep.name,
        "displayName": sweep.display_name or None,
        "method": _method(sweep),
        "state": sweep.state,
        "description": None,
        "bestLoss": None,
        "config": sweep.config,
        "createdAt": iso(sweep.created_at),
        "updatedAt": iso(sweep.updated_at),
        "runCount": len(runs),
        "runCountExpected": None,
        "project": _project(world, project),
    }


def _method(sweep: Sweep) -> str:
    """Return how a sweep searches, as its config in YAML says."""
    found = re.search(r"^method: *(\w+)", sweep.config, re.MULTILINE)
    return found[1] if found else "custom"


def _view(world: World, view: View) -> Node:
    return {
        "__typename": "View",
        "id": view.id,
        "type": view.type,
        "name": view.name,
        "displayName": view.display_name,
        "description": view.description,
        "spec": view.spec,
        "user": {**people.user(world), "photoUrl": None},
        "project": _project(world, world.state.project(view.entity, view.project)),
        "createdAt": iso(view.created_at),
        "updatedAt": iso(view.updated_at),
    }


def _project(world: World, project: Project) -> Node:
    return {
        "__typename": "Project",
        "id": project.id,
        "name": project.name,
        "entityName": project.entity,
        "entity": people.entity(world, project.entity),
    }


def _registry(world: World, name: str) -> Node:
    entity = people.org_entity(world)
    return {
        "__typename": "Project",
        "id": encoded_id("Project", "v1", name, entity),
        "internalId": encoded_id("ProjectInternalId", name),
        "name": name,
        "entity": {
            "__typename": "Entity",
            "name": entity,
            "organization": {"__typename": "Organization", "name": world.organization},
        },
        "description": None,
        "createdAt": iso(0),
        "updatedAt": iso(0),
        "access": "PRIVATE",
        "allowAllArtifactTypesInRegistry": True,
        "artifactTypes": lambda includeAll=False: connection([], dict),
    }


CHANGES: dict[str, Callable[..., Node]] = {"upsertSweep": upsert_sweep, "upsertView": upsert_view}
