# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Exercise 6 · Both curves rise: how surely?
#
# **Time** about 60 minutes. **You need** lesson 6 and NumPy. **Points** 17, in seven questions, and 3 for an explanation that your teacher marks.
#
# You will read the recorded CIFAR-10 runs yourself: measure a rise with its paired error, take the luck out of a picked minimum, look at the same run through small validation sets, put a
# popular rule about the size of the training set to the test, and write the function that tells the two phenomena apart that are both called overfitting.
#
# **How it works.** Write your answers between the question and its check; keep the names. Each check says whether your answer is right for its
# example, or whether it can be graded, and gives a hint if not. Grading calls your functions with other inputs, so write them for any. You may add cells.
# The recordings come with the course (`notebooks/recordings`); no pictures and no connection are needed.

# %%
import numpy as np

from lessonlib import runs
from lessonlib.comparing import expect, expect_choice, expect_number

CLASS_SEED = 0  # decides the numbers of your class; leave it as it is

# %% [markdown]
# ## Question 1 · From the minimum to the end (2 points)
#
# Write `since_minimum(val_loss, val_accuracy)`, of two curves with one value per epoch. Return three numbers: the epoch with the lowest loss (the first epoch is number 1), by which share of its minimum the loss has risen at the end, and
# by how many **points** (hundredths) the accuracy has changed since that epoch.


# %% answer="since_minimum"
def since_minimum(val_loss, val_accuracy):
    """Epoch of the lowest loss, relative rise of the loss since, change of accuracy in points."""
    val_loss, val_accuracy = np.asarray(val_loss), np.asarray(val_accuracy)
    ### BEGIN SOLUTION
    low = val_loss.argmin()
    gain = 100 * (val_accuracy[-1] - val_accuracy[low])
    return low + 1, val_loss[-1] / val_loss[low] - 1, gain
    ### END SOLUTION


# %% check="since_minimum" points=2
expect(
    since_minimum([2.0, 1.0, 1.5], [0.5, 0.6, 0.65]),
    [2, 0.5, 5],
    hint="lowest at the second epoch; from 1.0 to 1.5 is a rise by half",
)


# %% hidden="since_minimum"
def draw(rng):
    cases = [([1.0, 0.9, 0.8], [0.5, 0.7, 0.6])]
    cases += [(rng.uniform(0.8, 2, n), rng.uniform(0.4, 0.8, n)) for n in (4, 12, 25)]
    return cases


hint = "Both changes start at the epoch of the lowest LOSS and end at the last epoch."

# %% [markdown]
# ## Question 2 · The error of a change (2 points)
#
# `before` and `after` hold the losses of the **same** pictures at two epochs. Write `change_and_errors(before, after)`: three numbers, the change of the mean loss, its **paired** standard error, and the (unpaired) one that it would have if the two
# means came from different pictures. Standard deviations as `np.std` computes them.


# %% answer="change_and_errors"
def change_and_errors(before, after):
    """Change of the mean, its paired and its unpaired standard error."""
    before, after = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    ### BEGIN SOLUTION
    n = len(before)
    paired = (after - before).std() / np.sqrt(n)
    return (after - before).mean(), paired, np.sqrt((before.var() + after.var()) / n)
    ### END SOLUTION


# %% check="change_and_errors" points=2
expect(
    change_and_errors([0, 2, 0, 2], [1, 3, 1, 3]),
    [1, 0, np.sqrt(0.5)],
    hint="every picture rose by 1: the change is known exactly; the two means apart are not",
)


# %% hidden="change_and_errors"
def draw(rng):
    cases = []
    for n in (5, 60, 400):
        before = rng.exponential(1.0, n)
        cases.append((before, before + rng.normal(0.1, 0.3, n)))
    return cases


hint = "Paired: the standard deviation of the differences over sqrt(n). Unpaired: the squares of the two standard errors add up."

# %% [markdown]
# ## Question 3 · Your class's run (3 points)
#
# One of the recorded runs, judged by 1,500 of its validation pictures. `run_losses` and `run_hits` have shape (epochs, pictures).

# %%
numbers = np.random.default_rng([CLASS_SEED, 3])
class_run = runs.recording("main", seed=int(numbers.integers(10, 20)))
pictures = np.sort(numbers.choice(2_000, 1_500, replace=False))
if numbers.random() < 0.5:  # another optimiser, at a constant rate
    class_run = runs.recording("adam-constant", seed=10)
run_losses = class_run.val_losses()[:, pictures]
run_hits = class_run.val_hits()[:, pictures]
print(
    f"seed {class_run.provenance['seed']}: {run_losses.shape[0]} epochs, {len(pictures)} pictures"
)

# %% [markdown]
# Compare the last epoch with the one whose mean loss on these pictures is lowest:
#
# 1. `loss_errors`: the change of the mean loss, divided by its paired standard error.
# 2. `accuracy_errors`: the change of the accuracy, divided by its paired standard error.
# 3. `run_verdict`: with two standard errors as the limit, `"both rise"`, `"only the loss rises"` (accuracy undecided), `"the loss rises, accuracy falls"` or `"nothing is sure"`.

# %% answer="loss_errors, accuracy_errors, run_verdict"
loss_errors = None
accuracy_errors = None
run_verdict = None
### BEGIN SOLUTION
low = run_losses.mean(axis=1).argmin()
loss_change = run_losses[-1] - run_losses[low]
hit_change = run_hits[-1] * 1.0 - run_hits[low]
loss_errors = loss_change.mean() / loss_change.std() * np.sqrt(len(pictures))
accuracy_errors = hit_change.mean() / hit_change.std() * np.sqrt(len(pictures))
run_verdict = "nothing is sure"
if loss_errors > 2:
    run_verdict = "only the loss rises"
    if abs(accuracy_errors) > 2:
        run_verdict = "both rise" if accuracy_errors > 0 else "the loss rises, accuracy falls"
### END SOLUTION

# %% check="loss_errors, accuracy_errors, run_verdict" points=3
expect_number(loss_errors, -50, 50, hint="differences picture by picture, then mean, std and n")
expect_number(
    accuracy_errors, -50, 50, hint="hits as numbers 0 and 1, so that they can be subtracted"
)
verdicts = ["both rise", "only the loss rises", "the loss rises, accuracy falls", "nothing is sure"]
expect_choice(run_verdict, verdicts, hint="your two numbers decide: above 2, below −2 or between")

# %% hidden="loss_errors, accuracy_errors, run_verdict"
tolerance = 2e-3
hint = "The minimum is that of the mean over these 1,500 pictures; errors are those of paired differences."

# %% [markdown]
# ## Question 4 · The winner's curse (2 points)
#
# A minimum that was picked on the same pictures is a little too low. Write `honest_rise(losses, picking, judging)`: `losses` has shape (epochs, pictures), the other two hold positions of pictures. Pick the epoch with the lowest mean loss on the
# `picking` pictures; return a pair: its number (the first epoch is 1), and the change of the mean loss from it to the last epoch, measured on the `judging` pictures.


# %% answer="honest_rise"
def honest_rise(losses, picking, judging):
    """Epoch picked on some pictures, and rise of the mean loss on others, nats."""
    losses = np.asarray(losses, dtype=float)
    picking, judging = np.asarray(picking), np.asarray(judging)
    ### BEGIN SOLUTION
    low = losses[:, picking].mean(axis=1).argmin()
    return low + 1, losses[-1, judging].mean() - losses[low, judging].mean()
    ### END SOLUTION


# %% check="honest_rise" points=2
tiny = [[3, 3, 9, 9], [1, 1, 5, 5], [2, 2, 4, 4]]
expect(
    honest_rise(tiny, [0, 1], [2, 3]),
    [2, -1],
    hint="pictures 0 and 1 choose the second epoch; 2 and 3 say what happened since",
)


# %% hidden="honest_rise"
def draw(rng):
    cases = []
    for epochs, n in [(5, 20), (10, 60), (25, 200)]:
        half = rng.permutation(n)
        losses = rng.exponential(1.0, (epochs, n))
        cases.append((losses, half[: n // 2], half[n // 2 :]))
    return cases


hint = "argmin of the mean over the picking pictures; everything after that is measured on the judging ones."

# %% [markdown]
# ## Question 5 · The same run, fewer pictures (2 points)
#
# Another run of your class, on 2,000 pictures: `seen_losses` and `seen_hits`.

# %%
numbers = np.random.default_rng([CLASS_SEED, 5])
other_run = runs.recording("main", seed=int(numbers.integers(12, 20)))
seen_losses, seen_hits = other_run.val_losses(), other_run.val_hits()
low_of_all = seen_losses.mean(axis=1).argmin()
change = 100 * (seen_hits[-1].mean() - seen_hits[low_of_all].mean())
print(f"on all 2,000 pictures accuracy changes by {change:+.1f} points since the minimum")

# %% [markdown]
# Draw n of the pictures (with replacement), find the minimum of the loss **on these**, and see whether accuracy at the end is **lower** than at that epoch. Do it two thousand times.
#
# 1. `lower_with_50`: the share of draws of 50 pictures in which it looks lower (within 0.05 is near enough).
# 2. `lower_with_500`: the same for 500 pictures.
# 3. `reply`: somebody with 50 pictures reports that accuracy falls in this very run. `"their code has a bug"`, `"theirs is another network"` or `"their draw is enough to explain it"`?

# %% answer="lower_with_50, lower_with_500, reply"
lower_with_50 = None
lower_with_500 = None
reply = None
### BEGIN SOLUTION
rng = np.random.default_rng(0)
lower = {50: [], 500: []}
for n, seen in lower.items():
    for _ in range(2_000):
        drawn = rng.integers(0, 2_000, n)
        minimum = seen_losses[:, drawn].mean(axis=1).argmin()
        seen.append(seen_hits[-1, drawn].mean() < seen_hits[minimum, drawn].mean())
lower_with_50, lower_with_500 = np.mean(lower[50]), np.mean(lower[500])
reply = "their draw is enough to explain it"
### END SOLUTION

# %% check="lower_with_50, lower_with_500, reply" points=2
expect_number(lower_with_50, 0, 1, hint="rng.integers(0, 2_000, 50), argmin of their mean loss")
expect_number(lower_with_500, 0, 1, hint="the same with 500: rarer or more often?")
replies = [
    "their code has a bug",
    "theirs is another network",
    "their draw is enough to explain it",
]
expect_choice(reply, replies, hint="how often does it happen with 50 pictures?")

# %% hidden="lower_with_50, lower_with_500, reply"
tolerance = 0.05
hint = "Every draw finds its own minimum of the loss; count how often its accuracy at the end is below that at its minimum."

# %% [markdown]
# ## Question 6 · "More pictures, less overfitting" (3 points)
#
# The recipe was recorded with 1,000 and with 10,000 training pictures, for networks of 8, 16 and 32 channels, three seeds each, 25 epochs in batches of 64. Your class looks closely at one width:

# %%
numbers = np.random.default_rng([CLASS_SEED, 6])
width = int(numbers.choice([8, 16, 32]))
print(f"your class's width: {width} channels")


def sweep(n_train, channels):
    """The three recorded runs of a training size and a width."""
    known_as_main = (n_train, channels) == (10_000, 32)
    name = "main" if known_as_main else f"sweep-n{n_train}-c{channels}"
    return [runs.recording(name, seed) for seed in (10, 11, 12)]


# %% [markdown]
# The curves of a run are `run["val_loss"]` and `run["val_accuracy"]`. The **rise** of a run is `loss at the end / lowest loss − 1`.
#
# 1. `rise_few` and `rise_many`: the mean rise over the three seeds at your width, with 1,000 and with 10,000 pictures.
# 2. `steps_many`: how many times the weights were updated in a run with 10,000 pictures (a smaller last batch counts).
# 3. `rule`: for how many of the three widths was the mean rise **smaller with more pictures**: `"none"`, `"one"`, `"two"` or `"all"`?

# %% answer="rise_few, rise_many, steps_many, rule"
rise_few = None
rise_many = None
steps_many = None
rule = None
### BEGIN SOLUTION
mean_rise = {
    (size, c): np.mean([run["val_loss"][-1] / run["val_loss"].min() - 1 for run in sweep(size, c)])
    for size in (1_000, 10_000)
    for c in (8, 16, 32)
}
rise_few, rise_many = mean_rise[1_000, width], mean_rise[10_000, width]
steps_many = 25 * int(np.ceil(10_000 / 64))
obeying = sum(mean_rise[10_000, c] < mean_rise[1_000, c] for c in (8, 16, 32))
rule = ["none", "one", "two", "all"][obeying]
### END SOLUTION

# %% check="rise_few, rise_many, steps_many, rule" points=3
expect_number(
    rise_few, 0, 3, hint="the mean of three rises, one for each run of sweep(1_000, width)"
)
expect_number(
    rise_many, 0, 3, hint="the mean of three rises, one for each run of sweep(10_000, width)"
)
expect_number(steps_many, 1, 1e6, hint="batches in an epoch, times epochs")
expect_choice(rule, ["none", "one", "two", "all"], hint="six means: two sizes for each width")

# %% hidden="rise_few, rise_many, steps_many, rule"
hint = "One rise per run, then the mean of three; ceil(10,000 / 64) steps in an epoch; compare the sizes at every width before you state a rule."

# %% [markdown]
# ## Question 7 · Two phenomena, one name (3 points)
#
# Write `phenomenon(losses, hits)`: both of shape (epochs, pictures). Compare the last epoch with that of the lowest mean loss, on the same pictures, with two paired standard errors as the limit. Return
#
# - `"no rise"` if the loss has not risen by more than the limit; else
# - `"both rise"` or `"accuracy falls"` if accuracy changed by more than the limit; else
# - `"undecided"`.


# %% answer="phenomenon"
def phenomenon(losses, hits):
    """One of "no rise", "both rise", "accuracy falls", "undecided"."""
    losses, hits = np.asarray(losses, dtype=float), np.asarray(hits, dtype=float)
    ### BEGIN SOLUTION
    low = losses.mean(axis=1).argmin()

    def direction(change):
        limit = 2 * change.std() / np.sqrt(len(change))
        return 0 if abs(change.mean()) <= limit else np.sign(change.mean())

    if direction(losses[-1] - losses[low]) <= 0:
        return "no rise"
    return {1: "both rise", -1: "accuracy falls", 0: "undecided"}[direction(hits[-1] - hits[low])]
    ### END SOLUTION


# %% check="phenomenon" points=3
main, adam = (runs.recording(name, seed=10) for name in ("main", "adam-constant"))
expect(
    phenomenon(main.val_losses(), main.val_hits()),
    "both rise",
    hint="the run of lesson 6: paired differences from epoch 4 to 25",
)
expect(
    phenomenon(adam.val_losses(), adam.val_hits()),
    "accuracy falls",
    hint="the run with constant Adam: the loss doubles, accuracy loses points",
)


# %% hidden="phenomenon"
def draw(rng):
    # How the mean loss moves after its minimum, spread of the change, answers gained and lost.
    plans = [(0.3, 0.5, 40, 5), (0.3, 0.5, 5, 40), (0.3, 0.5, 12, 10), (0.02, 0.5, 40, 5)]
    plans += [(0.1, 0.6, 40, 12), (0.0, 0.0, 0, 0)]
    cases = []
    for rise, spread, gained, lost in plans:
        n, noise = 300, rng.normal(size=300)
        least = rng.exponential(1.5, n) + 2.0
        end = least + rise + spread * (noise - noise.mean()) / noise.std()
        was = rng.permutation(np.repeat([1, 0], [200, 100]))
        is_now = was.copy()
        is_now[rng.choice(np.flatnonzero(was == 0), gained, replace=False)] = 1
        is_now[rng.choice(np.flatnonzero(was == 1), lost, replace=False)] = 0
        best_hits = np.maximum(was, is_now)  # accuracy is best at another epoch than the loss
        losses = (
            [least + 1.0, least, least + 2.0, end] if rise else [least + 1.0, least + 0.5, least]
        )
        hits = [was * 0, was, best_hits, is_now] if rise else [was * 0, best_hits, was]
        cases.append((np.array(losses), np.array(hits)))
    return cases


hint = "Start at the epoch of the lowest mean LOSS, subtract picture by picture, and hold the mean against two standard errors of the differences."

# %% [markdown]
# ## In your own words (3 points)
#
# In your class's run the validation loss rises after its minimum. Write what you may conclude about the accuracy from your two numbers of question 3, what you
# may not, and what a reader with 50 pictures of the run of question 5 would have seen. Four to eight sentences. Your teacher reads and marks them; no program does.

# %% [markdown] explain="explanation" points=3
# The change of the loss is more than six paired standard errors, so it rises. Whether the accuracy rose, fell or is undecided, my second number says, and not the
# first: above two standard errors it rose, below minus two it fell. I may not conclude from the loss alone that the network answers worse: in other classes' runs
# the loss rises as much and the accuracy goes the other way. A reader with 50 pictures of a run whose accuracy rises sees a lower one in about a third of the
# draws (my share), by luck of the draw alone, and would report the opposite in good faith.

# %% [markdown] rubric="explanation"
# # Exercise 6: how the explanation is marked
#
# One point for each; numbers are those of the class.
#
# 1. holds both changes against their paired errors, with numbers
# 2. does not infer one measure from the other, and says so
# 3. uses the share for 50 pictures to explain a contrary report
#
# **A full answer.**
# The change of the loss is more than six paired standard errors, so it rises. Whether the accuracy rose, fell or is undecided, my second number says, and not the
# first: above two standard errors it rose, below minus two it fell. I may not conclude from the loss alone that the network answers worse: in other classes' runs
# the loss rises as much and the accuracy goes the other way. A reader with 50 pictures of a run whose accuracy rises sees a lower one in about a third of the
# draws (my share), by luck of the draw alone, and would report the opposite in good faith.
#
# **An answer in between.** "The loss rises by 6 errors, accuracy by 1.9, so accuracy is undecided." Two points: no word on the 50 pictures.
#
# **An answer without a point.** "The loss rises, so the network overfits and accuracy will fall." No point.

# %% [markdown]
# ## What you learnt
#
# A change between two epochs is judged on the same pictures, by the paired error, and a picked minimum on other pictures. Few pictures hide what many show. A rule about the size of the data or of
# the network that holds at one width may fail at the next. And a rising loss does not say which of two phenomena you are looking at.
