"""What a training printed, as rows of named numbers: progress bars, ``key value`` lines, logging, tables, dicts.

A number's name is the text between it and what stands before it; a line that names an epoch or a set ("Epoch 3/12",
"Validation:") speaks for the lines below it. Which name is which metric is the business of `lessonlib.reading.names`.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from lessonlib.reading import names

Row = dict[str, Any]

#: Colours, and the marks of a quoted mail.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|^>[> ]*", re.MULTILINE)
_NUMBER = re.compile(
    r"(?<![\w.@/])(?P<value>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|(?i:[-+]?\b(?:nan|inf(?:inity)?)\b))"
    r"(?:\s?(?P<percent>%)|/\s*(?P<total>\d{1,15})(?!\d)|f0\b|(?P<junk>[A-Za-z_]\w*|:\d[\d:]*))?"
)
#: Lines that replace what they showed before: bars, and running means in brackets, ``Loss 0.71 (0.69)``.
_PROGRESS = re.compile(r"ETA|/step|it/s|s/it|%\||\[=*[>.=]+\]|━|\d\s*\(\s*\d+\.\d[^%)/]{0,9}\)|^\s*\*")
_HEADER = re.compile(r"\W*epoch\W*\d+(?:\W+\d+)?\W*", re.IGNORECASE)
_RULE = re.compile(r"[\s|+:=,;\-─━═┃│┏┓┗┛┡┩└┘├┤┼╇┳┻┬┴╞╡╪]*")
#: Ways to part the cells of a table's line, and the bars at either end of it; a value is in no header.
_PARTINGS = tuple(map(re.compile, (r"[│┃|]", r"\t", r"\s{2,}", r";", r",", r"\s+")))
_ENDS = re.compile(r"^[\s#]*[│┃|]?|[│┃|]?\s*$")
_VALUE = re.compile(r"(?:^|[\s=:|│┃,;])[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?%?(?=$|[\s|│┃,;\])])")
_LINES = [(re.compile(line["written"]), line["meant"]) for line in names.WRITTEN["lines"]]


def lists_in(text: str, told: Collection[str]) -> dict[str, list[float]]:
    """Return the lists of numbers that a text assigns to metrics: ``val_loss = [0.7, 0.5]``, ``{'loss': [...]}``."""
    found: dict[str, list[float]] = {}
    if not re.search(r"[:=]\s*(?:[\w.]+\()?\[\s*[-\w.(]", text):
        return found
    for name, numbers in re.findall(r"([A-Za-z_][\w ./-]*?)['\"]?\s*[:=]\s*\[([^\[\]{}]*)\]", _unwrapped(text)):
        values = [printed_number(part) for part in numbers.split(",") if part.strip()]
        if len(values) > 1 and (name.strip() in told or names.canonical_name(name.strip())):
            found[name.strip()] = values
    return found


def _unwrapped(text: str) -> str:
    """Return a text with ``np.float32(0.5)``, ``tensor(0.5, device=...)`` and ``array([...])`` as plain numbers."""
    return re.sub(r"(?:np\.|numpy\.)?\b(?:float\d+|array|tensor)\((\[[^()]*\]|[^(),]*)[^()]*\)", r"\1", text)


def printed_number(text: str) -> float:
    """Return a printed number, with point or comma; "nan" is a loss that is not finite, anything else a gap."""
    try:
        value = float(text.replace(",", ".").strip().removesuffix("%"))
    except ValueError:
        return np.nan
    return np.inf if np.isnan(value) else value


def flat_record(content: Mapping[Any, Any], prefix: str = "", depth: int = 3) -> Row:
    """Name what is nested by its path, ``train/loss``; pandas' ``{"0": 1.2, "1": 0.9}`` is a list."""
    flat: Row = {}
    for key, value in content.items():
        if isinstance(value, Mapping) and value and all(str(index).isdigit() for index in value):
            value = list(value.values())
        nested = isinstance(value, Mapping) and depth
        flat |= flat_record(value, f"{prefix}{key}/", depth - 1) if nested else {f"{prefix}{key}": value}
    return flat


class Printed:
    """What a text says: `rows` in their order, sizes that it names (`facts`), `notes` and `structure` as of a `Run`.

    With or without carriage returns, backspaces, colours and log prefixes. `told` are names that are metrics.
    """

    def __init__(self, text: str, told: Collection[str]) -> None:
        self.rows: list[Row] = []
        self.notes: list[str] = []
        self.structure: list[str] = []
        self.facts: dict[str, int] = {}
        for size in names.WRITTEN["sizes"]:
            for match in re.finditer(size["written"], text):
                self.facts = {name: int(value) for name, value in match.groupdict().items() if value} | self.facts
        self._told = told
        # What the lines above have said: the epoch, the set, the row that goes on and how far each of its bars was.
        self._position: Row = {}
        self._section, self._sets = "", []
        self._open: Row | None = None
        self._shown: dict[str, tuple[float, int]] = {}
        self._late, self._first_headed = -1, 0
        # The table above: its header, what parts its cells, cells of the index, whether the last line was its.
        self._header: list[str] = []
        self._parting, self._n_index, self._in_table, self._unfit = _PARTINGS[0], 0, False, 0
        self._read(_CONTROL.sub("", text))
        headless = self.rows[: self._first_headed]
        numbered = [row for row in headless if any(map(names.position, row))]
        if len(numbered) < len(headless) < len(self.rows):
            self.rows[: len(headless)] = numbered
            self.notes.append("Values before the first epoch's header were left out.")

    def _read(self, text: str) -> None:
        """Read all lines."""
        if not re.search(r"\d\.\d", text) and re.search(r"(?<![\d,])0,\d", text):
            self.notes.append("Commas between digits were read as decimal points.")
            text = re.sub(r"(?<=\d),(?=\d)", ".", text)
        text = re.sub(r"(?i)best iteration is:?\s*\n.*", "", text)  # LightGBM, and below Hugging Face: a summary
        lines = re.split(r"[\r\n\x08]+", _unwrapped(text))
        lines = [line for line in lines if line.strip() and "train_runtime" not in line]
        for at, line in enumerate(lines):
            if self._begins_table(lines[at : at + 4]):
                self._open, self._in_table = None, True
            elif row := self._row_of_table(line):
                self.rows.append(row)
                self._open, self._in_table = None, True
            elif not _RULE.fullmatch(line):
                self._in_table = False
                self._line(line)
        if self.rows and self._late == len(self.rows) - 1:
            del self.rows[-1]
            self.structure.append("A later evaluation, printed after the last epoch, was left out.")
        if self._unfit:
            self.structure.append(f"Rows with fewer values than the table's header has names: {self._unfit}, left out.")

    def _begins_table(self, lines: list[str]) -> bool:
        """Tell whether the first of some lines is the header of those that follow, and remember it."""
        first, *others = lines
        body = next((line for line in others if not _RULE.fullmatch(line)), "")
        for parting in () if _VALUE.search(first) else _PARTINGS:
            header, cells = _cells(first, parting), _cells(body, parting)
            n_index = len(cells) - len(header)  # a printed DataFrame has an index without a name
            is_column = len(header) == 1 and np.isfinite(printed_number(body))
            if is_column or (len(header) > 1 and n_index in (0, int(parting.pattern == r"\s{2,}"))):
                break
        else:
            return False
        known = any(name in self._told or names.measures_something(name) for name in header)
        if not known or len(set(header)) < len(header) or not np.isfinite(list(map(printed_number, cells))).any():
            return False
        self._header, self._parting, self._n_index = header, parting, n_index
        return True

    def _row_of_table(self, line: str) -> Row | None:
        """Return a line as a row of the table above, if it is one, whatever stands between: it has mostly numbers."""
        cells = _cells(line, self._parting)[self._n_index :]
        are_numbers = np.isfinite(list(map(printed_number, cells)))
        if not are_numbers.any() or not (self._in_table or are_numbers[0] or are_numbers.mean() > 0.5):
            return None
        n_names = len(self._header)
        if len(cells) > n_names and not are_numbers[n_names:].any():  # a mark behind the row
            cells = cells[:n_names]
        if 1 < len(cells) < n_names:
            if r"\s" not in self._parting.pattern:  # a row that is cut short has gaps
                cells += [""] * (n_names - len(cells))
            elif are_numbers.all():
                self._unfit += 1
        return dict(zip(self._header, cells, strict=True)) if len(cells) == n_names else None

    def _line(self, line: str) -> None:
        """Read a line that is no table's."""
        for written, meant in _LINES:
            line = written.sub(meant, line)
        items, places, sets, fraction = self._named_numbers(line)
        sets = sets or ([] if items or places else list(names.splits_of(line)))
        if line.lstrip().startswith("*"):  # torchvision's summary of what stands above it
            sets, fraction = sets or self._sets[-1:], np.inf
            items = {_with_set("".join(sets), name): value for name, value in items.items()}
        self._sets = sets or self._sets
        if _HEADER.fullmatch(line):
            self._first_headed = self._first_headed or len(self.rows)
        if places and any(self._position.get(kind) != value for kind, value in places.items()):
            if "epoch" in places:
                self._position = {name: value for name, value in self._position.items() if names.tells_runs(name)}
            self._open, self._section = None, ""
        self._position |= places
        if len(items) == 1 and not places and names.tells_runs(next(iter(items))):  # "Fold 2"
            self._position, self._open, items = items, None, {}
        if items:
            if not sets:
                items = {_with_set(self._section, name): value for name, value in items.items()}
            self._add(items, (fraction, len(items)), is_placed=bool(places), is_bar=bool(_PROGRESS.search(line)))
        elif sets and len(names.words(line)) <= 4 and not places:
            self._section = sets[0]

    def _add(self, items: Row, shown: tuple[float, int], *, is_placed: bool, is_bar: bool) -> None:
        """Append a row, or add to the last one what belongs to it: what is new, or how far a bar has come."""
        if self._open is not None:
            again = items.keys() & self._open.keys()
            before = {self._shown[name] for name in again} - ({shown} if self._position else set())
            if not again or (is_bar and all(other < shown for other in before)):
                self._open.update(items)
                self._shown |= dict.fromkeys(items, shown)
                return
            was_validation, is_validation = (any(_is_of("val_", name) for name in row) for row in (self._open, items))
            if self._position and not is_placed and was_validation and not is_validation:
                self._late = len(self.rows)
        elif self._header and not self._position and any(map(names.canonical_name, items)):  # below a table
            self._late = len(self.rows)
        self._open = self._position | items
        self._shown = dict.fromkeys(self._open, shown)
        self.rows.append(self._open)

    def _named_numbers(self, line: str) -> tuple[Row, Row, list[str], float]:
        """Return a line's metrics, positions, the sets it names as words, and how far its progress bar is."""
        items: Row = {}
        places: Row = {}
        sets: list[str] = []
        fraction, end, last, depth = np.nan, 0, "", 0
        for match in _NUMBER.finditer(line):
            between, end = line[end : match.start()], match.end()
            value, total = printed_number(match["value"]), int(match["total"] or 0)
            sets += names.splits_of(between)
            depth += between.count("{") - between.count("}")
            name = _label(between) or (last if total else "")  # 0.98 (9838/10000)
            if match["junk"]:
                last = ""
            elif kind := names.position(name):
                places[kind] = value
            elif total and not _is_of("accuracy", name):
                fraction = fraction if items else value / total
            elif not name:
                if last in items and not match["percent"] and re.search(r"[\[(]\s*$", between):
                    items[last] = value  # timm and torchvision: value (mean)
            else:
                is_key = depth < 2 and ("_" in name or re.search(r"[\"']\s*[:=]\W*$", between))
                if sets and not names.splits_of(name) and not (is_key and names.canonical_name(name)):
                    inherited = _with_set(sets[-1], name)
                    taken = {names.canonical_name(item) or item for item in items}
                    name = name if (names.canonical_name(inherited) or inherited) in taken else inherited
                if total and (_is_of("val_", name) or self._section == "val"):
                    self.facts.setdefault("n_val", total)
                if match["percent"] and _is_of("accuracy", name):
                    total = 100
                items.setdefault(name, round(value / total, 12) if total else value)
                last = name
        return items, places, sets, fraction


@lru_cache(maxsize=4096)
def _label(between: str) -> str:
    """Return the name that stands before a number: what follows the last comma, bar, bracket or dash."""
    text = re.sub(r"\s*\([^()]*\)\s*$", "", re.sub(r"[\s:=\[(|│┃\"'~≈]+$", "", between))
    text = re.split(r"[,;|│┃\t\[\](){}]|\s[-–—]+\s|\s{2,}(?=\S+$)", text)[-1]
    name = text.strip(" \t:=*.-–—>\"'")
    if ":" in name and not names.canonical_name(name) and not names.position(name):  # "root: epoch"
        name = name.rpartition(":")[2].strip()
    return name if re.search(r"[A-Za-z]", name) and len(name.split()) <= 6 else ""


def _with_set(which: str, name: str) -> str:
    return name if not which or names.splits_of(name) or not names.measures_something(name) else f"{which} {name}"


def _is_of(part: str, name: str) -> bool:
    """Tell whether a name is that of a metric of ours that has "val_" or "accuracy" in it."""
    return part in (names.canonical_name(name) or "")


def _cells(line: str, parting: re.Pattern[str]) -> list[str]:
    line = _ENDS.sub("", line)
    if parting.pattern in ",;" and '"' in line and len(line) < csv.field_size_limit():
        return next(csv.reader([line], delimiter=parting.pattern, skipinitialspace=True))
    return [cell.strip(' "') for cell in parting.split(line)]
