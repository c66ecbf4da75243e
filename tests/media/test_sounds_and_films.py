"""Sounds and films: samples and frames as files that every page plays."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest
from PIL import Image as Pillow

import tracklib
from tracklib.errors import BadValueError


def read_wav(content: bytes) -> tuple[int, int, bytes]:
    with wave.open(io.BytesIO(content)) as file:
        return file.getframerate(), file.getnchannels(), file.readframes(file.getnframes())


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4"])
def test_integer_samples_are_kept_exactly(render, told, dtype):
    """Samples that WAV has stay as they are, channels side by side."""
    samples = np.arange(20).reshape(10, 2).astype(dtype)
    rendered = render(tracklib.Audio(samples, sample_rate=8000))
    assert read_wav(rendered.read()) == (8000, 2, samples.tobytes())
    assert rendered.metadata == {"format": "wav", "sample_rate": 8000, "channels": 2, "frames": 10}
    assert told == []


def test_float_samples_become_16_bits(render, told):
    """Floats from -1 to 1 take the whole range; louder ones are clipped, NaN is silent, and both are told of."""
    rendered = render(tracklib.Audio(np.array([0.0, 1.0, -1.0, 2.0, np.nan]), sample_rate=16000))
    assert np.frombuffer(read_wav(rendered.read())[2], "<i2").tolist() == [0, 32767, -32767, 32767, 0]
    assert told == [
        "1 samples are NaN or infinite; they are silent",
        "samples reach 2, beyond -1 to 1; they are clipped",
    ]


def test_an_encoded_sound_is_kept(render):
    """A sound's format is what its bytes say."""
    content = render(tracklib.Audio(np.zeros(4, "i2"), sample_rate=8000)).read()
    again = render(tracklib.Audio(content, caption="c"))
    assert (again.read(), again.metadata) == (content, {"caption": "c", "format": "wav"})
    assert render(tracklib.Audio(b"ID3\x04 and so on")).suffix == "mp3"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (tracklib.Audio(np.zeros(4, "i2")), "expected sample_rate"),
        (tracklib.Audio(np.zeros(4, "i8"), sample_rate=1), "got int64"),
        (tracklib.Audio(np.zeros((1, 2, 3)), sample_rate=1), "got (1, 2, 3)"),
        (tracklib.Audio(b"noise"), "expected a sound in WAV"),
        (tracklib.Audio(None), "expected a path, bytes or an array of samples"),
        (tracklib.Video(np.zeros((2, 3))), "expected frames of shape"),
        (tracklib.Video(np.zeros((1, 2, 2, 3)), fps=0), "expected fps above 0"),
        (tracklib.Video(b"noise"), "expected a film in MP4"),
        (tracklib.Video(3), "expected a path, bytes or an array of frames"),
    ],
)
def test_what_is_no_sound_or_film_is_refused(render, value, problem):
    """Each is refused with what was expected."""
    with pytest.raises(BadValueError) as caught:
        render(value)
    assert problem in str(caught.value)


@pytest.mark.parametrize("shape", [(3, 6, 8, 3), (3, 3, 6, 8), (3, 6, 8, 1)])
def test_frames_become_a_film(render, shape):
    """Frames, channels last or plainly first, become a GIF of as many, at their pace."""
    frames = np.random.default_rng(1).integers(0, 255, shape, dtype="u1")
    rendered = render(tracklib.Video(frames, fps=5))
    film = Pillow.open(io.BytesIO(rendered.read()))
    assert (film.n_frames, film.size, film.info["duration"]) == (3, (8, 6), 200)
    assert rendered.metadata == {"format": "gif", "fps": 5, "frames": 3, "width": 8, "height": 6}


def test_without_pillow_a_film_is_refused_with_the_remedy(render, monkeypatch):
    """Who has no encoder is told of one."""
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    with pytest.raises(BadValueError, match="install pillow, or encode the film yourself"):
        render(tracklib.Video(np.zeros((1, 2, 2, 3), "u1")))
