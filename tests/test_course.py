"""The bootstrap: which Python, which PyTorch, when to install, and what it says when something is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import course


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a small copy of the project's files, where course.py believes itself to be."""
    (tmp_path / "requirements.lock").write_text(
        "# head\nnumpy==2.4.6\nuv==0.13.9\n    # via x\ntorch==2.13.0 ; sys_platform != 'x'\n"
    )
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    monkeypatch.setattr(course, "ROOT", tmp_path)
    monkeypatch.setattr(course, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(course, "LOCK", tmp_path / "requirements.lock")
    return tmp_path


def made_venv(tree: Path, version: str = "3.11.7") -> Path:
    """Make what up_to_date looks at in an environment."""
    venv = tree / ".venv"
    python = course.venv_python(venv)
    python.parent.mkdir(parents=True)
    python.touch()
    (venv / "pyvenv.cfg").write_text(f"home = x\nversion = {version}\n")
    return venv


# ------------------------------------------------------------------------------------------------------------ the stamp


def test_up_to_date_only_with_the_stamp_of_these_files(tree: Path) -> None:
    """Without the stamp, or after a change of lock, project or Python, the course is installed again."""
    assert not course.up_to_date(tree / ".venv")
    venv = made_venv(tree)
    assert not course.up_to_date(venv)
    (venv / "course-stamp").write_text(course.fingerprint(venv))
    assert course.up_to_date(venv)
    for path, text in (
        (tree / "requirements.lock", "numpy==2.4.7\n"),
        (tree / "pyproject.toml", "[project]\nname='y'\n"),
        (venv / "pyvenv.cfg", "version = 3.12.1\n"),
    ):
        before = path.read_text()
        path.write_text(text)
        assert not course.up_to_date(venv), path.name
        path.write_text(before)
    assert course.up_to_date(venv)


def test_stamp_ignores_the_ends_of_lines(tree: Path) -> None:
    """A checkout on Windows has the same fingerprint."""
    venv = made_venv(tree)
    before = course.fingerprint(venv)
    course.LOCK.write_bytes(course.LOCK.read_bytes().replace(b"\n", b"\r\n"))
    assert course.fingerprint(venv) == before


def test_second_run_installs_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An up-to-date environment starts no process at all."""
    venv = made_venv(tree)
    (venv / "course-stamp").write_text(course.fingerprint(venv))
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("started a process"))
    assert course.ensure_installed() == str(course.venv_python(venv))


def test_interrupted_installation_goes_on_in_the_same_environment(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a working pip but no stamp, the environment is kept, filled and then stamped."""
    venv = made_venv(tree)
    done = []
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 0))
    monkeypatch.setattr(course, "make_venv", lambda: pytest.fail("threw away what was installed"))
    monkeypatch.setattr(course, "install", lambda python, lock: done.append(python))
    course.ensure_installed()
    assert done == [str(course.venv_python(venv))]
    assert course.up_to_date(venv)


def test_failed_installation_leaves_no_stamp(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run must not believe that all is there."""
    venv = made_venv(tree)
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 0))

    def fails(*_: object) -> None:
        raise course.Trouble("no network")

    monkeypatch.setattr(course, "install", fails)
    with pytest.raises(course.Trouble, match="no network"):
        course.ensure_installed()
    assert not course.up_to_date(venv)


def test_little_disk_space_is_said_before_anything_is_made(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has what is free and what is needed."""
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1.2e9}))
    with pytest.raises(course.Trouble, match=r"1\.2 GB free.*about 4"):
        course.ensure_installed()
    assert not (tree / ".venv").exists()


# -------------------------------------------------------------------------------------------------- which Python, where


def test_paths_on_windows_and_elsewhere() -> None:
    """Windows keeps an environment's Python in another folder."""
    assert course.venv_python(Path("v"), "nt") == Path("v/Scripts/python.exe")
    assert course.venv_python(Path("v"), "posix") == Path("v/bin/python")


@pytest.mark.parametrize(
    ("version", "good"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False), ((4, 0), False)]
)
def test_supported_pythons(version: tuple[int, int], good: bool) -> None:
    """From 3.11 to the newest that TensorFlow supports."""
    assert course.supported(version) is good


def test_another_python_is_looked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under an unsuitable Python, a suitable one on the PATH is used, newest first; else the launcher of Windows."""
    monkeypatch.setattr(course, "supported", lambda version: False)
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 0))
    monkeypatch.setattr(course.shutil, "which", lambda name: "/usr/bin/python3.12" if name == "python3.12" else None)
    assert course.base_python() == ["/usr/bin/python3.12"]
    monkeypatch.setattr(course.shutil, "which", lambda name: "py.exe" if name == "py" else None)
    assert course.base_python() == ["py", "-3.13"]
    monkeypatch.setattr(course.shutil, "which", lambda name: None)
    assert course.base_python() is None


def test_no_suitable_python_says_what_to_install(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When uv cannot fetch one either."""
    monkeypatch.setattr(course, "base_python", lambda: None)
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 1))
    with pytest.raises(course.Trouble, match=r"Install Python 3\.13"):
        course.make_venv()


# -------------------------------------------------------------------------------------------------------- which PyTorch

WANTED = "torch==2.13.0 ; sys_platform != 'x'"


def attempts(offered: str, gpu: bool, system: str) -> list[str]:
    """Return the commands as text."""
    return [" ".join(command) for command in course.torch_attempts("PY", WANTED, offered, gpu, system)]


def test_cpu_build_that_pip_finds_itself_is_taken_alone() -> None:
    """Exactly that build, and no package that it asks for beside the lock."""
    assert attempts("2.13.0+cpu", gpu=False, system="Linux") == [
        "PY -m pip install --disable-pip-version-check --no-deps torch==2.13.0+cpu"
    ]


def test_linux_without_gpu_asks_uv_for_the_cpu_build_first() -> None:
    """The plain wheel, with CUDA, comes last."""
    first, last = attempts("2.13.0", gpu=False, system="Linux")
    assert first.startswith("PY -m uv pip install --python PY torch==2.13.0")
    assert first.endswith("--torch-backend cpu")
    assert last == f"PY -m pip install --disable-pip-version-check {WANTED}"
    assert attempts("", gpu=False, system="Linux") == [first, last], "when pip cannot tell"


def test_elsewhere_the_plain_wheel_is_right() -> None:
    """On macOS and Windows it is the CPU build, on Linux with a GPU the one with CUDA; Windows with a GPU asks uv."""
    plain = [f"PY -m pip install --disable-pip-version-check {WANTED}"]
    assert attempts("2.13.0", gpu=True, system="Linux") == plain
    assert attempts("2.13.0", gpu=False, system="Darwin") == plain
    assert attempts("2.13.0", gpu=False, system="Windows") == plain
    assert "--torch-backend auto" in attempts("2.13.0", gpu=True, system="Windows")[0]


def answer(monkeypatch: pytest.MonkeyPatch, stdout: str, status: int = 0) -> str | None:
    """Let pip answer so, and return what course.py makes of it."""
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, status, stdout, ""))
    return course.torch_offered("PY", WANTED)


def test_version_is_read_from_pips_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also behind a line of chatter; an empty list means that there is none, a failure that pip cannot tell."""
    report = json.dumps({"version": "1", "install": [{"metadata": {"name": "torch", "version": "2.13.0+cpu"}}]})
    assert answer(monkeypatch, report) == "2.13.0+cpu"
    assert answer(monkeypatch, "a warning\n" + report) == "2.13.0+cpu"
    assert answer(monkeypatch, json.dumps({"install": []})) is None
    assert answer(monkeypatch, "", status=1) == ""


def test_pip_is_asked_for_metadata_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The question must never download a build of some gigabytes."""
    asked = []
    reply = subprocess.CompletedProcess([], 0, '{"install": []}', "")
    monkeypatch.setattr(subprocess, "run", lambda command, **k: asked.append(command) or reply)
    course.torch_offered("PY", WANTED)
    assert {"--dry-run", "--no-deps", "--ignore-installed"} <= set(asked[0])


def test_failed_attempt_is_said_and_the_next_one_made(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """uv fails, the plain wheel is taken, and the learner knows why it is large."""
    tried = []
    monkeypatch.setattr(course, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(course, "torch_offered", lambda *a: "2.13.0")
    monkeypatch.setattr(course.platform, "system", lambda: "Linux")
    monkeypatch.setattr(
        course, "run_quietly", lambda command, total=0: tried.append(command[2]) or (command[2] == "uv", "")
    )
    course.install_torch("PY")
    assert tried == ["uv", "pip"]
    assert "larger" in capsys.readouterr().out


def test_no_build_for_this_machine_is_said(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rest of the course still installs."""
    monkeypatch.setattr(course, "torch_offered", lambda *a: None)
    monkeypatch.setattr(course, "run_quietly", lambda *a: pytest.fail("tried to install it"))
    course.install_torch("PY")
    assert "No PyTorch exists for" in capsys.readouterr().out


def test_everything_but_torch_comes_from_the_lock(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip gets the lock without PyTorch and without dependencies of its own choice."""
    commands = []
    monkeypatch.setattr(course, "run_quietly", lambda command, total=0: commands.append(command) or (0, ""))
    monkeypatch.setattr(course, "install_torch", lambda python: commands.append(["torch"]))
    course.install("PY", course.LOCK)
    assert "--no-deps" in commands[0]
    assert "torch" not in Path(commands[0][-1]).read_text()
    assert "numpy==2.4.6" in Path(commands[0][-1]).read_text()
    assert commands[1] == ["torch"]
    assert commands[2][-2:] == ["-e", str(tree)]


def test_missing_line_in_the_lock_is_named(tree: Path) -> None:
    """Not a KeyError."""
    assert course.requirement("torch") == WANTED
    with pytest.raises(course.Trouble, match="no line for keras"):
        course.requirement("keras")


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
    assert advice in course.explain(log)
    assert log.splitlines()[-1] in course.explain(log)


def test_missing_venv_part_names_debians_package() -> None:
    """Debian splits it off."""
    message = course.explain_venv("The virtual environment was not created because ensurepip is not available.")
    assert f"sudo apt install python3.{sys.version_info[1]}-venv" in message


def test_trouble_is_a_message_and_a_status(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback for a learner."""

    def fails() -> str:
        raise course.Trouble("Make room first.")

    monkeypatch.setattr(course, "ensure_installed", fails)
    assert course.main(["start"]) == 1
    assert "Make room first." in capsys.readouterr().err


def test_unknown_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """And fails; asking for help does not."""
    assert course.main(["strat"]) == 2
    assert "python3 course.py start" in capsys.readouterr().out
    assert course.main(["--help"]) == 0


def test_an_old_python_can_read_the_program(root: Path) -> None:
    """course.py must parse on Pythons that it refuses, or nobody reads why."""
    compile((root / "course.py").read_text(encoding="utf-8"), "course.py", "exec", dont_inherit=True)
    import ast

    ast.parse((root / "course.py").read_text(encoding="utf-8"), feature_version=(3, 8))


# ---------------------------------------------------------------------------------------------------- tests and lessons


def test_pytest_gets_every_notebook_unless_files_are_named() -> None:
    """Words that name files replace the list; other words are added."""
    everything = course.pytest_arguments(["-x"], cores=2)
    assert everything[:2] == ["lessonlib", "tests"]
    assert "--nbval" in everything
    assert everything[-1] == "-x"
    assert "-n" in everything
    assert "-n" not in course.pytest_arguments([], cores=1)
    assert "lessonlib" not in course.pytest_arguments(["tests/test_course.py::test_paths"], cores=2)


def test_words_after_the_dashes_reach_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """`start -- --port 9000`, with or without the dashes; the exit status comes back."""
    seen = []
    monkeypatch.setattr(course, "ensure_installed", lambda: "PY")
    monkeypatch.setattr(course, "hand_over", lambda command: seen.append(command) or 3)
    assert course.main(["start", "--", "--port", "9000"]) == 3
    assert seen[0][:3] == ["PY", "-m", "jupyterlab"]
    assert any(word.endswith("/lab/tree/notebooks/00_start_here.ipynb") for word in seen[0])
    assert seen[0][-2:] == ["--port", "9000"]
    course.main(["build", "--check"])
    assert seen[1] == ["PY", "-m", "notebooks.build", "--check"]
    course.main(["record", "main"])
    assert seen[2] == ["PY", "-m", "lessonlib", "record", "main"]


def test_folders_of_a_class_count_from_where_the_teacher_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """And a file there that has the name of a module of Python's is left alone."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "secret.txt").write_text("a secret for the test only")
    (tmp_path / "handed-in").mkdir()
    (tmp_path / "statistics.py").write_text("raise SystemExit('imported a learner's file')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(course, "ensure_installed", lambda: sys.executable)
    assert course.main(["grade", "handed-in", "--class", "mine"]) == 1
    assert "handed-in holds no submission" in capfd.readouterr().err


# ------------------------------------------------------------------------------------------------ the course is started


def test_jupyterlab_opens_on_the_first_lesson() -> None:
    assert f"--LabApp.default_url=/lab/tree/{course.FIRST_LESSON}" in course.lab_arguments(root=False)
    assert (course.ROOT / course.FIRST_LESSON).exists()


def test_in_a_container_jupyterlab_starts_as_root_and_elsewhere_it_keeps_its_own_rule() -> None:
    assert "--allow-root" in course.lab_arguments(root=True)
    assert "--allow-root" not in course.lab_arguments(root=False)


def test_everything_that_nbgrader_adds_to_jupyterlab_is_switched_off(tmp_path: Path) -> None:
    course.leave_grader_out_of_lab(tmp_path)
    installed = Path(sys.prefix)
    extension = "jupyter_server_config.d"
    theirs = json.loads((installed / "etc/jupyter" / extension / "nbgrader.json").read_text())["ServerApp"]
    ours = json.loads((tmp_path / "etc/jupyter" / extension / "zz-course.json").read_text())["ServerApp"]
    assert ours["jpserver_extensions"] == dict.fromkeys(theirs["jpserver_extensions"], False)
    assert "zz-course.json" > "nbgrader.json", "of two files that speak of the same, Jupyter takes the last"
    pages = json.loads((tmp_path / "etc/jupyter/labconfig/page_config.json").read_text())
    assert [name for name in pages["disabledExtensions"] if (installed / "share/jupyter/labextensions" / name).is_dir()]
