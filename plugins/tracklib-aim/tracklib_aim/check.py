"""The check: a sign of life for ``tracklib doctor``."""

from __future__ import annotations

import os

from tracklib_aim.repository import Repository
from tracklib_aim.settings import AimSettings, repo_folder
from tracklib_aim.surroundings import sdk

__all__ = ["check"]


def check(settings: AimSettings) -> str:
    """Open the repository, and return how many runs it has and the version of Aim; where there is none, make none.

    Args:
        settings: Resolved.
    """
    sdk("aim")  # says so where it is missing, too old or broken
    if not settings.is_remote and not os.path.isdir(os.path.join(settings.repo or "", repo_folder())):
        return f"{settings.repo} holds no Aim repository yet; the first run makes one"
    with Repository.opened(settings, make=False) as repository:
        return f"{repository.place} answers: {len(repository.hashes())} runs (aim {repository.version()})"
