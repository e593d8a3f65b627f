"""Sentences beside curves: how far training figures may be compared with dev and valid ones."""

from collections.abc import Sequence

from fracture_core.config.train_config import TrainConfig


def loss_title(config: TrainConfig) -> str:
    """Return the title of a run's losses: per film or per study, and by which labels."""
    unit = "study" if config.study_pooling else "film"
    smoothed = "; training: smoothed labels" if config.label_smoothing else ""
    return f"Loss (per {unit}{smoothed})"


def sentences(configs: Sequence[TrainConfig]) -> list[str]:
    """Return a sentence per setting of these runs that makes training figures differ."""
    smoothing = any(config.label_smoothing for config in configs)
    return [SMOOTHED] if smoothing else []


SMOOTHED = (
    "With label smoothing, the training loss is that of the smoothed labels, which is above 0 even "
    "where every film is right; dev and valid losses are those of the labels themselves."
)
