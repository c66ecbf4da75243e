"""Growth: what a run has come to since it was copied, where its source numbers its records anew at each reading.

What the copy holds is taken off what the source gives, so that nothing is there twice: points, samples, lines, files and
inputs one for one, in whatever order they come; and what is set, such as params, where the copy has it so.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import TracebackType

from typing_extensions import Self

from tracklib.backends.capabilities import Capabilities, Feature
from tracklib.model.codec import to_fields
from tracklib.model.records import (
    Console,
    Context,
    Media,
    Metrics,
    Notes,
    Notice,
    Params,
    Record,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
)
from tracklib.model.run import new_run_id
from tracklib.model.state import RunState
from tracklib.model.trees import merge, same
from tracklib.portability.fingerprint import bits
from tracklib.portability.projection import Projector

__all__ = ["Growth"]

_UNORDERED = frozenset({"files", "folders", "references", "aliases", "attachments"})
_SET = (RunStart, RunEnd, Params, Tags, Notes, Summary, Context)
_HOLD = "INSERT INTO held VALUES (?, 1) ON CONFLICT (sign) DO UPDATE SET many = many + 1"
_TAKE = "UPDATE held SET many = many - 1 WHERE sign = ? AND many > 0"


class Growth:
    """What a copy holds of a run; from what the source gives it makes what is still to be sent.

    Args:
        copy: All records of the copy.
        capabilities: Of the place where it is.
    """

    def __init__(self, copy: Iterable[Record], capabilities: Capabilities) -> None:
        self._capabilities = capabilities
        self._projector = Projector(capabilities, Counter())
        # Of an earlier pass that was killed, some may be there that was never confirmed: no number may come again.
        self._pass = new_run_id()[:6]
        self._state = RunState("")
        self._base = sqlite3.connect("", isolation_level=None)  # a temporary file, in memory as long as it is small
        self._base.execute("PRAGMA journal_mode = OFF")
        self._base.execute("CREATE TABLE held (sign BLOB PRIMARY KEY, many INTEGER) WITHOUT ROWID")
        for record in copy:
            if isinstance(record.body, _SET):
                self._state.apply(record)
            elif isinstance(record.body, (Metrics, System)):
                signs = self._signs(record, record.body)
                self._base.executemany(_HOLD, [(sign,) for sign in signs.values() if sign is not None])
            else:
                self._base.execute(_HOLD, (self._sign(record),))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()

    def of(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield of a run's records what the copy lacks, under writers that nobody knows: the old ones' numbers are given away."""
        counts: Counter[str] = Counter()
        for record in records:
            if (lacking := self._lacking(record)) is not None:
                counts[record.writer] += 1
                yield replace(lacking, writer=f"{record.writer}-{self._pass}", seq=counts[record.writer])

    def _lacking(self, record: Record) -> Record | None:
        body = record.body
        if isinstance(body, (Metrics, System)):
            signs = self._signs(record, body)
            values = {key: value for key, value in body.values.items() if not self._take(signs[key])}
            return replace(record, body=replace(body, values=values)) if values else None
        if isinstance(body, Notice):
            return None
        is_news = self._is_news(record) if isinstance(body, _SET) else not self._take(self._sign(record))
        return record if is_news else None

    def _take(self, sign: bytes | None) -> bool:
        """Take something off what the copy holds; tell whether it is there, or is not to be held at all."""
        return sign is None or self._base.execute(_TAKE, (sign,)).rowcount == 1

    def _is_news(self, record: Record) -> bool:
        """Take in what sets something; tell whether the copy has it otherwise."""
        state, body = self._state, record.body
        match body:
            case RunStart(attempt=attempt):
                news = attempt > state.attempt
            case RunEnd():
                news = (body.status, body.exit_code, body.error) != (state.status, state.exit_code, state.error)
            case Params(values=values):
                news = not same(merge(state.params, values), state.params)
            case Tags(values=values):
                news = any(state.tags.get(key) != value for key, value in values.items())
            case Notes(text=text):
                news = text != state.notes
            case Summary(values=values):
                news = not same({**state.summary, **values}, state.summary)
            case Context(values=values):
                news = not same({**state.context, **values}, state.context)
            case _:
                news = True
        state.apply(record)
        return news

    def _signs(self, record: Record, body: Metrics | System) -> dict[str, bytes | None]:
        """Return what tells each value from others, as the copy holds it; ``None`` where it is not to be held."""
        if isinstance(body, System):
            return {key: _digest("sample", key, record.time, bits(value)) for key, value in body.values.items()}
        points = self._projector((body.values, body.step, record.when), given=body.timestamp is not None)
        if points is None:
            return dict.fromkeys(body.values)
        values, step, when = points
        return dict.fromkeys(body.values) | {
            key: _digest("point", key, bits(step), when, bits(value)) for key, value in values.items()
        }

    def _sign(self, record: Record) -> bytes:
        """Return what tells a record from others; neither its number nor its own time does."""
        body = record.body
        if isinstance(body, Console):
            return _digest("line", body.stream, self._projector.text(body.text))
        fields = to_fields(replace(record, seq=0, time=0))
        if isinstance(body, Media):
            time = body.timestamp
            fields["timestamp"] = None if time is None else self._capabilities.project(Feature.TIME_OF_CALLER, time)
            fields["step"] = bits(body.step)
        for name in _UNORDERED & fields.keys():
            fields[name] = sorted(fields[name], key=repr)
        return _digest("record", json.dumps(fields, sort_keys=True))


def _digest(*parts: object) -> bytes:
    return hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()
