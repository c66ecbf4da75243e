"""The registry of a folder: which artifacts of which run are versions of registered models, and their aliases."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tracklib.errors import BadValueError
from tracklib_mlflow.folder.disk import Disk
from tracklib_mlflow.folder.meta import read_meta, text
from tracklib_mlflow.held import Registered

__all__ = ["Registry", "read_registry"]

_VERSION = "version-"
_LARGEST_ALIAS = 1000
# Where a version's files lie: a folder of a run's artifacts, by any path or URI, or a model of MLflow 3.
_SOURCE = re.compile(r"(?:.*/(?P<a>[^/]+)/artifacts|runs:/(?P<b>[^/]+))/(?P<place>[^/]+)/?|(?P<model>models:/m-[^/]+)")


@dataclass(slots=True)
class Registry:
    """What the registry says, by the run's id and the place.

    Attributes:
        problems: What could not be read, and which versions belong to no artifact of a run.
    """

    places: dict[tuple[str, str], Registered] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def of_run(self, run_id: str) -> Mapping[str, Registered]:
        """Return what is registered of a run: by the artifact's folder, or ``models:/<id>``."""
        return {place: found for (owner, place), found in self.places.items() if owner == run_id}


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
    run_id, source = text(meta, "run_id"), text(meta, "source") or ""
    found = _SOURCE.fullmatch(source.replace("\\", "/"))
    if run_id is None or found is None:
        told = f"version {version.version} of the registered model {version.name!r} is no artifact of a run: {source}"
        registry.problems.append(told)
        return
    place = run_id, found["model"] or found["place"]
    held = registry.places.get(place)
    registry.places[place] = version if held is None else held.and_also(version)
