"""Find out who handed in what, before anything is graded, and say it file by file.

It knows how Moodle, Canvas, Blackboard, Gradescope, GitHub Classroom, Teams, Google Classroom, nbgrader and mail lay
out what they hand to a teacher. A notebook's exercise is told by what is in it, so a renamed one is known and a lesson
is never taken for an exercise. Files are opened here and read in the sandbox only.
"""

from __future__ import annotations

import csv
import os
import re
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from exercises.grading import repair
from exercises.grading.classroom import Classroom
from exercises.grading.exercise import ExerciseError
from exercises.grading.repair import Cell
from exercises.grading.roster import Roster, plain
from exercises.grading.sandbox import Sandbox
from exercises.grading.sandbox_reader import NOTEBOOK_NAME

#: Larger files are not read; the outputs in them are no work of the learner's.
LARGEST_FILE = 300_000_000

#: Of a notebook so much must be an exercise's to be taken for it when it does not say itself which it is.
ENOUGH = 0.3

MOODLE = re.compile(r"^(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<rest>.*)$")
CANVAS = re.compile(r"^(?P<name>[^_]+)_(?:LATE_)?(?P<number>\d+)_\d+_(?P<rest>.+)$")
BLACKBOARD = re.compile(r"^.+_(?P<name>[^_]+)_attempt_(?P<when>\d{4}(?:-\d\d){5})_?(?P<rest>.*)$")
GRADESCOPE = re.compile(r"^submission_\d+$")
NO_STUDENT = re.compile(
    r"^(exercises?[ _-]?\d*|notebooks?|submi\w+( files)?|working files|.+-submissions|version \d+|assignment.*)$",
    re.IGNORECASE,
)
COPY = re.compile(r"^((copy|kopie) (of|von) )+|((?: ?\(\d+\)| ?- ?copy|-\d{1,2})+)$", re.IGNORECASE)
NUMBER = re.compile(r"(?: ?\((\d+)\)|-(\d{1,2}))$")
ENDING = re.compile(r"(\.ipynb(\.json|\.txt)?|\.zip)+", re.IGNORECASE)

COUNTS = "counts"

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


def survey(
    folder: Path, classroom: Classroom, roster: Roster, box: Sandbox, *, cores: int, only: str | None = None
) -> list[Handed]:
    """Read every file of a folder and tell whose it is.

    Parameters
    ----------
    cores : int
        How many files are read at a time.
    only : str, optional
        The exercise that every notebook is taken for."""
    if not folder.is_dir():
        raise ExerciseError(f"{folder} is no folder: name the one with what was handed in (a zip: unpack it first).")
    releases = {stem: classroom.released(stem) for stem in ([only] if only else classroom.stems)}
    found = _files(folder)
    with ThreadPoolExecutor(cores) as pool:
        slots = range(len(found))
        read = list(pool.map(lambda one, slot: _read(folder, one, box, slot % 1000), found, slots))
    handed = [_which(one, releases, only) for group in read for one in group]
    layout = _Layout(folder, handed, roster, list(releases))
    layout.collected = folder.resolve().is_relative_to(classroom.folder)  # by nbgrader; elsewhere a learner's own word
    handed = _whose(handed, layout)
    return _settled(_overruled(handed, classroom.folder / "who.csv", list(releases)), roster)


# ------------------------------------------------------------------------------------------------------------ the files


def _files(folder: Path) -> list[Handed]:
    """List everything in a folder; nothing is opened, no link followed."""
    found = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted([*folders, *names]):
            path = Path(place) / name
            file, state = path.relative_to(folder).as_posix(), path.lstat()
            one = Handed(file, when=state.st_mtime)
            kind, notebook = state.st_mode, bool(ENDING.search(name))
            if name.startswith(".") or name == "__MACOSX":
                found.append(replace(one, fate="ignored: hidden"))
                folders[:] = [other for other in folders if other != name]
            elif stat.S_ISDIR(kind):
                found += [replace(one, refused="A folder, not a notebook.")] if notebook else []
            elif not stat.S_ISREG(kind):
                fault = "A link; only files are read." if stat.S_ISLNK(kind) else "Neither file nor folder."
                found.append(replace(one, refused=fault) if notebook else replace(one, fate=f"ignored: {fault}"))
            elif not notebook:
                found.append(replace(one, fate="ignored: no notebook"))
            elif state.st_size > LARGEST_FILE:
                fault = f"The file has {state.st_size / 1e6:.0f} MB, more than {LARGEST_FILE / 1e6:.0f} MB."
                found.append(replace(one, refused=fault))
            else:
                found.append(one)
    return found


def _read(folder: Path, one: Handed, box: Sandbox, slot: int) -> list[Handed]:
    """Read a file in the sandbox; a zip gives one for each notebook in it."""
    if one.refused or one.fate != COUNTS:
        return [one]
    try:
        # Whoever put a FIFO or a link in the file's place meanwhile does not make us wait or follow.
        with open(folder / one.file, "rb", opener=lambda name, flags: os.open(name, flags | _CAREFULLY)) as file:
            outcome = box.read(file, slot)
    except OSError as error:
        return [replace(one, refused=f"The file cannot be opened ({error.strerror}).")]
    told = next((line for line in outcome.lines if "digest" in line), None)
    if told is None:
        return [replace(one, refused=f"The file cannot be read within the limits. {outcome.ended}".strip())]
    inside = [
        replace(
            one,
            file=f"{one.file}!{book['name']}" if book["name"] else one.file,
            digest=told["digest"],
            refused=book["refused"],
            cells=book["cells"],
            exercise=book["exercise"] or "",
        )
        for book in told["notebooks"]
    ]
    return inside or [replace(one, refused="The zip holds no notebook.")]


_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


# --------------------------------------------------------------------------------------------------- of which exercise


def _which(one: Handed, releases: dict[str, list[Cell]], only: str | None) -> Handed:
    """Tell a notebook's exercise by what is in it; a name counts only where nothing can be read."""
    if one.fate != COUNTS:
        return one
    by_name = _named(one.file, list(releases))
    if not one.refused:
        like = {stem: repair.resemblance(cells, one.cells) for stem, cells in releases.items()}
        best = max(like, key=like.__getitem__)
        full = next((stem for stem in releases if stem in one.file), only or "")  # its own name, or the teacher's word
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
    for part in reversed(re.split("[/!]", file.casefold())):
        for stem in stems:
            if stem in part or stem.removeprefix("exercise_") in part:
                return stem
    return stems[0] if len(stems) == 1 else ""


# ---------------------------------------------------------------------------------------------------------- whose it is


@dataclass(frozen=True)
class _Name:
    raw: str
    number: str = ""
    when: float | None = None


class _Layout:
    """How a folder is laid out: which parts of a path are learners."""

    def __init__(self, folder: Path, handed: Sequence[Handed], roster: Roster, stems: Sequence[str]) -> None:
        self.folder, self.known, self.stems = folder, roster.names(), stems
        self.words = sorted([*stems, *(stem.removeprefix("exercise_") for stem in stems)], key=len, reverse=True)
        paths = [one.file.split("!")[0].split("/") for one in handed if one.fate == COUNTS]
        self.skip = 0
        while self._is_wrapper(paths, self.skip):
            self.skip += 1
        outermost = {found for parts in paths if (found := self._folder(parts))}
        slugs = {name.rpartition("-")[0] for name in outermost}  # GitHub Classroom: assignment-login
        self.prefix = f"{slugs.pop()}-" if len(slugs) == 1 and len(outermost) > 1 and "" not in slugs else ""

    def _is_wrapper(self, paths: Sequence[list[str]], depth: int) -> bool:
        below = {parts[depth + 1] for parts in paths if len(parts) > depth + 2}
        same = len({parts[depth] for parts in paths if len(parts) > depth}) == 1
        alone = all(len(parts) > depth + 1 for parts in paths)
        several = len([name for name in below if self._may_be_learner(name)]) > 1
        known = bool(below) and all(MOODLE.match(name) or GRADESCOPE.match(name) for name in below)
        return bool(same and alone and (several or known))

    def _may_be_learner(self, part: str) -> bool:
        if MOODLE.match(part) or GRADESCOPE.match(part):
            return True
        return not NO_STUDENT.match(part) and not any(word in part.casefold() for word in self.words)

    def _folder(self, parts: Sequence[str]) -> str:
        return next((part for part in parts[self.skip : -1] if self._may_be_learner(part)), "")

    def name(self, file: str) -> _Name:
        """Return what a path says of its learner; an empty name if nothing.

        Only the outermost part that can be a learner's counts: what is below, the learner has named.
        """
        parts = file.split("!")[0].split("/")
        part = self._folder(parts) or parts[-1]
        if match := MOODLE.match(part):
            return _Name(match["name"], match["number"])
        if match := BLACKBOARD.match(part):
            return _Name(match["name"], when=datetime.strptime(match["when"], "%Y-%m-%d-%H-%M-%S").timestamp())
        if GRADESCOPE.match(part):
            return _Name(self._gradescope("/".join(parts[: parts.index(part)]), part))
        if part == parts[-1]:
            match = CANVAS.match(part)
            return _Name(match["name"], match["number"]) if match else _Name(self._in_file_name(part))
        if self.known.get(plain(part)):
            return _Name(part)
        slug = next((one.removesuffix("-submissions") for one in parts if one.endswith("-submissions")), None)
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
        if one.file in named:
            name = named[one.file]
            raw = printable(name.raw)
            numbers[raw, one.exercise].add(name.number)
            spellings[plain(raw) or raw].add(raw)
    result = []
    for one in handed:
        if one.file not in named:
            result.append(one)
            continue
        name, notes = named[one.file], [one.note] if one.note else []
        raw = printable(name.raw)
        student = layout.known.get(name.number) or layout.known.get(plain(raw)) or raw
        if student == raw and len(numbers[raw, one.exercise]) > 1:
            student = f"{raw} ({name.number})"
            notes.append("collision: several learners with this name; kept apart")
        elif student == raw and len(others := spellings[plain(raw) or raw]) > 1:
            notes.append(f"collision: {' and '.join(sorted(others))} differ in signs only; kept apart")
        if layout.known and student not in layout.known.values():
            notes.append("not in students.csv")
        path = layout.folder / one.file.split("!")[0]
        beside = {name: text for name in BESIDE if layout.collected and (text := _text(path.parent / name))}
        when = named[one.file].when or _moment(beside.get("timestamp.txt", "")) or one.when
        number = NUMBER.search(ENDING.sub("", path.name))
        attempt = re.search(r"/version (\d+)/", f"/{one.file}".casefold())
        version = (float(attempt[1]) if attempt else 0.0, when, float(number[1] or number[2]) if number else 0.0)
        fate = one.fate if student else "unknown: whose? Say it in who.csv"
        result.append(replace(one, student=student, fate=fate, when=when, version=version, beside=beside))
        result[-1] = replace(result[-1], note="; ".join(notes))
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
        return datetime.fromisoformat(stamp.strip().removesuffix(" UTC")).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _overruled(handed: Sequence[Handed], who: Path, stems: Sequence[str]) -> list[Handed]:
    """Apply ``who.csv``, the teacher's own word: file, student, exercise (which may be empty)."""
    if not who.exists():
        return list(handed)
    with open(who, encoding="utf-8-sig", newline="") as file:
        words = {row["file"]: row for row in csv.DictReader(file) if row.get("file") and row.get("student")}
    result = []
    for one in handed:
        word = words.get(one.file)
        exercise = _named(word.get("exercise") or "", stems) or one.exercise if word else one.exercise
        fate = COUNTS if word and exercise else one.fate
        result.append(replace(one, student=word["student"], exercise=exercise, fate=fate, note="") if word else one)
    return result


def _settled(handed: Sequence[Handed], roster: Roster) -> list[Handed]:
    """Let one file of each learner count for an exercise, the last one."""
    groups = defaultdict(list)
    for one in handed:
        if one.fate == COUNTS:
            groups[one.student, one.exercise].append(one)
    last = {key: max(group, key=lambda one: (not one.refused, one.version)) for key, group in groups.items()}
    result = []
    for one in handed:
        winner = last.get((one.student, one.exercise)) if one.fate == COUNTS else None
        if winner is not None and winner is not one:
            same = one.digest and one.digest == winner.digest
            one = replace(one, fate=f"{'the same as' if same else 'superseded by'} {winner.file}")
        result.append(one)
    return result


def printable(text: str) -> str:
    """Return a name that may come from anybody so that it can be shown, sorted and written; no two become one."""
    text = unicodedata.normalize("NFC", " ".join(text.split(" "))).encode("utf-8", "backslashreplace").decode()
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text).strip()


def is_notebook(one: Handed) -> bool:
    """Tell whether a file is one that somebody may have meant to hand in."""
    return bool(NOTEBOOK_NAME.search(one.file) or one.file.casefold().endswith(".zip"))
