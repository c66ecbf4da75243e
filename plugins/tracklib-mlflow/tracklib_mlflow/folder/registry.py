"""The registry of a folder: which artifacts of which run are versions of registered models, and their aliases."""

from __future__ import annotations

from collections.abc import Callable

from tracklib.errors import BadValueError
from tracklib_mlflow.folder.disk import Disk
from tracklib_mlflow.folder.meta import read_meta, text
from tracklib_mlflow.registered import Registered, Registry

__all__ = ["read_registry"]

_VERSION = "version-"
_LARGEST_ALIAS = 1000


def read_registry(disk: Disk, folder: str) -> Registry:
    """Read the registered models of a folder."""
    registry = Registry()
    problem = registry.problems.append
    for model in disk.entries(folder, problem):
        if not model.is_folder:
            continue
        aliases = _aliases(disk, f"{model.path}/aliases", problem)
        for version in disk.entries(model.path, problem):
            if version.is_folder and version.name.startswith(_VERSION):
                number = version.name.removeprefix(_VERSION)
                _enter(disk, version.path, Registered(model.name, number, aliases.get(number, ())), registry)
    return registry


def _aliases(disk: Disk, folder: str, problem: Callable[[str], None]) -> dict[str, tuple[str, ...]]:
    """Return the aliases of each version."""
    found: dict[str, tuple[str, ...]] = {}
    for alias, path in disk.walk(folder, problem):
        try:
            number = disk.content(path, _LARGEST_ALIAS).decode("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            problem(f"{disk.name(path)} cannot be read: {error}")
        else:
            found[number] = (*found.get(number, ()), alias)
    return found


def _enter(disk: Disk, folder: str, version: Registered, registry: Registry) -> None:
    try:
        meta = read_meta(disk, folder)
    except (FileNotFoundError, BadValueError) as error:
        registry.problems.append(f"version {version.version} of the registered model {version.name!r}: {error}")
        return
    if meta.get("current_stage") == "Deleted_Internal":  # mlflow.entities.model_registry.model_version_stages
        return
    registry.enter(version, text(meta, "run_id"), text(meta, "source") or "")
