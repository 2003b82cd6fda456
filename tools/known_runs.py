"""Runs whose cause is built in: labels flipped, a rate too high, a softmax applied twice. For ``tools.reader_corpus``.

Each function of the second half makes one run, on a problem drawn at random, and measures it on a pool of fresh
examples, which stands for the noiseless curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from lessonlib import problems
from lessonlib.runs import Run

POOL = 10_000

Draw = np.random.Generator


@dataclass
class Trace:
    """One training, measured on its pool after every epoch.

    Attributes
    ----------
    train_loss, train_accuracy, running_loss, running_accuracy : ndarray, shape (n_epochs,)
        After the epoch in evaluation mode, and as means over the moving epoch.
    losses, hits : ndarray, shape (n_epochs, POOL)
    n_classes : int
    labels : ndarray of int, shape (POOL,)
    log : {"running", "evaluated", "both"}
        Which training loss the log has.
    resampled : bool
        Whether validation takes other examples in every epoch.
    """

    train_loss: NDArray
    train_accuracy: NDArray
    running_loss: NDArray
    running_accuracy: NDArray
    losses: NDArray
    hits: NDArray
    n_classes: int
    labels: NDArray
    log: str = "running"
    resampled: bool = False

    def run(self, rows: NDArray) -> Run:
        """Return the log with these examples of the pool, shape (n_epochs, n_val), as validation set."""
        epochs = np.arange(len(rows))[:, None]
        loss, hits = self.losses[epochs, rows].mean(axis=1), self.hits[epochs, rows].mean(axis=1)
        metrics = {"val_loss": loss, "val_accuracy": hits}
        if self.log != "evaluated":
            metrics |= {"running_train_loss": self.running_loss, "running_train_accuracy": self.running_accuracy}
        if self.log != "running":
            metrics |= {"train_loss": self.train_loss, "train_accuracy": self.train_accuracy}
        return Run(metrics)

    def draw_rows(self, n_val: int, rng: Draw) -> NDArray:
        """Draw a validation set from the pool, one for all epochs or one for each."""
        n_epochs = len(self.train_loss)
        if self.resampled:
            return np.stack([rng.choice(POOL, n_val, replace=False) for _ in range(n_epochs)])
        return np.tile(rng.choice(POOL, n_val, replace=False), (n_epochs, 1))


# ---- problems and training ------------------------------------------------------------------------------------


@dataclass
class Problem:
    """A source of fresh examples."""

    n_classes: int
    n_features: int
    draw_clean: Callable[[Draw, int], tuple[NDArray, NDArray]]
    flipped: float = 0.0

    def draw(self, rng: Draw, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw inputs and labels, a share of them flipped."""
        x, y = self.draw_clean(rng, n)
        y = problems.flip_labels(y, self.flipped, n_classes=self.n_classes, rng=rng)
        return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


@dataclass
class Blobs:
    """Gaussian classes around centres that are `separation` apart on average (0: nothing can be learnt)."""

    centres: NDArray
    shares: NDArray

    @classmethod
    def draw(cls, rng: Draw, n_classes: int, separation: float, shares: NDArray | None = None) -> Blobs:
        centres = rng.normal(size=(n_classes, 10)) * separation / np.sqrt(20)
        return cls(centres, np.full(n_classes, 1 / n_classes) if shares is None else shares)

    def problem(self, *, flipped: float = 0.0, noise: float = 1.0, shift: NDArray | float = 0.0) -> Problem:
        def draw_clean(rng: Draw, n: int) -> tuple[NDArray, NDArray]:
            y = rng.choice(len(self.shares), n, p=self.shares)
            return self.centres[y] + noise * rng.normal(size=(n, 10)) + shift, y

        return Problem(len(self.shares), 10, draw_clean, flipped)


def blobs(
    rng: Draw, n_classes: int, separation: float, *, shares: NDArray | None = None, flipped: float = 0.0
) -> Problem:
    """Draw Gaussian classes."""
    return Blobs.draw(rng, n_classes, separation, shares).problem(flipped=flipped)


def clumps(rng: Draw, n_classes: int) -> Problem:
    """Scatter four clumps of each class over a square: no straight lines part them, and a larger network can."""
    places = rng.uniform(-3, 3, (4 * n_classes, 2))

    def draw_clean(rng: Draw, n: int) -> tuple[NDArray, NDArray]:
        clump = rng.integers(0, len(places), n)
        return places[clump] + 0.3 * rng.normal(size=(n, 2)), clump % n_classes

    return Problem(n_classes, 2, draw_clean)


@dataclass
class Recipe:
    """How a network is trained."""

    n_train: int
    epochs: int
    hidden: int = 64
    learning_rate: float = 3e-3
    batch_size: int = 64
    optimizer: str = "adam"
    decay: bool = True
    dropout: float = 0.0
    input_scale: float = 1.0
    batch_norm_momentum: float | None = None
    softmax_twice: bool = False
    from_zero: bool = False


def train(
    problem: Problem,
    recipe: Recipe,
    rng: Draw,
    *,
    pool: Problem | None = None,
    log: str = "running",
    resampled: bool = False,
) -> Trace:
    """Train a network of one hidden layer and measure it after every epoch on its training set and a pool."""
    torch.manual_seed(int(rng.integers(2**31)))
    x, y = problem.draw(rng, recipe.n_train)
    pool_x, pool_y = (pool or problem).draw(rng, POOL)
    x, pool_x = x * recipe.input_scale, pool_x * recipe.input_scale
    model = _network(problem, recipe)
    steps = (torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.SGD)(
        model.parameters(), lr=recipe.learning_rate
    )
    rows = []
    for epoch in range(recipe.epochs):
        if recipe.decay:
            steps.param_groups[0]["lr"] = recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / recipe.epochs))
        running = _one_epoch(model, steps, x, y, recipe)
        train_row, pool_row = _measured(model, x, y, recipe), _measured(model, pool_x, pool_y, recipe)
        rows.append((train_row[0].mean(), train_row[1].mean(), *running, *pool_row))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Trace(*columns, problem.n_classes, pool_y.numpy(), log=log, resampled=resampled)


def _network(problem: Problem, recipe: Recipe) -> nn.Module:
    parts: list[nn.Module] = []
    width = problem.n_features
    if recipe.hidden:
        parts, width = [nn.Linear(width, recipe.hidden)], recipe.hidden
        if recipe.batch_norm_momentum is not None:
            parts.append(nn.BatchNorm1d(width, momentum=recipe.batch_norm_momentum))
        parts += [nn.ReLU(), nn.Dropout(recipe.dropout)]
    last = nn.Linear(width, problem.n_classes)
    if recipe.from_zero:
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
    return nn.Sequential(*parts, last)


def _logits(model: nn.Module, x: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    return torch.softmax(model(x), dim=1) if recipe.softmax_twice else model(x)


def _one_epoch(
    model: nn.Module, steps: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor, recipe: Recipe
) -> tuple[float, float]:
    """Take one step per batch; return loss and accuracy as means over the moving epoch."""
    model.train()
    total, right = 0.0, 0
    for batch in torch.randperm(len(y)).split(recipe.batch_size):
        if len(batch) == 1:  # batch normalisation needs two
            continue
        logits = _logits(model, x[batch], recipe)
        loss = nn.functional.cross_entropy(logits, y[batch])
        steps.zero_grad()
        loss.backward()
        steps.step()
        total, right = total + loss.item() * len(batch), right + int((logits.argmax(1) == y[batch]).sum())
    return total / len(y), right / len(y)


@torch.no_grad()
def _measured(model: nn.Module, x: torch.Tensor, y: torch.Tensor, recipe: Recipe) -> tuple[NDArray, NDArray]:
    model.eval()
    logits = _logits(model, x, recipe)
    losses = nn.functional.cross_entropy(logits, y, reduction="none")
    return losses.double().numpy(), (logits.argmax(1) == y).numpy()  # a diverging loss overflows single precision


# ---- causes -----------------------------------------------------------------------------------------------------


def _any_log(rng: Draw) -> str:
    return str(rng.choice(["running", "evaluated"]))


def _skewed(rng: Draw, n_classes: int) -> NDArray:
    largest = rng.uniform(0.7, 0.93)
    return np.array([largest, *np.full(n_classes - 1, (1 - largest) / (n_classes - 1))])


def healthy(rng: Draw) -> Trace:
    """An easy problem, enough data, a decaying learning rate: both sets end together and near the best possible."""
    k = int(rng.integers(2, 11))
    shares = _skewed(rng, k) if rng.random() < 0.3 else None
    problem = blobs(rng, k, rng.uniform(6, 9), shares=shares)
    recipe = Recipe(int(rng.integers(800, 1_500)), int(rng.integers(20, 41)), hidden=int(rng.choice([16, 32])),
                    learning_rate=10 ** rng.uniform(-2.7, -2), batch_size=int(rng.choice([32, 64])))  # fmt: skip
    return train(problem, recipe, rng, log=_any_log(rng))


def memorising(rng: Draw) -> Trace:
    """Few examples, a wide network, many epochs: the loss turns; what accuracy does is read from the pool."""
    k = int(rng.integers(2, 11))
    problem = blobs(rng, k, rng.uniform(2.5, 5), flipped=rng.uniform(0, 0.1))
    recipe = Recipe(int(rng.integers(200, 600)), int(rng.integers(30, 61)), hidden=int(rng.choice([64, 128])),
                    learning_rate=10 ** rng.uniform(-2.5, -1.9), decay=bool(rng.random() < 0.5))  # fmt: skip
    return train(problem, recipe, rng, log=_any_log(rng))


def memorising_noise(rng: Draw) -> Trace:
    """As `memorising`, with many flipped labels: learning them costs accuracy as well."""
    k = int(rng.integers(2, 6))
    problem = blobs(rng, k, rng.uniform(4, 6), flipped=rng.uniform(0.2, 0.35))
    recipe = Recipe(int(rng.integers(300, 700)), int(rng.integers(30, 61)), hidden=128,
                    learning_rate=10 ** rng.uniform(-2.5, -1.9), decay=bool(rng.random() < 0.5))  # fmt: skip
    return train(problem, recipe, rng, log=_any_log(rng))


def two_kinds(rng: Draw) -> Trace:
    """A pattern that takes long to learn, mixed with coin tosses that are memorised meanwhile (lesson 2)."""
    coin_share, noise_columns = rng.uniform(0.15, 0.3), int(rng.integers(10, 31))

    def draw_clean(rng: Draw, n: int) -> tuple[NDArray, NDArray]:
        return problems.two_phenomena(n, coin_share=coin_share, noise_columns=noise_columns, rng=rng)

    recipe = Recipe(int(rng.integers(600, 1_200)), int(rng.integers(60, 101)), hidden=128, batch_size=32, decay=False,
                    learning_rate=10 ** rng.uniform(-2.5, -2.1))  # fmt: skip
    return train(Problem(2, 2 + noise_columns, draw_clean), recipe, rng, log=_any_log(rng))


def unfinished(rng: Draw) -> Trace:
    """A learning rate far too low for the number of epochs."""
    problem = blobs(rng, int(rng.integers(2, 11)), rng.uniform(5, 8))
    recipe = Recipe(int(rng.integers(600, 1_200)), int(rng.integers(15, 41)),
                    learning_rate=10 ** rng.uniform(-3.6, -2.8), optimizer="gd", decay=False)  # fmt: skip
    return train(problem, recipe, rng, log=_any_log(rng))


def at_chance(rng: Draw) -> Trace:
    """Labels that have nothing to do with the inputs, in both sets; balanced classes."""
    problem = blobs(rng, int(rng.integers(2, 11)), 0.0)
    recipe = Recipe(int(rng.integers(600, 1_200)), int(rng.integers(15, 41)), hidden=int(rng.choice([8, 64])),
                    learning_rate=10 ** rng.uniform(-4, -2.5))  # fmt: skip
    return train(problem, recipe, rng, log=_any_log(rng))


def at_majority(rng: Draw) -> Trace:
    """Inputs without information and one frequent class."""
    k = int(rng.integers(2, 6))
    problem = blobs(rng, k, 0.0, shares=_skewed(rng, k))
    recipe = Recipe(int(rng.integers(600, 1_200)), int(rng.integers(15, 41)), hidden=8,
                    learning_rate=10 ** rng.uniform(-3.3, -2.5))  # fmt: skip
    return train(problem, recipe, rng, log=_any_log(rng))


def noisy_labels(rng: Draw) -> Trace:
    """An easy problem in which many labels are wrong, and too many examples to memorise them."""
    k = int(rng.integers(2, 11))
    problem = blobs(rng, k, rng.uniform(9, 12), flipped=rng.uniform(0.3, 0.4) if k == 2 else rng.uniform(0.4, 0.6))
    recipe = Recipe(2_000, int(rng.integers(20, 36)), hidden=int(rng.choice([4, 8])),
                    learning_rate=10 ** rng.uniform(-2.7, -2.2), batch_size=64)  # fmt: skip
    return train(problem, recipe, rng, log=_any_log(rng))


def too_small(rng: Draw) -> Trace:
    """Softmax regression on classes that no straight lines part."""
    problem = clumps(rng, int(rng.integers(2, 6)))
    recipe = Recipe(1_500, int(rng.integers(20, 41)), hidden=0, learning_rate=10 ** rng.uniform(-1.8, -1.3))
    return train(problem, recipe, rng, log=_any_log(rng))


def noisy_validation(rng: Draw) -> Trace:
    """A healthy training whose validation takes other examples in every epoch, as `validation_steps` can."""
    problem = blobs(rng, int(rng.integers(2, 8)), rng.uniform(4.5, 6))
    recipe = Recipe(
        2_500, int(rng.integers(20, 41)), hidden=16, learning_rate=10 ** rng.uniform(-2.5, -2), batch_size=64
    )
    return train(problem, recipe, rng, log=_any_log(rng), resampled=True)


def unsteady_statistics(rng: Draw) -> Trace:
    """Batch normalisation that remembers only its last small batches: evaluation jumps, training does not."""
    problem = blobs(rng, int(rng.integers(2, 8)), rng.uniform(4, 7))
    recipe = Recipe(400, int(rng.integers(20, 41)), learning_rate=10 ** rng.uniform(-3, -2.3),
                    batch_size=int(rng.choice([8, 16])), batch_norm_momentum=rng.uniform(0.8, 1.0))  # fmt: skip
    return train(problem, recipe, rng, log="running")


def rate_too_high(rng: Draw) -> Trace:
    """A learning rate that throws the weights about without destroying them."""
    problem = blobs(rng, int(rng.integers(3, 9)), rng.uniform(3, 5))
    recipe = Recipe(int(rng.integers(400, 800)), int(rng.integers(20, 41)), learning_rate=10 ** rng.uniform(-0.9, -0.2),
                    batch_size=16, decay=False)  # fmt: skip
    return train(problem, recipe, rng, log=_any_log(rng))


def diverging(rng: Draw) -> Trace:
    """Unscaled inputs and a large learning rate: the loss grows until it is no number any more."""
    problem = blobs(rng, int(rng.integers(2, 11)), rng.uniform(3, 6))
    recipe = Recipe(500, int(rng.integers(10, 41)), learning_rate=10 ** rng.uniform(0, 1), optimizer="gd", decay=False,
                    input_scale=rng.uniform(5, 20))  # fmt: skip
    return train(problem, recipe, rng, log=_any_log(rng))


def softmax_twice(rng: Draw) -> Trace:
    """The loss takes the softmax of a softmax."""
    problem = blobs(rng, int(rng.integers(2, 11)), rng.uniform(6, 9))
    recipe = Recipe(1_000, int(rng.integers(20, 41)), learning_rate=10 ** rng.uniform(-2.3, -1.8), softmax_twice=True)
    return train(problem, recipe, rng, log=_any_log(rng))


def dropout_only_in_training(rng: Draw) -> Trace:
    """Much dropout, and a training loss that is measured with it."""
    problem = blobs(rng, int(rng.integers(3, 11)), rng.uniform(4.5, 7))
    recipe = Recipe(2_000, int(rng.integers(15, 36)), hidden=32, learning_rate=10 ** rng.uniform(-2.5, -2),
                    dropout=rng.uniform(0.5, 0.8), batch_size=64)  # fmt: skip
    return train(problem, recipe, rng, log="running")


def other_distribution(rng: Draw) -> Trace:
    """Validation inputs that are shifted and noisier than those of training."""
    classes = Blobs.draw(rng, int(rng.integers(2, 11)), rng.uniform(6, 8))
    pool = classes.problem(noise=rng.uniform(1.7, 2.5), shift=rng.normal(size=10) * rng.uniform(0.3, 0.8))
    recipe = Recipe(1_500, int(rng.integers(15, 31)), hidden=16, learning_rate=10 ** rng.uniform(-2.4, -1.9))
    return train(classes.problem(), recipe, rng, pool=pool, log=_any_log(rng))


def easier_validation(rng: Draw) -> Trace:
    """Validation inputs that are cleaner than those of training; the log has both training losses."""
    classes = Blobs.draw(rng, int(rng.integers(2, 11)), rng.uniform(3.5, 5))
    pool = classes.problem(noise=rng.uniform(0.5, 0.7))
    recipe = Recipe(1_500, int(rng.integers(15, 31)), hidden=32, learning_rate=10 ** rng.uniform(-2.7, -2.2))
    return train(classes.problem(), recipe, rng, pool=pool, log="both")


def dipping(rng: Draw) -> Trace:
    """Outliers far out pull the boundary of a softmax regression through one class and back again."""
    n_outliers, distance = int(rng.integers(6, 11)), rng.uniform(15, 25)

    def draw_clean(rng: Draw, n: int) -> tuple[NDArray, NDArray]:
        return problems.leverage_outliers(n, n_outliers=n * n_outliers // 200, distance=distance, rng=rng)

    recipe = Recipe(2_000, int(rng.integers(80, 161)), hidden=0, learning_rate=0.01, batch_size=400, optimizer="gd",
                    decay=False, from_zero=True)  # fmt: skip
    return train(Problem(2, 2, draw_clean), recipe, rng, log="evaluated")
