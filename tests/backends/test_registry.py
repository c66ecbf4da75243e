"""The registry: a name finds its plugin and settings, a broken neighbour is never met, and no credential is told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tracklib
from tracklib.backends.registry import check_names, installed, load_spec, reopen, resolve, split_entry
from tracklib.errors import ConfigError, MissingPluginError

SPEC = """
from tracklib.backends.spec import BackendSpec
SPEC = BackendSpec("{name}", "Fake", "{distribution}", settings="{module}:FakeSettings")
def __getattr__(name):  # what a plugin's heavy module would hold
    if name != "FakeSettings":
        raise AttributeError(name)
    from typing import Annotated, ClassVar
    from pydantic import AfterValidator
    from tracklib.backends.settings import BackendSettings, Secret
    def long(pin):
        if pin is not None and len(pin.reveal()) < 4:
            raise ValueError("too short")
        return pin
    class FakeSettings(BackendSettings):
        VARIABLES: ClassVar = {{"address": ("FAKE_ADDRESS", "FAKE_URL"), "api_key": ("FAKE_API_KEY",)}}
        address: str = "local"
        workspace: str | None = None
        api_key: Secret | None = None
        pin: Annotated[Secret | None, AfterValidator(long)] = None
        timeout: float = 5.0
        @classmethod
        def from_location(cls, location):
            return cls(address=location)
    return FakeSettings
"""
KEY = "Zq9X7w3Lk2Vt8Rb5"

Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that installs a plugin into a folder on ``sys.path``, and gives its module's name."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    made: list[str] = []

    def plugin(name: str, distribution: str, code: str = SPEC, attribute: str = "SPEC") -> str:
        module = f"plugin_{distribution.replace('-', '_')}_{len(made)}"
        made.append(module)
        (site / f"{module}.py").write_text(code.format(name=name, distribution=distribution, module=module))
        info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[tracklib.backends]\n{name} = {module}:{attribute}\n")
        return module

    yield plugin
    for module in made:
        sys.modules.pop(module, None)


def refused(call: Callable[[], object], kind: type[ConfigError] = ConfigError) -> str:
    """Return the message with which a call is refused."""
    with pytest.raises(kind) as raised:
        call()
    assert type(raised.value) is kind
    return str(raised.value)


# -- finding


def test_a_broken_neighbour_is_never_imported(install) -> None:
    """Naming one backend imports its plugin alone; all are listed without importing any."""
    fake = install("fake", "tracklib-fake")
    broken = install("broken", "tracklib-broken", "raise SystemExit('broken neighbour')")
    stranger = install("other", "unrelated-name", "raise RuntimeError")
    assert {"fake", "broken", "other"} <= installed().keys()
    assert {fake, broken, stranger} & sys.modules.keys() == set()
    assert load_spec("fake").title == "Fake"
    assert resolve("fake", environ={}).settings.address == "local"
    assert {fake, broken, stranger} & sys.modules.keys() == {fake}


def test_a_plugin_of_any_package_name_is_found(install) -> None:
    """A package whose name does not follow the rule is found by what it declares."""
    install("fake", "my-company-tracking")
    assert load_spec("fake").distribution == "my-company-tracking"


def test_two_claimants_are_refused(install) -> None:
    """Two strangers that claim a name are both named, and neither is imported."""
    modules = {install("fake", "zeta-plugin"), install("fake", "alpha-plugin")}
    message = refused(lambda: load_spec("fake"))
    assert message == (
        "backend 'fake' is claimed by several installed packages (alpha-plugin, zeta-plugin); uninstall all but one"
    )
    assert modules & sys.modules.keys() == set()


def test_the_package_that_bears_the_name_comes_first(install, tmp_path) -> None:
    """A stranger that claims the name of an installed ``tracklib_<name>`` is not heard."""
    stranger = install("fake-one", "alpha-plugin", "raise RuntimeError")
    own = tmp_path / "site" / "tracklib_fake_one"
    own.mkdir()
    (own / "__init__.py").touch()
    text = SPEC.format(name="fake-one", distribution="tracklib-fake-one", module="tracklib_fake_one.spec")
    (own / "spec.py").write_text(text)
    assert load_spec("fake-one").distribution == "tracklib-fake-one"
    assert stranger not in sys.modules
    del sys.modules["tracklib_fake_one"], sys.modules["tracklib_fake_one.spec"]


@pytest.mark.parametrize("code", ["import no_such_sdk", "raise OSError('no libcuda')", "1 / 0", "x ="])
def test_a_plugin_that_fails_to_import_is_named(install, code) -> None:
    """The message names the backend, its package and the error, which stays the cause."""
    install("fake", "tracklib-fake", code)
    with pytest.raises(ConfigError, match="backend 'fake' of tracklib-fake can't be imported: ") as raised:
        load_spec("fake")
    assert f"{type(raised.value.__cause__).__name__}: " in str(raised.value)


def test_a_plugin_that_declares_something_else_is_named(install) -> None:
    """What stands at the entry point must be a `BackendSpec`; a name that is not there is told too."""
    module = install("fake", "tracklib-fake", "SPEC = dict()")
    assert refused(lambda: load_spec("fake")) == f"backend 'fake': expected a BackendSpec at {module}:SPEC, got dict"
    install("wrong", "tracklib-wrong", attribute="NOTHING")
    assert "of tracklib-wrong can't be imported: AttributeError: " in refused(lambda: load_spec("wrong"))


def test_what_is_not_installed_names_its_package(install, root) -> None:
    """An unknown backend says what to install, or which installed one was meant; ``init`` begins no run."""
    install("fake", "tracklib-fake")
    message = refused(lambda: load_spec("zzz"), MissingPluginError)
    assert message.startswith("backend 'zzz' is not installed: pip install tracklib-zzz (installed: ")
    assert refused(lambda: load_spec("fak"), MissingPluginError) == (
        "unknown backend 'fak'; did you mean 'fake'? (or, if 'fak' is meant: pip install tracklib-fak)"
    )
    assert refused(lambda: load_spec("./runs"), MissingPluginError).startswith(
        "expected a backend or a place, such as mlflow:http://host:5000 or local:FOLDER, got './runs' (installed backends: "
    )
    with pytest.raises(MissingPluginError, match="pip install tracklib-zzz"):
        tracklib.init("p", backends=["fake", "zzz"])
    assert not root.path.exists()


@pytest.mark.parametrize("name", ["", ":", "mlflow:", ":x", "../x", "a b", "a/b", "a\nb", "é"])
def test_odd_names_are_refused_clearly(name) -> None:
    """A name that no package can bear is refused by a `ConfigError`, not by packaging's own errors."""
    with pytest.raises(ConfigError, match="backend"):
        resolve(name, environ={})


def test_a_place_is_split_at_the_first_colon() -> None:
    """What stands behind the first colon is the location, colons and all."""
    assert split_entry("fake") == ("fake", None)
    assert split_entry("fake:http://h:5000#x") == ("fake", "http://h:5000#x")


# -- settings


def test_the_table_overrides_tracklibs_variable_and_that_the_vendors(install) -> None:
    """The vendor's own variables, ``TRACKLIB_<NAME>__<KEY>`` and the table count in rising order; a place beats all."""
    install("fake", "tracklib-fake")
    environ = {
        "FAKE_URL": "second",
        "TRACKLIB_FAKE__WORKSPACE": "w",
        "TRACKLIB_OTHER__ADDRESS": "no",
        "FAKE_ADDRESS": "",
    }

    def address(entry: str = "fake", table: dict[str, object] | None = None) -> str:
        return resolve(entry, {"fake": table or {}}, environ).settings.address

    assert address() == "second"
    environ["FAKE_ADDRESS"] = "first"
    assert address() == "first"
    environ["TRACKLIB_FAKE__ADDRESS"] = "own"
    assert address() == "own"
    assert address(table={"address": "table"}) == "table"
    assert address("fake:place", {"address": "table"}) == "place"
    assert resolve("fake", {}, environ).settings.workspace == "w"
    assert resolve("fake:place", {}, environ).settings.workspace is None


def test_unknown_settings_name_the_nearest(install) -> None:
    """A key that is misspelt in a variable or a table names its place and the nearest right one."""
    install("fake", "tracklib-fake")
    assert refused(lambda: resolve("fake", environ={"TRACKLIB_FAKE__ADRESS": "x"})) == (
        "environment variable TRACKLIB_FAKE__ADRESS: unknown setting 'adress'; did you mean 'address'?"
    )
    assert refused(lambda: resolve("fake", {"fake": {"time_out": 3}}, {})) == (
        "table [fake]: unknown setting 'time_out'; did you mean 'timeout'?"
    )


def test_wrong_settings_name_their_place(install) -> None:
    """A wrong value names the variable or table it came from, the key and what came; each has a line of its own."""
    install("fake", "tracklib-fake")
    environ = {"TRACKLIB_FAKE__TIMEOUT": "soon"}
    lines = refused(lambda: resolve("fake", {"fake": {"workspace": 3}}, environ)).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("table [fake]: workspace: ") and lines[0].endswith(", got 3")
    assert lines[1].startswith("TRACKLIB_FAKE__TIMEOUT: timeout: ") and lines[1].endswith(", got 'soon'")


# -- credentials


def test_no_credential_is_told_or_recorded(install) -> None:
    """A credential is in no destination, message, cause or repr, be it right or wrong."""
    install("fake", "tracklib-fake")
    environ = {"FAKE_API_KEY": KEY, "TRACKLIB_FAKE__PIN": KEY, "FAKE_ADDRESS": "there"}
    resolved = resolve("fake", environ=environ)
    assert resolved.settings.credentials() == {"api_key": KEY, "pin": KEY}
    assert resolved.settings.destination() == {"address": "there"}
    assert KEY not in repr(resolved)
    with pytest.raises(ConfigError) as raised:
        resolve("fake", environ={"TRACKLIB_FAKE__PIN": KEY[:3], "FAKE_API_KEY": KEY, "TRACKLIB_FAKE__TIMEOUT": "x"})
    assert "TRACKLIB_FAKE__PIN: pin: " in str(raised.value)
    assert KEY[:3] not in f"{raised.value}{raised.value.__cause__}"
    assert refused(lambda: resolve(f"fake:https://ann:{KEY}@host/x", environ={})).find(KEY) == -1


def test_a_credential_in_a_file_is_refused(install) -> None:
    """A table that holds a credential is refused with the variable to use, and without repeating it."""
    install("fake", "tracklib-fake")
    message = refused(lambda: resolve("fake", {"fake": {"api_key": KEY}}, {}))
    assert message == (
        "table [fake]: expected no credential in a file, got 'api_key'; use the environment variable FAKE_API_KEY"
    )


def test_a_destination_is_opened_again_with_this_shells_credentials(install, monkeypatch) -> None:
    """What a run recorded is where it goes, whatever the variables say now; credentials alone come from them."""
    install("fake", "tracklib-fake")
    destination = resolve("fake:there", environ={"FAKE_API_KEY": "old"}).settings.destination()
    monkeypatch.setenv("FAKE_ADDRESS", "elsewhere")
    monkeypatch.setenv("FAKE_API_KEY", KEY)
    again = reopen("fake:there", "fake", destination)
    assert again.settings.destination() == destination == {"address": "there"}
    assert again.settings.credentials() == {"api_key": KEY}


def test_settings_under_a_misspelt_name_are_refused(install) -> None:
    """A table or variable whose name is nearly that of a backend in use is a mistake; any other waits for its day."""
    install("fake", "tracklib-fake")
    install("fakes", "tracklib-fakes")
    told = refused(lambda: check_names(["fake:here"], ["fkae", "wandb"], {}))
    assert told == "table [fkae]: unknown backend 'fkae'; did you mean 'fake'?"
    told = refused(lambda: check_names(["fake"], [], {"TRACKLIB_FAEK__ADDRESS": "x", "TRACKLIB_MODE": "online"}))
    assert told == "environment variable TRACKLIB_FAEK__ADDRESS: unknown backend 'faek'; did you mean 'fake'?"
    check_names(["fake"], ["fake", "fakes", "wandb"], {"TRACKLIB_FAKE__ADDRESS": "x", "TRACKLIB_OTHER__X": "y"})
    Path("tracklib.toml").write_text("[faek]\naddress = 'x'\n")
    assert "did you mean 'fake'" in refused(lambda: tracklib.init("p", backends=["fake"]))
