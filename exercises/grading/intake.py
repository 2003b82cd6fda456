"""Find out who handed in what, before anything is graded, and say it file by file.

It knows how Moodle, Canvas, Blackboard, Gradescope, GitHub Classroom, Teams, Google Classroom, nbgrader and mail lay
out what they hand to a teacher. A notebook's exercise is told by what is in it, so a renamed one is known and a lesson
is never taken for an exercise. Files are opened here and read in the sandbox only.
"""

from __future__ import annotations

import os
import re
import stat
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

from exercises.grading import repair
from exercises.grading.classroom import Classroom, Roster, plain, read_records
from exercises.grading.exercise import ExerciseError
from exercises.grading.repair import Cell
from exercises.grading.sandbox import Sandbox

#: Larger files are not read; the outputs in them are no work of the learner's.
LARGEST_FILE = 300_000_000

#: Of a notebook so much must be an exercise's to be taken for it when it does not say itself which it is.
ENOUGH = 0.3

MOODLE = re.compile(r"^(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<rest>.*)$")
CANVAS = re.compile(r"^(?P<name>[^_]+)_(?:LATE_)?(?P<number>\d+)_\d+_(?P<rest>.+)$")
BLACKBOARD = re.compile(r"^.+?_(?P<name>[^_]+)_attempt_(?P<when>\d{4}(?:-\d\d){5})_?(?P<rest>.*)$")
GRADESCOPE = re.compile(r"^submission_\d+$")
NO_STUDENT = re.compile(
    r"^((exercise|assignment|notebook|version)s?[ _-]?\d*(_export)?|submi\w+( files)?|working files|.+-submissions)$",
    re.IGNORECASE,
)
COPY = re.compile(r"^((copy|kopie) (of|von) )+|((?: ?\(\d+\)| ?- ?copy|-\d{1,2})+)$", re.IGNORECASE)
NUMBER = re.compile(r"(?: ?\((\d+)\)|-(\d{1,2}))$")
ENDING = re.compile(r"(\.ipynb(\.json|\.txt)?|\.zip)+", re.IGNORECASE)

COUNTS = "counts"

#: Stands between a zip and a notebook in it, and in no path.
IN_ZIP = "//"


@dataclass
class Handed:
    """A file, or a notebook in a zip, and what becomes of it."""

    file: str  # its path in the folder
    student: str = ""  # "" where nobody can tell
    exercise: str = ""  # "" where nobody can tell
    fate: str = COUNTS  # `COUNTS`, or why it does not
    when: float = 0.0  # when it was handed in, seconds since 1970
    digest: str = ""
    refused: str = ""  # why it cannot be graded, "" if it can
    cells: Sequence[Cell] = field(default=(), repr=False)
    note: str = ""  # what the teacher should look at


def survey(folder: Path, classroom: Classroom, roster: Roster, box: Sandbox, *, cores: int) -> list[Handed]:
    """Read every file of a folder, `cores` at a time, and tell whose it is."""
    if not folder.is_dir():
        raise ExerciseError(f"{folder} is no folder: name the one with what was handed in (a zip: unpack it first).")
    releases = {stem: classroom.released(stem) for stem in classroom.stems}
    found = _files(folder)
    opened = [one for one in found if one.fate == COUNTS and not one.refused]
    named, spent = _Layout(folder, found, roster, list(releases)), Counter()

    def read(one: Handed) -> list[Handed]:
        name, started = named.name(one.file).raw, time.monotonic()
        if name and spent[name] > box.limits.seconds:  # else everybody would wait, and each time again
            return [replace(one, fate="ignored: the other files of this learner took too long to read")]
        handed = _read(folder, one, box)
        spent[name] += time.monotonic() - started + 1  # and one for the room that it takes
        return handed

    inside = dict(zip((one.file for one in opened), box.each(read, opened, cores), strict=True))
    handed = [one for file in found for one in inside.get(file.file, [file])]
    for one in handed:
        _tell_exercise(one, releases)
    layout = _Layout(folder, handed, roster, list(releases))
    # What nbgrader collected has its word for the time of hand-in; elsewhere it would be the learner's own.
    layout.collected = folder.resolve().is_relative_to(classroom.folder / "submitted")
    _tell_learners(handed, layout)
    _overrule(handed, classroom.folder / "who.csv", list(releases))
    _settle(handed)
    return handed


# ------------------------------------------------------------------------------------------------------------ the files


def _files(folder: Path) -> list[Handed]:
    """List everything in a folder; nothing is opened, no link followed."""
    found, left = [], list(folder.iterdir())
    while left:
        path = left.pop()
        one = Handed(path.relative_to(folder).as_posix())
        hidden, is_notebook = path.name.startswith(".") or path.name == "__MACOSX", bool(ENDING.search(path.name))
        try:
            state = path.lstat()
            is_folder = stat.S_ISDIR(state.st_mode)
            left += path.iterdir() if is_folder and not hidden else ()
        except OSError as error:
            found.append(replace(one, fate=f"ignored: it cannot be looked at ({error.strerror})"))
            continue
        one.when, fault = state.st_mtime, ""
        if is_folder:
            fault = "A folder, not a notebook."
        elif stat.S_ISLNK(state.st_mode):
            fault = "A link; only files are read."
        elif not stat.S_ISREG(state.st_mode):
            fault = "Neither file nor folder."
        elif state.st_size > LARGEST_FILE:
            fault = f"The file has {state.st_size / 1e6:.0f} MB, more than {LARGEST_FILE / 1e6:.0f} MB."
        if hidden:
            one.fate = "ignored: hidden"
        elif is_notebook:
            one.refused = fault
        else:
            one.fate = f"ignored: {fault or 'no notebook'}"
        if hidden or is_notebook or not is_folder:
            found.append(one)
    return sorted(found, key=lambda one: one.file.split("/"))


def _open(path: Path) -> IO[bytes]:
    """Open a file; whoever puts a FIFO or a link in its place meanwhile does not make us wait or follow."""
    careful = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    return open(path, "rb", opener=lambda name, flags: os.open(name, flags | careful))


def short_text(path: Path) -> str:
    """Return a short text file, "" without one."""
    try:
        with _open(path) as file:
            return file.read(1000).decode()
    except (OSError, ValueError):
        return ""


def _read(folder: Path, one: Handed, box: Sandbox) -> list[Handed]:
    """Read a file in the sandbox; a zip gives one for each notebook in it."""
    try:
        with _open(folder / one.file) as file:
            outcome = box.read(file)
    except OSError as error:
        return [replace(one, refused=f"The file cannot be opened ({error.strerror}).")]
    told = next((line["notebooks"] for line in outcome.lines if "notebooks" in line), None)
    if told is None:
        return [replace(one, refused=f"The file cannot be read within the limits. {outcome.ended}".strip())]
    inside = []
    for book in told:
        file = f"{one.file}{IN_ZIP}{book['name']}" if book["name"] else one.file
        read = {name: book[name] for name in ("digest", "refused", "cells", "exercise")}
        inside.append(replace(one, file=file, **read))
    return inside or [replace(one, refused="The zip holds no notebook.")]


# --------------------------------------------------------------------------------------------------- of which exercise


def _tell_exercise(one: Handed, releases: dict[str, list[Cell]]) -> None:
    """Tell a notebook's exercise by what is in it; a name counts only where nothing can be read."""
    if one.fate != COUNTS:
        return
    by_name = _named(one.file, list(releases))
    if not one.refused:
        like = {stem: repair.resemblance(cells, one.cells) for stem, cells in releases.items()}
        best = max(like, key=like.__getitem__)
        full = next((stem for stem in releases if stem in one.file), "")
        if one.exercise not in releases:
            one.exercise = best if like[best] >= ENOUGH else full if like.get(full, 0) > 0 else ""
        if one.exercise:
            one.note = f"its name says {by_name}" if by_name not in ("", one.exercise) else ""
            return
        if not full:
            one.fate = "ignored: no exercise of this class (a lesson, or another notebook)"
            return
        one.refused = "The notebook holds neither answers nor the cells of this exercise."
    one.exercise, one.fate = by_name, COUNTS if by_name else "unknown: which exercise?"


def _any_of(stems: Sequence[str]) -> re.Pattern:
    """Return what finds the name of an exercise, whole or without its first word."""
    names = "|".join(re.escape(stem.removeprefix("exercise_")) for stem in stems)
    return re.compile(f"(?:exercise_)?({names})", re.IGNORECASE)


def _named(file: str, stems: Sequence[str]) -> str:
    """Return the exercise that a path names, the innermost name of several."""
    found = _any_of(stems).findall(file)
    return f"exercise_{found[-1].casefold()}" if found else stems[0] if len(stems) == 1 else ""


# ---------------------------------------------------------------------------------------------------------- whose it is


class _Name(NamedTuple):
    raw: str  # printable
    number: str = ""
    when: float | None = None


class _Layout:
    """How a folder is laid out: which parts of a path are learners."""

    def __init__(self, folder: Path, handed: Sequence[Handed], roster: Roster, stems: Sequence[str]) -> None:
        self.folder, self.known, self.exercise = folder, roster.names(), _any_of(stems)
        paths = [one.file.split(IN_ZIP)[0].split("/") for one in handed if one.fate == COUNTS]
        self.skip, self.several = 0, False
        while self._is_wrapper(paths, self.skip):
            self.skip += 1
        self.several = len({parts[self.skip] for parts in paths if len(parts) > self.skip + 1}) > 1
        outermost = {self._folder(parts) for parts in paths} - {""}
        shared = os.path.commonprefix(sorted(outermost)) if len(outermost) > 1 else ""  # noqa: RUF071, these are names
        self.prefix = shared[: shared.rfind("-") + 1]  # GitHub Classroom: assignment-login

    def _is_wrapper(self, paths: Sequence[list[str]], depth: int) -> bool:
        below = {parts[depth + 1] for parts in paths if len(parts) > depth + 2}
        outer = {parts[depth] for parts in paths if len(parts) > depth}
        learner = any(self.known.get(plain(part)) for part in outer)
        alone = all(len(parts) > depth + 1 for parts in paths)
        several = len([name for name in below if self._may_be_learner(name)]) > 1
        known = bool(below) and all(MOODLE.match(name) or GRADESCOPE.match(name) for name in below)
        return len(outer) == 1 and not learner and alone and (several or known)

    def _may_be_learner(self, part: str) -> bool:
        if MOODLE.match(part) or GRADESCOPE.match(part) or (self.several and self.known.get(plain(part))):
            return True
        return not NO_STUDENT.match(part) and not self.exercise.search(part)

    def _folder(self, parts: Sequence[str]) -> str:
        return next((part for part in parts[self.skip : -1] if self._may_be_learner(part)), "")

    def name(self, file: str) -> _Name:
        """Return what a path says of its learner; an empty name if nothing."""
        found = self._name(file)
        return found._replace(raw=printable(found.raw))

    def _name(self, file: str) -> _Name:
        # Only the outermost part that can be a learner's counts: what is below, the learner has named.
        parts = file.split(IN_ZIP)[0].split("/")
        part = self._folder(parts) or parts[-1]
        patterns = (MOODLE, BLACKBOARD, CANVAS) if part == parts[-1] else (MOODLE, BLACKBOARD)
        if matches := [match for one in patterns if (match := one.match(part))]:
            # The platform writes in front; in the rest, which the learner has named, another platform's name may stand.
            found = min(matches, key=lambda match: match.start("rest")).groupdict()
            return _Name(found["name"], found.get("number", ""), _moment(found.get("when", "")))
        if GRADESCOPE.match(part):
            return _Name(self._gradescope("/".join(parts[: parts.index(part)]), part))
        if part == parts[-1]:  # what stands in it beside the exercise's name, which must be there
            rest, found = self.exercise.subn(" ", COPY.sub("", ENDING.sub("", part)), count=1)
            return _Name(COPY.sub("", rest.strip()).strip(" _-.,+") if found else "")
        if self.known.get(plain(part)):
            return _Name(part)
        above = [one for one in parts[: parts.index(part)] if one.endswith("-submissions")]
        prefix = above[0].removesuffix("submissions") if above else self.prefix
        return _Name(part.removeprefix(prefix) or part)

    def _gradescope(self, folder: str, part: str) -> str:
        with_names = self.folder / folder / "submission_metadata.yml"
        if not with_names.is_file() or with_names.is_symlink() or with_names.stat().st_size > 10_000_000:
            return part
        text = with_names.read_text(encoding="utf-8", errors="replace")
        match = re.search(rf"^{part}:\s*$(?:\n[ \t-].*)*?\n[ \t-]+:?name:[ ]*(.+)$", text, re.MULTILINE)
        return match[1].strip(" '\"") if match else part


def _tell_learners(handed: Sequence[Handed], layout: _Layout) -> None:
    """Name the learner of each notebook; two who are called alike are kept apart, and said to be."""
    counting = [(one, layout.name(one.file)) for one in handed if one.fate == COUNTS]
    alike = defaultdict(set)
    for one, name in counting:
        numbered = f"{name.raw} ({name.number})" if name.number else name.raw
        alike[plain(name.raw) or name.raw, one.exercise].add(numbered)
    for one, name in counting:
        notes = [one.note] if one.note else []
        one.student = layout.known.get(plain(name.raw)) or layout.known.get(name.number) or name.raw
        others = alike[plain(name.raw) or name.raw, one.exercise]
        if one.student == name.raw and len(others) > 1:
            one.student = f"{name.raw} ({name.number})" if name.number else name.raw
            notes.append(f"collision: {' and '.join(sorted(others))} are alike; kept apart")
        if layout.known and one.student not in layout.known.values():
            notes.append("not in students.csv")
        path = layout.folder / one.file.split(IN_ZIP)[0]
        stamp = short_text(path.with_name("timestamp.txt")) if layout.collected else ""
        one.when = name.when or _moment(stamp) or one.when
        one.note = "; ".join(notes)
        one.fate = COUNTS if one.student else "unknown: whose? Say it in who.csv"


def _moment(stamp: str) -> float | None:
    try:
        if stamp.count("-") == 5:  # Blackboard's
            return datetime.strptime(stamp, "%Y-%m-%d-%H-%M-%S").timestamp()
        return datetime.fromisoformat(stamp.strip().removesuffix(" UTC")).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):  # no time, or none of any calendar
        return None


def _overrule(handed: Sequence[Handed], who: Path, stems: Sequence[str]) -> None:
    """Apply ``who.csv``, the teacher's own word: file, student, exercise (which may be empty)."""
    words = {row["file"]: row for row in read_records(who) if row.get("file") and row.get("student")}
    for one in handed:
        if word := words.get(one.file):
            one.student, one.note = word["student"], ""
            one.exercise = _named(word.get("exercise") or "", stems) or one.exercise
            one.fate = COUNTS if one.exercise else one.fate


def _settle(handed: Sequence[Handed]) -> None:
    """Let one file of each learner count for an exercise, the last one."""
    counting = [one for one in handed if one.fate == COUNTS]
    last = {(one.student, one.exercise): one for one in sorted(counting, key=_order)}
    for one in counting:
        winner = last[one.student, one.exercise]
        if one is not winner:
            same = one.digest and one.digest == winner.digest
            one.fate = f"{'the same as' if same else 'superseded by'} {printable(winner.file)}"


def _order(one: Handed) -> tuple:
    """Order what one learner hands in: what can be read, Teams' version, the time, a browser's number of a copy."""
    versions = [float(number) for number in re.findall(r"(?:^|/)version (\d+)/", one.file.casefold())]
    copies = [NUMBER.search(ENDING.sub("", Path(part).name)) for part in one.file.split(IN_ZIP)]
    return not one.refused, versions, one.when, [float(copy[1] or copy[2]) if copy else 0.0 for copy in copies]


def printable(text: str) -> str:
    """Return a name that may come from anybody so that it can be shown, sorted and written; no two become one."""
    signs = unicodedata.normalize("NFC", text)
    return "".join(sign if sign.isprintable() and sign != "\\" else ascii(sign)[1:-1] for sign in signs).strip()
