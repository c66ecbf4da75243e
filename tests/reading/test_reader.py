"""`tracklib.open`: the same tables from every place, exact, streamed, and nothing written where it should not be."""

from __future__ import annotations

import builtins
import datetime as dt
import json
import math
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tracklib
from tracklib.backends.capabilities import EXACT, Capabilities, Feature
from tracklib.errors import ConfigError, MissingPluginError, RejectedError, RunStateError, UsageError
from tracklib.model.query import RunQuery
from tracklib.model.records import Metrics, Params, Record
from tracklib.model.run import RunInfo
from tracklib.portability.places import Place
from tracklib.reading.columns import LABELS, TABLES
from tracklib.reading.query import answer
from tracklib.reading.reader import Reader

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reading.md").read_text(encoding="utf-8")


def rows(table: Any, *without: str) -> list[str]:
    """Return the rows in an order of their own, as text: NaN equals itself, -0.0 is not 0.0, 7 is 7.0."""
    return sorted(repr({key: plain(value) for key, value in row.items() if key not in without}) for row in table)


def plain(value: Any) -> Any:
    return float(value) if isinstance(value, int) and value == float(value) else value


@pytest.mark.filterwarnings("ignore::Warning")  # the vendors' SDKs use what others have deprecated
def test_every_place_gives_the_same_tables(copies: dict[str, str]) -> None:
    """The same runs, read from their journals and from a vendor, are the same rows, but for what it declares to change."""
    ours = tracklib.open(copies.pop("local"))
    assert len(rows(ours.metrics())) == 20 * 2 + 4 + 2
    for vendor, place in copies.items():
        theirs = tracklib.open(place)
        assert rows(ours.runs(labels=True), "url") == rows(theirs.runs(labels=True), "url"), vendor
        for name in ("params", "summary", "tags", "metrics", "artifacts", "media", "system", "console"):
            mine, other = getattr(ours, name)(), getattr(theirs, name)()
            held = mine.to_arrow(), other.to_arrow()
            assert held[0].schema == held[1].schema
            assert rows(held[1].to_pylist(), "time") == rows(held[0].to_pylist(), "time"), (vendor, name)
            assert rows(mine, "time") == rows(other, "time"), (vendor, name)
        both = [
            sorted((row["metric"], row["step"], row["time"] // 10**6) for row in each.metrics())
            for each in (ours, theirs)
        ]
        assert both[0] == both[1], vendor


def test_points_are_exact(root: Path) -> None:
    """Every value comes whole; what a double does not hold stands beside it in digits."""
    table = tracklib.open(f"local:{root}").metrics("base", keys=["odd", "big", "zero", "inf"])
    found = {row["metric"]: row for row in table}
    assert math.isnan(found["odd"]["value"])
    assert (found["big"]["value"], found["inf"]["value"]) == (2**70 + 1, -math.inf)
    assert math.copysign(1, found["zero"]["value"]) == -1
    assert json.loads(found["big"]["exact"]) == {"step": str(2**53 + 1), "value": str(2**70 + 1)}
    assert json.loads(found["zero"]["exact"]) == {"step": str(2**53 + 1)}
    held = {row["metric"]: row for row in table.to_arrow().to_pylist()}
    assert (held["big"]["value"], held["big"]["step"]) == (float(2**70 + 1), 2.0**53)
    assert held["big"]["exact"] == found["big"]["exact"]
    assert math.copysign(1, held["zero"]["value"]) == -1
    assert held["zero"]["time"].value == 1_764_000_020 * 10**9


def test_params_keep_their_types(root: Path) -> None:
    """Each leaf has its type, its JSON, and a number or text that can be filtered; the path is told exactly."""
    found = {row["param"]: row for row in tracklib.open(f"local:{root}").params("base")}
    facts = {
        name: tuple(row[key] for key in ("keys", "type", "value", "number", "text")) for name, row in found.items()
    }
    assert facts["lr"] == ('["lr"]', "float", "0.001", 1e-3, None)
    assert facts["model.depth"] == ('["model","depth"]', "int", "4", 4, None)
    assert facts["model.wide"] == ('["model","wide"]', "bool", "true", None, None)
    assert facts["model.name"] == ('["model","name"]', "str", '"resnet"', None, "resnet")
    assert facts["a.b"] == ('["a.b"]', "list", "[1,null]", None, None)
    assert facts["nan"][:3] == ('["nan"]', "float", '"!float NaN"')


def test_frames_hold_what_the_rows_hold(root: Path) -> None:
    """Arrow, pandas and polars give the columns in the documented types, with every row."""
    pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    place = tracklib.open(f"local:{root}")
    for name, columns in TABLES.items():
        table = getattr(place, name)()
        names = [column.name for column in columns]
        assert list(table.columns) == names
        count = len(list(table))
        pandas_frame, polars_frame = table.to_pandas(), table.to_polars()
        assert (list(pandas_frame.columns), list(polars_frame.columns)) == (names, names)
        assert len(pandas_frame) == len(polars_frame) == table.to_arrow().num_rows == count
        assert polars.DataFrame(table).equals(polars_frame, null_equal=True) or name == "metrics"
    frame = place.metrics("base", keys="loss").to_pandas()
    assert str(frame.time.dtype) == "datetime64[ns, UTC]"
    assert frame.value.tolist() == [1 / (step + 1) for step in range(20)]
    assert str(place.artifacts("base").to_pandas()["size"].dtype) == "Int64"


def test_half_a_surrogate_pair_is_written_out(tmp_path: Path) -> None:
    """A name that UTF-8 does not hold is told in a frame as an escape, and exactly in the rows."""
    with tracklib.init("p", id="r", name="x\ud800", dir=tmp_path / "root") as run:
        run.log({"m\ud800": 1.0})
    place = tracklib.open(f"local:{tmp_path / 'root'}")
    assert next(iter(place.runs()))["name"] == "x\ud800"
    assert place.runs().to_arrow()["name"].to_pylist() == ["x\\ud800"]
    (point,) = place.metrics().to_arrow().to_pylist()
    assert point["metric"] == "m\\ud800"
    assert json.loads(point["exact"]) == {"metric": "m\ud800"}


def test_runs_are_chosen(root: Path) -> None:
    """Project, name, status, tag and time select runs; a table of them selects what is read of them."""
    place = tracklib.open(f"local:{root}")

    def ids(**more: Any) -> set[str]:
        return {row["id"] for row in place.runs(**more)}

    assert ids() == {"base", "next", "other"}
    assert ids(project="digits") == {"base", "next"}
    assert ids(name="baseline") == ids(tag="dev") == ids(status="finished", project="digits") == {"base"}
    assert ids(tag="team:vision") == ids(status="failed") == {"next"}
    assert ids(tag="team:other") == ids(since="2999-01-01") == ids(until=dt.datetime(2020, 1, 1)) == set()
    assert {row["run"] for row in place.metrics(place.runs(project="digits"))} == {"base", "next"}
    assert {row["run"] for row in place.metrics(["base", "words/other"])} == {"base", "other"}
    assert {row["run"] for row in place.metrics(row for row in place.runs(name="baseline"))} == {"base"}
    assert len(list(place.metrics("base", keys="loss", since=1_764_000_010.0))) == 10
    labels = {row["id"]: (row["tags"], row["notes"]) for row in place.runs(labels=True)}
    assert labels == {"base": ('{"dev":""}', "first"), "next": ('{"team":"vision"}', ""), "other": ("{}", "")}
    assert place.run("digits/base").name == "baseline"
    with pytest.raises(UsageError, match="expected a run's status, got 'finish'; did you mean 'finished'"):
        place.runs(status="finish")


def test_what_cannot_be_read_is_told_in_a_sentence(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown place, a backend that only writes, a run that is not there, and a library that is missing."""
    with pytest.raises(UsageError, match="tag: expected a tag such as 'dev' or 'team:vision', got ':vision'"):
        tracklib.open(f"local:{root}").runs(tag=":vision")
    with pytest.raises(UsageError, match="rows: expected 1 or more of them in a batch, got 0"):
        tracklib.open(f"local:{root}").runs().batches(rows=0)
    with pytest.raises(UsageError, match=r"^expected a place such as 'local:FOLDER' or .*, got (Posix|Windows)Path"):
        tracklib.open(Path("runs"))  # type: ignore[arg-type]
    with pytest.raises(MissingPluginError, match="'lokal'; did you mean 'local'"):
        tracklib.open("lokal:x")
    with pytest.raises(ConfigError, match=r"expected a journal root at .*none, got nothing"):
        tracklib.open(f"local:{tmp_path / 'none'}")
    place = tracklib.open(f"local:{root}")
    with pytest.raises(RunStateError, match=f"expected a run of local:{root}, got 'nobody', which is not there"):
        list(place.metrics("nobody"))
    resolved = place.place.resolved
    silent = type(resolved.spec)("mute", "Mute", "tracklib-mute", "x:Y", sink="x:Z")
    with pytest.raises(ConfigError, match=r"^Mute can't be read: its plugin tracklib-mute only writes$"):
        Reader(Place("mute", type(resolved)("mute", silent, resolved.settings)))
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(ConfigError, match=r"^a polars frame needs polars and pyarrow: pip install polars pyarrow"):
        place.runs().to_polars()


class Endless:
    """A source of one run with as many points as anybody asks for, which counts those that were taken."""

    append_only = True
    capabilities = Capabilities(features=dict.fromkeys(Feature, EXACT))

    def __init__(self, points: int) -> None:
        self.points, self.taken = points, 0

    def runs(self, query: RunQuery, /) -> Iterator[RunInfo]:
        _ = query
        yield RunInfo("p", "r", "r")

    def read(self, run: RunInfo, /, after: Any = None) -> Iterator[Record]:
        _ = run, after
        for seq in range(1, self.points + 1):
            self.taken += 1
            yield Record("w", seq, seq, Metrics({"loss": seq / 7, "acc": 0.5}, seq))


def endless(root: Path, points: int) -> tuple[Reader, Endless]:
    place = tracklib.open(f"local:{root}")
    source = Endless(points)
    place.source = source  # type: ignore[assignment]
    return place, source


class Columnar(Endless):
    """The same, with its points as columns too."""

    def point_batches(self, run: RunInfo, /) -> Iterator[Any]:
        arrow = pytest.importorskip("pyarrow")
        for record in self.read(run):
            body = record.body
            assert isinstance(body, Metrics)
            values = {
                "metric": arrow.array(list(body.values)).dictionary_encode(),
                "step": arrow.array([float(body.step)] * 2),
                "time": arrow.array([record.time] * 2, arrow.int64()),
                "value": arrow.array([float(value) for value in body.values.values()]),
                "exact": arrow.array([None if record.seq > 1 else '{"recorded":"5"}', None], arrow.string()),
                "step_int": arrow.array([True, True]),
            }
            yield arrow.record_batch(list(values.values()), list(values))

    def other_records(self, run: RunInfo, /) -> Iterator[Record]:
        yield Record("w", 0, 0, Params({"lr": 0.5}))


def test_points_that_come_as_columns_are_the_same_points(root: Path) -> None:
    """From a source with columns, every form of the table is what record by record gives; other tables read no point."""
    slow, _ = endless(root, 50)
    fast, source = endless(root, 50)
    columnar = Columnar(50)
    fast.source = columnar  # type: ignore[assignment]
    for more in ({}, {"keys": "acc"}, {"keys": ["loss", "none"]}, {"since": 20e-9}):
        assert fast.metrics(**more).to_arrow().equals(slow.metrics(**more).to_arrow())
        assert list(fast.metrics(**more)) == list(slow.metrics(**more))
    columnar.taken = 0
    assert [row["param"] for row in fast.params()] == ["lr"]
    assert columnar.taken == source.taken == 0
    with answer(
        fast,
        "SELECT metric, sum(metrics.value) AS s, any_value(p.number) AS lr FROM metrics JOIN params p USING (run) GROUP BY 1",
    ) as stream:
        found = {row["metric"]: (round(row["s"], 9), row["lr"]) for row in stream.read_all().to_pylist()}
    assert found == {"loss": (round(sum(range(51)) / 7, 9), 0.5), "acc": (25.0, 0.5)}
    assert columnar.taken == 50


def test_batches_stream(root: Path) -> None:
    """Nothing is read before it is asked for, and one batch at a time is in memory, however long the run is."""
    place, source = endless(root, 150_000)
    batches = place.metrics().batches(rows=1000)
    assert source.taken == 0
    assert next(batches).num_rows == 1000
    assert source.taken <= 501
    tracemalloc.start()
    try:
        assert sum(batch.num_rows for batch in batches) == 299_000
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_files_are_fetched_and_checked(root: Path, tmp_path: Path) -> None:
    """What an artifact's rows name comes to its paths below the folder, byte for byte; nothing is written over."""
    place = tracklib.open(f"local:{root}")
    assert list(place.artifacts("base", name="nothing")) == []
    found = place.download(place.artifacts("base", name="model"), tmp_path / "out")
    assert {path.relative_to(tmp_path / "out").as_posix(): path.read_bytes() for path in found} == {
        "w.bin": b"weights",
        "deep/b.bin": b"bias",
    }
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["deep", "w.bin"]
    with pytest.raises(UsageError, match=r"expected no file at .*w\.bin, got one"):
        place.download(place.artifacts("base"), tmp_path / "out")
    (media,) = place.media("base")
    (path,) = place.download(media, tmp_path / "media")
    assert path.read_bytes() == b"hello"
    row = next(iter(place.artifacts("base")))
    with pytest.raises(UsageError, match="expected one file for each path, got two"):
        place.download([row, row], tmp_path / "twice")
    with pytest.raises(RejectedError, match="the source does not give the content"):
        place.download({**row, "sha256": "0" * 64}, tmp_path / "lost")


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "a//b", "", ".", "a/\0", "..", "link/x"])
def test_nothing_is_written_outside_the_folder(root: Path, tmp_path: Path, path: str) -> None:
    """A path that leads out of the folder, by itself or by a link that lies there, is refused before anything is written."""
    place = tracklib.open(f"local:{root}")
    row = next(iter(place.artifacts("base")))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="expected a path inside"):
        place.download({**row, "path": path}, tmp_path / "out")
    assert sorted(tmp_path.rglob("*")) == before


def test_what_lies_elsewhere_is_not_fetched(root: Path, tmp_path: Path) -> None:
    """A reference names its address, which is not visited."""
    row = {**next(iter(tracklib.open(f"local:{root}").artifacts("base"))), "sha256": None, "url": "s3://bucket/w.bin"}
    with pytest.raises(UsageError, match=r"lies elsewhere: at s3://bucket/w\.bin"):
        tracklib.open(f"local:{root}").download(row, tmp_path / "out")


def test_the_page_describes_every_column() -> None:
    """docs/reading.md names each table with all of its columns, in their order."""
    for name, columns in TABLES.items():
        match = re.search(rf"^\| `{name}` \| (.*?) \|$", PAGE, re.MULTILINE)
        assert match is not None, name
        assert re.findall(r"`(\w+)`", match[1]) == [column.name for column in columns], name
    assert all(f"`{column.name}`" in PAGE for column in LABELS)


def test_open_is_public_and_shadows_nothing() -> None:
    """`tracklib.open` is the library's own, and Python's stays what it is."""
    assert tracklib.open is not builtins.open
    assert "open" in tracklib.__all__
