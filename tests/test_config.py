"""Configuration: what overrides what, and one clear message for whatever is wrong."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

import tracklib
from tracklib.config import Config, load
from tracklib.errors import ConfigError
from tracklib.messages import nearest
from tracklib.settings import Settings


def write(own: str | None = None, shared: str | None = None) -> None:
    """Write ``tracklib.toml`` and ``pyproject.toml`` into the working folder."""
    for name, text in (("tracklib.toml", own), ("pyproject.toml", shared)):
        if text is not None:
            Path(name).write_text(text, encoding="utf-8")


def refused(**given: object) -> str:
    """Return the message with which the configuration is refused."""
    with pytest.raises(ConfigError) as raised:
        load(**given)
    return str(raised.value)


# -- precedence


def test_the_defaults() -> None:
    """Where nothing is set, the defaults hold, and nothing has an origin."""
    found = load(environ={})
    assert found.settings == Settings()
    assert (found.origins, found.tables, found.overridden) == ({}, {}, ())
    assert found.root == Path.cwd() / ".tracklib"


LAYERS = ("environment", "tracklib.toml", "pyproject.toml", "argument")


@pytest.mark.parametrize("highest", range(4))
def test_each_layer_overrides_the_one_before(highest: int) -> None:
    """Environment, ``tracklib.toml``, ``[tool.tracklib]`` and arguments count in rising order, key by key."""
    environ = {"TRACKLIB_PROJECT": "environment", "TRACKLIB_QUIET": "true"}
    if highest >= 1:
        write(own='project = "tracklib.toml"')
    if highest >= 2:
        write(shared='[tool.tracklib]\nproject = "pyproject.toml"')
    found = load({"project": "argument"} if highest >= 3 else {"project": None}, environ)
    origin = ["TRACKLIB_PROJECT", str(Path.cwd() / "tracklib.toml"), str(Path.cwd() / "pyproject.toml"), "argument"]
    assert found.settings == Settings(project=LAYERS[highest], quiet=True)
    assert found.origins == {"project": origin[highest], "quiet": "TRACKLIB_QUIET"}


def test_a_variable_that_a_file_overrides_is_told() -> None:
    """A variable that a file overrules is named with the file and the value that counts; one that agrees is not."""
    write(own='project = "file"\nbackends = ["a", "b"]\nstrict = true\nfinish_timeout = 5')
    environ = {
        "TRACKLIB_PROJECT": "env",
        "TRACKLIB_BACKENDS": "a, b",
        "TRACKLIB_STRICT": "true",
        "TRACKLIB_FINISH_TIMEOUT": "5",
    }
    path = Path.cwd() / "tracklib.toml"
    assert load(environ=environ).overridden == (
        f"TRACKLIB_PROJECT is set, but {path} says project = 'file', which counts",
    )
    assert load({"project": "argument"}, environ).settings.project == "argument"


def test_the_notice_names_what_counts_in_the_end() -> None:
    """Where both files speak, ``pyproject.toml`` counts, and whatever it overrules is told, a file as well."""
    write(own='project = "own"', shared='[tool.tracklib]\nproject = "shared"')
    own, shared = Path.cwd() / "tracklib.toml", Path.cwd() / "pyproject.toml"
    assert load(environ={"TRACKLIB_PROJECT": "env"}).overridden == (
        f"TRACKLIB_PROJECT is set, but {shared} says project = 'shared', which counts",
        f"{own} says project, but {shared} says project = 'shared', which counts",
    )
    assert load({"project": "argument"}, {"TRACKLIB_PROJECT": "env"}).overridden == ()


def test_the_notice_is_printed(monkeypatch, capfd) -> None:
    """``init`` says on stderr that a file overrules a variable."""
    write(own='project = "file"')
    monkeypatch.setenv("TRACKLIB_PROJECT", "env")
    assert tracklib.init().project == "file"
    said = capfd.readouterr().err
    assert said.count("TRACKLIB_PROJECT is set, but") == 1
    assert said.startswith("tracklib: warning: ")


def test_arguments_override_in_silence(monkeypatch, capfd) -> None:
    """An argument is what the code says on purpose: it overrules a variable without a word."""
    monkeypatch.setenv("TRACKLIB_PROJECT", "env")
    assert tracklib.init("code").project == "code"
    assert capfd.readouterr().err == ""


# -- values


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("BACKENDS", "a, b:http://h:5000 ,,c", ("a", "b:http://h:5000", "c")),
        ("BACKENDS", "", ()),
        ("DIR", "", ".tracklib"),
        ("MODE", " ", "online"),
        ("REDACT", "one", ("one",)),
        ("STRICT", "1", True),
        ("STRICT", "false", False),
        ("QUIET", "yes", True),
        ("FINISH_TIMEOUT", "inf", math.inf),
        ("FINISH_TIMEOUT", "0", 0.0),
        ("FINISH_TIMEOUT", "2.5", 2.5),
        ("MODE", "offline", "offline"),
        ("PROJECT", "42", "42"),
        ("DIR", "/x/y", "/x/y"),
    ],
)
def test_text_becomes_the_settings_type(variable, text, value) -> None:
    """A variable's text is read as its setting's type; lists are split at commas."""
    found = getattr(load(environ={f"TRACKLIB_{variable}": text}).settings, variable.lower())
    assert (found, type(found)) == (value, type(value))


PLAIN = """
import sys
from tracklib.settings import validated
made = validated({raw!r}, dict.fromkeys({raw!r}, "here"))
print([getattr(made, key) for key in {raw!r}], "pydantic" in sys.modules)
"""


@pytest.mark.parametrize(
    ("raw", "made", "with_pydantic"),
    [
        (
            {"finish_timeout": "60", "system_interval": "0.5", "quiet": "1", "strict": "false"},
            [60.0, 0.5, True, False],
            False,
        ),
        ({"finish_timeout": 60}, [60.0], False),
        ({"finish_timeout": "inf", "quiet": "yes"}, [float("inf"), True], True),
    ],
)
def test_plain_numbers_and_truth_values_need_no_pydantic(raw, made, with_pydantic) -> None:
    """What a training process is mostly told costs it no tenth of a second; all else is read as before."""
    done = subprocess.run([sys.executable, "-c", PLAIN.format(raw=raw)], capture_output=True, text=True, check=False)
    assert done.stdout == f"{made} {with_pydantic}\n", done.stderr


def test_lists_in_files_and_arguments() -> None:
    """A list is a TOML array in a file, and any sequence of texts as an argument."""
    write(own='backends = ["a"]\nredact = ["x", "y"]')
    assert load(environ={}).settings == Settings(backends=("a",), redact=("x", "y"))
    for given in (["b", "c"], ("b", "c")):
        assert load({"backends": given}, {}).settings.backends == ("b", "c")
    assert load({"backends": []}, {}).settings.backends == ()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mode": "offlin"}, ["argument: mode: ", "got 'offlin'", "did you mean 'offline'?"]),
        ({"mode": "xyz"}, ["argument: mode: ", "got 'xyz'", "known: disabled, offline, online"]),
        ({"strict": "perhaps"}, ["argument: strict: ", "got 'perhaps'"]),
        ({"project": 5}, ["argument: project: ", "string", "got 5"]),
        ({"backends": "mlflow"}, ["argument: backends: ", "got 'mlflow'"]),
        ({"backends": [3]}, ["argument: backends: ", "got "]),
        ({"finish_timeout": "soon"}, ["argument: finish_timeout: ", "number", "got 'soon'"]),
        ({"finish_timeout": -1.0}, ["argument: finish_timeout: ", "got -1.0"]),
        ({"finish_timeout": math.nan}, ["argument: finish_timeout: ", "got nan"]),
        ({"project": ""}, ["argument: project: ", "got ''"]),
        ({"dir": ""}, ["argument: dir: ", "got ''"]),
    ],
)
def test_a_wrong_value_is_one_clear_line(given, words) -> None:
    """The message says where the value came from, which setting it is, what was expected and what came."""
    message = refused(arguments=given, environ={})
    assert "\n" not in message
    assert [word for word in words if word not in message] == [], message


def test_a_wrong_value_names_its_place() -> None:
    """A wrong value in a variable or a file names the variable or the path."""
    assert refused(environ={"TRACKLIB_MODE": "of"}).startswith("TRACKLIB_MODE: mode: ")
    write(own="strict = 7")
    assert refused(environ={}).startswith(f"{Path.cwd() / 'tracklib.toml'}: strict: ")


def test_several_wrong_values_are_told_together() -> None:
    """Each wrong value has a line of its own."""
    lines = refused(environ={"TRACKLIB_MODE": "x", "TRACKLIB_STRICT": "z"}).splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == ["TRACKLIB_MODE", "TRACKLIB_STRICT"]


# -- keys


def test_an_unknown_key_names_the_nearest() -> None:
    """A key that is misspelt names its place and the nearest right one, in each of the three places."""
    message = refused(environ={"TRACKLIB_PROJET": "x"})
    assert message == "environment variable TRACKLIB_PROJET: unknown setting 'projet'; did you mean 'project'?"
    write(own="stric = true")
    assert refused(environ={}) == f"{Path.cwd() / 'tracklib.toml'}: unknown setting 'stric'; did you mean 'strict'?"
    write(own="", shared="[tool.tracklib]\nbackend = []")
    assert refused(environ={}) == (
        f"{Path.cwd() / 'pyproject.toml'}: unknown setting 'backend'; did you mean 'backends'?"
    )


def test_nearest_lists_all_where_none_is_near() -> None:
    """Without a near name the known ones are listed; without any known one nothing is said."""
    assert nearest("zzz", ["b", "a"]) == "; known: a, b"
    assert nearest("zzz", []) == ""


def test_a_backends_variable_is_no_setting() -> None:
    """``TRACKLIB_X__Y`` belongs to the backend X, even where X or Y is a setting's name."""
    environ = {"TRACKLIB_MLFLOW__URI": "x", "TRACKLIB_PROJECT__X": "y", "TRACKLIB_X__PROJECT": "z", "TRACKLIB_A__": "w"}
    found = load(environ=environ)
    assert (found.settings, found.origins) == (Settings(), {})


def test_other_variables_are_none_of_ours() -> None:
    """What does not begin with ``TRACKLIB_`` in capitals is left alone."""
    assert load(environ={"MLFLOW_X": "1", "XTRACKLIB_MODE": "no", "TRACKLIBMODE": "no"}).settings == Settings()


def test_tables_belong_to_backends() -> None:
    """A table is a backend's, and those of both files are merged key by key."""
    write(own='[mlflow]\nuri = "a"\nexperiment = "e"\n', shared='[tool.tracklib.mlflow]\nuri = "b"\n[tool.tracklib.x]')
    assert load(environ={}).tables == {"mlflow": {"uri": "b", "experiment": "e"}, "x": {}}


def test_a_table_under_a_settings_name_is_refused() -> None:
    """A table where a plain value is expected is a wrong value of that setting."""
    write(own='[project]\nname = "x"')
    assert refused(environ={}).startswith(f"{Path.cwd() / 'tracklib.toml'}: project: ")


# -- files


@pytest.mark.parametrize(
    "content", [b"project = ", b"[mlflow\n", b'project = "a"\nproject = "b"', b"\xff\xfe", b"a\x00"]
)
def test_malformed_toml_names_the_file(content) -> None:
    """A file that is no TOML, or no UTF-8, is named with what is wrong in it."""
    Path("tracklib.toml").write_bytes(content)
    assert refused(environ={}).startswith(f"expected TOML in {Path.cwd() / 'tracklib.toml'}, got an error: ")


def test_a_malformed_pyproject_counts_only_where_it_speaks_of_tracklib() -> None:
    """A broken ``pyproject.toml`` that never mentions tracklib costs no training."""
    write(shared="[project\n")
    assert load(environ={}).settings == Settings()
    write(shared="[project\n[tool.tracklib]")
    assert refused(environ={}).startswith(f"expected TOML in {Path.cwd() / 'pyproject.toml'}")


@pytest.mark.parametrize("text", ["[tool]\ntracklib = 5", "tool = 5 # tool.tracklib", '[tool]\ntracklib = "x"'])
def test_a_pyproject_of_odd_shape(text) -> None:
    """Where ``tool.tracklib`` is no table, the message says that it should be, and no traceback appears."""
    write(shared=f"# tool.tracklib\n{text}")
    assert "pyproject.toml" in refused(environ={})


def test_a_file_that_cannot_be_read_is_named(monkeypatch) -> None:
    """A file that the system does not let us read is a `ConfigError` that names it."""
    write(own="")

    def denied(*_args: object, **_kwargs: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", denied)
    monkeypatch.setattr(Path, "read_bytes", denied)
    message = refused(environ={})
    assert str(Path.cwd() / "tracklib.toml") in message
    assert "Permission denied" in message


def test_the_root_is_the_projects(monkeypatch) -> None:
    """From a folder below, the nearest project's files count, and its root is where ``.tracklib`` lies."""
    home = Path.cwd()
    write(own='dir = "runs"')
    below = home / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert load(environ={}).root == home / "runs"
    assert load({"dir": "/abs"}, {}).root == Path("/abs")
    assert load({"dir": home / "p"}, {}).root == home / "p"
    monkeypatch.setenv("HOME", "/home/ann")
    assert load({"dir": "~/x"}, {}).root == Path("/home/ann/x")


def test_a_config_is_what_it_says() -> None:
    """A `Config` made by hand has a root below its own home."""
    assert Config(Settings(dir="x/../y"), home=Path("/h")).root == Path("/h/y")


# -- what is captured

USUAL = Settings().capture


@pytest.mark.parametrize(
    ("text", "captured"),
    [
        ("none", ()),
        ("all", (*USUAL, "console")),
        ("git, packages", ("git", "packages")),
        ("console", ("console",)),
        ("+console", (*USUAL, "console")),
        ("-git,-system,+console", ("packages", "hardware", "launcher", "script", "console")),
        ("all,-git", ("packages", "hardware", "launcher", "script", "system", "console")),
        ("", USUAL),
    ],
)
def test_what_is_captured_is_named_or_changed(text: str, captured: tuple[str, ...]) -> None:
    """Words name what is captured; with ``+`` and ``-`` alone they change what is usual."""
    assert load(environ={"TRACKLIB_CAPTURE": text}).settings.capture == captured


def test_a_file_may_capture_nothing() -> None:
    """An empty list in a file is no capture at all, and one word may stand alone."""
    write(own="capture = []")
    assert load(environ={}).settings.capture == ()
    write(own='capture = "-console"')
    assert load(environ={}).settings.capture == USUAL


def test_an_unknown_capture_is_refused() -> None:
    """A word that means nothing is refused with the nearest one that does; so are other types, and short intervals."""
    message = "TRACKLIB_CAPTURE: capture: unknown word '-pakages'; did you mean 'packages'?"
    assert refused(environ={"TRACKLIB_CAPTURE": "git,-pakages"}) == message
    assert "unknown word '+none'" in refused(environ={"TRACKLIB_CAPTURE": "+none"})
    assert "expected 0.1 or more seconds, got '0'" in refused(environ={"TRACKLIB_SYSTEM_INTERVAL": "0"})
    told = "TRACKLIB_SYSTEM_INTERVAL: system_interval: expected a finite number of seconds"
    assert refused(environ={"TRACKLIB_SYSTEM_INTERVAL": "inf"}).startswith(told)
    write(own="capture = [1]")
    assert "capture" in refused(environ={})
