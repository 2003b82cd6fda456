"""Runs of strangers for exercises 9 and 10: trained on the spot, each with one cause, in an order drawn from a seed.

What a stranger shows is what a log has: four curves, the sizes, the classes. Which letter has which cause can be worked
out by whoever reads this file and knows the seed; it keeps a glance out, not a determined reader. How often each cause
shows what it is known for is counted in ``tests/test_strangers.py``.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

import numpy as np

from lessonlib import metrics, problems
from lessonlib.network import Network, fit
from lessonlib.problems import Examples
from lessonlib.runs import Run

#: The columns of a log.
LOGGED = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")
Generator = np.random.Generator


def _digits(rng: Generator, *, rate: float, epochs: int, n_val: int = 700) -> Run:
    train, val = problems.digits(1_000, n_val, rng=rng)
    return fit(Network([64, 32, 10], rng=rng), train, val, epochs=epochs, learning_rate=rate, batch_size=50, rng=rng)


def _healthy(rng: Generator) -> Run:
    return _digits(rng, rate=3e-3, epochs=40)


def _not_finished(rng: Generator) -> Run:
    return _digits(rng, rate=1.5e-4, epochs=25)


def _rate_too_high(rng: Generator) -> Run:
    return _digits(rng, rate=0.1, epochs=30)


def _few_validation_examples(rng: Generator) -> Run:
    return judged_anew(_digits(rng, rate=2e-3, epochs=30), 60, rng=rng)


def _confident_errors(rng: Generator) -> Run:
    """Learn a pattern while the coin points of the training set are learnt by heart."""
    train, val = (problems.two_phenomena(n, rng=rng) for n in (1_000, 2_000))
    return fit(Network([22, 64, 64, 2], rng=rng), train, val, epochs=50, learning_rate=3e-3, batch_size=50, rng=rng)


def _overfitting(rng: Generator) -> Run:
    """Learn a rule from examples of which one label in five is wrong, and then the wrong labels."""
    train, val = problems.teacher(600, 3_000, rng=rng)
    train = train._replace(y=problems.flip_labels(train.y, 0.2, n_classes=2, rng=rng))
    return fit(Network([20, 64, 2], rng=rng), train, val, epochs=40, learning_rate=3e-3, batch_size=50, rng=rng)


def _noise_ceiling(rng: Generator) -> Run:
    train, val = problems.coin_groups(2_000, 1_500, rng=rng)
    return fit(Network([10, 10], rng=rng, scale=0), train, val, epochs=40, learning_rate=5e-3, batch_size=50, rng=rng)


def _too_simple(rng: Generator) -> Run:
    """Give a straight line a problem without a straight answer."""
    train, val = (problems.xor(n, rng=rng) for n in (1_000, 1_500))
    return fit(Network([2, 2], rng=rng, scale=0), train, val, epochs=30, learning_rate=3e-3, batch_size=50, rng=rng)


def _tiny_features(rng: Generator) -> Run:
    """Leave two clouds in units that make every feature tiny: the weights have a long way to go."""
    sets = [problems.imbalanced_gaussians(n, positive_share=0.4, separation=3, rng=rng) for n in (1_000, 1_500)]
    train, val = (Examples(x * np.float32(0.1), y) for x, y in sets)
    return fit(Network([2, 2], rng=rng, scale=0), train, val, epochs=10, learning_rate=2e-3, batch_size=50, rng=rng)


def _too_little_data(rng: Generator) -> Run:
    train, val = problems.teacher(25, 1_500, rng=rng)
    return fit(Network([20, 32, 2], rng=rng), train, val, epochs=40, learning_rate=0.01, batch_size=20, rng=rng)


def _other_rows(rng: Generator) -> Run:
    """Validate on the end of a file that somebody else labelled, carelessly."""
    (x, y), _ = problems.digits(1_500, 1, rng=rng)
    careless = problems.flip_labels(y[900:], 0.5, n_classes=10, rng=rng)
    train, val = Examples(x[:900], y[:900]), Examples(x[900:], careless)
    return fit(Network([64, 32, 10], rng=rng), train, val, epochs=12, learning_rate=5e-3, batch_size=50, rng=rng)


#: What can be the matter with a stranger's run.
CAUSES: dict[str, Callable[[Generator], Run]] = {
    "healthy": _healthy,
    "not finished": _not_finished,
    "rate too high": _rate_too_high,
    "few validation examples": _few_validation_examples,
    "confident errors": _confident_errors,
    "overfitting": _overfitting,
    "noise ceiling": _noise_ceiling,
    "too simple": _too_simple,
    "tiny features": _tiny_features,
    "too little data": _too_little_data,
    "other rows": _other_rows,
}


def train(cause: str, seed: int | Sequence[int]) -> Run:
    """Train the run of a stranger.

    Parameters
    ----------
    cause : str
        A key of `CAUSES`.
    seed : int or sequence of int
        For `numpy.random.default_rng`.

    Returns
    -------
    Run
        The curves of `LOGGED`; its provenance holds ``n_val``, ``n_classes`` and ``class_shares`` (of the validation
        set), and nothing that names the cause.

    Raises
    ------
    ValueError
        If there is no such cause.
    """
    if cause not in CAUSES:
        raise ValueError(f"no cause {cause!r}: choose one of {', '.join(CAUSES)}.")
    run = CAUSES[cause](np.random.default_rng(seed))
    n_classes = run.val_logits.shape[2]
    shares = np.bincount(run.val_labels, minlength=n_classes) / len(run.val_labels)
    told = {"n_val": len(run.val_labels), "n_classes": n_classes, "class_shares": shares.tolist()}
    return Run({name: run[name] for name in LOGGED}, provenance=told)


def judged_anew(run: Run, n_val: int, *, rng: int | Generator) -> Run:
    """Return a run as it would look had every epoch been judged by a few validation examples, drawn anew.

    Parameters
    ----------
    run : Run
        With its validation logits.
    n_val : int
        How many examples judge an epoch.
    rng : int or Generator

    Returns
    -------
    Run
        With new values of ``val_loss``, ``val_loss_se`` and ``val_accuracy``.
    """
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
    """Train runs of different causes and give them letters in an order drawn from a seed.

    Parameters
    ----------
    causes : sequence of str
        Keys of `CAUSES`.
    seed : sequence of int
        Such as the number of a class and that of a question.
    n_runs : int, optional
        Only so many of the causes, drawn as well; all by default.

    Returns
    -------
    dict of str to Run
        By letter, from A; see `train`.

    Raises
    ------
    ValueError
        If there is no such cause.
    """
    order = np.random.default_rng(seed).permutation(len(causes))[:n_runs]
    letters = string.ascii_uppercase
    return {letter: train(causes[place], [*seed, int(place)]) for letter, place in zip(letters, order, strict=False)}


def look(run: Run) -> None:
    """Show the curves of a run in a notebook.

    Parameters
    ----------
    run : Run
        With the curves of `LOGGED`.
    """
    from matplotlib.figure import Figure  # a grader that trains the runs draws nothing

    from lessonlib import charts, figures

    with figures.style():
        figure = Figure(figsize=(9, 3.2))
        axes = charts.panels(figure, "Loss, nats", "Accuracy")
        for ax, measure in zip(axes, ("loss", "accuracy"), strict=True):
            charts.curve(ax, run.epochs, run[f"train_{measure}"], label="training")
            charts.curve(ax, run.epochs, run[f"val_{measure}"], colour="vermilion", label="validation")
            ax.set(xlabel="epoch", ylim=(0, None if measure == "loss" else 1.03))
            ax.legend()
    ends = ", ".join(f"{name} from {run[name][0]:.2f} to {run[name][-1]:.2f}" for name in LOGGED)
    figures.show(figure, f"{run.n_epochs} epochs: {ends}.")
