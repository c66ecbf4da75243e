"""``tracklib prune`` and ``tracklib delete``: what goes, and above all what stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tracklib
from tests.cli.conftest import REFUSAL, Bench, plain
from tracklib.cli.removal import references
from tracklib.journal.blobs import BlobStore
from tracklib.journal.layout import RunFolder
from tracklib.journal.staging import staged

ALL = ("prune", "--older-than", "0s", "--yes")


def with_file(bench: Bench, id: str, *contents: bytes) -> RunFolder:
    """Make a run with an artifact for each content."""
    with tracklib.init("digits", id=id, dir=bench.root.path) as run:
        for number, content in enumerate(contents):
            path = bench.path / f"file{number}"
            path.write_bytes(content)
            run.log_artifact(path)
    return run.folder


def contents(bench: Bench) -> set[bytes]:
    """Return all contents that are kept."""
    return {path.read_bytes() for path in bench.root.blobs.rglob("*") if path.is_file()}


def left(bench: Bench) -> list[str]:
    return sorted(folder.path.name for folder in bench.root.runs())


def test_prune_never_touches_what_is_not_delivered(bench: Bench) -> None:
    """Only a run that has ended and that every backend holds whole goes; each other one is kept, and why is told."""
    bench.delivered(bench.run("gone"))
    bench.run("no-backend")
    bench.delivered(bench.run("pending"), confirmed={})
    bench.delivered(bench.run("unfinished"), state="delivering")
    both = bench.run("one-of-two")
    bench.delivered(both)
    bench.delivered(both, entry="other", state="paused")
    bench.delivered(bench.run("refused"), refused=1, refusals=[REFUSAL])
    damaged = bench.run("damaged")
    bench.delivered(damaged)
    next(damaged.receipts.iterdir()).write_text("{")
    with tracklib.init("digits", id="open", dir=bench.root.path) as run:
        bench.delivered(run.folder)
        done = bench(*ALL, "--json")
    assert done.code == 0
    assert [run["id"] for run in done.json["runs"]] == ["gone"]
    assert left(bench) == ["damaged", "no-backend", "one-of-two", "open", "pending", "refused", "unfinished"]
    assert done.json["kept"] == {
        "a receipt of theirs is damaged (tracklib status names it)": 1,
        "they go to no backend (--undelivered removes them)": 1,
        "not fully delivered (tracklib sync delivers them)": 3,
        "still open": 1,
        "a backend refused records of them (--refused removes them)": 1,
    }


def test_what_is_the_only_copy_goes_on_demand_alone(bench: Bench) -> None:
    """``--undelivered`` takes runs with no backend, ``--refused`` those with refused records; neither takes pending ones."""
    bench.run("no-backend")
    bench.delivered(bench.run("refused"), refused=1, refusals=[REFUSAL])
    bench.delivered(bench.run("pending"), confirmed={})
    assert [run["id"] for run in bench(*ALL, "--undelivered", "--json").json["runs"]] == ["no-backend"]
    assert [run["id"] for run in bench(*ALL, "--refused", "--json").json["runs"]] == ["refused"]
    assert left(bench) == ["pending"]


def test_a_dry_run_removes_nothing_and_foretells_exactly(bench: Bench) -> None:
    """What ``--dry-run`` says is what then happens, to the byte."""
    bench.delivered(with_file(bench, "one", b"a" * 1000, b"shared" * 100))
    with_file(bench, "two", b"shared" * 100)
    before = sum(path.stat().st_size for path in bench.root.path.rglob("*") if path.is_file())
    told = bench("prune", "--older-than", "0s", "--dry-run", "--json").json
    assert (told["dry_run"], told["blobs"], left(bench)) == (True, 1, ["one", "two"])
    done = bench(*ALL, "--json").json
    after = sum(path.stat().st_size for path in bench.root.path.rglob("*") if path.is_file())
    assert {**told, "dry_run": False} == done
    assert (before - after, after) == (done["freed"], done["size"])
    assert contents(bench) == {b"shared" * 100}


def test_repeating_a_prune_does_nothing(bench: Bench) -> None:
    """The second time there is nothing to remove, and nothing is asked."""
    bench.delivered(bench.run("one"))
    assert bench(*ALL).code == 0
    done = bench("prune", "--older-than", "0s", "--json")
    assert (done.code, done.json["runs"], done.json["freed"]) == (0, [], 0)


def test_age_and_project_select(bench: Bench) -> None:
    """A run goes where all conditions hold."""
    bench.delivered(bench.run("a", "digits"))
    bench.delivered(bench.run("b", "words"))
    assert bench("prune", "--older-than", "1h", "--json").json["kept"] == {"too young": 2}
    assert [run["id"] for run in bench("prune", "--project", "words", "--yes", "--json").json["runs"]] == ["b"]
    assert left(bench) == ["a"]


def test_size_takes_the_oldest_first(bench: Bench) -> None:
    """With ``--max-size``, the oldest go until the root is small enough; where that cannot be reached, exit code 1."""
    for number, name in enumerate(("old", "middle", "new")):
        bench.delivered(with_file(bench, name, bytes([number]) * 100_000))
    done = bench("prune", "--max-size", "250kB", "--yes", "--json")
    assert (done.code, [run["id"] for run in done.json["runs"]]) == (0, ["old"])
    assert 200_000 < done.json["size"] <= 250_000
    assert contents(bench) == {b"\x01" * 100_000, b"\x02" * 100_000}
    bench.delivered(bench.root.run("digits", "new"), state="retrying")
    done = bench("prune", "--max-size", "1kB", "--yes", "--json")
    assert (done.code, left(bench)) == (1, ["new"])


def test_nobody_to_ask_needs_yes(bench: Bench) -> None:
    """Without a terminal and ``--yes`` nothing is removed, with exit code 2."""
    bench.delivered(bench.run("one"))
    for words in (("prune", "--older-than", "0s"), ("delete", "one")):
        done = bench(*words)
        assert (done.code, done.out) == (2, "")
        assert "expected --yes" in done.err
    assert left(bench) == ["one"]


def test_delete_keeps_shared_blobs(bench: Bench) -> None:
    """A deleted run's own contents go; what another run names stays, whole."""
    with_file(bench, "one", b"mine", b"shared")
    other = with_file(bench, "two", b"shared", b"theirs")
    done = bench("delete", "one", "--yes", "--json")
    assert done.code == 0
    assert (done.json["run"]["id"], done.json["blobs"], done.json["undelivered"]) == ("one", 1, {})
    assert (left(bench), contents(bench)) == (["two"], {b"shared", b"theirs"})
    assert len(references(other)) == 2
    again = bench("delete", "one", "--yes")
    assert again.code == 2
    assert "expected a run, got 'one'" in again.err


def test_delete_says_what_is_lost_and_what_stays(bench: Bench) -> None:
    """What never reached a backend is named, and so is that vendors' copies are untouched."""
    bench.delivered(bench.run("one"), confirmed={})
    done = bench("delete", "one")
    assert "5 records of it never reached boxvendor and will be lost" in done.err
    assert bench("delete", "one", "--yes", "--json").json["undelivered"] == {"boxvendor": 5}
    bench.run("two")
    assert "what vendors hold of it is untouched" in bench("delete", "two", "--yes").out
    assert not list(bench.root.scratch.iterdir())


def test_delete_refuses_a_run_that_goes_on(bench: Bench) -> None:
    """A run whose process lives is not removed."""
    with tracklib.init("digits", id="open", dir=bench.root.path) as run:
        done = bench("delete", "open", "--yes")
        assert done.code == 2
        assert "expected a run that has ended, got digits/open, which is running" in done.err
        run.log({"a": 1})
    assert bench("show", "open", "--json").json["metrics"][0]["points"] == 1


def test_a_blob_whose_record_is_on_its_way_is_spared(bench: Bench) -> None:
    """While a run is open, a content that was just recorded stays, though no record names it yet."""
    store = BlobStore(bench.root)
    bench.run("old")
    with tracklib.init("digits", id="open", dir=bench.root.path):
        fresh = store.add_bytes(b"fresh", "f")
        stale = store.add_bytes(b"stale", "s")
        os.utime(store.path(stale.sha256), (time.time() - 7200,) * 2)
        again = store.add_bytes(b"again", "a")
        os.utime(store.path(again.sha256), (time.time() - 7200,) * 2)
        store.add_bytes(b"again", "a")  # recorded once more: as good as new
        bench(*ALL)
        assert contents(bench) == {b"fresh", b"again"}
    assert store.path(fresh.sha256).exists()
    bench(*ALL)
    assert contents(bench) == set()


def test_an_interrupted_removal_is_finished_by_the_next(bench: Bench) -> None:
    """What was moved aside and not removed any more goes with the next prune."""
    aside = bench.root.scratch / "removed-0123456789abcdef"
    bench.delivered(bench.run("one"))
    bench.root.run("digits", "one").path.rename(aside)
    bench.delivered(bench.run("two"))
    assert bench(*ALL).code == 0
    assert not aside.exists()


def test_a_damaged_reference_still_holds_its_blob(bench: Bench) -> None:
    """A content is kept where its digest stands anywhere in a journal, be it in a line that is not believed."""
    folder = with_file(bench, "one", b"precious")
    (segment,) = folder.segments()
    segment.write_bytes(segment.read_bytes().replace(b'"artifact"', b'"artifakt"'))
    bench.delivered(bench.run("two"))
    bench(*ALL)
    assert contents(bench) == {b"precious"}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(("answer", "removed"), [("y", True), ("n", False), ("", False)])
def test_a_terminal_is_asked(bench: Bench, tmp_path: Path, answer: str, *, removed: bool) -> None:
    """On a terminal the question says what goes; nothing but a yes removes it."""
    import pty

    bench.delivered(with_file(bench, "one", b"x" * 1500))
    main, side = pty.openpty()
    command = [sys.executable, "-m", "tracklib.cli.main", "delete", "one"]
    process = subprocess.Popen(
        command,
        cwd=bench.path,
        env=dict(os.environ),
        stdin=side,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.write(main, f"{answer}\n".encode())
    out, err = process.communicate(timeout=240)
    os.close(main)
    os.close(side)
    assert "remove digits/one (one, 3 records" in plain(err)
    assert (process.returncode, left(bench)) == ((0, []) if removed else (1, ["one"]))
    assert ("removed digits/one" in out) is removed


def test_over_months_the_root_stays_bounded(bench: Bench) -> None:
    """Pruned each month, the root never outgrows its limit, and every run that some backend lacks is there to the end."""
    kept = []
    for month in range(12):
        for number in range(3):
            folder = with_file(bench, f"m{month:02}-{number}", os.urandom(100_000), b"shared" * 1000)
            bench.delivered(folder)
        kept.append(f"lacking{month:02}")
        bench.delivered(with_file(bench, kept[-1], b"only copy %d" % month), confirmed={})
        done = bench("prune", "--max-size", "500kB", "--yes", "--json")
        assert (done.code, done.json["size"] <= 500_000) == (0, True)
        assert sum(path.stat().st_size for path in bench.root.path.rglob("*") if path.is_file()) <= 500_000
    names = left(bench)
    assert [name for name in names if name.startswith("lacking")] == kept
    assert [name for name in names if name.startswith("m")][-1] == "m11-2"
    assert {b"only copy %d" % month for month in range(12)} <= contents(bench)


def test_what_is_being_stored_is_never_pruned(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of which an artifact waits stays, and so do the contents of it that are stored already."""
    monkeypatch.setattr("tracklib.tracking.shelf._SMALL", -1)
    monkeypatch.setattr("tracklib.delivery.porter.ensure", lambda _root: False)
    monkeypatch.setenv("TRACKLIB_FINISH_TIMEOUT", "0")
    folder = with_file(bench, "storing", b"half way")
    bench.delivered(folder)
    (item,) = staged(folder)
    digest = BlobStore(bench.root).copy_in(item.content(0)).sha256
    os.utime(BlobStore(bench.root).path(digest), (1, 1))
    item.note(0, size=8, sha256=digest)
    done = bench(*ALL, "--json")
    assert done.json["kept"] == {"artifacts of them are being stored": 1}
    assert contents(bench) == {b"half way"}
    refused = bench("delete", "storing", "--yes")
    assert (refused.code, "is being stored; tracklib sync waits for that" in plain(refused.err)) == (2, True)
    status = bench("status", "--json").json
    assert status["storing"] == [{"id": "storing", "project": "digits", "artifact": "file0", "size": 8, "left": 0}]


def test_prune_sweeps_what_dead_processes_left(bench: Bench) -> None:
    """Working files that nobody touched for a day go; those of today stay, and what is accepted stays whatever its age."""
    folder = bench.run("one")
    old, new = [], []
    for age, places in ((2, old), (0, new)):
        for place in (f"tmp/blob-1-{age}", f"tmp/used-{age}/f", f"tmp/relay-box-1/{age}/f"):
            places.append(bench.root.path / place)
        places.append(folder.staging / f"half{age}" / "files" / "0")
        for path in places:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
    accepted = folder.staging / "whole2" / "manifest.json"
    accepted.parent.mkdir()
    accepted.write_text("{}")
    past = time.time() - 2 * 86400
    for path in (*old, accepted):
        for each in (path, *path.parents):
            if each.name.endswith("2") or each.name == "blob-1-2":
                os.utime(each, (past, past))
    bench(*ALL)
    assert [path.exists() for path in (*old, *new, accepted)] == [False] * 4 + [True] * 5
