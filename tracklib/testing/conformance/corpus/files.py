"""Artifacts, inputs and media."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from tracklib.backends.capabilities import Feature
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
    "x" * 200,
)


def _ref(path: str, content: bytes) -> FileRef:
    return FileRef(path, len(content), hashlib.sha256(content).hexdigest())


def _contents(contents: Sequence[bytes]) -> dict[str, bytes]:
    return {hashlib.sha256(content).hexdigest(): content for content in contents}


def _artifact(word: str, feature: Feature, files: Mapping[str, bytes], **more: Any) -> Case:
    refs = tuple(_ref(path, content) for path, content in files.items())
    body = Artifact(f"artifact-{word}", more.pop("type", "file"), refs, **more)
    return Case(f"artifacts/{word}", feature, (body,), _contents(list(files.values())))


def _versions() -> Case:
    contents = [b"one", b"two", b"one"]
    bodies = tuple(
        Artifact("artifact-versions", "model", (_ref("w.bin", content),), aliases=(f"v{number}",))
        for number, content in enumerate(contents)
    )
    return Case("artifacts/versions", Feature.ARTIFACT_VERSIONS, bodies, _contents(contents))


def _media(word: str, kind: str, path: str, content: bytes, **more: Any) -> Case:
    body = Media(f"media-{word}", more.pop("step", 1), kind, _ref(path, content), **more)
    return Case(f"media/{word}", Feature.MEDIA, (body,), _contents([content]))


def _gallery() -> Case:
    contents = [_PNG, _PNG + b"\0"]
    bodies = tuple(
        Media("media-gallery", 3, "image", _ref(f"{i}.png", content), {"caption": f"nr {i}"}, i)
        for i, content in enumerate(contents)
    )
    return Case("media/list", Feature.MEDIA, bodies, _contents(contents))


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
    _media("text", "text", "t.txt", "naïve 🙂\n".encode()),
    _media("html", "html", "p.html", b"<p>hello</p>"),
    _media("own-time", "text", "o.txt", b"then", timestamp=1_700_000_000_123_456_789),
    _gallery(),
)
