# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 3b · Is my loss computed right?
#
# **Time** about {minutes} minutes. **You need** [lesson 1](01_horse_or_dog.ipynb). This is a further lesson: nothing later depends on it.
#
# After this lesson you can
#
# 1. tell from the number alone that something is wrong with it;
# 2. average losses of batches;
# 3. say what Keras and torch do with probabilities, logits, shapes and weights;
# 4. say what label smoothing, soft labels and focal loss do to the limits of a loss;
# 5. compare training and validation loss measured alike.

# %% plumbing
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is loaded: no greeting
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # and the same sums on every machine
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks train fastest with one thread

import contextlib
import io
import subprocess
import sys

from lessonlib.course import environment

environment.need("torch", "keras")  # waits while they are being fetched

# What becomes of a double softmax in Keras, way by way; used below.
WAYS = """
import os, warnings, sys
import numpy as np, keras
warnings.simplefilter("ignore")
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    tf.get_logger().setLevel("ERROR")  # its advice on speed is no result
z = np.random.default_rng(0).normal(size=(6, 3)).astype("float32") * 3
y = np.array([0, 1, 2, 0, 1, 2])
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
softmax = keras.layers.Softmax()
def honest(value):
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return abs(float(value) + np.log(p[np.arange(6), y]).mean()) < 1e-3
def evaluated(*layers):
    model = keras.Sequential([keras.Input((3,)), *layers]); model.compile(loss=loss)
    return model.evaluate(z, y, verbose=0)
found = {
    "softmax layer, called eagerly": loss(y, softmax(keras.ops.convert_to_tensor(z))),
    "softmax layer, evaluate": evaluated(keras.layers.Softmax()),
    "softmax layer + Dropout(0), evaluate": evaluated(keras.layers.Softmax(), keras.layers.Dropout(0)),
    "softmax layer + Rescaling, evaluate": evaluated(keras.layers.Softmax(), keras.layers.Rescaling(1.0)),
    "what predict returns": loss(y, np.asarray(softmax(keras.ops.convert_to_tensor(z)).cpu() if keras.backend.backend() == "torch" else softmax(z))),
}
if keras.backend.backend() == "tensorflow":
    found["tf.nn.softmax, called eagerly"] = loss(y, tf.nn.softmax(tf.constant(z)))
    found["tf.nn.softmax layer, evaluate"] = evaluated(keras.layers.Lambda(tf.nn.softmax))
for name, value in found.items():
    print(name, "repaired" if honest(value) else "softmax twice", sep=";")
"""

# Keras on the torch backend needs a process of its own, before Keras is loaded here: both at once need over 1.2 GB.
_torch = os.environ | {"KERAS_BACKEND": "torch"}
ON_TORCH = subprocess.run([sys.executable, "-c", WAYS], env=_torch, capture_output=True, text=True)
assert ON_TORCH.returncode == 0, ON_TORCH.stderr[-500:]

# %% plumbing
import keras
import numpy as np
import torch
from torch.nn import functional as F

from lessonlib import figures, metrics, problems, questions
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.keras_recorder import KerasRecorder
from lessonlib.uncertainty import count_seeds

torch.set_num_threads(1)
SEEDS = range(100, 110)  # what trains was tuned on others

# %% [markdown]
# ## The mean of the batch means
#
# A hundred validation examples go through in batches, and at the end the batch losses are averaged. Such a loop stands in many training scripts.

# %%
ragged = questions.Prediction(
    "3b-ragged",
    "Batches of 33: three full ones and a last one with a single example. How many times its fair share does that example count?",
    [1, 3, 25, 33],
)
ragged


# %%
@questions.solution(
    "3b-batches",
    cases=[
        ([np.array([1.0, 2.0, 3.0]), np.array([10.0])],),
        ([np.array([0.5, 0.5]), np.array([1.0, 2.0]), np.array([4.0])],),
    ],
    hint="Add up all losses, count all examples, divide once.",
)
def mean_over_batches(batches):
    return sum(batch.sum() for batch in batches) / sum(len(batch) for batch in batches)


# %% [markdown]
# **Your turn.** Repair the loop.


# %%
@questions.your_code("3b-batches")
def mean_over_batches(batches):
    """The mean loss of all examples, from a list of arrays of losses, one array for each batch."""
    ...


# %% plumbing
rng = np.random.default_rng(8)
scores = rng.normal(size=(100, 10)).astype(np.float32)
labels = rng.integers(0, 10, 100)
scores[np.arange(100), labels] += 2.5 * (rng.random(100) < 0.9)
scores[-1, (labels[-1] + 1) % 10] += 6  # the last example is a confident error
each_loss = metrics.cross_entropy_per_example(labels, logits=scores)

# %% claims=["001-C9"]
print(ragged.resolve(100 / (4 * 1)))
model = keras.Sequential([keras.Input((10,)), keras.layers.Activation("linear")])
model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
for size in (20, 33, 99):
    batches = [each_loss[i : i + size] for i in range(0, 100, size)]
    naive, yours = np.mean([b.mean() for b in batches]), mean_over_batches(batches)
    by_keras = model.evaluate(scores, labels, batch_size=size, verbose=0)
    print(f"batches of {size}: naive {naive:.2f}, yours {yours:.2f}, Keras evaluate {by_keras:.2f}")
    assert np.isclose(yours, each_loss.mean()) and np.isclose(by_keras, yours, atol=1e-4)

# %% [markdown]
# Right only where the batch size divides the number of examples. (And a loss that is *summed* and never divided grows with the batch: ask "per what" before "how high".)
#
# ## Zero, infinity, and the epsilon between them
#
# A certain and wrong answer costs infinity. A popular snippet keeps probabilities 1e-15 away from 0 and 1.

# %%
nearly_one = questions.Prediction(
    "3b-float32",
    "Networks compute in float32. In float32, what is 1 − 1e-15?",
    ["0.999999999999999", "exactly 1", "exactly 0.9999999"],
)
nearly_one


# %% claims=["001-E2d"]
def clipped_loss(label, p, epsilon, dtype):
    p, epsilon, label, one = dtype(p), dtype(epsilon), dtype(label), dtype(1)
    p = min(max(p, epsilon), one - epsilon)
    with np.errstate(divide="ignore", invalid="ignore"):
        return -(label * np.log(p) + (one - label) * np.log(one - p))


is_one = np.float32(1) - np.float32(1e-15) == 1
print(nearly_one.resolve("exactly 1" if is_one else "0.999999999999999"))
for name, label in (("wrong", 0), ("right", 1)):
    costs = [clipped_loss(label, 1.0, 1e-15, dtype) for dtype in (np.float64, np.float32)]
    print(f"certain (p = 1) and {name}: {costs[0]:.1f} in float64, {costs[1]} in float32")
assert np.isnan(clipped_loss(1, 1.0, 1e-15, np.float32))

# %% [markdown]
# In float32 a perfect answer gives 0 × ∞ = NaN: training dies of it. Keras clips at 1e-7, and float32 can tell 1 − 1e-7 from 1; so its loss of *probabilities* has a ceiling of about 16 nats. (NaN has other causes too: a learning rate that diverges, a NaN in the data.) Compute from **logits**: nothing needs clipping.
#
# ## Logits or probabilities
#
# A Keras model ends in a softmax and is compiled with `from_logits=True`: the double softmax of lesson 1.

# %% plumbing
with contextlib.redirect_stdout(io.StringIO()) as on_tensorflow:
    exec(WAYS, {})
said = {"tensorflow": on_tensorflow.getvalue(), "torch": ON_TORCH.stdout}

# %%
repaired = questions.Prediction(
    "3b-keras",
    "What does that model's loss come out as?",
    [
        "always the double softmax",
        "always repaired by Keras",
        "it depends on backend, mode and on what stands after the softmax",
    ],
)
repaired

# %% claims=["001-C9"]
on = {
    backend: dict(line.split(";") for line in text.splitlines() if line.count(";") == 1)
    for backend, text in said.items()
}
kinds = {outcome for found in on.values() for outcome in found.values()}
print(
    repaired.resolve(repaired.options[2 if len(kinds) == 2 else 1 if kinds == {"repaired"} else 0])
)
print(f"Keras {keras.__version__.split('.')[0]}, torch {torch.__version__.split('.')[0]}")
for name in on["tensorflow"]:
    told = [f"{backend}: {found[name]}" for backend, found in on.items() if name in found]
    print(f"{name:38}{', '.join(told)}")
assert on["tensorflow"]["softmax layer, evaluate"] == "repaired"
assert set(on["torch"].values()) == {"softmax twice"}

# %% [markdown]
# On its TensorFlow backend this Keras repairs if it finds the softmax in the graph or remembers its own: not behind a `Rescaling`, nor in what `predict` returns. On the torch backend it does not repair. torch itself never looks: `cross_entropy(softmax(z))` is the double softmax. So a model can be right in `fit` and wrong in your own evaluation of `predict`. Do not rely on the repair: leave the
# softmax away and say `from_logits=True`.
#
# The other way round, logits passed where (log-)probabilities are wanted:

# %% claims=["001-C9", "000-E1d"]
z, y = torch.tensor(scores), torch.tensor(labels)
right = F.cross_entropy(z, y).item()
negative = F.nll_loss(z.softmax(1), y).item()
keras_sparse = keras.losses.SparseCategoricalCrossentropy()
print(f"right {right:.2f}; torch nll_loss of probabilities {negative:.2f}; ", end="")
print(f"Keras, logits as probabilities {float(keras_sparse(labels, scores)):.2f}")
p = 1 / (1 + np.exp(-scores[:, 0].astype(float)))  # sigmoid outputs, whatever their name
binary = (scores[:, 1] > 0) * 1.0
honest = -(binary * np.log(p) + (1 - binary) * np.log(1 - p)).mean()
named_logits = p.astype(np.float32)
as_given = float(keras.losses.BinaryCrossentropy()(binary, named_logits))
print(f"sigmoid outputs named logits: right {honest:.2f}, Keras {as_given:.2f}")
assert negative < 0 and np.isclose(as_given, honest, atol=1e-3)

# %% [markdown]
# A cross-entropy of classes is never negative: minus the logarithm of something at most 1. (A negative one may also come from labels outside 0 to 1, or from a density, which may exceed 1.) And a wrong *name* alone does no harm: look at the values.
#
# ## Two shapes that look alike
#
# Labels of shape (32,) and predictions of shape (32, 1). NumPy, and torch's MSE with a warning, pair *every* label with every prediction, (32, 32).

# %%
shape_question = questions.Prediction(
    "3b-shapes",
    "Training with such a pairing as the loss (a sigmoid and binary cross-entropy written by hand). The validation accuracy on two clouds ends",
    ["as with the right shapes", "lower, but above 60 %", "near 50 %, as by guessing"],
)
shape_question


# %% plumbing
def train_with_shapes(seed, broadcast):
    """Logistic regression in torch, with labels as a column or as a vector."""
    train, val = (
        problems.imbalanced_gaussians(n, positive_share=0.5, separation=3, rng=seed + i)
        for i, n in ((0, 400), (1_000, 1_000))
    )
    x, y = torch.tensor(train.x, dtype=torch.float32), torch.tensor(train.y, dtype=torch.float32)
    torch.manual_seed(seed)
    line = torch.nn.Linear(2, 1)
    adam = torch.optim.Adam(line.parameters(), 0.05)
    for _ in range(300):
        p = line(x).sigmoid().clamp(1e-6, 1 - 1e-6)  # (400, 1)
        target = y if broadcast else y[:, None]
        loss = -(target * p.log() + (1 - target) * (1 - p).log()).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    p = line(torch.tensor(val.x, dtype=torch.float32)).sigmoid().detach().numpy()[:, 0]
    return loss.item(), p.std(), ((p > 0.5) == val.y).mean()


# %% claims=["001-C9"]
both = {way: np.array([train_with_shapes(seed, way) for seed in SEEDS]) for way in (False, True)}
same_for_all = count_seeds(both[True][:, 1] < 0.05)
right, paired = (values[:, 2].mean() for values in both.values())
happened = 2 if paired < 0.6 else 1 if paired < right - 0.01 else 0
print(shape_question.resolve(shape_question.options[happened]))
for way, values in both.items():
    name = "(32,) and (32, 1)" if way else "right shapes"
    loss, spread, accuracy = values.mean(axis=0)
    print(f"{name:18} loss {loss:.2f}, spread of p {spread:.1f}, accuracy {accuracy:.1f}")
print(f"with the pairing every example gets nearly the same answer in {same_for_all}")
assert same_for_all.mostly and both[False][:, 0].mean() < 0.3

# %% [markdown]
# Each prediction is compared with *all* labels, so the best answer for everybody is the base rate: the loss stays near ln 2 = 0.69, and nothing is learnt. Keras' loss *objects* repair the shapes; torch's BCE losses refuse; a loss of your own does neither.
#
# ## Weights: which loss do you mean?
#
# One example in ten is positive; nothing is trained. The same answers, and a weight of 9 on the positives.

# %%
weights_question = questions.Prediction(
    "3b-weights",
    "Which of these three report the same number? torch cross_entropy(weight=[1, 9]); torch BCEWithLogitsLoss(pos_weight=9); Keras with class weight 9.",
    ["all three", "the two of torch", "BCEWithLogitsLoss and Keras", "no two of them"],
)
weights_question

# %% plumbing
rare = problems.imbalanced_gaussians(1000, positive_share=0.1, separation=1.5, rng=100)
log_odds = 1.5 * rare.x.sum(axis=1) / np.sqrt(2) + np.log(0.1 / 0.9)  # the true ones
two, y = torch.tensor(np.column_stack([0 * log_odds, log_odds])), torch.tensor(rare.y)
sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

# %% claims=["001-C9"]
costs = torch.tensor([1.0, 9.0]).double()
three = [
    F.cross_entropy(two, y, weight=costs).item(),
    F.binary_cross_entropy_with_logits(two[:, 1], y * 1.0, pos_weight=costs[1]).item(),
    float(sparse(rare.y, two.numpy(), sample_weight=costs.numpy()[rare.y])),
]
a, b, c = three
same = [np.isclose(b, c, rtol=1e-3), np.isclose(a, b, rtol=1e-3)]
happened = 0 if all(same) else 2 if same[0] else 1 if same[1] else 3
print(weights_question.resolve(weights_question.options[happened]))
print(f"cross_entropy {a:.2f}, BCEWithLogitsLoss {b:.2f}, Keras {c:.2f}", end="; ")
print(f"without weights {F.cross_entropy(two, y).item():.2f}")
assert same[0] and not same[1]

# %% [markdown]
# `cross_entropy` divides by the sum of the weights, the other two by the number of examples. A weighted training loss beside a plain validation loss compares two different things.
#
# ## Smoothing, soft labels, focal loss
#
# Lesson 1's limits (a right answer costs at most ln K, a perfect one nothing) hold for plain cross-entropy with one true class.


# %%
@questions.solution(
    "3b-smoothing",
    cases=[
        (np.array([0.9, 0.05, 0.05]), 0, 0.1),
        (np.array([0.98, 0.01, 0.01]), 0, 0.0),
        (np.array([0.4, 0.3, 0.2, 0.1]), 2, 0.2),
    ],
    hint="The target is 1 − s on the true class plus s/K on every class. The loss is minus the sum of target times log probability.",
)
def smoothed_loss(probabilities, true_class, s):
    target = np.full(len(probabilities), s / len(probabilities))
    target[true_class] += 1 - s
    return -(target * np.log(probabilities)).sum()


# %%
@questions.your_code("3b-smoothing")
def smoothed_loss(probabilities, true_class, s):
    """Cross-entropy against a target that spreads the share s evenly over all classes."""
    ...


# %%
smoothing_question = questions.Prediction(
    "3b-smoothed-right",
    "Ten classes, smoothing 0.1. A right answer gives its class 1 − 1e-15 and the others next to nothing. It costs about",
    [0.0, 0.1, 0.33, 3.3],
)
smoothing_question

# %%
sure = np.append(1 - 1e-15, np.full(9, 1e-15 / 9))
cost = smoothed_loss(sure, 0, 0.1)
print(smoothing_question.resolve(cost))
rows = torch.tensor(np.log(np.random.default_rng(0).dirichlet(np.ones(10), 5)))
ours = np.mean([smoothed_loss(np.exp(row.numpy()), 3, 0.1) for row in rows])
torch_s = F.cross_entropy(rows, torch.full((5,), 3), label_smoothing=0.1).item()
print(f"{cost:.1f} nats, ln 10 is {np.log(10):.1f}; torch the same: {np.isclose(ours, torch_s)}")
best = np.append(0.91, np.full(9, 0.01))
print(f"the lowest possible smoothed loss is {smoothed_loss(best, 0, 0.1):.2f}, not 0")
assert cost > np.log(10) and np.isclose(ours, torch_s)

# %%
P = np.linspace(0.01, 0.9999, 300)


def three_losses(smoothing, gamma, n_classes):
    rest = (1 - P) / (n_classes - 1)
    smoothed = -(
        (1 - smoothing + smoothing / n_classes) * np.log(P)
        + smoothing * (n_classes - 1) / n_classes * np.log(rest)
    )
    focal = (1 - P) ** gamma * -np.log(P)
    low = P[smoothed.argmin()]
    return Picture(
        f"{n_classes} classes: with smoothing {smoothing} the loss is lowest at p = {low:.2f}, where it costs {smoothed.min():.2f} nats; "
        f"focal loss (γ = {gamma}) of p = 0.5 is {0.5**gamma * np.log(2):.2f} instead of 0.69.",
        Panel("Loss of one answer, nats", figures.line(P, -np.log(P), label="plain"), figures.line(P, smoothed, "vermilion", label="smoothed"),
              figures.line(P, focal, "green", label="focal"), x=(0, 1), y=(0, 4), xlabel="probability of the true class, p"),
    )  # fmt: skip


Explorer(
    three_losses, smoothing=slider([0.0, 0.05, 0.1, 0.2, 0.4], start=0.1), gamma=slider([0, 1, 2, 5], start=2, label="focal γ"),
    n_classes=slider([2, 10, 100], start=10, label="classes, K"), title="Three losses of the same answer", figsize=(7, 3.4),
)  # fmt: skip

# %% [markdown]
# Smoothing and soft labels (a target with entropy) have a floor above zero; with them, and with class weights, a right answer may cost more than ln K. Focal loss makes everything cheaper. Compare such a training loss with nothing but itself; measure plain cross-entropy beside it.
#
# ## Training loss and validation loss: measured alike?
#
# What Keras prints as `loss` is a mean over the epoch, taken while the weights move and dropout is on. The validation loss is measured afterwards with dropout off. `KerasRecorder` measures *both* afterwards.

# %%
dropout_question = questions.Prediction(
    "3b-dropout",
    "A network with dropout 0.5 learns digits for six epochs. Keras prints training and validation accuracy. Which is higher?",
    ["training, by more than two points", "about the same", "validation, by more than two points"],
)
dropout_question


# %% plumbing
def digit_network(dropout):
    hidden, loss = (
        keras.layers.Dense(64, activation="relu"),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    network = keras.Sequential(
        [keras.Input((64,)), hidden, keras.layers.Dropout(dropout), keras.layers.Dense(10)]
    )
    network.compile(keras.optimizers.SGD(0.3), loss=loss, metrics=["accuracy"])
    return network


def record_fit(network, seed, epochs):
    """Train from fresh weights and return the recorded run."""
    train, val = problems.digits(600, 500, rng=seed)
    keras.utils.set_random_seed(seed)
    network.set_weights(keras.models.clone_model(network).get_weights())
    recorder = KerasRecorder(train, val, from_logits=True)
    network.fit(train.x, train.y, epochs=epochs, batch_size=50, callbacks=[recorder], verbose=0)
    return recorder.run()


# %% claims=["004-C8"]
network = digit_network(0.5)
dropout_runs = [record_fit(network, seed, epochs=6) for seed in SEEDS]
last = {name: np.array([run[name][-1] for run in dropout_runs]) for name in dropout_runs[0].metrics}
lead = (last["val_accuracy"] - last["running_train_accuracy"]).mean()
print(
    dropout_question.resolve(
        dropout_question.options[2 if lead > 0.02 else 0 if lead < -0.02 else 1]
    )
)
printed = count_seeds(last["val_accuracy"] > last["running_train_accuracy"] + 0.02)
alike = count_seeds(last["train_loss"] < last["val_loss"])
print(f"as printed, validation accuracy is over two points higher in {printed};")
print(f"measured alike, the training loss is the lower one in {alike}")
assert printed.mostly and alike.mostly

# %% [markdown]
# So a validation set that looks better than training need not leak. (A leak brings validation up to training measured alike; it does not lift it above.)
#
# ### A pair that never disagrees
#
# Regression tutorials plot MSE and RMSE side by side and observe that they move together. They must: a square root keeps every order. Two curves that must agree are one curve. MSE and MAE need not:

# %% claims=["004-E1b"]
rng = np.random.default_rng(0)
x = rng.uniform(-1, 1, (260, 1)) ** np.arange(9)
target = np.sin(3 * x[:, 1]) + 0.3 * rng.standard_t(1.5, 260)  # a few large errors
weights, errors = np.zeros(9), []
for batch in rng.integers(0, 60, (200, 10)):  # stochastic gradient descent on the squared error
    weights -= 0.05 * x[batch].T @ (x[batch] @ weights - target[batch]) / 10
    errors.append(x[60:] @ weights - target[60:])
mse, mae = (np.array(errors) ** 2).mean(axis=1), np.abs(errors).mean(axis=1)
better = [np.sign(np.diff(values)) for values in (mse, np.sqrt(mse), mae)]
print(f"MSE and RMSE disagree in {(better[0] != better[1]).sum()} of 199 steps;", end=" ")
print("MSE and MAE in over ten")
assert (better[0] == better[1]).all() and (better[0] != better[2]).sum() > 10

# %% [markdown]
# ## What to check, in this order
#
# 1. **Can the number be?** Negative, NaN, on the floor of the double softmax, growing with the batch size.
# 2. **Can you reproduce it** from the saved outputs with two lines of your own? Differences point to batch means, shapes, weights, smoothing, or a softmax too many.
# 3. **Were the two numbers that you compare measured alike?** Mode, weights, moment, loss.
#
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "the loss is the mean of the batch losses" | only if all batches are equal in size |
# | "clip with 1e-15" | not in float32: infinity, and NaN for a perfect answer |
# | "Keras corrects a double softmax" | on its TensorFlow backend in some ways of calling it, on torch not |
# | "the shapes are nearly the same" | trained with them, every example gets the base rate |
# | "a right answer costs at most ln K" | not with label smoothing |
# | "validation better than training: something leaks" | the two were not measured alike |
#
# ## Check yourself

# %%
questions.choice(
    "3b-check-negative",
    "A ten-class classifier's cross-entropy is printed as −0.93. What do you look at first?",
    right=(
        "whether probabilities are passed as log-probabilities",
        "Yes: minus the logarithm of a probability is never negative; minus a probability is.",
    ),
    wrong=[
        (
            "whether the network has become overconfident",
            "Overconfidence makes the loss high. No network gets below zero.",
        ),
        ("nothing: a very good network gets below zero", "A perfect network costs exactly zero."),
        ("whether the learning rate is too high", "A diverging training gives a huge loss or NaN."),
    ],
)

# %%
questions.choice(
    "3b-check-smoothing",
    "Training with label smoothing 0.1 ends at a training loss of 0.55 with 99 % of ten classes right. What do you say?",
    right=(
        "it is close to the lowest loss there is with smoothing",
        f"Yes: that is {smoothed_loss(best, 0, 0.1):.2f} here.",
    ),
    wrong=[
        (
            "softmax is applied twice",
            f"Its floor would be {metrics.double_softmax_floor(10):.2f} without smoothing.",
        ),
        (
            "the one per cent of errors is very confident",
            "At 99 % right they would have to cost some 50 nats each.",
        ),
        ("the network underfits", "With 99 % right?"),
    ],
)

# %%
questions.choice(
    "3b-check-dropout",
    "Training accuracy 81 %, validation accuracy 84 %, with dropout and augmentation. What do you do first?",
    right=(
        "measure training again in evaluation mode, unaugmented",
        "Yes: only then are the two numbers measured alike.",
    ),
    wrong=[
        (
            "look for validation pictures in the training set",
            "A leak would bring validation up to training measured alike, and you do not know that number yet.",
        ),
        ("enlarge the validation set, it is too easy", "Perhaps; first compare like with like."),
        (
            "remove the dropout, since it harms training",
            "It is there to do that; the printed number just includes it.",
        ),
    ],
)

# %% [markdown]
# ## Summary
#
# - Sum the losses, count the examples, divide once. Compute from logits.
# - What a library repairs depends on version, backend and mode: reproduce the number yourself.
# - Shapes that broadcast ruin a training silently. Weights are divided by different things.
# - Smoothing, soft labels and focal loss have other limits.
# - Compare training and validation measured alike.
#
# **What would change your mind?** A Keras on the torch backend that repairs the double softmax: run the cell with your versions.
#
# **Further reading.** C. Szegedy and others, "Rethinking the Inception architecture for computer vision", *CVPR* (2016), section 7, on label smoothing. T.-Y. Lin and others, "Focal loss for dense object detection", *ICCV* (2017).
#
# **Graded exercise:** [exercise 3](../exercises/exercise_03_what_moves_the_loss.ipynb). **Before:** [lesson 3](03_what_moves_the_loss.ipynb). **Next:** [lesson 4](04_imbalance.ipynb).
