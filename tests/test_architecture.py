"""The architecture page is true: layers, arrows and sizes; no circle of imports; what is public is used elsewhere."""

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


# --- sizes --------------------------------------------------------------------------------------------------------

#: The page's table: ``| `lessonlib/` (flat) | what it holds | 18 | 4,400 |``; a dash where modules are not counted.
LIMITS = {
    folder: tuple(int(number.replace(",", "")) if number != "-" else None for number in numbers)
    for folder, *numbers in re.findall(r"^\| `([\w/]+)/`.*\| ([\d,-]+) \| ([\d,]+) \|$", PAGE, re.M)
}


def sizes(folder: str) -> tuple[int, int]:
    """Return how many modules stand in a folder, not below it, and their lines, docstrings included."""
    lines = [len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / folder).glob("*.py")]
    return len(lines), sum(lines)


def test_the_library_is_as_small_as_the_page_says() -> None:
    table = [(folder, *sizes(folder), *limits) for folder, limits in LIMITS.items()]
    report = "\n".join(
        f"{folder:20} {modules:3} modules (at most {most_modules or '-'}), {lines:6,} lines (at most {most_lines:,})"
        for folder, modules, lines, most_modules, most_lines in table
    )
    print(report)
    assert len(table) == 5
    assert all(lines <= most and modules <= (few or modules) for _, modules, lines, few, most in table), "\n" + report


# --- what is public -----------------------------------------------------------------------------------------------

WORDS = {
    module_name(path): set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
    for folder in (*PACKAGES, "tests")
    for path in (ROOT / folder).rglob("*.py")
}


def test_every_public_function_and_class_is_used_outside_its_module() -> None:
    """Or is what a public function returns."""
    inside = []
    for name, tree in LIBRARY.items():
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        returned = " ".join(ast.unparse(function.returns) for function in functions if function.returns)
        used = set(re.findall(r"\w+", returned)).union(*(words for other, words in WORDS.items() if other != name))
        defined = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        inside += [f"{name}.{own}" for own in sorted(defined - used) if not own.startswith("_")]
    assert not inside, "\n".join(inside)
