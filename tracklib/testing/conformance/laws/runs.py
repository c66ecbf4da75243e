"""Laws about runs as a whole: who they are, how they begin, go on and end."""

from __future__ import annotations

from collections.abc import Iterator

from tracklib.model.records import Body, Metrics, RunEnd, RunStart
from tracklib.testing.conformance.desk import Desk
from tracklib.testing.conformance.judgement import same_runs
from tracklib.testing.conformance.laws.common import END
from tracklib.testing.conformance.verdict import Verdict

__all__ = ["called", "dated", "ended", "joined", "neighbours", "related", "resumed", "single"]

_ENDS = {
    "finished": END,
    "failed": RunEnd("failed", 3, "ValueError: no"),
    "failed without a word": RunEnd("failed", 3),
    "failed with many words": RunEnd("failed", 1, "größe 🙂\n" + "x" * 20_000),
    "killed": RunEnd("killed", None, "SIGTERM"),
    "interrupted": RunEnd("killed", 130, "KeyboardInterrupt"),
    "crashed": RunEnd("crashed", None, "the process vanished"),
    "running": None,
}
_NAMES = ("größe/🙂 a:b #?%41 'x'", "line\nbreak\ttab", "n" * 600)
_SECOND = 10**9
_BEGINNINGS = {"long ago": 1_000_000_000 * _SECOND + 123_456_789, "at the epoch": 1_000_003}


def single(desk: Desk) -> Iterator[Verdict]:
    """Opening a run twice makes one run, which is listed once, with the caller's id."""
    story = desk.story(Metrics({"loss": 1.0}, 0), end=END)
    first = desk.subject.sink(desk.context(story))
    story.vendor = first.open(story.info)
    second = desk.subject.sink(desk.context(story)).open(story.info)
    problem = f"expected one run, got {story.vendor.id} and {second.id}" if second.id != story.vendor.id else ""
    yield Verdict("single", "opened twice", None, problem)
    desk.send(first, story, story.records)
    desk.close(first)
    found = len(desk.found(story))
    yield Verdict("single", "listed once", None, "" if found == 1 else f"expected one run, the source lists {found}")


def called(desk: Desk) -> Iterator[Verdict]:
    """Runs and projects of any name keep it."""
    for name in _NAMES:
        story = desk.story(Metrics({"loss": 1.0}, 0), start=RunStart(desk.project, name), end=END)
        desk.deliver(story)
        yield same_runs(desk, story, "called", f"a run: {name[:40]!r}")
    project = f"{desk.project} größe/🙂 #?%41:{'p' * 150}"
    story = desk.story(Metrics({"loss": 1.0}, 0), end=END, project=project)
    desk.deliver(story)
    yield same_runs(desk, story, "called", "a project")


def dated(desk: Desk) -> Iterator[Verdict]:
    """A run of another time, such as one that is brought from elsewhere, keeps its times."""
    for word, began in _BEGINNINGS.items():
        story = desk.story(*(Metrics({"loss": 1 / (1 + step)}, step) for step in range(5)), end=END, began=began)
        desk.deliver(story)
        yield same_runs(desk, story, "dated", word)


def ended(desk: Desk) -> Iterator[Verdict]:
    """Each way in which a run can end is told truthfully, and so is one that goes on."""
    for word, end in _ENDS.items():
        story = desk.story(Metrics({"loss": 1.0}, 0), end=end)
        desk.deliver(story)
        yield same_runs(desk, story, "ended", word)


def resumed(desk: Desk) -> Iterator[Verdict]:
    """A run that is continued by another process is one run, with the points of both and the status of the last."""
    story = desk.story(Metrics({"loss": 1.0}, 0), Metrics({"loss": 0.5}, 1), end=RunEnd("crashed"))
    desk.deliver(story)
    first = story.records[-1]
    more: list[Body] = [
        RunStart(desk.project, "conformance", attempt=2),
        Metrics({"loss": 0.4}, 1),
        Metrics({"loss": 0.3}, 2),
    ]
    added = story.attempt([*more, END])
    sink = desk.open(story, {first.writer: first.seq})
    desk.send(sink, story, added)
    desk.close(sink)
    yield same_runs(desk, story, "resumed", "a second attempt")


def joined(desk: Desk) -> Iterator[Verdict]:
    """What several processes write into one run at once, steps and all, is held whole."""
    story = desk.story(*(Metrics({"loss": step / 3, "mine": 1.0}, step) for step in range(30)))
    first = list(story.records)
    second = story.attempt(Metrics({"loss": step / 5}, step) for step in range(30))
    last = story.attempt([END])
    sink = desk.open(story)
    for at in range(0, len(first), 10):
        desk.send(sink, story, first[at : at + 10])
        desk.send(sink, story, second[at : at + 10])
    desk.send(sink, story, last)
    desk.close(sink)
    yield same_runs(desk, story, "joined", "two processes")


def related(desk: Desk) -> Iterator[Verdict]:
    """A run's group, kind of job and parent are kept."""
    parent = desk.story(Metrics({"loss": 1.0}, 0), end=END)
    desk.deliver(parent)
    start = RunStart(desk.project, "fold 1: naïve", "folds", "train", parent.info.id)
    child = desk.story(Metrics({"loss": 1.0}, 0), start=start, end=END)
    desk.deliver(child)
    yield same_runs(desk, child, "related", "group, job type and parent")


def neighbours(desk: Desk) -> Iterator[Verdict]:
    """Two runs that are written in turns do not mix."""
    if desk.subject.capabilities.runs_per_process == 1:
        return
    stories = [desk.story(*(Metrics({"x": float(10 * n + i)}, i) for i in range(30)), end=END) for n in range(2)]
    sinks = [desk.open(story) for story in stories]
    for at in range(0, len(stories[0].records), 8):
        for sink, story in zip(sinks, stories, strict=True):
            desk.send(sink, story, story.records[at : at + 8])
    for sink in sinks:
        desk.close(sink)
    for number, story in enumerate(stories):
        yield same_runs(desk, story, "neighbours", f"run {number + 1}")
