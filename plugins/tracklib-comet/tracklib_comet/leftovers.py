"""What Comet holds beside runs, as far as its interface tells: models, sweeps, notes, views, artifacts of deleted runs.

Reports, panels and the settings of optimizers are in no interface that a program can ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tracklib.backends.contract import Leftover
from tracklib.errors import ConfigError, RejectedError
from tracklib_comet.service import Service

__all__ = ["leftovers"]


def leftovers(service: Service, projects: Sequence[str]) -> Iterator[Leftover]:
    """Yield what belongs to no run: the registry is the workspace's, the rest is of the projects that are named.

    What the server or the SDK is too old for is not there.
    """
    for model in _told(service, "the model registry", "get_registry_models", service.workspace) or []:
        yield Leftover("registry model", str(model["modelName"]))
    keys: set[str] = set()
    for project in projects:
        yield from _of_project(service, project, keys)
    yield from _artifacts(service, projects, keys)


def _of_project(service: Service, project: str, keys: set[str]) -> Iterator[Leftover]:
    """Yield what a project has; the keys of its experiments are added."""
    sweeps: dict[str, None] = {}
    for is_archived in (False, True):
        for told in service.experiments(project, archived=is_archived):
            keys.add(str(told["experimentKey"]))
            if told.get("optimizationId"):
                sweeps[str(told["optimizationId"])] = None
    yield from (Leftover("optimizer sweep", sweep) for sweep in sweeps)
    with service.doing(f"reading the project {project!r}"):
        project_id = (service.client.get_project(service.workspace, project) or {}).get("projectId")
    if _told(service, "a project's notes", "get_project_notes_by_id", project_id):
        yield Leftover("notes of a project", project)
    for view in _told(service, "a project's views", "get_views", project_id) or []:
        if not view.get("unsavedView"):  # that is how somebody last looked at it
            yield Leftover("view", f"{project}/{view.get('templateName') or view.get('template_name') or ''}")


def _artifacts(service: Service, projects: Sequence[str], keys: set[str]) -> Iterator[Leftover]:
    """Yield the versions of artifacts whose experiment is deleted; all others are read with their runs."""
    found = _told(service, "artifacts", "get_artifact_list", service.workspace) or {}
    for artifact in found.get("artifacts") or []:
        if artifact.get("project") not in (None, *projects):
            continue
        with service.doing("reading an artifact"):
            told = service.client.get_artifact_details(artifact_id=artifact["artifactId"])
        for version in told.get("versions") or []:
            key = str(version.get("experimentKey"))
            if key not in keys and service.metadata(key) is None:
                yield Leftover("artifact version", f"{told['artifactName']}:{version['version']}")


def _told(service: Service, what: str, name: str, *args: Any) -> Any:
    """Return what the client's method of this name gives; ``None`` where the SDK or the server is one without it."""
    method: Callable[..., Any] | None = getattr(service.client, name, None)
    if method is None:
        return None
    try:
        with service.doing(f"reading {what}"):
            return method(*args)
    except (RejectedError, ConfigError):  # the way is unknown to it: it answered others
        return None
