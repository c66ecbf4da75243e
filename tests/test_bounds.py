"""Versions of vendors' SDKs: a plugin's bounds are those that are tested, by ``make oldest`` and ``make test``."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPO = Path(__file__).resolve().parent.parent
PLUGINS = sorted(path.parent for path in REPO.glob("plugins/*/pyproject.toml"))


def pins(path: Path) -> dict[str, Version]:
    """Return the versions that a file names, each by itself: what is not pinned is an error."""
    found = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            named = Requirement(line)
            (only,) = named.specifier
            assert only.operator == "==", line
            found[canonicalize_name(named.name)] = Version(only.version)
    return found


def sdks(plugin: Path) -> list[Requirement]:
    """Return what a plugin requires besides tracklib."""
    project = tomllib.loads((plugin / "pyproject.toml").read_text("utf-8"))["project"]
    return [needed for needed in map(Requirement, project["dependencies"]) if needed.name != "tracklib-core"]


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_both_ends_are_tested(plugin):
    """The oldest version that a plugin takes is the one of ``make oldest``, and that of ``make test`` is one that it takes."""
    oldest, newest = pins(plugin / "oldest.txt"), pins(REPO / "constraints.txt")
    assert sdks(plugin)
    for needed in sdks(plugin):
        name = canonicalize_name(needed.name)
        (lowest,) = [Version(each.version) for each in needed.specifier if each.operator == ">="]
        assert oldest[name] == lowest
        assert oldest[name] < newest[name]
        assert newest[name] in needed.specifier


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_each_readme_says_both_ends(plugin):
    """A plugin's page names the oldest and the newest version that were tested, and what tests the oldest."""
    page = (plugin / "README.md").read_text("utf-8")
    assert f"`make OLDEST={plugin.name.removeprefix('tracklib-')} oldest`" in page
    oldest, newest = pins(plugin / "oldest.txt"), pins(REPO / "constraints.txt")
    for needed in sdks(plugin):
        for version in (oldest[canonicalize_name(needed.name)], newest[canonicalize_name(needed.name)]):
            assert str(version) in page
