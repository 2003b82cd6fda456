# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 4 · Imbalance: why is 90 % accuracy worthless here?
#
# **Time** about 50 minutes. **You need** lesson 1 (cross-entropy, accuracy) and lesson 2 (loss and accuracy can part).
#
# After this lesson you can
#
# 1. give the baseline that any accuracy and any loss must beat, from the class shares alone;
# 2. read a confusion matrix and say which of two models is more useful, and by which measure;
# 3. tell recall from "accuracy of one class against the rest", which flatters every rare class;
# 4. say what a threshold, a class weight and a rarer class each do to precision, recall, F1, ROC AUC and average precision;
# 5. say why recall and F1 need more examples than accuracy does;
# 6. record F1 after each epoch, and read a flat F1 curve.

# %%
import os
from functools import cache

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is loaded: no greeting
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # and the same sums on every machine
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny computations are fastest with one thread

import numpy as np
from IPython.display import Markdown
from matplotlib.figure import Figure
from sklearn import metrics as sk

from lessonlib import charts, checks, figures, metrics, network, problems
from lessonlib.explorer import Explorer
from lessonlib.predictions import Question

SEEDS = range(100, 110)  # the settings below were chosen on seeds 0 to 9

# %% [markdown]
# ## Ninety apples
#
# A crate holds 100 fruits, 90 of them apples. A model that has never seen a fruit answers "apple" every time and is right on 90 of them. This is the
# **majority baseline**: the share of the most frequent class. Nobody should be praised for it, and every accuracy is to be compared with it.
#
# But what does an accuracy a little *above* the baseline tell?

# %%
found_question = Question(
    "4-apples-92",
    "90 of 100 fruits are apples. "
    "A model is right on 92 of the 100. How many of the ten other fruits has it found?",
    ["two", "at least nine", "anything from two to ten", "ten"],
)
found_question

# %% claims=["003-C10", "001-C2"]
possible = [
    found  # of the 10 others; `alarms` apples are taken for something else
    for found in range(11)
    for alarms in range(91)
    if found + (90 - alarms) == 92
]
print("92 right answers are possible with", possible, "of the ten others found")
found_all = possible == list(range(2, 11))
print(found_question.settle("anything from two to ten" if found_all else "two"))

# %% [markdown]
# Accuracy does not say *which* answers are right. So take it apart. Call the rare class **positive** (here: not an apple) and count four numbers:
# positives that are found and missed, negatives that are let pass and **false alarms**. From them:
#
# - **recall** (sensitivity): the share of the positives that are found;
# - **precision**: the share of the alarms that are right;
# - **F1**: the harmonic mean of these two, `2 · found / (positives + alarms of either kind)`;
# - **balanced accuracy**: the mean of the recalls of all classes.


# %%
def five_measures(truth, said, weights=None):
    """Return the five measures of answers 0 or 1, all from scikit-learn."""
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        truth, said, average="binary", zero_division=0, sample_weight=weights
    )
    return {
        "accuracy": sk.accuracy_score(truth, said, sample_weight=weights),
        "balanced acc.": sk.balanced_accuracy_score(truth, said, sample_weight=weights),
        "recall": recall,
        "precision": precision,
        "F1": f1,
    }


# %% [markdown]
# Move the share of apples and watch what a model without any skill reaches. The loss has a baseline too: a model that always answers with the class
# shares as its probabilities pays their **entropy**. **Before you move it:** which bars will change at all?


# %%
def entropy(share):
    """Return the cross-entropy, in nats, of always answering with the class shares."""
    return -(share * np.log(share) + (1 - share) * np.log(1 - share))


def setup_apples(fig):
    left, right = charts.panels(fig, 'Always "apple"', "Two baselines")
    shares = np.linspace(0.5, 0.995, 100)
    charts.curve(right, 100 * shares, shares, label="accuracy")
    charts.curve(right, 100 * shares, entropy(shares), colour="vermilion", label="loss, nats")
    right.set(xlim=(39, 114), ylim=(0, 1.15), xlabel="share of apples, %")
    right.set_xticks(range(50, 101, 10))
    right.legend(loc="lower left")
    bars = charts.bars(left, list(five_measures([0, 1], [0, 0])), largest=1, xlabel="value")
    return bars, charts.dot(right, "blue"), charts.dot(right, "vermilion")


# %% claims=["001-C2", "003-C10", "000-E3"]
def update_apples(parts, apples):
    bars, accuracy_dot, loss_dot = parts
    measured = five_measures(np.repeat([0, 1], [apples, 100 - apples]), np.zeros(100, int))
    bars.set(list(measured.values()))
    loss = entropy(apples / 100)
    accuracy_dot.move(apples, measured["accuracy"], f"{measured['accuracy']:.2f}")
    loss_dot.move(apples, loss, f"{loss:.3f}")
    accuracy_dot.number.set(position=(-8, 8), horizontalalignment="right")  # beside the curves
    loss_dot.number.set(position=(8, 4), horizontalalignment="left")
    return (
        f'{apples} % apples, "apple" every time: accuracy {measured["accuracy"]:.2f}, recall '
        f"{measured['recall']:.0f}, F1 {measured['F1']:.0f}, balanced accuracy "
        f"{measured['balanced acc.']:.2f}. Answering with the shares costs {loss:.3f} nats."
    )


# %%
Explorer(
    setup_apples,
    update_apples,
    apples=range(50, 100),
    start={"apples": 90},
    labels={"apples": "apples among 100"},
    title="A model without skill",
)

# %% [markdown]
# Only accuracy moves with the share; recall, precision and F1 stay at 0, balanced accuracy at one half. The loss falls as the apples take over.
# So a small loss is nothing to be proud of either, where one class has nine tenths. **A number without its baseline means nothing**, and both
# baselines follow from the class shares.
#
# ## Nine to one: which model is more useful?
#
# A popular explanation of imbalance has ten examples, nine negative and one positive, the last. Model 1 always answers "negative".
# Model 2 answers "negative" too, except for one example, where it answers "positive". Model 2 reaches 80 %, and the explanation says that it makes
# *one* error and that it is *the more useful* of the two.

# %%
useful_question = Question(
    "4-nine-to-one",
    "Ten examples, one of them positive. "
    "Model 2 answers 'positive' exactly once and has an accuracy of 80 %. Its recall is",
    ["0", "0.5", "1"],
)
useful_question

# %% claims=["001-E1a", "001-E1b", "001-C4"]
truth = np.array([0] * 9 + [1])
model_1 = np.zeros(10, int)
model_2 = np.zeros(10, int)
model_2[8] = 1  # a negative; the positive stands at index 9
one, two = five_measures(truth, model_1), five_measures(truth, model_2)
print(f"{'':14} model 1  model 2")
for name in one:
    print(f"{name:14} {one[name]:7.3f}  {two[name]:7.3f}")
print("errors of model 2:", (model_2 != truth).sum(), "at", np.flatnonzero(model_2 != truth))
assert all(two[name] <= one[name] for name in one) and two["recall"] == 0

# %%
print(useful_question.settle(f"{two['recall']:.0f}"))

# %% [markdown]
# With one positive among ten, 80 % means **two** errors: a false alarm, and the one positive is missed as well. Model 2 is not better in any of the
# five measures and worse in two. What would make it more useful? Find out: edit the answers. The first control is what the model says about the
# one positive, the second how many of the nine negatives it calls positive. **Find a model with 80 % that deserves the praise, and one with 90 %.**


# %%
def setup_editor(fig):
    left, right = charts.panels(fig, "Ten answers", "Measures")
    table = charts.count_table(left, ["negative", "positive"])
    return table, charts.bars(right, list(one), largest=1, xlabel="value")


# %% claims=["001-E1b", "001-C4", "001-M4"]
def update_editor(parts, finds, alarms):
    said = np.zeros(10, int)
    said[:alarms], said[9] = 1, finds
    measured = five_measures(truth, said)
    parts[0].set(sk.confusion_matrix(truth, said))
    parts[1].set(list(measured.values()))
    return (
        f"The positive is {'found' if finds else 'missed'}; false alarms: {alarms}; "
        + ", ".join(f"{name} {value:.2f}" for name, value in measured.items())
        + "."
    )


# %%
Explorer(
    setup_editor,
    update_editor,
    finds=[False, True],
    alarms=range(10),
    start={"alarms": 1},
    labels={"finds": "finds the positive", "alarms": "false alarms"},
    title="Edit the answers of model 2",
)


# %% claims=["001-E1b", "001-C4"]
def edited(finds, alarms):
    """The measures of a model that finds the positive or not, with some false alarms."""
    return five_measures(truth, np.array([1] * alarms + [0] * (9 - alarms) + [int(finds)]))


for finds, alarms in [(False, 0), (True, 1), (False, 1), (True, 2)]:
    told = ", ".join(f"{name} {value:.3f}" for name, value in edited(finds, alarms).items())
    print(f"found {finds:d}, false alarms {alarms}: {told}")
assert np.isclose(edited(False, 0)["accuracy"], edited(True, 1)["accuracy"])
assert edited(True, 2)["balanced acc."] > edited(True, 2)["accuracy"] > edited(True, 2)["F1"] > 0

# %% [markdown]
# Read the lines in pairs: the first two have the same accuracy, the last two as well, and in each pair one model finds the positive and the other
# does not. **Accuracy counts a miss and a false alarm alike.** Which one is worse is not a question of statistics: a missed tumour and a second look
# are not the same. If misses are costly, look at recall first, and at precision to see what it costs.
#
# ## The 0.6 that is not there
#
# The same explanation goes on with three classes, ten examples, two errors: overall accuracy 0.8, "but for class 1 only 0.6". It computes
# the accuracy *of a class* as the share of all examples for which "is it this class?" was answered rightly. Before you see the numbers:

# %%
lowest_question = Question(
    "4-one-vs-rest",
    "Of three classes, one is found every time, the others in two cases of three. "
    "In accuracy of 'this class or not?', which class comes out lowest?",
    ["the class that is always found", "one of the other two", "all three are equal"],
)
lowest_question

# %% claims=["001-E3a", "001-E3b", "001-E3c"]
three_true = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
three_said = np.array([0, 1, 0, 0, 1, 2, 0, 0, 2, 0])
classes = range(3)
against_rest = [((three_true == k) == (three_said == k)).mean() for k in classes]
precision, recall, f1, _ = sk.precision_recall_fscore_support(three_true, three_said)
print(f"overall accuracy {sk.accuracy_score(three_true, three_said):.2f}")
print("class  this or not?  recall  precision    F1")
for k in classes:
    print(f"{k:5} {against_rest[k]:13.2f} {recall[k]:7.3f} {precision[k]:10.3f} {f1[k]:5.2f}")
every = np.concatenate([against_rest, recall, precision, f1])
print("is there a 0.6 anywhere?", bool(np.isclose(every, 0.6, atol=0.005).any()))
assert np.argmin(against_rest) == np.argmax(recall) and not np.isclose(every, 0.6, atol=0.005).any()

# %%
lowest_found = recall[int(np.argmin(against_rest))]
print(
    lowest_question.settle(
        "the class that is always found" if lowest_found == 1 else "one of the other two"
    )
)

# %% [markdown]
# There is no 0.6. And the one-vs-rest "accuracy" turns the order round: the class with perfect recall gets the lowest number, because the errors of the
# other two landed in it as false alarms, while those two collect credit for all the examples that are *not theirs*. Nor does the printed 0.8 hide
# anything lower: no number in that column is below it. What shows the weak classes is **recall**.
#
# With more classes it gets worse. Below, all classes are equally frequent and one class is found with the recall that you set (no false alarms).


# %%
def setup_rest(fig):
    left, right = charts.panels(fig, "One class among K", "That class in numbers")
    recalls = np.linspace(0, 1, 21)
    left.set(xlim=(-0.03, 1.03), ylim=(0, 1.12), xlabel="recall of the class", ylabel="value")
    charts.curve(left, recalls, recalls, colour="grey", label="recall itself")
    line = charts.curve(left, recalls, recalls, label="this class or not?")
    left.legend(loc="lower right")
    bars = charts.bars(right, ["this or not?", "recall"], largest=1, xlabel="value")
    return line, charts.dot(left), bars


# %% claims=["001-E3b"]
def update_rest(parts, n_classes, recall):
    line, dot, bars = parts
    line.set_ydata(1 - (1 - line.get_xdata()) / n_classes)  # misses are a share of one class in K
    against_rest = 1 - (1 - recall) / n_classes
    dot.move(recall, against_rest, f"{against_rest:.3f}")
    bars.set([against_rest, recall], right=[True, recall > 0.5], digits=3)
    return (
        f"{n_classes} classes, of this one {recall:.0%} are found: 'this class or not?' "
        f"is answered rightly in {against_rest:.1%} of all examples."
    )


# %%
Explorer(
    setup_rest,
    update_rest,
    n_classes=[2, 3, 5, 10, 20, 50, 100, 1000],
    recall=np.linspace(0, 1, 11),
    start={"n_classes": 10, "recall": 0.0},
    labels={"n_classes": "classes, K", "recall": "recall of the class"},
    title="A class that is never found scores 1 − 1/K",
)

# %% claims=["001-E3b"]
ten_true = np.repeat(np.arange(10), 50)
ten_said = np.where(ten_true == 7, 1, ten_true)  # class 7 is never predicted
never = ((ten_true == 7) == (ten_said == 7)).mean()
recall_7 = sk.recall_score(ten_true, ten_said, average=None)[7]
print(f"never predicted: {never:.2f}; recall {recall_7:.0f}")
assert never == 1 - (ten_true == 7).mean()

# %% [markdown]
# ## A good average that hides a bad class
#
# The sentence that the example was meant for is true, though. Handwritten digits, a small network, and all but five of the eights are taken out of the
# training set; the validation set stays as it is.

# %%
eight_question = Question(
    "4-eight",
    "Nine digits have about 100 training pictures each, the eight has 5. "
    "Overall validation accuracy is above 0.9. The recall of the eight is about",
    [0.0, 0.3, 0.6, 0.9],
)
eight_question


# %%
def train_on_few_eights(rows, seed, weights_of=lambda y: None):
    """Starve the eight; return validation digits and logits, and the training labels."""
    rng = np.random.default_rng(seed)
    train, val = problems.digits(1_000, 700, rng=rng)
    spare = np.flatnonzero(train.y == 8)[rows:]
    train = problems.Examples(np.delete(train.x, spare, 0), np.delete(train.y, spare))
    net, each = network.Network([64, 64, 10], rng=rng), weights_of(train.y)
    options = {"epochs": 30, "learning_rate": 5e-3, "batch_size": 50}
    network.fit(net, train, val, weights=each, rng=rng, **options)
    return val.y, net.logits(val.x).astype(float), train.y


# %% claims=["001-C5"]
def eight(digit, logits):
    """Overall accuracy, recall of the eight, and how often 'eight or not?' is right."""
    said = logits.argmax(axis=1)
    recall = sk.recall_score(digit == 8, said == 8)
    return sk.accuracy_score(digit, said), recall, ((digit == 8) == (said == 8)).mean()


plain_eight = [train_on_few_eights(5, seed) for seed in SEEDS]
overall, recall_8, rest_8 = np.array([eight(*each[:2]) for each in plain_eight]).T
print(f"mean of ten seeds: overall {overall.mean():.2f}, recall of the eight {recall_8.mean():.1f}")
hidden = (overall > 0.88) & (recall_8 < 0.65) & (rest_8 > overall)
print(f"overall above 0.88, recall below 0.65, 'eight or not?' above overall: {hidden.sum()} of 10")
assert hidden.sum() >= 8

# %%
print(eight_question.settle(recall_8.mean()))

# %%
row_counts = [1, 2, 5, 10, 20, 50, 100]
by_rows = {rows: train_on_few_eights(rows, 100) for rows in row_counts}


def setup_eights(fig):
    left, right = charts.panels(fig, "Recall of each digit", "In one number")
    each = charts.bars(left, [str(k) for k in range(10)], largest=1, xlabel="recall")
    names = ["overall accuracy", "balanced acc.", "'eight or not?'", "recall of the eight"]
    return each, charts.bars(right, names, largest=1, xlabel="value")


# %% claims=["001-C5"]
def update_eights(parts, rows):
    digit, logits, _ = by_rows[rows]
    recalls = sk.recall_score(digit, logits.argmax(axis=1), average=None)
    overall, recall, against_rest = eight(digit, logits)
    parts[0].set(recalls, right=np.arange(10) != 8)
    parts[1].set([overall, recalls.mean(), against_rest, recall], right=[True, True, True, False])
    return (
        f"Eights in training: at most {rows}. Overall accuracy {overall:.2f}, "
        f"recall of the eight {recall:.1f}, "
        f"'eight or not?' right in {against_rest:.2f} of all cases."
    )


# %%
Explorer(
    setup_eights,
    update_eights,
    rows=row_counts,
    start={"rows": 5},
    labels={"rows": "eights in training"},
    title="One class starved",
)

# %%
fewest, most = (eight(*by_rows[rows][:2]) for rows in (row_counts[0], row_counts[-1]))
Markdown(
    f"From {row_counts[0]} eight in training to {row_counts[-1]} its recall rose "
    f"by **{100 * (most[1] - fewest[1]):.0f} points**, the overall accuracy "
    f"by {100 * (most[0] - fewest[0]):.0f}: one digit in ten is a tenth of the average."
)

# %% [markdown]
# And balanced accuracy, which is the mean of the bars on the left, does not rescue you either: the classes are balanced in the validation set, so it
# *is* nearly the accuracy. **Look at the recall of every class; no average shows it.**
#
# ## One scorer, any threshold, any share
#
# So far we judged answers. A network gives a *score*, and the answer depends on a **threshold** that somebody chose, mostly 0.5 without a thought.
# Two more measures look at the scores and need no threshold:
#
# - **ROC AUC**: the chance that a positive drawn at random has a higher score than a negative drawn at random;
# - **average precision** (AP): the mean precision as the threshold comes down and one positive after the other is found.
#
# Below, positives and negatives are two Gaussian clouds, and the scorer is as good as a scorer can be: it knows the true probability. The only thing
# that changes is how rare the positives are.

# %%
rare_question = Question(
    "4-rare",
    "Positives become rarer, from 50 % to 2 %; "
    "what a positive and a negative look like stays the same. "
    "Which measure of the best possible scorer does not change?",
    ["ROC AUC", "average precision", "F1 at threshold 0.5", "accuracy"],
)
rare_question


# %%
def sigmoid(z):
    """Return the probability that belongs to a logit."""
    return 1 / (1 + np.exp(-z))


separation = 2.0
pool = problems.imbalanced_gaussians(4_000, positive_share=0.5, separation=separation, rng=100)
position = pool.x.sum(axis=1) / np.sqrt(2)  # along the line that joins the two clouds


def at_share(share):
    """True probability of each point at this share of positives, and how much it counts."""
    logit = separation * position + np.log(share / (1 - share))
    half = pool.y.mean()
    counts_as = np.where(pool.y == 1, share / half, (1 - share) / (1 - half))
    return sigmoid(logit), counts_as


# %% claims=["001-M1", "000-M5"]
shares = [0.5, 0.3, 0.2, 0.1, 0.05, 0.02]
ranking = {}
columns = ("AUC", "AP", "accuracy", "recall", "precision", "F1", "old cut")
print("positive" + "".join(f"{name:>11}" for name in columns))
for share in shares:
    p, counts_as = at_share(share)
    auc = sk.roc_auc_score(pool.y, p, sample_weight=counts_as)
    ranking[share] = auc, sk.average_precision_score(pool.y, p, sample_weight=counts_as)
    at_half = five_measures(pool.y, p > 0.5, counts_as)
    old_cut = five_measures(pool.y, position > 0, counts_as)["precision"]  # p = 0.5 at 50 %
    row = [ranking[share][1], *(at_half[name] for name in columns[2:6]), old_cut]
    print(f"{share:8.0%}{auc:11.3f}" + "".join(f"{value:11.2f}" for value in row))

# %%
unchanged = np.ptp([auc for auc, _ in ranking.values()]) < 1e-9
print(rare_question.settle("ROC AUC" if unchanged else "average precision"))

# %% [markdown]
# Same scorer, same pictures, rarer positives: the AUC says "as good as ever", average precision falls by more than half, and accuracy *rises*.
# Precision depends on the cut. With a threshold at a probability of 0.5 only the surest are called: precision falls a little, recall falls far. With
# the cut left where it was at 50 % (last column) recall stays, and precision collapses.
#
# None of these is wrong. AUC describes the scorer; precision and AP describe what somebody who receives its alarms will see. A useless scorer has an
# AUC of 0.5 and an AP equal to the share of positives, so **AP can only be read beside that share.**
#
# Now move the threshold as well. **Predict:** at 10 % positives, to which side must the threshold go to raise balanced accuracy?


# %%
axis = np.linspace(-4.5, 4.5, 91)


def cloud(centre):
    """Return the density of one cloud along the axis."""
    return np.exp(-((axis - centre) ** 2) / 2) / np.sqrt(2 * np.pi)


def setup_threshold(fig):
    left, right = charts.panels(fig, "Scores, as frequent as they are", "Measures")
    left.set(xlim=(-4.5, 4.5), ylim=(0, 0.46), xlabel="score of an example", yticks=[])
    called = charts.span(left, colour="grey", height=0.99)
    negative = charts.curve(left, axis, cloud(-1), label="negatives")
    positive = charts.curve(left, axis, cloud(1), colour="vermilion", label="positives")
    left.legend(loc="upper left")
    names = [*one, "ROC AUC", "average prec."]
    return called, negative, positive, charts.bars(right, names, largest=1, xlabel="value")


# %%
def update_threshold(parts, share, threshold):
    called, negative, positive, bars = parts
    negative.set_ydata((1 - share) * cloud(-1))
    positive.set_ydata(share * cloud(1))
    cut = (np.log(threshold / (1 - threshold)) - np.log(share / (1 - share))) / separation
    called.move(min(cut, 4.5), 4.5, '"positive"')
    p, counts_as = at_share(share)
    measured = five_measures(pool.y, p > threshold, counts_as)
    bars.set([*measured.values(), *ranking[share]])
    told = ", ".join(f"{name} {value:.2f}" for name, value in measured.items())
    return f"{share:.0%} positives, called positive above {threshold:.2f}: {told}."


# %%
Explorer(
    setup_threshold,
    update_threshold,
    share=shares,
    threshold=np.linspace(0.02, 0.9, 45),
    start={"share": 0.1, "threshold": 0.5},
    labels={"share": "share of positives", "threshold": "threshold"},
    title="Threshold and share",
    figsize=(9, 3.6),
)

# %% [markdown]
# Each measure has its own best threshold. At a tenth of positives, on a large sample:

# %% claims=["001-M1", "001-M4"]
many = problems.imbalanced_gaussians(50_000, separation=separation, rng=101)
p_many = sigmoid(separation * many.x.sum(axis=1) / np.sqrt(2) + np.log(0.1 / 0.9))
grid = np.linspace(0.02, 0.7, 35)
along = [five_measures(many.y, p_many > threshold) for threshold in grid]
best, best_at = {}, {}
for name in ("accuracy", "balanced acc.", "F1"):
    values = np.array([measured[name] for measured in along])
    best[name], best_at[name] = values.max(), grid[values.argmax()]
    print(f"{name:13} is highest, {best[name]:.2f}, with the threshold near {best_at[name]:.1f}")
assert best_at["balanced acc."] < best_at["F1"] < best_at["accuracy"]
assert abs(best_at["F1"] - best["F1"] / 2) < 0.05

# %% [markdown]
# For accuracy it is 0.5; for balanced accuracy it is the share of positives; for F1 it lies between them (at half of the best F1). A threshold of 0.5 is
# right for those who count misses and false alarms alike, and for nobody else. **Choose the threshold after training, on validation data, for the
# measure or the costs that matter.**
#
# ## 0.9 comes from the answer, not from the model
#
# A popular piece of code wants to show that an accuracy of 0.9 "can arise simply from imbalance". It makes a *new, untrained* network, 200 random inputs, 180
# labels of class 0 and 20 of class 1, and prints the accuracy. (It also makes a balanced training set, which nothing is ever trained on.) Suppose it is run
# with 300 different initial weights:

# %%
untrained_question = Question(
    "4-untrained",
    "Accuracy of 300 untrained networks on a set with 180 negatives and 20 positives:",
    ["spread all the way from 0.1 to 0.9", "nearly always about 0.5", "nearly always 0.9"],
)
untrained_question


# %% claims=["000-E3"]
def untrained(seed):
    """Share that an untrained net calls positive; accuracy on a 90/10 and a coin-flip set."""
    rng = np.random.default_rng(seed)
    logits = network.Network([100, 10, 2], rng=rng).logits(rng.random((200, 100), np.float32))
    labels = np.repeat([0, 1], [180, 20])
    coin = rng.integers(0, 2, 200)
    return (logits.argmax(1) == 1).mean(), *(metrics.accuracy(y, logits) for y in (labels, coin))


called, hits, coin_hits = np.array([untrained(seed) for seed in range(100, 400)]).T
print(f"lowest {hits.min():.1f}, mean {hits.mean():.1f}, SD {hits.std(ddof=1):.1f}")
print(f"accuracy 0.85 or more in {(hits >= 0.85).mean():.0%} of the networks")
print(f"the same inputs with coin flips as labels: mean {coin_hits.mean():.2f}")

# %%
is_spread = hits.min() < 0.15 and hits.max() > 0.85 and hits.std() > 0.2
print(
    untrained_question.settle(
        "spread all the way from 0.1 to 0.9" if is_spread else "nearly always 0.9"
    )
)

# %% claims=["000-E3"]
with figures.style():
    figure = Figure(figsize=(7, 3.2))
    (ax,) = charts.panels(figure, "300 untrained networks")
    ax.plot(called, hits, "o", color=figures.PALETTE["blue"], markersize=4, alpha=0.6)
    charts.curve(ax, [0, 1], [0.9, 0.1], colour="vermilion", label="0.9 − 0.8 q")
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel='share q that is called "positive"', ylabel="accuracy")
    ax.legend()
off_line = np.abs(hits - (0.9 - 0.8 * called)).max()
figures.show(
    figure,
    "Accuracy falls along a straight line, from 0.9 for networks that call nothing positive "
    "to 0.1 for those that call everything positive; "
    f"no network is further from it than {np.ceil(20 * off_line) / 20:.2f}.",
)
assert off_line < 0.1 and (hits[called == 0] == 0.9).all()

# %% [markdown]
# The sentence is true, and the code does not show it: run once, it prints any number between 0.1 and 0.9. What decides is how often the network happens to
# say "positive". Exactly 0.9 belongs to the *answer* "never", whoever gives it.
#
# ## Class weights: what do they move?
#
# The usual advice for a rare class is to weight its loss, so that the model is *forced to learn it*. An error on a positive then costs w times as
# much. Lesson 2 showed the price: the weighted loss falls at every step, while accuracy falls and the plain cross-entropy of the same answers rises.
# What does one get for it?


# %%
def train_weighted(seed, weight):
    """Fit a logistic regression whose positives count `weight` times as much as negatives."""
    rng = np.random.default_rng(seed)
    train = problems.imbalanced_gaussians(1_000, rng=rng)
    net = network.Network([2, 2], rng=rng, scale=0)
    net.biases[0][:] = np.log(np.bincount(train.y) / len(train.y))  # it begins with the base rate
    each = np.where(train.y == 1, weight, 1.0)
    options = {"epochs": 300, "learning_rate": 0.5, "optimizer": "gd"}
    network.fit(net, train, train, weights=each / each.mean(), rng=rng, **options)
    return net


# %% [markdown]
# A weight of w should move the answer that minimises the expected cost from a probability of one half to `1 / (1 + w)`. So the fair comparison is
# not with the plain model at 0.5, but with the **plain model whose threshold was moved there**. Both are judged on 20,000 fresh examples.

# %%
learned_question = Question(
    "4-learned",
    "Weighted model at threshold 0.5, plain model at threshold 1/(1 + w). "
    "On fresh data the weighted model has",
    ["clearly better recall and F1", "the same recall, precision and F1", "clearly worse F1"],
)
learned_question


# %%
def judge(net, seed, threshold):
    """Recall, precision, F1, AUC and cross-entropy of a network on fresh data."""
    fresh = problems.imbalanced_gaussians(20_000, rng=seed + 1_000)
    p = metrics.softmax(net.logits(fresh.x))[:, 1]
    answer = five_measures(fresh.y, p > threshold)
    at_threshold = [answer[name] for name in ("recall", "precision", "F1")]
    return [*at_threshold, sk.roc_auc_score(fresh.y, p), sk.log_loss(fresh.y, p)]


models = {w: [train_weighted(seed, w) for seed in SEEDS] for w in (1, 9)}
ways = {"plain, 0.5": (1, 0.5), "weighted, 0.5": (9, 0.5), "plain, 0.1": (1, 0.1)}
judged = {
    way: np.array([judge(net, seed, threshold) for seed, net in zip(SEEDS, models[w])])
    for way, (w, threshold) in ways.items()
}

# %% claims=["001-M2"]
print("model, threshold   recall  precision     F1  ROC AUC  cross-entropy")
for way, values in judged.items():
    recall, precision, f1, auc, loss = values.mean(axis=0)
    print(f"{way:15} {recall:9.2f} {precision:10.2f} {f1:6.2f} {auc:8.2f} {loss:14.2f}")
heavy, light = judged["weighted, 0.5"], judged["plain, 0.1"]
close = (np.abs(heavy - light)[:, :4] < [0.06, 0.03, 0.02, 0.005]).all(axis=1)
costs_more = heavy[:, 4] > light[:, 4] + 0.1
print(f"the last two alike in the first four measures: {close.sum()} of 10 seeds")
print(f"the weighted model's cross-entropy higher by over 0.1: {costs_more.sum()} of 10 seeds")
assert close.sum() >= 8 and costs_more.sum() >= 8

# %%
same = np.abs(heavy - light)[:, :3].mean() < 0.02
print(learned_question.settle("the same recall, precision and F1" if same else "clearly worse F1"))

# %% [markdown]
# At the same threshold the weighted model finds far more positives. With the threshold moved, the plain one finds them too, with the same precision.
# The weight taught nothing that the plain model did not know. It moved the threshold, and it paid with the probabilities, which are now far too high.
#
# In the explorer the line is what the plain model can reach by moving its threshold; the ring is the plain model at `1 / (1 + w)`, the square the
# weighted model. On the right, what the weighted model *says* against what is *true*.

# %%
from sklearn.linear_model import LogisticRegression

weight_train = problems.imbalanced_gaussians(5_000, rng=100)
weight_test = problems.imbalanced_gaussians(20_000, rng=101)
weight_grid = [1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 13.0, 19.0, 30.0]
fitted = {
    w: LogisticRegression(C=1e6, class_weight={0: 1, 1: w}).fit(*weight_train) for w in weight_grid
}
test_p = {w: model.predict_proba(weight_test.x)[:, 1] for w, model in fitted.items()}
scores = {
    w: [f(weight_test.y, p) for f in (sk.roc_auc_score, sk.log_loss)] for w, p in test_p.items()
}
line_p, line_r, _ = sk.precision_recall_curve(weight_test.y, test_p[1.0])

# %%
on_line = np.linspace(-5, 6, 120)  # points along the line between the two clouds
line_x = np.repeat(on_line[:, None] / np.sqrt(2), 2, axis=1)
true_p = sigmoid(1.5 * on_line + np.log(0.1 / 0.9))


# %%
def setup_tradeoff(fig):
    left, right = charts.panels(fig, "What the plain model can reach", "Calibration")
    thin = np.unique(np.linspace(0, len(line_r) - 1, 4000).astype(int))
    charts.curve(left, line_r[thin], line_p[thin], label="plain model, any threshold")
    left.set(xlim=(0, 1.15), ylim=(0, 1), xlabel="recall", ylabel="precision")
    left.legend(loc="upper right")
    charts.curve(right, [0, 1], [0, 1], colour="grey", label="honest")
    said = charts.curve(right, true_p, true_p, colour="vermilion", label="weighted model")
    right.set(xlim=(0, 1), ylim=(0, 1), xlabel="true probability", ylabel="said")
    right.legend(loc="lower right")
    ring = charts.dot(left, "blue")
    ring.marker.set(markersize=15, fillstyle="none")
    return charts.dot(left), ring, said


# %%
def update_tradeoff(parts, weight):
    square, ring, said = parts
    heavy = five_measures(weight_test.y, test_p[weight] > 0.5)
    light = five_measures(weight_test.y, test_p[1.0] > 1 / (1 + weight))
    square.move(heavy["recall"], heavy["precision"], f"w = {weight:g}")
    square.number.set(position=(8, 8), horizontalalignment="left")  # above the falling line
    ring.move(light["recall"], light["precision"], "")
    said.set_ydata(fitted[weight].predict_proba(line_x)[:, 1])
    weighted, plain = (
        f"recall {answer['recall']:.2f}, F1 {answer['F1']:.2f}, AUC {auc:.2f}, loss {loss:.2f}"
        for answer, (auc, loss) in ((heavy, scores[weight]), (light, scores[1.0]))
    )
    return f"Weight {weight:g}: {weighted}. Plain model at {1 / (1 + weight):.2f}: {plain}."


# %%
Explorer(
    setup_tradeoff,
    update_tradeoff,
    weight=weight_grid,
    start={"weight": 9.0},
    labels={"weight": "class weight, w"},
    title="A class weight is a threshold",
)

# %% [markdown]
# The damage can be undone: a weight multiplies the odds by w, so take `ln w` off the logit.

# %% claims=["001-M2"]
heavy_logit = np.log(test_p[9.0] / (1 - test_p[9.0]))
repaired = sigmoid(heavy_logit - np.log(9))
costs = [sk.log_loss(weight_test.y, p) for p in (test_p[1.0], test_p[9.0], repaired)]
print("cross-entropy: plain {:.2f}, weighted {:.2f}, weighted minus ln w {:.2f}".format(*costs))
assert costs[1] > costs[0] + 0.1 and abs(costs[2] - costs[0]) < 0.01

# %% [markdown]
# ### And a network?
#
# A network bends its decision line, and could use the weights to learn something new. The starved eight again: the plain networks of above, the same
# networks trained with balanced class weights, and the plain ones with each class's logit lowered by the log of its share in training
# (*logit adjustment*), which is the threshold trick for many classes.

# %%
net_question = Question(
    "4-net-weights",
    "Recall of the eight with 5 training pictures, in ten seeds. Which raises it most?",
    [
        "balanced class weights in the training loss",
        "moving the plain network's threshold",
        "neither raises it",
    ],
)
net_question


# %% claims=["001-M2"]
def balanced(y):
    """The balanced class weights: each class has the same total."""
    return (len(y) / 10 / np.bincount(y, minlength=10))[y]


def judge_eight(digit, logits, trained_on, shift=False):
    """Recall and ROC AUC of the eight, with the threshold moved or not."""
    share = np.bincount(trained_on) / len(trained_on)
    said = (logits - np.log(share) * shift).argmax(axis=1)
    auc = sk.roc_auc_score(digit == 8, metrics.softmax(logits)[:, 8])
    return sk.recall_score(digit == 8, said == 8), auc


# %%
weighted_eight = [train_on_few_eights(5, seed, balanced) for seed in SEEDS]
eights = {
    "plain": np.array([judge_eight(*each) for each in plain_eight]),
    "weighted": np.array([judge_eight(*each) for each in weighted_eight]),
    "plain, moved": np.array([judge_eight(*each, shift=True) for each in plain_eight]),
}

# %% claims=["001-M2"]
as_is, heavier, moved = eights.values()
for name, values in eights.items():
    higher = (values[:, 0] > as_is[:, 0]).sum()
    recall, auc = values.mean(axis=0)
    print(
        f"{name:12} recall {recall:.1f}, above plain in {higher:2} of 10 seeds; ROC AUC {auc:.2f}"
    )
    assert name == "plain" or higher >= 8
moved_higher = (moved > heavier)[:, 0].sum()
better = (heavier[:, 1] > as_is[:, 1] + 0.005).sum()
print(f"recall of 'plain, moved' above 'weighted' in {moved_higher} of 10 seeds;")
print(f"ROC AUC of 'weighted' clearly above 'plain' in {better} of 10")
assert moved_higher >= 8 and better <= 2

# %%
winner = np.argmax([heavier[:, 0].mean(), moved[:, 0].mean()])
print(net_question.settle(net_question.options[winner]))

# %% [markdown]
# Weights do raise the recall of the starved class, and so does moving the threshold, more so here. The weights do not make the network *rank* the
# eights better: five pictures are five pictures. Weights are useful where nobody can touch the threshold afterwards. Where you can, train plainly,
# keep honest probabilities, and choose the threshold last.
#
# ## The price nobody mentions
#
# "With imbalanced classes accuracy is especially volatile, use F1 or AUC." But recall is an accuracy too: that of the positives alone. How far it may
# be off (its standard error, `sqrt(p(1 − p)/n)`, the subject of lesson 5) follows from *their* number, not from the size of the set:

# %% claims=["000-M5"]
off = {}
for share in (0.5, 0.1, 0.02):
    p, counts_as = at_share(share)
    measured = five_measures(pool.y, p > 0.5, counts_as)
    n_of = {"accuracy": 200, "recall": round(200 * share)}
    off[share] = {n: metrics.accuracy_standard_error(measured[n], n_of[n]) for n in n_of}
    told = " and ".join(f"{name} {measured[name]:.2f} ± {off[share][name]:.2f}" for name in n_of)
    print(f"200 examples, {n_of['recall']:3} positive: {told}")
assert off[0.5]["accuracy"] > off[0.1]["accuracy"] > off[0.02]["accuracy"]
assert off[0.5]["recall"] < off[0.1]["recall"] < off[0.02]["recall"]

# %% [markdown]
# So it is the other way round: the rarer the positives, the *steadier* accuracy, and the shakier recall. F1 shakes with it, since it rests on the same
# few positives. The advice to use them is right, because accuracy is steady at telling you nothing. But bring more examples, or an error bar: **what
# counts is the number of positives, not the size of the set.** Lesson 5 draws such sets and measures it.

# %% [markdown]
# ## F1 after every epoch, or one number a hundred times
#
# A popular example wants to show why F1 is watched. Its data: 1,000 points, two random features, and a label that is 1 for a random tenth. It trains for 100
# epochs, computes F1 **once** with the final network, and plots that one number for each of the 100 epochs, "for clarity". It concludes that the F1 curve
# "behaves quite differently" and speaks for the rare class.

# %%
flat_question = Question(
    "4-flat-f1",
    "The label does not depend on the features. What does the final network's F1 come out as?",
    ["0", "about 0.1", "about 0.5"],
)
flat_question


# %%
@cache
def learn(separation, seed):
    """Train 40 epochs on 10 % positives; return the run and F1 on the validation set per epoch."""
    rng = np.random.default_rng(seed)
    train = problems.imbalanced_gaussians(800, separation=separation, rng=rng)
    val = problems.imbalanced_gaussians(1_000, separation=separation, rng=rng)
    net = network.Network([2, 16, 2], rng=rng)
    run = network.fit(net, train, val, epochs=40, learning_rate=1e-3, batch_size=32, rng=rng)
    said = run.val_logits.argmax(axis=2)
    return run, np.array([sk.f1_score(val.y, row, zero_division=0) for row in said])


def last_auc(run):
    """Return the ROC AUC of the last epoch."""
    return sk.roc_auc_score(run.val_labels, metrics.softmax(run.val_logits[-1])[:, 1])


# %% claims=["004-E3a", "004-E3b", "004-E3c"]
nothing_there = [learn(0.0, seed) for seed in SEEDS]
at_end = np.array([f1[-1] for _, f1 in nothing_there])
majority = np.array([1 - run.val_labels.mean() for run, _ in nothing_there])
stuck = np.isclose([run["val_accuracy"][-1] for run, _ in nothing_there], majority)
beaten = [run["val_loss"][-1] < entropy(m) - 0.01 for (run, _), m in zip(nothing_there, majority)]
aucs = np.array([last_auc(run) for run, _ in nothing_there])
early = [f1[:5].max() > 0 for _, f1 in nothing_there]
print(f"final F1 exactly 0: {(at_end == 0).sum()} of 10; accuracy = majority share: {stuck.sum()}")
print(f"loss below the base-rate entropy: {sum(beaten)}; mean AUC {aucs.mean():.1f}")
print(f"F1 above 0 at some time in the first five epochs: {sum(early)} of 10")
assert (at_end == 0).sum() >= 8 and stuck.sum() >= 8 and sum(beaten) <= 2 and sum(early) >= 3

# %%
print(flat_question.settle(f"{np.median(at_end):.0f}"))

# %% [markdown]
# The published picture is two flat lines at 0, because one number was drawn a hundred times: that does not make the curve clearer, it *removes* it. Computed after each
# epoch, F1 is above zero at first in some runs, while the network still calls things positive at random, and then goes to zero for good. And it does so
# because **there is nothing to learn**: the AUC is that of a coin, and the loss never gets below what the base rate costs. F1 cannot speak for the rare
# class here, because nothing could.
#
# So give it something. The explorer trains on the same shares with clouds that lie apart. Start with the published picture (repeated, separation 0); then
# untick the repetition; then move the clouds apart.

# %%
separations = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0]
learned = {d: learn(d, 100) for d in separations}
majority = 1 - learned[0.0][0].val_labels.mean()
epochs, nothing = np.arange(1, 41), np.zeros(40)


# %%
def setup_f1(fig):
    loss_ax, share_ax = charts.panels(fig, "Validation loss, nats", "Accuracy and F1, validation")
    for ax, value in ((loss_ax, entropy(majority)), (share_ax, majority)):
        charts.curve(ax, epochs, nothing + value, colour="grey", label="baseline")
    loss = charts.curve(loss_ax, epochs, nothing, colour="vermilion", label="loss")
    accuracy = charts.curve(share_ax, epochs, nothing, label="accuracy")
    f1 = charts.curve(share_ax, epochs, nothing, colour="purple", label="F1")
    for ax, top in ((loss_ax, 0.9), (share_ax, 1.3)):
        ax.set(xlim=(0.5, 40.5), ylim=(-0.02, top), xlabel="epoch")
        ax.legend(loc="upper right", ncols=3)
    return loss, accuracy, f1


# %%
def update_f1(parts, separation, repeat):
    run, f1 = learned[separation]
    shown = np.full(40, f1[-1]) if repeat else f1
    for line, values in zip(parts, (run["val_loss"], run["val_accuracy"], shown)):
        line.set_ydata(values)
    return (
        f"Clouds {separation:g} apart, "
        f"F1 {'of the last epoch drawn 40 times' if repeat else 'of each epoch'}: "
        f"from {shown[0]:.1f} to {shown[-1]:.1f}; "
        f"accuracy ends at {run['val_accuracy'][-1]:.2f}, AUC {last_auc(run):.2f}."
    )


# %%
Explorer(
    setup_f1,
    update_f1,
    separation=separations,
    repeat=[False, True],
    start={"separation": 0.0, "repeat": True},
    labels={"separation": "distance of the clouds", "repeat": "repeat the last F1"},
    title="F1 per epoch, and the published way",
    figsize=(9, 3.4),
)

# %% claims=["004-E3a", "004-E3c"]
signal = [learn(2.0, seed) for seed in SEEDS]
ends = np.array([f1[-1] for _, f1 in signal])
gains = np.array([run["val_accuracy"][-1] - 1 + run.val_labels.mean() for run, _ in signal])
hidden = (ends > 0.4) & (gains < 0.05)
print(f"F1 ends at {ends.mean():.1f}, accuracy {100 * gains.mean():.0f} points above the majority")
print(f"F1 ends above 0.4, accuracy gains under 5 points: {hidden.sum()} of 10 seeds")
assert hidden.sum() >= 8

# %% claims=["004-E3c"]
weak = [learn(1.0, seed) for seed in SEEDS]
silent = np.array([f1[-1] < 0.1 and last_auc(run) > 0.65 for run, f1 in weak])
print(f"clouds 1 apart: F1 still below 0.1 with an AUC above 0.65 in {silent.sum()} of 10 seeds")
assert silent.sum() >= 8

# %% [markdown]
# With something to learn, F1 per epoch shows what accuracy hides: the rare class is being found while accuracy hardly leaves the baseline. But mind the last
# line. With clouds one apart the network *ranks* positives above negatives, and F1 is still next to zero, because hardly any probability reaches 0.5. **F1 = 0 says "never called
# positive", not "nothing learnt".** Look at the AUC, or at the loss against the base rate, before you give up; then move the threshold.
#
# ### In Keras
#
# What people do is a callback that runs after each epoch. F1 is not a mean over examples, so it must be computed from *all* answers at once and never averaged
# over batches:

# %%
import keras

keras.utils.set_random_seed(100)


class F1PerEpoch(keras.callbacks.Callback):
    """Compute F1 on a validation set after every epoch."""

    def __init__(self, val):
        super().__init__()
        self.val, self.values = val, []

    def on_epoch_end(self, epoch, logs=None):
        p = self.model(self.val.x).numpy().ravel()
        self.values.append(sk.f1_score(self.val.y, p > 0.5, zero_division=0))


# %%
keras_train = problems.imbalanced_gaussians(800, separation=3.0, rng=100)
keras_val = problems.imbalanced_gaussians(500, separation=3.0, rng=101)
hidden_layer = keras.layers.Dense(16, activation="relu")
output_layer = keras.layers.Dense(1, activation="sigmoid")
model = keras.Sequential([keras.Input((2,)), hidden_layer, output_layer])
model.compile(keras.optimizers.Adam(0.01), loss="binary_crossentropy")

# %%
f1_per_epoch = F1PerEpoch(keras_val)
_ = model.fit(*keras_train, epochs=8, batch_size=32, verbose=0, callbacks=[f1_per_epoch])
answers = model(keras_val.x).numpy().ravel() > 0.5
assert len(f1_per_epoch.values) == 8 and f1_per_epoch.values[-1] > f1_per_epoch.values[0]
assert np.isclose(f1_per_epoch.values[-1], sk.f1_score(keras_val.y, answers))
print("eight epochs, eight values; the last is the F1 of the final answers")

# %% [markdown]
# And why not averaged over batches:

# %% claims=["004-E3b"]
rng = np.random.default_rng(102)
y_all = rng.random(6400) < 0.05
said_all = np.where(y_all, rng.random(6400) < 0.7, rng.random(6400) < 0.02)  # finds 70 %
whole = sk.f1_score(y_all, said_all)
batches = zip(np.split(y_all, 400), np.split(said_all, 400))
batch_mean = np.mean([sk.f1_score(y, said, zero_division=0) for y, said in batches])
print(f"F1 of all 6,400 answers {whole:.2f}, mean over 400 batches of 16: {batch_mean:.2f}")
assert batch_mean < whole - 0.1

# %% [markdown]
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "90 % accuracy shows that the model works" | it is the baseline for 90 apples in a hundred |
# | "the model with 80 % is more useful: it tries" | it missed the positive *and* raised a false alarm; recall 0, F1 0 |
# | "the accuracy of class k shows the weak classes" | one-vs-rest accuracy puts the best-found class last; a class never found scores 1 − its share |
# | "an untrained model has 0.9 on a 90/10 set" | anything from 0.1 to 0.9; 0.9 belongs to the answer "never" |
# | "class weights force the model to learn the rare class" | they move the threshold; the ranking stays, the probabilities suffer |
# | "accuracy is volatile under imbalance" | it gets steadier; recall, which rests on the positives alone, gets shakier |
# | "F1 = 0: nothing was learnt" | it says that nothing was *called* positive |
#
# ## Check yourself

# %% jupyter={"source_hidden": true}
checks.choice(
    "4-check-92",
    "95 % of the transactions are honest. A fraud detector reports 96 % accuracy. What do you ask first?",
    right=(
        "how many frauds it finds, at how many false alarms",
        "Yes: 96 % is one point above the baseline and is possible with most frauds missed or with all of them found.",
    ),
    wrong=[
        ("nothing: 96 % is a good accuracy", "Answering 'honest' every time already gets 95 %."),
        (
            "nothing: it must be useless, being so close to the baseline",
            "Not necessarily: all frauds found, with false alarms on 4 % of the transactions, is 96 % too.",
        ),
        (
            "the accuracy of 'fraud or not?'",
            "With two classes that is the same number, and with more it flatters a rare class.",
        ),
    ],
)

# %% jupyter={"source_hidden": true}
checks.number(
    "4-check-f1",
    "1,000 examples, 50 positive. A model finds 40 of them and raises 60 false alarms. Its F1, to two decimals?",
    answer=2 * 40 / (50 + 100),
    tolerance=0.006,
    hint="Recall is 40/50, precision 40/100; F1 is their harmonic mean, twice the found over positives plus all alarms.",
    known={
        0.60: "That is the arithmetic mean of precision and recall; F1 is the harmonic one.",
        0.93: "That is the accuracy.",
        0.40: "That is the precision alone.",
    },
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "4-check-weights",
    "A colleague adds class weights: recall goes from 0.3 to 0.8, precision falls, and the predicted probabilities no longer fit what happens. What do you suggest?",
    right=(
        "train without weights and lower the threshold",
        "Yes: the same recall and precision, and the probabilities stay honest.",
    ),
    wrong=[
        (
            "keep the weights: the model has learnt the rare class",
            "Compare it with the plain model at a lower threshold before you credit the weights; the ranking did not improve in any experiment here.",
        ),
        (
            "raise the weights until precision comes back",
            "A higher weight lowers precision further: it calls still more examples positive.",
        ),
        (
            "judge by the weighted loss instead",
            "It fell in lesson 2 while accuracy fell and the plain loss rose; it is no measure of the probabilities.",
        ),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "4-check-share",
    "In the laboratory, with half the samples ill, a test has ROC AUC 0.92 and precision 0.85. In the street 2 % are ill; people look the same, and the cut stays where it is. What do you expect there?",
    right=(
        "AUC about 0.92, precision much lower",
        "Yes: AUC compares a positive with a negative and does not see how many there are; among 49 healthy for each ill, false alarms outnumber the finds.",
    ),
    wrong=[
        (
            "AUC about 0.92, precision about 0.85",
            "Precision counts false alarms, and there are many more who can raise one.",
        ),
        (
            "AUC and precision both much lower",
            "AUC does not depend on the share; you saw it stay where it was.",
        ),
        ("AUC much lower, precision about 0.85", "It is the other way round."),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "4-check-noise",
    "Two models, F1 0.42 and 0.50, on the same 200 validation examples with 4 positives. Which do you ship?",
    right=(
        "cannot tell from 4 positives",
        f"Yes: recall rests on these 4. At a recall of 0.5 its standard error is {metrics.accuracy_standard_error(0.5, 4):.2f}, and F1 shakes with it.",
    ),
    wrong=[
        (
            "the one with F1 0.50: both saw the same examples",
            "One positive more or less found moves F1 by more than that.",
        ),
        (
            "the one with the better accuracy",
            "Accuracy is steadier, but it says next to nothing about 4 positives in 200.",
        ),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "4-check-flat",
    "F1 on the validation set is 0 in every epoch, while the validation loss falls well below the entropy of the class shares. What does it mean?",
    right=(
        "no probability passes the threshold",
        "Yes: a loss below the base rate takes information, so the network ranks. Look at the AUC and lower the threshold.",
    ),
    wrong=[
        (
            "nothing can be learnt from these features",
            "Then the loss could not stay below what the base rate costs.",
        ),
        (
            "the F1 is computed wrongly, perhaps as one number repeated",
            "Possible; but the plain explanation is the threshold of 0.5.",
        ),
        ("the network overfits to the common class", "Then the validation loss would rise."),
    ],
)

# %% [markdown]
# ## Summary
#
# - 90 % accuracy is worthless where 90 % of the examples are of one class: that is the baseline. Both baselines follow from the class shares: the
#   majority share for accuracy, the entropy of the shares for the loss.
# - Accuracy counts a miss and a false alarm alike. A confusion matrix does not; recall and precision say which of the two you have.
# - One-vs-rest accuracy is no measure of a class; recall is.
# - ROC AUC does not see how rare the positives are; precision, AP and F1 do. Each measure has its own best threshold.
# - A class weight w is a threshold of `1 / (1 + w)`, paid for with calibration. It teaches the model nothing about ranking.
# - The rarer the positives, the steadier accuracy and the shakier recall, and F1 with it: count the positives.
# - F1 belongs to one epoch and one threshold: compute it after each epoch, from all answers at once.
#
# **What would change your mind?** A weighted model whose ROC AUC on fresh data is better than the plain one's, seed after seed. Change the data until you find one, and say
# what made the difference.
#
# **Further reading.** C. Elkan, "The foundations of cost-sensitive learning", *IJCAI* (2001), on weights and thresholds. R. van den Goorbergh, M. van Smeden,
# D. Timmerman and B. Van Calster, "The harm of class imbalance corrections for risk prediction models", *JAMIA* 29 (2022). T. Saito and M. Rehmsmeier, "The precision-recall plot is
# more informative than the ROC plot when evaluating binary classifiers on imbalanced datasets", *PLOS ONE* 10 (2015). A. K. Menon and others, "Long-tail
# learning via logit adjustment", *ICLR* (2021). G. Forman and M. Scholz, "Apples-to-apples in cross-validation studies", *SIGKDD Explorations* 12 (2010), on averaging F1.
#
# **Next:** lesson 5, where the noise of small validation sets is the subject.
