"""A run survives the disk unchanged, a bad file is refused without running anything in it, and recordings are found."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special
from sklearn.metrics import accuracy_score, log_loss

from lessonlib import runs, storage
from lessonlib.runs import Run, RunFileError

PATIENT = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def make_run(n_epochs: int = 3, n_examples: int = 5, n_classes: int = 4) -> Run:
    """Return a small run with logits and provenance."""
    rng = np.random.default_rng(0)
    return Run(
        metrics={"val_loss": rng.random(n_epochs), "val_accuracy": rng.random(n_epochs)},
        val_logits=rng.normal(0, 3, (n_epochs, n_examples, n_classes)).astype(np.float16),
        val_labels=rng.integers(n_classes, size=n_examples),
        provenance={"recipe": {"name": "main", "channels": [8, 16]}, "seed": 7, "note": "größer, 数"},
    )


def assert_same(one: Run, other: Run) -> None:
    """Assert that two runs hold the same."""
    assert dict(one.provenance) == dict(other.provenance)
    assert list(one.metrics) == list(other.metrics)
    for name in one.metrics:
        np.testing.assert_array_equal(one[name], other[name])
    for mine, others in ((one.val_logits, other.val_logits), (one.val_labels, other.val_labels)):
        assert (mine is None) == (others is None)
        if mine is not None:
            assert mine.dtype == others.dtype
            np.testing.assert_array_equal(mine, others)


def rewrite(path: Path, **changes: Any) -> Path:
    """Replace arrays of a saved run; None removes one."""
    with np.load(path) as file:
        arrays = dict(file) | changes
    np.savez_compressed(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


# --- what a run holds ---------------------------------------------------------------------------------------------


def test_a_run_counts_its_epochs_from_one() -> None:
    run = make_run(n_epochs=3)
    assert run.n_epochs == 3
    np.testing.assert_array_equal(run.epochs, [1, 2, 3])


def test_metrics_given_as_lists_become_float64_vectors() -> None:
    run = Run({"val_loss": [2, 1]})
    assert run["val_loss"].dtype == np.float64


@pytest.mark.parametrize(
    ("metric", "values", "best"),
    [
        ("val_loss", [2.0, 1.0, 1.5], 2),
        ("val_accuracy", [0.1, 0.3, 0.2], 2),
        ("running_train_accuracy", [0.5, 0.3, 0.4], 1),
        ("learning_rate", [0.3, 0.2, 0.1], 3),
        ("val_loss", [1.0, 1.0, 1.0], 1),
        ("val_loss", [np.nan, 2.0, 1.0], 3),
        ("val_accuracy", [0.9, np.nan, np.nan], 1),
        ("val_loss", [np.inf, 3.0, np.nan], 2),
    ],
)
def test_best_epoch_is_the_first_best_one_counted_from_one(metric: str, values: list[float], best: int) -> None:
    assert Run({metric: values}).best_epoch(metric) == best


def test_best_epoch_is_that_of_the_validation_loss_unless_another_metric_is_named() -> None:
    run = Run({"val_loss": [1, 2], "val_accuracy": [0.1, 0.2]})
    assert (run.best_epoch(), run.best_epoch("val_accuracy")) == (1, 2)


def test_a_diverged_run_has_no_best_epoch_and_says_so() -> None:
    with pytest.raises(ValueError, match="val_loss is NaN in every epoch: the run diverged"):
        Run({"val_loss": [np.nan, np.nan]}).best_epoch()


@pytest.mark.parametrize("ask", [lambda run: run["val_los"], lambda run: run.best_epoch("val_los")])
def test_an_unknown_metric_is_refused_with_the_known_ones(ask) -> None:
    with pytest.raises(KeyError, match=r"no metric 'val_los' .* val_loss, val_accuracy"):
        ask(make_run())


def test_a_change_since_the_lowest_loss_is_last_minus_lowest_by_the_loss_named() -> None:
    run = Run({"val_loss": [3, 1, 2], "noisy_val_loss": [1, 2, 3], "test_accuracy": [0.5, 0.75, 0.625]})
    assert run.since_lowest_loss("val_loss") == 1
    assert run.since_lowest_loss("test_accuracy") == -0.125
    assert run.since_lowest_loss("test_accuracy", by="noisy_val_loss") == 0.125


def test_judged_by_its_own_labels_a_run_has_the_mean_of_its_losses_and_hits() -> None:
    run = make_run(n_epochs=4, n_examples=50)
    again = run.judged_by(run.val_labels)
    np.testing.assert_allclose(again["val_loss"], run.val_losses().mean(axis=1))
    np.testing.assert_allclose(again["val_accuracy"], run.val_hits().mean(axis=1))


def test_other_labels_change_what_validation_says_and_nothing_else() -> None:
    run = make_run(n_epochs=4, n_examples=50)
    metrics = {**run.metrics, "val_refinement_bound": run["val_loss"], "train_loss": run["val_loss"]}
    run = Run(metrics, run.val_logits, run.val_labels, run.provenance)
    others = (run.val_labels + 1) % 4
    judged = run.judged_by(others)
    assert set(judged.metrics) == {"train_loss", "val_loss", "val_accuracy", "val_loss_se"}
    np.testing.assert_array_equal(judged.val_labels, others)
    np.testing.assert_allclose(
        judged.val_losses()[-1].mean(),
        log_loss(others, special.softmax(run.val_logits[-1].astype(float), axis=1), labels=range(4)),
    )


def test_judged_on_some_examples_a_run_has_their_means_whether_named_by_index_or_mask() -> None:
    run, chosen = make_run(n_epochs=4, n_examples=50), np.arange(50) % 2 == 0
    half = run.judged_on(chosen)
    np.testing.assert_allclose(half["val_loss"], run.val_losses()[:, chosen].mean(axis=1))
    np.testing.assert_allclose(half["val_accuracy"], run.val_hits()[:, chosen].mean(axis=1))
    assert_same(half, run.judged_on(np.flatnonzero(chosen)))
    assert half.provenance["n_val"] == 25


@given(hnp.arrays(np.float64, (2, 3, 4), elements=st.floats(-1e6, 1e6)))
@PATIENT
def test_logits_are_kept_in_float16_without_a_warning_however_large(logits) -> None:
    kept = Run({"val_loss": [1, 2]}, logits, [0, 1, 2]).val_logits
    assert kept.dtype == np.float16
    inside = np.abs(logits) < 65_000
    np.testing.assert_allclose(kept[inside], logits[inside], rtol=2**-11, atol=2**-24)
    assert np.isinf(kept[np.abs(logits) > 65_520]).all()


def test_what_was_measured_epoch_by_epoch_becomes_a_run_with_the_labels_of_the_kept_examples() -> None:
    rows, labels = [{"val_loss": 2.0, "a": 1.0}, {"val_loss": 1.0, "a": 3.0}], np.array([1, 0, 1])
    run = Run.of_epochs(rows, [np.zeros((2, 2)), np.ones((2, 2))], labels, {"seed": 3})
    assert {name: values.tolist() for name, values in run.metrics.items()} == {"val_loss": [2, 1], "a": [1, 3]}
    assert run.val_logits[:, 0, 0].tolist() == [0, 1]
    assert run.val_labels.tolist() == [1, 0]
    assert run.provenance == {"seed": 3}
    without = Run.of_epochs(rows, [], labels, {})
    assert (without.val_logits, without.val_labels) == (None, None)


def test_loss_and_accuracy_are_those_of_scikit_learn_and_scipy() -> None:
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, 3, 50), rng.normal(size=(50, 3))
    row = runs.loss_and_accuracy(labels, logits, prefix="val")
    probabilities = special.softmax(logits, axis=1)
    assert list(row) == ["val_loss", "val_accuracy", "val_loss_se"]
    assert row["val_loss"] == pytest.approx(log_loss(labels, probabilities), abs=1e-9)
    assert row["val_accuracy"] == accuracy_score(labels, logits.argmax(axis=1))
    costs = -np.log(probabilities[np.arange(50), labels])
    assert row["val_loss_se"] == pytest.approx(costs.std() / np.sqrt(50), abs=1e-9)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_network_that_diverged_has_no_loss(bad: float) -> None:
    row = runs.loss_and_accuracy([0, 1], np.array([[0.0, 1.0], [bad, 0.0]]), prefix="train")
    assert list(row) == ["train_loss", "train_accuracy", "train_loss_se"]
    assert np.isnan(list(row.values())).all()


LOGITS = np.zeros((2, 3, 4))
BAD_RUNS = {
    "no-metrics": ({"metrics": {}}, "one value per epoch", "{}"),
    "no-epochs": ({"metrics": {"val_loss": []}}, "one value per epoch", "'val_loss': (0,)"),
    "lengths": ({"metrics": {"a": [1, 2], "b": [1]}}, "one value per epoch", "{'a': (2,), 'b': (1,)}"),
    "matrix": ({"metrics": {"a": [[1, 2]]}}, "a vector", "(1, 2)"),
    "words": ({"metrics": {"a": ["high"]}}, "could not convert", "'high'"),
    "logits-alone": ({"val_logits": LOGITS}, "pass both or neither", "val_labels"),
    "logits-of-other-epochs": (
        {"val_logits": LOGITS[:1], "val_labels": [0, 1, 2]},
        "must have shape (n_epochs=2",
        "(1, 3, 4)",
    ),
    "too-few-labels": ({"val_logits": LOGITS, "val_labels": [0, 1]}, "one label per row", "2 labels for 3"),
}


@pytest.mark.parametrize("bad", BAD_RUNS.values(), ids=BAD_RUNS)
def test_parts_that_do_not_fit_together_are_refused_naming_value_and_remedy(bad: tuple) -> None:
    arguments, remedy, value = bad
    with pytest.raises(ValueError, match=re.escape(value)) as caught:
        Run(**{"metrics": {"val_loss": [1.0, 2.0]}} | arguments)
    assert remedy in str(caught.value)


# --- to the disk and back -----------------------------------------------------------------------------------------


def test_a_saved_run_loads_as_it_was(tmp_path: Path) -> None:
    run = make_run()
    path = run.save(tmp_path / "new folder" / "a.npz")
    assert_same(Run.load(path), run)
    assert_same(Run.load(str(path)), run)


@given(
    metrics=st.dictionaries(
        st.sampled_from(["val_loss", "val_accuracy", "train_loss"]),
        hnp.arrays(np.float64, 3, elements=st.floats(allow_nan=True, allow_infinity=True)),
        min_size=1,
    ),
    provenance=st.dictionaries(st.text(max_size=5), st.integers() | st.text() | st.booleans() | st.none(), max_size=3),
)
@PATIENT
def test_any_metrics_and_provenance_survive_the_disk_nan_included(metrics: dict, provenance: dict) -> None:
    run = Run(metrics, provenance=provenance)
    with tempfile.TemporaryDirectory() as folder:
        assert_same(Run.load(run.save(Path(folder) / "a.npz")), run)


def test_details_survive_the_disk_and_the_refinement_of_older_recordings_is_called_a_bound(tmp_path: Path) -> None:
    details = {"batch_losses": np.ones((1, 3), np.float16), "test_correct": np.zeros((2, 4), np.int8)}
    Run({"val_loss": [1.0], "val_refinement": [0.75]}, details=details).save(tmp_path / "run.npz")
    again = Run.load(tmp_path / "run.npz")
    assert set(again.metrics) == {"val_loss", "val_refinement_bound"}
    assert set(again.details) == set(details)
    for name, values in details.items():
        np.testing.assert_array_equal(again.details[name], values)
        assert again.details[name].dtype == values.dtype


def test_saving_again_replaces_the_old_run(tmp_path: Path) -> None:
    path = make_run(n_epochs=3).save(tmp_path / "a.npz")
    make_run(n_epochs=2).save(path)
    assert Run.load(path).n_epochs == 2
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("failure", [OSError("No space left on device"), KeyboardInterrupt()])
def test_a_failing_write_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    path = make_run().save(tmp_path / "a.npz")
    before = path.read_bytes()

    def write_half(file: io.BufferedIOBase, **arrays: object) -> None:
        file.write(b"half of a run")
        raise failure

    monkeypatch.setattr(np, "savez_compressed", write_half)
    with pytest.raises(type(failure)):
        make_run(n_epochs=9).save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_provenance_that_json_cannot_hold_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="Path"):
        Run({"val_loss": [1]}, provenance={"where": tmp_path}).save(tmp_path / "a.npz")
    assert list(tmp_path.iterdir()) == []


def test_another_file_name_is_refused_with_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"got 'a\.npy': name it a\.npz"):
        make_run().save(tmp_path / "a.npy")


def test_a_missing_file_is_reported_as_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no run at .*nowhere\.npz"):
        Run.load(tmp_path / "nowhere.npz")


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("place", ["about", "metric_val_loss", "val_logits", "val_labels"])
def test_an_array_of_python_objects_is_refused_and_its_code_not_run(tmp_path: Path, place: str) -> None:
    trap = tmp_path / "code was run"
    path = rewrite(make_run().save(tmp_path / "a.npz"), **{place: np.array([Hostile(trap)], dtype=object)})
    with pytest.raises(RunFileError, match=r"not a run saved by lessonlib .*allow_pickle.*: record it again"):
        Run.load(path)
    assert not trap.exists()


def test_a_bare_pickle_under_the_name_of_a_run_is_refused_and_not_run(tmp_path: Path) -> None:
    trap = tmp_path / "code was run"
    path = tmp_path / "a.npz"
    path.write_bytes(pickle.dumps(Hostile(trap)))
    with pytest.raises(RunFileError, match="not a run saved by lessonlib"):
        Run.load(path)
    assert not trap.exists()


def test_a_file_that_would_unpack_to_more_than_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = rewrite(make_run().save(tmp_path / "bomb.npz"), metric_val_loss=np.zeros(runs.LARGEST_FILE_BYTES // 64))
    monkeypatch.setattr(runs, "LARGEST_FILE_BYTES", 2**20)
    assert path.stat().st_size < 2**20 / 10, "the case is no bomb"
    with pytest.raises(RunFileError, match="would unpack to 32 MiB, a run has at most 1"):
        Run.load(path)


@given(st.data())
@PATIENT
def test_a_file_cut_at_any_place_is_refused(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = make_run().save(Path(folder) / "a.npz")
        whole = path.read_bytes()
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
        with pytest.raises(RunFileError, match="not a run saved by lessonlib"):
            Run.load(path)


@given(st.data())
@PATIENT
def test_a_file_with_overwritten_bytes_is_refused_or_reads_as_a_run(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = make_run().save(Path(folder) / "a.npz")
        content = bytearray(path.read_bytes())
        noise = data.draw(st.binary(min_size=1, max_size=20))
        start = data.draw(st.integers(0, len(content) - len(noise)))
        content[start : start + len(noise)] = noise
        path.write_bytes(content)
        try:
            run = Run.load(path)
        except RunFileError:
            return
        assert run.n_epochs == len(run["val_loss"])


def test_a_file_of_a_later_format_asks_for_an_update(tmp_path: Path) -> None:
    about = json.dumps({"format": runs.FORMAT_VERSION + 1, "provenance": {}})
    path = rewrite(make_run().save(tmp_path / "a.npz"), about=np.array(about))
    with pytest.raises(RunFileError, match=r"has format 2, this lessonlib reads 1: update lessonlib"):
        Run.load(path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"about": None}, "about"),
        ({"about": np.array("no json")}, "Expecting value"),
        ({"metric_val_loss": np.zeros(2)}, "one value per epoch"),
        ({"val_labels": None}, "pass both or neither"),
        ({"val_logits": np.array(["text"])}, "not a run"),
    ],
)
def test_a_file_whose_parts_do_not_fit_is_refused_with_the_reason(tmp_path: Path, changes: dict, reason: str) -> None:
    path = rewrite(make_run().save(tmp_path / "a.npz"), **changes)
    with pytest.raises(RunFileError, match=re.escape(reason)):
        Run.load(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(RunFileError, match=r"a\.npz is not a run saved by lessonlib .*: record it again"):
        Run.load(path)


# --- recordings of the course -------------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of recordings that lessonlib looks in: main with seeds 2, 10 and 11, live with seed 2."""
    folder = tmp_path / "shelf"
    for recipe, seed in (("main", 2), ("main", 10), ("main", 11), ("live", 2)):
        run = Run({"val_loss": [1.0]}, provenance={"recipe": {"name": recipe}, "seed": seed})
        run.save(folder / runs.recording_name(recipe, seed))
    monkeypatch.setenv(runs.FOLDER_VARIABLE, str(folder))
    return folder


def test_a_recording_is_found_by_recipe_and_seed(shelf: Path) -> None:
    assert runs.recording("main", 10).provenance["seed"] == 10
    assert runs.recording("live", 2).provenance["recipe"]["name"] == "live"


def test_recordings_of_a_recipe_come_in_the_order_of_the_seeds(shelf: Path) -> None:
    assert [run.provenance["seed"] for run in runs.recordings("main")] == [2, 10, 11]


def test_copies_and_other_files_among_the_recordings_are_passed_over(shelf: Path) -> None:
    for name in ("main-seed2 (1).npz", "main-seed.npz", "main-seed3.txt", ".main-seed4.npz.12.part", "notes.npz"):
        (shelf / name).write_bytes(b"no run")
    assert [run.provenance["seed"] for run in runs.recordings("main")] == [2, 10, 11]


def test_an_absent_recording_is_refused_with_those_that_are_there(shelf: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no recording main-seed3\.npz .*live-seed2, main-seed10.*record"):
        runs.recording("main", 3)


def test_an_absent_recording_among_none_says_nothing_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(runs.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"\(nothing\).*python -m lessonlib record"):
        runs.recording("main", 3)


def test_a_recipe_without_recordings_is_refused_by_name(shelf: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no recorded runs of 'mian' .*python -m lessonlib record"):
        runs.recordings("mian")


def test_a_damaged_recording_is_refused_and_not_passed_over(shelf: Path) -> None:
    (shelf / "main-seed2.npz").write_bytes(b"damaged")
    with pytest.raises(RunFileError, match=r"main-seed2\.npz"):
        runs.recordings("main")


def test_a_folder_named_by_the_environment_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(runs.FOLDER_VARIABLE, str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match=rf"no recordings at .*gone: set {runs.FOLDER_VARIABLE} to"):
        runs.recordings_folder()


def test_the_working_folder_is_looked_in_before_the_folder_of_the_course(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(runs.FOLDER_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    Path("recordings").mkdir()
    assert runs.recordings_folder().resolve() == (tmp_path / "recordings").resolve()


def test_from_elsewhere_the_folder_of_the_course_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(runs.FOLDER_VARIABLE, raising=False)
    package = tmp_path / "course" / "lessonlib"
    shelf = tmp_path / "course" / "notebooks" / "recordings"
    shelf.mkdir(parents=True)
    monkeypatch.setattr(storage, "__file__", str(package / "storage.py"))
    monkeypatch.chdir(tmp_path)
    assert runs.recordings_folder() == shelf.resolve()


def test_the_newest_kept_run_of_a_recipe_is_found_and_what_is_no_run_passed_over(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv(storage.HOME_VARIABLE, str(tmp_path))
    assert runs.kept("live") is None
    for recipe, seed in (("live", 1), ("live", 2), ("main", 3)):
        runs.keep(Run({"val_loss": [1.0]}, provenance={"recipe": {"name": recipe}, "seed": seed}))
    (tmp_path / "runs" / "99990101-000000-000000.npz").write_bytes(b"cut")
    with pytest.warns(UserWarning, match="not a run"):
        assert runs.kept("live").provenance["seed"] == 2


def test_without_a_place_for_the_learner_nothing_is_kept(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(storage.HOME_VARIABLE, str(tmp_path / "file" / "folder"))
    assert runs.kept("live") is None
