"""The page on writing lessons: its examples are a lesson that builds; its learner's cell does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from playwright.sync_api import Page, expect

from lessonlib import questions, storage
from notebooks import build, lesson, rules
from tests.browser import PATIENCE_MS, Lab, browser, lab, page  # noqa: F401
from tools.website import lessons

PAGE = build.ROOT / "docs" / "writing-lessons.md"
STUB = 'True and False, in which every answer is right."""\n    ...'


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return the page's lesson as a source in a folder laid out like the course's."""
    blocks = re.findall(r"^```python\n(# %%.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    path = tmp_path / "lessons" / "source" / "04_example.py"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


def with_learner(source: Path, *bodies: str) -> NotebookNode:
    """Return the lesson with the learner's cell once for each body, each followed by a use of the function."""
    notebook = build.convert(source)
    (place,) = [n for n, cell in enumerate(notebook.cells) if STUB in cell.get("source", "")]
    written = [
        new_code_cell(text)
        for body in bodies
        for text in (notebook.cells[place].source.replace("    ...", body), "print(f'{share_all_right(tests):.3f}')")
    ]
    notebook.cells[place : place + 1] = written
    return notebook


def answers(notebook: NotebookNode) -> list[str]:
    """Return what each learner's cell was told: right, wrong, error or missing."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    shown = [output.get("data", {}).get("text/html", "") for output in outputs]
    return [BeautifulSoup(html, "html.parser").div["data-state"] for html in shown if "lesson-code" in html]


def test_the_examples_are_a_lesson_that_builds_and_repeats_itself(source: Path) -> None:
    assert rules.problems(build.convert(source)) == []
    build.build(source)
    assert build.check(["4"], folder=source.parent.parent) == []
    assert lesson.not_repeated(source) == []
    assert [rules.is_hidden(cell) for cell in build.convert(source).cells if STUB in cell.source] == [False]


def test_the_learners_lines_are_judged_and_kept_and_the_lesson_goes_on(source: Path, home: Path) -> None:
    """Whatever they write, the name stands for a function that works."""
    bodies = (
        "    ...",
        "    return np.mean(tests)",
        "    return tests.mean(axis=None, foo=1)",
        "    return 1 - (~np.array(tests)).any(axis=1).mean()",
    )
    notebook = with_learner(source, *bodies)
    build.execute(notebook, LESSONLIB_HOME=str(home))
    assert answers(notebook) == ["missing", "wrong", "error", "right"]
    used = [cell.outputs[0].text for cell in notebook.cells if "share_all_right(tests):.3f" in cell.source]
    assert len(used) == 4
    assert set(used) == {used[0]}
    kept = storage.read_records(questions.CODE)
    assert [record["right"] for record in kept] == [False, False, True]
    assert "np.mean(tests)" in kept[0]["source"]


def test_broken_syntax_and_an_endless_loop_stop_only_the_learners_own_cell(source: Path, home: Path) -> None:
    notebook = with_learner(source, "    return (", "    while True:\n        pass")
    client = NotebookClient(notebook, timeout=20, interrupt_on_timeout=True, allow_errors=True)
    with build.cold_start(LESSONLIB_HOME=str(home)) as environment:
        client.execute(env=environment)
    errors = [
        output.ename for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "error"
    ]
    assert errors == ["SyntaxError", "KeyboardInterrupt"]
    used = [cell.outputs[0].text for cell in notebook.cells if "share_all_right(tests):.3f" in cell.get("source", "")]
    assert used[0] == used[1]


def test_on_the_site_the_learners_cell_is_for_reading(source: Path) -> None:
    """Stub open, hint and solution folded, no verdict; the code of solution and checks is left out."""
    notebook = build.convert(source)
    build.execute(notebook, LESSONLIB_STATIC="1")
    soup = BeautifulSoup(lessons.body(lessons.notebook_html(notebook), lambda _: None).html, "html.parser")
    assert [fold.summary.get_text() for fold in soup.select(".lesson-code details")] == ["Hint", "A solution"]
    assert soup.select_one(".lesson-code [role=status]") is None
    code = [block.get_text() for block in soup.select(".input")]
    assert sum("in which every answer is right" in text for text in code) == 1
    assert not any("@solution" in text or "4-check-more" in text for text in code)
    folded = [fold.get_text() for fold in soup.select("details.code")]
    assert any("how_often.resolve" in text for text in folded)
    assert not any("in which every answer is right" in text for text in folded)


# Run the cells above one, and show it: JupyterLab draws only the cells in view.
RUN_TO = """async (index) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = index;
    await window.jupyterapp.commands.execute("notebook:run-all-above");
    await notebook.scrollToItem(index - 1, "start");
}"""


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_in_jupyterlab_code_is_collapsed_and_a_prediction_closes_with_its_result(
    source: Path,
    lab: Lab,  # noqa: F811
    page: Page,  # noqa: F811
) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    notebook = build.convert(source)
    (asks,) = [n for n, cell in enumerate(notebook.cells) if "how_often = Prediction(" in cell.source]
    (resolves,) = [n for n, cell in enumerate(notebook.cells) if "how_often.resolve(" in cell.source]
    nbformat.write(notebook, lab.folder / "04_example.ipynb")
    lab.open_file(page, "04_example.ipynb")
    page.evaluate(RUN_TO, asks + 1)
    asked = page.locator(".lesson-question").first
    asked.get_by_text("never").click()
    asked.get_by_role("button").click()
    expect(asked.get_by_role("status")).to_contain_text("Kept")
    assert page.locator(".jp-CodeCell").nth(1).locator(".jp-InputPlaceholder").count() == 1
    page.evaluate(RUN_TO, resolves + 1)
    page.evaluate("(index) => window.jupyterapp.shell.currentWidget.content.scrollToItem(index, 'start')", asks)
    expect(asked.get_by_role("button")).to_be_disabled()
    expect(asked.get_by_role("status")).to_contain_text("Closed")
    page.evaluate(RUN_TO, len(notebook.cells) - 1)
    answer = page.locator(".lesson-code").first
    expect(answer.get_by_role("status")).to_contain_text("The lesson goes on")
    assert not answer.locator("pre").is_visible()
    answer.get_by_text("A solution").click()
    expect(answer.locator("pre")).to_be_visible()
    lab.shut_kernel_down(page)
