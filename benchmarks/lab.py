"""Server time of a move of the aggregation lab's slider, for studies as many as MURA's valid set.

    python benchmarks/lab.py [--moves 40]

Makes up a prediction table of 1,199 studies and some 3,400 films, draws the lab as Evaluate does,
and moves the slider. Prints the median and the slowest of the moves: the time from the moved value
to the last element handed to Streamlit, four charts and two tables included, without the network
and the browser. Ends with status 1 if the median is above 100 ms.
"""

import argparse
import logging
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import streamlit as st
from streamlit.testing.v1 import AppTest

from fracture_core.reports.receipts import Receipt
from tests.core import made_predictions
from ui.lab import lab_cache, lab_panel
from ui.shell import state

logging.getLogger("streamlit").setLevel(logging.ERROR)  # there is no server
STUDIES, LIMIT_MS = 1_199, 100.0
MODEL = "made"
KEPT: dict[str, lab_cache.Lab] = {}
TIMES: list[float] = []
CPU: list[float] = []


def script() -> None:
    """Draw the lab; `AppTest` runs these lines as a page of their own."""
    from benchmarks import lab

    lab.draw()


def draw() -> None:
    """Draw what follows the slider, and note how long it took."""
    began, worked = time.perf_counter(), time.thread_time()
    lab_panel.moving(KEPT["lab"], MODEL, 0.5, no_receipt)
    TIMES.append(1_000 * (time.perf_counter() - began))
    CPU.append(1_000 * (time.thread_time() - worked))


def no_receipt(threshold: float) -> Receipt:
    """Refuse to make a receipt: none is opened here."""
    raise AssertionError(f"A receipt was made at {threshold}.")


def main() -> int:
    """Move, print; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=40)
    options = parser.parse_args()
    films = made_predictions.films(STUDIES, seed=2, skill=1.4)
    began = time.perf_counter()
    KEPT["lab"] = lab_cache.lab(("benchmark",), "", films, None)
    print(f"{STUDIES:,} studies, {len(films):,} films")
    print(f"curves of all rules, once: {1_000 * (time.perf_counter() - began):.0f} ms")
    app = AppTest.from_function(script, default_timeout=60).run()
    assert not app.exception, app.exception
    TIMES.clear()
    CPU.clear()
    for move in range(options.moves):
        slider = app.slider(key=f"{state.LAB_THRESHOLD}-{MODEL}")
        slider.set_value(0.1 + 0.8 * move / options.moves).run()
    middle = statistics.median(TIMES)
    print(f"a move of the slider: median {middle:.1f} ms, slowest {max(TIMES):.1f} ms")
    print(f"of its own processor time: median {statistics.median(CPU):.1f} ms")
    print(f"n = {len(TIMES)} moves; limit {LIMIT_MS:.0f} ms; Streamlit {st.__version__}")
    return int(middle > LIMIT_MS)


if __name__ == "__main__":
    sys.modules["benchmarks.lab"] = sys.modules["__main__"]  # one list of times for both names
    raise SystemExit(main())
