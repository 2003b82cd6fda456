"""Submissions to test the grading with: right, wrong, damaged and hostile ones, each with what it must lose.

They are made from a class's notebooks and ``exercises/teachers/submissions``.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from exercises.grading import exercise, repair, sandbox_reader
from exercises.grading.corpus import FOLDER, Variant, variants
from exercises.grading.exercise import Exercise


@dataclass(frozen=True)
class Hostile:
    """A cell that attacks, and where it stands."""

    title: str
    keeps: bool  # whether the answers beside it must still get their marks
    at_end: bool  # it stands behind; behind no answers at all where it does not keep any
    code: str


@dataclass(frozen=True)
class Specimen:
    """A file to hand in, and what it must get."""

    title: str
    content: bytes | None  # none: nothing is handed in
    loses: Collection[str]  # the questions that it must lose


def hostile_cells() -> list[Hostile]:
    """Return the attacks."""
    cells = jupytext.read(FOLDER / "hostile.py", fmt="py:percent").cells
    return [
        Hostile(cell.metadata["hostile"], cell.metadata["keeps"], cell.metadata.get("at_end", False), cell.source)
        for cell in cells
        if "hostile" in cell.metadata
    ]


def released(folder: Path, stem: str) -> NotebookNode:
    """Return the notebook that a class got."""
    return nbformat.read(folder / "release" / stem / f"{stem}.ipynb", as_version=4)


def solved(source: Exercise, release: NotebookNode) -> NotebookNode:
    """Return a class's notebook as a learner hands it in who has solved everything."""
    notebook = copy.deepcopy(release)
    cells = source.answer_cells()
    for cell in notebook.cells:
        grader = cell.metadata.get("nbgrader", {})
        if grader.get("solution") and not grader.get("grade"):
            cell.source = re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", cells[grader["grade_id"]].source)
    return notebook


def with_variant(notebook: NotebookNode, release: NotebookNode, variant: Variant) -> NotebookNode:
    """Return a solved notebook with a variant's answers in the places of those that define the same names."""
    notebook = copy.deepcopy(notebook)
    # As they were handed out: a solution's cells define helpers as well.
    places = repair.answer_places(sandbox_reader.notebook(to_bytes(release))["cells"])
    for code in variant.cells:
        place = max(places[name] for name in names(code) & set(places))
        notebook.cells[place].source = code
    notebook.cells[0:0] = [nbformat.v4.new_code_cell(code) for code in variant.preamble]
    return notebook


def with_attack(notebook: NotebookNode, attack: Hostile, names: Sequence[str]) -> NotebookNode:
    """Return a solved notebook with an attack in front or behind; NAMES in it are the names of the answers."""
    notebook = copy.deepcopy(notebook)
    cell = nbformat.v4.new_code_cell(f"NAMES = {list(names)!r}\n{attack.code}")
    notebook.cells.insert(len(notebook.cells) if attack.at_end else 0, cell)
    return notebook


def names(code: str) -> set[str]:
    """Return the names that a cell defines."""
    return sandbox_reader.defined_names(code, sandbox_reader.parse(code))


def to_bytes(notebook: NotebookNode) -> bytes:
    return nbformat.writes(notebook).encode()


def damaged(notebook: NotebookNode, questions: Sequence[str]) -> list[Specimen]:
    """Return a solved notebook damaged in the ways in which learners and their tools damage notebooks."""

    def change(action: Callable[[NotebookNode], object]) -> bytes:
        other = copy.deepcopy(notebook)
        action(other)
        return to_bytes(other)

    def is_answer(cell: NotebookNode) -> bool:
        return bool(cell.metadata.get("nbgrader", {}).get("solution")) and cell.cell_type == "code"

    def answer_cells(nb: NotebookNode) -> list[NotebookNode]:
        return [cell for cell in nb.cells if is_answer(cell)]

    def merge(nb: NotebookNode) -> None:
        together = "\n\n".join(cell.source for cell in answer_cells(nb))
        nb.cells = [*(cell for cell in nb.cells if not is_answer(cell)), nbformat.v4.new_code_cell(together)]

    def copy_first(nb: NotebookNode) -> None:
        for cell, number in ((answer_cells(nb)[0], 0), (answer_cells(nb)[-1], len(nb.cells) + 1)):
            nb.cells.insert(number, NotebookNode(cell | {"id": f"copy-{number}"}))

    def big_output(nb: NotebookNode) -> None:
        code = next(cell for cell in nb.cells if cell.cell_type == "code")
        code.outputs = [nbformat.v4.new_output("stream", text="x" * 200_000_000)]

    def keep(test: Callable[[NotebookNode], bool]) -> Callable[[NotebookNode], None]:
        def action(nb: NotebookNode) -> None:
            nb.cells = [cell for cell in nb.cells if test(cell)]

        return action

    first = names(answer_cells(notebook)[0].source) & set(questions)
    every = set(questions)
    return [
        Specimen("no metadata", change(lambda nb: [cell.metadata.clear() for cell in nb.cells]), ()),
        Specimen("reordered cells", change(lambda nb: nb.cells.reverse()), ()),
        Specimen("copied cells", change(copy_first), ()),
        Specimen("all answers in one cell", change(merge), ()),
        Specimen("only the answers left", change(keep(is_answer)), ()),
        Specimen("checks deleted", change(keep(lambda cell: not cell.metadata.get("nbgrader", {}).get("grade"))), ()),
        Specimen("first answer deleted", change(lambda nb: nb.cells.remove(answer_cells(nb)[0])), first),
        Specimen("syntax error", change(lambda nb: answer_cells(nb)[0].update(source="def f(:\n  )")), first),
        Specimen("wrong kernel", change(lambda nb: nb.metadata.update(kernelspec={"name": "julia-1.9"})), ()),
        Specimen("200 MB of stored output", change(big_output), ()),
        Specimen("no cells", change(keep(lambda cell: False)), every),
        Specimen("no notebook", b"PK\x03\x04 this is a Word file", every),
        Specimen("a list, not a notebook", json.dumps([1, 2, 3]).encode(), every),
        Specimen("deep nesting", b"[" * 100_000, every),
        Specimen("empty file", b"", every),
        Specimen("nothing handed in", None, every),
    ]


def specimens(source: Exercise, release: NotebookNode) -> list[Specimen]:
    """Return every right and wrong variant of an exercise as files to hand in, the solved and the empty one first."""
    full = solved(source, release)
    names = [exercise.names_of(cell, "check")[0] for cell in source.with_role("check")]
    every = [Specimen("solved", to_bytes(full), ()), Specimen("untouched", to_bytes(release), names)]
    for variant in variants(source.stem):
        loses = (variant.loses,) if variant.loses else ()
        every.append(Specimen(variant.title, to_bytes(with_variant(full, release, variant)), loses))
    return every


def attacks(source: Exercise, release: NotebookNode) -> list[Specimen]:
    """Return the hostile and the damaged submissions of an exercise."""
    full = solved(source, release)
    questions = [exercise.names_of(cell, "check")[0] for cell in source.with_role("check")]
    names = list(source.answer_cells())
    hostile = [
        Specimen(
            one.title,
            to_bytes(with_attack(release if one.at_end and not one.keeps else full, one, names)),
            () if one.keeps else questions,
        )
        for one in hostile_cells()
    ]
    return hostile + damaged(full, questions)
