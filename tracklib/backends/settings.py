"""`BackendSettings`: the base of every backend's settings model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

from pydantic import BaseModel, ConfigDict
from typing_extensions import Self

from tracklib.typing import JSON

__all__ = ["BackendSettings"]


class BackendSettings(BaseModel):
    """Where a backend's runs go, and how to get there.

    Fields of type ``SecretStr`` are credentials: they come from the shell of whoever delivers, and are never recorded.
    All other fields make the destination, which a run records when it starts.

    Attributes:
        VARIABLES: For each field, the vendor's own environment variables, the first one that is set counts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    VARIABLES: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def resolved(self) -> Self:
        """Return the settings with everything that depends on this machine's surroundings made explicit.

        Called once when a run starts: relative paths become absolute, defaults of the vendor become values.
        """
        return self

    def destination(self) -> dict[str, JSON]:
        """Return every field that is no credential, as JSON."""
        return cast(
            "dict[str, JSON]", self.model_dump(mode="json", exclude=set(self.secret_fields()), exclude_none=True)
        )

    def credentials(self) -> dict[str, str]:
        """Return the credentials that are set, in the clear: for a keyed hash and the SDK, never for a message."""
        values = {name: getattr(self, name) for name in self.secret_fields()}
        return {name: value.get_secret_value() for name, value in values.items() if value is not None}

    @classmethod
    def secret_fields(cls) -> tuple[str, ...]:
        """Return the names of the fields that are credentials."""
        return tuple(name for name, field in cls.model_fields.items() if "SecretStr" in str(field.annotation))

    @classmethod
    def from_location(cls, location: str, /) -> Self:
        """Return the settings for the part of a place behind the colon (``mlflow:http://host:5000#digits``)."""
        raise TypeError(f"{cls.__name__} cannot be made from a place such as {location!r}")

    def check(self) -> str:
        """Ask the backend for a sign of life, for ``tracklib doctor``; return its version or a word of greeting.

        Raises:
            BackendError: It does not answer, or refuses the credentials.
        """
        return "no check"
