"""The laws: what every backend does, as functions from a desk to verdicts."""

from __future__ import annotations

from collections.abc import Mapping

from tracklib.testing.conformance.laws.common import Law
from tracklib.testing.conformance.laws.deaths import killed
from tracklib.testing.conformance.laws.faults import broken, busy, failing, late, partly, unanswered
from tracklib.testing.conformance.laws.holding import again, kept, opened, plotted, shuffled, volume
from tracklib.testing.conformance.laws.runs import called, dated, ended, joined, neighbours, related, resumed, single
from tracklib.testing.conformance.laws.sending import abandoned, answered, live, lost

__all__ = ["LAWS", "Law"]

LAWS: Mapping[str, Law] = {
    law.__name__: law
    for law in (
        *(kept, opened, answered, again, lost, live, abandoned, killed),
        *(unanswered, late, broken, partly, busy, failing),
        *(single, called, dated, ended, resumed, joined, related, neighbours),
        *(shuffled, volume, plotted),
    )
}
"""By name, in the order in which they are examined."""
