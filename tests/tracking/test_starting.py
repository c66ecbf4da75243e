"""Starting: ``init`` returns a run whatever the disk does, refuses what is wrong, and costs little."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import tracklib
from tracklib import NullTracker, Run
from tracklib.errors import ConfigError, MissingPluginError, UsageError
from tracklib.journal.layout import Root
from tracklib.model.records import Metrics, Notes, Params, RunStart, Tags


@pytest.fixture
def spare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a temporary folder of the system of its own."""
    folder = tmp_path / "system-tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def in_a_fresh_python(script: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_init_is_told_is_recorded(bodies) -> None:
    """Identity, params, tags and notes of the call stand in the journal before ``init`` returns."""
    run = tracklib.init(
        "p", name="n", id="r", config={"a": 1}, tags=["t"], notes="why", group="g", job_type="train", parent="up"
    )
    (start,) = bodies(RunStart)
    found = (start.project, start.name, start.group, start.job_type, start.parent, start.attempt)
    assert found == ("p", "n", "g", "train", "up", 1)
    assert [body.values for body in bodies(Params, Tags)] == [{"a": 1}, {"t": ""}]
    assert [body.text for body in bodies(Notes)] == ["why"]
    child = tracklib.init("p", parent=run)
    assert [body.parent for body in bodies(RunStart, run=child)] == ["r"]
    assert len({tracklib.init("p").id for _ in range(20)}) == 20


def test_the_surroundings_hold_no_arguments_and_no_environment(tmp_path: Path, root: Root, records) -> None:
    """Host, system, Python, script and process are recorded; the command line's arguments and the environment are not."""
    (tmp_path / "train.py").write_text("import tracklib; tracklib.init('p')")
    environ = {**os.environ, "PLANTED": "planted-value"}
    subprocess.run([sys.executable, "train.py", "planted-argument"], cwd=tmp_path, env=environ, check=True)
    context = records()[0].body.context
    assert context.keys() == {"host", "system", "python", "script", "pid"}
    assert (context["script"], context["system"]) == ("train.py", sys.platform)
    assert "planted" not in json.dumps([path.read_text() for path in root.path.rglob("*.jsonl")])


# -- where


@pytest.mark.parametrize("place", ["/proc/tracklib", "/dev/null/x"])
def test_an_unwritable_root_falls_back_loudly(spare, bodies, capfd, place) -> None:
    """Where the root cannot be written, one warning says why, where the run is instead, and how to deliver it."""
    run = tracklib.init("p", dir=place)
    run.log({"a": 1.0})
    run.finish()
    assert run.path.is_relative_to(spare)
    assert [body.values for body in bodies(Metrics, run=run)] == [{"a": 1.0}]
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"tracklib: warning: cannot write the journal root {place}: ")
    assert line.endswith(f"deliver this run with: tracklib sync --dir {run.path.parent.parent}")
    assert "Make " in line and "set TRACKLIB_DIR" in line


def test_a_root_that_is_a_file_is_told_clearly() -> None:
    """A file where the root should be is refused, and stays what it was."""
    Path("taken").write_text("mine")
    with pytest.raises(UsageError, match=r"expected a folder at .*taken, got a file; move it away or set TRACKLIB_DIR"):
        tracklib.init("p", dir="taken")
    assert Path("taken").read_text() == "mine"


def test_nowhere_to_write_costs_no_training(monkeypatch, capfd) -> None:
    """Where no folder at all can be written, the run records nothing, says so, and training goes on."""
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", "/proc")
        run = tracklib.init("p", dir="/proc/tracklib")
    run.log({"a": 1.0})
    tracklib.finish()
    assert isinstance(run, NullTracker)
    assert "this run is not recorded" in capfd.readouterr().err


def test_a_spare_root_of_somebody_else_is_not_used(spare) -> None:
    """A folder that others can look into, or a link, under the spare root's name is left alone."""
    known = spare / f"tracklib-{os.getuid()}"
    Path("theirs").mkdir()
    known.symlink_to(Path("theirs").resolve())
    run = tracklib.init("p", dir="/proc/tracklib")
    assert not run.path.is_relative_to(known)
    assert list(Path("theirs").iterdir()) == []


# -- modes and backends


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_disabled_touches_nothing(root, monkeypatch, capfd, how) -> None:
    """``disabled`` makes no file, looks for no plugin, and is the current run all the same."""
    if how == "variable":
        monkeypatch.setenv("TRACKLIB_MODE", "disabled")
    run = tracklib.init(
        "p", mode="disabled" if how == "argument" else None, config={"a": 1}, backends=["no-such-backend"]
    )
    tracklib.log({"a": 1.0})
    assert isinstance(run, NullTracker)
    assert tracklib.current_run() is run
    assert not root.path.exists()
    assert capfd.readouterr().err == ""


def test_offline_records_and_starts_nothing(bodies, root) -> None:
    """``offline`` records as ever, and starts no relay."""
    run = tracklib.init("p", mode="offline")
    run.log({"a": 1.0})
    run.finish()
    assert isinstance(run, Run)
    assert [body.values for body in bodies(Metrics)] == [{"a": 1.0}]
    assert list(root.relays.iterdir()) == []


def test_an_unknown_backend_names_its_package_and_begins_nothing(root) -> None:
    """A backend that is not installed is told with what to install, before anything is written."""
    with pytest.raises(MissingPluginError, match="pip install tracklib-zzz"):
        tracklib.init("p", backends=["zzz"])
    assert not root.path.exists()


def test_a_wrong_setting_begins_nothing(root, monkeypatch) -> None:
    """A misspelt variable is refused before anything is written."""
    monkeypatch.setenv("TRACKLIB_BACKEND", "mlflow")
    with pytest.raises(ConfigError, match=r"TRACKLIB_BACKEND: unknown setting 'backend'; did you mean 'backends'\?"):
        tracklib.init("p")
    assert not root.path.exists()


@pytest.mark.parametrize(
    "given", [{"name": 5}, {"group": b"g"}, {"job_type": ["train"]}, {"parent": 7}], ids=lambda given: next(iter(given))
)
def test_an_argument_of_the_wrong_type_is_named(given) -> None:
    """Whatever is no text where a text belongs is a `UsageError` that names the argument and what came."""
    ((name, value),) = given.items()
    with pytest.raises(UsageError, match=f"expected a text as {name}, got {type(value).__name__}"):
        tracklib.init("p", **given)


def test_strict_init_ends_the_run_that_it_began(root, bodies) -> None:
    """Where ``strict`` makes ``init`` raise, the run that was begun is ended as failed, and none is current."""
    with pytest.raises(ValueError, match="expected a mapping of params"):
        tracklib.init("p", config=[1], strict=True)
    assert bodies()[-1].status == "failed"
    with pytest.raises(tracklib.RunStateError):
        tracklib.current_run()


# -- what it costs

LOADED = "import sys; before = set(sys.modules)\n{}\nprint(len(set(sys.modules) - before), 'pydantic' in sys.modules)"


def test_import_and_init_load_little(tmp_path: Path) -> None:
    """``import tracklib`` loads 60 modules at most, and neither it nor a plainly configured ``init`` loads pydantic."""
    (tmp_path / "tracklib.toml").write_text('project = "x"\nstrict = true\nredact = ["y"]\nfinish_timeout = 3.0\n')
    imported = in_a_fresh_python(LOADED.format("import tracklib"), tmp_path)
    count, pydantic = imported.stdout.split()
    assert (int(count) <= 60, pydantic) == (True, "False")
    program = "import tracklib\nwith tracklib.init() as run: run.log({'a': 1.0})"
    begun = in_a_fresh_python(LOADED.format(program), tmp_path, TRACKLIB_PROJECT="z", TRACKLIB_BACKENDS="")
    assert begun.stdout.split()[1] == "False"
    assert "TRACKLIB_PROJECT is set, but" in begun.stderr
