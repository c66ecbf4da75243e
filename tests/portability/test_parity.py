"""Parity of two places: every sabotage is found and named, and clean copies raise no alarm."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import tracklib
from tracklib.backends import RunQuery, SinkContext
from tracklib.model.records import (
    Artifact,
    Body,
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
from tracklib.model.run import RunInfo
from tracklib.portability.account import Account
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
    RunStart("digits", "baseline", "folds", "train"),
    Params({"lr": 1e-3, "depth": 4}),
    Tags({"dev": "", "team": "vision"}),
    Notes("a note"),
    *(Metrics({"loss": 1 / (step + 1)}, step) for step in range(8)),
    Summary({"best": 0.125}),
    Media("img", 1, "image", file("i.png", PICTURE)),
    Artifact("model", "model", (file("w.bin", WEIGHTS),), ("best",)),
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
    "end": (
        later(len(CLEAN) - 1, 10**6),
        ["ended: 1764000016000000000 != 1764000016001000000"],
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
@pytest.mark.parametrize("vendor", ["local", "mlflow"])
def test_every_sabotage_is_found_and_named(tmp_path: Path, scratch: Path, vendor: str) -> None:
    """Each of 23 sabotages is found, with the very thing that was done and nothing else; clean runs are identical."""
    pytest.importorskip("tracklib_mlflow") if vendor == "mlflow" else None
    a = open_place(f"local:{tmp_path / 'a'}")
    b = open_place(f"mlflow:sqlite:///{tmp_path / 'b.db'}" if vendor == "mlflow" else f"local:{tmp_path / 'b'}")
    for name, (spoil, _) in SABOTAGES.items():
        write(a, name.replace(" ", "-"), CLEAN, scratch)
        if (spoiled := spoil(CLEAN)) is not None:
            write(b, name.replace(" ", "-"), spoiled, scratch)
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
