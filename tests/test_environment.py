"""The report of lesson 0: the same lines on every good machine, a remedy on every other."""

import importlib.metadata
import re

import pytest

from lessonlib import environment, runs, storage
from notebooks import build, rules


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


@pytest.mark.parametrize("framework", environment.FRAMEWORKS)
def test_it_names_the_lessons_that_need_a_framework(framework):
    """Lesson 6 trains through the library, the others import for themselves."""
    needs = {"torch": r"^import torch|training\.train\(", "keras": r"^import keras|^from keras"}[framework]
    sources = {source.stem: source.read_text(encoding="utf-8") for source in build.sources()}
    users = [rules.label(name) for name, text in sources.items() if re.search(needs, text, re.MULTILINE)]
    assert re.findall(r"\d+[a-z]?", environment.FRAMEWORKS[framework]) == users
