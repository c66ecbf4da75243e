"""Bundles: from a word of the command line to the bundle that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracklib.portability.bundle.catalog import Catalog
    from tracklib.portability.places import Place

__all__ = ["is_bundle", "open_bundle"]


def is_bundle(word: str) -> bool:
    """Tell whether a word names a bundle."""
    return word.partition(":")[0] == "bundle"


def open_bundle(word: str, *, fresh: bool = False) -> tuple[Place, Catalog]:
    """Return a bundle and the list of its runs, which is not read yet.

    Args:
        word: Such as ``bundle:s3://bucket/prefix``.
        fresh: Take nothing for granted that this process read before.

    Raises:
        UsageError: It is another backend.
        ConfigError: A package is missing, or there can be no bundle there.
    """
    from tracklib.errors import UsageError
    from tracklib.portability.bundle.settings import BundleSettings, open_catalog
    from tracklib.portability.places import open_place

    place = open_place(word)
    settings = place.resolved.settings
    if not isinstance(settings, BundleSettings):
        raise UsageError(f"expected a bundle, such as bundle:./backup or bundle:s3://bucket/prefix, got {word!r}")
    catalog = open_catalog(settings)
    return place, type(catalog)(catalog.store) if fresh else catalog
