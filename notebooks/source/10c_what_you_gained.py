# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 10c · What did you gain, and were you as sure as you should have been?
#
# **Time** about {minutes} minutes. **You need** the answers that you gave in [lesson 0](00_start_here.ipynb), and the lessons between.
#
# After this lesson you know which ideas to read again, how much sixteen questions can say about one person, and how well your own confidence was calibrated over the course.
#
# ## The same ideas again
#
# The ideas of lesson 0, asked in other words. Again you are not told what is right; your first answer counts, here and there.

# %% plumbing
import numpy as np
from IPython.display import Markdown, display
from scipy.stats import binom

from lessonlib import calibration, figures, metrics
from lessonlib.course import concept_inventory
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.questions import Prediction, choice, forecasts, solution, your_code

for panel in concept_inventory.panels("post"):
    display(panel)

# %% [markdown]
# The usual measure is the **normalised gain** (Hake 1998): of what was missing before, which share is there now?

# %%
print(concept_inventory.compare())

# %% [markdown]
# ## How much is that worth?
#
# Somebody learns nothing: before and after, every question is answered rightly with the same chance of 60 %. In the literature a gain of 0.3 or more is called
# *medium*; it was so called for the average of a **class** (Hake 1998).

# %%
luck = Prediction(
    "10-lucky-gain",
    "Sixteen questions before and after, nothing learnt, 60 % each time. How often is the gain 0.3 or more?",
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


by_luck = {n: chance_of_gain(n, 0.6, 0.6, 0.3) for n in (16, 48, 192)}

# %% plumbing
shares = dict(zip(luck.options, (1 / 100, 1 / 20, 1 / 5, 1 / 2)))
print(luck.resolve(min(shares, key=lambda name: abs(np.log(shares[name] / by_luck[16])))))
for n, chance in by_luck.items():
    print(f"{n} questions: a gain of 0.3 or more by luck alone in {chance:.1%}")
assert by_luck[16] > 0.1 > by_luck[48] > by_luck[192]

# %% [markdown]
# **How many questions would it take until somebody who learnt nothing and somebody who learnt half of what was missing hardly overlap?**

# %% plumbing
LEARNERS, EDGES = 20_000, np.linspace(-1.55, 1.05, 27)


def simulated_gains(n_items, before, learnt):
    """Normalised gains of many learners who truly gained the share `learnt`."""
    rng = np.random.default_rng(n_items)
    first = rng.binomial(n_items, before, LEARNERS)
    second = rng.binomial(n_items, before + learnt * (1 - before), LEARNERS)
    return ((second - first) / np.maximum(n_items - first, 1))[first < n_items]


def overlap(n_items, before, learnt):
    gains = [simulated_gains(n_items, before, share) for share in (0, learnt)]
    heights = [np.histogram(g, EDGES, weights=np.full(len(g), 1 / len(g)))[0] for g in gains]
    overtaken = np.mean(gains[0] >= np.median(gains[1]))
    return Picture(
        f"{n_items} questions, {before:.0%} known before: of those who learnt nothing {overtaken:.0%} do at least as "
        f"well as the middle one of those who learnt {learnt:.0%} of what was missing.",
        Panel(
            "Normalised gains of 20,000 learners who are all alike",
            figures.stairs(EDGES, heights[0], label="learnt nothing"),
            figures.stairs(EDGES, heights[1], "vermilion", label="learnt something"),
            x=(-1.55, 1.05),
            y=(0, 0.6),
            xlabel="normalised gain",
            legend="upper left",
        ),
    )


Explorer(
    overlap,
    n_items=slider([16, 24, 48, 96, 192], label="questions"),
    before=slider([0.3, 0.5, 0.7], start=0.5, label="known before"),
    learnt=slider([0.25, 0.5, 0.75], start=0.5, label="truly learnt"),
    title="What a gain on few questions is worth",
)

# %%
few, many = (simulated_gains(n, 0.5, 0).std() for n in (16, 192))
assert few > 3 * many
Markdown(
    f"With sixteen questions and half of them known, the gain of one who learnt nothing has a standard deviation of **{few:.1f}**; with 192 it is "
    f"{many:.1f}. Besides, nobody has measured whether the two forms are equally hard, an idea met twice is easier the second time, and both ask only "
    "what this course teaches. Your gain says *which ideas to read again*. It does not measure you."
)

# %% [markdown]
# ## Were you as sure as you should have been?
#
# Before most experiments of this course you said what you expect and how sure you are. A network does the same, so you can be measured in the same way. **Guess first:** are you over- or underconfident?
#
# The measure is the Brier score. Write it:


# %%
@solution(
    "10c-brier",
    cases=[([0.5, 0.5], 0), ([0.8, 0.1, 0.1], 2), ([0, 1], 1)],
    hint="Make the outcome a row of zeros with a one: np.eye(k)[outcome]. Then square and add the differences.",
)
def brier(probabilities, outcome):
    return np.sum((np.asarray(probabilities) - np.eye(len(probabilities))[outcome]) ** 2)


# %%
@your_code("10c-brier")
def brier(probabilities, outcome):
    """Return the squared distance between the probabilities of the options and what came true."""
    ...


# %%
made = forecasts()
scores = np.array([brier(forecast.probabilities, forecast.outcome) for forecast in made])
evens = np.array([1 - 1 / len(forecast.probabilities) for forecast in made])
if len(made) < 2:
    print("Fewer than two predictions resolved: your Brier score appears here.")
else:
    better = metrics.estimate_mean(evens - scores)
    print(f"{len(made)} predictions resolved; mean Brier score {scores.mean():.2f}")
    print(f"even guesses on the same questions would have got {evens.mean():.2f}")
    print(f"better by {better.value:+.2f}, standard error {better.standard_error:.2f}")

# %% plumbing
FEWEST = 20  # fewer say nothing about single confidences
sure = [f for f in made if max(f.probabilities) > 1.001 / len(f.probabilities)]
if len(sure) < FEWEST:
    print(
        f"{len(sure)} predictions with a stated confidence: a reliability diagram needs {FEWEST}."
    )
else:
    width = max(len(f.probabilities) for f in sure)
    rows = np.array([np.pad(f.probabilities, (0, width - len(f.probabilities))) for f in sure])
    outcomes = np.array([f.outcome for f in sure])
    bins = {"n_bins": 4, "scheme": "equal mass"}
    by_chance = calibration.ece_if_calibrated(rows, **bins, rng=0).mean()
    mine = calibration.reliability(outcomes, rows, **bins)
    figures.show(
        Picture(
            f"Confidence minus accuracy {calibration.overconfidence(outcomes, rows):+.2f} over {len(sure)} predictions; "
            f"calibration error {mine.ece:.2f}; chance alone would give {by_chance:.2f}.",
            Panel("Your predictions", figures.reliability(mine)),
        ),
        figsize=(4.2, 4),
    )

# %% [markdown]
# Points below the diagonal: you were right less often than you said. With a few dozen predictions each point has a large error (lesson 5), so look at the whole. Predictions for which you chose "just guessing" state no
# confidence and are left out here. The questions of a course are chosen to surprise, so being overconfident here does not mean that you are elsewhere.
#
# ## Misconceptions met
#
# | people say | where you met it |
# |---|---|
# | "my gain on sixteen questions measures what I learnt" | learners who learnt nothing, and their gains |
# | "being right often is being calibrated" | Brier score and reliability diagram ask how sure you were, too |
#
# ## Check yourself

# %%
choice(
    "10-check-gain",
    "A learner had 8 of 16 before and 12 of 16 after. What follows?",
    right=(
        "a hint: luck alone does that now and then",
        f"Yes: one who learnt nothing, at 60 %, gains a half or more in {chance_of_gain(16, 0.6, 0.6, 0.5):.0%} of such pairs.",
    ),
    wrong=[
        (
            "that the course works: half of the errors are gone",
            "One person, sixteen questions, and nobody who did without the course.",
        ),
        (
            "that the learner knows half of what was missing",
            "That is the estimate; you saw how widely such gains spread by luck alone.",
        ),
    ],
)

# %% [markdown]
# ## Summary
#
# - Your gain names the ideas to read again. Sixteen questions and one person are a hint, not a measurement; so are two curves and one seed.
# - Being right often is not being calibrated: the Brier score and the diagram ask how sure you were, too.
#
# **What would change your mind?** A gain that stays when somebody else writes the questions.
#
# **Exercise:** the last question of [exercise 10](../exercises/exercise_10_curve_clinic.ipynb). **Before:** [10b](10b_more_cases.ipynb), or [lesson 10](10_curve_clinic.ipynb). **Next:** [lesson 11](11_language_models.ipynb), where language models are asked the same question, and your own runs.
#
# **Further reading.** R. R. Hake, "Interactive-engagement versus traditional methods", *American Journal of Physics* 66 (1998), where the normalised gain comes from.
# G. W. Brier, "Verification of forecasts expressed in terms of probability", *Monthly Weather Review* 78 (1950). P. Tetlock and D. Gardner, *Superforecasting* (2015),
# on people who keep score of their own predictions.
