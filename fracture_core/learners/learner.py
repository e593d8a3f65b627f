"""Network, optimizer, loss and average of weights, as a run's settings ask for them."""

import contextlib
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from fracture_core.config.train_config import TrainConfig
from fracture_core.learners.weight_average import WeightAverage
from fracture_core.losses.film_loss import FilmLoss
from fracture_core.losses.pooling import StudyLoss
from fracture_core.networks import architectures, optimizers


def make_network(config: TrainConfig) -> keras.Model:
    """Build the config's network, with initial weights from its seed."""
    keras.utils.set_random_seed(config.seed)
    options = config.options.to_dict()
    return architectures.build(config.architecture, config.recipe.size, **options)


class Learner(NamedTuple):
    """All that a run trains with.

    Args:
        model: the network.
        optimizer: built on its variables, then those of the loss.
        loss: per film or per study.
        average: of the network's weights, if the run averages them.
    """

    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    loss: FilmLoss | StudyLoss
    average: WeightAverage | None

    @property
    def averaged(self) -> Sequence[keras.Variable]:
        """The average's variables; none for a run without one."""
        return self.average.variables if self.average else ()

    def evaluated_weights(self) -> contextlib.AbstractContextManager[None]:
        """Put the weights that are evaluated and kept into the network for a while."""
        return self.average.in_place() if self.average else contextlib.nullcontext()


def make_learner(config: TrainConfig) -> Learner:
    """Build all that a run trains with."""
    model = make_network(config)
    loss: FilmLoss | StudyLoss
    if pooling := config.study_pooling:
        loss = StudyLoss(model, pooling, config.seed, config.label_smoothing)
    else:
        loss = FilmLoss(model, config.label_smoothing, mixes=bool(config.mixup))
    decay = config.weight_average
    average = WeightAverage(model, decay) if decay else None
    return Learner(model, make_optimizer(config, model, loss), loss, average)


def make_optimizer(
    config: TrainConfig, model: keras.Model, loss: FilmLoss | StudyLoss
) -> keras.optimizers.Optimizer:
    """Return a new optimizer of all that learns now."""
    optimizer = optimizers.make(config)
    optimizer.build([*model.trainable_variables, *loss.variables])
    return optimizer


def class_weights(config: TrainConfig, labels: np.ndarray) -> tuple[float, float]:
    """Return the weights of the loss of a negative and of a positive film, or study.

    "balanced" is n / (2 n_label), as in scikit-learn: both labels have the same total weight, and
    the mean weight is 1.

    Args:
        config: of the run.
        labels: (n,), 0 or 1, of all training films, or of all studies where it learns from these.
    """
    if config.class_weights == "equal":
        return 1.0, 1.0
    counts = np.bincount(labels, minlength=2)
    negative, positive = (float(len(labels) / (2 * count)) for count in counts[:2])
    return negative, positive
