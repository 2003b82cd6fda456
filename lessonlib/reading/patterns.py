"""The patterns of the curve reader: one function each, from curves to a finding or None.

A function returns a finding only where the evidence for it exceeds its uncertainty; `find_all` puts them in order.
Differences between the sets are in `lessonlib.reading.gaps`, jumps from epoch to epoch in
`lessonlib.reading.jumps`. Thresholds stand
at the top with their reasons; they were tuned on one half of the corpus of ``tools/reader_corpus.py`` and measured on
the other (``docs/reader-accuracy.md``). Taught in lesson 9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lessonlib import uncertainty
from lessonlib.metrics import double_softmax_floor
from lessonlib.reading.evidence import (
    FEWEST_EPOCHS,
    LOSS_MARGIN,
    TOGETHER,
    Curves,
    Values,
    late_jitter,
    loss_rise,
    moving_means,
)
from lessonlib.reading.findings import Finding, percent, said
from lessonlib.reading.gaps import gap, unrepresentative_validation, validation_better
from lessonlib.reading.jumps import learning_rate_too_high, real_fluctuation, sampling_noise

#: A training loss that ends this many times above its first value has run away; mere jumping stays below.
RUNAWAY = 2.0
#: A training accuracy from which a double softmax is looked for: below, other reasons for a high loss abound.
ACCURATE = 0.7
#: How much better than knowing nothing a loss must be, as a share, before it counts as learnt.
LEARNT = 0.02
#: A loss is still falling if its last fifth of the epochs makes more than this share of the way so far ...
STILL_FALLING = 0.05
#: ... and falls by more than this share of itself: a loss that has hardly moved at all is not on its way.
FALL_OF_ITSELF = 0.01
#: A plateau above this share of the loss of knowing nothing is poor, whatever its reason.
POOR = 0.5
#: Standard errors for what was selected as the largest of many: about 0.05 / 50 two-sided.
SELECTED = 3.3
#: Drops of accuracy below two points are no dip, however certain.
ACCURACY_DROP = 0.02
#: Scatters that a fall on this very validation set must exceed.
SURE_OF_THIS_SET = 3.0
#: Real confidences are never quite equal: up to this share below the loss of equal ones counts as equal.
EVEN_CONFIDENCE = 0.06
#: Up to a point above guessing is still guessing.
ACCURACY_MARGIN_OF_CHANCE = 0.01


# ---- nothing to read, or nothing learnt ------------------------------------------------------------


def too_short(c: Curves) -> Finding:
    """Say that so few epochs have no trend."""
    has = "epoch has" if c.n == 1 else "epochs have"
    return Finding(
        "cannot_tell",
        c.numbers(c.whole) if c.n else (1, c.passed_over),
        f"{c.n} {has} finite values in every curve; a trend needs at least {FEWEST_EPOCHS}.",
        "Train on and read again.",
        "Log every epoch, loss and accuracy of both sets.",
    )


def diverged(c: Curves) -> Finding | None:
    """Find losses that are no longer finite, or a training loss that ran away."""
    if c.stopped_at is not None:
        before = "" if c.n == 0 else f", after {c.n} epochs that were"
        evidence = f"From epoch {c.stopped_at} on a loss is NaN or infinite{before}."
        return Finding("diverged", (c.stopped_at, c.stopped_at), evidence)
    if c.train_loss is None or c.train_loss[0] <= 0:
        return None
    now, first, lowest = c.train_loss[c.end].mean(), c.train_loss[0], moving_means(c.train_loss, c.width).min()
    nothing = knowing_nothing(c)
    ran_away = now > RUNAWAY * first
    collapsed = nothing is not None and lowest < POOR * nothing and now > (1 - LEARNT) * nothing
    if not (ran_away or collapsed):
        return None
    evidence = f"The training loss is {now:.3g} at the end; it began at {first:.3g} and had reached {lowest:.3g}."
    return Finding("diverged", c.numbers(c.end), evidence)


def double_softmax(c: Curves) -> Finding | None:
    """Find a loss that stays above the floor of a softmax applied twice although the answers are right (lesson 1)."""
    loss, accuracy = (c.val_loss, c.val_accuracy) if c.train_loss is None else (c.train_loss, c.train_accuracy)
    if c.n_classes is None or loss is None or accuracy is None:
        return None
    floor = double_softmax_floor(c.n_classes)
    at_end, share = float(loss[c.end].mean()), float(accuracy[c.end].mean())
    even = _loss_of_even_confidence(share, c.n_classes)
    # A right answer costs at least the floor, a wrong one up to 1 more; a plain softmax less than even confidence.
    highest = floor + 1.2 * (1 - share) + 0.15 * (np.log(c.n_classes) - floor)
    explained = floor * 0.99 <= loss.min() and at_end <= highest
    # A loss that still falls is on its way down from a start without confidence, and may yet pass the floor.
    if share < ACCURATE or not explained or at_end < even + 0.05 or _late_fall(loss).still:
        return None
    which = "validation" if c.train_loss is None else "training"
    return Finding(
        "double_softmax",
        c.numbers(c.end),
        f"With {share:.1%} of the {which} answers right, the loss is {at_end:.3f}. "
        f"It never went below ln(1 + {c.n_classes - 1}/e) = {floor:.3f}, the least that a softmax of a softmax can "
        f"reach; answers that good, all equally confident, would cost {even:.3f}.",
    )


def chance(c: Curves) -> Finding | None:
    """Find a validation accuracy at that of guessing and a loss not below that of knowing nothing, all along."""
    if _is_imbalanced(c) or not _at_baseline(c):
        return None
    nothing = knowing_nothing(c)
    reason, advice = "", ""
    if c.train_loss is not None and c.train_loss[c.end].mean() < (1 - 5 * LEARNT) * nothing:
        reason = " The training loss falls all the same: the examples are memorised, and nothing carries over."
        advice = "Check that labels belong to their inputs in both sets."
    elif c.train_loss is not None:
        reason = " The training loss does not leave it either."
    loss, low, high = _baseline_numbers(c)
    return Finding(
        "chance",
        c.numbers(c.second_half),
        f"Validation accuracy in the second half is {low:.1%} to {high:.1%} ({percent(c.level)} interval), "
        f"guessing gives {1 / c.n_classes:.1%}; the loss is {loss:.3f}, "
        f"knowing nothing costs ln {c.n_classes} = {nothing:.3f}.{reason}",
        advice=advice,
    )


def majority(c: Curves) -> Finding | None:
    """Find a validation accuracy at the share of the most frequent class and a loss not below that of the shares."""
    if c.class_shares is not None:
        if not _is_imbalanced(c) or not _at_baseline(c):
            return None
        loss, low, high = _baseline_numbers(c)
        evidence = (
            f"Validation accuracy in the second half is {low:.1%} to {high:.1%} ({percent(c.level)} interval), "
            f"the most frequent class has {c.class_shares.max():.1%}; the loss is {loss:.3f}, "
            f"knowing the shares alone costs {knowing_nothing(c):.3f}."
        )
    elif (share := _constant_accuracy(c)) is not None:
        evidence = (
            f"Validation accuracy is {share:.1%} in every epoch of the second half, as when one class is always said, "
            "and the loss is not below that of knowing the class shares only. Pass class_shares to be sure."
        )
    else:
        return None
    return Finding("majority", c.numbers(c.second_half), evidence)


# ---- validation gets worse ----------------------------------------------------------------------


def confident_errors(c: Curves) -> Finding | None:
    """Find a validation loss that rose from its lowest while accuracy did not fall (lessons 2, 6 and 7)."""
    rise = loss_rise(c)
    if rise is None or c.val_accuracy is None:
        return None
    change = c.accuracy_change(c.lowest, c.end)
    if _fell(change):
        return None
    fall = -100 * change.interval.low
    unsure = f" A fall of up to {fall:.1f} points is not excluded; that would be overfitting."
    return Finding(
        "confident_errors",
        _from_lowest(c),
        f"Validation loss, {said(rise)} nats. Accuracy over the same epochs, {said(change, 100)} points."
        f"{unsure if change.verdict == 'cannot tell' and fall > 0 else ''}{_training(c)}{_split(c)}",
    )


def overfitting(c: Curves) -> Finding | None:
    """Find a validation loss that rose from its lowest, with an accuracy that fell or is not known."""
    rise = loss_rise(c)
    if rise is None:
        return None
    accuracy = "Accuracy is not known; had it not fallen, errors would have become confident."
    if c.val_accuracy is not None:
        change = c.accuracy_change(c.lowest, c.end)
        if not _fell(change):
            return None
        accuracy = f"Accuracy over the same epochs, {said(change, 100)} points."
        if change.verdict == "cannot tell":
            accuracy += " Had it not fallen, errors would have become confident."
    return Finding(
        "overfitting",
        _from_lowest(c),
        f"Validation loss, {said(rise)} nats. {accuracy}{_training(c)}",
        advice=f"Stop near epoch {c.numbers(c.lowest)[1]}; "
        "then more data, augmentation, weight decay, dropout or a smaller model.",
    )


def dip(c: Curves) -> Finding | None:
    """Find an accuracy that fell from an earlier height while the loss fell: the reverse disagreement (lesson 2)."""
    if c.val_loss is None or c.val_accuracy is None or c.n < 3 * c.width:
        return None
    width = max(1, c.width // 3)
    accuracy, loss = moving_means(c.val_accuracy, width), moving_means(c.val_loss, width)
    drop = np.maximum.accumulate(accuracy) - accuracy
    drop[loss > np.minimum.accumulate(loss) * (1 + LOSS_MARGIN / 2)] = 0  # only while the loss is as low as ever
    bottom = int(drop.argmax())
    top = int(accuracy[: bottom + 1].argmax())
    before, after = slice(top, top + width), slice(bottom, bottom + width)
    if drop[bottom] <= ACCURACY_DROP or loss[bottom] >= loss[top]:
        return None
    fall = c.accuracy_change(before, after)
    if -fall.interval.estimate.value < SELECTED * fall.interval.estimate.standard_error:
        return None
    back = accuracy[bottom:].max() >= accuracy[top] - drop[bottom] / 2
    return Finding(
        "dip",
        (c.numbers(before)[0], c.numbers(after)[1]),
        f"Accuracy went from {accuracy[top]:.1%} to {accuracy[bottom]:.1%} ({said(fall, 100)} points) "
        f"while the loss went from {loss[top]:.3f} to {loss[bottom]:.3f}. "
        f"It {'came back afterwards: no place to stop' if back else 'did not come back afterwards'}.",
    )


# ---- not learnt enough, or nothing wrong ------------------------------------------------------------


def unfinished(c: Curves) -> Finding | None:
    """Find losses of both sets that still fall over the last fifth of the run."""
    falls = [_late_fall(values) for values in (c.train_loss, c.val_loss) if values is not None]
    if not falls or not all(fall.still and fall.scores > SURE_OF_THIS_SET for fall in falls):
        return None
    last, which = falls[-1], "validation" if c.val_loss is not None else "training"
    scores = "more than 100" if last.scores > 100 else f"{last.scores:.0f}"
    return Finding(
        "unfinished",
        c.numbers(slice(c.n - 1 - c.n // 5, c.n)),
        f"Over the last fifth of the epochs the {which} loss went from {last.before:.4g} to {last.after:.4g}, "
        f"{last.share:.0%} of all that it has fallen so far ({scores} times the scatter of its epochs on this set).",
    )


def noise_ceiling(c: Curves) -> Finding | None:
    """Find both sets on a poor plateau whose loss is that of equal confidence in every answer."""
    plateau = _poor_plateau(c)
    if plateau is None or c.val_accuracy is None or c.n_classes is None:
        return None
    share = float(c.val_accuracy[c.end].mean())
    even = _loss_of_even_confidence(share, c.n_classes)
    if plateau < (1 - EVEN_CONFIDENCE) * even:
        return None
    return Finding(
        "noise_ceiling",
        c.numbers(c.second_half),
        f"Both losses have stopped together at {plateau:.3f}, with {share:.1%} of the answers right. "
        f"Labels of which a constant share is wrong would cost {even:.3f} at that accuracy. "
        "A model that is too small can look the same.",
    )


def underfitting(c: Curves) -> Finding | None:
    """Find both sets on a poor plateau."""
    plateau = _poor_plateau(c)
    if plateau is None:
        return None
    return Finding(
        "underfitting",
        c.numbers(c.second_half),
        f"Both losses have stopped together at {plateau:.3f}, more than {POOR:.0%} of what knowing nothing costs. "
        "Nothing is being memorised.",
    )


def verdict_without_alarm(c: Curves) -> Finding:
    """Say that nothing is wrong, or that a rise may hide in the noise."""
    if c.val_loss is None:
        return Finding(
            "cannot_tell",
            c.numbers(c.whole),
            "There is no validation loss, so there is nothing to hold the training against.",
            "Log the validation loss.",
            "Pass validation_data or log val_loss.",
        )
    change = c.loss_change(c.lowest, c.end)
    rise = change.interval.estimate
    if change.verdict == "cannot tell" and rise.value > change.margin:
        more = ""
        if c.n_val is not None:
            needed = uncertainty.examples_needed(rise.value, rise.standard_error * np.sqrt(c.n_val))
            more = f" About {needed:,} validation examples would show a rise of this size."
        evidence = f"Validation loss from its lowest to the end, {said(change)}: a rise that chance can make.{more}"
        return Finding("cannot_tell", c.numbers(c.whole), evidence)
    accuracy = "" if c.val_accuracy is None else f" Accuracy, {said(c.accuracy_change(c.lowest, c.end), 100)} points."
    return Finding(
        "healthy",
        c.numbers(c.whole),
        f"Validation loss from its lowest to the end, {said(change)}.{accuracy} "
        "Neither training nor validation raises an alarm.",
    )


# ---- the order --------------------------------------------------------------------------------

#: Looked for unless nothing was learnt, the most important first.
IN_ORDER: tuple[Callable[[Curves], Finding | None], ...] = (
    learning_rate_too_high,
    unrepresentative_validation,
    confident_errors,
    overfitting,
    real_fluctuation,
    unfinished,
    noise_ceiling,
    underfitting,
    dip,
    validation_better,
    gap,
)


def find_all(c: Curves) -> list[Finding]:
    """Return every finding, the most important first.

    Parameters
    ----------
    c : Curves

    Returns
    -------
    list of Finding
        Never empty.
    """
    if c.stopped_at is not None:
        return [diverged(c)]
    if c.n < FEWEST_EPOCHS:
        return [too_short(c)]
    nothing_learnt = next(filter(None, (pattern(c) for pattern in (diverged, chance, majority, double_softmax))), None)
    if nothing_learnt is not None:  # everything else would describe its consequences, unless it is on its way
        found = [nothing_learnt, *filter(None, [unfinished(c)])]
    else:
        found = [finding for pattern in IN_ORDER if (finding := pattern(c)) is not None]
    found.sort(key=lambda finding: finding.severity != "alarm")  # stable: the order above within each
    if not any(finding.severity == "alarm" for finding in found):
        found.insert(0, verdict_without_alarm(c))
    noise = sampling_noise(c)
    return found if noise is None else [*found, noise]


# ---- what the patterns share ----------------------------------------------------------------------


@dataclass(frozen=True)
class _LateFall:
    before: float
    after: float
    share: float
    scores: float

    @property
    def still(self) -> bool:
        """Tell whether the fall matters, for the way made so far and for the loss itself."""
        return self.share > STILL_FALLING and self.before - self.after > FALL_OF_ITSELF * abs(self.after)


def _late_fall(values: Values) -> _LateFall:
    """Compare the ends of the last fifth, each averaged over a tenth of the run; errors from the scatter alone."""
    width = max(1, len(values) // 10)
    means = moving_means(values, width)
    before, after = float(means[-1 - max(1, len(values) // 5)]), float(means[-1])
    total = float(values[0] - means.min())
    error = np.sqrt(2 / width) * late_jitter(values)
    return _LateFall(
        before, after, (before - after) / total if total > 0 else 0.0, (before - after) / max(error, 1e-12)
    )


def knowing_nothing(c: Curves) -> float | None:
    """Return the loss of always giving the class shares (ln K where they are not known), in nats; None without K."""
    if c.class_shares is not None:
        present = c.class_shares[c.class_shares > 0]
        return float(-(present * np.log(present)).sum())
    return None if c.n_classes is None else float(np.log(c.n_classes))


def _loss_of_even_confidence(share: float, n_classes: int) -> float:
    """Return the loss if every answer has the confidence `share` and the rest is spread evenly: that of label noise."""
    share = min(max(share, 1e-6), 1 - 1e-6)
    return float(-share * np.log(share) - (1 - share) * np.log((1 - share) / (n_classes - 1)))


def _is_imbalanced(c: Curves) -> bool:
    """Tell whether one class is a fifth more frequent than among equals, and more than a random draw can make it."""
    if c.class_shares is None:
        return False
    equal = 1 / len(c.class_shares)
    by_chance = 0.0 if c.n_val is None else 3 * np.sqrt(equal / c.n_val)
    return bool(c.class_shares.max() > 1.2 * equal + by_chance)


def _baseline_numbers(c: Curves) -> tuple[float, float, float]:
    """Return the loss of the second half and the interval of its accuracy."""
    share, loss = float(c.val_accuracy[c.second_half].mean()), float(c.val_loss[c.second_half].mean())
    if c.n_val is None:
        return loss, share, share
    interval = uncertainty.accuracy_interval(min(max(share, 0), 1), c.n_val, level=c.level)
    return loss, interval.low, interval.high


def _at_baseline(c: Curves) -> bool:
    """Tell whether validation never left guessing: neither its accuracy nor its loss."""
    if c.val_loss is None or c.val_accuracy is None or knowing_nothing(c) is None:
        return False
    base = 1 / c.n_classes if c.class_shares is None else float(c.class_shares.max())
    loss, low, _ = _baseline_numbers(c)
    # Near chance all examples cost about the same, ln K give or take a third: far less spread than `loss_error` allows.
    slack = 0.0 if c.n_val is None else 0.35 / np.sqrt(c.n_val)
    best_loss = float(moving_means(c.val_loss, c.width).min())
    is_low = low <= base + ACCURACY_MARGIN_OF_CHANCE
    return is_low and min(loss, best_loss) >= knowing_nothing(c) * (1 - LEARNT - slack)


def _constant_accuracy(c: Curves) -> float | None:
    """Return the accuracy if it is one and the same in the second half and the loss is that of class shares."""
    if c.val_accuracy is None or c.val_loss is None or c.n < 2 * FEWEST_EPOCHS:
        return None
    half = c.val_accuracy[c.second_half]
    share = float(np.median(half))
    if np.ptp(half) > 1e-4 or not 0.02 < share < 0.98:
        return None
    binary = -share * np.log(share) - (1 - share) * np.log(1 - share)
    return share if c.val_loss[c.second_half].min() >= (1 - LEARNT) * binary else None


def _fell(accuracy: uncertainty.Change) -> bool:
    """Tell whether accuracy fell, or more likely did where that cannot be told."""
    if accuracy.verdict == "cannot tell":
        return accuracy.interval.estimate.value < -accuracy.margin / 2
    return accuracy.verdict == "fall"


def _from_lowest(c: Curves) -> tuple[int, int]:
    """Return the epochs from the lowest validation loss to the end."""
    return c.numbers(c.lowest)[0], c.numbers(c.end)[1]


def _training(c: Curves) -> str:
    if c.train_loss is None:
        return " There is no training loss: that training went on improving is assumed."
    return f" Training loss went from {c.train_loss[c.lowest].mean():.3f} to {c.train_loss[c.end].mean():.3f}."


def _split(c: Curves) -> str:
    """Say how much of the rise the best temperature takes back, where logits are kept."""
    if c.refinement is None or not np.isfinite(c.refinement).all():
        return ""
    before, after = c.refinement[c.lowest].mean(), c.refinement[c.end].mean()
    which = "all" if after <= before else "the rest"
    return (
        f" At the best temperature the loss went from {before:.3f} to {after:.3f}: {which} of the rise is calibration."
    )


def _poor_plateau(c: Curves) -> float | None:
    """Return the validation loss if both sets stand still together, far above what knowledge would cost."""
    if c.train_loss is None or c.val_loss is None:
        return None
    train, val = float(c.train_loss[c.end].mean()), float(c.val_loss[c.end].mean())
    nothing = knowing_nothing(c)
    nothing = float(c.val_loss[0]) if nothing is None else nothing
    moving = any(_late_fall(values).still for values in (c.train_loss, c.val_loss))
    sampling = 0.0 if c.loss_error is None else float(c.loss_error[c.end].mean())
    if moving or abs(val - train) > max(TOGETHER * val, sampling) or val < POOR * nothing or loss_rise(c) is not None:
        return None
    return val
