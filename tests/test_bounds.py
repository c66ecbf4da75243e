"""Versions of vendors' SDKs: a plugin's bounds are those that are tested, by ``make oldest`` and ``make test``."""

from __future__ import annotations

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.bounds import REPO, lowest, pins, sdks

PLUGINS = sorted(path.parent for path in REPO.glob("plugins/*/pyproject.toml"))


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_both_ends_are_tested(plugin):
    """The oldest version that a plugin takes is the one of ``make oldest``, and that of ``make test`` is one that it takes."""
    oldest, newest = pins(plugin / "oldest.txt"), pins(REPO / "constraints.txt")
    assert sdks(plugin)
    for needed in sdks(plugin):
        name = canonicalize_name(needed.name)
        assert oldest[name] == Version(lowest(needed))
        if needed.marker is None or needed.marker.evaluate():
            assert oldest[name] < newest[name]
            assert newest[name] in needed.specifier


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin.name)
def test_each_readme_says_both_ends(plugin):
    """A plugin's page names the oldest and the newest version that were tested, and what tests the oldest."""
    page = (plugin / "README.md").read_text("utf-8")
    assert f"`make OLDEST={plugin.name.removeprefix('tracklib-')} oldest`" in page
    oldest, newest = pins(plugin / "oldest.txt"), pins(REPO / "constraints.txt")
    for needed in sdks(plugin):
        name = canonicalize_name(needed.name)
        assert str(oldest[name]) in page
        assert str(newest.get(name, oldest[name])) in page
