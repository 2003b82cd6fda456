"""The learner's own copy of lessons and exercises, in the folder ``my-course``, which git ignores.

What is new is filled in. What the learner has changed is never touched: where the course has a newer version, that is
said, and ``course.py fresh`` gives it while the learner's is kept under another name.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "my-course"
COPIED = ("notebooks/*.ipynb", "notebooks/logs/*", "exercises/*.ipynb")
RECORD = ".copied.json"  # in the folder: for each file, the hash of the version that was copied


@dataclass
class Filled:
    """What `fill` did, as names like ``notebooks/02_four_quadrants.ipynb``.

    Attributes
    ----------
    new, updated : list of str
        Copied because it was not there; replaced because the learner had not changed it and the course had.
    newer : list of str
        Changed by the learner, and since then by the course too: left alone.
    """

    new: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    newer: list[str] = field(default_factory=list)


def fingerprint(path: Path) -> str:
    """Return a hash of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def originals(root: Path) -> dict[str, Path]:
    """Return the course's own files that are copied, by their name from its top folder."""
    found = (path for pattern in COPIED for path in sorted(root.glob(pattern)))
    return {path.relative_to(root).as_posix(): path for path in found}


def read_record(folder: Path) -> dict[str, str]:
    """Return which version of each file was copied; a record that cannot be read counts as none."""
    try:
        return dict(json.loads((folder / RECORD).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def write_record(folder: Path, record: dict[str, str]) -> None:
    """Write which versions were copied."""
    folder.mkdir(exist_ok=True)
    (folder / RECORD).write_text(json.dumps(record, indent=1), encoding="utf-8")


def fill(root: Path = ROOT, folder: Path | None = None) -> Filled:
    """Bring the learner's folder up to date without losing anything of theirs; return what was done."""
    folder = folder or FOLDER
    record, done = read_record(folder), Filled()
    for name, original in originals(root).items():
        own, now = folder / name, fingerprint(original)
        if not own.exists():
            copy(original, own)
            done.new.append(name)
        elif fingerprint(own) == now:
            pass
        elif fingerprint(own) == record.get(name):
            copy(original, own)
            done.updated.append(name)
        else:
            if record.get(name) != now:
                done.newer.append(name)
            continue  # the record keeps the version that the learner started from
        record[name] = now
    write_record(folder, record)
    return done


def copy(original: Path, own: Path) -> None:
    """Copy a file whole or not at all."""
    own.parent.mkdir(parents=True, exist_ok=True)
    half = own.with_name(f".{own.name}.part")
    shutil.copyfile(original, half)
    half.replace(own)


def fresh(name: str, root: Path = ROOT, folder: Path | None = None) -> Path | None:
    """Give a file as the course has it; return where the learner's was put, or None if there was none.

    Raises
    ------
    KeyError
        If the course has no such file.
    """
    folder = folder or FOLDER
    original, own, kept = originals(root)[name], folder / name, None
    if own.exists() and fingerprint(own) != fingerprint(original):
        taken = (own.with_name(f"{own.stem}-mine-{number}{own.suffix}") for number in range(1, 1000))
        kept = own.replace(next(path for path in taken if not path.exists()))
    copy(original, own)
    write_record(folder, read_record(folder) | {name: fingerprint(original)})
    return kept


def pick(word: str, root: Path = ROOT) -> str | None:
    """Return the name of what a learner asks for, or None: "2" and "03b" are lessons, "exercise-2" is an exercise.

    >>> pick("2")
    'notebooks/02_four_quadrants.ipynb'
    """
    for name in originals(root):
        folder, file = name.split("/", 1)
        number = file.removeprefix("exercise_").split("_")[0].lstrip("0") or "0"
        kind = {"notebooks": "", "exercises": "exercise-"}[folder]
        if re.sub(r"^(exercise-)?0+(?=\w)", r"\1", word) == kind + number or word in (name, file, Path(file).stem):
            return name
    return None
