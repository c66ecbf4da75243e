"""Files, media and artifacts of the real ``wandb`` SDK in the emulator."""

from __future__ import annotations

import json

import pytest

from tests.testing.emulators.conftest import needs

pytestmark = [pytest.mark.server, needs("wandb")]


def test_media_are_rows_and_files(wandb_emulator, program):
    """A table, a picture and a histogram stand in the row at their step, and their files hold them exact."""
    program("""
    import numpy as np, wandb
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    with wandb.init(project="p", id="r") as run:
        run.log({"picture": wandb.Image(pixels), "several": [wandb.Image(pixels), wandb.Image(pixels)],
                 "bins": wandb.Histogram(np_histogram=([1, 2], [0.0, 0.5, 1.0])),
                 "table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2.5, "y"]])}, step=3)
    """)
    kept = wandb_emulator.run("p", "r")
    (row,) = kept.history
    files = wandb_emulator.files(kept)
    assert row["_step"] == 3
    assert row["bins"] == {"_type": "histogram", "values": [1, 2], "bins": [0, 0.5, 1]}
    assert files[row["picture"]["path"]].startswith(b"\x89PNG")
    assert [name in files for name in row["several"]["filenames"]] == [True, True]
    table = json.loads(files[row["table"]["path"]])
    assert (table["columns"], table["data"]) == (["a", "b"], [[1, "x"], [2.5, "y"]])


def test_files_are_listed_downloaded_and_deleted(wandb_emulator, program):
    """Files that a run saved, and one that the API uploads, come back byte for byte until they are deleted."""
    read = program("""
    import pathlib, wandb
    pathlib.Path("folder").mkdir()
    pathlib.Path("folder/ä b.bin").write_bytes(bytes(range(256)))
    pathlib.Path("late.txt").write_text("late")
    with wandb.init(project="p", id="r") as run:
        run.save("folder/ä b.bin", base_path=".")
    run = wandb.Api().run("p/r")
    run.upload_file("late.txt")
    names = [file.name for file in run.files()]
    some = [file.name for file in run.files(pattern="%.txt")]
    content = run.file("folder/ä b.bin").download(root="down")
    run.file("late.txt").delete()
    answer([names, some, pathlib.Path(content.name).read_bytes().hex(), [file.name for file in run.files()]])
    """)
    names, some, content, left = read
    assert {"folder/ä b.bin", "late.txt"} <= set(names)
    assert some == ["late.txt", "requirements.txt"]
    assert bytes.fromhex(content) == bytes(range(256))
    assert set(names) - set(left) == {"late.txt"}


def test_artifacts_have_versions_aliases_and_lineage(wandb_emulator, program):
    """Each content is one version; aliases move; a run's inputs and outputs are known; files and references come back."""
    read = program("""
    import pathlib, wandb
    def make(text):
        pathlib.Path("f.txt").write_text(text)
        artifact = wandb.Artifact("model", type="weights", metadata={"k": [1, 2]}, description="what")
        artifact.add_file("f.txt", name="in/f.txt")
        artifact.add_reference("https://example.com/x", name="far", checksum=False)
        return artifact
    with wandb.init(project="p", id="maker") as run:
        for text in ("one", "two", "one"):
            run.log_artifact(make(text), aliases=["best"] if text == "two" else []).wait()
    with wandb.init(project="p", id="user") as run:
        used = run.use_artifact("model:best")
        path = used.download(root="down")
    api = wandb.Api()
    versions = {a.version: sorted(a.aliases) for a in api.artifacts("weights", "p/model")}
    best = api.artifact("p/model:best")
    best.aliases.append("extra"); best.metadata["more"] = 1; best.save()
    best = api.artifact("p/model:extra")
    answer({
        "versions": versions, "text": pathlib.Path(path, "in/f.txt").read_text(), "size": best.size,
        "metadata": best.metadata, "description": best.description, "refs": best.manifest.entries["far"].ref,
        "maker": best.logged_by().id, "users": [r.id for r in best.used_by()],
        "types": [t.name for t in api.artifact_types("p")],
        "outputs": [a.name for a in api.run("p/maker").logged_artifacts()],
        "inputs": [a.name for a in api.run("p/user").used_artifacts()],
    })
    """)
    # The third content is the first again: no version is made, and it is the latest once more.
    assert read["versions"] == {"v0": ["latest"], "v1": ["best"]}
    assert (read["text"], read["refs"]) == ("two", "https://example.com/x")
    assert (read["metadata"], read["description"]) == ({"k": [1, 2], "more": 1}, "what")
    assert (read["maker"], read["users"], read["types"]) == ("maker", ["user"], ["weights"])
    assert (read["outputs"], read["inputs"]) == (["model:v0", "model:v1"], ["model:v1"])
    states = [(each.index, each.state) for each in wandb_emulator.world.state.artifacts.values()]
    assert states == [(0, "COMMITTED"), (1, "COMMITTED")]
