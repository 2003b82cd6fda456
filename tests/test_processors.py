"""The check of the stored outputs finds a cell that another processor prints differently, and only that."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tools import processors

#: The second cell stands for what depends on the processor.
CELLS = {"print('the same')": "the same\n", "import os\nprint(os.environ.get('OPENBLAS_CORETYPE'))": "None\n"}


@pytest.fixture
def lesson(root: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a stored notebook, within the course, that was run without any of the settings."""
    cells = [
        new_code_cell(source, execution_count=number, outputs=[new_output("stream", name="stdout", text=text)])
        for number, (source, text) in enumerate(CELLS.items(), start=1)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    folder = root / "build" / tmp_path.name
    folder.mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "99_small.ipynb")
    yield folder / "99_small.ipynb"
    shutil.rmtree(folder)


def test_the_cell_that_differs_is_named_with_its_setting(
    lesson: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processors, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(processors, "flags", lambda: {"avx", "avx2"})
    monkeypatch.setattr(processors.platform, "machine", lambda: "x86_64")
    chosen = {name: processors.SETTINGS[name] for name in ("this processor", "Haswell", "Skylake-X")}
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Zen")
    assert processors.check([lesson], chosen) == {"99_small.ipynb cell 1": ["Haswell"]}
    assert "Haswell" in (tmp_path / "logs" / "Haswell.log").read_text()
    assert not (tmp_path / "logs" / "Skylake-X.log").exists()


def test_a_notebook_that_cannot_be_run_is_no_agreement(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="nbval ended"):
        processors.differing([tmp_path / "missing.ipynb"], {}, tmp_path / "log")


def test_other_processors_than_x86_take_the_settings_that_mean_something_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors.platform, "machine", lambda: "arm64")
    taken = [name for name, chosen in processors.SETTINGS.items() if processors.possible(chosen, None)]
    assert taken == ["this processor", "two threads"]
