"""The console: all that is printed is shown at once, kept whole, and never costs the training."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections import Counter

import pytest

from tests.capture.conftest import Bench, until
from tracklib.capture import console
from tracklib.capture.console import Screen
from tracklib.model.records import Console

CONSOLE = {"TRACKLIB_CAPTURE": "console"}
SCRIPT = """
import os, subprocess, sys, tracklib
print("before")
with tracklib.init("p") as run:
    print("a print, tty:", os.isatty(1), os.isatty(2))
    print("an error", file=sys.stderr)
    os.write(1, b"a write\\n")
    sys.stdout.flush()
    subprocess.run(["sh", "-c", "echo a child; printf unfinished >&2"])
print("after")
"""


def text_of(bench: Bench, stream: str) -> str:
    """Return all that is kept of a stream."""
    return "".join(body.text for body in bench.bodies(Console) if body.stream == stream)


def test_all_that_is_printed_is_shown_and_kept(bench: Bench):
    """Python, system calls and child processes are kept while the run is open, and shown as without it."""
    out, err = bench.run(SCRIPT, **CONSOLE)
    kept = "a print, tty: False False\na write\na child\n"
    assert out == f"before\n{kept}after\n"
    assert err == "an error\nunfinished"
    # "before" stood in Python's own buffer when the run began.
    assert (text_of(bench, "stdout"), text_of(bench, "stderr")) == (kept, "an error\nunfinished")


MANY_FILES = f"""
import os, resource, sys
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2048)), hard))
held = [os.open("/dev/null", os.O_RDONLY) for _ in range(1500)]
{SCRIPT}
"""


def test_a_training_with_thousands_of_open_files(bench: Bench):
    """Descriptors beyond 1,023, which ``select`` does not take, cost neither the training nor what it prints."""
    out, err = bench.run(MANY_FILES, **CONSOLE)
    kept = "a print, tty: False False\na write\na child\n"
    assert (out, err) == (f"before\n{kept}after\n", "an error\nunfinished")
    assert text_of(bench, "stdout") == kept


def test_it_is_off_where_nobody_asked(bench: Bench):
    """Without being asked for, the console is not kept."""
    bench.run(SCRIPT)
    assert bench.bodies(Console) == []


def test_a_terminal_stays_one(bench: Bench):
    """Where stdout was a terminal, it is one of the same size while it is captured, and shows line ends as before."""
    (bench.path / "train.py").write_text(
        SCRIPT.replace("with", "print(os.get_terminal_size())\nwith").replace(
            "    os.w", "    print(os.get_terminal_size())\n    os.w"
        )
    )
    master, slave = pty.openpty()
    environ = {key: value for key, value in os.environ.items() if key != "TRACKLIB_CAPTURE"} | CONSOLE
    process = subprocess.Popen([sys.executable, "train.py"], cwd=bench.path, env=environ, stdout=slave, stderr=slave)
    os.close(slave)
    shown = b""
    while True:
        try:
            shown += os.read(master, 1000)
        except OSError:
            break
    assert process.wait(60) == 0
    bench.wait()
    assert b"a print, tty: True True\r\n" in shown
    assert shown.count(b"os.terminal_size(columns=0, lines=0)\r\n") == 2
    assert shown.endswith(b"after\r\n")
    assert "a print, tty: True True\n" in text_of(bench, "stdout")


def test_more_than_a_pipe_holds_is_shown_whole(bench: Bench):
    """Megabytes come out whole and in order, and so they are kept."""
    script = "import tracklib\nwith tracklib.init('p') as run:\n    for i in range(100_000): print(i, 'x' * 20)\n"
    out, _ = bench.run(script, **CONSOLE)
    assert out == "".join(f"{i} {'x' * 20}\n" for i in range(100_000))
    assert text_of(bench, "stdout") == out


KILLED = """
import os, signal, sys, time, tracklib
run = tracklib.init("p")
print("led away", flush=True)
from tracklib.tracking.observing import _helper
time.sleep(1)
os.kill(_helper._child.pid, signal.SIGKILL)
for i in range(20_000):
    print(i, "x" * 20)
    if i == CALM:
        sys.stdout.flush()
        while _helper._tap._originals: time.sleep(0.01)
sys.stdout.flush()
run.log({"a": 1.0})
run.finish()
print("end")
"""


def test_the_death_of_the_observer_costs_no_output(bench: Bench):
    """Where the observer is killed, training goes on printing to where it did, and nothing is lost of it."""
    out, err = bench.run(KILLED.replace("CALM", "1000"), **CONSOLE)  # less than a pipe holds: no print is under way
    assert out == "led away\n" + "".join(f"{i} {'x' * 20}\n" for i in range(20_000)) + "end\n"
    assert "the console is not captured any more" in err
    assert bench.state().status == "finished"


def test_the_death_of_the_observer_amid_a_print_costs_no_output(bench: Bench):
    """What is being printed at that moment may come after what is printed next; nothing of it is lost or doubled."""
    out, _ = bench.run(KILLED.replace("CALM", "10_000"), **CONSOLE)
    assert Counter(out) == Counter("led away\n" + "".join(f"{i} {'x' * 20}\n" for i in range(20_000)) + "end\n")


LAST_WORDS = """
import os, signal, time, tracklib
from tracklib.tracking.child import Child
from tracklib.tracking.observing import _helper
wait = Child.wait
Child.wait = lambda self: (wait(self), time.sleep(0.2))  # on a machine that is busy, its death is noticed late
run = tracklib.init("p")
print("in the run", flush=True)
os.kill(_helper._child.pid, signal.SIGKILL)
os.write(1, b"to its end")
run.finish()
"""


def test_the_death_of_the_observer_just_before_the_end_costs_no_output(bench: Bench):
    """What stood in the pipe when the observer died is shown, though the training ends in the same moment."""
    out, _ = bench.run(LAST_WORDS, **CONSOLE)
    assert out == "in the run\nto its end"


def test_what_a_killed_training_printed_is_kept(bench: Bench):
    """What was printed before a SIGKILL is shown and kept."""
    script = "import os, tracklib\nrun = tracklib.init('p')\nprint('last words', flush=True)\nos.kill(os.getpid(), 9)\n"
    process = bench.start(script, **CONSOLE)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (-signal.SIGKILL, "last words\n")
    until(lambda: text_of(bench, "stdout") == "last words\n")


def test_a_child_that_prints_after_the_training_is_not_killed(bench: Bench):
    """A process that outlives the training prints into no broken pipe."""
    script = """
import subprocess, tracklib
run = tracklib.init("p")
child = subprocess.Popen(["sh", "-c", "sleep 1.5; echo late; echo done > done"])
run.finish()
print(child.pid)
"""
    process = bench.start(script, **CONSOLE)
    out, _ = process.communicate(timeout=60)
    assert "late\n" in out
    assert (bench.path / "done").read_text() == "done\n"


def test_runs_after_each_other_have_their_own_output(bench: Bench):
    """Each run keeps what was printed while it was open."""
    script = """
import tracklib
for i in range(3):
    with tracklib.init("p", id=f"r{i}"):
        print("in", i)
    print("between")
"""
    out, _ = bench.run(script, **CONSOLE)
    assert out == "".join(f"in {i}\nbetween\n" for i in range(3))
    from tracklib.journal.reader import read_run

    kept = [[r.body.text for r in read_run(f) if isinstance(r.body, Console)] for f in bench.root.runs()]
    assert kept == [["in 0\n"], ["in 1\n"], ["in 2\n"]]


def test_secrets_that_are_printed_are_not_kept(bench: Bench):
    """A key that is printed is shown, and hidden in what is kept, a private key of many lines too."""
    lines = [
        "API_KEY=abcdef123456",
        "-----BEGIN RSA PRIVATE KEY-----",
        *["MIIabc" * 8] * 3,
        "-----END RSA PRIVATE KEY-----",
        "fine",
    ]
    prints = "".join(f"    print({line!r}, flush=True); time.sleep(0.3)\n" for line in lines)
    out, _ = bench.run(f"import time, tracklib\nwith tracklib.init('p'):\n{prints}", **CONSOLE)
    assert out.splitlines() == lines
    assert text_of(bench, "stdout") == "API_KEY=[redacted]\n[redacted]\nfine\n"


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        ([b"one\n", b"two"], "one\ntwo"),
        ([b"\r10%", b"\r20%", b"\r100%\n"], "100%\n"),
        ([b"10%\r", b"20%\r", b"done\r\n"], "done\r\n"),
        ([b"a\r\nb\r\n"], "a\r\nb\r\n"),
        ([b"\xc3", b"\xa9\n"], "é\n"),
        ([b"\xff\n"], "\udcff\n"),
        ([b"\x1b[31mred\x1b[0m\n"], "\x1b[31mred\x1b[0m\n"),
        ([], ""),
    ],
)
def test_what_is_overwritten_is_left_out(printed, kept):
    """Of what carriage returns overwrite, the last is kept; everything else is kept to the byte."""
    screen = Screen()
    for data in printed:
        screen.feed(data)
    assert screen.take(final=True) == kept


def test_a_progress_bar_is_kept_from_time_to_time(monkeypatch):
    """Of a bar that takes long, a state is kept each few seconds, marked as one that is to be overwritten."""
    now = [0.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    screen = Screen()
    screen.feed(b"\r1%")
    assert screen.take() == ""
    now[0] = 11.0
    screen.feed(b"\r2%")
    assert screen.take() == "2%\r"
    assert screen.take() == ""
    screen.feed(b"\r100%\n")
    assert screen.take() == "100%\n"
