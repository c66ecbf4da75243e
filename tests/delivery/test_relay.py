"""The relay: what is recorded reaches the vendor whatever happens on the way, and training never notices."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.delivery.conftest import Desk
from tracklib.delivery.account import account
from tracklib.delivery.launch import RelayFolder
from tracklib.delivery.lease import Lease
from tracklib.delivery.scratch import sweep
from tracklib.journal.layout import private_folder

TRAIN = """
import tracklib
with tracklib.init("digits", id="run1") as run:
    for i in range({n}):
        run.log({{"loss": float(i)}}, step=i)
"""


def losses(desk: Desk) -> list[float]:
    held = sorted(desk.vendor.held().items(), key=lambda item: item[0][2])
    return [fields["values"]["loss"] for _, fields in held if fields["kind"] == "metrics"]


def test_everything_is_delivered_and_accounted_for(desk: Desk) -> None:
    """A finished run is at the vendor whole, once, and the last lines say so."""
    done = desk.run(TRAIN.format(n=50))
    assert (done.returncode, done.stdout) == (0, "")
    assert (
        done.stderr
        == "tracklib: fakevendor: 52 confirmed, 0 pending, 0 changed, 0 refused  http://vendor.example/run1\n"
    )
    assert losses(desk) == [float(i) for i in range(50)]
    assert len(desk.vendor.received()) == 52
    assert desk.line().done
    assert desk.root.active.is_dir() and not list(desk.root.active.iterdir())


def test_an_outage_costs_training_nothing_and_sync_completes_it(desk: Desk) -> None:
    """While the vendor is down the script ends as it would untracked; sync delivers what was pending."""
    desk.vendor.faults(down=None or 0)
    done = desk.run(TRAIN.format(n=20), TRACKLIB_FINISH_TIMEOUT="1")
    assert (done.returncode, done.stdout) == (0, "")
    assert "22 pending" in done.stderr and "the vendor is down" in done.stderr and "tracklib sync" in done.stderr
    assert desk.vendor.received() == []
    desk.vendor.faults()
    synced = desk.tracklib("sync")
    assert synced.returncode == 0, synced.stderr + synced.stdout
    assert losses(desk) == [float(i) for i in range(20)]
    assert desk.line().done


def test_a_relay_killed_between_sent_and_confirmed_loses_nothing(desk: Desk) -> None:
    """Killed after the vendor took a batch and before that was written down, ten times: sent again, held once."""
    desk.vendor.faults(die=10)
    script = TRAIN.format(n=30)
    desk.run(script, TRACKLIB_FINISH_TIMEOUT="60")
    for _ in range(12):
        if desk.line().done:
            break
        desk.tracklib("sync", "--timeout", "30")
    assert (desk.vendor.path / "deaths").stat().st_size == 10
    assert losses(desk) == [float(i) for i in range(30)]
    assert desk.receipt().refused == 0
    assert desk.line().done


def test_a_sink_that_could_not_be_closed_is_replaced(desk: Desk) -> None:
    """An SDK whose run cannot be finished is let go; what it had not confirmed is sent by a new one, which is closed."""
    desk.vendor.faults(unconfirmed=True, finish=True)
    done = desk.run(TRAIN.format(n=20), TRACKLIB_FINISH_TIMEOUT="60")
    assert done.returncode == 0, done.stderr
    assert desk.line().done, done.stderr
    assert losses(desk) == [float(i) for i in range(20)]
    assert desk.receipt().resent > 0


def test_a_record_that_the_vendor_refuses_does_not_block_those_behind_it(desk: Desk) -> None:
    """One bad record is listed by its place and reason; all others are held."""
    desk.vendor.faults(refuse='"step": 7,')
    done = desk.run(TRAIN.format(n=20))
    assert "1 refused" in done.stderr
    assert losses(desk) == [float(i) for i in range(20) if i != 7]
    (refusal,) = desk.receipt().refusals
    assert (refusal.kind, refusal.seq, refusal.reason) == ("metrics", 9, "never")


def test_a_record_over_which_the_plugin_stumbles_is_set_apart(desk: Desk) -> None:
    """An error in the plugin's own code concerns the record that causes it and no other."""
    desk.vendor.faults(stumble='"step": 7,')
    desk.run(TRAIN.format(n=20), TRACKLIB_FINISH_TIMEOUT="60")
    assert losses(desk) == [float(i) for i in range(20) if i != 7]
    (refusal,) = desk.receipt().refusals
    assert refusal.reason == "TypeError: the plugin stumbles"


TWO = """
import tracklib
for name in ("bad", "good"):
    with tracklib.init("digits", id=name) as run:
        for i in range(20):
            run.log({"loss": float(i)}, step=i)
"""


@pytest.mark.parametrize("wait", [3600, None])
def test_a_run_that_is_held_up_holds_up_no_other(desk: Desk, wait: float | None) -> None:
    """One run that the vendor throttles, or that fails each time, leaves the others of its relay their turns.

    What is throttled is asked for no sooner than the vendor said, however often runs begin meanwhile.
    """
    desk.vendor.faults(runs={"bad": {"wait": wait}})
    done = desk.run(TWO, TRACKLIB_FINISH_TIMEOUT="1")
    assert done.returncode == 0, done.stderr
    desk.run(TRAIN.format(n=3), TRACKLIB_FINISH_TIMEOUT="60")
    deadline = time.monotonic() + 60
    while len(delivered(desk)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert delivered(desk) == {"good", "run1"}
    assert Counter(run for run, _, _ in desk.vendor.received()) == {"good": 22, "run1": 5}
    tries = (desk.vendor.path / "tries.txt").read_text().split()
    assert set(tries) == {"bad"}
    assert wait is None or len(tries) == 1
    for folder in desk.root.runs():
        shutil.rmtree(folder.path)  # of which the relay takes note, and leaves


def delivered(desk: Desk) -> set[str]:
    return {line.run.id for line in account(list(desk.root.runs())) if line.done}


@pytest.mark.faults
@pytest.mark.parametrize("fault", ["crash", "hang"])
def test_a_record_that_kills_the_sdk_is_set_apart(desk: Desk, fault: str) -> None:
    """An SDK that aborts or hangs over one record costs that record alone, after a few restarts."""
    desk.vendor.faults(**{fault: '"step": 7,'})
    started = desk.run(TRAIN.format(n=20), TRACKLIB_FINISH_TIMEOUT="90", TRACKLIB_RELAY__DEADLINE="2")
    assert started.returncode == 0
    assert losses(desk) == [float(i) for i in range(20) if i != 7]
    (refusal,) = desk.receipt().refusals
    assert refusal.reason.startswith("sending it ended the relay")


def test_a_relay_that_is_paused_and_not_yet_gone_keeps_nobody_waiting(desk: Desk) -> None:
    """New credentials are served by a relay of their own, even while that of the old ones is still leaving."""
    desk.vendor.faults(auth=True)
    desk.run(TRAIN.format(n=5), FAKEVENDOR_KEY="old-key")
    lease = Lease(RelayFolder(desk.root, desk.receipt().relay).lease)
    while not lease.take():
        time.sleep(0.05)
    desk.vendor.faults()  # from now on that relay seems to go on, but with its old key
    assert desk.tracklib("sync", FAKEVENDOR_KEY="new-key").returncode == 0
    assert losses(desk) == [float(i) for i in range(5)]
    lease.release()


def test_refused_credentials_pause_the_backend_and_new_ones_resume_it(desk: Desk) -> None:
    """Nothing is tried again with a key that was refused; the next sync brings its own."""
    desk.vendor.faults(auth=True)
    done = desk.run(TRAIN.format(n=5), FAKEVENDOR_KEY="old-key")
    assert done.returncode == 0 and "the key was refused" in done.stderr
    assert desk.receipt().state == "paused"
    desk.vendor.faults()
    assert desk.tracklib("sync", FAKEVENDOR_KEY="new-key").returncode == 0
    assert losses(desk) == [float(i) for i in range(5)]
    assert (desk.vendor.path / "keys.txt").read_text().split() == ["old-key", "new-key"]
    everything = b"".join(path.read_bytes() for path in desk.root.path.rglob("*") if path.is_file())
    assert b"old-key" not in everything and b"new-key" not in everything


def test_a_backend_named_later_gets_the_runs_already_recorded(desk: Desk) -> None:
    """A run recorded without a backend is delivered whole when one is named; a second sync has nothing to do."""
    desk.run(TRAIN.format(n=10), TRACKLIB_BACKENDS="")
    assert desk.vendor.received() == []
    assert desk.tracklib("sync", "--backend", "fakevendor").returncode == 0
    assert losses(desk) == [float(i) for i in range(10)]
    count = len(desk.vendor.received())
    assert desk.tracklib("sync", "--backend", "fakevendor").returncode == 0
    assert len(desk.vendor.received()) == count


def test_relays_leave_when_there_is_nothing_to_do(desk: Desk) -> None:
    """Some seconds after the last run is delivered no process is left."""
    desk.run(TRAIN.format(n=1))
    (relay,) = [path for path in desk.root.relays.iterdir() if path.is_dir()]
    deadline = time.monotonic() + 30
    while (relay / "lease").read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (desk.line().done, (relay / "lease").read_text()) == (True, "")


def test_what_an_sdk_leaves_lying_about_goes_with_the_relay(desk: Desk) -> None:
    """A relay that ends takes its temporary files along; those of one that was killed, the next one takes away."""
    place = desk.path / "tmp"
    place.mkdir()
    desk.vendor.faults(litter=True, die=1)
    desk.run(TRAIN.format(n=5), TMPDIR=str(place), TRACKLIB_FINISH_TIMEOUT="60")
    if not desk.line().done:
        desk.tracklib("sync", "--timeout", "30", TMPDIR=str(place))
    assert desk.line().done
    folder = RelayFolder(desk.root, desk.receipt().relay)
    (own,) = place.iterdir()  # of the second relay, which idles, and no more of the first
    assert folder.temporary.read_text() == str(own) and [path.name[-7:] for path in own.iterdir()] == ["-vendor"]
    deadline = time.monotonic() + 30
    while any(place.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert list(place.iterdir()) == []
    assert not folder.temporary.exists() and not folder.scratch.exists()


@pytest.mark.parametrize("named", ["elsewhere", "tracklib-relay-file", "tracklib-relay-link", "", "\0"])
def test_a_note_that_names_no_relays_folder_costs_nothing(tmp_path: Path, named: str) -> None:
    """Nothing is removed for what a damaged note says but a folder that a relay made."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (tmp_path / "tracklib-relay-file").touch()
    (tmp_path / "tracklib-relay-link").symlink_to(tmp_path / "elsewhere")
    note = tmp_path / "note"
    note.write_text(str(tmp_path / named) if named else "")
    before = sorted(tmp_path.rglob("*"))
    sweep(note)
    assert sorted(tmp_path.rglob("*")) == before


READ_ONLY = """
import sys
from pathlib import Path
from tracklib.delivery import relay
from tracklib.journal.layout import Root
def refuse(folder):
    raise OSError(28, "No space left on device")
relay.reap = refuse
relay.main()
"""


def test_a_relay_that_cannot_end_a_run_says_so_and_delivers(desk: Desk) -> None:
    """On a full disk the end of a vanished run cannot be written: what is recorded arrives, and the log says why."""
    done = desk.run(TRAIN.format(n=5) + "    import os; os.kill(os.getpid(), 9)", TRACKLIB_MODE="offline")
    assert done.returncode == -9
    receipt = desk.receipt()
    folder = RelayFolder(desk.root, receipt.relay)
    private_folder(folder.path)
    command = [sys.executable, "-c", READ_ONLY, str(desk.root.path), receipt.relay]
    with folder.log.open("wb") as log:
        relay = subprocess.Popen(command, env=desk.environ, stderr=log)
    try:
        deadline = time.monotonic() + 30
        while len(losses(desk)) < 5 and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        relay.kill()
        relay.wait()
    assert losses(desk) == [float(i) for i in range(5)]
    assert folder.log.read_text().count("whose process is gone: No space left on device") == 1
