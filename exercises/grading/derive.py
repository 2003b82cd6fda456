"""Derive the notebooks of an exercise from its source: for learners, for nbgrader, to show afterwards."""

from __future__ import annotations

import copy
import inspect
import json
import re
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from exercises.grading import exercise
from exercises.grading.exercise import Exercise, Question
from lessonlib import comparing

#: What stands in a student notebook in the place of a solution.
STUB, WRITE_HERE = "# your code here", "*Write your explanation in place of this line.*"

SOLUTION = re.compile("### BEGIN SOLUTION.*?### END SOLUTION", re.DOTALL)
HIDDEN_TESTS = re.compile("\n### BEGIN HIDDEN TESTS.*", re.DOTALL)


def nbgrader_notebook(source: Exercise, secret: str = "") -> NotebookNode:
    """Return the solved notebook with nbgrader's metadata and hidden tests, with the numbers of a class's secret."""
    solved = exercise.solve(source, secret)
    keys = {key.name: key for key in exercise.answer_key(source, secret, solved)}
    class_seed = exercise.class_seed_of(secret)
    shown = [cell for cell in source.cells if not {"hidden", "rubric"} & set(cell.metadata)]
    cells = []
    for number, cell in enumerate(shown):
        role = next((role for role in exercise.ROLES if role in cell.metadata), "")
        named = exercise.names_of(cell, role)[0] if role else ""
        code, metadata = exercise.with_class_seed(cell.source, class_seed), {}
        name = f"text-{number}" if cell.cell_type == "markdown" else f"code-{number}"
        if role in ("answer", "check", "explain"):
            name = named if role == "answer" else f"{role}-{named}"
            points = {} if role == "answer" else {"points": cell.metadata["points"]}
            marks = {"grade": role != "answer", "solution": role != "check", "locked": role == "check"}
            metadata = {"nbgrader": {"schema_version": 3, "task": False, "grade_id": name} | marks | points}
        if role == "check":
            code += "\n" + hidden_tests(keys[named])
            metadata["tags"] = ["raises-exception"]  # a failing check does not stop "Run all"
        if role == "data":
            code, metadata = exercise.data_of(cell, solved), {"jupyter": {"source_hidden": True}}
        new = nbformat.v4.new_markdown_cell if cell.cell_type == "markdown" else nbformat.v4.new_code_cell
        cells.append(new(code, id=name, metadata=metadata))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}, "exercise": source.stem}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def hidden_tests(question: Question) -> str:
    """Return nbgrader's hidden tests of a question: its cases written out, and what the solution gives for them.

    They are for plain nbgrader. The course's own grader (``exercises.grading.grade``) never shows them to a submission.
    """
    cases = json.dumps(comparing.to_json(question.cases))
    values = ", ".join(f"{name!r}: {name}" for name in question.names)
    asked = question.name if len(question.names) == 1 else f"{{{values}}}"
    options = f"hint={question.hint!r}, tolerance={question.tolerance!r}"
    lines = ["### BEGIN HIDDEN TESTS", "from lessonlib.comparing import expect_cases", f"cases = {cases!r}"]
    if question.compare:
        lines.append(inspect.getsource(question.compare))
        options += ", compare=compare"
    return "\n".join([*lines, f"expect_cases({asked}, cases, {options})", "### END HIDDEN TESTS"])


def student_notebook(solved: NotebookNode) -> NotebookNode:
    """Return nbgrader's solved notebook without solutions and hidden tests, as nbgrader would release it."""
    notebook = copy.deepcopy(solved)
    for cell in notebook.cells:
        cell.source = SOLUTION.sub(STUB, HIDDEN_TESTS.sub("", cell.source))
        if cell.cell_type == "markdown" and "nbgrader" in cell.metadata:
            cell.source = WRITE_HERE
    return notebook


def solution_notebook(solved: NotebookNode) -> NotebookNode:
    """Return the solved notebook to read and run: solutions kept, hidden tests and markers gone."""
    notebook = copy.deepcopy(solved)
    for cell in notebook.cells:
        cell.source = re.sub(r"\n *### (BEGIN|END) SOLUTION", "", HIDDEN_TESTS.sub("", cell.source))
        cell.metadata.pop("nbgrader", None)
    return notebook


def text(notebook: NotebookNode) -> str:
    """Return a notebook as the text of its file."""
    return nbformat.writes(notebook, version=4) + "\n"


def public_notebooks(paths: Iterable[Path]) -> dict[Path, str]:
    """Return the student notebooks that everybody gets: where each stands, and its text."""
    return {
        exercise.FOLDER / f"{path.stem}.ipynb": text(student_notebook(nbgrader_notebook(exercise.read(path))))
        for path in paths
    }
