# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Exercise 7 · Who pays, and can it be repaired?
#
# **Time** about 60 minutes. **You need** lesson 7 and NumPy. **Points** 17, in seven questions, and 3 for an explanation that your teacher marks.
#
# You will find out how few answers pay how much, build both rival stories of a rising loss, decide between them on a recorded CIFAR-10 run, fit a temperature, split a rise into what can be repaired and what cannot,
# and measure calibration together with the error that chance alone gives.
#
# **How it works.** Write your answers between the question and its check; keep the names. Each check says whether your answer is right for its
# example, or whether it can be graded, and gives a hint if not. Grading calls your functions with other inputs, so write them for any. You may add cells.
# The recordings come with the course (`notebooks/recordings`). In questions 4, 6 and 7 write the measure yourself, without `lessonlib.calibration`.

# %%
import numpy as np

from lessonlib import calibration, metrics, runs
from lessonlib.comparing import answered, expect, expect_choice, expect_number

CLASS_SEED = 0  # decides the numbers of your class; leave it as it is

# %% [markdown]
# ## Question 1 · Who pays? (2 points)
#
# Write `shares_paid(labels, logits, percent)`: a pair, the share of the **total loss** that the wrong answers pay, and the share that the dearest `percent` % of all answers pay. (`percent` % of the answers is always a whole number of them.)


# %% answer="shares_paid"
def shares_paid(labels, logits, percent):
    """Shares of the total loss: of the wrong answers, and of the dearest percent of all."""
    labels, logits = np.asarray(labels), np.asarray(logits, dtype=float)
    ### BEGIN SOLUTION
    losses = metrics.cross_entropy_per_example(labels, logits=logits)
    n_dearest = round(percent / 100 * len(losses))
    wrong = logits.argmax(axis=1) != labels
    dearest = np.sort(losses)[-n_dearest:]
    return losses[wrong].sum() / losses.sum(), dearest.sum() / losses.sum()
    ### END SOLUTION


# %% check="shares_paid" points=2
four = np.log([[0.5, 0.25, 0.25]] * 4)
expect(
    shares_paid([0, 0, 0, 1], four, 25),
    [0.4, 0.4],
    hint="costs ln 2 three times and 2 ln 2: the one wrong answer pays two fifths",
)


# %% hidden="shares_paid"
def draw(rng):
    shapes = [(1, 20, 3, 5), (3, 60, 10, 5), (4, 200, 4, 1), (2, 90, 3, 20)]
    cases = []
    for scale, n, k, percent in shapes:
        labels = rng.integers(0, k, n)
        logits = scale * rng.normal(size=(n, k)) + scale * np.eye(k)[labels]
        cases.append((labels, logits, percent))
    return cases


hint = "Sum the single losses of the group and divide by the sum over all answers."

# %% [markdown]
# ## Question 2 · Build both stories (3 points)
#
# Write `tell(labels, logits, story)`: new logits of the same shape, such that
#
# - **no answer changes** (the highest logit of each row stays in its place),
# - the mean loss is **higher** than before by at least 0.05 nats,
# - with `story="drift"`, the mean confidence of the right answers and that of the wrong answers **both fall**; with `story="certainty"`, **both rise**.
#
# The networks that it gets are right more often than wrong, and cost less than guessing; some of their answers are wrong. (Confidence: the probability of the network's own answer.)


# %% answer="tell"
def tell(labels, logits, story):
    """Logits with the same answers and a higher loss, by drift to the middle or by certainty."""
    labels, logits = np.asarray(labels), np.asarray(logits, dtype=float)
    ### BEGIN SOLUTION
    return logits * (0.01 if story == "drift" else 8.0)
    ### END SOLUTION


# %% check="tell" points=3
three = np.array([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [0.5, 0.0]])
three_labels = np.array([0, 0, 0, 1])
for story, sign in (("drift", -1), ("certainty", 1)):
    new = np.asarray(answered(tell(three_labels, three, story)), dtype=float)
    expect(new.argmax(axis=1), [0, 0, 0, 0], hint="no answer changes")
    costs = [metrics.cross_entropy(three_labels, logits=z) for z in (three, new)]
    expect(bool(costs[1] > costs[0] + 0.05), True, hint="one factor for all logits is enough")
    surer = metrics.softmax(new).max(1) - metrics.softmax(three).max(1)
    expect(bool((sign * surer[[0, 3]] > 0).all()), True, hint="drift: less sure; certainty: surer")


# %% hidden="tell"
def draw(rng):
    cases = []
    for n, k, length in [(30, 2, 2.0), (60, 4, 3.0), (120, 10, 4.0)]:
        labels = rng.integers(0, k, n)
        said = np.where(np.arange(n) % 5 == 0, (labels + 1) % k, labels)
        logits = length * np.eye(k)[said] + 0.2 * rng.normal(size=(n, k))
        cases += [(labels, logits, "drift"), (labels, logits, "certainty")]
    return cases


def compare(got, expected, labels, logits, story):
    old, new = np.asarray(logits, dtype=float), np.asarray(got, dtype=float)
    if new.shape != old.shape or not np.isfinite(new).all():
        return f"Expected finite logits of shape {old.shape}, got shape {new.shape}."
    if (new.argmax(axis=1) != old.argmax(axis=1)).any():
        return f"{story}: {(new.argmax(axis=1) != old.argmax(axis=1)).sum()} answers changed."
    rise = metrics.cross_entropy(labels, logits=new) - metrics.cross_entropy(labels, logits=old)
    if not rise >= 0.05:
        return f"{story}: the mean loss changed by {rise:+.3f} nats, expected a rise of 0.05."
    right = old.argmax(axis=1) == labels
    for name, group in (("right", right), ("wrong", ~right)):
        change = (metrics.softmax(new).max(1) - metrics.softmax(old).max(1))[group].mean()
        if not (change < -1e-6 if story == "drift" else change > 1e-6):
            return f"{story}: the confidence of {name} answers changed by {change:+.4f}."
    return None


hint = "Multiply all logits by one positive number: near 0 everything drifts to 1/K, above 1 everything becomes surer."

# %% [markdown]
# ## Question 3 · Which story does your class's run tell? (3 points)
#
# A recorded CIFAR-10 run, judged by 1,500 of its validation pictures, at the epoch with the lowest mean loss on them and at the last epoch:

# %%
numbers = np.random.default_rng([CLASS_SEED, 3])
class_run = runs.recording("main", seed=int(numbers.integers(10, 20)))
pictures = np.sort(numbers.choice(2_000, 1_500, replace=False))
run_labels = class_run.val_labels[pictures]
run_losses = class_run.val_losses()[:, pictures]
lowest = run_losses.mean(axis=1).argmin()
at_minimum = class_run.val_logits[lowest, pictures].astype(float)
at_end = class_run.val_logits[-1, pictures].astype(float)
for name, z in (("minimum", at_minimum), ("end", at_end)):
    loss, accuracy = metrics.cross_entropy(run_labels, logits=z), metrics.accuracy(run_labels, z)
    print(f"{name:7} loss {loss:.3f}, accuracy {accuracy:.3f}")

# %% [markdown]
# From the minimum to the end:
#
# 1. `unsure_change`: the change of the share of all answers whose confidence is below 0.6.
# 2. `wrong_confidence_change`: the change of the mean confidence of the wrong answers (those that are wrong at the time).
# 3. `wrong_to_wrong`: what the pictures that are wrong both times add to the **mean loss over all pictures**, nats.
# 4. `told`: `"drift"`, `"certainty"` or `"neither"`.

# %% answer="unsure_change, wrong_confidence_change, wrong_to_wrong, told"
unsure_change = None
wrong_confidence_change = None
wrong_to_wrong = None
told = None
### BEGIN SOLUTION
confidences = [metrics.softmax(z).max(axis=1) for z in (at_minimum, at_end)]
wrongs = [z.argmax(axis=1) != run_labels for z in (at_minimum, at_end)]
unsure_change = np.mean(confidences[1] < 0.6) - np.mean(confidences[0] < 0.6)
wrong_confidence_change = confidences[1][wrongs[1]].mean() - confidences[0][wrongs[0]].mean()
costs = [metrics.cross_entropy_per_example(run_labels, logits=z) for z in (at_minimum, at_end)]
wrong_to_wrong = (costs[1] - costs[0])[wrongs[0] & wrongs[1]].sum() / len(run_labels)
told = "certainty"
### END SOLUTION

# %% check="unsure_change, wrong_confidence_change, wrong_to_wrong, told" points=3
expect_number(unsure_change, -1, 1, hint="confidence: the largest probability in each row")
expect_number(wrong_confidence_change, -1, 1, hint="the wrong answers of each epoch, their means")
expect_number(wrong_to_wrong, -5, 5, hint="the sum of their changes, divided by all 1,500")
expect_choice(told, ["drift", "certainty", "neither"], hint="drift: less sure; certainty: surer")

# %% hidden="unsure_change, wrong_confidence_change, wrong_to_wrong, told"
hint = "Confidence is the largest probability of a row; wrong at both times, change in loss summed over them and divided by all pictures."

# %% [markdown]
# ## Question 4 · The best temperature (2 points)
#
# Write `best_temperature(labels, logits)`: the number T > 0 for which the mean cross-entropy of `logits / T` is lowest, to three decimals. It lies between 0.1 and 20. SciPy may be used.


# %% answer="best_temperature"
def best_temperature(labels, logits):
    """The temperature with the lowest mean cross-entropy."""
    labels, logits = np.asarray(labels), np.asarray(logits, dtype=float)
    ### BEGIN SOLUTION
    low, high = np.log(0.1), np.log(20)
    while high - low > 1e-7:  # the loss has a single minimum: keep the better two thirds
        third = (high - low) / 3
        tried = [
            metrics.cross_entropy(labels, logits=logits / np.exp(low + third * i)) for i in (1, 2)
        ]
        low, high = (low, high - third) if tried[0] < tried[1] else (low + third, high)
    return np.exp((low + high) / 2)
    ### END SOLUTION


# %% check="best_temperature" points=2
sure = np.repeat([[2.0, 0.0]], 10, axis=0)
expect(
    best_temperature([0] * 8 + [1] * 2, sure),
    2 / np.log(4),
    hint="right in 8 of 10: the best probability is 0.8, so 2 / T = ln(0.8 / 0.2)",
    tolerance=1e-3,
)


# %% hidden="best_temperature"
def draw(rng):
    cases = []
    for n, k, true_temperature in [(60, 2, 3.0), (150, 4, 0.5), (200, 10, 6.0)]:
        honest = 1.5 * rng.normal(size=(n, k))
        labels = [int(rng.choice(k, p=p)) for p in metrics.softmax(honest)]
        cases.append((np.array(labels), true_temperature * honest))
    return cases


tolerance = 2e-3
library = ["lessonlib.calibration.fit_temperature"]
hint = "Try many T between 0.1 and 20, then finer ones around the best: the loss has one minimum."

# %% [markdown]
# ## Question 5 · What a temperature repairs (3 points)
#
# Two runs end with a loss far above their minimum: `main_run`, of your class's seed, and `adam_run`, with a constant rate.

# %%
numbers = np.random.default_rng([CLASS_SEED, 5])
main_run = runs.recording("main", seed=int(numbers.integers(10, 20)))
adam_run = runs.recording("adam-constant", seed=10)
shown = np.sort(numbers.choice(2_000, 1_600, replace=False))


def before_and_after(run):
    """Labels, and logits at the minimum of the loss and at the end, of the shown pictures."""
    low = run.val_losses()[:, shown].mean(axis=1).argmin()
    logits = run.val_logits[:, shown].astype(float)
    return run.val_labels[shown], logits[low], logits[-1]


# %% [markdown]
# 1. `temperature`: the best temperature for `main_run` at the end, fitted on the **even** ones of the shown pictures (`[::2]`).
# 2. `given_back`: with it, on the **odd** ones (`[1::2]`), the share of the rise of the loss from the minimum to the end that it gives back (1: all of it; more than 1 is possible).
# 3. `adam_unlearnt`: for `adam_run`, on **all** shown pictures: the change of the refinement from the minimum to the end, in nats (refinement: the loss at the best temperature).
# 4. `difference`: `"both were only too sure"`, `"main was only too sure, Adam also unlearnt"` or `"both also unlearnt"`.
#
# `calibration.fit_temperature` and `calibration.split_loss` may be used.

# %% answer="temperature, given_back, adam_unlearnt, difference"
temperature = None
given_back = None
adam_unlearnt = None
difference = None
### BEGIN SOLUTION
y, start, end = before_and_after(main_run)
temperature = calibration.fit_temperature(y[::2], end[::2])
logits_on_odd = (start[1::2], end[1::2], end[1::2] / temperature)
least, raw, cooled = (metrics.cross_entropy(y[1::2], logits=scores) for scores in logits_on_odd)
given_back = (raw - cooled) / (raw - least)
y, start, end = before_and_after(adam_run)
parts = [calibration.split_loss(y, scores).refinement for scores in (start, end)]
adam_unlearnt = parts[1] - parts[0]
difference = "main was only too sure, Adam also unlearnt"
### END SOLUTION

# %% check="temperature, given_back, adam_unlearnt, difference" points=3
expect_number(temperature, 0.1, 20, hint="calibration.fit_temperature on labels[::2], logits[::2]")
expect_number(given_back, -2, 5, hint="(loss at the end − with T) / (at the end − at the minimum)")
expect_number(adam_unlearnt, -2, 2, hint="calibration.split_loss(...).refinement at both epochs")
told_apart = ["both were only too sure", "both also unlearnt"]
expect_choice(
    difference,
    [*told_apart, "main was only too sure, Adam also unlearnt"],
    hint="what no temperature takes back was unlearnt",
)

# %% hidden="temperature, given_back, adam_unlearnt, difference"
tolerance = 3e-3
hint = "Fit on the even pictures, judge on the odd ones; a refinement that is higher at the end cannot be repaired by any temperature."

# %% [markdown]
# ## Question 6 · Is confidence kept? (2 points)
#
# Write `ece(confidence, hits, n_bins)`: the expected calibration error. Bins of equal width from 0 to 1, bin i (from 1) holding the confidences above `(i − 1)/n_bins` up to `i/n_bins`; in each bin the distance of mean
# confidence and accuracy; the mean of these distances, each bin with the weight of its answers.


# %% answer="ece"
def ece(confidence, hits, n_bins):
    """Expected calibration error, from 0 to 1."""
    confidence, hits = np.asarray(confidence, dtype=float), np.asarray(hits, dtype=float)
    ### BEGIN SOLUTION
    bins = np.ceil(confidence * n_bins).astype(int)
    gaps = [abs((confidence - hits)[bins == i].sum()) for i in range(1, n_bins + 1)]
    return sum(gaps) / len(hits)
    ### END SOLUTION


# %% check="ece" points=2
expect(ece([0.9, 0.9, 0.9, 0.9], [1, 1, 1, 0], 10), 0.15, hint="says 0.9, keeps 0.75")
expect(
    ece([0.55, 0.95, 0.95, 0.95], [1, 1, 1, 0], 10),
    (0.45 + 3 * (0.95 - 2 / 3)) / 4,
    hint="two bins: one answer weighs a quarter, the other three weigh three quarters",
)


# %% hidden="ece"
def draw(rng):
    cases = [([1.0, 1.0, 0.97], [1, 0, 1], 5)]
    for n, n_bins in [(8, 15), (60, 10), (400, 15), (100, 1)]:
        confidence = rng.uniform(0.25, 1, n)
        cases.append((confidence, (rng.random(n) < confidence**2).astype(int), n_bins))
    return cases


library = ["lessonlib.calibration.expected_calibration_error"]
hint = "Within a bin: |mean confidence − accuracy|; over the bins: weighted by how many answers each one holds. Empty bins weigh nothing."

# %% [markdown]
# ## Question 7 · How much of it is chance? (2 points)
#
# Write `chance_ece(confidence, n_bins, n_draws, seed)`: the **mean ECE of a perfectly calibrated network** with these confidences: in each of `n_draws` simulations every answer is right with exactly the probability that it claims. `seed` is a whole
# number for `np.random.default_rng`. The grading allows for the luck of another seed (a tenth).


# %% answer="chance_ece"
def chance_ece(confidence, n_bins, n_draws, seed):
    """The ECE that chance alone gives, on average."""
    confidence, rng = np.asarray(confidence, dtype=float), np.random.default_rng(seed)
    ### BEGIN SOLUTION
    bins = np.ceil(confidence * n_bins).astype(int)
    hits = rng.random((n_draws, len(confidence))) < confidence
    gaps = [np.abs((confidence - hits)[:, bins == i].sum(axis=1)) for i in range(1, n_bins + 1)]
    return np.mean(np.sum(gaps, axis=0)) / len(confidence)
    ### END SOLUTION


# %% check="chance_ece" points=2
expect(
    chance_ece([0.5] * 100, 10, 2_000, 0),
    0.04,
    hint="one bin, 100 coins: their share of heads misses one half by 0.04 on average",
    tolerance=0.005,
)
expect(
    chance_ece([1.0] * 20, 15, 50, 1), 0.0, hint="who claims certainty, and keeps it, never misses"
)


# %% hidden="chance_ece"
def draw(rng):
    cases = [(n, n_bins) for n, n_bins in [(40, 15), (150, 15), (150, 5), (600, 50)]]
    return [(rng.uniform(0.3, 1, n), n_bins, 600, int(rng.integers(1e6))) for n, n_bins in cases]


def compare(got, expected, confidence, n_bins, n_draws, seed):
    if abs(float(got) - expected) <= 0.1 * expected:
        return None
    return f"{len(confidence)} answers in {n_bins} bins: expected about {expected:.4f}, got {float(got):.4f}."


library = ["lessonlib.calibration.ece_if_calibrated"]
hint = "Draw hits with rng.random(n) < confidence, compute the ECE of each draw, and average: it is never 0, and larger for fewer answers or more bins."

# %% [markdown]
# ## In your own words (3 points)
#
# The loss of `main_run` and of `adam_run` (question 5) ends far above its minimum. Explain the difference between the two with your numbers, why the
# temperature was fitted on some pictures and judged on others, and what your `adam_unlearnt` does not prove. Four to eight sentences. Your teacher reads and
# marks them; no program does.

# %% [markdown] explain="explanation" points=3
# For the main run a temperature of about 2.3, fitted on the even pictures, gives back more than the whole rise on the odd ones: the network was too sure, and
# what it knows about the classes is not less than at the minimum. For Adam the loss at the best temperature itself rose by about 0.1 nats: that part no
# temperature repairs. It was judged on other pictures because a temperature picked on the same ones is a little too good for them. The number is an upper bound
# of what is lost: another recalibration, per class for instance, might give some of it back. And it is one run.

# %% [markdown] rubric="explanation"
# # Exercise 7: how the explanation is marked
#
# One point for each; numbers are those of the class.
#
# 1. separates what a temperature repairs from what it does not, with numbers of both runs
# 2. says why fitting and judging need different pictures
# 3. limits the conclusion: temperature is one family of repairs, one run
#
# **A full answer.**
# For the main run a temperature of about 2.3, fitted on the even pictures, gives back more than the whole rise on the odd ones: the network was too sure, and
# what it knows about the classes is not less than at the minimum. For Adam the loss at the best temperature itself rose by about 0.1 nats: that part no
# temperature repairs. It was judged on other pictures because a temperature picked on the same ones is a little too good for them. The number is an upper bound
# of what is lost: another recalibration, per class for instance, might give some of it back. And it is one run.
#
# **An answer in between.** "Main is repaired by T = 2.3, Adam lost 0.11 nats." One point, two with the reason for the halves.
#
# **An answer without a point.** "Adam is a worse optimiser." No point: not what was measured.

# %% [markdown]
# ## What you learnt
#
# A mean loss can belong to a few examples. Two stories fit the same two curves; the confidence of right and of wrong answers decides between them. A temperature separates certainty from knowledge, judged on other
# pictures than it was fitted on. And an ECE means something only beside the one that chance gives.
