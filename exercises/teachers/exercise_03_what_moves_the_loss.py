# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Exercise 3 · My loss looks wrong: is it?
#
# **Time** about 45 minutes. **You need** lesson 3, NumPy. **Points** 14, in six questions, and 3 for an explanation that your teacher marks.
#
# You will find out how far one confident error moves a mean, write a loss that neither overflows nor clips, average over a ragged last batch, compute the noise floor of flipped labels, find
# a broadcasting bug, and identify from their numbers what five training scripts report.
#
# **How it works.** Write your answers between the question and its check; keep the names. Each check says whether your answer is right for its
# example, or whether it can be graded, and gives a hint if not. Grading calls your functions with other inputs, so write them for any. You may add cells.

# %%
import numpy as np

from lessonlib import metrics
from lessonlib.comparing import answered, expect, expect_choice, expect_number

CLASS_SEED = 0  # decides the numbers of your class; leave it as it is

# %% [markdown]
# ## Question 1 · One confident error (2 points)
#
# `n` pictures. All but one are right and get probability `p_right` for their true class; the last one is wrong and gets `p_wrong`. Write `share_of_one(n, p_right, p_wrong)`:
# the share of the total loss that this one picture pays, from 0 to 1.


# %% answer="share_of_one"
def share_of_one(n, p_right, p_wrong):
    """The wrong picture's share of the total loss."""
    ### BEGIN SOLUTION
    one, others = -np.log(p_wrong), -(n - 1) * np.log(p_right)
    return one / (one + others)
    ### END SOLUTION


# %% check="share_of_one" points=2
expect(share_of_one(2, 0.5, 0.5), 0.5, hint="two equal costs: half each")
expect(
    share_of_one(3, 0.5, 0.25),
    0.5,
    hint="−ln 0.25 is twice −ln 0.5, and there are two of the others",
)


# %% hidden="share_of_one"
def draw(rng):
    n, right = rng.integers(10, 1000, 4), rng.uniform(0.6, 0.999, 4)
    return [(int(a), float(b), float(10.0 ** -rng.integers(1, 12))) for a, b in zip(n, right)]


hint = "−ln p_wrong, divided by itself plus (n − 1) times −ln p_right."

# %% [markdown]
# ## Question 2 · A loss from logits, without clipping (3 points)
#
# Write `binary_loss(labels, logits)`: the mean binary cross-entropy in nats, `logits` being one score z per picture with `p(class 1) = sigmoid(z)`. No clipping, no
# infinity, no NaN, and right for scores as large as ±10,000: a certain error must cost what it costs.


# %% answer="binary_loss"
def binary_loss(labels, logits):
    """Mean binary cross-entropy from logits, nats."""
    labels, logits = np.asarray(labels, dtype=float), np.asarray(logits, dtype=float)
    ### BEGIN SOLUTION
    return np.mean(np.logaddexp(0, logits) - labels * logits)
    ### END SOLUTION


# %% check="binary_loss" points=3
expect(binary_loss([1, 0], [0.0, 0.0]), np.log(2), hint="a score of 0 is a probability of one half")
expect(
    binary_loss([0], [10_000.0]),
    10_000.0,
    hint="ln(1 + e^z) is nearly z for a large z: np.logaddexp",
)
expect(binary_loss([1], [10_000.0]), 0.0, hint="right and certain: costs nothing, and is no NaN")


# %% hidden="binary_loss"
def draw(rng):
    sizes = [(1, 6), (8, 30), (60, 12), (3000, 7)]
    return [(rng.integers(0, 2, n), scale * rng.normal(size=n)) for scale, n in sizes]


hint = "ln(1 + e^z) − y z, written with np.logaddexp(0, z) so that nothing overflows."

# %% [markdown]
# ## Question 3 · The ragged last batch (2 points)
#
# Write `batch_mean_loss(losses, batch_size)`: the correct mean of all `losses`, **computed from the mean of each batch**: cut the losses into batches in order (the last may be smaller), take each
# batch's mean, and combine these means so that the result is the mean over all pictures. Return a pair: the correct mean, and what a script reports that averages the batch means without weights.


# %% answer="batch_mean_loss"
def batch_mean_loss(losses, batch_size):
    """The mean over pictures, and the unweighted mean of the batch means."""
    losses = np.asarray(losses, dtype=float)
    ### BEGIN SOLUTION
    batches = [losses[start : start + batch_size] for start in range(0, len(losses), batch_size)]
    means, sizes = [batch.mean() for batch in batches], [len(batch) for batch in batches]
    return np.average(means, weights=sizes), np.mean(means)
    ### END SOLUTION


# %% check="batch_mean_loss" points=2
expect(
    batch_mean_loss([1, 1, 1, 5], 3),
    [2.0, 3.0],
    hint="the last batch holds one picture: weight 1, not 3",
)
expect(batch_mean_loss([1, 2, 3, 4], 2), [2.5, 2.5], hint="equal batches: both are the same")


# %% hidden="batch_mean_loss"
def draw(rng):
    return [
        (rng.exponential(size=n), size)
        for n, size in [(100, 33), (7, 3), (64, 16), (5, 10), (33, 32)]
    ]


hint = "Weigh each batch's mean with the number of its pictures; the script's number gives every batch the same weight."

# %% [markdown]
# ## Question 4 · The floor under flipped labels (2 points)
#
# Of K classes, a share `flipped` of the labels was replaced by one of the K − 1 **other** classes, each equally likely. A perfect network knows the true class and this share, and nothing else. Write `noise_floor(n_classes, flipped)`: a pair,
# the lowest mean cross-entropy that it can reach against these labels (nats), and the accuracy it is then measured with. `flipped` is below (K − 1)/K.


# %% answer="noise_floor"
def noise_floor(n_classes, flipped):
    """Lowest expected loss and its accuracy, measured with the flipped labels."""
    ### BEGIN SOLUTION
    if flipped == 0:
        return 0.0, 1.0
    each_other = flipped / (n_classes - 1)
    return -(1 - flipped) * np.log(1 - flipped) - flipped * np.log(each_other), 1 - flipped
    ### END SOLUTION


# %% check="noise_floor" points=2
expect(noise_floor(2, 0.0), [0.0, 1.0], hint="no flips, nothing to lose (and 0 · ln 0 counts as 0)")
expect(
    noise_floor(3, 0.5)[1],
    0.5,
    hint="it names the true class: right where the label was not flipped",
)


# %% hidden="noise_floor"
def draw(rng):
    return [
        (2, 0.0),
        (10, 0.4),
        *[(int(k), float(f)) for k, f in zip(rng.integers(2, 20, 4), rng.uniform(0.01, 0.45, 4))],
    ]


hint = "The best is to say how the labels really are: 1 − f for the true class, f/(K − 1) for each other; its loss is their entropy."

# %% [markdown]
# ## Question 5 · Shapes that do not match (2 points)
#
# Your class's labels and predictions have the shapes that are printed. A script computes the squared error without looking at them:

# %%
numbers = np.random.default_rng([CLASS_SEED, 5])
shape_labels = numbers.integers(0, 2, 40).astype(float)
shape_predictions = 0.2 + 0.6 * shape_labels + 0.1 * numbers.normal(size=40)
shape_predictions = shape_predictions.reshape([(-1, 1), (1, -1)][numbers.integers(0, 2)])
print("labels", shape_labels.shape, "predictions", shape_predictions.shape)
print("the script reports", np.round(np.mean((shape_labels - shape_predictions) ** 2), 4))

# %% [markdown]
# 1. `honest_mse`: the mean squared error that it should have reported.
# 2. `n_terms`: over how many squared differences did the script take its mean?
# 3. `consequence`: what would a network learn that is trained on the script's loss? `"the labels"`, `"the mean of the labels for everyone"` or `"nothing: it raises an error"`.

# %% answer="honest_mse, n_terms, consequence"
honest_mse = None
n_terms = None
consequence = None
### BEGIN SOLUTION
honest_mse = np.mean((shape_labels - shape_predictions.ravel()) ** 2)
n_terms = (shape_labels - shape_predictions).size
consequence = "the labels" if n_terms == 40 else "the mean of the labels for everyone"
### END SOLUTION

# %% check="honest_mse, n_terms, consequence" points=2
expect_number(honest_mse, 0, 1, hint="make both the same shape first: .ravel()")
expect_number(n_terms, 1, 10_000, hint="look at the shape of the difference")
outcomes = ["the labels", "the mean of the labels for everyone", "nothing: it raises an error"]
expect_choice(
    consequence, outcomes, hint="with which labels is each prediction compared? What is best then?"
)

# %% hidden="honest_mse, n_terms, consequence"
hint = "(n,) minus (n, 1) broadcasts to (n, n), where each prediction is held against every label; (n,) minus (1, n) gives (1, n), one difference for each."

# %% [markdown]
# ## Question 6 · What did they report? (3 points)
#
# Five scripts evaluated the **same** network on the same 90 pictures of 6 classes, in batches of 16. Each reports a different "loss". The logits are yours:

# %%
numbers = np.random.default_rng([CLASS_SEED, 6])
lab = numbers.integers(0, 6, 90)
net = numbers.normal(size=(90, 6)) * 1.5 + 2.0 * np.eye(6)[lab]
net[-10:] -= 6.0 * np.eye(6)[lab[-10:]]  # the last batch has most of the errors

# %%
each = metrics.cross_entropy_per_example(lab, logits=net)
batch_means = [each[i : i + 16].mean() for i in range(0, 90, 16)]
reports = {
    "mean over pictures": each.mean(),
    "sum": each.sum(),
    "mean of batch means": np.mean(batch_means),
    "softmax twice": metrics.cross_entropy(lab, logits=metrics.softmax(net)),
    "base 10": each.mean() / np.log(10),
}

# %% data="unnamed"
order = np.random.default_rng([CLASS_SEED, 66]).permutation(len(reports))
unnamed = [float(list(reports.values())[i]) for i in order]

# %%
print("reported:", np.round(unnamed, 4))

# %% [markdown]
# The numbers stand in `unnamed`, in an order that belongs to your class. Write `name_reports(labels, logits, reported, batch_size)`: it returns for each of the reported numbers, in their order, which of the five names of
# `reports` it goes by. It will be called with other networks, other numbers of pictures and other batch sizes.


# %% answer="name_reports"
def name_reports(labels, logits, reported, batch_size):
    """The name of each reported number, in the order of the numbers."""
    ### BEGIN SOLUTION
    losses = metrics.cross_entropy_per_example(labels, logits=logits)
    starts = range(0, len(losses), batch_size)
    candidates = {
        "mean over pictures": losses.mean(),
        "sum": losses.sum(),
        "mean of batch means": np.mean([losses[i : i + batch_size].mean() for i in starts]),
        "softmax twice": metrics.cross_entropy(labels, logits=metrics.softmax(logits)),
        "base 10": losses.mean() / np.log(10),
    }
    return [min(candidates, key=lambda name: abs(candidates[name] - value)) for value in reported]
    ### END SOLUTION


# %% check="name_reports" points=3
found = answered(name_reports(lab, net, unnamed, 16))
expect_choice(found, list(reports), hint="the five names of `reports`")
expect(sorted(found), sorted(reports), hint="five numbers, five different names")


# %% hidden="name_reports"
def draw(rng):
    cases = []
    for n, k, size in [(50, 3, 16), (101, 10, 25), (33, 4, 8)]:
        labels = rng.integers(0, k, n)
        logits = 1.5 * rng.normal(size=(n, k)) + 2.0 * np.eye(k)[labels]
        logits[-6:] -= 6.0 * np.eye(k)[labels[-6:]]
        losses = metrics.cross_entropy_per_example(labels, logits=logits)
        batches = [losses[i : i + size].mean() for i in range(0, n, size)]
        twice = metrics.cross_entropy(labels, logits=metrics.softmax(logits))
        numbers = [losses.mean(), losses.sum(), np.mean(batches), twice, losses.mean() / np.log(10)]
        cases.append((labels, logits, rng.permutation(numbers), size))
    return cases


hint = "Compute the five candidates from the logits and give each reported number the name of the nearest."

# %% [markdown]
# ## In your own words (3 points)
#
# A friend reports a loss that is far too high beside a good accuracy. Write down in which order you would check what was computed, and why in that order. Use
# two numbers of your class's reports (question 6) as examples of what a slip leaves behind. Four to eight sentences. Your teacher reads and marks them; no
# program does.

# %% [markdown] explain="explanation" points=3
# First I ask over what was averaged, because that needs no new run: the sum of my class is 90 times the mean, and a number that grows with the size of the set
# gives it away. Then the logarithm: base 10 is the mean divided by 2.303, whatever the network. Then logits or probabilities: softmax twice cannot fall below
# ln(1 + (K − 1)/e), 1.05 for six classes, however good the accuracy. Then batches: the mean of batch means differs only where the last batch is small and
# unlike the others. I begin with what one division can show and end with what needs the single losses.

# %% [markdown] rubric="explanation"
# # Exercise 3: how the explanation is marked
#
# One point for each; numbers are those of the class.
#
# 1. an order with a reason (what can be checked from the number alone comes first)
# 2. two slips with what each leaves behind, with numbers of the class
# 3. says for one slip when it would not show (equal batches, few classes, ...)
#
# **A full answer.**
# First I ask over what was averaged, because that needs no new run: the sum of my class is 90 times the mean, and a number that grows with the size of the set
# gives it away. Then the logarithm: base 10 is the mean divided by 2.303, whatever the network. Then logits or probabilities: softmax twice cannot fall below
# ln(1 + (K − 1)/e), 1.05 for six classes, however good the accuracy. Then batches: the mean of batch means differs only where the last batch is small and
# unlike the others. I begin with what one division can show and end with what needs the single losses.
#
# **An answer in between.** "Sum instead of mean is 90 times too large; base 10 is 2.3 times too small. I would look at these first." Two points: no word on when a slip stays hidden.
#
# **An answer without a point.** "I would retrain with a smaller learning rate." No point: nothing was checked.

# %% [markdown]
# ## What you learnt
#
# Before you explain a strange loss, find out what was computed: over what it was averaged, from logits or probabilities, with which logarithm and which shapes. Each slip leaves a number that you can predict.
