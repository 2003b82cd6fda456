"""Give up resources, then become another program: the first thing that runs inside any sandbox.

``python sandbox_limits.py SETTINGS PROGRAM`` sets limits that nobody inside can raise again. It needs nothing but the
standard library.
"""

from __future__ import annotations

import contextlib
import json
import runpy
import sys
from pathlib import Path


def limit(settings: dict) -> None:
    """Set the limits of this process and of all that it starts, where the system has such limits."""
    with contextlib.suppress(OSError):  # where memory runs out, the system ends a submission and not the grader
        Path("/proc/self/oom_score_adj").write_text("1000")
    try:
        import resource
    except ImportError:  # Windows, where only `--unsafe-no-isolation` comes here
        return
    wanted = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": settings["seconds"] + 5,
        "RLIMIT_AS": settings["memory"],
        "RLIMIT_FSIZE": settings["disk"],
        "RLIMIT_NOFILE": settings["files"],
        "RLIMIT_NPROC": settings["processes"],
    }
    for name, value in wanted.items():
        number = getattr(resource, name, None)
        if number is not None and value is not None:
            hard = resource.getrlimit(number)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            with contextlib.suppress(ValueError, OSError):  # macOS knows RLIMIT_AS and refuses to set it
                resource.setrlimit(number, (value, value))


if __name__ == "__main__":
    settings, program = json.loads(sys.argv[1]), sys.argv[2]
    limit(settings)
    sys.argv = [program]
    sys.path[0] = str(Path(program).parent)
    runpy.run_path(program, run_name="__main__")
