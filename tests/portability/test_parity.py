"""Parity of two places: every sabotage is found and named, and clean copies raise no alarm."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tracklib
from tracklib.backends import RunQuery, SinkContext
from tracklib.errors import RejectedError
from tracklib.model.records import (
    Artifact,
    Body,
    Console,
    FileRef,
    Input,
    Media,
    Metrics,
    Notes,
    Params,
    Record,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
)
from tracklib.model.run import RunInfo
from tracklib.portability.account import Account
from tracklib.portability.local import JournalSource
from tracklib.portability.pairing import Match
from tracklib.portability.parity import Half, Parity
from tracklib.portability.places import Place, open_place

SECOND = 10**9
START = 1_764_000_000 * SECOND
CONTENTS = {hashlib.sha256(text).hexdigest(): text for text in (b"weights", b"wEights", b"picture", b"pIcture")}
WEIGHTS, OTHER_WEIGHTS, PICTURE, OTHER_PICTURE = CONTENTS


def file(path: str, digest: str) -> FileRef:
    return FileRef(path, len(CONTENTS[digest]), digest)


BODIES: list[Body] = [
    RunStart("digits", "baseline", "folds", "train", "parent", context={"host": "here"}),
    Params({"lr": 1e-3, "depth": 4}),
    Tags({"dev": "", "team": "vision"}),
    Notes("a note"),
    *(Metrics({"loss": 1 / (step + 1)}, step) for step in range(8)),
    Summary({"best": 0.125}),
    Media("img", 1, "image", file("i.png", PICTURE)),
    Artifact("model", "model", (file("w.bin", WEIGHTS),), ("best",), {"k": 1}, ("logs",)),
    Input("data", "dataset", "v1"),
    Console("stdout", "epoch 1\n"),
    System({"cpu.percent": 12.5}),
    RunEnd("finished", 0),
]
LAST_POINT = 11
CLEAN = [Record("w", seq, START + seq * SECOND, body) for seq, body in enumerate(BODIES, 1)]

Sabotage = Callable[[list[Record]], list[Record] | None]


def without(place: int) -> Sabotage:
    """Return the sabotage that leaves a record out, and closes the gap in the numbers that would tell."""
    return lambda records: [
        replace(record, seq=seq) for seq, record in enumerate(records[:place] + records[place + 1 :], 1)
    ]


def with_body(kind: type, **changes: object) -> Sabotage:
    """Return the sabotage that changes the last body of a kind."""

    def spoil(records: list[Record]) -> list[Record]:
        place = max(i for i, record in enumerate(records) if isinstance(record.body, kind))
        body = replace(records[place].body, **changes)
        return [*records[:place], replace(records[place], body=body), *records[place + 1 :]]

    return spoil


def later(place: int, nanoseconds: int) -> Sabotage:
    return lambda records: [replace(r, time=r.time + nanoseconds) if i == place else r for i, r in enumerate(records)]


def twice(records: list[Record]) -> list[Record]:
    """Log the last point again, with the same time and step."""
    point = records[LAST_POINT]
    assert isinstance(point.body, Metrics)
    again = replace(point.body, timestamp=point.time)
    return [*records[:-1], replace(records[-1], body=again), replace(records[-1], seq=len(records) + 1)]


def without_metric(records: list[Record]) -> list[Record]:
    """Leave every point of the metric out."""
    kept = [record for record in records if not isinstance(record.body, Metrics)]
    return [replace(record, seq=seq) for seq, record in enumerate(kept, 1)]


def place_of(kind: type) -> int:
    return max(i for i, body in enumerate(BODIES) if isinstance(body, kind))


END = CLEAN[-1].time
FLIPPED = math.nextafter(1 / 8, 1)
SABOTAGES: dict[str, tuple[Sabotage, list[str]]] = {
    "run left out": (lambda _: None, []),
    "last point dropped": (without(LAST_POINT), ["point loss step 7: 0.125 != (missing)"]),
    "last bit": (
        with_body(Metrics, values={"loss": FLIPPED}),
        [f"point loss step 7: 0.125 != {FLIPPED!r}"],
    ),
    "a millisecond": (
        later(LAST_POINT, 10**6),
        ["point loss step 7: 0.125 at 1764000012000000000 ns != 0.125 at 1764000012001000000 ns"],
    ),
    "step": (
        with_body(Metrics, step=8),
        ["point loss step 7: 0.125 != (missing)", "point loss step 8: (missing) != 0.125"],
    ),
    "metric renamed": (
        with_body(Metrics, values={"Loss": 1 / 8}),
        ["point loss step 7: 0.125 != (missing)", "point Loss step 7: (missing) != 0.125"],
    ),
    "point twice": (twice, ["point loss step 7: (missing) != 0.125"]),
    "param type": (with_body(Params, values={"lr": 1e-3, "depth": 4.0}), ["param depth: 4 != 4.0"]),
    "param text": (with_body(Params, values={"lr": 1e-3, "depth": "4"}), ["param depth: 4 != '4'"]),
    "param lost": (with_body(Params, values={"lr": 1e-3}), ["param depth: 4 != (missing)"]),
    "artifact byte": (
        with_body(Artifact, files=(file("w.bin", OTHER_WEIGHTS),)),
        [f"file model/w.bin: 7 bytes, sha256 {WEIGHTS} != 7 bytes, sha256 {OTHER_WEIGHTS}"],
    ),
    "artifact renamed": (
        with_body(Artifact, name="models"),
        ["artifact model: model of 1 files != (missing)", "artifact models: (missing) != model of 1 files"],
    ),
    "file renamed": (
        with_body(Artifact, files=(file("v.bin", WEIGHTS),)),
        [
            f"file model/w.bin: 7 bytes, sha256 {WEIGHTS} != (missing)",
            f"file model/v.bin: (missing) != 7 bytes, sha256 {WEIGHTS}",
        ],
    ),
    "alias lost": (with_body(Artifact, aliases=()), ["artifact model: aliases: ('best',) != ()"]),
    "tag lost": (with_body(Tags, values={"dev": ""}), ["tag team: 'vision' != (missing)"]),
    "tag changed": (with_body(Tags, values={"dev": "", "team": "Vision"}), ["tag team: 'vision' != 'Vision'"]),
    "status": (with_body(RunEnd, status="failed"), ["status: finished != failed"]),
    "exit code": (with_body(RunEnd, exit_code=1), ["exit_code: 0 != 1"]),
    "notes": (with_body(Notes, text="a Note"), ["notes: a note != a Note"]),
    "summary": (with_body(Summary, values={"best": 0.25}), ["summary best: 0.125 != 0.25"]),
    "picture": (
        with_body(Media, file=file("i.png", OTHER_PICTURE)),
        [f"media img: content step 1: 7 bytes, sha256 {PICTURE} != 7 bytes, sha256 {OTHER_PICTURE}"],
    ),
    "name": (with_body(RunStart, name="Baseline"), ["name: baseline != Baseline"]),
    "end": (later(len(CLEAN) - 1, 10**6), [f"ended: {END} != {END + 10**6}"]),
    "start": (later(0, 10**6), [f"started: {CLEAN[0].time} != {CLEAN[0].time + 10**6}"]),
    "group": (with_body(RunStart, group="fold"), ["group: folds != fold"]),
    "job type lost": (with_body(RunStart, job_type=None), ["job_type: train != (missing)"]),
    "parent": (with_body(RunStart, parent="other"), ["parent: parent != other"]),
    "surroundings": (with_body(RunStart, context={"host": "there"}), ["context host: 'here' != 'there'"]),
    "metric lost": (without_metric, [f"point loss step {step}: {1 / (step + 1)!r} != (missing)" for step in range(8)]),
    "sign of a value": (with_body(Metrics, values={"loss": -1 / 8}), ["point loss step 7: 0.125 != -0.125"]),
    "value made NaN": (with_body(Metrics, values={"loss": math.nan}), ["point loss step 7: 0.125 != nan"]),
    "step made negative": (
        with_body(Metrics, step=-7),
        ["point loss step 7: 0.125 != (missing)", "point loss step -7: (missing) != 0.125"],
    ),
    "param added": (
        with_body(Params, values={"lr": 1e-3, "depth": 4, "seed": None}),
        ["param seed: (missing) != None"],
    ),
    "param nested": (
        with_body(Params, values={"lr": 1e-3, "depth": {"of": 4}}),
        ["param depth: 4 != (missing)", "param depth.of: (missing) != 4"],
    ),
    "tag added": (with_body(Tags, values={"dev": "", "team": "vision", "x": ""}), ["tag x: (missing) != ''"]),
    "folder lost": (with_body(Artifact, folders=()), ["artifact model: folders: ('logs',) != ()"]),
    "artifact type": (with_body(Artifact, type="dataset"), ["artifact model: type: 'model' != 'dataset'"]),
    "artifact metadata": (
        with_body(Artifact, metadata={"k": 1.0}),
        ["artifact model: metadata: {'k': 1} != {'k': 1.0}"],
    ),
    "artifact lost": (without(place_of(Artifact)), ["artifact model: model of 1 files != (missing)"]),
    "input lost": (without(place_of(Input)), ["input data: type dataset, version v1, of run None != (missing)"]),
    "picture lost": (without(place_of(Media)), [f"media img step 1: image {PICTURE} != (missing)"]),
    "picture's metadata": (
        with_body(Media, metadata={"caption": "c"}),
        ["media img: metadata step 1: {} != {'caption': 'c'}"],
    ),
    "printed line": (
        with_body(Console, text="epoch 2\n"),
        ["console stdout: 1 times 'epoch 1\\n' != (missing)", "console stdout: (missing) != 1 times 'epoch 2\\n'"],
    ),
    "sample": (
        with_body(System, values={"cpu.percent": 12.75}),
        ["system cpu.percent: 12.5 != (missing)", "system cpu.percent: (missing) != 12.75"],
    ),
}


def write(place: Place, run_id: str, records: list[Record], scratch: Path) -> None:
    """Put a run where a place is."""

    def open_file(ref: FileRef) -> Path:
        path = scratch / ref.sha256
        path.write_bytes(CONTENTS[ref.sha256])
        return path

    sink = place.sink(SinkContext(open_file, scratch))
    start = records[0].body
    assert isinstance(start, RunStart)
    sink.open(RunInfo(start.project, run_id, start.name, started=records[0].time))
    assert {outcome.kind for outcome in sink.send(records)} <= {"accepted", "changed"}
    sink.close()


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def compared(a: Place, b: Place, match: str = "id", query: RunQuery = RunQuery()) -> list[Half]:  # noqa: B008
    return list(Parity(a.source(), b.source(), Match.parse(match), query))


@pytest.mark.filterwarnings("ignore::Warning")  # the vendors' SDKs use what others have deprecated
@pytest.mark.parametrize("vendor", ["local", "bundle", "mlflow"])
def test_every_sabotage_is_found_and_named(tmp_path: Path, scratch: Path, vendor: str) -> None:
    """Each of 44 sabotages is found, with the very thing that was done and nothing else; clean runs are identical."""
    pytest.importorskip("tracklib_mlflow") if vendor == "mlflow" else None
    a = open_place(f"{vendor if vendor != 'mlflow' else 'local'}:{tmp_path / 'a'}")
    b = open_place(f"mlflow:sqlite:///{tmp_path / 'b.db'}" if vendor == "mlflow" else f"{vendor}:{tmp_path / 'b'}")
    for name, (spoil, _) in SABOTAGES.items():
        write(a, name.replace(" ", "-"), CLEAN, scratch)
        if (spoiled := spoil(CLEAN)) is not None:
            write(b, name.replace(" ", "-"), spoiled, scratch)
    assert len(SABOTAGES) == 44
    for number in range(3):
        write(a, f"clean{number}", CLEAN, scratch)
        write(b, f"clean{number}", CLEAN, scratch)
    found = {half.run.id: half for half in compared(a, b)}
    for name, (_, expected) in SABOTAGES.items():
        half = found.pop(name.replace(" ", "-"))
        assert half.state == ("only_a" if name == "run left out" else "different"), (name, half)
        assert [str(difference) for difference in half.comparison.differences] == expected, name
    assert {run_id: half.state for run_id, half in found.items()} == dict.fromkeys(
        ["clean0", "clean1", "clean2"], "identical"
    ), found
    backwards = {half.run.id: half.state for half in compared(b, a)}
    assert backwards.pop("run-left-out") == "only_b"
    assert {run_id for run_id, state in backwards.items() if state == "identical"} == {"clean0", "clean1", "clean2"}


def test_files_and_journals_changed_on_disk_are_found(tmp_path: Path, scratch: Path) -> None:
    """A file whose content is not that of its digest, and a damaged journal, are told though the records agree."""
    a, b = (open_place(f"local:{tmp_path / name}") for name in "ab")
    for run_id in ("r", "damaged"):
        write(a, run_id, CLEAN, scratch)
        write(b, run_id, CLEAN, scratch)
    (blob,) = (path for path in (tmp_path / "b").rglob(f"*{WEIGHTS[2:]}*") if path.is_file())
    blob.chmod(0o600)
    blob.write_bytes(b"wEights")
    (journal,) = (path for path in (tmp_path / "b").rglob("*.jsonl") if "damaged" in str(path))
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:4], lines[4].replace(b"note", b"nite"), *lines[5:]]))
    found = {half.run.id: [str(difference) for difference in half.comparison.differences] for half in compared(a, b)}
    assert found["r"] == [f"content model/w.bin: sha256 {WEIGHTS} != sha256 {OTHER_WEIGHTS}"]
    assert any("damaged lines" in text for text in found["damaged"]), found


def test_runs_logged_twice_by_hand_pair_by_name_or_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name or tag, two logs of one run are identical but for ids and times; another value is still found."""
    monkeypatch.setenv("TRACKLIB_CAPTURE", "none")
    monkeypatch.setenv("TRACKLIB_QUIET", "true")
    for root in ("a", "b"):
        for name in ("one", "two", f"only {root}"):
            with tracklib.init("p", name=name, dir=tmp_path / root, tags={"job": name}, backends=[]) as run:
                run.log({"loss": 0.5 if (root, name) != ("b", "two") else 0.25})
    a, b = (open_place(f"local:{tmp_path / name}") for name in "ab")
    expected = {"one": "identical", "two": "different", "only a": "only_a", "only b": "only_b"}
    for match in ("name", "tag:job"):
        halves = compared(a, b, match)
        assert {half.run.name: half.state for half in halves} == expected
        (different,) = (half for half in halves if half.state == "different")
        assert [str(item) for item in different.comparison.differences] == ["point loss step 0: 0.5 != 0.25"]
    assert {half.state for half in compared(a, b, "tag:none")} == {"only_a", "only_b"}
    assert {half.state for half in compared(a, b)} == {"only_a", "only_b"}


def test_a_run_whose_tags_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairing by a tag, one run that cannot be read is no reason to compare none."""
    monkeypatch.setenv("TRACKLIB_CAPTURE", "none")
    monkeypatch.setenv("TRACKLIB_QUIET", "true")
    for root in ("a", "b"):
        for name in ("one", "two"):
            tracklib.init("p", id=name, dir=tmp_path / root, tags={"job": name}, backends=[]).finish()
    real = JournalSource.read

    def read(source: JournalSource, run: RunInfo, /, *more: Any, **after: Any) -> Iterator[Record]:
        if run.id == "one":
            raise RejectedError("gone")
        return real(source, run, *more, **after)

    monkeypatch.setattr(JournalSource, "read", read)
    a, b = (open_place(f"local:{tmp_path / name}") for name in "ab")
    found = [(half.run.id, half.state, half.error) for half in compared(a, b, "tag:job")]
    assert sorted(found) == [("one", "error", "gone"), ("one", "error", "gone"), ("two", "identical", "")]


def test_the_account_counts_by_week_user_and_project(tmp_path: Path, scratch: Path) -> None:
    """Runs between two dates are counted by week and state; those of one side by project and user."""
    a, b = (open_place(f"local:{tmp_path / name}") for name in "ab")
    week = 7 * 86_400 * SECOND
    for number in range(4):
        records = [replace(record, time=record.time + number * week) for record in CLEAN]
        records[0] = replace(records[0], body=replace(BODIES[0], context={"user": "ada"}))
        write(a, f"run{number}", records, scratch)
        if number != 2:
            write(b, f"run{number}", records, scratch)
    account = Account()
    for half in compared(a, b, query=RunQuery(since=START + week, until=START + 4 * week)):
        account.add(half)
    assert account.states == {"identical": 2, "only_a": 1}
    assert account.weeks == {
        "2025-W49": {"identical": 1},
        "2025-W50": {"only_a": 1},
        "2025-W51": {"identical": 1},
    }
    assert account.one_sided == {("only_a", "digits", "ada"): 1}
    assert account.share == pytest.approx(200 / 3)
