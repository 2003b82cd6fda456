# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 2b · Both fall: which example shows what?
#
# **Time** about {minutes} minutes. **You need** [lesson 2](02_four_quadrants.ipynb). This is a further lesson: nothing later depends on it.
#
# After this lesson you can
#
# 1. check whether an example shows what its author says;
# 2. use a control to test a statement about classes;
# 3. build a training whose loss falls at every step, and say what its accuracy does and why;
# 4. say which loss is on the screen when classes are weighted.
#
# ## The question
#
# A comment under the [question of 2017](https://stats.stackexchange.com/questions/282160/how-is-it-possible-that-validation-loss-is-increasing-while-validation-accuracy)
# reports that loss *and* accuracy fall, even on the training set. Nobody answered it. And a [blog post of 2018](https://www.jussihuotari.com/2018/01/17/why-loss-and-accuracy-metrics-conflict/)
# shows a curve on which accuracy drops for a while although the loss improves smoothly.

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks train fastest with one thread

import numpy as np

from lessonlib import figures, ledger, metrics, problems, questions, runs
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.network import GradientDescent, Network, fit
from lessonlib.uncertainty import count_seeds

# %% [markdown]
# ## Two examples from the web
#
# The blog post says: "Case 1 has less error but worse accuracy than case 2." We have the sentence, not the numbers. Here is a *reconstruction*: three samples, three classes.

# %% claims=["003-C5", "004-C5"]
sure = np.array([[0.48, 0.50, 0.02], [0.05, 0.90, 0.05], [0.05, 0.05, 0.90]])
unsure = np.array([[0.36, 0.32, 0.32], [0.32, 0.36, 0.32], [0.32, 0.32, 0.36]])
truth = np.arange(3)
measured = []
for name, p in (("case 1", sure), ("case 2", unsure)):
    loss, accuracy = metrics.cross_entropy(truth, probabilities=p), metrics.accuracy(truth, p)
    squared = ((p - np.eye(3)) ** 2).mean()
    measured.append([loss, squared, accuracy])
    print(f"{name}: cross-entropy {loss:.3f}, squared error {squared:.3f}, accuracy {accuracy:.2f}")
assert (np.array(measured[0]) < measured[1]).all()

# %% [markdown]
# The sentence can be made true. A text of 2025 (we know no public address) says the same with three sets of predictions for the labels 1, 0, 1.

# %%
example_shows = questions.Prediction(
    "2b-example",
    "Labels 1, 0, 1. Good: p(1) = [.9, .1, .8]. Bad: [.1, .9, .1]. Mixed: [.9, .9, .9]. "
    "Do loss and accuracy rank these three differently?",
    ["yes", "no, they rank them alike"],
)
example_shows


# %% [markdown]
# **Your turn.** Rank the sets by loss and by accuracy.

# %%
ones = np.array([1, 0, 1])


@questions.solution(
    "2b-rank",
    cases=[
        ({"a": [0.9, 0.1, 0.8], "b": [0.2, 0.9, 0.1]},),
        ({"timid": [0.55, 0.45, 0.55], "bold": [0.9, 0.55, 0.9], "even": [0.5, 0.5, 0.4]},),
    ],
    hint="The loss of one prediction is −ln p where the label is 1 and −ln(1 − p) where it is 0. sorted(dict, key=dict.get) ranks names by value.",
)
def rankings(sets):
    loss, hits = {}, {}
    for name, p in sets.items():
        p = np.array(p)
        loss[name] = -np.log(np.where(ones == 1, p, 1 - p)).mean()
        hits[name] = ((p > 0.5) == ones).mean()
    return sorted(loss, key=loss.get), sorted(hits, key=hits.get, reverse=True)


# %%
@questions.your_code("2b-rank")
def rankings(sets):
    """Two lists of names, best first: by mean cross-entropy (low is good) and by accuracy.

    `sets` maps a name to three values of p(1); the labels are `ones`. An answer is 1 where p > 0.5.
    """
    ...


# %% claims=["001-E2c"]
by_loss, by_accuracy = rankings(
    {"good": [0.9, 0.1, 0.8], "bad": [0.1, 0.9, 0.1], "mixed": [0.9, 0.9, 0.9]}
)
print(f"best first: by loss {', '.join(by_loss)}; by accuracy {', '.join(by_accuracy)}")
print(example_shows.resolve("no, they rank them alike" if by_loss == by_accuracy else "yes"))
by_loss, by_accuracy = rankings({"just right": [0.55, 0.45, 0.55], "one error": [0.9, 0.55, 0.9]})
print(f"two others: by loss {', '.join(by_loss)}; by accuracy {', '.join(by_accuracy)}")
assert by_loss == ["one error", "just right"] and by_accuracy == ["just right", "one error"]

# %% [markdown]
# The sentence was true and its example did not show it. *Just right* ([.55, .45, .55]) and *one error* ([.9, .55, .9]) do show it.
# Nor is it special to classification. Any two measures that weigh errors differently can disagree:

# %% claims=["004-C11"]
before, after = np.array([1, 1, 1, 1, 6]), np.array([2, 2, 2, 2, 4])  # errors of a regression
squared, absolute = (after**2).mean() - (before**2).mean(), after.mean() - before.mean()
print(f"change: mean squared error {squared:+.1f}, mean absolute error {absolute:+.1f}")
assert squared < 0 < absolute

# %% [markdown]
# ## Ten classes, ten minima?
#
# The best-known answer adds: with many classes a network may overfit on some of them while it still learns others. Look at each class: does the loss of its
# pictures turn in the same epoch as the mean? In the ten recorded runs of lesson 6 some classes turn earlier and some later than the mean, in every run. Before you
# believe the statement, ask for the control.

# %%
classes_question = questions.Prediction(
    "2b-classes",
    "Ten RANDOM groups of 500 pictures instead of ten classes. In what share of such groupings "
    "do some groups turn earlier than the mean and others later?",
    [0.0, 0.4, 1.0],
)
classes_question


# %% claims=["002-A1i"]
def turning_points(losses, groups):
    """How many epochs after the minimum of the mean the lowest loss of each group comes."""
    each = np.array([losses[:, groups == g].mean(axis=1).argmin() for g in range(10)])
    return each - losses.mean(axis=1).argmin()


def early_and_late(n, groups_of):
    """Over runs and repetitions, on the first n pictures: share with earlier and later groups."""
    shifts = [
        turning_points(run.val_losses()[:, :n], groups_of(run.val_labels[:n]))
        for run in runs.recordings("main")
        if len(run.val_labels) >= n
        for _ in range(10)
    ]
    return np.mean([(s < 0).any() and (s > 0).any() for s in shifts])


# %%
rng = np.random.default_rng(0)
kinds = {
    "classes": lambda labels: labels,
    "random groups": lambda labels: rng.permutation(len(labels)) % 10,
}
shares = {
    (n, kind): early_and_late(n, groups) for n in (5_000, 500) for kind, groups in kinds.items()
}
print("groupings in which some groups turn earlier than the mean and others later:")
for (n, kind), share in shares.items():
    n_runs = sum(len(run.val_labels) >= n for run in runs.recordings("main"))
    print(f"about {n // 10:3} pictures a group ({n_runs} runs), {kind}: {share:.0%}")
print(classes_question.resolve(shares[5_000, "random groups"]))

# %% [markdown]
# With 500 pictures a group, classes turn apart more often than random groups do: they do so beyond chance here, in two runs of one network on one data set. With 50 pictures a
# group most random groupings do it, too: then the picture proves nothing.
#
# ## A loss that falls at every step
#
# The smallest training that answers the comment is a softmax regression on two features: two neat groups of points around −1 and 1, and eight points of the left class far
# away on the right, at 20. Gradient descent on all points with a small step: the training loss falls at every step.

# %%
dip_question = questions.Prediction(
    "2b-dip",
    "The training loss falls strictly at every one of 1,000 steps. The training accuracy, compared with that after the first step,",
    [
        "never falls below it",
        "falls below it by up to ten points",
        "falls by more than ten points, then recovers",
        "falls by more than ten points and stays there",
    ],
)
dip_question

# %%
train = problems.leverage_outliers(rng=100)
network = Network([2, 2], rng=0, scale=0)
descent = GradientDescent(network.parameters, learning_rate=0.01)
border_of, dip_logits = [], []
for _ in range(1_000):
    descent.step(network.gradients(train.x, train.y))
    (weight,), (bias,) = network.weights, network.biases
    border_of.append([*(weight[:, 1] - weight[:, 0]), bias[1] - bias[0]])
    dip_logits.append(network.logits(train.x))
dip_loss = np.array([metrics.cross_entropy(train.y, logits=z) for z in dip_logits])
dip_wrong = np.array([~metrics.correct(train.y, z) for z in dip_logits])
dip_accuracy = 1 - dip_wrong.mean(axis=1)

# %%
drop, back = dip_accuracy[0] - dip_accuracy.min(), dip_accuracy[-1] - dip_accuracy[0]
happened = 0 if drop <= 0 else 1 if drop < 0.1 else 2 if back > -0.02 else 3
print(dip_question.resolve(dip_question.options[happened]))
print("the loss falls at every step:", (np.diff(dip_loss) < 0).all())

# %% [markdown]
# Move through the training. Diamonds mark wrong answers, the dash-dotted line is the border where the network is undecided. (The height of a point means nothing; it keeps points
# apart.) **On which side of the border do the outliers start, and which points are lost for them?**

# %%
height = np.random.default_rng(0).random(len(train.x))
is_outlier = train.x[:, 0] > 10
STEPS = np.unique(np.geomspace(1, 1_000, 46).round().astype(int)).tolist()


def points_of(here, feature_2, step):
    w1, w2, b = border_of[step - 1]
    lost = dip_wrong[step - 1] & here
    groups = [here & (train.y == label) for label in (0, 1)]
    return (
        figures.points(train.x[groups[0], 0], height[groups[0]], "blue"),
        figures.points(train.x[groups[1], 0], height[groups[1]], "vermilion"),
        figures.points(train.x[lost, 0], height[lost], "purple", size=8),
        figures.upright(np.clip(-(b + w2 * feature_2) / w1, -50, 50), "", "green"),
    )


def dip(step):
    lost = dip_wrong[step - 1]
    loss, accuracy = dip_loss[step - 1], dip_accuracy[step - 1]
    curves = (
        figures.line(range(1, 1_001), dip_loss, label="loss"),
        figures.line(range(1, 1_001), dip_accuracy, "vermilion", label="accuracy"),
    )
    return Picture(
        f"Step {step}: loss {loss:.3f}, accuracy {accuracy:.0%}; wrong are {(lost & ~is_outlier).sum()} of 192 points "
        f"of the groups and {(lost & is_outlier).sum()} of 8 outliers.",
        Panel(
            "Two groups",
            *points_of(~is_outlier, 0, step),
            x=(-2.3, 2.3),
            y=(-0.1, 1.1),
            xlabel="feature 1",
            yticks=[],
        ),
        Panel(
            "Eight outliers",
            *points_of(is_outlier, 3, step),
            x=(0, 24),
            y=(-0.1, 1.1),
            xlabel="feature 1",
            yticks=[],
        ),
        Panel(
            "Training",
            *curves,
            figures.dot(step, accuracy, f"{accuracy:.0%}", "purple"),
            xscale="log",
            x=(1, 1_300),
            y=(0, 1.05),
            xlabel="step",
        ),
    )


Explorer(
    dip,
    step=slider(STEPS, start=STEPS[30]),
    title="Gradient descent on two groups and eight outliers",
    figsize=(10, 3.2),
)

# %% [markdown]
# Why does the loss allow it? Ask the ledger, from the first step to the one with the lowest accuracy:

# %% claims=["003-C3"]
lowest = int(dip_accuracy.argmin())
book = ledger.between(train.y, logits=(dip_logits[0], dip_logits[lowest]))
assert book.change < 0 and book.accuracy_change < -0.1
assert book.right_to_wrong.contribution < -0.1 * book.right_to_right.contribution
book

# %% [markdown]
# Many answers are lost, each by a hair: together they cost almost nothing. The answers that stay right become a little surer, and that saves more.
#
# **Your turn**, on ten fresh seeds with a validation set each: find the trainings that do all three.


# %%
@questions.solution(
    "2b-dips",
    cases=[
        (
            np.array([[0.7, 0.6, 0.5], [0.7, 0.6, 0.61]]),
            np.array([[0.9, 0.7, 0.95], [0.9, 0.7, 0.95]]),
        ),
        (
            np.array([[0.7, 0.6, 0.5], [0.7, 0.6, 0.5]]),
            np.array([[0.9, 0.85, 0.95], [0.9, 0.7, 0.8]]),
        ),
    ],
    hint="np.diff(loss, axis=1) < 0 says where the loss falls; accuracy.min(axis=1) is the lowest value of each run.",
)
def dips(loss, accuracy):
    falls = (np.diff(loss, axis=1) < 0).all(axis=1)
    dives = accuracy[:, 0] - accuracy.min(axis=1) > 0.1
    recovers = accuracy[:, -1] > accuracy[:, 0] - 0.02
    return falls & dives & recovers


# %%
@questions.your_code("2b-dips")
def dips(loss, accuracy):
    """One True or False for each run (row): the loss falls at every step, accuracy falls by more
    than 0.1 below its first value, and ends at most 0.02 below that first value.
    """
    ...


# %%
def train_dip(seed):
    rng = np.random.default_rng(seed)
    train, val = problems.leverage_outliers(rng=rng), problems.leverage_outliers(rng=rng)
    how = {"epochs": 1_000, "learning_rate": 0.01, "optimizer": "gd", "shuffle": False, "rng": rng}
    return fit(Network([2, 2], rng=rng, scale=0), train, val, **how)


# %% claims=["002-A1j", "002-A2c"]
SEEDS = range(100, 110)
dip_runs = [train_dip(seed) for seed in SEEDS]
for part in ("train", "val"):
    loss, accuracy = (
        np.array([run[f"{part}_{what}"] for run in dip_runs]) for what in ("loss", "accuracy")
    )
    found = count_seeds(dips(loss, accuracy))
    print(f"{part:5}: all three in {found}")
    assert found.mostly

# %% [markdown]
# Stop such a training at its lowest accuracy and both measures have fallen, on the training set too, although every step was an improvement by the measure that training follows.
# This is one *constructed* case: eight points of great leverage. What happened to the network of the comment or of the blog post nobody can tell from a curve.
#
# ## The same with class weights
#
# One point in ten is positive. The network starts from the base rate, and each positive counts nine times in the loss. That weighted loss is on the screen.

# %%
weight_question = questions.Prediction(
    "2b-weights",
    "The weighted loss falls at every step. Accuracy and the plain (unweighted) cross-entropy on the same points",
    [
        "both improve",
        "both get worse",
        "accuracy falls, the plain loss improves",
        "accuracy rises, the plain loss gets worse",
    ],
)
weight_question


# %%
def train_weighted(seed, weight):
    data = problems.imbalanced_gaussians(rng=seed)
    weights = np.where(data.y == 1, weight, 1.0)
    network = Network([2, 2], rng=0, scale=0)
    network.biases[0][1] = np.log(data.y.mean() / (1 - data.y.mean()))
    how = {"epochs": 300, "learning_rate": 0.25, "optimizer": "gd", "shuffle": False, "rng": 0}
    return fit(network, data, data, weights=weights / weights.mean(), **how)


KINDS = {
    "weighted_train_loss": "Weighted loss",
    "train_loss": "Plain cross-entropy",
    "train_accuracy": "Accuracy",
}
WEIGHTS = [1, 2, 3, 5, 9]
weighted = {weight: train_weighted(100, weight) for weight in WEIGHTS}

# %% claims=["002-A1j", "004-C6"]
many = [train_weighted(seed, 9) for seed in SEEDS]
falls = {name: count_seeds([run[name][-1] < run[name][0] for run in many]) for name in KINDS}
for name, count in falls.items():
    print(f"{KINDS[name]:20} is lower at the end in {count}")
assert (
    falls["weighted_train_loss"].mostly
    and falls["train_loss"].rarely
    and falls["train_accuracy"].mostly
)
print(weight_question.resolve("both get worse"))

# %%
WEIGHTED_STEPS = [1, 2, 3, 5, 7, 10, 14, 20, 28, 40, 56, 80, 113, 160, 226, 300]


def class_weights(weight, step):
    run, panels, moves = weighted[weight], [], []
    for (name, title), ends in zip(KINDS.items(), ((0, 1.3), (0, 1.3), (0.6, 1))):
        now = run[name][step - 1]
        moves.append(
            "up"
            if now > run[name][0] + 5e-4
            else "down"
            if now < run[name][0] - 5e-4
            else "the same"
        )
        marks = figures.line(range(1, 301), run[name]), figures.dot(step, now, f"{now:.2f}")
        panels.append(Panel(title, *marks, xscale="log", x=(1, 360), y=ends, xlabel="step"))
    return Picture(
        f"Positives count {weight}-fold. From step 1 to step {step} the weighted loss is {moves[0]}, "
        f"the plain loss {moves[1]}, accuracy {moves[2]}.",
        *panels,
    )


Explorer(
    class_weights,
    weight=slider(WEIGHTS, start=9, label="weight of a positive"),
    step=slider(WEIGHTED_STEPS, start=300),
    title="What class weights do to three measures",
    figsize=(10, 3),
)

# %% [markdown]
# The loss on the screen fell because it is *another* loss. If both your measures fall, look first at *which* loss is printed: class weights, sample weights, a penalty added to it.
#
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "this example shows that loss and accuracy disagree" | it ranked them alike; another example shows it |
# | "classes turn at different epochs, so some overfit" | beyond chance with 500 pictures a class; with 50, most random groupings do it, too |
# | "a steadily falling loss means that the model is learning" | accuracy fell far below its start, at falling loss |
# | "a training loss and a training accuracy cannot both fall" | outliers with leverage, and class weights, do it |
#
# ## Check yourself

# %%
questions.choice(
    "2b-check-weights",
    "After you switch on class weights, the training loss on the screen falls and training accuracy falls as well. What do you look at first?",
    right=(
        "the unweighted cross-entropy of the same examples",
        "Yes: training lowers what it is asked to lower, and that is no longer the mean over all examples alike.",
    ),
    wrong=[
        (
            "the code: training loss and accuracy cannot fall together",
            "They can: you saw it in two ways, without a bug.",
        ),
        (
            "the validation curves, to see whether it overfits",
            "Both measures are of the training set; what is odd has happened there.",
        ),
        ("the learning rate, which is too high", "Then the loss would jump; it falls."),
    ],
)

# %%
questions.choice(
    "2b-check-control",
    "A colleague shows that the loss of each of ten age groups has its minimum in another epoch. What do you ask for?",
    right=(
        "the same picture for ten random groups of these sizes",
        "Yes: small groups have noisy curves, and noisy curves turn at different epochs without any cause.",
    ),
    wrong=[
        (
            "the accuracy of each age group at its minimum",
            "It may differ for many reasons; it does not say whether the turning points differ by chance.",
        ),
        (
            "more epochs, until all of them have turned",
            "All may have turned already; the question is whether their differences are more than noise.",
        ),
        ("nothing: different epochs are different epochs", "Ten random groups differ too."),
    ],
)

# %% [markdown]
# ## Summary
#
# - An example is evidence only if it shows what is said. Compute it.
# - A difference between groups needs the control of random groups.
# - A training can lower its loss at every step and lose accuracy on the way: here by eight points of great leverage, or because the loss on the screen is a weighted one.
#
# **What would change your mind?** A smooth dip of accuracy in a training without outliers and without weights, in most of ten seeds.
#
# **Further reading.** T. Hastie, R. Tibshirani, J. Friedman, *The Elements of Statistical Learning* (2nd edition, 2009), section 4.4, on logistic regression.
#
# **Graded exercise:** [exercise 2](../exercises/exercise_02_four_quadrants.ipynb). **Before:** [lesson 2](02_four_quadrants.ipynb). **Next:** [lesson 3](03_what_moves_the_loss.ipynb).
