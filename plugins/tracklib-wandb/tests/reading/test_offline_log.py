"""`.wandb` logs: every sound record is read, none that is damaged is believed, wherever the file was cut or changed."""

import struct
import zlib

import pytest
from tracklib_wandb import offline_log
from tracklib_wandb.offline_log import Damage, payloads, records

from tracklib.errors import RejectedError

from .conftest import log_of, train


def read(path):
    damage = Damage()
    return [bytes(each) for each in payloads(path, damage)], damage


def plainly(content):
    """Read a sound log by another path: what stands in its blocks, and nothing that tolerates anything."""
    at, parts, found = 7, [], []
    while at < len(content):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        crc, size, kind = struct.unpack_from("<IHB", content, at)
        body = content[at + 7 : at + 7 + size]
        assert zlib.crc32(bytes([kind]) + body) == crc
        parts.append(body)
        if kind in (1, 4):
            found.append(b"".join(parts))
            parts = []
        at += 7 + size
    return found


def test_a_sound_log_is_read_whole(rich):
    """Every record of a log of several blocks is there, in order; nothing is counted as damaged."""
    path = log_of(rich)
    found, damage = read(path)
    assert found == plainly(path.read_bytes())
    assert damage == Damage(0, 0)
    assert [kind for kind, _ in records(path, Damage())][:2] == [21, 17]  # header, run


def test_a_log_cut_at_any_byte_gives_what_was_whole(small, tmp_path):
    """For every length of the file, the records that are whole in it are read, and no more."""
    content = log_of(small).read_bytes()
    whole, _ = read(log_of(small))
    ends = _ends(content)
    path = tmp_path / "run-cut.wandb"
    for size in range(7, len(content)):
        path.write_bytes(content[:size])
        found, damage = read(path)
        count = sum(end <= size for end in ends)
        assert found == whole[:count], size
        assert damage.records == 0
        assert damage.torn == size - max([7, *(end for end in ends if end <= size)])


def _ends(content):
    """Return where each record of a log of one block ends."""
    at, ends = 7, []
    while at < len(content):
        at += 7 + struct.unpack_from("<IHB", content, at)[1]
        ends.append(at)
    assert at == len(content) < 32768
    return ends


def test_a_flipped_bit_costs_one_record(rich, tmp_path):
    """Wherever a bit of the records is flipped, the others are read, and the loss is told."""
    content = log_of(rich).read_bytes()
    whole, _ = read(log_of(rich))
    path = tmp_path / "run-flipped.wandb"
    for at in range(7, len(content), 97):
        changed = bytearray(content)
        changed[at] ^= 1 << at % 8
        path.write_bytes(changed)
        found, damage = read(path)
        assert len(found) >= len(whole) - 1, at
        assert [each for each in found if each not in whole] == []
        assert damage.records + (damage.torn > 0) >= 1 or found == whole


def test_a_record_larger_than_many_blocks(tmp_path):
    """A row with a text of 200 kB, which the SDK cuts in pieces, is one record."""
    train(
        "import wandb\nrun = wandb.init(id='long')\nrun.log({'t': 'x' * 200_000, 'v': 1.5})\nrun.finish()\n"
        "wandb.teardown()",
        tmp_path,
    )
    (content,) = [content for kind, content in records(log_of(tmp_path), Damage()) if kind == 2]
    assert b"x" * 200_000 in content


def test_a_record_without_end_does_not_fill_the_memory(small, tmp_path, monkeypatch):
    """Pieces that go on and on are given up at a bound, and what stands behind them is read."""
    monkeypatch.setattr(offline_log, "_MAX_PAYLOAD", 100_000)

    def piece(kind, size):
        body = bytes(size)
        return struct.pack("<IHB", zlib.crc32(bytes([kind]) + body), size, kind) + body

    content = struct.pack("<4sHB", b":W&B", 0xBEE1, 0) + piece(2, 32768 - 14)
    content += b"".join(piece(3, 32768 - 7) for _ in range(9)) + piece(1, 5)
    path = tmp_path / "run-huge.wandb"
    path.write_bytes(content)
    found, damage = read(path)
    assert found == [bytes(5)]
    assert damage.records == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "has 0 bytes"),
        (b":W&B", "has 4 bytes"),
        (b"not a log at all", "begins with"),
        (struct.pack("<4sHB", b":W&B", 0xBEE1, 9), "version 9"),
    ],
)
def test_what_is_no_log_is_refused(content, words, tmp_path):
    """A file of another kind, or of a version that nobody knows, is told by its name and what is wrong."""
    path = tmp_path / "run-x.wandb"
    path.write_bytes(content)
    with pytest.raises(RejectedError, match=words) as caught:
        read(path)
    assert str(path) in str(caught.value)
