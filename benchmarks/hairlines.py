"""Breaks of a phantom that a model finds: AUROC against normal studies, by grade and pattern.

    python benchmarks/hairlines.py MODEL PHANTOM [--split train|valid]

MODEL is a released model or RUN@EPOCH; PHANTOM a set of another seed than the model's own, of
which both splits are unseen (give --split valid for its own). A model of some parts is asked about
those. A study's score is the greatest probability among its films, as OR takes it. Intervals are
bootstrap percentiles over studies, 95 %.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fracture_core.datasets import catalog
from fracture_core.evaluations import evaluation_job
from fracture_core.models import stored_models
from fracture_core.phantom import phantom_set
from fracture_core.verdicts import metrics

SAMPLES = 2000  # of the bootstrap


def main() -> None:
    """Predict a phantom's films, print a line per kind of break."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="released model or RUN@EPOCH")
    parser.add_argument("phantom", type=Path)
    parser.add_argument("--split", choices=("train", "valid"), help="both unless given")
    options = parser.parse_args()
    data = catalog.read(options.phantom)
    splits = (options.split,) if options.split else ("train", "valid")
    parts = stored_models.find(options.model).card.parts  # those that it was trained on
    films = pd.concat(
        [evaluation_job.evaluate(options.model, data, each, parts).films for each in splits]
    )
    print_kinds(with_kinds(films, options.phantom))


def with_kinds(films: pd.DataFrame, root: Path) -> pd.DataFrame:
    """One row a study: label, greatest probability, grade and pattern of its break ("none")."""
    breaks = phantom_set.breaks(root)
    first = [breaks[path][0] if breaks[path] else None for path in films["path"]]
    facts: dict[str, Any] = {
        key: [each and getattr(each, key) for each in first] for key in ("kind", "pattern")
    }
    studies = films.assign(key=catalog.study_key(films), **facts).groupby("key")
    table = studies.agg(label=("label", "first"), probability=("probability", "max"))
    for key in facts:
        table[key] = studies[key].agg(lambda known: next(iter(known.dropna()), "none"))
    # A positive study whose kind is unknown would count as normal; there must be none.
    assert not np.any((table["label"] == 1) & (table["kind"] == "none"))
    return table


def print_kinds(studies: pd.DataFrame) -> None:
    """Print the AUROC of each grade, and of each pattern of a hairline, against normal studies."""
    normal = studies[studies["kind"] == "none"]["probability"].to_numpy()
    lines = studies[studies["kind"] == "hairline"]
    groups = {str(grade): rows for grade, rows in studies.groupby("kind") if grade != "none"}
    groups |= {f"hairline, {pattern!s}": rows for pattern, rows in lines.groupby("pattern")}
    for name, rows in groups.items():
        area, low, high = area_of(rows["probability"].to_numpy(), normal)
        print(
            f"{name} against normal: AUROC {area:.3f} "
            f"(95 % interval {low:.2f} to {high:.2f}; {len(rows)} against {len(normal)} studies)"
        )


def area_of(broken: np.ndarray, normal: np.ndarray) -> tuple[float, float, float]:
    """Return the AUROC of broken against normal studies with its bootstrap interval."""
    random = np.random.default_rng(0)
    samples = [
        _area(random.choice(broken, len(broken)), random.choice(normal, len(normal)))
        for _ in range(SAMPLES)
    ]
    low, high = np.quantile(samples, (0.025, 0.975))
    return _area(broken, normal), float(low), float(high)


def _area(broken: np.ndarray, normal: np.ndarray) -> float:
    labels = np.repeat((1, 0), (len(broken), len(normal)))
    area = metrics.auroc(labels, np.concatenate([broken, normal]))
    assert area is not None
    return area


if __name__ == "__main__":
    main()
