"""The confusion matrix as a part of a picture: each count stands in its own cell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn.metrics import confusion_matrix

from lessonlib import charts


def drawn(names):
    axes = Figure(figsize=(4, 3)).subplots()
    return axes, charts.count_table(axes, names)


def test_rows_are_true_classes_and_columns_answers_from_top_left():
    axes, table = drawn(["negative", "positive"])
    table.set(confusion_matrix([0, 0, 0, 1], [0, 0, 1, 0]))
    at = {text.get_position(): text.get_text() for text in axes.texts}
    assert at == {(0, 0): "2", (1, 0): "1", (0, 1): "1", (1, 1): "0"}
    top, bottom = axes.get_ylim()[1], axes.get_ylim()[0]
    assert top < 0 < bottom, "the first class stands at the top"


def test_what_is_wrong_differs_in_colour_and_hatch_from_the_diagonal():
    axes, _ = drawn(["a", "b", "c"])
    cells = {patch.get_xy(): patch for patch in axes.patches if isinstance(patch, Rectangle)}
    right, wrong = cells[-0.5, -0.5], cells[0.5, -0.5]
    assert right.get_facecolor() != wrong.get_facecolor()
    assert right.get_hatch() != wrong.get_hatch()


@given(arrays(np.int64, (3, 3), elements=st.integers(0, 10_000)))
def test_every_count_can_be_read_back(counts):
    _, table = drawn(["a", "b", "c"])
    table.set(counts)
    assert [[int(text.get_text()) for text in row] for row in table.numbers] == counts.tolist()


@pytest.mark.parametrize("shape", [(2, 3), (3, 2)])
def test_a_table_of_another_size_is_refused(shape):
    _, table = drawn(["a", "b", "c"])
    with pytest.raises(ValueError, match="zip"):
        table.set(np.zeros(shape, int))
