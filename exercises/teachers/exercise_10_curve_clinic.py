# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Exercise 10 · The curve clinic
#
# **Time** about 60 minutes. **You need** lessons 5, 9 and 10, and NumPy. **Points** 16, in seven questions, and 3 for an explanation that your teacher marks.
#
# Ten runs of strangers, trained for your class, and none of them in lesson 10. You will write two instruments, tell rivals apart that share most of their evidence, visit a ward of four
# and say what to do first, and compute what a gain on a short test is worth.
#
# **How it works.** Write your answers between the question and its check; keep the names. Each check says whether your answer is right for its
# example, or whether it can be graded, and gives a hint if not. Grading calls your functions with other inputs, so write them for any. You may add cells. The program
# that trains the strangers' runs can be read (`lessonlib/course/known_causes.py`); who reads it before the diagnosis has done another exercise.

# %%
import numpy as np

from lessonlib.comparing import expect, expect_choice, expect_number
from lessonlib.course import known_causes

CLASS_SEED = 0  # decides the numbers of your class; leave it as it is


# %%
def show_ends(runs):
    """Print how the runs begin and end."""
    for letter, run in runs.items():
        about = run.provenance
        print(f"{letter}: {run.n_epochs} epochs, {about['n_val']} validation examples, ", end="")
        print(f"largest class {max(about['class_shares']):.2f} of {about['n_classes']}")
        for name in known_causes.LOGGED:
            print(f"   {name:15} {run[name][0]:7.3f} ... {run[name][-1]:7.3f}")


# %% [markdown]
# ## Question 1 · An instrument for losses that turn (2 points)
#
# Write `since_lowest(val_loss, val_accuracy, n_val)`. Both curves have one value per epoch, the accuracy as a share. Return three numbers: the **epoch** of the lowest loss (the first epoch is 1; the earlier
# one if two are equal), the **rise** of the loss from there to the end as a share of the lowest, and the change of the **accuracy** from that epoch to the end in standard errors: divided by
# √(p₁(1 − p₁)/n + p₂(1 − p₂)/n).


# %% answer="since_lowest"
def since_lowest(val_loss, val_accuracy, n_val):
    """Epoch of the lowest loss, rise as a share, change of accuracy in standard errors."""
    val_loss, val_accuracy = np.asarray(val_loss), np.asarray(val_accuracy)
    ### BEGIN SOLUTION
    low = int(val_loss.argmin())
    before, after = val_accuracy[low], val_accuracy[-1]
    error = np.sqrt((before * (1 - before) + after * (1 - after)) / n_val)
    return low + 1, val_loss[-1] / val_loss[low] - 1, (after - before) / error
    ### END SOLUTION


# %% check="since_lowest" points=2
expect(
    since_lowest([1.0, 0.5, 0.6], [0.3, 0.5, 0.5], 100),
    [2, 0.2, 0.0],
    hint="lowest in epoch 2; 0.6 is a fifth more than 0.5; the accuracy has not moved since",
)


# %% hidden="since_lowest"
def draw(rng):
    cases = [([0.9, 0.7, 0.7, 0.8], [0.5, 0.6, 0.7, 0.65], 400)]
    for epochs, n in [(6, 50), (20, 1000), (3, 200)]:
        cases.append((rng.uniform(0.3, 2, epochs), rng.uniform(0.2, 0.9, epochs), n))
    return cases


hint = "Epoch of the lowest loss from 1; last over lowest minus 1; difference of accuracies over the root of the sum of both variances."

# %% [markdown]
# ## Question 2 · Two losses that rise (2 points)
#
# Draw the curves of a run with `known_causes.look(rising["A"])`, in a cell of your own; `rising["A"]["val_loss"]` holds the numbers.
#
# Two runs with two classes. In both the validation loss turns and rises. In one of them the errors became confident while the network went on learning; the other one really overfits.

# %% data="rising"
rising = known_causes.ward(["confident errors", "overfitting"], [CLASS_SEED, 2])

# %%
show_ends(rising)

# %% [markdown]
# 1. `accuracy_moves`: for A and B the change of the validation accuracy from the epoch of the lowest validation loss to the end, in **points** (1 point = 0.01).
# 2. `rising_causes`: for A and B `"confident errors"` or `"overfitting"`.

# %% answer="accuracy_moves, rising_causes"
accuracy_moves = [None] * 2
rising_causes = [None] * 2
### BEGIN SOLUTION
accuracy_moves, rising_causes = [], []
for run in rising.values():
    accuracy = run["val_accuracy"]
    accuracy_moves.append(100 * (accuracy[-1] - accuracy[run["val_loss"].argmin()]))
    rising_causes.append("overfitting" if accuracy_moves[-1] < -2 else "confident errors")
### END SOLUTION

# %% check="accuracy_moves, rising_causes" points=2
to_end = "last accuracy minus that at run['val_loss'].argmin(), in points"
expect_number(accuracy_moves, -60, 60, hint=to_end, length=2)
expect_choice(
    rising_causes,
    ["confident errors", "overfitting"],
    hint="the loss rises in both; which one answers worse than before?",
)

# %% hidden="accuracy_moves, rising_causes"
tolerance = 0.05
hint = "A rising loss alone does not separate them: the accuracy since the lowest loss does."

# %% [markdown]
# ## Question 3 · An instrument for curves that jump (2 points)
#
# Write `jumpiness(val_accuracy, n_val)`: how large are the jumps of an accuracy, compared with what validation sets of `n_val` examples, **drawn anew for each epoch**, would show
# by chance? Return the standard deviation of the differences from one epoch to the next (`np.std(np.diff(...))`), divided by √2 times the standard error √(p(1 − p)/n_val) at the
# **mean** accuracy p. About 1: sampling noise explains it.


# %% answer="jumpiness"
def jumpiness(val_accuracy, n_val):
    """Size of the jumps over that of sampling noise."""
    val_accuracy = np.asarray(val_accuracy, dtype=float)
    ### BEGIN SOLUTION
    p = val_accuracy.mean()
    by_chance = np.sqrt(2 * p * (1 - p) / n_val)
    return np.std(np.diff(val_accuracy)) / by_chance
    ### END SOLUTION


# %% check="jumpiness" points=2
expect(
    jumpiness([0.5, 0.6, 0.5, 0.4, 0.5], 50), 1.0, hint="differences of 0.1; √(2 × 0.25 / 50) = 0.1"
)
expect(
    jumpiness([0.5, 0.6, 0.5, 0.4, 0.5], 200), 2.0, hint="four times the examples, half the noise"
)


# %% hidden="jumpiness"
def draw(rng):
    return [
        (0.01 * np.arange(epochs) + rng.uniform(0.5, 0.8, epochs), n)
        for epochs, n in [(4, 30), (12, 500), (20, 5000)]
    ]


hint = "The spread of the differences, not of the values: a trend is no jump. Two measurements, so √2 standard errors."

# %% [markdown]
# ## Question 4 · Two curves that jump (2 points)
#
# Ten classes each. In both runs the validation loss and accuracy jump from epoch to epoch. In one of them the learning rate is too high. In the other one each epoch was judged by a few examples that were drawn anew.

# %% data="jumping"
jumping = known_causes.ward(["rate too high", "few validation examples"], [CLASS_SEED, 4])

# %%
for letter, run in jumping.items():
    late = ", ".join(f"{share:.2f}" for share in run["val_accuracy"][-8:])
    print(f"{letter}: validation accuracy in the last eight epochs {late}")

# %% [markdown]
# 1. `training_rises`: for A and B in how many of the last 20 steps from one epoch to the next the **training** loss rises (a whole number, 0 to 20).
# 2. `jumping_causes`: for A and B `"rate too high"` or `"few validation examples"`.

# %% answer="training_rises, jumping_causes"
training_rises = [None] * 2
jumping_causes = [None] * 2
### BEGIN SOLUTION
training_rises = [int((np.diff(r["train_loss"][-21:]) > 0).sum()) for r in jumping.values()]
jumping_causes = [
    "few validation examples" if rises == min(training_rises) else "rate too high"
    for rises in training_rises
]
### END SOLUTION

# %% check="training_rises, jumping_causes" points=2
rising_steps = "np.diff of the last 21 training losses: how many are above 0?"
expect_number(training_rises, 0, 20, hint=rising_steps, length=2)
expect_choice(
    jumping_causes,
    ["rate too high", "few validation examples"],
    hint="a validation set cannot make the training loss jump",
)


# %% hidden="training_rises, jumping_causes"
def compare(got, expected):
    if list(got["jumping_causes"]) != expected["jumping_causes"]:
        return f"Causes: expected {expected['jumping_causes']}, got {got['jumping_causes']}."
    if len(got["training_rises"]) != 2:
        return f"Expected two numbers of rises, got {got['training_rises']}."
    for number, right in zip(got["training_rises"], expected["training_rises"], strict=True):
        calm = right == min(expected["training_rises"])
        # The other run is chaotic: another machine counts another number of rises, but more than in the calm one.
        if (
            not abs(number - right) <= 1
            if calm
            else not min(expected["training_rises"]) < number <= 20
        ):
            return f"Rises of the training loss: expected {right}, got {number}."
    return None


hint = "Validation examples have no part in the training loss: where it jumps as well, the network itself does."

# %% [markdown]
# ## Question 5 · Two runs at 60 % (2 points)
#
# Ten classes each. Both stopped near 60 % accuracy, training and validation together. One of them has reached the ceiling that noise in the labels sets; the other one was stopped too early.

# %% data="flat"
flat = known_causes.ward(["noise ceiling", "not finished"], [CLASS_SEED, 5])

# %%
show_ends(flat)

# %% [markdown]
# 1. `late_fall`: for A and B how far the **validation loss** fell over the last fifth of the epochs, in nats: its value one fifth of the epochs before the end (25 epochs: after epoch 20; 40: after 32) minus the last one.
# 2. `flat_actions`: for A and B what to do first, `"train longer"` or `"look at the labels"`.

# %% answer="late_fall, flat_actions"
late_fall = [None] * 2
flat_actions = [None] * 2
### BEGIN SOLUTION
late_fall, flat_actions = [], []
for run in flat.values():
    loss = run["val_loss"]
    late_fall.append(loss[-1 - len(loss) // 5] - loss[-1])
    flat_actions.append("train longer" if late_fall[-1] > 0.05 else "look at the labels")
### END SOLUTION

# %% check="late_fall, flat_actions" points=2
last_fifth = "the loss after epoch n − n/5 minus the last loss; epoch 1 is [0]"
expect_number(late_fall, -2, 2, hint=last_fifth, length=2)
expect_choice(
    flat_actions, ["train longer", "look at the labels"], hint="which loss is still on its way?"
)

# %% hidden="late_fall, flat_actions"
tolerance = 1e-3
hint = "Accuracy near 60 % says neither; whether the loss still falls does. After epoch e means index e − 1."

# %% [markdown]
# ## Question 6 · A ward of four (4 points)
#
# Four runs, drawn from six causes; no rival is named. The letters of your class:

# %%
possible = ["healthy", "not finished", "noise ceiling", "too simple", "overfitting", "other rows"]

# %% data="patients"
patients = known_causes.ward(possible, [CLASS_SEED, 6], n_runs=4)

# %%
show_ends(patients)

# %% [markdown]
# Write two lists of four words, for A to D.
#
# - `causes`: `"healthy"`, `"not finished"`, `"noise ceiling"` (the inputs do not say more), `"too simple"` (nothing learnt but the class shares), `"overfitting"`, or `"other rows"` (the validation
#   rows are of another kind than the training rows: worse from the first epoch on).
# - `actions`: what to do first: `"keep it"`, `"train longer"`, `"get better inputs or labels"`, `"another model"`, `"regularise or stop earlier"`, or `"look at the split"`.

# %% answer="causes, actions"
causes = [None] * 4
actions = [None] * 4
### BEGIN SOLUTION
remedy = {
    "healthy": "keep it",
    "not finished": "train longer",
    "noise ceiling": "get better inputs or labels",
    "too simple": "another model",
    "overfitting": "regularise or stop earlier",
    "other rows": "look at the split",
}


def diagnose(run):
    """The first of the questions that has an answer."""
    shares = np.array(run.provenance["class_shares"])
    loss, gaps = run["val_loss"], run["train_accuracy"] - run["val_accuracy"]
    if gaps[0] > 0.15:
        return "other rows"
    if gaps[-1] > 0.12:
        return "overfitting"
    if loss[-1] > -np.sum(shares * np.log(shares)) - 0.03:
        return "too simple"
    if loss[-1 - len(loss) // 5] - loss[-1] > 0.06:
        return "not finished"
    return "healthy" if run["val_accuracy"][-1] > 0.8 else "noise ceiling"


causes = [diagnose(run) for run in patients.values()]
actions = [remedy[cause] for cause in causes]
### END SOLUTION

# %% check="causes, actions" points=4
expect_choice(
    causes,
    possible,
    hint="knowing nothing? the gap, first and last? still falling? then: how good?",
    length=4,
)
expect_choice(
    actions,
    [
        *["keep it", "train longer", "get better inputs or labels", "another model"],
        *["regularise or stop earlier", "look at the split"],
    ],
    hint="each cause has its own first action",
    length=4,
)

# %% hidden="causes, actions"
hint = "In this order: a gap in the first epoch; a gap at the end; the loss at the entropy of the shares; a loss that still falls; and what is left."

# %% [markdown]
# ## Question 7 · A lucky gain (2 points)
#
# A test of `n_items` questions is taken before and after a course by somebody who learns nothing: each answer is right with chance `p`, independently. Write `lucky(n_items, p, at_least)`: the **exact** probability
# that the normalised gain (after − before) / (n_items − before), in numbers of right answers, is `at_least` or more. Who had everything right before has no gain and does not count as one. Do not
# simulate; `math.comb(n, k)` counts the ways to have k of n right.


# %% answer="lucky"
def lucky(n_items, p, at_least):
    """Chance of a normalised gain by luck alone."""
    ### BEGIN SOLUTION
    from math import comb

    chance = [comb(n_items, k) * p**k * (1 - p) ** (n_items - k) for k in range(n_items + 1)]
    return sum(
        chance[before] * chance[after]
        for before in range(n_items)
        for after in range(n_items + 1)
        if after - before >= at_least * (n_items - before) - 1e-9
    )
    ### END SOLUTION


# %% check="lucky" points=2
expect(lucky(1, 0.5, 0.3), 0.25, hint="one question: wrong before (1/2) and right after (1/2)")
expect(lucky(2, 0.5, 1.0), 0.1875, hint="everything right after (1/4), and not before (3/4)")


# %% hidden="lucky"
def draw(rng):
    drawn = [(n, float(rng.uniform(0.3, 0.8)), 0.3) for n in (5, 12, 30)]
    return [(12, 0.6, 0.3), (10, 0.5, 0.5), *drawn]


hint = "Sum over all pairs (before, after) that reach the gain; the chances of before and of after are binomial and multiply."

# %% [markdown]
# ## In your own words (3 points)
#
# Take one of your four patients of question 6. Write a short diagnosis: the cause, the observation that separates it from its nearest rival, and which
# observation would have changed your mind. Four to eight sentences. Your teacher reads and marks them; no program does.

# %% [markdown] explain="explanation" points=3
# I take the patient that I called "not finished". Its nearest rival is the noise ceiling: both end with training and validation together at a middling
# accuracy. What separates them is the last fifth of the epochs: here the validation loss still falls by more than 0.1 nats, at a ceiling it would stand. So I
# would train longer and look again. I would change my mind if the loss stood still after ten more epochs: then it is the ceiling. A gap between training and
# validation that opens meanwhile would point to overfitting.

# %% [markdown] rubric="explanation"
# # Exercise 10: how the explanation is marked
#
# One point for each; numbers are those of the class.
#
# 1. names cause and nearest rival of one run
# 2. gives the one observation, with its number, that separates the two
# 3. names an observation that would change the diagnosis
#
# **A full answer.**
# I take the patient that I called "not finished". Its nearest rival is the noise ceiling: both end with training and validation together at a middling
# accuracy. What separates them is the last fifth of the epochs: here the validation loss still falls by more than 0.1 nats, at a ceiling it would stand. So I
# would train longer and look again. I would change my mind if the loss stood still after ten more epochs: then it is the ceiling. A gap between training and
# validation that opens meanwhile would point to overfitting.
#
# **An answer in between.** "C is not finished since the loss still falls by 0.15." One point; two with the rival named.
#
# **An answer without a point.** "C has 60 %, which is bad." No point.

# %% [markdown]
# ## What you learnt
#
# Rivals share most of their evidence, and one observation separates them: accuracy since the lowest loss, jumps of the training loss, a loss still on its way, a gap in the first epoch. And a short test
# taken twice says little about one learner.
