"""A part of the corpus behind ``docs/reader-accuracy.md``: one run per cause, and the tool's own counting."""

from __future__ import annotations

import numpy as np
import pytest

from tools import drawn_causes
from tools import reader_corpus as corpus


@pytest.fixture(scope="module")
def cases() -> list[corpus.Case]:
    """Return one held-out run per cause, read at two sizes, with and without knowing them."""
    return [
        case for cause in corpus.CAUSES for case in corpus.cases_of(cause, corpus.HELD_OUT[0], sizes=(1_000, 4_000))
    ]


@pytest.mark.parametrize(("informed", "least"), [(True, 0.85), (False, 0.75)])
def test_most_causes_are_named_first_or_second(cases: list[corpus.Case], informed: bool, least: float) -> None:
    named, telling = corpus.named_share([case for case in cases if case.informed is informed])
    assert telling >= 20
    assert named / telling >= least


def test_the_healthy_run_raises_no_alarm(cases: list[corpus.Case]) -> None:
    assert corpus.false_alarms(cases)[0] == 0


def test_verdicts_are_hardly_ever_contradicted_by_the_pool(cases: list[corpus.Case]) -> None:
    right, said = corpus.right_verdicts(cases)
    assert right / said >= 0.95


def test_the_page_counts_what_the_cases_say(cases: list[corpus.Case]) -> None:
    page = corpus.page(cases, corpus.HELD_OUT[:1])
    for informed in (True, False):
        named, telling = corpus.named_share([case for case in cases if case.informed is informed])
        assert f"({named} of {telling})" in page
    assert all(page.count(f"| {cause} |") >= 4 for cause in corpus.CAUSES)


def test_only_all_are_a_hundred_percent() -> None:
    assert corpus.share(218, 219) == "99% (218 of 219)"
    assert (corpus.share(1, 500), corpus.share(0, 5), corpus.share(5, 5)) == (
        "1% (1 of 500)",
        "0% (0 of 5)",
        "100% (5 of 5)",
    )
    assert corpus.share(0, 0) == "-"


def test_the_committed_page_reports_seeds_that_nothing_was_tuned_on() -> None:
    text = corpus.DEFAULT_PAGE.read_text(encoding="utf-8")
    assert f"seeds {corpus.HELD_OUT[0]} to {corpus.HELD_OUT[-1]}" in text
    assert not set(corpus.HELD_OUT) & set(corpus.TUNING)


@pytest.mark.parametrize("cause", ["at chance", "softmax twice", "diverging late"])
def test_a_run_on_a_problem_drawn_at_random_is_the_same_every_time_and_has_the_sizes_it_says(cause):
    trace, again = (drawn_causes.DRAWN[cause](np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(trace.losses, again.losses)
    assert trace.losses.shape == trace.hits.shape == (len(trace.train_loss), drawn_causes.POOL)
    run = trace.run(trace.draw_rows(50, np.random.default_rng(1)))
    assert run.n_epochs == len(trace.train_loss)
    assert set(trace.labels) == set(range(trace.n_classes))
