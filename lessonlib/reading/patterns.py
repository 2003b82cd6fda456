"""The patterns of the curve reader: one function each, from curves to a finding or None.

A function returns a finding only where the evidence for it exceeds its uncertainty; `find_all` puts them in order. What
the numbers say of themselves is in `lessonlib.reading.sanity`, and comes first. Thresholds stand at the top with their
reasons; they were tuned on some seeds of ``tools/reader_corpus.py`` and measured on others
(``docs/reader-accuracy.md``). Taught in lesson 9.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from statistics import NormalDist

import numpy as np

from lessonlib import uncertainty
from lessonlib.metrics import double_softmax_floor
from lessonlib.reading import sanity
from lessonlib.reading.evidence import (
    ACCURACY_MARGIN,
    FEWEST_EPOCHS,
    LOSS_MARGIN,
    Curves,
    Values,
    ends_of_last_fifth,
    late_jitter,
    loss_rise,
    moving_means,
    rise_lasts,
    still_falls,
)
from lessonlib.reading.findings import PATTERNS, Finding, number, share

#: A training loss that ends this many times above its first value has run away; mere jumping stays below.
RUNAWAY = 2.0
#: A training accuracy from which a double softmax is looked for: below, other reasons for a high loss abound.
ACCURATE = 0.7
#: How much better than knowing nothing a loss must be, as a share, before it counts as learnt.
LEARNT = 0.02
#: A fall below this share of the larger first loss does not matter, whatever it is of a tiny loss.
FALL_OF_ALL = 0.002
#: A plateau above this share of the loss of knowing nothing is poor, whatever its reason.
POOR = 0.5
#: An accuracy above which a plateau is not called poor where the number of classes is not known.
WELL_ENOUGH = 0.75
#: Training ahead of validation by this much accuracy at the end is not nothing.
AHEAD = 0.03
#: Validation ahead of training by this much accuracy is the first thing to say of a quiet run.
FAR_AHEAD = 0.1
#: Training and validation run together when they are within this share of the validation loss.
TOGETHER = 0.1
#: Standard errors for what was selected as the largest of many: about 0.05 / 50 two-sided.
SELECTED = 3.3
#: Drops of accuracy below two points are no dip, however certain.
ACCURACY_DROP = 0.02
#: Real confidences are never quite equal: up to this share below the loss of equal ones counts as equal.
EVEN_CONFIDENCE = 0.06
#: What training did not make does not grow: a difference at the start that is this share of the largest later one. The
#: loss of a set that differs grows all the same, as the model becomes sure of itself.
GAP_FROM_THE_START = {"accuracy": 0.7, "loss": 0.5}
#: Five points of accuracy between the sets, before anything is memorised, matter; twenty where n is not known.
EARLY_GAP, EARLY_GAP_WITHOUT_N = 0.05, 0.2
#: A validation accuracy that never reaches this while training does is no gap that grew.
NEVER_RIGHT = 0.1
#: Standard errors that a difference between the sets must exceed: nobody asked for it beforehand.
SURE = 3.0
#: A training loss that scatters by more than this share of its level, at the start or later, jumps.
TRAINING_JUMPS = 0.03
#: A loss that falls steadily rises in few epochs; jumps up and down make it rise in more than a fifth of them.
RISES = 0.2
#: Jumps of the validation loss below this share of its first value do not matter, however certain.
FLUCTUATION = 0.01
#: Jumps below a quarter of the sampling error are hardly seen.
VISIBLE_JUMP = 0.25
#: Second differences of T independent values carry the information of about half as many (18 / 35) free squares.
JITTER_FREEDOM = 18 / 35
#: A rate that ends below this share of its largest has been annealed.
ANNEALED = 0.15


def _found(pattern: str, c: Curves, stretch: slice, evidence: str, *, confirm: str = "", advice: str = "") -> Finding:
    return Finding(pattern, c.numbers(stretch), evidence, confirm, advice, c.unit)


# ---- nothing to read, or nothing learnt ------------------------------------------------------------


def _too_short(c: Curves) -> Finding:
    """Say that so few epochs have no trend."""
    evidence = f"{c.n} {c.unit}{' has' if c.n == 1 else 's have'} finite values in every curve; "
    evidence += f"a trend needs at least {FEWEST_EPOCHS}."
    numbers = c.numbers(c.whole) if c.n else (1, max(1, c.passed_over))
    return Finding(
        "cannot_tell", numbers, evidence, "Train on and read again.", "Log every epoch of both sets.", c.unit
    )


def diverged(c: Curves) -> Finding | None:
    """Find losses that are no longer finite, or a training loss that ran away."""
    if c.stopped_at is not None:
        before = "" if c.n == 0 else f", after {c.n} {c.unit}s that were"
        evidence = f"From {c.unit} {c.stopped_at} on a loss is NaN or infinite{before}."
        return Finding("diverged", (c.stopped_at, c.stopped_at), evidence, unit=c.unit)
    if c.train_loss is None or c.train_loss[0] <= 0:
        return None
    now, first, lowest = c.train_loss[c.end].mean(), c.train_loss[0], moving_means(c.train_loss, c.width).min()
    nothing = knowing_nothing(c)
    ran_away = now > RUNAWAY * first
    back_at = 0.85 * first if nothing is None else (1 - LEARNT) * nothing
    collapsed = lowest < POOR * (first if nothing is None else nothing) and now > back_at
    if not (ran_away or collapsed):
        return None
    evidence = f"The training loss is {number(now)} at the end; it began at {number(first)} and had reached "
    return _found("diverged", c, c.end, evidence + f"{number(lowest)}.")


def double_softmax(c: Curves) -> Finding | None:
    """Find a loss that stays above the floor of a softmax applied twice although the answers are right (lesson 1)."""
    loss, accuracy = (c.val_loss, c.val_accuracy) if c.train_loss is None else (c.train_loss, c.train_accuracy)
    if c.n_classes is None or loss is None or accuracy is None:
        return None
    floor = double_softmax_floor(c.n_classes)
    at_end, right = float(loss[c.end].mean()), float(accuracy[c.end].mean())
    even = _loss_of_even_confidence(right, c.n_classes)
    # A right answer costs at least the floor, a wrong one up to 1 more; a plain softmax less than even confidence.
    highest = floor + 1.2 * (1 - right) + 0.15 * (np.log(c.n_classes) - floor)
    explained = floor * 0.99 <= loss.min() and at_end <= highest
    # A loss that still falls is on its way down from a start without confidence, and may yet pass the floor.
    if right < ACCURATE or not explained or at_end < even + 0.05 or still_falls(loss):
        return None
    which = "validation" if c.train_loss is None else "training"
    return _found(
        "double_softmax", c, c.end,
        f"With {share(right)} of the {which} answers right, the loss is {number(at_end)}. It never went below "
        f"ln(1 + {c.n_classes - 1}/e) = {floor:.3f}, the least that a softmax of a softmax can reach; answers that "
        f"good, all equally confident, would cost {number(even)}.",
    )  # fmt: skip


def chance(c: Curves) -> Finding | None:
    """Find a validation accuracy at that of guessing and a loss not below that of knowing nothing, all along."""
    if c.n_classes is None or _is_imbalanced(c) or not _at_baseline(c):
        return None
    nothing = knowing_nothing(c)
    advice = "Check that labels belong to their inputs in both sets." if _training_learns(c) else ""
    accuracy, loss = (float(np.median(values[c.second_half])) for values in (c.val_accuracy, c.val_loss))
    return _found(
        "chance", c, c.second_half,
        f"Validation accuracy is {share(accuracy)}{_interval(c, accuracy)}, guessing gives {share(1 / c.n_classes)}; "
        f"the loss is {number(loss)}, knowing nothing costs ln {c.n_classes} = {nothing:.3f}.{_training_meanwhile(c)}",
        advice=advice,
    )  # fmt: skip


def majority(c: Curves) -> Finding | None:
    """Find a validation accuracy at the share of the most frequent class and a loss not below that of the shares."""
    half = c.second_half
    if c.class_shares is not None:
        if not _is_imbalanced(c) or not _at_baseline(c):
            return None
        accuracy = float(np.median(c.val_accuracy[half]))
        evidence = (
            f"Validation accuracy is {share(accuracy)}{_interval(c, accuracy)}, the most frequent class has "
            f"{share(c.class_shares.max())}; the loss is {number(np.median(c.val_loss[half]))}, knowing the shares "
            f"alone costs {knowing_nothing(c):.3f}."
        )
    elif (constant := _constant_accuracy(c)) is not None:
        evidence = (
            f"Validation accuracy is {share(constant)} in every {c.unit} of the second half, as when one class is "
            "always said, and the loss is not below that of knowing the class shares only. Class shares make it sure."
        )
    else:
        return None
    return _found("majority", c, half, evidence)


def guessing(c: Curves) -> Finding | None:
    """Find validation at the loss and accuracy of guessing among some number of classes, where none is told."""
    if (k := sanity.guessed_classes(c)) is not None:
        accuracy = "" if c.val_accuracy is None else f", the accuracy {share(np.median(c.val_accuracy[c.second_half]))}"
        evidence = (
            f"The validation loss began at {number(c.val_loss[0])} and its lowest is {number(c.val_loss.min())}"
            f"{accuracy}. With {k} classes of equal size that is guessing: ln {k} = {np.log(k):.3f}, 1/{k} = "
            f"{share(1 / k)}.{_training_meanwhile(c)}"
        )
        return _found("not_moving", c, c.whole, evidence, confirm=f"Read again with --classes {k} (n_classes={k}).")
    return None


def not_moving(c: Curves) -> Finding | None:
    """Find losses that are where they began."""
    curves = [values for values in (c.train_loss, c.val_loss) if values is not None]
    accuracies = [values for values in (c.train_accuracy, c.val_accuracy) if values is not None]
    if not curves or any(abs(v.max() - v.min()) > 0.02 * abs(v[0]) for v in curves):
        return None
    if any(np.ptp(v) > 0.03 or np.median(v) > 0.9 for v in accuracies) or curves[0].max() < 0.1:
        return None
    level = float(np.median(curves[-1]))
    k = round(np.exp(min(level, 7)))
    guess = (
        f" Guessing among {k} classes costs ln {k} = {np.log(k):.3f}."
        if k > 1 and abs(np.log(k) - level) < 0.01
        else ""
    )
    evidence = f"No loss differs from its first value ({number(curves[-1][0])}) by more than 2 %.{guess}"
    return _found("not_moving", c, c.whole, evidence)


# ---- training or validation gets worse ------------------------------------------------------------


def both_rise(c: Curves) -> Finding | None:
    """Find a training loss that has turned and rises steadily, as no overfitting does."""
    if c.train_loss is None or c.n < FEWEST_EPOCHS + 2:
        return None
    start = int(np.argmin(moving_means(c.train_loss, c.width)))
    after = c.train_loss[start : c.n]
    low, now = float(after[0]), float(c.train_loss[c.end].mean())
    matters = now > 1.05 * low and now - low > 0.1 * (c.train_loss[0] - low)
    if len(after) < 4 or not matters or (np.diff(after) > 0).mean() < 0.75:
        return None
    if c.val_loss is not None and c.val_loss[c.end].mean() < 1.03 * c.val_loss[start : c.n].min():
        return None
    at = slice(start, c.n)
    lines = [
        f"Training loss {number(low)} to {number(now)}, up in {int((np.diff(after) > 0).sum())} of {len(after) - 1}"
    ]
    if c.val_loss is not None:
        lines.append(f"validation loss {number(c.val_loss[at][0])} to {number(c.val_loss[-1])}")
    for name, values in (("training", c.train_accuracy), ("validation", c.val_accuracy)):
        if values is not None:
            lines.append(f"{name} accuracy {share(values[at][0])} to {share(values[-1])}")
    return _found("both_rise", c, at, "; ".join(lines) + ".")


def learning_rate_too_high(c: Curves) -> Finding | None:
    """Find a training loss that jumps in the second half of the run."""
    if c.train_loss is None or c.n < 2 * FEWEST_EPOCHS:
        return None
    # Against the start as well, since a loss near 0 jumps by much of itself and means nothing.
    jump = late_jitter(c.train_loss)
    level = max(abs(float(c.train_loss[0])), float(c.train_loss[c.second_half].mean()))
    rises = float((np.diff(c.train_loss[c.second_half]) > 0).mean())
    if jump <= TRAINING_JUMPS * level or rises < RISES:
        return None
    return _found(
        "learning_rate_too_high", c, c.second_half,
        f"In the second half the training loss jumps by {number(jump)} from one {c.unit} to the next (standard "
        f"deviation), {share(jump / level)} of its level, and rises in {rises:.0%} of them. The training set is fixed: "
        "no validation noise is in this.",
    )  # fmt: skip


def unrepresentative_validation(c: Curves) -> Finding | None:
    """Find a difference between the sets that is there before memorising can begin, or that favours validation."""
    if c.train_loss is None or c.val_loss is None or c.n < FEWEST_EPOCHS:
        return None
    if c.running_loss is not None and c.loss_error is not None:
        half = c.second_half
        gap_ = float((c.train_loss - c.val_loss)[half].mean())
        error = np.sqrt(2) * float(c.loss_error[half].mean())
        if gap_ > max(SURE * error, LOSS_MARGIN * float(c.val_loss.mean())):
            return _found(
                "unrepresentative_validation", c, c.whole,
                f"Validation loss is {number(gap_)} (standard error {number(error)}) below a training loss that was "
                "measured with the finished weights of each epoch: neither dropout nor a running mean explains it.",
                confirm="Look for duplicates between the sets; score a second, fresh split.",
                advice="Split again at random (by group or time where examples belong together), stratified by class.",
            )  # fmt: skip
    return _gap_from_the_start(c)


def _gap_from_the_start(c: Curves) -> Finding | None:
    """Find validation worse in epochs 2 and 3, for certain and by most of the gap ever after."""
    early = slice(1, 3)  # in the first epoch a running mean still has the untrained network in it
    if c.train_accuracy is not None and c.val_accuracy is not None:
        measure, gaps, errors = "accuracy", c.train_accuracy - c.val_accuracy, c.accuracy_error
        matters = EARLY_GAP_WITHOUT_N if errors is None else EARLY_GAP
        says = share
    else:
        measure, gaps, errors, says = "loss", c.val_loss - c.train_loss, c.loss_error, number
        matters = (1.0 if errors is None else TOGETHER) * c.val_loss[:3].max()
        if errors is None and c.val_loss[early].min() < 2 * c.train_loss[early].max():
            return None
    first, largest = float(gaps[early].min()), float(moving_means(gaps, c.width).max())
    error = 0.0 if errors is None else np.sqrt(2) * float(errors[early].mean())
    never = measure == "accuracy" and c.val_accuracy.max() < NEVER_RIGHT
    if first < max(SURE * error, matters, 0.0 if never else GAP_FROM_THE_START[measure] * largest):
        return None
    advice = ""
    if measure == "accuracy":
        at = (float(np.mean(values[early])) for values in (c.train_accuracy, c.val_accuracy))
        evidence = "In the second and third {} training has {} right, validation {}".format(c.unit, *map(share, at))
        if c.val_accuracy.max() < 0.15 < c.train_accuracy.min():
            advice = (
                "Are there classes in validation that training never sees (sorted data, split without shuffling)? "
                "Shuffle and stratify before splitting; check that both sets have the same label numbers."
            )
    else:
        evidence = f"In the second and third {c.unit} the validation loss is {says(first)} or more above training"
    of = "" if errors is None else f" (standard error {says(error)})"
    return _found(
        "unrepresentative_validation", c, c.whole,
        f"{evidence}{of}; later the gap is {says(largest)} at most. It was there before training could make it."
        f"{' Any set of 30 examples shows a gap of this size.' if errors is None else ''}",
        advice=advice,
    )  # fmt: skip


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
    return _found(
        "confident_errors", c, c.since_lowest,
        f"Validation loss {c.said('loss', c.lowest, c.end)}; accuracy {c.said('accuracy', c.lowest, c.end)}."
        f"{unsure if c.n_val and change.verdict == 'cannot tell' and fall > 0 else ''}{_training(c)}{_split(c)}",
    )  # fmt: skip


def overfitting(c: Curves) -> Finding | None:
    """Find a validation loss that rose from its lowest, with an accuracy that fell or is not known."""
    if loss_rise(c) is None:
        return None
    accuracy = " Accuracy is not known; had it not fallen, errors would have become confident." if c.classifies else ""
    if c.val_accuracy is not None:
        change = c.accuracy_change(c.lowest, c.end)
        if not _fell(change):
            return None
        accuracy = f" Accuracy {c.said('accuracy', c.lowest, c.end)}."
        if change.verdict == "cannot tell":
            accuracy += " Had it not fallen, errors would have become confident."
    return _found(
        "overfitting", c, c.since_lowest,
        f"Validation loss {c.said('loss', c.lowest, c.end)}.{accuracy}{_training(c)}",
        advice=f"Stop near {c.unit} {c.numbers(c.lowest)[1]}; "
        "then more data, augmentation, weight decay, dropout or a smaller model.",
    )  # fmt: skip


def real_fluctuation(c: Curves) -> Finding | None:
    """Find a validation curve that jumps by more than even a fresh validation set per epoch would."""
    loss_matters = 0.0 if c.val_loss is None else FLUCTUATION * abs(float(c.val_loss[0]))
    for name, values, errors, matters in (
        ("accuracy", c.val_accuracy, c.accuracy_error, ACCURACY_MARGIN / 2),
        ("loss", c.val_loss, c.loss_error, loss_matters),
    ):
        if values is None or errors is None or c.n < 2 * FEWEST_EPOCHS:
            continue
        jump, error = late_jitter(values), float(errors[c.second_half].mean())
        if jump <= max(error * _largest_ratio(c), matters):
            continue
        says = (lambda v: f"{100 * v:.1f} points") if name == "accuracy" else number
        return _found(
            "real_fluctuation", c, c.second_half,
            f"In the second half the validation {name} jumps by {says(jump)} from one {c.unit} to the next (standard "
            f"deviation). A fresh set of {c.n_val} examples each time would make it jump by {says(error)} at most, the "
            "same set by less: the model itself changes.",
        )  # fmt: skip
    return None


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
    return _found(
        "dip", c, slice(top, bottom + width),
        f"Accuracy {c.said('accuracy', before, after)} while the loss went from {number(loss[top])} to "
        f"{number(loss[bottom])}. It {'came back: no place to stop' if back else 'did not come back'}.",
    )  # fmt: skip


# ---- not learnt enough ------------------------------------------------------------------------------


def unfinished(c: Curves) -> Finding | None:
    """Find losses of both sets (or an accuracy, where there is no validation loss) that still improve."""
    curves = {"training loss": c.train_loss, "validation loss": c.val_loss}
    if c.val_loss is None and c.val_accuracy is not None:
        curves["validation error (1 - accuracy)"] = 1 - c.val_accuracy
    curves = {name: values for name, values in curves.items() if values is not None}
    if not curves or not all(still_falls(values) for values in curves.values()):
        return None
    which, last = list(curves.items())[-1]
    before, after = ends_of_last_fifth(last)
    if before - after < FALL_OF_ALL * max(abs(float(values[0])) for values in curves.values()):
        return None
    way = (before - after) / (last[0] - last.min())
    evidence = (
        f"Over the last fifth the {which} went from {number(before)} to {number(after)} "
        f"({100 * (after - before) / abs(before):+.0f} %), {way:.0%} of all that it has fallen so far"
    )
    if c.val_loss is not None and c.train_loss is not None:
        before, after = ends_of_last_fifth(c.train_loss)
        evidence += f"; training {number(before)} to {number(after)}"
    advice = ""
    falls = c.rates is not None and (np.diff(c.rates[c.second_half]) <= 0).all()
    if falls and c.rates[-1] < ANNEALED * c.rates.max():
        evidence += f". The learning rate has been annealed from {number(c.rates.max())} to {number(c.rates[-1])}"
        advice = (
            "More epochs at this rate change little: train again with a longer schedule. Compare finished models only."
        )
    return _found("unfinished", c, slice(c.n - 1 - max(1, c.n // 5), c.n), evidence + ".", advice=advice)


def noise_ceiling(c: Curves) -> Finding | None:
    """Find both sets on a poor plateau whose loss is that of equal confidence in every answer."""
    plateau = _poor_plateau(c)
    if plateau is None or c.val_accuracy is None or c.n_classes is None:
        return None
    right = float(c.val_accuracy[c.end].mean())
    even = _loss_of_even_confidence(right, c.n_classes)
    if plateau < (1 - EVEN_CONFIDENCE) * even or plateau > (1 - LEARNT) * knowing_nothing(c):
        return None
    return _found(
        "noise_ceiling", c, c.second_half,
        f"Both losses have stopped together at {number(plateau)}, with {share(right)} right. Labels of which a "
        f"constant share is wrong would cost {number(even)} at that accuracy; a model that is too small can look the "
        "same.",
    )  # fmt: skip


def underfitting(c: Curves) -> Finding | None:
    """Find both sets on a poor plateau."""
    plateau = _poor_plateau(c)
    if plateau is None:
        return None
    nothing = knowing_nothing(c)
    poor = nothing is not None and plateau >= POOR * nothing
    of = f"{POOR:.0%} of what knowing nothing costs" if poor else f"{POOR:.0%} of its first value"
    return _found(
        "underfitting", c, c.second_half,
        f"Both losses have stopped together at {number(plateau)}, more than {of}. Nothing is memorised.",
    )  # fmt: skip


# ---- notes ------------------------------------------------------------------------------------------


def validation_better(c: Curves) -> Finding | None:
    """Find a validation loss below the training loss, and ask whether half an epoch's delay explains it (lesson 3)."""
    if c.train_loss is None or c.val_loss is None:
        return None
    running = c.train_loss if c.running_loss is None else c.running_loss
    difference, ahead = float((running - c.val_loss).mean()), float((running > c.val_loss).mean())
    error = 0.0 if c.loss_error is None else np.sqrt(2) * float(c.loss_error.mean())
    least = LOSS_MARGIN if c.loss_error is not None else 2 * LOSS_MARGIN
    if ahead < (0.5 if c.loss_error is not None else 0.8) or difference < max(2 * error, least * c.val_loss.mean()):
        return None
    delayed = float(((running[:-1] + running[1:]) / 2 - c.val_loss[:-1]).mean())
    reason = (
        "A mean over the moving epoch explains it."
        if abs(delayed) < max(2 * error, 0.4 * difference)
        else "The delay of a running mean does not explain it: dropout, augmentation or mixup in training may, else an "
        "easier validation set or a leak."
    )
    accuracy = ""
    if c.train_accuracy is not None and c.val_accuracy is not None:
        values = (share(values[c.end].mean()) for values in (c.val_accuracy, c.train_accuracy))
        accuracy = "; accuracy at the end {} against {} in training".format(*values)
    return _found(
        "validation_better", c, c.whole,
        f"Validation loss is below training loss in {ahead:.0%} of the {c.unit}s, by {number(difference)} on average"
        f"{accuracy}. {reason}",
    )  # fmt: skip


def accuracy_stands(c: Curves) -> Finding | None:
    """Read the accuracy where there is no validation loss: it rose and stands, or it fell."""
    if c.val_loss is not None or c.val_accuracy is None or c.n < FEWEST_EPOCHS:
        return None
    means = moving_means(c.val_accuracy, c.width)
    scatter = late_jitter(c.val_accuracy) / np.sqrt(c.width)
    top, end = int(means.argmax()), float(means[-1])
    training = ""
    if c.train_loss is not None:
        training = f" The training loss goes from {number(c.train_loss[top])} there to {number(c.train_loss[-1])}."
    if means[top] - end > max(ACCURACY_DROP, SURE * np.sqrt(2) * scatter) and not _training_rises(c, top):
        evidence = f"Accuracy {c.said('accuracy', slice(top, top + c.width), c.end)}; there is no validation loss."
        return _found("overfitting", c, slice(top, c.n), evidence + training)
    near = max(ACCURACY_MARGIN, 2 * np.sqrt(2) * scatter)
    since = int(np.argmax(means >= end - near))
    if end - means[0] < ACCURACY_DROP or c.n - since < 3 or still_falls(1 - c.val_accuracy):
        return None
    best = int(c.val_accuracy.argmax())
    return _found(
        "accuracy_stands", c, slice(since, c.n),
        f"Accuracy rose from {share(c.val_accuracy[0])} to {share(end)} by about {c.unit} {c.epochs[since]} and stays; "
        f"the best ({c.unit} {c.epochs[best]}, {share(c.val_accuracy[best])}) is within the {c.unit}s' own scatter "
        f"({100 * scatter * np.sqrt(c.width):.1f} points).{training}",
    )  # fmt: skip


def gap(c: Curves) -> Finding | None:
    """Find a training loss well below a validation loss that does not rise."""
    if c.train_loss is None or c.val_loss is None or loss_rise(c) is not None:
        return None
    val, train = float(c.val_loss[c.end].mean()), float(c.train_loss[c.end].mean())
    error = 0.0 if c.loss_error is None else np.sqrt(2) * float(c.loss_error[c.end].mean())
    if val - train < max(SURE * error, 2 * TOGETHER * val):
        return None
    accuracy = ""
    if c.train_accuracy is not None and c.val_accuracy is not None:
        values = (share(values[c.end].mean()) for values in (c.train_accuracy, c.val_accuracy))
        accuracy = "; accuracy {} against {}".format(*values)
    return _found(
        "gap", c, c.end, f"At the end training has a loss of {number(train)}, validation {number(val)}{accuracy}. "
        "Validation has not certainly got worse.",
    )  # fmt: skip


def sampling_noise(c: Curves) -> Finding | None:
    """Say what a validation set of this size cannot show, where the curve's jumps are no larger."""
    if c.val_accuracy is None or c.accuracy_error is None or c.n < 2 * FEWEST_EPOCHS:
        return None
    jump, error = late_jitter(c.val_accuracy), float(c.accuracy_error[c.second_half].mean())
    if not VISIBLE_JUMP * error < jump <= error * _largest_ratio(c):
        return None
    z = NormalDist().inv_cdf((1 + c.level) / 2)
    shown = z * error
    more = ""
    if shown > ACCURACY_MARGIN:
        right = float(c.val_accuracy[c.second_half].mean())
        needed = uncertainty.examples_needed(
            ACCURACY_MARGIN, float(np.sqrt(right * (1 - right))) or 0.1, level=c.level, power=0.5
        )
        more = f"; for ±{100 * ACCURACY_MARGIN:g} you need about {needed:,}"
    return _found(
        "sampling_noise", c, c.second_half,
        f"Validation accuracy jumps by {100 * jump:.1f} points from one {c.unit} to the next (standard deviation); "
        f"fresh sets of n = {c.n_val} would by {100 * error:.1f}. n = {c.n_val} shows an accuracy to "
        f"±{100 * shown:.1f} points{more}.",
    )  # fmt: skip


def _verdict_without_alarm(c: Curves, notes: list[Finding]) -> Finding:
    """Say that nothing is wrong where that is earned, that a rise may hide in the noise, or what is missing."""
    if c.val_loss is None and c.val_accuracy is None:
        move = f"The training loss goes from {number(c.train_loss[0])} to {number(c.train_loss[-1])}; " if (
            c.train_loss is not None) else ""  # fmt: skip
        return _found(
            "cannot_tell", c, c.whole, f"{move}there is no validation, so there is nothing to hold it against.",
            confirm="Log the validation loss.", advice="Pass validation_data or log val_loss.",
        )  # fmt: skip
    if c.val_loss is not None:
        change = c.loss_change(c.lowest, c.end)
        rise = change.interval.estimate
        seen = rise.value > rise.standard_error or rise_lasts(c, change.margin)
        if change.verdict == "cannot tell" and rise.value > change.margin and seen:
            more = ""
            if c.n_val is not None:
                needed = uncertainty.examples_needed(rise.value, rise.standard_error * np.sqrt(c.n_val))
                more = f" About {needed:,} validation examples would show a rise of this size."
            evidence = f"Validation loss {c.said('loss', c.lowest, c.end)}: a rise that chance can make.{more}"
            return _found("cannot_tell", c, c.whole, evidence)
    open_ = _what_is_missing(c, notes)
    parts = []
    for measure, values in (("loss", c.val_loss), ("accuracy", c.val_accuracy)):
        if values is not None:
            parts.append(f"validation {measure} {c.said(measure, slice(0, 1), c.end)}")
    evidence = "; ".join(parts)
    evidence = f"{evidence[0].upper()}{evidence[1:]}"
    if open_:
        return _found("quiet", c, c.whole, f"{evidence}. But {'; '.join(open_)}.")
    return _found("healthy", c, c.whole, f"{evidence}. It improved, stands, and training is not far ahead.")


def _what_is_missing(c: Curves, notes: list[Finding]) -> list[str]:
    """Return what keeps "nothing is wrong" from being earned."""
    names = {finding.pattern for finding in notes}
    missing = []
    if c.train_loss is None:
        missing.append("there is no training curve to compare with")
    if c.val_loss is None:
        missing.append("there is no validation loss")
    elif c.val_loss[c.end].mean() > 0.9 * c.val_loss[0] or c.n < 2 * FEWEST_EPOCHS - 2:
        missing.append(f"{c.n} {c.unit}s show little improvement" if c.n > 5 else f"{c.n} {c.unit}s are few")
    if (
        c.val_accuracy is not None
        and c.val_accuracy[0] < 0.97
        and c.val_accuracy[c.end].mean() < c.val_accuracy[0] + 0.01
    ):
        missing.append("accuracy did not improve (it may be the share of the most frequent class)")
    if c.val_loss is not None and (still_falls(c.val_loss) or _falls_by(c.val_loss) > LOSS_MARGIN):
        missing.append("the validation loss is still falling")
    if "gap" in names and _training_ahead(c):
        missing.append("training is far ahead of validation")
    missing += _doubts(c)
    if c.unread:
        missing.append(f"{', '.join(c.unread[:4])} {'was' if len(c.unread) == 1 else 'were'} not read")
    if "other_loss" in names or "odd_epochs" in names:
        missing.append("see the note on the numbers themselves")
    return missing


def _falls_by(values: Values) -> float:
    """Return by what share of itself a loss falls over the last fifth."""
    before, after = ends_of_last_fifth(values)
    return (before - after) / max(abs(after), 1e-12)


def _training_ahead(c: Curves) -> bool:
    if c.train_accuracy is not None and c.val_accuracy is not None:
        return bool((c.train_accuracy - c.val_accuracy)[c.end].mean() > AHEAD)
    return bool(c.val_loss[c.end].mean() > 2 * c.train_loss[c.end].mean())


def _doubts(c: Curves) -> list[str]:
    """Return what may be one class said always, or noise, where shares or sizes that would tell are not known."""
    doubts = []
    if c.val_accuracy is None or c.val_loss is None:
        return doubts
    right = float(c.val_accuracy[c.end].mean())
    flat = np.ptp(c.val_accuracy[c.second_half]) < ACCURACY_MARGIN * (3 if c.n_classes is None else 0.5)
    if c.class_shares is None and right < 0.97 and flat:
        ahead = 0.0 if c.train_accuracy is None else abs(float(c.train_accuracy[c.end].mean()) - right)
        even = -right * np.log(right) - (1 - right) * np.log(1 - right) if right > 0 else 0.0
        if ahead < FAR_AHEAD and c.val_loss[c.end].mean() > 0.95 * even:
            doubts.append(f"always saying a class of {share(right)} would do as well: class shares tell")
    jump = late_jitter(c.val_accuracy)
    if c.n_val is None and jump > 1.5 * ACCURACY_MARGIN:
        alike = max(1, round(right * (1 - right) / jump**2))
        doubts.append(
            f"validation accuracy jumps by {100 * jump:.1f} points from one {c.unit} to the next, as fresh sets of "
            f"{alike} would: whether that is noise, n tells"
        )
    return doubts


# ---- the order --------------------------------------------------------------------------------

#: Looked for unless nothing was learnt, the most important first.
IN_ORDER: tuple[Callable[[Curves], Finding | None], ...] = (
    both_rise,
    learning_rate_too_high,
    unrepresentative_validation,
    confident_errors,
    overfitting,
    real_fluctuation,
    unfinished,
    noise_ceiling,
    underfitting,
    dip,
    accuracy_stands,
    validation_better,
    gap,
)


def find_all(c: Curves, *, batches: bool = False) -> tuple[list[Finding], Curves]:
    """Return every finding, the most important first, and the curves that were believed.

    Parameters
    ----------
    c : Curves
    batches : bool
        Whether the log holds losses of single batches only.

    Returns
    -------
    tuple of (list of Finding, Curves)
        Never without a finding. Accuracies that mean nothing and epochs out of line are no longer in the curves.
    """
    if c.stopped_at is not None:
        return [diverged(c)], c
    if finding := sanity.batch_losses(batches, c):
        return [finding], c
    if finding := sanity.negative_loss(c):
        return [finding], c
    if c.n < FEWEST_EPOCHS:
        return [_too_short(c)], c
    first = []
    if finding := sanity.impossible_accuracy(c):
        first.append(finding)
        if finding.pattern == "meaningless_accuracy":
            c = dataclasses.replace(
                c, train_accuracy=None, val_accuracy=None, n_val=None if c.n_counted else c.n_val, classifies=False
            )
    c, odd = sanity.odd_epochs(c)
    first += [odd] if odd else []
    alone = (
        diverged, chance, guessing, sanity.dead, majority, sanity.frozen_validation, not_moving, double_softmax,
    )  # fmt: skip
    nothing_learnt = next(filter(None, (pattern(c) for pattern in alone)), None)
    if nothing_learnt is not None:  # everything else would describe its consequences, unless it is on its way
        found = [nothing_learnt, *filter(None, [unfinished(c)])]
    else:
        penalty = sanity.mostly_penalty(c)
        first += [penalty] if penalty else []
        found = [finding for pattern in IN_ORDER if (finding := pattern(c)) is not None]
    found.sort(key=lambda finding: finding.severity != "alarm")  # stable: the order above within each
    if not any(finding.severity == "alarm" for finding in found) and not _says_enough(c, found, first):
        found.insert(0, _verdict_without_alarm(c, [*first, *found]))
    noise = sampling_noise(c)
    return [*first, *found, *([noise] if noise else [])], c


def _says_enough(c: Curves, found: list[Finding], first: list[Finding]) -> bool:
    """Tell whether a note stands for a verdict: on the accuracy alone, on odd numbers, on validation far ahead."""
    both = c.train_accuracy is not None and c.val_accuracy is not None and c.train_loss is not None
    ahead = (c.val_accuracy - c.train_accuracy)[c.end].mean() if both else 0.0
    tiny = both and c.val_loss is not None and c.val_loss[c.end].mean() < 0.1 * c.train_loss[c.end].mean()
    if ahead > FAR_AHEAD or (tiny and ahead > AHEAD):
        return any(f.pattern == "validation_better" for f in found)
    return any(f.pattern == "accuracy_stands" for f in found) or any(
        PATTERNS[f.pattern].severity == "alarm" for f in first
    )


# ---- what the patterns share ----------------------------------------------------------------------


def _training_learns(c: Curves) -> bool:
    return c.train_loss is not None and c.train_loss[c.end].mean() < (1 - 5 * LEARNT) * c.train_loss[0]


def _training_rises(c: Curves, since: int) -> bool:
    return c.train_loss is not None and c.train_loss[-1] > 1.02 * c.train_loss[since]


def _training_meanwhile(c: Curves) -> str:
    if c.train_loss is None:
        return ""
    if _training_learns(c):
        return (
            f" The training loss falls from {number(c.train_loss[0])} to {number(c.train_loss[-1])} all the same: the "
            "examples are memorised, and nothing carries over."
        )
    return " The training loss does not leave it either."


def knowing_nothing(c: Curves) -> float | None:
    """Return the loss of always giving the class shares (ln K where they are not known), in nats; None without K."""
    if c.class_shares is not None:
        present = c.class_shares[c.class_shares > 0]
        return float(-(present * np.log(present)).sum())
    return None if c.n_classes is None else float(np.log(c.n_classes))


def _loss_of_even_confidence(right: float, n_classes: int) -> float:
    """Return the loss if every answer has the confidence `right` and the rest is spread evenly: that of label noise."""
    right = min(max(right, 1e-6), 1 - 1e-6)
    return float(-right * np.log(right) - (1 - right) * np.log((1 - right) / (n_classes - 1)))


def _is_imbalanced(c: Curves) -> bool:
    """Tell whether one class is a fifth more frequent than among equals, and more than a random draw can make it."""
    if c.class_shares is None:
        return False
    equal = 1 / len(c.class_shares)
    by_chance = 0.0 if c.n_val is None else 3 * np.sqrt(equal / c.n_val)
    return bool(c.class_shares.max() > 1.2 * equal + by_chance)


def _interval(c: Curves, accuracy: float) -> str:
    if c.n_val is None:
        return ""
    interval = uncertainty.accuracy_interval(min(max(accuracy, 0), 1), c.n_val, level=c.level)
    return f" ({100 * c.level:g} % interval {share(interval.low)} to {share(interval.high)})"


def _at_baseline(c: Curves) -> bool:
    """Tell whether validation never left guessing: neither its accuracy nor its loss."""
    if c.val_loss is None or c.val_accuracy is None or knowing_nothing(c) is None:
        return False
    base = 1 / c.n_classes if c.class_shares is None else float(c.class_shares.max())
    accuracy, loss = (float(np.median(values[c.second_half])) for values in (c.val_accuracy, c.val_loss))
    slack = np.sqrt(base * (1 - base) / (c.n_val or 1_000))
    # Near chance all examples cost about the same, ln K give or take a third: far less spread than `loss_error` allows.
    loss_slack = LEARNT + (0.0 if c.n_val is None else 0.35 / np.sqrt(c.n_val))
    best_loss = float(moving_means(c.val_loss, c.width).min())
    is_low = accuracy <= base + ACCURACY_MARGIN + 2 * slack
    if c.n_classes > 2 and not _is_imbalanced(c) and accuracy < 0.5 * base - slack:
        return False  # below guessing: the labels mean something else there
    return is_low and min(loss, best_loss) >= knowing_nothing(c) * (1 - loss_slack)


def _constant_accuracy(c: Curves) -> float | None:
    """Return the accuracy if it is one and the same in the second half, on both sets, and the loss that of shares."""
    if c.val_accuracy is None or c.val_loss is None or c.n < 2 * FEWEST_EPOCHS:
        return None
    half = c.val_accuracy[c.second_half]
    right = float(np.median(half))
    if np.ptp(half) > 1e-4 or not 0.02 < right < 0.98:
        return None
    if c.train_accuracy is not None and abs(c.train_accuracy[c.end].mean() - right) > 0.1:
        return None
    binary = -right * np.log(right) - (1 - right) * np.log(1 - right)
    return right if c.val_loss[c.second_half].min() >= (1 - LEARNT) * binary else None


def _fell(accuracy: uncertainty.Change) -> bool:
    """Tell whether accuracy fell, or more likely did where that cannot be told."""
    if accuracy.verdict == "cannot tell":
        return accuracy.interval.estimate.value < -accuracy.margin / 2
    return accuracy.verdict == "fall" and accuracy.interval.estimate.value < -accuracy.margin / 2


def _training(c: Curves) -> str:
    if c.train_loss is None:
        return " There is no training loss: that training went on improving is assumed."
    return f" Training loss {number(c.train_loss[c.lowest].mean())} to {number(c.train_loss[c.end].mean())}."


def _split(c: Curves) -> str:
    """Say how much of the rise the best temperature takes back, where logits are kept."""
    if c.refinement is None or not np.isfinite(c.refinement).all():
        return ""
    before, after = c.refinement[c.lowest].mean(), c.refinement[c.end].mean()
    which = "all" if after <= before else "the rest"
    return f" At the best temperature the loss goes {number(before)} to {number(after)}: {which} of it is calibration."


def _poor_plateau(c: Curves) -> float | None:
    """Return the validation loss if both sets stand still together, far above what knowledge would cost."""
    if c.train_loss is None or c.val_loss is None:
        return None
    train, val = float(c.train_loss[c.end].mean()), float(c.val_loss[c.end].mean())
    right = c.val_accuracy if c.val_accuracy is not None else c.train_accuracy
    well = right is not None and right[c.end].mean() > WELL_ENOUGH
    stands = right is not None and right[c.end].mean() < right[0] + ACCURACY_MARGIN
    nothing = knowing_nothing(c)
    nothing = float(c.val_loss[0]) if nothing is None or (stands and not well) else nothing
    moving = any(still_falls(values) for values in (c.train_loss, c.val_loss)) or both_rise(c) is not None
    sampling = 0.0 if c.loss_error is None else float(c.loss_error[c.end].mean())
    if moving or abs(val - train) > max(TOGETHER * val, sampling) or val < POOR * nothing or loss_rise(c) is not None:
        return None
    return None if knowing_nothing(c) is None and well else val


def _largest_ratio(c: Curves) -> float:
    """Return how far above the sampling error a scatter may be by chance (chi-square, 1 in 1,000 one-sided)."""
    from scipy import special  # not needed by who only imports the module

    free = max(1.0, JITTER_FREEDOM * (c.n - c.n // 2 - 2))
    return float(np.sqrt(special.chdtri(free, 0.001) / free))
