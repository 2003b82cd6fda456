"""The register of misconceptions: the tables "Misconceptions met" of all lessons on one page.

A lesson's text holds each misconception beside what refutes it; ``python course.py build`` writes
``docs/misconceptions.md``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode

from notebooks import rules

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "misconceptions.md"
HEADING = "## Misconceptions met"

HEAD = """# Misconceptions

What people say about loss and accuracy, and what you see when you try it. Each stands in the lesson that refutes it by
an experiment that could have come out otherwise. Made by `python course.py build` from the lessons' own tables.
"""


def met_in(notebook: NotebookNode) -> list[tuple[str, str]]:
    """Return the rows of a lesson's table: what people say, and what you saw; none if it has no such table."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and HEADING in cell.source:
            table = cell.source.split(HEADING)[1].split("\n## ")[0]
            rows = re.findall(r"^\| *(.+?) *\| *(.+?) *\|$", table, re.MULTILINE)
            return [row for row in rows[1:] if not set(row[0]) <= set("-: ")]
    return []


def page(lessons: Sequence[tuple[str, NotebookNode]]) -> str:
    """Return the page, from name and notebook of each lesson."""
    parts = [HEAD]
    for name, notebook in lessons:
        if rows := met_in(notebook):
            title = re.search(r"^# (.+)$", notebook.cells[0].source, re.MULTILINE)[1]
            lines = [f"| {said} | {seen} |" for said, seen in rows]
            link = f"Settled in [lesson {rules.label(name)}](../notebooks/{name}.ipynb)."
            parts.append(
                "\n".join([f"## {title}", "", link, "", "| people say | what you see |", "|---|---|", *lines, ""])
            )
    return "\n".join(parts)
