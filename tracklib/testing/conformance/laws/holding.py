"""Laws about what is held: all of it, as it was, once."""

from __future__ import annotations

from collections.abc import Iterator

from tracklib.backends.contract import Source
from tracklib.model.records import FileRef, Metrics, Params
from tracklib.model.run import RunInfo
from tracklib.portability.tally import files_of
from tracklib.testing.conformance.cases import Case
from tracklib.testing.conformance.corpus import CORPUS
from tracklib.testing.conformance.desk import Desk, Story
from tracklib.testing.conformance.judgement import judge, same_runs
from tracklib.testing.conformance.laws.common import END, corpus
from tracklib.testing.conformance.verdict import Verdict

__all__ = ["again", "kept", "opened", "plotted", "shuffled", "volume"]

_METRICS = 50


def kept(desk: Desk) -> Iterator[Verdict]:
    """Every case of the corpus reads back as it was sent, or as the capabilities declare it."""
    story = _held(desk)
    yield from judge(desk, story, CORPUS, "kept")
    yield from _aloud(desk, story, CORPUS)


def _held(desk: Desk) -> Story:
    """Return a run with the whole corpus that was delivered, one for all laws that only look at it."""
    if desk.whole is None:
        desk.whole = corpus(desk, CORPUS)
        desk.deliver(desk.whole)
    return desk.whole


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


def opened(desk: Desk) -> Iterator[Verdict]:
    """Every file of every artifact and medium can be opened, and holds the bytes that were sent."""
    story = _held(desk)
    found = desk.found(story)
    if len(found) != 1:
        yield Verdict("opened", "the run", None, f"expected one run, the source lists {len(found)}")
        return
    source = desk.subject.source()
    held = {file.sha256: file for record in source.read(found[0]) for file in files_of(record)}
    for case in CORPUS:
        if case.files and desk.subject.capabilities.of(case.feature).kind == "exact":
            problems = (_opened(source, found[0], held.get(digest), content) for digest, content in case.files.items())
            yield Verdict("opened", case.id, case.feature, "; ".join(filter(None, problems)))


def _opened(source: Source, run: RunInfo, file: FileRef | None, content: bytes) -> str:
    """Read a file; return what is wrong with it."""
    if file is None:
        return f"no record names a file of these {len(content)} bytes"
    with source.open_file(run, file) as opened_file:
        got = opened_file.read()
    return "" if got == content else f"{file.path}: expected {len(content)} bytes, got {len(got)} that differ"


def again(desk: Desk) -> Iterator[Verdict]:
    """What is sent a second time, by a sink that knows of nothing, is held once."""
    if not desk.subject.capabilities.idempotent:
        return
    words = ("values", "steps", "times", "artifacts", "media", "params", "console", "system")
    cases = tuple(case for case in CORPUS if case.id.split("/")[0] in words)
    story = corpus(desk, cases)
    desk.deliver(story)
    desk.deliver(story)
    yield from judge(desk, story, cases, "again")


def shuffled(desk: Desk) -> Iterator[Verdict]:
    """Thousands of points whose steps come in any order are all kept."""
    steps = [(step * 7919) % 2003 for step in range(2003)]
    story = desk.story(*(Metrics({f"m{step % 5}": step / 3, "all": float(step)}, step) for step in steps), end=END)
    desk.deliver(story)
    yield same_runs(desk, story, "shuffled", "4,006 points")


def volume(desk: Desk) -> Iterator[Verdict]:
    """More points of one metric than vendors show, points of many metrics and many params are kept, none thinned out."""
    scale = desk.scale
    many = scale.points // 1000
    long = scale.points - many * _METRICS
    order = [(step * 7919) % long for step in range(long)]  # a prime that divides no length that is used
    wide = (Metrics({f"m{number}": step / (number + 1) for number in range(_METRICS)}, step) for step in range(many))
    params = Params({f"p{number}": number for number in range(scale.params)})
    story = desk.story(params, *(Metrics({"long": step / 7}, step) for step in order), *wide, end=END)
    desk.deliver(story)
    told = f"{long:,} points of one metric, {many:,} of each of {_METRICS} others, {scale.params:,} params"
    yield same_runs(desk, story, "volume", told)


def plotted(desk: Desk) -> Iterator[Verdict]:
    """The vendor's own pages plot ordinary metrics as they are: numbers at their steps, seen by another path."""
    witness = desk.subject.witness
    if witness is None:
        return
    expected = [(step, 1 / (1 + step)) for step in range(20)]
    story = desk.story(*(Metrics({"loss": value}, step) for step, value in expected), end=END)
    desk.deliver(story)
    assert story.vendor is not None
    seen = sorted((step, value) for step, value in witness.points(story.vendor, "loss"))
    problem = "" if seen == expected else f"expected {expected[:3]}..., the vendor shows {seen[:3]}..."
    yield Verdict("plotted", "an ordinary metric", None, problem)
