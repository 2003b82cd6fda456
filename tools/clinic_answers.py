"""The stories, causes and feedback of the curve clinic. STOP here if you want to take the clinic yourself.

The single source of what `tools.clinic_cases` seals into ``notebooks/clinic/answers.sealed``. Numbers in braces are
measured in the run itself when the case is made (`tools.clinic_cases.facts`), so no text can disagree with its curves.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Every cause that is on offer. The last three are no case's cause; people name them all the same.
CAUSES = {
    "confident": "its errors became confident; its answers did not get worse",
    "memorised": "it memorises the training set and gets worse elsewhere",
    "unfinished": "the training is not finished",
    "majority": "it says the most frequent class, whatever the input",
    "ceiling": "a ceiling: these inputs do not tell these labels apart any better",
    "sampling": "sampling noise of a small validation set",
    "rate": "the learning rate is too high",
    "diverged": "the training diverged",
    "softmax": "softmax is applied twice",
    "measured": "the two losses are not measured alike",
    "split": "the data were split without shuffling",
    "healthy": "nothing is wrong",
    "small": "the network is too small",
    "leak": "validation examples leaked into the training set",
    "labels": "many labels of the validation set are wrong",
}

#: Credit, the option, its feedback. The option of a cause is a key of `CAUSES`.
Row = tuple[float, str, str]


@dataclass(frozen=True)
class Text:
    """What is told, asked and answered about one case.

    Attributes
    ----------
    story : str
        What the stranger says; it must not name the cause.
    cause, evidence, action : tuple of Row
        Three options each, one of them with a whole point.
    named_by : tuple of str
        The patterns of the curve reader that name this cause.
    """

    story: str
    cause: tuple[Row, ...]
    evidence: tuple[Row, ...]
    action: tuple[Row, ...]
    named_by: tuple[str, ...]


TEXTS = {
    "confident": Text(
        story="Small photographs of ten kinds of things, a convolutional network. I need its answers only, nobody "
        "reads "
        "its probabilities. Which epoch do I keep, and am I in trouble?",
        cause=(
            (
                1,
                "confident",
                "Yes: the loss rises, and what it answers gets better, not worse. Few wrong answers pay more.",
            ),
            (
                0.5, "memorised",
                "The first half is so (training accuracy {train_acc_end:.0f} %). But elsewhere it did not get worse: "
                "accuracy "
                "is {acc_change:+.1f} points since the lowest loss.",
            ),
            (
                0, "labels",
                "Wrong labels would hold accuracy down, but nothing here asks for them: {acc_end:.0f} % has many "
                "reasons, and it was still rising.",
            ),
        ),
        evidence=(
            (
                1,
                "from epoch {low} on loss rises by {rise:.0f} % and accuracy by {acc_change:.1f} points (one standard "
                "error: {se:.1f})",
                "Yes: both changes are larger than their errors, one for the worse and one for the better.",
            ),
            (
                0.5,
                "training loss goes on falling to {train_end:.2f}",
                "True, and true of healthy runs as well: it separates nothing.",
            ),
            (
                0,
                "validation loss is higher than training loss",
                "It is so in nearly every run; how the two move is what tells.",
            ),
        ),
        action=(
            (
                1, "keep a late epoch; fit a temperature should probabilities be needed",
                "Yes: accuracy gained {acc_change:.1f} points after the lowest loss, and a temperature changes no "
                "answer.",
            ),
            (
                0, "keep epoch {low}, where the loss is lowest",
                "That gives away {acc_change:.1f} points of accuracy, and accuracy is all this stranger needs.",
            ),
            (
                0.5,
                "train again with dropout or more data",
                "It may help, and it answers no question about this run: which epoch to keep.",
            ),
        ),
        named_by=("confident_errors",),
    ),
    "memorised": Text(
        story="A yes-or-no question from twenty measurements; the answers were typed in by several people. How long "
        "should I train?",
        cause=(
            (1, "memorised", "Yes: from epoch {low} on both measures get worse together while training improves."),
            (
                0.5, "confident",
                "Its errors do become confident, but that is not all: accuracy itself is {acc_change:+.1f} points "
                "since epoch {low}.",
            ),
            (0, "rate", "Then the training curve would jump. It falls smoothly to {train_end:.2f}."),
        ),
        evidence=(
            (
                1,
                "accuracy changes by {acc_change:+.1f} points after the lowest loss (one standard error: {se:.1f}); "
                "training still improves",
                "Yes: both the direction and the size against the error.",
            ),
            (
                0.5,
                "validation loss ends {rise:.0f} % above its lowest",
                "It does, but a rise alone does not say whether answers got worse.",
            ),
            (
                0,
                "training accuracy is higher than validation accuracy",
                "It is so in healthy runs too. The gap alone is no fault.",
            ),
        ),
        action=(
            (
                1, "stop near epoch {low}; then look at how consistent the typed labels are",
                "Yes: later epochs are worse in both measures, and memorised labels are worth a look.",
            ),
            (
                0,
                "fit a temperature and keep the last epoch",
                "A temperature repairs the loss and no answer; the lost accuracy stays lost.",
            ),
            (
                0,
                "train longer until training accuracy is 100 %",
                "That is the direction in which it has been getting worse.",
            ),
        ),
        named_by=("overfitting",),
    ),
    "unfinished": Text(
        story="Handwritten digits, a small network. Beautiful curves, no gap, no jumps: may I write in the report that"
        " it has converged?",
        cause=(
            (1, "unfinished", "Yes: a smooth curve that still falls is a walk that was broken off."),
            (
                0, "healthy",
                "The curves are smooth because the steps are small. Over the last fifth of the epochs validation loss "
                "still fell "
                "by {last_fall:.2f}, from {before_fall:.2f}.",
            ),
            (
                0, "small",
                "A network that is too small stops improving. This one was improving by {last_fall:.2f} nats in the "
                "last fifth.",
            ),
        ),
        evidence=(
            (
                1, "both losses fall together to the last epoch, at the same pace",
                "Yes: where both still fall, nothing has been reached yet.",
            ),
            (
                0,
                "the two curves lie close together",
                "They do in converged runs of easy problems too; closeness says nothing of the end.",
            ),
            (
                0.5,
                "accuracy ends at {acc_end:.0f} %",
                "A hint, if you know that digits allow more. The slope of the loss says it without knowing.",
            ),
        ),
        action=(
            (
                1,
                "train longer, or with a larger learning rate, until the loss is flat",
                "Yes: this is the cheapest thing to try, and it answers the question.",
            ),
            (0.5, "use a larger network", "It may get there faster, but nothing shows that this one cannot."),
            (0, "stop now: no overfitting is to be seen", "None is to be seen because it has not got that far."),
        ),
        named_by=("unfinished",),
    ),
    "majority": Text(
        story="Two classes, two inputs; four in five examples belong to the first class. {acc_end:.0f} % accuracy on "
        "data it has never seen. Can I ship it?",
        cause=(
            (1, "majority", "Yes: accuracy and loss are what knowing the class shares alone would give."),
            (
                0.5, "ceiling",
                "It is stuck, but not at what inputs tell: {acc_end:.1f} % is the share of the first class to the "
                "digit. As far as the "
                "curves show, the inputs are not used at all.",
            ),
            (
                0,
                "healthy",
                "It would be, had anything been learnt: always saying the first class earns the same {majority:.1f} %.",
            ),
        ),
        evidence=(
            (
                1,
                "accuracy is exactly the largest class share, {majority:.1f} %, and loss its entropy, {entropy:.2f} "
                "nats",
                "Yes: both baselines of knowing nothing, met by both measures.",
            ),
            (
                0.5,
                "accuracy does not change for most of the run",
                "A hint: answers never move. A converged network can stand still as well.",
            ),
            (
                0,
                "loss is below ln 2 = {ln_k:.2f}",
                "With unequal classes ln 2 is not the cost of knowing nothing: their entropy is.",
            ),
        ),
        action=(
            (
                1, "print the confusion matrix, then ask whether this model can use these inputs",
                "Yes: one empty column, and then the question of what the model can express.",
            ),
            (
                0, "give the rare class a larger weight in the loss",
                "That moves the threshold: it will say the rare class more often, and no more rightly, while it uses "
                "no input.",
            ),
            (0, "ship it: {acc_end:.0f} % is good", "Compared with what? A constant is as good."),
        ),
        named_by=("majority",),
    ),
    "ceiling": Text(
        story="Ten classes in equal shares, easy to train, and then it stands still at {acc_end:.0f} %. My manager "
        "wants 90 %. A bigger network?",
        cause=(
            (1, "ceiling", "Yes: training itself stands still, at a loss far below guessing and without a gap."),
            (
                0.5, "small",
                "The curves alone cannot rule it out: underfitting looks like this too. But it learnt {first_gain:.0f}"
                " points in the first epoch "
                "and nothing since; a bigger network is the test that tells.",
            ),
            (
                0,
                "memorised",
                "Then training accuracy would leave validation behind: {train_acc_end:.0f} % against {acc_end:.0f} %.",
            ),
        ),
        evidence=(
            (
                1,
                "training and validation stand at {train_acc_end:.0f} and {acc_end:.0f} %, with losses far below ln 10",
                "Yes: much was learnt, none of it by heart, and it cannot do better even on what it has seen.",
            ),
            (
                0.5,
                "accuracy does not move while the loss falls",
                "True, and several causes share it. That training is no better is what narrows it.",
            ),
            (0, "loss ends above zero", "It does in every honest run."),
        ),
        action=(
            (
                1, "let two people label the same 100 examples; try one larger network as a control",
                "Yes: if people disagree as often as the network errs, it is the labels; the control rules out its "
                "size.",
            ),
            (
                0.5,
                "train a network ten times as large",
                "As a control, yes. As a cure it would memorise: training up, validation not.",
            ),
            (
                0,
                "train ten times as long",
                "Training accuracy has not moved for most of the run; loss gains by the thousandth.",
            ),
        ),
        named_by=("noise_ceiling", "underfitting"),
    ),
    "sampling": Text(
        story="Handwritten digits. To save time each epoch is checked on {n_val} digits, drawn anew from a large pool."
        " Accuracy goes up and "
        "down by points: what is unstable in my training?",
        cause=(
            (
                1,
                "sampling",
                "Yes: the jumps have the size that {n_val} examples have by chance, and training does not jump.",
            ),
            (0, "rate", "Then the training loss would jump too. It is smooth."),
            (
                0.5,
                "healthy",
                "The training is healthy, yes. But the question was about the jumps, and those have a cause.",
            ),
        ),
        evidence=(
            (
                1,
                "accuracy jumps by {acc_jitter:.1f} points from epoch to epoch; {n_val} examples have a standard error"
                " of {se:.1f}",
                "Yes: the jumps compared with what chance makes.",
            ),
            (
                0.5,
                "the training loss is smooth",
                "Right and useful: it is not the steps. The size of the jumps against n says what it is.",
            ),
            (
                0,
                "accuracy once fell by {worst_drop:.0f} points in one epoch",
                "With {n_val} examples drawn anew it may: look at how often, and against which error.",
            ),
        ),
        action=(
            (
                1,
                "validate on more digits, the same ones each epoch",
                "Yes: the error shrinks with the square root of their number.",
            ),
            (0, "lower the learning rate", "The weights do not jump; the examples that judge them do."),
            (
                0.5,
                "plot a running mean of the curve",
                "It looks calmer and is late; what one epoch is worth stays as unknown as before.",
            ),
        ),
        named_by=("sampling_noise",),
    ),
    "rate": Text(
        story="Handwritten digits, Adam. It learns at once, but the curve is a saw. More validation data, says a "
        "colleague.",
        cause=(
            (
                1,
                "rate",
                "Yes: the training loss itself jumps, and it is measured on the very examples that are trained on.",
            ),
            (
                0,
                "sampling",
                "{n_val} examples have a standard error of {se:.1f} points; the jumps are {acc_jitter:.1f}, and "
                "training jumps along.",
            ),
            (
                0.5,
                "memorised",
                "Validation loss does drift up, but the saw is in the training curve as well, and memorising is "
                "smooth.",
            ),
        ),
        evidence=(
            (
                1, "the training loss jumps from epoch to epoch, together with validation",
                "Yes: no sampling error of a validation set can do that.",
            ),
            (
                0.5,
                "validation accuracy jumps by {acc_jitter:.1f} points",
                "More than its error of {se:.1f}, so it is real. That training jumps too says where it comes from.",
            ),
            (0, "accuracy is high from the first epoch", "It is an easy problem; it says nothing of the saw."),
        ),
        action=(
            (1, "divide the learning rate by ten, or let it decay", "Yes, and compare the training curves."),
            (0, "collect more validation data", "The jumps are far above what these {n_val} have by chance."),
            (0.5, "use larger batches", "It calms the steps somewhat; steps of this length stay too long."),
        ),
        named_by=("learning_rate_too_high",),
    ),
    "diverged": Text(
        story="Handwritten digits, raw pixel values, a schedule that I found in a blog. It went so well until epoch "
        "{best}. Did my data get corrupted on the way?",
        cause=(
            (1, "diverged", "Yes: within a few epochs all that was learnt is gone, in training too."),
            (
                0, "memorised",
                "That is slow and leaves the training accuracy high; here training fell to {train_acc_end:.0f} %.",
            ),
            (
                0.5,
                "rate",
                "That is why, most likely: the rate grew too large. What happened to this run is more than a saw: it "
                "was lost for good.",
            ),
        ),
        evidence=(
            (
                1, "training and validation loss return to ln 10 = {ln_k:.2f} and stay there",
                "Yes: the cost of knowing nothing, after having known much.",
            ),
            (
                0,
                "training and validation accuracy agree at the end",
                "Both are at chance; agreement there means nothing learnt.",
            ),
            (
                0.5,
                "validation accuracy falls from {acc_best:.0f} % to {acc_end:.0f} %",
                "Seen, but it leaves open whether training fell too, and that decides.",
            ),
        ),
        action=(
            (
                1, "go back to the last good epoch with a far lower rate; scale the inputs, clip gradients",
                "Yes. Training on from here would be training from a dead network.",
            ),
            (
                0,
                "train on: it may recover",
                "Its units may be dead, and then no gradient reaches them; it stood still for the last epochs.",
            ),
            (0.5, "keep the weights of epoch {best}", "A good rescue for today. The next run will do it again."),
        ),
        named_by=("diverged", "chance"),
    ),
    "softmax": Text(
        story="Handwritten digits, a network of my own in torch. Accuracy is fine, but the loss will not go down. I "
        "have tried everything with the learning rate.",
        cause=(
            (1, "softmax", "Yes: {floor:.2f} is the least that a softmax of a softmax can report for ten classes."),
            (
                0,
                "unfinished",
                "The loss is nearly flat while {train_acc_end:.0f} % of the training answers are right: it has "
                "nowhere to go.",
            ),
            (
                0.5,
                "healthy",
                "The answers are fine, so the network works. The loss says that it could work better, and its number "
                "is wrong.",
            ),
        ),
        evidence=(
            (
                1,
                "{train_acc_end:.0f} % of training answers right at a loss of {train_end:.2f}, just above ln(1 + 9/e) "
                "= {floor:.2f}",
                "Yes: right answers, and the floor of this bug.",
            ),
            (0, "loss falls quickly at first and slowly later", "So does nearly every loss."),
            (
                0.5,
                "loss is high although accuracy is high",
                "Right. Confident errors can do that on validation data, but hardly on the training set: that is what"
                " tells.",
            ),
        ),
        action=(
            (
                1,
                "look whether the network ends in softmax and the loss applies it again",
                "Yes: torch's cross_entropy wants logits.",
            ),
            (0, "train ten times as long", "It cannot go below {floor:.2f}."),
            (
                0.5,
                "compute the loss of ten examples by hand",
                "A good check that will lead you there; looking at the last layer is quicker.",
            ),
        ),
        named_by=("double_softmax",),
    ),
    "measured": Text(
        story="Small photographs of ten kinds of things, dropout before the last layer, curves as my tool logs them. "
        "Why is validation better "
        "than training? I am afraid that I have a leak.",
        cause=(
            (
                1,
                "measured",
                "Yes: training is logged as a mean while the weights move and with dropout on, validation after the "
                "epoch without.",
            ),
            (
                0, "leak",
                "Leaked examples would be as good as training examples, measured alike; they cannot be better than "
                "those.",
            ),
            (
                0.5,
                "healthy",
                "The training is. But the stranger's question has an answer, and it is not that everything is equal.",
            ),
        ),
        evidence=(
            (
                1,
                "training is worse by most in the first epoch ({first_gap:.2f} nats) and still a little at the end; "
                "dropout is on",
                "Yes: the mean over the first epoch holds the untrained network, and dropout keeps a difference to the"
                " end.",
            ),
            (
                0,
                "validation accuracy ends at {acc_end:.0f} %",
                "That says nothing of the difference between the two curves.",
            ),
            (
                0.5,
                "validation loss is below training loss in every epoch",
                "That is the question, not the evidence; its size over time narrows it down.",
            ),
        ),
        action=(
            (
                1,
                "evaluate training examples after the epoch, with dropout off, and compare again",
                "Yes: like with like. If validation still leads, ask about the sets.",
            ),
            (
                0.5,
                "search both sets for duplicates",
                "Cheap and worth doing once. It is not what these curves point at.",
            ),
            (
                0,
                "take dropout out",
                "It may be doing good. The difference in measuring is not the fault of the network.",
            ),
        ),
        named_by=("validation_better",),
    ),
    "split": Text(
        story="Small photographs of ten kinds of things, one folder each; the last tenth or so of the files became the"
        " validation set. Training goes well. "
        "Validation is a disaster: more regularisation?",
        cause=(
            (
                1,
                "split",
                "Yes: worse than guessing from the first epoch on. The classes asked are not those that were taught.",
            ),
            (
                0,
                "memorised",
                "That starts near guessing or above and builds up with training. This was below guessing from the "
                "first epoch.",
            ),
            (
                0.5, "labels",
                "Something is wrong between labels and images of the validation set, yes. But random errors would give"
                " {chance:.0f} %, not {acc_end:.0f} %.",
            ),
        ),
        evidence=(
            (
                1, "validation accuracy is {acc_end:.1f} %, far below guessing ({chance:.0f} %), from the first epoch",
                "Yes: no training makes a network worse than guessing on the same kind of data.",
            ),
            (
                0.5,
                "there is a large gap between training and validation",
                "Gaps have many causes; that it stands from the first epoch and below chance leaves one.",
            ),
            (
                0,
                "validation loss rises from {loss_low:.0f} to {loss_end:.0f}",
                "It is far above ln 10 = {ln_k:.1f} all along; its rise is the smaller riddle.",
            ),
        ),
        action=(
            (
                1,
                "count the classes in both sets, shuffle, split again",
                "Yes: a table of counts settles it in a minute.",
            ),
            (
                0,
                "add dropout and weight decay",
                "They act on what training does. This was there before training did anything.",
            ),
            (0.5, "collect more data", "With the same split the new ones would end up apart as well."),
        ),
        named_by=("unrepresentative_validation",),
    ),
    "healthy": Text(
        story="Handwritten digits. There is a gap between training and validation, so it overfits, says a colleague. "
        "What do I change?",
        cause=(
            (1, "healthy", "Yes: both losses fell and flattened, and validation did not get worse at any time."),
            (
                0,
                "memorised",
                "A gap of {gap:.2f} nats, while validation loss ends at {loss_end:.2f}, its lowest being "
                "{loss_low:.2f}: nothing got worse.",
            ),
            (
                0.5,
                "unfinished",
                "Validation gained {last_fall:.3f} nats in the last fifth of the run: there is something left, and it"
                " is little.",
            ),
        ),
        evidence=(
            (
                1, "validation loss ends {rise:.0f} % above its lowest, at an accuracy of {acc_end:.0f} %",
                "Yes: compared with its own best, nothing was lost.",
            ),
            (
                0,
                "training loss is lower than validation loss",
                "It is so wherever training examples are used for training.",
            ),
            (0.5, "the curves are smooth", "Nice, but an unfinished run is smooth as well."),
        ),
        action=(
            (
                1,
                "nothing: keep the last epoch and measure it once on a test set",
                "Yes: to leave a good run alone is a decision, too.",
            ),
            (
                0,
                "add regularisation until the gap is gone",
                "A smaller gap is no aim: it closes most easily by being worse in training.",
            ),
            (0.5, "train a little longer", "It will do no harm and bring little."),
        ),
        named_by=("healthy", "gap"),
    ),
}  # fmt: skip
