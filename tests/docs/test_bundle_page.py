"""docs/bundle.md: its queries run as they stand, in the real DuckDB and pandas, and say what the runs hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import tracklib
from tracklib.portability.bundle.backup import Backup
from tracklib.portability.bundle.catalog import Catalog
from tracklib.portability.bundle.folders import FolderStore
from tracklib.portability.places import open_place

PAGE = Path(__file__).resolve().parents[2] / "docs" / "bundle.md"
LARGE = 2**60 + 1


def blocks(language: str) -> list[str]:
    """Return the page's code in a language."""
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found
    return found


@pytest.fixture
def backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the bundle ``backup`` in the current folder, of two runs; one went on after the first backup of it."""
    monkeypatch.setenv("TRACKLIB_QUIET", "true")
    (tmp_path / "w.bin").write_bytes(b"weights")
    catalog = Catalog(FolderStore(str(tmp_path / "backup")))
    work = Backup(open_place(f"local:{tmp_path / 'root'}"), open_place("bundle:backup"), catalog)
    for name, lr in (("one", 0.5), ("two", 0.25)):
        run = tracklib.init("digits", id=name, dir=tmp_path / "root", config={"lr": lr, "m": {"depth": 4}}, backends=[])
        run.log({"loss": 1.0}, step=0)
        if name == "one":
            assert [result.state for result in work.run()] == ["partial"]
        run.log_params({"lr": lr / 2})
        run.set_tags({"team": "vision", "gone": "x"})
        run.set_tags({"gone": None})
        run.log({"loss": 0.5, "large": LARGE}, step=1.5)
        run.log({"note": tracklib.Text("hello")}, step=1)
        run.log_artifact(tmp_path / "w.bin", name="model", copy="now")
        run.finish()
    assert [result.state for result in work.run()] == ["copied", "copied"]
    return tmp_path / "backup"


def test_the_queries_run_in_duckdb(backup: Path) -> None:
    """Each query gives what was logged."""
    duckdb = pytest.importorskip("duckdb")
    base = duckdb.connect()
    _, best, params, tags, joined, *_, files, exact = (base.execute(text).fetchall() for text in blocks("sql"))
    assert best == [
        (r, m, *v) for r in ("one", "two") for m, v in (("large", (1, 2.0**60, 1.5)), ("loss", (2, 1.0, 0.0)))
    ]
    assert params == [
        ("one", "lr", "0.25", 0.25),
        ("one", "m.depth", "4", 4.0),
        ("two", "lr", "0.125", 0.125),
        ("two", "m.depth", "4", 4.0),
    ]
    assert tags == [("one", "team", "vision"), ("two", "team", "vision")]
    assert joined == [("one", 0.25, 0.5), ("two", 0.125, 0.5)]
    assert [row[:5] for row in files[:2]] == [
        ("one", "media", "note", "text.txt", 5),
        ("one", "artifact", "model", "w.bin", 7),
    ]
    assert [Path(row[5]).read_bytes() for row in files] == [b"hello", b"weights"] * 2
    assert exact == [("large", 1.5, str(LARGE))] * 2
    assert base.execute("SELECT id, status FROM runs ORDER BY id").fetchall() == [
        ("one", "finished"),
        ("two", "finished"),
    ]
    assert base.execute("SELECT typeof(time) FROM read_parquet(getvariable('points')) LIMIT 1").fetchone() is not None


def test_the_script_runs_in_pandas(backup: Path) -> None:
    """The script gives what was logged."""
    pytest.importorskip("pandas")
    found: dict[str, Any] = {}
    (script,) = blocks("python")
    exec(compile(script, str(PAGE), "exec"), found)
    assert found["best"].to_dict() == {
        ("one", "large"): 2.0**60,
        ("one", "loss"): 1.0,
        ("two", "large"): 2.0**60,
        ("two", "loss"): 1.0,
    }
    assert found["curves"]["one"]["loss"].to_dict() == {0.0: 1.0, 1.5: 0.5}
    assert found["params"]["lr"].to_dict() == {"one": "0.25", "two": "0.125"}
    assert str(found["points"]["time"].dtype) == "datetime64[ns, UTC]"


def test_the_tables_are_those_of_the_schema() -> None:
    """The page names every column of each table, with its type."""
    from tracklib.portability.bundle.schema import TABLES

    page = PAGE.read_text(encoding="utf-8")
    common, *tables = re.split(r"^\*\*`(?:points|records|files)`\*\*", page, flags=re.MULTILINE)
    shared = ["project", "run", "n", "writer", "seq"]
    assert re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", common, re.MULTILINE))) == shared
    for text, schema in zip(tables, TABLES.values(), strict=True):
        rows = re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", text.partition("\n## ")[0], re.MULTILINE)
        named = [(name, kind) for names, kind in rows for name in re.findall(r"`(\w+)`", names)]
        assert [name for name, _ in named] == shared_out(schema.names)


def shared_out(names: list[str]) -> list[str]:
    return [name for name in names if name not in ("project", "run", "n", "writer", "seq")]
