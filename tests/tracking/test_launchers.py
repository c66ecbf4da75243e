"""Real launchers: torchrun with gloo, DataLoader workers, joblib, spawn and asyncio, each in processes of its own."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.promises.conftest import clean_environ
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root
from tracklib.journal.reader import Damage, read_run
from tracklib.model.records import Metrics, RunStart
from tracklib.model.state import fold

RANKS = 8

TRAIN = """
import os, sys, torch, torch.distributed as dist, tracklib
run = tracklib.init("p", config={"lr": 0.1})
assert not dist.is_initialized()  # tracklib makes no group of its own
dist.init_process_group("gloo")
rank = dist.get_rank()
for step in range(5):
    loss = torch.tensor(float(rank * 100 + step))
    run.log({"loss": loss}, step=step)
    loss.zero_()
    dist.all_reduce(loss)
os.write(1, f"id={run.id}\\n".encode())
dist.destroy_process_group()
"""


def launched(folder: Path, script: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    (folder / "train.py").write_text(script)
    return subprocess.run(
        [sys.executable, *arguments, "train.py"],
        cwd=folder,
        env={**clean_environ(), "TRACKLIB_DIR": str(folder / ".tracklib"), "OMP_NUM_THREADS": "1", **environ},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def torchrun(folder: Path, script: str, *, ranks: int = RANKS, restarts: int = 0, **environ: str):
    pytest.importorskip("torch")
    options = ["--standalone", "--nproc-per-node", str(ranks), "--max-restarts", str(restarts)]
    return launched(folder, script, "-m", "torch.distributed.run", *options, **environ)


def points(root: Root) -> Counter[tuple[str, object, object]]:
    (folder,) = root.runs()
    damage = Damage()
    bodies = [record.body for record in read_run(folder, damage) if isinstance(record.body, Metrics)]
    assert damage == Damage()
    return Counter((key, body.step, value) for body in bodies for key, value in body.values.items())


def test_torchrun_records_rank_zero(tmp_path: Path, root: Root) -> None:
    """Eight ranks with gloo: one run, with rank 0's metrics alone; every rank knows its id."""
    done = torchrun(tmp_path, TRAIN)
    assert done.returncode == 0, done.stderr
    assert points(root) == Counter({("loss", step, float(step)): 1 for step in range(5)})
    (folder,) = root.runs()
    assert Counter(line for line in done.stdout.splitlines() if line.startswith("id=")) == {
        f"id={folder.path.name}": RANKS
    }
    assert "warning: " not in done.stderr and glance(folder).info.status == "finished"


def test_torchrun_records_all_ranks(tmp_path: Path, root: Root) -> None:
    """Eight ranks with ``ranks="all"``: one run, the metrics of all told apart, each at its value at the call."""
    done = torchrun(tmp_path, TRAIN, TRACKLIB_RANKS="all")
    assert done.returncode == 0, done.stderr
    expected = Counter({("loss", step, float(step)): 1 for step in range(5)})
    for rank in range(1, RANKS):
        expected.update({(f"rank_{rank}/loss", step, float(rank * 100 + step)): 1 for step in range(5)})
    assert points(root) == expected
    (folder,) = root.runs()
    starts = [record.body for record in read_run(folder) if isinstance(record.body, RunStart)]
    assert sorted((start.rank, start.attempt) for start in starts) == [(rank, 1) for rank in range(RANKS)]
    assert glance(folder).info.status == "finished"


def test_torchrun_restarts_the_ranks(tmp_path: Path, root: Root) -> None:
    """A rank that fails makes torchrun start all again: the same run goes on as attempt 2, and ends well."""
    script = """
import os, sys, time, tracklib
run = tracklib.init("p", ranks="all")
again = os.environ["TORCHELASTIC_RESTART_COUNT"] == "1"
run.log({"a": float(again)}, step=7)
if not again:
    if os.environ["RANK"] == "1":
        while not os.path.exists("logged"):  # torchrun ends the other rank as soon as this one fails
            time.sleep(0.01)
        sys.exit(3)
    open("logged", "w").close()
    time.sleep(60)
"""
    done = torchrun(tmp_path, script, ranks=2, restarts=1)
    assert done.returncode == 0, done.stderr
    assert points(root) == Counter({(key, 7, value): 1 for key in ("a", "rank_1/a") for value in (0.0, 1.0)})
    (folder,) = root.runs()
    starts = [record.body for record in read_run(folder) if isinstance(record.body, RunStart)]
    assert sorted((start.rank, start.attempt) for start in starts) == [(0, 1), (0, 2), (1, 1), (1, 2)]
    state = fold("", read_run(folder))
    assert (state.status, state.attempt) == ("finished", 2)


RACE = """
import tracklib
run = tracklib.init("p", ranks="all", resume="never", config={"lr": 0.1})
for step in range(5):
    run.log({"a": float(step)}, step=step)
"""


def test_ranks_that_begin_in_the_same_moment(tmp_path: Path, root: Root) -> None:
    """However eight ranks fall over each other as they begin, they write one attempt of one run, and no warning."""
    for trial in range(3):
        folder = tmp_path / f"{trial}"
        folder.mkdir()
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", RACE], env=environ(folder, rank), stderr=subprocess.PIPE, text=True, cwd=folder
            )
            for rank in range(RANKS)
        ]
        said = [process.communicate(timeout=120)[1] for process in processes]
        assert ([process.returncode for process in processes], said) == ([0] * RANKS, [""] * RANKS)
        (run,) = Root(folder / ".tracklib").runs()
        starts = [record.body for record in read_run(run) if isinstance(record.body, RunStart)]
        assert sorted((start.rank, start.attempt) for start in starts) == [(rank, 1) for rank in range(RANKS)]
        assert glance(run).info.status == "finished"


def environ(folder: Path, rank: int) -> dict[str, str]:
    """Return what torchrun gives a rank (torch 2.13)."""
    own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": RANKS, "LOCAL_WORLD_SIZE": RANKS}
    agent = {"TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_ERROR_FILE": f"{folder}/attempt_0/{rank}/error.json"}
    texts = {key: str(value) for key, value in {**own, **agent}.items()}
    return {**clean_environ(), "TRACKLIB_DIR": str(folder / ".tracklib"), **texts}
