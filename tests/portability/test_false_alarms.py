"""No false alarms: a thousand runs and their clean copies, of which every single one is found identical."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

from tests.portability.test_parity import BODIES, START, write
from tracklib.backends.memory import MemorySource, MemoryStore
from tracklib.model.records import Body, Console, Metrics, Params, Record, RunEnd, RunStart, Summary, System, Tags
from tracklib.portability.parity import Parity
from tracklib.portability.places import open_place

RUNS = 1000
NUMBERS = [0, 0.0, -0.0, 1, 1.5, -3, 2**53 + 1, -(2**70), 5e-324, 1e308, math.nan, math.inf, -math.inf, 0.1]
STEPS = [number for number in NUMBERS if not isinstance(number, float) or math.isfinite(number)]
KEYS = ["loss", "val/acc", "a.b\\c", "\u00e9\u202e", "", " ", "x" * 300]


def made(chance: random.Random) -> list[Body]:
    """Return a run of some of everything, its numbers as odd as they come."""

    def some(values: list[Any]) -> dict[str, Any]:
        return {key: chance.choice(values) for key in chance.sample(KEYS, chance.randint(1, 4))}

    bodies: list[Body] = [RunStart("digits", chance.choice(KEYS), context={"user": "ada", "pid": 1})]
    for _ in range(chance.randint(0, 12)):
        values: Any = some([*NUMBERS, chance.random()])
        time = chance.choice([None, START, START + 1, chance.randrange(10**18)])
        bodies.append(Metrics(values, chance.choice([*STEPS, chance.randrange(100)]), time))
    made_of = [Params, Tags, Summary, System]
    values_of: list[list[Any]] = [[*NUMBERS, None, True, "!float", [1, {}]], ["", "x", None], NUMBERS, NUMBERS]
    bodies += [kind(some(values)) for kind, values in zip(made_of, values_of, strict=True) if chance.random() < 0.5]
    bodies += [Console("stdout", chance.choice(KEYS)) for _ in range(chance.randint(0, 3))]
    bodies += chance.sample(BODIES[12:-1], chance.randint(0, 3))
    return [*bodies, RunEnd(chance.choice(["finished", "failed", "crashed", "killed"]))]


def copied(records: list[Record], chance: random.Random) -> dict[tuple[str, int], Record]:
    """Return records as another place may give them: points one by one, in another order, by another writer."""
    kept, points = [], []
    for record in records:
        body = record.body
        if isinstance(body, Metrics):
            points += [(Metrics({key: value}, body.step, record.when), record) for key, value in body.values.items()]
        else:
            kept.append((body, record))
    chance.shuffle(points)
    told = [kept[0], *points, *kept[1:]]
    return {("vendor", seq): Record("vendor", seq, of.time, body) for seq, (body, of) in enumerate(told, 1)}


def test_a_thousand_clean_copies_raise_no_alarm(tmp_path: Path) -> None:
    """A thousand made runs in a journal root, and the same told in other words elsewhere, are identical in both directions."""
    chance = random.Random(20261128)
    place = open_place(f"local:{tmp_path / 'a'}")
    store = MemoryStore()
    (tmp_path / "scratch").mkdir()
    for number in range(RUNS):
        records = [Record("w", seq, START + seq * 10**9, body) for seq, body in enumerate(made(chance), 1)]
        write(place, f"run{number}", records, tmp_path / "scratch")
        store.records[f"run{number}"] = copied(records, chance)
    store.files.update({path.name: path.read_bytes() for path in (tmp_path / "scratch").iterdir()})
    for sides in ((place.source(), MemorySource(store)), (MemorySource(store), place.source())):
        halves = list(Parity(*sides))
        assert [half.run.id for half in halves if half.state != "identical"] == [], [
            str(difference) for half in halves for difference in half.comparison.differences
        ]
        assert len(halves) == RUNS
