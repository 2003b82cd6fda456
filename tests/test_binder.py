"""What Binder will do with this repository: repo2docker writes its Dockerfile here, without Docker."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from notebooks import build
from tools import binder


@pytest.fixture(scope="module")
def dockerfile() -> str:
    """Return the Dockerfile for this repository."""
    return binder.dockerfile()


def test_binder_installs_with_the_two_commands_that_are_tried_out(dockerfile: str) -> None:
    """The pins, then postBuild; nothing of the repository's top (pyproject.toml, environment.yml) is used."""
    assert binder.install_commands(dockerfile) == [
        'pip install --no-cache-dir -r "binder/requirements.txt"',
        "./binder/postBuild",
    ]
    assert "environment.yml" not in dockerfile
    assert re.search(r"pip install .* \.$", dockerfile, re.MULTILINE) is None


def test_binder_takes_the_python_of_the_lock_and_the_start_script(dockerfile: str) -> None:
    assert "environment.py-3.11" in dockerfile.replace("-2d", "-").replace("-2e", ".")
    assert 'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in dockerfile


def test_a_python_that_binder_does_not_have_is_refused(tmp_path: Path, root: Path) -> None:
    """The check notices: it is not the kind that always passes."""
    shutil.copytree(root / "binder", tmp_path / "binder")
    (tmp_path / "binder" / "runtime.txt").write_text("python-3.99\n")
    with pytest.raises(binder.BinderError, match=r"3\.99"):
        binder.dockerfile(tmp_path)


def test_postbuild_installs_only_what_lessons_need(root: Path) -> None:
    """No JupyterLab (the base image has it), no tests, no second framework build."""
    assert "course.py install --here --light" in (root / "binder" / "postBuild").read_text(encoding="utf-8")
    names = re.findall(r"^([\w-]+)==", (root / "binder" / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert not {"torch", "tensorflow", "jupyterlab", "playwright", "pytest", "ruff"} & set(names)


def test_trials_run_with_the_variables_of_the_start_script() -> None:
    chosen = binder.environment()
    assert chosen["OMP_NUM_THREADS"] == "1"
    assert chosen["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert chosen["PATH"].startswith(str(binder.TRIAL))


def test_every_lesson_fits_into_binders_memory(root: Path) -> None:
    """By what it held while it was built; docs/binder.md holds what the last trial found."""
    costs = (root / "docs" / "lesson-costs.md").read_text(encoding="utf-8")
    peaks = {name: int(peak) for name, peak in re.findall(r"^\| `(\w+)` \| \d+ \| (\d+) \|", costs, re.MULTILINE)}
    assert peaks.keys() == {path.stem for path in build.sources()}
    tried = re.findall(r"^\| `(\d\d\w+)` \| (\d+) \|", binder.REPORT.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: peak for name, peak in [*peaks.items(), *tried] if int(peak) >= binder.LIMIT_MB} == {}


def test_a_report_has_a_row_for_each_step_and_lesson() -> None:
    text = binder.report("abc", [("pip install x", 400)], [("01_a", 500.0)])
    assert "| `pip install x` | 400 |" in text
    assert "| `01_a` | 500 | 25% |" in text
    assert "at commit abc," in text


def test_words_that_are_not_known_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert binder.main(["--fast"]) == 2
    assert "--dockerfile, not --fast" in capsys.readouterr().err
