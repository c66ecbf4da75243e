"""A vendor of files for tests of ``tracklib conformance``; a file beside it says what it does wrong."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, ClassVar

from pydantic import SecretStr

from tracklib.backends import BackendSettings, BackendSpec, Outcome, VendorRun
from tracklib.backends.memory import CAPABILITIES, MemorySource
from tracklib.errors import TransientError
from tracklib.model.records import RunEnd
from tracklib.testing.conformance.wrong.files import FileSink, FileSubject

__all__ = ["CAPABILITIES", "SPEC", "Settings", "Sink", "Source"]

SPEC = BackendSpec(
    "cratevendor",
    "Crate Vendor",
    "cratevendor",
    "cratevendor:Settings",
    "cratevendor:Sink",
    "cratevendor:Source",
    "cratevendor:CAPABILITIES",
    "cratevendor:check",
    sdks=("orjson",),
)


class Settings(BackendSettings):
    """Where the crate is."""

    place: str
    key: SecretStr | None = None
    VARIABLES: ClassVar = {}

    @classmethod
    def from_location(cls, location: str, /) -> Settings:
        return cls(place=location)

    @property
    def fault(self) -> str:
        path = Path(f"{self.place}.fault")
        return path.read_text() if path.exists() else ""


def check(settings: Settings) -> str:
    if settings.fault == "down":
        raise TransientError("the crate is shut")
    return "the crate is open"


class Sink(FileSink):
    """Does one thing wrong, as a file says."""

    def __init__(self, settings: Settings, context: Any) -> None:
        super().__init__(Path(settings.place), context, hoards=False)
        self._fault = settings.fault

    def open(self, run: Any, /) -> VendorRun:
        print("an SDK that chatters on stdout")
        return super().open(run)

    def send(self, batch: Any, /) -> list[Outcome]:
        if self._fault == "slow":
            time.sleep(0.2)
        if any(isinstance(record.body, RunEnd) and record.body.status == "killed" for record in batch):
            if self._fault == "crash":
                os.abort()
            if self._fault == "lies":
                batch = [record for record in batch if not isinstance(record.body, RunEnd)]
        return list(super().send(batch))


def Source(settings: Settings) -> MemorySource:  # noqa: N802
    """Return a source; one that can delete runs, unless that is what goes wrong."""
    source = FileSubject(settings.place, hoards=False).source()
    if settings.fault == "keeps":
        return source
    return Removing(source._store, Path(settings.place))


class Removing(MemorySource):
    """Deletes files."""

    def __init__(self, store: Any, folder: Path) -> None:
        super().__init__(store)
        self._folder = folder

    def delete(self, run: Any, /) -> str:
        (self._folder / f"{run.id}.jsonl").unlink(missing_ok=True)
        return "the crate remembers that there was a run"
