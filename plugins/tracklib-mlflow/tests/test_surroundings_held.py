"""What surrounds a run, at a real MLflow: shown under MLflow's own names, and read back as it was."""

import math
import re
from pathlib import Path

from tracklib_mlflow.system import natives_of

from tracklib.model.records import Artifact, Console, Context, Metrics, RunStart, System

GIT = {"commit": "9fceb02d0ae598e95dc970b74767f19372d61af8", "branch": "main", "remote": "https://host/a.git"}
SAMPLE = {
    "cpu.percent": 12.5,
    "memory.used": 2_500_000_000,
    "memory.percent": 10.25,
    "gpu.0.utilization": 97,
    "gpu.0.memory.used": 20_000_000,
    "gpu.0.memory.percent": 25.0,
    "gpu.0.power": 350.5,
    "gpu.0.power.percent": 50.0,
    "gpu.11.temperature": math.nan,
    "disk.used": 1_000_000,
    "disk.free": 1_000_000,
    "disk.percent": 50.0,
    "network.received_bytes": 0,
    "network.sent_bytes": 2**70,
    "process.count": 3,
    "new figure": 1,
}


def test_samples_are_shown_under_mlflows_names_and_read_back_exactly(bench):
    """MLflow's page has its own names and units; reading gives the very samples, and no metric that nobody logged."""
    bench.write(System(SAMPLE), Metrics({"loss": 0.5}, 1), System({"cpu.percent": 99.0}))
    held = bench.raw.data.metrics
    assert held["system/cpu_utilization_percentage"] == 99.0
    assert held["system/system_memory_usage_megabytes"] == 2500.0
    assert held["system/gpu_0_utilization_percentage"] == 97
    assert held["system/gpu_0_memory_usage_megabytes"] == 20.0
    assert held["system/gpu_0_power_usage_watts"] == 350.5
    assert math.isnan(held["system/gpu_11_temperature_celsius"])
    assert held["system/process_count"] == 3
    bodies = bench.read()
    samples = [body.values for body in bodies[System]]
    assert [list(sample) for sample in samples] == [list(SAMPLE), ["cpu.percent"]]
    assert all(samples[0][key] == value for key, value in SAMPLE.items() if value == value)
    assert [body.values for body in bodies[Metrics]] == [{"loss": 0.5}]


def test_a_sample_that_comes_again_is_the_same_points(bench):
    """Sending twice leaves one point for each figure."""
    records = bench.records(System({"cpu.percent": 1.0}), System({"cpu.percent": 2.0}), step_ns=10**9)
    sink = bench.sink()
    for _ in range(2):
        sink.send(records)
    sink.close()
    history = bench.client.get_metric_history(bench.raw.info.run_id, "system/cpu_utilization_percentage")
    assert [point.value for point in history] == [1.0, 2.0]
    assert len({point.step for point in history}) == 2


def test_the_names_are_mlflows_own():
    """Every figure that MLflow's monitors log has the name here that they give it."""
    import mlflow.system_metrics.metrics as monitors

    text = "".join(
        path.read_text() for path in Path(monitors.__path__[0]).glob("*_monitor.py") if "rocm" not in path.name
    )
    theirs = {re.sub(r"\{i\}", "0", name) for name in re.findall(r'_metrics\[f?"([^"]+)"\]', text)}
    sample = {**SAMPLE, "gpu.0.memory.percent": 1, "disk.percent": 1}
    record = type("Record", (), {"body": System(sample), "time": 10**18})()
    ours = {point.key.removeprefix("system/") for point in natives_of(record, 0)}
    assert len(theirs) >= 12
    assert theirs - ours == set()


def test_a_callers_own_metrics_of_that_name_are_the_callers(bench):
    """A metric that is logged under a name of MLflow's system metrics is read back as what it is."""
    bench.write(Metrics({"system/cpu_utilization_percentage": 0.5, "system": 1.0}, 3), System({"cpu.percent": 7.0}))
    assert {key: [value for value, _, _ in points] for key, points in bench.points().items()} == {
        "system/cpu_utilization_percentage": [0.5],
        "system": [1.0],
    }


def test_git_is_shown_by_mlflow(bench):
    """The commit that was learned after the start stands where MLflow's pages look for it, and is read back."""
    bench.write(
        RunStart("p", "n", context={"script": "train.py"}), Context({"git": GIT}), Context({"packages": {"a": "1"}})
    )
    tags = bench.raw.data.tags
    assert tags["mlflow.source.git.commit"] == GIT["commit"]
    assert tags["mlflow.source.git.branch"] == "main"
    assert tags["mlflow.source.git.repoURL"] == GIT["remote"]
    assert tags["mlflow.source.name"] == "train.py"
    read = bench.read()
    assert read[Context] == [
        Context({"git": GIT}),
        Context({"packages": {"a": "1"}}),
    ]


def test_the_console_is_text_for_people(bench):
    """What was printed lies as text among the artifacts, and is read back exactly, as no artifact."""
    bench.write(Console("stdout", "epoch 1\n"), Console("stderr", "warned \udcff\n"), Console("stdout", "epoch 2\n"))
    (file,) = bench.client.list_artifacts(bench.raw.info.run_id, "tracklib/console")
    path = bench.client.download_artifacts(bench.raw.info.run_id, file.path)
    assert Path(path).read_bytes().decode("utf-8", "surrogatepass") == "epoch 1\nwarned \udcff\nepoch 2\n"
    read = bench.read()
    assert [body.text for body in read[Console]] == ["epoch 1\n", "warned \udcff\n", "epoch 2\n"]
    assert read[Artifact] == []
