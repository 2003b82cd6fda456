"""Put a submission's work into the places where the grader looks for it.

Learners copy, delete, add, reorder and merge cells, and tools lose metadata. So nothing is taken from a submission but
the learner's own cells: each goes to the place of the answer whose name it defines (where that cannot be told, whose
nbgrader ``grade_id`` it carries) in a fresh copy of the notebook that was handed out. Set-up cells and checks come
from that copy, whatever the submission has made of them.
"""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

#: A submission's file may be as large as this; the outputs in it are not read.
LARGEST_FILE = 400_000_000

#: Longer cells and notebooks with more cells are not what a learner wrote.
LONGEST_CELL = 200_000
MOST_CELLS = 2_000


class Refused(Exception):
    """A file that cannot be graded; the message says why, for teacher and learner."""


@dataclass(frozen=True)
class Repaired:
    """A notebook ready for grading.

    Attributes
    ----------
    notebook : NotebookNode
        The released notebook with the learner's cells in it.
    notes : tuple of str
        What had to be put right.
    """

    notebook: NotebookNode
    notes: tuple[str, ...]


def load(path: Path) -> NotebookNode:
    """Read a submission's cells; outputs, metadata of the notebook and attachments are left behind.

    Raises
    ------
    Refused
        If the file is missing, too large, or not a notebook.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Refused(f"The file has {path.stat().st_size / 1e6:.0f} MB, more than {LARGEST_FILE / 1e6:.0f} MB.")
        content = json.loads(path.read_bytes())
        cells = [_cell(cell) for cell in content["cells"]]
    except FileNotFoundError:
        raise Refused("There is no file.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Refused(f"The file is not a notebook ({type(error).__name__}: {str(error)[:100]}).") from None
    if len(cells) > MOST_CELLS or any(len(cell.source) > LONGEST_CELL for cell in cells):
        raise Refused(
            f"The notebook has more than {MOST_CELLS} cells, or a cell longer than {LONGEST_CELL} characters."
        )
    notebook = nbformat.v4.new_notebook(cells=cells)
    exercise = content.get("metadata", {}).get("exercise") if isinstance(content.get("metadata"), dict) else None
    if isinstance(exercise, str):
        notebook.metadata["exercise"] = exercise
    return notebook


def _cell(raw: Mapping) -> NotebookNode:
    source = raw["source"] if isinstance(raw["source"], str) else "".join(raw["source"])
    if raw["cell_type"] != "code":
        return nbformat.v4.new_markdown_cell(source)
    cell = nbformat.v4.new_code_cell(source, metadata={"came_as": raw.get("id")})
    metadata = raw.get("metadata")
    grader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    if isinstance(grader, dict) and isinstance(grader.get("grade_id"), str):
        cell.metadata["grade_id"] = grader["grade_id"]
    return cell


def defined_names(code: str) -> set[str]:
    """Return the names that a cell defines; of code that does not parse, those that its lines seem to define.

    >>> sorted(defined_names("%matplotlib inline\\na, b = 1, 2\\ndef f(x):\\n    y = x"))
    ['a', 'b', 'f']
    """
    try:
        tree = ast.parse(TransformerManager().transform_cell(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(re.findall(r"^(?:def|class)?\s*([A-Za-z_]\w*)\s*(?:\(|=(?!=))", code, re.MULTILINE))
    return set(_stored(tree.body))


def _stored(body: Iterable[ast.AST]) -> Iterable[str]:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name
        elif not isinstance(node, ast.Lambda):
            yield from _stored(ast.iter_child_nodes(node))


def answer_places(release: NotebookNode) -> dict[str, int]:
    """Return the place of each answer cell of a released notebook, by its grade_id and by each name that it defines."""
    places = {}
    for place, cell in enumerate(release.cells):
        grader = cell.metadata.get("nbgrader", {})
        if grader.get("solution"):
            places |= dict.fromkeys(defined_names(cell.source) | {grader["grade_id"]}, place)
    return places


def learners_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells of a repaired or released notebook that run in the grading: all but the checks."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and not cell.metadata.get("nbgrader", {}).get("grade")
    ]


def repair(release: NotebookNode, submission: NotebookNode) -> Repaired:
    """Put the learner's cells into a copy of the released notebook.

    A cell that defines an answer's name takes that answer's place, the last one of several; the others, and cells that
    define no answer, stay in front of the one that they stood before. Cells that the learner left as they were handed
    out are taken from the release. Changed set-up cells run first, and then the release's own.

    Parameters
    ----------
    release : NotebookNode
        As handed out to the class, with nbgrader's metadata.
    submission : NotebookNode
        As `load` gives it.

    Raises
    ------
    Refused
        If the learner has changed nothing and deleted most of it: this is another notebook.
    """
    places = answer_places(release)
    untouched = {_normal(cell.source) for cell in release.cells if cell.cell_type == "code"}
    code = [cell for cell in submission.cells if cell.cell_type == "code" and cell.source.strip()]
    own = [cell for cell in code if _normal(cell.source) not in untouched]
    if not own and len(code) < len(untouched) / 2:
        raise Refused("The notebook holds neither answers nor the cells of this exercise.")

    setup_ids = {cell["id"] for cell in release.cells if "nbgrader" not in cell.metadata}
    changed_setup, extras, answers, notes = [], [], {}, []
    before: dict[int, list[NotebookNode]] = {}
    for cell in own:
        place = _place(cell, places)
        if place is not None:
            if place in answers:
                notes.append("An answer occurs more than once; the last one counts.")
                extras.insert(0, answers[place])
            before[place] = before.get(place, []) + extras
            answers[place], extras = cell, []
        elif cell.metadata.get("came_as") in setup_ids or "CLASS_SEED" in defined_names(cell.source):
            changed_setup.append(cell)
            notes.append("A set-up cell was changed; it ran first, and then the original.")
        else:
            extras.append(cell)
    before[0] = changed_setup + before.get(0, [])
    return Repaired(_assembled(release, before, answers, extras), tuple(dict.fromkeys(notes)))


def _place(cell: NotebookNode, places: Mapping[str, int]) -> int | None:
    """Return where a cell belongs: the last place whose name it defines, else that of its grade_id."""
    by_name = [places[name] for name in defined_names(cell.source) & set(places)]
    return max(by_name) if by_name else places.get(cell.metadata.get("grade_id"))


def _assembled(
    release: NotebookNode,
    before: Mapping[int, list[NotebookNode]],
    answers: Mapping[int, NotebookNode],
    trailing: list[NotebookNode],
) -> NotebookNode:
    notebook = copy.deepcopy(release)
    notebook.cells = []
    last = max(answers, default=len(release.cells) - 1)
    for place, original in enumerate(copy.deepcopy(release.cells)):
        notebook.cells += [_extra(cell) for cell in before.get(place, [])]
        if place in answers:
            original.source = answers[place].source
        notebook.cells.append(original)
        if place == last:
            notebook.cells += [_extra(cell) for cell in trailing]
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    return notebook


def _extra(cell: NotebookNode) -> NotebookNode:
    return nbformat.v4.new_code_cell(cell.source)


def _normal(code: str) -> str:
    """Return code without the differences that editors make."""
    return "\n".join(line.rstrip() for line in code.strip().splitlines())
