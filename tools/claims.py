"""The claim index: which cell of which lesson settles each claim of the five texts that the course examines.

A cell settles a claim when its metadata names it: ``# %% claims=["001-C3"]`` in the lesson's text. The claims stand in
``docs/claims.csv``; ``python course.py build`` writes ``docs/claim-index.md``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from notebooks import rules

COLUMNS = ["id", "lesson", "claim", "verdict"]
#: What the first two columns look like: ``001-C3`` and ``3, 5b`` (nothing for an opinion).
NAME, LESSONS = re.compile(r"\d{3}-[A-Z]\d+[a-z]?"), re.compile(r"(\d+[a-z]?(, ?\d+[a-z]?)*)?")

HEAD = """# Claim index

Five texts about loss and accuracy, taken apart into their claims, and the cells that settle each. A cell settles a
claim by computing something that could have come out otherwise. Made by `python course.py build` from `docs/claims.csv`
and the lessons.

- **000** "Why do validation loss/accuracy fluctuate while manual tests show good results?"
- **001** "Why are accuracy and loss metrics producing unexpected results?"
- **002** "How is it possible that validation loss is increasing while validation accuracy is increasing as well?", a
  question with its answers and comments
- **003** "Why Loss and Accuracy Metrics Conflict?", with comments
- **004** "How do loss and metric curves inform model performance?"

| id | claim | verdict | settled in |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Claim:
    """One claim of a text.

    Attributes
    ----------
    name : str
        Text, kind and number, such as ``001-C3``.
    lessons : tuple of str
        The lessons that are to settle it, such as ``"3"`` or ``"5b"``; none for an opinion.
    text, verdict : str
    """

    name: str
    lessons: tuple[str, ...]
    text: str
    verdict: str


def read(path: Path) -> list[Claim]:
    """Read the claims.

    Raises
    ------
    ValueError
        If a name occurs twice, or a line has not the four columns, each with what belongs there.
    """
    with open(path, encoding="utf-8", newline="") as file:
        head, *rows = list(csv.reader(file, delimiter=";"))
    if head != COLUMNS:
        raise ValueError(f"{path.name} begins with {';'.join(head)}, not with {';'.join(COLUMNS)}.")
    for number, row in enumerate(rows, start=2):
        fits = len(row) == 4 and NAME.fullmatch(row[0]) and LESSONS.fullmatch(row[1]) and all(map(str.strip, row[2:]))
        if not fits:
            raise ValueError(
                f"{path.name}, line {number}, is no id;lessons;claim;verdict: {';'.join(row)!r}. "
                "A claim that holds a semicolon stands in quotation marks."
            )
    claims = [Claim(name, tuple(re.findall(r"\w+", lessons)), *texts) for name, lessons, *texts in rows]
    names = [claim.name for claim in claims]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{path.name} names {', '.join(sorted(doubled))} twice: keep one line for each claim.")
    return claims


def settled_in(lessons: Sequence[tuple[str, NotebookNode]]) -> dict[str, list[tuple[str, str]]]:
    """Return for each claim the lessons and the headings above the cells that name it.

    Parameters
    ----------
    lessons : sequence of (str, notebook)
        The lessons' names and their notebooks.
    """
    places: dict[str, list[tuple[str, str]]] = {}
    for lesson, notebook in lessons:
        heading = ""
        for cell in notebook.cells:
            if inside := rules.headings_of(cell):
                heading = inside[-1][1]
            for name in cell.metadata.get("claims", []):
                if (lesson, heading) not in places.setdefault(name, []):
                    places[name].append((lesson, heading))
    return places


def problems(claims: Sequence[Claim], places: dict[str, list[tuple[str, str]]], lessons: dict[str, str]) -> list[str]:
    """Return the claims that an existing lesson ought to settle and does not, and the names that no claim has.

    `lessons` holds the lessons' names by their numbers, such as ``"5b"``.
    """
    known = {claim.name for claim in claims}
    found = [
        f"a cell of {places[name][0][0]} settles {name}, which no line of claims.csv has"
        for name in sorted(set(places) - known)
    ]
    for claim in claims:
        for number in claim.lessons:
            lesson = lessons.get(number)
            if lesson and lesson not in {where for where, _ in places.get(claim.name, [])}:
                found.append(f"{lesson}: no cell settles {claim.name} ({claim.text})")
    return found


def index(claims: Sequence[Claim], places: dict[str, list[tuple[str, str]]]) -> str:
    """Return the claim index as a Markdown page."""
    return HEAD + "".join(
        f"| {claim.name} | {claim.text} | {claim.verdict} | {_where(claim, places)} |\n" for claim in claims
    )


def _where(claim: Claim, places: dict[str, list[tuple[str, str]]]) -> str:
    by_lesson: dict[str, list[str]] = {}
    for lesson, heading in places.get(claim.name, []):
        by_lesson.setdefault(lesson, []).append(heading.replace("|", "\\|"))
    links = [
        f"lesson {rules.label(lesson)}: "
        + ", ".join(f"[{heading}](../notebooks/{lesson}.ipynb#{rules.anchor(heading)})" for heading in headings)
        for lesson, headings in by_lesson.items()
    ]
    return "; ".join(links) or ("not yet" if claim.lessons else "nothing to settle")
