"""Plugins: what is known of each installed backend without doing anything with it."""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracklib.backends.capabilities import Capabilities, Feature
from tracklib.backends.registry import installed, load_spec
from tracklib.errors import TracklibError

if TYPE_CHECKING:
    from tracklib.backends.spec import BackendSpec

__all__ = ["Plugin", "all_plugins", "capabilities_of", "kinds", "plugin"]


@dataclass(frozen=True, slots=True)
class Plugin:
    """An installed backend.

    Attributes:
        distribution, version: Of the plugin; empty where they cannot be told.
        sdks: The version of each of the vendor's distributions; ``None`` where it is not installed.
        spec: ``None`` where the plugin cannot be imported; ``error`` says why.
    """

    name: str
    distribution: str
    version: str
    sdks: dict[str, str | None]
    spec: BackendSpec | None
    error: str = ""


def all_plugins() -> list[Plugin]:
    """Return every installed backend; one that is broken hides no other."""
    return [plugin(name) for name in sorted(installed())]


def plugin(name: str) -> Plugin:
    """Return one installed backend.

    Raises:
        MissingPluginError: There is none of this name.
    """
    point = installed().get(name)
    if point is None:
        load_spec(name)  # raises, and says which package to install
    dist = point.dist if point is not None else None
    owner, version = (dist.name, dist.version) if dist is not None else ("", "")
    try:
        spec = load_spec(name)
    except TracklibError as error:
        return Plugin(name, owner, version, {}, None, str(error))
    return Plugin(name, owner, version, {sdk: _version(sdk) for sdk in spec.sdks}, spec)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def capabilities_of(found: Plugin) -> Capabilities:
    """Return what a backend declares; nothing where it declares nothing.

    Raises:
        ConfigError: Its declaration cannot be imported.
    """
    if found.spec is None or found.spec.capabilities is None:
        return Capabilities()
    declared = found.spec.load(found.spec.capabilities)
    assert isinstance(declared, Capabilities)
    return declared


def kinds(capabilities: Capabilities) -> Counter[str]:
    """Count the features that are held exactly, with loss, and not at all."""
    return Counter(capabilities.of(feature).kind for feature in Feature)
