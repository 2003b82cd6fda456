# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Exercise 8 · Testing explanations
#
# **Time** about 60 minutes. **You need** lessons 7 and 8, and NumPy. **Points** 16, in seven questions, and 3 for an explanation that your teacher marks.
#
# You will compare recipes seed by seed, hold six explanations against their own predictions, compute what wrong validation labels do to loss and accuracy, test
# the test that looks for them, tell what four remedies really did, split a sorted file fairly, and choose the epoch to ship.
#
# **How it works.** Write your answers between the question and its check; keep the names. Each check says whether your answer is right for its
# example, or whether it can be graded, and gives a hint if not. Grading calls your functions with other inputs, so write them for any. You may add cells.

# %%
import numpy as np

from lessonlib import calibration, metrics
from lessonlib.comparing import answered, expect, expect_choice, expect_number

CLASS_SEED = 0  # decides the numbers of your class; leave it as it is

# %% [markdown]
# ## Question 1 · The same seeds (2 points)
#
# Two recipes were trained on a cluster with several seeds. Some jobs crashed, and the results came back in any order. Write `paired(ours, theirs)`: both are dicts
# from the seed (a text) to the accuracy in points. Use **the seeds that both have** (two at least) and return three numbers: the mean of the differences ours − theirs, its **standard error**
# (standard deviation with n − 1, divided by √n), and the number of seeds in which ours is higher.


# %% answer="paired"
def paired(ours, theirs):
    """Mean difference, its standard error, and in how many seeds ours is higher."""
    ### BEGIN SOLUTION
    seeds = [seed for seed in ours if seed in theirs]
    differences = np.array([ours[seed] - theirs[seed] for seed in seeds])
    error = differences.std(ddof=1) / np.sqrt(len(seeds))
    return differences.mean(), error, int((differences > 0).sum())
    ### END SOLUTION


# %% check="paired" points=2
ours_first = {"101": 62.0, "100": 58.0, "107": 90.0}
theirs_first = {"100": 57.0, "101": 60.0, "103": 20.0}
expect(
    paired(ours_first, theirs_first),
    [1.5, 0.5, 2],
    hint="seeds 100 and 101 ran in both: differences 1 and 2, matched by seed, not by place",
)


# %% hidden="paired"
def draw(rng):
    cases = []
    for n in (2, 8, 20):
        seeds = [str(seed) for seed in rng.choice(1000, n + 2, replace=False)]
        level = 60 + 3 * rng.normal(size=n + 2)
        theirs = {s: float(a) for s, a in zip(seeds[1:], level[1:])}
        gains = rng.normal(0.3, 0.5, n + 2)
        order = rng.permutation(n + 1)
        ours = {seeds[i]: float(level[i] + gains[i]) for i in order}
        cases.append((ours, theirs))
    return cases


hint = "Match by seed, leave out what only one recipe has, and take the spread of the differences (n − 1)."

# %% [markdown]
# ## Question 2 · Explanations that could fail (2 points)
#
# Six explanations of a low accuracy, each with an experiment. *Before* the runs each one said what the change of recipe would do to the accuracy. Then base and changed
# recipe were trained with the same ten seeds. These are the runs of your class:

# %% data="base_accuracy, experiments"
numbers = np.random.default_rng([CLASS_SEED, 2])
plans = [("higher", e) for e in (1, -0.9, 0.1)] + [("lower", e) for e in (-1, 0.1, 0.9)]
base_accuracy = 60 + 3 * numbers.normal(size=10)
experiments = []
for place in numbers.permutation(6):
    predicted, effect = plans[place]
    spread = numbers.normal(size=10)
    spread = 0.6 * (spread - spread.mean()) / spread.std(ddof=1)
    experiments.append((predicted, base_accuracy + effect + spread))

# %%
for predicted, changed_accuracy in experiments:
    print(
        f"predicted {predicted:6}; base {base_accuracy.mean():.2f} ± {base_accuracy.std():.2f}",
        end="",
    )
    print(f", changed {changed_accuracy.mean():.2f} ± {changed_accuracy.std():.2f} (over seeds)")

# %% [markdown]
# `experiments[i]` holds the prediction and ten accuracies, in the order of the seeds of `base_accuracy`. Take the interval of the true change to be *mean difference ± 2.26 standard errors* (ten
# seeds). Write a list `verdicts` of six words: `"survives"` if the whole interval lies on the predicted side of zero, `"refuted"` if it lies on the other side, `"cannot tell"`
# if it contains zero.

# %% answer="verdicts"
verdicts = [None] * 6
### BEGIN SOLUTION
verdicts = []
for predicted, changed_accuracy in experiments:
    differences = changed_accuracy - base_accuracy
    reach = 2.26 * differences.std(ddof=1) / np.sqrt(10)
    towards = differences.mean() if predicted == "higher" else -differences.mean()
    if abs(towards) < reach:
        verdicts.append("cannot tell")
    else:
        verdicts.append("survives" if towards > 0 else "refuted")
### END SOLUTION

# %% check="verdicts" points=2
expect_choice(
    verdicts,
    ["survives", "refuted", "cannot tell"],
    hint="six words: the standard error of the differences, not of the two means",
    length=6,
)

# %% hidden="verdicts"
hint = "Difference seed by seed: what the seed does to both cancels. Then hold the interval against the prediction."

# %% [markdown]
# ## Question 3 · Judged by wrong labels (2 points)
#
# A trained network is judged on pictures of whose labels a `share` is wrong: each label is replaced, with this chance, by one of the **other** classes, all equally likely.
# Write `judged(labels, logits, share)`: return the mean cross-entropy (nats) and the accuracy that one gets **on average** over all such replacements. `labels` are the right classes, `logits` has one row
# per picture and K columns. Do not simulate: both averages can be written down.


# %% answer="judged"
def judged(labels, logits, share):
    """Expected loss and accuracy when a share of the judging labels is wrong."""
    labels, logits = np.asarray(labels), np.asarray(logits, dtype=float)
    ### BEGIN SOLUTION
    n_classes = logits.shape[1]
    costs = -metrics.log_softmax(logits)
    right = costs[np.arange(len(labels)), labels]
    wrong = (costs.sum(axis=1) - right) / (n_classes - 1)
    accuracy = metrics.accuracy(labels, logits)
    hits = (1 - share) * accuracy + share * (1 - accuracy) / (n_classes - 1)
    return np.mean((1 - share) * right + share * wrong), hits
    ### END SOLUTION


# %% check="judged" points=2
sure = np.log([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])
expect(judged([0, 1], sure, 0.0), [-np.log(0.8), 1], hint="nothing is replaced")
expect(judged([0, 0], sure, 1.0)[1], 0.25, hint="a false answer can meet a label that is wrong")


# %% hidden="judged"
def draw(rng):
    cases = []
    for n, k, share in [(3, 2, 0.5), (20, 3, 0.1), (40, 10, 0.2), (25, 5, 1.0), (6, 4, 0.0)]:
        cases.append((rng.integers(0, k, n), 3 * rng.normal(size=(n, k)), share))
    return cases


hint = "(1 − share) × cost of the right label + share × mean cost of the K − 1 others; and a replaced label can equal a false answer."

# %% [markdown]
# ## Question 4 · Test the test (3 points)
#
# *Some labels are wrong; look at the false answers.* A test of the explanation, and here is a test of the test: in the validation labels of your class some were replaced on purpose, and
# `is_wrong` says which. `early` holds the logits at the lowest validation loss, `late` those at the end.

# %%
numbers = np.random.default_rng([CLASS_SEED, 4])
n_val = 600
right_class = numbers.integers(0, 5, n_val)
is_wrong = np.zeros(n_val, bool)
is_wrong[numbers.choice(n_val, 60, replace=False)] = True
val_labels = np.where(is_wrong, (right_class + numbers.integers(1, 5, n_val)) % 5, right_class)
slips = np.isin(np.arange(n_val), numbers.choice(n_val, 100, replace=False))
said = np.where(slips, (right_class + 1) % 5, right_class)
early = 2.2 * np.eye(5)[said] + 0.5 * numbers.normal(size=(n_val, 5))
late = 9 * np.eye(5)[said] + numbers.normal(size=(n_val, 5)) - 3 * np.eye(5)[said] * slips[:, None]
for name, scores in (("early", early), ("late", late)):
    loss = metrics.cross_entropy(val_labels, logits=scores)
    print(f"{name:5} loss {loss:.3f}, accuracy {metrics.accuracy(val_labels, scores):.3f}")

# %% [markdown]
# All losses and answers below are judged by `val_labels`, the labels that one has.
#
# 1. `in_false`: of the false answers at the end, which share has a wrong label?
# 2. `in_highest`: of the 60 pictures with the highest loss at the end, which share has a wrong label?
# 3. `part_of_rise`: which part of the rise of the mean loss from early to late do the pictures with a wrong label pay? (1: all of it.)
# 4. `without_them`: leave these pictures out. Does the mean loss of the others from early to late `"rise"` or `"fall"`?

# %% answer="in_false, in_highest, part_of_rise, without_them"
in_false = None
in_highest = None
part_of_rise = None
without_them = None
### BEGIN SOLUTION
cost_early = metrics.cross_entropy_per_example(val_labels, logits=early)
cost_late = metrics.cross_entropy_per_example(val_labels, logits=late)
in_false = is_wrong[late.argmax(axis=1) != val_labels].mean()
in_highest = is_wrong[np.argsort(cost_late)[-60:]].mean()
change = cost_late - cost_early
part_of_rise = change[is_wrong].sum() / change.sum()
without_them = "rise" if change[~is_wrong].mean() > 0 else "fall"
### END SOLUTION

# %% check="in_false, in_highest, part_of_rise, without_them" points=3
expect_number(
    in_false, 0, 1, hint="false: argmax differs from val_labels; then the mean of is_wrong"
)
expect_number(in_highest, 0, 1, hint="sort the losses at the end; the mean of is_wrong over 60")
expect_number(
    part_of_rise, 0, 2, hint="the sum of the changes of these pictures over the whole sum"
)
expect_choice(without_them, ["rise", "fall"], hint="the mean change of the other pictures")

# %% hidden="in_false, in_highest, part_of_rise, without_them"
hint = "Losses by val_labels, picture by picture; shares OF the false answers and OF the 60, not of the wrong labels; parts of the sum."

# %% [markdown]
# ## Question 5 · What did the remedy do? (3 points)
#
# Four remedies were tried on the network of your class, and all five networks answered the same 2,000 test pictures. Somebody reports losses and accuracies:

# %%
numbers = np.random.default_rng([CLASS_SEED, 5])
test_labels = numbers.integers(0, 4, 2000)
told = numbers.permutation(2000)


def network(n_right, margin_right, margin_wrong):
    """Logits of a network with so many right answers, surer of these than of those."""
    is_right = np.isin(np.arange(2000), told[:n_right])
    margins = np.where(is_right, margin_right, margin_wrong) + numbers.normal(size=2000)
    answers = np.where(is_right, test_labels, (test_labels + 1) % 4)
    return np.maximum(margins, 0.5)[:, None] * np.eye(4)[answers]


# %%
base = network(1400, 6, 4.5)
made = [network(1390, 10, 6.5), network(1416, 2.5, 2.6), 0.3 * base, 1.6 * base]
remedies = [made[place] for place in numbers.permutation(4)]
for name, scores in zip(["base", *"ABCD"], [base, *remedies]):
    loss = metrics.cross_entropy(test_labels, logits=scores)
    print(f"{name:5} loss {loss:.3f}, accuracy {metrics.accuracy(test_labels, scores):.3f}")

# %% [markdown]
# Write a list `effects` of four words, for `remedies[0]` (A) to `remedies[3]` (D), against the base: `"knows more"` if refinement fell by more than 0.02 nats, `"knows less"` if it rose by
# more than 0.02, `"only confidence"` otherwise. (`calibration.split_loss` of lesson 7 gives the refinement.) And, as a proof, a list `changes` of the four changes of the refinement, in nats.

# %% answer="effects, changes"
effects = [None] * 4
changes = [None] * 4
### BEGIN SOLUTION
before = calibration.split_loss(test_labels, base).refinement
changes = [calibration.split_loss(test_labels, each).refinement - before for each in remedies]
effects = [
    "only confidence" if abs(change) < 0.02 else "knows more" if change < 0 else "knows less"
    for change in changes
]
### END SOLUTION

# %% check="effects, changes" points=3
expect_choice(
    effects,
    ["knows more", "knows less", "only confidence"],
    hint="split the loss of each network, and compare the refinements with that of the base",
    length=4,
)
expect_number(changes, -1, 1, hint="refinement of the remedy minus that of the base", length=4)

# %% hidden="effects, changes"
tolerance = 1e-3
hint = "Refinement is the loss at the best temperature: what is known. Loss and accuracy can move without it, or against it."

# %% [markdown]
# ## Question 6 · A fair split (2 points)
#
# A file is sorted: by class, and within a class by date. Write `split(labels, share, seed)`: the numbers of the rows (from 0) of a validation part that holds this share of **each class** (to within
# one row), drawn **at random** within the class. `seed` is a whole number for `np.random.default_rng`.


# %% answer="split"
def split(labels, share, seed):
    """Rows of a stratified random validation part."""
    labels = np.asarray(labels)
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    rows = []
    for each in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == each))
        rows.extend(members[: round(share * len(members))])
    return sorted(int(row) for row in rows)
    ### END SOLUTION


# %% check="split" points=2
file = np.repeat([0, 1], [200, 40])
chosen = np.array(answered(split(file, 0.25, 3)))
expect(np.bincount(file[chosen]), [50, 10], hint="a quarter of each class")
expect(len(set(chosen.tolist())), 60, hint="each row once at most")
expect(bool(chosen.max() > 200 and chosen.min() < 150), True, hint="not the tail of each class")


# %% hidden="split"
def draw(rng):
    cases = []
    for sizes, share in [((200, 300), 0.2), ((150, 400, 120), 0.25), ((500, 100, 101, 160), 0.3)]:
        labels = np.repeat(np.arange(len(sizes)), sizes)
        cases.append((labels, share, int(rng.integers(1000))))
    return cases


def compare(got, expected, labels, share, seed):
    rows = np.asarray(got)
    if rows.dtype.kind not in "iu" or rows.ndim != 1 or len(set(rows.tolist())) < len(rows):
        return "Expected whole numbers of rows, each once."
    if len(rows) == 0 or rows.min() < 0 or rows.max() >= len(labels):
        return f"Expected rows from 0 to {len(labels) - 1}."
    for each in np.unique(labels):
        members = np.flatnonzero(labels == each)
        places = (rows[labels[rows] == each] - members[0]) / len(members)
        if abs(len(places) - share * len(members)) > 1:
            return f"Class {each} has {len(members)} rows, {len(places)} of them are chosen; asked were {share:.0%}."
        if not 0.2 < places.mean() < 0.8:
            return f"Class {each}: not at random, all from one end of the class."
    return None


hint = "Class by class: shuffle the rows of the class, then take the share."

# %% [markdown]
# ## Question 7 · Which epoch do you ship? (2 points)
#
# Thirty epochs of your class's run. The validation part may choose an epoch, the test part judges it.

# %%
numbers = np.random.default_rng([CLASS_SEED, 7])
epoch = np.arange(1, 31)
turn, settle = numbers.integers(9, 13), numbers.integers(18, 23)
val_loss = 1.3 + 0.004 * (epoch - turn) ** 2 * np.where(epoch < turn, 1.5, 1)
val_loss[4:7] = val_loss[3] + numbers.uniform(0.01, 0.03, 3)
val_refinement = 1.1 + 0.3 * np.exp(-epoch / 5) + 0.0002 * (epoch - settle) ** 2
val_accuracy = 0.7 - 0.3 * np.exp(-epoch / 7) + numbers.uniform(-0.002, 0.002, 30)
test_accuracy = 0.69 - 0.3 * np.exp(-epoch / 7) + numbers.uniform(-0.002, 0.002, 30)
for row in range(0, 30, 3):
    values = (val_loss[row], val_refinement[row], val_accuracy[row])
    print(f"epoch {epoch[row]:2}: loss {values[0]:.3f}, refinement {values[1]:.3f}, ", end="")
    print(f"accuracy {values[2]:.3f}")

# %% [markdown]
# 1. `ship`: a list of three epochs (the first epoch is 1), each chosen on the validation part among all thirty, for three customers who get: the classes alone; the probabilities as they are; the
#    probabilities after a fitted temperature.
# 2. `kept`: the epoch that early stopping on the validation **loss** with patience 3 keeps: it ends as soon as three epochs in a row have brought no new lowest loss.
# 3. `given_away`: accuracy on the **test** part at the last epoch minus that at the epoch `kept`, in points (1 point = 0.01).

# %% answer="ship, kept, given_away"
ship = [None] * 3
kept = None
given_away = None
### BEGIN SOLUTION
ship = [
    int(val_accuracy.argmax()) + 1,
    int(val_loss.argmin()) + 1,
    int(val_refinement.argmin()) + 1,
]
kept = 1
for number in epoch:
    if val_loss[number - 1] < val_loss[kept - 1]:
        kept = int(number)
    if number - kept >= 3:
        break
given_away = 100 * (test_accuracy[-1] - test_accuracy[kept - 1])
### END SOLUTION

# %% check="ship, kept, given_away" points=2
expect_number(ship, 1, 30, hint="which measure does each customer pay for?", length=3)
expect_number(kept, 1, 30, hint="walk through the epochs and count those without a new lowest loss")
expect_number(given_away, -50, 50, hint="in points, on the test part")

# %% hidden="ship, kept, given_away"
hint = "Accuracy, loss, refinement: what each customer gets. Patience can end before the lowest loss of all; judge by the test part."

# %% [markdown]
# ## In your own words (3 points)
#
# Choose one explanation of question 2 that your class's runs leave undecided ("cannot tell"). Write what the ten differences show, why that neither supports
# nor refutes it, and describe one experiment that could. Four to eight sentences. Your teacher reads and marks them; no program does.

# %% [markdown] explain="explanation" points=3
# The explanation predicted a higher accuracy; the mean of my ten differences is 0.1 points and their interval reaches from about −0.3 to 0.5, so it holds zero.
# Values on the predicted side and on the other side are both possible, so it is neither supported nor refuted: an undecided test is no vote against it. An
# experiment that could decide has a smaller error: with four times the seeds, paired again, the interval would be half as wide. Better still is one with a
# larger predicted effect, for instance three doses of the change, where the explanation says that the effect grows with the dose; if it does not grow, it is
# refuted.

# %% [markdown] rubric="explanation"
# # Exercise 8: how the explanation is marked
#
# One point for each; numbers are those of the class.
#
# 1. gives mean and interval of the differences and that zero lies inside
# 2. says why undecided is not refuted (both signs remain possible)
# 3. an experiment with a prediction that could fail, and why it can decide
#
# **A full answer.**
# The explanation predicted a higher accuracy; the mean of my ten differences is 0.1 points and their interval reaches from about −0.3 to 0.5, so it holds zero.
# Values on the predicted side and on the other side are both possible, so it is neither supported nor refuted: an undecided test is no vote against it. An
# experiment that could decide has a smaller error: with four times the seeds, paired again, the interval would be half as wide. Better still is one with a
# larger predicted effect, for instance three doses of the change, where the explanation says that the effect grows with the dose; if it does not grow, it is
# refuted.
#
# **An answer in between.** "The interval contains zero, so we do not know. More seeds would help." Two points: no prediction that could fail.
#
# **An answer without a point.** "The difference is small, so the explanation is wrong." No point.

# %% [markdown]
# ## What you learnt
#
# An explanation earns belief by a prediction that it could have failed, held against differences of the same seeds. Wrong validation labels can be counted into a loss before they are blamed for it. A remedy is
# judged by what the network knows; a split must be fair before anything is explained; and the epoch to ship is the best one for what is shipped.
