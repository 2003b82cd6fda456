"""The measures: softmax, cross-entropy, accuracy, and how sure we may be of their means.

Taught in lesson 1. Labels are class indices from 0, shape (n_examples,); scores (logits or probabilities) have shape
(n_examples, n_classes); losses are in nats. Checked against torch, Keras and scikit-learn in ``tests/test_metrics.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessonlib import _validate as check


@dataclass(frozen=True)
class Estimate:
    """A mean over a finite set of examples, with its standard error."""

    value: float
    standard_error: float  # the standard deviation that the mean would have over fresh sets of n examples
    n: int

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """Return the ends of the normal interval ``value ± z * standard_error`` (95 % for 1.96)."""
        return self.value - z * self.standard_error, self.value + z * self.standard_error


def log_softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Compute the logarithm of the softmax of each row, without overflow: no exponential is above 1."""
    scores = check.score_matrix(logits, "logits")
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Turn each row of logits into probabilities that sum to one."""
    return np.exp(log_softmax(logits))


def cross_entropy_per_example(
    labels: ArrayLike, *, logits: ArrayLike | None = None, probabilities: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Compute minus the log of the probability that each example gave to its true class.

    Say which of the two you pass: confusing them gives a wrong loss and no error (lesson 1). A probability of 0 on the
    true class costs infinity, without a warning.

    >>> cross_entropy_per_example([0], probabilities=[[0.9, 0.1]]).round(4)
    array([0.1054])
    """
    kind, given = check.one_of(logits=logits, probabilities=probabilities)
    scores = log_softmax(given) if kind == "logits" else check.probability_matrix(given)
    true = scores[np.arange(len(scores)), _classes(labels, scores)]
    with np.errstate(divide="ignore"):
        # Adding 0.0 turns the -0.0 of a certain, right answer into 0.0.
        return -(true if kind == "logits" else np.log(true)) + 0.0


def cross_entropy(
    labels: ArrayLike, *, logits: ArrayLike | None = None, probabilities: ArrayLike | None = None
) -> float:
    """Compute the mean of `cross_entropy_per_example`."""
    return float(cross_entropy_per_example(labels, logits=logits, probabilities=probabilities).mean())


def cross_entropy_gradient(labels: ArrayLike, logits: ArrayLike) -> NDArray[np.float64]:
    """Compute the gradient of each example's cross-entropy in its own logits: probabilities minus the one-hot label."""
    gradient = softmax(logits)
    gradient[np.arange(len(gradient)), _classes(labels, gradient)] -= 1.0
    return gradient


def correct(labels: ArrayLike, scores: ArrayLike) -> NDArray[np.bool_]:
    """Say for each example whether its highest score, the first of equal ones, stands at the true class."""
    matrix = check.score_matrix(scores, "scores")
    return matrix.argmax(axis=1) == _classes(labels, matrix)


def accuracy(labels: ArrayLike, scores: ArrayLike) -> float:
    """Compute the share of examples that are `correct`, from 0 to 1."""
    return float(correct(labels, scores).mean())


def _classes(labels: ArrayLike, matrix: NDArray) -> NDArray[np.int64]:
    return check.label_vector(labels, matrix.shape[1], n_examples=len(matrix))


def estimate_mean(values: ArrayLike) -> Estimate:
    """Estimate a mean and its standard error from one value per example.

    Serves the loss (pass `cross_entropy_per_example`) and the accuracy (pass `correct`). The standard error is
    ``sd / sqrt(n)`` with the standard deviation over n, which for hits is the binomial ``sqrt(p (1 - p) / n)`` exactly.
    """
    array = check.finite_array(values, "values", ndim=1)
    return Estimate(float(array.mean()), float(array.std() / np.sqrt(len(array))), len(array))


def accuracy_standard_error(accuracy: float, n_examples: int) -> float:
    """Compute the binomial standard error ``sqrt(p (1 - p) / n)`` of an accuracy between 0 and 1."""
    share = check.number_within(accuracy, "accuracy (as a share, 0.87 rather than 87)", 0, 1)
    return float(np.sqrt(share * (1 - share) / check.whole_number(n_examples, "n_examples", low=1)))


def double_softmax_floor(n_classes: int) -> float:
    """Compute the lowest loss that a network can report when softmax is applied twice.

    As logits, probabilities differ by at most 1: even a certain and right answer costs ``ln(1 + (K - 1) / e)``
    (lesson 1).
    """
    return float(np.log1p((check.whole_number(n_classes, "n_classes", low=2) - 1) / np.e))
