"""The state of a class: every attempt of every learner, what the teacher has corrected, what is late, and the tables.

Each learner's attempts at an exercise are one file, ``results/E/S.json``; the tables are made anew of all of them, so
they hold the whole class however few were graded last. What a teacher writes (``class.toml``, ``corrections.csv``,
``students.csv``) is read and never written.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from exercises.grading import exercise
from exercises.grading.classroom import Roster, read_records
from exercises.grading.exercise import ExerciseError
from exercises.grading.scoring import EXPLANATION, Mark, Result, nothing
from lessonlib import storage

#: Where a spreadsheet takes what a learner wrote for a formula: at the beginning of a cell. In countries with a decimal
#: comma a semicolon begins one too, and so does a new line of a text.
FORMULA = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=[=+\-@＝＋－＠\t\r])")

CORRECTION = ("student", "exercise", "question", "points", "reason")


def file_name(student: str) -> str:
    """Return a learner's name as a folder can be called; two learners never share one.

    >>> file_name("Ana María"), file_name("../x")[:5]
    ('Ana María', '.._x-')
    """
    safe = re.sub(r"[^\w .@()+,&-]", "_", student).strip(" ")[:80]
    safe = re.sub(r"(?i)^(?=(con|prn|aux|nul|com\d|lpt\d)(\.|$))", "_", safe)  # Windows opens no file called so
    safe = safe.encode("utf-8", "ignore")[:200].decode("utf-8", "ignore")  # file systems count bytes
    plain = safe == student and not re.search(r"^\.|\.$|-[0-9a-f]{8}$", safe)
    return safe if plain else f"{safe}-{hashlib.sha256(student.encode('utf-8', 'replace')).hexdigest()[:8]}"


@dataclass(frozen=True)
class Rules:
    """What ``class.toml`` says."""

    attempts: int = 3
    lost_per_day: float = 0.0  # shares of the points
    lost_at_most: float = 1.0  # shares of the points
    due: Mapping[str, datetime] = field(default_factory=dict)  # by exercise
    extensions: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)  # by learner and exercise

    @classmethod
    def load(cls, path: Path) -> Rules:
        """Read the file."""
        try:
            rules = cls(**tomllib.loads(path.read_text(encoding="utf-8"))) if path.exists() else cls()
            for times in (rules.due, *rules.extensions.values()):
                for moment in times.values():
                    moment.timestamp()
            return rules
        except (ValueError, TypeError, AttributeError) as error:
            raise ExerciseError(f"{path} is not understood: {error}. Times look like 2026-10-08T23:59:00.") from None

    def days_late(self, student: str, stem: str, when: float) -> int:
        """Return how many days after the due time, or after the learner's own, something came; begun days count."""
        due = self.extensions.get(student, {}).get(stem) or self.due.get(stem)
        return max(0, math.ceil((when - due.timestamp()) / 86_400)) if due else 0


@dataclass(frozen=True)
class Entry:
    """How a learner stands in an exercise."""

    result: Result  # the attempt that counts, with the teacher's corrections in it
    attempts: int
    days_late: int
    points: float  # after what lateness costs
    waiting: bool  # whether the explanation is still to be marked


@dataclass(frozen=True)
class Gradebook:
    """All that is known of a class."""

    folder: Path
    roster: Roster
    rules: Rules
    corrections: Mapping[tuple[str, str, str], tuple[float, str]]

    @classmethod
    def open(cls, folder: Path) -> Gradebook:
        """Read what the teacher has written."""
        rules, roster = Rules.load(folder / "class.toml"), Roster.load(folder / "students.csv")
        return cls(folder, roster, rules, _corrections(folder / "corrections.csv"))

    # -------------------------------------------------------------------------------------------------------- attempts

    def attempts(self, student: str, stem: str) -> list[Result]:
        """Return a learner's graded attempts at an exercise, the first one first."""
        return _attempts(self._path(student, stem))

    def add(self, result: Result) -> None:
        """Keep a result: in the place of that for the same file, else as another attempt."""
        kept = self.attempts(result.student, result.exercise)
        place = next((place for place, old in enumerate(kept) if old.digest == result.digest), len(kept))
        kept[place : place + 1] = [result]
        content = json.dumps([asdict(one) for one in kept], indent=1, ensure_ascii=False)
        write(self._path(result.student, result.exercise), content)

    def _path(self, student: str, stem: str) -> Path:
        return self.folder / "results" / stem / f"{file_name(student)}.json"

    def entry(self, student: str, stem: str) -> Entry:
        """Return how a learner stands: the attempt with the most points after lateness counts."""
        attempts = self.attempts(student, stem)
        graded = [one for one in attempts if one.state == "graded"][: self.rules.attempts]
        missing = nothing(student, exercise.load(stem), "missing", "Nothing was handed in.")
        entries = [self._entry(one, len(attempts)) for one in graded or attempts[-1:] or [missing]]
        return max(entries, key=lambda one: (one.points, one.result.when))

    def _entry(self, result: Result, attempts: int) -> Entry:
        named = result.student, result.exercise
        marks = [_corrected(mark, self.corrections.get((*named, mark.question))) for mark in result.marks]
        result = replace(result, marks=marks)
        days = self.rules.days_late(*named, result.when)
        lost = min(self.rules.lost_at_most, self.rules.lost_per_day * days)
        points = round(result.points * (1 - lost), 2)
        waiting = bool(result.explanation.strip()) and (*named, EXPLANATION) not in self.corrections
        return Entry(result, attempts, days, points, waiting)

    def entries(self) -> list[Entry]:
        """Return how everybody stands in every exercise of which something was graded."""
        found = {
            (last.exercise, last.student)
            for path in (self.folder / "results").glob("*/*.json")
            for last in _attempts(path)[-1:]
            if path == self._path(last.student, last.exercise)  # a copy counts nobody twice
        }
        found |= {(stem, student) for stem, _ in found for student in self.roster.rows}
        return [self.entry(student, stem) for stem, student in sorted(found)]

    # ---------------------------------------------------------------------------------------------------------- tables

    def write_tables(self, entries: Sequence[Entry]) -> None:
        """Write every table, each of the whole class."""
        known = {(one.result.student, one.result.exercise) for one in entries}
        for named in self.corrections:
            if named[:2] not in known:
                print(f"corrections.csv: nothing of {named[0]!r} in {named[1]!r} is graded", file=sys.stderr)
        grades, to_mark = [], []
        for one in entries:
            result, notes = one.result, list(one.result.notes)
            named = result.student, result.exercise
            if one.waiting:
                notes.append("The explanation is to be marked.")
                to_mark.append([*named, EXPLANATION, "", result.marks[-1].possible, result.explanation])
            earned = [one.points, result.possible, result.state, one.days_late, one.attempts]
            grades.append([*named, *earned, " ".join(notes)])
        heading = ["student", "exercise", "points", "possible", "state", "days late", "attempts", "notes"]
        write_csv(self.folder / "grades.csv", heading, grades)
        write_csv(self.folder / "to-mark.csv", [*CORRECTION[:4], "of", "text"], to_mark)
        self._write_by_question(entries)
        self._write_wide(entries)

    def _write_by_question(self, entries: Sequence[Entry]) -> None:
        faults: dict[tuple[str, str], list[str]] = defaultdict(list)
        for result in (one.result for one in entries if one.result.state == "graded"):
            for mark in result.marks:
                if mark.question != EXPLANATION:
                    faults[result.exercise, mark.question].append(mark.mistake or mark.fault)
        rows = []
        for named, each in faults.items():
            right = each.count("")
            fault, often = Counter(filter(None, each)).most_common(1)[0] if right < len(each) else ("", 0)
            rows.append([*named, len(each), round(100 * right / len(each), 1), fault, often])
        heading = ["exercise", "question", "answers", "percent right", "most frequent fault", "how often"]
        write_csv(self.folder / "by-question.csv", heading, rows)

    def _write_wide(self, entries: Sequence[Entry]) -> None:
        """Write a line for each learner in the columns that Canvas and Moodle look for."""
        points, possible = defaultdict(dict), {}
        for one in entries:
            points[one.result.student][one.result.exercise] = one.points
            possible[one.result.exercise] = one.result.possible
        stems = sorted(possible)
        titles = [exercise.load(stem).title for stem in stems]
        everybody = list(dict.fromkeys([*self.roster.rows, *sorted(points)]))

        def table(columns: Sequence[str]) -> Iterable[list[Any]]:
            for student in everybody:
                row = {"name": student, **self.roster.rows.get(student, {})}
                row["last"] = row.get("last") or (student if not row.get("first") else "")
                yield [*(row.get(name, "") for name in columns), *(points[student].get(stem, "") for stem in stems)]

        canvas = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *titles]
        most = ["    Points Possible", "", "", "", "", *(possible[stem] for stem in stems)]
        rows = [most, *table(("name", "id", "sis", "login", "section"))]
        write_csv(self.folder / "for-canvas.csv", canvas, rows)
        moodle = ["First name", "Last name", "ID number", "Email address", *titles]
        write_csv(self.folder / "for-moodle.csv", moodle, table(("first", "last", "sis", "email")))


def _attempts(path: Path) -> list[Result]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return [Result(**one | {"marks": [Mark(**mark) for mark in one["marks"]]}) for one in kept]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # none, or of another version
        return []


def _corrections(path: Path) -> dict[tuple[str, str, str], tuple[float, str]]:
    """Read the teacher's marks: of several for one question the last counts."""
    found = {}
    for number, row in enumerate(read_records(path), start=2):
        try:
            stem = exercise.sources([row["exercise"]])[0].stem
            asked = exercise.load(stem).points
            if row["question"] not in asked:
                raise ExerciseError(f"{stem} asks {', '.join(asked)}")
            points = float(row["points"])
            if not 0 <= points < math.inf:
                raise ValueError(f"{points:g} points")
            found[row["student"], stem, row["question"]] = points, row.get("reason") or ""
        except (KeyError, ValueError, TypeError, ExerciseError) as error:
            said = f"{path}, line {number} is not understood ({error}); its heading is {','.join(CORRECTION)}"
            raise ExerciseError(said) from None
    return found


def _corrected(mark: Mark, given: tuple[float, str] | None) -> Mark:
    if given is None:
        return mark
    points, reason = given
    said = "" if points >= mark.possible else f"{reason} (marked by your teacher)".strip()
    return replace(mark, points=points, fault=said, shown=said)


def write_csv(path: Path, heading: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table so that spreadsheets read it and run no formula that a learner put into a name."""

    def safe(value: object) -> object:
        return FORMULA.sub("'", value) if isinstance(value, str) else value

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([heading, *([safe(value) for value in row] for row in rows)])
    write(path, text.getvalue())


def write(path: Path, text: str) -> None:
    """Write a file completely or not at all, whatever signs a learner used."""
    storage.write_atomically(path, lambda file: file.write(text.encode("utf-8", "replace")))
