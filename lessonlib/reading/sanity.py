"""What the numbers of a log say before any curve is believed: that they cannot be what their names promise.

A wrong answer gives its class at most one half, so it costs at least ln 2, and a cross-entropy is at least
(1 - accuracy) ln 2. It is never negative. A curve that is one number
throughout was not measured anew, or nothing moved.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from lessonlib.metrics import double_softmax_floor
from lessonlib.reading.evidence import FEWEST_EPOCHS, Curves, Values, still_falls
from lessonlib.reading.findings import Finding, number, share

#: A loss below this share of its least is not just rounded, or a mean over batches.
BELOW_THE_LEAST = 0.9
#: A wrong answer that costs more than this (nats) on average has exp(-15) left for its class: others cost instead.
DEAREST_ANSWER = 15.0
#: A loss that still falls is on its way from a start without confidence, unless it is more than ln 12.
CERTAINLY_MORE = 2.5
#: A value this many times its neighbours is out of line ...
OUT_OF_LINE = 4.0
#: ... if it is one of at most this share of the epochs; more is a fluctuation.
FEW = 0.1
#: Losses that rise in fewer than this share of the steps are of the whole set, whatever they are counted by.
SMOOTH = 0.15
#: Differences below this share are those of printed digits.
SAME = 5e-5


def batch_losses(run_is_batches: bool, c: Curves) -> Finding | None:
    """Find a log that has nothing but training losses by step."""
    if not run_is_batches or c.train_loss is None or c.stopped_at is not None:
        return None
    if c.n > 2 and (np.diff(c.train_loss) > 0).mean() < SMOOTH:
        return None
    tenth = max(1, c.n // 10)
    first, last = c.train_loss[:tenth].mean(), c.train_loss[-tenth:].mean()
    return Finding(
        "batch_losses",
        c.numbers(c.whole),
        f"{c.n} training losses by {c.unit}; averaged over a tenth of the log they go from {number(first)} to "
        f"{number(last)}. There is no validation in this log.",
        unit=c.unit,
    )


def negative_loss(c: Curves) -> Finding | None:
    """Find losses below zero."""
    losses = [(name, v) for name, v in (("validation", c.val_loss), ("training", c.train_loss)) if v is not None]
    bad = [(name, values) for name, values in losses if (values < -1e-6).any()]
    if not bad:
        return None
    name, values = bad[0]
    constant = c.val_accuracy is not None and np.ptp(c.val_accuracy) <= SAME
    also = f" The accuracy is {share(c.val_accuracy[-1])} throughout." if constant else ""
    return Finding(
        "negative_loss", c.numbers(c.whole), f"The {name} loss goes down to {number(values.min())}.{also}", unit=c.unit
    )


def impossible_accuracy(c: Curves) -> Finding | None:
    """Find a loss below (1 - accuracy) ln 2, or an accuracy of nearly 0 under a loss that falls far."""
    pairs = ((c.val_loss, c.val_accuracy, "validation"), (c.train_loss, c.train_accuracy, "training"))
    for loss, accuracy, name in pairs:
        if loss is None or accuracy is None or (loss < 0).any():
            continue
        least = (1 - accuracy) * np.log(2)
        below = (loss < BELOW_THE_LEAST * least) & (least > 0.02)
        standing = np.ptp(accuracy) < 0.05
        fell = loss.min() < 0.7 * loss[0]
        never_right = accuracy.max() <= 0.02 and loss.min() < 0.5 * loss[0]
        if below.mean() < 0.5 and not never_right:
            continue
        at = int(np.argmax(least - loss)) if below.any() else int(np.argmin(loss))
        level = " to ".join(dict.fromkeys((share(accuracy.min()), share(accuracy.max()))))
        evidence = f"The {name} accuracy is {level}, the loss goes down to {number(loss.min())}."
        if below.any():
            evidence += (
                f" At {share(accuracy[at])} right a cross-entropy is at least (1 - accuracy) ln 2 = {least[at]:.2f}; "
                f"here it is {number(loss[at])}."
            )
        nothing = (standing and fell) or never_right or accuracy.max() < 0.1
        return Finding("meaningless_accuracy" if nothing else "other_loss", c.numbers(c.whole), evidence, unit=c.unit)
    return None


def dead(c: Curves) -> Finding | None:
    """Find a training loss that is one number from the second epoch on."""
    if c.train_loss is None or c.n < FEWEST_EPOCHS:
        return None
    later = c.train_loss[1:]
    still = _is_one_number(later) and (c.train_accuracy is None or _is_one_number(c.train_accuracy[1:]))
    learnt = later.mean() < 0.05 or (c.train_accuracy is not None and c.train_accuracy[-1] > 0.99)
    if not still or learnt:
        return None
    accuracy = "" if c.train_accuracy is None else f", the accuracy {share(c.train_accuracy[-1])}"
    return Finding(
        "dead",
        c.numbers(slice(1, c.n)),
        f"The training loss is {number(later[-1])}{accuracy} in each of the last {c.n - 1} {c.unit}s.",
        unit=c.unit,
    )


def frozen_validation(c: Curves) -> Finding | None:
    """Find a validation that gives one number throughout while training learns."""
    if c.train_loss is None or c.n < FEWEST_EPOCHS or (c.val_loss is None and c.val_accuracy is None):
        return None
    improved = c.train_loss[-1] < 0.8 * c.train_loss[0]
    if c.val_accuracy is not None:
        values, counts = np.unique(np.round(c.val_accuracy, 4), return_counts=True)
        share_ = float(values[counts.argmax()])
        ahead = c.train_accuracy is None or c.train_accuracy[c.end].mean() - share_ > 0.15
        frozen = counts.max() >= 0.9 * c.n and share_ < 0.99 and ahead
        if c.train_accuracy is None and c.val_loss is not None:  # an accuracy can stand by chance, a loss cannot
            frozen &= np.ptp(c.val_loss[c.second_half]) < 0.01 * c.val_loss[-1]
        level = share(share_)
    else:
        frozen, level = _is_one_number(c.val_loss), number(c.val_loss[-1])
    if not (frozen and improved):
        return None
    training = f"training loss falls from {number(c.train_loss[0])} to {number(c.train_loss[-1])}"
    if c.train_accuracy is not None:
        training += f", training accuracy reaches {share(c.train_accuracy[-1])}"
    loss = "" if c.val_loss is None or c.val_accuracy is None else f" (loss {number(c.val_loss[-1])})"
    return Finding(
        "frozen_validation", c.numbers(c.whole), f"Validation stays at {level}{loss} while {training}.", unit=c.unit
    )


def mostly_penalty(c: Curves) -> Finding | None:
    """Find a loss on both sets that is far more than its wrong answers can cost."""
    if c.val_loss is None or c.val_accuracy is None or c.n < FEWEST_EPOCHS:
        return None
    pairs = [(c.val_loss, c.val_accuracy)]
    if c.train_loss is not None and c.train_accuracy is not None:
        pairs.append((c.train_loss, c.train_accuracy))
    for loss, accuracy in pairs:
        level, wrong = float(loss[c.end].mean()), 1 - float(accuracy[c.end].mean())
        if level < 0.3 or wrong > 0.35 or level < DEAREST_ANSWER * wrong:
            return None
    level, right = float(c.val_loss[c.end].mean()), float(c.val_accuracy[c.end].mean())
    if still_falls(c.val_loss) and level < CERTAINLY_MORE:
        return None
    floors = [k for k in range(2, 1001) if abs(c.val_loss[c.end].mean() / double_softmax_floor(k) - 1) < 0.06]
    floor = f" With {floors[0]} classes a softmax applied twice ends there too." if floors else ""
    return Finding(
        "mostly_penalty",
        c.numbers(c.end),
        f"At {share(right)} right the validation loss is {number(level)}: if wrong answers alone cost it, each would "
        f"cost {number(level / max(1 - right, 1e-3))} nats.{floor}",
        unit=c.unit,
    )


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
    numbers_ = ", ".join(str(value) for value in c.epochs[odd])
    values = c.val_loss if c.val_loss is not None else c.val_accuracy
    said = ", ".join(number(value) for value in values[odd])
    return without(c, odd), Finding(
        "odd_epochs",
        (int(c.epochs[odd][0]), int(c.epochs[odd][-1])),
        f"Validation is {said} in {c.unit} {numbers_}, far from the {c.unit}s beside it.",
        unit=c.unit,
    )


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


def without(c: Curves, odd: NDArray[np.bool_]) -> Curves:
    """Return curves without some epochs."""
    cut = {
        field.name: value[~odd]
        for field in dataclasses.fields(c)
        if isinstance(value := getattr(c, field.name), np.ndarray) and field.name != "class_shares"
    }
    return dataclasses.replace(c, **cut)


def guessed_classes(c: Curves) -> int | None:
    """Return the number of equal classes for which a validation that never moved is guessing, or None.

    Both its accuracy must be about 1/K and its loss about ln K or above.
    """
    if c.val_loss is None or c.n < FEWEST_EPOCHS:
        return None
    half = c.second_half
    best = float(np.sort(c.val_loss)[: max(1, c.n // 4)].mean())
    if best < 0.93 * c.val_loss[0]:
        return None
    ks = np.arange(2, 1001) if c.n_classes is None else np.array([c.n_classes])
    fits = (best >= 0.97 * np.log(ks)) & (best <= 1.12 * np.log(ks))
    if c.train_accuracy is not None:  # training that begins far above guessing has something to say
        fits &= c.train_accuracy[0] <= np.maximum(0.5, 3 / ks)
    if c.val_accuracy is not None:
        accuracy = float(np.median(c.val_accuracy[half]))
        n = c.n_val or 1_000
        fits &= np.abs(accuracy - 1 / ks) <= 0.02 + 2 * np.sqrt((1 - 1 / ks) / ks / n)
    else:
        fits &= np.abs(np.median(c.val_loss[half]) / np.log(ks) - 1) < 0.01
    return int(ks[fits][np.argmin(np.abs(np.log(ks[fits]) - best))]) if fits.any() else None


def _is_one_number(values: Values) -> bool:
    return bool(np.ptp(values) <= SAME * max(abs(float(np.median(values))), 1e-12))
