"""What somebody changes in MLflow behind our back is seen by comparing, whatever a companion says."""

import gzip
import math

import pytest

from tracklib.model.records import (
    Artifact,
    Console,
    Media,
    Metrics,
    Notes,
    Notice,
    Params,
    RunEnd,
    RunStart,
    Summary,
    Tags,
)
from tracklib.portability.compare import compare
from tracklib.portability.snapshot import snapshot


@pytest.fixture
def run(bench):
    """A run with something of everything, at MLflow."""
    values = [1.0, 2.5, math.inf, -0.0, 2**70, 1.0, math.nan]
    bench.sent, _ = bench.write(
        RunStart(bench.project, "baseline", context={"user": "me"}),
        Params({"lr": 0.1, "model": {"depth": 3}, "long": "p" * 7000}),
        *(Metrics({"x": value, "y": 1.0}, step / 2, 1_000_000 + 7 * step) for step, value in enumerate(values)),
        *(Metrics({"loss": float(step)}, step) for step in range(5)),
        Tags({"team": "vision", "long": "t" * 9000}),
        Notes("notes"),
        Summary({"best": 0.5}),
        Artifact("data", "dataset", (bench.file("a.txt", b"hello"), bench.file("b.bin", b"\0" * 1000)), ("v1",)),
        Media("img", 1, "image/png", bench.file("i.png", b"png")),
        Console("stdout", "line\n"),
        RunEnd("finished", 0),
    )
    return bench


def differences(bench):
    left = snapshot("run-1", bench.sent)
    left.state.started = bench.info.started
    source = bench.source()
    result = compare(left, snapshot("run-1", source.read(bench.found())), source.capabilities)
    return [str(difference) for difference in result.differences]


def test_an_untouched_copy_is_equal(run):
    """Everything that was sent compares equal to what is read, but for what is declared."""
    assert differences(run) == []


CHANGES = {
    "a plain value": ("UPDATE metrics SET value = 9 WHERE run_uuid = ? AND key = 'loss' AND step = 3", "point loss step 3"),
    "an exact value": ("UPDATE metrics SET value = 9 WHERE run_uuid = ? AND key = 'x' AND step = 1 AND value > 1e300", "point x step 1.0"),
    "a step": ("UPDATE metrics SET step = 77 WHERE run_uuid = ? AND key = 'loss' AND step = 3", "point loss step 3"),
    "a time": ("UPDATE metrics SET timestamp = 5 WHERE run_uuid = ? AND key = 'loss' AND step = 3", "point loss step 3"),
    "a point": ("DELETE FROM metrics WHERE run_uuid = ? AND key = 'loss' AND step = 2", "point loss step 2"),
    "an exact point": ("DELETE FROM metrics WHERE run_uuid = ? AND key = 'x' AND value > 1e300", "point x step 1.0"),
    "a param": ("UPDATE params SET value = '0.2' WHERE run_uuid = ? AND key = 'lr'", "param lr"),
    "a param's type": ("UPDATE params SET value = '3.0' WHERE run_uuid = ? AND key = 'model.depth'", "param model.depth"),
    "a long param": ("UPDATE params SET value = 'x' WHERE run_uuid = ? AND key = 'long'", "param long"),
    "a lost param": ("DELETE FROM params WHERE run_uuid = ? AND key = 'lr'", "param lr"),
    "a tag": ("UPDATE tags SET value = 'other' WHERE run_uuid = ? AND key = 'team'", "tag team"),
    "a long tag": ("UPDATE tags SET value = 'x' WHERE run_uuid = ? AND key = 'long'", "tag long"),
    "notes": ("UPDATE tags SET value = 'x' WHERE run_uuid = ? AND key = 'mlflow.note.content'", "notes"),
    "a summary": ("UPDATE tags SET value = '1' WHERE run_uuid = ? AND key = 'tracklib.summary.best'", "summary best"),
    "a status": ("UPDATE runs SET status = 'FAILED' WHERE run_uuid = ?", "status"),
    "a start": ("UPDATE runs SET start_time = 1 WHERE run_uuid = ?", "started"),
    "an end": ("UPDATE runs SET end_time = 1 WHERE run_uuid = ?", "ended"),
    "a name": ("UPDATE runs SET name = 'other' WHERE run_uuid = ?", "name"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_what_is_changed_in_the_tables_shows(sqlite_bench, request, what):
    """Whatever is changed, deleted or moved in the database is named."""
    run = request.getfixturevalue("sqlite_run")
    statement, expected = CHANGES[what]
    run.store.sql(statement, run.raw.info.run_id)
    assert [text.partition(":")[0] for text in differences(run)][:1] == [expected]


@pytest.fixture
def sqlite_run(sqlite_bench):
    """The run, on SQLite alone."""
    return run.__wrapped__(sqlite_bench)


def test_a_point_that_was_added_shows(sqlite_run):
    """A point that nobody sent is named."""
    run_id = sqlite_run.raw.info.run_id
    sqlite_run.client.log_metric(run_id, "loss", 5.0, 1234, 9)
    assert differences(sqlite_run) == ["point loss step 9: (missing) != 5.0"]


def test_changed_files_show(run):
    """A flipped byte, a lost file, a strange one and a lost picture are named, with their digests."""
    folder = run.artifact_folder()
    (folder / "data/a.txt").write_bytes(b"hellO")
    (folder / "data/strange").write_bytes(b"?")
    (folder / "data/b.bin").unlink()
    next(folder.glob("media/img/*")).unlink()
    found = differences(run)
    assert [text.partition(":")[0] for text in found] == [
        "file data/a.txt",
        "file data/b.bin",
        "file data/strange",
        "media img step 1",
    ]
    notices = {body.message.partition(" is not")[0] for body in run.read()[Notice]}
    assert "the file data/b.bin" in notices


def test_damaged_companions_hide_nothing(run):
    """A companion that is cut or altered is reported, and what it held differs."""
    folder = run.artifact_folder()
    (points,) = folder.glob("tracklib/points/*.gz")
    content = bytearray(points.read_bytes())
    content[len(content) // 2] ^= 1
    points.write_bytes(bytes(content))
    (records,) = folder.glob("tracklib/records/*.gz")
    records.write_bytes(gzip.compress(b'{"broken'))
    (text, _) = sorted(folder.glob("tracklib/text/*.txt"))
    text.write_bytes(b"altered")
    found = differences(run)
    assert any(difference.startswith("point x step 1.0") for difference in found)
    assert any(difference.startswith("console") for difference in found)
    assert any(difference.startswith(("param long", "tag long")) for difference in found)
    assert {body.code for body in run.read()[Notice]} == {"damaged"}
    assert len(run.read()[Notice]) == 2
