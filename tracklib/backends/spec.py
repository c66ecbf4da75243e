"""`BackendSpec`: how a plugin names its parts without importing them."""

from __future__ import annotations

import importlib
from typing import Any

from tracklib.errors import ConfigError
from tracklib.value import Value

__all__ = ["BackendSpec"]


class BackendSpec(Value):
    """A plugin's declaration; importing it loads neither pydantic nor a vendor's SDK.

    Attributes:
        name: The word in ``TRACKLIB_BACKENDS`` and before the colon of a place.
        title: The vendor's name as people write it.
        distribution: The package to install.
        settings: ``"package.module:Class"`` of a `tracklib.backends.settings.BackendSettings`.
        sink, source: ``"package.module:Class"``, called with ``(settings, context)`` and ``(settings)``;
            ``None`` where the backend has no such half.
        capabilities: ``"package.module:NAME"`` of a `Capabilities`.
        check: ``"package.module:function"``, called with ``(settings)``, resolved ones, for ``tracklib doctor``: asks the
            backend for a sign of life, and returns its version or a word of greeting. It raises a `BackendError` where
            there is no answer or the credentials are refused; ``None`` where there is nobody to ask.
        sdks: The vendor's distributions, for ``tracklib doctor``.
        variables: The vendor's own environment variables that keep working.
        calls: ``"package.module:NAME"`` of a mapping, for ``tracklib inventory --code``: what code that uses the vendor
            says, and what it says with tracklib, empty where there is nothing. A name is the one that it is imported by
            (``"mlflow.log_metric"``); ``()`` behind it stands for what the call returns, ``[]`` for one of its items
            (``"aim.Run().track"``); ``"report_to=aim"`` is an argument that any function is given. The first part of a name that the vendor's own packages have counts whole.
    """

    name: str
    title: str
    distribution: str
    settings: str
    sink: str | None = None
    source: str | None = None
    capabilities: str | None = None
    check: str | None = None
    sdks: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    calls: str | None = None

    def load(self, part: str | None, /) -> Any:
        """Import a part by its ``"package.module:Name"``.

        Raises:
            ConfigError: The backend has no such part, or importing it failed.
        """
        if part is None:
            does = "reads it, and does not write it" if self.sink is None else "writes it, and does not read it"
            raise ConfigError(f"{self.title} can't be used for this: {self.distribution} {does}")
        module, _, name = part.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except Exception as error:
            message = f"{self.title} can't be used: importing {module} failed with {type(error).__name__}: {error}"
            raise ConfigError(message) from error
