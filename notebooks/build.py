"""Make the notebooks that learners open out of the text that people edit.

``notebooks/source/NN_name.py`` (jupytext's ``py:percent`` format) is the source of a lesson. This program turns it
into ``notebooks/NN_name.ipynb``, executed from a cold start and with its outputs, so that the lesson can be read where
nothing can be run.

    python course.py build            # every lesson
    python course.py build 1 6        # some, by number or name
    python course.py build --check    # change nothing; fail when a notebook is not what its text says

Each build also writes what it cost (seconds, memory) into ``docs/lesson-costs.md``.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import itertools
import os
import platform
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import jupytext
import nbformat
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from tools import claims, misconceptions

NOTEBOOKS = Path(__file__).resolve().parent
ROOT = NOTEBOOKS.parent
COSTS = ROOT / "docs" / "lesson-costs.md"
CLAIMS = ROOT / "docs" / "claims.csv"
CLAIM_INDEX = ROOT / "docs" / "claim-index.md"

MAX_CODE_LINES = 15
MAX_CODE_COLUMNS = 100  # what a notebook shows on a laptop without scrolling sideways
SECONDS_PER_CELL = 600


class LessonError(Exception):
    """A lesson breaks a rule, or its text and its notebook differ."""


# ------------------------------------------------------------------------------------------------ where a notebook runs


def notebook_environment(home: str | Path) -> dict[str, str]:
    """Return the environment variables under which notebooks are executed, by the build and by the tests alike.

    Parameters
    ----------
    home : path
        An empty folder for whatever the lesson keeps: a cold start, and nothing left behind.
    """
    fixed = {
        "LESSONLIB_HOME": str(home),
        "LESSONLIB_CIFAR10": "none",  # offline: the lesson falls back on its recorded run
        "IPYTHONDIR": str(Path(home) / "ipython"),  # not the learner's own start-up files
        "TF_CPP_MIN_LOG_LEVEL": "3",  # TensorFlow's greeting holds times and process ids
        "TF_ENABLE_ONEDNN_OPTS": "0",  # the same sums in the same order
        "KERAS_BACKEND": "tensorflow",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
    }
    # These two a person may want otherwise: more threads, or the GPU. Tiny networks train fastest with one thread, and
    # what a lesson prints was computed on a processor.
    chosen = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
    return fixed | {name: os.environ.get(name, default) for name, default in chosen.items()}


@contextmanager
def cold_start(**extra: str) -> Iterator[dict[str, str]]:
    """Give a complete environment whose home folder is empty, and goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="lesson-", ignore_cleanup_errors=True) as home:
        yield os.environ | notebook_environment(home) | extra


# ----------------------------------------------------------------------------------------------------- text to notebook


def sources(wanted: Sequence[str] = (), *, folder: Path = NOTEBOOKS) -> list[Path]:
    """Return the lessons' sources in order; `wanted` picks some by number ("1"), name or file name.

    Raises
    ------
    LessonError
        If a wanted lesson does not exist; the message lists those that do.
    """
    every = sorted((folder / "source").glob("[0-9][0-9]_*.py"))
    return every if not wanted else [_pick(name, every) for name in wanted]


def _pick(name: str, every: list[Path]) -> Path:
    stem = Path(name).stem
    for path in every:
        if stem in {path.stem, path.stem[3:]} or (stem.isdigit() and int(stem) == int(path.stem[:2])):
            return path
    raise LessonError(f"no lesson {name!r}; there are: {', '.join(path.stem for path in every) or 'none'}")


def notebook_path(source: Path) -> Path:
    """Return where the notebook of a source belongs: one folder up."""
    return source.parent.parent / f"{source.stem}.ipynb"


def convert(source: Path) -> NotebookNode:
    """Turn a source into a notebook without outputs."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell, name in zip(notebook.cells, cell_ids(notebook), strict=True):
        cell["id"] = name
    return notebook


def cell_ids(notebook: NotebookNode) -> list[str]:
    """Name each cell after its content, so that a change in one cell is a change in one place of the notebook.

    A cell that occurs again gets a number, since ids must differ.
    """
    seen: Counter[str] = Counter()
    names = []
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        seen[digest] += 1
        names.append(digest if seen[digest] == 1 else f"{digest}-{seen[digest]}")
    return names


# ------------------------------------------------------------------------------------------------------------ the rules


def lint(notebook: NotebookNode, name: str) -> list[str]:
    """Return what breaks the house rules, one line each; an empty list is good."""
    problems = _heading_problems(notebook)
    for number, cell in enumerate(notebook.cells, start=1):
        problems += [f"cell {number}: {problem}" for problem in _cell_problems(cell)]
    return [f"{name}: {problem}" for problem in problems]


def _cell_problems(cell: NotebookNode) -> Iterator[str]:
    tags = cell.metadata.get("tags", [])
    if "nbval-skip" in tags:
        yield "tagged nbval-skip: a lesson checks every cell"
    if cell.cell_type != "code":
        return
    if installs := re.search(r"^\s*[!%]\s*pip\b.*", cell.source, flags=re.MULTILINE):
        yield f"{installs[0].strip()!r}: a lesson installs nothing; dependencies belong in pyproject.toml"
    length = len(code_lines(cell.source))
    if is_hidden(cell):  # the text of a question: nobody reads it as code, and it would give the answer away
        return
    if length > MAX_CODE_LINES and not ("long-cell" in tags and cell.metadata.get("reason")):
        yield (
            f"{length} lines of code, at most {MAX_CODE_LINES} are readable: split it, move it to lessonlib, "
            'or say why it must be long: # %% tags=["long-cell"] reason="..."'
        )
    if wide := [line.strip() for line in cell.source.splitlines() if len(line) > MAX_CODE_COLUMNS]:
        yield f"a line of code is wider than {MAX_CODE_COLUMNS} columns: break it: {wide[0][:60]}..."
    if _shows_nothing_on_purpose(cell.source):
        yield "ends in ';', which nbval does not honour: write `_ = ...`"


def is_hidden(cell: NotebookNode) -> bool:
    """Tell whether a cell shows its output only: ``# %% jupyter={"source_hidden": true}``."""
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def code_lines(source: str) -> list[str]:
    """Return the lines that hold code: neither blank nor only a comment.

    >>> code_lines("a = 1\\n\\n# why\\nb = 2  # here")
    ['a = 1', 'b = 2  # here']
    """
    return [line for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _shows_nothing_on_purpose(source: str) -> bool:
    try:
        last = ast.parse(source).body[-1:]
    except SyntaxError:  # a magic command, or a mistake that the execution will report better
        return False
    return bool(last) and isinstance(last[0], ast.Expr) and source.rstrip().endswith(";")


def headings(notebook: NotebookNode) -> list[tuple[int, str]]:
    """Return level and text of every Markdown heading, in order; lines inside code fences do not count."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"^(```|~~~).*?^\1", "", cell.source, flags=re.MULTILINE | re.DOTALL)
            found += [(len(marks), title) for marks, title in re.findall(r"^(#{1,6})\s+(.+)$", text, re.MULTILINE)]
    return found


def _heading_problems(notebook: NotebookNode) -> list[str]:
    found = headings(notebook)
    titles = [title for level, title in found if level == 1]
    problems = []
    if not found or found[0][0] != 1 or len(titles) != 1:
        problems.append(f"wants exactly one title (# ...), first of all headings; has {len(titles)}: {titles}")
    for (above, _), (level, title) in itertools.pairwise(found):
        if level > above + 1:
            problems.append(
                f"heading {'#' * level} {title!r} follows a heading of level {above}: no level may be left out"
            )
    return problems


def differences(text: NotebookNode, notebook: NotebookNode) -> list[str]:
    """Return where a stored notebook differs from its text: number, order, type, source, tags and ids of the cells."""
    if len(text.cells) != len(notebook.cells):
        return [f"the text has {len(text.cells)} cells, the notebook {len(notebook.cells)}"]
    problems = []
    for number, (ours, theirs) in enumerate(zip(text.cells, notebook.cells, strict=True), start=1):
        pairs = {
            "type": (ours.cell_type, theirs.cell_type),
            "source": (ours.source, theirs.source),
            "tags": (ours.metadata.get("tags", []), theirs.metadata.get("tags", [])),
            "id": (ours["id"], theirs.get("id")),
        }
        for key, (text_says, is_now) in pairs.items():
            if text_says != is_now:
                a, b = first_difference(text_says, is_now) if key == "source" else (text_says, is_now)
                problems.append(f"cell {number}: {key} is {b!r}, the text says {a!r}")
        if theirs.cell_type == "code" and theirs.source.strip() and theirs.execution_count is None:
            problems.append(f"cell {number}: never executed")
    return problems


def first_difference(a: str, b: str) -> tuple[str, str]:
    """Return the first pair of lines in which two texts differ.

    >>> first_difference("x = 1\\ny = 2", "x = 1\\ny = 3")
    ('y = 2', 'y = 3')
    """
    pairs = itertools.zip_longest(a.splitlines(), b.splitlines(), fillvalue="")
    return next((pair for pair in pairs if pair[0] != pair[1]), (a, b))


def check(wanted: Sequence[str] = (), *, folder: Path = NOTEBOOKS) -> list[str]:
    """Return everything that is wrong with the lessons' text and notebooks, without executing or writing anything."""
    problems = []
    for source in sources(wanted, folder=folder):
        text, path = convert(source), notebook_path(source)
        problems += lint(text, source.name)
        if not path.exists():
            problems.append(f"{source.name}: not built yet, {path.name} is missing")
        else:
            stored = nbformat.read(path, as_version=4)
            problems += [f"{path.name}: {problem}" for problem in differences(text, stored)]
    if not wanted:
        orphans = {path.stem for path in folder.glob("*.ipynb")} - {path.stem for path in sources(folder=folder)}
        problems += [f"{name}.ipynb: has no text in notebooks/source" for name in sorted(orphans)]
    return problems


def claim_index() -> str:
    """Return the page that leads from each claim to the cells that settle it."""
    lessons = [(source.stem, convert(source)) for source in sources()]
    return claims.index(claims.read(CLAIMS), claims.settled_in(lessons))


def misconception_register() -> str:
    """Return the page of every misconception that the lessons name."""
    return misconceptions.page([(source.stem, convert(source)) for source in sources()])


def unsettled_claims() -> list[str]:
    """Return the claims that a lesson ought to settle and does not; an empty list is good."""
    lessons = [(source.stem, convert(source)) for source in sources()]
    return claims.problems(claims.read(CLAIMS), claims.settled_in(lessons), [name for name, _ in lessons])


# ------------------------------------------------------------------------------------------------------------ execution


@dataclass(frozen=True)
class Cost:
    """What executing a lesson took."""

    seconds: float
    peak_mb: float


class MemoryWatch(threading.Thread):
    """Note the peak of the memory that the kernel and its children hold together, ten times a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.1):
            self.peak_bytes = max(self.peak_bytes, sum(map(_resident_bytes, psutil.Process().children(recursive=True))))

    def __enter__(self) -> MemoryWatch:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self.join()


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:  # it ended between the listing and the question
        return 0


def execute(notebook: NotebookNode, *, folder: Path = NOTEBOOKS, **extra: str) -> Cost:
    """Run every cell in place, from a cold start, with `folder` as working directory; return what it took.

    Keyword arguments are further environment variables.
    """
    client = NotebookClient(
        notebook,
        timeout=SECONDS_PER_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=40"],  # errors only: it also warns that 127.0.0.1 is not encrypted
    )
    start = time.perf_counter()
    with MemoryWatch() as memory, cold_start(**extra) as environment:
        client.execute(env=environment)
    return Cost(time.perf_counter() - start, memory.peak_bytes / 1e6)


def tidy(notebook: NotebookNode) -> None:
    """Remove from an executed notebook what changes from run to run and is of no use in a file."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = NotebookNode(name="python")
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            # It names a widget of a kernel that is gone. The picture and the sentence beside it are for readers.
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
            output.get("metadata", {}).pop("application/vnd.jupyter.widget-view+json", None)


def warnings_shown(notebook: NotebookNode) -> list[str]:
    """Return what cells wrote to stderr: a warning is a mistake in the lesson, and no two machines word it alike."""
    return [
        f"cell {number} wrote to stderr:\n{output.text}"
        for number, cell in enumerate(notebook.cells, start=1)
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stderr"
    ]


def write_if_changed(path: Path, text: str) -> bool:
    """Write a file whole or not at all, and only when it says something new; return whether it was written."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.part")
    half.write_text(text, encoding="utf-8", newline="\n")
    os.replace(half, path)
    return True


def build(source: Path) -> Cost:
    """Build one lesson's notebook with its outputs.

    Raises
    ------
    LessonError
        If the text breaks a rule or a cell writes to stderr. A cell that fails raises nbclient's CellExecutionError.
        Either way the old notebook stays as it was.
    """
    notebook = convert(source)
    if problems := lint(notebook, source.name):
        raise LessonError("\n".join(problems))
    path = notebook_path(source)
    cost = execute(notebook, folder=path.parent)
    tidy(notebook)
    if problems := warnings_shown(notebook):
        raise LessonError(f"{source.name}: " + "\n".join(problems))
    nbformat.validate(notebook)
    written = write_if_changed(path, nbformat.writes(notebook).rstrip("\n") + "\n")
    print(
        f"{path.name}: {'written' if written else 'unchanged'}, {cost.seconds:.0f} s, {cost.peak_mb:.0f} MB", flush=True
    )
    return cost


# ------------------------------------------------------------------------------------------------------------ the costs

COSTS_HEAD = """# What each lesson costs

Measured while the notebook is built: from the start of its kernel to the end of its last cell, and the most memory
that the kernel and its children held at once. Made by `python course.py build`, which replaces the rows of the lessons
that it builds.

| lesson | seconds | peak memory, MB | measured on | machine |
|---|---|---|---|---|
"""


def record_costs(costs: dict[str, Cost], *, path: Path = COSTS) -> None:
    """Enter the costs of the lessons just built; the rows of the others stay."""
    rows = {}
    if path.exists():
        rows = {
            line.split("|")[1].strip(): line
            for line in path.read_text(encoding="utf-8").splitlines()
            if line[:3] == "| `"
        }
    for name, cost in costs.items():
        rows[f"`{name}`"] = f"| `{name}` | {cost.seconds:.0f} | {cost.peak_mb:.0f} | {date.today()} | {machine()} |"
    write_if_changed(path, COSTS_HEAD + "\n".join(rows[name] for name in sorted(rows)) + "\n")


def machine() -> str:
    """Describe this machine in a few words that do not identify it."""
    memory = psutil.virtual_memory().total / 2**30
    python = platform.python_version()
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {python}"


# ----------------------------------------------------------------------------------------------------- the command line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="course.py build", description=__doc__.split("\n\n")[0])
    parser.add_argument("lessons", nargs="*", help="numbers or names; without any, every lesson")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when notebooks and text differ")
    options = parser.parse_args(arguments)
    try:
        return _run(options)
    except (LessonError, CellExecutionError) as error:
        print(error, file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    if options.check:
        problems = check(options.lessons)
        print("\n".join(problems) or "Text and notebooks agree.")
        return 1 if problems else 0
    for source in sources(options.lessons):
        record_costs({source.stem: build(source)})
    write_if_changed(CLAIM_INDEX, claim_index())
    write_if_changed(misconceptions.PAGE, misconception_register())
    return 0


if __name__ == "__main__":
    sys.exit(main())
