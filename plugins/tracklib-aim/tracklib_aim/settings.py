"""`AimSettings`: which repository, and where files go."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tracklib.backends.settings import BackendSettings
from tracklib.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AimSettings", "repo_folder"]

_REMOTE = "aim://"


def repo_folder() -> str:
    """Return the name of the folder that makes a directory a repository, as Aim's own variable has it."""
    return os.environ.get("__AIM_REPO_NAME__") or ".aim"


class AimSettings(BackendSettings):
    """Which repository, and where files go.

    Attributes:
        repo: The directory that holds ``.aim``, or ``aim://host:port``; where omitted the nearest one above the working
            directory, else the working directory, as Aim has it.
        artifacts: ``file://`` or ``s3://``: where Aim keeps artifacts. Where omitted, ``artifacts`` inside a local
            repository's ``.aim``; with a server, or below a folder with ``#?;`` in its name, the run itself.
    """

    repo: str | None = None
    artifacts: str | None = None

    @classmethod
    def from_location(cls, location: str, /) -> Self:
        """Return the settings for ``./repo`` or ``aim://host:port``."""
        return cls(repo=location)

    @property
    def is_remote(self) -> bool:
        """Whether a server stands between."""
        return self.repo is not None and self.repo.startswith(_REMOTE)

    def resolved(self) -> Self:
        """Return the settings with an absolute path, and Aim's own defaults as values.

        Raises:
            ConfigError: A kind of place that neither Aim nor this plugin knows.
        """
        repo = self.repo if self.repo is not None else _nearest()
        if self.is_remote:
            artifacts = self.artifacts
            repo = repo.rstrip("/")
        else:
            repo = _directory(repo)
            artifacts = self.artifacts or _default_artifacts(repo)
        if artifacts is not None and "://" not in artifacts:
            artifacts = f"file://{os.path.abspath(os.path.expanduser(artifacts))}"
        if artifacts is not None and not artifacts.startswith(("file://", "s3://")):
            raise ConfigError(f"expected artifacts to be a file:// or s3:// address, got {artifacts!r}")
        return type(self)(repo=repo, artifacts=artifacts.rstrip("/") if artifacts is not None else None)


def _directory(repo: str) -> str:
    if "://" in repo:
        raise ConfigError(f"expected a directory or aim://host:port, got {repo!r}")
    path = os.path.abspath(os.path.expanduser(repo))
    return os.path.dirname(path) if os.path.basename(path) == repo_folder() else path


def _default_artifacts(repo: str) -> str | None:
    """Return the folder of artifacts; Aim takes a path for a URL, so one with these characters names another folder."""
    return None if set(repo) & set("#?;") else f"file://{repo}/{repo_folder()}/artifacts"


def _nearest() -> str:
    here = Path.cwd()
    return str(next((path for path in (here, *here.parents) if (path / repo_folder()).is_dir()), here))
