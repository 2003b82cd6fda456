"""What the numbers of a log say before any curve is believed: that they cannot be what their names promise.

A wrong answer gives its class at most one half, so it costs at least ln 2, and a cross-entropy is at least
(1 - accuracy) ln 2. It is never negative. A curve that is one number throughout was not measured anew, or nothing
moved.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from lessonlib.metrics import double_softmax_floor
from lessonlib.reading.evidence import FEWEST_EPOCHS, WRITTEN, Curves, needs, still_falls
from lessonlib.reading.findings import Finding, number, share

BELOW_THE_LEAST = 0.9  # a loss below this share of its least is not just rounded, or a mean over batches
DEAREST_ANSWER = 15.0  # nats: a dearer wrong answer has exp(-15) left for its class, so others cost instead
OUT_OF_LINE, FEW = 4.0, 0.1  # times its neighbours, in at most this share of the epochs: more is fluctuation
SMOOTH = 0.15  # losses that rise in fewer of the steps are of the whole set, whatever they are counted by
SAME = 5e-5  # differences below this share are those of printed digits


@needs("train_loss")
def batch_losses(c: Curves) -> Iterator[Finding]:
    """Find training losses by step, of a log that has nothing else, that go up and down."""
    if c.of_batches and (c.n < 3 or (np.diff(c.train_loss) > 0).mean() >= SMOOTH):
        yield c.finding("batch_losses", c.whole, begin=c.at(slice(0, c.width)))


def negative_loss(c: Curves) -> Iterator[Finding]:
    """Find losses below zero."""
    for name, (loss, accuracy) in c.sets.items():
        if loss is not None and (loss < -1e-6).any():
            constant = accuracy[-1] if accuracy is not None and np.ptp(accuracy) <= SAME else None
            yield c.finding("negative_loss", c.whole, name=name, lowest=loss.min(), constant=constant)


def without_impossible_accuracy(c: Curves) -> tuple[Curves, list[Finding]]:
    """Find a loss below (1 - accuracy) ln 2, or an accuracy of nearly 0 under a loss that falls far.

    An accuracy that means nothing is left out of the curves.
    """
    for name, (loss, accuracy) in c.sets.items():
        if loss is None or accuracy is None:
            continue
        least = (1 - accuracy) * np.log(2)
        below = (loss < BELOW_THE_LEAST * least) & (least > 0.02)
        never_right = accuracy.max() <= 0.02 and loss.min() < 0.5 * loss[0]
        if below.mean() < 0.5 and not never_right:
            continue
        standing = np.ptp(accuracy) < 0.05 and loss.min() < 0.7 * loss[0]
        level = " to ".join(dict.fromkeys((share(accuracy.min()), share(accuracy.max()))))
        facts = {"name": name, "level": level, "lowest": loss.min()}
        if below.any():
            at = int(np.argmax(least - loss))
            facts |= {"right": accuracy[at], "least": least[at], "here": loss[at]}
        if not (standing or never_right or accuracy.max() < 0.1):
            return c, [c.finding("other_loss", c.whole, **facts)]
        n_val = None if c.n_counted else c.n_val
        left = dataclasses.replace(c, train_accuracy=None, val_accuracy=None, n_val=n_val, regression=True)
        return left, [c.finding("meaningless_accuracy", c.whole, **facts)]
    return c, []


@needs("train_loss")
def dead(c: Curves) -> Iterator[Finding]:
    """Find a training loss that is one number from the second epoch on."""
    later = [values[1:] for values in c.sets["training"] if values is not None]
    if all(np.ptp(values) <= SAME * abs(np.median(values)) for values in later) and later[0].mean() >= 0.05:
        yield c.finding("dead", slice(1, c.n), times=c.n - 1)


@needs("train_loss")
def frozen_validation(c: Curves) -> Iterator[Finding]:
    """Find a validation that gives one number throughout while training learns."""
    if not c.measures or c.last.train_loss >= 0.8 * c.first.train_loss:
        return
    *_, (name, of) = c.measures.items()  # the accuracy, where there is one
    level = float(np.median(of.values))
    frozen = np.isclose(of.values, level, rtol=SAME, atol=SAME).mean() >= 0.9
    if c.val_accuracy is not None:  # it can stand by chance, or at its best, but then training is not far ahead
        loss_stands = c.val_loss is None or np.ptp(c.val_loss[c.second_half]) < 0.01 * c.last.val_loss
        ahead = loss_stands if c.train_accuracy is None else c.ends.train_accuracy - level > 0.15
        frozen &= level < 0.99 and ahead
    if frozen:
        yield c.finding("frozen_validation", c.whole, level=WRITTEN[name][0](level))


@needs("val_loss", "val_accuracy")
def mostly_penalty(c: Curves) -> Iterator[Finding]:
    """Find a loss on both sets that is far more than its wrong answers can cost."""
    for loss, accuracy in c.sets.values():
        if loss is not None and accuracy is not None:
            level, wrong = loss[c.end].mean(), 1 - accuracy[c.end].mean()
            if level < 0.3 or level < DEAREST_ANSWER * wrong:
                return
    if not still_falls(c.val_loss):  # else it is on its way from a start without confidence
        level = c.ends.val_loss
        floors = (k for k in range(2, 1001) if abs(level / double_softmax_floor(k) - 1) < 0.06)
        each = level / max(1 - c.ends.val_accuracy, 1e-3)
        yield c.finding("mostly_penalty", c.end, each=each, k=next(floors, None))


def without_odd_epochs(c: Curves) -> tuple[Curves, list[Finding]]:
    """Leave out single epochs whose validation loss is far above that of two neighbours on either side, and say so."""
    if c.val_loss is None or c.n < FEWEST_EPOCHS + 2 or c.losses is not None:
        return c, []
    padded = np.pad(c.val_loss, 2, constant_values=np.nan)
    beside = np.nanmax([padded[k : k + c.n] for k in (0, 1, 3, 4)], axis=0)
    odd = c.val_loss > OUT_OF_LINE * np.maximum(beside, 1e-3)
    odd[[0, -1]] = False  # these have neighbours on one side only
    if not odd.any() or odd.sum() > max(1, FEW * c.n):
        return c, []
    values, numbers = (", ".join(map(say, of[odd])) for say, of in ((number, c.val_loss), (str, c.epochs)))
    stretch = (int(c.epochs[odd][0]), int(c.epochs[odd][-1]))
    per_epoch = {
        field.name: value[~odd]
        for field in dataclasses.fields(c)
        if isinstance(value := getattr(c, field.name), np.ndarray) and field.name != "class_shares"
    }
    return dataclasses.replace(c, **per_epoch), [c.finding("odd_epochs", stretch, values=values, numbers=numbers)]
