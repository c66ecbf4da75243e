"""The layout: names become file names that nothing confuses, and nobody else looks in."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tracklib
from tracklib.errors import UsageError
from tracklib.journal.blobs import BlobStore
from tracklib.journal.layout import Root, RunFolder, decode_name, encode_name, private_folder

_DOTS_AND_DEVICES = ["", ".", "..", "...", " ", "a ", "a.", "CON", "con", "con.txt", "nul", "aux.x", "com1", "LPT9"]
_LOOKALIKES = ["+", "%", "%%", "%41", "A", "a", "ä", "Ä", "ß", "ss", "\u017f", "K", "\u0131", "İ", "~", "-", "_"]
_HOSTILE = ["a/../b", "coM3.a.b", "\0", "\n", "C:", "a" * 200]
NAMES = st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    [*_DOTS_AND_DEVICES, *_LOOKALIKES, *_HOSTILE]
)
DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10))}


@given(NAMES)
@example("x" * 10_000)
@example("\U0010ffff" * 40)
def test_every_name_becomes_a_safe_file_name(name: str) -> None:
    """Any text is a file name that every file system takes: no separator, no device, no dots alone, not too long."""
    encoded = encode_name(name)
    assert encoded.isascii() and encoded.isprintable()
    assert not set(encoded) & set('/\\:*?"<>|,')
    assert 0 < len(encoded.encode()) <= 120
    assert encoded.strip(". ") == encoded
    assert encoded.partition(".")[0].rstrip().casefold() not in DEVICES
    assert encoded == encoded.lower()


@given(NAMES)
def test_a_name_comes_back(name: str) -> None:
    """Decoding gives the very name, or says that only its hash was kept."""
    encoded = encode_name(name)
    assert decode_name(encoded) == (name if "%%" not in encoded else None)
    assert "%%" not in encoded or not name or len(name.encode("utf-8", "surrogatepass")) > 40


@given(st.lists(NAMES, min_size=2, max_size=40, unique=True))
def test_two_names_never_meet(names: list[str]) -> None:
    """Different names stay different on disks that fold case or decompose characters."""
    assert len({encode_name(name).casefold() for name in names}) == len(names)


def test_long_names_that_begin_alike_differ() -> None:
    """What is cut off a long name is told apart by its hash."""
    assert len({encode_name("x" * 150 + str(i)) for i in range(200)}) == 200


@pytest.mark.parametrize("name", ["%", "%zz", "+", "a%4", "é+"])
def test_a_foreign_folder_is_named_as_it_is(root: Root, name: str) -> None:
    """A folder that tracklib never named stands for itself, instead of an error."""
    assert RunFolder(root.path / name / name).names() == (name.removesuffix("%"), name)


@pytest.mark.parametrize("project", ["active", "blobs", "relays", "tmp", "Active", "..", "a/b", ""])
def test_a_project_may_bear_any_name(root: Root, project: str) -> None:
    """A project named like the root's own folders, or like a path, has a folder of its own, and its runs are found."""
    root.create()
    folder = root.run(project, "id")
    (folder.journal).mkdir(parents=True)
    assert folder.path.parent.parent == root.path
    assert folder.path.parent.name not in ("active", "blobs", "relays", "tmp")
    assert [found.path for found in root.runs()] == [folder.path]
    assert [found.path for found in root.find("id")] == [folder.path]
    assert folder.names() == (project or folder.path.parent.name, "id")


def everything(path: Path) -> Iterator[tuple[Path, int]]:
    """Yield what lies below a folder, and the folder, each with its permissions."""
    for found in (path, *path.rglob("*")):
        yield found, stat.S_IMODE(found.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o177, 0o777])
def test_nobody_else_looks_in(tmp_path: Path, umask: int) -> None:
    """Folders are 0700 and files 0600, whatever the umask: journal, blobs, marks, and all above them that was made."""
    before = os.umask(umask)
    try:
        (tmp_path / "model.pt").write_bytes(b"weights")
        (tmp_path / "model.pt").chmod(0o644)
        with tracklib.init("p", dir=tmp_path / "a" / "b" / "root") as run:
            run.log({"x": 1.0})
            run.log_artifact(tmp_path / "model.pt")
            BlobStore(Root(tmp_path / "a" / "b" / "root")).add_bytes(b"more", "x")
    finally:
        os.umask(before)
    found = dict(everything(tmp_path / "a"))
    assert len(found) > 12
    assert {path: oct(mode) for path, mode in found.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}


def test_a_new_root_keeps_out_of_git(tmp_path: Path) -> None:
    """A root that tracklib makes is ignored by git; a folder that was there already keeps what the user put in it."""
    Root(tmp_path / "new").create()
    assert (tmp_path / "new" / ".gitignore").read_text() == "*\n"
    used = tmp_path / "used"
    used.mkdir()
    (used / "train.py").touch()
    Root(used).create()
    assert not (used / ".gitignore").exists()
    assert Root(used).runs() == []


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    """A file where a folder should be is a clear error that names it and what to do."""
    (tmp_path / "root").touch()
    with pytest.raises(UsageError, match=r"expected a folder at .*/root, got a file; move it away or set TRACKLIB_DIR"):
        Root(tmp_path / "root").create()
    private_folder(tmp_path / "fine" / "deep")
    assert (tmp_path / "fine" / "deep").is_dir()


def test_what_is_no_run_is_none(root: Root, tmp_path: Path) -> None:
    """Files, links and folders without a journal below the root are not taken for runs."""
    assert root.runs() == []
    root.create()
    (root.path / "notes.txt").touch()
    (root.path / "p" / "empty").mkdir(parents=True)
    (tmp_path / "outside" / "id" / "journal").mkdir(parents=True)
    (root.path / "link").symlink_to(tmp_path / "outside")
    assert root.runs() == []
    assert root.find("id") == []
    assert root.run("p", "none").segments() == []
    assert not root.run("p", "empty").exists()
