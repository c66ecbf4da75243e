"""`ProjectItems`: what a team's projects have beside runs, which no other vendor holds: sweeps, reports, views, registries."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tracklib.backends.contract import Leftover
from tracklib.errors import RejectedError

__all__ = ["ProjectItems"]

Nodes = Callable[[str, Mapping[str, Any], tuple[str, ...]], Iterator[Mapping[str, Any]]]

_PAGE = "pageInfo { endCursor hasNextPage }"
_IN_PROJECT = "$entity: String!, $project: String!, $cursor: String, $perPage: Int"

# What the SDK's own `Project.sweeps`, `Api.reports` and `Api.registries` ask.
_SWEEPS = f"""
query GetSweeps({_IN_PROJECT}) {{
  project(name: $project, entityName: $entity) {{
    sweeps(after: $cursor, first: $perPage) {{ {_PAGE} edges {{ node {{ name displayName }} }} }}
  }}
}}
"""
_VIEWS = f"""
query ProjectViews({_IN_PROJECT}, $viewType: String) {{
  project(name: $project, entityName: $entity) {{
    allViews(viewType: $viewType, first: $perPage, after: $cursor) {{ {_PAGE} edges {{ node {{ name displayName }} }} }}
  }}
}}
"""
_ORGANIZATION = """
query FetchOrgInfoFromEntity($entity: String!) {
  entity(name: $entity) { organization { name } user { organizations { name } } }
}
"""
_REGISTRIES = f"""
query FetchRegistries($organization: String!, $cursor: String, $perPage: Int) {{
  organization(name: $organization) {{
    orgEntity {{ projects(after: $cursor, first: $perPage) {{ {_PAGE} edges {{ node {{ name }} }} }} }}
  }}
}}
"""
_REGISTRY = "wandb-registry-"

_TYPES = {"runs": "report", "runs/draft": "draft of a report", "project-view": "saved view"}
"""W&B's types of views, as its packages for reports and workspaces write them, and what they are."""


class ProjectItems:
    """Lists them, page by page.

    Args:
        nodes: Asks a question with its variables, and yields the nodes of all pages of the list at a path of the answer.
        ask: Asks a question with its variables.
    """

    def __init__(self, nodes: Nodes, ask: Callable[[str, Mapping[str, Any]], Mapping[str, Any]]) -> None:
        self._nodes = nodes
        self._ask = ask

    def of_project(self, entity: str, project: str) -> Iterator[Leftover]:
        """Yield a project's sweeps, reports and saved views; what an older server does not know is not there."""
        place = {"entity": entity, "project": project}
        for node in self._known(_SWEEPS, place, ("project", "sweeps")):
            yield Leftover("sweep", _name(node))
        for kind, word in _TYPES.items():
            for node in self._known(_VIEWS, {**place, "viewType": kind}, ("project", "allViews")):
                yield Leftover(word, _name(node))

    def of_team(self, entity: str) -> Iterator[Leftover]:
        """Yield the registries of a team's organizations."""
        for organization in self._organizations(entity):
            path = ("organization", "orgEntity", "projects")
            for node in self._known(_REGISTRIES, {"organization": organization}, path):
                name = str(node.get("name"))
                if name.startswith(_REGISTRY):
                    yield Leftover("registry", name.removeprefix(_REGISTRY))

    def _organizations(self, entity: str) -> list[str]:
        try:
            told = self._ask(_ORGANIZATION, {"entity": entity}).get("entity") or {}
        except RejectedError:  # an older server has none
            return []
        found = [told.get("organization"), *((told.get("user") or {}).get("organizations") or [])]
        return list(dict.fromkeys(str(each["name"]) for each in found if each))

    def _known(self, question: str, variables: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
        try:
            yield from self._nodes(question, variables, path)
        except RejectedError:  # a server of a version without them, or a key without the right to see them
            return


def _name(node: Mapping[str, Any]) -> str:
    return str(node.get("displayName") or node.get("name"))
