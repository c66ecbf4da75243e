"""Round trips: whatever a run holds comes out of a bundle as it went in."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.model.test_codec import BODIES, TEXT
from tests.portability.bundle.conftest import fresh
from tests.portability.test_migrate import assert_equal, migrated
from tracklib.backends import RunQuery
from tracklib.backends.memory import MemorySource, MemoryStore
from tracklib.journal.layout import Root
from tracklib.model.codec import dumps, to_fields
from tracklib.model.records import Artifact, FileRef, Media, Metrics, Record, RunEnd, RunStart, Unknown
from tracklib.portability.bundle.catalog import Catalog
from tracklib.portability.bundle.folders import FolderStore
from tracklib.portability.bundle.sink import BundleSink
from tracklib.portability.bundle.source import BundleSource
from tracklib.portability.compare import compare
from tracklib.portability.copy import copy_run
from tracklib.portability.local import JournalSource
from tracklib.portability.local_sink import JournalSink
from tracklib.portability.places import open_place
from tracklib.portability.snapshot import snapshot
from tracklib.testing.conformance import CORPUS

CONTENTS = {hashlib.sha256(content).hexdigest(): content for content in (b"", b"x", b"y" * 70_000)}
FILE = st.sampled_from(sorted(CONTENTS)).flatmap(
    lambda digest: st.sampled_from(["w", "a/b", "a/ü\ud800", "..a/...", "c d/%2e"]).map(
        lambda path: FileRef(path, len(CONTENTS[digest]), digest)
    )
)
HELD = {
    **BODIES,
    Artifact: st.builds(
        lambda body, files, folders: Artifact(
            body.name, body.type, tuple(files), body.aliases, body.metadata, tuple(folders), body.references
        ),
        BODIES[Artifact],
        st.lists(FILE, max_size=2, unique_by=lambda file: file.path),
        st.lists(st.sampled_from(["empty", "a/b/c"]), max_size=1),
    ),
    Media: st.builds(
        lambda body, file, more: Media(
            body.key, body.step, body.media_type, file, body.metadata, body.index, tuple(more), body.timestamp
        ),
        BODIES[Media],
        FILE,
        st.lists(FILE, max_size=1),
    ),
    Unknown: st.just(Unknown("later", {"writer": "x", "values": [1, "!float NaN"]})),
}
BODY = st.one_of(*HELD.values(), HELD[Metrics], HELD[Metrics])
WRITERS = st.sampled_from(["w", "../W", "x\ud800"])
WIDE = st.sampled_from([0, 10**18, 2**63 - 1, 2**63, 10**30, -5])


@st.composite
def runs(draw: st.DrawFn) -> list[Record]:
    """Make a run of anything, by several writers, in any order of times."""
    first = Record("w", 1, 10**18, RunStart(draw(TEXT), draw(TEXT)))
    seqs = {"w": itertools.count(2), "../W": itertools.count(1), "x\ud800": itertools.count(2**62)}
    records = [first]
    for body in draw(st.lists(BODY, max_size=12)):
        writer = draw(WRITERS)
        records.append(Record(writer, next(seqs[writer]), 10**18 + draw(st.integers(0, 5)), body))
    return records


class Listed(MemorySource):
    """A source that gives records in the order in which they are listed."""

    def _records(self, run_id: str) -> list[Record]:
        return list(self._store.records[run_id].values())


def source_of(records: list[Record]) -> Listed:
    store = MemoryStore(files=CONTENTS)
    store.records["a/Run ü"] = {(record.writer, record.seq): record for record in records}
    return Listed(store)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp())
    yield path
    shutil.rmtree(path)


_NUMBERS = itertools.count()


def copied(source: Any, folder: Path) -> tuple[Catalog, Any]:
    """Copy the one run of a source into a bundle of its own; return that and how it went."""
    catalog = Catalog(FolderStore(str(folder / f"b{next(_NUMBERS)}")))
    (run,) = source.runs(RunQuery())
    scratch = Path(tempfile.mkdtemp(dir=folder))
    return catalog, copy_run(source, run, lambda context: BundleSink(catalog, context), scratch)


def exactly(records: list[Record]) -> list[tuple[str, bytes]]:
    """Return records as writers and the journal's exact JSON."""
    return [(record.writer, dumps(to_fields(record))) for record in records]


@given(records=runs())
def test_any_run_comes_out_as_it_went_in(folder: Path, records: list[Record]) -> None:
    """Each record is read back the same, in the same order, and compares equal; a copy of the copy is the same file."""
    source = source_of(records)
    catalog, progress = copied(source, folder)
    assert progress.tally.refused == {}
    back = BundleSource(catalog)
    (run,) = back.runs(RunQuery())
    assert exactly(list(back.read(run))) == exactly(records)
    found = compare(snapshot(run.id, records), snapshot(run.id, back.read(run)), back.capabilities)
    assert found.equal, found.differences
    again, _ = copied(back, folder)
    ((first,), (second,)) = list(catalog.entries()), list(again.entries())
    assert first.parts == second.parts
    for name, digest in ((file.path, file.sha256) for r in records for file in getattr(r.body, "files", ())):
        with back.open_file(run, FileRef(name, 0, digest)) as content:
            assert content.read() == CONTENTS[digest]


@given(bodies=st.lists(BODY, max_size=10), writers=st.lists(st.sampled_from(["w", "v"]), min_size=10, max_size=10))
def test_any_run_goes_from_a_bundle_to_a_journal_and_back(folder: Path, bodies: list[Any], writers: list[str]) -> None:
    """A run goes to a journal root and again to a bundle; each time it compares equal, and the two bundles are the same."""
    seqs = {"w": itertools.count(2), "v": itertools.count(1)}
    records = [Record("w", 1, 10**18, RunStart("p", "n"))]
    for time, (writer, body) in enumerate(zip(writers, bodies, strict=False), 1):
        if isinstance(body, RunStart):  # it was resumed: a root's folder says which project that is
            body = dataclasses.replace(body, project="p")  # noqa: PLW2901
        records.append(Record(writer, next(seqs[writer]), 10**18 + time, body))
    first, _ = copied(source_of(records), folder)
    root = Root(folder / f"root{next(_NUMBERS)}")
    source = BundleSource(first)
    (run,) = source.runs(RunQuery())
    copy_run(source, run, lambda context: JournalSink(root, context), Path(tempfile.mkdtemp(dir=folder)))
    journal = JournalSource(root)
    (copy,) = journal.runs(RunQuery())
    found = compare(snapshot(run.id, records), snapshot(run.id, journal.read(copy)), journal.capabilities)
    assert found.equal, found.differences
    second, _ = copied(journal, folder)
    ((a,), (b,)) = list(first.entries()), list(second.entries())
    assert a.parts == b.parts


@given(seq=WIDE.filter(lambda seq: seq > 0), time=WIDE, given_time=st.none() | WIDE, value=st.integers() | st.floats())
def test_numbers_beyond_64_bits_come_out_as_they_went_in(
    folder: Path, seq: int, time: int, given_time: int | None, value: float
) -> None:
    """Sequence numbers, times and values that no column holds stand beside it."""
    bodies = [
        RunStart("p", "n"),
        Metrics({"a\udfff": value, "b": 1.5}, value if value == value and abs(value) < 9e99 else 0, given_time),
    ]
    records = [Record("w", seq, time, body) for seq, body in zip((seq, seq + 1), bodies, strict=True)]
    catalog, progress = copied(source_of(records), folder)
    assert progress.tally.refused == {}
    back = BundleSource(catalog)
    (run,) = back.runs(RunQuery())
    assert exactly(list(back.read(run))) == exactly(records)


def test_many_points_cross_row_groups_and_parts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of several parts is read back in order, and other records between the points keep their places."""
    monkeypatch.setattr("tracklib.portability.bundle.drafts._GROUP_ROWS", 7)
    monkeypatch.setattr("tracklib.portability.bundle.drafts._PART_ROWS", 21)
    monkeypatch.setattr("tracklib.portability.bundle.parts._ROWS", 5)
    records = [Record("w", 1, 10**18, RunStart("p", "n"))]
    for i in range(100):
        body = Metrics({"a": i / 3, "b": i, "c": float("nan")}, i) if i % 5 else HELD_TEXT
        records.append(Record("w", i + 2, 10**18 + i, body))
    catalog, _ = copied(source_of(records), folder)
    back = BundleSource(catalog)
    (run,) = back.runs(RunQuery())
    assert exactly(list(back.read(run))) == exactly(records)
    (entry,) = catalog.entries()
    assert len(entry.of("points")) > 5
    batches = list(back.point_batches(run))
    assert sum(map(len, batches)) == 240
    assert batches[0].schema.names == [
        "n",
        "writer",
        "seq",
        "metric",
        "step",
        "time",
        "value",
        "given",
        "recorded",
        "step_int",
        "value_int",
        "exact",
    ]


HELD_TEXT = Unknown("later", {"text": "x"})


def test_what_is_behind_a_position_is_read_alone(folder: Path) -> None:
    """Reading after a position gives what is behind it, for each writer."""
    records = [Record(w, i, 10**18 + i, Metrics({"a": 1.0}, i)) for i in range(1, 5) for w in ("v", "w")]
    catalog, _ = copied(source_of(records), folder)
    back = BundleSource(catalog)
    (run,) = back.runs(RunQuery())
    assert exactly(list(back.read(run, {"v": 4, "w": 2}))) == exactly(
        [r for r in records if r.writer == "w" and r.seq > 2]
    )


def test_a_run_that_goes_on_is_completed_by_new_parts(folder: Path) -> None:
    """Later records come into parts of their own behind the first ones, which stay as they are."""
    records = [Record("w", 1, 10**18, RunStart("p", "n"))]
    records += [Record("w", i, 10**18 + i, Metrics({"a": 1 / i}, i)) for i in range(2, 9)]
    catalog, first = copied(source_of(records), folder)
    (before,) = catalog.entries()
    records += [Record("w", 9, 10**18 + 9, Metrics({"a": 2.0}, 9)), Record("w", 10, 10**18 + 10, RunEnd("finished"))]
    source = source_of(records)
    (run,) = source.runs(RunQuery())
    scratch = Path(tempfile.mkdtemp(dir=folder))
    copy_run(source, run, lambda context: BundleSink(catalog, context), scratch, after=first)
    (after,) = catalog.entries()
    assert (before.run.status, after.run.status) == ("running", "finished")
    assert set(before.parts) < set(after.parts)
    assert exactly(list(BundleSource(catalog).read(after.run))) == exactly(records)


def test_from_a_journal_to_a_bundle_and_to_another_journal(tmp_path: Path, recorded: Path) -> None:
    """From a journal to a bundle and back to a journal nothing is lost, and repeating it does nothing."""
    a, b, c = f"local:{recorded}", f"bundle:{tmp_path / 'b'}", f"local:{tmp_path / 'c'}"
    there = migrated(a, b, tmp_path / "there.sqlite")
    assert [result.state for result in there] == ["copied", "copied"], there
    assert_equal(a, b)
    back = migrated(b, c, tmp_path / "back.sqlite")
    assert [result.state for result in back] == ["copied", "copied"], back
    assert_equal(b, c)
    assert_equal(a, c)
    assert {result.state for result in migrated(a, b, tmp_path / "there.sqlite")} == {"unchanged"}
    assert fresh(tmp_path / "b").damage == {}


@pytest.mark.filterwarnings("ignore::Warning")  # the vendor's SDK uses what others have deprecated
def test_from_a_journal_to_a_bundle_and_to_a_vendor(tmp_path: Path, recorded: Path) -> None:
    """What a bundle holds goes to a vendor as the journal itself would, and comes back equal."""
    pytest.importorskip("tracklib_mlflow")
    a, b, m = f"local:{recorded}", f"bundle:{tmp_path / 'b'}", f"mlflow:sqlite:///{tmp_path / 'm.db'}"
    migrated(a, b, tmp_path / "1.sqlite")
    assert [result.state for result in migrated(b, m, tmp_path / "2.sqlite")] == ["copied", "copied"]
    assert_equal(b, m)
    assert_equal(a, m)
    b2 = f"bundle:{tmp_path / 'b2'}"
    assert [result.state for result in migrated(m, b2, tmp_path / "3.sqlite")] == ["copied", "copied"]
    assert_equal(m, b2)


@pytest.mark.filterwarnings("ignore::Warning")  # the vendor's SDK uses what others have deprecated
def test_every_case_of_the_kit_goes_from_a_bundle_to_a_vendor(tmp_path: Path) -> None:
    """All that the conformance kit knows to record, in one run, goes by a bundle to a vendor and into a bundle again."""
    pytest.importorskip("tracklib_mlflow")
    bodies = [RunStart("digits", "all"), *(body for case in CORPUS for body in case.bodies), RunEnd("killed", 1, "why")]
    store = MemoryStore(files={sha256: content for case in CORPUS for sha256, content in case.files.items()})
    start = 1_700_000_000 * 10**9
    store.records["all"] = {("w", i): Record("w", i, start + i * 1_000_003, body) for i, body in enumerate(bodies, 1)}
    source = MemorySource(store)
    (run,) = source.runs(RunQuery())
    places = [f"bundle:{tmp_path / 'b'}", f"mlflow:sqlite:///{tmp_path / 'm.db'}", f"bundle:{tmp_path / 'b2'}"]
    (tmp_path / "scratch").mkdir()
    progress = copy_run(source, run, open_place(places[0]).sink, tmp_path / "scratch")
    assert progress.tally.refused == {}
    assert_equal_runs(source, open_place(places[0]).source())
    for number, (there, here) in enumerate(itertools.pairwise(places)):
        (result,) = migrated(there, here, tmp_path / f"{number}.sqlite")
        assert (result.state, result.progress.tally.refused) == ("copied", {})
        assert_equal(there, here)


def assert_equal_runs(left: Any, right: Any) -> None:
    ((ours,), (theirs,)) = (list(side.runs(RunQuery())) for side in (left, right))
    found = compare(snapshot("all", left.read(ours)), snapshot("all", right.read(theirs)), right.capabilities)
    assert found.equal, found.differences
