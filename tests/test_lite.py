"""What the edition for the browser is built from; the building itself needs a package registry."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import nbformat
import pytest

from notebooks import build
from tools import lite


def test_lessons_with_pytorch_or_keras_stay_out() -> None:
    heavy = re.compile(r"^ *(import|from) (torch|keras|tensorflow)\b", re.MULTILINE)
    every = {source.stem: bool(heavy.search(source.read_text(encoding="utf-8"))) for source in build.sources()}
    light = {source.stem for source in lite.light_lessons()}
    assert "00_start_here" in light
    assert not {stem for stem in light if every[stem]}


@pytest.mark.parametrize(
    "program",
    ["import torch", "def f():\n    import keras.layers", "from lessonlib import training", "from torch import nn"],
)
def test_an_import_is_seen_wherever_it_stands(program: str) -> None:
    assert lite.HEAVY & set(lite.imported(program))


def test_a_word_in_a_text_is_no_import() -> None:
    assert not lite.HEAVY & set(lite.imported('"import torch"\nx = "training"'))


def test_the_contents_are_lessons_recordings_and_settings(tmp_path: Path) -> None:
    """Each lesson begins with the cell that brings the library, runs on Pyodide's kernel, and is else unchanged."""
    lite.write_contents(tmp_path / "lite")
    contents = tmp_path / "lite" / "contents"
    assert sorted(path.stem for path in contents.glob("*.ipynb")) == [source.stem for source in lite.light_lessons()]
    for path in contents.glob("*.ipynb"):
        copy = nbformat.read(path, as_version=4)
        nbformat.validate(copy)
        assert copy.cells[0].source.endswith("%pip install -q lessonlib")
        assert copy.metadata.kernelspec.name == "python"
        assert copy.cells[1:] == nbformat.read(build.NOTEBOOKS / path.name, as_version=4).cells
    recordings = {path.name for path in (build.NOTEBOOKS / "recordings").iterdir()}
    assert {path.name for path in (contents / "recordings").iterdir()} == recordings
    assert json.loads((tmp_path / "lite" / "jupyter-lite.json").read_text())["jupyter-config-data"]


def test_the_builder_is_told_where_everything_is(tmp_path: Path) -> None:
    """Tools, the wheels that Pyodide lacks, the library's own wheel, then the pages; every version is exact."""
    install, wheels, own, pages = lite.commands("python", tmp_path, tmp_path / "out")
    assert all("==" in word for word in install[install.index("-q") + 1 :])
    assert all("==" in word for word in wheels[wheels.index(str(tmp_path / "pypi")) + 1 :])
    assert own[-1] == str(lite.ROOT)
    assert pages[:4] == ["python", "-m", "jupyterlite_core", "build"]
    assert pages[pages.index("--output-dir") + 1] == str(tmp_path / "out")


def test_the_versions_of_the_wheels_are_those_of_the_lock() -> None:
    """A lesson in the browser meets the widgets that it was tested with."""
    lock = (lite.ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert [pin for pin in lite.WHEELS if f"\n{pin}" not in lock] == []


def test_a_failing_step_ends_the_build_with_its_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def fail_second(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 3 if len(ran) == 2 else 0)

    monkeypatch.setattr(lite, "WORK", tmp_path / "work")
    monkeypatch.setattr(lite, "LITE", tmp_path / "lite")
    monkeypatch.setattr(lite.venv, "create", lambda *_, **__: None)
    monkeypatch.setattr(lite.subprocess, "run", fail_second)
    assert lite.main() == 3
    assert len(ran) == 2


def test_words_that_are_not_known_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert lite.main(["--fast"]) == 2
    assert "not --fast" in capsys.readouterr().err
