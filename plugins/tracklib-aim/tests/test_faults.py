"""Faults: servers that are gone, indexes that others hold, values that break; each with the error that names its remedy."""

import random
import subprocess
import sys
import time

import pytest
from tracklib_aim.border import border
from tracklib_aim.identity import run_hash

from tracklib.errors import AuthError, ConfigError, RejectedError, TransientError
from tracklib.model.records import Metrics, Params


@pytest.mark.server
def test_a_server_that_goes_and_comes_back(start_server, make_bench, tmp_path):
    """A server that dies in the middle is a transient fault, told at once; when it is back, all is there once."""
    server = start_server(tmp_path / "server")
    bench = make_bench(server.place, server.folder, tmp_path)
    records = bench.records(*(Metrics({"x": float(i)}, i) for i in range(40)))
    sink = bench.sink()
    sink.send(records[:20])
    server.stop()
    with pytest.raises(TransientError):
        sink.send(records[20:])
    with pytest.raises(TransientError):
        bench.sink()
    start_server(tmp_path / "server", port=server.port)
    again = bench.sink()
    again.send(records[10:])
    again.close()
    assert [value for value, _, _ in bench.points()["x"]] == [float(i) for i in range(40)]


WRITER = """
import sys
sys.path[:] = {path!r}
from pathlib import Path
from tracklib.backends.contract import SinkContext
from tracklib.model.records import Metrics, Record, RunEnd
from tracklib.model.run import RunInfo
from tracklib_aim.settings import AimSettings
from tracklib_aim.sink import AimSink
sink = AimSink(AimSettings(repo={repo!r}), SinkContext(None, Path(".")))
sink.open(RunInfo({project!r}, "other", "n"))
print([outcome.kind for outcome in sink.send([Record("w", 1, 1, Metrics({{"x": 1.0}}, 0))])], flush=True)
{rest}
sink.close()
"""


def writer(bench, rest=""):
    """Start another process that writes a run."""
    script = WRITER.format(path=sys.path, repo=str(bench.root), project=bench.project, rest=rest)
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", script], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_an_index_that_another_holds_costs_nothing(local):
    """While ``aim up`` has the index open, records are written all the same."""
    holder = local.sink()
    index = holder._repository._repo._get_index_container("meta", 0)
    said, problems = writer(local).communicate()
    assert said == "['accepted']\n", problems
    del index
    assert local.points(local.run("other"))["x"] == [(1.0, 0, 1)]


def test_the_end_of_a_run_waits_for_the_index(local):
    """Another root's relay has the index open when a run ends: the run is in the index all the same, when it is closed."""
    repo = local.sink()._repository._repo
    index = repo._get_index_container("meta", 0)
    with writer(local, 'sink.send([Record("w", 2, 2, RunEnd("finished"))])') as process:
        assert process.stdout.readline() == "['accepted']\n"
        time.sleep(0.5)  # long enough for it to come to the index, which the law does not depend on
        del index
        assert process.wait() == 0, process.stderr.read()
    assert run_hash(local.project, "other") in list(repo._get_index_tree("meta", 0).subtree(("meta", "chunks")).keys())


def test_a_repository_whose_maker_was_killed(make_bench, tmp_path):
    """One that was left half made, with the lock of whoever made it, is made whole."""
    import os

    folder = tmp_path / "repo"
    (folder / ".aim" / "locks").mkdir(parents=True)
    lock = folder / ".aim" / "locks" / "structured_db_lock"
    script = (
        f"import filelock, os; held = filelock.SoftFileLock({str(lock)!r}); held.acquire(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    assert lock.exists()
    bench = make_bench(folder, folder, tmp_path)
    bench.write(Metrics({"x": 1.0}, 0))
    assert bench.metric("x")[1] == [1.0]
    assert os.path.isfile(folder / ".aim" / "VERSION")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError("no"), TransientError),
        (OSError(28, "No space left on device"), TransientError),
        (ValueError("bad"), RejectedError),
        (OverflowError("big"), RejectedError),
        (ImportError("no aim"), ConfigError),
        (RuntimeError("An error occurred (403): AccessDenied"), AuthError),
        (RuntimeError("nobody knows"), TransientError),
    ],
)
def test_errors_name_their_remedy(error, kind):
    """Whatever Aim raises becomes the error of the remedy, with its cause."""
    with pytest.raises(kind, match="Aim, doing it:") as caught, border("doing it"):
        raise error
    assert caught.value.__cause__ is error


def test_many_points_and_params(local):
    """Points over 50 metrics in shuffled order, and 10,000 params, are all read back."""
    steps = list(range(200))
    random.Random(0).shuffle(steps)
    bodies = [Metrics({f"m{k}": step / (k + 1) for k in range(50)}, step) for step in steps]
    local.write(*bodies, Params({f"p{i}": {"x": i} for i in range(10_000)}))
    points = local.points()
    assert {key: sorted((step, value) for value, step, _ in own) for key, own in points.items()} == {
        f"m{k}": [(step, step / (k + 1)) for step in range(200)] for k in range(50)
    }
    assert local.read()[Params][0].values == {f"p{i}": {"x": i} for i in range(10_000)}
