# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Exercise 1 · What loss and accuracy measure
#
# **Time** about 45 minutes. **You need** lesson 1 and a little NumPy. **Points** 16, in seven questions, and 3 for an explanation that your teacher marks.
#
# You will compute both measures so that they survive large logits, find the mark that a common bug leaves in a log, build the
# dearest right answer there is, and explain why the same answers can cost more or less.
#
# **How it works.** Write your answers between the question and its check; keep the names. Each check says whether your answer is right for its
# example, or whether it can be graded, and gives a hint if not. Grading calls your functions with other inputs, so write them for any. You may add cells.
# A question that you leave out costs its points and nothing else.

# %%
import numpy as np

from lessonlib.comparing import answered, expect, expect_choice, expect_number

CLASS_SEED = 0  # decides the numbers of your class; leave it as it is

# %% [markdown]
# ## Question 1 · Softmax for any logits (2 points)
#
# Write `softmax(logits)`: a matrix of logits, one row per picture, becomes a matrix of probabilities of the same shape. Use NumPy, not a ready-made softmax.
# It must work for logits in the thousands, as networks that were trained too long produce them.


# %% answer="softmax"
def softmax(logits):
    """Probabilities of each row of logits; an array of shape (n_pictures, n_classes)."""
    logits = np.asarray(logits, dtype=float)
    ### BEGIN SOLUTION
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
    ### END SOLUTION


# %% check="softmax" points=2
expect(softmax([[0, 0], [np.log(9), 0]]), [[0.5, 0.5], [0.9, 0.1]], hint="each row sums to one")
expect(softmax([[1000, 0]]), [[1, 0]], hint="exp(1000) is too large; what may you subtract first?")


# %% hidden="softmax"
def draw(rng):
    shapes = [(1, 4, 3), (5, 1, 2), (900, 5, 10)]
    far_apart = rng.normal(size=(3, 4)) + np.array([[3000], [0], [-3000]])
    return [(far_apart,), *((scale * rng.normal(size=(n, k)),) for scale, n, k in shapes)]


library = ["lessonlib.metrics.softmax", "lessonlib.metrics.log_softmax"]
hint = "Each row on its own; subtract the row's largest logit before you take exponentials."

# %% [markdown]
# ## Question 2 · Both measures (2 points)
#
# Write `loss_and_accuracy(labels, logits)`: the mean cross-entropy in nats and the accuracy, as a pair of numbers. `labels` holds the number of the true class of
# each picture. Again logits may be large: a very confident error must cost a lot, not infinitely much.


# %% answer="loss_and_accuracy"
def loss_and_accuracy(labels, logits):
    """Mean cross-entropy (nats) and accuracy (share of right answers)."""
    labels, logits = np.asarray(labels), np.asarray(logits, dtype=float)
    ### BEGIN SOLUTION
    largest = logits.max(axis=1)
    log_sum = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
    losses = log_sum - logits[np.arange(len(labels)), labels]
    return losses.mean(), np.mean(logits.argmax(axis=1) == labels)
    ### END SOLUTION


# %% check="loss_and_accuracy" points=2
two = loss_and_accuracy([0, 1], np.log([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]]))
expect(
    two, [1.5 * np.log(2), 0.5], hint="minus the natural logarithm of p(true class), then the mean"
)
expect(
    loss_and_accuracy([1], [[2000, 0]]),
    [2000, 0],
    hint="ln p = logit − ln(sum of exp); do not form p",
)


# %% hidden="loss_and_accuracy"
def draw(rng):
    shapes = [(1, 6, 3), (2, 40, 10), (800, 8, 4)]
    drawn = [(rng.integers(0, k, n), scale * rng.normal(size=(n, k))) for scale, n, k in shapes]
    right_and_unsure = (np.array([2, 0]), rng.uniform(0, 0.1, (2, 3)) + 0.2 * np.eye(3)[[2, 0]])
    return [*drawn, right_and_unsure]


library = ["lessonlib.metrics.cross_entropy", "lessonlib.metrics.cross_entropy_per_example"]
library += ["lessonlib.metrics.log_softmax"]
hint = "Mean over the pictures of −ln p(true class), from log-softmax; accuracy compares argmax with the label."

# %% [markdown]
# ## Question 3 · The floor of a bug (2 points)
#
# Somebody applies softmax to probabilities, as if they were logits, and takes the cross-entropy of the result. Write `floor(n_classes)`: the lowest loss that this
# can report, that of a network which gives the true class all the probability.


# %% answer="floor"
def floor(n_classes):
    """The lowest loss that a double softmax reports, nats."""
    ### BEGIN SOLUTION
    return np.log(1 + (n_classes - 1) / np.e)
    ### END SOLUTION


# %% check="floor" points=2
expect(floor(2), np.log(np.e + 1) - 1, hint="softmax of [1, 0]: what does the first class get?")


# %% hidden="floor"
def draw(rng):
    return [(2,), (10,), *[(int(k),) for k in rng.integers(3, 1000, size=3)]]


library = ["lessonlib.metrics.double_softmax_floor"]
hint = "The scores are one 1 and K − 1 zeros; softmax gives the true class e / (e + K − 1)."

# %% [markdown]
# ## Question 4 · Read six logs (3 points)
#
# Six people report their *training* accuracy and loss at the end of training. Each used K balanced classes. They are the numbers of your class:

# %% data="logs"
numbers = np.random.default_rng([CLASS_SEED, 4])
kinds = numbers.permutation(["double", "double", "confident", "confident", "unsure", "right"])
logs = []
for kind, k in zip(kinds, numbers.permutation([5, 10, 20, 50, 100, 200]).tolist()):
    floor_of_k = np.log(1 + (k - 1) / np.e)
    loss = {"double": floor_of_k + 0.004, "confident": 1.4 * np.log(k)}.get(kind, 0.6 * np.log(k))
    accuracy = 1.0 if kind in ("double", "right") else 0.62
    logs.append((k, accuracy, round(float(loss), 3)))

# %%
for k, accuracy, loss in logs:
    print(f"K = {k:3}: accuracy {accuracy:.2f}, loss {loss:.3f}, ln K {np.log(k):.3f}")

# %% [markdown]
# Decide for each, in this order, what the two numbers prove:
#
# - `"double softmax"`: everything is right and the loss stands on the floor of question 3;
# - `"confident errors"`: no unsure right answers can explain it, wrong answers must have cost more than ln K;
# - `"cannot tell"`: neither is proved.
#
# Write the six words into the list `verdicts`.

# %% answer="verdicts"
verdicts = [None] * 6
### BEGIN SOLUTION
verdicts = []
for k, accuracy, loss in logs:
    if accuracy > 0.99 and abs(loss - np.log(1 + (k - 1) / np.e)) < 0.01:
        verdicts.append("double softmax")
    else:
        verdicts.append("confident errors" if loss > np.log(k) else "cannot tell")
### END SOLUTION

# %% check="verdicts" points=3
expect_choice(
    verdicts,
    ["double softmax", "confident errors", "cannot tell"],
    hint="six words, one for each log: a mean above ln K needs an answer that costs more than ln K",
    length=6,
)

# %% hidden="verdicts"
hint = "A right answer costs at most ln K, so only a mean above ln K proves confident errors."

# %% [markdown]
# ## Question 5 · Build the dearest right answer (2 points)
#
# Write `dearest_right(n_classes)`: the probabilities of one picture, as a list or vector, such that the answer is **right** (class 0 is true, and its probability is
# higher than each other one) and costs more than `ln K − 0.01`.


# %% answer="dearest_right"
def dearest_right(n_classes):
    """Probabilities of a right answer that costs nearly ln K; the true class is number 0."""
    ### BEGIN SOLUTION
    probabilities = np.full(n_classes, (1 - 1e-4 / n_classes) / n_classes)
    probabilities[0] = 1 - probabilities[1:].sum()
    return probabilities
    ### END SOLUTION


# %% check="dearest_right" points=2
p = np.array(answered(dearest_right(4)))
expect(p.sum(), 1, hint="probabilities sum to one")
expect(bool((p[0] > p[1:]).all()), True, hint="class 0 must win, by however little")
expect(
    bool(-np.log(p[0]) > np.log(4) - 0.01), True, hint="how little may class 0 get and still win?"
)


# %% hidden="dearest_right"
def draw(rng):
    return [(2,), (3,), *[(int(k),) for k in rng.integers(4, 200, size=3)]]


def compare(got, expected, n_classes):
    p = np.asarray(got, dtype=float)
    if p.shape != (n_classes,) or (p < 0).any() or abs(p.sum() - 1) > 1e-6:
        return f"Expected {n_classes} probabilities that sum to one, got {p.round(4)}."
    if not (p[0] > p[1:]).all():
        return f"The answer is not right: class 0 gets {p[0]:.6f}, another one {p[1:].max():.6f}."
    if -np.log(p[0]) < np.log(n_classes) - 0.01:
        return f"K = {n_classes}: it costs {-np.log(p[0]):.4f}, less than ln K − 0.01 = {np.log(n_classes) - 0.01:.4f}."
    return None


hint = "Nearly the same probability for all classes, and a very little more for class 0."

# %% [markdown]
# ## Question 6 · The slope that training follows (2 points)
#
# Write `gradient(labels, logits)`: the derivative of the **mean** cross-entropy with respect to each logit, a matrix of the same shape as the logits.


# %% answer="gradient"
def gradient(labels, logits):
    """Derivative of the mean cross-entropy by each logit, shape (n_pictures, n_classes)."""
    labels, logits = np.asarray(labels), np.asarray(logits, dtype=float)
    ### BEGIN SOLUTION
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    one_hot = np.eye(logits.shape[1])[labels]
    return (probabilities - one_hot) / len(labels)
    ### END SOLUTION


# %% check="gradient" points=2
slope = answered(gradient([0, 1], [[0.0, 0.0], [0.0, 0.0]]))
expect(np.shape(slope), (2, 2), hint="one number for each logit")
expect(np.sum(slope, axis=1), [0, 0], hint="adding a constant to a row changes nothing")
expect(slope[0], [-0.25, 0.25], hint="nudge a logit of picture 0 by 0.001: what does the mean do?")


# %% hidden="gradient"
def draw(rng):
    return [(rng.integers(0, k, n), rng.normal(size=(n, k))) for n, k in [(1, 2), (5, 3), (12, 10)]]


library = ["lessonlib.metrics.cross_entropy_gradient"]
hint = "Probability minus one-hot label, (p − y), divided by the number of pictures: nudge a logit and compare."

# %% [markdown]
# ## Question 7 · Same answers, another loss (3 points)
#
# A network answered the 200 pictures below. All its logits are multiplied by the same number, one of `scales`.

# %%
numbers = np.random.default_rng([CLASS_SEED, 7])
n_pictures, n_kinds = 200, 4
true_class = numbers.integers(0, n_kinds, n_pictures)
right_or_not = numbers.random(n_pictures) < 0.7
said = np.where(right_or_not, true_class, (true_class + 1) % n_kinds)
network = 4.0 * np.eye(n_kinds)[said] + 0.5 * numbers.normal(size=(n_pictures, n_kinds))
scales = np.round(np.arange(0.1, 3.01, 0.1), 1)

# %% [markdown]
# 1. `best_scale`: the scale with the lowest mean cross-entropy.
# 2. `accuracy_gain`: the accuracy at that scale minus the accuracy at scale 1.
# 3. `reason`: why is the lowest loss where it is? One of
#    - `"fewer errors"`: there the network makes fewer errors;
#    - `"confidence fits"`: there it is about as sure as it is often right;
#    - `"more confidence"`: a surer network always costs less;
#    - `"less confidence"`: a less sure network always costs less.

# %% answer="best_scale, accuracy_gain, reason"
best_scale = None
accuracy_gain = None
reason = None
### BEGIN SOLUTION
losses, accuracies = [], []
for scale in scales:
    shifted = scale * network - (scale * network).max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    losses.append(-log_p[np.arange(n_pictures), true_class].mean())
    accuracies.append(np.mean((scale * network).argmax(axis=1) == true_class))
best_scale = scales[np.argmin(losses)]
accuracy_gain = accuracies[np.argmin(losses)] - accuracies[list(scales).index(1.0)]
reason = "confidence fits"
### END SOLUTION

# %% check="best_scale, accuracy_gain, reason" points=3
expect_number(
    best_scale, 0.1, 3, hint="the loss at each of the scales, then the place of the smallest"
)
expect_number(
    accuracy_gain, -1, 1, hint="can a common positive factor change which logit is highest?"
)
expect_choice(
    reason,
    ["fewer errors", "confidence fits", "more confidence", "less confidence"],
    hint="compare the loss at the smallest and at the largest scale with the lowest",
)

# %% hidden="best_scale, accuracy_gain, reason"
hint = "Compute the mean loss at every scale; the order of the logits in a row never changes."

# %% [markdown]
# ## In your own words (3 points)
#
# Take your `best_scale`. Somebody says: "The loss fell, so the network got better." Is that so? Say what changed and what did not, with two numbers of your
# class, and what would have to happen for the accuracy to change. Four to eight sentences. Your teacher reads and marks them; no program does.

# %% [markdown] explain="explanation" points=3
# The scale multiplies all logits of a picture by the same positive number, so their order stays and with it every answer: the accuracy is the same at scale 1
# and at my best scale (gain 0). What changes is the confidence. At scale 1 the network is right in about 70 % of the pictures but gives its answers more than
# 90 %, so the wrong ones are costly; at my best scale the confidence is near 70 % and the mean loss is lowest. The network knows no more than before; it claims
# less. The accuracy would change only if the order of two logits of one picture changed, which no positive factor does.

# %% [markdown] rubric="explanation"
# # Exercise 1: how the explanation is marked
#
# One point for each; numbers are those of the class.
#
# 1. names what stays: the order of the logits, so every answer and the accuracy (gain 0)
# 2. names what changes: confidence comes near the share of right answers, with numbers of the class
# 3. answers the claim: a lower loss, no more knowledge; says what would move accuracy (another order of logits)
#
# **A full answer.**
# The scale multiplies all logits of a picture by the same positive number, so their order stays and with it every answer: the accuracy is the same at scale 1
# and at my best scale (gain 0). What changes is the confidence. At scale 1 the network is right in about 70 % of the pictures but gives its answers more than
# 90 %, so the wrong ones are costly; at my best scale the confidence is near 70 % and the mean loss is lowest. The network knows no more than before; it claims
# less. The accuracy would change only if the order of two logits of one picture changed, which no positive factor does.
#
# **An answer in between.** "The best scale makes the network less confident, and the loss is lower then. The accuracy is the same." Two points: true, but no reason why the order decides, and the claim is not answered.
#
# **An answer without a point.** "A smaller scale gives fewer errors, so the loss is lower." No point: it contradicts the learner's own accuracy gain.

# %% [markdown]
# ## What you learnt
#
# Loss and accuracy look at different things in the same logits: accuracy at their order, the loss at the probability of the true class. You can tell from two
# numbers when right answers cannot explain a loss, and when a bug can.
