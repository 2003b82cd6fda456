"""Give up every right that a submission does not need, then become the program that runs it.

Started by ``exercises.grading.sandbox`` with its settings as JSON in the only argument. Uses nothing but the
standard library
and, for what Python 3.11 has no function for, the C library. Two modes:

apart   Linux: its own view of processes, network and files, by way of a user namespace, for which nobody need be root
limits  any Unix: only the limits of processor time, memory, files and processes; if root starts it, it becomes a user
        that owns nothing
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys

NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PIDS, NEW_NETWORK = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV = 0x4000, 0x40000, 2, 4
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, ATTR_READ_ONLY = 442, -100, 0x8000, 1
SET_PARENT_DEATH_SIGNAL, SET_NO_NEW_PRIVILEGES = 1, 38
NOBODY = 65534


def call(function: str, *arguments: object) -> None:
    """Call a function of the C library; raise OSError when it fails."""
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, function)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


def mount(kind: str, target: str, flags: int = 0, options: str = "") -> None:
    call("mount", kind.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode())


def separate() -> None:
    """Leave the host's processes, network, messages and mounts; keep a read-only view of its files."""
    user, group = os.getuid(), os.getgid()
    call("unshare", NEW_USER | NEW_MOUNTS | NEW_IPC | NEW_PIDS | NEW_NETWORK)
    write("/proc/self/setgroups", "deny")
    # With another number than 0 inside, the rights that come with a namespace end when the program starts.
    write("/proc/self/uid_map", f"{user or NOBODY} {user} 1")
    write("/proc/self/gid_map", f"{group or NOBODY} {group} 1")
    mount("none", "/", MS_REC | MS_PRIVATE)


def arrange_files(settings: dict) -> None:
    """Make every file read-only, the teacher's folders empty, and the working folder small and writable."""
    attributes = struct.pack("QQQQ", ATTR_READ_ONLY, 0, 0, 0)
    call("syscall", MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, attributes, len(attributes))
    for folder in settings["hide"]:
        mount("tmpfs", folder, MS_NOSUID | MS_NODEV, "size=0k,nr_inodes=1,mode=000")
    for folder in (settings["work"], "/dev/shm"):
        mount("tmpfs", folder, MS_NOSUID | MS_NODEV, f"size={settings['disk']},mode=1777")
    try:
        mount("proc", "/proc")
    except OSError:  # containers may forbid it; then there is none, rather than the host's
        mount("tmpfs", "/proc", MS_NOSUID | MS_NODEV, "size=0k")


def write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def limit(settings: dict) -> None:
    """Set the limits that hold for each process, and the number of processes."""
    limits = {
        resource.RLIMIT_CPU: settings["seconds"],
        resource.RLIMIT_AS: settings["memory"],
        resource.RLIMIT_FSIZE: settings["disk"],
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
    }
    for name, value in limits.items():
        set_limit(name, value)
    if settings["mode"] == "apart" or settings["uid"]:  # elsewhere the teacher's other programs would count
        set_limit(resource.RLIMIT_NPROC, settings["processes"])


def set_limit(name: int, value: int) -> None:
    hard = resource.getrlimit(name)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(name, (value, value))


def become_nobody(uid: int) -> None:
    """Take a user's number that owns nothing; each submission has one, so that they cannot touch one another."""
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)


def start(settings: dict) -> None:
    """Turn this process into the program."""
    limit(settings)
    if settings["uid"]:
        become_nobody(settings["uid"])
    if sys.platform == "linux":
        call("prctl", SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    os.chdir(settings["work"])
    os.execve(settings["command"][0], settings["command"], settings["environment"])


def as_first_process(settings: dict) -> None:
    """Be process 1 of the new process numbers: when it ends, the system ends every other one."""
    call("prctl", SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    arrange_files(settings)
    program = os.fork()
    if program == 0:
        start(settings)
    while True:
        ended, status = os.wait()
        if ended == program:
            os._exit(min(255, abs(os.waitstatus_to_exitcode(status))))


def main() -> None:
    """Do what the settings say."""
    settings = json.loads(sys.argv[1])
    if settings["mode"] == "limits":
        start(settings)
    separate()
    first = os.fork()
    if first == 0:
        as_first_process(settings)
    _, status = os.waitpid(first, 0)
    os._exit(min(255, abs(os.waitstatus_to_exitcode(status))))


if __name__ == "__main__":
    main()
