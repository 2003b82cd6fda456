"""Run the library's tests with the lowest, or with the newest, versions that pyproject.toml allows.

    python -m tools.check_versions --lowest
    python -m tools.check_versions --newest
    python -m tools.check_versions --newest --python 3.13

Makes a virtual environment in ``build/versions`` and installs the library's dependencies, Keras and the tools of its
tests in those versions, and PyTorch in the version of the lock, since its builds are chosen per machine (course.py).
The tests are those named like a module of the library and a few more; notebooks, browser and JupyterLab are tested
with the lock (``python course.py test``).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from tools import install

ROOT = Path(__file__).resolve().parents[1]
RESOLUTIONS = {"lowest": "lowest-direct", "newest": "highest"}
#: Tests of the library that are not named like a module.
MORE_TESTS = ("tests/test_hostile_files.py", "tests/test_interrupted_writes.py", "tests/test_stopping.py")
#: The groups of pyproject.toml that the tests need besides the library's own dependencies.
GROUPS = ("keras", "dev")


def library_tests(root: Path = ROOT) -> list[str]:
    """Return the test files that are named like a module of the library, and those that say what they test."""
    modules = [path.stem.removeprefix("_") for path in sorted((root / "lessonlib").glob("*.py"))]
    named = [f"tests/test_{module}.py" for module in modules]
    return [name for name in (*named, *MORE_TESTS) if (root / name).exists()]


def make_environment(which: str, python: str) -> str:
    """Make the virtual environment, printing each version that matters; return its Python."""
    folder = ROOT / "build" / "versions" / which
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    uv, pinned = [sys.executable, "-m", "uv"], folder / "requirements.txt"
    groups = [word for group in GROUPS for word in ("--extra", group)]
    resolved = ["--resolution", RESOLUTIONS[which], "--python-version", python, *groups, "--output-file", str(pinned)]
    run([*uv, "pip", "compile", "pyproject.toml", "--quiet", "--no-header", "--no-annotate", *resolved])
    run([*uv, "venv", "--quiet", "--seed", "--python", python, str(folder / "venv")])
    inside = str(install.venv_python(folder / "venv"))
    run([*uv, "pip", "install", "--quiet", "--python", inside, "-r", str(pinned)])
    install.install_torch(inside, install.Progress([]))
    run([inside, "-m", "pip", "list", "--disable-pip-version-check"])
    return inside


def run(command: list[str]) -> None:
    """Run a command in the top folder; a failing one ends this."""
    subprocess.run(command, cwd=ROOT, check=True)


def main() -> int:
    """Make the environment and run the tests in it; return pytest's exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    chosen = parser.add_mutually_exclusive_group(required=True)
    for which in RESOLUTIONS:
        chosen.add_argument(f"--{which}", dest="which", action="store_const", const=which)
    default = ".".join(map(str, install.OLDEST))
    parser.add_argument("--python", default=default, help=f"version of Python (default: {default})")
    options = parser.parse_args()
    python = make_environment(options.which, options.python)
    # Old releases use what newer releases of their own dependencies call deprecated: not our doing, nor our learners'.
    old = ["-W", "ignore::DeprecationWarning"] if options.which == "lowest" else []
    tests = [*library_tests(), "-q", "-p", "no:cacheprovider", *old]
    return subprocess.run([python, "-m", "pytest", *tests], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
