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
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lessonlib.reading import log_files
from lessonlib.reading.log_files import Columns, LogError, Table, to_type
from lessonlib.reading.names import (
    NAMES,
    RUN_WORDS,
    SPLITS,
    canonical_name,
    is_rate,
    loosely,
    measures_something,
    position,
    run_and_metric,
    splits_of,
    words,
)  # fmt: skip
from lessonlib.runs import Run

LEAST_PERCENTAGE = 1.5  # what only just exceeds 1 is neither a share nor a percentage that anyone would keep a log of
FEWEST_STEPS = 5  # a training that was logged by step has at least this many steps in an epoch
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
    told = set((columns or {}).values())
    if isinstance(source, str | os.PathLike) and not _is_text(source):
        path = Path(source)
        if path.suffix == ".npz" and path.exists():
            return Run.load(path)
        return _run(log_files.from_path(path, told), columns)
    return _run(_table(source, told), columns)


def _is_text(source: str | os.PathLike[str]) -> bool:
    """Tell pasted text from a path."""
    if not isinstance(source, str):
        return False
    return "\n" in source or source.lstrip()[:1] in ("{", "[") or bool(re.search(r"\w[:= ]+\d*\.\d+.*\s", source))


def _table(source: object, told: set[str]) -> Table:
    """Return what is in memory as a table."""
    if isinstance(source, str):
        return log_files.from_text(source, "pasted text", told)
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


def _run(table: Table, columns: Mapping[str, str] | None) -> Run:
    """Turn a table into a run: one run of it, one row per epoch, numbers with a meaning."""
    if not columns or not set(columns.values()) <= table.columns.keys():
        _spread_sets(table)
    chosen = _choose_columns(table, columns)
    rows = {ours: table.columns[theirs] for ours, theirs in chosen.items()}
    if not any((~np.isnan(values)).any() or (table.dense and len(values)) for values in rows.values()):
        raise LogError(f"there is no number in {', '.join(chosen.values())} of {table.origin}: log the values.")
    rates = [values for name, values in table.columns.items() if is_rate(name) and np.isfinite(values).any()]
    rows |= {"learning_rate": rates[0]} if rates else {}
    rows |= _positions(table)
    if table.series:
        rows = _on_one_scale(rows, table.notes)
    rows = _keep(rows, _named_run(table, _known(rows) | table.dense))
    rows = {name: values for name, values in rows.items() if name in NAMES or np.isfinite(values).any()}
    rows = _one_run(rows, table)
    is_batch = _is_batches(rows)
    rows = _without_later_evaluation(_one_row_per_epoch(rows, table.notes), table.structure)
    metrics, validated = {}, _known(rows, "val_")
    for ours, theirs in chosen.items():
        if ours in rows:
            metrics[ours] = _as_share(theirs, rows[ours], table.notes) if ours.endswith("accuracy") else rows[ours]
            if "train" in ours:
                metrics[ours] = _interpolated(theirs, metrics[ours], validated, table.notes)
    rates = rows.get("learning_rate")
    rates = rates if rates is not None and np.isfinite(rates).all() else None
    _say_phases(table, rates)
    unit, numbers, beside = _own_numbers(rows)
    kinds = set(map(position, table.columns))
    unread = [
        name for name, values in table.columns.items()
        if name not in chosen.values() and measures_something(name) and np.isfinite(values).sum() > 1
    ]  # fmt: skip
    about = {
        "origin": table.origin, "columns": chosen, "notes": table.notes + _said_of(chosen, metrics),
        "structure": table.structure, "numbers": numbers,
        "unit": "round" if unit == "epoch" and "round" in kinds and "epoch" not in kinds else unit,
        "epochs_beside": beside, "batch_losses": is_batch, "unread": unread, **table.facts,
    }  # fmt: skip
    named = {name: values for name, values in metrics.items() if (~np.isnan(values)).any()}
    about |= {} if rates is None else {"learning_rates": rates.tolist()}
    return Run(named or metrics, provenance=about)


def _say_phases(table: Table, rates: NDArray | None) -> None:
    """Say that a log has phases: by a column that names them, or by a learning rate that rises again."""
    for name, cells in table.texts.items():
        parts = list(dict.fromkeys(cell for cell in cells if cell))
        if {"phase", "stage"} & set(words(name)) and 1 < len(parts) <= 6:
            table.structure.append(f"Phases, by {name!r}: {', then '.join(parts)}. They were read as one training.")
    if rates is not None and len(rates) > 4:
        again = np.flatnonzero((rates[1:] > 3 * rates[:-1]) & (np.maximum.accumulate(rates)[:-1] > 2 * rates[:-1])) + 1
        if len(again):
            table.structure.append(
                f"The learning rate rises again in row {again[0] + 1}, {rates[again[0] - 1]:.3g} to "
                f"{rates[again[0]]:.3g}: a second phase or a warm restart. They were read as one training."
            )


def _keep(rows: Columns, kept: NDArray) -> Columns:
    """Return some of the rows: those that a mask keeps, or the last of stretches."""
    return {name: values[kept] for name, values in rows.items()}


def _known(rows: Columns, which: str = "") -> NDArray[np.bool_]:
    """Tell which rows have a value of a set ("train", "val_"), or of any metric."""
    known = [~np.isnan(values) for name, values in rows.items() if name in NAMES and which in name]
    return np.logical_or.reduce([np.zeros(_length(rows), bool), *known])


def _measured(rows: Columns) -> list[str]:
    """Return the names of what is measured, not counted."""
    return [name for name in rows if name not in ("epoch", "step", "round")]


def _length(rows: Columns) -> int:
    return len(next(iter(rows.values())))


def _has_whole_epochs(rows: Columns) -> bool:
    """Tell whether epochs are counted, and not in fractions as Hugging Face does."""
    return "epoch" in rows and bool((rows["epoch"] % 1 == 0).all())


def _spread_sets(table: Table) -> None:
    """Spread a table with a row for each set ("train", "val" in a column) over columns that name the set."""
    sets_of = {
        name: {cell: SPLITS.get(next(iter(words(cell)), "")) for cell in cells if cell}
        for name, cells in table.texts.items()
    }
    name = next((n for n, sets in sets_of.items() if len(set(sets.values())) == 2 and None not in sets.values()), None)
    if name is None:
        return
    sets, cells = sets_of[name], table.texts.pop(name)
    where = {cell: np.array([other == cell for other in cells]) for cell in sets}
    columns: Columns = {}
    for metric, values in table.columns.items():
        if canonical_name(metric):
            columns |= {f"{cell}_{metric}": np.where(at, values, np.nan) for cell, at in where.items()}
        elif metric != name:
            columns[metric] = values
    table.structure.append(f"One row for each set: {name!r} tells {' from '.join(map(repr, sets))}.")
    table.columns = columns


def _choose_columns(table: Table, wanted: Mapping[str, str] | None) -> dict[str, str]:
    """Return which column holds which metric: as told, else by name; the plainest name wins, a tie is an error."""
    names = list(table.columns)
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
    _boosting_sets(candidates, table)
    chosen = told | {ours: _plainest(ours, theirs, table) for ours, theirs in candidates.items()}
    if chosen and not {"val_loss", "val_accuracy"} & chosen.keys():
        chosen |= _one_of_several_sets([name for name in names if name not in chosen.values()], table)
    if not chosen and (loose := loosely(names)):
        chosen = {ours: theirs for theirs, ours in loose.items()}
        table.notes.append(f"{', '.join(loose)} read as the loss: it is no cross-entropy.")
    if not chosen:
        raise LogError(_no_metric(names, listed, table))
    if set(chosen) == {"running_train_accuracy"} and not told:  # training would have a loss beside it
        chosen = {"val_accuracy": chosen["running_train_accuracy"]}
        table.notes.append(f"{chosen['val_accuracy']} was taken to be of the validation set: no loss is there.")
    bare = [name for name in candidates.get("running_train_accuracy", ()) if "train" not in name.lower()]
    if bare and "val_loss" in chosen and not {"running_train_loss", "val_accuracy"} & chosen.keys():
        chosen["val_accuracy"] = chosen.pop("running_train_accuracy")  # as fastai and Ultralytics log it
    return chosen


def _one_of_several_sets(names: Sequence[str], table: Table) -> dict[str, str]:
    """Return the first validation loss whose name has words of its own (``eval_mnli_loss``), and its accuracy."""
    sets = [name for name in names if "loss" in words(name) and "val" in splits_of(name)]
    if not sets:
        return {}
    own = {word for word in words(sets[0]) if canonical_name(f"val loss {word}") is None}
    chosen = {}
    for name in names:
        ours = canonical_name(" ".join(word for word in words(name) if word not in own))
        if own <= set(words(name)) and ours in ("val_loss", "val_accuracy"):
            chosen.setdefault(ours, name)
    others = f", {', '.join(sets[1:4])} not (--columns val_loss={sets[1]!r})" if len(sets) > 1 else ""
    table.structure.append(f"Several evaluation sets or losses: {sets[0]} was read{others}.")
    return chosen


def _no_metric(names: Sequence[str], listed: str, table: Table) -> str:
    """Say what a log looks like in which nothing is known as a loss or an accuracy, and what to type."""
    origin = table.origin
    if "GPU_mem" in table.looks_like:
        return f"{origin} is the table that Ultralytics prints, which is not read: pass the run's results.csv."
    named = [name for name in names if "loss" in words(name)]
    losses = {side: [n for n in named if SPLITS.get(words(n)[0]) == side] for side in ("train", "val")}
    if len(losses["val"]) > 1 and any({"box", "cls", "dfl", "obj"} & set(words(name)) for name in losses["val"]):
        pair = {f"{s}_loss": next((n for n in of if "cls" in words(n)), of[0]) for s, of in losses.items() if of}
        return (
            f"{origin} is the log of a detector: its losses are {', '.join(losses['val'])}, and none is the whole. "
            f"What decides is mAP50-95, not any loss. To read one of them: {to_type(**pair)}."
        )
    roles = {word for name in named for word in words(name)}
    if roles >= {"d", "g"} or roles >= {"discriminator", "generator"}:
        return (
            f"{origin} looks like the log of a GAN, {' and '.join(map(repr, named[:2]))}: its two losses work against "
            "each other, and the reader has nothing to say of them. Judge by samples, or a score of them such as FID."
        )
    likely = [name for name in names if measures_something(name) and not re.search(r"acc|top", name.lower())]
    likely += [name for name in names if "val" in splits_of(name)]
    remedy = f"say which, {to_type(val_loss=[*likely, 'my column'][0])}."
    if not table.looks_like:
        return f"no column of the {origin} is a loss or an accuracy, it has {listed}: {remedy} Several runs: pass one."
    under = ", ".join(repr(name) for name in names[:20] if not position(name))
    found = f"numbers stand under {under}, none of which is known" if under else "no number has a name that is known"
    return (
        f"{origin} {table.looks_like}; {found} as a loss or an accuracy: {remedy} It reads lines such as 'epoch 1: "
        "loss 0.7, val_loss 0.6', and tables with a header."
    )


def _boosting_sets(candidates: dict[str, list[str]], table: Table) -> None:
    """Take the first of two numbered evaluation sets of a boosting log without training set for the training set."""
    for measure in ("loss", "accuracy"):
        numbered = [n for n in candidates.get(f"val_{measure}", ()) if re.search(r"valid(ation)?_\d\b.?[-' ]", n)]
        if len(numbered) == 2 and f"train_{measure}" not in candidates and f"running_train_{measure}" not in candidates:
            candidates[f"train_{measure}"], candidates[f"val_{measure}"] = numbered[:1], numbered[1:]
            table.structure.append(
                f"Two evaluation sets: {numbered[0]} was taken for the training set, as it is where eval_set lists it "
                f"first, {numbered[1]} for validation. If not: --columns val_{measure}={numbered[0]!r}."
            )


def _of_one_run(names: list[str], told: Mapping[str, str]) -> list[str]:
    """Return the columns of the run that a told column belongs to; of several runs, one must be told."""
    runs = {run_and_metric(name)[0] for name in names}
    told_runs = {run_and_metric(name)[0] for name in told.values()}
    if len(runs) > 1 and len(told_runs) != 1:
        which = to_type(**{canonical_name(names[0]): names[0]})
        raise LogError(f"the log holds {len(runs)} runs, {', '.join(sorted(runs))}: say which by one column, {which}.")
    return [name for name in names if len(runs) < 2 or run_and_metric(name)[0] in told_runs]


def _plainest(ours: str, names: list[str], table: Table) -> str:
    """Return the column that is meant: our own name, then one per epoch, then any other than one per step."""
    parts = {name: words(name) for name in names}
    ranks = {
        name: (name != ours, "test" in parts[name], "errorrate" in parts[name] or "merror" in parts[name],
               "epoch" not in parts[name], "step" in parts[name], len(parts[name]))
        for name in names
    }  # fmt: skip
    best = sorted(names, key=ranks.__getitem__)
    ties = [name for name in best if ranks[name] == ranks[best[0]]]
    if len(ties) > 1 and len({re.sub(r"\d+", "", name) for name in ties}) > 1:
        which = to_type(**{ours: best[0]})
        raise LogError(f"both {best[0]!r} and {best[1]!r} could be {ours}: say which, {which}.")
    plain, is_test = parts[best[0]], "test" in parts[best[0]]
    several = [name for name in best[1:] if np.isfinite(table.columns[name]).sum() > 1]
    others = [name for name in several if parts[name] == plain or ("test" in parts[name]) != is_test]
    if ours[:4] == "val_" and others:
        table.structure.append(
            f"Several evaluation sets: {best[0]} was read, {', '.join(others)} not (--columns {ours}={others[0]!r})."
        )
    return best[0]


def _positions(table: Table) -> Columns:
    places: Columns = {}
    for name, values in table.columns.items():
        if (kind := position(name)) is not None and np.isfinite(values).any():
            places.setdefault("epoch" if kind == "round" and "epoch" not in places else kind, values)
    return places


def _named_run(table: Table, filled: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the rows that are filled, return those of the longest run where a column names runs, and say so."""
    for name in [*table.texts, *table.columns]:
        if words(name) in RUN_WORDS:
            cells = table.texts.get(name) or [f"{value:g}" for value in _filled_forward(table.columns[name])]
            cells = np.array(cells)
            runs, counts = np.unique(cells[filled], return_counts=True)
            if 1 < len(runs) <= filled.sum() / 3:
                longest = runs[counts.argmax()]
                table.structure.append(
                    f"{len(runs)} runs in one file, told apart by {name!r}: {longest} ({counts.max()} rows) was read."
                )
                return filled & (cells == longest)
    return filled


def _one_run(rows: Columns, table: Table) -> Columns:
    """Return one run: the longest of several, without rows that a restart replaced, numbered on where it went on."""
    n, kind = _length(rows), next((kind for kind in ("epoch", "step") if kind in rows), None)
    count = _filled_forward(rows[kind]) if kind else np.arange(n, dtype=float)
    loss = rows[next(name for name in ("running_train_loss", "train_loss", "val_loss", *rows) if name in rows)]
    starts, on, kept = [0], np.zeros(n), np.ones(n, bool)
    for at in (np.flatnonzero(np.diff(count) < 0) + 1)[:MOST_RESTARTS]:
        if count[at] > count[starts[-1]] + 1e-9:  # resumed from a checkpoint
            kept[starts[-1] : at] &= count[starts[-1] : at] < count[at]
        elif _goes_on(loss, starts[-1], at):
            on[at:] += count[at - 1] + on[at - 1] - count[at] - on[at] + 1
            table.notes.append(
                "The count begins again and the loss goes on from where it was: read as one training, numbered on."
            )
        else:
            starts.append(int(at))
    starts = sorted({*starts, *_new_runs(loss, count, [*starts, n])})
    if not kept.all():
        table.notes.append(
            f"The log was continued or restarted: {int((~kept).sum())} rows that later ones replace were dropped."
        )
    if len(starts) > 1:
        pieces = [slice(*ends) for ends in itertools.pairwise([*starts, n])]
        sizes = [len(np.unique(count[piece])) for piece in pieces]
        longest = max(range(len(sizes)), key=lambda i: (sizes[i], i))
        table.structure.append(
            f"The file holds {len(sizes)} runs, of {', '.join(map(str, sizes[:-1]))} and {sizes[-1]} {kind or 'row'}s "
            f"(the loss begins anew at {kind or 'row'} {count[starts[1]]:g}): run {longest + 1} was read. Give each "
            "its own file."
        )
        chosen = np.zeros(n, bool)
        chosen[pieces[longest]] = True
        kept &= chosen
    return _keep(rows | ({kind: count + on} if kind else {}), kept)


def _goes_on(loss: NDArray, start: int, at: int) -> bool:
    """Tell whether a second training began about where the first one ended, as Keras' second ``fit`` does."""
    before, after = (part[np.isfinite(part)] for part in (loss[start:at], loss[at:]))
    return bool(len(before) and len(after) and after[0] - before[-1] < GOES_ON * abs(before[-1] - before[0]))


def _new_runs(loss: NDArray, count: NDArray, pieces: Sequence[int]) -> list[int]:
    """Return the rows at which a loss jumps up for good, and then falls: where a run begins that was numbered on."""
    finite = np.flatnonzero(np.isfinite(loss))
    values, found = loss[finite], []
    if len(values) < 7:
        return found
    after = np.minimum(np.minimum(values[1:-2], values[2:-1]), values[3:])
    for i in np.flatnonzero(after > NEW_RUN * np.maximum(values[:-3], 0)) + 1:
        at = int(finite[i])
        begun = np.searchsorted(finite, max(piece for piece in [*pieces[:-1], *found] if piece <= at))
        before = values[begun:i]
        if at in pieces or count[at] == count[finite[i - 1]] or len(before) < 4 or before.min() <= 0:
            continue
        back = before[-3:].max() + 0.2 * (before[0] - before.min())
        lasts = values[i] > back and values[i : i + 3].min() > NEW_RUN * before[-3:].max()
        if lasts and values[i:].min() < 0.9 * values[i]:
            found.append(at)
    return found


def _filled_forward(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace each NaN by the last number before it, the first ones by the first number."""
    finite = np.flatnonzero(np.isfinite(values))
    last = np.searchsorted(finite, np.arange(len(values)), side="right") - 1
    return values[finite[np.maximum(last, 0)]]


def _is_batches(rows: Columns) -> bool:
    """Tell whether a log has nothing but training losses by step (or by fractions of an epoch)."""
    if any(name[:4] == "val_" for name in rows):
        return False
    if "epoch" in rows:
        return bool((rows["epoch"][np.isfinite(rows["epoch"])] % 1 != 0).any())
    return len(rows.get("step", ())) > 1 and bool(np.nanmedian(np.diff(rows["step"])) >= 1)


def _one_row_per_epoch(rows: Columns, notes: list[str]) -> Columns:
    """Average the rows of the same epoch, or of the same stretch up to a validation; NaN is a gap."""
    groups, unit = _groups(rows)
    last_rows = np.append(np.flatnonzero(np.diff(groups)), len(groups) - 1)
    gathered = _keep(rows, last_rows)
    for name in _measured(rows):
        present = ~np.isnan(rows[name])
        counts = np.bincount(groups[present], minlength=len(last_rows))
        sums = np.bincount(groups[present], weights=rows[name][present], minlength=len(last_rows))
        gathered[name] = np.divide(sums, counts, out=np.full(len(last_rows), np.nan), where=counts > 0)
    if len(last_rows) == len(groups):
        return gathered
    # An epoch without validation has nothing to compare; without any validation all epochs count.
    validation = [~np.isnan(values) for name, values in gathered.items() if name[:4] == "val_"]
    validation = [present for present in validation if present.sum() > 1] or validation
    kept = np.logical_or.reduce(validation) if validation else _known(gathered, "train")
    if kept.sum() == 0 or (kept.sum() == 1 and any("train" in name for name in rows) and len(kept) > 3):
        kept[:] = True
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
    validated, trained = ([name for name in rows if which in name] for which in ("val_", "train"))
    known = _known(rows, "train")
    if len(known) < 4 or not trained or not validated:
        return rows
    if all(not np.isnan(rows[name][-1]) and np.isnan(rows[name][:-1]).all() for name in validated):
        structure.append("A single evaluation at the end (a final test) was left out: it is no curve.")
        return _keep({name: values for name, values in rows.items() if name not in validated}, known)
    if not _has_whole_epochs(rows) or known[-1] or not known[:-1].all():
        return rows
    last = rows["epoch"][-1]
    structure.append(f"The last row (epoch {last:g}) has validation without training: a later validate(), left out.")
    return _keep(rows, slice(-1))


def _on_one_scale(rows: Columns, notes: list[str]) -> Columns:
    """Spread validations that are counted by epoch over a training that is counted by step."""
    steps = rows["step"].astype(int)
    validations, last = steps[_known(rows, "val_")], steps[_known(rows, "train")].max(initial=0)
    first, n = int(validations.min(initial=0)), len(validations)
    if n < 2 or first not in (0, 1) or validations.tolist() != list(range(first, first + n)) or last < FEWEST_STEPS * n:
        return rows
    notes.append(
        f"Training reaches step {last} and validation step {validations[-1]}: the steps of validation were read as "
        "epochs of equal length."
    )
    moved = {}
    for name in _measured(rows):
        present = ~np.isnan(rows[name])
        at = (steps - first + 1) * int(last) // n if name[:4] == "val_" else steps
        moved[name] = dict(zip(at[present].tolist(), rows[name][present], strict=True))
    return log_files.from_series(moved, "").columns


def _own_numbers(rows: Columns) -> tuple[str, list[int], list[float] | None]:
    """Return the log's own count of what it reads: unit, numbers, and the epochs beside steps."""
    epochs, beside = rows.get("epoch"), None
    if epochs is not None and np.isfinite(epochs).all():
        beside = [round(float(value), 2) for value in epochs]
    for kind in ("epoch", "step"):
        values = rows.get(kind)
        if values is not None and (values % 1 == 0).all() and (np.diff(values) > 0).all():
            return kind, [int(value) for value in values], beside if kind == "step" else None
    return ("row" if {"epoch", "step"} & rows.keys() else "epoch"), list(range(1, _length(rows) + 1)), beside


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
    if {"errorrate", "merror"} & set(words(name)):
        notes.append(f"{name} was read as 1 minus the accuracy.")
        values = 1 - values
    return values


def _interpolated(name: str, values: NDArray[np.float64], validated: NDArray, notes: list[str]) -> NDArray:
    """Fill the gaps of a training curve that was logged less often than validation, between its values."""
    known = np.flatnonzero(~np.isnan(values))
    gaps = np.flatnonzero(np.isnan(values) & validated)
    gaps = gaps[(gaps > known[0]) & (gaps < known[-1])] if len(known) > 1 else gaps[:0]
    if len(gaps):
        notes.append(f"{name} has {len(known)} values for {len(values)} epochs: it was interpolated between them.")
        values[gaps] = np.interp(gaps, known, values[known])
    return values


def _said_of(chosen: Mapping[str, str], metrics: Iterable[str]) -> list[str]:
    """Return what must be said of the columns that were read."""
    notes = []
    tested = [theirs for ours, theirs in chosen.items() if ours[:4] == "val_" and "test" in words(theirs)]
    if tested:
        notes.append(f"{', '.join(tested)} read as validation: what is chosen by a test set is not measured by it.")
    if "val_accuracy" in metrics and canonical_name(chosen["val_accuracy"]) == "running_train_accuracy":
        notes.append(f"{chosen['val_accuracy']} was taken to be of the validation set: it stands beside its loss.")
    return notes
