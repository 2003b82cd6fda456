# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Exercise 4 · A rare class, honestly measured
#
# **Time** about 60 minutes. **You need** lesson 4 and NumPy. **Points** 18, in eight questions, and 3 for an explanation that your teacher marks.
#
# You will compute the baselines that every model must beat, write the report that shows a weak class, choose a threshold from costs, take a laboratory's precision to
# the street, undo a class weight, measure how far F1 jumps, and find out what stands behind an F1 of zero.
#
# **How it works.** Write your answers between the question and its check; keep the names. Each check says whether your answer is right for its
# example, or whether it can be graded, and gives a hint if not. Grading calls your functions with other inputs, so write them for any. You may add cells.
# Write the measures yourself in questions 1 to 7; scikit-learn is welcome to check them, and in question 8.

# %%
from statistics import NormalDist

import numpy as np

from lessonlib.comparing import answered, expect, expect_choice, expect_number

CLASS_SEED = 0  # decides the numbers of your class; leave it as it is

# %% [markdown]
# ## Question 1 · What must be beaten (2 points)
#
# Write `baselines(counts)`: `counts` holds how many examples there are of each class (one of them may be 0). Return a pair: the accuracy of always answering the most frequent class, and
# the mean cross-entropy (nats) of always giving the class shares as probabilities.


# %% answer="baselines"
def baselines(counts):
    """The accuracy and the loss of a model without any skill."""
    counts = np.asarray(counts, dtype=float)
    ### BEGIN SOLUTION
    shares = counts[counts > 0] / counts.sum()
    return shares.max(), -(shares * np.log(shares)).sum()
    ### END SOLUTION


# %% check="baselines" points=2
expect(baselines([50, 50]), [0.5, np.log(2)], hint="two equal classes: a coin")
expect(
    baselines([0, 7])[1], 0.0, hint="a class that never occurs costs nothing: 0 · ln 0 counts as 0"
)


# %% hidden="baselines"
def draw(rng):
    return [([90, 10],), ([3, 0, 1],), *((rng.integers(1, 500, k),) for k in (2, 3, 10))]


hint = "The largest share, and the entropy of the shares: minus the sum of share · ln(share)."

# %% [markdown]
# ## Question 2 · A report for each class (3 points)
#
# Write `report(truth, said, n_classes)`: `truth` and `said` hold class numbers. Return a dict with four lists or vectors, one number for each class:
#
# - `"recall"`, `"precision"`, `"F1"` (a measure whose denominator is 0 counts as 0);
# - `"this or not"`: the share of **all** examples for which "is it this class or not?" was answered rightly.


# %% answer="report"
def report(truth, said, n_classes):
    """Four measures of each class, in a dict of vectors of length n_classes."""
    truth, said = np.asarray(truth), np.asarray(said)
    ### BEGIN SOLUTION
    of_class = truth == np.arange(n_classes)[:, None]  # a row for each class
    called = said == np.arange(n_classes)[:, None]
    found, are, named = (of_class & called).sum(1), of_class.sum(1), called.sum(1)
    return {
        "recall": found / np.maximum(are, 1),
        "precision": found / np.maximum(named, 1),
        "F1": 2 * found / np.maximum(are + named, 1),
        "this or not": (of_class == called).mean(axis=1),
    }
    ### END SOLUTION


# %% check="report" points=3
small = answered(report([0, 0, 0, 1], [0, 0, 1, 1], 3))
expect(small["recall"], [2 / 3, 1, 0], hint="of the examples of the class, the share that is found")
expect(small["precision"], [1, 0.5, 0], hint="of the answers 'this class', the share that is right")
expect(small["F1"], [0.8, 2 / 3, 0], hint="the harmonic mean of the two")
expect(
    small["this or not"],
    [0.75, 0.75, 1],
    hint="the never-named class 2 is right four times in four",
)


# %% hidden="report"
def draw(rng):
    cases = [([0, 1, 1], [0, 0, 0], 2)]
    for n, k in [(40, 3), (150, 6)]:
        truth = rng.integers(0, k, n)
        said = np.where(rng.random(n) < 0.6, truth, rng.integers(0, k - 1, n))
        cases.append((truth, said, k))
    return cases


hint = "Count for each class: found, how many there are, how often it is named; then divide."

# %% [markdown]
# ## Question 3 · Which class is weak? (2 points)
#
# A model of your class answered 400 examples of five classes:

# %%
numbers = np.random.default_rng([CLASS_SEED, 3])
sizes, found = [200, 80, 60, 40, 20], [170, 64, 51, int(numbers.integers(31, 35)), 6]
names = numbers.permutation(5)  # names[0] is the most frequent class
mistaken_for = [names[1], names[0], names[0], names[0], names[0]]
shuffled = numbers.permutation(400)
crate_truth = np.repeat(names, sizes)[shuffled]
parts = [
    np.repeat([name, other], [right, size - right])
    for name, other, right, size in zip(names, mistaken_for, found, sizes)
]
crate_said = np.concatenate(parts)[shuffled]
print(f"accuracy {np.mean(crate_truth == crate_said):.3f}")

# %% [markdown]
# 1. `weakest`: the number of the class of which the model **finds** the smallest share.
# 2. `lowest_this_or_not`: the number of the class that comes out lowest in "this class or not?".
# 3. `if_never`: the "this class or not?" that the weakest class would get if the model named it **never**, whatever it says instead.

# %% answer="weakest, lowest_this_or_not, if_never"
weakest = None
lowest_this_or_not = None
if_never = None
### BEGIN SOLUTION
recalls = [np.mean(crate_said[crate_truth == k] == k) for k in range(5)]
against_rest = [np.mean((crate_said == k) == (crate_truth == k)) for k in range(5)]
weakest = int(np.argmin(recalls))
lowest_this_or_not = int(np.argmin(against_rest))
if_never = 1 - np.mean(crate_truth == weakest)
### END SOLUTION

# %% check="weakest, lowest_this_or_not, if_never" points=2
expect_number(weakest, 0, 4, hint="recall of each class, then the place of the smallest")
expect_number(
    lowest_this_or_not,
    0,
    4,
    hint="for each class: the share of all 400 with (said == k) == (truth == k)",
)
expect_number(if_never, 0, 1, hint="for which examples is the answer 'not this class' wrong?")

# %% hidden="weakest, lowest_this_or_not, if_never"
hint = "Weak is the class with the lowest recall; 'this or not?' counts the examples of all other classes as successes."

# %% [markdown]
# ## Question 4 · Costs choose the threshold (2 points)
#
# A missed positive costs `cost_miss`, a false alarm `cost_alarm`, right answers cost nothing. The probabilities are honest: of the examples with `p`, a share `p` is positive. Write
# `decide(p, cost_miss, cost_alarm)`: a pair, the answers (a vector of 0 and 1) with the lowest expected cost, and this expected cost, summed over the examples.


# %% answer="decide"
def decide(p, cost_miss, cost_alarm):
    """The cheapest answers (1: alarm) and what they cost, expected and summed."""
    p = np.asarray(p, dtype=float)
    ### BEGIN SOLUTION
    silence, alarm = p * cost_miss, (1 - p) * cost_alarm
    return (alarm < silence).astype(int), np.minimum(silence, alarm).sum()
    ### END SOLUTION


# %% check="decide" points=2
even = answered(decide([0.4, 0.6], 1, 1))
expect(even[0], [0, 1], hint="equal costs: answer what is more probable than not")
dear = answered(decide([0.05, 0.2], 9, 1))
expect(dear[0], [0, 1], hint="what does silence cost on average, what an alarm?")
expect(dear[1], 0.45 + 0.8, hint="silence costs 0.05 · 9, the alarm 0.8 · 1")


# %% hidden="decide"
def draw(rng):
    costs = [(1, 1), (9, 1), (1, 4), (100, 3), (2.5, 0.5)]
    return [(rng.random(25), miss, alarm) for miss, alarm in costs]


hint = "Silence costs p · cost_miss, an alarm (1 − p) · cost_alarm: alarm above cost_alarm / (cost_alarm + cost_miss)."

# %% [markdown]
# ## Question 5 · From the laboratory to the street (2 points)
#
# A test finds a share `recall` of the ill and alarms for a share `false_alarm_rate` of the healthy. Both stay as they are, whoever is tested. Write `elsewhere(recall, false_alarm_rate, share)`: a pair, the precision and the F1 of the test
# among people of whom a share `share` is ill.


# %% answer="elsewhere"
def elsewhere(recall, false_alarm_rate, share):
    """Precision and F1 where a share of the people is ill."""
    ### BEGIN SOLUTION
    finds, alarms = share * recall, (1 - share) * false_alarm_rate
    return finds / (finds + alarms), 2 * finds / (share + finds + alarms)
    ### END SOLUTION


# %% check="elsewhere" points=2
expect(
    elsewhere(0.8, 0.2, 0.5), [0.8, 0.8], hint="of 100, 50 ill: 40 found, and 10 healthy alarmed"
)
expect(
    elsewhere(0.5, 0.05, 1 / 11)[0],
    0.5,
    hint="ten healthy people for each ill one can raise an alarm",
)


# %% hidden="elsewhere"
def draw(rng):
    return [
        (float(rng.uniform(0.3, 1)), float(rng.uniform(0.01, 0.3)), share)
        for share in (0.5, 0.2, 0.05, 0.02, 0.001)
    ]


hint = "Weigh both groups with their shares: share · recall finds, (1 − share) · false_alarm_rate false alarms."

# %% [markdown]
# ## Question 6 · Undo a class weight (2 points)
#
# A model was trained with every **positive** counted `weight` times in the loss, every negative once. To the model, positives were that much more frequent than they are, and its probabilities
# are honest for that other world. Write `without_weight(p, weight)`: the probabilities that are honest in ours.


# %% answer="without_weight"
def without_weight(p, weight):
    """Probabilities of the positive class as if there had been no weight; same shape as p."""
    p = np.asarray(p, dtype=float)
    ### BEGIN SOLUTION
    return p / (p + weight * (1 - p))
    ### END SOLUTION


# %% check="without_weight" points=2
expect(without_weight([0.5], 9), [0.1], hint="its even chance was nine counts for each real one")
expect(without_weight([0.0, 0.3, 1.0], 1), [0.0, 0.3, 1.0], hint="a weight of 1 changes nothing")


# %% hidden="without_weight"
def draw(rng):
    return [([0.0, 0.5, 1.0], 4.0), *((rng.random(12), float(w)) for w in (1.5, 9, 30, 0.2))]


hint = "The weight multiplies the odds p/(1 − p); divide them by it and turn them back into a probability."

# %% [markdown]
# ## Question 7 · How far does F1 jump? (3 points)
#
# A model whose weights do not change, and fresh validation sets of the same size: each example is positive with probability `share`, a positive is called positive with probability `recall`, a negative with
# probability `false_alarms`. The numbers of your class:

# %%
numbers = np.random.default_rng([CLASS_SEED, 7])
n_val = int(numbers.choice([200, 250, 300]))
share = float(numbers.choice([0.02, 0.05, 0.15]))
recall = round(float(numbers.uniform(0.55, 0.8)), 2)
false_alarms = round(float(numbers.uniform(0.01, 0.03)), 3)
print(f"{n_val} examples, {share:.1%} positive, recall {recall}, false alarms {false_alarms:.1%}")
f1_of_b = float(numbers.choice([0.5, 0.98]))
print(f"one set gives model A an F1 of 0.42, another set gives model B an F1 of {f1_of_b}")

# %% [markdown]
# 1. `f1_sd`: the standard deviation of the measured **F1** over such sets (F1 counts as 0 where nothing positive exists or is named). Simulate some thousands; 15 % off is near enough.
# 2. `accuracy_sd`: the same for the measured accuracy.
# 3. `better`: A and B were measured on a set like this each. Which is better, with two standard deviations of a difference of two such F1 as the limit: `"A"`, `"B"`, `"both the same"` or `"cannot tell"`?

# %% answer="f1_sd, accuracy_sd, better"
f1_sd = None
accuracy_sd = None
better = None
### BEGIN SOLUTION
rng = np.random.default_rng(0)
positives = rng.binomial(n_val, share, 20_000)
hits = rng.binomial(positives, recall)
alarms = rng.binomial(n_val - positives, false_alarms)
f1_sd = np.std(2 * hits / np.maximum(positives + hits + alarms, 1))
accuracy_sd = np.std((n_val - positives - alarms + hits) / n_val)
better = "B" if f1_of_b - 0.42 > 2 * np.sqrt(2) * f1_sd else "cannot tell"
### END SOLUTION

# %% check="f1_sd, accuracy_sd, better" points=3
expect_number(
    f1_sd, 0, 1, hint="draw positives, then found ones and alarms, with rng.binomial; then std"
)
expect_number(accuracy_sd, 0, 1, hint="right are the found positives and the negatives left alone")
expect_choice(
    better,
    ["A", "B", "both the same", "cannot tell"],
    hint="hold the difference against the spread",
)


# %% hidden="f1_sd, accuracy_sd, better"
def compare(got, expected):
    for name in ("f1_sd", "accuracy_sd"):
        if not abs(float(got[name]) - expected[name]) <= 0.15 * expected[name]:
            return f"{name}: Expected about {expected[name]:.3f}, got {float(got[name]):.3f}."
    if str(got["better"]).strip().casefold() != expected["better"].casefold():
        return f"better: Expected {expected['better']!r}, got {got['better']!r}."
    return None


hint = "Simulate whole validation sets and take the standard deviation of what they report; a difference of two of them has √2 times as much."

# %% [markdown]
# ## Question 8 · F1 is zero: why? (2 points)
#
# Six networks were trained on data with a tenth of positives. Each has an F1 of exactly 0 on its 400 validation examples. `flat[i]` holds what network i gives as p(positive); `flat_truth` holds the truth.

# %% data="flat"
numbers = np.random.default_rng([CLASS_SEED, 8])
kinds = numbers.permutation(np.repeat([0.0, 1.2, -1.2], 2))


def evenly(n):
    """Normal scores in random order, spread as evenly as they can be."""
    return numbers.permutation([NormalDist().inv_cdf((i + 0.5) / n) for i in range(n)])


flat_truth = np.repeat([0, 1], [360, 40])
flat_scores = [np.concatenate([evenly(360), evenly(40) + kind]) for kind in kinds]
flat = [1 / (1 + np.exp(2.3 - 0.6 * scores)) for scores in flat_scores]

# %%
flat_truth = np.repeat([0, 1], [360, 40])
for i, p in enumerate(flat):
    print(f"network {i}: highest p {p.max():.2f}, accuracy {np.mean((p > 0.5) == flat_truth):.2f}")

# %% [markdown]
# Write six words into the list `flat_verdicts`:
#
# - `"lower the threshold"`: the network ranks positives clearly above negatives;
# - `"nothing learnt"`: it ranks no better than a coin;
# - `"labels swapped"`: it ranks positives clearly below negatives.

# %% answer="flat_verdicts"
flat_verdicts = [None] * 6
### BEGIN SOLUTION
flat_verdicts = []
for p in flat:
    auc = np.mean(p[flat_truth == 1][:, None] > p[flat_truth == 0])
    flat_verdicts.append(
        "lower the threshold" if auc > 0.6 else "labels swapped" if auc < 0.4 else "nothing learnt"
    )
### END SOLUTION

# %% check="flat_verdicts" points=2
expect_choice(
    flat_verdicts,
    ["lower the threshold", "nothing learnt", "labels swapped"],
    hint="six words; the ROC AUC looks at the ranking and needs no threshold",
    length=6,
)

# %% hidden="flat_verdicts"
hint = "Compute the ROC AUC of each network: about 0.8, 0.5 or 0.2. Neither F1 nor accuracy at 0.5 can tell them apart."

# %% [markdown]
# ## In your own words (3 points)
#
# A colleague wants to ship the model of question 3 because its accuracy is high. Write what you would tell them about your class's weakest class, which number
# shows it and which hides it, and what you would ask about costs before choosing a threshold. Four to eight sentences. Your teacher reads and marks them; no
# program does.

# %% [markdown] explain="explanation" points=3
# The accuracy is high because the frequent class is answered well: it holds half of the examples. The weakest class of my data has only 20 of 400 examples and
# the model finds 6 of them, a recall of 0.3. "This class or not?" hides that, because naming it never would still be right for 95 %. I would ask what it costs
# to miss one of them and what a false alarm costs, since the best threshold is alarm / (alarm + miss) for honest probabilities. And I would ask how many
# positives the validation set has: with a handful, a recall of 0.3 can as well be 0.15 or 0.5.

# %% [markdown] rubric="explanation"
# # Exercise 4: how the explanation is marked
#
# One point for each; numbers are those of the class.
#
# 1. names the weak class by its recall, and why accuracy hides it (class shares)
# 2. says why "this class or not?" cannot show it, with the number for never naming it
# 3. asks for the costs of both errors and relates them to the threshold
#
# **A full answer.**
# The accuracy is high because the frequent class is answered well: it holds half of the examples. The weakest class of my data has only 20 of 400 examples and
# the model finds 6 of them, a recall of 0.3. "This class or not?" hides that, because naming it never would still be right for 95 %. I would ask what it costs
# to miss one of them and what a false alarm costs, since the best threshold is alarm / (alarm + miss) for honest probabilities. And I would ask how many
# positives the validation set has: with a handful, a recall of 0.3 can as well be 0.15 or 0.5.
#
# **An answer in between.** "Class 4 has recall 0.3. The accuracy does not show it since the class is rare." Two points with the 0.95; without costs.
#
# **An answer without a point.** "The accuracy is 0.8, which is above chance for five classes." No point.

# %% [markdown]
# ## What you learnt
#
# Baselines come from the class shares, and recall shows a weak class where "this class or not?" hides it. Costs choose the threshold, a weight moves it and can be undone, precision
# depends on who is tested. With a handful of positives F1 jumps by more than most reported gains; and an F1 of zero says only that nothing was *called* positive.
