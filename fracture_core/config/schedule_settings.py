"""Course of the learning rate."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from fracture_core.config.limits import LIMITS
from fracture_core.config.record import Record
from fracture_core.config.setting import setting_field

_course = partial(setting_field, group="learning-rate schedule")


@dataclass(frozen=True, kw_only=True)
class Schedule(Record):
    """Course of the learning rate from its first value; see `schedules.factor`.

    A schedule keeps its first length (`TrainConfig.epochs`): epochs added later run at its last
    rate. "cosine" falls in a half wave to `floor_percent` at the last epoch; "step" multiplies by
    `factor` every `step_epochs`; "plateau" does after `patience` epochs without a lower dev loss.
    """

    kind: Literal["constant", "cosine", "step", "plateau"] = _course(
        "constant", "Schedule", "course of the learning rate", option="schedule"
    )  # the report's
    warmup_epochs: float = _course(
        0.0,
        "Warm-up",
        "epochs at the start in which the rate grows from 0 in a straight line",
        unit="epochs",
        limits=(0.0, 1000.0),
    )  # batch normalization makes these networks start well without
    floor_percent: float = _course(
        1.0,
        "Lowest rate",
        "lowest rate of cosine and plateau, percent of the learning rate",
        unit="%",
        limits=(0.0, 100.0),
    )  # the last epochs still move
    step_epochs: int = _course(
        25,
        "Length of a step",
        "epochs from one step to the next",
        unit="epochs",
        limits=LIMITS.epochs,
    )  # three steps in the report's 75 epochs
    factor: float = _course(
        0.3, "Factor", "multiplies the rate at a step or on a plateau", limits=(0.01, 1.0)
    )  # about half a power of ten
    patience: int = _course(
        5,
        "Patience",
        "epochs without a lower dev loss that make a plateau",
        unit="epochs",
        limits=LIMITS.epochs,
    )  # dev losses on a few dozen studies jump about for less
