"""Whole lessons and a question, as a learner meets them in JupyterLab."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Page, expect

from notebooks import build
from tests.browser import PATIENCE_MS, Lab, browser, lab, page  # noqa: F401

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

QUESTION = """
from lessonlib.questions import Prediction
Prediction("long", "What will happen?", ["it rises, " + "and rises, " * 20 + "and falls", "it falls"])
"""
# For each option: whether its button stands on its first line, its top, and where its text ends.
OPTIONS = """labels => labels.map((label) => {
    const box = label.getBoundingClientRect(), button = label.querySelector("input").getBoundingClientRect();
    return [button.top - box.top < 10, box.top, box.top + label.scrollHeight];
})"""
# JupyterLab draws only the cells in view, and a lesson need not be run beyond the explorer.
RUN_TO = """async (index) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = index + 1;
    await window.jupyterapp.commands.execute("notebook:run-all-above");
    await notebook.scrollToItem(index, "start");
}"""


def first_explorer(path: Path) -> int:
    """Return the number of the cell that shows the first explorer, from 0."""
    cells = nbformat.read(path, as_version=4).cells
    return next(i for i, cell in enumerate(cells) if cell.cell_type == "code" and "\nExplorer(" in f"\n{cell.source}")


#: The first lesson and one on recorded runs: nbval runs every cell of all, the site's tests move every explorer.
LESSONS = ("00_start_here", "07_who_pays")


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_first_explorer_of_a_lesson_follows_the_keyboard(
    lesson: str,
    lab: Lab,  # noqa: F811
    page: Page,  # noqa: F811
) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    path = build.NOTEBOOKS / f"{lesson}.ipynb"
    shutil.copy(path, lab.folder)
    lab.open_file(page, path.name)
    page.evaluate(RUN_TO, first_explorer(path))
    picture = page.locator(".lesson-panels").first
    picture.wait_for()
    told, drawn = picture.get_attribute("aria-label"), picture.inner_html()
    assert told
    assert drawn
    handle = page.locator(".lesson-explorer input[type=range]").first
    handle.focus()
    at_end = handle.evaluate("slider => slider.value === slider.max")
    page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
    expect(picture).not_to_have_attribute("aria-label", told)
    assert picture.inner_html() != drawn
    lab.shut_kernel_down(page)


def test_an_option_too_long_for_its_line_covers_no_other(lab: Lab, page: Page) -> None:  # noqa: F811
    page.set_viewport_size({"width": 800, "height": 1000})
    lab.open_notebook(page, [QUESTION])
    lab.run_all(page)
    page.locator(".widget-radio-box label").nth(1).wait_for()
    (leads, top, end), (_, next_top, _) = page.locator(".widget-radio-box label").evaluate_all(OPTIONS)
    assert end - top > 40
    assert leads
    assert end <= next_top + 1
