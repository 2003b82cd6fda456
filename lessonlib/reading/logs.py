"""Other tools' logs as a `Run`: Keras, Lightning, Hugging Face, fastai, Ultralytics, MLflow, TensorBoard, pandas, CSV.

Columns are recognised by their names, whatever the tool: ``val_acc``, ``Accuracy/validation``, ``valid_loss_epoch``.
What was done to a log on the way (percentages divided, restarts dropped, steps gathered into epochs) stands in
``run.provenance["notes"]`` and is repeated by the curve reader. Taught in lesson 9.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonlib.reading import log_files
from lessonlib.reading.log_files import Columns, LogError, Series
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

_SPLITS = {"val": "val", "valid": "val", "validation": "val", "dev": "val", "eval": "val", "evaluation": "val",
           "test": "val", "train": "train", "training": "train", "trn": "train", "tr": "train"}  # fmt: skip
_MEASURES = {"loss": "loss", "nll": "loss", "crossentropy": "loss", "accuracy": "accuracy", "acc": "accuracy",
             "multiclassaccuracy": "accuracy", "binaryaccuracy": "accuracy", "top1": "accuracy", "acc1": "accuracy",
             "prec1": "accuracy", "errorrate": "accuracy"}  # fmt: skip
#: Words of a name that say nothing about which metric it is.
_FILLERS = {"epoch", "step", "categorical", "sparse", "binary", "multiclass", "ce", "avg", "mean", "total", "running",
            "score", "metric", "metrics", "history", "log", "logs"}  # fmt: skip
_KNOWN = {*_SPLITS, *_MEASURES, *_FILLERS}
#: Two words, or a word and a sign, that are one: ``acc@1``, ``top-1``, ``cross_entropy``, ``valLoss``.
_SPELLINGS = (
    (r"([a-z])([A-Z])", r"\1 \2"),
    (r"(?i)(top|acc|prec)[-_ @]1(?![a-z0-9])", r"\g<1>1"),
    (r"(?i)cross[-_ ]?entropy", "crossentropy"),
    (r"(?i)error[-_ ]?rate", "errorrate"),
)
_POSITIONS = {"epoch": "epoch", "epochs": "epoch", "step": "step", "steps": "step", "global step": "step",
              "trainer global step": "step", "iteration": "step", "iterations": "step", "iter": "step"}  # fmt: skip
#: What only just exceeds 1 is neither a share nor a percentage that anyone would keep a log of.
LEAST_PERCENTAGE = 1.5
#: A training that was logged by step has at least this many steps in an epoch.
FEWEST_STEPS = 5
#: A share may exceed 1 by what single precision rounds.
ROUNDING = 1e-5


def read_log(source: object, *, columns: Mapping[str, str] | None = None) -> Run:
    """Read a training log of any of the known kinds.

    Parameters
    ----------
    source : object
        A `Run`; a Keras ``History``; a dict of lists; a list of dicts (Hugging Face's ``trainer.state.log_history``); a
        pandas DataFrame; or a path: any table with a header (Keras CSVLogger, Lightning ``metrics.csv``, fastai
        ``history.csv``, Ultralytics ``results.csv``, an export of Weights & Biases), a JSON file of lists or of
        records (``trainer_state.json``), a TensorBoard event file or folder, the folder of an MLflow run, or a run
        saved by lessonlib.
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
        return _from_columns(source.history, columns, "History")
    if hasattr(source, "columns") and hasattr(source, "to_numpy"):  # a pandas DataFrame
        log_files.refuse_repeated([str(name) for name in source.columns])
        table = {str(name): _numbers(source[name]) for name in source.columns}
        return _from_table(table, _choose_columns(table, columns, "DataFrame"), "DataFrame")
    if isinstance(source, Mapping) or _is_records(source):
        return _from_content(source, columns, "dict" if isinstance(source, Mapping) else "list")
    raise TypeError(
        f"a log is a path, a Keras History, a dict of lists, a list of dicts, a DataFrame or a Run, got "
        f"{type(source).__name__}: pass history.history or a dict such as {{'val_loss': [...]}}."
    )


def _from_path(path: Path, columns: Mapping[str, str] | None) -> Run:
    if not path.exists():
        raise FileNotFoundError(f"there is no log at {path}.")
    if path.is_dir() or "tfevents" in path.name:
        return _from_series(log_files.read_curves(path), columns, path.name)
    if path.suffix == ".npz":
        return Run.load(path)
    text = log_files.read_text(path)
    if path.suffix == ".json" or text.lstrip().startswith(("{", "[")):
        return _from_content(log_files.parse_json(text, path), columns, path.name)
    table = log_files.parse_table(text, path)
    chosen = _choose_columns(table, columns, path.name)
    run = _from_table(_without_empty_rows(table, chosen), chosen, path.name)
    _refuse_empty({name: values[~np.isnan(values)] for name, values in run.metrics.items()}, chosen, path.name)
    return run


def _refuse_empty(metrics: Mapping[str, NDArray], chosen: Mapping[str, str], origin: str) -> None:
    if not any(len(values) for values in metrics.values()):
        raise LogError(f"there is no number in {', '.join(chosen.values())} of {origin}: log the values.")


def _from_content(content: object, columns: Mapping[str, str] | None, origin: str) -> Run:
    """Read what JSON holds, or a dict or list in memory."""
    if isinstance(content, Mapping):  # Hugging Face's trainer_state.json has them under log_history
        lists = [value for value in content.values() if _is_records(value)]
        content = lists[0] if len(lists) == 1 else content
    if _is_records(content):
        return _from_records(content, columns, origin)
    if isinstance(content, Mapping):
        return _from_columns(content, columns, origin)
    raise LogError(f"{origin} holds a {type(content).__name__}: it should hold {{'val_loss': [...], ...}}.")


def _from_columns(given: Mapping[str, Any], columns: Mapping[str, str] | None, origin: str) -> Run:
    """Read columns of equal length; of those that are not recognised nothing is asked."""
    vectors = {name: _numbers(values) for name, values in _flat(given).items() if _is_sequence(values)}
    if not vectors:
        raise LogError(
            f"the {origin} holds no list of values, got {list(given)!r:.80}: pass {{'val_loss': [...], ...}}."
        )
    chosen = _choose_columns(vectors, columns, origin)
    used = {name: values for name, values in vectors.items() if name in chosen.values() or _position(name)}
    lengths = {name: len(values) for name, values in used.items()}
    if len(set(lengths.values())) > 1:
        raise LogError(
            f"columns of a {origin} must be equally long, got {lengths}: log every metric in every epoch (with Keras' "
            "validation_freq, read the file of its CSVLogger)."
        )
    return _from_table(used, chosen, origin)


def _from_records(records: Sequence[Mapping[str, Any]], columns: Mapping[str, str] | None, origin: str) -> Run:
    """Read a list of dicts, one for each time that something was logged; a metric may be missing from a record."""
    rows = [_flat(record) for record in records if "train_runtime" not in record]  # Hugging Face's summary at the end
    names = list(dict.fromkeys(name for row in rows for name in row))
    chosen = _choose_columns(names, columns, origin)
    used = dict.fromkeys([*chosen.values(), *filter(_position, names)])
    table = {
        name: np.array([log_files.number(str(row[name])) if name in row else np.nan for row in rows]) for name in used
    }
    return _from_table(_without_empty_rows(table, chosen), chosen, origin)


def _from_series(series: Series, columns: Mapping[str, str] | None, origin: str) -> Run:
    """Read curves that have steps of their own, one row for each step of any of them."""
    chosen = _choose_columns(series, columns, origin)
    notes: list[str] = []
    used = _on_one_scale({ours: series[theirs] for ours, theirs in chosen.items()}, notes)
    steps = sorted(set().union(*used.values()))
    table = {chosen[ours]: np.array([curve.get(step, np.nan) for step in steps]) for ours, curve in used.items()}
    table["step"] = np.array(steps, np.float64)
    return _from_table(table, chosen, origin, notes)


def _on_one_scale(curves: Series, notes: list[str]) -> Series:
    """Spread validations that are counted by epoch over a training that is counted by step."""
    validations = sorted(set().union(*(curve for name, curve in curves.items() if name.startswith("val_"))))
    last = max((step for name, curve in curves.items() if "train" in name for step in curve), default=0)
    first, n = (validations or [0])[0], len(validations)
    if n < 2 or first not in (0, 1) or validations != list(range(first, first + n)) or last < FEWEST_STEPS * n:
        return curves
    notes.append(
        f"Training reaches step {last} and validation step {validations[-1]}: the steps of validation were read as "
        "epochs of equal length."
    )
    return {
        name: {(step - first + 1) * last // n: value for step, value in curve.items()} if name[:4] == "val_" else curve
        for name, curve in curves.items()
    }


# ---- names ------------------------------------------------------------------------------------------------------


def canonical_name(name: str) -> str | None:
    """Return our name for a metric of another tool, or None if it is none of ours.

    Parameters
    ----------
    name : str

    Returns
    -------
    str or None
        A bare ``loss`` or ``accuracy`` is Keras' mean over the moving epoch. An error rate goes by the name of the
        accuracy.

    Examples
    --------
    >>> canonical_name("Accuracy/validation"), canonical_name("loss"), canonical_name("learning_rate")
    ('val_accuracy', 'running_train_loss', None)
    >>> canonical_name("happy-frog-7 - val/top1"), canonical_name("happy-frog-7 - val/top1__MAX")  # Weights & Biases
    ('val_accuracy', None)
    """
    if name in NAMES:
        return name
    words = _words(_run_and_metric(name)[1])
    measures = {_MEASURES[word] for word in words if word in _MEASURES}
    splits = {_SPLITS[word] for word in words if word in _SPLITS}
    if len(measures) != 1 or len(splits) > 1 or not _KNOWN.issuperset(words):
        return None
    measure = measures.pop()
    if not splits or (splits == {"train"} and "running" in words):
        return f"running_train_{measure}"
    return f"{splits.pop()}_{measure}"


def _words(name: str) -> list[str]:
    for spelling, standard in _SPELLINGS:
        name = re.sub(spelling, standard, name)
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]


def _run_and_metric(name: str) -> tuple[str, str]:
    """Split "run - metric", as Weights & Biases writes it; a name of known words has no run."""
    run, _, metric = name.rpartition(" - ")
    return ("", name) if _KNOWN.issuperset(_words(name)) else (run, metric)


def _position(name: str) -> str | None:
    """Return "epoch" or "step" for a column that counts them."""
    return _POSITIONS.get(" ".join(_words(name)))


def _choose_columns(names: Iterable[str], wanted: Mapping[str, str] | None, origin: str) -> dict[str, str]:
    """Return which column holds which metric: as told, else by name; the plainest name wins, a tie is an error."""
    names = list(names)
    listed = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "") or "none"
    told = dict(wanted or {})
    for ours, theirs in told.items():
        if ours not in NAMES:
            raise LogError(f"columns names {ours!r}: choose from {', '.join(NAMES)}.")
        if theirs not in names:
            raise LogError(f"there is no column {theirs!r}: the log has {listed}.")
    candidates: dict[str, list[str]] = {}
    for name in _of_one_run([name for name in names if canonical_name(name)], told):
        if canonical_name(name) not in told and name not in told.values():
            candidates.setdefault(canonical_name(name), []).append(name)
    chosen = told | {ours: _plainest(ours, theirs) for ours, theirs in candidates.items()}
    if not chosen:
        raise LogError(
            f"no column of the {origin} is a loss or an accuracy, it has {listed}: say which, "
            "columns={'val_loss': 'my column'} (--columns val_loss='my column'). Several runs: pass one."
        )
    bare = [name for name in candidates.get("running_train_accuracy", ()) if "train" not in name.lower()]
    if bare and "val_loss" in chosen and not {"running_train_loss", "val_accuracy"} & chosen.keys():
        chosen["val_accuracy"] = chosen.pop("running_train_accuracy")  # as fastai and Ultralytics log it
    return chosen


def _of_one_run(names: list[str], told: Mapping[str, str]) -> list[str]:
    """Return the columns of the run that a told column belongs to; of several runs, one must be told."""
    runs = {_run_and_metric(name)[0] for name in names}
    told_runs = {_run_and_metric(name)[0] for name in told.values()}
    if len(runs) > 1 and len(told_runs) != 1:
        ours, theirs = canonical_name(names[0]), names[0]
        raise LogError(
            f"the log holds {len(runs)} runs, {', '.join(sorted(runs))}: say which by one column, "
            f"columns={{{ours!r}: {theirs!r}}} (--columns {ours}={theirs!r})."
        )
    return [name for name in names if len(runs) < 2 or _run_and_metric(name)[0] in told_runs]


def _plainest(ours: str, names: list[str]) -> str:
    """Return the column that is meant: our own name, then one per epoch, then any other than one per step."""
    words = {name: _words(name) for name in names}
    ranks = {
        name: (name != ours, "test" in words[name], "errorrate" in words[name], "epoch" not in words[name],
               "step" in words[name], len(words[name]))
        for name in names
    }  # fmt: skip
    best = sorted(names, key=ranks.__getitem__)
    if len(best) > 1 and ranks[best[0]] == ranks[best[1]]:
        raise LogError(
            f"both {best[0]!r} and {best[1]!r} could be {ours}: say which, columns={{{ours!r}: {best[0]!r}}} "
            f"(--columns {ours}={best[0]!r})."
        )
    return best[0]


# ---- tables -----------------------------------------------------------------------------------------------------


def _from_table(table: Columns, chosen: dict[str, str], origin: str, notes: Sequence[str] = ()) -> Run:
    """Turn rows, one per epoch or several with gaps, into a run."""
    notes = list(notes)
    metrics = {ours: table[theirs] for ours, theirs in chosen.items()}
    _refuse_empty(metrics, chosen, origin)
    positions: Columns = {}
    for name, values in table.items():
        if (kind := _position(name)) is not None and np.isfinite(values).any():
            positions.setdefault(kind, values)
    metrics, positions = _latest_attempt(metrics, positions, notes)
    metrics = _one_row_per_epoch(metrics, positions, notes)
    _refuse_empty(metrics, chosen, origin)
    validated = np.logical_or.reduce([~np.isnan(values) for name, values in metrics.items() if name[:4] == "val_"])
    for ours, values in metrics.items():
        if ours.endswith("accuracy"):
            values = _as_share(chosen[ours], values, notes)
        metrics[ours] = _interpolated(chosen[ours], values, validated, notes) if "train" in ours else values
    tested = [theirs for ours, theirs in chosen.items() if ours[:4] == "val_" and "test" in _words(theirs)]
    if tested:
        notes.append(f"{', '.join(tested)} read as validation: what is chosen by a test set is not measured by it.")
    if "val_accuracy" in chosen and canonical_name(chosen["val_accuracy"]) == "running_train_accuracy":
        notes.append(f"{chosen['val_accuracy']} was taken to be of the validation set: it stands beside its loss.")
    return Run(metrics, provenance={"origin": origin, "columns": chosen, "notes": notes})


def _without_empty_rows(table: Columns, chosen: dict[str, str]) -> Columns:
    """Drop rows that hold none of the metrics, such as Lightning's of a test."""
    filled = np.logical_or.reduce([~np.isnan(table[name]) for name in chosen.values()])
    return _rows(table, filled) if filled.any() else table


def _rows(columns: Columns, kept: NDArray) -> Columns:
    return {name: values[kept] for name, values in columns.items()}


def _latest_attempt(metrics: Columns, positions: Columns, notes: list[str]) -> tuple[Columns, Columns]:
    """Number the epochs on where a second training went on, and drop the rows that a restart has replaced.

    A restart from the beginning goes on (Keras' second ``fit``) if its first loss is nearer to the last loss than to
    the first. Any other restart, at e, replaces all rows before with e or more.
    """
    kind = next((kind for kind in ("epoch", "step") if kind in positions), None)
    if kind is None:
        return metrics, positions
    count = _filled_forward(positions[kind])
    count = count + _numbered_on(count, metrics, notes)
    restarts = np.append(np.where(np.diff(count) < 0, count[1:], np.inf), np.inf)  # of the row after each
    kept = count < np.minimum.accumulate(restarts[::-1])[::-1]
    if not kept.all():
        notes.append(
            f"The log was continued or restarted: {int((~kept).sum())} rows that later ones replace were dropped. "
            "Runs that have nothing to do with each other need a file each."
        )
    return _rows(metrics, kept), _rows(positions | {kind: count}, kept)


def _numbered_on(count: NDArray[np.float64], metrics: Columns, notes: list[str]) -> NDArray[np.float64]:
    """Return what to add to each row's count, shape (n_rows,), so that it goes on where the loss does."""
    added = np.zeros(len(count))
    loss = next((metrics[name] for name in ("running_train_loss", "train_loss", "val_loss") if name in metrics), added)
    finite, start = np.flatnonzero(np.isfinite(loss)), 0
    for at in np.flatnonzero((np.diff(count) < 0) & (count[1:] == count[0])) + 1:
        first, new = np.searchsorted(finite, [start, at])
        if first < new < len(finite):
            before, last, now = loss[finite[[first, new - 1, new]]]
            if abs(now - last) < abs(now - before):
                added[at] = count[at - 1] - count[at] + 1
        start = at
    if added.any():
        notes.append(
            "The log counts from its beginning again, and the loss goes on from where it was: that was taken for one "
            "training and numbered on. Runs that have nothing to do with each other need a file each."
        )
    return np.cumsum(added)


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
    kept = np.ones(n_groups, bool)
    if n_groups < n_rows:
        validation = [values for name, values in means.items() if name[:4] == "val_" and not np.isnan(values).all()]
        # An epoch without validation has nothing to compare; without any validation all epochs count.
        kept = np.logical_or.reduce([~np.isnan(values) for values in validation or means.values()])
        notes.append(f"{n_rows} rows were gathered into {int(kept.sum())}, one per {unit}.")
    last_rows = np.append(np.flatnonzero(np.diff(groups)), n_rows - 1)
    _note_numbers(_rows(positions, last_rows[kept]), notes)
    return _rows(means, kept)


def _note_numbers(positions: Columns, notes: list[str]) -> None:
    """Say which epochs of the log ours are, where they are not 1, 2, 3, ..."""
    kind, count = next(iter(sorted(positions.items())), ("", np.array([])))  # epochs before steps
    gaps = np.unique(np.diff(count))
    if len(count) < 2 or not gaps.any() or (count[0] == 1 and (gaps == 1).all()):
        return
    spread = f"{gaps[0]:g}" if np.ptp(gaps) < 1e-6 * gaps[-1] else f"{gaps[0]:.3g} to {gaps[-1]:.3g}"
    every = "" if spread == "1" else f", and each next one comes {spread} later"
    notes.append(f"Epoch 1 here is {kind} {count[0]:g} of the log{every}.")


def _groups(metrics: Columns, positions: Columns) -> tuple[NDArray[np.int64], str]:
    """Number the epoch (or the stretch up to a validation) that each row belongs to, from 0."""
    n_rows = len(next(iter(metrics.values())))
    epochs = positions.get("epoch")
    if epochs is not None and (epochs % 1 == 0).all():  # Hugging Face counts them in fractions, as it does steps
        return np.concatenate([[0], np.cumsum(np.diff(epochs) != 0)]), "epoch"
    present = {name: ~np.isnan(values) for name, values in metrics.items()}
    ends = np.logical_or.reduce([rows for name, rows in present.items() if name[:4] == "val_"], initial=False)
    trained = np.logical_or.reduce([rows for name, rows in present.items() if name[:4] != "val_"], initial=False)
    if not ends.any() or not (trained & ~ends).any():
        return np.arange(n_rows), "row"
    if "step" in positions:  # what is written in several rows at one step is one validation
        ends &= np.append(np.diff(_filled_forward(positions["step"])) != 0, True)
    return np.concatenate([[0], np.cumsum(ends)[:-1]]), "validation"


def _as_share(name: str, values: NDArray[np.float64], notes: list[str]) -> NDArray[np.float64]:
    """Divide percentages by 100, and turn an error rate into an accuracy; what is not finite is a gap."""
    values = np.where(np.isfinite(values), values, np.nan)
    largest = float(np.nanmax(values, initial=0))
    if largest > 100 * (1 + ROUNDING) or 1 + ROUNDING < largest < LEAST_PERCENTAGE:
        raise LogError(f"{name} reaches {largest:g}: an accuracy is a share from 0 to 1 or a percentage up to 100.")
    if largest >= LEAST_PERCENTAGE:
        notes.append(f"{name} reached {largest:g}: it was read as a percentage and divided by 100.")
        values = values / 100
    values = np.minimum(values, 1)
    if "errorrate" in _words(name):
        notes.append(f"{name} was read as 1 minus the accuracy.")
        values = 1 - values
    return values


def _interpolated(name: str, values: NDArray[np.float64], validated: NDArray[np.bool_], notes: list[str]) -> NDArray:
    """Fill the gaps of a training curve that was logged less often than validation, from its first value on."""
    known = np.flatnonzero(~np.isnan(values))
    gaps = np.flatnonzero(np.isnan(values) & validated)
    gaps = gaps[gaps > known[0]] if len(known) > 1 else gaps[:0]
    if len(gaps):
        notes.append(f"{name} has {len(known)} values for {len(values)} epochs: it was interpolated between them.")
        values[gaps] = np.interp(gaps, known, values[known])
    return values


# ---- numbers ----------------------------------------------------------------------------------------------------


def _flat(content: Mapping[str, Any], prefix: str = "", depth: int = 3) -> dict[str, Any]:
    """Name what is nested by its path, ``train/loss``; pandas' ``{"0": 1.2, "1": 0.9}`` is a list."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping) and value and all(str(index).isdigit() for index in value):
            value = list(value.values())
        if isinstance(value, Mapping) and depth:
            flat |= _flat(value, f"{prefix}{key}/", depth - 1)
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _is_sequence(values: object) -> bool:
    return hasattr(values, "__len__") and not isinstance(values, str | bytes | Mapping)


def _is_records(content: object) -> bool:
    return isinstance(content, list) and bool(content) and all(isinstance(record, Mapping) for record in content)


def _numbers(values: Iterable[Any]) -> NDArray[np.float64]:
    """Return a column as floats; what is no number is NaN, a gap."""
    try:
        vector = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        vector = np.array([log_files.number(value) for value in values])
    return vector if vector.ndim == 1 else np.full(len(values), np.nan)
