"""``tracklib migrate``: what it prints, and by which code it ends."""

from __future__ import annotations

import json
import shutil
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.conftest import Bench
from tracklib.backends import Outcome, accepted
from tracklib.model.records import Metrics, Record
from tracklib.model.run import RunInfo


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


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ("state=finishd", "--select: expected a run's status, got 'finishd'; did you mean 'finished'?"),
        (
            "project=a,project=b",
            "--select: expected project= once, got it twice; select the runs of both one after the other",
        ),
        ("project=", "--select: expected a value behind project=, got none"),
        ("tag=", "--select: expected a value behind tag=, got none"),
        ("tag=:x", "--select: expected a value behind tag=, got ':x'"),
        (
            "since=soon",
            "--select since=: expected a time ago such as 12h or 7d, or a date such as 2026-11-23, got 'soon'",
        ),
    ],
)
def test_a_selection_that_can_choose_nothing_is_refused(bench: Bench, selection: str, words: str) -> None:
    """A slip of the pen selects no other runs than were meant, and none is taken for a success."""
    bench.run("one")
    wrong = migrate(bench, "--select", selection)
    assert (wrong.code, wrong.out, wrong.err) == (2, "", f"tracklib: error: {words}\n")


def test_a_selection_may_have_spaces_behind_its_commas(bench: Bench) -> None:
    """They are no part of what is selected."""
    bench.run("one", tags=["dev"])
    done = migrate(bench, "--select", " project=digits, tag=dev", "--json")
    assert done.json["states"] == {"copied": 1}


@pytest.mark.parametrize("place", ["folder", "folder/missing/ids.csv", "file/ids.csv"])
def test_a_map_that_cannot_be_written_is_refused_before_anything_is_copied(bench: Bench, place: str) -> None:
    """It is told at once, not behind the hours that the copies took."""
    bench.run("one")
    (bench.path / "folder").mkdir()
    (bench.path / "file").touch()
    wrong = migrate(bench, "--map", str(bench.path / place))
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith(
        "tracklib: error: --map: expected a file in a folder that is there and can be written, got "
    )
    assert not (bench.path / "b").exists()


@pytest.mark.parametrize("words", [["local:.tracklib"], ["local:b", "--via", "local:.tracklib/../.tracklib"]])
def test_a_place_is_not_copied_to_itself(bench: Bench, words: list[str]) -> None:
    """The same place on both sides is a slip, told once and not for each run."""
    bench.run("one")
    wrong = bench("migrate", f"local:{bench.root.path}", *words, at_root=False)
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.startswith("tracklib: error: expected two places, got one: local:")


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


def test_the_plan_estimates_from_what_was_copied(bench: Bench) -> None:
    """Before anything is copied there is no estimate; afterwards it is for the rest alone, and says what it is from."""
    for name in ("one", "three", "two"):
        bench.run(name)
    first = migrate(bench, "--dry-run")
    assert "copy some, as with --limit 10, and the plan will estimate it; nothing was written" in first.out
    assert migrate(bench, "--limit", "1").code == 0
    plan = migrate(bench, "--dry-run", "--json").json
    assert (plan["runs"], plan["copied"], plan["points"]) == (2, 1, 6)
    estimate = plan["estimated_seconds"]
    assert estimate["runs"] == 1
    assert 0 < estimate["from"] <= estimate["to"] < 60
    told = migrate(bench, "--dry-run").out
    assert "1 run copied already, and passed over" in told
    assert "an estimate from 1 run copied so far; nothing was written" in told


def test_the_plan_tells_a_run_that_cannot_be_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that breaks off at one run is read on at the next one, and the exit code is 1."""
    from tracklib.errors import TransientError
    from tracklib.portability.local import JournalSource

    for name in ("one", "two"):
        bench.run(name)
    real = JournalSource.read

    def read(source: JournalSource, run: RunInfo, /, *more: Any, **after: Any) -> Iterator[Record]:
        if run.id == "one":
            raise TransientError("busy")
        return real(source, run, *more, **after)

    monkeypatch.setattr(JournalSource, "read", read)
    plan = migrate(bench, "--dry-run", "--json")
    assert (plan.code, plan.json["unreadable"], plan.json["points"]) == (1, {"digits/one": "busy"}, 3)
    assert "digits/one cannot be read: busy" in migrate(bench, "--dry-run").out


def test_what_is_told_of_runs_is_not_held_in_memory(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration and a backup hold what became of a run no longer than until it is told, however many there are."""
    pytest.importorskip("pyarrow")
    from tracklib.portability.migrate import Result

    for number in range(12):
        bench.run(f"r{number}")
    held: weakref.WeakValueDictionary[int, Probe] = weakref.WeakValueDictionary()
    most: list[int] = []

    class Probe(str):
        __slots__ = ("__weakref__",)

    begun = Result.__init__

    def init(self: Result, run: RunInfo, state: Any, *rest: Any) -> None:
        begun(self, run, state, *rest)
        probe = Probe("")
        object.__setattr__(self, "error", probe)
        held[id(probe)] = probe
        most.append(len(held))

    monkeypatch.setattr(Result, "__init__", init)
    for words in (("migrate", f"local:{bench.path / 'b'}"), ("backup", "bundle:backup")):
        done = bench(words[0], f"local:{bench.root.path}", *words[1:], at_root=False)
        assert (done.code, len(most)) == (0, 12)
        assert max(most) <= 3
        most.clear()


@pytest.mark.parametrize("kind", ["local", "bundle"])
def test_runs_go_by_another_place_and_the_source_is_read_once(bench: Bench, kind: str) -> None:
    """On their way runs are kept at the third place; a destination that lost them gets them from there."""
    pytest.importorskip("pyarrow")
    for name in ("one", "two"):
        bench.run(name)
    half = ("--via", f"{kind}:{bench.path / 'half'}", "--wave", "1")
    first = migrate(bench, *half, "--json")
    assert (first.code, first.json["states"], first.json["total"]["points"]) == (0, {"copied": 2}, 6)
    assert migrate(bench, *half, "--json").json["states"] == {"unchanged": 2}
    verified = bench("verify", f"local:{bench.root.path}", f"local:{bench.path / 'b'}", at_root=False)
    assert verified.code == 0, verified
    for segment in (bench.root.path / "digits").rglob("*.jsonl"):
        header, start, *_, end = segment.read_bytes().splitlines(keepends=True)
        segment.write_bytes(header + start + end)  # whoever reads it again misses the points
    shutil.rmtree(bench.path / "b")
    again = migrate(bench, *half, "--ledger", str(bench.path / "new.sqlite"), "--json")
    assert (again.json["states"], again.json["total"]["points"]) == ({"copied": 2}, 6), again


@pytest.mark.filterwarnings("ignore::Warning")  # MLflow uses what others have deprecated
def test_a_run_that_a_vendor_calls_running_is_copied_where_asked_to(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits; with ``--unfinished`` it is copied as it is, and what it grew by follows when it has ended."""
    monkeypatch.setenv("MLFLOW_LOGGING_LEVEL", "CRITICAL")  # it holds for the process, as of the import
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow = pytest.importorskip("mlflow")
    client = mlflow.MlflowClient((bench.path / "mlruns").as_uri())
    run_id = client.create_run(client.create_experiment("theirs"), run_name="one").info.run_id
    client.log_metric(run_id, "loss", 0.5, step=1)
    words = ("migrate", f"mlflow:{bench.path / 'mlruns'}", f"local:{bench.path / 'b'}", "--json")
    assert bench(*words, at_root=False).json["states"] == {"waiting": 1}
    first = bench(*words, "--unfinished", at_root=False).json
    assert (first["states"], first["total"]["points"]) == ({"partial": 1}, 1)
    client.log_metric(run_id, "loss", 0.25, step=0)
    client.set_terminated(run_id)
    last = bench(*words, at_root=False).json
    assert (last["states"], last["total"]["points"]) == ({"copied": 1}, 2)
    assert bench("verify", *words[1:3], at_root=False).code == 0


def test_a_group_that_differs_stops_the_rest(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a group whose copy differs nothing more is copied; of a run the first differences are told."""
    from tracklib.portability.local_sink import JournalSink

    for name in ("one", "three", "two"):
        bench.run(name, points=50)
    kept = JournalSink._write

    def lose(sink: JournalSink, record: Record) -> Outcome:
        return accepted() if isinstance(record.body, Metrics) else kept(sink, record)

    monkeypatch.setattr(JournalSink, "_write", lose)
    done = migrate(bench, "--wave", "2")
    assert done.code == 1
    assert "one: point loss step 0: 1.0 != (missing)" in done.out
    assert "one: and 30 more" in done.out
    assert "2 runs: 2 copied" in done.out
    assert "a group differs, and those behind it were left" in done.err


def test_a_group_is_passed_once_it_was_found_equal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that differed, or whose check was broken off, is compared again; one that was found equal is not."""
    from tracklib.portability import migrate as migrating
    from tracklib.portability.comparison import Comparison, Difference

    for name in ("one", "three", "two"):
        bench.run(name, points=2)
    compared: list[str] = []
    real = migrating.compare_runs

    def found(source: object, run: RunInfo, *rest: object, **more: object) -> Comparison:
        compared.append(run.id)
        if len(compared) == 2:
            raise KeyboardInterrupt
        if len(compared) == 4:
            made = Comparison()
            made.add(Difference("point", "loss step 0", "1.0", None))
            return made
        return real(source, run, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(migrating, "compare_runs", found)
    assert migrate(bench, "--wave", "2").code == 130
    document = migrate(bench, "--wave", "1", "--json").json
    assert (document["stopped"], document["states"]) == (True, {"unchanged": 2, "copied": 1})
    assert document["differences"] == {"digits/two": ["point loss step 0: 1.0 != (missing)"]}
    assert compared == ["one", "three", "three", "two"]
    last = migrate(bench, "--wave", "3", "--json")
    assert (last.code, last.json["states"], compared[4:]) == (0, {"unchanged": 3}, ["two"])
    assert (migrate(bench, "--wave", "3").code, len(compared)) == (0, 5)


def test_no_runs_make_a_whole_document(bench: Bench) -> None:
    """The document of a migration of nothing is JSON like any other."""
    bench.run("one")
    document = migrate(bench, "--select", "project=none", "--json").json
    assert (document["runs"], document["states"], document["leftovers"]) == ([], {}, {})
