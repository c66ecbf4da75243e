"""The corpus: what real programs record, and what vendors are known to stumble over, as data."""

from __future__ import annotations

from tracklib.testing.conformance.cases import Case
from tracklib.testing.conformance.corpus.files import FILES
from tracklib.testing.conformance.corpus.labels import LABELS
from tracklib.testing.conformance.corpus.names import NAMES
from tracklib.testing.conformance.corpus.params import PARAMS
from tracklib.testing.conformance.corpus.steps import STEPS
from tracklib.testing.conformance.corpus.values import VALUES

__all__ = ["CORPUS"]

CORPUS: tuple[Case, ...] = (*VALUES, *STEPS, *NAMES, *PARAMS, *LABELS, *FILES)
"""Cases that stand together in one run: no two are about the same name."""
