"""The claim index: every claim that a lesson has taken on is settled by a cell, and the page says where."""

from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from notebooks import build
from tools import claims


@pytest.fixture
def table(tmp_path: Path) -> list[claims.Claim]:
    path = tmp_path / "claims.csv"
    path.write_text(
        "id;lesson;claim;verdict\n000-C1;1;Noise;true\n000-C2;1, 7;More noise;false\n000-C3;;Taste;opinion\n"
    )
    return claims.read(path)


def lesson(*settled: str):
    cells = [
        new_markdown_cell("# X\n\n## Noise | here"),
        *(new_code_cell("", metadata={"claims": [c]}) for c in settled),
    ]
    return ("01_x", new_notebook(cells=cells))


def test_every_claim_that_a_lesson_took_on_is_settled_by_one_of_its_cells() -> None:
    assert build.unsettled_claims() == []


def test_the_page_is_what_the_lessons_say() -> None:
    assert build.CLAIM_INDEX.read_text(encoding="utf-8") == build.claim_index(), "run: python3 course.py build"


def test_a_claim_without_a_cell_is_reported_for_lessons_that_exist(table: list[claims.Claim]) -> None:
    found = claims.problems(table, claims.settled_in([lesson("000-C1")]), {"1": "01_x"})
    assert found == ["01_x: no cell settles 000-C2 (More noise)"]


def test_a_name_that_no_claim_has_is_reported(table: list[claims.Claim]) -> None:
    found = claims.problems(table, claims.settled_in([lesson("000-C1", "000-C2", "000-C9")]), {"1": "01_x"})
    assert found == ["a cell of 01_x settles 000-C9, which no line of claims.csv has"]


def test_the_page_names_lesson_and_heading_or_says_that_there_is_none(table: list[claims.Claim]) -> None:
    """Not the number of a cell, which changes when another is put in."""
    rows = claims.index(table, claims.settled_in([lesson("000-C1", "000-C1")])).splitlines()[-3:]
    assert rows[0].endswith(r"| lesson 1: [Noise \| here](../notebooks/01_x.ipynb#noise-here) |")
    assert rows[1].endswith("| not yet |")
    assert rows[2].endswith("| nothing to settle |")


@pytest.mark.parametrize("line", ["000-C1;a claim;true", "000-C1;1;one; two;true", "000-C1;a claim;1;true", "C1;1;a;b"])
def test_a_line_with_a_shifted_column_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "claims.csv"
    path.write_text(f"id;lesson;claim;verdict\n000-C0;1;fine;true\n{line}\n")
    with pytest.raises(ValueError, match="line 3"):
        claims.read(path)


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "claims.csv"
    path.write_text("id;lesson;claim;verdict\n000-C1;1;a;b\n000-C1;2;c;d\n")
    with pytest.raises(ValueError, match="000-C1 twice"):
        claims.read(path)
