"""The lessons: text and notebook agree, the house rules hold, and nbval really notices a changed number."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from lessonlib import questions
from notebooks import build, lesson, rules
from tests import lessons_once

LESSON = """# %% [markdown]
# # A title
#
# **Time** about {minutes} minutes

# %%
import os

# %% tags=["kept"]
print("folder", os.path.basename(os.getcwd()))
print("data", os.environ["LESSONLIB_CIFAR10"])

# %% plumbing
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


def stored(source: Path) -> NotebookNode:
    """Return a lesson as it is committed."""
    return nbformat.read(build.notebook_path(source), as_version=4)


@pytest.mark.parametrize("source", build.sources(), ids=lambda path: path.stem)
def test_a_lesson_takes_at_most_50_minutes_and_shows_the_subject(source: Path) -> None:
    """At most 50 minutes and 150 open lines."""
    assert [str(problem) for problem in rules.too_long(stored(source))] == []


def test_a_teacher_may_keep_a_lesson_that_is_too_long(monkeypatch, capsys) -> None:
    """The command says it and does not fail; `test_a_lesson_takes_at_most_50_minutes_and_shows_the_subject` does."""
    monkeypatch.setattr(lesson, "work_on", lambda source, *, again: [])
    monkeypatch.setattr(rules, "MAX_MINUTES", 5)
    assert lesson.main(["4"]) == 0
    assert "All agrees" in (said := capsys.readouterr().out)
    assert "at most 5 minutes" in said


@pytest.mark.parametrize("source", build.sources(), ids=lambda path: path.stem)
def test_the_minutes_at_the_top_and_in_the_readme_are_computed(source: Path) -> None:
    assert rules.MINUTES in source.read_text(encoding="utf-8")
    assert f"about {build.minutes(source)} minutes" in stored(source).cells[0].source
    readme = build.README.read_text(encoding="utf-8")
    assert f"(notebooks/{source.stem}.ipynb)" in readme
    assert build.readme_with_minutes(readme) == readme, "run: python3 course.py build"


def test_the_right_option_of_a_check_is_not_given_away_by_its_length_or_place() -> None:
    """Over the whole course too it is the longest, the shortest, or in one place in no more than half of the checks."""
    asked = [question for source in build.sources() for question in rules.asked_in(stored(source))]
    options = [(question.name, *question.options) for question in asked if len(question.options) > 1]
    assert len(options) > 20
    places = [questions.shuffled(name, those).index(those[0]) for name, *those in options]
    assert 2 * sum(len(right) > max(map(len, wrong)) for _, right, *wrong in options) <= len(options)
    assert 2 * sum(len(right) < min(map(len, wrong)) for _, right, *wrong in options) <= len(options)
    assert 2 * max(map(places.count, places)) <= len(places)


# ------------------------------------------------------------------------------------------------------------ the build


def test_build_executes_in_the_folder_of_the_notebooks(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Outputs are there, a second build changes no byte, and --check is content."""
    cost = build.build(source)
    assert cost is not None
    path = build.notebook_path(source)
    first = path.read_bytes()
    notebook = nbformat.reads(first.decode(), as_version=4)
    assert notebook.cells[0].source.endswith("about 1 minutes")
    assert [rules.is_hidden(cell) for cell in notebook.cells] == [False, False, False, True]
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
        (lambda text: text.replace("data", "datum"), "03_tiny.py:9: cell 3: source"),
        (lambda text: text.replace("kept", "other"), "cell 3: tags"),
        (lambda text: text + "\n# %%\n1 + 1\n", "the text has 5 cells, the notebook 4"),
        (lambda text: text.replace("# %%\nimport os", "# %% [markdown]\n# import os"), "cell 2: type"),
        (lambda text: text.replace("# %% plumbing", "# %%"), "cell 4: collapsed"),
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
    assert "cell 2: never executed" in map(str, build.differences(notebook, notebook))


def test_failing_or_warning_cell_leaves_the_old_notebook(source: Path) -> None:
    """Nothing half-made is written."""
    path = build.notebook_path(source)
    path.write_text("old", encoding="utf-8")
    source.write_text(LESSON + "\n# %%\nassert 1 == 2\n", encoding="utf-8")
    with pytest.raises(build.LessonError, match=r"03_tiny.py:19: cell 5(.|\n)*AssertionError"):
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


def test_a_further_notebook_has_a_number_of_its_own(source: Path) -> None:
    """It follows the lesson and is picked by number and letter."""
    further = source.with_name("03b_more.py")
    further.write_text(LESSON, encoding="utf-8")
    folder = source.parent.parent
    assert build.sources(folder=folder) == [source, further]
    assert build.sources(["3b"], folder=folder) == build.sources(["03b"], folder=folder) == [further]
    assert build.sources(["3"], folder=folder) == [source]


def test_a_changed_sentence_executes_nothing_and_changed_code_does(source: Path) -> None:
    """The outputs stay, byte for byte as a whole build would write them."""
    build.build(source)
    source.write_text(LESSON.replace("A title", "Another title"), encoding="utf-8")
    assert build.build(source, keep_outputs=True) is None
    kept = build.notebook_path(source).read_bytes()
    assert build.check(folder=source.parent.parent) == []
    build.build(source)
    assert build.notebook_path(source).read_bytes() == kept
    source.write_text(LESSON.replace("folder", "place"), encoding="utf-8")
    assert build.build(source, keep_outputs=True) is not None


def test_what_does_not_repeat_itself_is_named_by_its_line(source: Path) -> None:
    source.write_text(LESSON + "\n# %%\nimport time\n\nprint(time.time())\n", encoding="utf-8")
    build.build(source)
    assert lesson.not_repeated(source)[0].startswith("03_tiny.py:19: cell 5: comes out otherwise")


def test_costs_change_only_where_they_differ_notably(tmp_path: Path) -> None:
    """And building one lesson leaves the rows of the others."""
    table = tmp_path / "costs.md"
    build.record_costs({"01_a": build.Cost(12.3, 456.0), "00_b": build.Cost(1.0, 99.0)}, path=table)
    first = table.read_text(encoding="utf-8")
    build.record_costs({"01_a": build.Cost(14.0, 480.0)}, path=table)
    assert table.read_text(encoding="utf-8") == first
    build.record_costs({"01_a": build.Cost(20.0, 500.0)}, path=table)
    rows = [line for line in table.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert [row.split("|")[1:4] for row in rows] == [[" `00_b` ", " 1 ", " 99 "], [" `01_a` ", " 20 ", " 500 "]]


# ------------------------------------------------------------------------------------------------------------ the rules


def linted(*cells: NotebookNode) -> str:
    """Return the complaints about a notebook of these cells under a title."""
    return "\n".join(map(str, rules.problems(new_notebook(cells=[new_markdown_cell("# Title"), *cells]))))


ASK = "q = Prediction('q', '?', ['a', 'b'])\nq"
TASK = "@questions.solution('t', cases=[(1,)], hint='h')\ndef f(x):\n    return x"
STUB = "@questions.your_code('t')\ndef f(x):\n    ..."


def check_named(name: str, right: str = "yes, they do") -> NotebookNode:
    """Return a check whose right option is the longest."""
    return new_code_cell(f"questions.choice({name!r}, '?', right=({right!r}, 'r'), wrong=[('no', 'w'), ('we', 'w')])")


LONG = "\n".join(f"a{i} = {i}" for i in range(16))


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        (new_code_cell(LONG), "16 open lines of code, at most 15"),
        (new_code_cell(LONG, metadata={"tags": ["long-cell"]}), "16 open lines of code"),
        (new_code_cell("!pip install x"), "installs nothing"),
        (new_code_cell("%pip install x"), "installs nothing"),
        (new_code_cell("1", metadata={"tags": ["nbval-skip"]}), "nbval-skip"),
        (new_code_cell("1", metadata={"tags": ["nbval-ignore-output"]}), "nbval-ignore-output"),
        (new_code_cell("1 + 1;"), "nbval does not honour"),
        (new_markdown_cell("### Too deep"), "no level may be left out"),
        (new_markdown_cell("# Another"), "exactly one title"),
        (new_code_cell(ASK), "prediction 'q' is never resolved"),
        (new_code_cell(ASK.replace("'q'", "'p'", 1) + "\n" + ASK.replace("'q'", "'p'", 1)), "the name 'p' is taken by"),
        (new_code_cell(TASK), "solution 't' is never asked for"),
        (new_code_cell(STUB), "no solution 't' stands above"),
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


def test_questions_that_are_resolved_pass() -> None:
    """One by one, several in a loop, or a piece of learner's code below its solution."""
    two = new_code_cell("for p, x in ((q, 1), (r, 2)):\n    print(p.resolve(x))")
    asked = [new_code_cell(ASK), new_code_cell(ASK.replace("q = ", "r = ").replace("'q'", "'r'"))]
    assert linted(*asked, two, new_code_cell(TASK), new_code_cell(STUB)) == ""


def test_the_right_option_must_not_be_the_longest_as_a_rule() -> None:
    named = ("a", "b", "c", "d", "e", "f")
    assert "is the longest in a, b, c" in linted(*map(check_named, named))
    assert "longest" not in linted(*(check_named(name, "ja" if name < "d" else "yes, they do") for name in named))


def test_nothing_may_be_shown_while_a_prediction_is_open() -> None:
    """The cell that shows first must resolve first; another question may be asked meanwhile."""

    def early(*sources: str) -> list[int]:
        cells = [new_code_cell(source, outputs=[new_output("stream", text="1")]) for source in sources]
        return [problem.cell for problem in rules.shown_too_early(new_notebook(cells=cells))]

    other = ASK.replace("q = ", "r = ").replace("'q'", "'r'")
    assert early(ASK, "print(loss)", "q.resolve(loss)") == [2]
    assert early(ASK, other, "print(q.resolve(loss), r.resolve(loss))\nloss") == []


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("# %%\nloss = 1\nloss", False),
        ("# %%\nexplorer = Explorer(f, x=xs)\nexplorer", True),
        ("# %%\nloss = measure()\nMarkdown(f'It is {loss}.')", True),
        (f"# %%\n{ASK}", True),
        ("# %%\nprint(q.resolve(1))\nloss", False),
        ("# %%\nloss = measure()\nprint(q.resolve(loss))", True),
        (f"# %%\n{TASK}", True),
        (f"# %%\n{STUB}", False),
        ("# %%\nrng.choice('abc')", False),
        ("# %% plumbing\nplt.plot(x)", True),
        ("# %% open\nExplorer(f, x=xs)", False),
    ],
)
def test_cells_that_only_show_or_ask_are_collapsed(source: Path, text: str, hidden: bool) -> None:
    source.write_text(f"# %% [markdown]\n# # T\n\n{text}\n", encoding="utf-8")
    cell = build.convert(source).cells[1]
    assert rules.is_hidden(cell) == hidden
    assert "title" not in cell.metadata


def test_minutes_count_what_is_there() -> None:
    cells = [
        new_markdown_cell("# T\n\n" + "word " * 259 + "\n[link](https://x.y/z)"),  # 261 words
        new_code_cell("\n".join(f"a{i} = {i}" for i in range(24))),
        new_code_cell("Explorer(f, x=xs)", metadata={"jupyter": {"source_hidden": True}}),
        new_code_cell(STUB, outputs=[new_output("stream", text="right " * 500)], metadata={"minutes": 3}),
    ]
    counted = rules.content(new_notebook(cells=cells))
    assert (counted.words, counted.open_lines) == (261, 27)
    assert counted.minutes == math.ceil(261 / 130 + 27 / 12 + 2.5 + 2 + 3)


# -------------------------------------------------------------------------------------------------- nbval does its work


@pytest.mark.parametrize(
    ("ran", "kept"),
    [
        (["1\n", "2\n"], ["1\n", "2\n"]),
        (["1\n", None], None),  # the run was stopped
        (["1\n"], None),  # a part of the notebook was chosen
    ],
)
def test_what_nbval_ran_is_the_sites_only_when_it_is_whole(ran: list, kept: list | None) -> None:
    notebook = new_notebook(cells=[new_markdown_cell("text"), new_code_cell("print(1)"), new_code_cell("print(2)")])
    code = notebook.cells[1:]
    outputs = [None if said is None else [new_output("stream", name="stdout", text=said)] for said in ran]
    cells = [SimpleNamespace(cell=cell, test_outputs=out) for cell, out in zip(code, outputs, strict=False)]
    made = lessons_once.with_outputs(notebook, cells)
    assert (made and [cell.outputs[0].text for cell in made.cells[1:]]) == kept


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
