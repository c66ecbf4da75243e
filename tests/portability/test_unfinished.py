"""``migrate --unfinished``: runs that go on are copied as far as they came, and completed when they have grown."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.portability.kinds_of_place import KINDS, Ground, new_place
from tests.portability.made_runs import MadeRun, keep, made_runs
from tests.portability.test_every_pair import for_sets_of, verify
from tests.portability.test_migrate import KilledError, Vendor
from tracklib.backends.memory import MemorySource
from tracklib.model.query import RunQuery
from tracklib.model.records import Metrics, Position, Record, RunEnd, RunStart
from tracklib.model.run import RunInfo
from tracklib.portability.ledger import Ledger
from tracklib.portability.migrate import Migration, Result
from tracklib.portability.places import open_place

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::Warning"),  # the vendors' SDKs use what others have deprecated
]


class Anew(MemorySource):
    """A source as a vendor's API is one: it gives records kind by kind, and numbers them anew at each reading."""

    def read(self, run: RunInfo, /, after: Position | None = None) -> Iterator[Record]:
        """Yield the records of a run, and number them."""
        held = sorted(super().read(run), key=_kind)
        numbered = (dataclasses.replace(record, writer="vendor", seq=seq) for seq, record in enumerate(held, 1))
        return (record for record in numbered if record.seq > (after or {}).get("vendor", 0))


def _kind(record: Record) -> tuple[bool, bool, str]:
    body = record.body
    return not isinstance(body, RunStart), isinstance(body, RunEnd), type(body).__name__


class Service:
    """A place whose runs grow.

    Attributes:
        runs: As far as they came.
    """

    def __init__(self, runs: list[MadeRun]) -> None:
        self.runs = runs

    def source(self) -> Anew:
        """Return the read half."""
        return Anew(keep(self.runs))


def first_part(run: MadeRun) -> MadeRun:
    """Return the first half of a run."""
    return dataclasses.replace(run, records=run.records[: len(run.records) // 2])


def migrate(source: Any, target: Any, ledger: Path, *, unfinished: bool = True) -> list[Result]:
    """Migrate all runs, once."""
    with contextlib.closing(Ledger(ledger, "source", "target")) as book:
        migration = Migration(source, target, book, unfinished=unfinished)
        return [result for wave in migration.waves(None) for result in migration.copy(wave)]


def states(results: list[Result]) -> set[tuple[str, str]]:
    return {(result.state, result.error) for result in results}


@pytest.mark.parametrize("there", KINDS)
def test_what_was_running_the_first_time_is_completed_the_second(ground: Ground, there: str) -> None:
    """Half of a run is copied, then nothing, then the other half: the copy is equal, nothing is there twice."""

    def check(made: list[MadeRun]) -> None:
        service, target, ledger = Service([*map(first_part, made)]), new_place(there, ground), ground.fresh("ledger")
        assert states(migrate(service, target, ledger, unfinished=False)) == {("waiting", "")}
        first = migrate(service, target, ledger)
        assert states(first) == {("partial", "")}
        again = migrate(service, target, ledger)
        assert states(again) == {("partial", "")}
        assert [r.progress.tally.points for r in first] == [r.progress.tally.points for r in again]
        service.runs = made
        last = migrate(service, target, ledger, unfinished=False)
        assert states(last) == {("copied", "")}
        assert sum(result.progress.tally.points for result in last) == points_of(made)
        assert states(migrate(service, target, ledger)) == {("unchanged", "")}
        verify(service.source(), target.source(), len(made))

    for_sets_of(st.lists(made_runs(("one",)), min_size=2, max_size=2), f"growing {there}", check)


def points_of(made: list[MadeRun]) -> int:
    bodies = [record.body for run in made for record in run.records]
    return sum(len(body.values) for body in bodies if isinstance(body, Metrics))


def test_killed_at_any_call_while_it_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often completing a run is killed, and the run grows meanwhile, it is there whole and once in the end."""
    monkeypatch.setattr("tracklib.portability.copy.BATCH", 5)
    start, end = RunStart("digits", "n"), RunEnd("finished")
    points = [Metrics({"loss": 1.0, "acc": float(i // 4)}, i // 2) for i in range(40)]
    bodies = [start, *points, end]
    records = tuple(Record("w", seq, 10**18 + seq // 3, body) for seq, body in enumerate(bodies, 1))
    for deadly in range(1, 12):
        vendor, ledger = Vendor(), tmp_path / f"{deadly}.sqlite"
        service = Service([MadeRun("one", records[:10])])
        for length in (10, 20, 30, 42):
            service.runs = [MadeRun("one", records[:length])]
            vendor.calls, vendor.dies_at = 0, deadly
            with contextlib.suppress(KilledError):
                migrate(service, vendor, ledger)
        vendor.dies_at = 0
        assert states(migrate(service, vendor, ledger)) <= {("copied", ""), ("unchanged", "")}
        verify(service.source(), vendor.source(), 1)


def test_a_run_that_mlflow_calls_running(ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of MLflow's own client is copied while it runs, and completed when it has ended, in a journal root."""
    monkeypatch.setenv("MLFLOW_LOGGING_LEVEL", "CRITICAL")  # it holds for the process, as of the import
    pytest.importorskip("mlflow")
    from mlflow import MlflowClient

    source, target = new_place("mlflow", ground), open_place(f"local:{tmp_path / 'there'}")
    client = MlflowClient(source.resolved.settings.given()["tracking_uri"])
    run_id = client.create_run(client.create_experiment("theirs")).info.run_id
    for step in range(5):
        client.log_metric(run_id, "loss", 1 / (step + 1), step=step)
    client.log_param(run_id, "lr", "0.1")
    assert states(migrate(source, target, tmp_path / "ledger")) == {("partial", "")}
    (copy,) = target.source().runs(RunQuery())
    assert copy.status == "running"
    for step in (5, 2, 6):
        client.log_metric(run_id, "acc", 0.5, step=step)
    client.set_tag(run_id, "team", "vision")
    client.log_metric(run_id, "loss", 0.125, step=2)
    client.set_terminated(run_id, "KILLED")
    (result,) = migrate(source, target, tmp_path / "ledger")
    assert (result.state, result.progress.tally.points, result.progress.tally.params) == ("copied", 9, 1)
    verify(source.source(), target.source(), 1)
