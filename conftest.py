"""What all tests share: the laws of one backend stay together where tests run in several processes."""

from __future__ import annotations

import importlib.util

import pytest

from tracklib.testing.conformance.suite import ConformanceSuite


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep each suite in one process: a backend is examined once for all its laws, which takes up to a minute."""
    if importlib.util.find_spec("xdist") is None:
        return
    for item in items:
        suite = getattr(item, "cls", None)
        if isinstance(suite, type) and issubclass(suite, ConformanceSuite):
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent}::{suite.__name__}"))
