"""The patterns of the curve reader: one function each, from curves to a finding or None.

A function returns a finding only where the evidence for it exceeds its uncertainty; `find_all` puts them in order. What
they say stands in ``patterns.toml``; what the numbers say of themselves is in `lessonlib.reading.sanity`, and comes
first. Thresholds stand at the top with their reasons; they were tuned on some seeds of ``tools/reader_corpus.py`` and
measured on others (``docs/reader-accuracy.md``). Taught in lesson 9.
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
    ends_of_last_fifth,
    late_jitter,
    loss_rise,
    moving_means,
    needs,
    rise_lasts,
    still_falls,
)  # fmt: skip
from lessonlib.reading.findings import Finding, number, points, share
from lessonlib.reading.names import splits_of, words

LOSSES = {"loss", "losses", "ppl", "perplexity"}  # words of names that say nothing new of the answers beside a loss
RUNAWAY = 2.0  # a training loss that ends this many times above its first value has run away; jumping stays below
ACCURATE = 0.7  # training accuracy from which a double softmax is looked for: below, other reasons abound
LEARNT = 0.02  # how much better than knowing nothing a loss must be, as a share, before it counts as learnt
FALL_OF_ALL = 0.002  # a fall below this share of the larger first loss does not matter, whatever it is of a tiny loss
POOR = 0.5  # a plateau above this share of the loss of knowing nothing is poor, whatever its reason
WELL_ENOUGH = 0.75  # accuracy above which a plateau is not called poor where the number of classes is not known
AHEAD, FAR_AHEAD = 0.03, 0.1  # of accuracy between the sets at the end: not nothing; the first thing to say
FEW_EXAMPLES = 100  # hardly anybody validates on fewer: jumps that would need them are the model's
TOGETHER = 0.1  # training and validation run together when they are within this share of the validation loss
SELECTED = 3.3  # standard errors for what was selected as the largest of many: about 0.05 / 50 two-sided
ACCURACY_DROP = 0.02  # a smaller drop of accuracy is no dip, however certain
EVEN_CONFIDENCE = 0.06  # real confidences are never quite equal: this share below the loss of equal ones is equal
#: What training did not make does not grow: a difference at the start that is this share of the largest later one. The
#: loss of a set that differs grows all the same, as the model becomes sure of itself.
GAP_FROM_THE_START = {"accuracy": 0.7, "loss": 0.5}
EARLY_GAP, EARLY_GAP_WITHOUT_N = 0.05, 0.2  # of accuracy between the sets, before anything is memorised
NEVER_RIGHT = 0.1  # a validation accuracy that never reaches this while training does is no gap that grew
SURE = 3.0  # standard errors that a difference between the sets must exceed: nobody asked for it beforehand
TRAINING_JUMPS = 0.03  # a training loss that scatters by more than this share of its level, early or late, jumps
RISES = 0.2  # a loss that falls steadily rises in few epochs; jumps make it rise in more than these
FLUCTUATION = 0.01  # jumps of the validation loss below this share of its first value do not matter, however certain
VISIBLE_JUMP = 0.25  # jumps below a quarter of the sampling error are hardly seen
JITTER_FREEDOM = 18 / 35  # second differences of T independent values carry the information of about half as many
ANNEALED = 0.15  # a rate that ends below this share of its largest has been annealed


def diverged(c: Curves) -> Finding | None:
    """Find losses that are no longer finite, or a training loss that ran away."""
    if c.stopped_at is not None:
        after = "" if c.n == 0 else f", after {c.n} {c.unit}s that were"
        return c.finding("diverged", (c.stopped_at, c.stopped_at), "stopped", after=after)
    if c.train_loss is None or c.first.train_loss <= 0:
        return None
    now, first, lowest = c.ends.train_loss, c.first.train_loss, c.means(c.train_loss).min()
    high, back_at = (first, 0.85 * first) if c.nothing is None else (c.nothing, (1 - LEARNT) * c.nothing)
    if now <= RUNAWAY * first and not (lowest < POOR * high and now > back_at):
        return None
    return c.finding("diverged", c.end, "ran_away", lowest=lowest)


def double_softmax(c: Curves) -> Finding | None:
    """Find a loss that stays above the floor of a softmax applied twice although the answers are right (lesson 1)."""
    which = "validation" if c.train_loss is None else "training"
    loss, accuracy = (c.val_loss, c.val_accuracy) if c.train_loss is None else (c.train_loss, c.train_accuracy)
    if c.n_classes is None or loss is None or accuracy is None:
        return None
    floor, level, right = double_softmax_floor(c.n_classes), c.at_end(loss), c.at_end(accuracy)
    even = _loss_of_even_confidence(right, c.n_classes)
    # A right answer costs at least the floor, a wrong one up to 1 more; a plain softmax less than even confidence.
    highest = floor + 1.2 * (1 - right) + 0.15 * (np.log(c.n_classes) - floor)
    explained = floor * 0.99 <= loss.min() and level <= highest
    # A loss that still falls is on its way down from a start without confidence, and may yet pass the floor.
    if right < ACCURATE or not explained or level < even + 0.05 or still_falls(loss):
        return None
    facts = {"right": right, "which": which, "level": level, "floor": floor, "even": even, "others": c.n_classes - 1}
    return c.finding("double_softmax", c.end, **facts)


def chance(c: Curves) -> Finding | None:
    """Find a validation accuracy at that of guessing and a loss not below that of knowing nothing, all along."""
    if c.n_classes is None or _is_imbalanced(c) or not _at_baseline(c):
        return None
    meanwhile, facts = _training_meanwhile(c), {"base": 1 / c.n_classes, "interval": _interval(c)}
    advice = "labels" if meanwhile == "memorised" else ""
    return c.finding("chance", c.second_half, "main", meanwhile, advice=advice, **facts)


def majority(c: Curves) -> Finding | None:
    """Find a validation accuracy at the share of the most frequent class and a loss not below that of the shares."""
    if c.class_shares is None:
        constant = _constant_accuracy(c)
        return None if constant is None else c.finding("majority", c.second_half, "constant", accuracy=constant)
    if not _is_imbalanced(c) or not _at_baseline(c):
        return None
    return c.finding("majority", c.second_half, "shares", base=c.class_shares.max(), interval=_interval(c))


def guessing(c: Curves) -> Finding | None:
    """Find validation at the loss and accuracy of guessing among some number of classes, where none is told."""
    if (k := sanity.guessed_classes(c)) is None:
        return None
    says = ("began", c.val_accuracy is not None and "accuracy", "guessing", _training_meanwhile(c))
    facts = {"lowest": c.val_loss.min(), "k": k, "ln": np.log(k), "base": 1 / k}
    return c.finding("not_moving", c.whole, *says, confirm="again", **facts)


def not_moving(c: Curves) -> Finding | None:
    """Find losses that are where they began."""
    losses, accuracies = (
        [values for values in both if values is not None]
        for both in ((c.train_loss, c.val_loss), (c.train_accuracy, c.val_accuracy))
    )
    moves = any(np.ptp(v) > 0.02 * abs(v[0]) for v in losses) or any(np.ptp(v) > 0.03 for v in accuracies)
    if not losses or moves or any(np.median(v) > 0.9 for v in accuracies) or losses[0].max() < 0.1:
        return None
    level = float(np.median(losses[-1]))
    k = round(np.exp(min(level, 7)))
    equal = k > 1 and abs(np.log(k) - level) < 0.01 and "equal"
    return c.finding("not_moving", c.whole, "still", equal, first=losses[-1][0], k=k, ln=np.log(max(k, 1)))


@needs("train_loss", epochs=FEWEST_EPOCHS + 2)
def both_rise(c: Curves) -> Finding | None:
    """Find a training loss that has turned and rises steadily, as no overfitting does."""
    start = int(np.argmin(c.means(c.train_loss)))
    after = c.train_loss[start:]
    low, now, ups = float(after[0]), c.ends.train_loss, np.diff(after) > 0
    matters = now > 1.05 * low and now - low > 0.1 * (c.first.train_loss - low)
    if len(after) < 4 or not matters or ups.mean() < 0.75:
        return None
    if c.val_loss is not None and c.ends.val_loss < 1.03 * c.val_loss[start:].min():
        return None
    curves = (("validation loss", c.val_loss, number), ("training accuracy", c.train_accuracy, share),
              ("validation accuracy", c.val_accuracy, share))  # fmt: skip
    others = "".join(f"; {name} {says(v[start])} to {says(v[-1])}" for name, v, says in curves if v is not None)
    facts = {"low": low, "now": now, "ups": int(ups.sum()), "steps": len(ups), "others": others}
    return c.finding("both_rise", slice(start, c.n), **facts)


@needs("train_loss", epochs=2 * FEWEST_EPOCHS)
def learning_rate_too_high(c: Curves) -> Finding | None:
    """Find a training loss that jumps in the second half of the run."""
    # Against the start as well, since a loss near 0 jumps by much of itself and means nothing.
    jump, half = late_jitter(c.train_loss), c.train_loss[c.second_half]
    level, rises = max(abs(float(c.first.train_loss)), float(half.mean())), float((np.diff(half) > 0).mean())
    if jump <= TRAINING_JUMPS * level or rises < RISES:
        return None
    return c.finding("learning_rate_too_high", c.second_half, jump=jump, part=jump / level, rises=rises)


@needs("train_loss", "val_loss", epochs=FEWEST_EPOCHS)
def unrepresentative_validation(c: Curves) -> Finding | None:
    """Find a difference between the sets that is there before memorising can begin, or that favours validation."""
    if c.running_loss is not None and c.loss_error is not None:
        behind = float((c.train_loss - c.val_loss)[c.second_half].mean())
        error = c.difference_error(c.loss_error, c.second_half)
        if behind > max(SURE * error, LOSS_MARGIN * float(c.val_loss.mean())):
            how = {"confirm": "duplicates", "advice": "split"}
            return c.finding("unrepresentative_validation", c.whole, "easier", **how, gap=behind, error=error)
    return _gap_from_the_start(c)


def _gap_from_the_start(c: Curves) -> Finding | None:
    """Find validation worse in epochs 2 and 3, for certain and by most of the gap ever after."""
    early = slice(1, 3)  # in the first epoch a running mean still has the untrained network in it
    measure = "accuracy" if c.has_accuracies else "loss"
    if c.has_accuracies:
        gaps, errors, says = c.train_accuracy - c.val_accuracy, c.accuracy_error, share
        matters = EARLY_GAP_WITHOUT_N if errors is None else EARLY_GAP
        never, nowhere = c.val_accuracy.max() < NEVER_RIGHT, c.val_accuracy.max() < 0.15 < c.train_accuracy.min()
        train, val = (float(np.mean(values[early])) for values in (c.train_accuracy, c.val_accuracy))
    else:
        gaps, errors, says, never, nowhere, train, val = c.val_loss - c.train_loss, c.loss_error, number, *[False] * 4
        matters = (1.0 if errors is None else TOGETHER) * c.val_loss[:3].max()
        if errors is None and c.val_loss[early].min() < 2 * c.train_loss[early].max():
            return None
    first, largest = float(gaps[early].min()), float(c.means(gaps).max())
    error = c.difference_error(errors, early)
    if first < max(SURE * error, matters, 0.0 if never else GAP_FROM_THE_START[measure] * largest):
        return None
    return c.finding(
        "unrepresentative_validation", c.whole, measure, "later", errors is None and "any_set",
        advice="unseen" if nowhere else "", train=train, val=val, first=says(first), largest=says(largest),
        of="" if errors is None else f" (standard error {says(error)})",
    )  # fmt: skip


def _risen_loss(c: Curves) -> Finding | None:
    """Find a validation loss that rose: confident errors (lessons 2, 6, 7), or overfitting if accuracy fell as well."""
    if loss_rise(c) is None:
        return None
    alone = c.train_loss is None
    training = "no_training" if alone else "training"
    facts = {"loss": c.said("loss", c.lowest, c.end), "stop": c.numbers(c.lowest)[1]}
    if c.val_accuracy is None:
        scores = [name for name in c.unread if not LOSSES.intersection(words(name))]
        scores = [name for name in scores if "val" in splits_of(name)] or [n for n in scores if not splits_of(n)]
        facts |= {"scores": ", ".join(scores), "advice": "look" if scores else "stop"}
        says = ("main", scores and "scores", training)
        if c.classifies:
            return c.finding("loss_rose", c.since_lowest, *says, title=alone and "title_alone", **facts)
        own = {"title": "title_loss" if alone else "title_by_loss", "limit": "limit_of_errors"}
        return c.finding("overfitting", c.since_lowest, *says, **own, **facts)
    change = c.change("accuracy", c.lowest, c.end)
    facts["accuracy"] = c.said("accuracy", c.lowest, c.end)
    is_unsure, fall = change.verdict == "cannot tell", -100 * change.interval.low
    if change.verdict != "flat" and change.interval.estimate.value < -change.margin / 2:  # or more likely fell than not
        says = ("main", "accuracy", is_unsure and "unsure", training)
        return c.finding("overfitting", c.since_lowest, *says, title=alone and "title_both", advice="stop", **facts)
    says = ("main", c.n_val and is_unsure and fall > 0 and "unsure", training, "split")
    title = sanity.mostly_penalty(c) and "title_penalty"
    return c.finding("confident_errors", c.since_lowest, *says, title=title, fall=fall, split=_split(c), **facts)


def real_fluctuation(c: Curves) -> Finding | None:
    """Find a validation curve that jumps by more than even a fresh validation set per epoch would."""
    loss_matters = 0.0 if c.val_loss is None else FLUCTUATION * abs(float(c.first.val_loss))
    for name, values, errors, matters, says in (
        ("accuracy", c.val_accuracy, c.accuracy_error, ACCURACY_MARGIN / 2, points),
        ("loss", c.val_loss, c.loss_error, loss_matters, number),
    ):
        if values is not None and errors is not None and c.n >= 2 * FEWEST_EPOCHS:
            jump, error = late_jitter(values), float(errors[c.second_half].mean())
            if jump > max(error * _largest_ratio(c), matters):
                facts = {"name": name, "jump": says(jump), "error": says(error)}
                return c.finding("real_fluctuation", c.second_half, **facts)
    return None


@needs("val_loss", "val_accuracy")
def dip(c: Curves) -> Finding | None:
    """Find an accuracy that fell from an earlier height while the loss fell: the reverse disagreement (lesson 2)."""
    if c.n < 3 * c.width:
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
    fall = c.change("accuracy", before, after).interval.estimate
    if -fall.value < SELECTED * fall.standard_error:
        return None
    came_back = accuracy[bottom:].max() >= accuracy[top] - drop[bottom] / 2
    back = "came back: no place to stop" if came_back else "did not come back"
    facts = {"accuracy": c.said("accuracy", before, after), "top": loss[top], "bottom": loss[bottom], "back": back}
    return c.finding("dip", slice(top, bottom + width), **facts)


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
    way, change = (before - after) / (last[0] - last.min()), 100 * (after - before) / abs(before)
    both = c.val_loss is not None and c.train_loss is not None
    highest = None if c.rates is None else c.rates.max()
    falls = highest and (np.diff(c.rates[c.second_half]) <= 0).all() and c.last.rates < ANNEALED * highest
    return c.finding(
        "unfinished", slice(c.n - 1 - max(1, c.n // 5), c.n), "main", both and "training", falls and "annealed", "end",
        advice="longer" if falls else "", which=which, before=before, after=after, way=way, change=change,
        train=ends_of_last_fifth(c.train_loss) if both else None, highest=highest,
    )  # fmt: skip


@needs("val_accuracy", "n_classes")
def noise_ceiling(c: Curves) -> Finding | None:
    """Find both sets on a poor plateau whose loss is that of equal confidence in every answer."""
    plateau, even = _poor_plateau(c), _loss_of_even_confidence(c.ends.val_accuracy, c.n_classes)
    if plateau is None or not (1 - EVEN_CONFIDENCE) * even <= plateau <= (1 - LEARNT) * c.nothing:
        return None
    return c.finding("noise_ceiling", c.second_half, even=even)


def underfitting(c: Curves) -> Finding | None:
    """Find both sets on a poor plateau."""
    if (plateau := _poor_plateau(c)) is None:
        return None
    poor = c.nothing is not None and plateau >= POOR * c.nothing
    of = "what knowing nothing costs" if poor else "its first value"
    return c.finding("underfitting", c.second_half, part=POOR, of=of)


@needs("train_loss", "val_loss")
def validation_better(c: Curves) -> Finding | None:
    """Find a validation loss below the training loss, and ask whether half an epoch's delay explains it (lesson 3)."""
    running = c.train_loss if c.running_loss is None else c.running_loss
    difference, ahead = float((running - c.val_loss).mean()), float((running > c.val_loss).mean())
    error, known = c.difference_error(c.loss_error, c.whole), c.loss_error is not None
    least = LOSS_MARGIN if known else 2 * LOSS_MARGIN
    if ahead < (0.5 if known else 0.8) or difference < max(2 * error, least * c.val_loss.mean()):
        return None
    delayed = float(((running[:-1] + running[1:]) / 2 - c.val_loss[:-1]).mean())
    reason = "delay" if abs(delayed) < max(2 * error, 0.4 * difference) else "no_delay"
    says = ("main", c.has_accuracies and "accuracy", reason)
    return c.finding("validation_better", c.whole, *says, ahead=ahead, difference=difference)


@needs("val_accuracy", epochs=FEWEST_EPOCHS)
def accuracy_stands(c: Curves) -> Finding | None:
    """Read the accuracy where there is no validation loss: it rose and stands, or it fell."""
    if c.val_loss is not None:
        return None
    means = c.means(c.val_accuracy)
    scatter = np.sqrt(2) * late_jitter(c.val_accuracy) / np.sqrt(c.width)
    top, end, training = int(means.argmax()), float(means[-1]), ""
    if c.train_loss is not None:
        training = f" The training loss goes from {number(c.train_loss[top])} there to {number(c.last.train_loss)}."
    rises = c.train_loss is not None and c.last.train_loss > 1.02 * c.train_loss[top]
    if means[top] - end > max(ACCURACY_DROP, SURE * scatter) and not rises:
        fell = c.said("accuracy", slice(top, top + c.width), c.end)
        title = "" if training else "title_accuracy"
        return c.finding("overfitting", slice(top, c.n), "alone", title=title, accuracy=fell, training=training)
    since = int(np.argmax(means >= end - max(ACCURACY_MARGIN, 2 * scatter)))
    if end - means[0] < ACCURACY_DROP or c.n - since < 3 or still_falls(1 - c.val_accuracy):
        return None
    best = int(c.val_accuracy.argmax())
    return c.finding(
        "accuracy_stands", slice(since, c.n), training=training, end=end,
        since=c.epochs[since], best=c.epochs[best], highest=c.val_accuracy[best], scatter=late_jitter(c.val_accuracy),
    )  # fmt: skip


@needs("train_loss", "val_loss")
def gap(c: Curves) -> Finding | None:
    """Find a training loss well below a validation loss that does not rise."""
    val, train = c.ends.val_loss, c.ends.train_loss
    error = c.difference_error(c.loss_error, c.end)
    if loss_rise(c) is not None or val - train < max(SURE * error, 2 * TOGETHER * val):
        return None
    near = c.has_accuracies and c.ends.train_accuracy - c.ends.val_accuracy <= AHEAD
    if near and val - train < TOGETHER * c.first.val_loss:
        return None
    stands = val < (1 + LOSS_MARGIN) * c.lows.val_loss and "stands"
    return c.finding("gap", c.end, "main", c.has_accuracies and "accuracy", "end", stands)


@needs("val_accuracy", "accuracy_error", epochs=2 * FEWEST_EPOCHS)
def sampling_noise(c: Curves) -> Finding | None:
    """Say what a validation set of this size cannot show, where the curve's jumps are no larger."""
    jump, error = late_jitter(c.val_accuracy), float(c.accuracy_error[c.second_half].mean())
    if not VISIBLE_JUMP * error < jump <= error * _largest_ratio(c):
        return None
    shown, needed = NormalDist().inv_cdf((1 + c.level) / 2) * error, None
    if shown > ACCURACY_MARGIN:
        right = float(c.val_accuracy[c.second_half].mean())
        sd = float(np.sqrt(right * (1 - right))) or 0.1
        needed = uncertainty.examples_needed(ACCURACY_MARGIN, sd, level=c.level, power=0.5)
    facts = {"jump": jump, "error": 100 * error, "shown": 100 * shown, "margin": 100 * ACCURACY_MARGIN}
    return c.finding("sampling_noise", c.second_half, "main", needed and "more", "end", needed=needed, **facts)


def _too_few(c: Curves) -> Finding:
    """Say that values are too few for a trend, and what they are if none was left out."""
    if c.n < 2 or c.passed_over or c.val_loss is None:
        facts = {"confirm": "train_on", "advice": "log_both", "have": " has" if c.n == 1 else "s have"}
        return c.finding("cannot_tell", c.whole, "short", **facts, least=FEWEST_EPOCHS)
    ups = np.diff(c.val_loss) > 0
    way = "rises" if ups.all() else "goes up and down" if ups.any() else "falls"
    advice = "evaluate" if ups.any() else "train_longer"
    facts = {"confirm": "goes_on", "advice": advice, "values": ", ".join(map(number, c.val_loss)), "way": way}
    return c.finding("cannot_tell", c.whole, "few", **facts, least=FEWEST_EPOCHS)


def _verdict_without_alarm(c: Curves, notes: list[Finding]) -> Finding:
    """Say that nothing is wrong where that is earned, that a rise may hide in the noise, or what is missing."""
    if c.val_loss is None and c.val_accuracy is None:
        training = c.train_loss is not None and "training"
        return c.finding("cannot_tell", c.whole, training, "alone", confirm="log_loss", advice="pass_data")
    if c.val_loss is not None:
        change = c.change("loss", c.lowest, c.end)
        rise, facts = change.interval.estimate, {"loss": c.said("loss", c.lowest, c.end)}
        seen = rise.value > rise.standard_error or rise_lasts(c, change.margin)
        if change.verdict == "cannot tell" and rise.value > change.margin and seen:
            if c.n_val is not None:
                facts["needed"] = uncertainty.examples_needed(rise.value, rise.standard_error * np.sqrt(c.n_val))
            return c.finding("cannot_tell", c.whole, "rise", "needed" in facts and "needed", **facts)
        if change.verdict == "rise" and rise.value > change.margin:  # on this set it is there; does it last?
            steps, facts["lowest"] = np.diff(c.epochs), c.numbers(c.lowest)[0]
            at = int(steps.argmax())
            confirm = "between" if steps[at] > 3 * np.median(steps) else "more"
            facts |= {"title": "title_above", "confirm": confirm, "left": c.epochs[at], "right": c.epochs[at + 1]}
            return c.finding("cannot_tell", c.since_lowest, "above", c.train_loss is not None and "beside", **facts)
    measures = [name for name in ("loss", "accuracy") if getattr(c, f"val_{name}") is not None]
    changes = "; ".join(f"validation {name} {c.said(name, slice(0, 1), c.end)}" for name in measures)
    missing = "; ".join(_what_is_missing(c, {finding.pattern for finding in notes}))
    alike = _size_that_jumps_so(c) or FEW_EXAMPLES
    says = {"title": "title_jumps", "advice": "jumps"} if missing and alike < FEW_EXAMPLES else {}
    pattern = "quiet" if missing else "healthy"
    return c.finding(pattern, c.whole, **says, changes=f"V{changes[1:]}", missing=missing, alike=alike)


def _what_is_missing(c: Curves, noted: set[str]) -> list[str]:
    """Return what keeps "nothing is wrong" from being earned."""
    loss, accuracy = c.val_loss, c.val_accuracy
    before, after = (0, 0) if loss is None else ends_of_last_fifth(loss)
    few = loss is not None and (c.at_end(loss) > 0.9 * loss[0] or c.n < 2 * FEWEST_EPOCHS - 2)
    stood = accuracy is not None and accuracy[0] < 0.97 and c.at_end(accuracy) < accuracy[0] + 0.01
    falls = loss is not None and (still_falls(loss) or (before - after) / max(abs(after), 1e-12) > LOSS_MARGIN)
    above = 0.0 if loss is None else (c.ends.val_loss - c.lows.val_loss) / max(abs(c.lows.val_loss), 1e-12)
    unread = f"{', '.join(c.unread[:4])} {'was' if len(c.unread) == 1 else 'were'} not read"
    missing = {
        "there is no training curve to compare with": c.train_loss is None,
        "there is no validation loss": loss is None,
        f"{c.n} {c.unit}s show little improvement" if c.n > 5 else f"{c.n} {c.unit}s are few": few,
        "accuracy did not improve (it may be the share of the most frequent class)": stood,
        "the validation loss is still falling": falls,
        "training is better than validation": "gap" in noted,
        f"the validation loss ends {above:.0%} above its lowest: more examples or epochs tell": above > LOSS_MARGIN,
        **dict.fromkeys(_doubts(c), True),
        unread: c.unread,
        "see the note on the numbers themselves": noted & {"other_loss", "odd_epochs"},
    }
    return [said for said, holds in missing.items() if holds]


def _doubts(c: Curves) -> list[str]:
    """Return what may be one class said always, or noise, where shares or sizes that would tell are not known."""
    doubts = []
    if c.val_accuracy is None or c.val_loss is None:
        return doubts
    right, rose = c.ends.val_accuracy, (np.diff(c.val_accuracy) > 0).all()
    flat = np.ptp(c.val_accuracy[c.second_half]) < ACCURACY_MARGIN * (3 if c.n_classes is None else 0.5)
    if c.class_shares is None and right < 0.97 and flat and not rose:
        ahead = 0.0 if c.train_accuracy is None else abs(c.ends.train_accuracy - right)
        if ahead < FAR_AHEAD and c.ends.val_loss > 0.95 * _loss_of_even_confidence(right, 2):
            doubts.append(f"always saying a class of {share(right)} would do as well: class shares tell")
    if alike := _size_that_jumps_so(c):
        doubts.append(
            f"validation accuracy jumps by {points(late_jitter(c.val_accuracy))} from one {c.unit} to the next, as "
            f"fresh sets of {alike} would: whether that is noise, n tells"
        )
    return doubts


@needs("val_accuracy", "val_loss")
def _size_that_jumps_so(c: Curves) -> int | None:
    """Return how many examples, drawn afresh each time, would make the accuracy jump so, where n is not known."""
    right, jump = c.ends.val_accuracy, late_jitter(c.val_accuracy)
    return max(1, round(right * (1 - right) / jump**2)) if c.n_val is None and jump > 1.5 * ACCURACY_MARGIN else None


#: Where nothing was learnt, everything else would describe its consequences.
NOTHING_LEARNT: tuple[Callable[[Curves], Finding | None], ...] = (
    diverged, chance, guessing, sanity.dead, majority, sanity.frozen_validation, not_moving, double_softmax,
)  # fmt: skip
#: Looked for otherwise, the most important first.
IN_ORDER: tuple[Callable[[Curves], Finding | None], ...] = (
    both_rise, learning_rate_too_high, unrepresentative_validation, _risen_loss, real_fluctuation,
    unfinished, noise_ceiling, underfitting, dip, accuracy_stands, validation_better, gap,
)  # fmt: skip


def find_all(c: Curves, *, batches: bool = False) -> tuple[list[Finding], Curves]:
    """Return every finding, the most important first, and the curves that were believed.

    There is always one. Accuracies that mean nothing and epochs out of line are no longer in the curves. With `batches`
    the log holds losses of single batches only.
    """
    if c.stopped_at is not None:
        return [diverged(c)], c
    if finding := (batches and sanity.batch_losses(c)) or sanity.negative_loss(c):
        return [finding], c
    if c.n < FEWEST_EPOCHS:
        return [_too_few(c)], c
    impossible = sanity.impossible_accuracy(c)
    if impossible and impossible.pattern == "meaningless_accuracy":
        n_val = None if c.n_counted else c.n_val
        c = dataclasses.replace(c, train_accuracy=None, val_accuracy=None, n_val=n_val, classifies=False)
    c, odd = sanity.odd_epochs(c)
    first = [impossible, odd]
    nothing_learnt = next(filter(None, (pattern(c) for pattern in NOTHING_LEARNT)), None)
    if nothing_learnt is not None:
        found = [nothing_learnt, *filter(None, [unfinished(c)])]  # unless it is on its way
    else:
        first.append(sanity.mostly_penalty(c))
        found = [finding for pattern in IN_ORDER if (finding := pattern(c)) is not None]
    first = [finding for finding in first if finding is not None]
    found.sort(key=lambda finding: finding.severity != "alarm")  # stable: the order above within each
    if not any(finding.severity == "alarm" for finding in found) and not _says_enough(c, found, first):
        found.insert(0, _verdict_without_alarm(c, [*first, *found]))
    return [*first, *found, *filter(None, [sampling_noise(c)])], c


def _says_enough(c: Curves, found: list[Finding], first: list[Finding]) -> bool:
    """Tell whether a note stands for a verdict: on the accuracy alone, on odd numbers, on validation far ahead."""
    names = {finding.pattern for finding in found}
    if c.has_accuracies and c.train_loss is not None:
        ahead = c.ends.val_accuracy - c.ends.train_accuracy
        tiny = c.val_loss is not None and c.ends.val_loss < 0.1 * c.ends.train_loss
        if ahead > (AHEAD if tiny else FAR_AHEAD):
            return "validation_better" in names
    return "accuracy_stands" in names or any(finding.severity == "alarm" for finding in first)


def _training_meanwhile(c: Curves) -> str:
    """Return the sentence on training beside a validation that never moved."""
    if c.train_loss is None:
        return ""
    return "memorised" if c.ends.train_loss < (1 - 5 * LEARNT) * c.first.train_loss else "neither"


def _interval(c: Curves) -> str:
    """Return the interval of the accuracy of the second half, if n is known."""
    if c.n_val is None:
        return ""
    interval = uncertainty.accuracy_interval(c.later.val_accuracy, c.n_val, level=c.level)
    return f" ({100 * c.level:g} % interval {share(interval.low)} to {share(interval.high)})"


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


@needs("val_loss", "val_accuracy", "nothing")
def _at_baseline(c: Curves) -> bool:
    """Tell whether validation never left guessing: neither its accuracy nor its loss."""
    base = 1 / c.n_classes if c.class_shares is None else float(c.class_shares.max())
    accuracy, loss = c.later.val_accuracy, c.later.val_loss
    slack = np.sqrt(base * (1 - base) / (c.n_val or 1_000))
    # Near chance all examples cost about the same, ln K give or take a third: far less spread than `loss_error` allows.
    loss_slack = LEARNT + (0.0 if c.n_val is None else 0.35 / np.sqrt(c.n_val))
    if c.n_classes > 2 and not _is_imbalanced(c) and accuracy < 0.5 * base - slack:
        return False  # below guessing: the labels mean something else there
    lowest = min(loss, float(c.means(c.val_loss).min()))
    return accuracy <= base + ACCURACY_MARGIN + 2 * slack and lowest >= c.nothing * (1 - loss_slack)


@needs("val_loss", "val_accuracy", epochs=2 * FEWEST_EPOCHS)
def _constant_accuracy(c: Curves) -> float | None:
    """Return the accuracy if it is one and the same in the second half, on both sets, and the loss that of shares."""
    right = c.later.val_accuracy
    if np.ptp(c.val_accuracy[c.second_half]) > 1e-4 or not 0.02 < right < 0.98:
        return None
    if c.train_accuracy is not None and abs(c.ends.train_accuracy - right) > 0.1:
        return None
    of_shares = (1 - LEARNT) * _loss_of_even_confidence(right, 2)
    return right if c.val_loss[c.second_half].min() >= of_shares else None


def _split(c: Curves) -> str:
    """Say how much of the rise the best temperature takes back, where logits are kept."""
    if c.refinement is None or not np.isfinite(c.refinement).all():
        return ""
    before, after = c.refinement[c.lowest].mean(), c.ends.refinement
    which = "all" if after <= before else "the rest"
    return f" At the best temperature the loss goes {number(before)} to {number(after)}: {which} of it is calibration."


@needs("train_loss", "val_loss")
def _poor_plateau(c: Curves) -> float | None:
    """Return the validation loss if both sets stand still together, far above what knowledge would cost."""
    train, val = c.ends.train_loss, c.ends.val_loss
    right = c.val_accuracy if c.val_accuracy is not None else c.train_accuracy
    well = right is not None and c.at_end(right) > WELL_ENOUGH
    stands = right is not None and c.at_end(right) < right[0] + ACCURACY_MARGIN
    nothing = float(c.first.val_loss) if c.nothing is None or (stands and not well) else c.nothing
    moving = any(still_falls(values) for values in (c.train_loss, c.val_loss)) or both_rise(c) is not None
    sampling = 0.0 if c.loss_error is None else c.ends.loss_error
    if moving or abs(val - train) > max(TOGETHER * val, sampling) or val < POOR * nothing or loss_rise(c) is not None:
        return None
    return None if c.nothing is None and well else val


def _largest_ratio(c: Curves) -> float:
    """Return how far above the sampling error a scatter may be by chance (chi-square, 1 in 1,000 one-sided)."""
    from scipy import special  # not needed by who only imports the module

    free = max(1.0, JITTER_FREEDOM * (c.n - c.n // 2 - 2))
    return float(np.sqrt(special.chdtri(free, 0.001) / free))
