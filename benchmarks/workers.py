"""Measuring both sides of a comparison in turn, each in a process of its own.

A side gets ready once, then waits. What it is asked for stands on a line of its input; one number
on a line of its output is the answer. So both sides see the same noise of a shared machine, and
none computes while the other is measured. Nothing but the standard library: a side may run under
another Python.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

HERE = Path(__file__).resolve().parent
ANSWER = "answer "  # what begins a line that is meant for us; libraries print lines of their own

Worker = subprocess.Popen[str]
logs: dict[int, Path] = {}  # process -> what it said beside its answers


def start(words: Sequence[str], python: str = sys.executable) -> Worker:
    """Start a side: a file beside this one, with its arguments. Waits until it is ready.

    Raises:
        SystemExit: it ended before; what it said is printed.
    """
    path = os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")]))
    with tempfile.NamedTemporaryFile("w", prefix="side-", delete=False) as log:
        worker = subprocess.Popen(
            [python, str(HERE / words[0]), *words[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,  # libraries talk a lot; shown when the side fails
            env=os.environ | {"PYTHONPATH": path},
            text=True,
        )
    logs[worker.pid] = Path(log.name)
    answer(worker)
    return worker


def pipe_to(worker: Worker) -> IO[str]:
    """Return the pipe that a side reads."""
    assert worker.stdin is not None
    return worker.stdin


def pipe_from(worker: Worker) -> IO[str]:
    """Return the pipe that a side writes to."""
    assert worker.stdout is not None
    return worker.stdout


def ask(worker: Worker, what: str = "go") -> None:
    """Have a side measure; its answer is to be fetched."""
    pipe_to(worker).write(what + "\n")
    pipe_to(worker).flush()


def answer(worker: Worker) -> float:
    """The number that a side found.

    Raises:
        SystemExit: it ended instead; what it said is printed.
    """
    for line in pipe_from(worker):
        if line.startswith(ANSWER):
            return float(line.removeprefix(ANSWER))
    words = " ".join(map(str, worker.args if isinstance(worker.args, list) else [worker.args]))
    print(logs[worker.pid].read_text(), file=sys.stderr)
    raise SystemExit(f"{words} ended with status {worker.wait()}.")


def measure(worker: Worker, what: str = "go") -> float:
    """Ask, and wait for the answer."""
    ask(worker, what)
    return answer(worker)


def stop(*workers: Worker) -> None:
    """End sides: they leave when their input does."""
    for worker in workers:
        pipe_to(worker).close()
        worker.wait()
        pipe_from(worker).close()
        logs.pop(worker.pid).unlink()


def serve(measures: dict[str, Callable[[], float]]) -> None:
    """In a side: say that it is ready, then answer until the input ends."""
    print(f"{ANSWER}0", flush=True)
    for line in sys.stdin:
        print(f"{ANSWER}{measures[line.strip()]()!r}", flush=True)


def in_turn(repeats: int, *sides: Callable[[], float]) -> list[list[float]]:
    """Measure each side in turn, so many times, after a turn that is thrown away."""
    found: list[list[float]] = [[] for _ in sides]
    for turn in range(repeats + 1):
        for values, side in zip(found, sides, strict=True):
            value = side()
            if turn:
                values.append(value)
    return found


def ratio(ours: list[float], theirs: list[float]) -> str:
    """The median of the turns' ratios, with the least and the greatest."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
    return f"{middle:.2f} ({low:.2f} to {high:.2f} in {len(ratios)} turns)"


def rate(values: list[float]) -> str:
    """The median of images a second."""
    return f"{statistics.median(values):,.0f} images/s"
