"""Grading a class: whatever is handed in, each submission gets what it should, and none touches another."""

from __future__ import annotations

import copy
import csv
import inspect
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
import zipfile
from dataclasses import replace

import nbformat
import numpy as np
import psutil
import pytest
from nbformat import NotebookNode
from nbgrader.api import Gradebook as NbgraderBook
from nbgrader.tests import run_nbgrader

from exercises.grading import (
    exercise,
    feedback,
    grade,
    gradebook,
    intake,
    lookalikes,
    sandbox,
    sandbox_reader,
    sandbox_runner,
    scoring,
)
from exercises.grading.classroom import Classroom, Roster
from exercises.grading.classroom import main as derive_command
from exercises.grading.exercise import ExerciseError
from exercises.grading.gradebook import Gradebook
from exercises.grading.sandbox import Limits, Sandbox
from exercises.grading.scoring import Mark, Result
from lessonlib import comparing, metrics
from tools import rehearsal, specimens

STEM = "exercise_01_horse_or_dog"
OTHER = "exercise_02_four_quadrants"
SOURCE = exercise.SOURCES / f"{STEM}.py"
SECRET = "a secret for the tests only"
ROOT = exercise.FOLDER.parent

isolated = pytest.mark.needs("bwrap")
their_warnings = pytest.mark.filterwarnings("ignore")  # of nbgrader and SQLAlchemy, about themselves


@pytest.fixture(scope="module")
def classroom(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "c"
    return Classroom.make(folder, [SOURCE, SOURCE.with_stem(OTHER)], secret=SECRET)


@pytest.fixture
def fresh(classroom, tmp_path):
    """A class in which nothing is graded yet."""
    left_out = shutil.ignore_patterns("results", "feedback*", "*.csv")
    return Classroom.open(shutil.copytree(classroom.folder, tmp_path / "class", ignore=left_out))


@pytest.fixture(scope="module")
def source():
    return exercise.read(SOURCE)


@pytest.fixture(scope="module")
def release(classroom):
    return specimens.released(classroom.folder, STEM)


@pytest.fixture(scope="module")
def full(source, release):
    return specimens.solved(source, release)


def graded_cells(notebook):
    """Return the cells that nbgrader knows, by their grade_id."""
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}


def put(path, notebook):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(notebook if isinstance(notebook, bytes) else specimens.to_bytes(notebook))
    return path


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def points(classroom):
    return {row["student"]: float(row["points"]) for row in table(classroom.folder / "grades.csv")}


def run_grade(folder, classroom, *words):
    return grade.main([str(folder), "--class", str(classroom.folder), "--seconds", "30", *words])


# -------------------------------------------------------------------------------------------------------- a whole class


@pytest.fixture(scope="module")
def graded(source, classroom, release):
    """A class with every attack and every damage, and honest work beside it, graded by the command."""
    honest = specimens.specimens(source, release)[:6]
    chosen = [(STEM, specimen) for specimen in [*honest[:3], *specimens.attacks(source, release), *honest[3:]]]
    folder = classroom.folder / "handed-in"
    expected = rehearsal.hand_in(chosen, folder)
    (classroom.folder / "students.csv").write_text("".join(f"{student}\n" for student, _ in expected))
    assert run_grade(folder, classroom, "--memory-gb", "2", "--seconds", "20", "--cores", "2") == 0
    return folder, expected, Gradebook.open(classroom.folder)


@isolated
def test_every_submission_gets_what_it_should_beside_all_the_attacks(graded):
    _, expected, book = graded
    assert rehearsal.mistakes(book, expected) == []


@isolated
def test_what_is_graded_is_not_graded_again(graded, classroom, capsys):
    folder, _, _ = graded
    before = {path: path.stat().st_mtime_ns for path in (classroom.folder / "results").rglob("*.json")}
    assert run_grade(folder, classroom) == 0
    assert "to grade" not in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in (classroom.folder / "results").rglob("*.json")} == before


@isolated
def test_each_learner_gets_a_page_and_the_pages_are_packed_under_the_names_of_the_download(graded, classroom):
    _, expected, _ = graded
    name = next(name for name, specimen in expected.items() if specimen.title.startswith("overflows"))
    text = (classroom.folder / "feedback" / name[0] / STEM / f"{STEM}.html").read_text(encoding="utf-8")
    assert "A known mistake:</strong> overflows: the largest logit is not subtracted" in text
    assert "Expected" in text
    assert "Hint." in text
    with zipfile.ZipFile(classroom.folder / f"feedback-{STEM}.zip") as packed:
        assert packed.read(f"{name[0]}_{STEM}.html").decode() == text


# ------------------------------------------------------------------------------------------------------- the isolation


def try_inside(box, code, *names):
    """Run code in the sandbox and return the values of names."""
    question = {"names": list(names), "calls": None, "library": []}
    outcome = box.run([{"run": code}], [question])
    found = [line["got"][0] for line in outcome.lines if "got" in line]
    return (comparing.from_json(found[0]) if found else None), outcome


@isolated
def test_nothing_is_seen_but_what_is_listed_and_nothing_is_written_but_the_own_folder(tmp_path):
    (tmp_path / "secret.txt").write_text("the teacher's")
    code = f"""
import os, glob
root = sorted(os.listdir("/"))
seen = [place for place in {[str(tmp_path), str(ROOT), str(ROOT / "exercises"), os.path.expanduser("~/.ssh")]!r}
        if os.path.exists(place) and set(os.listdir(place)) - {{".venv", ".pyenv"}}]
written = []
for place in ("/", "/usr", "/dev", "/course", "/proc/sys/kernel", os.path.dirname(os.__file__)):
    try:
        open(place + "/x", "w")
        written.append(place)
    except OSError:
        pass
others = [p for p in glob.glob("/proc/[0-9]*/cmdline") if b"pytest" in open(p, "rb").read()]
sockets = [p for p in ("/run", "/var/run", "/tmp/.X11-unix") if os.path.exists(p)]
capabilities = [l for l in open("/proc/self/status") if l.startswith("Cap") and int(l.split()[1], 16)]
"""
    with Sandbox.open([tmp_path]) as box:
        got, _ = try_inside(box, code, "seen", "written", "others", "sockets", "capabilities")
    assert got == {"seen": [], "written": [], "others": [], "sockets": [], "capabilities": []}


@isolated
def test_what_others_have_handed_in_to_nbgraders_exchange_is_not_seen(monkeypatch):
    monkeypatch.setattr(sandbox, "EXCHANGE", "/usr/share")  # as a full folder of /usr that every machine has
    with Sandbox.open([]) as box:
        code = "import os\nseen = os.listdir('/usr/share')\nwritten = os.access('/usr/share', os.W_OK)"
        assert try_inside(box, code, "seen", "written")[0] == {"seen": [], "written": False}


@isolated
def test_what_takes_another_one_s_core_or_memory_that_nobody_counts_is_refused():
    code = """
import ctypes, mmap, os, shutil, socket
def vmsplice(*arguments):
    if ctypes.CDLL(None, use_errno=True).vmsplice(*arguments) < 0:
        raise OSError(ctypes.get_errno())
os.close(os.open("copied", os.O_CREAT))
shutil.copyfile("copied", "copy")  # in the way that is left
limits = [line.split() for line in open("/proc/1/limits")]
first = {line[2]: line[3] for line in limits if line[:2] in (["Max", "open"], ["Max", "address"])}
refused = []
for name, action in {
    "core": lambda: os.sched_setaffinity(0, range(os.cpu_count())),
    "buffer": lambda: socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 10**7),
    "memory file": lambda: os.memfd_create("x"),
    "kernel's ciphers": lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET),
    "many files": lambda: [os.pipe() for _ in range(100)],
    "last to be ended": lambda: open("/proc/self/oom_score_adj", "wb", 0).write(b"0"),
    "memory of no file": lambda: mmap.mmap(-1, 4096),
    "memory left in a pipe": lambda: vmsplice(os.pipe()[1], None, 0, 0),
    "memory of zeros": lambda: mmap.mmap(os.open("/dev/zero", os.O_RDWR), 4096),
    "what the network's sockets hold": lambda: socket.create_server(("127.0.0.1", 0)),
}.items():
    try:
        action()
    except OSError:
        refused.append(name)
cores = len(os.sched_getaffinity(0))
"""
    with Sandbox.open([]) as box:
        got, _ = try_inside(box, code, "refused", "cores", "first")
    assert got["refused"] == [
        "core",
        "buffer",
        "memory file",
        "kernel's ciphers",
        "many files",
        "last to be ended",
        "memory of no file",
        "memory left in a pipe",
        "memory of zeros",
        "what the network's sockets hold",
    ]
    assert got["cores"] == 1
    # The engine's own process, which a submission could make do its work.
    assert got["first"] == {"files": str(Limits().files), "space": str(Limits().memory)}


@isolated
def test_whoever_makes_files_without_end_is_stopped():
    """Empty ones take no room on a disk, but the kernel's memory."""
    code = "import os, time\nfor name in range(20_000):\n    os.mknod(str(name))\ntime.sleep(5)"
    with Sandbox.open([]) as box:
        assert "more than 10000 files" in try_inside(box, code, "code")[1].ended


@isolated
def test_what_a_submission_starts_ends_with_it():
    code = 'import subprocess\nsubprocess.Popen(["sleep", "314159"], start_new_session=True)\nx = 1'
    with Sandbox.open([]) as box:
        assert try_inside(box, code, "x")[0] == 1
    assert not [one for one in psutil.process_iter(["cmdline"]) if "314159" in (one.info["cmdline"] or [])]


def test_without_an_engine_nothing_is_graded_and_the_teacher_reads_what_to_install(
    fresh, full, tmp_path, monkeypatch, capsys
):
    put(tmp_path / "in" / "ana" / f"{STEM}.ipynb", full)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert run_grade(tmp_path / "in", fresh) == 1
    assert "install bubblewrap" in capsys.readouterr().err
    assert not (fresh.folder / "grades.csv").exists()


def test_an_engine_that_does_not_isolate_is_not_used(monkeypatch):
    leaky = sandbox.Engine("leaky", str, sandbox.bare)
    monkeypatch.setattr(sandbox, "ENGINES", (leaky,))
    with pytest.raises(sandbox.SandboxError, match="does not isolate"), Sandbox.open([ROOT]):
        pass


def test_unsafe_says_so_in_every_result(fresh, full, tmp_path, monkeypatch):
    put(tmp_path / "in" / "ana" / f"{STEM}.ipynb", full)
    assert run_grade(tmp_path / "in", fresh, "--unsafe-no-isolation") == 0
    (row,) = table(fresh.folder / "grades.csv")
    assert float(row["points"]) == 16
    assert "without isolation" in row["notes"]


def test_the_container_engine_asks_for_what_it_promises(tmp_path, monkeypatch):
    """No engine runs here: a stand-in shows how it is called, and that its container is ended by name."""
    log = tmp_path / "log"
    fake = tmp_path / "docker"
    fake.write_text(f'#!/bin/sh\necho "$@" >> {log}\n[ "$1" = run ] && sleep 60\nexit 0\n')
    fake.chmod(0o755)
    monkeypatch.setattr(sandbox, "container_program", lambda: str(fake))
    box = Sandbox(sandbox.ENGINES[1], tmp_path, Limits(seconds=1), threading.Event())
    assert "stopped after 1 s" in box.run([], []).ended
    run, kill = log.read_text().splitlines()
    for promised in ("--network none", "--read-only", "--cap-drop ALL", "--user 65534", "--memory", "--pids-limit"):
        assert promised in run
    assert kill == f"kill {run.split('--name ')[1].split()[0]}"


def sleeps():
    """Tell whether the submission that sleeps has come that far."""
    return any("271828" in (one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"]))


@pytest.mark.parametrize("word", ["SIGTERM", "SIGKILL"])
@isolated
def test_stopped_at_any_moment_nothing_goes_on_running_and_it_goes_on_where_it_was(fresh, full, tmp_path, word):
    sleeper = copy.deepcopy(full)
    sleeper.cells.append(nbformat.v4.new_code_cell("import subprocess\nsubprocess.run(['sleep', '271828'])"))
    for number in range(3):
        other = copy.deepcopy(full)
        other.cells.append(nbformat.v4.new_code_cell(f"mine = {number}"))
        put(tmp_path / "in" / f"a{number}" / f"{STEM}.ipynb", other)
    put(tmp_path / "in" / "0" / f"{STEM}.ipynb", sleeper)  # runs from the start, beside the others
    command = [sys.executable, "-m", "exercises.grading.grade", str(tmp_path / "in"), "--class", str(fresh.folder)]
    results = fresh.folder / "results" / STEM
    command += ["--cores", "2", "--seconds", "600"]  # far more than the sleeper would get to end by itself
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not (list(results.glob("a*.json")) and sleeps()):
            time.sleep(0.05)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(getattr(signal, word))
    done = {path: path.stat().st_mtime_ns for path in results.glob("a*.json")}
    assert psutil.wait_procs(family, timeout=30)[1] == []
    assert done
    (tmp_path / "in" / "0" / f"{STEM}.ipynb").unlink()
    assert run_grade(tmp_path / "in", fresh) == 0
    assert points(fresh) == {"a0": 16, "a1": 16, "a2": 16}
    assert {path: path.stat().st_mtime_ns for path in done} == done


@pytest.mark.skipif(os.name != "posix", reason="Windows ends a process without asking it")
def test_told_to_stop_it_stops_where_another_thread_takes_the_signal_too():
    """A thread that starts a process may take it; the main one, waiting for good, would not wake."""
    program = """
import pathlib, signal, subprocess
from exercises.grading import sandbox
signal.signal(signal.SIGTERM, signal.default_int_handler)
box = sandbox.Sandbox(sandbox.NO_ENGINE, pathlib.Path())

def work(_):
    while not box.stop.is_set():
        subprocess.run(["true"])

print("begins", flush=True)
box.each(work, range(4), 4)
"""
    for _ in range(5):
        with subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            process.stdout.readline()
            time.sleep(0.3)
            process.terminate()
            try:
                process.wait(timeout=15)
            finally:
                process.kill()


# ------------------------------------------------------------------------------------------------- one file costs one


@isolated
def test_links_pipes_folders_and_giants_cost_only_their_own_marks(fresh, full, tmp_path, capsys):
    name, evil = f"{STEM}.ipynb", tmp_path / "in"
    put(evil / "a_good" / name, full)
    for student in ("link", "chain", "pipe", "folder", "giant", "deep", "bytes", "bomb"):
        (evil / student).mkdir()
    (evil / "link" / name).symlink_to("../a_good/" + name)
    (evil / "chain" / name).symlink_to(fresh.folder / "secret.txt")
    (evil / "chain" / "loop").symlink_to(".")
    os.mkfifo(evil / "pipe" / name)
    (evil / "folder" / name).mkdir()
    with open(evil / "giant" / name, "wb") as file:
        file.truncate(40 * 2**30)
    (evil / "deep" / name).write_bytes(b'{"cells": ' + b"[" * 200_000)
    (evil / "bytes" / name).write_bytes(b"\xff\x00\xfe" * 1000)
    with zipfile.ZipFile(evil / "bomb" / f"{STEM}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.ipynb", b"[" * 200_000_000)
    put(evil / ("n" * 230) / name, full)
    put(evil / "q\nw\x1b[2J" / name, full)
    assert run_grade(evil, fresh) == 0
    got = points(fresh)
    assert {student for student, number in got.items() if number == 16} == {"a_good", "n" * 230, r"q\nw\x1b[2J"}
    assert sorted(student for student, number in got.items() if number == 0) == sorted(
        ["link", "chain", "pipe", "folder", "giant", "deep", "bytes", "bomb"]
    )
    assert "\x1b" not in capsys.readouterr().out


@isolated
def test_stopped_while_files_are_read_it_does_not_read_the_others(fresh, tmp_path):
    slow = {"cell_type": "code", "source": f"x = {'+'.join(['(a := 1)'] * 90)}\n" * 2000}  # some seconds each
    for number in range(20):
        put(tmp_path / "in" / f"s{number}" / f"{STEM}.ipynb", json.dumps({"cells": [slow]}).encode())
    command = [sys.executable, "-m", "exercises.grading.grade", str(tmp_path / "in"), "--class", str(fresh.folder)]
    with subprocess.Popen([*command, "--cores", "2"], cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        while not any("sandbox_reader" in str(one.info["cmdline"]) for one in psutil.process_iter(["cmdline"])):
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 130


def test_a_name_that_the_terminal_cannot_write_stops_nobody(fresh, full, tmp_path, monkeypatch):
    put(tmp_path / "in" / "Łukasz" / f"{STEM}.ipynb", full)
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    assert run_grade(tmp_path / "in", fresh, "--unsafe-no-isolation", "--list") == 0
    terminal.flush()
    assert rb"\u0141ukasz" in terminal.buffer.getvalue()


def test_where_nothing_can_be_written_the_teacher_reads_why(fresh, full, tmp_path, capsys):
    put(tmp_path / "in" / "ana" / f"{STEM}.ipynb", full)
    (fresh.folder / "results").write_text("no folder")
    assert run_grade(tmp_path / "in", fresh, "--unsafe-no-isolation") == 1
    assert str(fresh.folder / "results") in capsys.readouterr().err


def test_what_a_teacher_puts_beside_the_released_notebook_is_no_exercise(fresh):
    release = fresh.folder / "release" / STEM / f"{STEM}.ipynb"
    shutil.copy(release, release.with_name("Untitled.ipynb"))
    assert fresh.stems == [STEM, OTHER]


def test_an_error_of_the_grader_costs_one_submission_not_all(classroom, monkeypatch):
    monkeypatch.setattr(grade, "grade_one", lambda *arguments: 1 / 0)
    box = Sandbox(sandbox.ENGINES[0], classroom.folder, Limits(), None)
    result = grade._surely(intake.Handed("f", "ana", STEM), grade.Asked.of(classroom, STEM), box)
    assert (result.state, result.points, result.possible) == ("failed", 0, 19)
    assert "ZeroDivisionError" in result.notes[0]


# ------------------------------------------------------------------------------------------------------- plain nbgrader


def as_nbformat_3(notebook):
    old = [
        {"cell_type": "code", "input": cell.source, "language": "python", "outputs": [], "metadata": cell.metadata}
        if cell.cell_type == "code"
        else {"cell_type": "markdown", "source": cell.source, "metadata": {}}
        for cell in notebook.cells
    ]
    return json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": old}]}).encode()


#: What learners put in front of an answer; each must cost nothing.
HARMLESS = [
    "%matplotlib inline",
    "%matplotlib widget",
    "%matplotlib notebook",
    "%pylab inline",
    "get_ipython().kernel",
    "!ls | head -1",
    "%pip install -q numpy",
    "import asyncio\nawait asyncio.sleep(0)",
    "name = input('your name? ')",
    "import numpy as np\nnp.seterr(all='raise')",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('a.png')\nplt.show()",
    "import ipywidgets\nipywidgets.interact(lambda x: x, x=(0, 5))",
    "import os\nos.chdir('/')\nos.environ['HOME'] = '/nowhere'",
]


@isolated
def test_what_learners_do_to_a_right_notebook_costs_nothing(fresh, source, full, tmp_path):
    """The right notebooks of a week: each gets what plain nbgrader gives it, or more."""

    def changed(action):
        notebook = copy.deepcopy(full)
        action(notebook, graded_cells(notebook))
        return notebook

    def extended(notebook, cells):
        cells["loss_and_accuracy"].source = cells["loss_and_accuracy"].source.replace(
            "dtype=float", "dtype=np.longdouble"
        )

    def imported_at_the_end(notebook, cells):
        notebook.cells.append(
            nbformat.v4.new_code_cell("from math import floor\nreason = 'a note to myself'\n%reset -f")
        )

    def all_in_the_first(notebook, cells):
        names = ("loss_and_accuracy", "floor", "dearest_right", "gradient")
        cells["softmax"].source += "".join("\n\n" + cells[name].source for name in names)
        for name in names:
            cells[name].source = ""

    def data_used(notebook, cells):
        data = next(cell for cell in notebook.cells if "n_pictures, n_kinds = 200, 4" in cell.source)
        data.source += "\nZ = network.copy()"
        cells["best_scale"].source = cells["best_scale"].source.replace("network", "Z")

    def helper_below(notebook, cells):
        cells["floor"].source = "def floor(n_classes):\n    return _floor(n_classes)"
        notebook.cells.append(nbformat.v4.new_code_cell("def _floor(k):\n    return np.log(1 + (k - 1) / np.e)"))

    def text_cell(notebook, cells):
        cells["floor"].cell_type = "markdown"
        for name in ("outputs", "execution_count"):
            cells["floor"].pop(name)

    def other_seed(notebook, cells):
        cell = next(cell for cell in notebook.cells if "CLASS_SEED =" in cell.source)
        cell.source = exercise.with_class_seed(cell.source, 12345)

    def colab(notebook, cells):
        notebook.nbformat_minor = 0
        for cell in notebook.cells:
            cell.pop("id")
            cell.metadata.clear()
        notebook.cells.insert(
            0,
            nbformat.from_dict(
                {
                    "cell_type": "code",
                    "source": "from google.colab import drive\n%cd /content",
                    "metadata": {},
                    "outputs": [],
                    "execution_count": None,
                }
            ),
        )

    def copied_check(notebook, cells):
        notebook.cells.append(NotebookNode(cells["check-floor"] | {"id": "copy", "source": cells["floor"].source}))
        cells["floor"].source = "floor = None"

    handed = {
        action.__name__: changed(action)
        for action in (
            copied_check,
            extended,
            imported_at_the_end,
            all_in_the_first,
            data_used,
            helper_below,
            text_cell,
            other_seed,
            colab,
        )
    }
    handed["nbformat 3"] = as_nbformat_3(full)
    left = list(HARMLESS)
    while left:
        notebook = copy.deepcopy(full)
        for name, cell in graded_cells(notebook).items():
            if name in source.answer_cells() and left:
                cell.source = f"{left.pop(0)}\n{cell.source}"
        handed[f"harmless, {len(left)} left"] = notebook
    for student, notebook in handed.items():
        put(tmp_path / "in" / student / f"{STEM}.ipynb", notebook)
    assert run_grade(tmp_path / "in", fresh) == 0
    lost = {student: number for student, number in points(fresh).items() if number < 16}
    assert lost == {}, {s: Gradebook.open(fresh.folder).attempts(s, STEM)[0].cell_errors for s in lost}


@pytest.fixture
def command(monkeypatch):
    """Return a function that runs a command line of the teacher's guide in a folder, and in this process."""
    mains = {"derive": derive_command, "grade": grade.main, "cycle": rehearsal.main}
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable), prepend=os.pathsep)  # nbgrader starts alembic

    def run(words, folder):
        monkeypatch.chdir(folder)
        if words[0] == "nbgrader":
            run_nbgrader(words[1:])
        else:
            assert words[:2] == ["python3", "course.py"]
            assert mains[words[2]](words[3:]) == 0

    return run


@their_warnings
def test_plain_nbgrader_grades_what_is_derived(command, source, full, release, tmp_path):
    """A school with nbgrader in its JupyterHub needs nothing of ours but the course itself."""
    wrong = next(one for one in specimens.specimens(source, release) if one.title.startswith("overflows"))
    school = Classroom.make(tmp_path / "school", [SOURCE], secret=SECRET)
    handed_in = {"ana": specimens.to_bytes(full), "bo": wrong.content, "cy": specimens.to_bytes(release)}
    for student, content in handed_in.items():
        put(school.folder / "submitted" / student / STEM / f"{STEM}.ipynb", content)
    command(["nbgrader", "generate_assignment", STEM, "--force"], school.folder)
    theirs = specimens.released(school.folder, STEM)
    assert [cell.source for cell in theirs.cells] == [cell.source for cell in release.cells]
    command(["nbgrader", "autograde", STEM], school.folder)
    with NbgraderBook(f"sqlite:///{school.folder}/gradebook.db", "loss-and-accuracy") as book:
        scores = {one.student.id: one.score for one in book.assignment_submissions(STEM)}
    assert scores == {"ana": 16, "bo": 14, "cy": 0}


# ------------------------------------------------------------------------------------------------------- the guide


def commands_of_the_guide(language):
    guide = (ROOT / "docs" / "teachers-guide.md").read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{language}\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line, comments=True) for line in "".join(blocks).splitlines()]
    return [words for words in lines if words]


@isolated
def test_every_command_of_the_teachers_guide_runs(command, source, tmp_path):
    derive, *others = commands_of_the_guide("bash")
    command(derive, tmp_path)
    classroom = Classroom.open(tmp_path / "coursework")
    solved = specimens.solved(source, specimens.released(classroom.folder, STEM))
    next(cell for cell in solved.cells if "Write your explanation" in cell.source).source = "It claims less."
    put(tmp_path / "handed-in" / "Ada Lovelace" / f"{STEM}.ipynb", solved)
    guide = (ROOT / "docs" / "teachers-guide.md").read_text(encoding="utf-8")
    corrections = re.search(r"^```csv\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)[1]
    for words in others:
        command(words, tmp_path)
        if not (classroom.folder / "corrections.csv").exists() and (classroom.folder / "to-mark.csv").exists():
            assert table(classroom.folder / "to-mark.csv")[0]["text"] == "It claims less."
            (classroom.folder / "corrections.csv").write_text(corrections)
    (row,) = [row for row in table(classroom.folder / "grades.csv") if row["exercise"] == STEM]
    assert (row["student"], row["points"], row["possible"]) == ("Ada Lovelace", "17.5", "19")
    assert table(classroom.folder / "to-mark.csv") == []


@their_warnings
@isolated
def test_nbgraders_exchange_takes_the_notebooks_there_and_the_pages_back(command, fresh, tmp_path):
    exchange, learner = tmp_path / "exchange", tmp_path / "learner"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)
    learner.mkdir()
    with open(fresh.folder / "nbgrader_config.py", "a") as file:
        file.write(f"c.CourseDirectory.root = {str(fresh.folder)!r}\nc.Exchange.root = {str(exchange)!r}\n")
    here = [f"--Exchange.root={exchange}", f"--Exchange.cache={tmp_path / 'cache'}"]
    for words in commands_of_the_guide("sh"):
        if "collect" in words:
            for step in ("fetch_assignment", "submit"):
                command(["nbgrader", step, STEM, "--course", "loss-and-accuracy", *here], learner)
        command(words, fresh.folder)
    assert list(exchange.rglob("feedback/*.html"))


# -------------------------------------------------------------------------------------------------- what is kept secret


def test_another_class_has_other_numbers_and_other_hidden_tests(source):
    here, there = (exercise.answer_key(source, secret) for secret in (SECRET, "of another class"))
    changed = [
        mine.name
        for mine, theirs in zip(here, there, strict=True)
        if exercise.judge(mine, [case.expected for case in theirs.cases])
    ]
    assert set(changed) >= {"softmax", "loss_and_accuracy", "verdicts", "gradient", "best_scale"}


def test_what_is_handed_out_holds_neither_secret_nor_hidden_test(classroom):
    text = (classroom.folder / "release" / STEM / f"{STEM}.ipynb").read_text(encoding="utf-8")
    assert SECRET not in text
    assert "HIDDEN" not in text
    assert f"CLASS_SEED = {exercise.class_seed_of(SECRET)}" in text


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps the folders of users apart by itself")
def test_other_users_of_the_machine_do_not_see_the_class(classroom):
    assert classroom.folder.stat().st_mode & 0o077 == 0


def test_a_submission_is_told_inputs_and_never_what_is_expected(classroom):
    for stem in (STEM, OTHER):
        asked = grade.Asked.of(classroom, stem)
        told = json.dumps(asked.questions)
        assert "expected" not in told
        for key in asked.keys:
            for case in key.cases if key.draw else ():
                expected = comparing.to_json(case.expected)
                assert not isinstance(expected, dict) or json.dumps(expected) not in told


def test_a_page_does_not_tell_the_class_own_values(classroom, source):
    """Else the next hand-in holds them as literals."""
    for key in classroom.key(STEM):
        if key.draw is None:
            wrong = scoring.mark(key, {"got": [{"dict": {"best_scale": 0.7, "accuracy_gain": 3, "reason": "no"}}]}, "")
            expected = key.cases[0].expected
            numbers = expected.values() if isinstance(expected, dict) else []
            assert wrong.fault
            assert not [value for value in numbers if f" {value}" in wrong.shown]


def test_a_folder_without_a_secret_is_no_class(tmp_path):
    with pytest.raises(ExerciseError, match=r"no secret\.txt.*derive --class"):
        Classroom.open(tmp_path)
    (tmp_path / "secret.txt").write_text("short")
    with pytest.raises(ExerciseError, match="5 characters"):
        Classroom.open(tmp_path)


# ------------------------------------------------------------------------------------------------- the state of a class


@pytest.fixture
def unsafe(fresh, tmp_path, monkeypatch):
    """Return a function that hands in and grades, quickly, what these tests themselves have made."""
    folder = tmp_path / "in"

    def hand_in(student, notebook, *words, day=1):
        path = put(folder / student / f"{STEM}.ipynb", notebook)
        os.utime(path, (time.mktime((2026, 10, day, 12, 0, 0, 0, 0, -1)),) * 2)
        assert run_grade(folder, fresh, "--unsafe-no-isolation", *words) == 0
        return points(fresh)

    return hand_in


def without(notebook, *names):
    other = copy.deepcopy(notebook)
    for name in names:
        graded_cells(other)[name].source = ""
    return other


def test_grades_are_kept_over_runs_corrected_by_hand_late_and_extended(unsafe, fresh, full, tmp_path, capsys):
    (fresh.folder / "class.toml").write_text(
        f"attempts = 2\nlost_per_day = 0.25\nlost_at_most = 0.5\n[due]\n{STEM} = 2026-10-02T12:00:00\n"
        f"[extensions.bo]\n{STEM} = 2026-10-09T12:00:00\n"
    )
    (fresh.folder / "students.csv").write_text(
        "name,ID,SIS User ID,Email address\nana,7,s7,a@x\nbo,8,s8,b@x\ncy,9,s9,c@x\n"
    )
    assert unsafe("ana", without(full, "floor", "gradient")) == {"ana": 12, "bo": 0, "cy": 0}
    # a corrected hand-in counts when it is better, late as it is
    assert unsafe("ana", full, day=3)["ana"] == 12
    shutil.rmtree(tmp_path / "in" / "ana")
    assert unsafe("bo", without(full, "floor"), day=8) == {"ana": 12, "bo": 14, "cy": 0}
    # no third attempt
    assert unsafe("ana", without(full, "softmax"), day=1)["ana"] == 12
    assert "the first 2 count" in capsys.readouterr().out
    corrected = f"student,exercise,question,points,reason\nbo,1,floor,1.5,right idea\nana,{STEM},gradient,2,\n"
    (fresh.folder / "corrections.csv").write_text(corrected)
    assert unsafe("bo", without(full, "floor"), "--again", day=8) == {"ana": 14, "bo": 15.5, "cy": 0}
    page = (fresh.folder / "feedback" / "bo" / STEM / f"{STEM}.html").read_text()
    assert "right idea (marked by your teacher)" in page
    title = "Exercise 1 · What loss and accuracy measure"
    canvas = {
        row["Student"].strip(): (row["ID"], row["SIS User ID"], row[title])
        for row in table(fresh.folder / "for-canvas.csv")
    }
    assert canvas["bo"] == ("8", "s8", "15.5")
    assert canvas["cy"][2] in ("0", "0.0")
    moodle = {row["Email address"]: row[title] for row in table(fresh.folder / "for-moodle.csv")}
    assert moodle["b@x"] == "15.5"


def test_one_learner_is_graded_anew_and_no_other(unsafe, fresh, full):
    for student in ("ana", "bo"):
        unsafe(student, full)
        book = Gradebook.open(fresh.folder)
        (kept,) = book.attempts(student, STEM)
        book.add(replace(kept, marks=[replace(mark, points=0, fault="spoilt") for mark in kept.marks]))
    assert unsafe("ana", full, "--again", "--student", "ana") == {"ana": 16, "bo": 0}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("corrections.csv", "student,exercise,question,points\nana,1,flour,2\n", "line 2.*asks.*floor"),
        ("corrections.csv", "student,exercise,question,points\nana,1,floor,two\n", "line 2"),
        ("corrections.csv", "student,exercise,question,points\nana,1,floor,nan\n", "line 2.*nan points"),
        ("class.toml", "atempts = 2\n", "class.toml"),
        ("class.toml", "[due]\nx = 'Friday'\n", "Times look like"),
        ("students.csv", "ana\nana\n", "two learners are called 'ana'"),
        ("students.csv", "José\n", "not in UTF-8"),
        ("corrections.csv", "José\n", "not in UTF-8"),
        ("class.toml", "# é", "class.toml is not understood"),
    ],
)
def test_what_a_teacher_wrote_and_nobody_understands_is_named(tmp_path, name, text, said):
    (tmp_path / name).write_text(text, encoding="latin-1")
    with pytest.raises(ExerciseError, match=said):
        Gradebook.open(tmp_path)


def test_tables_may_have_semicolons(tmp_path):
    (tmp_path / "students.csv").write_text("name;ID\n\nLovelace, Ada;7\n")
    heading = "student;exercise;question;points;reason"
    (tmp_path / "corrections.csv").write_text(f"{heading}\nLovelace, Ada;1;floor;1.5;so, so\n")
    book = Gradebook.open(tmp_path)
    assert book.roster.rows == {"Lovelace, Ada": {"name": "Lovelace, Ada", "id": "7"}}
    assert book.corrections == {("Lovelace, Ada", STEM, "floor"): (1.5, "so, so")}


def test_a_copy_of_a_result_counts_nobody_twice(tmp_path):
    book = Gradebook.open(tmp_path)
    book.add(Result("ana", STEM, "graded", [Mark("floor", 2, 2)]))
    place = tmp_path / "results" / STEM
    shutil.copy(place / "ana.json", place / "ana (copy).json")
    shutil.copytree(place, tmp_path / "results" / "kept")
    assert [one.result.student for one in book.entries()] == ["ana"]


def test_a_table_runs_no_formula(tmp_path):
    names = ["=1+1", "@x", "ana", "", "＝1", "Bo;=1+1", "why\n=1+1\r\t=1", "a-b; 7"]
    safe = ["'=1+1", "'@x", "ana", "", "'＝1", "Bo;'=1+1", "why\n'=1+1\r'\t'=1", "a-b; 7"]
    gradebook.write_csv(tmp_path / "t.csv", ["student"], [[name] for name in names])
    with open(tmp_path / "t.csv", encoding="utf-8", newline="") as file:
        assert [row["student"] for row in csv.DictReader(file)] == safe


def test_names_that_cannot_be_shown_stay_different():
    names = ["a\nb", r"a\nb", "a\udcffb", r"a\udcffb", "a\\\nb", "ab"]
    assert len({intake.printable(name) for name in names}) == len(names)


def test_two_learners_never_share_a_file():
    names = [
        "Ada Lovelace",
        "Ada_Lovelace",
        "../x",
        "..",
        ".",
        "",
        "a/b",
        "a\\b",
        "a:b",
        "🙂",
        "💡",
        "n" * 300,
        "n" * 301,
        "漢" * 85,
        "𐌰" * 63,
    ]
    names += [gradebook.file_name(name) for name in names if gradebook.file_name(name) != name]  # as a rogue is called
    files = [gradebook.file_name(name) for name in names]
    assert len({name.casefold() for name in files}) == len(names)
    assert max(len(name.encode()) for name in files) + len(".." + "0" * 16 + ".json.part") <= 255
    assert not [name for name in files if "/" in name or "\\" in name or (name.startswith("..") and len(name) < 4)]
    devices = {"aux": "aux", "NUL": "nul", "con.x": "con", "Com1": "com1"}  # as which Windows opens no file
    assert not [name for name in devices if gradebook.file_name(name).split(".")[0].casefold() == devices[name]]


# ----------------------------------------------------------------------------------------------- understanding, or not


def test_a_copied_solution_and_look_alikes_are_shown_and_short_programs_are_not(source, classroom, full):
    def shapes(cells):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells])
        content = specimens.to_bytes(notebook)
        return [shape for cell in sandbox_reader.notebook(content)["cells"] for shape in cell["shapes"]]

    answers = source.answer_cells()
    copied = answers["gradient"].source.replace("powers", "e").replace("probabilities", "p").replace("### ", "# ")
    own = (
        "def loss_and_accuracy(y, z):\n    total = 0\n    for a, b in zip(y, z):\n"
        "        total += np.log(np.exp(b).sum()) - b[a]\n    return total / len(y), 1"
    )
    renamed = re.sub(r"\by\b", "labels", own).replace("total", "s")
    short = "def floor(k):\n    return np.log(1 + (k - 1) / np.e)"
    handed = {"ana": [copied, short], "bo": [own, short], "cy": ["# mine\n" + renamed, short]}
    results = [Result(name, STEM, "graded", [], shapes=shapes(cells)) for name, cells in handed.items()]
    found = lookalikes.find(results, source, [])
    assert [row[1:4] for row in found] == [
        ["ana", "the published solution", "gradient"],
        ["bo; cy", "each other", "loss_and_accuracy"],
    ]


# -------------------------------------------------------------------------------------------------- finding submissions


@pytest.fixture(scope="module")
def reading_box(classroom):
    with Sandbox.open([], unsafe=True) as box:
        yield box


def surveyed(folder, classroom, box, roster=None, **options):
    return intake.survey(folder, classroom, roster or Roster({}), box, cores=2, **options)


LAYOUTS = {
    "nbgrader": {f"ana/{STEM}/{STEM}.ipynb": "ana", f"bo/{STEM}/{STEM}.ipynb": "bo"},
    "Moodle": {
        f"CS-Exercise 1-4711/Ana María_4006831_assignsubmission_file_/{STEM}.ipynb": "Ana María",
        "CS-Exercise 1-4711/Bo Li_4006832_assignsubmission_file_/Copy of exercise (2).ipynb": "Bo Li",
    },
    "Moodle, flat": {f"Bo Li_4006832_assignsubmission_file_{STEM}.ipynb": "Bo Li"},
    "Canvas": {
        f"lovelaceada_340934_208490284_{STEM}.ipynb": "lovelaceada",
        "turingalan_LATE_340935_208490299_homework-1.ipynb": "turingalan",
    },
    "Blackboard": {f"Ex 1_alovelace_attempt_2026-10-01-12-00-00_{STEM}.ipynb": "alovelace"},
    "GitHub Classroom": {
        f"ex1-submissions/ex1-ada/exercises/{STEM}.ipynb": "ada",
        f"ex1-submissions/ex1-alan/exercises/{STEM}.ipynb": "alan",
    },
    "GitHub Classroom, an assignment called Assignment 1": {
        f"assignment-1-submissions/assignment-1-ada/{STEM}.ipynb": "ada",
        f"assignment-1-submissions/assignment-1-eve/{STEM}_ada.ipynb": "eve",
    },
    "Teams": {
        f"Submitted files/Ada Lovelace/Exercise 1/Version 2/{STEM}.ipynb": "Ada Lovelace",
        f"Submitted files/Alan Turing/Exercise 1/Version 1/{STEM}.ipynb": "Alan Turing",
    },
    "Google Classroom": {f"Ada Lovelace - {STEM}.ipynb": "Ada Lovelace", f"{STEM}.ipynb - Bo.ipynb": "Bo"},
    "mail": {f"{STEM}.ipynb": "", f"{STEM} (1).ipynb": "", f"{STEM}_grace.ipynb": "grace"},
    "GitHub Classroom, logins with a hyphen": {f"ex1-ada/{STEM}.ipynb": "ada", f"ex1-a-l/{STEM}.ipynb": "a-l"},
    "GitHub Classroom, and Eve-Bo plays Bo": {
        f"ex1-submissions/ex1-ada/{STEM}.ipynb": "ada",
        f"ex1-submissions/ex1-eve-bo/ex1-eve-submissions/{STEM}.ipynb": "eve-bo",
    },
    "GitHub Classroom without the folder around, and Eve-Bo plays Bo": {
        f"ex1-ada/{STEM}.ipynb": "ada",
        f"ex1-eve-bo/ex1-eve-submissions/{STEM}.ipynb": "eve-bo",
    },
    "names with what stands for a zip elsewhere": {f"a!b/{STEM}.ipynb": "a!b", f"bo/!{STEM}.ipynb": "bo"},
    "GitHub Classroom, and Eve plays Bo": {
        f"ex1-ada/{STEM}.ipynb": "ada",
        f"ex1-eve/Bo_1_assignsubmission_file_/{STEM}.ipynb": "eve",
        "ex1-eve/Submitted files/Bo/other.ipynb": "eve",
    },
    "Canvas, and Eve plays Bo": {
        f"boli_2_457_{STEM}.ipynb": "boli",
        f"evemallory_3_456_x_boli_attempt_2030-01-01-00-00-00_{STEM}.ipynb": "evemallory",
        f"evemallory_3_458_x_2_assignsubmission_file_{STEM}.ipynb": "evemallory",
    },
    "Blackboard, and Eve plays Bo on no day of any calendar": {
        f"Ex 1_bo_attempt_2026-10-01-12-00-00_{STEM}.ipynb": "bo",
        f"Ex 1_eve_attempt_2026-10-02-12-00-00_x_bo_attempt_2030-01-01-00-00-00_{STEM}.ipynb": "eve",
        f"Ex 1_dan_attempt_2026-99-99-99-99-99_{STEM}.ipynb": "dan",
    },
    "upper case": {f"ana/{STEM.upper()}.IPYNB": "ana", f"bo/{STEM}.ipynb.txt": "bo"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_whose_a_file_is(tmp_path, classroom, full, reading_box, layout):
    for path in LAYOUTS[layout]:
        put(tmp_path / path, full)
    found = {one.file: (one.student, one.exercise) for one in surveyed(tmp_path, classroom, reading_box)}
    assert found == {path: (student, STEM) for path, student in LAYOUTS[layout].items()}


def test_every_file_is_accounted_for(tmp_path, classroom, full, reading_box):
    put(tmp_path / "ana" / "final version.ipynb", full)
    put(tmp_path / "ana" / f"{STEM}-old.ipynb", without(full, "floor"))
    os.utime(tmp_path / "ana" / f"{STEM}-old.ipynb", (0, 0))
    put(tmp_path / "ana" / ".ipynb_checkpoints" / f"{STEM}.ipynb", full)
    lesson = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import numpy as np\nprint('lesson one')")])
    put(tmp_path / "bo" / "01_horse_or_dog.ipynb", lesson)
    (tmp_path / "bo" / "notes.pdf").write_bytes(b"%PDF")
    put(tmp_path / "cy" / f"{STEM}.ipynb", b"not a notebook")
    for name in ("Ada Lovelace", "Ada_Lovelace"):
        put(tmp_path / name / f"{STEM}.ipynb", full)
    with zipfile.ZipFile(tmp_path / "ana" / "second.zip", "w") as archive:
        empty = specimens.released(classroom.folder, OTHER)
        archive.writestr(f"bo/{OTHER}.ipynb", specimens.to_bytes(empty))
        empty.cells.append(nbformat.v4.new_code_cell("later = True"))
        archive.writestr(f"bo/{OTHER} (2).ipynb", specimens.to_bytes(empty))
    found = {one.file: one for one in surveyed(tmp_path, classroom, reading_box)}
    fates = {file: (one.student, one.fate) for file, one in found.items()}
    assert fates == {
        "ana/final version.ipynb": ("ana", "counts"),
        f"ana/{STEM}-old.ipynb": ("ana", "superseded by ana/final version.ipynb"),
        "ana/.ipynb_checkpoints": ("", "ignored: hidden"),
        "bo/01_horse_or_dog.ipynb": ("", "ignored: no exercise of this class (a lesson, or another notebook)"),
        "bo/notes.pdf": ("", "ignored: no notebook"),
        f"cy/{STEM}.ipynb": ("cy", "counts"),
        f"Ada Lovelace/{STEM}.ipynb": ("Ada Lovelace", "counts"),
        f"Ada_Lovelace/{STEM}.ipynb": ("Ada_Lovelace", "counts"),
        f"ana/second.zip//bo/{OTHER} (2).ipynb": ("ana", "counts"),
        f"ana/second.zip//bo/{OTHER}.ipynb": ("ana", f"superseded by ana/second.zip//bo/{OTHER} (2).ipynb"),
    }
    assert "not a notebook" in found[f"cy/{STEM}.ipynb"].refused
    assert "collision" in found[f"Ada Lovelace/{STEM}.ipynb"].note


def test_whose_files_take_long_to_read_keeps_nobody_waiting(tmp_path, classroom, full, reading_box):
    put(tmp_path / "ana" / f"{STEM}.ipynb", full)
    for number in range(5):
        put(tmp_path / "bo" / f"{number}.ipynb", full)
    impatient = replace(reading_box, limits=Limits(seconds=0))
    fates = {one.file: one.fate for one in surveyed(tmp_path, classroom, impatient)}
    assert fates[f"ana/{STEM}.ipynb"] == "counts"
    told = "ignored: the other files of this learner took too long to read"
    assert [fates[f"bo/{number}.ipynb"] for number in (3, 4)] == [told] * 2


def test_no_folder_name_stops_the_others(tmp_path, classroom, full, reading_box, capsys):
    put(tmp_path / "ana" / f"{STEM}.ipynb", full)
    for name in (b"old", b"\xff\x1b[2J"):  # the one that counts is named by the other one
        path = tmp_path / "cy" / f"{STEM} {os.fsdecode(name)}.ipynb"
        put(path, full)
        os.utime(path, (len(name),) * 2)
    deep = tmp_path / "dora"
    deep.mkdir()
    for _ in range(1200):
        deep = deep / "d"
        deep.mkdir()
    found = surveyed(tmp_path, classroom, reading_box)
    fates = {one.file: one.fate for one in found}
    assert fates[f"ana/{STEM}.ipynb"] == "counts"
    grade.say_who(found, tmp_path)
    assert "\x1b" not in capsys.readouterr().out
    while deep != tmp_path:  # deeper than Python's own way to remove a tree goes
        deep.rmdir()
        deep = deep.parent


def test_two_whose_names_differ_in_case_get_files_that_differ_in_more(tmp_path, classroom, full, reading_box):
    for folder in ("Ada_1_assignsubmission_file_", "ada_2_assignsubmission_file_"):
        put(tmp_path / folder / f"{STEM}.ipynb", full)
    found = surveyed(tmp_path, classroom, reading_box)
    assert {one.student for one in found} == {"Ada (1)", "ada (2)"}


def test_a_learner_s_own_file_does_not_tell_when_it_was_handed_in(tmp_path, classroom, full, reading_box):
    put(tmp_path / "ana" / f"{STEM}.ipynb", full)
    (tmp_path / "ana" / "timestamp.txt").write_text("2001-01-01 00:00:00 UTC")
    (one,) = [one for one in surveyed(tmp_path, classroom, reading_box) if one.fate == "counts"]
    assert one.when == (tmp_path / "ana" / f"{STEM}.ipynb").stat().st_mtime


def test_whoever_hands_in_alone_plays_no_other_by_folders(tmp_path, fresh, full, reading_box):
    (fresh.folder / "students.csv").write_text("name\nBo Li\nEve\n")
    for folder in ("Bo Li_1_assignsubmission_file_", "Bo Li", "submission_1"):
        put(tmp_path / "in" / "Eve" / folder / f"{STEM}.ipynb", full)
    found = surveyed(tmp_path / "in", fresh, reading_box, Roster.load(fresh.folder / "students.csv"))
    assert {one.student for one in found} == {"Eve"}


def test_a_learner_who_is_called_as_a_folder_of_platforms_plays_no_other(tmp_path, fresh, full, reading_box):
    (fresh.folder / "students.csv").write_text("name\nbo\nsubmitter\n")
    for path in (f"bo/{STEM}/{STEM}.ipynb", f"submitter/{STEM}/{STEM}_bo.ipynb"):
        put(tmp_path / "in" / path, full)
    found = surveyed(tmp_path / "in", fresh, reading_box, Roster.load(fresh.folder / "students.csv"))
    assert [one.student for one in found] == ["bo", "submitter"]
    (fresh.folder / "students.csv").write_text("name,login\nbo,bo\nana,ana\neve,submittedfiles\n")
    for name in ("ana", "bo"):
        put(tmp_path / "teams" / "Submitted files" / name / "Exercise 1" / f"{STEM}.ipynb", full)
    found = surveyed(tmp_path / "teams", fresh, reading_box, Roster.load(fresh.folder / "students.csv"))
    assert [one.student for one in found] == ["ana", "bo"]


def test_a_roster_with_ids_joins_what_platforms_call_a_learner_and_who_csv_has_the_last_word(
    tmp_path, fresh, full, reading_box
):
    (fresh.folder / "students.csv").write_text('name,ID,Email address\n"Lovelace, Ada",340934,ada@x.org\nBo Li,2,\n')
    (fresh.folder / "who.csv").write_text(f"file,student,exercise\n{STEM} (1).ipynb,Bo Li,1\n")
    paths = {
        f"lovelaceada_340934_208490284_{STEM}.ipynb": "Lovelace, Ada",
        f"ada@x.org/{OTHER}.ipynb": "Lovelace, Ada",
        f"{STEM} (1).ipynb": "Bo Li",
        f"Eve/{STEM}.ipynb": "Eve",
    }
    for path in paths:
        put(tmp_path / "in" / path, full if STEM in path else specimens.released(fresh.folder, OTHER))
    found = surveyed(tmp_path / "in", fresh, reading_box, Roster.load(fresh.folder / "students.csv"))
    assert {one.file: one.student for one in found} == paths
    assert [one.student for one in found if one.note == "not in students.csv"] == ["Eve"]


# ---------------------------------------------------------------------------------------------------------- small parts


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("a = b = 1", {"a", "b"}),
        ("def f(): x = 1", {"f"}),
        ("def f():\n    global g\n    g = 1", {"f", "g"}),
        ("(c, [d, *e]) = 1, 2", {"c", "d", "e"}),
        ("import numpy as np\nfrom math import log", {"np", "log"}),
        ("for i in x:\n    j = i", {"i", "j"}),
        ("!ls\n%time k = 1\nm: int = 2\nn = !ls\nnp.exp?", {"k", "m", "n"}),
        ("%%time\ndef f(x): return x", {"f"}),
        ("def g(:\n   pass\nh = (", {"g", "h"}),
        ("x = (3\n%2)", {"x"}),
        ("n == 1", set()),
    ],
)
def test_the_names_that_a_cell_defines(code, names):
    assert sandbox_reader.defined_names(code, sandbox_reader.parse(code)) == names


@pytest.mark.parametrize("code", ["\n", " ", "% ", "= ", "a.b", "\n%", "def ", "(", "x=-", "1+"])
def test_no_cell_keeps_the_reader_busy(code):
    """Ten times the text takes about ten times as long; a hundred times would be a way to stop a class."""

    def seconds(times):
        cell = {"cell_type": "code", "source": f"x = (\n{code * times}"}
        started = time.process_time()
        sandbox_reader.notebook(json.dumps({"cells": [cell]}).encode())
        return time.process_time() - started

    assert min(seconds(20_000) for _ in range(3)) < 40 * max(0.01, min(seconds(2_000) for _ in range(3)))


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"got": None},
        {"got": 5},
        {"got": [{"array": ["x"], "shape": [1], "kind": "f"}]},
        {"got": [{"array": [1], "shape": [-7], "kind": "f"}]},
        {"got": [{"array": [1e400], "shape": [1], "kind": "i"}]},
        {"got": [{"unknown": 1}]},
        {"got": [[[[]]]], "error": 7},
        {"got": [float("nan")] * 9, "error": "x" * 9999},
    ],
)
def test_whatever_a_submission_tells_there_is_a_mark(classroom, told):
    for key in classroom.key(STEM):
        assert scoring.mark(key, told, "").points == 0


def test_no_answer_takes_more_memory_where_it_is_judged_than_where_it_was_given(classroom):
    """An array of text has for each item the room of the longest: here 400 MB."""
    told = {"got": [["x" * 100_000, *["a"] * 1000]]}
    for key in classroom.key(STEM):
        tracemalloc.start()
        assert scoring.mark(key, told, "").points == 0
        assert tracemalloc.get_traced_memory()[1] < 50e6
        tracemalloc.stop()


def test_more_text_than_is_read_is_not_taken_apart(monkeypatch):
    monkeypatch.setattr(sandbox_reader, "parse", lambda code: pytest.fail("it would take minutes"))
    cells = [{"cell_type": "code", "source": "a = 1\n" * 10_000}] * 50
    with pytest.raises(sandbox_reader.Refused, match="more than 2000000 characters"):
        sandbox_reader.notebook(json.dumps({"cells": cells}).encode())


def test_the_first_answer_counts_and_a_second_is_no_second_try(classroom, reading_box):
    """Neither asked again at the end nor written into the report by the submission itself."""
    (key,) = [key for key in classroom.key(STEM) if key.name == "verdicts"]
    right, wrong = list(key.cases[0].expected), ["cannot tell"] * 6
    plan = scoring.Plan([], {})
    for told, earned in (([wrong, right], 0), ([right, wrong], 3), ([[None] * 6, right], 3), ([None, right], 3)):
        lines = [{"question": "verdicts", "got": [one], "error": None} for one in told]
        result = scoring.result_of("ana", STEM, [key], sandbox.Outcome(lines, "", 0), plan)
        assert result.points == earned
    steps = [{"run": "x = 1"}, {"ask": "x"}, {"run": "x = 2"}, {"ask": "x"}]
    outcome = reading_box.run(steps, [{"names": ["x"], "calls": None, "library": []}])
    assert [line["got"] for line in outcome.lines if "got" in line] == [[1]]


def test_a_learner_reads_the_error_that_broke_a_question_and_not_answered_only_where_nothing_stands(
    unsafe, fresh, full, release
):
    broken = copy.deepcopy(full)
    cells = graded_cells(broken)
    cells["floor"].source = "def floor(n_classes):\n    return n_clases"
    cells["verdicts"].source = "verdicts = []\nfor k, accuracy in logs:\n    pass"
    cells["gradient"].source = "def gradient(labels, logits):\n    x = 1"
    cells["softmax"].source = graded_cells(release)["softmax"].source
    cells["loss_and_accuracy"].source = cells["loss_and_accuracy"].source.replace("losses.mean()", "losses.sum()")
    unsafe("ana", broken)
    marks = {mark.question: mark for mark in Gradebook.open(fresh.folder).entry("ana", STEM).result.marks}
    assert "NameError: name 'n_clases' is not defined" in marks["floor"].shown
    assert "ValueError: too many values to unpack" in marks["verdicts"].error
    assert "gives None" in marks["gradient"].shown
    assert marks["softmax"].shown == comparing.NO_ANSWER
    assert "Expected [" in marks["loss_and_accuracy"].shown


def test_two_arrays_that_differ_are_told_where(classroom):
    (key,) = [key for key in classroom.key(STEM) if key.name == "softmax"]
    wrong = [np.array(case.expected) for case in key.cases]
    wrong[0][1, 2] += 0.25
    said = exercise.judge(key, wrong)
    assert "1 of 12 numbers differ, first at [1, 2]" in said


def test_five_of_six_verdicts_earn_part_of_the_points_and_half_of_them_nothing(classroom):
    (key,) = [key for key in classroom.key(STEM) if key.name == "verdicts"]
    right = list(key.cases[0].expected)
    assert scoring.mark(key, {"got": [[*right[:5], "?"]]}, "").points == 2
    assert scoring.mark(key, {"got": [[*right[:3], "?", "?", "?"]]}, "").points == 0
    assert scoring.mark(key, {"got": [right]}, "").points == 3


def test_a_page_escapes_what_a_learner_wrote():
    evil = "<script>alert(1)</script>"
    result = Result(evil, STEM, "graded", [Mark("softmax", 0, 2, evil, evil, evil, evil, evil)], [evil], [evil])
    assert "<script>" not in feedback.page(gradebook.Entry(result, 1, 0, 0, False), evil)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--cores=0", "0 is too little: give 1 or more"),
        ("--seconds=0", "0 is too little: give 10 or more"),
        ("--memory-gb=nan", "nan is too little: give 1 or more"),
        ("--cores=two", "invalid"),
    ],
)
def test_limits_under_which_nothing_could_run_are_refused(word, message, capsys):
    with pytest.raises(SystemExit):
        grade.main(["handed-in", word])
    assert message in capsys.readouterr().err


def test_a_call_that_takes_too_long_is_interrupted():
    def forever():
        while True:
            pass

    answer, failure = sandbox_runner.attempt(forever, 0.2)
    assert answer is None
    assert "endless loop" in failure


def test_arguments_that_an_answer_changes_are_fresh_in_the_next_call():
    def greedy(numbers):
        numbers.append(1)
        return len(numbers)

    question = {"names": ["greedy"], "calls": [[[5]], [[5]]], "library": []}
    assert sandbox_runner.collect({"greedy": greedy}, question, 5)["got"] == [2, 2]


def test_what_a_question_asks_to_write_refuses_and_gives_no_way_to_what_it_wraps(monkeypatch):
    path = "lessonlib.metrics.softmax"
    monkeypatch.setattr(metrics, "softmax", metrics.softmax)  # put back what `guard` replaces
    monkeypatch.setattr(sandbox_runner, "FORBIDDEN", {path})
    sandbox_runner.guard(path)
    with pytest.raises(comparing.NotRight, match="asks you to write"):
        metrics.softmax([[0.0, 1.0]])
    assert inspect.unwrap(metrics.softmax) is metrics.softmax
    sandbox_runner.FORBIDDEN.clear()
    assert np.allclose(metrics.softmax([[0.0, 0.0]]), 0.5)


@pytest.mark.parametrize("secret", ["a secret of sixteen or more", "another of sixteen or more"])
def test_a_known_mistake_is_recognised_in_any_class_and_other_code_for_the_same_is_too(secret, tmp_path):
    (key,) = [key for key in Classroom(tmp_path, secret).key(STEM) if key.name == "floor"]
    sizes = [case.arguments[0] for case in key.cases]
    assert exercise.recognise(key, [np.log2(n) / np.log2(np.e) for n in sizes]) == "the cost of guessing"
    assert exercise.recognise(key, [*np.log(sizes[:-1]), 7.0]) == ""
    assert exercise.recognise(key, []) == ""
