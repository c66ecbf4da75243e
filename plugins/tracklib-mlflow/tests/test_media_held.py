"""Media at a real MLflow: where its page looks for them, and back exactly."""

from __future__ import annotations

import io
import json
import re

import pytest
from PIL import Image as Pillow

import tracklib
from tracklib.backends.contract import Outcome
from tracklib.media.values import MediaValue
from tracklib.model.records import Artifact, FileRef, Media

PAGE_NAME = re.compile(r"([^+]+)\+step\+(-?\d+)\+timestamp\+(\d+)\+[0-9a-f-]{36}(\+compressed)?\.(png|webp)")


def medium(bench, value: MediaValue, key: str = "val/sample dog", step: float = 10, **more) -> Media:
    """Return the record of a value, its files at hand for the sink."""
    rendered = value.render()
    attachments = tuple(bench.file(item.path, item.content) for item in rendered.attachments)
    file = bench.file(f"{value.media_type}.{rendered.suffix}", rendered.read())
    return Media(key, step, value.media_type, file, dict(rendered.metadata), attachments=attachments, **more)


def picture(format: str = "PNG", size: tuple[int, int] = (600, 300)) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", size, (200, 30, 30)).save(buffer, format=format)
    return buffer.getvalue()


def masked(bench, **more) -> Media:
    import numpy as np

    masks = {"gt": np.eye(8, dtype="u1"), "guess": np.zeros((8, 8), dtype="u1")}
    boxes = [{"position": {"minX": 0, "minY": 0, "maxX": 0.5, "maxY": 1}, "label": "dog"}]
    value = tracklib.Image(picture(), caption="a dog", boxes=boxes, masks=masks, labels={1: "dog"})
    return medium(bench, value, **more)


def every_kind(bench) -> list[Media]:
    nested = tracklib.Table([[1, tracklib.Image(picture(size=(4, 4))), float("nan")]], columns=["id", "image", "score"])
    return [
        masked(bench, index=0, timestamp=1_790_000_000_000_000_001),
        masked(bench, index=1),
        medium(bench, nested, "rows"),
        medium(bench, tracklib.Histogram([1, 2, 3]), "weights", 1.5),
        medium(bench, tracklib.Text("hello"), "said", -1),
        medium(bench, tracklib.Html("<b>x</b>"), "page", 2**70),
        medium(bench, tracklib.Image(picture("JPEG")), "photo"),
    ]


def test_every_kind_comes_back_whole(bench):
    """Files, attachments, metadata, places in lists and times come back; nothing else shows as an artifact."""
    sent = every_kind(bench)
    _, outcomes = bench.write(*sent)
    assert outcomes == [Outcome("accepted")] * len(sent)
    bodies = bench.read()
    assert bodies[Media] == sent
    assert bodies[Artifact] == []
    source = bench.source()
    for file in (sent[0].attachments[1], sent[2].attachments[0]):
        with source.open_file(bench.found(), file) as opened:
            assert opened.read() == (bench.contents.folder / file.sha256).read_bytes()


def test_pictures_lie_where_the_page_looks(sqlite_bench):
    """Each picture has the name that MLflow's page can read, with a small form; JPEG is shown as PNG."""
    bench = sqlite_bench
    bench.write(*every_kind(bench), medium(bench, tracklib.Image(picture()), "a+b%/ü~" + "x" * 300, 0.5))
    names = sorted(path.name for path in (bench.artifact_folder() / "images").iterdir())
    parsed = [PAGE_NAME.fullmatch(name) for name in names]
    assert all(parsed), names
    keys = [match[1].replace("~", "/") for match in parsed]
    assert keys.count("val/sample dog") == 4
    assert keys.count("photo") == 2
    assert {match[2] for match in parsed} == {"10", "0"}
    for path in (bench.artifact_folder() / "images").iterdir():
        with Pillow.open(path) as image:
            assert image.size == ((256, 128) if "compressed" in path.name else (600, 300))
    assert bench.raw.data.tags["mlflow.loggedImages"] == "True"


def test_a_table_is_one_of_mlflows(sqlite_bench):
    """MLflow's own client loads the table that its page shows."""
    bench = sqlite_bench
    bench.write(medium(bench, tracklib.Table([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]), "rows"))
    (entry,) = json.loads(bench.raw.data.tags["mlflow.loggedArtifacts"])
    assert entry["type"] == "table"
    frame = bench.client.load_table(bench.raw.info.experiment_id, entry["path"], [bench.raw.info.run_id])
    assert frame.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}


def test_sending_again_writes_the_same_files(sqlite_bench):
    """A resend, by another sink, leaves each picture once and lists each table once."""
    bench = sqlite_bench
    records = bench.records(*every_kind(bench))

    def deliver() -> list[str]:
        sink = bench.sink()
        sink.send(records)
        sink.close()
        folder = bench.artifact_folder()
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())

    once = deliver()
    assert deliver() == once
    assert len(json.loads(bench.raw.data.tags["mlflow.loggedArtifacts"])) == 1
    assert bench.read()[Media] == [record.body for record in records]


def test_a_picture_of_another_hand_is_not_hidden(sqlite_bench):
    """What somebody else logs into the same folder is read as an artifact, our own pictures are not."""
    bench = sqlite_bench
    sent = masked(bench)
    bench.write(sent)
    bench.client.log_image(bench.raw.info.run_id, Pillow.new("RGB", (4, 4)), key="strange", step=1)
    bodies = bench.read()
    assert bodies[Media] == [sent]
    (artifact,) = bodies[Artifact]
    assert artifact.name == "images"
    assert len(artifact.files) == 2
    assert all("strange" in file.path for file in artifact.files)


def test_a_lost_attachment_refuses_the_whole(sqlite_bench):
    """A picture whose mask is gone is refused by name, and nothing of it is written."""
    bench = sqlite_bench
    sent = masked(bench)
    (bench.contents.folder / sent.attachments[0].sha256).unlink()
    _, (outcome,) = bench.write(sent)
    assert outcome.kind == "refused"
    assert "masks/0.png is lost" in outcome.reason
    assert bench.read()[Media] == []


@pytest.mark.parametrize("content", [b"\x89PNG no picture", b'{"columns": 3}'])
def test_what_cannot_be_shown_is_held_all_the_same(sqlite_bench, content):
    """A file that is not what its record says is kept as it is; the page shows what it can."""
    bench = sqlite_bench
    kind = "image" if content[:1] == b"\x89" else "table"
    file: FileRef = bench.file("x.bin", content)
    sent = Media("k", 0, kind, file, {"format": "png"})
    bench.write(sent)
    assert bench.read()[Media] == [sent]
