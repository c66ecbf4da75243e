"""`Vendor`: what a backend's plugin says of the code that uses its vendor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracklib.backends import registry
from tracklib.errors import ConfigError

if TYPE_CHECKING:
    from tracklib.backends.spec import BackendSpec

__all__ = ["Use", "Vendor", "vendors"]


@dataclass(frozen=True, slots=True)
class Vendor:
    """What is known of a vendor's calls.

    Attributes:
        name: The backend's.
        modules: Names that its own packages are imported by.
        packages: Its distributions.
        variables: Its environment variables.
        calls: As in `tracklib.backends.spec.BackendSpec`.
    """

    name: str
    modules: frozenset[str]
    packages: frozenset[str]
    variables: frozenset[str]
    calls: Mapping[str, str]

    def told(self, name: str) -> str | None:
        """Return what tracklib says instead, empty where nothing; ``None`` where the name is not this vendor's.

        What is said of a module or a class goes for all in it, unless that is named itself; what is said of a call does
        not go for what it returns.
        """
        held = name.removesuffix("()")
        while held:
            if held in self.calls:
                return self.calls[held]
            held = "" if held.endswith(("()", "[]")) else held.rpartition(".")[0]
        return "" if name.partition(".")[0].partition("(")[0] in self.modules else None


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """One place that must change.

    Attributes:
        line: From 1.
        call: The vendor's name of what is used there, whatever the file calls it.
        instead: What tracklib has for it; empty where it has nothing.
    """

    line: int
    call: str
    vendor: str
    instead: str


def vendors() -> list[Vendor]:
    """Return those whose plugins are installed and say something of calls; one that does not load is left out."""
    found = []
    for name in sorted(registry.installed()):
        try:
            spec = registry.load_spec(name)
            found += [_vendor(spec)] if spec.calls is not None else []
        except ConfigError:  # a broken neighbour; tracklib backends tells of it
            continue
    return found


def _vendor(spec: BackendSpec) -> Vendor:
    modules = frozenset(name.replace("-", "_") for name in spec.sdks)
    return Vendor(spec.name, modules, frozenset(spec.sdks), frozenset(spec.variables), spec.load(spec.calls))
