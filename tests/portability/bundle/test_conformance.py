"""A bundle keeps the laws that every backend keeps."""

import pytest

from tracklib.testing.conformance import PlaceSubject
from tracklib.testing.conformance.suite import ConformanceSuite


class TestBundle(ConformanceSuite):
    """In a folder."""

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory):
        return PlaceSubject(f"bundle:{tmp_path_factory.mktemp('bundle')}/b")
