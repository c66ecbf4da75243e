"""Deletions: runs of every kind of place that somebody takes away while they are read."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.portability.kinds_of_place import KINDS, Ground, new_place
from tests.portability.made_exports import EXPORTS
from tests.portability.made_runs import KINDS as MEDIA
from tests.portability.made_runs import MadeRun, keep
from tracklib.backends.memory import MemorySource
from tracklib.cli.removal import remove_blobs, remove_run
from tracklib.journal.layout import Root
from tracklib.model.query import RunQuery
from tracklib.model.records import (
    Artifact,
    Body,
    Console,
    FileRef,
    Media,
    Metrics,
    Params,
    Record,
    RunEnd,
    RunStart,
    Tags,
)
from tracklib.model.run import RunInfo
from tracklib.portability.bundle.layout import run_folder
from tracklib.portability.copy import copy_run
from tracklib.portability.places import Place

__all__ = ["PLACES", "filled", "made", "removed", "vanishing"]

PLACES = (*KINDS, *EXPORTS)
"""Kinds of place that runs are read from."""

POINTS = 12
_BEGAN = 1_790_000_000_000_000_000


def made(run_id: str) -> MadeRun:
    """Return a run that ended, with some of everything."""
    files: dict[str, bytes] = {}

    def ref(path: str, content: bytes) -> FileRef:
        digest = hashlib.sha256(content).hexdigest()
        files[digest] = content
        return FileRef(path, len(content), digest)

    bodies: list[Body] = [
        RunStart("digits", f"run {run_id}"),
        Params({"lr": 0.1, "model": {"depth": 4}}),
        Tags({"team": "vision"}),
        *(Metrics({"loss": 1 / (step + 1), "acc": step / 7}, step) for step in range(POINTS)),
        Artifact("model", "model", (ref("w.bin", run_id.encode() * 50), ref("a/b.txt", b"b" + run_id.encode()))),
        Media("pic", 3, "image", ref(MEDIA["image"][0], MEDIA["image"][1])),
        Console("stdout", "printed\n"),
        RunEnd("finished", 0),
    ]
    records = [Record("w1", seq, _BEGAN + seq * 10**9, body) for seq, body in enumerate(bodies, 1)]
    return MadeRun(run_id, tuple(records), files)


def filled(kind: str, ground: Ground, names: list[str]) -> Place:
    """Return a new place of a kind that holds a run of each name."""
    if kind == "mlflow-folder":
        points = [("loss", 1 / (step + 1), step, step) for step in range(POINTS)]
        about = {"params": {"lr": "0.1"}, "tags": {}, "files": {"w.bin": b"content"}, "status": "FINISHED"}
        return EXPORTS[kind][1](
            [{**about, "points": points, "name": name, "project": "digits"} for name in names], ground
        )
    if kind == "neptune":
        series = [("loss", ("float_series", 1 / (step + 1)), step, _BEGAN // 10**6 + step) for step in range(POINTS)]
        run = {"params/lr": ("float", 0.1)}, series, {"files/w": b"content"}, 3
        return EXPORTS[kind][1]([run for _ in names], ground)
    place = new_place(kind, ground)
    source = MemorySource(keep([made(name) for name in names]))
    for info in source.runs(RunQuery()):
        scratch = ground.fresh("scratch")
        scratch.mkdir()
        assert copy_run(source, info, place.sink, scratch).tally.refused == {}
    return place


def removed(kind: str, place: Place, run: RunInfo) -> None:
    """Take a run away for good, as those do who clear up at such a place."""
    settings = place.resolved.settings.given()
    if kind == "local":
        root = Root(settings["root"])
        remove_run(root, root.run(run.project, run.id))
        remove_blobs(root, None, any_open=False, began=2**40)
    elif kind == "bundle":
        shutil.rmtree(Path(settings["url"]) / run_folder(run.project, run.id))
    elif kind == "mlflow-folder":
        (folder,) = Path(settings["tracking_uri"]).glob(f"*/{run.id}")
        shutil.rmtree(folder)
    elif kind == "neptune":
        for path in Path(settings["data"]).rglob(f"{run.id}-*.parquet"):
            path.unlink()
    else:
        source: Any = place.source()
        source.delete(run)
        if kind == "mlflow":
            _collect(settings, run)


def _collect(settings: Mapping[str, Any], run: RunInfo) -> None:
    """Do what ``mlflow gc`` does."""
    from mlflow import MlflowClient

    client = MlflowClient(settings["tracking_uri"])
    held = client.get_run(run.place or run.id)
    client._tracking_client.store._hard_delete_run(held.info.run_id)
    shutil.rmtree(held.info.artifact_uri, ignore_errors=True)


@contextmanager
def vanishing(source: type, moments: Mapping[str, int], remove: Callable[[RunInfo], None]) -> Iterator[set[str]]:
    """Take runs away as they are read: each behind so many records of it, before the first one where that is 0.

    Yields:
        The ids of those that are gone.
    """
    gone: set[str] = set()

    def hooked(method: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def give(self: Any, run: RunInfo, *more: Any, **named: Any) -> Iterator[Any]:
            moment = moments.get(run.id, -1) if run.id not in gone else -1
            if moment == 0:
                remove(run)
                gone.add(run.id)
            for number, item in enumerate(method(self, run, *more, **named), 1):
                if number == moment:
                    remove(run)
                    gone.add(run.id)
                yield item

        return give

    with pytest.MonkeyPatch.context() as patch:
        for name in ("read", "point_batches", "other_records"):
            if hasattr(source, name):
                patch.setattr(source, name, hooked(getattr(source, name)))
        yield gone
