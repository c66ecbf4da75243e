"""Packages: what is installed where the training imports from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

__all__ = ["read_packages"]

_INFO = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-py[^-]*)?\.(?:dist-info|egg-info)\Z")
_SEPARATORS = re.compile(r"[-_.]+")


def read_packages(path: Iterable[str]) -> dict[str, str]:
    """Return the versions of all distributions, by their normal names (PEP 503); the first one on the path counts.

    They are read off the names of the folders that installers write (PEP 376, PEP 491): opening and parsing the
    metadata of some hundreds of packages takes a hundred times as long.

    Args:
        path: The training's ``sys.path``.
    """
    found: dict[str, str] = {}
    for folder in path:
        try:
            names = os.listdir(folder or ".")
        except OSError:  # a zip, or a folder that is not there: Python steps over it, too
            continue
        for name in names:
            if (match := _INFO.match(name)) is not None:
                found.setdefault(_SEPARATORS.sub("-", match["name"]).lower(), match["version"])
    return dict(sorted(found.items()))
