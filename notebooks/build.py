"""Make the notebooks that learners open out of the text that people edit.

``notebooks/source/NN_name.py`` (jupytext's ``py:percent`` format) is the source of a lesson. This program turns it
into ``notebooks/NN_name.ipynb``, executed from a cold start and with its outputs, so that the lesson can be read where
nothing can be run.

    python course.py build            # every lesson
    python course.py build 1 6        # some, by number or name
    python course.py build --check    # change nothing; fail when a notebook is not what its text says

Each build also writes what it cost (seconds, memory) into ``docs/lesson-costs.md``, and how many minutes a learner
needs into the lesson and the README. A number may have a further notebook, ``NNb_name.py``. Rules: `notebooks.rules`.
"""

from __future__ import annotations

import argparse
import copy
import functools
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

from notebooks import rules
from notebooks.rules import Problem
from tools import claims, misconceptions

NOTEBOOKS = Path(__file__).resolve().parent
ROOT = NOTEBOOKS.parent
COSTS = ROOT / "docs" / "lesson-costs.md"
CLAIMS = ROOT / "docs" / "claims.csv"
CLAIM_INDEX = ROOT / "docs" / "claim-index.md"

README = ROOT / "README.md"

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
    """Return the lessons' sources in order; `wanted` picks some by number ("1", "3b"), name or file name.

    Raises
    ------
    LessonError
        If a wanted lesson does not exist; the message lists those that do.
    """
    every = sorted(path for path in (folder / "source").glob("*.py") if rules.LESSON.match(path.stem))
    return every if not wanted else [_pick(name, every) for name in wanted]


def _pick(name: str, every: list[Path]) -> Path:
    stem = Path(name).stem
    for path in every:
        if stem in {path.stem, rules.LESSON.match(path.stem)[3]} or stem.lstrip("0") == rules.label(path.stem).lstrip(
            "0"
        ):
            return path
    raise LessonError(f"no lesson {name!r}; there are: {', '.join(path.stem for path in every) or 'none'}")


def notebook_path(source: Path) -> Path:
    """Return where the notebook of a source belongs: one folder up."""
    return source.parent.parent / f"{source.stem}.ipynb"


def convert(source: Path) -> NotebookNode:
    """Turn a source into a notebook without outputs."""
    return copy.deepcopy(_converted(source.read_text(encoding="utf-8")))


@functools.cache  # what is compared between lessons reads each of them several times
def _converted(text: str) -> NotebookNode:
    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell, name in zip(notebook.cells, cell_ids(notebook), strict=True):
        cell["id"] = name
        cell.metadata.pop("lines_to_next_cell", None)  # jupytext's note on blank lines of the text
    rules.collapse(notebook)
    return notebook


def cell_starts(source: Path) -> list[int]:
    """Return the line, from 1, in which each cell of a source begins."""
    lines = source.read_text(encoding="utf-8").splitlines()
    return [number for number, line in enumerate(lines, start=1) if re.match(r"# %%( |$)", line)]


def located(source: Path, problems: Sequence[Problem]) -> list[str]:
    """Say where in the text each problem is."""
    starts = cell_starts(source)
    return [
        f"{source.name}:{starts[problem.cell - 1] if 0 < problem.cell <= len(starts) else 1}: {problem}"
        for problem in problems
    ]


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


# ------------------------------------------------------------------------------------------------------ do they agree?


def differences(text: NotebookNode, notebook: NotebookNode) -> list[Problem]:
    """Return where a stored notebook differs from its text: cells, their type, source, tags, id, whether collapsed."""
    if len(text.cells) != len(notebook.cells):
        return [Problem(0, f"the text has {len(text.cells)} cells, the notebook {len(notebook.cells)}")]
    text = copy.deepcopy(text)
    rules.fill_minutes(text, rules.content(notebook).minutes)
    problems = []
    for number, (ours, theirs) in enumerate(zip(text.cells, notebook.cells, strict=True), start=1):
        pairs = {
            "type": (ours.cell_type, theirs.cell_type),
            "source": (ours.source, theirs.source),
            "tags": (ours.metadata.get("tags", []), theirs.metadata.get("tags", [])),
            "collapsed": (rules.is_hidden(ours), rules.is_hidden(theirs)),
            "id": (ours["id"], theirs.get("id")),
        }
        for key, (text_says, is_now) in pairs.items():
            if text_says != is_now:
                a, b = first_difference(text_says, is_now) if key == "source" else (text_says, is_now)
                problems.append(Problem(number, f"{key} is {b!r} in the notebook, the text says {a!r}"))
        if theirs.cell_type == "code" and theirs.source.strip() and theirs.execution_count is None:
            problems.append(Problem(number, "never executed"))
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
        problems += located(source, rules.problems(text))
        if not path.exists():
            problems.append(f"{source.name}: not built yet, {path.name} is missing")
        else:
            stored = nbformat.read(path, as_version=4)
            problems += located(source, [*differences(text, stored), *rules.shown_too_early(stored)])
    problems += names_used_twice(folder=folder)
    if folder == NOTEBOOKS:
        readme = README.read_text(encoding="utf-8")
        unlisted = [source for source in sources(wanted) if f"(notebooks/{source.stem}.ipynb)" not in readme]
        problems += [f"{source.name}: has no row in the README's table of lessons" for source in unlisted]
    if not wanted:
        orphans = {path.stem for path in folder.glob("*.ipynb")} - {path.stem for path in sources(folder=folder)}
        problems += [f"{name}.ipynb: has no text in notebooks/source" for name in sorted(orphans)]
    return problems


def names_used_twice(*, folder: Path = NOTEBOOKS) -> list[str]:
    """Return the questions whose name an earlier lesson has: in the learner's file they would be one."""
    taken: dict[str, str] = {}
    problems = []
    for source in sources(folder=folder):
        for question in rules.asked_in(convert(source)):
            if taken.setdefault(question.name, source.name) != source.name:
                problem = Problem(question.cell, f"the name {question.name!r} is taken by {taken[question.name]}")
                problems += located(source, [problem])
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
    names = {rules.label(stem): stem for stem, _ in lessons}
    return claims.problems(claims.read(CLAIMS), claims.settled_in(lessons), names)


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


def take_outputs(notebook: NotebookNode, stored: NotebookNode) -> bool:
    """Take over the outputs of a stored notebook whose code is the same, cell by cell; return whether it is."""
    ours, theirs = ([cell for cell in one.cells if cell.cell_type == "code"] for one in (notebook, stored))
    if [cell.source for cell in ours] != [cell.source for cell in theirs]:
        return False
    if any(cell.source.strip() and cell.execution_count is None for cell in theirs):
        return False
    for cell, old in zip(ours, theirs, strict=True):
        cell.outputs, cell.execution_count = old.outputs, old.execution_count
    return True


def warnings_shown(notebook: NotebookNode) -> list[Problem]:
    """Return what cells wrote to stderr: a warning is a mistake in the lesson, and no two machines word it alike."""
    return [
        Problem(number, f"wrote to stderr:\n{output.text}")
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


def build(source: Path, *, keep_outputs: bool = False) -> Cost | None:
    """Build one lesson's notebook with its outputs; return what executing it took.

    With `keep_outputs`, nothing is executed where no code has changed since the notebook was built: the return is None.

    Raises
    ------
    LessonError
        If the text breaks a rule or a cell fails or writes to stderr. The old notebook then stays as it was.
    """
    notebook, path = convert(source), notebook_path(source)
    if problems := rules.problems(notebook):
        raise LessonError("\n".join(located(source, problems)))
    kept = keep_outputs and path.exists() and take_outputs(notebook, nbformat.read(path, as_version=4))
    cost = None if kept else _executed(notebook, source)
    tidy(notebook)
    if problems := [*warnings_shown(notebook), *rules.shown_too_early(notebook)]:
        raise LessonError("\n".join(located(source, problems)))
    content = rules.content(notebook)
    rules.fill_minutes(notebook, content.minutes)
    nbformat.validate(notebook)
    written = write_if_changed(path, nbformat.writes(notebook).rstrip("\n") + "\n")
    took = f"{cost.seconds:.0f} s, {cost.peak_mb:.0f} MB" if cost else "its code has not changed: outputs kept"
    print(f"{path.name}: {'written' if written else 'unchanged'}, {took}\n  {content}", flush=True)
    return cost


def _executed(notebook: NotebookNode, source: Path) -> Cost:
    try:
        return execute(notebook, folder=notebook_path(source).parent)
    except CellExecutionError as error:
        failed = [number for number, cell in enumerate(notebook.cells, start=1) if _failed(cell)]
        raise LessonError("\n".join(located(source, [Problem(failed[-1] if failed else 0, str(error))]))) from error


def _failed(cell: NotebookNode) -> bool:
    return any(output.output_type == "error" for output in cell.get("outputs", []))


def minutes(source: Path) -> int:
    """Return how long a learner needs for a built lesson."""
    return rules.content(nbformat.read(notebook_path(source), as_version=4)).minutes


def readme_with_minutes(text: str) -> str:
    """Return the README's text with the minutes of each built lesson in its row of the table."""
    for source in sources():
        if rules.MINUTES in source.read_text(encoding="utf-8") and notebook_path(source).exists():
            row = rf"^(\|[^|]*\(notebooks/{source.stem}\.ipynb\)[^|]*\|[^|]*\|) \d+ min \|"
            text = re.sub(row, rf"\1 {minutes(source)} min |", text, flags=re.MULTILINE)
    return text


# ------------------------------------------------------------------------------------------------------------ the costs

COSTS_HEAD = """# What each lesson costs

Measured while the notebook is built: from the start of its kernel to the end of its last cell, and the most memory
that the kernel and its children held at once. Made by `python course.py build`, which replaces the row of a lesson that
it builds where seconds or memory differ by more than a quarter.

| lesson | seconds | peak memory, MB | measured on | machine |
|---|---|---|---|---|
"""


#: Differences up to this share (and up to 3 seconds) are those of one machine from hour to hour.
NOTABLE = 0.25


def record_costs(costs: dict[str, Cost], *, path: Path = COSTS) -> None:
    """Enter the costs of the lessons just built where they have changed; the rows of the others stay."""
    rows = {}
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = {line.split("|")[1].strip(): line for line in lines if line[:3] == "| `"}
    for name, cost in costs.items():
        old = [float(number) for number in rows.get(f"`{name}`", "| | 0 | 0 |").split("|")[2:4]]
        if abs(cost.seconds - old[0]) > max(3, NOTABLE * old[0]) or abs(cost.peak_mb - old[1]) > NOTABLE * old[1]:
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
    except (LessonError, ValueError) as error:  # a ValueError: claims.csv cannot be read
        print(error, file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    if options.check:
        problems = check(options.lessons)
        print("\n".join(problems) or "Text and notebooks agree.")
        return 1 if problems else 0
    for source in sources(options.lessons):
        record_costs({source.stem: build(source)})
    write_pages()
    return 0


def write_pages() -> None:
    """Write what is made of all lessons: the claim index, the misconceptions, the minutes in the README."""
    write_if_changed(CLAIM_INDEX, claim_index())
    write_if_changed(misconceptions.PAGE, misconception_register())
    write_if_changed(README, readme_with_minutes(README.read_text(encoding="utf-8")))


if __name__ == "__main__":
    sys.exit(main())
