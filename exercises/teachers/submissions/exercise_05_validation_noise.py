# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %%
import math

from lessonlib import uncertainty


# %% right="with lessonlib"
def standard_errors(labels, probabilities):
    losses = metrics.cross_entropy_per_example(labels, probabilities=probabilities)
    accuracy = metrics.accuracy(labels, probabilities)
    error = (accuracy - accuracy**2) ** 0.5 / len(labels) ** 0.5
    return error, np.std(losses) * len(labels) ** -0.5


# %% right="with lessonlib"
def examples_for(accuracy, half_width):
    n = 1
    while 1.96 * metrics.accuracy_standard_error(accuracy, n) > half_width:
        n += 1
    return n


# %% right="with lessonlib"
def verdict(before, after, margin):
    difference = metrics.estimate_mean(np.asarray(after) - np.asarray(before))
    return uncertainty.judge(*difference.interval(1.96), margin)


# %% right="loops, other definitions"
def offset_and_jitter(hits, chosen):
    curve = [sum(row[i] for i in chosen) / len(chosen) for row in np.asarray(hits, int).tolist()]
    truth = [sum(row) / len(row) for row in np.asarray(hits, int).tolist()]
    offset = sum(a - b for a, b in zip(curve, truth)) / len(curve)
    steps = [abs(curve[i + 1] - curve[i]) for i in range(len(curve) - 1)]
    return offset, sum(steps) / len(steps)


# %% right="loops, other definitions"
def relative(values):
    return np.std(values * 1.0, ddof=1) / math.sqrt(200) / np.mean(values)


early_ratio = relative(early_losses) / relative(early_hits)
late_ratio = relative(late_losses) / relative(late_hits)
steadier = "The loss early, accuracy late" if late_ratio > 1 else "the loss, ALWAYS"

# %% right="loops, other definitions"
smoothed, total, weight = [], 0.0, 0.0
for value in small_curve:
    total, weight = 0.8 * total + value, 0.8 * weight + 1
    smoothed.append(total / weight)
one, two, truth = small_curve[20:], np.array(smoothed)[20:], true_curve[20:]
jitter_left = sum(abs(np.diff(two))) / sum(abs(np.diff(one)))
miss_left = abs(np.mean(two - truth)) / abs(np.mean(one - truth))
smoothing = "calmer, not nearer"

# %% right="loops, other definitions"
causes = []
for one in reports:
    if "gained" in one:
        p = uncertainty.mcnemar_p_value(one["gained"], one["lost"])
        causes.append("the network changed" if p < 0.05 else "chance is enough")
    else:
        mean = (one["first"] + one["second"]) / 2
        z = (one["first"] - one["second"]) / math.sqrt(2 * mean * (1 - mean) / one["n"])
        causes.append("the sets differ" if abs(z) > 1.96 else "chance is enough")


# %% wrong="standard_errors" because="the standard deviations: not divided by the root of n"
def standard_errors(labels, probabilities):
    losses = metrics.cross_entropy_per_example(labels, probabilities=probabilities)
    return metrics.correct(labels, probabilities).std(), losses.std()


# %% wrong="standard_errors" because="divided by n, not by its root"
def standard_errors(labels, probabilities):
    losses = metrics.cross_entropy_per_example(labels, probabilities=probabilities)
    return metrics.correct(labels, probabilities).std() / len(losses), losses.std() / len(losses)


# %% wrong="standard_errors" because="the formula of a share for the loss, too"
def standard_errors(labels, probabilities):
    n, share = len(labels), np.asarray(probabilities)[np.arange(len(labels)), labels].mean()
    p = metrics.accuracy(labels, probabilities)
    return np.sqrt(p * (1 - p) / n), np.sqrt(share * (1 - share) / n)


# %% wrong="standard_errors" because="in points, not as a share"
def standard_errors(labels, probabilities):
    losses = metrics.cross_entropy_per_example(labels, probabilities=probabilities)
    p, n = metrics.accuracy(labels, probabilities), len(labels)
    return 100 * np.sqrt(p * (1 - p) / n), losses.std() / np.sqrt(n)


# %% wrong="examples_for" because="one standard error, not 1.96"
def examples_for(accuracy, half_width):
    return math.ceil(accuracy * (1 - accuracy) / half_width**2)


# %% wrong="examples_for" because="the worst case, whatever the accuracy"
def examples_for(accuracy, half_width):
    return math.ceil(0.25 * (1.96 / half_width) ** 2)


# %% wrong="examples_for" because="forgets the square"
def examples_for(accuracy, half_width):
    return math.ceil(np.sqrt(accuracy * (1 - accuracy)) * 1.96 / half_width)


# %% wrong="offset_and_jitter" because="the offset of the last epoch only"
def offset_and_jitter(hits, chosen):
    hits = np.asarray(hits, dtype=float)
    curve = hits[:, chosen].mean(axis=1)
    return curve[-1] - hits[-1].mean(), np.abs(np.diff(curve)).mean()


# %% wrong="offset_and_jitter" because="the jitter of the pool's curve"
def offset_and_jitter(hits, chosen):
    hits = np.asarray(hits, dtype=float)
    curve, truth = hits[:, chosen].mean(axis=1), hits.mean(axis=1)
    return (curve - truth).mean(), np.abs(np.diff(truth)).mean()


# %% wrong="offset_and_jitter" because="the flips of single answers, not the steps of the curve"
def offset_and_jitter(hits, chosen):
    hits = np.asarray(hits, dtype=float)
    offset = (hits[:, chosen].mean(axis=1) - hits.mean(axis=1)).mean()
    return offset, np.abs(np.diff(hits[:, chosen], axis=0)).mean()


# %% wrong="offset_and_jitter" because="steps that cancel: no absolute value"
def offset_and_jitter(hits, chosen):
    hits = np.asarray(hits, dtype=float)
    curve, truth = hits[:, chosen].mean(axis=1), hits.mean(axis=1)
    return (curve - truth).mean(), np.diff(curve).mean()


# %% wrong="jitter_left, miss_left, smoothing" because="a calm curve must be a precise one"
one, two, truth = small_curve[20:], smooth_curve[20:], true_curve[20:]
jitter_left = np.abs(np.diff(two)).mean() / np.abs(np.diff(one)).mean()
miss_left = abs(np.mean(two - truth)) / abs(np.mean(one - truth))
smoothing = "calmer and nearer"

# %% wrong="jitter_left, miss_left, smoothing" because="jitter twice: takes it for the miss as well"
one, two = small_curve[20:], smooth_curve[20:]
jitter_left = miss_left = np.abs(np.diff(two)).mean() / np.abs(np.diff(one)).mean()
smoothing = "calmer, not nearer"

# %% wrong="jitter_left, miss_left, smoothing" because="the share that is gone, not the share that is left"
one, two, truth = small_curve[20:], smooth_curve[20:], true_curve[20:]
jitter_left = 1 - np.abs(np.diff(two)).mean() / np.abs(np.diff(one)).mean()
miss_left = 1 - abs(np.mean(two - truth)) / abs(np.mean(one - truth))
jitter_left, miss_left = abs(jitter_left), abs(miss_left)
smoothing = "calmer, not nearer"

# %% wrong="early_ratio, late_ratio, steadier" because="accuracy has no outliers, so it is the steadier one, always"
early_ratio = (early_losses.std() / early_losses.mean()) / (early_hits.std() / early_hits.mean())
late_ratio = (late_losses.std() / late_losses.mean()) / (late_hits.std() / late_hits.mean())
steadier = "accuracy, always"

# %% wrong="early_ratio, late_ratio, steadier" because="compares standard errors in different units"
early_ratio = early_losses.std() / early_hits.std()
late_ratio = late_losses.std() / late_hits.std()
steadier = "the loss early, accuracy late"

# %% wrong="early_ratio, late_ratio, steadier" because="accuracy over loss: the ratio upside down"
early_ratio = (early_hits.std() / early_hits.mean()) / (early_losses.std() / early_losses.mean())
late_ratio = (late_hits.std() / late_hits.mean()) / (late_losses.std() / late_losses.mean())
steadier = "accuracy early, the loss late"


# %% wrong="verdict" because="as if the two epochs had been measured on different examples"
def verdict(before, after, margin):
    error = np.hypot(np.std(before), np.std(after)) / np.sqrt(len(before))
    change = np.mean(after) - np.mean(before)
    return uncertainty.judge(change - 1.96 * error, change + 1.96 * error, margin)


# %% wrong="verdict" because="not significant means flat"
def verdict(before, after, margin):
    change = np.asarray(after) - np.asarray(before)
    half = 1.96 * change.std() / np.sqrt(len(change))
    if abs(change.mean()) <= half:
        return "flat"
    said = uncertainty.judge(change.mean() - half, change.mean() + half, margin)
    return said


# %% wrong="verdict" because="the sign of the mean decides"
def verdict(before, after, margin):
    change = np.mean(after) - np.mean(before)
    return "flat" if abs(change) < margin else "rise" if change > 0 else "fall"


# %% wrong="verdict" because="a significant change that does not matter is called a rise"
def verdict(before, after, margin):
    change = np.asarray(after) - np.asarray(before)
    half = 1.96 * change.std() / np.sqrt(len(change))
    low, high = change.mean() - half, change.mean() + half
    if low > 0 or high < 0:
        return "rise" if low > 0 else "fall"
    return "flat" if half < margin - abs(change.mean()) else "cannot tell"


# %% wrong="causes" because="every difference has a cause"
causes = ["the sets differ" if "first" in one else "the network changed" for one in reports]

# %% wrong="causes" because="small differences are chance, large ones are not, whatever n is"
causes = [
    ("the sets differ" if abs(one["first"] - one["second"]) > 0.05 else "chance is enough")
    if "first" in one
    else (
        "the network changed"
        if abs(one["gained"] - one["lost"]) / one["n"] > 0.02
        else "chance is enough"
    )
    for one in reports
]

# %% wrong="causes" because="a jump on a fixed set shows that the set does not fit"
causes = []
for one in reports:
    if "first" in one:
        error = np.sqrt(2 * one["first"] * (1 - one["first"]) / one["n"])
        real = abs(one["first"] - one["second"]) > 2 * error
    else:
        real = abs(one["gained"] - one["lost"]) > 2 * np.sqrt(one["gained"] + one["lost"])
    causes.append("the sets differ" if real else "chance is enough")
