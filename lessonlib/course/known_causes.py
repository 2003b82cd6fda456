"""Runs with a known cause, trained on the spot.

`CAUSES` are small NumPy runs with one cause each, for exercises 9 and 10 and the clinic. How often each shows what it
is known for is counted in ``tests/test_known_causes.py``. Whoever reads this file and knows the seed can work out which
run has which cause: it keeps a glance out, no more. Other runs: ``tools/clinic_cases.py``, ``tools/drawn_causes.py``.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lessonlib import metrics, problems
from lessonlib.network import Network, fit
from lessonlib.problems import Examples
from lessonlib.runs import Run

#: The columns of a log.
LOGGED = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
Generator = np.random.Generator


def _fit(sizes: Sequence[int], sets: Sequence[Examples], rng: Generator, *, scale: float = 1.0, **how: Any) -> Run:
    network = Network(sizes, rng=rng, scale=scale)
    return fit(network, *sets, rng=rng, **{"batch_size": 50, **how})


def _digits(rng: Generator, *, rate: float, epochs: int, batch_size: int = 50) -> Run:
    sets = problems.digits(1_000, 700, rng=rng)
    return _fit([64, 32, 10], sets, rng, epochs=epochs, learning_rate=rate, batch_size=batch_size)


def _confident_errors(rng: Generator) -> Run:
    """Learn a pattern while the coin points of the training set are learnt by heart."""
    sets = [problems.two_phenomena(n, rng=rng) for n in (1_000, 2_000)]
    return _fit([22, 64, 64, 2], sets, rng, epochs=50, learning_rate=3e-3)


def _overfitting(rng: Generator) -> Run:
    """Learn a rule from examples of which one label in five is wrong, and then the wrong labels."""
    train, val = problems.teacher(600, 3_000, rng=rng)
    train = train._replace(y=problems.flip_labels(train.y, 0.2, n_classes=2, rng=rng))
    return _fit([20, 64, 2], (train, val), rng, epochs=40, learning_rate=3e-3)


def _noise_ceiling(rng: Generator, bias: float = 0.6) -> Run:
    sets = problems.coin_groups(2_000, 1_500, bias=bias, rng=rng)
    return _fit([10, 10], sets, rng, scale=0, epochs=40, learning_rate=5e-3)


def _too_simple(rng: Generator, positive_share: float = 0.4) -> Run:
    """Give a straight line a problem without a straight answer."""
    sets = [problems.xor(n, positive_share=positive_share, rng=rng) for n in (1_000, 1_500)]
    return _fit([2, 2], sets, rng, scale=0, epochs=30, learning_rate=3e-3)


def _tiny_features(rng: Generator) -> Run:
    """Leave two clouds in units that make every feature tiny: the weights have a long way to go."""
    drawn = [problems.imbalanced_gaussians(n, positive_share=0.4, separation=3, rng=rng) for n in (1_000, 1_500)]
    sets = [Examples(x * np.float32(0.1), y) for x, y in drawn]
    return _fit([2, 2], sets, rng, scale=0, epochs=10, learning_rate=2e-3)


def _too_little_data(rng: Generator) -> Run:
    sets = problems.teacher(25, 1_500, rng=rng)
    return _fit([20, 32, 2], sets, rng, epochs=40, learning_rate=0.01, batch_size=20)


def _other_rows(rng: Generator) -> Run:
    """Validate on the end of a file that somebody else labelled, carelessly."""
    (x, y), _ = problems.digits(1_500, 1, rng=rng)
    careless = problems.flip_labels(y[900:], 0.5, n_classes=10, rng=rng)
    sets = Examples(x[:900], y[:900]), Examples(x[900:], careless)
    return _fit([64, 32, 10], sets, rng, epochs=12, learning_rate=5e-3)


#: What can be the matter with a run.
CAUSES: dict[str, Callable[..., Run]] = {
    "healthy": lambda rng: _digits(rng, rate=3e-3, epochs=40),
    "not finished": lambda rng: _digits(rng, rate=1.5e-4, epochs=25),
    "rate too high": lambda rng, **how: _digits(rng, rate=0.1, epochs=30, **how),
    "few validation examples": lambda rng: judged_anew(_digits(rng, rate=2e-3, epochs=30), 60, rng=rng),
    "confident errors": _confident_errors,
    "overfitting": _overfitting,
    "noise ceiling": _noise_ceiling,
    "too simple": _too_simple,
    "tiny features": _tiny_features,
    "too little data": _too_little_data,
    "other rows": _other_rows,
}


def train(cause: str, seed: int | Sequence[int], *, logged: Sequence[str] = LOGGED, **changes: float) -> Run:
    """Train a run of `CAUSES`, keep the curves `logged`, and tell in its provenance sizes but not its cause.

    `changes` are options of the cause, such as the bias of a noise ceiling.
    """
    if cause not in CAUSES:
        raise ValueError(f"no cause {cause!r}: choose one of {', '.join(CAUSES)}.")
    run = CAUSES[cause](np.random.default_rng(seed), **changes)
    n_classes = run.val_logits.shape[2]
    shares = np.bincount(run.val_labels, minlength=n_classes) / len(run.val_labels)
    told = {"n_train": run.provenance["n_train"], "n_val": len(run.val_labels)}
    told |= {"n_classes": n_classes, "class_shares": shares.tolist()}
    return Run({name: run[name] for name in logged}, provenance=told)


def judged_anew(run: Run, n_val: int, *, rng: int | Generator) -> Run:
    """Return a run as it would look had every epoch been judged by `n_val` of its validation examples, drawn anew."""
    rng = np.random.default_rng(rng)
    drawn = [rng.choice(len(run.val_labels), n_val, replace=False) for _ in run.epochs]
    losses = [metrics.estimate_mean(losses[rows]) for losses, rows in zip(run.val_losses(), drawn, strict=True)]
    validation = {
        "val_loss": [loss.value for loss in losses],
        "val_loss_se": [loss.standard_error for loss in losses],
        "val_accuracy": [hits[rows].mean() for hits, rows in zip(run.val_hits(), drawn, strict=True)],
    }
    told = run.provenance | {"n_val": n_val}
    return Run({**run.metrics, **validation}, run.val_logits[:, :n_val], run.val_labels[:n_val], told)


def ward(causes: Sequence[str], seed: Sequence[int], *, n_runs: int | None = None) -> dict[str, Run]:
    """Train runs of different causes, or of `n_runs` of them, and give them letters in an order drawn from a seed.

    The seed is a sequence, such as the number of a class and that of a question.
    """
    order = np.random.default_rng(seed).permutation(len(causes))[:n_runs]
    letters = string.ascii_uppercase
    return {letter: train(causes[place], [*seed, int(place)]) for letter, place in zip(letters, order, strict=False)}


def look(run: Run) -> None:
    """Show the curves of a run in a notebook."""
    from lessonlib import figures  # a grader that trains the runs draws nothing

    ends = ", ".join(f"{name} from {run[name][0]:.2f} to {run[name][-1]:.2f}" for name in LOGGED)
    figures.show(figures.Picture(f"{run.n_epochs} epochs: {ends}.", *figures.training_panels(run)))
