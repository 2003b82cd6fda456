"""A page for each learner: what was expected, what they gave, and a hint."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from exercises.grading import exercise
from lessonlib import storage

if TYPE_CHECKING:
    from exercises.grading.classroom import Classroom
    from exercises.grading.scoring import Mark, Result

STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 0; }
section { border-left: .4rem solid; padding: .4rem 1rem; margin: 1rem 0; }
.right { border-color: #0072b2; } .wrong { border-color: #d55e00; }
.fault, .error { font-family: ui-monospace, monospace; font-size: .9rem; overflow-wrap: anywhere; }
"""


def page(result: Result, title: str) -> str:
    """Return the page of one learner for one exercise; everything a learner wrote is escaped."""
    notes = [*result.notes, *(f"One of your cells failed: {error}" for error in result.cell_errors)]
    listed = f"<ul>{''.join(f'<li>{html.escape(note)}</li>' for note in notes)}</ul>" if notes else ""
    heading = html.escape(f"{title}: {result.points:g} of {result.possible:g} points")
    sections = "".join(_section(number, mark) for number, mark in enumerate(result.marks, start=1))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{heading}</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{STYLE}</style></head>\n<body><main><h1>{heading}</h1><p>{html.escape(result.student)}</p>"
        f"{listed}\n{sections}</main></body></html>\n"
    )


def _section(number: int, mark: Mark) -> str:
    right = not mark.fault
    points = f"{mark.points:g} of {mark.possible:g}"
    heading = (
        f"Question {number}, <code>{html.escape(mark.question)}</code>: {points}, {'right' if right else 'not right'}"
    )
    lines = [f'<section class="{"right" if right else "wrong"}"><h2>{heading}</h2>']
    if not right:
        lines.append(f'<p class="fault">{html.escape(mark.fault)}</p>')
        if mark.error and mark.error not in mark.fault:
            lines.append(f'<p class="error">Your code stopped with {html.escape(mark.error)}</p>')
        if mark.mistake:
            lines.append(f"<p><strong>A known mistake:</strong> {html.escape(mark.mistake)}</p>")
        lines.append(f"<p><strong>Hint.</strong> {html.escape(mark.hint)}</p>" if mark.hint else "")
    return "".join(lines) + "</section>\n"


def write_all(results: Sequence[Result], classroom: Classroom) -> None:
    """Write every page to where nbgrader's exchange looks for it: ``feedback/STUDENT/EXERCISE/EXERCISE.html``."""
    titles = {stem: exercise.read(exercise.SOURCES / f"{stem}.py").title for stem in {one.exercise for one in results}}
    for one in results:
        text = page(one, titles[one.exercise]).encode("utf-8", errors="replace")
        path = classroom.folder / "feedback" / one.student / one.exercise / f"{one.exercise}.html"
        storage.write_atomically(path, lambda file, text=text: file.write(text))
