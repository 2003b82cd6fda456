"""The material that is made on the spot: small problems in which one ingredient can be turned up or down.

Each generator takes a random generator or a seed and returns `Examples`, for training and validation where it takes
both sizes; the same seed always gives the same problem. Sizes are whole numbers of at least 1, shares lie in 0..1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lessonlib import _validate as check

Rng = int | np.random.Generator


class Examples(NamedTuple):
    """Inputs, shape (n_examples, n_features), and their classes, shape (n_examples,)."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]


def _examples(x: NDArray, y: NDArray) -> Examples:
    return Examples(np.asarray(x, np.float32), np.asarray(y, np.int64))


def _sizes(n_train: int, n_val: int) -> tuple[int, int]:
    return check.whole_number(n_train, "n_train", low=1), check.whole_number(n_val, "n_val", low=1)


def flip_labels(y: NDArray[np.int64], share: float, *, n_classes: int, rng: Rng) -> NDArray[np.int64]:
    """Replace a share of the labels by another class, chosen evenly, in a copy.

    ``y != result`` says which labels are wrong. From the same seed, the labels that are wrong at a share are wrong at
    every larger share too, and in the same way.
    """
    rng = np.random.default_rng(rng)
    n_classes = check.whole_number(n_classes, "n_classes", low=2)
    labels = check.label_vector(y, n_classes)
    wrong = rng.random(len(labels)) < check.number_within(share, "share", 0, 1)
    return np.where(wrong, (labels + rng.integers(1, n_classes, len(labels))) % n_classes, labels)


def digits(n_train: int = 600, n_val: int = 500, *, rng: Rng) -> tuple[Examples, Examples]:
    """Draw handwritten digits (lesson 2) from scikit-learn's 1,797, without overlap: ten classes, 64 pixels in 0..1."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    n_train, n_val = _sizes(n_train, n_val)
    if n_train + n_val > len(labels):
        raise ValueError(f"there are {len(labels)} digits, got n_train + n_val = {n_train + n_val}: ask for fewer.")
    order = np.random.default_rng(rng).permutation(len(labels))[: n_train + n_val]
    x, y = pixels[order] / 16, labels[order]
    return _examples(x[:n_train], y[:n_train]), _examples(x[n_train:], y[n_train:])


def two_phenomena(n: int = 1_000, *, coin_share: float = 0.2, noise_columns: int = 20, rng: Rng) -> Examples:
    """Mix a pattern that can be learnt with points that can only be memorised.

    Lesson 2. Most points lie on a 4 x 4 checkerboard in two columns, their class is its colour. A share of coin points
    lies at its centre; they differ in noise columns only, and their class is a coin.
    """
    rng = np.random.default_rng(rng)
    n, noise_columns = check.whole_number(n, "n", low=1), check.whole_number(noise_columns, "noise_columns", low=1)
    is_coin = rng.random(n) < check.number_within(coin_share, "coin_share", 0, 1)
    board = rng.uniform(-1, 1, (n, 2))
    colour = np.floor(2 * board).sum(axis=1).astype(int) % 2
    board[is_coin] = 0
    noise = np.where(is_coin[:, None], rng.normal(size=(n, noise_columns)), 0)
    return _examples(np.hstack([2 * board, noise]), np.where(is_coin, rng.integers(0, 2, n), colour))


def teacher(n_train: int = 300, n_val: int = 1_000, *, rng: Rng) -> tuple[Examples, Examples]:
    """Label Gaussian points by a small random network that another network has to imitate.

    Lesson 2. Twenty features, two classes split at the teacher's median output.
    """
    rng = np.random.default_rng(rng)
    n_train, n_val = _sizes(n_train, n_val)
    hidden, out = 2 * rng.normal(size=(20, 8)) / np.sqrt(20), rng.normal(size=8)
    median = np.median(np.tanh(rng.normal(size=(4_000, 20)) @ hidden) @ out)

    def draw(n: int) -> Examples:
        x = rng.normal(size=(n, 20))
        return _examples(x, np.tanh(x @ hidden) @ out > median)

    return draw(n_train), draw(n_val)


def leverage_outliers(n: int = 200, *, n_outliers: int = 8, distance: float = 20.0, rng: Rng) -> Examples:
    """Place two neat classes side by side and a few points of the left class far to the right.

    Lesson 2: gradient descent on these lowers the loss at every step while accuracy dives and recovers. The classes lie
    around -1 and 1 in the first feature, the outliers at `distance`; in the second feature they lie at 3, all others
    at 0.
    """
    rng = np.random.default_rng(rng)
    n_outliers = check.whole_number(n_outliers, "n_outliers", low=0)
    n = check.whole_number(n, "n", low=2 + n_outliers)
    distance = check.number_within(distance, "distance", -1e6, 1e6)
    n_left = (n - n_outliers) // 2
    counts = [n_left, n - n_outliers - n_left, n_outliers]
    x = np.column_stack([np.repeat([-1.0, 1.0, distance], counts), np.repeat([0.0, 0.0, 3.0], counts)])
    x[:, 0] += 0.3 * rng.normal(size=n)
    return _examples(x, np.repeat([0, 1, 0], counts))


def imbalanced_gaussians(n: int = 1_000, *, positive_share: float = 0.1, separation: float = 1.5, rng: Rng) -> Examples:
    """Draw two Gaussian classes in the plane, `separation` standard deviations apart; class 1 is rare (lesson 2)."""
    rng = np.random.default_rng(rng)
    separation = check.number_within(separation, "separation", 0, 1_000)
    y = rng.random(check.whole_number(n, "n", low=1)) < check.number_within(positive_share, "positive_share", 0, 1)
    shift = separation * (y - 0.5)[:, None] / np.sqrt(2)
    return _examples(rng.normal(size=(len(y), 2)) + shift, y)


def circle(n: int = 500, *, irrelevant_columns: int = 0, rng: Rng) -> Examples:
    """Draw points in the unit square; class 1 lies within a quarter circle about the origin.

    Lesson 9. The quarter circle has the squared radius 0.5, so that class 1 has a share of pi / 8. Irrelevant columns,
    uniform in 0..1, have nothing to do with the class.
    """
    n_columns = 2 + check.whole_number(irrelevant_columns, "irrelevant_columns", low=0)
    x = np.random.default_rng(rng).random((check.whole_number(n, "n", low=1), n_columns))
    return _examples(x, (x[:, :2] ** 2).sum(axis=1) < 0.5)


def coin_groups(n_train: int = 1_000, n_val: int = 2_000, *, bias: float = 0.6, rng: Rng) -> tuple[Examples, Examples]:
    """Draw five well separated groups and, within each, a class by a biased coin.

    Lesson 9. Ten features; group g has the classes ``2 * g``, with the chance `bias` (0.5 to 1), and ``2 * g + 1``.
    Which group a point belongs to can be learnt; the coin cannot, so no classifier can expect to be right more often
    than `bias`.
    """
    rng = np.random.default_rng(rng)
    n_train, n_val = _sizes(n_train, n_val)
    bias = check.number_within(bias, "bias", 0.5, 1)
    centres = rng.normal(size=(5, 10))
    centres *= 8 / np.linalg.norm(centres, axis=1, keepdims=True)  # far apart for a spread of 1

    def draw(n: int) -> Examples:
        group = rng.integers(0, len(centres), n)
        return _examples(centres[group] + rng.normal(size=(n, 10)), 2 * group + (rng.random(n) >= bias))

    return draw(n_train), draw(n_val)


def xor(n: int = 1_000, *, positive_share: float = 0.4, rng: Rng) -> Examples:
    """Place class 0 where two signs agree and class 1 where they differ, with noise about the four corners.

    Lesson 9. No straight line separates the classes: a linear model is left with the majority share.
    """
    rng = np.random.default_rng(rng)
    differ = rng.random(check.whole_number(n, "n", low=1)) < check.number_within(positive_share, "positive_share", 0, 1)
    first = rng.choice([-1, 1], len(differ))
    corners = np.column_stack([first, np.where(differ, -first, first)])
    return _examples(corners + 0.35 * rng.normal(size=corners.shape), differ)
