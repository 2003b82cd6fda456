"""A page for each learner: what was expected, what they gave, and a hint; and the pages packed for upload."""

from __future__ import annotations

import html
import string
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from exercises.grading import exercise
from exercises.grading.gradebook import Entry, file_name, write
from exercises.grading.intake import IN_ZIP, short_text
from exercises.grading.scoring import Mark
from lessonlib import storage

#: What nbgrader puts beside what it collects: its release_feedback asks for them.
BESIDE = ("timestamp.txt", "submission_secret.txt")

PAGE = string.Template(Path(__file__).with_name("feedback.html").read_text(encoding="utf-8"))


def page(entry: Entry, title: str) -> str:
    """Return the page of one learner for one exercise; everything a learner wrote is escaped."""
    result = entry.result
    late = [f"{entry.days_late} days late: {entry.points:g} points remain."] if entry.days_late else []
    notes = [*late, *result.notes, *(f"One of your cells failed: {error}" for error in result.cell_errors)]
    listed = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    return PAGE.substitute(
        heading=html.escape(f"{title}: {result.points:g} of {result.possible:g} points"),
        student=html.escape(result.student),
        notes=f"<ul>{listed}</ul>" if listed else "",
        sections="".join(_section(number, mark) for number, mark in enumerate(result.marks, start=1)),
    )


def _section(number: int, mark: Mark) -> str:
    right = not mark.fault
    state = "right" if right else "partly right" if mark.points else "not right"
    asked = f"Question {number}, <code>{html.escape(mark.question)}</code>"
    earned = f"{mark.points:g} of {mark.possible:g}, {state}"
    lines = [f'<section class="{"right" if right else "wrong"}"><h2>{asked}: {earned}</h2>']
    if not right:
        lines.append(f'<p class="fault">{html.escape(mark.shown)}</p>')
        if mark.error and mark.error not in mark.shown:
            lines.append(f'<p class="error">Your code stopped with {html.escape(mark.error)}</p>')
        if mark.mistake:
            lines.append(f"<p><strong>A known mistake:</strong> {html.escape(mark.mistake)}</p>")
        lines.append(f"<p><strong>Hint.</strong> {html.escape(mark.hint)}</p>" if mark.hint else "")
    return "".join(lines) + "</section>\n"


def write_all(entries: Sequence[Entry], folder: Path) -> None:
    """Write every page where nbgrader's exchange looks for it, and pack those of each exercise for upload.

    In ``feedback-E.zip`` a page lies where the platform's download had the notebook, under its name: Moodle and Canvas
    find the learner by that.
    """
    packed: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for entry in entries:
        result = entry.result
        text = page(entry, exercise.load(result.exercise).title)
        place = folder / "feedback" / file_name(result.student) / result.exercise
        write(place / f"{result.exercise}.html", text)
        if result.file:
            path = PurePosixPath(result.file.split(IN_ZIP)[0])
            for name in BESIDE:
                if said := short_text((folder / "submitted" / path).with_name(name)):
                    write(place / name, said)
            packed[result.exercise].append((str(path.with_name(f"{path.stem}.html")), text))
    for stem, pages in packed.items():
        storage.write_atomically(folder / f"feedback-{stem}.zip", lambda file, pages=pages: _pack(file, pages))


def _pack(file: object, pages: Sequence[tuple[str, str]]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in pages:
            archive.writestr(name, text.encode("utf-8", "replace"))
