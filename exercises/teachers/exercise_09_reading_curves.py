# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Exercise 9 · Reading curves
#
# **Time** about 50 minutes. **You need** lessons 5 and 9, and NumPy. **Points** 15, in six questions, and 3 for an explanation that your teacher marks.
#
# You will put numbers on the four questions of lesson 9 (compared with what? finished? on how many? the same question?), find out why four runs of your class stay
# near 60 %, and tell a dead network from one that has hardly begun.
#
# **How it works.** Write your answers between the question and its check; keep the names. Each check says whether your answer is right for its
# example, or whether it can be graded, and gives a hint if not. Grading calls your functions with other inputs, so write them for any. You may add cells.

# %%
import numpy as np

from lessonlib.comparing import answered, expect, expect_choice, expect_number
from lessonlib.course import known_causes

CLASS_SEED = 0  # decides the numbers of your class; leave it as it is

# %% [markdown]
# ## Question 1 · Compared with what? (2 points)
#
# Write `knowing_nothing(counts)`: how many validation examples of each class there are (some classes may have none). Return a pair: the loss, in nats, of whoever says the
# **class shares** to every example, and the accuracy of that answer.


# %% answer="knowing_nothing"
def knowing_nothing(counts):
    """Loss (nats) and accuracy of whoever knows the class shares and nothing else."""
    counts = np.asarray(counts, dtype=float)
    ### BEGIN SOLUTION
    shares = counts[counts > 0] / counts.sum()
    return -np.sum(shares * np.log(shares)), shares.max()
    ### END SOLUTION


# %% check="knowing_nothing" points=2
expect(knowing_nothing([5, 5]), [np.log(2), 0.5], hint="two even classes cost ln 2")
rare = -0.75 * np.log(0.75) - 0.25 * np.log(0.25)
expect(knowing_nothing([30, 10]), [rare, 0.75], hint="an example of a class costs −ln of its share")


# %% hidden="knowing_nothing"
def draw(rng):
    drawn = [([int(n) for n in rng.integers(1, 500, k)],) for k in (2, 5, 12)]
    return [*drawn, ([90, 10],), ([7, 0, 3],), ([4],)]


hint = "The entropy of the shares: each class's share times −ln of it, 0 for an empty class; and the largest share."

# %% [markdown]
# ## Question 2 · Finished? (2 points)
#
# Adam moves a weight by about the learning rate in each step, however steep the slope. Write `epochs_needed(start, target, rate, n_train, batch_size)`: the smallest number of
# **epochs** after which a weight that moves by the rate in every step can have come from `start` to `target`. The last batch of an epoch may be smaller, and is a step too.


# %% answer="epochs_needed"
def epochs_needed(start, target, rate, n_train, batch_size):
    """The smallest number of epochs that the travel budget allows."""
    ### BEGIN SOLUTION
    steps = int(np.ceil(n_train / batch_size))
    return int(np.ceil(abs(target - start) / (rate * steps)))
    ### END SOLUTION


# %% check="epochs_needed" points=2
expect(epochs_needed(0.0, 1.0, 0.3, 100, 50), 2, hint="two steps of 0.3 in each epoch")
expect(epochs_needed(0.0, -1.0, 0.3, 101, 50), 2, hint="the rest of 1 example is a third step")


# %% hidden="epochs_needed"
def draw(rng):
    cases = [(0.5, 2.0, 0.001, 100, 32), (2.0, -1.03, 0.01, 64, 64)]
    for n, size in [(1000, 32), (250, 100), (7, 50)]:
        cases.append((float(rng.normal()), float(3 + rng.random()), 0.0031, n, size))
    return cases


hint = "Distance over (rate × steps per epoch), both rounded up: the batches of an epoch, and the epochs."

# %% [markdown]
# ## Question 3 · On how many examples? (3 points)
#
# The loss of each validation example after each epoch was kept: `losses` has the shape (n_epochs, n_val). Somebody with a validation set of only `size` examples would have seen one window of
# it. Write `rises(losses, size)`: cut the examples into windows of this size, in order and without overlap (an incomplete one at the end is left out), and return for each window how far its mean
# loss **ends above its own lowest value**, as a share of the lowest.


# %% answer="rises"
def rises(losses, size):
    """Rise of the mean loss over its minimum, one number for each window."""
    losses = np.asarray(losses, dtype=float)
    ### BEGIN SOLUTION
    found = []
    for start in range(0, losses.shape[1] - size + 1, size):
        curve = losses[:, start : start + size].mean(axis=1)
        found.append(curve[-1] / curve.min() - 1)
    return found
    ### END SOLUTION


# %% check="rises" points=3
small = [[4, 2, 2, 2, 9], [2, 2, 1, 1, 9], [4, 2, 1, 1, 9]]
expect(
    rises(small, 2), [0.5, 0.0], hint="means 3, 2, 3 and 2, 1, 1; the fifth example is left over"
)
expect(np.shape(answered(rises(np.ones((3, 12)), 4))), (3,), hint="12 examples: three windows of 4")


# %% hidden="rises"
def draw(rng):
    return [
        (rng.exponential(1.0, (epochs, n)), size)
        for epochs, n, size in [(5, 12, 4), (8, 50, 7), (20, 100, 100), (3, 6, 1)]
    ]


hint = "Mean over the examples of the window first, then last epoch over lowest epoch, minus 1: windows cut examples, not epochs."

# %% [markdown]
# ## Question 4 · The same question? (3 points)
#
# Three files of your class, 1,000 rows each, were split in the order of the file: the first 800 rows to train, the last 200 to validate. For each row you have its class and whether a network, trained
# on *other* files of this kind, answers it as labelled (`right`, 0 or 1).

# %% data="files"
numbers = np.random.default_rng([CLASS_SEED, 4])
files = []
for n_right in numbers.permutation([40, 130, 179]):
    row_class = numbers.integers(0, 5, 1000)
    row_class = np.sort(row_class) if n_right == 40 else row_class
    first = numbers.permutation(np.arange(800) < 720 + numbers.integers(-9, 10))
    last = numbers.permutation(np.arange(200) < n_right + numbers.integers(-2, 3))
    files.append((row_class, np.concatenate([first, last]).astype(int)))

# %%
for row_class, right in files:
    print(f"{right.mean():.1%} right in all; classes {np.bincount(row_class)}")

# %% [markdown]
# 1. `gaps`: for each file the accuracy on the first 800 rows minus that on the last 200, **in standard errors of this difference**: √(p₁(1 − p₁)/800 + p₂(1 − p₂)/200).
# 2. `troubles`: for each file one of `"same question"` (the gap is within three standard errors), `"other classes"` (it is not, and the last rows hold other classes than the first), `"other labels"` (it is
#    not, and the classes are the same).

# %% answer="gaps, troubles"
gaps = [None] * 3
troubles = [None] * 3
### BEGIN SOLUTION
gaps, troubles = [], []
for row_class, right in files:
    before, after = right[:800].mean(), right[800:].mean()
    error = np.sqrt(before * (1 - before) / 800 + after * (1 - after) / 200)
    gaps.append((before - after) / error)
    if abs(gaps[-1]) < 3:
        troubles.append("same question")
    else:
        alike = set(row_class[:800]) == set(row_class[800:])
        troubles.append("other labels" if alike else "other classes")
### END SOLUTION

# %% check="gaps, troubles" points=3
expect_number(gaps, -5, 40, hint="difference of accuracies over its standard error", length=3)
expect_choice(
    troubles,
    ["same question", "other classes", "other labels"],
    hint="first the gap in standard errors; then np.bincount of the classes in both parts",
)

# %% hidden="gaps, troubles"
hint = "Two parts, two accuracies, each with its own number of rows; only then ask which classes the last rows hold."

# %% [markdown]
# ## Question 5 · Four runs near 60 % (3 points)
#
# Validation accuracy of four runs of your class is near 60 % (one of them is a little better).

# %% data="runs"
troubled = ["too simple", "tiny features", "noise ceiling", "too little data"]
runs = known_causes.ward(troubled, [CLASS_SEED, 5])

# %%
for letter, run in runs.items():
    last = ", ".join(f"{name} {run[name][-1]:.3f}" for name in known_causes.LOGGED)
    shares = ", ".join(f"{share:.2f}" for share in run.provenance["class_shares"])
    print(f"{letter}: {run.n_epochs} epochs; at the end {last}; class shares {shares}")

# %% [markdown]
# Look at the curves (`known_causes.look(runs["A"])` in a cell of your own), then ask of each run: is the loss below what knowing nothing costs? Do training and validation agree? Is it still falling?
#
# 1. `below`: for A, B, C and D what knowing nothing costs (from `run.provenance["class_shares"]`) minus the validation loss at the end, in nats.
# 2. `needs`: for each of them one of `"bigger model"`, `"more epochs"`, `"more data"`, `"nothing helps"`. Each fits one run.

# %% answer="below, needs"
below = [None] * 4
needs = [None] * 4
### BEGIN SOLUTION
below, needs = [], []
for run in runs.values():
    shares = np.array(run.provenance["class_shares"])
    below.append(-np.sum(shares * np.log(shares)) - run["val_loss"][-1])
    if run["train_accuracy"][-1] - run["val_accuracy"][-1] > 0.12:
        needs.append("more data")
    elif below[-1] < 0.03:
        needs.append("bigger model")
    else:
        needs.append("more epochs" if below[-1] < 0.3 else "nothing helps")
### END SOLUTION

# %% check="below, needs" points=3
expect_number(below, -5, 3, hint="entropy of the shares minus run['val_loss'][-1]", length=4)
expect_choice(
    needs,
    ["bigger model", "more epochs", "more data", "nothing helps"],
    hint="nothing learnt; a gap; still falling; flat together far below knowing nothing",
)

# %% hidden="below, needs"
tolerance = 0.01
hint = "At the cost of knowing nothing: no capacity. A gap: few data. Below and still falling: unfinished. Far below, flat, together: a ceiling."

# %% [markdown]
# ## Question 6 · Dead, or hardly begun? (2 points)
#
# The loss of a network lies at ln K. A rate that is far too low does that, and so does one that is far too high. Write `state(loss, logits)`: the validation loss in nats and the
# logits, shape (n_pictures, K). Return `"learns"` if the loss is more than 0.1 below ln K. Else return `"dead"` if the network says the same to **every picture** (in each column the logits differ by
# less than 0.001), and `"alive"` if not.


# %% answer="state"
def state(loss, logits):
    """One of "learns", "dead", "alive"."""
    logits = np.asarray(logits, dtype=float)
    ### BEGIN SOLUTION
    if loss < np.log(logits.shape[1]) - 0.1:
        return "learns"
    return "dead" if np.ptp(logits, axis=0).max() < 1e-3 else "alive"
    ### END SOLUTION


# %% check="state" points=2
same = np.tile([0.3, -0.2, 0.1], (5, 1))
expect(state(np.log(3), same), "dead", hint="every picture gets the same three logits")
expect(state(0.4, 5 * np.eye(3)), "learns", hint="compare the loss with ln K")


# %% hidden="state"
def draw(rng):
    def constant(k):
        return np.tile(3 * rng.normal(size=k), (20, 1)) + 1e-5 * rng.normal(size=(20, k))

    def small(k):
        return 0.01 * rng.normal(size=(20, k))

    cases = [(float(np.log(k)) + 0.02, make(k)) for k in (3, 10) for make in (constant, small)]
    one_column = np.zeros((20, 4))
    one_column[:, 2] = 0.05 * rng.normal(size=20)
    cases += [(1.38, one_column), (2.5, constant(10)), (0.9, 3 * rng.normal(size=(20, 5)))]
    return [*cases, (0.68, small(2)), (1.5, 2 * rng.normal(size=(20, 10)))]


hint = "Down each column, over the pictures: a dead network's logits differ between classes, not between pictures."

# %% [markdown]
# ## In your own words (3 points)
#
# Two of your four runs near 60 % (question 5) need opposite things. Choose two, say which numbers separate them, and what would have happened if you had
# swapped their remedies. Four to eight sentences. Your teacher reads and marks them; no program does.

# %% [markdown] explain="explanation" points=3
# I choose the run that needs more data and the run where nothing helps. Both validate near 60 %. The first has a training accuracy far above its validation
# accuracy, and its loss is above what knowing nothing costs (below is −0.4): it learnt its few examples by heart. The second has no gap, its loss is far below
# knowing nothing (1.57 nats) and has stopped falling: the labels or inputs do not say more. More data for the second would change nothing but the interval;
# accepting the first as a ceiling would give up points that more data bring.

# %% [markdown] rubric="explanation"
# # Exercise 9: how the explanation is marked
#
# One point for each; numbers are those of the class.
#
# 1. names two runs with the numbers that separate them (gap, below, still falling)
# 2. draws the cause from the numbers, not from the accuracy
# 3. says what the swapped remedies would have done
#
# **A full answer.**
# I choose the run that needs more data and the run where nothing helps. Both validate near 60 %. The first has a training accuracy far above its validation
# accuracy, and its loss is above what knowing nothing costs (below is −0.4): it learnt its few examples by heart. The second has no gap, its loss is far below
# knowing nothing (1.57 nats) and has stopped falling: the labels or inputs do not say more. More data for the second would change nothing but the interval;
# accepting the first as a ceiling would give up points that more data bring.
#
# **An answer in between.** "A has a gap and D has none, so A needs data and D is at the ceiling." Two points: no swapped remedy.
#
# **An answer without a point.** "Both have 60 %, so both need a bigger model." No point.

# %% [markdown]
# ## What you learnt
#
# Four questions, four numbers: the entropy of the class shares, the travel budget, the rises that other windows would have shown, the gap in standard errors. With them, four runs that all stay
# near 60 % tell four different stories, and a flat line at ln K two.
