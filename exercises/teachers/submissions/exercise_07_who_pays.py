# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %%
from lessonlib import ledger

# %% right="with lessonlib and scipy"
from scipy.optimize import minimize_scalar


def best_temperature(labels, logits):
    def loss(T):
        return metrics.cross_entropy(labels, logits=np.asarray(logits, dtype=float) / T)

    return minimize_scalar(loss, bounds=(0.1, 20), method="bounded", options={"xatol": 1e-6}).x


# %% right="with lessonlib and scipy"
def shares_paid(labels, logits, percent):
    losses = metrics.cross_entropy_per_example(labels, logits=logits)
    false = np.argmax(logits, axis=1) != np.asarray(labels)
    worst = sorted(losses, reverse=True)[: round(percent / 100 * len(losses))]
    return np.dot(losses, false) / sum(losses), sum(worst) / sum(losses)


# %% right="with lessonlib and scipy"
book = ledger.between(run_labels, logits=(at_minimum, at_end))
wrong_to_wrong, told = book.wrong_to_wrong.contribution, " Certainty"
before, after = (metrics.softmax(z).max(axis=1) for z in (at_minimum, at_end))
unsure_change = (after < 0.6).mean() - (before < 0.6).mean()
wrong_confidence_change = (
    after[~metrics.correct(run_labels, at_end)].mean()
    - before[~metrics.correct(run_labels, at_minimum)].mean()
)

# %% right="torch"
import torch


def best_temperature(labels, logits):
    scores = torch.tensor(np.array(logits, dtype=float))
    truth, log_T = torch.tensor(np.array(labels)), torch.zeros(1, dtype=torch.double)
    log_T.requires_grad = True
    optimiser = torch.optim.LBFGS([log_T], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(scores / log_T.exp(), truth)
        loss.backward()
        return loss

    optimiser.step(closure)
    return log_T.exp().item()


# %% right="torch"
def shares_paid(labels, logits, percent):
    scores, truth = torch.tensor(np.array(logits, dtype=float)), torch.tensor(np.array(labels))
    losses = torch.nn.functional.cross_entropy(scores, truth, reduction="none")
    dearest = torch.topk(losses, round(percent / 100 * len(losses))).values.sum()
    return losses[scores.argmax(1) != truth].sum() / losses.sum(), dearest / losses.sum()


# %% right="loops, other numbers, another seed"
def tell(labels, logits, story):
    logits, factor = np.asarray(logits, dtype=float), 1.0
    start = metrics.cross_entropy(labels, logits=logits)
    while metrics.cross_entropy(labels, logits=logits * factor) < start + 0.1:
        factor *= 0.9 if story == "drift" else 1.3
    return (logits * factor).tolist()


# %% right="loops, other numbers, another seed"
def ece(confidence, hits, n_bins):
    total = 0.0
    for i in range(n_bins):
        inside = [(c, h) for c, h in zip(confidence, hits) if i / n_bins < c <= (i + 1) / n_bins]
        if inside:
            c, h = np.mean(inside, axis=0)
            total += len(inside) * abs(c - h)
    return total / len(hits)


# %% right="loops, other numbers, another seed"
def chance_ece(confidence, n_bins, n_draws, seed):
    confidence, rng, found = np.asarray(confidence), np.random.default_rng(seed + 1), []
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    for _ in range(n_draws):
        miss = confidence - (rng.random(len(confidence)) < confidence)
        found.append(np.abs(np.bincount(bins, weights=miss)).sum() / len(confidence))
    return sum(found) / n_draws


# %% wrong="shares_paid" because="shares of the answers, not of the loss"
def shares_paid(labels, logits, percent):
    return np.mean(np.argmax(logits, axis=1) != labels), percent / 100


# %% wrong="shares_paid" because="mean losses compared, not sums"
def shares_paid(labels, logits, percent):
    losses = metrics.cross_entropy_per_example(labels, logits=logits)
    wrong = ~metrics.correct(labels, logits)
    n = round(percent / 100 * len(losses))
    right_mean = losses[~wrong].mean() if (~wrong).any() else 0
    wrong_mean = losses[wrong].mean() if wrong.any() else 0
    return wrong_mean / (wrong_mean + right_mean), np.sort(losses)[-n:].sum() / losses.sum()


# %% wrong="shares_paid" because="the dearest per cent of the wrong answers only"
def shares_paid(labels, logits, percent):
    losses = metrics.cross_entropy_per_example(labels, logits=logits)
    paid = np.sort(losses[~metrics.correct(labels, logits)])
    n = max(1, round(percent / 100 * len(paid)))
    return paid.sum() / losses.sum(), paid[-n:].sum() / losses.sum()


# %% wrong="shares_paid" because="the cheapest answers instead of the dearest"
def shares_paid(labels, logits, percent):
    losses = metrics.cross_entropy_per_example(labels, logits=logits)
    n = round(percent / 100 * len(losses))
    by_wrong = losses[~metrics.correct(labels, logits)].sum()
    return by_wrong / losses.sum(), np.sort(losses)[:n].sum() / losses.sum()


# %% wrong="tell" because="a high loss always means less sure: drift for both"
def tell(labels, logits, story):
    return np.asarray(logits, dtype=float) * 0.01


# %% wrong="tell" because="the factors swapped"
def tell(labels, logits, story):
    return np.asarray(logits, dtype=float) * (8.0 if story == "drift" else 0.01)


# %% wrong="tell" because="adds a constant, which changes no probability"
def tell(labels, logits, story):
    return np.asarray(logits, dtype=float) + (-5.0 if story == "drift" else 5.0)


# %% wrong="tell" because="lets answers change to raise the loss"
def tell(labels, logits, story):
    logits = np.array(logits, dtype=float)
    return -0.5 * logits if story == "drift" else -8.0 * logits


# %% wrong="tell" because="makes only the right answers surer, which lowers the loss"
def tell(labels, logits, story):
    logits = np.array(logits, dtype=float)
    right = metrics.correct(labels, logits)
    factors = np.where(right, 8.0, 1.0) if story == "certainty" else np.full(len(right), 0.01)
    return logits * factors[:, None]


# %% wrong="unsure_change, wrong_confidence_change, wrong_to_wrong, told" because="right numbers, and the popular story"
book = ledger.between(run_labels, logits=(at_minimum, at_end))
before, after = (metrics.softmax(z).max(axis=1) for z in (at_minimum, at_end))
wrong_0, wrong_1 = (~metrics.correct(run_labels, z) for z in (at_minimum, at_end))
unsure_change = (after < 0.6).mean() - (before < 0.6).mean()
wrong_confidence_change = after[wrong_1].mean() - before[wrong_0].mean()
wrong_to_wrong, told = book.wrong_to_wrong.contribution, "drift"

# %% wrong="unsure_change, wrong_confidence_change, wrong_to_wrong, told" because="takes p(true class) for the confidence"
book = ledger.between(run_labels, logits=(at_minimum, at_end))
rows = np.arange(len(run_labels))
before, after = (metrics.softmax(z)[rows, run_labels] for z in (at_minimum, at_end))
wrong_0, wrong_1 = (~metrics.correct(run_labels, z) for z in (at_minimum, at_end))
unsure_change = (after < 0.6).mean() - (before < 0.6).mean()
wrong_confidence_change = after[wrong_1].mean() - before[wrong_0].mean()
wrong_to_wrong, told = book.wrong_to_wrong.contribution, "certainty"

# %% wrong="unsure_change, wrong_confidence_change, wrong_to_wrong, told" because="divides by the group, not by all pictures"
before, after = (metrics.softmax(z).max(axis=1) for z in (at_minimum, at_end))
wrong_0, wrong_1 = (~metrics.correct(run_labels, z) for z in (at_minimum, at_end))
costs = [metrics.cross_entropy_per_example(run_labels, logits=z) for z in (at_minimum, at_end)]
unsure_change = (after < 0.6).mean() - (before < 0.6).mean()
wrong_confidence_change = after[wrong_1].mean() - before[wrong_0].mean()
wrong_to_wrong, told = (costs[1] - costs[0])[wrong_0 & wrong_1].mean(), "certainty"

# %% wrong="unsure_change, wrong_confidence_change, wrong_to_wrong, told" because="counts whoever is wrong at the end as wrong to wrong"
before, after = (metrics.softmax(z).max(axis=1) for z in (at_minimum, at_end))
wrong_0, wrong_1 = (~metrics.correct(run_labels, z) for z in (at_minimum, at_end))
costs = [metrics.cross_entropy_per_example(run_labels, logits=z) for z in (at_minimum, at_end)]
unsure_change = (after < 0.6).mean() - (before < 0.6).mean()
wrong_confidence_change = after[wrong_1].mean() - before[wrong_0].mean()
wrong_to_wrong, told = (costs[1] - costs[0])[wrong_1].sum() / len(run_labels), "certainty"


# %% wrong="best_temperature" because="the inverse: multiplies the logits"
def best_temperature(labels, logits):
    return 1 / calibration.fit_temperature(labels, logits)


# %% wrong="best_temperature" because="whole numbers only"
def best_temperature(labels, logits):
    z = np.asarray(logits, dtype=float)
    return min(range(1, 20), key=lambda T: metrics.cross_entropy(labels, logits=z / T))


# %% wrong="best_temperature" because="looks for the best accuracy"
def best_temperature(labels, logits):
    z = np.asarray(logits, dtype=float)
    return max(np.geomspace(0.1, 20, 200), key=lambda T: metrics.accuracy(labels, z / T))


# %% wrong="best_temperature" because="makes mean confidence equal to accuracy, which is not the lowest loss"
def best_temperature(labels, logits):
    z, grid = np.asarray(logits, dtype=float), np.geomspace(0.1, 20, 5_000)
    accuracy = metrics.accuracy(labels, z)
    return min(grid, key=lambda T: abs(metrics.softmax(z / T).max(axis=1).mean() - accuracy))


# %% wrong="temperature, given_back, adam_unlearnt, difference" because="judges on the pictures that chose the temperature"
y, start, end = before_and_after(main_run)
y, start, end = y[::2], start[::2], end[::2]
temperature = calibration.fit_temperature(y, end)
least, raw, cooled = (metrics.cross_entropy(y, logits=z) for z in (start, end, end / temperature))
given_back = (raw - cooled) / (raw - least)
y, start, end = before_and_after(adam_run)
adam_unlearnt = (
    calibration.split_loss(y, end).refinement - calibration.split_loss(y, start).refinement
)
difference = "main was only too sure, Adam also unlearnt"

# %% wrong="temperature, given_back, adam_unlearnt, difference" because="right numbers, one name for two phenomena"
y, start, end = before_and_after(main_run)
temperature = calibration.fit_temperature(y[::2], end[::2])
odd = (start[1::2], end[1::2], end[1::2] / temperature)
least, raw, cooled = (metrics.cross_entropy(y[1::2], logits=z) for z in odd)
given_back = (raw - cooled) / (raw - least)
y, start, end = before_and_after(adam_run)
adam_unlearnt = (
    calibration.split_loss(y, end).refinement - calibration.split_loss(y, start).refinement
)
difference = "both were only too sure"

# %% wrong="temperature, given_back, adam_unlearnt, difference" because="takes the rise of the loss for the refinement"
y, start, end = before_and_after(main_run)
temperature = calibration.fit_temperature(y[::2], end[::2])
odd = (start[1::2], end[1::2], end[1::2] / temperature)
least, raw, cooled = (metrics.cross_entropy(y[1::2], logits=z) for z in odd)
given_back = (raw - cooled) / (raw - least)
y, start, end = before_and_after(adam_run)
adam_unlearnt = metrics.cross_entropy(y, logits=end) - metrics.cross_entropy(y, logits=start)
difference = "main was only too sure, Adam also unlearnt"

# %% wrong="temperature, given_back, adam_unlearnt, difference" because="the share of the loss, not of its rise"
y, start, end = before_and_after(main_run)
temperature = calibration.fit_temperature(y[::2], end[::2])
raw, cooled = (metrics.cross_entropy(y[1::2], logits=end[1::2] / T) for T in (1.0, temperature))
given_back = (raw - cooled) / raw
y, start, end = before_and_after(adam_run)
adam_unlearnt = (
    calibration.split_loss(y, end).refinement - calibration.split_loss(y, start).refinement
)
difference = "main was only too sure, Adam also unlearnt"


# %% wrong="ece" because="every bin counts alike"
def ece(confidence, hits, n_bins):
    confidence, hits = np.asarray(confidence), np.asarray(hits)
    bins = np.ceil(confidence * n_bins)
    return np.mean([abs((confidence - hits)[bins == i].mean()) for i in np.unique(bins)])


# %% wrong="ece" because="mean confidence minus accuracy: gaps of bins cancel"
def ece(confidence, hits, n_bins):
    return abs(np.mean(confidence) - np.mean(hits))


# %% wrong="ece" because="the distance of each answer from right or wrong"
def ece(confidence, hits, n_bins):
    return np.abs(np.asarray(confidence) - np.asarray(hits)).mean()


# %% wrong="ece" because="the largest gap"
def ece(confidence, hits, n_bins):
    confidence, hits = np.asarray(confidence), np.asarray(hits)
    bins = np.ceil(confidence * n_bins)
    return max(abs((confidence - hits)[bins == i].mean()) for i in np.unique(bins))


# %% wrong="chance_ece" because="a calibrated network has an ECE of 0"
def chance_ece(confidence, n_bins, n_draws, seed):
    return 0.0


# %% wrong="chance_ece" because="one draw"
def chance_ece(confidence, n_bins, n_draws, seed):
    confidence, rng = np.asarray(confidence), np.random.default_rng(seed)
    miss = confidence - (rng.random(len(confidence)) < confidence)
    bins = np.ceil(confidence * n_bins).astype(int)
    return np.abs(np.bincount(bins, weights=miss)).sum() / len(confidence)


# %% wrong="chance_ece" because="hits at the mean rate, whatever the answer claims"
def chance_ece(confidence, n_bins, n_draws, seed):
    confidence, rng = np.asarray(confidence), np.random.default_rng(seed)
    bins, found = np.ceil(confidence * n_bins).astype(int), []
    for _ in range(n_draws):
        miss = confidence - (rng.random(len(confidence)) < confidence.mean())
        found.append(np.abs(np.bincount(bins, weights=miss)).sum() / len(confidence))
    return np.mean(found)


# %% wrong="chance_ece" because="averages the hits over the draws first, so that chance cancels"
def chance_ece(confidence, n_bins, n_draws, seed):
    confidence, rng = np.asarray(confidence), np.random.default_rng(seed)
    hits = (rng.random((n_draws, len(confidence))) < confidence).mean(axis=0)
    bins = np.ceil(confidence * n_bins).astype(int)
    return np.abs(np.bincount(bins, weights=confidence - hits)).sum() / len(confidence)
