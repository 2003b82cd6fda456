# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 11 · Language models: the loss rises. And the guesses?
#
# **Time** about {minutes} minutes. **You need** [lesson 1](01_horse_or_dog.ipynb) (cross-entropy), [lesson 6](06_cifar10_overfitting.ipynb) and [lesson 7](07_who_pays.ipynb) (the rise, the temperature, the ledger).
#
# After this lesson you can
#
# 1. read the loss of a language model as perplexity and as bits per character, and compare two of them;
# 2. say which tokens a rise of its loss comes from;
# 3. say how much of the rise a temperature takes back.

# %% plumbing
import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np
from IPython.display import display

from lessonlib import figures, questions, runs
from lessonlib.explorer import Explorer, Panel, Picture, slider
from lessonlib.language import corpus, learning
from lessonlib.reading import reader
from lessonlib.uncertainty import count_seeds, mean_interval

ten = runs.recordings("text")  # seeds 10 to 19
run = ten[0]
low = run.best_epoch() - 1


def between(metric, scale=1):
    """The grey band: between the lowest and the highest of the recorded seeds."""
    every = scale * np.array([each[metric] for each in ten])
    return figures.area(run.epochs, every.min(0), every.max(0), "grey", label=f"{len(ten)} seeds")


bands = {name: between(name, 1 if name == "val_loss" else 100) for name in ("val_loss", "val_accuracy", "val_confidence_wrong")}  # fmt: skip


def moment(run):
    """A run so far: three panels."""
    about = {"x": (0.5, 50.5), "xlabel": "epoch"}
    loss, accuracy, scaled = run["val_loss"], 100 * run["val_accuracy"], run["val_scaled_loss"]
    return Picture(
        f"Epoch {run.n_epochs}: validation loss {loss[-1]:.2f} nats, at the best temperature {scaled[-1]:.2f}; accuracy {accuracy[-1]:.0f} %.",
        Panel(
            "Loss, nats a character",
            bands["val_loss"],
            figures.line(run.epochs, run["train_loss"], label="training"),
            figures.line(run.epochs, loss, "vermilion", label="validation"),
            figures.line(run.epochs, scaled, "green", label="best temperature"),
            y=(0.5, 3.2),
            legend="lower left",
            **about,
        ),
        Panel(
            "Next character right, %",
            bands["val_accuracy"],
            figures.line(run.epochs, accuracy, "vermilion", label="validation"),
            y=(20, 52),
            legend="lower right",
            **about,
        ),
        Panel(
            "Confidence when wrong, %",
            bands["val_confidence_wrong"],
            figures.line(run.epochs, 100 * run["val_confidence_wrong"], "purple"),
            y=(10, 70),
            legend="lower right",
            **about,
        ),
    )


# %% [markdown]
# ## It reads the manual
#
# A language model guesses what comes next. Ours is a transformer of two layers, and what comes next is one character ([its source](../lessonlib/language/transformer.py) is short). It reads 15,000 characters of the manual that every Python carries, 50 times over.
# It is judged by 8,000 characters of *other topics* of the manual. "Accuracy" is how often its first guess is the next character.

# %%
accuracy_question = questions.Prediction(
    "11-accuracy",
    "From the lowest validation loss to the end the loss rises by more than a tenth. The share of next characters guessed right, mean over ten seeds,",
    ["falls by over half a point", "stays within half a point", "rises by over half a point"],
)
accuracy_question

# %% [markdown]
# The next cell trains it, half a minute on two free cores. **Watch:** where does the loss turn? What do the first guesses do there? (Grey: from the lowest to the highest of ten recorded seeds.)

# %% minutes=1 claims=["002-Q1", "002-Q2"]
live = learning.LiveText(learning.TextRecipe(), "the manual", run, seed=20, picture=moment)
display(live)
rise = np.array([each.since_lowest_loss("val_loss") / each["val_loss"].min() for each in ten])
gain = np.array([100 * each.since_lowest_loss("val_accuracy") for each in ten])
assert count_seeds((rise > 0) & (gain >= 0)).mostly
happened = int(np.searchsorted([-0.5, 0.5], gain.mean()))
print(accuracy_question.resolve(accuracy_question.options[happened]))

# %% [markdown]
# Ten recorded seeds draw other training topics and other initial weights; all are judged by the same text, whose own error these intervals leave out.
# *Top-5 accuracy* asks whether the next character is among the five most probable: a model that writes text draws from several candidates.

# %%
top5 = np.array([100 * each.since_lowest_loss("val_top_5") for each in ten])
print("from the lowest loss to the end, 95 % interval of the mean over the seeds:")
for name, values in (("loss, %", 100 * rise), ("accuracy, points", gain), ("top-5, points", top5)):
    ends = mean_interval(values)
    print(f"{name:17} {ends.low:+.1f} to {ends.high:+.1f}")
print(f"the loss rises by more than a tenth in {count_seeds(rise > 0.1)}")
print(f"accuracy at the end is at least that at the lowest loss in {count_seeds(gain >= 0)}")

# %% [markdown]
# ## Perplexity, bits, and what a token is
#
# Language models report `exp(loss)`, the **perplexity**: as unsure as among that many equally likely tokens. But a token is what somebody chose. The same probabilities can be counted by character, or by word: by the chain rule, the loss of a word is the sum of the losses of its characters.

# %%
tokens_question = questions.Prediction(
    "11-tokens",
    "The very same probabilities, counted by word instead of by character: the perplexity is",
    ["about the same", "lower", "2 to 100 times higher", "over 100 times higher"],
)
tokens_question


# %%
@questions.solution(
    "11-bits",
    cases=[
        (np.array([0.7, 0.7, 1.4]), ["a", "b", "c"]),
        (np.array([2.0, 3.0]), ["the ", "manual"]),
    ],
    hint="Add up the losses, divide by np.log(2): that is the bits of the whole text. How many characters has it?",
)
def bits_per_character(losses, tokens):
    characters = sum(len(token) for token in tokens)
    return losses.sum() / np.log(2) / characters


@questions.solution(
    "11-kinds",
    cases=[
        (np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 5.0]), np.array([True, False, True])),
        (np.array([0.5, 0.5]), np.array([0.0, 1.5]), np.array([False, True])),
    ],
    hint="change = after - before. Sum it over the chosen tokens and divide by the number of ALL tokens.",
)
def added_by(before, after, chosen):
    change = after - before
    return change[chosen].sum() / len(change)


# %% [markdown]
# **Your turn.** What can be compared is the cost of the *text*: its bits for each character.


# %%
@questions.your_code("11-bits")
def bits_per_character(losses, tokens):
    """Bits per character of a text, from the loss of each token in nats and the tokens' texts."""
    ...


# %%
text = corpus.decode(run.details["val_codes"][:3_000])
each_loss = run.details["each_losses"].astype(float)  # (epochs, 3,000)


def pieces(by):
    """The text cut into tokens: at every character, every second one, or after each space."""
    if by == "word":
        return [word + " " for word in text[: text.rindex(" ")].split(" ")]
    size = {"character": 1, "pair": 2}[by]
    return [text[i : i + size] for i in range(0, len(text), size)]


def token_losses(by, epoch):
    starts = np.cumsum([0, *map(len, pieces(by))])
    return np.add.reduceat(each_loss[epoch - 1, : starts[-1]], starts[:-1])


# %%
def counted_by(by, epoch):
    losses = {name: token_losses(name, epoch) for name in ("character", "pair", "word")}
    perplexities = {name: np.exp(values.mean()) for name, values in losses.items()}
    bits = {name: bits_per_character(values, pieces(name)) for name, values in losses.items()}
    return Picture(
        f"Epoch {epoch}, by {by}: perplexity {perplexities[by]:,.0f}, bits per character {bits[by]:.2f}.",
        Panel(
            "log10 of the perplexity",
            figures.bars({n: np.log10(p) for n, p in perplexities.items()}, most=9),
        ),
        Panel("Bits per character", figures.bars(bits, most=6)),
    )


by_word, by_character = (np.exp(token_losses(by, low + 1).mean()) for by in ("word", "character"))
ratio = by_word / by_character
print(
    tokens_question.resolve(
        tokens_question.options[
            0 if 0.5 < ratio < 2 else 1 if ratio < 1 else 2 if ratio < 100 else 3
        ]
    )
)
assert ratio > 100
Explorer(
    counted_by,
    by=slider(["character", "pair", "word"], start="word", label="token"),
    epoch=slider(range(1, 51), start=low + 1),
    title="One text, three ways to cut it",
    figsize=(9, 3),
)

# %% [markdown]
# So a perplexity says nothing without its tokens. Two models with different tokenisers are compared by bits per character (or per byte) of the same text.
#
# ## Who pays, and what does a temperature take back?
#
# Sort the validation characters into kinds. A *new word* is one that the training text does not have.
#
# **Your turn.** As in the ledger of lesson 7, what some tokens add to the mean is the sum of their changes, divided by the number of all tokens.


# %%
@questions.your_code("11-kinds")
def added_by(before, after, chosen):
    """What the chosen tokens add to the mean loss of all.

    `before` and `after` have the loss of each token; `chosen` holds True and False.
    """
    ...


# %%
kind_question = questions.Prediction(
    "11-kind",
    "From the lowest loss to the end: on which of these does the share of right first guesses gain most, mean over the seeds?",
    [
        "spaces",
        "first letters of known words",
        "later letters of known words",
        "letters in new words",
    ],
)
kind_question

# %% plumbing
NAMES = ["space", "first letter", "later letter", "new word", "digit", "sign"]
shares = np.array([np.bincount(each.details["val_kinds"], minlength=6) for each in ten]) / 8_000


def by_kind(each, what, epoch):
    """A measure of each kind after an epoch, counted from 0."""
    return np.array([each[f"val_{what}_kind_{kind}"][epoch] for kind in range(6)])


def added(each, kind):
    before, after = each.details["val_losses"].astype(float)
    return added_by(before, after, each.details["val_kinds"] == kind)


better = np.array([by_kind(each, "accuracy", -1) - by_kind(each, "accuracy", each.best_epoch() - 1) for each in ten])  # fmt: skip


def who_pays(epoch):
    change = shares[0] * (by_kind(run, "loss", epoch - 1) - by_kind(run, "loss", low))
    hits = 100 * (by_kind(run, "accuracy", epoch - 1) - by_kind(run, "accuracy", low))
    return Picture(
        f"Epoch {epoch} against {low + 1}: loss {change.sum():+.2f} nats, of it first letters {change[1]:+.2f} and new words {change[3]:+.2f}; first guesses on later letters {hits[2]:+.1f} points.",
        Panel("Added to the mean loss, nats", figures.signed_bars(dict(zip(NAMES, change)))),
        Panel(
            "Accuracy of the kind, points",
            figures.signed_bars(dict(zip(NAMES, hits)), texts=[f"{hit:+.0f}" for hit in hits]),
        ),
    )


# %%
spaces, first, later, new = better.T[:4]
print(kind_question.resolve(kind_question.options[int(better[:, :4].mean(axis=0).argmax())]))
print(f"accuracy rises on later letters of known words in {count_seeds(later > 0)}")
print("added to the mean loss, nats, 95 % interval of the mean over the seeds:")
for kind, name in enumerate(NAMES):
    ends = mean_interval([added(each, kind) for each in ten])
    print(f"{name:13} {ends.low:+.2f} to {ends.high:+.2f}")
Explorer(
    who_pays,
    epoch=slider(range(1, 51), start=50),
    title="Since the lowest loss",
    figsize=(10, 3.2),
)

# %% [markdown]
# The first guesses get better where a word that the network has seen is *spelled* to its end. First letters, signs and words that it has not seen cost more.
#
# Now the temperature. It is fitted on one half of the text and judged on the other.

# %%
repaired_question = questions.Prediction(
    "11-repaired",
    "Which share of the rise of the loss does one temperature take back, mean over the seeds?",
    ["up to a quarter", "about half", "more than three quarters"],
)
repaired_question

# %%
rose = np.array([each.since_lowest_loss("val_loss") for each in ten])
left = np.array([each["val_scaled_loss"][-1] - each["val_loss"].min() for each in ten])
repaired = 1 - left / rose
share = int(np.searchsorted([0.25, 0.75], repaired.mean()))
print(repaired_question.resolve(repaired_question.options[share]))
print("95 % intervals of the mean over the seeds:")
print("share taken back:", "{0.low:.2f} to {0.high:.2f}".format(mean_interval(repaired)))
knows = np.array([each.since_lowest_loss("val_scaled_loss") for each in ten])
print(
    "loss at the best temperature, end against lowest loss:",
    "{0.low:+.3f} to {0.high:+.3f} nats".format(mean_interval(knows)),
)

# %% [markdown]
# More than 1 says: at its best temperature the last network has a lower loss than the network at the minimum as it stands. Does it also know more than that network at *its* best temperature? The second interval holds zero: these seeds cannot tell.

# %% [markdown]
# ## Read such a log
#
# The [reader](09_reading_curves.ipynb) reads what trainers write: pasted lines such as these, of our run,

# %%
train, val = run["train_loss"], run["val_loss"]
log = "\n".join(
    f"step {14 * e}: train loss {train[e - 1]:.3f}, val loss {val[e - 1]:.3f}"
    for e in range(5, 51, 5)
)
print(log, reader.read(log), sep="\n\n")

# %% [markdown]
# It cannot know what the first guesses did, and says so: the log has no accuracy. The same run as a `trainer_state.json` that has it:

# %%
history = [
    {
        "epoch": int(e),
        "eval_loss": run["val_loss"][e - 1],
        "eval_accuracy": run["val_accuracy"][e - 1],
    }
    for e in run.epochs
]
state = Path(tempfile.mkdtemp()) / "trainer_state.json"
state.write_text(json.dumps({"log_history": history}))
print(reader.read(state, n_val=8_000, n_classes=len(corpus.CHARACTERS)))

# %% [markdown]
# ## What transfers from pictures, and what was predicted
#
# Before the runs, [predictions](../docs/predictions-language-models.md) were written down. One *holds* if it is true in at least 8 of 10 seeds, *failed* if it is true in at most 2.

# %%
change = [by_kind(r, "loss", -1) - by_kind(r, "loss", r.best_epoch() - 1) for r in ten]
first_change, later_change = np.array(change).T[1:3]
outcomes = {
    "loss up by over a tenth": rise > 0.1,
    "accuracy not lower": gain >= 0,
    "a temperature takes back over .8": repaired > 0.8,
    "top-5 moves by under 1.5 points": abs(top5) < 1.5,
    "first letters: loss up by more than later": first_change > later_change,
    "later letters: accuracy up": later > 0,
}
for name, true in outcomes.items():
    verdict = "holds" if true.sum() >= 8 else "failed" if true.sum() <= 2 else "cannot tell"
    print(f"{name:41} {verdict}: {true.sum()} of {len(true)} recorded seeds")

# %% [markdown]
# Another kind of network, another kind of data, the same two curves, and a temperature: that much transfers from lessons 6 and 7. What is new: a mean over tokens is made of kinds that go different ways, and a perplexity depends on what is called a token. And tokens of one text depend on each other, so an error computed
# from "8,000 examples" may be too small. All of it is seen in one small network of characters on one text; nothing here says what a large model does.
#
# ## Misconceptions met
#
# | people say | what you saw |
# |---|---|
# | "evaluation loss rises, so the model predicts worse" | here the first guesses did not get worse with it, and a temperature takes the rise back |
# | "model A has the lower perplexity, so it is better" | one and the same model has perplexities that differ more than a hundredfold, by what is called a token |
# | "the model gets worse, or it gets better" | some kinds of tokens got better while others got worse |
#
# ## Check yourself

# %%
questions.choice(
    "11-check-tokeniser",
    "Model A: perplexity 12, tokens of 3 characters. Model B: perplexity 40, tokens of 5 characters, same text. Which predicts the text better?",
    right=(
        "B: fewer bits for each character",
        f"Yes: A needs {np.log2(12) / 3:.2f} bits a character, B {np.log2(40) / 5:.2f}.",
    ),
    wrong=[
        ("A: its perplexity is lower by far", "The perplexities count different tokens."),
        (
            "nobody can say without the text",
            "The logarithm of the perplexity, divided by the characters a token, is enough.",
        ),
    ],
)

# %%
questions.choice(
    "11-check-kinds",
    "Since its minimum the loss rose by 0.2 nats. Letters in new words, a quarter of all, rose by 1.0 nat on average, the others fell by 0.07. What do you say?",
    right=(
        "the rise comes from new words alone",
        "Yes: a quarter of 1.0 is more than the whole rise, and the rest became better.",
    ),
    wrong=[
        (
            "new words are too few to matter, so the rise is general",
            "Their share times their change is 0.25 nats, more than the whole rise.",
        ),
        ("the model has unlearnt to spell", "The others became better."),
    ],
)

# %%
questions.choice(
    "11-check-temperature",
    "A temperature fitted on other text brings the last loss back to its minimum. A text is written by always taking the first guess. What does the temperature change in it?",
    right=(
        "nothing: the order of the guesses stays",
        "Yes: dividing all logits by one number changes no order. Drawing at random is another matter.",
    ),
    wrong=[
        (
            "it becomes better, since its loss is lower",
            "The loss counts how sure the model is; the first guess stays the first.",
        ),
        (
            "it becomes more varied and less repetitive",
            "That holds where tokens are drawn at random; first guesses do not change.",
        ),
    ],
)

# %% [markdown]
# ## Summary
#
# - A language model is a classifier of the next token: loss, accuracy, confidence, temperature and ledger are those of the earlier lessons.
# - Perplexity depends on the tokens; bits per character of the same text do not.
# - A mean over tokens hides kinds that go different ways.
#
# **What would change your mind?** Seeds in which the first guesses get clearly worse while the loss rises, or a rise that no temperature takes back. Record more: `python -m lessonlib.language`.
#
# **Further reading.** N. Muennighoff and others, "Scaling data-constrained language models", *NeurIPS* (2023), repeat their text as we did, with large models. C. Guo and others, "On calibration of modern neural networks", *ICML* (2017), section 4.2, is the temperature.
#
# **Graded exercise:** [exercise 11](../exercises/exercise_11_language_models.ipynb). **Before:** [10c](10c_what_you_gained.ipynb), or [lesson 8](08_testing_explanations.ipynb) if you come for language models. **Next:** [lesson 11b](11b_fine_tuning.ipynb): the same after fine-tuning.
