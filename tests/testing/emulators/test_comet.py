"""The real ``comet_ml`` SDK in the emulator: written online and offline, read back by the SDK and by the state."""

from __future__ import annotations

import pytest

from tests.testing.emulators.conftest import needs

pytestmark = [pytest.mark.server, needs("comet_ml")]

KEY = "a" * 36
START = f"""
import comet_ml, math, pathlib
experiment = comet_ml.start(project_name="p", experiment_key={KEY!r}, experiment_config=comet_ml.ExperimentConfig(
    name="shown", tags=["one"], log_code=False, log_graph=False, log_git_metadata=False, log_git_patch=False))
"""


def test_an_experiment_reads_back_as_it_was_written(comet_emulator, program):
    """Metrics with steps, epochs and contexts, parameters, tags, others and the state; all values are texts."""
    program(
        START
        + """
for step in range(20):
    experiment.log_metric("loss", 1 / (step + 3), step=step, epoch=step // 5)
experiment.log_metrics({"bad": math.nan, "high": math.inf, "big": 2**60 + 1}, step=1)
with experiment.train():
    experiment.log_metric("acc", 0.5, step=3)
experiment.log_parameters({"lr": 0.1, "flag": True, "net": {"depth": 4}, "text": "ä"})
experiment.add_tag("two")
experiment.log_other("k", "v")
experiment.end()
"""
    )
    kept = comet_emulator.experiments[KEY]
    assert kept.series("loss") == [(step, str(1 / (step + 3))) for step in range(20)]
    assert [kept.series(name)[0][1] for name in ("bad", "high", "big")] == ["NaN", "Infinity", str(2**60 + 1)]
    assert (kept.name, kept.running, kept.crashed, kept.tags) == ("shown", False, False, ["one", "two"])
    read = program(f"""
    import comet_ml
    experiment = comet_ml.API().get_experiment_by_key({KEY!r})
    answer({{
        "loss": [(m["step"], m["epoch"], float(m["metricValue"])) for m in experiment.get_metrics("loss")],
        "context": [m["runContext"] for m in experiment.get_metrics("train_acc")],
        "parameters": {{p["name"]: p["valueCurrent"] for p in experiment.get_parameters_summary()}},
        "least": experiment.get_metrics_summary("loss")["valueMin"],
        "others": experiment.get_others_summary("k"),
        "facts": [experiment.name, experiment.get_state(), experiment.get_tags()],
    }})
    """)
    assert [tuple(row) for row in read["loss"]] == [(step, step // 5, 1 / (step + 3)) for step in range(20)]
    parameters = {name: read["parameters"][name] for name in ("lr", "flag", "net|depth", "text")}
    assert parameters == {"lr": "0.1", "flag": "true", "net|depth": "4", "text": "ä"}
    assert (read["context"], read["least"], read["others"]) == (["train"], str(1 / 22), ["v"])
    assert read["facts"] == ["shown", "finished", ["one", "two"]]


def test_assets_and_artifacts_come_back_byte_for_byte(comet_emulator, program):
    """Files with their names, steps and metadata, a picture, a link, and an artifact's version by its alias."""
    read = program(
        START
        + f"""
import numpy as np
pathlib.Path("f.bin").write_bytes(bytes(range(256)) + b"\\r\\n--x\\r\\n")
experiment.log_asset("f.bin", file_name="folder/ä b.bin", metadata={{"a": 1}}, step=3)
experiment.log_image(np.arange(48, dtype=np.uint8).reshape(4, 4, 3), name="picture", step=4)
experiment.log_remote_asset("s3://bucket/x", remote_file_name="far")
artifact = comet_ml.Artifact("data", "dataset", aliases=["best"], metadata={{"q": 1}})
artifact.add("f.bin", logical_path="in/f.bin")
experiment.log_artifact(artifact)
experiment.end()
used = comet_ml.start(project_name="p", experiment_key={"b" * 36!r}).get_artifact("data", version_or_alias="best")
used.download("down", overwrite_strategy="OVERWRITE")
experiment = comet_ml.API().get_experiment_by_key({KEY!r})
assets = {{a["fileName"]: a for a in experiment.get_asset_list()}}
answer([[(a["type"], a["step"], a["metadata"], a["remote"]) for a in map(assets.get, ("folder/ä b.bin", "picture", "far"))],
        experiment.get_asset(assets["folder/ä b.bin"]["assetId"]).hex(),
        pathlib.Path("down/in/f.bin").read_bytes().hex(), str(used.version), used.metadata,
        [[a["artifactName"] for a in comet_ml.APIExperiment(previous_experiment=key).get_artifact_lineage(way)["artifacts"]]
         for key in ({KEY!r}, {"b" * 36!r}) for way in ("output", "input", "all")]])
"""
    )
    listed, asset, artifact, version, metadata, lineage = read
    assert lineage == [["data"], [], ["data"], [], ["data"], ["data"]]
    expected = bytes(range(256)) + b"\r\n--x\r\n"
    assert listed[0] == ["asset", 3, '{"a":1}', False]
    assert (listed[1][:2], listed[2][0], listed[2][3]) == (["image", 4], "asset", True)
    assert bytes.fromhex(asset) == bytes.fromhex(artifact) == expected
    assert (version, metadata) == ("1.0.0", {"q": 1})
    assert comet_emulator.assets(KEY)["folder/ä b.bin"] == expected


def test_an_offline_archive_is_uploaded(comet_emulator, program):
    """``comet upload`` delivers what an experiment kept offline, with its times."""
    program(f"""
    import comet_ml, os, subprocess, sys
    experiment = comet_ml.OfflineExperiment(project_name="p", experiment_key={KEY!r}, offline_directory="off")
    for step in range(10):
        experiment.log_metric("x", step / 7, step=step)
    experiment.log_parameter("lr", 0.5)
    experiment.end()
    subprocess.run([os.path.join(os.path.dirname(sys.executable), "comet"), "upload", "off/{KEY}.zip"], check=True)
    """)
    kept = comet_emulator.experiments[KEY]
    # An upload sends the points of one metric in an order of its own.
    assert sorted(kept.series("x")) == [(step, str(step / 7)) for step in range(10)]
    assert (kept.parameters["lr"]["value"], kept.offline, kept.running) == ("0.5", True, False)
    assert kept.end >= kept.start > 0


def test_an_archive_that_is_uploaded_again_goes_on_with_its_experiment(comet_emulator, program):
    """An experiment that is there is refused in the words that the SDK knows, and ``get_or_create`` goes on with it."""
    said = program(f"""
    import comet_ml, json, os, subprocess, sys, zipfile
    experiment = comet_ml.OfflineExperiment(project_name="p", experiment_key={KEY!r}, offline_directory="off")
    experiment.log_parameter("lr", 0.5)
    experiment.end()
    upload = [os.path.join(os.path.dirname(sys.executable), "comet"), "upload"]
    codes = [subprocess.run([*upload, "off/{KEY}.zip"]).returncode for _ in range(2)]
    with zipfile.ZipFile("off/{KEY}.zip") as archive, zipfile.ZipFile("again.zip", "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "experiment.json":
                content = json.dumps({{**json.loads(content), "resume_strategy": "get_or_create"}})
            copy.writestr(name, content)
    codes.append(subprocess.run([*upload, "again.zip"]).returncode)
    answer(codes)
    """)
    assert said == [0, 1, 0]
    assert list(comet_emulator.experiments) == [KEY]


def test_the_api_writes_times_and_states(comet_emulator, program):
    """``APIExperiment`` sets times of points and of the experiment, its state, its tags and its parameters."""
    program("""
    import comet_ml
    experiment = comet_ml.APIExperiment(workspace="team", project_name="q")
    experiment.log_metric("m", 1.5, step=3, timestamp=1000.25)
    experiment.log_parameter("p", 2)
    experiment.add_tags(["t"])
    experiment.set_start_time(5000)
    experiment.set_end_time(6000)
    experiment.set_state("crashed")
    """)
    (kept,) = comet_emulator.experiments.values()
    assert (kept.project, kept.start, kept.end, kept.crashed, kept.tags) == ("q", 5000, 6000, True, ["t"])
    assert [(p["metricValue"], p["step"], p["timestamp"]) for p in kept.points] == [("1.5", 3, 1000250)]


def test_many_points_are_thinned_out_and_exported_in_full(comet_emulator, program):
    """More points than the limit read back as so many; the export of the metric holds them all."""
    comet_emulator.world.sampled_above = 50
    read = program(
        START
        + f"""
for step in range(200):
    experiment.log_metric("a/b", step, step=step)
experiment.end()
experiment = comet_ml.API().get_experiment_by_key({KEY!r})
answer([len(experiment.get_metrics("a/b")), experiment.get_metric_total_df("a/b")["value"].tolist()])
"""
    )
    assert read == [50, list(range(200))]


def test_projects_are_listed_and_queried(comet_emulator, program):
    """Experiments are found by metric, parameter and tag, page by page too."""
    read = program("""
    import comet_ml
    from comet_ml.query import Metric, Parameter, Tag
    for n in range(5):
        experiment = comet_ml.APIExperiment(workspace="team", project_name="q", experiment_name=f"e{n}")
        experiment.log_metric("loss", n / 10, step=0)
        experiment.log_parameter("depth", n)
        experiment.add_tags(["even" if n % 2 == 0 else "odd"])
    api = comet_ml.API()
    def names(found):
        return sorted(experiment.name for experiment in found)
    answer([api.get_projects("team"), names(api.get_experiments("team", "q")),
            names(api.query("team", "q", Metric("loss") < 0.25)),
            names(api.query("team", "q", (Parameter("depth") >= 2) & Tag("even")))])
    """)
    assert read == [["q"], ["e0", "e1", "e2", "e3", "e4"], ["e0", "e1", "e2"], ["e2", "e4"]]


def test_a_key_that_is_not_known_is_refused(comet_emulator, program, monkeypatch):
    """The SDK says that the key is invalid, and nothing arrives."""
    monkeypatch.setenv("COMET_API_KEY", "x" * 25)
    said = program("""
    import comet_ml
    try:
        comet_ml.API().get_workspaces()
    except Exception as error:
        answer(type(error).__name__)
    """)
    assert said in {"Unauthorized", "InvalidRestAPIKey", "CometRestApiException", "InvalidAPIKey"}
    assert not comet_emulator.experiments
