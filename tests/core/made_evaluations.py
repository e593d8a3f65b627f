"""An evaluation of few made studies."""

import pandas as pd

from fracture_core.evaluations.evaluation import Evaluation


def by_hand(threshold: float = 0.5) -> Evaluation:
    """Four studies: a hit, a miss, a false alarm by one film of two, and a right no."""
    films = [
        ("a", 1, 0.9),
        ("a", 1, 0.2),
        ("b", 1, 0.4),
        ("c", 0, 0.6),
        ("c", 0, 0.1),
        ("d", 0, 0.5),
    ]
    table = pd.DataFrame(films, columns=["patient", "label", "probability"])
    table = table.assign(split="valid", part="hand", study="study1", view=0, path="x")
    return Evaluation(model="m", data={}, split="valid", parts=(), threshold=threshold, films=table)
