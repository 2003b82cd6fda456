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
# **Time** about 45 minutes. **You need** Python and a little NumPy; no machine learning beyond "a network gives numbers for classes".
#
# After this lesson you can
#
# 1. compute cross-entropy and accuracy of a prediction by hand, and say what each of them ignores;
# 2. say how much a *right* answer can cost at most, and use it to read a loss;
# 3. recognise from two numbers alone that somebody applied softmax twice;
# 4. explain why a network is trained on the loss and not on the accuracy;
# 5. use `from_logits` (Keras) and `cross_entropy` (torch) without changing the question by accident.
#
# The rhythm is always the same: **predict, run, compare, explain**. Your predictions are kept and scored; nobody else sees them.

# %%
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is loaded: no greeting
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny computations are fastest with one thread

import numpy as np
from IPython.display import Markdown

from lessonlib import charts, checks, figures, metrics
from lessonlib.explorer import Explorer
from lessonlib.predictions import Question

# %% [markdown]
# ## One picture, one answer, two measures
#
# A network looks at a picture and gives one probability to each class, here `horse` and `dog`. The picture shows a horse.
#
# - **Accuracy** asks one thing: does the highest probability stand at the true class? It counts 1 or 0.
# - **Cross-entropy**, the usual loss, asks another: how much probability did the true class get? It charges `−ln p(true class)`,
#   measured in *nats*, the unit of the natural logarithm.
#
# In a well-known discussion a network first says `[0.9, 0.1]` and later `[0.6, 0.4]`. Before you run anything:

# %%
cost_of_sure = Question(
    "1-cost-of-0.9",
    "The network says [0.9, 0.1] and the picture shows a horse. What does cross-entropy charge?",
    [0.11, 0.37, 0.90, 2.30],
)
cost_of_sure

# %%
cost_of_unsure = Question(
    "1-cost-of-0.6",
    "And if it says [0.6, 0.4]?",
    [0.22, 0.40, 0.51, 0.60],
)
cost_of_unsure

# %% claims=["002-A2a", "002-A2b", "002-A5b", "002-A1d"]
horse = [0]  # the true class: number 0 of (horse, dog)
for answer in ([0.9, 0.1], [0.6, 0.4]):
    loss = metrics.cross_entropy(horse, probabilities=[answer])
    hit = metrics.accuracy(horse, [answer])
    print(f"{answer}: loss {loss:.4f} nats, by hand {-np.log(answer[0]):.4f}, accuracy {hit:.0f}")

# %%
print(cost_of_sure.settle(metrics.cross_entropy(horse, probabilities=[[0.9, 0.1]])))
print(cost_of_unsure.settle(metrics.cross_entropy(horse, probabilities=[[0.6, 0.4]])))

# %% [markdown]
# Both answers are right, so accuracy cannot tell them apart. The loss can: it rewards the network for being sure of the right thing.
# Move the slider and watch where each measure changes. **Before you move it:** at which value of p will accuracy jump, and will the loss jump there too?

# %% claims=["001-C3", "002-A1a", "003-C8"]
p_curve = np.linspace(0.005, 1, 400)


def setup(fig):
    left, right = charts.panels(fig, "What the loss charges", "What the network says")
    charts.curve(left, p_curve, -np.log(p_curve))
    left.set(
        xlim=(0, 1), ylim=(0, 5), xlabel="probability of the true class, p", ylabel="loss, nats"
    )
    left.axvline(0.5, color=figures.PALETTE["grey"], linestyle=":")
    return charts.dot(left), charts.bars(right, ["horse", "dog"], largest=1, xlabel="probability")


# %%
def update(parts, p):
    dot, bars = parts
    loss, right = -np.log(p), p > 0.5
    dot.move(p, loss, f"{loss:.2f}")
    bars.set([p, 1 - p], right=[True, False])
    return (
        f"p = {p:.2f}: the loss is {loss:.3f} nats "
        f"and the answer is {'right' if right else 'wrong'}; accuracy counts {right:d}."
    )


# %%
Explorer(
    setup,
    update,
    p=np.linspace(0.01, 0.99, 99),
    start={"p": 0.9},
    labels={"p": "p(horse)"},
    title="Cost of one answer",
)

# %% [markdown]
# The curve has no step at 0.5: the loss does not know where the decision falls. The accuracy knows nothing else.
# And the curve is steep on the left: an answer that gives the truth one per cent is charged far more than one that gives it a half.

# %%
steep = metrics.cross_entropy_per_example([0, 0], probabilities=[[0.01, 0.99], [0.5, 0.5]])
Markdown(
    f"One per cent on the truth costs **{steep[0]:.2f}** nats, one half costs **{steep[1]:.2f}**: "
    f"a confident error is charged {steep[0] / steep[1]:.1f} times as much as a shrug."
)

# %% [markdown]
# ## Where do "0.37" and "0.6" come from?
#
# You just computed what `[0.9, 0.1]` and `[0.6, 0.4]` cost. The discussion that made this example popular gives **0.37** and **0.6** instead.
# Numbers like these do not come from nowhere. Four suspects:

# %%
suspect = Question(
    "1-who-made-0.37",
    "Which computation turns [0.9, 0.1] into 0.37 and [0.6, 0.4] into 0.6?",
    [
        "logarithm to base 10",
        "one minus p",
        "mean over both classes",
        "softmax applied a second time",
    ],
)
suspect

# %% claims=["002-A2b"]
answers = np.array([[0.9, 0.1], [0.6, 0.4]])
suspects = {
    "logarithm to base 10": -np.log10(answers[:, 0]),
    "one minus p": 1 - answers[:, 0],
    "mean over both classes": -np.log(answers).mean(axis=1),
    "softmax applied a second time": metrics.cross_entropy_per_example([0, 0], logits=answers),
}
for name, values in suspects.items():
    print(f"{name:30} {values[0]:.4f}  {values[1]:.4f}")
published = np.array([0.37, 0.60])
fits = [name for name, values in suspects.items() if np.abs(values - published).max() < 0.005]
print("fits both published numbers:", fits)

# %%
print(suspect.settle(fits[0]))

# %% [markdown]
# The probabilities were treated as if they were **logits**, the raw scores before the softmax, and softmax was applied to them again.
# The bug is easily made and silent: torch's `cross_entropy` applies softmax itself and does not complain when it is handed probabilities:

# %% claims=["002-A2b", "001-C9"]
import torch

torch.set_num_threads(1)
handed_probabilities = torch.nn.functional.cross_entropy(
    torch.tensor(answers), torch.tensor([0, 0]), reduction="none"
)
handed_logits = torch.nn.functional.cross_entropy(
    torch.tensor(np.log(answers)), torch.tensor([0, 0]), reduction="none"
)
print("torch, given probabilities:", handed_probabilities.numpy().round(4))
print("torch, given logits:       ", handed_logits.numpy().round(4))

# %% [markdown]
# ### The floor that gives the bug away
#
# Probabilities lie between 0 and 1, so a second softmax sees scores that differ by at most 1. However sure and right the network is, the reported
# loss cannot go below a **floor**: `ln(1 + (K − 1)/e)` for K classes. A training loss that gets stuck there while accuracy is high is the mark of this bug.

# %%
floor_question = Question(
    "1-floor-10",
    "Ten classes, softmax applied twice, every answer certain and right. What loss is reported?",
    [0.00, 0.31, 1.46, 2.30],
)
floor_question

# %% claims=["001-C9"]
for n_classes in (2, 3, 10, 100):
    perfect = np.eye(n_classes)[:1]  # all probability on class 0
    reported = metrics.cross_entropy([0], logits=perfect)  # the bug: probabilities passed as logits
    honest = metrics.cross_entropy([0], probabilities=perfect)
    assert np.isclose(reported, metrics.double_softmax_floor(n_classes))
    print(
        f"K = {n_classes:3}: honest loss {honest:.4f}, "
        f"reported {reported:.4f}, guessing costs ln K = {np.log(n_classes):.4f}"
    )

# %%
print(floor_question.settle(metrics.double_softmax_floor(10)))


# %%
def reported_loss(p, n_classes):
    """Loss of softmax-applied-twice when the true class gets p and the others share the rest."""
    rest = (1 - p) / (n_classes - 1)
    return np.log1p((n_classes - 1) * np.exp(rest - p))


# %%
def setup_floor(fig):
    (ax,) = charts.panels(fig, "The same answer, charged once and charged with the bug")
    ax.set(xlim=(0, 1), ylim=(0, 5), xlabel="probability of the true class, p", ylabel="loss, nats")
    charts.curve(ax, p_curve, -np.log(p_curve), label="cross-entropy")
    bug = charts.curve(ax, p_curve, p_curve, colour="vermilion", label="softmax applied twice")
    ax.legend(loc="upper right")
    floor = charts.moving_level(ax, "purple")
    floor.name.set_verticalalignment("top")  # below its line: the bug's curve ends above it
    return {"bug": bug, "floor": floor}


# %%
def update_floor(parts, n_classes):
    floor = metrics.double_softmax_floor(n_classes)
    parts["bug"].set_ydata(reported_loss(p_curve, n_classes))
    parts["floor"].move(floor, f"floor {floor:.3f}")
    return (
        f"{n_classes} classes: the bug never reports less than {floor:.3f} nats, "
        f"however good the answer; guessing costs {np.log(n_classes):.3f}."
    )


# %%
Explorer(
    setup_floor,
    update_floor,
    n_classes=[2, 3, 4, 5, 7, 10, 20, 50, 100],
    start={"n_classes": 10},
    labels={"n_classes": "classes, K"},
    title="The floor of the double softmax",
    figsize=(7, 3.4),
)

# %% [markdown]
# The buggy curve is nearly flat, and a flat loss has small gradients: training with this bug still *works*, only worse. Lesson 3 measures by how much.
#
# ## Cat 25, dog 35, horse 40: a right answer can only cost so much
#
# Another popular explanation of "high accuracy and high loss": the network says cat 25 %, dog 35 %, horse 40 %, the picture shows a horse, so the
# answer is right but unsure. True. But *how* high can the loss get that way?

# %%
ceiling = Question(
    "1-ceiling-3",
    "Three classes, the answer is right. What is the most that cross-entropy can charge for it?",
    ["0.69 (ln 2)", "1.10 (ln 3)", "2.30 (ln 10)", "there is no limit"],
)
ceiling

# %% claims=["002-A6"]
unsure = [[0.25, 0.35, 0.40]]
loss = metrics.cross_entropy([2], probabilities=unsure)
limit = metrics.highest_loss_of_a_right_answer(3)
print(f"cat 25, dog 35, horse 40: loss {loss:.4f}, right: {metrics.correct([2], unsure)[0]}")
print("the highest of three probabilities is at least 1/3, so a right answer costs at most ln 3,")
print(f"which is {limit:.4f}")
print(ceiling.settle(f"{limit:.2f} (ln 3)"))

# %% [markdown]
# Do not take the argument on trust either. Here are a hundred thousand random answers over ten classes, from undecided to very sure:

# %% claims=["002-A6"]
rng = np.random.default_rng(1)
logits = rng.normal(size=(100_000, 10)) * rng.uniform(0, 6, size=(100_000, 1))
labels = rng.integers(0, 10, size=100_000)
losses = metrics.cross_entropy_per_example(labels, logits=logits)
right = metrics.correct(labels, logits)
dearest_right, dearest_wrong = losses[right].max(), losses[~right].max()
print(f"dearest right answer {dearest_right:.3f}, ln 10 = {np.log(10):.3f}")
print(f"dearest wrong answer {dearest_wrong:.1f}")
assert dearest_right <= np.log(10) < dearest_wrong

# %%
Markdown(
    "So unsure but right answers explain a *mildly* high loss, early in training. "
    f"They can never explain a mean loss above ln K ({np.log(10):.2f} for ten classes): "
    "for that, **wrong** answers must pay. Remember this bound when you read a curve."
)

# %% [markdown]
# **Predict, then move K:** with more classes, does the range of p in which an answer may be right *or* wrong grow or shrink?


# %%
def setup_range(fig):
    (ax,) = charts.panels(fig, "What p alone says about right and wrong")
    ax.set(xlim=(0, 1), ylim=(0, 5), xlabel="probability of the true class, p", ylabel="loss, nats")
    charts.curve(ax, p_curve, -np.log(p_curve))
    spans = [
        charts.span(ax, colour="vermilion"),
        charts.span(ax, colour="grey"),
        charts.span(ax, colour="blue"),
    ]
    return {"spans": spans, "ceiling": charts.moving_level(ax, "blue")}


# %%
def update_range(parts, n_classes):
    sure_wrong, either, sure_right = parts["spans"]
    sure_wrong.move(0, 1 / n_classes, "wrong" if n_classes < 6 else "")
    either.move(1 / n_classes, 0.5, "either" if n_classes > 2 else "")
    sure_right.move(0.5, 1, "right")
    limit = metrics.highest_loss_of_a_right_answer(n_classes)
    parts["ceiling"].move(limit, f"ln K = {limit:.2f}")
    return (
        f"{n_classes} classes: below p = {1 / n_classes:.3f} the answer is wrong, "
        f"above 0.5 right, between them either; a right one costs at most {limit:.2f}."
    )


# %%
Explorer(
    setup_range,
    update_range,
    n_classes=[2, 3, 4, 5, 7, 10, 20, 50, 100],
    start={"n_classes": 3},
    labels={"n_classes": "classes, K"},
    title="Right, wrong, or either",
    figsize=(7, 3.4),
)

# %% [markdown]
# The more classes, the wider the range in which p alone does not decide.
#
# Only the probability of the *true* class enters the loss. How the rest is shared among the wrong classes changes nothing in the loss, yet it
# can decide whether the answer is right:

# %% claims=["003-C4", "003-C6"]
same_p = np.array([[0.4, 0.3, 0.3], [0.4, 0.6, 0.0]])
print("losses  ", metrics.cross_entropy_per_example([0, 0], probabilities=same_p).round(4))
print("accuracy", metrics.correct([0, 0], same_p).astype(int))
half = metrics.cross_entropy([0], probabilities=[[0.50, 0.25, 0.25]])
print(f"[0.50, 0.25, 0.25] costs {half:.7f} = ln 2")

# %% [markdown]
# ## Why nobody trains on accuracy
#
# If accuracy is what we want, why minimise something else? Take eight points on a line, four of each class, and a network with a single number
# to learn, the threshold t: its probability for class 1 is the sigmoid of `2(x − t)`. We nudge t two thousand times by a few thousandths.

# %%
nudges = Question(
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
changed_loss, changed_accuracy = (np.diff(values) != 0 for values in (loss_at, accuracy_at))
print(f"of {len(thresholds) - 1} nudges {changed_loss.sum()} change the loss,")
print(f"and {changed_accuracy.sum()} the accuracy")
print(nudges.settle(int(changed_accuracy.sum())))

# %% [markdown]
# Where nothing changes, the slope is zero, and a method that follows the slope stands still. The loss has a slope almost everywhere.


# %%
def setup_threshold(fig):
    loss_ax, accuracy_ax = charts.panels(fig, "Loss", "Accuracy")
    for ax, values in ((loss_ax, loss_at), (accuracy_ax, accuracy_at)):
        charts.curve(ax, thresholds, values)
        ax.set(xlim=(thresholds[0], thresholds[-1]), xlabel="threshold t")
    loss_ax.set_ylim(0, loss_at.max() * 1.1)
    accuracy_ax.set_ylim(0, 1.1)
    return charts.dot(loss_ax), charts.dot(accuracy_ax)


# %%
def update_threshold(parts, t):
    loss, hits = measures(t)
    slopes = (np.array(measures(t + 1e-4)) - np.array(measures(t - 1e-4))) / 2e-4
    parts[0].move(t, loss, f"slope {slopes[0]:+.2f}")
    parts[1].move(t, hits, f"slope {slopes[1]:.0f}")
    return (
        f"t = {t:+.2f}: loss {loss:.3f} with slope {slopes[0]:+.3f}; "
        f"accuracy {hits:.3f} with slope {slopes[1]:.0f}."
    )


# %%
Explorer(
    setup_threshold,
    update_threshold,
    t=np.linspace(-2.23, 2.72, 100),
    start={"t": -1.23},
    labels={"t": "threshold t"},
    title="What a slope can see",
)

# %% [markdown]
# The slope of cross-entropy in the logits has a form worth knowing by heart: **predicted minus true**, `p − y`. Checked here in three ways:
# the formula, finite differences, and torch's automatic differentiation. And accuracy, asked for its gradient, has none to give.

# %% claims=["003-C12"]
logits = np.array([[2.0, -1.0, 0.5]])
formula = metrics.cross_entropy_gradient([1], logits)[0]
steps = 1e-6 * np.eye(3)
above = [metrics.cross_entropy([1], logits=logits + step) for step in steps]
below = [metrics.cross_entropy([1], logits=logits - step) for step in steps]
differences = (np.array(above) - below) / 2e-6
tensor = torch.tensor(logits, requires_grad=True)
torch.nn.functional.cross_entropy(tensor, torch.tensor([1])).backward()
print("p - y             ", formula.round(6))
print("finite differences", differences.round(6))
print("torch             ", tensor.grad.numpy()[0].round(6))
assert np.allclose(formula, differences, atol=1e-6) and np.allclose(formula, tensor.grad.numpy()[0])

# %% claims=["003-C12"]
hits = (tensor.argmax(dim=1) == torch.tensor([1])).double().mean()
print("can torch differentiate the accuracy?", hits.requires_grad)

# %% [markdown]
# ## Same answers, any loss: the scale of the logits
#
# Multiply all logits of a network by the same positive number. The order of the classes stays, so every answer stays.

# %%
scaling = Question(
    "1-scale",
    "Ten pictures, eight answered rightly. All logits are multiplied by 4. What happens?",
    [
        "loss and accuracy both improve",
        "accuracy stays, the loss must fall",
        "accuracy stays, the loss may rise",
        "both stay",
    ],
)
scaling

# %%
ten_labels = np.zeros(10, dtype=int)
margin = [3.0, 2.5, 2.0, 1.8, 1.5, 1.2, 0.9, 0.5, -0.6, -1.1]  # logit of the truth minus the other
ten_logits = np.column_stack([margin, np.zeros(10)])
scales = np.geomspace(0.1, 10, 41)
scaled_losses = np.array([metrics.cross_entropy(ten_labels, logits=s * ten_logits) for s in scales])

# %%
once, four_times = (metrics.cross_entropy(ten_labels, logits=s * ten_logits) for s in (1, 4))
for s, loss in ((1, once), (4, four_times)):
    hits = metrics.accuracy(ten_labels, s * ten_logits)
    print(f"times {s}: loss {loss:.4f}, accuracy {hits:.1f}")
what_loss_does = "may rise" if four_times > once else "must fall"
print(scaling.settle(f"accuracy stays, the loss {what_loss_does}"))


# %%
def setup_scale(fig):
    left, right = charts.panels(fig, "Mean loss", "Loss of each picture")
    charts.curve(left, scales, scaled_losses)
    left.set(
        xscale="log",
        xlim=(0.1, 10),
        ylim=(0, 1.8),
        xlabel="logits multiplied by",
        ylabel="loss, nats",
    )
    names = [f"picture {number}" for number in range(1, 11)]
    return charts.dot(left), charts.bars(right, names, largest=11, xlabel="loss, nats")


# %%
def update_scale(parts, scale):
    losses = metrics.cross_entropy_per_example(ten_labels, logits=scale * ten_logits)
    right = metrics.correct(ten_labels, scale * ten_logits)
    parts[0].move(scale, losses.mean(), f"{losses.mean():.2f}")
    parts[1].set(losses, right=right)
    share = losses[~right].sum() / losses.sum()
    return (
        f"times {scale:.2f}: {right.sum()} of 10 right, mean loss {losses.mean():.3f} nats, "
        f"{share:.0%} of it paid by the {(~right).sum()} wrong answers."
    )


# %%
Explorer(
    setup_scale,
    update_scale,
    scale=scales,
    start={"scale": scales[20]},
    labels={"scale": "logit scale"},
    title="Same answers, any loss",
)

# %%
best = scales[scaled_losses.argmin()]
Markdown(
    f"Accuracy never moved, while the loss ran from {scaled_losses.min():.2f} (at scale "
    f"{best:.2f}) to {scaled_losses.max():.2f} (at scale {scales[scaled_losses.argmax()]:.1f}). "
    "Being surer is cheap for right answers and dear for wrong ones: "
    "**how much confidence pays depends on how often you are right.** "
    "One over this scale is called the *temperature*."
)

# %% [markdown]
# ## The same number from NumPy, torch and Keras
#
# Libraries differ in what they want to be given, not in what they compute. torch's `cross_entropy` wants **logits**. Keras wants
# **probabilities** unless you say `from_logits=True`.

# %%
import keras

from_logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
from_probabilities = keras.losses.SparseCategoricalCrossentropy(from_logits=False)

# %% claims=["001-C9"]
logits = np.array([[2.0, -1.0, 0.5], [0.1, 0.2, -3.0], [-1.0, 1.0, 4.0]])
labels = np.array([0, 1, 1])
torch_loss = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(labels))
losses = {
    "NumPy, lessonlib": metrics.cross_entropy(labels, logits=logits),
    "torch, cross_entropy": torch_loss.item(),
    "Keras, from_logits=True": float(from_logits(labels, logits)),
    "Keras, given probabilities": float(from_probabilities(labels, metrics.softmax(logits))),
}
for name, value in losses.items():
    print(f"{name:28} {value:.5f}")
assert np.ptp(list(losses.values())) < 1e-6

# %% [markdown]
# And the two ways to get it wrong. Neither raises an error:

# %% claims=["001-C9"]
mistakes = {
    "Keras, logits passed as probabilities": float(from_probabilities(labels, logits)),
    "Keras, probabilities passed as logits": float(from_logits(labels, metrics.softmax(logits))),
}
for name, value in mistakes.items():
    print(f"{name:40} {value:.5f}, off by {value - losses['NumPy, lessonlib']:+.5f}")
assert all(abs(value - losses["NumPy, lessonlib"]) > 0.05 for value in mistakes.values())

# %% [markdown]
# lessonlib refuses the first mistake, since numbers outside 0 to 1 cannot be probabilities. The second one no library can see in a single
# number: you must *say* what you pass. That is why `metrics.cross_entropy` has no default.

# %%
try:
    metrics.cross_entropy(labels, probabilities=logits)
except ValueError as refusal:
    print(refusal)

# %% [markdown]
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "`[0.9, 0.1]` has a loss of 0.37" | that is softmax applied twice; cross-entropy of 0.9 is much lower |
# | "an unsure right answer explains any high loss" | a right answer costs at most ln K |
# | "the loss wants the other classes near zero" | only the probability of the true class is charged |
# | "accuracy is what we want, so train on accuracy" | it has slope zero almost everywhere: there is nothing to follow |
# | "more confidence is a better loss" | only up to a point that depends on how often you are right |
#
# ## Check yourself

# %% jupyter={"source_hidden": true}
checks.choice(
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
            f"The two per cent of errors would have to cost about {1.48 / 0.02:.0f} nats each to make up 1.48.",
        ),
        (
            "nothing, this is normal for ten classes",
            "Certain answers, 98 % of them right, cost far less when softmax is applied once.",
        ),
    ],
)

# %% jupyter={"source_hidden": true}
checks.number(
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

# %% jupyter={"source_hidden": true}
checks.choice(
    "1-check-mean",
    "Mean validation loss is 2.6 on ten balanced classes. What do you know without seeing accuracy?",
    right=(
        "some wrong answers give the truth less than 1/10",
        f"Yes: right answers cost at most ln 10 = {np.log(10):.2f} each, so a mean of 2.6 needs wrong answers that cost more: with less than 1/10 on the truth.",
    ),
    wrong=[
        (
            "accuracy is below 10 %, worse than guessing",
            f"No: one answer in five that costs {2.6 / 0.2:.0f} nats raises the mean that far while 80 % are right.",
        ),
        (
            "the network is unsure and spreads its probability evenly",
            f"A network that spreads its probability evenly costs ln 10 = {np.log(10):.2f}. To pay more it must prefer wrong classes to the true one.",
        ),
        (
            "nothing: the loss says nothing about accuracy",
            "The ceiling of right answers, ln K, does tell you something.",
        ),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
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
# - Cross-entropy charges `−ln p(true class)`; accuracy counts whether the highest probability is there. Each is blind to what the other sees.
# - A right answer costs at most ln K. A mean above that takes wrong answers that give the truth less than 1/K.
# - Two published numbers, 0.37 and 0.6, are a double softmax. Its floor, `ln(1 + (K − 1)/e)`, gives it away: a loss stuck there beside a high accuracy.
# - Accuracy has no slope; cross-entropy has the slope `p − y`.
# - Scaling the logits changes the loss at will and no answer.
#
# **What would change your mind?** If you met a right answer that costs more than ln K, one of these statements would be false. Try to construct one.
#
# **Further reading.** I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning* (2016), sections 3.13 and 6.2.2, on cross-entropy and softmax.
# T. Gneiting and A. Raftery, "Strictly proper scoring rules, prediction, and estimation", *JASA* 102 (2007), on why `−ln p` is an honest charge.
#
# **Next:** lesson 2, where loss and accuracy move in opposite ways.
