"""Whatever rows and configs are given to W&B's own SDK, they are read as they were given, as far as the SDK holds them."""

import json
import math

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tracklib_wandb.settings import WandbSettings
from tracklib_wandb.source import WandbSource

from tracklib.model.media import read_table
from tracklib.model.query import RunQuery
from tracklib.model.records import Media, Metrics, Params
from tracklib.model.trees import same

from .conftest import by_kind, train

WRITE = """
import json, math, wandb
for number, run in enumerate(json.load(open("runs.json"))):
    with wandb.init(project="any", id=f"run{number}", config=run["config"], reinit="create_new") as made:
        step = 0
        for gap, row in run["rows"]:
            step += gap
            made.log(row, step=step)
wandb.teardown()
"""

# The SDK keeps some keys for itself, drops the empty one, and takes dashes off the ends of a config's.
keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12).filter(
    lambda key: key not in ("_step", "_runtime", "_timestamp", "_wandb") and "." not in key and key == key.strip("-")
)
numbers = st.one_of(
    st.floats(width=64), st.integers(-(2**53), 2**53), st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 5e-324])
)
leaves = st.one_of(numbers, st.booleans(), st.text(st.characters(codec="utf-8"), max_size=8))
configs = st.dictionaries(
    keys,
    st.recursive(
        st.one_of(
            st.integers(-(2**60), 2**60),
            st.floats(allow_nan=False),
            st.booleans(),
            st.none(),
            st.text("aé", max_size=5),
        ),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)
rows = st.lists(st.tuples(st.integers(1, 9), st.dictionaries(keys, leaves, min_size=1, max_size=4)), max_size=8)


def test_what_was_logged_is_read(tmp_path):
    """Twenty-five made-up runs through one process of the SDK: all points, texts and params of each come back."""
    made = []

    @settings(max_examples=25, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(config=configs, rows=rows)
    def collect(config, rows):
        made.append({"config": config, "rows": rows})

    collect()
    (tmp_path / "runs.json").write_text(json.dumps(made))
    train(WRITE, tmp_path)
    source = WandbSource(WandbSettings(directory=str(tmp_path)))
    infos = {info.id: info for info in source.runs(RunQuery())}
    assert len(infos) == len(made)
    for number, run in enumerate(made):
        info = infos[f"run{number}"]
        bodies = by_kind(source.read(info))
        read = bodies[Params][0].values if bodies[Params] else {}
        assert _alike(read, run["config"]), (read, run["config"])
        expected, step = [], 0
        for gap, row in run["rows"]:
            step += gap
            expected += [(step, key, value) for key, value in row.items()]
        points = [(body.step, key, value) for body in bodies[Metrics] for key, value in body.values.items()]
        for body in bodies[Media]:
            with source.open_file(info, body.file) as file:
                points += [(step, body.key, value) for step, _, value in read_table(file.read()).rows]
        assert sorted(map(_text, points)) == sorted(map(_text, expected)), number


def _text(point):
    """Write a point so that equal ones are equal: 1 is 1.0 at W&B, true is 1, NaN is NaN, -0.0 is not 0."""
    step, key, value = point
    return repr((step, key, value if isinstance(value, str) else float(value)))


def _alike(read, given):
    """Compare configs; W&B writes a float without a fraction as an integer."""
    if isinstance(given, dict):
        return isinstance(read, dict) and read.keys() == given.keys() and all(_alike(read[k], given[k]) for k in given)
    if isinstance(given, list):
        return len(read) == len(given) and all(map(_alike, read, given))
    if isinstance(given, float):
        return same(float(read), given)
    return same(read, given)
