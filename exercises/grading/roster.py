"""Who is in the class: ``students.csv``, by hand or as Moodle and Canvas export it."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exercises.grading.exercise import ExerciseError

#: The columns that tables for upload need, each with the names that it has in exports.
COLUMNS = {
    "name": ("name", "student", "full name", "display name"),
    "first": ("first name", "firstname", "given name"),
    "last": ("last name", "lastname", "surname", "family name"),
    "id": ("id", "canvas id", "canvas user id"),
    "sis": ("sis user id", "id number", "idnumber", "student id", "sid"),
    "login": ("sis login id", "login", "username", "user", "github", "github username"),
    "email": ("email", "email address", "e-mail"),
    "section": ("section",),
}


@dataclass(frozen=True)
class Roster:
    """The learners of a class."""

    rows: Mapping[str, dict[str, str]]  # by the learner's name, what `COLUMNS` names and the file holds

    @classmethod
    def load(cls, path: Path) -> Roster:
        """Read the file; without one, nobody is known. Without a heading, its first column holds the names."""
        if not path.exists():
            return cls({})
        with open(path, encoding="utf-8-sig", newline="") as file:
            table = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
        known = {alias: column for column, aliases in COLUMNS.items() for alias in aliases}
        heading = [known.get(cell.strip().casefold(), "") for cell in table[0]] if table else []
        if any(heading):
            table = table[1:]
        else:
            heading = ["name"]
        rows: dict[str, dict[str, str]] = {}
        for cells in table:
            row = {column: cell.strip() for column, cell in zip(heading, cells, strict=False) if column}
            name = row.get("name") or " ".join(filter(None, (row.get("first"), row.get("last"))))
            name = name or row.get("login") or row.get("email", "")
            if not name or name in ("Points Possible", "Student, Test"):  # Canvas's own lines
                continue
            if name in rows:
                raise ExerciseError(f"{path}: two learners are called {name!r}; tell them apart in the first column.")
            rows[name] = row
        return cls(rows)

    def names(self) -> dict[str, str]:
        """Return every way to write a learner, as `plain` leaves it, with the learner's name; ambiguous ones lack."""
        found: dict[str, set[str]] = {}
        for name, row in self.rows.items():
            parts = re.split(r"[,\s]+", name)
            turned = " ".join([*parts[1:], parts[0]])
            both = (f"{row.get('first', '')} {row.get('last', '')}", f"{row.get('last', '')} {row.get('first', '')}")
            ways = [name, turned, *both, *(row.get(column, "") for column in ("id", "sis", "login", "email"))]
            for way in ways:
                found.setdefault(plain(way), set()).add(name)
        return {way: next(iter(names)) for way, names in found.items() if way and len(names) == 1}


def plain(text: str) -> str:
    """Return a name without what platforms change in it: case, accents' encoding, spaces and signs.

    >>> plain("Lovelace, Ada")
    'lovelaceada'
    """
    return "".join(sign for sign in unicodedata.normalize("NFC", text).casefold() if sign.isalnum())
