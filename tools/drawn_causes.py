"""Problems, sizes and rates drawn at random, and trained in torch: runs of known cause, to measure the curve reader on.

`DRAWN` has a cause for each kind of reading; ``python -m tools.reader_corpus`` reads their runs, and the clinic shows a
few. What the course itself trains is in `lessonlib.course.known_causes`.
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

#: How many fresh examples stand for the noiseless curve of a run.
POOL = 10_000
Generator = np.random.Generator


@dataclass(frozen=True)
class Trace:
    """One training in torch, measured after every epoch on its training set and on a pool of fresh examples.

    The training curves have shape (n_epochs,): in evaluation mode, and (running) as means over the moving epoch.
    `losses` and `hits` have shape (n_epochs, POOL), `labels` (POOL,). `log` says which training loss the log has
    ("running", "evaluated", "both"), `resampled` whether validation takes other examples in every epoch.
    """

    train_loss: NDArray
    train_accuracy: NDArray
    running_loss: NDArray
    running_accuracy: NDArray
    losses: NDArray
    hits: NDArray
    n_train: int
    n_classes: int
    labels: NDArray
    log: str = "running"
    resampled: bool = False

    def run(self, rows: NDArray) -> Run:
        """Return the log with these examples of the pool, shape (n_epochs, n_val), as validation set."""
        epochs = np.arange(len(rows))[:, None]
        columns = {
            "val_loss": self.losses[epochs, rows].mean(axis=1),
            "val_accuracy": self.hits[epochs, rows].mean(axis=1),
        }
        if self.log != "evaluated":
            columns |= {"running_train_loss": self.running_loss, "running_train_accuracy": self.running_accuracy}
        if self.log != "running":
            columns |= {"train_loss": self.train_loss, "train_accuracy": self.train_accuracy}
        return Run(columns)

    def draw_rows(self, n_val: int, rng: Generator) -> NDArray:
        """Draw a validation set from the pool, one for all epochs or one for each."""
        n_epochs = len(self.train_loss)
        if self.resampled:
            return np.stack([rng.choice(POOL, n_val, replace=False) for _ in range(n_epochs)])
        return np.tile(rng.choice(POOL, n_val, replace=False), (n_epochs, 1))


@dataclass(frozen=True)
class _Problem:
    """A source of fresh examples: `draw` gives n inputs and labels."""

    n_classes: int
    n_features: int
    draw: Callable[[Generator, int], tuple[NDArray, NDArray]]
    flipped: float = 0.0

    def tensors(self, rng: Generator, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        x, y = self.draw(rng, n)
        y = problems.flip_labels(y, self.flipped, n_classes=self.n_classes, rng=rng)
        return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


def _blobs(
    rng: Generator, k: int, separation: float, *, shares: NDArray | None = None, flipped: float = 0.0
) -> Callable[..., _Problem]:
    """Place Gaussian classes `separation` apart on average; return a problem for each noise and shift of the inputs."""
    centres = rng.normal(size=(k, 10)) * separation / np.sqrt(20)
    shares = np.full(k, 1 / k) if shares is None else shares

    def problem(*, noise: float = 1.0, shift: NDArray | float = 0.0) -> _Problem:
        def draw(rng: Generator, n: int) -> tuple[NDArray, NDArray]:
            y = rng.choice(k, n, p=shares)
            return centres[y] + noise * rng.normal(size=(n, 10)) + shift, y

        return _Problem(k, 10, draw, flipped)

    return problem


def _clumps(rng: Generator, k: int) -> _Problem:
    """Scatter four clumps of each class over a square: no straight lines part them, and a larger network can."""
    places = rng.uniform(-3, 3, (4 * k, 2))

    def draw(rng: Generator, n: int) -> tuple[NDArray, NDArray]:
        clump = rng.integers(0, len(places), n)
        return places[clump] + 0.3 * rng.normal(size=(n, 2)), clump % k

    return _Problem(k, 2, draw)


@dataclass(frozen=True)
class _Recipe:
    """How a network is trained; `growth` multiplies the rate after each epoch, `decay` lowers it along a cosine."""

    n_train: int
    epochs: int
    hidden: int = 64
    learning_rate: float = 3e-3
    batch_size: int = 64
    optimizer: str = "adam"
    decay: bool = True
    growth: float = 1.0
    dropout: float = 0.0
    input_scale: float = 1.0
    batch_norm_momentum: float | None = None
    softmax_twice: bool = False
    from_zero: bool = False

    def rate(self, epoch: int) -> float:
        cosine = 0.5 * (1 + math.cos(math.pi * epoch / self.epochs)) if self.decay else 1.0
        return self.learning_rate * self.growth**epoch * cosine


def _train(
    problem: _Problem,
    recipe: _Recipe,
    rng: Generator,
    *,
    pool: _Problem | None = None,
    log: str = "running",
    resampled: bool = False,
) -> Trace:
    """Train a network of one hidden layer and measure it after every epoch on its training set and a pool."""
    torch.manual_seed(int(rng.integers(2**31)))
    x, y = problem.tensors(rng, recipe.n_train)
    pool_x, pool_y = (pool or problem).tensors(rng, POOL)
    x, pool_x = x * recipe.input_scale, pool_x * recipe.input_scale
    model = _network(problem, recipe)
    optimizers = {"adam": torch.optim.Adam, "gd": torch.optim.SGD}
    steps, rows = optimizers[recipe.optimizer](model.parameters(), lr=recipe.learning_rate), []
    for epoch in range(recipe.epochs):
        steps.param_groups[0]["lr"] = recipe.rate(epoch)
        running = _one_epoch(model, steps, x, y, int(recipe.batch_size))
        train_row, pool_row = _measured(model, x, y), _measured(model, pool_x, pool_y)
        rows.append((train_row[0].mean(), train_row[1].mean(), *running, *pool_row))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    sizes = int(recipe.n_train), int(problem.n_classes)
    return Trace(*columns, *sizes, pool_y.numpy(), log=log, resampled=resampled)


def _network(problem: _Problem, recipe: _Recipe) -> torch.nn.Module:
    parts: list[nn.Module] = []
    width = problem.n_features
    if recipe.hidden:
        parts, width = [nn.Linear(width, recipe.hidden)], recipe.hidden
        if recipe.batch_norm_momentum is not None:
            parts.append(nn.BatchNorm1d(width, momentum=recipe.batch_norm_momentum))
        parts += [nn.ReLU(), nn.Dropout(recipe.dropout)]
    parts.append(nn.Linear(width, problem.n_classes))
    if recipe.from_zero:
        nn.init.zeros_(parts[-1].weight)
        nn.init.zeros_(parts[-1].bias)
    return nn.Sequential(*parts, *[nn.Softmax(dim=1)] * recipe.softmax_twice)


def _one_epoch(
    model: torch.nn.Module, steps: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor, batch_size: int
) -> tuple[float, float]:
    """Take one step per batch; return loss and accuracy as means over the moving epoch."""
    model.train()
    total, right = 0.0, 0
    for batch in torch.randperm(len(y)).split(batch_size):
        if len(batch) == 1:  # batch normalisation needs two
            continue
        logits = model(x[batch])
        loss = torch.nn.functional.cross_entropy(logits, y[batch])
        steps.zero_grad()
        loss.backward()
        steps.step()
        total, right = total + loss.item() * len(batch), right + int((logits.argmax(1) == y[batch]).sum())
    return total / len(y), right / len(y)


def _measured(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[NDArray, NDArray]:
    model.eval()
    with torch.no_grad():
        logits = model(x)
        losses = torch.nn.functional.cross_entropy(logits, y, reduction="none")
    return losses.double().numpy(), (logits.argmax(1) == y).numpy()  # a diverging loss overflows single precision


def _any_log(rng: Generator) -> str:
    return str(rng.choice(["running", "evaluated"]))


def _skewed(rng: Generator, k: int) -> NDArray:
    largest = rng.uniform(0.7, 0.93)
    return np.array([largest, *np.full(k - 1, (1 - largest) / (k - 1))])


#: Causes on problems drawn at random; each takes a generator and returns a `Trace`.
DRAWN: dict[str, Callable[[Generator], Trace]] = {}


def _drawn(cause: Callable[[Generator], Trace]) -> Callable[[Generator], Trace]:
    DRAWN[cause.__name__.removeprefix("_drawn_").replace("_", " ")] = cause
    return cause


@_drawn
def _drawn_healthy(rng: Generator) -> Trace:
    """An easy problem, enough data, a decaying learning rate: both sets end together and near the best possible."""
    k = rng.integers(2, 11)
    shares = _skewed(rng, k) if rng.random() < 0.3 else None
    problem = _blobs(rng, k, rng.uniform(6, 9), shares=shares)()
    recipe = _Recipe(rng.integers(800, 1_500), rng.integers(20, 41), hidden=rng.choice([16, 32]),
                     learning_rate=10 ** rng.uniform(-2.7, -2), batch_size=rng.choice([32, 64]))  # fmt: skip
    return _train(problem, recipe, rng, log=_any_log(rng))


@_drawn
def _drawn_memorising(rng: Generator) -> Trace:
    """Few examples, a wide network, many epochs: the loss turns; what accuracy does is read from the pool."""
    problem = _blobs(rng, rng.integers(2, 11), rng.uniform(2.5, 5), flipped=rng.uniform(0, 0.1))()
    recipe = _Recipe(rng.integers(200, 600), rng.integers(30, 61), hidden=rng.choice([64, 128]),
                     learning_rate=10 ** rng.uniform(-2.5, -1.9), decay=rng.random() < 0.5)  # fmt: skip
    return _train(problem, recipe, rng, log=_any_log(rng))


@_drawn
def _drawn_memorising_noise(rng: Generator) -> Trace:
    """As memorising, with many flipped labels: learning them costs accuracy as well."""
    problem = _blobs(rng, rng.integers(2, 6), rng.uniform(4, 6), flipped=rng.uniform(0.2, 0.35))()
    recipe = _Recipe(rng.integers(300, 700), rng.integers(30, 61), hidden=128,
                     learning_rate=10 ** rng.uniform(-2.5, -1.9), decay=rng.random() < 0.5)  # fmt: skip
    return _train(problem, recipe, rng, log=_any_log(rng))


@_drawn
def _drawn_two_kinds(rng: Generator) -> Trace:
    """A pattern that takes long to learn, mixed with coin tosses that are memorised meanwhile (lesson 2)."""
    coin_share, noise_columns = rng.uniform(0.15, 0.3), int(rng.integers(10, 31))

    def draw(rng: Generator, n: int) -> tuple[NDArray, NDArray]:
        return problems.two_phenomena(n, coin_share=coin_share, noise_columns=noise_columns, rng=rng)

    recipe = _Recipe(rng.integers(600, 1_200), rng.integers(60, 101), hidden=128, batch_size=32, decay=False,
                     learning_rate=10 ** rng.uniform(-2.5, -2.1))  # fmt: skip
    return _train(_Problem(2, 2 + noise_columns, draw), recipe, rng, log=_any_log(rng))


@_drawn
def _drawn_unfinished(rng: Generator) -> Trace:
    """A learning rate far too low for the number of epochs."""
    problem = _blobs(rng, rng.integers(2, 11), rng.uniform(5, 8))()
    recipe = _Recipe(rng.integers(600, 1_200), rng.integers(15, 41), optimizer="gd", decay=False,
                     learning_rate=10 ** rng.uniform(-3.6, -2.8))  # fmt: skip
    return _train(problem, recipe, rng, log=_any_log(rng))


@_drawn
def _drawn_at_chance(rng: Generator) -> Trace:
    """Labels that have nothing to do with the inputs, in both sets; balanced classes."""
    problem = _blobs(rng, rng.integers(2, 11), 0.0)()
    recipe = _Recipe(rng.integers(600, 1_200), rng.integers(15, 41), hidden=rng.choice([8, 64]),
                     learning_rate=10 ** rng.uniform(-4, -2.5))  # fmt: skip
    return _train(problem, recipe, rng, log=_any_log(rng))


@_drawn
def _drawn_at_majority(rng: Generator) -> Trace:
    """Inputs without information and one frequent class."""
    k = rng.integers(2, 6)
    problem = _blobs(rng, k, 0.0, shares=_skewed(rng, k))()
    recipe = _Recipe(rng.integers(600, 1_200), rng.integers(15, 41), hidden=8,
                     learning_rate=10 ** rng.uniform(-3.3, -2.5))  # fmt: skip
    return _train(problem, recipe, rng, log=_any_log(rng))


@_drawn
def _drawn_noisy_labels(rng: Generator) -> Trace:
    """An easy problem in which many labels are wrong, and too many examples to memorise them."""
    k = rng.integers(2, 11)
    problem = _blobs(rng, k, rng.uniform(9, 12), flipped=rng.uniform(0.3, 0.4) if k == 2 else rng.uniform(0.4, 0.6))()
    recipe = _Recipe(2_000, rng.integers(20, 36), hidden=rng.choice([4, 8]),
                     learning_rate=10 ** rng.uniform(-2.7, -2.2))  # fmt: skip
    return _train(problem, recipe, rng, log=_any_log(rng))


@_drawn
def _drawn_too_small(rng: Generator) -> Trace:
    """Softmax regression on classes that no straight lines part."""
    problem = _clumps(rng, rng.integers(2, 6))
    recipe = _Recipe(1_500, rng.integers(20, 41), hidden=0, learning_rate=10 ** rng.uniform(-1.8, -1.3))
    return _train(problem, recipe, rng, log=_any_log(rng))


@_drawn
def _drawn_noisy_validation(rng: Generator) -> Trace:
    """A healthy training whose validation takes other examples in every epoch, as `validation_steps` can."""
    problem = _blobs(rng, rng.integers(2, 8), rng.uniform(4.5, 6))()
    recipe = _Recipe(2_500, rng.integers(20, 41), hidden=16, learning_rate=10 ** rng.uniform(-2.5, -2))
    return _train(problem, recipe, rng, log=_any_log(rng), resampled=True)


@_drawn
def _drawn_unsteady_statistics(rng: Generator) -> Trace:
    """Batch normalisation that remembers only its last small batches: evaluation jumps, training does not."""
    problem = _blobs(rng, rng.integers(2, 8), rng.uniform(4, 7))()
    recipe = _Recipe(400, rng.integers(20, 41), learning_rate=10 ** rng.uniform(-3, -2.3),
                     batch_size=rng.choice([8, 16]), batch_norm_momentum=rng.uniform(0.8, 1.0))  # fmt: skip
    return _train(problem, recipe, rng)


@_drawn
def _drawn_rate_too_high(rng: Generator) -> Trace:
    """A learning rate that throws the weights about without destroying them."""
    problem = _blobs(rng, rng.integers(3, 9), rng.uniform(3, 5))()
    recipe = _Recipe(rng.integers(400, 800), rng.integers(20, 41), learning_rate=10 ** rng.uniform(-0.9, -0.2),
                     batch_size=16, decay=False)  # fmt: skip
    return _train(problem, recipe, rng, log=_any_log(rng))


@_drawn
def _drawn_diverging(rng: Generator) -> Trace:
    """Unscaled inputs and a large learning rate: the loss grows until it is no number any more."""
    problem = _blobs(rng, rng.integers(2, 11), rng.uniform(3, 6))()
    recipe = _Recipe(500, rng.integers(10, 41), learning_rate=10 ** rng.uniform(0, 1), optimizer="gd", decay=False,
                     input_scale=rng.uniform(5, 20))  # fmt: skip
    return _train(problem, recipe, rng, log=_any_log(rng))


@_drawn
def _drawn_diverging_late(rng: Generator) -> Trace:
    """Inputs that nobody centred and a rate that grows in every epoch: all goes well, until every unit is dead."""
    problem = _blobs(rng, 10, rng.uniform(6, 8))(shift=5.0)
    recipe = _Recipe(1_000, 18, hidden=32, learning_rate=0.02, growth=1.3, optimizer="gd",
                     decay=False)  # fmt: skip
    return _train(problem, recipe, rng, log="evaluated")


@_drawn
def _drawn_softmax_twice(rng: Generator) -> Trace:
    """The loss takes the softmax of a softmax."""
    problem = _blobs(rng, rng.integers(2, 11), rng.uniform(6, 9))()
    recipe = _Recipe(1_000, rng.integers(20, 41), learning_rate=10 ** rng.uniform(-2.3, -1.8), softmax_twice=True)
    return _train(problem, recipe, rng, log=_any_log(rng))


@_drawn
def _drawn_dropout_only_in_training(rng: Generator) -> Trace:
    """Much dropout, and a training loss that is measured with it."""
    problem = _blobs(rng, rng.integers(3, 11), rng.uniform(4.5, 7))()
    recipe = _Recipe(2_000, rng.integers(15, 36), hidden=32, learning_rate=10 ** rng.uniform(-2.5, -2),
                     dropout=rng.uniform(0.5, 0.8))  # fmt: skip
    return _train(problem, recipe, rng)


@_drawn
def _drawn_other_distribution(rng: Generator) -> Trace:
    """Validation inputs that are shifted and noisier than those of training."""
    classes = _blobs(rng, rng.integers(2, 11), rng.uniform(6, 8))
    pool = classes(noise=rng.uniform(1.7, 2.5), shift=rng.normal(size=10) * rng.uniform(0.3, 0.8))
    recipe = _Recipe(1_500, rng.integers(15, 31), hidden=16, learning_rate=10 ** rng.uniform(-2.4, -1.9))
    return _train(classes(), recipe, rng, pool=pool, log=_any_log(rng))


@_drawn
def _drawn_easier_validation(rng: Generator) -> Trace:
    """Validation inputs that are cleaner than those of training; the log has both training losses."""
    classes = _blobs(rng, rng.integers(2, 11), rng.uniform(3.5, 5))
    pool = classes(noise=rng.uniform(0.5, 0.7))
    recipe = _Recipe(1_500, rng.integers(15, 31), hidden=32, learning_rate=10 ** rng.uniform(-2.7, -2.2))
    return _train(classes(), recipe, rng, pool=pool, log="both")


@_drawn
def _drawn_dipping(rng: Generator) -> Trace:
    """Outliers far out pull the boundary of a softmax regression through one class and back again."""
    n_outliers, distance = int(rng.integers(6, 11)), rng.uniform(15, 25)

    def draw(rng: Generator, n: int) -> tuple[NDArray, NDArray]:
        return problems.leverage_outliers(n, n_outliers=n * n_outliers // 200, distance=distance, rng=rng)

    recipe = _Recipe(2_000, rng.integers(80, 161), hidden=0, learning_rate=0.01, batch_size=400, optimizer="gd",
                     decay=False, from_zero=True)  # fmt: skip
    return _train(_Problem(2, 2, draw), recipe, rng, log="evaluated")
