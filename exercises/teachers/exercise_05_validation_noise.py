# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Exercise 5 · Is the jump anything?
#
# **Time** about 60 minutes. **You need** lesson 5 and NumPy. **Points** 17, in seven questions, and 3 for an explanation that your teacher marks.
#
# You will put error bars on both measures, plan a validation set, tell the offset of a set from the jitter of a curve, find out what smoothing takes away, compare the steadiness of loss and accuracy,
# give one of four verdicts on a change, and name the cause behind six reports.
#
# **How it works.** Write your answers between the question and its check; keep the names. Each check says whether your answer is right for its
# example, or whether it can be graded, and gives a hint if not. Grading calls your functions with other inputs, so write them for any. You may add cells.

# %%
import numpy as np

from lessonlib import metrics
from lessonlib.comparing import expect, expect_choice, expect_number
from lessonlib.uncertainty import exponential_average

CLASS_SEED = 0  # decides the numbers of your class; leave it as it is

# %% [markdown]
# ## Question 1 · Two error bars (2 points)
#
# Write `standard_errors(labels, probabilities)`: a pair, the standard error of the measured accuracy and that of the measured mean cross-entropy (nats). `probabilities` has one row per example, all
# above 0. Standard deviations as `np.std` computes them.


# %% answer="standard_errors"
def standard_errors(labels, probabilities):
    """Standard errors of accuracy and of mean cross-entropy."""
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
    ### BEGIN SOLUTION
    n = len(labels)
    losses = -np.log(probabilities[np.arange(n), labels])
    hits = probabilities.argmax(axis=1) == labels
    return hits.std() / np.sqrt(n), losses.std() / np.sqrt(n)
    ### END SOLUTION


# %% check="standard_errors" points=2
expect(
    standard_errors([0, 0, 0, 0], [[0.8, 0.2], [0.8, 0.2], [0.2, 0.8], [0.2, 0.8]]),
    [0.25, np.log(4) / 4],
    hint="the spread of one example's hit, or loss, over the root of n",
)


# %% hidden="standard_errors"
def draw(rng):
    shapes = [(1, 6, 2), (2, 40, 3), (3, 300, 10)]
    return [
        (rng.integers(0, k, n), metrics.softmax(scale * rng.normal(size=(n, k))))
        for scale, n, k in shapes
    ]


library = ["lessonlib.metrics.accuracy_standard_error", "lessonlib.metrics.estimate_mean"]
hint = "sqrt(p (1 − p)/n) for the accuracy p; the standard deviation of the single losses over sqrt(n) for the loss."

# %% [markdown]
# ## Question 2 · How large must the set be? (2 points)
#
# A network is expected to be right on a share `accuracy` of all examples. Write `examples_for(accuracy, half_width)`: the smallest number of validation examples for which the usual 95 % interval (accuracy ± 1.96 standard
# errors) is no wider than ± `half_width`. A whole number.


# %% answer="examples_for"
def examples_for(accuracy, half_width):
    """The smallest n for which 1.96 standard errors are at most half_width."""
    ### BEGIN SOLUTION
    return int(np.ceil(accuracy * (1 - accuracy) * (1.96 / half_width) ** 2))
    ### END SOLUTION


# %% check="examples_for" points=2
expect(examples_for(0.5, 0.098), 100, hint="1.96 · sqrt(0.25/n) = 0.098")
expect(examples_for(0.9, 0.02), 865, hint="solve for n and round up")


# %% hidden="examples_for"
def draw(rng):
    return [
        (round(float(a), 3), h)
        for a, h in zip(rng.uniform(0.55, 0.99, 5), (0.05, 0.02, 0.01, 0.005, 0.003))
    ]


def compare(got, expected, accuracy, half_width):
    if abs(float(got) - expected) <= 1 and float(got) == int(got):  # a rounding error at the edge
        return None
    return f"Expected {expected}, got {got}."


hint = (
    "n = p (1 − p) (1.96 / half_width)², rounded up: half the width takes four times the examples."
)

# %% [markdown]
# ## Question 3 · Offset and jitter (3 points)
#
# `hits` has shape (epochs, examples): whether each example of a large pool was answered rightly after each epoch. The pool's accuracy is the truth. `chosen` holds the positions of the examples that
# happen to be in a small validation set. Write `offset_and_jitter(hits, chosen)`, a pair:
#
# - the **offset** of the set: the mean over the epochs of its accuracy minus the true accuracy;
# - the **jitter** of the set's own curve: the mean absolute change of its accuracy from one epoch to the next.


# %% answer="offset_and_jitter"
def offset_and_jitter(hits, chosen):
    """By how much a set's curve lies off the truth, and how much it jumps, both as shares."""
    hits, chosen = np.asarray(hits, dtype=float), np.asarray(chosen)
    ### BEGIN SOLUTION
    curve, truth = hits[:, chosen].mean(axis=1), hits.mean(axis=1)
    return (curve - truth).mean(), np.abs(np.diff(curve)).mean()
    ### END SOLUTION


# %% check="offset_and_jitter" points=3
still = [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0]]
expect(offset_and_jitter(still, [0, 1]), [0.5, 0], hint="a calm curve, half of everything too high")
moving = [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]]
expect(offset_and_jitter(moving, [0, 1]), [1 / 3, 0.5], hint="the set: 0.5, 1, 0.5; the truth?")


# %% hidden="offset_and_jitter"
def draw(rng):
    cases = []
    for epochs, pool, n in [(4, 30, 5), (12, 200, 20), (30, 400, 50)]:
        easy = rng.random(pool)
        hits = rng.random((epochs, pool)) < np.clip(easy + 0.1 * rng.normal(size=pool), 0, 1)
        cases.append((hits, rng.choice(pool, n, replace=False)))
    return cases


hint = "Average over the chosen examples first, one value per epoch; then compare with the pool, and with the next epoch."

# %% [markdown]
# ## Question 4 · What smoothing takes away (2 points)
#
# Your class's curve, on a validation set of 60, of a network whose weights do not settle. `true_curve` is what a pool of 5,000 says.

# %%
numbers = np.random.default_rng([CLASS_SEED, 4])
easy = numbers.beta(4, 1.2, 5_000)
restless = 0.06 * numbers.normal(size=(60, 1))  # the weights move, from epoch to epoch
pool_hits = numbers.random((60, 5_000)) < np.clip(easy + restless, 0, 1) ** 0.7
steady = numbers.random(5_000) < easy  # most examples are answered alike in every epoch
pool_hits = np.where(numbers.random((60, 5_000)) < 0.9, steady, pool_hits)
true_curve = pool_hits.mean(axis=1)
unlucky = np.argsort(steady + numbers.random(5_000))[: numbers.integers(800, 1_100)]
small_set = np.concatenate([numbers.choice(5_000, 52), numbers.choice(unlucky, 8)])
small_curve = pool_hits[:, small_set].mean(axis=1)
smooth_curve = exponential_average(small_curve, 0.8)
print(f"last five epochs: {small_curve[-5:].round(3)}, smoothed {smooth_curve[-5:].round(3)}")

# %% [markdown]
# Look at the epochs from the 21st on (`[20:]`).
#
# 1. `jitter_left`: the mean absolute step from epoch to epoch of the smoothed curve, **as a share** of that of the curve itself.
# 2. `miss_left`: the distance of the mean of the smoothed curve from the mean of `true_curve`, **as a share** of the same distance for the curve itself.
# 3. `smoothing`: what did smoothing do? `"calmer and nearer"`, `"calmer, not nearer"`, `"nearer, not calmer"` or `"neither"` (nearer: the distance shrank by at least a fifth).

# %% answer="jitter_left, miss_left, smoothing"
jitter_left = None
miss_left = None
smoothing = None
### BEGIN SOLUTION
steps = [np.abs(np.diff(curve[20:])).mean() for curve in (small_curve, smooth_curve)]
misses = [abs(curve[20:].mean() - true_curve[20:].mean()) for curve in (small_curve, smooth_curve)]
jitter_left, miss_left = steps[1] / steps[0], misses[1] / misses[0]
smoothing = "calmer, not nearer"
### END SOLUTION

# %% check="jitter_left, miss_left, smoothing" points=2
expect_number(jitter_left, 0, 2, hint="np.abs(np.diff(...)).mean() of each, then their ratio")
expect_number(miss_left, 0, 5, hint="the means from epoch 21 on, minus that of the true curve")
expect_choice(
    smoothing,
    ["calmer and nearer", "calmer, not nearer", "nearer, not calmer", "neither"],
    hint="your two shares say it: below 1 is less than before",
)

# %% hidden="jitter_left, miss_left, smoothing"
hint = "Smoothing averages epochs of the same 60 examples: the jumps shrink, the error that all epochs share stays."

# %% [markdown]
# ## Question 5 · Which is the steadier measure? (2 points)
#
# The losses and hits of 4,000 examples, early in a training and late in it. How sure the network has become by then differs from class to class:

# %%
numbers = np.random.default_rng([CLASS_SEED, 5])
early_p = np.clip(numbers.normal(0.56, 0.09, 4_000), 0.2, 0.9)
sure, spread = [(3.4, 4.0), (0.4, 0.5)][numbers.integers(0, 2)]
late_logit = numbers.normal(sure, spread, 4_000)
early_losses, early_hits = -np.log(early_p), early_p > 0.5
late_losses, late_hits = np.logaddexp(0, -late_logit), late_logit > 0
for stage, loss, hit in (("early", early_losses, early_hits), ("late", late_losses, late_hits)):
    print(f"{stage:5} loss {loss.mean():.3f}, accuracy {hit.mean():.3f}")

# %% [markdown]
# The **relative error** of a measure is its standard error divided by its value. Take validation sets of 200 of these examples.
#
# 1. `early_ratio`: the relative error of the loss divided by that of the accuracy, early.
# 2. `late_ratio`: the same, late.
# 3. `steadier`: in this sense, the steadier measure is `"the loss, always"`, `"accuracy, always"`, `"the loss early, accuracy late"` or `"accuracy early, the loss late"`.

# %% answer="early_ratio, late_ratio, steadier"
early_ratio = None
late_ratio = None
steadier = None
### BEGIN SOLUTION
early_ratio = (early_losses.std() / early_losses.mean()) / (early_hits.std() / early_hits.mean())
late_ratio = (late_losses.std() / late_losses.mean()) / (late_hits.std() / late_hits.mean())
steadier = "the loss, always" if late_ratio < 1 else "the loss early, accuracy late"
### END SOLUTION

# %% check="early_ratio, late_ratio, steadier" points=2
expect_number(early_ratio, 0, 20, hint="std / sqrt(200) / mean, for each measure")
expect_number(late_ratio, 0, 20, hint="the root of 200 cancels")
always = ["the loss, always", "accuracy, always"]
expect_choice(
    steadier,
    [*always, "the loss early, accuracy late", "accuracy early, the loss late"],
    hint="a ratio below 1: the loss has the smaller relative error",
)

# %% hidden="early_ratio, late_ratio, steadier"
tolerance = 1e-3
hint = "Divide each standard deviation by its mean: a few very dear errors, where there are any, widen the spread of the loss."

# %% [markdown]
# ## Question 6 · Four verdicts (3 points)
#
# `before` and `after` hold the loss of the **same** examples at two epochs, `margin` the smallest change of the mean that matters (nats). Write `verdict(before, after, margin)`. Take the 95 % interval of the mean change:
# mean ± 1.96 standard errors **of the paired differences**. Return
#
# - `"flat"` if the whole interval lies between −margin and +margin, else
# - `"rise"` or `"fall"` if it lies above or below zero, else
# - `"cannot tell"`.


# %% answer="verdict"
def verdict(before, after, margin):
    """One of "rise", "fall", "flat", "cannot tell"."""
    before, after = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    ### BEGIN SOLUTION
    change = after - before
    half = 1.96 * change.std() / np.sqrt(len(change))
    low, high = change.mean() - half, change.mean() + half
    if -margin < low and high < margin:
        return "flat"
    return "rise" if low > 0 else "fall" if high < 0 else "cannot tell"
    ### END SOLUTION


# %% check="verdict" points=3
base = np.linspace(0.1, 3, 50)
wobble = np.tile([0.01, -0.01], 25)
expect(verdict(base, base + 0.5 + wobble, 0.1), "rise", hint="every example rose by about a half")
expect(verdict(base, base + wobble, 0.1), "flat", hint="the interval is tiny and lies at zero")
expect(
    verdict(base, base + 60 * wobble, 0.1), "cannot tell", hint="no rise proved, and none excluded"
)


# %% hidden="verdict"
def draw(rng):
    # The mean change, its spread from example to example, how many examples, the margin.
    plans = [(0.06, 0.3, 400, 0.02), (-0.06, 0.3, 400, 0.02), (0.0, 0.1, 400, 0.05)]
    plans += [(0.01, 0.5, 50, 0.05), (0.03, 0.1, 400, 0.1), (-0.3, 0.2, 60, 0.5)]
    cases = []
    for mean, spread, n, margin in plans:
        change = rng.normal(size=n)
        change = mean + spread * (change - change.mean()) / change.std()
        before = rng.exponential(2.0, n) + 1.0
        cases.append((before, before + change, margin))
    return cases


hint = "Standard error of after − before, example by example; ask for flat first, and say cannot tell when zero and more than the margin are both possible."

# %% [markdown]
# ## Question 7 · Name the cause (3 points)
#
# Six reports. In the first kind, one network, whose weights did not change, was measured on **two different sets** of n examples each. In the second, a network was measured **before and after an epoch on the same** n examples; it gained some and
# lost some. The reports of your class:

# %% data="reports"
numbers = np.random.default_rng([CLASS_SEED, 7])
plans = [("two sets", 0.9, 200), ("two sets", 0.9, 3_000), ("two sets", 0.7, 500)]
far = [0.6, 6.0, 0.8]  # how many standard errors the two accuracies lie apart
reports = []
for (kind, p, n), z in zip(plans, far):
    apart = z * np.sqrt(2 * p * (1 - p) / n) * numbers.uniform(0.9, 1.1)
    reports.append({"kind": kind, "n": n, "first": p, "second": round(float(p - apart), 4)})
for gained, lost, n in ((14, 11, 1_000), (130, 61, 5_000), (48, 120, 5_000)):
    more = int(numbers.integers(0, 3))
    reports.append({"kind": "two epochs", "n": n, "gained": gained + more, "lost": lost + more})
reports = [reports[i] for i in numbers.permutation(6)]

# %%
for report in reports:
    print(report)

# %% [markdown]
# Decide for each, in this order, with two standard errors as the limit:
#
# - `"chance is enough"`: the difference could come from the draw of examples (two sets), or from answers that flip at random (two epochs: gained minus lost has the standard error √(gained + lost));
# - `"the sets differ"`: they do not ask the same question;
# - `"the network changed"`: its accuracy really moved.
#
# Write the six words into the list `causes`.

# %% answer="causes"
causes = [None] * 6
### BEGIN SOLUTION
causes = []
for entry in reports:
    if entry["kind"] == "two sets":
        squares = [p * (1 - p) / entry["n"] for p in (entry["first"], entry["second"])]
        real = abs(entry["first"] - entry["second"]) > 2 * np.sqrt(sum(squares))
        causes.append("the sets differ" if real else "chance is enough")
    else:
        real = abs(entry["gained"] - entry["lost"]) > 2 * np.sqrt(entry["gained"] + entry["lost"])
        causes.append("the network changed" if real else "chance is enough")
### END SOLUTION

# %% check="causes" points=3
expect_choice(
    causes,
    ["chance is enough", "the sets differ", "the network changed"],
    hint="six words: a difference of two sets has the squares of both standard errors in it",
    length=6,
)

# %% hidden="causes"
hint = "Divide each difference by its standard error. Weights that rest cannot have changed; a set that stays cannot differ."

# %% [markdown]
# ## In your own words (3 points)
#
# Your class's validation curve (question 4) was smoothed. Explain to a colleague what they may now believe about the accuracy of the last epochs and what not.
# Use your two shares, and say what would bring the curve nearer to the true one. Four to eight sentences. Your teacher reads and marks them; no program does.

# %% [markdown] explain="explanation" points=3
# Smoothing took away most of the jumps: the jitter left is about 15 % of what it was. The distance from the true curve stayed: the miss left is about 1. The
# reason is that every epoch is judged by the same 60 examples, so all epochs share the error of that draw, and an average over epochs cannot remove what they
# share. So one may believe that the accuracy is steady, and not that it is right: one standard error of 60 examples is about 6 points. Nearer to the truth
# comes only what changes the examples: more of them, or several sets.

# %% [markdown] rubric="explanation"
# # Exercise 5: how the explanation is marked
#
# One point for each; numbers are those of the class.
#
# 1. tells jitter from offset, with both shares of the class
# 2. gives the cause: the same examples in every epoch, so a shared error
# 3. says what would help (more or other examples) and how large the error is
#
# **A full answer.**
# Smoothing took away most of the jumps: the jitter left is about 15 % of what it was. The distance from the true curve stayed: the miss left is about 1. The
# reason is that every epoch is judged by the same 60 examples, so all epochs share the error of that draw, and an average over epochs cannot remove what they
# share. So one may believe that the accuracy is steady, and not that it is right: one standard error of 60 examples is about 6 points. Nearer to the truth
# comes only what changes the examples: more of them, or several sets.
#
# **An answer in between.** "The curve is calmer but not nearer, because it is the same set." Two points: no size, no remedy.
#
# **An answer without a point.** "Smoothing removes the noise, so the curve is now exact." No point.

# %% [markdown]
# ## What you learnt
#
# A measured number comes with an error that depends on n, and epochs that are judged by the same examples share part of it. Which measure is steadier is a matter of the run. Compare on the same examples, say what would matter, and allow yourself "cannot tell".
