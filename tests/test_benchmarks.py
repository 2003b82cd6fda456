"""The benchmarks' arithmetic is right, their page names every one of them, the check of versions finds its tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import growth, turns
from tools import check_versions


def test_every_way_has_its_turn_and_the_first_turn_is_not_counted() -> None:
    order: list[str] = []
    seconds = turns.take_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 4
    assert [len(times) for times in seconds.values()] == [3, 3]


def test_ratios_are_taken_within_a_turn() -> None:
    assert turns.ratio([2, 40, 9], [1, 10, 3]) == "3.00 (2.00 to 4.00)"


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_exponent_is_that_of_the_growth(power: float) -> None:
    sizes = (10, 30, 90)
    assert growth.exponent(sizes, [7 * size**power for size in sizes]) == pytest.approx(power)


def test_a_step_reports_its_time_and_the_memory_of_its_arrays() -> None:
    found = growth.measure_here("paired comparison", 50_000)
    assert found["seconds"] > 0
    assert found["mb"] > 50_000 * 8 / 1e6


def test_the_page_has_a_section_for_each_benchmark_and_says_what_was_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "RESULTS", tmp_path)
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "PAGE", tmp_path / "page.md")
    result = {"table": "| a |", "date": "2026-01-01", "machine": "here", "versions": "numpy 2", "seconds": 3}
    (tmp_path / "growth.json").write_text(json.dumps(result))
    bench.write_page()
    page = bench.PAGE.read_text(encoding="utf-8")
    assert all(f"## {benchmark.title}\n" in page for benchmark in bench.BENCHMARKS.values())
    assert "| a |" in page
    assert page.count("Not measured yet") == len(bench.BENCHMARKS) - 1
    (tmp_path / "growth.json").unlink()  # another machine: what was measured before stays
    bench.write_page()
    assert bench.PAGE.read_text(encoding="utf-8") == page


def test_each_benchmark_is_a_module_beside_the_others(root: Path) -> None:
    helpers = {"__init__", "__main__", "turns"}
    assert {path.stem for path in (root / "benchmarks").glob("*.py")} - helpers == set(bench.BENCHMARKS)


def test_the_check_of_versions_runs_the_tests_named_like_a_module(root: Path) -> None:
    tests = check_versions.library_tests(root)
    assert {"tests/test_metrics.py", "tests/test_runs.py", *check_versions.MORE_TESTS} <= set(tests)
    assert not [name for name in tests if "browser" in name or not (root / name).exists()]
