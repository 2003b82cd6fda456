"""Show the teacher which programs are the same: as the published solution, as the library's, as another learner's.

Two programs are the same when nothing but names, comments and layout differs. That proves nothing about a short one,
so short ones do not count, nor does what was handed out. It is a reason to talk, and costs no marks.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Sequence

from exercises.grading import corpus, exercise, sandbox_reader
from exercises.grading.exercise import Exercise
from exercises.grading.scoring import Result

PUBLISHED, LIBRARY = "the published solution", "the course's library"

HEADING = ("exercise", "students", "same as", "in", "programs alike")


def _shapes(texts: Iterable[str]) -> set[str]:
    return {shape for text in texts for _, shape in sandbox_reader.shapes(sandbox_reader.parse(text))}


@functools.cache
def library() -> set[str]:
    """Return the shapes of what the course's library defines."""
    return _shapes(path.read_text(encoding="utf-8") for path in (exercise.FOLDER.parent / "lessonlib").rglob("*.py"))


def published(source: Exercise) -> dict[str, str]:
    """Return the shapes that a learner's own work does not have by chance, with where they come from."""
    answers = [cell.source for cell in source.with_role("answer")]
    ours = answers + [cell for variant in corpus.variants(source.stem) if not variant.loses for cell in variant.cells]
    # A learner may leave the lines `name = None` that were handed out, or not.
    ours += ["\n".join(line for line in text.splitlines() if not line.endswith(" = None")) for text in answers]
    return dict.fromkeys(library(), LIBRARY) | dict.fromkeys(_shapes(ours), PUBLISHED)


def find(results: Sequence[Result], source: Exercise, handed_out: Iterable[str]) -> list[list[object]]:
    """Return a line for each learner, or group of learners, with the same programs in one exercise.

    `handed_out` holds the shapes of the cells that everybody got.
    """
    known, common = published(source), set(handed_out)
    who, names = defaultdict(set), {}
    for one in results:
        for defined, shape in one.shapes:
            if shape not in common:
                who[shape].add(one.student)
                names[shape] = ", ".join(defined)
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for shape, students in who.items():
        if shape in known:
            for student in students:
                groups[known[shape], student].add(names[shape])
        elif len(students) > 1:
            groups["each other", "; ".join(sorted(students))].add(names[shape])
    rows = [[source.stem, who, same, "; ".join(sorted(what)), len(what)] for (same, who), what in groups.items()]
    return sorted(rows, key=lambda row: (-row[4], row))
