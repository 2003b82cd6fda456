"""Any training log as a `Run`: which column is which metric, and what the log is made of.

One file can hold several runs, several evaluation sets, a later evaluation, rows per step. What was found is said:
``run.provenance["structure"]`` (before anything else), ``"notes"`` (what was done on the way), ``"numbers"`` and
``"unit"`` (the log's own count of epochs, steps or rounds), ``"unread"`` (columns that measure something and were not
read). Taught in lesson 9.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from lessonlib.reading import log_files, names
from lessonlib.reading.log_files import Columns, LogError, Table
from lessonlib.runs import Run

LEAST_PERCENTAGE = 1.5  # what only just exceeds 1 is neither a share nor a percentage that anyone would keep a log of
ROUNDING = 1e-5  # a share may exceed 1 by what single precision rounds
NEW_RUN = 5.0  # a training loss that jumps to this many times what it was, and keeps, did not go on from there
GOES_ON = 0.3  # a count that begins anew goes on if the loss is above where it was by less of its way so far
MOST_RESTARTS = 200  # a count that falls more often counts something else


def read_log(source: object, *, columns: Mapping[str, str] | None = None) -> Run:
    """Read a training log of any of the known kinds, one value per epoch (or evaluation).

    Parameters
    ----------
    source : object
        A `Run`; a Keras ``History``; a dict of lists; a list of dicts; a pandas DataFrame; text with line breaks; or a
        path to any log in ``docs/reading-curves.md``. LogError if there is nothing to read, or several could be meant.
    columns : mapping of str to str, optional
        From our names (`names.NAMES`) to the log's, where they are not recognised: ``{"val_loss": "my column"}``.

    Examples
    --------
    >>> run = read_log({"loss": [1.0, 0.5], "val_loss": [1.1, 0.7], "val_acc": [40.0, 60.0]})
    >>> sorted(run.metrics), run["val_accuracy"].tolist()
    (['running_train_loss', 'val_accuracy', 'val_loss'], [0.4, 0.6])
    """
    if isinstance(source, Run):
        return source
    told = dict(columns or {})
    if isinstance(source, str | os.PathLike) and not _is_text(source):
        path = Path(source)
        if path.suffix == ".npz" and path.exists():
            return Run.load(path)
        return _run(log_files.from_path(path, told.values()), told)
    return _run(_table(source, told), told)


def _is_text(source: str | os.PathLike[str]) -> bool:
    """Tell pasted text from a path."""
    if not isinstance(source, str):
        return False
    return "\n" in source or source.lstrip()[:1] in ("{", "[") or bool(re.search(r"\w[:= ]+\d*\.\d+.*\s", source))


def _table(source: object, told: Mapping[str, str]) -> Table:
    """Return what is in memory as a table."""
    if isinstance(source, str):
        return log_files.from_text(source, "pasted text", told.values())
    if isinstance(getattr(source, "history", None), Mapping):
        return log_files.from_content(source.history, "History")
    if hasattr(source, "columns") and hasattr(source, "to_numpy"):
        log_files.refuse_repeated([str(name) for name in source.columns])
        return log_files.from_cells({str(name): list(source[name]) for name in source.columns}, "DataFrame")
    if isinstance(source, Mapping | list):
        return log_files.from_content(source, "dict" if isinstance(source, Mapping) else "list")
    raise TypeError(
        f"a log is text, a path, a Keras History, a dict of lists, a list of dicts, a DataFrame or a Run, got "
        f"{type(source).__name__}: pass history.history or a dict such as {{'val_loss': [...]}}."
    )


def _run(table: Table, told: Mapping[str, str]) -> Run:
    """Turn a table into a run: one run of it, one row per epoch, numbers with a meaning."""
    if not told or not set(told.values()) <= table.columns.keys():
        _spread_sets(table)
    chosen = _choose_columns(table, told)
    rows = {ours: table.columns[theirs] for ours, theirs in chosen.items()}
    known = _known(rows)
    if not known.any():
        raise LogError(f"there is no number in {', '.join(chosen.values())} of {table.origin}: log the values.")
    rows = _keep(rows, known) | _counts_and_rate(table, known)
    rows = _one_run(rows, _labels(table, known), table)
    counted = rows.get("epoch", rows.get("step", ()))
    only_batches = len(counted) > 1 and not _has_whole_epochs(rows) and not _known(rows, "val_").any()
    rows = _without_later_evaluation(_one_row_per_epoch(rows, table.notes), table.structure)
    metrics, validated = {}, _known(rows, "val_")
    for ours, theirs in chosen.items():
        if ours in rows:
            values = _as_share(theirs, rows[ours], table.notes) if ours.endswith("accuracy") else rows[ours]
            metrics[ours] = _interpolated(theirs, values, validated, table.notes) if "train" in ours else values
    _say_phases(table, rows.get("learning_rate", np.zeros(0)))
    unit, numbers = _own_numbers(rows)
    if unit == "epoch" and {"round", "epoch"} & set(map(names.position, table.columns)) == {"round"}:
        unit = "round"
    unread = [
        name
        for name, values in table.columns.items()
        if name not in chosen.values() and names.measures_something(name) and np.isfinite(values).sum() > 1
    ]
    about = {"origin": table.origin, "columns": chosen, "notes": table.notes, "structure": table.structure}
    about |= {"unit": unit, "numbers": numbers, "batch_losses": only_batches, "unread": unread, **table.facts}
    if "epoch" in rows and unit in ("step", "row"):
        about["epochs_beside"] = [round(epoch, 2) for epoch in rows["epoch"].tolist()]
    if "learning_rate" in rows and np.isfinite(rows["learning_rate"]).all():
        about["learning_rates"] = rows["learning_rate"].tolist()
    with_numbers = {ours: values for ours, values in metrics.items() if not np.isnan(values).all()}
    return Run(with_numbers or metrics, provenance=about)


# ---- which column is which -----------------------------------------------------------------------------------------


def _spread_sets(table: Table) -> None:
    """Spread a table with a row for each set ("train", "val" in a column) over columns that name the set."""
    for name, cells in table.texts.items():
        sets = {cell: names.splits_of(cell) for cell in cells if cell}
        if set(sets.values()) == {("train",), ("val",)}:
            for metric in filter(names.canonical_name, list(table.columns)):
                values = table.columns.pop(metric)
                for cell in sets:
                    table.columns[f"{cell}_{metric}"] = np.where(np.array(cells) == cell, values, np.nan)
            table.structure.append(f"One row for each set: {name!r} tells {' from '.join(map(repr, sets))}.")
            del table.texts[name]
            return


def _choose_columns(table: Table, told: Mapping[str, str]) -> dict[str, str]:
    """Return which column holds which metric: as told, else by name; the plainest name wins, a tie is an error."""
    for ours, theirs in told.items():
        if ours not in names.NAMES:
            raise LogError(f"columns names {ours!r}: choose from {', '.join(names.NAMES)}.")
        if theirs not in table.columns:
            raise LogError(f"there is no column {theirs!r}: the log has {_listed(table)}.")
    candidates: dict[str, list[str]] = {}
    for name in _of_one_run([name for name in table.columns if names.canonical_name(name)], told):
        if names.canonical_name(name) not in told and name not in told.values():
            candidates.setdefault(names.canonical_name(name), []).append(name)
    _boosting_sets(candidates, table)
    chosen = told | {ours: _plainest(ours, of, table) for ours, of in candidates.items()}
    if not {"val_loss", "val_accuracy"} & chosen.keys():
        chosen |= _by_further_words([name for name in table.columns if name not in chosen.values()], chosen, table)
    if not chosen:
        raise LogError(_no_metric(table))
    # A bare accuracy is Keras' of training beside a bare loss; fastai and Ultralytics write that of validation so.
    bare = chosen["running_train_accuracy"] if "running_train_accuracy" in candidates else "train"
    beside = chosen.keys() - {"running_train_accuracy"}
    is_alone = not beside or ("val_loss" in beside and not beside & {"running_train_loss", "val_accuracy"})
    if is_alone and "train" not in bare.lower():
        chosen["val_accuracy"] = chosen.pop("running_train_accuracy")
        why = "it stands beside its loss" if beside else "no loss is there"
        table.notes.append(f"{bare} was taken to be of the validation set: {why}.")
    tested = [theirs for ours, theirs in chosen.items() if ours[:4] == "val_" and "test" in names.words(theirs)]
    if tested:
        said = f"{', '.join(tested)} read as validation"
        table.notes.append(f"{said}: what is chosen by a test set is not measured by it.")
    return chosen


def _of_one_run(columns: list[str], told: Mapping[str, str]) -> list[str]:
    """Return the columns of the run that a told column belongs to; of several runs, one must be told."""
    runs = {names.run_and_metric(name)[0] for name in columns}
    told_runs = {names.run_and_metric(name)[0] for name in told.values()}
    if len(runs) < 2:
        return columns
    if len(told_runs) != 1:
        which = _to_type(**{names.canonical_name(columns[0]): columns[0]})
        raise LogError(f"the log holds {len(runs)} runs, {', '.join(sorted(runs))}: say which by one column, {which}.")
    return [name for name in columns if names.run_and_metric(name)[0] in told_runs]


def _boosting_sets(candidates: dict[str, list[str]], table: Table) -> None:
    """Take the first of two numbered evaluation sets of a boosting log without training set for the training set."""
    for measure in ("loss", "accuracy"):
        numbered = [n for n in candidates.get(f"val_{measure}", ()) if re.search(r"valid(ation)?_\d\b.?[-' ]", n)]
        if len(numbered) == 2 and f"train_{measure}" not in candidates and f"running_train_{measure}" not in candidates:
            candidates[f"train_{measure}"], candidates[f"val_{measure}"] = numbered[:1], numbered[1:]
            taken = f"{numbered[0]} was taken for the training set (listed first), {numbered[1]} for validation"
            remedy = f"--columns val_{measure}={numbered[0]!r}"
            table.structure.append(f"Two evaluation sets: {taken}. If not: {remedy}.")


def _plainest(ours: str, columns: list[str], table: Table) -> str:
    """Return the column that is meant: our own name, then one per epoch, then any other than one per step."""

    def rank(name: str) -> tuple[bool | int, ...]:
        found = names.words(name)
        is_error = not {"errorrate", "merror"}.isdisjoint(found)
        return name != ours, "test" in found, is_error, "epoch" not in found, "step" in found, len(found)

    best, *others = sorted(columns, key=rank)
    tied = [name for name in others if rank(name) == rank(best)]
    if any(re.sub(r"\d+", "", name) != re.sub(r"\d+", "", best) for name in tied):
        which = _to_type(**{ours: best})
        raise LogError(f"both {best!r} and {tied[0]!r} could be {ours}: say which, {which}.")
    other_sets = [
        name for name in others
        if np.isfinite(table.columns[name]).sum() > 1
        and (names.words(name) == names.words(best) or ("test" in names.words(name)) != ("test" in names.words(best)))
    ]  # fmt: skip
    if ours[:4] == "val_" and other_sets:
        table.structure.append(_several_sets(ours, best, other_sets))
    return best


def _several_sets(ours: str, read: str, others: Sequence[str]) -> str:
    not_read = f", {', '.join(others[:3])} not (--columns {ours}={others[0]!r})" if others else ""
    return f"Several evaluation sets or losses: {read} was read{not_read}."


def _by_further_words(columns: Sequence[str], chosen: Mapping[str, str], table: Table) -> dict[str, str]:
    """Return losses with words of their own: the first of several sets (``eval_mnli_loss``), or the only (``rmse``)."""
    kinds: dict[frozenset[str], dict[str, str]] = {}
    for name in columns:
        further, ours = names.further_words(name)
        if ours and further:
            kinds.setdefault(further, {}).setdefault(ours, name)
    if chosen:
        sets = [kind for kind in kinds.values() if "loss" in names.words(kind.get("val_loss", ""))]
        if not sets:
            return {}
        first, *others = (kind["val_loss"] for kind in sets)
        table.structure.append(_several_sets("val_loss", first, others))
        return {ours: name for ours, name in sets[0].items() if ours[:4] == "val_"}
    losses = [{ours: n for ours, n in kind.items() if ours.endswith("loss")} for kind in kinds.values()]
    losses = [kind for kind in losses if kind]
    if len(losses) != 1:
        return {}
    table.notes.append(f"{', '.join(losses[0].values())} read as the loss: it is no cross-entropy.")
    return losses[0]


def _no_metric(table: Table) -> str:
    """Say what was found in a log in which nothing is known as a loss or an accuracy, and what to type."""
    found = [name for name in table.columns if not names.position(name)]
    said = set(names.words(f"{table.looks_like} {' '.join(found)}"))
    hints = "".join(
        f"{hint['say']} "
        for hint in names.WRITTEN["hints"]
        if any(said.issuperset(part.split()) for part in hint["words"])
    )
    likely: dict[str, str] = {}
    for name in sorted(found, key=lambda name: "cls" not in names.words(name)):
        if not re.search(r"acc|top", name.lower()):
            for which in names.splits_of(name) or ("val",) * names.measures_something(name):
                likely.setdefault(f"{which}_loss", name)
    likely = likely if "val_loss" in likely else likely | {"val_loss": "my column"}
    begins = f", which {table.looks_like}," if table.looks_like else ""
    return (
        f"no column of the {table.origin}{begins} is a loss or an accuracy, it has {_listed(table)}. {hints}Say which "
        f"to read, {_to_type(**likely)}. The reader knows tables with a header, and lines such as 'epoch 1: loss 0.7, "
        "val_loss 0.6'. Several runs: pass one."
    )


def _listed(table: Table) -> str:
    more = f" and {len(table.columns) - 20} more" if len(table.columns) > 20 else ""
    return (", ".join([*table.columns][:20]) or "none") + more


def _to_type(**columns: str) -> str:
    """Return what to pass, in Python and on the command line, where names are not recognised."""
    options = " ".join(f"--columns {ours}={theirs!r}" for ours, theirs in columns.items())
    return f"columns={columns} ({options})"


def _counts_and_rate(table: Table, known: NDArray[np.bool_]) -> Columns:
    """Return, for the rows that are known, the columns that count epochs or steps, and the learning rate."""
    beside: Columns = {}
    for name, values in table.columns.items():
        kind = "learning_rate" if names.is_rate(name) else names.position(name)
        if kind is not None and np.isfinite(values[known]).any():
            beside.setdefault("epoch" if kind == "round" and "epoch" not in beside else kind, values[known])
    return beside


def _labels(table: Table, known: NDArray[np.bool_]) -> tuple[str, NDArray[np.int64]]:
    """Return the column that names runs, and the number of the run that each known row belongs to."""
    for name in filter(names.tells_runs, [*table.texts, *table.columns]):
        cells = np.array(table.texts.get(name) or _filled_forward(table.columns[name]))[known].tolist()
        numbers = {cell: number for number, cell in enumerate(dict.fromkeys(cells))}
        if 1 < len(numbers) <= len(cells) / 3:
            return name, np.array([numbers[cell] for cell in cells])
    return "", np.zeros(known.sum(), int)


# ---- which rows are one run, and one epoch -------------------------------------------------------------------------


def _keep(rows: Columns, kept: NDArray | slice) -> Columns:
    """Return some of the rows, in the order that is asked for."""
    return {name: values[kept] for name, values in rows.items()}


def _known(rows: Columns, which: str = "") -> NDArray[np.bool_]:
    """Tell which rows have a value of a set ("train", "val_"), or of any metric."""
    known = [~np.isnan(values) for name, values in rows.items() if name in names.NAMES and which in name]
    return np.any([np.zeros(_length(rows), bool), *known], axis=0)


def _length(rows: Columns) -> int:
    return len(next(iter(rows.values())))


def _has_whole_epochs(rows: Columns) -> bool:
    """Tell whether epochs are counted, and not in fractions as Hugging Face does."""
    return "epoch" in rows and bool((rows["epoch"] % 1 == 0).all())


def _filled_forward(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace each NaN by the last number before it, the first ones by the first number."""
    finite = np.flatnonzero(np.isfinite(values))
    last = np.searchsorted(finite, np.arange(len(values)), side="right") - 1
    return values[finite[np.maximum(last, 0)]]


def _one_run(rows: Columns, labels: tuple[str, NDArray[np.int64]], table: Table) -> Columns:
    """Return one run: the longest of several, without rows that a restart replaced, numbered on where it went on."""
    order = np.argsort(labels[1], kind="stable")
    rows, label = _keep(rows, order), labels[1][order]
    n, kind = len(label), next((kind for kind in ("epoch", "step") if kind in rows), "row")
    count = _filled_forward(rows[kind]) if kind in rows else np.arange(n, dtype=float)
    loss = rows[next(name for name in ("running_train_loss", "train_loss", "val_loss", *rows) if name in rows)]
    others = {*(np.flatnonzero(np.diff(label)) + 1).tolist(), *_new_runs(loss, count)}
    falls = (np.flatnonzero(np.diff(count) < 0) + 1)[:MOST_RESTARTS].tolist()
    starts, on, kept = [0], np.zeros(n), np.ones(n, bool)
    for at in sorted({*others, *falls}):
        begun = starts[-1]
        if at in others:
            starts.append(at)
        elif count[at] > count[begun] + 1e-9:  # resumed from a checkpoint
            kept[begun:at] &= count[begun:at] < count[at]
        elif _goes_on(loss[begun:at], loss[at:]):
            on[at:] = count[at - 1] + on[at - 1] - count[at] + 1
            table.notes.append("The count begins again and the loss goes on from where it was: it was numbered on.")
        else:
            starts.append(at)
    if not kept.all():
        table.notes.append(f"The log was continued: {(~kept).sum()} rows that later ones replace were dropped.")
    if kind in rows:
        rows[kind] = count + on
    pieces = [slice(*ends) for ends in itertools.pairwise([*starts, n])]
    sizes = [len(np.unique(count[piece])) for piece in pieces]
    longest = max(range(len(sizes)), key=lambda i: (sizes[i], i))
    if len(pieces) > 1:
        how = f"told apart by {labels[0]!r}" if labels[0] else f"the loss begins anew at {kind} {count[starts[1]]:g}"
        runs = f"{len(sizes)} runs, of {', '.join(map(str, sizes[:-1]))} and {sizes[-1]} {kind}s ({how})"
        table.structure.append(f"The file holds {runs}: run {longest + 1} was read. Give each its own file.")
    return _keep(_keep(rows, pieces[longest]), kept[pieces[longest]])


def _goes_on(before: NDArray, after: NDArray) -> bool:
    """Tell whether a second training began about where the first one ended, as Keras' second ``fit`` does."""
    before, after = before[np.isfinite(before)], after[np.isfinite(after)]
    return bool(len(before) and len(after) and after[0] - before[-1] < GOES_ON * abs(before[-1] - before[0]))


def _new_runs(loss: NDArray, count: NDArray) -> list[int]:
    """Return the rows at which a loss jumps up for good, and then falls: where a run begins that was numbered on."""
    finite = np.flatnonzero(np.isfinite(loss))
    values, at = loss[finite], np.arange(4, len(finite) - 2)
    if not len(at):
        return []
    threes = sliding_window_view(values, 3)
    highest_before, lowest_after = threes.max(axis=1)[at - 3], threes.min(axis=1)[at]
    lowest_before = np.minimum.accumulate(values)[at - 1]
    lowest_ever_after = np.minimum.accumulate(values[::-1])[::-1][at]
    back = highest_before + 0.2 * (values[0] - lowest_before)
    jumps = (lowest_before > 0) & (values[at] > back) & (lowest_after > NEW_RUN * highest_before)
    jumps &= (lowest_ever_after < 0.9 * values[at]) & (count[finite[at]] > count[finite[at - 1]])
    return finite[at[jumps]].tolist()


def _one_row_per_epoch(rows: Columns, notes: list[str]) -> Columns:
    """Average the rows of the same epoch, or of the same stretch up to a validation; NaN is a gap."""
    groups, unit = _groups(rows)
    last_rows = np.append(np.flatnonzero(np.diff(groups)), len(groups) - 1)
    gathered = _keep(rows, last_rows)
    if len(last_rows) == len(groups):
        return gathered
    for name in rows.keys() - {"epoch", "step", "round"}:
        present = ~np.isnan(rows[name])
        counts = np.bincount(groups[present], minlength=len(last_rows))
        sums = np.bincount(groups[present], weights=rows[name][present], minlength=len(last_rows))
        gathered[name] = np.divide(sums, counts, out=np.full(len(last_rows), np.nan), where=counts > 0)
    # An epoch without validation has nothing to compare; without any validation (or a single one) all epochs count.
    curves = {name: values for name, values in gathered.items() if (~np.isnan(values)).sum() > 1}
    kept = _known(curves, "val_") if curves else np.zeros(0, bool)
    kept = kept if kept.any() else np.ones(len(last_rows), bool)
    notes.append(f"{len(groups)} rows were gathered into {int(kept.sum())}, one per {unit}.")
    return _keep(gathered, kept)


def _groups(rows: Columns) -> tuple[NDArray[np.int64], str]:
    """Number the epoch (or the stretch up to a validation) that each row belongs to, from 0."""
    if _has_whole_epochs(rows):
        return np.concatenate([[0], np.cumsum(np.diff(rows["epoch"]) != 0)]), "epoch"
    ends = _known(rows, "val_")
    if not ends.any() or not (_known(rows, "train") & ~ends).any():
        return np.arange(len(ends)), "row"
    if "step" in rows:  # what is written in several rows at one step is one validation
        ends &= np.append(np.diff(_filled_forward(rows["step"])) != 0, True)
    return np.concatenate([[0], np.cumsum(ends)[:-1]]), "validation"


def _without_later_evaluation(rows: Columns, structure: list[str]) -> Columns:
    """Leave out a last row that only evaluates, where every epoch before it was trained; or a single final test."""
    trained, validated = _known(rows, "train"), _known(rows, "val_")
    if len(trained) < 4 or not trained.any():
        return rows
    if validated[-1] and not validated[:-1].any():
        structure.append("A single evaluation at the end (a final test) was left out: it is no curve.")
        return _keep({name: values for name, values in rows.items() if name[:4] != "val_"}, trained)
    if _has_whole_epochs(rows) and trained[:-1].all() and not trained[-1]:
        said = f"The last row (epoch {rows['epoch'][-1]:g}) has validation without training"
        structure.append(f"{said}: a later validate(), left out.")
        return _keep(rows, slice(-1))
    return rows


# ---- what the numbers are ------------------------------------------------------------------------------------------


def _own_numbers(rows: Columns) -> tuple[str, list[int]]:
    """Return what the log counts and its own numbers; what it counts in no order, or not at all, goes from 1."""
    for kind in ("epoch", "step"):
        if kind in rows and (rows[kind] % 1 == 0).all() and (np.diff(rows[kind]) > 0).all():
            return kind, [int(count) for count in rows[kind]]
    return ("row" if {"epoch", "step"} & rows.keys() else "epoch"), list(range(1, _length(rows) + 1))


def _as_share(name: str, values: NDArray[np.float64], notes: list[str]) -> NDArray[np.float64]:
    """Divide percentages by 100, and turn an error rate into an accuracy; what is not finite is a gap."""
    values = np.where(np.isfinite(values), values, np.nan)
    largest = float(np.nanmax(values, initial=0))
    if largest > 100 * (1 + ROUNDING) or 1 + ROUNDING < largest < LEAST_PERCENTAGE:
        raise LogError(f"{name} reaches {largest:g}: an accuracy is a share from 0 to 1 or a percentage up to 100.")
    if largest >= LEAST_PERCENTAGE:
        notes.append(f"{name} reached {largest:g}: it was read as a percentage and divided by 100.")
        values = np.round(values / 100, 12)
    values = np.minimum(values, 1)
    if {"errorrate", "merror"} & set(names.words(name)):
        notes.append(f"{name} was read as 1 minus the accuracy.")
        values = 1 - values
    return values


def _interpolated(name: str, values: NDArray[np.float64], validated: NDArray, notes: list[str]) -> NDArray:
    """Fill the gaps of a training curve that was logged less often than validation, between its values."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return values
    between = np.interp(np.arange(len(values)), known, values[known], left=np.nan, right=np.nan)
    filled = np.where(validated & np.isnan(values), between, values)
    if np.isnan(filled).sum() < np.isnan(values).sum():
        notes.append(f"{name} has {len(known)} values for {len(values)} epochs: it was interpolated between them.")
    return filled


def _say_phases(table: Table, rates: NDArray[np.float64]) -> None:
    """Say that a log has phases: by a column that names them, or by a learning rate that rises again."""
    for name, cells in table.texts.items():
        parts = list(dict.fromkeys(filter(None, cells)))
        if {"phase", "stage"} & set(names.words(name)) and 1 < len(parts) <= 6:
            table.structure.append(f"Phases, by {name!r}: {', then '.join(parts)}. They were read as one training.")
    rises = (rates[1:] > 3 * rates[:-1]) & (np.maximum.accumulate(rates)[:-1] > 2 * rates[:-1])
    if rises.any():
        at = int(rises.argmax())
        said = f"The learning rate rises again in row {at + 2}, {rates[at]:.3g} to {rates[at + 1]:.3g}"
        table.structure.append(f"{said}: a second phase or a warm restart, read as one training.")
