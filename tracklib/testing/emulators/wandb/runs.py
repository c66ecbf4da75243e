"""A run as the read API shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracklib.testing.emulators.exchange import loads
from tracklib.testing.emulators.wandb import artifacts, console, files, history, parquet, people
from tracklib.testing.emulators.wandb.connections import connection
from tracklib.testing.emulators.wandb.graphql import Node
from tracklib.testing.emulators.wandb.state import Project, Run, iso
from tracklib.testing.emulators.wandb.world import World, text

__all__ = ["run_node"]

EVENTS = "wandb-events.jsonl"
HISTORY = "wandb-history.jsonl"


def run_node(world: World, run: Run, of_project: Callable[[World, Project], Node]) -> Node:
    """Return a run, whose fields are made when they are asked for.

    Args:
        of_project: Makes the node of its project, which has nodes of runs in turn.
    """
    return {**_facts(run), **_relations(world, run, of_project), **_contents(run), **_files(world, run)}


def _facts(run: Run) -> dict[str, Any]:
    return {
        "__typename": "Run",
        "id": run.id,
        "name": run.name,
        "displayName": run.display_name,
        "description": run.description,
        "notes": run.notes,
        "tags": run.tags,
        "state": run.state,
        "group": run.group,
        "jobType": run.job_type,
        "sweepName": run.sweep,
        "commit": run.commit,
        "host": run.host,
        "readOnly": False,
        "createdAt": iso(run.created_at),
        "updatedAt": iso(max(run.created_at, run.heartbeat_at)),
        "heartbeatAt": iso(run.heartbeat_at),
        "stopped": run.stop_requested,
    }


def _relations(world: World, run: Run, of_project: Callable[[World, Project], Node]) -> dict[str, Any]:
    project = world.state.project(run.entity, run.project)

    def artifact_page(ids: list[str], first: int | None, after: str | None) -> dict[str, Any]:
        known = [world.state.artifacts[each] for each in ids if each in world.state.artifacts]
        return connection(known, lambda each: artifacts.artifact_node(world, each), first=first, after=after)

    return {
        "project": lambda: of_project(world, project),
        "projectId": project.number,
        "user": people.user(world),
        "outputArtifacts": lambda first=None, after=None: artifact_page(run.outputs, first, after),
        "inputArtifacts": lambda first=None, after=None: artifact_page(run.inputs, first, after),
    }


def _contents(run: Run) -> dict[str, Any]:
    def rows(stream: str, samples: int | None, low: int | None, high: int | None) -> list[str]:
        found = history.rows(run, stream)
        if low is None and high is None:
            return history.sampled_lines(found, samples or 500)
        return history.page(found, low or 0, 2**63 if high is None else high, samples or 500)

    return {
        "config": lambda: text(run.config),
        "summaryMetrics": lambda: text(run.summary),
        "systemMetrics": lambda: text(run.events[-1] if run.events else {}),
        "wandbConfig": lambda keys=None: text(run.config.get("_wandb", {}).get("value", {})),
        "historyLineCount": lambda: len(run.lines.get(HISTORY, [])),
        "eventsLineCount": lambda: len(run.lines.get(EVENTS, [])),
        "logLineCount": lambda: len(run.lines.get("output.log", [])),
        "historyTail": lambda: history.tail(run, HISTORY),
        "eventsTail": lambda: history.tail(run, EVENTS),
        "historyKeys": lambda: history.keys(history.rows(run, HISTORY)),
        "history": lambda samples=None, minStep=None, maxStep=None: rows(HISTORY, samples, minStep, maxStep),
        "events": lambda samples=None, minStep=None, maxStep=None: rows(EVENTS, samples, minStep, maxStep),
        "sampledHistory": lambda specs: [history.sampled(history.rows(run, HISTORY), loads(spec)) for spec in specs],
        "logLines": lambda **arguments: console.log_lines(run, **arguments),
    }


def _files(world: World, run: Run) -> dict[str, Any]:
    return {
        "fileCount": lambda: len(world.file_names(run)),
        "files": lambda **arguments: files.run_files(world, run, **arguments),
        "parquetHistory": lambda liveKeys=None: parquet.exported(world, run),
    }
