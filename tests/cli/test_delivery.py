"""``tracklib sync``, ``status`` and ``verify``, with real relays and a vendor that fails on demand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import Bench, plain
from tracklib import platform
from tracklib.delivery.receipt import Receipt, all_receipts

OFFLINE = """
import tracklib
with tracklib.init("digits", id={id!r}, mode="offline", backends=["boxvendor"]) as run:
    for i in range({points}):
        run.log({{"loss": i / 7}}, step=i)
"""
LIVE = """
import sys, time, tracklib
run = tracklib.init("digits", id="live", mode="offline", backends=["boxvendor"])
run.log({"loss": 1.0})
print("ready", flush=True)
while True:
    time.sleep(0.01)
    run.log({"loss": 2.0})
"""


def offline(bench: Bench, id: str = "run1", points: int = 5, **environ: str) -> None:
    """Make a run that is to go to the fake vendor, and has not gone there yet."""
    done = bench.script(OFFLINE.format(id=id, points=points), **environ)
    assert done.returncode == 0, done.stderr


def receipt(bench: Bench, id: str = "run1") -> Receipt:
    (found,) = all_receipts(bench.root.run("digits", id))
    return found


def held(bench: Bench) -> dict[str, int]:
    """Return how many different records the vendor holds of each run."""
    keys = {(run, writer, fields["seq"]) for run, writer, fields in bench.held()}
    return {run: sum(1 for key in keys if key[0] == run) for run in sorted({key[0] for key in keys})}


def test_sync_delivers_what_is_pending_once(bench: Bench) -> None:
    """Runs recorded offline arrive whole; the second time there is nothing to do, and it says so."""
    offline(bench, "one", 5)
    offline(bench, "two", 3)
    assert bench("status").code == 0
    done = bench("sync")
    assert (done.code, done.err) == (0, "")
    assert done.out == "boxvendor: 2 runs: 12 confirmed, 0 pending, 0 changed, 0 refused\n"
    assert held(bench) == {"one": 7, "two": 5}
    again = bench("sync")
    assert (again.code, again.out) == (0, "")
    assert again.err == f"tracklib: nothing to deliver in {bench.root.path}\n"
    named = bench("sync", "one", "two")
    assert named.code == 0
    assert "2 deliveries are complete" in named.err
    assert len(bench.held()) == 12


def test_sync_fills_a_backend_with_all_runs(bench: Bench) -> None:
    """``--backend`` sends every run that the backend lacks, and none a second time."""
    for name in ("a", "b", "c"):
        bench.run(name)
    offline(bench, "d")
    done = bench("sync", "--backend", "boxvendor", "--json")
    assert done.code == 0, done
    assert done.json["backends"] == [
        {
            "entry": "boxvendor",
            "runs": 4,
            "confirmed": 22,
            "pending": 0,
            "changed": 0,
            "refused": 0,
            "errors": [],
        }
    ]
    assert {item["run"]["id"]: item["state"] for item in done.json["deliveries"]} == dict.fromkeys("abcd", "complete")
    assert held(bench) == {"a": 5, "b": 5, "c": 5, "d": 7}
    again = bench("sync", "--backend", "boxvendor")
    assert (again.code, len(bench.held())) == (0, 22)
    assert "4 deliveries are complete" in again.err


def test_sync_fills_a_place_besides_another(bench: Bench) -> None:
    """Another place of the same backend gets a receipt of its own; a project and a run can be picked."""
    other = bench.path / "other"
    other.mkdir()
    offline(bench, "one")
    assert bench("sync").code == 0
    bench.run("two", "words")
    place = f"boxvendor:{other}"
    assert bench("sync", "one", "--backend", place).code == 0
    receipts = {r.entry: (r.destination, r.state) for r in all_receipts(bench.root.run("digits", "one"))}
    assert receipts == {
        "boxvendor": ({"place": str(bench.box)}, "complete"),
        place: ({"place": str(other)}, "complete"),
    }
    assert not list(all_receipts(bench.root.run("words", "two")))
    assert len((other / "records.jsonl").read_text().splitlines()) == 7


def test_a_recorded_destination_holds(bench: Bench) -> None:
    """A run goes where it began to go, whatever the shell that delivers it has configured; the credentials are its own."""
    offline(bench, BOXVENDOR_KEY="of the job")
    elsewhere = bench.path / "elsewhere"
    elsewhere.mkdir()
    done = bench.process("sync", "--backend", "boxvendor", BOXVENDOR_PLACE=str(elsewhere), BOXVENDOR_KEY="of the shell")
    assert done.code == 0, done
    assert not list(elsewhere.iterdir())
    assert held(bench) == {"run1": 7}
    assert (bench.box / "keys.txt").read_text() == "of the shell\n"
    assert "shell" not in json.dumps(receipt(bench).destination)


def test_refused_credentials_pause_and_renewed_ones_go_on(bench: Bench) -> None:
    """A wrong key ends the sync at once with code 1 and what to do; status says paused; a right key delivers."""
    offline(bench)
    done = bench.process("sync", BOXVENDOR_KEY="wrong")
    assert done.code == 1
    assert "boxvendor: paused: the key was refused. Mend that (tracklib doctor checks it)" in done.err
    status = bench("status")
    assert status.code == 1
    assert "digits/run1 boxvendor: paused: the key was refused" in plain(status.out)
    assert bench.process("sync", BOXVENDOR_KEY="right").code == 0
    assert bench("status", "--all").code == 0
    assert held(bench) == {"run1": 7}


def test_an_outage_is_waited_for_as_long_as_wished(bench: Bench) -> None:
    """After ``--timeout`` it leaves with code 1 and says why; what is left is delivered by the next."""
    offline(bench)
    bench.faults(down=True)
    done = bench("sync", "--timeout", "2")
    assert done.code == 1
    assert "boxvendor: 1 run: 0 confirmed, 7 pending" in done.out
    assert "not reached so far: the box is shut. Everything is on disk; later: tracklib sync" in done.err
    item = bench("status", "--json").json["deliveries"][0]
    assert (item["state"], item["pending"], item["confirmed"]) == ("retrying", 7, 0)
    assert (item["error"], item["relay_running"]) == ("the box is shut", True)
    assert 0 < item["lag"] < 120
    bench.faults()
    recovered = bench("sync")
    assert (recovered.code, recovered.err) == (0, "")  # not a word of what is over


def test_refused_and_changed_records_are_accounted_for(bench: Bench) -> None:
    """What the vendor refuses is counted, listed and gives code 1; what it changes is counted by its reason."""
    bench.faults(refuse='"step": 2', change='"step": 1')
    offline(bench)
    done = bench("sync")
    assert done.code == 1
    assert "6 confirmed" not in done.out
    assert "1 changed, 1 refused" in done.out
    assert "tracklib status --all --refused" in done.err
    status = bench("status", "run1", "--refused")
    assert status.code == 1
    text = plain(status.out)
    assert "digits/run1 boxvendor: 1 changed: squeezed" in text
    assert r"refused metrics" in text
    assert r"it does not fit\x1b[2J the box" in text
    (item,) = bench("status", "--all", "--json").json["deliveries"]
    assert item["changes"] == {"squeezed": 1}
    ((refusal),) = item["refusals"]
    assert (refusal["kind"], refusal["reason"], refusal["seq"]) == ("metrics", "it does not fit\x1b[2J the box", 4)
    assert len(bench.held()) == 6


def test_a_living_run_is_delivered_as_far_as_it_is(bench: Bench) -> None:
    """Of a run that goes on without a pause, sync delivers what was written, and returns with code 0."""
    process = subprocess.Popen(
        [sys.executable, "-c", LIVE], cwd=bench.path, env=dict(os.environ), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        done = bench("sync")
        assert done.code == 0, done
        assert process.poll() is None
        assert held(bench)["live"] >= 2
        (item,) = bench("status", "--json").json["deliveries"]
        assert item["run"]["status"] == "running"
    finally:
        process.kill()
        process.communicate()
    assert bench("sync").code == 0
    (item,) = bench("status", "--all", "--json").json["deliveries"]
    assert (item["run"]["status"], item["state"], item["pending"]) == ("crashed", "complete", 0)


def test_status_of_a_run_without_a_backend(bench: Bench) -> None:
    """It says that the run is in the journal alone."""
    bench.run("one")
    done = bench("status", "one")
    assert (done.code, done.out) == (0, "")
    assert "it is in the journal alone" in done.err
    assert bench("status", "one", "--json").json["deliveries"] == []


def test_a_backend_that_is_gone_keeps_no_other_from_working(bench: Bench) -> None:
    """A receipt of a backend that is not installed is named, with code 2; the others are delivered."""
    offline(bench, "one")
    Receipt("gonevendor", "gonevendor", {}).save(bench.root.run("digits", "one"))
    done = bench("sync")
    assert done.code == 2
    assert "pip install tracklib-gonevendor" in done.err
    assert held(bench) == {"one": 7}


def test_verify_finds_equal_and_every_difference(bench: Bench) -> None:
    """A faithful copy is equal with its counts; one altered value is named by run, metric, step and both values."""
    offline(bench, points=4)
    bench("sync")
    done = bench("verify")
    assert (done.code, done.err) == (0, "")
    assert plain(done.out).startswith("digits/run1 boxvendor: equal 1 metric, 4 points")
    path = bench.box / "records.jsonl"
    text = path.read_text()
    assert text.count("0.2857142857142857") == 1
    path.write_text(text.replace("0.2857142857142857", "0.2857142857142858"))
    done = bench("verify", "run1", "--backend", "boxvendor")
    assert done.code == 1
    (line, *_) = done.out.splitlines()
    assert line.startswith("digits/run1 boxvendor: point loss step 2: ")
    assert "0.2857142857142857 !=" in line
    assert "0.2857142857142858" in line
    (comparison,) = bench("verify", "--json").json["comparisons"]
    assert (comparison["run"], comparison["entry"], comparison["equal"]) == ("digits/run1", "boxvendor", False)
    assert comparison["found"] == {"point": len(comparison["differences"])}
    assert comparison["counts"]["points"] == 4


def test_verify_says_why_it_could_not(bench: Bench) -> None:
    """A backend that does not answer, records that are pending, and runs that went nowhere are no success."""
    bench.run("alone")
    nowhere = bench("verify", "alone")
    assert nowhere.code == 2
    assert "tracklib sync --backend NAME sends them" in nowhere.err
    offline(bench)
    pending = bench("verify", "run1")
    assert pending.code == 1
    bench("sync")
    bench.faults(down=True)
    down = bench("verify", "run1")
    assert (down.code, down.out) == (1, "")
    assert down.err == "tracklib: error: digits/run1 boxvendor: the box is shut\n"
    wrong = bench("verify", "--backend", "boxvendr")
    assert wrong.code == 2
    assert "did you mean 'boxvendor'?" in wrong.err


def test_a_run_under_the_hands_of_a_relay_can_be_deleted(bench: Bench) -> None:
    """Deleting a run while a relay delivers it leaves nothing behind."""
    offline(bench, points=20)
    bench.faults(slow=0.5)
    assert bench("sync", "--timeout", "0").code == 1
    done = bench("delete", "run1", "--yes")
    assert done.code == 0
    assert not bench.root.run("digits", "run1").path.exists()
    assert not list(bench.root.active.iterdir())


def test_a_silent_run_of_another_machine_is_stale_until_adopted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody here can know whether it lives, so it stays open; ``--adopt`` ends it as crashed."""
    done = bench.script("import os, tracklib; tracklib.init('digits', id='far').log({'a': 1}); os.kill(os.getpid(), 9)")
    assert done.returncode == -9
    for path in bench.root.run("digits", "far").journal.iterdir():
        os.utime(path, (time.time() - 3600,) * 2)
    monkeypatch.setattr(platform, "host_name", lambda: "elsewhere")

    def status() -> str:
        (run,) = bench("runs", "--json").json["runs"]
        return str(run["status"])

    assert status() == "stale"
    refused = bench("delete", "far", "--yes")
    assert refused.code == 2
    assert "tracklib sync --adopt" in refused.err
    assert bench("sync", "far").code == 0
    assert status() == "stale"
    unsaid = bench("sync", "--adopt")
    assert (unsaid.code, status()) == (2, "stale")
    assert "expected the runs to end, or --all-stale" in unsaid.err
    adopted = bench("sync", "far", "--adopt")
    assert adopted.code == 0
    assert "digits/far: silent for 1 h 00 min on" in adopted.err
    assert status() == "crashed"


@pytest.mark.server
def test_a_real_vendor(bench: Bench) -> None:
    """With the real MLflow: filled after the fact, verified equal, found healthy, and then safe to prune."""
    pytest.importorskip("mlflow")
    folder = bench.run("one", points=20, config={"lr": 0.1})
    place = "mlflow:sqlite:///mlflow.db"
    synced = bench.process("sync", "--backend", place)
    assert synced.code == 0, synced
    assert synced.out.startswith(f"{place}: 1 run: 23 confirmed, 0 pending, 0 changed, 0 refused")
    verified = bench.process("verify", "--json")
    assert verified.code == 0, verified
    (comparison,) = verified.json["comparisons"]
    assert (comparison["equal"], comparison["counts"]["points"], comparison["counts"]["params"]) == (True, 20, 1)
    assert bench.process("doctor", place, "--timeout", "60s").code == 0
    assert [run["id"] for run in bench("prune", "--older-than", "0s", "--yes", "--json").json["runs"]] == ["one"]
    assert not folder.path.exists()
