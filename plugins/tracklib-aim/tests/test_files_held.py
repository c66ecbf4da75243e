"""Artifacts and media in a real Aim, byte for byte; and what Aim shows of them."""

import io

import pytest
from PIL import Image as Picture

from tracklib.model.media import HistogramData, write_histogram
from tracklib.model.records import Artifact, Media, Notice, Reference

PATHS = ["a.txt", "sub/b.bin", "a #?%.txt", "é/ü.txt", "new\nline", " lead", "q'\"\\*", "e" * 255, "\ud800", "empty"]


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
    refs = (Reference("r", "s3://b/k", 3, "etag"),)
    first = Artifact("../model/x", "model", files, ("best",), {"k": [1, None]}, ("hollow",), refs)
    second = Artifact("../model/x", "model", (bench.file("a.txt", b"2"),))
    records = bench.records(first, second)
    for _ in range(2):
        sink = bench.sink()
        assert {outcome.kind for outcome in sink.send(records)} == {"accepted"}
        sink.close()
    assert bench.read()[Artifact] == [first, second]
    assert read_all(bench, second) == {"a.txt": b"2"}
    assert read_all(bench, first)["big"] == bytes(range(256)) * 10_000
    if bench.repo == bench.root:
        assert "..~2F~model~2F~x@2/a.txt" in bench.raw.artifacts


def test_a_lost_or_altered_file_shows(local):
    """A file that somebody removed or changed in Aim's store is not read as if it were there."""
    kept = [local.file("gone", b"1"), local.file("altered", b"2"), local.file("fine", b"3")]
    local.write(Artifact("a", "file", tuple(kept)))
    folder = local.root / ".aim" / "artifacts" / local.found().place / "a"
    (folder / "gone").unlink()
    (folder / "altered").write_bytes(b"22")
    bodies = local.read()
    assert [(file.path, file.size) for file in bodies[Artifact][0].files] == [("altered", 2), ("fine", 1)]
    assert [notice.code for notice in bodies[Notice]] == ["damaged"]


def picture(colour):
    content = io.BytesIO()
    Picture.new("RGB", (4, 3), colour).save(content, "png")
    return content.getvalue()


def test_media_come_back_and_are_shown(bench):
    """Media come back byte for byte, in lists too; Aim shows those that it has a form for."""
    from aim.storage.context import Context

    uneven = write_histogram(HistogramData((0.0, 1.0, 5.0), (1, 2)))
    media = [
        Media("x", 1, "image", bench.file("0.png", picture("red")), {"caption": "c"}, 0),
        Media("x", 1, "image", bench.file("1.png", picture("blue")), {}, 1, (bench.file("mask.png", b"m"),)),
        Media("x", 2.5, "image", bench.file("s.svg", b"<svg/>"), {"format": "svg"}, None, (), 7),
        Media("h", 0, "histogram", bench.file("h", write_histogram(HistogramData((0.0, 0.5, 1.0), (3, 1))))),
        Media("h", 1, "histogram", bench.file("u", uneven)),
        Media("t", -1, "text", bench.file("s.txt", b"early")),
        Media("t", 1, "text", bench.file("t.txt", "hé\0".encode())),
        Media("a", 0, "audio", bench.file("a.wav", b"RIFF"), {"format": "wav"}),
        Media("f", 0, "figure", bench.file("f.json", b'{"data":[]}'), {"format": "plotly"}),
        Media("v", 0, "video", bench.file("v.mp4", b"mp4"), {"format": "mp4"}),
        Media("tab", 0, "table", bench.file("t.json", b'{"columns":[],"data":[]}')),
        Media("new", 0, "hologram", bench.file("n", b"n")),
    ]
    records = bench.records(*media)
    for _ in range(2):
        sink = bench.sink()
        sink.send(records)
        sink.close()
    read = bench.read()[Media]
    assert read == media
    assert [read_all(bench, body) for body in read][1] == {"1.png": picture("blue"), "mask.png": b"m"}
    raw = bench.raw
    images = raw.get_image_sequence("x", Context({"media": "image"}))
    (shown,) = images.values.values_list()
    assert [(image.caption, image.size) for image in shown] == [("c", (4, 3)), ("", (4, 3))]
    bins = raw.get_distribution_sequence("h", Context({"media": "histogram"})).values.values_list()
    assert [(item.weights.tolist(), item.range) for item in bins] == [([3.0, 1.0], [0.0, 1.0])]
    assert raw.get_text_sequence("t", Context({"media": "text"})).values.values_list()[0][0].data == "hé\0"
    assert raw.get_figure_sequence("f", Context({"media": "figure"})).values.values_list()[0].data == '{"data":[]}'


@pytest.mark.parametrize("name", ["repo #1", "repo;x"])
def test_a_folder_that_is_no_url(make_bench, tmp_path, name):
    """Below a folder that Aim's store would take for another one, the run itself holds the files."""
    bench = make_bench(tmp_path / name, tmp_path / name, tmp_path)
    artifact = Artifact("a", "file", (bench.file("f", b"content"),))
    bench.write(artifact)
    assert bench.read()[Artifact] == [artifact]
    assert read_all(bench, artifact) == {"f": b"content"}
