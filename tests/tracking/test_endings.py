"""Endings: whatever way a process ends, its journal says so, and the process ends as it would untracked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tracklib.journal.glance import glance
from tracklib.journal.layout import Root
from tracklib.journal.reader import read_run
from tracklib.journal.recovery import reap
from tracklib.model.records import Metrics, RunEnd
from tracklib.tracking.endings import Ending, ending_of

SCRIPT = """
import contextlib, os, signal, sys
{setup}
tracked = os.environ["HOW"] != "untracked"
if tracked:
    import tracklib
    run = tracklib.init("p", id="r")
    run.log({{"loss": 0.5}}, step=1)
def body():
    print("trained", flush=True)
    {body}
if os.environ["HOW"] == "with":
    with run:
        body()
else:
    body()
print("after", flush=True)
"""


@dataclass(frozen=True)
class Way:
    """A way to end, and what the journal says of it: ``(status, exit code, error)``, bare and inside ``with``."""

    body: str
    bare: tuple[str, int | None, str | None]
    within: tuple[str, int | None, str | None]
    setup: str = "pass"


def kill(name: str) -> str:
    return f"os.kill(os.getpid(), signal.{name})"


VANISHED = ("crashed", None, "the process vanished without a word")
HANDLER = "def own(number, frame):\n    print('own handler', number, flush=True)\n    {then}\nsignal.signal(signal.SIGTERM, own)"

WAYS = {
    "return": Way("pass", ("finished", 0, None), ("finished", None, None)),
    "exception": Way(
        "raise ValueError('no such layer')",
        ("failed", 1, "ValueError: no such layer"),
        ("failed", None, "ValueError: no such layer"),
    ),
    "assertion": Way("assert not 'reached'", *[("failed", c, "AssertionError") for c in (1, None)]),
    "exit-0": Way("sys.exit(0)", *[("finished", 0, None)] * 2),
    "exit-none": Way("sys.exit()", *[("finished", 0, None)] * 2),
    "exit-3": Way("sys.exit(3)", *[("failed", 3, None)] * 2),
    "exit-true": Way("sys.exit(True)", *[("failed", 1, None)] * 2),
    "exit-text": Way("sys.exit('no data')", *[("failed", 1, "exit: no data")] * 2),
    "builtin-exit": Way("exit(4)", *[("failed", 4, None)] * 2),
    "builtin-quit": Way("quit()", *[("finished", 0, None)] * 2),
    "exit-in-finally": Way("\n    try: sys.exit(3)\n    finally: sys.exit(5)", *[("failed", 5, None)] * 2),
    "ctrl-c": Way(
        kill("SIGINT") + "; signal.pause()",
        ("killed", -2, "KeyboardInterrupt"),
        ("killed", None, "KeyboardInterrupt"),
    ),
    "sigterm": Way(kill("SIGTERM") + "; signal.pause()", *[("killed", -15, "SIGTERM")] * 2),
    "sigterm-own-exits": Way(
        kill("SIGTERM") + "; signal.pause()", *[("failed", 143, None)] * 2, HANDLER.format(then="sys.exit(143)")
    ),
    "sigterm-own-raises": Way(
        kill("SIGTERM") + "; signal.pause()",
        ("failed", 1, "TimeoutError: preempted"),
        ("failed", None, "TimeoutError: preempted"),
        HANDLER.format(then="raise TimeoutError('preempted')"),
    ),
    "sigterm-own-ignores": Way(
        kill("SIGTERM"), ("finished", 0, None), ("finished", None, None), HANDLER.format(then="pass")
    ),
    "sigterm-own-raises-exit": Way(
        kill("SIGTERM") + "; signal.pause()", *[("failed", 9, None)] * 2, HANDLER.format(then="raise SystemExit(9)")
    ),
    "sigterm-own-raises-exit-that-is-caught": Way(
        f"\n    try: {kill('SIGTERM')}; signal.pause()\n    except SystemExit: pass",
        ("finished", 0, None),
        ("finished", None, None),
        HANDLER.format(then="raise SystemExit(9)"),
    ),
    "exit-caught": Way(
        "\n    try: sys.exit(3)\n    except SystemExit: pass", ("finished", 0, None), ("finished", None, None)
    ),
    "exit-caught-and-kept": Way(
        "\n    try: sys.exit(3)\n    except SystemExit as error: code = error.code",
        ("finished", 0, None),
        ("finished", None, None),
    ),
    "exit-caught-and-raised": Way(
        "\n    try: sys.exit(3)\n    except SystemExit as error: kept = error; raise", *[("failed", 3, None)] * 2
    ),
    "exit-caught-then-exit": Way(
        "\n    try: sys.exit(3)\n    except SystemExit: sys.exit(6)", *[("failed", 6, None)] * 2
    ),
    "builtin-exit-caught": Way(
        "\n    try: exit(4)\n    except SystemExit: pass", ("finished", 0, None), ("finished", None, None)
    ),
    "sigterm-ignored": Way(
        kill("SIGTERM"),
        ("finished", 0, None),
        ("finished", None, None),
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    ),
    "os-exit": Way("os._exit(7)", VANISHED, VANISHED),
    "sigkill": Way(kill("SIGKILL") + "; signal.pause()", VANISHED, VANISHED),
}


def start(folder: Path, script: str, how: str = "bare") -> subprocess.CompletedProcess[str]:
    path = folder / "train.py"
    path.write_text(script)
    environ = {**os.environ, "HOW": how, "TRACKLIB_DIR": str(folder / ".tracklib")}
    command = [sys.executable, str(path)]
    return subprocess.run(command, cwd=folder, env=environ, text=True, capture_output=True, timeout=60, check=False)


def own_lines(text: str) -> list[str]:
    """Return what a script printed, tracklib's own lines aside, and tracebacks without tracklib's frames."""
    lines = iter(text.splitlines())
    kept = []
    skipping = False
    for line in lines:
        if line.startswith("  File ") and "/tracklib/tracking/" in line:
            next(lines)
            skipping = True
        elif skipping and line.strip() and not line.strip("~^ "):
            continue  # since Python 3.13 a line of marks may follow the code
        elif not line.startswith("tracklib: "):
            kept.append(line)
            skipping = False
    return kept


def end_of(root: Root, name: str = "r") -> tuple[str, int | None, str | None]:
    """Return how a run ended, once the recovery has ended those that vanished; it is said a single time."""
    (folder,) = root.find(name)
    reap(folder)
    (end,) = [record.body for record in read_run(folder) if isinstance(record.body, RunEnd)]
    assert glance(folder).info.status == end.status
    assert [r.body.values for r in read_run(folder) if isinstance(r.body, Metrics)] == [{"loss": 0.5}]
    return end.status, end.exit_code, end.error


@pytest.mark.parametrize("name", WAYS)
def test_every_end_is_told_truly_and_left_as_it_is(tmp_path: Path, root: Root, name: str) -> None:
    """Status, exit code and error are true, and return code and output those of the untracked script."""
    way = WAYS[name]
    script = SCRIPT.format(setup=way.setup, body=way.body)
    plain = start(tmp_path, script, "untracked")
    assert not root.path.exists()
    for how, expected in (("bare", way.bare), ("with", way.within)):
        done = start(tmp_path, script, how)
        assert done.returncode == plain.returncode
        assert done.stdout == plain.stdout
        trace = [line for line in plain.stderr.splitlines() if ", in <module>" not in line]
        assert [line for line in own_lines(done.stderr) if ", in <module>" not in line] == trace
        assert "tracklib: " not in done.stderr
        assert end_of(root) == expected
        subprocess.run(["rm", "-r", str(root.path)], check=True)


def test_a_finished_run_stays_finished(tmp_path: Path, root: Root) -> None:
    """What happens to the process behind ``finish()`` says nothing of the run any more."""
    script = SCRIPT.format(setup="pass", body="tracked and run.finish(); sys.exit(3)")
    assert start(tmp_path, script).returncode == 3
    assert end_of(root) == ("finished", None, None)


class Mute:
    """An object that has no text."""

    def __str__(self) -> str:
        raise KeyError("text")


@pytest.mark.parametrize(
    ("code", "end"),
    [
        (None, Ending("finished", 0)),
        (True, Ending("failed", 1)),
        (2**70, Ending("failed", 1)),
        ("no data", Ending("failed", 1, "exit: no data")),
        (Mute(), Ending("failed", 1, "exit: (the text of a Mute raised KeyError)")),
    ],
)
def test_what_an_exit_says(code: object, end: Ending) -> None:
    """``sys.exit`` takes anything: what it says is known, and can be read, whatever that is made of."""
    assert ending_of(SystemExit(code)) == end


BEGUN_IN_A_THREAD = """
import os, signal, threading, tracklib
thread = threading.Thread(target=lambda: tracklib.init("p", id="first").finish())
thread.start()
thread.join()
tracklib.init("p", id="r").log({"loss": 0.5}, step=1)
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_sigterm_is_seen_though_a_thread_began_the_first_run(tmp_path: Path, root: Root) -> None:
    """The main thread's first run sees to it that the signal is seen, whatever run the process began before."""
    assert start(tmp_path, BEGUN_IN_A_THREAD).returncode == -signal.SIGTERM
    assert end_of(root) == ("killed", -15, "SIGTERM")


CHAINED = """
import signal, sys, os
said = []
def hook(kind, error, trace):
    print("hook", kind.__name__, error)
sys.excepthook = hook
plain = sys.exit
def leave(status=None):
    print("leave", status)
    plain(status)
sys.exit = leave
signal.signal(signal.SIGTERM, lambda number, frame: print("term", number))
import tracklib
run = tracklib.init("p", id="r")
run.log({"loss": 0.5}, step=1)
os.kill(os.getpid(), signal.SIGTERM)
try:
    sys.exit(4)
except SystemExit as error:
    print("code", error.code)
raise KeyError("last")
"""


def test_hooks_are_chained(tmp_path: Path, root: Root) -> None:
    """An excepthook, a wrapper of ``sys.exit`` and a handler of SIGTERM that were there before are still called."""
    done = start(tmp_path, CHAINED)
    assert done.stdout.splitlines() == ["term 15", "leave 4", "code 4", "hook KeyError 'last'"]
    assert (done.returncode, done.stderr) == (1, "")
    assert end_of(root) == ("failed", 1, "KeyError: 'last'")


LATER_HOOKS = """
import sys, tracklib
run = tracklib.init("p", id="r")
run.log({"loss": 0.5}, step=1)
before = sys.excepthook
def hook(kind, error, trace):
    print("mine")
    before(kind, error, trace)
sys.excepthook = hook
raise RuntimeError("x")
"""


def test_a_hook_that_comes_later_and_chains(tmp_path: Path, root: Root) -> None:
    """A hook that is installed behind tracklib's and calls it leaves both at work."""
    done = start(tmp_path, LATER_HOOKS)
    assert (done.returncode, done.stdout) == (1, "mine\n")
    assert done.stderr.endswith("RuntimeError: x\n")
    assert end_of(root) == ("failed", 1, "RuntimeError: x")


FORKS = """
import os, sys, tracklib
run = tracklib.init("p", id="r")
run.log({{"loss": 0.5}}, step=1)
child = os.fork()
if child == 0:
    {child}
    sys.exit(0)
_, status = os.waitpid(child, 0)
print("child", os.waitstatus_to_exitcode(status), run.path.exists())
sys.exit(3)
"""


@pytest.mark.parametrize(
    ("child", "code"),
    [("pass", 0), ("run.finish()", 0), ("sys.exit(9)", 9), ("raise SystemExit(2)", 2), ("with run: pass", 0)],
)
def test_a_forked_child_does_not_end_the_run(tmp_path: Path, root: Root, child: str, code: int) -> None:
    """However a forked child ends, the run goes on and ends with the process that began it."""
    done = start(tmp_path, FORKS.format(child=child))
    assert (done.returncode, done.stdout) == (3, f"child {code} True\n"), done.stderr
    assert end_of(root) == ("failed", 3, None)


def test_a_forked_child_that_dies_of_a_signal_does_not_end_the_run(tmp_path: Path, root: Root) -> None:
    """SIGTERM to a forked child kills the child as ever, and leaves the run to its parent."""
    done = start(tmp_path, FORKS.format(child="import signal; os.kill(os.getpid(), 15); signal.pause()"))
    assert (done.returncode, done.stdout) == (3, f"child {-signal.SIGTERM} True\n")
    assert end_of(root) == ("failed", 3, None)


def test_all_open_runs_end_with_the_process(tmp_path: Path, root: Root) -> None:
    """Two runs that are open when the process fails have both failed."""
    begin = "; ".join(f"tracklib.init('p', id='{i}').log({{'loss': 0.5}})" for i in ("a", "b"))
    start(tmp_path, f"import tracklib\n{begin}\nraise OSError('disk')")
    assert end_of(root, "a") == end_of(root, "b") == ("failed", 1, "OSError: disk")
