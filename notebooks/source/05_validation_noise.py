# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 5 · Why does my validation curve jump?
#
# **Time** about 55 minutes; parts 1 to 3 (half of it) stand alone. **You need** lesson 1 (cross-entropy, accuracy).
#
# After this lesson you can
#
# 1. say how far a measured accuracy or loss lies from the truth, from the number of examples alone or from the examples' losses;
# 2. separate three things that all look like "noise": which examples you drew, how the weights moved, and a set that asks another question;
# 3. say in which sense the loss is steadier than the accuracy, and in which it is not;
# 4. judge popular remedies (larger set, stratifying, augmenting, smoothing, testing by hand) by what they really change;
# 5. decide whether half a point on a thousand pictures is anything, and answer "cannot tell" when that is the answer.
#
# ## The question
#
# Somebody asks: *my validation loss and accuracy jump from epoch to epoch, yet when I try the network by hand it does well. Why?* A popular
# answer lists many reasons: too little validation data, batch noise, imbalance, a set that does not fit, accuracy being the jumpy one. Some
# are right, some are not, and some contradict each other. Each can be measured, and this lesson measures them.

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks are fastest with one thread

from statistics import NormalDist

import numpy as np
from IPython.display import Markdown
from matplotlib.figure import Figure
from sklearn.metrics import f1_score

from lessonlib import charts, checks, figures, metrics, network, problems, runs, uncertainty
from lessonlib.explorer import Explorer
from lessonlib.predictions import Question

SEEDS = range(100, 110)  # what trains is counted on these, as in lessons 2 to 4

# %% [markdown]
# ## Part 1. Which examples did you happen to draw?
#
# To see what a validation set of 200 hides, one must know the truth. So we take a problem where examples are free: a small random network, the
# *teacher*, labels points, and our network imitates it from 300 of them. **20,000 further points are the truth**; a validation set is a few of those.


# %%
def train_student(seed, n_pool=4_000, epochs=80):
    """Train on 300 points of a teacher; keep what is said about a pool of n_pool others."""
    rng = np.random.default_rng(seed)
    train, pool = problems.teacher(300, n_pool, rng=rng)
    student = network.Network([20, 128, 2], rng=rng)
    options = {"epochs": epochs, "learning_rate": 3e-3, "batch_size": 50, "rng": rng}
    return network.fit(student, train, pool, **options)


run = train_student(seed=100, n_pool=20_000)
losses, hits = run.val_losses(), run.val_hits()  # shape (epochs, examples)
print(f"{run.n_epochs} epochs, {losses.shape[1]} examples in the pool")
print(f"accuracy on the pool at the end: {hits[-1].mean():.2f}")

# %%
typical_miss = Question(
    "5-sd-200",
    "A network is right on 85 % of all possible examples. You measure it on 200 of them. "
    "By how many points does the measured accuracy typically miss "
    "(one standard deviation over fresh sets)?",
    [0.5, 1.0, 2.5, 7.0],
)
typical_miss

# %% [markdown]
# Draw a thousand validation sets of every size from 10 to 10,000 and look at the spread of what they report. Theory needs one line for each measure:
# `sqrt(p(1 − p)/n)` for an accuracy p, and `sd/sqrt(n)` for a loss whose single values have the standard deviation sd. (The simulation needs no network:
# each example's loss and hit suffice, and one sequence of draws serves every size, since its first n draws are themselves a fresh set of n.)

# %% claims=["000-C5", "000-M1"]
best = run.best_epoch("val_loss")
sizes = np.unique(np.geomspace(10, 10_000, 31).round().astype(int))
sets = uncertainty.smaller_sets(losses[best - 1], hits[best - 1], sizes, n_sets=1_000, rng=0)
print("validation examples   accuracy: theory   simulated/theory   loss: simulated/theory")
accuracy_ratio = sets.accuracy_spread / sets.accuracy_theory
loss_ratio = sets.loss_spread / sets.loss_theory
for n in (10, 100, 1_000, 10_000):
    i = np.searchsorted(sizes, n)
    theory = sets.accuracy_theory[i]
    print(f"{n:19} {theory:18.3f} {accuracy_ratio[i]:18.1f} {loss_ratio[i]:24.1f}")
assert np.abs(accuracy_ratio - 1).max() < 0.15 and np.abs(loss_ratio - 1).max() < 0.25

# %%
print(typical_miss.settle(100 * metrics.accuracy_standard_error(0.85, 200)))
needed = float(f"{uncertainty.examples_needed(0.01, np.sqrt(2 * 0.85 * 0.15)):.2g}")
Markdown(
    "The spread falls as one over the root of n: **four times the examples, half the miss**. "
    f"A set of 200 at 85 % misses by {100 * metrics.accuracy_standard_error(0.85, 200):.1f} "
    f"points, one of 10,000 by {100 * metrics.accuracy_standard_error(0.85, 10_000):.1f}. "
    "To see a difference of one point between two networks on two separate sets "
    f"(four times out of five) takes about {needed:,.0f} examples each. "
    "Part 6 shows a cheaper way."
)

# %% [markdown]
# Move the size first. **Then move the training stage** and watch the two panels: which of them gets wider as training goes on?

# %%
stages = {"epoch 1": 0, "epoch 3": 2, "minimum of the loss": best - 1, "epoch 80": 79}
shown_sizes = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
drawn = {
    stage: uncertainty.smaller_sets(losses[e], hits[e], shown_sizes, n_sets=1_000, rng=1)
    for stage, e in stages.items()
}


def outline(values, width, offset=0.0):
    """Middles and relative heights of a histogram whose bins have a given width."""
    first, last = values.min() // width - 2, values.max() // width + 3
    edges = np.arange(first, last + 1) * width - offset
    counts, _ = np.histogram(values, edges)
    return edges[:-1] + width / 2, counts / counts.max()


# %%
def setup_spread(fig):
    axes = charts.panels(fig, "Accuracy", "Loss, nats")
    axes[0].set(xlim=(0.4, 1), xlabel="measured accuracy", xticks=[0.4, 0.6, 0.8, 1])
    axes[1].set(xlim=(0, 1.8), xlabel="measured loss", xticks=[0, 0.5, 1, 1.5])
    parts = []
    for ax, corner in zip(axes, ("upper left", "upper right")):
        seen = charts.curve(ax, [0], [0], label="1,000 sets")
        seen.set_drawstyle("steps-mid")
        theory = charts.curve(ax, [0], [0], colour="vermilion", label="theory")
        ax.set(ylim=(0, 1.35), yticks=[])
        ax.legend(loc=corner, ncols=2)
        parts.append((seen, theory))
    return parts


# %%
bell = np.linspace(-4, 4, 101)


def say(n, stage, truth, sds):
    """The sentence below the picture."""
    digits = 2 if n <= 200 else 3
    said = [
        f"{name} {mean:.{digits}f} ± {sd:.{digits}f}, which is {sd / mean:.{digits - 2}%} of it"
        for name, mean, sd in zip(("accuracy", "loss"), truth, sds)
    ]
    return f"{stage}, {n} examples: {'; '.join(said)}."


# %%
def update_spread(parts, n, stage):
    here, i = drawn[stage], shown_sizes.index(n)
    hit, loss = here.accuracies[:, i].astype(float), here.losses[:, i].astype(float)
    parts[0][0].set_data(*outline(hit, max(1, n // 200) / n, 0.5 / n))  # whole examples per bin
    parts[1][0].set_data(*outline(loss, loss.std() / 3))
    sds = here.accuracy_theory[i], here.loss_theory[i]
    truth = hits[stages[stage]].mean(), losses[stages[stage]].mean()
    for (_, theory), mean, sd in zip(parts, truth, sds):
        theory.set_data(mean + sd * bell, np.exp(-(bell**2) / 2))
    return say(n, stage, truth, sds)


# %% claims=["000-C5", "000-C9"]
Explorer(
    setup_spread,
    update_spread,
    n=shown_sizes,
    stage=list(stages),
    start={"n": 200, "stage": "minimum of the loss"},
    labels={"n": "validation examples", "stage": "training stage"},
    title="What a thousand validation sets report",
)

# %% [markdown]
# The spread of the accuracy changes little as training goes on. That of the loss grows; part 2 asks why.
#
# ### One sweep proves nothing
#
# A popular demonstration evaluates a network *once* at each of the sizes 10, 20, 50, ... 1,000 and plots the result, to "highlight the volatility of small
# sets". Its labels are coin flips, so the true accuracy is one half.

# %%
one_sweep = Question(
    "5-one-sweep",
    "In what share of such sweeps does the set of 10 come closer to the truth "
    "than the set of 1,000?",
    [0.00, 0.02, 0.20, 0.50],
)
one_sweep

# %% claims=["000-E2"]
sweep_sizes = np.array([10, 20, 50, 100, 200, 500, 1_000])
rng = np.random.default_rng(2)
sweeps = rng.binomial(sweep_sizes, 0.5, size=(20_000, len(sweep_sizes))) / sweep_sizes
miss = np.abs(sweeps - 0.5)
small_wins = (miss[:, 0] < miss[:, -1]).mean()
orderly = (np.diff(miss, axis=1) < 0).all(axis=1).mean()
print(f"the set of 10 is nearer the truth than the set of 1,000: {small_wins:.0%} of sweeps")
print(f"the miss shrinks at every step, as it 'should':           {orderly:.0%}")
print("spread over the sweeps", sweeps.std(axis=0).round(2))
print("theory                ", (0.5 / np.sqrt(sweep_sizes)).round(2))
assert 0.1 < small_wins < 0.4 and orderly < 0.05

# %%
print(one_sweep.settle(small_wins))
Markdown(
    "The conclusion people draw from the demonstration is right, "
    f"and the demonstration does not show it: in {small_wins:.0%} of sweeps the smallest set wins. "
    "**Volatility is a spread, and one point has no spread.** "
    "Whoever wants to show it must repeat, or give an error bar."
)

# %% [markdown]
# ## Part 2. Is the loss the steadier one?
#
# Two answers are equally popular: "the loss is gradual, accuracy jumps" and "accuracy is more resilient, since an output must cross the threshold to
# change it". They contradict each other. First the mechanism that both mean: accuracy moves in **whole examples**.

# %% claims=["000-C3", "000-C8", "002-A1a"]
print("epochs 1 to 30")
print("validation examples   typical step of accuracy   largest   epochs without any change")
rng, still = np.random.default_rng(3), {}
for n in (20, 50, 200, 1_000):
    some = np.array([hits[:30, rng.choice(20_000, n)].mean(axis=1) for _ in range(200)])
    steps = np.abs(np.diff(some, axis=1))
    still[n] = (steps < 0.5 / n).mean()
    largest = steps.max(axis=1).mean()
    print(f"{n:19} {steps.mean():24.3f} {largest:9.2f} {still[n]:28.0%}")
assert still[20] > 0.5 > still[200] > still[1_000]

# %% [markdown]
# Both answers saw something real. In a small set most epochs leave accuracy exactly where it was ("resilient"), and when it moves, it
# moves by a whole 1/n ("jumpy"). To say which measure is *steadier* we must first say what that means. Three fair meanings:
#
# 1. **smoothness**: the jitter from epoch to epoch, as a share of the range of the whole curve;
# 2. **relative error**: the spread over fresh validation sets, as a share of the value (coefficient of variation, CV);
# 3. **detection**: how many examples show a real change between two epochs.

# %%
steadier = Question(
    "5-steadier-late",
    "Long after the minimum of the loss, 200 validation examples: "
    "which has the larger relative error (spread over validation sets divided by the value)?",
    ["accuracy, by far", "about the same", "loss, by far"],
)
steadier


# %%
def smoothness(values):
    """Epoch-to-epoch jitter as a share of the range of the curve."""
    return uncertainty.jitter(values) / np.ptp(values)


def relative_errors(losses, hits):
    """Coefficient of variation of loss and accuracy over sets of 200."""
    each = losses.std() / losses.mean(), hits.std() / hits.mean()
    return np.array(each) / np.sqrt(200)


def examples_to_see(before, after):
    """Examples that show the change between two epochs, paired, seen four times out of five."""
    change = after * 1.0 - before
    return uncertainty.examples_needed(change.mean(), change.std())


# %%
students = [train_student(seed) for seed in SEEDS]
per_example = [(each.val_losses(), each.val_hits()) for each in students]
lowest = [each.best_epoch("val_loss") - 1 for each in students]
first_200 = [(loss[:, :200].mean(axis=1), hit[:, :200].mean(axis=1)) for loss, hit in per_example]
smooth = np.array([[smoothness(loss), smoothness(hit)] for loss, hit in first_200])
loss_smoother = (smooth[:, 0] < smooth[:, 1]).sum()
print(f"1. smoothness: the loss has less jitter for its range in {loss_smoother} of 10 seeds")

# %% claims=["000-C9"]
at = {"epoch 1": [0] * 10, "minimum": lowest, "epoch 80": [79] * 10}
print("2. relative error at n = 200, mean of ten seeds")
cv, loss_tighter = {}, {}
for name, epochs in at.items():
    cv[name] = np.array([relative_errors(x[e], y[e]) for (x, y), e in zip(per_example, epochs)])
    loss_tighter[name] = (cv[name][:, 0] < cv[name][:, 1]).sum()
    loss_cv, accuracy_cv = cv[name].mean(axis=0)
    tighter = f"loss smaller in {loss_tighter[name]} of 10 seeds"
    print(f"   {name:9} loss {loss_cv:4.0%}, accuracy {accuracy_cv:3.0%}; {tighter}")
assert loss_smoother >= 8 and loss_tighter["epoch 1"] >= 8 and loss_tighter["epoch 80"] <= 2

# %%
late = cv["epoch 80"].mean(axis=0)
order = ["accuracy, by far", "about the same", "loss, by far"]
print(steadier.settle(order[np.digitize(late[0] / late[1], [0.5, 2])]))

# %% claims=["000-C9"]
pairs = {
    "epoch 1 to 3": [(0, 2)] * 10,
    "minimum to epoch 80": [(e, 79) for e in lowest],
    "epoch 1 to 80": [(0, 79)] * 10,
}
print("3. examples that show the change (medians of ten seeds)")
fewer_with_loss = {}
for name, epochs in pairs.items():
    need = [
        [examples_to_see(x[a], x[b]) for x in pair] for pair, (a, b) in zip(per_example, epochs)
    ]
    fewer_with_loss[name] = sum(by_loss < by_hits for by_loss, by_hits in need)
    by_loss, by_hits = (float(f"{m:.1g}") for m in np.median(need, axis=0))
    seeds = f"loss needs fewer in {fewer_with_loss[name]} of 10 seeds"
    print(f"   {name:20} loss about {by_loss:,.0f}, accuracy about {by_hits:,.0f}; {seeds}")

# %% claims=["000-C9"]
assert fewer_with_loss["epoch 1 to 3"] >= 8
assert fewer_with_loss["minimum to epoch 80"] >= 8
assert fewer_with_loss["epoch 1 to 80"] <= 2

# %%
worst = {
    name: np.mean(
        [np.sort(x[e])[-40:].sum() / x[e].sum() for (x, _), e in zip(per_example, epochs)]
    )
    for name, epochs in at.items()
}
Markdown(
    "So 'the loss is more stable' is **true of the curve's smoothness** "
    "and **false of its error bar** in a confident network. The reason is who pays: "
    f"the dearest 1 % of examples carry {worst['epoch 1']:.0%} of the loss at epoch 1 "
    f"and {worst['epoch 80']:.0%} at epoch 80, and whether your set holds one of them is chance. "
    "As an early warning of overfitting the loss is the better instrument; "
    "across a change of confidence (epoch 1 to 80) it needs far more examples than accuracy: "
    "what right answers gain is paid back in confident wrong ones."
)

# %% [markdown]
# ### An honest error bar for a loss
#
# The costly few have a second consequence. The usual `mean ± 1.96 standard errors` assumes a symmetric spread. A set that happens to miss the costly examples
# reports a small mean *and* a small error, and is wrong with confidence. `uncertainty.mean_interval` first removes the skewness (Hall 1992).

# %%
rng = np.random.default_rng(4)
late_losses, truth = losses[-1], losses[-1].mean()
print("both claim 95 %:   mean ± 1.96 se contains the truth   mean_interval")
for n in (50, 100, 200, 1_000):
    some = late_losses[rng.integers(0, 20_000, (1_000, n))]
    inside = [uncertainty.mean_interval(one).contains(truth) for one in some]
    usual = np.abs(some.mean(axis=1) - truth) < 1.96 * some.std(axis=1) / np.sqrt(n)
    print(f"n = {n:5} {usual.mean():34.0%} {np.mean(inside):22.0%}")
    assert np.mean(inside) > usual.mean() - 0.01 and np.mean(inside) > 0.91

# %% [markdown]
# ### Does imbalance make accuracy jump?
#
# "Accuracy is particularly volatile with imbalanced classes", says the popular answer.

# %%
rarer = Question(
    "5-imbalance",
    "200 validation examples, a well-calibrated network. Positives become rarer: "
    "50 %, then 10 %, then 2 %. The spread of the measured accuracy over validation sets",
    ["shrinks", "stays", "grows"],
)
rarer

# %% [markdown]
# Accuracy, recall and F1 depend on four counts only: true and false positives and negatives. So a thousand validation sets are a thousand draws of four
# counts, and no network has to be run. Scores of the two classes are normal with means two standard deviations apart, the threshold is the best one.


# %%
def confusion_shares(positives):
    """Shares of TP, FN, FP, TN for the best threshold between N(-1, 1) and N(+1, 1)."""
    threshold = np.log((1 - positives) / positives) / 2
    recall = 1 - NormalDist(1).cdf(threshold)
    false_alarm = 1 - NormalDist(-1).cdf(threshold)
    of_positives = np.array([recall, 1 - recall]) * positives
    return np.append(of_positives, np.array([false_alarm, 1 - false_alarm]) * (1 - positives))


def measures(counts):
    """Accuracy, recall, F1 of each row of counts; where nothing is positive they count as 0."""
    tp, fn, fp, tn = counts.T
    return np.array(
        [(tp + tn) / 200, tp / np.maximum(tp + fn, 1), 2 * tp / np.maximum(2 * tp + fp + fn, 1)]
    )


# %% claims=["000-C7"]
rng, spread = np.random.default_rng(5), {}
print("positives   spread of accuracy   recall     F1")
for positives in (0.5, 0.2, 0.1, 0.02):
    counts = rng.multinomial(200, confusion_shares(positives), size=20_000)
    spread[positives] = measures(counts).std(axis=1)
    accuracy, recall, f1 = spread[positives]
    print(f"{positives:9.0%} {accuracy:20.3f} {recall:8.2f} {f1:6.2f}")
truth, answer = np.repeat([1, 1, 0, 0], counts[0]), np.repeat([1, 0, 1, 0], counts[0])
assert np.isclose(f1_score(truth, answer, zero_division=0), measures(counts[:1])[2, 0])
assert spread[0.5][0] > spread[0.1][0] > spread[0.02][0]
assert spread[0.1][1] > 3 * spread[0.1][0] and spread[0.02][2] > 5 * spread[0.5][2]

# %%
print(rarer.settle("shrinks" if spread[0.02][0] < 0.8 * spread[0.5][0] else "stays"))
Markdown(
    "It is the other way round: p(1 − p) shrinks as p nears one, "
    "so accuracy gets *calmer* (and more useless: lesson 4). What blows up are the measures "
    "that look at the rare class, because they are computed from a handful of examples: "
    f"at 10 % positives recall spreads {spread[0.1][1] / spread[0.1][0]:.0f} times "
    f"as much as accuracy, and F1 {spread[0.1][2] / spread[0.1][0]:.0f} times. "
    "Use them, **and count the positives** in your validation set."
)

# %% [markdown]
# And the points near the threshold, of which people say that they flip at the slightest change? Shift every logit by 0.1 and count:

# %% claims=["000-C8"]
flipped = {}
for positives in (0.5, 0.1):
    threshold = np.log((1 - positives) / positives) / 2
    ends = threshold - 0.05, threshold  # a logit here is 2x plus a constant
    inside = [NormalDist(mean).cdf(ends[1]) - NormalDist(mean).cdf(ends[0]) for mean in (1, -1)]
    flipped[positives] = positives * inside[0] + (1 - positives) * inside[1]
    print(f"{positives:.0%} positives: {flipped[positives]:.1%} of the answers flip")
assert flipped[0.1] < flipped[0.5] / 2

# %% [markdown]
# ## Part 3. How did the weights move?
#
# Every measurement so far was of *fixed* weights. On a fixed set and with fixed weights nothing varies at all: measure twice, get the same. So a curve that
# jumps on a fixed validation set jumps because the **weights** move. Batch noise, says the popular answer, "different samples in each batch", and shows a
# loop: 1,000 inputs of 100 random numbers, coin-flip labels, batches of 32 taken in the order of the file, ten hidden units.

# %%
twice = Question(
    "5-twice",
    "That loop is run twice from the same initial weights. "
    "How far apart are the two validation curves?",
    [
        "as far as two seeds: the batches are random",
        "a little: rounding and chance",
        "not at all: equal to the last bit",
    ],
)
twice


# %%
def coin_loop(seed, *, batch_size=32, shuffle=False, epochs=15, passes=1, order_seed=0):
    """The loop of the popular answer in NumPy: nothing can be learned from coin-flip labels."""
    rng = np.random.default_rng(seed)
    x, y = rng.random((1_200, 100)).astype(np.float32), rng.integers(0, 2, 1_200)
    train = problems.Examples(np.tile(x[:1_000], (passes, 1)), np.tile(y[:1_000], passes))
    net = network.Network([100, 10, 2], rng=rng)
    options = {"batch_size": batch_size, "shuffle": shuffle, "learning_rate": 1e-3}
    val = problems.Examples(x[1_000:], y[1_000:])
    return network.fit(net, train, val, epochs=epochs, rng=order_seed, **options)


# %% claims=["000-E1b"]
once, again = coin_loop(100), coin_loop(100, order_seed=7)
same = np.array_equal(once["val_loss"], again["val_loss"])
print("as given, run twice with other randomness after the start: equal to the last bit:", same)
one_way, other_way = (coin_loop(100, shuffle=True, order_seed=seed) for seed in (1, 2))
apart = np.abs(one_way["val_loss"] - other_way["val_loss"]).max()
print(f"shuffled, run twice: the curves differ: {apart > 1e-4}")
print(
    twice.settle("not at all: equal to the last bit" if same else "a little: rounding and chance")
)

# %% [markdown]
# The loop never shuffles: its batches are the same in every epoch, so after the start there is no chance in it at all. To see what batch noise does, compare
# it with three relatives. *Full batch* takes 32 steps per epoch as well, each with all 1,000 examples, so it has no batch noise whatever.

# %%
recipes = {
    "as given": {},
    "full batch": {"batch_size": 1_000, "passes": 32},  # 32 steps, each with all 1,000
    "shuffled": {"shuffle": True},
    "shuffled, batch 8": {"shuffle": True, "batch_size": 8},
}
loops = {
    name: [coin_loop(seed, order_seed=seed, **recipe) for seed in SEEDS]
    for name, recipe in recipes.items()
}


def late_jitter(run, name):
    """Epoch-to-epoch noise of a curve once the first epochs are over."""
    return uncertainty.jitter(run[name][4:])


# %% claims=["000-C4", "000-E1a", "000-E1b"]
jumps = {
    name: np.array([late_jitter(each, "val_loss") for each in each_seed])
    for name, each_seed in loops.items()
}
for name, each_seed in loops.items():
    factor = np.median(jumps[name] / jumps["as given"])
    points = 100 * np.mean([late_jitter(each, "val_accuracy") for each in each_seed])
    print(f"{name:18} jitter of accuracy {points:.0f} points, of loss x {factor:.0f}")
given, shuffled, small = (jumps[name] for name in ("as given", "shuffled", "shuffled, batch 8"))
print("in how many of ten seeds, by the jitter of the loss:")
print(f"  shuffled jumps over 1.5 times as much as given: {(shuffled > 1.5 * given).sum()}")
print(f"  batches of 8 jump more than batches of 32: {(small > shuffled).sum()}")
print(f"  as given under twice full batch: {(given < 2 * jumps['full batch']).sum()}")

# %% claims=["000-C4", "000-E1b"]
assert (shuffled > 1.5 * given).sum() >= 8 and (small > shuffled).sum() >= 8
assert (given < 2 * jumps["full batch"]).sum() >= 8

# %% claims=["000-E1a", "000-C1"]
forty = np.array([coin_loop(seed, epochs=5)["val_accuracy"] for seed in range(100, 140)])
between, within = forty[:, -1].std(ddof=1), forty.std(axis=1).mean()
coin_error = metrics.accuracy_standard_error(0.5, 200)
print(f"the loop as given, 5 epochs, forty seeds: accuracy {forty[:, -1].mean():.2f}")
print(f"spread over the seeds {between:.2f}, over the epochs of one run {within:.2f}")
print(f"sampling error of 200 coin flips {coin_error:.3f}")
assert within < between and 0.6 < between / coin_error < 1.4

# %% [markdown]
# So batch noise is real, in *other* loops than the one that was shown. In the one shown, the little jitter there is comes from the steps themselves, and
# the large spread, between seeds, is **sampling error**: nothing can be learned from coin flips, yet measured accuracies spread over several points because
# each seed has its own 200 examples. No mismatch of distributions, no flaw of the evaluation is needed to explain that. So rule sampling error out *first*.
#
# ### Two noises with two signatures
#
# The student of part 1 once more, on validation sets of several sizes. *Offset*: by how much the whole curve of a set lies off the truth. *Jitter*: the
# epoch-to-epoch noise within the curve of a set.

# %% claims=["000-C5", "000-C4"]
rng, offset, own_jitter = np.random.default_rng(6), {}, {}
print("validation examples   offset of the curve   jitter of the curve")
for n in (50, 200, 1_000, 5_000):
    curves = np.array([hits[20:, rng.choice(20_000, n)].mean(axis=1) for _ in range(100)])
    offset[n] = curves.mean(axis=1).std()
    own_jitter[n] = np.mean([uncertainty.jitter(curve) for curve in curves])
    print(f"{n:19} {offset[n]:21.3f} {own_jitter[n]:21.3f}")
whole = uncertainty.jitter(hits[20:].mean(axis=1))
print(f"jitter on the whole pool, the weights alone: {whole:.3f}")
assert all(offset[n] > 3 * own_jitter[n] for n in (50, 200, 1_000))

# %% [markdown]
# The offset is many times the jitter. **A smooth curve is not an accurate one**: since every epoch is judged by the same examples, the sampling error is
# nearly the same in all of them and does not show as jumps. Another set would give another, equally smooth curve, points higher or lower.
#
# ### Learning rate and batch size
#
# **Predict before you move:** which combination jumps most, and does a larger validation set calm it?

# %%
rates, batches, curve_sizes = (0.001, 0.003, 0.01, 0.03, 0.1), ("8", "32", "all"), (50, 200, 4_000)


def train_with(rate, batch, seed=100, epochs=40, n_pool=4_000):
    """Another student of the same teacher; returns losses and hits on the pool."""
    rng = np.random.default_rng(seed)
    train, pool = problems.teacher(300, n_pool, rng=rng)
    student = network.Network([20, 64, 2], rng=rng)
    size = None if batch == "all" else int(batch)
    options = {"epochs": epochs, "learning_rate": rate, "batch_size": size, "rng": rng}
    each = network.fit(student, train, pool, **options)
    return each.val_losses(), each.val_hits()


grid = {(rate, batch): train_with(rate, batch) for rate in rates for batch in batches}


# %%
def setup_rates(fig):
    loss_ax, accuracy_ax = charts.panels(fig, "Validation loss, nats", "Validation accuracy, %")
    loss_ax.set(yscale="log", ylim=(0.15, 20), yticks=[0.2, 1, 5, 20], yticklabels=[0.2, 1, 5, 20])
    loss_ax.minorticks_off()
    accuracy_ax.set_ylim(55, 100)
    epochs = np.arange(1, 41)
    parts = []
    for ax in (loss_ax, accuracy_ax):
        ax.set(xlim=(0.5, 40.5), xlabel="epoch")
        truth = charts.curve(ax, epochs, np.full(40, 80.0), colour="grey", label="pool of 4,000")
        seen = charts.curve(ax, epochs, np.full(40, 80.0), colour="blue", label="your set")
        ax.legend(loc="lower right" if ax is accuracy_ax else "upper left")
        parts.append((truth, seen))
    return parts


# %%
def update_rates(parts, rate, batch, n):
    jumps = []
    for (truth, seen), values, factor in zip(parts, grid[rate, batch], (1, 100)):
        curve = factor * values[:, :n].mean(axis=1)
        truth.set_ydata(factor * values.mean(axis=1))
        seen.set_ydata(curve)
        jumps.append(uncertainty.jitter(curve[20:]))
    return (
        f"Learning rate {rate:g}, batch {batch}, {n} examples: in the second half the loss jumps "
        f"by {jumps[0]:.3f} nats from epoch to epoch, the accuracy by {jumps[1]:.1f} points."
    )


# %% claims=["000-C10", "004-C10", "000-C4"]
Explorer(
    setup_rates,
    update_rates,
    rate=rates,
    batch=batches,
    n=curve_sizes,
    start={"rate": 0.01, "batch": "32", "n": 200},
    labels={"rate": "learning rate", "batch": "batch size", "n": "validation examples"},
    title="One teacher, fifteen ways to train",
    figsize=(9, 3.4),
)


# %%
def jump(rate, n):
    """Jitter of the loss in the second half of training, batch 32, on a set of n."""
    return uncertainty.jitter(grid[rate, "32"][0][20:, :n].mean(axis=1))


wilder, calmer = jump(0.1, 200) / jump(0.01, 200), jump(0.1, 200) / jump(0.1, 4_000)
print("rate 0.1 for 0.01: the loss jumps more than 20 times as far:", wilder > 20)
print("4,000 examples for 200: it jumps less than a fifth as far:  ", calmer > 5)
assert wilder > 20 and calmer < 5

# %% [markdown]
# That was one seed. In ten:

# %% claims=["000-C10", "004-C10"]
early, late = {}, {}
for rate in (0.001, 0.01, 0.1):
    each_seed = [train_with(rate, "32", seed, epochs=30, n_pool=200) for seed in SEEDS]
    curves = np.array([loss.mean(axis=1) for loss, _ in each_seed])
    early[rate] = np.array([uncertainty.jitter(curve[:10]) for curve in curves])
    late[rate] = np.array([uncertainty.jitter(curve[10:]) for curve in curves])
rising = ((late[0.001] < late[0.01]) & (late[0.01] < late[0.1])).sum()
print(f"the larger the rate, the larger the jitter of the loss: {rising} of 10 seeds")
calm = {rate: (late[rate] < early[rate] / 2).sum() for rate in late}
for rate, count in calm.items():
    print(
        f"rate {rate}: epochs 11 to 30 jump less than half as much as 1 to 10: {count} of 10 seeds"
    )
assert rising >= 8 and calm[0.001] >= 8 and calm[0.1] <= 2

# %% [markdown]
# An unsuitable learning rate makes erratic curves: true. "Particularly at the start": only with a small or moderate rate. With a large one the weights, and the
# losses of confident errors with them, keep being thrown about; the curve never calms down, and a larger validation set calms it far less than a smaller rate does.
#
# ### A real network
#
# The recorded CIFAR-10 run of lesson 6 jumps too, for a dozen epochs. Its validation set has 5,000 pictures and its learning rate falls to zero
# along a cosine. Is a jump of one epoch sampling noise? Part 6 explains the verdicts; here they are used.

# %%
cifar = runs.recording("main", seed=10)
cifar_losses, cifar_hits = cifar.val_losses(), cifar.val_hits()
verdicts = np.array(
    [
        uncertainty.loss_change(cifar_losses[e], cifar_losses[e + 1], margin=0.01).verdict
        for e in range(cifar.n_epochs - 1)
    ]
)
# %% claims=["000-C10"]
for part, name in ((slice(3, 13), "epochs 4 to 14"), (slice(14, 24), "epochs 15 to 25")):
    real = np.isin(verdicts[part], ["rise", "fall"]).sum()
    print(f"{name}: {real} of ten steps are real changes of the loss")
first, second = (
    uncertainty.jitter(cifar["val_loss"][part]) for part in (slice(3, 14), slice(14, 25))
)
print(f"the jitter falls by a factor of about {first / second:.0f}")
assert first > 2 * second

# %% [markdown]
# Most steps, up or down, are **real changes of the network**: the same pictures, paired, leave little doubt. And the jumps shrink as the learning rate does,
# while the validation set stays what it is. A jumping curve may be telling the truth about a jumping network.
#
# ## Part 4. Does the set ask the question you mean?
#
# The popular answer remembers satellite images: trained on clear days, validated on a set with a few cloudy ones, and the loss was high "not because the
# model was failing". Let us rebuild that: handwritten digits are the landscape, a bright blob is the cloud. The network sees clear ones only.


# %%
def cloudy(pixels, strength, rng):
    """Lay a round bright cloud over each picture of 8 x 8 pixels."""
    rows, columns = np.mgrid[:8, :8]
    centre = rng.uniform(0, 7, (len(pixels), 2, 1, 1))
    distance = (rows - centre[:, 0]) ** 2 + (columns - centre[:, 1]) ** 2
    cloud = strength * np.exp(-distance / 8).reshape(len(pixels), 64)
    return np.clip(pixels + cloud, 0, 1).astype(np.float32)


# %%
def train_digits(seed, cloudy_share=0.0):
    """Train on 800 digits; returns the network and the 900 that it never saw."""
    rng = np.random.default_rng(seed)
    train, val = problems.digits(800, 900, rng=rng)
    x = np.where(rng.random((800, 1)) < cloudy_share, cloudy(train.x, 0.7, rng), train.x)
    net = network.Network([64, 64, 10], rng=rng)
    options = {"epochs": 30, "learning_rate": 3e-3, "batch_size": 50, "rng": rng}
    network.fit(
        net, problems.Examples(x, train.y), problems.Examples(val.x[:10], val.y[:10]), **options
    )
    return net, val


# %%
with figures.style():
    figure = Figure(figsize=(7, 2.6))
    sample = problems.digits(800, 900, rng=100)[1].x[:7]
    pictures = [*sample, *cloudy(sample, 0.7, np.random.default_rng(0))]
    axes = figure.subplots(2, 7)
    for ax, pixels in zip(axes.flat, pictures):
        ax.imshow(pixels.reshape(8, 8), cmap="gray", vmin=0, vmax=1)
        ax.set_axis_off()
    for row, name in zip(axes, ("clear", "cloudy")):
        row[0].set_title(name, loc="left")
figures.show(figure, "Seven digits of 8 x 8 pixels: above clear, below each with a bright cloud.")

# %%
few_clouds = Question(
    "5-clouds",
    "5 % of the validation pictures are cloudy, the network was trained on clear ones. "
    "What share of the validation loss do these 5 % carry?",
    [0.05, 0.20, 0.50, 0.80],
)
few_clouds

# %% claims=["000-C2"]
clear_trained = [train_digits(seed) for seed in SEEDS]
strengths = (0.2, 0.4, 0.6, 0.7, 0.8, 1.0)


def loss_and_accuracy(net, val, strength, seed=0):
    """Mean loss and accuracy on the unseen digits under clouds of a strength (0: clear)."""
    x = cloudy(val.x, strength, np.random.default_rng(seed))
    scores = net.logits(x)
    return metrics.cross_entropy(val.y, logits=scores), metrics.accuracy(val.y, scores)


under = {
    s: np.array([loss_and_accuracy(*each, s) for each in clear_trained]) for s in (0, *strengths)
}
clear, cloud = under[0], under[0.7]
carried = 0.05 * cloud[:, 0] / (0.95 * clear[:, 0] + 0.05 * cloud[:, 0])
print(f"clear: accuracy {clear[:, 1].mean():.2f}; cloudy: accuracy {cloud[:, 1].mean():.2f}")
print(f"5 % cloudy pictures carry {carried.mean():.0%} of the loss, mean of ten seeds")
assert (carried > 0.12).sum() >= 8 and (clear[:, 1] - cloud[:, 1] > 0.1).sum() >= 8

# %%
print(few_clouds.settle(carried.mean()))


# %%
def setup_clouds(fig):
    loss_ax, accuracy_ax = charts.panels(fig, "Validation loss, nats", "Validation accuracy, %")
    share = np.linspace(0, 100, 2)
    lines = []
    for ax, top in ((loss_ax, 2.6), (accuracy_ax, 103)):
        ax.set(xlim=(0, 100), ylim=(0, top), xlabel="cloudy pictures in the validation set, %")
        lines.append(charts.curve(ax, share, 0 * share))
    accuracy_ax.set_ylim(30, 103)
    return lines, charts.dot(loss_ax), charts.dot(accuracy_ax)


# %%
def update_clouds(parts, share, strength):
    lines, *dots = parts
    (loss0, hit0), (loss1, hit1) = under[0].mean(axis=0), under[strength].mean(axis=0)
    loss, hit = (1 - share) * loss0 + share * loss1, (1 - share) * hit0 + share * hit1
    lines[0].set_ydata([loss0, loss1])
    lines[1].set_ydata([100 * hit0, 100 * hit1])
    dots[0].move(100 * share, loss, f"{loss:.2f}")
    dots[1].move(100 * share, 100 * hit, f"{hit:.0%}")
    return (
        f"{share:.0%} cloudy at strength {strength}: loss {loss:.2f}, "
        f"{share * loss1 / loss:.0%} of it paid by the cloudy pictures; accuracy {hit:.0%}."
    )


# %% claims=["000-C2"]
Explorer(
    setup_clouds,
    update_clouds,
    share=[0.0, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 0.75, 1.0],
    strength=strengths,
    start={"share": 0.05, "strength": 0.7},
    labels={"share": "cloudy share", "strength": "strength of the clouds"},
    title="A few cloudy pictures",
    figsize=(9, 3.4),
)

# %% claims=["000-C2"]
cloud_trained = [train_digits(seed, cloudy_share=0.3) for seed in SEEDS]
cured = np.array([loss_and_accuracy(*each, 0.7) for each in cloud_trained])
cured_clear = np.array([loss_and_accuracy(*each, 0) for each in cloud_trained])
better = (cured[:, 1] > cloud[:, 1]).sum()
print(f"30 % cloudy training pictures: accuracy on cloudy ones {cloud[:, 1].mean():.2f} ->")
print(f"{cured[:, 1].mean():.2f}, on clear ones {cured_clear[:, 1].mean():.2f};", end=" ")
print(f"better in {better} of 10 seeds")
assert better >= 8

# %% [markdown]
# The phenomenon is real, the comfort is not: the model *was* failing, on cloudy pictures. Whether that matters is no property of the curve but of the
# world the network is for. If there are clouds, put clouds into the training set; if there are none, take them out of the validation set; never
# decide it by what makes the curve look better.
#
# ### "But when I test it by hand, it is fine"

# %%
by_hand = Question(
    "5-by-hand",
    "A network is right on 80 % of cases. "
    "Somebody tries five, chosen blindly. How likely are all five right?",
    [0.05, 0.33, 0.60, 0.80],
)
by_hand

# %% claims=["000-C6"]
print(f"five of five right at 80 %: {0.8**5:.0%}, three of three: {0.8**3:.0%}")
top_right, ten_right = [], []
for net, val in clear_trained:
    rng = np.random.default_rng(1)
    is_cloudy = rng.random((900, 1)) < 0.25
    scores = net.logits(np.where(is_cloudy, cloudy(val.x, 0.7, rng), val.x))
    right = metrics.correct(val.y, scores)
    confident = metrics.softmax(scores).max(axis=1).argsort()[-10:]
    top_right.append(right[confident].all())
    ten_right.append(right[rng.integers(0, 900, (1_000, 10))].all(axis=1).mean())
print(f"a quarter cloudy. The ten most confident all right: {sum(top_right)} of 10 seeds")
print(f"ten random pictures all right: {np.mean(ten_right):.0%} of draws")
assert sum(top_right) >= 8 and np.mean(ten_right) < 0.6
print(by_hand.settle(0.8**5))

# %% [markdown]
# The pictures one picks by hand tend to be like the most confident ones: clear, typical, easy. And even with random ones, a handful proves little.
# Move the number of tests and read what "all passed" still allows.

# %%
hand_tests = np.arange(1, 51)
true_shares = np.linspace(0.5, 1, 101)


def setup_hand(fig):
    left, right = charts.panels(fig, "Chance that all tests pass", "What all-passed still allows")
    left.set(xlim=(50, 100), ylim=(0, 1.08), xlabel="true accuracy, %")
    low = [100 * uncertainty.accuracy_interval(1.0, k).low for k in hand_tests]
    charts.curve(right, hand_tests, low)
    right.set(xlim=(0, 51), ylim=(0, 105), xlabel="tests, all passed")
    right.set(ylabel="lower end of the interval, %")
    line = charts.curve(left, 100 * true_shares, true_shares)
    return line, charts.dot(left), charts.dot(right), charts.moving_level(right)


# %%
def update_hand(parts, k, accuracy):
    line, at_accuracy, at_k, level = parts
    line.set_ydata(true_shares**k)
    at_accuracy.move(100 * accuracy, accuracy**k, f"{accuracy**k:.0%}")
    low = uncertainty.accuracy_interval(1.0, k).low
    at_k.move(k, 100 * low, "")
    level.move(100 * low, f"{low:.0%}")
    return (
        f"Random tests: {k}. "
        f"A network with accuracy {accuracy:.0%} passes all with probability {accuracy**k:.0%}. "
        f"If all are passed, accuracies above {low:.0%} are still possible."
    )


# %% claims=["000-C6"]
Explorer(
    setup_hand,
    update_hand,
    k=[1, 2, 3, 5, 7, 10, 15, 20, 30, 50],
    accuracy=[0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99],
    start={"k": 5, "accuracy": 0.8},
    labels={"k": "tests by hand, k", "accuracy": "true accuracy"},
    title="All my tests passed",
    figsize=(9, 3.4),
)

# %% [markdown]
# Does a manual test at least "bypass the noisy nature of batch updates"? It reads the same weights as the validation set, after the same updates. Follow
# the loss of *one* example through the epochs of the shuffled coin loop, beside the mean over all 200:

# %% claims=["000-C12"]
single, together = [], []
for each in loops["shuffled"]:
    per_epoch = each.val_losses()
    single.append(np.median([uncertainty.jitter(one) for one in per_epoch.T]))
    together.append(uncertainty.jitter(per_epoch.mean(axis=1)))
    batch_sums = [per_epoch[-1, i : i + 33].sum() for i in range(0, 200, 33)]
    assert np.isclose(sum(batch_sums) / 200, per_epoch[-1].mean())  # in batches: the same
ratio = np.array(single) / together
print(f"one example jumps about {ratio.mean():.0f} times as much as the mean of 200,")
print(f"and more than three times as much in {(ratio > 3).sum()} of 10 seeds")
assert (ratio > 3).sum() >= 8

# %% [markdown]
# A single prediction carries *all* of the weights' noise and is averaged over nothing. The manual test of the popular answer has a further flaw: it asks
# for the output at one random input, gets "a reasonable prediction", and has no label to compare it with. Here is that test, for ten seeds:

# %% claims=["000-E1c"]
by_hand_outputs = [metrics.softmax(each.val_logits[-1, :1])[0, 1] for each in loops["as given"]]
low_output, high_output = min(by_hand_outputs), max(by_hand_outputs)
print(f"ten manual tests: all outputs between {low_output:.1f} and {high_output:.1f}")
assert 0.2 < low_output < high_output < 0.8

# %% [markdown]
# Numbers near one half, and each label a coin flip: they look reasonable, and nothing could have shown them to be wrong.
#
# ## Part 5. Popular remedies
#
# ### Stratified sampling
#
# Stratifying fixes the number of examples of each class. Counts again suffice: right answers among positives and among negatives are binomial.


# %%
def split_spread(n, positives, right_positive, right_negative, stratified, rng, n_splits=20_000):
    """Spread of accuracy over splits of n, and the share of splits without positives."""
    fixed = np.full(n_splits, round(n * positives))
    n_positive = fixed if stratified else rng.binomial(n, positives, n_splits)
    right = rng.binomial(n_positive, right_positive) + rng.binomial(n - n_positive, right_negative)
    return (right / n).std(), (n_positive == 0).mean()


# %% claims=["000-M3"]
cases = {
    "200, half positive, classes equally easy": (200, 0.5, 0.85, 0.85),
    "200, 10 % positive, recall 0.3": (200, 0.1, 0.30, 0.99),
    "200, 10 % positive, never found": (200, 0.1, 0.0, 1.0),
    "50, 2 % positive": (50, 0.02, 0.40, 0.99),
}
rng, gain = np.random.default_rng(8), {}
for name, case in cases.items():
    (plain, none), (strata, never) = (split_spread(*case, way, rng) for way in (False, True))
    gain[name] = strata / plain
    print(f"{name:41} spread {plain:.3f} -> {strata:.3f}; no positive: {none:3.0%} -> {never:.0%}")
equal, unequal, majority, _ = gain.values()
assert 0.95 < equal < 1.05 and unequal < 0.9 and majority < 1e-9

# %% claims=["000-M3"]
labels, rng = run.val_labels, np.random.default_rng(9)
members = [np.flatnonzero(labels == k) for k in (0, 1)]


def mean_jitter(draw):
    """Mean epoch-to-epoch jitter of accuracy over 200 validation sets of 200."""
    return np.mean([uncertainty.jitter(hits[:, draw()].mean(axis=1)) for _ in range(200)])


plain = mean_jitter(lambda: rng.choice(20_000, 200))
strata = mean_jitter(lambda: np.concatenate([rng.choice(one, 100) for one in members]))
print(f"jitter from epoch to epoch, stratified over plain: {strata / plain:.1f}")
assert 0.9 < strata / plain < 1.1

# %% [markdown]
# Stratifying helps **from split to split**, the more the class accuracies differ, and it guarantees that a rare class is there at all. It does nothing to
# the jumps **from epoch to epoch** on a set that stays the same, which is what the question was about.
#
# ### Augmenting the validation set
#
# "If the validation set is small, augment it." Fifty real examples, each with twenty copies under a little noise: a thousand and fifty.

# %%
copies = Question(
    "5-copies",
    "50 examples plus 20 noisy copies of each make 1,050. "
    "Over fresh draws of the 50, the spread of the measured accuracy, compared with 50 alone,",
    ["falls to a fifth, as 1,050 real ones would", "falls by less than a quarter", "grows"],
)
copies

# %%
rng = np.random.default_rng(100)
train, others = problems.teacher(300, 20_000, rng=rng)
student = network.Network([20, 128, 2], rng=rng)
options = {"epochs": 10, "learning_rate": 3e-3, "batch_size": 50, "rng": rng}
_ = network.fit(student, train, problems.Examples(others.x[:10], others.y[:10]), **options)
right = metrics.correct(others.y, student.logits(others.x))


# %%
def with_copies(noise, n_sets=300):
    """Accuracy of each of n_sets validation sets of 50 with 20 noisy copies of each example."""
    chosen = rng.integers(0, 20_000, (n_sets, 50))
    x = np.repeat(others.x[chosen], 21, axis=1)
    is_copy = (np.arange(1_050) % 21 > 0)[:, None]
    x = x + noise * rng.normal(size=x.shape).astype(np.float32) * is_copy
    y = np.repeat(others.y[chosen], 21, axis=1)
    right = metrics.correct(y.ravel(), student.logits(x.reshape(-1, 20)))
    return right.reshape(n_sets, -1).mean(axis=1)


# %% claims=["000-M2"]
fifty = right[rng.integers(0, 20_000, (4_000, 50))].mean(axis=1)
real = right[rng.integers(0, 20_000, (4_000, 1_050))].mean(axis=1)
augmented = {f"50 + copies, noise {noise}": with_copies(noise) for noise in (0.1, 0.3, 1.0)}
rows = {"50 real": (fifty, 50), **{k: (v, 1_050) for k, v in augmented.items()}}
rows["1,050 real"] = (real, 1_050)
print("validation set          error bar it claims   real spread   bias")
for name, (values, n) in rows.items():
    claimed = metrics.accuracy_standard_error(values.mean(), n)
    bias = round(values.mean() - right.mean(), 2) + 0.0  # no minus before a zero
    print(f"{name:23} {claimed:19.2f} {values.std():13.2f} {bias:+6.2f}")

# %% claims=["000-M2"]
mild, strong = augmented["50 + copies, noise 0.3"], augmented["50 + copies, noise 1.0"]
claimed = metrics.accuracy_standard_error(mild.mean(), 1_050)
assert mild.std() > 3 * claimed and mild.std() > 0.7 * fifty.std() > 2 * real.std()
assert strong.mean() < right.mean() - 0.03
saved = mild.std() / fifty.std()
print(copies.settle("falls by less than a quarter" if 0.75 < saved < 1.05 else "grows"))

# %% [markdown]
# **Copies are not data.** The error bar you would compute shrinks, because it counts 1,050; the real spread hardly does, because there are still
# fifty. And what is measured changes: accuracy on noisy inputs, a different question, whose answer lies lower the stronger the noise. Averaging
# predictions over mild copies is a legitimate *method of prediction*; as a way to a better measurement it is self-deception.
#
# ### Smoothing the curve
#
# A running average takes the mean of the last w epochs, an exponential average (the smoothing slider of TensorBoard) gives the past the weight β.

# %%
late_by = Question(
    "5-ema-lag",
    "Exponential average with β = 0.9: "
    "what is drawn is 0.9 × the last drawn value + 0.1 × the new one. "
    "By how many epochs does a steady trend appear late?",
    [1, 4, 9, 20],
)
late_by

# %% claims=["000-M6"]
rng, trend = np.random.default_rng(10), np.arange(300.0)
noise = rng.normal(size=20_000)
for beta in (0.5, 0.8, 0.9):
    cost = uncertainty.exponential_smoothing(beta)
    lag = trend[-1] - uncertainty.exponential_average(trend, beta)[-1]
    left = uncertainty.exponential_average(noise, beta).std()
    print(f"{cost}; measured: x {left:.1f}, late by {lag:.0f}")
    assert np.isclose(lag, cost.lag, atol=1e-3) and np.isclose(left, cost.noise_factor, atol=0.03)
print(uncertainty.running_smoothing(9), "(the same noise as β = 0.8, the same lag)")
print(late_by.settle(uncertainty.exponential_smoothing(0.9).lag))

# %% [markdown]
# To have something to smooth, take a restless student: a tenth of its 2,000 training labels are wrong and its batches are small, so that its weights never
# settle. Move β, then the size of the set, then its seed. **Which of the three brings the vermilion curve closer to the grey one?**

# %%
rng = np.random.default_rng(100)
train, pool = problems.teacher(2_000, 10_000, rng=rng)
train = train._replace(y=problems.flip_labels(train.y, 0.1, n_classes=2, rng=rng))
restless = network.Network([20, 64, 2], rng=rng)
options = {"epochs": 60, "learning_rate": 0.01, "batch_size": 20, "rng": rng}
restless_hits = network.fit(restless, train, pool, **options).val_hits()
pool_curve = 100 * restless_hits.mean(axis=1)


# %%
def setup_smooth(fig):
    (ax,) = charts.panels(fig, "Validation accuracy, %")
    epochs = np.arange(1, 61)
    ax.set(xlim=(0.5, 60.5), ylim=(55, 100), xlabel="epoch")
    charts.curve(ax, epochs, pool_curve, colour="grey", label="truth (pool)")
    raw = charts.curve(ax, epochs, pool_curve, colour="blue", label="your set")
    raw.set(linewidth=1)
    smoothed = charts.curve(ax, epochs, pool_curve, colour="vermilion", label="smoothed")
    ax.legend(loc="lower left", ncols=3)
    return raw, smoothed


# %%
def update_smooth(parts, beta, n, draw):
    chosen = np.random.default_rng(draw).choice(10_000, n, replace=False)
    curve = 100 * restless_hits[:, chosen].mean(axis=1)
    smoothed = uncertainty.exponential_average(curve, beta)
    parts[0].set_ydata(curve)
    parts[1].set_ydata(smoothed)
    before, after = uncertainty.jitter(curve[5:]), uncertainty.jitter(smoothed[5:])
    bias = (smoothed - pool_curve)[20:].mean()
    return (
        f"β = {beta}: jitter {before:.1f} -> {after:.1f} points, "
        f"late by {uncertainty.exponential_smoothing(beta).lag:.1f} epochs. "
        f"From epoch 21 on the curve still lies {bias:+.0f} points off the truth."
    )


# %% claims=["000-M6"]
Explorer(
    setup_smooth,
    update_smooth,
    beta=(0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95),
    n=(50, 200, 1_000, 10_000),
    draw=range(1, 7),
    start={"beta": 0.8, "n": 50},
    labels={"beta": "smoothing, β", "n": "validation examples", "draw": "seed of the set"},
    title="Smoothing: what it takes away and what it leaves",
    figsize=(8, 3.6),
)

# %% claims=["000-M6"]
rng, calmer, closer = np.random.default_rng(11), [], []
for _ in range(300):
    curve = 100 * restless_hits[:, rng.choice(10_000, 50)].mean(axis=1)
    smoothed = uncertainty.exponential_average(curve, 0.9)
    calmer.append(uncertainty.jitter(smoothed) / uncertainty.jitter(curve))
    off = [np.abs((each - pool_curve)[20:].mean()) for each in (curve, smoothed)]
    closer.append(off)
raw_off, smooth_off = np.mean(closer, axis=0)
print(f"β = 0.9, sets of 50: jitter x {np.mean(calmer):.1f}, offset x {smooth_off / raw_off:.1f}")
assert np.mean(calmer) < 0.3 and smooth_off > 0.9 * raw_off

# %% [markdown]
# Smoothing removes jitter and keeps the offset: the curve looks better and knows no more. It is a good way to *look*, and a bad way to forget the error
# bar. It also moves turning points to the right, by the lag. (The jitter shrinks even more than the noise does: what is left of
# the noise comes in slow waves, and jitter counts only quick steps.)
#
# ## Part 6. Is half a point better on a thousand pictures better?
#
# Two epochs of the CIFAR-10 run, 16 and 19, judged by the same pictures.

# %%
half_point = Question(
    "5-half-point",
    "On all 5,000 pictures the later network scores half a point more. What may be said "
    "from 1,000 of them (95 %, the smallest change that matters being half a point)?",
    ["it is better", "they are equally good", "cannot tell"],
)
half_point

# %% [markdown]
# Only pictures on which the two *differ* say anything: those gained and those lost. That is McNemar's idea (1947), and it is much sharper than comparing two
# error bars. And "no difference proven" is not "no difference": four verdicts are possible. **Flat** if the interval of the change lies *inside* the
# smallest change that matters; otherwise **rise** or **fall** if it excludes zero, and else **cannot tell**.

# %%
before, after = cifar_hits[15], cifar_hits[18]
thousand = np.arange(1_000)
for name, chosen in (("1,000", thousand), ("5,000", np.arange(5_000))):
    gained, lost = uncertainty.gained_and_lost(before[chosen], after[chosen])
    p = uncertainty.mcnemar_p_value(gained, lost)
    print(f"{name} pictures: {gained} gained, {lost} lost, McNemar's p = {p:.2f}")
    print("  ", uncertainty.accuracy_change(before[chosen], after[chosen], margin=0.005))
verdict = uncertainty.accuracy_change(before[thousand], after[thousand], margin=0.005).verdict

# %%
says = {"rise": "it is better", "flat": "they are equally good", "cannot tell": "cannot tell"}
print(half_point.settle(says[verdict]))
difference = after * 1.0 - before
paired = uncertainty.examples_needed(0.005, difference.std())
apart = uncertainty.examples_needed(0.005, np.hypot(before.std(), after.std()))
paired, apart = (float(f"{n:.2g}") for n in (paired, apart))
Markdown(
    f"On these thousand the change looks like {100 * difference[thousand].mean():+.1f} points, "
    f"on all 5,000 like {100 * difference.mean():+.1f}: not even the sign is settled. "
    f"To see half a point four times out of five takes about **{paired:,.0f}** pictures "
    f"when both networks answer the same ones, and about **{apart:,.0f}** when each has its own. "
    "Pairing is the cheapest remedy of all."
)

# %% [markdown]
# Last, the pair of curves that the course is about: the recorded run from its minimum of the loss to its end. **Which verdict would you have reached with n
# pictures?** For each n, 250 validation sets are drawn; the bars show how often each verdict is given (margins: half a point, 0.02 nats).

# %%
low = cifar.best_epoch("val_loss") - 1
names = ("rise", "flat", "cannot tell", "fall")
verdict_sizes = (50, 100, 200, 500, 1_000, 2_000, 5_000)


def verdict_shares(n, before, after, judge, margin):
    """How often each verdict is given over 250 validation sets of n pictures."""
    rng = np.random.default_rng(n)
    draws = rng.integers(0, 5_000, (250, n))
    given = [judge(before[chosen], after[chosen], margin=margin).verdict for chosen in draws]
    return [given.count(name) / len(given) for name in names]


# %%
by_loss = {
    n: verdict_shares(n, cifar_losses[low], cifar_losses[-1], uncertainty.loss_change, 0.02)
    for n in verdict_sizes
}
by_hits = {
    n: verdict_shares(n, cifar_hits[low], cifar_hits[-1], uncertainty.accuracy_change, 0.005)
    for n in verdict_sizes
}


# %%
def setup_verdicts(fig):
    panels = charts.panels(fig, "Loss: share of verdicts", "Accuracy: share of verdicts")
    return [charts.bars(ax, names, largest=1, xlabel="share of validation sets") for ax in panels]


# %%
def update_verdicts(parts, n):
    for bars, shares in zip(parts, (by_loss[n], by_hits[n])):
        bars.set(shares, right=[True, True, False, True])
    return (
        f"{n} pictures: the loss is said to rise in {by_loss[n][0]:.0%} of sets "
        f"and undecided in {by_loss[n][2]:.0%}, "
        f"the accuracy to rise in {by_hits[n][0]:.0%} and undecided in {by_hits[n][2]:.0%}."
    )


# %% claims=["000-C5", "000-M4"]
Explorer(
    setup_verdicts,
    update_verdicts,
    n=verdict_sizes,
    start={"n": 200},
    labels={"n": "validation pictures"},
    title="The verdict you would have reached",
    figsize=(9, 3),
)

# %% claims=["000-M4", "000-C5"]
loss_verdict = uncertainty.loss_change(cifar_losses[low], cifar_losses[-1], margin=0.02)
hits_verdict = uncertainty.accuracy_change(cifar_hits[low], cifar_hits[-1], margin=0.005)
print("all 5,000 pictures. Loss:", loss_verdict.verdict, "- accuracy:", hits_verdict.verdict)
assert by_loss[5_000][0] > 0.95 and by_hits[5_000][0] > 0.95
assert by_hits[100][2] > 0.5  # a small set leaves the accuracy undecided
assert by_loss[200][0] > by_hits[200][0]

# %% [markdown]
# Both rise. Who watches only the loss sees a network that gets worse, who watches only the accuracy sees one that gets better, and with a hundred
# pictures the honest word for the accuracy is "cannot tell". So watch both, with their error bars; lesson 6 and 7 take it from here.
#
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "a jumping curve means the validation set does not fit the task" | plain sampling error explains points of spread with no mismatch at all |
# | "small sets are volatile: look at this one sweep" | in a good share of sweeps the smallest set is nearest to the truth |
# | "the loss is the stable one" | smoother from epoch to epoch, yes; in a confident network its error bar is relatively far larger |
# | "imbalance makes accuracy volatile" | accuracy calms down; recall and F1 blow up |
# | "the loop's batches are random" | it never shuffled: two runs were equal to the last bit |
# | "a smooth curve is a precise curve" | the offset of a set is many times its jitter |
# | "a manual test bypasses batch noise" | one example jumps many times as much as the mean of 200 |
# | "the model was not failing, the pictures were cloudy" | it was failing on cloudy pictures |
# | "stratify to stop the jumps" | it helps between splits, never between epochs |
# | "augment the validation set" | the claimed error bar shrinks, the real spread does not, and bias comes in |
# | "smoothing makes the measurement better" | it removes jitter, adds lag, keeps the offset |
# | "not significant, so the same" | *flat* needs evidence too; most often the answer is *cannot tell* |
#
# ## Check yourself

# %% jupyter={"source_hidden": true}
checks.number(
    "5-check-se",
    "Accuracy 90 % on 400 validation examples. Give its standard error in points, to one decimal.",
    answer=100 * metrics.accuracy_standard_error(0.9, 400),
    tolerance=0.06,
    hint="The root of p(1 − p)/n with p as a share, times 100.",
    known={
        0.9: "Close to p(1 − p) alone: divide by n and take the root.",
        2.5: "That is the largest it can be, at p = 50 %; at 90 % it is smaller.",
    },
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "5-check-smooth",
    "Your validation accuracy on 100 examples runs as a nearly straight line at 83 % for 20 epochs. How precisely do you know the accuracy?",
    right=(
        "to about 4 points, whatever the line looks like",
        f"Yes: the standard error on 100 examples at 83 % is {100 * metrics.accuracy_standard_error(0.83, 100):.1f} points, and it hardly shows as jumps.",
    ),
    wrong=[
        (
            "to a fraction of a point: the line does not move",
            "All twenty values come from the same 100 examples; they share their error.",
        ),
        (
            "to 4 points divided by the root of 20",
            "That would hold for twenty independent sets. These are twenty looks at one set.",
        ),
        (
            "cannot tell without a second validation set",
            "The number of examples and the accuracy are all it takes.",
        ),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "5-check-loss",
    "A colleague says: judge by the loss, it is always steadier than accuracy. When is that wrong?",
    right=(
        "when a few confident errors carry much of it",
        "Yes: you saw the coefficient of variation of the loss grow to several times that of the accuracy late in training.",
    ),
    wrong=[
        (
            "never: the loss uses more information than accuracy",
            "It does, and part of that information is a few very large values.",
        ),
        (
            "early in training, while the network is still unsure",
            "There it is right: losses of an unsure network hardly differ, so their mean is steady.",
        ),
        (
            "when the classes are far from balanced",
            "Imbalance is not the point; accuracy gets calmer there as well.",
        ),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "5-check-remedy",
    "Your curve jumps from epoch to epoch on a fixed validation set of 5,000. What do you try first?",
    right=(
        "a lower learning rate or a larger batch",
        "Yes: with 5,000 fixed examples the jumps are the weights' own; calm the weights.",
    ),
    wrong=[
        (
            "stratified sampling of the 5,000",
            "The set stays the same from epoch to epoch, so its composition cannot make it jump.",
        ),
        (
            "augmenting the validation set",
            "Copies add no information, and 5,000 is not the bottleneck here.",
        ),
        (
            "smoothing the curve with β = 0.9",
            "It would look calmer, and come nine epochs late; the network would jump as before.",
        ),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "5-check-flat",
    "Change in accuracy +0.3 points, 95 % interval −1.5 to +2.1; a change of one point would matter. The verdict?",
    right=(
        "cannot tell",
        "Yes: zero is possible, and so are changes of more than a point either way.",
    ),
    wrong=[
        ("flat", "For that the whole interval would have to lie within one point either way."),
        ("rise", "The interval contains zero and negative changes."),
        (
            "no significant change, so equal",
            "Absence of evidence: the interval still allows a rise of two points.",
        ),
    ],
)

# %% [markdown]
# ## Summary
#
# - Your curve jumps because the weights move, or looks calm and is off because the set is small. Tell the two apart before you choose a remedy.
# - A measured accuracy misses by `sqrt(p(1 − p)/n)`, a measured loss by `sd/sqrt(n)`; simulation and theory agree at every size. Four times the data, half the miss.
# - On a fixed set the jumps come from the weights (learning rate, batch size, shuffling), coarsened by 1/n; the sampling error is an *offset* that hardly shows.
# - The loss is smoother, and the better early warning while a network is unsure; in a confident one a few examples own it.
# - Imbalance calms accuracy and shakes recall and F1. Stratifying helps between splits. Copies and smoothing add no information.
# - Compare on the same examples, state the smallest change that matters, and allow yourself "cannot tell".
#
# **What would change your mind?** A validation set whose spread over fresh draws does *not* follow one over root n: examples that are not independent
# (frames of one video, several scans of one patient) do that. Then n counts videos or patients, not pictures.
#
# **Further reading.** L. Brown, T. Cai, A. DasGupta, "Interval estimation for a binomial proportion", *Statistical Science* 16 (2001).
# P. Hall, "On the removal of skewness by transformation", *Journal of the Royal Statistical Society B* 54 (1992).
# M. Fagerland, S. Lydersen, P. Laake, "The McNemar test for binary matched-pairs data", *BMC Medical Research Methodology* 13:91 (2013).
# D. Schuirmann, "A comparison of the two one-sided tests procedure and the power approach for assessing the equivalence of average bioavailability",
# *Journal of Pharmacokinetics and Biopharmaceutics* 15 (1987), on what it takes to say "flat".
#
# **Next:** lesson 6, the same curves on real pictures, where both rise.
