"""`LocalSettings`: which journal root ``local:`` means."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from typing_extensions import Self

from tracklib import config
from tracklib.backends.settings import BackendSettings
from tracklib.errors import ConfigError

if TYPE_CHECKING:
    from tracklib.backends.contract import SinkContext
    from tracklib.portability.local import JournalSource
    from tracklib.portability.local_sink import JournalSink

__all__ = ["LocalSettings", "open_sink", "open_source"]


class LocalSettings(BackendSettings):
    """Which journal root.

    Attributes:
        root: A folder; the configured one where omitted.
    """

    root: str | None = None

    @classmethod
    def from_location(cls, location: str, /) -> Self:
        """Return the settings for ``local:FOLDER``."""
        return cls(root=location)

    def resolved(self) -> Self:
        """Return the settings with the absolute path."""
        root = config.load().root if self.root is None else os.path.expanduser(self.root)
        return type(self)(root=os.path.abspath(root))


def open_source(settings: LocalSettings, /) -> JournalSource:
    """Return the source that reads a journal root.

    Raises:
        ConfigError: There is no such folder.
    """
    from tracklib.journal.layout import Root
    from tracklib.portability.local import JournalSource

    root = settings.resolved().root or ""
    if not os.path.isdir(root):
        raise ConfigError(f"expected a journal root at {root}, got {'a file' if os.path.exists(root) else 'nothing'}")
    return JournalSource(Root(root))


def open_sink(settings: LocalSettings, context: SinkContext, /) -> JournalSink:
    """Return the sink that writes one run into a journal root, which is made where it is missing."""
    from tracklib.journal.layout import Root
    from tracklib.portability.local_sink import JournalSink

    return JournalSink(Root(settings.resolved().root or ""), context)
