"""Record the runs of lesson 11: ``python -m lessonlib.language``; those that exist are kept."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from lessonlib import runs
from lessonlib.language import learning
from lessonlib.language.learning import TaskRecipe, TextRecipe

#: The recorded runs of the tasks: the letters of a word sorted in every way, and what is recorded with fewer seeds.
SORTING = [
    *(TaskRecipe(n_train=n, pretrained=pretrained) for n in (1_000, 250) for pretrained in (False, True)),
    *(TaskRecipe(n_train=n, schedule="cosine") for n in (1_000, 250)),
]
FEWER_SEEDS = [TaskRecipe(pretrained=False, counted="everything"), TaskRecipe(task="vowels", pretrained=False),
               TaskRecipe(task="add", pretrained=False)]  # fmt: skip
#: What lies between, without its tokens, and with how many seeds.
HALFWAY = {TaskRecipe(n_train=500, pretrained=False): 8, TaskRecipe(n_train=500): 8,
           TaskRecipe(n_train=500, schedule="cosine"): 5}  # fmt: skip


def record(folder: Path, seeds: range) -> Iterator[Path]:
    """Record what is not there yet, and yield each file when it is written."""
    starts: dict[int, dict[str, Any]] = {}

    def start(seed: int) -> dict[str, Any]:
        if seed not in starts:
            run, starts[seed] = learning.learn_text(TextRecipe(), seed, keep_tokens=3_000 if seed == seeds[0] else 0)
            if not (path := folder / runs.recording_name("text", seed)).exists():
                run.save(path)
        return starts[seed]

    plan = [([TextRecipe()], seeds), (SORTING, seeds[:1]), (FEWER_SEEDS, seeds[:1]), (SORTING[:2], seeds),
            (FEWER_SEEDS, seeds[:3]), (SORTING, seeds), *(([r], seeds[:n]) for r, n in HALFWAY.items())]  # fmt: skip
    for recipes, these in plan:
        for recipe, seed in product(recipes, these):
            path = folder / runs.recording_name(recipe.name, seed)
            if path.exists():
                continue
            if isinstance(recipe, TextRecipe):
                start(seed)
            else:
                from_manual = start(seed) if recipe.pretrained else None
                tokens = seed == seeds[0] and recipe not in HALFWAY
                learning.learn_task(recipe, seed, from_manual, keep_tokens=tokens)[0].save(path)
            yield path


def main() -> None:
    """Record the runs of lesson 11: about half an hour on a free core."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, help="folder (default: that of the course)")
    options = parser.parse_args()
    for path in record(options.out or runs.recordings_folder(), range(10, 20)):
        print(path.name, flush=True)


if __name__ == "__main__":
    main()
