"""Promise 4: one line switches, adds or drops a vendor; the training code does not change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.promises.conftest import Desk, Server

SCRIPT = """
import tracklib
with tracklib.init("switch", id="one", config={"lr": 0.1}) as run:
    for step in range(10):
        run.log({"loss": 1 / (step + 1)}, step=step)
print("trained")
"""


@pytest.mark.server
def test_the_same_script_nowhere_at_one_place_and_at_two(tmp_path: Path, shared_server: Server) -> None:
    """Not a byte of the script or its output changes; each place that was named holds an equal copy."""
    database = f"sqlite:///{tmp_path / 'second.db'}"
    outputs = []
    for name, backends in (("none", ""), ("one", "mlflow"), ("two", f"mlflow,mlflow:{database}")):
        desk = Desk(tmp_path / name, shared_server.url)
        done = desk.run(SCRIPT, TRACKLIB_BACKENDS=backends, TRACKLIB_FINISH_TIMEOUT="60")
        outputs.append((done.returncode, done.stdout))
        assert len(desk.lines()) == len(list(filter(None, backends.split(","))))
        assert all(line.done for line in desk.lines())
        assert not backends or desk.tracklib("verify").returncode == 0
    assert outputs == [(0, "trained\n")] * 3


@pytest.mark.server
def test_a_second_place_added_later_is_back_filled(desk: Desk, tmp_path: Path) -> None:
    """A place named after the fact gets the runs already recorded, exact."""
    desk.run(SCRIPT, TRACKLIB_FINISH_TIMEOUT="60")
    place = f"mlflow:sqlite:///{tmp_path / 'later.db'}"
    synced = desk.tracklib("sync", "--backend", place)
    assert synced.returncode == 0, synced.stdout + synced.stderr
    assert sorted(line.entry for line in desk.lines()) == sorted(["mlflow", place])
    verified = desk.tracklib("verify")
    assert verified.returncode == 0, verified.stdout


@pytest.mark.server
def test_a_file_names_the_backends_as_well(desk: Desk, shared_server: Server) -> None:
    """``backends`` in tracklib.toml does what the variable does."""
    (desk.path / "tracklib.toml").write_text(f'backends = ["mlflow"]\n[mlflow]\ntracking_uri = "{shared_server.url}"\n')
    environ = {"TRACKLIB_BACKENDS": "", "MLFLOW_TRACKING_URI": ""}
    desk.run(SCRIPT, TRACKLIB_FINISH_TIMEOUT="60", **environ)
    assert [line.done for line in desk.lines()] == [True]


NATIVE = """
import tracklib
with tracklib.init("switch", id="one", config={"lr": 0.1}) as run:
    for step in range(10):
        run.log({"loss": 1 / (step + 1)}, step=step)
    native = run.native("mlflow", timeout=120)
    found = native.client.get_run(native.run.info.run_id)
    print("trained", bool(native), found.data.tags["mlflow.runName"] == run.name)
"""


@pytest.mark.server
def test_the_same_script_in_process_by_relay_and_nowhere(tmp_path: Path, shared_server: Server) -> None:
    """With the vendor's own object in the training process or without: the script runs, and the copy is exact."""
    for name, environ, said in (
        ("inline", {"TRACKLIB_DELIVERY": "inline"}, "trained True True\n"),
        ("relay", {}, "trained False False\n"),
        ("nowhere", {"TRACKLIB_BACKENDS": ""}, "trained False False\n"),
    ):
        desk = Desk(tmp_path / name, shared_server.url)
        done = desk.run(NATIVE, TRACKLIB_FINISH_TIMEOUT="60", **environ)
        assert (done.returncode, done.stdout) == (0, said), done.stderr
        assert all(line.done for line in desk.lines()), done.stderr
        assert name == "nowhere" or desk.tracklib("verify").returncode == 0


SHORT = """
import sys, tracklib
run = tracklib.init("digits", id="run1")
run.log({"loss": 1.0}, step=0)
open("notes.txt", "w").write("short")
run.log_artifact("notes.txt")
print("trained", "mlflow" in sys.modules)
"""


@pytest.mark.server
def test_a_script_that_ends_before_the_sdk_is_imported(tmp_path: Path, shared_server: Server) -> None:
    """In process, too, a run that lasts no time is whole at its vendor when the process has ended."""
    desk = Desk(tmp_path, shared_server.url)
    done = desk.run(SHORT, TRACKLIB_DELIVERY="inline", TRACKLIB_FINISH_TIMEOUT="120")
    assert (done.returncode, done.stdout) == (0, "trained False\n"), done.stderr
    assert all(line.done for line in desk.lines()), done.stderr
    assert desk.tracklib("verify").returncode == 0
