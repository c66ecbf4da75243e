"""Train a small network on scikit-learn's handwritten digits, and track it.

    python examples/digits.py                                          # into .tracklib, on this disk
    TRACKLIB_BACKENDS=mlflow MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python examples/digits.py

Nothing in here knows where the run goes, and what it prints does not depend on that.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import tracklib

CONFIG: dict[str, Any] = {
    "data": {"name": "digits", "test_share": 0.2, "seed": 0},
    "model": {"layers": [64, 32], "activation": "relu", "l2": 1e-4, "seed": 0},
    "train": {"lr": 2e-3, "batch": 64, "epochs": 12, "shuffle_seed": 0},
}


def main() -> None:
    """Train, and track the training."""
    parser = argparse.ArgumentParser(description="Train on scikit-learn's digits.")
    parser.add_argument("--epochs", type=int, default=CONFIG["train"]["epochs"])
    parser.add_argument("--pause", type=float, default=0.0, help="seconds by which each epoch is drawn out")
    options = parser.parse_args()
    config = {**CONFIG, "train": {**CONFIG["train"], "epochs": options.epochs}}

    with tracklib.init(
        project="digits",
        name="mlp",
        config=config,
        tags={"dataset": "digits", "framework": "scikit-learn", "example": ""},
        notes="A two-layer perceptron on 8x8 pictures of handwritten digits.",
    ) as run:
        run.define_metric("val/accuracy", summary=("best", "last"), goal="maximize")
        run.define_metric("val/loss", summary="min")
        train(run, config, options.pause)


def train(run: tracklib.Tracker, config: dict[str, Any], pause: float) -> None:
    """Train for some epochs; record each batch and each epoch, and at the end what came of it."""
    images, labels = load_digits(return_X_y=True)
    data = config["data"]
    x, x_val, y, y_val = train_test_split(
        images / 16.0, labels, test_size=data["test_share"], random_state=data["seed"], stratify=labels
    )
    model = make_model(config)
    step = 0
    for epoch in range(1, config["train"]["epochs"] + 1):
        batches = list(batches_of(len(x), config["train"], epoch))
        for rows in batches:
            model.partial_fit(x[rows], y[rows], classes=np.arange(10))
            run.log({"train/loss": model.loss_}, step=step)
            step += 1
            time.sleep(pause / len(batches))
        guess = model.predict_proba(x_val)
        loss, accuracy = log_loss(y_val, guess), accuracy_score(y_val, guess.argmax(axis=1))
        run.log({"val/loss": loss, "val/accuracy": accuracy, "epoch": epoch}, step=step - 1)
        print(
            f"epoch {epoch:2}/{config['train']['epochs']}  loss {loss:.4f}  accuracy {accuracy * 100:5.2f} %",
            flush=True,
        )

    with tempfile.TemporaryDirectory() as folder:
        table = save_confusion(Path(folder), confusion_matrix(y_val, model.predict(x_val)))
        run.log_artifact(table, name="confusion", type="evaluation")
        saved = save_model(Path(folder), model)
        run.log_artifact(saved, name="classifier", type="model", aliases=["latest"], metadata={"accuracy": accuracy})


def make_model(config: dict[str, Any]) -> MLPClassifier:
    """Return an untrained network."""
    model = config["model"]
    return MLPClassifier(
        hidden_layer_sizes=model["layers"],
        activation=model["activation"],
        alpha=model["l2"],
        learning_rate_init=config["train"]["lr"],
        random_state=model["seed"],
    )


def batches_of(count: int, train: dict[str, Any], epoch: int) -> Iterator[np.ndarray]:
    """Yield the rows of each batch of an epoch, shuffled in the same way each time the script runs."""
    order = np.random.default_rng([train["shuffle_seed"], epoch]).permutation(count)
    for start in range(0, count, train["batch"]):
        yield order[start : start + train["batch"]]


def save_confusion(folder: Path, matrix: np.ndarray) -> Path:
    """Write a confusion matrix as CSV: a row for each true digit, a column for each predicted one."""
    path = folder / "confusion.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["true", *range(10)])
        writer.writerows([digit, *row] for digit, row in enumerate(matrix.tolist()))
    return path


def save_model(folder: Path, model: MLPClassifier) -> Path:
    """Write a network and a word about it into a folder."""
    path = folder / "classifier"
    path.mkdir()
    joblib.dump(model, path / "model.joblib")
    about = {"kind": type(model).__name__, "inputs": 64, "classes": model.classes_.tolist()}
    (path / "about.json").write_text(json.dumps(about, indent=2))
    return path


if __name__ == "__main__":
    main()
