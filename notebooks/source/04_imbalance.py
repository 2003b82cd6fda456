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
# **Time** about {minutes} minutes. **You need** [lesson 1](01_horse_or_dog.ipynb) (cross-entropy, accuracy) and [lesson 2](02_four_quadrants.ipynb) (loss and accuracy can part).
#
# After this lesson you can
#
# 1. give the baselines that any accuracy and any loss must beat;
# 2. read a confusion matrix, and choose a measure for what errors cost;
# 3. choose a threshold from costs on some examples and judge it on others;
# 4. find out whether class weights move more than the threshold;
# 5. put an interval on recall, F1, ROC AUC and average precision.

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny computations are fastest with one thread

import numpy as np
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression

from lessonlib import figures, network, problems, questions
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.uncertainty import count_seeds, mean_interval

SEEDS = range(100, 110)  # the settings below were chosen on seeds 0 to 9

# %% [markdown]
# ## Ninety apples
#
# A crate holds 100 fruits, 90 of them apples. A model that has never seen a fruit answers "apple" every time and is right on 90: the **majority baseline**.

# %%
found_question = questions.Prediction(
    "4-apples-92",
    "90 of 100 fruits are apples. A model is right on 92 of the 100. "
    "How many of the ten other fruits has it found?",
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
found_all = possible == list(range(2, 11))
print(found_question.resolve("anything from two to ten" if found_all else "two"))
print("92 right answers are possible with", possible, "of the ten others found")

# %% [markdown]
# Accuracy does not say *which* answers are right. So take it apart. Call the rare class **positive** (here: not an apple):
#
# - **recall** is the share of the positives that are found;
# - **precision** is the share of the alarms that are right; without any alarm it is 0/0, undefined (many tools print 0);
# - **F1** is `2 · found / (positives + alarms)`, the harmonic mean of the two;
# - **balanced accuracy** is the mean of the recalls of the classes.


# %%
@questions.solution(
    "4-measures",
    cases=[
        (np.array([0] * 9 + [1]), np.array([0] * 8 + [1, 0])),
        (np.array([0, 0, 1, 1, 1, 0]), np.array([0, 1, 1, 1, 0, 0])),
        (np.array([1, 0, 1, 0]), np.array([1, 1, 1, 1])),
    ],
    hint="(truth == 1) & (said == 1) are the finds. Take every share of the right whole: positives for recall, alarms for precision.",
)
def recall_precision_f1(truth, said):
    found = ((truth == 1) & (said == 1)).sum()
    positives, alarms = (truth == 1).sum(), (said == 1).sum()
    return found / positives, found / alarms, 2 * found / (positives + alarms)


# %% [markdown]
# **Your turn.** Compute the three from the answers of a model that raises at least one alarm.


# %%
@questions.your_code("4-measures")
def recall_precision_f1(truth, said):
    """Recall, precision and F1; both arguments are arrays of 0 and 1, with 1 for positive."""
    ...


# %%
def entropy(share):
    return -(share * np.log(share) + (1 - share) * np.log(1 - share))


SHARES_OF_APPLES = np.linspace(0.5, 0.995, 100)


def apples_every_time(apples):
    share = apples / 100
    bars = {"accuracy": share, "balanced acc.": 0.5, "recall": 0.0, "F1": 0.0}
    return Picture(
        f'{apples} % apples, "apple" every time: accuracy {share:.2f}, recall 0, F1 0, balanced accuracy 0.50. '
        f"Answering with the shares costs {entropy(share):.3f} nats.",
        Panel('Always "apple"', figures.bars(bars, most=1), xlabel="value"),
        Panel(
            "Two baselines",
            figures.line(100 * SHARES_OF_APPLES, SHARES_OF_APPLES, label="accuracy"),
            figures.line(
                100 * SHARES_OF_APPLES, entropy(SHARES_OF_APPLES), "vermilion", label="loss, nats"
            ),
            figures.dot(apples, share, f"{share:.2f}", "blue"),
            figures.dot(apples, entropy(share), f"{entropy(share):.2f}"),
            x=(45, 105),
            y=(0, 1.15),
            xlabel="share of apples, %",
        ),
    )


Explorer(
    apples_every_time,
    apples=slider(range(50, 100), start=90, label="apples among 100"),
    title="A model without skill",
)

# %% claims=["003-C10"]
assert np.isclose(entropy(0.9), sk.log_loss([0] * 90 + [1] * 10, [0.1] * 100))
print(f"at 90 % apples: accuracy 0.90 and a loss of {entropy(0.9):.3f} nats, seeing no fruit")

# %% [markdown]
# The loss has a baseline too: always answering with the class shares costs their **entropy**. Read no number without its baseline.
#
# ## Nine to one: which model is more useful?
#
# A text of 2025 (we know no public address) has ten examples, nine negative and one positive, the last. Model 1 always answers "negative".
# Model 2 answers "positive" exactly once and reaches 80 %. The text says that it makes *one* error and that it is *the more useful* one.

# %%
useful_question = questions.Prediction(
    "4-nine-to-one",
    "Ten examples, one of them positive. Model 2 answers 'positive' exactly once and has an accuracy of 80 %. Its recall is",
    ["0", "0.5", "1"],
)
useful_question

# %% claims=["001-E1a", "001-E1b", "001-C4"]
truth = np.array([0] * 9 + [1])
model_2 = np.array([0] * 8 + [1, 0])  # one false alarm, at index 8
recall, precision, f1 = recall_precision_f1(truth, model_2)
print(useful_question.resolve(f"{recall:.0f}"))
balanced = [sk.balanced_accuracy_score(truth, said) for said in (0 * truth, model_2)]
print(
    f"model 2: {(model_2 != truth).sum()} errors, recall {recall}, precision {precision}, F1 {f1}"
)
print(f"balanced accuracy: model 1 {balanced[0]:.3f}, model 2 {balanced[1]:.3f}")
assert recall == precision == f1 == 0 and balanced[1] < balanced[0]

# %% [markdown]
# With one positive among ten, 80 % means **two** errors here: a false alarm, and the positive is missed as well. **Edit the answers: find a model with 80 % that deserves the
# praise, and one with 90 %.**


# %%
def edit(finds, alarms):
    said = np.array([1] * alarms + [0] * (9 - alarms) + [int(finds)])
    recall, precision, f1 = recall_precision_f1(truth, said) if said.any() else (0, np.nan, 0)
    accuracy = (said == truth).mean()
    bars = {"accuracy": accuracy, "balanced acc.": sk.balanced_accuracy_score(truth, said), "recall": recall,
            "precision": precision, "F1": f1}  # fmt: skip
    texts = ["none" if np.isnan(value) else f"{value:.2f}" for value in bars.values()]
    return Picture(
        f"The positive is {'found' if finds else 'missed'}; false alarms: {alarms}; accuracy {accuracy:.2f}, "
        f"recall {recall:.0f}, precision {texts[3]}, F1 {f1:.2f}.",
        Panel(
            "Ten answers", figures.table(sk.confusion_matrix(truth, said), ["negative", "positive"])
        ),
        Panel(
            "Measures",
            figures.bars({k: np.nan_to_num(v) for k, v in bars.items()}, texts=texts, most=1),
            xlabel="value",
        ),
    )


Explorer(
    edit, finds=slider([False, True], label="finds the positive"), alarms=slider(range(10), start=1, label="false alarms"),
    title="Edit the answers of model 2",
)  # fmt: skip

# %% claims=["001-E1b", "001-C4", "001-M4"]
for said in ([0] * 9 + [0], [1] + [0] * 8 + [1]):
    said = np.array(said)
    print(f"accuracy {(said == truth).mean()}, found {said[9]}, false alarms {said[:9].sum()}")
assert sk.f1_score(truth, [1] + [0] * 8 + [1]) > 0.6

# %% [markdown]
# Both have 90 %, and one of them finds the positive. Accuracy counts a miss and a false alarm alike. Which is worse is no question of statistics.
#
# ## What an average says about one class
#
# Handwritten digits, a small network. All but five of the eights are taken out of the *training* set; the validation set keeps its tenth of eights. (So the two sets differ in their class
# shares, a **label shift**: the network is taught that eights are rare.)

# %%
eight_question = questions.Prediction(
    "4-eight",
    "Nine digits have about 100 training pictures each, the eight has 5. Overall validation accuracy is above 0.88. The recall of the eight is about",
    [0.05, 0.35, 0.65, 0.9],
)
eight_question


# %%
def train_on_few_eights(seed, rows=5):
    rng = np.random.default_rng(seed)
    train, val = problems.digits(1_000, 700, rng=rng)
    spare = np.flatnonzero(train.y == 8)[rows:]
    train = problems.Examples(np.delete(train.x, spare, 0), np.delete(train.y, spare))
    net = network.Network([64, 64, 10], rng=rng)
    network.fit(net, train, val, epochs=30, learning_rate=5e-3, batch_size=50, rng=rng)
    return val.y, net.logits(val.x).argmax(axis=1)


# %% claims=["001-C5"]
few_eights = [train_on_few_eights(seed) for seed in SEEDS]
overall = np.array([(digit == said).mean() for digit, said in few_eights])
recall_8 = np.array([(said[digit == 8] == 8).mean() for digit, said in few_eights])
print(eight_question.resolve(recall_8.mean()))
hidden = count_seeds((overall > 0.88) & (recall_8 < 0.65))
print(f"overall above 0.88 and recall of the eight below 0.65 in {hidden}")
assert hidden.mostly

# %% [markdown]
# One class in ten is a tenth of the average, and of balanced accuracy too. **Look at the recall of every class; no average shows it.** ([4b](04b_scores.ipynb) looks at a popular "accuracy of a class".)
#
# ## One scorer, any threshold, any share
#
# A network gives a *score*. The answer depends on a **threshold** that somebody chose, mostly 0.5. Two measures need none: **ROC AUC**, the chance that a random positive has a higher score
# than a random negative; **average precision** (AP), the mean precision while the threshold comes down and one positive after the other is found.
#
# Below, positives and negatives are two clouds, and the scorer knows the true probability: no scorer is better.

# %%
rare_question = questions.Prediction(
    "4-rare",
    "Positives become rarer, from 50 % to 2 %; what a positive and a negative look like stays the same. "
    "Precision of the best possible scorer, at threshold 0.5, falls from .84 to about",
    [0.05, 0.35, 0.65],
)
rare_question


# %%
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


pool = problems.imbalanced_gaussians(4_000, positive_share=0.5, separation=2.0, rng=100)
position = pool.x.sum(axis=1) / np.sqrt(2)  # along the line that joins the two clouds


def at_share(share):
    """True probability of each point at this share of positives, and how much it counts."""
    half = pool.y.mean()
    counts = np.where(pool.y == 1, share / half, (1 - share) / (1 - half))
    return sigmoid(2.0 * position + np.log(share / (1 - share))), counts


# %% claims=["001-M1"]
rows = {}
for share in (0.5, 0.2, 0.1, 0.05, 0.02):
    p, counts = at_share(share)
    said, truth_ = p > 0.5, pool.y
    rows[share] = [
        sk.average_precision_score(truth_, p, sample_weight=counts),
        sk.accuracy_score(truth_, said, sample_weight=counts),
        sk.recall_score(truth_, said, sample_weight=counts),
        sk.precision_score(truth_, said, sample_weight=counts),
    ]
print(rare_question.resolve(rows[0.02][3]))
print("positives     AP  accuracy  recall  precision")
for share, row in rows.items():
    print(f"{share:9.0%}   {row[0]:.2f}      {row[1]:.2f}    {row[2]:.2f}       {row[3]:.2f}")
assert rows[0.02][0] < 0.6 * rows[0.5][0] and rows[0.02][1] > rows[0.5][1]

# %% [markdown]
# Rarer positives: accuracy *rises*, average precision falls by far, and at a threshold of 0.5 the scorer calls only the surest examples positive, so recall falls further than precision. ROC AUC cannot move here: it compares a positive with a
# negative and does not see how many there are. AP can only be read beside the share of positives, which is what a useless scorer gets.
#
# **Move the threshold.** At 10 % positives, to which side must it go to raise balanced accuracy?

# %%
axis = np.linspace(-4.5, 4.5, 91)


def cloud(centre):
    return np.exp(-((axis - centre) ** 2) / 2) / np.sqrt(2 * np.pi)


def threshold_and_share(share, threshold):
    p, counts = at_share(share)
    said = p > threshold
    recall, precision = (
        f(pool.y, said, sample_weight=counts, zero_division=0)
        for f in (sk.recall_score, sk.precision_score)
    )
    bars = {
        "accuracy": sk.accuracy_score(pool.y, said, sample_weight=counts),
        "balanced acc.": (recall + (~said)[pool.y == 0].mean()) / 2,
        "recall": recall, "precision": precision, "F1": 2 * recall * precision / (recall + precision + 1e-12),
    }  # fmt: skip
    cut = (np.log(threshold / (1 - threshold)) - np.log(share / (1 - share))) / 2.0
    return Picture(
        f"{share:.0%} positives, called positive above {threshold:.2f}: " + ", ".join(f"{k} {v:.2f}" for k, v in bars.items()) + ".",
        Panel(
            "How frequent examples are", figures.span(min(cut, 4.4), 4.5, '"positive"', height=0.99),
            figures.line(axis, (1 - share) * cloud(-1), label="negatives"), figures.line(axis, share * cloud(1), "vermilion", label="positives"),
            x=(-4.5, 4.5), y=(0, 0.46), xlabel="position between the two clouds", yticks=[], legend="upper left",
        ),
        Panel("Measures", figures.bars(bars, most=1), xlabel="value"),
    )  # fmt: skip


Explorer(
    threshold_and_share,
    share=slider([0.5, 0.2, 0.1, 0.05, 0.02], start=0.1, label="share of positives"),
    threshold=slider(np.linspace(0.02, 0.9, 45), start=0.5),
    title="Threshold and share",
    figsize=(9, 3.6),
)

# %% [markdown]
# ## A threshold from costs
#
# A miss costs you 20, a false alarm 1. If the probabilities are right, call "positive" where `p · 20 > (1 − p) · 1`, that is above 1/21. If they may be wrong, choose the threshold on
# examples, and judge it on *others*.


# %%
@questions.solution(
    "4-threshold",
    cases=[
        (np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]), 20.0),
        (np.array([0, 1, 0, 1, 0]), np.array([0.2, 0.3, 0.6, 0.7, 0.1]), 1.0),
        (np.array([0, 0, 0, 1]), np.array([0.3, 0.2, 0.6, 0.25]), 2.0),
    ],
    hint="For each t of the list: misses are positives with p <= t, false alarms negatives with p > t. Add misses * cost_of_miss and alarms; take the t with the least.",
)
def cheapest_threshold(truth, p, cost_of_miss):
    thresholds = np.linspace(0.01, 0.99, 99)
    costs = [
        ((truth == 1) & (p <= t)).sum() * cost_of_miss + ((truth == 0) & (p > t)).sum()
        for t in thresholds
    ]
    return thresholds[np.argmin(costs)]


# %% [markdown]
# **Your turn.** Try every threshold and keep the cheapest.


# %%
@questions.your_code("4-threshold")
def cheapest_threshold(truth, p, cost_of_miss):
    """The first of np.linspace(0.01, 0.99, 99) with the lowest total cost.

    A positive with p <= threshold is missed and costs cost_of_miss; a negative above it costs 1.
    """
    ...


# %% plumbing
def cost_at(truth, p, threshold, cost_of_miss):
    """Mean cost of an example."""
    return (
        ((truth == 1) & (p <= threshold)) * cost_of_miss + ((truth == 0) & (p > threshold))
    ).mean()


def sample(n, seed):
    """Examples with 10 % positives, and their true probabilities."""
    drawn = problems.imbalanced_gaussians(n, separation=2.0, rng=seed)
    return drawn.y, sigmoid(2.0 * drawn.x.sum(axis=1) / np.sqrt(2) + np.log(0.1 / 0.9))


# %%
fresh = sample(50_000, 1_000)
claimed, on_fresh = [], []
for seed in range(100, 140):
    drawn = sample(200, seed)
    t = cheapest_threshold(*drawn, 20)
    claimed.append(cost_at(*drawn, t, 20))
    on_fresh.append(cost_at(*fresh, t, 20))
by_rule, at_half = cost_at(*fresh, 1 / 21, 20), cost_at(*fresh, 0.5, 20)
print("mean cost of an example:")
print(f"threshold chosen on 200 examples: {np.mean(claimed):.2f} on these examples,")
print(f"{np.mean(on_fresh):.2f} on fresh ones; threshold 1/21: {by_rule:.2f}; 0.5: {at_half:.2f}")
assert np.mean(claimed) < np.mean(on_fresh) - 0.02 and by_rule < np.mean(on_fresh) < at_half

# %% [markdown]
# Either way beats 0.5 by far. The cost *claimed* on the examples that chose the threshold is too good: judge on others. Where the probabilities are right, as here by construction, the rule from the costs needs no examples
# and is better than 200 of them.
#
# ## Class weights: what do they move?
#
# The usual advice for a rare class is to give its errors a larger weight w in the loss, so that the model is *forced to learn it*. Compare the weighted model at threshold 0.5 with the plain one at
# `1 / (1 + w)`, where an error costs the same. Two kinds of data: the two clouds, where a straight line is the right model; and two clusters for each class, where no straight line is.

# %%
weights_question = questions.Prediction(
    "4-weights",
    "A linear model, 10 % positives, weight 9. On which data does the weight change how well the model RANKS positives above negatives (ROC AUC)?",
    [
        "on neither: a weight is a threshold",
        "on the two clouds only",
        "on the two clusters only",
        "on both",
    ],
)
weights_question


# %%
def two_clusters(n, seed, positive_share=0.1):
    """Two clusters of positives and two of negatives, so that a straight line cannot part them."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < positive_share).astype(int)
    second = rng.random(n) < np.where(y == 1, 0.5, 0.8)
    centres = np.array([[[0.0, 3.0], [-1.0, -2.0]], [[2.0, 1.0], [-1.0, 0.0]]])
    return centres[y, second.astype(int)] + 0.6 * rng.normal(size=(n, 2)), y


def two_clouds(n, seed):
    drawn = problems.imbalanced_gaussians(n, rng=seed)
    return drawn.x, drawn.y


# %%
KINDS = {"two clouds": two_clouds, "two clusters": two_clusters}


def compare(kind, seed, weight=9):
    """On fresh data: AUC, AP and cross-entropy of the plain and of the weighted model."""
    x, y = KINDS[kind](3_000, seed)
    fresh_x, fresh_y = KINDS[kind](10_000, seed + 1_000)
    rows = []
    for w in (1, weight):
        model = LogisticRegression(C=1e6, class_weight={0: 1, 1: w}).fit(x, y)
        p = model.predict_proba(fresh_x)[:, 1]
        measured = sk.roc_auc_score, sk.average_precision_score, sk.log_loss
        rows.append([measure(fresh_y, p) for measure in measured])
    return rows


# %% claims=["001-M2"]
compared = {kind: np.array([compare(kind, seed) for seed in SEEDS]) for kind in KINDS}
change = {kind: values[:, 1] - values[:, 0] for kind, values in compared.items()}
moved = {kind: count_seeds(np.abs(values[:, 0]) > 0.02) for kind, values in change.items()}
outcome = (moved["two clouds"].mostly, moved["two clusters"].mostly)
print(
    weights_question.resolve(
        weights_question.options[[(0, 0), (1, 0), (0, 1), (1, 1)].index(outcome)]
    )
)
print("weighted minus plain, 95 % intervals for the mean over seeds:")
for kind, values in change.items():
    ends = [mean_interval(values[:, i]) for i in range(3)]
    told = [f"{end.low:+.2f} to {end.high:+.2f}" for end in ends]
    print(f"{kind:12}: AUC {told[0]}, AP {told[1]}, cross-entropy {told[2]}")
assert moved["two clouds"].rarely and moved["two clusters"].mostly

# %% [markdown]
# Where the straight line is the right model, the weight moves nothing but the threshold, and the probabilities suffer: the cross-entropy rises. Where it is the wrong model, the weight changes *which* wrong line is fitted:
# here the AUC gets better and the average precision **worse**. So "weights teach nothing about ranking" is as wrong as "weights force the model to learn". **Compare both with a plain model at a moved threshold, by the
# measure that you care about.**


# %%
GRID = [1, 2, 3, 5, 9, 15, 30]
fitted = {
    kind: {
        w: LogisticRegression(C=1e6, class_weight={0: 1, 1: w}).fit(*make(3_000, 100)) for w in GRID
    }
    for kind, make in KINDS.items()
}
shown = {kind: make(1_500, 1_100) for kind, make in KINDS.items()}


def weighted_line(data, weight):
    (x, y), model = shown[data], fitted[data][weight]
    p, plain = (fitted[data][w].predict_proba(x)[:, 1] for w in (weight, 1))
    across = np.array([-5.0, 5.0])
    border = -(model.intercept_[0] + model.coef_[0, 0] * across) / model.coef_[0, 1]
    at = plain > 1 / (1 + weight)
    recall, _, f1 = recall_precision_f1(y, (p > 0.5).astype(int)) if (p > 0.5).any() else (0, 0, 0)
    moved = recall_precision_f1(y, at.astype(int)) if at.any() else (0, 0, 0)
    bars = {"recall, weighted": recall, "recall, moved": moved[0], "F1, weighted": f1, "F1, moved": moved[2],
            "AUC, weighted": sk.roc_auc_score(y, p), "AUC, plain": sk.roc_auc_score(y, plain)}  # fmt: skip
    return Picture(
        f"Weight {weight}: recall {recall:.2f}, F1 {f1:.2f}, AUC {bars['AUC, weighted']:.2f}; the plain model at threshold "
        f"{1 / (1 + weight):.2f}: recall {moved[0]:.2f}, F1 {moved[2]:.2f}, AUC {bars['AUC, plain']:.2f}.",
        Panel(
            "The weighted model's border", figures.points(*x[y == 0].T, "blue", label="negative", size=3),
            figures.points(*x[y == 1].T, "vermilion", label="positive", size=3), figures.line(across, border, "green"),
            x=(-4, 4), y=(-5, 6), xlabel="feature 1", ylabel="feature 2", legend="upper left",
        ),
        Panel("Measures", figures.bars(bars, right=[True, False] * 3, most=1), xlabel="value"),
    )  # fmt: skip


Explorer(
    weighted_line, data=slider(list(KINDS), start="two clusters"), weight=slider(GRID, start=9, label="class weight, w"),
    title="What a class weight moves", figsize=(9, 3.6),
)  # fmt: skip

# %% [markdown]
# ## How sure are these numbers?
#
# "With imbalanced classes accuracy is especially volatile, use F1 or AUC." Take 200 examples with 10 % positives. An interval for any measure comes from the **bootstrap**: draw 200 of the 200 with
# replacement, measure, repeat, and take the middle 95 %.

# %%
volatile_question = questions.Prediction(
    "4-volatile",
    "200 examples, about 20 of them positive. Whose 95 % interval is the widest?",
    ["accuracy", "recall", "ROC AUC", "they are about equal"],
)
volatile_question


# %%
@questions.solution(
    "4-bootstrap",
    cases=[
        (
            np.array([0.0, 1.0, 1.0, 0.0, 1.0]),
            np.array([[0, 1, 2, 3, 4], [0, 0, 1, 1, 1], [4, 4, 4, 4, 4], [0, 3, 0, 3, 1]]),
        ),
        (np.array([2.0, 4.0]), np.array([[0, 0], [0, 1], [1, 1]])),
    ],
    hint="values[draws] has one row for each draw; take the mean of each row, then np.quantile(means, [0.025, 0.975]).",
)
def bootstrap_interval(values, draws):
    means = values[draws].mean(axis=1)
    return np.quantile(means, [0.025, 0.975])


# %% [markdown]
# **Your turn**, for the simplest measure, a mean:


# %%
@questions.your_code("4-bootstrap")
def bootstrap_interval(values, draws):
    """The middle 95 % of the means of the drawn values, as two numbers.

    Each row of `draws` holds the positions of one draw with replacement.
    """
    ...


# %% plumbing
measures = {
    "accuracy": lambda y, p: ((p > 0.5) == y).mean(),
    "recall": lambda y, p: (p > 0.5)[y == 1].mean(),
    "F1": lambda y, p: 2 * (y * (p > 0.5)).sum() / (y.sum() + (p > 0.5).sum()),
    "ROC AUC": sk.roc_auc_score,
    "AP": sk.average_precision_score,
}

# %% claims=["000-M5"]
y, p = sample(200, 103)
draws = np.random.default_rng(0).integers(0, 200, size=(500, 200))
values = {name: [measure(y[d], p[d]) for d in draws] for name, measure in measures.items()}
ends = {name: np.quantile(each, [0.025, 0.975]) for name, each in values.items()}
assert np.allclose(ends["accuracy"], bootstrap_interval(((p > 0.5) == y) * 1.0, draws))
widest = max(("accuracy", "recall", "ROC AUC"), key=lambda name: np.ptp(ends[name]))
print(volatile_question.resolve(widest))
print("middle 95 % of 500 draws:")
for name, (low, high) in ends.items():
    print(f"{name:9} {low:.2f} to {high:.2f}, {high - low:.2f} wide")
assert np.ptp(ends["recall"]) > 3 * np.ptp(ends["accuracy"])

# %% [markdown]
# The other way round: accuracy is the steadiest of them, and says the least. Recall is an accuracy too, that of the positives alone; F1 and AP rest on the same few. **What counts is the number of positives.** Use recall, F1 or AUC, and bring their
# intervals.
#
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "90 % accuracy shows that the model works" | it is the baseline for 90 apples in a hundred |
# | "the model with 80 % is more useful: it tries" | it missed the positive *and* raised a false alarm |
# | "class weights force the model to learn the rare class" | where the model is right they move the threshold and cost probabilities |
# | "class weights only move the threshold" | where the model is wrong they also change the ranking, for better and for worse |
# | "accuracy is volatile under imbalance" | it is the steadiest; recall rests on the positives alone |
#
# ## Check yourself

# %%
questions.choice(
    "4-check-92",
    "95 % of the transactions are honest. A fraud detector reports 96 % accuracy. What do you ask first?",
    right=(
        "how many frauds it finds, at how many false alarms",
        "Yes: 96 % is one point above the baseline and is possible with most frauds missed or with all of them found.",
    ),
    wrong=[
        (
            "whether 96 % holds on a larger test set",
            "It may; 'honest' every time gets 95 % on any of them.",
        ),
        (
            "why anybody would use it, so close to the baseline",
            "All frauds found, with false alarms on 4 % of the transactions, is 96 % too.",
        ),
        ("the accuracy of 'fraud or not?'", "With two classes that is the same number."),
    ],
)

# %%
questions.number(
    "4-check-f1",
    "1,000 examples, 50 positive. A model finds 40 of them and raises 60 false alarms. Its F1, to two decimals?",
    answer=2 * 40 / (50 + 100),
    tolerance=0.006,
    hint="Recall is 40/50, precision 40/100; F1 is their harmonic mean, twice the found over positives plus all alarms.",
    known={
        0.60: "That is the arithmetic mean of precision and recall.",
        0.93: "That is the accuracy.",
        0.40: "That is the precision alone.",
    },
)

# %%
questions.choice(
    "4-check-weights",
    "A colleague adds class weights: recall goes from 0.3 to 0.8, precision falls, and the predicted probabilities no longer fit what happens. What do you suggest?",
    right=(
        "compare with the plain model at a lower threshold",
        "Yes: only that comparison says whether the weights changed more than the threshold.",
    ),
    wrong=[
        (
            "keep the weights: the model has learnt the rare class",
            "Higher recall at the same threshold is what a lower threshold gives as well.",
        ),
        (
            "drop the weights: they never change the ranking",
            "They do where the model cannot fit the data, as with the two clusters.",
        ),
        (
            "raise the weights until precision comes back",
            "A higher weight calls still more examples positive: precision falls further.",
        ),
    ],
)

# %%
questions.choice(
    "4-check-noise",
    "Two models, F1 0.42 and 0.50, on the same 200 validation examples with 4 positives. Which do you ship?",
    right=(
        "neither yet: four positives cannot tell them apart",
        "Yes: one positive more or less found moves F1 by more than their difference, whatever recall is.",
    ),
    wrong=[
        (
            "the one with F1 0.50: both saw the same examples",
            "The same four positives; one of them found by luck turns the order round.",
        ),
        (
            "the one with the better accuracy",
            "Accuracy is steadier, but 4 positives in 200 move it by two points at most.",
        ),
        ("the one with the higher recall", "With four positives recall has five possible values."),
    ],
)

# %% [markdown]
# ## Summary
#
# - Both baselines follow from the class shares: the majority share for accuracy, the entropy of the shares for the loss.
# - Accuracy counts a miss and a false alarm alike. Recall and precision say which you have; look at every class.
# - ROC AUC does not see how rare the positives are; precision, AP and F1 do.
# - Choose the threshold for your costs, from right probabilities or from examples, and judge it on other examples.
# - Class weights equal a threshold where the model can fit the data; where it cannot, they change the ranking too, for better or worse.
# - Count the positives, and give intervals.
#
# **What would change your mind?** Two clouds on which the weighted line ranks better, seed after seed.
#
# **Further reading.** C. Elkan, "The foundations of cost-sensitive learning", *IJCAI* (2001). J. Byrd, Z. Lipton, "What is the effect of importance weighting in deep learning?", *ICML* (2019).
# T. Saito, M. Rehmsmeier, "The precision-recall plot is more informative than the ROC plot when evaluating binary classifiers on imbalanced datasets", *PLOS ONE* 10 (2015).
#
# **Graded exercise:** [exercise 4](../exercises/exercise_04_imbalance.ipynb). **Before:** [lesson 3](03_what_moves_the_loss.ipynb). **Further:** [4b](04b_scores.ipynb), scores per class, per label and per epoch.
# **Next:** [lesson 5](05_validation_noise.ipynb), where the noise of small validation sets is the subject.
