"""Damaged, half-written and hostile folders: the run concerned is told and left, the rest goes on, nothing leaks."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from tracklib_mlflow.settings import MLflowSettings
from tracklib_mlflow.source import MLflowSource

from tracklib.backends import RunQuery
from tracklib.errors import ConfigError, RejectedError
from tracklib.model.records import Artifact, FileRef, Input, Metrics, Notice, Params, Tags
from tracklib.portability.ledger import Ledger
from tracklib.portability.migrate import Migration
from tracklib.portability.places import open_place

GOLDEN = Path(__file__).parent / "golden"
SECRET = "the secret outside"


@pytest.fixture
def folder(tmp_path):
    """A copy of a golden folder, with a secret beside it."""
    shutil.copytree(GOLDEN / "3.17.2", tmp_path / "mlruns")
    (tmp_path / "secret.txt").write_text(SECRET)
    return tmp_path / "mlruns"


def source_of(folder):
    return MLflowSource(MLflowSettings(tracking_uri=str(folder)))


def base_line(folder):
    """Return the folder of the run that has everything."""
    (name,) = folder.glob("*/*/tags/team")
    return name.parent.parent


def read(folder):
    """Return the bodies of that run."""
    source = source_of(folder)
    (info,) = source.runs(RunQuery(name="base line"))
    return [record.body for record in source.read(info)]


def notices(bodies):
    return [body.message for body in bodies if isinstance(body, Notice)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"status: 3\nrun_id: '0", "does not end"),
        (b"\xff\xfe", "codec can't decode"),
        (b"a: !!python/object/apply:os.system ['touch hacked']\n", "a tag"),
        (b"run_id: another\nstatus: 3\n", "another run"),
        (b"run_id: ID\nstatus: 9\n", "expected a status"),
        (b"run_id: ID\nstatus: 3\nstart_time: 1.5\n", "expected a whole number as start_time"),
        (None, "it has no meta.yaml"),
    ],
)
def test_a_damaged_run_is_told_and_the_others_are_copied(folder, tmp_path, content, reason):
    """A run whose meta.yaml is damaged is listed as failed and fails in a migration, with the reason; the rest is copied."""
    run = base_line(folder)
    if content is None:
        (run / "meta.yaml").unlink()
    else:
        (run / "meta.yaml").write_bytes(content.replace(b"ID", run.name.encode()))
    source = source_of(folder)
    infos = {info.id: info for info in source.runs(RunQuery())}
    assert len(infos) == 4
    assert infos[run.name].status == "failed"
    with pytest.raises(RejectedError, match=reason):
        list(source.read(infos[run.name]))
    places = open_place(f"mlflow:{folder}"), open_place(f"local:{tmp_path / 'there'}")
    ledger = Ledger(tmp_path / "ledger.sqlite", "a", "b")
    migration = Migration(*places, ledger)
    results = {result.run.id: result for wave in migration.waves(None) for result in migration.copy(wave)}
    ledger.close()
    assert reason in results[run.name].error
    assert sorted(result.state for result in results.values()) == ["copied", "copied", "failed", "waiting"]
    assert migration.left_out() == {"deleted runs": 2}
    assert not list(tmp_path.rglob("hacked"))


def test_a_run_that_is_deleted_before_its_turn(folder, tmp_path):
    """Gone since it was listed, a run has failed, by name, and the others are copied."""
    places = open_place(f"mlflow:{folder}"), open_place(f"local:{tmp_path / 'there'}")
    ledger = Ledger(tmp_path / "ledger.sqlite", "a", "b")
    migration = Migration(*places, ledger)
    (wave,) = migration.waves(None)
    run = base_line(folder)
    shutil.rmtree(run)
    results = {result.run.id: result for result in migration.copy(wave)}
    ledger.close()
    assert sorted(result.state for result in results.values()) == ["copied", "copied", "failed", "waiting"]
    assert run.name in results[run.name].error


def test_lines_without_end(folder):
    """A metric's file of 40 MB without a line break holds no point, and says so."""
    run = base_line(folder)
    (run / "metrics" / "huge").write_bytes(b"1" * 40_000_000)
    bodies = read(folder)
    assert not any("huge" in body.values for body in bodies if isinstance(body, Metrics))
    assert any("huge" in message for message in notices(bodies))


def test_an_experiment_without_its_name(folder):
    """Where an experiment's meta.yaml is damaged or gone, its runs are read under its id, and say so."""
    meta = base_line(folder).parent / "meta.yaml"
    for damage in (lambda: meta.write_bytes(b"name: 'half"), meta.unlink):
        damage()
        source = source_of(folder)
        (info,) = source.runs(RunQuery(name="base line"))
        assert info.project == meta.parent.name
        (told,) = notices(record.body for record in source.read(info))
        assert "its id stands for its name" in told


def test_damaged_lines_of_a_metric(folder):
    """Lines that are no points are counted, a last line that was cut off is not believed, and the others are read."""
    path = base_line(folder) / "metrics" / "late"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        b"".join([*lines[:2], b"rubbish\n", b"1 2 3 x y z\n", b"\xff\xff \x00\n", *lines[2:], b"1600000000000 0.12"])
    )
    bodies = read(folder)
    points = [
        (body.values["late"], body.step) for body in bodies if isinstance(body, Metrics) and "late" in body.values
    ]
    assert points == [(5.0, 10), (-2.5, -5), (2.0, 3), (3.5, 7), (3.5, 7)]
    assert notices(bodies) == ["the metric 'late' has 3 lines that are no points, the first one (line 3)"]


def test_steps_that_mlflow_cannot_read_itself(folder):
    """MLflow's file store takes a fractional step and then fails to read it; here it is read, and so is a dataset's."""
    path = base_line(folder) / "metrics" / "late"
    path.write_text("1600000000000 0.5 1.5\n1600000000000 0.5 3 digits abc\n1600000000000 0.5\n1600000000000 1 nan\n")
    bodies = read(folder)
    points = [
        (body.values["late"], body.step) for body in bodies if isinstance(body, Metrics) and "late" in body.values
    ]
    assert points == [(0.5, 1.5), (0.5, 3), (0.5, 0)]
    assert notices(bodies) == ["the metric 'late' has a line that is no point (line 4)"]


def test_texts_that_are_none(folder):
    """A param and a tag that are no UTF-8 are told and left; the others are read."""
    run = base_line(folder)
    (run / "params" / "lr").write_bytes(b"\xff")
    (run / "tags" / "team").write_bytes(b"\xff")
    bodies = read(folder)
    (params,) = [body.values for body in bodies if isinstance(body, Params)]
    (tags,) = [body.values for body in bodies if isinstance(body, Tags)]
    assert "lr" not in params
    assert params["opt.name"] == "adam"
    assert tags == {"mlflow.user": "ann"}
    assert len(notices(bodies)) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")
def test_links_and_pipes(folder, tmp_path):
    """Links that lead out, links to folders and pipes are told and left, wherever they stand; nothing waits for a pipe."""
    run = base_line(folder)
    secret = tmp_path / "secret.txt"
    for place in ("artifacts/leak.txt", "artifacts/model/leak.txt", "params/leak", "tags/leak", "metrics/leak"):
        os.symlink(secret, run / place)
    os.symlink(tmp_path, run / "artifacts" / "folder")
    os.symlink(run, run / "artifacts" / "loop")
    os.mkfifo(run / "artifacts" / "pipe")
    os.mkfifo(run / "params" / "pipe")
    os.symlink(run / "artifacts" / "weights.bin", run / "artifacts" / "same.bin")
    os.symlink("missing", run / "artifacts" / "dangling")
    bodies = read(folder)
    assert SECRET not in repr(bodies)
    artifacts = {body.name: body for body in bodies if isinstance(body, Artifact)}
    assert set(artifacts) == {"model", "sub", "weights.bin", "forest", "same.bin"}
    assert artifacts["same.bin"].files[0].sha256 == artifacts["weights.bin"].files[0].sha256
    told = notices(bodies)
    names = ("leak.txt", "model/leak.txt", "params/leak", "tags/leak", "metrics/leak", "/folder", "/loop", "artifacts/pipe",
             "params/pipe", "dangling")  # fmt: skip
    assert all(any(name in message for message in told) for name in names), told


@pytest.mark.skipif(sys.platform == "win32", reason="links")
def test_a_linked_run_and_a_linked_meta(folder, tmp_path):
    """A run's folder that is a link is told and left, a meta.yaml that leads out is damage; the root may be a link."""
    run = base_line(folder)
    outside = tmp_path / "outside"
    shutil.move(run, outside)
    os.symlink(outside, run)
    source = source_of(folder)
    assert run.name not in [info.id for info in source.runs(RunQuery())]
    assert any("is left: it is a link" in words for words in source.left_out)
    run.unlink()
    shutil.copytree(outside, run)
    (run / "meta.yaml").unlink()
    os.symlink(outside / "meta.yaml", run / "meta.yaml")
    source = source_of(folder)
    (info,) = source.runs(RunQuery(place=run.name))
    with pytest.raises(RejectedError, match="leads out of the folder"):
        list(source.read(info))
    os.symlink(folder, tmp_path / "link")
    assert len(list(source_of(tmp_path / "link").runs(RunQuery()))) == 4


@pytest.mark.parametrize("evil", ["../../../secret", "/etc", "..", "a/../../b"])
def test_ids_that_are_paths(folder, evil):
    """A dataset's or model's id that would lead elsewhere names nothing; a run of such an id is not looked for."""
    run = base_line(folder)
    for path in [*(run / "inputs").glob("*/meta.yaml"), *(run / "outputs").glob("*/meta.yaml")]:
        kept = [line for line in path.read_text().splitlines() if not line.startswith(("source_id", "destination_id"))]
        path.write_text("\n".join([f"source_id: {evil}", f"destination_id: {evil}", *kept, ""]))
    bodies = read(folder)
    assert not [body for body in bodies if isinstance(body, Input)]
    assert "forest" not in [body.name for body in bodies if isinstance(body, Artifact)]
    assert notices(bodies) == ["an input that the run used has no dataset"]
    source = source_of(folder)
    with pytest.raises(RejectedError, match="holds no run"):
        source._store.run(evil)


def test_a_file_that_a_companion_names_outside(folder, tmp_path):
    """A companion is data: a path in it that leads out of the run is a file that is not there."""
    source = source_of(folder)
    (info,) = source.runs(RunQuery(name="base line"))
    run, _ = source._store.run(info.id)
    files = source._store.files(run)
    for place in ("../../../../secret.txt", str(tmp_path / "secret.txt"), "model/../weights.bin", ""):
        with pytest.raises(RejectedError), files.fetched(place):
            pass
    with pytest.raises(RejectedError, match="holds no file"):
        source.open_file(info, FileRef("../secret.txt", 1, "0" * 64))


def test_what_is_no_folder_of_mlflows(tmp_path):
    """Nothing, a file, an empty folder and the folder above are wrong places, and the message says what is there."""
    with pytest.raises(ConfigError, match="got nothing"):
        list(source_of(tmp_path / "missing").runs(RunQuery()))
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="got a file"):
        list(source_of(tmp_path / "file").runs(RunQuery()))
    (tmp_path / "mlruns").mkdir()
    with pytest.raises(ConfigError, match="did you mean"):
        list(source_of(tmp_path).runs(RunQuery()))


def test_listing_reads_little(folder):
    """To list runs, no param, metric or artifact is opened, and to find one by its id, one file of each run at most."""
    opened = []
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" and watching else None)
    watching = True
    source = source_of(folder)
    assert len(list(source.runs(RunQuery()))) == 4
    runs = [path for path in opened if str(folder) in path]
    assert not [path for path in runs if "/params/" in path or "/metrics/" in path or "/artifacts/" in path]
    assert len(runs) <= 3 * 7 + 3
    opened.clear()
    assert list(source.runs(RunQuery(id="nobody"))) == []
    assert len([path for path in opened if str(folder) in path and "/.trash/" not in path]) <= 5 + 2
    watching = False
