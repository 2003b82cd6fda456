# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Exercise 2 · Loss and accuracy in opposite directions
#
# **Time** about 50 minutes. **You need** lessons 1 and 2, and NumPy. **Points** 14, in six questions, and 3 for an explanation that your teacher marks.
#
# You will build the rare case in which loss and accuracy fall together, prove how far the two may disagree, write the ledger that says who pays,
# use it on a run of your class, and train a small model whose accuracy dips while its loss falls at every step.
#
# **How it works.** Write your answers between the question and its check; keep the names. Each check says whether your answer is right for its
# example, or whether it can be graded, and gives a hint if not. Grading calls your functions with other inputs, so write them for any. You may add cells.

# %%
import numpy as np

from lessonlib import metrics
from lessonlib.comparing import answered, expect, expect_choice, expect_number

CLASS_SEED = 0  # decides the numbers of your class; leave it as it is

# %% [markdown]
# ## Question 1 · Name the quadrant (2 points)
#
# Write `quadrant(labels, before, after)`: `before` and `after` are matrices of probabilities (one row per picture, all above 0), `labels` the true classes.
# Return a pair of words, what the mean cross-entropy does and what the accuracy does: each `"up"`, `"down"` or `"same"`. Changes smaller than 1e-12 count as `"same"`.


# %% answer="quadrant"
def quadrant(labels, before, after):
    """What loss and accuracy do, for example ("up", "same")."""
    labels, before, after = np.asarray(labels), np.asarray(before), np.asarray(after)
    ### BEGIN SOLUTION
    rows = np.arange(len(labels))

    def word(change):
        return "same" if abs(change) < 1e-12 else "up" if change > 0 else "down"

    loss = np.mean(np.log(before[rows, labels]) - np.log(after[rows, labels]))
    hits = np.mean(after.argmax(axis=1) == labels) - np.mean(before.argmax(axis=1) == labels)
    return word(loss), word(hits)
    ### END SOLUTION


# %% check="quadrant" points=2
surer = quadrant([0, 0], [[0.6, 0.4], [0.6, 0.4]], [[0.9, 0.1], [0.9, 0.1]])
expect(
    surer, ["down", "same"], hint="surer and right: the loss falls, accuracy has nothing to gain"
)
flipped = quadrant([0, 1], [[0.6, 0.4], [0.6, 0.4]], [[0.6, 0.4], [0.4, 0.6]])
expect(flipped, ["down", "up"], hint="accuracy counts argmax, the loss is the mean of −ln p(true)")


# %% hidden="quadrant"
def draw(rng):
    def rows(logits):
        return metrics.softmax(logits)

    cases = [([0, 0], [[0.51, 0.49], [0.01, 0.99]], [[0.49, 0.51], [0.49, 0.51]])]
    cases.append(([0, 0], [[0.9, 0.1], [0.45, 0.55]], [[0.9, 0.1], [0.1, 0.9]]))
    cases.append(([2, 1], [[0.2, 0.3, 0.5], [0.3, 0.4, 0.3]], [[0.3, 0.2, 0.5], [0.1, 0.4, 0.5]]))
    cases.append(([1, 0], [[0.3, 0.7], [0.8, 0.2]], [[0.3, 0.7], [0.8, 0.2]]))
    cases.append(
        ([0, 0, 0, 0], [[0.45, 0.55]] * 3 + [[0.2, 0.8]], [[0.55, 0.45]] * 3 + [[1e-6, 1 - 1e-6]])
    )
    for n in (5, 9, 30):
        drawn = rows(rng.normal(size=(n, 4))), rows(2 * rng.normal(size=(n, 4)))
        cases.append((rng.integers(0, 4, n), *drawn))
    return cases


hint = (
    "The mean of −ln p(true class) before and after; the share of rows whose argmax is the label."
)

# %% [markdown]
# ## Question 2 · Build the rare quadrant (3 points)
#
# The pictures all show class 0 of two. `p_before` holds the probability of class 0 for each picture: at least one is above 0.5 (right) and at least one
# is below 0.1 (very wrong). Write `both_down(p_before)`: new probabilities of class 0, as many, each between 0 and 1 and none of them exactly 0.5, such that the **mean loss falls and
# accuracy falls**.


# %% answer="both_down"
def both_down(p_before):
    """New probabilities of the true class, with lower mean loss and lower accuracy."""
    p_before = np.array(p_before, dtype=float)
    ### BEGIN SOLUTION
    p_after = p_before.copy()
    p_after[p_before < 0.1] = 0.49
    smallest_right = np.where(p_before > 0.5, p_before, 2).argmin()
    p_after[smallest_right] = 0.499
    return p_after
    ### END SOLUTION


# %% check="both_down" points=3
start = np.array([0.51, 0.01])
new = np.array(answered(both_down(start)))
expect(
    bool(-np.log(new).mean() < -np.log(start).mean()),
    True,
    hint="who costs most? make it less wrong",
)
expect(
    bool((new > 0.5).mean() < (start > 0.5).mean()),
    True,
    hint="which right answer is cheap to give up?",
)


# %% hidden="both_down"
def draw(rng):
    cases = [([0.51, 0.01],), ([0.7, 0.02],), ([0.9, 0.6, 0.55, 0.05],)]
    for n in (3, 6):
        right, wrong = rng.uniform(0.51, 0.8, n), rng.uniform(0.001, 0.05, n - 1)
        cases.append((np.concatenate([right, wrong]),))
    return cases


def compare(got, expected, p_before):
    p_before, p = np.asarray(p_before), np.asarray(got, dtype=float)
    if p.shape != p_before.shape or not ((p > 0) & (p <= 1) & (p != 0.5)).all():
        return f"Expected {len(p_before)} probabilities, none of them 0.5, got {p.round(3)}."
    loss = np.log(p_before).mean() - np.log(p).mean()
    hits = (p > 0.5).sum() - (p_before > 0.5).sum()
    if loss < 0 and hits < 0:
        return None
    return f"From {p_before.round(3)} the mean loss changes by {loss:+.3f} and the right answers by {hits:+d}; both should fall."


hint = "Lift the very wrong ones nearly to one half: that saves much. Then push one right answer just below it."

# %% [markdown]
# ## Question 3 · How far may they disagree? (2 points)
#
# Two classes. Write `loss_floor(accuracy)`: the number below which the mean loss of no set of answers with this accuracy can be.


# %% answer="loss_floor"
def loss_floor(accuracy):
    """The greatest lower bound of the mean loss, nats."""
    ### BEGIN SOLUTION
    return (1 - accuracy) * np.log(2)
    ### END SOLUTION


# %% check="loss_floor" points=2
expect(loss_floor(1.0), 0.0, hint="if everything is right, how little can it cost?")
expect(loss_floor(0.0), np.log(2), hint="a wrong answer gives the true class at most one half")


# %% hidden="loss_floor"
def draw(rng):
    return [(0.0,), (1.0,), *[(float(a),) for a in rng.uniform(0, 1, 4)]]


hint = "A right answer may cost next to nothing, a wrong one costs at least ln 2; weigh them by their shares."

# %% [markdown]
# ## Question 4 · The ledger (3 points)
#
# Write `ledger(labels, before, after)`, of matrices of probabilities. The change in the **mean** loss is the sum of four parts, one for each group of pictures. Return a dict with the keys
# `"right to right"`, `"right to wrong"`, `"wrong to right"`, `"wrong to wrong"` and the part of each, so that the four add up to the change in mean loss. Do not use `lessonlib.ledger`.


# %% answer="ledger"
def ledger(labels, before, after):
    """The four parts of the change in mean loss, nats."""
    labels, before, after = np.asarray(labels), np.asarray(before), np.asarray(after)
    ### BEGIN SOLUTION
    rows = np.arange(len(labels))
    change = np.log(before[rows, labels]) - np.log(after[rows, labels])
    was, is_now = before.argmax(axis=1) == labels, after.argmax(axis=1) == labels
    groups = {
        "right to right": was & is_now,
        "right to wrong": was & ~is_now,
        "wrong to right": ~was & is_now,
        "wrong to wrong": ~was & ~is_now,
    }
    return {name: change[members].sum() / len(labels) for name, members in groups.items()}
    ### END SOLUTION


# %% check="ledger" points=3
parts = answered(ledger([0, 0], [[0.8, 0.2], [0.4, 0.6]], [[0.8, 0.2], [0.6, 0.4]]))
expect(parts["wrong to right"], np.log(0.4 / 0.6) / 2, hint="the second picture's change, over two")
expect(
    sum(parts.values()), np.log(0.4 / 0.6) / 2, hint="the parts add up to the change in the mean"
)


# %% hidden="ledger"
def draw(rng):
    return [
        (
            rng.integers(0, k, n),
            metrics.softmax(2 * rng.normal(size=(n, k))),
            metrics.softmax(3 * rng.normal(size=(n, k))),
        )
        for n, k in [(1, 2), (12, 3), (60, 10)]
    ]


library = ["lessonlib.ledger.between"]
hint = "Each picture's change divided by the number of ALL pictures; its group is decided by both argmaxes."

# %% [markdown]
# ## Question 5 · Who pays in your class's run? (2 points)
#
# Probabilities for 300 validation pictures of 5 classes, at an early epoch and at the last one.

# %%
numbers = np.random.default_rng([CLASS_SEED, 5])
run_labels = numbers.integers(0, 5, 300)
early_logits = numbers.normal(size=(300, 5)) + 1.3 * np.eye(5)[run_labels]
said = early_logits.argmax(axis=1)
moved = numbers.random(300) < 0.25  # a quarter is answered anew, in each class in its own way
to, sure = [(0, 5.0), (1, 5.0), (0, -0.9)][numbers.integers(0, 3)]
said = np.where(moved, (run_labels + to) % 5, said)
late_logits = 0.5 * early_logits + sure * np.eye(5)[said]
if sure < 0:
    late_logits = 0.12 * early_logits + 0.05 * np.eye(5)[said]
early, late = metrics.softmax(early_logits), metrics.softmax(late_logits)
for name, p in (("early", early), ("late", late)):
    loss = metrics.cross_entropy(run_labels, probabilities=p)
    print(f"{name:5} loss {loss:.3f}, accuracy {metrics.accuracy(run_labels, p):.3f}")

# %% [markdown]
# 1. `loss_change`: the change in mean loss from `early` to `late`.
# 2. `wrong_to_wrong`: the part of it that the pictures contribute that were wrong and stay wrong.
# 3. `story`: which explanation of this run do the numbers bear out?
#    - `"unsure right answers"`: the right answers became less sure;
#    - `"confident errors"`: wrong answers became surer of their error, more than the right ones saved;
#    - `"accuracy lost"`: the loss rose because answers that were right became wrong, mostly.

# %% answer="loss_change, wrong_to_wrong, story"
loss_change = None
wrong_to_wrong = None
story = None
### BEGIN SOLUTION
per_picture = np.log(early[np.arange(300), run_labels]) - np.log(late[np.arange(300), run_labels])
stays_wrong = (early.argmax(1) != run_labels) & (late.argmax(1) != run_labels)
loss_change = per_picture.mean()
wrong_to_wrong = per_picture[stays_wrong].sum() / 300
right_before, right_now = early.argmax(1) == run_labels, late.argmax(1) == run_labels
parts = {
    "unsure right answers": per_picture[right_before & right_now].sum(),
    "confident errors": per_picture[stays_wrong].sum(),
    "accuracy lost": per_picture[right_before & ~right_now].sum(),
}
story = max(parts, key=parts.get)
### END SOLUTION

# %% check="loss_change, wrong_to_wrong, story" points=2
expect_number(loss_change, -3, 3, hint="mean of −ln p(true class), late minus early")
expect_number(wrong_to_wrong, -3, 3, hint="the sum over these pictures, divided by all 300")
stories = ["unsure right answers", "confident errors", "accuracy lost"]
expect_choice(story, stories, hint="compare the four parts of the ledger")

# %% hidden="loss_change, wrong_to_wrong, story"
hint = "Use your ledger: its parts divide by all 300 pictures; then see which part is the largest."

# %% [markdown]
# ## Question 6 · Loss falls at every step, accuracy dips (2 points)
#
# One number to learn, the threshold t of a logistic model on a line: `p(class 1) = sigmoid(2 (x − t))`. Far out on the right lie ten outliers of class 0.

# %%
numbers = np.random.default_rng([CLASS_SEED, 6])
line_x = np.concatenate([numbers.normal(-1, 0.6, 40), numbers.normal(1, 0.6, 40), np.full(10, 7.0)])
line_y = np.repeat([0, 1, 0], [40, 40, 10])

# %% [markdown]
# Write `descend(x, y, start, rate, n_steps)`: plain gradient descent on the **mean** cross-entropy, from `t = start`. Return two lists with `n_steps + 1` numbers, the loss and the accuracy
# (right if p(class 1) > 0.5 exactly for y = 1) **before each step and after the last**. The slope of the mean loss with respect to t is `mean of −2 (p − y)`.


# %% answer="descend"
def descend(x, y, start, rate, n_steps):
    """Losses and accuracies along gradient descent, each of length n_steps + 1."""
    x, y = np.asarray(x, dtype=float), np.asarray(y)
    ### BEGIN SOLUTION
    t, losses, accuracies = start, [], []
    for _ in range(n_steps + 1):
        scores = 2 * (x - t)
        losses.append(np.mean(np.logaddexp(0, scores) - y * scores))
        accuracies.append(np.mean((scores > 0) == (y == 1)))
        p = 1 / (1 + np.exp(-scores))
        t = t - rate * np.mean(-2 * (p - y))
    return losses, accuracies
    ### END SOLUTION


# %% check="descend" points=2
path = answered(descend(line_x, line_y, -0.2, 0.2, 60))
expect(np.shape(path), (2, 61), hint="the start counts, too: n_steps + 1 numbers in each list")
expect(
    bool((np.diff(path[0]) < 0).all()), True, hint="t − rate × slope; the loss falls at every step"
)
print(
    f"accuracy: {path[1][0]:.3f} at the start, {max(path[1]):.3f} at best, {path[1][-1]:.3f} at the end"
)


# %% hidden="descend"
def draw(rng):
    return [
        (rng.normal(size=n), rng.integers(0, 2, n), float(rng.normal()), 0.2, steps)
        for n, steps in [(10, 3), (25, 40)]
    ]


hint = "Record loss and accuracy at t first, then step with the mean slope; n_steps steps give n_steps + 1 records."

# %% [markdown]
# ## In your own words (3 points)
#
# Explain to somebody who only sees the two curves of your class's run (question 5) what happened between the early and the late epoch. Use at least two parts
# of your ledger, and name one other story that fits the two curves and that your ledger excludes. Four to eight sentences. Your teacher reads and marks them;
# no program does.

# %% [markdown] explain="explanation" points=3
# The loss rose and the accuracy moved, and that alone fits several stories. In my class's ledger the largest part is the one of my `story`: its pictures
# contribute more than the three other groups together. For the story "confident errors" the pictures that were wrong and stay wrong contribute nearly the whole
# rise, while right answers that stay right contribute a little fall. The story that the right answers became unsure fits the same curves, but then the part
# right to right would be positive and large; in my ledger it is not. So I can exclude it from the ledger, not from the curves.

# %% [markdown] rubric="explanation"
# # Exercise 2: how the explanation is marked
#
# One point for each; numbers are those of the class.
#
# 1. names the largest part of the ledger and its size, and that the parts add up to the change
# 2. tells what these pictures did (became surer, unsure, or changed sides), as the class's data have it
# 3. names a rival story and the part of the ledger that excludes it
#
# **A full answer.**
# The loss rose and the accuracy moved, and that alone fits several stories. In my class's ledger the largest part is the one of my `story`: its pictures
# contribute more than the three other groups together. For the story "confident errors" the pictures that were wrong and stay wrong contribute nearly the whole
# rise, while right answers that stay right contribute a little fall. The story that the right answers became unsure fits the same curves, but then the part
# right to right would be positive and large; in my ledger it is not. So I can exclude it from the ledger, not from the curves.
#
# **An answer in between.** "Most of the change comes from wrong to wrong, 1.35 of 1.67, so errors became confident." Two points: no rival story.
#
# **An answer without a point.** "The loss rose because the network overfits." No point: a name, no part of the ledger.

# %% [markdown]
# ## What you learnt
#
# All four combinations occur. Accuracy bounds the loss from below and not from above. When both rise, open the ledger of the change before you explain it.
# And a loss that falls at every step promises nothing about accuracy.
