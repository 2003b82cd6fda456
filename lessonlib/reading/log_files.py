"""Files of training logs as numbers: tables (CSV and its kin), JSON, MLflow's folders, TensorBoard's event files.

What the names in them mean is the business of `lessonlib.reading.logs`. An empty cell is a gap (NaN); a NaN
that was written is
a loss that is not finite, and becomes infinity.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonlib.reading import event_files
from lessonlib.reading.event_files import LogError

#: A file of a million rows has 100 MB; what is far larger is not a log of losses.
LARGEST_FILE_BYTES = 1_000_000_000
#: Folders in which TensorBoard keeps one set's curves each.
_SPLIT_FOLDERS = {"train", "training", "val", "valid", "validation", "eval", "test"}
_PICKLES = {".pkl", ".pickle", ".npy", ".joblib", ".pt", ".pth"}

Columns = dict[str, NDArray[np.float64]]
#: Values by step, of curves that need not share their steps.
Series = dict[str, dict[int, float]]


# ---- text -------------------------------------------------------------------------------------------------------


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises
    ------
    LogError
        If it is empty, far too large or not a text.
    OSError
        If it cannot be read.
    """
    if path.suffix in _PICKLES:
        raise LogError(
            f"{path} can run code when it is opened, so it is not: save json.dumps(history.history) to a .json file, "
            "or open it yourself and pass the dict to lessonlib.reading.reader.read."
        )
    if path.stat().st_size > LARGEST_FILE_BYTES:
        raise LogError(
            f"{path} has {path.stat().st_size / 1e9:.1f} GB, which is no log of losses: pass one row per epoch."
        )
    return _decoded(path.read_bytes(), path)


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
        raise LogError(
            f"{path} is not a text file: a log is CSV (spreadsheets: save as CSV), JSON, a TensorBoard event file "
            "or a saved run."
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def parse_json(text: str, path: Path) -> Any:
    """Return what JSON holds; a list if each line is an object of its own, as DeiT and detectron2 log."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise LogError(f"{path} is nested too deeply for a log: save json.dumps(history.history).") from error
    except json.JSONDecodeError as error:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except (json.JSONDecodeError, RecursionError):
            raise LogError(f"{path} is not JSON ({error}): save json.dumps(history.history).") from error


# ---- tables -----------------------------------------------------------------------------------------------------


def parse_table(text: str, path: Path) -> Columns:
    """Read a table with a header; repeated headers are passed over, short rows filled with gaps."""
    text = re.sub(r"^\s*#\s*", "", text)  # NumPy's savetxt
    lines = text.lstrip().splitlines()
    if not lines:
        raise LogError(f"{path} holds no table: a log is CSV with one header line.")
    delimiter = _delimiter(lines)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        header = [name.strip() for name in next(row for row in rows if any(cell.strip() for cell in row))]
        refuse_repeated(header)
        body = [row for row in rows if row and not _is_header(row, header)]
    except (csv.Error, StopIteration) as error:  # StopIteration: no row has a name in it
        raise LogError(f"{path} is not a table ({error}): a log is CSV with one header line.") from error
    if not body:
        raise LogError(f"{path} has a header ({lines[0][:80]!r}) and no rows: was the training stopped early?")
    if {"Name", "State", "Runtime"} <= set(header):
        raise LogError(
            f"{path} is Weights & Biases' table of runs, one row for each: export the curves of one run, "
            "run.history().to_csv('log.csv')."
        )
    for row in body:
        if any(cell.strip() for cell in row[len(header) :]):
            raise LogError(
                f"a row of {path} has {len(row)} cells under a header of {len(header)}: {delimiter.join(row)[:80]!r}. "
                "Decimal commas need another separator, such as a semicolon."
            )
    cells = itertools.zip_longest(*body, fillvalue="")
    return {name: _numbers_of_cells(column) for name, column in zip(header, cells, strict=False) if name}


def _delimiter(lines: Sequence[str]) -> str:
    """Return what separates the names of the header: spaces only where the first row has as many cells."""
    delimiter = max(",;\t", key=lines[0].count)
    n_words = len(lines[0].split())
    if lines[0].count(delimiter) == 0 and n_words > 1 and len(lines) > 1 and len(lines[1].split()) == n_words:
        return " "
    return delimiter


def _is_header(row: list[str], header: list[str]) -> bool:
    return row[0].strip() == header[0] and [cell.strip() for cell in row] == header


def refuse_repeated(header: Sequence[str]) -> None:
    """Refuse a header in which a name stands twice."""
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
        return np.array([number(cell) for cell in cells])
    return np.where(np.isnan(numbers), np.inf, numbers)  # written as NaN


def number(value: object) -> float:
    """Return one cell as a float: what is no number is a gap (NaN), the text "nan" is infinity."""
    text = str(value).strip()
    try:
        found = float(text)
    except ValueError:
        try:
            found = float(text.removesuffix("%").replace(",", "."))
        except ValueError:
            return np.nan
    return np.inf if np.isnan(found) and isinstance(value, str) else found


# ---- folders ----------------------------------------------------------------------------------------------------


def read_curves(path: Path) -> Series:
    """Read TensorBoard's event files, one or all in a folder, or the folder in which MLflow keeps a run's metrics.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to dict of int to float
        Values by step, the later of two at one step.

    Raises
    ------
    LogError
        If there is nothing of the kind, or an event file is damaged.
    OSError
        If a file cannot be read.
    """
    if path.is_file():
        return _event_series([path], [""])
    files = sorted(path.rglob("*tfevents*"))
    if files:
        return _event_series(files, _prefixes([file.parent.relative_to(path).parts for file in files]))
    own = [folder for folder in (path / "metrics", path) if folder.name == "metrics" and folder.is_dir()]
    metrics = own[:1] or sorted(found for found in path.rglob("metrics") if found.is_dir())
    if len(metrics) == 1:
        return _mlflow_series(metrics[0])
    if metrics:
        raise LogError(f"{path} holds {len(metrics)} runs of MLflow: pass the folder of one, such as {metrics[0]}.")
    logs = ", ".join(sorted(file.name for file in path.iterdir() if file.suffix in (".csv", ".json"))) or "none"
    raise LogError(
        f"there is no event file (*tfevents*) in {path}, and no metrics of MLflow: pass the folder given to "
        f"TensorBoard, or a log as a file (CSV and JSON in this folder: {logs})."
    )


def _event_series(files: Iterable[Path], prefixes: Iterable[str]) -> Series:
    series: Series = {}
    for file, prefix in zip(files, prefixes, strict=True):
        for tag, step, value in event_files.scalars(file):
            series.setdefault(prefix + tag, {})[step] = np.inf if np.isnan(value) else value
    return series


def _prefixes(folders: list[tuple[str, ...]]) -> list[str]:
    """Return what tells the folders apart, and which set a folder is for: ``validation/``."""
    common = 0
    while all(len(parts) > common and parts[: common + 1] == folders[0][: common + 1] for parts in folders):
        common += 1
    if common and folders[0][common - 1] in _SPLIT_FOLDERS:
        common -= 1
    return ["".join(f"{part}/" for part in parts[common:]) for parts in folders]


def _mlflow_series(folder: Path) -> Series:
    """Read MLflow's metrics: a file for each, with time, value and step in each line."""
    series: Series = {}
    for file in sorted(found for found in folder.rglob("*") if found.is_file()):
        points = [line.split() for line in _decoded(file.read_bytes(), file).splitlines()]
        try:
            values = [np.inf if np.isnan(value) else value for value in (float(point[1]) for point in points)]
            steps = [int(point[2]) if len(point) > 2 else 0 for point in points]
        except (IndexError, ValueError) as error:
            raise LogError(f"{file} is no metric of MLflow ({error}): a line has time, value and step.") from error
        if len(set(steps)) == 1:  # logged without steps
            steps = list(range(len(values)))
        series[file.relative_to(folder).as_posix()] = dict(zip(steps, values, strict=True))
    return series
