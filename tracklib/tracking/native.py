"""`NullNative`: what stands for a vendor's own object where there is none, so that training code need not ask."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tracklib.messages import Messages

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NullNative", "null_native"]


def null_native(backend: str, reason: str, messages: Messages) -> NullNative:
    """Return a harmless object, and tell the user once why it is none of the vendor's."""
    messages.warn(f"run.native({backend!r}) does nothing: {reason}", once=f"native {backend}")
    return NullNative()


class NullNative:
    """Takes every call, attribute, item and assignment, and gives itself back.

    It is false, empty and of length 0; as a text it is empty, as an integer 0, as a float NaN. It equals nothing but
    another one and is neither less nor greater than anything, so a loop that waits for it to grow never would: ask
    ``if native:`` first. Names with two underscores are not made up, so that ``copy``, ``pickle`` and numpy see a
    plain object.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self

    def __setattr__(self, name: str, value: object) -> None:
        """Do nothing."""

    def __delattr__(self, name: str) -> None:
        """Do nothing."""

    def __call__(self, *_: object, **__: object) -> Any:
        """Do nothing."""
        return self

    def __getitem__(self, key: object) -> Any:
        return self

    def __setitem__(self, key: object, value: object) -> None:
        """Do nothing."""

    def __delitem__(self, key: object) -> None:
        """Do nothing."""

    def __contains__(self, item: object) -> bool:
        return False

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __next__(self) -> Any:
        raise StopIteration

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __await__(self) -> Generator[None, None, Self]:
        yield from ()
        return self

    # -- as a value

    def __str__(self) -> str:
        return ""

    def __repr__(self) -> str:
        return "<tracklib.NullNative>"

    def __format__(self, spec: str) -> str:
        return ""

    def __int__(self) -> int:
        return 0

    __index__ = __int__

    def __float__(self) -> float:
        return math.nan

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NullNative)

    def __hash__(self) -> int:
        return hash(NullNative)

    def __lt__(self, other: object) -> bool:
        return False

    __gt__ = __le__ = __ge__ = __lt__

    def __add__(self, other: object) -> Any:
        return self

    __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __add__
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __or__ = __ror__ = __add__

    def __neg__(self) -> Any:
        return self

    __pos__ = __abs__ = __neg__
