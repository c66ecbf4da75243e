"""``tracklib show``: everything about a run, for people and for programs."""

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path

import pytest

import tracklib
from tests.cli.conftest import Bench, plain
from tracklib.model.codec import decode_tree, metric_number

HOSTILE = "a\x1b[2J[red]\u2066b"
HARMLESS = r"a\x1b[2J[red]\u2066b"


@pytest.fixture
def full(bench: Bench) -> Bench:
    """A run with everything in it."""
    (bench.path / "model.pt").write_bytes(b"x" * 2500)
    config = {"lr": 1e-3, "model": {"depth": 4, HOSTILE: "v\x07"}, "nan": math.nan, "tag": "!str"}
    tags = {"team": HOSTILE, "dev": ""}
    notes = "first\nsecond \x1b[31m"
    begun = tracklib.init(
        "digits", id="full", name=HOSTILE, dir=bench.root.path, config=config, tags=tags, notes=notes, group="g"
    )
    with contextlib.suppress(ValueError), begun as run:
        run.log_params({"api_key": "secret-value-1234"})
        for step in range(1000):
            run.log({"loss": 100.0 if step == 700 else 1 / (step + 1), HOSTILE: 2**70, "nan": math.nan}, step=step)
        run.log({"bad": "text"})
        run.summary["best"] = 0.5
        run.log_artifact(bench.path / "model.pt", name="classifier", type="model", aliases=["best"])
        run.log_artifact(bench.path / "model.pt", name="classifier", type="model", aliases=["last"])
        raise ValueError("it broke\x1b[0m")
    return bench


def test_the_portrait(full: Bench) -> None:
    """Every fact stands beside its name."""
    done = full("show", "full")
    assert done.code == 0
    lines = [plain(line) for line in done.out.splitlines()]
    assert f"{HARMLESS} digits/full" in lines
    assert r"error ValueError: it broke\x1b[0m" in lines
    assert "group g" in lines
    assert {"lr 0.001", "model.depth 4", rf"model.{HARMLESS} v\x07", "api_key [redacted]"} <= set(lines)
    assert {f"team {HARMLESS}", "dev", "best 0.5", "first", r"second \x1b[31m"} <= set(lines)
    assert "classifier model v1 1 2.5 kB best" in lines
    assert "classifier model v2 1 2.5 kB last" in lines
    assert "1 redacted, 1 refused" in lines
    assert f"path {full.root.path}/digits/full" in lines
    assert "none: the run is in the journal alone" in lines
    (loss,) = [line.split() for line in lines if line.startswith("loss ")]
    assert loss[1:5] == ["1,000", "0.001", "0.001", "100"]
    assert loss[5].count("█") == 1
    (nan,) = [line for line in lines if line.startswith("nan 1,000")]
    assert nan.split()[1:7] == ["1,000", "(1,000", "NaN)", "nan", "-", "-"]
    assert [char for char in done.out.replace("\n", "") if not char.isprintable()] == []


def test_json_is_exact(full: Bench) -> None:
    """The JSON document gives every value back to the last bit, points where they are asked for."""
    text = full("show", "full", "--json", "--points").out
    shown = json.loads(text, parse_constant=lambda name: 1 / 0)
    params = decode_tree(shown["params"])
    assert isinstance(params, dict)
    assert (params["lr"], params["tag"], params["model"]) == (1e-3, "!str", {"depth": 4, HOSTILE: "v\x07"})
    assert math.isnan(params["nan"])
    assert (shown["status"], shown["tags"], shown["notes"]) == (
        "failed",
        {"team": HOSTILE, "dev": ""},
        "first\nsecond \x1b[31m",
    )
    metrics = {metric["name"]: metric for metric in shown["metrics"]}
    assert metrics["loss"]["series"]["value"][:3] == [1.0, 0.5, 1 / 3]
    assert metrics["loss"]["series"]["step"] == list(range(1000))
    assert (metrics["loss"]["max"], metrics["loss"]["steps"], metrics["loss"]["points"]) == (100.0, [0, 999], 1000)
    assert metric_number(metrics[HOSTILE]["last"]) == 2**70
    assert (metrics["nan"]["min"], metrics["nan"]["last"], metrics["nan"]["nans"]) == (None, "NaN", 1000)
    assert [(a["name"], a["version"], a["files"][0]["size"]) for a in shown["artifacts"]] == [
        ("classifier", 1, 2500),
        ("classifier", 2, 2500),
    ]
    assert {n["code"] for n in shown["notices"]} == {"redacted", "refused"}
    assert shown["damage"] == {"lines": 0, "missing": 0, "torn": False}
    assert "series" not in full("show", "full", "--json").json["metrics"][0]


def test_a_metric_is_drawn(full: Bench) -> None:
    """``--metric`` draws that metric with its range and its steps; its spike reaches the top."""
    done = full.process("show", "full", "--metric", "loss", COLUMNS="70", LINES="24")
    lines = done.out.splitlines()
    assert plain(lines[0]) == "loss 1,000 points, last 0.001 (digits/full)"
    assert lines[1].split("│")[0].strip() == "100"
    assert lines[-1].split() == ["0", "step", "999"]
    assert all(len(line) <= 70 for line in lines)
    assert any(0x2800 < ord(char) <= 0x28FF for char in lines[1])


def test_a_plot_without_unicode(full: Bench) -> None:
    """Where the output is no UTF-8, a plot is ASCII, and no text breaks it."""
    done = full.process("show", "full", "--metric", "loss", PYTHONIOENCODING="ascii")
    assert done.code == 0
    assert done.out.isascii()
    assert "*" in done.out
    assert full.process("show", "full", PYTHONIOENCODING="ascii").out.isascii()


def test_a_hostile_metric_can_be_drawn(full: Bench) -> None:
    """A metric is found by its exact name, and its name is harmless in the plot."""
    done = full("show", "full", "--metric", HOSTILE)
    assert done.code == 0
    assert done.out.startswith(HARMLESS)


def test_a_run_is_found_by_what_is_unique(bench: Bench) -> None:
    """An id, the beginning of one, and ``project/id`` mean a run; what means several is refused with their names."""
    for project, name in (("digits", "abc1"), ("digits", "abc2"), ("words", "abc2"), ("words", "abc")):
        bench.run(name, project)

    def found(word: str) -> str:
        shown = bench("show", word, "--json").json
        return f"{shown['project']}/{shown['id']}"

    assert [found(word) for word in ("abc1", "abc", "words/abc2", "digits/abc1")] == [
        "digits/abc1",
        "words/abc",
        "words/abc2",
        "digits/abc1",
    ]
    several = bench("show", "abc2")
    assert several.code == 2
    assert several.err == (
        "tracklib: error: expected one run, got 'abc2', which may be digits/abc2, words/abc2; "
        "type more of it, or project/id\n"
    )
    assert "digits/abc1, digits/abc2, words/abc2" not in bench("show", "abc").err
    assert bench("show", "ab").code == bench("show", "").code == bench("show", "digits/").code == 2


def test_the_newest_run_is_shown_where_none_is_named(bench: Bench) -> None:
    """Without a run, the one that was started last; without any, what begins one."""
    bench.root.path.mkdir()
    none = bench("show")
    assert none.code == 2
    assert none.err.endswith("got none; tracklib.init() begins one\n")
    for name in ("b", "c", "a"):
        tracklib.init("p", id=name, dir=bench.root.path).finish()
    assert json.loads(bench("show", "--json").out)["id"] == "a"


def test_a_project_may_bear_any_name(bench: Bench) -> None:
    """A project named like a folder of the root, with capitals or slashes, is found by ``project/id``."""
    for project in ("blobs", "Team/Digits", "..", "CON"):
        bench.run("abc", project)
        assert bench("show", f"{project}/abc", "--json").json["project"] == project
    assert {run["project"] for run in bench("runs", "--json").json["runs"]} == {"blobs", "Team/Digits", "..", "CON"}


def test_damage_is_told(bench: Bench) -> None:
    """A damaged line is counted, and everything else is shown."""
    folder = bench.run("abc", points=5)
    (segment,) = folder.segments()
    lines = segment.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b"loss", b"lost")
    segment.write_bytes(b"".join(lines))
    shown = bench("show", "abc", "--json").json
    assert shown["damage"] == {"lines": 1, "missing": 1, "torn": False}
    assert shown["metrics"][0]["points"] == 4
    assert "damage 1 damaged line, 1 missing record" in plain(bench("show", "abc").out)


def test_delivery_stands_in_the_portrait(bench: Bench) -> None:
    """Each backend's state, counts, address and error are shown, harmless."""
    folder = bench.run("abc")
    bench.delivered(folder, url="http://box/1\x1b", refused=2, changes={"squeezed": 1}, resent=3)
    bench.delivered(folder, entry="boxvendor:other", state="paused", error="the key\x1b[31m was refused")
    out = plain(bench("show", "abc").out)
    assert r"boxvendor: complete, 5 confirmed, 0 pending, 1 changed, 2 refused http://box/1\x1b" in out
    assert r"boxvendor:other: paused, 5 confirmed, 0 pending, 0 changed, 0 refused the key\x1b[31m was refused" in out


def test_a_run_without_an_end_is_shown(bench: Bench, tmp_path: Path) -> None:
    """A run that goes on has no end and no exit code; one with no metrics or params is shown all the same."""
    with tracklib.init("digits", id="abc", dir=bench.root.path):
        shown = bench("show", "abc")
    assert shown.code == 0
    assert "status running" in plain(shown.out)
    assert "until" not in shown.out


def test_surroundings_stand_in_the_portrait(bench: Bench) -> None:
    """Git, hardware, the number of packages and the last load are shown, bytes as people read them; JSON has all."""
    from tracklib.journal.writer import SegmentWriter
    from tracklib.model.records import Context, System

    folder = bench.run("abc")
    writer = SegmentWriter(folder, "abc", "digits", role="observer", warn=pytest.fail)
    gpus = [{"name": "GPU \x1b[31m", "memory": 80_000_000_000}]
    writer.append(Context({"git": {"commit": "9fceb02d", "dirty": True}, "packages": {"a": "1", "b": "2"}}))
    writer.append(Context({"hardware": {"memory": 16_000_000_000, "gpus": gpus}}))
    writer.append(System({"cpu.percent": 12.5, "memory.used": 2_000_000_000, "gpu.0.utilization": math.nan}))
    writer.close()
    out = plain(bench("show", "abc").out)
    for text in ("git.commit 9fceb02d", "git.dirty true", "packages 2 (--json lists them)", "hardware.memory 16.0 GB"):
        assert text in out
    assert r"hardware.gpus GPU \x1b[31m (80.0 GB)" in out
    assert "cpu.percent 12.5" in out and "memory.used 2.0 GB" in out and "gpu.0.utilization nan" in out
    shown = bench("show", "abc", "--json").json
    assert shown["context"]["packages"] == {"a": "1", "b": "2"}
    assert shown["system"] == {"cpu.percent": 12.5, "memory.used": 2_000_000_000, "gpu.0.utilization": "NaN"}


def test_overlaps_of_attempts_are_told(bench: Bench) -> None:
    """Steps that a later attempt logged again are counted, and each point tells its attempt; a run of one has none."""
    for first in (0, 6, 8):
        with tracklib.init("p", id="again", dir=bench.root.path) as run:
            for step in range(first, 10):
                run.log({"a": 1.0}, step=step)
    with tracklib.init("p", id="once", dir=bench.root.path) as run:
        run.log({"a": 1.0}, step=0)
        run.log({"a": 1.0}, step=0)
    lines = [plain(line) for line in bench("show", "again").out.splitlines()]
    assert "attempt 3" in lines
    assert any(line.startswith("overlap 6 steps logged again by a later attempt") for line in lines)
    (metric,) = bench("show", "again", "--json", "--points").json["metrics"]
    assert metric["again"] == 6
    assert metric["series"]["attempt"] == [1] * 10 + [2] * 4 + [3] * 2
    assert "logged again" not in bench("show", "once").out
