"""Makes one vendor's SDK fail in the processes that import it, as the file that ``FOUR_FAULT`` names says."""

import importlib.machinery
import importlib.util
import json
import os
import signal
import sys
import time

INIT = {
    "mlflow": ("mlflow.tracking.client", "MlflowClient", "__init__"),
    "wandb": ("wandb", "", "init"),
    "comet": ("comet_ml.connection.connection_api", "RestApiClient", "__init__"),
    "aim": ("aim.sdk.repo", "Repo", "__init__"),
}
PACKAGES = {"mlflow": "mlflow", "wandb": "wandb", "comet": "comet_ml", "aim": "aim"}


def crash(*_args, **_options):
    os.kill(os.getpid(), signal.SIGSEGV)
    time.sleep(60)


def hang(*_args, **_options):
    time.sleep(3600)


class Spoiler(importlib.machinery.PathFinder):
    """Finds one module, and spoils it."""

    def __init__(self, vendor, kind):
        self.vendor, self.kind = vendor, kind
        self.module = PACKAGES[vendor] if kind == "import" else INIT[vendor][0]

    def find_spec(self, name, path=None, target=None):
        if name != self.module:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path, target)
        load = found.loader.exec_module

        def spoiled(module):
            if self.kind == "import":
                raise RuntimeError(f"{name} cannot be imported")
            load(module)
            _, owner, function = INIT[self.vendor]
            setattr(getattr(module, owner) if owner else module, function, crash if self.kind == "crash" else hang)

        found.loader.exec_module = spoiled
        return found


if os.environ.get("FOUR_FAULT"):
    with open(os.environ["FOUR_FAULT"]) as file:
        fault = json.load(file)
    if fault.get("kind") == "old":
        import importlib.metadata

        known = importlib.metadata.version
        old = {"mlflow": ("mlflow", "mlflow-skinny")}.get(fault["vendor"], (PACKAGES[fault["vendor"]],))
        importlib.metadata.version = lambda name: "0.9.0" if name in old else known(name)
    elif fault:
        sys.meta_path.insert(0, Spoiler(fault["vendor"], fault["kind"]))
        if sys.orig_argv[-1].startswith(f"{fault['vendor']}-"):
            os.environ["TRACKLIB_RELAY__DEADLINE"] = "20"  # this relay's own: the others' machine may be slow
