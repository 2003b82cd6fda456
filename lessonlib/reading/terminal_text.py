"""What a training printed, as rows of named numbers: progress bars, ``key value`` lines, logging, tables, dicts.

A number's name is the text between it and what stands before it; a line that names an epoch or a set ("Epoch 3/12",
"Validation:") speaks for the lines below it. Which name is which metric is the business of `lessonlib.reading.names`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from lessonlib.reading.names import RUN_WORDS, canonical_name, is_metric, measures_something, position, splits_of, words

Row = dict[str, float]

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_STAMP = re.compile(
    r"\[?\d{4}[-/]\d\d[-/]\d\d[T ]+\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?"
    r"|(?<![\d.:])\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?(?![\d:])|\[?\b(?:INFO|DEBUG|WARNING|WARN)\b\]?(?::\w+:)?"
)
_NUMBER = re.compile(
    r"(?<![\w.@/])(?P<value>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|(?i:[-+]?\b(?:nan|inf(?:inity)?)\b))"
    r"(?:\s?(?P<percent>%)|/\s*(?P<total>\d+)|f0\b|(?P<junk>[A-Za-z_]\w*|:\d[\d:]*))?"
)
_PROGRESS = re.compile(r"ETA|/step|it/s|s/it|%\||\[=*[>.=]+\]|━")
_HEADER = re.compile(r"\W*epoch\W*\d+(?:\W+\d+)?\W*", re.IGNORECASE)
_RULE = re.compile(r"[\s|+:=\-─━═┃│┏┓┗┛┡┩└┘├┤┼╇┳┻┬┴╞╡╪]*")
_AFTER = re.compile(r"(.*\S)\s+(?:after|at)\s+(epoch|iteration|step|iter|round)")
#: Ways to part the cells of a table's line, and the bars at either end of it.
_PARTINGS = tuple(map(re.compile, (r"[│┃|]", r"\t", r"\s{2,}", r"\s*[,;]\s*", r"\s+")))
_ENDS = re.compile(r"^\s*[│┃|]|[│┃|]\s*$")
_FACTS = (
    r"[Tt]rain on (?P<n_train>\d+) samples, validate on (?P<n_val>\d+)",
    r"Using (?P<n_val>\d+) (?:files|images) for validation",
    r"Found (?P<n_found>\d+) \w+ belonging to (?P<n_classes>\d+) classes",
    r"(?i)running eval\w* \*+\s+(?:.*\n)?.*num examples\s*=\s*(?P<n_val>\d+)",
    r"(?i)\bn(?:um)?_(?:val|valid|eval)(?:_?samples)?\s*[:=]\s*(?P<n_val>\d+)",
    r"(?i)\b(?:n(?:um)?_classes|number of classes)\s*[:=]\s*(?P<n_classes>\d+)",
    r"(?i)\b(?:val(?:idation)?|test|eval\w*)[ _](?:set )?(?:size|samples|examples)\s*[:=]\s*(?P<n_val>\d+)",
)


def lists_in(text: str, told: Collection[str]) -> dict[str, list[float]]:
    """Return the lists of numbers that a text assigns to metrics: ``val_loss = [0.7, 0.5]``, ``{'loss': [...]}``."""
    found: dict[str, list[float]] = {}
    if not re.search(r"[:=]\s*(?:[\w.]+\()?\[\s*[-\w.(]", text):
        return found
    for name, numbers in re.findall(r"([A-Za-z_][\w ./-]*?)['\"]?\s*[:=]\s*\[([^\[\]{}]*)\]", _unwrapped(text)):
        values = [printed_number(part) for part in numbers.split(",") if part.strip()]
        if len(values) > 1 and is_metric(name.strip(), told):
            found[name.strip()] = values
    return found


def _unwrapped(text: str) -> str:
    """Return a text with ``np.float32(0.5)``, ``tensor(0.5, device=...)`` and ``array([...])`` as plain numbers."""
    return re.sub(r"(?:np\.|numpy\.)?\b(?:float\d+|array|tensor)\((\[[^()]*\]|[^(),]*)[^()]*\)", r"\1", text)


def _facts(text: str) -> dict[str, int]:
    """Return the sizes that a text names; of several data sets "found", the second is that of validation."""
    facts: dict[str, int] = {}
    for pattern in _FACTS:
        for match in re.finditer(pattern, text):
            for name, value in match.groupdict().items():
                known = "n_val" if name == "n_found" and "n_found" in facts else name
                facts.setdefault(known, int(value))
    facts.pop("n_found", None)
    return facts


def printed_number(text: str) -> float:
    """Return a printed number; "nan" is a loss that is not finite, anything else a gap."""
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        return np.nan
    return np.inf if np.isnan(value) else value


def flat_record(content: Mapping[Any, Any], prefix: str = "", depth: int = 3) -> dict[str, Any]:
    """Name what is nested by its path, ``train/loss``; pandas' ``{"0": 1.2, "1": 0.9}`` is a list."""
    flat: dict[str, Any] = {}
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
        self._told = told
        self.facts, self.notes, self.structure = _facts(text), [], []
        # What the lines above have said: the epoch, the set, which rows belong together, where a later evaluation is.
        self._position: Row = {}
        self._section, self._sets, self._skip = "", [], False
        self._block, self._row_block, self._row_fraction, self._late = 0, -1, None, -1
        self._first_headed: int | None = None  # the row below the first line that is an epoch's header
        lines = [line for line in re.split(r"[\r\n\x08]+", _CONTROL.sub("", text)) if line.strip()]
        lines = self._with_decimal_points(lines)
        at = 0
        while at < len(lines):
            used = self._table(lines, at)
            if not used:
                self._line(lines[at])
            at += max(used, 1)
        if self.rows and self._late == len(self.rows) - 1:
            del self.rows[-1]
            self.structure.append("A later evaluation, printed after the last epoch, was left out.")
        headless = self.rows[: self._first_headed or 0]
        numbered = [row for row in headless if any(map(position, row))]
        if len(numbered) < len(headless) < len(self.rows):
            self.rows[: len(headless)] = numbered
            self.notes.append("Values before the first epoch's header were left out.")

    def _with_decimal_points(self, lines: list[str]) -> list[str]:
        """Turn decimal commas to points where numbers have no points at all and some begin with ``0,``."""
        bare = [_STAMP.sub(" ", line) for line in lines]
        joined = "\n".join(bare)
        if re.search(r"\d\.\d", joined) or not re.search(r"(?<![\d,])0,\d", joined):
            return lines
        self.notes.append("Commas between digits were read as decimal points.")
        return [re.sub(r"(?<=\d),(?=\d)", ".", line) for line in bare]

    def _table(self, lines: list[str], at: int) -> int:
        """Read a table that begins at a line and return how many lines it has, 0 if there is none."""
        body = next((line for line in lines[at + 1 : at + 4] if not _RULE.fullmatch(line)), "")
        for parting in () if _NUMBER.search(lines[at]) else _PARTINGS:
            header, n_cells = _cells(lines[at], parting), len(_cells(body, parting))
            if len(header) > 1 and n_cells in (len(header), len(header) + (parting.pattern == r"\s{2,}")):
                break
        else:
            return 0
        if not any(is_metric(name, self._told) for name in header) or len(set(header)) < len(header):
            return 0
        end = at + 1
        while end < len(lines):
            cells = _cells(lines[end], parting)
            if len(cells) == len(header) + 1 and cells[0].isdigit():  # the index of a printed DataFrame
                cells = cells[1:]
            if not _RULE.fullmatch(lines[end]) and cells != header:
                row = dict(zip(header, map(printed_number, cells), strict=False))
                if len(cells) != len(header) or not np.isfinite(list(row.values())).any():
                    break
                self.rows.append(row)
            end += 1
        self._row_block = -1
        return end - at

    def _line(self, line: str) -> None:
        """Read a line that is no table's."""
        record = _record(line, self._told)
        if record is not None:
            _, places, *_ = self._named_numbers(line[: line.find("{")])
            self.rows.append(places | record)
            self._row_block = -1
            return
        if self._skip:  # LightGBM repeats its best round at the end
            self._skip = False
            return
        line = _STAMP.sub(" ", line)
        self._skip = "best iteration is" in line
        items, places, sets, fraction = self._named_numbers(line)
        sets = sets or ([] if items or places else splits_of(line))
        if line.lstrip().startswith("*") and not sets:  # torchvision's summary of what stands above it
            sets = self._sets
            items = {_with_set("".join(sets[-1:]), name): value for name, value in items.items()}
            for row in self.rows:
                if self._position.items() <= row.items():
                    for name in items.keys() & row.keys():
                        del row[name]
        self._sets = sets or self._sets
        if self._first_headed is None and _HEADER.fullmatch(line):
            self._first_headed = len(self.rows)
        if places and any(self._position.get(kind) != value for kind, value in places.items()):
            if "epoch" in places:
                self._position = {name: value for name, value in self._position.items() if words(name) in RUN_WORDS}
            self._block, self._section = self._block + 1, ""
        self._position |= places
        if len(items) == 1 and not places and words(next(iter(items))) in RUN_WORDS:  # "Fold 2"
            self._position, self._block, items = items, self._block + 1, {}
        if items:
            if not sets:
                items = {_with_set(self._section, name): value for name, value in items.items()}
            self._add(items, placed=bool(places), progress=bool(_PROGRESS.search(line)), fraction=fraction)
        elif sets and len(words(line)) <= 4 and not places:
            self._section = sets[0]

    def _add(self, items: Row, *, placed: bool, progress: bool, fraction: float | None) -> None:
        """Append a row, or add to the last one what belongs to it."""
        if self.rows and self._row_block == self._block:
            last, before = self.rows[-1], self._row_fraction
            if not items.keys() & last.keys():
                last.update(items)
                return
            grown = fraction is None or before is None or fraction > before or (
                fraction == before and last.keys() - self._position.keys() < items.keys()
            )  # fmt: skip
            if progress and grown and (before is not None or self._position):
                last.update(items)
                self._row_fraction = fraction
                return
            was_validation, is_validation = (any(_is_of("val_", name) for name in row) for row in (last, items))
            if self._position and not placed and was_validation and not is_validation:
                self._late = len(self.rows)
        self.rows.append(self._position | items)
        self._row_block, self._row_fraction = self._block, fraction

    def _named_numbers(self, line: str) -> tuple[Row, Row, list[str], float | None]:
        """Return a line's metrics, positions, the sets it names as words, and how far its progress bar is."""
        items: Row = {}
        places: Row = {}
        sets: list[str] = []
        fraction, end, last, pending = None, 0, "", ""
        catboost = re.match(r"\s*\d+:\s+learn:", line)
        for match in _NUMBER.finditer(line):
            between, end_before = line[end : match.start()], end
            end = match.end()
            value, total = printed_number(match["value"]), match["total"]
            said = splits_of(between)
            sets += said
            name, pending = _label(between) or pending, ""
            if "a" in name and (after := _AFTER.fullmatch(name)):  # "Cost after iteration 100: 0.52"
                places[position(after[2])], pending = value, after[1]
                continue
            if not name:
                bracketed = re.search(r"[\[(]\s*$", between)
                if total and _is_of("accuracy", last):  # 0.98 (9838/10000)
                    self._counted(last, int(total))
                elif total and not items:
                    fraction = value / max(int(total), 1)
                elif bracketed and last in items and not total and end_before and not match["percent"]:
                    items[last] = value  # timm and torchvision: value (mean)
                elif not items and not places and end_before == 0 and (bracketed or line[end : end + 1] == ":"):
                    places["round" if "-" in line or "'" in line or catboost else "epoch"] = value
                continue
            if match["junk"]:
                last = ""
                continue
            kind = position(name)
            if kind:
                places[kind] = value
                continue
            if catboost and name in ("learn", "test"):
                name = f"{name} loss"
            ours = canonical_name(name)
            if not splits_of(name) and sets and (ours is None or "_" not in name):
                inherited = _with_set(sets[-1], name)
                if (canonical_name(inherited) or inherited) not in {canonical_name(item) or item for item in items}:
                    name = inherited
            if ours and _is_of("accuracy", name):
                if total:
                    self._counted(name, int(total))
                    value /= max(int(total), 1)
                elif match["percent"]:
                    value = round(value / 100, 12)
            items.setdefault(name, value)
            last = name
        return items, places, sets, fraction

    def _counted(self, name: str, total: int) -> None:
        if _is_of("val_", name) or self._section == "val":
            self.facts.setdefault("n_val", total)


def _record(line: str, told: Collection[str]) -> Row | None:
    """Return the numbers of a dict, as Hugging Face's trainer and JSON loggers print one a line."""
    start, stop = line.find("{"), line.rfind("}")
    if start < 0 or stop < start:
        return None
    content = re.sub(r"\bnull\b", "None", _unwrapped(line[start : stop + 1]))
    content = re.sub(r"(?<=[:\s])(?:nan|NaN)\b", "'nan'", content)
    try:
        record = ast.literal_eval(re.sub(r"(?<=[:\s])-?(?:inf|Infinity)\b", "'inf'", content))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(record, Mapping) or "train_runtime" in record:  # Hugging Face's summary at the end
        return {} if isinstance(record, Mapping) else None
    row = {
        name: printed_number(str(value))
        for name, value in flat_record(record).items()
        if isinstance(value, int | float | str) and not isinstance(value, bool)
    }
    return row if any(is_metric(name, told) for name in row) else None


@lru_cache(maxsize=4096)
def _label(between: str) -> str:
    """Return the name that stands before a number: what follows the last comma, bar, bracket or dash."""
    text = re.sub(r"\s*\([^()]*\)\s*$", "", re.sub(r"[\s:=\[(|│┃\"'~≈]+$", "", between))
    text = re.split(r"[,;|│┃\t\[\]()]|\s[-–—]+\s|\s{2,}(?=\S+$)", text)[-1]
    name = text.strip(" \t:=*.-–—>\"'")
    if ":" in name and not canonical_name(name) and not position(name):  # "root: epoch"
        name = name.rpartition(":")[2].strip()
    return name if re.search(r"[A-Za-z]", name) and len(name.split()) <= 6 else ""


def _with_set(which: str, name: str) -> str:
    return name if not which or splits_of(name) or not measures_something(name) else f"{which} {name}"


def _is_of(part: str, name: str) -> bool:
    """Tell whether a name is that of a metric of ours that has "val_" or "accuracy" in it."""
    return part in (canonical_name(name) or "")


def _cells(line: str, parting: re.Pattern[str]) -> list[str]:
    return [cell.strip() for cell in parting.split(_ENDS.sub("", line).strip())]
