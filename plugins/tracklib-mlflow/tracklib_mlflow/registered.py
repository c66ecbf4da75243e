"""`Registry`: which artifacts of which runs MLflow's model registry knows, and under which aliases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tracklib.typing import JSON

__all__ = ["Registered", "Registry"]

# Where a version's files lie: a folder of a run's artifacts, by any path or URI, or a model of MLflow 3.
_SOURCE = re.compile(r"(?:.*/[^/]+/artifacts|runs:/[^/]+)/(?P<place>[^/]+)/?|(?P<model>models:/m-[^/]+)")


@dataclass(frozen=True, slots=True)
class Registered:
    """An artifact as a version of a registered model.

    Attributes:
        others: What else it is: a version of another model, or another version.
    """

    name: str
    version: str
    aliases: tuple[str, ...] = ()
    others: tuple[Registered, ...] = ()

    def and_also(self, other: Registered) -> Registered:
        """Return the same with another version that the artifact is."""
        return replace(self, others=(*self.others, other))

    def all_aliases(self) -> tuple[str, ...]:
        """Return the aliases of all versions that the artifact is."""
        return tuple(sorted({alias for item in (self, *self.others) for alias in item.aliases}))

    def metadata(self) -> dict[str, JSON]:
        """Return it as an artifact's metadata."""
        versions: list[JSON] = [{"name": item.name, "version": item.version} for item in (self, *self.others)]
        return {"registered_models": versions}


@dataclass(slots=True)
class Registry:
    """What a registry says, by the run's id and the place.

    Attributes:
        problems: What could not be read, and which versions belong to no artifact of a run.
    """

    runs: dict[str, dict[str, Registered]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def enter(self, version: Registered, run_id: str | None, source: str) -> None:
        """Take in a version that was made of a run's artifact."""
        found = _SOURCE.fullmatch(source.replace("\\", "/"))
        if not run_id or found is None:
            words = (
                f"version {version.version} of the registered model {version.name!r} is no artifact of a run: {source}"
            )
            self.problems.append(words)
            return
        places, place = self.runs.setdefault(run_id, {}), found["model"] or found["place"]
        places[place] = places[place].and_also(version) if place in places else version

    def of_run(self, run_id: str) -> Mapping[str, Registered]:
        """Return what is registered of a run: by the artifact's folder, or ``models:/<id>``."""
        return self.runs.get(run_id, {})
