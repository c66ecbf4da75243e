"""The schema: the tables that a bundle holds of each run; ``docs/bundle.md`` is the specification.

Whatever a plain query asks stands in a column of its natural type. What such a column cannot hold exactly (an integer
that no double is, a name with half a surrogate pair, ...) stands in ``exact`` beside it, which is null everywhere else.
"""

from __future__ import annotations

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow has no types

from tracklib.portability.bundle.layout import VERSION

__all__ = ["FILES", "POINTS", "RECORDS", "TABLES"]

_WORD = pa.dictionary(pa.int32(), pa.string())
_TIME = pa.timestamp("ns", tz="UTC")


def _table(name: str, *fields: pa.Field) -> pa.Schema:
    """Return a schema whose first columns say which record of which run a row is of."""
    return pa.schema(
        [
            pa.field("project", _WORD),
            pa.field("run", _WORD),
            pa.field("n", pa.int64(), nullable=False),
            pa.field("writer", _WORD),
            pa.field("seq", pa.int64()),
            *fields,
        ],
        metadata={"tracklib.bundle": VERSION, "tracklib.table": name},
    )


POINTS = _table(
    "points",
    pa.field("metric", _WORD, nullable=False),
    pa.field("step", pa.float64(), nullable=False),
    pa.field("time", _TIME),
    pa.field("value", pa.float64(), nullable=False),
    pa.field("given", pa.bool_(), nullable=False),
    pa.field("recorded", _TIME),
    pa.field("step_int", pa.bool_(), nullable=False),
    pa.field("value_int", pa.bool_(), nullable=False),
    pa.field("exact", pa.string()),
)
"""One row for each value of each metric, in the order of the records.

``n``: the record's number within the run, counted from 0 over all tables; rows of one ``n`` were logged by one call.
``step``, ``value``: the nearest doubles. NaN is always the one quiet NaN, -0.0 keeps its sign.
``step_int``, ``value_int``: it was an integer.
``time``: what the point is about, in nanoseconds: the caller's own time where ``given``, else the record's.
``recorded``: the record's time where ``given``; null elsewhere, where it is ``time``.
``exact``: null, or a JSON object of texts, in this order, of what the columns do not hold exactly: ``metric``, ``step``,
    ``value``, ``time``, ``recorded``, ``seq``, ``writer``. Two points are equal where metric, step, time, value (bit by
    bit; 1 and 1.0 count as equal) and ``exact`` are.
"""

RECORDS = _table(
    "records",
    pa.field("item", pa.int32(), nullable=False),
    pa.field("time", _TIME),
    pa.field("kind", _WORD, nullable=False),
    pa.field("key", pa.string()),
    pa.field("step", pa.float64()),
    pa.field("value", pa.float64()),
    pa.field("text", pa.string()),
    pa.field("record", pa.string()),
    pa.field("exact", pa.string()),
)
"""Everything that is no point, one row for each thing that a record says; ``record`` has it all in the journal's JSON.

``item``: 0, 1, 2, ... within the record; ``record`` stands where it is 0, and nothing but that row is needed to restore.
``kind``: the journal's word: ``start``, ``context``, ``params``, ``tags``, ``notes``, ``summary``, ``artifact``, ``input``,
    ``media``, ``system``, ``console``, ``notice``, ``end``, or a newer one.
``key``: the param's path (``model.depth``), the tag, the artifact's name, the media's key, the system metric, the stream.
``value``: the nearest double, where it is a number; ``text``: the text, or JSON of what is no text.
``exact``: as in the points, of ``time``, ``seq`` and ``writer``.
"""

FILES = _table(
    "files",
    pa.field("time", _TIME),
    pa.field("kind", _WORD, nullable=False),
    pa.field("name", pa.string()),
    pa.field("path", pa.string()),
    pa.field("size", pa.int64()),
    pa.field("sha256", pa.string()),
    pa.field("url", pa.string()),
)
"""One row for each file that a record names.

``kind``: ``artifact``, ``media``, ``attachment``, whose content lies in the bundle under ``sha256``; or ``reference``,
    which lies at ``url`` and is named alone.
"""

TABLES = {"points": POINTS, "records": RECORDS, "files": FILES}
