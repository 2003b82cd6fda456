# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Exercise 11 · What does the loss of a language model say?
#
# **Time** about 45 minutes. **You need** lesson 11 and NumPy. **Points** 12, in five questions, and 3 for an explanation that your teacher marks.
#
# You will compare models whose tokens differ, count the tokens that matter, judge answers as a whole, find out which characters a rise comes from, and judge two rules that keep a checkpoint.
#
# **How it works.** Write your answers between the question and its check; keep the names. Each check says whether your answer is right for its
# example, or whether it can be graded, and gives a hint if not. Grading calls your functions with other inputs, so write them for any. You may add cells.
# The recordings come with the course (`notebooks/recordings`).

# %%
import numpy as np

from lessonlib import runs
from lessonlib.comparing import expect, expect_choice, expect_number

CLASS_SEED = 0  # decides the numbers of your class; leave it as it is

# %% [markdown]
# ## Question 1 · Other tokens (2 points)
#
# Write `other_perplexity(perplexity, length, other_length)`: a model has this perplexity with tokens of `length` characters on average. Which perplexity has a model that is as good, in bits per character, with tokens of `other_length` characters?


# %% answer="other_perplexity"
def other_perplexity(perplexity, length, other_length):
    """The perplexity of an equally good model with tokens of another mean length."""
    ### BEGIN SOLUTION
    nats_per_character = np.log(perplexity) / length
    return float(np.exp(nats_per_character * other_length))
    ### END SOLUTION


# %% check="other_perplexity" points=2
expect(
    other_perplexity(4.0, 1, 2),
    16.0,
    hint="4 equally likely characters make 16 equally likely pairs",
)
expect(other_perplexity(27.0, 3, 1), 3.0, hint="the other way round: the third root")


# %% hidden="other_perplexity"
def draw(rng):
    return [(float(rng.uniform(2, 30)), float(a), float(b)) for a, b in rng.uniform(1, 5, (6, 2))]


hint = "The logarithm of the perplexity is the loss of a token; divide it by the characters of a token."

# %% [markdown]
# ## Question 2 · The loss of the answers (2 points)
#
# `losses` has one row for each example, one column for each token; `parts` says what a token is: 0 padding, 1 prompt, 2 answer. Every example has an answer. Write `two_means(losses, parts)`: the mean loss of the answers **by token** (all tokens of all answers alike), and **by example** (the mean of each answer, then the mean over the examples).


# %% answer="two_means"
def two_means(losses, parts):
    """Mean loss of the answers, by token and by example."""
    losses, parts = np.asarray(losses, dtype=float), np.asarray(parts)
    ### BEGIN SOLUTION
    chosen = parts == 2
    by_example = [row[those].mean() for row, those in zip(losses, chosen)]
    return losses[chosen].mean(), np.mean(by_example)
    ### END SOLUTION


# %% check="two_means" points=2
expect(
    two_means([[9.0, 1.0, 1.0, 1.0], [9.0, 5.0, 7.0, 7.0]], [[1, 2, 2, 2], [1, 2, 0, 0]]),
    [2.0, 3.0],
    hint="three tokens of 1 and one of 5; answers whose means are 1 and 5",
)


# %% hidden="two_means"
def draw(rng):
    cases = []
    for n, width in [(3, 5), (8, 12), (40, 9)]:
        lengths = rng.integers(1, width - 1, n)
        parts = np.where(
            np.arange(width) == 0, 1, np.where(np.arange(width) <= lengths[:, None], 2, 0)
        )
        cases.append((rng.exponential(1.0, (n, width)), parts))
    return cases


hint = "Choose the tokens of answers first; padding and prompt count in neither mean."

# %% [markdown]
# ## Question 3 · Exact, or nearly (2 points)
#
# `ranks` says how many tokens were held more probable than the true one (0: first guess). Write `exact_within(ranks, parts, k)`: the share of examples in which **every** token of the answer is among the `k` most probable.


# %% answer="exact_within"
def exact_within(ranks, parts, k):
    """Share of examples whose answer's tokens are all among the k most probable."""
    ranks, parts = np.asarray(ranks), np.asarray(parts)
    ### BEGIN SOLUTION
    fine = (ranks < k) | (parts != 2)
    return fine.all(axis=1).mean()
    ### END SOLUTION


# %% check="exact_within" points=2
three = ([[5, 0, 1], [5, 0, 0], [0, 2, 9]], [[1, 2, 2], [1, 2, 2], [1, 2, 0]])
expect(exact_within(*three, 1), 1 / 3, hint="only the second: the first has a rank of 1")
expect(exact_within(*three, 2), 2 / 3, hint="rank 1 is the second most probable")


# %% hidden="exact_within"
def draw(rng):
    cases = []
    for n, width, k in [(6, 5, 1), (40, 8, 1), (40, 8, 2), (60, 6, 3)]:
        lengths = rng.integers(1, width - 1, n)
        parts = np.where(
            np.arange(width) == 0, 1, np.where(np.arange(width) <= lengths[:, None], 2, 0)
        )
        ranks = rng.poisson(0.4, (n, width)) + 3 * (parts != 2)
        ranks[0] = 3 * (parts[0] != 2)  # one example is exact
        cases.append((ranks, parts, k))
    return cases


hint = "What is no part of the answer may have any rank; all tokens of an answer must be fine."

# %% [markdown]
# ## Question 4 · Where does the rise come from? (4 points)
#
# A recorded run on Python's manual, at its lowest validation loss and at the end. `kinds` says what a character is: 0 space, 1 first letter and 2 later letter of a word that the training text has, 3 letter in a new word, 4 digit, 5 sign. Your class judges by a stretch of 6,000 characters.

# %%
numbers = np.random.default_rng([CLASS_SEED, 4])
class_run = runs.recording("text", seed=int(numbers.integers(10, 20)))
stretch = slice(begin := int(numbers.integers(0, 2_000)), begin + 6_000)
kinds = class_run.details["val_kinds"][stretch]
loss_before, loss_after = class_run.details["val_losses"][:, stretch].astype(float)
rank_before, rank_after = class_run.details["val_ranks"][:, stretch]
print(f"mean loss {loss_before.mean():.3f} at the lowest, {loss_after.mean():.3f} at the end")

# %% [markdown]
# From the lowest loss to the end:
#
# 1. `new_words_add`: what the letters in new words add to the **mean loss over all characters**, nats.
# 2. `later_points`: the change of the accuracy on the later letters of known words, in percentage points.
# 3. `bits_change`: the change of the bits per character, over all characters.
# 4. `says`: `"every kind got worse"`, `"some kinds got better, others worse"` or `"every kind got better"`, by the mean loss of the kinds 0 to 3.

# %% answer="new_words_add, later_points, bits_change, says"
new_words_add = None
later_points = None
bits_change = None
says = None
### BEGIN SOLUTION
change = loss_after - loss_before
new_words_add = change[kinds == 3].sum() / len(change)
later = kinds == 2
later_points = 100 * (np.mean(rank_after[later] == 0) - np.mean(rank_before[later] == 0))
bits_change = change.mean() / np.log(2)
worse = [change[kinds == kind].mean() > 0 for kind in range(4)]
says = "every kind got worse" if all(worse) else "some kinds got better, others worse"
### END SOLUTION

# %% check="new_words_add, later_points, bits_change, says" points=4
expect_number(new_words_add, -2, 2, hint="the sum of their changes, divided by all 6,000")
expect_number(later_points, -50, 50, hint="the share of ranks that are 0, times 100")
expect_number(bits_change, -2, 2, hint="nats divided by ln 2")
mixed = "some kinds got better, others worse"
options = ["every kind got worse", mixed, "every kind got better"]
expect_choice(says, options, hint="the mean change of each kind from 0 to 3")

# %% hidden="new_words_add, later_points, bits_change, says"
tolerance = 2e-3
hint = (
    "Sums over a kind are divided by all characters; a first guess has rank 0; a bit is ln 2 nats."
)

# %% [markdown]
# ## Question 5 · Which checkpoint? (2 points)
#
# Each row of `val_losses` and `val_exact` is an epoch, each column a validation example: its loss, and whether its answer is exact. `test_exact` is the same for the test examples. Write `bought(val_losses, val_exact, test_exact)`: the share of exact **test** answers at the epoch with the most exact validation answers, minus that at the epoch with the lowest mean validation loss. (The first such epoch, if there are several.)


# %% answer="bought"
def bought(val_losses, val_exact, test_exact):
    """What choosing by exact answers buys on test, against choosing by the loss."""
    val_losses, val_exact, test_exact = map(np.asarray, (val_losses, val_exact, test_exact))
    ### BEGIN SOLUTION
    by_exact = val_exact.mean(axis=1).argmax()
    by_loss = val_losses.mean(axis=1).argmin()
    return test_exact[by_exact].mean() - test_exact[by_loss].mean()
    ### END SOLUTION


# %% check="bought" points=2
expect(
    bought([[1.0, 1.0], [3.0, 3.0]], [[1, 0], [1, 1]], [[0, 0, 0, 1], [1, 1, 1, 0]]),
    0.5,
    hint="the loss keeps the first epoch, exact answers the second: 3 of 4 against 1 of 4",
)


# %% hidden="bought"
def draw(rng):
    cases = []
    for n_epochs, n, m in [(8, 10, 15), (9, 12, 20), (12, 20, 25), (15, 20, 30), (20, 50, 40)]:
        skill = 0.3 + 0.4 * np.sin(np.linspace(0.2, 2.8, n_epochs))[:, None]
        losses = (
            rng.exponential(1.0, (n_epochs, n)) + 3 * np.linspace(-0.4, 1, n_epochs)[:, None] ** 2
        )
        val, test = (rng.random((n_epochs, size)) < skill for size in (n, m))
        cases.append((losses, val.astype(int), test.astype(int)))
    return cases


hint = "Both epochs are chosen on validation; only then the test examples are looked at."

# %% [markdown]
# ## In your own words (3 points)
#
# A colleague says of the run of question 4: "The validation loss rose, so the model predicts worse." Answer with your numbers; say which further number you would compute to tell wrong knowledge from too much confidence, and what your numbers do not show. Four to eight sentences. Your teacher reads and marks them; no program does.

# %% [markdown] explain="explanation" points=3
# The loss rose by about 0.3 nats, but not everywhere: letters in new words add most of it, while on later letters of known words the first guess is more often right than at the lowest loss, by several points. So the model predicts some kinds of characters better and others worse, and "worse" is no answer. I would fit a temperature on one part of the text and
# measure the loss on another part: what it takes back was confidence, what is left was lost. My numbers are one run, one text, and characters of one text depend on each other, so that an error from 6,000 examples would be too small.

# %% [markdown] rubric="explanation"
# # Exercise 11: how the explanation is marked
#
# One point for each; numbers are those of the class.
#
# 1. says with numbers that kinds of characters went different ways
# 2. names the loss at a temperature fitted on other text, or confidence of wrong guesses, as what tells the two apart
# 3. limits the conclusion: one run, one text, dependent characters, or a small model
#
# **A full answer.**
# The loss rose by about 0.3 nats, but not everywhere: letters in new words add most of it, while on later letters of known words the first guess is more often right than at the lowest loss, by several points. So the model predicts some kinds of characters better and others worse, and "worse" is no answer. I would fit a temperature on one part of the text and
# measure the loss on another part: what it takes back was confidence, what is left was lost. My numbers are one run, one text, and characters of one text depend on each other, so that an error from 6,000 examples would be too small.
#
# **An answer in between.** "New words add 0.2 nats, later letters gain 5 points, so it is not simply worse." One point.
#
# **An answer without a point.** "It overfits." No point: a word, no number.

# %% [markdown]
# ## What you learnt
#
# Perplexities compare only with the same tokens. A mean over tokens depends on which tokens it counts and how. An answer is exact if all its tokens are right. And a rising loss can hold kinds that become better.
