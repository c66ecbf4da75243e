"""``tracklib sql``: what a query answers, how, and what it cannot reach."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tracklib
from tests.cli.conftest import Bench
from tests.reading.test_reader import Endless, endless
from tracklib.errors import RejectedError, UsageError
from tracklib.model.query import RunQuery
from tracklib.model.records import Record
from tracklib.model.run import RunInfo
from tracklib.reading.query import answer

pytest.importorskip("duckdb")


@pytest.fixture
def journals(bench: Bench) -> Bench:
    """Three runs of two projects, one of them with a hostile name, exact integers and no params."""
    bench.run("one", points=5, config={"lr": 0.5, "model": {"depth": 4}}, tags=["dev"], notes="first")
    bench.run("two", points=3, config={"lr": 0.25}, tags={"team": "vision"})
    with tracklib.init("words", id="odd", name="x\x1b[31m'; DROP TABLE runs; --", dir=bench.root.path) as run:
        run.log({"big": 2**60 + 1, "nan": float("nan")}, step=7, timestamp=1_764_000_000.123456)
    return bench


def asked(bench: Bench, query: str, *more: str) -> Any:
    done = bench("sql", query, "--json", *more)
    assert done.code == 0, done
    return done.json["rows"]


def test_every_table_answers(journals: Bench) -> None:
    """Counts, joins, params by number, tags and times are what was recorded, exact."""
    assert asked(journals, "SELECT run, count(*) FROM metrics WHERE metric = 'loss' GROUP BY 1 ORDER BY 1") == [
        ["one", 5],
        ["two", 3],
    ]
    joined = (
        "SELECT r.name, min(m.value), p.number FROM runs r JOIN metrics m ON m.run = r.id "
        "JOIN params p ON p.run = r.id AND p.param = 'lr' GROUP BY ALL ORDER BY p.number"
    )
    assert asked(journals, joined) == [["two", 1 / 3, 0.25], ["one", 1 / 5, 0.5]]
    using = "SELECT count(*) FROM metrics JOIN params USING (project, run) WHERE param = 'lr' AND metric = 'loss'"
    assert asked(journals, using) == [[8]]
    assert asked(journals, "SELECT id, tags, notes FROM runs WHERE tags LIKE '%vision%'") == [
        ["two", '{"team":"vision"}', ""]
    ]
    assert asked(journals, "SELECT run, tag, value FROM tags ORDER BY run") == [
        ["one", "dev", ""],
        ["two", "team", "vision"],
    ]
    (odd,) = asked(journals, "SELECT value, exact, step, time FROM metrics WHERE metric = 'big'")
    assert odd == [float(2**60 + 1), json.dumps({"value": str(2**60 + 1)}, separators=(",", ":")), 7.0, odd[3]]
    assert odd[3].startswith("2025-11-24T16:00:00.12345")
    assert asked(journals, "SELECT value FROM metrics WHERE metric = 'nan'") == [["NaN"]]
    assert asked(journals, "SELECT sum(value)::HUGEINT, 0.1 FROM metrics WHERE metric = 'big'") == [[2**60, 0.1]]
    assert asked(journals, "SHOW TABLES") == [
        [name]
        for name in sorted(["runs", "metrics", "params", "summary", "tags", "artifacts", "media", "system", "console"])
    ]
    assert asked(journals, "PIVOT metrics ON metric USING count(*) GROUP BY project ORDER BY project") == [
        ["digits", 0, 8, 0],
        ["words", 1, 0, 1],
    ]


def test_the_ways_of_printing(journals: Bench) -> None:
    """A table for people is cut and says so; CSV and JSON have every row; a name has no effect on the terminal."""
    query = "SELECT name, started FROM runs ORDER BY name DESC"
    table = journals("sql", query, "--limit", "2")
    assert table.out.splitlines()[0].split() == ["name", "started"]
    assert "x\\x1b[31m'; DROP TABLE runs; --" in table.out
    assert table.err == "tracklib: 1 more row: --limit N, --csv or --json give them\n"
    rows = list(csv.reader(io.StringIO(journals("sql", query, "--csv").out)))
    assert [row[0] for row in rows] == ["name", "x\x1b[31m'; DROP TABLE runs; --", "two", "one"]
    assert journals("sql", query, "--json").json["columns"] == ["name", "started"]
    both = journals("sql", query, "--json", "--csv")
    assert (both.code, both.err) == (2, "tracklib: error: expected --csv or --json, got both\n")
    nothing = journals("sql", "SELECT * FROM runs WHERE false", "--json")
    assert nothing.json["rows"] == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM '{file}'",
        "COPY runs TO '{folder}/stolen.csv'",
        "SELECT 1; COPY runs TO '{folder}/stolen.csv'",
        "ATTACH '{folder}/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "DROP TABLE runs",
        "INSERT INTO runs SELECT * FROM runs",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "SELECT * FROM journals",
        "SELECT getenv('HOME')",
        "",
        "SELECT nothing FROM runs",
    ],
)
def test_nothing_else_can_be_reached(journals: Bench, query: str) -> None:
    """No file, folder, extension, setting, variable or second statement is let at; the refusal is an exit code and words."""
    secret = journals.path / "secret.txt"
    secret.write_text("hunter2")
    before = sorted(journals.path.rglob("*"))
    done = journals("sql", query.format(file=secret, folder=journals.path))
    assert done.code == 2, done
    assert done.err.startswith("tracklib: error: ")
    assert "hunter2" not in done.out + done.err
    assert sorted(journals.path.rglob("*")) == before


def test_only_what_is_needed_is_read(journals: Bench) -> None:
    """A query about runs alone reads no run; one that is wrong reads nothing; of a run that is read, all is there."""
    place, source = endless(journals.root.path, 1000)
    with answer(place, "SELECT count(*), max(id) FROM runs") as stream:
        assert stream.read_all().num_rows == 1
    for query in (
        "SELECT id FROM runs WHERE status = 'finished' AND started > '2020-01-01'",
        "SELECT count(*) FROM runs",
    ):
        with answer(place, query) as stream:
            stream.read_all()
    assert source.taken == 0
    for query in ("SELECT nope FROM metrics", "SELECT 1", "DESCRIBE metrics"):
        try:
            with answer(place, query) as stream:
                stream.read_all()
        except UsageError:
            assert query == "SELECT nope FROM metrics"
    assert source.taken == 0
    with answer(place, "SELECT notes FROM runs") as stream:
        assert stream.read_all().num_rows == 1
    assert source.taken == 1000
    with answer(place, "SELECT count(*) AS n, count(DISTINCT step) AS s FROM metrics") as stream:
        assert stream.read_all().to_pylist() == [{"n": 2000, "s": 1000}]


def test_nothing_is_left_behind(journals: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read for an answer is gone with it, after a mistake too."""
    spill = journals.path / "spill"
    spill.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spill))
    assert journals("sql", "SELECT * FROM metrics").code == 0
    assert journals("sql", "SELECT error(run) FROM metrics").code == 2
    assert list(spill.iterdir()) == []


def test_a_missing_library_is_named(journals: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without DuckDB, the message says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    done = journals("sql", "SELECT 1")
    assert done.code == 2
    assert "SQL needs duckdb and pyarrow: pip install duckdb pyarrow" in done.err


def test_damage_is_told(journals: Bench) -> None:
    """An answer that lacks damaged records says so."""
    (journal,) = (path for path in Path(journals.root.path).rglob("*.jsonl") if "/one/" in str(path))
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:4], b"x" + lines[4][1:], *lines[5:]]))
    done = journals("sql", "SELECT count(*) FROM metrics")
    assert "could not be read: the answer lacks them" in done.err


def test_a_run_that_cannot_be_read_is_left_out_whole(journals: Bench) -> None:
    """What came of it before it broke off is in no table, the others answer, and it is told."""

    class Broken(Endless):
        def runs(self, query: RunQuery, /) -> Iterator[RunInfo]:
            yield RunInfo("p", "bad", "bad")
            yield RunInfo("p", "good", "good")

        def read(self, run: RunInfo, /, after: Any = None) -> Iterator[Record]:
            yield from super().read(run, after)
            if run.id == "bad":
                raise RejectedError("the bin has been emptied")

    place = tracklib.open(f"local:{journals.root.path}")
    place.source = Broken(30_000)  # type: ignore[assignment]
    query = "SELECT r.id, count(*) AS n FROM runs r JOIN metrics m ON m.run = r.id GROUP BY 1"
    unread: dict[str, str] = {}
    with answer(place, query, unread=unread) as stream:
        assert stream.read_all().to_pylist() == [{"id": "good", "n": 60_000}]
    assert unread == {"p/bad": "the run p/bad can't be read: the bin has been emptied"}
    with pytest.raises(RejectedError, match="p/bad can't be read"), answer(place, query):
        pass


_VALUES: dict[str, Any] = {
    "NULL::DOUBLE": None,
    "'-inf'::DOUBLE": "-Infinity",
    "'nan'::FLOAT": "NaN",
    "0.1::DOUBLE": 0.1,
    "(2^53)::BIGINT + 1": 2**53 + 1,
    "18446744073709551615::UBIGINT": 2**64 - 1,
    "-170141183460469231731687303715884105727::HUGEINT": str(1 - 2**127),
    "0.10::DECIMAL(9, 2)": 0.1,
    "[1.5, 'nan'::DOUBLE, NULL]": [1.5, "NaN", None],
    "{'a': true, 'b': 'x'}": {"a": True, "b": "x"},
    "'\\xAA'::BLOB": "aa",
    "DATE '2025-01-02'": "2025-01-02",
    "TIMESTAMP_NS '2025-01-02 03:04:05.000000006'": "2025-01-02T03:04:05.000000006Z",
    "TIMESTAMP_S '0987-01-02 03:04:05'": "0987-01-02T03:04:05.000000000Z",
}


def test_values_are_exact(journals: Bench) -> None:
    """Every type of DuckDB comes out as JSON can have it: the value itself, or its words."""
    assert asked(journals, f"SELECT {', '.join(_VALUES)}") == [list(_VALUES.values())]


def test_a_process_of_its_own_is_sparing(bench: Bench) -> None:
    """There Arrow has no pool of its own, and does not import pandas, which others still can."""
    pytest.importorskip("pandas")
    done = bench.script(
        "import sys\n"
        "from tracklib.cli.memory import spare\n"
        "spare('a test')\n"
        "import pyarrow\n"
        "assert pyarrow.default_memory_pool().backend_name == 'system'\n"
        "assert pyarrow.array(['a', None]).to_pylist() == ['a', None]\n"
        "assert 'pandas' not in sys.modules\n"
        "import pandas\n"
    )
    assert done.returncode == 0, done.stderr
    bench.run("one", points=5)
    done = bench.process("sql", "SELECT * FROM metrics", "--dir", str(bench.root.path), PYTHONPROFILEIMPORTTIME="1")
    assert done.code == 0
    assert " duckdb._" in done.err and " pandas." not in done.err
