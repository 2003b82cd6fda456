# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %%
from sklearn import metrics as sk

# %% right="scikit-learn and scipy"
from scipy.stats import entropy


def baselines(counts):
    counts = np.asarray(counts, dtype=float)
    return [max(counts) / sum(counts), entropy(counts)]


# %% right="scikit-learn and scipy"
def report(truth, said, n_classes):
    labels = list(range(n_classes))
    options = {"labels": labels, "zero_division": 0}
    precision, recall, f1, _ = sk.precision_recall_fscore_support(truth, said, **options)
    matrices = sk.multilabel_confusion_matrix(truth, said, labels=labels)
    rest = [np.trace(matrix) / matrix.sum() for matrix in matrices]
    return {"this or not": rest, "F1": f1, "precision": precision, "recall": recall}


# %% right="scikit-learn and scipy"
recalls = sk.recall_score(crate_truth, crate_said, average=None)
weakest = np.argmin(recalls)
matrices = sk.multilabel_confusion_matrix(crate_truth, crate_said)
lowest_this_or_not = np.argmin([np.trace(matrix) for matrix in matrices])
if_never = sk.accuracy_score(crate_truth == weakest, np.zeros(400, bool))

# %% right="scikit-learn and scipy"
from scipy.special import expit, logit


def without_weight(p, weight):
    with np.errstate(divide="ignore"):
        return expit(logit(np.asarray(p, dtype=float)) - np.log(weight))


# %% right="scikit-learn and scipy"
flat_verdicts = []
for p in flat:
    auc = sk.roc_auc_score(flat_truth, p)
    word = ["labels swapped", "nothing learnt", "lower the threshold"][np.digitize(auc, [0.4, 0.6])]
    flat_verdicts.append(word.upper())


# %% right="another seed, loops and lists"
def decide(p, cost_miss, cost_alarm):
    threshold = cost_alarm / (cost_alarm + cost_miss)
    answers = [1 if each > threshold else 0 for each in p]
    cost = sum((1 - q) * cost_alarm if a else q * cost_miss for q, a in zip(p, answers))
    return answers, cost


# %% right="another seed, loops and lists"
def elsewhere(recall, false_alarm_rate, share):
    people = 1e9
    ill = people * share
    found, false = ill * recall, (people - ill) * false_alarm_rate
    precision = found / (found + false)
    return [precision, 2 * precision * recall / (precision + recall)]


# %% right="another seed, loops and lists"
rng = np.random.default_rng(2024)
f1s, rights = [], []
for _ in range(3_000):
    truth = rng.random(n_val) < share
    said = rng.random(n_val) < np.where(truth, recall, false_alarms)
    f1s.append(2 * (truth & said).sum() / max(truth.sum() + said.sum(), 1))
    rights.append((truth == said).mean())
f1_sd, accuracy_sd = np.std(f1s, ddof=1), np.std(rights, ddof=1)
better = "B" if f1_of_b > 0.7 else "Cannot tell"

# %% right="another seed, loops and lists"
ranks = [np.argsort(np.argsort(p))[flat_truth == 1].mean() for p in flat]
flat_verdicts = [
    "nothing learnt" if 160 < r < 240 else "labels swapped" if r < 160 else "lower the threshold"
    for r in ranks
]


# %% wrong="baselines" because="a guess among K equal classes"
def baselines(counts):
    return 1 / len(counts), np.log(len(counts))


# %% wrong="baselines" because="logarithm to base 2"
def baselines(counts):
    shares = np.asarray([c for c in counts if c]) / np.sum(counts)
    return shares.max(), -(shares * np.log2(shares)).sum()


# %% wrong="baselines" because="the loss of certainty about the largest class"
def baselines(counts):
    largest = np.max(counts) / np.sum(counts)
    return largest, -np.log(largest)


# %% wrong="baselines" because="NaN for a class that never occurs"
def baselines(counts):
    shares = np.asarray(counts) / np.sum(counts)
    with np.errstate(all="ignore"):
        return shares.max(), -(shares * np.log(shares)).sum()


# %% wrong="report" because="recall and precision are swapped"
def report(truth, said, n_classes):
    truth, said = np.asarray(said), np.asarray(truth)
    one, two = truth == np.arange(n_classes)[:, None], said == np.arange(n_classes)[:, None]
    found, are, named = (one & two).sum(1), one.sum(1), two.sum(1)
    return {
        "recall": found / np.maximum(are, 1),
        "precision": found / np.maximum(named, 1),
        "F1": 2 * found / np.maximum(are + named, 1),
        "this or not": (one == two).mean(axis=1),
    }


# %% wrong="report" because="F1 as the arithmetic mean"
def report(truth, said, n_classes):
    options = {"labels": list(range(n_classes)), "zero_division": 0}
    precision, recall, _, _ = sk.precision_recall_fscore_support(truth, said, **options)
    rest = [np.mean((np.asarray(truth) == k) == (np.asarray(said) == k)) for k in range(n_classes)]
    f1 = (precision + recall) / 2
    return {"recall": recall, "precision": precision, "F1": f1, "this or not": rest}


# %% wrong="report" because="NaN where a class is never named"
def report(truth, said, n_classes):
    truth, said = np.asarray(truth), np.asarray(said)
    one, two = truth == np.arange(n_classes)[:, None], said == np.arange(n_classes)[:, None]
    found, are, named = (one & two).sum(1), one.sum(1), two.sum(1)
    with np.errstate(all="ignore"):
        precision, recall = found / named, found / are
        f1 = 2 * precision * recall / (precision + recall)
    rest = (one == two).mean(axis=1)
    return {"recall": recall, "precision": precision, "F1": f1, "this or not": rest}


# %% wrong="report" because="takes 'this class or not?' for the recall"
def report(truth, said, n_classes):
    options = {"labels": list(range(n_classes)), "zero_division": 0}
    precision, _, f1, _ = sk.precision_recall_fscore_support(truth, said, **options)
    rest = [np.mean((np.asarray(truth) == k) == (np.asarray(said) == k)) for k in range(n_classes)]
    return {"recall": rest, "precision": precision, "F1": f1, "this or not": rest}


# %% wrong="weakest, lowest_this_or_not, if_never" because="calls weak what is lowest in 'this or not?'"
rest = [np.mean((crate_said == k) == (crate_truth == k)) for k in range(5)]
weakest = lowest_this_or_not = int(np.argmin(rest))
if_never = 1 - np.mean(crate_truth == weakest)

# %% wrong="weakest, lowest_this_or_not, if_never" because="calls weak what has the lowest precision"
rest = [np.mean((crate_said == k) == (crate_truth == k)) for k in range(5)]
weakest = int(np.argmin(sk.precision_score(crate_truth, crate_said, average=None)))
lowest_this_or_not, if_never = int(np.argmin(rest)), 1 - np.mean(crate_truth == weakest)

# %% wrong="weakest, lowest_this_or_not, if_never" because="a class that is never named scores zero"
rest = [np.mean((crate_said == k) == (crate_truth == k)) for k in range(5)]
weakest = int(np.argmin(sk.recall_score(crate_truth, crate_said, average=None)))
lowest_this_or_not, if_never = int(np.argmin(rest)), 0.0

# %% wrong="weakest, lowest_this_or_not, if_never" because="1 - 1/K, as if the classes were equally frequent"
rest = [np.mean((crate_said == k) == (crate_truth == k)) for k in range(5)]
weakest = int(np.argmin(sk.recall_score(crate_truth, crate_said, average=None)))
lowest_this_or_not, if_never = int(np.argmin(rest)), 1 - 1 / 5


# %% wrong="decide" because="the threshold 0.5, whatever it costs"
def decide(p, cost_miss, cost_alarm):
    p = np.asarray(p)
    said = (p > 0.5).astype(int)
    return said, np.where(said, (1 - p) * cost_alarm, p * cost_miss).sum()


# %% wrong="decide" because="the threshold the wrong way round"
def decide(p, cost_miss, cost_alarm):
    p = np.asarray(p)
    said = (p > cost_miss / (cost_alarm + cost_miss)).astype(int)
    return said, np.where(said, (1 - p) * cost_alarm, p * cost_miss).sum()


# %% wrong="decide" because="the ratio of the costs as the threshold"
def decide(p, cost_miss, cost_alarm):
    p = np.asarray(p)
    said = (p > cost_alarm / cost_miss).astype(int)
    return said, np.where(said, (1 - p) * cost_alarm, p * cost_miss).sum()


# %% wrong="decide" because="the mean cost, not the sum"
def decide(p, cost_miss, cost_alarm):
    p = np.asarray(p)
    costs = np.minimum(p * cost_miss, (1 - p) * cost_alarm)
    return (p * cost_miss > (1 - p) * cost_alarm).astype(int), costs.mean()


# %% wrong="elsewhere" because="forgets how many healthy people there are"
def elsewhere(recall, false_alarm_rate, share):
    precision = recall / (recall + false_alarm_rate)
    return precision, 2 * precision * recall / (precision + recall)


# %% wrong="elsewhere" because="takes the share of healthy people left alone for the precision"
def elsewhere(recall, false_alarm_rate, share):
    precision = 1 - false_alarm_rate
    return precision, 2 * precision * recall / (precision + recall)


# %% wrong="elsewhere" because="F1 as the arithmetic mean"
def elsewhere(recall, false_alarm_rate, share):
    finds, alarms = share * recall, (1 - share) * false_alarm_rate
    precision = finds / (finds + alarms)
    return precision, (precision + recall) / 2


# %% wrong="elsewhere" because="the false alarms not weighted with the healthy"
def elsewhere(recall, false_alarm_rate, share):
    precision = share * recall / (share * recall + false_alarm_rate)
    return precision, 2 * precision * recall / (precision + recall)


# %% wrong="without_weight" because="divides the probability, not the odds"
def without_weight(p, weight):
    return np.asarray(p) / weight


# %% wrong="without_weight" because="applies the weight once more"
def without_weight(p, weight):
    p = np.asarray(p)
    return weight * p / (weight * p + 1 - p)


# %% wrong="without_weight" because="subtracts the weight from the logit, not its logarithm"
def without_weight(p, weight):
    p = np.asarray(p)
    return p / (p + np.exp(weight) * (1 - p))


# %% wrong="f1_sd, accuracy_sd, better" because="the standard error of the simulation's mean"
rng = np.random.default_rng(0)
positives = rng.binomial(n_val, share, 5_000)
hits, alarms = rng.binomial(positives, recall), rng.binomial(n_val - positives, false_alarms)
f1_sd = np.std(2 * hits / np.maximum(positives + hits + alarms, 1)) / np.sqrt(5_000)
accuracy_sd = np.std((n_val - positives - alarms + hits) / n_val) / np.sqrt(5_000)
better = "cannot tell"

# %% wrong="f1_sd, accuracy_sd, better" because="believes the difference, not its spread"
rng = np.random.default_rng(0)
positives = rng.binomial(n_val, share, 5_000)
hits, alarms = rng.binomial(positives, recall), rng.binomial(n_val - positives, false_alarms)
f1_sd = np.std(2 * hits / np.maximum(positives + hits + alarms, 1))
accuracy_sd = np.std((n_val - positives - alarms + hits) / n_val)
better = "cannot tell" if f1_of_b > 0.7 else "B"

# %% wrong="f1_sd, accuracy_sd, better" because="takes 'not proved' for 'equal'"
rng = np.random.default_rng(0)
positives = rng.binomial(n_val, share, 5_000)
hits, alarms = rng.binomial(positives, recall), rng.binomial(n_val - positives, false_alarms)
f1_sd = np.std(2 * hits / np.maximum(positives + hits + alarms, 1))
accuracy_sd, better = np.std((n_val - positives - alarms + hits) / n_val), "both the same"

# %% wrong="f1_sd, accuracy_sd, better" because="treats F1 as a share of all examples"
expected = 2 * share * recall / (share + share * recall + (1 - share) * false_alarms)
f1_sd, better = np.sqrt(expected * (1 - expected) / n_val), "cannot tell"
right = share * recall + (1 - share) * (1 - false_alarms)
accuracy_sd = np.sqrt(right * (1 - right) / n_val)

# %% wrong="flat_verdicts" because="F1 = 0 means that nothing was learnt"
flat_verdicts = ["nothing learnt"] * 6

# %% wrong="flat_verdicts" because="judges by the highest probability"
flat_verdicts = ["lower the threshold" if p.max() > 0.3 else "nothing learnt" for p in flat]

# %% wrong="flat_verdicts" because="takes every ranking for a good one"
aucs = [sk.roc_auc_score(flat_truth, p) for p in flat]
flat_verdicts = [
    "lower the threshold" if abs(auc - 0.5) > 0.1 else "nothing learnt" for auc in aucs
]

# %% wrong="flat_verdicts" because="gives average precision the limits of the AUC"
precisions = [sk.average_precision_score(flat_truth, p) for p in flat]
words = ["labels swapped", "nothing learnt", "lower the threshold"]
flat_verdicts = [words[np.digitize(value, [0.4, 0.6])] for value in precisions]
