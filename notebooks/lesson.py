"""The one command while a lesson is written: format, lint, build, run again and compare, see whether all agrees.

    python course.py lesson 4            # a changed sentence executes nothing
    python course.py lesson 4 --again    # execute, whether or not code has changed

What fails is named by the lesson and the line of its text. A lesson that has become too long is no failure here: whose
class has the time may keep it. The course's own tests hold its limits.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat

from notebooks import build, rules
from notebooks.rules import Problem

SANITIZE = build.ROOT / "tests" / "nbval_sanitize.cfg"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="course.py lesson", description=__doc__.split("\n\n")[0])
    parser.add_argument("lesson", help="its number (4, 5b) or name")
    parser.add_argument("--again", action="store_true", help="execute it even if no code has changed")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    try:
        (source,) = build.sources([options.lesson])
        problems = work_on(source, again=options.again)
        too_long = build.located(source, rules.too_long(nbformat.read(build.notebook_path(source), as_version=4)))
    except (build.LessonError, ValueError) as error:  # a ValueError: claims.csv cannot be read
        problems, too_long = [str(error)], []
    print("\n".join(problems) or f"All agrees, after {time.perf_counter() - start:.0f} s.")
    for problem in too_long:
        print(f"Longer than the course allows itself: {problem}")
    return 1 if problems else 0


def work_on(source: Path, *, again: bool = False) -> list[str]:
    """Bring one lesson from its text to a notebook that agrees with everything; return what is wrong, a line each.

    Raises
    ------
    LessonError
        If it cannot be built.
    """
    ruff("format", "--quiet", source)
    if linted := ruff("check", "--quiet", "--output-format=concise", source):
        return linted
    if cost := build.build(source, keep_outputs=not again):
        build.record_costs({source.stem: cost})
        if differing := not_repeated(source):
            return differing
    build.write_pages()
    return [*build.check([source.stem]), *(problem for problem in build.unsettled_claims() if source.stem in problem)]


def ruff(*command: str | Path) -> list[str]:
    """Run ruff in the course's folder; return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *map(str, command)], cwd=build.ROOT, capture_output=True, text=True, check=False
    )
    return (done.stdout + done.stderr).strip().splitlines() if done.returncode else []


def not_repeated(source: Path) -> list[str]:
    """Execute the notebook once more with nbval; return the cells whose outputs came out otherwise."""
    path = build.notebook_path(source)
    nbval = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(SANITIZE)]
    command = [sys.executable, "-m", "pytest", *nbval, "-q", "--color=no", "-p", "no:cacheprovider", str(path)]
    with build.cold_start() as environment:
        done = subprocess.run(command, cwd=build.ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    code = [n for n, cell in enumerate(nbformat.read(path, as_version=4).cells, start=1) if cell.cell_type == "code"]
    failed = re.findall(r"^FAILED .*::Cell (\d+)", done.stdout, re.MULTILINE)
    said = [Problem(code[int(n)], "comes out otherwise when it runs again") for n in failed]
    return [*build.located(source, said), done.stdout[-3000:] + done.stderr[-1000:]]


if __name__ == "__main__":
    sys.exit(main())
