"""What a training printed, as rows of named numbers: progress bars, ``key value`` lines, logging, tables, dicts.

A number's name is the text between it and what stands before it; a line that names an epoch or a set ("Epoch 3/12",
"Validation:") speaks for the lines below it. Which name is which metric is the business of `lessonlib.reading.names`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from lessonlib.reading.names import RUN_WORDS, canonical_name, measures_something, position, splits_of, words

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
_RULE = re.compile(r"[\s|+:=\-─━═┃│┏┓┗┛┡┩└┘├┤┼╇┳┻┬┴╞╡╪]*")
_AFTER = re.compile(r"(.*\S)\s+(?:after|at)\s+(epoch|iteration|step|iter|round)")
_BOX = re.compile(r"[│┃|]")
#: Ways to part the cells of a table's line.
_PARTINGS = (_BOX, re.compile(r"\t"), re.compile(r"\s{2,}"), re.compile(r"\s*[,;]\s*"), re.compile(r"\s+"))
_FACTS = (
    r"[Tt]rain on (?P<n_train>\d+) samples, validate on (?P<n_val>\d+)",
    r"Using (?P<n_val>\d+) (?:files|images) for validation",
    r"Found (?P<n_found>\d+) \w+ belonging to (?P<n_classes>\d+) classes",
    r"(?i)running eval\w* \*+\s+(?:.*\n)?.*num examples\s*=\s*(?P<n_val>\d+)",
    r"(?i)\bn(?:um)?_(?:val|valid|eval)(?:_?samples)?\s*[:=]\s*(?P<n_val>\d+)",
    r"(?i)\b(?:n(?:um)?_classes|number of classes)\s*[:=]\s*(?P<n_classes>\d+)",
    r"(?i)\b(?:val(?:idation)?|test|eval\w*)[ _](?:set )?(?:size|samples|examples)\s*[:=]\s*(?P<n_val>\d+)",
)


@dataclass
class Printed:
    """What a text says: rows in their order, sizes that it names, what was done on the way, and its structure."""

    rows: list[Row] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    structure: list[str] = field(default_factory=list)


def parse(text: str) -> Printed:
    """Read what a training printed.

    Parameters
    ----------
    text : str
        With or without carriage returns, backspaces, colours and log prefixes.

    Returns
    -------
    Printed
        Without rows where no number has a name.
    """
    printed = Printed(facts=_facts(text))
    lines = [line for line in re.split(r"[\r\n\x08]+", _CONTROL.sub("", text)) if line.strip()]
    lines = _with_decimal_points(lines, printed.notes)
    reader = _Lines(printed)
    at = 0
    while at < len(lines):
        used = reader.table(lines, at)
        if not used:
            reader.line(lines[at])
        at += max(used, 1)
    reader.close()
    return printed


def lists_in(text: str) -> dict[str, list[float]]:
    """Return the lists of numbers that a text assigns to metrics: ``val_loss = [0.7, 0.5]``, ``{'loss': [...]}``."""
    found: dict[str, list[float]] = {}
    if not re.search(r"[:=]\s*(?:[\w.]+\()?\[\s*[-\w.(]", text):
        return found
    plain = re.sub(r"(?:np\.|numpy\.)?(?:float\d+|array|tensor)\(([^()]*)\)", r"\1", text)
    for name, numbers in re.findall(r"([A-Za-z_][\w ./-]*?)['\"]?\s*[:=]\s*\[([^\[\]{}]*)\]", plain):
        values = [_float(part) for part in numbers.replace("\n", " ").split(",") if part.strip()]
        if len(values) > 1 and canonical_name(name.strip()):
            found[name.strip()] = values
    return found


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


def _with_decimal_points(lines: list[str], notes: list[str]) -> list[str]:
    """Turn decimal commas to points where numbers have no points at all and some begin with ``0,``."""
    bare = [_STAMP.sub(" ", line) for line in lines]
    joined = "\n".join(bare)
    if re.search(r"\d\.\d", joined) or not re.search(r"(?<![\d,])0,\d", joined):
        return lines
    notes.append("Commas between digits were read as decimal points.")
    return [re.sub(r"(?<=\d),(?=\d)", ".", line) for line in bare]


def _float(text: str) -> float:
    """Return a printed number; "nan" is a loss that is not finite, anything else a gap."""
    try:
        value = float(text.strip().rstrip("%"))
    except ValueError:
        return np.nan
    return np.inf if np.isnan(value) else value


class _Lines:
    """Gathers rows from lines, with what the lines above have said: the epoch, the set, the table's header."""

    def __init__(self, printed: Printed) -> None:
        self.printed, self.position, self.section = printed, {}, ""
        self.block, self.row_block, self.fraction, self.row_fraction = 0, -1, None, None
        self.late: list[int] = []
        self.sets: list[str] = []
        self.skip = False

    # ---- tables ------------------------------------------------------------------------------------------------

    def table(self, lines: list[str], at: int) -> int:
        """Read a table that begins at a line and return how many lines it has, 0 if there is none."""
        if _NUMBER.search(lines[at]) or not any(canonical_name(cell) for cell in _all_cells(lines[at])):
            return 0
        body = next((i for i in range(at + 1, min(at + 4, len(lines))) if not _RULE.fullmatch(lines[i])), None)
        if body is None:
            return 0
        for parting in _PARTINGS:
            header = _cells(lines[at], parting)
            n_cells = len(_cells(lines[body], parting))
            if len(header) > 1 and n_cells in (len(header), len(header) + (parting.pattern == r"\s{2,}")):
                break
        else:
            return 0
        if not any(map(canonical_name, header)) or len(set(header)) < len(header):
            return 0
        end = at + 1
        while end < len(lines):
            cells = _cells(lines[end], parting)
            if len(cells) == len(header) + 1 and cells[0].isdigit():  # the index of a printed DataFrame
                cells = cells[1:]
            if not _RULE.fullmatch(lines[end]) and cells != header:
                row = {name: _float(cell) for name, cell in zip(header, cells, strict=False)}
                if len(cells) != len(header) or not np.isfinite(list(row.values())).any():
                    break
                self.printed.rows.append(row)
            end += 1
        self.row_block = -1
        return end - at

    # ---- lines -------------------------------------------------------------------------------------------------

    def line(self, line: str) -> None:
        """Read a line that is no table's."""
        record = _record(line)
        if record is not None:
            _, places, *_ = self._named_numbers(line[: line.find("{")])
            self.printed.rows.append(places | record)
            self.row_block = -1
            return
        if self.skip:  # LightGBM repeats its best round at the end
            self.skip = False
            return
        line = _STAMP.sub(" ", line)
        self.skip = "best iteration is" in line
        items, places, sets, fraction = self._named_numbers(line)
        sets = sets or ([] if items or places else splits_of(line))
        if line.lstrip().startswith("*") and not sets:  # torchvision's summary of what stands above it
            sets, items = self.sets, {_with_set("".join(self.sets[-1:]), name): value for name, value in items.items()}
        self.sets = sets or self.sets
        if places and any(self.position.get(kind) != value for kind, value in places.items()):
            if "epoch" in places:
                self.position = {name: value for name, value in self.position.items() if words(name) in RUN_WORDS}
            self.block, self.section = self.block + 1, ""
        self.position |= places
        if len(items) == 1 and not places and words(next(iter(items))) in RUN_WORDS:  # "Fold 2"
            self.position, self.block, items = items, self.block + 1, {}
        if not items:
            if sets and len(words(line)) <= 4 and not places:
                self.section = sets[0]
            return
        if self.section and not sets:
            items = {_with_set(self.section, name): value for name, value in items.items()}
        self._add(items, placed=bool(places), progress=bool(_PROGRESS.search(line)), fraction=fraction)

    def _add(self, items: Row, *, placed: bool, progress: bool, fraction: float | None) -> None:
        """Append a row, or add to the last one what belongs to it."""
        rows = self.printed.rows
        last = rows[-1] if rows and self.row_block == self.block else None
        if last is not None:
            repeated = items.keys() & last.keys()
            if not repeated:
                last.update(items)
                return
            before = self.row_fraction
            grown = fraction is None or before is None or fraction > before or (
                fraction == before and last.keys() - self.position.keys() < items.keys()
            )  # fmt: skip
            if progress and grown and (before is not None or self.position):
                last.update(items)
                self.row_fraction = fraction
                return
            validated = any((canonical_name(name) or "").startswith("val_") for name in last)
            if validated and not placed and self.position and not any(map(_is_validation, items)):
                self.late.append(len(rows))
        rows.append(self.position | items)
        self.row_block, self.row_fraction = self.block, fraction

    def close(self) -> None:
        """Leave out what an ``evaluate()`` printed after the last epoch."""
        late = [at for at in self.late if at == len(self.printed.rows) - 1]
        for at in late:
            del self.printed.rows[at]
            self.printed.structure.append("A later evaluation, printed after the last epoch, was left out.")

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
            value, total = _float(match["value"]), match["total"]
            said = splits_of(between)
            sets += said
            name, pending = _label(between) or pending, ""
            if "a" in name and (after := _AFTER.fullmatch(name)):  # "Cost after iteration 100: 0.52"
                places[position(after[2])], pending = value, after[1]
                continue
            if not name:
                bracketed = re.search(r"[\[(]\s*$", between)
                if total and last and canonical_name(last) and _is_accuracy(last):  # 0.98 (9838/10000)
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
                if not any(
                    (canonical_name(other) or other) == (canonical_name(inherited) or inherited) for other in items
                ):
                    name = inherited
            if ours and _is_accuracy(name):
                if total:
                    self._counted(name, int(total))
                    value /= max(int(total), 1)
                elif match["percent"]:
                    value = round(value / 100, 12)
            items.setdefault(name, value)
            last = name
        return items, places, sets, fraction

    def _counted(self, name: str, total: int) -> None:
        if _is_validation(name) or self.section == "val":
            self.printed.facts.setdefault("n_val", total)


def _record(line: str) -> Row | None:
    """Return the numbers of a dict, as Hugging Face's trainer and JSON loggers print one a line."""
    start, stop = line.find("{"), line.rfind("}")
    if start < 0 or stop < start:
        return None
    content = re.sub(
        r"(?:np\.|numpy\.)?float\d+\(([^()]*)\)|\btensor\(([^(),]*)[^()]*\)", r"\1\2", line[start : stop + 1]
    )
    content = re.sub(r"(?<=[:\s])(?:nan|NaN)\b", "'nan'", re.sub(r"\bnull\b", "None", content))
    try:
        record = ast.literal_eval(re.sub(r"(?<=[:\s])-?(?:inf|Infinity)\b", "'inf'", content))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(record, Mapping) or "train_runtime" in record:
        return None if not isinstance(record, Mapping) else {}
    row = dict(_scalars(record))
    return row if any(map(canonical_name, row)) else None


def _scalars(record: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for key, value in record.items():
        if isinstance(value, Mapping):
            yield from _scalars(value, f"{prefix}{key}/")
        elif isinstance(value, int | float | str) and not isinstance(value, bool):
            yield f"{prefix}{key}", _float(str(value))


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


def _is_accuracy(name: str) -> bool:
    return (canonical_name(name) or "").endswith("accuracy")


def _is_validation(name: str) -> bool:
    return (canonical_name(name) or "").startswith("val_")


def _all_cells(line: str) -> Iterator[str]:
    for parting in _PARTINGS:
        yield from _cells(line, parting)


def _cells(line: str, parting: re.Pattern[str]) -> list[str]:
    cells = [cell.strip() for cell in parting.split(line.strip())]
    if parting is _BOX:  # a bar at either end
        cells = cells[1 if cells and not cells[0] else 0 : -1 if len(cells) > 1 and not cells[-1] else None]
    return cells
