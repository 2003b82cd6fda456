"""Early stopping: which epoch a patience keeps, and what the stop costs.

Taught in lesson 8. The rule is that of Keras's ``EarlyStopping`` with ``restore_best_weights=True``; L. Prechelt,
"Early Stopping, But When?" (1998), compares such rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lessonlib import _validate as check
from lessonlib.runs import Run


@dataclass(frozen=True)
class Stop:
    """Where early stopping leaves a training.

    Attributes
    ----------
    kept : int
        The epoch whose weights are kept, 1 for the first.
    ended : int
        The last epoch that was trained.
    """

    kept: int
    ended: int


@dataclass(frozen=True)
class StopCost:
    """What stopping changes, against the weights of the run's last epoch.

    Attributes
    ----------
    accuracy : float
        Change of the accuracy, as a share: below zero, the stop gave accuracy away.
    loss, refinement : float
        Changes of the loss as it is and of the loss at the best temperature, in nats: above zero, the stop made it
        worse.
    epochs_saved : int
        Epochs of the run that were not trained.
    """

    accuracy: float
    loss: float
    refinement: float
    epochs_saved: int


def stop_epoch(values: ArrayLike, *, patience: int, larger_is_better: bool = False) -> Stop:
    """Find the epoch that early stopping keeps: the best before `patience` epochs in a row brought no better one.

    Parameters
    ----------
    values : array_like, shape (n_epochs,)
        What is watched, one value per epoch, such as the validation loss. NaN and an infinite loss are
        never better.
    patience : int
        At least 1. With as many epochs as the run has, it is the best epoch of all.
    larger_is_better : bool
        True for an accuracy.

    Returns
    -------
    Stop

    Raises
    ------
    ValueError
        If there are no values, all up to the stop are NaN or infinite, or the patience is not a whole number above 0.

    Examples
    --------
    >>> stop_epoch([1.0, 0.8, 0.9, 0.7], patience=1)
    Stop(kept=2, ended=3)
    >>> stop_epoch([1.0, 0.8, 0.9, 0.7], patience=2)
    Stop(kept=4, ended=4)
    """
    watched = np.asarray(values, dtype=np.float64)
    if watched.ndim != 1 or len(watched) == 0:
        raise ValueError(f"values must be one number per epoch, got shape {watched.shape}: pass run['val_loss'].")
    patience = check.whole_number(patience, "patience", low=1)
    scores = np.where(np.isnan(watched), -np.inf, watched if larger_is_better else -watched)
    kept, best = 0, -np.inf
    for epoch, score in enumerate(scores, start=1):
        if score > best:
            kept, best = epoch, score
        if epoch - kept >= patience:
            break
    if not kept:
        raise ValueError(
            f"values are NaN or infinite in all {epoch} epochs up to the stop: the run diverged, no epoch is best."
        )
    return Stop(kept, epoch)


def cost_of_stopping(run: Run, stop: Stop) -> StopCost:
    """Compute what the kept epoch changes against the last one, on the test examples.

    Validation examples, which chose the epoch, would flatter it.

    Parameters
    ----------
    run : Run
        Trained to its end, with ``test_accuracy``, ``test_loss`` and ``test_refinement``.
    stop : Stop
        Of the same run.

    Returns
    -------
    StopCost

    Raises
    ------
    KeyError
        If the run lacks one of the metrics.
    ValueError
        If the stop lies beyond the run's last epoch.
    """
    if stop.ended > run.n_epochs:
        raise ValueError(f"the stop ended at epoch {stop.ended}, the run has {run.n_epochs}: pass the same run's stop.")
    change = {
        name: float(run[f"test_{name}"][stop.kept - 1] - run[f"test_{name}"][-1])
        for name in ("accuracy", "loss", "refinement")
    }
    return StopCost(**change, epochs_saved=run.n_epochs - stop.ended)
