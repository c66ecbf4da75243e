"""Run all benchmarks, print their figures, and exit with 1 where one exceeds its bound."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import artifact_in_flight
import capture
import listing
import live
import log_call
import memory
import migrate
import online
import short_runs
import startup
import verify
import volume
import wandb_reading
from measure import Row

SUITES = {
    "log": log_call,
    "startup": startup,
    "capture": capture,
    "runs": short_runs,
    "artifact": artifact_in_flight,
    "verify": verify,
    "migrate": migrate,
    "online": online,
    "listing": listing,
    "live": live,
    "memory": memory,
    "volume": volume,
    "wandb": wandb_reading,
}


def main() -> int:
    """Run the suites that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], default=[])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows: list[Row] = []
    for name in arguments.suites or SUITES:
        with tempfile.TemporaryDirectory(prefix="tracklib-bench-", ignore_cleanup_errors=True) as folder:
            for row in SUITES[name].rows(Path(folder)):
                rows.append(row)
                if not arguments.json:
                    print(_line(row), flush=True)
    if arguments.json:
        print(json.dumps([{**row.__dict__, "holds": row.holds} for row in rows], indent=2))
    return 0 if all(row.holds for row in rows) else 1


def _line(row: Row) -> str:
    bound = "" if row.bound is None else f"  {'within' if row.holds else 'EXCEEDS'} {row.bound:.4g} {row.unit}"
    note = f"  ({row.note})" if row.note else ""
    return f"{row.name:<45} {row.value:>9.2f} {row.unit:<8}{bound}{note}"


if __name__ == "__main__":
    sys.exit(main())
