"""What the curve reader finds: its patterns with what would confirm them and what to do, and the finding itself.

Used by `lessonlib.reading.patterns`, which looks for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lessonlib.uncertainty import Change

Severity = Literal["alarm", "note"]


@dataclass(frozen=True)
class Pattern:
    """One thing that curves can say, whatever the run.

    Attributes
    ----------
    title : str
        What it is called in a reading.
    confirm : str
        What would confirm it, or tell it from what looks like it.
    advice : str
        What to do.
    limit : str
        What the curves cannot tell of it.
    severity : {"alarm", "note"}
        An alarm calls for action, a note for attention.
    """

    title: str
    confirm: str
    advice: str
    limit: str
    severity: Severity = "alarm"


#: What each pattern of a reading is, by its name.
PATTERNS = {
    "diverged": Pattern(
        "The training diverged",
        "Look for the first step whose loss or gradient norm is not finite or jumps tenfold.",
        "Lower the learning rate (by 3 to 10), warm it up or clip gradients; look for log(0), 0/0 and bad inputs.",
        "which step, or which number, began it",
    ),
    "double_softmax": Pattern(
        "The loss stands on the floor of a softmax applied twice",
        "Compute the loss of a few examples by hand from the model's outputs: do the outputs already sum to 1?",
        "Apply softmax once: remove the last layer's, or tell the loss so (Keras: from_logits=False; torch: NLLLoss).",
        "for two classes and mediocre accuracy, this from a model of low confidence",
    ),
    "chance": Pattern(
        "Nothing was learnt: validation is at chance",
        "Try to overfit 20 examples; shuffle the labels and compare; look at inputs and labels side by side.",
        "Check labels, input scaling, gradients (do the weights move?) and the learning rate, up and down.",
        "why: labels, inputs, learning rate and bugs look alike",
    ),
    "majority": Pattern(
        "Validation is no better than always saying the most frequent class",
        "Print the confusion matrix: is there one column? Compare with a baseline that always says that class.",
        "Look at recall per class, average precision or balanced accuracy; "
        "then as for a model that has learnt nothing. Class weights move the threshold, they add no information.",
        "whether the probabilities rank the examples all the same",
    ),
    "confident_errors": Pattern(
        "Validation loss rose and accuracy did not fall: errors became confident",
        "Fit a temperature: if the loss at the best temperature did not rise, calibration alone was lost. "
        "The ledger of lesson 2 shows which answers pay.",
        "If only answers count, keep training or choose by accuracy. "
        "If probabilities count, fit a temperature on held-out data, or stop at the lowest loss.",
        "which answers pay; without logits, how much of the rise a temperature takes back",
    ),
    "overfitting": Pattern(
        "Overfitting: validation became worse while training went on improving",
        "More training data or a smaller model should move the turn later and make the rise smaller.",
        "Stop near the lowest loss; then more data, augmentation, weight decay, dropout or a smaller model.",
        "worse answers from more confident errors, where the change of accuracy is within its noise",
    ),
    "unrepresentative_validation": Pattern(
        "Training and validation sets differ from the beginning",
        "Hold out a random part of the training set and score it too: does it behave like training?",
        "Split at random and stratified, if that is how the model will be used; "
        "else get training data like validation. Check that both sets are preprocessed alike.",
        "another source from an unlucky draw of a small set",
    ),
    "learning_rate_too_high": Pattern(
        "The learning rate is too high: the training loss itself jumps",
        "Divide the learning rate by 3 to 10 for a few epochs: the jumps should shrink with it.",
        "Lower the learning rate or let it decay; a larger batch calms it as well.",
        "a large rate from small batches",
    ),
    "real_fluctuation": Pattern(
        "Validation jumps by more than its sampling noise",
        "Repeat the evaluation of one saved epoch: the same number proves that the model jumps, not the measurement.",
        "Lower or decay the learning rate, average the weights, look at batch normalisation's running statistics "
        "and at the batch size; do not choose a single lucky epoch.",
        "the learning rate from batch normalisation",
    ),
    "unfinished": Pattern(
        "Unfinished: the loss is still falling",
        "Train half as long again: the loss should go on falling.",
        "Train longer, or raise the learning rate if the training loss falls slowly and smoothly. "
        "Compare models only when they are finished.",
        "where it would end",
    ),
    "noise_ceiling": Pattern(
        "Stuck together at a ceiling: consistent with noise in the labels",
        "Relabel a hundred examples, or have two people label them: do they disagree as often? "
        "A larger model must not help.",
        "If people disagree as much, clean the labels or accept the ceiling; else see the next finding.",
        "wrong labels from a model that is too small",
    ),
    "underfitting": Pattern(
        "Stuck together: the model or its inputs say too little",
        "A larger model, better inputs or less regularisation lowers the training loss; "
        "if it does not, the labels are noise or the inputs do not hold the answer.",
        "Try to overfit 50 examples first; then a larger model, less weight decay or dropout, better features.",
        "a small model from poor inputs",
    ),
    "dip": Pattern(
        "Accuracy fell while the loss fell",
        "Which examples became wrong, and how much did the dearest ones gain? The ledger of lesson 2 shows both.",
        "Expected when a few very dear examples pull at a shared boundary. Look at outliers and label errors, "
        "and choose the epoch by what counts for you.",
        "which examples paid",
        "note",
    ),
    "validation_better": Pattern(
        "Validation is better than training",
        "Evaluate the training set after an epoch, in evaluation mode: is it still worse than validation?",
        "Nothing, if that makes them equal. If not, look for duplicates between the sets and split again.",
        "dropout from an easier validation set, where the delay does not explain it",
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
        "Do not read the wiggles or choose an epoch by them; compare with paired tests, or validate on more examples.",
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
    "healthy": Pattern(
        "Nothing is wrong that these curves can show",
        "Other seeds should end within the same intervals.",
        "Go on: measure the chosen model once on a test set.",
        "what leaves no trace here: a leak, labels that are wrong in both sets, another use of the model",
        "note",
    ),
    "best_epoch": Pattern(
        "The best epoch depends on what is to be best",
        "Measure the chosen epochs once on a test set that chose nothing.",
        "Choose by what the model is for: by loss if its probabilities are used as they are; by accuracy if only its "
        "answers count; by refinement (logits needed) if a temperature is fitted afterwards, which keeps the answers.",
        "how good it is on data that did not choose it",
        "note",
    ),
}


@dataclass(frozen=True)
class Finding:
    """One thing that the curves of a run say.

    Attributes
    ----------
    pattern : str
        A key of `PATTERNS`.
    epochs : tuple of int
        The first and the last epoch it is about.
    evidence : str
        Numbers with their uncertainty.
    confirm, advice : str
        Those of the pattern, unless the run asks for others.
    """

    pattern: str
    epochs: tuple[int, int]
    evidence: str
    confirm: str = ""
    advice: str = ""

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
        said = {
            "Evidence": self.evidence,
            "To confirm": self.confirm,
            "What to do": self.advice,
            "Cannot tell": PATTERNS[self.pattern].limit,
        }
        return {heading: text for heading, text in said.items() if text}

    @property
    def where(self) -> str:
        """Return the epochs it is about as text: "epochs 3 to 9"."""
        first, last = self.epochs
        return f"epoch {first}" if first == last else f"epochs {first} to {last}"

    def __str__(self) -> str:
        parts = "".join(f"\n   {heading}: {text}" for heading, text in self.parts.items())
        return f"[{self.severity}] {self.title} ({self.where}).{parts}"


def said(change: Change, scale: float = 1) -> str:
    """Return verdict, estimate and interval of a change, in units of 1 / scale."""
    i = change.interval
    digits = 3 if scale == 1 else 1
    numbers = [f"{scale * value:+.{digits}f}" for value in (i.estimate.value, i.low, i.high)]
    return f"{change.verdict}: {numbers[0]} ({percent(i.level)} interval {numbers[1]} to {numbers[2]})"


def percent(level: float) -> str:
    """Return a share as a percentage without needless digits."""
    return f"{100 * level:g} %"
