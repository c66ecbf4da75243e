"""Figures, texts and pages."""

from __future__ import annotations

import copy
import io
import json

import pytest
from matplotlib.figure import Figure as Drawing
from PIL import Image as Pillow
from plotly import graph_objects

import tracklib
from tracklib.errors import BadValueError
from tracklib.media.recognition import recognised
from tracklib.media.values import RenderContext


@pytest.fixture
def drawing() -> Drawing:
    figure = Drawing(figsize=(2, 1), dpi=100)
    figure.subplots().plot([1, 2])
    return figure


def test_a_drawing_becomes_a_picture(render, drawing):
    """A figure of matplotlib, or its axes, is what it shows, in pixels or in SVG."""
    for given_figure in (drawing, drawing.axes[0]):
        rendered = render(tracklib.Figure(given_figure, caption="c"))
        assert Pillow.open(io.BytesIO(rendered.read())).size == (200, 100)
        assert rendered.metadata == {"caption": "c", "format": "png"}
    svg = render(tracklib.Figure(drawing, format="svg"))
    assert (svg.suffix, svg.metadata) == ("svg", {"format": "svg"})
    assert b"<svg" in svg.read()
    assert render(tracklib.Image(drawing)).metadata == {"format": "png", "width": 200, "height": 100}


def test_a_figure_of_plotly_stays_one(render):
    """What plotly writes is kept to the byte, but for secrets."""
    figure = graph_objects.Figure(graph_objects.Bar(y=[1, 2]))
    rendered = render(tracklib.Figure(figure))
    assert rendered.read() == figure.to_json().encode()
    assert (rendered.suffix, rendered.metadata) == ("plotly.json", {"format": "plotly"})
    cleaned = tracklib.Figure(figure).render(RenderContext(clean=lambda name, value: {"gone": name}))
    assert json.loads(cleaned.read()) == {"gone": "figure"}


def test_what_cannot_be_drawn_is_refused(drawing):
    """A figure whose drawing fails, and what is no figure, are refused by name."""
    drawing.axes[0].set_title(r"$\nonsense{$")
    unwritable = graph_objects.Figure()
    unwritable.to_json = None
    for figure, problem in (
        (drawing, "a figure that can be drawn, but ValueError"),
        (5, "expected a figure of matplotlib or plotly"),
        (b"x", "expected a picture"),
    ):
        with pytest.raises(BadValueError) as caught:
            tracklib.Figure(figure).render()
        assert problem in str(caught.value)


def test_what_is_plainly_media_is_recognised(drawing):
    """Figures, images and frames stand for themselves; arrays, texts and numbers do not; a value is never copied."""
    pandas, numpy = pytest.importorskip("pandas"), pytest.importorskip("numpy")
    figure = graph_objects.Figure()
    found = {type(recognised(value)).__name__ for value in (drawing, drawing.axes[0], figure)}
    assert found == {"Figure"}
    assert isinstance(recognised(Pillow.new("L", (1, 1))), tracklib.Image)
    assert isinstance(recognised(pandas.DataFrame({"a": [1]})), tracklib.Table)
    for value in (1, 0.5, "x", numpy.zeros((2, 2)), pandas.Series([1, 2]), pandas.Timestamp(0), json, object()):
        assert recognised(value) is None
    value = tracklib.Figure(drawing)
    assert recognised(value) is copy.deepcopy(value) is value


def test_texts_are_kept(render, told):
    """A text is what it was, in UTF-8; what UTF-8 lacks is written as an escape and told of."""
    assert render(tracklib.Text("größer\n")).read() == "größer\n".encode()
    assert told == []
    assert render(tracklib.Text("\ud800")).read() == rb"\ud800"
    assert len(told) == 1


def test_pages_come_from_anywhere(render, tmp_path):
    """Markup, bytes, paths and open files are one page."""
    path = tmp_path / "page.html"
    path.write_bytes(b"\xef\xbb\xbf<b>x</b>")
    for data in ("<b>x</b>", b"<b>x</b>", path, str(path), io.BytesIO(b"<b>x</b>")):
        assert render(tracklib.Html(data)).read() == b"<b>x</b>"
    for value, problem in (
        (tracklib.Html(b"\xff"), "breaks it at byte 0"),
        (tracklib.Html(5), "got int 5"),
        (tracklib.Text(5), "got int 5"),
    ):
        with pytest.raises(BadValueError) as caught:
            render(value)
        assert problem in str(caught.value)
