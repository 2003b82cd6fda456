# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %%
import math

# %% right="scipy and pandas"
from scipy.stats import entropy


def knowing_nothing(counts):
    return [entropy(counts), max(counts) / sum(counts)]


# %% right="scipy and pandas"
def rises(losses, size):
    losses = np.array(losses)
    n = losses.shape[1] // size
    curves = losses[:, : n * size].reshape(len(losses), n, size).mean(axis=2)
    return curves[-1] / curves.min(axis=0) - 1


# %% right="scipy and pandas"
import pandas as pd

below, needs = [], []
for run in runs.values():
    log = pd.DataFrame(dict(run.metrics))
    below.append(entropy(run.provenance["class_shares"]) - log.val_loss.iloc[-1])
    if log.train_accuracy.iloc[-1] > 0.95:
        needs.append("more data")
    elif log.train_loss.diff().tail(5).mean() < -0.003:
        needs.append("more epochs")
    else:
        learnt = log.val_accuracy.iloc[-1] > max(run.provenance["class_shares"]) + 0.05
        needs.append("Nothing helps" if learnt else "bigger model")

# %% right="plain Python"


def epochs_needed(start, target, rate, n_train, batch_size):
    steps_per_epoch = -(-n_train // batch_size)
    epochs = 0
    while epochs * steps_per_epoch * rate < abs(target - start):
        epochs += 1
    return epochs


# %% right="plain Python"
gaps, troubles = [], []
for classes, right in files:
    a, b = sum(right[:800]) / 800, sum(right[800:]) / 200
    gaps.append((a - b) / math.sqrt(a * (1 - a) / 800 + b * (1 - b) / 200))
    counts = np.bincount(classes[800:], minlength=5)
    unlike = counts.max() > 100
    troubles.append(
        "same question" if gaps[-1] < 3 else "other classes" if unlike else "other labels"
    )


# %% right="plain Python"
def state(loss, logits):
    if math.log(len(logits[0])) - loss > 0.1:
        return "Learns"
    columns = list(zip(*logits))
    return "dead" if all(max(c) - min(c) < 0.001 for c in columns) else "alive"


# %% wrong="knowing_nothing" because="the cost of guessing evenly, whatever the shares"
def knowing_nothing(counts):
    return np.log(len(counts)), max(counts) / sum(counts)


# %% wrong="knowing_nothing" because="in bits"
def knowing_nothing(counts):
    shares = np.array([c for c in counts if c > 0]) / sum(counts)
    return -np.sum(shares * np.log2(shares)), shares.max()


# %% wrong="knowing_nothing" because="an empty class makes it nan"
def knowing_nothing(counts):
    shares = np.array(counts) / sum(counts)
    with np.errstate(all="ignore"):
        return -np.sum(shares * np.log(shares)), shares.max()


# %% wrong="knowing_nothing" because="answers by drawing from the shares instead of the largest class"
def knowing_nothing(counts):
    shares = np.array([c for c in counts if c > 0]) / sum(counts)
    return -np.sum(shares * np.log(shares)), np.sum(shares**2)


# %% wrong="knowing_nothing" because="the mean over the classes, not over the examples"
def knowing_nothing(counts):
    shares = np.array([c for c in counts if c > 0]) / sum(counts)
    return -np.mean(np.log(shares)), shares.max()


# %% wrong="epochs_needed" because="one step an epoch"
def epochs_needed(start, target, rate, n_train, batch_size):
    return int(np.ceil(abs(target - start) / rate))


# %% wrong="epochs_needed" because="drops the last batch"
def epochs_needed(start, target, rate, n_train, batch_size):
    steps = max(n_train // batch_size, 1)
    return int(np.ceil(abs(target - start) / (rate * steps)))


# %% wrong="epochs_needed" because="counts steps, not epochs"
def epochs_needed(start, target, rate, n_train, batch_size):
    return int(np.ceil(abs(target - start) / rate * np.ceil(n_train / batch_size)))


# %% wrong="epochs_needed" because="rounds down: it has not arrived"
def epochs_needed(start, target, rate, n_train, batch_size):
    return int(abs(target - start) / (rate * np.ceil(n_train / batch_size)))


# %% wrong="rises" because="cuts the epochs, not the examples"
def rises(losses, size):
    curve = np.array(losses).mean(axis=1)
    parts = [curve[i : i + size] for i in range(0, len(curve) - size + 1, size)]
    return [part[-1] / part.min() - 1 for part in parts]


# %% wrong="rises" because="every example's own minimum instead of that of the mean"
def rises(losses, size):
    losses = np.array(losses)
    own = losses[-1] / losses.min(axis=0) - 1
    return [own[i : i + size].mean() for i in range(0, len(own) - size + 1, size)]


# %% wrong="rises" because="against the first epoch, not the lowest"
def rises(losses, size):
    losses = np.array(losses)
    curves = [
        losses[:, i : i + size].mean(axis=1) for i in range(0, losses.shape[1] - size + 1, size)
    ]
    return [curve[-1] / curve[0] - 1 for curve in curves]


# %% wrong="rises" because="takes the incomplete window as well"
def rises(losses, size):
    losses = np.array(losses)
    curves = [losses[:, i : i + size].mean(axis=1) for i in range(0, losses.shape[1], size)]
    return [curve[-1] / curve.min() - 1 for curve in curves]


# %% wrong="rises" because="in nats, not as a share"
def rises(losses, size):
    losses = np.array(losses)
    curves = [
        losses[:, i : i + size].mean(axis=1) for i in range(0, losses.shape[1] - size + 1, size)
    ]
    return [curve[-1] - curve.min() for curve in curves]


# %% wrong="gaps, troubles" because="in points, not in standard errors"
gaps = [100 * (right[:800].mean() - right[800:].mean()) for _, right in files]
troubles = [
    "same question" if gap < 3 else "other labels" if len(set(c[800:])) > 3 else "other classes"
    for gap, (c, _) in zip(gaps, files)
]

# %% wrong="gaps, troubles" because="one standard error for the whole file"
gaps, troubles = [], []
for classes, right in files:
    p = right.mean()
    gaps.append((right[:800].mean() - right[800:].mean()) / np.sqrt(p * (1 - p) / 1000))
    many = len(set(classes[800:])) > 3
    troubles.append(
        "same question" if abs(gaps[-1]) < 4 else "other labels" if many else "other classes"
    )

# %% wrong="gaps, troubles" because="every gap is overfitting to the labels; does not look at the rows"
gaps, troubles = [], []
for _, right in files:
    a, b = right[:800].mean(), right[800:].mean()
    gaps.append((a - b) / np.sqrt(a * (1 - a) / 800 + b * (1 - b) / 200))
    troubles.append("same question" if abs(gaps[-1]) < 3 else "other labels")

# %% wrong="gaps, troubles" because="reads the class counts of the whole file"
gaps, troubles = [], []
for classes, right in files:
    a, b = right[:800].mean(), right[800:].mean()
    gaps.append((a - b) / np.sqrt(a * (1 - a) / 800 + b * (1 - b) / 200))
    even = np.bincount(classes).min() > 100
    troubles.append("same question" if even else "other classes")

# %% wrong="below, needs" because="takes what is flat for unfinished, and what falls for a ceiling"
below, needs = [], []
for run in runs.values():
    shares = np.array(run.provenance["class_shares"])
    below.append(-np.sum(shares * np.log(shares)) - run["val_loss"][-1])
    if run["train_accuracy"][-1] - run["val_accuracy"][-1] > 0.12:
        needs.append("more data")
    elif below[-1] < 0.03:
        needs.append("bigger model")
    else:
        needs.append("nothing helps" if below[-1] < 0.3 else "more epochs")

# %% wrong="below, needs" because="compares with ln K, not with the class shares"
below, needs = [], []
for run in runs.values():
    below.append(np.log(run.provenance["n_classes"]) - run["val_loss"][-1])
    if run["train_accuracy"][-1] - run["val_accuracy"][-1] > 0.12:
        needs.append("more data")
    elif abs(np.diff(run["val_loss"])[-3:]).max() < 0.002:
        needs.append("bigger model")
    else:
        needs.append("more epochs" if below[-1] < 0.3 else "nothing helps")

# %% wrong="below, needs" because="60 % is always too little capacity"
shares = [np.array(run.provenance["class_shares"]) for run in runs.values()]
below = [-np.sum(s * np.log(s)) - run["val_loss"][-1] for s, run in zip(shares, runs.values())]
needs = ["bigger model"] * 4

# %% wrong="below, needs" because="takes the training loss"
below, needs = [], []
for run in runs.values():
    shares = np.array(run.provenance["class_shares"])
    below.append(-np.sum(shares * np.log(shares)) - run["train_loss"][-1])
    if run["train_accuracy"][-1] - run["val_accuracy"][-1] > 0.12:
        needs.append("more data")
    elif below[-1] < 0.03:
        needs.append("bigger model")
    else:
        needs.append("more epochs" if below[-1] < 0.3 else "nothing helps")


# %% wrong="state" because="looks at the spread over classes, not over pictures"
def state(loss, logits):
    if loss < np.log(len(logits[0])) - 0.1:
        return "learns"
    return "dead" if np.ptp(logits, axis=1).max() < 1e-3 else "alive"


# %% wrong="state" because="small logits count as dead"
def state(loss, logits):
    if loss < np.log(len(logits[0])) - 0.1:
        return "learns"
    return "dead" if np.abs(logits).max() < 0.1 or np.ptp(logits, axis=0).max() < 1e-3 else "alive"


# %% wrong="state" because="a plateau at ln K always means a rate that is too low"
def state(loss, logits):
    k = len(logits[0])
    exact = np.array_equal(logits, np.tile(logits[0], (len(logits), 1)))
    return "learns" if loss < np.log(k) - 0.1 else "dead" if exact else "alive"


# %% wrong="state" because="one constant column is enough"
def state(loss, logits):
    if loss < np.log(len(logits[0])) - 0.1:
        return "learns"
    return "dead" if np.ptp(logits, axis=0).min() < 1e-3 else "alive"


# %% wrong="state" because="ln 10 for any number of classes"
def state(loss, logits):
    if loss < np.log(10) - 0.1:
        return "learns"
    return "dead" if np.ptp(logits, axis=0).max() < 1e-3 else "alive"
