"""`NullNative`: whatever training code does with it, nothing happens and nothing is raised."""

from __future__ import annotations

import asyncio
import copy
import math
import pickle

import pytest

from tracklib import NullTracker
from tracklib.messages import Messages
from tracklib.tracking.native import NullNative, null_native

NULL = NullNative()


def test_every_use_gives_it_back_and_changes_nothing() -> None:
    """Attributes, calls, items, assignments, deletions and arithmetic."""
    null = NULL
    null.config.lr = 0.1
    null["table"]["row"] = 1
    del null.config.lr, null["table"]
    for found in (null.a.b(1, c=2), null["x"][0].y, null.lr, null + 1, 2 * null, -null, null / 0, null // null):
        assert found == NULL
        assert isinstance(found, NullNative)


def test_it_is_empty_and_false() -> None:
    """As a truth, a collection, a text and a number it is nothing."""
    assert not NULL
    assert (list(NULL), len(NULL), 1 in NULL, dict(**NULL.keys()) if NULL else {}) == ([], 0, False, {})
    assert [*NULL, *range(NULL)] == []
    assert (str(NULL), f"{NULL.x:>10}", int(NULL)) == ("", "", 0)
    assert math.isnan(float(NULL))
    assert next(NULL, "end") == "end"


@pytest.mark.parametrize("other", [0, "", None, math.nan, 5])
def test_it_equals_nothing_and_has_no_order(other: object) -> None:
    """No condition that training code puts to it holds, save that it is itself."""
    assert other != NULL
    assert not (other == NULL or other > NULL or other < NULL or other >= NULL or other <= NULL)
    assert len({NULL, NullNative()}) == 1


def test_it_is_a_context_manager_and_an_awaitable() -> None:
    """Blocks run, exceptions inside them pass, and awaiting it returns at once."""
    with NULL.run(name="x") as inner:
        assert inner == NULL
    with pytest.raises(KeyError), NULL:
        raise KeyError

    async def use() -> object:
        async with NULL.run as inner:
            return await inner.upload()

    assert asyncio.run(use()) == NULL


def test_it_is_a_plain_object_for_who_looks_behind() -> None:
    """Protocols that are asked for by name are not made up: copies and pickles are whole."""
    assert copy.deepcopy(NULL) == NULL
    assert pickle.loads(pickle.dumps(NULL)) == NULL
    assert not hasattr(NULL, "__array__")
    with pytest.raises(AttributeError, match="__wrapped__"):
        _ = NULL.__wrapped__


def test_one_line_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    """However often it is asked for; a tracker that does nothing says nothing."""
    messages = Messages()
    for _ in range(3):
        null_native("mlflow", "it is off", messages)
    assert capfd.readouterr().err == "tracklib: warning: run.native('mlflow') does nothing: it is off\n"
    assert NullTracker().native("mlflow") == NULL
    assert capfd.readouterr().err == ""
