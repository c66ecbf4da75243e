"""Offline: zips that ``comet upload`` takes, and that are read as they stand; what is set on harm is refused."""

import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from tracklib_comet.archive import Archive
from tracklib_comet.greeting import greeting
from tracklib_comet.settings import CometSettings
from tracklib_comet.source import CometSource

from tracklib.errors import ConfigError, RejectedError
from tracklib.model.query import RunQuery
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
    System,
    Tags,
)
from tracklib.portability.compare import compare
from tracklib.portability.ledger import Ledger
from tracklib.portability.migrate import Migration
from tracklib.portability.places import open_place
from tracklib.portability.snapshot import snapshot
from tracklib.testing.conformance import PlaceSubject
from tracklib.testing.conformance.corpus import CORPUS
from tracklib.testing.conformance.desk import Desk


def everything(bench):
    return [
        RunStart(bench.project, "naïve", "group", "job", None, 1, {"host": "h", "python": "3.11"}),
        Params({"lr": 0.1, "m": {"d": [1, None]}, "long": "x" * 3000}), Tags({"t": "1", "u": ""}), Notes("n"), Summary({"s": 1}),
        *(Metrics({"x": step / 7, "y" * 200: float("nan")}, step) for step in range(30)), Metrics({"x": 1.0}, 1.5),
        System({"cpu.percent": 5.0}), Console("stdout", "a\n"), Console("stderr", "b\n"),
        Artifact("model", "weights", (bench.file("sub/a", b"1"), bench.file("b #", b"")), ("best",), {"q": 1}),
        Media("text", 1, "text", bench.file("t.txt", b"words")), RunEnd("failed", 3, "ValueError: no"),
    ]  # fmt: skip


def zip_of(bench):
    (path,) = Path(bench.settings.offline).iterdir()
    return path


def upload(path, folder, *words):
    """Upload a zip with the SDK's own command."""
    command = [os.path.join(os.path.dirname(sys.executable), "comet"), "upload", str(path), *words]
    loud = {**os.environ, "COMET_LOGGING_CONSOLE": "INFO"}
    done = subprocess.run(command, cwd=folder, env=loud, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_zip_holds_what_the_sdk_puts_into_one(offline):
    """One zip for the run, named by its key; each message stands at the time of its record."""
    records, _ = offline.write(*everything(offline))
    path = zip_of(offline)
    assert path.name == f"{offline.found().place}.zip"
    with zipfile.ZipFile(path) as archive:
        told = json.loads(archive.read("experiment.json"))
        messages = [json.loads(line) for line in archive.read("messages.json").splitlines()]
    assert (told["start_time"], told["stop_time"]) == (offline.info.started // 10**6, records[-1].time // 10**6)
    assert (told["tags"], told["resume_strategy"], told["customer_error_message"]) == (
        ["t=1", "u"], "get_or_create", "ValueError: no",
    )  # fmt: skip
    points = [
        m["payload"] for m in messages if m["type"] == "metric_msg" and m["payload"]["metric"]["metricName"] == "x"
    ]
    assert [point["local_timestamp"] for point in points[:3]] == [record.time // 10**6 for record in records[5:8]]


def test_a_zip_is_uploaded_by_the_sdk_and_read_online_equal(offline, emulator, tmp_path):
    """``comet upload`` takes the zip; what is then read from the server equals what is read from the zip."""
    offline.write(*everything(offline))
    path, key = zip_of(offline), offline.found().place
    said = upload(path, tmp_path)
    assert not re.search("error|invalid|failure", said, re.IGNORECASE), said  # it validates each message by its schema
    (uploaded,) = CometSource(CometSettings()).runs(RunQuery(project=offline.project, id=offline.info.id))
    assert (uploaded.place, uploaded.status) == (key, "failed")
    ours = snapshot("run-1", offline.source().read(offline.found()))
    theirs = snapshot("run-1", CometSource(CometSettings()).read(uploaded))
    compared = compare(ours, theirs, CometSource(CometSettings()).capabilities)
    assert compared.equal, compared.differences
    assert ours.point_count == 61
    raw = emulator.experiments[key]
    assert sorted(raw.series("x"))[:2] == [(0, "0.0"), (1, "0.14285714285714285")]
    assert (raw.name, raw.tags, raw.offline) == ("naïve", ["t=1", "u"], True)


def test_the_whole_corpus_survives_the_upload(emulator, tmp_path):
    """Everything that the conformance kit has to tell, written to a zip and uploaded by the SDK, is read online as it was."""
    desk = Desk(PlaceSubject(f"comet:{tmp_path / 'zips'}"), tmp_path, "corpus")
    for case in CORPUS:
        desk.keep(case.files)
    story = desk.story(*(body for case in CORPUS for body in case.bodies), end=RunEnd("finished", 0))
    desk.deliver(story)
    (path,) = (tmp_path / "zips").iterdir()
    said = upload(path, tmp_path)
    assert not re.search("error|invalid|failure", said, re.IGNORECASE), said
    source = CometSource(CometSettings())
    (found,) = source.runs(RunQuery(project="corpus", id=story.info.id))
    compared = compare(story.told(), snapshot(found.id, source.read(found)), source.capabilities)
    assert compared.equal, compared.differences


def test_a_long_series_is_uploaded_without_loss(offline, emulator, tmp_path):
    """The SDK's upload thins a series of 16,000 points out to 15,000; read online, all of them are there."""
    offline.settings = replace(offline.settings, metrics_per_minute=0)
    offline.write(*(Metrics({"x": step / 7}, step) for step in range(16_000)))
    key = offline.found().place
    upload(zip_of(offline), tmp_path)
    assert len(emulator.experiments[key].points) == 15_000
    source = CometSource(CometSettings())
    (found,) = source.runs(RunQuery(place=key))
    read = [body.step for body in (record.body for record in source.read(found)) if isinstance(body, Metrics)]
    assert sorted(read) == list(range(16_000))


def test_a_zip_that_grew_is_uploaded_again(offline, emulator, tmp_path):
    """A run that goes on after its zip was uploaded is one zip and one experiment, nothing of which is there twice."""
    offline.write(
        RunStart(offline.project, "a"), Metrics({"x": 0.0}, 0), Artifact("m", "t", (offline.file("a", b"1"),))
    )
    upload(zip_of(offline), tmp_path)
    offline.write(RunStart(offline.project, "a", attempt=2), Metrics({"x": 1.0}, 1), RunEnd("finished"), writer="w2")
    assert [value for value, _, _ in offline.points()["x"]] == [0.0, 1.0]
    upload(zip_of(offline), tmp_path)
    (raw,) = emulator.experiments.values()
    source = CometSource(CometSettings())
    (found,) = source.runs(RunQuery(place=raw.key))
    bodies = [record.body for record in source.read(found)]
    assert [body.values["x"] for body in bodies if isinstance(body, Metrics)] == [0.0, 1.0]
    assert len([body for body in bodies if isinstance(body, Artifact)]) == 1


def test_nothing_is_confirmed_before_the_zip_is_there(offline):
    """A sink that is killed leaves no zip and confirms nothing; the next one writes all of it."""
    records = offline.records(*(Metrics({"x": float(n)}, n) for n in range(10)))
    dead = offline.sink()
    dead.send(records)
    assert dead.confirmed() == {}
    assert list(Path(offline.settings.offline).iterdir()) == []
    heir = offline.sink()
    heir.send(records)
    heir.close()
    assert heir.confirmed() == {"w1": 10}
    assert len(offline.points()["x"]) == 10
    assert [path.suffix for path in Path(offline.settings.offline).iterdir()] == [".zip"]


def test_an_old_zip_stays_until_the_new_one_is_whole(offline, monkeypatch):
    """Where writing fails half-way the zip that was there is untouched, and closing again succeeds."""
    offline.write(Metrics({"x": 0.0}, 0))
    before = zip_of(offline).read_bytes()
    sink = offline.sink()
    sink.send(offline.records(Metrics({"x": 1.0}, 1)))
    from tracklib_comet import offline as module

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "replace", full)
        with pytest.raises(Exception, match="No space left"):
            sink.close()
    assert zip_of(offline).read_bytes() == before
    sink.close()
    assert len(offline.points()["x"]) == 2


def test_a_zip_is_no_place_to_write_to(tmp_path, make_sink):
    """One zip is for reading; runs are written to a folder."""
    with pytest.raises(ConfigError, match="expected a folder"):
        make_sink(CometSettings(offline=str(tmp_path / "run.zip")))


def harmful(path, names, *, experiment=True, content=b"{}"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if experiment:
            archive.writestr("experiment.json", content)
        for name, inside in names:
            archive.writestr(name, inside)
    return path


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([("../up", b"x")], "leads outside"),
        ([("/abs", b"x")], "leads outside"),
        ([("a/../../b", b"x")], "leads outside"),
        ([("C:/x", b"x")], "leads outside"),
        ([("..\\up", b"x")], "leads outside"),
        ([("messages.json", b"\0" * 50_000_000)], "bomb"),
    ],
)
def test_zips_that_are_set_on_harm_are_refused(tmp_path, names, words):
    """Names that lead outside, and bombs, are refused by name before anything is read."""
    path = harmful(tmp_path / "x.zip", names)
    if words == "bomb":
        with zipfile.ZipFile(path) as archive:
            ratio = archive.getinfo("messages.json").file_size / archive.getinfo("messages.json").compress_size
        assert ratio < 1200  # what deflate can do is allowed; a header that claims more is not
        content = bytearray(path.read_bytes())
        at = content.rfind(b"PK\x01\x02" + b"")
        content[at + 24 : at + 28] = (2**31).to_bytes(4, "little")
        path.write_bytes(content)
    with pytest.raises(RejectedError, match=words):
        Archive(path)


def test_what_is_no_offline_experiment_is_told(tmp_path):
    """The 22 bytes that a killed SDK leaves, other zips and other files are told apart, each as what it is."""
    lost, other, text, bad = (tmp_path / f"{name}.zip" for name in ("lost", "other", "text", "bad"))
    with zipfile.ZipFile(lost, "w"):
        pass
    assert lost.stat().st_size == 22
    harmful(other, [("a", b"x")], experiment=False)
    text.write_text("words")
    harmful(bad, [], content=b"[1]")
    for path, words in (
        (lost, "was killed"),
        (other, "no offline experiment"),
        (text, "expected a zip"),
        (bad, "an object"),
    ):
        with pytest.raises(RejectedError, match=words):
            Archive(path)


def test_a_run_that_the_sdk_lost_is_told_as_lost(tmp_path):
    """An empty zip of the SDK's is a run that crashed, with what became of it as its error and as a notice."""
    path = tmp_path / f"{'a' * 40}.zip"
    with zipfile.ZipFile(path, "w"):
        pass
    source = CometSource(CometSettings(offline=str(path)))
    (found,) = source.runs(RunQuery())
    assert (found.id, found.status) == ("a" * 40, "crashed")
    start, notice, end = (record.body for record in source.read(found))
    assert "was killed" in notice.message
    assert "was killed" in end.error
    assert isinstance(start, RunStart)


def test_one_bad_zip_hides_no_other(offline, tmp_path):
    """In a folder, a zip that is none is a failed run, whose reading says why; a zip of something else is left alone."""
    offline.write(Metrics({"x": 1.0}, 0))
    folder = Path(offline.settings.offline)
    harmful(folder / "0.zip", [("../up", b"x")])
    harmful(folder / "1.zip", [("data.csv", b"x")], experiment=False)
    source = offline.source()
    good, bad = source.runs(RunQuery())
    assert (good.id, bad.id, bad.status) == (offline.info.id, "0", "failed")
    with pytest.raises(RejectedError, match="leads outside"):
        list(source.read(bad))
    with pytest.raises(RejectedError, match="leads outside"):
        list(source.runs(RunQuery(project=bad.project, id="another")))
    assert offline.found().id == offline.info.id
    assert "leads outside" in greeting(offline.settings.resolved())


@pytest.mark.parametrize("harm", ["half", "outside", "gone"])
def test_a_bad_zip_is_left_and_the_others_are_migrated(offline, tmp_path, harm):
    """Half-written, set on harm, or deleted since it was listed: that run fails, by name; the other one is copied."""
    offline.write(Metrics({"x": 1.0}, 0), RunEnd("finished", 0))
    folder, name = Path(offline.settings.offline), "a" * 40
    content = zip_of(offline).read_bytes()
    (folder / f"{name}.zip").write_bytes(content[:-40])
    if harm == "outside":
        harmful(folder / f"{name}.zip", [("../../escaped", b"x")])
    ledger = Ledger(tmp_path / "ledger.sqlite", "a", "b")
    migration = Migration(open_place(f"comet:{folder}"), open_place(f"local:{tmp_path / 'there'}"), ledger)
    (wave,) = migration.waves(None)
    if harm == "gone":
        (folder / f"{name}.zip").unlink()
    results = {result.run.id: result for result in migration.copy(wave)}
    ledger.close()
    assert {run: result.state for run, result in results.items()} == {offline.info.id: "copied", name: "failed"}
    reason = {"half": "expected a zip", "outside": "leads outside", "gone": "holds no run"}[harm]
    assert reason in results[name].error
    assert not list(tmp_path.parent.rglob("escaped"))


def test_damaged_messages_are_counted(offline):
    """Messages that are none are passed over, and told as a notice."""
    offline.write(Metrics({"x": 1.0}, 0))
    path = zip_of(offline)
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    held["messages.json"] += b'{"type": "metric_msg", "payl\n[1]\n'
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    read = offline.read()
    assert len(read[Metrics]) == 1
    assert [notice.message.startswith("2 messages in") for notice in read[Notice]] == [True]


def test_a_damaged_zip_is_not_written_over(offline):
    """A zip that cannot be read to its end is left as it is, and what to do is said; then the run is written anew."""
    offline.write(*(Metrics({"x": float(n)}, n) for n in range(500)))
    path = zip_of(offline)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("messages.json").header_offset + 200
    content[at : at + 50] = bytes(50)
    path.write_bytes(content)
    damaged = path.read_bytes()
    with pytest.raises(ConfigError, match="move it away"):
        offline.sink()
    assert path.read_bytes() == damaged
    assert any("cannot be read" in notice.message for notice in offline_notices(offline))


def offline_notices(bench):
    source = CometSource(bench.settings)
    (found,) = source.runs(RunQuery())
    return [record.body for record in source.read(found) if isinstance(record.body, Notice)]
