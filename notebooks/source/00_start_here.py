# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 0 · Start here
#
# **Time** about {minutes} minutes. **You need** nothing but this notebook.
#
# This course settles an argument. For about ten years people have posted two curves and asked: *validation loss goes up while validation accuracy goes up;
# what is happening?* The answers contradict each other. Here you make it happen, test the rival answers, and learn to read your own curves.
#
# After this lesson you
#
# 1. know whether your machine has what the lessons need, and what to do if not;
# 2. can use sliders, predictions and checks;
# 3. have written down what you believe *now*, so that you can see at the end what changed.
#
# **How to run a cell:** click into it and press Shift+Enter. Run the cells from top to bottom.
#
# ## Does your machine work?

# %%
import numpy as np
from IPython.display import display

from lessonlib import charts, checks, environment, metrics
from lessonlib.course import concept_inventory
from lessonlib.explorer import Explorer
from lessonlib.predictions import Question

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
# This one shows a coin that is thrown up to 200 times: the share of heads so far, for eight series of throws.


# %%
def setup(fig):
    (ax,) = charts.panels(fig, "Share of heads after each throw")
    ax.set(xlim=(0, 200), ylim=(0, 1), xlabel="throws", ylabel="share of heads")
    charts.level(ax, 0.5, "fair coin")
    throws = np.arange(1, 201)
    return {"line": charts.curve(ax, throws, np.full(200, np.nan)), "dot": charts.dot(ax)}


# %%
def update(parts, n, series):
    heads = np.random.default_rng(series).random(200) < 0.5
    share = np.cumsum(heads) / np.arange(1, 201)
    parts["line"].set_ydata(np.where(np.arange(200) < n, share, np.nan))
    parts["dot"].move(n, share[n - 1], f"{share[n - 1]:.2f}")
    error = metrics.accuracy_standard_error(0.5, n)
    usual = f"a fair coin is within ±{2 * error:.2f} of one half nineteen times in twenty"
    return f"After {n} throws of series {series}: {share[n - 1]:.2f} heads; {usual}."


# %%
Explorer(
    setup,
    update,
    n=range(10, 201, 10),
    series=range(1, 9),
    labels={"n": "throws", "series": "which series"},
    title="A fair coin",
)

# %% [markdown]
# **You see no slider?** In the folder of the course run `python3 course.py start` and open this notebook there. On a page without widgets
# (GitHub, for instance) a still picture stands in.
#
# ## How to make a prediction
#
# Before an experiment you are asked what you expect and how sure you are. Choose, press the button, run on. Your prediction is kept on your
# machine, and after the experiment you are told how well it did.

# %%
rates = {
    "never": 0,
    "one time in twenty": 1 / 20,
    "one time in seven": 1 / 7,
    "every other time": 1 / 2,
}
coins = Question(
    "0-coins",
    "A fair coin, 200 throws, five hundred times. "
    "How often is the share of heads off by more than 0.05?",
    list(rates),
)
coins

# %%
heads = (np.random.default_rng(1).random((500, 200)) < 0.5).sum(axis=1)
off = (np.abs(heads - 100) > 10).mean()  # 10 of 200 throws are a share of 0.05
print(f"off by more than 0.05 in {off:.0%} of 500 series")
print(coins.settle(min(rates, key=lambda name: abs(rates[name] - off))))

# %% [markdown]
# The score is the **Brier score**: the squared distance between what you said and what came true. Saying "100 %" and being wrong costs most.
# Being unsure is no shame; being surer than you are right is what costs.
#
# ## How a check works
#
# A check tells you at once whether you are right, and for a wrong answer what it overlooks. Try a wrong one too.

# %% jupyter={"source_hidden": true}
checks.choice(
    "0-check-error",
    "A network is right on 90 of 100 validation pictures. With another 100 pictures, what is plausible?",
    right=(
        "anything from 82 to 98",
        f"Yes: each hundred is a sample with a standard error of {metrics.accuracy_standard_error(0.9, 100):.2f}. For the difference of two that makes {np.sqrt(2) * metrics.accuracy_standard_error(0.9, 100):.3f}, and twice as much either way is plausible.",
    ),
    wrong=[
        (
            "exactly 90 again",
            "The network is the same, the pictures are not: some other hundred has more or fewer hard ones.",
        ),
        (
            "anything from 89 to 91",
            "That would take thousands of pictures; the error shrinks with the square root of their number.",
        ),
    ],
)

# %% [markdown]
# ## What do you believe now?
#
# Twelve questions on what this course is about. **Answer all of them before you go on**, choose what you find most likely, and do not look anything up. You are
# not told what is right: the same ideas are asked again at the end, and the difference is what you learnt.

# %%
for panel in concept_inventory.pre_test():
    display(panel)

# %%
print(f"{concept_inventory.n_answered()} of {len(concept_inventory.PRE_TEST)} answers kept")

# %% [markdown]
# ## Summary
#
# - Sliders, predictions and checks work, or you know what to do.
# - What you believe now is written down in your own folder and stays on your machine.
#
# **Next:** lesson 1, `01_horse_or_dog`: what do loss and accuracy measure?
#
# **Further reading.** G. Brier, "Verification of forecasts expressed in terms of probability", *Monthly Weather Review* 78 (1950): where the score of
# your predictions comes from.
