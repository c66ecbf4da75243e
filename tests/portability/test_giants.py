"""Giants: a line, a record or a value of 130 MB costs its own run what is told, and no run the memory of the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.portability.deletions import POINTS, filled
from tests.portability.giants import GIANTS
from tests.portability.kinds_of_place import Ground
from tracklib.model.query import RunQuery

pytestmark = pytest.mark.filterwarnings("ignore::Warning")  # the vendors' SDKs use what others have deprecated

BOUND = 250
"""MB that a process has at most which reads all of them, one after the other; it begins with some 60."""

READ = """
import json, re, sys
from pathlib import Path
from tracklib.portability.ledger import Ledger
from tracklib.portability.migrate import Migration
from tracklib.portability.places import open_place

for name, source in json.loads(sys.argv[1]).items():
    ledger = Ledger(Path(f"{name}.sqlite"), "source", "target")
    migration = Migration(open_place(source), open_place(f"local:to-{name}"), ledger)
    results = [result for wave in migration.waves(None) for result in migration.copy(wave)]
    told = {r.run.id: [r.state, r.error, dict(r.progress.tally.damaged), r.progress.tally.points] for r in results}
    ledger.close()
    peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
    print(json.dumps([name, told, migration.unlisted(), int(peak[1]) // 1024]))
"""
FAILED = {
    "a journal's line": "1 damaged lines",
    "a text in a table": "texts in 1 rows, too much to be read",
}
DAMAGED = {
    "a line of a metric": "lines that are no points, the first one (line 3)",
    "a param": "67,108,864 bytes",
    "a message in a zip": "messages in",
    "a record of a log": "records of the log that are damaged",
    "a record that claims to be one": "records of the log that are damaged",
}


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs Linux, which tells what a process had at most"
)
def test_giants(ground: Ground, tmp_path: Path) -> None:
    """Each is told with its run, of which the rest is read; the other run is copied; no process grows by a giant."""
    places, concerned = {}, {}
    for name, (kind, put) in GIANTS.items():
        place = filled(kind, ground, ["RUN-0", "RUN-1"])
        folder = Path(place.text.partition(":")[2])
        run = sorted(place.source().runs(RunQuery()), key=lambda run: run.id)[1]
        put(folder, run)
        places[name], concerned[name] = place.text, run.id
    done = subprocess.run(
        [sys.executable, "-c", READ, json.dumps(places)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for name, told, unlisted, peak in map(json.loads, done.stdout.splitlines()):
        assert peak < BOUND, name
        assert [state for run_id, (state, *_) in told.items() if not run_id.startswith(concerned[name])] == ["copied"]
        _check(
            name, next((held for run_id, held in told.items() if run_id.startswith(concerned[name])), None), unlisted
        )


def _check(name: str, told: list[Any] | None, unlisted: dict[str, str]) -> None:
    """Check what is told of the run that has a giant."""
    if told is None:  # nobody can say which run it was
        (words,) = unlisted.values()
        assert (name, words.endswith(" has more than 64 MB")) == ("a bundle's commit", True)
        return
    state, error, damaged, points = told
    if name in FAILED:
        assert (state, FAILED[name] in error) == ("failed", True), error
    else:
        (words,) = damaged
        assert (state, DAMAGED[name] in words) == ("copied", True), words
    assert points == (
        0 if name == "a text in a table" else POINTS if "param" in name or "metric" in name else 2 * POINTS
    )
