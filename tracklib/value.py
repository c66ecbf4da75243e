"""Values: frozen dataclasses without the code that those write and compile whenever a program starts.

Each frozen dataclass costs a training script half a millisecond before it begins; the thirty on the way of
``import tracklib``, ``init()`` and the first ``log()`` were a third of what these took. What lies on that way is a
`Value`, which costs a twentieth of it. Making one takes twice as long, so what is made for each record is a dataclass.
"""

# ruff: noqa: SLF001  the class, what makes it and what shows its fields are one thing

from __future__ import annotations

import dataclasses
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Any:
        """Say to type checkers, which read the one above, that a class's fields are its arguments."""
        return lambda made: made


__all__ = ["Value", "dataclass_transform", "replace"]


class _AsDataclass:
    """A class's fields as `dataclasses` knows them, for `dataclasses.replace`, orjson and their like: made when they ask."""

    def __init__(self) -> None:
        self._known: dict[type[Value], dict[str, dataclasses.Field[Any]]] = {}

    def __get__(self, _: object, kind: type[Value]) -> dict[str, dataclasses.Field[Any]]:
        if kind not in self._known:
            fields = [(name, told, kind._field(name)) for name, told in kind._types.items()]
            self._known[kind] = vars(dataclasses.make_dataclass(kind.__name__, fields))["__dataclass_fields__"]
        return self._known[kind]


_as_dataclass = _AsDataclass()


@dataclass_transform(frozen_default=True)
class _Kind(type):
    """What a class of values is made by: its annotations are its fields, in their order, behind those of its base."""

    def __new__(cls, name: str, bases: tuple[type[Value], ...], body: dict[str, Any]) -> _Kind:
        own = {field: told for field, told in body.get("__annotations__", {}).items() if "ClassVar" not in told}
        defaults = {field: body.pop(field) for field in own if field in body}
        types = {**(bases[0]._types if bases else {}), **own}
        body |= {"__slots__": tuple(own), "__match_args__": tuple(types), "_types": types}
        body["__dataclass_fields__"] = _as_dataclass  # in each class: orjson does not look into its bases
        made: Any = super().__new__(cls, name, bases, body)
        made._defaults = {**(bases[0]._defaults if bases else {}), **defaults}
        made._put = tuple(getattr(made, field).__set__ for field in types)
        made._held = attrgetter(*types) if types else id
        return made  # type: ignore[no-any-return]  # it was given attributes that no type knows


class Value(metaclass=_Kind):
    """Named fields that stay as they were given: equal where class and fields are equal, and hashed by the fields.

    A subclass lists its fields as a dataclass does. A default that is a dict is copied for each value.
    """

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
        __match_args__: ClassVar[tuple[str, ...]]
        __slots__: ClassVar[tuple[str, ...]]
        _types: ClassVar[dict[str, str]]
        _defaults: ClassVar[dict[str, Any]]
        _held: ClassVar[Callable[[object], object]]
    else:

        def __init__(self, *args: object, **named: object) -> None:
            if named or len(args) != len(self._put):
                args = self._completed(args, named)
            for put, value in zip(self._put, args):  # noqa: B905  they are equally many, and this is done per record
                put(self, value)

    @classmethod
    def _completed(cls, args: tuple[object, ...], named: dict[str, object]) -> tuple[object, ...]:
        """Return what all fields are to hold, in their order."""
        rest = []
        for field in cls.__match_args__[len(args) :]:
            if field in named:
                rest.append(named.pop(field))
            elif field in cls._defaults:
                default = cls._defaults[field]
                rest.append(default.copy() if isinstance(default, dict) else default)
            else:
                raise TypeError(f"{cls.__name__}() misses the argument {field!r}")
        if named or len(args) > len(cls.__match_args__):
            more = f"{next(iter(named))!r}, unknown or twice" if named else f"{len(args)} by place"
            raise TypeError(f"{cls.__name__}() takes {', '.join(cls.__match_args__)}; got {more}")
        return (*args, *rest)

    @classmethod
    def _field(cls, name: str) -> Any:
        if name not in cls._defaults:
            return dataclasses.field()
        default = cls._defaults[name]
        factory = isinstance(default, dict)
        return dataclasses.field(default_factory=default.copy) if factory else dataclasses.field(default=default)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise dataclasses.FrozenInstanceError(
            f"{type(self).__name__}.{name} can't be set: a value stays as it was made"
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise dataclasses.FrozenInstanceError(
            f"{type(self).__name__}.{name} can't be deleted: a value stays as it was made"
        )

    def __eq__(self, other: object) -> bool:
        return type(self)._held(self) == type(self)._held(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(type(self)._held(self))

    def __repr__(self) -> str:
        fields = ", ".join(f"{field}={getattr(self, field)!r}" for field in self.__match_args__)
        return f"{type(self).__qualname__}({fields})"

    def __reduce__(self) -> tuple[type[Value], tuple[object, ...]]:
        return type(self), tuple(getattr(self, field) for field in self.__match_args__)


_Some = TypeVar("_Some", bound=Value)


def replace(value: _Some, /, **changes: object) -> _Some:
    """Return a value that differs in some fields: `dataclasses.replace`, without what that has to make first."""
    return type(value)(**{field: getattr(value, field) for field in value.__match_args__} | changes)
