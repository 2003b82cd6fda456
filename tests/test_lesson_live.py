"""The part of lesson 6 that trains on the learner's machine, which the stored notebook cannot show."""

from pathlib import Path

from nbformat.v4 import new_code_cell

from notebooks import build
from tests.tiny_cifar10 import make_tiny_cifar10

SMALLER = """import dataclasses
from lessonlib import recipes
recipes.RECIPES["live"] = dataclasses.replace(recipes.RECIPES["live"], n_train=60, n_val=40, epochs=2)"""


def test_with_pictures_at_hand_lesson_6_trains_on_them_and_leaves_one_line(tmp_path: Path) -> None:
    pictures = make_tiny_cifar10(tmp_path)
    notebook = build.convert(build.sources(["6"])[0])
    notebook.cells.insert(1, new_code_cell(SMALLER))
    build.execute(notebook, LESSONLIB_CIFAR10=str(pictures))
    shown = [
        output["data"]["text/html"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "text/html" in output.get("data", {})
    ]
    assert "<p>training on cpu: 2 epochs, done.</p>" in shown
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "not on this machine" not in printed
