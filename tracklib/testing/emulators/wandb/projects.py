"""A project as the read API shows it."""

from __future__ import annotations

from typing import Any

from tracklib.testing.emulators.exchange import loads
from tracklib.testing.emulators.wandb import artifacts, boards, people
from tracklib.testing.emulators.wandb.connections import connection
from tracklib.testing.emulators.wandb.filters import matches, ordered
from tracklib.testing.emulators.wandb.graphql import GraphQLProblem, Node
from tracklib.testing.emulators.wandb.runs import run_node
from tracklib.testing.emulators.wandb.state import Project, Run, iso
from tracklib.testing.emulators.wandb.world import World

__all__ = ["project_node", "projects_page"]


def project_node(world: World, project: Project) -> Node:
    """Return a project, whose fields are made when they are asked for."""
    return {
        "__typename": "Project",
        "id": project.id,
        "internalId": str(project.number),
        "name": project.name,
        "entityName": project.entity,
        "entity": people.entity(world, project.entity),
        "user": people.user(world),
        "createdAt": iso(project.created_at),
        "description": None,
        "access": "PRIVATE",
        "views": "{}",
        "isBenchmark": False,
        "readOnly": False,
        **_runs(world, project),
        **artifacts.project_fields(world, project),
        **boards.project_fields(world, project),
    }


def projects_page(world: World, *, entity: str | None, first: int | None, after: str | None) -> dict[str, Any]:
    """Return a page of an entity's projects."""
    mine = [each for each in world.state.projects.values() if each.entity == (entity or world.entity)]
    return connection(mine, lambda each: project_node(world, each), first=first, after=after)


def _runs(world: World, project: Project) -> dict[str, Any]:
    def chosen(filters: str | None, order: str | None = None) -> list[Run]:
        condition = loads(filters) if filters else None
        return ordered([run for run in world.state.runs_of(project) if matches(run, condition)], order)

    def page(
        filters: str | None = None, order: str | None = None, first: int | None = None, after: str | None = None
    ) -> dict[str, Any]:
        return connection(
            chosen(filters, order), lambda run: run_node(world, run, project_node), first=first, after=after
        )

    def one(name: str) -> Node | None:
        run = world.state.runs.get(f"{project.entity}/{project.name}/{name}")
        return None if run is None else run_node(world, run, project_node)

    def bucket(name: str, missingOk: bool = False) -> Node | None:  # noqa: FBT001, FBT002 - the field's arguments
        run = one(name)
        if run is None and not missingOk:
            raise GraphQLProblem(f"run {project.entity}/{project.name}/{name} not found")
        return run

    return {
        "runCount": lambda filters=None: len(chosen(filters)),
        "runs": page,
        "run": one,
        "bucket": bucket,
    }
