"""The disk of those who deliver: where it is full, or has damaged a receipt, nothing is refused, and the others go on."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

import tracklib
from tests.delivery.conftest import PLUGINS, Desk
from tests.delivery.test_relay import TRAIN, TWO, losses
from tests.tracking.left import open_files
from tracklib.backends.contract import Outcome, SinkContext
from tracklib.backends.memory import MemorySink, MemoryStore
from tracklib.delivery import deadline, launch, porter
from tracklib.delivery.lease import Lease
from tracklib.delivery.receipt import Receipt, all_receipts, receipt_path
from tracklib.delivery.relay import Relay
from tracklib.delivery.run_delivery import RunDelivery
from tracklib.delivery.settled import settle
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.reader import read_run
from tracklib.model.records import Artifact, Record

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
DAMAGED = [b"", b'{"format": 1', b"[]", b"5", b'"text"', b"\0" * 300, b'{"format": 1, "sent": [], "confirmed": {}}']


def recorded(name: str) -> RunFolder:
    """Record a run of three points and return its folder."""
    with tracklib.init("digits", id=name) as run:
        for step in range(3):
            run.log({"loss": float(step)}, step=step)
    return run.folder


class FullSink(MemorySink):
    """A sink that sets files aside, on a disk without room for a while."""

    faults = 0

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        if FullSink.faults:
            FullSink.faults -= 1
            raise FULL
        return super().send(batch)


def delivered(root: Root, folder: RunFolder, store: MemoryStore, scratch: Path) -> RunDelivery:
    """Return a delivery of a run to a store in this process."""

    def sink(context: SinkContext) -> FullSink:
        return FullSink(store, context)

    return RunDelivery(root, folder, Receipt("memory", "memory", {}, relay="key"), sink, scratch)


def test_a_disk_without_room_for_the_plugin_refuses_no_record(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the plugin cannot set something aside, the records wait; all are held when there is room."""
    monkeypatch.setattr("tracklib.delivery.batches._is_young", lambda *_: False)  # no need to wait for the millisecond
    folder, store = recorded("run1"), MemoryStore()
    delivery = delivered(root, folder, store, tmp_path)
    FullSink.faults = 10
    for _ in range(10):
        with pytest.raises(OSError, match="No space left"):
            delivery.step(lambda _: None)
        delivery.abandon()
    while delivery.step(lambda _: None):
        pass
    assert (delivery.receipt.refused, delivery.receipt.confirmed_records) == (0, 5)
    assert len(store.records["run1"]) == 5


def test_how_things_stand_is_written_when_there_is_room(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk that takes no receipt ends no relay; what could not be written is written with the next word."""
    folder = recorded("run1")
    delivery = delivered(root, folder, MemoryStore(), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", _refusing)
        delivery.note("retrying", "No space left on device")
    assert Receipt.load(folder, "memory") is None
    delivery.note("retrying", "No space left on device")
    assert Receipt.load(folder, "memory").error == "No space left on device"


def _refusing(*_: object) -> None:
    raise FULL


def test_a_claim_that_the_disk_refuses_holds_no_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay asks for its claims each second, for as long as the disk is full."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", _refusing)
        for _ in range(5):
            with pytest.raises(OSError, match="No space left"):
                Lease(tmp_path / "lease").take()
    assert str(tmp_path / "lease") not in open_files()
    assert Lease(tmp_path / "lease").take()


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_receipt_stops_nobody_else(
    root: Root, monkeypatch: pytest.MonkeyPatch, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """A relay takes on its other runs, and the same run's other backend; the log says which file is damaged."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    for name in ("bad", "good"):
        folder = recorded(name)
        (root.active / f"digits,{name}").touch()
        Receipt("fakevendor", "fakevendor", {"place": "/nowhere"}, relay="key").save(folder)
    bad = root.run("digits", "bad")
    receipt_path(bad, "another").write_bytes(content)
    (root.relays / "key").mkdir()
    relay = Relay(root, "key")
    relay._look()
    assert {path.name for path in relay.deliveries} == {"bad", "good"}
    receipt_path(root.run("digits", "bad"), "fakevendor").write_bytes(content)
    relay._leave()
    relay = Relay(root, "key")
    relay._look()
    assert {path.name for path in relay.deliveries} == {"good"}
    relay._leave()
    said = capfd.readouterr().err
    assert said.count(f"expected a receipt in {receipt_path(bad, 'another')}") == 2
    assert not settle(root, bad)


def test_a_run_that_cannot_be_looked_at_stops_no_other(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that fails, as that of another user on a shared disk, costs its own run alone."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    for name in ("bad", "good"):
        folder = recorded(name)
        (root.active / f"digits,{name}").touch()
        Receipt("fakevendor", "fakevendor", {"place": "/nowhere"}, relay="key").save(folder)
    receipts = root.run("digits", "bad").receipts
    receipts.rename(receipts.with_name("elsewhere"))
    receipts.touch()
    (root.relays / "key").mkdir()
    relay = Relay(root, "key")
    relay._look()
    assert {path.name for path in relay.deliveries} == {"good"}
    relay._leave()


def test_training_goes_on_beside_a_damaged_receipt(desk: Desk) -> None:
    """A run that is continued says what is damaged, records, and sends nothing twice; once mended, all is delivered."""
    desk.run(TRAIN.format(n=3))
    path = receipt_path(desk.folder(), "fakevendor")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    for delivery in ("relay", "inline"):
        again = f"import tracklib\nrun = tracklib.init('digits', id='run1')\nprint(run.url)\n{TRAIN.format(n=1)}"
        done = desk.run(again, TRACKLIB_DELIVERY=delivery)
        assert (done.returncode, done.stdout) == (0, "{}\n"), done.stderr
        assert done.stderr.count("expected a receipt in") == 2  # once for each of the runs
    assert losses(desk) == [0.0, 1.0, 2.0]
    path.write_bytes(whole)
    assert desk.tracklib("sync").returncode == 0
    assert losses(desk) == [0.0, 0.0, 0.0, 1.0, 2.0]
    assert len(desk.vendor.received()) == len(desk.vendor.held())


def test_one_damaged_receipt_hides_no_other_at_the_end(desk: Desk) -> None:
    """At the end of the process the others are waited for, and their lines are printed."""
    script = TWO.replace("import tracklib", "import tracklib, pathlib").replace(
        "run.log", "(run.path / 'receipts' / 'another.json').touch(); run.log"
    )
    done = desk.run(script)
    assert done.returncode == 0, done.stderr
    assert "fakevendor: 44 confirmed, 0 pending" in done.stderr
    assert "could not be watched" not in done.stderr


def test_a_process_that_died_over_the_roots_key_blocks_no_later_one(root: Root) -> None:
    """What it left behind is in nobody's way, though in a container the next process has the same number."""
    root.create()
    (root.relays / f"key.{os.getpid()}.tmp").touch()
    secret = launch._Secret(root.relays / "key")
    assert len(secret.read()) == 32
    assert secret.read() == secret.read()


@pytest.mark.parametrize("text", ["abc", "", "0", "-5", "nan", "inf", "1e300"])
def test_a_deadline_that_is_none_ends_no_relay(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    """A variable that says nothing sensible is left aside, and said; it is read where a relay, or training, begins."""
    assert deadline._given(text) == 900.0
    assert f"got {text!r}" in capfd.readouterr().err
    assert deadline._given("2.5") == 2.5


def test_an_artifact_that_cannot_be_stored_stops_no_other(
    root: Root, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither a run whose folder fails nor an artifact whose notes are damaged keeps a porter from the rest."""
    monkeypatch.setattr("tracklib.tracking.shelf._SMALL", 0)
    monkeypatch.setattr("tracklib.tracking.shelf._to_await", {})  # what stays here is not for this process to wait for
    monkeypatch.setattr(porter, "ensure", lambda _: False)
    (tmp_path / "weights").write_bytes(b"w" * 100)
    for name in ("failing", "damaged", "good"):
        with tracklib.init("digits", id=name) as run:
            run.log_artifact(tmp_path / "weights")
    failing, damaged, good = (root.run("digits", name) for name in ("failing", "damaged", "good"))
    failing.staging.rename(failing.path / "elsewhere")
    failing.staging.touch()
    (place,) = damaged.staging.iterdir()
    (place / "progress.jsonl").write_bytes(b'{"file":0,"sha256":"' + b"0" * 64 + b'"}\n')
    assert [folder.path for folder in porter.pending_runs(root)] == [damaged.path, good.path]
    working = porter._Porter(root)
    while todo := working._todo():
        working._take(*todo[0])
    (artifact,) = [record.body for record in read_run(good) if isinstance(record.body, Artifact)]
    assert artifact.files[0].size == 100
    assert [folder.path for folder in porter.pending_runs(root)] == [damaged.path]


def test_receipts_are_named_where_nobody_asks(root: Root) -> None:
    """Who reads receipts and takes no complaint gets it as an exception, which names the file and the remedy."""
    folder = recorded("run1")
    folder.receipts.mkdir()
    receipt_path(folder, "mlflow").write_bytes(b"5")
    with pytest.raises(tracklib.TracklibError, match="delete that file to deliver the run again"):
        list(all_receipts(folder))
