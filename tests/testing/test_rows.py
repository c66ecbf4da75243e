"""What is known of vendors, row by row: each row is covered by a case, a law or a test that is there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.testing.rows import ROWS
from tracklib.testing.conformance import CORPUS, LAWS

ROOT = Path(__file__).resolve().parents[2]
CASES = {case.id for case in CORPUS}
SECTIONS = {1: 19, 2: 19, 3: 4, 4: 12, 5: 15, 6: 10, 7: 9, 8: 10, 9: 7, 10: 10}
"""How many rows each section has."""


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_covered(row) -> None:
    """Whatever covers a row is there."""
    for name in ROWS[row]:
        if name.startswith("law:"):
            assert name.removeprefix("law:") in LAWS
        elif "::" in name:
            file, _, function = name.partition("::")
            assert re.search(rf"^def {function}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), name
        else:
            assert name in CASES


def test_no_row_is_left_out() -> None:
    """Each section has all its rows."""
    assert Counter(int(row.split()[0]) for row in ROWS) == SECTIONS


def test_a_section_has_cases_or_laws_of_its_own() -> None:
    """Nothing is left to the tests of recording alone, section by section."""
    for section in SECTIONS:
        covered = [name for row, names in ROWS.items() if row.split()[0] == str(section) for name in names]
        assert [name for name in covered if "::" not in name] != []
