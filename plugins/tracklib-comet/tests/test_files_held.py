"""Artifacts, media, output and surroundings: byte for byte, and where Comet shows them."""

import io
import json

from PIL import Image as Pillow

import tracklib
from tracklib.model.records import Artifact, Console, Context, Input, Media, Notice, Reference, RunStart, Unknown

PATHS = [
    "a.txt",
    "sub/b.bin",
    "a #?%&+.txt",
    "é/ü.txt",
    "new\nline",
    " lead",
    "q'\"\\*",
    "e" * 255,
    "\ud800",
    "empty",
    "x;y=z",
]


def read_all(bench, body):
    """Return the content of each file of a body."""
    source, run = bench.source(), bench.found()
    files = body.files if isinstance(body, Artifact) else (body.file, *body.attachments)
    contents = {}
    for file in files:
        with source.open_file(run, file) as content:
            contents[file.path] = content.read()
    return contents


def test_artifacts_come_back(bench):
    """Files of any name, types, aliases, metadata, empty folders and references come back, also when they are sent again."""
    files = tuple(bench.file(path, path.encode("utf-8", "surrogatepass") * 9) for path in PATHS)
    files += (bench.file("nothing", b""), bench.file("big", bytes(range(256)) * 20_000))
    refs = (Reference("r", "s3://b/k", 3, "etag"),)
    first = Artifact("../model/x", "model", files, ("best",), {"k": [1, None, 2**70]}, ("hollow",), refs)
    second = Artifact("../model/x", "model", (bench.file("a.txt", b"2"),))
    records = bench.records(first, second, Artifact("", "", ()))
    for _ in range(2):
        sink = bench.sink()
        assert {outcome.kind for outcome in sink.send(records)} == {"accepted"}
        sink.close()
    assert bench.read()[Artifact] == [first, second, Artifact("", "", ())]
    assert read_all(bench, second) == {"a.txt": b"2"}
    found = read_all(bench, first)
    assert (found["big"], found["nothing"]) == (bytes(range(256)) * 20_000, b"")


def test_artifacts_are_comets_own(online):
    """Each version is a version of Comet's artifact with its type, aliases, metadata and files, and there once."""
    first = Artifact("model", "weights", (online.file("sub/a.bin", b"1"),), ("best", "v1"), {"q": 1})
    second = Artifact("model", "weights", (online.file("sub/a.bin", b"22"),), ("best",))
    records = online.records(first, second)
    for _ in range(2):
        sink = online.sink()
        sink.send(records)
        sink.close()
    one, two = online.emulator.world.state.versions.values()
    assert [(v.name, v.type, v.version, v.state) for v in (one, two)] == [
        ("model", "weights", "1.0.0", "CLOSED"),
        ("model", "weights", "2.0.0", "CLOSED"),
    ]
    assert (one.aliases, two.aliases) == (["v1"], ["best"])
    assert json.loads(one.metadata)["q"] == 1
    files = [a.name for a in online.emulator.world.state.assets.values() if a.artifact_version == one.id]
    assert files == ["sub/a.bin"]


def test_a_lost_or_altered_file_shows(online):
    """A file that somebody removed or changed at Comet is not read as if it were there."""
    online.write(Artifact("a", "file", tuple(online.file(name, name.encode()) for name in ("gone", "altered", "fine"))))
    world = online.emulator.world
    for asset in list(world.state.assets.values()):
        if asset.name == "gone":
            del world.state.assets[asset.id]
        elif asset.name == "altered":
            world.blobs.put(asset.key, b"another")
    read = online.read()
    assert [(file.path, file.size) for file in read[Artifact][0].files] == [("altered", 7), ("fine", 4)]
    assert [notice.code for notice in read[Notice]] == ["damaged"]


def test_a_file_that_somebody_adds_is_read(online):
    """What is uploaded to a run of ours at Comet is an artifact of it."""
    from tracklib_comet.service import Service

    online.write(RunStart(online.project, "a"))
    path = online.folder / "theirs.txt"
    path.write_bytes(b"theirs")
    key = online.found().place
    params = {"experimentId": key, "fileName": "sub/theirs.txt", "type": "asset"}
    Service(online.settings).upload(key, path, params, {"m": 1})
    (artifact,) = online.read()[Artifact]
    assert (artifact.name, artifact.metadata, read_all(online, artifact)) == (
        "sub/theirs.txt", {"m": 1}, {"theirs.txt": b"theirs"},
    )  # fmt: skip


def medium(bench, value, key="val/sample", step=10, **more):
    rendered = value.render()
    attachments = tuple(bench.file(item.path, item.content) for item in rendered.attachments)
    file = bench.file(f"{value.media_type}.{rendered.suffix}", rendered.read())
    return Media(key, step, value.media_type, file, dict(rendered.metadata), attachments=attachments, **more)


def picture(format="PNG", size=(60, 30)):
    buffer = io.BytesIO()
    Pillow.new("RGB", size, (200, 30, 30)).save(buffer, format=format)
    return buffer.getvalue()


def every_kind(bench):
    import numpy as np

    masks = {"gt": np.eye(8, dtype="u1"), "guess": np.zeros((8, 8), dtype="u1")}
    boxes = [{"position": {"minX": 0, "minY": 0, "maxX": 0.5, "maxY": 1}, "label": "dog"}]
    masked = tracklib.Image(picture(), caption="a dog", boxes=boxes, masks=masks, labels={1: "dog"})
    nested = tracklib.Table([[1, tracklib.Image(picture(size=(4, 4))), float("nan")]], columns=["id", "image", "score"])
    return [
        medium(bench, masked, index=0, timestamp=1_790_000_000_000_000_001),
        medium(bench, masked, index=1),
        medium(bench, nested, "rows"),
        medium(bench, tracklib.Histogram([1, 2, 3]), "weights", 1.5),
        medium(bench, tracklib.Text("hello"), "said", -1),
        medium(bench, tracklib.Html("<b>x</b>"), "page", 2**70),
        medium(bench, tracklib.Image(picture("JPEG")), "photo"),
    ]


def test_every_kind_of_medium_comes_back_whole(bench):
    """Files, attachments, metadata, places in lists and times come back, once, also when they are sent again."""
    sent = every_kind(bench)
    records = bench.records(*sent)
    for _ in range(2):
        sink = bench.sink()
        assert {outcome.kind for outcome in sink.send(records)} == {"accepted"}
        sink.close()
    read = bench.read()
    assert read[Media] == sent
    assert not read[Artifact]
    assert not read[Notice]
    for body in sent:
        assert read_all(bench, body) == {
            f.path: bench.contents.open(f).read_bytes() for f in (body.file, *body.attachments)
        }


def test_comet_shows_media(online):
    """Pictures, histograms, texts and tables have the kinds that Comet's pages show, at their steps; HTML has its tab."""
    online.write(*every_kind(online))
    key = online.found().place
    assets = [a for a in online.emulator.world.state.assets_of(key) if not a.name.startswith("tracklib/")]
    kinds = sorted((a.name, a.type, a.step) for a in assets if "/mask" not in a.name)
    assert ("val/sample", "image", 10) in kinds
    assert ("weights", "histogram3d", 1) in kinds
    assert ("said", "text-sample", -1) in kinds
    assert ("rows.csv", "asset", 10) in kinds
    assert online.raw.html == "<b>x</b>"
    from comet_ml.data_structure import Histogram

    (shown,) = [a for a in assets if a.type == "histogram3d"]
    held = json.loads(online.emulator.world.blobs.get(shown.key))
    assert sum(count for _, count in held["index_values"]) == 3
    assert sum(Histogram.from_json(held, verbose=False).counts) == 3


def test_output_and_surroundings(bench):
    """Console output, what was captured, inputs and kinds from the future come back as they were."""
    bodies = [
        Console("stdout", "one\n"), Console("stderr", "two"), Console("stdout", ""), Console("stdout", "\ud800\0\n"),
        Context({"git": {"commit": "abc"}, "packages": {"numpy": "2"}, "hardware": {"os": "Linux-6", "cpu": "c"}}), Input("data", "dataset", "v1", "run-0"),
        Unknown("later", {"a": 1}), Notice("dropped", "full disk", 3),
    ]  # fmt: skip
    bench.write(RunStart(bench.project, "a", context={"host": "h", "python": "3.11", "pid": 4}), *bodies)
    read = bench.read()
    assert read[Console] == [body for body in bodies if isinstance(body, Console)]
    assert read[Context] + read[Input] + read[Unknown] + read[Notice] == bodies[4:]
    assert read[RunStart][0].context == {"host": "h", "python": "3.11", "pid": 4}
    if bench.emulator is not None:
        assert [(line["output"], line["stderr"]) for line in bench.raw.output[:2]] == [
            ("one\n", False),
            ("two\n", True),
        ]
        details = bench.raw.system_details
        assert (details["hostname"], details["pythonVersion"], details["installedPackages"]) == (
            "h",
            "3.11",
            ["numpy==2"],
        )


def test_output_that_is_sent_again_is_shown_once(online):
    """Lines that an earlier attempt brought to Comet are not shown twice, and those behind them are."""
    records = online.records(*(Console("stdout", f"line {n}\n") for n in range(10)))
    dead = online.sink()
    dead.send(records[:6])
    heir = online.sink()
    heir.send(records)
    heir.close()
    assert [line["output"] for line in online.raw.output] == [f"line {n}\n" for n in range(10)]
    assert len(online.read()[Console]) == 10
