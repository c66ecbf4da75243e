"""Hard places: where a process has lost its folder, its descriptors, its threads or its stderr, training goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tracklib
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root
from tracklib.journal.reader import Damage, read_run
from tracklib.model.records import Notice
from tracklib.model.state import fold

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")

TRAIN = """
run = tracklib.init("p", id="r", config={"lr": 0.1})
for step in range(5):
    run.log({"loss": step / 2}, step=step)
run.finish()
print("trained")
"""


def trained(tmp_path: Path, before: str) -> subprocess.CompletedProcess:
    """Run a training in a process of its own, after some lines that make things hard."""
    script = f"import os, resource, sys, tracklib\n{before}\n{TRAIN}"
    (tmp_path / "spare").mkdir(exist_ok=True)
    environ = {**os.environ, "TMPDIR": str(tmp_path / "spare")}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


def is_whole(root: Root) -> bool:
    """Tell whether the run stands at a root with all that was logged, and its end."""
    damage = Damage()
    state = fold("r", read_run(root.run("p", "r"), damage))
    return (state.points, state.last, state.status, damage) == ({"loss": 5}, {"loss": 2.0}, "finished", Damage())


@pytest.mark.parametrize("streams", ["2>&-", "<&- 2>&-"])
def test_closed_streams(root: Root, streams: str) -> None:
    """A process without stderr or stdin records as any other."""
    shell = ["sh", "-c", f'exec "$0" -c "$1" {streams}', sys.executable, f"import tracklib\n{TRAIN}"]
    done = subprocess.run(shell, stdout=subprocess.PIPE, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"trained\n")
    assert is_whole(root)


@pytest.mark.parametrize("stream", ["None", "object()", "open('/dev/full', 'w')"])
def test_a_stderr_that_takes_nothing(tmp_path: Path, root: Root, stream: str) -> None:
    """A warning that cannot be said costs nothing."""
    before = (
        f"sys.stderr = {stream}\ntracklib.init('p', id='other').log({{'bad': 'text'}}); sys.stderr = sys.__stderr__"
    )
    done = trained(tmp_path, before)
    assert (done.returncode, done.stdout) == (0, "trained\n")
    assert is_whole(root)


def test_a_deleted_working_folder(tmp_path: Path, root: Root) -> None:
    """In a folder that was deleted a run is recorded at its absolute root; a relative one is replaced, loudly."""
    before = "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\n"
    assert trained(tmp_path, before).stdout == "trained\n"
    assert is_whole(root)
    done = trained(tmp_path, f"{before}del os.environ['TRACKLIB_DIR']")
    assert (done.returncode, done.stdout) == (0, "trained\n")
    assert "cannot write the journal root" in done.stderr
    (spare,) = (tmp_path / "spare").iterdir()
    assert f"This run is recorded in {spare} instead" in done.stderr
    assert is_whole(Root(spare))


def test_a_working_folder_that_is_deleted_later(tmp_path: Path, root: Root) -> None:
    """A run that has begun does not need its working folder."""
    script = "run = tracklib.init('q'); os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')\nrun.log_artifact('x')"
    done = trained(tmp_path, script)
    assert (done.returncode, done.stdout) == (0, "trained\n")
    assert done.stderr.startswith("tracklib: warning: log_artifact: ")
    assert is_whole(root)


@pytest.mark.parametrize("limit", range(3, 12))
def test_few_descriptors(tmp_path: Path, root: Root, limit: int) -> None:
    """However few files a process may open, training runs; what could not be recorded is said."""
    before = f"import tracklib.tracking.opening, tracklib.tracking.starting\nresource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))"
    done = trained(tmp_path, before)
    assert (done.returncode, done.stdout) == (0, "trained\n")
    if not root.run("p", "r").segments():
        assert "this run is not recorded" in done.stderr
    else:
        assert is_whole(root)
        assert "could not be recorded" not in done.stderr


RUN_OUT = """
import tracklib.journal.recovery, tracklib.journal.glance
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
first = tracklib.init("p", id="first")
held = []
try:
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
for step in range(5):
    first.log({"loss": step / 2}, step=step)
first.log_artifact("/etc/hostname")
first.finish()
for fd in held:
    os.close(fd)
"""


def test_descriptors_that_run_out(tmp_path: Path, root: Root) -> None:
    """Where a training uses up all descriptors, the run goes on and ends, as its file is open already."""
    done = trained(tmp_path, RUN_OUT)
    assert (done.returncode, done.stdout) == (0, "trained\n")
    assert "log_artifact: OSError: [Errno 24] Too many open files" in done.stderr
    assert "could not be recorded" not in done.stderr
    folder = root.run("p", "first")
    state = fold("first", read_run(folder))
    assert (state.points, state.status, glance(folder).open) == ({"loss": 5}, "finished", False)
    assert [notice.code for notice in state.notices] == ["refused"]


def test_no_more_threads(tmp_path: Path, root: Root) -> None:
    """Where no thread can be started, records are written all the same."""
    refuse = 'def refuse(self): raise RuntimeError("can\'t start new thread")'
    done = trained(tmp_path, f"import threading\n{refuse}\nthreading.Thread.start = refuse")
    assert (done.returncode, done.stdout, done.stderr) == (0, "trained\n", "")
    assert is_whole(root)


FROZEN = """
import subprocess, tracklib.platform
tracklib.platform.spawn = subprocess.Popen = lambda *_, **__: sys.exit("a process was started")
sys.frozen = True
sys.path.append("{plugins}")
os.environ |= {{"TRACKLIB_CAPTURE": "git", "TRACKLIB_BACKENDS": "fakevendor", "FAKEVENDOR_PLACE": os.getcwd()}}
"""


def test_a_frozen_program_does_not_start_itself(tmp_path: Path, root: Root) -> None:
    """Where ``sys.executable`` is the program itself, as PyInstaller makes it, no helper is started, and that is said."""
    done = trained(tmp_path, FROZEN.format(plugins=Path(__file__).parents[1] / "delivery" / "plugins"))
    assert (done.returncode, done.stdout) == (0, "trained\n"), done.stderr
    assert "delivery cannot begin: expected a Python interpreter in sys.executable" in done.stderr
    assert "nothing is captured of this run: OSError: expected a Python interpreter in sys.executable" in done.stderr
    assert is_whole(root)


@pytest.mark.parametrize("where", ["atexit", "finaliser", "thread"])
def test_odd_moments(root: Root, where: str) -> None:
    """A run may begin and end in an exit handler, a finaliser or a thread."""
    body = "\n    ".join(["def train():", *TRAIN.strip().splitlines()])
    how = {
        "atexit": "import atexit; atexit.register(train)",
        "finaliser": "class Late:\n    def __del__(self): train()\nlate = Late(); del late",
        "thread": "import threading; t = threading.Thread(target=train); t.start(); t.join()",
    }[where]
    command = [sys.executable, "-c", f"import tracklib\n{body}\n{how}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "trained\n", "")
    assert is_whole(root)


def test_somebody_may_close_the_journals_descriptor(root: Root) -> None:
    """A process that becomes a daemon closes what it did not open; the next record goes to a new segment."""
    run = tracklib.init("p", id="r")
    run.log({"loss": 0.0}, step=0)
    os.close(run._recorder.writer.segment.fd)
    for step in range(1, 5):
        run.log({"loss": step / 2}, step=step)
    run.finish()
    assert is_whole(root)
    assert [r.body for r in read_run(run.folder) if isinstance(r.body, Notice)] == []
