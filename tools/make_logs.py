"""Make the logs in tests/logs with the tools that write them: ``python tools/make_logs.py``.

Needs ``lightning``, ``tensorboard``, ``transformers`` and ``accelerate`` beside the course's own packages; the tests do
not, they read what is here.
"""

from __future__ import annotations

import gzip
import json
import logging
import shutil
import tempfile
import warnings
from pathlib import Path

import lightning
import numpy as np
import torch
from lightning.pytorch.loggers import CSVLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.tensorboard import SummaryWriter

HERE = Path(__file__).resolve().parents[1] / "tests" / "logs"


class Classifier(lightning.LightningModule):
    """A softmax regression that logs as Lightning's documentation does: per step and per epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def _score(self, batch: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = batch
        logits = self.layer(x)
        return nn.functional.cross_entropy(logits, y), (logits.argmax(1) == y).float().mean()

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        loss, accuracy = self._score(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        self.log("train_acc", accuracy, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: list[torch.Tensor], _: int) -> None:
        loss, accuracy = self._score(batch)
        self.log_dict({"val_loss": loss, "val_acc": accuracy})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def _data(seed: int, n: int) -> DataLoader:
    torch.manual_seed(seed)
    x = torch.randn(n, 4)
    return DataLoader(TensorDataset(x, x[:, :3].argmax(1)), batch_size=20)


def write_lightning(target: Path) -> None:
    """Train for six epochs and keep metrics.csv with its ragged rows."""
    lightning.seed_everything(0, verbose=False)
    with tempfile.TemporaryDirectory() as folder:
        logger = CSVLogger(folder, name="run")
        trainer = lightning.Trainer(
            max_epochs=6, logger=logger, log_every_n_steps=2, accelerator="cpu", enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(Classifier(), _data(0, 200), _data(1, 100))
        shutil.copy(Path(logger.log_dir) / "metrics.csv", target)


def _pack(file: Path, target: Path) -> None:
    with open(target, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
        packed.write(file.read_bytes())


def write_keras_events() -> None:
    """Train with Keras' TensorBoard callback, which writes one file for training and one for validation."""
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(0).normal(size=(100, 4))
    with tempfile.TemporaryDirectory() as folder:
        board = keras.callbacks.TensorBoard(folder, write_graph=False)
        history = model.fit(x, x[:, :3].argmax(1), validation_split=0.4, epochs=5, verbose=0, callbacks=[board]).history
        for part in ("train", "validation"):
            (file,) = (Path(folder) / part).glob("*tfevents*")
            _pack(file, HERE / f"keras_events_{part}.gz")
    (HERE / "keras_history.json").write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")


class HuggingFaceClassifier(nn.Module):
    """The same softmax regression as Hugging Face's Trainer wants it: loss and logits in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.layer(x)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def write_trainer_state(target: Path) -> None:
    """Train for six epochs, log every fourth of ten steps, evaluate once an epoch, and keep trainer_state.json."""
    import transformers

    def examples(seed: int, n: int) -> list[dict[str, torch.Tensor]]:
        return [{"x": x, "labels": y} for x, y in _data(seed, n).dataset]

    transformers.set_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        options = transformers.TrainingArguments(
            folder, num_train_epochs=6, per_device_train_batch_size=20, learning_rate=0.05, logging_steps=4,
            eval_strategy="epoch", save_strategy="no", report_to=[], use_cpu=True, disable_tqdm=True,
        )  # fmt: skip
        trainer = transformers.Trainer(
            HuggingFaceClassifier(), options, train_dataset=examples(0, 200), eval_dataset=examples(1, 100),
            compute_metrics=lambda found: {"accuracy": float((found.predictions.argmax(1) == found.label_ids).mean())},
        )  # fmt: skip
        trainer.train()
        trainer.save_state()
        shutil.copy(Path(folder) / "trainer_state.json", target)


def write_torch_events(target: Path, answer: Path) -> None:
    """Write an event file with PyTorch, and what TensorBoard's own reader finds in it."""
    with tempfile.TemporaryDirectory() as folder:
        writer = SummaryWriter(folder)
        for epoch in range(8):
            writer.add_scalar("Loss/train", 1 / (epoch + 1), epoch)
            writer.add_scalar("Loss/val", 1 / (epoch + 1) + 0.05 * epoch, epoch)
            writer.add_scalar("Accuracy/val", 1 - 0.5 / (epoch + 1), epoch)
            writer.add_text("remark", "not a number", epoch)
        writer.close()
        (file,) = Path(folder).glob("*tfevents*")
        _pack(file, target)
        found = EventAccumulator(folder).Reload()
        tags = found.Tags()["scalars"]
        scalars = {tag: [[event.step, event.value] for event in found.Scalars(tag)] for tag in tags}
        answer.write_text(json.dumps(scalars, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    write_lightning(HERE / "lightning_metrics.csv")
    write_keras_events()
    write_trainer_state(HERE / "trainer_state.json")
    write_torch_events(HERE / "torch_events.gz", HERE / "torch_events.json")
