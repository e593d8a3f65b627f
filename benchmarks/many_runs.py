"""Times of the pages' scripts over many run folders.

    python benchmarks/many_runs.py [--runs 500] [--repeats 15]

Makes the folders, of 30 epochs each, and prints: the Runs page's first script run of a server; its
later ones as it is, with one run that has just written, with a search, and with two runs that are
laid over each other; Home's and Train's. Each against the run of an empty page in the same process.
Goals are in the output.
"""

import argparse
import itertools
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from streamlit.testing.v1 import AppTest

from fracture_core.config.train_config import TrainConfig
from fracture_core.folders import PROJECT
from fracture_core.phantom import phantom_set
from tests.core import made_runs

EPOCHS = 30
STUDIES = 20
NETWORKS = ("one_conv", "three_conv", "five_conv")
EMPTY = "import streamlit as st\nst.title('empty')\n"


def main() -> None:
    """Make, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        os.environ |= {
            f"FRACTURE_{part.upper()}": str(home / part) for part in ("runs", "cache", "data")
        }
        phantom_set.make(home / "data", studies=STUDIES, seed=0)
        make(home / "runs", options.runs)
        measure(home, options.repeats)


def make(folder: Path, count: int) -> None:
    """Run folders that differ in network, learning rate and seed."""
    first = folder / "run-0000"
    shares = [10 + epoch * 8 // EPOCHS for epoch in range(EPOCHS)]
    config = TrainConfig(data=os.environ["FRACTURE_DATA"], epochs=EPOCHS)
    made_runs.make(first, config, {"dev": shares, "valid": shares}, studies=STUDIES)
    for number in range(1, count):
        copy = Path(shutil.copytree(first, folder / f"run-{number:04d}"))
        facts = json.loads((copy / "config.json").read_text())
        facts["config"] |= {
            "architecture": NETWORKS[number % 3],
            "learning_rate": (0.001, 0.0003)[number % 2],
            "seed": number,
        }
        (copy / "config.json").write_text(json.dumps(facts))


def measure(home: Path, repeats: int) -> None:
    """Each action so often, each against an empty page."""
    (home / "empty.py").write_text(EMPTY, encoding="utf-8")
    empty = AppTest.from_file(str(home / "empty.py"), default_timeout=60).run()
    page = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=60)
    page.switch_page("pages/runs.py")
    print(f"Runs, the first look of a server: {1000 * timed(page.run):.0f} ms")
    names, words = itertools.count(), itertools.count()

    def write() -> None:
        path = home / "runs" / f"run-{next(names):04d}" / "metrics.jsonl"
        path.write_text(path.read_text().replace("0.001", "0.0010"))

    actions: dict[str, Callable[[], object]] = {
        "Runs, nothing has changed": lambda: None,
        "Runs, one run has written": write,
        "Runs, a search": lambda: page.query_params.update({"search": f"00{next(words)}"}),
        "Runs, two of them laid over each other": lambda: page.query_params.update(
            {"search": "", "runs": ["run-0001", f"run-{next(names):04d}"]}
        ),
        "Home": lambda: page.switch_page("pages/home.py"),
        "Train": lambda: page.switch_page("pages/train.py"),
    }
    for name, act in actions.items():
        act()
        page.run()
        ours, theirs = [], []
        for _ in range(repeats):
            act()
            theirs.append(1000 * timed(empty.run))
            ours.append(1000 * timed(page.run))
            if page.exception:
                raise SystemExit(page.exception[0].value)
        ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
        print(
            f"{name}: {spread(ours)} ms (goal: at most 300), {spread(ratios)} times an empty page"
        )


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def spread(values: list[float]) -> str:
    """Median, least and greatest."""
    return f"{statistics.median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


if __name__ == "__main__":
    main()
