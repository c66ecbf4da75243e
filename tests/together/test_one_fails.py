"""One vendor's SDK failing, in whatever way, changes nothing of what the other three hold, nor of training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.together.conftest import SDKS, VENDORS, Desk, own

TRAIN = """
import math, pathlib, sys
{begin}
for step in range(40):
    if step % 10 == 0:
        print("step", step, flush=True)
    {log}
print("a warning of the program's own", file=sys.stderr)
pathlib.Path("model.bin").write_bytes(bytes(range(256)) * 10)
{end}
pathlib.Path("modules").write_text(" ".join(sys.modules))
"""
TRACKED = {
    "begin": 'import tracklib; run = tracklib.init("four", id="r1", name="one", config={"lr": 0.1, "deep": {"n": 3}}, tags=["a"])',
    "log": 'run.log({"loss": 1 / (step + 1), "odd": math.inf, "late": 0.5 * step}, step=step)',
    "end": 'run.log_artifact("model.bin", name="model", aliases=["last"]); run.finish()',
}
UNTRACKED = dict.fromkeys(TRACKED, "pass")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, make_desk: Callable[[Path], Desk]) -> Desk:
    """Return a desk at which nothing failed."""
    desk = make_desk(tmp_path_factory.mktemp("whole") / "desk")
    done = desk.run(TRAIN.format(**TRACKED))
    assert done.returncode == 0
    desk.await_done(*VENDORS)
    desk.verified(*VENDORS)
    return desk


FAILURES = [
    ("mlflow", "import"),
    ("comet", "import"),
    ("wandb", "hang"),
    ("comet", "hang"),
    ("aim", "crash"),
    ("wandb", "crash"),
    ("comet", "auth"),
    ("wandb", "auth"),
]
KEYS = {"wandb": "WANDB_API_KEY", "comet": "COMET_API_KEY"}


@pytest.mark.faults
@pytest.mark.parametrize(("vendor", "kind"), FAILURES)
def test_the_others_hold_what_they_hold_without_it(desk: Desk, whole: Desk, vendor: str, kind: str) -> None:
    """Training's output and exit code are an untracked run's, the others hold the same; once it is mended, so does it."""
    others = [name for name in VENDORS if name != vendor]
    plain = desk.run(TRAIN.format(**UNTRACKED))
    wrong = {"TRACKLIB_FINISH_TIMEOUT": "2"}
    if kind == "auth":
        wrong[KEYS[vendor]] = "f" * 40
    else:
        desk.spoil(vendor, kind)
    done = desk.run(TRAIN.format(**TRACKED), **wrong)
    assert (done.returncode, done.stdout) == (plain.returncode, plain.stdout) == (0, plain.stdout)
    assert own(done.stderr) == plain.stderr.splitlines() == ["a warning of the program's own"]
    assert not SDKS & set((desk.path / "modules").read_text().split())
    desk.await_done(*others)
    for name in others:
        assert desk.holds(name) == whole.holds(name), name
    desk.verified(*others)
    (line,) = desk.of()[vendor]
    assert line.pending > 0
    desk.mend()
    synced = desk.tracklib("sync")
    assert synced.returncode == 0, synced.stdout + synced.stderr
    assert desk.holds(vendor) == whole.holds(vendor)
    desk.verified(*VENDORS)
