"""Runs of the real ``wandb`` SDK in the emulator: written online, read back by the SDK and by the emulator's state."""

from __future__ import annotations

import pytest

from tests.testing.emulators.conftest import needs

pytestmark = [pytest.mark.server, needs("wandb")]

WRITE = """
import math, wandb
with wandb.init(project="p", id="r", name="shown", config={"lr": 0.1, "model": {"depth": 4}, "text": "ä"},
                tags=["a", "b"], notes="why", group="g", job_type="train") as run:
    for step in range(30):
        run.log({"loss": 1 / (step + 3), "n": 2**53 + step}, step=step * 2)
    run.log({"bad": math.nan, "high": math.inf, "low": -math.inf}, step=100)
    run.summary["best"] = 0.25
    print("a line of output")
"""


def test_a_run_reads_back_as_it_was_written(wandb_emulator, program):
    """Metrics, steps, config, summary, labels and status are the same to the SDK's reader and in the state."""
    program(WRITE)
    kept = wandb_emulator.run("p", "r")
    expected = [(step * 2, 1 / (step + 3), 2**53 + step) for step in range(30)]
    assert [(row["_step"], row["loss"], row["n"]) for row in kept.history[:-1]] == expected
    assert {key: kept.history[-1][key] for key in ("_step", "bad", "high", "low")} == {
        "_step": 100,
        "bad": "NaN",
        "high": "Infinity",
        "low": "-Infinity",
    }
    assert kept.values == {"lr": 0.1, "model": {"depth": 4}, "text": "ä"}
    assert (kept.state, kept.exit_code, kept.summary["best"]) == ("finished", 0, 0.25)
    assert any("a line of output" in line for line in kept.console)
    read = program("""
    import wandb
    run = wandb.Api().run("p/r")
    answer({
        "rows": [(r["_step"], r["loss"], r["n"]) for r in run.scan_history() if "loss" in r],
        "by_keys": [(r["_step"], r["loss"], r["n"]) for r in run.scan_history(keys=["_step", "loss", "n"])],
        "last": list(run.scan_history())[-1],
        "facts": [run.name, sorted(run.tags), run.notes, run.group, run.job_type, run.state],
        "config": run.config, "best": run.summary["best"], "last_step": run.lastHistoryStep,
    })
    """)
    assert [tuple(row) for row in read["rows"]] == expected
    # Asked for keys, the SDK itself makes floats of integers.
    assert [tuple(row) for row in read["by_keys"]] == [(step, loss, float(n)) for step, loss, n in expected]
    assert (read["last"]["bad"], read["last"]["_step"], read["last_step"]) == ("NaN", 100, 100)
    assert read["facts"] == ["shown", ["a", "b"], "why", "g", "train", "finished"]
    assert (read["config"], read["best"]) == (kept.values, 0.25)


def test_a_run_is_resumed_behind_its_last_line(wandb_emulator, program):
    """``resume="must"`` finds the run, goes on behind its lines, and leaves them; a run that is not there is refused."""
    program(WRITE)
    program("""
    import wandb
    with wandb.init(project="p", id="r", resume="must") as run:
        run.log({"loss": 7.0}, step=200)
        assert run.config["lr"] == 0.1
    try:
        wandb.init(project="p", id="another", resume="must")
    except wandb.errors.UsageError:
        answer("refused")
    """)
    kept = wandb_emulator.run("p", "r")
    assert [row["_step"] for row in kept.history] == [*range(0, 60, 2), 100, 200]
    assert list(wandb_emulator.runs) == ["team/p/r"]


@pytest.mark.parametrize(
    ("ending", "state", "code"), [("run.finish(exit_code=3)", "failed", 3), ("1 / 0", "failed", 1)]
)
def test_a_run_ends_as_its_process_says(wandb_emulator, program, ending, state, code):
    """The exit code that the SDK sends is the run's, and makes it failed."""
    program(f"""
    import wandb, atexit, os
    run = wandb.init(project="p", id="r")
    run.log({{"a": 1}})
    try:
        {ending}
    except ZeroDivisionError:
        run.finish(exit_code=1)
    """)
    kept = wandb_emulator.run("p", "r")
    assert (kept.state, kept.exit_code, len(kept.history)) == (state, code, 1)


def test_an_offline_run_is_synced(wandb_emulator, program, monkeypatch):
    """``wandb sync`` delivers what a run kept offline, the caller's times of points too."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    program("""
    import wandb
    with wandb.init(project="p", id="off", config={"x": 1}) as run:
        for step in range(5):
            run.log({"a": step / 7, "_timestamp": 1000.5 + step}, step=step)
    wandb.teardown()
    """)
    assert not wandb_emulator.runs
    monkeypatch.delenv("WANDB_MODE")
    program("""
    import glob, os, subprocess, sys
    (folder,) = glob.glob(os.environ["WANDB_DIR"] + "/wandb/offline-run-*")
    subprocess.run([sys.executable, "-m", "wandb", "sync", folder], check=True)
    """)
    kept = wandb_emulator.run("p", "off")
    assert [(r["_step"], r["a"], r["_timestamp"]) for r in kept.history] == [(s, s / 7, 1000.5 + s) for s in range(5)]
    assert (kept.values, kept.state) == ({"x": 1}, "finished")


def test_a_run_is_changed_through_the_api(wandb_emulator, program):
    """Config, tags, notes and summary of a finished run can be changed, which does not set it running again."""
    program(WRITE)
    program("""
    import wandb
    run = wandb.Api().run("p/r")
    run.config["lr"] = 0.2
    run.tags.append("c")
    run.notes = "because"
    run.update()
    run.summary["best"] = 0.125
    run.summary.update()
    """)
    kept = wandb_emulator.run("p", "r")
    assert (kept.values["lr"], sorted(kept.tags), kept.notes, kept.state) == (
        0.2,
        ["a", "b", "c"],
        "because",
        "finished",
    )
    assert kept.summary["best"] == 0.125


def test_a_run_is_deleted(wandb_emulator, program):
    """A deleted run is gone with its files."""
    program(WRITE)
    program("import wandb; wandb.Api().run('p/r').delete()")
    assert wandb_emulator.runs == {}
    assert wandb_emulator.world.blobs.keys("runs/") == []


def test_a_deleted_runs_id_is_given_to_no_other(wandb_emulator, program):
    """As at W&B (github.com/wandb/wandb/issues/4948): the SDK gives up, and says why."""
    program(WRITE)
    program("import wandb; wandb.Api().run('p/r').delete()")
    said = program("""
    import wandb
    try:
        wandb.init(project="p", id="r", settings=wandb.Settings(init_timeout=3))
    except wandb.errors.CommError as error:
        answer(str(error))
    """)
    assert "team/p/r was previously created and deleted; try a new run name" in said
    assert wandb_emulator.runs == {}
