# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% right="loops"
def other_perplexity(perplexity, length, other_length):
    return perplexity ** (other_length / length)


# %% right="loops"
def two_means(losses, parts):
    tokens, means = [], []
    for row, which in zip(losses, parts):
        own = [loss for loss, part in zip(row, which) if part == 2]
        tokens += own
        means.append(sum(own) / len(own))
    return sum(tokens) / len(tokens), sum(means) / len(means)


# %% right="loops"
def exact_within(ranks, parts, k):
    fine = [all(r < k for r, p in zip(row, own) if p == 2) for row, own in zip(ranks, parts)]
    return sum(fine) / len(fine)


# %% right="masked arrays and bits"
def two_means(losses, parts):
    kept = np.ma.masked_array(losses, np.asarray(parts) != 2)
    return kept.mean(), kept.mean(axis=1).mean()


# %% right="masked arrays and bits"
def other_perplexity(perplexity, length, other_length):
    return 2 ** (np.log2(perplexity) / length * other_length)


# %% right="masked arrays and bits"
def bought(val_losses, val_exact, test_exact):
    epochs = np.argmax(np.sum(val_exact, axis=1)), np.argmin(np.sum(val_losses, axis=1))
    most, least = (np.mean(test_exact[epoch]) for epoch in epochs)
    return most - least


# %% wrong="other_perplexity" because="perplexities are proportional to the length"
def other_perplexity(perplexity, length, other_length):
    return perplexity * other_length / length


# %% wrong="other_perplexity" because="the exponent turned round"
def other_perplexity(perplexity, length, other_length):
    return perplexity ** (length / other_length)


# %% wrong="other_perplexity" because="the tokens make no difference"
def other_perplexity(perplexity, length, other_length):
    return perplexity


# %% wrong="two_means" because="counts the padding"
def two_means(losses, parts):
    chosen = np.asarray(parts) != 1
    rows = [np.asarray(row)[those].mean() for row, those in zip(losses, chosen)]
    return np.asarray(losses)[chosen].mean(), np.mean(rows)


# %% wrong="two_means" because="counts the prompt"
def two_means(losses, parts):
    chosen = np.asarray(parts) > 0
    rows = [np.asarray(row)[those].mean() for row, those in zip(losses, chosen)]
    return np.asarray(losses)[chosen].mean(), np.mean(rows)


# %% wrong="two_means" because="the two means swapped"
def two_means(losses, parts):
    chosen = np.asarray(parts) == 2
    rows = [np.asarray(row)[those].mean() for row, those in zip(losses, chosen)]
    return np.mean(rows), np.asarray(losses)[chosen].mean()


# %% wrong="exact_within" because="the share of tokens, not of answers"
def exact_within(ranks, parts, k):
    return np.mean(np.asarray(ranks)[np.asarray(parts) == 2] < k)


# %% wrong="exact_within" because="prompt and padding must be right too"
def exact_within(ranks, parts, k):
    return np.all(np.asarray(ranks) < k, axis=1).mean()


# %% wrong="exact_within" because="one rank too many"
def exact_within(ranks, parts, k):
    return np.all((np.asarray(ranks) <= k) | (np.asarray(parts) != 2), axis=1).mean()


# %% wrong="new_words_add, later_points, bits_change, says" because="divides by the kind, not by all characters"
change, later = loss_after - loss_before, kinds == 2
new_words_add, bits_change = change[kinds == 3].mean(), change.mean() / np.log(2)
later_points = 100 * (np.mean(rank_after[later] == 0) - np.mean(rank_before[later] == 0))
says = "some kinds got better, others worse"

# %% wrong="new_words_add, later_points, bits_change, says" because="nats for bits, and every kind like the mean"
change, later = loss_after - loss_before, kinds == 2
new_words_add, bits_change = change[kinds == 3].sum() / len(change), change.mean()
later_points = 100 * (np.mean(rank_after[later] == 0) - np.mean(rank_before[later] == 0))
says = "every kind got better"

# %% wrong="new_words_add, later_points, bits_change, says" because="shares for points, from the end to the lowest loss"
change, later = loss_before - loss_after, kinds == 2
new_words_add, bits_change = change[kinds == 3].sum() / len(change), change.mean() / np.log(2)
later_points = np.mean(rank_after[later] == 0) - np.mean(rank_before[later] == 0)
says = "some kinds got better, others worse"


# %% wrong="bought" because="chooses on test"
def bought(val_losses, val_exact, test_exact):
    test, losses = np.mean(test_exact, axis=1), np.mean(val_losses, axis=1)
    return test.max() - test[losses.argmin()]


# %% wrong="bought" because="judges on validation"
def bought(val_losses, val_exact, test_exact):
    exact, losses = np.mean(val_exact, axis=1), np.mean(val_losses, axis=1)
    return exact.max() - exact[losses.argmin()]


# %% wrong="bought" because="the last epoch in place of the most exact"
def bought(val_losses, val_exact, test_exact):
    test, losses = np.mean(test_exact, axis=1), np.mean(val_losses, axis=1)
    return test[-1] - test[losses.argmin()]
