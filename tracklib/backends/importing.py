"""Importing a vendor's SDK: one that is too old or broken says that the installation is to be mended."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from types import ModuleType
from typing import NamedTuple

from tracklib.errors import ConfigError

__all__ = ["SDK", "import_sdk"]

_MAX_MESSAGE = 300


class SDK(NamedTuple):
    """A vendor's SDK.

    Attributes:
        title: The vendor's name as people write it.
        distributions: What has it; one of them is enough.
        oldest: The first version that works, as far as it is known.
        remedy: The command that installs one that works.
    """

    title: str
    distributions: tuple[str, ...]
    oldest: tuple[int, ...]
    remedy: str


def import_sdk(module: str, sdk: SDK, /) -> ModuleType:
    """Import a module of a vendor's SDK.

    Raises:
        ConfigError: It is too old, or it cannot be imported, whatever it raised. Trying again is for another process: in
            this one, parts of it stay behind.
    """
    check_version(sdk)
    try:
        return importlib.import_module(module)
    except Exception as error:  # an SDK that is broken raises anything at all
        said = " ".join(f"{type(error).__name__}: {error}".split())[:_MAX_MESSAGE]
        raise ConfigError(
            f"{sdk.title}'s SDK cannot be imported: {said}; mend it ({sdk.remedy}), then run tracklib sync"
        ) from error


@functools.cache
def check_version(sdk: SDK) -> None:
    """Refuse an SDK that is too old, before it fails in some way of its own.

    Raises:
        ConfigError: It is too old.
    """
    for name in sdk.distributions:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if _numbers(version) < sdk.oldest:
            needed = ".".join(map(str, sdk.oldest))
            raise ConfigError(
                f"{sdk.title}'s SDK is too old: expected {name} {needed} or newer, got {version}; mend it ({sdk.remedy}), "
                "then run tracklib sync"
            )


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers at the beginning of a version: (0, 31) of ``0.31.0rc1``."""
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
