"""Install the course, part by part, into the folder .venv; uses nothing but Python's standard library.

The parts are sections of requirements.lock: ``lessons`` (the library and JupyterLab), ``torch``, ``keras``, ``grade``
and ``test``. `course.py` asks for what a command needs. ``python -m tools.install torch keras`` is what `course.py
start` leaves running while the learner is in lesson 0.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
BINDER_LOCK = ROOT / "binder" / "requirements.txt"

OLDEST, NEWEST = (3, 11), (3, 13)  # TensorFlow offers no builds for Python newer than NEWEST

#: Each part with what it is called and the gigabytes that it takes on the disk.
PARTS = {
    "lessons": ("the library and JupyterLab", 0.7),
    "torch": ("PyTorch", 0.9),
    "keras": ("Keras and TensorFlow", 1.6),
    "grade": ("the tools to grade exercises", 0.1),
    "test": ("the tools of the tests", 0.5),
}


class Trouble(Exception):
    """Something that a person has to put right; the message says what and how."""


def say(text: str) -> None:
    """Tell the learner something, at once even when the output is a file."""
    print(text, flush=True)


# ---------------------------------------------------------------------------------------------- which Python, and where


def venv_python(venv: Path, system: str = os.name) -> Path:
    """Return where a virtual environment keeps its Python."""
    return venv / ("Scripts/python.exe" if system == "nt" else "bin/python")


def supported(version: tuple[int, int]) -> bool:
    """Tell whether the course installs on this Python, given as (major, minor)."""
    return OLDEST <= version <= NEWEST


def base_python() -> list[str] | None:
    """Return the command of a Python that the course can use: this one, else one found by name, else None."""
    if supported(sys.version_info[:2]):
        return [sys.executable]
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        command = [found] if found else ["py", f"-3.{minor}"] if shutil.which("py") else None
        if command and subprocess.run([*command, "-c", ""], capture_output=True).returncode == 0:
            return command
    return None


def make_venv() -> None:
    """Make the course's own environment, over whatever an interrupted attempt has left.

    Raises
    ------
    Trouble
        If there is no suitable Python, or it cannot make environments.
    """
    command = base_python()
    if command is None:
        return fetch_python()
    made = subprocess.run([*command, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True)
    if made.returncode:
        raise Trouble(explain_venv(made.stdout + made.stderr))


def fetch_python() -> None:
    """Let uv, installed in a folder of its own, fetch a Python that the course can use."""
    here = ".".join(map(str, sys.version_info[:2]))
    say(f"This is Python {here}; the course needs 3.{OLDEST[1]} to 3.{NEWEST[1]}. Trying to fetch one with uv ...")
    tools = ROOT / ".venv-uv"
    for command in (
        [sys.executable, "-m", "venv", str(tools)],
        [str(venv_python(tools)), "-m", "pip", "install", "-q", requirement("uv")],
        [str(venv_python(tools)), "-m", "uv", "venv", "--seed", "--clear", "--python", f"3.{NEWEST[1]}", str(VENV)],
    ):
        if subprocess.run(command).returncode:
            raise Trouble(
                f"Could not. Install Python 3.{NEWEST[1]} beside the one you have (python.org, your system, conda) "
                "and run this again with it: python3.13 course.py ..., on Windows: py -3.13 course.py ..."
            )


# ------------------------------------------------------------------------------------------ what is installed, and when


def lines_of(part: str) -> list[str]:
    """Return the lines of the lock that belong to a part: those below ``# part NAME``, up to the next."""
    below = LOCK.read_text(encoding="utf-8").partition(f"# part {part}:")[2]
    lines = [line for line in below.partition("# part ")[0].splitlines() if re.match(r"\w", line)]
    if not lines:
        raise Trouble(f"{LOCK.name} has no part {part}. Get the file anew, or make it: python course.py lock")
    return lines


def requirement(name: str) -> str:
    """Return a package's line in the lock: its exact version, and for which machines."""
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}=="):
            return line.strip()
    raise Trouble(f"{LOCK.name} has no line for {name}. Get the file anew, or make it: python course.py lock")


def fingerprint(part: str) -> str:
    """Return a hash of all that decides what a part consists of, and where it is."""
    config = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
    decides = [*lines_of(part), *re.findall(r"^version.*$", config, re.MULTILINE), str(ROOT)]
    if part == "lessons":
        decides += (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    return hashlib.sha256("\n".join(decides).encode()).hexdigest()


def notes() -> Path:
    """Return the folder in which the installation keeps its notes: a stamp for each part, and how it goes."""
    return VENV / "course"


def is_installed(part: str) -> bool:
    """Tell whether a part is complete and made from the present lock."""
    stamp = notes() / part
    return venv_python(VENV).exists() and stamp.exists() and stamp.read_text() == fingerprint(part)


def ensure(*parts: str) -> str:
    """Install those of the parts that are not; return the environment's Python.

    Raises
    ------
    Trouble
        If something stands in the way.
    """
    python = str(venv_python(VENV))
    if all(map(is_installed, parts)):
        return python
    wait_for_others()
    wanted = [part for part in parts if not is_installed(part)]
    need_gb, free_gb = sum(PARTS[part][1] for part in wanted), shutil.disk_usage(ROOT).free / 1e9
    if free_gb < need_gb:
        raise Trouble(
            f"The disk of {ROOT} has {free_gb:.1f} GB free, and this needs about {need_gb:.1f}. Make room first."
        )
    if not venv_python(VENV).exists() or subprocess.run([python, "-m", "pip", "-V"], capture_output=True).returncode:
        say("Making the folder .venv for the course.")
        make_venv()
    with Progress(wanted) as progress:
        for part in wanted:
            install_part(python, part, progress)
    return python


def install_part(python: str, part: str, progress: Progress) -> None:
    """Install one part and stamp it; an interrupted one has no stamp, and goes on next time."""
    (notes() / part).unlink(missing_ok=True)
    progress.begin(part)
    try:
        lines = [line for line in lines_of(part) if not line.startswith("torch==")]
        install_lines(python, lines, progress)
        if part == "torch":
            install_torch(python, progress)
        if part == "lessons":
            install_library(python)
            leave_grader_out_of_lab(VENV)
    except Trouble as trouble:
        progress.fail(part, str(trouble))
        raise
    (notes() / part).write_text(fingerprint(part))
    progress.finish(part)


def install_here(lock: Path) -> None:
    """Install the packages of a lock, PyTorch and the library into the Python that runs this."""
    with Progress([]) as progress:
        lines = lock.read_text(encoding="utf-8").splitlines()
        install_lines(sys.executable, [line for line in lines if not line.startswith("torch==")], progress)
        install_torch(sys.executable, progress)
        install_library(sys.executable)


def install_lines(python: str, lines: list[str], progress: Progress) -> None:
    """Install locked packages with the given Python's pip, and nothing that they ask for besides."""
    listed = ROOT / "build" / "to-install.txt"
    listed.parent.mkdir(exist_ok=True)
    listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
    total = sum(bool(re.match(r"\w", line)) for line in lines)
    run_or_explain([*pip_install(python), "--no-deps", "-r", str(listed)], progress, total)


def install_library(python: str) -> None:
    """Install the course's own library, so that what is edited here is what lessons import."""
    run_or_explain([*pip_install(python), "--no-deps", "--no-build-isolation", "-e", str(ROOT)])


def leave_grader_out_of_lab(venv: Path) -> None:
    """Switch off nbgrader's menu and pages in JupyterLab: the graders use its commands, and learners do not need it."""
    parts = ("formgrader", "validate_assignment", "assignment_list", "course_list")
    settings = {
        "labconfig/page_config.json": {"disabledExtensions": {"@jupyter/nbgrader": True}},
        "jupyter_server_config.d/zz-course.json": {
            "ServerApp": {"jpserver_extensions": {f"nbgrader.server_extensions.{part}": False for part in parts}}
        },
    }
    for name, content in settings.items():
        path = venv / "etc" / "jupyter" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")


# ------------------------------------------------------------------------------------------------------------- PyTorch


def pip_install(python: str) -> list[str]:
    """Return the beginning of a command that installs with a Python's own pip.

    What is imported is compiled then, and most never is: compiling all of it took half of pip's time.
    """
    return [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile"]


def install_torch(python: str, progress: Progress) -> None:
    """Install PyTorch: its small build for processors where there is no NVIDIA GPU."""
    wanted, gpu = requirement("torch"), has_nvidia_gpu()
    offered = torch_offered(python, wanted)
    if offered is None:
        say(f"No PyTorch exists for {platform.system()} on {platform.machine()}: lessons that need it won't run here.")
        return
    *first, last = torch_attempts(python, wanted, offered, gpu, platform.system())
    for command in first:
        if not run_quietly(command, progress)[0]:
            return
        say("PyTorch's small build could not be had; taking the ordinary one, which works too and can be some GB.")
    run_or_explain(last, progress)


def has_nvidia_gpu() -> bool:
    """Tell whether NVIDIA's own tool lists a GPU."""
    tool = shutil.which("nvidia-smi")
    return bool(tool) and b"GPU" in subprocess.run([tool, "-L"], capture_output=True).stdout


def torch_offered(python: str, wanted: str) -> str | None:
    """Ask pip which PyTorch it would take, without downloading it ("": it cannot tell; None: there is none)."""
    question = ["--dry-run", "--no-deps", "--ignore-installed", "--quiet", "--report", "-", wanted]
    answer = subprocess.run([*pip_install(python), *question], capture_output=True, text=True)
    if answer.returncode:
        return ""
    installs = json.loads(answer.stdout[answer.stdout.index("{") :])["install"]
    return installs[0]["metadata"]["version"] if installs else None


def torch_attempts(python: str, wanted: str, offered: str, gpu: bool, system: str) -> list[list[str]]:
    """Return the commands to try in turn.

    The registry's wheel is the CPU build on macOS and Windows, but on Linux it brings gigabytes of CUDA. uv knows where
    the other builds are. Where pip is set up to find a CPU build by itself, that is taken.
    """
    pip = pip_install(python)
    uv = [python, "-m", "uv", "pip", "install", "--python", python, wanted, "--torch-backend"]
    if offered.endswith("+cpu") and not gpu:
        return [[*pip, "--no-deps", f"torch=={offered}"]]
    if system == "Linux" and not gpu:
        return [[*uv, "cpu"], [*pip, wanted]]
    if system == "Windows" and gpu:
        return [[*uv, "auto"], [*pip, wanted]]
    return [[*pip, wanted]]


# ------------------------------------------------------------------------------------------------------ how it is going


class Progress:
    """How an installation goes: said in the terminal, and noted for lessons that wait and for other runs of course.py.

    The note is ``.venv/course/progress.json``: for each part "waiting", "fetching", "ready" or what went wrong, and a
    line on how far it is. It is written anew every second, so that a note that stands still tells that nobody installs.
    """

    def __init__(self, parts: list[str]) -> None:
        self.parts = dict.fromkeys(parts, "waiting")
        self.text, self.announced, self.megabytes = "", 0.0, 0.0
        self._over = threading.Event()
        self._clock = threading.Thread(target=self._keep_noting, daemon=True)

    def __enter__(self) -> Progress:
        self.note()
        self._clock.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._clock.join()
        self.note()

    def begin(self, part: str) -> None:
        self.parts[part], self.text, self.megabytes = "fetching", "", 0.0
        say(f"Fetching {PARTS[part][0]} (about {PARTS[part][1]:g} GB on the disk; once, and goes on if interrupted).")

    def finish(self, part: str) -> None:
        self.parts[part] = "ready"
        say(f"Ready: {PARTS[part][0]} ({self.megabytes:.0f} MB fetched).")

    def fail(self, part: str, why: str) -> None:
        self.parts[part] = why

    def tell(self, text: str, *, every: float = 5.0) -> None:
        """Note how far it is, and say it if the last time was some seconds ago."""
        self.text = text
        if time.monotonic() > self.announced + every:
            self.announced = time.monotonic()
            say(f"    {text}")

    def note(self) -> None:
        if not self.parts:  # what goes into another Python than ours is of no interest to lessons
            return
        notes().mkdir(exist_ok=True)
        half = notes() / "progress.json.part"
        half.write_text(json.dumps({"process": os.getpid(), "parts": self.parts, "text": self.text}), encoding="utf-8")
        with contextlib.suppress(PermissionError):  # on Windows, while a lesson reads it: the next second will do
            os.replace(half, notes() / "progress.json")

    def _keep_noting(self) -> None:
        while not self._over.wait(1):
            self.note()


def others_install(seconds: float = 10) -> bool:
    """Tell whether another run of this program is installing: its note is fresh."""
    note = notes() / "progress.json"
    if not note.exists() or time.time() - note.stat().st_mtime > seconds:
        return False
    with contextlib.suppress(OSError, ValueError):
        content = json.loads(note.read_text(encoding="utf-8"))
        return content["process"] != os.getpid() and {"waiting", "fetching"} & set(content["parts"].values()) != set()
    return True


def wait_for_others() -> None:
    """Wait until no other run of this program installs into the same folder."""
    if others_install():
        say("Another course.py is installing into .venv; waiting for it ...")
    while others_install():
        time.sleep(1)


def run_quietly(command: list[str], progress: Progress | None = None, total: int = 0) -> tuple[int, str]:
    """Run an installer, telling how far it is instead of all it says; return its exit status and its whole output."""
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PIP_NO_INPUT": "1"}
    log, count, progress = [], 0, progress or Progress([])
    with subprocess.Popen(command, env=environment, cwd=ROOT, **output) as process:
        for line in process.stdout:
            log.append(line)
            count += line.startswith(("Collecting ", "Processing ", "Requirement already satisfied"))
            if size := re.search(r"(?:Downloading|Using cached) (\S+) \(([\d.]+) ?(kB|MB|MiB|GB)\)", line):
                progress.megabytes += float(size[2]) * {"kB": 1e-3, "GB": 1e3}.get(size[3], 1)
                so_far = f"{count} of {total or '?'}, {progress.megabytes:.0f} MB so far"
                progress.tell(f"{size[1].split('-')[0]}, {size[2]} {size[3]} ({so_far})")
            elif (wheel := re.match(r"Processing (.+\.whl)", line)) and Path(wheel[1]).exists():
                progress.megabytes += Path(wheel[1]).stat().st_size / 1e6
            elif line.startswith("Installing collected"):
                names = line.partition(": ")[2].split(", ")
                progress.tell(f"putting {names[0].strip() if len(names) == 1 else f'{len(names)} packages'} in place")
    return process.returncode, "".join(log)


def run_or_explain(command: list[str], progress: Progress | None = None, total: int = 0) -> None:
    """Run an installer; raise Trouble with advice when it fails."""
    status, log = run_quietly(command, progress, total)
    if status:
        raise Trouble(explain(log))


ADVICE = {
    r"No space left|Errno 28|not enough space": "The disk is full; the whole course needs about 4 GB. Make room",
    r"CERTIFICATE_VERIFY_FAILED|SSLError": "A proxy or virus scanner comes between pip and the Internet. Ask for its "
    "certificate file, set the variable PIP_CERT to that file's path",
    r"resolution|NewConnectionError|Network is unreachable|Timeout|ProxyError|getaddrinfo|Max retries": "The package "
    "registry did not answer. Check the connection to the Internet (behind a proxy: the variable HTTPS_PROXY)",
    r"externally-managed-environment": "This Python is the system's. Leave --here away, or activate an environment",
    r"Permission denied|Errno 13|Access is denied": "No permission to write. Close what uses .venv, see whose it is",
    r"WinError 206|extension is too long": "Windows limits how long a path is. Move the course to C:\\course",
}


def explain(log: str) -> str:
    """Turn an installer's output into what to do next: the end of the output, an empty line, the advice."""
    end = "\n".join("    " + line for line in log.strip().splitlines()[-8:])
    for pattern, advice in ADVICE.items():
        if re.search(pattern, log):
            return f"{end}\n\n{advice} and run the same command again: it goes on where it was."
    return f"{end}\n\nThe installer failed (above). Run the same command again; should that fail, delete .venv first."


def explain_venv(log: str) -> str:
    """Say what is missing when Python could not make an environment."""
    if "ensurepip" in log or "No module named venv" in log:
        package = f"python3.{sys.version_info[1]}-venv"
        return f"This Python comes without its venv part. On Debian and Ubuntu: sudo apt install {package}. Then again."
    return explain(log)


# ---------------------------------------------------------------------------------------------- beside the first lesson


def start_fetching(*parts: str) -> subprocess.Popen[bytes] | None:
    """Install parts in a process of its own, which Ctrl-C does not reach; None if nothing is missing."""
    if all(map(is_installed, parts)) or others_install():
        return None
    apart = {"creationflags": 0x200} if os.name == "nt" else {"start_new_session": True}  # a process group of its own
    return subprocess.Popen([sys.executable, "-m", "tools.install", *parts], cwd=ROOT, **apart)


def stop_fetching(process: subprocess.Popen[bytes] | None) -> None:
    """End such a process and the installer that it runs; what is complete stays, and next time it goes on."""
    if process is None or process.poll() is not None:
        return
    if os.name == "nt":
        process.terminate()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
    process.wait()
    say("Not everything is fetched yet; the next start goes on with it.")


def main(parts: list[str]) -> int:
    """Install parts, giving way to whoever works; each that fails is said, and does not keep the next from its turn."""
    if hasattr(os, "nice"):
        os.nice(10)
    status = 0
    for part in parts:
        try:
            ensure(part)
        except Trouble as trouble:
            say(f"{PARTS[part][0]} could not be fetched, and lessons that need it wait; the others run.\n{trouble}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
