# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 7b · Calibration: what a temperature repairs, and what it cannot
#
# **Time** about {minutes} minutes. **You need** [lesson 7](07_who_pays.ipynb). This is a further lesson: lesson 8 uses its words.
#
# After this lesson you can
#
# 1. read a reliability diagram, and say how much of its error is chance;
# 2. bound the refinement of a loss from above, in three ways;
# 3. say why two measures of calibration may disagree;
# 4. tell overconfidence from overfitting, and confidence from robustness.

# %%
import itertools
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks train fastest with one thread

import numpy as np
from sklearn.naive_bayes import GaussianNB

from lessonlib import calibration, figures, metrics, problems, questions, runs
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.network import Network, fit
from lessonlib.uncertainty import count_seeds, mean_interval

every = runs.recordings("main")  # ten runs of lesson 6's network, one validation set
run = every[0]
SEEDS = range(100, 110)  # for what trains here; tuned on others

# %% [markdown]
# ## What is an honest confidence?
#
# A picture that one person in two calls a cat: is it worse to be confident about it? If the true probability is q, saying p costs on average `−q ln p − (1 − q) ln(1 − p)`.

# %%
borderline = questions.Prediction(
    "7b-borderline",
    "A true probability of 0.9. Which answer costs least on average?",
    ["0.5: unsure is safe", "0.9", "0.99: sure is right in most cases"],
)
borderline


# %% claims=["002-A5c"]
def expected_loss(q, p):
    return -q * np.log(p) - (1 - q) * np.log(1 - p)


grid = np.array([0.5, 0.9, 0.99])
best = {q: grid[expected_loss(q, grid).argmin()] for q in grid}
print(borderline.resolve(borderline.options[list(grid).index(best[0.9])]))
for q, p in best.items():
    print(f"true probability {q}: cheapest answer {p}")
assert all(q == p for q, p in best.items())

# %% [markdown]
# The cheapest answer is the true probability itself. A model is **calibrated** when, of the answers that it gives with confidence c, a share c is right. The mean distance in bins, weighted by their answers, is the **expected calibration error**, ECE. With bins that hold equally many answers ("equal mass") it is called *adaptive*.


# %%
@questions.solution(
    "7b-ece",
    cases=[
        (np.array([0.95, 0.9, 0.92, 0.55, 0.52]), np.array([1, 0, 1, 1, 0.0]), 2),
        (np.array([0.1, 0.35, 0.8, 0.85]), np.array([0, 0, 1, 1.0]), 4),
    ],
    hint="For each bin: select its examples, take |mean confidence − share right|, weight it by the share of examples in the bin.",
)
def ece(confidence, right, n_bins):
    edges = np.linspace(0, 1, n_bins + 1)
    total = 0.0
    for low, high in itertools.pairwise(edges):
        here = (confidence > low) & (confidence <= high)
        if here.any():
            total += here.mean() * abs(confidence[here].mean() - right[here].mean())
    return total


# %% [markdown]
# **Your turn.**


# %%
@questions.your_code("7b-ece")
def ece(confidence, right, n_bins):
    """Expected calibration error with equal bins of (0, 1]; a bin without examples counts nothing.

    `right` holds 1 or 0 for each answer.
    """
    ...


# %%
probabilities = [metrics.softmax(z.astype(float)) for z in run.val_logits]
bins = {}
for scheme in calibration.SCHEMES:
    bins[scheme] = [
        calibration.reliability(run.val_labels, p, scheme=scheme) for p in probabilities
    ]


def diagram(epoch, scheme):
    here = bins[scheme][epoch - 1]
    chance = calibration.ece_if_calibrated(
        probabilities[epoch - 1], n_draws=20, scheme=scheme, rng=0
    )
    return Picture(
        f"Epoch {epoch}, bins of {scheme}: expected calibration error {here.ece:.3f}; a calibrated model would show about {np.mean(chance):.3f} by chance.",
        Panel("Reliability", figures.reliability(here)),
        Panel("Expected calibration error", figures.line(run.epochs, [b.ece for b in bins[scheme]], "vermilion"), figures.dot(epoch, here.ece, f"{here.ece:.2f}", "purple"), y=(0, 0.3), xlabel="epoch"),
    )  # fmt: skip


Explorer(
    diagram,
    epoch=slider(range(1, run.n_epochs + 1), start=run.n_epochs),
    scheme=slider(list(calibration.SCHEMES), label="bins"),
    title="Confidence against accuracy",
)

# %% claims=["002-A5e"]
hits, confidence = run.val_hits()[-1] * 1.0, probabilities[-1].max(axis=1)
theirs = calibration.expected_calibration_error(run.val_labels, probabilities[-1], n_bins=15)
assert np.isclose(ece(confidence, hits, 15), theirs)
for name, epoch in (("first", 0), ("last", -1)):
    scores = [metrics.softmax(r.val_logits[epoch].astype(float)) for r in every]
    over = [calibration.overconfidence(r.val_labels, p) for r, p in zip(every, scores)]
    ends = mean_interval(over)
    print(f"after the {name} epoch, confidence minus accuracy: {ends.low:+.2f} to {ends.high:+.2f}")
assert count_seeds(np.array(over) > 0.1).mostly

# %% [markdown]
# "Modern networks are overconfident." This small one is: a little after its first epoch, far more at its end. Whether *modern* ones are was measured by Guo and others (2017: deeper and wider ones more so) and by Minderer and others (2021: the newest architectures less so): it depends on the family, and two epochs of one network cannot decide it.
#
# ## What a recalibration saves: three bounds
#
# The loss that the *best possible* recalibration would leave is the **refinement**: what the network knows. Nobody can compute it from a sample. Every recalibration that is fitted on some examples and judged on others gives an **upper bound**, up to sampling error: a temperature (1 number), vector scaling (a factor and a shift for each class), an isotonic map of the confidence.

# %%
bound_question = questions.Prediction(
    "7b-bounds",
    "From the lowest loss to the end of the ten runs the loss rises by over a fifth: what do the three bounds do?",
    ["they rise as the loss does", "they stay within a hundredth", "they fall"],
)
bound_question

# %%
ways = {
    "temperature": calibration.temperature_scaling,
    "vector": calibration.vector_scaling,
    "isotonic": calibration.isotonic_confidence,
}


def lowest(run):
    return int(run.val_losses().mean(axis=1).argmin())


def bounds(run, epoch):
    """The loss, and the three bounds: fitted on one half, judged on the other, both ways round."""
    labels, logits = run.val_labels, run.val_logits[epoch].astype(float)
    plain = metrics.cross_entropy(labels, logits=logits)
    fitted = [calibration.cross_fitted_losses(way, labels, logits).mean() for way in ways.values()]
    return [plain, *fitted]


# %% plumbing claims=["002-A5f", "002-A5d"]
at_low = np.array([bounds(each, lowest(each)) for each in every])
at_end = np.array([bounds(each, -1) for each in every])
change = at_end - at_low
falling = [count_seeds(change[:, i] < 0) for i in (1, 2, 3)]
happened = 2 if all(f.mostly for f in falling) else 0 if change[:, 1].mean() > 0.01 else 1
print(bound_question.resolve(bound_question.options[happened]))
print("change from the lowest loss to the end, nats, 95 % interval over the ten runs:")
for i, name in enumerate(["as it is", *ways]):
    ends = mean_interval(change[:, i])
    print(f"  {name:12} {ends.low:+.3f} to {ends.high:+.3f}")
below = count_seeds(at_end[:, 1] < at_low[:, 0])
print(f"with a temperature the end is below the lowest loss in {below}")
biased = mean_interval(at_low[:, 1] - at_low[:, 2])
print(
    f"vector scaling beats the temperature at the lowest loss by {biased.low:.3f} to {biased.high:.3f}"
)
assert falling[0].mostly and below.mostly and (change[:, 0] / at_low[:, 0] > 0.2).all()

# %% [markdown]
# In these ten runs of one recipe a temperature takes the whole rise back. How much better the network got depends on the bound: vector scaling also repairs a bias towards some classes, which the chosen epoch had, so by it the gain is smaller. Say which bound you use. And a bound that falls does not prove that the refinement fell: a better recalibration of the earlier epoch may exist. Here three different bounds fall.

# %%
ledger_of = {
    name: np.array(
        [
            calibration.cross_fitted_losses(way, run.val_labels, z.astype(float)).mean()
            for z in run.val_logits
        ]
    )
    for name, way in ways.items()
    if name != "isotonic"
}
plain = np.array([metrics.cross_entropy(run.val_labels, logits=z) for z in run.val_logits])


def bounded(epoch, bound):
    curve, now = ledger_of[bound], epoch - 1
    apart = round(plain[now], 2) - round(curve[now], 2)
    return Picture(
        f"Epoch {epoch}: loss {plain[now]:.2f} nats; with the {bound} scaling of the other half {curve[now]:.2f}; calibration is at least the difference, {apart:.2f}, up to chance.",
        Panel("Validation loss, nats", figures.line(run.epochs, plain, "vermilion", label="as it is"), figures.line(run.epochs, curve, "green", label=f"{bound} scaling"),
              figures.dot(epoch, plain[now], "", "purple"), figures.dot(epoch, curve[now], f"{curve[now]:.2f}", "green"), y=(0.9, 1.8), xlabel="epoch"),
    )  # fmt: skip


Explorer(
    bounded,
    epoch=slider(range(1, run.n_epochs + 1), start=run.n_epochs),
    bound=slider(list(ledger_of)),
    title="The loss and an upper bound of its refinement",
    figsize=(4.6, 3.2),
)

# %% [markdown]
# ### Each class for itself
#
# The confidence is one probability of ten. **Class-wise** ECE asks all ten: of the pictures that get p(cat) = 0.2, is a fifth cats?


# %%
@questions.solution(
    "7b-classwise",
    cases=[
        (np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]]), np.array([0, 1, 1]), 2),
        (np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.2, 0.7, 0.1]]), np.array([2, 2, 0]), 4),
    ],
    hint="For class k, p[:, k] takes the place of the confidence, and labels == k says whether the class is right. Then the mean over the classes.",
)
def classwise_ece(p, labels, n_bins):
    each = [ece(p[:, k], 1.0 * (labels == k), n_bins) for k in range(p.shape[1])]
    return np.mean(each)


# %% [markdown]
# **Your turn**, with `ece` of above.


# %%
@questions.your_code("7b-classwise")
def classwise_ece(p, labels, n_bins):
    """The mean over the classes of the ECE of their probabilities; p has a row for each picture."""
    ...


# %%
class_question = questions.Prediction(
    "7b-class",
    "At the epoch of the lowest loss a temperature about halves the ECE of the confidence. And the class-wise ECE, on the pictures that did not fit it?",
    ["about halved, too", "hardly changed: by less than a quarter", "clearly higher"],
)
class_question


# %%
def two_errors(run, epoch, way):
    """ECE of the confidence, and class-wise, on the half that fitted nothing."""
    labels, logits = run.val_labels[:2_000], run.val_logits[epoch, :2_000].astype(float)
    half = np.arange(2_000) % 2 == 0
    scores = ways[way](labels[half], logits[half])(logits[~half]) if way else logits[~half]
    p, labels = metrics.softmax(scores), labels[~half]
    return ece(p.max(axis=1), 1.0 * (p.argmax(axis=1) == labels), 15), classwise_ece(p, labels, 15)


# %% plumbing claims=["002-A5d"]
errors = {
    (when, way): np.array(
        [two_errors(r, lowest(r) if when == "lowest" else -1, way) for r in every]
    )
    for when in ("lowest", "end")
    for way in (None, "temperature", "vector")
}
cut = 1 - errors["lowest", "temperature"].mean(axis=0) / errors["lowest", None].mean(axis=0)
print(class_question.resolve(class_question.options[2 if cut[1] < -0.1 else 1 if cut[1] < 0.25 else 0]))  # fmt: skip
print("mean of ten runs       ECE   class-wise")
for (when, way), found in errors.items():
    print(f"{when:7} {way or 'as it is':12} {found[:, 0].mean():.3f}   {found[:, 1].mean():.3f}")
logits = every[0].val_logits[-1, :1_000].astype(float)
T = calibration.fit_temperature(every[0].val_labels[:1_000], logits)
p, rng = metrics.softmax(logits / T), np.random.default_rng(0)
drawn = [(rng.random((1_000, 1)) > p.cumsum(axis=1)[:, :-1]).sum(axis=1) for _ in range(20)]
chance = np.mean([classwise_ece(p, labels, 15) for labels in drawn])
print(f"a calibrated network would show about {chance:.3f} by chance, class-wise")
vector_wins = count_seeds(errors["lowest", "vector"][:, 1] < errors["lowest", "temperature"][:, 1])
print(f"at the lowest loss vector scaling has the lower class-wise error in {vector_wins}")
assert cut[0] > 0.3 and vector_wins.mostly

# %% [markdown]
# A temperature moves all classes alike. Where the network leans towards some classes, as at the chosen epoch, a temperature leaves that, and vector scaling takes it away. At the end vector scaling gains nothing over the temperature. (Most of what is left is chance: of a thousand pictures, few of a class are in a bin.)
#
# ## Two measures of calibration that disagree
#
# Cross-entropy contains calibration; ECE measures calibration. Can the loss fall by *better* calibration while ECE gets *worse*? Take two classes with a known truth, and a model that is right about most cases and certain about a few rare ones.

# %%
disagree = questions.Prediction(
    "7b-disagree",
    "Model 1 says 0.999999 in one case of a hundred where the truth is 0.5, and is honest elsewhere (0.7). Model 2 says 0.78 everywhere it should say 0.7, and is honest in the rare case. Which has the lower ECE, which the lower loss?",
    [
        "model 1 in both",
        "model 2 in both",
        "model 1 the lower ECE, model 2 the lower loss",
        "model 2 the lower ECE, model 1 the lower loss",
    ],
)
disagree

# %% claims=["002-A5d"]
share, truth = np.array([0.99, 0.01]), np.array([0.7, 0.5])
models = {"model 1": np.array([0.7, 0.999_999]), "model 2": np.array([0.78, 0.5])}
measured = {
    name: (share @ abs(p - truth), share @ (expected_loss(truth, p) - expected_loss(truth, truth)))
    for name, p in models.items()
}
lower = [min(measured, key=lambda name: measured[name][i]) for i in range(2)]
found = (
    2 if lower == ["model 1", "model 2"] else 3 if lower[0] != lower[1] else int(lower[0][-1]) - 1
)
print(disagree.resolve(disagree.options[found]))
for name, (error, excess) in measured.items():
    print(f"{name}: ECE {error:.3f}, calibration part of the loss {excess:.3f} nats")
assert found in (2, 3)

# %% [markdown]
# The calibration part of cross-entropy weighs an error by logarithms: one certain answer too many costs a lot. ECE weighs it by its distance: many small errors count more. Neither *is* calibration; name the measure. (With two classes a temperature changes calibration alone, so the whole saving is calibration, whatever ECE says.)
#
# ## Overconfident is not overfitted, confident is not robust

# %%
naive_question = questions.Prediction(
    "7b-naive",
    "Naive Bayes on two clouds whose two features are copied ten times. Compared with no copies: what happens to accuracy on training and fresh data, and to confidence?",
    [
        "accuracy gap grows, confidence grows",
        "no gap in accuracy, confidence grows",
        "nothing changes",
    ],
)
naive_question


# %% plumbing
def naive(seed, copies):
    train, fresh = (
        problems.imbalanced_gaussians(n, positive_share=0.5, separation=2, rng=seed + i)
        for i, n in ((0, 2_000), (1_000, 5_000))
    )
    model = GaussianNB().fit(np.tile(train.x, copies), train.y)
    p = model.predict_proba(np.tile(fresh.x, copies))
    gap = model.score(np.tile(train.x, copies), train.y) - model.score(
        np.tile(fresh.x, copies), fresh.y
    )
    return gap, p.max(axis=1).mean() - metrics.accuracy(fresh.y, p)


# %% claims=["003-C9"]
once, tenfold = (np.array([naive(seed, copies) for seed in SEEDS]) for copies in (1, 10))
grew, gap = count_seeds(tenfold[:, 1] > once[:, 1] + 0.05), np.abs(tenfold[:, 0]).max()
print(naive_question.resolve(naive_question.options[1 if grew.mostly and gap < 0.04 else 2]))
print(f"overconfidence grows by over five points in {grew};")
print("training and fresh accuracy are less than .04 apart")
assert grew.mostly and gap < 0.04

# %% [markdown]
# The copies make the model count the same evidence ten times. It is overconfident and about as accurate on fresh data as on its training set.
#
# And robustness? Train on digits for 15 and for 150 epochs: the network becomes surer. Add noise to the pictures.


# %% claims=["003-C7"]
def sure_and_robust(seed):
    """Confidence, and accuracy on noisy pictures, after 15 and after 150 epochs."""
    rng = np.random.default_rng(seed)
    train, val = problems.digits(rng=rng)
    network, noise = Network([64, 64, 10], rng=rng), np.random.default_rng(seed)
    noisy = val.x + 0.3 * noise.normal(size=val.x.shape).astype(np.float32)
    rows = []
    for epochs in (15, 135):
        fit(network, train, val, epochs=epochs, learning_rate=5e-3, batch_size=50, rng=rng)
        scores = network.logits(noisy)
        rows.append((metrics.softmax(scores).max(axis=1).mean(), metrics.accuracy(val.y, scores)))
    return rows


# %% claims=["003-C7"]
stages = np.array([sure_and_robust(seed) for seed in SEEDS])
surer = count_seeds(stages[:, 1, 0] > stages[:, 0, 0])
more_robust = count_seeds(stages[:, 1, 1] > stages[:, 0, 1] + 0.01)
print(f"surer on noisy pictures after 150 epochs in {surer}")
print(f"more accurate there by over a point in {more_robust}")
assert surer.mostly and more_robust.rarely

# %% [markdown]
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "being confident on borderline cases costs more" | the cheapest answer is the true probability, whatever it is |
# | "cross-entropy measures calibration" | it holds calibration and refinement, and weighs calibration otherwise than ECE |
# | "modern networks are overconfident" | this one, more and more; for families of networks read those who compared them |
# | "overconfidence equals overfitting" | copied features: overconfident without a gap |
# | "more confidence means more robustness" | surer after 150 epochs, not more accurate on noisy pictures |
# | "a temperature calibrates the network" | its confidence; a leaning towards some classes stays |
#
# ## Check yourself

# %%
questions.choice(
    "7b-check-bound",
    "At the best temperature the loss is 0.98, with vector scaling 0.95 (both fitted on other examples). What is the refinement?",
    right=(
        "at most about 0.95",
        "Yes: each recalibration gives an upper bound, up to sampling error; the lowest is the best one.",
    ),
    wrong=[
        (
            "0.98, since a temperature defines it",
            "The temperature is one recalibration among many.",
        ),
        ("0.95, since vector scaling is the best recalibration", "A better one may exist."),
        ("between 0.95 and 0.98", "It is below both."),
    ],
)

# %%
questions.choice(
    "7b-check-ece",
    "After a change the validation loss falls and the ECE rises. What follows?",
    right=(
        "calibration may have got better by one measure and worse by another",
        "Yes: or the network learnt something. Look at a bound of the refinement.",
    ),
    wrong=[
        ("one of the two is computed wrongly", "You saw a pair of models that does it exactly."),
        (
            "the network is worse calibrated, by any measure",
            "By ECE. The calibration part of the loss may have fallen.",
        ),
        ("the network learnt something", "Perhaps; the loss may also have fallen by calibration."),
    ],
)

# %% [markdown]
# ## Summary
#
# - The cheapest answer is the true probability.
# - A recalibration judged on other examples bounds the refinement from above. In ten runs a temperature took the whole rise back.
# - ECE, class-wise ECE and the calibration part of the loss may disagree. Name the measure.
# - Overconfidence need not come with overfitting, nor with robustness.
#
# **What would change your mind?** A run whose loss rises and whose three bounds rise as much, in most of ten seeds: lesson 6's cells without batch normalisation are candidates.
#
# **Further reading.** C. Guo and others, "On calibration of modern neural networks", *ICML* (2017). M. Minderer and others, "Revisiting the calibration of modern neural networks", *NeurIPS* (2021).
# E. Berta, D. Holzmüller, M. Jordan, F. Bach, "Rethinking early stopping: refine, then calibrate" (2025).
#
# **Graded exercise:** [exercise 7](../exercises/exercise_07_who_pays.ipynb). **Before:** [lesson 7](07_who_pays.ipynb). **Next:** [lesson 8](08_testing_explanations.ipynb).
