"""A vendor made of a folder, with both halves, for tests of the command line; ``faults.json`` in it says what fails."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, ClassVar

from tracklib.backends import (
    EXACT,
    BackendSettings,
    BackendSpec,
    Capabilities,
    Feature,
    Secret,
    VendorRun,
    accepted,
    changed,
    lossy,
    refused,
)
from tracklib.errors import AuthError, TransientError
from tracklib.model.codec import from_fields, to_fields
from tracklib.model.state import fold

CAPABILITIES = Capabilities(
    features={
        **dict.fromkeys(list(Feature)[:-3], EXACT),
        Feature.GROUP: lossy("groups are kept in lower case", str.lower),
        Feature.RUN_ID: EXACT,
    },
    idempotent=True,
)
SPEC = BackendSpec(
    "boxvendor",
    "Box Vendor",
    "boxvendor",
    "boxvendor:Settings",
    "boxvendor:Sink",
    "boxvendor:Source",
    "boxvendor:CAPABILITIES",
    "boxvendor:check",
    sdks=("orjson", "no-such-sdk"),
)


class Settings(BackendSettings):
    """Where the box is."""

    place: str
    key: Secret | None = None
    VARIABLES: ClassVar = {"place": ("BOXVENDOR_PLACE",), "key": ("BOXVENDOR_KEY",)}

    @classmethod
    def from_location(cls, location: str, /) -> Settings:
        return cls(place=location)


def check(settings: Settings) -> str:
    print("an SDK that chatters on stdout")
    fault = faults(settings.place)
    if fault.get("check") == "hang":
        time.sleep(3600)
    if fault.get("check") == "crash":
        os.abort()
    if fault.get("check") == "down":
        raise TransientError("the box is shut")
    return f"the box at {settings.place} is open"


def faults(place: str) -> dict[str, Any]:
    try:
        return json.loads((Path(place) / "faults.json").read_text())
    except FileNotFoundError:
        return {}


class Sink:
    """Appends a line for each record."""

    capabilities = CAPABILITIES

    def __init__(self, settings: Settings, context: Any) -> None:
        self.settings = settings
        self.held = dict(context.position)

    def open(self, run: Any) -> VendorRun:
        key = self.settings.key.reveal() if self.settings.key else ""
        with (Path(self.settings.place) / "keys.txt").open("a") as file:
            file.write(f"{key}\n")
        if key == "wrong":
            raise AuthError("the key was refused")
        self.run = run.id
        return VendorRun(f"box-{run.id}", f"http://box.example/{run.id}")

    def send(self, batch: Any) -> list[Any]:
        fault = faults(self.settings.place)
        if "down" in fault:
            raise TransientError("the box is shut")
        time.sleep(fault.get("slow", 0))
        outcomes = []
        for record in batch:
            text = json.dumps([self.run, record.writer, to_fields(record)])
            if "refuse" in fault and fault["refuse"] in text:
                outcomes.append(refused("it does not fit\x1b[2J the box"))
                continue
            with (Path(self.settings.place) / "records.jsonl").open("a") as file:
                file.write(f"{text}\n")
            outcomes.append(changed("squeezed") if fault.get("change", "\0") in text else accepted())
        self.held[batch[0].writer] = batch[-1].seq
        return outcomes

    def confirmed(self) -> dict[str, int]:
        return self.held

    def close(self) -> None:
        """Hold nothing back."""


class Source:
    """Reads the lines again."""

    capabilities = CAPABILITIES

    def __init__(self, settings: Settings) -> None:
        self.place = settings.place

    def _records(self) -> dict[str, dict[tuple[str, int], Any]]:
        if "down" in faults(self.place):
            raise TransientError("the box is shut")
        runs: dict[str, dict[tuple[str, int], Any]] = {}
        for line in (Path(self.place) / "records.jsonl").read_text().splitlines():
            run, writer, fields = json.loads(line)
            runs.setdefault(run, {})[writer, fields["seq"]] = from_fields(fields, writer)
        return runs

    def runs(self, query: Any) -> Any:
        for run, records in self._records().items():
            if query.place in (None, f"box-{run}"):
                yield fold(run, records.values()).info()

    def read(self, run: Any, after: Any = None) -> Any:
        yield from sorted(self._records()[run.id].values(), key=lambda record: record.time)
