"""Companions: held back, then written once and whole."""

import gzip

from tracklib_mlflow.companions import RECORDS, Companions

from tracklib.errors import TransientError
from tracklib.model.codec import loads
from tracklib.model.records import Console, Record


class Files:
    """Where companions go, in memory; it can fail."""

    def __init__(self, folder):
        self.folder, self.held, self.fails = folder, {}, 0

    def put(self, place, write):
        if self.fails:
            self.fails -= 1
            raise TransientError("down")
        assert place not in self.held, "a companion is never rewritten"
        write(self.folder / "file")
        self.held[place] = [loads(line) for line in gzip.decompress((self.folder / "file").read_bytes()).splitlines()]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def record(seq, writer="w"):
    return Record(writer, seq, seq, Console("stdout", "x"))


def test_files_come_when_lines_are_old_and_ever_more_seldom(tmp_path):
    """The first wait is 2 s, each further one twice as long, a minute at most."""
    files, clock = Files(tmp_path), Clock()
    companions = Companions(files, clock)
    waits = []
    for seq in range(1, 9):
        companions.hold(RECORDS, record(seq), {"n": seq})
        began = clock.now
        while len(files.held) < seq:
            clock.now += 0.5
            companions.flush_if_due()
        waits.append(clock.now - began)
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    assert min(files.held) == "tracklib/records/w-1-1.jsonl.gz"


def test_many_lines_make_a_file_at_once(tmp_path):
    """Five thousand lines do not wait for the clock; the same line counts once."""
    files = Files(tmp_path)
    companions = Companions(files, Clock())
    for seq in range(1, 5000):
        companions.hold(RECORDS, record(seq), {"n": seq})
        companions.hold(RECORDS, record(seq), {"n": seq})
    companions.flush_if_due()
    assert files.held == {}
    companions.hold(RECORDS, record(5000), {"n": 5000})
    companions.flush_if_due()
    assert files.held == {"tracklib/records/w-1-5000.jsonl.gz": [{"n": n} for n in range(1, 5001)]}


def test_a_large_text_makes_a_file_at_once(tmp_path):
    """Four megabytes do not wait either."""
    files = Files(tmp_path)
    companions = Companions(files, Clock())
    companions.hold(RECORDS, record(1), {"n": "x" * (4 << 20)})
    companions.flush_if_due()
    assert len(files.held) == 1


def test_what_failed_is_held_and_not_confirmed(tmp_path):
    """A file that could not be written is written by the next attempt; positions stay behind it meanwhile."""
    files = Files(tmp_path)
    companions = Companions(files, Clock())
    for writer in ("a", "b"):
        companions.hold(RECORDS, record(5, writer), {"w": writer})
    assert companions.behind({"a": 9, "b": 9, "c": 9}) == {"a": 4, "b": 4, "c": 9}
    files.fails = 1
    try:
        companions.flush()
    except TransientError:
        companions.flush()
    assert len(files.held) == 2
    assert companions.behind({"a": 9, "b": 9}) == {"a": 9, "b": 9}
    companions.flush()
    assert len(files.held) == 2
