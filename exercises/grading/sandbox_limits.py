"""Give up resources, then become another program: the first thing that runs inside any sandbox.

``python sandbox_limits.py LIMITS PROGRAM`` sets limits that nobody inside can raise again: JSON, by their names in
`resource` without ``RLIMIT_``. It needs nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import json
import runpy
import sys
from pathlib import Path


def limit(limits: dict[str, int]) -> None:
    """Set the limits of this process and of all that it starts, where the system has such limits."""
    with contextlib.suppress(OSError):  # where memory runs out, the system ends a submission and not the grader
        Path("/proc/self/oom_score_adj").write_text("1000")
    try:
        import resource
    except ImportError:  # Windows, where only `--unsafe-no-isolation` comes here
        return
    for name, value in limits.items():
        # Whoever has a lower one keeps it: it cannot be raised. macOS knows RLIMIT_AS and refuses to set it.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


if __name__ == "__main__":
    limits, program = json.loads(sys.argv[1]), sys.argv[2]
    limit(limits)
    sys.argv = [program]
    sys.path[0] = str(Path(program).parent)
    runpy.run_path(program, run_name="__main__")
