"""The concept inventory: twelve questions asked before the course and again, in other words, after it.

Nobody is told what is right. The questions live here and not in the lessons, so that a learner does not read the
answers in a code cell. The two forms ask for the same concepts in the same order; lesson 0 has the first, lesson 10 the
second.
"""

from __future__ import annotations

from dataclasses import dataclass

from lessonlib import _validate as check
from lessonlib import checks, uncertainty
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
        right="a minority of very confident errors",
        wrong=(
            "right answers that became less certain",
            "all pictures about equally",
            "pictures near the decision boundary",
        ),
    ),
    Item(
        "temperature",
        "All logits of a trained network are divided by 3. What can change?",
        right="the loss, not the accuracy",
        wrong=("the accuracy, not the loss", "both the loss and the accuracy", "neither"),
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
        right="nothing about what it learnt",
        wrong=("that it learnt to tell apples from the rest", "that it is overfitted", "that its loss is low"),
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
        right="moves the threshold and distorts the probabilities",
        wrong=(
            "teaches the network more about what sets the class apart",
            "raises accuracy",
            "changes nothing but the scale of the loss",
        ),
    ),
    Item(
        "validation below training",
        "Validation loss is lower than training loss in the first epochs. Most likely",
        right="training was averaged over the epoch or had dropout on",
        wrong=(
            "the validation set is too easy",
            "examples of the validation set have leaked into training",
            "the network is underfitted",
        ),
    ),
    Item(
        "plateau",
        "Training and validation loss both fall, accuracy stays at 60 %. Training longer",
        right="may help or not, depending on the cause",
        wrong=("will help, since the loss still falls", "cannot help, since the network is too small", "will overfit"),
    ),
)


#: The same concepts in the same order, in other situations and with other numbers.
POST_TEST = (
    Item(
        "loss up",
        "From epoch 8 to epoch 20 a network's mean cross-entropy on held-out images grows from 0.9 to 1.3. "
        "The share of held-out images it names correctly",
        right="cannot be told from that",
        wrong=("has dropped", "has dropped or is unchanged", "can only have grown if someone made a mistake"),
    ),
    Item(
        "loss down",
        "Full-batch gradient descent lowers both losses in each of 2,000 steps. During these steps the number of "
        "correct answers",
        right="can drop, even deeply, and recover",
        wrong=("grows or stays in each step", "drops in no stretch of steps", "drops only where some labels are wrong"),
    ),
    Item(
        "right answer",
        "A four-class network names an image correctly. The highest cross-entropy that this one image can contribute "
        "is",
        right="ln 4, about 1.39",
        wrong=("ln 2, about 0.69", "exactly 1", "as high as one likes"),
    ),
    Item(
        "same answers",
        "Model A and model B name the same 880 of 1,000 images correctly. A's mean cross-entropy is 0.4. That of B",
        right="may be 0.4 or 4",
        wrong=("is 0.4 too", "lies between 0.3 and 0.5", "is above 0.4 only if B has seen too many epochs"),
    ),
    Item(
        "who pays",
        "Thirty epochs after its lowest point a held-out loss stands at 1.9 with 70 % correct. Look at the bill image "
        "by image: most of it comes from",
        right="missed images that gave the truth next to nothing",
        wrong=(
            "the 70 % correct, whose probabilities have become lower",
            "each image in equal parts",
            "images whose two best classes are nearly tied",
        ),
    ),
    Item(
        "temperature",
        "Before the softmax you multiply a finished model's outputs by 0.5. Compared with before, on the same images",
        right="it is right as often, at another loss",
        wrong=(
            "it is right less often at the same loss",
            "it is right less often and its loss is higher",
            "nothing differs",
        ),
    ),
    Item(
        "double softmax",
        "A two-class model gets every training example right and reports a training loss that has stood at 0.32 for "
        "fifty epochs. Look first at",
        right="whether probabilities are formed twice",
        wrong=(
            "whether the steps of the optimiser are too short",
            "whether labels were mixed up",
            "whether it needs more units",
        ),
    ),
    Item(
        "majority",
        "A test for a defect that 3 % of the parts have is 97 % accurate. That alone means",
        right="as much as always saying 'no defect' would",
        wrong=(
            "that it finds most of the defects that there are",
            "that it has memorised the parts",
            "that its probabilities are good",
        ),
    ),
    Item(
        "small difference",
        "Two settings were tried once each and checked on 150 examples: 114 and 118 correct. The second setting",
        right="may as well be the worse one",
        wrong=("has won", "has won, provided the number of epochs was the same", "has won, provided its loss is lower"),
    ),
    Item(
        "class weights",
        "Frauds are 2 % of the payments. Each one is made to count fifty times in training. The main effect is that "
        "the model",
        right="says 'fraud' sooner, with inflated probabilities",
        wrong=(
            "finds out more about what a fraudulent payment looks like",
            "is right about more payments",
            "behaves as before, with larger numbers in the log",
        ),
    ),
    Item(
        "validation below training",
        "Epoch 1 of a network with dropout: the log says training 1.8, held-out 1.5. The first thing to think of is "
        "that",
        right="the two were taken at different times, in different modes",
        wrong=(
            "the held-out images are simpler ones",
            "some of the held-out images are among the training images",
            "the network has too few parameters",
        ),
    ),
    Item(
        "plateau",
        "For forty epochs a model has been correct on 72 % of both sets, and both its losses creep downwards. Another "
        "forty epochs",
        right="cannot be judged without knowing the cause",
        wrong=(
            "are worth it, as it is still learning",
            "are wasted, as a network of this size can do no more",
            "make it memorise",
        ),
    ),
)


def pre_test() -> list[Panel]:
    """Return the panels of the questions asked before the course, numbered, in order."""
    return _panels("pre", PRE_TEST, "You meet this question again at the end of the course.")


def post_test() -> list[Panel]:
    """Return the panels of the questions asked after the course, numbered, in order."""
    return _panels("post", POST_TEST, "Your first answer counts.")


def _panels(form: str, items: tuple[Item, ...], reply: str) -> list[Panel]:
    return [
        checks.inventory_item(
            f"{form}: {item.concept}", f"{number}. {item.question}", right=item.right, wrong=item.wrong, reply=reply
        )
        for number, item in enumerate(items, start=1)
    ]


def n_answered(form: str = "pre") -> int:
    """Return how many questions of a form the learner has answered.

    Parameters
    ----------
    form : {"pre", "post"}

    Raises
    ------
    ValueError
        If there is no such form.
    OSError
        If the learner's file cannot be read.
    """
    return len(_answered(form))


def _answered(form: str) -> dict[str, bool]:
    """Return by concept whether the learner's first answer was right."""
    if form not in ("pre", "post"):
        raise ValueError(f"form must be 'pre' or 'post', got {form!r}.")
    kept = checks.answers()
    names = {item.concept: f"{form}: {item.concept}" for item in PRE_TEST}
    return {concept: kept[name][0]["right"] for concept, name in names.items() if name in kept}


def normalised_gain(before: float, after: float) -> float:
    """Compute the share of what was missing before that is there after.

    Parameters
    ----------
    before, after : float
        Shares of right answers, 0 to 1.

    Returns
    -------
    float
        ``(after - before) / (1 - before)`` (R. Hake, *American Journal of Physics* 66, 1998): 1 if all that was missing
        was gained, 0 if nothing was, negative if something was lost. Lesson 10.

    Raises
    ------
    ValueError
        If a share is not in 0..1, or nothing was missing before.

    Examples
    --------
    >>> normalised_gain(0.5, 0.75)
    0.5
    """
    before, after = check.number_within(before, "before", 0, 1), check.number_within(after, "after", 0, 1)
    if before == 1:
        raise ValueError("before = 1: nothing was missing, so there is no gain to speak of; report the shares alone.")
    return (after - before) / (1 - before)


@dataclass(frozen=True)
class Comparison:
    """The learner's answers before and after the course, over the concepts that were answered in both forms.

    Attributes
    ----------
    before, after : dict of str to bool
        By concept, whether the first answer was right.
    """

    before: dict[str, bool]
    after: dict[str, bool]

    @property
    def n_items(self) -> int:
        """Return how many concepts were answered in both forms."""
        return len(self.before)

    @property
    def gained(self) -> list[str]:
        """Return the concepts that were wrong before and right after."""
        return [concept for concept, right in self.after.items() if right and not self.before[concept]]

    @property
    def lost(self) -> list[str]:
        """Return the concepts that were right before and wrong after."""
        return [concept for concept, right in self.after.items() if not right and self.before[concept]]

    @property
    def gain(self) -> float | None:
        """Return the normalised gain; None if nothing was answered in both forms or nothing was missing before."""
        n_before, n_after = sum(self.before.values()), sum(self.after.values())
        if n_before == self.n_items:
            return None
        return normalised_gain(n_before / self.n_items, n_after / self.n_items)

    @property
    def p_value(self) -> float:
        """Return how often gains and losses would be split so unevenly if each change were as likely as its reverse."""
        return uncertainty.mcnemar_p_value(len(self.gained), len(self.lost))


def compare() -> Comparison:
    """Compare the learner's first answers before and after the course.

    Raises
    ------
    OSError
        If the learner's file cannot be read.
    """
    before, after = _answered("pre"), _answered("post")
    both = [item.concept for item in PRE_TEST if item.concept in before and item.concept in after]
    return Comparison({concept: before[concept] for concept in both}, {concept: after[concept] for concept in both})
