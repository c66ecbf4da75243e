"""Commands whose runs are deleted under their hands: the run is named, the others arrive, and the exit code says so."""

from __future__ import annotations

import functools
import shutil

import pytest

import tracklib
from tests.cli.conftest import Bench, Outcome
from tests.portability.deletions import vanishing
from tracklib.model.query import RunQuery
from tracklib.model.run import RunInfo
from tracklib.portability.local import JournalSource
from tracklib.portability.places import open_place


def remove(bench: Bench, run: RunInfo) -> None:
    assert bench("delete", f"{run.project}/{run.id}", "--yes").code == 0


def without(bench: Bench, run_id: str, *words: str, moment: int = 0) -> Outcome:
    """Run a command while somebody deletes a run, behind so many records that were read of it."""
    with vanishing(JournalSource, {run_id: moment}, functools.partial(remove, bench)) as gone:
        done = bench(*words, at_root=False)
    assert gone == {run_id}
    return done


@pytest.fixture
def place(bench: Bench) -> str:
    """A journal root of three runs."""
    for name in ("one", "stays", "two"):
        bench.run(name, tags=["dev"])
    return f"local:{bench.root.path}"


@pytest.mark.parametrize("more", [(), ("--select", "tag=dev")])
def test_migrate(bench: Bench, place: str, more: tuple[str, ...]) -> None:
    """Also where runs are read for their tags before they are copied; what is left is copied, and stays so."""
    words = ("migrate", place, f"local:{bench.path / 'b'}", *more)
    done = without(bench, "one", *words)
    assert done.code == 1
    assert "digits/one failed: expected the run 'one' in" in done.out
    assert "3 runs: 1 failed, 2 copied" in done.out
    again = bench(*words, at_root=False)
    assert (again.code, "2 runs: 2 unchanged" in again.out) == (0, True)


def test_backup(bench: Bench, place: str) -> None:
    """The snapshot names the run that is not in the bundle; the next backup has nothing to complain of."""
    pytest.importorskip("pyarrow")
    words = ("backup", place, f"bundle:{bench.path / 'b'}")
    done = without(bench, "one", *words)
    assert (done.code, "digits/one failed: expected the run 'one' in" in done.out) == (1, True)
    checked = bench("backup", f"bundle:{bench.path / 'b'}", "--check", at_root=False)
    assert (checked.code, "digits/one" in checked.out + checked.err) == (1, True)
    assert bench(*words, at_root=False).code == 0
    assert bench("verify", place, f"bundle:{bench.path / 'b'}", at_root=False).code == 0


@pytest.mark.parametrize("match", ["id", "tag:dev"])
def test_verify(bench: Bench, place: str, match: str) -> None:
    """Also where runs are read for the tag by which they are paired."""
    shutil.copytree(bench.root.path, bench.path / "b")
    words = ("verify", place, f"local:{bench.path / 'b'}", "--match", match)
    with vanishing(JournalSource, {"one": 0}, functools.partial(remove, bench)):
        done = bench(*words, at_root=False)
    assert done.code == 1
    assert "digits/one: not readable: expected the run 'one' in" in done.out


def test_sql_and_export(bench: Bench, place: str) -> None:
    """An answer lacks the run and says so; so does a folder of exported runs."""
    pytest.importorskip("duckdb")
    asked = without(bench, "one", "sql", "SELECT DISTINCT run FROM metrics ORDER BY run", place, "--csv")
    assert (asked.code, asked.out) == (1, "run\nstays\ntwo\n")
    assert "the run digits/one can't be read: expected the run 'one' in" in asked.err
    written = without(bench, "two", "export", place, "--output", str(bench.path / "out"))
    assert (written.code, "digits/two: expected the run 'two' in" in written.out) == (1, True)
    assert [path.name for path in (bench.path / "out" / "digits").iterdir()] == ["stays"]


@pytest.mark.filterwarnings("ignore::Warning")  # Aim uses what others have deprecated
def test_a_copy_that_stays_unfinished_is_told(bench: Bench, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where half of a run was copied before it was deleted, each further migration says so, until the copy is gone too."""
    pytest.importorskip("tracklib_aim")
    monkeypatch.setattr("tracklib.portability.copy.BATCH", 2)
    (bench.path / "w.bin").write_bytes(b"weights")
    with tracklib.init("digits", id="half", dir=bench.root.path) as run:
        run.log({"loss": 0.5}, step=0)
        run.log_artifact(bench.path / "w.bin", name="model", copy="now")
    words = ("migrate", place, f"aim:{bench.path / 'b'}")
    done = without(bench, "half", *words, moment=1)
    assert (done.code, "digits/half failed: it was deleted while it was read: the source does not" in done.out) == (
        1,
        True,
    )
    told = "digits/half is gone from the source, and its copy is not whole: "
    assert told in done.out
    for _ in range(2):
        again = bench(*words, at_root=False)
        assert (again.code, told in again.out, "3 runs: 3 unchanged" in again.out) == (1, True, True)
    assert [run["id"] for run in bench(*words, "--json", at_root=False).json["gone"]] == ["half"]
    target = open_place(words[2]).source()
    (copy,) = target.runs(RunQuery(id="half"))
    target.delete(copy)  # type: ignore[attr-defined]  # Aim's can
    assert bench(*words, at_root=False).code == 0
