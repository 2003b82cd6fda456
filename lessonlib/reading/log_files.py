"""Training logs as tables of numbers: files, folders, pasted text and what is in memory.

What the names in them mean is the business of `lessonlib.reading.logs`. An empty cell is a gap (NaN); a NaN that was
written is a loss that is not finite, and becomes infinity.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonlib.reading import terminal_text
from lessonlib.reading.names import SETS, canonical_name, position
from lessonlib.reading.terminal_text import flat_record, printed_number

#: A file of a million rows has 100 MB; what is far larger is not a log of losses.
LARGEST_FILE_BYTES = 1_000_000_000
FEWEST_STEPS = 5  # a training that was logged by step has at least this many steps in an epoch
_PICKLES = {".pkl", ".pickle", ".npy", ".joblib", ".pt", ".pth"}

Columns = dict[str, NDArray[np.float64]]
#: Values by step, of curves that need not share their steps.
Series = dict[str, dict[int, float]]


class LogError(ValueError):
    """A log cannot be read; the message says why and what to do."""


@dataclass
class Table:
    """Rows of a log, before their names have a meaning."""

    columns: Columns
    origin: str  # the file's name, or what was passed
    texts: dict[str, list[str]] = field(default_factory=dict)  # columns without numbers, such as the set or the run
    facts: dict[str, int] = field(default_factory=dict)  # ``n_val``, ``n_classes``, where the log says them
    notes: list[str] = field(default_factory=list)  # what was done on the way
    structure: list[str] = field(default_factory=list)  # what the log is made of
    looks_like: str = ""  # how a text begins


def from_path(path: Path, told: Collection[str]) -> Table:
    """Read a file or a folder; `told` are names in it that are metrics."""
    if not path.exists():
        raise FileNotFoundError(f"there is no log at {path}. Pasted text has line breaks (command line: -).")
    if path.is_dir() or "tfevents" in path.name:
        return _from_series(_series_at(path), path.name)
    if path.suffix in _PICKLES:
        remedy = "save json.dumps(history.history) to a .json file, or open it yourself and pass the dict"
        raise LogError(f"{path} can run code when it is opened, so it is not: {remedy}.")
    if (size := path.stat().st_size) > LARGEST_FILE_BYTES:
        raise LogError(f"{path} has {size / 1e9:.1f} GB, which is no log of losses: pass a row an epoch.")
    return from_text(_decoded(path), path.name, told)


def _decoded(path: Path) -> str:
    """Return the text of a file: UTF-8, UTF-16 with its mark (as spreadsheets write it), or Latin-1."""
    raw = path.read_bytes()
    marked = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in raw[:100_000] and not marked:
        kinds = "CSV (spreadsheets: save as CSV), JSON, printed text, a TensorBoard event file or a saved run"
        raise LogError(f"{path} is not a text file: a log is {kinds}.")
    try:
        return raw.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        if marked:
            raise LogError(f"{path} begins like UTF-16 text but is not ({error}): save it as UTF-8.") from error
        return raw.decode("latin-1")


def from_text(text: str, origin: str, told: Collection[str]) -> Table:
    """Read text of any kind: JSON, a file of CSV, lists that were printed, or what a training printed."""
    if not text.strip():
        raise LogError(f"{origin} is empty: was the training stopped before its first epoch?")
    suffix = Path(origin).suffix.lower()
    stripped = text.strip("\ufeff \t\r\n")
    if suffix == ".json" or stripped[0] in "{[":
        content = _json(stripped)
        if content is not None:
            return from_content(content, origin)
        if suffix == ".json":
            raise LogError(f"{origin} is not JSON, or nested too deeply for a log: save json.dumps(history.history).")
    if suffix in (".csv", ".tsv"):
        return _from_csv(stripped, origin)
    if lists := terminal_text.lists_in(text, told):
        return _from_lists(lists, origin)
    printed = terminal_text.Printed(text, told)
    table = _from_records(printed.rows, origin)
    table.facts, table.notes, table.structure = printed.facts, printed.notes, printed.structure
    lines = stripped.splitlines()
    table.looks_like = f"looks like text of {len(lines)} lines (it begins {lines[0].strip()[:60]!r})"
    return table


def _json(text: str) -> Any:
    """Return what JSON holds; a list if each line is an object of its own; None if it is neither."""
    for parts in ([text], text.splitlines()):
        try:
            found = [json.loads(part) for part in parts if part.strip()]
        except (json.JSONDecodeError, RecursionError):
            continue
        return found[0] if parts == [text] else found
    return None


def _from_csv(text: str, origin: str) -> Table:
    """Read a table with a header; repeated headers are passed over, short rows filled with gaps."""
    text = text.lstrip("# \t\r\n")  # NumPy's savetxt
    first, *second = text.splitlines()[:2] or [""]
    delimiter = max(",;\t", key=first.count)
    if delimiter not in first and [len(line.split()) for line in second] == [len(first.split())]:
        delimiter = " "
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        rows = [[cell.strip() for cell in row] for row in rows if any(map(str.strip, row))]
    except csv.Error as error:
        raise LogError(f"{origin} is no table ({error}): a log is CSV with one header line.") from error
    header = rows[0] if rows else []
    refuse_repeated(header)
    body = [row for row in rows if row != header]
    if not body:
        raise LogError(f"{origin} holds no table: no rows under a header ({text[:80]!r}). Was it stopped early?")
    if {"Name", "State", "Runtime"} <= set(header):
        remedy = "export the curves of one run, run.history().to_csv('log.csv')"
        raise LogError(f"{origin} is Weights & Biases' table of runs, one row for each: {remedy}.")
    if long := [row for row in body if any(row[len(header) :])]:
        found = f"a row of {origin} has {len(long[0])} cells under a header of {len(header)}"
        remedy = "Decimal commas need another separator, such as a semicolon"
        raise LogError(f"{found}: {delimiter.join(long[0])[:80]!r}. {remedy}.")
    return from_cells(dict(zip(header, itertools.zip_longest(*body, fillvalue=""), strict=False)), origin)


def refuse_repeated(header: Sequence[str]) -> None:
    """Refuse a header in which a name stands twice."""
    for name in filter(None, header):
        if (times := header.count(name)) > 1:
            raise LogError(f"column {name!r} stands {times} times in the header: rename the others.")


def from_cells(named: Mapping[str, Sequence[object]], origin: str) -> Table:
    """Turn columns of cells into numbers, and keep those without any number as text."""
    columns = {name: np.array([_number(cell) for cell in cells], np.float64) for name, cells in named.items() if name}
    without = [name for name, values in columns.items() if np.isnan(values).all()]
    texts = {name: ["" if cell is None else str(cell).strip() for cell in named[name]] for name in without}
    return Table(columns, origin, texts=texts)


def _number(cell: object) -> float:
    """Return a cell as a float: what is no number is a gap (NaN), the text "nan" infinity."""
    try:
        return printed_number(cell) if isinstance(cell, str) else float(cell)
    except (TypeError, ValueError, OverflowError):
        return np.nan


def _from_records(rows: Sequence[Mapping[str, object]], origin: str) -> Table:
    """Turn records into columns; what a record does not have is a gap, Hugging Face's summary at the end no row."""
    rows = [row for row in rows if row and "train_runtime" not in row]
    names = dict.fromkeys(name for row in rows for name in row)
    return from_cells({name: [row.get(name) for row in rows] for name in names}, origin)


def from_content(content: object, origin: str) -> Table:
    """Read a dict of lists, a list of dicts, or a dict that holds either, as Hugging Face's ``trainer_state.json``."""
    if isinstance(content, Mapping):
        flat = flat_record(content)
        records = [value for value in flat.values() if _is_records(value)]
        no_list = str | bytes | Mapping
        lists = {n: cells for n, cells in flat.items() if hasattr(cells, "__len__") and not isinstance(cells, no_list)}
        if any(map(canonical_name, lists)) or (lists and not records):
            return _from_lists(lists, origin)
        if not records:
            got = f"got {list(content)!r:.80}"
            raise LogError(f"the {origin} holds no list of values, {got}: pass {{'val_loss': [...], ...}}.")
        content = max(records, key=lambda found: any(map(canonical_name, flat_record(found[0]))))
    if not _is_records(content):
        raise LogError(f"{origin} holds a {type(content).__name__}: it should hold {{'val_loss': [...], ...}}.")
    return _from_records([flat_record(record) for record in content], origin)


def _is_records(content: object) -> bool:
    return isinstance(content, list) and bool(content) and all(isinstance(record, Mapping) for record in content)


def _from_lists(lists: Mapping[str, Sequence[object]], origin: str) -> Table:
    """Keep lists that have one value per epoch; of those that mean nothing to us nothing is asked."""
    read = {name: values for name, values in lists.items() if canonical_name(name) or position(name)} or lists
    lengths = {name: len(values) for name, values in read.items()}
    if len(set(lengths.values())) > 1:
        remedy = "log every metric in every epoch (with Keras' validation_freq, read the file of its CSVLogger)"
        raise LogError(f"columns of a {origin} must be equally long, got {lengths}: {remedy}.")
    n_epochs = next(iter(lengths.values()))
    table = from_cells({name: values for name, values in lists.items() if len(values) == n_epochs}, origin)
    # Nothing was left out of a list: where no curve has a number, the losses were not finite.
    curves = [table.columns[name] for name in read if not position(name)]
    without = np.all([np.isnan(values) for values in curves], axis=0)
    for values in curves:
        values[without] = np.inf
    return table


def _from_series(series: Series, origin: str) -> Table:
    """Put curves that have steps of their own into rows, one for each step of any of them."""
    notes = _put_on_one_scale(series)
    steps = sorted(set().union(*series.values()))
    columns = {name: np.array([curve.get(step, np.nan) for step in steps]) for name, curve in series.items()}
    return Table(columns | {"step": np.array(steps, np.float64)}, origin, notes=notes)


def _put_on_one_scale(series: Series) -> list[str]:
    """Spread validations that are counted by epoch over a training that is counted by step, and say so."""
    validations, trainings = (
        {name: curve for name, curve in series.items() if which in (canonical_name(name) or "")}
        for which in ("val_", "train_")
    )
    counted = sorted(set().union(*validations.values()))
    n, last = len(counted), max(set().union(*trainings.values()), default=0)
    if n < 2 or counted not in (list(range(n)), list(range(1, n + 1))) or last < FEWEST_STEPS * n:
        return []
    for name, curve in validations.items():
        series[name] = {(step - counted[0] + 1) * last // n: value for step, value in curve.items()}
    said = f"Training reaches step {last} and validation step {counted[-1]}"
    return [f"{said}: the steps of validation were read as epochs of equal length."]


def _series_at(path: Path) -> Series:
    """Read TensorBoard's event files, or the folder in which MLflow or DVCLive keeps a run's metrics."""
    files = [path] if path.is_file() else sorted(path.rglob("*tfevents*"))
    if files:
        return _event_series(files, path)
    folders = [path] if path.name == "metrics" else sorted(found for found in path.rglob("metrics") if found.is_dir())
    folders = [folder for folder in folders if folders[0] not in folder.parents]
    if len(folders) == 1:
        return _metric_series(folders[0])
    if folders:
        raise LogError(f"{path} holds {len(folders)} runs of MLflow: pass the folder of one, such as {folders[0]}.")
    logs = ", ".join(sorted(file.name for file in path.iterdir() if file.suffix in (".csv", ".json"))) or "none"
    what = f"no event file (*tfevents*) in {path}, and no metrics of MLflow or DVCLive"
    raise LogError(f"there is {what}: pass TensorBoard's folder, or a log (CSV and JSON in this folder: {logs}).")


def _metric_series(folder: Path) -> Series:
    """Read a file for each metric: MLflow's lines of time, value and step, or DVCLive's table of step and value."""
    series: Series = {}
    for file in sorted(found for found in folder.rglob("*") if found.is_file()):
        is_table = file.suffix == ".tsv"
        lines = [line.split("\t" if is_table else None) for line in _decoded(file).splitlines()]
        try:
            header = lines.pop(0) if is_table else ["timestamp", "value", "step"]
            value = next(i for i, name in enumerate(header) if name not in ("timestamp", "step"))
            values = [float(line[value]) for line in lines]
            step = header.index("step")
            steps = [int(line[step]) if len(line) > step else 0 for line in lines]  # MLflow's first versions have none
        except (IndexError, ValueError, StopIteration) as error:
            remedy = "a line has time, value and step, or a table columns of step and value"
            raise LogError(f"{file} is no metric of MLflow or DVCLive ({error}): {remedy}.") from error
        if len(set(steps)) == 1:  # logged without steps
            steps = range(len(values))
        curve = {step: np.inf if np.isnan(value) else value for step, value in zip(steps, values, strict=True)}
        series[file.relative_to(folder).as_posix().removesuffix(".tsv")] = curve
    return series


def _event_series(files: Sequence[Path], path: Path) -> Series:
    """Read the scalars of event files, each as far as it is whole: a training that was killed leaves half a record."""
    series: Series = {}
    events = _event_reader()
    # What tells the folders apart may say which set a file is for: ``validation/``.
    common = Path(os.path.commonpath([file.parent for file in files]))
    if common.name in SETS and path in common.parents:
        common = common.parent
    for file in files:
        prefix = "".join(f"{part}/" for part in file.parent.relative_to(common).parts)
        try:
            for event in events(str(file)):
                for value in event.summary.value:
                    if (scalar := _scalar(value)) is not None:
                        series.setdefault(prefix + value.tag, {})[event.step] = scalar
        except Exception:  # TensorFlow's or TensorBoard's own
            continue
    if not series:
        remedy = "close the writer first, it writes late"
        raise LogError(f"no scalar in {', '.join(map(str, files))}: empty, damaged or no event file ({remedy}).")
    return series


def _event_reader() -> Callable[[str], Iterable[Any]]:
    """Return what gives the events of a file: TensorBoard's reader, else TensorFlow's."""
    try:
        from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
        from tensorboard.compat.proto.event_pb2 import Event
    except ImportError:
        try:
            import tensorflow
        except ImportError as error:
            raise LogError("an event file needs TensorBoard's reader: pip install tensorboard, then again.") from error
        return tensorflow.compat.v1.train.summary_iterator
    return lambda file: map(Event.FromString, RawEventFileLoader(file).Load())


def _scalar(value: Any) -> float | None:
    """Return the floating-point number that a summary's value holds, if it holds one; not a number is infinity."""
    found, tensor = [value.simple_value] if value.HasField("simple_value") else [], value.tensor
    if value.HasField("tensor") and (kind := {1: "<f4", 2: "<f8"}.get(tensor.dtype)):
        found = [*tensor.float_val, *tensor.double_val, *np.frombuffer(tensor.tensor_content, kind)]
    if len(found) != 1:
        return None
    return np.inf if np.isnan(found[0]) else float(found[0])
