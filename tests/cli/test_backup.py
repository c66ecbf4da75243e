"""``tracklib backup``, ``restore``, ``export`` and ``verify`` of a bundle: what they print, and by which code they end."""

from __future__ import annotations

import csv
import json
import os
import time
from pathlib import Path

import pytest

import tracklib
from tests.cli.conftest import Bench, Outcome, plain
from tracklib.portability.bundle.settings import _catalog

pytest.importorskip("pyarrow")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """Let each test, and no other one, be a process."""
    _catalog.cache_clear()


def call(bench: Bench, *words: str) -> Outcome:
    """Run a command as a process of its own would."""
    _catalog.cache_clear()
    return bench(*words, at_root=False)


def places(bench: Bench) -> tuple[str, str]:
    return f"local:{bench.root.path}", f"bundle:{bench.path / 'b'}"


def test_runs_are_backed_up_once_and_accounted_for(bench: Bench) -> None:
    """The first call copies, the second has nothing to do; both say how many runs and points there are."""
    for name in ("one", "two"):
        bench.run(name)
    first = call(bench, "backup", *places(bench))
    assert first.code == 0, first
    assert "digits/one copied, 5 records" in first.out
    assert "2 runs: 2 copied; 6 points, 0 artifacts, 0 B" in first.out
    second = call(bench, "backup", *places(bench), "--json", "--jobs", "2")
    assert second.json["states"] == {"unchanged": 2}
    assert second.json["total"]["points"] == 6
    assert second.json["bundle"] == f'bundle {{"url":"{bench.path / "b"}"}}'
    assert (bench.path / "b" / second.json["snapshot"]).exists()
    assert second.json["retained"] is None
    third = call(bench, "backup", *places(bench), "--retain", "1")
    assert "removed 2 snapshots, 0 files, 0 B" in third.out
    some = call(bench, "backup", *places(bench), "--select", "project=other", "--json")
    assert (some.code, some.json["states"]) == (0, {})


def test_a_failed_run_gives_exit_code_1_and_the_alarm(bench: Bench) -> None:
    """A run that cannot be backed up is told with its reason, by the backup and by the check after it."""
    bench.run("one")
    call(bench, "backup", *places(bench))
    tracklib.init("digits", id="one", dir=bench.path / "other", backends=[]).finish()
    done = call(bench, "backup", f"local:{bench.path / 'other'}", places(bench)[1])
    assert done.code == 1
    assert "digits/one failed: the bundle holds another run as digits/one" in plain(done.out)
    check = call(bench, "backup", "--check", places(bench)[1])
    assert (check.code, check.out, len(check.err.splitlines())) == (1, "", 1)
    assert "missing: digits/one: the bundle holds another run" in check.err
    assert call(bench, "backup", "--check", *places(bench)).code == 0


def test_the_check_is_quiet_where_all_is_well_and_one_line_where_not(bench: Bench) -> None:
    """A bundle that is recent and whole gives 0; one that is stale, lacks a part, or is altered gives 1 and a line."""
    bench.run("one")
    _, bundle = places(bench)
    call(bench, "backup", *places(bench))
    good = call(bench, "backup", "--check", bundle, "--max-age", "26h")
    assert (good.code, "1 run, all there; the last backup is" in good.out) == (0, True)
    assert call(bench, "backup", "--check", bundle, "--deep").code == 0
    time.sleep(0.01)
    stale = call(bench, "backup", "--check", bundle, "--max-age", "0.0001s")
    assert (stale.code, len(stale.err.splitlines()), "stale: the last backup is" in stale.err) == (1, 1, True)
    never = call(bench, "backup", "--check", "local:elsewhere", bundle)
    assert (never.code, "stale: no backup was ever completed" in never.err) == (1, True)
    (part,) = (bench.path / "b" / "runs" / "digits" / "one").glob("points-*")
    content = part.read_bytes()
    part.write_bytes(content[:50] + b"x" + content[51:])
    assert call(bench, "backup", "--check", bundle).code == 0
    deep = call(bench, "backup", "--check", bundle, "--deep")
    assert (deep.code, f"damaged: digits/one: runs/digits/one/{part.name} is altered" in deep.err) == (1, True)
    part.unlink()
    gone = call(bench, "backup", "--check", bundle, "--json")
    assert gone.code == 1
    assert gone.json["problems"] == [f"damaged: digits/one: runs/digits/one/{part.name} is missing"]


def test_a_bundle_alone_is_verified(bench: Bench) -> None:
    """Every byte is read; what is damaged is named, and gives exit code 1."""
    bench.run("one")
    bench.run("two")
    _, bundle = places(bench)
    call(bench, "backup", *places(bench))
    good = call(bench, "verify", bundle)
    assert (good.code, "whole; 2 runs, 6 points, 0 files" in good.out) == (0, True)
    (part,) = (bench.path / "b" / "runs" / "digits" / "two").glob("records-*")
    part.write_bytes(b"")
    bad = call(bench, "verify", bundle)
    assert bad.code == 1
    assert f"digits/two: runs/digits/two/{part.name}: expected" in bad.out
    assert "1 damaged; 2 runs" in bad.out
    told = call(bench, "verify", bundle, "--json")
    assert (told.code, told.json["passed"], told.json["damaged"], told.json["runs"]) == (1, False, 1, 2)
    assert [bool(result["problems"]) for result in told.json["results"]] == [False, True, False]


def test_runs_are_restored_and_equal(bench: Bench) -> None:
    """What was backed up is restored to a journal root, the rest where one part is damaged, and `verify` proves it."""
    bench.run("one")
    bench.run("two", project="other")
    source, bundle = places(bench)
    call(bench, "backup", source, bundle)
    some = call(bench, "restore", bundle, f"local:{bench.path / 'some'}", "--select", "project=other", "--json")
    assert [run["run"]["id"] for run in some.json["runs"]] == ["two"]
    plan = call(bench, "restore", bundle, f"local:{bench.path / 'c'}", "--dry-run")
    assert (plan.code, "2 runs, 6 points" in plan.out, (bench.path / "c").exists()) == (0, True, False)
    done = call(bench, "restore", bundle, f"local:{bench.path / 'c'}")
    assert (done.code, "2 runs: 2 copied" in done.out) == (0, True)
    assert call(bench, "verify", source, f"local:{bench.path / 'c'}").code == 0
    assert call(bench, "verify", source, bundle).code == 0
    (part,) = (bench.path / "b" / "runs" / "other" / "two").glob("records-*")
    part.unlink()
    half = call(bench, "restore", bundle, f"local:{bench.path / 'd'}")
    assert half.code == 1
    assert "digits/one copied" in half.out
    assert f"other/two failed: runs/other/two/{part.name} is missing" in plain(half.out)


def test_a_damaged_list_is_told_by_every_command(bench: Bench) -> None:
    """A line of the list that is damaged is told by restoring, checking, verifying and backing up, which mends it."""
    bench.run("one")
    bench.run("two")
    source, bundle = places(bench)
    call(bench, "backup", source, bundle)
    (manifest,) = (bench.path / "b" / "manifests").iterdir()
    manifest.write_bytes(manifest.read_bytes().replace(b'"id":"two"', b'"id":"twa"'))
    restored = call(bench, "restore", bundle, f"local:{bench.path / 'c'}")
    assert (restored.code, "1 run: 1 copied" in restored.out, "altered" in restored.err) == (1, True, True)
    for words in (("backup", "--check", bundle), ("verify", bundle)):
        assert call(bench, *words).code == 1, words
    again = call(bench, "backup", source, bundle, "--retain", "1")
    assert (again.code, "digits/two copied" in again.out) == (1, True)
    assert "nothing was removed" in plain(again.err)
    assert call(bench, "backup", source, bundle).code == 0
    assert call(bench, "verify", bundle).code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["backup"], "Missing argument"),
        (["backup", "local:x"], "expected where runs are read and a bundle"),
        (["backup", "local:a", "bundle:b", "bundle:c"], "got 3 places"),
        (["backup", "local:.tracklib", "local:b"], "expected a bundle, such as bundle:./backup"),
        (["backup", "local:nowhere", "bundle:b"], "expected a journal root at"),
        (["backup", "nosuch:x", "bundle:b"], "is not installed"),
        (["backup", "local:.tracklib", "bundle:b", "--retain", "soon"], "expected a time such as"),
        (["backup", "local:.tracklib", "bundle:b", "--retain", "0"], "--retain: expected a number of backups"),
        (["backup", "local:.tracklib", "bundle:b", "--max-age", "1h"], "--max-age is an option of --check"),
        (["backup", "local:.tracklib", "bundle:b", "--deep"], "--deep is an option of --check"),
        (["backup", "local:.tracklib", "bundle:b", "--jobs", "0"], "--jobs"),
        (["backup", "local:.tracklib", "bundle:b", "--select", "colour=red"], "expected project="),
        (["backup", "local:.tracklib", "bundle:s3://key:secret@bucket/x"], "without a password"),
        (["backup", "local:.tracklib", "bundle:s3://bucket/x?who=me"], "expected endpoint= or region="),
        (["backup", "local:.tracklib", "bundle:nosuch://x"], "expected a place for a bundle at nosuch://x"),
        (["backup", "local:.tracklib", "bundle:file://host/x"], "expected a file of this machine"),
        (["backup", "--check"], "Missing argument"),
        (["backup", "--check", "bundle:b"], "expected a bundle at"),
        (["backup", "--check", "local:b"], "expected a bundle, such as"),
        (["backup", "--check", "bundle:b", "--retain", "1"], "--retain is an option that --check has not"),
        (["backup", "--check", "bundle:b", "--max-age", "old"], "expected a time such as"),
        (["restore", "bundle:b", "local:c"], "expected a bundle at"),
        (["restore", "local:.tracklib", "local:c"], "expected a bundle, such as"),
        (["verify", "bundle:b"], "expected a bundle at"),
        (["verify", "bundle:b", "--html", "x.html"], "--html is an option of two places"),
        (["export", "local:.tracklib"], "Missing option"),
        (["export", "local:.tracklib", "-o", "x", "-f", "xml"], "--format: expected json or csv, got 'xml'"),
        (["export", "local:.tracklib", "-o", "x", "-f", "parquet"], "tracklib backup"),
    ],
)
def test_a_wrong_call_is_told_and_gives_exit_code_2(bench: Bench, words: list[str], message: str) -> None:
    """What is wrong is said in a line or two, with what was expected; nothing is written."""
    bench.run("one")
    before = sorted(bench.path.iterdir())
    done = call(bench, *words)
    assert (done.code, done.out) == (2, ""), done
    assert message in plain(done.err.replace("tracklib: ", ""))
    assert sorted(bench.path.iterdir()) == before


def logged(bench: Bench) -> None:
    folder = bench.path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "w.bin").write_bytes(b"weights")
    with tracklib.init(
        "digits", id="One", dir=bench.root.path, config={"lr": 0.1, "a.b": {"c": [1]}}, tags=["dev"]
    ) as run:
        run.log({"loss": 0.5, "n": 2**60 + 1}, step=1)
        run.log({"loss": float("nan")}, step=1.5)
        run.log({"note": tracklib.Text("hello")}, step=1)
        run.log_artifact(folder, name="my model", copy="now")


def test_runs_are_exported_as_json(bench: Bench) -> None:
    """Metrics, params, tags and files lie in a folder of the run, exact, and readable as lines of JSON."""
    logged(bench)
    done = call(bench, "export", f"local:{bench.root.path}", "--output", "out")
    assert (done.code, done.out) == (0, "1 run written, 3 points\n")
    folder = bench.path / "out" / "digits" / "+one"
    run = json.loads((folder / "run.json").read_text())
    assert (run["id"], run["status"], run["params"], run["tags"]) == (
        "One",
        "finished",
        {"lr": 0.1, "a.b": {"c": [1]}},
        {"dev": ""},
    )
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [(row["metric"], row["step"], row["value"]) for row in rows] == [
        ("loss", 1, 0.5),
        ("n", 1, 2**60 + 1),
        ("loss", 1.5, "NaN"),
    ]
    files = [json.loads(line) for line in (folder / "files.jsonl").read_text().splitlines()]
    assert [(folder / file["file"]).read_bytes() for file in files] == [b"hello", b"weights"]
    assert files[1]["file"] == "artifacts/my model/1/deep/w.bin"
    again = call(bench, "export", f"local:{bench.root.path}", "--output", "out", "--no-files", "--json")
    assert (again.code, again.json["runs"][0]["points"]) == (0, 3)
    assert sorted(path.name for path in folder.iterdir()) == ["files.jsonl", "metrics.jsonl", "run.json"]


def test_runs_are_exported_as_csv(bench: Bench) -> None:
    """The same as tables, from a bundle too."""
    logged(bench)
    call(bench, "backup", *places(bench))
    done = call(bench, "export", places(bench)[1], "-o", "out", "-f", "csv")
    assert done.code == 0, done
    folder = bench.path / "out" / "digits" / "+one"
    with (folder / "run.csv").open(newline="") as file:
        rows = [tuple(row) for row in csv.reader(file)]
    assert {("kind", "key", "value"), ("param", "lr", "0.1"), ("param", "a\\.b.c", "[1]"), ("tag", "dev", "")} <= set(
        rows
    )
    with (folder / "metrics.csv").open(newline="") as file:
        metrics = [(row["metric"], row["step"], row["value"]) for row in csv.DictReader(file)]
    assert metrics == [("loss", "1", "0.5"), ("n", "1", str(2**60 + 1)), ("loss", "1.5", "NaN")]


def test_an_export_writes_over_nothing_of_the_user(bench: Bench) -> None:
    """A folder that is no export is left alone, and the run is told; a missing file costs only itself."""
    bench.run("one")
    bench.run("two")
    mine = bench.path / "out" / "digits" / "one" / "thesis.tex"
    mine.parent.mkdir(parents=True)
    mine.write_text("x")
    done = call(bench, "export", f"local:{bench.root.path}", "--output", "out")
    assert (done.code, mine.read_text()) == (1, "x")
    assert "digits/one: expected" in plain(done.out)
    assert "1 run written, 3 points; 1 failed" in done.out
    assert (bench.path / "out" / "digits" / "two" / "run.json").exists()
    assert sorted(os.listdir(bench.path / "out" / "digits")) == ["one", "two"]
    logged(bench)
    for blob in (bench.root.path / "blobs" / "sha256").rglob("*"):
        if blob.is_file():
            blob.unlink()
    lost = call(bench, "export", f"local:{bench.root.path}", "--output", "out2", "--json")
    assert lost.code == 1
    problems = {run["run"]["id"]: len(run["problems"]) for run in lost.json["runs"]}
    assert problems == {"One": 2, "one": 0, "two": 0}
    assert (Path("out2") / "digits" / "+one" / "metrics.jsonl").exists()
    assert [run["failed"] for run in lost.json["runs"]] == [False] * 3
    (bench.path / "file").touch()
    wrong = call(bench, "export", f"local:{bench.root.path}", "--output", "file")
    assert (wrong.code, wrong.out) == (2, "")
    assert "--output: expected a folder, or a place for one, got the file file" in wrong.err


@pytest.mark.parametrize("command", ["backup", "restore", "export"])
def test_help_has_an_example(bench: Bench, command: str) -> None:
    """Each command is listed, says what ``--json`` prints, and shows a call."""
    listed, told = bench("--help", at_root=False), bench(command, "--help", at_root=False)
    assert f" {command} " in plain(listed.out)
    assert f"Example: tracklib {command} " in plain(told.out)
    assert "--json" in told.out
