"""A vendor whose SDK does the worst that one can; a file beside its place says what."""

from __future__ import annotations

from typing import ClassVar

from tracklib.backends import BackendSettings, BackendSpec, Secret

__all__ = ["SPEC", "Settings"]

SPEC = BackendSpec("badvendor", "Bad Vendor", "badvendor", "badvendor:Settings", "badvendor_sink:Sink")


class Settings(BackendSettings):
    """Where it is."""

    place: str
    key: Secret | None = None
    VARIABLES: ClassVar = {"place": ("BADVENDOR_PLACE",), "key": ("BADVENDOR_KEY",)}
