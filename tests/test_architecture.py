"""The architecture page is true: every module stands in one layer, and the arrows are the imports there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

#: The diagram's layers in their order, each with its modules: ``measures["the measures<br>metrics, ledger"]``.
LAYERS = {
    name: re.findall(r"\w+", modules) for name, modules in re.findall(r'^ +(\w+)\["[^"]*<br>([^"]*)"\]$', PAGE, re.M)
}
LAYER_OF = {module: layer for layer, modules in LAYERS.items() for module in modules}
ARROWS = set(re.findall(r"^ +(\w+) --> (\w+)$", PAGE, re.M))


def imports_of(module: Path) -> set[str]:
    """Return the modules of the library that a module imports when it is imported."""
    found = set()
    for statement in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "lessonlib":
            found |= {name.name for name in statement.names}
        elif isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("lessonlib."):
            found.add(statement.module.split(".")[1])
    return found


IMPORTS = {path.stem: imports_of(path) for path in (ROOT / "lessonlib").glob("*.py") if path.stem != "__init__"}


def test_every_module_stands_in_exactly_one_layer() -> None:
    listed = [module for modules in LAYERS.values() for module in modules]
    assert sorted(listed) == sorted(IMPORTS)


def test_a_module_imports_only_from_its_own_layer_and_those_above() -> None:
    order = list(LAYERS)
    below = [
        (module, used)
        for module, every in IMPORTS.items()
        for used in every
        if order.index(LAYER_OF[used]) > order.index(LAYER_OF[module])
    ]
    assert below == []


def test_the_arrows_are_the_imports_between_layers() -> None:
    between = {(LAYER_OF[module], LAYER_OF[used]) for module, every in IMPORTS.items() for used in every}
    assert {(layer, used) for layer, used in between if layer != used} == ARROWS
