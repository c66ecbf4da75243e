"""A vendor for tests of delivery, and scripts that are run as a user runs them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tracklib.delivery.account import Line
from tracklib.delivery.receipt import Receipt, all_receipts
from tracklib.journal.layout import RunFolder
from tracklib.testing.workplace import Workplace

PLUGINS = Path(__file__).parent / "plugins"


@dataclass
class Vendor:
    """The folder that the fake vendor is made of."""

    path: Path

    def faults(self, **faults: object) -> None:
        (self.path / "deaths").touch()
        temporary = self.path / "faults.tmp"
        temporary.write_text(json.dumps(faults))
        temporary.replace(self.path / "faults.json")

    def received(self) -> list[tuple[str, str, dict]]:
        path = self.path / "records.jsonl"
        return [tuple(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []

    def held(self) -> dict[tuple[str, str, int], dict]:
        """Return what an idempotent vendor holds: each record once."""
        return {(run, writer, fields["seq"]): fields for run, writer, fields in self.received()}


class Desk(Workplace):
    """A folder in which scripts run with the fake vendor installed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "fakevendor", PYTHONPATH=str(PLUGINS), TRACKLIB_CAPTURE="none")  # tests count records
        self.vendor = Vendor(path / "vendor")
        self.vendor.path.mkdir()
        self.environ["FAKEVENDOR_PLACE"] = str(self.vendor.path)

    def folder(self) -> RunFolder:
        (folder,) = self.root.runs()
        return folder

    def receipt(self) -> Receipt:
        (receipt,) = all_receipts(self.folder())
        return receipt

    def line(self) -> Line:
        (line,) = self.lines()
        return line


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
