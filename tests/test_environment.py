"""The report of lesson 0: the same lines on every good machine, a remedy on every other."""

import importlib.metadata

from lessonlib import environment, inventory, runs, storage


def finding(subject):
    return next(each for each in environment.report() if each.subject.startswith(subject))


def test_a_good_machine_has_everything_and_its_lines_name_no_version(tmp_path, monkeypatch):
    (tmp_path / "main-seed0.npz").touch()
    monkeypatch.setenv(runs.FOLDER_VARIABLE, str(tmp_path))
    report = environment.report()
    assert all(each.ok for each in report)
    assert not any(each.detail in str(each) for each in report)


def test_a_missing_package_is_named_with_what_to_do(monkeypatch):
    def version(name, real=importlib.metadata.version):
        if name == "torch":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert not finding("torch").ok
    assert "course.py start" in str(finding("torch"))


def test_missing_recordings_are_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv(runs.FOLDER_VARIABLE, str(tmp_path / "nowhere"))
    assert not finding("recorded runs").ok
    assert runs.FOLDER_VARIABLE in str(finding("recorded runs"))


def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv(storage.HOME_VARIABLE, str(blocked / "home"))
    assert not finding("a place").ok
    assert storage.HOME_VARIABLE in str(finding("a place"))


def test_the_inventory_has_twelve_different_questions_with_one_right_and_three_wrong_options():
    assert len({item.concept for item in inventory.PRE_TEST}) == len(inventory.PRE_TEST) == 12
    assert all(len({item.right, *item.wrong}) == 4 for item in inventory.PRE_TEST)


def test_the_place_of_the_right_option_gives_nothing_away():
    asked = zip(inventory.pre_test(), inventory.PRE_TEST, strict=True)
    places = [panel.options.index(item.right) for panel, item in asked]
    assert len(set(places)) == 4


def test_answers_to_the_inventory_are_kept_without_telling_whether_they_are_right():
    panels = inventory.pre_test()
    assert inventory.n_answered() == 0
    radio = panels[0].widget.children[1]
    told = []
    for index in (0, 1):
        radio.index = index
        panels[0].button.click()
        told.append(panels[0].answer_line.value)
    assert told[0] == told[1]
    assert inventory.n_answered() == 1
