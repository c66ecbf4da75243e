"""What W&B says of the surroundings of a run, in tracklib's words where it has some, and all of it as it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tracklib.typing import JSON
from tracklib_wandb.view import Vitals

__all__ = ["context_of", "packages_of"]

_PACKAGE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>\S+)\Z")
_SEPARATORS = re.compile(r"[-_.]+")


def context_of(
    vitals: Vitals,
    metadata: Mapping[str, Any],
    internals: Mapping[str, Any],
    own: Mapping[str, JSON],
    packages: Mapping[str, JSON],
) -> dict[str, JSON]:
    """Return the context: ``user``, ``host``, ``python``, ``script``, ``git``, ``packages``, and the rest under ``wandb``."""
    python = str(metadata.get("python") or "").rpartition(" ")[2]
    script = str(metadata.get("program") or "").replace("\\", "/").rpartition("/")[2]
    told = {"user": vitals.user, "host": vitals.host, "python": python, "script": script}
    context: dict[str, JSON] = {name: value for name, value in told.items() if value}
    git = metadata.get("git")
    if isinstance(git, Mapping):
        context["git"] = {key: value for key, value in git.items() if isinstance(value, str) and value}
    if packages:
        context["packages"] = dict(packages)
    context["wandb"] = _wandb(vitals, metadata, internals, own)
    return context


def _wandb(
    vitals: Vitals, metadata: Mapping[str, Any], internals: Mapping[str, Any], own: Mapping[str, JSON]
) -> dict[str, JSON]:
    told: dict[str, JSON] = {
        "entity": vitals.entity,
        "state": vitals.state,
        "sweep": vitals.sweep,
        "user": vitals.user,
        "url": vitals.url,
    }
    found: dict[str, JSON] = {key: value for key, value in told.items() if value}
    if metadata:
        found["metadata"] = dict(metadata)
    kept = {key: value for key, value in internals.items() if key != "e"}  # the metadata once more
    if kept:
        found["config"] = kept
    return {**found, **own}


def packages_of(content: bytes) -> dict[str, JSON]:
    """Return the versions of packages by their normal names; nothing where any line says more than that."""
    found: dict[str, JSON] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        if not line.strip():
            continue
        match = _PACKAGE.match(line.strip())
        if match is None:
            return {}
        found[_SEPARATORS.sub("-", match["name"]).lower()] = match["version"]
    return found
