"""Media as a run records them: with the call's step and time, as they were at the call, and never at training's cost."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import tracklib
from tracklib.errors import BadValueError
from tracklib.journal.blobs import BlobStore
from tracklib.journal.layout import Root
from tracklib.model.media import read_histogram, read_table
from tracklib.model.records import FileRef, Media, Metrics, Notice

SECRET = "ghp_" + "a" * 36
WHITE = np.full((2, 3, 3), 255, dtype="u1")


def content(run, file: FileRef) -> bytes:
    """Return a file's bytes from the journal's blobs."""
    return BlobStore(Root(run.folder.path.parent.parent)).open(file).read_bytes()


def test_values_of_a_call_share_its_step(bodies) -> None:
    """Numbers and media of one call stand at one step and time, lists item by item, and the counter goes on behind."""
    run = tracklib.init("p")
    run.log({"loss": 0.3, "sample": tracklib.Image(WHITE), "list": [tracklib.Text("a"), tracklib.Text("b")]}, step=10)
    run.log({"text": tracklib.Text("c")}, timestamp=1.5)
    run.log({"loss": 0.2})
    assert [(body.step, dict(body.values)) for body in bodies(Metrics, run=run)] == [
        (10, {"loss": 0.3}),
        (12, {"loss": 0.2}),
    ]
    media = [(body.key, body.step, body.index, body.media_type, body.timestamp) for body in bodies(Media, run=run)]
    assert media == [
        ("sample", 10, None, "image", None),
        ("list", 10, 0, "text", None),
        ("list", 10, 1, "text", None),
        ("text", 11, None, "text", 1_500_000_000),
    ]


def test_the_counter_goes_on_behind_media_after_a_resume(bodies) -> None:
    """An attempt that names no step goes on behind the highest one of the media, too."""
    tracklib.init("p", id="r").log({"a": tracklib.Text("x")}, step=7)
    tracklib.finish()
    run = tracklib.init("p", id="r")
    run.log({"a": 1.0})
    assert bodies(Metrics, run=run)[0].step == 8


def test_what_is_recorded_is_the_value_at_the_call(bodies) -> None:
    """An array that is changed afterwards changes nothing on record."""
    run = tracklib.init("p")
    weights = np.zeros(4)
    value = tracklib.Histogram(weights, bins=2)
    run.log({"w": value})
    weights[:2] = 1
    run.log({"w": value})
    first, second = (read_histogram(content(run, body.file)) for body in bodies(Media, run=run))
    assert (first.counts, second.counts) == ((0, 4), (2, 2))


def test_plain_objects_of_other_libraries_are_media(bodies) -> None:
    """Images of Pillow and data frames are recorded as they are passed; lists of them, too."""
    pandas = pytest.importorskip("pandas")
    run = tracklib.init("p", strict=True)
    picture = Pillow.new("RGB", (3, 2))
    run.log({"i": picture, "l": [picture, tracklib.Image(WHITE)], "t": pandas.DataFrame({"a": [1]})})
    kinds = [(body.key, body.media_type, body.index) for body in bodies(Media, run=run)]
    assert kinds == [("i", "image", None), ("l", "image", 0), ("l", "image", 1), ("t", "table", None)]


BAD = {
    "unreadable": (tracklib.Image(b"no picture"), "expected a picture in PNG"),
    "lost": (tracklib.Image(Path("/nowhere.png")), "got nothing at /nowhere.png"),
    "array": (np.zeros((2, 2)), "tracklib.Image(...), tracklib.Histogram(...) or tracklib.Table(...)"),
    "text": ("hello", "tracklib.Text(...)"),
    "figure": (tracklib.Figure(object()), "expected a figure of matplotlib or plotly"),
    "list": ([tracklib.Text("a"), 5], "media 'list'[1]: expected media, as the first of the list is"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_media_cost_neither_the_call_nor_training(bodies, capfd, case) -> None:
    """What is no media is refused by name, in a warning and a notice; the rest of the call is kept."""
    value, problem = BAD[case]
    run = tracklib.init("p")
    run.log({case: value, "loss": 0.5, "fine": tracklib.Text("x")}, step=3)
    (notice,) = bodies(Notice, run=run)
    assert notice.code == "refused"
    assert repr(case) in notice.message
    assert problem in notice.message
    assert problem in capfd.readouterr().err
    assert [dict(body.values) for body in bodies(Metrics, run=run)] == [{"loss": 0.5}]
    assert [body.key for body in bodies(Media, run=run) if body.key != "list"] == ["fine"]
    strict = tracklib.init("p", strict=True)
    with pytest.raises(BadValueError) as caught:
        strict.log({case: value, "loss": 0.5})
    assert problem in str(caught.value)
    assert len(bodies(Metrics, run=strict)) == 1


CHANGED = {
    "nan": (tracklib.Histogram([1.0, float("nan")]), "leaves out 1 NaN"),
    "mixed": (tracklib.Table([[1], ["x"]], columns=["c"]), "column 'c' holds cells of several types"),
    "range": (tracklib.Image(np.array([[-1.0, 2.0]])), "scaled to their range"),
}


@pytest.mark.parametrize("case", CHANGED)
def test_changes_are_named(bodies, capfd, case) -> None:
    """What is recorded otherwise than given is named in a notice each time, and once in a warning."""
    value, problem = CHANGED[case]
    run = tracklib.init("p")
    for _ in range(3):
        run.log({case: value})
    notices = bodies(Notice, run=run)
    assert [notice.code for notice in notices] == ["changed"] * 3
    assert all(problem in notice.message for notice in notices)
    assert capfd.readouterr().err.count(problem) == 1
    assert len(bodies(Media, run=run)) == 3
    strict = tracklib.init("p", strict=True)
    with pytest.raises(BadValueError, match=problem):
        strict.log({case: value})
    assert len(bodies(Media, run=strict)) == 1


def test_a_full_disk_costs_the_picture_alone(bodies, monkeypatch) -> None:
    """A file that cannot be kept is refused, and the numbers of the call stand."""

    def full(*_):
        raise OSError(28, "No space left on device")

    run = tracklib.init("p")
    monkeypatch.setattr(BlobStore, "add_bytes", full)
    run.log({"i": tracklib.Image(WHITE), "loss": 1.0})
    assert "No space left on device" in bodies(Notice, run=run)[0].message
    assert len(bodies(Metrics, run=run)) == 1


def test_no_secret_reaches_the_disk(bodies) -> None:
    """Texts, pages, cells, captions, names of columns and labels, and plotly's texts are redacted."""
    plotly = pytest.importorskip("plotly.graph_objects")
    run = tracklib.init("p")
    figure = plotly.Figure()
    figure.update_layout(title_text=SECRET)
    table = tracklib.Table([[SECRET, "pw", [SECRET]], ["fine", None, 3]], columns=["a", "password", SECRET])
    nested = tracklib.Table([[tracklib.Text(SECRET, caption=SECRET)]])
    run.log({"text": tracklib.Text(f"x {SECRET} y", caption=SECRET), "page": tracklib.Html(f"<b>{SECRET}</b>")})
    run.log({"table": table, "nested": nested, "figure": figure, "api_key": tracklib.Text("plainly secret")})
    files = b"".join(
        path.read_bytes() for path in Root(run.folder.path.parent.parent).path.rglob("*") if path.is_file()
    )
    assert SECRET.encode() not in files
    assert b"plainly secret" not in files
    found = {body.key: body for body in bodies(Media, run=run)}
    assert content(run, found["text"].file) == b"x [redacted] y"
    assert content(run, found["api_key"].file) == b"[redacted]"
    cells = read_table(content(run, found["table"].file))
    assert cells.columns == ("a", "password", "[redacted]")
    assert cells.rows == (("[redacted]", "[redacted]", ["[redacted]"]), ("fine", None, 3))
    assert json.loads(content(run, found["figure"].file))["layout"]["title"]["text"] == "[redacted]"
    assert {notice.code for notice in bodies(Notice, run=run)} >= {"redacted"}


def test_every_tracker_takes_media(bodies) -> None:
    """A fan-out gives each tracker all of it, what can be read only once too; the memory keeps it, null drops it."""
    memory, run = tracklib.MemoryTracker(), tracklib.init("p", strict=True)
    both = tracklib.FanOutTracker(memory, tracklib.NullTracker(), run)
    values = {"h": tracklib.Histogram(iter([1, 2, 3]), bins=1), "i": Pillow.new("L", (1, 1)), "loss": np.float32(0.5)}
    both.log({**values, "l": [tracklib.Text("a"), tracklib.Text("b")]}, step=4, timestamp=2.0)
    assert both.failures == {}
    assert [(item.key, item.step, item.media_type, item.index) for item in memory.media] == [
        ("h", 4, "histogram", None),
        ("i", 4, "image", None),
        ("l", 4, "text", 0),
        ("l", 4, "text", 1),
    ]
    assert memory.values("loss") == [0.5]
    kept = bodies(Media, run=run)
    assert [content(run, body.file) for body in kept] == [item.rendered.read() for item in memory.media]
    with pytest.raises(BadValueError, match="expected a picture"):
        memory.log({"i": tracklib.Image(b"")})
    with pytest.raises(BadValueError, match="as the first of the list is"):
        memory.log({"l": [tracklib.Text("a"), 5]})


def test_tensors_put_channels_first(bodies) -> None:
    """A tensor of torch is (channels, height, width), on whatever device and of whatever width."""
    torch = pytest.importorskip("torch")
    run = tracklib.init("p", strict=True)
    run.log({"i": tracklib.Image(torch.zeros(3, 4, 5, dtype=torch.bfloat16, requires_grad=True))})
    run.log({"h": tracklib.Histogram(torch.arange(4.0)), "a": tracklib.Audio(torch.zeros(2, 9), sample_rate=8)})
    image, histogram, audio = bodies(Media, run=run)
    assert (image.metadata["width"], image.metadata["height"]) == (5, 4)
    assert histogram.metadata["values"] == 4
    assert (audio.metadata["channels"], audio.metadata["frames"]) == (2, 9)
