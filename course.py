#!/usr/bin/env python3
"""Everything this course needs, in two commands, on a machine that has only Python (3.11 to 3.13).

    python3 course.py start     install what is missing, then open the first lesson in JupyterLab
    python3 course.py test      install what is missing, then run every test

On Windows write `py course.py ...`. More commands:

    install                     only install; with --here into the Python that runs this, instead of a .venv of its own
    lesson LESSON               while you write it: format, build, run again, compare with everything (--again executes)
    build [LESSON ...]          make the notebooks from their text (notebooks/source); --check only compares the two
    export [LESSON ...]         write each lesson as one web page that needs no server, into build/export
    site [LESSON ...]           write the site of all lessons, for any web server, into build/site
    lite                        write the lessons that a browser can run by itself (JupyterLite), into build/lite
    binder                      try out what Binder will install, and whether every lesson fits into its memory
    badges                      print the badges that open each lesson on Binder
    record ...                  train and save the recorded runs (the same as: python -m lessonlib record ...)
    derive [EXERCISE ...]       make the exercises' notebooks; --class FOLDER: those of a class, with its own numbers
    grade FOLDER                grade a folder of submissions; --class FOLDER names the class (docs/teachers-guide.md)
    cycle                       rehearse derive, hand in, grade and give back with 60 made-up submissions
    lock [--upgrade [PACKAGE]]  write requirements.lock, environment.yml and binder/requirements.txt anew

What follows `--` goes to JupyterLab or to pytest: `python3 course.py test -- -k browser`.

The first run makes the folder .venv and takes some minutes and about 4 GB of disk; later runs start at once. Nothing
outside this folder is changed. To start afresh, delete .venv.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
BINDER_LOCK = ROOT / "binder" / "requirements.txt"
FIRST_LESSON = "notebooks/00_start_here.ipynb"

OLDEST, NEWEST = (3, 11), (3, 13)  # TensorFlow offers no builds for Python newer than NEWEST
DISK_GB = 4


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


def requirement(name: str) -> str:
    """Return a package's line in the lock: its exact version, and for which machines."""
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}=="):
            return line.strip()
    raise Trouble(f"{LOCK.name} has no line for {name}. Get the file anew, or make it: python course.py lock")


def fingerprint(venv: Path) -> str:
    """Return a hash of all that decides what belongs in the environment."""
    parts = [path.read_bytes().replace(b"\r\n", b"\n") for path in (LOCK, ROOT / "pyproject.toml")]
    config = (venv / "pyvenv.cfg").read_text(encoding="utf-8")
    python = re.findall(r"^version.*$", config, re.MULTILINE)
    return hashlib.sha256(b"\0".join([*parts, repr(python).encode(), str(ROOT).encode()])).hexdigest()


def up_to_date(venv: Path) -> bool:
    """Tell whether the environment is complete and made from the present lock."""
    stamp = venv / "course-stamp"
    return venv_python(venv).exists() and stamp.exists() and stamp.read_text().strip() == fingerprint(venv)


def ensure_installed() -> str:
    """Install the course unless it is; return the environment's Python."""
    python = str(venv_python(VENV))
    if up_to_date(VENV):
        return python
    free_gb = shutil.disk_usage(ROOT).free / 1e9
    if free_gb < DISK_GB:
        raise Trouble(
            f"The disk of {ROOT} has {free_gb:.1f} GB free, and the course needs about {DISK_GB}. Make room first."
        )
    say("Installing the course into .venv (once; an interrupted installation goes on where it was).")
    if not venv_python(VENV).exists() or subprocess.run([python, "-m", "pip", "-V"], capture_output=True).returncode:
        make_venv()
    install(python, LOCK)
    leave_grader_out_of_lab(VENV)
    (VENV / "course-stamp").write_text(fingerprint(VENV) + "\n")
    say("Installed.")
    return python


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


def pip_install(python: str) -> list[str]:
    """Return the beginning of a command that installs with a Python's own pip."""
    return [python, "-m", "pip", "install", "--disable-pip-version-check"]


def install(python: str, lock: Path) -> None:
    """Install the locked packages, PyTorch and the course's own library with the given Python's pip."""
    pip = pip_install(python)
    without_torch = [line for line in lock.read_text(encoding="utf-8").splitlines() if not line.startswith("torch==")]
    total = sum("==" in line for line in without_torch)
    listed = ROOT / "build" / "requirements-without-torch.txt"
    listed.parent.mkdir(exist_ok=True)
    listed.write_text("\n".join(without_torch) + "\n", encoding="utf-8")
    say(f"[1/3] {total} packages (some are not for this system)")
    run_or_explain([*pip, "--no-deps", "-r", str(listed)], total)
    install_torch(python)
    say("[3/3] the course's library")
    run_or_explain([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)])


def install_torch(python: str) -> None:
    """Install PyTorch: its small build for processors where there is no NVIDIA GPU."""
    wanted, gpu = requirement("torch"), has_nvidia_gpu()
    say(
        f"[2/3] PyTorch, {'with support for the NVIDIA GPU' if gpu else 'the build for machines without an NVIDIA GPU'}"
    )
    offered = torch_offered(python, wanted)
    if offered is None:
        say(f"      No PyTorch exists for {platform.system()} on {platform.machine()}: lessons that need it won't run.")
        return
    *first, last = torch_attempts(python, wanted, offered, gpu, platform.system())
    for command in first:
        if not run_quietly(command)[0]:
            return
        say("      That build could not be had; taking the ordinary one, which works too but can be larger (some GB).")
    run_or_explain(last)


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


# ----------------------------------------------------------------------------------------- running, and what went wrong


def run_quietly(command: list[str], total: int = 0) -> tuple[int, str]:
    """Run an installer, showing how far it is instead of all it says; return its exit status and its whole output."""
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PIP_NO_INPUT": "1"}
    log, count, told = [], 0, 0
    with subprocess.Popen(command, env=environment, cwd=ROOT, **output) as process:
        for line in process.stdout:
            log.append(line)
            count += line.startswith(("Collecting ", "Processing ", "Requirement already satisfied"))
            if count > told + 9 and total:
                told = count
                say(f"      {count} of {total}")
            elif re.search(r"Downloading .*\((\d{3,}\.\d MB|.* GB)\)", line):
                say(f"      {line.strip()}")
            elif line.startswith("Installing collected"):
                say("      putting them in place (a minute or two)")
    return process.returncode, "".join(log)


def run_or_explain(command: list[str], total: int = 0) -> None:
    """Run an installer; raise Trouble with advice when it fails."""
    status, log = run_quietly(command, total)
    if status:
        raise Trouble(explain(log))


ADVICE = {
    r"No space left|Errno 28|not enough space": f"The disk is full; the course needs about {DISK_GB} GB. Make room",
    r"CERTIFICATE_VERIFY_FAILED|SSLError": "A proxy or virus scanner comes between pip and the Internet. Ask for its "
    "certificate file, set the variable PIP_CERT to that file's path",
    r"resolution|NewConnectionError|Network is unreachable|Timeout|ProxyError|getaddrinfo|Max retries": "The package "
    "registry did not answer. Check the connection to the Internet (behind a proxy: the variable HTTPS_PROXY)",
    r"externally-managed-environment": "This Python is the system's. Leave --here away, or activate an environment",
    r"Permission denied|Errno 13|Access is denied": "No permission to write. Close what uses .venv, see whose it is",
    r"WinError 206|extension is too long": "Windows limits how long a path is. Move the course to C:\\course",
}


def explain(log: str) -> str:
    """Turn an installer's output into what to do next."""
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


def hand_over(command: list[str], cwd: Path | None = ROOT, env: dict[str, str] | None = None) -> int:
    """Run a program in the foreground until it ends; Ctrl-C is for it, not for us."""
    process = subprocess.Popen(command, cwd=cwd, env=env)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


# --------------------------------------------------------------------------------------------------------- the commands


def start(words: list[str]) -> int:
    """Open JupyterLab on the first lesson."""
    python = ensure_installed()
    say("Opening JupyterLab. If no browser window appears, copy the address http://localhost:... from below into one.")
    say("To stop: press Ctrl-C here, twice.")
    return hand_over([python, "-m", "jupyterlab", *lab_arguments(is_root()), *words])


def lab_arguments(root: bool) -> list[str]:
    """Return what JupyterLab is told; as root, usual in a container, it wants to hear that this is meant."""
    where = [f"--ServerApp.root_dir={ROOT}", f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}"]
    return [*where, "--allow-root"] if root else where


def is_root() -> bool:
    """Tell whether this runs as the administrator of a Unix system."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def test(words: list[str]) -> int:
    """Run the unit tests, the browser tests and every cell of every notebook; the last lines say what was left out."""
    python = ensure_installed()
    subprocess.run([python, "-m", "tests.browser"], cwd=ROOT)  # looks for a browser, else fetches one if it can
    return hand_over([python, "-m", "pytest", *pytest_arguments(words, cores=len(usable_cores()))])


def pytest_arguments(words: list[str], cores: int) -> list[str]:
    """Return pytest's command line: everything, unless `words` name files of their own."""
    named = any(not word.startswith("-") and (ROOT / word.split("::")[0]).exists() for word in words)
    notebooks = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "notebooks").glob("*.ipynb"))
    paths = [] if named else ["lessonlib", "tests", *notebooks]
    nbval = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", "tests/nbval_sanitize.cfg"]
    workers = ["-n", "2", "--dist", "loadfile"] if cores > 1 else []
    return [*paths, *nbval, *workers, *words]


def usable_cores() -> list[int]:
    """Return the cores that this process may use; not every system tells, and then all count."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def only_install(words: list[str]) -> int:
    """Install into .venv, or with --here into this Python; --light takes what the lessons need, not the tests."""
    if unknown := set(words) - {"--here", "--light"}:
        raise Trouble(f"install does not know {' '.join(sorted(unknown))}; it knows --here and --light.")
    if "--here" in words:
        install(sys.executable, BINDER_LOCK if "--light" in words else LOCK)
    else:
        ensure_installed()
    return 0


def lock(words: list[str]) -> int:
    """Resolve every dependency for every system, and write the three files that list them."""
    python = ensure_installed() if LOCK.exists() else sys.executable
    return hand_over([python, "tools/lock.py", *words])


def inside(*program: str):
    """Return a command that hands its words to a program in the course's environment."""
    return lambda words: hand_over([ensure_installed(), *program, *words])


def beside(module: str):
    """Return a command whose words name folders of the user's: they count from where the user stands."""

    def run(words: list[str]) -> int:
        # -P: a learner's statistics.py in that folder is not to be taken for Python's.
        command = [ensure_installed(), "-P", "-m", module, *words]
        return hand_over(command, cwd=None, env={**os.environ, "PYTHONPATH": str(ROOT)})

    return run


COMMANDS = {
    "start": start,
    "test": test,
    "install": only_install,
    "lesson": inside("-m", "notebooks.lesson"),
    "build": inside("-m", "notebooks.build"),
    "export": inside("-m", "tools.website", "--single"),
    "site": inside("-m", "tools.website"),
    "lite": inside("-m", "tools.lite"),
    "binder": inside("-m", "tools.binder"),
    "badges": inside("-m", "tools.website", "--badges"),
    "record": inside("-m", "lessonlib", "record"),
    "derive": beside("exercises.grading.derive"),
    "grade": beside("exercises.grading.grade"),
    "cycle": beside("exercises.grading.rehearsal"),
    "lock": lock,
}


def main(arguments: list[str]) -> int:
    """Run a command; return the exit status."""
    if not arguments or arguments[0] not in COMMANDS:
        say(__doc__.strip())
        return 0 if arguments in (["-h"], ["--help"], ["help"]) else 2
    name, *words = arguments
    try:
        return COMMANDS[name](words[1:] if words[:1] == ["--"] else words)
    except Trouble as trouble:
        print(f"\n{trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
