"""Labels: the tags of a run, as its source tells them record by record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tracklib.errors import AuthError, ConfigError, TracklibError
from tracklib.model.records import Tags

if TYPE_CHECKING:
    from tracklib.backends.contract import Source
    from tracklib.model.run import RunInfo

__all__ = ["tags_of"]


def tags_of(source: Source, run: RunInfo) -> Mapping[str, str | None] | None:
    """Return a run's tags; ``None`` where the run cannot be read, so that nobody knows them.

    Raises:
        AuthError, ConfigError: No run of the source can be read.
    """
    held: dict[str, str | None] = {}
    try:
        for record in source.read(run):
            if isinstance(record.body, Tags):
                held.update(record.body.values)
    except (AuthError, ConfigError):
        raise
    except TracklibError:
        return None
    return held
