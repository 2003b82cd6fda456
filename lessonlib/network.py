"""A small fully connected network in NumPy, trained in a second: every step can be read here.

First used in lesson 2; it gives the same kind of `Run` as a real training. Inputs have shape (n_examples, n_features).
Checked against torch, step by step, in ``tests/test_network.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessonlib import _validate as check
from lessonlib import metrics
from lessonlib.problems import Examples, Rng
from lessonlib.runs import Run, loss_and_accuracy

Arrays = list[NDArray[np.float32]]


class Network:
    """Fully connected layers with ReLU between them and a softmax at the end.

    `sizes` are features, hidden units of each layer, and classes; two numbers make a softmax regression. `rng` draws
    the initial weights (Glorot and Bengio 2010, uniform), which `scale` multiplies.
    """

    def __init__(self, sizes: Sequence[int], *, rng: Rng, scale: float = 1.0) -> None:
        sizes = [check.whole_number(size, f"sizes[{i}]", low=1) for i, size in enumerate(sizes)]
        if len(sizes) < 2 or sizes[-1] < 2:
            raise ValueError(f"sizes must name features, hidden units and at least two classes, got {sizes}.")
        rng = np.random.default_rng(rng)
        scale = check.number_within(scale, "scale", 0, 1_000)
        self.weights: Arrays = []
        self.biases: Arrays = []
        for n_in, n_out in itertools.pairwise(sizes):
            bound = scale * np.sqrt(6 / (n_in + n_out))
            self.weights.append(rng.uniform(-bound, bound, (n_in, n_out)).astype(np.float32))
            self.biases.append(np.zeros(n_out, np.float32))

    @property
    def parameters(self) -> Arrays:
        """Return weights and biases, changed in place by an optimiser."""
        return [*self.weights, *self.biases]

    def logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the scores before the softmax, shape (n_examples, n_classes)."""
        return self._forward(x)[-1]

    def _forward(self, x: NDArray[np.float32]) -> Arrays:
        """Return the input, the output of each hidden layer, and the logits."""
        if np.ndim(x) != 2 or np.shape(x)[1] != len(self.weights[0]):
            wanted = f"(n_examples, {len(self.weights[0])}) for this network"
            raise ValueError(f"x must have shape {wanted}, got {np.shape(x)}: build it with as many features.")
        outputs = [x]
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True), start=1):
            z = outputs[-1] @ weight + bias
            outputs.append(z if layer == len(self.weights) else np.maximum(z, 0))
        return outputs

    def gradients(self, x: NDArray[np.float32], y: NDArray[np.int64], weights: ArrayLike | None = None) -> Arrays:
        """Compute the gradient of the mean cross-entropy in each of `parameters` (backpropagation).

        `weights`, one per example, multiply the losses; the mean still divides by the number of examples.
        """
        outputs = self._forward(x)
        if not np.isfinite(outputs[-1]).all():
            raise FloatingPointError("the logits are not finite: the weights have grown too large.")
        delta = metrics.cross_entropy_gradient(y, outputs[-1]).astype(np.float32) / len(y)
        if weights is not None:
            delta *= np.asarray(weights, np.float32)[:, None]
        for_weights: Arrays = []
        for_biases: Arrays = []
        for layer in reversed(range(len(self.weights))):
            for_weights.insert(0, outputs[layer].T @ delta)
            for_biases.insert(0, delta.sum(axis=0))
            if layer:
                delta = (delta @ self.weights[layer].T) * (outputs[layer] > 0)
        return [*for_weights, *for_biases]


class Adam:
    """Adam (Kingma and Ba 2015) with the usual 0.9, 0.999 and 1e-8; a learning rate for all, or one for each weight."""

    def __init__(self, parameters: Arrays, learning_rate: float | NDArray[np.float64]) -> None:
        self.parameters, self.learning_rate, self.n_steps = parameters, learning_rate, 0
        # One vector for all parameters: for arrays this small NumPy's time goes by calls, not by numbers.
        self.first = np.concatenate([np.zeros_like(p).ravel() for p in parameters])
        self.second = np.zeros_like(self.first)

    def step(self, gradients: Arrays) -> None:
        """Move the parameters by one step, in place."""
        self.n_steps += 1
        gradient = np.concatenate([each.ravel() for _, each in zip(self.parameters, gradients, strict=True)])
        self.first += 0.1 * (gradient - self.first)
        self.second += 0.001 * (gradient**2 - self.second)
        mean = self.first / (1 - 0.9**self.n_steps)
        size = np.sqrt(self.second / (1 - 0.999**self.n_steps)) + 1e-8
        step, start = self.learning_rate * mean / size, 0
        for parameter in self.parameters:
            end = start + parameter.size
            parameter -= step[start:end].reshape(parameter.shape)
            start = end


class GradientDescent:
    """Plain gradient descent: a step against the gradient."""

    def __init__(self, parameters: Arrays, learning_rate: float) -> None:
        self.parameters, self.learning_rate = parameters, learning_rate

    def step(self, gradients: Arrays) -> None:
        """Move the parameters by one step, in place."""
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter -= self.learning_rate * gradient


OPTIMIZERS = {"adam": Adam, "gd": GradientDescent}


def fit(
    network: Network, train: Examples, val: Examples, *, epochs: int, learning_rate: float,
    batch_size: int | None = None, optimizer: str = "adam", weights: ArrayLike | None = None, shuffle: bool = True,
    rng: Rng,
) -> Run:  # fmt: skip
    """Train the network in place and keep what it said after every epoch: metrics measured alike, validation logits.

    Without a `batch_size` a step takes all examples at once. `weights`, one per training example, multiply its loss in
    the gradient; the metrics stay unweighted, and what such a training lowers is kept beside them as
    ``weighted_train_loss``. `rng` decides the order of each epoch, unless `shuffle` is False. A network that diverges
    raises FloatingPointError.
    """
    epochs = check.whole_number(epochs, "epochs", low=1)
    for name, examples in (("train", train), ("val", val)):  # else what is not finite would be taken for a divergence
        check.finite_array(examples.x, f"{name}.x")
    n = len(train.y)
    batch_size = n if batch_size is None else check.whole_number(batch_size, "batch_size", low=1)
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer must be one of {tuple(OPTIMIZERS)}, got {optimizer!r}.")
    check.number_within(learning_rate, "learning_rate", 0, np.inf)
    each = np.ones(n, np.float32) if weights is None else check.finite_array(weights, "weights").astype(np.float32)
    if each.shape != (n,) or each.min() < 0:
        got = f"shape {each.shape}, the smallest {each.min():g}"
        raise ValueError(f"weights must be one per example, shape ({n},), none negative, got {got}.")
    rng, steps = np.random.default_rng(rng), OPTIMIZERS[optimizer](network.parameters, learning_rate)
    history, kept = [], []
    for epoch in range(1, epochs + 1):
        order = rng.permutation(n) if shuffle else np.arange(n)
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # what overflows is reported below
                for start in range(0, n, batch_size):
                    batch = order[start : start + batch_size]
                    steps.step(network.gradients(train.x[batch], train.y[batch], each[batch]))
                train_logits, val_logits = network.logits(train.x), network.logits(val.x)
            if not (np.isfinite(train_logits).all() and np.isfinite(val_logits).all()):
                raise FloatingPointError("the logits are not finite")
        except FloatingPointError as error:
            remedy = f"lower learning_rate = {learning_rate}"
            raise FloatingPointError(f"the network diverged in epoch {epoch}: {remedy}.") from error
        kept.append(val_logits)
        losses = metrics.cross_entropy_per_example(train.y, logits=train_logits)
        row = {"train_loss": float(losses.mean()), "train_accuracy": metrics.accuracy(train.y, train_logits)}
        row |= loss_and_accuracy(val.y, val_logits, prefix="val")
        if weights is not None:
            row["weighted_train_loss"] = float((each * losses).mean())
        history.append(row)
    return Run.of_epochs(history, kept, val.y, {"n_train": n, "n_val": len(val.y)})
