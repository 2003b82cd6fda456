# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 10b · Six further cases
#
# **Time** about {minutes} minutes. **You need** [lesson 10](10_curve_clinic.ipynb), where the rules of the clinic stand.
#
# Six more strangers, six other causes. Afterwards you know whether you still make the confusions of lesson 10.

# %% plumbing
import numpy as np
from IPython.display import Markdown, display

from lessonlib import figures
from lessonlib.course import clinic
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.questions import choice, solution, your_code

CASES = {number: clinic.case(number) for number in range(7, 13)}


@solution(
    "10b-jumps",
    cases=[([0.3, 0.4, 0.3, 0.4],), ([1.0, 0.9, 0.8, 0.7],), ([0.5, 0.2, 0.6, 0.1, 0.4],)],
    hint="np.diff gives the steps from epoch to epoch; their spread is np.std of them.",
)
def jumps(values):
    return np.std(np.diff(values))


@solution(
    "10b-nothing",
    cases=[([0.5, 0.5],), ([0.9, 0.1],), ([0.25] * 4,)],
    hint="It says the largest class, and costs the sum of -p ln p.",
)
def knowing_nothing(shares):
    shares = np.asarray(shares)
    return shares.max(), -np.sum(shares * np.log(shares))


def picture(number, first):
    """The curves of a case from an epoch on, with one standard error of validation."""
    case, panels, said = CASES[number], [], []
    first = min(first, case.run.n_epochs - 2)
    for measure, unit in (("loss", ""), ("accuracy", " %")):
        epochs, train, val, error = (
            each[first - 1 :] for each in (case.run.epochs, *case.curves(measure))
        )
        top = 104 if measure == "accuracy" else 1.1 * max(train.max(), (val + error).max())
        marks = [
            figures.line(epochs, train, label="training"),
            figures.band(epochs, val, error, label="validation"),
        ]
        title = "Loss, nats" if measure == "loss" else "Accuracy, %"
        panels.append(
            Panel(title, *marks, x=(first - 0.5, epochs[-1] + 0.5), y=(0, top), xlabel="epoch")
        )
        said.append(
            f"{measure.capitalize()}: validation {val[0]:.2f}{unit} to {val[-1]:.2f}{unit}, "
            f"training {train[0]:.2f}{unit} to {train[-1]:.2f}{unit}."
        )
    return Picture(f"Case {number} from epoch {first}. {' '.join(said)}", *panels)


def ask(number):
    """Show a case and ask for a diagnosis."""
    display(Markdown(f"> {CASES[number]}"))
    figures.show(picture(number, 1), figsize=(9, 3.2))
    display(clinic.Form(number))


# %%
print(clinic.score(CASES))

# %% [markdown]
# ## Two more instruments


# %%
@your_code("10b-jumps")
def jumps(values):
    """Return the spread (standard deviation) of the steps from one epoch to the next."""
    ...


# %%
@your_code("10b-nothing")
def knowing_nothing(shares):
    """Return the accuracy and the loss, in nats, of saying these class shares to every example."""
    ...


# %%
for number, case in CASES.items():
    shares = case.told("class_shares") or [1 / case.told("n_classes")] * case.told("n_classes")
    accuracy, cost = knowing_nothing(shares)
    half = case.run.n_epochs // 2
    late = case.training("loss")[half:]
    print(f"case {number}: training loss jumps by {jumps(late):.3f} in the second half;", end=" ")
    print(f"knowing nothing (even classes, if not told): {accuracy:.0%} at {cost:.2f} nats")

# %% [markdown]
# **From which epoch on is there still something to see?**


# %% plumbing
def stranger(number, first):
    """A figure of its own for each case, since each has its own axes."""
    shown = picture(number, first)
    return Picture(shown.sentence, figure=figures.draw(shown, figsize=(9, 3.2)))


Explorer(
    stranger,
    number=slider(range(7, 13), label="case"),
    first=slider([1, 2, 5, 10], label="from epoch"),
    title="Six more strangers",
    figsize=(9, 3.2),
)

# %% [markdown]
# ## The cases
#
# ### Case 7

# %% plumbing minutes=4
ask(7)

# %% [markdown]
# ### Case 8

# %% plumbing minutes=4
ask(8)

# %% [markdown]
# ### Case 9

# %% plumbing minutes=4
ask(9)

# %% [markdown]
# ### Case 10

# %% plumbing minutes=4
ask(10)

# %% [markdown]
# ### Case 11

# %% plumbing minutes=4
ask(11)

# %% [markdown]
# ### Case 12

# %% plumbing minutes=4
ask(12)

# %% [markdown]
# ## Your diagnoses

# %%
print(clinic.score(CASES))
print("All twelve:", clinic.score(range(1, clinic.N_CASES + 1)), sep="\n")

# %% [markdown]
# ## Misconceptions met
#
# | people say | where you met it |
# |---|---|
# | "high accuracy on new data: ship it" | the case in which a constant is as good |
# | "a loss that will not go down has not been trained long enough" | the case whose loss has a floor |
#
# ## Check yourself

# %%
choice(
    "10b-check-both",
    "Training and validation accuracy fall together, from 90 % to chance, within three epochs. Which suspicion is ruled out?",
    right=(
        "that the validation data were damaged",
        "Yes: no validation data can lower the training accuracy.",
    ),
    wrong=[
        (
            "that the learning rate was too high",
            "That is a likely reason: one long step can lose everything.",
        ),
        (
            "that units of the network have died",
            "They may have: then it says the same to every input.",
        ),
    ],
)

# %% [markdown]
# ## Summary
#
# - One look separates two rivals; most looks separate nothing.
# - A loss has a floor that depends on what is computed, and a level that knowing nothing costs: know both before you read a curve.
#
# **What would change your mind?** A further case of your own, with a cause that you built in and that your diagnosis misses. `lessonlib/course/known_causes.py` trains such runs.
#
# **Exercise:** [exercise 10](../exercises/exercise_10_curve_clinic.ipynb). **Before:** [lesson 10](10_curve_clinic.ipynb). **Next:** [10c](10c_what_you_gained.ipynb), what you gained; then [lesson 11](11_language_models.ipynb), language models.
#
# **Further reading.** I. Goodfellow, Y. Bengio, A. Courville, *Deep Learning* (MIT Press, 2016), chapter 11.
