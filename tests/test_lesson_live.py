"""The part of lesson 6 that trains on the learner's machine, which the stored notebook cannot show."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from lessonlib import cifar10, metrics, runs, storage, training
from lessonlib.course import environment
from lessonlib.course.live_training import LiveTraining
from lessonlib.figures import Panel, Picture, line
from notebooks import build
from tests.test_cifar10 import Mirror
from tests.tiny_cifar10 import make_tiny_cifar10

SMALLER = """import dataclasses
from lessonlib import training
training.RECIPES["live"] = dataclasses.replace(training.RECIPES["live"], n_train=60, n_val=40, epochs=2)"""
FAILURES = [
    ConnectionError("CIFAR-10 could not be downloaded: try again later.\n  one\n  another"),
    OSError(28, "No space left on device"),
    cifar10.Cifar10Damaged("cifar-10-python.tar.gz is not a complete archive (it ends early): delete it."),
    environment.FrameworkMissing("This lesson needs torch, which is not there."),
]
TINY = training.Recipe(name="live", n_train=60, n_val=40, epochs=2, batch_size=20, channels=(4,))


def test_with_pictures_at_hand_lesson_6_trains_on_them_and_saves_none_of_them(tmp_path: Path) -> None:
    pictures = make_tiny_cifar10(tmp_path)
    notebook = build.convert(build.sources(["6"])[0])
    trains = next(i for i, cell in enumerate(notebook.cells) if "live = LiveTraining(" in cell.source)
    notebook.cells.insert(trains + 1, new_code_cell("live.thread.join()"))
    notebook.cells.insert(1, new_code_cell(SMALLER))
    build.execute(notebook, LESSONLIB_CIFAR10=str(pictures))
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "your run" in printed
    assert "A recorded run is played" not in str([cell.get("outputs") for cell in notebook.cells])
    shows = next(cell for cell in notebook.cells if "def show_costliest" in cell.source)
    assert "UnstoredImages" in nbformat.v4.writes(notebook)
    assert "image/png" not in str(shows.outputs)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
def test_what_fails_on_the_way_to_the_pictures_is_one_line_and_the_lesson_goes_on(failure, monkeypatch, capsys) -> None:
    def fails(*_: object, **__: object) -> None:
        raise failure

    missing = isinstance(failure, ImportError)
    monkeypatch.setattr(cifar10, "load", (lambda **_: "pictures") if missing else fails)
    monkeypatch.setattr(environment, "need", fails)
    assert str(failure).splitlines()[0] in what_lesson_6_says(capsys)


def what_lesson_6_says(capsys: pytest.CaptureFixture[str]) -> str:
    """Run the cell that asks for the pictures, with `download = True`, and return the line that it prints."""
    cells = build.convert(build.sources(["6"])[0]).cells
    code = next(cell.source for cell in cells if "cifar10.load(" in cell.source)
    names = {"cifar10": cifar10, "environment": environment, "runs": runs, "download": True}
    names |= {"display": print, "Markdown": str}
    exec(code.partition("recorded = ")[0], names)
    assert names["pictures"] is None
    said = capsys.readouterr().out.strip()
    assert said.startswith("A recorded run is played.")
    assert "\n" not in said
    return said


@contextmanager
def no_file_larger_than(n_bytes: int) -> Iterator[None]:
    """Let the system refuse to write more than so many bytes into any file, as a disk that is full does."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def downloads_from(tmp_path: Path, monkeypatch) -> Callable[[str], None]:
    """Return a function that makes a server on this machine the only one that has CIFAR-10."""
    monkeypatch.delenv(cifar10.PATH_VARIABLE, raising=False)
    monkeypatch.setattr(cifar10, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(cifar10, "ARCHIVE_BYTES", 1_000_000)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    return lambda url: monkeypatch.setattr(cifar10, "ARCHIVE_URLS", (url,))


def test_without_network_lesson_6_plays_the_recorded_run(downloads_from, capsys) -> None:
    downloads_from("http://127.0.0.1:9/nobody-listens-here")
    assert "could not be downloaded: try again later" in what_lesson_6_says(capsys)


def test_a_download_that_is_cut_is_one_line_and_what_arrived_stays(downloads_from, tmp_path: Path, capsys) -> None:
    mirror = Mirror(bytes(900_000), cut_after=300_000)
    downloads_from(mirror.url)
    said = what_lesson_6_says(capsys)
    mirror.close()
    assert "could not be downloaded: try again later" in said
    [part] = (tmp_path / "cache").iterdir()
    assert part.stat().st_size > 200_000


def test_a_disk_that_fills_during_the_download_is_one_line(downloads_from, capsys) -> None:
    mirror = Mirror(bytes(900_000))
    downloads_from(mirror.url)
    with no_file_larger_than(400_000):
        said = what_lesson_6_says(capsys)
    mirror.close()
    assert "File too large" in said


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
    home = tmp_path / "home"
    monkeypatch.setenv(storage.HOME_VARIABLE, str(home))
    pictures = cifar10.load(make_tiny_cifar10(tmp_path))
    with no_file_larger_than(1_000):
        live = LiveTraining(TINY, pictures, recorded, seed=3, picture=picture)
        live.thread.join()
    assert live.result.provenance["seed"] == 3
    assert "could not be kept" in live.said
    assert list((home / "runs").iterdir()) == []
    assert runs.kept("live") is None


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


def test_on_the_site_each_panel_of_a_training_is_a_picture_of_its_own(recorded: runs.Run, monkeypatch) -> None:
    """On a phone they stack; one wide picture would be too small to read."""
    monkeypatch.setattr(LiveTraining, "seconds_an_epoch", 0)
    monkeypatch.setenv("LESSONLIB_STATIC", "1")

    def two(run: runs.Run) -> Picture:
        return Picture("a sentence", *picture(run).panels * 2)

    live = LiveTraining(TINY, None, recorded, seed=3, picture=two)
    live.thread.join()
    shown = live._repr_mimebundle_()
    assert shown["text/html"].count("<svg") == 2
    assert "a sentence" in shown["text/html"]
