"""``wandb sync``: what tracklib wrote offline, brought to a server by W&B's own command, is the same run there."""

import dataclasses
import math
import pprint
import subprocess
import sys

from tracklib_wandb.settings import WandbSettings

from tracklib.model.records import Artifact, Console, Media, Metrics, Params, RunEnd, RunStart, Summary, System, Tags

from .conftest import Bench


def _told(body):
    """Return a body as text, whatever the order of the keys in its mappings: the server has its own."""
    return pprint.pformat(dataclasses.asdict(body), width=10_000)


def test_an_offline_run_is_synced_and_equal(wandb_emulator, tmp_path):
    """Two directories of one run, synced in their order: points, params, labels, files and status read back equal."""
    offline = Bench(WandbSettings(directory=str(tmp_path / "wandb"), entity="team"), tmp_path)
    first = [
        RunStart(offline.project, "baseline", context={"host": "h"}),
        Params({"lr": 1.0, "nan": math.nan, "m": {"depth": 4}}),
        *(Metrics({"x": i / 3, "n": i, "z": -0.0}, i // 2) for i in range(20)),
        Media("t", 1, "text", offline.file("t.txt", b"words")),
        Artifact("a", "model", (offline.file("sub/b.bin", b"content"),), ("best",)),
        Tags({"dev": "", "k": "v"}),
    ]
    second = [
        Metrics({"x": math.inf}, 3),
        Console("stdout", "line"),
        System({"cpu.percent": 1.5}),
        Summary({"best": 0.5}),
        Params({"lr": 2}),
        RunEnd("failed", 3, "boom"),
    ]
    offline.write(*first)
    offline.write(*second)
    for folder in sorted((tmp_path / "wandb").glob("offline-run-*")):
        done = subprocess.run(
            [sys.executable, "-m", "wandb", "sync", str(folder)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    here = offline.read()
    online = Bench(WandbSettings(base_url=wandb_emulator.url, api_key=wandb_emulator.api_key, entity="team"), tmp_path)
    online.id, online.project, online.info = offline.id, offline.project, offline.info
    there = online.read()
    assert there.keys() == here.keys()
    for kind in here:
        assert sorted(map(_told, there[kind])) == sorted(map(_told, here[kind])), kind
    assert online.found().status == "failed"
