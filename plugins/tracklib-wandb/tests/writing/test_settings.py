"""Settings: places, W&B's own variables and files, keys that nobody sees, nothing heavy in training."""

import subprocess
import sys

import pytest
from tracklib_wandb.check import check
from tracklib_wandb.settings import WandbSettings

from tracklib.backends.registry import resolve
from tracklib.errors import AuthError, ConfigError

SECRET = "s3cr3t" * 8


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home folder and a working directory that know nothing of W&B."""
    for name in ("ENTITY", "PROJECT", "BASE_URL", "API_KEY", "MODE", "DIR", "CONFIG_DIR"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("place", "destination"),
    [
        ("wandb", {"base_url": "https://api.wandb.ai"}),
        ("wandb:team", {"base_url": "https://api.wandb.ai", "entity": "team"}),
        ("wandb:team/digits", {"base_url": "https://api.wandb.ai", "entity": "team", "project": "digits"}),
        ("wandb:./wandb", {"mode": "offline", "directory": "{home}/wandb"}),
        ("wandb:/data/runs", {"mode": "offline", "directory": "/data/runs"}),
        ("wandb:~/wandb", {"mode": "offline", "directory": "{home}/wandb"}),
    ],
)
def test_a_place_is_a_team_or_a_folder(home, place, destination):
    """A path means files; anything else is a team and a project at the service."""
    expected = {key: value.format(home=home) for key, value in destination.items()}
    assert resolve(place, {}, {}).settings.destination() == expected


@pytest.mark.parametrize("place", ["a/b/c", "a/", "/x"[1:] + "/y/z", "https://wandb.ai/team"])
def test_a_place_that_is_neither_is_refused(place):
    """What is neither says what is expected."""
    with pytest.raises(ConfigError, match="expected wandb:<entity>"):
        resolve(f"wandb:{place}", {}, {})


def test_wandbs_own_variables_keep_working(home):
    """Address, key, team, mode and folder are taken from W&B's variables; a key is no part of the destination."""
    own = {"WANDB_BASE_URL": "https://wandb.example.org/", "WANDB_API_KEY": SECRET, "WANDB_ENTITY": "team"}
    settings = resolve("wandb", {}, own).settings
    assert settings.destination() == {"base_url": "https://wandb.example.org", "entity": "team"}
    assert settings.key() == SECRET
    offline = resolve("wandb", {}, {**own, "WANDB_MODE": "offline"}).settings
    assert offline.destination()["directory"] == str(home / "wandb")
    assert resolve("wandb:team/p", {}, {**own, "WANDB_MODE": "offline"}).settings.directory is None


def test_what_wandb_login_left_keeps_working(home, monkeypatch):
    """The key is found in ``~/.netrc``, the address in W&B's own file of settings."""
    (home / ".config" / "wandb").mkdir(parents=True)
    (home / ".config" / "wandb" / "settings").write_text("[default]\nbase_url = https://own.example.org\nentity = us\n")
    (home / ".netrc").write_text(f"machine own.example.org\n  login user\n  password {SECRET}\n")
    (home / ".netrc").chmod(0o600)
    settings = WandbSettings().resolved()
    assert settings.destination() == {"base_url": "https://own.example.org", "entity": "us"}
    assert settings.key() == SECRET
    monkeypatch.setenv("HOME", str(home / "nobody"))
    with pytest.raises(AuthError, match="no key; set WANDB_API_KEY, or run `wandb login`"):
        check(WandbSettings(base_url="https://own.example.org").resolved())


def test_a_key_in_an_address_is_a_key():
    """A key that stands in the address moves out of it before it can be recorded or shown."""
    settings = WandbSettings(base_url=f"https://user:{SECRET}@own.example.org").resolved()
    assert settings.destination() == {"base_url": "https://own.example.org"}
    assert settings.key() == SECRET
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("values", "said"),
    [({"base_url": "own.example.org"}, "the address of a W&B server"), ({"mode": "disabled"}, "leave wandb out")],
)
def test_a_wrong_setting_is_refused_when_the_run_starts(values, said):
    """What can never work is said at once."""
    with pytest.raises(ConfigError, match=said):
        WandbSettings(**values).resolved()


def test_an_unknown_setting_names_the_nearest():
    """A misspelt key is refused with the right one."""
    with pytest.raises(ConfigError, match="did you mean 'entity'"):
        resolve("wandb", {"wandb": {"entiti": "x"}}, {})
    with pytest.raises(ConfigError, match="expected no credential in a file"):
        resolve("wandb", {"wandb": {"api_key": SECRET}}, {})


def test_a_folder_is_checked_without_a_server(home):
    """``doctor`` hears whether the folder is there."""
    assert "will be made; no server is asked" in check(WandbSettings(directory=str(home / "runs")).resolved())


def test_the_declaration_is_light():
    """Importing the declaration loads neither pydantic nor W&B's SDK."""
    code = (
        "import sys, tracklib_wandb.spec; print([m for m in sys.modules if m.split('.')[0] in ('pydantic', 'wandb')])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_the_settings_are_light():
    """Training resolves the settings: they load neither W&B's SDK nor a client of HTTP."""
    code = """
import sys
from tracklib_wandb.settings import WandbSettings
WandbSettings(entity="team").resolved()
print([m for m in sys.modules if m.split('.')[0] in ('requests', 'wandb', 'urllib3')])
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_a_private_authority_reaches_wandbs_own_program():
    """W&B's program is told of the authority that ``REQUESTS_CA_BUNDLE`` names, by the name that it knows."""
    code = """
import os
os.environ.pop("SSL_CERT_FILE", None)
os.environ["REQUESTS_CA_BUNDLE"] = "/etc/own.pem"
from tracklib_wandb.surroundings import sdk
sdk("json")
print(os.environ["SSL_CERT_FILE"])
"""
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "/etc/own.pem"
