"""``tracklib doctor`` and ``tracklib backends``: what is installed, and whether it works."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Bench, plain
from tracklib import platform
from tracklib.backends.capabilities import Feature


def verdicts(document: Any, topic: str) -> dict[str, str]:
    return {check["name"]: check["verdict"] for check in document["checks"] if check["topic"] == topic}


def texts(document: Any, name: str) -> list[str]:
    return [check["text"] for check in document["checks"] if check["name"] == name]


def test_a_healthy_place_has_no_problem(bench: Bench) -> None:
    """Exit code 0; versions, root, file system and permissions are told."""
    bench.run()
    done = bench("doctor", "--json")
    assert done.code == 0
    assert done.json["problems"] == 0
    assert verdicts(done.json, "journal")["permissions"] == "ok"
    assert texts(done.json, "root") == [f"{bench.root.path} can be written"]
    assert texts(done.json, "dir") == [f"{bench.root.path} from argument"]
    assert texts(done.json, "tracklib")[0].startswith("0.1.0 in ")


def test_a_configured_backend_is_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its versions, its destination without credentials, and its answer are told; chatter on stdout is no answer."""
    monkeypatch.setenv("TRACKLIB_BACKENDS", "boxvendor")
    monkeypatch.setenv("BOXVENDOR_KEY", "very-secret")
    done = bench("doctor", "--json")
    assert done.code == 0, done
    assert texts(done.json, "boxvendor") == [
        f"boxvendor 1.5, with orjson {importlib.metadata.version('orjson')}, no-such-sdk missing",
        f'goes to {{"place": "{bench.box}"}}',
        f"the box at {bench.box} is open",
    ]
    assert texts(done.json, "backends") == ["boxvendor from TRACKLIB_BACKENDS"]
    assert "very-secret" not in done.out


@pytest.mark.parametrize(
    ("fault", "patience", "text"),
    [
        ("down", "120s", "the box is shut"),
        ("hang", "3s", "no answer within 3 s"),
        ("crash", "120s", "asking it ended the process (signal 6)"),
    ],
)
def test_a_backend_that_fails_hurts_nobody(bench: Bench, fault: str, patience: str, text: str) -> None:
    """One that is down, hangs or crashes is a problem with a remedy, in bounded time, and exit code 1."""
    (bench.path / "tracklib.toml").write_text('backends = ["boxvendor"]\n')
    bench.faults(check=fault)
    done = bench("doctor", "--timeout", patience, "--json")
    assert (done.code, done.json["problems"]) == (1, 1)
    (problem,) = [check for check in done.json["checks"] if check["verdict"] == "problem"]
    assert problem["text"].startswith(text)
    assert "the credentials hold" in problem["remedy"]
    if fault == "down":
        assert "problem boxvendor the box is shut" in plain(bench("doctor", "--timeout", patience).out)


def test_an_unconfigured_backend_is_not_asked(bench: Bench) -> None:
    """Nobody is contacted whom the user did not choose, unless asked for by name."""
    bench.faults(check="down")
    done = bench("doctor", "--json")
    assert done.code == 0
    assert any(text.startswith("not configured; would go to") for text in texts(done.json, "boxvendor"))
    assert bench("doctor", "boxvendor").code == 1


def test_a_wrong_setting_of_a_backend_is_a_problem(bench: Bench) -> None:
    """An unknown key, and a backend that is not installed, are problems that name what to do."""
    (bench.path / "tracklib.toml").write_text('backends = ["boxvendor", "nosuch"]\n[boxvendor]\nplce = "x"\n')
    done = bench("doctor", "--json")
    assert (done.code, done.json["problems"]) == (1, 2)
    assert texts(done.json, "boxvendor") == ["table [boxvendor]: unknown setting 'plce'; did you mean 'place'?"]
    assert "pip install tracklib-nosuch" in texts(done.json, "nosuch")[0]


def test_what_is_overridden_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that a file overrides is a warning; where each setting comes from is told."""
    (bench.path / "tracklib.toml").write_text('project = "of-file"\n')
    monkeypatch.setenv("TRACKLIB_PROJECT", "of-env")
    done = bench("doctor", "--json")
    assert verdicts(done.json, "configuration")["overridden"] == "warning"
    assert texts(done.json, "project") == [f"of-file from {bench.path}/tracklib.toml"]


def test_a_root_that_others_can_read_is_a_warning(bench: Bench) -> None:
    """Open permissions are named, with the command that closes them, and are no problem."""
    bench.run()
    bench.root.path.chmod(0o755)
    done = bench("doctor", "--json")
    (check,) = [check for check in done.json["checks"] if check["name"] == "permissions"]
    assert (done.code, check["verdict"], check["remedy"].split(",")[0]) == (
        0,
        "warning",
        f"chmod 700 {bench.root.path}",
    )


def test_a_network_file_system_is_a_warning(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """On NFS and its like, doctor says what to do."""
    monkeypatch.setattr(platform, "file_system", lambda path: "nfs4")
    (check,) = [check for check in bench("doctor", "--json").json["checks"] if check["name"] == "file system"]
    assert check["verdict"] == "warning"
    assert "TRACKLIB_DIR" in check["remedy"]


def test_a_root_that_cannot_be_written_is_a_problem(bench: Bench) -> None:
    """A file where the root belongs gives exit code 1 and a remedy."""
    bench.root.path.write_text("")
    done = bench("doctor", "--json", at_root=False)
    assert done.code == 1
    assert verdicts(done.json, "journal")["root"] == "problem"


def test_the_file_system_is_found_by_the_longest_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of nested mounts the inner one counts, of two on one point the later one, and escapes in names are undone."""
    table = r"""1 0 8:1 / / rw - ext4 /dev/sda rw
2 1 0:1 / /proc rw - proc proc rw
3 1 0:2 / /data\040set rw,relatime shared:1 - nfs4 host:/x rw
4 1 0:3 / /data rw - xfs /dev/sdb rw
5 1 0:4 / /data rw - tmpfs tmpfs rw"""
    monkeypatch.setattr(platform, "_read", lambda path: table)
    found = [platform.file_system(path) for path in ("/", "/home/x", "/data set/run", "/data/run", "/dataset")]
    assert found == ["ext4", "ext4", "nfs4", "tmpfs", "ext4"]
    monkeypatch.setattr(platform, "_read", lambda path: "")
    assert platform.file_system("/") == ""


def test_a_mount_of_any_name_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mount point with letters beyond ASCII, or bytes that are no text, hides nothing."""
    table = tmp_path / "mountinfo"
    lines = [
        "1 0 8:1 / / rw - ext4 /dev/sda rw",
        "2 1 0:2 / /d\u00e4ten rw - nfs4 host:/x rw",
        "3 1 0:3 / /z\udcff rw - xfs s rw",
    ]
    table.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    read = platform._read
    monkeypatch.setattr(platform, "_read", lambda path: read(str(table)))
    assert [platform.file_system(path) for path in ("/d\u00e4ten/x", "/z\udcff/x", "/daten")] == ["nfs4", "xfs", "ext4"]


@pytest.mark.parametrize(
    ("kind", "network"),
    [
        *((kind, True) for kind in ("nfs4", "lustre", "cifs", "fuse.sshfs")),
        *((kind, False) for kind in ("ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs", "")),
    ],
)
def test_known_network_file_systems(monkeypatch: pytest.MonkeyPatch, kind: str, *, network: bool) -> None:
    """The file systems of clusters are known as such, local ones are not."""
    monkeypatch.setattr(platform, "_read", lambda path: f"1 0 8:1 / / rw - {kind} /dev/sda rw" if kind else "")
    assert platform.network_file_system("/") == (kind if network else "")


def test_backends_are_listed_with_what_they_hold(bench: Bench) -> None:
    """The table gives plugin, SDKs, halves and how many features are exact, lossy and absent."""
    row = next(line for line in bench("backends").out.splitlines() if line.startswith("boxvendor"))
    absent = len(Feature) - len(list(Feature)[:-3]) - 2
    assert row.split()[:5] == ["boxvendor", "Box", "Vendor", "boxvendor", "1.5"]
    assert row.split()[-5:] == ["write,", "read", str(len(Feature) - 1 - absent), "1", str(absent)]
    assert "no-such-sdk missing" in row


def test_one_backend_is_listed_feature_by_feature(bench: Bench) -> None:
    """``backends NAME`` gives every feature with its fidelity and reason."""
    done = bench("backends", "boxvendor")
    lines = [plain(line) for line in done.out.splitlines()]
    assert "group and job type lossy groups are kept in lower case" in lines
    assert all(any(line.startswith(feature.value) for line in lines) for feature in Feature)
    assert "a record that is sent again is held once" in lines
    (item,) = bench("backends", "boxvendor", "--json").json["backends"]
    assert item["features"]["group and job type"] == {"fidelity": "lossy", "reason": "groups are kept in lower case"}
    assert (item["write"], item["read"], item["idempotent"], item["version"]) == (True, True, True, "1.5")
    assert sum(item["counts"].values()) == len(Feature) == len(item["features"])


def test_a_broken_neighbour_hides_no_backend(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin that cannot be imported is listed with its error, and the others as ever."""
    broken = tmp_path / "site"
    info = broken / "brokenvendor-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brokenvendor\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[tracklib.backends]\nbrokenvendor = brokenvendor:SPEC\n")
    (broken / "brokenvendor.py").write_text("raise RuntimeError('\\x1b[31mbroken')\n")
    monkeypatch.syspath_prepend(str(broken))
    done = bench("backends")
    assert done.code == 0
    assert "boxvendor" in done.out
    assert r"RuntimeError: \x1b[31mbroken" in done.out
    assert bench("doctor", "--json").code == 0
    assert bench("backends", "brokenvendor").code == 1
