"""The bootstrap: which Python, which parts, which PyTorch, and what it says when something is missing."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import course
from tools import install

LOCK = """# head

# part lessons: to read
numpy==2.4.6
# part torch: networks
torch==2.13.0 ; sys_platform != 'x'
uv==0.13.9
    # via x
# part keras: networks
keras==3.15.1
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small copy of the project's files, with an environment, where the installer believes itself to be."""
    (tmp_path / "requirements.lock").write_text(LOCK)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "LOCK", tmp_path / "requirements.lock")
    python = install.venv_python(install.VENV)
    python.parent.mkdir(parents=True)
    python.touch()
    (install.VENV / "pyvenv.cfg").write_text("home = x\nversion = 3.11.7\n")
    install.notes().mkdir()
    return tmp_path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let every installer succeed, and return the commands that would have run."""
    ran: list[str] = []
    monkeypatch.setattr(install, "run_quietly", lambda command, *_: ran.append(" ".join(command)) or (0, ""))
    monkeypatch.setattr(install, "torch_offered", lambda *_: "2.13.0+cpu")
    monkeypatch.setattr(install, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, "", ""))
    return ran


# ------------------------------------------------------------------------------------------------------------ the parts


def test_a_part_is_installed_once_and_again_when_what_it_consists_of_changes(tree: Path, commands: list[str]) -> None:
    """The lock's other parts do not count, the library's project file does, and so does the Python."""
    install.ensure("lessons")
    assert "to-install.txt" in commands[0]
    assert commands[-1].endswith(f"-e {tree}")
    del commands[:]
    install.LOCK.write_bytes(install.LOCK.read_bytes().replace(b"keras==3.15.1", b"keras==3.15.2"))
    install.LOCK.write_bytes(install.LOCK.read_bytes().replace(b"\n", b"\r\n"))
    install.ensure("lessons")
    assert commands == []
    for path, text in (
        (install.LOCK, LOCK.replace("2.4.6", "2.4.7")),
        (tree / "pyproject.toml", "[project]\nname='y'\n"),
        (install.VENV / "pyvenv.cfg", "version = 3.12.1\n"),
    ):
        path.write_text(text)
        assert not install.is_installed("lessons"), path.name
        install.ensure("lessons")
        assert install.is_installed("lessons")


def test_each_part_takes_its_own_lines_and_pytorch_its_own_way(tree: Path, commands: list[str]) -> None:
    install.ensure("torch")
    listed = (tree / "build" / "to-install.txt").read_text()
    assert "uv==0.13.9" in listed
    assert "torch" not in listed
    assert "numpy" not in listed
    assert commands[-1].endswith("torch==2.13.0+cpu")


def test_a_failed_part_is_not_stamped_and_the_note_for_the_lessons_says_why(
    tree: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is fetched beside the first lesson: one part fails, the next has its turn all the same."""
    log = "ERROR: Could not install: [Errno 28] No space left on device"
    monkeypatch.setattr(install, "install_torch", lambda *_: install.run_or_explain(["pip"]))
    monkeypatch.setattr(install, "run_quietly", lambda command, *_: (int(command == ["pip"]), log))
    monkeypatch.setattr(os, "nice", lambda _: 0, raising=False)
    assert install.main(["torch", "keras"]) == 1
    assert not install.is_installed("torch")
    assert install.is_installed("keras")
    assert "PyTorch could not be fetched" in capsys.readouterr().out
    with install.Progress(["torch"]) as progress, pytest.raises(install.Trouble):
        install.install_part("PY", "torch", progress)
    note = json.loads((install.notes() / "progress.json").read_text())
    assert "The disk is full" in note["parts"]["torch"]


def test_two_runs_do_not_install_into_the_same_folder_at_once(tree: Path) -> None:
    """While another's note is fresh and unfinished, one waits; a note that stands still is of one that died."""
    note = install.notes() / "progress.json"
    note.write_text(json.dumps({"process": os.getpid() + 1, "parts": {"torch": "fetching"}, "text": ""}))
    assert install.others_install()
    os.utime(note, (time.time() - 60,) * 2)
    assert not install.others_install()
    note.write_text(json.dumps({"process": os.getpid() + 1, "parts": {"torch": "ready"}, "text": ""}))
    assert not install.others_install()


def test_little_disk_space_is_said_before_anything_is_fetched(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 0.2e9}))
    with pytest.raises(install.Trouble, match=r"0\.2 GB free.*about 0\.9"):
        install.ensure("torch")


def test_a_lock_that_lacks_something_is_named(tree: Path) -> None:
    with pytest.raises(install.Trouble, match="no line for jax"):
        install.requirement("jax")
    with pytest.raises(install.Trouble, match="no part grade"):
        install.lines_of("grade")


def test_the_lock_has_every_part_that_is_installed(root: Path) -> None:
    assert all(install.lines_of(part) for part in install.PARTS)
    assert {line.split("==")[0] for line in install.lines_of("lessons")} >= {"numpy", "jupyterlab", "anywidget"}
    assert not any(line.startswith(("torch", "tensorflow", "pytest")) for line in install.lines_of("lessons"))


def test_how_far_it_is_is_read_from_what_pip_says(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["Collecting torch", "  Downloading torch-2.13.0-cp311.whl (190.5 MB)", "Collecting x"]
    lines += ["  Downloading x-1-py3.whl (500 kB)", "Installing collected packages: x, torch"]
    program = f"print({chr(10).join(lines)!r})"
    progress = install.Progress(["torch"])
    assert install.run_quietly([sys.executable, "-c", program], progress, 7) == (0, "\n".join(lines) + "\n")
    assert progress.text == "putting 2 packages in place"
    assert "torch, 190.5 MB (1 of 7, 190 MB so far)" in capsys.readouterr().out


# -------------------------------------------------------------------------------------------------- which Python, where


def test_paths_on_windows_and_elsewhere() -> None:
    assert install.venv_python(Path("v"), "nt") == Path("v/Scripts/python.exe")
    assert install.venv_python(Path("v"), "posix") == Path("v/bin/python")


@pytest.mark.parametrize(
    ("version", "good"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False), ((4, 0), False)]
)
def test_supported_pythons(version: tuple[int, int], good: bool) -> None:
    assert install.supported(version) is good


def test_another_python_is_looked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under an unsuitable Python, a suitable one on the PATH is used, newest first; else the launcher of Windows."""
    monkeypatch.setattr(install, "supported", lambda version: False)
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 0))
    monkeypatch.setattr(install.shutil, "which", lambda name: "/usr/bin/python3.12" if name == "python3.12" else None)
    assert install.base_python() == ["/usr/bin/python3.12"]
    monkeypatch.setattr(install.shutil, "which", lambda name: "py.exe" if name == "py" else None)
    assert install.base_python() == ["py", "-3.13"]
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    assert install.base_python() is None


def test_no_suitable_python_says_what_to_install(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When uv cannot fetch one either."""
    monkeypatch.setattr(install, "base_python", lambda: None)
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 1))
    with pytest.raises(install.Trouble, match=r"Install Python 3\.13"):
        install.make_venv()


def test_an_old_python_can_read_the_programs(root: Path) -> None:
    """They must parse on Pythons that they refuse, or nobody reads why."""
    for name in ("course.py", "tools/install.py", "tools/own_copies.py"):
        ast.parse((root / name).read_text(encoding="utf-8"), feature_version=(3, 8))


# -------------------------------------------------------------------------------------------------------- which PyTorch

WANTED = "torch==2.13.0 ; sys_platform != 'x'"
PIP = "PY -m pip install --disable-pip-version-check --no-compile"


def attempts(offered: str, gpu: bool, system: str) -> list[str]:
    """Return the commands as text."""
    return [" ".join(command) for command in install.torch_attempts("PY", WANTED, offered, gpu, system)]


def test_cpu_build_that_pip_finds_itself_is_taken_alone() -> None:
    assert attempts("2.13.0+cpu", gpu=False, system="Linux") == [f"{PIP} --no-deps torch==2.13.0+cpu"]


@pytest.mark.parametrize("offered", ["2.13.0", ""])
def test_linux_without_gpu_asks_uv_for_the_cpu_build_first(offered: str) -> None:
    """The plain wheel, with CUDA, comes last; "" is what pip's answer is when it cannot tell."""
    first, last = attempts(offered, gpu=False, system="Linux")
    assert first.startswith("PY -m uv pip install --python PY torch==2.13.0")
    assert first.endswith("--torch-backend cpu")
    assert last == f"{PIP} {WANTED}"


def test_elsewhere_the_plain_wheel_is_right() -> None:
    """On macOS and Windows it is the CPU build, on Linux with a GPU the one with CUDA; Windows with a GPU asks uv."""
    for gpu, system in ((True, "Linux"), (False, "Darwin"), (False, "Windows")):
        assert attempts("2.13.0", gpu=gpu, system=system) == [f"{PIP} {WANTED}"]
    assert "--torch-backend auto" in attempts("2.13.0", gpu=True, system="Windows")[0]


@pytest.mark.parametrize(
    ("said", "status", "version"),
    [
        ('a warning\n{"install": [{"metadata": {"version": "2.13.0+cpu"}}]}', 0, "2.13.0+cpu"),
        ('{"install": []}', 0, None),
        ("", 1, ""),
    ],
)
def test_pip_is_asked_which_build_it_would_take_and_downloads_nothing(
    said: str, status: int, version: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    reply = subprocess.CompletedProcess([], status, said, "")
    monkeypatch.setattr(subprocess, "run", lambda command, **_: asked.extend(command) or reply)
    assert install.torch_offered("PY", WANTED) == version
    assert {"--dry-run", "--no-deps", "--ignore-installed"} <= set(asked)


def test_failed_attempt_is_said_and_the_next_one_made(
    tree: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """uv fails, the plain wheel is taken, and the learner knows why it is large."""
    tried: list[str] = []
    monkeypatch.setattr(install, "torch_offered", lambda *_: "2.13.0")
    monkeypatch.setattr(install.platform, "system", lambda: "Linux")
    monkeypatch.setattr(
        install, "run_quietly", lambda command, *_: tried.append(command[2]) or (command[2] == "uv", "")
    )
    install.install_torch("PY", install.Progress([]))
    assert tried == ["uv", "pip"]
    assert "some GB" in capsys.readouterr().out


def test_no_build_for_this_machine_is_said(
    tree: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "torch_offered", lambda *_: None)
    install.install_torch("PY", install.Progress([]))
    assert commands == []
    assert "No PyTorch exists for" in capsys.readouterr().out


# --------------------------------------------------------------------------------------------------------- what it says


@pytest.mark.parametrize(
    ("log", "advice"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("NewConnectionError: Temporary failure in name resolution\nERROR: No matching distribution", "Internet"),
        ("ssl.SSLError: CERTIFICATE_VERIFY_FAILED", "PIP_CERT"),
        ("error: externally-managed-environment", "--here"),
        ("PermissionError: [Errno 13] Permission denied: 'x'", "No permission"),
        ("[WinError 206] The filename or extension is too long", "how long a path"),
        ("something new", "delete .venv"),
    ],
)
def test_installer_failures_come_with_advice(log: str, advice: str) -> None:
    """The end of the log, then what to do."""
    assert advice in install.explain(log)
    assert log.splitlines()[-1] in install.explain(log)


def test_missing_venv_part_names_debians_package() -> None:
    message = install.explain_venv("The virtual environment was not created because ensurepip is not available.")
    assert f"sudo apt install python3.{sys.version_info[1]}-venv" in message


def test_trouble_is_a_message_and_a_status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback for a learner."""

    def fails(*parts: str) -> str:
        raise install.Trouble("Make room first.")

    monkeypatch.setattr(course, "ensure", fails)
    assert course.main(["start"]) == 1
    assert "Make room first." in capsys.readouterr().err


def test_unknown_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert course.main(["strat"]) == 2
    assert "python3 course.py start" in capsys.readouterr().out
    assert course.main(["--help"]) == 0


def test_help_after_a_command_starts_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(course, "hand_over", lambda *_, **__: pytest.fail("something was started"))
    for name in ("start", "fresh", "test", "lock", "processors", "badges"):
        assert course.main([name, "--help"]) == 0
        assert f"\n    {name} " in capsys.readouterr().out.replace("python3 course.py ", "")


# ---------------------------------------------------------------------------------------------------- tests and lessons


def test_pytest_gets_every_notebook_unless_files_are_named() -> None:
    """Words that name files replace the list; other words are added."""
    everything = course.pytest_arguments(["-x"], cores=2)
    assert everything[0].endswith("00_start_here.ipynb")
    assert {"lessonlib", "tests"} <= set(everything)
    assert "--nbval" in everything
    assert everything[-1] == "-x"
    assert "-n" in everything
    assert "-n" not in course.pytest_arguments([], cores=1)
    assert "lessonlib" not in course.pytest_arguments(["tests/test_course.py::test_paths"], cores=2)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list]:
    """Install nothing, and return what each command would have installed, fetched beside, and run."""
    seen: list[list] = []
    monkeypatch.setattr(course, "ensure", lambda *parts: seen.append(["ensure", *parts]) or "PY")
    monkeypatch.setattr(course, "start_fetching", lambda *parts: seen.append(["fetch", *parts]))
    monkeypatch.setattr(course, "fill_own_copies", lambda: seen.append(["fill"]))
    monkeypatch.setattr(course, "hand_over", lambda command, **_: seen.append(command) or 3)
    return seen


def test_start_installs_the_small_part_and_fetches_the_frameworks_beside_the_lesson(started: list[list]) -> None:
    """What follows the dashes reaches JupyterLab, and its exit status comes back."""
    assert course.main(["start", "--", "--port", "9000"]) == 3
    installed, filled, fetched, lab = started
    assert (installed, filled, fetched) == (["ensure", "lessons"], ["fill"], ["fetch", "torch", "keras"])
    assert lab[:3] == ["PY", "-m", "jupyterlab"]
    assert lab[-2:] == ["--port", "9000"]


def test_start_all_waits_for_everything_and_here_installs_nothing(started: list[list]) -> None:
    course.main(["start", "--all"])
    assert started[0] == ["ensure", "lessons", "torch", "keras"]
    assert "--all" not in started[-1]
    del started[:]
    course.main(["start", "--here"])
    assert [what for what, *_ in started] == ["fill", sys.executable]


@pytest.mark.parametrize(
    ("words", "parts", "program"),
    [
        (["build", "--check"], course.EVERYTHING, ["PY", "-m", "notebooks.build", "--check"]),
        (["record", "main"], ("lessons", "torch"), ["PY", "-m", "lessonlib", "record", "main"]),
        (["derive", "1"], ("lessons", "grade"), ["PY", "-P", "-m", "exercises.grading.classroom", "1"]),
        (["read", "-", "--full"], ("lessons",), ["PY", "-P", "-m", "lessonlib", "read", "-", "--full"]),
    ],
)
def test_a_command_installs_what_it_needs(
    words: list[str], parts: tuple[str, ...], program: list[str], started: list[list]
) -> None:
    course.main(words)
    assert started == [["ensure", *parts], program]


@pytest.mark.needs("bwrap")
def test_folders_of_a_class_count_from_where_the_teacher_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """And a file there that has the name of a module of Python's is left alone."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "secret.txt").write_text("a secret for the test only")
    (tmp_path / "handed-in").mkdir()
    (tmp_path / "statistics.py").write_text("raise SystemExit('imported a learner's file')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(course, "ensure", lambda *parts: sys.executable)
    assert course.main(["grade", "handed-in", "--class", "mine"]) == 1
    assert "handed-in holds no submission" in capfd.readouterr().err


def test_a_log_is_read_from_where_its_owner_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train.log").write_text(
        "".join(f"epoch {n}: loss {3 / n:.2f} val_loss {4 / n:.2f}\n" for n in range(1, 9))
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(course, "ensure", lambda *parts: sys.executable)
    assert course.main(["read", "train.log"]) == 0
    assert "train.log: 8 epochs" in capfd.readouterr().out


def test_in_a_container_jupyterlab_starts_as_root_and_elsewhere_it_keeps_its_own_rule() -> None:
    assert "--allow-root" in course.lab_arguments(root=True)
    assert "--allow-root" not in course.lab_arguments(root=False)


@pytest.mark.needs("nbgrader")
def test_everything_that_nbgrader_adds_to_jupyterlab_is_switched_off(tmp_path: Path) -> None:
    install.leave_grader_out_of_lab(tmp_path)
    installed = Path(sys.prefix)
    extension = "jupyter_server_config.d"
    theirs = json.loads((installed / "etc/jupyter" / extension / "nbgrader.json").read_text())["ServerApp"]
    ours = json.loads((tmp_path / "etc/jupyter" / extension / "zz-course.json").read_text())["ServerApp"]
    assert ours["jpserver_extensions"] == dict.fromkeys(theirs["jpserver_extensions"], False)
    assert "zz-course.json" > "nbgrader.json", "of two files that speak of the same, Jupyter takes the last"
    pages = json.loads((tmp_path / "etc/jupyter/labconfig/page_config.json").read_text())
    assert [name for name in pages["disabledExtensions"] if (installed / "share/jupyter/labextensions" / name).is_dir()]
