"""What plugins require of their vendors' SDKs, as their files say it."""

from __future__ import annotations

import sys
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPO = Path(__file__).resolve().parent.parent


def pins(path: Path) -> dict[str, Version]:
    """Return the versions that a file names, each by itself: what is not pinned is an error."""
    found = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            named = Requirement(line)
            (only,) = named.specifier
            assert only.operator == "==", line
            if named.marker is None or named.marker.evaluate():
                found[canonicalize_name(named.name)] = Version(only.version)
    return found


def sdks(plugin: Path) -> list[Requirement]:
    """Return what a plugin requires besides tracklib."""
    project = tomllib.loads((plugin / "pyproject.toml").read_text("utf-8"))["project"]
    return [needed for needed in map(Requirement, project["dependencies"]) if needed.name != "tracklib-core"]


def lowest(needed: Requirement) -> str:
    """Return the oldest version that a requirement allows."""
    (found,) = [each.version for each in needed.specifier if each.operator == ">="]
    return found
