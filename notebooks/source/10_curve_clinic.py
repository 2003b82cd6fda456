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
# **Time** about {minutes} minutes. **You need** [lesson 9](09_reading_curves.ipynb) and what it builds on.
#
# After this lesson you have read six runs that you had never seen, said what happened, what shows it and what to do first, and know which causes you take for one another.
# Six further cases are in [10b](10b_more_cases.ipynb), and what you gained since lesson 0 is measured in [10c](10c_what_you_gained.ipynb).
#
# ## How the clinic works
#
# Each case is a run that was really trained, with one cause, and shown as strangers show theirs: curves, sizes, a question. You answer three parts, one after the other: **what happened**, **which look at the
# curves speaks for that and against its rivals**, **what you do first**. An answer is closed when it is kept; the feedback comes after the third.
#
# The looks are the same in every case, so they do not tell you the cause, and no option says what it shows. One option of each part is right.
# The answers lie beside the cases in a file that is encoded, so that nobody reads them by accident: it is your clinic, not an exam.

# %% plumbing
import numpy as np
from IPython.display import Markdown, display

from lessonlib import figures
from lessonlib.course import clinic
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.questions import Prediction, choice, solution, your_code
from lessonlib.reading.reader import read
from lessonlib.uncertainty import running_average

CASES = {number: clinic.case(number) for number in range(1, 7)}


@solution(
    "10-late-fall",
    cases=[([5.0, 4.0, 3.0, 2.0, 1.0],), (list(np.linspace(1, 0.5, 25)),), ([1.0] * 10,)],
    hint="With n epochs, the value before the last fifth is loss[-1 - n // 5].",
)
def late_fall(loss):
    return loss[-1 - len(loss) // 5] - loss[-1]


@solution(
    "10-accuracy-error",
    cases=[(0.5, 100), (0.9, 400), (0.62, 2000)],
    hint="The standard error of a share p of n is the root of p (1 - p) / n (lesson 5).",
)
def accuracy_error(share, n):
    return np.sqrt(share * (1 - share) / n)


def picture(number, window=1, errors=1):
    """The curves of a case, as logged or calmed, with a band of some standard errors of validation."""
    case, panels, said = CASES[number], [], []
    for measure, unit in (("loss", ""), ("accuracy", " %")):
        train, val, error = case.curves(measure)
        train, val = (running_average(values, window) for values in (train, val))
        best = int(val.argmin() if measure == "loss" else val.argmax())
        top = 104 if measure == "accuracy" else 1.1 * max(train.max(), (val + error).max())
        marks = [figures.line(case.run.epochs, train, label="training")]
        marks.append(figures.band(case.run.epochs, val, errors * error, label="validation"))
        title = "Loss, nats" if measure == "loss" else "Accuracy, %"
        panels.append(
            Panel(title, *marks, x=(0.5, case.run.n_epochs + 0.5), y=(0, top), xlabel="epoch")
        )
        said.append(
            f"Validation {measure} {val[0]:.2f}{unit} first, {val[best]:.2f}{unit} at its best in epoch {best + 1}, "
            f"{val[-1]:.2f}{unit} last; training {train[-1]:.2f}{unit} last."
        )
    return Picture(f"Case {number}. {' '.join(said)}", *panels)


def ask(number):
    """Show a case and ask for a diagnosis."""
    display(Markdown(f"> {CASES[number]}"))
    figures.show(picture(number), figsize=(9, 3.2))
    display(clinic.Form(number))


# %%
print(clinic.score(CASES))

# %% [markdown]
# ## Your instruments
#
# Two numbers help in many cases. Write them.


# %%
@your_code("10-late-fall")
def late_fall(loss):
    """Return how far the loss fell in the last fifth of the epochs (25 epochs: from 20 to 25)."""
    ...


# %%
@your_code("10-accuracy-error")
def accuracy_error(share, n):
    """Return the standard error of an accuracy, a share between 0 and 1, on n examples."""
    ...


# %%
for number, case in CASES.items():
    loss, accuracy = case.run["val_loss"], case.run["val_accuracy"]
    moved = accuracy[-1] - accuracy[loss.argmin()]
    error = accuracy_error(accuracy[-1], case.told("n_val"))
    print(
        f"case {number}: fall of the loss in the last fifth {late_fall(loss):+.2f} nats;", end=" "
    )
    print(f"accuracy {100 * moved:+.1f} points since its lowest, standard error {100 * error:.1f}")

# %% [markdown]
# And one explorer for all six. A *running mean* calms a curve and delays it; the band shows what another draw of as many validation examples would change.


# %% plumbing
def stranger(number, window, errors):
    """A figure of its own for each case, since each has its own axes."""
    shown = picture(number, window, errors)
    return Picture(shown.sentence, figure=figures.draw(shown, figsize=(9, 3.2)))


Explorer(
    stranger,
    number=slider(range(1, 7), label="case"),
    window=slider([1, 3, 5, 9], label="running mean, epochs"),
    errors=slider([0, 1, 2], start=1, label="standard errors"),
    title="Six strangers",
    figsize=(9, 3.2),
)

# %% [markdown]
# ## The cases
#
# Take three minutes for each. Say to yourself what you see *before* you read the options.
#
# ### Case 1

# %% plumbing minutes=4
ask(1)

# %% [markdown]
# ### Case 2

# %% plumbing minutes=4
ask(2)

# %% [markdown]
# ### Case 3

# %% plumbing minutes=4
ask(3)

# %% [markdown]
# ### Case 4

# %% plumbing minutes=4
ask(4)

# %% [markdown]
# ### Case 5

# %% plumbing minutes=4
ask(5)

# %% [markdown]
# ### Case 6

# %% plumbing minutes=4
ask(6)

# %% [markdown]
# ## Your diagnoses

# %%
print(clinic.score(CASES))

# %% [markdown]
# **Look at the confusions.** Two causes that you took for one another share most of their evidence; ask which *one* look separates them. Where the evidence was wrong and the cause right, you were lucky.
#
# ### A second opinion
#
# Lesson 9's curve reader gets the same curves, sizes and classes as you. It knows no stories.

# %%
machine = Prediction(
    "10-reader",
    "In how many of the six cases is the true cause the first or second thing that the reader finds?",
    [0, 2, 4, 6],
)
machine

# %%
readings = {
    number: read(
        case.run,
        n_val=case.told("n_val"),
        n_classes=case.told("n_classes"),
        class_shares=case.told("class_shares"),
    )
    for number, case in CASES.items()
}
first_two = {n: {found.pattern for found in said.findings[:2]} for n, said in readings.items()}
named = [n for n in CASES if clinic.answer(n).named_by & first_two[n]]

# %% plumbing
print(machine.resolve(len(named)))
made = clinic.score(CASES).diagnoses
for number in made:
    said = "; ".join(found.title for found in readings[number].findings[:2])
    print(f"case {number}: the reader {'names it' if number in named else 'misses it'}: {said}.")
print("" if made else "What it says appears here for the cases that you have answered.")
assert len(named) >= 4

# %% [markdown]
# These cases were chosen so that each has *one* cause and shows it; hits on chosen cases are no measure of a reader, a human one included. Your own runs may have two causes at once.
# `docs/reader-accuracy.md` counts how often the tool is right on runs that nobody chose.
#
# ## Misconceptions met
#
# | people say | where you met it |
# |---|---|
# | "a curve has one cause that can be seen in it" | the looks: most of them fit the rivals as well |
# | "the most alarming curve is the one that matters" | the instruments: compare it with its error and with knowing nothing |
# | "a tool that reads curves can replace the reader" | the second opinion: it knows no story |
#
# ## Check yourself

# %%
choice(
    "10-check-separate",
    "Validation loss rises while training loss falls. Which further curve separates 'its answers get worse' from 'its errors get more confident'?",
    right=(
        "validation accuracy, beside its error",
        "Yes: answers got worse or they did not; the error says whether you can tell.",
    ),
    wrong=[
        (
            "training accuracy, beside that of validation",
            "It goes up in both: what is memorised is answered rightly.",
        ),
        ("the gap between the two losses, epoch by epoch", "It opens in both."),
    ],
)

# %%
choice(
    "10-check-order",
    "A stranger shows one accuracy curve and asks whether it is good. What do you ask first?",
    right=(
        "what would knowing nothing give?",
        "Yes: the class shares come before any shape.",
    ),
    wrong=[
        (
            "which optimiser was used, at what rate?",
            "It may matter later. First find out whether anything was learnt.",
        ),
        (
            "is the curve smooth, or does it jump?",
            "Smooth can be unfinished, jumping can be a small validation set.",
        ),
    ],
)

# %%
choice(
    "10-check-evidence",
    "You name the right cause, and as evidence something that its rivals show as well. What is that worth?",
    right=(
        "little: it could not have told you that you were wrong",
        "Yes: evidence is what the rivals would not show.",
    ),
    wrong=[
        (
            "as much as any evidence: the cause was right",
            "The cause was right this time. What you look at stays with you.",
        ),
        (
            "more, since it was seen in several runs",
            "Seen everywhere, it separates nothing.",
        ),
    ],
)

# %% [markdown]
# ## Summary
#
# - *Can you diagnose a stranger's run?* Cause, evidence, action: evidence is what the rivals would *not* show. Your points and confusions are above, beside what guessing earns.
# - Compare with knowing nothing, with the error of the validation set, with training measured alike; then look at shapes.
# - Leave a good run alone.
#
# **What would change your mind?** A case whose curves fit another cause as well as the one that was built in. If you find one, the case is wrong, not you: please report it.
#
# **Exercise:** [exercise 10](../exercises/exercise_10_curve_clinic.ipynb). **Before:** [lesson 9](09_reading_curves.ipynb). **Next:** [10b](10b_more_cases.ipynb), six further cases, [10c](10c_what_you_gained.ipynb), what you gained; then [lesson 11](11_language_models.ipynb), language models.
#
# **Further reading.** A. Karpathy, ["A recipe for training neural networks"](https://karpathy.github.io/2019/04/25/recipe/) (2019), on looking at data and baselines first.
