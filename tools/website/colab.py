"""The lessons' copies for Google Colab: one first cell installs the course there, and does nothing elsewhere."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from tools.website.repository import Repository

FIRST_CELL = """# On Google Colab this fetches the course and installs its library; elsewhere it does nothing.
import os, subprocess, sys

if "google.colab" in sys.modules and not os.path.exists("/content/course"):
    subprocess.run(["git", "clone", "-q", "--depth", "1", "{address}", "/content/course"], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "-e", "/content/course"], check=True)
if "google.colab" in sys.modules:
    os.chdir("/content/course/notebooks")
    sys.path.insert(0, "/content/course")"""


def edition(notebook: Path, known: Repository) -> NotebookNode:
    """Return a lesson's notebook with the first cell for Colab; its outputs stay, so that it can be read unrun."""
    copy = nbformat.read(notebook, as_version=4)
    cell = new_code_cell(FIRST_CELL.format(address=known.address), id="install-on-colab")
    return NotebookNode(copy | {"cells": [cell, *copy.cells]})
