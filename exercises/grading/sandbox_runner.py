"""Run a submission and ask for its answers: the program inside the sandbox that executes strangers' code.

It reads what to do as one line of JSON from standard input and writes one line of JSON for each thing that it has done
to what was its standard output. It knows the inputs of the hidden tests and not what is expected. What the submission
prints goes nowhere. It imports nothing of the grader, so that a submission finds no grader to tamper with.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from lessonlib import comparing

#: Kept here because a submission may put something else into its place.
SET_TIMER = getattr(signal, "setitimer", None)


class TooSlow(BaseException):
    """A cell or a call took longer than it may; no `except Exception` of a submission catches it."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt what runs, where the system has alarms; the sandbox ends what does not listen.

    The limit is of processor time, so that a busy machine costs nobody marks; on the clock it is six times as long.
    """

    def ring(number: int, frame: Any) -> None:
        raise TooSlow(f"stopped after {seconds:g} s: an endless loop?")

    timers = {}
    if SET_TIMER:
        timers = {signal.ITIMER_PROF: (signal.SIGPROF, seconds), signal.ITIMER_REAL: (signal.SIGALRM, 6 * seconds)}
    for timer, (alarm, limit) in timers.items():
        signal.signal(alarm, ring)
        SET_TIMER(timer, limit)
    try:
        yield
    finally:
        for timer in timers:
            SET_TIMER(timer, 0)


def attempt(action: Callable[[], Any], seconds: float) -> tuple[Any, str | None]:
    """Do something that may fail in any way; return its result and, if it failed, what happened."""
    try:
        with time_limit(seconds):
            return action(), None
    except BaseException as error:
        return None, told(error)


def told(error: BaseException) -> str:
    """Return an error in one line; it may be one whose text is a trap of its own."""
    try:
        return re.sub(r" ?\(?(<ipython-input-[^>]*>|\d+\.py)(, )?", " (", f"{type(error).__name__}: {error}"[:300])
    except BaseException:
        return type(error).__name__


def fresh_shell(seconds: float) -> Any:
    """Return IPython as a notebook knows it, with a kernel and plots, in this process.

    A magic or a shell command that fails here (no network, no browser) does not take the rest of its cell with it.
    """
    sys.modules["debugpy"] = None  # the debugger, which nobody can use here, takes a third of the start
    from ipykernel.inprocess.ipkernel import InProcessKernel

    shell = InProcessKernel().shell
    del sys.modules["debugpy"]
    shell.history_manager.enabled = False
    shell.showtraceback = shell.showsyntaxerror = lambda *args, **kwargs: None
    shell.system = lambda command: subprocess.run(shell.var_expand(command), shell=True, timeout=seconds)
    shell.run_line_magic, shell.run_cell_magic = map(_gently, (shell.run_line_magic, shell.run_cell_magic))
    builtins.input = lambda prompt="": ""
    return shell


def _gently(method: Callable) -> Callable:
    def call(*arguments: Any, **options: Any) -> Any:
        with contextlib.suppress(Exception):  # a magic that this machine lacks is no answer, and costs no marks
            return method(*arguments, **options)

    return call


#: What the question that is being asked must not use.
FORBIDDEN: set[str] = set()


def guard(path: str) -> None:
    """Let a function of the library refuse while a question is asked that wants it written by the learner."""
    module, _, name = path.rpartition(".")
    original = getattr(importlib.import_module(module), name)

    @functools.wraps(original)
    def instead(*arguments: Any, **options: Any) -> Any:
        if path in FORBIDDEN:
            raise comparing.NotRight(f"{path} does what this question asks you to write.")
        return original(*arguments, **options)

    del instead.__wrapped__  # it would lead straight to the original
    setattr(importlib.import_module(module), name, instead)


def run(steps: Sequence[dict], questions: Sequence[dict], seconds: float, tell: Callable[[dict], None]) -> None:
    """Run cells one after another, a failing one does not stop the next, and ask each question where its check stands.

    What has no answer there is asked again at the end; a second answer would be a second try. Steps are
    ``{"run": code}``, or ``{"ask": name}`` for the place of a check; questions have ``names``, ``calls`` (lists of
    arguments, or None for a question about values) and ``library``; `seconds` are for one cell or one question.
    """
    for path in {path for one in questions for path in one["library"]}:
        guard(path)
    shell = fresh_shell(seconds)
    left = {one["names"][0]: one for one in questions}
    for number, step in enumerate([*steps, *({"ask": name} for name in left)]):
        if question := left.get(step.get("ask")):
            FORBIDDEN.update(question["library"])
            answer = collect(shell.user_ns, question, seconds)
            FORBIDDEN.clear()
            tell(answer)
            if answered(answer):
                del left[step["ask"]]
        elif "run" in step:
            result, failure = attempt(lambda code=step["run"]: shell.run_cell(code), seconds)
            error = result and (result.error_before_exec or result.error_in_exec)
            if error or failure:
                tell({"cell": number, "error": told(error) if error else failure})


def answered(line: dict[str, Any]) -> bool:
    """Tell whether what `collect` gives holds an answer to every part of a question, right or wrong."""
    got = line["got"] if isinstance(line.get("got"), list) else []
    dicts = [one["dict"] if isinstance(one, dict) and isinstance(one.get("dict"), dict) else {"": one} for one in got]
    values = [value for one in dicts for value in one.values()]
    return bool(got) and not line.get("error") and not any(map(comparing.missing, values))


def collect(namespace: dict[str, Any], question: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return what a submission answers to one question, as JSON can hold it: None where there is no answer."""
    names, calls = question["names"], question["calls"]
    values = [namespace.get(name) for name in names]

    def answer(arguments: list | None) -> Any:
        if arguments is None:
            value = dict(zip(names, values, strict=True)) if len(names) > 1 else values[0]
        else:  # decoded for each call anew: a function that changes its arguments changes only its own
            value = None if values[0] in (None, ...) else values[0](*comparing.from_json(arguments))
        encoded = comparing.to_json(value)
        json.dumps(encoded)  # what fails, fails here, where it costs one answer
        return encoded

    got, error = [], None
    for arguments in [None] if calls is None else calls:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            value, failure = attempt(functools.partial(answer, arguments), seconds / len(calls or [None]))
        got.append(value)
        error = error or failure
    return {"question": names[0], "got": got, "error": error}


def main() -> None:
    """Do what standard input asks for."""
    request = json.loads(sys.stdin.buffer.readline())
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)

    def tell(line: dict) -> None:
        report.write(json.dumps(line) + "\n")
        report.flush()

    run(request["steps"], request["questions"], request["seconds"], tell)
    tell({"done": True})
    os._exit(0)  # whatever threads and exit handlers the submission has left


if __name__ == "__main__":
    main()
