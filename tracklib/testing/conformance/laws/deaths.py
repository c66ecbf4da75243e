"""The law about a relay that is killed: a process of its own, which SIGKILL ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tracklib.model.records import Metrics
from tracklib.testing.conformance.desk import Desk, Story
from tracklib.testing.conformance.judgement import same_runs
from tracklib.testing.conformance.laws.common import END
from tracklib.testing.conformance.verdict import Verdict

__all__ = ["killed"]

_PROGRAM = "from tracklib.testing.conformance.victim import main; main()"
_PATIENCE = 120


def killed(desk: Desk) -> Iterator[Verdict]:
    """A relay that is killed between sending and confirming loses nothing: what is sent again is held, and once."""
    recipe = getattr(desk.subject, "recipe", None)
    if recipe is None:
        return
    bodies = [Metrics({"loss": float(step), "acc": step / 7}, step) for step in range(60)]
    for first, second in ((0, 20), (20, 62)):
        story = desk.story(*bodies, end=END)
        case = f"after {second} records, {first} of them asked about"
        try:
            position = _victim(desk, story, recipe, (first, second))
        except ChildProcessError as error:
            yield Verdict("killed", case, None, str(error))
            continue
        heir = desk.open(story, position)
        desk.send(heir, story, [r for r in story.records if r.seq > position.get(r.writer, 0)])
        desk.close(heir, story)
        yield same_runs(desk, story, "killed", case)


def _victim(desk: Desk, story: Story, recipe: tuple[str, Mapping[str, Any]], stops: tuple[int, int]) -> dict[str, int]:
    """Send in a process that kills itself; return what it knew to be confirmed before it sent the last of it."""
    from tracklib.model.codec import dumps, to_fields

    records = [[record.writer, dumps(to_fields(record)).decode()] for record in story.records[: stops[1]]]
    with tempfile.TemporaryDirectory(prefix="tracklib-victim-") as folder:
        out = Path(folder) / "position.json"
        task = {
            "recipe": list(recipe),
            "contents": str(desk.contents.folder),
            "scratch": folder,
            "project": story.info.project,
            "run": story.info.id,
            "name": story.info.name,
            "started": story.info.started,
            "records": records,
            "first": stops[0],
            "out": str(out),
        }
        # What leads to the vendor may hold a key: it goes by a pipe, never by the list of processes.
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            input=json.dumps(task).encode(),
            capture_output=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": folder},
            timeout=_PATIENCE,
            check=False,
        )
        if not out.exists():
            said = done.stderr.decode("utf-8", "replace").strip()
            raise ChildProcessError(f"the relay ended by itself ({done.returncode}): {said[-400:]}")
        return {str(writer): int(seq) for writer, seq in json.loads(out.read_text()).items()}
