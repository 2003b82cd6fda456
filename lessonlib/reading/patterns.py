"""The patterns of the curve reader: one function each, which yields what it finds in the curves.

A function yields a finding only where the evidence for it exceeds its uncertainty; `find_all` puts them in order. What
they say stands in ``patterns.toml``; what the numbers say of themselves is in `lessonlib.reading.sanity`, and comes
first. Thresholds stand at the top with their reasons; they were tuned on some seeds of ``tools/reader_corpus.py`` and
measured on others (``docs/reader-accuracy.md``). Taught in lesson 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from statistics import NormalDist

import numpy as np

from lessonlib import uncertainty
from lessonlib.metrics import double_softmax_floor
from lessonlib.reading import evidence, sanity
from lessonlib.reading.evidence import ACCURACY_MARGIN, FEWEST_EPOCHS, LOSS_MARGIN, Curves, needs
from lessonlib.reading.findings import READING, Finding, number, points, sayable, share
from lessonlib.reading.names import splits_of, words

LOSSES = {"loss", "losses", "ppl", "perplexity"}  # words of names that say nothing new of the answers beside a loss
RUNAWAY = 2.0  # a training loss that ends this many times above its first value has run away; jumping stays below
BACK = 0.85  # of knowing nothing (or of the first loss): who has learnt and is back there has lost it again
ACCURATE = 0.7  # training accuracy from which a double softmax is looked for: below, other reasons abound
LEARNT = 0.02  # how much better than knowing nothing a loss must be, as a share, before it counts as learnt
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


# ---- nothing was learnt ------------------------------------------------------------------------------------------


def _stopped(c: Curves) -> Iterator[Finding]:
    """Find losses that are no longer finite."""
    if c.stopped_at is not None:
        yield c.finding("diverged", (c.stopped_at, c.stopped_at), finite=c.n or None)


@needs("train_loss")
def _ran_away(c: Curves) -> Iterator[Finding]:
    """Find a training loss that ran away, or that learnt and fell back to knowing nothing."""
    now, first, lowest = c.ends.train_loss, c.first.train_loss, c.means(c.train_loss).min()
    nothing = first if c.nothing is None else c.nothing
    if first > 0 and (now > RUNAWAY * first or (lowest < POOR * nothing and now > BACK * nothing)):
        yield c.finding("diverged", c.end, lowest=lowest)


@needs("train_loss", "train_accuracy", "n_classes")
def double_softmax(c: Curves) -> Iterator[Finding]:
    """Find a loss that stays above the floor of a softmax applied twice although the answers are right (lesson 1)."""
    floor, level, right = double_softmax_floor(c.n_classes), c.ends.train_loss, c.ends.train_accuracy
    even = _loss_of_even_confidence(right, c.n_classes)
    # A right answer costs at least the floor, a wrong one up to 1 more; a plain softmax less than even confidence.
    highest = floor + 1.2 * (1 - right) + 0.15 * (np.log(c.n_classes) - floor)
    explained = floor * 0.99 <= c.train_loss.min() and even + 0.05 <= level <= highest
    # A loss that still falls is on its way down from a start without confidence, and may yet pass the floor.
    if right >= ACCURATE and explained and not evidence.still_falls(c.train_loss):
        yield c.finding("double_softmax", c.end, floor=floor, even=even, others=c.n_classes - 1)


@needs("val_loss", "val_accuracy", "nothing")
def _baseline(c: Curves) -> Iterator[Finding]:
    """Find validation at the accuracy of guessing (or the largest class's share) and the loss of knowing nothing."""
    equal, shares = 1 / c.n_classes, c.class_shares
    # One class is a fifth more frequent than among equals, and more than a random draw can make it.
    by_chance = 0.0 if c.n_val is None else 3 * np.sqrt(equal / c.n_val)
    imbalanced = shares is not None and shares.max() > 1.2 * equal + by_chance
    base = shares.max() if imbalanced else equal
    accuracy, slack = c.later.val_accuracy, np.sqrt(base * (1 - base) / (c.n_val or 1_000))
    # Near chance all examples cost about the same, ln K give or take a third: far less spread than `loss_error` allows.
    loss_slack = LEARNT + (0.0 if c.n_val is None else 0.35 / np.sqrt(c.n_val))
    if c.n_classes > 2 and not imbalanced and accuracy < 0.5 * base - slack:
        return  # below guessing: the labels mean something else there
    lowest = c.means(c.val_loss).min()
    if accuracy <= base + ACCURACY_MARGIN + 2 * slack and lowest >= c.nothing * (1 - loss_slack):
        interval = None if c.n_val is None else uncertainty.accuracy_interval(accuracy, c.n_val, level=c.level)
        facts = {"base": base, "interval": interval, "level": 100 * c.level}
        yield c.finding("majority" if imbalanced else "chance", c.second_half, **facts)


@needs("val_loss", "val_accuracy", epochs=2 * FEWEST_EPOCHS)
def _constant_accuracy(c: Curves) -> Iterator[Finding]:
    """Find an accuracy that is one and the same in the second half, on both sets, at a loss of the class shares."""
    right = c.later.val_accuracy
    if c.class_shares is not None or np.ptp(c.val_accuracy[c.second_half]) > 1e-4 or not 0.02 < right < 0.98:
        return
    if c.train_accuracy is not None and abs(c.ends.train_accuracy - right) > 0.1:
        return
    if c.val_loss[c.second_half].min() >= (1 - LEARNT) * _loss_of_even_confidence(right, 2):
        yield c.finding("majority", c.second_half)


def not_moving(c: Curves) -> Iterator[Finding]:
    """Find validation at the loss and accuracy of guessing among some number of classes, or losses that stand still."""
    if k := _guessed_classes(c):
        yield c.finding("not_moving", c.whole, lowest=c.val_loss.min(), k=k, ln=np.log(k), base=1 / k)
        return
    losses, accuracies = ([v for v in values if v is not None] for values in zip(*c.sets.values(), strict=True))
    moves = any(np.ptp(v) > 0.02 * abs(v[0]) for v in losses) or any(np.ptp(v) > 0.03 for v in accuracies)
    if losses and not moves and losses[-1].max() >= 0.1 and all(np.median(v) <= 0.9 for v in accuracies):
        level = float(np.median(losses[0]))
        k = max(1, round(np.exp(min(level, 7))))
        equal = k if k > 1 and abs(np.log(k) - level) < 0.01 else None
        yield c.finding("not_moving", c.whole, still=losses[0][0], equal=equal, ln=np.log(k))


@needs("val_loss")
def _guessed_classes(c: Curves) -> int | None:
    """Return the number K of equal classes for which a validation that never moved is guessing, or None.

    Both its accuracy must be about 1/K and its loss about ln K or above.
    """
    best = float(np.sort(c.val_loss)[: max(1, c.n // 4)].mean())
    ks = np.arange(2, 1001) if c.n_classes is None else np.array([c.n_classes])
    fits = (best >= 0.93 * c.val_loss[0]) & (best >= 0.97 * np.log(ks)) & (best <= 1.12 * np.log(ks))
    if c.train_accuracy is not None:  # training that begins far above guessing has something to say
        fits &= c.train_accuracy[0] <= np.maximum(0.5, 3 / ks)
    if c.val_accuracy is not None:
        slack = 0.02 + 2 * np.sqrt((1 - 1 / ks) / ks / (c.n_val or 1_000))
        fits &= np.abs(c.later.val_accuracy - 1 / ks) <= slack
    else:
        fits &= np.abs(c.later.val_loss / np.log(ks) - 1) < 0.01
    return int(ks[fits][np.argmin(np.abs(np.log(ks[fits]) - best))]) if fits.any() else None


# ---- what the curves show ------------------------------------------------------------------------------------------


@needs("train_loss", epochs=FEWEST_EPOCHS + 2)
def both_rise(c: Curves) -> Iterator[Finding]:
    """Find a training loss that has turned and rises steadily, as no overfitting does."""
    start = int(np.argmin(c.means(c.train_loss)))
    then, now, ups = c.at(start), c.ends, np.diff(c.train_loss[start:]) > 0
    low, high = then.train_loss, now.train_loss
    matters = high > 1.05 * low and high - low > 0.1 * (c.first.train_loss - low)
    validates = c.val_loss is None or now.val_loss >= 1.03 * c.val_loss[start:].min()
    if len(ups) >= 3 and matters and ups.mean() >= 0.75 and validates:
        yield c.finding("both_rise", slice(start, c.n), then=then, ups=ups.sum(), steps=len(ups))


@needs("train_loss", epochs=2 * FEWEST_EPOCHS)
def learning_rate_too_high(c: Curves) -> Iterator[Finding]:
    """Find a training loss that jumps in the second half of the run."""
    # Against the start as well, since a loss near 0 jumps by much of itself and means nothing.
    jump, half = evidence.late_jitter(c.train_loss), c.train_loss[c.second_half]
    level, rises = max(abs(c.first.train_loss), half.mean()), (np.diff(half) > 0).mean()
    if jump > TRAINING_JUMPS * level and rises >= RISES:
        yield c.finding("learning_rate_too_high", c.second_half, jump=jump, part=jump / level, rises=rises)


@needs("running_loss", "val_loss", "loss_error")
def _easier_validation(c: Curves) -> Iterator[Finding]:
    """Find a validation loss below the training loss of the same weights."""
    behind = (c.train_loss - c.val_loss)[c.second_half].mean()
    error = c.difference_error(c.loss_error, c.second_half)
    if behind > max(SURE * error, LOSS_MARGIN * c.val_loss.mean()):
        yield c.finding("unrepresentative_validation", c.whole, behind=behind, error=error)


@needs("train_loss", "val_loss")
def _gap_from_the_start(c: Curves) -> Iterator[Finding]:
    """Find validation worse in epochs 2 and 3, before memorising can begin, and by most of the gap ever after."""
    early = slice(1, 3)  # in the first epoch a running mean still has the untrained network in it
    facts, never = {}, False
    if c.has_accuracies:
        gaps, errors, says, grown = c.train_accuracy - c.val_accuracy, c.accuracy_error, share, "accuracy"
        matters, best = EARLY_GAP_WITHOUT_N if errors is None else EARLY_GAP, c.val_accuracy.max()
        never = bool(best < NEVER_RIGHT < c.train_accuracy.min())
        facts = {"train": c.at(early).train_accuracy, "val": c.at(early).val_accuracy, "never": never}
    else:
        gaps, errors, says, grown = c.val_loss - c.train_loss, c.loss_error, number, "loss"
        matters = (1.0 if errors is None else TOGETHER) * c.val_loss[:3].max()
        if errors is None and c.val_loss[early].min() < 2 * c.train_loss[early].max():
            return
    first, largest, error = gaps[early].min(), c.means(gaps).max(), c.difference_error(errors, early)
    least = max(SURE * error, matters, 0.0 if never else GAP_FROM_THE_START[grown] * largest)
    if first >= least and not any(_easier_validation(c)):
        facts |= {"first": says(first), "largest": says(largest), "error": None if errors is None else says(error)}
        yield c.finding("unrepresentative_validation", c.whole, **facts)


@needs("val_loss")
def _risen_loss(c: Curves) -> Iterator[Finding]:
    """Find a validation loss that rose: confident errors (lessons 2, 6, 7), or overfitting if accuracy fell as well."""
    if not c.has_risen:
        return
    facts = {"loss": c.said("loss", c.lowest, c.end), "stop": c.numbers(c.lowest)[1]}
    if c.val_accuracy is None:
        scores = [name for name in c.unread if not LOSSES.intersection(words(name))]
        scores = [name for name in scores if "val" in splits_of(name)] or [n for n in scores if not splits_of(n)]
        pattern = "overfitting" if c.regression else "loss_rose"
        yield c.finding(pattern, c.since_lowest, scores=tuple(scores), **facts)
        return
    change = c.change("accuracy", c.lowest, c.end)
    unsure, fall = change.verdict == "cannot tell", -100 * change.interval.low
    facts["accuracy"] = c.said("accuracy", c.lowest, c.end)
    if change.verdict != "flat" and change.interval.estimate.value < -change.margin / 2:  # or more likely fell than not
        yield c.finding("overfitting", c.since_lowest, unsure=unsure, **facts)
        return
    facts["fall"] = fall if c.n_val and unsure and fall > 0 else None
    facts["penalty"] = any(sanity.mostly_penalty(c))
    if c.refinement is not None:
        facts["split"] = "all" if c.ends.refinement <= c.lows.refinement else "the rest"
    yield c.finding("confident_errors", c.since_lowest, **facts)


def real_fluctuation(c: Curves) -> Iterator[Finding]:
    """Find a validation curve that jumps by more than even a fresh validation set per epoch would."""
    for name, of in reversed(c.measures.items()):
        if of.errors is not None and c.n >= 2 * FEWEST_EPOCHS:
            jump, error = evidence.late_jitter(of.values), of.errors[c.second_half].mean()
            matters, says = FLUCTUATION * abs(of.values[0]), number
            if name == "accuracy":
                matters, says = ACCURACY_MARGIN / 2, points
            if jump > max(error * _largest_ratio(c), matters):
                yield c.finding("real_fluctuation", c.second_half, name=name, jump=says(jump), error=says(error))
                return


def unfinished(c: Curves) -> Iterator[Finding]:
    """Find losses of both sets (or an accuracy, where there is no validation loss) that still improve."""
    curves = {"training loss": c.train_loss, "validation loss": c.val_loss}
    if c.val_loss is None and c.val_accuracy is not None:
        curves["validation error (1 - accuracy)"] = 1 - c.val_accuracy
    curves = {name: values for name, values in curves.items() if values is not None}
    if not curves or not all(evidence.still_falls(values) for values in curves.values()):
        return
    which, last = list(curves.items())[-1]
    before, after = evidence.ends_of_last_fifth(last)
    facts = {"before": before, "after": after, "change": 100 * (after - before) / abs(before)}
    facts |= {"which": which, "way": (before - after) / (last[0] - last.min())}
    if c.val_loss is not None and c.train_loss is not None:
        facts["train"] = evidence.ends_of_last_fifth(c.train_loss)
    if c.rates is not None and c.last.rates < ANNEALED * c.rates.max():
        facts["annealed"] = c.rates.max() if (np.diff(c.rates[c.second_half]) <= 0).all() else None
    yield c.finding("unfinished", slice(c.n - 1 - max(1, c.n // 5), c.n), **facts)


@needs("train_loss", "val_loss")
def _plateau(c: Curves) -> Iterator[Finding]:
    """Find both sets standing still together, far above what knowledge would cost.

    If that is the loss of equal confidence in every answer, it may be noise in the labels.
    """
    train, val = c.ends.train_loss, c.ends.val_loss
    right = c.val_accuracy if c.val_accuracy is not None else c.train_accuracy
    well = right is not None and right[c.end].mean() > WELL_ENOUGH
    stands = right is not None and right[c.end].mean() < right[0] + ACCURACY_MARGIN
    nothing = c.first.val_loss if c.nothing is None or (stands and not well) else c.nothing
    poor = val >= POOR * nothing and abs(val - train) <= TOGETHER * val and not (c.nothing is None and well)
    moves = evidence.still_falls(c.train_loss) or evidence.still_falls(c.val_loss) or c.has_risen
    if not poor or moves or any(both_rise(c)):
        return
    if c.val_accuracy is not None and c.n_classes is not None:
        even = _loss_of_even_confidence(c.ends.val_accuracy, c.n_classes)
        if (1 - EVEN_CONFIDENCE) * even <= val <= (1 - LEARNT) * c.nothing:
            yield c.finding("noise_ceiling", c.second_half, even=even)
    of = "what knowing nothing costs" if c.nothing is not None and val >= POOR * c.nothing else "its first value"
    yield c.finding("underfitting", c.second_half, part=POOR, of=of)


@needs("val_loss", "val_accuracy")
def dip(c: Curves) -> Iterator[Finding]:
    """Find an accuracy that fell from an earlier height while the loss fell: the reverse disagreement (lesson 2)."""
    width = max(1, c.width // 3)
    accuracy, loss = evidence.moving_means(c.val_accuracy, width), evidence.moving_means(c.val_loss, width)
    drop = np.maximum.accumulate(accuracy) - accuracy
    drop[loss > np.minimum.accumulate(loss) * (1 + LOSS_MARGIN / 2)] = 0  # only while the loss is as low as ever
    bottom = int(drop.argmax())
    top = int(accuracy[: bottom + 1].argmax())
    before, after = slice(top, top + width), slice(bottom, bottom + width)
    if drop[bottom] <= ACCURACY_DROP or loss[bottom] >= loss[top]:
        return
    fall = c.change("accuracy", before, after).interval.estimate
    if -fall.value >= SELECTED * fall.standard_error:
        came_back = accuracy[bottom:].max() >= accuracy[top] - drop[bottom] / 2
        back = "came back: no place to stop" if came_back else "did not come back"
        facts = {"accuracy": c.said("accuracy", before, after), "top": loss[top], "bottom": loss[bottom]}
        yield c.finding("dip", slice(top, bottom + width), back=back, **facts)


@needs("train_loss", "val_loss")
def validation_better(c: Curves) -> Iterator[Finding]:
    """Find a validation loss below the training loss, and ask whether half an epoch's delay explains it (lesson 3)."""
    running = c.train_loss if c.running_loss is None else c.running_loss
    difference, ahead = (running - c.val_loss).mean(), (running > c.val_loss).mean()
    error, known = c.difference_error(c.loss_error, c.whole), c.loss_error is not None
    least = LOSS_MARGIN if known else 2 * LOSS_MARGIN
    if ahead >= (0.5 if known else 0.8) and difference >= max(2 * error, least * c.val_loss.mean()):
        delayed = ((running[:-1] + running[1:]) / 2 - c.val_loss[:-1]).mean()
        delay = bool(abs(delayed) < max(2 * error, 0.4 * difference))
        yield c.finding("validation_better", c.whole, ahead=ahead, difference=difference, delay=delay)


@needs("val_accuracy")
def _accuracy_alone(c: Curves) -> Iterator[Finding]:
    """Read the accuracy where there is no validation loss: it rose and stands, or it fell."""
    if c.val_loss is not None:
        return
    means, jitter = c.means(c.val_accuracy), evidence.late_jitter(c.val_accuracy)
    top, end, scatter = int(means.argmax()), means[-1], np.sqrt(2 / c.width) * jitter
    then, alone = c.at(top), c.train_loss is None
    if means[top] - end > max(ACCURACY_DROP, SURE * scatter) and (alone or c.last.train_loss <= 1.02 * then.train_loss):
        fell = c.said("accuracy", slice(top, top + c.width), c.end)
        yield c.finding("overfitting", slice(top, c.n), accuracy=fell, then=then)
        return
    since, best = int(np.argmax(means >= end - max(ACCURACY_MARGIN, 2 * scatter))), int(c.val_accuracy.argmax())
    if end - means[0] >= ACCURACY_DROP and c.n - since >= 3 and not evidence.still_falls(1 - c.val_accuracy):
        facts = {"since": c.epochs[since], "best": c.epochs[best], "highest": c.val_accuracy[best]}
        yield c.finding("accuracy_stands", slice(since, c.n), then=then, end=end, scatter=jitter, **facts)


@needs("train_loss", "val_loss")
def gap(c: Curves) -> Iterator[Finding]:
    """Find a training loss well below a validation loss that does not rise."""
    val, difference = c.ends.val_loss, c.ends.val_loss - c.ends.train_loss
    error = c.difference_error(c.loss_error, c.end)
    near = c.has_accuracies and c.ends.train_accuracy - c.ends.val_accuracy <= AHEAD
    least = TOGETHER * c.first.val_loss if near else 0.0
    if difference >= max(SURE * error, 2 * TOGETHER * val, least) and not c.has_risen:
        yield c.finding("gap", c.end, stands=val < (1 + LOSS_MARGIN) * c.lows.val_loss)


@needs("accuracy_error", epochs=2 * FEWEST_EPOCHS)
def sampling_noise(c: Curves) -> Iterator[Finding]:
    """Say what a validation set of this size cannot show, where the curve's jumps are no larger."""
    jump, error = evidence.late_jitter(c.val_accuracy), c.accuracy_error[c.second_half].mean()
    if VISIBLE_JUMP * error < jump <= error * _largest_ratio(c):
        facts = {"shown": NormalDist().inv_cdf((1 + c.level) / 2) * error}
        if facts["shown"] > ACCURACY_MARGIN:
            right = c.val_accuracy[c.second_half].mean()
            sd = float(np.sqrt(right * (1 - right))) or 0.1
            facts["needed"] = uncertainty.examples_needed(ACCURACY_MARGIN, sd, level=c.level, power=0.5)
        yield c.finding("sampling_noise", c.second_half, jump=jump, error=error, margin=ACCURACY_MARGIN, **facts)


# ---- a verdict where nothing is wrong, or nothing can be told -------------------------------------------------------


def _too_few(c: Curves) -> Iterator[Finding]:
    """Say that values are too few for a trend, and what they are."""
    if c.n < FEWEST_EPOCHS:
        facts = {"least": FEWEST_EPOCHS}
        if c.val_loss is not None and c.n > 1:
            ups = np.diff(c.val_loss) > 0
            facts["way"] = "rises" if ups.all() else "goes up and down" if ups.any() else "falls"
            facts["values"] = ", ".join(map(number, c.val_loss))
        yield c.finding("cannot_tell", c.whole, **facts)


def _not_validated(c: Curves) -> Iterator[Finding]:
    """Say that there is no validation."""
    if c.val_loss is None and c.val_accuracy is None:
        yield c.finding("cannot_tell", c.whole, alone=True)


@needs("val_loss")
def _may_have_risen(c: Curves) -> Iterator[Finding]:
    """Find a validation loss that ends above its lowest: by chance, perhaps, or perhaps not for long."""
    rise, facts = c.rise.interval.estimate, {"loss": c.said("loss", c.lowest, c.end)}
    if rise.value <= c.rise.margin:
        return
    if c.rise.verdict == "rise":  # on this set it is there; does it last?
        steps, facts["lowest"] = np.diff(c.epochs), c.numbers(c.lowest)[0]
        at = int(steps.argmax())
        if steps[at] > 3 * np.median(steps):
            facts |= {"left": c.epochs[at], "right": c.epochs[at + 1]}
        yield c.finding("cannot_tell", c.since_lowest, **facts)
    elif rise.value > rise.standard_error or c.rise_lasts:
        if c.n_val is not None:
            facts["needed"] = uncertainty.examples_needed(rise.value, rise.standard_error * np.sqrt(c.n_val))
        yield c.finding("cannot_tell", c.whole, uncertain=True, **facts)


def _no_alarm(c: Curves, noted: set[str]) -> Iterator[Finding]:
    """Say that nothing is wrong where that is earned, or what is missing."""
    facts = {"gap": "gap" in noted, "odd": not noted.isdisjoint({"other_loss", "odd_epochs"})}
    if c.val_loss is not None:
        before, after = evidence.ends_of_last_fifth(c.val_loss)
        few = c.n < 2 * FEWEST_EPOCHS - 2
        facts |= {"few": few, "little": few or c.ends.val_loss > 0.9 * c.first.val_loss}
        facts["falls"] = before - after > LOSS_MARGIN * abs(after)
        above = (c.ends.val_loss - c.lows.val_loss) / max(abs(c.lows.val_loss), 1e-12)
        facts["above"] = above if above > LOSS_MARGIN else None
    if c.val_accuracy is not None:
        facts["stood"] = c.first.val_accuracy < 0.97 and c.ends.val_accuracy < c.first.val_accuracy + 0.01
    if c.val_loss is not None and c.val_accuracy is not None:
        right, jump = c.ends.val_accuracy, evidence.late_jitter(c.val_accuracy)
        facts["always"] = right if _may_be_one_class(c) else None
        if c.n_val is None and jump > 1.5 * ACCURACY_MARGIN:
            alike = max(1, round(right * (1 - right) / jump**2))
            facts |= {"jump": jump, "alike": alike, "few_alike": alike if alike < FEW_EXAMPLES else None}
    changes = "; ".join(f"validation {name} {c.said(name, slice(0, 1), c.end)}" for name in c.measures)
    missing = "; ".join(sayable(READING["missing"], c=c, **facts))
    pattern = "quiet" if missing else "healthy"
    yield c.finding(pattern, c.whole, changes=f"V{changes[1:]}", missing=missing, **facts)


def _may_be_one_class(c: Curves) -> bool:
    """Tell whether always saying one class may be as good, where shares that would tell are not known."""
    right, rose = c.ends.val_accuracy, (np.diff(c.val_accuracy) > 0).all()
    flat = np.ptp(c.val_accuracy[c.second_half]) < ACCURACY_MARGIN * (3 if c.n_classes is None else 0.5)
    unsure = c.ends.val_loss > 0.95 * _loss_of_even_confidence(right, 2)
    return c.class_shares is None and right < 0.97 and flat and not rose and unsure


# ---- all of it ------------------------------------------------------------------------------------------------------

#: After these no curve is worth a look.
NO_CURVES = (_stopped, sanity.batch_losses, sanity.negative_loss, _too_few)
#: Where nothing was learnt, everything else would describe its consequences.
NOTHING_LEARNT = (
    _ran_away, _baseline, sanity.dead, not_moving, _constant_accuracy, sanity.frozen_validation, double_softmax,
)  # fmt: skip
#: Looked for otherwise, the most important first.
IN_ORDER = (
    both_rise, learning_rate_too_high, _easier_validation, _gap_from_the_start, _risen_loss, real_fluctuation,
    unfinished, _plateau, dip, _accuracy_alone, validation_better, gap,
)  # fmt: skip
VERDICTS = (_not_validated, _may_have_risen)


def find_all(c: Curves) -> tuple[list[Finding], Curves]:
    """Return every finding, the most important first, and the curves that were believed.

    There is always one. Accuracies that mean nothing and epochs out of line are no longer in the curves.
    """
    if found := _all(NO_CURVES, c)[:1]:
        return found, c
    c, impossible = sanity.without_impossible_accuracy(c)
    c, odd = sanity.without_odd_epochs(c)
    notes = [*impossible, *odd]
    if found := _all(NOTHING_LEARNT, c)[:1]:
        found += unfinished(c)  # unless it is on its way
    else:
        notes += sanity.mostly_penalty(c)
        found = sorted(_all(IN_ORDER, c), key=lambda finding: finding.severity)  # "alarm" before "note"
    if not _says_enough(c, [*notes, *found]):
        found = [*(_all(VERDICTS, c) or _no_alarm(c, {finding.pattern for finding in (*notes, *found)})), *found]
    return [*notes, *found, *sampling_noise(c)], c


def _all(looks: Iterable[Callable], c: Curves) -> list[Finding]:
    return [finding for look in looks for finding in look(c)]


def _says_enough(c: Curves, found: list[Finding]) -> bool:
    """Tell whether an alarm, or a note on the accuracy alone or on validation far ahead, stands for a verdict."""
    names = {finding.pattern for finding in found}
    if any(finding.severity == "alarm" for finding in found) or "accuracy_stands" in names:
        return True
    far = c.has_accuracies and c.ends.val_accuracy - c.ends.train_accuracy > FAR_AHEAD
    return far and "validation_better" in names


def _loss_of_even_confidence(right: float, n_classes: int) -> float:
    """Return the loss if every answer has the confidence `right` and the rest is spread evenly: that of label noise."""
    right = min(max(right, 1e-6), 1 - 1e-6)
    return float(-right * np.log(right) - (1 - right) * np.log((1 - right) / (n_classes - 1)))


def _largest_ratio(c: Curves) -> float:
    """Return how far above the sampling error a scatter may be by chance (chi-square, 1 in 1,000 one-sided)."""
    from scipy import special  # not needed by who only imports the module

    free = max(1.0, JITTER_FREEDOM * (c.n - c.n // 2 - 2))
    return float(np.sqrt(special.chdtri(free, 0.001) / free))
