# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 7 · Whose loss is it?
#
# **Time** about {minutes} minutes. **You need** [lesson 1](01_horse_or_dog.ipynb) (cross-entropy), [lesson 2](02_four_quadrants.ipynb) (the ledger) and [lesson 6](06_cifar10_overfitting.ipynb) (the CIFAR-10 runs).
#
# After this lesson you can
#
# 1. say which answers a change of the loss comes from, between any two epochs;
# 2. put two rival stories about a rising loss to a measurement that can refute either;
# 3. tell the early part of a rise from the late one;
# 4. say what a choice of groups by their outcome hides.
#
# ## The question
#
# On real pictures the validation loss rises while accuracy rises too, in ten recorded runs of one network (lesson 6). The loss is a mean over answers. **Whose answers raise it?** And, as the asker of [2017](https://stats.stackexchange.com/questions/282160/how-is-it-possible-that-validation-loss-is-increasing-while-validation-accuracy)
# wrote in a comment: why does it rise "so gradually and only up"?

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from lessonlib import calibration, figures, ledger, metrics, questions, runs
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.uncertainty import count_seeds, mean_interval

every = runs.recordings("main")  # seeds 10 to 19
run = every[0]
n_val = [len(each.val_labels) for each in every]
print(f"{len(every)} runs of {run.n_epochs} epochs;", end=" ")
print(f"{min(n_val)} to {max(n_val)} of the same validation pictures each")

# %%
who = questions.Prediction(
    "7-who",
    "From the lowest validation loss to the end: which group of answers adds most to the loss, in most of the runs?",
    ["right → right", "right → wrong", "wrong → right", "wrong → wrong"],
)
who

# %% [markdown]
# ## The ledger between two epochs

# %% claims=["002-A4a"]
NAMES = ["right → right", "right → wrong", "wrong → right", "wrong → wrong"]


def lowest(run):
    return int(run.val_losses().mean(axis=1).argmin())


def parts(run, before, after):
    """What each of the four groups adds to the mean loss between two epochs, counted from 0."""
    book = ledger.between(run.val_labels, logits=(run.val_logits[before], run.val_logits[after]))
    return [part.contribution for _, part in book.items()]


late = np.array([parts(each, lowest(each), -1) for each in every])
print(who.resolve(NAMES[np.bincount(late.argmax(axis=1)).argmax()]))
print("added to the mean loss, 95 % interval of the mean over the seeds:")
for name, values in zip(NAMES, late.T):
    ends = mean_interval(values)
    print(f"{name}: {ends.low:+.2f} to {ends.high:+.2f} nats")
assert count_seeds(late.argmax(axis=1) == 3).mostly

# %% [markdown]
# (The intervals are over ten seeds; all share one validation set, whose own error they leave out.) Choose the two epochs yourself, on the run that you trained in lesson 6 if it was kept, else on the first recorded one.
# **Which group brings the loss down until its minimum, and which pushes it up afterwards?**

# %% open
mine = runs.kept("live") or run
my_losses, my_hits = mine.val_losses(), mine.val_hits()
my_curve, my_epochs = my_losses.mean(axis=1), range(1, mine.n_epochs + 1)


# %%
def between(before, after):
    was, is_ = my_hits[before - 1], my_hits[after - 1]
    change = (my_losses[after - 1] - my_losses[before - 1]) / len(was)
    added = dict(
        zip(NAMES, [change[g].sum() for g in (was & is_, was & ~is_, ~was & is_, ~was & ~is_)])
    )
    gain = 100 * (is_.mean() - was.mean())
    return Picture(
        f"From epoch {before} to {after}: loss {sum(added.values()):+.2f} nats, accuracy {gain:+.1f} points.",
        Panel("Validation loss, nats", figures.line(mine.epochs, my_curve, "vermilion"), figures.dot(before, my_curve[before - 1], "from", "blue"),
              figures.dot(after, my_curve[after - 1], "to", "purple"), xlabel="epoch"),
        Panel("Added to the loss, nats", figures.signed_bars({**added, "together": sum(added.values())})),
    )  # fmt: skip


Explorer(
    between, before=slider(my_epochs, start=lowest(mine) + 1, label="from epoch"), after=slider(my_epochs, start=mine.n_epochs, label="to epoch"),
    title="The ledger between any two epochs",
)  # fmt: skip

# %% [markdown]
# ### What the groups hide
#
# "Right → right" takes away. So right answers are innocent? The group is chosen by its *outcome*: a right answer that got worse and tipped over is counted elsewhere, and within the group those that got surer hide the others. Group by what was known *before*: of all answers that were right
# at the minimum, take those whose loss rose, whatever became of them.


# %%
@questions.solution(
    "7-unconditional",
    cases=[
        (
            np.array([0.1, 0.2, 3.0, 0.5]),
            np.array([0.4, 0.1, 4.0, 2.5]),
            np.array([1, 1, 0, 1], bool),
        ),
        (np.array([1.0, 1.0]), np.array([0.5, 2.0]), np.array([1, 0], bool)),
    ],
    hint="change = after − before. Keep those that were right and whose change is above 0; divide their sum by the number of ALL answers.",
)
def right_and_costlier(before, after, was_right):
    change = after - before
    return change[was_right & (change > 0)].sum() / len(change)


# %% [markdown]
# **Your turn.**


# %%
@questions.your_code("7-unconditional")
def right_and_costlier(before, after, was_right):
    """What the answers that were right and became costlier add to the mean loss.

    `before` and `after` are losses, one for each answer; `was_right` holds True and False.
    """
    ...


# %%
share_question = questions.Prediction(
    "7-gross-share",
    "Take all answers whose loss rose. Which share of their rise comes from those that were right at the minimum, mean over the runs?",
    [0.02, 0.2, 0.5, 0.9],
)
share_question

# %% claims=["002-A1f"]
added = []
for each in every:
    epoch, loss = lowest(each), each.val_losses()
    right = each.val_hits()[epoch]
    costlier = [right_and_costlier(loss[epoch], loss[-1], those) for those in (right, ~right)]
    together = [((loss[-1] - loss[epoch]) * those).mean() for those in (right, ~right)]
    added.append(costlier + together)
added = np.array(added)
share = added[:, 0] / added[:, :2].sum(axis=1)

# %% plumbing claims=["002-A1f"]
print(share_question.resolve(share.mean()))
print("added to the mean loss, 95 % interval of the mean over the seeds:")
for name, column in (("right before, costlier", 0), ("wrong before, costlier", 1), ("right before, all", 2), ("wrong before, all", 3)):  # fmt: skip
    ends = mean_interval(added[:, column])
    print(f"{name:23} {ends.low:+.2f} to {ends.high:+.2f} nats")
assert count_seeds((share > 0.15) & (share < 0.35)).mostly
assert count_seeds(added[:, 3] > 3 * added[:, 2]).mostly

# %% [markdown]
# So it depends on the question. Of what became costlier, about a fifth *was right*; "right → right" shows nothing of it. But other right answers became cheaper, and together those that were right add little: most of the rise comes from answers that were wrong already.
#
# ## Two stories, and what would refute each
#
# - **Story A, drift to the middle.** The network becomes less sure of everything, even where it is right.
# - **Story B, confident errors.** It becomes *surer of everything*, of right and of wrong answers.
#
# Both explain the two curves. They differ in what they say about *confidence*, the probability that the network gives to its own answer: A says that it falls for right and for wrong answers, B that it rises for both.

# %%
stories = questions.Prediction(
    "7-story",
    "In how many of the ten runs does the mean confidence rise for right AND for wrong answers, from the lowest loss to the end?",
    [0, 3, 7, 10],
)
stories


# %%
@questions.solution(
    "7-confidence",
    cases=[
        (np.array([[0.7, 0.3], [0.4, 0.6], [0.9, 0.1]]), np.array([0, 0, 0])),
        (np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]), np.array([2, 2])),
    ],
    hint="p.max(axis=1) is the confidence, p.argmax(axis=1) == labels says who is right.",
)
def confidence_of_right_and_wrong(p, labels):
    confidence, right = p.max(axis=1), p.argmax(axis=1) == labels
    return confidence[right].mean(), confidence[~right].mean()


# %%
@questions.your_code("7-confidence")
def confidence_of_right_and_wrong(p, labels):
    """Mean confidence of right and of wrong answers; p has one row for each answer."""
    ...


# %% claims=["002-A4a"]
def facts(run, epoch):
    return confidence_of_right_and_wrong(metrics.softmax(run.val_logits[epoch]), run.val_labels)


before, after = (
    np.array([facts(r, e) for r, e in zip(every, epochs)])
    for epochs in ([lowest(r) for r in every], [-1] * 10)
)
as_b = (after > before).all(axis=1)
print(stories.resolve(int(as_b.sum())))
for name, old, new in zip(("right", "wrong"), before.mean(axis=0), after.mean(axis=0)):
    print(f"confidence of {name} answers {old:.2f} -> {new:.2f}")
assert count_seeds(as_b).mostly

# %% [markdown]
# From the lowest loss to the end, story A is refuted in these runs. And before? **Move to epoch 1, then to the end: where does the loss sit?**

# %%
low, last = lowest(run), run.n_epochs - 1
losses, hits = run.val_losses(), run.val_hits()
edges = np.linspace(0, 1, 11)
confidence = np.stack([metrics.softmax(z).max(axis=1) for z in run.val_logits])


def two_stories(epoch):
    panels = []
    for title, cost, top in (
        ("Answers, % of all", None, 62),
        ("What they add to the loss, nats", losses[epoch - 1], 1.0),
    ):
        marks = []
        for is_right, colour, name in ((True, "blue", "right"), (False, "vermilion", "wrong")):
            chosen = hits[epoch - 1] == is_right
            weights = np.full(chosen.sum(), 100.0) if cost is None else cost[chosen]
            heights = np.histogram(confidence[epoch - 1, chosen], edges, weights=weights)[0] / len(
                chosen
            )
            marks.append(figures.stairs(edges, heights, colour, label=name))
        panels.append(
            Panel(title, *marks, x=(0, 1), y=(0, top), xlabel="confidence", legend="upper left")
        )
    sure = (confidence[epoch - 1] > 0.9) & ~hits[epoch - 1]
    doubt = confidence[epoch - 1] < 0.5
    of_sure, of_doubt = (
        losses[epoch - 1, those].sum() / losses[epoch - 1].sum() for those in (sure, doubt)
    )
    return Picture(
        f"Epoch {epoch}: {sure.mean():.1%} of the answers are wrong with a confidence above 0.9; they make up {of_sure:.0%} of the loss, "
        f"answers with a confidence below a half {of_doubt:.0%}.",
        *panels,
    )


Explorer(
    two_stories,
    epoch=slider(range(1, last + 2), start=low + 1),
    title="Drift to the middle, or confident errors?",
)

# %% [markdown]
# ## Early and late
#
# A popular explanation: once the training set is learnt, the training loss can fall only by longer logits (their *length* is the root of the sum of their squares, around their mean; Soudry and others proved it for linear models on separable data, Lyu and Li for a class of networks). Does the rise here begin when the training set is learnt?

# %%
learnt_question = questions.Prediction(
    "7-learnt",
    "Training accuracy at the epoch with the lowest validation loss, mean over the runs:",
    [0.5, 0.8, 0.99],
)
learnt_question

# %%
at_lowest = np.array([r["train_accuracy"][lowest(r)] for r in every])
print(learnt_question.resolve(at_lowest.mean()))
print(f"training accuracy there: {at_lowest.min():.2f} to {at_lowest.max():.2f}")


def share_before(run, accuracy=0.99):
    """Which share of the rise comes before the training accuracy reaches this."""
    loss = run["val_loss"] - run["val_loss"].min()
    return loss[np.argmax(run["train_accuracy"] >= accuracy)] / loss[-1]


# %% claims=["002-Q4"]
early = np.array([share_before(each) for each in every])
ends = mean_interval(early)
print("share of the rise before training accuracy .99, 95 % interval of the mean over the seeds:")
print(f"{ends.low:.2f} to {ends.high:.2f}")
falls = np.mean([(np.diff(r["val_loss"][lowest(r) :]) < 0).mean() for r in every])
print(f"after its minimum the loss falls in {falls:.0%} of the steps")
assert count_seeds(at_lowest < 0.95).mostly and count_seeds(early > 0.4).mostly and falls > 0.1

# %%
lengths = np.array([[calibration.logit_norm(z).mean() for z in r.val_logits] for r in every])
at_low = np.array([lengths[i, lowest(r)] for i, r in enumerate(every)])
before_low = count_seeds((at_low - lengths[:, 0]) / (lengths[:, -1] - lengths[:, 0]) > 0.1)
grows = np.mean(np.diff(lengths, axis=1) > 0)
print(f"the logits grow in over {int(10 * grows)} of 10 steps; over a tenth of their growth comes")
print(f"before the lowest loss in {before_low}")
assert before_low.mostly and grows > 0.8

# %% [markdown]
# So "after the training set is learnt" is not where it begins, and "only up" is not what it does: a good part of the rise comes earlier, and the loss falls in many steps. The logits grow before and after (in most steps, not in all). Follow them: **does anything happen to their length where the loss turns, or where the training set is learnt?**

# %%
norms = lengths[0]
loss_curve = losses.mean(axis=1)
temperatures = np.array([calibration.fit_temperature(run.val_labels, z) for z in run.val_logits])


def early_and_late(epoch):
    now = epoch - 1
    return Picture(
        f"Epoch {epoch}: training accuracy {run['train_accuracy'][now]:.0%}, mean length of the logits {norms[now]:.1f}, "
        f"best temperature {temperatures[now]:.2f}, validation loss {loss_curve[now]:.2f}.",
        Panel("Validation loss, nats", figures.line(run.epochs, loss_curve, "vermilion"), figures.upright(low + 1, "lowest"),
              figures.dot(epoch, loss_curve[now], f"{loss_curve[now]:.2f}", "purple"), y=(0.9, 1.7), xlabel="epoch"),
        Panel("Training accuracy, %", figures.line(run.epochs, 100 * run["train_accuracy"]), figures.dot(epoch, 100 * run["train_accuracy"][now], "", "purple"),
              y=(30, 103), xlabel="epoch"),
        Panel("Length of the logits", figures.line(run.epochs, norms, "green"), figures.dot(epoch, norms[now], f"{norms[now]:.0f}", "purple"), y=(0, 22), xlabel="epoch"),
    )  # fmt: skip


Explorer(
    early_and_late,
    epoch=slider(range(1, last + 2), start=low + 1),
    title="The rise, the training set and the logits",
    figsize=(11, 3.2),
)

# %% [markdown]
# ## One picture proves nothing
#
# Four pictures, one for each line of the ledger, chosen by a rule: **the picture whose change in loss is the median of its group**. (The pictures are not shown; loss and accuracy depend on their probabilities alone.)

# %%
labels, classes = run.val_labels, run.provenance["class_names"]
change = losses[last] - losses[low]
chosen = {}
for name, was, is_ in (("A", 1, 1), ("B", 1, 0), ("C", 0, 1), ("D", 0, 0)):
    group = np.flatnonzero((hits[low] == was) & (hits[last] == is_))
    chosen[name] = group[np.argsort(change[group])[len(group) // 2]]
rows = {name: metrics.softmax(run.val_logits[:, i].astype(float)) for name, i in chosen.items()}


def one_picture(picture, epoch):
    i = chosen[picture]
    row, loss = rows[picture][epoch - 1], losses[epoch - 1, i]
    return Picture(
        f"Picture {picture}, epoch {epoch}: a {classes[labels[i]]}; the network says {classes[row.argmax()]} with {row.max():.2f} and gives the truth {row[labels[i]]:.3f}. Loss {loss:.2f}.",
        Panel("What the network says", figures.bars(dict(zip(classes, row)), right=np.arange(10) == labels[i], most=1), xlabel="probability"),
        Panel("Loss of this picture, nats", figures.line(run.epochs, losses[:, i], "vermilion"), figures.dot(epoch, loss, "", "purple"), y=(0, 6.5), xlabel="epoch"),
    )  # fmt: skip


Explorer(
    one_picture,
    picture=slider(list("ABCD"), start="D"),
    epoch=slider(range(1, last + 2), start=low + 1),
    title="One picture's story",
    figsize=(9, 3.6),
)

# %% [markdown]
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "a high loss means that the network is less sure even when right" | in ten runs it became surer of right and of wrong answers; in the first epochs of one, doubt cost most |
# | "right answers that stay right add nothing, so right answers do not matter" | of what became costlier, about a fifth was right at the minimum; others became cheaper |
# | "it begins when the training set is learnt" | the loss turned at training accuracies well below 1 |
# | "the loss goes only up" | it falls in many of the later steps |
#
# ## Check yourself

# %%
questions.choice(
    "7-check-groups",
    "A colleague shows that answers that stay right add nothing to the rise, and concludes that right answers do not matter. What do you ask?",
    right=(
        "what the answers add that were right before, whatever became of them",
        "Yes: a group chosen by its outcome leaves out those that tipped over, and hides those that got worse behind those that got better.",
    ),
    wrong=[
        ("how many answers stay right", "The number does not show what the group hides."),
        ("whether the four groups add up to the change", "They always do."),
        (
            "the accuracy of the network on its training set",
            "It says nothing about who contributes on validation data.",
        ),
    ],
)

# %%
questions.choice(
    "7-check-story",
    "After the minimum of the loss, the confidence of wrong answers rises and that of right answers falls. Which story fits?",
    right=("neither: A needs both to fall, B both to rise", "Yes: a measurement may refute both."),
    wrong=[
        (
            "A, since right answers lose confidence",
            "A says that the network becomes less sure of everything; wrong answers became surer.",
        ),
        ("B, since wrong answers gain confidence", "B says that right answers gain it too."),
        ("both at once, each for its half", "A story that fits any outcome explains none."),
    ],
)

# %%
questions.number(
    "7-check-ledger",
    "right → right −0.10, right → wrong +0.12, wrong → right −0.15, wrong → wrong +0.42 nats. By how much did the mean loss change (two decimals, with its sign)?",
    answer=-0.10 + 0.12 - 0.15 + 0.42,
    tolerance=0.006,
    hint="Add the four.",
    known={0.42: "That is the largest group alone."},
)

# %%
questions.choice(
    "7-check-late",
    "Why is 'the training set is learnt, so the logits must grow' no full explanation of the rise in these runs?",
    right=(
        "the loss turns before the training set is learnt",
        "Yes: at training accuracies around .8, and a good part of the rise comes before .99.",
    ),
    wrong=[
        ("the logits do not grow", "They do, before the training set is learnt and after."),
        (
            "the theorem holds for linear models only, so it is false here",
            "It is proved for linear models and a class of networks; that neither proves nor refutes it here.",
        ),
        ("the validation loss is no function of the logits", "It is one."),
    ],
)

# %% [markdown]
# ## Summary
#
# - Answers that stay wrong add most. Answers that were right at the minimum are about a fifth of what became costlier, but together add little: others became cheaper.
# - In ten runs of one network the confidence of right *and* wrong answers rose.
# - The rise begins before the training set is learnt, and is not monotone.
#
# **What would change your mind?** A recipe whose loss rises while the confidence of its wrong answers falls, in most of ten seeds.
#
# **Further reading.** D. Soudry and others, "The implicit bias of gradient descent on separable data", *JMLR* 19 (2018), with a CIFAR-10 network whose validation loss rises while its error falls. K. Lyu, J. Li, "Gradient descent maximizes the margin of homogeneous neural networks", *ICLR* (2020).
#
# **Graded exercise:** [exercise 7](../exercises/exercise_07_who_pays.ipynb). **Before:** [lesson 6](06_cifar10_overfitting.ipynb). **Further:** [7b](07b_calibration.ipynb), calibration and refinement. **Next:** [lesson 8](08_testing_explanations.ipynb).
