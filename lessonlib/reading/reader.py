"""The curve reader: from loss and accuracy per epoch to findings with evidence, uncertainty and advice.

>>> from lessonlib.reading import reader
>>> reading = reader.read('''
... Epoch 1: train loss 1.10, val loss 1.00, val acc 0.50
... Epoch 2: train loss 0.80, val loss 0.85, val acc 0.60
... Epoch 3: train loss 0.50, val loss 0.80, val acc 0.65
... Epoch 4: train loss 0.30, val loss 0.95, val acc 0.66
... Epoch 5: train loss 0.20, val loss 1.20, val acc 0.67
... Epoch 6: train loss 0.10, val loss 1.50, val acc 0.67''')
>>> reading.first.pattern, reading.first.epochs
('confident_errors', (3, 6))

``read(log)`` takes a `Run` or whatever `lessonlib.reading.logs.read_log` takes: pasted text, a path, a Keras History, a
dict, a DataFrame. ``print(reading)`` gives the headline and what carries it, ``print(reading.full)`` everything; a
notebook shows it with an annotated figure; `lessonlib.reading.reading_report` has ``figure(reading)`` and
``save(reading, path)``. On the command line: ``python -m lessonlib read LOG`` (``-`` for standard input).

How often each pattern is recognised: ``docs/reader-accuracy.md``. Taught in lesson 9.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lessonlib.reading import evidence, logs, patterns
from lessonlib.reading.evidence import Curves
from lessonlib.reading.findings import Finding
from lessonlib.reading.reading_report import BestEpoch, Reading
from lessonlib.runs import Run

#: After these no epoch is the best: the curves they stand on mean nothing, or do not move.
_WITHOUT_BEST = {"negative_loss", "dead", "batch_losses", "frozen_validation"}


def read(
    source: Run | Mapping[str, Any] | str | os.PathLike[str] | object,
    *,
    n_val: int | None = None,
    n_classes: int | None = None,
    class_shares: ArrayLike | None = None,
    columns: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> Reading:
    """Read the curves of a run, or of anything that `lessonlib.reading.logs.read_log` takes.

    Parameters
    ----------
    n_val : int, optional
        How many validation examples there are. Without it (and if the log does not tell), nothing is said of another
        validation set.
    n_classes, class_shares : int, array_like of shape (n_classes,), optional
        The classes in the validation set and their shares (or counts). Without them, less is looked for.
    columns : mapping of str to str, optional
        As for `read_log`: from our names (``val_loss``, ``train_accuracy``, ...) to those in the log.
    level : float
        Of the intervals behind every verdict.
    """
    run = logs.read_log(source, columns=columns)
    prepared = evidence.prepare(run, n_val=n_val, n_classes=n_classes, class_shares=class_shares, level=level)
    findings, c = patterns.find_all(prepared)
    best = () if findings[0].pattern in _WITHOUT_BEST else _best_epochs(c)
    findings += [_best_epoch(best, c)] if best else []
    return Reading(run, c, tuple(findings), best)


def _best_epochs(c: Curves) -> tuple[BestEpoch, ...]:
    """Return the epochs that validation loss, accuracy and (with logits) refinement would choose."""
    columns, best = {"loss": c.val_loss, "accuracy": c.val_accuracy, "refinement": c.refinement}, []
    for by, values in columns.items():
        if values is not None and len(values):
            at = int(values.argmax() if by == "accuracy" else values.argmin())
            there = {name: None if column is None else float(column[at]) for name, column in columns.items()}
            best.append(BestEpoch(by, int(c.epochs[at]), **there))
    return tuple(best)


def _best_epoch(best: tuple[BestEpoch, ...], c: Curves) -> Finding:
    """Say which epoch each measure chooses and what that choice costs in the others."""
    epochs = sorted(choice.epoch for choice in best)
    error = None if c.accuracy_error is None else 1.96 * c.accuracy_error[np.argmax(c.val_accuracy)]
    return c.finding("best_epoch", (epochs[0], epochs[-1]), choices="; ".join(map(str, best)), error=error)
