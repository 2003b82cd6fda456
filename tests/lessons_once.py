"""The lessons run once for two purposes: nbval compares what they print, and the site's tests show the same outputs.

nbval's kernels write for pages without a kernel (``LESSONLIB_STATIC``): explorers hand over all their pictures. That
HTML is not the stored one and is not compared. What is printed is, and the sentence of each explorer and question.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell

from notebooks import build
from tools.website import lessons


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """Start nbval's kernels for pages without a kernel."""
    if not isinstance(item, IPyNbCell):
        return (yield)
    item.parent.skip_compare = (*dict.fromkeys((*item.parent.skip_compare, "text/html")),)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LESSONLIB_STATIC", "1")
        return (yield)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Keep a lesson that has come to its end where the site looks for it."""
    ended = nextitem is None or nextitem.parent is not item.parent
    if isinstance(item, IPyNbCell) and ended and (source := source_of(item.path)):
        cells = [cell for cell in item.session.items if cell.parent is item.parent]
        notebook = with_outputs(build.convert(source), cells)
        if notebook is not None:
            lessons.keep(source, notebook)


def source_of(notebook: Path) -> Path | None:
    """Return a lesson's text; None for another notebook."""
    return next((source for source in build.sources() if build.notebook_path(source) == notebook), None)


def with_outputs(notebook: NotebookNode, cells: list[IPyNbCell]) -> NotebookNode | None:
    """Give a notebook's code the outputs of nbval's cells; None if one did not run or is not the notebook's."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if [cell.source for cell in code] != [cell.cell.source for cell in cells]:
        return None
    for cell, ran in zip(code, cells, strict=True):
        if ran.test_outputs is None or any(output.output_type == "error" for output in ran.test_outputs):
            return None
        cell.outputs = [nbformat.from_dict(output) for output in ran.test_outputs]
    return notebook
