"""The greeting: a sign of life from where runs go, for ``tracklib doctor``."""

from __future__ import annotations

from pathlib import Path

from tracklib.errors import RejectedError
from tracklib_comet.archive import Archive
from tracklib_comet.service import Service
from tracklib_comet.settings import CometSettings

__all__ = ["greeting"]


def greeting(settings: CometSettings) -> str:
    """Ask Comet whose key it is; for files, look at them.

    Args:
        settings: Resolved.
    """
    if settings.offline is not None:
        return _of_files(Path(settings.offline))
    service = Service(settings)
    try:
        account = service.account()
        where = f"{settings.url} answers {account['userName']}, workspace {service.workspace}"
        return f"{where}: {len(service.projects())} projects (comet_ml {service.version()})"
    finally:
        service.close()


def _of_files(place: Path) -> str:
    if not place.exists():
        return f"{place} is not there yet; the first run makes it"
    paths = sorted(place.glob("*.zip")) if place.is_dir() else [place]
    bad = []
    for path in paths:
        try:
            Archive(path).close()
        except RejectedError as error:
            bad.append(str(error))
    said = f"{place}: {len(paths) - len(bad)} offline experiments"
    return "; ".join([said, *bad])
