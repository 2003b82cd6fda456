# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %%
from lessonlib import metrics, uncertainty


# %% right="with lessonlib"
def since_minimum(val_loss, val_accuracy):
    run = runs.Run({"val_loss": val_loss, "val_accuracy": val_accuracy})
    low = run.best_epoch("val_loss")
    rise = (run["val_loss"][-1] - run["val_loss"][low - 1]) / run["val_loss"][low - 1]
    return low, rise, 100 * run["val_accuracy"][-1] - 100 * run["val_accuracy"][low - 1]


# %% right="with lessonlib"
def change_and_errors(before, after):
    one, two = metrics.estimate_mean(before), metrics.estimate_mean(after)
    change = metrics.estimate_mean(np.asarray(after, float) - np.asarray(before, float))
    return change.value, change.standard_error, np.hypot(one.standard_error, two.standard_error)


# %% right="with lessonlib"
low = run_losses.mean(axis=1).argmin()
loss = metrics.estimate_mean(run_losses[-1] - run_losses[low])
hit = metrics.estimate_mean(run_hits[-1] * 1.0 - run_hits[low])
loss_errors, accuracy_errors = (each.value / each.standard_error for each in (loss, hit))
run_verdict = "Both rise" if accuracy_errors > 2 else "Only the loss rises"
if accuracy_errors < -2:
    run_verdict = "The loss rises, accuracy falls"


# %% right="with lessonlib"
def phenomenon(losses, hits):
    losses, hits = np.asarray(losses), np.asarray(hits, dtype=float)
    low = np.argmin(losses.mean(axis=1))
    rises = metrics.estimate_mean(losses[-1] - losses[low]).interval(2)
    gains = metrics.estimate_mean(hits[-1] - hits[low]).interval(2)
    if not rises[0] > 0:
        return "no rise"
    word = uncertainty.judge(*gains, margin=0)
    return {"rise": "both rise", "fall": "accuracy falls"}.get(word, "undecided")


# %% right="loops, another seed"
def honest_rise(losses, picking, judging):
    curve = [sum(row[i] for i in picking) for row in np.asarray(losses, float).tolist()]
    low = curve.index(min(curve))
    changes = [losses[-1][i] - losses[low][i] for i in judging]
    return [low + 1, sum(changes) / len(changes)]


# %% right="loops, another seed"
rng = np.random.default_rng(77)


def looks_lower(n):
    drawn = rng.integers(0, 2_000, (600, n))
    loss, hit = (
        np.array([row[drawn].mean(axis=1) for row in kept]) for kept in (seen_losses, seen_hits)
    )
    at_minimum = hit[loss.argmin(axis=0), np.arange(600)]
    return (hit[-1] < at_minimum - 1e-12).mean()


lower_with_50, lower_with_500 = looks_lower(50), looks_lower(500)
reply = "Their draw is enough to explain it"

# %% right="loops, another seed"
rises = {}
for channels in (8, 16, 32):
    for n in (1_000, 10_000):
        three = [run["val_loss"] for run in sweep(n, channels)]
        rises[n, channels] = sum((loss[-1] - min(loss)) / min(loss) for loss in three) / 3
rise_few, rise_many = rises[1_000, width], rises[10_000, width]
steps_many, rule = 25 * 157, "one"


# %% wrong="since_minimum" because="counts epochs from 0"
def since_minimum(val_loss, val_accuracy):
    low = np.argmin(val_loss)
    return low, val_loss[-1] / val_loss[low] - 1, 100 * (val_accuracy[-1] - val_accuracy[low])


# %% wrong="since_minimum" because="each measure from its own best epoch"
def since_minimum(val_loss, val_accuracy):
    low = np.argmin(val_loss)
    return low + 1, val_loss[-1] / val_loss[low] - 1, 100 * (val_accuracy[-1] - max(val_accuracy))


# %% wrong="since_minimum" because="nats, not a share"
def since_minimum(val_loss, val_accuracy):
    low = np.argmin(val_loss)
    return low + 1, val_loss[-1] - val_loss[low], 100 * (val_accuracy[-1] - val_accuracy[low])


# %% wrong="since_minimum" because="from the first epoch"
def since_minimum(val_loss, val_accuracy):
    gain = 100 * (val_accuracy[-1] - val_accuracy[0])
    return np.argmin(val_loss) + 1, val_loss[-1] / val_loss[0] - 1, gain


# %% wrong="change_and_errors" because="the two errors swapped"
def change_and_errors(before, after):
    before, after = np.asarray(before, float), np.asarray(after, float)
    n = len(before)
    unpaired = np.sqrt((before.var() + after.var()) / n)
    return (after - before).mean(), unpaired, (after - before).std() / np.sqrt(n)


# %% wrong="change_and_errors" because="standard deviations, not errors"
def change_and_errors(before, after):
    before, after = np.asarray(before, float), np.asarray(after, float)
    change = after - before
    return change.mean(), change.std(), np.hypot(before.std(), after.std())


# %% wrong="change_and_errors" because="adds the two errors instead of their squares"
def change_and_errors(before, after):
    before, after = np.asarray(before, float), np.asarray(after, float)
    root = np.sqrt(len(before))
    return (
        (after - before).mean(),
        (after - before).std() / root,
        (before.std() + after.std()) / root,
    )


# %% wrong="loss_errors, accuracy_errors, run_verdict" because="unpaired errors"
low = run_losses.mean(axis=1).argmin()


def apart(values):
    values = values * 1.0
    error = np.sqrt((values[-1].var() + values[low].var()) / values.shape[1])
    return (values[-1].mean() - values[low].mean()) / error


loss_errors, accuracy_errors = apart(run_losses), apart(run_hits)
run_verdict = "both rise" if accuracy_errors > 2 else "only the loss rises"

# %% wrong="loss_errors, accuracy_errors, run_verdict" because="from the epoch of the best accuracy"
low = run_hits.mean(axis=1).argmax()
loss_change = run_losses[-1] - run_losses[low]
hit_change = run_hits[-1] * 1.0 - run_hits[low]
loss_errors, accuracy_errors = (
    each.mean() / max(each.std(), 1e-9) * np.sqrt(1_500) for each in (loss_change, hit_change)
)
run_verdict = "only the loss rises"

# %% wrong="loss_errors, accuracy_errors, run_verdict" because="the accuracy upside down: from the end to the minimum"
low = run_losses.mean(axis=1).argmin()
loss_change = run_losses[-1] - run_losses[low]
hit_change = run_hits[-1] * 1.0 - run_hits[low]
loss_errors, accuracy_errors = (
    each.mean() / each.std() * np.sqrt(1_500) for each in (loss_change, hit_change)
)
accuracy_errors = -accuracy_errors
run_verdict = "both rise" if accuracy_errors > 2 else "the loss rises, accuracy falls"

# %% wrong="loss_errors, accuracy_errors, run_verdict" because="all pictures of the run, not the class's"
every_loss, every_hit = class_run.val_losses(), class_run.val_hits() * 1.0
low = every_loss.mean(axis=1).argmin()
loss_errors, accuracy_errors = (
    (kept[-1] - kept[low]).mean() / (kept[-1] - kept[low]).std() * np.sqrt(kept.shape[1])
    for kept in (every_loss, every_hit)
)
run_verdict = "both rise" if accuracy_errors > 2 else "only the loss rises"


# %% wrong="honest_rise" because="judges on the pictures that picked"
def honest_rise(losses, picking, judging):
    curve = np.asarray(losses, float)[:, picking].mean(axis=1)
    return curve.argmin() + 1, curve[-1] - curve.min()


# %% wrong="honest_rise" because="picks on the pictures that judge"
def honest_rise(losses, picking, judging):
    curve = np.asarray(losses, float)[:, judging].mean(axis=1)
    return curve.argmin() + 1, curve[-1] - curve.min()


# %% wrong="honest_rise" because="picks on all pictures"
def honest_rise(losses, picking, judging):
    losses = np.asarray(losses, float)
    low = losses.mean(axis=1).argmin()
    return low + 1, losses[-1, judging].mean() - losses[low, judging].mean()


# %% wrong="honest_rise" because="counts epochs from 0"
def honest_rise(losses, picking, judging):
    losses = np.asarray(losses, float)
    low = losses[:, picking].mean(axis=1).argmin()
    return low, losses[-1, judging].mean() - losses[low, judging].mean()


# %% wrong="lower_with_50, lower_with_500, reply" because="one look at the whole set"
low = seen_losses.mean(axis=1).argmin()
lower_with_50 = lower_with_500 = float(seen_hits[-1].mean() < seen_hits[low].mean())
reply = "their draw is enough to explain it"

# %% wrong="lower_with_50, lower_with_500, reply" because="a large set must be the volatile one: swapped"
rng = np.random.default_rng(0)
shares = []
for n in (500, 50):
    drawn = rng.integers(0, 2_000, (400, n))
    loss = np.array([row[drawn].mean(axis=1) for row in seen_losses])
    hit = np.array([row[drawn].mean(axis=1) for row in seen_hits])
    shares.append((hit[-1] < hit[loss.argmin(axis=0), np.arange(400)]).mean())
lower_with_50, lower_with_500 = shares
reply = "their draw is enough to explain it"

# %% wrong="lower_with_50, lower_with_500, reply" because="the share in which it looks higher"
rng = np.random.default_rng(0)
shares = []
for n in (50, 500):
    drawn = rng.integers(0, 2_000, (400, n))
    loss = np.array([row[drawn].mean(axis=1) for row in seen_losses])
    hit = np.array([row[drawn].mean(axis=1) for row in seen_hits])
    shares.append((hit[-1] > hit[loss.argmin(axis=0), np.arange(400)]).mean())
lower_with_50, lower_with_500 = shares
reply = "their draw is enough to explain it"

# %% wrong="lower_with_50, lower_with_500, reply" because="blames the code, with the right numbers"
rng = np.random.default_rng(0)
shares = []
for n in (50, 500):
    drawn = rng.integers(0, 2_000, (400, n))
    loss = np.array([row[drawn].mean(axis=1) for row in seen_losses])
    hit = np.array([row[drawn].mean(axis=1) for row in seen_hits])
    shares.append((hit[-1] < hit[loss.argmin(axis=0), np.arange(400)]).mean())
lower_with_50, lower_with_500 = shares
reply = "their code has a bug"

# %% wrong="rise_few, rise_many, steps_many, rule" because="generalises from its own width"
curves = {n: [run["val_loss"] for run in sweep(n, width)] for n in (1_000, 10_000)}
rise_few, rise_many = (np.mean([c[-1] / c.min() - 1 for c in curves[n]]) for n in curves)
steps_many, rule = 25 * 157, "all" if rise_many < rise_few else "none"

# %% wrong="rise_few, rise_many, steps_many, rule" because="leaves out the small last batch"
curves = {n: [run["val_loss"] for run in sweep(n, width)] for n in (1_000, 10_000)}
rise_few, rise_many = (np.mean([c[-1] / c.min() - 1 for c in curves[n]]) for n in curves)
steps_many, rule = 25 * (10_000 // 64), "one"

# %% wrong="rise_few, rise_many, steps_many, rule" because="one seed instead of three"
curves = {n: sweep(n, width)[0]["val_loss"] for n in (1_000, 10_000)}
rise_few, rise_many = (curve[-1] / curve.min() - 1 for curve in curves.values())
steps_many, rule = 25 * 157, "one"

# %% wrong="rise_few, rise_many, steps_many, rule" because="takes the rule for granted"
curves = {n: [run["val_loss"] for run in sweep(n, width)] for n in (1_000, 10_000)}
rise_few, rise_many = (np.mean([c[-1] / c.min() - 1 for c in curves[n]]) for n in curves)
steps_many, rule = 25 * 157, "all"


# %% wrong="phenomenon" because="the sign of the change, without its error"
def phenomenon(losses, hits):
    losses, hits = np.asarray(losses, float), np.asarray(hits, float)
    low = losses.mean(axis=1).argmin()
    if low == len(losses) - 1:
        return "no rise"
    gain = (hits[-1] - hits[low]).mean()
    return "both rise" if gain > 0 else "accuracy falls" if gain < 0 else "undecided"


# %% wrong="phenomenon" because="from the epoch of the best accuracy"
def phenomenon(losses, hits):
    losses, hits = np.asarray(losses, float), np.asarray(hits, float)
    low = hits.mean(axis=1).argmax()
    rise, gain = losses[-1] - losses[low], hits[-1] - hits[low]
    root = np.sqrt(losses.shape[1])
    if rise.mean() <= 2 * rise.std() / root:
        return "no rise"
    if abs(gain.mean()) <= 2 * gain.std() / root:
        return "undecided"
    return "both rise" if gain.mean() > 0 else "accuracy falls"


# %% wrong="phenomenon" because="unpaired errors"
def phenomenon(losses, hits):
    losses, hits = np.asarray(losses, float), np.asarray(hits, float)
    low, n = losses.mean(axis=1).argmin(), losses.shape[1]
    rise, gain = (kept[-1].mean() - kept[low].mean() for kept in (losses, hits))
    if rise <= 2 * np.sqrt((losses[-1].var() + losses[low].var()) / n):
        return "no rise"
    if abs(gain) <= 2 * np.sqrt((hits[-1].var() + hits[low].var()) / n):
        return "undecided"
    return "both rise" if gain > 0 else "accuracy falls"


# %% wrong="phenomenon" because="a rising loss is overfitting, so accuracy falls"
def phenomenon(losses, hits):
    losses = np.asarray(losses, float)
    change = losses[-1] - losses[losses.mean(axis=1).argmin()]
    limit = 2 * change.std() / np.sqrt(len(change))
    return "accuracy falls" if change.mean() > limit else "no rise"
