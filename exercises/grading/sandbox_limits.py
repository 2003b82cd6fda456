"""Give up resources, then become another program: the first thing that runs inside any sandbox.

``python sandbox_limits.py SETTINGS PROGRAM`` sets limits that nobody inside can raise again. With a lifeline, in a
container or without isolation, it stays as the parent and ends everything when standard input closes: when the grader
is gone, however it went. It needs nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import select
import signal
import sys
from pathlib import Path


def limit(settings: dict) -> None:
    """Set the limits of this process and of all that it starts, where the system has such limits."""
    try:
        import resource
    except ImportError:  # Windows, where only `--unsafe-no-isolation` comes here
        return
    wanted = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": settings["seconds"] + 5,
        "RLIMIT_AS": settings["memory"],
        "RLIMIT_FSIZE": settings["disk"],
        "RLIMIT_NOFILE": 512,
        "RLIMIT_NPROC": settings["processes"],
    }
    for name, value in wanted.items():
        number = getattr(resource, name, None)
        if number is not None and value is not None:
            hard = resource.getrlimit(number)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            with contextlib.suppress(ValueError, OSError):  # macOS knows RLIMIT_AS and refuses to set it
                resource.setrlimit(number, (value, value))


def stay_as_parent(seconds: float) -> None:
    """Return in a child whose standard input is the first line of ours; end it when the rest of ours closes."""
    request = sys.stdin.buffer.readline()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.setsid()
        os.dup2(reading, 0)
        return
    os.close(reading)
    with open(writing, "wb") as pipe, contextlib.suppress(OSError):
        pipe.write(request)
    for _ in range(int(seconds * 5)):
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if select.select([0], [], [], 0.2)[0] and not os.read(0, 1):
            break
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    os._exit(os.waitstatus_to_exitcode(status) & 255 if ended else 1)


def main() -> None:
    """Do what the settings say."""
    settings, program = json.loads(sys.argv[1]), sys.argv[2]
    if settings["lifeline"] and hasattr(os, "fork"):
        stay_as_parent(settings["seconds"] + 10)
    limit(settings)
    sys.argv = [program]
    sys.path[0] = str(Path(program).parent)
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
