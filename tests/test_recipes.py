"""A recipe says everything that decides a training, and an impossible one is refused when it is made."""

from __future__ import annotations

import dataclasses
import re

import pytest

from lessonlib import training
from lessonlib.training import RECIPES, Recipe

TINY = Recipe(name="tiny", n_train=0, n_val=40, epochs=5, batch_size=20, channels=(8, 16))


def test_the_sweep_crosses_sizes_and_widths_and_its_largest_member_is_the_main_recipe() -> None:
    main = RECIPES["main"]
    members = [training.sweep_recipe(n, c) for n in training.SWEEP_SIZES for c in training.SWEEP_CHANNELS]
    assert main == members[-1]
    for recipe in members:
        assert RECIPES[recipe.name] == recipe
        size_and_width = {"name": recipe.name, "n_train": recipe.n_train, "channels": recipe.channels}
        assert recipe == dataclasses.replace(main, **size_and_width), "it differs in more than size and width"


@pytest.mark.parametrize(("n", "channels", "value"), [(-1, (8,), "got -1"), (1000, (0,), "got 0")])
def test_an_impossible_member_of_the_sweep_is_refused(n: int, channels: tuple[int, ...], value: str) -> None:
    with pytest.raises(ValueError, match=f"must be a whole number of at least [01], {value}"):
        training.sweep_recipe(n, channels)


def test_every_experiment_is_the_base_recipe_with_its_own_change_alone() -> None:
    for name, recipe in training.EXPERIMENTS.items():
        assert recipe.name == name
        assert RECIPES[name] is recipe
        changed = {
            field.name
            for field in dataclasses.fields(Recipe)
            if getattr(recipe, field.name) != getattr(training.BASE, field.name)
        }
        assert len(changed - {"name"}) == (name != "base")


def test_the_cells_cross_optimiser_schedule_and_batch_norm_and_share_all_else() -> None:
    factors = {(cell.optimizer, cell.schedule, cell.batch_norm) for cell in training.CELLS.values()}
    assert len(factors) == len(training.CELLS) == 8
    same = {
        "optimizer": "sgd",
        "learning_rate": 0.02,
        "schedule": "cosine",
        "batch_norm": True,
        "name": "sgd-cosine-bn",
    }
    assert {dataclasses.replace(cell, **same) for cell in training.CELLS.values()} == {training.CELLS["sgd-cosine-bn"]}
    rates = {(cell.optimizer, cell.learning_rate) for cell in training.CELLS.values()}
    assert len(rates) == 2, "each optimiser has one rate"


def test_trials_at_equal_steps_take_the_steps_of_the_cell() -> None:
    for name, recipe in training.TRIALS.items():
        assert RECIPES[name] is recipe
        if name.startswith("steps-"):
            steps = recipe.passes * -(-recipe.n_train // recipe.batch_size)
            assert steps == pytest.approx(-(-10_000 // 64), rel=0.03)


def test_the_full_recipe_differs_in_name_and_training_images_alone() -> None:
    full = training.BASE.full()
    assert full == dataclasses.replace(training.BASE, name="base-full", n_train=0)


def test_a_sorted_split_of_all_images_is_refused() -> None:
    with pytest.raises(ValueError, match="a sorted split needs n_train above 0"):
        dataclasses.replace(TINY, split="sorted")


BAD_RECIPES = {
    "no-epochs": ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
    "half-epochs": ({"epochs": 2.5}, "epochs must be a whole number of at least 1, got 2.5"),
    "no-batch": ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
    "negative-images": ({"n_train": -1}, "n_train must be a whole number of at least 0, got -1"),
    "no-validation": ({"n_val": 0}, "n_val must be a whole number of at least 1, got 0"),
    "nan-epochs": ({"epochs": float("nan")}, "epochs holds nan"),
    "optimizer": ({"optimizer": "SGD"}, "optimizer must be one of ('sgd', 'adam'), got 'SGD'"),
    "schedule": ({"schedule": "step"}, "schedule must be one of ('cosine', 'constant'), got 'step'"),
    "no-channels": ({"channels": ()}, "channels must name 1 to 5 convolutions"),
    "one-number-of-channels": (
        {"channels": 32},
        "channels must name 1 to 5 convolutions (32 pixels halve 5 times), got",
    ),
    "six-channels": ({"channels": (8,) * 6}, "channels must name 1 to 5 convolutions"),
    "empty-channel": ({"channels": (8, 0)}, "channels must be a whole number of at least 1, got 0"),
    "negative-hidden": ({"hidden": -1}, "hidden must be a whole number of at least 0, got -1"),
    "order": ({"batch_order": "random"}, "batch_order must be one of ('shuffled', 'fixed', 'sorted'), got 'random'"),
    "split": ({"split": "stratified"}, "split must be one of ('official', 'sorted'), got 'stratified'"),
    "negative-test": ({"n_test": -1}, "n_test must be a whole number of at least 0, got -1"),
}


@pytest.mark.parametrize("bad", BAD_RECIPES.values(), ids=BAD_RECIPES)
def test_an_impossible_recipe_is_refused_when_it_is_made(bad: tuple) -> None:
    changes, message = bad
    with pytest.raises(ValueError, match=re.escape(message)):
        dataclasses.replace(TINY, **changes)


def test_whole_numbers_given_as_floats_are_taken_as_whole() -> None:
    recipe = dataclasses.replace(TINY, n_train=1e2, epochs=3.0, channels=[8, 16])
    assert (recipe.n_train, recipe.epochs, recipe.channels) == (100, 3, (8, 16))
    assert isinstance(recipe.n_train, int)
