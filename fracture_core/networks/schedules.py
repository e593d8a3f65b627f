"""Learning rate of every step: a function of settings, step, requested rates and plateau state.

Nothing here counts calls, so that a resumed run uses the same rates as an uninterrupted one.
"""

import math
from collections.abc import Sequence

import numpy as np

from fracture_core.config.schedule_settings import Schedule
from fracture_core.config.train_config import TrainConfig


def factor(schedule: Schedule, step: int, length: int, epochs: int, plateau: float = 1.0) -> float:
    """Return the schedule's factor on the base learning rate at a step.

    Args:
        schedule: its settings.
        step: from 0 since the run began.
        length: steps per epoch.
        epochs: epochs that the schedule spans; later ones keep its last rate.
        plateau: product of the reductions so far, see `fall`.

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
    """Return the learning rates of `count` steps from `first` on, float32 (count,).

    Args:
        config: rate, schedule and epochs at the start of the run; after its frozen epochs the rate
            is multiplied by its fine-tuning factor.
        changes: requested (step, rate), oldest first: the base rate from that step on.
        first: step from 0 since the run began.
        count: number of steps.
        length: steps per epoch.
        plateau: see `factor`.
    """
    values, frozen = np.empty(count, np.float32), config.frozen_epochs * length
    for i, step in enumerate(range(first, first + count)):
        base = next((r for at, r in reversed(changes) if at <= step), config.learning_rate)
        if frozen and step >= frozen:
            base *= config.fine_tuning_factor
        values[i] = base * factor(config.schedule, step, length, config.epochs, plateau)
    return values


def rate_note(config: TrainConfig) -> str:
    """Return a sentence on what multiplies a run's base learning rate; "" for nothing."""
    schedule, parts = config.schedule, []
    if schedule.kind != "constant" or schedule.warmup_epochs:
        parts.append(f"the {schedule.kind} schedule")
    if config.frozen_epochs:
        factor = f"{config.fine_tuning_factor:g}"
        parts.append(f"after the frozen epochs the fine-tuning factor {factor}")
    return f"It is multiplied by {' and '.join(parts)}." if parts else ""


def fall(schedule: Schedule, plateau: float, waited: int) -> tuple[float, int]:
    """Return the plateau's state after an epoch: (product of the reductions, epochs waited since).

    Args:
        schedule: its settings.
        plateau: product of the reductions so far.
        waited: epochs without a lower dev loss since the lowest one or the last reduction.
    """
    if schedule.kind == "plateau" and waited >= schedule.patience:
        return plateau * schedule.factor, 0
    return plateau, waited
