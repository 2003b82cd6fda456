"""Where files are kept, and how they are written so that nothing of the user's is lost.

A file is written beside its place and moved there when complete: a reader sees the old one or the new one, never half.
"""

from __future__ import annotations

import json
import os
import secrets
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import platformdirs

#: Environment variable that moves the learner's answers to another folder.
HOME_VARIABLE = "LESSONLIB_HOME"


def learner_folder() -> Path:
    """Return the folder of the learner's answers, ``$LESSONLIB_HOME`` or the user's data folder, made if missing."""
    chosen = os.environ.get(HOME_VARIABLE)
    folder = Path(chosen) if chosen else platformdirs.user_data_path("lessonlib", appauthor=False)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def course_folder(name: str, chosen: str | None = None, *, remedy: str) -> Path:
    """Return a folder of the course's: the one chosen, else `name` here, else ``notebooks/name`` beside the package."""
    places = [Path(chosen)] if chosen else [Path(name), Path(__file__).resolve().parents[1] / "notebooks" / name]
    for folder in places:
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"no {name} at {' or '.join(map(str, places))}: {remedy}.")


def write_atomically(path: str | os.PathLike[str], write: Callable[[BinaryIO], None]) -> Path:
    """Let `write` fill an open binary file, completely or not at all, and return its path.

    The folder is made if missing. An old file is replaced at the end, and untouched if that fails (OSError).
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile: its files are readable by their owner alone, and a recording is for everyone.
    part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        with open(part, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target


def append_record(name: str, record: Mapping[str, Any]) -> None:
    """Append one record, anything that JSON can hold, to a file of the learner; on disk when the function returns.

    A single write in append mode keeps the lines of two open notebooks apart; nothing already written is rewritten.
    """
    line = json.dumps(record, sort_keys=True).encode() + b"\n"
    with open(learner_folder() / name, "ab+") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        if file.read(1) not in (b"", b"\n"):  # an earlier writer was killed half-way
            line = b"\n" + line
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read_records(name: str, *keys: str) -> list[dict[str, Any]]:
    """Read those records of a file of the learner that hold all of `keys`, oldest first; none if there is no such file.

    A line that is no such record (a writer was killed half-way, or it was edited) stays in the file, with a warning.
    """
    try:
        path = learner_folder() / name
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # nothing is kept yet, or nothing can be; whoever keeps something is told
        return []
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):  # no JSON, a number of thousands of digits, lists within lists within ...
            record = None
        if isinstance(record, dict) and record.keys() >= set(keys):
            records.append(record)
        elif line.strip():
            warnings.warn(f"{path}, line {number} is damaged and was passed over: {line[:40]!r}", stacklevel=2)
    return records
