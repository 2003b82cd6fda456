# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 5b · Is half a point better? Comparing models, and remedies for a restless curve
#
# **Time** about {minutes} minutes. **You need** [lesson 5](05_validation_noise.ipynb). This is a further lesson: nothing later depends on it.
#
# After this lesson you can
#
# 1. compare two models on the same examples, and say what may be said;
# 2. say what stratifying, augmenting, smoothing and averaging weights change, and what they leave;
# 3. tell a set that asks another question from a noisy one;
# 4. recognise what batch normalisation does to a validation curve.

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks are fastest with one thread

import numpy as np

from lessonlib import figures, metrics, network, problems, questions, runs, uncertainty
from lessonlib.course import environment
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.uncertainty import count_seeds

environment.need("torch")  # waits while it is being fetched
import torch

torch.set_num_threads(1)
SEEDS = range(100, 110)  # the settings were chosen on others

# %% [markdown]
# ## Half a point on a thousand pictures
#
# Two epochs, 16 and 19, of one recorded network on CIFAR-10, judged by the same pictures. (Among all pairs of epochs we picked one with a small difference; it stands for "two models that are close".)

# %%
half_point = questions.Prediction(
    "5b-half-point",
    "On all 5,000 pictures the later one scores half a point more. What may be said from 1,000 of them, with 95 % confidence?",
    ["it is better", "it is worse", "cannot tell"],
)
half_point


# %%
@questions.solution(
    "5b-paired",
    cases=[
        (np.array([1, 1, 0, 0, 1.0]), np.array([1, 0, 1, 1, 1.0])),
        (np.array([0.2, 1.0, 0.4, 0.1]), np.array([0.3, 0.7, 0.4, 0.0])),
    ],
    hint="Subtract example by example first. Then the mean of the differences, and their .std() over the root of n.",
)
def paired_difference(before, after):
    difference = after - before
    return difference.mean(), difference.std() / np.sqrt(len(difference))


# %% [markdown]
# **Your turn.** Both models answered the *same* examples. Then most of the sampling error cancels.


# %%
@questions.your_code("5b-paired")
def paired_difference(before, after):
    """The mean difference (after minus before) and its standard error, paired by example."""
    ...


# %%
cifar = runs.recording("main", 10)
hits = cifar.val_hits().astype(float)
change, error = paired_difference(hits[15][:1_000], hits[18][:1_000])
clear = abs(change) > 1.96 * error
print(half_point.resolve(half_point.options[2 if not clear else 0 if change > 0 else 1]))
alone = np.hypot(*(h[:1_000].std() / np.sqrt(1_000) for h in (hits[15], hits[18])))
print(f"change {100 * change:+.1f} points, standard error {100 * error:.1f} paired,")
print(f"{100 * alone:.1f} if each had its own set")
gained, lost = uncertainty.gained_and_lost(hits[15][:1_000] > 0, hits[18][:1_000] > 0)
p = uncertainty.mcnemar_p_value(gained, lost)
print(f"gained {gained}, lost {lost}: McNemar's test gives p = {p:.2f}")
assert error < 0.8 * alone and (p < 0.05) == clear

# %% [markdown]
# Only the pictures that changed sides say anything (McNemar 1947). Pairing is a remedy that costs nothing.
#
# **Which verdict would you have reached** about the whole run, from its lowest loss to its end, with n pictures? The epoch with the lowest loss is chosen on n pictures and judged on n *others*, with 95 % confidence.

# %%
losses = cifar.val_losses()
VERDICT_SIZES = [50, 100, 200, 500, 1_000, 2_000]


def verdicts(n, draws=150):
    counts = {"loss": [0, 0, 0], "accuracy": [0, 0, 0]}
    for i in range(draws):
        order = np.random.default_rng(i).permutation(5_000)
        choose, judge = order[:n], order[n : 2 * n]
        low = losses[:, choose].mean(axis=1).argmin()
        for name, values in (("loss", losses), ("accuracy", hits)):
            difference = values[-1, judge] - values[low, judge]
            middle, error = difference.mean(), difference.std() / np.sqrt(n)
            counts[name][0 if middle > 1.96 * error else 1 if middle < -1.96 * error else 2] += (
                1 / draws
            )
    return counts


shares = {n: verdicts(n) for n in VERDICT_SIZES}


def would_have_said(n):
    panels = [
        Panel(
            f"{name.capitalize()}: share of sets",
            figures.bars(
                dict(zip(("rose", "fell", "cannot tell"), values)),
                right=[True, True, False],
                most=1,
            ),
            xlabel="share",
        )
        for name, values in shares[n].items()
    ]
    loss, accuracy = shares[n]["loss"], shares[n]["accuracy"]
    return Picture(
        f"{n} pictures: the loss is said to rise in {loss[0]:.0%} of the sets, accuracy in {accuracy[0]:.0%}; undecided {loss[2]:.0%} and {accuracy[2]:.0%}.",
        *panels,
    )


Explorer(
    would_have_said,
    n=slider(VERDICT_SIZES, start=200, label="validation pictures"),
    title="The verdict you would have reached",
    figsize=(9, 2.6),
)

# %% claims=["000-M4"]
assert shares[2_000]["loss"][0] > 0.9 and shares[100]["accuracy"][2] > 0.5
print("100 pictures leave the accuracy undecided in most sets; 2,000 settle the loss in nearly all")

# %% [markdown]
# ## Does the set ask the question you mean?
#
# The text of lesson 5 remembers satellite pictures: trained on clear days, validated with a few cloudy ones. The loss was high "not because the model was failing". Handwritten digits are our landscape, a bright blob is the cloud.

# %%
few_clouds = questions.Prediction(
    "5b-clouds",
    "5 % of the validation pictures are cloudy, the network was trained on clear ones. What share of the validation loss do these 5 % contribute?",
    [0.05, 0.25, 0.50, 0.80],
)
few_clouds


# %% plumbing
def cloudy(pixels, rng, strength=0.7):
    """Lay a round bright cloud over each picture of 8 x 8 pixels."""
    rows, columns = np.mgrid[:8, :8]
    centre = rng.uniform(0, 7, (len(pixels), 2, 1, 1))
    distance = (rows - centre[:, 0]) ** 2 + (columns - centre[:, 1]) ** 2
    cloud = strength * np.exp(-distance / 8).reshape(len(pixels), 64)
    return np.clip(pixels + cloud, 0, 1).astype(np.float32)


def train_digits(seed, cloudy_share=0.0):
    """Train on 800 digits, some of them cloudy; loss and accuracy on clear and on cloudy others."""
    rng = np.random.default_rng(seed)
    train, val = problems.digits(800, 900, rng=rng)
    x = np.where(rng.random((800, 1)) < cloudy_share, cloudy(train.x, rng), train.x)
    net = network.Network([64, 64, 10], rng=rng)
    few = problems.Examples(val.x[:10], val.y[:10])
    network.fit(
        net, train._replace(x=x), few, epochs=30, learning_rate=3e-3, batch_size=50, rng=rng
    )
    scores = [net.logits(pixels) for pixels in (val.x, cloudy(val.x, np.random.default_rng(0)))]
    return [
        f(val.y, s)
        for s in scores
        for f in (lambda y, s: metrics.cross_entropy(y, logits=s), metrics.accuracy)
    ]


# %% claims=["000-C2"]
clear, mixed = (np.array([train_digits(seed, share) for seed in SEEDS]) for share in (0, 0.3))
carried = 0.05 * clear[:, 2] / (0.95 * clear[:, 0] + 0.05 * clear[:, 2])
print(few_clouds.resolve(carried.mean()))
print(f"accuracy {clear[:, 1].mean():.2f} on clear ones, {clear[:, 3].mean():.1f} on cloudy ones")
cured = count_seeds(mixed[:, 3] > clear[:, 3] + 0.02)
print(f"with 30 % cloudy training pictures, more accurate on cloudy ones in {cured}")
assert count_seeds(carried > 0.12).mostly and cured.mostly

# %% [markdown]
# The phenomenon is real and the comfort is not: the model *was* failing, on cloudy pictures. Whether that matters is a question about the world that the network is for. Decide it there, never by what makes the curve look better.
#
# ### Testing one by hand
#
# "A manual test bypasses the noise of batches." It reads the same weights after the same updates. Follow the loss of single examples:

# %% claims=["000-C12", "000-E1c"]
rng = np.random.default_rng(100)
x, y = rng.random((1_200, 100)).astype(np.float32), rng.integers(0, 2, 1_200)  # coin-flip labels
sets = problems.Examples(x[:1_000], y[:1_000]), problems.Examples(x[1_000:], y[1_000:])
net = network.Network([100, 10, 2], rng=rng)
coin = network.fit(net, *sets, epochs=20, learning_rate=1e-3, batch_size=32, rng=rng)
single = np.median([uncertainty.jitter(one) for one in coin.val_losses().T])
together = uncertainty.jitter(coin["val_loss"])
outputs = metrics.softmax(coin.val_logits[-1])[:, 1]
far, off = single / together, np.abs(outputs - 0.5).mean()
print(f"one example jumps {'over' if far > 3 else 'under'} three times as far as the mean of 200")
print(f"outputs lie on average {'less' if off < 0.2 else 'more'} than 0.2 from one half")
assert single > 3 * together and abs(metrics.accuracy(sets[1].y, coin.val_logits[-1]) - 0.5) < 0.15

# %% [markdown]
# And the hand test shown there has no label at all: its "reasonable" output near one half can be neither right nor wrong.
#
# ## Popular remedies
#
# ### Stratify, because imbalance makes accuracy volatile?

# %%
rarer = questions.Prediction(
    "5b-imbalance",
    "200 examples, the best possible model; positives become rarer: 50 %, 10 %, 2 %. The spread of the measured ACCURACY over validation sets",
    ["shrinks", "stays", "grows"],
)
rarer


# %%
def spreads(share, found, clean, stratified):
    """Spread of accuracy and recall over 20,000 sets of 200: counts suffice."""
    rng = np.random.default_rng(5)
    fixed = np.full(20_000, round(200 * share))
    positives = fixed if stratified else rng.binomial(200, share, 20_000)
    hits = rng.binomial(positives, found)
    right = hits + rng.binomial(200 - positives, clean)
    return (right / 200).std(), (hits / np.maximum(positives, 1)).std()


# %% claims=["000-C7", "000-M3"]
MODELS = {0.5: (0.84, 0.84), 0.1: (0.46, 0.98), 0.02: (0.17, 0.998)}  # recall, specificity
plain, strata = ({s: spreads(s, *m, way) for s, m in MODELS.items()} for way in (False, True))
print(rarer.resolve(rarer.options[0 if plain[0.02][0] < 0.8 * plain[0.5][0] else 1]))
print("positives  SD of accuracy  if stratified, that   SD of recall")
for share, (accuracy, recall) in plain.items():
    calmer = strata[share][0] / accuracy
    print(f"{share:9.0%}{accuracy:14.3f}{calmer:20.1f} times{recall:12.2f}")
assert strata[0.1][0] < 0.95 * plain[0.1][0] and 0.97 < strata[0.5][0] / plain[0.5][0] < 1.03

# %% [markdown]
# Accuracy gets *steadier*; recall, which rests on the few positives, blows up. Stratifying makes accuracy steadier **from split to split** where the classes differ in accuracy, and does nothing where they do not. From epoch to epoch, on a set that stays the same, it cannot help.
#
# ### Augment the validation set?

# %%
copies = questions.Prediction(
    "5b-copies",
    "50 examples plus 20 slightly noisy copies of each make 1,050. Over fresh draws of the 50, the spread of the accuracy, compared with that of 50 alone,",
    [
        "falls by half or more, as with 1,050 real ones",
        "stays, or falls by less than half",
        "grows",
    ],
)
copies

# %% plumbing
rng = np.random.default_rng(100)
train, others = problems.teacher(300, 20_000, rng=rng)
student = network.Network([20, 128, 2], rng=rng)
few = problems.Examples(others.x[:10], others.y[:10])
_ = network.fit(student, train, few, epochs=10, learning_rate=3e-3, batch_size=50, rng=rng)


def accuracies(n_copies, noise, n_sets=200):
    """Accuracy of each of n_sets validation sets of 50 with noisy copies of each example."""
    chosen = np.random.default_rng(1).integers(0, 20_000, (n_sets, 50))
    x = np.repeat(others.x[chosen], 1 + n_copies, axis=1)
    is_copy = (np.arange(50 * (1 + n_copies)) % (1 + n_copies) > 0)[:, None]
    x = x + noise * rng.normal(size=x.shape).astype(np.float32) * is_copy
    y = np.repeat(others.y[chosen], 1 + n_copies, axis=1)
    return (
        metrics.correct(y.ravel(), student.logits(x.reshape(-1, 20)))
        .reshape(n_sets, -1)
        .mean(axis=1)
    )


# %% claims=["000-M2"]
truth = metrics.accuracy(others.y, student.logits(others.x))
fifty, mild, strong = accuracies(0, 0), accuracies(20, 0.3), accuracies(20, 1.0)
ratio = mild.std() / fifty.std()
print(copies.resolve(copies.options[0 if ratio < 0.5 else 1 if ratio < 1.02 else 2]))
claimed = metrics.accuracy_standard_error(mild.mean(), 1_050)
more, low = mild.std() > 3 * claimed, strong.mean() < truth - 0.03
print(f"the real spread is {'over' if more else 'under'} 3 times the error that 1,050 claims")
print(f"with strong noise accuracy comes out too low by {'over' if low else 'under'} three points")
assert mild.std() > 3 * claimed and strong.mean() < truth - 0.03

# %% [markdown]
# **Copies are not data.** The claimed error shrinks because it counts 1,050; the real one falls by less than half. And strong noise asks another question.
#
# ### Smooth the curve? Or average the weights?
#
# An exponential average (the slider of TensorBoard) draws β times the last drawn value plus (1 − β) times the new one. The same average can be taken of the *weights*, and the averaged network measured.


# %%
@questions.solution(
    "5b-ema",
    cases=[(np.array([1.0, 2.0, 3.0, 4.0]), 0.5), (np.array([0.9, 0.1, 0.9, 0.1, 0.9]), 0.9)],
    hint="Start with the first value. For each further one: average = beta * average + (1 - beta) * value, and append it.",
)
def exponential_average(values, beta):
    averages = [values[0]]
    for value in values[1:]:
        averages.append(beta * averages[-1] + (1 - beta) * value)
    return np.array(averages)


# %%
@questions.your_code("5b-ema")
def exponential_average(values, beta):
    """The exponential averages of a sequence, beginning with its first value; same length."""
    ...


# %% plumbing
def restless(seed, beta=0.998, epochs=40):
    """Hits per epoch of a restless student, and of the average of its weights over the steps."""
    rng = np.random.default_rng(seed)
    train, pool = problems.teacher(1_000, 4_000, rng=rng)
    y = problems.flip_labels(train.y, 0.2, n_classes=2, rng=rng)
    live, mean = (network.Network([20, 64, 2], rng=seed) for _ in range(2))
    adam, kept = network.Adam(live.parameters, 0.02), []
    for _ in range(epochs):
        for batch in rng.permutation(1_000).reshape(-1, 20):
            adam.step(live.gradients(train.x[batch], y[batch]))
            for averaged, now in zip(mean.parameters, live.parameters):
                averaged *= beta
                averaged += (1 - beta) * now
        kept.append([metrics.correct(pool.y, each.logits(pool.x)) for each in (live, mean)])
    return np.array(kept).transpose(1, 0, 2)


# %%
average_question = questions.Prediction(
    "5b-average",
    "A restless network (a fifth of its training labels are wrong). Its drawn CURVE smoothed (β = 0.9), or its WEIGHTS averaged: which is more accurate on 4,000 fresh examples in the last ten epochs?",
    [
        "the smoothed curve shows a higher accuracy",
        "the averaged weights are more accurate",
        "both are within a point of the original",
    ],
)
average_question

# %% claims=["000-M6"]
both = [restless(seed) for seed in SEEDS]
live, mean = (np.array([each[i].mean(axis=1) for each in both]) for i in range(2))
smooth = np.array([exponential_average(curve, 0.9) for curve in live])
ends = [curve[:, -10:].mean(axis=1) for curve in (live, smooth, mean)]
gains = count_seeds(ends[2] > ends[0] + 0.01)
print(average_question.resolve(average_question.options[1 if gains.mostly else 2]))
jumps = [np.mean([uncertainty.jitter(c[5:]) for c in curves]) for curves in (live, smooth, mean)]
print(f"averaged weights over a point better in {gains}")
calm = "under" if max(jumps[1:]) < jumps[0] / 3 else "over"
print(f"smoothed or averaged, {calm} a third of the jumps is left")
assert gains.mostly and np.abs(ends[1] - ends[0]).max() < 0.02

# %%
pool_curves = {"live weights": both[0][0], "averaged weights": both[0][1]}


def smoothing_picture(weights, beta, n):
    each = pool_curves[weights]
    seen = 100 * each[:, np.random.default_rng(1).choice(4_000, n, replace=False)].mean(axis=1)
    drawn, truth, epochs = (
        exponential_average(seen, beta),
        100 * each.mean(axis=1),
        np.arange(1, 41),
    )
    return Picture(
        f"{weights}, β = {beta}, {n} examples: jumps of {uncertainty.jitter(drawn[5:]):.1f} points; the drawn curve lies {(drawn - truth)[10:].mean():+.1f} points off the truth.",
        Panel("Validation accuracy, %", figures.line(epochs, truth, "grey", label="truth (4,000)"), figures.line(epochs, seen, "blue", label="your set", width=1),
              figures.line(epochs, drawn, "vermilion", label="drawn"), y=(50, 100), xlabel="epoch", legend="upper right"),
    )  # fmt: skip


Explorer(
    smoothing_picture, weights=slider(list(pool_curves)), beta=slider([0.0, 0.5, 0.8, 0.9, 0.95], start=0.8, label="smoothing, β"),
    n=slider([50, 200, 1_000, 4_000], start=200, label="validation examples"), title="Smoothed curves and averaged weights", figsize=(8, 3.6),
)  # fmt: skip

# %% [markdown]
# Smoothing makes the curve look calmer, draws a trend late (by β/(1 − β) epochs) and keeps the offset. Averaging the weights makes a calmer *and* here a better network.
#
# ## Batch normalisation and evaluation mode
#
# A network with batch normalisation uses the batch's own statistics while it trains and running averages when it is evaluated. Keras moves those averages by 1 % a step (momentum 0.99), torch by 10 %.

# %%
norm_question = questions.Prediction(
    "5b-batch-norm",
    "Three layers with batch normalisation, 12 steps an epoch. After the third epoch, the validation loss in "
    "evaluation mode, with momentum 0.99 (Keras' default), against that with the batch's own statistics:",
    ["at most three times as high: the weights are the same", "over three times as high"],
)
norm_question


# %% plumbing
def batch_norm_curve(seed, moved_per_step, epochs=3):
    """Validation loss per epoch, in evaluation mode and with the batch's own statistics."""
    train, val = problems.digits(600, 500, rng=seed)
    torch.manual_seed(seed)
    norms = [torch.nn.BatchNorm1d(64, momentum=moved_per_step) for _ in range(3)]
    layers = [layer for norm in norms for layer in (torch.nn.Linear(64, 64), norm, torch.nn.ReLU())]
    net = torch.nn.Sequential(*layers, torch.nn.Linear(64, 10))
    adam = torch.optim.Adam(net.parameters(), 5e-3)
    x, y, val_x, val_y = map(torch.from_numpy, (train.x, train.y, val.x, val.y))
    curve = []
    for _ in range(epochs):
        net.train()
        for batch in torch.randperm(600).split(50):
            adam.zero_grad()
            torch.nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
            adam.step()
        with torch.no_grad():
            kept = [(norm.running_mean.clone(), norm.running_var.clone()) for norm in norms]
            own = torch.nn.functional.cross_entropy(net(val_x), val_y).item()  # moves the averages
            for norm, (mean, variance) in zip(norms, kept):
                norm.running_mean, norm.running_var = mean, variance
            net.eval()
            curve.append((torch.nn.functional.cross_entropy(net(val_x), val_y).item(), own))
    return np.array(curve)


# %% claims=["000-C1"]
curves = {step: np.array([batch_norm_curve(s, step) for s in SEEDS]) for step in (0.01, 0.1)}
higher = {step: count_seeds(c[:, 2, 0] > 3 * c[:, 2, 1]) for step, c in curves.items()}
print(norm_question.resolve(norm_question.options[1 if higher[0.01].mostly else 0]))
for step, count in higher.items():
    print(f"averages moved by {step:.0%} a step: over three times as high in {count}")
assert higher[0.01].mostly and higher[0.1].rarely

# %% [markdown]
# The weights are the same; only the averages lag. So a validation curve that starts absurdly high may be the running averages, in few steps an epoch. Let them move faster before you look for a mismatch of the data.
#
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "half a point on 1,000 pictures: the new model is better" | paired on these pictures: cannot tell |
# | "imbalance makes accuracy volatile" | it gets steadier; recall blows up |
# | "stratifying calms the curve" | from split to split where classes differ; not from epoch to epoch |
# | "augment the validation set" | copies are not data |
# | "a manual test bypasses batch noise" | one example jumps over three times as far as the mean of 200 |
# | "a jumping start means that the validation set does not fit" | the running averages of batch normalisation do it with the same weights |
#
# ## Check yourself

# %%
questions.choice(
    "5b-check-paired",
    "Two models, the same 500 test examples, error bars of ± 2 points each, a difference of 2 points. What do you do?",
    right=(
        "compare them example by example",
        "Yes: the error of the difference depends on the examples on which they differ, and is often far smaller than the two bars together.",
    ),
    wrong=[
        (
            "say that they are equal, since the bars overlap",
            "Overlapping bars of the same examples say little: most of their error is shared.",
        ),
        (
            "say that the second one is better",
            "The examples on which they differ may be few; compute it.",
        ),
        ("draw another 500 examples for each model", "Separate sets throw the pairing away."),
    ],
)

# %%
questions.number(
    "5b-check-lag",
    "An exponential average with β = 0.8 draws a steady trend how many epochs late?",
    answer=0.8 / 0.2,
    tolerance=0.05,
    hint="β/(1 − β).",
    known={5.0: "That is 1/(1 − β), the number of epochs that count; the lag is one less."},
)

# %% [markdown]
# ## Summary
#
# - Pair by example; "cannot tell" is a verdict.
# - Stratifying helps across splits, copies do not help, smoothing changes the drawing, averaging weights changes the network.
# - A set may ask another question than yours. That is no noise.
# - Batch normalisation in evaluation mode can make a curve start high.
#
# **What would change your mind?** A smoothed curve whose offset from the truth is smaller, over many sets.
#
# **Further reading.** Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages", *Psychometrika* 12 (1947). P. Izmailov and others, "Averaging weights leads to wider optima and better generalization", *UAI* (2018).
# S. Ioffe, C. Szegedy, "Batch normalization", *ICML* (2015).
#
# **Graded exercise:** [exercise 5](../exercises/exercise_05_validation_noise.ipynb). **Before:** [lesson 5](05_validation_noise.ipynb). **Next:** [lesson 6](06_cifar10_overfitting.ipynb).
