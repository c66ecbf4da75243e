"""Journal roots of any size, written as their own writer seals them, yet without a process that logs."""

from __future__ import annotations

import random
from pathlib import Path

from tracklib.journal.layout import Root
from tracklib.journal.segment import Header, seal, seed_of
from tracklib.model.codec import dumps

__all__ = ["make_run"]

_START = 1_764_000_000 * 10**9


def make_run(folder: Path, run: str, points: int, metrics: int, *, project: str = "bench", started: int = 0) -> None:
    """Put a finished run into a root: so many points over so many metrics, all metrics in each record."""
    chance, root = random.Random(points), Root(folder)
    place, writer = root.run(project, run), "20261123t201530-9f86d081"
    place.journal.mkdir(parents=True)
    began, seed = _START + started, seed_of(writer)
    keys = [f"metric/{number}" for number in range(metrics)]
    with (place.journal / f"{writer}.jsonl").open("wb") as file:
        file.write(seal(dumps(Header(run, project, writer, host="(made)", created=began).fields()), seed))
        file.write(seal(dumps({"kind": "start", "seq": 1, "time": began, "project": project, "name": run}), seed))
        steps = points // metrics
        for step in range(steps):
            values = {key: chance.random() for key in keys}
            record = {"kind": "metrics", "seq": step + 2, "time": began + (step + 1) * 10**6, "step": step}
            file.write(seal(dumps({**record, "values": values}), seed))
        end = {"kind": "end", "seq": steps + 2, "time": began + (steps + 1) * 10**6, "status": "finished"}
        file.write(seal(dumps(end), seed))
