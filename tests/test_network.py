"""The small network: gradients and steps are those of torch, a seed fixes everything, bad input is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from lessonlib import metrics
from lessonlib.network import OPTIMIZERS, Adam, GradientDescent, Network, fit
from lessonlib.problems import Examples, leverage_outliers

FLOAT32 = 1e-6  # single precision: relative error of one operation is 6e-8


def some_examples(n: int = 40, n_features: int = 5, n_classes: int = 3, *, rng: int = 0) -> Examples:
    generator = np.random.default_rng(rng)
    x = generator.normal(size=(n, n_features)).astype(np.float32)
    return Examples(x, generator.integers(0, n_classes, n))


def in_float64(network: Network) -> Network:
    network.weights = [weight.astype(np.float64) for weight in network.weights]
    network.biases = [bias.astype(np.float64) for bias in network.biases]
    return network


def torch_twin(network: Network) -> tuple[list, Callable]:
    """Return the parameters as torch tensors, in the order of `parameters`, and the logits as a function of x."""
    import torch

    tensors = [torch.tensor(p, requires_grad=True) for p in network.parameters]
    n_layers = len(network.weights)

    def logits(x: NDArray) -> torch.Tensor:
        out = torch.tensor(x)
        for layer in range(n_layers):
            out = out @ tensors[layer] + tensors[n_layers + layer]
            if layer < n_layers - 1:
                out = torch.relu(out)
        return out

    return tensors, logits


def torch_loss(logits: object, data: Examples, weights: NDArray | None = None) -> object:
    import torch

    losses = torch.nn.functional.cross_entropy(logits, torch.tensor(data.y), reduction="none")
    return losses.mean() if weights is None else (losses * torch.tensor(weights, dtype=losses.dtype)).mean()


# --- agreement with torch -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sizes", [[5, 3], [5, 7, 3], [5, 8, 6, 3]])
def test_gradients_are_those_of_torch_autograd(sizes: list[int], weighted: bool) -> None:
    network = in_float64(Network(sizes, rng=1))
    data = some_examples()
    data = Examples(data.x.astype(np.float64), data.y)
    weights = np.linspace(0, 3, len(data.y)) if weighted else None
    tensors, logits = torch_twin(network)
    np.testing.assert_allclose(network.logits(data.x), logits(data.x).detach().numpy(), atol=1e-12)
    torch_loss(logits(data.x), data, weights).backward()
    for ours, tensor in zip(network.gradients(data.x, data.y, weights), tensors, strict=True):
        # delta passes through float32 once: that is the precision of the module
        np.testing.assert_allclose(ours, tensor.grad.numpy(), atol=FLOAT32)


def test_gradients_are_the_slopes_of_the_loss() -> None:
    network, data = in_float64(Network([5, 4, 3], rng=2)), some_examples()
    gradients = network.gradients(data.x, data.y)
    for parameter, gradient in zip(network.parameters, gradients, strict=True):
        place = tuple(0 for _ in parameter.shape)
        losses = []
        for step in (1e-5, -1e-5):
            parameter[place] += step
            losses.append(metrics.cross_entropy(data.y, logits=network.logits(data.x)))
            parameter[place] -= step
        assert gradient[place] == pytest.approx((losses[0] - losses[1]) / 2e-5, abs=FLOAT32)


@pytest.mark.parametrize("name", ["adam", "gd"])
def test_steps_are_those_of_torch_adam_and_sgd(name: str) -> None:
    import torch

    generator = np.random.default_rng(3)
    ours = [generator.normal(size=(4, 3)), generator.normal(size=3)]
    theirs = [torch.tensor(p, requires_grad=True) for p in ours]
    steps = OPTIMIZERS[name](ours, 0.05)
    reference = (torch.optim.Adam if name == "adam" else torch.optim.SGD)(theirs, lr=0.05)
    for _ in range(60):
        gradients = [generator.normal(size=p.shape) * 10 ** generator.uniform(-4, 2) for p in ours]
        steps.step(gradients)
        for tensor, gradient in zip(theirs, gradients, strict=True):
            tensor.grad = torch.tensor(gradient)
        reference.step()
        for mine, tensor in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, tensor.detach().numpy(), atol=FLOAT32)


def test_adam_takes_a_learning_rate_for_every_weight() -> None:
    generator, rates = np.random.default_rng(8), (0.01, 0.3)
    both, *alone = (np.array(values) for values in ([1.0, 1.0], [1.0], [1.0]))
    steps = [Adam([both], np.array(rates)), *(Adam([one], rate) for one, rate in zip(alone, rates, strict=True))]
    for _ in range(5):
        gradient = generator.normal(size=2)
        for optimizer, part in zip(steps, (gradient, gradient[:1], gradient[1:]), strict=True):
            optimizer.step([part])
    np.testing.assert_array_equal(both, np.concatenate(alone))


@pytest.mark.parametrize("name", ["adam", "gd"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_training_in_batches_ends_where_torch_ends(name: str, weighted: bool) -> None:
    import torch

    data, network = some_examples(), Network([5, 6, 3], rng=4)
    weights = np.linspace(0.5, 2, len(data.y)) if weighted else None
    tensors, logits = torch_twin(network)
    optimizer = (torch.optim.Adam if name == "adam" else torch.optim.SGD)(tensors, lr=0.01)
    run = fit(network, data, data, epochs=5, learning_rate=0.01, batch_size=16, optimizer=name,
              weights=weights, shuffle=False, rng=0)  # fmt: skip
    for _ in range(5):
        for start in range(0, 40, 16):  # 16, 16 and a ragged 8
            batch = slice(start, start + 16)
            optimizer.zero_grad()
            each = None if weights is None else weights[batch]
            torch_loss(logits(data.x[batch]), Examples(data.x[batch], data.y[batch]), each).backward()
            optimizer.step()
    np.testing.assert_allclose(network.logits(data.x), logits(data.x).detach().numpy(), atol=1e-5)
    assert run["train_loss"][-1] == pytest.approx(torch_loss(logits(data.x), data).item(), abs=1e-5)


def test_two_logits_move_twice_as_fast_as_the_one_of_a_logistic_regression() -> None:
    """A softmax over two classes at learning rate r walks as a logistic regression at rate 2 r."""
    data, network = leverage_outliers(rng=5), Network([2, 2], rng=0, scale=0)
    fit(network, data, data, epochs=50, learning_rate=0.01, optimizer="gd", shuffle=False, rng=0)
    w, b, x = np.zeros(2), 0.0, data.x.astype(np.float64)
    for _ in range(50):
        error = 1 / (1 + np.exp(-(x @ w + b))) - data.y
        w, b = w - 0.02 * x.T @ error / len(x), b - 0.02 * error.mean()
    difference = network.weights[0][:, 1] - network.weights[0][:, 0]
    np.testing.assert_allclose(difference, w, atol=1e-5)
    assert network.biases[0][1] - network.biases[0][0] == pytest.approx(b, abs=1e-5)


# --- what a run holds ---------------------------------------------------------------------------------------------


def test_a_run_holds_after_every_epoch_what_metrics_says_of_its_logits() -> None:
    train, val = some_examples(rng=1), some_examples(25, rng=2)
    network = Network([5, 8, 3], rng=3)
    run = fit(network, train, val, epochs=4, learning_rate=0.01, batch_size=10, rng=4)
    assert run.n_epochs == 4
    assert run.val_logits.shape == (4, 25, 3)
    assert run.provenance == {"n_train": 40, "n_val": 25}
    last = network.logits(val.x)
    estimate = metrics.estimate_mean(metrics.cross_entropy_per_example(val.y, logits=last))
    assert run["val_loss"][-1] == estimate.value
    assert run["val_loss_se"][-1] == estimate.standard_error
    assert run["val_accuracy"][-1] == metrics.accuracy(val.y, last)
    assert run["train_loss"][-1] == metrics.cross_entropy(train.y, logits=network.logits(train.x))
    np.testing.assert_array_equal(run.val_logits[-1], last.astype(np.float16))


def test_with_weights_the_weighted_loss_is_kept_beside_the_plain_one() -> None:
    data, network = some_examples(), Network([5, 3], rng=0)
    weights = np.where(data.y == 0, 5.0, 1.0)
    run = fit(network, data, data, epochs=3, learning_rate=0.1, optimizer="gd", weights=weights, rng=0)
    losses = metrics.cross_entropy_per_example(data.y, logits=network.logits(data.x))
    assert run["weighted_train_loss"][-1] == pytest.approx((weights * losses).mean(), abs=1e-12)
    assert run["train_loss"][-1] == pytest.approx(losses.mean(), abs=1e-12)
    plain = fit(Network([5, 3], rng=0), data, data, epochs=3, learning_rate=0.1, optimizer="gd", rng=0)
    assert "weighted_train_loss" not in plain.metrics


def test_a_weight_of_zero_leaves_an_example_out_and_equal_weights_change_nothing() -> None:
    data = some_examples()
    network = Network([5, 4, 3], rng=1)
    half = np.repeat([2.0, 0.0], 20)
    weighted = network.gradients(data.x, data.y, half)
    alone = network.gradients(data.x[:20], data.y[:20])
    for a, b in zip(weighted, alone, strict=True):
        np.testing.assert_allclose(a, b, atol=FLOAT32)
    for a, b in zip(network.gradients(data.x, data.y, np.ones(40)), network.gradients(data.x, data.y), strict=True):
        np.testing.assert_array_equal(a, b)


# --- seeds --------------------------------------------------------------------------------------------------------


def trained(seed: int, *, order: int = 7, shuffle: bool = True) -> NDArray:
    data = some_examples()
    network = Network([5, 6, 3], rng=seed)
    return fit(network, data, data, epochs=3, learning_rate=0.01, batch_size=7, shuffle=shuffle, rng=order).val_logits


def test_equal_seeds_give_equal_runs_and_others_do_not() -> None:
    np.testing.assert_array_equal(trained(1), trained(1))
    assert not np.array_equal(trained(1), trained(2))
    assert not np.array_equal(trained(1, order=7), trained(1, order=8))


def test_without_shuffling_the_seed_of_the_order_does_not_matter() -> None:
    np.testing.assert_array_equal(trained(1, order=7, shuffle=False), trained(1, order=8, shuffle=False))


def test_a_full_batch_does_not_depend_on_the_order() -> None:
    data = some_examples()
    logits = []
    for order in (1, 2):
        network = Network([5, 3], rng=0)
        logits.append(fit(network, data, data, epochs=5, learning_rate=0.1, optimizer="gd", rng=order).val_logits[-1])
    np.testing.assert_allclose(*[z.astype(np.float64) for z in logits], atol=2e-3)


def test_the_initial_weights_are_glorot_uniform_with_zero_biases() -> None:
    network = Network([300, 200, 10], rng=0)
    bound = np.sqrt(6 / 500)
    assert np.abs(network.weights[0]).max() <= bound
    assert network.weights[0].std() == pytest.approx(bound / np.sqrt(3), rel=0.01)
    assert all((bias == 0).all() for bias in network.biases)
    assert all(p.dtype == np.float32 for p in network.parameters)
    assert all((weight == 0).all() for weight in Network([3, 2], rng=0, scale=0).weights)


def test_training_works_in_place() -> None:
    data, network = some_examples(), Network([5, 3], rng=0)
    before = network.weights[0].copy()
    parameters = network.parameters
    fit(network, data, data, epochs=1, learning_rate=0.1, rng=0)
    assert network.parameters[0] is parameters[0]
    assert not np.array_equal(network.weights[0], before)


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "options", "message"),
    [
        ([3], {}, r"got \[3\]"),
        ([3, 0, 2], {}, r"sizes\[1\] .* got 0"),
        ([3, 4, 1], {}, "at least two classes"),
        ([3, 2], {"scale": -1}, "scale .* got -1"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused(sizes: list, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Network(sizes, rng=0, **options)


@pytest.mark.parametrize("x", [np.zeros((4, 6), np.float32), np.zeros(5, np.float32)])
def test_examples_with_other_features_are_refused(x: NDArray) -> None:
    network = Network([5, 3], rng=0)
    with pytest.raises(ValueError, match=r"x must have shape \(n_examples, 5\)"):
        network.logits(x)
    with pytest.raises(ValueError, match="as many features"):
        network.gradients(x, np.zeros(len(x), int))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(39), r"shape \(40,\), .*got shape \(39,\)"),
        (-np.ones(40), "none negative, got .* smallest -1"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights: object, message: str) -> None:
    data, network = some_examples(), Network([5, 3], rng=0)
    with pytest.raises(ValueError, match=message):
        fit(network, data, data, epochs=1, learning_rate=0.1, weights=weights, rng=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs .* got 0"),
        ({"batch_size": 0}, "batch_size .* got 0"),
        ({"optimizer": "sgd"}, "one of .*got 'sgd'"),
        ({"learning_rate": -1}, "learning_rate must be at least 0, got -1"),
    ],
)
def test_a_training_that_makes_no_sense_is_refused(options: dict, message: str) -> None:
    data, network = some_examples(), Network([5, 3], rng=0)
    with pytest.raises(ValueError, match=message):
        fit(network, data, data, **({"epochs": 1, "learning_rate": 0.1, "rng": 0} | options))


def test_labels_that_the_network_has_no_class_for_are_refused() -> None:
    data, network = some_examples(), Network([5, 2], rng=0)
    with pytest.raises(ValueError, match="outside"):
        fit(network, data, data, epochs=1, learning_rate=0.1, rng=0)
    with pytest.raises(ValueError, match="labels for"):
        network.gradients(data.x, data.y[:10])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("place", ["train", "val"])
def test_an_input_that_is_not_finite_is_not_taken_for_a_divergence(bad: float, place: str) -> None:
    examples = {"train": some_examples(), "val": some_examples()}
    examples[place].x[3, 1] = bad
    with pytest.raises(ValueError, match=rf"{place}\.x holds {bad} at index \(3, 1\)"):
        fit(Network([5, 3], rng=0), **examples, epochs=1, learning_rate=0.1, rng=0)


@pytest.mark.parametrize("batch_size", [None, 4])
def test_a_training_that_diverges_says_in_which_epoch_and_what_to_do(batch_size: int | None) -> None:
    data, network = some_examples(), Network([5, 30, 30, 3], rng=0)
    with pytest.raises(FloatingPointError, match=r"diverged in epoch \d+: lower learning_rate = 1e\+20"):
        fit(network, data, data, epochs=10, learning_rate=1e20, batch_size=batch_size, optimizer="gd", rng=0)


def test_gradients_of_a_network_gone_to_infinity_are_refused() -> None:
    data, network = some_examples(), Network([5, 3], rng=0)
    network.biases[0][0] = np.inf
    with pytest.raises(FloatingPointError, match="not finite"):
        network.gradients(data.x, data.y)


def test_adam_takes_a_rate_for_each_weight() -> None:
    """As two optimisers would, each with its own rate: lesson 9 trains a line at nine rates at once."""
    rates, gradients = np.array([0.1, 0.001]), np.random.default_rng(0).normal(size=(20, 2))
    together, apart = np.ones(2), [np.ones(1), np.ones(1)]
    of_both, of_each = Adam([together], rates), [Adam([x], rate) for x, rate in zip(apart, rates, strict=True)]
    for gradient in gradients:
        of_both.step([gradient])
        for optimizer, own in zip(of_each, gradient, strict=True):
            optimizer.step([np.array([own])])
    np.testing.assert_array_equal(together, np.concatenate(apart))


def test_an_optimiser_refuses_gradients_that_are_not_one_per_parameter() -> None:
    for kind in (Adam, GradientDescent):
        with pytest.raises(ValueError, match="zip"):
            kind([np.zeros(2), np.zeros(3)], 0.1).step([np.zeros(2)])
