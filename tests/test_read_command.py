"""``python -m lessonlib read`` prints a reading, writes picture and page, and says what is wrong with a log."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lessonlib.__main__ import _wrapped, main
from lessonlib.reading import reader, reading_report

LIGHTNING = str(Path(__file__).resolve().parent / "logs" / "lightning_metrics.csv")


@pytest.fixture
def turning(tmp_path: Path) -> Path:
    """Return a log whose validation loss turns while accuracy rises."""
    x = np.linspace(0, 1, 30)
    rows = np.column_stack([np.arange(30), 2 * np.exp(-6 * x), 2 * np.exp(-8 * x) + 1.5 * x, 50 + 30 * x])
    path = tmp_path / "log.csv"
    np.savetxt(path, rows, delimiter=",", header="epoch,loss,val_loss,val_acc", comments="")
    return path


def test_the_reading_of_a_log_is_printed(turning: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["read", str(turning), "--n-val", "5000", "--classes", "10"]) == 0
    printed = capsys.readouterr().out
    assert "1. [alarm] Validation loss rose and accuracy did not fall" in printed
    assert printed.startswith("log.csv: 30 epochs read")
    assert "read as a percentage" in printed
    assert "val_accuracy is 'val_acc'" in printed


def test_picture_and_page_are_written(turning: Path, tmp_path: Path) -> None:
    png, html = tmp_path / "new" / "curves.png", tmp_path / "reading.html"
    assert main(["read", str(turning), "--n-val", "5000", "--save", str(png), "--save", str(html)]) == 0
    with Image.open(png) as picture:
        assert min(picture.size) > 300
    page = html.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert re.findall(r'(?:src|href)="(?!data:)', page) == []  # nothing is fetched
    assert 'alt="Curves of 30 epochs' in page


def test_a_picture_or_a_page_is_told_by_its_name(turning: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["read", str(turning), "--save", str(tmp_path / "curves.pdf")]) == 1
    assert "a picture ends in .png, a page in .html" in capsys.readouterr().err


def test_long_lines_are_broken_at_words_for_a_terminal() -> None:
    wrapped = _wrapped(f"head\n   Evidence: {'word ' * 40}\n  - {'note ' * 40}", 60)
    assert max(map(len, wrapped.splitlines())) <= 60
    assert "\n   word" in wrapped
    assert "\n    note" in wrapped


def test_text_from_a_log_cannot_become_markup(tmp_path: Path) -> None:
    log = {"<b>loss": [1.0, 0.5, 0.4, 0.3, 0.3], "epoch": [0, 1, 2, 3, 3]}
    reading = reader.read(log, columns={"val_loss": "<b>loss"}, n_val=10)
    assert "<b>loss" not in reading_report.html(reading)


def test_options_reach_the_reader(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "m.csv"
    path.write_text("J,hits\n" + "0.325,0.9\n" * 12, encoding="utf-8")
    options = ["--columns", "val_loss=J", "--columns", "val_accuracy=hits", "--class-shares", "0.9,0.1"]
    assert main(["read", str(path), "--n-val", "1000", *options]) == 0
    assert "always saying the most frequent class" in capsys.readouterr().out


def test_a_log_of_lightning_is_read(capsys: pytest.CaptureFixture) -> None:
    assert main(["read", LIGHTNING, "--n-val", "100", "--classes", "3"]) == 0
    assert "one per epoch" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"\0\1\2\3" * 20, b"epoch,lr\n0,1\n"])
def test_what_is_no_log_ends_with_a_reason_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture, content: bytes
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    assert main(["read", str(path)]) == 1
    assert capsys.readouterr().err.startswith("lessonlib: ")


@pytest.mark.parametrize("options", [["--class-shares", "a,b"], ["--columns", "val_loss"], ["--n-val", "many"]])
def test_options_that_cannot_be_meant_are_refused(turning: Path, options: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["read", str(turning), *options])
    assert refused.value.code == 2


@pytest.mark.parametrize("columns", [["val_loss"], ["val_accuracy"], ["train_loss"], ["train_loss", "val_loss"]])
def test_any_subset_of_curves_can_be_drawn(columns: list[str]) -> None:
    log = {name: np.linspace(0.9, 0.4, 12) for name in columns}
    figure, alt = reading_report.figure(reader.read(log))
    assert len(figure.axes) == 1
    assert alt.endswith(".")


def test_epochs_are_whole_and_the_best_one_is_named_inside_the_picture() -> None:
    log = {"train_loss": np.linspace(1, 2, 18), "val_loss": np.linspace(1, 2, 18)}
    (axes,) = reading_report.figure(reader.read(log))[0].axes
    assert all(tick == round(tick) for tick in axes.get_xticks())
    (name,) = (text for text in axes.texts if text.get_text() == "best: 1")
    assert name.get_horizontalalignment() == "left"


def test_a_run_without_a_finite_epoch_can_be_drawn() -> None:
    reading = reader.read({"val_loss": [np.nan, np.nan]})
    assert "no finite curve" in reading_report.figure(reading)[1]
