"""Laws about faults on the way: whatever goes wrong, everything is held in the end, and once.

They are examined where the subject has a `Gate` that lets faults in.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator

from tracklib.model.records import (
    Artifact,
    Body,
    Console,
    FileRef,
    Media,
    Metrics,
    Notes,
    Params,
    Summary,
    System,
    Tags,
)
from tracklib.testing.conformance.desk import Desk, Story
from tracklib.testing.conformance.gate import Gate
from tracklib.testing.conformance.judgement import same_runs
from tracklib.testing.conformance.laws.common import END
from tracklib.testing.conformance.verdict import Verdict
from tracklib.testing.emulators.faults import Disconnect, DropReply, Fault, Latency, Partial, Rule, Status

__all__ = ["broken", "busy", "failing", "late", "partly", "unanswered"]

_PLACES = (0, 1, 2, 3, 5, 8, 13)
"""How many writes pass before the fault."""

_WAIT = 2
"""Seconds that a busy vendor asks to wait."""

_CONTENTS = (b"weights" * 100, b"a picture")


def unanswered(desk: Desk) -> Iterator[Verdict]:
    """A write that the vendor carried out, and whose reply was lost, is sent again and held once."""
    yield from _each(desk, DropReply(), "unanswered")


def broken(desk: Desk) -> Iterator[Verdict]:
    """A write whose connection broke before the vendor did anything is sent again."""
    yield from _each(desk, Disconnect(), "broken")


def failing(desk: Desk) -> Iterator[Verdict]:
    """What a vendor in trouble (500, 502, 503) did not take is neither refused nor lost, but sent again."""
    for code in (500, 502, 503):
        yield from _each(desk, Status(code), "failing", word=f"{code} ", places=_PLACES[:3])


def late(desk: Desk) -> Iterator[Verdict]:
    """A write that the vendor carries out when the client has given up, and sent it again, is held once."""
    gate = _gate(desk)
    if gate is None or gate.patience is None:
        return
    for skip in (0, 1, 3):
        story = _story(desk)
        rule = gate.faults.add(gate.writes, Latency(gate.patience + 0.5), skip=skip)
        try:
            desk.deliver(story)
            time.sleep(0.7 if rule.hits else 0)  # until the slow one is through as well
        finally:
            gate.faults.clear()
        if skip and not rule.hits:
            return
        yield _judged(desk, story, rule, "late", f"write {skip + 1}")


def partly(desk: Desk) -> Iterator[Verdict]:
    """A batch of which the vendor took a part before it failed is held whole, and no item of it twice."""
    gate = _gate(desk)
    if gate is None or gate.batches is None:
        return
    for keep in (1, 7):
        story = _story(desk)
        rule = gate.faults.add(gate.batches, Partial(keep))
        try:
            desk.deliver(story)
        finally:
            gate.faults.clear()
        yield _judged(desk, story, rule, "partly", f"{keep} of a batch")


def busy(desk: Desk) -> Iterator[Verdict]:
    """A vendor that asks to wait (429 with Retry-After) is not asked again before that, and gets everything then."""
    gate = _gate(desk)
    if gate is None:
        return
    story = desk.story(Metrics({"loss": 1.0}, 0))
    sink = desk.open(story)
    desk.send(sink, story, story.records)
    added = story.attempt([Metrics({"loss": 0.5}, 1), END])
    rule = gate.faults.add(gate.writes, Status(429, headers={"Retry-After": str(_WAIT)}))
    began = time.monotonic()
    try:
        desk.send(sink, story, added)
        desk.close(sink)
    finally:
        gate.faults.clear()
    took = time.monotonic() - began
    early = f"expected a pause of {_WAIT} s, it was asked again within {took:.2f} s" if took < _WAIT else ""
    yield Verdict(
        "busy", "the pause is kept", None, early if rule.hits else "nothing was written: the fault met nobody"
    )
    yield same_runs(desk, story, "busy", "everything is there")


def _gate(desk: Desk) -> Gate | None:
    gate: Gate | None = getattr(desk.subject, "gate", None)
    return gate


def _each(
    desk: Desk, fault: Fault, law: str, *, word: str = "", places: tuple[int, ...] = _PLACES
) -> Iterator[Verdict]:
    """Let a fault befall one write after the other, each in a run of its own, as far as a run has writes."""
    gate = _gate(desk)
    if gate is None:
        return
    for skip in places:
        story = _story(desk)
        rule = gate.faults.add(gate.writes, fault, skip=skip)
        try:
            desk.deliver(story)
        finally:
            gate.faults.clear()
        if skip and not rule.hits:
            return
        yield _judged(desk, story, rule, law, f"{word}write {skip + 1}")


def _judged(desk: Desk, story: Story, rule: Rule, law: str, case: str) -> Verdict:
    if not rule.hits:
        return Verdict(law, case, None, "nothing was written: the fault met nobody")
    refused = [outcome.reason for outcome in story.outcomes.values() if outcome.kind == "refused"]
    if refused:
        return Verdict(law, case, None, f"expected nothing refused, got {len(refused)}: {refused[0]}")
    return same_runs(desk, story, law, case)


def _story(desk: Desk) -> Story:
    """Begin a run with something of each kind, that of points which need more than a vendor's number too."""
    model, picture = (FileRef(f"{i}.bin", len(c), hashlib.sha256(c).hexdigest()) for i, c in enumerate(_CONTENTS))
    desk.keep({ref.sha256: content for ref, content in zip((model, picture), _CONTENTS, strict=True)})
    bodies: list[Body] = [
        Params({"lr": 0.1, "model": {"depth": 4}}),
        Tags({"team": "vision"}),
        *(Metrics({"loss": 1 / (1 + step), "acc": step}, step) for step in range(20)),
        *(Metrics({"odd": value}, 2.5, 1_700_000_000_000_000_001) for value in (math.nan, math.inf, 2**53 + 1, -0.0)),
        Notes("a note"),
        Summary({"best": 0.9}),
        Artifact("model", "model", (model,), ("best",)),
        Media("sample", 3, "image", picture),
        Console("stdout", "epoch 1\n"),
        System({"cpu.percent": 12.5}),
    ]
    return desk.story(*bodies, end=END)
