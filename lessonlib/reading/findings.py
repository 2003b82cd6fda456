"""What the curve reader finds: its patterns with what would confirm them and what to do, and the finding itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

Severity = Literal["alarm", "note"]


class Pattern(NamedTuple):
    """One thing that curves can say: its title, what would confirm it, what to do, what the curves cannot tell."""

    title: str
    confirm: str
    advice: str
    limit: str
    severity: Severity = "alarm"


#: What each pattern of a reading is, by its name.
PATTERNS = {
    # what the numbers themselves say, before any curve is believed
    "diverged": Pattern(
        "The training diverged",
        "Look for the first step whose loss or gradient norm is not finite or jumps tenfold.",
        "Lower the learning rate (by 3 to 10), warm it up or clip gradients; look for log(0), 0/0 and bad inputs.",
        "which step, or which number, began it",
    ),
    "batch_losses": Pattern(
        "These are losses of single batches or short windows, not of epochs",
        "Log the mean over each epoch, and the validation loss beside it.",
        "Smooth, or log once per epoch; the jumps from one value to the next are those of the batches.",
        "anything about validation, or about a learning rate that is too high",
        "note",
    ),
    "negative_loss": Pattern(
        "The loss is negative, which no cross-entropy can be",
        "Print a batch of targets and outputs: are targets 0 or 1 (one class number per example for softmax)?",
        "Class numbers need a (sparse) categorical cross-entropy and K outputs; a binary cross-entropy needs targets "
        "from 0 to 1. Another loss (a log density, say) can be negative: then read its changes only.",
        "which of the two it is",
    ),
    "meaningless_accuracy": Pattern(
        "The accuracy means nothing here: the loss is far lower than wrong answers allow",
        "Is the target a number (regression)? Does the metric compare labels with what the model puts out?",
        "Regression: drop the accuracy and log an error in the target's unit (MAE, RMSE). Else mend the metric.",
        "whether the task or the metric is the wrong one",
    ),
    "other_loss": Pattern(
        "The loss is no plain cross-entropy of these answers",
        "Compute the cross-entropy of a few examples by hand and compare.",
        "Read its changes, not its level: focal, squared, scaled or masked losses have levels of their own.",
        "which loss it is",
        "note",
    ),
    "dead": Pattern(
        "Training stands still: not one number changes",
        "Print the gradient norm and a few weights before and after a step.",
        "Look for a rate of 0 or far too high (dead units), frozen weights, an optimiser without the model's "
        "parameters, labels that are all alike.",
        "which of these it is",
    ),
    "frozen_validation": Pattern(
        "Validation is frozen while training learns",
        "Score some training examples in evaluation mode: if they fail too, it is the mode, else the data.",
        "Look at batch normalisation's running statistics, and at preprocessing that validation does not share.",
        "batch normalisation from preprocessing",
    ),
    "odd_epochs": Pattern(
        "Single epochs are out of line and were left out",
        "Evaluate the saved model of such an epoch again.",
        "Do not choose or judge by such an epoch; if it comes again, look at batch normalisation and the rate.",
        "a fault of measurement from a moment's instability",
        "note",
    ),
    "mostly_penalty": Pattern(
        "Most of the loss is not the price of wrong answers",
        "Compute the plain cross-entropy of the same answers: it should be far lower.",
        "Log penalty (weight decay in the loss) and cross-entropy apart; label smoothing and a softmax applied twice "
        "also leave a high floor.",
        "a weight penalty from label smoothing or a double softmax",
        "note",
    ),
    "double_softmax": Pattern(
        "The loss stands on the floor of a softmax applied twice",
        "Compute the loss of a few examples by hand from the model's outputs: do the outputs already sum to 1?",
        "Apply softmax once: remove the last layer's, or tell the loss so (Keras: from_logits=False; torch: NLLLoss).",
        "for two classes and mediocre accuracy, this from a model of low confidence",
    ),
    # nothing was learnt
    "chance": Pattern(
        "Nothing was learnt: validation is at chance",
        "Try to overfit 20 examples; shuffle the labels and compare; look at inputs and labels side by side.",
        "Check labels, input scaling, gradients (do the weights move?) and the learning rate, up and down.",
        "why: labels, inputs, learning rate and bugs look alike",
    ),
    "majority": Pattern(
        "Validation is no better than always saying the most frequent class",
        "Print the confusion matrix: is there one column? Compare with always saying that class.",
        "Look at recall per class or average precision; then as for a model that has learnt nothing.",
        "whether the probabilities rank the examples all the same",
    ),
    "not_moving": Pattern(
        "Validation has not moved: nothing carries over",
        "Try to overfit 20 examples; shuffle the labels and compare; is the curve at the loss of guessing?",
        "Check labels, input scaling, the split and the learning rate, up and down.",
        "whether there was anything to learn",
    ),
    # training or validation gets worse
    "both_rise": Pattern(
        "Both losses rise: training itself gets worse",
        "Divide the learning rate by 3 to 10 from the lowest epoch on: does the training loss fall again?",
        "Learning rate too high, or slowly diverging: lower or decay it, clip gradients. This is no overfitting.",
        "the learning rate from what else moves the weights away",
    ),
    "learning_rate_too_high": Pattern(
        "The learning rate is too high: the training loss itself jumps",
        "Divide the learning rate by 3 to 10 for a few epochs: the jumps should shrink with it.",
        "Lower the learning rate or let it decay; a larger batch calms it as well.",
        "a large rate from small batches",
    ),
    "unrepresentative_validation": Pattern(
        "Training and validation sets differ from the beginning",
        "Hold out a random part of the training set and score it too: does it behave like training?",
        "Split at random and stratified, if that is how the model will be used; "
        "else get training data like validation. Check that both sets are preprocessed alike.",
        "another source from an unlucky draw of a small set",
    ),
    "confident_errors": Pattern(
        "Validation loss rose and accuracy did not fall: errors became confident",
        "Fit a temperature: if the loss at the best temperature did not rise, calibration alone was lost.",
        "If only answers count, choose by accuracy. If probabilities count, stop at the lowest loss or fit a "
        "temperature on held-out data.",
        "which answers cost it; without logits, how much of the rise a temperature takes back",
    ),
    "overfitting": Pattern(
        "Overfitting: validation became worse while training went on improving",
        "More training data or a smaller model should move the turn later and make the rise smaller.",
        "Stop near the best epoch; then more data, augmentation, weight decay, dropout or a smaller model.",
        "worse answers from more confident errors, where the change of accuracy is within its noise",
    ),
    "real_fluctuation": Pattern(
        "Validation jumps by more than its sampling noise",
        "Evaluate one saved epoch twice: the same number proves that the model jumps, not the measurement.",
        "Lower or decay the rate, average the weights, look at batch normalisation; choose no single lucky epoch.",
        "the learning rate from batch normalisation",
    ),
    # not learnt enough
    "unfinished": Pattern(
        "Unfinished: the loss is still falling",
        "Train half as long again: the loss should go on falling.",
        "Train longer, or raise the rate if the training loss falls slowly and smoothly. "
        "Compare models only when they are finished.",
        "where it would end",
    ),
    "noise_ceiling": Pattern(
        "Stuck together at a ceiling: consistent with noise in the labels",
        "Relabel a hundred examples, or have two people label them: do they disagree as often?",
        "If people disagree as much, clean the labels or accept the ceiling; else see the next finding.",
        "wrong labels from a model that is too small",
    ),
    "underfitting": Pattern(
        "Stuck together: the model or its inputs say too little",
        "A larger model, better inputs or less regularisation should lower the training loss.",
        "Try to overfit 50 examples first; then a larger model, less weight decay or dropout, better features.",
        "a small model from poor inputs",
    ),
    # notes, and verdicts without an alarm
    "dip": Pattern(
        "Accuracy fell while the loss fell",
        "Which examples became wrong, and how much did the costliest ones gain? (Lesson 2.)",
        "Expected when a few very costly examples pull at a shared boundary: look for outliers and label errors.",
        "which examples caused it",
        "note",
    ),
    "validation_better": Pattern(
        "Validation is better than training",
        "Evaluate the training set after an epoch, in evaluation mode: is it still worse than validation?",
        "Nothing, if that makes them equal (dropout, augmentation, a running mean). If not, look for duplicates "
        "between the sets and split again.",
        "dropout and augmentation from an easier validation set or a leak",
        "note",
    ),
    "accuracy_stands": Pattern(
        "Validation accuracy rose and stands; there is no validation loss",
        "Log the validation loss: does it rise while the accuracy stands?",
        "Do not choose among epochs that are equal within noise: take the last, or a mean of weights.",
        "whether the model becomes overconfident: that is in the loss",
        "note",
    ),
    "gap": Pattern(
        "Training is better than validation, which does not get worse",
        "Train longer: does validation stay where it is?",
        "A gap alone is no reason to stop: what counts is whether validation still improves.",
        "whether more training would hurt",
        "note",
    ),
    "sampling_noise": Pattern(
        "The jumps of validation are within what chance does in a set of this size",
        "Score one saved epoch on several resampled validation sets: the spread should be about that.",
        "Do not read the wiggles or choose an epoch by them; compare with paired tests.",
        "small true changes under the noise",
        "note",
    ),
    "cannot_tell": Pattern(
        "The data do not suffice to tell",
        "Validate on more examples, keep each example's loss and compare in pairs, or repeat with other seeds.",
        "Do not stop early or regularise on this evidence alone.",
        "",
        "note",
    ),
    "quiet": Pattern(
        "No alarm, and no all-clear either",
        "Read again with what is missing.",
        "Nothing in these curves asks for a change; what is missing stands in the evidence.",
        "what the missing curves would show",
        "note",
    ),
    "healthy": Pattern(
        "Nothing is wrong that these curves can show",
        "Other seeds should end alike.",
        "Go on: measure the chosen model once on a test set.",
        "what leaves no trace here: a leak, labels that are wrong in both sets, another use of the model",
        "note",
    ),
    "best_epoch": Pattern(
        "The best epoch depends on what is to be best",
        "Measure the chosen epochs once on a test set that chose nothing.",
        "Choose by loss if the probabilities are used as they are; by accuracy if only answers count; by refinement "
        "(logits needed) if a temperature is fitted afterwards.",
        "how good it is on data that did not choose it",
        "note",
    ),
}
#: What the numbers say of themselves, whatever the validation set: said before what the curves show.
OF_NUMBERS = {"diverged", "batch_losses", "negative_loss", "meaningless_accuracy", "other_loss", "dead", "odd_epochs",
              "mostly_penalty", "double_softmax"}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One thing that the curves of a run say.

    Attributes
    ----------
    pattern : str
        A key of `PATTERNS`.
    epochs : tuple of int
        The first and the last it is about, in the log's own numbers.
    evidence : str
        Numbers, with their uncertainty where it is known.
    confirm, advice : str
        Those of the pattern, unless the run asks for others.
    unit : str
        What `epochs` counts: ``"epoch"``, ``"step"``, ``"round"`` or ``"row"``.
    """

    pattern: str
    epochs: tuple[int, int]
    evidence: str
    confirm: str = ""
    advice: str = ""
    unit: str = "epoch"

    def __post_init__(self) -> None:
        for part in ("confirm", "advice"):
            object.__setattr__(self, part, getattr(self, part) or getattr(PATTERNS[self.pattern], part))

    @property
    def title(self) -> str:
        """Return what the pattern is called."""
        return PATTERNS[self.pattern].title

    @property
    def severity(self) -> Severity:
        """Return whether it calls for action ("alarm") or for attention ("note")."""
        return PATTERNS[self.pattern].severity

    @property
    def parts(self) -> dict[str, str]:
        """Return what is said of it, under its headings."""
        limit = PATTERNS[self.pattern].limit
        said = {"Evidence": self.evidence, "What to do": self.advice, "To confirm": self.confirm, "Cannot tell": limit}
        return {heading: text for heading, text in said.items() if text}

    @property
    def where(self) -> str:
        """Return what it is about as text: "epochs 3 to 9"."""
        first, last = self.epochs
        return f"{self.unit} {first}" if first == last else f"{self.unit}s {first} to {last}"

    def __str__(self) -> str:
        parts = "".join(f"\n   {heading}: {text}" for heading, text in self.parts.items())
        return f"[{self.severity}] {self.title} ({self.where}).{parts}"


def number(value: float) -> str:
    """Return a number with three significant digits, without an exponent where it can be read without."""
    if value and math.isfinite(value) and 1e-4 <= abs(value) < 1e6:
        return f"{value:,.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
    return f"{value:.3g}"


def share(value: float) -> str:
    """Return a share as a percentage with one digit behind the point."""
    return f"{100 * value:.1f} %"
