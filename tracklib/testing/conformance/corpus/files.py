"""Artifacts, inputs and media."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tracklib.backends.capabilities import Feature
from tracklib.model.media import HistogramData, TableData, write_histogram, write_table
from tracklib.model.records import Artifact, FileRef, Input, Media, Reference
from tracklib.testing.conformance.cases import Case

__all__ = ["FILES"]

_BINARY = bytes(range(256)) * 40
# A picture of one red pixel: the smallest that every decoder takes.
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
_PATHS = (
    "a b.txt",
    "deep/er/file.txt",
    ".hidden",
    "größe 🙂.txt",
    "100%.txt",
    "a%41.txt",
    "hash#1?.txt",
    "quote'\".txt",
    "back\\slash",
    "line\nbreak",
    "UPPER.txt",
    "upper.txt",
    "c:colon",
    "a b/c d/%2e%2e",
    "pipe|star*.txt",
    "tab\t",
    "e\u0301.txt",
    "\u00e9.txt",
    "x" * 200,
)
_TABLE = TableData(
    ("id", "score", "note", "when", "id"),
    (
        (1, math.nan, "naïve", dt.datetime(2026, 1, 2, 3, 4, 5, 678901), None),
        (2**63, -0.0, None, dt.date(2026, 1, 2), [1, {"a": 2.0}]),
    ),
)
_NAMES = ("größe 🙂", "with/slash:colon", "percent%41 #?", "back\\slash'\"", "l" * 200, "UPPER", "upper")


def _ref(path: str, content: bytes) -> FileRef:
    return FileRef(path, len(content), hashlib.sha256(content).hexdigest())


def _contents(contents: Sequence[bytes]) -> dict[str, bytes]:
    return {hashlib.sha256(content).hexdigest(): content for content in contents}


def _artifact(word: str, feature: Feature, files: Mapping[str, bytes], **more: Any) -> Case:
    refs = tuple(_ref(path, content) for path, content in files.items())
    body = Artifact(f"artifact-{word}", more.pop("type", "file"), refs, **more)
    return Case(f"artifacts/{word}", feature, (body,), _contents(list(files.values())))


def _named(number: int, name: str) -> Case:
    content = name.encode()
    body = Artifact(f"artifact {name}", "file", (_ref("w", content),))
    return Case(f"artifacts/name-{number}", Feature.ARTIFACT_NAMES, (body,), _contents([content]))


def _versions() -> Case:
    contents = [b"one", b"two", b"one"]
    bodies = tuple(
        Artifact("artifact-versions", "model", (_ref("w.bin", content),), aliases=(f"v{number}",))
        for number, content in enumerate(contents)
    )
    return Case("artifacts/versions", Feature.ARTIFACT_VERSIONS, bodies, _contents(contents))


def _media(word: str, kind: str, path: str, content: bytes, **more: Any) -> Case:
    body = Media(more.pop("key", f"media-{word}"), more.pop("step", 1), kind, _ref(path, content), **more)
    return Case(f"media/{word}", Feature.MEDIA, (body,), _contents([content]))


def _gallery() -> Case:
    contents = [_PNG, _PNG + b"\0"]
    bodies = tuple(
        Media("media-gallery", 3, "image", _ref(f"{i}.png", content), {"caption": f"nr {i}"}, i)
        for i, content in enumerate(contents)
    )
    return Case("media/list", Feature.MEDIA, bodies, _contents(contents))


def _several_steps() -> Case:
    contents = [_PNG + bytes([i]) for i in range(3)]
    bodies = tuple(
        Media("media-steps", step, "image", _ref("s.png", content))
        for step, content in zip((5, 1, 5), contents, strict=True)
    )
    return Case("media/several-steps", Feature.MEDIA, bodies, _contents(contents))


def _with_attachments() -> Case:
    contents = [_PNG + b"a", b"mask", b"mask"]
    file, *rest = (_ref(path, content) for path, content in zip(("a.png", "m/0.png", "m/1.png"), contents, strict=True))
    body = Media("media-masks", 2, "image", file, {"masks": {"pred": "m/0.png"}}, attachments=tuple(rest))
    return Case("media/attachments", Feature.MEDIA, (body,), _contents(contents))


FILES = (
    _artifact("file", Feature.ARTIFACT_FILES, {"model.bin": _BINARY}),
    _artifact("empty-file", Feature.ARTIFACT_FILES, {"empty": b""}),
    _artifact("line-ends", Feature.ARTIFACT_FILES, {"crlf.txt": b"a\r\nb\rc\n"}),
    _artifact("twins", Feature.ARTIFACT_FILES, {"a": b"same", "b/c": b"same"}),
    _artifact("no-file", Feature.ARTIFACT_FILES, {}),
    _artifact("folders", Feature.ARTIFACT_FILES, {"a/b.txt": b"x"}, folders=("a/empty", "void")),
    *(_artifact(f"path-{number}", Feature.ARTIFACT_NAMES, {path: path.encode()}) for number, path in enumerate(_PATHS)),
    _artifact(
        "metadata",
        Feature.ARTIFACT_METADATA,
        {"d.csv": b"1,2\n"},
        type="dataset",
        metadata={"rows": 1, "score": float("nan"), "tree": {"a": [1, 2.0, None]}},
    ),
    _artifact(
        "metadata-of-many-keys",
        Feature.ARTIFACT_METADATA,
        {"d.csv": b"3\n"},
        metadata={f"key {i}": i for i in range(150)},
    ),
    _artifact("reserved-type", Feature.ARTIFACT_METADATA, {"j": b"j"}, type="job"),
    _artifact("odd-type", Feature.ARTIFACT_METADATA, {"j": b"jj"}, type="wandb-größe/a b"),
    _artifact(
        "odd-aliases", Feature.ARTIFACT_ALIASES, {"w": b"ww"}, aliases=("a/b", "c:d", "größe 🙂", "latest", "v7")
    ),
    *(_named(number, name) for number, name in enumerate(_NAMES)),
    _artifact("aliases", Feature.ARTIFACT_ALIASES, {"w": b"w"}, type="model", aliases=("best", "prod-1")),
    _versions(),
    _artifact(
        "references",
        Feature.ARTIFACT_REFERENCES,
        {"local.txt": b"here"},
        references=(Reference("far.bin", "s3://bucket/far.bin", 5, "etag:1"), Reference("x", "file:///x")),
    ),
    Case("inputs/named", Feature.INPUTS, (Input("digits", "dataset", "v2", "run-0"), Input("plain"))),
    _media("image", "image", "pixel.png", _PNG, metadata={"caption": "one red pixel"}),
    _media("late-step", "image", "late.png", _PNG, step=-4),
    _media("jpeg", "image", "photo.jpg", b"\xff\xd8\xff\xe0 as the camera wrote it \xff\xd9"),
    _media("odd-key", "image", "odd.png", _PNG + b"odd", key="media ~/größe:#? 'x'"),
    _media("fractional-step", "text", "half.txt", b"half", step=0.5),
    _media(
        "audio",
        "audio",
        "sound.wav",
        b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x02\0\0\0\x01\0",
    ),
    _media("video", "video", "film.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"),
    _media("histogram", "histogram", "h.json", write_histogram(HistogramData((0, 0.5, 1.0), (3, 2**53 + 1)))),
    _media("table", "table", "t.json", write_table(_TABLE)),
    _media(
        "figure", "figure", "f.json", b'{"data": [{"type": "scatter", "x": [1, 2], "y": [3.5, null]}], "layout": {}}'
    ),
    _media("newer-kind", "molecule", "m.pdb", b"ATOM"),
    _media("long-text", "text", "long.txt", b"0123456789" * 10_000),
    _media("text-with-nul", "text", "nul.txt", b"a\0b\r\n"),
    _media("empty-text", "text", "e.txt", b""),
    _media("text", "text", "t.txt", "naïve 🙂\n".encode()),
    _media("html", "html", "p.html", b"<p>hello</p>"),
    _media("own-time", "text", "o.txt", b"then", timestamp=1_700_000_000_123_456_789),
    _gallery(),
    _several_steps(),
    _with_attachments(),
)
