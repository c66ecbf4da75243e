"""A vendor whose SDK does the worst that one can; a file beside its place says what."""

from __future__ import annotations

from typing import ClassVar

from pydantic import SecretStr

from tracklib.backends import BackendSettings, BackendSpec

__all__ = ["SPEC", "Settings"]

SPEC = BackendSpec("badvendor", "Bad Vendor", "badvendor", "badvendor:Settings", "badvendor_sink:Sink")


class Settings(BackendSettings):
    """Where it is."""

    place: str
    key: SecretStr | None = None
    VARIABLES: ClassVar = {"place": ("BADVENDOR_PLACE",), "key": ("BADVENDOR_KEY",)}
