"""Metrics in full, as Comet exports them: one zipped CSV file for each, an asset of a type of its own."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from typing import Any

from tracklib.testing.emulators.comet.state import Experiment

__all__ = ["PREFIX", "TYPE", "content", "listed"]

TYPE = "ASSET_TYPE_FULL_METRIC"
PREFIX = "full-metric:"


def listed(experiment: Experiment) -> list[dict[str, Any]]:
    """List the exports of an experiment: one for each metric."""
    names = dict.fromkeys(point["metricName"] for point in experiment.points)
    return [
        {
            "assetId": f"{PREFIX}{name}",
            "fileName": f"{_file(name)}_0.csv.zip",
            "type": TYPE,
            "step": None,
            "fileSize": 0,
        }
        for name in names
    ]


def content(experiment: Experiment, id: str) -> bytes:
    """Return the export of an asset's id."""
    name, table, zipped = id.removeprefix(PREFIX), io.StringIO(), io.BytesIO()
    writer = csv.writer(table)
    writer.writerow(["value", "timestamp", "step", "epoch"])
    for point in experiment.points:
        if point["metricName"] == name:
            writer.writerow([point["metricValue"], point["timestamp"] / 1000, point["step"], point["epoch"]])
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr(f"{_file(name)}_0.csv", table.getvalue())
    return zipped.getvalue()


def _file(name: str) -> str:
    return re.sub("[^a-zA-Z0-9-+]+", "_", name)
