"""Parts of pictures: what moves goes where the data say, with a second cue beside colour."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn.metrics import confusion_matrix

from lessonlib import charts, figures
from lessonlib.calibration import reliability
from lessonlib.runs import Run


@pytest.fixture
def ax():
    axes = Figure(figsize=(4, 3)).subplots()
    axes.set(xlim=(0, 1), ylim=(0, 5))
    return axes


def some_run(n_epochs=4):
    rng = np.random.default_rng(0)
    names = ("train_loss", "val_loss", "val_loss_se", "train_accuracy", "val_accuracy")
    return Run({name: rng.uniform(0.1, 0.9, n_epochs) for name in names}, provenance={"n_val": 100})


def test_a_dot_stands_at_its_point_and_its_number_on_the_side_with_room(ax):
    dot = charts.dot(ax)
    dot.move(0.2, 1.5, "left half")
    assert dot.marker.get_xydata().tolist() == [[0.2, 1.5]]
    assert (dot.number.get_text(), dot.number.get_horizontalalignment()) == ("left half", "left")
    dot.move(0.9, 1.5, "right half")
    assert dot.number.xy == (0.9, 1.5)
    assert dot.number.get_horizontalalignment() == "right"


def test_the_side_with_room_follows_a_logarithmic_axis(ax):
    ax.set(xscale="log", xlim=(0.01, 100))
    dot = charts.dot(ax)
    dot.move(0.5, 1, "left of the middle, which is 1")
    assert dot.number.get_horizontalalignment() == "left"


def test_bars_differ_in_colour_and_hatch_between_right_and_wrong(ax):
    bars = charts.bars(ax, ["a", "b"], largest=1, xlabel="share")
    bars.set([0.25, 0.75], right=[True, False])
    good, bad = bars.bars
    assert (good.get_width(), bad.get_width()) == (0.25, 0.75)
    assert good.get_facecolor() != bad.get_facecolor()
    assert good.get_hatch() != bad.get_hatch()
    assert [number.get_text() for number in bars.numbers] == ["0.25", "0.75"]


def test_bars_refuse_another_number_of_values(ax):
    with pytest.raises(ValueError, match="zip"):
        charts.bars(ax, ["a", "b"], largest=1, xlabel="share").set([1.0])


def test_a_span_and_a_level_move_with_their_names(ax):
    span, level = charts.span(ax, colour="green"), charts.moving_level(ax)
    span.move(0.2, 0.6, "either")
    level.move(1.1, "ln K")
    assert (span.area.get_x(), span.area.get_width()) == (0.2, pytest.approx(0.4))
    assert (span.name.get_text(), level.name.get_text()) == ("either", "ln K")
    assert list(level.line.get_ydata()) == [1.1, 1.1]


def test_words_that_a_line_may_cross_stand_on_paper(ax):
    for words in (charts.dot(ax).number, charts.moving_level(ax).name):
        assert to_hex(words.get_bbox_patch().get_facecolor()) == figures.PAPER


def test_a_band_covers_one_standard_error_either_way(ax):
    band = charts.band(ax, [1, 2, 3], [0, 0, 0], [0, 0, 0], colour="vermilion")
    band.move([1.0, 2.0, 3.0], [0.1, 0.2, 0.3])
    assert band.line.get_ydata().tolist() == [1.0, 2.0, 3.0]
    corners = band.band.get_paths()[0].vertices
    assert corners[:, 1].min() == pytest.approx(0.9)
    assert corners[:, 1].max() == pytest.approx(3.3)


def test_training_curves_name_both_sets_and_show_accuracy_in_per_cent():
    run = some_run()
    with figures.style():
        loss_ax, accuracy_ax = charts.training_curves(Figure(), run)
    labels = [text.get_text() for text in loss_ax.get_legend().get_texts()]
    assert labels == ["training", "validation"]
    assert accuracy_ax.get_lines()[1].get_ydata() == pytest.approx(100 * run["val_accuracy"])


def test_training_curves_without_the_validation_size_say_what_is_missing():
    run = Run(some_run().metrics)
    with pytest.raises(KeyError, match="n_val"):
        charts.training_curves(Figure(), run)


def drawn_table(names):
    axes = Figure(figsize=(4, 3)).subplots()
    return axes, charts.count_table(axes, names)


def test_rows_are_true_classes_and_columns_answers_from_top_left():
    axes, table = drawn_table(["negative", "positive"])
    table.set(confusion_matrix([0, 0, 0, 1], [0, 0, 1, 0]))
    at = {text.get_position(): text.get_text() for text in axes.texts}
    assert at == {(0, 0): "2", (1, 0): "1", (0, 1): "1", (1, 1): "0"}
    top, bottom = axes.get_ylim()[1], axes.get_ylim()[0]
    assert top < 0 < bottom, "the first class stands at the top"


def test_what_is_wrong_differs_in_colour_and_hatch_from_the_diagonal():
    axes, _ = drawn_table(["a", "b", "c"])
    cells = {patch.get_xy(): patch for patch in axes.patches if isinstance(patch, Rectangle)}
    right, wrong = cells[-0.5, -0.5], cells[0.5, -0.5]
    assert right.get_facecolor() != wrong.get_facecolor()
    assert right.get_hatch() != wrong.get_hatch()


def test_every_count_can_be_read_back():
    counts = np.arange(9).reshape(3, 3) * 1_234_567
    _, table = drawn_table(["a", "b", "c"])
    table.set(counts)
    assert [[int(text.get_text()) for text in row] for row in table.numbers] == counts.tolist()


@pytest.mark.parametrize("shape", [(2, 3), (3, 2)])
def test_a_table_of_another_size_is_refused(shape):
    _, table = drawn_table(["a", "b", "c"])
    with pytest.raises(ValueError, match="zip"):
        table.set(np.zeros(shape, int))


def test_stairs_take_new_heights_and_keep_their_second_cue(ax):
    stairs = charts.stairs(ax, [0, 0.5, 1], colour="vermilion", label="wrong")
    stairs.set_data([0.2, 0.8])
    assert stairs.get_data().values.tolist() == [0.2, 0.8]
    assert stairs.get_linestyle() == figures.LINE_STYLES["vermilion"]


def test_a_reliability_diagram_shows_filled_bins_and_their_distance_to_the_diagonal(ax):
    bins = reliability([0, 0, 1], [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]], n_bins=10)
    diagram = charts.reliability_diagram(ax)
    diagram.move(bins)
    filled = bins.counts > 0
    assert diagram.points.get_xydata().tolist() == np.column_stack([bins.confidence, bins.accuracy])[filled].tolist()
    x, y = diagram.gaps.get_data()
    assert np.isnan(y[2::3]).all()
    np.testing.assert_allclose(np.abs(y[1::3] - y[0::3]), np.abs(bins.confidence - bins.accuracy)[filled])
    np.testing.assert_allclose(x[0::3], y[0::3])  # each gap starts on the diagonal
