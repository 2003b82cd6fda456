# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 6 · CIFAR-10: what does a rising validation loss mean?
#
# **Time** about {minutes} minutes. **You need** [lesson 1](01_horse_or_dog.ipynb) (cross-entropy, accuracy) and [lesson 2](02_four_quadrants.ipynb) (ledger, temperature); [lesson 5](05_validation_noise.ipynb) (standard errors) helps.
#
# After this lesson you can
#
# 1. train a network on real pictures and watch loss, accuracy and confidence while it learns;
# 2. say how sure a change between two epochs is, without being misled by the epoch that you picked;
# 3. say how much of a rise of the loss is confidence;
# 4. say what a rising loss tells about accuracy, and what else you must look at;
# 5. judge a larger network or more pictures by numbers that answer the question.

# %% plumbing
import functools
import os

os.environ.setdefault("OMP_NUM_THREADS", "2")  # small convolutions gain from two cores, no more

import numpy as np
from IPython.display import Markdown, display

from lessonlib import (
    calibration,
    cifar10,
    figures,
    ledger,
    metrics,
    problems,
    questions,
    runs,
    training,
    uncertainty,
)
from lessonlib.course import environment, hypotheses
from lessonlib.course.live_training import LiveTraining, UnstoredImages
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.uncertainty import count_seeds

# %% [markdown]
# ## Train it
#
# A small convolutional network, 2,000 training pictures of ten classes, 24 epochs, nothing against overfitting. It is judged on 2,000 other pictures after each epoch.
#
# The pictures are not part of the course. If you have CIFAR-10, set `LESSONLIB_CIFAR10` to its folder before you start Jupyter. Else write `download = True` (170 MB, once). Without pictures,
# network or room on the disk a recorded run is played instead, and the lesson is the same.

# %% open
download = False
seed = 20  # the recorded runs have seeds 10 to 19

# %% plumbing
try:
    pictures = cifar10.load(download=download)
    environment.need("torch")  # waits while it is being fetched
except (OSError, ValueError, ImportError) as error:  # no pictures, network, room or torch; damaged
    pictures = None
    display(Markdown(f"A recorded run is played. {str(error).splitlines()[0]}"))
recorded = runs.recording("live", seed=10)
ten = runs.recordings("live")


def between(metric, scale=1):
    """The grey band: between the lowest and the highest of the ten recorded seeds."""
    every = scale * np.array([run[metric] for run in ten if metric in run.metrics])
    return figures.area(
        ten[0].epochs, every.min(0), every.max(0), "grey", label=f"{len(every)} seeds"
    )


edges = np.linspace(0, 1, 21)
bands = {
    "loss": between("val_loss"),
    "accuracy": between("val_accuracy", 100),
    "confidence": between("val_confidence", 100),
}


def moment(run):
    """A run so far: four panels."""
    epochs, about = run.epochs, {"x": (0.5, 24.5), "xlabel": "epoch"}
    p_true = np.exp(-metrics.cross_entropy_per_example(run.val_labels, logits=run.val_logits[-1]))
    share = np.histogram(p_true, edges)[0] / len(p_true)
    loss, scaled, accuracy, sure = (
        run[f"val_{name}"] for name in ("loss", "refinement_bound", "accuracy", "confidence")
    )
    return Picture(
        f"Epoch {run.n_epochs}: validation loss {loss[-1]:.2f}, at the best temperature {scaled[-1]:.2f}; accuracy {accuracy[-1]:.0%}, mean confidence {sure[-1]:.0%}.",
        Panel(
            "Loss, nats",
            bands["loss"],
            figures.line(epochs, run["train_loss"], label="training"),
            figures.line(epochs, loss, "vermilion", label="validation"),
            figures.line(epochs, scaled, "green", label="best temperature"),
            y=(0, 4),
            legend="upper right",
            **about,
        ),
        Panel(
            "Validation accuracy, %",
            bands["accuracy"],
            figures.line(epochs, 100 * accuracy, "vermilion", label="validation"),
            y=(30, 60),
            legend="lower right",
            **about,
        ),
        Panel(
            "Mean confidence, %",
            bands["confidence"],
            figures.line(epochs, 100 * sure, "purple", label="confidence"),
            y=(30, 90),
            legend="lower right",
            **about,
        ),
        Panel(
            "Probability of the true class",
            figures.stairs(edges, share),
            x=(0, 1),
            y=(0, 0.6),
            xlabel="probability",
            ylabel="share of the pictures",
        ),
    )


# %% [markdown]
# From some epoch on the validation loss will rise. Before you start:

# %%
outcome = questions.Prediction(
    "6-loss-up",
    "From the epoch of the lowest validation loss to the end, the loss rises by more than a tenth. What does validation accuracy do meanwhile?",
    ["falls by over 2 points", "stays within 2 points", "rises by over 2 points"],
)
outcome

# %% [markdown]
# On two free cores the next cell takes about half a minute, on busy ones several. In JupyterLab you can stop it, let it go on, and read on meanwhile; a page of the site shows the recorded run at its end. The grey bands lie between the lowest and the highest of
# the recorded seeds, as many as the legend says. **Watch:** where does the loss turn? What happens to accuracy, to confidence and to the histogram there?

# %% minutes=1 claims=["002-Q1", "002-Q2"]
live = LiveTraining(training.RECIPES["live"], pictures, recorded, seed=seed, picture=moment)
display(live)
live_rise = np.array([run.since_lowest_loss("val_loss") / run["val_loss"].min() for run in ten])
live_gain = np.array([100 * run.since_lowest_loss("val_accuracy") for run in ten])
assert count_seeds(live_rise > 0.1).mostly and count_seeds(live_gain > 2).mostly
came_out = outcome.resolve(outcome.options[int(np.searchsorted([-2, 2], live_gain.mean()))])

# %%
Markdown(str(came_out))

# %% [markdown]
# That is the puzzle of a [question of 2017](https://stats.stackexchange.com/questions/282160/how-is-it-possible-that-validation-loss-is-increasing-while-validation-accuracy): somebody trains "a simple
# neural network on the CIFAR10 dataset", the validation loss rises, the validation accuracy too. *How is this possible?* The question goes on: "The test loss and test accuracy continue to improve."
# We come to that sentence at the end.
#
# ## How surely?
#
# Two epochs are judged on the *same* pictures. Hard pictures are hard in both, so subtract picture by picture before you take the standard error: it is the error of the **paired** difference.


# %%
@questions.solution(
    "6-paired",
    cases=[
        (np.array([0.0, 2.0, 0.0, 2.0]), np.array([1.0, 3.0, 1.0, 4.0])),
        (np.array([1.0, 0.5, 0.2]), np.array([0.4, 0.9, 0.1])),
    ],
    hint="Subtract first: after - before has one number for each picture. Its np.std(ddof=1), divided by the root of how many there are.",
)
def paired_change(before, after):
    change = after - before
    return change.mean(), change.std(ddof=1) / np.sqrt(len(change))


@questions.solution(
    "6-pick",
    cases=[
        (np.array([[3.0, 1, 5, 2], [1, 2, 1, 3], [2, 4, 2, 6]]), np.array([True, False] * 2)),
        (np.array([[1.0, 4, 2], [2, 1, 3], [3, 2, 1]]), np.array([True, True, False])),
    ],
    hint="losses[:, half].mean(axis=1) is the loss of each epoch on one half. argmin picks the epoch; ~half are the other pictures.",
)
def pick_and_judge(losses, half):
    picked = losses[:, half].mean(axis=1).argmin()
    return picked, losses[-1, ~half].mean() - losses[picked, ~half].mean()


# %% [markdown]
# **Your turn.**


# %%
@questions.your_code("6-paired")
def paired_change(before, after):
    """The mean change of a loss on the same pictures, and its standard error (ddof=1).

    `before` and `after` are arrays with the loss of each picture.
    """
    ...


# %% [markdown]
# There is a trap. The epoch of the lowest loss was *picked*, so its loss on these pictures is a little too low by luck. Pick the epoch on one half of the pictures and judge the change on the other half.


# %%
@questions.your_code("6-pick")
def pick_and_judge(losses, half):
    """The epoch (from 0) with the lowest mean loss on `half`, and the change since on the rest.

    The change is that of the mean loss, up to the last epoch.
    `losses` has one row for each epoch, one column for each picture.
    `half` is True for the pictures that pick.
    """
    ...


# %% [markdown]
# A larger recorded run: 10,000 training pictures, 25 epochs, the answers to 5,000 validation pictures kept.

# %% open claims=["002-Q1", "001-C7"]
run = runs.recording("main", seed=10)
losses, hits = run.val_losses(), run.val_hits()  # shape (epochs, pictures)
half = np.arange(losses.shape[1]) % 2 == 0
picked, rise = pick_and_judge(losses, half)
value, error = paired_change(losses[picked, ~half], losses[-1, ~half])
gain = uncertainty.accuracy_change(hits[picked, ~half], hits[-1, ~half], margin=0.01)
apart = np.hypot(*(losses[e, ~half].std() / np.sqrt((~half).sum()) for e in (picked, -1)))
print(f"from epoch {picked + 1} to {run.n_epochs}, on the other half:")
print(f"loss {value:+.2f} ± {error:.3f} nats (not paired: ± {apart:.3f})")
print(f"accuracy {gain}")
assert value > 5 * error and gain.verdict == "rise"

# %% [markdown]
# A third trap is the lucky *epoch*: the weights move, and one epoch is better than its neighbours. So compare means of several epochs: 4 to 10, and the last five.

# %% open
early, late = losses[3:10, ~half].mean(axis=0), losses[-5:, ~half].mean(axis=0)
value, error = paired_change(early, late)
points = 100 * (hits[-5:, ~half].mean() - hits[3:10, ~half].mean())
print(f"loss {value:+.2f} ± {error:.3f} nats ({value / early.mean():+.0%}), ", end="")
print(f"accuracy {points:+.1f} points")
assert value > 5 * error and points > 1

# %% [markdown]
# ## Is it luck?
#
# One run shows that something can happen. Ten fresh seeds draw other training pictures, other initial weights, another order. (The recipe was chosen on seeds 0 to 2.)

# %%
luck = questions.Prediction(
    "6-how-many",
    "In how many of ten fresh seeds does the loss rise by over a tenth while accuracy does not fall, judged on pictures that did not pick the epoch?",
    [1, 4, 7, 10],
)
luck

# %%
main = runs.recordings("main")
n = 2_000  # the pictures whose answers were kept in every seed
halves = np.arange(n) % 2 == 0
rises, gains, changes = [], [], []
for each in main:
    loss, hit = each.val_losses()[:, :n], each.val_hits()[:, :n]
    low, change = pick_and_judge(loss, halves)
    rises.append(change / loss[low, ~halves].mean())
    gains.append(100 * (hit[-1, ~halves].mean() - hit[low, ~halves].mean()))
    changes.append(loss[-1, ~halves] - loss[low, ~halves])

# %% plumbing claims=["002-Q1", "002-Q2"]
rises, gains = np.array(rises), np.array(gains)
shown = (rises > 0.1) & (gains >= 0)
assert len(main) == 10 and count_seeds(shown).mostly
print(luck.resolve(int(shown.sum())))
print(f"both in {count_seeds(shown)}: loss {rises.min():+.0%} to {rises.max():+.0%}, ", end="")
print(f"accuracy {gains.min():+.1f} to {gains.max():+.1f} points")
for of, values in (("seeds", np.mean(changes, 1)), ("validation pictures", np.mean(changes, 0))):
    each = uncertainty.mean_interval(values)
    print(f"change of the loss: {each.low:+.2f} to {each.high:+.2f} nats with other {of} (95 %)")
assert each.low > 0.1

# %% [markdown]
# All seeds are judged by the same pictures, so the interval over seeds leaves the draw of those pictures out. The second interval has it.
#
# ## How?
#
# The loss got worse, the answers got better. What changed in the probabilities? As in lesson 2, divide all logits by one number T. No answer changes. T is fitted on one half of the pictures;
# the loss is measured on the other half.

# %%
what_is_left = questions.Prediction(
    "6-temperature",
    "The loss rose from 1.1 to 1.4 nats. With the last epoch's logits divided by the best T it is, on the other half,",
    ["about 1.4: confidence is not the reason", "about 1.25", "below 1.1: lower than at its minimum"],
)  # fmt: skip
what_is_left

# %% plumbing
labels, other = run.val_labels, ~half
scaled_loss = []
for scores in run.val_logits.astype(float):
    T = calibration.fit_temperature(labels[half], scores[half])
    scaled_loss.append(metrics.cross_entropy(labels[other], logits=scores[other] / T))
scaled_loss, plain_loss = np.array(scaled_loss), losses[:, other].mean(axis=1)
accuracy_other = 100 * hits[:, other].mean(axis=1)
kept = run.val_logits[:, other].astype(float)
books = [ledger.between(labels[other], logits=(kept[picked], scores)) for scores in kept]
sure = np.exp(metrics.log_softmax(kept.reshape(-1, 10)).max(1)).reshape(kept.shape[:2])
sure_right, sure_wrong = ([s[h == w].mean() for s, h in zip(sure, hits[:, other])] for w in (1, 0))


def since_lowest(epoch):
    book, at = books[epoch - 1], epoch - 1
    parts = {name: part.contribution for name, part in book.items()}
    lines = [
        figures.line(run.epochs, plain_loss, "vermilion", label="as it is"),
        figures.line(run.epochs, scaled_loss, "green", label="best temperature"),
        figures.dot(epoch, plain_loss[at], f"{plain_loss[at]:.2f}", "purple"),
    ]
    confidences = [
        figures.line(run.epochs, 100 * np.array(sure_right), "blue", label="right answers"),
        figures.line(run.epochs, 100 * np.array(sure_wrong), "vermilion", label="wrong answers"),
        figures.upright(epoch),
    ]
    about = {"x": (0.5, 25.5), "xlabel": "epoch"}
    return Picture(
        f"Epoch {epoch} against {picked + 1}: loss {book.change:+.2f} nats, of it {parts['wrong → wrong']:+.2f} from answers wrong both times; accuracy {100 * book.accuracy_change:+.1f} points.",
        Panel("Loss, nats", *lines, y=(0.8, 2.0), legend="upper right", **about),
        Panel(
            "Accuracy, %",
            figures.line(run.epochs, accuracy_other, "vermilion"),
            figures.dot(epoch, accuracy_other[at], f"{accuracy_other[at]:.0f}", "purple"),
            y=(30, 75),
            **about,
        ),
        Panel("Mean confidence, %", *confidences, y=(30, 100), legend="lower right", **about),
        Panel("Who changed the loss, nats", figures.signed_bars(parts)),
    )


# %%
ends, start = scaled_loss[-1], plain_loss[picked]
happened = what_is_left.options[2 if ends < start else 1 if ends < 1.33 else 0]
print(what_is_left.resolve(happened))
print(f"epoch {picked + 1}: {start:.2f} nats; the end: {plain_loss[-1]:.2f}, with T {ends:.2f}")
assert ends < start < plain_loss[-1]

# %% [markdown]
# Move the epoch. **Which answers raise the loss, and which lower it? Are only the wrong answers more confident?**

# %%
Explorer(
    since_lowest,
    epoch=slider(range(1, 26), start=25),
    title="From the epoch of the lowest loss",
    figsize=(13, 3.2),
)

# %% [markdown]
# And in the ten seeds?


# %%
def explained(each):
    """On the other half: what T leaves of the rise, how it changes, the ledger's four parts."""
    logits, y = each.val_logits[:, :n].astype(float), each.val_labels[:n]
    low, rise = pick_and_judge(each.val_losses()[:, :n], halves)
    fitted = [
        logits[e, ~halves] / calibration.fit_temperature(y[halves], logits[e, halves])
        for e in (low, -1)
    ]
    scaled = [metrics.cross_entropy(y[~halves], logits=f) for f in fitted]
    book = ledger.between(y[~halves], logits=(logits[low, ~halves], logits[-1, ~halves]))
    left = (scaled[1] - book.loss_before) / rise
    return left, scaled[1] - scaled[0], *(part.contribution for _, part in book.items())


# %% claims=["001-C7"]
left, knows_more, stays_right, lost, won, stays_wrong = np.array([explained(r) for r in main]).T
print(f"T takes the whole rise back in {count_seeds(left < 0)};")
print(f"the loss at the best temperature falls in {count_seeds(knows_more < 0)}.")
print(f"Answers wrong both times raise the loss in {count_seeds(stays_wrong > 0.2)},")
print(f"answers right both times lower it in {count_seeds(stays_right < 0)}.")
assert all(count_seeds(x).mostly for x in (left < 0, knows_more < 0))
assert count_seeds(stays_wrong > 0.2).mostly and count_seeds(stays_right < 0).mostly
Markdown(
    f"So this is how. The network becomes more confident in right *and* in wrong answers: on one run's other half the right ones from {sure_right[picked]:.0%} to {sure_right[-1]:.0%}, the wrong ones from {sure_wrong[picked]:.0%} to "
    f"{sure_wrong[-1]:.0%}. Confidence saves little where the answer is right and costs much where it is wrong. Accuracy does not see it. Apart from confidence the network got *better*: the loss at the best temperature fell. "
    f"The training accuracy at the lowest loss was {run['train_accuracy'][picked]:.0%}: the loss turns before the training pictures are all learnt. In three other tasks of lesson 2 one T took most of a rise back, too."
)

# %% [markdown]
# ## Your run
#
# The same on your own run, if it is complete (run the cell again if not), else on the recorded one. With pictures at hand you see which ones cost most. They are shown and never saved.

# %% open
mine = live.result
y, logits = mine.val_labels, mine.val_logits.astype(float)
even = np.arange(len(y)) % 2 == 0
low = mine.judged_on(even).best_epoch() - 1
T = calibration.fit_temperature(y[even], logits[-1, even])
print("your run" if live.own else "the recorded run", "on the half that picked nothing:")
for words, z in (("lowest", logits[low]), ("end", logits[-1]), (f"T = {T:.1f}", logits[-1] / T)):
    loss, accuracy = (
        metrics.cross_entropy(y[~even], logits=z[~even]),
        metrics.accuracy(y[~even], z[~even]),
    )
    print(f"{words:8} loss {loss:.2f}, accuracy {accuracy:.0%}")


# %% plumbing
def show_costliest(words, scores):
    """Show the six pictures that cost most; they travel past what a notebook saves."""
    cost, said = metrics.cross_entropy_per_example(y, logits=scores), metrics.softmax(scores)
    worst, names = np.argsort(-cost)[:6], pictures.class_names
    captions = [
        f"{names[y[i]]}; said {names[said[i].argmax()]}, {said[i].max():.0%}; {cost[i]:.1f} nats"
        for i in worst
    ]
    display(Markdown(f"The costliest pictures, {words}:"))
    display(UnstoredImages(pictures.test_images[worst], captions))


if pictures is not None:
    show_costliest("epoch of the lowest loss", logits[low])
    show_costliest("last epoch", logits[-1])

# %% [markdown]
# ## What decides about accuracy?
#
# So far accuracy went one way. Now change the recipe: SGD or Adam, a cosine schedule or a constant rate, batch normalisation or none. That makes eight cells, called by their three settings, such as sgd-cosine-bn (*plain*: no batch norm); 10,000 training pictures, 20 epochs.
# The epoch is picked on 5,000 validation pictures and judged on 5,000 *test* pictures.

# %%
decides = questions.Prediction(
    "6-decides",
    "In which cells does accuracy fall by over two points?",
    ["in none", "in one: SGD, constant rate, no batch norm", "in all with a constant rate", "in all with Adam"],
)  # fmt: skip
decides

# %% plumbing
of_recipe = functools.cache(hypotheses.recorded)
BESIDE = ("sgd-cosine-bn-full", "sgd-constant-plain-full", "depth-2", "depth-4", "resnet-8")
cells = {name: list(of_recipe(name).values()) for name in (*training.CELLS, *BESIDE)}
cells = {name: every for name, every in cells.items() if len(every) > 1}  # recorded so far
CHANGES = ("loss_change", "scaled_change", "accuracy_change")
since = {name: [hypotheses.find(measure, name, of_recipe) for measure in CHANGES] for name in cells}


def one_cell(cell):
    every = cells[cell]
    epochs = every[0].epochs
    means = {
        m: np.mean([r[f"test_{m}"] for r in every], axis=0)
        for m in ("loss", "scaled_loss", "accuracy")
    }
    train = np.mean([r["train_loss"] for r in every], axis=0)
    about = {"x": (0.5, 20.5), "xlabel": "epoch", "xticks": [1, 5, 10, 15, 20]}
    loss, _, accuracy = (finding.mean for finding in since[cell])
    return Picture(
        f"{cell}, mean of {len(every)} seeds: since the lowest validation loss {loss:+.2f} nats, accuracy {accuracy:+.1f} points.",
        Panel(
            "Loss, nats",
            figures.line(epochs, train, label="training"),
            figures.line(epochs, means["loss"], "vermilion", label="test"),
            figures.line(epochs, means["scaled_loss"], "green", label="best temperature"),
            y=(0, 3.4),
            legend="upper left",
            **about,
        ),
        Panel(
            "Test accuracy, %",
            *[figures.line(epochs, 100 * r["test_accuracy"], "grey", width=1) for r in every],
            figures.line(epochs, 100 * means["accuracy"], "vermilion", width=2.5),
            y=(40, 90),
            **about,
        ),
    )


def interval(finding, digits):
    low, high = finding.interval()
    return f"{low:+.{digits}f} to {high:+.{digits}f}"


# %% plumbing claims=["002-Q2"]
eight = [name for name in cells if name in training.CELLS]
falling = {name for name in eight if since[name][2].mean < -2}
answers = [
    set(),
    {"sgd-constant-plain"},
    *({n for n in eight if w in n} for w in ("constant", "adam")),
]
print(decides.resolve(decides.options[min(range(4), key=lambda i: len(answers[i] ^ falling))]))
print("from the lowest validation loss to the end, test pictures, 95 % intervals:")
print(f"{'':24}seeds  loss            scaled loss     accuracy, points")
for name in sorted(cells, key=lambda name: since[name][2].mean):
    loss, scaled, accuracy = map(interval, since[name], (2, 2, 1))
    print(f"{name:24}{len(cells[name]):4}   {loss:16}{scaled:16}{accuracy}")

# %%
Explorer(
    one_cell,
    cell=slider(list(cells), start="sgd-cosine-bn", label="cell"),
    title="What decides",
    figsize=(9, 3.4),
)

# %% [markdown]
# ("Scaled loss": at the best temperature. Beside the eight cells, as far as recorded: *full*, all 50,000 pictures; *depth*, two or four convolutions; a residual network.) Which curve moves with accuracy: the loss, or the scaled loss?


# %% plumbing
def correlation(column, names):
    """Over all runs of these cells: of the changes of a test loss and of the test accuracy."""
    pairs = [
        (since[n][column].seeds[s], since[n][2].seeds[s]) for n in names for s in since[n][2].seeds
    ]
    return np.corrcoef(np.transpose(pairs))[0, 1]


def switched(name):
    """The cells that differ from this one in one switch."""
    mine = set(name.split("-"))
    return [other for other in eight if len(mine & set(other.split("-"))) == 2]


with_scaled, with_loss = correlation(1, eight), correlation(0, eight)
assert with_scaled < -0.5 and abs(with_scaled) > abs(with_loss)
said = [
    f"Accuracy falls by over two points in {', '.join(sorted(falling)) or 'none of the cells'}."
]
for name in sorted(falling):
    halved = [o for o in switched(name) if since[o][2].mean > since[name][2].mean / 2]
    said.append(
        f"Change one of the three settings of {name}, and the fall is at least halved for {len(halved)} of 3."
    )
every = hypotheses.judge(hypotheses.predictions(), of_recipe)
for about in ("what decides", "the explanation", "all 50000 pictures", "other networks"):
    verdicts = [each.verdict for each in every if each.prediction.experiment == about]
    held, failed = verdicts.count("held"), verdicts.count("failed")
    said.append(
        f"\n- {about}: {held} held, {failed} failed, {len(verdicts) - held - failed} cannot tell or wait for runs"
    )
Markdown(
    f"{' '.join(said[: 1 + len(falling)])} Over all runs of the eight cells the change of accuracy has a correlation of **{with_scaled:.2f}** with that of the scaled loss, and of {with_loss:.2f} with that of the loss. "
    "So *how far the loss rises* tells less about accuracy than the scaled loss does: where that falls the network knows more at the end. (Runs of one cell are alike, and all are judged by the same pictures: take the two numbers as a description.)\n\n"
    "Predictions were committed before these runs; what came of them, [row by row](../docs/predictions-outcome.md):\n"
    + "".join(said[1 + len(falling) :])
)

# %% [markdown]
# Is it the 10,000 pictures? Two of the cells were run on all 50,000, five seeds each.

# %% plumbing
lines = ["| since the lowest loss | seeds | loss, nats | scaled loss, nats | accuracy, points |", "|---|---|---|---|---|"]  # fmt: skip
for name in ("sgd-cosine-bn", "sgd-constant-plain"):
    for n, recipe in (("10,000", name), ("50,000", f"{name}-full")):
        found = " | ".join(map(interval, since[recipe], (2, 2, 1)))
        lines.append(f"| {name}, {n} pictures | {len(cells[recipe])} | {found} |")
smaller = [since[f"{n}-full"][0].mean < since[n][0].mean for n in ("sgd-cosine-bn", "sgd-constant-plain")]  # fmt: skip
above_zero = [since[f"{n}-full"][0].interval()[0] > 0 for n in ("sgd-cosine-bn", "sgd-constant-plain")]  # fmt: skip
knows_more = since["sgd-cosine-bn-full"][1].interval()[1] < 0
open_ = [low <= 0 <= high for low, high in (since[f"{n}-full"][2].interval() for n in ("sgd-cosine-bn", "sgd-constant-plain"))]  # fmt: skip
assert all(smaller) and all(above_zero) and knows_more and all(open_)
Markdown("\n".join(lines))

# %% [markdown]
# With five times the pictures the loss still rises in both, by less. With a cosine and batch norm the scaled loss still falls. What accuracy does in either, five seeds cannot tell.
#
# ## What if you had fewer validation pictures?
#
# Most people have fewer than 5,000. Draw n pictures that pick the epoch, and n others that judge.

# %%
few = questions.Prediction(
    "6-few",
    'With 200 pictures to pick and 200 others to judge: in what share of draws does the verdict for the loss, with its 95 % interval, say "rise"?',
    ["about 1 in 10", "2 in 3", "nearly all"],
)
few


# %% plumbing
def seen_with(n, rng, n_draws=300):
    """Shares of draws in which the loss is higher, is surely higher, and the accuracy is lower at the end."""
    higher, surely, lower = [], [], []
    for _ in range(n_draws):
        drawn = rng.choice(losses.shape[1], 2 * n, replace=False)
        at = losses[:, drawn[:n]].mean(axis=1).argmin()
        judges = drawn[n:]
        value, error = paired_change(losses[at, judges], losses[-1, judges])
        higher.append(value > 0)
        surely.append(value > 1.96 * error)
        lower.append(hits[-1, judges].mean() < hits[at, judges].mean())
    return np.mean(higher), np.mean(surely), np.mean(lower)


# %% claims=["000-C5"]
rng = np.random.default_rng(1)
seen = {n: seen_with(n, rng) for n in (100, 200, 500, 1_000)}
print(few.resolve(few.options[int(np.searchsorted([0.4, 0.9], seen[200][1]))]))
print("pictures   loss higher   surely higher   accuracy lower")
for n, shares in seen.items():
    print(f"{n:8}" + "".join(f"{share:{w}.0%}" for share, w in zip(shares, (14, 16, 17))))
assert seen[100][1] < 0.7 < 0.95 < seen[1_000][1] and seen[100][2] > seen[1_000][2]

# %% [markdown]
# A rise of a quarter is easily missed with a hundred pictures, and a gain of a few points in accuracy looks like a fall now and then. Two people with the same network can honestly report different stories.
#
# ## A larger network, or more pictures?
#
# "Use a smaller network", "use a larger one", "get more data": common advice against a rising loss. The main recipe was recorded with three widths and four training sizes, three seeds each, 25 epochs.

# %%
wider = questions.Prediction(
    "6-width",
    "From 1,000 to 10,000 training pictures in the widest network: which of these gets worse?",
    [
        "the lowest loss",
        "the final accuracy",
        "the rise of the loss since its minimum",
        "all three",
    ],
)
wider

# %% plumbing
sweep = {
    (n, c[0]): [runs.recording(training.sweep_recipe(n, c).name, s) for s in (10, 11, 12)]
    for n in training.SWEEP_SIZES
    for c in training.SWEEP_CHANNELS
}


def judged(key):
    """Means of three seeds: lowest loss, final accuracy, and the rise since the minimum."""
    every = sweep[key]
    lowest = np.mean([r["val_loss"].min() for r in every])
    final = np.mean([r["val_accuracy"][-1] for r in every])
    return lowest, final, np.mean([r["val_loss"][-1] / r["val_loss"].min() - 1 for r in every])


def one_size(n, width):
    lowest, final, rise = judged((n, width))
    marks = [
        [
            figures.line(r.epochs, scale * r[metric], colour, label=f"seed {s}")
            for r, s, colour in zip(sweep[n, width], (10, 11, 12), ("blue", "vermilion", "green"))
        ]
        for metric, scale in (("val_loss", 1), ("val_accuracy", 100))
    ]
    about = {"x": (0.5, 25.5), "xlabel": "epoch"}
    return Picture(
        f"{n} pictures, {width} channels: lowest loss {lowest:.2f} nats, final accuracy {final:.0%}, rise since the minimum {rise:.0%}.",
        Panel("Validation loss, nats", *marks[0], y=(1, 2.4), **about),
        Panel("Validation accuracy, %", *marks[1], y=(20, 72), legend="lower right", **about),
    )


# %% plumbing claims=["002-A3b"]
small, large = judged((1_000, 32)), judged((10_000, 32))
worse = [large[0] > small[0], large[1] < small[1], large[2] > small[2]]
assert worse == [False, False, True]
print(wider.resolve("the rise of the loss since its minimum"))
print("lowest loss, final accuracy, rise (mean of three seeds)")
print(f"{'channels:':15}", *(f"{c[0]:>15}" for c in training.SWEEP_CHANNELS))
for n in training.SWEEP_SIZES:
    cells_of_n = [judged((n, c[0])) for c in training.SWEEP_CHANNELS]
    print(f"{n:6} pictures", *(f"  {a:.2f} {b:.0%} {r:+5.0%}" for a, b, r in cells_of_n))
for n in training.SWEEP_SIZES[1:]:  # more pictures, at every width
    assert all(judged((n, w))[0] < judged((1_000, w))[0] for w in (8, 16, 32))
assert all(judged((n, 32))[1] > judged((n, 8))[1] for n in training.SWEEP_SIZES)
best_is_largest = min(sweep, key=lambda key: judged(key)[0]) == (10_000, 32)
assert best_is_largest and max(sweep, key=lambda key: judged(key)[1]) == (10_000, 32)
assert (10_000, 32) in sorted(sweep, key=lambda key: judged(key)[2])[-3:]

# %%
Explorer(
    one_size,
    n=slider(training.SWEEP_SIZES, start=10_000, label="training pictures"),
    width=slider([c[0] for c in training.SWEEP_CHANNELS], start=32, label="channels"),
    title="Three seeds for each size and width",
    figsize=(9, 3.4),
)

# %% [markdown]
# The rise since one's own minimum misleads: the best network of the twelve, by lowest loss and by accuracy, is among the three with the largest rises. Every size above 1,000 reached a lower loss at each width; 32 channels ended more accurate than 8 at each size (means of three seeds).
# But 25 epochs of 10,000 pictures take ten times the steps of 1,000, so more pictures and more steps cannot be told apart here. Runs of *equal steps* (of sgd-cosine-bn, with fewer pictures seen more often) and other networks, on test pictures, as far as they are recorded:

# %% plumbing claims=["002-A3b"]
rows = {"steps-1250": "1,250 pictures", "steps-2500": "2,500 pictures", "steps-5000": "5,000 pictures", "sgd-cosine-bn": "10,000 pictures",
        "depth-2": "two convolutions", "depth-4": "four convolutions", "resnet-8": "residual network"}  # fmt: skip
lines, ends = ["| | seeds | lowest loss | final accuracy | rise |", "|---|---|---|---|---|"], {}
for name, words in rows.items():
    every = list(of_recipe(name).values())
    low, last = (np.array([r["test_loss"][at(r)] for r in every]) for at in (lambda r: r.best_epoch() - 1, lambda r: -1))  # fmt: skip
    ends[name] = low.mean(), np.mean([r["test_accuracy"][-1] for r in every]), (last / low - 1).mean()  # fmt: skip
    lowest, final, rise = ends[name]
    lines.append(f"| {words} | {len(every)} | {lowest:.2f} | {final:.0%} | {rise:+.0%} |")
by_size = np.array([ends[name] for name in list(rows)[:4]])
assert (np.diff(by_size[:, 0]) < 0).all() and (np.diff(by_size[:, 1]) > 0).all()
assert by_size[:, 2].argmin() == len(by_size) - 1
assert max(training.SWEEP_SIZES, key=lambda n: judged((n, 32))[2]) == 10_000  # at equal epochs
Markdown("\n".join(lines))

# %% [markdown]
# At equal steps more pictures reached a lower loss and gave a more accurate network, size by size, and 10,000 the smallest rise. At equal epochs and 32 channels 10,000 had the largest. "Does the rise grow with the data?" has no answer until somebody says what is held equal.
#
# ## "The test loss and test accuracy continue to improve"
#
# The asker's second sentence is the stranger one. If validation and test pictures are drawn alike, both losses should do the same, but for chance. Give the *validation* half of our pictures some wrong labels, let the other half be a clean test set, and look whether all four
# things happen from the lowest validation loss to the lowest test loss after it: validation loss and accuracy rise by more than 0.02 nats and half a point, test loss falls and test accuracy rises by as much.


# %%
def all_four(each, share):
    """From the lowest validation loss to the lowest test loss after it: all four? And later?"""
    val, test = each.judged_on(np.flatnonzero(halves)), each.judged_on(np.flatnonzero(~halves))
    if share:
        wrong = problems.flip_labels(
            val.val_labels, share, n_classes=10, rng=each.provenance["seed"]
        )
        val = val.judged_by(wrong)
    a = val.best_epoch() - 1
    b = a + int(test["val_loss"][a:].argmin())
    up, down = (r["val_loss"][b] - r["val_loss"][a] for r in (val, test))
    better = [r["val_accuracy"][b] - r["val_accuracy"][a] for r in (val, test)]
    later = test["val_loss"][-1] - test["val_loss"][a]
    return up > 0.02 and down < -0.02 and min(better) > 0.005, later > 0


# %%
found = {share: np.array([all_four(each, share) for each in main]).T for share in (0, 0.05, 0.2)}
for share, (four, ends_higher) in found.items():
    print(f"{share:4.0%} wrong validation labels: for some epochs in {count_seeds(four)}")
    assert count_seeds(ends_higher).mostly
assert count_seeds(found[0][0]).rarely and count_seeds(found[0.2][0]).mostly
print("at the end the clean test loss is higher again, in", count_seeds(ends_higher), "each time")

# %% [markdown]
# With wrong labels in the validation set alone all four happen for some epochs; with clean labels that is rare. But in this recipe it does not last: later the clean test loss rises too. So the sentence is possible, wrong validation labels are one way to it, and what the asker's data were, we
# do not know: that stays open. (A small validation set, or one drawn from elsewhere, are other suspects; [lesson 8](08_testing_explanations.ipynb) tests splits.)
#
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "if validation loss rises, accuracy must fall" | in the main recipe both rise, in at least 8 of 10 seeds; the table of the cells says where accuracy falls |
# | "the loss rises, so the network gets worse" | in the main recipe its loss at the best temperature fell: it got better and too confident |
# | "it is noise of the validation set" | the paired change is many standard errors; but with a hundred pictures you could not have known |
# | "a smaller rise means a better network" | the best of twelve is among the three with the largest rises |
# | "stop at the minimum of the loss, everything after it is worse" | in the main recipe accuracy was still to gain several points |
#
# ## Check yourself

# %%
questions.choice(
    "6-check-paired",
    "Loss 1.08 ± 0.02 at one epoch and 1.11 ± 0.02 at a later one, on the same validation set. Is the rise real?",
    right=(
        "cannot tell from these: the paired error is needed",
        "Yes: both were measured on the same pictures, and the error of the difference is not the two errors combined.",
    ),
    wrong=[
        (
            "no: the two intervals overlap, so it may be chance",
            "Overlapping intervals do not decide it, least of all for two measurements on the same pictures.",
        ),
        (
            "yes: 1.11 exceeds 1.08 by more than one error, so it is real",
            "Another draw of validation pictures could reverse a difference of this size.",
        ),
    ],
)

# %%
questions.choice(
    "6-check-how",
    "Validation loss 1.1 → 1.4, accuracy 64 → 67 %. Fitted on other pictures, T = 2.3 brings the last loss to 1.0. What happened?",
    right=(
        "it ranks classes better and is overconfident",
        "Yes: dividing by T changes no answer and takes the whole rise back.",
    ),
    wrong=[
        (
            "it became unsure of its right answers",
            "Then T would be below 1: the best temperature above 1 says that it is too sure.",
        ),
        (
            "it unlearnt some classes and guesses there",
            "Accuracy rose and one number takes the whole rise back: what it may have unlearnt, it more than made up for.",
        ),
    ],
)

# %%
questions.choice(
    "6-check-which",
    "Two runs: the validation loss of both doubles after its minimum. Which number tells best in which of them accuracy fell, if you may not look at accuracy?",
    right=(
        "the loss at the best temperature",
        f"Yes: over the recorded cells its correlation with the change of accuracy is {with_scaled:.2f}, that of the loss {with_loss:.2f}.",
    ),
    wrong=[
        ("by how much the loss has risen", "It rises with confidence as well."),
        (
            "the epoch of the lowest loss",
            "It says when the loss turned, not why.",
        ),
        (
            "the mean confidence at the end",
            "Confidence is not knowledge: it can rise while the network learns and while it forgets.",
        ),
    ],
)

# %%
questions.choice(
    "6-check-few",
    "A colleague with 100 validation pictures reports the same recipe with accuracy falling after the loss minimum. What do you answer?",
    right=(
        "100 pictures are too few to say; use more first",
        "Yes: accuracy alone has an error of several points there.",
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
# - *How can both rise?* After some epoch this network became more confident in right and wrong answers alike. Confidence in a wrong answer costs much; accuracy does not see it. One temperature took the rise back.
# - Whether accuracy rises or falls depends on the recipe. Over the recorded cells it went with the loss at the best temperature, less with the rise of the loss.
# - Judge a change by the paired difference, on pictures that did not pick the epoch.
# - Judge networks by lowest loss and accuracy, not by the rise since their own minimum.
#
# **What would change your mind?** A recorded run in which the loss at the best temperature falls clearly and accuracy falls too. Record more seeds and look.
#
# **Further reading.** D. Soudry and others, "The implicit bias of gradient descent on separable data", *JMLR* 19 (2018), shows a CIFAR-10 network whose validation loss rises while its error falls, and explains the growth of the weights. C. Guo and others, "On calibration of modern neural
# networks", *ICML* (2017), made the temperature known and asks what depth, width, weight decay and batch normalisation do to confidence. A. Krizhevsky, "Learning multiple layers of features from tiny images" (2009), describes the pictures; [`docs/data-card-cifar10.md`](../docs/data-card-cifar10.md) says what is known of their errors and licence, and how to record all this on
# all 50,000 pictures (`python -m lessonlib record main --full`).
#
# **Graded exercise:** [exercise 6](../exercises/exercise_06_cifar10_overfitting.ipynb). **Before:** [lesson 5](05_validation_noise.ipynb). **Next:** [lesson 7](07_who_pays.ipynb): whose loss is it?
