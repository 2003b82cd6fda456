"""Make the notebooks of an exercise from its source: with solutions and hidden tests, for learners, to show afterwards.

nbgrader's own preprocessors take the solutions and the hidden tests out, so that a student notebook made here and one
made by ``nbgrader generate_assignment`` are the same.
"""

from __future__ import annotations

import copy
import json

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions
from traitlets.config import Config

from exercises.grading import exercise
from exercises.grading.exercise import Exercise, Key
from lessonlib import comparing

#: What stands in a student notebook in the place of a solution.
STUB = "# your code here"

NBGRADER = {"schema_version": 3, "task": False}
#: Data are not for reading.
COLLAPSED = {"source_hidden": True}

WRITE_HERE = "*Write your explanation in place of this line.*"
CONFIG = Config(ClearSolutions={"code_stub": {"python": STUB}, "text_stub": WRITE_HERE})


def nbgrader_notebook(source: Exercise, secret: str = "") -> NotebookNode:
    """Return the solved notebook with nbgrader's metadata and with the hidden tests in its checks.

    Parameters
    ----------
    secret : str
        The class's; hidden inputs and the class's own numbers come from it.
    """
    solved = exercise.solve(source, secret)
    keys = {key.question.name: key for key in exercise.answer_key(source, secret, solved)}
    class_seed = exercise.class_seed_of(secret)
    shown = [cell for cell in source.cells if not {"hidden", "rubric"} & set(cell.metadata)]
    cells = [
        nbformat.v4.new_code_cell(exercise.data_of(cell, solved), id=f"code-{number}", metadata={"jupyter": COLLAPSED})
        if "data" in cell.metadata
        else _nbgrader_cell(cell, keys, class_seed, number)
        for number, cell in enumerate(shown)
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
        exercise=source.stem,
    )
    notebook.nbformat_minor = 5
    return notebook


def _nbgrader_cell(cell: NotebookNode, keys: dict[str, Key], class_seed: int, number: int) -> NotebookNode:
    if "explain" in cell.metadata:
        name = "explain-" + exercise.names_of(cell, "explain")[0]
        grader = NBGRADER | {"grade": True, "solution": True, "locked": False, "grade_id": name}
        metadata = {"nbgrader": grader | {"points": cell.metadata["points"]}}
        return nbformat.v4.new_markdown_cell(cell.source, id=name, metadata=metadata)
    if cell.cell_type == "markdown":
        return nbformat.v4.new_markdown_cell(cell.source, id=f"text-{number}")
    code = exercise.with_class_seed(cell.source, class_seed)
    if "answer" in cell.metadata:
        name = exercise.names_of(cell, "answer")[0]
        grader = NBGRADER | {"grade": False, "solution": True, "locked": False, "grade_id": name}
    elif "check" in cell.metadata:
        name = "check-" + exercise.names_of(cell, "check")[0]
        points = cell.metadata["points"]
        grader = NBGRADER | {"grade": True, "solution": False, "locked": True, "grade_id": name, "points": points}
        code += "\n" + hidden_tests(keys[exercise.names_of(cell, "check")[0]])
    else:
        name = f"code-{number}"
        return nbformat.v4.new_code_cell(code, id=name)
    # A failing check does not stop "Run all": JupyterLab and nbclient go on after a cell with this tag.
    tags = {"tags": ["raises-exception"]} if grader["grade"] else {}
    return nbformat.v4.new_code_cell(code, id=name, metadata={"nbgrader": grader} | tags)


def hidden_tests(key: Key) -> str:
    """Return nbgrader's hidden tests of a question: its cases written out, and what the solution gives for them.

    They are for plain nbgrader. The course's own grader (``exercises.grading.grade``) never shows them to a submission.
    """
    question = key.question
    cases = json.dumps([[comparing.to_json(case.arguments), comparing.to_json(case.expected)] for case in key.cases])
    values = ", ".join(f"{name!r}: {name}" for name in question.names)
    asked = question.name if len(question.names) == 1 else f"{{{values}}}"
    options = f"hint={question.hint!r}, tolerance={question.tolerance!r}"
    lines = ["### BEGIN HIDDEN TESTS", "from lessonlib.comparing import expect_cases", f"cases = {cases!r}"]
    if question.compare:
        lines.append(exercise.source_of(question.compare))
        options += ", compare=compare"
    return "\n".join([*lines, f"expect_cases({asked}, cases, {options})", "### END HIDDEN TESTS"])


def student_notebook(solved: NotebookNode) -> NotebookNode:
    """Return nbgrader's solved notebook without solutions and hidden tests, as nbgrader releases it."""
    notebook = copy.deepcopy(solved)
    for preprocessor in (ClearSolutions(config=CONFIG), ClearHiddenTests()):
        notebook, _ = preprocessor.preprocess(notebook, {})
    return notebook


def solution_notebook(solved: NotebookNode) -> NotebookNode:
    """Return the solved notebook to read and run: solutions kept, hidden tests and markers gone."""
    notebook, _ = ClearHiddenTests().preprocess(copy.deepcopy(solved), {})
    for cell in notebook.cells:
        lines = [
            line for line in cell.source.split("\n") if line.strip() not in ("### BEGIN SOLUTION", "### END SOLUTION")
        ]
        cell.source = "\n".join(lines)
        cell.metadata.pop("nbgrader", None)
    return notebook


def text(notebook: NotebookNode) -> str:
    """Return a notebook as the text of its file."""
    return nbformat.writes(notebook, version=4) + "\n"
