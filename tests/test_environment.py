"""The report of lesson 0: the same lines on every good machine, a remedy on every other."""

import importlib.metadata
import json
import os
import re
import sys
import time

import pytest

from lessonlib import runs, storage
from lessonlib.course import environment
from notebooks import build


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


# ---------------------------------------------------------------------------------------------- waiting for frameworks


@pytest.fixture
def note(tmp_path, monkeypatch):
    """Let this Python be one into which course.py installs, and return a function that writes its note."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / "course").mkdir()

    def write(age=0.0, text="12 MB so far", **parts):
        path = tmp_path / "course" / "progress.json"
        path.write_text(json.dumps({"parts": parts, "text": text}))
        os.utime(path, (time.time() - age,) * 2)

    return write


@pytest.fixture
def shown(monkeypatch):
    """Return what appears in the notebook, in order."""
    texts = []
    handle = type("Handle", (), {"update": staticmethod(lambda html: texts.append(html.data))})
    monkeypatch.setattr(environment, "display", lambda *_, **__: handle)
    return texts


def test_a_framework_that_is_there_shows_nothing(shown):
    environment.need("json", "re")
    assert shown == []


def test_a_lesson_waits_while_its_framework_is_fetched_and_shows_how_far_it_is(note, shown, monkeypatch):
    note(json="waiting", re="fetching")
    looks = iter([lambda: note(json="fetching"), lambda: note(json="ready")])
    monkeypatch.setattr(environment.time, "sleep", lambda _: next(looks)())
    environment.need("json")
    assert "soon" in shown[0]
    assert "12 MB so far" in shown[1]
    assert shown[-1] == "<p>json: ready.</p>"


@pytest.mark.parametrize("age", [0, 60], ids=["it failed", "nobody fetches"])
def test_what_nobody_fetches_is_one_sentence_with_what_to_do(note, age):
    state = "the log\n\nThe disk is full. Make room and run the same command again." if age == 0 else "fetching"
    note(age=age, no_such_framework=state)
    with pytest.raises(environment.FrameworkMissing) as caught:
        environment.need("no_such_framework")
    (line,) = caught.value._render_traceback_()
    assert ("Make room" if age == 0 else "course.py start") in line
    assert "\n" not in line


def test_the_report_says_what_is_on_its_way_and_counts_it_as_no_lack(note):
    note(torch="fetching", keras="waiting")
    assert finding("torch").ok
    assert "on its way" in str(finding("keras"))


def test_a_damaged_note_is_no_note(note, tmp_path):
    (tmp_path / "course" / "progress.json").write_text("[")
    environment.need("json")


@pytest.mark.parametrize("lesson", build.sources(), ids=lambda path: path.stem)
def test_a_lesson_waits_for_a_framework_before_it_imports_it(lesson):
    code = [cell.source for cell in build.convert(lesson).cells if cell.cell_type == "code"]
    lines = "\n".join(code).splitlines()
    for name in ("torch", "keras"):
        imports = [i for i, line in enumerate(lines) if re.match(rf"(import|from) {name}\b", line)]
        waits = [i for i, line in enumerate(lines) if "need(" in line and f'"{name}"' in line]
        assert not imports or min(waits, default=len(lines)) < imports[0]
