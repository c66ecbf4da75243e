"""Every pair of places: made runs go from one to the other and back, and are found equal each time.

``PAIRS_EXAMPLES`` asks for so many sets of runs for each pair: one on each commit, more in a campaign (``make soak``).
"""

from __future__ import annotations

import contextlib
import functools
import os
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st

from tests.portability.kinds_of_place import KINDS, Ground, new_place
from tests.portability.made_exports import EXPORTS
from tests.portability.made_runs import MADE, MadeRun, keep
from tracklib.backends.capabilities import EXACT, Capabilities, Feature, Fidelity, absent, lossy
from tracklib.backends.contract import Source
from tracklib.backends.memory import MemorySource
from tracklib.model.query import RunQuery
from tracklib.portability.copy import copy_run
from tracklib.portability.ledger import Ledger
from tracklib.portability.migrate import Migration
from tracklib.portability.parity import Parity
from tracklib.portability.places import Place

EXAMPLES = int(os.environ.get("PAIRS_EXAMPLES", "1"))
BACK = {"mlflow-folder": "mlflow", "neptune": "local"}
"""Where runs go back to whose own place cannot be written."""

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::Warning"),  # the vendors' SDKs use what others have deprecated
]


def for_sets_of(runs: st.SearchStrategy[Any], name: str, check: Callable[[Any], None]) -> None:
    """Check some sets of runs, always the same ones for a name."""

    @seed(zlib.crc32(name.encode()))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # a pair takes seconds: what was found is reduced by hand
    )
    @given(number=st.integers(0, 2**32), made=runs)
    def examine(number: int, made: Any) -> None:
        assume(number)  # hypothesis tries the simplest of all first, which is hardly anything
        check(made)

    examine()


def migrate(source: Place, target: Place, ground: Ground) -> None:
    """Copy all runs; nothing is refused, and done again it does nothing."""
    with contextlib.closing(Ledger(ground.fresh("ledger"), "source", "target")) as ledger:
        migration = Migration(source, target, ledger)
        for state in ("copied", "unchanged"):
            for result in [result for wave in migration.waves(None) for result in migration.copy(wave)]:
                assert (result.state, result.error, result.progress.tally.refused) == (state, "", {}), result.run


def fill(made: list[MadeRun], place: Place, ground: Ground) -> None:
    """Copy made runs to a place, and see that it holds them."""
    source = MemorySource(keep(made))
    for run in source.runs(RunQuery()):
        scratch = ground.fresh("scratch")
        scratch.mkdir()
        assert copy_run(source, run, place.sink, scratch).tally.refused == {}
    verify(source, place.source(), len(made))


def verify(a: Source, b: Source, count: int) -> None:
    """Compare all runs of two places, as ``tracklib verify`` does."""
    halves = list(Parity(a, b))
    told = [
        f"{half.run.id}: {words}"
        for half in halves
        if half.state != "identical"
        for words in ([half.state, half.error, *map(str, half.comparison.differences)])
    ]
    assert not told, "\n".join(line[:400] for line in told[:20])
    assert len(halves) == count


class Through:
    """A source whose runs have been somewhere else before: what is declared there changes them too."""

    def __init__(self, source: Source, other: Capabilities) -> None:
        self._source = source
        features = {feature: _both(other.of(feature), source.capabilities.of(feature)) for feature in Feature}
        self.capabilities = replace(source.capabilities, features=features)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


def _both(first: Fidelity, then: Fidelity) -> Fidelity:
    if "absent" in (first.kind, then.kind):
        return absent(first.reason or then.reason)
    if first.kind == then.kind == "exact":
        return EXACT
    steps = [fidelity.projection for fidelity in (first, then) if fidelity.projection is not None]
    return lossy(
        first.reason or then.reason, lambda value: functools.reduce(lambda held, step: step(held), steps, value)
    )


def there_and_back(source: Place, target: Place, back: Place, ground: Ground) -> None:
    """Migrate all runs to a place and from there to a third, and compare each with the first."""
    count = len(list(source.source().runs(RunQuery())))
    migrate(source, target, ground)
    verify(source.source(), target.source(), count)
    migrate(target, back, ground)
    verify(source.source(), Through(back.source(), target.source().capabilities), count)


@pytest.mark.parametrize("there", KINDS)
@pytest.mark.parametrize("here", KINDS)
def test_there_and_back(ground: Ground, here: str, there: str) -> None:
    """Runs of any kind of place, migrated to any other, are equal there; and again when they have come back."""

    def check(made: list[MadeRun]) -> None:
        source = new_place(here, ground)
        fill(made, source, ground)
        there_and_back(source, new_place(there, ground), new_place(here, ground), ground)

    for_sets_of(MADE, f"{here} {there}", check)


@pytest.mark.parametrize("there", KINDS)
@pytest.mark.parametrize("here", EXPORTS)
def test_from_files_that_a_vendor_left(ground: Ground, here: str, there: str) -> None:
    """What MLflow's file store and Neptune's exporter wrote is equal wherever it goes, and from there too."""
    runs, write = EXPORTS[here]

    def check(made: list[Any]) -> None:
        there_and_back(write(made, ground), new_place(there, ground), new_place(BACK[here], ground), ground)

    for_sets_of(runs, f"{here} {there}", check)
