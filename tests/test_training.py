"""A recipe trains a network that learns, measures it as it says, and records all that is needed to repeat it."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lessonlib import calibration, metrics, runs, training
from lessonlib.cifar10 import ImageData, load
from lessonlib.training import RECIPES, Recipe
from tests.tiny_cifar10 import make_tiny_cifar10

ROOT = Path(__file__).resolve().parents[1]
N_TRAIN, N_VAL = 200, 40
TINY = Recipe(name="tiny", n_train=0, n_val=N_VAL, epochs=5, batch_size=20, channels=(8, 16))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    """Return the tiny synthetic data set."""
    return load(make_tiny_cifar10(tmp_path_factory.mktemp("tiny"), n_per_file=40))


@pytest.fixture(scope="module")
def tiny_run(images: ImageData) -> runs.Run:
    """Return the run that most tests look at."""
    return train(TINY, images, keep_logits=N_VAL)


def train(recipe: Recipe, images: ImageData, seed: int = 0, **options: object) -> runs.Run:
    """Train on the CPU, where the same seed gives the same numbers."""
    return training.train(recipe, images, seed=seed, device="cpu", **options)


# --- what training does -------------------------------------------------------------------------------------------


def test_the_network_learns(tiny_run: runs.Run) -> None:
    # Chance is 0.1; of 40 validation images more than 0.3 come from guessing once in 5,000 runs.
    assert tiny_run["val_accuracy"][-1] > 0.3
    assert tiny_run["train_loss"][-1] < tiny_run["train_loss"][0]
    assert tiny_run["running_train_loss"][-1] < np.log(10)


@pytest.mark.parametrize("changes", [{"optimizer": "adam", "learning_rate": 3e-3}, {"batch_norm": False, "hidden": 32}])
@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_every_kind_of_recipe_reduces_the_training_loss(images: ImageData, changes: dict, schedule: str) -> None:
    run = train(dataclasses.replace(TINY, schedule=schedule, **changes), images)
    assert run["train_loss"][-1] < run["train_loss"][0]


def test_the_same_seed_gives_the_same_run(images: ImageData, tiny_run: runs.Run) -> None:
    again = train(TINY, images, keep_logits=N_VAL)
    for name in tiny_run.metrics:
        np.testing.assert_array_equal(again[name], tiny_run[name])
    np.testing.assert_array_equal(again.val_logits, tiny_run.val_logits)


def test_another_seed_gives_another_run(images: ImageData, tiny_run: runs.Run) -> None:
    other = train(TINY, images, seed=1)
    assert (other["val_loss"] != tiny_run["val_loss"]).all()


def test_the_seed_draws_the_training_images_and_leaves_the_validation_images(images: ImageData) -> None:
    recipe = dataclasses.replace(TINY, n_train=30, n_val=25)
    picks = [training._pick_examples(recipe, images, seed) for seed in (0, 0, 1)]
    for train_set, held_out in picks:
        val_set = held_out["val"]
        assert train_set[0].shape == (30, 32, 32, 3)
        assert len({image.tobytes() for image in train_set[0]}) == 30, "an image was drawn twice"
        np.testing.assert_array_equal(val_set[0], images.test_images[:25])
        np.testing.assert_array_equal(val_set[1], images.test_labels[:25])
    np.testing.assert_array_equal(picks[0][0][0], picks[1][0][0])
    assert (picks[0][0][0] != picks[2][0][0]).any()


def test_images_and_labels_stay_together_when_a_subset_is_drawn(images: ImageData) -> None:
    label_of = {image.tobytes(): label for image, label in zip(images.train_images, images.train_labels, strict=True)}
    (chosen, labels), _ = training._pick_examples(dataclasses.replace(TINY, n_train=50), images, 3)
    assert [label_of[image.tobytes()] for image in chosen] == labels.tolist()


# --- what a recipe changes ------------------------------------------------------------------------------------------


def trainer_of(recipe: Recipe, images: ImageData, seed: int = 0) -> training.Trainer:
    """Return the trainer of a recipe before its first step."""
    examples, _ = training._pick_examples(recipe, images, seed)
    return training.Trainer(
        recipe, training.build_network(recipe), examples, seed=seed, device="cpu", precision="float32"
    )


def test_test_images_are_those_after_the_validation_images(images: ImageData) -> None:
    recipe = dataclasses.replace(TINY, n_val=25, n_test=10)
    _, held_out = training._pick_examples(recipe, images, 0)
    np.testing.assert_array_equal(held_out["test"][0], images.test_images[25:35])
    run = train(dataclasses.replace(recipe, epochs=1), images)
    assert {"test_loss", "test_accuracy", "test_refinement_bound", "test_scaled_loss"} <= set(run.metrics)


def test_label_noise_replaces_about_its_share_of_the_training_labels_and_no_validation_label(images: ImageData) -> None:
    clean, held_out = training._pick_examples(TINY, images, 0)
    noisy, noisy_held_out = training._pick_examples(dataclasses.replace(TINY, label_noise=0.5), images, 0)
    np.testing.assert_array_equal(noisy[0], clean[0])
    assert 0.35 < (noisy[1] != clean[1]).mean() < 0.65
    np.testing.assert_array_equal(noisy_held_out["val"][1], held_out["val"][1])


def test_with_label_noise_validation_is_measured_against_noisy_labels_too(
    images: ImageData, tiny_run: runs.Run
) -> None:
    noisy = train(dataclasses.replace(TINY, label_noise=1.0), images)
    # Every training label is wrong, so what the network learns is right about the noisy labels, not the true ones.
    assert noisy["noisy_val_accuracy"][-1] + noisy["val_accuracy"][-1] <= 1
    np.testing.assert_array_equal(noisy["noisy_val_confidence"], noisy["val_confidence"])
    assert "noisy_val_loss" not in tiny_run.metrics


def test_a_sorted_split_trains_on_the_first_classes_and_validates_on_the_last(images: ImageData) -> None:
    recipe = dataclasses.replace(TINY, n_train=150, n_val=40, split="sorted")
    (_, labels), held_out = training._pick_examples(recipe, images, 0)
    assert (len(labels), len(held_out["val"][1])) == (150, 40)
    assert labels.max() <= held_out["val"][1].min()
    assert len(set(labels[:30])) == len(set(labels)), "the first ones, which are measured, are not drawn at random"


def test_too_many_images_for_a_sorted_split_are_refused(images: ImageData) -> None:
    with pytest.raises(ValueError, match="wants 230 images of the training file and 0 of the test file"):
        train(dataclasses.replace(TINY, n_train=190, n_val=40, split="sorted"), images)


def test_batches_are_shuffled_anew_kept_or_sorted_as_the_recipe_says(images: ImageData) -> None:
    seen = {}
    for order in ("shuffled", "fixed", "sorted"):
        trainer = trainer_of(dataclasses.replace(TINY, batch_order=order), images)
        seen[order] = [np.concatenate(trainer.fixed_batches or trainer._shuffled_batches()) for _ in range(2)]
        assert sorted(seen[order][0]) == list(range(N_TRAIN))
    assert (seen["shuffled"][0] != seen["shuffled"][1]).any()
    np.testing.assert_array_equal(*seen["fixed"])
    assert (np.diff(trainer.labels.numpy()[seen["sorted"][0]]) >= 0).all()


def test_input_noise_has_the_standard_deviation_of_the_recipe(images: ImageData) -> None:
    trainer = trainer_of(dataclasses.replace(TINY, input_noise=0.3), images)
    noise = (trainer._distort(trainer.images) - trainer.images).numpy()
    assert noise.std() == pytest.approx(0.3, rel=0.01)
    assert abs(noise.mean()) < 0.01


def test_without_noise_or_augmentation_the_network_sees_the_images_themselves(images: ImageData) -> None:
    trainer = trainer_of(TINY, images)
    assert trainer._distort(trainer.images) is trainer.images


def test_augmentation_mirrors_and_shifts_each_image_by_up_to_four_pixels() -> None:
    import torch

    image = torch.rand(3, 32, 32)
    shown = training._mirror_and_shift(image.expand(400, 3, 32, 32), torch.Generator().manual_seed(0)).numpy()
    grey = np.pad(image.numpy(), ((0, 0), (4, 4), (4, 4)))
    mirrored = np.pad(image.numpy()[:, :, ::-1], ((0, 0), (4, 4), (4, 4)))
    possible = {
        source[:, y : y + 32, x : x + 32].tobytes(): (name, y, x)
        for name, source in (("as it is", grey), ("mirrored", mirrored))
        for y in range(9)
        for x in range(9)
    }
    drawn = [possible[np.ascontiguousarray(one).tobytes()] for one in shown]
    assert 140 < sum(name == "mirrored" for name, _, _ in drawn) < 260
    assert {y for _, y, _ in drawn} == {x for _, _, x in drawn} == set(range(9))


def test_dropout_acts_before_the_last_layer_in_training_steps_alone(images: ImageData) -> None:
    import torch

    network = training.build_network(dataclasses.replace(TINY, dropout=0.5))
    assert isinstance(network[-2], torch.nn.Dropout)
    np.testing.assert_array_equal(*(training.predict_logits(network, images.test_images) for _ in range(2)))


def test_label_smoothing_raises_the_loss_that_is_minimised_and_not_the_one_that_is_measured(images: ImageData) -> None:
    still = dataclasses.replace(NO_BATCH_NORM, learning_rate=0.0, epochs=1)
    plain, smooth = (train(dataclasses.replace(still, label_smoothing=share), images) for share in (0.0, 0.5))
    assert smooth["running_train_loss"][0] != pytest.approx(plain["running_train_loss"][0], rel=1e-4)
    assert smooth["val_loss"][0] == plain["val_loss"][0]


def test_a_residual_network_halves_the_image_between_stages_and_adds_what_comes_in() -> None:
    import torch

    recipe = training.RECIPES["resnet-8"]
    network = training.build_network(recipe).eval()
    convolutions = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    # One at the beginning, two in each of three blocks, and a 1x1 one where channels and size change: ResNet-8.
    assert sorted(layer.kernel_size[0] for layer in convolutions) == [1, 1, *[3] * 7]
    blocks = network[3:6]
    sizes = [tuple(blocks[: n + 1](torch.rand(2, 16, 32, 32)).shape[1:]) for n in range(3)]
    assert sizes == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]
    block = blocks[0]
    torch.nn.init.zeros_(block.change[-1].weight)  # its last normalisation: the block then changes nothing
    before = torch.rand(2, 16, 32, 32)
    torch.testing.assert_close(block(before), before)


def test_a_resnet_18_has_the_parameters_of_its_family() -> None:
    # 11.17 million for ten classes and images of 32 pixels (He et al. 2016, as others count it).
    assert n_parameters(training.RECIPES["resnet-18"]) == 11_173_962


def test_a_fixed_length_of_the_logits_holds_in_training_and_after_it(images: ImageData) -> None:
    network = training.build_network(dataclasses.replace(TINY, logit_norm=7.0))
    logits = training.predict_logits(network, images.test_images)
    np.testing.assert_allclose(np.linalg.norm(logits, axis=1), 7, rtol=1e-5)


def test_focal_loss_counts_an_answer_less_the_surer_it_is(images: ImageData) -> None:
    import torch

    logits, labels = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0])
    p = logits.softmax(1)[:, 0]
    loss = trainer_of(dataclasses.replace(TINY, focal_gamma=2.0), images)._loss(logits, labels)
    torch.testing.assert_close(loss, ((1 - p) ** 2 * -p.log()).mean())
    assert trainer_of(TINY, images)._loss(logits, labels) == torch.nn.functional.cross_entropy(logits, labels)


def test_more_passes_are_more_steps_of_one_measured_epoch(images: ImageData) -> None:
    steps: list[None] = []
    recipe = dataclasses.replace(TINY, n_train=50, epochs=1, passes=3)  # three times 20 + 20 + 10 images
    run = train(recipe, images, on_batch=lambda: steps.append(None))
    assert (len(steps), run.n_epochs) == (9, 1)


def test_averaged_weights_are_measured_and_leave_training_as_it_was(images: ImageData, tiny_run: runs.Run) -> None:
    averaged = train(dataclasses.replace(TINY, average=0.9), images)
    np.testing.assert_array_equal(averaged["running_train_loss"], tiny_run["running_train_loss"])
    assert (averaged["val_loss"] != tiny_run["val_loss"]).all()


@pytest.mark.parametrize("name", ["focal-2", "logit-norm-10", "resnet-8", "average-constant-bn", "steps-5000"])
def test_every_kind_of_trial_trains_in_mixed_precision(images: ImageData, name: str) -> None:
    small = dataclasses.replace(training.TRIALS[name], n_train=60, n_val=20, n_test=20, epochs=2, channels=(4, 8))
    run = train(small, images, precision="bfloat16", eval_precision="bfloat16")
    assert np.isfinite(run["test_vector_loss"]).all()
    assert run.provenance["eval_precision"] == "bfloat16"


@pytest.mark.parametrize("name", training.EXPERIMENTS)
def test_every_experiment_trains_and_is_measured(images: ImageData, name: str) -> None:
    small = dataclasses.replace(training.EXPERIMENTS[name], n_train=100, n_val=20, n_test=20, epochs=1, channels=(4,))
    run = train(small, images, precision="bfloat16")
    of_none = ("val_confidence_right", "test_confidence_right")  # where all answers are wrong
    assert np.isfinite([values for metric, values in run.metrics.items() if metric not in of_none]).all()
    assert run.provenance["recipe"]["name"] == name


# --- what it measures ---------------------------------------------------------------------------------------------

NO_BATCH_NORM = dataclasses.replace(TINY, batch_norm=False, epochs=3, schedule="constant")


def test_a_run_has_one_value_per_epoch_of_each_metric(tiny_run: runs.Run) -> None:
    assert set(tiny_run.metrics) == {
        "running_train_loss", "running_train_accuracy", "train_loss", "train_accuracy", "train_loss_se",
        "val_loss", "val_accuracy", "val_loss_se", "val_refinement_bound", "val_temperature", "val_confidence",
        "val_confidence_right", "val_confidence_wrong", "val_logit_norm", "val_other_loss",
    }  # fmt: skip
    assert tiny_run.n_epochs == TINY.epochs


def test_details_hold_the_test_pictures_at_the_lowest_validation_loss_and_at_the_end(
    images: ImageData,
) -> None:
    run = train(dataclasses.replace(TINY, n_val=20, n_test=20, learning_rate=0.1), images)
    lowest = run.best_epoch("val_loss") - 1
    details = run.details
    assert {name: array.shape for name, array in details.items()} == {
        "test_losses": (2, 20), "test_scaled_losses": (2, 20), "test_correct": (2, 20),
    }  # fmt: skip
    for name, metric in (("test_losses", "test_loss"), ("test_scaled_losses", "test_scaled_loss"),
                         ("test_correct", "test_accuracy")):  # fmt: skip
        expected = run[metric][[lowest, -1]]
        np.testing.assert_allclose(details[name].astype(float).mean(axis=1), expected, rtol=2e-3)


def test_held_out_sets_are_measured_by_what_was_fitted_elsewhere() -> None:
    rng = np.random.default_rng(0)
    sets = {name: (rng.integers(0, 3, 400), rng.normal(size=(400, 3)).astype(np.float32)) for name in ("val", "test")}
    row = runs.measure(sets)
    labels, logits = sets["test"]
    temperature = calibration.fit_temperature(*sets["val"])
    assert row["test_scaled_loss"] == pytest.approx(metrics.cross_entropy(labels, logits=logits / temperature))
    assert row["test_scaled_loss"] >= row["test_refinement_bound"]
    log_p = metrics.log_softmax(logits)
    for share in (0.1, 0.5):  # wrong labels drawn evenly: their expected loss
        targets = np.full((400, 3), share / 2)
        targets[np.arange(400), labels] = 1 - share
        expected = (1 - share) * row["test_loss"] + share * row["test_other_loss"]
        assert expected == pytest.approx(-(targets * log_p).sum(axis=1).mean())
    confidence, right = np.exp(log_p).max(axis=1), metrics.correct(labels, logits)
    assert row["test_confidence_wrong"] == pytest.approx(confidence[~right].mean())
    losses = calibration.cross_fitted_losses(calibration.vector_scaling, *sets["val"])
    assert row["val_vector_loss"] == pytest.approx(losses.mean())


def test_running_metrics_are_of_the_weights_before_the_steps_and_evaluation_is_of_those_after(
    images: ImageData,
) -> None:
    # One batch per epoch: what runs during an epoch is the evaluation at the end of the epoch before.
    run = train(dataclasses.replace(NO_BATCH_NORM, batch_size=N_TRAIN), images)
    np.testing.assert_allclose(run["running_train_loss"][1:], run["train_loss"][:-1], rtol=1e-5)
    np.testing.assert_allclose(run["running_train_accuracy"][1:], run["train_accuracy"][:-1], atol=1e-6)
    assert (np.abs(run["running_train_loss"] - run["train_loss"]) > 1e-4).all()


@pytest.mark.parametrize("batch_size", [20, 64])
def test_with_weights_that_do_not_move_running_and_evaluated_metrics_agree_on_ragged_batches_too(
    images: ImageData, batch_size: int
) -> None:
    run = train(dataclasses.replace(NO_BATCH_NORM, learning_rate=0.0, batch_size=batch_size), images)
    np.testing.assert_allclose(run["running_train_loss"], run["train_loss"], rtol=1e-5)
    np.testing.assert_allclose(run["running_train_accuracy"], run["train_accuracy"], atol=1e-6)
    np.testing.assert_allclose(run["val_loss"], run["val_loss"][0], rtol=1e-6)


def test_the_bound_of_the_refinement_is_the_loss_at_the_best_temperature_and_never_above_the_loss(
    tiny_run: runs.Run,
) -> None:
    assert (tiny_run["val_refinement_bound"] <= tiny_run["val_loss"]).all()
    for epoch, logits in enumerate(tiny_run.val_logits):
        scaled = logits.astype(float) / tiny_run["val_temperature"][epoch]
        loss = metrics.cross_entropy(tiny_run.val_labels, logits=scaled)
        assert loss == pytest.approx(tiny_run["val_refinement_bound"][epoch], abs=0.01)


def test_running_metrics_are_in_training_mode_and_the_others_in_evaluation_mode(images: ImageData) -> None:
    # Weights that do not move, but with batch normalisation: the two modes alone make the difference.
    run = train(dataclasses.replace(TINY, learning_rate=0.0, epochs=2), images)
    assert (np.abs(run["running_train_loss"] - run["train_loss"]) > 1e-3).all()


def test_kept_logits_give_the_validation_metrics_to_float16_precision(images: ImageData, tiny_run: runs.Run) -> None:
    assert tiny_run.val_logits.shape == (TINY.epochs, N_VAL, 10)
    assert tiny_run.val_logits.dtype == np.float16
    np.testing.assert_array_equal(tiny_run.val_labels, images.test_labels[:N_VAL])
    for epoch, logits in enumerate(tiny_run.val_logits):
        loss = metrics.estimate_mean(metrics.cross_entropy_per_example(tiny_run.val_labels, logits=logits))
        # Rounding moves each logit by at most 2^-11 of itself, and a loss by at most twice the largest move.
        tolerance = 2 * np.abs(logits.astype(float)).max() * 2**-11
        assert loss.value == pytest.approx(tiny_run["val_loss"][epoch], abs=tolerance)
        assert loss.standard_error == pytest.approx(tiny_run["val_loss_se"][epoch], abs=tolerance)
        hits = metrics.accuracy(tiny_run.val_labels, logits)
        assert hits == pytest.approx(tiny_run["val_accuracy"][epoch], abs=1.5 / N_VAL)


def test_logits_are_kept_for_the_first_validation_images_only_when_asked(images: ImageData, tiny_run: runs.Run) -> None:
    recipe = dataclasses.replace(TINY, epochs=1)
    assert train(recipe, images).val_logits is None
    few = train(recipe, images, keep_logits=3)
    assert few.val_logits.shape == (1, 3, 10)
    np.testing.assert_array_equal(few.val_labels, images.test_labels[:3])


def test_a_network_predicts_the_same_logits_in_any_batches(images: ImageData, monkeypatch) -> None:
    import torch

    torch.manual_seed(0)
    network = training.build_network(TINY)
    whole = training.predict_logits(network, images.test_images)
    monkeypatch.setattr(training, "EVALUATION_BATCH", 7)
    np.testing.assert_allclose(training.predict_logits(network, images.test_images), whole, atol=1e-5)
    assert whole.shape == (40, 10)
    assert whole.dtype == np.float32


def test_images_reach_the_network_normalised_by_colour_and_are_not_changed(images: ImageData) -> None:
    before = images.test_images.copy()
    sent = training._to_input(images.test_images, "cpu").numpy()
    expected = (images.test_images / 255 - training.PIXEL_MEAN) / training.PIXEL_SD
    np.testing.assert_allclose(sent, expected.transpose(0, 3, 1, 2), atol=1e-5)
    np.testing.assert_array_equal(images.test_images, before)


def test_callbacks_hear_of_every_batch_and_every_epoch(images: ImageData) -> None:
    heard = []
    recipe = dataclasses.replace(TINY, epochs=2, batch_size=64)
    run = train(recipe, images, on_batch=lambda: heard.append("batch"), on_epoch=heard.append)
    (first, last), batches = heard[4::5], heard[:4] + heard[5:9]
    assert batches == ["batch"] * 8
    for epochs, so_far in ((1, first), (2, last)):
        for name, values in run.metrics.items():
            np.testing.assert_array_equal(so_far[name], values[:epochs])


def test_bfloat16_trains_on_the_cpu_evaluates_in_float32_and_says_so(images: ImageData) -> None:
    run = train(TINY, images, precision="bfloat16", keep_logits=N_VAL)
    assert run["train_loss"][-1] < run["train_loss"][0]
    assert run.provenance["precision"] == "bfloat16"
    assert train(TINY, images)["val_loss"][0] != run["val_loss"][0]
    mantissa_beyond_bfloat16 = run.val_logits.view(np.uint16) & 0b111
    assert mantissa_beyond_bfloat16.any(), "the evaluation was in bfloat16"


def test_a_diverged_run_is_recorded_as_nan_to_its_last_epoch(images: ImageData, tmp_path: Path) -> None:
    recipe = dataclasses.replace(NO_BATCH_NORM, learning_rate=1e30)
    run = train(recipe, images, keep_logits=5)
    assert run.n_epochs == recipe.epochs
    for name in ("running_train_loss", "train_loss", "val_loss", "val_accuracy", "val_loss_se"):
        assert np.isnan(run[name]).all(), name
    loaded = runs.Run.load(run.save(tmp_path / "diverged.npz"))
    np.testing.assert_array_equal(loaded["val_loss"], run["val_loss"])


def test_the_provenance_is_enough_to_repeat_the_run(images: ImageData, tiny_run: runs.Run) -> None:
    import torch

    kept = json.loads(json.dumps(dict(tiny_run.provenance)))
    assert Recipe(**kept["recipe"]) == TINY
    assert kept["seed"] == 0
    assert (kept["n_train"], kept["n_val"]) == (N_TRAIN, N_VAL)
    assert kept["data_checksum"] == images.checksum
    assert tuple(kept["class_names"]) == images.class_names
    assert kept["device"].startswith("cpu (")
    assert kept["precision"] == "float32"
    assert kept["versions"]["torch"] == torch.__version__
    assert kept["versions"].keys() == {"torch", "numpy", "python"}


def test_a_numpy_seed_can_be_saved(images: ImageData, tmp_path: Path) -> None:
    run = train(dataclasses.replace(TINY, epochs=1), images, seed=np.int64(4))
    assert runs.Run.load(run.save(tmp_path / "a.npz")).provenance["seed"] == 4


# --- networks and recipes -----------------------------------------------------------------------------------------


def n_parameters(recipe: Recipe, n_classes: int = 10) -> int:
    """Count the numbers that training adjusts."""
    return sum(p.numel() for p in training.build_network(recipe, n_classes=n_classes).parameters())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # Convolutions 3*3*c_in*c_out, two numbers per channel for the normalisation, and the layer of 16*8*8 inputs.
        ({}, 27 * 8 + 72 * 16 + 2 * (8 + 16) + (1024 + 1) * 10),
        ({"batch_norm": False}, 27 * 8 + 8 + 72 * 16 + 16 + (1024 + 1) * 10),
        ({"hidden": 32}, 27 * 8 + 72 * 16 + 2 * (8 + 16) + (1024 + 1) * 32 + (32 + 1) * 10),
        ({"channels": (4,)}, 27 * 4 + 2 * 4 + (4 * 16 * 16 + 1) * 10),
        ({"channels": (4, 4, 4, 4, 4)}, 27 * 4 + 4 * 36 * 4 + 2 * 20 + (4 + 1) * 10),
    ],
)
def test_a_network_has_the_size_that_its_recipe_says(changes: dict, expected: int) -> None:
    assert n_parameters(dataclasses.replace(TINY, **changes)) == expected


@pytest.mark.parametrize("n_classes", [2, 10.0, 100])
def test_a_network_maps_images_to_one_logit_per_class(n_classes: int) -> None:
    import torch

    for recipe in (TINY, RECIPES["main"], RECIPES["adam-constant"]):
        network = training.build_network(recipe, n_classes=n_classes)
        assert network(torch.zeros(2, 3, 32, 32)).shape == (2, n_classes)


def test_the_recipes_of_the_course_fit_cifar10_and_a_laptop() -> None:
    assert set(RECIPES) >= {"main", "live", "adam-constant"}
    for name, recipe in RECIPES.items():
        assert recipe.name == name
        assert re.fullmatch("[a-z0-9.-]+", name), "the name becomes a file name"
        assert recipe.n_train <= 50_000
        assert recipe.n_val <= 10_000
        assert n_parameters(recipe) < 250_000 or name == "resnet-18", "only that one is for a GPU"
    live = RECIPES["live"]
    assert live.epochs * live.n_train <= 100_000, "the live run must stay a matter of a minute or two"


BAD_REQUESTS = {
    "too-many-training": ({"recipe": {"n_train": 201}}, "wants 201 images of the training file", "dataclasses.replace"),
    "too-many-validation": ({"recipe": {"n_val": 41}}, "and 41 of the test file", "dataclasses.replace"),
    "precision": ({"precision": "float16"}, "got 'float16'", "must be one of ('float32', 'bfloat16')"),
    "logits-negative": ({"keep_logits": -1}, "got -1", "keep_logits must be a whole number from 0 to 40"),
    "logits-too-many": ({"keep_logits": 41}, "got 41", "keep_logits must be a whole number from 0 to 40"),
    "logits-fraction": ({"keep_logits": 1.5}, "got 1.5", "keep_logits must be a whole number from 0 to 40"),
    "seed-negative": ({"seed": -1}, "got -1", "seed must be a whole number of at least 0"),
    "seed-fraction": ({"seed": 0.5}, "got 0.5", "seed must be a whole number of at least 0"),
}


@pytest.mark.parametrize("bad", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_an_impossible_request_is_refused_naming_value_and_remedy(images: ImageData, bad: tuple) -> None:
    options, value, remedy = bad
    recipe = dataclasses.replace(TINY, **options.get("recipe", {}))
    with pytest.raises(ValueError, match=re.escape(value)) as caught:
        train(recipe, images, **{name: value for name, value in options.items() if name != "recipe"})
    assert remedy in str(caught.value)


@pytest.mark.parametrize("device", ["abacus", "cuda:99", "meta"])
def test_a_device_that_is_not_there_is_refused_by_name(images: ImageData, device: str) -> None:
    with pytest.raises(ValueError, match=rf"torch cannot compute on the device '{device}' here .*: pass 'cpu'"):
        training.train(TINY, images, seed=0, device=device)


@pytest.mark.parametrize(("n", "value"), [(1, "got 1"), (0, "got 0"), (2.5, "got 2.5")])
def test_a_network_for_fewer_than_two_classes_is_refused(n: float, value: str) -> None:
    with pytest.raises(ValueError, match=f"n_classes must be a whole number of at least 2, {value}"):
        training.build_network(TINY, n_classes=n)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 32, 32, 3)),
        np.zeros((2, 3, 32, 32), np.uint8),
        np.zeros((32, 32, 3), np.uint8),
        np.zeros((0, 32, 32, 3), np.uint8),
    ],
    ids=["floats", "colours-first", "one-image", "none"],
)
def test_images_of_another_form_are_refused_with_what_they_should_be(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=re.escape(f"got {wrong.dtype} {wrong.shape}: pass them as")):
        training.predict_logits(training.build_network(TINY), wrong)


def test_the_chosen_device_and_precision_are_ones_that_training_accepts() -> None:
    import torch

    device = training.choose_device()
    assert torch.zeros(1, device=device).device.type == device
    assert training.choose_precision(device) in training.PRECISIONS
    assert training.choose_precision("mps") == "float32"


def test_without_the_answer_of_torch_the_precision_on_a_cpu_is_float32(monkeypatch) -> None:
    import torch

    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert training.choose_precision("cpu") == "bfloat16"
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert training.choose_precision("cpu") == "float32"


# --- imports ------------------------------------------------------------------------------------------------------


def modules_after(code: str) -> set[str]:
    """Return the top-level modules that Python code loads in a fresh process."""
    ask = "\nimport sys\nprint(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code + ask], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.split())


def test_no_module_of_the_library_loads_torch_or_tensorflow_when_imported() -> None:
    names = sorted(path.stem for path in (ROOT / "lessonlib").glob("*.py") if path.stem != "__init__")
    loaded = modules_after("\n".join(f"import lessonlib.{name}" for name in names))
    assert "numpy" in loaded
    assert not loaded & {"torch", "tensorflow", "keras"}


def test_importing_the_package_alone_loads_nothing_heavy() -> None:
    loaded = modules_after("import lessonlib")
    assert not loaded & {"numpy", "matplotlib", "ipywidgets", "sklearn", "torch", "tensorflow", "pooch", "requests"}


def test_measuring_and_training_modules_load_no_widgets_or_figures() -> None:
    loaded = modules_after("from lessonlib import cifar10, metrics, runs, training")
    assert not loaded & {"matplotlib", "ipywidgets", "IPython", "sklearn", "pooch", "requests"}
