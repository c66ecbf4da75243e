"""What ``tracklib inventory --code`` says of a script that W&B's own documentation would have people write."""

from tracklib_wandb.calls import CALLS

from tracklib.portability.calls import uses_in
from tracklib.portability.vendor import vendors

SCRIPT = """
import wandb
from lightning.pytorch.loggers import WandbLogger

wandb.login()
run = wandb.init(project="p", config={"lr": 0.1})
run.config["depth"] = 4
wandb.config.update({"a": 1})
run.define_metric("acc", summary="max")
run.log({"loss": 0.5, "sample": wandb.Image(image), "cm": wandb.plot.confusion_matrix(y)})
wandb.log({"x": 1})
run.summary["best"] = 1
wandb.run.name = "n"
art = wandb.Artifact("m", type="model")
art.add_file("m.pt")
run.log_artifact(art)
folder = run.use_artifact("d:latest").download()
rows = wandb.Api().run("e/p/r").scan_history()
sweep = wandb.sweep({})
trainer = Trainer(logger=WandbLogger())
args = TrainingArguments(report_to=["wandb"])
run.finish()
"""


def test_each_line_has_its_answer():
    """Every use is found at its line, by W&B's own name, with what tracklib has for it, or that it has nothing."""
    found = {(use.line, use.call): use.instead for use in uses_in(SCRIPT, vendors()) if use.vendor == "wandb"}
    assert found == {
        (2, "import wandb"): "import tracklib",
        (5, "wandb.login"): CALLS["wandb.login"],
        (6, "wandb.init"): CALLS["wandb.init"],
        (7, "wandb.init().config[]"): "run.log_params(params)",
        (8, "wandb.config.update"): "run.log_params(params)",
        (9, "wandb.init().define_metric"): CALLS["wandb.define_metric"],
        (10, "wandb.init().log"): "run.log(values, step=...)",
        (10, "wandb.Image"): "tracklib.Image(image, caption=...)",
        (10, "wandb.plot.confusion_matrix"): "tracklib.confusion_matrix(...)",
        (11, "wandb.log"): "run.log(values, step=...)",
        (12, "wandb.init().summary[]"): "run.summary[name] = value",
        (13, "wandb.run.name"): "the name of tracklib.init()",
        (14, "wandb.Artifact"): CALLS["wandb.Artifact"],
        (15, "wandb.Artifact().add_file"): "run.log_artifact(path)",
        (16, "wandb.init().log_artifact"): CALLS["wandb.log_artifact"],
        (17, "wandb.init().use_artifact"): "run.use_artifact(name)",
        (17, "wandb.init().use_artifact().download"): "run.use_artifact(name).path",
        (18, "wandb.Api"): "tracklib.open(PLACE)",
        (18, "wandb.Api().run"): "tracklib.open(PLACE).run(id)",
        (18, "wandb.Api().run().scan_history"): "tracklib.open(PLACE).metrics(id)",
        (19, "wandb.sweep"): "",
        (20, "lightning.pytorch.loggers.WandbLogger"): "tracklib.init() before the training, run.log() in its loop",
        (21, "report_to=wandb"): "report_to=[], and run.log() in a callback",
        (22, "wandb.init().finish"): "run.finish(status=...)",
    }
