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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

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

#: nbgrader's release_feedback asks for them.
BESIDE = ("timestamp.txt", "submission_secret.txt")


@dataclass(frozen=True)
class Handed:
    """A file, or a notebook in a zip, and what becomes of it."""

    file: str  # its path in the folder
    student: str = ""  # "" where nobody can tell
    exercise: str = ""  # "" where nobody can tell
    fate: str = COUNTS  # `COUNTS`, or why it does not
    when: float = 0.0  # when it was handed in, seconds since 1970
    version: tuple[float, ...] = ()  # orders several of one learner for one exercise
    digest: str = ""
    beside: Mapping[str, str] = field(default_factory=dict)  # what nbgrader writes beside what it collects
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

    def read(one: Handed, slot: int) -> list[Handed]:
        name, started = named.name(one.file).raw, time.monotonic()
        if name and spent[name] > box.limits.seconds:  # else everybody would wait, and each time again
            return [replace(one, fate="ignored: the other files of this learner took too long to read")]
        handed = _read(folder, one, box, slot)
        spent[name] += time.monotonic() - started + 1  # and one for the room that it takes
        return handed

    inside = dict(zip((one.file for one in opened), box.each(read, opened, cores), strict=True))
    handed = [_which(one, releases) for file in found for one in inside.get(file.file, [file])]
    layout = _Layout(folder, handed, roster, list(releases))
    # What nbgrader collected has its word for the time of hand-in; elsewhere it would be the learner's own.
    layout.collected = folder.resolve().is_relative_to(classroom.folder / "submitted")
    handed = _whose(handed, layout)
    return _settled(_overruled(handed, classroom.folder / "who.csv", list(releases)))


# ------------------------------------------------------------------------------------------------------------ the files


def _files(folder: Path) -> list[Handed]:
    """List everything in a folder; nothing is opened, no link followed."""
    found, left = [], [folder]
    while left:
        place = left.pop()
        try:
            entries = list(os.scandir(place))
        except OSError as error:
            file = place.relative_to(folder).as_posix()
            found.append(Handed(file, fate=f"ignored: the folder cannot be opened ({error.strerror})"))
            continue
        for entry in entries:
            path = Path(entry.path)
            found += _listed(entry, path.relative_to(folder).as_posix())
            if entry.is_dir(follow_symlinks=False) and not _is_hidden(entry.name):
                left.append(path)
    return sorted(found, key=lambda one: one.file.split("/"))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _listed(entry: os.DirEntry, file: str) -> list[Handed]:
    """Return an entry of a folder as it is handed in; a folder is none, unless it is called as a notebook."""
    try:
        state = entry.stat(follow_symlinks=False)
    except OSError as error:
        return [Handed(file, fate=f"ignored: it cannot be looked at ({error.strerror})")]
    one, notebook, fault = Handed(file, when=state.st_mtime), bool(ENDING.search(entry.name)), ""
    if _is_hidden(entry.name):
        return [replace(one, fate="ignored: hidden")]
    if stat.S_ISDIR(state.st_mode):
        return [replace(one, refused="A folder, not a notebook.")] if notebook else []
    if not stat.S_ISREG(state.st_mode):
        fault = "A link; only files are read." if stat.S_ISLNK(state.st_mode) else "Neither file nor folder."
    elif state.st_size > LARGEST_FILE:
        fault = f"The file has {state.st_size / 1e6:.0f} MB, more than {LARGEST_FILE / 1e6:.0f} MB."
    return [replace(one, refused=fault) if notebook else replace(one, fate=f"ignored: {fault or 'no notebook'}")]


def _read(folder: Path, one: Handed, box: Sandbox, slot: int) -> list[Handed]:
    """Read a file in the sandbox; a zip gives one for each notebook in it."""
    try:
        # Whoever put a FIFO or a link in the file's place meanwhile does not make us wait or follow.
        with open(folder / one.file, "rb", opener=lambda name, flags: os.open(name, flags | _CAREFULLY)) as file:
            outcome = box.read(file, slot)
    except OSError as error:
        return [replace(one, refused=f"The file cannot be opened ({error.strerror}).")]
    told = next((line for line in outcome.lines if "notebooks" in line), None)
    if told is None:
        return [replace(one, refused=f"The file cannot be read within the limits. {outcome.ended}".strip())]
    inside = []
    for book in told["notebooks"]:
        file = f"{one.file}{IN_ZIP}{book['name']}" if book["name"] else one.file
        read = {"refused": book["refused"], "cells": book["cells"], "exercise": book["exercise"] or ""}
        inside.append(replace(one, file=file, digest=book["digest"], **read))
    return inside or [replace(one, refused="The zip holds no notebook.")]


_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


# --------------------------------------------------------------------------------------------------- of which exercise


def _which(one: Handed, releases: dict[str, list[Cell]]) -> Handed:
    """Tell a notebook's exercise by what is in it; a name counts only where nothing can be read."""
    if one.fate != COUNTS:
        return one
    by_name = _named(one.file, list(releases))
    if not one.refused:
        like = {stem: repair.resemblance(cells, one.cells) for stem, cells in releases.items()}
        best = max(like, key=like.__getitem__)
        full = next((stem for stem in releases if stem in one.file), "")
        stem = one.exercise if one.exercise in releases else best if like[best] >= ENOUGH else ""
        stem = stem or (full if full and like[full] > 0 else "")
        if stem:
            note = f"its name says {by_name}" if by_name not in ("", stem) else ""
            return replace(one, exercise=stem, note=note)
        if not full:
            return replace(one, exercise="", fate="ignored: no exercise of this class (a lesson, or another notebook)")
        one = replace(one, refused="The notebook holds neither answers nor the cells of this exercise.")
    return replace(one, exercise=by_name, fate=COUNTS if by_name else "unknown: which exercise?")


def _named(file: str, stems: Sequence[str]) -> str:
    """Return the exercise that a path names, the innermost name first."""
    for part in reversed(file.casefold().split("/")):
        for stem in stems:
            if stem in part or stem.removeprefix("exercise_") in part:
                return stem
    return stems[0] if len(stems) == 1 else ""


# ---------------------------------------------------------------------------------------------------------- whose it is


@dataclass(frozen=True)
class _Name:
    raw: str  # printable
    number: str = ""
    when: float | None = None


class _Layout:
    """How a folder is laid out: which parts of a path are learners."""

    def __init__(self, folder: Path, handed: Sequence[Handed], roster: Roster, stems: Sequence[str]) -> None:
        self.folder, self.known, self.stems = folder, roster.names(), stems
        self.words = sorted([*stems, *(stem.removeprefix("exercise_") for stem in stems)], key=len, reverse=True)
        paths = [one.file.split(IN_ZIP)[0].split("/") for one in handed if one.fate == COUNTS]
        self.skip, self.several = 0, False
        while self._is_wrapper(paths, self.skip):
            self.skip += 1
        self.several = len({parts[self.skip] for parts in paths if len(parts) > self.skip + 1}) > 1
        outermost = {found for parts in paths if (found := self._folder(parts))}
        starts = [{name[: at + 1] for at, sign in enumerate(name) if sign == "-"} for name in outermost]
        shared = set.intersection(*starts) if len(starts) > 1 else set()
        self.prefix = max(shared, key=len, default="")  # GitHub Classroom: assignment-login

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
        return not NO_STUDENT.match(part) and not any(word in part.casefold() for word in self.words)

    def _folder(self, parts: Sequence[str]) -> str:
        return next((part for part in parts[self.skip : -1] if self._may_be_learner(part)), "")

    def name(self, file: str) -> _Name:
        """Return what a path says of its learner; an empty name if nothing."""
        found = self._name(file)
        return replace(found, raw=printable(found.raw))

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
        if part == parts[-1]:
            return _Name(self._in_file_name(part))
        if self.known.get(plain(part)):
            return _Name(part)
        above = parts[: parts.index(part)]
        slug = next((one.removesuffix("-submissions") for one in above if one.endswith("-submissions")), None)
        prefix = f"{slug}-" if slug else self.prefix
        return _Name(part.removeprefix(prefix) or part)

    def _gradescope(self, folder: str, part: str) -> str:
        with_names = self.folder / folder / "submission_metadata.yml"
        if not with_names.is_file() or with_names.is_symlink() or with_names.stat().st_size > 10_000_000:
            return part
        text = with_names.read_text(encoding="utf-8", errors="replace")
        match = re.search(rf"^{part}:\s*$(?:\n[ \t-].*)*?\n[ \t-]+:?name:[ ]*(.+)$", text, re.MULTILINE)
        return match[1].strip(" '\"") if match else part

    def _in_file_name(self, name: str) -> str:
        """Return what stands in a file's name beside the exercise's: "" if the exercise's is not there."""
        base = COPY.sub("", ENDING.sub("", name))
        for word in self.words:
            at = base.casefold().find(word)
            if at >= 0:
                rest = COPY.sub("", f"{base[:at]} {base[at + len(word) :]}".strip())
                return rest.strip(" _-.,+")
        return ""


def _whose(handed: Sequence[Handed], layout: _Layout) -> list[Handed]:
    """Name the learner of each notebook; two who are called alike are kept apart, and said to be."""
    named = {one.file: layout.name(one.file) for one in handed if one.fate == COUNTS}
    numbers, spellings = defaultdict(set), defaultdict(set)
    for one in handed:
        if name := named.get(one.file):
            numbers[name.raw.casefold(), one.exercise].add(name.number)  # a file system may know no case
            spellings[plain(name.raw) or name.raw].add(name.raw)
    result = []
    for one in handed:
        if one.file not in named:
            result.append(one)
            continue
        name, notes = named[one.file], [one.note] if one.note else []
        student = layout.known.get(plain(name.raw)) or layout.known.get(name.number) or name.raw
        others = spellings[plain(name.raw) or name.raw]
        if student == name.raw and len(numbers[name.raw.casefold(), one.exercise]) > 1:
            student = f"{name.raw} ({name.number})"
            notes.append("collision: several learners with this name; kept apart")
        elif student == name.raw and len(others) > 1:
            notes.append(f"collision: {' and '.join(sorted(others))} differ in signs only; kept apart")
        if layout.known and student not in layout.known.values():
            notes.append("not in students.csv")
        path = layout.folder / one.file.split(IN_ZIP)[0]
        beside = {name: text for name in BESIDE if layout.collected and (text := _text(path.parent / name))}
        when = name.when or _moment(beside.get("timestamp.txt", "")) or one.when
        copies = [NUMBER.search(ENDING.sub("", Path(part).name)) for part in one.file.split(IN_ZIP)]
        attempt = re.search(r"/version (\d+)/", f"/{one.file}".casefold())
        numbered = (float(copy[1] or copy[2]) if copy else 0.0 for copy in copies)
        version = (float(attempt[1]) if attempt else 0.0, when, *numbered)
        fate = one.fate if student else "unknown: whose? Say it in who.csv"
        found = {"student": student, "fate": fate, "when": when, "version": version, "note": "; ".join(notes)}
        result.append(replace(one, beside=beside, **found))
    return result


def _text(path: Path) -> str:
    """Return a short text file, "" without one."""
    try:
        with open(path, encoding="utf-8", opener=lambda name, flags: os.open(name, flags | _CAREFULLY)) as file:
            return file.read(1000)
    except (OSError, ValueError):
        return ""


def _moment(stamp: str) -> float | None:
    try:
        if stamp.count("-") == 5:  # Blackboard's
            return datetime.strptime(stamp, "%Y-%m-%d-%H-%M-%S").timestamp()
        return datetime.fromisoformat(stamp.strip().removesuffix(" UTC")).replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):  # no time, or none of any calendar
        return None


def _overruled(handed: Sequence[Handed], who: Path, stems: Sequence[str]) -> list[Handed]:
    """Apply ``who.csv``, the teacher's own word: file, student, exercise (which may be empty)."""
    words = {row["file"]: row for row in read_records(who) if row.get("file") and row.get("student")}
    result = []
    for one in handed:
        word = words.get(one.file)
        exercise = _named(word.get("exercise") or "", stems) or one.exercise if word else one.exercise
        fate = COUNTS if word and exercise else one.fate
        result.append(replace(one, student=word["student"], exercise=exercise, fate=fate, note="") if word else one)
    return result


def _settled(handed: Sequence[Handed]) -> list[Handed]:
    """Let one file of each learner count for an exercise, the last one."""
    last: dict[tuple[str, str], Handed] = {}
    for one in handed:
        named = one.student, one.exercise
        if one.fate == COUNTS and (named not in last or _order(one) > _order(last[named])):
            last[named] = one
    result = []
    for one in handed:
        winner = last.get((one.student, one.exercise), one)
        if one.fate == COUNTS and one is not winner:
            same = one.digest and one.digest == winner.digest
            one = replace(one, fate=f"{'the same as' if same else 'superseded by'} {printable(winner.file)}")
        result.append(one)
    return result


def _order(one: Handed) -> tuple:
    return not one.refused, one.version


def printable(text: str) -> str:
    """Return a name that may come from anybody so that it can be shown, sorted and written; no two become one."""
    signs = unicodedata.normalize("NFC", text)
    return "".join(sign if sign.isprintable() and sign != "\\" else ascii(sign)[1:-1] for sign in signs).strip()
