"""Compare one epoch of the course's training loop with the stock tutorial loop and with Keras' fit, side by side.

The stock loop is the one of the usual CIFAR-10 tutorials: every picture is turned from an array into a PIL image, into
a tensor, and normalised, one by one, in a ``DataLoader``; it runs without worker processes and with two, and the faster
of the two counts. The network, the batches and the optimiser are the same in all loops. Machines drift, so the loops
take turns and only the ratios within a turn count. Keras gets all pictures as one normalised array, the fastest that
``fit`` knows; its tracing and compiling happen in the turn that warms up. Random pictures serve: speed does not depend
on what they show.
"""

from __future__ import annotations

import dataclasses
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from lessonlib import training

STOCK = {"stock loop": 0, "stock loop, 2 workers": 2}


class StockPictures(torch.utils.data.Dataset):
    """Pictures that are transformed one at a time when they are asked for."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels
        self.mean = torch.tensor(training.PIXEL_MEAN)[:, None, None]
        self.sd = torch.tensor(training.PIXEL_SD)[:, None, None]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        picture = Image.fromarray(self.images[index])
        tensor = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous().float().div(255)
        return (tensor - self.mean) / self.sd, int(self.labels[index])


def stock_epoch(images: np.ndarray, labels: np.ndarray, recipe: training.Recipe, n_workers: int) -> float:
    """Return the seconds of one epoch of the stock loop."""
    torch.manual_seed(0)
    network = training.build_network(recipe).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum)
    loss_function = torch.nn.CrossEntropyLoss()
    loader = torch.utils.data.DataLoader(
        StockPictures(images, labels), batch_size=recipe.batch_size, shuffle=True, num_workers=n_workers
    )
    started = time.perf_counter()
    for batch, targets in loader:
        optimizer.zero_grad()
        loss_function(network(batch), targets).backward()
        optimizer.step()
    return time.perf_counter() - started


def course_epoch(images: np.ndarray, labels: np.ndarray, recipe: training.Recipe, precision: str) -> float:
    """Return the seconds of one epoch of the course's loop, the conversion of the pictures included."""
    torch.manual_seed(0)
    started = time.perf_counter()
    network = training.build_network(recipe).to(memory_format=torch.channels_last)
    training.Trainer(recipe, network, (images, labels), seed=0, device="cpu", precision=precision).run_epoch()
    return time.perf_counter() - started


def keras_network(recipe: training.Recipe) -> object:
    """Return the network of the recipe in Keras, compiled."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    layers: list[object] = [keras.Input((32, 32, 3))]
    for channels in recipe.channels:
        layers += [
            keras.layers.Conv2D(channels, 3, padding="same", use_bias=not recipe.batch_norm),
            keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5),
            keras.layers.ReLU(),
            keras.layers.MaxPooling2D(),
        ]
    network = keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(10)])
    network.compile(
        keras.optimizers.SGD(recipe.learning_rate, momentum=recipe.momentum),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return network


def keras_epoch(network: object, images: np.ndarray, labels: np.ndarray, recipe: training.Recipe) -> float:
    """Return the seconds of one epoch of ``fit``, the conversion of the pictures included."""
    started = time.perf_counter()
    pictures = (images.astype(np.float32) / 255 - training.PIXEL_MEAN) / training.PIXEL_SD
    network.fit(pictures.astype(np.float32), labels, batch_size=recipe.batch_size, epochs=1, verbose=0)
    return time.perf_counter() - started


def compare(n_images: int, repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each loop in each turn."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n_images, 32, 32, 3), dtype=np.uint8)
    labels = rng.integers(0, 10, n_images)
    recipe = dataclasses.replace(training.RECIPES["main"], n_train=n_images)
    loops: dict[str, Callable[[], float]] = {
        name: lambda n_workers=n_workers: stock_epoch(images, labels, recipe, n_workers)
        for name, n_workers in STOCK.items()
    }
    for precision in dict.fromkeys(("float32", training.choose_precision("cpu"))):
        loops[f"course, {precision}"] = lambda p=precision: course_epoch(images, labels, recipe, p)
    network = keras_network(recipe)
    loops["Keras fit"] = lambda: keras_epoch(network, images, labels, recipe)
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for turn in range(repeats + 1):
        for name, loop in loops.items():
            taken = loop()
            if turn:  # the first turn warms up
                seconds[name].append(taken)
    return seconds


def table(seconds: dict[str, list[float]]) -> str:
    """Return the result as a Markdown table: median seconds, and how many times as fast as stock, with its range."""
    stock = [min(turn) for turn in zip(*(seconds[name] for name in STOCK), strict=True)]
    lines = ["| loop | median s per epoch | times as fast as the stock loop (range) |", "|---|---|---|"]
    for name, values in seconds.items():
        ratios = [a / b for a, b in zip(stock, values, strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append(f"| {name} | {statistics.median(values):.1f} | {spread} |")
    return "\n".join(lines)


def report(n_images: int = 10_000, repeats: int = 3) -> str:
    """Measure and return a Markdown table with what was measured above it."""
    threads = f"{n_images:,} pictures, {torch.get_num_threads()} threads, {repeats} turns."
    return f"{threads}\n\n{table(compare(n_images, repeats))}"
