"""Aim keeps the laws that every backend keeps."""

import sys
from pathlib import Path

import pytest
import tracklib_aim

from tracklib.testing.conformance import PlaceSubject
from tracklib.testing.conformance.suite import ConformanceSuite

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 13), reason="there is no Aim for it")


class Pages:
    """What Aim's own SDK tells whoever asks for a metric by its name."""

    def __init__(self, folder):
        self._folder = folder

    def points(self, run, metric):
        from aim import Repo

        repo = Repo(str(self._folder))
        try:
            steps, (values, _, _) = next(
                found.data.items_list() for found in repo.get_run(run.id).metrics() if found.name == metric
            )
            return list(zip(steps, values, strict=True))
        finally:
            repo.close()


class TestAim(ConformanceSuite):
    """In a folder."""

    sdks = ("aim",)
    results = Path(tracklib_aim.__file__).parent / "support.json"

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("conformance") / "repo"
        return PlaceSubject(f"aim:{folder}", witness=Pages(folder))
