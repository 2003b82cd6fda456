"""What a lesson must keep to, and what can be counted in it: questions, collapsed cells, honest minutes.

A cell is collapsed (its output stays) where its code is drawing or asking: where its last statement shows an explorer,
a question, a check or text made by ``Markdown``, or where it holds the `solution` of a piece of learner's code. To
collapse another cell write ``# %% plumbing``; to leave one open, ``# %% open``.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from lessonlib.questions import shuffled

MAX_CODE_LINES = 15  # in an open cell
MAX_CODE_COLUMNS = 100  # what a notebook shows on a laptop without scrolling sideways
MAX_OPEN_LINES = 150  # in a lesson
MAX_MINUTES = 50

#: What the minutes are made of.
WORDS_A_MINUTE, OPEN_LINES_A_MINUTE = 130, 12
MINUTES_EACH = {"explorer": 2.5, "prediction": 0.75, "check": 1.0, "learner's code": 2.0}
#: Where the build writes them, in the first cell of a lesson.
MINUTES = "{minutes}"

#: Functions that ask, by what they ask. `Question`, `predictions` and `checks` go with the last old lesson.
ASKING = {
    "Prediction": "prediction",
    "Question": "prediction",
    "choice": "check",
    "number": "check",
    "inventory_item": "check",
    "solution": "solution",
    "your_code": "learner's code",
}
MODULES = {"questions", "predictions", "checks"}
SHOWING = {"Explorer", "Markdown", *ASKING}


#: The file of a lesson: its number, perhaps the letter of a further notebook, its name.
LESSON = re.compile(r"(\d\d)([a-z]?)_(\w+)$")


def label(stem: str) -> str:
    """Return by which number people call a lesson.

    >>> label("05_validation_noise"), label("05b_more_noise")
    ('5', '5b')
    """
    number, letter, _ = LESSON.match(stem).groups()
    return f"{int(number)}{letter}"


# ------------------------------------------------------------------------------------------------------- reading a cell


def statements(source: str) -> list[ast.stmt]:
    """Return a cell's statements; none where it is no plain Python (a magic, or a mistake that running it shows)."""
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []


def called(node: ast.AST) -> str:
    """Return the name of what is called: ``choice`` for ``questions.choice(...)``; empty where it is not ours."""
    if not isinstance(node, ast.Call):
        return ""
    match node.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id=module), attr=name) if module in MODULES:
            return name
        case ast.Attribute(attr=("resolve" | "settle") as name):
            return name
    return ""


@dataclass
class Asked:
    """A question that a lesson asks.

    Attributes
    ----------
    name, kind : str
        Its identifier, and one of the values of `ASKING`.
    cell : int
        The number of the cell, from 1.
    options : list of str
        Of a check, the right one first; of others none.
    resolved : int or None
        The cell that resolves a prediction.
    strict : bool
        Whether nothing may be shown before it is resolved; the old name does not ask for it.
    """

    name: str
    kind: str
    cell: int
    options: list[str]
    resolved: int | None = None
    strict: bool = True


def asked_in(notebook: NotebookNode) -> list[Asked]:
    """Return the questions whose names are written out, in their order."""
    found: list[Asked] = []
    variables: dict[str, Asked] = {}
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        for statement in statements(cell.source):
            nodes = list(ast.walk(statement))
            asked = [question for node in nodes if (question := _asked(node, number)) is not None]
            found += asked
            if asked and isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                variables[statement.targets[0].id] = asked[0]
            if resolving := {called(node) for node in nodes} & {"resolve", "settle"}:  # one, or several in a loop
                for name in {node.id for node in nodes if isinstance(node, ast.Name)} & variables.keys():
                    question = variables[name]
                    question.resolved = question.resolved or number
                    question.strict = "resolve" in resolving
    return found


def _asked(node: ast.AST, number: int) -> Asked | None:
    kind = ASKING.get(called(node))
    if kind is None or not node.args:
        return None
    match node.args[0]:
        case ast.Constant(value=str(name)):
            return Asked(name, kind, number, _options(node) if called(node) == "choice" else [])
    return None


def _options(call: ast.Call) -> list[str]:
    """Return the options of a check as far as they are written out, the right one first."""
    parts = {keyword.arg: keyword.value for keyword in call.keywords}
    pairs = [parts.get("right"), *getattr(parts.get("wrong"), "elts", [])]
    texts = [pair.elts[0] for pair in pairs if isinstance(pair, ast.Tuple) and pair.elts]
    return [text.value for text in texts if isinstance(text, ast.Constant)] if len(texts) == len(pairs) else []


# ------------------------------------------------------------------------------------------------------ collapsed cells


def collapse(notebook: NotebookNode) -> None:
    """Mark the cells whose code is collapsed, and take away the words by which the text says so."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        said = cell.metadata.get("title", "")
        if said in {"plumbing", "open"}:
            del cell.metadata["title"]
        if said != "open" and (said == "plumbing" or is_plumbing(cell.source)):
            cell.metadata.setdefault("jupyter", NotebookNode())["source_hidden"] = True


def is_plumbing(source: str) -> bool:
    """Tell whether a cell's last statement only shows or asks.

    >>> is_plumbing("Explorer(judged, wrong=slider(SHARES))"), is_plumbing("loss = metrics.cross_entropy(y, p)\\nloss")
    (True, False)
    """
    body = statements(source)
    if not body:
        return False
    match body[-1]:
        case ast.FunctionDef(decorator_list=decorators):
            return any(called(decorator) == "solution" for decorator in decorators)
        case ast.Expr(value=ast.Name(id=name)):
            return any(_assigns(statement, name) and called(statement.value) in SHOWING for statement in body)
        case ast.Expr(value=call) if called(call) == "print" and len(call.args) == 1:
            return called(call.args[0]) in {"resolve", "settle"}
        case ast.Expr(value=call):
            return called(call) in {*SHOWING, "resolve", "settle"}
    return False


def _assigns(statement: ast.stmt, name: str) -> bool:
    return isinstance(statement, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == name for target in statement.targets
    )


def is_hidden(cell: NotebookNode) -> bool:
    """Tell whether a cell shows its output only."""
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def gives_answers_away(cell: NotebookNode) -> bool:
    """Tell whether the code of a cell holds the answer to what it asks."""
    nodes = [node for statement in statements(cell.source) for node in ast.walk(statement)]
    return any(ASKING.get(called(node)) in {"check", "solution"} for node in nodes)


def code_lines(source: str) -> list[str]:
    """Return the lines that hold code: neither blank nor only a comment.

    >>> code_lines("a = 1\\n\\n# why\\nb = 2  # here")
    ['a = 1', 'b = 2  # here']
    """
    return [line for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def open_lines(notebook: NotebookNode) -> int:
    """Count the lines of code that a learner sees."""
    return sum(
        len(code_lines(cell.source)) for cell in notebook.cells if cell.cell_type == "code" and not is_hidden(cell)
    )


# ------------------------------------------------------------------------------------------------------- honest minutes


@dataclass(frozen=True)
class Content:
    """What a lesson asks of its learner's time; `further` minutes are those that its cells name themselves."""

    words: int
    open_lines: int
    each: dict[str, int]
    further: float

    @property
    def minutes(self) -> int:
        """Return the time for all of it, rounded up."""
        reading = self.words / WORDS_A_MINUTE + self.open_lines / OPEN_LINES_A_MINUTE
        return math.ceil(reading + sum(MINUTES_EACH[kind] * n for kind, n in self.each.items()) + self.further)

    def __str__(self) -> str:
        counted = ", ".join(f"{n} x {kind}" for kind, n in self.each.items())
        further = f", {self.further:g} further minutes" if self.further else ""
        return f"{self.minutes} minutes: {self.words} words, {self.open_lines} open lines of code, {counted}{further}"


def content(notebook: NotebookNode) -> Content:
    """Count what is in an executed lesson; the text of a question is part of its time."""
    words, each = 0, dict.fromkeys(MINUTES_EACH, 0)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            words += count_words(re.sub(r"\]\([^)]*\)", "]", cell.source))
            continue
        calls = [called(node) for statement in statements(cell.source) for node in ast.walk(statement)]
        each["explorer"] += calls.count("Explorer")
        kinds = [ASKING[name] for name in calls if name in ASKING]
        for kind in ("prediction", "learner's code"):
            each[kind] += kinds.count(kind)
        panels = sum("\n  ( ) " in output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", []))
        each["check"] += max(kinds.count("check"), panels - kinds.count("prediction"))  # a loop asks several
        if not (panels or kinds):
            words += sum(map(_output_words, cell.get("outputs", [])))
    further = sum(float(cell.metadata.get("minutes", 0)) for cell in notebook.cells)
    return Content(words, open_lines(notebook), each, further)


def _output_words(output: NotebookNode) -> int:
    if output.output_type == "stream":
        return count_words(output.text)
    data = output.get("data", {})
    if "text/markdown" in data:
        return count_words(data["text/markdown"])
    if "text/html" in data:
        shown = re.sub(r"<(svg|style|script)\b.*?</\1>", " ", data["text/html"], flags=re.DOTALL)
        return count_words(re.sub(r"<[^>]+>", " ", shown))
    return 0 if "image/png" in data else count_words(data.get("text/plain", ""))


def count_words(text: str) -> int:
    """Count words and numbers.

    >>> count_words("The loss is 0.35 nats; that isn't | much |")
    7
    """
    return len(re.findall(r"\w+(?:[.,'’−-]\w+)*", text))


def fill_minutes(notebook: NotebookNode, minutes: int) -> None:
    """Write the minutes into the lesson's first cell, where its text has the placeholder."""
    notebook.cells[0]["source"] = notebook.cells[0].source.replace(MINUTES, str(minutes))


# ------------------------------------------------------------------------------------------------------------ the rules


@dataclass(frozen=True)
class Problem:
    """What breaks a rule, in which cell, from 1 (0: the lesson as a whole)."""

    cell: int
    text: str

    def __str__(self) -> str:
        return f"cell {self.cell}: {self.text}" if self.cell else self.text


def problems(notebook: NotebookNode) -> list[Problem]:
    """Return what breaks the house rules, as far as the text shows it."""
    found = [Problem(0, text) for text in _heading_problems(notebook)]
    for number, cell in enumerate(notebook.cells, start=1):
        found += [Problem(number, text) for text in _cell_problems(cell)]
    return found + list(_question_problems(asked_in(notebook))) + list(_giveaways(asked_in(notebook)))


def _cell_problems(cell: NotebookNode) -> Iterator[str]:
    tags = cell.metadata.get("tags", [])
    for tag in {"nbval-skip", "nbval-ignore-output"} & set(tags):
        yield f"tagged {tag}: a lesson checks every cell"
    if cell.cell_type != "code":
        return
    if installs := re.search(r"^\s*[!%]\s*pip\b.*", cell.source, flags=re.MULTILINE):
        yield f"{installs[0].strip()!r}: a lesson installs nothing; dependencies belong in pyproject.toml"
    if (body := statements(cell.source)) and isinstance(body[-1], ast.Expr) and cell.source.rstrip().endswith(";"):
        yield "ends in ';', which nbval does not honour: write `_ = ...`"
    if is_hidden(cell):
        return
    length = len(code_lines(cell.source))
    if length > MAX_CODE_LINES and not ("long-cell" in tags and cell.metadata.get("reason")):
        yield (
            f"{length} open lines of code, at most {MAX_CODE_LINES} are readable: split it, move it to lessonlib, "
            'collapse it (# %% plumbing), or say why it must be long: # %% tags=["long-cell"] reason="..."'
        )
    if wide := [line.strip() for line in cell.source.splitlines() if len(line) > MAX_CODE_COLUMNS]:
        yield f"a line of code is wider than {MAX_CODE_COLUMNS} columns: break it: {wide[0][:60]}..."


def headings(notebook: NotebookNode) -> list[tuple[int, str]]:
    """Return level and text of every Markdown heading, in order; lines inside code fences do not count."""
    return [heading for cell in notebook.cells for heading in headings_of(cell)]


def headings_of(cell: NotebookNode) -> list[tuple[int, str]]:
    """Return level and text of the headings in one cell."""
    if cell.cell_type != "markdown":
        return []
    text = re.sub(r"^(```|~~~).*?^\1", "", cell.source, flags=re.MULTILINE | re.DOTALL)
    return [(len(marks), title) for marks, title in re.findall(r"^(#{1,6})\s+(.+)$", text, re.MULTILINE)]


def anchor(heading: str) -> str:
    """Return the name that addresses use for a heading on the site."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") or "section"


def _heading_problems(notebook: NotebookNode) -> Iterator[str]:
    found = headings(notebook)
    titles = [title for level, title in found if level == 1]
    if not found or found[0][0] != 1 or len(titles) != 1:
        yield f"wants exactly one title (# ...), first of all headings; has {len(titles)}: {titles}"
    for (above, _), (level, title) in itertools.pairwise(found):
        if level > above + 1:
            yield f"heading {'#' * level} {title!r} follows a heading of level {above}: no level may be left out"


def _question_problems(asked: Sequence[Asked]) -> Iterator[Problem]:
    """Say which names occur twice, which predictions have no outcome, which code has no solution."""
    first: dict[tuple[bool, str], Asked] = {}
    for question in asked:
        theirs = (question.kind == "solution", question.name)
        if theirs in first:
            yield Problem(
                question.cell, f"the name {question.name!r} is taken by cell {first[theirs].cell}: use another"
            )
        first.setdefault(theirs, question)
        if question.kind == "prediction" and question.resolved is None:
            yield Problem(
                question.cell,
                f"prediction {question.name!r} is never resolved: keep it in a variable and call its resolve(outcome)",
            )
        if question.kind == "learner's code" and (True, question.name) not in first:
            yield Problem(question.cell, f"no solution {question.name!r} stands above the learner's code")
    used = {question.name for question in asked if question.kind == "learner's code"}
    for question in asked:
        if question.kind == "solution" and question.name not in used:
            yield Problem(
                question.cell, f"solution {question.name!r} is never asked for: @your_code({question.name!r})"
            )


#: From so many checks on, the right option may be the longest, or the first, in no more than half of them.
FEW = 4


def _giveaways(asked: Sequence[Asked]) -> Iterator[Problem]:
    """Say where the learner can pass the checks without the lesson: by the length or the place of the right option."""
    checks = [question for question in asked if len(question.options) > 1]
    longest = [q for q in checks if len(q.options[0]) > max(map(len, q.options[1:]))]
    first = [q for q in checks if shuffled(q.name, q.options)[0] == q.options[0]]
    for found, what, remedy in (
        (longest, "longest", "shorten it or lengthen a wrong one"),
        (first, "first", "rename a check, the name decides the order"),
    ):
        if len(checks) >= FEW and 2 * len(found) > len(checks):
            names = ", ".join(question.name for question in found)
            yield Problem(found[0].cell, f"the right option is the {what} in {names}, of {len(checks)}: {remedy}")


def too_long(notebook: NotebookNode) -> list[Problem]:
    """Return which limits of the lesson as a whole an executed lesson breaks, and where its time goes."""
    counted, found = content(notebook), []
    if counted.minutes > MAX_MINUTES:
        found.append(Problem(0, f"takes {counted}; at most {MAX_MINUTES} minutes"))
    if counted.open_lines > MAX_OPEN_LINES:
        found.append(Problem(0, f"shows {counted.open_lines} lines of code, at most {MAX_OPEN_LINES}: collapse or cut"))
    return found


def shown_too_early(notebook: NotebookNode) -> list[Problem]:
    """Return the cells that show something between a prediction and its `resolve`, while it could still be changed."""
    asking = {question.cell for question in asked_in(notebook)}
    return [
        Problem(number, f"shows something while prediction {question.name!r} is still open: resolve it here or before")
        for question in asked_in(notebook)
        if question.kind == "prediction" and question.resolved and question.strict
        for number in range(question.cell + 1, question.resolved)
        if number not in asking and notebook.cells[number - 1].get("outputs")
    ]
