"""Workers: processes, threads and tasks that the training's own process starts; none is lost, none counts twice.

``TRACKLIB_FORKS`` sets the number of forked workers: a few on each commit, 1000 in a campaign (``make soak``).
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import tracklib
from tests.promises.conftest import clean_environ
from tests.tracking.left import open_files, own_threads, settles_to
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root
from tracklib.journal.reader import Damage, read_run
from tracklib.model.records import Metrics

FORKS = int(os.environ.get("TRACKLIB_FORKS", "60"))
AT_ONCE = 50

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]


def points(root: Root, name: str) -> Counter[tuple[object, object]]:
    """Return how often a metric has each value at each step, in the only run there is."""
    (folder,) = root.runs()
    damage = Damage()
    bodies = [record.body for record in read_run(folder, damage) if isinstance(record.body, Metrics)]
    assert damage == Damage()
    assert glance(folder).info.status == "finished"
    return Counter((body.step, body.values[name]) for body in bodies if name in body.values)


def script(folder: Path, code: str) -> None:
    """Run a script as a user runs it; it must end well, and warn of nothing."""
    (folder / "train.py").write_text(code)
    environ = {**clean_environ(), "TRACKLIB_DIR": str(folder / ".tracklib"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "train.py"]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "tracklib:" not in done.stderr


def test_forked_workers(root: Root) -> None:
    """As many workers as are asked for, forked after ``init()`` while it logs: each one's value is there once."""
    run = tracklib.init("p")
    children: list[int] = []
    for number in range(FORKS):
        run.log({"parent": number}, step=number)
        child = os.fork()
        if child == 0:
            run.log({"worker": number}, step=number)
            os._exit(0)
        children.append(child)
        if len(children) == AT_ONCE:
            assert {os.waitpid(child, 0)[1] for child in children} == {0}
            children.clear()
    assert {os.waitpid(child, 0)[1] for child in children} <= {0}
    run.finish()
    expected = Counter({(number, number): 1 for number in range(FORKS)})
    assert points(root, "worker") == points(root, "parent") == expected


POOL = """
import multiprocessing, sys, tracklib
def work(number):
    tracklib.log({"worker": number}, step=number)
    return number
if __name__ == "__main__":
    run = tracklib.init("p")
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert sorted(pool.imap_unordered(work, range(100))) == list(range(100))
    run.finish()
"""


def test_a_pool_of_forked_workers(tmp_path: Path, root: Root) -> None:
    """``multiprocessing.Pool``: workers that log many times, and are then terminated, lose nothing."""
    script(tmp_path, POOL)
    assert points(root, "worker") == Counter({(number, number): 1 for number in range(100)})


BUSY = """
import collections, itertools, os, signal, time, tracklib
run = tracklib.init("p")
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    os.write(writing, b"!")
    collections.deque(itertools.repeat(0), maxlen=0)  # for ever, and no turn for a handler written in Python
os.read(reading, 1)
os.kill(child, signal.SIGTERM)
deadline = time.monotonic() + 60
while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
    time.sleep(0.01)
if ended == (0, 0):
    os.kill(child, signal.SIGKILL)
    ended = os.waitpid(child, 0)
run.log({"died of": os.WTERMSIG(ended[1])}, step=0)
run.finish()
"""


def test_a_worker_that_is_terminated_dies_wherever_it_is(tmp_path: Path, root: Root) -> None:
    """SIGTERM ends a forked worker in the midst of native code, as without tracklib; its parent's run goes on."""
    script(tmp_path, BUSY)
    assert points(root, "died of") == Counter({(0, signal.SIGTERM): 1})


SPAWN = """
import multiprocessing, tracklib
def work(number, run_id):
    run = tracklib.init("p", id=run_id, name="n")
    run.log({"worker": number}, step=number)
    run.finish()
if __name__ == "__main__":
    run = tracklib.init("p", id="one", name="n")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work, args=(number, run.id)) for number in range(3)]
    for worker in workers:
        worker.start()
        worker.join()
    run.log({"last": 1.0}, step=0)
    run.finish()
"""


def test_spawned_workers_join_by_the_id(tmp_path: Path, root: Root) -> None:
    """A spawned worker inherits no run: with the run's id it writes the same one, and the parent goes on."""
    script(tmp_path, SPAWN)
    assert points(root, "worker") == Counter({(number, number): 1 for number in range(3)})
    assert points(root, "last") == Counter({(0, 1.0): 1})


LOADER = """
import sys, torch, tracklib
class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 40
    def __getitem__(self, index):
        if HOW == "fork":
            tracklib.log({"worker": index}, step=index)
        return index
HOW = "%s"
if __name__ == "__main__":
    run = tracklib.init("p")
    for epoch in range(2 if HOW == "fork" else 1):
        loader = torch.utils.data.DataLoader(Data(), batch_size=4, num_workers=2, multiprocessing_context=HOW)
        for step, batch in enumerate(loader):
            run.log({"sum": batch.sum()}, step=epoch * 10 + step)
    run.finish()
"""


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_data_loader_workers(how: str, tmp_path: Path, root: Root) -> None:
    """A ``DataLoader`` begins its workers anew in each epoch: where it forks them they may log, and they disturb nothing."""
    pytest.importorskip("torch")
    script(tmp_path, LOADER % how)
    sums = [sum(range(4 * step, 4 * step + 4)) for step in range(10)]
    epochs = 2 if how == "fork" else 1  # a spawned one loads torch first
    assert points(root, "sum") == Counter({(step, sums[step % 10]): 1 for step in range(10 * epochs)})
    expected = Counter({(index, index): 2 for index in range(40)}) if how == "fork" else Counter()
    assert points(root, "worker") == expected


JOBLIB = """
import joblib, tracklib
def work(number, run_id):
    with tracklib.init("p", id=run_id, name="n") as run:
        run.log({"worker": number}, step=number)
    return number
if __name__ == "__main__":
    run = tracklib.init("p", id="one", name="n")
    found = joblib.Parallel(n_jobs=2, backend="loky")(joblib.delayed(work)(number, run.id) for number in range(20))
    assert found == list(range(20))
    run.finish()
"""


def test_joblib_workers(tmp_path: Path, root: Root) -> None:
    """Joblib's own worker processes (loky) each write the run of the id that they are given."""
    pytest.importorskip("joblib")
    script(tmp_path, JOBLIB)
    assert points(root, "worker") == Counter({(number, number): 1 for number in range(20)})


def test_tasks_have_runs_of_their_own(root: Root) -> None:
    """The current run is context-local: tasks that begin runs side by side log to their own, whatever the order."""

    async def trial(number: int) -> None:
        run = tracklib.init("p", id=f"trial{number}")
        for step in range(5):
            await asyncio.sleep(0)
            tracklib.log({"number": number}, step=step)
        run.finish()

    async def sweep() -> None:
        await asyncio.gather(*(trial(number) for number in range(10)))

    asyncio.run(sweep())
    for number in range(10):
        bodies = [record.body for record in read_run(root.run("p", f"trial{number}"))]
        assert [body.values for body in bodies if isinstance(body, Metrics)] == [{"number": number}] * 5


def test_threads_see_the_run(root: Root) -> None:
    """A thread, which inherits no context before Python 3.14, means the run that was begun last; none is lost."""
    run = tracklib.init("p")
    threads = [threading.Thread(target=tracklib.log, args=({"a": n},), kwargs={"step": n}) for n in range(20)]
    for thread in threads:
        thread.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: tracklib.log({"a": n}, step=n), range(20, 60)))
    for thread in threads:
        thread.join()
    run.finish()
    assert points(root, "a") == Counter({(n, n): 1 for n in range(60)})


def test_a_sweep_of_short_runs_in_one_process(root: Root) -> None:
    """Fifty short runs, children of one in a group: each with its own values, and no thread or file left behind."""
    parent = tracklib.init("p", id="sweep", job_type="sweep")
    files = open_files()
    threads = own_threads()
    for number in range(50):
        with tracklib.init("p", parent=parent, group="sweep", config={"number": number}) as run:
            tracklib.log({"score": number})
        assert run.config == {"number": number}
    assert own_threads() <= threads
    assert settles_to(files)
    parent.finish()
    infos = [glance(folder).info for folder in root.runs()]
    assert Counter((info.parent, info.group, info.status) for info in infos) == {
        (None, None, "finished"): 1,
        ("sweep", "sweep", "finished"): 50,
    }
