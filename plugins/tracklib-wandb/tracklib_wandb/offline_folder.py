"""`OfflineFolder`: the runs below a folder of this machine, listed and found again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tracklib.backends.contract import Leftover
from tracklib.errors import RejectedError
from tracklib.model.query import RunQuery
from tracklib.model.run import RunInfo
from tracklib_wandb.offline_places import offline_runs, remove_log
from tracklib_wandb.offline_run import OfflineRun
from tracklib_wandb.view import RunView, place_of

__all__ = ["OfflineFolder"]


class OfflineFolder:
    """Lists runs; of each only where its logs are is remembered, not what stands in them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._logs: dict[str, tuple[Path, ...]] = {}

    def views(self, query: RunQuery, /) -> Iterator[RunView | RunInfo]:
        """Yield all runs; of one whose log cannot be read, what the log's name tells."""
        del query  # a log tells its run's name and state only to who reads it all
        for run in offline_runs(self._folder):
            try:
                place = place_of(run.vitals)
            except RejectedError:  # whoever reads the run is told why
                place = str(run.logs[0])
                self._logs[place] = run.logs
                started = round(run.logs[0].stat().st_mtime_ns)
                yield RunInfo("uncategorized", run.name, run.name, "crashed", started, place=place)
                continue
            self._logs[place] = run.logs
            yield run

    def find(self, place: str, /) -> OfflineRun | None:
        """Return the run of a place."""
        if place not in self._logs:
            for _ in self.views(RunQuery()):
                pass
        logs = self._logs.get(place)
        return OfflineRun(logs) if logs is not None and all(log.exists() for log in logs) else None

    def leftovers(self) -> Iterator[Leftover]:
        """Yield nothing: directories hold runs alone."""
        return iter(())

    def delete(self, place: str, /) -> str:
        """Remove a run's directories; of a log that stands for itself, the log alone."""
        run = self.find(place)
        for log in run.logs if run is not None else ():
            remove_log(log)
        self._logs.pop(place, None)
        return ""
