"""Words beside curves: how far figures of training may be compared with those of dev and valid."""

from collections.abc import Sequence

from fracture_core.config.train_config import TrainConfig

SMOOTHED = (
    "With label smoothing, the training loss is that of the smoothed labels, which is above 0 even "
    "where every film is right; dev and valid losses are those of the labels themselves."
)
MIXED = (
    "With mixup, training loss and accuracy are those of mixed films: one is correct if its score "
    "has the label of the film that it is mostly made of. Dev and valid films are not mixed."
)
AVERAGED = (
    "With averaged weights, dev and valid figures are those of the average; training figures are "
    "those of the weights of each step."
)


def has_soft_labels(config: TrainConfig) -> bool:
    """Return whether a run's labels are between 0 and 1 in training: smoothed, or mixed."""
    return bool(config.label_smoothing or config.mixup)


def loss_title(config: TrainConfig, trained: bool = True) -> str:
    """Return the title of a run's losses: per film or per study, and by which labels in training.

    A longer title would not fit above a narrow panel.

    Args:
        config: of the run.
        trained: whether losses of training are among them.
    """
    unit = "study" if config.study_pooling else "film"
    soft = "; training: soft labels" if trained and has_soft_labels(config) else ""
    return f"Loss (per {unit}{soft})"


def sentences(configs: Sequence[TrainConfig]) -> list[str]:
    """Return a sentence per setting of these runs that makes figures of training differ."""
    smoothing = any(config.label_smoothing for config in configs)
    mixes = any(config.mixup for config in configs)
    averages = any(config.weight_average for config in configs)
    return [SMOOTHED] * smoothing + [MIXED] * mixes + [AVERAGED] * averages
