"""Read the source of an exercise: its cells, its questions, and what the right answers are.

A source (``exercises/teachers/exercise_NN_name.py``, ``py:percent`` text) is the solved notebook. A word after ``# %%``
says what is special about a cell; ``exercises/README.md`` explains them to authors.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import linecache
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import jupytext
import numpy as np
from nbformat import NotebookNode

from lessonlib import comparing
from lessonlib.runs import Run

FOLDER = Path(__file__).resolve().parents[1]
SOURCES = FOLDER / "teachers"

#: Metadata that mark a cell, at most one of them in each.
ROLES = ("answer", "check", "hidden", "data", "explain", "rubric")


class ExerciseError(Exception):
    """What a teacher or author wrote breaks a rule; the message says which. Whatever reads it may raise this."""


class Case(NamedTuple):
    """One thing that is asked of an answer: arguments for the function (None for values), and what is expected."""

    arguments: list | None
    expected: Any


@dataclass(frozen=True)
class Question:
    """One graded question, and what the grader knows of it."""

    #: What the learner defines for it: one function, or one or more values. The first names the question.
    names: tuple[str, ...]
    points: float
    cases: Sequence[Case]
    hint: str  # shown with a wrong answer
    #: ``draw(rng)`` gives a list of tuples of arguments for the function; None for a question about values.
    draw: Callable[[np.random.Generator], Sequence[tuple]] | None = None
    tolerance: float = comparing.TOLERANCE  # how far a number may be from the expected one
    #: ``compare(got, expected, *arguments)`` gives None if the answer is right, else a sentence. Without: equal.
    compare: comparing.Compare | None = None
    #: Functions of the course's library that do what the question asks to write; in the grading they refuse to.
    library: Sequence[str] = ()
    mistakes: Sequence[tuple[str, list]] = ()  # what is wrong, and the answers that it gives, one for each case

    @property
    def name(self) -> str:
        return self.names[0]


@dataclass(frozen=True)
class Exercise:
    """An exercise as its source says it."""

    stem: str  # the name of its files, such as ``exercise_01_horse_or_dog``: never that of a lesson
    cells: list[NotebookNode] = field(repr=False)  # every cell, solved, hidden ones included

    @property
    def title(self) -> str:
        return next(line[2:] for line in self.cells[0].source.splitlines() if line.startswith("# "))

    def answer_cells(self) -> dict[str, NotebookNode]:
        """Return the cells in which the learner works, by each name that they define."""
        return {name: cell for cell in self.with_role("answer") for name in names_of(cell, "answer")}

    @property
    def points(self) -> dict[str, float]:
        """The points of each question, the explanation among them."""
        asked = [(cell, role) for role in ("check", "explain") for cell in self.with_role(role)]
        return {names_of(cell, role)[0]: cell.metadata["points"] for cell, role in asked}

    def with_role(self, role: str) -> list[NotebookNode]:
        return [cell for cell in self.cells if role in cell.metadata]


def names_of(cell: NotebookNode, role: str) -> tuple[str, ...]:
    """Return the names after a cell's ``answer=``, ``check=`` or another role."""
    return tuple(name.strip() for name in cell.metadata[role].split(","))


# ----------------------------------------------------------------------------------------------------------- reading it


def sources(wanted: Iterable[str] = ()) -> list[Path]:
    """Return the sources in order; `wanted` picks some by number, name or file name."""
    every = sorted(SOURCES.glob("exercise_[0-9][0-9]_*.py"))
    return [_pick(name, every) for name in wanted] or every


def _pick(name: str, every: Sequence[Path]) -> Path:
    stem = Path(name).stem
    for path in every:
        _, number, title = path.stem.split("_", 2)
        if stem in (path.stem, f"{number}_{title}", title) or (stem.isdigit() and int(stem) == int(number)):
            return path
    raise ExerciseError(f"no exercise {name!r}; there are: {', '.join(path.stem for path in every) or 'none'}")


def read(path: Path) -> Exercise:
    """Read a source and see that every question is complete."""
    exercise = Exercise(path.stem, jupytext.read(path, fmt="py:percent").cells)
    for cell in exercise.cells:
        if sum(role in cell.metadata for role in ROLES) > 1:
            raise ExerciseError(f"{path.name}: a cell is one of {', '.join(ROLES)}, not two: {cell.source[:60]!r}")
        if {"check", "explain"} & set(cell.metadata) and not cell.metadata.get("points", 0) > 0:
            raise ExerciseError(f"{path.name}: a check or explanation needs points=..., above 0: {cell.source[:60]!r}")
        if "answer" in cell.metadata and "### BEGIN SOLUTION" not in cell.source:
            raise ExerciseError(f"{path.name}: the answer {cell.metadata['answer']!r} has no ### BEGIN SOLUTION.")
    if len(exercise.with_role("explain")) != 1 or len(exercise.with_role("rubric")) != 1:
        raise ExerciseError(f"{path.name}: one cell has explain=..., and one, for teachers, rubric=...")
    defined = exercise.answer_cells()
    for role in ("answer", "check", "hidden"):
        names = [name for cell in exercise.with_role(role) for name in names_of(cell, role)]
        if len(set(names)) < len(names) or set(names) != set(defined):
            raise ExerciseError(f"{path.name}: every name needs one answer, check and hidden cell; {role} has {names}")
    return exercise


@functools.cache
def load(stem: str) -> Exercise:
    """Return the exercise of a name such as ``exercise_01_horse_or_dog``."""
    return read(SOURCES / f"{stem}.py")


# ---------------------------------------------------------------------------------------------------- the right answers


def with_class_seed(code: str, class_seed: int) -> str:
    """Return a cell's code with the class's number in its line ``CLASS_SEED = 0``, if it has one."""
    return re.sub(r"^CLASS_SEED = \d+", f"CLASS_SEED = {class_seed}", code, flags=re.MULTILINE)


def run_code(code: str, namespace: dict[str, Any], title: str) -> None:
    """Execute a trusted cell; its text is kept so that tracebacks show it and `inspect` finds functions."""
    linecache.cache[title] = (len(code), None, code.splitlines(keepends=True), title)
    exec(compile(code, title, "exec"), namespace)


def solve(exercise: Exercise, secret: str = "") -> dict[str, Any]:
    """Run the set-up and answer cells of the source in this process; return the namespace they leave.

    A class's numbers come from its secret; the empty one belongs to the public notebooks. Data are drawn with a seed
    that nobody is given: with it, the public source would draw them, and the order of the answers, again.
    """
    class_seed = class_seed_of(secret)
    data_seed = int(_digest(secret, "data"), 16) if secret else 0
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for number, cell in enumerate(exercise.cells):
            if cell.cell_type == "code" and not {"check", "hidden"} & set(cell.metadata):
                title, is_data = f"<{exercise.stem}, cell {number}>", "data" in cell.metadata
                namespace |= {"CLASS_SEED": data_seed} if is_data else {}
                run_code(with_class_seed(cell.source, class_seed), namespace, title)
                if is_data:  # from here on as they are handed out, rounded
                    run_code(data_of(cell, namespace), namespace, title)
                    namespace["CLASS_SEED"] = class_seed
    return namespace


def data_of(cell: NotebookNode, solved: Mapping[str, Any]) -> str:
    """Return the data that a cell draws, written out: how they were drawn would tell the answers."""
    names = names_of(cell, "data")
    lines = [f"{name} = {_literal(solved[name])}" for name in names]
    needed = {"Run(": "from lessonlib.runs import Run", "np.": "import numpy as np"}
    imports = [line for word, line in needed.items() if any(word in text for text in lines)]
    return "\n".join([f"# {', '.join(names)}: the data of your class", *imports, *lines])


def _literal(value: Any) -> str:
    """Write data as code, with five significant digits."""
    match value:
        case np.ndarray():
            return f"np.array({_literal(value.tolist())})"
        case Run():
            curves = {name: value[name].tolist() for name in value.metrics}
            return f"Run({_literal(curves)}, provenance={_literal(dict(value.provenance))})"
        case dict():
            return "{\n" + "".join(f"    {key!r}: {_literal(item)},\n" for key, item in value.items()) + "}"
        case list() | tuple():
            inside = ", ".join(map(_literal, value)) + ("," if len(value) == 1 else "")
            return f"[{inside}]" if isinstance(value, list) else f"({inside})"
        case float():
            return f"{value:.5g}"
        case _:
            return repr(value.item() if isinstance(value, np.generic) else value)


def class_seed_of(secret: str) -> int:
    """Return the number that goes into a class's notebooks; the secret cannot be told from it. Without a secret, 0."""
    return int(_digest(secret, "class"), 16) % 1_000_000 if secret else 0


def answer_key(exercise: Exercise, secret: str = "", solved: Mapping[str, Any] | None = None) -> list[Question]:
    """Draw the hidden inputs from a class's secret and let the solution, `solved` already or not, compute the rest."""
    solved = solve(exercise, secret) if solved is None else solved
    hidden = {names_of(cell, "hidden")[0]: cell.source for cell in exercise.with_role("hidden")}
    checks = exercise.with_role("check")
    return [_question(cell, hidden[names_of(cell, "check")[0]], solved, exercise.stem, secret) for cell in checks]


def _question(check: NotebookNode, hidden: str, solved: Mapping[str, Any], stem: str, secret: str) -> Question:
    names, options = names_of(check, "check"), ("draw", "compare", "hint", "tolerance", "library")
    namespace = {name: value for name, value in solved.items() if name not in options}
    run_code(hidden, namespace, f"<{stem}, hidden cell of {names[0]}>")
    given = {name: namespace[name] for name in options if name in namespace}
    draw, values = given.get("draw"), {name: solved.get(name) for name in names}
    if not isinstance(given.get("hint"), str):
        raise ExerciseError(f"{stem}: the hidden cell of {names[0]} needs hint = '...'.")
    if callable(values[names[0]]) != (draw is not None) or (draw and len(names) > 1):
        raise ExerciseError(f"{stem}, {names}: a question is one function with draw(rng), or values without it.")
    # What the solution gives goes the way that an answer goes: tensors become arrays, tuples lists.
    if draw is None:
        cases = [Case(None, wire(values if len(values) > 1 else values[names[0]]))]
    else:
        drawn = draw(np.random.default_rng(int(_digest(secret, stem, names[0]), 16)))
        calls = [wire(list(arguments)) for arguments in drawn]
        cases = [Case(wire(arguments), wire(solved[names[0]](*arguments))) for arguments in calls]
    return Question(names, check.metadata["points"], cases, **given)


def wire(value: Any) -> Any:
    """Return a value as it is after a way through `comparing.to_json`."""
    return comparing.from_json(comparing.to_json(value))


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def request(question: Question) -> dict[str, Any]:
    """Return a question as `sandbox_runner.run` takes it; one about values has no calls."""
    calls = None if question.draw is None else [comparing.to_json(case.arguments) for case in question.cases]
    return {"names": question.names, "calls": calls, "library": question.library}


def judge(question: Question, got: Sequence[Any]) -> str | None:
    """Return None if every case of a question got a right answer, else a sentence about the first that did not."""
    fault = comparing.first_fault(got, question.cases, tolerance=question.tolerance, compare=question.compare)
    if fault is None:
        return None
    place, sentence = fault
    arguments, expected = question.cases[place]
    if arguments is None or sentence == comparing.NO_ANSWER:
        return sentence
    call = f"{question.name}({', '.join(map(comparing.shorten, arguments))})"
    return f"{call}: {sentence}{_where(got[place], expected)}"


def _where(got: Any, expected: Any) -> str:
    """Return where two arrays differ, "" if they are no arrays of one shape."""
    if not isinstance(got, np.ndarray) or not isinstance(expected, np.ndarray) or got.shape != expected.shape:
        return ""
    different = np.argwhere(~np.isclose(got, expected, equal_nan=True, rtol=comparing.TOLERANCE))
    if expected.size < 2 or not len(different):
        return ""
    first = tuple(different[0])
    told = f"{len(different)} of {expected.size} numbers differ, first at {list(map(int, first))}"
    return f" {told}: expected {expected[first]:.6g}, got {got[first]:.6g}."


def share_right(question: Question, got: Sequence[Any]) -> float:
    """Return how much of a list is right, above the half that guessing and a constant bring: 5 of 6 give 2/3.

    Only a question about one list of at least four is divided so; every other one is right or not.
    """
    expected, answer = question.cases[0].expected, got[0] if got else None
    whole = question.draw or question.compare or len(question.names) > 1 or not isinstance(expected, list)
    if whole or len(expected) < 4 or not isinstance(answer, list) or len(answer) != len(expected):
        return 0.0
    pairs = zip(answer, expected, strict=True)
    right = sum(comparing.difference(mine, theirs, tolerance=question.tolerance) is None for mine, theirs in pairs)
    return max(0.0, 2 * right / len(expected) - 1)


def recognise(question: Question, got: Sequence[Any]) -> str:
    """Return what is wrong with answers that a known mistake gives in every case, else ""."""

    def alike(mine: Any, theirs: Any) -> bool:
        return mine is theirs is None or comparing.difference(mine, theirs) is None

    for what, answered in question.mistakes:
        if len(got) == len(answered) and all(map(alike, got, answered)):
            return what
    return ""
