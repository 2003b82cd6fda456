# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 6 · CIFAR-10: validation loss rises, accuracy rises too. How?
#
# **Time** about 45 minutes. **You need** lesson 1 (cross-entropy, accuracy); lesson 5 (standard errors) helps.
#
# After this lesson you can
#
# 1. show on real pictures that validation loss and validation accuracy can rise together, and say by how much and how surely;
# 2. tell this from the other thing people call overfitting, where accuracy falls too;
# 3. say what the same run would have looked like with a smaller validation set;
# 4. train the network yourself and see it happen on your own machine;
# 5. say what the size of the network and of the training set do to it.
#
# ## The question
#
# Somebody trains a simple network on CIFAR-10 and asks in public: *after some time the validation loss starts to increase, whereas the
# validation accuracy is also increasing. How is this possible?* If the loss gets worse, should the accuracy not get worse too?
#
# Before any picture, your own expectation:

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "2")  # small convolutions gain from two cores, no more

import numpy as np
from IPython.display import Markdown
from matplotlib.figure import Figure

from lessonlib import charts, checks, cifar10, figures, metrics, recipes, runs, training
from lessonlib.explorer import Explorer
from lessonlib.predictions import Question
from lessonlib.progress import ProgressBar

# %%
outcome = Question(
    "6-loss-up",
    "A network is trained for 25 epochs without any regularisation. From its lowest value to the "
    "end, the validation loss rises by more than a tenth. "
    "What does validation accuracy do meanwhile?",
    ["falls", "stays within its error", "rises by more than its error"],
)
outcome

# %% [markdown]
# ## A run on real pictures
#
# The run below was trained on 10,000 CIFAR-10 pictures and recorded, with the logits of 5,000 validation pictures after each epoch. It is
# loaded from the folder `recordings`; anyone can record it again, with the commands in `docs/data-card-cifar10.md`.

# %%
run = runs.recording("main", seed=10)
for name, value in run.provenance["recipe"].items():
    print(f"{name:14} {value}")
print("trained on    ", run.provenance["device"], run.provenance["precision"])
print("data checksum ", run.provenance["data_checksum"][:16], "(a JPEG copy: see the data card)")

# %% claims=["002-Q1"]
best, last = run.best_epoch("val_loss"), run.n_epochs
with figures.style():
    figure = Figure(figsize=(9, 3.4))
    charts.training_curves(figure, run)
figures.show(
    figure,
    f"Validation loss falls to {run['val_loss'][best - 1]:.2f} at epoch {best} "
    f"and rises to {run['val_loss'][-1]:.2f} at epoch {last}. "
    f"Validation accuracy rises from {run['val_accuracy'][best - 1]:.1%} "
    f"to {run['val_accuracy'][-1]:.1%} over the same epochs; "
    f"training loss falls to {run['train_loss'][-1]:.3f}.",
)

# %% [markdown]
# Move back through the epochs. The band is one standard error either way: about what another draw of 5,000 pictures would change. **Where does the loss turn,
# and does anything happen to the accuracy there?**

# %%
losses, hits = run.val_losses(), run.val_hits()  # shape (epochs, pictures)
since_best = [
    (
        metrics.estimate_mean(row - losses[best - 1]),
        metrics.estimate_mean(hit * 1.0 - hits[best - 1]),
    )
    for row, hit in zip(losses, hits)
]


def setup_epochs(fig):
    loss_ax, accuracy_ax = charts.training_curves(fig, run)
    return charts.dot(loss_ax, "purple"), charts.dot(accuracy_ax, "purple")


# %%
def update_epochs(parts, epoch):
    loss, accuracy = run["val_loss"][epoch - 1], run["val_accuracy"][epoch - 1]
    parts[0].move(epoch, loss, "")
    parts[1].move(epoch, 100 * accuracy, "")
    change, gain = since_best[epoch - 1]
    return (
        f"Epoch {epoch}: loss {loss:.3f}, accuracy {accuracy:.1%}. Compared with epoch {best}: "
        f"loss {change.value:+.3f} ± {change.standard_error:.3f}, "
        f"accuracy {100 * gain.value:+.1f} ± {100 * gain.standard_error:.1f} points."
    )


# %%
Explorer(
    setup_epochs,
    update_epochs,
    epoch=range(1, last + 1),
    start={"epoch": last},
    title="One run, epoch by epoch",
    figsize=(9, 3.4),
)

# %% [markdown]
# ### How surely?
#
# The two epochs were measured on the *same* pictures, so the right error is that of the **paired** difference: subtract picture by picture, then take the
# standard error of the mean. It is smaller than the error of two independent sets, because hard pictures are hard in both epochs.

# %% claims=["002-Q1", "001-C7"]
rise = metrics.estimate_mean(losses[-1] - losses[best - 1])
gain = metrics.estimate_mean(hits[-1] * 1.0 - hits[best - 1])
apart = np.hypot(
    metrics.estimate_mean(losses[-1]).standard_error,
    metrics.estimate_mean(losses[best - 1]).standard_error,
)
print(
    f"loss:     {rise.value:+.3f} ± {rise.standard_error:.3f} nats, "
    f"{rise.value / rise.standard_error:.0f} standard errors (unpaired error: {apart:.3f})"
)
print(
    f"accuracy: {100 * gain.value:+.1f} ± {100 * gain.standard_error:.1f} points, "
    f"{gain.value / gain.standard_error:.1f} standard errors"
)
assert rise.value > 5 * rise.standard_error and gain.value > 2 * gain.standard_error

# %%
print(
    outcome.settle(
        "rises by more than its error"
        if gain.value > 2 * gain.standard_error
        else "stays within its error"
    )
)

# %% [markdown]
# One more doubt: the minimum was picked on these same pictures, and a picked minimum is a little too low (a *winner's curse*). So pick the epoch
# on one half of the pictures and measure on the other:

# %%
half = np.arange(5000) % 2 == 0
picked = losses[:, half].mean(axis=1).argmin()
honest_rise = metrics.estimate_mean(losses[-1, ~half] - losses[picked, ~half])
honest_gain = metrics.estimate_mean(hits[-1, ~half] * 1.0 - hits[picked, ~half])
print(
    f"epoch {picked + 1} picked on one half; on the other half "
    f"loss {honest_rise.value:+.3f} ± {honest_rise.standard_error:.3f}, "
    f"accuracy {100 * honest_gain.value:+.1f} ± {100 * honest_gain.standard_error:.1f} points"
)
assert honest_rise.value > 5 * honest_rise.standard_error
assert honest_gain.value > 2 * honest_gain.standard_error

# %% [markdown]
# ## Is it luck?
#
# One run shows that something can happen. Whether it *does* happen is a question for several seeds: another subset of pictures, other initial weights,
# another order. The recipe was chosen on seeds 0 to 2; these are ten others.

# %%
luck = Question(
    "6-how-many",
    "In how many of ten fresh seeds does the loss rise by over a tenth "
    "while accuracy does not fall?",
    [0, 3, 6, 10],
)
luck


# %%
def rise_and_gain(run):
    """Relative rise of the validation loss since its minimum, and change of the accuracy since."""
    loss, accuracy = run["val_loss"], run["val_accuracy"]
    low = loss.argmin()
    return loss[-1] / loss[low] - 1, accuracy[-1] - accuracy[low]


def summary(rises, gains):
    """Means and standard deviations over seeds, in words."""
    return (
        f"loss {rises.mean():+.0%} ± {rises.std(ddof=1):.0%}, "
        f"accuracy {100 * gains.mean():+.1f} ± {100 * gains.std(ddof=1):.1f} points"
    )


# %% claims=["002-Q1", "002-Q2"]
seeds = runs.recordings("main")
rises, gains = np.array([rise_and_gain(each) for each in seeds]).T
shown = (rises > 0.1) & (gains >= 0)
for each, rise_here, gain_here in zip(seeds, rises, gains):
    print(f"seed {each.provenance['seed']}: loss {rise_here:+.0%}, accuracy {100 * gain_here:+.1f}")
print(f"shown in {shown.sum()} of {len(seeds)} seeds: {summary(rises, gains)}")
assert len(seeds) == 10 and shown.sum() >= 8

# %%
print(luck.settle(int(shown.sum())))
Markdown(
    "From its minimum to the end the validation loss rose by "
    f"**{rises.mean():.0%} ± {rises.std(ddof=1):.0%}** "
    f"(mean and standard deviation over {len(seeds)} seeds), while accuracy changed by "
    f"**{100 * gains.mean():+.1f} ± {100 * gains.std(ddof=1):.1f} points**; "
    f"both rose in **{((rises > 0) & (gains > 0)).sum()} of {len(seeds)}** seeds."
)

# %% [markdown]
# So the answer to "how is this possible?" begins with: it is not only possible, it is what this recipe did with every seed. Loss and accuracy are
# two measures, as in lesson 1. Accuracy asks only which class comes first; the loss asks how probable the true class was. From some epoch on they disagree
# about the same answers.
#
# ## What if you had fewer validation pictures?
#
# Most people do not have 5,000. The same run can be looked at with fewer: draw n of the 5,000 pictures and compute both curves from those alone.

# %%
few = Question(
    "6-few",
    "With 200 validation pictures: in what share of draws does the accuracy at the end "
    "look lower than at the minimum of the loss?",
    ["almost never (under 2 %)", "sometimes (2 to 20 %)", "often (over 20 %)"],
)
few

# %%
sizes = (100, 200, 500, 1000, 2000, 5000)
rng = np.random.default_rng(0)
draws = {(n, k): rng.choice(5000, n, replace=False) for n in sizes for k in range(1, 7)}


def setup_sizes(fig):
    axes = charts.training_curves(fig, run, draw_validation=False, loss_top=2.2)
    nothing, look = np.zeros(last), {"colour": "vermilion", "label": "validation"}
    bands = [charts.band(ax, run.epochs, nothing, nothing, **look) for ax in axes]
    for ax in axes:
        ax.legend(loc="lower left")
    return bands


# %%
def update_sizes(parts, n, draw):
    chosen = draws[n, draw]
    loss, loss_error = losses[:, chosen].mean(1), losses[:, chosen].std(1) / np.sqrt(n)
    hit, hit_error = hits[:, chosen].mean(1), hits[:, chosen].std(1) / np.sqrt(n)
    parts[0].move(loss, loss_error)
    parts[1].move(100 * hit, 100 * hit_error)
    low = loss.argmin()
    return (
        f"{n} pictures, draw {draw}: loss from {loss[low]:.2f} at epoch {low + 1} to "
        f"{loss[-1]:.2f}. Accuracy changes by {100 * (hit[-1] - hit[low]):+.1f} points; "
        f"at the end its standard error is {100 * hit_error[-1]:.1f}."
    )


# %%
Explorer(
    setup_sizes,
    update_sizes,
    n=sizes,
    draw=range(1, 7),
    start={"n": 200},
    labels={"n": "validation pictures", "draw": "which draw"},
    title="The same run, seen with fewer pictures",
    figsize=(9, 3.4),
)


# %%
def seen_with(n, rng, n_draws=400):
    """Shares of draws (with replacement) in which the loss rises over a tenth, accuracy falls."""
    picked = rng.integers(0, losses.shape[1], size=(n_draws, n))
    loss = np.array([row[picked].mean(axis=1) for row in losses])  # (epochs, draws)
    hit = np.array([row[picked].mean(axis=1) for row in hits])
    low, every = loss.argmin(axis=0), np.arange(n_draws)
    return (loss[-1] > 1.1 * loss[low, every]).mean(), (hit[-1] < hit[low, every]).mean()


# %% claims=["000-C5"]
rng = np.random.default_rng(1)
seen = {n: seen_with(n, rng) for n in sizes}
print("validation pictures   loss rises by over a tenth   accuracy looks lower")
for n, (risen, lower) in seen.items():
    print(f"{n:19}   {risen:26.0%}   {lower:20.0%}")
assert seen[100][1] > seen[500][1] > seen[5000][1]

# %%
print(few.settle(few.options[int(np.searchsorted([0.02, 0.2], seen[200][1]))]))

# %% [markdown]
# The rise of the loss is large and shows even in small sets. The gain in accuracy is a few points, and a set of a hundred or two can hide it or turn it
# round. Two people with the same run and different validation sets can honestly report different stories.
#
# ## Train it yourself
#
# Now on your own machine: a smaller recipe, which takes about a minute on two CPU cores. It needs the CIFAR-10 pictures.
# If you have them, set the environment variable `LESSONLIB_CIFAR10` to the folder before you start Jupyter; if you do not, write
# `download = True` below (170 MB, kept in your cache, verified by checksum). Without pictures the recorded run of the same recipe is shown.

# %%
download = False
seed = 10


# %%
def train_here(recipe, pictures, seed):
    """Train a recipe on this machine's fastest device, with a progress bar."""
    device = training.choose_device()
    precision = training.choose_precision(device)
    with ProgressBar(recipe.epochs, f"training on {device}") as bar:
        return training.train(
            recipe, pictures, seed=seed, device=device, precision=precision, on_batch=bar.on_batch
        )


# %%
try:
    pictures = cifar10.load(download=download)
except cifar10.Cifar10NotFound:
    live = runs.recording("live", seed=10)
    print("CIFAR-10 is not on this machine. Shown instead: this recipe's recorded run, seed 10.")
else:
    live = train_here(recipes.RECIPES["live"], pictures, seed)

# %%
with figures.style():
    figure = Figure(figsize=(9, 3.4))
    charts.training_curves(figure, live)
live_rise, live_gain = rise_and_gain(live)
figures.show(
    figure,
    "The small run: from its minimum to the end the validation loss changed "
    f"by {live_rise:+.0%}, accuracy by {100 * live_gain:+.1f} points.",
)

# %% [markdown]
# In how many seeds does the small recipe show it? Recorded like the others:

# %%
live_rises, live_gains = np.array([rise_and_gain(each) for each in runs.recordings("live")]).T
live_shown = (live_rises > 0.1) & (live_gains >= 0)
print(f"shown in {live_shown.sum()} of {len(live_shown)} seeds: {summary(live_rises, live_gains)}")
assert len(live_shown) == 10 and live_shown.sum() >= 8

# %% [markdown]
# ## What do the size of the network and of the training set do?
#
# Common advice for a rising validation loss is "use a smaller network" or "get more data"; other advice is "use a bigger one". The main recipe was
# recorded for three widths and four training sizes, three seeds each.

# %%
wider = Question(
    "6-width",
    "1,000 training pictures instead of 10,000, the same network, 25 epochs. "
    "From its minimum to the end the validation loss rises",
    ["less than with 10,000", "about as much", "more than with 10,000"],
)
wider


# %%
def sweep_runs(n, channels):
    """The recorded seeds of the main recipe with another training size and width."""
    recipe = recipes.sweep_recipe(n, channels)
    return [runs.recording(recipe.name, seed) for seed in (10, 11, 12)]


sweep = {(n, c[0]): sweep_runs(n, c) for n in recipes.SWEEP_SIZES for c in recipes.SWEEP_CHANNELS}
widths = [channels[0] for channels in recipes.SWEEP_CHANNELS]
mean_change = {key: np.mean([rise_and_gain(each) for each in sweep[key]], axis=0) for key in sweep}

# %% claims=["002-A3b"]
print("training pictures, then for each width, mean of three seeds:")
print("rise of the loss (change in accuracy, points)")
for n in recipes.SWEEP_SIZES:
    changes = [(width, *mean_change[n, width]) for width in widths]
    print(f"{n:6}  ", *(f"{w:2} channels {r:+5.0%} ({100 * g:+4.1f})  " for w, r, g in changes))


# %%
def setup_sweep(fig):
    axes = charts.panels(fig, "Validation loss, nats", "Validation accuracy, %")
    epochs, nothing = np.arange(1, 26), np.zeros(25)
    for ax, top in zip(axes, (2.4, 80)):
        ax.set(xlim=(0.5, 25.5), ylim=(0, top), xlabel="epoch")
    lines = []
    for ax in axes:
        looks = {"seed 10": "blue", "seed 11": "vermilion", "seed 12": "green"}.items()
        lines.append([charts.curve(ax, epochs, nothing, colour=c, label=name) for name, c in looks])
        ax.legend(loc="lower left")
    return lines


# %%
def update_sweep(parts, n, width):
    for line, each in zip(parts[0], sweep[n, width]):
        line.set_ydata(each["val_loss"])
    for line, each in zip(parts[1], sweep[n, width]):
        line.set_ydata(100 * each["val_accuracy"])
    r, g = mean_change[n, width]
    return (
        f"{n} training pictures, {width} channels, mean of three seeds: the loss ends {r:.0%} "
        f"above its minimum, accuracy {100 * g:+.1f} points from where it was there."
    )


# %%
Explorer(
    setup_sweep,
    update_sweep,
    n=recipes.SWEEP_SIZES,
    width=widths,
    start={"n": 10_000, "width": 32},
    labels={"n": "training pictures", "width": "channels"},
    title="Three seeds for each size and width",
    figsize=(9, 3.4),
)

# %%
small, large = mean_change[1_000, 32][0], mean_change[10_000, 32][0]
verdict = (
    "about as much"
    if abs(small - large) < 0.05
    else "more than with 10,000"
    if small > large
    else "less than with 10,000"
)
print(f"1,000 pictures: {small:+.0%}, 10,000 pictures: {large:+.0%}")
print(wider.settle(verdict))

# %%
steps = {n: 25 * -(-n // 64) for n in (1_000, 10_000)}
narrow, wide = mean_change[10_000, 8][0], mean_change[10_000, 32][0]
assert small < large and narrow < wide

# %%
Markdown(
    "Two popular rules fail here (three seeds each). *Fewer pictures, more overfitting?* In the "
    f"widest network the loss rose less with 1,000 pictures ({small:.0%}) than with 10,000 "
    f"({large:.0%}). One reason may be the number of steps: 25 epochs of a small set are "
    f"{steps[1_000]:,} against {steps[10_000]:,}, so there is less time to become confident. "
    "*Use a bigger network?* At 10,000 pictures the narrowest network's loss ends "
    f"{narrow:.0%} above its minimum, the widest one's {wide:.0%}. "
    "And the narrowest network does the reverse of the first: look at its column."
)

# %% [markdown]
# ## The other thing that is called overfitting
#
# A similar network on *all* 50,000 training pictures, with Adam at a constant rate and no batch normalisation. **Predict first:** with five times the data,
# does the loss still rise, and what does accuracy do?

# %%
adam_question = Question(
    "6-adam",
    "All 50,000 training pictures, constant-rate Adam, 30 epochs. "
    "From the minimum of the validation loss to the end, accuracy",
    ["falls by more than a point", "stays within a point", "rises by more than a point"],
)
adam_question

# %%
adam = runs.recording("adam-constant", seed=10)
turn, (adam_rise, adam_gain) = adam.best_epoch("val_loss"), rise_and_gain(adam)
with figures.style():
    figure = Figure(figsize=(9, 3.4))
    charts.training_curves(figure, adam)
figures.show(
    figure,
    f"Validation loss falls to {adam['val_loss'][turn - 1]:.2f} at epoch {turn} "
    f"and ends at {adam['val_loss'][-1]:.2f}; "
    f"validation accuracy goes from {adam['val_accuracy'][turn - 1]:.1%} "
    f"to {adam['val_accuracy'][-1]:.1%}.",
)

# %%
direction = (
    "rises by more than a point"
    if adam_gain > 0.01
    else "falls by more than a point"
    if adam_gain < -0.01
    else "stays within a point"
)
print(adam_question.settle(direction))

# %%
adam_error = metrics.accuracy_standard_error(adam["val_accuracy"][-1], adam.provenance["n_val"])
Markdown(
    f"Here the loss rose by **{adam_rise:.0%}** and accuracy changed by "
    f"**{100 * adam_gain:+.1f} points** (one seed, so no share of seeds can be given; "
    f"one accuracy has a standard error of {100 * adam_error:.1f} points). "
    f"In the main recipe the loss rose by {rises.mean():.0%} "
    f"and accuracy by {100 * gains.mean():.1f} points. "
    "*That the loss rises does not say which of the two you have: look at accuracy.*"
)

# %% [markdown]
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "if validation loss rises, accuracy must fall" | it rose together with the loss, in every seed of the main recipe |
# | "it is noise of the validation set" | the paired change is many standard errors; but with a hundred pictures you could not have known |
# | "with fewer pictures the loss rises more" | with as many epochs, and so fewer steps, it rose less in the two wider networks and more in the narrowest |
# | "a bigger network helps" | at 10,000 pictures the wide one rose most |
# | "stop at the minimum of the loss, everything after it is worse" | in the main recipe accuracy was still to gain several points |
#
# ## Check yourself

# %% jupyter={"source_hidden": true}
checks.choice(
    "6-check-paired",
    "Loss 1.08 ± 0.02 at one epoch and 1.11 ± 0.02 at a later one, on the same validation set. Is the rise real?",
    right=(
        "cannot tell from these numbers: the paired error is needed",
        "Yes: both were measured on the same pictures, and the error of the difference is not the two errors combined.",
    ),
    wrong=[
        (
            "no: the two intervals overlap, so it may be chance",
            "Overlapping intervals do not decide it, least of all for two measurements on the same pictures.",
        ),
        (
            "yes: 1.11 exceeds 1.08 by more than one error",
            "Another draw of validation pictures could reverse a difference of this size.",
        ),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "6-check-stop",
    "You will ship the network for its accuracy and nobody reads its probabilities. In a run like the main one, where do you stop?",
    right=(
        "by validation accuracy, or late",
        "Yes: accuracy was still rising after the loss had turned. If the probabilities mattered, this would cost you.",
    ),
    wrong=[
        (
            "at the minimum of the validation loss",
            "That gives away the points that accuracy still gained.",
        ),
        (
            "when the two curves cross",
            "Loss and accuracy have different units; where they cross depends on the axes.",
        ),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "6-check-few",
    "A colleague with 100 validation pictures reports the same recipe with accuracy *falling* after the loss minimum. What do you answer?",
    right=(
        "100 pictures are too few to say; use more first",
        "Yes: accuracy alone has an error of several points there, and you saw how often draws of that size turn the gain round.",
    ),
    wrong=[
        (
            "their code has a bug: with this recipe accuracy rises",
            "Possible, but the draw of 100 pictures explains it without one.",
        ),
        ("their network overfits, mine does not", "It may be the very same network."),
    ],
)

# %% [markdown]
# ## Summary
#
# - *How can both rise?* They measure two things: which class comes first, and how probable the true class was. In the main recipe, without any regularisation,
#   both rose with every seed. Whose loss it is that rises is the question of lesson 7.
# - Judge a change between two epochs by the paired difference on the same pictures.
# - A small validation set shows the rise of the loss and can hide the gain in accuracy.
# - A run with another optimiser on more data showed a rise of the loss with accuracy that falls: *two phenomena, one name*.
#
# **What would change your mind?** A seed of the main recipe in which the loss rises and accuracy falls, outside its error. Record more seeds and look.
#
# **Further reading.** C. Guo and others, "On calibration of modern neural networks", *ICML* (2017), section 3, sees the same pair of curves on
# CIFAR-100. A. Krizhevsky, "Learning multiple layers of features from tiny images" (2009), describes the pictures; the data card in `docs` says what
# is known of their errors and licence.
#
# **Next:** lesson 7, which asks whose loss it is that rises.
