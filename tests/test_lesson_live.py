"""The part of lesson 6 that trains on the learner's machine, which the stored notebook cannot show."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from lessonlib import cifar10, metrics, recipes, runs, storage
from lessonlib.figures import Panel, Picture, line
from lessonlib.training import LiveTraining
from notebooks import build
from tests.tiny_cifar10 import make_tiny_cifar10

SMALLER = """import dataclasses
from lessonlib import recipes
recipes.RECIPES["live"] = dataclasses.replace(recipes.RECIPES["live"], n_train=60, n_val=40, epochs=2)"""
TINY = recipes.Recipe(name="live", n_train=60, n_val=40, epochs=2, batch_size=20, channels=(4,))


def test_with_pictures_at_hand_lesson_6_trains_on_them_and_saves_none_of_them(tmp_path: Path) -> None:
    pictures = make_tiny_cifar10(tmp_path)
    notebook = build.convert(build.sources(["6"])[0])
    trains = next(i for i, cell in enumerate(notebook.cells) if "live = LiveTraining(" in cell.source)
    notebook.cells.insert(trains + 1, new_code_cell("live.thread.join()"))
    notebook.cells.insert(1, new_code_cell(SMALLER))
    build.execute(notebook, LESSONLIB_CIFAR10=str(pictures))
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "your run" in printed
    assert "A recorded run is played" not in printed
    shows = next(cell for cell in notebook.cells if "def show_costliest" in cell.source)
    assert "UnstoredImages" in nbformat.v4.writes(notebook)
    assert "image/png" not in str(shows.outputs)


def picture(run: runs.Run) -> Picture:
    return Picture("a sentence", Panel("Loss", line(run.epochs, run["val_loss"])))


@pytest.fixture
def recorded() -> runs.Run:
    return runs.recording("live", 10)


def test_a_complete_run_is_kept_with_its_logits(tmp_path: Path, recorded: runs.Run, monkeypatch) -> None:
    monkeypatch.setenv(storage.HOME_VARIABLE, str(tmp_path / "home"))
    live = LiveTraining(TINY, cifar10.load(make_tiny_cifar10(tmp_path)), recorded, seed=3, picture=picture)
    live.thread.join()
    [kept] = map(runs.Run.load, (tmp_path / "home" / "runs").glob("*.npz"))
    assert kept.val_logits.shape == (2, 40, 10)
    assert kept.provenance["seed"] == 3
    assert live.result["val_loss"] == pytest.approx(kept["val_loss"])
    assert metrics.cross_entropy(kept.val_labels, logits=kept.val_logits[-1]) == pytest.approx(
        kept["val_loss"][-1], abs=0.01
    )


def test_a_full_disk_loses_neither_the_run_nor_the_lesson(tmp_path: Path, recorded: runs.Run, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "write_atomically", full)
    live = LiveTraining(TINY, cifar10.load(make_tiny_cifar10(tmp_path)), recorded, seed=3, picture=picture)
    live.thread.join()
    assert live.result.provenance["seed"] == 3
    assert "No space left" in live.said


def test_stop_holds_the_training_and_go_on_finishes_it(recorded: runs.Run, monkeypatch) -> None:
    monkeypatch.setattr(LiveTraining, "seconds_an_epoch", 0.01)
    live = LiveTraining(TINY, None, recorded, seed=3, picture=picture)
    live.toggle()
    live.thread.join(timeout=1)
    assert live.thread.is_alive()
    live.toggle()
    live.thread.join()
    assert live.result is recorded
    assert "not on this machine" in live.said
