#!/usr/bin/env python3
"""Everything this course needs, in two commands, on a machine that has only Python (3.11 to 3.13).

    python3 course.py start     open the first lesson in JupyterLab; PyTorch and Keras come meanwhile
    python3 course.py test      install what is missing, then run every test

On Windows write `py course.py ...`. More commands:

    start --all                 install everything that lessons need before the first one opens
    start --here                the same in the Python that runs this (conda), which installs nothing
    read LOG                    say what the curves of a training log show; - reads a paste (docs/reading-curves.md)
    fresh LESSON ...            give lessons back as the course has them; yours are kept under another name
    install                     install everything; --here into the Python that runs this, instead of a .venv of its own
    build [LESSON ...]          make the notebooks from their text (notebooks/source); --check only compares the two
    lesson LESSON               while you write it: format, build, run again, compare with everything (--again executes)
    export [LESSON ...]         write each lesson as one web page that needs no server, into build/export
    site [LESSON ...]           write the site of all lessons, for any web server, into build/site
    lite                        write the lessons that a browser can run by itself (JupyterLite), into build/lite
    binder                      try out what Binder will install, and whether every lesson fits into its memory
    badges                      print the badges that open each lesson on Binder
    processors [LESSON ...]     run lessons as on other processors, and list the outputs that differ
    record ...                  train and save the recorded runs (the same as: python -m lessonlib record ...)
    derive [EXERCISE ...]       make the exercises' notebooks; --class FOLDER: those of a class, with its own numbers
    grade FOLDER                grade a folder of submissions; --class FOLDER names the class (docs/teachers-guide.md)
    cycle                       rehearse derive, hand in, grade and give back with 60 made-up submissions
    lock [--upgrade [PACKAGE]]  write requirements.lock, environment.yml and binder/requirements.txt anew

What follows `--` goes to JupyterLab or to pytest: `python3 course.py test -- -k browser`.

Everything is installed into the folder .venv (up to 4 GB, each part when a command first needs it), and the lessons
that you open and change are copies in the folder my-course. Outside this folder, `test` may install a browser where
that needs no password; nothing else is changed. To start afresh, delete .venv.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tools import own_copies
from tools.install import (
    BINDER_LOCK,
    LOCK,
    ROOT,
    Trouble,
    ensure,
    install_here,
    say,
    start_fetching,
    stop_fetching,
)

FIRST_LESSON = "notebooks/00_start_here.ipynb"
LESSONS = ("lessons", "torch", "keras")
EVERYTHING = (*LESSONS, "grade", "test")


def hand_over(command: list[str], cwd: Path | None = ROOT, env: dict[str, str] | None = None) -> int:
    """Run a program in the foreground until it ends; Ctrl-C is for it, not for us, and what ends us ends it."""
    process = subprocess.Popen(command, cwd=cwd, env=env)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: process.terminate())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def start(words: list[str]) -> int:
    """Open JupyterLab on the first lesson; fetch meanwhile what later lessons need."""
    ours = {"--all", "--here"} & set(words)
    python = sys.executable if "--here" in ours else ensure(*(LESSONS if "--all" in ours else LESSONS[:1]))
    fill_own_copies()
    fetching = None if "--here" in ours else start_fetching(*LESSONS[1:])
    if fetching:
        say("PyTorch and Keras are fetched while you begin; a lesson that needs them waits for them and says so.")
    say("Opening JupyterLab. If no browser window appears, copy the address http://localhost:... from below into one.")
    say("To stop: press Ctrl-C here, twice.")
    try:
        return hand_over([python, "-m", "jupyterlab", *lab_arguments(is_root()), *(w for w in words if w not in ours)])
    finally:
        stop_fetching(fetching)


def lab_arguments(root: bool) -> list[str]:
    """Return what JupyterLab is told; as root, usual in a container, it wants to hear that this is meant."""
    where = [f"--ServerApp.root_dir={own_copies.FOLDER}", f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}"]
    return [*where, "--allow-root"] if root else where


def is_root() -> bool:
    """Tell whether this runs as the administrator of a Unix system."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def fill_own_copies() -> None:
    """Bring the learner's folder up to date, and say what they ought to know."""
    done = own_copies.fill()
    if done.new or done.updated:
        say(f"Your own lessons and exercises are in {own_copies.FOLDER.name}: change what you like there.")
    if done.newer:
        say("The course has newer versions of what you have changed: " + ", ".join(done.newer))
        say("Yours stay. To have a new one (yours is kept under another name): python3 course.py fresh NAME")


def fresh(words: list[str]) -> int:
    """Give lessons or exercises back as the course has them."""
    names = [own_copies.pick(word) for word in words]
    if not words or None in names:
        wrong = [word for word in words if own_copies.pick(word) is None]
        raise Trouble(f"fresh knows no {', '.join(wrong) or 'lesson without a name'}: write 2, 03b or exercise-2.")
    for name in names:
        kept = own_copies.fresh(name)
        say(f"{own_copies.FOLDER.name}/{name} is as the course has it." + (f" Yours: {kept.name}" if kept else ""))
    return 0


def test(words: list[str]) -> int:
    """Run the unit tests, the browser tests and every cell of every notebook; the last lines say what was left out."""
    python = ensure(*EVERYTHING)
    subprocess.run([python, "-m", "tests.browser"], cwd=ROOT)  # looks for a browser, else fetches one if it can
    return hand_over([python, "-m", "pytest", *pytest_arguments(words, cores=len(usable_cores()))])


def pytest_arguments(words: list[str], cores: int) -> list[str]:
    """Return pytest's command line: everything, unless `words` name files of their own."""
    named = any(not word.startswith("-") and (ROOT / word.split("::")[0]).exists() for word in words)
    notebooks = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "notebooks").glob("*.ipynb"))
    # The lessons come first, and nothing is put in another order: the site's tests show what nbval has run.
    paths = [] if named else [*notebooks, "lessonlib", "tests"]
    nbval = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", "tests/nbval_sanitize.cfg"]
    workers = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"] if cores > 1 else []
    return [*paths, *nbval, *workers, *words]


def usable_cores() -> list[int]:
    """Return the cores that this process may use; not every system tells, and then all count."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def only_install(words: list[str]) -> int:
    """Install into .venv, or with --here into this Python; --light takes what the lessons need, not the tests."""
    if unknown := set(words) - {"--here", "--light"}:
        raise Trouble(f"install does not know {' '.join(sorted(unknown))}; it knows --here and --light.")
    if "--here" in words:
        install_here(BINDER_LOCK if "--light" in words else LOCK)
    else:
        ensure(*(LESSONS if "--light" in words else EVERYTHING))
        fill_own_copies()
    return 0


def lock(words: list[str]) -> int:
    """Resolve every dependency for every system, and write the three files that list them."""
    python = ensure("lessons", "torch") if LOCK.exists() else sys.executable
    return hand_over([python, "tools/lock.py", *words])


def inside(*program: str, parts: tuple[str, ...] = EVERYTHING):
    """Return a command that hands its words to a program in the course's environment."""
    return lambda words: hand_over([ensure(*parts), *program, *words])


def beside(*program: str, parts: tuple[str, ...] = ("lessons", "grade")):
    """Return a command whose words name files and folders of the user's, which count from where they stand."""

    def run(words: list[str]) -> int:
        # -P: a learner's statistics.py in that folder is not to be taken for Python's.
        command = [ensure(*parts), "-P", "-m", *program, *words]
        return hand_over(command, cwd=None, env={**os.environ, "PYTHONPATH": str(ROOT)})

    return run


COMMANDS = {
    "start": start,
    "test": test,
    "fresh": fresh,
    "install": only_install,
    "build": inside("-m", "notebooks.build"),
    "lesson": inside("-m", "notebooks.lesson"),
    "export": inside("-m", "tools.website", "--single"),
    "site": inside("-m", "tools.website"),
    "lite": inside("-m", "tools.lite"),
    "binder": inside("-m", "tools.binder"),
    "badges": inside("-m", "tools.website", "--badges"),
    "processors": inside("-m", "tools.processors"),
    "record": inside("-m", "lessonlib", "record", parts=("lessons", "torch")),
    "read": beside("lessonlib", "read", parts=("lessons",)),
    "derive": beside("exercises.grading.classroom"),
    "grade": beside("exercises.grading.grade"),
    "cycle": beside("tools.rehearsal"),
    "lock": lock,
}


#: Those that explain their own options.
HAVE_HELP = {"build", "lesson", "export", "site", "record", "read", "derive", "grade", "cycle"}


def main(arguments: list[str]) -> int:
    """Run a command; return the exit status."""
    name, *words = arguments or [""]
    asked = "help" if name in {"-h", "--help", "help"} or words[:1] in (["-h"], ["--help"]) else ""
    if name not in COMMANDS or (asked and name not in HAVE_HELP):
        say(__doc__.strip())
        return 0 if asked else 2
    try:
        return COMMANDS[name](words[1:] if words[:1] == ["--"] else words)
    except Trouble as trouble:
        print(f"\n{trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
