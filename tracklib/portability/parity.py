"""Parity: the runs of two places, each compared with its other half."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tracklib.errors import AuthError, ConfigError, RejectedError, RunStateError, TracklibError
from tracklib.model.query import RunQuery
from tracklib.model.state import RunState, fold
from tracklib.portability.compare import compare_sides
from tracklib.portability.comparison import Comparison, Difference
from tracklib.portability.damage import Damage
from tracklib.portability.pairing import Match, Pair, pairs
from tracklib.portability.projection import Projector
from tracklib.portability.reduced import TIMELESS, apart_from_the_logging, reduced
from tracklib.portability.side import Side
from tracklib.portability.sides import Held, sides_of

if TYPE_CHECKING:
    from tracklib.backends.contract import Source
    from tracklib.model.records import FileRef
    from tracklib.model.run import RunInfo

__all__ = ["Half", "Parity"]


@dataclass(frozen=True, slots=True)
class Half:
    """One run, or a pair, and what comparing it found.

    Attributes:
        state: ``identical``; ``different``; ``only_a``, ``only_b``, on one side alone; ``open``, it goes on at both;
            ``error``, it could not be read.
        user: Whose it is, where its context names one.
    """

    a: RunInfo | None
    b: RunInfo | None
    state: Literal["identical", "different", "only_a", "only_b", "open", "error"]
    comparison: Comparison = field(default_factory=Comparison)
    user: str = ""
    error: str = ""

    @property
    def run(self) -> RunInfo:
        """The run, on the first side that has it."""
        run = self.a or self.b
        assert run is not None
        return run


@dataclass(frozen=True, slots=True)
class Parity:
    """Two places whose runs are compared."""

    a: Source
    b: Source
    match: Match = field(default_factory=Match)
    query: RunQuery = field(default_factory=RunQuery)

    def __iter__(self) -> Iterator[Half]:
        """Yield each run of either place with its verdict; one that cannot be read is told, and the others go on.

        Raises:
            AuthError, ConfigError: No run can be read.
        """
        for pair in pairs(self.a, self.b, self.match, self.query):
            try:
                yield self._half(pair)
            except (AuthError, ConfigError):
                raise
            except Exception as error:  # a plugin's own fault in one run is no reason to leave out the others
                words = str(error) if isinstance(error, TracklibError) else f"{type(error).__name__}: {error}"
                yield Half(*pair, "error", error=words)

    def _half(self, pair: Pair) -> Half:
        a, b = pair
        if a is not None and b is not None:
            return self._compared(a, b)
        source, run = (self.a, a) if a is not None else (self.b, b)
        assert run is not None
        state = fold(run.id, source.read(run))
        return Half(a, b, "only_a" if a is not None else "only_b", user=_user(state))

    def _compared(self, a: RunInfo, b: RunInfo) -> Half:
        if a.status == b.status == "running":
            return Half(a, b, "open")
        damage: list[Difference] = []
        found, left, right = self._comparison(a, b, damage)
        for difference in damage:
            found.add(difference)
        user = _user(left) or _user(right)
        for source, run, state in ((self.a, a, left), (self.b, b, right)):
            _check_contents(source, run, state, found)
        return Half(a, b, "identical" if found.equal else "different", found, user)

    def _comparison(self, a: RunInfo, b: RunInfo, damage: list[Difference]) -> tuple[Comparison, RunState, RunState]:
        """Return what was found, and what either run has come to."""
        of_a: Counter[str] = Counter()
        of_b: Counter[str] = Counter()
        back = Projector(self.a.capabilities, of_a), Projector(self.b.capabilities, of_b)
        twice = self.match.by != "id"
        timeless = [Projector(TIMELESS, of_a)], [Projector(TIMELESS, Counter())]
        left, right = sides_of(
            Held(self.a, a, [*(timeless[0] if twice else []), back[1]]),
            Held(self.b, b, [*(timeless[1] if twice else []), back[0]]),
            alone=twice,
        )
        _scan(left, self.a, a, damage)
        _scan(right, self.b, b, damage)
        states = left.state, right.state
        if twice:
            left.state = apart_from_the_logging(left.state, of_a)
            right.state = apart_from_the_logging(right.state, Counter())
        right.state = reduced(right.state, self.a.capabilities, of_a)
        found = compare_sides(left, right, self.b.capabilities, of_b)
        found.declared |= of_a  # the larger number: a change that both sides declare is one change
        return found, *states


def _scan(side: Side, source: Source, run: RunInfo, found: list[Difference]) -> None:
    """Read a run, and tell what of its journal could not be believed."""
    before = Damage.of(source)
    side.scan()
    if damage := Damage.of(source).since(before):
        found.append(Difference("journal", run.id, str(damage), None))


def _user(state: RunState) -> str:
    user = state.context.get("user")
    return user if isinstance(user, str) else ""


def _check_contents(source: Source, run: RunInfo, state: RunState, found: Comparison) -> None:
    """Read every file, and tell the ones whose content is not that of their digest."""
    files = [(artifact.name, file) for artifact in state.artifacts for file in artifact.files]
    files += [(media.key, file) for media in state.media for file in (media.file, *media.attachments)]
    for name, file in files:
        held = _content(source, run, file)
        if held != f"sha256 {file.sha256}":
            found.add(Difference("content", f"{name}/{file.path}", f"sha256 {file.sha256}", held))


def _content(source: Source, run: RunInfo, file: FileRef) -> str:
    digest = hashlib.sha256()
    try:
        with source.open_file(run, file) as content:
            while chunk := content.read(1 << 20):
                digest.update(chunk)
    except (RejectedError, RunStateError, OSError) as error:
        return f"not readable: {error}"
    return f"sha256 {digest.hexdigest()}"
