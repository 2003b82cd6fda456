"""Run lessons as on other processors and list the outputs that differ; ``python course.py processors [LESSON ...]``.

A stored output must hold wherever the lesson is run. What a processor changes, a few environment variables change too:
which kernels OpenBLAS, PyTorch and oneDNN take, and in how many threads they sum. Under each setting every cell runs
and nbval compares it with the stored notebook, by the rules of the tests. Lists each cell that differs, with the
settings; what nbval says of it is in ``build/processors``. Exit status 0 if nothing differs.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from notebooks import build

ROOT = build.ROOT
LOGS = ROOT / "build" / "processors"

#: Settings; a processor is one for all three libraries. None of these variables is set in the first.
SETTINGS = {
    "this processor": {},
    "two threads": {"OMP_NUM_THREADS": "2"},
    "Sandy Bridge": {
        "OPENBLAS_CORETYPE": "Sandybridge",
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
    },
    "Haswell": {"OPENBLAS_CORETYPE": "Haswell", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "Zen": {"OPENBLAS_CORETYPE": "Zen", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "Skylake-X": {"OPENBLAS_CORETYPE": "SkylakeX"},
}
VARIABLES = {name for chosen in SETTINGS.values() for name in chosen}
#: What a processor must have for a setting, as Linux names it.
NEEDS = {"Haswell": "avx2", "Zen": "avx2", "SkylakeX": "avx512f", "Sandybridge": "avx", "avx2": "avx2", "AVX2": "avx2"}


def flags() -> set[str] | None:
    """Return what this processor can do, as Linux lists it; None where nobody tells."""
    try:
        found = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return None
    return set(found[1].split()) if found else None


def possible(chosen: dict[str, str], can: set[str] | None) -> bool:
    """Tell whether this processor can do what a setting asks for; all but threads is for x86."""
    if not set(chosen) - {"OMP_NUM_THREADS"}:
        return True
    wants = {NEEDS[value] for value in chosen.values() if value in NEEDS}
    return platform.machine().lower() in {"x86_64", "amd64"} and (can is None or wants <= can)


def differing(notebooks: Sequence[Path], chosen: dict[str, str], log: Path) -> list[str]:
    """Run notebooks under a setting; return the cells whose output is not the stored one, as ``name.ipynb cell 3``.

    Raises
    ------
    RuntimeError
        If nbval did not run them; the message ends with its words.
    """
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    nbval = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(ROOT / "tests" / "nbval_sanitize.cfg")]
    workers = ["-n", "2", "--dist", "loadfile"] if len(notebooks) > 1 else []
    own = ["-p", "no:cacheprovider", "-p", "no:tests.lessons_once"]  # as learners run them, and not for the site
    command = [sys.executable, "-m", "pytest", *map(str, notebooks), *nbval, *workers, *own]
    done = subprocess.run(command, cwd=ROOT, env=kept | chosen, capture_output=True, text=True, check=False)
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode not in {0, 1}:
        raise RuntimeError(f"nbval ended with {done.returncode}:\n{(done.stdout + done.stderr)[-1500:]}")
    cells = re.findall(r"^(?:FAILED|ERROR) (?:.*/)?(\S+\.ipynb)::Cell (\d+)", done.stdout, re.MULTILINE)
    if done.returncode and not cells:
        raise RuntimeError(f"nbval failed without naming a cell:\n{done.stdout[-1500:]}")
    return [f"{name} cell {number}" for name, number in cells]


def check(notebooks: Sequence[Path], settings: dict[str, dict[str, str]] = SETTINGS) -> dict[str, list[str]]:
    """Run notebooks under every setting that this processor can do; return for each cell that differs under which."""
    found: dict[str, list[str]] = {}
    can = flags()
    for setting, chosen in settings.items():
        if not possible(chosen, can):
            print(f"{setting}: not on this processor", flush=True)
            continue
        cells = differing(notebooks, chosen, LOGS / f"{setting}.log")
        print(f"{setting}: {len(cells)} cells differ", flush=True)
        for cell in cells:
            found.setdefault(cell, []).append(setting)
    return found


def main(words: list[str]) -> int:
    """Check the lessons that are named, or all; return the exit status."""
    try:
        notebooks = [build.notebook_path(source) for source in build.sources(words)]
        found = check(notebooks)
    except (build.LessonError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 2
    for cell, settings in sorted(found.items()):
        print(f"{cell} differs: {', '.join(settings)}")
    print("Every stored output holds." if not found else f"What nbval says of them: {LOGS.relative_to(ROOT)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
