# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %%
from lessonlib import ledger as course_ledger

# %% right="with scikit-learn and lessonlib"
from sklearn.metrics import accuracy_score, log_loss


def quadrant(labels, before, after):
    classes = range(len(before[0]))
    values = [
        (log_loss(labels, p, labels=classes), accuracy_score(labels, np.argmax(p, axis=1)))
        for p in (np.array(before), np.array(after))
    ]
    changes = np.round(np.subtract(values[1], values[0]), 12)
    return [{-1: "down", 0: "same", 1: "up"}[int(np.sign(change))] for change in changes]


# %% right="with scikit-learn and lessonlib"
def ledger(labels, before, after):
    found = {f"{a} to {b}": 0.0 for a in ("right", "wrong") for b in ("right", "wrong")}
    for label, was, now in zip(labels, before, after):
        group = " to ".join("right" if np.argmax(p) == label else "wrong" for p in (was, now))
        found[group] += (np.log(was[label]) - np.log(now[label])) / len(labels)
    return found


# %% right="with scikit-learn and lessonlib"
book = course_ledger.between(run_labels, probabilities=(early, late))
loss_change = book.change
wrong_to_wrong = book.wrong_to_wrong.contribution
parts = {
    "Confident errors": wrong_to_wrong,
    "unsure right answers": book.right_to_right.contribution,
    "accuracy lost": book.right_to_wrong.contribution,
}
story = max(parts, key=parts.get)

# %% right="in plain Python"
import math


def both_down(p_before):
    best = min((p for p in p_before if p > 0.5), default=None)
    given_up = list(p_before).index(best)
    return [0.495 if i == given_up else 0.45 if p < 0.1 else p for i, p in enumerate(p_before)]


# %% right="in plain Python"
def loss_floor(accuracy):
    return math.log(2) - accuracy * math.log(2)


# %% right="in plain Python"
def descend(x, y, start, rate, n_steps):
    losses, accuracies, t = [], [], start
    for _ in range(n_steps + 1):
        p = [1 / (1 + math.exp(-2 * (each - t))) for each in x]
        losses.append(-sum(math.log(q if k else 1 - q) for q, k in zip(p, y)) / len(x))
        accuracies.append(sum((q > 0.5) == (k == 1) for q, k in zip(p, y)) / len(x))
        t += rate * sum(2 * (q - k) for q, k in zip(p, y)) / len(x)
    return tuple(losses), tuple(accuracies)


# %% wrong="quadrant" because="takes p of the winner, not of the true class"
def quadrant(labels, before, after):
    before, after = np.asarray(before), np.asarray(after)
    loss = np.mean(np.log(before.max(1)) - np.log(after.max(1)))
    hits = np.mean(after.argmax(1) == labels) - np.mean(before.argmax(1) == labels)
    word = lambda c: "same" if abs(c) < 1e-12 else "up" if c > 0 else "down"
    return word(loss), word(hits)


# %% wrong="quadrant" because="believes that a lower loss is a higher accuracy"
def quadrant(labels, before, after):
    rows = np.arange(len(labels))
    change = np.mean(
        np.log(np.asarray(before)[rows, labels]) - np.log(np.asarray(after)[rows, labels])
    )
    if abs(change) < 1e-12:
        return "same", "same"
    return ("up", "down") if change > 0 else ("down", "up")


# %% wrong="quadrant" because="up and down the wrong way round"
def quadrant(labels, before, after):
    before, after = np.asarray(before), np.asarray(after)
    rows = np.arange(len(labels))
    loss = np.mean(np.log(after[rows, labels]) - np.log(before[rows, labels]))
    hits = np.mean(after.argmax(1) == labels) - np.mean(before.argmax(1) == labels)
    word = lambda c: "same" if abs(c) < 1e-12 else "up" if c > 0 else "down"
    return word(loss), word(hits)


# %% wrong="quadrant" because="averages p before it takes the logarithm"
def quadrant(labels, before, after):
    before, after = np.asarray(before), np.asarray(after)
    rows = np.arange(len(labels))
    loss = np.log(before[rows, labels].mean()) - np.log(after[rows, labels].mean())
    hits = np.mean(after.argmax(1) == labels) - np.mean(before.argmax(1) == labels)
    word = lambda c: "same" if abs(c) < 1e-12 else "up" if c > 0 else "down"
    return word(loss), word(hits)


# %% wrong="both_down" because="makes everything unsure: the sure right answers now cost more"
def both_down(p_before):
    return np.full(len(p_before), 0.49) * (np.asarray(p_before) > 0.5) + 0.02


# %% wrong="both_down" because="lower loss with the same accuracy"
def both_down(p_before):
    return np.where(np.asarray(p_before) < 0.1, 0.49, p_before)


# %% wrong="both_down" because="gives up the surest right answer entirely"
def both_down(p_before):
    p = np.array(p_before, dtype=float)
    p[p.argmax()] = 1e-6
    return p


# %% wrong="both_down" because="works only for the example of the lesson"
def both_down(p_before):
    return [0.49, 0.49]


# %% wrong="loss_floor" because="the dearest right answer instead of the cheapest wrong one"
def loss_floor(accuracy):
    return accuracy * np.log(2)


# %% wrong="loss_floor" because="takes accuracy for the probability of the true class"
def loss_floor(accuracy):
    return -np.log(accuracy) if accuracy > 0 else np.log(2)


# %% wrong="loss_floor" because="thinks there is no bound but zero"
def loss_floor(accuracy):
    return 0.0


# %% wrong="loss_floor" because="the entropy of right and wrong"
def loss_floor(accuracy):
    a = np.clip(accuracy, 1e-12, 1 - 1e-12)
    return -a * np.log(a) - (1 - a) * np.log(1 - a)


# %% wrong="ledger" because="means within the groups, which do not add up"
def ledger(labels, before, after):
    book = course_ledger.between(labels, probabilities=(before, after))
    return {
        name.replace("→", "to"): part.contribution * len(labels) / max(part.count, 1)
        for name, part in book.items()
    }


# %% wrong="ledger" because="the sign: before minus after"
def ledger(labels, before, after):
    book = course_ledger.between(labels, probabilities=(before, after))
    return {name.replace("→", "to"): -part.contribution for name, part in book.items()}


# %% wrong="ledger" because="sums, not parts of the mean"
def ledger(labels, before, after):
    book = course_ledger.between(labels, probabilities=(before, after))
    return {name.replace("→", "to"): part.contribution * len(labels) for name, part in book.items()}


# %% wrong="ledger" because="counts instead of losses"
def ledger(labels, before, after):
    book = course_ledger.between(labels, probabilities=(before, after))
    return {name.replace("→", "to"): part.count for name, part in book.items()}


# %% wrong="loss_change, wrong_to_wrong, story" because="the mean of the wrong ones instead of their part"
book = course_ledger.between(run_labels, probabilities=(early, late))
loss_change, story = book.change, "confident errors"
wrong_to_wrong = book.wrong_to_wrong.contribution * 300 / book.wrong_to_wrong.count

# %% wrong="loss_change, wrong_to_wrong, story" because="right numbers, and the story of the smallest part"
book = course_ledger.between(run_labels, probabilities=(early, late))
loss_change, wrong_to_wrong = book.change, book.wrong_to_wrong.contribution
parts = {
    "confident errors": wrong_to_wrong,
    "unsure right answers": book.right_to_right.contribution,
    "accuracy lost": book.right_to_wrong.contribution,
}
story = min(parts, key=parts.get)

# %% wrong="loss_change, wrong_to_wrong, story" because="early minus late"
book = course_ledger.between(run_labels, probabilities=(late, early))
loss_change, wrong_to_wrong = book.change, book.wrong_to_wrong.contribution
story = "confident errors"


# %% wrong="descend" because="goes uphill"
def descend(x, y, start, rate, n_steps):
    x, y, t, losses, accuracies = np.asarray(x), np.asarray(y), start, [], []
    for _ in range(n_steps + 1):
        scores = 2 * (x - t)
        losses.append(np.mean(np.logaddexp(0, scores) - y * scores))
        accuracies.append(np.mean((scores > 0) == (y == 1)))
        t = t + rate * np.mean(-2 * (1 / (1 + np.exp(-scores)) - y))
    return losses, accuracies


# %% wrong="descend" because="the slope of the sum, not of the mean"
def descend(x, y, start, rate, n_steps):
    x, y, t, losses, accuracies = np.asarray(x), np.asarray(y), start, [], []
    for _ in range(n_steps + 1):
        scores = 2 * (x - t)
        losses.append(np.mean(np.logaddexp(0, scores) - y * scores))
        accuracies.append(np.mean((scores > 0) == (y == 1)))
        t = t - rate * np.sum(-2 * (1 / (1 + np.exp(-scores)) - y))
    return losses, accuracies


# %% wrong="descend" because="records after each step, without the start"
def descend(x, y, start, rate, n_steps):
    x, y, t, losses, accuracies = np.asarray(x), np.asarray(y), start, [], []
    for _ in range(n_steps):
        t = t - rate * np.mean(-2 * (1 / (1 + np.exp(-2 * (x - t))) - y))
        scores = 2 * (x - t)
        losses.append(np.mean(np.logaddexp(0, scores) - y * scores))
        accuracies.append(np.mean((scores > 0) == (y == 1)))
    return losses, accuracies


# %% wrong="descend" because="forgets the inner derivative, the factor 2"
def descend(x, y, start, rate, n_steps):
    x, y, t, losses, accuracies = np.asarray(x), np.asarray(y), start, [], []
    for _ in range(n_steps + 1):
        scores = 2 * (x - t)
        losses.append(np.mean(np.logaddexp(0, scores) - y * scores))
        accuracies.append(np.mean((scores > 0) == (y == 1)))
        t = t - rate * np.mean(y - 1 / (1 + np.exp(-scores)))
    return losses, accuracies
