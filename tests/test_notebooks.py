"""The lessons: text and notebook agree, the house rules hold, and nbval really notices a changed number."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lessonlib import questions
from notebooks import build

LESSON = """# %% [markdown]
# # A title

# %%
import os

# %% tags=["kept"]
print("folder", os.path.basename(os.getcwd()))
print("data", os.environ["LESSONLIB_CIFAR10"])

# %%
import matplotlib.pyplot as plt

_, axes = plt.subplots(figsize=(1, 1))
_ = axes.plot([0, 1], [0, 1])
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a tiny lesson's source in a folder laid out like the course's."""
    path = tmp_path / "lessons" / "source" / "03_tiny.py"
    path.parent.mkdir(parents=True)
    path.write_text(LESSON, encoding="utf-8")
    return path


# ------------------------------------------------------------------------------------------------- the course's lessons


def test_there_are_lessons() -> None:
    """The first one is what `course.py start` opens."""
    assert (build.NOTEBOOKS / "00_start_here.ipynb").exists()


def test_notebooks_are_what_their_text_says() -> None:
    """And every rule of the house is kept. When this fails: python3 course.py build."""
    assert build.check() == []


def test_stored_notebooks_carry_nothing_volatile() -> None:
    """No widget state, no timings, no warnings, and an output wherever the reader expects one."""
    for path in sorted(build.NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert set(notebook.metadata) == {"kernelspec", "language_info"}, path.name
        assert build.warnings_shown(notebook) == [], path.name
        before = nbformat.writes(notebook)
        build.tidy(notebook)
        assert nbformat.writes(notebook) == before, path.name
        assert any(cell.get("outputs") for cell in notebook.cells), path.name


def test_costs_are_known_for_every_lesson() -> None:
    """The table has a row for each."""
    rows = build.COSTS.read_text(encoding="utf-8")
    assert [path.stem for path in build.sources() if f"| `{path.stem}` |" not in rows] == []


def choices() -> Iterator[tuple[str, list[str]]]:
    """Return the name and the options of every check with options in the lessons, the right one first."""
    for path in build.sources():
        cells = nbformat.read(build.notebook_path(path), as_version=4).cells
        for source in (cell.source for cell in cells if "checks.choice(" in cell.source):
            (call,) = (node.value for node in ast.parse(source).body if isinstance(node, ast.Expr))
            parts = {keyword.arg: keyword.value for keyword in call.keywords}
            options = [parts["right"], *parts["wrong"].elts]
            yield call.args[0].value, [ast.literal_eval(option.elts[0]) for option in options]


def test_the_right_option_of_a_check_is_not_given_away_by_its_length() -> None:
    """It is the longest, or the shortest, in no more than half of the checks."""
    lengths = [[len(option) for option in options] for _, options in choices()]
    assert len(lengths) > 40
    assert 2 * sum(right > max(wrong) for right, *wrong in lengths) <= len(lengths)
    assert 2 * sum(right < min(wrong) for right, *wrong in lengths) <= len(lengths)


def test_the_right_option_of_a_check_is_not_given_away_by_its_place() -> None:
    places = [questions.shuffled(name, options).index(options[0]) for name, options in choices()]
    assert 2 * max(map(places.count, places)) <= len(places)


# ------------------------------------------------------------------------------------------------------------ the build


def test_build_executes_in_the_folder_of_the_notebooks(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Outputs are there, a second build changes no byte, and --check is content."""
    cost = build.build(source)
    path = build.notebook_path(source)
    first = path.read_bytes()
    notebook = nbformat.reads(first.decode(), as_version=4)
    assert notebook.cells[2].outputs[0].text == "folder lessons\ndata none\n"
    assert "image/png" in notebook.cells[3].outputs[0].data
    assert cost.seconds > 0
    assert cost.peak_mb > 20
    build.build(source)
    assert path.read_bytes() == first
    assert "unchanged" in capsys.readouterr().out
    assert build.check(folder=source.parent.parent) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda text: text.replace("data", "datum"), "cell 3: source"),
        (lambda text: text.replace("kept", "other"), "cell 3: tags"),
        (lambda text: text + "\n# %%\n1 + 1\n", "the text has 5 cells, the notebook 4"),
        (lambda text: text.replace("# %%\nimport os", "# %% [markdown]\n# import os"), "cell 2: type"),
    ],
)
def test_drift_is_noticed(source: Path, change, complaint: str) -> None:
    """A changed source, tag, number or type of cells; the notebook here was never executed, which is said too."""
    nbformat.write(build.convert(source), build.notebook_path(source))
    source.write_text(change(LESSON), encoding="utf-8")
    assert any(complaint in problem for problem in build.check(folder=source.parent.parent))


def test_missing_and_orphaned_notebooks_are_noticed(source: Path) -> None:
    """A text that was never built, and a notebook that has no text."""
    folder = source.parent.parent
    nbformat.write(new_notebook(), folder / "99_lost.ipynb")
    problems = build.check(folder=folder)
    assert any("03_tiny.ipynb is missing" in problem for problem in problems)
    assert any("99_lost.ipynb: has no text" in problem for problem in problems)


def test_never_executed_is_noticed(source: Path) -> None:
    """A notebook without outputs is not what a reader should find."""
    notebook = build.convert(source)
    assert "cell 2: never executed" in build.differences(notebook, notebook)


def test_failing_or_warning_cell_leaves_the_old_notebook(source: Path) -> None:
    """Nothing half-made is written."""
    path = build.notebook_path(source)
    path.write_text("old", encoding="utf-8")
    source.write_text(LESSON + "\n# %%\nassert 1 == 2\n", encoding="utf-8")
    with pytest.raises(build.CellExecutionError, match="AssertionError"):
        build.build(source)
    source.write_text(LESSON + '\n# %%\nimport warnings\n\nwarnings.warn("hear me", stacklevel=1)\n', encoding="utf-8")
    with pytest.raises(build.LessonError, match="hear me"):
        build.build(source)
    assert path.read_text(encoding="utf-8") == "old"


def test_ids_follow_the_content_and_differ(source: Path) -> None:
    """Inserting a cell leaves the ids of the others; equal cells get different ids."""
    before = [cell["id"] for cell in build.convert(source).cells]
    source.write_text(
        LESSON.replace("# %%\nimport os", "# %%\n1 + 1\n\n# %%\n1 + 1\n\n# %%\nimport os"), encoding="utf-8"
    )
    after = [cell["id"] for cell in build.convert(source).cells]
    assert [name for name in after if name in before] == before
    assert len(set(after)) == len(after) == len(before) + 2


def test_lessons_are_picked_by_number_or_name(source: Path) -> None:
    """And an unknown one is answered with those that exist."""
    folder = source.parent.parent
    for name in ("3", "03", "tiny", "03_tiny", "notebooks/03_tiny.ipynb"):
        assert build.sources([name], folder=folder) == [source]
    with pytest.raises(build.LessonError, match=r"no lesson '7'.*03_tiny"):
        build.sources(["7"], folder=folder)


def test_costs_keep_the_rows_of_other_lessons(tmp_path: Path) -> None:
    """Building one lesson replaces its row only."""
    table = tmp_path / "costs.md"
    build.record_costs({"01_a": build.Cost(12.3, 456.0)}, path=table)
    build.record_costs({"00_b": build.Cost(1.0, 99.0)}, path=table)
    build.record_costs({"01_a": build.Cost(20.0, 500.0)}, path=table)
    rows = [line for line in table.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert [row.split("|")[1:4] for row in rows] == [[" `00_b` ", " 1 ", " 99 "], [" `01_a` ", " 20 ", " 500 "]]


# ------------------------------------------------------------------------------------------------------------ the rules


def linted(*cells: NotebookNode) -> str:
    """Return the complaints about a notebook of these cells under a title."""
    return "\n".join(build.lint(new_notebook(cells=[new_markdown_cell("# Title"), *cells]), "x.py"))


LONG = "\n".join(f"a{i} = {i}" for i in range(16))


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        (new_code_cell(LONG), "16 lines of code, at most 15"),
        (new_code_cell(LONG, metadata={"tags": ["long-cell"]}), "16 lines of code"),
        (new_code_cell("!pip install x"), "installs nothing"),
        (new_code_cell("%pip install x"), "installs nothing"),
        (new_code_cell("1", metadata={"tags": ["nbval-skip"]}), "nbval-skip"),
        (new_code_cell("1 + 1;"), "nbval does not honour"),
        (new_markdown_cell("### Too deep"), "no level may be left out"),
        (new_markdown_cell("# Another"), "exactly one title"),
    ],
)
def test_broken_rules_are_named(cell: NotebookNode, complaint: str) -> None:
    """Each with the cell and the way out."""
    assert complaint in linted(cell)


def test_good_cells_pass() -> None:
    """Comments and blank lines do not count, nor hashes inside code; a long cell may say why it is long."""
    reason = {"tags": ["long-cell"], "reason": "one table of constants"}
    assert linted(new_code_cell(LONG.replace("a15 = 15", "# why\n\n")), new_code_cell(LONG, metadata=reason)) == ""
    assert linted(new_markdown_cell("## A\n\n```\n# not a heading\n```\n\n### B"), new_markdown_cell("## C")) == ""


# -------------------------------------------------------------------------------------------------- nbval does its work


def test_nbval_passes_the_right_number_and_fails_the_wrong_one(tmp_path: Path, root: Path) -> None:
    """The test of the tests, run as `course.py test` does: 0.6340 passes, and 1.6340 stored in the same cell fails.

    A picture inside HTML may be other bytes, as another system or matplotlib draws it; its alt text may not differ.
    """
    cell = new_code_cell('print(f"loss {0.634:.4f}")', execution_count=1)
    for name, stored in {"right": "loss 0.6340\n", "wrong": "loss 1.6340\n"}.items():
        cell.outputs = [new_output("stream", name="stdout", text=stored)]
        nbformat.write(new_notebook(cells=[cell]), tmp_path / f"{name}.ipynb")
    picture = '<img alt="loss {}" src="data:image/png;base64,{}">'
    shown = new_code_cell(
        f"from IPython.display import HTML\nHTML('{picture.format(0.6, 'iVBO+/A=')}')", execution_count=1
    )
    for name, alt in {"other_picture": 0.6, "other_alt": 1.6}.items():
        data = {"text/html": picture.format(alt, "iVBOR=="), "text/plain": "<IPython.core.display.HTML object>"}
        shown.outputs = [new_output("execute_result", data=data, execution_count=1)]
        nbformat.write(new_notebook(cells=[shown]), tmp_path / f"{name}.ipynb")
    options = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(root / "tests" / "nbval_sanitize.cfg")]
    command = [
        sys.executable,
        "-m",
        "pytest",
        *options,
        "-p",
        "no:cacheprovider",
        "-q",
        "-rA",
        "--rootdir",
        str(tmp_path),
    ]
    run = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert run.returncode == 1, run.stdout
    assert "PASSED right.ipynb::Cell 0" in run.stdout
    assert "FAILED wrong.ipynb::Cell 0" in run.stdout
    assert "PASSED other_picture.ipynb::Cell 0" in run.stdout
    assert "FAILED other_alt.ipynb::Cell 0" in run.stdout
    assert "2 failed, 2 passed" in run.stdout
