"""Artifacts: the bytes and names that stood there, each content once, and whatever is left out is named."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

import tracklib
from tracklib.journal.blobs import BlobStore
from tracklib.journal.layout import private_folder
from tracklib.model.records import Artifact, Notice


@pytest.fixture
def logged(bodies, root):
    """Return a function that logs a path, and gives the artifact, its files' contents by name, and the notices."""

    def log(path, **given):
        run = tracklib.init("p")
        run.log_artifact(path, **given)
        run.finish(wait=True)
        found = bodies(Artifact, run=run)
        notices = [body.message for body in bodies(Notice, run=run)]
        if not found:
            return None, {}, notices
        blobs = BlobStore(root)
        contents = {}
        for file in found[0].files:
            contents[file.path] = blobs.open(file).read_bytes()
            assert (file.size, file.sha256) == (len(contents[file.path]), digest(contents[file.path]))
        return found[0], contents, notices

    return log


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def blobs_in(root) -> list[str]:
    """Return the names under which contents are kept."""
    return sorted(path.parent.name + path.name for path in root.blobs.rglob("*") if path.is_file())


ALL_BYTES = bytes(range(256)) * 5000


@pytest.mark.parametrize("content", [b"", b"x", ALL_BYTES], ids=["empty", "short", "long"])
def test_a_file(logged, root, content) -> None:
    """A file is kept byte for byte under its own name, whatever happens to the original."""
    Path("weights.bin").write_bytes(content)
    artifact, contents, notices = logged("weights.bin")
    Path("weights.bin").write_bytes(b"changed")
    assert contents == {"weights.bin": content}
    assert (artifact.name, artifact.type, artifact.aliases, artifact.metadata, artifact.folders) == (
        "weights.bin",
        "file",
        (),
        {},
        (),
    )
    assert blobs_in(root) == [digest(content)]
    assert notices == []


ODD = [
    *("plain", ".hidden", "with space", "ümläut", "日本語", "100%", "a#b", "a?b", "a&b=c", "-dash", "quote'\"", "a\\b"),
    *("..dots", "tab\there", "new\nline", "x" * 200, "con", "a:b", "*", "~", "$HOME", "{}", "@x"),
]


def test_a_directory_with_all_that_is_in_it(logged) -> None:
    """Nested, hidden, empty and oddly named files, and directories that are empty, come out as they went in."""
    expected = {}
    for index, name in enumerate(ODD):
        for place in (Path(name), Path("sub", "deeper", name), Path(f"dir {name}", "f")):
            path = Path("model") / place
            path.parent.mkdir(parents=True, exist_ok=True)
            expected[place.as_posix()] = f"{index} {place}".encode()
            path.write_bytes(expected[place.as_posix()])
    Path("model/zero").touch()
    Path("model/none/inside").mkdir(parents=True)
    artifact, contents, notices = logged(Path("model"))
    assert contents == {**expected, "zero": b""}
    assert (artifact.name, artifact.folders, notices) == ("model", ("none/inside",), [])
    assert [file.path for file in artifact.files] == [file.path for file in logged("model/")[0].files]


def test_an_empty_directory(logged) -> None:
    """A directory with nothing in it is an artifact without files."""
    Path("void").mkdir()
    artifact, contents, notices = logged("void")
    assert (artifact.name, contents, artifact.folders, notices) == ("void", {}, (), [])


def test_links(logged) -> None:
    """A link to a file inside is that file; links that lead out, dangle or lead to directories are left out by name."""
    Path("secret.txt").write_text("private")
    Path("outside").mkdir()
    home = Path("model")
    (home / "sub").mkdir(parents=True)
    (home / "real.bin").write_bytes(b"real")
    for name, target in {
        "inside": "real.bin",
        "sub/up": "../real.bin",
        "out": "../secret.txt",
        "absolute": str(Path("secret.txt").resolve()),
        "dangling": "nowhere",
        "loop": "loop",
        "folder": "../outside",
        "own": "sub",
    }.items():
        (home / name).symlink_to(target)
    _, contents, notices = logged("model")
    assert contents == {"real.bin": b"real", "inside": b"real", "sub/up": b"real"}
    named = {notice.split("left out ")[1].split(": ")[0] for notice in notices}
    assert named == {"out", "absolute", "dangling", "loop", "folder", "own"}


def test_a_link_given_by_name_is_followed(logged) -> None:
    """A link that the caller names itself is what it leads to, under the link's own name."""
    Path("real").write_bytes(b"real")
    Path("latest").symlink_to("real")
    artifact, contents, _ = logged("latest")
    assert (artifact.name, contents) == ("latest", {"latest": b"real"})


def test_what_is_no_file_is_left_out(logged) -> None:
    """A pipe in a directory is left out by name, and blocks nobody."""
    Path("model").mkdir()
    os.mkfifo("model/pipe")
    Path("model/f").write_bytes(b"f")
    _, contents, (notice,) = logged("model")
    assert contents == {"f": b"f"}
    assert "left out pipe: no regular file" in notice


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("missing.pt", "expected a file or directory at missing.pt, got nothing (in {cwd})"),
        ("", "got"),
        (5, "expected the path of a file or directory, got int 5"),
        (None, "expected the path of a file or directory, got NoneType"),
        ("pipe", "expected a file or directory at pipe, got a device, pipe or socket"),
        ("nul\0byte", "log_artifact: "),
        ("x" * 5000, "log_artifact: "),
    ],
)
def test_a_path_to_nothing_is_refused_and_the_run_goes_on(bodies, capfd, path, told) -> None:
    """What cannot be recorded is refused by name, with the folder in which it was looked for."""
    os.mkfifo("pipe")
    run = tracklib.init("p")
    run.log_artifact(path)
    Path("f").write_text("x")
    run.log_artifact("f")
    if path == "":  # the working folder itself, which holds the journal: never a copy of the journal
        assert all(".tracklib" not in file.path for body in bodies(Artifact, run=run) for file in body.files)
        return
    assert [body.name for body in bodies(Artifact, run=run)] == ["f"]
    (notice,) = bodies(Notice, run=run)
    assert told.format(cwd=Path.cwd()) in notice.message
    assert capfd.readouterr().err.count("refused; training goes on") == 1


def test_the_journal_is_never_in_an_artifact(logged, root) -> None:
    """The working folder, journal and all, is logged without the journal, which is named."""
    Path("train.py").write_text("pass")
    _, contents, notices = logged(".")
    assert contents == {"train.py": b"pass"}
    assert [".tracklib" in notice for notice in notices] == [True]


def test_the_same_content_is_stored_once(root) -> None:
    """However often and under whatever names a content is logged, it lies on the disk a single time."""
    Path("d").mkdir()
    for name in ("a", "d/b", "d/c"):
        Path(name).write_bytes(ALL_BYTES)
    for _ in range(2):
        with tracklib.init("p") as run:
            run.log_artifact("a")
            run.log_artifact("d")
    assert blobs_in(root) == [digest(ALL_BYTES)]
    assert list(root.scratch.iterdir()) == []


def test_a_file_that_changes_while_it_is_copied_is_refused(bodies, root, monkeypatch) -> None:
    """Half of one version and half of another is never recorded: the file is refused by name, its neighbours stay."""
    Path("d").mkdir()
    Path("d/moving").write_bytes(b"old")
    Path("d/resting").write_bytes(b"rest")
    copy = BlobStore._copy

    def while_written(self, reader, target):
        found = copy(self, reader, target)
        if os.path.sameopenfile(reader, moving.fileno()):
            Path("d/moving").write_bytes(b"newer and longer")
        return found

    monkeypatch.setattr(BlobStore, "_copy", while_written)
    with Path("d/moving").open("rb") as moving:
        run = tracklib.init("p")
        run.log_artifact("d/moving")
        Path("d/moving").write_bytes(b"old")
        run.log_artifact("d")
    (artifact,) = bodies(Artifact, run=run)
    assert [file.path for file in artifact.files] == ["resting"]
    told = [body.message for body in bodies(Notice, run=run)]
    assert len(told) == 2
    assert all("moving" in text and "it changed; log it when it is written" in text for text in told)
    assert blobs_in(root) == [digest(b"rest")]


def test_name_type_aliases_and_metadata(logged) -> None:
    """All that is said of an artifact is recorded: aliases once each, one alone as a text, metadata as a tree."""
    Path("f").write_text("x")
    given = {
        "name": "clf/ü",
        "type": "model",
        "aliases": ["best", "v1", "best"],
        "metadata": {"acc": 0.9, "n": {"k": (1,)}},
    }
    artifact, contents, _ = logged("f", **given)
    assert (artifact.name, artifact.type, artifact.aliases) == ("clf/ü", "model", ("best", "v1"))
    assert artifact.metadata == {"acc": 0.9, "n": {"k": [1]}}
    assert list(contents) == ["f"]
    assert logged("f", aliases="best")[0].aliases == ("best",)
    assert logged("f", aliases=iter("ab"))[0].aliases == ("a", "b")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o177])
def test_nobody_else_may_look(root, umask) -> None:
    """Every folder below the root is 0700 and every file of a run 0600, whatever the umask."""
    Path("f").write_text("x")
    Path("f").chmod(0o666)
    before = os.umask(umask)
    try:
        with tracklib.init("p") as run:
            run.log({"a": 1.0})
            run.log_artifact("f")
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in [root.path, *root.path.rglob("*")]}
    assert {modes[path] for path in modes if path.is_dir()} == {0o700}
    assert {modes[path] for path in modes if path.is_file() and path.name != ".gitignore"} == {0o600}
    assert private_folder(root.path) is None
