"""Bad input: what is damaged, missing, hostile or newer is told and left, and the rest goes on."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tracklib
from tests.portability.bundle.conftest import fresh
from tests.portability.test_migrate import assert_equal, migrated
from tracklib.backends import RunQuery
from tracklib.errors import ConfigError, NoRoomError, RejectedError
from tracklib.journal.segment import seal, unseal
from tracklib.model.codec import dumps
from tracklib.portability.bundle.backup import Backup
from tracklib.portability.bundle.catalog import Catalog
from tracklib.portability.bundle.entry import Part, RunEntry
from tracklib.portability.bundle.folders import FolderStore
from tracklib.portability.bundle.inspection import Inspection
from tracklib.portability.bundle.retention import Retention, retain
from tracklib.portability.bundle.settings import _catalog
from tracklib.portability.bundle.source import BundleSource
from tracklib.portability.places import open_place


@pytest.fixture
def bundle(tmp_path: Path, recorded: Path, catalog: Catalog) -> Path:
    """Return a bundle of two runs."""
    assert list(Backup(open_place(f"local:{recorded}"), open_place("bundle:x"), catalog).run())
    return tmp_path / "b"


def problems(bundle: Path, *, deep: bool = True) -> dict[str, list[str]]:
    """Return what an inspection finds, by run; what concerns no run stands under the empty name."""
    found = Inspection(fresh(bundle), deep=deep)
    return {item.run.id if item.run else "": item.problems for item in found if item.problems}


def restored(tmp_path: Path, bundle: Path) -> dict[str, Any]:
    """Restore all runs into a journal root, and return what became of each."""
    _catalog.cache_clear()
    results = migrated(f"bundle:{bundle}", f"local:{tmp_path / 'c'}", tmp_path / "restored.sqlite")
    return {result.run.id: result for result in results}


def part_of(bundle: Path, run_id: str, table: str) -> Path:
    (path,) = (bundle / "runs" / "digits" / run_id).glob(f"{table}-*")
    return path


def rewritten(bundle: Path, **changes: Any) -> None:
    """Change the first run's entry, with checksums that are right."""
    (manifest,) = (bundle / "manifests").iterdir()
    lines = manifest.read_bytes().splitlines(keepends=True)
    fields = unseal(lines[0], 0)
    assert fields is not None
    lines[0] = seal(dumps({**fields, **changes}), 0)
    rename(bundle, manifest, b"".join(lines))


def rename(bundle: Path, manifest: Path, content: bytes) -> None:
    """Put another manifest in the place of the one that the only snapshot names."""
    digest = hashlib.sha256(content).hexdigest()
    (bundle / "manifests" / f"{digest}.jsonl").write_bytes(content)
    (snapshot,) = (bundle / "snapshots").iterdir()
    text = snapshot.read_bytes().replace(manifest.stem.encode(), digest.encode())
    manifest.unlink()
    snapshot.unlink()
    named = snapshot.name[:-21] + hashlib.sha256(text).hexdigest()[:16] + ".json"
    (bundle / "snapshots" / named).write_bytes(text)


@pytest.mark.parametrize("table", ["points", "records"])
@pytest.mark.parametrize("damage", ["bit", "half", "empty", "gone"])
def test_a_damaged_part_costs_its_run_alone(tmp_path: Path, bundle: Path, table: str, damage: str) -> None:
    """A part with a flipped bit, a half one or a missing one is named; the other run is restored whole."""
    path = part_of(bundle, "one", table)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"bit": content, "half": content[: len(content) // 2], "empty": b""}[damage])
    assert list(problems(bundle)) == ["one"]
    assert list(problems(bundle, deep=False)) == ([] if damage == "bit" else ["one"])
    results = restored(tmp_path, bundle)
    assert (results["one"].state, results["two"].state) == ("failed", "copied")
    assert path.name in results["one"].error
    assert [run.id for run in open_place(f"local:{tmp_path / 'c'}").source().runs(RunQuery())] == ["two"]


def test_a_damaged_file_is_refused_and_told(tmp_path: Path, bundle: Path) -> None:
    """A content that is not that of its digest, or is missing, is found and not restored; the rest of its run is."""
    one, two = (hashlib.sha256(name * 100).hexdigest() for name in (b"one", b"two"))
    (bundle / "files" / "sha256" / one[:2] / one[2:]).write_bytes(b"ane" * 100)
    (bundle / "files" / "sha256" / two[:2] / two[2:]).unlink()
    found = problems(bundle)
    assert ["altered" in found["one"][0], "missing" in found["two"][0], len(found)] == [True, True, 2]
    assert list(problems(bundle, deep=False)) == ["two"]
    results = restored(tmp_path, bundle)
    assert [sum(results[name].progress.tally.refused.values()) for name in ("one", "two")] == [1, 1]
    assert [results[name].progress.tally.points for name in ("one", "two")] == [47, 47]


def test_a_backup_mends_what_is_missing(tmp_path: Path, recorded: Path, bundle: Path) -> None:
    """Reading all runs again puts the parts and files back that were lost or cut."""
    part = part_of(bundle, "one", "points")
    part.write_bytes(part.read_bytes()[:100])
    part_of(bundle, "two", "records").unlink()
    altered = part_of(bundle, "two", "points")
    altered.write_bytes(altered.read_bytes().replace(b"PAR1", b"RAP1"))
    one, two = (hashlib.sha256(name * 100).hexdigest() for name in (b"one", b"two"))
    (bundle / "files" / "sha256" / one[:2] / one[2:]).write_bytes(b"ane" * 100)
    (bundle / "files" / "sha256" / two[:2] / two[2:]).unlink()
    assert len(problems(bundle)) == 2
    list(Backup(open_place(f"local:{recorded}"), open_place("bundle:x"), fresh(bundle), again=True).run())
    assert problems(bundle) == {}
    assert_equal(f"local:{recorded}", f"bundle:{bundle}")


def test_an_entry_of_a_newer_version_is_left(tmp_path: Path, recorded: Path, bundle: Path) -> None:
    """A run in a newer format is told, neither restored nor written over; the other one is restored."""
    rewritten(bundle, version="2.0")
    assert "version '2.0'" in problems(bundle)["one"][0]
    results = restored(tmp_path, bundle)
    assert (results["one"].state, results["two"].state) == ("failed", "copied")
    assert "install a newer tracklib" in results["one"].error
    states = Backup(open_place(f"local:{recorded}"), open_place("bundle:x"), fresh(bundle)).run()
    assert [result.state for result in states] == ["failed", "unchanged"]
    assert "version '2.0'" in problems(bundle)["one"][0]


def test_a_newer_minor_version_is_read(tmp_path: Path, bundle: Path) -> None:
    """What a newer minor version adds is passed over."""
    rewritten(bundle, version="1.7", colour="red")
    about = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps({**about, "version": "1.7", "more": 1}))
    assert problems(bundle) == {}
    assert {result.state for result in restored(tmp_path, bundle).values()} == {"copied"}


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ('{"format": "tracklib bundle", "version": "2.0"}', "install a newer tracklib"),
        ('{"format": "another"}', "got another document"),
        ("[]", "got another document"),
        ("{", "got no JSON"),
        (None, "got nothing"),
    ],
)
def test_what_is_no_bundle_is_refused(bundle: Path, about: str | None, words: str) -> None:
    """A bundle of a newer major version, another document, and nothing at all are told apart."""
    (bundle / "bundle.json").unlink()
    if about is not None:
        (bundle / "bundle.json").write_text(about)
    with pytest.raises(ConfigError, match=words):
        fresh(bundle)


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "runs/digits/one/../two/points-000000000003-0123456789abcdef.parquet",
        "runs/digits/two/points-000000000003-0123456789abcdef.parquet",
        "runs/digits/one/points-000000000003-0123456789abcdef.parquet/..",
        "runs/digits/one/\0",
        "",
    ],
)
def test_a_path_that_leads_elsewhere_is_not_followed(tmp_path: Path, bundle: Path, path: str) -> None:
    """A manifest whose checksums are right, but which names a part elsewhere, costs that run alone."""
    part = Part("points", path, 0, 1, 1, "0123456789abcdef" * 4)
    rewritten(bundle, parts=[part.document()])
    assert "expected a part of the run" in problems(bundle)["one"][0]
    results = restored(tmp_path, bundle)
    assert (results["one"].state, results["two"].state) == ("failed", "copied")


def test_a_store_never_leaves_its_root(tmp_path: Path) -> None:
    """Neither a path with dots nor a link that somebody put there leads out of the bundle."""
    store = FolderStore(str(tmp_path / "b"))
    (tmp_path / "b").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret").write_text("x")
    (tmp_path / "b" / "files").symlink_to(tmp_path / "out")
    for path in ("../out/secret", "files/secret", "a/../../out/secret", "/etc/passwd", "a//b", ""):
        with pytest.raises(RejectedError):
            store.read(path)
        with pytest.raises(RejectedError):
            store.write(path, b"y")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["secret"]
    assert (tmp_path / "out" / "secret").read_text() == "x"


@pytest.mark.parametrize("damage", ["bit", "half", "gone"])
def test_a_damaged_manifest_is_told_and_what_is_whole_in_it_is_read(
    tmp_path: Path, recorded: Path, bundle: Path, damage: str
) -> None:
    """Lines that are whole count; a backup brings the other runs again; nothing is cleared while that is not clear."""
    (manifest,) = (bundle / "manifests").iterdir()
    content = bytearray(manifest.read_bytes())
    content[-40] ^= 1
    if damage == "gone":
        manifest.unlink()
    else:
        manifest.write_bytes(content if damage == "bit" else content[: len(content) * 3 // 4])
    catalog = fresh(bundle)
    assert catalog.damage
    assert [run_id for _, run_id in catalog.names()] == ([] if damage == "gone" else ["one"])
    assert list(problems(bundle))[-1] == ""
    with pytest.raises(RejectedError, match="nothing was removed"):
        retain(catalog, Retention(last=1), grace=-9)
    results = Backup(open_place(f"local:{recorded}"), open_place("bundle:x"), fresh(bundle)).run()
    assert {result.state for result in results} <= {"copied", "unchanged"}
    assert [run_id for _, run_id in fresh(bundle).names()] == ["one", "two"]
    assert_equal(f"local:{recorded}", f"bundle:{bundle}")
    assert fresh(bundle).damage == {}


def test_a_damaged_snapshot_and_commit_are_told(tmp_path: Path, bundle: Path) -> None:
    """A snapshot that was altered counts no more, and neither does a commit; both are named."""
    (snapshot,) = (bundle / "snapshots").iterdir()
    snapshot.write_bytes(snapshot.read_bytes().replace(b'"runs":2', b'"runs":3'))
    (bundle / "commits").mkdir(exist_ok=True)
    (bundle / "commits" / "x.json").write_text("{}")
    damage = fresh(bundle).damage
    assert sorted(path.partition("/")[0] for path in damage) == ["commits", "snapshots"]
    assert "checksum" in damage["commits/x.json"]


def replace_part(bundle: Path, table: pa.Table) -> None:
    """Put another table in the place of the first run's points, with checksums that are right."""
    old = part_of(bundle, "one", "points")
    pq.write_table(table, old)
    content = old.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    name = f"points-000000000003-{digest[:16]}.parquet"
    old.rename(old.with_name(name))
    (manifest,) = (bundle / "manifests").iterdir()
    fields = unseal(manifest.read_bytes().splitlines(keepends=True)[0], 0)
    assert fields is not None
    parts = [
        {**part, "path": f"runs/digits/one/{name}", "sha256": digest, "size": len(content)}
        if part["table"] == "points"
        else part
        for part in fields["parts"]
    ]
    rewritten(bundle, parts=parts)


def test_a_table_of_another_schema_costs_its_run_alone(tmp_path: Path, bundle: Path) -> None:
    """Columns that are missing or of another type, rows too few, and rows that are no records are told."""
    table = pq.read_table(part_of(bundle, "one", "points"))
    text = pa.array(["x"] * len(table))
    wrong = {
        "expected a column value of double, got none": table.drop_columns("value"),
        "expected a column step of double, got string": table.set_column(
            table.schema.get_field_index("step"), "step", text
        ),
        "expected 47 rows, got 46": table.slice(1),
        "expected a finite step": table.set_column(
            table.schema.get_field_index("step"), table.schema.field("step"), pa.array([float("nan")] * len(table))
        ),
        "got record": table.set_column(
            table.schema.get_field_index("n"), table.schema.field("n"), pa.array([7] * len(table), pa.int64())
        ),
        "expected an object of texts as exact": table.set_column(
            table.schema.get_field_index("exact"), "exact", pa.array(['{"value": []}'] * len(table))
        ),
    }
    for number, (words, other) in enumerate(wrong.items()):
        replace_part(bundle, other)
        assert words in problems(bundle)["one"][0]
        (tmp_path / str(number)).mkdir()
        results = restored(tmp_path / str(number), bundle)
        assert (results["one"].state, results["two"].state) == ("failed", "copied"), words
        assert words in results["one"].error


def test_an_entry_that_is_no_entry_is_told(bundle: Path) -> None:
    """Members of a wrong type are refused, not believed."""
    (entry,) = [entry for entry in fresh(bundle).entries() if entry.run.id == "one"]
    fields = unseal(entry.line(), 0)
    assert fields is not None
    for changes in ({"position": {"w": 1.5}}, {"tally": {}}, {"status": "great"}, {"attempt": "1"}, {"parts": None}):
        with pytest.raises(RejectedError, match="expected the entry of a run"):
            RunEntry.from_line(seal(dumps({**fields, **changes}), 0))


SMALL_DISK = """
mount -t tmpfs -o size=600k none "$1/b" || exit 99
"$0" -m tracklib.cli.main backup "local:$1/a" "bundle:$1/b"; echo "first: $?"
"$0" -m tracklib.cli.main verify "bundle:$1/b"; echo "verified: $?"
find "$1/b" -name '.*.part'
mount -o remount,size=8m "$1/b" || exit 99
"$0" -m tracklib.cli.main backup "local:$1/a" "bundle:$1/b"; echo "second: $?"
"$0" -m tracklib.cli.main verify "local:$1/a" "bundle:$1/b"; echo "equal: $?"
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs Linux's unshare(1)")
def test_a_full_disk_costs_the_run_that_does_not_fit(tmp_path: Path, recorded: Path) -> None:
    """A run that does not fit on the disk is told, the others are taken in, and with more room it is completed."""
    (tmp_path / "big.bin").write_bytes(os.urandom(1 << 20))
    with tracklib.init("digits", id="big", dir=recorded, backends=[]) as run:
        run.log_artifact(tmp_path / "big.bin", name="model", copy="now")
    (tmp_path / "b").mkdir()
    command = ["unshare", "-Urm", "sh", "-c", SMALL_DISK, sys.executable, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip(f"this machine lends no small disk: {done.stderr}")
    lines, words = done.stdout.splitlines(), " ".join(done.stdout.split())
    assert words.startswith("digits/big failed: no room for files/sha256/"), done.stdout
    assert [line for line in lines if line.partition(": ")[2].isdigit()] == [
        "first: 1",
        "verified: 0",
        "second: 0",
        "equal: 0",
    ]
    assert not [line for line in lines if line.endswith(".part")]


def test_a_disk_without_room_is_told_as_such(tmp_path: Path) -> None:
    """A write that the system refuses for want of room leaves nothing behind, and says what to do."""
    store = FolderStore(str(tmp_path / "b"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with pytest.raises(NoRoomError, match="no room for a/b"):
            store.write("a/b", b"x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list((tmp_path / "b" / "a").iterdir()) == []


def test_a_run_that_was_replaced_is_not_mixed(bundle: Path) -> None:
    """A position that the run does not reach any more is refused."""
    source = BundleSource(fresh(bundle))
    run = next(run for run in source.runs(RunQuery(id="one")))
    with pytest.raises(RejectedError, match="was replaced in the bundle"):
        source.read(run, {"another writer": 3})
