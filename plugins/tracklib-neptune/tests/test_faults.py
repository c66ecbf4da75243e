"""Damaged, half-written and hostile exports: the run concerned is told and left, the rest goes on, nothing leaks."""

import os
import sys
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tracklib_neptune import parts
from tracklib_neptune.check import check
from tracklib_neptune.made import Made
from tracklib_neptune.settings import NeptuneSettings
from tracklib_neptune.source import NeptuneSource

from tracklib.backends import RunQuery
from tracklib.errors import ConfigError, RejectedError
from tracklib.model.records import Artifact, FileRef, Media, Metrics, Notice, Params
from tracklib.portability.ledger import Ledger
from tracklib.portability.migrate import Migration
from tracklib.portability.places import open_place

SECRET = b"the secret outside"


def points(export, name="loss", count=10, start=0):
    return [export.row(name, "float_series", float(i), i, export.BASE + i) for i in range(start, start + count)]


def test_several_parts(export):
    """Parts are read in the order of their numbers, not of their names, and each row once."""
    chunks = [points(export, count=10, start=10 * part) for part in range(12)]
    export.write([*export.sys_rows(), *chunks[0]], *chunks[1:])
    assert [body.step for body in export.read()[Metrics]] == list(range(120))


def test_a_missing_part_is_told(export):
    """A part that is not there though a later one is leaves a notice; the others are read."""
    _, second, _ = export.write(
        [*export.sys_rows(), *points(export)], points(export, start=10), points(export, start=20)
    )
    second.unlink()
    found = export.read()
    assert [body.step for body in found[Metrics]] == [*range(10), *range(20, 30)]
    assert found[Notice] == [Notice("damaged", "part 1 is not in the export")]


def test_a_run_without_its_part_0_is_counted(export):
    """The exporter puts part 0 in its place last: a run without it is left out by its name, and so are temporary files."""
    first, _ = export.write(export.sys_rows(), points(export), run_id="HALF")
    first.rename(first.with_suffix(".parquet.tmp"))
    export.write(export.sys_rows())
    source = export.source()
    assert [info.id for info in source.runs(RunQuery())] == ["RUN-1"]
    ((words, count),) = source.left_out.items()
    assert words.startswith("team_digits-")
    assert words.endswith(": its export was not finished")
    assert count == 1


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("damage", ["empty", "cut", "rubbish", "other run"])
def test_a_damaged_part(export, tmp_path, part, damage):
    """A run with a part that cannot be read fails in a migration, with the reason, before any of it is copied."""
    paths = export.write([*export.sys_rows(), *points(export)], points(export, start=10), run_id="BAD")
    export.write([*export.sys_rows(), *points(export)], run_id="GOOD")
    whole = paths[part].read_bytes()
    if damage == "other run":
        (other,) = export.write(export.sys_rows(), run_id="OTHER")
        other.rename(paths[part])
    else:
        paths[part].write_bytes(
            {"empty": b"", "cut": whole[: len(whole) // 2], "rubbish": b"PAR1" + b"\0" * 100}[damage]
        )
    infos = list(export.source().runs(RunQuery()))
    assert len(infos) == 2
    assert sum(info.id == "GOOD" and info.status == "finished" for info in infos) == 1
    places = open_place(f"neptune:{export.root}"), open_place(f"local:{tmp_path / 'there'}")
    ledger = Ledger(tmp_path / "ledger.sqlite", "a", "b")
    migration = Migration(*places, ledger)
    results = [result for wave in migration.waves(None) for result in migration.copy(wave)]
    ledger.close()
    assert sorted(result.state for result in results) == ["copied", "failed"]
    (failed,) = [result for result in results if result.state == "failed"]
    assert "cannot be read" in failed.error or "belongs to another run" in failed.error
    assert failed.progress.tally.records == 0


def test_a_run_that_is_deleted_before_its_turn(export, tmp_path):
    """Gone since it was listed, a run has failed, by name, and the other one is copied."""
    paths = export.write([*export.sys_rows(), *points(export)], run_id="GONE")
    export.write([*export.sys_rows(), *points(export)], run_id="GOOD")
    ledger = Ledger(tmp_path / "ledger.sqlite", "a", "b")
    migration = Migration(open_place(f"neptune:{export.root}"), open_place(f"local:{tmp_path / 'there'}"), ledger)
    (wave,) = migration.waves(None)
    for path in paths:
        path.unlink()
    results = {result.run.id: result for result in migration.copy(wave)}
    ledger.close()
    assert sorted(result.state for result in results.values()) == ["copied", "failed"]
    (failed,) = [result for result in results.values() if result.state == "failed"]
    assert "GONE" in failed.error or "cannot be read" in failed.error


def test_empty_parts(export):
    """A part without a row is none; a run whose parts have none at all is damaged."""
    export.write([], [*export.sys_rows(), *points(export)], [])
    assert len(export.read()[Metrics]) == 10
    export.write([], run_id="EMPTY")
    infos = {info.status: info for info in export.source().runs(RunQuery())}
    with pytest.raises(RejectedError, match="its parts name no run"):
        list(export.source().read(infos["failed"]))


def test_a_flipped_byte_inside(export):
    """Damage that shows only on the way fails the run too: nothing is made up for it."""
    (path,) = export.write([*export.sys_rows(), *points(export, count=5000)])
    content = bytearray(path.read_bytes())
    about = pq.ParquetFile(path).metadata.row_group(0).column(5)  # the times
    begin = about.dictionary_page_offset or about.data_page_offset
    for place in range(begin + 8, begin + about.total_compressed_size):
        content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(RejectedError, match="cannot be read"):
        export.read()


def test_older_columns(export):
    """Columns may be missing, in another order and of wider types; what stands in those that are there is read."""
    old = pa.schema(
        [field for field in export.SCHEMA if field.name not in ("histogram_value", "bool_value", "timestamp")]
    )
    export.write([*export.sys_rows(), export.row("lr", "int", 3), *points(export)], schema=old)
    found = export.read()
    assert found[Params] == [Params({"lr": 3})]
    assert [(body.step, body.timestamp) for body in found[Metrics]] == [(i, None) for i in range(10)]
    (path,) = export.data.glob("*/*.parquet")
    table = pq.read_table(path)
    place = table.schema.names.index("step")
    wide = table.set_column(place, "step", table["step"].cast(pa.float64()))
    wide = wide.append_column("timestamp", pa.array([export.BASE * 1000 + 1] * len(table), pa.timestamp("us", "UTC")))
    pq.write_table(wide.select(list(reversed(wide.schema.names))), path)
    steps = [(body.step, body.timestamp) for body in export.read()[Metrics]]
    assert steps == [(i, (export.BASE * 1000 + 1) * 1000) for i in range(10)]
    pq.write_table(table.drop_columns(["attribute_type"]), path)
    source = export.source()
    (info,) = source.runs(RunQuery())
    with pytest.raises(RejectedError, match="has no column attribute_type"):
        list(source.read(info))


def test_types_that_are_not_known(export):
    """Attributes of a type of the future are counted by it."""
    export.write([*export.sys_rows(), export.row("x", "tensor", None), export.row("y", "tensor", None)])
    assert export.read()[Notice] == [Notice("damaged", "attributes of the type 'tensor' are not known", 2)]


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")
def test_files_that_are_none_or_lie_outside(export, tmp_path):
    """Paths and links that lead out, pipes and missing files are told and left; nothing of them is in the records."""
    (tmp_path / "secret").write_bytes(SECRET)
    root = export.files / export.safe("team/digits")
    export.file("RUN-1/good", b"good")
    (root / "RUN-1" / "set").mkdir()
    os.symlink(tmp_path / "secret", root / "RUN-1" / "link")
    os.symlink(tmp_path, root / "RUN-1" / "folder")
    os.symlink(tmp_path / "secret", root / "RUN-1" / "set" / "inner")
    os.mkfifo(root / "RUN-1" / "pipe")
    evil = ["../../../secret", "RUN-1/../../../../secret", str(tmp_path / "secret"), "..", "RUN-1/link", "RUN-1/folder/secret",
            "RUN-1/pipe", "RUN-1/missing", "", "a\0b", "..\\..\\..\\secret"]  # fmt: skip
    rows = [export.row(f"f{i}", "file", {"path": path}) for i, path in enumerate([*evil, "RUN-1/good"])]
    rows += [export.row("s", "file_series", {"path": path}, i) for i, path in enumerate(evil)]
    rows += [
        export.row("set", "file_set", {"path": "RUN-1/set"}),
        export.row("up", "file_set", {"path": "RUN-1/folder"}),
    ]
    export.write([*export.sys_rows(), *rows])
    found = export.read()
    assert {item.name: [file.path for file in item.files] for item in found[Artifact]} == {"f11": ["good"], "set": []}
    assert not found[Media]
    assert sum(notice.count for notice in found[Notice]) == 2 * len(evil) + 2
    with pytest.raises(RejectedError, match="has no file"):
        export.source().open_file(export.info(), FileRef("secret", len(SECRET), "0" * 64))


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_linked_parts_are_no_parts(export, tmp_path):
    """A part that is a link is not followed."""
    (path,) = export.write(export.sys_rows(), run_id="LINK")
    path.rename(tmp_path / "part")
    os.symlink(tmp_path / "part", path)
    export.write(export.sys_rows())
    assert [info.id for info in export.source().runs(RunQuery())] == ["RUN-1"]


def test_files_are_found_again_by_whoever_comes_later(export, monkeypatch):
    """A source that has read nothing, or has forgotten what it made, goes through the run again for a content."""
    rows = [export.row("t", "string_series", f"text {i}", i, export.BASE) for i in range(50)]
    rows.append(export.row("f", "file", export.file("RUN-1/f", b"f")))
    export.write([*export.sys_rows(), *rows])
    media = export.read()[Media]
    monkeypatch.setattr("tracklib_neptune.reading.Made", lambda: Made(room=20))
    source = export.source()
    list(source.read(export.info()))
    for item in (media[0], media[49], media[20]):
        with source.open_file(export.info(), item.file) as opened:
            assert opened.read().decode() == f"text {item.step}"
    with pytest.raises(RejectedError, match="has no file"):
        source.open_file(export.info(), FileRef("x", 1, "0" * 64))


def test_listing_reads_only_what_may_hold_sys(export, monkeypatch):
    """To list runs, groups of rows that hold only series are not read, and only the columns of single values."""
    rows = [*export.sys_rows(), *points(export, count=50_000)]
    rows = sorted(rows, key=lambda line: line["attribute_type"] == "float_series")
    export.write(rows[:3], rows[3:], groups=10_000)
    asked = []
    whole = parts._rows_of
    monkeypatch.setattr(parts, "_rows_of", lambda batch, *more: asked.append(batch) or whole(batch, *more))
    assert export.info().name == "baseline"
    assert sum(batch.num_rows for batch in asked) == 3
    assert not {"float_series", "step", "timestamp", "file_value"} & {
        name for batch in asked for name in batch.schema.names
    }


def test_memory_does_not_grow_with_a_run(export):
    """Six times the points take no more memory to read."""
    peaks = []
    for count in (10_000, 60_000):
        export.write([*export.sys_rows(), *points(export, count=count)], run_id=f"RUN-{count}", groups=10_000)
        source = export.source()
        (info,) = source.runs(RunQuery(id=f"RUN-{count}"))
        tracemalloc.start()
        assert sum(isinstance(record.body, Metrics) for record in source.read(info)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_records_after_a_position(export):
    """Reading after a position gives the rest, under the same numbers."""
    export.write([*export.sys_rows(), *points(export)])
    source, info = export.source(), export.info()
    everything = list(source.read(info))
    assert [record.seq for record in everything] == list(range(1, len(everything) + 1))
    assert list(source.read(info, after={"neptune": 4})) == everything[4:]


def test_places(export, tmp_path, monkeypatch):
    """The folder of the exporter, its data folder, and a files folder elsewhere are found; what is none is refused."""
    export.write([*export.sys_rows(), export.row("f", "file", export.file("RUN-1/f", b"f"))])
    monkeypatch.chdir(tmp_path)
    elsewhere = tmp_path / "cold"
    for place in ("neptune:./exports", "neptune:exports/data", f"neptune:{export.data}?files=exports/files", "neptune"):
        source = open_place(place).source()
        (info,) = source.runs(RunQuery())
        assert [record.body.name for record in source.read(info) if isinstance(record.body, Artifact)] == ["f"]
    export.files.rename(elsewhere)
    source = open_place("neptune:exports?files=cold").source()
    (info,) = source.runs(RunQuery())
    assert [record.body.name for record in source.read(info) if isinstance(record.body, Artifact)] == ["f"]
    assert check(NeptuneSettings(data=str(export.root)).resolved()).endswith("data is there: 1 projects")
    for wrong, words in (("missing", "got nothing"), (".", "got none")):
        with pytest.raises(ConfigError, match=words):
            list(NeptuneSource(NeptuneSettings(data=wrong)).runs(RunQuery()))
    for text in ("?files=x", "x?files="):
        with pytest.raises(ConfigError, match="expected neptune:"):
            NeptuneSettings.from_location(text)
    with pytest.raises(ConfigError, match="reads it, and does not write it"):
        open_place("neptune:exports").sink(None)
