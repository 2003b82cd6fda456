"""Tokens: the characters of Python's own manual, and of small tasks that are made on the spot.

The manual is that of 35 topics of `pydoc_data.topics` that Python 3.11 to 3.13 have alike.
"""

from __future__ import annotations

import random
import re
import string
from pydoc_data.topics import topics

import numpy as np
from numpy.typing import NDArray

#: A token is one of these characters; the last one ends an answer, and fills up what is shorter than the longest.
CHARACTERS = string.printable[:95] + "\n"
END = len(CHARACTERS) - 1
VALIDATION = ("with", "exceptions", "for", "global", "calls", "booleans")
TRAINING = (
    "assert", "bitwise", "bltin-code-objects", "bltin-ellipsis-object", "bltin-null-object",
    "bltin-type-objects", "break", "callable-types", "comparisons", "context-managers", "continue", "del",
    "dynamic-features", "else", "id-classes", "if", "import", "in", "integers", "lambda", "operator-summary",
    "pass", "return", "slicings", "typesfunctions", "typesmodules", "unary", "while", "yield",
)  # fmt: skip
N_VALIDATION = 8_000  # characters
#: The kinds of tokens, by `kinds_of`.
KINDS = (
    "space",
    "first letter of a known word",
    "later letter of a known word",
    "letter in a new word",
    "digit",
    "sign",
)


def encode(text: str) -> NDArray[np.int64]:
    """Return the tokens of a text; what is no token is left out."""
    return np.array([number for c in text if (number := CHARACTERS.find(c)) >= 0])


def decode(tokens: NDArray[np.integer]) -> str:
    """Return the text of tokens."""
    return "".join(CHARACTERS[token] for token in tokens)


def manual(names: list[str] | tuple[str, ...]) -> NDArray[np.int64]:
    """Return topics of Python's manual, one after the other, every gap one space."""
    return encode("\n".join(re.sub(r"\s+", " ", topics[name]) for name in names) + "\n")


def texts(n_train: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first `n_train` tokens of topics that the seed orders, and the validation text, always the same."""
    names = random.Random(seed).sample(TRAINING, len(TRAINING))
    return manual(names)[:n_train], manual(VALIDATION)[: N_VALIDATION + 1]


def kinds_of(text: str, training: str) -> NDArray[np.int8]:
    """Say which of `KINDS` each character is; a new word is one that the training text has not, in any case."""
    known = set(re.findall("[a-z]+", training.lower()))
    kinds = np.array([0 if c.isspace() else 4 if c.isdigit() else 5 for c in text], dtype=np.int8)
    for word in re.finditer("[a-z]+", text.lower()):
        is_known = word[0] in known
        kinds[word.start() : word.end()] = 2 if is_known else 3
        if is_known:
            kinds[word.start()] = 1
    return kinds


def examples(task: str, rng: random.Random, n: int) -> list[str]:
    """Draw different examples such as ``"horse>ehors"``, each with the sign that ends it."""
    found: dict[str, None] = {}
    while len(found) < n:
        word = "".join(rng.choices(string.ascii_lowercase, k=rng.randint(4, 7)))
        if task == "add":
            first, second = rng.randint(10, 99), rng.randint(10, 99)
            word, answer = f"{first}+{second}", str(first + second)
        else:
            answer = "".join(sorted(word)) if task == "sort" else re.sub("[aeiou]", "", word)
        found[f"{word}>{answer}\n"] = None
    return list(found)


def padded(lines: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Return the tokens of examples, filled up with `END`, and what each is: 0 padding, 1 prompt, 2 answer."""
    longest = max(map(len, lines))
    tokens, parts = np.full((len(lines), longest), END), np.zeros((len(lines), longest), dtype=np.int8)
    for i, line in enumerate(lines):
        tokens[i, : len(line)] = encode(line)
        parts[i, : len(line)] = np.where(np.arange(len(line)) <= line.index(">"), 1, 2)
    return tokens, parts
