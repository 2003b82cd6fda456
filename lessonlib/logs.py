"""Other tools' logs as a `Run`: Keras, Lightning, TensorBoard, pandas, dicts and CSV files.

Columns are recognised by their names, whatever the tool: ``val_acc``, ``Accuracy/validation``, ``valid_loss_epoch``.
What was done to a log on the way (percentages divided, restarts dropped, steps gathered into epochs) stands in
``run.provenance["notes"]`` and is repeated by the curve reader. Taught in lesson 9.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonlib import event_files
from lessonlib.runs import Run

#: The metrics that a log can have, under our names.
NAMES = (
    "train_loss",
    "train_accuracy",
    "val_loss",
    "val_accuracy",
    "running_train_loss",
    "running_train_accuracy",
    "val_loss_se",
)
#: A file of a million rows has 100 MB; what is far larger is not a log of losses.
LARGEST_FILE_BYTES = 1_000_000_000

_SPLITS = {"val": "val", "valid": "val", "validation": "val", "dev": "val", "eval": "val", "evaluation": "val",
           "test": "val", "train": "train", "training": "train", "tr": "train"}  # fmt: skip
_MEASURES = {"loss": "loss", "accuracy": "accuracy", "acc": "accuracy", "multiclassaccuracy": "accuracy",
             "binaryaccuracy": "accuracy"}  # fmt: skip
#: Words of a name that say nothing about which metric it is.
_FILLERS = {"epoch", "categorical", "sparse", "binary", "multiclass", "ce", "cross", "entropy", "crossentropy", "avg",
            "mean", "top1", "running"}  # fmt: skip
_POSITIONS = ("epoch", "step")

Columns = dict[str, NDArray[np.float64]]


class LogError(ValueError):
    """A log cannot be read; the message says why and what to do."""


def read_log(source: object, *, columns: Mapping[str, str] | None = None) -> Run:
    """Read a training log of any of the known kinds.

    Parameters
    ----------
    source : object
        A `Run`; a Keras ``History``; a dict of lists; a pandas DataFrame; or the path of a CSV file (Keras CSVLogger,
        Lightning ``metrics.csv``, any with a header), a JSON file of lists, a TensorBoard event file or a folder of
        them, or a run saved by lessonlib.
    columns : mapping of str to str, optional
        From our names (`NAMES`) to the log's, where they are not recognised: ``{"val_loss": "my column"}``.

    Returns
    -------
    Run
        One value per epoch; ``provenance["notes"]`` says what was done on the way.

    Raises
    ------
    LogError
        If there is nothing to read in it, or it is ambiguous which column is meant.
    FileNotFoundError, OSError
        If a file is not there or cannot be read.
    TypeError
        If the source is of no known kind.

    Examples
    --------
    >>> run = read_log({"loss": [1.0, 0.5], "val_loss": [1.1, 0.7], "val_acc": [40.0, 60.0]})
    >>> sorted(run.metrics), run["val_accuracy"].tolist()
    (['running_train_loss', 'val_accuracy', 'val_loss'], [0.4, 0.6])
    """
    if isinstance(source, Run):
        return source
    if isinstance(source, str | os.PathLike):
        return _from_path(Path(source), columns)
    if hasattr(source, "history") and isinstance(source.history, Mapping):  # a Keras History
        return from_columns(source.history, columns=columns, positions=getattr(source, "epoch", None), origin="History")
    if hasattr(source, "columns") and hasattr(source, "to_numpy"):  # a pandas DataFrame
        if len(set(source.columns)) < len(source.columns):
            _refuse_repeated([str(name) for name in source.columns])
        return _from_table({str(name): _numbers(source[name]) for name in source.columns}, columns, "DataFrame")
    if isinstance(source, Mapping):
        return from_columns(source, columns=columns, origin="dict")
    raise TypeError(
        f"a log is a path, a Keras History, a dict of lists, a DataFrame or a Run, got {type(source).__name__}: "
        "pass history.history or a dict such as {'val_loss': [...]}."
    )


def from_columns(
    given: Mapping[str, Iterable[Any]],
    *,
    columns: Mapping[str, str] | None = None,
    positions: Iterable[int] | None = None,
    origin: str = "dict",
) -> Run:
    """Read columns of equal length, one value per epoch (or per step, with gaps, where there is a column for that).

    Parameters
    ----------
    given : mapping of str to sequence
        Keras adds a metric late when it was compiled late: a shorter column is an error.
    columns : mapping, optional
        As `read_log`.
    positions : iterable of int, optional
        Epoch numbers, where no column has them.
    origin : str
        Kept in the provenance.

    Returns
    -------
    Run

    Raises
    ------
    LogError
        As `read_log`.
    """
    vectors = {str(name): _numbers(values) for name, values in given.items() if _is_sequence(values)}
    lengths = {name: len(values) for name, values in vectors.items()}
    if not vectors:
        raise LogError(
            f"the {origin} holds no list of values, got {list(given)!r:.80}: pass {{'val_loss': [...], ...}}."
        )
    if len(set(lengths.values())) > 1:
        raise LogError(f"columns of a {origin} must be equally long, got {lengths}: log every metric in every epoch.")
    known = [name for name in vectors if name.lower() in _POSITIONS]
    if positions is not None and not known and len(list(positions)) == next(iter(lengths.values())):
        vectors["epoch"] = np.asarray(list(positions), np.float64)
    return _from_table(vectors, columns, origin)


# ---- names ------------------------------------------------------------------------------------------------------


def canonical_name(name: str) -> str | None:
    """Return our name for a metric of another tool, or None if it is none of ours.

    Parameters
    ----------
    name : str

    Returns
    -------
    str or None
        A bare ``loss`` or ``accuracy`` is Keras' mean over the moving epoch.

    Examples
    --------
    >>> canonical_name("Accuracy/validation"), canonical_name("loss"), canonical_name("learning_rate")
    ('val_accuracy', 'running_train_loss', None)
    """
    if name in NAMES:
        return name
    words = [word for word in re.split(r"[^a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower()) if word]
    measures = {_MEASURES[word] for word in words if word in _MEASURES}
    splits = {_SPLITS[word] for word in words if word in _SPLITS}
    rest = [word for word in words if word not in _MEASURES and word not in _SPLITS and word not in _FILLERS]
    if len(measures) != 1 or len(splits) > 1 or [word for word in rest if word != "step"]:
        return None
    measure = measures.pop()
    if splits:
        prefix = "running_train" if splits == {"train"} and "running" in words else splits.pop()
        return f"{prefix}_{measure}"
    return f"running_train_{measure}"


def _choose_columns(names: Iterable[str], wanted: Mapping[str, str] | None) -> dict[str, str]:
    """Return which column holds which metric: as told, else by name; the plainest name wins, a tie is an error."""
    names = list(names)
    told = dict(wanted or {})
    for ours, theirs in told.items():
        if ours not in NAMES:
            raise LogError(f"columns names {ours!r}: choose from {', '.join(NAMES)}.")
        if theirs not in names:
            raise LogError(f"there is no column {theirs!r}: the log has {', '.join(names) or 'none'}.")
    candidates: dict[str, list[str]] = {}
    for name in names:
        ours = canonical_name(name)
        if ours is not None and ours not in told and name not in told.values():
            candidates.setdefault(ours, []).append(name)
    return told | {ours: _plainest(ours, theirs) for ours, theirs in candidates.items()}


def _plainest(ours: str, names: list[str]) -> str:
    """Return the column that is meant: our own name, then one per epoch, then any other than one per step."""
    ranks = {name: (name != ours, "epoch" not in name.lower(), "step" in name.lower(), len(name)) for name in names}
    best = sorted(names, key=ranks.__getitem__)
    if len(best) > 1 and ranks[best[0]] == ranks[best[1]]:
        raise LogError(
            f"both {best[0]!r} and {best[1]!r} could be {ours}: say which, columns={{{ours!r}: {best[0]!r}}}."
        )
    return best[0]


# ---- tables -----------------------------------------------------------------------------------------------------


def _from_table(table: Columns, columns: Mapping[str, str] | None, origin: str) -> Run:
    """Turn rows, one per epoch or several with gaps, into a run."""
    chosen = _choose_columns(table, columns)
    if not chosen:
        raise LogError(
            f"no column of the {origin} is a loss or an accuracy, it has {', '.join(table) or 'none'}: "
            "say which, columns={'val_loss': 'my column'} (--columns val_loss='my column')."
        )
    metrics = {ours: table[theirs] for ours, theirs in chosen.items()}
    by_name = {name.lower(): values for name, values in table.items()}
    notes: list[str] = []
    positions = {name: by_name[name] for name in _POSITIONS if name in by_name}
    metrics, positions = _latest_attempt(metrics, positions, notes)
    metrics = _one_row_per_epoch(metrics, positions, notes)
    for name, values in metrics.items():
        if name.endswith("accuracy"):
            metrics[name] = _as_share(name, values, notes)
    return Run(metrics, provenance={"origin": origin, "columns": chosen, "notes": notes})


def _latest_attempt(metrics: Columns, positions: Columns, notes: list[str]) -> tuple[Columns, Columns]:
    """Drop rows that a later restart has replaced: where the epoch goes back to e, all rows before with e or more."""
    key = next((positions[name] for name in _POSITIONS if name in positions), None)
    if key is None or not np.isfinite(key).any():
        return metrics, positions
    filled = _filled_forward(key)
    restarts = np.append(np.where(np.diff(filled) < 0, filled[1:], np.inf), np.inf)  # of the row after each
    kept = filled < np.minimum.accumulate(restarts[::-1])[::-1]
    if not kept.all():
        notes.append(
            f"The log was continued or restarted: {int((~kept).sum())} rows that later ones replace were dropped."
        )
    return {n: v[kept] for n, v in metrics.items()}, {n: v[kept] for n, v in positions.items()}


def _filled_forward(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace each NaN by the last number before it, the first ones by the first number."""
    finite = np.flatnonzero(np.isfinite(values))
    last = np.searchsorted(finite, np.arange(len(values)), side="right") - 1
    return values[finite[np.maximum(last, 0)]]


def _one_row_per_epoch(metrics: Columns, positions: Columns, notes: list[str]) -> Columns:
    """Average the rows of the same epoch, or of the same stretch up to a validation; NaN is a gap."""
    groups, unit = _groups(metrics, positions)
    n_rows, n_groups = len(groups), int(groups[-1]) + 1
    means = {}
    for name, values in metrics.items():
        present = ~np.isnan(values)
        counts = np.bincount(groups[present], minlength=n_groups)
        sums = np.bincount(groups[present], weights=values[present], minlength=n_groups)
        means[name] = np.divide(sums, counts, out=np.full(n_groups, np.nan), where=counts > 0)
    if n_groups == n_rows:
        return means
    validation = [values for name, values in means.items() if name.startswith("val_")]
    # An epoch without validation has nothing to compare; without any validation all epochs count.
    kept = np.logical_or.reduce([~np.isnan(values) for values in validation or means.values()])
    notes.append(f"{n_rows} rows were gathered into {int(kept.sum())}, one per {unit}.")
    return {name: values[kept] for name, values in means.items()}


def _groups(metrics: Columns, positions: Columns) -> tuple[NDArray[np.int64], str]:
    """Number the epoch (or the stretch up to a validation) that each row belongs to, from 0."""
    n_rows = len(next(iter(metrics.values())))
    epochs = positions.get("epoch")
    if epochs is not None and np.isfinite(epochs).any():
        return np.concatenate([[0], np.cumsum(np.diff(_filled_forward(epochs)) != 0)]), "epoch"
    missing = {name: np.isnan(values) for name, values in metrics.items()}
    validated = [~gaps for name, gaps in missing.items() if name.startswith("val_")]
    training = [~gaps for name, gaps in missing.items() if not name.startswith("val_")]
    if not validated or not training or not (~np.logical_or.reduce(validated) & np.logical_or.reduce(training)).any():
        return np.arange(n_rows), "row"
    ends = np.logical_or.reduce(validated)
    if "step" in positions and np.isfinite(positions["step"]).any():
        # What is written in several rows at one step is one validation.
        steps = _filled_forward(positions["step"])
        ends &= np.append(np.diff(steps) != 0, True)
    return np.concatenate([[0], np.cumsum(ends)[:-1]]), "validation"


def _as_share(name: str, values: NDArray[np.float64], notes: list[str]) -> NDArray[np.float64]:
    """Divide percentages by 100."""
    finite = values[np.isfinite(values)]
    largest = float(finite.max(initial=0))
    if largest <= 1:
        return values
    if largest > 100 or largest < LEAST_PERCENTAGE:
        raise LogError(f"{name} reaches {largest:g}: an accuracy is a share from 0 to 1 or a percentage up to 100.")
    notes.append(f"{name} reached {largest:g}: it was read as a percentage and divided by 100.")
    return values / 100


# ---- numbers ----------------------------------------------------------------------------------------------------

#: What only just exceeds 1 is neither a share nor a percentage that anyone would keep a log of.
LEAST_PERCENTAGE = 1.5


def _is_sequence(values: object) -> bool:
    return hasattr(values, "__len__") and not isinstance(values, str | bytes | Mapping)


def _numbers(values: Iterable[Any]) -> NDArray[np.float64]:
    """Return a column as floats; what is no number is NaN, a gap."""
    try:
        vector = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        vector = np.array([_number(value) for value in values])
    return vector if vector.ndim == 1 else np.full(len(values), np.nan)


def _number(value: object) -> float:
    """Return one cell as a float: empty is a gap (NaN), a NaN that was written a loss that is not finite (infinity)."""
    text = str(value).strip()
    try:
        number = float(text)
    except ValueError:
        try:
            number = float(text.removesuffix("%").replace(",", "."))
        except ValueError:
            return np.nan
    return np.inf if np.isnan(number) and isinstance(value, str) else number


# ---- files ------------------------------------------------------------------------------------------------------


def _from_path(path: Path, columns: Mapping[str, str] | None) -> Run:
    if not path.exists():
        raise FileNotFoundError(f"there is no log at {path}.")
    if path.is_dir() or "tfevents" in path.name:
        return _from_events(path, columns)
    if path.suffix == ".npz":
        return Run.load(path)
    if path.stat().st_size > LARGEST_FILE_BYTES:
        raise LogError(
            f"{path} has {path.stat().st_size / 1e9:.1f} GB, which is no log of losses: pass one row per epoch."
        )
    text = _decoded(path.read_bytes(), path)
    if path.suffix == ".json":
        try:
            content = json.loads(text)
        except json.JSONDecodeError as error:
            raise LogError(f"{path} is not JSON ({error}): save json.dumps(history.history).") from error
        if not isinstance(content, dict):
            raise LogError(f"{path} holds a {type(content).__name__}: it should hold {{'val_loss': [...], ...}}.")
        return from_columns(content, columns=columns, origin=path.name)
    run = _from_table(_csv_columns(text, path), columns, path.name)
    if all(np.isnan(values).all() for values in run.metrics.values()):
        names = ", ".join(run.provenance["columns"].values())
        raise LogError(f"there is no number in {names} of {path}: log the values.")
    return run


def _decoded(raw: bytes, path: Path) -> str:
    """Return the text of a file: UTF-8, UTF-16 with its mark (as spreadsheets write it), or Latin-1."""
    if not raw.strip():
        raise LogError(f"{path} is empty: was the training stopped before its first epoch?")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return raw.decode("utf-16")
        except UnicodeDecodeError as error:
            raise LogError(f"{path} begins like UTF-16 text but is not ({error}): save it as UTF-8.") from error
    if b"\0" in raw[:100_000]:
        raise LogError(f"{path} is not a text file: a log is CSV, JSON, a TensorBoard event file or a saved run.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _csv_columns(text: str, path: Path) -> Columns:
    """Read a CSV file with a header; repeated headers are passed over, short rows filled with gaps."""
    first_line = text.lstrip().partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        header = [name.strip() for name in next(row for row in rows if any(cell.strip() for cell in row))]
        _refuse_repeated(header)
        body = [row for row in rows if row and not _is_header(row, header)]
    except (csv.Error, StopIteration) as error:  # StopIteration: no row has a name in it
        raise LogError(f"{path} is not a table ({error}): a log is CSV with one header line.") from error
    if not body:
        raise LogError(f"{path} has a header ({first_line[:80]!r}) and no rows: was the training stopped early?")
    cells = itertools.zip_longest(*body, fillvalue="")
    return {name: _numbers_of_cells(column) for name, column in zip(header, cells, strict=False) if name}


def _is_header(row: list[str], header: list[str]) -> bool:
    return row[0].strip() == header[0] and [cell.strip() for cell in row] == header


def _refuse_repeated(header: list[str]) -> None:
    repeated = sorted({name for name in header if name and header.count(name) > 1})
    if repeated:
        raise LogError(
            f"column {repeated[0]!r} stands {header.count(repeated[0])} times in the header: rename the others."
        )


def _numbers_of_cells(cells: tuple[str, ...]) -> NDArray[np.float64]:
    """Return a column of a file as floats, quickly where every cell is a plain number."""
    try:
        numbers = np.array(cells, dtype=np.float64)
    except ValueError:
        return np.array([_number(cell) for cell in cells])
    return np.where(np.isnan(numbers), np.inf, numbers)  # written as NaN


def _from_events(path: Path, columns: Mapping[str, str] | None) -> Run:
    """Read one TensorBoard event file, or all in a folder; Keras keeps training and validation in two folders."""
    files = [path] if path.is_file() else sorted(path.rglob("*tfevents*"))
    if not files:
        raise LogError(f"there is no event file (*tfevents*) in {path}: pass the folder given to TensorBoard.")
    series: dict[str, dict[int, float]] = {}
    for file in files:
        folder = "" if file.parent == path or path.is_file() else f"{file.parent.relative_to(path).as_posix()}/"
        for tag, step, value in event_files.scalars(file):
            # The later of two values at one step comes from a run that was continued.
            series.setdefault(f"{folder}{tag}", {})[step] = np.inf if np.isnan(value) else value
    chosen = _choose_columns(series, columns)
    if not chosen:
        raise LogError(
            f"no scalar in {path} is a loss or an accuracy, it has {', '.join(series) or 'none'}: say which, "
            "columns={'val_loss': 'my tag'}."
        )
    used = {theirs: series[theirs] for theirs in chosen.values()}
    steps = np.array(sorted(set().union(*used.values())))
    table = {tag: np.array([values.get(int(step), np.nan) for step in steps]) for tag, values in used.items()}
    table["step"] = steps.astype(np.float64)
    return _from_table(table, chosen, path.name)
