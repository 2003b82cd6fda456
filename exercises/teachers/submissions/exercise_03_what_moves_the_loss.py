# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% right="torch"
import torch
from torch.nn.functional import binary_cross_entropy_with_logits


def binary_loss(labels, logits):
    scores = torch.tensor(np.array(logits, dtype=float))
    return binary_cross_entropy_with_logits(scores, torch.tensor(np.array(labels, dtype=float)))


# %% right="torch"
def batch_mean_loss(losses, batch_size):
    batches = torch.tensor(np.array(losses, dtype=float)).split(batch_size)
    total = sum(batch.mean() * len(batch) for batch in batches) / len(losses)
    return total, torch.stack([batch.mean() for batch in batches]).mean()


# %% right="torch"
def name_reports(labels, logits, reported, batch_size):
    scores, truth = torch.tensor(np.array(logits)), torch.tensor(np.array(labels))
    loss = torch.nn.functional.cross_entropy
    batches = zip(scores.split(batch_size), truth.split(batch_size))
    known = {
        "mean over pictures": loss(scores, truth),
        "sum": loss(scores, truth, reduction="sum"),
        "mean of batch means": sum(loss(a, b) for a, b in batches) / -(-len(truth) // batch_size),
        "softmax twice": loss(scores.softmax(1), truth),
        "base 10": loss(scores, truth) / np.log(10),
    }
    return [next(k for k, v in known.items() if abs(float(v) - r) < 1e-6) for r in reported]


# %% right="by logarithm rules and lists"
import math


def share_of_one(n, p_right, p_wrong):
    costs = [-math.log(p_right)] * (n - 1) + [-math.log(p_wrong)]
    return costs[-1] / sum(costs)


# %% right="by logarithm rules and lists"
def binary_loss(labels, logits):
    cost = 0.0
    for y, z in zip(labels, logits):
        margin = float(z) if y else -float(z)
        cost += max(0.0, -margin) + math.log1p(math.exp(-abs(margin)))
    return cost / len(labels)


# %% right="by logarithm rules and lists"
def noise_floor(n_classes, flipped):
    p = np.full(n_classes, flipped / (n_classes - 1))
    p[0] = 1 - flipped
    return [-sum(q * math.log(q) for q in p if q > 0), p.max()]


# %% right="by logarithm rules and lists"
honest_mse = float(((shape_labels - shape_predictions.reshape(-1)) ** 2).mean())
n_terms = len(shape_labels) * len(shape_predictions)
consequence = ["the mean of the labels for everyone", "the labels"][n_terms == 40]


# %% wrong="share_of_one" because="its share of the pictures"
def share_of_one(n, p_right, p_wrong):
    return 1 / n


# %% wrong="share_of_one" because="counts the wrong one among the right ones, too"
def share_of_one(n, p_right, p_wrong):
    return np.log(p_wrong) / (np.log(p_wrong) + n * np.log(p_right))


# %% wrong="share_of_one" because="one minus p instead of the logarithm"
def share_of_one(n, p_right, p_wrong):
    return (1 - p_wrong) / ((1 - p_wrong) + (n - 1) * (1 - p_right))


# %% wrong="share_of_one" because="how many times it costs one of the others"
def share_of_one(n, p_right, p_wrong):
    return np.log(p_wrong) / np.log(p_right)


# %% wrong="binary_loss" because="clips the probability, so that a certain error costs 16"
def binary_loss(labels, logits):
    z = np.clip(np.asarray(logits, dtype=float), -500, 500)
    p = np.clip(1 / (1 + np.exp(-z)), 1e-7, 1 - 1e-7)
    y = np.asarray(labels)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


# %% wrong="binary_loss" because="0 times infinity is NaN"
def binary_loss(labels, logits):
    with np.errstate(all="ignore"):
        p = 1 / (1 + np.exp(-np.asarray(logits, dtype=float)))
        y = np.asarray(labels)
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


# %% wrong="binary_loss" because="charges only the pictures of class 1"
def binary_loss(labels, logits):
    return np.mean(np.asarray(labels) * np.logaddexp(0, -np.asarray(logits, dtype=float)))


# %% wrong="binary_loss" because="the sum"
def binary_loss(labels, logits):
    z = np.asarray(logits, dtype=float)
    return np.sum(np.logaddexp(0, z) - np.asarray(labels) * z)


# %% wrong="batch_mean_loss" because="drops the ragged batch"
def batch_mean_loss(losses, batch_size):
    losses = np.asarray(losses, dtype=float)
    whole = losses[: len(losses) // batch_size * batch_size]
    means = whole.reshape(-1, batch_size).mean(1) if len(whole) else np.array([losses.mean()])
    return means.mean(), means.mean()


# %% wrong="batch_mean_loss" because="the two the wrong way round"
def batch_mean_loss(losses, batch_size):
    losses = np.asarray(losses, dtype=float)
    parts = [losses[i : i + batch_size] for i in range(0, len(losses), batch_size)]
    return np.mean([p.mean() for p in parts]), losses.mean()


# %% wrong="batch_mean_loss" because="divides by the batch size, also the last batch"
def batch_mean_loss(losses, batch_size):
    losses = np.asarray(losses, dtype=float)
    parts = [losses[i : i + batch_size] for i in range(0, len(losses), batch_size)]
    return losses.mean(), np.mean([p.sum() / batch_size for p in parts])


# %% wrong="noise_floor" because="a perfect network has no loss"
def noise_floor(n_classes, flipped):
    return 0.0, 1 - flipped


# %% wrong="noise_floor" because="the entropy of flipped or not, without the other classes"
def noise_floor(n_classes, flipped):
    if flipped == 0:
        return 0.0, 1.0
    return -(1 - flipped) * np.log(1 - flipped) - flipped * np.log(flipped), 1 - flipped


# %% wrong="noise_floor" because="spreads the flips over all classes, the true one too"
def noise_floor(n_classes, flipped):
    p = np.full(n_classes, flipped / n_classes)
    p[0] += 1 - flipped
    p = p[p > 0]
    return -np.sum(p * np.log(p)), 1 - flipped + flipped / n_classes


# %% wrong="noise_floor" because="what a certain network pays, infinity left out"
def noise_floor(n_classes, flipped):
    return -np.log(1 - flipped), 1 - flipped


# %% wrong="honest_mse, n_terms, consequence" because="believes the script"
honest_mse = np.mean((shape_labels - shape_predictions) ** 2)
n_terms, consequence = 1600, "the mean of the labels for everyone"

# %% wrong="honest_mse, n_terms, consequence" because="counts the pictures"
honest_mse = np.mean((shape_labels - shape_predictions.ravel()) ** 2)
n_terms, consequence = 40, "the mean of the labels for everyone"

# %% wrong="honest_mse, n_terms, consequence" because="thinks that training would work all the same"
honest_mse = np.mean((shape_labels - shape_predictions.ravel()) ** 2)
n_terms, consequence = 1600, "the labels"


# %% wrong="name_reports" because="knows only the order of this class"
def name_reports(labels, logits, reported, batch_size):
    return [list(reports)[i] for i in order]


# %% wrong="name_reports" because="takes the batch means for the mean and the reverse"
def name_reports(labels, logits, reported, batch_size):
    each = metrics.cross_entropy_per_example(labels, logits=logits)
    parts = [each[i : i + batch_size].mean() for i in range(0, len(each), batch_size)]
    known = {
        "mean of batch means": each.mean(),
        "mean over pictures": np.mean(parts),
        "sum": each.sum(),
        "softmax twice": metrics.cross_entropy(labels, logits=metrics.softmax(logits)),
        "base 10": each.mean() / np.log(10),
    }
    return [min(known, key=lambda name: abs(known[name] - value)) for value in reported]


# %% wrong="name_reports" because="ranks them: sum, softmax twice, means, base 10"
def name_reports(labels, logits, reported, batch_size):
    ranked = ["base 10", "mean over pictures", "mean of batch means", "softmax twice", "sum"]
    return [ranked[place] for place in np.argsort(np.argsort(reported))]
