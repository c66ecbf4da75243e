"""Laws about sending: what a sink answers, confirms and leaves behind when it dies."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

from tracklib.backends.contract import Sink
from tracklib.model.records import Artifact, FileRef, Metrics
from tracklib.testing.conformance.desk import Desk, Story
from tracklib.testing.conformance.judgement import same_runs
from tracklib.testing.conformance.laws.common import END
from tracklib.testing.conformance.verdict import Verdict

__all__ = ["abandoned", "answered", "live", "lost"]

_PATIENCE = 10.0
"""Seconds in which a sink confirms what it was sent, if it does so before it is closed."""


def answered(desk: Desk) -> Iterator[Verdict]:
    """Every record gets an outcome, what was taken is confirmed once the sink is closed, and never before it is sent."""
    story = desk.story(*(Metrics({"loss": 1 / (1 + step)}, step) for step in range(50)), end=END)
    sink = desk.open(story)
    writer, half = story.records[0].writer, len(story.records) // 2
    before = dict(sink.confirmed())
    outcomes = list(sink.send(story.records[:half]))
    wrong = f"expected {half} outcomes, got {len(outcomes)}" if len(outcomes) != half else ""
    yield Verdict("answered", "an outcome for each record", None, wrong)
    early = before.get(writer, 0) or max(0, dict(sink.confirmed()).get(writer, 0) - half)
    problem = f"confirmed {early} records that were never sent" if early else ""
    yield Verdict("answered", "nothing is confirmed that was not sent", None, problem)
    desk.send(sink, story, story.records[half:])
    desk.close(sink)
    last = dict(sink.confirmed()).get(writer, 0)
    problem = f"expected {len(story.records)} confirmed after close(), got {last}" if last != len(story.records) else ""
    yield Verdict("answered", "everything is confirmed after close", None, problem)
    yield same_runs(desk, story, "answered", "everything that was confirmed is there")


def lost(desk: Desk) -> Iterator[Verdict]:
    """An artifact whose content is lost is refused aloud, and what stands before and behind it is held."""
    missing = FileRef("model.bin", 4, hashlib.sha256(b"lost").hexdigest())
    story = desk.story(
        Metrics({"loss": 1.0}, 0), Artifact("gone", "model", (missing,)), Metrics({"loss": 0.5}, 1), end=END
    )
    desk.deliver(story)
    kinds = [story.outcomes[record.writer, record.seq].kind for record in story.records]
    expected = ["accepted", "accepted", "refused", "accepted", "accepted"]
    problem = "" if kinds == expected else f"expected {expected}, got {kinds}"
    yield Verdict("lost", "the one record is refused", None, problem)
    del story.records[2]
    yield same_runs(desk, story, "lost", "all others are held")


def live(desk: Desk) -> Iterator[Verdict]:
    """What a sink confirms of a run that goes on can be read at once."""
    story = desk.story(*(Metrics({"loss": 1 / (1 + step), "odd": step + 0.5}, step) for step in range(20)))
    sink = desk.open(story)
    desk.send(sink, story, story.records)
    verdict = same_runs(desk, story, "live", "a run that goes on") if _confirms(sink, story) else None
    desk.close(sink)
    if verdict is not None:
        yield verdict


def _confirms(sink: Sink, story: Story) -> bool:
    """Wait for everything to be confirmed; tell whether it was."""
    last = story.records[-1]
    deadline = time.monotonic() + _PATIENCE
    while dict(sink.confirmed()).get(last.writer, 0) < last.seq:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def abandoned(desk: Desk) -> Iterator[Verdict]:
    """A sink that dies at any place loses nothing that a new one, told what was confirmed, does not send again."""
    bodies = [Metrics({"loss": float(step), "acc": step / 7}, step) for step in range(60)]
    for sent in (0, 1, 20, 61):
        story = desk.story(*bodies, end=END)
        dead = desk.open(story)
        desk.send(dead, story, story.records[:sent])
        position = dict(dead.confirmed())
        heir = desk.open(story, position)
        desk.send(heir, story, [r for r in story.records if r.seq > position.get(r.writer, 0)])
        desk.close(heir)
        yield same_runs(desk, story, "abandoned", f"after {sent} records")
