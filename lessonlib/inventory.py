"""The concept inventory: twelve questions asked before the course, without telling what is right.

They live here and not in the lesson, so that a learner does not read the answers in a code cell.
"""

from __future__ import annotations

from dataclasses import dataclass

from lessonlib import checks
from lessonlib.panel import Panel


@dataclass(frozen=True)
class Item:
    """One question of the inventory.

    Attributes
    ----------
    concept : str
        What it asks about, in a word or two; names the answer in the learner's file.
    question, right : str
    wrong : tuple of str
        Each one is something that people really believe.
    """

    concept: str
    question: str
    right: str
    wrong: tuple[str, ...]


PRE_TEST = (
    Item(
        "loss up",
        "Validation loss rises for ten epochs. Validation accuracy over the same epochs",
        right="may rise, fall or stay",
        wrong=("must fall", "must fall or stay", "must be wrongly computed if it rises"),
    ),
    Item(
        "loss down",
        "Validation loss falls at every step of a training run. Validation accuracy",
        right="may fall for a while",
        wrong=("rises at every step", "never falls", "falls only if there is a bug"),
    ),
    Item(
        "right answer",
        "Ten classes; a network's highest probability is at the true class of a picture. Its cross-entropy is",
        right="at most ln 10",
        wrong=("at most ln 2", "below 1", "without a limit"),
    ),
    Item(
        "same answers",
        "Two networks are right on exactly the same pictures and wrong on some. Their mean losses",
        right="can differ without limit",
        wrong=("are equal", "differ a little at most", "differ only if one of them is overfitted"),
    ),
    Item(
        "who pays",
        "Late in training validation loss has doubled, accuracy is a little higher. Most of that loss is paid by",
        right="a minority of wrong answers that are very confident",
        wrong=(
            "right answers that became unsure",
            "all pictures about equally",
            "pictures near the decision boundary",
        ),
    ),
    Item(
        "temperature",
        "All logits of a trained network are divided by 3. What can change?",
        right="the loss and the probabilities, not the accuracy",
        wrong=("the accuracy, not the loss", "both", "neither"),
    ),
    Item(
        "double softmax",
        "Ten classes, training accuracy 99 %, and the training loss will not go below 1.46. Most likely",
        right="softmax is applied twice",
        wrong=("the learning rate is too low", "the labels are noisy", "the network is too small"),
    ),
    Item(
        "majority",
        "Nine pictures in ten show apples. A network reaches 90 % accuracy. You know",
        right="nothing yet about whether it learnt anything",
        wrong=("that it learnt something", "that it is overfitted", "that its loss is low"),
    ),
    Item(
        "small difference",
        "With 200 validation pictures, network A has 81 % and network B has 83 %, measured once. B is",
        right="not shown to be better",
        wrong=("better", "better if both were trained equally long", "better if the loss agrees"),
    ),
    Item(
        "class weights",
        "One class has few examples, so its errors are given a larger weight in the loss. Mostly this",
        right="moves the decision threshold and distorts the probabilities",
        wrong=(
            "teaches the network more about the class",
            "raises accuracy",
            "changes nothing but the scale of the loss",
        ),
    ),
    Item(
        "validation below training",
        "Validation loss is lower than training loss in the first epochs. Most likely",
        right="training loss was averaged while the weights moved, or with dropout on",
        wrong=(
            "the validation set is too easy",
            "the validation set leaks into training",
            "the network is underfitted",
        ),
    ),
    Item(
        "plateau",
        "Training and validation loss both fall, accuracy stays at 60 %. Training longer",
        right="may help or not: several causes look like this",
        wrong=("will help, the loss still falls", "cannot help, the network is too small", "will overfit"),
    ),
)


def pre_test() -> list[Panel]:
    """Return the panels of the questions, numbered, in order."""
    return [
        checks.inventory_item(f"pre: {item.concept}", f"{number}. {item.question}", right=item.right, wrong=item.wrong)
        for number, item in enumerate(PRE_TEST, start=1)
    ]


def n_answered() -> int:
    """Return how many questions of the inventory the learner has answered."""
    answered = checks.answers()
    return sum(f"pre: {item.concept}" in answered for item in PRE_TEST)
