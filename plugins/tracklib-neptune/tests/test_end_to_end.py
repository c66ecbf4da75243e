"""From an export to a journal root and to MLflow: migrated, verified equal, and back."""

import datetime as dt
import os
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tracklib.cli.main import app
from tracklib.model.query import RunQuery
from tracklib.model.records import Artifact, Media, Metrics
from tracklib.portability.compare import compare
from tracklib.portability.copy import copy_run
from tracklib.portability.places import open_place
from tracklib.portability.snapshot import snapshot

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30


@pytest.fixture(autouse=True)
def _plain(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "TRACKLIB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TRACKLIB_DIR", str(tmp_path / "root"))
    monkeypatch.chdir(tmp_path)


def run(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.output


@pytest.fixture
def full(export):
    """Three runs with some of everything, in several parts."""
    row, base = export.row, export.BASE
    for number in range(3):
        run_id = f"RUN-{number}"
        tags = {"tags": ("string_set", ["dev"]), "owner": ("string", "ada"), "description": ("string", "words")}
        rows = export.sys_rows(f"run {number}", **tags)
        rows += [row("parameters/lr", "float", 0.1), row("parameters/when", "datetime", export.moment(base))]
        rows += [row("parameters/names", "string_set", ["a", "b"]), row("test/acc", "float", 0.9)]
        values = [0.5, None, float("inf"), float("-inf"), -0.0, 5e-324]
        series = [row("train/loss", "float_series", value, step, base + step) for step, value in enumerate(values)]
        series += [row("val/loss", "float_series", step / 7, step * 0.5, base + step) for step in range(100)]
        series += [row("monitoring/x/cpu", "float_series", 1.0, 0, base)]
        series += [row("monitoring/x/stdout", "string_series", "hello", 0, base)]
        series += [row("notes", "string_series", f"text {step}", step, base) for step in range(3)]
        histogram = {"type": "COUNTING", "edges": [0.0, 0.5, 1.0], "values": [1.0, 2.0]}
        series += [row("weights", "histogram_series", histogram, 0, base)]
        files = [row("model/best", "file", export.file(f"{run_id}/model/best", bytes([number]) * 100))]
        files += [
            row("plots", "file_series", export.file(f"{run_id}/plots/{i}", PNG + bytes([i])), i, base) for i in (0, 1)
        ]
        export.write(rows, series, files, run_id=run_id)
    return export


@pytest.mark.filterwarnings("ignore::Warning")  # MLflow uses what others have deprecated
@pytest.mark.parametrize("vendor", ["local", "mlflow"])
def test_an_export_goes_anywhere_and_is_equal_there(full, tmp_path, vendor):
    """``migrate`` copies each run once and refuses nothing, ``verify`` finds all of it equal, and so it is on the way back."""
    if vendor == "mlflow":
        pytest.importorskip("tracklib_mlflow")
    there = f"local:{tmp_path}/there" if vendor == "local" else f"mlflow:sqlite:///{tmp_path}/mlflow.db"
    code, output = run("migrate", "neptune:./exports", there)
    assert code == 0, output
    assert "3 runs: 3 copied; 318 points" in output
    code, output = run("migrate", "neptune:./exports", there)
    assert "3 runs: 3 unchanged" in output
    code, output = run("verify", "neptune:./exports", there)
    assert code == 0, output
    code, output = run("migrate", there, f"local:{tmp_path}/back")
    assert code == 0, output
    code, output = run("verify", "neptune:./exports", f"local:{tmp_path}/back")
    assert code == 0, output


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
MOMENTS = st.integers(0, 2_000_000_000_000)
STEPS = st.floats(-1e6, 1e6).map(lambda step: Decimal(step).quantize(Decimal("1.000000"))).map(str)
SINGLE = st.one_of(
    st.tuples(st.just("int"), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just("float"), st.floats(allow_nan=False)),
    st.tuples(st.just("string"), st.text(st.characters(exclude_categories=["Cs"]))),
    st.tuples(st.just("bool"), st.booleans()),
    st.tuples(st.just("datetime"), MOMENTS.map(lambda ms: dt.datetime.fromtimestamp(ms // 1000, dt.timezone.utc))),
    st.tuples(st.just("string_set"), st.lists(NAMES, unique=True)),
)
EDGES = st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=5, unique=True).map(sorted)
SERIES = st.one_of(
    st.tuples(st.just("float_series"), st.one_of(st.none(), st.floats(allow_nan=False))),
    st.tuples(st.just("string_series"), st.text(st.characters(exclude_categories=["Cs"]))),
    st.tuples(
        st.just("histogram_series"),
        EDGES.map(
            lambda edges: {"type": "COUNTING", "edges": edges, "values": [float(i) for i in range(len(edges) - 1)]}
        ),
    ),
)
RUNS = st.tuples(
    st.dictionaries(NAMES, SINGLE, max_size=6),
    st.lists(st.tuples(NAMES, SERIES, STEPS, MOMENTS), max_size=30),
    st.dictionaries(NAMES, st.binary(max_size=50), max_size=3),
    st.integers(1, 4),
)


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(made=RUNS)
def test_any_export_is_equal_in_a_journal_root(export, tmp_path_factory, made):
    """Whatever an export holds, every row is read, nothing is refused, and the copy is equal."""
    single, series, files, parts = made
    folder, run_id = tmp_path_factory.mktemp("any"), "RUN-1"
    export = type(export)(folder / "exports")
    rows = [export.row(path, *typed) for path, typed in single.items()]
    rows += [export.row(path, kind, value, step, time) for path, (kind, value), step, time in series]
    for index, (path, content) in enumerate(files.items()):
        rows.append(export.row(path, "file", export.file(f"{run_id}/{index}", content)))
    chunks = [rows[part::parts] for part in range(parts)]
    export.write([*export.sys_rows(), *chunks[0]], *chunks[1:], run_id=run_id)
    source = export.source()
    info = export.info(run_id)
    (folder / "scratch").mkdir()
    place = open_place(f"local:{folder / 'root'}")
    progress = copy_run(source, info, place.sink, folder / "scratch")
    assert not progress.tally.refused
    records = list(source.read(info))
    (copy,) = place.source().runs(RunQuery())
    left, right = snapshot(run_id, records), snapshot(run_id, place.source().read(copy))
    result = compare(left, right, place.source().capabilities)
    assert result.equal, [str(difference) for difference in result.differences]
    of_kind = [kind for _, (kind, _), _, _ in series]
    monitored = [path for path, _, _, _ in series if path.startswith(("monitoring/", "runtime/"))]
    if not monitored:
        assert sum(isinstance(record.body, Metrics) for record in records) == of_kind.count("float_series")
        assert sum(isinstance(record.body, Media) for record in records) == len(of_kind) - of_kind.count("float_series")
    assert sum(isinstance(record.body, Artifact) for record in records) == len(files)
    held = {**left.state.params, **left.state.summary, **left.state.context}
    assert set(single) - {path for path in single if path.startswith("sys/")} <= set(held)
