"""What the numbers of a log say before any curve is believed: that they cannot be what their names promise.

A wrong answer gives its class at most one half, so it costs at least ln 2, and a cross-entropy is at least
(1 - accuracy) ln 2. It is never negative. A curve that is one number throughout was not measured anew, or nothing
moved.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from lessonlib.metrics import double_softmax_floor
from lessonlib.reading.evidence import FEWEST_EPOCHS, Curves, Values, needs, still_falls
from lessonlib.reading.findings import Finding, number, share

BELOW_THE_LEAST = 0.9  # a loss below this share of its least is not just rounded, or a mean over batches
DEAREST_ANSWER = 15.0  # nats: a dearer wrong answer has exp(-15) left for its class, so others cost instead
CERTAINLY_MORE = 2.5  # a loss that still falls is on its way from a start without confidence, unless above ln 12
OUT_OF_LINE, FEW = 4.0, 0.1  # times its neighbours, in at most this share of the epochs: more is a fluctuation
SMOOTH = 0.15  # losses that rise in fewer of the steps are of the whole set, whatever they are counted by
SAME = 5e-5  # differences below this share are those of printed digits


@needs("train_loss")
def batch_losses(c: Curves) -> Finding | None:
    """Find training losses by step, of a log that has nothing else, that go up and down."""
    if c.n > 2 and (np.diff(c.train_loss) > 0).mean() < SMOOTH:
        return None
    tenth = max(1, c.n // 10)
    first, last = c.train_loss[:tenth].mean(), c.train_loss[-tenth:].mean()
    return c.finding("batch_losses", c.whole, first=first, last=last)


def negative_loss(c: Curves) -> Finding | None:
    """Find losses below zero."""
    for name, values in (("validation", c.val_loss), ("training", c.train_loss)):
        if values is not None and (values < -1e-6).any():
            constant = c.val_accuracy is not None and np.ptp(c.val_accuracy) <= SAME and "constant"
            return c.finding("negative_loss", c.whole, "main", constant, name=name, lowest=values.min())
    return None


def impossible_accuracy(c: Curves) -> Finding | None:
    """Find a loss below (1 - accuracy) ln 2, or an accuracy of nearly 0 under a loss that falls far."""
    pairs = ((c.val_loss, c.val_accuracy, "validation"), (c.train_loss, c.train_accuracy, "training"))
    for loss, accuracy, name in pairs:
        if loss is None or accuracy is None or (loss < 0).any():
            continue
        least = (1 - accuracy) * np.log(2)
        below = (loss < BELOW_THE_LEAST * least) & (least > 0.02)
        never_right = accuracy.max() <= 0.02 and loss.min() < 0.5 * loss[0]
        if below.mean() < 0.5 and not never_right:
            continue
        standing = np.ptp(accuracy) < 0.05 and loss.min() < 0.7 * loss[0]
        nothing = standing or never_right or accuracy.max() < 0.1
        at = int(np.argmax(least - loss))
        return c.finding(
            "meaningless_accuracy" if nothing else "other_loss", c.whole, "main", below.any() and "least",
            name=name, level=" to ".join(dict.fromkeys((share(accuracy.min()), share(accuracy.max())))),
            lowest=loss.min(), right=accuracy[at], least=least[at], here=loss[at],
        )  # fmt: skip
    return None


@needs("train_loss", epochs=FEWEST_EPOCHS)
def dead(c: Curves) -> Finding | None:
    """Find a training loss that is one number from the second epoch on."""
    later, accuracy = c.train_loss[1:], c.train_accuracy
    still = _is_one_number(later) and (accuracy is None or _is_one_number(accuracy[1:]))
    if not still or later.mean() < 0.05 or (accuracy is not None and accuracy[-1] > 0.99):
        return None
    return c.finding("dead", slice(1, c.n), "main", accuracy is not None and "accuracy", "times", times=c.n - 1)


@needs("train_loss", epochs=FEWEST_EPOCHS)
def frozen_validation(c: Curves) -> Finding | None:
    """Find a validation that gives one number throughout while training learns."""
    if c.last.train_loss >= 0.8 * c.first.train_loss or (c.val_loss is None and c.val_accuracy is None):
        return None
    if c.val_accuracy is None:
        frozen, level, loss = _is_one_number(c.val_loss), number(c.last.val_loss), ""
    else:
        values, counts = np.unique(np.round(c.val_accuracy, 4), return_counts=True)
        right = float(values[counts.argmax()])
        ahead = c.train_accuracy is None or c.ends.train_accuracy - right > 0.15
        frozen = counts.max() >= 0.9 * c.n and right < 0.99 and ahead
        if c.train_accuracy is None and c.val_loss is not None:  # an accuracy can stand by chance, a loss cannot
            frozen &= np.ptp(c.val_loss[c.second_half]) < 0.01 * c.last.val_loss
        level, loss = share(right), "" if c.val_loss is None else f" (loss {number(c.last.val_loss)})"
    reaches = c.train_accuracy is not None and "reaches"
    return c.finding("frozen_validation", c.whole, "main", reaches, "end", level=level, loss=loss) if frozen else None


@needs("val_loss", "val_accuracy", epochs=FEWEST_EPOCHS)
def mostly_penalty(c: Curves) -> Finding | None:
    """Find a loss on both sets that is far more than its wrong answers can cost."""
    pairs = [(c.val_loss, c.val_accuracy), (c.train_loss, c.train_accuracy)]
    for loss, accuracy in pairs:
        if loss is not None and accuracy is not None:
            level, wrong = c.at_end(loss), 1 - c.at_end(accuracy)
            if level < 0.3 or wrong > 0.35 or level < DEAREST_ANSWER * wrong:
                return None
    level = c.ends.val_loss
    if still_falls(c.val_loss) and level < CERTAINLY_MORE:
        return None
    floors = [k for k in range(2, 1001) if abs(level / double_softmax_floor(k) - 1) < 0.06]
    each = level / max(1 - c.ends.val_accuracy, 1e-3)
    return c.finding("mostly_penalty", c.end, "main", floors and "floor", each=each, k=floors[:1])


def odd_epochs(c: Curves) -> tuple[Curves, Finding | None]:
    """Leave out single epochs whose validation is far out of line with both neighbours, and say which."""
    if c.n < FEWEST_EPOCHS + 2 or c.losses is not None:
        return c, None
    odd = np.zeros(c.n, bool)
    for values, is_loss in ((c.val_loss, True), (c.val_accuracy, False)):
        if values is not None:
            odd |= _out_of_line(values, is_loss=is_loss)
    if c.train_loss is not None and c.train_loss[0] > 3 * c.train_loss[1]:
        odd[0] = False
    if not odd.any() or odd.sum() > max(1, FEW * c.n):
        return c, None
    which = c.epochs[odd]
    values = ", ".join(map(number, (c.val_loss if c.val_loss is not None else c.val_accuracy)[odd]))
    stretch = (int(which[0]), int(which[-1]))
    finding = c.finding("odd_epochs", stretch, values=values, numbers=", ".join(map(str, which)))
    kept = {
        field.name: value[~odd]
        for field in dataclasses.fields(c)
        if isinstance(value := getattr(c, field.name), np.ndarray) and field.name != "class_shares"
    }
    return dataclasses.replace(c, **kept), finding


def _out_of_line(values: Values, *, is_loss: bool) -> NDArray[np.bool_]:
    """Tell which values are `OUT_OF_LINE` with two neighbours on either side; never the last, which has none after."""
    padded = np.pad(values, 2, constant_values=np.nan)
    beside = np.stack([padded[k : k + len(values)] for k in (0, 1, 3, 4)])
    high, low = np.nanmax(beside, axis=0), np.nanmin(beside, axis=0)
    if is_loss:
        odd = (values > OUT_OF_LINE * np.maximum(high, 1e-3)) | ((values == 0) & (low > 0.05))
    else:
        odd = (low > 0.3) & (values < 0.5 * low)
        odd[0] = False
    odd[-1] = False
    return odd


@needs("val_loss", epochs=FEWEST_EPOCHS)
def guessed_classes(c: Curves) -> int | None:
    """Return the number K of equal classes for which a validation that never moved is guessing, or None.

    Both its accuracy must be about 1/K and its loss about ln K or above.
    """
    best = float(np.sort(c.val_loss)[: max(1, c.n // 4)].mean())
    if best < 0.93 * c.val_loss[0]:
        return None
    ks = np.arange(2, 1001) if c.n_classes is None else np.array([c.n_classes])
    fits = (best >= 0.97 * np.log(ks)) & (best <= 1.12 * np.log(ks))
    if c.train_accuracy is not None:  # training that begins far above guessing has something to say
        fits &= c.train_accuracy[0] <= np.maximum(0.5, 3 / ks)
    if c.val_accuracy is not None:
        slack = 0.02 + 2 * np.sqrt((1 - 1 / ks) / ks / (c.n_val or 1_000))
        fits &= np.abs(c.later.val_accuracy - 1 / ks) <= slack
    else:
        fits &= np.abs(c.later.val_loss / np.log(ks) - 1) < 0.01
    return int(ks[fits][np.argmin(np.abs(np.log(ks[fits]) - best))]) if fits.any() else None


def _is_one_number(values: Values) -> bool:
    return bool(np.ptp(values) <= SAME * max(abs(float(np.median(values))), 1e-12))
