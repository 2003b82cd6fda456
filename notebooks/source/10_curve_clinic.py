# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 10 · The curve clinic: can you diagnose a stranger's run?
#
# **Time** about 60 minutes. **You need** lessons 1 to 9; above all the questions of lesson 9.
#
# After this lesson you
#
# 1. have read twelve runs that you had never seen, and said what happened, what shows it and what to do;
# 2. know which causes you take for one another;
# 3. know what you gained since lesson 0, and how little twelve questions can say about that;
# 4. know how well your own confidence was calibrated over the whole course.
#
# ## How the clinic works
#
# Each case is a run that was really trained, with one cause, and shown as strangers show theirs: the curves, how many examples, how many classes,
# a question. You answer three times: **what happened**, **which observation speaks for it**, **what do you do first**. The feedback comes when all
# three are answered, since the one gives away the other. Your first diagnosis counts; after it, try the other options, each has its own feedback.
#
# The right option earns one point, one that is partly right half a point. The answers lie beside the cases in a file that is encoded, so that nobody
# reads them by accident. It can be decoded in a minute, and the program that made the cases can be read: it is your clinic, not an exam.

# %%
from functools import partial

import numpy as np
from IPython.display import Markdown, display
from matplotlib.figure import Figure
from scipy.stats import binom

from lessonlib import calibration, charts, checks, figures, metrics
from lessonlib.course import clinic, concept_inventory
from lessonlib.explorer import Explorer
from lessonlib.predictions import Question, forecasts
from lessonlib.reading.reader import read
from lessonlib.smoothing import running_average

# %%
patients = {case.number: case for case in clinic.cases()}
possible = len(clinic.PARTS) * clinic.N_CASES
guessing = clinic.points_by_guessing()
Markdown(
    f"{len(patients)} cases, {possible} points. Compared with what? Whoever chooses by chance "
    f"earns **{guessing:.1f}** points on average, since half points are given too."
)

# %%
my_score = Question(
    "10-score",
    f"How many of the {possible} points will you get?",
    ["fewer than half", "half to three quarters", "more than three quarters"],
)
my_score

# %% [markdown]
# ## The instrument
#
# The picture of a case has two sliders. *Running mean* averages each epoch with those before it, which calms a curve and delays it (lesson 5). *Standard
# errors* draws a band around validation: what another draw of as many validation examples would change. Both start at what the stranger posted.


# %%
def curves(case, measure):
    """Training curve, validation curve and its standard errors; accuracy in per cent."""
    if measure == "loss":
        return case.training("loss"), case.run["val_loss"], case.run["val_loss_se"]
    val = case.run["val_accuracy"]
    errors = [metrics.accuracy_standard_error(share, case.n_val) for share in val]
    return 100 * case.training("accuracy"), 100 * val, 100 * np.array(errors)


# %%
def setup(fig, number):
    case, parts = patients[number], {}
    for ax, measure in zip(charts.panels(fig, "Loss, nats", "Accuracy, %"), ("loss", "accuracy")):
        train, val, errors = curves(case, measure)
        top = 1.1 * max(train.max(), (val + errors).max()) if measure == "loss" else 104
        ax.set(xlim=(0.5, case.run.n_epochs + 0.5), ylim=(0, top), xlabel="epoch")
        line = charts.curve(ax, case.run.epochs, train, label="training")
        options = {"colour": "vermilion", "label": "validation"}
        parts[measure] = line, charts.band(ax, case.run.epochs, val, errors, **options)
        ax.xaxis.get_major_locator().set_params(integer=True)
    fig.axes[0].legend()
    return parts


# %%
def update(parts, number, window, errors):
    said = []
    for measure, unit in (("loss", ""), ("accuracy", " %")):
        train, val, error = curves(patients[number], measure)
        train, val = (running_average(values, window) for values in (train, val))
        parts[measure][0].set_ydata(train)
        parts[measure][1].move(val, errors * error)
        best = val.argmin() if measure == "loss" else val.argmax()
        said.append(
            f"Validation {measure} {val[0]:.2f}{unit} first, {val[best]:.2f}{unit} at its best in "
            f"epoch {best + 1}, {val[-1]:.2f}{unit} last; training {train[-1]:.2f}{unit} last."
        )
    calm = "as logged" if window == 1 else f"running mean over {window} epochs"
    return f"Case {number}, {calm}, {errors} standard errors. " + " ".join(said)


# %%
SLIDERS = {
    "window": (1, 3, 5, 9),
    "errors": (0, 1, 2),
    "labels": {"window": "running mean, epochs", "errors": "standard errors"},
    "figsize": (9, 3.2),
}


def story(number):
    """What the stranger tells: the question, the sizes, the classes."""
    case = patients[number]
    told = f"{case.n_train:,} training and {case.n_val:,} validation examples, {case.n_classes} "
    shares = ", ".join(f"{100 * share:.1f} %" for share in case.class_shares or [])
    told += f"classes{f' with shares {shares} in validation' if shares else ''}."
    return Markdown(f"> {case.story}\n\n{told}")


# %% [markdown]
# ## The cases
#
# Take two or three minutes for each. Say to yourself what you see *before* you read the options.

# %% [markdown]
# ### Case 1

# %%
story(1)

# %%
Explorer(partial(setup, number=1), partial(update, number=1), title="Case 1", **SLIDERS)

# %% jupyter={"source_hidden": true}
clinic.Form(1)

# %% [markdown]
# ### Case 2

# %%
story(2)

# %%
Explorer(partial(setup, number=2), partial(update, number=2), title="Case 2", **SLIDERS)

# %% jupyter={"source_hidden": true}
clinic.Form(2)

# %% [markdown]
# ### Case 3

# %%
story(3)

# %%
Explorer(partial(setup, number=3), partial(update, number=3), title="Case 3", **SLIDERS)

# %% jupyter={"source_hidden": true}
clinic.Form(3)

# %% [markdown]
# ### Case 4

# %%
story(4)

# %%
Explorer(partial(setup, number=4), partial(update, number=4), title="Case 4", **SLIDERS)

# %% jupyter={"source_hidden": true}
clinic.Form(4)

# %% [markdown]
# ### Case 5

# %%
story(5)

# %%
Explorer(partial(setup, number=5), partial(update, number=5), title="Case 5", **SLIDERS)

# %% jupyter={"source_hidden": true}
clinic.Form(5)

# %% [markdown]
# ### Case 6

# %%
story(6)

# %%
Explorer(partial(setup, number=6), partial(update, number=6), title="Case 6", **SLIDERS)

# %% jupyter={"source_hidden": true}
clinic.Form(6)

# %% [markdown]
# ### Case 7

# %%
story(7)

# %%
Explorer(partial(setup, number=7), partial(update, number=7), title="Case 7", **SLIDERS)

# %% jupyter={"source_hidden": true}
clinic.Form(7)

# %% [markdown]
# ### Case 8

# %%
story(8)

# %%
Explorer(partial(setup, number=8), partial(update, number=8), title="Case 8", **SLIDERS)

# %% jupyter={"source_hidden": true}
clinic.Form(8)

# %% [markdown]
# ### Case 9

# %%
story(9)

# %%
Explorer(partial(setup, number=9), partial(update, number=9), title="Case 9", **SLIDERS)

# %% jupyter={"source_hidden": true}
clinic.Form(9)

# %% [markdown]
# ### Case 10

# %%
story(10)

# %%
Explorer(partial(setup, number=10), partial(update, number=10), title="Case 10", **SLIDERS)

# %% jupyter={"source_hidden": true}
clinic.Form(10)

# %% [markdown]
# ### Case 11

# %%
story(11)

# %%
Explorer(partial(setup, number=11), partial(update, number=11), title="Case 11", **SLIDERS)

# %% jupyter={"source_hidden": true}
clinic.Form(11)

# %% [markdown]
# ### Case 12

# %%
story(12)

# %%
Explorer(partial(setup, number=12), partial(update, number=12), title="Case 12", **SLIDERS)

# %% jupyter={"source_hidden": true}
clinic.Form(12)

# %% [markdown]
# ## Your diagnoses

# %%
score = clinic.score()
print(score)


# %%
def verdict_on(score):
    """The option of your prediction that came true."""
    share = score.total / score.possible
    return my_score.options[(share >= 0.5) + (share > 0.75)]


complete = score.n_answered == clinic.N_CASES
if complete:
    per_case = [sum(points.values()) for points in score.points.values()]
    spread = metrics.estimate_mean(per_case).standard_error * clinic.N_CASES
    print(my_score.settle(verdict_on(score)))
    if spread:  # twelve equal results say nothing of others
        print(f"Twelve other cases would give another total: one standard error is {spread:.1f}.")
else:
    print("Your prediction of the points is settled when all twelve cases are answered.")

# %% [markdown]
# **Look at the confusions.** Two causes that you took for one another share most of their evidence; ask which *one* observation separates them, and
# write it down. Where the evidence was wrong and the cause right, you were lucky.
#
# ### A second opinion
#
# Lesson 9's curve reader gets the same curves, sizes and classes as you. It knows no stories.

# %%
machine = Question(
    "10-reader",
    "In how many of the twelve cases is the true cause the first or second finding of the reader?",
    [3, 6, 9, 12],
)
machine

# %%
readings = {
    number: read(
        case.run, n_val=case.n_val, n_classes=case.n_classes, class_shares=case.class_shares
    )
    for number, case in patients.items()
}
first_two = {
    number: [found.pattern for found in reading.findings[:2]]
    for number, reading in readings.items()
}
named = [n for n in patients if clinic.answer(n).named_by & set(first_two[n])]
print(f"named by the reader: {len(named)} of {len(patients)}")
assert len(named) >= 9

# %%
print(machine.settle(len(named)))

# %% [markdown]
# What it said of each case is shown for the cases that you have answered:

# %%
made = clinic.diagnoses()
for number in made:
    said = [found.title for found in readings[number].findings[:2]]
    agrees = "names it" if number in named else "misses it"
    print(f"case {number}: the reader {agrees}: {'; '.join(said)}.")
if not made:
    print("No case answered yet: the reader's findings appear here, one line for each case.")

# %% [markdown]
# Twelve cases were chosen so that each has *one* cause and shows it. Your own runs have two causes at once, and the reader's hits on chosen cases are no measure
# of how often it is right: for that there are runs that nobody chose, counted in `docs/reader-accuracy.md`.
#
# ## What did you gain?
#
# The same twelve ideas as in lesson 0, asked in other words. Again you are not told what is right; your first answer counts, here and in lesson 0.

# %%
for panel in concept_inventory.post_test():
    display(panel)

# %%
n_before, n_after = concept_inventory.n_answered("pre"), concept_inventory.n_answered("post")
print(f"kept: {n_before} answers before the course, {n_after} after it")

# %% [markdown]
# The usual measure is the **normalised gain** (Hake 1998): of what was missing before, which share is there now?
# `(after − before) / (1 − before)`.

# %%
both = concept_inventory.compare()
if both.n_items == 0:
    said = "Nothing to compare yet: answer the twelve questions here and in lesson 0, run again."
else:
    right = f"{sum(both.before.values())} before, {sum(both.after.values())} after"
    said = f"Of {both.n_items} ideas answered twice you had right: {right}."
    said += f" Gained: {', '.join(both.gained) or 'none'}. Lost: {', '.join(both.lost) or 'none'}."
print(said)
if both.gain is not None:
    print(f"normalised gain {both.gain:.2f}")
    print(f"as uneven by luck alone: {both.p_value:.0%} of the time")

# %% [markdown]
# ### How much is that worth?
#
# Somebody learns nothing: before and after, every question is answered rightly with the same chance of 60 %. In the literature a gain of 0.3 or more is called
# *medium*. It was so called for the average of a **class** (Hake 1998).

# %%
luck = Question(
    "10-lucky-gain",
    "Twelve questions before and after, nothing learnt, 60 % each time. "
    "How often is the normalised gain 0.3 or more?",
    ["1 time in 100", "1 time in 20", "1 time in 5", "1 time in 2"],
)
luck


# %%
def chance_of_gain(n_items, p_before, p_after, at_least):
    """Exact chance of a normalised gain, for answers that are independent of each other."""
    right = np.arange(n_items + 1)
    joint = np.outer(binom.pmf(right, n_items, p_before), binom.pmf(right, n_items, p_after))
    gained, missing = right[None, :] - right[:, None], n_items - right[:, None]
    # A perfect first test leaves nothing to gain.
    return joint[(gained >= at_least * missing - 1e-9) & (missing > 0)].sum()


by_luck = {n: chance_of_gain(n, 0.6, 0.6, 0.3) for n in (12, 48, 192)}
for n, chance in by_luck.items():
    print(f"{n:3} questions: a gain of 0.3 or more by luck alone in {chance:.1%}")
assert by_luck[12] > 0.1 > by_luck[48] > by_luck[192]

# %%
shares = dict(zip(luck.options, (0.01, 0.05, 0.2, 0.5)))
print(luck.settle(min(shares, key=lambda name: abs(np.log(shares[name] / by_luck[12])))))

# %% [markdown]
# Set what a learner truly knows before and after, and the number of questions. **How many questions would it take until somebody who learnt nothing and somebody
# who learnt half of what was missing hardly overlap?**

# %%
LEARNERS, EDGES = 20_000, np.linspace(-1.55, 1.05, 27)


def simulated_gains(n_items, before, learnt):
    """Normalised gains of many learners who truly gained the share `learnt`."""
    rng = np.random.default_rng(n_items)
    first = rng.binomial(n_items, before, LEARNERS)
    second = rng.binomial(n_items, before + learnt * (1 - before), LEARNERS)
    return ((second - first) / np.maximum(n_items - first, 1))[first < n_items]


# %%
def setup_gain(fig):
    (ax,) = charts.panels(fig, "Normalised gains of 20,000 learners who are all alike")
    ax.set(xlim=(-1.55, 1.05), ylim=(0, 0.6), xlabel="normalised gain", ylabel="share of learners")
    nothing = charts.stairs(ax, EDGES, colour="blue", label="learnt nothing")
    some = charts.stairs(ax, EDGES, colour="vermilion", label="learnt something")
    ax.legend(loc="upper left")
    return nothing, some


# %%
def update_gain(parts, n_items, before, learnt):
    gains = [simulated_gains(n_items, before, share) for share in (0, learnt)]
    for part, values in zip(parts, gains):
        weights = np.full(len(values), 1 / len(values))
        part.set_data(np.histogram(values, EDGES, weights=weights)[0])
    overtaken = np.mean(gains[0] >= np.median(gains[1]))
    return (
        f"{n_items} questions, {before:.0%} known before: the gains of those who learnt nothing "
        f"have a standard deviation of {gains[0].std():.2f}; {overtaken:.0%} of them do at least "
        f"as well as the middle one of those who learnt {learnt:.0%} of what was missing."
    )


# %%
Explorer(
    setup_gain,
    update_gain,
    n_items=(12, 24, 48, 96, 192),
    before=(0.3, 0.5, 0.7),
    learnt=(0.25, 0.5, 0.75),
    start={"before": 0.5, "learnt": 0.5},
    labels={"n_items": "questions", "before": "known before", "learnt": "truly learnt"},
    title="What a gain on few questions is worth",
    figsize=(8, 3.4),
)

# %%
wide, narrow = (simulated_gains(n, 0.5, 0).std() for n in (12, 192))
assert wide > 3 * narrow
Markdown(
    "With twelve questions and half of them known, the gain of one who learnt nothing has a "
    f"standard deviation of **{wide:.1f}**; with 192 it is {narrow:.1f}. "
    "Besides, the two forms were written to be alike and never calibrated against each other, "
    "an idea met twice is easier the second time, and both ask only what this course teaches. "
    "Your gain says *which ideas to read again*. It does not measure you."
)

# %% [markdown]
# ## Were you as sure as you should have been?
#
# Before most experiments of this course you said what you expect and how sure you are. A network does the same, so you can be measured in the same way: by the Brier
# score of your predictions, and by your reliability diagram. **Guess first:** are you over- or underconfident?

# %%
FEWEST = 20  # fewer say nothing about single confidences
settled = forecasts()
briers = np.array([forecast.brier for forecast in settled])
evens = np.array([1 - 1 / len(forecast.probabilities) for forecast in settled])
if not settled:
    print("No prediction settled yet: your Brier score and your reliability diagram appear here.")
else:
    print(f"predictions settled: {len(settled)}; mean Brier score {briers.mean():.2f}")
    print(f"even guesses on the same questions would have got {evens.mean():.2f}")
if len(settled) > 1:
    gained = metrics.estimate_mean(evens - briers)
    print(
        f"better than guessing by {gained.value:+.2f}, standard error {gained.standard_error:.2f}"
    )


# %%
def stated(settled):
    """Labels and probabilities of the predictions in which one option was preferred."""
    sure = [f for f in settled if max(f.probabilities) > 1.001 / len(f.probabilities)]
    width = max((len(f.probabilities) for f in sure), default=2)
    rows = [np.pad(f.probabilities, (0, width - len(f.probabilities))) for f in sure]
    return np.array([f.outcome for f in sure], dtype=int), np.array(rows).reshape(-1, width)


outcomes, probabilities = stated(settled)
enough = len(outcomes) >= FEWEST
if not enough:
    print(f"{len(outcomes)} predictions with a stated confidence: the diagram needs {FEWEST}.")

# %%
if enough:
    gap = calibration.overconfidence(outcomes, probabilities)
    bins = {"n_bins": 4, "scheme": "equal mass"}
    by_chance = calibration.ece_if_calibrated(probabilities, **bins, rng=0).mean()
    mine = calibration.reliability(outcomes, probabilities, **bins)
    with figures.style():
        figure = Figure(figsize=(4.2, 4))
        charts.reliability_diagram(charts.panels(figure, "Your predictions")[0]).move(mine)
    figures.show(
        figure,
        f"Confidence minus accuracy {gap:+.2f} over {len(outcomes)} predictions; "
        f"calibration error {mine.ece:.2f}; chance alone would give {by_chance:.2f}.",
    )

# %% [markdown]
# Predictions for which you chose "just guessing" count in the Brier score and not in the diagram: they state no confidence. Points below the diagonal: you were surer than
# you were right. With a few dozen predictions each point has a large error (lesson 5), so look at the whole, not at a point. And the questions of a course are chosen to
# surprise: whoever looks overconfident here may be well calibrated about the weather.
#
# ## Misconceptions met
#
# | people say | where you met it |
# |---|---|
# | "a curve has one cause that can be seen in it" | the partly right options: several causes share most of their evidence |
# | "the most alarming curve is the one that matters" | the instrument: compare it with its error and with knowing nothing |
# | "a tool that reads curves can replace the reader" | the second opinion: it was not right in every chosen case, and it knows no story |
# | "my gain on twelve questions measures what I learnt" | learners who learnt nothing, and their gains |
# | "being right often is being calibrated" | Brier score and reliability diagram ask how sure you were, too |
#
# ## Check yourself

# %% jupyter={"source_hidden": true}
checks.choice(
    "10-check-separate",
    "Validation loss rises while training loss falls. Which further curve separates 'it gets worse' from 'its errors get more confident'?",
    right=(
        "validation accuracy, with its error",
        "Yes: answers got worse or they did not; the error says whether you can tell.",
    ),
    wrong=[
        (
            "training accuracy, with its error",
            "It rises in both: what is memorised is answered rightly.",
        ),
        ("the gap between the two losses, epoch by epoch", "It opens in both."),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "10-check-order",
    "A stranger shows a curve and asks whether it is good. What do you ask first?",
    right=(
        "what would knowing nothing give?",
        "Yes: class shares and their entropy come before any shape.",
    ),
    wrong=[
        (
            "which optimiser was used, at what learning rate",
            "It may matter later. First find out whether anything was learnt.",
        ),
        (
            "whether the curve is smooth or still jumps",
            "Smooth can be unfinished, jumping can be a small validation set.",
        ),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "10-check-evidence",
    "You name the right cause and as evidence something that is true of healthy runs too. What was that worth?",
    right=(
        "half a diagnosis: such evidence will mislead you",
        "Yes: evidence must be something that the rival causes would not show.",
    ),
    wrong=[
        (
            "as much as a full one: the cause was right",
            "The cause was right this time. What you look at stays with you.",
        ),
        (
            "nothing: a cause without evidence is only a guess",
            "A right cause with weak evidence is a good guess; look for what confirms it.",
        ),
    ],
)

# %% jupyter={"source_hidden": true}
checks.choice(
    "10-check-gain",
    "A learner had 6 of 12 before and 9 of 12 after. What follows?",
    right=(
        "a hint: luck alone gives such a gain now and then",
        f"Yes: one who learnt nothing, at 60 %, gains a half in {chance_of_gain(12, 0.6, 0.6, 0.5):.0%} of such pairs.",
    ),
    wrong=[
        (
            "the course works: half of the errors are gone",
            "One person, twelve questions, and no one who did without the course.",
        ),
        (
            "the learner knows half of what was missing",
            "That is the estimate; you saw how widely such gains spread by luck alone.",
        ),
    ],
)

# %% [markdown]
# ## Summary
#
# - *Can you diagnose a stranger's run?* Cause, evidence, action: evidence is what the rival causes would *not* show. Your points and your confusions are above.
# - Compare with knowing nothing, with the error of the validation set, with training measured alike; then look at shapes.
# - Leave a good run alone.
# - Twelve questions and one person: a hint, not a measurement. The same holds for two curves and one seed.
#
# **What would change your mind?** A case whose curves fit another cause as well as the one that was built in. Some do in part: that is what the half points
# are for. If you find one that does in full, the case is wrong, not you: please report it.
#
# **Further reading.** R. Hake, "Interactive-engagement versus traditional methods", *American Journal of Physics* 66 (1998), where the normalised gain comes from.
# G. Brier, "Verification of forecasts expressed in terms of probability", *Monthly Weather Review* 78 (1950). P. Tetlock and D. Gardner, *Superforecasting* (2015),
# on people who keep score of their own predictions.
#
# **Next:** your own runs. `python -m lessonlib read LOG` reads them; you now know when not to believe it.
