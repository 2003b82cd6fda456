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
    lessons : tuple of int
        The lessons that are to settle it; none for an opinion.
    text, verdict : str
    """

    name: str
    lessons: tuple[int, ...]
    text: str
    verdict: str


def read(path: Path) -> list[Claim]:
    """Read the claims.

    Raises
    ------
    ValueError
        If a name occurs twice.
    """
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    claims = [
        Claim(row["id"], tuple(map(int, re.findall(r"\d+", row["lesson"]))), row["claim"], row["verdict"])
        for row in rows
    ]
    names = [claim.name for claim in claims]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{path.name} names {', '.join(sorted(doubled))} twice: keep one line for each claim.")
    return claims


def settled_in(lessons: Sequence[tuple[str, NotebookNode]]) -> dict[str, list[tuple[str, int]]]:
    """Return for each claim the lessons and cell numbers, from 1, that name it.

    Parameters
    ----------
    lessons : sequence of (str, notebook)
        The lessons' names and their notebooks.
    """
    places: dict[str, list[tuple[str, int]]] = {}
    for lesson, notebook in lessons:
        for number, cell in enumerate(notebook.cells, start=1):
            for name in cell.metadata.get("claims", []):
                places.setdefault(name, []).append((lesson, number))
    return places


def problems(claims: Sequence[Claim], places: dict[str, list[tuple[str, int]]], lessons: Sequence[str]) -> list[str]:
    """Return the claims that an existing lesson ought to settle and does not, and the names that no claim has."""
    known = {claim.name for claim in claims}
    found = [
        f"a cell of {places[name][0][0]} settles {name}, which no line of claims.csv has"
        for name in sorted(set(places) - known)
    ]
    by_number = {int(lesson[:2]): lesson for lesson in lessons}
    for claim in claims:
        for number in claim.lessons:
            lesson = by_number.get(number)
            if lesson and lesson not in {where for where, _ in places.get(claim.name, [])}:
                found.append(f"{lesson}: no cell settles {claim.name} ({claim.text})")
    return found


def index(claims: Sequence[Claim], places: dict[str, list[tuple[str, int]]]) -> str:
    """Return the claim index as a Markdown page."""
    return HEAD + "".join(
        f"| {claim.name} | {claim.text} | {claim.verdict} | {_where(claim, places)} |\n" for claim in claims
    )


def _where(claim: Claim, places: dict[str, list[tuple[str, int]]]) -> str:
    by_lesson: dict[str, list[int]] = {}
    for lesson, number in places.get(claim.name, []):
        by_lesson.setdefault(lesson, []).append(number)
    links = [
        f"[lesson {int(lesson[:2])}](../notebooks/{lesson}.ipynb), cell {', '.join(map(str, numbers))}"
        for lesson, numbers in by_lesson.items()
    ]
    return "; ".join(links) or ("not yet" if claim.lessons else "nothing to settle")
