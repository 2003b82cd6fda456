# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 2 · Four quadrants: can loss and accuracy really move in opposite ways?
#
# **Time** about 55 minutes. **You need** lesson 1 (cross-entropy, accuracy, a right answer costs at most ln K).
#
# After this lesson you can
#
# 1. construct predictions for each of the four combinations of "loss up or down" and "accuracy up or down", the rare one included;
# 2. split any change in mean loss exactly into four groups of examples, and say who pays;
# 3. train a small network in a second that raises validation loss and validation accuracy together, and name the ingredient it needs;
# 4. say what plain overfitting does instead;
# 5. recognise two ways in which a loss falls while accuracy falls too.
#
# ## The question
#
# People who meet it for the first time write: *the validation loss rises and the validation accuracy rises too; if the loss gets worse, should the
# accuracy not get worse?* Under one such question two comments were never answered: somebody saw loss **and** accuracy fall together,
# and somebody else asked for one example of that. You will build the smallest one, and then make real training do it.

# %%
import itertools
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks train fastest with one thread

import numpy as np
from IPython.display import Markdown

from lessonlib import charts, checks, figures, ledger, metrics, problems
from lessonlib.explorer import Explorer
from lessonlib.network import GradientDescent, Network, fit
from lessonlib.predictions import Question

# %%
both_fall = Question(
    "2-both-fall",
    "Two pictures of horses. The network gives horse .51 and .01: one right, one very wrong. "
    "Can you choose two new probabilities so that the mean loss falls AND accuracy falls?",
    ["no, a lower loss means better answers", "yes"],
)
both_fall

# %% [markdown]
# ## Two pictures are enough
#
# Choose the network's new answers for the two pictures. The left plane shows accuracy across and mean loss upwards: the cross is the
# answer before, the square is yours. In the grey corner no predictions can lie (why not comes below). **Try to reach all four quadrants of the cross, from either start.**

# %%
STARTS = {"[0.51, 0.01]": (0.51, 0.01), "[0.99, 0.45]": (0.99, 0.45)}
CORNERS = [
    (0.02, 0.93, "loss up, accuracy down"),
    (0.98, 0.93, "both up"),
    (0.02, 0.02, "both down"),
    (0.98, 0.02, "loss down, accuracy up"),
]
CHOICES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.45, 0.49, 0.51, 0.55, 0.6, 0.7, 0.8, 0.9, 0.99)


def two_classes(p_first):
    """The probabilities of two classes, one row for each answer."""
    return np.column_stack([p_first, 1 - np.asarray(p_first)])


def measure(p_true):
    """Mean loss and accuracy of two-class answers that give their true class p_true."""
    rows, truth = two_classes(p_true), np.zeros(len(p_true), dtype=int)
    return metrics.cross_entropy(truth, probabilities=rows), metrics.accuracy(truth, rows)


# %%
def setup_two(fig):
    plane, answers = charts.panels(fig, "The plane of both measures", "p(horse) now")
    charts.loss_accuracy_plane(plane, loss_top=5)
    plane.set_ylim(-0.5, 5)  # room for the corners' names
    cross = [
        plane.axhline(0, color=figures.PALETTE["grey"], linewidth=1),
        plane.axvline(0, color=figures.PALETTE["grey"], linewidth=1),
    ]
    for x, y, text in CORNERS:
        plane.text(x, y, text, transform=plane.transAxes, ha="right" if x > 0.5 else "left")
    bars = charts.bars(answers, ["picture 1", "picture 2"], largest=1, xlabel="p(horse)")
    return {"cross": cross, "dot": charts.dot(plane), "bars": bars}


# %%
def direction(change, digits=9):
    """Up, down or the same."""
    change = round(change, digits)
    return "up" if change > 0 else "down" if change < 0 else "the same"


def update_two(parts, before, p1, p2):
    (loss0, acc0), (loss1, acc1) = measure(STARTS[before]), measure((p1, p2))
    parts["cross"][0].set_ydata([loss0, loss0])
    parts["cross"][1].set_xdata([acc0, acc0])
    parts["dot"].move(acc1, loss1, f"{loss1:.2f}")
    parts["bars"].set([p1, p2], right=[p1 > 0.5, p2 > 0.5])
    return (
        f"Loss {loss0:.3f} to {loss1:.3f}: {direction(loss1 - loss0)}. "
        f"Accuracy {acc0:.1f} to {acc1:.1f}: {direction(acc1 - acc0)}."
    )


# %%
Explorer(
    setup_two,
    update_two,
    before=list(STARTS),
    p1=CHOICES,
    p2=CHOICES,
    start={"p1": 0.51, "p2": 0.2},
    labels={"before": "answers before", "p1": "picture 1 now", "p2": "picture 2 now"},
    title="Two pictures, four quadrants",
    figsize=(9, 3.4),
)

# %% [markdown]
# Now let the computer try every pair of positions, so that "I could not reach it" becomes "it cannot be reached with these":

# %% claims=["002-A2c", "002-Q2"]
QUADRANTS = list(itertools.product(("up", "down"), ("up", "down")))


def reachable(p_before):
    """Count for each quadrant (loss, accuracy) the pairs of new answers that lead there."""
    loss0, acc0 = measure(p_before)
    after = [measure(pair) for pair in itertools.product(CHOICES, repeat=2)]
    moves = [(direction(loss - loss0), direction(acc - acc0)) for loss, acc in after]
    return {quadrant: moves.count(quadrant) for quadrant in QUADRANTS}


found = {name: reachable(p) for name, p in STARTS.items()}
for name, counts in found.items():
    print(name, *(f"loss {a}, accuracy {b}: {n}." for (a, b), n in counts.items()))
assert all(any(counts[quadrant] for counts in found.values()) for quadrant in QUADRANTS)

# %%
print(both_fall.settle("yes" if found["[0.51, 0.01]"]["down", "down"] else both_fall.options[0]))

# %% [markdown]
# All four quadrants exist. The smallest example of the rare one, and a second one in which not everybody ends up wrong:

# %% claims=["002-A2c"]
examples = {
    "two pictures": ([0.51, 0.01], [0.49, 0.49]),
    "four pictures": ([0.51, 0.51, 0.51, 0.01], [0.49, 0.49, 0.60, 0.40]),
}
for name, (before, after) in examples.items():
    (loss0, acc0), (loss1, acc1) = measure(before), measure(after)
    print(f"{name}: loss {loss0:.3f} -> {loss1:.3f}, accuracy {acc0:.2f} -> {acc1:.2f}")
    assert loss1 < loss0 and acc1 < acc0

# %% [markdown]
# One very wrong answer was made *less* wrong, which saves a lot, and the right answers paid for it by slipping just below one half, which costs next
# to nothing in loss and everything in accuracy.
#
# ### How far may the two disagree?
#
# Not without limit, and lesson 1 gave half of the reason. A right answer costs at most ln K. A wrong answer gives the true class at most one half, so it costs
# **at least ln 2**. So with accuracy a the mean loss is at least (1 − a) ln 2: the grey corner. Above that line anything is possible unless every answer is right.

# %% claims=["001-C10", "004-C5"]
rng = np.random.default_rng(2)
sets = [rng.normal(size=(20, 10)) * rng.uniform(0.1, 8) for _ in range(3_000)]
labels = rng.integers(0, 10, size=20)
pairs = np.array(
    [(metrics.cross_entropy(labels, logits=z), metrics.accuracy(labels, z)) for z in sets]
)
floor = (1 - pairs[:, 1]) * np.log(2)
print(f"sets of answers below the floor: {(pairs[:, 0] < floor).sum()} of {len(pairs)}")
at_tenth = pairs[np.isclose(pairs[:, 1], 0.1), 0]
print(f"an accuracy of 0.1 was seen with losses from {at_tenth.min():.1f} to {at_tenth.max():.1f}")
assert (pairs[:, 0] >= floor).all() and at_tenth.max() > 3 * at_tenth.min()

# %% [markdown]
# ## "Case 1 has less error but worse accuracy than case 2"
#
# A widely read article says this of a small spreadsheet. We have its words but not its numbers, so what follows is a *reconstruction* that makes the
# sentence true: three samples, three classes, the true class first for sample 1, second for sample 2, third for sample 3.

# %%
which_case = Question(
    "2-case",
    "Case 1 is nearly perfect on two samples and loses the third by .48 to .50. Case 2 "
    "is right on all three, each time with .36 against .32 and .32. Which has the lower loss?",
    ["case 1", "case 2", "they are equal"],
)
which_case

# %% claims=["003-C5", "004-C5"]
from sklearn.metrics import mean_absolute_error, mean_squared_error

CASES = {
    "case 1": np.array([[0.48, 0.50, 0.02], [0.05, 0.90, 0.05], [0.05, 0.05, 0.90]]),
    "case 2": np.array([[0.36, 0.32, 0.32], [0.32, 0.36, 0.32], [0.32, 0.32, 0.36]]),
}
truth, one_hot = np.arange(3), np.eye(3)
print("        cross-entropy  mean abs. error  mean sq. error  accuracy")
for name, p in CASES.items():
    loss = metrics.cross_entropy(truth, probabilities=p)
    errors = mean_absolute_error(one_hot, p), mean_squared_error(one_hot, p)
    print(
        f"{name}  {loss:13.4f}  {errors[0]:15.3f}  {errors[1]:14.3f}"
        f"  {metrics.accuracy(truth, p):8.3f}"
    )

# %%
case_losses = {n: metrics.cross_entropy(truth, probabilities=p) for n, p in CASES.items()}
print(which_case.settle(min(case_losses, key=case_losses.get)))
assert case_losses["case 1"] < case_losses["case 2"]
assert metrics.accuracy(truth, CASES["case 1"]) < metrics.accuracy(truth, CASES["case 2"])

# %% [markdown]
# By every error measure case 1 is better, and by accuracy it is worse. So "a low loss" does not translate into "a high accuracy" by itself.
#
# Be careful with examples, though. Another text states the same with three sets of predictions for the labels 1, 0, 1. Does *its* example show it?

# %%
example_shows = Question(
    "2-example",
    "Labels 1, 0, 1. Good: p(1) = [.9, .1, .8]. "
    "Bad: [.1, .9, .1]. Mixed: [.9, .9, .9]. Do loss and accuracy rank these three differently?",
    ["yes", "no, they rank them alike"],
)
example_shows

# %% claims=["001-E2c"]
ones = np.array([1, 0, 1])


def ranking(predictions):
    """Print loss and accuracy of each set; return both rankings, best first."""
    rows = {name: two_classes(p)[:, ::-1] for name, p in predictions.items()}  # class 0 first
    loss = {name: metrics.cross_entropy(ones, probabilities=p) for name, p in rows.items()}
    hits = {name: metrics.accuracy(ones, p) for name, p in rows.items()}
    for name in rows:
        print(f"{name:6} loss {loss[name]:.3f}, accuracy {hits[name]:.3f}")
    return sorted(loss, key=loss.get), sorted(hits, key=hits.get, reverse=True)


# %% claims=["001-E2c"]
by_loss, by_accuracy = ranking(
    {"good": [0.9, 0.1, 0.8], "bad": [0.1, 0.9, 0.1], "mixed": [0.9, 0.9, 0.9]}
)
print(example_shows.settle("no, they rank them alike" if by_loss == by_accuracy else "yes"))
by_loss, by_accuracy = ranking({"shy": [0.55, 0.45, 0.55], "bold": [0.9, 0.55, 0.9]})
assert by_loss == ["bold", "shy"] and by_accuracy == ["shy", "bold"]

# %% [markdown]
# The sentence was true and its example did not show it; *shy* and *bold* do. And it is not special to classification. Any two measures that weigh
# errors differently can disagree: here are five errors of a regression, before and after.

# %% claims=["004-C11"]
errors_before, errors_after = [1, 1, 1, 1, 6], [2, 2, 2, 2, 4]
zeros = [0] * 5
for name, measure_error in (("squared", mean_squared_error), ("absolute", mean_absolute_error)):
    before, after = measure_error(zeros, errors_before), measure_error(zeros, errors_after)
    print(f"mean {name} error: {before:.1f} -> {after:.1f}, {direction(after - before)}")

# %% [markdown]
# ## Four pictures, A to D
#
# A popular explanation of "both rise" uses a figure with four pictures of cats. We have its words only: A and B are predicted well.
# C is a *borderline* case that gets better and changes sides. D is predicted badly and keeps getting worse. Two things happen at once.
# (In one sentence the text calls the really wrong picture "C". That is a slip: C becomes right. It must be D.)
#
# Before training: A .90, B .85, C .45, D .20. **Predict, then move C across the middle and D towards zero:** how far must D sink before the mean
# loss rises, although C is now right?

# %%
BEFORE = {"A": 0.90, "B": 0.85, "C": 0.45, "D": 0.20}
cats = np.zeros(4, dtype=int)


def setup_cats(fig):
    left, right = charts.panels(fig, "p(cat) now", "Change of the mean loss, nats")
    bars = charts.bars(left, list(BEFORE), largest=1, xlabel="p(cat)")
    left.axvline(0.5, color=figures.PALETTE["grey"], linewidth=1)
    names = [*BEFORE, "together"]
    return bars, charts.signed_bars(right, names, low=-0.6, high=1.8, xlabel="nats")


# %%
def update_cats(parts, A, B, C, D):
    now = np.array([A, B, C, D])
    change = np.log(list(BEFORE.values())) - np.log(now)
    each = [*(change / 4), change.mean()]
    parts[0].set(now, right=now > 0.5)
    parts[1].set(each, [f"{value:+.2f}" for value in each])
    return (
        f"{(now > 0.5).sum()} of 4 right (before: 2). The mean loss is {direction(each[-1], 4)} "
        f"by {abs(each[-1]):.3f} nats; C adds {each[2]:+.3f}, D {each[3]:+.3f}."
    )


# %%
Explorer(
    setup_cats,
    update_cats,
    A=(0.7, 0.9, 0.97),
    B=(0.6, 0.85, 0.97),
    C=(0.3, 0.45, 0.49, 0.51, 0.55, 0.7, 0.95),
    D=(0.002, 0.01, 0.03, 0.1, 0.15, 0.2, 0.3, 0.55),
    start={"A": 0.9, "B": 0.85, "C": 0.55, "D": 0.2},
    title="Pictures A to D",
    figsize=(9, 3.2),
)

# %%
turning = BEFORE["D"] * BEFORE["C"] / 0.55
Markdown(
    f"With C at 0.55 the mean loss rises as soon as D falls below {turning:.2f}. "
    "The loss is a logarithm: what counts is by which *factor* each probability moves."
)

# %% [markdown]
# ## The ledger
#
# What you just did by eye can be done exactly. Between two sets of predictions each answer stays right, becomes wrong, becomes right or stays wrong.
# The change in mean loss is the sum of these four groups, and nothing is left over. That is all `lessonlib.ledger` does (*dearer* answers cost more than
# before, *cheaper* ones less):

# %% claims=["002-A1c", "002-A1g"]
AFTER = {"A": 0.95, "B": 0.90, "C": 0.55, "D": 0.01}
book = ledger.between(cats, probabilities=[two_classes(list(p.values())) for p in (BEFORE, AFTER)])
left_over = book.change - sum(part.contribution for _, part in book.items())
assert abs(left_over) < 1e-12
assert book.wrong_to_right.count == 1 and book.wrong_to_right.contribution < 0  # C
assert book.wrong_to_wrong.count == 1 and book.wrong_to_wrong.contribution > 0  # D, not C
book

# %%
Markdown(
    f"Accuracy rose by {book.accuracy_change:.0%} of the pictures, "
    f"thanks to C, which saved {-book.wrong_to_right.contribution:.2f} nats of mean loss. "
    f"D alone added {book.wrong_to_wrong.contribution:.2f}. "
    f"The sum is a loss that rose by {book.change:.2f}."
)

# %% [markdown]
# So far numbers that we chose. Does training choose such numbers?
#
# ## A network that does it in a second
#
# Handwritten digits, 600 for training, 500 for validation, a network with one hidden layer of 64 units, written in NumPy (`lessonlib.network`, readable in five
# minutes). The training labels are all correct. Of the **validation** labels one in ten is wrong, as if a hurried annotator had made them.

# %%
digits_question = Question(
    "2-digits",
    "From the epoch with the lowest validation loss to the last one, what do validation loss "
    "and validation accuracy (both measured with those partly wrong labels) do?",
    [
        "loss up by over a tenth, accuracy down by over a point",
        "loss up by over a tenth, accuracy within a point",
        "loss up by over a tenth, accuracy up by over a point",
        "neither moves much",
    ],
)
digits_question


# %%
def train_digits(seed):
    """Forty epochs on correct labels; the run keeps the validation logits of every epoch."""
    rng = np.random.default_rng(seed)
    train, val = problems.digits(rng=rng)
    network = Network([64, 64, 10], rng=rng)
    return fit(network, train, val, epochs=40, learning_rate=5e-3, batch_size=50, rng=rng)


def hurried(run, wrong, seed):
    """The validation labels of a run as an annotator gives them who gets a share of them wrong."""
    return problems.flip_labels(run.val_labels, wrong, n_classes=10, rng=1_000 + seed)


def judged(run, labels):
    """Validation loss and accuracy per epoch, judged by the given labels."""
    losses = [metrics.cross_entropy(labels, logits=logits) for logits in run.val_logits]
    return np.array(losses), np.array([metrics.accuracy(labels, z) for z in run.val_logits])


# %% [markdown]
# Training never sees a validation label. So one training serves for any share of wrong labels: only the judging changes. That makes the share a slider.

# %%
SHARES = (0, 0.02, 0.05, 0.1, 0.2, 0.3)
run = train_digits(100)
curves = {wrong: judged(run, hurried(run, wrong, seed=100)) for wrong in SHARES}


# %%
def setup_digits(fig):
    axes = charts.panels(fig, "Loss, nats", "Accuracy, %")
    for ax, values, limits in zip(
        axes, (run["train_loss"], 100 * run["train_accuracy"]), ((0, 5), (35, 102))
    ):
        ax.set(xlim=(0, 41), ylim=limits, xlabel="epoch")
        charts.curve(ax, run.epochs, values, label="training")
    lines = [
        charts.curve(ax, run.epochs, run.epochs, colour="vermilion", label="validation")
        for ax in axes
    ]
    axes[0].legend(loc="upper left")
    return {"lines": lines, "dots": [charts.dot(ax, "purple") for ax in axes]}


# %%
def update_digits(parts, wrong, epoch):
    loss, accuracy = curves[wrong]
    low = loss.argmin()
    parts["lines"][0].set_ydata(loss)
    parts["lines"][1].set_ydata(100 * accuracy)
    parts["dots"][0].move(epoch, loss[epoch - 1], f"{loss[epoch - 1]:.2f}")
    parts["dots"][1].move(epoch, 100 * accuracy[epoch - 1], f"{accuracy[epoch - 1]:.1%}")
    return (
        f"{wrong:.0%} of the validation labels wrong: the loss is lowest in epoch {low + 1}. "
        f"At epoch {epoch} it is {loss[epoch - 1] / loss[low]:.1f} times that, "
        f"accuracy {accuracy[epoch - 1]:.0%} against {accuracy[low]:.0%}."
    )


# %%
Explorer(
    setup_digits,
    update_digits,
    wrong=SHARES,
    epoch=range(1, 41),
    start={"wrong": 0.1, "epoch": 40},
    labels={"wrong": "wrong labels"},
    title="One training, judged by better and worse labels",
    figsize=(9, 3.4),
)

# %% [markdown]
# The network is the same at every position of the first slider. **With 0 % wrong labels, does anything rise?**
#
# ### In how many of ten fresh seeds?
#
# The recipe was chosen on seeds 0 to 9. These are others: other digits, other initial weights, other wrong labels.


# %%
def rise_and_gain(loss, accuracy):
    """From the minimum of the loss to the end: factor of the loss, change of the accuracy."""
    low = loss.argmin()
    return loss[-1] / loss[low], accuracy[-1] - accuracy[low]


def points(gain):
    """A change in accuracy in whole points; small ones are not worth a digit."""
    return "within a point" if abs(gain) < 0.01 else f"{100 * gain:+.0f} points"


# %%
def verdict(name, changes):
    """Print and count in how many seeds the loss rises by over a tenth, and accuracy too."""
    factor, gain = np.array(changes).T
    up, both = factor > 1.1, (factor > 1.1) & (gain > 0.01)
    print(
        f"{name:27} loss x{factor.mean():.1f} (up in {up.sum():2}/10), "
        f"accuracy {points(gain.mean()):>14}; both up in {both.sum():2}/10"
    )
    return up.sum(), both.sum()


# %%
SEEDS = range(100, 110)
digit_runs = [train_digits(seed) for seed in SEEDS]
digit_curves = {
    wrong: [judged(run, hurried(run, wrong, seed)) for seed, run in zip(SEEDS, digit_runs)]
    for wrong in (0, 0.1, 0.3)
}

# %% claims=["002-Q1", "002-Q2", "001-C7"]
shown = {
    wrong: verdict(f"digits, {wrong:.0%} of labels wrong", [rise_and_gain(*pair) for pair in pairs])
    for wrong, pairs in digit_curves.items()
}
assert shown[0.1][1] >= 8 and shown[0.3][1] >= 8  # both up
assert shown[0][0] <= 1  # clean labels: the loss does not rise

# %%
factor, gain = np.mean([rise_and_gain(*pair) for pair in digit_curves[0.1]], axis=0)
number = 3 if factor < 1.1 else 2 if gain > 0.01 else 0 if gain < -0.01 else 1
print(digits_question.settle(digits_question.options[number]))

# %% [markdown]
# So loss and accuracy rising together is neither a paradox nor a bug. Was the network getting worse? Judge the same epochs by the correct labels,
# from the epoch in which the loss with wrong labels was lowest to the last:

# %% claims=["001-C7"]
lows = [loss.argmin() for loss, _ in digit_curves[0.1]]
ends = [(x[low], x[-1], y[low], y[-1]) for low, (x, y) in zip(lows, digit_curves[0])]
loss0, loss1, accuracy0, accuracy1 = np.array(ends).T
lower, higher = (loss1 < loss0).sum(), (accuracy1 > accuracy0).sum()
print(f"loss {loss0.mean():.1f} -> {loss1.mean():.1f}, lower in {lower} of 10 seeds")
print(f"accuracy {points((accuracy1 - accuracy0).mean())}, higher in {higher} of 10 seeds")
assert lower >= 8 and higher >= 8

# %% [markdown]
# It was getting better all the while. A high and rising loss did not mean poor predictions; the fault was in the labels. They are the ingredient: with
# clean ones the loss stays down.
#
# ### Who pays?
#
# The ledger between the minimum of the loss and the last epoch, as a mean over the ten seeds. Two stories compete. One: borderline answers become right (picture C)
# while very wrong ones get worse (picture D). The other, offered in the same answer as less likely: *right answers get a little worse*.

# %%
story = Question(
    "2-story",
    "Which group of answers adds most to the rise of the loss?",
    [
        "right → right: they lose confidence",
        "right → wrong: answers that were lost",
        "wrong → wrong: they get worse",
    ],
)
story

# %% claims=["002-A1c", "002-A1f"]
NAMES = ["right → right", "right → wrong", "wrong → right", "wrong → wrong"]


def book_of(run, labels, loss):
    """The ledger from the epoch with the lowest loss to the last."""
    return ledger.between(labels, logits=(run.val_logits[loss.argmin()], run.val_logits[-1]))


books = [
    book_of(run, hurried(run, 0.1, seed), loss)
    for seed, run, (loss, _) in zip(SEEDS, digit_runs, digit_curves[0.1])
]
parts = np.array([[(part.contribution, part.rise) for _, part in book.items()] for book in books])
print("mean over ten seeds, nats   together   of which answers that became dearer")
for name, (together, dearer) in zip(NAMES, parts.mean(axis=0)):
    print(f"{name:25}   {together:+8.2f}   {dearer:+.2f}")

# %% claims=["002-A1c", "002-A1f"]
most = parts[:, :, 0].argmax(axis=1)
print(f"wrong → wrong adds most in {(most == 3).sum()} of 10 seeds")
assert (most == 3).sum() >= 8  # picture D
assert (parts[:, 2, 0] < 0).sum() >= 8  # picture C: answers that became right lower the loss
assert (parts[:, 0, 1] < 0.05 * parts[:, 3, 0]).sum() >= 8  # right but less sure: next to nothing
print(story.settle(story.options[parts.mean(axis=0)[[0, 1, 3], 0].argmax()]))

# %% [markdown]
# Both halves of the story are measured: the answers that became right *lowered* the loss, the answers that stayed wrong raised it by far more. Right answers that
# became less sure add next to nothing; right answers as a group even lowered the loss, since most of them became surer. And the payers are few:

# %%
final = [(hurried(run, 0.1, seed), run.val_logits[-1]) for seed, run in zip(SEEDS, digit_runs)]
by_wrong = np.mean([ledger.share_paid_by_wrong(y, logits=z) for y, z in final])
by_worst = np.mean([ledger.share_paid_by_worst(y, 5, logits=z) for y, z in final])
wrong_share = np.mean([1 - metrics.accuracy(y, z) for y, z in final])
Markdown(
    f"In the last epoch about {wrong_share:.0%} of the answers count as wrong, "
    f"and they pay more than {np.floor(10 * by_wrong) / 10:.0%} of the loss. "
    f"The dearest 5 % of the answers pay over {np.floor(10 * by_worst) / 10:.0%}."
)

# %% [markdown]
# ### Ten classes, ten minima
#
# The same answer adds that with many classes a network may be overfitting on some while it still learns others. Look at each digit's own loss: is its minimum
# in the same epoch as that of the mean?

# %% claims=["002-A1i"]
own_minimum = []
for (labels, _), each, (loss, _) in zip(final, digit_runs, digit_curves[0.1]):
    per_example = [metrics.cross_entropy_per_example(labels, logits=z) for z in each.val_logits]
    per_class = [np.array(per_example)[:, labels == digit].mean(axis=1) for digit in range(10)]
    own_minimum.append(np.argmin(per_class, axis=1) - loss.argmin())
own_minimum = np.array(own_minimum)  # (seeds, classes): epochs later than the mean's minimum
past, still = (own_minimum < 0).sum(axis=1), (own_minimum > 0).sum(axis=1)
print(
    f"some classes are past their minimum, others not yet: {(past * still > 0).sum()} of 10 seeds"
)
print(f"on average {past.mean():.1f} of ten classes are past it, {still.mean():.1f} still improve")
assert (past * still > 0).sum() >= 8

# %% [markdown]
# True, with one caution: fifty pictures per class give each of these curves a wide error band, so part of the spread is chance (lesson 5 says how to tell).
#
# ## A second way: two phenomena in one data set
#
# Wrong validation labels are one ingredient. Here is another, with no wrong label anywhere. Four points in five lie on a checkerboard, a pattern that takes many
# epochs to learn. One in five can only be memorised: its class is a coin. The network learns the first *and* memorises the second, at the same time.

# %%
two_question = Question(
    "2-two",
    "Checkerboard and coins, 60 epochs. In how many of ten fresh seeds do validation loss (by "
    "over a tenth) and accuracy (by over a point) both rise after the minimum of the loss?",
    [0, 3, 7, 10],
)
two_question


# %%
def train_two(seed, coin_share):
    """A checkerboard with a share of coin points, the same share in training and validation."""
    rng = np.random.default_rng(seed)
    train, val = (problems.two_phenomena(coin_share=coin_share, rng=rng) for _ in range(2))
    network = Network([22, 64, 64, 2], rng=rng)
    return fit(network, train, val, epochs=60, learning_rate=3e-3, batch_size=50, rng=rng)


def train_teacher(seed):
    """Plain overfitting: 300 clean points of a smooth problem, learnt by heart."""
    rng = np.random.default_rng(seed)
    train, val = problems.teacher(rng=rng)
    network = Network([20, 128, 2], rng=rng)
    return fit(network, train, val, epochs=80, learning_rate=3e-3, batch_size=50, rng=rng)


# %% claims=["002-Q1", "001-C7"]
def val_curves(runs):
    """Validation loss and accuracy of each run."""
    return [(run["val_loss"], run["val_accuracy"]) for run in runs]


two_runs = [train_two(seed, coin_share=0.2) for seed in SEEDS]
two_curves = val_curves(two_runs)
_, both = verdict("checkerboard and coins", [rise_and_gain(*pair) for pair in two_curves])
assert both >= 8
print(two_question.settle(int(both)))

# %% [markdown]
# ## Which ingredient does it need?
#
# "It is just overfitting" is the usual answer. Test it. Take away the coins; take away the wrong labels (done above); and take a network that plainly overfits a smooth
# problem: 300 points, no wrong label, no coins.

# %%
needed = Question(
    "2-needed",
    "Plain overfitting alone: 300 clean points learnt by heart, training accuracy 1. "
    "After the minimum of the validation loss, the validation accuracy",
    ["rises by over a point", "stays or falls slightly", "falls by over ten points"],
)
needed

# %% claims=["002-A5a", "003-Q1", "002-Q1"]
no_coins = val_curves([train_two(seed, coin_share=0) for seed in SEEDS])
teacher_runs = [train_teacher(seed) for seed in SEEDS]
settings = {
    "digits, 10% of labels wrong": digit_curves[0.1],
    "digits, no label wrong": digit_curves[0],
    "checkerboard and coins": two_curves,
    "checkerboard, no coins": no_coins,
    "plain overfitting": val_curves(teacher_runs),
}
counts = {
    name: verdict(name, [rise_and_gain(*pair) for pair in pairs])
    for name, pairs in settings.items()
}
assert counts["checkerboard, no coins"][0] <= 2 and counts["digits, no label wrong"][0] <= 2
assert counts["plain overfitting"][0] >= 8 and counts["plain overfitting"][1] <= 2

# %%
gains = np.array([rise_and_gain(*pair)[1] for pair in settings["plain overfitting"]])
fitted = np.mean([run["train_accuracy"][-1] for run in teacher_runs])
print(f"training accuracy {fitted:.2f}, validation accuracy {points(gains.mean())}")
stays = (gains <= 0.01) & (gains > -0.03)
print(f"accuracy stays or falls by less than three points in {stays.sum()} of 10 seeds")
assert stays.sum() >= 8 and fitted > 0.99
number = 0 if gains.mean() > 0.01 else 2 if gains.mean() < -0.1 else 1
print(needed.settle(needed.options[number]))

# %% [markdown]
# This is what somebody saw who trained a convolutional network far too long and asked why the loss went up while accuracy *stayed*: it is the loss that
# overfits, the decisions hardly move. Overfitting explains a rising loss. It does not by itself explain a rising accuracy: in both settings where accuracy
# rose, something was still being **learnt** while something else was **wrongly believed with growing confidence**, wrong labels or coins. On real
# pictures (lesson 6) it may be hard cases beside easy ones.
#
# ### The path through the plane
#
# Is the relation between the two measures a straight line? Follow a run epoch by epoch: circles up to the minimum of the loss, squares after it.

# %%
BOOKS = {
    "digits, 10% of labels wrong": [(run, y) for run, (y, _) in zip(digit_runs, final)],
    "checkerboard and coins": [(run, run.val_labels) for run in two_runs],
    "plain overfitting": [(run, run.val_labels) for run in teacher_runs],
}


def setup_path(fig):
    plane, bars = charts.panels(fig, "Path of one run", "Ledger since the minimum, nats")
    charts.loss_accuracy_plane(plane, lowest_accuracy=0.4, loss_top=2.1)
    before = charts.curve(plane, [], [])
    after = charts.curve(plane, [], [], colour="vermilion")
    before.set(marker="o", markersize=4)
    after.set(marker="s", markersize=4)
    ledger_bars = charts.signed_bars(bars, NAMES, low=-0.5, high=1.3, xlabel="added to the loss")
    return {"before": before, "after": after, "bars": ledger_bars}


# %%
def update_path(parts, setting, share):
    (run, labels), (loss, accuracy) = BOOKS[setting][0], settings[setting][0]
    low, now = loss.argmin(), round(share * (len(loss) - 1))
    book = ledger.between(labels, logits=(run.val_logits[low], run.val_logits[max(now, low)]))
    parts["before"].set_data(accuracy[: min(now, low) + 1], loss[: min(now, low) + 1])
    parts["after"].set_data(accuracy[low : now + 1], loss[low : now + 1])
    added = [part.contribution for _, part in book.items()]
    counts = [f"{value:+.2f} ({part.count})" for value, (_, part) in zip(added, book.items())]
    parts["bars"].set(added, counts)
    if now < low:
        since = f"the minimum of the loss comes in epoch {low + 1}"
    else:
        loss_is, accuracy_is = direction(book.change, 1), direction(book.accuracy_change, 2)
        since = f"since its minimum the loss is {loss_is}, accuracy {accuracy_is}"
    return f"{setting}, epoch {now + 1} of {len(loss)}: {since}."


# %%
Explorer(
    setup_path,
    update_path,
    setting=list(BOOKS),
    share=np.linspace(0, 1, 21),
    start={"share": 1.0},
    labels={"setting": "training", "share": "how far"},
    title="Three runs in the plane of loss and accuracy",
    figsize=(9, 3.6),
)


# %% claims=["001-C10", "002-A1b"]
def correlations(loss, accuracy):
    """Correlation of loss and accuracy up to the minimum of the loss, and from there on."""
    low = loss.argmin()
    early = np.corrcoef(loss[: low + 1], accuracy[: low + 1])[0, 1]
    return early, np.corrcoef(loss[low:], accuracy[low:])[0, 1]


late = {}
print("correlation of validation loss and accuracy, mean over ten seeds")
for name in ("digits, 10% of labels wrong", "plain overfitting"):
    early, late[name] = np.mean([correlations(*pair) for pair in settings[name]], axis=0)
    print(f"{name:30} up to the minimum {early:+.1f}, after it {late[name]:+.1f}")
    assert early < -0.8
assert late["digits, 10% of labels wrong"] > 0.3 > late["plain overfitting"]

# %% [markdown]
# "Intuitively loss and accuracy move in opposite directions" is right *up to the minimum of the loss*. After it the correlation may be anything,
# even strongly positive. A rule learnt on the first half of a curve does not hold on the second.
#
# ## The reverse: loss falls, accuracy falls
#
# The article with the two cases also reports a strange drop: around epoch 50 accuracy falls for a while although the loss improves smoothly. And the unanswered
# comment saw both fall, *on the training set too*. The smallest training that does it is a softmax regression on two features:
# two neat groups of points around −1 and 1, and eight points of the left class far away on the right, at 20. Full-batch gradient descent with a small step: the training
# loss must fall at every step.

# %%
dip_question = Question(
    "2-dip",
    "The training loss falls strictly at every one of 1,000 steps. "
    "What does the training accuracy do on the way?",
    [
        "rises or stays at every step",
        "wobbles by a point or two around its rising course",
        "falls by more than ten points, then recovers",
    ],
)
dip_question

# %%
train = problems.leverage_outliers(rng=100)
network = Network([2, 2], rng=0, scale=0)
descent = GradientDescent(network.parameters, learning_rate=0.01)
border_of, dip_logits = [], []
for _ in range(1_000):
    descent.step(network.gradients(train.x, train.y))
    (weight,), (bias,) = network.weights, network.biases
    border_of.append([*(weight[:, 1] - weight[:, 0]), bias[1] - bias[0]])  # class 1 over class 0
    dip_logits.append(network.logits(train.x))
dip_loss = [metrics.cross_entropy(train.y, logits=logits) for logits in dip_logits]
dip_wrong = [~metrics.correct(train.y, logits) for logits in dip_logits]
dip_accuracy = 1 - np.mean(dip_wrong, axis=1)

# %% [markdown]
# Move through the training. Squares belong to the right-hand class, circles to the left-hand class, crosses mark wrong answers. The line is the border where the
# network is undecided. (Within a group the height of a point means nothing; it only keeps points apart.) **On which side of the border do the outliers start, and what is
# sacrificed for them?**

# %%
height = np.random.default_rng(0).random(len(train.x))
is_outlier = train.x[:, 0] > 10


def draw_points(places):
    """Draw the two groups and, on axes of their own, the outliers."""
    for ax, limits, here in zip(places, ((-2.3, 2.3), (0, 24)), (~is_outlier, is_outlier)):
        ax.set(xlim=limits, ylim=(-0.1, 1.1), xlabel="feature 1", yticks=[])
        for label, colour in ((0, "blue"), (1, "vermilion")):
            shown = here & (train.y == label)
            charts.points(ax, train.x[shown, 0], height[shown], colour=colour)


# %%
def setup_dip(fig):
    *places, measured = charts.panels(fig, "Two groups", "Eight outliers", "Loss (solid), accuracy")
    draw_points(places)
    measured.set(xscale="log", xlim=(1, 1_300), ylim=(0.5, 1.02), xlabel="step")
    charts.curve(measured, range(1, 1_001), dip_loss)
    charts.curve(measured, range(1, 1_001), dip_accuracy, colour="vermilion")
    crosses = [ax.plot([], [], "x", color=figures.INK)[0] for ax in places]
    borders = [ax.axvline(0, color=figures.PALETTE["green"]) for ax in places]
    return crosses, borders, charts.dot(measured, "purple")


# %%
def update_dip(parts, step):
    crosses, borders, dot = parts
    loss, accuracy, wrong = dip_loss[step - 1], dip_accuracy[step - 1], dip_wrong[step - 1]
    w1, w2, b = border_of[step - 1]
    for cross, border, here, feature_2 in zip(crosses, borders, (~is_outlier, is_outlier), (0, 3)):
        cross.set_data(train.x[wrong & here, 0], height[wrong & here])
        border.set_xdata([-(b + w2 * feature_2) / w1] * 2)
    dot.move(step, accuracy, f"{accuracy:.0%}")
    return (
        f"Step {step}: loss {loss:.3f}, accuracy {accuracy:.0%}; "
        f"wrong are {(wrong & ~is_outlier).sum()} of 192 points of the groups "
        f"and {(wrong & is_outlier).sum()} of 8 outliers."
    )


# %%
STEPS = np.unique(np.geomspace(1, 1_000, 46).round().astype(int)).tolist()
Explorer(
    setup_dip,
    update_dip,
    step=STEPS,
    start={"step": STEPS[30]},
    title="Gradient descent on two groups and eight outliers",
    figsize=(9, 3.2),
)

# %% [markdown]
# Feature 1 separates the two groups, yet the eight outliers lie so far out on it that they hold its weight back, and they pull the bias towards their own class.
# So the border slides into the right-hand group. Only when feature 2 has learnt to handle the outliers does feature 1 get its way. Why does the loss allow it?
# Ask the ledger, from the first step to the step with the lowest accuracy:

# %% claims=["003-C3"]
lowest = int(dip_accuracy.argmin())
dip_book = ledger.between(train.y, logits=(dip_logits[0], dip_logits[lowest]))
assert dip_book.change < 0 and dip_book.accuracy_change < -0.1
assert dip_book.right_to_wrong.contribution < -0.1 * dip_book.right_to_right.contribution
dip_book

# %% [markdown]
# Many answers are lost, each by a hair, so together they cost next to nothing. The answers that stay right become a little surer, and that saves more. Now ten fresh
# seeds, with a validation set of their own:


# %%
def train_dip(seed):
    """Full-batch gradient descent from zero on two groups and eight outliers."""
    rng = np.random.default_rng(seed)
    train, val = problems.leverage_outliers(rng=rng), problems.leverage_outliers(rng=rng)
    how = {"epochs": 1_000, "learning_rate": 0.01, "optimizer": "gd", "shuffle": False, "rng": rng}
    return fit(Network([2, 2], rng=rng, scale=0), train, val, **how)


# %%
dips = [train_dip(seed) for seed in SEEDS]


def dip_counts(kind):
    """Runs whose loss falls at every step, whose accuracy dives by ten points, and recovers."""
    loss, accuracy = (
        np.array([run[f"{kind}_{what}"] for run in dips]) for what in ("loss", "accuracy")
    )
    drop, back = accuracy[:, 0] - accuracy.min(axis=1), accuracy[:, -1] - accuracy[:, 0]
    return [
        (np.diff(loss) < 0).all(axis=1).sum(),
        (drop > 0.1).sum(),
        (back.round(6) >= -0.02).sum(),
    ]


# %% claims=["003-C3", "002-A1j", "002-A2c"]
dip_found = {kind: dip_counts(kind) for kind in ("train", "val")}
print("in how many of ten seeds   loss falls at every step   accuracy dives   and recovers")
for kind, (falls, dives, recovers) in dip_found.items():
    print(f"{kind:24}   {falls:24}   {dives:14}   {recovers:12}")
assert min(map(min, dip_found.values())) >= 8

# %%
falls_far = dip_found["train"][1] >= 8
print(dip_question.settle(dip_question.options[2 if falls_far else 1]))

# %% [markdown]
# Stop such a training at its lowest accuracy and you hold the example that was asked for: both measures fell, on the training set and on the validation set, and
# every single step was an improvement by the measure that training follows. What happened in that article's network nobody can tell from its curve; but nothing needs to be
# broken for such a dip.
#
# ### The everyday version: class weights
#
# The second way is much more common. One point in ten is positive; the network starts from the base rate, and each positive is given a larger **weight** in the loss, as many
# recipes for imbalance advise. The loss on the screen is then the weighted one.

# %%
weight_question = Question(
    "2-weights",
    "With positives weighted nine to one, the weighted loss falls at every step. "
    "Accuracy and the plain (unweighted) cross-entropy on the same points",
    ["both improve", "both get worse", "accuracy falls, plain loss improves"],
)
weight_question


# %%
def train_weighted(seed, weight):
    """Softmax regression from the base rate; positives count `weight` times as much."""
    data = problems.imbalanced_gaussians(rng=seed)
    weights = np.where(data.y == 1, weight, 1.0)
    weights /= weights.mean()
    network = Network([2, 2], rng=0, scale=0)
    network.biases[0][1] = np.log(data.y.mean() / (1 - data.y.mean()))
    how = {"epochs": 300, "learning_rate": 0.25, "optimizer": "gd", "shuffle": False, "rng": 0}
    return fit(network, data, data, weights=weights, **how)


WEIGHTS = (1, 2, 3, 5, 9)
weighted = {weight: train_weighted(100, weight) for weight in WEIGHTS}

# %%
NAMES_WEIGHTED = ("weighted_train_loss", "train_loss", "train_accuracy")
WEIGHTED_STEPS = (1, 2, 3, 5, 7, 10, 14, 20, 28, 40, 56, 80, 113, 160, 226, 300)


def setup_weights(fig):
    axes = charts.panels(fig, "Weighted loss", "Plain cross-entropy", "Accuracy")
    lines = [charts.curve(ax, range(1, 301), range(300)) for ax in axes]
    for ax, (low, high) in zip(axes, ((0, 1.3), (0, 1.3), (0.6, 1))):
        ax.set(xscale="log", xlim=(1, 360), ylim=(low, high), xlabel="step")
    return lines, [charts.dot(ax) for ax in axes]


# %%
def update_weights(parts, weight, step):
    run = weighted[weight]
    now = [run[name][step - 1] for name in NAMES_WEIGHTED]
    for line, dot, name, value in zip(*parts, NAMES_WEIGHTED, now):
        line.set_ydata(run[name])
        dot.move(step, value, f"{value:.2f}")
    moves = [direction(value - run[name][0], 3) for name, value in zip(NAMES_WEIGHTED, now)]
    return (
        f"Positives count {weight}-fold. "
        f"From step 1 to step {step} the weighted loss is {moves[0]}, "
        f"the plain loss {moves[1]}, accuracy {moves[2]} (now {now[2]:.0%})."
    )


# %%
Explorer(
    setup_weights,
    update_weights,
    weight=WEIGHTS,
    step=WEIGHTED_STEPS,
    start={"weight": 9, "step": 300},
    labels={"weight": "weight of a positive"},
    title="What class weights do to three measures",
    figsize=(9, 3),
)

# %% claims=["002-A1j", "004-C6"]
many = [train_weighted(seed, 9) for seed in SEEDS]
first_last = {name: np.array([run[name][[0, -1]] for run in many]).T for name in NAMES_WEIGHTED}
for name, (first, last) in first_last.items():
    print(f"{name:20} {first.mean():.2f} -> {last.mean():.2f}, lower in {(last < first).sum()}/10")
monotone = [bool((np.diff(run["weighted_train_loss"]) < 1e-6).all()) for run in many]
print(f"the weighted loss never rises in {sum(monotone)} of 10 seeds")
assert sum(monotone) >= 8
for name, lower in (("weighted_train_loss", 10), ("train_loss", 0), ("train_accuracy", 10)):
    first, last = first_last[name]
    assert abs((last < first).sum() - lower) <= 2, name

# %%
plain_change, accuracy_change = (
    np.diff(first_last[name], axis=0).mean() for name in NAMES_WEIGHTED[1:]
)
outcomes = {(True, True): "both get worse", (False, True): "accuracy falls, plain loss improves"}
print(weight_question.settle(outcomes.get((plain_change > 0, accuracy_change < 0), "both improve")))

# %% [markdown]
# The loss that you watch fell because it is *another* loss. The weights move the border towards the majority, so that more positives are found, and pay with accuracy and
# with the honesty of the probabilities: the plain cross-entropy of the same answers gets worse. That may be what you want (lesson 4 asks when). But "the loss goes down steadily, so
# the model is learning" does not follow. If both your measures fall, look first at *which* loss is printed: class weights, sample weights, or a penalty added to it.
#
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "if the loss rises, accuracy must fall" | all four quadrants, with two pictures and a slider |
# | "loss and accuracy cannot fall together" | .51 and .01 become .49 and .49; and a training that does it at every step |
# | "both rise: the network is broken, or it is noise" | a correct network does it in every fresh seed, because the validation labels are partly wrong, or part of the data is a coin |
# | "it is just overfitting" | plain overfitting raises the loss and lets accuracy stay or fall |
# | "right answers become less sure" | they add next to nothing; the wrong answers that get worse pay for the rise |
# | "picture C goes really wrong" | a slip of the pen: C becomes right, D goes wrong |
# | "a steadily falling loss means that the model is learning" | weighted loss down, plain loss up, accuracy down |
#
# ## Check yourself

# %% jupyter={"source_hidden": true}
checks.choice(
    "2-check-floor",
    "On 1,000 validation examples with ten classes accuracy is 70 % and the mean loss is reported as 0.15 nats. What do you conclude?",
    right=(
        "one of the two numbers is wrong",
        f"Yes: three wrong answers in ten cost at least 0.3 ln 2 = {0.3 * np.log(2):.2f} nats on average. They were measured on different examples or in different ways.",
    ),
    wrong=[
        (
            "the network is very well calibrated",
            "No calibration gets below (1 − accuracy) ln 2: a wrong answer costs at least ln 2.",
        ),
        (
            "the right answers are extremely confident",
            "They may cost nothing at all; the wrong ones alone already cost more than this.",
        ),
        (
            "nothing: loss and accuracy are unrelated",
            "They are loosely related: below the floor of the plane there are no predictions.",
        ),
    ],
)

# %% jupyter={"source_hidden": true}
change = measure([0.95, 0.05])[0] - measure([0.6, 0.4])[0]
checks.number(
    "2-check-change",
    "Two pictures: p(true) goes from .6 and .4 to .95 and .05. By how many nats does the mean loss change (with its sign, two decimals)?",
    answer=change,
    tolerance=0.006,
    hint="Take the mean of −ln p before and after, and subtract the first from the second.",
    known={
        -change: "The size is right, the sign is not: the loss rose.",
        2 * change: "That is the sum over both pictures; the mean divides by two.",
        0.0: "Accuracy did not change. The loss did: the gain on one picture is smaller than the price of the other.",
    },
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "2-check-ledger",
    "A ledger says: right → right −0.15, right → wrong +0.01, wrong → right −0.05, wrong → wrong +0.70 nats. Which sentence fits?",
    right=(
        "loss and accuracy probably rose; wrong answers grew surer",
        "Yes: the sum is positive, and answers that became right outweigh those that were lost (their counts would settle it).",
    ),
    wrong=[
        (
            "the loss rose because right answers lost confidence",
            "Right answers that stayed right became cheaper, so surer: −0.15.",
        ),
        (
            "the loss rose because the network forgot much of what it knew",
            "Answers that were lost add only +0.01.",
        ),
        ("the loss fell: right answers became cheaper", "Add the four: the sum is above zero."),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "2-check-ingredient",
    "Your validation loss rises, your validation accuracy rises too. Which test separates 'wrong validation labels' from 'plain overfitting'?",
    right=(
        "check the labels of the validation examples with the highest loss",
        "Yes: if the labels are the ingredient, wrong ones crowd at the top of that list; with corrected labels the rise goes away.",
    ),
    wrong=[
        (
            "train for longer and see whether both go on rising",
            "They do in both cases; nothing is separated.",
        ),
        ("look at whether the training loss falls to nearly zero", "It falls in both cases."),
        (
            "add dropout and see whether the rise gets smaller",
            "It makes networks less confident in both cases, so it does not tell them apart.",
        ),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "2-check-weights",
    "After you switch on class weights, the training loss on the screen falls nicely and training accuracy falls as well. What is the likeliest reading?",
    right=(
        "the loss on the screen is the weighted one",
        "Yes: training lowers what it is asked to lower, and that is no longer the mean over all examples alike. Measure the plain one too.",
    ),
    wrong=[
        (
            "a bug: training loss and accuracy cannot fall together",
            "You saw it in every fresh seed, without a bug.",
        ),
        (
            "overfitting to the class with the large weight",
            "Overfitting is a matter between training and validation; here both measures are of the training set.",
        ),
        ("the learning rate is too high", "Then the loss would jump; it falls at every step."),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "2-check-plain",
    "A network learns a small clean training set by heart. Its validation loss nearly doubles after the minimum. What do you expect of its validation accuracy?",
    right=(
        "it stays about where it was, or falls a little",
        "Yes: in the ten seeds it moved by a point or so, while the loss rose steeply.",
    ),
    wrong=[
        (
            "it falls by about half, as the loss nearly doubles",
            "The loss grows through confidence in answers that were wrong already; few answers change.",
        ),
        (
            "it rises by several points while the errors grow surer",
            "That needs something still to be learnt; here the training set is already known by heart.",
        ),
    ],
)

# %% [markdown]
# ## Summary
#
# - Loss and accuracy can move in any of the four combinations. The only laws between them: a mean loss of at least
#   (1 − accuracy) ln 2, and of at most ln K if every answer is right.
# - A change in loss splits exactly into four groups. When loss and accuracy rise together, answers that stay wrong pay, and answers that become right are cheaper.
# - In these experiments both rose only with an ingredient: wrong validation labels, or something that is learnt while something else is memorised. Take
#   it away and the joint rise is gone.
# - Plain overfitting raises the loss; accuracy stays or falls.
# - Loss and accuracy can fall together: outliers with a long lever, or a loss that is not the one you think (class weights).
#
# **What would change your mind?** A network that raises both measures on a validation set whose labels are right and whose examples are all equally easy. Try to build one.
#
# **Further reading.** C. Northcutt, A. Athalye, J. Mueller, "Pervasive label errors in test sets destabilize machine learning benchmarks", *NeurIPS Datasets and
# Benchmarks* (2021): how common wrong validation labels are. D. Soudry and others, "The implicit bias of gradient descent on separable data", *JMLR* 19 (2018): why
# validation loss can keep growing while the decisions settle. C. Guo and others, "On calibration of modern neural networks", *ICML* (2017).
#
# **Next:** lesson 3, where a loss looks wrong, and sometimes is.
