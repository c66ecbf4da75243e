"""The laws: what every backend does, as functions from a desk to verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from tracklib.model.records import Body, Metrics, RunEnd, RunStart
from tracklib.testing.conformance.cases import Case
from tracklib.testing.conformance.corpus import CORPUS
from tracklib.testing.conformance.desk import Desk, Story
from tracklib.testing.conformance.judgement import judge, same_runs
from tracklib.testing.conformance.verdict import Verdict

__all__ = ["LAWS", "Law"]

Law = Callable[[Desk], Iterator[Verdict]]

_END = RunEnd("finished", 0)


def kept(desk: Desk) -> Iterator[Verdict]:
    """Every case of the corpus reads back as it was sent, or as the capabilities declare it."""
    story = _corpus(desk, CORPUS)
    desk.deliver(story)
    yield from judge(desk, story, CORPUS, "kept")
    yield from _aloud(desk, story, CORPUS)


def _corpus(desk: Desk, cases: tuple[Case, ...]) -> Story:
    for case in cases:
        desk.keep(case.files)
    return desk.story(*(body for case in cases for body in case.bodies), end=_END)


def _aloud(desk: Desk, story: Story, cases: tuple[Case, ...]) -> Iterator[Verdict]:
    """What a backend declares absent it refuses, or changes, and says so."""
    capabilities = desk.subject.capabilities
    bodies = {id(record.body): record for record in story.records}
    for case in cases:
        if capabilities.of(case.feature).kind != "absent":
            continue
        outcomes = [story.outcomes.get((bodies[id(b)].writer, bodies[id(b)].seq)) for b in case.bodies]
        quiet = [outcome for outcome in outcomes if outcome is None or outcome.kind == "accepted"]
        problem = "declared absent, and taken without a word" if quiet else ""
        yield Verdict("aloud", case.id, case.feature, problem)


def answered(desk: Desk) -> Iterator[Verdict]:
    """Every record gets an outcome, what was taken is confirmed once the sink is closed, and never before it is sent."""
    story = desk.story(*(Metrics({"loss": 1 / (1 + step)}, step) for step in range(50)), end=_END)
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
    sink.close()
    last = dict(sink.confirmed()).get(writer, 0)
    problem = f"expected {len(story.records)} confirmed after close(), got {last}" if last != len(story.records) else ""
    yield Verdict("answered", "everything is confirmed after close", None, problem)
    yield same_runs(desk, story, "answered", "everything that was confirmed is there")


def again(desk: Desk) -> Iterator[Verdict]:
    """What is sent a second time, by a sink that knows of nothing, is held once."""
    if not desk.subject.capabilities.idempotent:
        return
    cases = tuple(
        case for case in CORPUS if case.id.split("/")[0] in ("values", "steps", "artifacts", "media", "params")
    )
    story = _corpus(desk, cases)
    desk.deliver(story)
    desk.deliver(story)
    yield from judge(desk, story, cases, "again")


def abandoned(desk: Desk) -> Iterator[Verdict]:
    """A sink that dies at any place loses nothing that a new one, told what was confirmed, does not send again."""
    bodies = [Metrics({"loss": float(step), "acc": step / 7}, step) for step in range(60)]
    for sent in (0, 1, 20, 61):
        story = desk.story(*bodies, end=_END)
        dead = desk.open(story)
        desk.send(dead, story, story.records[:sent])
        position = dict(dead.confirmed())
        heir = desk.open(story, position)
        desk.send(heir, story, [r for r in story.records if r.seq > position.get(r.writer, 0)])
        heir.close()
        yield same_runs(desk, story, "abandoned", f"after {sent} records")


def single(desk: Desk) -> Iterator[Verdict]:
    """Opening a run twice makes one run, which is listed once, with the caller's id."""
    story = desk.story(Metrics({"loss": 1.0}, 0), end=_END)
    first = desk.subject.sink(desk.context(story))
    story.vendor = first.open(story.info)
    second = desk.subject.sink(desk.context(story)).open(story.info)
    problem = f"expected one run, got {story.vendor.id} and {second.id}" if second.id != story.vendor.id else ""
    yield Verdict("single", "opened twice", None, problem)
    desk.send(first, story, story.records)
    first.close()
    found = len(desk.found(story))
    yield Verdict("single", "listed once", None, "" if found == 1 else f"expected one run, the source lists {found}")


def ended(desk: Desk) -> Iterator[Verdict]:
    """Each way in which a run can end is told truthfully, and so is one that goes on."""
    ends = {
        "finished": RunEnd("finished", 0),
        "failed": RunEnd("failed", 3, "ValueError: no"),
        "killed": RunEnd("killed", None, "SIGTERM"),
        "crashed": RunEnd("crashed", None, "the process vanished"),
        "running": None,
    }
    for word, end in ends.items():
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
    added = story.attempt([*more, _END])
    sink = desk.open(story, {first.writer: first.seq})
    desk.send(sink, story, added)
    sink.close()
    yield same_runs(desk, story, "resumed", "a second attempt")


def related(desk: Desk) -> Iterator[Verdict]:
    """A run's group, kind of job and parent are kept."""
    parent = desk.story(Metrics({"loss": 1.0}, 0), end=_END)
    desk.deliver(parent)
    start = RunStart(desk.project, "fold 1: naïve", "folds", "train", parent.info.id)
    child = desk.story(Metrics({"loss": 1.0}, 0), start=start, end=_END)
    desk.deliver(child)
    yield same_runs(desk, child, "related", "group, job type and parent")


def neighbours(desk: Desk) -> Iterator[Verdict]:
    """Two runs that are written in turns do not mix."""
    if desk.subject.capabilities.runs_per_process == 1:
        return
    stories = [desk.story(*(Metrics({"x": float(10 * n + i)}, i) for i in range(30)), end=_END) for n in range(2)]
    sinks = [desk.open(story) for story in stories]
    for at in range(0, len(stories[0].records), 8):
        for sink, story in zip(sinks, stories, strict=True):
            desk.send(sink, story, story.records[at : at + 8])
    for sink in sinks:
        sink.close()
    for number, story in enumerate(stories):
        yield same_runs(desk, story, "neighbours", f"run {number + 1}")


def shuffled(desk: Desk) -> Iterator[Verdict]:
    """Thousands of points whose steps come in any order are all kept."""
    steps = [(step * 7919) % 2003 for step in range(2003)]
    story = desk.story(*(Metrics({f"m{step % 5}": step / 3, "all": float(step)}, step) for step in steps), end=_END)
    desk.deliver(story)
    yield same_runs(desk, story, "shuffled", "4,006 points")


def plotted(desk: Desk) -> Iterator[Verdict]:
    """The vendor's own pages plot ordinary metrics as they are: numbers at their steps, seen by another path."""
    witness = desk.subject.witness
    if witness is None:
        return
    expected = [(step, 1 / (1 + step)) for step in range(20)]
    story = desk.story(*(Metrics({"loss": value}, step) for step, value in expected), end=_END)
    desk.deliver(story)
    assert story.vendor is not None
    seen = sorted((step, value) for step, value in witness.points(story.vendor, "loss"))
    problem = "" if seen == expected else f"expected {expected[:3]}..., the vendor shows {seen[:3]}..."
    yield Verdict("plotted", "an ordinary metric", None, problem)


LAWS: Mapping[str, Law] = {
    law.__name__: law
    for law in (kept, answered, again, abandoned, single, ended, resumed, related, neighbours, shuffled, plotted)
}
"""By name, in the order in which they are examined."""
