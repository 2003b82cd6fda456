"""Read what was handed in: the program inside the sandbox that meets a file first.

It gets a file as standard input, a notebook or a zip of notebooks, and writes what the grader needs of it as one line
of JSON: the cells with the names that they define, and the shape of the learner's code, by which copies are found.
Outputs, attachments and other metadata stay behind. It needs nothing but the standard library.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

#: A notebook with more cells or more text is not what a learner wrote.
MOST_CELLS = 2_000
LONGEST = 2_000_000

#: From a zip so many notebooks are read, and none that is larger than this when unpacked.
MOST_NOTEBOOKS = 20
LARGEST_MEMBER = 100_000_000

#: A program with a smaller syntax tree is written alike by many.
TELLING = 25

#: Notebooks, and those that a browser or a mail program has renamed.
NOTEBOOK_NAME = re.compile(r"\.ipynb(\.json|\.txt)?$", re.IGNORECASE)

#: Lines that only IPython understands.
MAGIC_LINE = re.compile(r"^([ \t]*)(?:[%!?].*|[\w.]+\?{1,2}[ \t]*)$", re.MULTILINE)
MAGIC_VALUE = re.compile(r"=[ \t]*[%!].*$", re.MULTILINE)
TIMED = re.compile(r"^([ \t]*)%{1,2}time\b[ \t]*", re.MULTILINE)


class Refused(Exception):
    """A file that cannot be graded; the message says why, for teacher and learner."""


def notebook(content: bytes) -> dict[str, Any]:
    """Return the cells of a notebook of any format since 3, and which exercise it says it is."""
    try:
        whole = json.loads(content.decode("utf-8-sig"))
        sheets = whole.get("worksheets")
        raw = [cell for sheet in sheets for cell in sheet["cells"]] if sheets else whole["cells"]
        if len(raw) > MOST_CELLS:
            raise Refused(f"The notebook has {len(raw)} cells; at most {MOST_CELLS} are read.")
        sources = [_source(cell) for cell in raw]
        if sum(map(len, sources)) > LONGEST:
            raise Refused(f"The notebook holds more than {LONGEST} characters.")
        cells = [_cell(cell, source) for cell, source in zip(raw, sources, strict=True)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, MemoryError) as error:
        raise Refused(f"The file is not a notebook ({type(error).__name__}: {str(error)[:100]}).") from None
    return {"cells": cells, "exercise": _text(whole, "metadata", "exercise")}


def _source(raw: Mapping) -> str:
    source = raw["source"] if "source" in raw else raw["input"]  # as nbformat 3 calls code
    source = source if isinstance(source, str) else "".join(source)
    return source.replace("\r\n", "\n").encode("utf-8", "replace").decode()


def _cell(raw: Mapping, source: str) -> dict[str, Any]:
    tree = parse(source)
    return {
        "code": raw["cell_type"] == "code",
        "source": source,
        "id": _text(raw, "id"),
        "grade_id": _text(raw, "metadata", "nbgrader", "grade_id"),
        "defines": sorted(defined_names(source, tree)),
        "parses": tree is not None,
        "shapes": shapes(tree),
    }


def _text(value: Any, *keys: str) -> str:
    """Return the text under some keys, one within the other, "" where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def parse(code: str) -> ast.Module | None:
    """Return the tree of a cell, IPython's own lines left out; None if it is no Python."""
    plain = MAGIC_VALUE.sub("= None", MAGIC_LINE.sub(r"\1pass", TIMED.sub(r"\1", code)))
    for text in (code, plain):
        with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
            return ast.parse(text)
    return None


def defined_names(code: str, tree: ast.Module | None) -> set[str]:
    """Return the names that a cell defines; of code that does not parse, those that its lines seem to define.

    >>> code = "%matplotlib inline\\na, b = 1, 2\\ndef f(x):\\n    y = x"
    >>> sorted(defined_names(code, parse(code)))
    ['a', 'b', 'f']
    """
    if tree:
        return set(stored(tree.body))
    return set(re.findall(r"^(?:def|class)?[ \t]*([A-Za-z_]\w*)[ \t]*(?:\(|=(?!=))", code, re.MULTILINE))


def stored(body: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that statements define; ``global`` in a function counts."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
            yield from (name for part in ast.walk(node) if isinstance(part, ast.Global) for name in part.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name
        elif not isinstance(node, ast.Lambda):
            yield from stored(ast.iter_child_nodes(node))


def shapes(tree: ast.Module | None) -> list[list]:
    """Return the names and the shape of each top-level definition, and of the other statements together.

    Two programs have the same shape when they differ in comments, docstrings, layout and the names that they give.
    Small ones are left out.
    """
    found, rest = [], []
    for node in tree.body if tree else ():
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.append(([node.name], [node]))
        elif not isinstance(node, (ast.Import, ast.ImportFrom)):
            rest.append(node)
    programs = [*found, (sorted(set(stored(rest))), rest)]
    return [[names, shape] for names, nodes in programs if (shape := _shape(nodes))]


def _shape(nodes: list[ast.stmt]) -> str:
    parts = [part for node in nodes for part in ast.walk(node)]
    own = {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    own |= {part.arg for part in parts if isinstance(part, ast.arg)}
    given: dict[str, int] = {}
    for part in parts:
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
            part.name = ""
        elif isinstance(part, ast.Name) and part.id in own:
            part.id = given.setdefault(part.id, len(given))
        elif isinstance(part, (ast.arg, ast.keyword)) and part.arg in own:
            part.arg = given.setdefault(part.arg, len(given))
        elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
            part.value.value = None  # a docstring
    fields = [[type(part).__name__, *(value for _, value in ast.iter_fields(part))] for part in parts]
    words = [[value for value in each if not isinstance(value, (ast.AST, list))] for each in fields]
    shape = hashlib.sha256(repr(words).encode("utf-8", "replace")).hexdigest()[:16]
    return shape if len(parts) >= TELLING else ""


def members(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the notebooks of a zip, or the file itself under no name."""
    if not content.startswith(b"PK\x03\x04"):
        yield "", content
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [one for one in archive.infolist() if NOTEBOOK_NAME.search(one.filename) and not one.is_dir()]
            names = [one for one in names if "__MACOSX" not in one.filename and "/." not in f"/{one.filename}"]
            for one in names[:MOST_NOTEBOOKS]:
                with archive.open(one) as file:
                    yield one.filename, file.read(LARGEST_MEMBER)
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError) as error:
        raise Refused(f"The zip cannot be read ({type(error).__name__}: {str(error)[:100]}).") from None


def read(content: bytes) -> list[dict[str, Any]]:
    """Return a file's notebooks, each with its name in a zip, its digest and why it is refused."""
    found = []

    def add(name: str, text: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(text).hexdigest()
        found.append({"name": name, "digest": digest, "refused": "", "cells": [], "exercise": ""})
        return found[-1]

    try:
        for name, text in members(content):
            told = add(name, text)
            try:
                told |= notebook(text)
            except Refused as refusal:
                told["refused"] = str(refusal)
    except Refused as refusal:
        add("", content)["refused"] = str(refusal)
    return found


if __name__ == "__main__":
    print(json.dumps({"notebooks": read(sys.stdin.buffer.read())}), flush=True)
