"""Settings: places that hold anywhere, Aim's own defaults, nothing heavy and nothing on the network."""

import subprocess
import sys

import pytest
from tracklib_aim.check import check
from tracklib_aim.settings import AimSettings

from tracklib.backends.registry import resolve
from tracklib.errors import ConfigError, TransientError


def test_a_folder_becomes_absolute(tmp_path, monkeypatch):
    """A relative folder, one with ``.aim`` at its end and a home folder are one place, and so are its artifacts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for repo in ("repo", "./repo/", "repo/.aim", "~/repo", str(tmp_path / "repo")):
        settings = AimSettings.from_location(repo).resolved()
        assert settings.repo == str(tmp_path / "repo")
        assert settings.artifacts == f"file://{tmp_path}/repo/.aim/artifacts"
        assert settings.resolved() == settings


def test_the_nearest_repository_is_taken(tmp_path, monkeypatch):
    """Where no folder is named it is the nearest one above, as for Aim itself; else the working directory."""
    from aim.sdk.repo import Repo

    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert AimSettings().resolved().repo == str(below) == Repo.default_repo_path()
    (tmp_path / ".aim").mkdir()
    assert AimSettings().resolved().repo == str(tmp_path) == Repo.default_repo_path()


def test_a_server_keeps_its_address():
    """A server's address is taken as it stands; its files are in the runs unless somebody names a store."""
    settings = resolve("aim:aim://host:53800", {}, {}).settings
    assert settings.destination() == {"repo": "aim://host:53800"}
    stored = AimSettings(repo="aim://host:1/", artifacts="s3://bucket/x/").resolved()
    assert stored.destination() == {"repo": "aim://host:1", "artifacts": "s3://bucket/x"}


@pytest.mark.parametrize("values", [{"repo": "http://host"}, {"repo": "x", "artifacts": "gs://bucket"}])
def test_a_place_that_nobody_knows_is_refused(values):
    """What neither Aim nor this plugin can open is refused when the run starts."""
    with pytest.raises(ConfigError, match="expected"):
        AimSettings(**values).resolved()


def test_a_check_says_what_is_there(local, tmp_path):
    """``doctor`` hears how many runs there are, that there is no repository yet, or that no server answers."""
    local.write()
    assert "1 runs" in check(local.settings.resolved()) or "runs (aim 3." in check(local.settings.resolved())
    assert "holds no Aim repository yet" in check(AimSettings(repo=str(tmp_path / "none")).resolved())
    assert not (tmp_path / "none").exists()
    with pytest.raises(TransientError, match="opening the repository"):
        check(AimSettings(repo="aim://127.0.0.1:9").resolved())


def test_the_declaration_is_light():
    """Importing the declaration loads neither pydantic nor Aim."""
    code = "import sys, tracklib_aim.spec; print([m for m in sys.modules if m.split('.')[0] in ('pydantic', 'aim')])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_nothing_goes_to_the_network(tmp_path):
    """Writing a run to a folder opens no connection and looks up no name, and prints nothing."""
    code = f"""
import sys
calls = []
sys.addaudithook(lambda name, args: calls.append(name) if name in ("socket.connect", "socket.getaddrinfo") else None)
from pathlib import Path
from tracklib.backends.contract import SinkContext
from tracklib.model.records import Metrics, Record
from tracklib.model.run import RunInfo
from tracklib_aim.settings import AimSettings
from tracklib_aim.sink import AimSink
sink = AimSink(AimSettings(repo={str(tmp_path / "repo")!r}), SinkContext(None, Path(".")))
sink.open(RunInfo("p", "r", "n"))
sink.send([Record("w", 1, 1, Metrics({{"x": 1.0}}, 0))])
sink.close()
assert calls == [], calls
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
