"""A tiny synthetic data set in CIFAR-10's file format, for tests; no number from it says anything about CIFAR-10."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np

from lessonlib import cifar10


def make_tiny_cifar10(folder: str | os.PathLike[str], *, n_per_file: int = 40, rng: int = 0) -> Path:
    """Write the folder ``cifar-10-batches-py`` with so many images in each of its six files, and return it.

    Each class is a colour gradient in its own direction plus noise, so that a network can learn it.
    """
    generator = np.random.default_rng(rng)
    rows, columns = np.mgrid[0:32, 0:32] / 31 - 0.5
    target = Path(folder) / "cifar-10-batches-py"
    target.mkdir(parents=True)
    for name in (*cifar10.TRAIN_FILES, cifar10.TEST_FILE):
        labels = np.arange(n_per_file) % 10
        angle = labels * (2 * np.pi / 10)
        slope = np.cos(angle)[:, None, None] * rows + np.sin(angle)[:, None, None] * columns
        pixels = 128 + 110 * slope[:, None] + generator.normal(0, 30, (n_per_file, 3, 32, 32))
        batch = {
            b"data": pixels.clip(0, 255).astype(np.uint8).reshape(n_per_file, 3072),
            b"labels": labels.tolist(),
        }
        # Protocol 2, that of the official files: arrays under the default of Python 3.14 name another function.
        (target / name).write_bytes(pickle.dumps(batch, protocol=2))
    return target
