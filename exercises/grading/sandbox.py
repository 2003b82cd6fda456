"""Run a stranger's notebook so that it can harm nobody: what `grade` uses, and the promises it makes.

A submission runs in processes of its own, with limits of time, memory, files and processes, and where the system allows
it (Linux, most often) without network, with every file read-only but a small folder that goes away, and without the
teacher's folders. `Sandbox.open` finds out by trying what the system allows, and `Sandbox.promises` says it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

#: How often a running submission is looked at, seconds.
LOOK_EVERY = 0.1

#: A submission that tells more than this is stopped.
LONGEST_REPORT = 16_000_000

#: Users that own nothing start here, where systems have none; each submission that runs takes another number.
FIRST_UID = 1_000_000_000


class SandboxError(Exception):
    """No sandbox works on this system; the message says what was tried and what happened."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use.

    Attributes
    ----------
    seconds : int
        For the whole notebook, on the clock; also of each process, on the processor.
    step_seconds : float
        For one cell or one question, on the processor; three times as long on the clock.
    memory : int
        Bytes of address space of each process, and of memory of all together.
    disk : int
        Bytes of a file and of all files.
    processes : int
        Processes and threads.
    """

    seconds: int = 120
    step_seconds: float = 20.0
    memory: int = 4 * 2**30
    disk: int = 64 * 2**20
    processes: int = 200


@dataclass(frozen=True)
class Outcome:
    """What came out of a run.

    Attributes
    ----------
    lines : list of dict
        What `exercises.grading.sandbox_runner` told.
    ended : str
        "" if it ran to its end, else why not, in words for the learner.
    seconds : float
    """

    lines: list[dict[str, Any]]
    ended: str
    seconds: float


@dataclass(frozen=True)
class Promises:
    """What the sandbox was seen to do on this machine.

    Attributes
    ----------
    no_network, hides_teacher, protects_files : bool
    """

    no_network: bool
    hides_teacher: bool
    protects_files: bool

    def __str__(self) -> str:
        kept = {
            "have no network": self.no_network,
            "cannot see the teacher's folders": self.hides_teacher,
            "cannot write outside their own folder": self.protects_files,
        }
        yes = [text for text, holds in kept.items() if holds]
        no = [text for text, holds in kept.items() if not holds]
        said = "Submissions run with limits of time and memory" + "".join(f", {text}" for text in yes) + "."
        if no:
            said += f" This system does not let us promise that they {' and '.join(no)}: see docs/teachers-guide.md."
        return said


@dataclass(frozen=True)
class Sandbox:
    """A way to run submissions on this machine.

    Attributes
    ----------
    mode : str
        One of `exercises.grading.sandbox_entry`'s, or "none" on systems without limits (Windows).
    uid : bool
        Whether submissions run as users that own nothing.
    stage : Path
        A folder with the copies of the library and the recordings that a submission may read.
    hide : tuple of Path
        The teacher's folders.
    limits : Limits
    promises : Promises
    """

    mode: str
    uid: bool
    stage: Path
    hide: tuple[Path, ...]
    limits: Limits
    promises: Promises = Promises(False, False, False)

    @classmethod
    @contextlib.contextmanager
    def open(cls, hide: Sequence[Path] = (), limits: Limits | None = None) -> Iterator[Sandbox]:
        """Find out what this system allows and give the strongest sandbox that works.

        Parameters
        ----------
        hide : sequence of Path
            Folders that submissions must not read, besides the exercises' own.
        limits : Limits, optional

        Raises
        ------
        SandboxError
            If not even the weakest runs a harmless notebook; the message says what happened.
        """
        hidden = _outermost(path.resolve() for path in (HERE, ROOT / "tests", *hide) if path.is_dir())
        with tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as folder:
            stage = Path(folder)
            stage.chmod(0o711)
            _fill(stage)
            tried = []
            for mode, uid in modes():
                box = cls(mode, uid, stage, hidden, limits or Limits())
                outcome = box.run(*_trial(hidden))
                if not outcome.ended:
                    yield replace(box, promises=_read_trial(outcome))
                    return
                tried.append(f"{mode}: {outcome.ended}")
        raise SandboxError(f"no sandbox works on this system ({'; '.join(tried)}); is IPython installed?")

    def run(self, cells: Sequence[str], questions: Sequence[dict[str, Any]], slot: int = 0) -> Outcome:
        """Run cells and call functions in the sandbox; see `exercises.grading.sandbox_runner` for what is told.

        Parameters
        ----------
        cells : sequence of str
        questions : sequence of dict
        slot : int
            A number that no other submission running now has.
        """
        request = {"cells": list(cells), "questions": list(questions), "seconds": self.limits.step_seconds}
        with tempfile.TemporaryDirectory(prefix="work-", dir=self.stage, ignore_cleanup_errors=True) as work:
            if self.uid:
                os.chown(work, FIRST_UID + slot, FIRST_UID + slot)
            process = subprocess.Popen(
                self._command(work, slot),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=self._environment(work),
                cwd=work,
                start_new_session=True,
            )
            try:
                return _watch(process, json.dumps(request).encode(), self.limits)
            finally:
                if self.mode != "apart":  # there the end of the first process is the end of all
                    _end_stragglers(work)

    def _command(self, work: str, slot: int) -> list[str]:
        program = [sys.executable, "-s", "-B", str(self.stage / "sandbox_runner.py")]
        if self.mode == "none":
            return program
        settings = {
            "mode": self.mode,
            "uid": FIRST_UID + slot if self.uid else None,
            "hide": [str(path) for path in self.hide],
            "work": work,
            "seconds": self.limits.seconds,
            "memory": self.limits.memory,
            "disk": self.limits.disk,
            "processes": self.limits.processes,
            "command": program,
            "environment": self._environment(work),
        }
        return [sys.executable, "-I", "-S", str(HERE / "sandbox_entry.py"), json.dumps(settings)]

    def _environment(self, work: str) -> dict[str, str]:
        """Return the variables that a submission sees: none of the teacher's but those that find programs."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        places = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "IPYTHONDIR", "MPLCONFIGDIR", "LESSONLIB_HOME"), work)
        return (
            kept
            | threads
            | places
            | {
                "PYTHONPATH": str(self.stage),
                "PYTHONHASHSEED": "0",
                "PYTHONUTF8": "1",
                "MPLBACKEND": "agg",
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "CUDA_VISIBLE_DEVICES": "-1",
                "LESSONLIB_CIFAR10": "none",
            }
        )


def modes() -> list[tuple[str, bool]]:
    """Return the modes worth trying here, the strongest first, each with whether to change the user."""
    if os.name != "posix":
        return [("none", False)]
    limits = [("limits", True), ("limits", False)] if os.geteuid() == 0 else [("limits", False)]
    return [("apart", False), *limits] if sys.platform == "linux" else limits


def _outermost(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Drop the folders that lie in another one of them: what is hidden already cannot be hidden again."""
    every = set(folders)
    return tuple(sorted(folder for folder in every if not every & set(folder.parents)))


def _fill(stage: Path) -> None:
    """Copy what a submission may read: the library, the recordings, and the program that runs it."""
    shutil.copytree(ROOT / "lessonlib", stage / "lessonlib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("recordings", "logs"):
        if (ROOT / "notebooks" / name).is_dir():
            shutil.copytree(ROOT / "notebooks" / name, stage / "notebooks" / name)
    shutil.copy(HERE / "sandbox_runner.py", stage)


# --------------------------------------------------------------------------------------------------------- watching it


def _watch(process: subprocess.Popen, request: bytes, limits: Limits) -> Outcome:
    """Wait for a submission's end, or bring it about."""
    started = time.monotonic()
    report = bytearray()
    reader = threading.Thread(target=_read, args=(process, report), daemon=True)
    writer = threading.Thread(target=_write, args=(process, request), daemon=True)
    reader.start()
    writer.start()
    stopped = ""
    while process.poll() is None and not stopped:
        time.sleep(LOOK_EVERY)
        stopped = _reason_to_stop(process, time.monotonic() - started, len(report), limits)
    _end(process)
    reader.join(timeout=5)
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was left to write has nobody to read it
            stream.close()
    seconds = time.monotonic() - started
    lines = read_report(bytes(report))
    if stopped or any(line.get("done") for line in lines[-1:]):
        return Outcome(lines, stopped, seconds)
    return Outcome(lines, f"The notebook's Python process ended by itself (exit status {process.returncode}).", seconds)


def _read(process: subprocess.Popen, report: bytearray) -> None:
    with contextlib.suppress(OSError, ValueError):  # the pipe is closed when the process was ended
        while len(report) <= LONGEST_REPORT and (part := os.read(process.stdout.fileno(), 65536)):
            report += part


def _write(process: subprocess.Popen, request: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):
        process.stdin.write(request)
        process.stdin.close()


def _reason_to_stop(process: subprocess.Popen, seconds: float, told: int, limits: Limits) -> str:
    if seconds > limits.seconds:
        return f"The notebook was stopped after {limits.seconds} s: an endless loop?"
    if told > LONGEST_REPORT:
        return "The notebook's answers were too large."
    family = _family(process.pid)
    if len(family) > limits.processes:
        return f"The notebook was stopped: it started more than {limits.processes} processes."
    if _memory(family) > limits.memory:
        return f"The notebook was stopped: it used more than {limits.memory / 2**30:g} GB of memory."
    return ""


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _memory(family: Sequence[psutil.Process]) -> int:
    total = 0
    for member in family:
        with contextlib.suppress(psutil.Error):  # it has ended since
            total += member.memory_info().rss
    return total


def _end(process: subprocess.Popen) -> None:
    """End a process and everything that it has started."""
    family = _family(process.pid)
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()
    process.kill()
    process.wait()


def _end_stragglers(work: str) -> None:
    """End what a submission has detached from its process: it still carries the submission's working folder."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # other users' processes, and those that have ended since
            if process.environ().get("HOME") == work:
                process.kill()


def read_report(report: bytes) -> list[dict[str, Any]]:
    """Return the complete lines that are JSON objects: a submission may have written others."""
    lines = []
    for text in report.decode("utf-8", errors="replace").split("\n")[:-1]:
        with contextlib.suppress(ValueError, RecursionError):
            line = json.loads(text)
            lines += [line] if isinstance(line, dict) else []
    return lines


# ------------------------------------------------------------------------------------------------------------ trying it

TRIAL = """
import os, socket
from pathlib import Path

def listable(folder):
    try:
        return bool(os.listdir(folder))
    except OSError:
        return False

def writable(folder):
    try:
        (Path(folder) / ".grading-trial").touch()
        (Path(folder) / ".grading-trial").unlink()
        return True
    except OSError:
        return False

network = any(name != "lo" for _, name in socket.if_nameindex())
sees = any(map(listable, HIDDEN))
writes = any(map(writable, [*HIDDEN, STAGE]))
Path("own").write_text("mine")
"""


def _trial(hidden: Sequence[Path]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return a notebook that tries what it must not be able to do, and the questions what came of it."""
    folders = [f"HIDDEN = {[str(path) for path in hidden]!r}", f"STAGE = {tempfile.gettempdir()!r}"]
    return [*folders, TRIAL], [{"names": ["network", "sees", "writes"], "calls": None}]


def _read_trial(outcome: Outcome) -> Promises:
    found = next(line["got"][0]["dict"] for line in outcome.lines if line.get("question") == "network")
    return Promises(found["network"] is False, found["sees"] is False, found["writes"] is False)
