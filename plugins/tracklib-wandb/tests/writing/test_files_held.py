"""Artifacts and media at W&B, byte for byte; and what W&B shows of them."""

import hashlib
import json

from tracklib.model.media import HistogramData, TableData, write_histogram, write_table
from tracklib.model.records import Artifact, Media, Notice, Reference, RunEnd

PATHS = [
    "a.txt",
    "sub/b.bin",
    "a #?%.txt",
    "é/ü.txt",
    "new\nline",
    " lead",
    "q'\"\\*",
    "e" * 255,
    "\ud800",
    "empty",
    "~",
    "b~c",
]


def read_all(bench, body):
    """Return the content of each file of a body."""
    source = bench.source()
    run = bench.found()
    files = body.files if isinstance(body, Artifact) else (body.file, *body.attachments)
    contents = {}
    for file in files:
        with source.open_file(run, file) as content:
            contents[file.path] = content.read()
    return contents


def test_artifacts_come_back(bench):
    """Files of any name, types, aliases, metadata, empty folders and references come back, each version by itself."""
    files = tuple(bench.file(path, path.encode("utf-8", "surrogatepass") * 9) for path in PATHS)
    files += (bench.file("big", bytes(range(256)) * 10_000),)
    refs = (Reference("r", "s3://b/k", 3, "etag"), Reference("here", "file:///nowhere"), Reference("odd", "no scheme"))
    first = Artifact("../model/x", "model", files, ("best", "latest", "a/b"), {"k": [1, None]}, ("hollow",), refs)
    second = Artifact("../model/x", "model", (bench.file("a.txt", b"2"),))
    third = Artifact("../model/x", "job", (bench.file("a.txt", b"2"),))
    records = bench.records(first, second, third)
    for _ in range(2):
        sink = bench.sink()
        assert [outcome.reason for outcome in sink.send(records)] == ["", "", ""]
        sink.close()
    assert bench.read()[Artifact] == [first, second, third]
    assert read_all(bench, second) == {"a.txt": b"2"}
    assert read_all(bench, first)["big"] == bytes(range(256)) * 10_000


def test_artifacts_are_wandbs_own(online):
    """An artifact is a version with its type, aliases and metadata; the run is the one that made it."""
    files = (online.file("w.bin", b"123"),)
    online.write(Artifact("classifier", "model", files, ("best",), {"acc": 0.5}), RunEnd("finished", 0))
    (made,) = online.server.world.state.artifacts.values()
    assert (made.collection, made.type, made.state) == ("classifier", "model", "COMMITTED")
    assert "best" in made.aliases
    assert json.loads(made.metadata)["acc"] == 0.5
    assert online.raw.outputs == [made.id]


def picture():
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")


def all_media(bench):
    """Return one of each kind, lists and oddities."""
    histogram = write_histogram(HistogramData((0.0, 0.5, 2.0), (3, 1)))
    table = write_table(TableData(("a", "b"), ((1, "x"), (None, 2.5))))
    return [
        Media("pic", 1, "image", bench.file("0.png", picture()), {"caption": "c", "width": 1, "height": 1}, 0),
        Media("pic", 1, "image", bench.file("1.png", picture() + b"!"), {}, 1, (bench.file("mask.png", b"m"),)),
        Media("pic", 2.5, "image", bench.file("s.svg", b"<svg/>"), {"format": "svg"}, None, (), 7),
        Media("h", 0, "histogram", bench.file("h", histogram)),
        Media("t", -1, "text", bench.file("s.txt", b"early")),
        Media("t", 1, "text", bench.file("t.txt", "hé\0".encode())),
        Media("a", 0, "audio", bench.file("a.wav", b"RIFF"), {"format": "wav"}),
        Media("f", 0, "figure", bench.file("f.json", b'{"data":[]}'), {"format": "plotly"}),
        Media("v", 0, "video", bench.file("v.mp4", b"mp4"), {"format": "mp4"}),
        Media("page", 0, "html", bench.file("p.html", b"<p>hello</p>")),
        Media("tab", 0, "table", bench.file("t.json", table)),
        Media("bad", 0, "table", bench.file("b.json", b"no table")),
        Media("new", 0, "hologram", bench.file("n", b"n")),
    ]


def test_media_come_back(bench):
    """Media come back byte for byte, in lists too, each once however often they are sent."""
    media = all_media(bench)
    records = bench.records(*media)
    for _ in range(2):
        sink = bench.sink()
        sink.send(records)
        sink.close()
    read = bench.read()[Media]
    assert read == media
    assert read_all(bench, read[1]) == {"1.png": picture() + b"!", "mask.png": b"m"}
    assert read_all(bench, read[10]) == {"t.json": (bench.contents.folder / media[10].file.sha256).read_bytes()}


def test_media_are_shown_in_wandbs_own_forms(online):
    """Each kind that W&B has a form for stands in the row of its step, and its file where W&B's pages look for it."""
    online.write(*all_media(online), RunEnd("finished", 0))
    shown = {}
    for row in online.raw.history:
        for key, value in row.items():
            if isinstance(value, (dict, str)) and not key.startswith("_"):
                shown.setdefault(key, value)
    kinds = {key: value["_type"] for key, value in shown.items() if isinstance(value, dict)}
    assert kinds == {
        "pic": "images/separated", "h": "histogram", "a": "audio-file", "f": "plotly-file", "v": "video-file",
        "page": "html-file", "tab": "table-file",
    }  # fmt: skip
    assert shown["t"] == "early"
    assert (shown["pic"]["count"], shown["pic"]["captions"]) == (2, ["c", ""])
    assert (shown["h"]["bins"], shown["h"]["values"]) == ([0, 0.5, 2], [3, 1])
    files = online.server.files(online.raw)
    for value in (shown["a"], shown["f"], shown["v"], shown["page"], shown["tab"]):
        content = files[value["path"]]
        assert (len(content), hashlib.sha256(content).hexdigest()) == (value["size"], value["sha256"])
    assert [files[name] for name in shown["pic"]["filenames"]] == [picture(), picture() + b"!"]
    assert json.loads(files[shown["tab"]["path"]]) == {"columns": ["a", "b"], "data": [[1, "x"], [None, 2.5]]}


def test_media_and_a_metric_of_one_name(bench):
    """A metric and a picture of one name at one step are both held."""
    from tracklib.model.records import Metrics

    media = Media("x", 1, "image", bench.file("0.png", picture()))
    bench.write(Metrics({"x": 1.0, "y": 2.0}, 1), media, Metrics({"x": 3.0}, 1))
    assert [(value, step) for value, step, _ in bench.points()["x"]] == [(1.0, 1), (3.0, 1)]
    assert bench.read()[Media] == [media]


def test_a_lost_or_altered_file_shows(online):
    """A file that somebody removed or changed at W&B is not read as if it were there."""
    kept = [online.file("gone", b"1"), online.file("altered", b"2"), online.file("fine", b"3")]
    media = [Media("m", i, "text", file) for i, file in enumerate(kept)]
    online.write(*media)
    blobs, raw = online.server.world.blobs, online.raw
    blobs.delete(online.server.world.file_key(raw, f"tracklib/files/{kept[0].sha256}"))
    blobs.put(online.server.world.file_key(raw, f"tracklib/files/{kept[1].sha256}"), b"22")
    bodies = online.read()
    assert [(body.file.path, body.file.size) for body in bodies[Media]] == [("altered", 2), ("fine", 1)]
    assert [notice.code for notice in bodies[Notice]] == ["damaged"]


def test_an_offline_directory_holds_all_of_its_run(offline, tmp_path, monkeypatch):
    """A directory that is moved elsewhere, alone, still has its artifacts and media."""
    media = Media("t", 1, "text", offline.file("t.txt", b"words"))
    artifact = Artifact("a", "file", (offline.file("sub/b.bin", b"content"),))
    offline.write(media, artifact)
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    (tmp_path / "elsewhere").mkdir()
    folder.rename(tmp_path / "elsewhere" / folder.name)
    monkeypatch.delenv("WANDB_DATA_DIR")
    offline.settings = type(offline.settings)(directory=str(tmp_path / "elsewhere"))
    assert offline.read()[Artifact] == [artifact]
    assert read_all(offline, artifact) == {"sub/b.bin": b"content"}
    assert offline.read()[Media] == [media]
