"""Blobs: a content is kept once, whole, and for its owner alone."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from pathlib import Path

import pytest

from tracklib.errors import BadValueError, RejectedError
from tracklib.journal.blobs import BlobStore
from tracklib.journal.layout import Root
from tracklib.model.records import FileRef


@pytest.fixture
def blobs(root: Root) -> BlobStore:
    root.create()
    return BlobStore(root)


def kept(root: Root) -> list[str]:
    """Return the digests of the contents that are kept, by their files' names."""
    return sorted(path.parent.name + path.name for path in root.blobs.rglob("*") if path.is_file())


@pytest.mark.parametrize("content", [b"", b"\r\n\0\xff", os.urandom(3 << 20)], ids=["empty", "odd", "3 MB"])
def test_a_content_comes_back_as_it_was(blobs: BlobStore, root: Root, tmp_path: Path, content: bytes) -> None:
    """A file's bytes, size and digest are those of the source; it lies under its digest, read-only for others."""
    (tmp_path / "f").write_bytes(content)
    file = blobs.add(tmp_path / "f", "a/f")
    assert file == FileRef("a/f", len(content), hashlib.sha256(content).hexdigest())
    assert blobs.open(file).read_bytes() == content
    assert stat.S_IMODE(blobs.open(file).stat().st_mode) == 0o600
    assert blobs.add_bytes(content, "b") == FileRef("b", file.size, file.sha256)
    assert kept(root) == [file.sha256]
    assert list(root.scratch.iterdir()) == []


def test_the_same_content_is_kept_once(blobs: BlobStore, root: Root, tmp_path: Path) -> None:
    """Equal files, also those added at the same moment by many threads, take the place of one."""
    paths = [tmp_path / f"f{number}" for number in range(8)]
    for path in paths:
        path.write_bytes(b"weights" * 100_000)
    start = threading.Barrier(8)
    found: list[FileRef] = []

    def add(path: Path) -> None:
        start.wait()
        found.append(blobs.add(path, "f"))

    threads = [threading.Thread(target=add, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert kept(root) == [found[0].sha256]
    assert list(root.scratch.iterdir()) == []


@pytest.mark.parametrize("change", ["grow", "shrink", "rewrite"])
def test_a_file_that_changes_while_it_is_copied_is_reported(
    blobs: BlobStore, root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """What is written while tracklib reads is refused by name: no mixture of old and new is kept."""
    path = tmp_path / "model.pt"
    path.write_bytes(b"old" * 1_000_000)
    os.utime(path, ns=(1, 1))
    read = os.read

    def meddled(fd: int, count: int) -> bytes:
        found = read(fd, count)
        if path.stat().st_mtime_ns == 1:
            size = {"grow": 4_000_000, "shrink": 2_000_000, "rewrite": 3_000_000}[change]
            path.write_bytes(b"n" * size)
        return found

    monkeypatch.setattr(os, "read", meddled)
    with pytest.raises(BadValueError, match=r"expected .*model.pt to rest while it is recorded, but it changed"):
        blobs.add(path, "model.pt")
    assert kept(root) == []
    assert list(root.scratch.iterdir()) == []


def test_a_file_that_is_replaced_while_it_is_copied_is_whole(
    blobs: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is replaced by renaming, as careful writers do, is kept as it was when its copying began."""
    path = tmp_path / "model.pt"
    path.write_bytes(b"old" * 1_000_000)
    read = os.read

    def meddled(fd: int, count: int) -> bytes:
        (tmp_path / "new").write_bytes(b"new")
        (tmp_path / "new").replace(path)
        return read(fd, count)

    monkeypatch.setattr(os, "read", meddled)
    file = blobs.add(path, "model.pt")
    assert blobs.open(file).read_bytes() == b"old" * 1_000_000


def test_a_content_that_is_cut_short_is_told_and_mended(blobs: BlobStore, tmp_path: Path) -> None:
    """A content that lost its end, as in a power cut, is not given out, and whole again when it is added again."""
    (tmp_path / "f").write_bytes(b"weights")
    file = blobs.add(tmp_path / "f", "f")
    blobs.path(file.sha256).write_bytes(b"wei")
    with pytest.raises(RejectedError, match="expected 7 bytes of f, got 3"):
        blobs.open(file)
    assert blobs.add(tmp_path / "f", "f") == file
    assert blobs.open(file).read_bytes() == b"weights"


def test_a_content_that_is_gone_is_told(blobs: BlobStore, tmp_path: Path) -> None:
    """A pruned content is named by its file and digest; removing it again frees nothing."""
    (tmp_path / "f").write_bytes(b"weights")
    file = blobs.add(tmp_path / "f", "f")
    assert blobs.remove(file.sha256) == 7
    assert blobs.remove(file.sha256) == 0
    with pytest.raises(RejectedError, match=f"the content of f \\({file.sha256[:12]}\\) is gone"):
        blobs.open(file)


def test_a_full_disk_leaves_no_half(
    blobs: BlobStore, root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk fills up while a file is copied, the error comes out and nothing stays behind."""

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "f").write_bytes(b"weights")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        blobs.add(tmp_path / "f", "f")
    assert kept(root) == []
    assert list(root.scratch.iterdir()) == []
