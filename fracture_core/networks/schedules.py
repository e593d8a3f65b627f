"""The learning rate of every step: a function of settings, step, asked changes and plateau state.

Nothing here counts calls, so that a resumed run takes the rates that its untouched twin took.
"""

import math
from collections.abc import Sequence

import numpy as np

from fracture_core.config import Schedule, TrainConfig


def factor(schedule: Schedule, step: int, length: int, epochs: int, plateau: float = 1.0) -> float:
    """What the learning rate that was asked for is multiplied by at a step.

    Args:
        step: from 0 since the run began.
        length: steps an epoch.
        epochs: those the schedule was made for; later ones stay at its last rate.
        plateau: product of the falls so far, see `fall`.

    Returns:
        0 to 1. The half wave is that of Loshchilov and Hutter, SGDR (2017), without restarts.
    """
    warm = schedule.warmup_epochs * length
    if step < warm:
        return min(1.0, (step + 1) / warm)
    last = epochs * length - 1
    floor = schedule.floor_percent / 100
    match schedule.kind:
        case "cosine":
            share = min(1.0, (step - warm) / max(1.0, last - warm))
            return floor + (1 - floor) * (1 + math.cos(math.pi * share)) / 2
        case "step":
            return schedule.factor ** (min(step, last) // (schedule.step_epochs * length))
        case "plateau":
            return max(floor, plateau)
    return 1.0


def rates(
    config: TrainConfig,
    changes: Sequence[tuple[int, float]],
    first: int,
    count: int,
    length: int,
    plateau: float,
) -> np.ndarray:
    """The learning rates of `count` steps from `first` on, float32 (count,).

    Args:
        config: rate, schedule and epochs that the run began with.
        changes: (step, rate) as they were asked for, oldest first: from that step on the schedule
            multiplies this rate.
        length: steps an epoch.
        plateau: see `factor`.
    """
    found = np.empty(count, np.float32)
    for i, step in enumerate(range(first, first + count)):
        base = next((r for at, r in reversed(changes) if at <= step), config.learning_rate)
        found[i] = base * factor(config.schedule, step, length, config.epochs, plateau)
    return found


def fall(schedule: Schedule, plateau: float, waited: int) -> tuple[float, int]:
    """The plateau's state after an epoch: (product of the falls, epochs waited since).

    Args:
        plateau: product of the falls so far.
        waited: epochs without a lower dev loss since the last low or the last fall.
    """
    if schedule.kind == "plateau" and waited >= schedule.patience:
        return plateau * schedule.factor, 0
    return plateau, waited
