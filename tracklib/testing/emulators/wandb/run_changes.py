"""What clients do to projects and runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tracklib.testing.emulators.exchange import loads
from tracklib.testing.emulators.wandb.files import deleted, file_node
from tracklib.testing.emulators.wandb.graphql import GraphQLProblem, Node
from tracklib.testing.emulators.wandb.projects import project_node
from tracklib.testing.emulators.wandb.runs import run_node
from tracklib.testing.emulators.wandb.state import Run
from tracklib.testing.emulators.wandb.world import World

__all__ = ["CHANGES"]

_ATTRIBUTES = {
    "displayName": "display_name",
    "description": "description",
    "notes": "notes",
    "tags": "tags",
    "groupName": "group",
    "jobType": "job_type",
    "host": "host",
    "jobProgram": "program",
    "program": "program",
    "commit": "commit",
    "jobRepo": "repo",
    "repo": "repo",
    "sweep": "sweep",
    "state": "state",
}
_IGNORED = frozenset({"id", "name", "modelName", "entityName", "debug", "config", "summaryMetrics"})


def upsert_run(world: World, **given: Any) -> Node:
    """Make a run or change one, which an ``id`` finds by GraphQL's id, a ``name`` by the client's."""
    unknown = given.keys() - _IGNORED - _ATTRIBUTES.keys()
    if unknown:
        raise GraphQLProblem(f"unknown fields of upsertBucket's input: {sorted(unknown)}", unknown=True)
    by_id = given.get("id") is not None
    run, inserted = (_existing(world, given["id"]), False) if by_id else _named(world, given)
    for name, attribute in _ATTRIBUTES.items():
        if given.get(name) is not None:
            setattr(run, attribute, given[name])
    if not by_id and given.get("state") is None:
        run.state = "running"
    if given.get("config") is not None:
        run.config = loads(given["config"])
    if given.get("summaryMetrics") is not None:
        run.summary = loads(given["summaryMetrics"])
    return {"__typename": "UpsertBucketPayload", "bucket": run_node(world, run, project_node), "inserted": inserted}


def upsert_project(world: World, *, name: str, entityName: str | None = None, **_: Any) -> Node:
    """Make a project, or find it."""
    entity = entityName or world.entity
    inserted = f"{entity}/{name}" not in world.state.projects
    node = project_node(world, world.state.project(entity, name))
    return {"__typename": "UpsertModelPayload", "project": node, "model": node, "inserted": inserted}


def create_files(world: World, *, entityName: str, projectName: str, runName: str, files: list[str]) -> Node:
    """Give an address for the upload of each file."""
    run = _of(world, entityName, projectName, runName)
    return {
        "__typename": "CreateRunFilesPayload",
        "runID": run.id,
        "uploadHeaders": [],
        "files": [_file(world, run, name) for name in files],
    }


def mark_uploaded(world: World, *, entityName: str, projectName: str, runName: str, files: list[str]) -> Node:
    """Note that files were uploaded, which leaves the run's state as it is."""
    run = _of(world, entityName, projectName, runName)
    run.uploaded += [name for name in files if name not in run.uploaded]
    return {"__typename": "MarkRunFilesUploadedPayload", "success": True}


def delete_run(world: World, *, id: str, deleteArtifacts: bool = False) -> Node:
    """Forget a run with its files, and its artifacts where that is asked for."""
    run = _existing(world, id)
    del world.state.runs[run.path]
    world.state.deleted.append(run.path)
    for name in world.file_names(run):
        world.blobs.delete(world.file_key(run, name))
    for output in run.outputs if deleteArtifacts else ():
        world.state.artifacts.pop(output, None)
    return {"__typename": "DeleteRunPayload", "clientMutationId": None}


def update_state(world: World, *, id: str, state: str) -> Node:
    """Set a run's state, as far as W&B's documentation allows: to pending or failed."""
    allowed = {"pending": ("running", "failed", "crashed", "preempted"), "failed": ("pending", "running")}
    run = _existing(world, id)
    possible = run.state in allowed.get(state, ())
    run.state = state if possible else run.state
    return {"__typename": "UpdateRunStatePayload", "success": possible}


def stop_run(world: World, *, id: str) -> Node:
    """Ask a run to stop, of which its process learns by the answer to its next lines."""
    run = _existing(world, id)
    run.stop_requested = run.state == "running"
    return {"__typename": "StopRunPayload", "success": True, "clientMutationId": None}


def _named(world: World, given: dict[str, Any]) -> tuple[Run, bool]:
    project = world.state.project(given.get("entityName") or world.entity, given.get("modelName") or "uncategorized")
    path = f"{project.entity}/{project.name}/{given['name']}"
    known = world.state.runs.get(path)
    if known is not None:
        return known, False
    if path in world.state.deleted:
        raise GraphQLProblem(f"run {path} was previously created and deleted; try a new run name", status=409)
    now = time.time()
    run = Run(project.entity, project.name, given["name"], now, display_name=given["name"], heartbeat_at=now)
    run.user = world.username
    world.state.runs[path] = run
    return run, True


def _existing(world: World, id: str) -> Run:
    run = world.state.run_by_id(id)
    if run is None:
        raise GraphQLProblem(f"no run has the id {id!r}")
    return run


def _of(world: World, entity: str, project: str, name: str) -> Run:
    run = world.state.runs.get(f"{entity}/{project}/{name}")
    if run is None:
        raise GraphQLProblem(f"run {entity}/{project}/{name} not found")
    return run


def _file(world: World, run: Run, name: str) -> Node:
    return file_node(world, world.file_key(run, name), name)


def delete_files(world: World, *, files: list[str], projectId: int | None = None) -> Node:
    """Delete files of runs by their ids."""
    return deleted(world, files)


CHANGES: dict[str, Callable[..., Node]] = {
    "upsertBucket": upsert_run,
    "upsertModel": upsert_project,
    "createRunFiles": create_files,
    "markRunFilesUploaded": mark_uploaded,
    "deleteFiles": delete_files,
    "deleteRun": delete_run,
    "updateRunState": update_state,
    "stopRun": stop_run,
}
