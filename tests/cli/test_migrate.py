"""``tracklib migrate``: what it prints, and by which code it ends."""

from __future__ import annotations

import json

from tests.cli.conftest import Bench


def migrate(bench: Bench, *words: str):
    source, destination = f"local:{bench.root.path}", f"local:{bench.path / 'b'}"
    return bench("migrate", source, destination, *words, at_root=False)


def test_runs_are_copied_once_and_accounted_for(bench: Bench) -> None:
    """The first call copies, the second has nothing to do; both say how many runs and points there are."""
    for name in ("one", "two"):
        bench.run(name)
    first = migrate(bench, "--wave", "1")
    assert first.code == 0, first
    assert "digits/one copied, 5 records" in first.out
    assert "2 runs: 2 copied; 6 points, 0 artifacts, 0 B" in first.out
    second = migrate(bench, "--json")
    assert second.json["states"] == {"unchanged": 2}
    assert second.json["total"]["points"] == 6
    assert [run["vendor_id"] for run in second.json["runs"]] == ["one", "two"]
    shown = bench("runs", "--dir", str(bench.path / "b"), "--json", at_root=False)
    assert [run["id"] for run in shown.json["runs"]] in (["one", "two"], ["two", "one"])


def test_the_plan_writes_nothing(bench: Bench) -> None:
    """A dry run counts, and leaves neither a copy nor a ledger."""
    bench.run("one")
    plan = migrate(bench, "--dry-run", "--json")
    assert plan.code == 0, plan
    assert (plan.json["runs"], plan.json["points"], plan.json["open"], plan.json["losses"]) == (1, 3, 0, {})
    assert not (bench.path / "b").exists()
    assert list(bench.root.path.glob("migration-*")) == []
    assert "1 run, 3 points" in migrate(bench, "--dry-run").out


def test_a_selection_chooses(bench: Bench) -> None:
    """Only the runs that are selected are copied; what is no selection is refused with the words that are."""
    bench.run("one")
    bench.run("two", project="other", tags=["dev"])
    done = migrate(bench, "--select", "project=other,tag=dev", "--json")
    assert [run["run"]["id"] for run in done.json["runs"]] == ["two"]
    wrong = migrate(bench, "--select", "colour=red")
    assert wrong.code == 2
    assert "expected project=, name=, state=, tag=, since= or until=, got 'colour=red'" in wrong.err


def test_a_failed_run_gives_exit_code_1(bench: Bench) -> None:
    """A run that cannot be copied is told with its reason, and the command ends with 1."""
    import tracklib

    bench.run("one")
    tracklib.init("digits", id="one", dir=bench.path / "b", backends=[]).finish()
    done = migrate(bench)
    assert done.code == 1
    assert "digits/one failed: the run 'one' of 'digits' was recorded in" in done.out


def test_the_map_and_the_users(bench: Bench) -> None:
    """The ids of both sides stand in a CSV file; a map of users that is none is refused."""
    bench.run("one")
    assert migrate(bench, "--map", str(bench.path / "ids.csv")).code == 0
    assert (bench.path / "ids.csv").read_text().splitlines()[1] == "digits,one,copied,one,"
    (bench.path / "users.json").write_text(json.dumps(["ada"]))
    wrong = migrate(bench, "--map-users", str(bench.path / "users.json"))
    assert wrong.code == 2
    assert "expected an object of names" in wrong.err
