"""A long list within a JSON document: the same document as any other, and no item of it held."""

from __future__ import annotations

import json
import weakref

import pytest

from tests.cli.conftest import Bench
from tracklib.cli.long_list import LongList


class Item(dict[str, object]):
    """An item that tells when nobody holds it any more."""


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_document_is_whole(capsys: pytest.CaptureFixture[str], count: int) -> None:
    """What is printed is one document: the other parts, and behind them the list, item by item, in ASCII."""
    items = LongList("runs")
    for number in range(count):
        item = Item(name="é\n\u2028", number=number)
        items.add(item)
        gone = weakref.ref(item)
        del item
        assert gone() is None
    items.print_within({"a": {"b": [1]}, "c": None})
    out = capsys.readouterr().out
    assert (out.isascii(), out.endswith("\n}\n")) == (True, True)
    assert json.loads(out) == {
        "a": {"b": [1]},
        "c": None,
        "runs": [{"name": "é\n\u2028", "number": number} for number in range(count)],
    }


def test_what_is_told_of_each_run_waits_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command that tells of every run does so by such a list, however many runs there are."""
    pytest.importorskip("pyarrow")
    for number in range(3):
        bench.run(f"r{number}")
    told: list[int] = []
    add = LongList.add
    monkeypatch.setattr(LongList, "add", lambda self, item: (told.append(id(self)), add(self, item))[1])
    source = f"local:{bench.root.path}"
    for words, name in (
        (("migrate", source, "local:b"), "runs"),
        (("backup", source, "bundle:c"), "runs"),
        (("verify", source, "local:b"), "comparisons"),
        (("verify", "bundle:c"), "results"),
        (("export", source, "--output", "d"), "runs"),
    ):
        done = bench(*words, "--json", at_root=False)
        assert (done.code, len(told), len(set(told))) == (0, len(done.json[name]), 1), words
        assert len(told) >= 3
        told.clear()
