"""Made runs: what hypothesis may come upon as a run, with some of everything that a run can hold, as odd as it comes."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hypothesis import strategies as st

from tracklib.backends.memory import MemoryStore
from tracklib.model.media import HistogramData, TableData, write_histogram, write_table
from tracklib.model.records import (
    Artifact,
    Body,
    Console,
    Context,
    FileRef,
    Input,
    Media,
    Metrics,
    Notes,
    Params,
    Record,
    Reference,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
)

__all__ = ["MADE", "NAMES", "NUMBERS", "TEXTS", "MadeRun", "axes", "keep", "made_runs"]

START = 1_790_000_000_123_456_789
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
_SOUND = b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x02\0\0\0\x01\0"
_FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
_TABLE = TableData(
    ("id", "score", "note", "when", "id"),
    (
        (1, math.nan, "na\u00efve", dt.datetime(2026, 1, 2, 3, 4, 5, 678901), None),
        (2**63, -0.0, None, dt.date(2026, 1, 2), [1, {"a": 2.0}]),
    ),
)
_FIGURE = b'{"data": [{"type": "scatter", "x": [1, 2], "y": [3.5, null]}], "layout": {}}'
KINDS: Mapping[str, tuple[str, bytes]] = {
    "image": ("pixel.png", _PIXEL),
    "audio": ("sound.wav", _SOUND),
    "video": ("film.mp4", _FILM),
    "histogram": ("h.json", write_histogram(HistogramData((0, 0.5, 1.0), (3, 2**53 + 1)))),
    "table": ("t.json", write_table(_TABLE)),
    "text": ("words.txt", "na\u00efve \U0001f642\r\n".encode()),
    "html": ("page.html", b"<p>hello</p>"),
    "figure": ("f.json", _FIGURE),
}
"""Each kind of media, as a file's name and content."""

_ODD = [
    *(
        "loss",
        "val/acc",
        "a//b",
        "/a",
        "a/",
        "a.b",
        "a b",
        " a ",
        "100%",
        "a%41",
        "a#b?c",
        "a:b",
        "a\\b",
        "a\nb",
        "a\0b",
    ),
    *("", ".", "..", "../up", "LOSS", "\U0001f642 Gr\u00f6\u00dfe", "e\u0301", "\u00e9", "\u202eabc", "a\ud800b"),
    *("_step", "_timestamp", "mlflow.source.name", "system/cpu", "sys.gpu.0.x", "__system__cpu", "epoch", "0", "None"),
    *("tracklib.x", "<b>x</b>", "'; DROP TABLE runs; --", "t" * 260 + "a", "t" * 260 + "b", "w" * 3000),
]
_HARD = [0, 0.0, -0.0, 1, 1.0, -3, 0.1, 5e-324, 1e308, math.nan, math.inf, -math.inf, 2**53 + 1, -(2**70), 10**400]
_PATHS = [
    "m.bin",
    "a b.txt",
    "deep/er/f",
    ".hidden",
    "100%.txt",
    "a%41",
    "#1?.txt",
    "back\\slash",
    "\U0001f642",
    "UPPER",
    "upper",
]

NAMES = st.one_of(st.sampled_from(_ODD), st.text(max_size=12))
NUMBERS = st.one_of(st.sampled_from(_HARD), st.floats(), st.integers(-(2**64), 2**64))
TEXTS = st.one_of(
    st.sampled_from(["", "x", "None", "3", "!float NaN", "a\0b", "one\ntwo\r\n", "y" * 7000]), st.text(max_size=9)
)
_LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
TREES = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)


@dataclass(frozen=True, slots=True)
class MadeRun:
    """A run as it was made.

    Attributes:
        files: The contents that its records name, by their SHA-256.
    """

    id: str
    records: tuple[Record, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<the run {self.id} of {len(self.records)} records>"

    def _repr_pretty_(self, printer: Any, cycle: object) -> None:
        _ = cycle  # what hypothesis asks for: all of its records would fill a thousand lines
        printer.text(repr(self))


Axis = Literal["counter", "sparse", "fraction", "negative", "huge", "repeated", "shuffled", "mixed"]


def axes(axis: Axis, length: int, chance: random.Random) -> list[int | float]:
    """Return the steps of a series."""
    match axis:
        case "counter":
            return list(range(length))
        case "sparse":
            return [7 * i**3 for i in range(length)]
        case "fraction":
            return [i / 7 for i in range(length)]
        case "negative":
            return [-3 + i for i in range(length)]
        case "huge":
            return [2**53 + i if i % 3 else 2**63 * (i + 1) for i in range(length)]
        case "repeated":
            return [i // 3 for i in range(length)]
        case "shuffled":
            return chance.sample(range(length), length)
        case "mixed":
            return [chance.choice([-1, 0, 1, 1.0, 1.5, -0.0, 2**70, 1e300]) for _ in range(length)]


@st.composite
def _points(draw: st.DrawFn) -> list[Body]:
    """Some metrics that are logged together, of which a row holds some: so their series are of unequal lengths."""
    keys = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    chance = random.Random(draw(st.integers(0, 2**32)))
    values = [*_HARD, *draw(st.lists(NUMBERS, min_size=1, max_size=4)), chance.random(), chance.gauss(0, 1)]
    times: list[int | None] = [None, None, START - 10**12, chance.randrange(2 * 10**18)]
    given = draw(st.booleans())
    rows: list[Body] = []
    for step in axes(draw(st.sampled_from(Axis.__args__)), draw(st.integers(1, 25)), chance):  # type: ignore[attr-defined]
        row = {key: chance.choice(values) for key in chance.sample(keys, chance.randint(1, len(keys)))}
        rows.append(Metrics(row, step, chance.choice(times) if given else None))
    return rows


def _ref(path: str, content: bytes, files: dict[str, bytes]) -> FileRef:
    digest = hashlib.sha256(content).hexdigest()
    files[digest] = content
    return FileRef(path, len(content), digest)


@st.composite
def _media(draw: st.DrawFn, files: dict[str, bytes]) -> list[Body]:
    """One value of media, or a list of them, at one step."""
    kind = draw(st.sampled_from(list(KINDS)))
    path, content = KINDS[kind]
    if kind == "text":
        content += draw(st.binary(max_size=4)).hex().encode()
    step = draw(st.sampled_from([0, 1, 1, 5, -4, 0.5, 2**63]))
    time = draw(st.sampled_from([None, None, START + 5]))
    key, about = (
        draw(NAMES),
        draw(st.sampled_from([{}, {"caption": "c \U0001f642"}, {"rate": 8000, "x": {"y": [1, 2.5]}}])),
    )
    masks = (_ref("m/0.png", _PIXEL + b"0", files), _ref("m/1.png", _PIXEL + b"0", files)) if kind == "image" else ()
    if draw(st.booleans()):
        return [Media(key, step, kind, _ref(path, content, files), about, None, masks, time)]
    parts = [_PIXEL + bytes([i]) if kind == "image" else content for i in range(draw(st.integers(1, 3)))]
    return [Media(key, step, kind, _ref(path, part, files), about, i, (), time) for i, part in enumerate(parts)]


@st.composite
def _artifact(draw: st.DrawFn, files: dict[str, bytes]) -> list[Body]:
    """An artifact with files, folders and references; or two versions of it."""
    name = draw(
        st.sampled_from(["model", "a/b", "gr\u00f6\u00dfe \U0001f642", "100% #?", "back\\slash'\"", "UPPER", "upper"])
    )
    versions = []
    for _ in range(draw(st.integers(1, 2))):
        paths = draw(st.lists(st.sampled_from(_PATHS), unique=True, max_size=4))
        contents = [draw(st.one_of(st.binary(max_size=20), st.just(bytes(range(256)) * 40))) for _ in paths]
        refs = tuple(_ref(path, content, files) for path, content in zip(paths, contents, strict=True))
        versions.append(
            Artifact(
                name,
                draw(st.sampled_from(["model", "dataset", "file", "odd type/\U0001f642"])),
                refs,
                tuple(draw(st.lists(st.sampled_from(["best", "latest", "v7", "a/b", "c:d"]), unique=True, max_size=3))),
                draw(st.dictionaries(NAMES, TREES, max_size=3)),
                draw(st.sampled_from([(), ("void", "deep/empty")])),
                draw(
                    st.sampled_from(
                        [(), (Reference("far.bin", "s3://bucket/far", 5, "etag:1"), Reference("x", "file:///x"))]
                    )
                ),
            )
        )
    return list(versions)


@st.composite
def _labels(draw: st.DrawFn) -> list[Body]:
    """Params, tags, notes, summary, context, inputs: each set, and some of it set again."""
    bodies: list[Body] = []
    for _ in range(draw(st.integers(1, 3))):
        bodies.append(Params(draw(st.dictionaries(NAMES, TREES, max_size=4))))
        bodies.append(Tags(draw(st.dictionaries(NAMES, st.one_of(st.none(), TEXTS), max_size=4))))
    bodies += [Notes(text) for text in draw(st.lists(TEXTS, max_size=2))]
    bodies += [Summary(tree) for tree in draw(st.lists(st.dictionaries(NAMES, TREES, max_size=4), max_size=2))]
    bodies += [
        Context({"git": {"commit": "0123abc", "dirty": True}, **tree})
        for tree in draw(st.lists(st.dictionaries(NAMES, TREES, max_size=2), max_size=1))
    ]
    bodies += draw(st.sampled_from([[], [Input("digits", "dataset", "v2", "run-0"), Input("plain")]]))
    return draw(st.permutations(bodies))


@st.composite
def _observed(draw: st.DrawFn) -> list[Body]:
    """What was printed, and how the machine fared."""
    lines = [
        "epoch 1\n",
        "epoch 1\n",
        "\x1b[32mgreen\x1b[0m\n",
        "10 %\r100 %\n",
        "no newline",
        "na\u00efve \U0001f642\n",
    ]
    streams = st.tuples(st.sampled_from(["stdout", "stderr"]), st.sampled_from(lines))
    bodies: list[Body] = [Console(*line) for line in draw(st.lists(streams, max_size=4))]
    loads = st.dictionaries(
        st.sampled_from(["cpu.percent", "memory.percent", "gpu.0.utilization", "x y/\U0001f642"]),
        st.floats() | st.integers(0, 99),
        min_size=1,
    )
    return [*bodies, *map(System, draw(st.lists(loads, max_size=3)))]


_ENDS = st.sampled_from(
    [
        RunEnd("finished"),
        RunEnd("finished", 0),
        RunEnd("failed", 3, "ValueError: na\u00efve"),
        RunEnd("crashed"),
        RunEnd("killed", 137),
    ]
)
_GAPS = [1, 999, 1_000_003, 10**9, 7 * 10**9 + 1]
_numbers = itertools.count()


@st.composite
def made_runs(draw: st.DrawFn, shapes: tuple[str, ...] = ("one", "attempts", "ranks")) -> MadeRun:
    """Return a run that ended: one attempt, two of them, or two ranks side by side."""
    files: dict[str, bytes] = {}
    who = RunStart(
        draw(st.sampled_from(["digits", "vision: gr\u00f6\u00dfe/1", "LOSS", "p" * 90])),
        draw(NAMES.filter(bool)),
        draw(st.sampled_from([None, "g", "group/\U0001f642 1"])),
        draw(st.sampled_from([None, "train", "a b"])),
        draw(st.sampled_from([None, "run-0", "Parent_1"])),
        context={"host": "here", "user": "ada", "pid": 42, "python": "3.11.7"},
    )  # fmt: skip
    told = [
        *draw(st.lists(_points(), min_size=2, max_size=4)),
        *draw(st.lists(_media(files), min_size=2, max_size=6)),
        *draw(st.lists(_artifact(files), max_size=2)),
        draw(_labels()),
        draw(_observed()),
    ]
    bodies = [body for part in draw(st.permutations(told)) for body in part]
    half = draw(st.integers(0, len(bodies)))
    shape = draw(st.sampled_from(shapes))
    first, second = (bodies, []) if shape == "one" else (bodies[:half], bodies[half:])
    ends = draw(_ENDS), draw(_ENDS)
    chance = random.Random(draw(st.integers(0, 2**32)))
    run_id = f"{draw(st.sampled_from(['run', 'RUN', '0_a', 'r' * 50]))}-{next(_numbers)}"
    if shape == "ranks":
        writers = [
            [_ranked(who, rank), *part, end] for rank, (part, end) in enumerate(zip((first, second), ends, strict=True))
        ]
        records = _side_by_side(writers, chance)
    else:
        attempts = [[who, *first, ends[0]]] + ([[_again(who), *second, ends[1]]] if shape == "attempts" else [])
        records = _one_after_the_other(attempts, chance)
    return MadeRun(run_id, tuple(records), files)


def _ranked(start: RunStart, rank: int) -> RunStart:
    return RunStart(start.project, start.name, start.group, start.job_type, start.parent, 1, start.context, rank)


def _again(start: RunStart) -> RunStart:
    return RunStart(start.project, start.name, start.group, start.job_type, start.parent, 2, start.context)


def _one_after_the_other(attempts: list[list[Any]], chance: random.Random) -> list[Record]:
    now, records = START, []
    for number, bodies in enumerate(attempts, 1):
        for seq, body in enumerate(bodies, 1):
            records.append(Record(f"here-{number}", seq, now, body))
            now += chance.choice(_GAPS)
    return records


def _side_by_side(writers: list[list[Any]], chance: random.Random) -> list[Record]:
    now, records = START, []
    left = [(f"rank-{number}", 0, list(bodies)) for number, bodies in enumerate(writers)]
    left = left[::-1] if chance.random() < 0.5 else left
    while left:
        place = 0 if any(seq == 0 for _, seq, _ in left) else chance.randrange(len(left))
        writer, seq, bodies = left.pop(place)
        records.append(Record(writer, seq + 1, now, bodies.pop(0)))
        now += chance.choice(_GAPS)
        left += [(writer, seq + 1, bodies)] if bodies else []
    return records


MADE = st.lists(made_runs(), min_size=2, max_size=2)
"""Some runs of one place."""


def keep(runs: list[MadeRun]) -> MemoryStore:
    """Return a store that holds runs."""
    store = MemoryStore()
    for run in runs:
        store.records[run.id] = {(record.writer, record.seq): record for record in run.records}
        store.files.update(run.files)
    return store
