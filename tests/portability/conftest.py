"""A ground for places, which the tests of a file share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portability.kinds_of_place import Ground, grounds


@pytest.fixture(scope="module")
def shared_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Where places stand, with servers that stop behind the last test of a file."""
    yield from grounds(tmp_path_factory.mktemp("ground"))


@pytest.fixture
def ground(shared_ground: Ground, isolated: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """Where places stand; the vendors' SDKs find a home there, and nothing of the developer's."""
    _ = isolated  # first, for it takes away every variable of the vendors'
    for name, path in shared_ground.surroundings().items():
        monkeypatch.setenv(name, path)
    return shared_ground
