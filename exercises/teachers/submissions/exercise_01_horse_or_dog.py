# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %%
from lessonlib import metrics

# %% right="torch"
import torch


def softmax(logits):
    return torch.softmax(torch.tensor(np.array(logits, dtype=float)), dim=1)


# %% right="torch"
def loss_and_accuracy(labels, logits):
    scores, truth = torch.tensor(np.array(logits, dtype=float)), torch.tensor(np.array(labels))
    hits = (scores.argmax(1) == truth).double().mean()
    return torch.nn.functional.cross_entropy(scores, truth), hits


# %% right="torch"
def gradient(labels, logits):
    scores = torch.tensor(np.array(logits, dtype=float), requires_grad=True)
    torch.nn.functional.cross_entropy(scores, torch.tensor(np.array(labels))).backward()
    return scores.grad


# %% right="scipy and lists"
from scipy.special import log_softmax, logsumexp


def softmax(logits):
    return [[np.exp(z - logsumexp(row)) for z in row] for row in np.asarray(logits, float)]


# %% right="scipy and lists"
def loss_and_accuracy(labels, logits):
    rows = log_softmax(np.asarray(logits, float), axis=1)
    loss = -sum(row[label] for row, label in zip(rows, labels)) / len(rows)
    return [loss, sum(int(row.argmax() == label) for row, label in zip(rows, labels)) / len(rows)]


# %% right="scipy and lists"
def floor(n_classes):
    return -log_softmax([1.0] + [0.0] * (n_classes - 1))[0]


# %% right="scipy and lists"
def dearest_right(n_classes):
    return [1 / n_classes + 1e-5] + [(1 - 1 / n_classes - 1e-5) / (n_classes - 1)] * (n_classes - 1)


# %% right="by nudging, with lessonlib"
def gradient(labels, logits):
    logits = np.array(logits, dtype=float)
    slopes = np.zeros_like(logits)
    for place in np.ndindex(logits.shape):
        up, down = logits.copy(), logits.copy()
        up[place] += 1e-5
        down[place] -= 1e-5
        slopes[place] = (
            metrics.cross_entropy(labels, logits=up) - metrics.cross_entropy(labels, logits=down)
        ) / 2e-5
    return slopes


# %% right="by nudging, with lessonlib"
losses = [metrics.cross_entropy(true_class, logits=s * network) for s in scales]
best_scale = float(scales[losses.index(min(losses))])
accuracy_gain = 0
reason = " Confidence fits"


# %% wrong="softmax" because="overflows: the largest logit is not subtracted"
def softmax(logits):
    powers = np.exp(np.asarray(logits, dtype=float))
    return powers / powers.sum(axis=1, keepdims=True)


# %% wrong="softmax" because="normalises over the pictures, not the classes"
def softmax(logits):
    logits = np.asarray(logits, dtype=float)
    powers = np.exp(logits - logits.max(axis=0))
    return powers / powers.sum(axis=0)


# %% wrong="softmax" because="one sum for the whole matrix"
def softmax(logits):
    powers = np.exp(np.asarray(logits, dtype=float) - np.max(logits))
    return powers / powers.sum()


# %% wrong="softmax" because="subtracts one largest logit for all rows, so that other rows vanish"
def softmax(logits):
    powers = np.exp(np.asarray(logits, dtype=float) - np.max(logits))
    return powers / powers.sum(axis=1, keepdims=True)


# %% wrong="loss_and_accuracy" because="softmax twice"
def loss_and_accuracy(labels, logits):
    p = metrics.softmax(metrics.softmax(logits))
    return -np.log(p[np.arange(len(labels)), labels]).mean(), metrics.accuracy(labels, p)


# %% wrong="loss_and_accuracy" because="logarithm to base 10"
def loss_and_accuracy(labels, logits):
    loss = metrics.cross_entropy(labels, logits=logits) / np.log(10)
    return loss, metrics.accuracy(labels, logits)


# %% wrong="loss_and_accuracy" because="sum instead of mean"
def loss_and_accuracy(labels, logits):
    loss = metrics.cross_entropy(labels, logits=logits) * len(labels)
    return loss, metrics.accuracy(labels, logits)


# %% wrong="loss_and_accuracy" because="infinite for a very confident error"
def loss_and_accuracy(labels, logits):
    p = metrics.softmax(logits)[np.arange(len(labels)), labels]
    with np.errstate(divide="ignore"):
        return -np.log(p).mean(), metrics.accuracy(labels, logits)


# %% wrong="loss_and_accuracy" because="counts as right what gets more than one half"
def loss_and_accuracy(labels, logits):
    p = metrics.softmax(logits)[np.arange(len(labels)), labels]
    return metrics.cross_entropy(labels, logits=logits), np.mean(p > 0.5)


# %% wrong="floor" because="the cost of guessing"
def floor(n_classes):
    return np.log(n_classes)


# %% wrong="floor" because="the floor for two classes, whatever K is"
def floor(n_classes):
    return np.log(1 + 1 / np.e)


# %% wrong="floor" because="e on the wrong side"
def floor(n_classes):
    return np.log(1 + (n_classes - 1) * np.e)


# %% wrong="verdicts" because="takes every log of a perfect accuracy for the bug"
verdicts = [
    "double softmax" if a > 0.99 else "confident errors" if loss > np.log(k) else "cannot tell"
    for k, a, loss in logs
]

# %% wrong="verdicts" because="takes every high loss for confident errors"
verdicts = ["confident errors" if loss > 1 else "cannot tell" for k, a, loss in logs]

# %% wrong="verdicts" because="holds the loss against ln 2"
verdicts = [
    "confident errors" if a < 0.99 and loss > np.log(2) else "double softmax" for k, a, loss in logs
]

# %% wrong="verdicts" because="only the first two logs"
verdicts = ["double softmax", "confident errors", None, None, None, None]


# %% wrong="dearest_right" because="a tie is no right answer"
def dearest_right(n_classes):
    return np.full(n_classes, 1 / n_classes)


# %% wrong="dearest_right" because="just above one half, which is right but cheap"
def dearest_right(n_classes):
    return [0.51] + [0.49 / (n_classes - 1)] * (n_classes - 1)


# %% wrong="dearest_right" because="dear, and wrong"
def dearest_right(n_classes):
    return [0.01] + [0.99 / (n_classes - 1)] * (n_classes - 1)


# %% wrong="dearest_right" because="does not sum to one"
def dearest_right(n_classes):
    return [1 / n_classes + 1e-4] + [1 / n_classes] * (n_classes - 1)


# %% wrong="gradient" because="the sign"
def gradient(labels, logits):
    return -metrics.cross_entropy_gradient(labels, logits) / len(labels)  # y - p


# %% wrong="gradient" because="of the sum, not of the mean"
def gradient(labels, logits):
    return metrics.softmax(logits) - np.eye(np.shape(logits)[1])[labels]


# %% wrong="gradient" because="forgets the label"
def gradient(labels, logits):
    return metrics.softmax(logits) / len(labels)


# %% wrong="best_scale, accuracy_gain, reason" because="the scale with the highest loss"
losses = [metrics.cross_entropy(true_class, logits=s * network) for s in scales]
best_scale, accuracy_gain, reason = scales[np.argmax(losses)], 0.0, "confidence fits"

# %% wrong="best_scale, accuracy_gain, reason" because="right numbers, wrong reason"
losses = [metrics.cross_entropy(true_class, logits=s * network) for s in scales]
best_scale, accuracy_gain, reason = scales[np.argmin(losses)], 0.0, "less confidence"

# %% wrong="best_scale, accuracy_gain, reason" because="the place in the list, not the scale"
losses = [metrics.cross_entropy(true_class, logits=s * network) for s in scales]
best_scale, accuracy_gain, reason = int(np.argmin(losses)), 0.0, "confidence fits"

# %% wrong="best_scale, accuracy_gain, reason" because="reports the accuracy, not its gain"
losses = [metrics.cross_entropy(true_class, logits=s * network) for s in scales]
best_scale, reason = scales[np.argmin(losses)], "confidence fits"
accuracy_gain = metrics.accuracy(true_class, network)
