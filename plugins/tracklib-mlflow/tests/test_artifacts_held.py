"""Artifacts, media and what MLflow has no form for, at a real MLflow with real files."""

import hashlib
import json
from collections import Counter

import pytest
from tracklib_mlflow import file_writers
from tracklib_mlflow.client import Client
from tracklib_mlflow.files import place_copy

from tracklib.errors import TransientError
from tracklib.model.records import Artifact, Console, Input, Media, Notice, Reference, Unknown

NAMES = [
    "plain.txt", "with space.txt", " lead", "trail ", "p%41q", "h#x?y", "new\nline", "tab\t", "back\\slash", "quote'\"", "a:b",
    "C:x", "*", "<>|", "~", "~41~", ".hidden", "..x", "x.", "...", "日本.txt", "e\u0301", "é", "😀", "\x7f", "\x01", "-dash", "a;b&c=d",
    "%2F", "a+b", "\udce9 not utf-8", "n" * 250, "ü" * 120, ".artifact.uploading.x", "con", "CRLF.txt", "tracklib", "media",
]  # fmt: skip


def artifacts(bench):
    return bench.read()[Artifact]


def contents(bench, artifact):
    run, source = bench.found(), bench.source()
    found = {}
    for file in artifact.files:
        with source.open_file(run, file) as opened:
            found[file.path] = opened.read()
    return found


def test_any_file_name_comes_back_byte_for_byte(bench):
    """Every file is read back under its name with its bytes, and empty directories with it."""
    files = {name: name.encode("utf-8", "surrogatepass") for name in NAMES}
    files |= {f"dir/{name}/in": b"\r\n\0" for name in NAMES} | {
        "empty": b"",
        "dir/empty": b"",
        "bin": bytes(range(256)) * 999,
    }
    refs = tuple(bench.file(path, content) for path, content in files.items())
    sent = Artifact(
        "data set #1", "dataset", refs, ("best", "v 2"), {"rows": 3, "nan": float("nan")}, ("hollow", "a/b c")
    )
    bench.write(sent)
    (held,) = artifacts(bench)
    assert (held.name, held.type, held.aliases, held.folders) == (sent.name, sent.type, sent.aliases, sent.folders)
    assert repr(held.metadata) == repr(sent.metadata)
    assert {file.path: file.sha256 for file in held.files} == {file.path: file.sha256 for file in refs}
    assert contents(bench, held) == files


def test_an_old_server_gets_names_that_it_can_give_back(server_store, make_bench, tmp_path, monkeypatch):
    """A server of before 3.13 breaks the connection over a name that is not ASCII: it holds such files under one that is."""
    monkeypatch.setattr(Client, "server_version", lambda _: (2, 18))
    bench = make_bench(server_store, tmp_path)
    refs = tuple(bench.file(f"über/{name}", name.encode("utf-8", "surrogatepass")) for name in NAMES)
    picture = bench.file("a.png", b"no picture")
    shown = Media("日本/é", 0, "image", picture, {"format": "png"})
    bench.write(Artifact("ünder", "dataset", refs), shown)
    (held,) = artifacts(bench)
    assert {file.path: file.sha256 for file in held.files} == {file.path: file.sha256 for file in refs}
    assert contents(bench, held) == {
        file.path: file.path.removeprefix("über/").encode("utf-8", "surrogatepass") for file in refs
    }
    assert [media.file for media in bench.read()[Media]] == [picture]
    folder = bench.artifact_folder()
    lying = [*(folder / "ünder" / "über").iterdir(), *(folder / "images").iterdir()]
    assert len(lying) == len(NAMES) + 1
    assert all(path.name.isascii() for path in lying)


def test_ordinary_artifacts_lie_where_people_look(bench):
    """Through MLflow's own client, an artifact is a folder of its name with its files."""
    bench.write(
        Artifact("classifier", "model", (bench.file("weights.bin", b"w"), bench.file("sub/config.json", b"{}")))
    )
    run_id = bench.raw.info.run_id
    assert {item.path for item in bench.client.list_artifacts(run_id)} == {"classifier", "tracklib"}
    path = bench.client.download_artifacts(run_id, "classifier/sub/config.json", str(bench.folder))
    with open(path, "rb") as file:
        assert file.read() == b"{}"


def test_a_file_in_a_folder_of_its_own_name(bench):
    """MLflow's client lists nothing where a folder's only file has the folder's name; it is found all the same."""
    sent = Artifact("model.pt", "file", (bench.file("model.pt", b"1"),))
    bench.write(sent)
    assert artifacts(bench) == [sent]


@pytest.mark.parametrize("name", ["a/b", "..", "", "media", "tracklib", "Tracklib", "a@2", "x" * 300, "%", "a b", "😀"])
def test_any_artifact_name_comes_back(sqlite_bench, name):
    """No name leaves the run's folder or meets what is ours."""
    sqlite_bench.write(
        Artifact(name, "t", (sqlite_bench.file("f", b"1"),)), Artifact("a", "t", (sqlite_bench.file("b/f", b"2"),))
    )
    held = {artifact.name: artifact.files for artifact in artifacts(sqlite_bench)}
    assert held == {name: (sqlite_bench.file("f", b"1"),), "a": (sqlite_bench.file("b/f", b"2"),)}


def test_versions_of_one_name_stay_apart(bench):
    """A second version overwrites nothing; one whose content was there before is not uploaded again."""
    one, two = (bench.file("f", b"1"), bench.file("g", b"1")), (bench.file("f", b"2"),)
    sent = [
        Artifact("m", "t", one, ("a",)),
        Artifact("m", "t", two, ("b",)),
        Artifact("m", "t", one, ("c",)),
        Artifact("m@2", "t", two),
    ]
    bench.write(*sent)
    bench.write(Artifact("m", "t", (bench.file("h", b"3"),)))
    assert artifacts(bench) == [*sent, Artifact("m", "t", (bench.file("h", b"3"),))]
    top = {item.path for item in bench.client.list_artifacts(bench.raw.info.run_id)}
    assert top == {"m", "m@2", "m@3", "m~40~2", "tracklib"}


def test_sending_artifacts_again_changes_nothing(bench):
    """A resend by a sink that knows nothing finds what is there."""
    records = bench.records(
        Artifact("m", "t", (bench.file("f", b"1"),)),
        Artifact("m", "t", (bench.file("f", b"2"),)),
        Artifact("hollow", "t", ()),
    )
    for _ in range(2):
        sink = bench.sink()
        sink.send(records)
        sink.close()
        assert artifacts(bench) == [record.body for record in records]
    assert len(list(bench.artifact_folder().glob("m*"))) == 2


def test_a_lost_file_is_refused_and_blocks_nothing(bench):
    """An artifact whose content is gone is refused by name; its neighbours are held, and no half of it."""
    lost = bench.file("lost.bin", b"lost")
    (bench.contents.folder / lost.sha256).unlink()
    bodies = [
        Artifact("a", "t", (bench.file("f", b"1"),)), Artifact("b", "t", (bench.file("g", b"2"), lost)), Media("k", 0, "t", lost),
        Artifact("c", "t", (bench.file("h", b"3"),)),
    ]  # fmt: skip
    _, outcomes = bench.write(*bodies)
    assert [outcome.kind for outcome in outcomes] == ["accepted", "refused", "refused", "accepted"]
    assert "lost.bin is lost" in outcomes[1].reason
    assert artifacts(bench) == [bodies[0], bodies[3]]


def test_media_lie_by_key_and_step(bench):
    """A picture is a file under its key, its step first; several of one step stand side by side."""
    sent = [
        Media("val/sample", 10, "image/png", bench.file("a.png", b"png"), {"caption": "x"}),
        Media("val/sample", 10, "image/png", bench.file("b.png", b"other")),
        Media("val/sample", 1.5, "audio/wav", bench.file("noend", b"wav")), Media("../x", -1, "t", bench.file("a.png", b"png")),
    ]  # fmt: skip
    bench.write(*sent)
    assert bench.read()[Media] == sent
    digest = hashlib.sha256(b"png").hexdigest()[:16]
    assert (bench.artifact_folder() / f"media/val/sample/10-{digest}.png").read_bytes() == b"png"
    source = bench.source()
    with source.open_file(bench.found(), sent[1].file) as opened:
        assert opened.read() == b"other"


def test_records_without_a_form_are_kept_whole(bench):
    """Console output, notices and kinds from the future come back as they were, in order."""
    sent = [
        Console("stdout", "epoch 1\n"), Console("stderr", "warn\0 \ud800"), Notice("refused", "a value", 3),
        Unknown("hyper", {"a": [1, {"b": None}]}),
    ]  # fmt: skip
    records, _ = bench.write(*sent)
    bodies = bench.read()
    assert bodies[Console] == sent[:2]
    assert bodies[Notice] == sent[2:3]
    assert bodies[Unknown] == sent[3:]
    times = {record.time for record in bench.source().read(bench.found())}
    assert {record.time for record in records} <= times


def test_confirmed_never_runs_ahead_of_companions(sqlite_bench):
    """What is held back is not confirmed, until it is written."""
    bench = sqlite_bench
    from tracklib.model.records import Metrics

    first = bench.records(
        Metrics({"x": 1.0}, 0), Metrics({"x": 2.0}, 1), Console("stdout", "held"), Metrics({"x": 3.0}, 2)
    )
    sink = bench.sink(position={"w0": 7})
    sink.send(first[:2])
    assert sink.confirmed() == {"w0": 7, "w1": 2}
    sink.send(first[2:])
    assert sink.confirmed() == {"w0": 7, "w1": 2}
    sink.close()
    assert sink.confirmed() == {"w0": 7, "w1": 4}


def test_references_are_read_back_and_seen(bench):
    """What an artifact refers to comes back exact, stands in a file for people, and tells versions apart."""
    one = (Reference("w.pt", "s3://bucket/w.pt", 5, "etag"), Reference("x", "file:///data/x"))
    sent = [
        Artifact("far", "dataset", (), references=one),
        Artifact("far", "dataset", (), references=one[:1]),
        Artifact("both", "dataset", (bench.file("~references.json", b"mine"),), references=one[1:]),
    ]
    bench.write(*sent)
    assert artifacts(bench) == sent
    listed = json.loads((bench.artifact_folder() / "far" / "~references.json").read_text())
    assert listed[0] == {"path": "w.pt", "url": "s3://bucket/w.pt", "size": 5, "digest": "etag"}
    assert len(json.loads((bench.artifact_folder() / "far@2" / "~references.json").read_text())) == 1


def test_inputs_are_read_back_and_seen_as_datasets(bench):
    """Each use of an artifact comes back exact, and MLflow shows it among the run's datasets."""
    sent = [
        Input("digits", "dataset", "best", "run-0"),
        Input("digits", "dataset", "v2", "run-0"),
        Input("s3://bucket/x", None, "sha256:" + "0" * 64),
        Input("plain"),
        Input("n" * 900, "model"),
    ]
    records, outcomes = bench.write(*sent)
    assert {outcome.kind for outcome in outcomes} == {"accepted"}
    sink = bench.sink()
    sink.send(records)
    sink.close()
    assert bench.read()[Input] == sent
    shown = bench.raw.inputs.dataset_inputs
    assert sorted(item.dataset.name for item in shown) == sorted(item.name[:500] for item in sent)
    assert sorted(tag.value for item in shown for tag in item.tags) == ["dataset", "dataset", "model"]


def test_datasets_of_others_are_inputs(sqlite_bench):
    """What somebody logged with MLflow's own client is an input when the run is read."""
    bench = sqlite_bench
    from mlflow.entities import Dataset, DatasetInput, InputTag

    bench.write(Input("ours"))
    item = DatasetInput(Dataset("theirs", "abc123", "local", "{}"), [InputTag("mlflow.data.context", "training")])
    bench.client.log_inputs(bench.raw.info.run_id, [item])
    assert Counter(bench.read()[Input]) == Counter([Input("ours"), Input("theirs", "training", "abc123")])


def test_a_large_upload_goes_on_where_it_stopped(bench, monkeypatch):
    """Files that are there are not sent again by the next sink, and neither is believed what another artifact left."""
    monkeypatch.setattr(file_writers, "_LARGE", 0)
    sent = Artifact("m", "t", tuple(bench.file(f"d/{n}", str(n).encode() * 9) for n in range(4)))
    (record,) = bench.records(sent)
    uploaded = []

    def counted(source, target):
        uploaded.append(target.name)
        if len(uploaded) == 3:
            raise TransientError("the network is gone")
        return place_copy(source, target)

    monkeypatch.setattr("tracklib_mlflow.files.place_copy", counted)
    with pytest.raises(TransientError):
        bench.sink().send([record])
    sink = bench.sink()
    assert [outcome.kind for outcome in sink.send([record])] == ["accepted"]
    sink.close()
    assert sorted(uploaded) == ["0", "1", "2", "2", "3"]
    assert artifacts(bench) == [sent]
    assert not any(key.startswith("tracklib.uploading") for key in bench.raw.data.tags)


def test_another_artifact_never_takes_over_what_one_left_half_sent(sqlite_bench, monkeypatch):
    """Two artifacts of one name with files of one size: the second sends all of its own, and both come back right."""
    bench = sqlite_bench
    monkeypatch.setattr(file_writers, "_LARGE", 0)
    one = Artifact("m", "t", (bench.file("f", b"1"), bench.file("g", b"1")))
    two = Artifact("m", "t", (bench.file("f", b"2"), bench.file("g", b"2")))
    (first,), (second,) = bench.records(one), bench.records(two, writer="w2")
    count = []

    def breaks(source, target):
        count.append(1)
        if len(count) == 2:
            raise TransientError("the network is gone")
        return place_copy(source, target)

    monkeypatch.setattr("tracklib_mlflow.files.place_copy", breaks)
    with pytest.raises(TransientError):
        bench.sink().send([first])
    sink = bench.sink()
    sink.send([second])
    sink.send([first])
    sink.close()
    assert sorted(artifacts(bench), key=lambda a: a.files[0].sha256) == sorted(
        [one, two], key=lambda a: a.files[0].sha256
    )
