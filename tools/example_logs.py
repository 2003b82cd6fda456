"""Make the example logs of lesson 9 again: ``python -m tools.example_logs`` writes ``notebooks/logs/*.csv``.

``keras-csvlogger.csv`` is written by Keras' own callback during a real ``fit``: the circle with 48 irrelevant columns,
where errors become confident. ``lightning-layout.csv`` is a NumPy run (groups told apart, a 60/40 coin in each)
written in the layout of Lightning's ``metrics.csv``: training and validation in rows of their own, the rest empty.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

from lessonlib import problems
from lessonlib.network import Network, fit
from lessonlib.runs import Run

FOLDER = Path(__file__).resolve().parents[1] / "notebooks" / "logs"
N_TRAIN, N_VAL = 400, 500


def keras_log(path: Path) -> None:
    """Train the circle with irrelevant columns in Keras and let ``CSVLogger`` write the log."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    import keras

    keras.utils.set_random_seed(100)
    x, y = problems.circle(N_TRAIN + N_VAL, irrelevant_columns=48, rng=100)
    layers = [keras.layers.Dense(64, activation="relu") for _ in range(2)]
    model = keras.Sequential([keras.Input((x.shape[1],)), *layers, keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(
        x[:N_TRAIN],
        y[:N_TRAIN],
        validation_data=(x[N_TRAIN:], y[N_TRAIN:]),
        epochs=100,
        verbose=0,
        callbacks=[keras.callbacks.CSVLogger(path)],
    )


def stuck_run() -> Run:
    """Train on groups that can be told apart with a coin inside each."""
    train, val = problems.coin_groups(1_000, 1_000, rng=100)
    return fit(Network([10, 10], rng=100, scale=0), train, val, epochs=40, learning_rate=1e-3, batch_size=100, rng=100)


def write_in_lightning_layout(run: Run, path: Path, *, steps_per_epoch: int) -> None:
    """Write a run as Lightning's ``CSVLogger`` does: one row for validation and one for training in each epoch."""
    columns = ["epoch", "step", "train_acc", "train_loss", "val_acc", "val_loss"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        for epoch in range(run.n_epochs):
            for split in ("val", "train"):
                row = {f"{split}_loss": run[f"{split}_loss"][epoch], f"{split}_acc": run[f"{split}_accuracy"][epoch]}
                writer.writerow({"epoch": epoch, "step": (epoch + 1) * steps_per_epoch - 1} | row)


def main() -> None:
    """Write both logs."""
    FOLDER.mkdir(exist_ok=True)
    keras_log(FOLDER / "keras-csvlogger.csv")
    write_in_lightning_layout(stuck_run(), FOLDER / "lightning-layout.csv", steps_per_epoch=10)


if __name__ == "__main__":
    main()
