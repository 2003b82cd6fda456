# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %%
import math

# %% right="pandas, scipy and the curve reader"
import pandas as pd
from scipy.stats import binom

from lessonlib.reading import reader


def since_lowest(val_loss, val_accuracy, n_val):
    log = pd.DataFrame({"loss": val_loss, "hits": val_accuracy})
    low, end = log.loc[log.loss.idxmin()], log.iloc[-1]
    errors = [row.hits * (1 - row.hits) / n_val for row in (low, end)]
    change = (end.hits - low.hits) / sum(errors) ** 0.5
    return [log.loss.idxmin() + 1, (end.loss - low.loss) / low.loss, change]


# %% right="pandas, scipy and the curve reader"
def jumpiness(val_accuracy, n_val):
    series = pd.Series(val_accuracy)
    p = series.mean()
    return series.diff().std(ddof=0) / math.sqrt(2 * p * (1 - p) / n_val)


# %% right="pandas, scipy and the curve reader"
def first_finding(run):
    about = run.provenance
    return reader.read(run, n_val=about["n_val"], n_classes=about["n_classes"]).first.pattern


accuracy_moves = [
    (run["val_accuracy"][-1] - run["val_accuracy"][run.best_epoch("val_loss") - 1]) / 0.01
    for run in rising.values()
]
rising_causes = [
    "overfitting" if first_finding(run) == "overfitting" else "Confident errors"
    for run in rising.values()
]


# %% right="pandas, scipy and the curve reader"
def lucky(n_items, p, at_least):
    right = np.arange(n_items + 1)
    joint = np.outer(binom.pmf(right, n_items, p), binom.pmf(right, n_items, p))
    before, after = np.meshgrid(right, right, indexing="ij")
    reached = (before < n_items) & (after - before - at_least * (n_items - before) > -1e-9)
    return joint[reached].sum()


# %% right="plain Python, other looks"
def since_lowest(val_loss, val_accuracy, n_val):
    loss, hits = list(val_loss), list(val_accuracy)
    low = loss.index(min(loss))
    p, q = hits[low], hits[-1]
    return (low + 1, loss[-1] / min(loss) - 1, (q - p) / math.sqrt((p - p * p + q - q * q) / n_val))


# %% right="plain Python, other looks"
training_rises, jumping_causes = [], []
for run in jumping.values():
    losses = list(run["train_loss"])[-21:]
    training_rises.append(sum(losses[i] > losses[i - 1] for i in range(1, 21)))
    few = run.provenance["n_val"] < 100
    jumping_causes.append("few validation examples" if few else "rate too high")

# %% right="plain Python, other looks"
late_fall, flat_actions = [], []
for run in flat.values():
    n = run.n_epochs
    late_fall.append(run["val_loss"][n - n // 5 - 1] - run["val_loss"][n - 1])
    still = run["train_loss"][-2] - run["train_loss"][-1] > 0.01
    flat_actions.append("train longer" if still else "look at the labels")

# %% right="plain Python, other looks"
causes, actions = [], []
for run in patients.values():
    loss, hits, known = run["val_loss"], run["val_accuracy"], run["train_accuracy"]
    if known[0] - hits[0] > 0.15:
        pair = ("other rows", "look at the split")
    elif loss[-1] > 1.2 * loss.min():
        pair = ("overfitting", "regularise or stop earlier")
    elif abs(hits[-1] - max(run.provenance["class_shares"])) < 0.01:
        pair = ("too simple", "another model")
    elif run["train_loss"][-2] - run["train_loss"][-1] > 0.01:
        pair = ("not finished", "train longer")
    elif hits[-1] > 0.9:
        pair = ("healthy", "keep it")
    else:
        pair = ("noise ceiling", "get better inputs or labels")
    causes.append(pair[0])
    actions.append(pair[1])


# %% wrong="since_lowest" because="counts epochs from 0"
def since_lowest(val_loss, val_accuracy, n_val):
    loss, hits = np.array(val_loss), np.array(val_accuracy)
    low = loss.argmin()
    error = np.sqrt((hits[low] * (1 - hits[low]) + hits[-1] * (1 - hits[-1])) / n_val)
    return low, loss[-1] / loss[low] - 1, (hits[-1] - hits[low]) / error


# %% wrong="since_lowest" because="one standard error instead of that of a difference"
def since_lowest(val_loss, val_accuracy, n_val):
    loss, hits = np.array(val_loss), np.array(val_accuracy)
    low = loss.argmin()
    error = np.sqrt(hits[-1] * (1 - hits[-1]) / n_val)
    return low + 1, loss[-1] / loss[low] - 1, (hits[-1] - hits[low]) / error


# %% wrong="since_lowest" because="from the best accuracy, not from the lowest loss"
def since_lowest(val_loss, val_accuracy, n_val):
    loss, hits = np.array(val_loss), np.array(val_accuracy)
    low = loss.argmin()
    error = np.sqrt((hits.max() * (1 - hits.max()) + hits[-1] * (1 - hits[-1])) / n_val)
    return low + 1, loss[-1] / loss[low] - 1, (hits[-1] - hits.max()) / error


# %% wrong="since_lowest" because="the rise in nats"
def since_lowest(val_loss, val_accuracy, n_val):
    loss, hits = np.array(val_loss), np.array(val_accuracy)
    low = loss.argmin()
    error = np.sqrt((hits[low] * (1 - hits[low]) + hits[-1] * (1 - hits[-1])) / n_val)
    return low + 1, loss[-1] - loss[low], (hits[-1] - hits[low]) / error


# %% wrong="accuracy_moves, rising_causes" because="every loss that rises is overfitting"
accuracy_moves = [
    100 * (run["val_accuracy"][-1] - run["val_accuracy"][run["val_loss"].argmin()])
    for run in rising.values()
]
rising_causes = ["overfitting", "overfitting"]

# %% wrong="accuracy_moves, rising_causes" because="the larger rise of the loss is called overfitting; looks at training"
accuracy_moves = [
    100 * (run["train_accuracy"][-1] - run["train_accuracy"][run["val_loss"].argmin()])
    for run in rising.values()
]
rise = [run["val_loss"][-1] / run["val_loss"].min() for run in rising.values()]
rising_causes = ["overfitting" if each == max(rise) else "confident errors" for each in rise]

# %% wrong="accuracy_moves, rising_causes" because="from the first epoch, where every accuracy has risen"
accuracy_moves = [
    100 * (run["val_accuracy"][-1] - run["val_accuracy"][0]) for run in rising.values()
]
rising_causes = ["confident errors" if move > 0 else "overfitting" for move in accuracy_moves]

# %% wrong="accuracy_moves, rising_causes" because="the causes the wrong way round"
accuracy_moves = [
    100 * (run["val_accuracy"][-1] - run["val_accuracy"][run["val_loss"].argmin()])
    for run in rising.values()
]
rising_causes = ["confident errors" if move < 0 else "overfitting" for move in accuracy_moves]


# %% wrong="jumpiness" because="the spread of the values, which counts a trend as jumps"
def jumpiness(val_accuracy, n_val):
    p = np.mean(val_accuracy)
    return np.std(val_accuracy) / np.sqrt(p * (1 - p) / n_val)


# %% wrong="jumpiness" because="forgets that a difference has the noise of two epochs"
def jumpiness(val_accuracy, n_val):
    p = np.mean(val_accuracy)
    return np.std(np.diff(val_accuracy)) / np.sqrt(p * (1 - p) / n_val)


# %% wrong="jumpiness" because="the standard error without the root of n"
def jumpiness(val_accuracy, n_val):
    p = np.mean(val_accuracy)
    return np.std(np.diff(val_accuracy)) / np.sqrt(2 * p * (1 - p)) / n_val


# %% wrong="jumpiness" because="mean size of the jumps instead of their standard deviation"
def jumpiness(val_accuracy, n_val):
    p = np.mean(val_accuracy)
    return np.abs(np.diff(val_accuracy)).mean() / np.sqrt(2 * p * (1 - p) / n_val)


# %% wrong="training_rises, jumping_causes" because="counts the rises of the validation loss"
training_rises = [int((np.diff(r["val_loss"][-21:]) > 0).sum()) for r in jumping.values()]
jumping_causes = [
    "rate too high" if r["train_loss"][-1] > 0.1 else "few validation examples"
    for r in jumping.values()
]

# %% wrong="training_rises, jumping_causes" because="every jumping validation curve is a rate that is too high"
training_rises = [int((np.diff(r["train_loss"][-21:]) > 0).sum()) for r in jumping.values()]
jumping_causes = ["rate too high"] * 2

# %% wrong="training_rises, jumping_causes" because="the causes the wrong way round"
training_rises = [int((np.diff(r["train_loss"][-21:]) > 0).sum()) for r in jumping.values()]
jumping_causes = [
    "few validation examples" if n == max(training_rises) else "rate too high"
    for n in training_rises
]

# %% wrong="training_rises, jumping_causes" because="counts the falls"
training_rises = [int((np.diff(r["train_loss"][-21:]) < 0).sum()) for r in jumping.values()]
jumping_causes = [
    "rate too high" if n < max(training_rises) else "few validation examples"
    for n in training_rises
]

# %% wrong="late_fall, flat_actions" because="the fall since the first epoch: both have learnt"
late_fall = [r["val_loss"][0] - r["val_loss"][-1] for r in flat.values()]
flat_actions = ["train longer" if fall > 0.05 else "look at the labels" for fall in late_fall]

# %% wrong="late_fall, flat_actions" because="accuracy is flat, so both are finished"
late_fall = [r["val_loss"][-1 - r.n_epochs // 5] - r["val_loss"][-1] for r in flat.values()]
flat_actions = ["look at the labels"] * 2

# %% wrong="late_fall, flat_actions" because="60 % is too little: train both longer"
late_fall = [r["val_loss"][-1 - r.n_epochs // 5] - r["val_loss"][-1] for r in flat.values()]
flat_actions = ["train longer"] * 2

# %% wrong="late_fall, flat_actions" because="of the accuracy, in points"
late_fall = [
    100 * (r["val_accuracy"][-1] - r["val_accuracy"][-1 - r.n_epochs // 5]) for r in flat.values()
]
flat_actions = ["train longer" if fall > 3 else "look at the labels" for fall in late_fall]

# %% wrong="causes, actions" because="calls every low accuracy underfitting"
hits = [run["val_accuracy"][-1] for run in patients.values()]
causes = ["healthy" if each > 0.8 else "too simple" for each in hits]
actions = ["keep it" if each > 0.8 else "another model" for each in hits]

# %% wrong="causes, actions" because="regularises whatever is not good"
good = [run["val_accuracy"][-1] > 0.8 for run in patients.values()]
causes = ["healthy" if each else "overfitting" for each in good]
actions = ["keep it" if each else "regularise or stop earlier" for each in good]

# %% wrong="causes, actions" because="looks at the gap at the end and never at the first epoch"
causes, actions = [], []
for run in patients.values():
    gap = run["train_accuracy"][-1] - run["val_accuracy"][-1]
    learns = run["train_loss"][-2] - run["train_loss"][-1] > 0.01
    causes.append("overfitting" if gap > 0.12 else "not finished" if learns else "noise ceiling")
    actions.append("regularise or stop earlier" if gap > 0.12 else "train longer")

# %% wrong="causes, actions" because="judges by training alone"
causes, actions = [], []
for run in patients.values():
    good = run["train_accuracy"][-1] > 0.8
    causes.append("healthy" if good else "not finished")
    actions.append("keep it" if good else "train longer")


# %% wrong="lucky" because="only before is left to chance"
def lucky(n_items, p, at_least):
    before = np.arange(n_items)
    chance = np.array([math.comb(n_items, k) * p**k * (1 - p) ** (n_items - k) for k in before])
    gain = (n_items * p - before) / (n_items - before)
    return chance[gain >= at_least - 1e-9].sum()


# %% wrong="lucky" because="more than instead of at least"
def lucky(n_items, p, at_least):
    n = n_items
    c = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    return sum(
        c[b] * c[a] for b in range(n) for a in range(n + 1) if a - b > at_least * (n - b) + 1e-9
    )


# %% wrong="lucky" because="the raw gain, not the normalised one"
def lucky(n_items, p, at_least):
    n = n_items
    c = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    return sum(c[b] * c[a] for b in range(n) for a in range(n + 1) if a - b >= at_least * n - 1e-9)


# %% wrong="lucky" because="simulates a hundred learners"
def lucky(n_items, p, at_least):
    rng = np.random.default_rng(0)
    before, after = rng.binomial(n_items, p, (2, 100))
    return np.mean((before < n_items) & (after - before >= at_least * (n_items - before)))


# %% wrong="lucky" because="forgets that whoever had everything right cannot gain"
def lucky(n_items, p, at_least):
    n = n_items
    c = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    return sum(
        c[b] * c[a]
        for b in range(n + 1)
        for a in range(n + 1)
        if a - b >= at_least * (n - b) - 1e-9
    )
