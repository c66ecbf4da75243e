"""Inline: delivered from the training process itself, with relays' promises, and nothing that a vendor does gets out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.delivery.conftest import Desk
from tests.delivery.test_relay import TRAIN, losses
from tracklib.delivery.inline import InlineRelay
from tracklib.delivery.lease import Lease
from tracklib.delivery.receipt import Receipt, claim_on
from tracklib.journal.writer import SegmentWriter
from tracklib.messages import Messages
from tracklib.model.records import RunStart

INLINE = {"TRACKLIB_DELIVERY": "inline"}
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")


def processes(desk: Desk) -> set[int]:
    """Return the processes in which a sink was opened."""
    return set(map(int, (desk.vendor.path / "processes.txt").read_text().split()))


def test_a_run_is_delivered_from_its_own_process(desk: Desk) -> None:
    """Everything arrives, once, sent by the training process alone, and is accounted for as a relay's work is."""
    done = desk.run(f"import os; print(os.getpid())\n{TRAIN.format(n=50)}", **INLINE)
    assert done.returncode == 0
    assert (
        done.stderr
        == "tracklib: fakevendor: 52 confirmed, 0 pending, 0 changed, 0 refused  http://vendor.example/run1\n"
    )
    assert processes(desk) == {int(done.stdout)}
    assert losses(desk) == [float(i) for i in range(50)]
    assert len(desk.vendor.received()) == 52
    assert desk.line().done
    assert not list(desk.root.active.iterdir())
    assert [path.name for path in desk.root.relays.iterdir()] == []


NATIVE = """
import os, tracklib
with tracklib.init("digits", id="run1") as run:
    native = run.native({name!r}, timeout={timeout})
    print(dict(native), bool(native))
    run.native({name!r}, timeout=0)
"""


def test_native_is_the_vendors_own_object(desk: Desk) -> None:
    """It waits for the run to be open at the vendor, and returns what the sink offers."""
    done = desk.run(NATIVE.format(name="fakevendor", timeout=30), **INLINE)
    assert (done.returncode, done.stdout) == (0, "{\"vendor's own\": 'run1'} True\n"), done.stderr


@pytest.mark.parametrize(
    ("environ", "name", "reason"),
    [
        ({"TRACKLIB_DELIVERY": "relay"}, "fakevendor", "it is delivered by a relay"),
        ({**INLINE, "TRACKLIB_MODE": "offline"}, "fakevendor", "nothing is delivered while the mode is offline"),
        (INLINE, "other", "the run goes to fakevendor alone"),
        ({**INLINE, "TRACKLIB_BACKENDS": ""}, "fakevendor", "the run goes to no backend"),
    ],
)
def test_native_is_harmless_where_there_is_none(desk: Desk, environ: dict[str, str], name: str, reason: str) -> None:
    """Where the backend is off or a relay delivers, an empty object stands there, and one line says why."""
    done = desk.run(NATIVE.format(name=name, timeout=30), **environ)
    assert (done.returncode, done.stdout) == (0, "{} False\n"), done.stderr
    said = [line for line in done.stderr.splitlines() if "native" in line]
    assert said == [f"tracklib: warning: run.native({name!r}) does nothing: {reason}" + said[0].partition(reason)[2]]


@posix
def test_a_forked_child_has_no_native(desk: Desk) -> None:
    """The thread is in the parent alone: a child gets the harmless object, at once, and disturbs nothing."""
    script = """
import os, tracklib
run = tracklib.init("digits", id="run1")
assert run.native("fakevendor")
child = os.fork()
if child == 0:
    assert not run.native("fakevendor")
    run.log({"loss": 1.0}, step=1)
    os._exit(5)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), bool(run.native("fakevendor")))
run.log({"loss": 0.0}, step=0)
"""
    done = desk.run(script, **INLINE)
    assert (done.returncode, done.stdout) == (0, "5 True\n"), done.stderr
    assert sorted(losses(desk)) == [0.0, 1.0]
    assert len(processes(desk)) == 1


def test_a_hang_blocks_neither_log_nor_the_exit(desk: Desk) -> None:
    """An SDK that never comes back costs the finish timeout and no more; what is left is delivered by sync."""
    desk.vendor.faults(deaf=True)
    script = TRAIN.format(n=20).replace("as run:", "as run:\n    print(bool(run.native('fakevendor', timeout=0.5)))")
    done = desk.run(script, **INLINE, TRACKLIB_FINISH_TIMEOUT="2")
    assert (done.returncode, done.stdout) == (0, "False\n")
    assert "22 pending" in done.stderr and "a call of its SDK has not come back" in done.stderr
    desk.vendor.faults()
    assert desk.tracklib("sync").returncode == 0
    assert losses(desk) == [float(i) for i in range(20)]
    assert desk.line().done


@pytest.mark.parametrize("fault", [{"stumble": '"step": 7,'}, {"exit": '"step": 7,'}, {"refuse": '"step": 7,'}])
def test_what_an_sdk_raises_stays_inside(desk: Desk, fault: dict[str, str]) -> None:
    """A plugin that fails, or calls ``exit``, neither raises into training nor changes its exit code."""
    desk.vendor.faults(**fault)
    script = TRAIN.format(n=20) + "print('trained')"
    done = desk.run(script, **INLINE, TRACKLIB_FINISH_TIMEOUT="20")
    assert (done.returncode, done.stdout) == (0, "trained\n")
    desk.vendor.faults()
    desk.tracklib("sync")
    assert {float(i) for i in range(20)} - set(losses(desk)) <= {7.0}
    assert desk.line().pending == 0


def test_refused_credentials_pause_it(desk: Desk) -> None:
    """The run ends at once where the key was refused, and says what stands in the way."""
    desk.vendor.faults(auth=True)
    done = desk.run(NATIVE.format(name="fakevendor", timeout=20), **INLINE, TRACKLIB_FINISH_TIMEOUT="60")
    assert (done.returncode, done.stdout) == (0, "{} False\n")
    assert done.stderr.count("the key was refused") == 2
    assert desk.receipt().state == "paused"


def test_a_killed_process_leaves_the_rest_to_sync(desk: Desk) -> None:
    """What was recorded before SIGKILL arrives with the next sync, and the run is crashed."""
    script = TRAIN.format(n=20).replace("with tracklib.init", "import os\nwith tracklib.init")
    done = desk.run(f"{script}    os.kill(os.getpid(), 9)", **INLINE)
    assert done.returncode == -signal.SIGKILL
    assert desk.tracklib("sync").returncode == 0
    assert losses(desk) == [float(i) for i in range(20)]
    assert desk.line().done
    assert desk.line().run.status == "crashed"


def test_two_processes_of_one_run_have_one_deliverer(desk: Desk) -> None:
    """Of two ranks that write one run, one delivers for both; when it ends first, the other takes over."""
    script = """
import sys, time, tracklib
run = tracklib.init("digits", id="run1")
run.log({"loss": float(sys.argv[1])}, step=int(sys.argv[1]))
run.native("fakevendor", timeout=0.5)
print("ready", flush=True)
sys.stdin.readline()
run.log({"loss": 10.0 + float(sys.argv[1])}, step=10)
"""
    command = [sys.executable, "-c", script]
    pipe = subprocess.PIPE
    ranks = [
        subprocess.Popen(
            [*command, str(rank)],
            cwd=desk.path,
            env={**desk.environ, **INLINE},
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )
        for rank in (0, 1)
    ]
    assert [rank.stdout.readline() for rank in ranks] == ["ready\n"] * 2
    while not (desk.vendor.path / "processes.txt").exists():
        assert [rank.poll() for rank in ranks] == [None, None]
        time.sleep(0.05)
    assert len(processes(desk)) == 1
    first = next(rank for rank in ranks if rank.pid in processes(desk))
    for rank in sorted(ranks, key=lambda rank: rank is not first):
        _, said = rank.communicate("go\n", timeout=60)
        assert (rank.returncode, "pending, 0 changed" in said) == (0, True), said
    assert sorted(losses(desk)) == [0.0, 1.0, 10.0, 11.0]
    assert len(desk.vendor.received()) == len(desk.vendor.held())
    assert desk.line().done


def test_a_deliverer_waits_for_another_that_is_at_it(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim on the receipt decides: while somebody has it, nobody else delivers, whatever the receipt says."""
    desk.root.create()
    folder = desk.root.run("digits", "run1")
    writer = SegmentWriter(folder, "run1", "digits", warn=pytest.fail)
    writer.append(RunStart("digits", "run1"))
    receipt = Receipt("fakevendor", "fakevendor", {"place": str(desk.vendor.path)}, relay="somebody")
    receipt.save(folder)
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "plugins"))
    claim = claim_on(folder, "fakevendor")
    assert claim.take()
    relay = InlineRelay(desk.root, folder, receipt, "key", Messages())
    relay.start()
    assert relay.native(0.5)[0] is None
    assert desk.vendor.received() == []
    claim.release()
    assert relay.native(30)[0] == {"vendor's own": "run1"}
    assert claim_on(folder, "fakevendor").take() is False
    writer.close()
    relay.join(30)
    assert Receipt.load(folder, "fakevendor").relay == "key"


def test_a_batch_job_is_told_that_relays_end_with_it(desk: Desk) -> None:
    """Once, with what to do about it; not where the job waits until everything is delivered."""
    script = TRAIN.format(n=1) + TRAIN.format(n=1).replace("run1", "run2")
    done = desk.run(script, SLURM_JOB_ID="4711")
    told = [line for line in done.stderr.splitlines() if "relays end with this SLURM job 4711" in line]
    assert len(told) == 1
    assert "TRACKLIB_FINISH_TIMEOUT=inf" in told[0] and "tracklib sync delivers the rest" in told[0]
    assert "relays end" not in desk.run(script, SLURM_JOB_ID="4711", TRACKLIB_FINISH_TIMEOUT="inf").stderr


def test_a_lease_is_one_threads_and_outlives_a_look(tmp_path: Path) -> None:
    """In one process two holders exclude each other, and looking who holds it does not let it go."""
    first, second = Lease(tmp_path / "lease"), Lease(tmp_path / "lease")
    assert first.take()
    assert not second.take()
    assert second.holder() == os.getpid()
    look = "import sys; from pathlib import Path; from tracklib.delivery.lease import Lease\nprint(Lease(Path(sys.argv[1])).holder())"
    command = [sys.executable, "-c", look, str(first.path)]
    assert subprocess.check_output(command, text=True) == f"{os.getpid()}\n"
    first.release()
    assert second.take()
    second.release()
    assert subprocess.check_output(command, text=True) == "None\n"
