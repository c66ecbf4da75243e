"""Images: exact where a picture can be, scaled and told of where it cannot, refused by name where there is none."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image as Pillow

import tracklib
from tracklib.errors import BadValueError
from tracklib.media.png import write_png
from tracklib.media.values import Rendered


def pixels(rendered: Rendered) -> np.ndarray:
    return np.asarray(Pillow.open(io.BytesIO(rendered.read())))


def encoded(format: str, size: tuple[int, int] = (7, 5), **more) -> bytes:
    buffer = io.BytesIO()
    Pillow.new("RGB", size, (1, 2, 3)).save(buffer, format=format, **more)
    return buffer.getvalue()


@settings(max_examples=50)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 2, 3, 4])).flatmap(
        lambda shape: arrays.arrays(np.uint8, shape)
    )
)
def test_levels_are_kept_exactly(array):
    """A PNG of ours, read by Pillow, has the array's very levels, whatever its channels."""
    read = np.asarray(Pillow.open(io.BytesIO(write_png(array))))
    assert np.array_equal(read.reshape(array.shape), array)


def test_sixteen_bits_are_kept(render, told):
    """A picture of 16 bits has all of them."""
    array = np.array([[0, 255, 65535], [1, 256, 40000]], dtype="u2")
    assert np.array_equal(pixels(render(tracklib.Image(array))), array)
    assert told == []


@pytest.mark.parametrize(
    ("array", "levels"),
    [
        (np.array([[0.0, 0.5, 1.0]]), [[0, 128, 255]]),
        (np.array([[0.0, 128.0, 255.0]]), [[0, 128, 255]]),
        (np.array([[0, 128, 255]], dtype="i8"), [[0, 128, 255]]),
        (np.array([[False, True]]), [[0, 255]]),
        (np.array([[0.0, 1.0]], dtype="f2"), [[0, 255]]),
    ],
)
def test_what_has_a_plain_meaning_is_told_of_to_nobody(render, told, array, levels):
    """Floats from 0 to 1 are scaled to 0 to 255; whole numbers up to 255 are levels; bools are black and white."""
    rendered = render(tracklib.Image(array))
    assert pixels(rendered).tolist() == levels
    assert "range" not in rendered.metadata
    assert told == []


@pytest.mark.parametrize(
    ("array", "levels", "scale"),
    [
        (np.array([[-1.0, 0.0, 1.0]]), [[0, 128, 255]], [-1.0, 1.0]),
        (np.array([[0, 1000]], dtype="i4"), [[0, 255]], [0.0, 1000.0]),
        (np.array([[-1.7e308, 1.7e308]]), [[0, 255]], [-1.7e308, 1.7e308]),
        (np.array([[7.5, 7.5]]), [[0, 0]], [7.5, 7.5]),
    ],
)
def test_what_lies_beyond_is_scaled_and_told_of(render, told, array, levels, scale):
    """Other numbers are scaled from their own range, which stands in the metadata."""
    rendered = render(tracklib.Image(array))
    assert pixels(rendered).tolist() == levels
    assert rendered.metadata["range"] == scale
    assert len(told) == 1
    assert "scaled to their range" in told[0]


def test_nan_is_black_and_told_of(render, told):
    """NaN and infinities have no level."""
    rendered = render(tracklib.Image(np.array([[0.0, np.nan, 1.0, np.inf]])))
    assert pixels(rendered).tolist() == [[0, 0, 255, 0]]
    assert told == ["2 of 4 values of the picture are NaN or infinite; they are black"]


@pytest.mark.parametrize(
    ("format", "name", "suffix"),
    [
        ("PNG", "png", "png"),
        ("JPEG", "jpeg", "jpg"),
        ("GIF", "gif", "gif"),
        ("WEBP", "webp", "webp"),
        ("BMP", "bmp", "bmp"),
    ],
)
def test_an_encoded_picture_is_kept_as_it_is(render, tmp_path, format, name, suffix):
    """Bytes and files stay what they are, under any name; their format and size are those that they say."""
    content = encoded(format)
    path = tmp_path / "picture.txt"
    path.write_bytes(content)
    for data in (content, bytearray(content), io.BytesIO(content), path, str(path)):
        rendered = render(tracklib.Image(data))
        assert rendered.read() == content
        assert rendered.suffix == suffix
        assert rendered.metadata == {"format": name, "width": 7, "height": 5}


def test_lossless_webp_and_svg_are_known(render):
    """WebP has three forms, and SVG is text without a size in pixels."""
    assert render(tracklib.Image(encoded("WEBP", lossless=True))).metadata["width"] == 7
    svg = b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>"
    assert render(tracklib.Image(svg)).metadata == {"format": "svg"}


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_pillow_images_become_png(render, mode):
    """An image of Pillow is recorded in whatever mode it is."""
    rendered = render(tracklib.Image(Pillow.new(mode, (3, 2)), caption="c"))
    assert rendered.metadata == {"caption": "c", "format": "png", "width": 3, "height": 2}
    assert Pillow.open(io.BytesIO(rendered.read())).size == (3, 2)


BAD = {
    "no picture": (b"hello", "expected a picture in PNG"),
    "nothing": (b"", "got nothing"),
    "cut off": (encoded("PNG")[:-5], "one in png that is cut off"),
    "no header": (encoded("JPEG")[:20], "one in jpeg that is cut off"),
    "no file": ("/nowhere/x.png", "got nothing at /nowhere/x.png"),
    "a folder": ("/", "got a folder at /"),
    "a number": (5, "expected a path, bytes, an array"),
    "a cube": (np.zeros((2, 3, 4, 5)), "got (2, 3, 4, 5)"),
    "channels first": (np.zeros((3, 8, 8)), "(height, width, 1 to 4)"),
    "no pixels": (np.zeros((0, 3)), "got (0, 3)"),
    "complex": (np.zeros((2, 2), dtype=complex), "real numbers"),
    "texts": (np.array([["a"]]), "real numbers"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_picture_is_refused(render, case):
    """Whatever is no picture is refused with what came; making the value raised nothing."""
    data, problem = BAD[case]
    value = tracklib.Image(data)
    with pytest.raises(BadValueError) as caught:
        render(value)
    assert problem in str(caught.value)


def test_boxes_in_the_fields_words(render, told):
    """Boxes by corner or by middle, grouped or not, named by label or class; a wrong one is left out and told of."""
    groups = {
        "predictions": {
            "box_data": [
                {"position": {"middle": [5, 5], "width": 4, "height": 2}, "domain": "pixel", "class_id": 1},
                {"position": {"minX": 0, "minY": 0}},
                {
                    "position": {"minX": 0, "minY": 0, "maxX": 1, "maxY": 0.5},
                    "box_caption": "b",
                    "scores": {"iou": 0.5},
                },
            ],
            "class_labels": {1: "cat"},
        },
        "truth": [{"position": {"minX": 0, "minY": 0, "maxX": 1, "maxY": 1}, "label": "dog", "score": np.float32(0.5)}],
    }
    rendered = render(tracklib.Image(np.zeros((9, 9)), boxes=groups))
    corners = dict.fromkeys(["minX", "minY"], 0)
    assert rendered.metadata["boxes"] == {
        "predictions": [
            {
                "position": {"minX": 3, "minY": 4, "maxX": 7, "maxY": 6},
                "domain": "pixel",
                "label": "cat",
                "class_id": 1,
            },
            {
                "position": {**corners, "maxX": 1, "maxY": 0.5},
                "domain": "fraction",
                "label": "b",
                "scores": {"iou": 0.5},
            },
        ],
        "truth": [{"position": {**corners, "maxX": 1, "maxY": 1}, "domain": "fraction", "label": "dog", "score": 0.5}],
    }
    assert told == [
        "box 1 of 'predictions' is left out: expected a position of minX, minY, maxX, maxY, got none of maxX, maxY"
    ]


def test_masks_are_levels_of_classes(render, told):
    """A mask's levels are its classes, in 16 bits where 8 are too few; a wrong one is left out and told of."""
    mask = np.array([[0, 1], [2, 300]])
    masks = {"gt": {"mask_data": mask, "class_labels": {1: "road"}}, "wrong": np.zeros((2, 2)), "small": mask % 3}
    rendered = render(tracklib.Image(np.zeros((2, 2)), masks=masks, labels={2: "sky"}))
    assert [item.path for item in rendered.attachments] == ["masks/0.png", "masks/1.png"]
    read = [np.asarray(Pillow.open(io.BytesIO(item.content))) for item in rendered.attachments]
    assert [found.tolist() for found in read] == [mask.tolist(), (mask % 3).tolist()]
    assert rendered.metadata["masks"] == {
        "gt": {"path": "masks/0.png", "labels": {"2": "sky", "1": "road"}},
        "small": {"path": "masks/1.png", "labels": {"2": "sky"}},
    }
    assert told == ["mask 'wrong' is left out: expected integers of shape (height, width), got float64 of shape (2, 2)"]
