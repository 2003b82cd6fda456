"""What Binder will do with this repository, as far as that can be tried without Docker; ``python course.py binder``.

1. repo2docker, Binder's own program, writes the Dockerfile for this repository without building it.
2. Its install commands run in a fresh virtual environment over the packages of Binder's base image.
3. Every lesson runs there from a cold start; its peak memory stands beside the 2 GB that Binder lends.

The result goes into ``docs/binder.md``. The first step alone (``--dockerfile``) is quick; the tests run it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from datetime import date
from pathlib import Path

from notebooks import build

ROOT = Path(__file__).resolve().parent.parent
TRIAL = ROOT / "build" / "binder"
REPORT = ROOT / "docs" / "binder.md"
#: What repo2docker 2026.4 puts into its base environment for Python 3.11, of what concerns the lessons.
BASE = ("jupyterlab==4.4.9", "notebook==7.4.7", "ipykernel==7.0.1", "ipywidgets==8.1.7")
LIMIT_MB = 2000

HEAD = """# On Binder

Made by `python3 course.py binder`: repo2docker's own install commands, run in a fresh virtual environment over the
packages of its base image, and every lesson executed there with the settings of `binder/start`. Binder lends 1 GB of
memory for certain and 2 GB at most, so keep one lesson open at a time. Not tried: Docker itself and mybinder.org.

"""


class BinderError(Exception):
    """repo2docker refuses the repository, or one of its commands fails."""


def dockerfile(repository: Path = ROOT) -> str:
    """Return the Dockerfile that repo2docker would build.

    Raises
    ------
    BinderError
        If repo2docker refuses the repository; the message ends with its own words.
    """
    user = ["--user-id", "1000", "--user-name", "jovyan"]
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", *user, str(repository)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BinderError(f"repo2docker ended with {done.returncode}:\n{(done.stdout + done.stderr)[-1500:]}")
    return done.stdout + done.stderr


def install_commands(text: str) -> list[str]:
    """Return the commands of a Dockerfile that install what this repository asks for, in order.

    >>> install_commands("RUN ${KERNEL_PYTHON_PREFIX}/bin/pip install -r a.txt\\nRUN ./binder/postBuild\\n")
    ['pip install -r a.txt', './binder/postBuild']
    """
    found = re.findall(
        r"^RUN (?:\$\{KERNEL_PYTHON_PREFIX\}/bin/)?(pip install .*|\./binder/postBuild)$", text, re.MULTILINE
    )
    return [command.strip() for command in found]


def trial(commands: list[str]) -> list[tuple[str, int]]:
    """Run the install commands on a copy of what git would take; return each with the MB installed after it.

    Raises
    ------
    BinderError
        If a command fails.
    """
    shutil.rmtree(TRIAL, ignore_errors=True)
    TRIAL.mkdir(parents=True)
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in listing.stdout.decode().splitlines():
        if (ROOT / name).is_file():
            (TRIAL / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, TRIAL / name)
    venv.create(TRIAL / "env", with_pip=True)
    steps = []
    for command in (f"pip install --no-cache-dir {' '.join(BASE)}", *commands):
        print(command, flush=True)
        done = subprocess.run(command, shell=True, cwd=TRIAL, env=environment(), capture_output=True, text=True)
        if done.returncode:
            raise BinderError(f"{command} failed:\n{(done.stdout + done.stderr)[-1500:]}")
        steps.append((command, installed_mb()))
    return steps


def environment() -> dict[str, str]:
    """Return the variables under which the trial's commands run: its own Python first, its own home."""
    start = (ROOT / "binder" / "start").read_text(encoding="utf-8")
    chosen = dict(
        pair.split("=") for line in re.findall(r"^export (.+)$", start, re.MULTILINE) for pair in line.split()
    )
    path = f"{TRIAL / 'env' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    hidden = {"PYTHONPATH", "VIRTUAL_ENV"}
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return kept | chosen | {"PATH": path, "LESSONLIB_HOME": str(TRIAL / "home"), "LESSONLIB_CIFAR10": "none"}


def installed_mb() -> int:
    """Return how much the trial's environment holds, in MB."""
    return round(sum(path.lstat().st_size for path in (TRIAL / "env").rglob("*") if not path.is_symlink()) / 1e6)


def peak_mb(notebook: Path) -> float:
    """Run a lesson in the trial's environment; return the most MB that all its processes held at once."""
    with tempfile.TemporaryDirectory() as out, build.MemoryWatch() as watch:
        command = ["jupyter", "nbconvert", "--to", "notebook", "--execute", "--output-dir", out, str(notebook)]
        done = subprocess.run(command, cwd=notebook.parent, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise BinderError(f"{notebook.name} failed:\n{done.stderr[-1500:]}")
    return watch.peak_bytes / 1e6


def state() -> str:
    """Return which state of the course is on this disk: the commit, and whether files differ from it."""
    told = ["git", "describe", "--always", "--dirty= with changes"]
    return subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def report(commit: str, steps: list[tuple[str, int]], lessons: list[tuple[str, float]]) -> str:
    """Return the page of the results."""
    lines = ["| step | installed so far, MB |", "|---|---|"]
    lines += [f"| `{command}` | {size} |" for command, size in steps]
    lines += ["", "| lesson | peak memory, MB (nbconvert included) | of the 2 GB |", "|---|---|---|"]
    lines += [f"| `{name}` | {peak:.0f} | {peak / LIMIT_MB:.0%} |" for name, peak in lessons]
    return HEAD + "\n".join(lines) + f"\n\nMeasured on {date.today()} at commit {commit}, {build.machine()}.\n"


def main(arguments: list[str]) -> int:
    """Run the three steps, or with --dockerfile only the first; return the exit status."""
    if set(arguments) - {"--dockerfile"}:
        print(f"binder knows --dockerfile, not {' '.join(arguments)}", file=sys.stderr)
        return 2
    try:
        commands = install_commands(dockerfile())
        print("Binder would install with:", *commands, sep="\n  ")
        if "--dockerfile" in arguments:
            return 0
        commit, steps, measured = state(), trial(commands), []
        for notebook in sorted((TRIAL / "notebooks").glob("*.ipynb")):
            measured.append((notebook.stem, peak_mb(notebook)))
            print(f"{notebook.stem}: {measured[-1][1]:.0f} MB", flush=True)
    except BinderError as error:
        print(error, file=sys.stderr)
        return 1
    build.write_if_changed(REPORT, report(commit, steps, measured))
    return 0 if max(peak for _, peak in measured) < LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
