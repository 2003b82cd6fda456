"""Patterns of the curve reader that are differences between training and validation. See `lessonlib.reading.patterns`.

Taught in lessons 3, 5 and 9.
"""

from __future__ import annotations

import numpy as np

from lessonlib.reading.evidence import LOSS_MARGIN, TOGETHER, Curves, loss_rise, moving_means
from lessonlib.reading.findings import Finding

#: What training did not make does not grow: a difference at the start that is this share of the largest later one. The
#: loss of a set that differs grows all the same, as the model becomes sure of itself.
GAP_FROM_THE_START = {"accuracy": 0.7, "loss": 0.5}
#: Five points of accuracy between the sets, before anything is memorised, matter.
EARLY_GAP = 0.05
#: Standard errors that a difference between the sets must exceed: nobody asked for it beforehand.
SURE = 3.0


def unrepresentative_validation(c: Curves) -> Finding | None:
    """Find a difference between the sets that is there before memorising can begin, or that favours validation."""
    if c.train_loss is None or c.val_loss is None or c.loss_error is None:
        return None
    if c.running_loss is not None and _favours_validation(c):
        difference, error = _mean_gap(c)
        return Finding(
            "unrepresentative_validation",
            c.numbers(c.whole),
            f"Validation loss is {difference:.3f} ± {1.96 * error:.3f} below the training loss, "
            "which was measured with the finished weights of each epoch: "
            "neither dropout nor a running mean explains it.",
            "Look for duplicates between the sets; score a second, fresh split.",
            "Split again at random (by group or time where examples belong together), stratified by class.",
        )
    evidence = _early_gap(c)
    return None if evidence is None else Finding("unrepresentative_validation", c.numbers(c.whole), evidence)


def _early_gap(c: Curves) -> str | None:
    """Say by how much validation is worse in epochs 2 and 3, if that is certain and most of the gap ever after."""
    if c.train_accuracy is None or c.accuracy_error is None:
        measure, what, unit, scale = "loss", "Validation loss is above training loss", "", 1
        gaps, errors, matters = c.val_loss - c.train_loss, c.loss_error, TOGETHER * c.val_loss[:3].max()
    else:
        measure, what, unit, scale = "accuracy", "Validation accuracy is below training accuracy", " points", 100
        gaps, errors, matters = c.train_accuracy - c.val_accuracy, c.accuracy_error, EARLY_GAP
    early = slice(1, 3)  # in the first epoch a running mean still has the untrained network in it
    first, largest = float(gaps[early].min()), float(moving_means(gaps, c.width).max())
    error = np.sqrt(2) * float(errors[early].mean())
    if first < max(SURE * error, matters, GAP_FROM_THE_START[measure] * largest):
        return None
    return (
        f"{what} by {scale * first:.3g}{unit} or more (standard error {scale * error:.2g}) in epochs 2 and 3 already, "
        f"and later by {scale * largest:.3g} at most. Most of the gap was there before training could make it."
    )


def validation_better(c: Curves) -> Finding | None:
    """Find a validation loss below the training loss, and ask whether half an epoch's delay explains it (lesson 3)."""
    if c.train_loss is None or c.val_loss is None or c.loss_error is None:
        return None
    running = c.train_loss if c.running_loss is None else c.running_loss
    difference = float((running - c.val_loss).mean())
    error = np.sqrt(2) * float(c.loss_error.mean())
    share = float((running > c.val_loss).mean())
    if share < 0.5 or difference < 2 * error or difference < LOSS_MARGIN * float(c.val_loss.mean()):
        return None
    delayed = float(((running[:-1] + running[1:]) / 2 - c.val_loss[:-1]).mean())
    reason = (
        "A mean over the moving epoch explains it."
        if abs(delayed) < max(2 * error, 0.4 * difference)
        else "The delay of a running mean does not explain it: "
        "dropout or augmentation in training, or an easier validation set, may."
    )
    return Finding(
        "validation_better",
        c.numbers(c.whole),
        f"Validation loss is below training loss by {difference:.3f} on average (standard error {error:.3f}), "
        f"in {share:.0%} of the epochs; with the training loss read half an epoch later, by {delayed:.3f}. {reason}",
    )


def gap(c: Curves) -> Finding | None:
    """Find a training loss well below a validation loss that does not rise."""
    if c.train_loss is None or c.val_loss is None or loss_rise(c) is not None:
        return None
    difference = float((c.val_loss - c.train_loss)[c.end].mean())
    error = 0.0 if c.loss_error is None else np.sqrt(2) * float(c.loss_error[c.end].mean())
    if difference < SURE * error or difference < 2 * TOGETHER * float(c.val_loss[c.end].mean()):
        return None
    certainty = "of unknown certainty" if c.loss_error is None else f"standard error {error:.3f}"
    return Finding(
        "gap",
        c.numbers(c.end),
        f"At the end the validation loss is {difference:.3f} above the training loss ({certainty}); "
        "it has not certainly risen.",
    )


def _favours_validation(c: Curves) -> bool:
    gap_, error = _mean_gap(c)
    return gap_ > SURE * error and gap_ > LOSS_MARGIN * float(c.val_loss.mean())


def _mean_gap(c: Curves) -> tuple[float, float]:
    """Return by how much validation is better on average over the second half, and the standard error of that."""
    half = c.second_half
    return float((c.train_loss - c.val_loss)[half].mean()), np.sqrt(2) * float(c.loss_error[half].mean())
