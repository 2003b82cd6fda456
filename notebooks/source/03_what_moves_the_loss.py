# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 3 · What moves the loss?
#
# **Time** about {minutes} minutes. **You need** [lesson 1](01_horse_or_dog.ipynb) and [lesson 2](02_four_quadrants.ipynb).
#
# After this lesson you can
#
# 1. say how much of a mean loss a few examples make up, and on what that depends;
# 2. test whether a few examples also spoil the network;
# 3. follow wrong labels through a training;
# 4. audit a training set by its losses, and say when that finds something.
#
# ## The question
#
# The loss is higher than you expected. Is it a few examples, or all of them? Is it the data or the program? This lesson looks at the data;
# [lesson 3b](03b_is_it_computed_right.ipynb) asks whether the number is computed right.

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks train fastest with one thread

import numpy as np
from IPython.display import Markdown
from sklearn.linear_model import LogisticRegression

from lessonlib import figures, metrics, problems, questions, runs
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.network import Network, fit
from lessonlib.problems import Examples
from lessonlib.uncertainty import count_seeds, mean_interval

SEEDS = range(100, 110)  # what trains was tuned on seeds 0 to 9

# %% [markdown]
# ## One confident error among a hundred
#
# Ninety-nine answers of a hundred are right and give the truth 0.99. The hundredth is wrong and gives it one in a million.

# %%
one_error = questions.Prediction(
    "3-one-error",
    "The mean loss of the hundred is how many times what it would be with that answer at 0.99 too?",
    [1.01, 1.9, 15, 1000],
)
one_error


# %%
def with_one_error(p, n=100, others=0.99):
    """Loss of each of n answers: the first gives its truth p, the others give it `others`."""
    return -np.log(np.append(p, np.full(n - 1, others)))


# %% claims=["001-C3", "003-C8"]
factor = with_one_error(1e-6).mean() / with_one_error(0.99).mean()
print(one_error.resolve(factor))
unsure = with_one_error(1e-6, others=0.27).mean() / with_one_error(0.27, others=0.27).mean()
print(f"others at 0.99: {factor:.0f} times the loss; others at 0.27: {unsure:.2f} times")
assert factor > 14 and unsure < 1.2

# %% [markdown]
# The same error ruins a mean of a hundred *very sure* answers and hardly shows among unsure ones. **Move all three:** what matters more, the number of examples or the loss of the others?

# %%
EXPONENTS = np.linspace(0.5, 15, 30)


def one_error_among(exponent, n, others):
    losses = with_one_error(10.0**-exponent, n, others)
    calm = -np.log(others)
    curve = [with_one_error(10.0**-e, n, others).mean() for e in EXPONENTS]
    share = losses[0] / losses.sum()
    return Picture(
        f"{n} examples, the others at {others}: mean loss {losses.mean():.3f} nats, {losses.mean() / calm:.2f} times that without the error, which makes up {share:.0%}.",
        Panel("Mean loss, nats", figures.line(EXPONENTS, curve), figures.dot(exponent, losses.mean(), f"{losses.mean():.2f}"), figures.level(calm, "without the error"),
              y=(0, 1.8), xlabel="−log10 of the truth's probability"),
        Panel("Share of the loss", figures.bars({"the one error": share, "all the others": 1 - share}, right=[False, True], most=1), xlabel="share"),
    )  # fmt: skip


Explorer(
    one_error_among, exponent=slider(EXPONENTS, start=6.0, label="confidence, −log10 p"), n=slider([50, 100, 500, 5000], start=100, label="examples in all"),
    others=slider([0.27, 0.5, 0.9, 0.99, 0.999], start=0.99, label="the others give the truth"), title="One wrong answer",
)  # fmt: skip

# %% [markdown]
# ### In real runs
#
# A popular answer says that a *single* misclassified picture blows up the mean loss. The network of lesson 6 was trained ten times, and measured on 5,000 validation pictures. Sort them by loss.


# %%
@questions.solution(
    "3-share",
    cases=[
        (np.array([0.1, 3.0, 0.5, 0.4]), 1),
        (np.array([1.0, 1.0, 2.0, 4.0, 0.0]), 2),
        (np.array([5.0, 0.0]), 2),
    ],
    hint="np.sort sorts upwards; the last k entries, [-k:], are the costliest.",
)
def share_of_costliest(losses, k):
    return np.sort(losses)[-k:].sum() / losses.sum()


# %% [markdown]
# **Your turn.**


# %%
@questions.your_code("3-share")
def share_of_costliest(losses, k):
    """Which share of the whole loss the k examples with the highest loss make up."""
    ...


# %%
few = questions.Prediction(
    "3-costliest",
    "At the end of those runs (about 67 % accuracy): what share of the validation loss do the costliest 5 % make up, on average?",
    [0.05, 0.35, 0.67, 0.95],
)
few

# %% claims=["002-A1e"]
last = [run.val_losses()[-1] for run in runs.recordings("main")]
shares = {
    percent: [share_of_costliest(each, len(each) * percent // 100) for each in last]
    for percent in (1, 5, 20)
}
print(few.resolve(np.mean(shares[5])))
for percent, each in shares.items():
    print(
        f"the costliest {percent:2} %: {np.mean(each):.0%} of the loss, mean of ten recorded runs"
    )
single = max(share_of_costliest(each, 1) for each in last)
print(f"the single costliest picture: at most {single:.1%} in any of the runs")
assert single < 0.01 and np.mean(shares[5]) > 0.3

# %% [markdown]
# Not one picture, a few hundred: a third of the loss comes from a twentieth of the pictures, on this network and data.
#
# ### "Mostly correct, and yet a higher loss"
#
# A text of 2025 (we know no public address) compares predictions for the labels 1, 0, 1: *good* is p(1) = [.9, .1, .8], *mixed* is [.9, .9, .9]. Mixed has the higher loss, the text says, because mostly right predictions may cost more than a "better" prediction "with a higher
# probability for class 1".

# %%
explanation = questions.Prediction(
    "3-mixed",
    "Why is the loss of mixed higher than that of good?",
    [
        "mixed gives class 1 less probability where class 1 is true",
        "one of its three answers is wrong and sure",
        "being unsure costs something even where the answer is right",
    ],
)
explanation

# %% claims=["001-E2a", "001-E2b"]
ones = np.array([1, 0, 1])
said = {"good": [0.9, 0.1, 0.8], "bad": [0.1, 0.9, 0.1], "mixed": [0.9, 0.9, 0.9]}
each_cost = {name: -np.log(np.where(ones, p, 1 - np.array(p))) for name, p in said.items()}
wrong_share = share_of_costliest(each_cost["mixed"], 1)
print(explanation.resolve(explanation.options[1 if wrong_share > 0.9 else 0]))
for name, costs in each_cost.items():
    print(f"{name:5} mean {costs.mean():.3f}, each {costs.round(3)}")
assert (each_cost["mixed"] <= each_cost["good"])[[0, 2]].all() and wrong_share > 0.9

# %% [markdown]
# The text's explanation is the wrong way round: mixed is at least as good wherever class 1 is true.
#
# ## Do a few examples spoil the network too?
#
# That a few examples make up much of the loss is one thing. That they *pull the network away* is another: "the optimiser over-corrects because of outliers". Test it on a model that cannot memorise. Two hundred points in two overlapping classes, a straight line, and k points of the one
# class at distance D on the side of the other.


# %%
def with_outliers(k, distance, seed):
    """Two clouds, 200 points in all, then k points labelled 0 far out on the side of class 1."""
    rng = np.random.default_rng(seed)
    clean = problems.imbalanced_gaussians(200, positive_share=0.5, separation=3, rng=rng)
    far = distance / np.sqrt(2) + 0.3 * rng.normal(size=(k, 2))
    return Examples(np.vstack([clean.x, far]), np.append(clean.y, np.zeros(k, int)))


def line_through(examples):
    return LogisticRegression(C=1e6, max_iter=1000).fit(*examples)


fresh = problems.imbalanced_gaussians(4000, positive_share=0.5, separation=3, rng=1)

# %%
outlier_question = questions.Prediction(
    "3-outliers",
    "Ten outliers at distance 30 (the classes are 3 apart). After training, who makes up most of the loss?",
    ["the ten outliers", "the two hundred others", "both about half"],
)
outlier_question


# %% claims=["001-C8"]
def of_outliers(model, examples):
    """Share of the loss that the outliers, those after the first 200, make up."""
    p = model.predict_proba(examples.x)
    losses = metrics.cross_entropy_per_example(examples.y, probabilities=p)
    return losses[200:].sum() / losses.sum()


found = {}
for k, distance in ((0, 0), (2, 10), (4, 10), (10, 30)):
    sets = [with_outliers(k, distance, seed) for seed in SEEDS]
    models = [line_through(each) for each in sets]
    hits = np.array([model.score(*fresh) for model in models])
    found[k, distance] = hits, np.array([of_outliers(*pair) for pair in zip(models, sets)])

# %% claims=["001-C8"]
share = found[10, 30][1].mean()
print(
    outlier_question.resolve(
        outlier_question.options[0 if share > 0.6 else 1 if share < 0.4 else 2]
    )
)
for (k, distance), (hits, shares) in found.items():
    told = f"accuracy {hits.mean():.2f}, outliers' share of the loss {shares.mean():.1f}"
    print(f"{k:2} outliers at {distance:2}: {told}")
unharmed = count_seeds(found[0, 0][0] - found[2, 10][0] < 0.01)
ruined = count_seeds(found[10, 30][0] < 0.6)
print(f"two at 10 cost less than a point in {unharmed}; ten at 30 ruin the line in {ruined}")
assert unharmed.mostly and ruined.mostly

# %% [markdown]
# Two cost less than a point; ten far ones turn the line until *they* fit, and everybody else makes up the loss. Sorting by loss would not find them any more. **Move both:**


# %%
def outliers_and_line(k, distance):
    examples = with_outliers(k, distance, 100)
    model = line_through(examples)
    (a, b), c = model.coef_[0], model.intercept_[0]
    across = np.array([-4.0, 24.0])
    clean = with_outliers(0, 0, 100)
    share, hits = of_outliers(model, examples), model.score(*fresh)
    far = (figures.points(*examples.x[200:].T, "vermilion", label="outliers"),) if k else ()
    return Picture(
        f"{k} outliers at {distance} make up {share:.0%} of the loss; {hits:.0%} of clean points are right.",
        Panel("The points and the line", figures.points(*clean.x[clean.y == 0].T, "blue", label="class 0", size=3), figures.points(*clean.x[clean.y == 1].T, "green", label="class 1", size=3),
              *far, figures.line(across, -(a * across + c) / b, "grey"), x=(-4, 24), y=(-4, 24), xlabel="feature 1", ylabel="feature 2"),
        Panel("Shares", figures.bars({"outliers' share of the loss": share, "accuracy, clean points": hits}, right=[False, True], most=1)),
    )  # fmt: skip


Explorer(
    outliers_and_line, k=slider([0, 2, 4, 6, 8, 10], start=4, label="outliers"), distance=slider(range(5, 35, 5), start=10, label="distance, D"),
    title="Outliers and a straight line", figsize=(9, 3.8),
)  # fmt: skip

# %% [markdown]
# ## Wrong labels and a network that can memorise
#
# Five hundred handwritten digits, a tenth of the labels wrong, far more weights than examples. The text of 2025 says that noisy examples raise the loss when "the first predictions are far off".

# %%
noise_story = questions.Prediction(
    "3-noise-share",
    "The share of the training loss that the wrong labels make up, from the first epoch to the twentieth,",
    ["falls by a third or more", "stays about the same", "grows by half or more"],
)
noise_story


# %%
def train_noisy(share, seed, epochs=40):
    """Losses and gradient lengths per epoch and example; which are wrong; the data."""
    train, test = problems.digits(500, 1000, rng=seed)
    labels = problems.flip_labels(train.y, share, n_classes=10, rng=seed)
    noisy = Examples(train.x, labels)
    how = {"epochs": epochs, "learning_rate": 3e-3, "batch_size": 50, "rng": seed}
    run = fit(Network([64, 128, 10], rng=seed), noisy, noisy, **how)
    pulls = [
        np.linalg.norm(metrics.softmax(z) - np.eye(10)[labels], axis=1) for z in run.val_logits
    ]
    return run.val_losses(), np.array(pulls), labels != train.y, noisy, test, train.y


# %% claims=["001-C6"]
noisy_runs = [train_noisy(0.1, seed) for seed in SEEDS]
of_wrong = lambda values, wrong: values[:, wrong].sum(1) / values.sum(1)  # noqa: E731
held = np.array([of_wrong(losses, wrong) for losses, _, wrong, *_ in noisy_runs])
pulled = np.array([of_wrong(pulls, wrong) for _, pulls, wrong, *_ in noisy_runs])
grows = held[:, 19].mean() / held[:, 0].mean()
print(noise_story.resolve(noise_story.options[2 if grows > 1.5 else 0 if grows < 0.67 else 1]))
for epoch in (1, 5, 20):
    loss, pull = (values[:, epoch - 1].mean() for values in (held, pulled))
    print(f"epoch {epoch:2}: wrong labels make up {loss:.1f} of the loss, {pull:.1f} of p − y")
doubled = count_seeds(held[:, 19] > 2 * held[:, 0])
print(f"their share of the loss more than doubles in {doubled}")
assert doubled.mostly and count_seeds(pulled[:, 19] > 1.5 * pulled[:, 0]).mostly

# %% [markdown]
# At first all labels look nearly alike to the network. The share grows because the *others* get learnt (right labels agree with each other, wrong ones with nothing); a wrong label then costs more than at first. And it is not only a matter of counting: their share of the pull on the network (the length of p − y, the gradient in the logits) grows too. The effect is real, the reason given
# for it is not.

# %%
FLIPS = [0.05, 0.1, 0.2, 0.4]
stories = {share: train_noisy(share, 100) for share in FLIPS}


def wrong_labels(share, epoch):
    losses, pulls, wrong, *_ = stories[share]
    epochs = np.arange(1, 41)
    bars = {
        "of the labels": wrong.mean(),
        "of the loss": of_wrong(losses, wrong)[epoch - 1],
        "of the gradients": of_wrong(pulls, wrong)[epoch - 1],
    }
    return Picture(
        f"{wrong.mean():.0%} of the labels wrong, epoch {epoch}: a wrong label costs {losses[epoch - 1, wrong].mean():.1f} nats, a right one {losses[epoch - 1, ~wrong].mean():.1f}; "
        f"the wrong ones make up {bars['of the loss']:.0%} of the loss.",
        Panel("Mean loss, nats", figures.line(epochs, losses[:, wrong].mean(1), "vermilion", label="wrong labels"), figures.line(epochs, losses[:, ~wrong].mean(1), label="right labels"),
              figures.upright(epoch), y=(0, 6.5), xlabel="epoch"),
        Panel("The wrong labels' share", figures.bars(bars, right=[True, False, False], most=1), xlabel="share"),
    )  # fmt: skip


Explorer(
    wrong_labels, share=slider(FLIPS, start=0.1, label="labels flipped, about"), epoch=slider(range(1, 41), start=5),
    title="Wrong labels through a training",
)  # fmt: skip

# %% [markdown]
# Later the loss of the wrong labels comes down as well: the network begins to **memorise** them.
#
# ## The audit
#
# "Look at the examples with a high loss; correct or remove them." Take the costliest examples after epoch 5, before the wrong labels are memorised.


# %%
@questions.solution(
    "3-audit",
    cases=[
        (np.array([0.1, 3.0, 0.5, 2.0, 0.2]), np.array([0, 1, 0, 0, 0], bool), 2),
        (np.array([0.4, 0.3, 0.2, 0.1]), np.array([1, 0, 1, 1], bool), 3),
    ],
    hint="np.argsort(-losses)[:k] are the numbers of the k costliest; wrong[...] says which of them are wrong.",
)
def audit_precision(losses, wrong, k):
    return wrong[np.argsort(-losses)[:k]].mean()


# %%
@questions.your_code("3-audit")
def audit_precision(losses, wrong, k):
    """Which share of the k examples with the highest loss has a wrong label."""
    ...


# %%
audit = questions.Prediction(
    "3-audit-half",
    "Only one label in a hundred is wrong. You list the costliest examples at epoch 5, as many as there are wrong labels. Which share of the list is wrong, mean of ten seeds?",
    [0.1, 0.4, 0.7, 0.95],
)
audit

# %% claims=["001-M3"]
doses = {0.1: noisy_runs, 0.01: [train_noisy(0.01, seed, epochs=6) for seed in SEEDS]}
precision = {
    dose: np.array([audit_precision(run[0][4], run[2], run[2].sum()) for run in every])
    for dose, every in doses.items()
}
print(audit.resolve(precision[0.01].mean()))
for dose, values in precision.items():
    print(f"{dose:.0%} wrong: of the suspects about {10 * round(10 * values.mean())} % are wrong")
assert precision[0.1].mean() > precision[0.01].mean() + 0.1

# %% [markdown]
# (The labels are flipped at random here. Mistakes of people depend on the class and look plausible; they are harder to find.)
#
# And what is it good for? Drop the fifty costliest and train again, with a tenth of the labels wrong and with all labels right. The control drops fifty at random.

# %%
harm = questions.Prediction(
    "3-audit-clean",
    "All labels are right; the fifty costliest of five hundred are dropped before training. Accuracy on fresh digits",
    ["falls", "stays within half a point", "rises"],
)
harm


# %%
def accuracy_without(examples, dropped, test, seed):
    """Accuracy on fresh digits of a network trained without the examples of these numbers."""
    kept = np.setdiff1d(np.arange(len(examples.y)), dropped)
    train, network = Examples(examples.x[kept], examples.y[kept]), Network([64, 128, 10], rng=seed)
    how = {"epochs": 40, "learning_rate": 3e-3, "batch_size": 50, "rng": seed}
    fit(network, train, Examples(test.x[:10], test.y[:10]), **how)
    return metrics.accuracy(test.y, network.logits(test.x))


def gains(run, seed):
    """What dropping the 50 costliest, and 50 at random, does to accuracy."""
    losses, _, _, noisy, test, _ = run
    at_random = np.random.default_rng(seed).permutation(500)[:50]
    base, *dropped = (
        accuracy_without(noisy, d, test, seed) for d in ([], np.argsort(-losses[4])[:50], at_random)
    )
    return [100 * (each - base) for each in dropped]


# %% claims=["001-M3"]
clean_runs = [train_noisy(0, seed, epochs=6) for seed in SEEDS]
noisy_gain, clean_gain = (
    np.array([gains(*pair) for pair in zip(every, SEEDS)]) for every in (noisy_runs, clean_runs)
)
change = clean_gain[:, 0].mean()
print(harm.resolve(harm.options[0 if change < -0.5 else 1 if change < 0.5 else 2]))
print("points of accuracy gained, 95 % intervals for the mean over seeds:")
for name, gain in (("a tenth wrong", noisy_gain), ("all right", clean_gain)):
    ends = [mean_interval(gain[:, i]) for i in range(2)]
    told = [f"{end.low:+.0f} to {end.high:+.0f}" for end in ends]
    print(f"{name:13}: 50 costliest dropped {told[0]}, 50 at random {told[1]}")
assert count_seeds(noisy_gain[:, 0] > 0).mostly and count_seeds(clean_gain[:, 0] < 0).mostly

# %%
Markdown(
    "With wrong labels, dropping the costliest helps. With right labels the costliest are *hard*, not wrong, "
    "and dropping them costs points, while dropping as many at random costs less. **Look at them before you remove them.**"
)

# %% [markdown]
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "one misclassified image blows up the loss" | it depends on how sure the others are; in ten real runs it takes a few hundred |
# | "mostly correct predictions can cost more than better ones" | the one wrong, sure answer made up nearly all of it |
# | "noisy samples raise the loss because the first predictions are far off" | their share starts near their number and grows as the *others* are learnt |
# | "outliers make the optimiser over-correct" | two cost less than a point, ten far ones ruined a line; number and distance decide |
# | "the examples with the highest loss are the wrong labels" | about nine in ten were, at one wrong label in ten; fewer at one in a hundred |
# | "remove the examples with the highest loss" | worth points when labels are wrong, costs points when they are right |
#
# ## Check yourself

# %%
questions.choice(
    "3-check-single",
    "20,000 validation examples, mean loss 1.1 nats. A colleague suspects one mislabelled example that costs 15 nats. What do you say?",
    right=(
        "it adds less than a thousandth to the mean",
        f"Yes: 15/20,000 = {15 / 20_000:.5f} nats of 1.1.",
    ),
    wrong=[
        (
            "it explains the loss: confident errors cost most",
            "It costs most of all, and is one of 20,000.",
        ),
        ("it may explain it, if its label is wrong", "Right or wrong, it adds 15/20,000 of a nat."),
        ("accuracy would show it", "One of 20,000 changes accuracy by 0.005 points."),
    ],
)

# %%
questions.choice(
    "3-check-leverage",
    "A linear model has bad accuracy. You sort the training examples by loss to find outliers that pulled it. What may go wrong?",
    right=(
        "the ones that pulled it most may have a low loss",
        "Yes: ten far points turned the line until they fitted, and made up little of the loss.",
    ),
    wrong=[
        (
            "nothing: what pulls has a high loss",
            "While it pulls. At the end of training the far points may fit, and the others pay with their loss.",
        ),
        ("linear models have no outliers", "They are the ones that far points can turn."),
        ("the order depends on the batch size", "The losses of a fixed model do not."),
    ],
)

# %%
questions.number(
    "3-check-share",
    "Losses of five examples: 0.2, 0.3, 0.5, 1.0, 8.0. Which share does the costliest make up (two decimals)?",
    answer=8 / 10,
    tolerance=0.006,
    hint="8 divided by the sum.",
    known={0.2: "That is its share of the examples."},
)

# %%
questions.choice(
    "3-check-when",
    "You suspect that a tenth of your training labels is wrong and want to list the suspects by loss. When do you take the losses?",
    right=(
        "early, once the bulk is learnt",
        "Yes: then the right labels are cheap and the wrong ones are not memorised yet.",
    ),
    wrong=[
        (
            "before training, since the network is unbiased then",
            "Every label looks alike to it: their share of the loss is their share of the examples.",
        ),
        (
            "at the end, when the training loss is lowest",
            "By then the network may have memorised many of the wrong labels.",
        ),
        (
            "at the lowest validation loss, whenever that is",
            "That depends on the validation labels as well; what you need is that right training labels are learnt and wrong ones are not.",
        ),
    ],
)

# %% [markdown]
# ## Summary
#
# - How much one error moves a mean depends on how cheap the others are, and on their number.
# - On ten recorded runs a twentieth of the pictures makes up about a third of the loss.
# - Far points can turn a line and end with a low loss.
# - Wrong labels make up more of the loss, and of the gradients, as the right ones are learnt; later they are memorised.
# - An audit by loss finds wrong labels; the fewer there are, the more right but hard examples stand among the suspects.
#
# **What would change your mind?** A data set with few wrong labels whose costliest examples are all wrong, in most of ten seeds.
#
# **Further reading.** C. Northcutt, L. Jiang, I. Chuang, "Confident learning: estimating uncertainty in dataset labels", *JAIR* 70 (2021). D. Arpit and others, "A closer look at memorization in deep networks", *ICML* (2017).
#
# **Graded exercise:** [exercise 3](../exercises/exercise_03_what_moves_the_loss.ipynb). **Before:** [lesson 2](02_four_quadrants.ipynb). **Further:** [3b](03b_is_it_computed_right.ipynb). **Next:** [lesson 4](04_imbalance.ipynb).
