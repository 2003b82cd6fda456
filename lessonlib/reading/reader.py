"""The curve reader: from loss and accuracy per epoch to findings with evidence, uncertainty and advice.

>>> from lessonlib.reading import reader
>>> history = {"loss": [1.1, 0.9, 0.7, 0.5, 0.4, 0.3, 0.2, 0.2, 0.1, 0.1], "val_loss": [1.0, 0.9, 0.8, 0.8, 0.9,
...            1.0, 1.2, 1.4, 1.5, 1.6], "val_accuracy": [0.5, 0.6, 0.65, 0.66, 0.67, 0.67, 0.68, 0.68, 0.68, 0.68]}
>>> reading = reader.read(history, n_val=2_000, n_classes=3)
>>> reading.first.pattern
'confident_errors'
>>> [finding.pattern for finding in reading.alarms]
['confident_errors']

The interface, in full:

- ``read(run_or_log, *, n_val=None, n_classes=None, class_shares=None, columns=None, level=0.95) -> Reading``. The first
  argument is a `Run` or whatever `lessonlib.reading.logs.read_log` takes: a Keras History or its dict, a
  pandas DataFrame, the
  path of a log as the usual tools write it (``docs/reading-curves.md`` lists them), a saved run.
- ``Reading``: ``findings`` (tuple, the most important first), ``first``, ``alarms``, ``find(pattern)`` (a Finding or
  None), ``loss_change`` and ``accuracy_change`` (from the stretch of the lowest validation loss to the end; `Change` or
  None), ``best`` (tuple of `BestEpoch`), ``assumptions`` (what the uncertainty rests on and what could not be looked
  for), ``run``. ``str(reading)`` is the reading as text; a notebook shows it with an annotated figure.
- ``Finding``: ``pattern`` (a key of `findings.PATTERNS`), ``title``, ``epochs`` (first, last), ``evidence``,
  ``confirm`` (what would confirm it), ``advice``, ``severity`` ("alarm" or "note"), ``parts`` (its text by headings).
- ``lessonlib.reading.reading_report``: ``figure(reading)``, ``save(reading, path)`` as a picture or as a page.
- ``python -m lessonlib read LOG [--n-val N --classes K --class-shares 0.9,0.1 --columns val_loss=my_name --save OUT]``.


Patterns: `lessonlib.reading.findings.PATTERNS`. How often each is recognised is measured in ``docs/reader-accuracy.md``.
Taught in lesson 9.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lessonlib.reading import evidence, patterns
from lessonlib.reading.evidence import Curves
from lessonlib.reading.findings import PATTERNS, Finding
from lessonlib.runs import Run
from lessonlib.uncertainty import Change


@dataclass(frozen=True)
class BestEpoch:
    """The epoch that one measure would choose, and what the others are there.

    Attributes
    ----------
    by : str
        ``"loss"``, ``"accuracy"`` or ``"refinement"`` (the loss at the best temperature; needs logits).
    epoch : int
    loss, accuracy, refinement : float or None
        Of the validation set at that epoch.
    """

    by: str
    epoch: int
    loss: float | None
    accuracy: float | None
    refinement: float | None


@dataclass(frozen=True, repr=False)
class Reading:
    """What the curves of one run say.

    Attributes
    ----------
    run : Run
    findings : tuple of Finding
        The most important first; never empty.
    loss_change, accuracy_change : Change or None
        Of the validation set, from the stretch of the lowest loss to the end; None where there is no such curve.
    best : tuple of BestEpoch
    assumptions : tuple of str
        What the uncertainty rests on, and what could not be looked for.
    curves : Curves
        What the patterns saw.
    """

    run: Run
    findings: tuple[Finding, ...]
    loss_change: Change | None
    accuracy_change: Change | None
    best: tuple[BestEpoch, ...]
    assumptions: tuple[str, ...]
    curves: Curves

    @property
    def first(self) -> Finding:
        """Return the most important finding."""
        return self.findings[0]

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """Return the findings that call for action."""
        return tuple(finding for finding in self.findings if finding.severity == "alarm")

    @property
    def source(self) -> str:
        """Return where the curves come from: a file's name, or what was passed."""
        return self.run.provenance.get("origin", "run")

    def find(self, pattern: str) -> Finding | None:
        """Return the finding of a pattern, or None if it was not found.

        Raises
        ------
        ValueError
            If there is no such pattern.
        """
        if pattern not in PATTERNS:
            raise ValueError(f"no pattern {pattern!r}: choose one of {', '.join(PATTERNS)}.")
        return next((finding for finding in self.findings if finding.pattern == pattern), None)

    def __str__(self) -> str:
        head = f"{self.source}: {self.run.n_epochs} epochs read, {len(self.findings)} findings"
        body = [f"{number}. {finding}" for number, finding in enumerate(self.findings, start=1)]
        return "\n\n".join([head, *body, "\n".join(["Assumptions", *(f"  - {line}" for line in self.assumptions)])])

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from lessonlib.reading import reading_report  # matplotlib is needed by who shows a reading only

        return reading_report.mimebundle(self)


def read(
    source: Run | Mapping[str, Any] | str | os.PathLike[str] | object,
    *,
    n_val: int | None = None,
    n_classes: int | None = None,
    class_shares: ArrayLike | None = None,
    columns: Mapping[str, str] | None = None,
    level: float = 0.95,
) -> Reading:
    """Read the curves of a run.

    Parameters
    ----------
    source : Run or anything that `lessonlib.reading.logs.read_log` takes
    n_val : int, optional
        How many validation examples there are. Without it, nothing is said of another validation set.
    n_classes : int, optional
        Without it, chance and the floor of a double softmax are not looked for.
    class_shares : array_like, shape (n_classes,), optional
        Shares (or counts) of the classes in the validation set. Without them, classes may be of any size.
    columns : mapping of str to str, optional
        From our names (``val_loss``, ``train_accuracy``, ...) to those in the log, where they are not recognised.
    level : float
        Of the intervals behind every verdict.

    Returns
    -------
    Reading

    Raises
    ------
    ValueError
        If there is no loss or accuracy to read, or a number is not possible.
    FileNotFoundError, OSError
        If a file cannot be read.
    """
    if isinstance(source, Run):
        run = source
    else:
        from lessonlib.reading import logs  # a Run needs no reader of files

        run = logs.read_log(source, columns=columns)
    curves = evidence.prepare(run, n_val=n_val, n_classes=n_classes, class_shares=class_shares, level=level)
    best = best_epochs(curves)
    findings = patterns.find_all(curves)
    if best:
        findings.append(_best_epoch(best, curves))
    return Reading(
        run=run,
        findings=tuple(findings),
        loss_change=_from_lowest(curves, "loss"),
        accuracy_change=_from_lowest(curves, "accuracy"),
        best=best,
        assumptions=assumptions(run, curves),
        curves=curves,
    )


def _from_lowest(c: Curves, measure: str) -> Change | None:
    """Return the change of the validation loss or accuracy from the lowest loss to the end."""
    if c.val_loss is None or c.n < 2 or (measure == "accuracy" and c.val_accuracy is None):
        return None
    change = c.loss_change if measure == "loss" else c.accuracy_change
    return change(c.lowest, c.end)


def best_epochs(curves: Curves) -> tuple[BestEpoch, ...]:
    """Return the epochs that validation loss, accuracy and (with logits) refinement would choose.

    Parameters
    ----------
    curves : Curves

    Returns
    -------
    tuple of BestEpoch
        One for each measure that there is.
    """
    if curves.n == 0:
        return ()
    columns = {"loss": curves.val_loss, "accuracy": curves.val_accuracy, "refinement": curves.refinement}
    best = []
    for by, values in columns.items():
        if values is None or np.isnan(values).all():
            continue
        at = int(np.nanargmax(values) if by == "accuracy" else np.nanargmin(values))
        there = {name: None if column is None else float(column[at]) for name, column in columns.items()}
        best.append(BestEpoch(by, int(curves.epochs[at]), **there))
    return tuple(best)


def _best_epoch(best: tuple[BestEpoch, ...], c: Curves) -> Finding:
    """Say which epoch each measure chooses and what that choice costs in the others."""
    lines = []
    for choice in best:
        there = (
            ("loss", choice.loss, ".3f"),
            ("accuracy", choice.accuracy, ".1%"),
            ("refinement", choice.refinement, ".3f"),
        )
        values = ", ".join(f"{name} {value:{form}}" for name, value, form in there if value is not None)
        lines.append(f"by {choice.by}: epoch {choice.epoch} ({values})")
    uncertain = ""
    if c.accuracy_error is not None:
        uncertain = (
            f" With n = {c.n_val} the accuracy of any one epoch is known to ±{100 * 1.96 * c.accuracy_error.max():.1f} "
            "points, and the best of many epochs looks better than it is."
        )
    epochs = [choice.epoch for choice in best]
    return Finding("best_epoch", (min(epochs), max(epochs)), "; ".join(lines) + "." + uncertain)


def assumptions(run: Run, c: Curves) -> tuple[str, ...]:
    """Return what the uncertainty of a reading rests on, and what could not be looked for."""
    renamed = [f"{ours} is {theirs!r}" for ours, theirs in run.provenance.get("columns", {}).items() if ours != theirs]
    said = [f"Columns of the log: {', '.join(renamed)}."] if renamed else []
    said += [str(note) for note in run.provenance.get("notes", ())]
    if c.val_loss is not None:
        said.append(f"Standard error of the validation loss: {c.loss_error_source}.")
    if c.val_accuracy is not None and c.n_val is not None:
        said.append(
            "Standard error of the accuracy: binomial; a change counts as on separate sets unless logits are kept."
        )
    if c.running_loss is None and c.train_loss is not None:
        said.append("Training loss: it may be a mean over the moving epoch, with dropout on; the log does not say.")
    if c.n_val is None:
        said.append("n_val (--n-val) is not known: pass it, or noise of the validation set cannot be told from change.")
    if c.n_classes is None and (c.val_accuracy is not None or c.train_accuracy is not None):
        said.append("n_classes (--classes) is not known: chance, label noise and a double softmax were not looked for.")
    if c.class_shares is None and c.n_classes is not None:
        said.append("class_shares (--class-shares) are not known: classes were taken to be equally frequent.")
    if c.passed_over:
        said.append(f"{c.passed_over} epochs without a finite value in every curve were passed over.")
    return tuple(said)
