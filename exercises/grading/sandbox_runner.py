"""Run a submission and call its functions: the program inside the sandbox.

It is started by ``exercises.grading.sandbox`` in a process of its own, reads what to do as JSON from standard
input, and writes
one line of JSON for each thing that it has done to what was its standard output. It knows the inputs of the hidden
tests and not what is expected. What the submission prints goes nowhere.

It imports nothing of the grader, so that a submission finds no grader to tamper with.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lessonlib import comparing

#: Kept here because a submission may put something else into its place.
SET_TIMER = getattr(signal, "setitimer", None)


class TooSlow(BaseException):
    """A cell or a call took longer than it may; no `except Exception` of a submission catches it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt what runs, where the system has alarms; the sandbox ends what does not listen.

    The limit is of processor time, so that a busy machine costs nobody marks; on the clock it is three times as long.
    """
    if SET_TIMER is None:
        yield
        return

    def ring(number: int, frame: Any) -> None:
        raise TooSlow(f"stopped after {seconds:g} s: an endless loop?")

    timers = {signal.ITIMER_PROF: (signal.SIGPROF, seconds), signal.ITIMER_REAL: (signal.SIGALRM, 3 * seconds)}
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
        return None, f"{type(error).__name__}: {error}"[:400]


def run_cells(cells: Sequence[str], seconds: float, tell: Callable[[dict], None]) -> dict[str, Any]:
    """Run cells one after another in a fresh IPython; a cell that fails does not stop the next.

    Returns
    -------
    dict
        The names that they have defined.
    """
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    shell.showtraceback = lambda *args, **kwargs: None
    shell.showsyntaxerror = lambda *args, **kwargs: None
    for number, code in enumerate(cells):
        tell({"cell": number})
        result, failure = attempt(lambda code=code: shell.run_cell(code), seconds)
        error = result and (result.error_before_exec or result.error_in_exec)
        if error:
            failure = re.sub(r"<ipython-input-[^>]*>, ", "", f"{type(error).__name__}: {error}"[:300])
        if failure:
            begins = code.strip().split("\n")[0][:80]
            tell({"cell": number, "error": f"{failure}, in the cell that begins: {begins}"})
    return shell.user_ns


def collect(namespace: dict[str, Any], question: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return what a submission answers to one question, as JSON can hold it.

    Parameters
    ----------
    namespace : dict
        What the submission has defined.
    question : dict
        ``names``, and ``calls``: a list of lists of arguments, or None for a question about values.
    seconds : float
        For all calls together.

    Returns
    -------
    dict
        ``question`` (its name), ``got`` (a list, None where there is no answer), and ``error`` if a call failed.
    """
    names, calls = question["names"], question["calls"]
    if calls is None:
        values = {name: namespace.get(name) for name in names}
        actions = [lambda: values if len(names) > 1 else values[names[0]]]
    else:
        actions = [_call(namespace.get(names[0]), arguments) for arguments in calls]
    got, failures = [], []
    for action in actions:
        answer, failure = attempt(lambda action=action: comparing.to_json(action()), seconds / len(actions))
        got.append(answer)
        failures += [failure] if failure else []
    return {"question": names[0], "got": got, "error": failures[0] if failures else None}


def _call(function: Any, arguments: Any) -> Callable[[], Any]:
    # Arguments are decoded for each call anew: a function that changes its arguments changes only its own.
    return lambda: None if function in (None, ...) else function(*comparing.from_json(arguments))


def main() -> None:
    """Do what standard input asks for."""
    request = json.load(sys.stdin)
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)

    def tell(line: dict) -> None:
        report.write(json.dumps(line) + "\n")
        report.flush()

    namespace = run_cells(request["cells"], request["seconds"], tell)
    for question in request["questions"]:
        tell({"asked": question["names"][0]})
        tell(collect(namespace, question, request["seconds"]))
    tell({"done": True})
    os._exit(0)  # whatever threads and exit handlers the submission has left


if __name__ == "__main__":
    main()
