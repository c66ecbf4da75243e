"""The conformance kit: whether a backend does what it declares, tried on a corpus by laws that look from two sides.

A plugin's test is a subclass with one fixture::

    class TestShelf(ConformanceSuite):
        @pytest.fixture(scope="class")
        @classmethod
        def subject(cls, tmp_path_factory):
            return PlaceSubject(f"shelf:{tmp_path_factory.mktemp('shelf')}/runs.db")
"""

from tracklib.testing.conformance.cases import Case
from tracklib.testing.conformance.corpus import CORPUS
from tracklib.testing.conformance.examination import examine
from tracklib.testing.conformance.laws import LAWS
from tracklib.testing.conformance.subject import PlaceSubject, Subject, Witness
from tracklib.testing.conformance.verdict import Report, Verdict

__all__ = ["CORPUS", "LAWS", "Case", "PlaceSubject", "Report", "Subject", "Verdict", "Witness", "examine"]
