"""README.md and docs/: their Python runs as it stands, and every command, file and setting that they show is there."""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from tracklib.cli.main import app
from tracklib.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
EXAMPLES = ("README.md", "docs/tutorial.md", "docs/media.md", "docs/artifacts.md", "docs/running.md", "docs/reading.md")


def blocks(page: Path, language: str) -> list[str]:
    """Return a page's blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def clean_environment(**more: str) -> dict[str, str]:
    """Return the environment without the caller's own tracking, and without a width (xdist's workers have one)."""
    foreign = ("TRACKLIB_", "MLFLOW_", "COLUMNS", "LINES")
    return {key: value for key, value in os.environ.items() if not key.startswith(foreign)} | more


def commands() -> list[tuple[str, str]]:
    """Return every line of shell that the pages show, continued ones joined, with its page."""
    found = []
    for page in PAGES:
        for block in blocks(page, "sh"):
            lines = block.replace("\\\n", " ").splitlines()
            found += [(page.name, line) for line in lines if line.strip() and not line.startswith("#")]
    return found


@pytest.mark.parametrize("name", EXAMPLES)
def test_python_examples_run(name, tmp_path):
    """Each example runs as it stands, after the ones before it, and prints no warning but those it announces."""
    examples = blocks(ROOT / name, "python")
    assert examples
    for number, code in enumerate(examples):
        script = tmp_path / f"example_{number}.py"
        script.write_text(code, encoding="utf-8")
        command = [sys.executable, "-W", "error", script]
        done = subprocess.run(
            command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, f"{code}\n{done.stderr}"
        announced = re.findall(r"# warns: (.*)", code)
        warnings = [line for line in done.stderr.splitlines() if "warning" in line]
        assert len(warnings) == len(announced), done.stderr
        assert all(text in line for text, line in zip(announced, warnings, strict=True))


def test_readme_example_is_short():
    """The example in the README has ten lines of code at most."""
    assert sum(bool(line.strip()) for line in blocks(ROOT / "README.md", "python")[0].splitlines()) <= 10


@cache
def help_of(command: str) -> str:
    """Return what a command of tracklib says about itself."""
    wide = clean_environment(COLUMNS="200", NO_COLOR="1", TERM="dumb")
    program = [sys.executable, "-c", "from tracklib.cli.main import main; main()", command, "--help"]
    return subprocess.run(program, env=wide, capture_output=True, text=True, check=True, timeout=60).stdout


def test_tracklib_commands_exist():
    """Every command line of tracklib that a page shows names a command and options that there are."""
    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    shown = [(page, match) for page, line in commands() for match in re.findall(r"\btracklib ([a-z][^#|&\"]*)", line)]
    assert shown
    for page, text in shown:
        command, *words = shlex.split(text)
        assert command in known, f"{page}: tracklib {text}"
        for word in words:
            assert not word.startswith("-") or word in help_of(command), f"{page}: tracklib {text}"


def test_make_targets_exist():
    """Every target that a page shows stands in the Makefile, and each target says what it does."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):.*## .", makefile, re.MULTILINE))
    assert targets >= {"setup", "demo", "test", "lint", "types", "bench", "help"}
    shown = {word for _, line in commands() for words in re.findall(r"^make ([a-z ]+)", line) for word in words.split()}
    assert shown <= targets


def test_links_lead_somewhere():
    """Every relative link leads to a file, and every anchor to a heading."""
    dead = []
    for page in PAGES:
        for target in re.findall(
            r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
        ):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.exists() or (anchor and anchor not in anchors(file)):
                dead.append(f"{page.name}: {target}")
    assert dead == []


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_setting_is_documented():
    """The page on configuration names every setting of tracklib and of the MLflow backend, with its variable."""
    pytest.importorskip("tracklib_mlflow")
    from tracklib_mlflow.settings import MLflowSettings

    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    for name in Settings.__dataclass_fields__:
        assert f"| `{name}` | `TRACKLIB_{name.upper()}` |" in page
    words = {*MLflowSettings.names(), *(v for names in MLflowSettings.VARIABLES.values() for v in names)}
    assert {word for word in words if f"`{word}`" not in page} == set()


def pytest_of(folder):
    """Return the command that runs tests below a folder, with none of this project's own settings."""
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(folder)]


def test_backend_of_the_how_to_works(tmp_path):
    """The backend that the how-to builds is delivered to, file by file as the page has it, and verified equal."""
    page = ROOT / "docs" / "how-to-add-a-backend.md"
    package = tmp_path / "site" / "tracklib_shelf"
    package.mkdir(parents=True)
    for code in blocks(page, "python"):
        package.parent.joinpath(re.match(r"# (\S+)\n", code)[1]).write_text(code, encoding="utf-8")
    name, value = re.search(r'"tracklib.backends"\]\n(\w+) = "(.*?)"', blocks(page, "toml")[0]).groups()
    about = tmp_path / "site" / "tracklib_shelf-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tracklib-shelf\nVersion: 0.1.0\n")
    (about / "entry_points.txt").write_text(f"[tracklib.backends]\n{name} = {value}\n")
    (tmp_path / "train.py").write_text(blocks(ROOT / "README.md", "python")[0], encoding="utf-8")
    environment = clean_environment(PYTHONPATH=str(tmp_path / "site"))
    cli = [sys.executable, "-c", "from tracklib.cli.main import main; main()"]
    for command, more in (
        ([sys.executable, "train.py"], {"TRACKLIB_BACKENDS": "shelf:./first.db"}),
        ([*cli, "sync", "--backend", "shelf:./second.db"], {}),
        ([*cli, "verify"], {}),
        ([*cli, "verify", "--backend", "shelf:./second.db"], {}),
        ([*cli, "conformance", "shelf:./third.db"], {}),
        (
            [*pytest_of(tmp_path / "site"), *map(str, sorted((tmp_path / "site").glob("test_*.py")))],
            {"CONFORMANCE_WRITE_RESULTS": "1"},
        ),
    ):
        done = subprocess.run(
            command, cwd=tmp_path, env=environment | more, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert (tmp_path / "first.db").stat().st_size > 50_000
    contents = []
    for file in ("first.db", "second.db"):
        with closing(sqlite3.connect(tmp_path / file)) as shelf:
            contents.append([set(shelf.execute(f"SELECT * FROM {table}")) for table in ("records", "files")])
    assert contents[0] == contents[1]
