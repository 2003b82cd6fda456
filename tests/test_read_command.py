"""``python -m lessonlib read`` prints a reading, writes picture and page, and says what is wrong with a log."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import textwrap
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
    assert main(["read", str(turning), "--n-val", "5000", "--classes", "10", "--full"]) == 0
    printed = capsys.readouterr().out
    assert "[alarm] Validation loss rose and accuracy did not fall" in printed
    assert printed.startswith("log.csv: 30 epochs (0 to 29)")
    assert "read as a percentage" in printed
    assert "val_accuracy is 'val_acc'" in printed


def test_a_pipe_that_is_closed_early_ends_it_quietly(turning: Path) -> None:
    command = [sys.executable, "-m", "lessonlib", "read", str(turning), "--full"]
    read_end, write_end = os.pipe()
    os.close(read_end)
    ended = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, check=False)
    os.close(write_end)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_picture_and_page_are_written(turning: Path, tmp_path: Path) -> None:
    png, html = tmp_path / "new" / "curves.png", tmp_path / "reading.html"
    assert main(["read", str(turning), "--n-val", "5000", "--save", str(png), "--save", str(html)]) == 0
    with Image.open(png) as picture:
        assert min(picture.size) > 300
    page = html.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []  # nothing is fetched
    assert 'aria-label="Curves of 30 epochs' in page


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
    assert main(["read", LIGHTNING, "--n-val", "100", "--classes", "3", "--full"]) == 0
    assert "one per epoch" in capsys.readouterr().out


def test_a_row_for_each_set_is_read_by_the_command_too(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = [f"{e},{part},{loss / (e + 1):.3f}" for e in range(8) for part, loss in (("train", 1.0), ("valid", 1.2))]
    path = tmp_path / "log.csv"
    path.write_text("epoch,phase,loss\n" + "\n".join(rows) + "\n", encoding="utf-8")
    assert main(["read", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "training loss, validation loss" in printed
    assert "Phases" not in printed


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


def test_the_picture_names_the_best_epoch_in_a_legend_outside_the_curves() -> None:
    log = {"epoch": np.arange(18), "train_loss": np.linspace(1, 2, 18), "val_accuracy": np.linspace(0.8, 0.9, 18)}
    loss, accuracy = reading_report.figure(reader.read(log, n_val=100))[0].axes
    assert all(tick == round(tick) for tick in loss.get_xticks())
    labels = [text.get_text() for text in accuracy.get_legend().get_texts()]
    assert "best: epoch 17" in labels
    assert sum("interval" in label for label in labels) == 1
    assert accuracy.get_ylim()[0] > 40  # fits the curve, not 0 to 100


def test_a_run_without_a_finite_epoch_can_be_drawn() -> None:
    reading = reader.read({"val_loss": [np.nan, np.nan]})
    assert "no finite curve" in reading_report.figure(reading)[1]


def test_standard_input_is_read_and_full_says_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    lines = [
        f"epoch {i}: loss {1 / i:.3f}, val_loss {0.5 + i / 20:.3f}, val_acc {0.6 + i / 50:.3f}\n" for i in range(1, 9)
    ]
    said = []
    for options in ([], ["--full"]):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(lines)))
        assert main(["read", "-", *options]) == 0
        said.append(capsys.readouterr().out)
    assert all("errors became confident" in text for text in said)
    assert len(said[0].splitlines()) <= 12 < len(said[1].splitlines())


def test_the_worked_examples_of_the_page_still_come_out(root: Path, tmp_path: Path) -> None:
    page = (root / "docs" / "reading-curves.md").read_text(encoding="utf-8")
    blocks = re.findall(r"<!-- (paste|reading): ([\w.-]+)(?:, (\w+)=(\d+))? -->\n((?:    .*\n|\n(?=    ))+)", page)
    text = {(kind, name): textwrap.dedent(block) for kind, name, *_, block in blocks}
    known = {name: {option: int(value)} for kind, name, option, value, _ in blocks if option}
    names = [name for kind, name in text if kind == "paste"]
    assert len(names) == 3
    for name in names:
        source = text["paste", name]
        if "." in name:
            (tmp_path / name).write_text(source, encoding="utf-8")
            source = tmp_path / name
        assert str(reader.read(source, **known.get(name, {}))) == text["reading", name].strip()
