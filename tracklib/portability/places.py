"""Places: where runs are read from and written to, as a command line names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracklib import config
from tracklib.backends import registry
from tracklib.model.codec import dumps

if TYPE_CHECKING:
    from tracklib.backends.contract import Sink, SinkContext, Source

__all__ = ["Place", "name_of", "open_place"]


@dataclass(frozen=True, slots=True)
class Place:
    """A backend at a location.

    Attributes:
        text: As the user wrote it; it holds no credential.
        resolved: The backend with its settings.
    """

    text: str
    resolved: registry.Resolved

    def source(self) -> Source:
        """Return the read half.

        Raises:
            ConfigError: The backend has none, or its SDK can't be imported.
        """
        source: Source = self.resolved.spec.load(self.resolved.spec.source)(self.resolved.settings)
        return source

    def sink(self, context: SinkContext, /) -> Sink:
        """Return the write half for one run.

        Raises:
            ConfigError: The backend has none, or its SDK can't be imported.
        """
        sink: Sink = self.resolved.spec.load(self.resolved.spec.sink)(self.resolved.settings, context)
        return sink


def open_place(text: str, /) -> Place:
    """Return the place that a text such as ``mlflow:http://host:5000#digits`` or ``local:.tracklib`` names.

    Credentials come from the backend's own environment variables; a backend without a location is where its variables
    and the table in ``tracklib.toml`` say.

    Raises:
        MissingPluginError: The backend is not installed; the message says which package to install.
        ConfigError: The text is no place, or a setting is wrong.
    """
    return Place(text, registry.resolve(text, config.load().tables))


def name_of(place: Place, /) -> str:
    """Return a place in its one form, whatever folder the command is called in."""
    settings = place.resolved.settings
    return f"{place.resolved.spec.name} {dumps(dict(sorted(settings.destination().items()))).decode()}"
