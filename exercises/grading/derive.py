"""Derive the notebooks of an exercise from its source.

    python3 course.py derive              write the public student notebooks, exercises/NN_name.ipynb
    python3 course.py derive --check      change nothing; fail when one is not what its source says
    python3 course.py derive --class X    make the folder X of a class, with numbers and hidden tests of its own
    python3 course.py derive 1 3          only these

nbgrader's own preprocessors take the solutions and the hidden tests out, so that a student notebook made here and one
made by ``nbgrader generate_assignment`` are the same.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions
from traitlets.config import Config

from exercises.grading import exercise
from exercises.grading.exercise import Exercise, ExerciseError, Key
from lessonlib import comparing

#: What stands in a student notebook in the place of a solution.
STUB = "# your code here"

NBGRADER = {"schema_version": 3, "task": False}
CONFIG = Config(ClearSolutions={"code_stub": {"python": STUB}})


# -------------------------------------------------------------------------------------------------- the three notebooks


def nbgrader_notebook(source: Exercise, secret: str = "") -> NotebookNode:
    """Return the solved notebook with nbgrader's metadata and with the hidden tests in its checks.

    Parameters
    ----------
    source : Exercise
    secret : str
        The class's; hidden inputs and the class's own numbers come from it.
    """
    keys = {key.question.name: key for key in exercise.answer_key(source, secret)}
    class_seed = exercise.class_seed_of(secret)
    shown = [cell for cell in source.cells if "hidden" not in cell.metadata]
    cells = [_nbgrader_cell(cell, keys, class_seed, number) for number, cell in enumerate(shown)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
        exercise=source.stem,
    )
    notebook.nbformat_minor = 5
    return notebook


def _nbgrader_cell(cell: NotebookNode, keys: dict[str, Key], class_seed: int, number: int) -> NotebookNode:
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


# --------------------------------------------------------------------------------------------------------- into folders


def public_notebook(path: Path) -> str:
    """Return the text of the student notebook that everybody gets."""
    return text(student_notebook(nbgrader_notebook(exercise.read(path))))


def write_public(paths: Iterable[Path]) -> None:
    """Write the public student notebooks beside the sources' folder."""
    for path in paths:
        target = exercise.FOLDER / f"{path.stem}.ipynb"
        target.write_text(public_notebook(path), encoding="utf-8", newline="\n")
        print(target.relative_to(exercise.FOLDER.parent))


def stale(paths: Iterable[Path]) -> list[str]:
    """Return the names of the public notebooks that are not what their sources say."""
    targets = {path: exercise.FOLDER / f"{path.stem}.ipynb" for path in paths}
    return [
        target.name
        for path, target in targets.items()
        if not target.exists() or target.read_text(encoding="utf-8") != public_notebook(path)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python3 course.py derive", description=__doc__.split("\n")[0])
    parser.add_argument("exercises", nargs="*", help="numbers or names; without any, all")
    parser.add_argument("--class", dest="classroom", type=Path, help="make or renew the folder of a class")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a notebook is stale")
    words = parser.parse_args(arguments)
    try:
        paths = exercise.sources(words.exercises)
        if words.check:
            old = stale(paths)
            print(
                "\n".join(f"{name} is not what its source says: python3 course.py derive" for name in old)
                or "up to date"
            )
            return bool(old)
        if words.classroom:
            from exercises.grading.classroom import Classroom  # which needs this module

            Classroom.make(words.classroom, paths)
            print(f"{words.classroom}: hand out what is in release/; keep the rest to yourself, secret.txt above all")
            return 0
        write_public(paths)
    except ExerciseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
