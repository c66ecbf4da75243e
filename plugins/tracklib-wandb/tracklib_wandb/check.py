"""The check: a sign of life for ``tracklib doctor``, each fault told apart with its remedy."""

from __future__ import annotations

import importlib.metadata
import os

from tracklib.errors import ConfigError
from tracklib_wandb.settings import WandbSettings
from tracklib_wandb.surroundings import OLDEST

__all__ = ["check", "sdk_version"]


def sdk_version() -> str:
    """Return the SDK's version, without importing it.

    Raises:
        ConfigError: There is none, or it is too old.
    """
    try:
        version = importlib.metadata.version("wandb")
    except importlib.metadata.PackageNotFoundError as error:
        raise ConfigError("the W&B SDK is not installed: pip install wandb") from error
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise ConfigError(
            f"the W&B SDK is too old: expected wandb {needed} or newer, got {version}: pip install -U wandb"
        )
    return version


def check(settings: WandbSettings) -> str:
    """Return who W&B says this is.

    Args:
        settings: Resolved.
    """
    version = sdk_version()
    if settings.directory is not None:
        there = os.path.isdir(settings.directory)
        return f"{settings.directory} {'is there' if there else 'will be made'}; no server is asked (wandb {version})"
    from tracklib_wandb.server import Server

    server = Server(settings)
    try:
        found = server.viewer()
    finally:
        server.close()
    entity = settings.entity or found.get("entity")
    return f"{server.url} answers: {found.get('username')}, writing to {entity} (wandb {version})"
