"""`Identity`: who a run is and how it ended: what Comet shows of it, and exactly beside that."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tracklib.model.codec import dumps
from tracklib.model.run import RunInfo
from tracklib.model.standing import Standing
from tracklib_comet.names import shown_project, shown_text

__all__ = ["EXACT", "OFFLINE", "Identity", "experiment_key", "milliseconds"]

EXACT = "tracklib.exact"
"""The other value that makes an experiment tracklib's; longer ones go on in ``tracklib.exact.1``, ..."""

OFFLINE = "offline_experiment"
"""The other value by which the SDK marks what is uploaded from a zip: thinned out to 15,000 points of a metric."""

_PIECE = 900


def experiment_key(workspace: str, project: str, run_id: str) -> str:
    """Return Comet's key of a run: it follows from workspace, project and id, so any machine finds the same one.

    Keys are one space for all of Comet, hence the workspace. The SDK wants 32 to 50 letters and digits.
    """
    named = {"workspace": workspace, "project": project, "run": run_id}
    return hashlib.sha256(dumps(named)).hexdigest()[:48]


def milliseconds(nanoseconds: int) -> int:
    """Return a time as Comet has it; one before 1970 becomes the first millisecond of it, as 0 would mean now."""
    return min(max(1, nanoseconds // 1_000_000), 2**62)


@dataclass(frozen=True, slots=True)
class Identity(Standing):
    """A run's standing, which Comet's own fields hold a part of.

    Attributes:
        home: The Comet project that it was written to.
    """

    home: str = ""

    @classmethod
    def begun(cls, info: RunInfo, project: str | None) -> Identity:
        """Return the identity of a run that is new at Comet."""
        home = shown_project(info.project) if project is None else project
        # The start that made it so is the first record to come: what it says is said already.
        return replace(cls.of(info), home=home, resumed=info.started)

    @classmethod
    def among(cls, others: Mapping[str, str]) -> Identity | None:
        """Return what `others` was given; ``None`` where tracklib did not write the run."""
        count, _, first = others.get(EXACT, "").partition(" ")
        digest, _, text = first.partition(" ")
        try:
            text += "".join(others[f"{EXACT}.{number}"] for number in range(1, int(count)))
        except (ValueError, KeyError):
            return None
        # Half of it was written when the writer was killed, where the digest is another: it comes again.
        return cls.read(text) if _digest(text) == digest else None

    def others(self) -> dict[str, str]:
        """Return it as Comet's other values, the one that counts last: what people look for, and all of it, exactly."""
        facts = {
            "run_id": self.id,
            "project": self.project if self.project != self.home else None,
            "status": self.status,
            "attempt": self.attempt if self.attempt > 1 else None,
            "group": self.group,
            "job_type": self.job_type,
            "parent": self.parent,
            "exit_code": self.exit_code,
            "error": self.error,
        }
        told = {f"tracklib.{key}": shown_text(str(value)) for key, value in facts.items() if value is not None}
        text = self.text()
        head = text[: _PIECE - 30]
        pieces = [text[at : at + _PIECE] for at in range(len(head), len(text), _PIECE)]
        more = {f"{EXACT}.{number}": piece for number, piece in enumerate(pieces, 1)}
        return {**told, **more, EXACT: f"{len(pieces) + 1} {_digest(text)} {head}"}

    @property
    def shown_name(self) -> str:
        """The experiment's name at Comet."""
        return shown_text(self.name or self.id)

    def info(self, native: Mapping[str, Any], place: str, url: str | None) -> RunInfo:
        """Return who the run is; where somebody changed the name or project at Comet, or goes on, that counts.

        Args:
            native: Comet's metadata of the experiment.
        """
        name, home = native.get("experimentName") or "", native.get("projectName") or self.home
        goes_on = self.is_over and bool(native.get("running"))
        return RunInfo(
            project=self.project if home == self.home else home,
            id=self.id,
            name=self.name if name == self.shown_name else name,
            status="running" if goes_on else self.status,
            started=self.started,
            ended=self.ended if self.is_over and not goes_on else None,
            group=self.group,
            job_type=self.job_type,
            parent=self.parent,
            attempt=self.attempt,
            place=place,
            url=url,
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
