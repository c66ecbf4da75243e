"""The journal's format: what docs/format.md says, what the golden journal holds, and what tracklib reads, are one."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tracklib
from tracklib.delivery.receipt import Place, Receipt, Refusal
from tracklib.errors import CorruptJournalError
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root, RunFolder, decode_name
from tracklib.journal.reader import Damage, SegmentReader, read_run
from tracklib.journal.segment import Header, seal, seed_of, unseal
from tracklib.model import records as r
from tracklib.model.codec import _READ, dumps, to_fields
from tracklib.model.state import fold
from tracklib.model.trees import same

DOCS = Path(__file__).resolve().parents[2] / "docs"
GOLDEN = DOCS / "golden" / "root"
SPECIFICATION = (DOCS / "format.md").read_text(encoding="utf-8")
EXAMPLE = ".tracklib/digits/baseline"  # the run that the page's snippets read

MAIN, FORKED, AGAIN = "20260102t030405-00000001", "20260102t030406-00000002", "20260102t030500-00000003"
OBSERVER = "20260102t030407-00000004"
BEGIN = 1767323045_000000007
NAN, INF = math.nan, math.inf
CONTENT = "74be7403e7c3b0144413a8c7ced149c72a8bc2ed99d72c8ee9a90ae723ad1024"

EXPECTED = {
    MAIN: [
        r.RunStart(
            "Größe/CON",
            "gold",
            "folds",
            "train",
            None,
            1,
            {"host": "golden", "system": "linux", "python": "3.12.1", "script": "train.py", "pid": 101},
            0,
        ),
        r.Params(
            {
                "lr": 0.001,
                "whole": 1.0,
                "on": True,
                "none": None,
                "model": {"layers": [64, 32], "nothing": {}},
                "nan": NAN,
                "never": [INF, -INF],
                "big": 2**127,
                "text": "NaN",
                "marked": "!float NaN",
            }
        ),
        r.Tags({"dev": "", "team": "vision", "old": None}),
        r.Notes("Zeile eins\nZeile zwei: naïve 機械学習 🙂"),
        r.Metrics({"loss": 0.1, "count": 3, "zero": -0.0, "tiny": 5e-324, "third": 0.3333333333333333}, 0),
        r.Metrics({"loss": NAN, "up": INF, "down": -INF}, -2.5),
        r.Metrics({"big": -(2**63) - 1, "max": 2**64 - 1}, 2**64),
        r.Metrics({"loss": 0.1}, 0, 1767323000_123456789),
        r.Metrics({"Genauigkeit/größe": 0.5, "lone \ud800 surrogate": 1}, 1),
        r.Console("stdout", "epoch 1\r\n"),
        r.Media(
            "sample",
            1,
            "image",
            r.FileRef("s.png", 3, "796120837694d3f3f29259cfeb25091698c2a0aa87873658d840b4993ee889b3"),
            {"w": 8},
            0,
            (r.FileRef("mask.png", 4, hashlib.sha256(b"MASK").hexdigest()),),
            1767323001_123456789,
        ),
        r.Artifact(
            "confusion",
            "evaluation",
            (r.FileRef("a/confusion.csv", 23, CONTENT),),
            ("best", "latest"),
            {"accuracy": NAN},
            ("empty",),
            (r.Reference("b.bin", "s3://bucket/b.bin", 5, "etag:9a"),),
        ),
        r.Input("digits", "dataset", "v2", "Golden-0"),
        r.System({"cpu.percent": 12.5, "gpu.0.temperature": NAN}),
        r.Notice("refused", "log: metric 'x': expected a number, got str 'y'", 1),
        r.Unknown("hologram", {"shape": [1, 2], "depth": {"m": 0.5}}),
        r.Summary({"loss.min": 0.1, "best": NAN}),
        r.RunEnd("failed", 3, "ValueError: gold"),
    ],
    FORKED: [r.Metrics({"child/loss": 0.5}, 10), None, None, r.Metrics({"child/loss": 0.125}, 13)],
    OBSERVER: [
        r.Context(
            {
                "git": {"commit": "9fceb02d0ae598e95dc970b74767f19372d61af8", "branch": "main", "dirty": True},
                "packages": {"numpy": "2.3.1"},
                "share": NAN,
            }
        ),
        r.System({"process.cpu.percent": 99.5, "memory.used": 17179869184}),
        r.Console("stderr", "100%\r"),
    ],
    AGAIN: [r.RunStart("Größe/CON", "gold", parent="Golden-0", attempt=2), r.Metrics({"loss": 0.05}, 2)],
    f"{AGAIN}-reaped": [r.RunEnd("crashed", None, "the process vanished without a word")],
}
"""What stands in the golden journal, by writer and number; ``None`` is a number that was lost or damaged."""


@pytest.fixture
def golden() -> RunFolder:
    """The golden run."""
    return Root(GOLDEN).find("Golden-1")[0]


@pytest.fixture
def copied(golden, tmp_path) -> RunFolder:
    """A copy of the golden run, as old as it claims to be."""
    shutil.copytree(golden.path, tmp_path / "run")
    for path in (tmp_path / "run").rglob("*"):
        os.utime(path, (1767323100, 1767323100))
    return RunFolder(tmp_path / "run")


def snippet(language: str, word: str) -> str:
    """Return the page's block of code in a language that holds a word."""
    blocks = re.findall(rf"```{language}\n(.*?)```", SPECIFICATION, re.DOTALL)
    return next(block for block in blocks if word in block)


def plain(body: object) -> dict:
    """Return a body as a JSON object with every member, lists for tuples."""
    fields = dataclasses.asdict(body)
    return fields.pop("fields") if isinstance(body, r.Unknown) else json.loads(json.dumps(fields))


# -- the golden journal, read by tracklib


def test_golden_journal_decodes_to_the_very_values(golden):
    """Every value of every kind comes back exact in value and type, -0.0 and a lone surrogate too."""
    found = {writer: {} for writer in EXPECTED}
    for record in read_run(golden):
        found[record.writer][record.seq] = record.body
    for writer, bodies in EXPECTED.items():
        expected = {seq: body for seq, body in enumerate(bodies, 1) if body is not None}
        assert found[writer].keys() == expected.keys()
        for seq, body in expected.items():
            assert type(found[writer][seq]) is type(body)
            assert same(plain(found[writer][seq]), plain(body)), (writer, seq)


def test_golden_journal_has_every_kind():
    """A kind that is added to the format is added to the golden journal."""
    kinds = {type(body) for bodies in EXPECTED.values() for body in bodies if body is not None}
    assert kinds == set(r.Body.__args__)


def test_golden_damage_is_counted(golden):
    """One line with a flipped bit, a number that never came beside its own, and a torn tail: no more, no less."""
    damage = Damage()
    assert sum(1 for _ in read_run(golden, damage)) == 26
    assert damage == Damage(lines=1, missing=2, torn=True)


def test_golden_times_and_order(golden):
    """Times are the integers that were written, and merging sorts by them."""
    times = [record.time for record in read_run(golden)]
    assert times == sorted(times)
    assert times[:2] == [BEGIN + 1_000_000, BEGIN + 2_000_000]
    assert [record.when for record in read_run(golden)][7] == 1767323000_123456789


def test_golden_run_state(copied):
    """The second attempt vanished: the run is crashed, with the identity that its last attempt gave it."""
    info = glance(copied).info
    assert (info.project, info.id, info.name, info.parent) == ("Größe/CON", "Golden-1", "gold", "Golden-0")
    assert (info.status, info.attempt, info.group) == ("crashed", 2, None)
    assert info.started == BEGIN + 1_000_000
    assert info.ended == BEGIN + 600_001_000_000
    assert fold("Golden-1", read_run(copied)).info() == info
    assert glance(copied).open is False


def test_golden_lines_are_what_tracklib_writes(golden):
    """Writing what was read gives the very bytes again: the format has one way to say a thing."""
    for path in golden.segments():
        seed = seed_of(path.stem)
        sound = [line + b"\n" for line in path.read_bytes().split(b"\n")[:-1] if unseal(line, seed) is not None]
        records = [record for record, _ in SegmentReader(path).records()]
        header = SegmentReader(path).header()
        again = [seal(dumps(header.fields()), seed), *(seal(dumps(to_fields(record)), seed) for record in records)]
        assert again == sound


def test_golden_names(golden):
    """The folders' names are the encoded project and run, which the header says in the clear."""
    header = SegmentReader(golden.segments()[0]).header()
    assert (decode_name(golden.path.parent.name), decode_name(golden.path.name)) == (header.project, header.run)


def test_golden_receipt(golden):
    """A receipt of version 1 reads as it was written."""
    receipt = Receipt.load(golden, "elsewhere:http://127.0.0.1:5000")
    assert receipt.confirmed == {MAIN: Place(4096, 18), FORKED: Place(900, 4)}
    assert receipt.refusals == [Refusal(MAIN, 16, "hologram", "no such thing there")]
    assert receipt.changed == 5


def test_golden_files_are_made_by_the_script(tmp_path):
    """The script makes the very files that are in the repository."""
    subprocess.run([sys.executable, "-I", DOCS / "golden" / "make.py", tmp_path], check=True, timeout=60)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    kept = {path.relative_to(GOLDEN): path.read_bytes() for path in GOLDEN.rglob("*") if path.is_file()}
    assert made == kept


# -- versions


def with_format(folder: RunFolder, version: str) -> Path:
    """Give the first segment a header of another version."""
    path = folder.segments()[0]
    first, _, rest = path.read_bytes().partition(b"\n")
    fields = {**unseal(first, seed_of(path.stem)), "format": version, "novelty": 1}
    path.write_bytes(seal(dumps(fields), seed_of(path.stem)) + rest)
    return path


def test_newer_minor_version_is_read(copied):
    """A segment of a newer minor version gives all its records."""
    path = with_format(copied, "1.7")
    assert len(list(SegmentReader(path).records())) == 18


def test_other_major_version_is_refused(copied):
    """A segment of another major version is refused by name, and its neighbours are still read."""
    path = with_format(copied, "2.0")
    with pytest.raises(CorruptJournalError, match=r"format 1\.x, got 2\.0"):
        list(SegmentReader(path).records())
    damage = Damage()
    assert sum(1 for _ in read_run(copied, damage)) == 8
    assert damage.lines == 2


# -- the page says it all


def section(title: str) -> str:
    """Return what stands below a heading of the page."""
    return re.search(rf"\n#+ {title}\n(.*?)(?=\n#+ )", SPECIFICATION, re.DOTALL)[1]


def test_page_names_every_kind_with_every_member():
    """Each kind of record that tracklib writes stands in the table with each of its members."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", section("Records"), re.MULTILINE))
    types = {
        to_fields(r.Record("w", 1, 1, body))["kind"]: type(body)
        for bodies in EXPECTED.values()
        for body in bodies
        if body
    }
    for kind in _READ:
        members = {field.name for field in dataclasses.fields(types[kind])}
        assert {name for name in members if f"`{name}`" in rows[kind]} == members, kind


@pytest.mark.parametrize(("title", "kind"), [("The header", Header), ("Receipts", Receipt)])
def test_page_names_every_member(title, kind):
    """The header's and the receipt's members stand in their tables, all of them."""
    text = section(title)
    assert [field.name for field in dataclasses.fields(kind) if f"`{field.name}`" not in text] == []


# -- reading without tracklib


def test_reader_has_twenty_lines():
    """The reader is as short as the page says."""
    assert sum(bool(line.strip()) for line in snippet("python", "zlib").splitlines()) <= 20


def test_reader_agrees_with_tracklib(golden, tmp_path):
    """Plain Python with no package at all reads from the golden journal what tracklib does, every value exact."""
    script = tmp_path / "reader.py"
    script.write_text(snippet("python", "zlib"), encoding="utf-8")
    command = [sys.executable, "-I", "-S", script, golden.path]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    read = [json.loads(line) for line in done.stdout.splitlines()]
    found = [record for record in read if record["kind"] != "segment"]
    expected = list(read_run(golden))
    assert len(read) - len(found) == len(golden.segments())
    assert len(found) == len(expected)
    for fields, record in zip(found, expected, strict=True):
        place = {"writer": record.writer, "kind": to_fields(record)["kind"], "seq": record.seq, "time": record.time}
        assert {name: fields.pop(name) for name in place} == place
        members = plain(record.body)
        assert same(fields, {name: members.pop(name) for name in fields}), place
        assert all(value in (None, 1, [], {}) for value in members.values()), "what is left out has its default"


@pytest.fixture
def baseline(tmp_path, monkeypatch) -> Path:
    """The run that the page's snippets read."""
    monkeypatch.chdir(tmp_path)
    with tracklib.init("digits", id="baseline", dir=tmp_path / ".tracklib", backends=[]) as run:
        run.log({"loss": 0.5, "acc": 0.25}, step=1)
        run.log({"loss": 0.1}, step=2)
    assert (tmp_path / EXAMPLE / "journal").is_dir()
    return tmp_path


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq here")
def test_jq_snippet(baseline):
    """The jq line gives step, time and value of each point."""
    done = subprocess.run(["sh", "-c", snippet("sh", "jq")], capture_output=True, text=True, check=True, timeout=60)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [(int(step), float(value)) for step, _, value in rows] == [(1, 0.5), (2, 0.1)]


def test_duckdb_snippet(baseline):
    """The query gives step, name and value of each point of each metric."""
    duckdb = pytest.importorskip("duckdb")
    rows = duckdb.sql(snippet("sql", "read_json")).fetchall()
    assert [(step, name, float(value)) for _, step, name, value in rows] == [
        ("1", "acc", 0.25),
        ("1", "loss", 0.5),
        ("2", "loss", 0.1),
    ]


def test_pandas_snippet(baseline):
    """The lines for pandas give a frame with a column for each metric."""
    pytest.importorskip("pandas")
    script = baseline / "snippet.py"
    script.write_text(snippet("python", "pandas"), encoding="utf-8")
    metrics = runpy.run_path(str(script))["metrics"]
    assert metrics.loc[1].to_dict() == {"loss": 0.5, "acc": 0.25}
    assert metrics.loc[2, "loss"] == 0.1
    assert math.isnan(metrics.loc[2, "acc"])
