"""`WandbSettings`: which server and team, or which folder on this machine."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from typing_extensions import Self

from tracklib.backends.settings import BackendSettings, Secret
from tracklib.errors import ConfigError

__all__ = ["WandbSettings"]

_SERVICE = "https://api.wandb.ai"
_OFFLINE = ("offline", "dryrun")
_MODES = (None, "online", "shared", "run", *_OFFLINE)


class WandbSettings(BackendSettings):
    """Which server and team, or which folder on this machine.

    Attributes:
        entity: The team or user; where omitted, the one that W&B takes for the key by default.
        project: Every run goes there; where omitted, each goes to the project named as its own.
        base_url: The server; W&B's service where omitted.
        mode: ``offline`` writes runs to a folder and asks no server, as W&B itself has it; ``online`` is the default.
        directory: The folder that holds the directories of offline runs, which implies ``offline``; where omitted,
            ``wandb`` in ``WANDB_DIR`` or here.
        api_key: Where omitted, what ``wandb login`` left in ``~/.netrc``.
    """

    VARIABLES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "entity": ("WANDB_ENTITY",),
        "project": ("WANDB_PROJECT",),
        "mode": ("WANDB_MODE",),
        "base_url": ("WANDB_BASE_URL",),
        "api_key": ("WANDB_API_KEY",),
    }

    entity: str | None = None
    project: str | None = None
    base_url: str | None = None
    mode: str | None = None
    directory: str | None = None
    api_key: Secret | None = None

    def __post_init__(self) -> None:
        """Move a key that stands in the address out of it."""
        super().__post_init__()
        parts = urlsplit(self.base_url or "")
        if "@" not in parts.netloc:
            return
        object.__setattr__(self, "base_url", parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())
        if parts.password and self.api_key is None:
            object.__setattr__(self, "api_key", Secret(parts.password))

    @classmethod
    def from_location(cls, location: str, /) -> Self:
        """Return the settings for ``entity/project``, ``entity``, or a path such as ``./wandb``."""
        if _is_path(location):
            return cls(directory=location)
        entity, slash, project = location.partition("/")
        if "://" in location or not entity or (slash and not project) or "/" in project:
            raise ConfigError(
                f"expected wandb:<entity>[/<project>], or wandb:<path> such as wandb:./wandb, got wandb:{location}; "
                "a server's address is WANDB_BASE_URL"
            )
        return cls(entity=entity, project=project or None)

    @property
    def is_offline(self) -> bool:
        """Whether runs are files on this machine."""
        return self.directory is not None

    def resolved(self) -> Self:
        """Return the settings with an absolute path, or with W&B's own defaults as values.

        Raises:
            ConfigError: The address is none.
        """
        values = self.given()
        if self.mode not in _MODES:
            raise ConfigError(
                f"expected the mode online or offline, got {self.mode!r}; without W&B, leave wandb out of the backends"
            )
        if self.directory is not None or values.pop("mode", None) in _OFFLINE:
            folder = self.directory or os.path.join(os.environ.get("WANDB_DIR") or ".", "wandb")
            values.pop("base_url", None)
            return type(self)(**{**values, "mode": "offline", "directory": os.path.abspath(os.path.expanduser(folder))})
        own = _own_settings()
        url = (self.base_url or os.environ.get("WANDB_BASE_URL") or own.get("base_url") or _SERVICE).rstrip("/")
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise ConfigError(f"expected the address of a W&B server, such as {_SERVICE}, got {url!r}")
        if url in ("https://wandb.ai", "https://app.wandb.ai", "https://www.wandb.ai"):
            url = _SERVICE  # the pages; the programs' address is another
        entity = self.entity or own.get("entity")
        return type(self)(**{**values, "base_url": url, **({"entity": entity} if entity else {})})

    def key(self) -> str | None:
        """Return the key to connect with, from the settings or ``~/.netrc``: never for a message."""
        if self.api_key is not None:
            return self.api_key.reveal()
        from requests.utils import get_netrc_auth

        found = get_netrc_auth(self.base_url or _SERVICE)
        return str(found[1]) if found else None


def _is_path(location: str) -> bool:
    return location.startswith((".", "/", "~", "\\")) or os.path.isabs(location) or location[1:3] == ":\\"


def _own_settings() -> dict[str, str]:
    """Return what ``wandb login --host`` and ``wandb init`` left in W&B's own files; the nearer one counts."""
    folder = os.environ.get("WANDB_CONFIG_DIR") or os.path.join(os.path.expanduser("~"), ".config", "wandb")
    found: dict[str, str] = {}
    for path in (Path(folder, "settings"), Path(os.environ.get("WANDB_DIR") or ".", "wandb", "settings")):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(path, encoding="utf-8")
            found |= dict(parser["default"]) if parser.has_section("default") else {}
        except (configparser.Error, UnicodeDecodeError):
            continue  # W&B's own SDK reads on as well
    return found
