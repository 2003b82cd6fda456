"""Write the three files that name exact versions; run as ``python course.py lock [--upgrade [PACKAGE ...]]``.

``requirements.lock`` holds every package, for every system, in the parts that course.py installs one by one.
``environment.yml`` (conda) and ``binder/requirements.txt`` (what the lessons need on Binder, without the tests and
without PyTorch, whose build is chosen later) are made from it.
Versions stay as they are unless ``--upgrade`` is given (of all, or of the packages named) or pyproject.toml no longer
allows them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
CONDA = ROOT / "environment.yml"
BINDER = ROOT / "binder" / "requirements.txt"

HEAD = "# Exact versions, made from pyproject.toml by: python course.py lock\n"
PYTHON = "3.11"  # the oldest that the course supports: what resolves there resolves on newer ones

GROUPS = {
    "": "the library and every lesson",
    "torch": "lessons 1, 3 and 6: networks in PyTorch",
    "keras": "lessons 1, 3, 4 and 9: networks in Keras",
    "lab": "to open the lessons",
    "dev": "to build and test the lessons",
    "teacher": "to make and grade exercises",
    "install": "to install the library",
    "builds": "to choose the build of PyTorch",
}
#: The parts of the lock, in the order in which they are installed, with the groups of pyproject.toml that they serve.
PARTS = {
    "lessons": ("", "lab", "install"),
    "torch": ("torch", "builds"),
    "keras": ("keras",),
    "grade": ("teacher",),
    "test": ("dev",),
}

CONDA_HEAD = f"""{HEAD}#
#     conda env create -f environment.yml
#     conda activate loss-and-accuracy
#     python course.py start --here
#
# On Linux, torch from here is the build with CUDA (some GB). Without an NVIDIA GPU you can spare yourself that: delete
# its line before the first command, and after the second run: python course.py install --here
name: loss-and-accuracy
channels:
  - conda-forge
dependencies:
  - python={PYTHON}
  - pip
  - pip:
      - -e .
"""


def uv_compile(output: Path, *arguments: str) -> None:
    """Resolve pyproject.toml with uv into `output`, under a head that names the command, not this machine."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet", "--no-header"]
    command += ["--python-version", PYTHON, "--output-file", str(output), *arguments]
    subprocess.run(command, cwd=ROOT, check=True)
    output.write_text(HEAD + output.read_text(encoding="utf-8").replace(HEAD, ""), encoding="utf-8", newline="\n")


def pins(text: str) -> dict[str, str]:
    """Return the pinned lines of a lock, by package name.

    >>> pins("# a comment\\nnumpy==2.4.6\\n    # via keras\\ntorch==2.13.0 ; sys_platform != 'darwin'\\n")
    {'numpy': 'numpy==2.4.6', 'torch': "torch==2.13.0 ; sys_platform != 'darwin'"}
    """
    return {line.split("==")[0]: line for line in text.splitlines() if re.match(r"[A-Za-z0-9]", line)}


def in_parts(text: str, project: dict) -> str:
    """Return a lock with its packages sorted into parts: each in the first that needs it, below ``# part NAME``."""
    blocks = re.findall(r"^\w[^\n]*\n(?:    #[^\n]*\n)*", text, re.MULTILINE)
    left = {block.split("==")[0]: block for block in blocks}
    needed_by = {name: set(re.findall(r"#(?: +via)? +([\w.-]+)", block)) for name, block in left.items()}
    groups, sections = asked_for(project), []
    for part, its_groups in PARTS.items():
        inside = {name for group in its_groups for name in groups[group]}
        while more := {name for name in left if name not in inside and needed_by[name] & inside}:
            inside |= more
        described = "; ".join(GROUPS[group] for group in its_groups)
        sections.append(
            f"\n# part {part}: {described}\n" + "".join(left.pop(name) for name in [*left] if name in inside)
        )
    if left:
        raise ValueError(f"no group of pyproject.toml leads to {', '.join(left)}: see what needs them in the lock.")
    return HEAD + "".join(sections)


def asked_for(project: dict) -> dict[str, list[str]]:
    """Return the packages that pyproject.toml names, by group; the library's own dependencies under ""."""
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return {group: [re.split(r"[^A-Za-z0-9-]", line)[0] for line in lines] for group, lines in groups.items()}


def conda_environment(lock: str, project: dict) -> str:
    """Return the text of environment.yml: the lock's pins, those that somebody asked for first, and what for."""
    left = pins(lock)
    sections = []
    for group, names in asked_for(project).items():
        sections.append((GROUPS[group], [left.pop(name) for name in names if name in left]))
    sections.append(("what these need", list(left.values())))
    lines = []
    for title, requirements in sections:
        lines.append(f"      # {title}")
        lines += [f'      - "{line}"' if ";" in line else f"      - {line}" for line in requirements]
    return CONDA_HEAD + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write the three files."""
    first, *packages = arguments or [""]
    if first not in {"", "--upgrade"} or any(name.startswith("-") for name in packages):
        print(f"lock knows --upgrade [PACKAGE ...], not {' '.join(arguments)}", file=sys.stderr)
        return 2
    upgrade = [f"--upgrade-package={name}" for name in packages] or arguments
    uv_compile(LOCK, "--all-extras", "--universal", "--fork-strategy", "fewest", *upgrade)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    LOCK.write_text(in_parts(LOCK.read_text(encoding="utf-8"), project), encoding="utf-8", newline="\n")
    light = [word for group in ("torch", "keras", "install", "builds") for word in ("--extra", group)]
    BINDER.unlink(missing_ok=True)  # its versions come from the lock, not from what it said before
    linux = ("--python-platform", "x86_64-unknown-linux-gnu", "--no-emit-package", "torch")
    uv_compile(BINDER, *light, "--constraint", str(LOCK.relative_to(ROOT)), *linux, "--no-annotate")
    CONDA.write_text(conda_environment(LOCK.read_text(encoding="utf-8"), project), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
