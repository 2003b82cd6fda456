"""The learner's own copy: what is new comes in, what they changed stays, and a fresh one costs them nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import own_copies

LESSON, EXERCISE, LOG = (
    "notebooks/02_four_quadrants.ipynb",
    "exercises/exercise_02_four_quadrants.ipynb",
    "notebooks/logs/a.csv",
)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Return a small course."""
    for name in (LESSON, EXERCISE, LOG):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{name}, first version")
    return tmp_path


def fill(course: Path) -> own_copies.Filled:
    return own_copies.fill(course, course / "mine")


def test_everything_is_copied_once_and_what_is_new_is_added(course: Path) -> None:
    assert sorted(fill(course).new) == sorted([LESSON, EXERCISE, LOG])
    assert (course / "mine" / LESSON).read_text() == f"{LESSON}, first version"
    assert fill(course) == own_copies.Filled()
    (course / "notebooks" / "03_new.ipynb").write_text("new")
    assert fill(course).new == ["notebooks/03_new.ipynb"]


def test_a_newer_version_replaces_only_what_the_learner_left_as_it_was(course: Path) -> None:
    """What they changed stays, is named each time, and is no longer named once they took the new one."""
    fill(course)
    (course / "mine" / LESSON).write_text("my own")
    assert fill(course) == own_copies.Filled()
    for name in (LESSON, EXERCISE):
        (course / name).write_text("second version")
    done = fill(course)
    assert (done.updated, done.newer) == ([EXERCISE], [LESSON])
    assert (course / "mine" / LESSON).read_text() == "my own"
    assert fill(course).newer == [LESSON]
    own_copies.fresh(LESSON, course, course / "mine")
    assert fill(course) == own_copies.Filled()


def test_a_fresh_lesson_keeps_each_old_one_under_a_name_of_its_own(course: Path) -> None:
    fill(course)
    kept = []
    for text in ("my first", "my second"):
        (course / "mine" / LESSON).write_text(text)
        kept.append(own_copies.fresh(LESSON, course, course / "mine"))
    assert [path.read_text() for path in kept] == ["my first", "my second"]
    assert (course / "mine" / LESSON).read_text() == f"{LESSON}, first version"
    assert own_copies.fresh(LESSON, course, course / "mine") is None, "nothing of the learner's to keep"


@pytest.mark.parametrize("damage", ["", "[1, 2", None], ids=["empty", "cut", "gone"])
def test_without_its_record_nothing_of_the_learners_is_overwritten(course: Path, damage: str | None) -> None:
    fill(course)
    (course / "mine" / LESSON).write_text("my own")
    record = course / "mine" / own_copies.RECORD
    record.unlink() if damage is None else record.write_text(damage)
    (course / LESSON).write_text("second version")
    assert fill(course).newer == [LESSON]
    assert (course / "mine" / LESSON).read_text() == "my own"


@pytest.mark.parametrize(
    ("word", "name"),
    [("2", LESSON), ("02", LESSON), ("02_four_quadrants", LESSON), ("exercise-2", EXERCISE), ("99", None), ("", None)],
)
def test_a_lesson_is_named_by_its_number(course: Path, word: str, name: str | None) -> None:
    assert own_copies.pick(word, course) == name


def test_git_never_sees_the_folder(root: Path) -> None:
    assert f"/{own_copies.FOLDER.name}/\n" in (root / ".gitignore").read_text(encoding="utf-8")
