"""`BackendSettings`: the base of every backend's settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, cast

from tracklib.typing import JSON
from tracklib.value import dataclass_transform

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BackendSettings", "Secret"]


class Secret:
    """A credential: its text shows nothing of it, so that no message, log or traceback can."""

    __slots__ = ("_value",)

    def __init__(self, value: str, /) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the credential in the clear."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        is_one = core_schema.is_instance_schema(cls)
        made = core_schema.no_info_after_validator_function(cls, core_schema.str_schema())
        return core_schema.union_schema([is_one, made])


@dataclass_transform(kw_only_default=True, frozen_default=True)
@dataclasses.dataclass(frozen=True, kw_only=True)
class BackendSettings:
    """Where a backend's runs go, and how to get there.

    A subclass lists its fields; it is made a frozen dataclass. What is given as text where another type is expected is
    converted and checked by pydantic, which is loaded for that alone: training processes rarely need it.

    Fields of type `Secret` are credentials: they come from the shell of whoever delivers, and are never recorded. All
    other fields make the destination, which a run records when it starts.

    Attributes:
        VARIABLES: For each field, the vendor's own environment variables, the first one that is set counts.
    """

    VARIABLES: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        dataclasses.dataclass(frozen=True, kw_only=True)(cls)

    def __post_init__(self) -> None:
        """Make credentials of texts; a subclass that checks or moves values here calls this first."""
        for name in self.secret_names():
            if isinstance(value := getattr(self, name), str):
                object.__setattr__(self, name, Secret(value))

    def resolved(self) -> Self:
        """Return the settings with everything that depends on this machine's surroundings made explicit.

        Called once when a run starts: relative paths become absolute, defaults of the vendor become values.
        """
        return self

    def given(self) -> dict[str, Any]:
        """Return the fields that are not as they are where nothing is said."""
        values = {field.name: (getattr(self, field.name), field.default) for field in dataclasses.fields(self)}
        return {name: value for name, (value, default) in values.items() if value != default}

    def destination(self) -> dict[str, JSON]:
        """Return every field that is given and no credential, as JSON.

        What has its default stays out, so that a run's place is still the same one when a later version has more fields.
        """
        secret = self.secret_names()
        return {name: cast("JSON", value) for name, value in self.given().items() if name not in secret}

    def credentials(self) -> dict[str, str]:
        """Return the credentials that are set, in the clear: for a keyed hash and the SDK, never for a message."""
        values: dict[str, Secret | None] = {name: getattr(self, name) for name in self.secret_names()}
        return {name: value.reveal() for name, value in values.items() if value is not None}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the fields."""
        return tuple(field.name for field in dataclasses.fields(cls))

    @classmethod
    def secret_names(cls) -> tuple[str, ...]:
        """Return the names of the fields that are credentials."""
        return tuple(field.name for field in dataclasses.fields(cls) if "Secret" in str(field.type))

    @classmethod
    def plain(cls, values: Mapping[str, Any], /) -> Self | None:
        """Return the settings with these values, or ``None`` where one is missing, or to be converted first."""
        fields = dataclasses.fields(cls)
        types = {field.name: getattr(field.type, "__name__", str(field.type)) for field in fields}
        is_plain = all(type(value) is str and types[name] in _TEXTS for name, value in values.items())
        if not is_plain or any(f.default is dataclasses.MISSING and f.name not in values for f in fields):
            return None
        return cls(**values)

    @classmethod
    def from_location(cls, location: str, /) -> Self:
        """Return the settings for the part of a place behind the colon (``mlflow:http://host:5000#digits``)."""
        raise TypeError(f"{cls.__name__} cannot be made from a place such as {location!r}")


_TEXTS = frozenset({"str", "str | None", "Secret", "Secret | None"})
"""Types, as they are written, that take a text as it is."""
