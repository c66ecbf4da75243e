"""Values: what frozen dataclasses promise, without what those cost at a program's start."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Mapping

import orjson
import pytest

from tracklib.value import Value, replace


class Point(Value):
    """Two coordinates and what is known of them."""

    x: int
    y: int = 0
    about: Mapping[str, int] = {}


class Other(Value):
    x: int
    y: int = 0
    about: Mapping[str, int] = {}


class Named(Point):
    name: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Plain:
    x: int
    y: int = 0
    about: Mapping[str, int] = dataclasses.field(default_factory=dict)


def test_arguments_go_to_fields_by_place_and_by_name():
    """Each field holds what it was given, by place or by name; what is left out has its default."""
    assert (Point(1).x, Point(1).y, Point(1).about) == (1, 0, {})
    assert Point(1, about={"a": 1}) == Point(x=1, y=0, about={"a": 1}) == Point(1, 0, {"a": 1})
    assert Named(1, name="n") == Named(1, 0, {}, "n")


@pytest.mark.parametrize(
    ("args", "named", "said"),
    [
        ((), {}, "misses the argument 'x'"),
        ((1, 2, {}, 4), {}, "got 4 by place"),
        ((1,), {"x": 2}, "got 'x', unknown or twice"),
        ((1,), {"z": 2}, "takes x, y, about; got 'z'"),
    ],
)
def test_wrong_arguments_are_refused_by_name(args, named, said):
    """As of any function: what is missing, unknown, given twice or too much is named."""
    with pytest.raises(TypeError, match=said):
        Point(*args, **named)


def test_a_default_is_never_shared():
    """Filling one value's default leaves the next one's empty."""
    Point(1).about["a"] = 1
    assert Point(1).about == {}


def test_a_value_stays_as_it_was_made():
    """No field can be set or deleted, and there is no room for others."""
    point = Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match=r"Point\.x can't be set"):
        point.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match=r"Point\.x can't be deleted"):
        del point.x
    with pytest.raises(dataclasses.FrozenInstanceError):
        point.z = 2
    assert point == Point(1)
    assert not hasattr(point, "__dict__")


def test_equal_means_of_one_class_with_equal_fields():
    """Another class with the same fields is another value, and so is a subclass; equal ones have one hash."""
    assert Point(1) == Point(1) != Point(2)
    assert Point(1) != Other(1)
    assert Point(1) != Named(1)
    assert Point(1) != (1, 0, {})
    assert hash(Point(1, 2, ())) == hash(Point(1, 2, ()))
    assert repr(Point(1)) == repr(Plain(1)).replace("Plain", "Point")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_copy_is_equal(copied):
    """Copies, and what reaches another process, are equal."""
    assert copied(Named(1, name="n")) == Named(1, name="n")


def test_replace_changes_what_it_names():
    """The fields that are named differ, the others are the same; a field that is unknown is refused."""
    assert replace(Named(1, name="n"), x=2) == Named(2, name="n")
    with pytest.raises(TypeError, match="'z'"):
        replace(Point(1), z=1)


def test_dataclasses_take_a_value_for_one_of_theirs():
    """`dataclasses` and orjson see the same in a value as in a dataclass of the same fields."""
    assert dataclasses.is_dataclass(Point)
    assert dataclasses.replace(Named(1, name="n"), x=2) == Named(2, name="n")
    assert dataclasses.asdict(Named(1, name="n")) == {"x": 1, "y": 0, "about": {}, "name": "n"}
    assert orjson.dumps([Named(1, name="n")]) == b'[{"x":1,"y":0,"about":{},"name":"n"}]'
    assert orjson.dumps(Point(1)) == orjson.dumps(Plain(1))
    for ours, theirs in zip(dataclasses.fields(Point), dataclasses.fields(Plain), strict=True):
        assert (ours.name, ours.type, ours.default) == (theirs.name, theirs.type, theirs.default)
        assert (ours.default_factory is dataclasses.MISSING) == (theirs.default_factory is dataclasses.MISSING)


def test_a_match_takes_a_value_apart():
    """``match`` knows the fields by their place."""
    match Named(1, 2, {}, "n"):
        case Point(x, y):
            assert (x, y) == (1, 2)
