"""The conformance kit: it lets the backend pass that does everything right, and fails each that does one thing wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracklib.backends.capabilities import Feature
from tracklib.backends.memory import MemorySink
from tracklib.testing.conformance import CORPUS, LAWS, Report, examine
from tracklib.testing.conformance.page import page, read_results
from tracklib.testing.conformance.suite import ConformanceSuite
from tracklib.testing.conformance.wrong import MADE_FOR, RIGHT, WRONG, WrongSubject

ROOT = Path(__file__).resolve().parents[2]


class TestMemory(ConformanceSuite):
    """The memory backend keeps every law."""

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls) -> WrongSubject:
        return WrongSubject("memory", MemorySink)


@pytest.mark.parametrize("fault", WRONG)
def test_the_kit_fails_whoever_does_wrong(fault, tmp_path) -> None:
    """A backend with one fault breaks the law that it is made for."""
    law = MADE_FOR.get(fault, "kept")
    report = examine(WRONG[fault](tmp_path), laws=["kept" if law == "aloud" else law])
    broken = [str(verdict) for verdict in report.failures if verdict.law == law]
    assert broken != []
    assert fault == "raises for one record" or not [t for t in broken if "met nobody" in t or "no exception" in t]


@pytest.fixture(scope="module")
def twins(tmp_path_factory) -> dict[str, Report]:
    """Examine those that do right, over a network and in files that other processes see."""
    slow = ("volume", "opened", "shuffled")
    laws = [law for law in LAWS if law not in slow]
    return {name: examine(make(tmp_path_factory.mktemp("twin")), laws=laws) for name, make in RIGHT.items()}


def test_the_kit_lets_pass_whoever_does_right(twins) -> None:
    """The twins of those that do wrong break no law."""
    assert [str(verdict) for report in twins.values() for verdict in report.failures] == []


def test_every_law_is_examined_and_broken_by_somebody(twins) -> None:
    """Each law has a backend that keeps it, examined, and one that is made to break it."""
    examined = {verdict.law for report in twins.values() for verdict in report.verdicts}
    assert examined == set(LAWS) - {"volume", "opened", "shuffled", "plotted"}
    assert {*MADE_FOR.values(), "kept"} - {"aloud"} == set(LAWS)


def test_a_failure_names_its_case() -> None:
    """What was sent and what came stand in the verdict on the very case, and nowhere else."""
    report = examine(WRONG["drops NaN"](Path()), laws=["kept"])
    assert {verdict.case for verdict in report.failures} == {
        "values/nan",
        "values/series-with-nan",
        "values/all-in-one-record",
    }
    (alone,) = (verdict for verdict in report.failures if verdict.case == "values/nan")
    assert str(alone) == "kept: values/nan: point value/nan step 1: nan != (missing)"


def test_cases_share_no_name() -> None:
    """No two cases are about the same metric, param, tag or artifact, and each has an id of its own."""
    keys = [key for case in CORPUS for key in case.keys]
    assert len(keys) == len(set(keys))
    assert len({case.id for case in CORPUS}) == len(CORPUS)


def test_the_corpus_has_cases_for_what_one_record_can_show() -> None:
    """Every feature has a case, but those that laws about whole runs examine."""
    of_runs = {
        Feature.TIME_OF_POINT,
        Feature.TIME_OF_RUN,
        Feature.STATUS_CRASHED,
        Feature.STATUS_KILLED,
        Feature.RESUME,
        Feature.PARENT,
        Feature.GROUP,
        Feature.RUN_ID,
    }
    assert {case.feature for case in CORPUS} == set(Feature) - of_runs


def test_the_support_page_is_what_the_results_say() -> None:
    """docs/support.md is made from the results beside the plugins; ``make support`` makes it again."""
    results = read_results(sorted((ROOT / "plugins").glob("*/tracklib_*")))
    assert [result["backend"] for result in results] != []
    assert (ROOT / "docs" / "support.md").read_text(encoding="utf-8") == page(results)


def test_the_page_shows_failures() -> None:
    """A case that failed stands on the page as one."""
    report = examine(WRONG["drops NaN"](Path()), laws=["kept"])
    text = page([json.loads(json.dumps(report.to_json()))])
    assert "| metric: NaN | **fails** (2 of 2) |" in text
