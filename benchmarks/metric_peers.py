"""Compare the course's metrics with those of scikit-learn, torchmetrics, PyTorch and SciPy, on the same predictions.

Every peer gets float32 arrays or tensors of the kind that it wants, made before the clock starts; their values must
agree. The course checks what it is given (finite numbers, labels in range, rows that sum to one) and works in float64
on one core; torch works in float32 and checks almost nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.turns import ratio, take_turns
from lessonlib import calibration, metrics

SIZES = ((10_000, 10), (100_000, 10), (10_000, 100))


def predictions(n: int, n_classes: int) -> tuple[NDArray, NDArray, NDArray]:
    """Return labels, logits and probabilities, float32 as networks give them."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1, (n, n_classes)).astype(np.float32)  # far from where scikit-learn clips
    return rng.integers(n_classes, size=n), logits, metrics.softmax(logits).astype(np.float32)


def jobs(n: int, n_classes: int) -> dict[str, dict[str, Callable[[], float]]]:
    """Return, for each metric, the ways to compute it, the course's first."""
    import torch
    from scipy import special
    from sklearn import metrics as sklearn
    from torchmetrics.functional import classification

    labels, logits, probabilities = predictions(n, n_classes)
    y, z, p = map(torch.from_numpy, (labels, logits, probabilities))
    every, plain = np.arange(n_classes), {"num_classes": n_classes, "validate_args": False}
    return {
        "accuracy": {
            "course": lambda: metrics.accuracy(labels, probabilities),
            "scikit-learn": lambda: sklearn.accuracy_score(labels, probabilities.argmax(axis=1)),
            "torchmetrics": lambda: classification.multiclass_accuracy(p, y, average="micro", **plain).item(),
        },
        "log loss of probabilities": {
            "course": lambda: metrics.cross_entropy(labels, probabilities=probabilities),
            "scikit-learn": lambda: sklearn.log_loss(labels, probabilities, labels=every),
        },
        "cross-entropy of logits": {
            "course": lambda: metrics.cross_entropy(labels, logits=logits),
            "SciPy": lambda: -special.log_softmax(logits, axis=1)[np.arange(n), labels].mean(),
            "torch": lambda: torch.nn.functional.cross_entropy(z, y).item(),
            "torch, float64": lambda: torch.nn.functional.cross_entropy(z.double(), y).item(),
        },
        "ECE, 15 bins": {
            "course": lambda: calibration.expected_calibration_error(labels, probabilities),
            "torchmetrics": lambda: classification.multiclass_calibration_error(p, y, n_bins=15, **plain).item(),
        },
    }


def report(repeats: int = 7, sizes: tuple[tuple[int, int], ...] = SIZES) -> str:
    """Measure and return a Markdown table."""
    lines = [
        "| metric | examples x classes | way | median, ms | times the course's time (range) |",
        "|---|---|---|---|---|",
    ]
    for n, n_classes in sizes:
        for metric, ways in jobs(n, n_classes).items():
            values = [way() for way in ways.values()]
            np.testing.assert_allclose(values, values[0], rtol=1e-4)
            seconds = take_turns(ways, repeats)
            for way, times in seconds.items():
                lines.append(
                    f"| {metric} | {n:,} x {n_classes} | {way} | {1000 * statistics.median(times):.2f} "
                    f"| {ratio(times, seconds['course'])} |"
                )
    return "\n".join(lines)
