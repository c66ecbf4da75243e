"""Large artifacts: set aside at the call, stored by the porter, whatever happens to the files and the processes meanwhile."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tracklib
from tracklib import platform
from tracklib.delivery import porter
from tracklib.delivery.active import active_runs
from tracklib.journal.blobs import BlobStore
from tracklib.journal.glance import glance
from tracklib.journal.intake import take_in
from tracklib.journal.staging import is_pending, staged
from tracklib.model.records import Artifact, Metrics, Notice
from tracklib.tracking import shelf


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch):
    """Set aside every artifact, small as it may be."""
    monkeypatch.setattr(shelf, "_SMALL", -1)


@pytest.fixture
def no_porter(monkeypatch):
    """Start no porter: what is set aside stays so."""
    monkeypatch.setattr(porter, "ensure", lambda _root: False)
    monkeypatch.setenv("TRACKLIB_FINISH_TIMEOUT", "0")


@pytest.fixture
def store(root):
    """Return a function that takes in all that is set aside, as the porter does."""

    def take() -> None:
        for folder in root.runs():
            for item in staged(folder):
                take_in(root, folder, item)

    return take


@pytest.fixture
def contents(root, bodies):
    """Return a function that gives each artifact of a run as a mapping of paths to bytes."""

    def read(run):
        blobs = BlobStore(root)
        return [{file.path: blobs.open(file).read_bytes() for file in body.files} for body in bodies(Artifact, run=run)]

    return read


def notices(bodies, run):
    return [(body.code, body.message) for body in bodies(Notice, run=run)]


def blobs_in(root):
    return sorted(path.parent.name + path.name for path in root.blobs.rglob("*") if path.is_file())


def test_the_porter_stores_it(root, bodies, records, contents) -> None:
    """A directory comes out of the background as it went in, at its place among the records, and nothing is left over."""
    for name in ("a", "sub/b", "sub/c"):
        path = Path("model", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 1000)
    Path("model/none").mkdir()
    with tracklib.init("p") as run:
        run.log({"x": 1.0})
        run.log_artifact("model", type="model", aliases="best", metadata={"acc": 0.9})
        run.log({"x": 2.0})
        run.finish(wait=True)
    (artifact,) = bodies(Artifact, run=run)
    assert contents(run) == [{name: name.encode() * 1000 for name in ("a", "sub/b", "sub/c")}]
    assert (artifact.name, artifact.type, artifact.aliases, artifact.metadata, artifact.folders) == (
        "model",
        "model",
        ("best",),
        {"acc": 0.9},
        ("none",),
    )
    kinds = [type(record.body) for record in records(run)]
    assert kinds.index(Artifact) == kinds.index(Metrics) + 1 == len(kinds) - 3
    while run.folder.staging.exists():  # the porter clears away what it has stored
        time.sleep(0.01)
    assert list(root.scratch.iterdir()) == []
    assert active_runs(root) == []


def test_a_checkpoint_that_is_rotated_away_is_kept(no_porter, store, bodies, contents) -> None:
    """A file that is deleted, or replaced by renaming, after the call is kept as it was at the call."""
    for name in ("deleted", "replaced"):
        Path(name).write_bytes(b"old")
    with tracklib.init("p") as run:
        run.log_artifact("deleted")
        run.log_artifact("replaced")
        Path("deleted").unlink()
        Path("new").write_bytes(b"new")
        Path("new").replace("replaced")
    store()
    assert contents(run) == [{"deleted": b"old"}, {"replaced": b"old"}]
    assert notices(bodies, run) == []


def test_a_file_that_is_overwritten_in_place_is_told(no_porter, store, bodies, contents) -> None:
    """Where the file system has no clones, a change before the copy is reported, and what was copied is recorded."""
    Path("model").mkdir()
    for name in ("changed", "resting"):
        Path("model", name).write_bytes(b"old")
    with tracklib.init("p") as run:
        run.log_artifact("model")
        Path("model/changed").write_bytes(b"newer")
    (item,) = staged(run.folder)
    if item.files[0].how == "clone":
        pytest.skip("this file system has clones")
    store()
    assert contents(run) == [{"changed": b"newer", "resting": b"old"}]
    ((code, message),) = notices(bodies, run)
    assert code == "changed"
    assert message.startswith("artifact 'model': changed changed between the call and its copying")


def test_a_clone_minds_no_change(no_porter, store, bodies, contents, monkeypatch) -> None:
    """Where the file system has clones, what is recorded is the moment of the call, and each content is moved, not copied."""

    def clone(source: int, target: int) -> bool:
        with os.fdopen(os.dup(source), "rb") as reader, os.fdopen(os.dup(target), "wb") as writer:
            shutil.copyfileobj(reader, writer)
        return True

    monkeypatch.setattr(platform, "clone_file", clone)
    monkeypatch.setattr(BlobStore, "copy_in", lambda *_: pytest.fail("copied"))
    Path("f").write_bytes(b"old")
    with tracklib.init("p") as run:
        run.log_artifact("f")
        Path("f").write_bytes(b"newer")
    store()
    assert contents(run) == [{"f": b"old"}]
    assert notices(bodies, run) == []


def test_a_file_that_keeps_changing_is_left_out(no_porter, store, bodies, contents, monkeypatch) -> None:
    """Half of one version and half of another is never recorded: the file is left out by name, its neighbours stay."""
    Path("d").mkdir()
    Path("d/moving").write_bytes(b"0")
    Path("d/resting").write_bytes(b"rest")
    with tracklib.init("p") as run:
        run.log_artifact("d")
    copy, count = BlobStore._copy, []

    def while_written(self, reader, target):
        found = copy(self, reader, target)
        if found[1] != len(b"rest"):
            count.append(1)
            Path("d/moving").write_bytes(b"0" * (len(count) + 10))
        return found

    monkeypatch.setattr(BlobStore, "_copy", while_written)
    store()
    assert contents(run) == [{"resting": b"rest"}]
    ((code, message),) = notices(bodies, run)
    assert code == "dropped"
    assert "left out moving, which could not be copied: it kept changing" in message


def test_on_another_disk_the_path_is_remembered(no_porter, store, bodies, contents, monkeypatch, capfd) -> None:
    """Where no link can be made, the file is copied from where it lies, and one that is gone by then, or a link, is named."""
    Path("d").mkdir()
    for name in ("gone", "kept", "swapped"):
        Path("d", name).write_bytes(name.encode())

    def refuse(*_args, **_more):
        raise OSError(18, "Invalid cross-device link")

    with monkeypatch.context() as patched, tracklib.init("p") as run:
        patched.setattr(os, "link", refuse)
        run.log_artifact("d")
        Path("d/gone").unlink()
        Path("d/swapped").unlink()
        Path("d/swapped").symlink_to("/etc/hostname")
    store()
    assert contents(run) == [{"kept": b"kept"}]
    told = [message for code, message in notices(bodies, run) if code == "dropped"]
    assert ["gone" in told[0], "swapped" in told[1], len(told)] == [True, True, 2]
    assert "do not change it until it is copied" in capfd.readouterr().err.replace("\n", " ")


def test_links_are_not_followed_out(no_porter, store, contents, bodies) -> None:
    """A link that leads out of the directory is left out by name, also in the background."""
    Path("secret").write_text("private")
    Path("d").mkdir()
    Path("d/f").write_bytes(b"f")
    Path("d/inside").symlink_to("f")
    Path("d/out").symlink_to("../secret")
    with tracklib.init("p") as run:
        run.log_artifact("d")
    store()
    assert contents(run) == [{"f": b"f", "inside": b"f"}]
    assert ["left out out: a link that leads out" in message for _, message in notices(bodies, run)] == [True]


def test_what_is_broken_off_goes_on_where_it_stopped(root, no_porter, bodies, contents, monkeypatch) -> None:
    """An intake that dies after any file goes on behind it, and one record comes of it, also where the last word was lost."""
    Path("d").mkdir()
    for name in "abc":
        Path("d", name).write_bytes(name.encode() * 9)
    with tracklib.init("p") as run:
        run.log_artifact("d")
    copy, copied = BlobStore.copy_in, []

    def dies(self, source):
        if len(copied) in (1, 3):
            copied.append("died")
            raise KeyboardInterrupt
        copied.append(copy(self, source).sha256)
        return copy(self, source)

    monkeypatch.setattr(BlobStore, "copy_in", dies)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            take_in(root, run.folder, *staged(run.folder))
        assert glance(run.folder).open
        assert bodies(Artifact, run=run) == []
    (item,) = staged(run.folder)
    with monkeypatch.context() as patched:
        patched.setattr(type(item), "remove", lambda _: None)  # killed after the record, before clearing away
        take_in(root, run.folder, item)
    take_in(root, run.folder, *staged(run.folder))
    assert contents(run) == [{name: name.encode() * 9 for name in "abc"}]
    assert len([digest for digest in copied if digest != "died"]) == 3
    assert not glance(run.folder).open


def test_the_same_content_is_stored_once(root, no_porter, store) -> None:
    """However often a content is set aside, it lies in the blobs a single time."""
    for name in ("a", "b"):
        Path(name).write_bytes(b"weights")
    with tracklib.init("p") as run:
        run.log_artifact("a")
        run.log_artifact("b")
        run.log_artifact("a")
    store()
    assert blobs_in(root) == [hashlib.sha256(b"weights").hexdigest()]


def test_artifacts_stand_in_the_order_of_the_calls(no_porter, store, contents, monkeypatch) -> None:
    """A small one that is logged behind a large one waits for it: versions are those of the calls."""
    Path("f").write_bytes(b"large")
    with tracklib.init("p") as run:
        run.log_artifact("f")
        monkeypatch.setattr(shelf, "_SMALL", 100)
        Path("g").write_bytes(b"small")
        run.log_artifact("g", name="f")
    store()
    assert contents(run) == [{"f": b"large"}, {"g": b"small"}]


def test_a_run_is_open_while_anything_waits(no_porter, store) -> None:
    """A run that has ended keeps its status, and counts as open until its last artifact is stored."""
    Path("f").write_bytes(b"f")
    with tracklib.init("p") as run:
        run.log_artifact("f")
    look = glance(run.folder)
    assert (look.open, look.storing, look.info.status) == (True, True, "finished")
    store()
    look = glance(run.folder)
    assert (look.open, look.storing, look.info.status) == (False, False, "finished")


SCRIPT = """
import os, signal, sys, tracklib
from pathlib import Path
from tracklib.delivery import porter
from tracklib.tracking import shelf
shelf._SMALL = -1
porter.ensure = lambda root: False
Path("f").write_bytes(b"weights")
run = tracklib.init("p", id="gone")
run.log_artifact("f")
Path("f").unlink()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("rescue", ["sync", "init"])
def test_after_a_kill_the_next_one_stores_it(root, contents, rescue) -> None:
    """What was set aside by a process that was killed with all around it is stored by ``sync``, or the next ``init``."""
    killed = subprocess.run([sys.executable, "-c", SCRIPT], check=False)
    assert killed.returncode == -signal.SIGKILL
    folder = root.run("p", "gone")
    assert is_pending(folder)
    if rescue == "sync":
        command = [sys.executable, "-m", "tracklib.cli.main", "sync"]
        assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    else:
        with tracklib.init("p") as run:
            shelf.Shelf(run, root, run._blobs, run._recorder, run._options)._folder = folder
            waiter = shelf.Shelf(run, root, run._blobs, run._recorder, run._options)
            waiter._folder = folder
            waiter.wait()
    assert contents(folder) == [{"f": b"weights"}]
    assert glance(folder).info.status == ("crashed" if rescue == "sync" else "running")


@pytest.mark.parametrize("small", [True, False])
def test_below_the_reserve_nothing_is_kept(root, bodies, monkeypatch, capfd, small) -> None:
    """Where less than the reserve would stay free, artifacts are dropped by name, told once, and metrics go on."""
    monkeypatch.setenv("TRACKLIB_RESERVE", "100%")
    monkeypatch.setattr(shelf, "_SMALL", 100 if small else -1)
    Path("f").write_bytes(b"weights")
    with tracklib.init("p", strict=True) as run:
        for _ in range(2):
            run.log_artifact("f")
        run.log({"x": 1.0})
    assert (bodies(Artifact, run=run), len(bodies(Metrics, run=run))) == ([], 1)
    told = bodies(Notice, run=run)
    assert [body.code for body in told] == ["dropped", "dropped"]
    assert "the reserve" in told[0].message
    assert capfd.readouterr().err.count("dropped; training goes on") == 1
    assert blobs_in(root) == []
    assert not is_pending(run.folder)


def test_where_the_room_goes_meanwhile_the_artifact_is_dropped(no_porter, store, bodies, monkeypatch) -> None:
    """An artifact for which there is no room any more when it is copied is given up, so that its links hold no space."""
    Path("f").write_bytes(b"weights")
    with tracklib.init("p") as run:
        run.log_artifact("f")
    monkeypatch.setattr("tracklib.journal.blobs.reserve_of", lambda _text, total: total)
    store()
    assert bodies(Artifact, run=run) == []
    ((code, message),) = notices(bodies, run)
    assert code == "dropped"
    assert message.startswith("artifact 'f' of 1 files: expected")
    assert not glance(run.folder).open


def test_copy_now_leaves_nothing_to_do(no_porter, contents, root) -> None:
    """With ``copy="now"`` everything is recorded when the call returns."""
    Path("f").write_bytes(b"weights")
    run = tracklib.init("p")
    run.log_artifact("f", copy="now")
    assert contents(run) == [{"f": b"weights"}]
    assert not is_pending(run.folder)
    run.finish()


def test_an_unknown_way_to_copy_is_refused(bodies) -> None:
    """A word that ``copy`` does not know is refused by name."""
    Path("f").write_bytes(b"weights")
    with tracklib.init("p") as run:
        run.log_artifact("f", copy="later")
    assert ["expected copy 'background' or 'now', got 'later'" in m for _, m in notices(bodies, run)] == [True]
