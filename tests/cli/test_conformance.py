"""``tracklib conformance``: the kit on a user's own account, which is left as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Bench, plain


@pytest.fixture
def crate(bench: Bench) -> Path:
    """Make a crate in which somebody else's run lies."""
    place = bench.path / "crate"
    place.mkdir()
    (place / "other.jsonl").write_text("")
    return place


def fault(bench: Bench, word: str) -> None:
    (bench.path / "crate.fault").write_text(word)


def ask(bench: Bench, crate: Path, *laws: str, more: tuple[str, ...] = ()):
    words = [word for law in laws for word in ("--law", law)]
    return bench("conformance", f"cratevendor:{crate}", *words, *more, at_root=False)


def left(crate: Path) -> list[str]:
    return sorted(path.name for path in crate.iterdir())


def test_what_is_as_published(bench: Bench, crate: Path) -> None:
    """Each law is told with its cases; only what was written is deleted; what the vendor keeps all the same is said."""
    done = ask(bench, crate, "ended", "live")
    assert done.code == 0, done
    assert [line.split() for line in done.out.splitlines()[:2]] == [["ended", "holds", "(8)"], ["live", "holds", "(1)"]]
    assert "all 9 are as published" in done.out
    assert "the published results are of orjson 0.1, this is" in done.out
    assert "tracklib: the crate remembers that there was a run" in done.err
    assert left(crate) == ["other.jsonl"]


def test_what_is_better_than_published_or_not_examined_is_told(bench: Bench, crate: Path) -> None:
    """A loss that is no more, and a law that needs what only the plugin's own tests have, are named."""
    done = ask(bench, crate, "related", "late")
    assert done.code == 0, done
    assert "published as broken, and kept here: related: group, job type and parent" in done.out
    assert "not examined, as only the plugin's own tests can: late" in plain(done.out)


def test_what_deviates_is_named(bench: Bench, crate: Path) -> None:
    """Exit code 1; the document has law, case, and what was expected and came."""
    fault(bench, "lies")
    done = ask(bench, crate, "ended", more=("--json",))
    assert done.code == 1
    cases = {deviation["case"]: deviation for deviation in done.json["deviations"]}
    assert set(cases) == {"killed", "interrupted"}
    assert "status: killed != running" in cases["killed"]["problem"]
    assert (done.json["removed"], done.json["left"]) == (8, [])
    assert left(crate) == ["other.jsonl"]


def test_a_crash_costs_one_law(bench: Bench, crate: Path) -> None:
    """An SDK that aborts breaks the law that was examined; the next is examined, and everything is deleted."""
    fault(bench, "crash")
    done = ask(bench, crate, "ended", "live", more=("--json",))
    assert done.code == 1
    (deviation,) = done.json["deviations"]
    assert (deviation["law"], deviation["case"]) == ("ended", "no crash")
    assert "signal 6" in deviation["problem"]
    assert done.json["laws"]["live"] == {"cases": 1, "failed": {}}
    assert left(crate) == ["other.jsonl"]


def test_a_backend_that_cannot_delete_says_what_it_left(bench: Bench, crate: Path) -> None:
    """Exit code 0, and one line that says how many runs are left, of which project, where, and why."""
    fault(bench, "keeps")
    done = ask(bench, crate, "live")
    assert done.code == 0
    assert f"are left in cratevendor:{crate}: cratevendor has no way to delete runs" in done.err
    assert "1 runs of the project tracklib-conformance-" in done.err
    assert len(left(crate)) == 2
    kept = ask(bench, crate, "live", more=("--keep",))
    assert "as --keep asks" in kept.err


@pytest.mark.faults
def test_ctrl_c_deletes_what_was_written(bench: Bench, crate: Path) -> None:
    """Exit code 130; no run and no process is left, and no key stood in the list of processes."""
    fault(bench, "slow")
    process = subprocess.Popen(
        [sys.executable, "-m", "tracklib.cli.main", "conformance", f"cratevendor:{crate}", "--law=live", "--law=ended"],
        cwd=bench.path,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "TRACKLIB_CRATEVENDOR__KEY": "very-secret"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline().split() == ["live", "holds", "(1)"]
    others = [line for line in commands().values() if "conformance.session" in line]
    assert others
    assert not [line for line in commands().values() if "very-secret" in line and "tracklib" in line]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 130, out + err
    assert "interrupted: " in err
    assert left(crate) == ["other.jsonl"]
    assert not [line for line in commands().values() if f"{crate}" in line]


def commands() -> dict[int, str]:
    """Return the command lines of all processes."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found[int(path.parent.name)] = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
    return found


def test_wrong_calls(bench: Bench, crate: Path) -> None:
    """A law that is none, a place that is none, and one that does not answer are told in one line with exit code 2."""
    done = ask(bench, crate, "lives")
    assert (done.code, done.err) == (
        2,
        "tracklib: error: --law: expected the name of a law, got 'lives'; did you mean 'live'?\n",
    )
    assert bench("conformance", "nosuch:place", at_root=False).code == 2
    fault(bench, "down")
    done = ask(bench, crate, "live")
    assert (done.code, done.err) == (2, "tracklib: error: the crate is shut\n")
