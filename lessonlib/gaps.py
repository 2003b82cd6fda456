"""Patterns of the curve reader that are differences between training and validation. See `lessonlib.patterns`.

Taught in lessons 3, 5 and 9.
"""

from __future__ import annotations

import numpy as np

from lessonlib.evidence import LOSS_MARGIN, TOGETHER, Curves, loss_rise
from lessonlib.findings import Finding

#: A difference at the start that is this share of that at the end was not made by training.
GAP_FROM_THE_START = 0.5
#: Five points of accuracy between the sets, before anything is memorised, matter.
EARLY_GAP = 0.05
#: Standard errors that a difference between the sets must exceed: nobody asked for it beforehand.
SURE = 3.0


def unrepresentative_validation(c: Curves) -> Finding | None:
    """Find a difference between the sets that is there before memorising can begin, or that favours validation."""
    if c.train_loss is None or c.val_loss is None or c.loss_error is None:
        return None
    if c.running_loss is not None and _favours_validation(c):
        gap, error = _mean_gap(c)
        return Finding(
            "unrepresentative_validation",
            c.numbers(slice(0, c.n)),
            f"Validation loss is {gap:.3f} ± {1.96 * error:.3f} below the training loss, which was measured with the "
            "finished weights of each epoch: neither dropout nor a running mean explains it.",
            "Look for duplicates between the sets; score a second, fresh split.",
            "Split again at random (by group or time where examples belong together), stratified by class.",
            "alarm",
        )
    evidence = _early_gap(c)
    if evidence is None:
        return None
    return Finding(
        "unrepresentative_validation",
        c.numbers(slice(0, c.n)),
        f"{evidence} Most of the gap was there before training could make it.",
        "Hold out a random part of the training set and score it too: does it behave like training?",
        "Split at random and stratified, if that is how the model will be used; else get training data like "
        "validation. "
        "Check that both sets are preprocessed alike.",
        "alarm",
    )


def _early_gap(c: Curves) -> str | None:
    """Say by how much validation is worse in epochs 2 and 3, if that is certain and most of the gap at the end.

    By accuracy where it is known, since the loss of a set that differs also rises as the model becomes sure of itself.
    """
    # In the first epoch a running mean still has the untrained network in it.
    early = slice(1, 3)
    if c.train_accuracy is None or c.accuracy_error is None:
        gaps, errors, matters, unit, scale = c.val_loss - c.train_loss, c.loss_error, TOGETHER * c.val_loss[1], "", 1
        name = "Validation loss is above training loss"
    else:
        gaps, errors, matters, unit, scale = (
            c.train_accuracy - c.val_accuracy,
            c.accuracy_error,
            EARLY_GAP,
            " points",
            100,
        )
        name = "Validation accuracy is below training accuracy"
    first, last = float(gaps[early].min()), float(gaps[c.end].mean())
    error = np.sqrt(2) * float(errors[early].mean())
    if first < max(SURE * error, matters, GAP_FROM_THE_START * last):
        return None
    return (
        f"{name} by {scale * first:.3g}{unit} or more (standard error {scale * error:.2g}) in epochs 2 and 3 "
        "already, and "
        f"by {scale * last:.3g} at the end."
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
    explained = abs(delayed) < max(2 * error, 0.4 * difference)
    return Finding(
        "validation_better",
        c.numbers(slice(0, c.n)),
        f"Validation loss is below training loss by {difference:.3f} on average (standard error "
        f"{error:.3f}), in {share:.0%} "
        f"of the epochs; with the training loss read half an epoch later, by {delayed:.3f}. "
        + (
            "A mean over the moving epoch explains it."
            if explained
            else "The delay of a running mean does not explain it: dropout or augmentation in training, or an easier "
            "validation set, may."
        ),
        "Evaluate the training set after an epoch, in evaluation mode: is it still worse than validation?",
        "Nothing, if that makes them equal. If not, look for duplicates between the sets and split again.",
        "note",
    )


def gap(c: Curves) -> Finding | None:
    """Find a training loss well below a validation loss that does not rise."""
    if c.train_loss is None or c.val_loss is None or loss_rise(c) is not None:
        return None
    difference = float((c.val_loss - c.train_loss)[c.end].mean())
    error = 0.0 if c.loss_error is None else np.sqrt(2) * float(c.loss_error[c.end].mean())
    if difference < SURE * error or difference < 2 * TOGETHER * float(c.val_loss[c.end].mean()):
        return None
    return Finding(
        "gap",
        c.numbers(c.end),
        f"At the end the validation loss is {difference:.3f} above the training loss (standard error "
        f"{error:.3f}); it has "
        "not certainly risen.",
        "Train longer: does validation stay where it is?",
        "A gap alone is no reason to stop: what counts is whether validation still improves.",
        "note",
    )


def _favours_validation(c: Curves) -> bool:
    gap_, error = _mean_gap(c)
    return gap_ > SURE * error and gap_ > LOSS_MARGIN * float(c.val_loss.mean())


def _mean_gap(c: Curves) -> tuple[float, float]:
    """Return by how much validation is better on average over the second half, and the standard error of that."""
    half = c.second_half
    return float((c.train_loss - c.val_loss)[half].mean()), np.sqrt(2) * float(c.loss_error[half].mean())
