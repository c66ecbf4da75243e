"""``tracklib runs``: which runs are listed, how, and how truthfully."""

from __future__ import annotations

import json
import time

import pytest

import tracklib
from tests.cli.conftest import Bench, plain
from tracklib.cli import selection
from tracklib.journal.glance import Glance, glance
from tracklib.journal.layout import RunFolder

HOSTILE = "try \x1b[31m[bold]red[/bold]\u202egnp.exe\x07\nsecond"
HARMLESS = r"try \x1b[31m[bold]red[/bold]\u202egnp.exe\x07\x0asecond"
KILLED = """
import os, tracklib
run = tracklib.init("digits", id="killed")
run.log({"loss": 1.0})
os.kill(os.getpid(), 9)
"""


def ids(out: str) -> list[str]:
    return [line.split()[0] for line in out.splitlines()[1:]]


def test_newest_first_and_how_many_more(bench: Bench) -> None:
    """The newest runs come first, as many as are asked for, and the rest is counted."""
    for number in range(5):
        bench.run(f"run{number}")
    assert ids(bench("runs").out) == ["run4", "run3", "run2", "run1", "run0"]
    done = bench("runs", "--limit", "2")
    assert ids(done.out) == ["run4", "run3"]
    assert done.err == "tracklib: 3 more runs: --limit N or --all shows them\n"
    assert len(ids(bench("runs", "-n1", "--all").out)) == 5


def test_the_table_tells_what_a_run_is(bench: Bench) -> None:
    """Name, project, status and records stand in the row; what a backend holds stands behind them."""
    bench.delivered(bench.run("abc", points=10, name="baseline"), changes={}, refused=0)
    row = next(line for line in bench("runs").out.splitlines() if line.startswith("abc"))
    assert row.split()[:4] == ["abc", "baseline", "digits", "finished"]
    assert row.split()[-3:] == ["12", "boxvendor:", "complete"]


def test_filters_hold_together(bench: Bench) -> None:
    """Project, status and time select; what they leave out is not counted as more."""
    bench.run("good", "digits")
    bench.run("else", "words")
    with tracklib.init("digits", id="bad", dir=bench.root.path) as run:
        run.finish(status="failed")
    assert ids(bench("runs", "--project", "digits", "--status", "failed").out) == ["bad"]
    assert ids(bench("runs", "--project", "digits", "--status", "finished").out) == ["good"]
    assert bench("runs", "--since", "1h", "--json").json["more"] == 0
    assert len(bench("runs", "--since", "1h", "--json").json["runs"]) == 3
    assert bench("runs", "--since", "2999-01-01", "--json").json["runs"] == []
    assert bench("runs", "--status", "stale", "--json").json == {"root": str(bench.root.path), "runs": [], "more": 0}


def test_a_killed_process_is_shown_as_crashed(bench: Bench) -> None:
    """The run of a process that SIGKILL ended is crashed, not running, and stays so."""
    assert bench.script(KILLED).returncode == -9
    for _ in range(2):
        (run,) = bench("runs", "--json").json["runs"]
        assert (run["status"], run["records"]) == ("crashed", 3)
        assert run["started"] < run["ended"]


def test_a_living_run_is_shown_as_running(bench: Bench) -> None:
    """A run whose process goes on is running and has no end."""
    with tracklib.init("digits", id="alive", dir=bench.root.path):
        (run,) = bench("runs", "--json").json["runs"]
    assert (run["status"], run["ended"]) == ("running", None)
    (run,) = bench("runs", "--json").json["runs"]
    assert run["status"] == "finished"


def test_hostile_names_are_harmless(bench: Bench) -> None:
    """Escape sequences, bidi characters, line breaks and markup in a name are shown, not obeyed."""
    bench.run("abc", name=HOSTILE, project="[red]p\x1b]0;x\x07")
    done = bench("runs")
    assert HARMLESS in done.out
    assert r"[red]p\x1b]0;x\x07" in done.out
    assert [char for char in done.out if not char.isprintable()] == ["\n"] * 2
    shown = bench("runs", "--json")
    assert shown.json["runs"][0]["name"] == HOSTILE
    assert shown.out.isascii()
    assert "\x1b" not in shown.out


def test_hostile_names_are_harmless_in_colour(bench: Bench) -> None:
    """Where colours are on, the only escape sequences are rich's own."""
    bench.run("abc", name=HOSTILE)
    done = bench.process("runs", FORCE_COLOR="1")
    assert HARMLESS in plain(done.out)
    assert "\x1b[31m[bold]" not in done.out


def test_json_tells_everything_of_a_run(bench: Bench) -> None:
    """The JSON object holds the documented fields, with exact times, and parses as strict JSON."""
    folder = bench.run("abc", name="n", group="g", job_type="train", parent="p0")
    bench.delivered(folder, refused=1, changes={"squeezed": 2}, url="http://u")
    text = bench("runs", "--json").out
    (run,) = json.loads(text, parse_constant=lambda name: 1 / 0)["runs"]
    assert {key: run[key] for key in ("id", "project", "name", "status", "group", "job_type", "parent", "attempt")} == {
        "id": "abc",
        "project": "digits",
        "name": "n",
        "status": "finished",
        "group": "g",
        "job_type": "train",
        "parent": "p0",
        "attempt": 1,
    }
    assert run["path"] == str(folder.path)
    (delivery,) = run["delivery"]
    assert (delivery["entry"], delivery["state"], delivery["pending"]) == ("boxvendor", "complete", 0)
    assert (delivery["refused"], delivery["changed"], delivery["changes"]) == (1, 2, {"squeezed": 2})


def test_a_damaged_receipt_hides_no_run(bench: Bench) -> None:
    """A run whose receipt cannot be read is listed with that remark."""
    folder = bench.run("abc")
    bench.delivered(folder)
    next(folder.receipts.iterdir()).write_text("{")
    done = bench("runs")
    assert done.code == 0
    assert "damaged receipt" in done.out
    assert bench("status", "abc").code == 1


def test_order_is_exact_within_a_second(bench: Bench) -> None:
    """Runs that began in one second are listed by their exact start, also where the limit parts them."""
    while time.time() % 1 > 0.5:
        time.sleep(0.05)
    for name in ("zz", "mm", "aa"):
        bench.run(name)
    assert ids(bench("runs", "-n", "2").out) == ["aa", "mm"]


def test_of_thousands_of_runs_those_shown_are_opened(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Among two thousand runs, those that are not shown are not opened."""
    opened: list[RunFolder] = []

    def look(folder: RunFolder) -> Glance:
        opened.append(folder)
        return glance(folder)

    monkeypatch.setattr(selection, "glance", look)
    folder = bench.run("run0")
    for number in range(1, 2000):
        journal = folder.path.parent / f"copy{number}" / "journal"
        journal.mkdir(parents=True)
        (journal / f"20200101t000000-{number:08x}.jsonl").symlink_to("/nowhere")
    done = bench("runs", "--limit", "1")
    assert ids(done.out) == ["run0"]
    assert "1,999 more runs" in done.err
    assert [each.path for each in opened] == [folder.path]
