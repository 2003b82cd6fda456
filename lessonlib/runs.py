"""Runs: metrics per epoch and, where kept, validation logits per epoch; recordings; which epoch early stopping keeps.

A `Run` is what training gives, what a recording on disk holds, and what figures and lessons read. Its files are
``.npz`` without pickled objects and of limited size: a file from a stranger can hold numbers and text only.
"""

from __future__ import annotations

import datetime
import json
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessonlib import _validate as check
from lessonlib import calibration, metrics, storage

#: Environment variable that points to another folder of recorded runs.
FOLDER_VARIABLE = "LESSONLIB_RECORDINGS"
FORMAT_VERSION = 1
#: A recording never unpacks to more than this; a larger file is refused before it is read.
LARGEST_FILE_BYTES = 256 * 2**20
#: On how many training examples a recorder measures again after each epoch: enough beside the validation, and quick.
MEASURED_TRAINING_EXAMPLES = 2_000


class RunFileError(ValueError):
    """A file is not a readable run; the message says why."""


@dataclass(frozen=True)
class Run:
    """One training run: what was measured after each epoch, kept logits, and what is needed to repeat it."""

    #: By names such as ``val_loss`` (nats) and ``val_accuracy`` (shares), each of shape (n_epochs,).
    metrics: Mapping[str, NDArray[np.float64]]
    val_logits: NDArray[np.float16] | None = None  # of fixed validation examples, (n_epochs, n_examples, n_classes)
    val_labels: NDArray[np.int64] | None = None  # their true classes, (n_examples,)
    provenance: Mapping[str, Any] = field(default_factory=dict)  # recipe, seed, data and checksum, versions, device
    #: What has more than one value an epoch, or values of single pictures; `training.train` says which.
    details: Mapping[str, NDArray] = field(default_factory=dict)

    @classmethod
    def of_epochs(
        cls, rows: Sequence[Mapping[str, float]], kept_logits: Sequence[NDArray], val_labels: NDArray[np.int64],
        provenance: Mapping[str, Any], details: Mapping[str, NDArray] | None = None,
    ) -> Run:  # fmt: skip
        """Gather what a training measured, epoch by epoch; `val_labels` are those of all validation examples."""
        metrics = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        logits = np.stack(kept_logits) if kept_logits else None
        labels = None if logits is None else val_labels[: logits.shape[1]]
        return cls(metrics, logits, labels, provenance, details or {})

    def __post_init__(self) -> None:
        metrics = {name: np.asarray(values, np.float64) for name, values in self.metrics.items()}
        object.__setattr__(self, "metrics", metrics)
        shapes = {name: values.shape for name, values in metrics.items()}
        if len(set(shapes.values())) != 1 or any(len(shape) != 1 or shape == (0,) for shape in shapes.values()):
            raise ValueError(f"a run needs metrics, each a vector of one value per epoch, got shapes {shapes}.")
        if (self.val_logits is None) != (self.val_labels is None):
            raise ValueError("val_logits and val_labels belong together: pass both or neither.")
        if self.val_logits is None:
            return
        with np.errstate(over="ignore"):  # beyond 65,504 is infinity
            logits = np.asarray(self.val_logits).astype(np.float16, copy=False)
        if logits.ndim != 3 or len(logits) != self.n_epochs:
            wanted = f"(n_epochs={self.n_epochs}, n_examples, n_classes)"
            raise ValueError(f"val_logits must have shape {wanted}, got {logits.shape}.")
        labels = check.label_vector(self.val_labels, logits.shape[2], n_examples=logits.shape[1])
        object.__setattr__(self, "val_logits", logits)
        object.__setattr__(self, "val_labels", labels)

    @property
    def n_epochs(self) -> int:
        """Return the number of epochs."""
        return len(next(iter(self.metrics.values())))

    @property
    def epochs(self) -> NDArray[np.int64]:
        """Return the epoch numbers, 1 for the first, shape (n_epochs,)."""
        return np.arange(1, self.n_epochs + 1)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """Return one metric, shape (n_epochs,); an unknown name lists the known ones."""
        if name not in self.metrics:
            raise KeyError(f"no metric {name!r} in this run: it has {', '.join(self.metrics)}.")
        return self.metrics[name]

    def best_epoch(self, metric: str = "val_loss") -> int:
        """Return the epoch, 1 for the first, of the smallest value, of an accuracy the largest; NaN is passed over."""
        values = self[metric]
        if np.isnan(values).all():
            raise ValueError(f"{metric} is NaN in every epoch: the run diverged, there is no best epoch.")
        best = np.nanargmax(values) if metric.endswith("accuracy") else np.nanargmin(values)
        return int(best) + 1

    def since_lowest_loss(self, metric: str, *, by: str = "val_loss") -> float:
        """Return how much a metric changed from the epoch with the lowest loss, the one named by `by`, to the last."""
        return float(self[metric][-1] - self[metric][self.best_epoch(by) - 1])

    def judged_by(self, labels: ArrayLike) -> Run:
        """Return this run as other labels judge its kept validation examples, such as those of `problems.flip_labels`.

        It has ``val_loss``, ``val_accuracy`` and ``val_loss_se`` by these labels; what else was measured in validation
        is left out, what was not (training, test) stays.
        """
        return self._judged(self._kept_logits(), labels, "other labels")

    def judged_on(self, examples: ArrayLike) -> Run:
        """Return this run as some of its kept validation examples (indices, or a mask) judge it; see `judged_by`."""
        return self._judged(self._kept_logits()[:, examples], self.val_labels[examples], "some examples")

    def _judged(self, logits: NDArray[np.float16], labels: ArrayLike, what: str) -> Run:
        labels = check.label_vector(labels, logits.shape[2], n_examples=logits.shape[1])
        rows = [loss_and_accuracy(labels, each, prefix="val") for each in logits]
        others = {name: values for name, values in self.metrics.items() if not name.startswith("val_")}
        measured = others | {name: np.array([row[name] for row in rows]) for name in rows[0]}
        return Run(measured, logits, labels, {**self.provenance, "n_val": len(labels), "judged": what})

    def until(self, epoch: int) -> Run:
        """Return the run up to and with an epoch, as it looked then, without its details."""
        epoch = check.whole_number(epoch, "epoch", low=1, high=self.n_epochs)
        logits = None if self.val_logits is None else self.val_logits[:epoch]
        return Run({n: v[:epoch] for n, v in self.metrics.items()}, logits, self.val_labels, self.provenance)

    def val_losses(self) -> NDArray[np.float64]:
        """Compute the loss of each kept validation example after each epoch, shape (n_epochs, n_examples), in nats."""
        labels = self.val_labels
        return np.stack([metrics.cross_entropy_per_example(labels, logits=each) for each in self._kept_logits()])

    def val_hits(self) -> NDArray[np.bool_]:
        """Say for each epoch and kept validation example whether the answer was right, shape (n_epochs, n_examples)."""
        return np.stack([metrics.correct(self.val_labels, logits) for logits in self._kept_logits()])

    def _kept_logits(self) -> NDArray[np.float16]:
        if self.val_logits is None:
            raise ValueError("this run kept no validation logits: record it with --keep-logits N.")
        return self.val_logits

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the run to an ``.npz`` file, completely or not at all; an older file then stays."""
        target = Path(path)
        if target.suffix != ".npz":
            raise ValueError(f"a run is saved as .npz, got {target.name!r}: name it {target.stem}.npz.")
        about = json.dumps({"format": FORMAT_VERSION, "provenance": dict(self.provenance)}, sort_keys=True)
        arrays = {"about": np.array(about)} | {f"metric_{name}": values for name, values in self.metrics.items()}
        arrays |= {f"detail_{name}": values for name, values in self.details.items()}
        if self.val_logits is not None:
            arrays |= {"val_logits": self.val_logits, "val_labels": self.val_labels}
        _refuse_oversized(sum(array.nbytes for array in arrays.values()), target)
        return storage.write_atomically(target, lambda file: np.savez_compressed(file, **arrays))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Run:
        """Read a run from an ``.npz`` file; one that is damaged, too large or of a later format raises RunFileError."""
        source = Path(path)
        if not source.exists():
            raise FileNotFoundError(f"there is no run at {source}.")
        try:
            with open(source, "rb") as opened, np.load(opened, allow_pickle=False) as file:
                _refuse_oversized(sum(member.file_size for member in file.zip.infolist()), source)
                arrays = dict(file)  # every one of them, so that no damage goes unseen
            about = json.loads(str(arrays["about"]))
            if about["format"] > FORMAT_VERSION:
                later = f"format {about['format']}, this lessonlib reads {FORMAT_VERSION}: update lessonlib"
                raise RunFileError(f"{source} has {later}.")
            if not isinstance(about["provenance"], dict):
                raise TypeError(f"its provenance is {about['provenance']!r:.40}")
            metrics, details = (
                {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}
                for prefix in ("metric_", "detail_")
            )
            # What older recordings call the refinement is an upper bound of it.
            metrics = {re.sub("_refinement$", "_refinement_bound", n): values for n, values in metrics.items()}
            return cls(metrics, arrays.get("val_logits"), arrays.get("val_labels"), about["provenance"], details)
        except RunFileError:
            raise
        except Exception as error:  # a damaged zip can raise almost anything
            raise RunFileError(f"{source} is not a run saved by lessonlib ({error}): record it again.") from error


def loss_and_accuracy(labels: ArrayLike, logits: NDArray, *, prefix: str) -> dict[str, float]:
    """Measure a set of examples under the names of a `Run`: ``val_loss``, ``val_accuracy`` and ``val_loss_se``.

    NaN if a logit is not finite: a network that diverged has no loss, and its run goes on and says so.
    """
    names = [f"{prefix}_{name}" for name in ("loss", "accuracy", "loss_se")]
    if not np.isfinite(logits).all():
        return dict.fromkeys(names, np.nan)
    loss = metrics.estimate_mean(metrics.cross_entropy_per_example(labels, logits=logits))
    return dict(zip(names, (loss.value, metrics.accuracy(labels, logits), loss.standard_error), strict=True))


def measure(sets: Mapping[str, tuple[NDArray[np.int64], NDArray[np.float32]]]) -> dict[str, float]:
    """Measure held-out sets, labels and logits of "val" and, where there is one, "test" (and others), after an epoch.

    Gives for each what `_measure_one` does. With test images also recalibrations judged on examples that they were not
    fitted on: fitted on validation ``test_scaled_loss`` (temperature), ``test_vector_loss`` and ``test_isotonic_loss``,
    cross-fitted ``val_vector_loss`` and ``val_isotonic_loss``.
    """
    row: dict[str, float] = {}
    for name, (labels, logits) in sets.items():
        row |= _measure_one(labels, logits, prefix=name)
    if "test" not in sets:
        return row
    finite, (labels, logits) = all(np.isfinite(logits).all() for _, logits in sets.values()), sets["test"]
    for name, fit in (("scaled", calibration.temperature_scaling), ("vector", calibration.vector_scaling),
                      ("isotonic", calibration.isotonic_confidence)):  # fmt: skip
        row[f"test_{name}_loss"] = metrics.cross_entropy(labels, logits=fit(*sets["val"])(logits)) if finite else np.nan
        if name != "scaled":
            losses = calibration.cross_fitted_losses(fit, *sets["val"]) if finite else np.nan
            row[f"val_{name}_loss"] = float(np.mean(losses))
    return row


def _measure_one(labels: NDArray[np.int64], logits: NDArray[np.float32], *, prefix: str) -> dict[str, float]:
    """Measure one set: what `loss_and_accuracy` gives, and more under the same prefix.

    The best ``temperature`` with the loss that it leaves, ``refinement_bound``; the means ``confidence``,
    ``confidence_right`` (of the right answers), ``confidence_wrong`` and ``logit_norm``; ``other_loss``, what a wrong
    label drawn at random would cost: a share s of them makes the loss (1 - s) * loss + s * other_loss in expectation.
    """
    row = loss_and_accuracy(labels, logits, prefix=prefix)
    names = [f"{prefix}_{name}" for name in ("refinement_bound", "temperature", "confidence", "confidence_right",
                                              "confidence_wrong", "logit_norm", "other_loss")]  # fmt: skip
    if not np.isfinite(logits).all():
        return row | dict.fromkeys(names, np.nan)
    split, costs = calibration.split_loss(labels, logits), -metrics.log_softmax(logits)
    confidence, right = np.exp(-costs.min(axis=1)), metrics.correct(labels, logits)
    n_others = len(labels) * (logits.shape[1] - 1)
    of = [confidence[which].mean() if which.any() else np.nan for which in (right, ~right)]
    values = (split.refinement, split.temperature, confidence.mean(), *of, calibration.logit_norm(logits).mean(),
              (costs.sum() - costs[np.arange(len(labels)), labels].sum()) / n_others)  # fmt: skip
    return row | dict(zip(names, map(float, values), strict=True))


def measure_pictures(labels: NDArray[np.int64], logits: NDArray, temperature: float) -> dict[str, NDArray]:
    """Return loss, loss at a temperature and whether the answer is right, picture by picture, in few bytes."""
    scaled = logits.astype(np.float64) / temperature
    losses = (metrics.cross_entropy_per_example(labels, logits=scores) for scores in (logits, scaled))
    with np.errstate(over="ignore"):
        plain, at_temperature = (values.astype(np.float16) for values in losses)
    correct = (logits.argmax(axis=1) == labels).astype(np.int8)
    return {"test_losses": plain, "test_scaled_losses": at_temperature, "test_correct": correct}


def _refuse_oversized(n_bytes: int, path: Path) -> None:
    size, most, remedy = n_bytes / 2**20, LARGEST_FILE_BYTES / 2**20, "keep the logits of fewer examples or epochs"
    if size > most:
        raise RunFileError(f"{path} would unpack to {size:.0f} MiB, a run has at most {most:.0f}: {remedy}.")


def recordings_folder() -> Path:
    """Return the folder of the recorded runs: ``$LESSONLIB_RECORDINGS`` if set, else the course's."""
    remedy = f"set {FOLDER_VARIABLE} to notebooks/recordings of the course"
    return storage.course_folder("recordings", os.environ.get(FOLDER_VARIABLE), remedy=remedy)


def recording(recipe: str, seed: int) -> Run:
    """Load one recorded run, such as ``recording("main", 10)``; if there is none, the error lists what there is."""
    folder = recordings_folder()
    path = folder / recording_name(recipe, seed)
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.npz"))) or "nothing"
        remedy = f"choose one that is there ({known}), or train it with python -m lessonlib record"
        raise FileNotFoundError(f"no recording {path.name} in {folder}: {remedy}.")
    return Run.load(path)


def recordings(recipe: str) -> list[Run]:
    """Load every recorded run of a recipe, in the order of the seeds."""
    prefix, folder = f"{recipe}-seed", recordings_folder()
    # Copies such as "main-seed3 (1).npz" are not recordings.
    seeds = sorted(int(end) for p in folder.glob(f"{prefix}*.npz") if (end := p.stem.removeprefix(prefix)).isdecimal())
    if not seeds:
        remedy = "train them with python -m lessonlib record"
        raise FileNotFoundError(f"no recorded runs of {recipe!r} in {folder}: {remedy}.")
    return [recording(recipe, seed) for seed in seeds]


def keep(run: Run) -> Path:
    """Save a run of the learner's in their folder, beside earlier ones, and return where."""
    now = datetime.datetime.now(datetime.UTC)
    return run.save(storage.learner_folder() / "runs" / f"{now:%Y%m%d-%H%M%S-%f}.npz")


def kept(recipe: str) -> Run | None:
    """Return the learner's newest kept run of a recipe, None if there is none; what is no run is passed over."""
    try:
        folder = storage.learner_folder() / "runs"
    except OSError:  # no place to keep anything, so nothing is kept
        return None
    for path in sorted(folder.glob("*.npz"), reverse=True):
        try:
            run = Run.load(path)
        except RunFileError as error:
            warnings.warn(str(error), stacklevel=2)
            continue
        about = run.provenance.get("recipe")
        if isinstance(about, Mapping) and about.get("name") == recipe:
            return run
    return None


def recording_name(recipe: str, seed: int) -> str:
    """Return the file name of a recorded run."""
    return f"{recipe}-seed{seed}.npz"


@dataclass(frozen=True)
class Stop:
    """Where early stopping leaves a training."""

    kept: int  # the epoch whose weights are kept, 1 for the first
    ended: int  # the last epoch that was trained


def stop_epoch(values: ArrayLike, *, patience: int, larger_is_better: bool = False) -> Stop:
    """Find the epoch that early stopping keeps: the best before `patience` epochs in a row brought no better one.

    The rule is that of Keras's ``EarlyStopping`` with ``restore_best_weights=True``. NaN and an infinite loss are never
    better. Lesson 8.

    >>> stop_epoch([1.0, 0.8, 0.9, 0.7], patience=1)
    Stop(kept=2, ended=3)
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
        raise ValueError(f"values are NaN or infinite in all {epoch} epochs up to the stop: the run diverged.")
    return Stop(kept, epoch)
