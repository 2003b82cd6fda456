"""The project's files agree with one another, and say nothing that only holds on one machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tools import lock


@pytest.fixture
def project(root: Path) -> dict:
    """Return the table [project] of pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture
def pins(root: Path) -> dict[str, str]:
    """Return the lock's lines by package."""
    return lock.pins((root / "requirements.lock").read_text(encoding="utf-8"))


def committed_texts(root: Path) -> list[tuple[str, str]]:
    """Return name and text of every file that is, or would be, committed."""
    if shutil.which("git") and (root / ".git").exists():
        listing = ["git", "ls-files", "-coz", "--exclude-standard"]
        names = subprocess.run(listing, cwd=root, capture_output=True, text=True, check=True).stdout.split("\0")[:-1]
    else:  # a copy without its history: leave out what .gitignore leaves out
        made = {".venv", ".venv-uv", "build", ".git", "__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis"}
        files = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        names = [str(path) for path in files if not made & set(path.parts) and ".egg-info" not in str(path)]
    binary = {".npz", ".png", ".gz", ".ico", ".part"}
    paths = [root / name for name in names if Path(name).suffix not in binary and (root / name).is_file()]
    return [(str(path.relative_to(root)), path.read_text(encoding="utf-8")) for path in paths]


def test_everything_asked_for_is_locked(project: dict, pins: dict[str, str]) -> None:
    """Each package that pyproject.toml names has an exact version in the lock."""
    asked = {name for names in lock.asked_for(project).values() for name in names}
    assert asked - set(pins) == set()


def test_the_library_installs_without_the_frameworks(project: dict) -> None:
    """PyTorch and TensorFlow are optional groups, not dependencies."""
    names = lock.asked_for(project)
    assert not {"torch", "tensorflow", "tensorflow-cpu", "keras", "jupyterlab"} & set(names[""])
    assert "torch" in names["torch"]
    assert "tensorflow" in names["keras"]


def test_conda_environment_is_made_from_the_lock(root: Path, project: dict) -> None:
    """environment.yml is what `course.py lock` would write, and is valid YAML with every pin."""
    text = (root / "environment.yml").read_text(encoding="utf-8")
    locked = (root / "requirements.lock").read_text(encoding="utf-8")
    assert text == lock.conda_environment(locked, project), "out of date: run `python course.py lock`"
    python, pip, packages = yaml.safe_load(text)["dependencies"]
    assert (python, pip) == ("python=3.11", "pip")
    assert sorted(packages["pip"]) == sorted(["-e .", *lock.pins(locked).values()])


def test_binder_takes_the_locked_versions(root: Path, pins: dict[str, str]) -> None:
    """Each line for Binder is a version of the lock; PyTorch is left to postBuild, which chooses its build."""
    binder = lock.pins((root / "binder" / "requirements.txt").read_text(encoding="utf-8"))
    assert "torch" not in binder
    assert {"numpy", "tensorflow-cpu", "uv", "setuptools"} <= set(binder)
    assert {line for name, line in binder.items() if line != pins[name].split(" ;")[0]} == set()
    assert (root / "binder" / "runtime.txt").read_text().strip() == "python-3.11"


def test_lock_pins_torch_and_leaves_cuda_out(pins: dict[str, str]) -> None:
    """PyTorch has its version, no build is named, and none of CUDA's packages is there."""
    assert re.fullmatch(r"torch==2\.13\.0( ;.*)?", pins["torch"])
    assert [name for name in pins if re.match(r"nvidia|cuda|triton", name)] == []
    assert all("==" in line for line in pins.values())


def test_lock_is_for_every_system(pins: dict[str, str]) -> None:
    """What exists on one system only carries a marker that says so."""
    assert "win32" in pins["tensorflow-cpu"]
    assert "darwin" in pins["tensorflow"]
    assert "win32" in pins["colorama"]


# Put together here, so that this file does not name what it looks for.
HOSTS = ["pypi" + ".org", "python" + "hosted", "download." + "pytorch", "registry." + "npmjs", "deb." + "debian.org"]
PATHS = ["/work" + "/main", "/work" + "/shared", "/tmp" + "/dev", "/root" + "/", "/opt" + "/wheels", "/opt" + "/pypi"]


def test_no_file_names_a_registry_or_a_machine(root: Path) -> None:
    """Hosts of package registries and paths of one machine stand in no committed file."""
    texts = committed_texts(root)
    assert len(texts) > 10
    assert [(name, word) for name, text in texts for word in HOSTS + PATHS if word in text] == []


def test_first_screen_of_the_readme_has_exactly_the_two_commands(root: Path) -> None:
    """Its first code block, within the first 20 lines, is the two commands."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    block = re.search(r"```\n(.*?)```", readme, re.DOTALL)
    assert block[1].splitlines() == ["python3 course.py start", "python3 course.py test"]
    assert readme[: block.end()].count("\n") < 20


def test_readme_maps_the_lessons_that_exist(root: Path) -> None:
    """Its table has each lesson, in order, and none that is not there."""
    mapped = re.findall(
        r"^\|.*\(notebooks/(\w+)\.ipynb\)", (root / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert mapped == sorted(path.stem for path in (root / "notebooks").glob("*.ipynb"))
    assert mapped == sorted(path.stem for path in (root / "notebooks" / "source").glob("*.py"))


def test_licences_are_there(root: Path) -> None:
    """MIT for code, the whole of CC BY 4.0 for text."""
    assert "MIT License" in (root / "LICENSE").read_text(encoding="utf-8")
    text = (root / "LICENSE-text").read_text(encoding="utf-8")
    assert "Attribution 4.0 International" in text
    assert "Section 8 -- Interpretation." in text
    assert yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))["license"] == ["MIT", "CC-BY-4.0"]


@pytest.mark.needs("bash")
def test_scripts_can_be_executed_and_have_unix_ends_of_line(root: Path) -> None:
    """CI and Binder start these by name."""
    for name in (".ci/run", "binder/postBuild", "binder/start"):
        path = root / name
        assert path.stat().st_mode & 0o100 or path.drive, f"chmod +x {name}"
        assert b"\r" not in path.read_bytes()
        subprocess.run(["bash", "-n", str(path)], check=True)


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_the_code_is_in_the_house_style(root: Path, command: list[str]) -> None:
    ruff = [sys.executable, "-m", "ruff", *command, "--quiet", "."]
    done = subprocess.run(ruff, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
