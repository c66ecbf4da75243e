"""``tracklib runs PLACE`` and ``tracklib show PLACE RUN``: what a place holds, as the local commands show their own."""

from __future__ import annotations

from typing import Any

import pytest

import tracklib
from tests.cli.conftest import Bench, plain
from tracklib.cli import counted

pytestmark = pytest.mark.filterwarnings("ignore::Warning")  # the vendors' SDKs use what others have deprecated


@pytest.fixture
def vendor(bench: Bench) -> str:
    """A place at a vendor with two runs of one project and one of another, as the journal root has them."""
    pytest.importorskip("tracklib_mlflow")
    bench.run("abc1", points=4, name="baseline\x1b[31m", config={"lr": 0.5}, tags=["dev"])
    bench.run("abc2", "words")
    with tracklib.init("digits", id="bad", dir=bench.root.path) as run:
        run.log({"loss": 2.0})
        run.finish(status="failed")
    place = f"mlflow:sqlite:///{bench.path / 'ml.db'}"
    done = bench("migrate", f"local:{bench.root.path}", place, at_root=False)
    assert done.code == 0, done
    return place


def test_runs_and_one_run_of_a_place(bench: Bench, vendor: str) -> None:
    """Runs are listed newest first, filtered and counted as local ones; one is shown whole, found by its beginning."""

    def command(*words: str) -> Any:
        return bench(*words, at_root=False)

    listed = command("runs", vendor)
    assert [line.split()[0] for line in listed.out.splitlines()] == ["id", "bad", "abc2", "abc1"]
    assert "\x1b" not in listed.out
    document = command("runs", vendor, "--project", "digits", "--limit", "1", "--json").json
    assert (document["place"], document["more"]) == (vendor, 1)
    (run,) = document["runs"]
    assert (run["id"], run["status"], run["project"]) == ("bad", "failed", "digits")
    assert run["vendor_id"] not in (None, "bad")
    assert [r["id"] for r in command("runs", vendor, "-s", "finished", "--json").json["runs"]] == ["abc2", "abc1"]
    assert command("runs", vendor, "--since", "2999-01-01", "--json").json["runs"] == []
    nothing = command("runs", vendor, "--project", "none")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", f"tracklib: no run to show in {vendor}\n")

    shown = command("show", vendor, "abc1", "--json").json
    local = bench("show", "abc1", "--json").json
    for key in ("id", "project", "name", "status", "params", "tags", "notes", "summary", "artifacts", "console"):
        assert shown[key] == local[key], key
    assert [(m["name"], m["points"], m["last"]) for m in shown["metrics"]] == [("loss", 4, 0.25)]
    assert (shown["place"], "path" in shown, "delivery" in shown) == (vendor, False, False)
    text = plain(command("show", vendor, "ba").out)
    assert f"place {vendor}" in text
    assert "status failed" in text
    assert "records" in text
    assert "delivery" not in text


def test_what_a_place_lacks_is_told(bench: Bench, vendor: str) -> None:
    """A run that is not there, several that may be meant, an unknown place and two places are one sentence each."""
    for words, expected in {
        ("show", vendor, "nobody"): f"expected a run of {vendor}, got 'nobody', which is not there",
        ("show", vendor, "abc"): "expected one run, got 'abc', which may be",
        ("runs", "mlfow:x"): "unknown backend 'mlfow'; did you mean 'mlflow'",
        ("show", "a", "b", "c"): "expected a run, or a place and a run, got 3 words",
        ("runs", vendor, "--dir", str(bench.root.path)): "--dir names a journal root, and so does a place",
        ("runs", f"local:{bench.path / 'none'}"): "expected a journal root at",
    }.items():
        done = bench(*words, at_root=False)
        assert done.code == 2
        assert expected in done.err
        assert len(done.err.splitlines()) <= 2


def test_a_journal_root_as_a_place_is_a_journal_root(bench: Bench) -> None:
    """``local:FOLDER`` shows exactly what ``--dir FOLDER`` does."""
    bench.run("abc")
    place = f"local:{bench.root.path}"
    assert bench("runs", place, "--json", at_root=False).json == bench("runs", "--json").json
    assert bench("show", place, "abc", "--json", at_root=False).json == bench("show", "abc", "--json").json


def test_who_waits_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal, a count goes along on stderr; every item comes all the same, and nothing is written elsewhere."""
    assert list(counted.counted(range(3), "run")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")
    told: list[str] = []
    monkeypatch.setattr(counted, "shows_progress", lambda: True)
    monkeypatch.setattr("rich.status.Status.update", lambda _, text: told.append(str(text)))
    assert list(counted.counted(range(5), "pair of runs", "pairs of runs", every=2)) == [0, 1, 2, 3, 4]
    assert told == ["2 pairs of runs read", "4 pairs of runs read"]
    assert capsys.readouterr().out == ""
