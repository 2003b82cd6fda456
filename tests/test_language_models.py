"""Lesson 11's language model: its text and tasks are what they say, and its measures are those of the course."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest

from lessonlib import runs, storage
from lessonlib.figures import Panel, Picture, line
from lessonlib.language import __main__ as recording
from lessonlib.language import corpus, learning, transformer

TINY = learning.TextRecipe(n_train=2_048, epochs=2)


@pytest.fixture(scope="module")
def learnt() -> tuple[runs.Run, dict]:
    return learning.learn_text(TINY, 3, keep_tokens=100)


def test_the_recordings_were_judged_by_the_text_that_this_python_has() -> None:
    _, validation = corpus.texts(0, 0)
    for run in runs.recordings("text"):
        np.testing.assert_array_equal(run.details["val_codes"], validation[1:])


def test_a_seed_draws_other_training_text_and_the_same_validation_text() -> None:
    (first, judged), (second, again) = corpus.texts(TINY.n_train, 1), corpus.texts(TINY.n_train, 2)
    assert len(first) == len(second) == TINY.n_train
    assert corpus.decode(first) != corpus.decode(second)
    np.testing.assert_array_equal(judged, again)


def test_each_character_has_its_kind() -> None:
    kinds = corpus.kinds_of("The cat, 3 dogs", training="the dogs")
    assert [corpus.KINDS[kind].split()[0] for kind in kinds] == [
        "first", "later", "later", "space", "letter", "letter", "letter", "sign", "space", "digit", "space",
        "first", "later", "later", "later",
    ]  # fmt: skip


@pytest.mark.parametrize(("task", "solve"), [
    ("sort", lambda prompt: "".join(sorted(prompt))),
    ("vowels", lambda prompt: "".join(c for c in prompt if c not in "aeiou")),
    ("add", lambda prompt: str(sum(map(int, prompt.split("+"))))),
])  # fmt: skip
def test_examples_differ_and_their_answers_are_right(task: str, solve) -> None:
    drawn = corpus.examples(task, random.Random(0), 50)
    assert len(set(drawn)) == 50
    assert all(answer == solve(prompt) + "\n" for prompt, answer in (line.split(">") for line in drawn))


def test_padding_prompt_and_answer_are_told_apart() -> None:
    tokens, parts = corpus.padded(["ab>ab\n", "c>c\n"])
    assert parts.tolist() == [[1, 1, 1, 2, 2, 2], [1, 1, 2, 2, 0, 0]]
    assert corpus.decode(tokens[1]) == "c>c\n\n\n"


def test_the_mean_loss_is_that_of_its_kinds_and_of_its_tokens(learnt) -> None:
    run, _ = learnt
    shares = np.bincount(run.details["val_kinds"], minlength=6) / len(run.details["val_kinds"])
    of_kinds = sum(share * run[f"val_loss_kind_{kind}"][-1] for kind, share in enumerate(shares))
    assert of_kinds == pytest.approx(run["val_loss"][-1])
    assert run.details["val_losses"][1].astype(float).mean() == pytest.approx(run["val_loss"][-1], abs=1e-3)
    assert np.mean(run.details["val_ranks"][1] == 0) == pytest.approx(run["val_accuracy"][-1])
    assert run.details["each_losses"].shape == (2, 100)


def test_a_seed_gives_the_same_run_again(learnt) -> None:
    assert learning.learn_text(TINY, 3)[0]["val_loss"] == pytest.approx(learnt[0]["val_loss"], abs=1e-4)


def generate(network, prompt: str, most: int) -> str:
    """Continue a prompt with the most probable character each time, until the one that ends an answer."""
    text = prompt
    while len(text) < len(prompt) + most and not text.endswith("\n"):
        text += corpus.CHARACTERS[int(transformer.logits_of(network, corpus.encode(text)[None])[0, -1].argmax())]
    return text


def test_an_answer_is_exact_where_generation_gives_it() -> None:
    """A network that has learnt a little of adding: some answers are right, some not."""
    _, network = learning.learn_task(
        learning.TaskRecipe(task="add", n_train=300, pretrained=False, epochs=1, passes=20), 0
    )
    lines = corpus.examples("add", random.Random(1_000), 80)
    tokens, parts = corpus.padded(lines)
    guesses = transformer.logits_of(network, tokens[:, :-1]).argmax(axis=2)
    exact = ((guesses == tokens[:, 1:]) | (parts[:, 1:] != 2)).all(axis=1)
    prompts = [line[: line.index(">") + 1] for line in lines]
    written = [generate(network, prompt, most=5) == line for prompt, line in zip(prompts, lines, strict=True)]
    assert 0 < np.mean(written) < 1
    assert written == exact.tolist()


def test_fine_tuning_begins_where_the_manual_ended_and_keeps_tokens(learnt) -> None:
    recipe = learning.TaskRecipe(n_train=32, epochs=1, passes=1, learning_rate=1e-9)
    from_manual, fresh = (learning.learn_task(recipe, 0, start, keep_tokens=True)[0] for start in (learnt[1], None))
    assert from_manual["manual_loss"][0] < fresh["manual_loss"][0] - 0.5
    assert from_manual.details["val_losses"].shape == (2, *from_manual.details["parts"].shape)


def test_recording_keeps_what_there_is_and_names_what_it_writes(tmp_path, monkeypatch, learnt) -> None:
    for recipe in [learning.TextRecipe(), *recording.SORTING, *recording.FEWER_SEEDS, *recording.HALFWAY]:
        learnt[0].save(tmp_path / f"{recipe.name}-seed10.npz")
    (tmp_path / "text-seed10.npz").unlink()
    asked = []
    monkeypatch.setattr(learning, "learn_text", lambda recipe, seed, **_: (asked.append(seed), learnt)[1])
    assert [path.name for path in recording.record(tmp_path, range(10, 11))] == ["text-seed10.npz"]
    assert asked == [10]


def test_live_training_draws_every_epoch(tmp_path, monkeypatch, learnt) -> None:
    monkeypatch.setenv(storage.HOME_VARIABLE, str(tmp_path))
    drawn = []

    def picture(run: runs.Run) -> Picture:
        drawn.append(run.n_epochs)
        return Picture("a sentence", Panel("Loss", line(run.epochs, run["val_loss"])))

    live = learning.LiveText(dataclasses.replace(TINY, n_train=1_100), "the manual", learnt[0], seed=1, picture=picture)
    live.thread.join()
    assert drawn == [1, 2]
    assert live.result is live.own
