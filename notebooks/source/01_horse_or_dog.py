# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 1 · Horse or dog: what do loss and accuracy measure?
#
# **Time** about {minutes} minutes. **You need** Python and a little NumPy; no machine learning beyond "a network gives numbers for classes".
#
# After this lesson you can
#
# 1. compute cross-entropy and accuracy by hand, and say what each of them ignores;
# 2. say what a loss tells about right and wrong answers, and what not;
# 3. find a common mistake from two published numbers;
# 4. explain why a network is trained on the loss and not on the accuracy;
# 5. give Keras and torch what they expect.
#
# The rhythm is always the same: **predict, run, compare, explain**. Your predictions are kept and scored; nobody else sees them.

# %%
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is loaded: no greeting
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny computations are fastest with one thread

import numpy as np
from IPython.display import Markdown

from lessonlib import figures, metrics, questions
from lessonlib.course import environment
from lessonlib.explorer import Explorer, Panel, Picture, slider

# %% [markdown]
# ## One picture, one answer, two measures
#
# A network looks at a picture and gives one probability to each class, here `horse` and `dog`. The picture shows a horse.
#
# - **Accuracy** asks: does the highest probability stand at the true class? It counts 1 or 0.
# - **Cross-entropy**, the usual loss, asks: how much probability did the true class get? It is `−ln p(true class)`, in *nats*, the unit of the natural logarithm.
#
# In an [answer to a question of 2017](https://stats.stackexchange.com/questions/282160/how-is-it-possible-that-validation-loss-is-increasing-while-validation-accuracy)
# one network says `[0.9, 0.1]` and another `[0.6, 0.4]`. Before you run anything:

# %%
cost_of_sure = questions.Prediction(
    "1-cost-of-0.9",
    "The network says [0.9, 0.1] and the picture shows a horse. What is the cross-entropy?",
    [0.11, 0.37, 0.90, 2.30],
)
cost_of_sure


# %%
@questions.solution(
    "1-cost",
    cases=[([0.9, 0.1], 0), ([0.6, 0.4], 1), ([0.25, 0.35, 0.40], 2), ([0.5, 0.2, 0.3], 1)],
    hint="probabilities[true_class] is what the loss looks at; np.log is the natural logarithm; np.argmax finds the answer.",
)
def loss_and_hit(probabilities, true_class):
    return -np.log(probabilities[true_class]), int(np.argmax(probabilities) == true_class)


# %% [markdown]
# **Your turn.** In this course you write the decisive lines. Replace the `...`, run the cell, and it answers. Without your lines the lesson goes on with its own.


# %%
@questions.your_code("1-cost")
def loss_and_hit(probabilities, true_class):
    """Two numbers for one answer: its cross-entropy in nats, and 1 if it is right, else 0.

    `probabilities` is a list with one number for each class, `true_class` counts from 0.
    """
    ...


# %% claims=["002-A2a", "002-A2b", "002-A5b"]
costs = {}
for answer in ([0.9, 0.1], [0.6, 0.4]):
    costs[answer[0]], hit = loss_and_hit(answer, 0)
    assert hit == 1
print(cost_of_sure.resolve(costs[0.9]))
for p, cost in costs.items():
    print(f"right, with p = {p}: the loss is {cost:.3f} nats")
assert costs[0.9] < costs[0.6] and abs(costs[0.9] - 0.37) > 0.2

# %% [markdown]
# Accuracy cannot tell the two answers apart. The loss can. Move the slider: **at which p will accuracy jump, and will the loss jump there too?**

# %%
p_curve = np.linspace(0.005, 1, 400)


def one_answer(p):
    loss, hit = loss_and_hit([p, 1 - p], 0)
    curve = figures.line(p_curve, -np.log(p_curve)), figures.dot(p, loss, f"{loss:.2f}")
    bars = figures.bars({"horse": p, "dog": 1 - p}, right=[True, False], most=1)
    return Picture(
        f"p = {p:.2f}: the loss is {loss:.3f} nats and the answer is {'right' if hit else 'wrong'}.",
        Panel(
            "The loss of one answer",
            *curve,
            figures.upright(0.5),
            x=(0, 1),
            y=(0, 5),
            xlabel="probability of the true class, p",
            ylabel="loss, nats",
        ),
        Panel("What the network says", bars, xlabel="probability"),
    )


Explorer(
    one_answer,
    p=slider(np.linspace(0.01, 0.97, 49), start=0.89, label="p(horse)"),
    title="One answer, two measures",
)

# %% claims=["001-C3", "002-A1a", "002-A1d", "003-C8"]
towards_truth = metrics.cross_entropy_per_example([0, 0], probabilities=[[0.5, 0.5], [0.99, 0.01]])
away = metrics.cross_entropy_per_example([0, 0], probabilities=[[0.5, 0.5], [0.01, 0.99]])
gain, loss = towards_truth[0] - towards_truth[1], away[1] - away[0]
print(
    f"from p = .5 to .99 the loss falls by {gain:.2f} nats, from .5 to .01 it rises by {loss:.2f}"
)
assert loss > 5 * gain

# %% [markdown]
# The curve has no step at one half: the loss does not know where the decision falls, and accuracy knows nothing else. And the curve is steep near p = 0: being confident in something
# wrong costs more than being confident in something right saves.
#
# ## Where do "0.37" and "0.6" come from?
#
# You computed what `[0.9, 0.1]` and `[0.6, 0.4]` cost. The answer that made this example popular gives **0.37** and **0.6**.

# %%
suspect = questions.Prediction(
    "1-who-made-0.37",
    "Which computation turns [0.9, 0.1] into 0.37 and [0.6, 0.4] into 0.6?",
    [
        "a logarithm to base 10",
        "one minus p",
        "the mean over both classes",
        "a softmax of the probabilities before the logarithm",
    ],
)
suspect

# %% claims=["002-A2b"]
answers = np.array([[0.9, 0.1], [0.6, 0.4]])
base_10 = -np.log10(answers[:, 0])
one_minus = 1 - answers[:, 0]
both_classes = -np.log(answers).mean(axis=1)
softmax_first = -np.log(metrics.softmax(answers)[:, 0])
suspects = np.array([base_10, one_minus, both_classes, softmax_first])
(fits,) = np.flatnonzero(np.abs(suspects - [0.37, 0.60]).max(axis=1) < 0.005)
print(suspect.resolve(suspect.options[fits]))
print(f"{'given as p(horse):':52}0.9   0.6")
for name, values in zip(suspect.options, suspects):
    print(f"{name:52}{values[0]:.3f} {values[1]:.3f}")

# %% [markdown]
# Probabilities were treated as **logits**, the raw scores before the softmax, so softmax was applied twice. The mistake is silent: torch's `cross_entropy` wants logits and accepts probabilities.

# %% claims=["001-C9"]
environment.need("torch")  # waits while it is being fetched
import torch

torch.set_num_threads(1)
both = torch.tensor([0, 0])
given_probabilities = torch.nn.functional.cross_entropy(
    torch.tensor(answers), both, reduction="none"
)
given_logits = torch.nn.functional.cross_entropy(
    torch.tensor(np.log(answers)), both, reduction="none"
)
print("torch, given probabilities:", given_probabilities.numpy().round(3))
print("torch, given logits:       ", given_logits.numpy().round(3))
assert np.allclose(given_probabilities, softmax_first)

# %% [markdown]
# ### What does the mistake report at best?

# %%
floor_question = questions.Prediction(
    "1-floor-10",
    "Ten classes, softmax applied twice, every answer certain and right. What loss is reported?",
    [0.00, 0.31, 1.46, 2.30],
)
floor_question


# %%
@questions.solution(
    "1-floor",
    cases=[(2,), (3,), (10,), (100,)],
    hint="np.eye(K)[0] is a certain answer for class 0. Apply metrics.softmax to it as if it were logits, then take −ln of the first entry.",
)
def lowest_reported_loss(n_classes):
    return -np.log(metrics.softmax(np.eye(n_classes)[:1])[0, 0])


# %%
@questions.your_code("1-floor")
def lowest_reported_loss(n_classes):
    """The loss reported for a certain and right answer when softmax is applied once more."""
    ...


# %% claims=["001-C9"]
print(floor_question.resolve(lowest_reported_loss(10)))
for n_classes in (2, 3, 10, 100):
    floor, guess = lowest_reported_loss(n_classes), np.log(n_classes)
    print(f"K = {n_classes:3}: reported {floor:.3f} instead of 0; an even guess: {guess:.3f}")
    assert np.isclose(floor, np.log(1 + (n_classes - 1) / np.e))

# %% [markdown]
# Probabilities lie between 0 and 1, so the second softmax sees scores that differ by at most 1. Hence a **floor**, `ln(1 + (K − 1)/e)`. A training loss that stands on it while accuracy is
# high is the mark of this mistake.


# %%
def twice(n_classes):
    rest = (1 - p_curve) / (n_classes - 1)  # the wrong classes share what is left
    reported = np.log1p((n_classes - 1) * np.exp(rest - p_curve))
    floor = lowest_reported_loss(n_classes)
    return Picture(
        f"{n_classes} classes: the mistake never reports less than {floor:.3f} nats; an even guess costs {np.log(n_classes):.3f}.",
        Panel(
            "The same answer, with softmax once and twice",
            figures.line(p_curve, -np.log(p_curve), label="once"),
            figures.line(p_curve, reported, "vermilion", label="twice"),
            figures.level(floor, f"floor {floor:.2f}", "purple", below=True),
            x=(0, 1),
            y=(0, 5),
            xlabel="probability of the true class, p",
            ylabel="loss, nats",
        ),
    )


Explorer(
    twice,
    n_classes=slider([2, 3, 4, 5, 7, 10, 20, 50, 100], start=10, label="classes, K"),
    title="Softmax once and twice",
    figsize=(7, 3.4),
)

# %% [markdown]
# ## Cat 25, dog 35, horse 40
#
# Another popular explanation of "high accuracy and high loss": the network says cat 25 %, dog 35 %, horse 40 %, and the picture shows a horse. The answer is right but unsure, so the loss is high.
# True. *How* high can a loss get that way?

# %%
ceiling = questions.Prediction(
    "1-ceiling-3",
    "Three classes, plain cross-entropy, the answer is right. What is the most it can cost?",
    ["ln 2, that is 0.69", "ln 3, that is 1.10", "ln 10, that is 2.30", "there is no limit"],
)
ceiling

# %% claims=["002-A6"]
rng = np.random.default_rng(1)
logits = rng.normal(size=(100_000, 3)) * rng.uniform(0, 6, size=(100_000, 1))
losses = metrics.cross_entropy_per_example(np.zeros(100_000, int), logits=logits)
right = metrics.correct(np.zeros(100_000, int), logits)
costliest = losses[right].max()
nearest = min((abs(costliest - np.log(k)), f"ln {k}, that is {np.log(k):.2f}") for k in (2, 3, 10))[
    1
]
print(ceiling.resolve(nearest))
print(f"of 100,000 random answers the costliest right one costs {costliest:.3f},")
print(f"the costliest wrong one {losses[~right].max():.0f}")
assert costliest <= np.log(3) + 1e-9 < losses[~right].max()

# %% [markdown]
# The highest of K probabilities is at least 1/K. So a right answer costs **at most ln K** in plain cross-entropy, with one true class and no weights. (Label smoothing, soft labels and class
# weights break the rule; lesson 3b shows how.) Unsure right answers explain a mildly high loss. A *mean* above ln K needs wrong answers.
#
# **Move K:** with more classes, does the range of p grow in which an answer may be right *or* wrong?


# %%
def right_or_wrong(n_classes):
    limit = np.log(n_classes)
    return Picture(
        f"{n_classes} classes: below p = {1 / n_classes:.3f} the answer is wrong, above 0.5 right, between them either; a right one costs at most {limit:.2f}.",
        Panel(
            "What p alone says about right and wrong",
            figures.line(p_curve, -np.log(p_curve)),
            figures.span(0, 1 / n_classes, "wrong" if n_classes < 6 else "", "vermilion"),
            figures.span(1 / n_classes, 0.5, "either" if n_classes > 2 else ""),
            figures.span(0.5, 1, "right", "blue"),
            figures.level(limit, f"ln K = {limit:.2f}", "blue"),
            x=(0, 1),
            y=(0, 5),
            xlabel="probability of the true class, p",
            ylabel="loss, nats",
        ),
    )


Explorer(
    right_or_wrong,
    n_classes=slider([2, 3, 4, 5, 7, 10, 20, 50, 100], start=3, label="classes, K"),
    title="Right, wrong, or either",
    figsize=(7, 3.4),
)

# %% [markdown]
# Only the *true* class enters the loss. How the rest is shared changes nothing in the loss, yet it can decide about right and wrong:

# %% claims=["003-C4", "003-C6"]
same_p = np.array([[0.4, 0.3, 0.3], [0.4, 0.6, 0.0]])
print("losses", metrics.cross_entropy_per_example([0, 0], probabilities=same_p).round(3), end="; ")
print("right", metrics.correct([0, 0], same_p))
half = metrics.cross_entropy([0], probabilities=[[0.50, 0.25, 0.25]])
print(f"[0.50, 0.25, 0.25] costs {half:.4f}, ln 2 is {np.log(2):.4f}")
assert np.isclose(half, np.log(2)) and list(metrics.correct([0, 0], same_p)) == [True, False]

# %% [markdown]
# ## Why nobody trains on accuracy
#
# If accuracy is what we want, why minimise something else? Eight points on a line, four of each class, and a network with a single number to learn, the threshold t: its probability for class 1 is the
# sigmoid of `2(x − t)`. We nudge t two thousand times by a few thousandths.

# %%
nudges = questions.Prediction(
    "1-nudges",
    "Of 2,000 tiny nudges to the threshold, how many change the accuracy at all?",
    [0, 8, 250, 2000],
)
nudges

# %% claims=["003-C12"]
x = np.array([-2.0, -1.4, -0.9, 0.45, -0.3, 0.8, 1.5, 2.2])
y = np.array([0, 0, 0, 0, 1, 1, 1, 1])


def measures(t):
    """Loss and accuracy of the network with threshold t."""
    logits = np.column_stack([np.zeros_like(x), 2 * (x - t)])
    return metrics.cross_entropy(y, logits=logits), metrics.accuracy(y, logits)


thresholds = np.linspace(-2.5, 2.5, 2001) + 0.25
loss_at, accuracy_at = np.array([measures(t) for t in thresholds]).T
changed = [(np.diff(values) != 0).sum() for values in (loss_at, accuracy_at)]
print(nudges.resolve(int(changed[1])))
print(f"of {len(thresholds) - 1} nudges {changed[0]} change the loss and {changed[1]} the accuracy")


# %%
@questions.solution(
    "1-slope",
    cases=[(lambda t: t**2, 3.0), (np.sin, 0.0), (lambda t: float(t > 1), 0.5)],
    hint="The difference of the two neighbours' values, divided by the distance between the neighbours.",
    tolerance=1e-4,
)
def slope(function, t, step=1e-4):
    return (function(t + step) - function(t - step)) / (2 * step)


# %% [markdown]
# **Your turn.** A method that follows the slope needs a slope. Compute one from two neighbours.


# %%
@questions.your_code("1-slope")
def slope(function, t, step=1e-4):
    """How much function(t) changes for each unit of t.

    Use its values one step to the left and one step to the right.
    """
    ...


# %%
def one_threshold(t):
    values = measures(t)
    slopes = [slope(lambda s: measures(s)[i], t) for i in range(2)]
    marks = [
        (figures.line(thresholds, all_values), figures.dot(t, value, f"slope {each:+.2f}"))
        for all_values, value, each in zip((loss_at, accuracy_at), values, slopes)
    ]
    return Picture(
        f"t = {t:+.2f}: loss {values[0]:.3f} with slope {slopes[0]:+.2f}; accuracy {values[1]:.3f} with slope {slopes[1]:+.2f}.",
        Panel("Loss, nats", *marks[0], y=(0, None), xlabel="threshold t"),
        Panel("Accuracy", *marks[1], y=(0, 1.1), xlabel="threshold t"),
    )


Explorer(
    one_threshold,
    t=slider(np.linspace(-2.23, 2.72, 100), start=-1.23, label="threshold t"),
    title="What a slope can see",
)

# %% [markdown]
# Where accuracy does not change its slope is zero, and a method that follows the slope stands still. The slope of cross-entropy in the logits has a form worth knowing by heart: **predicted minus true**.

# %% claims=["003-C12"]
logits = np.array([[2.0, -1.0, 0.5]])
predicted_minus_true = metrics.softmax(logits)[0] - [0, 1, 0]
tensor = torch.tensor(logits, requires_grad=True)
torch.nn.functional.cross_entropy(tensor, torch.tensor([1])).backward()
hits = (tensor.argmax(dim=1) == torch.tensor([1])).double().mean()
print("p − y:", predicted_minus_true.round(4), " torch:", tensor.grad.numpy()[0].round(4))
print("can torch differentiate the accuracy?", hits.requires_grad)
assert np.allclose(predicted_minus_true, tensor.grad.numpy()[0]) and not hits.requires_grad

# %% [markdown]
# ## Multiply the logits
#
# Multiply all logits of a network by the same positive number.

# %%
scaling = questions.Prediction(
    "1-scale",
    "Ten pictures, eight answered rightly. All logits are multiplied by 4. What happens to loss and accuracy?",
    [
        "both improve",
        "accuracy stays, the loss must fall",
        "accuracy stays, the loss may rise",
        "accuracy may change, since the loss does",
    ],
)
scaling

# %%
RIGHT = [3.0, 2.5, 2.0, 1.8, 1.5, 1.2, 0.9, 0.5]  # logit of the true class minus the other one
ERRORS = {"mildly wrong": [-0.1, -0.2], "wrong": [-0.6, -1.1], "very wrong": [-4.0, -5.0]}
truth, scales = np.zeros(10, int), np.geomspace(0.1, 10, 41)
ten_logits = {name: np.column_stack([RIGHT + e, np.zeros(10)]) for name, e in ERRORS.items()}


def scaled_loss(errors, scale):
    return metrics.cross_entropy(truth, logits=scale * ten_logits[errors])


now, after = scaled_loss("wrong", 1), scaled_loss("wrong", 4)
right = [metrics.accuracy(truth, s * ten_logits["wrong"]) for s in (1, 4)]
assert right[0] == right[1] == 0.8
print(scaling.resolve(scaling.options[2 if after > now else 1]))
print(f"loss {now:.2f} becomes {after:.2f}, accuracy {right[0]} stays {right[1]}")

# %% plumbing
scaled = {name: np.array([scaled_loss(name, s) for s in scales]) for name in ERRORS}


def same_answers(errors, scale):
    losses = metrics.cross_entropy_per_example(truth, logits=scale * ten_logits[errors])
    best = scales[scaled[errors].argmin()]
    return Picture(
        f"Times {scale:.2f}: 8 of 10 right, mean loss {losses.mean():.2f} nats. The loss is lowest at times {best:.2f}.",
        Panel(
            "Mean loss, nats",
            figures.line(scales, scaled[errors]),
            figures.dot(scale, losses.mean(), f"{losses.mean():.2f}"),
            xscale="log",
            x=(0.1, 10),
            y=(0, 3),
            xlabel="logits multiplied by",
        ),
        Panel(
            "Loss of each picture, nats",
            figures.bars(
                {f"picture {i + 1}": v for i, v in enumerate(losses)},
                right=[True] * 8 + [False] * 2,
                most=12,
            ),
        ),
    )


Explorer(
    same_answers,
    errors=slider(list(ERRORS), start="wrong", label="the two errors are"),
    scale=slider(scales, start=scales[20], label="logit scale"),
    title="Same answers, another loss",
)

# %%
best = {name: scales[losses.argmin()] for name, losses in scaled.items()}
Markdown(
    "The order of the classes stays, and so does accuracy. The scale with the lowest loss is "
    + ", ".join(f"{b:.1f} ({name})" for name, b in best.items())
    + ". **The best confidence depends on how wrong the wrong answers are.** "
    "One over this scale is called the *temperature*; lessons 2 and 7 build on it."
)

# %% [markdown]
# ## The same number from NumPy, torch and Keras
#
# Libraries differ in what they want to be given. torch's `cross_entropy` wants **logits**. Keras wants **probabilities** unless you say `from_logits=True`.

# %%
environment.need("keras")
import keras

from_logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
from_probabilities = keras.losses.SparseCategoricalCrossentropy(from_logits=False)

# %% claims=["001-C9"]
logits = np.array([[2.0, -1.0, 0.5], [0.1, 0.2, -3.0], [-1.0, 1.0, 4.0]])
labels = np.array([0, 1, 1])
losses = {
    "NumPy": metrics.cross_entropy(labels, logits=logits),
    "torch": torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(labels)).item(),
    "Keras, from_logits=True": float(from_logits(labels, logits)),
    "Keras, given probabilities": float(from_probabilities(labels, metrics.softmax(logits))),
    "WRONG: logits as probabilities": float(from_probabilities(labels, logits)),
    "WRONG: probabilities as logits": float(from_logits(labels, metrics.softmax(logits))),
}
for name, value in losses.items():
    print(f"{name:31} {value:.3f}")
honest, mistaken = list(losses.values())[:4], list(losses.values())[4:]
assert np.ptp(honest) < 1e-6 and all(abs(value - honest[0]) > 0.05 for value in mistaken)

# %% [markdown]
# Neither mistake raises an error here (plain arrays, Keras on TensorFlow; lesson 3b looks at more cases). You must *say* what you pass. That is why `metrics.cross_entropy` has no default.
#
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "`[0.9, 0.1]` has a loss of 0.37" | that is softmax applied twice; cross-entropy of 0.9 is much lower |
# | "an unsure right answer explains any high loss" | a right answer costs at most ln K in plain cross-entropy |
# | "the loss wants the other classes near zero" | only the probability of the true class counts |
# | "accuracy is what we want, so train on accuracy" | it has slope zero almost everywhere: there is nothing to follow |
# | "more confidence is a better loss" | only up to a point that depends on the wrong answers |
#
# ## Check yourself

# %%
questions.choice(
    "1-check-floor",
    "A ten-class network reaches 98 % training accuracy and its training loss stays at 1.48. What do you look at first?",
    right=(
        "whether softmax is applied twice",
        f"Yes: 1.48 is just above the floor for ten classes, {metrics.double_softmax_floor(10):.3f}.",
    ),
    wrong=[
        (
            "whether the learning rate is too low",
            "It changes how fast the loss falls, not a floor it stands on while nearly everything is right.",
        ),
        (
            "whether many of the labels are wrong",
            f"At 98 % right, two errors in a hundred would have to cost about {1.48 / 0.02:.0f} nats each if right answers cost nothing.",
        ),
        (
            "nothing, this is normal for ten classes",
            "It is possible only if right answers get about a quarter of the probability. That is rare in a network that fits its training set; the double softmax is common.",
        ),
    ],
)

# %%
questions.number(
    "1-check-cost",
    "A ten-class network gives the true class 0.2, more than any other class. What does it cost, in nats, to two decimals?",
    answer=-np.log(0.2),
    tolerance=0.006,
    hint="Take the natural logarithm of the probability of the true class, with a minus sign.",
    known={
        0.70: "That is the logarithm to base 10; cross-entropy uses the natural one.",
        0.80: "That is one minus p.",
    },
)

# %%
questions.choice(
    "1-check-mean",
    "The mean validation loss (plain cross-entropy) is 2.6 on ten balanced classes. What do you know without seeing accuracy?",
    right=(
        "some wrong answers give the truth less than 1/10",
        f"Yes: right answers cost at most ln 10 = {np.log(10):.2f} each, so a mean of 2.6 needs wrong answers that cost more.",
    ),
    wrong=[
        (
            "accuracy is below 10 %, worse than guessing",
            f"No: one answer in five that costs {2.6 / 0.2:.0f} nats raises the mean that far while 80 % are right.",
        ),
        (
            "the network is unsure and spreads its probability evenly",
            f"Then every answer would cost ln 10 = {np.log(10):.2f}. A higher mean needs answers that prefer wrong classes.",
        ),
        (
            "nothing: the loss says nothing about accuracy",
            "The most a right answer can cost, ln K, does tell you something.",
        ),
    ],
)

# %%
questions.choice(
    "1-check-gradient",
    "Why is a network not trained to maximise accuracy directly?",
    right=(
        "its slope is zero almost everywhere",
        "Yes: you counted how few of two thousand nudges changed it.",
    ),
    wrong=[
        ("it takes longer to compute than the loss", "It is cheaper than the loss: no logarithm."),
        ("it cannot be computed on a mini-batch", "It can, and every tool shows it."),
        (
            "it is less important to us than the loss",
            "Often it is what we want most. It is just no guide for a method that follows slopes.",
        ),
    ],
)

# %% [markdown]
# ## Summary
#
# - Cross-entropy is `−ln p(true class)`; accuracy counts whether the highest probability is there. Each is blind to what the other sees.
# - In plain cross-entropy a right answer costs at most ln K. A mean above that needs wrong answers that give the truth less than 1/K.
# - Two published numbers, 0.37 and 0.6, are a double softmax. Its floor is `ln(1 + (K − 1)/e)`.
# - Accuracy has no slope to follow; cross-entropy has the slope `p − y`.
# - Scaling the logits changes the loss and no answer.
#
# **What would change your mind?** A right answer that costs more than ln K in plain cross-entropy. Try to construct one.
#
# **Further reading.** I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning* (2016), sections 3.13 and 6.2.2, on cross-entropy and softmax.
# T. Gneiting, A. Raftery, "Strictly proper scoring rules, prediction, and estimation", *Journal of the American Statistical Association* 102 (2007).
#
# **Graded exercise:** [exercise 1](../exercises/exercise_01_horse_or_dog.ipynb). **Before:** [lesson 0](00_start_here.ipynb). **Next:** [lesson 2](02_four_quadrants.ipynb), where loss and accuracy move in opposite ways.
