"""What a machine lacks is left out of the run and said; in CI it fails; a browser is looked for in a fixed order."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import browser, outside

SUITE = {
    "test_a.py": "import pytest\n@pytest.mark.needs('docker')\ndef test_docker(): pass\ndef test_plain(): pass\n",
    "test_b.py": "import pytest\n@pytest.mark.needs('docker')\n@pytest.mark.parametrize('n', range(3))\n"
    "def test_docker(n): pass\n",
    "test_c.py": "def test_framework():\n    from torch import nn\n",
}


@pytest.fixture
def run_suite(tmp_path: Path, root: Path):
    """Return a function that runs the small suite where no program and no framework is found."""
    for name, text in SUITE.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    (tmp_path / "bare.py").write_text(
        "import importlib.util, sys\nreal = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'torch' else real(name, *rest)\n"
    )

    def run(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name not in {"CI", "PATH"}}
        path = os.pathsep.join([str(root), str(tmp_path)])
        words = ["-p", "bare", "-p", "tests.outside", "-p", "no:cacheprovider", *options]
        return subprocess.run(
            [sys.executable, "-m", "pytest", *words],
            cwd=tmp_path,
            env={**kept, "PATH": str(tmp_path), "PYTHONPATH": path, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_what_is_missing_is_left_out_counted_and_named_in_the_last_lines(run_suite) -> None:
    done = run_suite("-n2")
    assert done.returncode == 0, done.stdout + done.stderr
    *_, docker, remedy, torch, _, last = filter(None, done.stdout.splitlines())
    assert docker == "No docker: 4 tests left out (test_a.py 1, test_b.py 3)."
    assert "install docker" in remedy
    assert torch == "No torch: left out whole: test_c.py."
    assert "1 passed" in last


def test_in_ci_a_missing_thing_is_a_failure_that_says_what_to_install(run_suite) -> None:
    done = run_suite(CI="true")
    assert done.returncode == 1
    assert "4 errors" in done.stdout
    assert "no docker on this machine: install docker" in done.stdout


def test_a_name_that_is_not_known_is_an_error() -> None:
    with pytest.raises(KeyError):
        outside.missing("dokcer")


# -------------------------------------------------------------------------------------------------------- a browser


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the commands that would have run, on a Debian without a browser where each of them fails."""
    commands: list[str] = []
    monkeypatch.setattr(browser, "works", lambda: False)
    monkeypatch.setattr(browser, "run", lambda command: commands.append(" ".join(command)) or 1)
    monkeypatch.setattr(browser.shutil, "which", lambda name: f"/bin/{name}" if name in {"sudo", "apt-get"} else None)
    return commands


def test_where_nothing_needs_a_password_playwright_comes_before_the_systems_packages(
    tried: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(browser, "without_password", list)
    assert not browser.provide()
    assert tried[0].endswith("-m playwright install chromium")
    assert "apt-get" in tried[1]
    assert "left out" in capsys.readouterr().out


def test_where_the_system_asks_for_a_password_it_is_not_asked(
    tried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    assert not browser.provide()
    assert [command for command in tried if "apt-get" in command] == []
    assert tried[-1] == "sudo -n true"


def test_a_browser_that_is_there_is_taken(tried: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "works", lambda: True)
    assert browser.provide()
    assert tried == []


def test_a_wrong_setting_is_said_and_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LESSONLIB_BROWSER", "no-such-browser")
    with pytest.raises(FileNotFoundError, match="no-such-browser"):
        browser.works()
