# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 8b · Which examples judge, and which epoch do you keep?
#
# **Time** about {minutes} minutes. **You need** [lesson 8](08_testing_explanations.ipynb) (intervals over seeds, the scaled loss).
#
# After this lesson you can
#
# 1. tell the two things called shuffling apart, and say what each does to loss and accuracy;
# 2. choose a split by what the network is for;
# 3. choose the epoch to keep by what you ship, and say what the choice costs;
# 4. measure how much too good the chosen epoch looks.
#
# ## "Alleviated after shuffling the set"
#
# A comment under [the question](https://stats.stackexchange.com/questions/282160/how-is-it-possible-that-validation-loss-is-increasing-while-validation-accuracy) says so. Shuffled can be the order
# of the **batches** in an epoch, or the rows before the **split** into training and validation.

# %%
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks are fastest with one thread

import numpy as np

from lessonlib import calibration, figures, metrics, network, problems, questions, runs
from lessonlib.course.hypotheses import Finding
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.uncertainty import count_seeds

SEEDS = range(100, 110)  # of what is trained here; settings were chosen on others

# %% plumbing
NAMES = (
    "base",
    "batches-fixed",
    "batches-sorted",
    "split-sorted",
    "label-noise-40",
    "augmentation",
)
RECORDED = {name: {run.provenance["seed"]: run for run in runs.recordings(name)} for name in NAMES}


def interval(values, digits=1):
    """Mean over seeds and its 95 % interval."""
    finding = Finding.of(values if isinstance(values, dict) else dict(enumerate(values)))
    low, high = finding.interval()
    return f"{finding.mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"


def at_end(name, metric, unit=1):
    return {seed: unit * run[metric][-1] for seed, run in RECORDED[name].items()}


def minus(ours, theirs):
    return {seed: ours[seed] - theirs[seed] for seed in ours.keys() & theirs.keys()}


# %% [markdown]
# First the recorded runs of lesson 8 on 4,000 CIFAR-10 pictures: batches in the same order in each epoch, batches sorted by class, and a file sorted by class of which the last part became the validation set.

# %%
shuffle_question = questions.Prediction(
    "8-shuffle",
    "Of these three, which shows a loss that more than doubles after its minimum while accuracy rises?",
    ["batches in a fixed order", "batches sorted by class", "the sorted file", "none"],
)
shuffle_question

# %% plumbing claims=["002-Q3"]
doubled = {}
print("validation: loss at the end over its lowest, accuracy since then; mean of the seeds")
for name in NAMES[:4]:
    every = RECORDED[name].values()
    rise = np.array([run["val_loss"][-1] / run["val_loss"].min() for run in every])
    gain = np.array([run.since_lowest_loss("val_accuracy") for run in every])
    doubled[name] = count_seeds((rise > 2) & (gain > 0)).mostly
    print(f"{name:15} x{rise.mean():.1f}, {100 * gain.mean():+.0f} points")
winners = [i for i, name in enumerate(NAMES[1:4]) if doubled[name]]
print(shuffle_question.resolve(shuffle_question.options[winners[0] if winners else 3]))
fixed = {
    name: minus(at_end("batches-fixed", name, unit), at_end("base", name, unit))
    for name, unit in (("test_accuracy", 100), ("test_loss", 1))
}
print("fixed order, test pictures at the end, minus base (mean and 95 % interval):")
print(f"accuracy {interval(fixed['test_accuracy'])} points, loss {interval(fixed['test_loss'], 2)}")
print("accuracy at the end:")
for name in ("batches-sorted", "split-sorted"):
    val, test = (list(at_end(name, f"{part}_accuracy").values()) for part in ("val", "test"))
    print(f"{name:14} {np.mean(val):.0%} in validation, {np.mean(test):.0%} on test pictures")
assert count_seeds([change > 0 for change in fixed["test_loss"].values()]).mostly
assert max(at_end("batches-sorted", "test_accuracy").values()) < 0.15

# %% [markdown]
# So the commenter is right about both. Without shuffling the batches anew the same network ends with a higher loss and (five seeds) a lower accuracy, though the pattern is there with shuffling, too. Batches sorted by class: it
# ends at chance. And the sorted file is the extreme form of the pattern: its validation part holds classes that training hardly saw. Keras's `validation_split` takes the *end* of the data, before any shuffling.
#
# ### A careless end
#
# A sorted file is noticed at once. This one is not: 1,200 digits, of which somebody careless labelled the last fifth. In the order of the file all wrong labels are in the validation part.

# %%
file_question = questions.Prediction(
    "8-careless-end",
    "One label in four of the last fifth is wrong. The file is shuffled BEFORE the split. In how many of ten seeds do validation loss (by 30 %) and accuracy (by a point) both rise?",
    [0, 3, 6, 10],
)
file_question


# %%
def fit_all(sizes, train, val, rng, *, epochs, rate=5e-3):
    net = network.Network(sizes, rng=rng)
    return network.fit(net, train, val, epochs=epochs, learning_rate=rate, batch_size=50, rng=rng)


def split_file(seed, shuffle, wrong):
    """Train on the first four fifths of a file, validate on the rest."""
    rng = np.random.default_rng(seed)
    file, _ = problems.digits(1_200, 1, rng=rng)
    careless = problems.flip_labels(file.y[960:], wrong, n_classes=10, rng=2_000 + seed)
    labels = np.concatenate([file.y[:960], careless])
    order = rng.permutation(1_200) if shuffle else np.arange(1_200)
    train, val = (problems.Examples(file.x[i], labels[i]) for i in np.split(order, [960]))
    return fit_all([64, 64, 10], train, val, rng, epochs=30)


# %% plumbing claims=["002-Q3"]
WRONG = (0, 0.1, 0.25)
SPLITS = {
    (wrong, shuffle): [split_file(seed, shuffle, wrong) for seed in SEEDS]
    for wrong in WRONG
    for shuffle in (False, True)
}


def both_rise(every):
    rise = np.array([run["val_loss"][-1] / run["val_loss"].min() for run in every])
    gain = np.array([run.since_lowest_loss("val_accuracy") for run in every])
    return (rise > 1.3) & (gain > 0.01)


print(file_question.resolve(int(both_rise(SPLITS[0.25, True]).sum())))
in_order, shuffled = (count_seeds(both_rise(SPLITS[0.25, shuffle])) for shuffle in (False, True))
right = count_seeds(both_rise(SPLITS[0, False]))
print(f"both clearly rise: in file order in {in_order}, shuffled before the split in {shuffled}")
print(f"in file order, but with right labels: in {right}")
assert in_order.mostly and shuffled.rarely and right.rarely


# %%
def careless(wrong, shuffle):
    every = SPLITS[wrong, shuffle]
    panels, epochs = [], np.arange(1, 31)
    for metric, name, scale, ends in (("loss", "Validation loss, nats", 1, (0, 4)), ("accuracy", "Validation accuracy, %", 100, (50, 100))):  # fmt: skip
        values = scale * np.array([run[f"val_{metric}"] for run in every])
        error = 2.26 * values.std(axis=0, ddof=1) / np.sqrt(len(values))
        panels.append(Panel(name, figures.band(epochs, values.mean(axis=0), error), xlabel="epoch", y=ends))  # fmt: skip
    return Picture(
        f"{wrong:.0%} wrong at the end, {'shuffled' if shuffle else 'not shuffled'} before the split: "
        f"loss and accuracy both clearly rise in {count_seeds(both_rise(every))}.",
        *panels,
    )


Explorer(
    careless, wrong=slider(list(WRONG), start=0.25, label="wrong labels in the last fifth"), shuffle=slider([False, True], label="shuffle before the split"),
    title="One file, two splits (digits; band: 95 % interval of the mean over ten seeds)", figsize=(9, 3.2),
)  # fmt: skip

# %% [markdown]
# ## Shuffle always, then?
#
# Many files hold several rows of the same patient, writer or day. Here is one in which **there is nothing to learn**: 40 groups of 15 rows; each group has its own place in ten dimensions, and a class by
# coin flip. And a second: 600 rows in time order, whose inputs drift slowly; the class drifts too, independently of them.


# %%
def grouped(rng, n_groups):
    """15 rows a group: the place of the group plus noise, the class a coin flip for the group."""
    groups = np.repeat(np.arange(n_groups), 15)
    x = rng.normal(size=(n_groups, 10))[groups] + 0.5 * rng.normal(size=(len(groups), 10))
    return x.astype(np.float32), rng.integers(0, 2, n_groups)[groups], groups


def drift(rng, n, width, keeps):
    """A random walk that is pulled back to zero; neighbours in time are alike."""
    walk = np.zeros((n, width))
    for t in range(1, n):
        walk[t] = keeps * walk[t - 1] + rng.normal(size=width)
    return walk * np.sqrt(1 - keeps**2)


# %%
@questions.solution(
    "8b-validation-rows",
    cases=[
        (np.array([0, 0, 1, 1, 2, 2, 3, 4]), np.array([3, 1, 0, 4, 2])),
        (np.repeat(np.arange(10), 2), np.array([7, 2, 9, 0, 1, 3, 4, 5, 6, 8])),
    ],
    hint="The first fifth of order are the groups that validate: order[: len(order) // 5]. np.isin(groups, these) asks of each row whether its group is one of them.",
)
def validation_rows(groups, order):
    return np.isin(groups, order[: len(order) // 5])


# %% [markdown]
# **Your turn.** A split that keeps groups together. `groups` names the group of each row, `order` holds all groups, shuffled. The first fifth of them validates.


# %%
@questions.your_code("8b-validation-rows")
def validation_rows(groups, order):
    """Return True for the rows of the groups that validate: the first fifth of order."""
    ...


# %%
leak_question = questions.Prediction(
    "8b-leak",
    "Nothing can be learned about new groups. The ROWS are shuffled before the split. Validation accuracy ends at about",
    [0.50, 0.60, 0.75, 0.95],
)
leak_question


# %% plumbing
def leaky(seed, task, apart):
    """Train and validate, and judge on what comes later: new groups, or later days."""
    rng = np.random.default_rng(seed)
    if task == "groups":
        (x, y, groups), (new_x, new_y, _) = grouped(rng, 40), grouped(rng, 200)
        held = validation_rows(groups, rng.permutation(40))
    else:
        x, y = drift(rng, 2_600, 5, 0.98).astype(np.float32), drift(rng, 2_600, 1, 0.95)[:, 0] > 0
        x, new_x, y, new_y = x[:600], x[600:], y[:600].astype(int), y[600:].astype(int)
        held = np.arange(600) >= 480
    if not apart:
        held = rng.permutation(held)
    train, val, new = (
        problems.Examples(*each)
        for each in ((x[~held], y[~held]), (x[held], y[held]), (new_x, new_y))
    )
    rows = problems.Examples(np.concatenate([val.x, new.x]), np.concatenate([val.y, new.y]))
    run = fit_all([x.shape[1], 64, 2], train, rows, rng, epochs=60)
    part = np.arange(len(rows.y)) < len(val.y)
    return run.judged_on(part), run.judged_on(~part)


# %% plumbing claims=["002-Q3"]
TASKS = {"groups": "keep groups together", "time": "validate on the last days"}
LEAKS = {
    (task, apart): [leaky(seed, task, apart) for seed in SEEDS]
    for task in TASKS
    for apart in (False, True)
}
ends = {
    key: np.array([[part["val_accuracy"][-1] for part in pair] for pair in every])
    for key, every in LEAKS.items()
}
print(leak_question.resolve(ends["groups", False][:, 0].mean()))
for (task, apart), values in ends.items():
    how = TASKS[task] if apart else "shuffle the rows"
    val, new = (5 * round(20 * v) for v in values.mean(axis=0))
    print(f"{task:7} {how:25} validation about {val} %, what comes later about {new} %")
for task in TASKS:
    assert count_seeds(ends[task, False][:, 0] > ends[task, False][:, 1] + 0.15).mostly
    low, high = Finding.of(dict(enumerate(ends[task, True][:, 0]))).interval()
    assert low < 0.5 < high
    falls = [val["val_loss"][-1] < val["val_loss"][0] for val, _ in LEAKS[task, False]]
    print(
        f"{task}, rows shuffled: the validation loss ends below its start in {count_seeds(falls)}"
    )
    assert count_seeds(falls).mostly


# %%
def leak_curves(task, apart):
    panels, epochs = [], np.arange(1, 61)
    for metric, name, scale, ends_ in (("loss", "Loss, nats", 1, (0, 4)), ("accuracy", "Accuracy, %", 100, (35, 102))):  # fmt: skip
        val, new = (
            scale * np.mean([pair[i][f"val_{metric}"] for pair in LEAKS[task, apart]], axis=0)
            for i in (0, 1)
        )
        lines = [figures.line(epochs, val, "vermilion", label="validation"), figures.line(epochs, new, "purple", label="what comes later")]  # fmt: skip
        panels.append(Panel(name, *lines, y=ends_, xlabel="epoch"))
    val, new = (5 * round(20 * v) for v in ends[task, apart].mean(axis=0))
    return Picture(
        f"{task}, {TASKS[task] if apart else 'rows shuffled'}: validation accuracy ends at about {val} %, later examples at about {new} %.",
        *panels,
    )


Explorer(
    leak_curves, task=slider(list(TASKS)), apart=slider([False, True], label="split by group or time"),
    title="Nothing to learn (mean of ten seeds)", figsize=(9, 3.2),
)  # fmt: skip

# %% [markdown]
# Shuffled rows leak: a validation row has others of its group, or of its hours, in the training set, and the network recognises them. Validation loss *falls* and accuracy looks splendid while on later examples the network is no better than a coin. So: **split the way the network will be used**. New patients: by patient
# (`sklearn.model_selection.GroupShuffleSplit`). Tomorrow: by time (`TimeSeriesSplit`). Else shuffle. And a validation loss that rises while a *shuffled* one falls may be the honest one.
#
# ## Which epoch do you keep?
#
# Two questions in the thread stayed open: *should we stop once the loss turns?* and *how does one choose the point?* Early stopping watches something and waits for some epochs, its patience.

# %%
stop_question = questions.Prediction(
    "8-stop",
    "The base run is stopped by validation loss, patience 5, and the best epoch kept. Its test accuracy, compared with the last epoch:",
    ["over a point higher", "within a point", "over a point lower"],
)
stop_question

# %%
WATCH = {"loss": "loss", "accuracy": "accuracy", "scaled loss": "refinement_bound"}


def stop(run, watch, patience=5):
    """Wrong training labels: the validation labels that one has are as wrong."""
    metric = WATCH[watch]
    part = "noisy_val" if f"noisy_val_{metric}" in run.metrics else "val"
    larger = watch == "accuracy"
    return runs.stop_epoch(run[f"{part}_{metric}"], patience=patience, larger_is_better=larger)


def costs(name, watch, patience=5):
    """Test accuracy (points) and scaled loss of the kept epoch minus those of the last, by seed."""
    ends = [(run, [stop(run, watch, patience).kept - 1, -1]) for run in RECORDED[name].values()]
    pairs = [(100 * run["test_accuracy"][at], run["test_refinement_bound"][at]) for run, at in ends]
    return np.array([[kept - last for kept, last in pair] for pair in pairs])


# %% claims=["002-A1h", "002-A1k"]
gain = costs("base", "loss")[:, 0]
print(
    stop_question.resolve(
        stop_question.options[0 if gain.mean() > 1 else 2 if gain.mean() < -1 else 1]
    )
)
print("test, kept minus last epoch (mean, 95 % interval): accuracy, points; scaled loss, nats")
for name in ("base", "label-noise-40"):
    for watch in WATCH:
        accuracy, scaled = costs(name, watch).T
        print(f"{name:15} by {watch:12} {interval(accuracy):>22} {interval(scaled, 2):>24}")
assert count_seeds(gain < 0).mostly
assert count_seeds(costs("label-noise-40", "loss")[:, 0] > 0).mostly
apart = costs("base", "scaled loss")[:, 0] - costs("base", "accuracy")[:, 0]
print("by scaled loss instead of by accuracy, base:", interval(apart), "points")

# %% [markdown]
# So it depends on whether the scaled loss still falls. In the base it does, and stopping by loss gave accuracy away. With two in five labels wrong, in training and in validation, the same stop gained. Watching accuracy or scaled loss
# cost nothing that five seeds can see in the base, and gained with wrong labels; which of these two is better, these runs cannot tell. **Move the patience**: is there one at which the loss keeps a late epoch?


# %%
def stopped(recipe, watch, patience):
    run = RECORDED[recipe][10]
    found = stop(run, watch, patience)
    part = "noisy_val" if "noisy_val_loss" in run.metrics else "val"
    loss, scaled, right = (
        run[f"{part}_{metric}"] for metric in ("loss", "refinement_bound", "accuracy")
    )
    waited = figures.span(found.kept, found.ended + 0.01, "", "grey")
    test = 100 * run["test_accuracy"]
    return Picture(
        f"{recipe}, by {watch}, patience {patience}: seed 10 keeps epoch {found.kept} and ends at {found.ended}. "
        f"All seeds, kept minus last: accuracy {interval(costs(recipe, watch, patience)[:, 0])} points.",
        Panel(
            "Validation loss, nats", waited, figures.line(run.epochs, loss, "vermilion", label="loss"),
            figures.line(run.epochs, scaled, "green", label="scaled loss"), xlabel="epoch", y=(0.8, 3.6),
        ),
        Panel(
            "Accuracy, %", waited, figures.line(run.epochs, 100 * right, "vermilion", label="validation"), figures.line(run.epochs, test, label="test"),
            figures.dot(found.kept, test[found.kept - 1], "kept"), xlabel="epoch", y=(0, 80),
        ),
    )  # fmt: skip


Explorer(
    stopped, recipe=slider(["base", "label-noise-40", "augmentation"]), watch=slider(["loss", "accuracy", "scaled loss"]), patience=slider([1, 2, 5, 25], start=5),
    title="Early stopping: grey epochs were waited through", figsize=(9, 3.4),
)  # fmt: skip

# %% [markdown]
# These runs lower their learning rate to zero, and the last epochs may owe their accuracy to that (lesson 6, "What decides about accuracy?"). So two tasks at a **constant rate**: pattern and coin flips (lesson 2), and the smooth problem of lesson 5's teacher. One half of
# the held-out points chooses and fits the temperature, the other half judges.


# %%
def train_task(task, seed):
    rng = np.random.default_rng(seed)
    if task == "pattern and coins":
        train, val = (problems.two_phenomena(n, rng=rng) for n in (1_000, 2_000))
        return fit_all([22, 64, 64, 2], train, val, rng, epochs=60, rate=3e-3)
    train, val = problems.teacher(n_val=2_000, rng=rng)
    return fit_all([20, 128, 2], train, val, rng, epochs=80, rate=3e-3)


# %%
def last_against_lowest(run):
    """Last minus lowest: accuracy (points), and loss once the last has its temperature."""
    choose, judge = (run.judged_on(slice(a, b)) for a, b in ((0, 1_000), (1_000, None)))
    low = choose.best_epoch() - 1
    fitted = calibration.temperature_scaling(choose.val_labels, choose.val_logits[-1].astype(float))
    logits = fitted(judge.val_logits[-1].astype(float))
    scaled, accuracy = metrics.cross_entropy(judge.val_labels, logits=logits), judge["val_accuracy"]
    return 100 * (accuracy[-1] - accuracy[low]), scaled - judge["val_loss"][low]


# %% claims=["002-A1h", "002-A1k"]
going_on = {
    task: np.array([last_against_lowest(train_task(task, seed)) for seed in SEEDS])
    for task in ("pattern and coins", "teacher")
}
print("the last epoch against that of the lowest loss:")
for task, changes in going_on.items():
    more, less = count_seeds(changes[:, 0] > 1), count_seeds(changes[:, 1] < 0)
    print(f"{task}: over a point more accurate in {more};")
    print(f"  with a temperature, lower loss in {less}")
assert count_seeds(going_on["pattern and coins"][:, 0] > 5).mostly
assert count_seeds(going_on["teacher"][:, 0] > 1).rarely

# %% [markdown]
# At a constant rate both answers exist, too. *Should we stop?* A turn of the loss alone does not say. *How to choose?* By what you ship: accuracy if classes are shipped; scaled loss, and then a temperature, if probabilities are; the plain loss if they are shipped uncorrected.
#
# ## How much too good does the chosen epoch look?
#
# The epoch was chosen because its number was high. Part of that is luck.


# %%
@questions.solution(
    "8b-optimism",
    cases=[
        (np.array([[1, 0, 1], [1, 1, 1.0]]), np.array([[1, 1.0], [0, 1]])),
        (
            np.array([[1, 1.0, 0, 1], [1, 0, 0, 1], [0, 1, 0, 0]]),
            np.array([[0, 1.0], [1, 1], [1, 0]]),
        ),
    ],
    hint="best = choose.mean(axis=1).argmax() is the epoch; compare choose[best].mean() with judge[best].mean().",
)
def optimism(choose, judge):
    best = choose.mean(axis=1).argmax()
    return choose[best].mean() - judge[best].mean()


# %% [markdown]
# **Your turn.** `choose` and `judge` hold 1 (right) or 0 for each epoch (row) and picture (column), the pictures being different ones.


# %%
@questions.your_code("8b-optimism")
def optimism(choose, judge):
    """Accuracy of the epoch that choose finds best: as choose sees it, minus as judge sees it."""
    ...


# %% claims=["002-A1k"]
means = {}
for n in (100, 500):
    rows = []
    for run in runs.recordings("main"):
        hits, rng = run.val_hits().astype(float)[:, :2_000], np.random.default_rng(n)
        orders = [rng.permutation(2_000) for _ in range(50)]
        rows.append(np.mean([optimism(hits[:, o[:n]], hits[:, o[1_000:]]) for o in orders]))
    means[n] = np.mean(rows)
    print(f"chosen by {n} pictures: {interval(100 * np.array(rows))} points too good")
assert means[100] > means[500] > 0

# %% [markdown]
# (Lesson 6's ten runs, 25 epochs; mean and 95 % interval over the seeds, 50 draws each.) The more epochs, recipes and seeds you choose from, the more chances luck has. Keep a test part that chooses nothing: it is not for choosing better, it is for knowing what you have.
#
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "shuffle the data, then it goes away" | before the split it cures a careless end; the order of the batches changes the loss, and the pattern stays |
# | "always shuffle before splitting" | with groups or time it leaks: splendid in validation, coin flips later |
# | "stop where the validation loss is lowest" | where the scaled loss still fell, that gave accuracy away |
# | "the validation accuracy of the best epoch is my accuracy" | the chosen epoch looks too good, more so with few pictures |
#
# ## Check yourself

# %%
questions.choice(
    "8-check-split",
    "Keras, validation_split=0.2, shuffle=True, and a file sorted by class. What will the validation part hold?",
    right=("the last classes of the file", "Yes: the split takes the end of the data before anything is shuffled; shuffle=True orders the batches."),
    wrong=[
        ("a random fifth, because of shuffle=True", "shuffle=True concerns the batches of an epoch, after the split."),
        ("a fifth of each class", "That is a stratified split, which you have to ask for, for example with scikit-learn's train_test_split."),
        ("it depends on the seed", "No seed enters: it is the end of the file."),
    ],
)  # fmt: skip

# %%
questions.choice(
    "8b-check-patients",
    "Ten X-rays of each of 500 patients; the network is meant for new patients. How do you split?",
    right=("draw patients, and take all their pictures", "Yes: validation then asks what use will ask, pictures of people never seen."),
    wrong=[
        ("shuffle all pictures, then cut", "Then most validation pictures show a patient who is in training, too."),
        ("shuffle, and stratify by diagnosis", "Equal shares of the diagnoses do not keep a patient on one side."),
        ("take the last fifth of the file", "It may keep patients together, but who is at the end of a file is no draw."),
    ],
)  # fmt: skip

# %%
questions.choice(
    "8-check-stop",
    "You ship class labels, nobody reads the probabilities. Validation loss turned at epoch 8, scaled loss and error rate still fall at epoch 20. What do you do?",
    right=("go on, and choose by accuracy or scaled loss", "Yes: what you ship still improves."),
    wrong=[
        ("keep epoch 8, where the loss was lowest", "That gives away what the network learnt since."),
        ("stop at 20, since loss and error rate now disagree", "A disagreement is no reason: the measure you ship decides."),
        ("start again with a smaller patience", "A smaller patience stops no later."),
    ],
)  # fmt: skip

# %% [markdown]
# ## Summary
#
# - Two shuffles: of the batches (anew each epoch: better here), and before the split.
# - Shuffle before the split unless rows belong together, by group or time: then split by that.
# - Stop by what you ship. A rising loss alone is no reason to stop.
# - What was chosen looks too good. Judge it on a part that chose nothing.
#
# **What would change your mind?** A grouped file in which a shuffled split predicts new groups as well as a split by group does.
#
# **Further reading.** L. Prechelt, "Early stopping, but when?", in *Neural Networks: Tricks of the Trade* (1998). E. Berta, D. Holzmüller, M. Jordan, F. Bach, "Rethinking early stopping: refine, then calibrate" (2025). S. Kaufman, S. Rosset, C. Perlich, "Leakage in data mining: formulation, detection, and avoidance", *KDD* (2011).
#
# **Graded exercise:** [exercise 8](../exercises/exercise_08_testing_explanations.ipynb). **Before:** [lesson 8](08_testing_explanations.ipynb). **Next:** [lesson 9](09_reading_curves.ipynb).
