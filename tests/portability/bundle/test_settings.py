"""Settings: how a bundle's place is read, and what is said where a package is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tracklib.errors import ConfigError
from tracklib.portability.bundle.settings import BundleSettings
from tracklib.portability.places import open_place


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("./b", "{here}/b"),
        ("b", "{here}/b"),
        ("2024:b", "{here}/2024:b"),
        ("/b/c/", "/b/c"),
        ("file:///b/c", "/b/c"),
        ("file:/b/c%20d", "/b/c d"),
        ("gs://bucket/x/", "gs://bucket/x"),
        ("memory://x", "memory://x"),
    ],
)
def test_a_place_has_one_form(tmp_path: Path, location: str, url: str) -> None:
    """However a folder or URL is written, and from whatever folder, it is the same place."""
    assert open_place(f"bundle:{location}").resolved.settings.destination() == {"url": url.format(here=tmp_path)}


def test_the_home_folder_may_be_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tilde is the user's own folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert BundleSettings(url="~/b").resolved().url == str(tmp_path / "home" / "b")


def test_the_variables_of_the_cloud_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoint and region come from the cloud's own variables, the narrower one first, and from the place before both."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://one")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://two")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    held = open_place("bundle:s3://bucket/x").resolved.settings.destination()
    assert held == {"url": "s3://bucket/x", "endpoint": "http://two", "region": "eu-west-1"}
    held = open_place("bundle:s3://bucket/x?endpoint=http://three&region=us-west-1").resolved.settings.destination()
    assert held == {"url": "s3://bucket/x", "endpoint": "http://three", "region": "us-west-1"}


def test_a_bundle_without_a_place_is_refused() -> None:
    """The message says how one is written."""
    with pytest.raises(ConfigError, match=r"bundle:\./backup or bundle:s3://bucket/prefix"):
        open_place("bundle")


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("pyarrow", ["verify", "bundle:./b"]),
        ("pyarrow", ["verify", "bundle:memory://b"]),
        ("pyarrow", ["backup", "local:a", "bundle:./b", "--retain", "30d"]),
        ("pyarrow", ["backup", "--check", "bundle:./b", "--max-age", "26h"]),
        ("pyarrow", ["restore", "bundle:./b", "local:a"]),
        ("pyarrow", ["migrate", "bundle:./b", "local:a"]),
        ("fsspec", ["verify", "bundle:memory://b"]),
    ],
)
def test_a_missing_package_is_told_with_what_to_install(package: str, words: list[str]) -> None:
    """Without pyarrow, or without fsspec where it is needed, the command ends with 2 and names the extra."""
    script = f"import sys; sys.modules[{package!r}] = None\nfrom tracklib.cli.main import app\napp({words!r})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"needs {package}: pip install 'tracklib-core[bundle]'" in done.stderr


def test_a_folder_needs_no_fsspec() -> None:
    """A bundle in a folder is reached without it."""
    script = (
        "import sys; sys.modules['fsspec'] = None\nfrom tracklib.cli.main import app\napp(['verify', 'bundle:./b'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 2
    assert "expected a bundle at" in done.stderr
