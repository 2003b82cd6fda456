"""The made-up problems: each is what its docstring says, the same for the same seed, and refuses nonsense."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonlib import problems
from lessonlib.problems import Examples

PATIENT = settings(deadline=None)

GENERATORS: dict[str, Callable[..., Examples]] = {
    "digits, training": lambda rng: problems.digits(rng=rng)[0],
    "digits, validation": lambda rng: problems.digits(rng=rng)[1],
    "two_phenomena": lambda rng: problems.two_phenomena(rng=rng),
    "teacher, training": lambda rng: problems.teacher(rng=rng)[0],
    "teacher, validation": lambda rng: problems.teacher(rng=rng)[1],
    "leverage_outliers": lambda rng: problems.leverage_outliers(rng=rng),
    "imbalanced_gaussians": lambda rng: problems.imbalanced_gaussians(rng=rng),
    "circle": lambda rng: problems.circle(irrelevant_columns=3, rng=rng),
    "coin_groups, training": lambda rng: problems.coin_groups(rng=rng)[0],
    "coin_groups, validation": lambda rng: problems.coin_groups(rng=rng)[1],
    "xor": lambda rng: problems.xor(rng=rng),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_examples_are_float32_features_and_int64_labels(name: str) -> None:
    examples = GENERATORS[name](0)
    assert (examples.x.dtype, examples.y.dtype) == (np.float32, np.int64)
    assert examples.x.ndim == 2
    assert examples.y.shape == (len(examples.x),)
    assert np.isfinite(examples.x).all()


@pytest.mark.parametrize("name", GENERATORS)
def test_the_same_seed_gives_the_same_problem_and_another_seed_another(name: str) -> None:
    one, again, other = (GENERATORS[name](seed) for seed in (3, np.random.default_rng(3), 4))
    np.testing.assert_array_equal(one.x, again.x)
    np.testing.assert_array_equal(one.y, again.y)
    assert not np.array_equal(one.x, other.x)


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_moves_on_so_that_two_draws_differ(name: str) -> None:
    rng = np.random.default_rng(0)
    assert not np.array_equal(GENERATORS[name](rng).x, GENERATORS[name](rng).x)


# --- wrong labels -------------------------------------------------------------------------------------------------


@given(st.integers(0, 99), st.integers(2, 12), st.floats(0, 1), st.floats(0, 1))
@PATIENT
def test_wrong_labels_are_other_classes_and_grow_with_the_share(seed: int, k: int, a: float, b: float) -> None:
    labels = np.random.default_rng(seed).integers(0, k, 200)
    few, many = (problems.flip_labels(labels, share, n_classes=k, rng=seed) for share in sorted((a, b)))
    for flipped in (few, many):
        assert flipped.dtype == np.int64
        assert flipped.min() >= 0
        assert flipped.max() < k
    wrong = few != labels
    np.testing.assert_array_equal(few[wrong], many[wrong])  # what was wrong stays wrong, in the same way


def test_the_share_of_wrong_labels_is_the_one_asked_for_and_every_other_class_as_likely() -> None:
    labels = np.full(60_000, 2)
    flipped = problems.flip_labels(labels, 0.3, n_classes=4, rng=0)
    shares = np.bincount(flipped, minlength=4) / len(labels)
    np.testing.assert_allclose(shares, [0.1, 0.1, 0.7, 0.1], atol=0.005)


def test_labels_stay_whole_numbers_when_the_number_of_classes_is_given_as_a_float() -> None:
    flipped = problems.flip_labels([0, 1, 2], 0.5, n_classes=3.0, rng=0)
    assert flipped.dtype == np.int64


def test_a_share_of_nothing_and_of_everything() -> None:
    labels = np.arange(10) % 3
    np.testing.assert_array_equal(problems.flip_labels(labels, 0, n_classes=3, rng=0), labels)
    assert (problems.flip_labels(labels, 1, n_classes=3, rng=0) != labels).all()
    assert (labels == np.arange(10) % 3).all()  # the labels given are not touched


@pytest.mark.parametrize(
    ("labels", "share", "n_classes", "message"),
    [([0, 1], 1.5, 2, "share .* got 1.5"), ([0, 0], 0.5, 1, "n_classes .* got 1"), ([0, 5], 0.5, 3, "label 5")],
)
def test_labels_that_cannot_be_flipped_are_refused(labels: list, share: float, n_classes: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        problems.flip_labels(labels, share, n_classes=n_classes, rng=0)


# --- digits -------------------------------------------------------------------------------------------------------


def test_digits_are_those_of_scikit_learn_without_overlap() -> None:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    known = {tuple(row): label for row, label in zip(pixels / 16, labels, strict=True)}
    train, val = problems.digits(900, 897, rng=0)
    both = [*map(tuple, np.vstack([train.x, val.x]).astype(np.float64))]
    assert sorted(both) == sorted(map(tuple, pixels / 16))  # all of them, each once
    assert [known[row] for row in both] == [*train.y, *val.y]
    assert train.x.min() == 0
    assert train.x.max() == 1


# --- two phenomena ------------------------------------------------------------------------------------------------


def test_board_points_have_the_colour_of_their_field_and_coin_points_lie_at_the_centre() -> None:
    x, y = problems.two_phenomena(4_000, coin_share=0.25, noise_columns=6, rng=0)
    assert x.shape == (4_000, 8)
    is_coin = (x[:, 2:] != 0).any(axis=1)
    assert is_coin.mean() == pytest.approx(0.25, abs=0.03)
    assert (x[is_coin, :2] == 0).all()
    board = x[~is_coin]
    np.testing.assert_array_equal((np.floor(board[:, 0]) + np.floor(board[:, 1])) % 2, y[~is_coin])
    assert len(np.unique(np.floor(board[:, :2]), axis=0)) == 16  # a board of 4 x 4 fields
    assert y[is_coin].mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("share", [0, 1])
def test_all_board_or_all_coins(share: int) -> None:
    x, _ = problems.two_phenomena(300, coin_share=share, rng=0)
    assert (x[:, 2:] != 0).any() == bool(share)


# --- teacher ------------------------------------------------------------------------------------------------------


def test_the_teachers_classes_are_even_and_its_rule_is_the_same_for_both_sets() -> None:
    train, val = problems.teacher(4_000, 2_000, rng=0)
    assert (train.x.shape, val.x.shape) == ((4_000, 20), (2_000, 20))
    assert train.y.mean() == pytest.approx(0.5, abs=0.05)
    design = np.column_stack([train.x, np.ones(len(train.x))])
    rule = np.linalg.lstsq(design, train.y - 0.5, rcond=None)[0]
    guess = np.column_stack([val.x, np.ones(len(val.x))]) @ rule > 0
    assert (guess == val.y).mean() > 0.7  # even a linear rule learnt on one set helps on the other


# --- leverage outliers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [20, 21, 200, 201])
def test_outliers_are_far_points_of_class_0_and_there_are_n_points_in_all(n: int) -> None:
    x, y = problems.leverage_outliers(n, n_outliers=5, distance=30, rng=0)
    assert len(x) == n
    far = x[:, 0] > 20
    assert far.sum() == 5
    assert (y[far] == 0).all()
    assert (x[far, 1] == 3).all()
    assert (x[~far, 1] == 0).all()
    assert abs((y == 0).sum() - 5 - (y == 1).sum()) <= 1
    assert x[y == 1, 0].mean() == pytest.approx(1, abs=0.4)


def test_without_outliers_two_groups_remain() -> None:
    x, y = problems.leverage_outliers(50, n_outliers=0, rng=0)
    assert len(x) == 50
    assert np.bincount(y).tolist() == [25, 25]


# --- imbalanced Gaussians -----------------------------------------------------------------------------------------


def test_the_classes_have_the_share_and_the_distance_asked_for() -> None:
    x, y = problems.imbalanced_gaussians(60_000, positive_share=0.2, separation=2.0, rng=0)
    assert y.mean() == pytest.approx(0.2, abs=0.01)
    centres = [x[y == label].mean(axis=0) for label in (0, 1)]
    assert np.linalg.norm(centres[1] - centres[0]) == pytest.approx(2.0, abs=0.05)
    assert (centres[1] > centres[0]).all()
    np.testing.assert_allclose([x[y == label].std(axis=0) for label in (0, 1)], 1, atol=0.02)


# --- circle -------------------------------------------------------------------------------------------------------


@given(st.integers(0, 99), st.integers(1, 300), st.integers(0, 30))
@PATIENT
def test_class_1_lies_within_the_quarter_circle_whatever_the_other_columns(seed: int, n: int, columns: int) -> None:
    x, y = problems.circle(n, irrelevant_columns=columns, rng=seed)
    assert x.shape == (n, 2 + columns)
    assert x.min() >= 0
    assert x.max() <= 1
    radius = np.hypot(x[:, 0], x[:, 1])
    clear = np.abs(radius - np.sqrt(0.5)) > 1e-6  # float32 may round a point on the circle to the other side
    np.testing.assert_array_equal(y[clear], (radius < np.sqrt(0.5))[clear])


def test_the_circles_share_is_its_area_and_other_columns_say_nothing() -> None:
    x, y = problems.circle(40_000, irrelevant_columns=2, rng=0)
    assert y.mean() == pytest.approx(np.pi / 8, abs=0.01)
    correlations = np.corrcoef(np.column_stack([x, y]), rowvar=False)[-1, :-1]
    assert (correlations[:2] < -0.4).all()
    np.testing.assert_allclose(correlations[2:], 0, atol=0.02)


# --- groups with a coin inside ------------------------------------------------------------------------------------


def test_the_group_can_be_told_and_the_class_within_it_is_a_coin() -> None:
    train, val = problems.coin_groups(4_000, 8_000, bias=0.7, rng=0)
    assert (train.x.shape, val.x.shape) == ((4_000, 10), (8_000, 10))
    centres = np.array([train.x[train.y // 2 == group].mean(axis=0) for group in range(5)])
    nearest = np.linalg.norm(val.x[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == val.y // 2).mean() > 0.99  # one rule for both sets
    heads = val.y % 2 == 0
    assert heads.mean() == pytest.approx(0.7, abs=0.02)
    offset = val.x - centres[val.y // 2]
    correlations = [np.corrcoef(column, heads)[0, 1] for column in offset.T]
    np.testing.assert_allclose(correlations, 0, atol=0.04)  # within a group nothing tells the class


def test_a_coin_that_always_falls_alike_leaves_one_class_per_group() -> None:
    train, _ = problems.coin_groups(300, 1, bias=1, rng=0)
    assert sorted(set(train.y)) == [0, 2, 4, 6, 8]


# --- two signs ----------------------------------------------------------------------------------------------------


def test_class_1_is_where_the_signs_differ_and_no_line_helps() -> None:
    x, y = problems.xor(20_000, positive_share=0.4, rng=0)
    assert y.mean() == pytest.approx(0.4, abs=0.02)
    assert ((np.sign(x[:, 0]) != np.sign(x[:, 1])) == y).mean() > 0.99
    corners = np.sign(x)
    np.testing.assert_allclose((x - corners).std(axis=0), 0.35, atol=0.01)
    assert len(np.unique(corners, axis=0)) == 4
    correlations = np.corrcoef(np.column_stack([x, y]), rowvar=False)[-1, :-1]
    np.testing.assert_allclose(correlations, 0, atol=0.03)


@pytest.mark.parametrize("share", [0, 1])
def test_all_signs_agree_or_all_differ(share: int) -> None:
    x, y = problems.xor(50, positive_share=share, rng=0)
    assert (y == share).all()
    assert (np.sign(x.prod(axis=1)) == 1 - 2 * share).mean() > 0.95


# --- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("generator", "options", "message"),
    [
        (problems.digits, {"n_train": 1_000, "n_val": 798}, "there are 1797 digits"),
        (problems.digits, {"n_val": 0}, "n_val .* got 0"),
        (problems.two_phenomena, {"noise_columns": 0}, "noise_columns .* got 0"),
        (problems.teacher, {"n_train": 0}, "n_train .* got 0"),
        (problems.leverage_outliers, {"n": 5, "n_outliers": 5}, "n must be a whole number of at least 7, got 5"),
        (problems.imbalanced_gaussians, {"separation": -1}, "separation .* got -1"),
        (problems.circle, {"irrelevant_columns": -1}, "irrelevant_columns .* got -1"),
        (problems.coin_groups, {"bias": 0.4}, "bias .* got 0.4"),
        (problems.xor, {"positive_share": -0.1}, "positive_share .* got -0.1"),
    ],
)
def test_an_impossible_problem_is_refused_by_name(generator: Callable, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generator(**options, rng=0)
