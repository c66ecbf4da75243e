"""The border: help, versions, wrong calls, and what errors become."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.conftest import Bench, plain

COMMANDS = ("runs", "show", "status", "sync", "verify", "prune", "delete", "doctor", "backends")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_and_the_common_options(bench: Bench, command: str) -> None:
    """``--help`` of each command shows a command line that begins with its name, and ``--json`` and ``--dir``."""
    done = bench(command, "--help", at_root=False)
    assert done.code == 0
    assert f"Example: tracklib {command} " in plain(done.out)
    assert "--json" in plain(done.out)
    assert "--dir" in plain(done.out)


def test_help_lists_the_commands(bench: Bench) -> None:
    """``tracklib --help`` names every command; without any word it does so on stderr, as a wrong call."""
    done = bench("--help", at_root=False)
    assert (done.code, [c for c in COMMANDS if f" {c} " not in plain(done.out)]) == (0, [])
    assert "Example: tracklib runs" in plain(done.out)
    assert bench(at_root=False).code == 2


def test_version(bench: Bench) -> None:
    """``--version`` prints the version alone."""
    done = bench("--version", at_root=False)
    assert (done.code, done.out) == (0, "tracklib 0.1.0\n")


def test_the_interpreter_runs_it_as_a_module() -> None:
    """``python -m tracklib`` is the same program by the same name, with the same exit codes."""
    done = subprocess.run([sys.executable, "-m", "tracklib", "runz"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "see: tracklib --help" in done.stderr


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("runz",), "'runs'"),
        (("runs", "--limitt", "3"), "--limit"),
        (("runs", "--status", "finshed"), "did you mean 'finished'?"),
        (("runs", "--project", "digts"), "did you mean 'digits'?"),
        (("runs", "--since", "7x"), "such as 12h or 7d"),
        (("show", "rnu1"), "did you mean 'run1'?"),
        (("show", "digits/rnu1"), "did you mean 'digits/run1'?"),
        (("show", "run1", "--metric", "los"), "did you mean 'loss'?"),
        (("show", "run1", "--points"), "--json"),
        (("sync", "--backend", "boxvendr"), "did you mean 'boxvendor'?"),
        (("sync", "--timeout", "soon"), "or inf"),
        (("sync", "run1", "--project", "digits"), "leave one out"),
        (("prune",), "--older-than"),
        (("prune", "--max-size", "10 parsecs"), "10GB"),
        (("backends", "boxvendr"), "did you mean 'boxvendor'?"),
    ],
)
def test_a_wrong_call_names_the_right_one(bench: Bench, words: tuple[str, ...], hint: str) -> None:
    """A wrong word gives exit code 2 and one message on stderr that names the nearest right one."""
    bench.run()
    done = bench(*words)
    assert (done.code, done.out) == (2, ""), done
    assert done.err.startswith("tracklib: error: ")
    assert hint in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("place", [(), ("local:.tracklib",), ("bundle:backup",)])
@pytest.mark.parametrize("columns", [1, 20, 40, 60])
def test_a_narrow_terminal_cuts_on_the_right(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, columns: int, place: tuple[str, ...]
) -> None:
    """What says which run it is stays whole, or is cut at the edge; no column vanishes before the ones behind it."""
    bench.run("run-of-the-mill", name="N" * 10_000)
    if place and place[0].startswith("bundle"):
        pytest.importorskip("pyarrow")
        assert bench("backup", "local:.tracklib", *place, at_root=False).code == 0
    monkeypatch.setenv("COLUMNS", str(columns))
    done = bench("runs", *place, at_root=False)
    _, row = done.out.splitlines()
    assert row.rstrip().startswith("run-of-the-mill"[:columns].rstrip())
    assert len(row) <= columns
    if columns >= 40:
        assert re.match(r"run-of-the-mill  N+…  digits", row), row


@pytest.mark.skipif(os.name != "posix", reason="a shell that closes streams")
@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_are_no_fault(bench: Bench, streams: str) -> None:
    """A command without stdout or stderr, as some daemons start it, does its work and ends by its code."""
    bench.run()
    command = f"{shlex.quote(sys.executable)} -m tracklib.cli.main runs {streams}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=bench.path, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert ("run1" in done.stdout) == (streams == "2>&-")


def test_a_wrong_setting_is_one_clear_line(bench: Bench) -> None:
    """A wrong key in the configuration gives exit code 2 and names the nearest right one, in a real process too."""
    (bench.path / "tracklib.toml").write_text("projct = 'digits'\n")
    done = bench.process("runs")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"tracklib: error: {bench.path}/tracklib.toml: unknown setting 'projct'; did you mean 'project'?\n"
    )


def test_a_root_that_is_not_there_is_named(bench: Bench) -> None:
    """``--dir`` must exist; the configured root need not, and holds no runs then."""
    done = bench("runs", "--dir", "nowhere", at_root=False)
    assert (done.code, done.err) == (2, "tracklib: error: --dir: expected a journal root at nowhere, got nothing\n")
    assert bench("runs", "--json", at_root=False).json["runs"] == []


def test_a_root_that_is_spoilt_is_one_clear_line(bench: Bench) -> None:
    """A file where a folder belongs is named, with exit code 2 and no traceback."""
    bench.run()
    bench.root.scratch.rmdir()
    bench.root.scratch.write_text("")
    done = bench("delete", "run1", "--yes")
    assert done.code == 2
    assert done.err.startswith(f"tracklib: error: expected a folder at {bench.root.scratch}, got a file")


@pytest.mark.parametrize(("asked", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_says_what_is_left(bench: Bench, asked: signal.Signals, code: int) -> None:
    """Ctrl-C or SIGTERM during a sync ends it with one line that says what still waits, and that repeating continues."""
    bench.run(points=5)
    bench.faults(down=True)
    command = [sys.executable, "-m", "tracklib.cli.main", "sync", "--backend", "boxvendor"]
    process = subprocess.Popen(command, cwd=bench.path, env=dict(os.environ), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert "the box is shut" in process.stderr.readline()
    time.sleep(0.5)
    process.send_signal(asked)
    _, err = process.communicate(timeout=240)
    assert process.returncode == code
    assert err.splitlines()[-1] == (
        "tracklib: interrupted: 7 records still wait; the relays go on by themselves, and tracklib sync continues"
    )
    assert "Traceback" not in err
    bench.faults()
    assert bench("sync").code == 0
    assert len(bench.held()) == 7


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_sigterm_leaves_no_temporary_files(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a scheduler ends, as at a job's time limit, tidies up behind itself as after Ctrl-C."""
    pytest.importorskip("duckdb")
    bench.run()
    temporary = bench.path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    command = [sys.executable, "-m", "tracklib", "sql", "SELECT * FROM metrics, range(100000000)", "--csv"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=bench.path, env=dict(os.environ), text=True, **pipes)  # type: ignore[call-overload]
    assert "metric" in process.stdout.readline()
    assert list(temporary.iterdir()) != []
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 143
    assert "interrupted; nothing is left half done" in err
    assert list(temporary.iterdir()) == []


def test_a_reader_that_leaves_early_is_no_error(bench: Bench) -> None:
    """A command whose reader leaves early ends quietly."""
    for number in range(30):
        bench.run(f"run{number}")
    reader = f"{sys.executable} -m tracklib.cli.main runs --all | head -n 1"
    done = subprocess.run(
        ["bash", "-c", reader], cwd=bench.path, text=True, capture_output=True, timeout=240, check=False
    )
    assert done.stdout.startswith("id ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("variable", "coloured"), [("FORCE_COLOR", True), ("NO_COLOR", False), ("NOTHING", False)])
def test_colour_by_the_usual_conventions(bench: Bench, variable: str, *, coloured: bool) -> None:
    """No colour in a pipe, unless ``FORCE_COLOR`` asks for it."""
    bench.run()
    done = bench.process("runs", **{variable: "1"})
    assert ("\x1b[32m" in done.out) is coloured


def test_help_is_light() -> None:
    """``--help`` loads neither pydantic nor a vendor's SDK nor numpy."""
    program = "import sys; sys.argv[1:] = ['--help']\nfrom tracklib.cli.main import main\n"
    program += "try: main()\nexcept SystemExit: print('LOADED', *sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True, timeout=240, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.partition("LOADED")[2].split()}
    assert loaded & {"pydantic", "orjson", "mlflow", "wandb", "numpy", "pandas", "pyarrow"} == set()
