"""With all four on, training prints what it prints untracked, and nothing is captured twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.together.conftest import SDKS, VENDORS, Desk, own, python
from tracklib.journal.reader import read_run
from tracklib.model.records import Console, System

SAID = "said by the program, once"
TRAIN = f"""
import os, pathlib, sys, time
{{begin}}
for step in range(3):
    print("{SAID}", step, flush=True)
    print("warned, once", step, file=sys.stderr, flush=True)
    {{log}}
    time.sleep(1)
os.system("echo from a child of its own")
{{end}}
pathlib.Path("modules").write_text(" ".join(sys.modules))
sys.exit(3)
"""
TRACKED = {
    "begin": 'import tracklib; run = tracklib.init("said", id="r1")',
    "log": 'run.log({"loss": 1 / (step + 1)}, step=step)',
    "end": "run.finish()",
}
CAPTURING = {"TRACKLIB_CAPTURE": "all", "TRACKLIB_SYSTEM_INTERVAL": "1"}
LOGS = """
import json, sys
from aim.sdk.repo import Repo
(run,) = Repo(sys.argv[1]).iter_runs()
logs = run.get_terminal_logs()
print(json.dumps([line.data for part in logs.data.values_list() for line in part if hasattr(line, "data")] if logs is not None else []))
"""


@pytest.mark.faults
def test_nothing_is_printed_and_nothing_captured_twice(desk: Desk) -> None:
    """Output and exit code are an untracked run's plus tracklib's own lines; each line and sample is held once, everywhere."""
    plain = desk.run(TRAIN.format(**dict.fromkeys(TRACKED, "pass")))
    done = desk.run(TRAIN.format(**TRACKED), **CAPTURING)
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout) == (3, plain.stdout)
    assert own(done.stderr) == plain.stderr.splitlines()
    assert not SDKS & set((desk.path / "modules").read_text().split())
    desk.await_done(*VENDORS)
    desk.verified(*VENDORS)
    (folder,) = desk.root.runs()
    recorded = [record.body for record in read_run(folder)]
    lines = "".join(body.text for body in recorded if isinstance(body, Console))
    samples = sum(isinstance(body, System) for body in recorded)
    assert lines.count(SAID) == 3
    assert samples > 0
    (shown,) = desk.wandb.runs.values()
    assert "".join(shown.console).count(SAID) == 3
    assert len(shown.events) == samples
    (experiment,) = desk.comet.experiments.values()
    assert "".join(line["output"] for line in experiment.output).count(SAID) == 3
    per_metric = [experiment.series(name) for name in {p["metricName"] for p in experiment.points} - {"loss"}]
    assert max(map(len, per_metric)) <= samples
    assert "".join(json.loads(python(LOGS, str(desk.path / "repo")))).count(SAID) == 3
    texts = [path.read_text() for path in Path(desk.path).glob("**/tracklib/console/*")]
    assert "".join(texts).count(SAID) == 3
