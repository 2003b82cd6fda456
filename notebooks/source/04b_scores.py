# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 4b · Scores: of one class, of many labels, after every epoch
#
# **Time** about {minutes} minutes. **You need** [lesson 4](04_imbalance.ipynb). This is a further lesson: nothing later depends on it.
#
# After this lesson you can
#
# 1. tell the recall of a class from its "accuracy against the rest";
# 2. say what a multi-label accuracy counts;
# 3. tell what an untrained network's accuracy shows;
# 4. record F1 after each epoch, and read a flat F1 curve;
# 5. correct scores when class shares differ between training and use.

# %%
import os
from functools import cache

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is loaded: no greeting
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # and the same sums on every machine
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny computations are fastest with one thread

import numpy as np
from sklearn import metrics as sk

from lessonlib import figures, metrics, network, problems, questions
from lessonlib.course import environment
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.uncertainty import count_seeds

SEEDS = range(100, 110)  # the settings below were chosen on seeds 0 to 9

# %% [markdown]
# ## The accuracy of a class
#
# A text of 2025 (we know no public address) has three classes, ten examples, two errors: overall accuracy 0.8, "but for class 1 only 0.6". It computes the accuracy *of a class* as the share of all examples
# for which "is it this class?" was answered rightly.

# %%
lowest_question = questions.Prediction(
    "4b-one-vs-rest",
    "Of three classes, one is found every time, the others in two cases of three. By 'this class or not?', which comes out lowest?",
    ["the class that is always found", "one of the other two", "all three are equal"],
)
lowest_question


# %%
@questions.solution(
    "4b-recall",
    cases=[
        (np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]), np.array([0, 1, 0, 0, 1, 2, 0, 0, 2, 0]), 1),
        (np.array([0, 0, 1, 1]), np.array([0, 1, 0, 0]), 1),
    ],
    hint="Against the rest: compare (truth == k) with (said == k) over ALL examples. Recall: look only where truth == k.",
)
def against_rest_and_recall(truth, said, k):
    return ((truth == k) == (said == k)).mean(), (said[truth == k] == k).mean()


# %% [markdown]
# **Your turn.** Compute both numbers of class k.


# %%
@questions.your_code("4b-recall")
def against_rest_and_recall(truth, said, k):
    """The share of all examples for which "is it class k?" is answered rightly; the recall of k."""
    ...


# %% claims=["001-E3a", "001-E3b", "001-E3c"]
truth = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
said = np.array([0, 1, 0, 0, 1, 2, 0, 0, 2, 0])
both = np.array([against_rest_and_recall(truth, said, k) for k in range(3)])
lowest_is_best = both[:, 0].argmin() == both[:, 1].argmax()
print(lowest_question.resolve(lowest_question.options[0 if lowest_is_best else 1]))
for k, (rest, recall) in enumerate(both):
    print(f"class {k}: this class or not? {rest:.2f}, recall {recall:.2f}")
precision, _, f1, _ = sk.precision_recall_fscore_support(truth, said)
assert not np.isclose(np.concatenate([both.ravel(), precision, f1]), 0.6, atol=0.005).any()

# %% [markdown]
# There is no 0.6 anywhere. And the order is turned round: the class with perfect recall comes last, because the errors of the others land in it as false alarms, while those collect credit for
# all examples that are *not theirs*. With K equally frequent classes, a class that is never found scores 1 − 1/K:


# %%
def one_class(n_classes, recall):
    recalls = np.linspace(0, 1, 21)
    rest = 1 - (1 - recall) / n_classes
    return Picture(
        f"{n_classes} classes, of this one {recall:.0%} are found: 'this class or not?' is right in {rest:.1%} of all examples.",
        Panel(
            "One class among K, no false alarms", figures.line(recalls, recalls, "grey", label="recall itself"),
            figures.line(recalls, 1 - (1 - recalls) / n_classes, label="this class or not?"),
            figures.dot(recall, rest, f"{rest:.3f}"), x=(0, 1), y=(0, 1.1), xlabel="recall of the class",
        ),
    )  # fmt: skip


Explorer(
    one_class, n_classes=slider([2, 3, 5, 10, 20, 50, 100, 1000], start=10, label="classes, K"),
    recall=slider(np.linspace(0, 1, 11), start=0.0, label="recall of the class"), title="One class against the rest", figsize=(6, 3.4),
)  # fmt: skip

# %% [markdown]
# ## Many labels at once
#
# Tags of a picture are not exclusive: each label gets its own sigmoid and a binary cross-entropy, and the "accuracy" of the tools is the mean over **all labels of all examples**.

# %%
tags_question = questions.Prediction(
    "4b-tags",
    "100 possible tags, each picture has 3 of them. A network with all outputs below 0.5 tags nothing. Its binary accuracy?",
    [0.03, 0.5, 0.97],
)
tags_question

# %%
rng = np.random.default_rng(0)
tags = np.zeros((500, 100), int)
for row in tags:
    row[rng.choice(100, 3, replace=False)] = 1
nothing = np.zeros_like(tags)
binary = (tags == nothing).mean()
exact, f1 = (tags == nothing).all(axis=1).mean(), sk.f1_score(tags, nothing, average="micro")
print(tags_question.resolve(binary))
print(f"binary accuracy {binary:.2f}, pictures with all tags right {exact:.2f}, F1 {f1:.2f}")
base = metrics.cross_entropy(
    np.repeat([0, 1], [97, 3]), probabilities=np.tile([0.97, 0.03], (100, 1))
)
print(f"always answering with the share of a tag costs {base:.3f} nats a label")

# %% [markdown]
# The loss a label is small for the same reason: at 3 % positives its baseline is far below ln 2. Compare with both baselines, and report F1 or the share of pictures with all tags right.
#
# ## The accuracy of an untrained network
#
# Another text of 2025 wants to show that an accuracy of 0.9 "can arise simply from imbalance". Its code makes a *new, untrained* network, 180 inputs of class 0 and 20 of class 1, and prints the accuracy.

# %%
untrained_question = questions.Prediction(
    "4b-untrained",
    "Accuracy of 300 untrained networks on a set with 180 negatives and 20 positives:",
    ["spread from about 0.1 to 0.9", "nearly always about 0.5", "nearly always 0.9"],
)
untrained_question


# %% claims=["000-E3"]
def untrained(seed):
    """Share that an untrained network calls positive, and its accuracy on 180 + 20."""
    rng = np.random.default_rng(seed)
    logits = network.Network([100, 10, 2], rng=rng).logits(rng.random((200, 100), np.float32))
    return (logits.argmax(1) == 1).mean(), metrics.accuracy(np.repeat([0, 1], [180, 20]), logits)


called, hits = np.array([untrained(seed) for seed in range(100, 400)]).T
is_spread = hits.min() < 0.15 and hits.max() > 0.85 and hits.std() > 0.2
print(untrained_question.resolve(untrained_question.options[0 if is_spread else 2]))
print(f"lowest {hits.min():.1f}, highest {hits.max():.1f}")
assert (hits[called == 0] == 0.9).all() and np.abs(hits - (0.9 - 0.8 * called)).max() < 0.1

# %% [markdown]
# The sentence is true and the code does not show it. Run once, it may print any number from 0.1 to 0.9: the accuracy follows from how often the network happens to say "positive". Exactly 0.9 belongs to the *answer* "never".
#
# ## F1 after every epoch, or one number a hundred times
#
# A third text watches F1: 1,000 points, two random features, and a label that is 1 for a random tenth. It computes F1 **once** after training and plots that number for each of the 100 epochs, "for clarity".

# %%
flat_question = questions.Prediction(
    "4b-flat-f1",
    "The label does not depend on the features. What does the final network's F1 come out as?",
    ["0", "about 0.1", "about 0.5"],
)
flat_question


# %%
@cache
def learn(separation, seed):
    """Train 40 epochs on 10 % positives; return the run and F1 on the validation set per epoch."""
    rng = np.random.default_rng(seed)
    train = problems.imbalanced_gaussians(800, separation=separation, rng=rng)
    val = problems.imbalanced_gaussians(1_000, separation=separation, rng=rng)
    net = network.Network([2, 16, 2], rng=rng)
    run = network.fit(net, train, val, epochs=40, learning_rate=1e-3, batch_size=32, rng=rng)
    answers = run.val_logits.argmax(axis=2)
    return run, np.array([sk.f1_score(val.y, row, zero_division=0) for row in answers])


def last_auc(run):
    return sk.roc_auc_score(run.val_labels, metrics.softmax(run.val_logits[-1])[:, 1])


# %% claims=["004-E3a", "004-E3b", "004-E3c"]
nothing_there = [learn(0.0, seed) for seed in SEEDS]
ends = np.array([f1[-1] for _, f1 in nothing_there])
aucs = np.array([last_auc(run) for run, _ in nothing_there])
print(flat_question.resolve(f"{np.median(ends):.0f}"))
print(f"final F1 exactly 0 in {count_seeds(ends == 0)}; mean ROC AUC {aucs.mean():.1f}")
early = np.array([f1[:5].max() > 0 for _, f1 in nothing_there])
print(f"F1 above 0 in one of the first five epochs in {count_seeds(early)}")
assert count_seeds(ends == 0).mostly and abs(aucs.mean() - 0.5) < 0.06

# %% [markdown]
# One number drawn a hundred times does not make the curve clearer, it *removes* it. And F1 cannot speak for the rare class here, since there is nothing to learn: the AUC is that of a coin.
# So give it something: **untick the repetition, then move the clouds apart.**

# %%
SEPARATIONS = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0]
learned = {d: learn(d, 100) for d in SEPARATIONS}
share = 1 - learned[0.0][0].val_labels.mean()
base_loss = -(share * np.log(share) + (1 - share) * np.log(1 - share))


def f1_per_epoch(separation, repeat):
    run, f1 = learned[separation]
    drawn = np.full(40, f1[-1]) if repeat else f1
    return Picture(
        f"Clouds {separation:g} apart, F1 {'of the last epoch drawn 40 times' if repeat else 'of each epoch'}: "
        f"from {drawn[0]:.1f} to {drawn[-1]:.1f}; accuracy ends at {run['val_accuracy'][-1]:.2f}, AUC {last_auc(run):.2f}.",
        Panel("Validation loss, nats", figures.level(base_loss, "baseline"), figures.line(run.epochs, run["val_loss"], "vermilion", label="loss"),
              y=(0, 0.9), xlabel="epoch"),
        Panel("Validation accuracy and F1", figures.level(share, "baseline", below=True), figures.line(run.epochs, run["val_accuracy"], label="accuracy"),
              figures.line(run.epochs, drawn, "purple", label="F1"), y=(-0.02, 1.2), xlabel="epoch"),
    )  # fmt: skip


Explorer(
    f1_per_epoch, separation=slider(SEPARATIONS, label="distance of the clouds"), repeat=slider([False, True], start=True, label="repeat the last F1"),
    title="F1 per epoch, and the published way",
)  # fmt: skip

# %% claims=["004-E3c"]
weak = [learn(1.0, seed) for seed in SEEDS]
silent = count_seeds([f1[-1] < 0.1 and last_auc(run) > 0.65 for run, f1 in weak])
print(f"clouds 1 apart: final F1 below 0.1 although the AUC is above 0.65, in {silent}")
assert silent.mostly

# %% [markdown]
# With clouds one apart the network *ranks* positives above negatives, and F1 is next to zero because hardly any probability reaches 0.5. **F1 = 0 says "never called positive", not "nothing learnt".** Look at the AUC, or at the loss against its baseline, then
# move the threshold.
#
# In Keras a callback computes it after each epoch, from **all** answers at once. Never average F1 over batches:

# %% claims=["004-E3b"]
rng = np.random.default_rng(102)
y = rng.random(6400) < 0.05
answers = np.where(y, rng.random(6400) < 0.7, rng.random(6400) < 0.02)  # finds 70 %
whole = sk.f1_score(y, answers)
batches = zip(np.split(y, 400), np.split(answers, 400))
averaged = np.mean([sk.f1_score(*batch, zero_division=0) for batch in batches])
print(f"F1 of all answers {whole:.2f}, mean over 400 batches {averaged:.2f}")
assert averaged < whole - 0.1

# %%
environment.need("keras")
import keras


class F1PerEpoch(keras.callbacks.Callback):
    def __init__(self, val):
        super().__init__()
        self.val, self.values = val, []

    def on_epoch_end(self, epoch, logs=None):
        p = self.model(self.val.x).numpy().ravel()
        self.values.append(sk.f1_score(self.val.y, p > 0.5, zero_division=0))


# %% plumbing
keras.utils.set_random_seed(100)
keras_train, keras_val = (
    problems.imbalanced_gaussians(n, separation=3.0, rng=s) for n, s in ((800, 100), (500, 101))
)
model = keras.Sequential(
    [
        keras.Input((2,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(0.01), loss="binary_crossentropy")

# %%
f1_callback = F1PerEpoch(keras_val)
history = model.fit(*keras_train, epochs=8, batch_size=32, verbose=0, callbacks=[f1_callback])
last = model(keras_val.x).numpy().ravel() > 0.5
assert np.isclose(f1_callback.values[-1], sk.f1_score(keras_val.y, last))
print(len(history.epoch), "epochs,", len(f1_callback.values), "values of F1")

# %% [markdown]
# ## When the shares differ
#
# Back to the starved eight of lesson 4: rare in training, one digit in ten in validation. The network learnt in a world with few eights and is judged in another one. If you know both shares, correct the logits.


# %%
@questions.solution(
    "4b-shift",
    cases=[
        (np.array([[2.0, 0.0, 1.0]]), np.array([0.5, 0.4, 0.1]), np.array([0.4, 0.3, 0.3])),
        (np.array([[0.0, 0.0], [1.0, 3.0]]), np.array([0.9, 0.1]), np.array([0.5, 0.5])),
    ],
    hint="Bayes: the odds change by the ratio of the shares. Add np.log(new) and subtract np.log(old).",
)
def shift_shares(logits, old, new):
    return logits + np.log(new) - np.log(old)


# %%
@questions.your_code("4b-shift")
def shift_shares(logits, old, new):
    """The logits for new class shares; old and new hold one share for each class."""
    ...


# %% plumbing
def train_on_few_eights(seed, balanced=False):
    """Five eights in training; return the validation labels, the logits and the training shares."""
    rng = np.random.default_rng(seed)
    train, val = problems.digits(1_000, 700, rng=rng)
    spare = np.flatnonzero(train.y == 8)[5:]
    train = problems.Examples(np.delete(train.x, spare, 0), np.delete(train.y, spare))
    counts = np.bincount(train.y, minlength=10)
    weights = (len(train.y) / 10 / counts)[train.y] if balanced else None
    net = network.Network([64, 64, 10], rng=rng)
    network.fit(
        net, train, val, weights=weights, epochs=30, learning_rate=5e-3, batch_size=50, rng=rng
    )
    return val.y, net.logits(val.x).astype(float), counts / counts.sum()


def measured(digit, logits):
    said = logits.argmax(axis=1)
    eights = said == 8
    return (
        (eights[digit == 8]).mean(),
        (digit[eights] == 8).mean(),
        metrics.cross_entropy(digit, logits=logits),
    )


# %%
rows = {"plain": [], "weighted": [], "shifted": []}
for seed in SEEDS:
    digit, logits, shares = train_on_few_eights(seed)
    rows["plain"].append(measured(digit, logits))
    rows["shifted"].append(measured(digit, shift_shares(logits, shares, np.full(10, 0.1))))
    rows["weighted"].append(measured(*train_on_few_eights(seed, balanced=True)[:2]))
values = {name: np.array(each) for name, each in rows.items()}
print("recall and precision of the eight, cross-entropy of all digits, means over seeds:")
for name, each in values.items():
    recall, precision, loss = each.mean(axis=0)
    print(f"{name:8} recall {recall:.1f}, precision {precision:.2f}, cross-entropy {loss:.2f}")
more_found = count_seeds(values["shifted"][:, 0] > values["plain"][:, 0])
print(f"the shifted logits find more eights than the plain ones in {more_found}")
assert more_found.mostly

# %% [markdown]
# Shifting needs no training and finds more eights, at the price of some false ones. Balanced weights help too, because they tell the network about the other world while it trains. Neither finds all eights.
#
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "the accuracy of class k shows the weak classes" | one-vs-rest accuracy may put the best-found class last; a class never found scores 1 − its share |
# | "97 % binary accuracy on tags is good" | it is what tagging nothing gets |
# | "an untrained model has 0.9 on a 90/10 set" | anything from 0.1 to 0.9; 0.9 belongs to the answer "never" |
# | "F1 = 0: nothing was learnt" | it says that nothing was *called* positive |
#
# ## Check yourself

# %%
questions.choice(
    "4b-check-flat",
    "F1 on the validation set is 0 in every epoch, while the validation loss falls well below the entropy of the class shares. What does it mean?",
    right=(
        "no probability passes the threshold",
        "Yes: a loss below the base rate takes information, so the network ranks. Look at the AUC and lower the threshold.",
    ),
    wrong=[
        (
            "nothing can be learnt from these features",
            "Then the loss could not stay below what the base rate costs.",
        ),
        (
            "the network has learnt to overfit the common class",
            "On validation data its loss beats the base rate: what it learnt holds there.",
        ),
        (
            "the validation set holds no positives at all",
            "Then the entropy of its class shares would be 0, and no loss is below that.",
        ),
    ],
)

# %%
questions.number(
    "4b-check-rest",
    "100 equally frequent classes. Class 7 is found in 20 % of its cases and raises no false alarm. Its 'this class or not?' accuracy, to three decimals?",
    answer=1 - 0.8 / 100,
    tolerance=0.0006,
    hint="Only the misses are wrong: 80 % of one class in a hundred.",
    known={0.2: "That is its recall."},
)

# %% [markdown]
# ## Summary
#
# - Look at the recall of a class; its accuracy against the rest flatters it.
# - A multi-label accuracy counts all the labels that are rightly absent.
# - F1 belongs to one epoch and one threshold: compute it after each epoch, from all answers at once.
# - Where class shares differ between training and use, the logits can be corrected.
#
# **What would change your mind?** A flat F1 of 0 with a loss that stays above its baseline and a threshold that repairs it.
#
# **Further reading.** A. Menon and others, "Long-tail learning via logit adjustment", *ICLR* (2021). G. Forman, M. Scholz, "Apples-to-apples in cross-validation studies", *SIGKDD Explorations* 12 (2010), on averaging F1.
#
# **Graded exercise:** [exercise 4](../exercises/exercise_04_imbalance.ipynb). **Before:** [lesson 4](04_imbalance.ipynb). **Next:** [lesson 5](05_validation_noise.ipynb).
