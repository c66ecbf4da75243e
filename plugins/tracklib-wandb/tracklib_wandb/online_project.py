"""`OnlineProject`: the runs of a project, or of all projects of a team, at a W&B server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tracklib.backends.contract import Leftover
from tracklib.errors import AuthError, RejectedError
from tracklib.model.query import RunQuery
from tracklib.model.run import RunInfo
from tracklib_wandb.identity import native_id, native_project
from tracklib_wandb.online_access import OnlineAccess
from tracklib_wandb.online_run import RUN_FIELDS, OnlineRun
from tracklib_wandb.patience import patiently
from tracklib_wandb.project_items import ProjectItems
from tracklib_wandb.settings import WandbSettings
from tracklib_wandb.times import iso_utc
from tracklib_wandb.view import RunView

__all__ = ["OnlineProject"]

_PAGE = 100
_MARGIN = 3_600_000_000_000
"""Nanoseconds by which clocks may differ."""

# The same questions as the SDK's own `Api.runs` and `Api.projects` ask, and the config, which says whose run it is.
_RUNS = """
query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int, $order: String, $filters: JSONString) {
  project(name: $project, entityName: $entity) {
    runs(filters: $filters, after: $cursor, first: $perPage, order: $order) {
      edges { node { FIELDS } cursor }
      pageInfo { endCursor hasNextPage }
    }
  }
}
""".replace("FIELDS", " ".join(RUN_FIELDS))
_PROJECTS = """
query GetProjects($entity: String, $cursor: String, $perPage: Int) {
  models(entityName: $entity, after: $cursor, first: $perPage) {
    pageInfo { endCursor hasNextPage }
    edges { node { name } }
  }
}
"""
_DELETE = "mutation DeleteRun($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"

_STATES: Mapping[str, tuple[str, ...]] = {
    "running": ("running", "pending", "preempting", "crashed"),
    "stale": ("running", "pending", "preempting", "crashed"),
    "finished": ("finished",),
    "failed": ("failed",),
    "killed": ("failed", "killed", "preempted"),
    "crashed": ("failed", "crashed", "killed", "preempted"),
}
"""In which of W&B's states a run of tracklib's statuses may be; W&B itself knows fewer."""


class OnlineProject:
    """Asks a server for runs, page by page, and only for those that a query may mean."""

    def __init__(self, settings: WandbSettings) -> None:
        self._settings = settings
        self._access = OnlineAccess(settings)
        self._entity = settings.entity

    def views(self, query: RunQuery, /) -> Iterator[RunView | RunInfo]:
        """Yield the runs that may satisfy a query, the oldest first."""
        if query.place is not None:
            found = self.find(query.place)
            yield from [] if found is None else [found]
            return
        condition = json.dumps(_condition(query, self._settings.project))
        for project in self._projects(query):
            variables = {"entity": self._team, "project": project, "order": "+created_at", "filters": condition}
            for node in self._nodes(_RUNS, variables, ("project", "runs")):
                yield OnlineRun(self._access, self._team, project, node)

    def find(self, place: str, /) -> OnlineRun | None:
        """Return the run of ``entity/project/id``."""
        parts = place.split("/", 2)
        if len(parts) != 3 or not all(parts):
            return None
        entity, project, run_id = parts
        return OnlineRun.asked(self._access, entity, project, run_id)

    def leftovers(self) -> Iterator[Leftover]:
        """Yield what belongs to no run: of the projects that are meant, and of the team's organization."""
        items = ProjectItems(self._nodes, lambda *asked: patiently(lambda: self._access.server.ask(*asked)))
        for project in self._projects(RunQuery()):
            yield from items.of_project(self._team, project)
        yield from items.of_team(self._team)

    def delete(self, place: str, /) -> str:
        """Delete the run of ``entity/project/id``, and none of its artifacts.

        One version of an artifact is shared by all runs that logged the same files, and no question tells which these are.
        """
        run = self.find(place)
        if run is None:
            return ""
        try:
            patiently(lambda: self._access.server.ask(_DELETE, {"id": run.storage_id}))
        except RejectedError:  # asked again because the answer was lost
            if self.find(place) is not None:
                raise
        project = f"{run.vitals.entity}/{run.vitals.project}"
        return (
            "W&B keeps deleted runs for some days, in which a project's page can undelete them, and gives their ids to no "
            f"others; artifacts stay in {project}"
        )

    @property
    def _team(self) -> str:
        """The entity that is meant: the settings', or the one that W&B takes for the key."""
        if not self._entity:
            self._entity = str(patiently(self._access.server.viewer).get("entity") or "")
            if not self._entity:
                raise AuthError("W&B knows no default entity for this key; name one: wandb:<entity>/<project>")
        return self._entity

    def _projects(self, query: RunQuery) -> Iterator[str]:
        if self._settings.project is not None:
            yield native_project(self._settings.project)
            return
        wanted = None if query.project is None else {query.project, native_project(query.project)}
        for node in self._nodes(_PROJECTS, {"entity": self._team}, ("models",)):
            if wanted is None or node.get("name") in wanted:
                yield str(node["name"])

    def _nodes(self, question: str, variables: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
        """Yield the nodes of all pages of a list."""
        cursor: str | None = None
        while True:
            asked = {**variables, "cursor": cursor, "perPage": _PAGE}
            found: Any = patiently(lambda asked=asked: self._access.server.ask(question, asked))  # type: ignore[misc]  # mypy does not infer the default's type
            for part in path:
                found = found.get(part) if isinstance(found, Mapping) else None
            if not isinstance(found, Mapping):
                raise RejectedError(f"W&B has no {'/'.join(filter(None, (self._team, variables.get('project'))))}")
            for edge in found.get("edges") or []:
                yield edge["node"]
            page = found.get("pageInfo") or {}
            if not page.get("hasNextPage") or page.get("endCursor") in (None, cursor):
                return
            cursor = page["endCursor"]


def _condition(query: RunQuery, project: str | None) -> dict[str, Any]:
    """Return what of a query W&B can tell: never less than its runs, as its own columns may show less than is held."""
    wanted: dict[str, Any] = {}
    if query.id is not None:
        ids = {query.id}
        for name in {query.project, project} - {None}:
            assert name is not None
            ids |= {native_id(name, query.id, moved=moved) for moved in (False, True)}
        if query.project is not None:
            wanted["name"] = {"$in": sorted(ids)}
    if query.status is not None:
        wanted["state"] = {"$in": list(_STATES.get(query.status, (query.status,)))}
    if query.since is not None:  # no run is at W&B before it has begun
        wanted["createdAt"] = {"$gte": iso_utc((query.since - _MARGIN) / 1e9)}
    return wanted
