"""What a run's curves show, prepared for the curve reader: values, their errors, windows and changes.

Where each example's loss is known, changes are paired and exact. Where only loss and accuracy per epoch are known, the
standard error of the loss is *modelled*; where the size of the validation set is not known either, only the epochs' own
scatter is, and no interval is given. Taught in lesson 9.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessonlib import _validate as check
from lessonlib import calibration, uncertainty
from lessonlib.metrics import Estimate
from lessonlib.reading.findings import PATTERNS, Finding, number, say, sayable, share
from lessonlib.reading.names import REGRESSION, words
from lessonlib.runs import Run
from lessonlib.uncertainty import Change

Values = NDArray[np.float64]

WINDOW_SHARE = 0.1  # of the run is averaged: long enough to calm a curve, short enough to be "now"
LOSS_MARGIN = 0.05  # a change of the mean loss matters from 5 % on: less is below what seeds differ by
ACCURACY_MARGIN = 0.01  # a change of accuracy matters from one point on
#: Standard deviation of one example's squared error over its mean: sqrt(2) for normal errors, more with heavy tails.
LOSS_SD_WITHOUT_ACCURACY = 2.0
#: A loss still falls if its last fifth makes more than this share of the way so far, and of itself.
STILL_FALLING, FALL_OF_ITSELF = 0.05, 0.01
#: Scatters that a fall on this very validation set must exceed; in short logs, falls in a row are asked for instead.
SURE_OF_THIS_SET, SHORT, FALLS_IN_A_ROW = 3.0, 12, 3
FEWEST_EPOCHS = 4  # fewer have no trend that could be told from noise
MEMORISED = 0.9  # of its first value: a training loss below it has learnt something, whatever validation did
#: The metrics that are read, where there is no better one: a mean over the moving epoch stands in for a training curve.
_READ = ("train_loss", "train_accuracy", "val_loss", "val_accuracy", "running_train_loss", "running_train_accuracy")


#: How a loss and an accuracy are written, how a change of it, and in what unit that is.
WRITTEN = {
    "loss": (number, lambda change: f"{'+' * (change > 0)}{number(change)}", ""),
    "accuracy": (share, lambda change: f"{100 * change:+.1f}", " points"),
}


class Measure(NamedTuple):
    """Loss or accuracy of validation: its values, their standard errors, and those of each example."""

    values: Values
    errors: Values | None
    examples: Values | None  # shape (n_epochs, n_val)


@dataclass(frozen=True)
class Curves:
    """The finite part of a run, with what is known of its validation set. Arrays: one value per epoch."""

    epochs: NDArray[np.int64]  # the log's own numbers
    unit: str  # what they count
    train_loss: Values | None  # losses in nats, if they are cross-entropies; accuracies as shares
    train_accuracy: Values | None
    val_loss: Values | None
    val_accuracy: Values | None
    running_loss: Values | None  # the mean over the moving epoch, where the run has that beside `train_loss`
    n_val: int | None
    n_classes: int | None
    class_shares: Values | None  # of the validation set, shape (n_classes,)
    level: float  # of every interval
    stopped_at: int | None  # the number of the first epoch from which on losses are not finite to the end
    passed_over: int  # how many other epochs were left out because a value was missing
    loss_se: Values | None  # measured standard errors of the validation loss
    losses: Values | None  # per example, shape (n_epochs, n_val), where logits of the whole set were kept
    hits: Values | None
    refinement: Values | None  # the loss of the kept logits at the best temperature
    rates: Values | None  # learning rates, where the log has them
    n_counted: bool  # whether `n_val` was worked out from the accuracies
    unread: tuple[str, ...]  # columns that measure something and were not read
    of_batches: bool  # whether the log holds losses of single batches only
    regression: bool  # whether errors of a regression are logged, or an accuracy means nothing

    # ---- stretches of epochs: all, the last, and the second half, where curves have lost the bend of the beginning

    n = property(lambda self: len(self.epochs))
    width = property(lambda self: max(1, round(WINDOW_SHARE * self.n)))  # of an averaged stretch
    whole = property(lambda self: slice(0, self.n))
    end = property(lambda self: slice(self.n - self.width, self.n))
    second_half = property(lambda self: slice(self.n // 2, self.n))

    def numbers(self, stretch: slice) -> tuple[int, int]:
        """Return the log's first and last number of a stretch."""
        if self.n == 0:
            return 1, max(1, self.passed_over)
        return int(self.epochs[stretch][0]), int(self.epochs[stretch][-1])

    # ---- each curve as one number: `c.last.val_loss`, in sentences as well

    def at(self, where: int | slice, of: Callable[[Values], float] = np.mean) -> SimpleNamespace:
        """Return every curve's value in one epoch, or its mean over a stretch; None where there is no such curve."""
        curves = {name: getattr(self, name) for name in (*_READ[:4], "refinement", "rates")}
        there = {name for name, values in curves.items() if values is not None and len(values)}
        return SimpleNamespace(**{n: float(of(v[where])) if n in there else None for n, v in curves.items()})

    first = property(lambda self: self.at(0))
    last = property(lambda self: self.at(-1))
    ends = property(lambda self: self.at(self.end))
    lows = property(lambda self: self.at(self.lowest))
    later = property(lambda self: self.at(self.second_half, np.median))

    def means(self, values: Values) -> Values:
        """Return the mean of every stretch of `width` epochs."""
        return moving_means(values, self.width)

    # ---- what the curves are together

    has_accuracies = property(lambda self: self.train_accuracy is not None and self.val_accuracy is not None)

    @property
    def sets(self) -> dict[str, tuple[Values | None, Values | None]]:
        """Return loss and accuracy of either set, by the set's name."""
        return {"validation": (self.val_loss, self.val_accuracy), "training": (self.train_loss, self.train_accuracy)}

    @property
    def memorises(self) -> bool:
        """Tell whether the training loss fell."""
        return self.train_loss is not None and self.ends.train_loss < MEMORISED * self.first.train_loss

    @functools.cached_property
    def nothing(self) -> float | None:
        """Return the loss of always giving the class shares (ln K where they are not known); None without K."""
        if self.class_shares is not None:
            present = self.class_shares[self.class_shares > 0]
            return float(-(present * np.log(present)).sum())
        return None if self.n_classes is None else float(np.log(self.n_classes))

    @functools.cached_property
    def lowest(self) -> slice:
        """Return the stretch in which the mean validation loss is lowest."""
        start = int(np.argmin(self.means(self.val_loss)))
        return slice(start, start + self.width)

    @property
    def since_lowest(self) -> slice:
        """Return the epochs from the lowest validation loss of that stretch to the end."""
        return slice(self.lowest.start + int(np.argmin(self.val_loss[self.lowest])), self.n)

    # ---- errors and changes

    @functools.cached_property
    def loss_error(self) -> Values | None:
        """Return the standard error of the validation loss per epoch, or None if nothing is known of it."""
        if self.losses is not None:
            return self.losses.std(axis=1) / np.sqrt(self.losses.shape[1])
        if self.loss_se is not None or self.n_val is None or self.val_loss is None:
            return self.loss_se
        return modelled_loss_sd(self.val_loss, self.val_accuracy, self.n_val) / np.sqrt(self.n_val)

    @functools.cached_property
    def accuracy_error(self) -> Values | None:
        """Return the binomial standard error of the validation accuracy per epoch, never 0, or None."""
        if self.n_val is None or self.val_accuracy is None:
            return None
        kept = (self.val_accuracy * self.n_val + 1) / (self.n_val + 2)  # one example away from certainty
        return np.sqrt(kept * (1 - kept) / self.n_val)

    @property
    def measures(self) -> dict[str, Measure]:
        """Return what there is of the validation set: "loss", "accuracy" or both."""
        both = {
            "loss": Measure(self.val_loss, self.loss_error, self.losses),
            "accuracy": Measure(self.val_accuracy, self.accuracy_error, self.hits),
        }
        return {name: measure for name, measure in both.items() if measure.values is not None}

    def difference_error(self, errors: Values | None, stretch: slice) -> float:
        """Return the standard error of a difference between two sets over a stretch; 0 where none is known."""
        return 0.0 if errors is None else float(np.sqrt(2) * errors[stretch].mean())

    def change(self, measure: str, before: slice, after: slice) -> Change:
        """Compare the mean validation "loss" or "accuracy" of two stretches, in pairs where examples are known.

        What matters is `LOSS_MARGIN` of the first loss, or `ACCURACY_MARGIN`. Epochs share their examples, so the
        sampling error does not average out over a stretch.
        """
        values, errors, examples = self.measures[measure]
        margin = ACCURACY_MARGIN if measure == "accuracy" else LOSS_MARGIN * abs(values[before].mean())
        known = {"margin": margin, "level": self.level}
        if examples is not None:
            return uncertainty.loss_change(*(examples[part].mean(axis=0) for part in (before, after)), **known)
        means = []
        for part in (before, after):
            scatter = late_jitter(values) / np.sqrt(part.stop - part.start)
            error = scatter if errors is None else np.hypot(scatter, errors[part].mean())
            means.append(Estimate(float(values[part].mean()), float(error), self.n_val or part.stop - part.start))
        return uncertainty.unpaired_change(*means, **known)

    def said(self, measure: str, before: slice, after: slice) -> str:
        """Return a change as text; with an interval only where the sampling error is known."""
        (values, errors, _), (write, write_change, unit) = self.measures[measure], WRITTEN[measure]
        a, b = (float(values[part].mean()) for part in (before, after))
        size = write_change(b - a) + unit
        if errors is not None:
            interval = self.change(measure, before, after).interval
            low, high = write_change(interval.low), write_change(interval.high)
            size += f"; {100 * self.level:g} % interval {low} to {high}"
        elif measure == "loss" and a:
            size = f"{100 * (b - a) / abs(a):+.0f} %"
        return f"{write(a)} to {write(b)} ({size})"

    @functools.cached_property
    def rise(self) -> Change:
        """Return the change of the validation loss from its lowest to the end."""
        return self.change("loss", self.lowest, self.end)

    @functools.cached_property
    def rise_lasts(self) -> bool:
        """Tell whether most validation losses since the lowest, and the last two, are above it."""
        after, level = self.val_loss[self.lowest.stop :], self.lows.val_loss + self.rise.margin / 2
        return bool(len(after) >= 2 and (after > level).mean() >= 0.6 and after[-2:].min() > level)

    @functools.cached_property
    def has_risen(self) -> bool:
        """Tell whether the validation loss rose from its lowest to the end: for certain, lastingly, by what matters.

        Not if the training loss rose with it: then something else is wrong.
        """
        if self.rise.verdict != "rise" or self.rise.interval.estimate.value <= self.rise.margin:
            return False
        if self.train_loss is not None and self.ends.train_loss > 1.02 * self.lows.train_loss:
            return False
        return self.loss_error is not None or self.rise_lasts

    def finding(self, pattern: str, where: slice | tuple[int, int], **facts: Any) -> Finding:
        """Return a finding about a stretch, or about two of the log's numbers, in the words of its pattern."""
        about = PATTERNS[pattern]
        facts["c"] = self
        texts = {part: say(getattr(about, part), **facts) for part in ("title", "advice", "confirm", "limit")}
        numbers = self.numbers(where) if isinstance(where, slice) else where
        return Finding(pattern, numbers, self.unit, evidence="".join(sayable(about.evidence, **facts)), **texts)


def needs(*names: str, epochs: int = 0) -> Callable[[Callable[[Curves], Any]], Callable[[Curves], Any]]:
    """Let a function of curves find nothing (an empty tuple) where one it needs is missing or epochs are too few."""

    def decorate(look: Callable[[Curves], Any]) -> Callable[[Curves], Any]:
        @functools.wraps(look)
        def look_if_there(c: Curves) -> Any:
            return () if c.n < epochs or any(getattr(c, name) is None for name in names) else look(c)

        return look_if_there

    return decorate


def prepare(
    run: Run, *, n_val: int | None, n_classes: int | None, class_shares: ArrayLike | None, level: float
) -> Curves:
    """Pick a run's curves, leave out what is not finite, and add what its logits tell.

    What is not given is what the run itself says, in its logits or provenance. ValueError if it has no loss and no
    accuracy, or what is said of the validation set is not possible.
    """
    found, about = {name: run.metrics[name] for name in _READ if name in run.metrics}, run.provenance
    if not found:
        raise ValueError(
            f"there is no loss or accuracy in this run, only {', '.join(run.metrics)}: say which columns they are, "
            "as in columns={'val_loss': 'my_column'}."
        )
    for name, values in found.items():
        if name.endswith("accuracy") and (np.nanmax(values, initial=0) > 1 or np.nanmin(values, initial=0) < 0):
            worst = values[np.nanargmax(np.abs(values))]
            raise ValueError(f"{name} holds {worst:g}, an accuracy is a share from 0 to 1: divide percentages by 100.")
    n_val, n_classes, shares = _about_validation(run, n_val, n_classes, class_shares)
    counted = _size_behind(found.get("val_accuracy")) if n_val is None else None
    # A mean over the moving epoch is asked for only where there is nothing better.
    asked = {name: values for name, values in found.items() if name[:8] != "running_" or name[8:] not in found}
    kept = np.logical_and.reduce([np.isfinite(values) for values in asked.values()])
    if (stopped := _stops_being_finite(found)) is not None:
        kept[stopped:] = False

    def part(name: str, otherwise: Values | None = None) -> Values | None:
        values = run.metrics.get(name)
        return otherwise if values is None or not np.isfinite(values[kept]).all() else values[kept]

    logits = None if run.val_logits is None or not np.isfinite(run.val_logits).all() else run.val_logits
    whole = logits is not None and n_val == logits.shape[1]
    refinement = None
    if logits is not None:
        refinement = np.array([calibration.split_loss(run.val_labels, z).refinement for z in logits[kept]])
    numbers, rates = np.asarray(about.get("numbers", run.epochs)), about.get("learning_rates")
    columns = [*about.get("columns", {}).values(), *about.get("unread", ())]
    return Curves(
        numbers[kept], about.get("unit", "epoch"),
        train_loss=part("train_loss", part("running_train_loss")),
        train_accuracy=part("train_accuracy", part("running_train_accuracy")),
        val_loss=part("val_loss"), val_accuracy=part("val_accuracy"),
        running_loss=None if part("train_loss") is None else part("running_train_loss"),
        n_val=counted if n_val is None else n_val, n_classes=n_classes, class_shares=shares, level=level,
        stopped_at=None if stopped is None else int(numbers[stopped]), passed_over=int((~kept[:stopped]).sum()),
        loss_se=part("val_loss_se"), refinement=refinement,
        losses=run.val_losses()[kept] if whole else None, hits=run.val_hits()[kept].astype(float) if whole else None,
        rates=None if rates is None else np.asarray(rates)[kept],
        n_counted=counted is not None, unread=tuple(about.get("unread", ())),
        of_batches=bool(about.get("batch_losses")),
        regression=not REGRESSION.isdisjoint(words(" ".join(columns))),
    )  # fmt: skip


def _stops_being_finite(found: dict[str, Values]) -> int | None:
    """Return the index from which on losses are never finite again, or None. NaN beside a finite loss is a gap."""
    losses = np.array([values for name, values in found.items() if name.endswith("loss")])
    finite = np.flatnonzero(np.isfinite(losses).any(axis=0) & ~np.isinf(losses).any(axis=0))
    stopped = int(finite[-1]) + 1 if len(finite) else 0
    return stopped if len(losses) and stopped < losses.shape[1] else None


def _about_validation(
    run: Run, n_val: int | None, n_classes: int | None, class_shares: ArrayLike | None
) -> tuple[int | None, int | None, Values | None]:
    """Return validation size, number of classes and class shares: as given, else as the run tells."""
    about, shares = run.provenance, None
    if class_shares is None and run.val_logits is not None:
        class_shares = np.bincount(run.val_labels, minlength=run.val_logits.shape[2])
    if class_shares is not None:
        counts = check.finite_array(class_shares, "class_shares", ndim=1)
        if (counts < 0).any() or counts.sum() <= 0:
            got = f"got {counts.tolist()}: pass counts or shares"
            raise ValueError(f"class_shares must not be negative, nor all zero, {got}.")
        shares = counts / counts.sum()
    if n_val is None:
        n_val = about.get("n_val") or (None if run.val_logits is None else run.val_logits.shape[1])
    if n_classes is None:
        told = len(about.get("class_names", ())) or about.get("n_classes", 0)
        n_classes = len(shares) if shares is not None else told if told > 1 else None
    n_val = None if n_val is None else check.whole_number(n_val, "n_val", low=1)
    n_classes = None if n_classes is None else check.whole_number(n_classes, "n_classes", low=2)
    if shares is not None and len(shares) != n_classes:
        raise ValueError(f"{len(shares)} class_shares for n_classes = {n_classes}: pass one share per class.")
    return n_val, n_classes, shares


def modelled_loss_sd(loss: Values, accuracy: Values | None, n_val: int) -> Values:
    """Model the standard deviation of one example's loss from the mean loss and the accuracy.

    If the wrong answers, a share w, bear all of the loss and theirs is exponentially distributed, its variance over all
    examples is ``loss² (2 / w - 1)``. Real networks lie below that, since right answers cost something too (in the
    course's recorded runs by 1.1 to 4.4, ``tests/test_reader.py``), so that what is called certain with it is.
    Without an accuracy the spread is taken as `LOSS_SD_WITHOUT_ACCURACY` times the mean; one of 1 counts as one wrong
    answer in `n_val`.
    """
    if accuracy is None:
        return LOSS_SD_WITHOUT_ACCURACY * np.abs(loss)
    wrong = np.maximum(1 - accuracy, 1 / n_val)
    return np.abs(loss) * np.sqrt(2 / wrong - 1)


def moving_means(values: Values, width: int) -> Values:
    """Return the mean of every stretch of `width` values, shape (n - width + 1,), in linear time."""
    total = np.concatenate([[0.0], np.cumsum(values - values[0])])
    return (total[width:] - total[:-width]) / width + values[0]


def late_jitter(values: Values) -> float:
    """Return the scatter from epoch to epoch in the second half of a curve; 0 where it has fewer than three epochs."""
    half = values[len(values) // 2 :]
    return uncertainty.jitter(half) if len(half) >= 3 else 0.0


def ends_of_last_fifth(values: Values) -> tuple[float, float]:
    """Return the ends of the last fifth, each averaged over a tenth of the run."""
    means = moving_means(values, max(1, len(values) // 10))
    return float(means[-1 - max(1, len(values) // 5)]), float(means[-1])


def still_falls(values: Values) -> bool:
    """Tell whether a loss falls over the last fifth: for certain, and by enough of its way so far and of itself."""
    (before, after), width = ends_of_last_fifth(values), max(1, len(values) // 10)
    total = float(values[0] - moving_means(values, width).min())
    if total <= 0 or before - after <= max(STILL_FALLING * total, FALL_OF_ITSELF * abs(after)):
        return False
    if len(values) < SHORT:
        return bool((np.diff(values)[-FALLS_IN_A_ROW:] < 0).all())
    return before - after > SURE_OF_THIS_SET * np.sqrt(2 / width) * late_jitter(values)


def _size_behind(accuracies: Values | None) -> int | None:
    """Return the number of examples of which every accuracy is a whole number, where that cannot be chance.

    Accuracies over n examples are multiples of 1/n. Taken for n is the least that fits to the digits that are given,
    unless as many values would fit it by chance.
    """
    if accuracies is None or len(accuracies) < FEWEST_EPOCHS:
        return None
    values = np.unique(accuracies[(accuracies > 0) & (accuracies < 1)])
    if len(values) < 3:
        return None
    values = values[:: max(1, len(values) // 50), None]  # fifty are as good as all
    digits = max(len(f"{value:.7g}".partition(".")[2]) for value in values.ravel())
    n = np.arange(2, 20_001)
    slack = n * (0.5 * 10.0**-digits + 1e-7)
    by_chance = np.cumsum(np.minimum(1, 2 * slack) ** len(values))
    fits = np.abs(values * n - np.round(values * n)).max(axis=0) <= slack
    n = n[fits & (by_chance <= 1e-4) & (slack <= 0.125)]
    return int(n[0]) if len(n) else None
