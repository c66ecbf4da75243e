"""References and inputs: what lies elsewhere is named and not fetched, and what a run uses is found again."""

from __future__ import annotations

from pathlib import Path

import pytest

import tracklib
from tracklib.errors import UsageError
from tracklib.model.records import Artifact, Input, Reference


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("s3://bucket/models/weights.pt", "weights.pt"),
        ("gs://bucket/dir/", "dir"),
        ("https://127.0.0.1:9/a%20b.bin?version=3#x", "a b.bin"),
        ("az://container", "container"),
        ("s3://bucket/..", "bucket"),
    ],
)
def test_an_address_is_recorded_and_not_fetched(bodies, url, path) -> None:
    """An address becomes a reference under its last name; nobody asks whether anything lies there."""
    with tracklib.init("p") as run:
        run.log_artifact(url, type="dataset")
    (artifact,) = bodies(Artifact, run=run)
    assert (artifact.name, artifact.type, artifact.files) == (path, "dataset", ())
    assert artifact.references == (Reference(path, url),)


def test_no_secret_in_an_address_is_recorded(root, bodies) -> None:
    """A password in an address is hidden before anything is written."""
    with tracklib.init("p") as run:
        run.log_artifact("https://user:hunter2hunter2@host/f.bin")
    (artifact,) = bodies(Artifact, run=run)
    assert artifact.references[0].path == "f.bin"
    assert b"hunter2hunter2" not in b"".join(path.read_bytes() for path in run.folder.segments())


def test_live_refers_and_copies_nothing(root, bodies) -> None:
    """With ``live=True`` the files are named where they lie, with their sizes, and none is kept."""
    Path("d/sub").mkdir(parents=True)
    Path("d/none").mkdir()
    Path("d/sub/f").write_bytes(b"123")
    Path("d/out").symlink_to("/etc/hostname")
    with tracklib.init("p") as run:
        run.log_artifact("d", live=True)
    (artifact,) = bodies(Artifact, run=run)
    assert artifact.references == (Reference("sub/f", Path("d/sub/f").resolve().as_uri(), 3),)
    assert (artifact.files, artifact.folders) == ((), ("none",))
    assert not [path for path in root.blobs.rglob("*") if path.is_file()]


def made(content: bytes, project: str = "p", **given) -> str:
    """Make a run with an artifact ``data``; return its id."""
    Path("data").write_bytes(content)
    with tracklib.init(project) as run:
        run.log_artifact("data", **given)
    return run.id


def used(bodies, *words, **given):
    with tracklib.init("p") as run:
        found = run.use_artifact(*words, **given)
    (recorded,) = bodies(Input, run=run)
    assert recorded == found.input
    return found


def test_an_artifact_of_the_project_is_found(bodies) -> None:
    """By its name the latest is found, by an alias the one that bears it, by its run and number that one."""
    first = made(b"one", aliases=["best"], type="dataset")
    second = made(b"two", type="dataset")
    made(b"other", project="q")
    latest = used(bodies, "data")
    assert latest.input == Input("data", "dataset", "v1", second)
    assert (latest.path / "data").read_bytes() == b"two"
    best = used(bodies, "data:best")
    assert best.input == Input("data", "dataset", "best", first)
    assert (best.path / "data").read_bytes() == b"one"
    assert used(bodies, "data", run=first, version="v1").input.run == first
    assert used(bodies, "data", type="model").input == Input("data", "model", None, None)


def test_what_is_used_is_the_readers_only(bodies, root) -> None:
    """The directory of a used artifact is read-only and shares the blob; a copy of one's own can be written."""
    made(b"one")
    found = used(bodies, "data")
    assert (found.path / "data").stat().st_mode & 0o777 == 0o400
    assert found.path == used(bodies, "data").path
    mine = found.download("mine")
    assert (mine / "data").read_bytes() == b"one"
    assert (mine / "data").stat().st_mode & 0o200


def test_what_is_not_found_is_recorded_all_the_same(bodies) -> None:
    """The use stands in the journal; asking for the files says what was looked for, and where."""
    found = used(bodies, "nowhere:v3", type="dataset", run="abc")
    assert found.input == Input("nowhere", "dataset", "v3", "abc")
    with pytest.raises(UsageError, match=r"expected an artifact 'nowhere', version 'v3' in run 'abc' of .*, got none"):
        found.path  # noqa: B018  asking is the test


def test_a_path_or_an_address_is_its_own_name(bodies) -> None:
    """What lies on this machine, or elsewhere, is recorded as it was named."""
    Path("a:b.csv").write_bytes(b"1,2")
    found = used(bodies, Path("a:b.csv"), type="dataset")
    assert (found.input, found.path) == (Input("./a:b.csv", "dataset"), Path("a:b.csv"))
    assert used(bodies, "s3://bucket/x:y").input == Input("s3://bucket/x:y")


def test_a_null_tracker_finds_artifacts_too() -> None:
    """With tracking disabled, the training code that reads an artifact of this disk still reads it."""
    made(b"one", project="default")
    run = tracklib.init(mode="disabled")
    assert (run.use_artifact("data").path / "data").read_bytes() == b"one"
