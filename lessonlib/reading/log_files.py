"""Training logs as tables of numbers: files, folders, pasted text and what is in memory.

What the names in them mean is the business of `lessonlib.reading.logs`. An empty cell is a gap (NaN); a NaN that was
written is a loss that is not finite, and becomes infinity.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonlib.reading import terminal_text
from lessonlib.reading.names import SPLITS, canonical_name, is_metric, measures_something, position
from lessonlib.reading.terminal_text import flat_record, printed_number

#: A file of a million rows has 100 MB; what is far larger is not a log of losses.
LARGEST_FILE_BYTES = 1_000_000_000
_PICKLES = {".pkl", ".pickle", ".npy", ".joblib", ".pt", ".pth"}

Columns = dict[str, NDArray[np.float64]]
#: Values by step, of curves that need not share their steps.
Series = dict[str, dict[int, float]]


class LogError(ValueError):
    """A log cannot be read; the message says why and what to do."""


def to_type(**columns: str) -> str:
    """Return what to pass, in Python and on the command line, where names are not recognised."""
    options = " ".join(f"--columns {ours}={theirs!r}" for ours, theirs in columns.items())
    return f"columns={columns} ({options})"


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
    series: bool = False  # whether the curves were kept apart, each with steps of its own
    dense: bool = False  # whether every row is an epoch, even one without a number in it


def from_path(path: Path, told: Collection[str]) -> Table:
    """Read a file or a folder; `told` are names in it that are metrics."""
    if not path.exists():
        raise FileNotFoundError(f"there is no log at {path}. Pasted text has line breaks (command line: -).")
    if path.is_dir() or "tfevents" in path.name:
        return from_series(_series_at(path), path.name)
    if path.suffix in _PICKLES:
        remedy = "save json.dumps(history.history) to a .json file, or open it yourself and pass the dict"
        raise LogError(f"{path} can run code when it is opened, so it is not: {remedy}.")
    if (size := path.stat().st_size) > LARGEST_FILE_BYTES:
        raise LogError(f"{path} has {size / 1e9:.1f} GB, which is no log of losses: pass a row an epoch.")
    return from_text(_decoded(path), path.name, told)


def from_text(text: str, origin: str, told: Collection[str]) -> Table:
    """Read text of any kind: JSON, a table with a header, or what a training printed."""
    if not text.strip():
        raise LogError(f"{origin} is empty: was the training stopped before its first epoch?")
    suffix = Path(origin).suffix.lower()
    stripped = text.lstrip("\ufeff \t\r\n")
    if suffix == ".json" or stripped[0] in "{[":
        content = _json(stripped)
        if content is not None:
            return from_content(content, origin)
        if suffix == ".json":
            raise LogError(f"{origin} is not JSON, or nested too deeply for a log: save json.dumps(history.history).")
    if _begins_a_table(stripped, suffix, told):
        return _parse_table(text, origin)
    lists = terminal_text.lists_in(text, told)
    if lists:
        return _equally_long({name: np.array(values) for name, values in lists.items()}, origin)
    printed = terminal_text.Printed(text, told)
    table = _from_rows([row for row in printed.rows if row], origin)
    lines = stripped.rstrip().splitlines()
    said = f"looks like text of {len(lines)} lines (it begins {lines[0].strip()[:60]!r})"
    about = {"facts": printed.facts, "notes": printed.notes, "structure": printed.structure, "looks_like": said}
    return dataclasses.replace(table, **about)


def _begins_a_table(text: str, suffix: str, told: Collection[str]) -> bool:
    """Tell whether a text is one table: a header of names without numbers, and rows with as many cells."""
    lines = [line for line in text.splitlines()[:3] if line.strip(" #\t")]
    if suffix in (".csv", ".tsv") or not lines:
        return True
    delimiter = _delimiter([line.lstrip("# ") for line in lines])
    header = next(csv.reader([lines[0].lstrip("# ")], delimiter=delimiter))
    if len(lines) < 2:
        return len(header) > 1 and any(map(canonical_name, header))
    cells = next(csv.reader([lines[1]], delimiter=delimiter), [])
    known = any(is_metric(name, told) or position(name) or measures_something(name) for name in header)
    named = not any(re.search(r"[:=|│┃]|^\s*[-+\d.]+%?\s*$", name) for name in header if name)
    filled = any(np.isfinite(number(cell)) for cell in cells)
    return known and named and filled and len(cells) == len(header)


def _decoded(path: Path) -> str:
    """Return the text of a file: UTF-8, UTF-16 with its mark (as spreadsheets write it), or Latin-1."""
    raw = path.read_bytes()
    if not raw.strip():
        raise LogError(f"{path} is empty: was the training stopped before its first epoch?")
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


def _json(text: str) -> Any:
    """Return what JSON holds; a list if each line is an object of its own; None if it is neither."""
    for parts in ([text], text.splitlines()):
        try:
            found = [json.loads(part) for part in parts if part.strip()]
        except (json.JSONDecodeError, RecursionError):
            continue
        return found[0] if parts == [text] else found
    return None


def _parse_table(text: str, origin: str) -> Table:
    """Read a table with a header; repeated headers are passed over, short rows filled with gaps."""
    text = re.sub(r"^\s*#\s*", "", text)  # NumPy's savetxt
    lines = text.lstrip().splitlines()
    if not lines:
        raise LogError(f"{origin} holds no table: a log is CSV with one header line.")
    delimiter = _delimiter(lines)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        header = [name.strip() for name in next(row for row in rows if any(cell.strip() for cell in row))]
        refuse_repeated(header)
        body = [row for row in rows if row and (row[0].strip() != header[0] or list(map(str.strip, row)) != header)]
    except (csv.Error, StopIteration) as error:  # StopIteration: no row has a name in it
        raise LogError(f"{origin} is not a table ({error}): a log is CSV with one header line.") from error
    if not body:
        raise LogError(f"{origin} has a header ({lines[0][:80]!r}) and no rows: was the training stopped early?")
    if {"Name", "State", "Runtime"} <= set(header):
        remedy = "export the curves of one run, run.history().to_csv('log.csv')"
        raise LogError(f"{origin} is Weights & Biases' table of runs, one row for each: {remedy}.")
    if long := [row for row in body if any(cell.strip() for cell in row[len(header) :])]:
        row = f"a row of {origin} has {len(long[0])} cells under a header of {len(header)}"
        remedy = "Decimal commas need another separator, such as a semicolon"
        raise LogError(f"{row}: {delimiter.join(long[0])[:80]!r}. {remedy}.")
    cells = itertools.zip_longest(*body, fillvalue="")
    named = {name: column for name, column in zip(header, cells, strict=False) if name}
    return from_cells(named, origin)


def from_cells(named: Mapping[str, Sequence[object]], origin: str) -> Table:
    """Turn columns of cells into numbers, and keep those without any number as text."""
    columns = {name: numbers(column) for name, column in named.items()}
    without = [name for name, values in columns.items() if np.isnan(values).all()]
    return Table(columns, origin, texts={name: [str(cell).strip() for cell in named[name]] for name in without})


def _from_rows(rows: Sequence[Mapping[str, object]], origin: str) -> Table:
    """Turn records into columns; what a record does not have is a gap."""
    names = dict.fromkeys(name for row in rows for name in row)
    return from_cells({name: [row.get(name, np.nan) for row in rows] for name in names}, origin)


def _delimiter(lines: Sequence[str]) -> str:
    """Return what separates the names of the header: spaces only where the first row has as many cells."""
    delimiter = max(",;\t", key=lines[0].count)
    n_words = len(lines[0].split())
    if lines[0].count(delimiter) == 0 and n_words > 1 and len(lines) > 1 and len(lines[1].split()) == n_words:
        return " "
    return delimiter


def refuse_repeated(header: Sequence[str]) -> None:
    """Refuse a header in which a name stands twice."""
    for name in sorted(set(filter(None, header))):
        if (times := header.count(name)) > 1:
            raise LogError(f"column {name!r} stands {times} times in the header: rename the others.")


def numbers(cells: Sequence[Any]) -> NDArray[np.float64]:
    """Return a column as floats: what is no number is a gap (NaN), the text "nan" infinity."""
    try:
        values = np.asarray(cells, dtype=np.float64)
    except (TypeError, ValueError):
        return np.array([number(cell) for cell in cells])
    if values.ndim != 1:
        return np.full(len(cells), np.nan)
    return np.where(np.isnan(values), np.inf, values) if isinstance(next(iter(cells), None), str) else values


def number(value: object) -> float:
    """Return one cell as a float, whether its decimals stand behind a point or a comma."""
    found = printed_number(str(value).replace(",", "."))
    return np.nan if np.isinf(found) and isinstance(value, float) and np.isnan(value) else found


def from_content(content: object, origin: str) -> Table:
    """Read a dict of lists, a list of dicts, or a dict that holds either, as Hugging Face's ``trainer_state.json``."""
    if isinstance(content, Mapping):
        flat = flat_record(content)
        sequences = {name: values for name, values in flat.items() if hasattr(values, "__len__")}
        vectors = {n: numbers(v) for n, v in sequences.items() if not isinstance(v, str | bytes | Mapping)}
        lists = [value for value in [*content.values(), *flat.values()] if _is_records(value)]
        named = [records for records in lists if any(map(canonical_name, flat_record(records[0])))]
        if any(map(canonical_name, vectors)) or (vectors and not lists):
            return _equally_long(vectors, origin)
        if not lists:
            got = f"got {list(content)!r:.80}"
            raise LogError(f"the {origin} holds no list of values, {got}: pass {{'val_loss': [...], ...}}.")
        content = [*named, *lists][0]
    if not _is_records(content):
        raise LogError(f"{origin} holds a {type(content).__name__}: it should hold {{'val_loss': [...], ...}}.")
    # Hugging Face's summary at the end is no row.
    return _from_rows([flat_record(record) for record in content if "train_runtime" not in record], origin)


def _equally_long(vectors: Columns, origin: str) -> Table:
    """Keep columns that have one value per row; of those that mean nothing to us nothing is asked."""
    read = {name: values for name, values in vectors.items() if canonical_name(name) or position(name)}
    lengths = {name: len(values) for name, values in (read or vectors).items()}
    if len(set(lengths.values())) > 1:
        remedy = "log every metric in every epoch (with Keras' validation_freq, read the file of its CSVLogger)"
        raise LogError(f"columns of a {origin} must be equally long, got {lengths}: {remedy}.")
    n_rows = next(iter(lengths.values()))
    return Table({name: values for name, values in vectors.items() if len(values) == n_rows}, origin, dense=True)


def _is_records(content: object) -> bool:
    return isinstance(content, list) and bool(content) and all(isinstance(record, Mapping) for record in content)


def from_series(series: Series, origin: str) -> Table:
    """Put curves that have steps of their own into rows, one for each step of any of them."""
    steps = sorted(set().union(*series.values()))
    columns = {name: np.array([curve.get(step, np.nan) for step in steps]) for name, curve in series.items()}
    return Table(columns | {"step": np.array(steps, np.float64)}, origin, series=True)


def _series_at(path: Path) -> Series:
    """Read TensorBoard's event files, or the folder in which MLflow or DVCLive keeps a run's metrics."""
    if path.is_file():
        return _event_series([path], [""])
    files = sorted(path.rglob("*tfevents*"))
    if files:
        return _event_series(files, _prefixes([file.parent.relative_to(path).parts for file in files]))
    if tables := sorted(path.rglob("metrics/**/*.tsv")) or sorted(path.rglob("*.tsv")):
        return _dvclive_series(tables)
    own = [folder for folder in (path / "metrics", path) if folder.name == "metrics" and folder.is_dir()]
    metrics = own[:1] or sorted(found for found in path.rglob("metrics") if found.is_dir())
    if len(metrics) == 1:
        return _mlflow_series(metrics[0])
    if metrics:
        raise LogError(f"{path} holds {len(metrics)} runs of MLflow: pass the folder of one, such as {metrics[0]}.")
    logs = ", ".join(sorted(file.name for file in path.iterdir() if file.suffix in (".csv", ".json"))) or "none"
    what = f"no event file (*tfevents*) in {path}, and no metrics of MLflow or DVCLive"
    raise LogError(f"there is {what}: pass TensorBoard's folder, or a log (CSV and JSON in this folder: {logs}).")


def _event_series(files: Iterable[Path], prefixes: Iterable[str]) -> Series:
    """Read scalars of event files; a last record that was cut off, as by a killed training, is passed over."""
    series: Series = {}
    for file, prefix in zip(files, prefixes, strict=True):
        if file.stat().st_size == 0:
            raise LogError(f"{file} is empty: TensorBoard files are written when the writer is flushed or closed.")
        is_event_file = False
        try:
            for event in _events(file):
                is_event_file = True
                for value in event.summary.value:
                    if (scalar := _scalar(value)) is not None:
                        series.setdefault(prefix + value.tag, {})[event.step] = scalar
        except LogError:
            raise
        except Exception as error:  # TensorFlow's or TensorBoard's own
            if not is_event_file or type(error).__name__ != "DataLossError":
                raise LogError(f"{file} is no event file, or damaged ({type(error).__name__}).") from error
    if not series:
        raise LogError(f"there is no scalar in {', '.join(map(str, files))}: no event file, or damaged.")
    return series


def _events(file: Path) -> Iterator[Any]:
    """Give the events of a file with TensorBoard's reader, else TensorFlow's."""
    try:
        from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
        from tensorboard.compat.proto import event_pb2
    except ImportError:
        try:
            import tensorflow
        except ImportError as error:
            raise LogError(f"{file} needs TensorBoard's reader: pip install tensorboard, then again.") from error
        yield from tensorflow.compat.v1.train.summary_iterator(str(file))
        return
    yield from map(event_pb2.Event.FromString, RawEventFileLoader(str(file)).Load())


def _scalar(value: Any) -> float | None:
    """Return the floating-point number that a summary's value holds, if it holds one; not a number is infinity."""
    found, tensor = [value.simple_value] if value.HasField("simple_value") else [], value.tensor
    if value.HasField("tensor") and (kind := {1: "<f4", 2: "<f8"}.get(tensor.dtype)):
        found = [*tensor.float_val, *tensor.double_val, *np.frombuffer(tensor.tensor_content, kind)]
    if len(found) != 1:
        return None
    return np.inf if np.isnan(found[0]) else float(found[0])


def _prefixes(folders: list[tuple[str, ...]]) -> list[str]:
    """Return what tells the folders apart, and which set a folder is for: ``validation/``."""
    common = 0
    while all(len(parts) > common and parts[: common + 1] == folders[0][: common + 1] for parts in folders):
        common += 1
    if common and folders[0][common - 1] in SPLITS:
        common -= 1
    return ["".join(f"{part}/" for part in parts[common:]) for parts in folders]


def _mlflow_series(folder: Path) -> Series:
    """Read MLflow's metrics: a file for each, with time, value and step in each line."""
    series: Series = {}
    for file in sorted(found for found in folder.rglob("*") if found.is_file()):
        points = [line.split() for line in _decoded(file).splitlines()]
        try:
            values = [float(point[1]) for point in points]
            steps = [int(point[2]) if len(point) > 2 else 0 for point in points]
        except (IndexError, ValueError) as error:
            raise LogError(f"{file} is no metric of MLflow ({error}): a line has time, value and step.") from error
        if len(set(steps)) == 1:  # logged without steps
            steps = range(len(values))
        curve = {step: np.inf if np.isnan(value) else value for step, value in zip(steps, values, strict=True)}
        series[file.relative_to(folder).as_posix()] = curve
    return series


def _dvclive_series(files: Sequence[Path]) -> Series:
    """Read DVCLive's metrics: a file for each, a table of step and value."""
    series: Series = {}
    for file in files:
        table = _parse_table(_decoded(file), file.name).columns
        value = next((name for name in table if not position(name) and name != "timestamp"), None)
        if "step" in table and value is not None:
            parts = file.with_suffix("").parts
            below = parts[max((i for i, part in enumerate(parts) if part == "metrics"), default=len(parts) - 2) + 1 :]
            series["/".join(below)] = dict(zip(table["step"].astype(int).tolist(), table[value].tolist(), strict=True))
    if not series:
        raise LogError(f"{files[0].parent} holds tables that are not DVCLive's: pass one of them, such as {files[0]}.")
    return series
