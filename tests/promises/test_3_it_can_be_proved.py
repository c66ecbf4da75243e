"""Promise 3: any two copies of a run can be compared point by point, artifact by artifact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.promises.conftest import Desk, Server

WILD = """
import math, pathlib, random, tracklib
chance = random.Random(7)
values = [0.5, math.nan, math.inf, -math.inf, -0.0, 5e-324, 2**60 + 1, -3]
steps = [chance.choice([i, -i, i / 4, i % 100, 2**63 + i]) for i in range(2000)]
chance.shuffle(steps)
run = tracklib.init("wild", id="wild", config={"lr": 1e-3, "deep": {"er": [1, None, True]}}, tags={"team": "a", "dev": ""})
for i, step in enumerate(steps):
    run.log({f"m{k}": chance.choice(values) for k in range(5)}, step=step)
pathlib.Path("model").mkdir()
pathlib.Path("model/weights.bin").write_bytes(b"0123456789" * 100)
run.log_artifact("model", type="model")
run.finish()
"""


@pytest.fixture
def wild(desk: Desk) -> Desk:
    done = desk.run(WILD, TRACKLIB_FINISH_TIMEOUT="120")
    assert "0 pending" in done.stderr
    return desk


def _verify(desk: Desk) -> tuple[int, str]:
    done = desk.tracklib("verify", "wild")
    return done.returncode, done.stdout


@pytest.mark.server
def test_ten_thousand_wild_points_are_equal(wild: Desk) -> None:
    """Shuffled, repeated, negative, fractional and huge steps with NaN, infinities and -0.0: all read back equal."""
    code, text = _verify(wild)
    assert code == 0, text
    assert "10,000" in text or "10000" in text
    assert json.loads(wild.tracklib("verify", "wild", "--json").stdout)


@pytest.mark.server
def test_tampering_is_named(wild: Desk, shared_server: Server) -> None:
    """A value changed in the database, a point deleted, an artifact's byte flipped: each is named, exit code 1."""
    (run,) = shared_server.sql(
        "select run_uuid from tags where key = 'tracklib.run_id' and value = 'wild' order by rowid desc limit 1"
    )
    # The negative steps are whole: what the database shows is what the caller gave.
    query = "select rowid, key, value, step from metrics where run_uuid = ? and key = 'm2' and value = 0.5 and step < 0 limit 2"
    (first, key, value, step), (second, *_) = shared_server.sql(query, run[0])
    shared_server.sql("update metrics set value = 0.75 where rowid = ?", first)
    code, text = _verify(wild)
    assert code == 1
    assert all(part in text for part in ("wild", key, str(step), "0.5", "0.75"))
    shared_server.sql("update metrics set value = ? where rowid = ?", value, first)
    assert _verify(wild)[0] == 0
    (gone,) = shared_server.sql("select * from metrics where rowid = ?", second)
    shared_server.sql("delete from metrics where rowid = ?", second)
    code, text = _verify(wild)
    assert code == 1
    assert "missing" in text
    shared_server.sql(f"insert into metrics values ({','.join('?' * len(gone))})", *gone)
    assert _verify(wild)[0] == 0
    (weights,) = [path for path in (shared_server.folder / "files").rglob("weights.bin") if run[0] in str(path)]
    _flip(weights)
    code, text = _verify(wild)
    assert code == 1
    assert "weights.bin" in text


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[500] ^= 1
    path.write_bytes(content)
