"""Offline runs that W&B's own SDK wrote, read with everything in them."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tracklib_wandb.offline_run import OfflineRun
from tracklib_wandb.settings import WandbSettings
from tracklib_wandb.source import WandbSource

from tracklib.errors import ConfigError, RejectedError
from tracklib.model.media import MediaCell, read_histogram, read_table
from tracklib.model.query import RunQuery
from tracklib.model.records import (
    Artifact,
    Console,
    Context,
    Media,
    Metrics,
    Notes,
    Notice,
    Params,
    Reference,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
)
from tracklib.portability.ledger import Ledger
from tracklib.portability.migrate import Migration
from tracklib.portability.places import open_place

from .conftest import by_kind, environment, log_of, train


def source_of(place):
    return WandbSource(WandbSettings(directory=str(place)))


@pytest.fixture(scope="module")
def read(rich):
    """The rich run: its source, its info, and its bodies by type."""
    source = source_of(rich)
    (info,) = source.runs(RunQuery())
    return source, info, by_kind(source.read(info))


@pytest.fixture
def content(read):
    source, info, _ = read

    def of(file):
        with source.open_file(info, file) as opened:
            return opened.read()

    return of


def test_who_it_is(read):
    """Identity, labels, params with their types, status and times."""
    _, info, bodies = read
    assert (info.project, info.id, info.name, info.status) == ("theirs", "rich", "rich run", "failed")
    assert (info.group, info.job_type, info.parent, info.attempt) == ("g", "train", None, 1)
    assert info.ended is not None and 0 < info.ended - info.started < 120e9
    assert bodies[RunStart] == [RunStart("theirs", "rich run", "g", "train")]
    assert bodies[Tags] == [Tags({"a": "", "b": "", "c": ""})]
    assert bodies[Notes] == [Notes("two\nlines")]
    assert bodies[RunEnd] == [RunEnd("failed", 3)]
    (params,) = bodies[Params]
    assert params.values == {
        "lr": 0.1,
        "n": {"x": 1, "deep": {"y": [1, 2, {"z": None}]}},
        "inf": math.inf,
        "a.b": 3,
        "big": 2**70,
        "flag": True,
        "text": "t",
        "later": 5,
    }
    assert type(params.values["flag"]) is bool


def test_every_point(read):
    """Each row's numbers at its step and time, NaN, infinities, -0.0, integers beyond 2**53 and nested keys included."""
    _, _, bodies = read
    rows = bodies[Metrics]
    assert [row.step for row in rows] == [0, 1, 2, 3, 4, 10]
    times = [row.timestamp for row in rows]
    assert times == sorted(set(times)) and abs(times[0] / 1e9 - time.time()) < 3600
    for i, row in enumerate(rows[:5]):
        values = dict(row.values)
        assert math.isnan(values.pop("nan"))
        assert math.copysign(1, values["zero"]) == -1
        assert values == {
            "loss": 1 / (i + 1),
            "epoch": i // 2,
            "val/l": i * 1.5,
            "low": -math.inf,
            "zero": 0.0,
            "large": 2**60,
            "nested.a.b": i,
            "nested.c": i * 2,
            "flag": int(i % 2 == 0),
        }
    assert rows[5].values == {"loss": 0.5}


def test_what_is_no_number_becomes_tables(read, content):
    """Texts and lists that stand in rows are in a table for each key, with their steps and times."""
    _, _, bodies = read
    tables = {body.key: read_table(content(body.file)) for body in bodies[Media] if body.media_type == "table"}
    times = [row.timestamp for row in bodies[Metrics]][:5]
    assert tables["words"].columns == ("step", "time", "value")
    assert tables["words"].rows == tuple((i, times[i], f"text{i}") for i in range(5))
    assert tables["list"].rows == tuple((i, times[i], [1, i]) for i in range(5))


def test_media(read, content):
    """Files byte for byte, captions, boxes and masks, lists by their places, histograms, tables with pictures in them."""
    _, _, bodies = read
    media = {(body.key, body.index): body for body in bodies[Media]}
    image = media["img", None]
    assert (image.step, image.media_type, image.timestamp) == (10, "image", bodies[Metrics][5].timestamp)
    assert {k: image.metadata[k] for k in ("caption", "format", "width", "height")} == {
        "caption": "cap",
        "format": "png",
        "width": 9,
        "height": 8,
    }
    assert image.metadata["boxes"] == {
        "pred": [
            {
                "position": {"minX": 0.1, "minY": 0.2, "maxX": 0.3, "maxY": 0.4},
                "domain": "fraction",
                "label": "dog",
                "class_id": 1,
                "scores": {"p": 0.5},
            },
            {
                "position": {"minX": 2.0, "minY": 3.0, "maxX": 4.0, "maxY": 5.0},
                "domain": "pixel",
                "label": "said",
                "class_id": 0,
                "wandb": {"position": {"middle": [3, 4], "width": 2, "height": 2}},
            },
        ]
    }
    assert image.metadata["masks"] == {"m": {"path": "masks/0.png", "labels": {"0": "bg", "1": "fg"}}}
    assert content(image.file).startswith(b"\x89PNG") and content(image.attachments[0]).startswith(b"\x89PNG")
    assert [media["imgs", i].metadata["caption"] for i in range(3)] == ["c1", "c2", "c3"]
    assert [media["imgs", i].step for i in range(3)] == [11] * 3
    histogram = read_histogram(content(media["hist", None].file))
    assert (histogram.counts, histogram.edges) == ((1, 0, 2), (0, 0.5, 1, 2))
    table = read_table(content(media["tab", None].file))
    assert table.columns == ("x", "y", "i")
    assert [row[:2] for row in table.rows] == [(1, "a"), (2, None)]
    assert all(isinstance(row[2], MediaCell) and row[2].media_type == "image" for row in table.rows)
    assert {cell.path for *_, cell in table.rows} == {file.path for file in media["tab", None].attachments}
    rows = read_table(content(media["numbers", None].file)).rows
    assert math.isnan(rows[1][0]) and (rows[0], rows[1][1]) == ((1, 2.5), 3)
    assert content(media["page", None].file) == b"<p>hi</p>"
    assert media["sound", None].metadata == {"format": "wav", "caption": "beep"}
    assert len(content(media["sound", None].file)) == 1644
    assert media["film", None].metadata == {"format": "gif", "caption": "v"}
    assert media["plot", None].metadata == {"format": "plotly"}
    assert json.loads(content(media["plot", None].file))["data"][0]["y"] == [1, 2, 3]
    assert media["cloud", None].media_type == "object3D"
    assert json.loads(content(media["cloud", None].file)) == [[0, 1, 2], [3, 4, 5]]


def test_artifacts_and_files(read, content):
    """Files byte for byte, aliases, metadata, references; what `save()` kept; tables' own artifacts are not repeated."""
    _, _, bodies = read
    artifacts = {body.name: body for body in bodies[Artifact]}
    assert set(artifacts) == {"ds", "single", "files"}
    made = artifacts["ds"]
    assert (made.type, sorted(made.aliases), made.metadata) == ("dataset", ["best", "latest"], {"k": [1, 2]})
    assert {file.path: content(file) for file in made.files} == {"e.txt": b"", "sub/x y.bin": b"\0\1"}
    assert made.references == (Reference("far/k", "s3://bucket/key", None, "s3://bucket/key"),)
    assert {file.path: content(file) for file in artifacts["single"].files} == {"f.txt": b"content"}
    assert {file.path: content(file) for file in artifacts["files"].files} == {"saved.txt": b"kept"}
    assert bodies[Notice] == []


def test_the_summary_is_what_somebody_chose(read):
    """What only repeats the last row is left out; minima that were defined, and values that were set, are there."""
    _, _, bodies = read
    assert bodies[Summary] == [Summary({"val/l": {"min": 0}, "final": 0.25, "nested": {"q": 1}})]


def test_surroundings(read):
    """Output by lines, load by tracklib's names, and all that W&B knows of the run, in the context."""
    _, info, bodies = read
    assert [(body.stream, body.text) for body in bodies[Console]] == [
        ("stdout", "printed\n"),
        ("stdout", "part of a line\n"),
        ("stderr", "complained\n"),
    ]
    load = bodies[System][0].values
    assert {"memory.percent", "process.memory.rss", "process.threads", "network.sent_bytes"} <= load.keys()
    assert load["process.memory.rss"] > 1 << 20
    (context,) = bodies[Context]
    told = context.values["wandb"]
    assert context.values["python"] == ".".join(map(str, sys.version_info[:3]))
    assert "numpy" in context.values["packages"]
    assert told["state"] == "failed" and told["bools"] == ["flag"]
    assert told["nested"]["nested.a.b"] == ["nested", "a", "b"]
    assert {"name": "ds", "description": "what it is"}.items() <= told["artifacts"][0].items()
    assert [metric.get("stepMetric") for metric in told["config"]["metrics"]] == [None, "epoch"]
    assert info.place == "theirs/rich"


def test_a_run_that_was_killed(tmp_path):
    """SIGKILL in the middle: the rows that reached the disk are read; it is running while its log is fresh, then crashed."""
    program = (
        "import wandb, time\nrun = wandb.init(project='theirs', id='killed')\n"
        "for i in range(3000):\n    run.log({'i': i})\nprint('ready', flush=True)\ntime.sleep(600)\n"
    )
    victim = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert victim.stdout is not None
    assert victim.stdout.readline() == b"ready\n"
    deadline = time.monotonic() + 300
    while log_of(tmp_path).stat().st_size < 100_000:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(victim.pid, signal.SIGKILL)  # the SDK's program, too
    victim.wait()
    victim.stdout.close()
    source = source_of(tmp_path)
    (info,) = source.runs(RunQuery())
    assert (info.id, info.status, info.ended) == ("killed", "running", None)
    old = time.time() - 1000
    os.utime(log_of(tmp_path), (old, old))
    (info,) = source.runs(RunQuery())
    assert info.status == "crashed" and info.ended is not None
    bodies = by_kind(source.read(info))
    steps = [row.step for row in bodies[Metrics]]
    assert steps == list(range(len(steps))) and len(steps) > 100
    assert [row.values for row in bodies[Metrics]] == [{"i": i} for i in steps]
    assert bodies[RunEnd] == [RunEnd("crashed")]


def test_a_run_that_was_begun_again(tmp_path):
    """Offline, W&B makes one more directory of the same id; all rows of both are one run's, the config the later one."""
    for number in range(2):
        train(
            "import wandb\n"
            f"run = wandb.init(project='theirs', id='again', config={{'n': {number}}}, tags=['t{number}'])\n"
            f"run.log({{'v': {number}}})\nrun.finish(exit_code={1 - number})\nwandb.teardown()",
            tmp_path,
        )
        time.sleep(1.1)  # the directories are named by the second
    source = source_of(tmp_path / "wandb")
    (info,) = source.runs(RunQuery(id="again"))
    assert (info.attempt, info.status) == (2, "finished")
    bodies = by_kind(source.read(info))
    assert [(row.step, row.values) for row in bodies[Metrics]] == [(0, {"v": 0}), (0, {"v": 1})]
    assert bodies[Params] == [Params({"n": 1})]
    assert bodies[Tags] == [Tags({"t1": ""})]


def test_every_kind_of_place(small):
    """The folder above, the folder ``wandb``, one run's folder and its log name the same run."""
    log = log_of(small)
    found = [list(source_of(place).runs(RunQuery())) for place in (small, small / "wandb", log.parent, log)]
    assert [[info.id for info in infos] for infos in found] == [["small"]] * 4
    with pytest.raises(ConfigError, match="expected a folder with W&B runs"):
        list(source_of(small / "nowhere").runs(RunQuery()))


def test_a_run_that_cannot_be_read_is_told_and_left(small, tmp_path):
    """One file that is no log: its run is listed, reading it says why, and the others are read."""
    shutil.copytree(small / "wandb", tmp_path / "wandb")
    bad = tmp_path / "wandb" / "offline-run-20200101_000000-bad"
    bad.mkdir()
    (bad / "run-bad.wandb").write_bytes(b"something else altogether")
    source = source_of(tmp_path)
    infos = {info.id: info for info in source.runs(RunQuery())}
    assert set(infos) == {"bad", "small"}
    with pytest.raises(RejectedError, match="is no W&B log"):
        list(source.read(infos["bad"]))
    assert len(by_kind(source.read(infos["small"]))[Metrics]) == 20


def test_a_run_that_is_deleted_before_its_turn(small, tmp_path):
    """Gone since it was listed, a run has failed, and is told by its name."""
    shutil.copytree(small / "wandb", tmp_path / "wandb")
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    ledger = Ledger(tmp_path / "ledger.sqlite", "a", "b")
    migration = Migration(open_place(f"wandb:{tmp_path / 'wandb'}"), open_place(f"local:{tmp_path / 'there'}"), ledger)
    (wave,) = migration.waves(None)
    shutil.rmtree(folder)
    (result,) = migration.copy(wave)
    ledger.close()
    assert result.state == "failed"
    assert "small" in result.error


def test_a_log_whose_beginning_is_lost(small, tmp_path):
    """Without the record that names the run, its log's own name does, and the rows are read; the damage is told."""
    log = log_of(small)
    changed = bytearray(log.read_bytes())
    changed[100] ^= 255  # in the record that says who the run is
    place = tmp_path / "offline-run-20260101_000000-small" / log.name
    place.parent.mkdir()
    place.write_bytes(changed)
    source = source_of(tmp_path)
    (info,) = source.runs(RunQuery())
    assert info.id == "small"
    bodies = by_kind(source.read(info))
    assert len(bodies[Metrics]) == 20
    assert Notice("damaged", "records of the log that are damaged", 1) in bodies[Notice]


def test_what_a_log_names_is_opened_with_care(rich, tmp_path):
    """Another content where the SDK had set a file aside, a link out of the folder: told, and not read."""
    shutil.copytree(rich, tmp_path / "copy", symlinks=True)
    log = log_of(tmp_path / "copy")
    (log.parent / "files" / "passwords").symlink_to("/etc/passwd")
    run = OfflineRun([log])
    made = next(artifact for artifact in run.logged() if artifact.name == "single")
    entry = made.files[0]
    with run.open_artifact_file(made, "f.txt") as file:
        assert file.read() == b"content"
    with pytest.raises(RejectedError):
        run.open_artifact_file(made, "../f.txt")
    with pytest.raises(RejectedError, match="is not followed"):
        run.open_file("passwords")
    with pytest.raises(RejectedError):
        run.open_file("../../../f.txt")
    staged = entry.place
    kept = Path(staged).read_bytes()
    try:
        with open(staged, "wb") as file:
            file.write(b"changed")
        with pytest.raises(RejectedError, match="not where the SDK had set it aside"):
            run.open_artifact_file(made, "f.txt")
    finally:
        with open(staged, "wb") as file:
            file.write(kept)
    assert "passwords" not in [file.path for file in run.files()]
    assert sum(run.losses().values()) == 2  # and what save() had linked to, beside the folder that was copied from


def test_reading_goes_on_behind_a_position(small):
    """With a position, the records up to it are left out."""
    source = source_of(small)
    (info,) = source.runs(RunQuery())
    records = list(source.read(info))
    assert list(source.read(info, after={"wandb": 5})) == records[5:]
