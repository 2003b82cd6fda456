# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %%
import math

from lessonlib import calibration, metrics, runs

# %% right="pandas, scipy and scikit-learn"
import pandas as pd
from scipy import stats


def paired(ours, theirs):
    difference = (pd.Series(ours) - pd.Series(theirs)).dropna()
    return difference.mean(), difference.sem(), (difference > 0).sum()


# %% right="pandas, scipy and scikit-learn"
verdicts = []
for predicted, accuracies in experiments:
    test = stats.ttest_rel(accuracies, base_accuracy)
    sign = 1 if predicted == "higher" else -1
    word = "Survives" if sign * test.statistic > 0 else "Refuted"
    verdicts.append(word if test.pvalue < 0.05 else "cannot tell")


# %% right="pandas, scipy and scikit-learn"
from sklearn.metrics import accuracy_score, log_loss


def judged(labels, logits, share):
    p, k = metrics.softmax(logits), len(logits[0])
    loss = accuracy = 0.0
    for turn in range(k):
        other = (np.array(labels) + turn) % k
        weight = 1 - share if turn == 0 else share / (k - 1)
        loss += weight * log_loss(other, p, labels=range(k))
        accuracy += weight * accuracy_score(other, p.argmax(axis=1))
    return [loss, accuracy]


# %% right="pandas, scipy and scikit-learn"
from sklearn.model_selection import train_test_split


def split(labels, share, seed):
    rows = np.arange(len(labels))
    return train_test_split(rows, test_size=share, stratify=labels, random_state=seed)[1]


# %% right="plain Python and lessonlib"
def paired(ours, theirs):
    d = [ours[s] - theirs[s] for s in sorted(set(ours) & set(theirs))]
    mean = sum(d) / len(d)
    variance = sum((each - mean) ** 2 for each in d) / (len(d) - 1)
    return (mean, math.sqrt(variance / len(d)), sum(each > 0 for each in d))


# %% right="plain Python and lessonlib"
late_cost = [-math.log(p[y]) for p, y in zip(metrics.softmax(late), val_labels)]
early_cost = [-math.log(p[y]) for p, y in zip(metrics.softmax(early), val_labels)]
false = [i for i in range(600) if list(late[i]).index(max(late[i])) != val_labels[i]]
top = sorted(range(600), key=lambda i: late_cost[i])[540:]
in_false = sum(is_wrong[i] for i in false) / len(false)
in_highest = sum(is_wrong[i] for i in top) / 60
rises = [b - a for a, b in zip(early_cost, late_cost)]
part_of_rise = sum(r for r, w in zip(rises, is_wrong) if w) / sum(rises)
without_them = "rise" if sum(r for r, w in zip(rises, is_wrong) if not w) > 0 else "fall"

# %% right="plain Python and lessonlib"
temperatures = np.geomspace(0.05, 20, 4000)


def at_best(scores):
    # all networks have one positive logit in each row: margin m gives -m/T + ln(e^(m/T) + 3)
    said, margin = scores.argmax(axis=1), scores.max(axis=1)
    m = margin / temperatures[:, None]
    losses = np.logaddexp(m, math.log(3)) - np.where(said == test_labels, m, 0)
    return losses.mean(axis=1).min()


changes = np.array([at_best(scores) - at_best(base) for scores in remedies])
words = {-1: "knows more", 0: "only confidence", 1: "knows less"}
effects = [words[int(np.sign(c)) if abs(c) > 0.02 else 0] for c in changes]

# %% right="plain Python and lessonlib"
ship = (
    1 + np.argmax(val_accuracy),
    1 + np.argmin(val_loss),
    1 + np.argmin(val_refinement),
)
kept = runs.stop_epoch(val_loss, patience=3).kept
given_away = (test_accuracy[29] - test_accuracy[kept - 1]) / 0.01


# %% wrong="paired" because="compares two independent groups"
def paired(ours, theirs):
    a, b = np.array(list(ours.values())), np.array(list(theirs.values()))
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return a.mean() - b.mean(), error, len(set(ours) & set(theirs))


# %% wrong="paired" because="pairs by the order of the results, not by seed"
def paired(ours, theirs):
    d = np.array(list(ours.values())) - np.array(list(theirs.values()))
    return d.mean(), d.std(ddof=1) / np.sqrt(len(d)), (d > 0).sum()


# %% wrong="paired" because="the spread of the seeds instead of the error of the mean"
def paired(ours, theirs):
    d = np.array([ours[s] - theirs[s] for s in ours if s in theirs])
    return d.mean(), d.std(ddof=1), (d > 0).sum()


# %% wrong="paired" because="divides by n, not n - 1"
def paired(ours, theirs):
    d = np.array([ours[s] - theirs[s] for s in ours if s in theirs])
    return d.mean(), d.std() / np.sqrt(len(d)), (d > 0).sum()


# %% wrong="verdicts" because="takes the spread over seeds for the error of the comparison"
verdicts = []
for predicted, accuracies in experiments:
    reach = 2.26 * np.sqrt((accuracies.var(ddof=1) + base_accuracy.var(ddof=1)) / 10)
    change = accuracies.mean() - base_accuracy.mean()
    towards = change if predicted == "higher" else -change
    verdicts.append(
        "cannot tell" if abs(towards) < reach else "survives" if towards > 0 else "refuted"
    )

# %% wrong="verdicts" because="believes the sign of the mean"
verdicts = [
    "survives" if (a.mean() > base_accuracy.mean()) == (p == "higher") else "refuted"
    for p, a in experiments
]

# %% wrong="verdicts" because="any clear effect counts as a success of the explanation"
verdicts = []
for _, accuracies in experiments:
    d = accuracies - base_accuracy
    clear = abs(d.mean()) > 2.26 * d.std(ddof=1) / np.sqrt(10)
    verdicts.append("survives" if clear else "refuted")

# %% wrong="verdicts" because="runs one seed only"
verdicts = [
    "survives" if (a[0] > base_accuracy[0]) == (p == "higher") else "refuted"
    for p, a in experiments
]


# %% wrong="judged" because="forgets that a false answer can meet a wrong label"
def judged(labels, logits, share):
    k, costs = len(logits[0]), -metrics.log_softmax(logits)
    right = costs[np.arange(len(labels)), labels]
    loss = (1 - share) * right + share * (costs.sum(axis=1) - right) / (k - 1)
    return loss.mean(), (1 - share) * metrics.accuracy(labels, logits)


# %% wrong="judged" because="replaces by any of the K classes, the right one among them"
def judged(labels, logits, share):
    k, costs = len(logits[0]), -metrics.log_softmax(logits)
    right = costs[np.arange(len(labels)), labels]
    hits = (1 - share) * metrics.accuracy(labels, logits) + share / k
    return np.mean((1 - share) * right + share * costs.mean(axis=1)), hits


# %% wrong="judged" because="a wrong label costs ln K, as if the network were unsure of it"
def judged(labels, logits, share):
    k, accuracy = len(logits[0]), metrics.accuracy(labels, logits)
    loss = (1 - share) * metrics.cross_entropy(labels, logits=logits) + share * np.log(k)
    return loss, (1 - share) * accuracy + share * (1 - accuracy) / (k - 1)


# %% wrong="judged" because="one simulated replacement instead of the average"
def judged(labels, logits, share):
    rng, k = np.random.default_rng(0), len(logits[0])
    hit = rng.random(len(labels)) < share
    new = np.where(hit, (np.array(labels) + rng.integers(1, k, len(labels))) % k, labels)
    return metrics.cross_entropy(new, logits=logits), metrics.accuracy(new, logits)


# %% wrong="in_false, in_highest, part_of_rise, without_them" because="shares of the wrong labels that are found, not of what is looked at"
before = metrics.cross_entropy_per_example(val_labels, logits=early)
after = metrics.cross_entropy_per_example(val_labels, logits=late)
false = late.argmax(1) != val_labels
in_false = false[is_wrong].mean()
in_highest = np.isin(np.flatnonzero(is_wrong), np.argsort(after)[-60:]).mean()
part_of_rise = (after - before)[is_wrong].sum() / (after - before).sum()
without_them = "rise"

# %% wrong="in_false, in_highest, part_of_rise, without_them" because="judges by the right labels, which nobody has"
before = metrics.cross_entropy_per_example(right_class, logits=early)
after = metrics.cross_entropy_per_example(right_class, logits=late)
in_false = is_wrong[late.argmax(1) != right_class].mean()
in_highest = is_wrong[np.argsort(after)[-60:]].mean()
part_of_rise = (after - before)[is_wrong].sum() / (after - before).sum()
without_them = "rise" if (after - before)[~is_wrong].mean() > 0 else "fall"

# %% wrong="in_false, in_highest, part_of_rise, without_them" because="right numbers; believes that without wrong labels there is no rise"
before = metrics.cross_entropy_per_example(val_labels, logits=early)
after = metrics.cross_entropy_per_example(val_labels, logits=late)
in_false = is_wrong[late.argmax(1) != val_labels].mean()
in_highest = is_wrong[np.argsort(after)[-60:]].mean()
part_of_rise = (after - before)[is_wrong].sum() / (after - before).sum()
without_them = "fall"

# %% wrong="in_false, in_highest, part_of_rise, without_them" because="means of the groups instead of their parts of the sum"
before = metrics.cross_entropy_per_example(val_labels, logits=early)
after = metrics.cross_entropy_per_example(val_labels, logits=late)
in_false = is_wrong[late.argmax(1) != val_labels].mean()
in_highest = is_wrong[np.argsort(after)[-60:]].mean()
part_of_rise = (after - before)[is_wrong].mean() / (after - before).mean()
without_them = "rise"

# %% wrong="effects, changes" because="reads knowledge off the loss"
losses = [metrics.cross_entropy(test_labels, logits=z) for z in [base, *remedies]]
changes = [loss - losses[0] for loss in losses[1:]]
effects = ["knows more" if change < 0 else "knows less" for change in changes]

# %% wrong="effects, changes" because="reads knowledge off the accuracy; numbers are right"
start = calibration.split_loss(test_labels, base).refinement
changes = [calibration.split_loss(test_labels, z).refinement - start for z in remedies]
gains = [metrics.accuracy(test_labels, z) - metrics.accuracy(test_labels, base) for z in remedies]
effects = [
    "only confidence" if gain == 0 else "knows more" if gain > 0 else "knows less" for gain in gains
]

# %% wrong="effects, changes" because="compares calibration instead of refinement"
start = calibration.split_loss(test_labels, base).calibration
changes = [calibration.split_loss(test_labels, z).calibration - start for z in remedies]
effects = [
    "only confidence" if abs(change) < 0.02 else "knows more" if change < 0 else "knows less"
    for change in changes
]

# %% wrong="effects, changes" because="one temperature, fitted to the base, for all"
temperature = calibration.fit_temperature(test_labels, base)
costs = [metrics.cross_entropy(test_labels, logits=z / temperature) for z in [base, *remedies]]
changes = [cost - costs[0] for cost in costs[1:]]
effects = [
    "only confidence" if abs(change) < 0.02 else "knows more" if change < 0 else "knows less"
    for change in changes
]


# %% wrong="split" because="the tail of the file, as Keras takes it"
def split(labels, share, seed):
    n = round(share * len(labels))
    return list(range(len(labels) - n, len(labels)))


# %% wrong="split" because="the tail of each class: stratified, and still by date"
def split(labels, share, seed):
    rows = [np.flatnonzero(np.array(labels) == each) for each in np.unique(labels)]
    return np.concatenate([each[len(each) - round(share * len(each)) :] for each in rows])


# %% wrong="split" because="random, not stratified"
def split(labels, share, seed):
    rng = np.random.default_rng(seed + 12345)
    return rng.permutation(len(labels))[: round(share * len(labels))]


# %% wrong="split" because="returns the training part"
def split(labels, share, seed):
    rng, labels = np.random.default_rng(seed), np.array(labels)
    rows = [rng.permutation(np.flatnonzero(labels == each)) for each in np.unique(labels)]
    return np.concatenate([each[round(share * len(each)) :] for each in rows])


# %% wrong="split" because="draws with replacement"
def split(labels, share, seed):
    rng, labels = np.random.default_rng(seed), np.array(labels)
    rows = [np.flatnonzero(labels == each) for each in np.unique(labels)]
    return np.concatenate([rng.choice(each, round(share * len(each))) for each in rows])


# %% wrong="ship, kept, given_away" because="keeps the lowest loss of all, as if there were no patience"
ship = [val_accuracy.argmax() + 1, val_loss.argmin() + 1, val_refinement.argmin() + 1]
kept = val_loss.argmin() + 1
given_away = 100 * (test_accuracy[-1] - test_accuracy[kept - 1])

# %% wrong="ship, kept, given_away" because="counts epochs from 0"
ship = [val_accuracy.argmax(), val_loss.argmin(), val_refinement.argmin()]
kept = runs.stop_epoch(val_loss, patience=3).kept - 1
given_away = 100 * (test_accuracy[-1] - test_accuracy[kept])

# %% wrong="ship, kept, given_away" because="ships the lowest loss to everybody"
ship = [val_loss.argmin() + 1] * 3
kept = runs.stop_epoch(val_loss, patience=3).kept
given_away = 100 * (test_accuracy[-1] - test_accuracy[kept - 1])

# %% wrong="ship, kept, given_away" because="keeps the epoch at which the training ended, not the best one"
ship = [val_accuracy.argmax() + 1, val_loss.argmin() + 1, val_refinement.argmin() + 1]
kept = runs.stop_epoch(val_loss, patience=3).ended
given_away = 100 * (test_accuracy[-1] - test_accuracy[kept - 1])

# %% wrong="ship, kept, given_away" because="judges by the part that chose"
ship = [val_accuracy.argmax() + 1, val_loss.argmin() + 1, val_refinement.argmin() + 1]
kept = runs.stop_epoch(val_loss, patience=3).kept
given_away = 100 * (val_accuracy[-1] - val_accuracy[kept - 1])
