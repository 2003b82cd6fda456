"""Runs: metrics per epoch and, where kept, validation logits per epoch, with their provenance.

A `Run` is what training gives, what a recording on disk holds, and what figures and lessons read.
Files are ``.npz`` without pickled objects, so a file from a stranger can hold numbers and text only.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessonlib import _validate as check
from lessonlib import metrics, storage

#: Environment variable that points to another folder of recorded runs.
FOLDER_VARIABLE = "LESSONLIB_RECORDINGS"
FORMAT_VERSION = 1
#: A recording never unpacks to more than this; a larger file is refused before it is read.
LARGEST_FILE_BYTES = 256 * 2**20
#: Its provenance, at four bytes a character, and the zip's list of its arrays, are never longer than this.
LONGEST_ABOUT_BYTES = LONGEST_DIRECTORY_BYTES = 2**20
#: The types of arrays in a file, by the first word of their names.
_TYPES = {"metric": (np.dtype(np.float64),), "val": tuple(map(np.dtype, (np.float16, np.int16, np.int64)))}
#: On how many training examples a recorder measures again after each epoch: enough beside the validation, and quick.
MEASURED_TRAINING_EXAMPLES = 2_000


class RunFileError(ValueError):
    """A file is not a readable run; the message says why."""


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes
    ----------
    metrics : mapping of str to ndarray of float64, shape (n_epochs,)
        One value per epoch under names such as ``val_loss`` (nats) and ``val_accuracy`` (shares).
    val_logits : ndarray of float16, shape (n_epochs, n_examples, n_classes), optional
        Scores before the softmax on fixed validation examples, after each epoch. Other floats are
        rounded to float16, beyond its range (65,504) to infinity.
    val_labels : ndarray of int64, shape (n_examples,), optional
        Their true classes; there exactly when `val_logits` are.
    provenance : mapping
        Recipe, seed, data and its checksum, versions, device: what is needed to repeat the run.

    Raises
    ------
    ValueError
        If there is no epoch, the lengths disagree, or logits and labels do not fit together.
    """

    metrics: Mapping[str, NDArray[np.float64]]
    val_logits: NDArray[np.float16] | None = None
    val_labels: NDArray[np.int64] | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_epochs(
        cls,
        rows: Sequence[Mapping[str, float]],
        kept_logits: Sequence[NDArray],
        val_labels: NDArray[np.int64],
        provenance: Mapping[str, Any],
    ) -> Run:
        """Gather what a training measured, epoch by epoch.

        Parameters
        ----------
        rows : sequence of mapping of str to float
            The metrics after each epoch; all have the names of the first.
        kept_logits : sequence of ndarray, each of shape (n_examples, n_classes)
            The logits of the first validation examples after each epoch; empty where none were kept.
        val_labels : ndarray of int, shape (n_val,)
            Of all validation examples.
        provenance : mapping

        Returns
        -------
        Run
        """
        metrics = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        if not kept_logits:
            return cls(metrics, provenance=provenance)
        logits = np.stack(kept_logits)
        return cls(metrics, logits, val_labels[: logits.shape[1]], provenance)

    def __post_init__(self) -> None:
        metrics = {name: _metric_vector(values, name) for name, values in self.metrics.items()}
        object.__setattr__(self, "metrics", metrics)
        lengths = {name: len(values) for name, values in metrics.items()}
        if not lengths or min(lengths.values()) == 0:
            raise ValueError(f"a run needs at least one metric with at least one epoch, got {lengths}.")
        if len(set(lengths.values())) > 1:
            raise ValueError(f"every metric needs one value per epoch, got lengths {lengths}.")
        if (self.val_logits is None) != (self.val_labels is None):
            raise ValueError("val_logits and val_labels belong together: pass both or neither.")
        if self.val_logits is not None:
            self._check_logits()

    def _check_logits(self) -> None:
        with np.errstate(over="ignore"):
            logits = np.asarray(self.val_logits).astype(np.float16, copy=False)
        if logits.ndim != 3 or len(logits) != self.n_epochs:
            raise ValueError(
                f"val_logits must have shape (n_epochs={self.n_epochs}, n_examples, n_classes), got {logits.shape}."
            )
        labels = check.label_vector(self.val_labels, logits.shape[2], n_examples=logits.shape[1])
        object.__setattr__(self, "val_logits", logits)
        object.__setattr__(self, "val_labels", labels)

    def __str__(self) -> str:
        recipe = self.provenance.get("recipe")
        name = recipe.get("name", "run") if isinstance(recipe, Mapping) else "run"
        seed = self.provenance.get("seed")
        last = ", ".join(f"{key} {values[-1]:.3f}" for key, values in self.metrics.items())
        epochs = "1 epoch" if self.n_epochs == 1 else f"{self.n_epochs} epochs"
        return f"{name}{'' if seed is None else f' (seed {seed})'}: {epochs}, at the end {last}"

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
        """Return the number of the epoch at which a metric was best, 1 for the first.

        Parameters
        ----------
        metric : str
            Of an accuracy the largest value is the best, of all others the smallest. NaN is passed over.

        Returns
        -------
        int

        Raises
        ------
        KeyError
            If the run has no such metric.
        ValueError
            If every value is NaN.
        """
        values = self[metric]
        if np.isnan(values).all():
            raise ValueError(f"{metric} is NaN in every epoch: the run diverged, there is no best epoch.")
        best = np.nanargmax(values) if metric.endswith("accuracy") else np.nanargmin(values)
        return int(best) + 1

    def since_lowest_loss(self, metric: str, *, by: str = "val_loss") -> float:
        """Return how much a metric changed from the epoch of the lowest loss to the last epoch.

        Parameters
        ----------
        metric : str
            Such as ``"val_accuracy"``; above zero, it is larger at the end.
        by : str
            The loss whose lowest epoch is meant.

        Examples
        --------
        >>> run = Run({"val_loss": [1.0, 0.5, 0.75], "val_accuracy": [0.5, 0.625, 0.75]})
        >>> run.since_lowest_loss("val_loss"), run.since_lowest_loss("val_accuracy")
        (0.25, 0.125)
        """
        return float(self[metric][-1] - self[metric][self.best_epoch(by) - 1])

    def judged_by(self, labels: ArrayLike) -> Run:
        """Return this run as it looks when other labels judge the kept validation examples, epoch by epoch.

        Parameters
        ----------
        labels : array_like of int, shape (n_examples,)
            Such as ``problems.flip_labels(run.val_labels, 0.1, n_classes=10, rng=0)``.

        Returns
        -------
        Run
            With ``val_loss``, ``val_accuracy`` and ``val_loss_se`` by these labels, on the kept examples; what else
            was measured in validation is left out, what was not (training, test) stays.
        """
        logits = self._kept_logits()
        new = check.label_vector(labels, logits.shape[2], n_examples=logits.shape[1])
        rows = [loss_and_accuracy(new, each, prefix="val") for each in logits]
        others = {name: values for name, values in self.metrics.items() if not name.startswith("val_")}
        return Run(
            others | {name: np.array([row[name] for row in rows]) for name in rows[0]}, logits, new,
            {**self.provenance, "n_val": len(new), "judged_by": "other labels"},
        )  # fmt: skip

    def val_losses(self) -> NDArray[np.float64]:
        """Compute the cross-entropy of each kept validation example after each epoch.

        Returns
        -------
        ndarray of float64, shape (n_epochs, n_examples)
            In nats, from the kept float16 logits.

        Raises
        ------
        ValueError
            If the run kept no logits.
        """
        return self._per_example(lambda logits: metrics.cross_entropy_per_example(self.val_labels, logits=logits))

    def val_hits(self) -> NDArray[np.bool_]:
        """Say for each kept validation example and epoch whether the answer was right.

        Returns
        -------
        ndarray of bool, shape (n_epochs, n_examples)

        Raises
        ------
        ValueError
            If the run kept no logits.
        """
        return self._per_example(lambda logits: metrics.correct(self.val_labels, logits))

    def _per_example(self, measure: Callable[[NDArray], NDArray]) -> NDArray:
        return np.stack([measure(logits) for logits in self._kept_logits()])

    def _kept_logits(self) -> NDArray[np.float16]:
        if self.val_logits is None:
            raise ValueError("this run kept no validation logits: record it with --keep-logits N.")
        return self.val_logits

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the run to an ``.npz`` file, completely or not at all.

        Parameters
        ----------
        path : path-like
            Must end in ``.npz``.

        Returns
        -------
        Path

        Raises
        ------
        ValueError
            If the path does not end in ``.npz``, or the run is larger than a file may be.
        TypeError
            If the provenance holds something that JSON cannot.
        OSError
            If it cannot be written; an older file is then untouched.
        """
        target = Path(path)
        if target.suffix != ".npz":
            raise ValueError(f"a run is saved as .npz, got {target.name!r}: name it {target.stem}.npz.")
        about = json.dumps({"format": FORMAT_VERSION, "provenance": dict(self.provenance)}, sort_keys=True)
        arrays = {"about": np.array(about)} | {f"metric_{name}": values for name, values in self.metrics.items()}
        if self.val_logits is not None:
            label_type = np.int16 if self.val_logits.shape[2] <= 2**15 else np.int64
            arrays |= {"val_logits": self.val_logits, "val_labels": self.val_labels.astype(label_type)}
        _refuse_unreadable(arrays, target)
        return storage.write_atomically(target, lambda file: np.savez_compressed(file, **arrays))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Run:
        """Read a run from an ``.npz`` file.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        Run

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        RunFileError
            If the file is damaged, too large, of a later format, or holds anything but arrays.
        """
        source = Path(path)
        if not source.exists():
            raise FileNotFoundError(f"there is no run at {source}.")
        try:
            arrays = _read_arrays(source)
            about = json.loads(str(arrays["about"]))
            if about["format"] > FORMAT_VERSION:
                raise RunFileError(
                    f"{source} has format {about['format']}, this lessonlib reads {FORMAT_VERSION}: update lessonlib."
                )
            if not isinstance(about["provenance"], dict):
                raise TypeError(f"its provenance is {about['provenance']!r:.40}")
            metrics = {n.removeprefix("metric_"): values for n, values in arrays.items() if n.startswith("metric_")}
            return cls(metrics, arrays.get("val_logits"), arrays.get("val_labels"), about["provenance"])
        except RunFileError:
            raise
        except Exception as error:  # a damaged zip can raise almost anything
            raise RunFileError(f"{source} is not a run saved by lessonlib ({error}): record it again.") from error


def loss_and_accuracy(labels: ArrayLike, logits: NDArray, *, prefix: str) -> dict[str, float]:
    """Measure a set of examples, under the names that a `Run` has for its metrics.

    Parameters
    ----------
    labels : array_like of int, shape (n_examples,)
    logits : ndarray, shape (n_examples, n_classes)
    prefix : str
        What the names begin with, such as ``"val"``.

    Returns
    -------
    dict of str to float
        ``val_loss``, ``val_accuracy`` and ``val_loss_se``, the standard error of the loss. NaN if a logit is not
        finite: a network that diverged has no loss, and its run goes on and says so.

    Raises
    ------
    ValueError
        If labels and logits do not fit together.
    """
    names = [f"{prefix}_{name}" for name in ("loss", "accuracy", "loss_se")]
    if not np.isfinite(logits).all():
        return dict.fromkeys(names, np.nan)
    loss = metrics.estimate_mean(metrics.cross_entropy_per_example(labels, logits=logits))
    return dict(zip(names, (loss.value, metrics.accuracy(labels, logits), loss.standard_error), strict=True))


def _metric_vector(values: ArrayLike, name: str) -> NDArray[np.float64]:
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1:
        raise ValueError(f"metric {name!r} must be a vector with one value per epoch, got shape {vector.shape}.")
    return vector


def _refuse_unreadable(arrays: Mapping[str, NDArray], target: Path) -> None:
    """Raise an error if `Run.load` would refuse a file of these arrays for its size."""
    if arrays["about"].nbytes + 2**10 > LONGEST_ABOUT_BYTES:
        raise ValueError(
            f"the provenance of {target.name} has {arrays['about'].nbytes // 4} characters, a quarter of "
            f"{LONGEST_ABOUT_BYTES} are kept: leave out what is not needed to repeat the run."
        )
    unpacked = sum(array.nbytes + 2**10 for array in arrays.values())  # each with its header
    if unpacked > LARGEST_FILE_BYTES:
        raise ValueError(
            f"{target.name} would have {unpacked / 2**20:.0f} MiB, a run on disk has at most "
            f"{LARGEST_FILE_BYTES / 2**20:.0f}: keep the logits of fewer examples or epochs."
        )


# A file may come from a stranger. So nothing in it decides how much memory is taken: neither the directory of the zip,
# nor the sizes that it claims, nor the headers of the arrays, nor types that grow when they become numbers.


def _read_arrays(source: Path) -> dict[str, NDArray]:
    """Read every array of a file, so that no damage goes unseen."""
    with open(source, "rb") as file:
        _refuse_long_directory(file)
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _refuse_oversized(sum(member.file_size for member in members), source)
            return {member.filename.removesuffix(".npy"): _read_array(archive, member) for member in members}


def _refuse_long_directory(file: BinaryIO) -> None:
    """Raise an error if a zip's list of members, which is read as a whole, is longer than that of any run.

    The last 22 bytes of a zip say how long it is; 20 bytes before them may refer to a longer list (APPNOTE.TXT 4.3.15).
    """
    n_bytes = file.seek(0, os.SEEK_END)
    file.seek(max(0, n_bytes - 42))
    end = file.read()
    if len(end) < 42 or end[20:24] != b"PK\5\6" or end[:4] == b"PK\6\7":
        raise ValueError("it does not end like the zip of a run")
    length = int.from_bytes(end[32:36], "little")
    if length > LONGEST_DIRECTORY_BYTES:
        raise ValueError(f"its list of members has {length} bytes, that of a run at most {LONGEST_DIRECTORY_BYTES}")


def _refuse_oversized(unpacked: int, source: Path) -> None:
    if unpacked > LARGEST_FILE_BYTES:
        raise RunFileError(
            f"{source} would unpack to {unpacked / 2**20:.0f} MiB, a run is at most "
            f"{LARGEST_FILE_BYTES / 2**20:.0f}: it is not a recording of the course, delete it."
        )


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray:
    """Read one array, of one of the types that a run has and of the size that the member has."""
    name = member.filename
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed by method {member.compress_type}")
    with archive.open(member) as file:
        if (version := np.lib.format.read_magic(file)) != (1, 0):
            raise ValueError(f"{name} is an array of format {version}")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        header_bytes = file.tell()
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects, and allow_pickle is off")
    if name == "about.npy":
        if member.file_size > LONGEST_ABOUT_BYTES:
            raise ValueError(f"{name} has {member.file_size} bytes, at most {LONGEST_ABOUT_BYTES} are read")
    elif dtype not in _TYPES.get(name.partition("_")[0], ()):
        raise ValueError(f"{name} is an array of {dtype}, which no run has there")
    if header_bytes + math.prod(shape) * dtype.itemsize != member.file_size:
        raise ValueError(f"{name} claims the shape {shape} of {dtype}, and has {member.file_size} bytes")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def recordings_folder() -> Path:
    """Return the folder of the recorded runs that come with the course.

    Returns
    -------
    Path
        ``$LESSONLIB_RECORDINGS`` if it is set, else ``recordings`` in the working folder, else
        ``notebooks/recordings`` beside the package.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    beside = Path(__file__).resolve().parents[1] / "notebooks" / "recordings"
    candidates = [Path(chosen)] if chosen else [Path("recordings"), beside]
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise FileNotFoundError(
        f"no recorded runs at {' or '.join(map(str, candidates))}: "
        f"set {FOLDER_VARIABLE} to notebooks/recordings of the course."
    )


def recording(recipe: str, seed: int) -> Run:
    """Load one recorded run.

    Parameters
    ----------
    recipe : str
        The recipe's name, such as ``"main"``.
    seed : int

    Returns
    -------
    Run

    Raises
    ------
    FileNotFoundError
        If it was not recorded; the message lists what was.
    RunFileError
        If the recording is damaged.
    """
    folder = recordings_folder()
    path = folder / recording_name(recipe, seed)
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.npz"))) or "nothing"
        raise FileNotFoundError(
            f"no recording {path.name} in {folder}: choose one that is there ({known}), "
            "or train it with python -m lessonlib record."
        )
    return Run.load(path)


def recordings(recipe: str) -> list[Run]:
    """Load every recorded run of a recipe, in the order of the seeds.

    Parameters
    ----------
    recipe : str

    Returns
    -------
    list of Run

    Raises
    ------
    FileNotFoundError
        If none was recorded.
    RunFileError
        If a recording is damaged.
    """
    prefix = f"{recipe}-seed"
    folder = recordings_folder()
    # Copies such as "main-seed3 (1).npz" are not recordings.
    seeds = sorted(int(end) for p in folder.glob(f"{prefix}*.npz") if (end := p.stem.removeprefix(prefix)).isdecimal())
    if not seeds:
        raise FileNotFoundError(
            f"no recorded runs of {recipe!r} in {folder}: train them with python -m lessonlib record."
        )
    return [recording(recipe, seed) for seed in seeds]


def recording_name(recipe: str, seed: int) -> str:
    """Return the file name of a recorded run."""
    return f"{recipe}-seed{seed}.npz"
