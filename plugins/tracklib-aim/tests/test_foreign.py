"""Runs that Aim's own SDK wrote, without tracklib."""

import numpy as np
import pytest
from tracklib_aim.settings import AimSettings
from tracklib_aim.source import AimSource

from tracklib.model.media import read_histogram
from tracklib.model.query import RunQuery
from tracklib.model.records import Artifact, Console, Media, Metrics, Notes, Params, RunEnd, System, Tags


@pytest.fixture
def foreign(folder, tmp_path):
    import aim  # here: importing it warns

    run = aim.Run(
        repo=str(folder),
        experiment="theirs",
        system_tracking_interval=None,
        log_system_params=False,
        capture_terminal_logs=False,
    )
    run.name, run.description = "their run", "words"
    run["lr"], run["tree"] = 0.1, {"a": [1, 2], "b": None}
    run.add_tag("dev")
    for step, value in ((0, 1.5), (5, float("nan")), (3, 2)):
        run.track(value, name="loss", step=step, context={"subset": "train"})
        run.track(value * 2, name="loss", step=step)
    run.track(55.0, name="__system__cpu", step=0)
    run.track([aim.Image(np.zeros((4, 5), dtype=np.uint8), caption="c")], name="pic", step=1)
    run.track(aim.Text("hé"), name="words", step=0, context={"media": "x"})
    run.track(aim.Distribution(hist=[1, 2], bin_range=(0, 1)), name="h", step=0)
    (tmp_path / "f.txt").write_text("content")
    run.set_artifacts_uri(f"file://{tmp_path}/store")
    run.log_artifact(str(tmp_path / "f.txt"), block=True)
    run_hash = run.hash
    run.close()
    source = AimSource(AimSettings(repo=str(folder)))
    (info,) = source.runs(RunQuery(place=run_hash))
    return source, info


def test_all_of_it_is_read(foreign):
    """Identity, params, tags, description, every point with its context, media, artifacts, system metrics."""
    source, info = foreign
    assert (info.project, info.name, info.status) == ("theirs", "their run", "finished")
    bodies = [record.body for record in source.read(info)]

    def of(kind):
        return [body for body in bodies if type(body) is kind]

    assert of(Params)[0].values == {"lr": 0.1, "tree": {"a": [1, 2], "b": None}}
    assert of(Tags) == [Tags({"dev": ""})]
    assert of(Notes) == [Notes("words")]
    points = [(key, body.step, value) for body in of(Metrics) for key, value in body.values.items()]
    assert [(key, step) for key, step, _ in points if key == 'loss{"subset":"train"}'] == [
        ('loss{"subset":"train"}', step) for step in (0, 3, 5)
    ]
    assert [str(value) for key, _, value in points if key == "loss"] == ["3.0", "4", "nan"]
    assert [body.values for body in of(System)] == [{"__system__cpu": 55.0}]
    media = {body.key: body for body in of(Media)}
    assert media["pic"].metadata == {"caption": "c", "format": "png", "width": 5, "height": 4}
    assert set(media) == {"pic", 'words{"media":"x"}', "h"}
    with source.open_file(info, media['words{"media":"x"}'].file) as content:
        assert content.read() == "hé".encode()
    with source.open_file(info, media["h"].file) as content:
        assert read_histogram(content.read()).counts == (1, 2)
    (artifact,) = of(Artifact)
    with source.open_file(info, artifact.files[0]) as content:
        assert (artifact.name, content.read()) == ("f.txt", b"content")
    assert of(Console) == []
    assert [body.status for body in of(RunEnd)] == ["finished"]
