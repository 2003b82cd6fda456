# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 5 · Why does my validation curve jump?
#
# **Time** about {minutes} minutes. **You need** [lesson 1](01_horse_or_dog.ipynb) (cross-entropy, accuracy).
#
# After this lesson you can
#
# 1. say how far a measured accuracy or loss lies from the truth;
# 2. split the jumps of a curve into two causes, with a formula that works on your own run;
# 3. compare loss and accuracy by the same yardstick;
# 4. say what batches, learning rate and seeds contribute;
# 5. say what the accuracy of the best epoch is worth.
#
# ## The question
#
# Somebody asks: *my validation loss and accuracy jump from epoch to epoch, yet when I try the network by hand it does well. Why?* A text of 2025 (we know no public address) lists many reasons: too few
# validation examples, batch noise, imbalance, a set that does not fit. Each can be measured.

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks are fastest with one thread

import numpy as np
from IPython.display import Markdown

from lessonlib import figures, metrics, network, problems, questions, runs, uncertainty
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.uncertainty import count_seeds

SEEDS = range(100, 110)  # the settings were chosen on others

# %% [markdown]
# ## Which examples did you happen to draw?
#
# To see what a validation set of 200 hides, one must know the truth. So take a problem where examples are free: a small random network, the *teacher*, labels points, and our network learns from 300 of them.
# Thousands of further points are the truth; a validation set is a few of those.


# %%
def train_student(seed, rate=3e-3, *, hidden=128, batch=50, epochs=80, n_pool=4_000, order=None):
    """Train on 300 points; keep what is said about a pool of others after each epoch."""
    rng = np.random.default_rng(seed)
    train, pool = problems.teacher(300, n_pool, rng=rng)
    student = network.Network([20, hidden, 2], rng=rng)
    how = {"epochs": epochs, "learning_rate": rate, "batch_size": batch}
    return network.fit(student, train, pool, rng=rng if order is None else order, **how)


run = train_student(100, n_pool=20_000)
losses, hits = run.val_losses(), run.val_hits()  # shape (epochs, examples)
print(f"{run.n_epochs} epochs, {losses.shape[1]} examples in the pool")

# %%
typical_miss = questions.Prediction(
    "5-sd-200",
    "A network is right on 85 % of all possible examples. You measure it on 200 of them. By how "
    "many points does the measured accuracy typically miss (one standard deviation)?",
    [0.5, 1.0, 2.5, 7.0],
)
typical_miss


# %%
@questions.solution(
    "5-standard-error",
    cases=[
        (np.array([1, 0, 1, 1, 1, 0, 1, 1.0]),),
        (np.array([0.1, 0.2, 3.0, 0.05, 0.4]),),
    ],
    hint="The spread of the single values is values.std(). The mean of n of them spreads less: divide by the root of n.",
)
def standard_error(values):
    return values.std() / np.sqrt(len(values))


# %% [markdown]
# **Your turn.** One formula serves both measures: a hit is a value of 0 or 1, a loss a value in nats.


# %%
@questions.your_code("5-standard-error")
def standard_error(values):
    """How far the mean of these values typically misses the truth (its standard error)."""
    ...


# %% claims=["000-C5", "000-M1"]
lowest = run.best_epoch("val_loss") - 1
print(typical_miss.resolve(100 * standard_error(np.repeat([1.0, 0.0], [170, 30]))))
rng = np.random.default_rng(0)
for n in (10, 100, 1_000):
    draws = rng.integers(0, 20_000, size=(1_000, n))
    seen = [values[lowest][draws].mean(axis=1).std() for values in (hits, losses)]
    told = [values[lowest].std() / np.sqrt(n) for values in (hits, losses)]
    assert np.allclose(np.array(seen) / told, 1, atol=0.15)
    print(f"{n:5} examples: accuracy misses by {100 * told[0]:.0f} points, as 1,000 sets show")

# %% [markdown]
# Four times the examples, half the miss. **Move the size; then move the training stage.** Which histogram gets wider as training goes on?

# %%
STAGES = {"epoch 1": 0, "epoch 3": 2, "lowest loss": lowest, "epoch 80": 79}
SIZES = [10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000]
draws_of = {n: np.random.default_rng(n).integers(0, 20_000, size=(500, n)) for n in SIZES}


def many_sets(n, stage):
    panels, said = [], []
    for values, name, ends in (
        (hits, "Measured accuracy", (0.4, 1.02)),
        (losses, "Measured loss, nats", (0, 1.6)),
    ):
        here = values[STAGES[stage]]
        means = here[draws_of[n]].mean(axis=1)
        edges = np.linspace(*ends, 64)
        heights = np.histogram(means, edges)[0]
        sd = here.std() / np.sqrt(n)
        marks = (
            figures.stairs(edges, heights / heights.max()),
            figures.upright(here.mean(), "truth", "grey"),
        )
        band = figures.span(here.mean() - 1.96 * sd, here.mean() + 1.96 * sd, "", "vermilion")
        panels.append(Panel(name, band, *marks, x=ends, y=(0, 1.15), yticks=[]))
        said.append(f"{name.split()[1].rstrip(',')} {here.mean():.2f} ± {sd:.3f}")
    return Picture(
        f"{stage}, {n} examples: {', '.join(said)} (one standard error; shaded: 95 %).", *panels
    )


Explorer(
    many_sets, n=slider(SIZES, start=200, label="validation examples"), stage=slider(list(STAGES), start="lowest loss", label="training stage"),
    title="What 500 validation sets report",
)  # fmt: skip

# %% [markdown]
# A popular demonstration measures *once* at each of the sizes 10, 20, 50, ... 1,000 "to highlight the volatility of small sets". Its labels are coin flips.

# %%
one_sweep = questions.Prediction(
    "5-one-sweep",
    "In what share of such sweeps does the set of 10 come closer to the truth than the set of 1,000?",
    [0.00, 0.02, 0.20, 0.50],
)
one_sweep

# %% claims=["000-E2"]
sweeps = np.random.default_rng(2).binomial([10, 1_000], 0.5, size=(20_000, 2)) / [10, 1_000]
miss = np.abs(sweeps - 0.5)
small_wins = (miss[:, 0] < miss[:, 1]).mean()
print(one_sweep.resolve(small_wins))
print(
    f"spread over the sweeps: {sweeps[:, 0].std():.2f} for 10, {sweeps[:, 1].std():.2f} for 1,000"
)
assert 0.1 < small_wins < 0.3

# %% [markdown]
# The conclusion is right and the demonstration does not show it. Volatility is a spread, and one point has no spread.
#
# ### Ten tests by hand, all right
#
# If all k of k tests are right, the accuracy is (at 95 % confidence) at least the p at which k right ones in a row would still happen once in twenty: `p^k = 0.05`. For large k that is about 1 − 3/k, the *rule of three*.

# %% claims=["000-C6"]
rng = np.random.default_rng(3)
k = 10
lower = 0.05 ** (1 / k)
lucky = (rng.random((100_000, k)) < 0.8).all(axis=1).mean()
print(f"{k} of {k} right: accuracy at least {lower:.2f}; rule of three: 1 − 3/k = {1 - 3 / k:.2f}")
print(f"a network of accuracy 0.8 passes {k} tests in {lucky:.0%} of the cases")
assert abs(lower - (1 - 3 / k)) < 0.06 and abs(lucky - 0.8**k) < 0.01

# %% [markdown]
# So "it does well by hand" is no contradiction to a validation accuracy of 0.8.
#
# ## Is the loss the steadier one?
#
# "The loss is gradual, accuracy jumps." Compare *relative* errors: standard error divided by the value. For accuracy there are two ways to say the value: 0.85 right, or 0.15 wrong.

# %%
steadier = questions.Prediction(
    "5-steadier",
    "200 examples. Relative standard error of the loss against that of the ERROR RATE. Which is smaller?",
    [
        "the loss, at any time",
        "the error rate, at any time",
        "the loss at its minimum, the error rate long after it",
        "the error rate at the minimum of the loss, the loss long after it",
    ],
)
steadier

# %% claims=["000-C9"]
students = [train_student(seed) for seed in SEEDS]


def relative_errors(run, epoch):
    """Relative standard errors at n = 200 of the loss, the error rate and the accuracy."""
    loss, hit = run.val_losses()[epoch], run.val_hits()[epoch]
    return [v.std() / v.mean() / np.sqrt(200) for v in (loss, 1 - hit, hit)]


at_lowest = np.array([relative_errors(run, run["val_loss"].argmin()) for run in students])
at_end = np.array([relative_errors(run, -1) for run in students])
smaller = [count_seeds(values[:, 0] < values[:, 1]) for values in (at_lowest, at_end)]
found = {(True, True): 0, (False, False): 1, (True, False): 2, (False, True): 3}
print(steadier.resolve(steadier.options[found[smaller[0].mostly, smaller[1].mostly]]))
for name, values in (("lowest loss", at_lowest), ("epoch 80", at_end)):
    loss, wrong, right = values.mean(axis=0)
    near = [f"about {5 * round(20 * value)} %" for value in (loss, wrong)]
    print(f"{name:11} relative error of loss {near[0]}, error rate {near[1]}, accuracy {right:.0%}")
assert smaller[0].mostly and smaller[1].rarely

# %% [markdown]
# Divided by the accuracy, the same error looks several times smaller than divided by the error rate: the yardstick decides. Take the error rate: like the loss it is 0 for a perfect network. Beside it the loss is the steadier measure at its minimum, and the less steady one at epoch 80, when the network is
# overconfident and a few costly answers make up much of the mean. Neither is steadier as such.
#
# ## The jumps have two causes
#
# Measure the same weights twice on the same set: nothing changes. From one epoch to the next the weights move, and some answers change sides. Let d be the change of one example, −1, 0 or +1. Its mean over *all* possible examples is how far the model
# really moved. Your set holds n of them, so the jump that you see is that movement plus a sampling error. The share of answers that change, the **churn**, is the mean of d²: so that error has a variance of about churn/n.
#
# > variance of the jumps = variance of the model's movement + churn / n


# %%
@questions.solution(
    "5-jump",
    cases=[
        (np.array([[1, 1, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]], float), 50),
        (
            np.array([[1, 1, 0, 0, 1], [0, 1, 1, 0, 1], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0]], float),
            200,
        ),
    ],
    hint="d = np.diff(hits, axis=0) has a row for each step. d.mean(axis=1) are the movements, (d ** 2).mean() is the churn.",
)
def jump_sd(hits, n):
    d = np.diff(hits, axis=0)
    return np.sqrt(d.mean(axis=1).var() + (d**2).mean() / n)


# %% [markdown]
# **Your turn.** This is your calculator. For your own run, `hits` holds 1 or 0 for each epoch (row) and each example of a large set (column).


# %%
@questions.your_code("5-jump")
def jump_sd(hits, n):
    """The standard deviation of the jumps of accuracy that a set of n examples will show."""
    ...


# %%
jumps_question = questions.Prediction(
    "5-jumps",
    "A restless network (learning rate 0.1) and a calm one (0.003), 200 validation examples. In "
    "which does the finite SET contribute over half of the variance of the jumps?",
    ["in neither: the weights move", "in the calm one only", "in the restless one only", "in both"],
)
jumps_question

# %%
restless = train_student(100, 0.1, hidden=64, batch=32, epochs=60)
pictures = runs.recording("main", 10)
cases = {
    "calm, from epoch 21": run,
    "restless, from epoch 21": restless,
    "CIFAR-10, all epochs": pictures,
}
tail = {
    name: each.val_hits()[20 if "21" in name else 0 :].astype(float) for name, each in cases.items()
}


def parts(hits, n):
    """Variance of the model's movement, and of the sampling error of a set of n."""
    d = np.diff(hits, axis=0)
    return d.mean(axis=1).var() - (d**2).mean() / hits.shape[1], (d**2).mean() / n


# %% claims=["000-C3", "000-C8", "000-C1"]
from_set = {name: parts(each, 200)[1] / sum(parts(each, 200)) for name, each in tail.items()}
calm, wild = (from_set[name] > 0.5 for name in list(tail)[:2])
print(jumps_question.resolve(jumps_question.options[2 * wild + calm]))
for name, each in tail.items():
    for n in (50, 200, 1_000):
        draws = [np.random.default_rng(i).choice(each.shape[1], n) for i in range(200)]
        seen = np.std([np.diff(each[:, drawn].mean(axis=1)) for drawn in draws])
        assert 0.85 < jump_sd(each, n) / seen < 1.15
    share = (
        "nearly all" if from_set[name] > 0.9 else "most" if from_set[name] > 0.6 else "about half"
    )
    print(f"{name:24} formula right within 15 %; a set of 200 makes up {share} of the variance")

# %% [markdown]
# The formula holds for a small calm network, a restless one and a network on pictures. And it answers the title: with a few hundred examples much of the jumping comes from the set, even when nothing but the weights
# changes; only a larger set or calmer weights make it smaller. **Move both.**


# %%
def one_curve(network_, n, which):
    hits = tail[network_]
    chosen = np.random.default_rng(which).choice(hits.shape[1], n)
    curve, truth = 100 * hits[:, chosen].mean(axis=1), 100 * hits.mean(axis=1)
    epochs = np.arange(1, len(hits) + 1)
    model, sampling = parts(hits, n)
    bars = {
        "movement of the model": 100 * np.sqrt(max(model, 0)),
        "the finite set": 100 * np.sqrt(sampling),
        "together": 100 * jump_sd(hits, n),
    }
    return Picture(
        f"{n} examples: the set contributes {sampling / (max(model, 0) + sampling):.0%} of the variance of the jumps; "
        f"this curve lies {abs((curve - truth).mean()):.1f} points {'above' if curve.mean() > truth.mean() else 'below'} the truth on average.",
        Panel("Accuracy, %", figures.line(epochs, truth, "grey", label="all examples"), figures.line(epochs, curve, label=f"{n} examples"),
              y=(40, 100), xlabel="epoch shown"),
        Panel("SD of the jumps, points", figures.bars(bars, digits=1), xlabel="points"),
    )  # fmt: skip


Explorer(
    one_curve, network_=slider(list(tail), label="network"), n=slider([50, 100, 200, 500, 1_000, 2_000], start=200, label="validation examples"),
    which=slider(range(1, 7), label="which set"), title="One curve, two causes",
)  # fmt: skip

# %% [markdown]
# The offset of a whole curve and its jumps are different things. In the calm network the offset is larger than the jumps: a smooth curve need not be an accurate one.
#
# ## What do batches, rate and seeds contribute?
#
# The text shows a loop to prove batch noise: coin-flip labels, batches of 32 "that differ each time".

# %%
twice = questions.Prediction(
    "5-twice",
    "That loop takes its batches in the order of the file. Run twice from the same initial weights: how far apart are the two validation curves?",
    [
        "as far as two seeds: the batches are random",
        "a little: rounding and chance",
        "not at all: equal to the last bit",
    ],
)
twice


# %% plumbing
def coin_loop(seed, *, batch_size=32, shuffle=False, epochs=15, passes=1, order=0):
    """The loop of the text in NumPy: nothing can be learned from coin-flip labels."""
    rng = np.random.default_rng(seed)
    x, y = rng.random((1_200, 100)).astype(np.float32), rng.integers(0, 2, 1_200)
    train = problems.Examples(np.tile(x[:1_000], (passes, 1)), np.tile(y[:1_000], passes))
    net = network.Network([100, 10, 2], rng=rng)
    how = {"batch_size": batch_size, "shuffle": shuffle, "learning_rate": 1e-3, "epochs": epochs}
    return network.fit(net, train, problems.Examples(x[1_000:], y[1_000:]), rng=order, **how)


def jitter(values):
    """Noise from epoch to epoch, whatever the trend, without the first four epochs."""
    return uncertainty.jitter(values[4:])


# %% claims=["000-C4", "000-E1b", "000-E1a"]
once, again = coin_loop(100)["val_loss"], coin_loop(100, order=7)["val_loss"]
print(twice.resolve(twice.options[2 if np.array_equal(once, again) else 1]))
loops = {
    "as given": {},
    "full batch": {"batch_size": 1_000, "passes": 32},  # 32 steps an epoch as well
    "shuffled": {"shuffle": True},
    "shuffled, batch 8": {"shuffle": True, "batch_size": 8},
}
seen = {
    name: np.array([jitter(coin_loop(seed, order=seed, **how)["val_loss"]) for seed in SEEDS])
    for name, how in loops.items()
}

# %% claims=["000-C4", "000-E1b"]
for name in ("as given", "shuffled", "shuffled, batch 8"):
    factor = np.median(seen[name] / seen["full batch"])
    size = (
        "over 4 times" if factor > 4 else "over 1.5 times" if factor > 1.5 else "at most 1.5 times"
    )
    print(f"{name:18} jitter of the loss: {size} that of the full batch")
assert count_seeds(seen["shuffled, batch 8"] > seen["shuffled"]).mostly
assert count_seeds(seen["as given"] > 2 * seen["full batch"]).rarely

# %% [markdown]
# The loop shown never shuffles; it jitters no more than training on the full batch, which has no batch noise at all. Small shuffled batches do jitter more. In that loop *seeds* differ more than epochs do: each seed has its own 200 examples and its own start. How
# much of that is sampling error?

# %% claims=["000-E1a"]
both = np.array([coin_loop(seed, epochs=5)["val_accuracy"][-1] for seed in range(100, 140)])
within = np.mean([coin_loop(seed, epochs=5)["val_accuracy"].std() for seed in SEEDS])
sampling = metrics.accuracy_standard_error(0.5, 200)
print(
    f"accuracy: spread over seeds {both.std(ddof=1):.2f}, over the epochs of one run {within:.2f}"
)
print(f"sampling error of 200 coin flips alone {sampling:.2f}")
assert within < both.std(ddof=1) and 0.6 < both.std(ddof=1) / sampling < 1.4

# %% [markdown]
# With coin-flip labels the spread over seeds is about the sampling error. That is the *first* thing to rule out, before any mismatch of data. A seed adds its own part where something is learned:

# %% plumbing
pool_of = [
    run["val_accuracy"][-1] for run in students
]  # 4,000 examples each: little sampling error
print(
    f"ten students on 4,000 examples each: spread {100 * np.std(pool_of, ddof=1):.0f} points; ",
    end="",
)
print(f"sampling error {100 * metrics.accuracy_standard_error(np.mean(pool_of), 4_000):.1f}")

# %% [markdown]
# (Each student has its own teacher and 300 training points, so this spread is that of problem, sample and start together.)
#
# ### "Noisy at the start, or with a badly chosen learning rate"
#
# A curve that bends looks noisy to any measure of jumps. So train the same network on the same data six times, with six orders of the batches, subtract the mean curve, and look at what is left.

# %%
rate_question = questions.Prediction(
    "5-rate",
    "Batch noise of the validation loss in epochs 11 to 30 against epochs 1 to 10. At a learning rate of 0.1 it is",
    ["less than half of it: training has settled", "half of it or more"],
)
rate_question

# %% claims=["000-C10", "004-C10"]
noise = {}
for rate in (0.001, 0.01, 0.1):
    how = {"hidden": 64, "batch": 32, "epochs": 30, "n_pool": 500}
    for seed in range(100, 105):
        orders = [train_student(seed, rate, order=order, **how)["val_loss"] for order in range(6)]
        left = orders - np.mean(orders, axis=0)
        spread = [np.diff(left[:, part], axis=1).std() for part in (slice(0, 10), slice(10, 30))]
        noise.setdefault(rate, []).append(spread)
ratio = {rate: np.median([late / early for early, late in pairs]) for rate, pairs in noise.items()}
print(rate_question.resolve(rate_question.options[0 if ratio[0.1] < 0.5 else 1]))
for rate in noise:
    print(f"rate {rate:5}: {'less' if ratio[rate] < 0.9 else 'not less'} noise than at first")
assert ratio[0.01] < 0.8 and ratio[0.1] > 0.8
assert np.median(noise[0.1], axis=0)[1] > 10 * np.median(noise[0.01], axis=0)[1]

# %% [markdown]
# An unsuitable rate makes erratic curves: true here, late noise at 0.1 is over ten times that at 0.01. "Particularly at the start": true at the two smaller rates, not at the large one, where the weights keep being thrown about.
#
# ## The accuracy of the best epoch
#
# You keep the epoch with the highest validation accuracy and report that accuracy. How much of it is luck? Choose on n examples, judge on the thousands that were not used.

# %%
optimism_question = questions.Prediction(
    "5-optimism",
    "80 epochs, 200 validation examples. The accuracy of the chosen epoch is too high by about",
    ["nothing: it was measured", "1 to 3 points", "4 points or more"],
)
optimism_question


# %%
def too_good(run, n, seed):
    """Choose an epoch on n examples; how much higher is its accuracy there than on the others?"""
    hits, order = run.val_hits(), np.random.default_rng(seed).permutation(4_000)
    mine, others = order[:n], order[1_000:]
    chosen = hits[:, mine].mean(axis=1).argmax()
    return 100 * (hits[chosen, mine].mean() - hits[chosen, others].mean())


# %% claims=["000-M4"]
optimism = {
    n: np.mean([too_good(run, n, seed) for run in students for seed in range(10)])
    for n in (50, 200, 1_000)
}
points = optimism[200]
happened = 0 if points < 0.5 else 1 if points < 3.5 else 2
print(optimism_question.resolve(optimism_question.options[happened]))
for n, value in optimism.items():
    told = f"about {value:.0f}" if value > 0.75 else "below 1"
    print(f"chosen on {n:5} examples, points too good: {told}")
assert optimism[50] > optimism[200] > optimism[1_000]

# %%
Markdown(
    f"With 200 examples the chosen epoch looks about {points:.0f} to {points + 1:.0f} points better than it is, although a single measurement "
    "is unbiased: the maximum of many noisy numbers is too high. Report what other examples say. ([5b](05b_comparing_models.ipynb) compares two models, and tries remedies: "
    "smoothing, stratifying, augmenting, averaging weights.)"
)

# %% [markdown]
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "one measurement at each size shows the volatility" | in a fifth of the sweeps the smallest set wins; a spread needs repetition |
# | "the loss is the stable one" | by the same yardstick it is steadier while moderately confident, less steady when overconfident |
# | "the jumps are batch noise" | movement of the model plus churn/n of the set; the loop shown does not even shuffle |
# | "a smooth curve is an accurate one" | its offset may be larger than its jumps |
# | "the best epoch's accuracy is the model's accuracy" | it is too good by the luck of being chosen |
#
# ## Check yourself

# %%
questions.number(
    "5-check-se",
    "Accuracy 0.90 measured on 400 examples. Its standard error, in points, to one decimal?",
    answer=100 * metrics.accuracy_standard_error(0.9, 400),
    tolerance=0.06,
    hint="The root of 0.9 · 0.1 / 400, times 100.",
    known={
        2.9: "That is the half-width of the 95 % interval: 1.96 standard errors.",
        0.02: "The variance must be divided by n before the root is taken.",
    },
)

# %%
questions.choice(
    "5-check-jumps",
    "On your 100 validation examples accuracy jumps by 3 points from epoch to epoch; about 9 % of the answers change each time. What would 10,000 examples do?",
    right=(
        "remove most of the jumps",
        f"Yes: churn/n explains them, the root of 0.09/100 is {100 * np.sqrt(0.09 / 100):.0f} points; at 10,000 it is {100 * np.sqrt(0.09 / 10_000):.1f}.",
    ),
    wrong=[
        (
            "nothing: the weights jump, not the examples",
            "The churn of the set alone already predicts jumps of this size.",
        ),
        (
            "halve them, as four times the examples would",
            "A hundred times the examples divide that part by ten.",
        ),
        (
            "make them larger: more examples can change",
            "The number of changes grows, their share does not, and the mean gets steadier.",
        ),
    ],
)

# %%
questions.choice(
    "5-check-hand",
    "A network with 80 % validation accuracy answers all five of your own tests. What follows?",
    right=(
        "little: this happens in a third of the cases",
        f"Yes: 0.8 to the power of 5 is {0.8**5:.2f}.",
    ),
    wrong=[
        ("the validation set must be unrepresentative", "Five right answers are common at 80 %."),
        (
            "the true accuracy is above 95 %",
            f"At 95 % confidence it is only above 0.05 to the power of 1/5, {0.05 ** (1 / 5):.2f}.",
        ),
        ("the fluctuation of the curve is a bug", "The two have nothing to do with each other."),
    ],
)

# %%
questions.choice(
    "5-check-best",
    "Of 60 epochs you keep the one with the best accuracy on 300 validation examples. Which number do you report?",
    right=(
        "the accuracy of that epoch on other examples",
        "Yes: the number that chose the epoch is too good by its luck.",
    ),
    wrong=[
        ("the validation accuracy of that epoch", "It is the maximum of 60 noisy numbers."),
        (
            "the mean validation accuracy of all epochs",
            "That is unbiased for the average network, not for the one that you keep.",
        ),
        (
            "that accuracy with its standard error",
            "The interval is centred on a number that is too high.",
        ),
    ],
)

# %% [markdown]
# ## Summary
#
# - A measured mean misses by sd/√n: loss and accuracy alike. k of k right shows at least about 1 − 3/k.
# - Variance of the jumps = movement of the model + churn/n. It held for three networks that differ.
# - The loss is not steadier as such: it depends on confidence, and on the yardstick.
# - Batches, rate and seeds each contribute; measure what is left after the mean curve.
# - A chosen epoch looks too good.
#
# **What would change your mind?** A run whose jumps on small sets are far from movement + churn/n.
#
# **Further reading.** X. Bouthillier and others, "Accounting for variance in machine learning benchmarks", *MLSys* (2021). J. Hanley, A. Lippman-Hand, "If nothing goes wrong, is everything all right? Interpreting zero numerators", *JAMA* 249 (1983), on the rule of three.
#
# **Graded exercise:** [exercise 5](../exercises/exercise_05_validation_noise.ipynb). **Before:** [lesson 4](04_imbalance.ipynb). **Further:** [5b](05b_comparing_models.ipynb). **Next:** [lesson 6](06_cifar10_overfitting.ipynb), real pictures.
