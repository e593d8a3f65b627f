"""Count the random splits of one large table in which the promise of the three answers holds.

    python benchmarks/promise.py [--splits 1000]

Makes up one large prediction table (30,000 studies of patients, some with several), as a phantom's
would be. Each split draws dev studies from it, finds the limits there, and looks at the answers on
all other studies. Prints for several sizes of dev, skills of the model and promises in how many
splits the promise was made, and in how many it was broken. Ends with status 1 if it held in fewer
than the promised share of the splits.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pandas as pd

from fracture_core.answers import study_answers
from fracture_core.operating_points import promise as promises
from fracture_core.operating_points.promise import Promise
from tests.core import made_predictions

STUDIES = 30_000
DEV = (100, 300, 800, 2_000)
SKILLS = (2.0, 3.5)
WIDTHS = (6, 7, 14, 10, 8, 9, 8)  # characters of the columns
PROMISES = (Promise(), Promise(missed_percent=10.0, confidence_percent=90.0))


def main() -> int:
    """Split, count, print; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=1_000)
    options = parser.parse_args()
    began, failed = time.perf_counter(), False
    titles = ("skill", "dev", "promise", "cleared", "broken", "called", "broken")
    print("".join(f"{title:>{width}}" for title, width in zip(titles, WIDTHS, strict=True)))
    for skill in SKILLS:
        films = made_predictions.films(STUDIES, seed=1, skill=skill)
        table = study_answers.studies_of(films)
        for size in DEV:
            for promise in PROMISES:
                counts = split(table, size, promise, options.splits)
                name = f"{promise.missed_percent:g} % at {promise.confidence_percent:g} %"
                row = zip((skill, size, name, *counts), WIDTHS, strict=True)
                print("".join(f"{value:>{width}}" for value, width in row), flush=True)
                allowed = (1 - promise.confidence_percent / 100) * options.splits
                failed |= max(counts[1], counts[3]) > allowed
    seconds = time.perf_counter() - began
    print(f"\nn = {options.splits:,} splits of {STUDIES:,} studies each, {seconds:.0f} s")
    print("FAILED" if failed else "Each promise held in at least its share of the splits.")
    return int(failed)


def split(table: pd.DataFrame, size: int, promise: Promise, splits: int) -> list[int]:
    """Return in how many splits studies were cleared, wrongly so, called, and wrongly so."""
    rng = np.random.default_rng(size)
    scores, positive = table["score"].to_numpy(), table["label"].to_numpy() == 1
    counts = [0, 0, 0, 0]
    for _ in range(splits):
        rows = rng.permutation(len(table))
        limits = promises.limits(table.iloc[rows[:size]], promise)
        rest = rows[size:]
        for place, limit, of, wrong, share in (
            (0, limits.clear, 1, positive, promise.missed_percent),
            (2, limits.call, -1, ~positive, promise.false_percent),
        ):
            if limit.score is None:
                continue
            answered = wrong[rest][of * scores[rest] <= of * limit.score]
            counts[place] += 1
            counts[place + 1] += int(answered.mean() > share / 100)
    return counts


if __name__ == "__main__":
    raise SystemExit(main())
