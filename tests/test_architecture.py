"""The architecture page is true: every module stands in one layer, and the arrows are the imports there are."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = ("lessonlib", "exercises", "tools", "notebooks", "benchmarks")

#: The diagram's layers in their order, each with its modules: ``measures["the measures<br>metrics, ledger"]``.
LAYERS = {
    name: re.findall(r"\w+", modules) for name, modules in re.findall(r'^ +(\w+)\["[^"]*<br>([^"]*)"\]$', PAGE, re.M)
}
LAYER_OF = {module: layer for layer, modules in LAYERS.items() for module in modules}
ARROWS = set(re.findall(r"^ +(\w+) --> (\w+)$", PAGE, re.M))


def module_name(path: Path) -> str:
    """Return a file's dotted name: ``lessonlib.reading.logs``."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {
    module_name(path): ast.parse(path.read_text(encoding="utf-8"))
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if "source" not in path.parts
}


def imports(tree: ast.AST, *, everywhere: bool) -> Iterator[str]:
    """Yield the project's modules that a module imports: when it is imported, or anywhere in its functions too."""
    for statement in ast.walk(tree) if everywhere else tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module:
            for name in statement.names:
                whole = f"{statement.module}.{name.name}"
                yield from {whole if whole in MODULES else statement.module} & MODULES.keys()


def top(name: str) -> str:
    """Return what stands for a module in the diagram: its own name, or that of its package."""
    return name.split(".")[1]


LIBRARY = {name: tree for name, tree in MODULES.items() if name.startswith("lessonlib.")}
BETWEEN = {
    (top(name), top(used))
    for name, tree in LIBRARY.items()
    for used in imports(tree, everywhere=False)
    if used.startswith("lessonlib.") and top(used) != top(name)
}


def test_every_module_stands_in_exactly_one_layer() -> None:
    listed = [module for modules in LAYERS.values() for module in modules]
    assert sorted(listed) == sorted({top(name) for name in LIBRARY})


def test_a_module_imports_only_from_its_own_layer_and_those_above() -> None:
    order = list(LAYERS)
    assert [pair for pair in BETWEEN if order.index(LAYER_OF[pair[1]]) > order.index(LAYER_OF[pair[0]])] == []


def test_the_arrows_are_the_imports_between_layers() -> None:
    between = {(LAYER_OF[module], LAYER_OF[used]) for module, used in BETWEEN}
    assert {(layer, used) for layer, used in between if layer != used} == ARROWS


def test_no_imports_go_round_in_a_circle() -> None:
    """Not even inside functions, where Python would forgive it."""
    graph = {name: set(imports(tree, everywhere=True)) - {name} for name, tree in MODULES.items()}
    graphlib.TopologicalSorter(graph).prepare()
