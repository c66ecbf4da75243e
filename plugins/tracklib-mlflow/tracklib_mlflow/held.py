"""What a run is read from: MLflow's service by its client (`tracklib_mlflow.service`), or a folder of its own on the disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from tracklib.model.query import RunQuery
from tracklib.typing import JSON
from tracklib_mlflow.points import Native

__all__ = ["HeldFiles", "HeldRun", "Registered", "Store"]


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


class HeldRun(Protocol):
    """A run with the attributes of `mlflow.entities.Run`, as far as they are read."""

    @property
    def info(self) -> Any:
        """Its id, name, status, times, ...: `mlflow.entities.RunInfo`."""
        ...

    @property
    def data(self) -> Any:
        """Its params, tags and metrics: `mlflow.entities.RunData`."""
        ...


class HeldFiles(Protocol):
    """Files under paths, whose parts are joined by ``/``."""

    def text(self, digest: str, /) -> str | None:
        """Return a companion text; ``None`` where it is not there or not what its name says."""
        ...

    def walk(self, place: str = "", /) -> Iterator[str]:
        """Yield the paths of all files below a place."""
        ...

    def top(self, place: str = "", /) -> list[tuple[str, bool]]:
        """Return what lies directly at a place, and whether each is a folder."""
        ...

    def below(self, folder: str, /) -> Iterator[str]:
        """Yield the files of a folder that is known to be there."""
        ...

    def fetched(self, place: str, /) -> AbstractContextManager[Path]:
        """Give a local path with the content of a file.

        Raises:
            MissingError: There is no such file.
        """
        ...


class Store(Protocol):
    """A place that holds runs."""

    @property
    def left_out(self) -> Mapping[str, int]:
        """What the last `runs` did not yield though it was there, and how often, in words."""
        ...

    def runs(self, query: RunQuery, /) -> Iterator[tuple[HeldRun, str]]:
        """Yield the runs that may satisfy a query, each with its experiment's name."""
        ...

    def run(self, place: str, /) -> tuple[HeldRun, str]:
        """Return the run of MLflow's own id, and its experiment's name.

        Raises:
            RejectedError: There is none, or it cannot be read.
        """
        ...

    def delete(self, place: str, /) -> bool:
        """Delete the run of MLflow's own id; return False where it was gone already.

        Raises:
            RejectedError: Nothing is deleted here.
        """
        ...

    def files(self, run: HeldRun, /) -> HeldFiles:
        """Return a run's artifacts."""
        ...

    def models(self, run: HeldRun, /) -> Iterator[tuple[str, str, HeldFiles]]:
        """Yield the models that MLflow 3 logged from a run, each with its id and name: they lie beside the run."""
        ...

    def registered(self, run: HeldRun, /) -> Mapping[str, Registered]:
        """Return what the registry says of a run's artifacts, by the folder at the top or ``models:/<id>``."""
        ...

    def history(self, run: HeldRun, key: str, /) -> Iterable[Native]:
        """Return all points of a metric."""
        ...

    def problems(self, run: HeldRun, /) -> Sequence[str]:
        """Return what could not be read of a run so far."""
        ...

    def page(self, run: HeldRun, /) -> str | None:
        """Return the address of a run's page, where a server shows one."""
        ...
