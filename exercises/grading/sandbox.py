"""Run what strangers handed in so that it can harm nobody, inside an engine made for it.

bubblewrap (Linux), or Docker or Podman: an empty root with what is listed and nothing else. The system's programs, the
Python with its packages and a copy of the course's library are read-only; a small folder of its own goes away. There is
no network, no process of the host, no capability. `Sandbox.open` lets a harmless notebook try what must not work, and
refuses where it works. Without an engine nothing runs, except with ``--unsafe-no-isolation``.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import json
import os
import platform
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import psutil

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

#: How often a running submission is looked at, seconds.
LOOK_EVERY = 0.2

#: A submission that tells more than this is stopped.
LONGEST_REPORT = 4_000_000

#: As root, submissions run as users that own nothing; systems have none with such numbers.
FIRST_UID = 1_000_000_000

#: Where things lie inside.
COURSE, OWN = "/course", "/learner"

#: Of ``/usr``, what is not seen: where nbgrader's exchange keeps what everybody has handed in.
EXCHANGE = "/usr/local/share/nbgrader"

PROGRAMS = ("sandbox_limits.py", "sandbox_reader.py", "sandbox_runner.py")
IMAGE = "loss-and-accuracy-grader"
IN_IMAGE = ("numpy", "platformdirs", "scipy", "scikit-learn", "pandas", "matplotlib", "ipykernel", "ipywidgets", "tqdm")

#: The variables that `bwrap` and `systemd-run` need, and those by which Docker's client finds its settings.
NEEDED = ("PATH", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "HOME", "DOCKER_HOST", "CONTAINER_HOST")

UNSAFE = (
    "Graded without isolation (--unsafe-no-isolation): what was handed in could read and change the teacher's files."
)
INSTALL = """No engine isolates submissions on this machine, so nothing is graded:
{reasons}
Linux: install bubblewrap (Debian and Ubuntu: sudo apt install bubblewrap; Fedora: sudo dnf install bubblewrap).
Elsewhere: install Docker or Podman, then run once: python3 course.py grade --build-image
Only for files that you trust as your own: --unsafe-no-isolation."""


class _Slot(threading.local):
    number = 0


#: Which of those that run side by side a thread's submission is: each has a core, and a user where root grades.
SLOT = _Slot()


class SandboxError(Exception):
    """No engine works on this system; the message says what was tried and what to install."""


class Stopped(Exception):
    """The grader is told to stop."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use."""

    #: For the whole notebook, on the clock; also of each process, on the processor. One cell or one question gets a
    #: sixth of it on the processor, and six times as long on the clock.
    seconds: int = 120
    memory: int = 4 * 2**30  # bytes of address space of each process, and of memory of all together
    disk: int = 64 * 2**20  # bytes of a file and of all files
    processes: int = 100  # processes and threads
    files: int = 128  # open at a time, of each process: what a socket holds counts as nobody's memory
    entries: int = 10_000  # files and folders, empty ones too: their names count as nobody's memory


@dataclass(frozen=True)
class Outcome:
    """What came out of a run: the lines of its report, why it ended early ("": it did not), and how long it took."""

    lines: list[dict[str, Any]]
    ended: str
    seconds: float


@dataclass(frozen=True)
class Engine:
    """A program that isolates."""

    name: str
    absent: Callable[[], str]  # why it cannot be used on this machine, "" if it seems that it can
    command: Callable[[Sandbox, list[str]], list[str]]  # the command line that runs Python inside


# ---------------------------------------------------------------------------------------------------------- bubblewrap

#: Without what stands here and in `bubblewrap`, nothing of the host is seen.
WALLS = (
    "bwrap --die-with-parent --new-session --unshare-user --disable-userns --unshare-ipc --unshare-pid --unshare-net "
    "--unshare-uts --unshare-cgroup-try --hostname grading --uid 1000 --gid 1000 --cap-drop ALL --clearenv "
    "--ro-bind /usr /usr --ro-bind-try /etc/ld.so.cache /etc/ld.so.cache --ro-bind-try /etc/alternatives "
    # What bubblewrap makes itself is written by whoever is inside, without a limit, until it is made read-only. A
    # mapped /dev/zero would be memory that nobody counts.
    "/etc/alternatives --proc /proc --dev /dev --dev-bind /dev/null /dev/zero --remount-ro /dev "
    f"--perms 1777 --size {16 * 2**20} --tmpfs /dev/shm"
)


def bubblewrap(box: Sandbox, program: list[str]) -> list[str]:
    """Return the command for Linux."""
    root = os.geteuid() == 0
    pythons = [path for path in dict.fromkeys((sys.prefix, sys.base_prefix)) if not Path(path).is_relative_to("/usr")]
    reached = {path: str(box.stage / f"python-{number}") if root else path for number, path in enumerate(pythons)}
    inner = WALLS.split()
    for name in ("/bin", "/sbin", "/lib", "/lib32", "/lib64"):
        if os.path.islink(name):
            inner += ["--symlink", os.readlink(name), name]
        elif os.path.isdir(name):
            inner += ["--ro-bind", name, name]
    if os.path.isdir(EXCHANGE):
        inner += ["--tmpfs", EXCHANGE, "--remount-ro", EXCHANGE]
    for path in pythons:
        inner += ["--ro-bind", reached[path], path]
    inner += ["--ro-bind", str(box.stage / "passwd"), "/etc/passwd", "--ro-bind", str(box.stage / "course"), COURSE]
    inner += ["--size", str(box.limits.disk), "--tmpfs", OWN]
    if not any(Path(path).is_relative_to("/tmp") for path in pythons):
        inner += ["--symlink", OWN, "/tmp"]
    inner += ["--remount-ro", "/", "--chdir", OWN]
    for name, value in environment(OWN, COURSE).items():
        inner += ["--setenv", name, value]
    # Each slot has its own core, and `call_filter` keeps it there: nobody starves who runs beside.
    cores = sorted(os.sched_getaffinity(0))
    pinned = ["taskset", "--cpu-list", str(cores[SLOT.number % len(cores)])]
    # bubblewrap's own process inside is in reach of a submission; the limits of `sandbox_limits` come after it.
    ready = f'ulimit -v {box.limits.memory >> 10} && ulimit -n {box.limits.files} && exec "$@" 9<"$0"'
    inner = ["sh", "-c", ready, str(box.stage / "filter"), *inner, *(["--seccomp", "9"] if call_filter() else [])]
    inner += ["--", sys.executable, *program]
    if not root:
        return [*cgroup(box.limits, ("--user",)), *pinned, *inner]
    # Root becomes a user that owns nothing *before* it enters: files of root such as /proc/sys stay closed. What only
    # root reaches (a Python in its home) is put where that user reaches it, seen by this one process.
    # They have process numbers of their own, so that they end with it: to another user's it passes no signal on.
    outer = ["bwrap", "--die-with-parent", "--unshare-pid", "--dev-bind", "/", "/"]
    for path in pythons:
        outer += ["--ro-bind", path, reached[path]]
    user = str(FIRST_UID + SLOT.number)
    outer += ["--", "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
    return [*cgroup(box.limits, ()), *pinned, *outer, *inner]


@functools.cache
def call_filter() -> bytes:
    """Return a program for the kernel (seccomp) that refuses some system calls; empty for an unknown machine."""
    calls = tomllib.loads((HERE / "system_calls.toml").read_text(encoding="utf-8"))
    if platform.machine() not in calls["machines"]:
        return b""
    here = calls["machines"].index(platform.machine())
    load, equal, at_least, keep, give = 0x20, 0x15, 0x35, 0x54, 0x06
    refuse, allow = (give, 0, 0, 0x00050000 | errno.EPERM), (give, 0, 0, 0x7FFF0000)
    steps = [(load, 0, 0, 4), (equal, 1, 0, calls["kernel"][here]), refuse, (load, 0, 0, 0)]
    steps += [(at_least, 0, 1, 0x40000000), refuse]  # x86's second set of numbers
    for number in calls["refused"].values():
        steps += [(equal, 0, 1, number[here]), refuse]
    for one in calls["argument"].values():
        for value in one["values"]:
            steps += [(equal, 0, 4, one["call"][here]), (load, 0, 0, 16 + 8 * one["number"]), (keep, 0, 0, one["mask"])]
            steps += [(equal, 0, 1, value), refuse, (load, 0, 0, 0)]
    return b"".join(struct.pack("HBBI", *step) for step in [*steps, allow])


@functools.cache
def cgroup(limits: Limits, how: tuple[str, ...]) -> list[str]:
    """Return the command that puts what follows into a cgroup with limits, where systemd makes one; else nothing."""
    prefix = ["systemd-run", *how, "--scope", "--quiet", "-p", f"MemoryMax={limits.memory}", "-p", "MemorySwapMax=0"]
    prefix += ["-p", f"TasksMax={limits.processes + 20}", "--"]
    if not shutil.which("systemd-run") or not Path("/run/systemd/system").exists():
        return []
    return [] if subprocess.run([*prefix, "true"], capture_output=True, timeout=30).returncode else prefix


def no_bubblewrap() -> str:
    """Return why bubblewrap cannot run here, "" if it seems that it can."""
    if sys.platform != "linux":
        return "bubblewrap exists for Linux only"
    return "".join(f"{name} is not installed. " for name in ("bwrap", "taskset", "setpriv") if not shutil.which(name))


def container_program() -> str | None:
    """Return the name of the container program that is installed, None without one."""
    return next((name for name in ("podman", "docker") if shutil.which(name)), None)


def container(box: Sandbox, program: list[str]) -> list[str]:
    """Return the command for Docker or Podman; the image holds Python and packages, nothing of the course."""
    limits = box.limits
    options = (
        f"run --rm -i --name grading-{uuid.uuid4().hex} --network none --read-only --cap-drop ALL "
        f"--security-opt no-new-privileges --user 65534:65534 --pids-limit {limits.processes} --cpus 1 "
        f"--memory {limits.memory} --memory-swap {limits.memory} --workdir {OWN} "
        f"--tmpfs {OWN}:rw,size={limits.disk},mode=1777 --tmpfs /dev/shm:rw,size=16m,mode=1777"
    )
    command = [str(container_program()), *options.split(), "--volume", f"{box.stage / 'course'}:{COURSE}:ro"]
    for name, value in environment(OWN, COURSE).items():
        command += ["--env", f"{name}={value}"]
    # A container outlives a grader that was killed; not for long.
    return [*command, IMAGE, "timeout", "--signal=KILL", str(limits.seconds + 10), "python", *program]


def no_container() -> str:
    """Return why no container can run here, "" if it seems that one can."""
    name = container_program()
    if name is None:
        return "neither docker nor podman is installed"
    with contextlib.suppress(subprocess.TimeoutExpired):
        if subprocess.run([name, "image", "inspect", IMAGE], capture_output=True, timeout=60).returncode == 0:
            return ""
    return f"{name} is there, but does not run, or has no image {IMAGE}: python3 course.py grade --build-image"


def build_image() -> int:
    """Build the image with the versions of this environment; return Docker's or Podman's exit status."""
    packages = " ".join(f"{name}=={metadata.version(name)}" for name in IN_IMAGE)
    python = ".".join(map(str, sys.version_info[:2]))
    recipe = f"FROM python:{python}-slim\nRUN pip install --no-cache-dir {packages}\n"
    if container_program() is None:
        raise SandboxError("Neither docker nor podman is installed.")
    return subprocess.run([container_program(), "build", "-t", IMAGE, "-"], input=recipe.encode()).returncode


def bare(box: Sandbox, program: list[str]) -> list[str]:
    """Return the command without any isolation."""
    return [sys.executable, *program]


ENGINES = (Engine("bubblewrap", no_bubblewrap, bubblewrap), Engine("Docker or Podman", no_container, container))
NO_ENGINE = Engine("none", str, bare)


def environment(own: str, course: str) -> dict[str, str]:
    """Return the variables that a submission sees: none of the teacher's."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    folders = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "IPYTHONDIR", "MPLCONFIGDIR", "LESSONLIB_HOME"), own)
    fixed = {
        "PATH": "/usr/local/bin:/usr/bin:/bin" if os.name == "posix" else os.environ.get("PATH", ""),
        "PYTHONPATH": course,
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PIP_NO_INDEX": "1",
        "MPLBACKEND": "agg",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "LESSONLIB_CIFAR10": "none",
    }
    system = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    return system | threads | folders | fixed


# ---------------------------------------------------------------------------------------------------------- the sandbox


@dataclass(frozen=True)
class Sandbox:
    """A way to run submissions on this machine."""

    engine: Engine
    stage: Path  # a temporary folder with the copies that a submission may read
    limits: Limits = Limits()
    stop: threading.Event = field(default_factory=threading.Event)  # when set, everything that runs is ended

    @classmethod
    @contextlib.contextmanager
    def open(cls, hidden: Sequence[Path], limits: Limits = Limits(), *, unsafe: bool = False) -> Iterator[Sandbox]:
        """Find an engine that keeps its promises on this machine, or raise `SandboxError`: `hidden` must not be seen.

        With `unsafe`, run without isolation.
        """
        with tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as folder:
            stage, reasons = Path(folder), []
            _fill(stage)
            for engine in [NO_ENGINE] if unsafe else ENGINES:
                box = cls(engine, stage, limits)
                reason = "" if unsafe else engine.absent() or box.trial([HERE, ROOT / ".git", *hidden])
                if not reason:
                    break
                reasons.append(f"  {engine.name}: {reason}")
            else:
                raise SandboxError(INSTALL.format(reasons="\n".join(reasons)))
            try:
                yield box
            finally:
                box.stop.set()

    def run(self, steps: Sequence[dict], questions: Sequence[dict]) -> Outcome:
        """Run cells and ask for answers; see `exercises.grading.sandbox_runner` for what is told."""
        request = {"steps": steps, "questions": questions, "seconds": self.limits.seconds / 6}
        return self._launch("sandbox_runner.py", json.dumps(request).encode() + b"\n")

    def read(self, file: IO[bytes]) -> Outcome:
        """Read what was handed in; see `exercises.grading.sandbox_reader` for what is told."""
        return self._launch("sandbox_reader.py", file)

    def each(self, work: Callable[[Any], Any], items: Sequence, cores: int) -> list:
        """Do something with every item, `cores` at a time, each in a slot of its own; nothing outlives an error."""
        slots = itertools.count()
        pool = ThreadPoolExecutor(cores, initializer=lambda: setattr(SLOT, "number", next(slots)))
        futures = [pool.submit(work, item) for item in items]
        left = set(futures)
        try:
            while left:  # waits in short steps: a signal that another thread takes wakes nobody who waits for good
                done, left = wait(left, timeout=1, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            return [future.result() for future in futures]
        except BaseException:
            self.stop.set()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _launch(self, name: str, given: bytes | IO[bytes]) -> Outcome:
        unsafe, whole = self.engine.command is bare, isinstance(given, bytes)
        course = str(self.stage / "course") if unsafe else COURSE
        most = self.limits
        limits = {"CORE": 0, "CPU": most.seconds + 5, "AS": most.memory, "FSIZE": most.disk, "NOFILE": most.files}
        if self.engine.command is bubblewrap:  # without a user namespace the teacher's own processes would count
            limits["NPROC"] = most.processes  # and a container counts its own
        program = ["-s", "-B", f"{course}/sandbox_limits.py", json.dumps(limits), f"{course}/{name}"]
        with tempfile.TemporaryDirectory(prefix="own-", dir=self.stage, ignore_cleanup_errors=True) as own:
            kept = {name: os.environ[name] for name in NEEDED if name in os.environ}
            process = subprocess.Popen(
                self.engine.command(self, program),
                stdin=subprocess.PIPE if whole else given,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=own,
                env=environment(own, course) if unsafe else kept,
                start_new_session=True,
            )
            return _watch(process, given if whole else None, most, self.stop)

    def trial(self, hidden: Sequence[Path]) -> str:
        """Let a notebook try what must not work; return what went wrong, "" if the engine keeps its promises."""
        places = [str(path) for path in hidden]
        code = TRIAL.format(hidden=places, stage=str(self.stage), host=os.getpid(), needed=NEEDED)
        outcome = self.run([{"run": code}], [{"names": ["done", "found"], "calls": None, "library": []}])
        got = [line["got"][0]["dict"] for line in outcome.lines if line.get("question") == "done" and line["got"][0]]
        if outcome.ended or not got or got[0]["done"] is not True:
            return outcome.ended or f"a harmless notebook fails in it: {outcome.lines}"[:400]
        return f"it does not isolate: {', '.join(got[0]['found'])}" if got[0]["found"] else ""


TRIAL = """
import os, socket
from pathlib import Path

def works(action):
    try:
        return bool(action())
    except OSError:
        return False

tried = {{"sees " + path: lambda path=path: os.listdir(path) for path in {hidden!r}}}
tried["writes into its Python"] = lambda: (Path(os.__file__).parent / "grading-trial").touch() or True
tried["writes beside its own folder"] = lambda: Path("/grading-trial").touch() or True
tried["writes settings of the system"] = lambda: open("/proc/sys/kernel/core_pattern", "w")
tried["has a network"] = lambda: any(name != "lo" for _, name in socket.if_nameindex())
tried["sees the grader's process"] = lambda: Path("{stage}").name in Path("/proc/{host}/cmdline").read_text()
first = lambda: {{one.split("=")[0] for one in Path("/proc/1/environ").read_text().split("\\0") if one}}
tried["reads the grader's variables"] = lambda: first() - set(os.environ) - set({needed!r})
tried["is root"] = lambda: os.getuid() == 0
Path("own").write_text("mine")
found = [name for name, action in tried.items() if works(action)]
done = True
"""


def _fill(stage: Path) -> None:
    """Copy what a submission may read: the library, the recordings, and the programs that read and run it."""
    course = stage / "course"
    shutil.copytree(ROOT / "lessonlib", course / "lessonlib")  # compiled as it is: nothing is written inside
    for name in ("recordings", "logs"):
        if (ROOT / "notebooks" / name).is_dir():
            shutil.copytree(ROOT / "notebooks" / name, course / "notebooks" / name)
    for name in PROGRAMS:
        shutil.copy(HERE / name, course)
    (stage / "passwd").write_text(f"learner:x:1000:1000::{OWN}:/bin/sh\nnobody:x:65534:65534::{OWN}:/bin/sh\n")
    (stage / "filter").write_bytes(call_filter())
    for number in (0, 1):
        (stage / f"python-{number}").mkdir()
    for path in (stage, *stage.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


# --------------------------------------------------------------------------------------------------------- watching it


def _watch(process: subprocess.Popen, request: bytes | None, limits: Limits, stop: threading.Event) -> Outcome:
    """Wait for a submission's end, or bring it about; raise `Stopped` if the grader is told to stop meanwhile."""
    started, report, stopped = time.monotonic(), bytearray(), ""
    reader = threading.Thread(target=_read, args=(process, report), daemon=True)
    reader.start()
    if request is not None:
        threading.Thread(target=_write, args=(process, request), daemon=True).start()
    try:
        while process.poll() is None and not stopped and not stop.is_set():
            reader.join(LOOK_EVERY)  # the report closes a moment before the process ends
            stopped = _reason_to_stop(process, time.monotonic() - started, len(report), limits)
    finally:
        _end(process)
        reader.join(timeout=5)
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError, AttributeError):  # what was left to write has nobody to read it
                stream.close()
    if stop.is_set():
        raise Stopped
    lines = read_report(bytes(report))
    if not stopped and not any("done" in line or "notebooks" in line for line in lines[-1:]):
        stopped = f"The notebook's Python process ended by itself (exit status {process.returncode})."
    return Outcome(lines, stopped, time.monotonic() - started)


def _read(process: subprocess.Popen, report: bytearray) -> None:
    with contextlib.suppress(OSError, ValueError):  # the pipe is closed when the process was ended
        while len(report) <= LONGEST_REPORT and (part := os.read(process.stdout.fileno(), 65536)):
            report += part


def _write(process: subprocess.Popen, request: bytes) -> None:
    with contextlib.suppress(OSError, ValueError):
        process.stdin.write(request)
        process.stdin.flush()


def _reason_to_stop(process: subprocess.Popen, seconds: float, told: int, limits: Limits) -> str:
    family = _family(process.pid)
    memory = 0
    for member in family:
        with contextlib.suppress(psutil.Error):  # it has ended since
            memory += member.memory_info().rss
    many = len(family) > limits.processes + 10  # the engine's own
    reasons = {
        f"The notebook was stopped after {limits.seconds} s: an endless loop?": seconds > limits.seconds,
        "The notebook's answers were too large.": told > LONGEST_REPORT,
        f"The notebook was stopped: it started more than {limits.processes} processes.": many,
        f"The notebook was stopped: it used more than {limits.memory / 2**30:g} GB of memory.": memory > limits.memory,
        f"The notebook was stopped: it made more than {limits.entries} files.": _entries(family) > limits.entries,
    }
    return next((reason for reason, so in reasons.items() if so), "")


def _entries(family: Sequence[psutil.Process]) -> int:
    """Return how many files and folders those have made who see another root than we do."""
    for member in family:
        root = f"/proc/{member.pid}/root"
        with contextlib.suppress(OSError):  # it has ended, or has not entered yet; elsewhere than on Linux
            if not os.path.samefile(root, "/"):
                return sum(one.f_files - one.f_ffree for one in (os.statvfs(root + OWN), os.statvfs(root + "/dev/shm")))
    return 0


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def _end(process: subprocess.Popen) -> None:
    """End a process and everything that it has started."""
    family = _family(process.pid)
    if "--name" in process.args:  # a container outlives the client that started it
        name = process.args[process.args.index("--name") + 1]
        subprocess.run([process.args[0], "kill", name], capture_output=True, timeout=60, check=False)
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()
    process.kill()
    process.wait()


def read_report(report: bytes) -> list[dict[str, Any]]:
    """Return the complete lines that are JSON objects: a submission may have written others."""
    lines = []
    for text in report.decode("utf-8", errors="replace").split("\n")[:-1]:
        with contextlib.suppress(ValueError, RecursionError):
            line = json.loads(text)
            lines += [line] if isinstance(line, dict) else []
    return lines
