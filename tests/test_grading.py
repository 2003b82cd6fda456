"""Grading a class: whatever is handed in, each submission gets what it should, and none touches another."""

from __future__ import annotations

import copy
import csv
import json
import os
import shutil
import subprocess
import sys
import time

import nbformat
import numpy as np
import psutil
import pytest
from nbgrader.api import Gradebook

from exercises.grading import (
    corpus,
    exercise,
    feedback,
    grade,
    gradebook,
    rehearsal,
    repair,
    sandbox,
    sandbox_runner,
    scoring,
)
from exercises.grading.classroom import Classroom
from exercises.grading.exercise import ExerciseError
from exercises.grading.grade import Submission
from exercises.grading.scoring import Mark, Result, write_csv
from lessonlib import comparing

STEM = "01_horse_or_dog"
SOURCE = exercise.SOURCES / f"{STEM}.py"
SECRET = "a secret for the tests only"


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    return Classroom.make(tmp_path_factory.mktemp("class") / "c", [SOURCE], secret=SECRET)


@pytest.fixture(scope="module")
def source():
    return exercise.read(SOURCE)


@pytest.fixture(scope="module")
def full(source, classroom):
    return corpus.solved(source, classroom.released(STEM))


# -------------------------------------------------------------------------------------------------------- a whole class


@pytest.fixture(scope="module")
def graded(source, classroom, full):
    """A class with every attack and every damage, and honest work beside it, graded by the command."""
    release = classroom.released(STEM)
    attacks = corpus.attacks(source, release)
    honest = corpus.specimens(source, release)[:8]
    chosen = [(STEM, specimen) for specimen in [*honest[:4], *attacks, *honest[4:]]]
    folder = classroom.folder / "handed-in"
    expected = rehearsal.hand_in(chosen, folder)
    absent = [student for (student, _), one in expected.items() if one.content is None]
    (classroom.folder / "students.csv").write_text("".join(f"{student}\n" for student in absent))
    words = [str(folder), "--class", str(classroom.folder), "--seconds", "30", "--memory-gb", "2", "--cores", "2"]
    assert grade.main(words) == 0
    results = {name: Result.load(grade.result_path(classroom, Submission(*name, None))) for name in expected}
    return words, expected, results


@pytest.fixture(scope="module")
def promises():
    with sandbox.Sandbox.open() as box:
        return box.promises


def test_every_submission_gets_what_it_should_beside_all_the_attacks(graded, promises):
    _, expected, results = graded
    assert all(results.values())
    wrong = rehearsal.mistakes(list(results.values()), expected)
    if not promises.hides_teacher:  # then the grader says so, and a thief may find the published solution
        wrong = [line for line in wrong if "looks for the solution" not in line]
    assert wrong == []


DETACHED = """import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
"""


def test_what_a_submission_detaches_from_itself_ends_with_it_without_namespaces_too(monkeypatch):
    monkeypatch.setattr(sandbox, "modes", lambda: [("limits", False)])
    with sandbox.Sandbox.open() as box:
        assert box.mode == "limits"
        assert not box.run([DETACHED], []).ended
        homes = [(one.info["environ"] or {}).get("HOME", "") for one in psutil.process_iter(["environ"])]
        assert not [home for home in homes if home.startswith(str(box.stage))]


def test_the_sandbox_says_what_it_keeps_from_submissions(promises):
    text = str(promises)
    assert ("have no network" in text.split("does not")[0]) == promises.no_network
    assert ("does not let us promise" in text) == (not all(vars(promises).values()))


def test_what_is_graded_is_not_graded_again(graded, classroom, capsys):
    words, _, _ = graded
    before = {path: path.stat().st_mtime_ns for path in (classroom.folder / "results").rglob("*.json")}
    assert grade.main(words) == 0
    assert "to grade" not in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in (classroom.folder / "results").rglob("*.json")} == before


def test_the_table_has_a_line_for_each_submission(graded, classroom):
    _, _, results = graded
    with open(classroom.folder / "grades.csv", encoding="utf-8", newline="") as file:
        rows = {(row["student"], row["exercise"]): row for row in csv.DictReader(file)}
    assert {name: float(row["points"]) for name, row in rows.items()} == {
        name: result.points for name, result in results.items()
    }


def test_the_gradebook_of_nbgrader_has_the_same_grades(graded, classroom):
    _, _, results = graded
    with Gradebook(f"sqlite:///{classroom.folder}/gradebook.db", "loss-and-accuracy") as book:
        kept = {(one.student.id, STEM): one.score for one in book.assignment_submissions(STEM)}
    assert kept == {name: result.points for name, result in results.items()}


def test_each_learner_gets_a_page_with_what_was_expected_and_a_hint(graded, classroom):
    _, expected, _ = graded
    name = next(name for name, specimen in expected.items() if specimen.title.startswith("overflows"))
    text = (classroom.folder / "feedback" / name[0] / STEM / f"{STEM}.html").read_text(encoding="utf-8")
    assert "14 of 16 points" in text
    assert "A known mistake:</strong> overflows: the largest logit is not subtracted" in text
    assert "Expected" in text
    assert "got" in text
    assert "Hint." in text


def test_a_learner_reads_which_cell_failed(graded):
    _, expected, results = graded
    name = next(name for name, specimen in expected.items() if specimen.title == "syntax error")
    (error,) = results[name].cell_errors
    assert error.startswith("SyntaxError: ")
    assert error.endswith("(line 1), in the cell that begins: def f(:")


def test_the_table_of_questions_counts_a_mistake_however_its_numbers_came_out(tmp_path):
    given = [
        Mark("q", 0, 2, f"Expected 1, got {got}.", "", "", mistake) for got, mistake in ((2, "a"), (3, "a"), (9, ""))
    ]
    results = [Result(f"learner{n}", "e", "graded", [mark]) for n, mark in enumerate(given)]
    scoring.write_tables(results, tmp_path)
    assert (tmp_path / "by-question.csv").read_text().splitlines()[1] == "e,q,3,0.0,a,2"


@pytest.mark.parametrize("secret", ["a secret of sixteen or more", "another of sixteen or more"])
def test_a_known_mistake_is_recognised_in_any_class_and_other_code_for_the_same_is_too(secret, tmp_path):
    (key,) = [key for key in Classroom(tmp_path, secret).key(STEM) if key.question.name == "floor"]
    sizes = [case.arguments[0] for case in key.cases]
    assert exercise.recognise(key, [np.log2(n) / np.log2(np.e) for n in sizes]) == "the cost of guessing"
    assert exercise.recognise(key, [*np.log(sizes[:-1]), 7.0]) == ""
    assert exercise.recognise(key, []) == ""


def test_a_stopped_run_goes_on_where_it_was(classroom, full, tmp_path):
    other_class = Classroom.open(shutil.copytree(classroom.folder, tmp_path / "class"))
    folder = tmp_path / "handed-in"
    folder.mkdir()
    for number in range(6):
        other = copy.deepcopy(full)
        other.cells.append(nbformat.v4.new_code_cell(f"mine = {number}"))
        (folder / f"late{number}_{STEM}.ipynb").write_bytes(corpus.to_bytes(other))
    command = [
        sys.executable,
        "-m",
        "exercises.grading.grade",
        str(folder),
        "--class",
        str(other_class.folder),
        "--cores",
        "1",
    ]
    results = other_class.folder / "results" / STEM
    with subprocess.Popen(command, cwd=exercise.FOLDER.parent, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not list(results.glob("late*.json")):
            time.sleep(0.05)
        process.kill()
    done = {path: path.stat().st_mtime_ns for path in results.glob("late*.json")}
    assert 0 < len(done) < 6
    subprocess.run(command, cwd=exercise.FOLDER.parent, check=True, stdout=subprocess.DEVNULL)
    assert len(list(results.glob("late*.json"))) == 6
    assert {path: path.stat().st_mtime_ns for path in done} == done


# ------------------------------------------------------------------------------------------------------- plain nbgrader


def test_plain_nbgrader_grades_what_is_derived(classroom, source, full, tmp_path):
    """A school with nbgrader in its JupyterHub needs nothing of ours but the course itself."""
    wrong = next(one for one in corpus.specimens(source, classroom.released(STEM)) if one.title.startswith("overflows"))
    school = Classroom.make(tmp_path / "school", [SOURCE], secret=SECRET)
    handed_in = {"ana": corpus.to_bytes(full), "bo": wrong.content, "cy": derive_text(school)}
    for student, content in handed_in.items():
        folder = school.folder / "submitted" / student / STEM
        folder.mkdir(parents=True)
        (folder / f"{STEM}.ipynb").write_bytes(content)
    environment = os.environ | {
        "PYTHONPATH": str(exercise.FOLDER.parent),
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
    }
    command = [sys.executable, "-m", "nbgrader", "autograde", STEM]
    ended = subprocess.run(command, cwd=school.folder, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-2000:]
    with Gradebook(f"sqlite:///{school.folder}/gradebook.db", "loss-and-accuracy") as book:
        scores = {one.student.id: one.score for one in book.assignment_submissions(STEM)}
    assert scores == {"ana": 16, "bo": 14, "cy": 0}


def derive_text(school):
    return corpus.to_bytes(school.released(STEM))


# -------------------------------------------------------------------------------------------------- what is kept secret


def test_another_class_has_other_numbers_and_other_hidden_tests(source):
    here, there = (exercise.answer_key(source, secret) for secret in (SECRET, "of another class"))
    changed = [
        mine.question.name
        for mine, theirs in zip(here, there, strict=True)
        if exercise.judge(mine, [case.expected for case in theirs.cases])
    ]
    assert set(changed) >= {"softmax", "loss_and_accuracy", "verdicts", "gradient", "best_scale"}


def test_what_is_handed_out_holds_neither_secret_nor_hidden_test(classroom):
    text = (classroom.folder / "release" / STEM / f"{STEM}.ipynb").read_text(encoding="utf-8")
    assert SECRET not in text
    assert "HIDDEN" not in text
    assert f"CLASS_SEED = {exercise.class_seed_of(SECRET)}" in text


def test_a_submission_is_told_inputs_and_never_what_is_expected(classroom):
    for key in classroom.key(STEM):
        told = json.dumps({"names": key.question.names, "calls": exercise.calls_of(key)})
        assert "expected" not in told
        for case in key.cases if key.question.draw else ():
            expected = comparing.to_json(case.expected)
            assert not isinstance(expected, dict) or json.dumps(expected) not in told


def test_a_folder_without_a_secret_is_no_class(tmp_path):
    with pytest.raises(ExerciseError, match=r"no secret\.txt.*derive --class"):
        Classroom.open(tmp_path)
    (tmp_path / "secret.txt").write_text("short")
    with pytest.raises(ExerciseError, match="5 characters"):
        Classroom.open(tmp_path)


# ------------------------------------------------------------------------------------------------------------ repairing


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("a = b = 1", {"a", "b"}),
        ("def f(): x = 1", {"f"}),
        ("(c, [d, *e]) = 1, 2", {"c", "d", "e"}),
        ("import numpy as np\nfrom math import log", {"np", "log"}),
        ("for i in x:\n    j = i", {"i", "j"}),
        ("!ls\n%time k = 1\nm: int = 2", {"m"}),
        ("def g(:\n   pass\nh = (", {"g", "h"}),
        ("n == 1", set()),
    ],
)
def test_the_names_that_a_cell_defines(code, names):
    assert repair.defined_names(code) == names


def test_repairing_twice_changes_nothing_more(classroom, full):
    release = classroom.released(STEM)
    once = repair.repair(release, full).notebook
    twice = repair.repair(release, once).notebook
    assert [cell.source for cell in once.cells] == [cell.source for cell in twice.cells]


def test_of_two_answers_the_last_counts_and_an_untouched_copy_does_not(classroom, full):
    release = classroom.released(STEM)
    doubled = copy.deepcopy(full)
    doubled.cells.append(nbformat.v4.new_code_cell("def floor(n_classes):\n    return 'second'"))
    doubled.cells.append(copy.deepcopy(release.cells[repair.answer_places(release)["floor"]]))
    repaired = repair.repair(release, doubled)
    place = repair.answer_places(repaired.notebook)["floor"]
    assert "second" in repaired.notebook.cells[place].source
    assert any("last one counts" in note for note in repaired.notes)


def test_a_changed_class_seed_is_put_right(classroom, full):
    changed = copy.deepcopy(full)
    cell = next(cell for cell in changed.cells if "CLASS_SEED =" in cell.source)
    cell.source = exercise.with_class_seed(cell.source, 12345)
    repaired = repair.repair(classroom.released(STEM), changed)
    seeds = [cell.source for cell in repaired.notebook.cells if "CLASS_SEED =" in cell.source]
    assert f"CLASS_SEED = {exercise.class_seed_of(SECRET)}" in seeds[-1]
    assert any("set-up cell" in note for note in repaired.notes)


def test_a_notebook_of_something_else_is_refused(classroom):
    other = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("my diary")])
    with pytest.raises(repair.Refused, match="neither answers nor the cells"):
        repair.repair(classroom.released(STEM), other)


# -------------------------------------------------------------------------------------------------- finding submissions


@pytest.mark.parametrize(
    ("path", "student"),
    [
        (f"ana/{STEM}.ipynb", "ana"),
        (f"ana/{STEM}/{STEM}.ipynb", "ana"),
        (f"lovelace_ada_123_{STEM}.ipynb", "lovelace_ada_123"),
        (f"Ana María_456_assignsubmission_file_/{STEM}.ipynb", "Ana_María_456_assignsubmission_file"),
        (f"../{STEM}.ipynb".replace("../", "=cmd|x_"), "cmd_x"),
    ],
)
def test_whose_a_file_is(tmp_path, path, student):
    target = tmp_path / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("{}")
    assert grade.find(tmp_path, [STEM]) == [Submission(student, STEM, target)]


def test_a_learner_who_handed_in_is_not_missing_because_the_list_has_a_space_in_the_name(tmp_path):
    other_class = Classroom(tmp_path, SECRET)
    (tmp_path / "students.csv").write_text("Ana María\nlovelace_ada\n", encoding="utf-8")
    handed_in = [Submission("Ana_María", STEM, tmp_path)]
    every = grade.with_missing(handed_in, other_class.students(), [STEM])
    assert every == [*handed_in, Submission("lovelace_ada", STEM, None)]


def test_of_two_files_of_one_learner_the_newer_counts_and_checkpoints_do_not(tmp_path):
    for name, age in (
        (f"ana/{STEM}.ipynb", 100),
        (f"ana/{STEM}-1.ipynb", 0),
        (f"ana/.ipynb_checkpoints/{STEM}.ipynb", -9),
    ):
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("{}")
        os.utime(target, (time.time() - age,) * 2)
    assert [one.path.name for one in grade.find(tmp_path, [STEM])] == [f"{STEM}-1.ipynb"]


def test_a_renamed_notebook_is_known_by_what_it_says_of_itself(tmp_path, full):
    (tmp_path / "ana").mkdir()
    (tmp_path / "ana" / "final version.ipynb").write_bytes(corpus.to_bytes(full))
    assert [one.exercise for one in grade.find(tmp_path, ["00_other", STEM])] == [STEM]


# ---------------------------------------------------------------------------------------------------------- small parts


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"got": None},
        {"got": 5},
        {"got": [{"array": ["x"], "shape": [1], "kind": "f"}]},
        {"got": [{"array": [1], "shape": [-7], "kind": "f"}]},
        {"got": [{"array": [1e400], "shape": [1], "kind": "i"}]},
        {"got": [{"unknown": 1}]},
        {"got": [[[[]]]], "error": 7},
        {"got": [float("nan")] * 9, "error": "x" * 9999},
    ],
)
def test_whatever_a_submission_tells_there_is_a_mark(classroom, told):
    for key in classroom.key(STEM):
        assert scoring.mark(key, told, "").points == 0


def test_an_error_of_the_grader_costs_one_submission_not_all(classroom, monkeypatch):
    monkeypatch.setattr(grade, "grade_one", lambda *arguments: 1 / 0)
    result = grade._surely(Submission("ana", STEM, None), classroom, classroom.key(STEM), None, 0)
    assert (result.state, result.points, result.possible) == ("failed", 0, 16)
    assert "ZeroDivisionError" in result.notes[0]


def test_a_page_escapes_what_a_learner_wrote():
    evil = "<script>alert(1)</script>"
    result = Result(evil, STEM, "graded", [Mark("softmax", 0, 2, evil, evil, evil)], [evil], [evil])
    assert "<script>" not in feedback.page(result, evil)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--cores=0", "0 is too little: give 1 or more"),
        ("--seconds=0", "0 is too little: give 10 or more"),
        ("--memory-gb=nan", "nan is too little: give 1 or more"),
        ("--cores=two", "invalid"),
    ],
)
def test_limits_under_which_nothing_could_run_are_refused(word, message, capsys):
    with pytest.raises(SystemExit):
        grade.main(["handed-in", word])
    assert message in capsys.readouterr().err


def test_where_no_sandbox_works_the_teacher_reads_why(classroom, full, tmp_path, monkeypatch, capsys):
    other_class = Classroom.open(shutil.copytree(classroom.folder, tmp_path / "class"))
    (tmp_path / "handed-in").mkdir()
    (tmp_path / "handed-in" / f"ana_{STEM}.ipynb").write_bytes(corpus.to_bytes(full))
    monkeypatch.setattr(sandbox, "modes", list)
    assert grade.main([str(tmp_path / "handed-in"), "--class", str(other_class.folder)]) == 1
    assert "no sandbox works on this system" in capsys.readouterr().err


def test_a_table_runs_no_formula(tmp_path):
    write_csv(tmp_path / "t.csv", ["student"], [["=1+1"], ["@x"], ["ana"], [""]])
    assert (tmp_path / "t.csv").read_text().splitlines() == ["student", "'=1+1", "'@x", "ana", '""']


def test_a_call_that_takes_too_long_is_interrupted():
    def forever():
        while True:
            pass

    answer, failure = sandbox_runner.attempt(forever, 0.2)
    assert answer is None
    assert "endless loop" in failure


def test_arguments_that_an_answer_changes_are_fresh_in_the_next_call():
    def greedy(numbers):
        numbers.append(1)
        return len(numbers)

    question = {"names": ["greedy"], "calls": [[[5]], [[5]]]}
    assert sandbox_runner.collect({"greedy": greedy}, question, 5)["got"] == [2, 2]


def test_folders_inside_hidden_folders_are_not_hidden_twice(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert sandbox._outermost([tmp_path / "a" / "b", tmp_path / "a"]) == (tmp_path / "a",)


def test_a_gradebook_failure_is_told():
    with pytest.raises(ExerciseError, match=r"could not record.*disk full"):
        gradebook._succeed({"success": False, "log": "disk full"}, "could not record")
