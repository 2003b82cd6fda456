"""Every exercise: what is derived from its source, and whether its questions tell right answers from wrong ones."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import json
import re
from collections import Counter

import nbformat
import pytest

from exercises.grading import corpus, derive, exercise, sandbox_runner
from lessonlib import comparing

SOURCES = exercise.sources()
STEMS = [path.stem for path in SOURCES]
SECRETS = ("", "a teacher's secret", "another one", "a third")


@pytest.fixture(scope="module", params=SOURCES, ids=STEMS)
def source(request):
    return exercise.read(request.param)


@pytest.fixture(scope="module")
def student(source):
    """The public notebook: that it is what the source says is a test of its own."""
    return nbformat.read(exercise.FOLDER / f"{source.stem}.ipynb", as_version=4)


def code_of(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def wrong_questions(namespace, key):
    """Collect answers as the sandbox does, judge them as the grader does; return what is wrong, by question."""
    found = {}
    for one in key:
        request = exercise.request(one)
        with contextlib.redirect_stdout(io.StringIO()):
            got = json.loads(json.dumps(sandbox_runner.collect(namespace, request, seconds=20)))["got"]
        if sentence := exercise.judge(one, comparing.from_json(got)):
            found[one.name] = sentence
    return found


def execute(cells, namespace):
    """Run a variant's cells; an error in one is an answer that is missing, as in a submission."""
    with contextlib.redirect_stdout(io.StringIO()):
        for number, code in enumerate(cells):
            with contextlib.suppress(Exception):
                exercise.run_code(code, namespace, f"<variant, cell {number}>")


VARIANTS = [(stem, variant) for stem in STEMS for variant in corpus.variants(stem)]
RIGHT = [pair for pair in VARIANTS if pair[1].loses is None]
WRONG = [pair for pair in VARIANTS if pair[1].loses]


def named(pairs):
    return [f"{stem}-{variant.loses or 'right'}-{variant.title}" for stem, variant in pairs]


# ------------------------------------------------------------------------------------------------------ what is derived


def test_the_public_notebooks_are_what_their_sources_say():
    wanted = derive.public_notebooks(SOURCES)
    assert [path.name for path, said in wanted.items() if path.read_text(encoding="utf-8") != said] == []


def test_a_student_notebook_holds_no_solution_and_no_hidden_test(source, student):
    text = "\n".join(cell.source for cell in student.cells)
    assert not re.search(r"(BEGIN|END) (SOLUTION|HIDDEN)|expect_cases|def draw\(", text)
    shown = [line for cell in source.cells for line in outside_solution(cell.source)]
    solution = {line for cell in source.with_role("answer") for line in cell.source.splitlines()} - set(shown)
    assert [line for line in text.splitlines() if line in solution and re.search(r"\w", line)] == []


def outside_solution(code):
    """Return the lines of a cell that are no solution."""
    return re.sub(r"### BEGIN SOLUTION.*?### END SOLUTION", "", code, flags=re.DOTALL).splitlines()


def test_a_student_notebook_has_a_stub_in_every_answer_cell(source, student):
    stubs = [c for c in student.cells if c.cell_type == "code" and c.metadata.get("nbgrader", {}).get("solution")]
    assert len(stubs) == len(source.with_role("answer"))
    assert all(cell.source.endswith("# your code here") for cell in stubs)  # a trailing value would be shown


def test_in_an_unsolved_notebook_every_check_says_that_there_is_no_answer_and_nothing_else_fails(source, student):
    namespace = {"__name__": "__main__"}
    said = []
    for number, cell in enumerate(student.cells):
        if cell.cell_type == "markdown":
            continue
        with contextlib.redirect_stdout(io.StringIO()):
            if cell.metadata.get("nbgrader", {}).get("grade"):
                with pytest.raises(comparing.NotRight) as caught:
                    exercise.run_code(cell.source, namespace, f"<student {source.stem}, {number}>")
                said.append(str(caught.value).splitlines()[0])
            else:
                exercise.run_code(cell.source, namespace, f"<student {source.stem}, {number}>")
    assert said == [comparing.NO_ANSWER] * len(source.with_role("check"))


def test_the_solution_passes_every_visible_check(source):
    namespace = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for number, cell in enumerate(source.cells):
            if cell.cell_type == "code" and "hidden" not in cell.metadata:
                exercise.run_code(cell.source, namespace, f"<solved {source.stem}, {number}>")


def test_what_the_learner_reads_is_short(source):
    for cell in source.cells:
        if cell.cell_type == "code" and not {"answer", "hidden", "data"} & set(cell.metadata):
            lines = [line for line in cell.source.splitlines() if line.strip() and not line.strip().startswith("#")]
            assert len(lines) <= 15, cell.source


def test_an_exercise_says_its_time_and_points_and_asks_four_to_eight_questions(source):
    introduction = source.cells[0].source
    points = sum(cell.metadata["points"] for cell in source.with_role("check"))
    assert re.search(r"\*\*Time\*\* about (3\d|4\d|5\d|60) minutes", introduction)
    assert re.search(rf"\*\*Points\*\* {points}\b", introduction)
    assert 4 <= len(source.with_role("check")) <= 8


def test_the_teachers_guide_gives_time_and_points_of_each_exercise_and_a_fault_of_each_question(source):
    guide = (exercise.FOLDER.parent / "docs" / "teachers-guide.md").read_text(encoding="utf-8")
    number = int(source.stem.split("_")[1])
    points = sum(cell.metadata["points"] for cell in source.with_role("check"))
    minutes = re.search(r"\*\*Time\*\* about (\d+)", source.cells[0].source)[1]
    assert re.search(rf"^\| {number} .* \| {minutes} \| {points} \|$", guide, re.MULTILINE)
    told = set(re.findall(rf"^\| {number} `(\w+)` \|", guide, re.MULTILINE))
    assert told <= set(source.answer_cells())
    assert all(told & set(exercise.names_of(cell, "check")) for cell in source.with_role("check"))


# ---------------------------------------------------------------------------------------------- marks for understanding


def test_a_learner_gets_data_and_not_how_they_were_drawn(source, student):
    """Whoever sees `permutation` under a known seed knows the order of the answers."""
    drawn = [cell for cell in source.cells if "data" in cell.metadata]
    text = "\n".join(cell.source for cell in student.cells)
    for cell in drawn:
        lines = [line for line in cell.source.splitlines() if "permutation" in line or "ward(" in line]
        assert [line for line in lines if line in text] == []


def test_data_cannot_be_drawn_again_from_what_a_class_is_given(source):
    """The code that draws is public; with the notebook's own seed it gives other data."""
    names, _ = solved(source.stem, SECRETS[1])
    assert names["CLASS_SEED"] == exercise.class_seed_of(SECRETS[1])
    for cell in source.with_role("data")[:1]:
        again = dict(names)
        exercise.run_code(cell.source, again, f"<{source.stem}, data drawn again>")
        assert exercise.data_of(cell, again) != exercise.data_of(cell, names)


def test_no_question_about_values_is_answered_by_a_constant(source):
    """Each class computes: at least one of a question's values differs from class to class."""
    keys = [solved(source.stem, secret)[1] for secret in SECRETS[1:]]
    for same in zip(*keys, strict=True):
        if same[0].draw is None:
            others = [exercise.judge(same[0], [key.cases[0].expected]) for key in same[1:]]
            assert any(others), same[0].names


def test_what_the_library_does_refuses_where_the_learner_is_asked_to_write_it(source, monkeypatch):
    _, key = solved(source.stem, SECRETS[1])
    for one in key:
        if one.library:
            asked = exercise.request(one)
            for path in one.library:
                module, _, name = path.rpartition(".")
                sandbox_runner.guard(path)
                monkeypatch.setattr(sandbox_runner, "FORBIDDEN", {path})
                function = getattr(importlib.import_module(module), name)
                got = sandbox_runner.collect({one.name: function}, asked, seconds=20)
                assert got["error"].startswith("NotRight"), path


def test_each_exercise_has_an_explanation_that_a_person_marks_with_rubric_and_model_answers(source, student):
    (asked,) = source.with_role("explain")
    (rubric,) = source.with_role("rubric")
    assert asked.metadata["points"] == len(re.findall(r"^\d\. ", rubric.source, re.MULTILINE))
    assert asked.source in rubric.source
    text = "\n".join(cell.source for cell in student.cells)
    assert derive.WRITE_HERE in text
    assert rubric.source[:60] not in text
    assert asked.source[:60] not in text


def test_solutions_are_no_part_of_what_learners_get(root):
    """Not of an archive of a release, not of the image on Binder."""
    attributes = (root / ".gitattributes").read_text(encoding="utf-8")
    assert "exercises/teachers export-ignore" in attributes
    assert "rm -rf exercises/teachers" in (root / "binder" / "postBuild").read_text(encoding="utf-8")


# ----------------------------------------------------------------------------------------- right answers, wrong answers


@pytest.mark.parametrize("secret", SECRETS)
def test_the_solution_gets_full_marks_for_any_secret(source, secret):
    """Solved anew: a solution that draws something of its own would not meet its key."""
    assert wrong_questions(exercise.solve(source, secret), solved(source.stem, secret)[1]) == {}


def test_an_unsolved_notebook_gets_nothing(source, student):
    _, key = solved(source.stem, SECRETS[1])
    namespace = {"__name__": "__main__"}
    code = [cell for cell in student.cells if cell.cell_type == "code"]
    execute([cell.source for cell in code if not cell.metadata.get("nbgrader", {}).get("grade")], namespace)
    assert set(wrong_questions(namespace, key)) == {one.name for one in key}


@functools.cache
def solved(stem, secret):
    """Return the solved notebook's names and the key, for one class."""
    source = exercise.read(exercise.SOURCES / f"{stem}.py")
    names = exercise.solve(source, secret)
    return names, exercise.answer_key(source, secret, names)


def wrong_in_variant(stem, variant, secret):
    """Return the questions that a solved notebook loses when a variant's cells run after it."""
    names, key = solved(stem, secret)
    got = corpus.answers_of(variant, names, key)
    return {one.name for one in key if exercise.judge(one, comparing.from_json(got[one.name]))}


@pytest.mark.parametrize(("stem", "variant"), RIGHT, ids=named(RIGHT))
def test_a_correct_variant_gets_full_marks(stem, variant):
    assert wrong_in_variant(stem, variant, SECRETS[1]) == set()


@pytest.mark.parametrize(("stem", "variant"), WRONG, ids=named(WRONG))
def test_a_wrong_answer_loses_its_question_and_no_other_in_any_class(stem, variant):
    lost = [wrong_in_variant(stem, variant, secret) for secret in SECRETS[1:]]
    assert lost == [{variant.loses}] * len(lost)


def test_the_answers_of_each_wrong_variant_are_recognised(source):
    for one in corpus.key_with_mistakes(source, SECRETS[1]):
        titles = {what for what, _ in one.mistakes}
        named = [exercise.recognise(one, got) for _, got in one.mistakes]
        # An answer with something missing in it, or something that is no number and no text, is like no other.
        without = [got for (_, got), name in zip(one.mistakes, named, strict=True) if name == ""]
        assert all(holds_nothing_comparable(got) for got in without), one.name
        assert set(named) - {""} <= titles


def holds_nothing_comparable(got):
    """Tell whether there is a None or something opaque anywhere in an answer."""
    if isinstance(got, dict):
        return any(map(holds_nothing_comparable, got.values()))
    if isinstance(got, list):
        return any(map(holds_nothing_comparable, got))
    return got is None or isinstance(got, comparing.Opaque)


def test_the_corpus_has_three_wrong_answers_for_each_question_and_two_correct_variants(source):
    asked = Counter(variant.loses for stem, variant in WRONG if stem == source.stem)
    assert all(asked[exercise.names_of(cell, "check")[0]] >= 3 for cell in source.with_role("check")), asked
    assert sum(stem == source.stem for stem, _ in RIGHT) >= 2
