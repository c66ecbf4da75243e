"""`CometSettings`: which workspace and project, or which folder of offline experiments."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from typing_extensions import Self

from tracklib.backends.settings import BackendSettings, Secret
from tracklib.errors import ConfigError
from tracklib_comet.config_file import configured

__all__ = ["CometSettings"]

_CLOUD = "https://www.comet.com/clientlib/"
_LONGEST = 3600
_FILES = re.compile(r"[./~\\]|[A-Za-z]:[/\\]")


class CometSettings(BackendSettings):
    """Which workspace and project, or which folder of offline experiments.

    Attributes:
        workspace: Where omitted, the default one of whose key it is.
        project: Every run goes there; where omitted, each goes to the Comet project of its own project's name.
        url: The server, such as ``https://comet.example.com/clientlib/``.
        offline: A folder in which each run becomes a zip that ``comet upload`` takes; for reading, also one zip. Comet
            itself is not asked then.
        metrics_per_minute, params_per_minute, lines_per_minute: What Comet takes of one experiment; 0 lifts it.
        timeout: Seconds that a request may take; files have ten minutes.
    """

    VARIABLES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "api_key": ("COMET_API_KEY",),
        "url": ("COMET_URL_OVERRIDE",),
        "workspace": ("COMET_WORKSPACE",),
        "project": ("COMET_PROJECT_NAME",),
    }

    workspace: str | None = None
    project: str | None = None
    url: str | None = None
    offline: str | None = None
    api_key: Secret | None = None
    # comet.com/docs/v2/guides/experiment-management/limits-and-performance
    metrics_per_minute: int = 12_000
    params_per_minute: int = 10_000
    lines_per_minute: int = 12_000
    timeout: float = 20.0

    def __post_init__(self) -> None:
        """Check what is given.

        Raises:
            ConfigError: A figure is out of its bounds; or a password stands in the address, which is recorded.
        """
        super().__post_init__()
        if re.search(r"://[^/@\s]*@", self.url or ""):
            raise ConfigError("expected Comet's address without a user or password in it")
        for name in ("metrics_per_minute", "params_per_minute", "lines_per_minute"):
            if (figure := getattr(self, name)) < 0:
                raise ConfigError(f"comet: {name}: expected 0 or more, got {figure}")
        if not 0 < self.timeout <= _LONGEST:
            raise ConfigError(
                f"comet: timeout: expected more than 0 and at most {_LONGEST} seconds, got {self.timeout}"
            )

    @classmethod
    def from_location(cls, location: str, /) -> Self:
        """Return the settings for ``workspace``, ``workspace/project``, ``./folder`` or ``./run.zip``."""
        if _FILES.match(location) or location.endswith(".zip"):
            return cls(offline=location)
        workspace, _, project = location.partition("/")
        if not workspace or "/" in project:
            raise ConfigError(
                f"expected comet:workspace, comet:workspace/project, comet:./folder or comet:./run.zip, got comet:{location}"
            )
        return cls(workspace=workspace, project=project) if project else cls(workspace=workspace)

    @property
    def is_offline(self) -> bool:
        """Whether files are meant, and not the service."""
        return self.offline is not None

    def resolved(self) -> Self:
        """Return the settings with absolute paths, and with what Comet's own configuration says."""
        values: dict[str, Any] = self.given()
        if self.offline is not None:
            folder = configured("offline_directory") if self.offline in ("", "true", "1") else self.offline
            values["offline"] = os.path.abspath(os.path.expanduser(folder or ".cometml-runs"))
        else:
            values["url"] = _address(self.url or configured("url_override") or _CLOUD)
            if self.workspace is None and (workspace := configured("workspace")):
                values["workspace"] = workspace
                if self.project is None and (project := configured("project_name")):
                    values["project"] = project
            if self.api_key is None and (key := configured("api_key")):
                values["api_key"] = key
        return type(self)(**values)

    def key(self) -> str:
        """Return the key to connect with: never for a message.

        Raises:
            ConfigError: There is none.
        """
        if self.api_key is None or not self.api_key.reveal().strip():
            raise ConfigError(
                "no key for Comet: set COMET_API_KEY, or api_key in ~/.comet.config (your key: account settings on Comet)"
            )
        return self.api_key.reveal().strip()


def _address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"expected Comet's address to begin with http:// or https://, got {url!r}")
    return url if url.endswith("/") else f"{url}/"
