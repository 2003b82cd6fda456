"""Patterns of the curve reader that are jumps from epoch to epoch: of the training, of the model, of the sample.

See `lessonlib.reading.patterns`, which puts them in order. Taught in lessons 5 and 9.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from lessonlib import uncertainty
from lessonlib.reading.evidence import ACCURACY_MARGIN, FEWEST_EPOCHS, JITTER_FREEDOM, Curves, late_jitter
from lessonlib.reading.findings import Finding

#: A training loss that scatters by more than this share of its level, at the start or later, jumps.
TRAINING_JUMPS = 0.03
#: A loss that falls steadily rises in few epochs; jumps up and down make it rise in more than a fifth of them.
RISES = 0.2
#: Jumps of the validation loss below this share of its first value do not matter, however certain.
FLUCTUATION = 0.01
#: Jumps below a quarter of the sampling error are hardly seen.
VISIBLE_JUMP = 0.25
#: The half-width that one wishes an accuracy had.
ACCURACY_WANTED = 0.01


def learning_rate_too_high(c: Curves) -> Finding | None:
    """Find a training loss that jumps in the second half of the run."""
    if c.train_loss is None or c.n < 2 * FEWEST_EPOCHS:
        return None
    # Against the start as well, since a loss near 0 jumps by much of itself and means nothing.
    jump = late_jitter(c.train_loss)
    level = max(abs(float(c.train_loss[0])), float(c.train_loss[c.second_half].mean()))
    if jump <= TRAINING_JUMPS * level:
        return None
    rises = float((np.diff(c.train_loss[c.second_half]) > 0).mean())
    if rises < RISES:
        return None
    return Finding(
        "learning_rate_too_high",
        c.numbers(c.second_half),
        f"In the second half the training loss jumps by {jump:.3f} from epoch to epoch (standard deviation), "
        f"{jump / level:.1%} of its level, and rises in {rises:.0%} of the epochs. "
        "The training set is fixed: no validation noise is in this.",
    )


def real_fluctuation(c: Curves) -> Finding | None:
    """Find a validation curve that jumps by more than even a fresh validation set per epoch would."""
    loss_matters = 0.0 if c.val_loss is None else FLUCTUATION * abs(float(c.val_loss[0]))
    for name, values, errors, unit, scale, matters in (
        ("accuracy", c.val_accuracy, c.accuracy_error, " points", 100, ACCURACY_MARGIN / 2),
        ("loss", c.val_loss, c.loss_error, " nats", 1, loss_matters),
    ):
        if values is None or errors is None or c.n < 2 * FEWEST_EPOCHS:
            continue
        jump, error = late_jitter(values), float(errors[c.second_half].mean())
        if jump <= max(error * largest_ratio(c), matters):
            continue
        return Finding(
            "real_fluctuation",
            c.numbers(c.second_half),
            f"In the second half the validation {name} jumps by {scale * jump:.2f}{unit} from epoch to epoch "
            f"(standard deviation). A fresh set of {c.n_val} examples in every epoch would make it jump by "
            f"{scale * error:.2f} at most, the same set by less: the model itself changes.",
        )
    return None


def sampling_noise(c: Curves) -> Finding | None:
    """Say what a validation set of this size cannot show, where the curve's jumps are no larger."""
    if c.val_accuracy is None or c.n < 2 * FEWEST_EPOCHS:
        return None
    jump, share = late_jitter(c.val_accuracy), float(c.val_accuracy[c.second_half].mean())
    spread = float(np.sqrt(share * (1 - share)))
    if c.accuracy_error is None:
        if jump == 0:
            return None
        n_alike = max(1, round((spread / jump) ** 2))
        return Finding(
            "cannot_tell",
            c.numbers(c.second_half),
            f"Validation accuracy jumps by {100 * jump:.2f} points from epoch to epoch (standard deviation). "
            f"A fresh set of about {n_alike} examples per epoch would jump as much by chance alone; "
            "n_val is not known.",
            "Read again with n_val.",
            "Pass n_val (--n-val).",
        )
    error = float(c.accuracy_error[c.second_half].mean())
    if not VISIBLE_JUMP * error < jump <= error * largest_ratio(c):
        return None
    z = NormalDist().inv_cdf((1 + c.level) / 2)
    # For an interval of one accuracy, an even bet is what its half-width is.
    needed = uncertainty.examples_needed(ACCURACY_WANTED, spread, level=c.level, power=0.5) if spread else c.n_val
    return Finding(
        "sampling_noise",
        c.numbers(c.second_half),
        f"Validation accuracy jumps by {100 * jump:.2f} points from epoch to epoch (standard deviation); "
        f"fresh sets of n = {c.n_val} would by {100 * error:.2f}. "
        f"n = {c.n_val} cannot show less than ±{100 * z * error:.1f} points; "
        f"for ±{100 * ACCURACY_WANTED:g} you need about {needed:,}.",
    )


def largest_ratio(c: Curves) -> float:
    """Return how far above the sampling error a scatter may be by chance (chi-square, 1 in 1,000 one-sided)."""
    from scipy import special  # not needed by who only imports the module

    free = max(1.0, JITTER_FREEDOM * (c.n - c.n // 2 - 2))
    return float(np.sqrt(special.chdtri(free, 0.001) / free))
