"""Twins that no network made, for tests of what is done with them."""

import numpy as np
import pandas as pd

from fracture_core.floors.floors_job import Twins


def small_twins(films: pd.DataFrame) -> Twins:
    """Twins of a run's films, with one probability for all; each film is brighter than the last."""
    brightness = np.linspace(0.2, 0.8, len(films))
    table = films[["path", "role"]].assign(brightness=brightness, untrained=0.25, shuffled=0.75)
    return Twins(films=table, steps=3, own_steps=9, seed=1)
