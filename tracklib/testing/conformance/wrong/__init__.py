"""Sinks and sources that do one thing wrong each, and that the kit must therefore fail.

A kit that lets any of them pass proves nothing. Each stands beside one that does the same right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tracklib.testing.conformance.subject import Subject
from tracklib.testing.conformance.wrong.files import FileSubject
from tracklib.testing.conformance.wrong.memory import IN_MEMORY
from tracklib.testing.conformance.wrong.network import OVER_A_NETWORK, networked
from tracklib.testing.conformance.wrong.subject import WrongSubject

__all__ = ["MADE_FOR", "RIGHT", "WRONG", "WrongSubject"]

WRONG: Mapping[str, Callable[[Path], Subject]] = {
    **{name: lambda _, make=make: make() for name, make in {**IN_MEMORY, **OVER_A_NETWORK}.items()},  # type: ignore[misc]
    "keeps a queue in its process, and confirms it": lambda folder: FileSubject(str(folder), hoards=True),
}
"""What each does wrong, and how to make it, in an empty folder."""

RIGHT: Mapping[str, Callable[[Path], Subject]] = {
    "over a network": lambda _: networked(),
    "in files": lambda folder: FileSubject(str(folder), hoards=False),
}
"""Their twins, which do everything right."""

MADE_FOR: Mapping[str, str] = {
    "says nothing of what it lacks": "aloud",
    "forgets the last record": "abandoned",
    "confirms too early": "answered",
    "never confirms": "answered",
    "answers once for a batch": "answered",
    "holds twice what is sent twice": "again",
    "drops late steps": "shuffled",
    "makes a run at each opening": "single",
    "mixes runs": "neighbours",
    "lists runs twice": "single",
    "finishes every run": "ended",
    "forgets the exit code": "ended",
    "forgets the group": "related",
    "takes what is lost": "lost",
    "hands over when it is closed": "live",
    "ends for good": "resumed",
    "knows one process": "joined",
    "knows no other time": "dated",
    "cuts names": "called",
    "thins out": "volume",
    "gives other bytes": "opened",
    "plots other numbers": "plotted",
    "sends again under other keys": "unanswered",
    "takes a broken connection for done": "broken",
    "lets what is late stand beside": "late",
    "takes a part for the whole": "partly",
    "does not wait": "busy",
    "refuses when the vendor is in trouble": "failing",
    "keeps a queue in its process, and confirms it": "killed",
}
"""The law that each is made for; those that are not named, for the one about what is kept."""
