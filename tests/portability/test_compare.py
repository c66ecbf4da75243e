"""Comparing: equal copies are equal, and every kind of damage is named."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest

from tracklib.backends import EXACT, Capabilities, Feature, Limits, absent, lossy
from tracklib.model.records import (
    Artifact,
    Console,
    FileRef,
    Media,
    Metrics,
    Notes,
    Params,
    Record,
    RunEnd,
    RunStart,
    Summary,
    Tags,
)
from tracklib.portability.compare import compare
from tracklib.portability.comparison import Comparison
from tracklib.portability.snapshot import snapshot

ALL_EXACT = Capabilities(features=dict.fromkeys(Feature, EXACT))
FILE = FileRef("w.bin", 3, "ab" * 32)
BODIES = [
    RunStart("digits", "baseline", "folds", "train", "parent"),
    Params({"lr": 1e-3, "model": {"depth": 4, "wide": True}}),
    Tags({"dev": "", "team": "vision"}),
    Notes("a note"),
    *(Metrics({"loss": 1 / (i + 1), "acc": i / 10}, i) for i in range(10)),
    Metrics({"loss": math.nan, "acc": -0.0}, 1.5, 1_700_000_000_000_000_001),
    Metrics({"loss": 0.25}, 3),
    Metrics({"loss": 0.25}, 3),
    Summary({"best": 0.1}),
    Console("stdout", "epoch 1 "),
    Console("stderr", "careful"),
    Artifact("model", "model", (FILE,), ("best",), {"k": 1}),
    RunEnd("finished", 0),
]
CLEAN = [Record("w", seq, 10**18 + seq * 10**6, body) for seq, body in enumerate(BODIES, 1)]


def compared(records: list[Record], capabilities: Capabilities = ALL_EXACT) -> Comparison:
    return compare(snapshot("r", CLEAN), snapshot("r", records), capabilities)


def replaced(kind: type, change: Callable[[object], object], nth: int = 0) -> list[Record]:
    """Return the records with the nth body of a kind changed."""
    places = [i for i, record in enumerate(CLEAN) if isinstance(record.body, kind)]
    records = list(CLEAN)
    place = places[nth]
    records[place] = dataclasses.replace(records[place], body=change(records[place].body))
    return records


def test_a_copy_is_equal_in_any_order_of_its_points() -> None:
    """The order in which a vendor gives points back says nothing; nor does the number type of an integer."""
    result = compared([*CLEAN[:4], *reversed(CLEAN[4:-3]), *CLEAN[-3:]])
    assert result.equal, result.differences
    assert result.counts["points"] == 24
    assert compared(replaced(Metrics, lambda body: dataclasses.replace(body, step=float(body.step)))).equal


SABOTAGE = {
    "a point dropped": (lambda: [r for r in CLEAN if r.seq != 6], "point loss step 1: 0.5 != (missing)"),
    "a repeat dropped": (lambda: [r for r in CLEAN if r.seq != 17], "point loss step 3: 0.25 != (missing)"),
    "a last bit flipped": (
        lambda: replaced(
            Metrics, lambda b: dataclasses.replace(b, values={**b.values, "loss": math.nextafter(1.0, 2)})
        ),
        "point loss step 0: 1.0 != 1.0000000000000002",
    ),
    "a zero's sign lost": (
        lambda: replaced(Metrics, lambda b: dataclasses.replace(b, values={**b.values, "acc": 0.0}), nth=10),
        "point acc step 1.5: -0.0 != 0.0",
    ),
    "a NaN made a number": (
        lambda: replaced(Metrics, lambda b: dataclasses.replace(b, values={**b.values, "loss": 0.0}), nth=10),
        "point loss step 1.5: nan != 0.0",
    ),
    "a step shifted": (
        lambda: replaced(Metrics, lambda b: dataclasses.replace(b, step=100), nth=9),
        "point loss step 9: 0.1 != (missing)",
    ),
    "a time moved by a nanosecond": (
        lambda: replaced(Metrics, lambda b: dataclasses.replace(b, timestamp=b.timestamp + 1), nth=10),
        "point loss step 1.5: nan at 1700000000000000001 ns != nan at 1700000000000000002 ns",
    ),
    "a param's type changed": (
        lambda: replaced(Params, lambda b: Params({**b.values, "lr": "0.001"})),
        "param lr: 0.001 != '0.001'",
    ),
    "a param lost": (
        lambda: replaced(Params, lambda b: Params({"lr": 1e-3, "model": {"depth": 4}})),
        "param model.wide: True != (missing)",
    ),
    "a tag lost": (lambda: replaced(Tags, lambda b: Tags({"dev": ""})), "tag team: 'vision' != (missing)"),
    "a tag added": (lambda: replaced(Tags, lambda b: Tags({**b.values, "x": "y"})), "tag x: (missing) != 'y'"),
    "notes changed": (lambda: replaced(Notes, lambda b: Notes("another")), "notes: a note != another"),
    "a summary changed": (lambda: replaced(Summary, lambda b: Summary({"best": 0.2})), "summary best: 0.1 != 0.2"),
    "a status changed": (lambda: replaced(RunEnd, lambda b: RunEnd("failed", 0)), "status: finished != failed"),
    "an exit code changed": (lambda: replaced(RunEnd, lambda b: RunEnd("finished", 1)), "exit_code: 0 != 1"),
    "a name changed": (lambda: replaced(RunStart, lambda b: dataclasses.replace(b, name="x")), "name: baseline != x"),
    "a parent lost": (
        lambda: replaced(RunStart, lambda b: dataclasses.replace(b, parent=None)),
        "parent: parent != (missing)",
    ),
    "an artifact's byte": (
        lambda: replaced(
            Artifact, lambda b: dataclasses.replace(b, files=(dataclasses.replace(FILE, sha256="cd" * 32),))
        ),
        f"file model/w.bin: 3 bytes, sha256 {'ab' * 32} != 3 bytes, sha256 {'cd' * 32}",
    ),
    "an artifact's file renamed": (
        lambda: replaced(Artifact, lambda b: dataclasses.replace(b, files=(dataclasses.replace(FILE, path="v.bin"),))),
        f"file model/w.bin: 3 bytes, sha256 {'ab' * 32} != (missing)",
    ),
    "an artifact lost": (
        lambda: [r for r in CLEAN if not isinstance(r.body, Artifact)],
        "artifact model: model of 1 files != (missing)",
    ),
    "an alias lost": (
        lambda: replaced(Artifact, lambda b: dataclasses.replace(b, aliases=())),
        "artifact model: aliases: ('best',) != ()",
    ),
    "metadata changed": (
        lambda: replaced(Artifact, lambda b: dataclasses.replace(b, metadata={"k": True})),
        "artifact model: metadata: {'k': 1} != {'k': True}",
    ),
    "an end moved": (
        lambda: [*CLEAN[:-1], dataclasses.replace(CLEAN[-1], time=CLEAN[-1].time + 1)],
        f"ended: {CLEAN[-1].time} != {CLEAN[-1].time + 1}",
    ),
}


@pytest.mark.parametrize("name", SABOTAGE)
def test_sabotage_is_named(name: str) -> None:
    """Each kind of damage makes the copies differ, and the difference says what it was."""
    damage, words = SABOTAGE[name]
    result = compared(damage())
    assert not result.equal
    assert words in [str(difference) for difference in result.differences]


def test_a_declared_change_is_no_difference_and_an_undeclared_one_is() -> None:
    """Times cut to milliseconds are equal where the capabilities say so, and only there."""

    def to_millisecond(time: int) -> int:
        return time // 10**6 * 10**6

    cut = replaced(Metrics, lambda b: dataclasses.replace(b, timestamp=to_millisecond(b.timestamp)), nth=10)
    declares = {**ALL_EXACT.features, Feature.TIME_OF_CALLER: lossy("whole milliseconds", to_millisecond)}
    result = compared(cut, Capabilities(features=declares))
    assert result.equal
    assert result.declared == {"whole milliseconds": 2}
    assert not compared(cut).equal


def test_what_a_backend_declares_absent_must_not_come_back() -> None:
    """Absent points are expected to be missing; one that is there after all is a difference."""
    declares = Capabilities(features={**ALL_EXACT.features, Feature.METRIC_NAN: absent("finite numbers only")})
    without = [r for r in CLEAN if r.seq != 15] + [
        dataclasses.replace(CLEAN[14], body=Metrics({"acc": -0.0}, 1.5, CLEAN[14].body.timestamp))
    ]
    result = compared(without, declares)
    assert result.equal
    assert result.declared == {"finite numbers only": 1}
    assert [str(d) for d in compared(CLEAN, declares).differences] == ["point loss step 1.5: (missing) != nan"]


def without(*kinds: type) -> list[Record]:
    return [record for record in CLEAN if not isinstance(record.body, kinds)]


ABSENT = {
    Feature.PARAM_TYPES: (without(Params), 3),
    Feature.TAGS: (without(Tags), 2),
    Feature.NOTES: (without(Notes), 1),
    Feature.SUMMARY: (without(Summary), 1),
    Feature.CONSOLE: (without(Console), 2),
    Feature.ARTIFACT_FILES: (without(Artifact), 1),
    Feature.ARTIFACT_ALIASES: (replaced(Artifact, lambda b: dataclasses.replace(b, aliases=())), 1),
    Feature.ARTIFACT_METADATA: (replaced(Artifact, lambda b: dataclasses.replace(b, metadata={})), 1),
    Feature.PARENT: (replaced(RunStart, lambda b: dataclasses.replace(b, parent=None)), 1),
    Feature.GROUP: (replaced(RunStart, lambda b: dataclasses.replace(b, group=None, job_type=None)), 2),
}


@pytest.mark.parametrize("feature", ABSENT, ids=lambda feature: feature.name)
def test_each_feature_that_is_declared_absent_is_expected_to_be_missing(feature: Feature) -> None:
    """Without it the copy is equal, and what is missing counted as declared; with it after all, it differs."""
    declares = Capabilities(features={**ALL_EXACT.features, feature: absent("cannot")})
    records, count = ABSENT[feature]
    result = compared(records, declares)
    assert result.equal, list(map(str, result.differences))
    assert result.declared == {"cannot": count}
    assert not compared(records).equal
    assert not compared(CLEAN, declares).equal


TEXTS = {"lr": "0.001", "model": {"depth": "4", "wide": "True"}}
LOSSY = {
    Feature.PARAM_TYPES: (str, replaced(Params, lambda _: Params(TEXTS)), 3),
    Feature.TAGS: (str.upper, replaced(Tags, lambda _: Tags({"dev": "", "team": "VISION"})), 1),
    Feature.NOTES: (str.upper, replaced(Notes, lambda _: Notes("A NOTE")), 1),
    Feature.SUMMARY: (round, replaced(Summary, lambda _: Summary({"best": 0})), 1),
    Feature.CONSOLE: (str.strip, replaced(Console, lambda _: Console("stdout", "epoch 1")), 1),
    Feature.ARTIFACT_ALIASES: (
        lambda aliases: tuple(f"v-{word}" for word in aliases),
        replaced(Artifact, lambda b: dataclasses.replace(b, aliases=("v-best",))),
        1,
    ),
}


@pytest.mark.parametrize("feature", LOSSY, ids=lambda feature: feature.name)
def test_each_feature_that_is_declared_lossy_is_expected_as_its_projection(feature: Feature) -> None:
    """What comes back as the projection says is equal and counted; anything else, the original too, is a difference."""
    projection, records, count = LOSSY[feature]
    declares = Capabilities(features={**ALL_EXACT.features, feature: lossy("otherwise", projection)})
    result = compared(records, declares)
    assert result.equal, list(map(str, result.differences))
    assert result.declared == {"otherwise": count}
    assert not compared(CLEAN, declares).equal


def test_a_status_that_comes_back_as_another_one() -> None:
    """A vendor that knows no crash may show a failure, where it says so."""
    crashed = replaced(RunEnd, lambda _: RunEnd("crashed"))
    failed = replaced(RunEnd, lambda _: RunEnd("failed"))
    declares = Capabilities(
        features={**ALL_EXACT.features, Feature.STATUS_CRASHED: lossy("failed", lambda _: "failed")}
    )
    result = compare(snapshot("r", crashed), snapshot("r", failed), declares)
    assert (result.equal, result.declared) == (True, {"failed": 1})
    assert not compare(snapshot("r", crashed), snapshot("r", failed), ALL_EXACT).equal


def test_a_long_text_is_a_feature_of_its_own() -> None:
    """Only texts beyond the vendor's limit come back as the declaration for long ones says."""
    limits = Limits(param_chars=5)
    declares = Capabilities(
        features={**ALL_EXACT.features, Feature.PARAM_LONG: lossy("cut", lambda text: text[:5])}, limits=limits
    )
    left = replaced(Params, lambda _: Params({"short": "12345", "long": "123456789"}))
    right = replaced(Params, lambda _: Params({"short": "12345", "long": "12345"}))
    result = compare(snapshot("r", left), snapshot("r", right), declares)
    assert (result.equal, result.declared) == (True, {"cut": 1})


IMAGE = Media("sample", 1, "image", FILE, {"caption": "c"}, 0, (FileRef("masks/0.png", 1, "cd" * 32),), 5_000_001)


def compared_media(*right: Media, capabilities: Capabilities = ALL_EXACT) -> list[str]:
    """Return in what a copy with these media differs from one with two pictures and a plain one."""
    left = (IMAGE, dataclasses.replace(IMAGE, index=1), Media("plain", 2, "text", FILE))
    states = [
        snapshot("r", [Record("w", seq, seq, body) for seq, body in enumerate(bodies, 1)]) for bodies in (left, right)
    ]
    return [str(difference) for difference in compare(*states, capabilities).differences]


def test_media_are_compared_in_every_part() -> None:
    """Key, step, place in a list, type, content, attachments, metadata and the time given: each is told apart."""
    second, plain = dataclasses.replace(IMAGE, index=1), Media("plain", 2, "text", FILE)
    assert compared_media(plain, second, IMAGE) == []
    assert compared_media(IMAGE, second) == [f"media plain step 2: text {FILE.sha256} != (missing)"]
    other = FileRef("w.bin", 3, "ef" * 32)
    changes = {
        "type": {"media_type": "video"},
        "content": {"file": other},
        "attachments": {"attachments": ()},
        "metadata": {"metadata": {"caption": "C"}},
        "time": {"timestamp": None},
    }
    for name, change in changes.items():
        (told,) = compared_media(IMAGE, dataclasses.replace(second, **change), plain)
        assert told.startswith(f"media sample[1]: {name} step 1: ")
    for change in ({"key": "x"}, {"step": 2}, {"index": 2}):
        assert len(compared_media(IMAGE, dataclasses.replace(second, **change), plain)) == 2
    coarse = Capabilities(
        features={**dict.fromkeys(Feature, EXACT), Feature.TIME_OF_CALLER: lossy("ms", lambda ns: ns // 10**6 * 10**6)}
    )
    rounded = [dataclasses.replace(item, timestamp=5_000_000) for item in (IMAGE, second)]
    assert compared_media(*rounded, plain, capabilities=coarse) == []
    assert len(compared_media(*rounded, plain)) == 2
