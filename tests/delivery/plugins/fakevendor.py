"""A vendor made of a folder, which does wrong on demand: a backend for tests of delivery."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import ClassVar

from tracklib.backends import (
    EXACT,
    BackendSettings,
    BackendSpec,
    Capabilities,
    Feature,
    Secret,
    VendorRun,
    accepted,
    refused,
)
from tracklib.errors import AuthError, TransientError
from tracklib.model.codec import to_fields

CAPABILITIES = Capabilities(features=dict.fromkeys(Feature, EXACT), idempotent=True)
SPEC = BackendSpec(
    "fakevendor",
    "Fake Vendor",
    "fakevendor",
    "fakevendor:Settings",
    "fakevendor:Sink",
    capabilities="fakevendor:CAPABILITIES",
)


class Settings(BackendSettings):
    place: str
    key: Secret | None = None
    VARIABLES: ClassVar[dict] = {"place": ("FAKEVENDOR_PLACE",), "key": ("FAKEVENDOR_KEY",)}


class Sink:
    """Appends a line for each record that it is sent; ``faults.json`` in its folder says what goes wrong."""

    capabilities = CAPABILITIES

    def __init__(self, settings: Settings, context) -> None:
        self.place = Path(settings.place)
        self.key = settings.key.reveal() if settings.key else ""
        self.position = dict(context.position)
        self.held = dict(context.position)
        if self.faults().get("litter"):
            tempfile.mkdtemp("-vendor")
            (context.scratch / "aside").touch()

    def faults(self) -> dict:
        try:
            return json.loads((self.place / "faults.json").read_text())
        except FileNotFoundError:
            return {}

    def open(self, run) -> VendorRun:
        self.run = run.id
        for name, line in (("keys.txt", self.key), ("processes.txt", os.getpid())):
            with (self.place / name).open("a") as file:
                file.write(f"{line}\n")
        if self.faults().get("deaf"):
            time.sleep(3600)
        if self.faults().get("auth"):
            raise AuthError("the key was refused")
        return VendorRun(f"vendor-{run.id}", f"http://vendor.example/{run.id}")

    def send(self, batch):
        faults = self.faults()
        if (wait := faults.get("down")) is not None:
            raise TransientError("the vendor is down", retry_after=wait)
        if (told := faults.get("runs", {}).get(self.run)) is not None:
            with (self.place / "tries.txt").open("a") as file:
                file.write(f"{self.run}\n")
            raise TransientError(f"{self.run} may not now", retry_after=told["wait"])
        outcomes = []
        for record in batch:
            fields = to_fields(record)
            text = json.dumps(fields)
            if "stumble" in faults and faults["stumble"] in text:
                raise TypeError("the plugin stumbles")
            if "crash" in faults and faults["crash"] in text:
                os.abort()
            if "exit" in faults and faults["exit"] in text:
                raise SystemExit(3)
            if "hang" in faults and faults["hang"] in text:
                time.sleep(3600)
            if "refuse" in faults and faults["refuse"] in text:
                outcomes.append(refused("never"))
                continue
            with (self.place / "records.jsonl").open("a") as file:
                file.write(json.dumps([self.run, record.writer, fields]) + "\n")
            outcomes.append(accepted())
        self.position[batch[0].writer] = batch[-1].seq
        if "die" in faults and (self.place / "deaths").stat().st_size < faults["die"]:
            with (self.place / "deaths").open("a") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
        return outcomes

    @property
    def native(self):
        return {"vendor's own": self.run}

    def confirmed(self):
        if not self.faults().get("unconfirmed"):
            self.held = dict(self.position)
        return self.held

    def close(self) -> None:
        if self.faults().get("finish"):
            (self.place / "faults.json").write_text('{"unconfirmed": true}')
            self.finished = True
        if getattr(self, "finished", False):
            raise TransientError("the run could not be finished, and can't be any more")
        self.held = dict(self.position)
