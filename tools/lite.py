"""The lessons that need only NumPy, run by the browser itself (JupyterLite); ``python course.py lite``.

Python comes to the browser as WebAssembly (Pyodide), with NumPy, SciPy, Matplotlib and scikit-learn; PyTorch and
TensorFlow do not exist there, so the lessons that need them stay out. The built pages are static and go to
``build/lite``; ``python course.py site`` takes them along. Python itself and its packages come from Pyodide's own
host when a lesson is opened: this edition is the one part of the course's site that needs the Internet.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from notebooks import build

ROOT = build.ROOT
LITE = ROOT / "build" / "lite"
WORK = ROOT / "build" / "lite-work"
#: Exact versions, so that the pages of today are those of tomorrow.
TOOLS = ("jupyterlite-core==0.8.6", "jupyterlite-pyodide-kernel==0.8.6", "jupyterlab==4.6.6")
#: Their parts for the browser are built into the pages.
WIDGETS = ("ipywidgets==8.1.9", "jupyterlab-widgets==3.0.17", "anywidget==0.11.0")
#: Pure Python packages that Pyodide does not bring along, served with the pages.
WHEELS = (
    *WIDGETS,
    "widgetsnbextension==4.0.16",
    "psygnal==0.16.1",
    "comm==0.2.3",
    "platformdirs==4.14.7",
    "pooch==1.9.0",
)
#: No build of these for the browser; `lessonlib.training` and the recorder need one of them.
HEAVY = {"torch", "keras", "tensorflow", "training", "keras_recorder"}
FIRST_CELL = (
    "# In the browser, this brings the course's library; it takes a minute the first time.\n%pip install -q lessonlib"
)
KERNEL = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}


def light_lessons() -> list[Path]:
    """Return the built lessons (their sources) that import neither PyTorch nor TensorFlow, nor what needs them."""
    built = [source for source in build.sources() if build.notebook_path(source).exists()]
    return [source for source in built if not HEAVY & set(imported(source.read_text(encoding="utf-8")))]


def imported(program: str) -> Iterator[str]:
    """Yield every part of every name that a program imports, wherever it does.

    >>> sorted(set(imported("import a.b\\nfrom c import d\\ndef f():\\n    from e.g import h")))
    ['a', 'b', 'c', 'd', 'e', 'g', 'h']
    """
    for node in ast.walk(ast.parse(program)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(alias.name for alias in node.names)]
        else:
            continue
        for name in names:
            yield from name.split(".")


def edition(notebook: Path) -> NotebookNode:
    """Return a lesson's notebook for the browser: its kernel, and a first cell that brings the library."""
    copy = nbformat.read(notebook, as_version=4)
    cell = new_code_cell(FIRST_CELL, id="install-in-browser")
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    return NotebookNode(copy | {"cells": [cell, *copy.cells], "metadata": NotebookNode(metadata)})


def write_contents(folder: Path) -> None:
    """Put the lessons, the recordings that they read and the settings where JupyterLite's builder looks for them."""
    contents = folder / "contents"
    contents.mkdir(parents=True)
    for source in light_lessons():
        name = build.notebook_path(source)
        (contents / name.name).write_text(nbformat.writes(edition(name)), encoding="utf-8")
    for data in ("recordings", "logs"):
        if (build.NOTEBOOKS / data).exists():
            shutil.copytree(build.NOTEBOOKS / data, contents / data)
    settings = {"jupyter-lite-schema-version": 0, "jupyter-config-data": {"appName": "Loss and accuracy"}}
    (folder / "jupyter-lite.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")


def commands(python: str, folder: Path, output: Path) -> list[list[str]]:
    """Return the commands that build the pages, in order."""
    pip, wheels = [python, "-m", "pip", "--disable-pip-version-check"], str(folder / "pypi")
    pure = ["--only-binary=:all:", "--platform=any", "--implementation=py", "--abi=none", "--python-version=3.13"]
    return [
        [*pip, "install", "-q", *TOOLS, *WIDGETS, "setuptools==84.2.1", "wheel==0.48.0"],
        [*pip, "download", "-q", "--no-deps", *pure, "--dest", wheels, *WHEELS],
        [*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, str(ROOT)],
        [
            *(python, "-m", "jupyterlite_core", "build", "--lite-dir", str(folder)),
            *("--contents", str(folder / "contents"), "--output-dir", str(output), "--no-sourcemaps"),
        ],
    ]


def main(arguments: Sequence[str] = ()) -> int:
    """Build the pages; return the exit status of the first command that fails, or 0."""
    if arguments:
        print(f"lite takes no words, not {' '.join(arguments)}", file=sys.stderr)
        return 2
    for folder in (LITE, WORK / "lite"):
        shutil.rmtree(folder, ignore_errors=True)
    write_contents(WORK / "lite")
    (WORK / "lite" / "pypi").mkdir()
    venv.create(WORK / "env", with_pip=True)  # of its own: what is installed beside JupyterLite gets into its pages
    python = WORK / "env" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    for command in commands(str(python), WORK / "lite", LITE):
        print(" ".join(command[1:6]), "...", flush=True)
        if status := subprocess.run(command, cwd=WORK).returncode:
            return status
    size = sum(path.stat().st_size for path in LITE.rglob("*") if path.is_file()) / 1e6
    print(f"{LITE}: {size:.0f} MB, {len(light_lessons())} lessons. To look at it: python3 -m http.server -d build/lite")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
