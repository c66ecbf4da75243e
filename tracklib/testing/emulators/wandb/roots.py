"""The two roots of the tree: what can be asked, and what can be done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tracklib.testing.emulators.wandb import artifact_changes, artifacts, boards, people, run_changes
from tracklib.testing.emulators.wandb.graphql import Node, check_arguments
from tracklib.testing.emulators.wandb.projects import project_node, projects_page
from tracklib.testing.emulators.wandb.world import World

__all__ = ["mutation", "query"]


def query(world: World) -> Node:
    """Return the root of questions."""

    def project(name: str | None = None, entityName: str | None = None) -> Node | None:
        found = world.state.projects.get(f"{entityName or world.entity}/{name}")
        return None if found is None else project_node(world, found)

    def projects(
        entityName: str | None = None,
        first: int | None = None,
        after: str | None = None,
    ) -> Node:
        return projects_page(world, entity=entityName, first=first, after=after)

    return {
        "__typename": "Query",
        "viewer": lambda: people.viewer(world),
        "serverInfo": lambda: people.server_info(world),
        "entity": lambda name=None: people.entity(world, name),
        "organization": lambda name: boards.organization(world, name),
        "project": project,
        "model": project,
        "projects": projects,
        "models": projects,
        **artifacts.query_fields(world),
    }


def mutation(world: World) -> Node:
    """Return the root of changes; each takes one ``input``."""
    changes = {**run_changes.CHANGES, **artifact_changes.CHANGES, **boards.CHANGES}
    return {
        "__typename": "Mutation",
        **{name: _with_input(partial(change, world), name) for name, change in changes.items()},
    }


def _with_input(change: Callable[..., Node], name: str) -> Callable[..., Node]:
    def resolve(input: dict[str, Any]) -> Node:
        given = {key: value for key, value in input.items() if key != "clientMutationId"}
        check_arguments(change, given, f"Mutation.{name}")
        return change(**given)

    return resolve
