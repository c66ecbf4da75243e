"""`ConformanceSuite`: the kit as tests of pytest."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from tracklib.testing.conformance.examination import examine
from tracklib.testing.conformance.laws import LAWS
from tracklib.testing.conformance.subject import Subject
from tracklib.testing.conformance.verdict import Report

__all__ = ["ConformanceSuite"]


class ConformanceSuite:
    """Every law as a test; a subclass gives the fixture ``subject``, of scope ``class``.

    The subject is examined once for all tests of a class, which may take minutes, so one process is to have them all:
    ``--dist loadscope`` sees to that where tests run in several (``pytest -n 4``).

    Attributes:
        sdks: Distributions whose versions the results name.
        results: Where the results are kept from which the support page is made. A test fails where they differ from
            what was found; ``CONFORMANCE_WRITE_RESULTS=1`` writes them.
    """

    sdks: ClassVar[tuple[str, ...]] = ()
    results: ClassVar[Path | None] = None

    @pytest.fixture(scope="class")
    @classmethod
    def report(cls, subject: Subject) -> Report:
        """Put the subject to every law, once for all tests."""
        return examine(subject, sdks=cls.sdks)

    @pytest.mark.parametrize("law", LAWS)
    def test_law(self, report: Report, law: str) -> None:
        """The backend does as the law says, in every case."""
        broken = [str(verdict) for verdict in report.failures if verdict.law == law]
        assert broken == [], "\n".join(broken)

    def test_results_are_those_that_are_published(self, report: Report) -> None:
        """The results beside the plugin, from which the support page is made, are what was found."""
        if self.results is None:
            pytest.skip("this suite publishes no results")
        found = report.to_json()
        if _writes():
            self.results.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        published = json.loads(self.results.read_text(encoding="utf-8"))
        assert dict(_timeless(published)) == dict(_timeless(found)), (
            "stale: write them with CONFORMANCE_WRITE_RESULTS=1"
        )


def _writes() -> bool:
    return os.environ.get("CONFORMANCE_WRITE_RESULTS") == "1"


def _timeless(results: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Leave out the SDK's version: the same results with another one are not stale."""
    return ((key, value) for key, value in results.items() if key != "versions")
