"""Exports as neptune-exporter writes them: its schema, its names, its parts."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tracklib_neptune.settings import NeptuneSettings
from tracklib_neptune.source import NeptuneSource

from tracklib.model.query import RunQuery

# neptune_exporter/model.py at 8d3f44a (2026-02-27).
SCHEMA = pa.schema(
    [
        ("project_id", pa.string()),
        ("run_id", pa.string()),
        ("attribute_path", pa.string()),
        ("attribute_type", pa.string()),
        ("step", pa.decimal128(18, 6)),
        ("timestamp", pa.timestamp("ms", tz="UTC")),
        ("int_value", pa.int64()),
        ("float_value", pa.float64()),
        ("string_value", pa.string()),
        ("bool_value", pa.bool_()),
        ("datetime_value", pa.timestamp("ms", tz="UTC")),
        ("string_set_value", pa.list_(pa.string())),
        ("file_value", pa.struct([("path", pa.string())])),
        (
            "histogram_value",
            pa.struct([("type", pa.string()), ("edges", pa.list_(pa.float64())), ("values", pa.list_(pa.float64()))]),
        ),
    ]
)
COLUMNS = {
    "float": "float_value", "int": "int_value", "string": "string_value", "bool": "bool_value",
    "datetime": "datetime_value", "string_set": "string_set_value", "float_series": "float_value",
    "string_series": "string_value", "histogram_series": "histogram_value", "file": "file_value",
    "file_series": "file_value", "file_set": "file_value", "artifact": "file_value",
}  # fmt: skip
BASE = 1_700_000_000_000
"""Milliseconds at which the runs of tests begin."""


def safe(part):
    """Return a name as the exporter makes it safe."""
    digest = hashlib.blake2b(part.encode(), digest_size=8).hexdigest()
    return "".join(c if c.isalnum() or c in "_-" else "_" for c in part) + f"-{digest}"


def moment(milliseconds):
    return dt.datetime.fromtimestamp(0, dt.timezone.utc) + dt.timedelta(milliseconds=milliseconds)


def row(path, kind, value, step=None, time=None):
    """Return a line of an export."""
    column = {COLUMNS[kind]: value} if kind in COLUMNS else {}
    return {
        "attribute_path": path,
        "attribute_type": kind,
        "step": None if step is None else Decimal(step).quantize(Decimal("1.000000")),
        "timestamp": None if time is None else moment(time),
        **column,
    }


def sys_rows(name="baseline", **more):
    """Return what Neptune keeps of each run."""
    return [
        row("sys/name", "string", name),
        row("sys/creation_time", "datetime", moment(BASE)),
        row("sys/ping_time", "datetime", moment(BASE + 60_000)),
        *(row(f"sys/{key}", *typed) for key, typed in more.items()),
    ]


class Export:
    """An export below a folder."""

    BASE, SCHEMA, COLUMNS = BASE, SCHEMA, COLUMNS
    row, sys_rows, moment, safe = staticmethod(row), staticmethod(sys_rows), staticmethod(moment), staticmethod(safe)

    def __init__(self, root):
        self.root, self.data, self.files = root, root / "data", root / "files"

    def write(self, *parts, run_id="RUN-1", project="team/digits", schema=SCHEMA, scope="", groups=None):
        """Write a run whose parts are lists of rows; return the paths of the parts.

        Args:
            groups: How many rows stand in a group.
        """
        folder = self.data / safe(project) / scope if scope else self.data / safe(project)
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for number, rows in enumerate(parts):
            full = [{"project_id": project, "run_id": run_id, **line} for line in rows]
            table = pa.Table.from_pylist(full, SCHEMA).select(schema.names)
            paths.append(folder / f"{safe(run_id)}_part_{number}.parquet")
            pq.write_table(table, paths[-1], compression="snappy", row_group_size=groups)
        return paths

    def file(self, path, content, project="team/digits"):
        """Write a downloaded file; return the value that names it."""
        place = self.files / safe(project) / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return {"path": path}

    def source(self):
        return NeptuneSource(NeptuneSettings(data=str(self.root)))

    def info(self, run_id="RUN-1"):
        (info,) = self.source().runs(RunQuery(id=run_id))
        return info

    def read(self, run_id="RUN-1"):
        """Return the bodies of a run by their types."""
        source = self.source()
        (info,) = source.runs(RunQuery(id=run_id))
        found = defaultdict(list)
        for record in source.read(info):
            found[type(record.body)].append(record.body)
        return found


@pytest.fixture
def export(tmp_path):
    return Export(tmp_path / "exports")
