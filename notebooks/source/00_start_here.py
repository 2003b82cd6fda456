# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 0 · Start here: does my machine work, and what do I believe now?
#
# **Time** about {minutes} minutes. **You need** nothing but this notebook.
#
# In 2017 somebody trained a network on small photographs and [asked](https://stats.stackexchange.com/questions/282160/how-is-it-possible-that-validation-loss-is-increasing-while-validation-accuracy):
# *validation loss goes up while validation accuracy goes up; how is this possible?* A [blog post of 2018](https://www.jussihuotari.com/2018/01/17/why-loss-and-accuracy-metrics-conflict/)
# asks why loss and accuracy conflict at all. There are many answers, and they contradict each other. This course takes up these two texts and three longer
# guides (whose public address we do not know), tests what they say, goes on to your own curves, and ends with language models.
#
# After this lesson you
#
# 1. know whether your machine has what the lessons need, and what to do if not;
# 2. can use sliders, predictions, checks and cells that you fill in;
# 3. have written down what you believe *now*, so that you can see at the end what changed.
#
# **How to run a cell:** click into it and press Shift+Enter. Run the cells from top to bottom. A bar at the left marks a collapsed cell; click it to see the code.
#
# ## Does your machine work?

# %%
import numpy as np
from IPython.display import display
from scipy.stats import binom

from lessonlib import figures
from lessonlib.course import concept_inventory, environment
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.questions import Prediction, choice, solution, your_code

# %%
findings = environment.report()
print(*findings, sep="\n")

# %%
missing = [finding.subject for finding in findings if not finding.ok]
print("Everything is there." if not missing else f"Put right first: {', '.join(missing)}")

# %% [markdown]
# If you want to know which versions were found: `print(*[(f.subject, f.detail) for f in findings], sep="\n")`.
#
# ## How to use a slider
#
# A picture with sliders is called an *explorer*. Click a slider and use the arrow keys, Page Up and Page Down, Home and End, or drag it.
# The sentence below the picture says what the picture shows; a screen reader reads it out.
#
# A coin is thrown up to 200 times. The line is the share of heads so far. The grey area holds the shares that a fair coin shows most of the time.

# %% plumbing
throws = np.arange(1, 201)
low, high = (np.array(ends) / throws for ends in binom.interval(0.95, throws, 0.5))


def coin(n, series):
    heads = np.random.default_rng(series).random(200) < 0.5
    share = np.cumsum(heads)[:n] / throws[:n]
    k_low, k_high = low[n - 1] * n, high[n - 1] * n
    within = binom.cdf(k_high, n, 0.5) - binom.cdf(k_low - 1, n, 0.5)
    return Picture(
        f"After {n} throws of series {series}: {share[-1]:.2f} heads. A fair coin is between {low[n - 1]:.2f} "
        f"and {high[n - 1]:.2f} in {within:.1%} of all series of {n}.",
        Panel(
            "Share of heads after each throw",
            figures.area(throws, low, high, label="a fair coin, most of the time"),
            figures.line(throws[:n], share, label="this series"),
            figures.dot(n, share[-1], f"{share[-1]:.2f}"),
            x=(0, 200),
            y=(0, 1),
            xlabel="throws",
            legend="upper right",
        ),
    )


Explorer(
    coin,
    n=slider(range(10, 201, 10), label="throws"),
    series=slider(range(1, 9), label="which series"),
    title="A coin",
)

# %% [markdown]
# **You see no slider?** In the folder of the course run `python3 course.py start` and open this notebook there. On a page without widgets
# (GitHub, for instance) a still picture stands in.
#
# ## How to make a prediction
#
# Before an experiment you are asked what you expect and how sure you are. Choose, press the button, run on. Your prediction is kept on your
# machine. It is closed when the result is shown.

# %%
rates = {"never": 0, "1 time in 20": 1 / 20, "1 time in 7": 1 / 7, "1 time in 2": 1 / 2}
coins = Prediction(
    "0-coins",
    "A fair coin, 200 throws, five hundred times. How often is the share of heads off by more than 0.05?",
    list(rates),
)
coins

# %%
heads = (np.random.default_rng(1).random((500, 200)) < 0.5).sum(axis=1)
off = (np.abs(heads - 100) > 10).mean()  # 10 of 200 throws are a share of 0.05

# %% plumbing
print(f"off by more than 0.05 in {off:.0%} of 500 series")
print(coins.resolve(min(rates, key=lambda name: abs(rates[name] - off))))

# %% [markdown]
# The score is the **Brier score**: the squared distance between what you said and what came true. Being unsure is no shame; being sure and wrong costs most.
#
# ## How to write a line of code
#
# In every lesson some decisive lines are yours. Replace the `...`, run the cell, and read what stands below it: whether it is right, or which input gave what. A hint and
# a solution are folded away. If you leave it as it is, the lesson goes on with our line.


# %%
@solution(
    "0-accuracy",
    cases=[([1, 0, 2, 1], [1, 0, 1, 1]), ([0, 0], [1, 1]), ([3], [3])],
    hint="np.asarray(labels) == np.asarray(answers) is an array of True and False. What is its mean?",
)
def accuracy(labels, answers):
    return np.mean(np.asarray(labels) == np.asarray(answers))


# %%
@your_code("0-accuracy")
def accuracy(labels, answers):
    """Return the share of answers that are equal to their labels, such as 0.75."""
    ...


# %%
print(f"three of four right: {accuracy([1, 0, 2, 1], [1, 0, 1, 1]):.2f}")

# %% [markdown]
# ## How a check works
#
# A check tells you at once whether you are right, and for a wrong answer what it overlooks. Try a wrong one too.

# %%
another = binom.interval(0.95, 100, 0.9)
choice(
    "0-check-error",
    "A network is right on exactly 90 % of all pictures that there are. You test it on 100 of them, drawn at random. What do you expect?",
    right=(
        f"between {another[0]:.0f} and {another[1]:.0f} right, most of the time",
        "Yes: a hundred pictures are a sample, like a hundred throws. Lesson 5 is about this.",
    ),
    wrong=[
        (
            "exactly 90 right, because the network is the same",
            "The network is the same; some hundreds hold more hard pictures than others.",
        ),
        (
            "between 89 and 91 right, most of the time",
            "That takes thousands of pictures: the error shrinks with the square root of their number.",
        ),
    ],
)

# %% [markdown]
# ## What do you believe now?
#
# Sixteen questions on what this course is about. **Answer all of them before you go on**, choose what you find most likely, and do not look anything up. You are
# not told what is right: the same ideas are asked again, in other words, at the end.

# %% plumbing
for panel in concept_inventory.panels("pre"):
    display(panel)

# %%
n_kept, n_asked = (
    len(each) for each in (concept_inventory.answered("pre"), concept_inventory.items("pre"))
)
print(f"{n_kept} of {n_asked} answers kept")

# %% [markdown]
# ## Summary
#
# - Sliders, predictions, checks and your own lines work, or you know what to do.
# - What you believe now is written down in your own folder and stays on your machine.
#
# **What would change your mind?** Of each of your sixteen answers, ask which experiment could show that it is wrong. The lessons do these experiments.
#
# **Exercises.** Each lesson from 1 to 11 has a graded exercise; this one has none. A letter, as in 2b, marks a further lesson that you may leave out. **Next:** [lesson 1](01_horse_or_dog.ipynb), what do loss and accuracy measure?
#
# **Further reading.** G. W. Brier, "Verification of forecasts expressed in terms of probability", *Monthly Weather Review* 78 (1950): where the score of
# your predictions comes from.
