"""What ``wandb.Api`` asks of a project: filters, orders, pages, and both shapes of history."""

from __future__ import annotations

import time

import pytest

from tests.testing.emulators.conftest import needs
from tracklib.testing.emulators.wandb import Run, WandbEmulator

pytestmark = [pytest.mark.server, needs("wandb")]


def fill(emulator: WandbEmulator, count: int) -> None:
    """Put runs into the state as clients would have."""
    emulator.world.state.project("team", "p")
    for n in range(count):
        run = Run("team", "p", f"r{n:04}", 1_700_000_000.0 + n, display_name=f"run {n}", state="finished")
        run.config = {"lr": {"value": n / 10}, "net": {"value": {"depth": n % 3}}}
        run.summary = {"loss": (n * 7) % count, "val/acc": n}
        run.tags = ["even"] if n % 2 == 0 else ["odd"]
        run.heartbeat_at = time.time()
        emulator.runs[run.path] = run


QUERIES = [
    ({"config.lr": {"$gt": 0.7}}, "r0008 r0009"),
    ({"config.lr.value": 0.2}, "r0002"),
    ({"config.net.depth": 0, "tags": {"$in": ["even"]}}, "r0000 r0006"),
    ({"summary_metrics.loss": {"$lt": 2}}, "r0000 r0003"),
    ({"summary_metrics.val/acc": {"$gte": 9}}, "r0009"),
    ({"$or": [{"display_name": "run 1"}, {"name": "r0004"}]}, "r0001 r0004"),
    ({"$and": [{"tags": "odd"}, {"created_at": {"$gt": "2023-11-14T22:13:26"}}]}, "r0007 r0009"),
    ({"state": {"$ne": "finished"}}, ""),
    ({"display_name": {"$regex": "n [12]$"}}, "r0001 r0002"),
    ({"config.none": {"$exists": True}}, ""),
]


def test_filters_choose_and_orders_sort(wandb_emulator, program):
    """Every operator of a filter chooses as MongoDB's does, and an order sorts up or down by any column."""
    fill(wandb_emulator, 10)
    read = program(f"""
    import wandb
    api = wandb.Api()
    answer([[[run.id for run in api.runs("p", filters=f)] for f in {[f for f, _ in QUERIES]!r}],
            [[run.id for run in api.runs("p", order=o)][:3] for o in ("-created_at", "+summary_metrics.loss")]])
    """)
    assert read[0] == [expected.split() for _, expected in QUERIES]
    assert read[1] == [["r0009", "r0008", "r0007"], ["r0000", "r0003", "r0006"]]


def test_thousands_of_runs_are_paged(wandb_emulator, program):
    """Paging yields each run once, however many there are."""
    fill(wandb_emulator, 2500)
    read = program("""
    import wandb
    runs = wandb.Api().runs("p", per_page=1000)
    answer([len(runs), [run.id for run in runs]])
    """)
    assert read == [2500, [f"r{n:04}" for n in range(2500)]]
    assert wandb_emulator.count("Runs") <= 4


def test_exported_history_has_nulls_and_live_history_has_gaps(wandb_emulator, program):
    """The Parquet shape gives every key in each row, null where it was not logged; the live shape leaves it out."""
    wandb_emulator.world.state.project("team", "p")
    for name in ("live", "exported"):
        run = Run("team", "p", name, time.time(), state="finished")
        run.lines["wandb-history.jsonl"] = ['{"_step": 0, "a": 0.5}', '{"_step": 1, "b": NaN}', '{"_step": 2, "b": 3}']
        wandb_emulator.runs[run.path] = run
    script = """
    import wandb
    answer([[row.get(k, "-") for k in ("_step", "a", "b")] for row in wandb.Api().run("p/%s").scan_history()])
    """
    assert program(script % "live") == [[0, 0.5, "-"], [1, "-", "NaN"], [2, "-", 3]]
    wandb_emulator.world.parquet = True
    exported = program(script % "exported")
    assert [row[:2] for row in exported] == [[0, 0.5], [1, None], [2, None]]
    assert exported[0][2] is None and exported[2][2] == 3
    assert wandb_emulator.count("HistoryPage") > 0
