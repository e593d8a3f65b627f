"""Optimizers of a run: those of Keras, with Adam computed by a single TensorFlow kernel.

The state is always in Keras' variables, so that a checkpoint holds the same in both cases.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fracture_core.config.train_config import TrainConfig

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

Update = Callable[["Sequence[tf.Tensor]", "tf.Tensor"], None]

ADAMW_DECAY = 0.004  # Keras' default for AdamW
NOT_DECAYED = ["bias", "gamma", "beta"]  # decay of these does not regularize


def make(config: TrainConfig) -> "keras.optimizers.Optimizer":
    """Return the config's optimizer, with Keras' defaults for all other settings."""
    from keras import optimizers

    kinds: dict[str, tuple[type, dict[str, Any]]] = {
        "adam": (optimizers.Adam, {}),
        "adamw": (optimizers.AdamW, {"weight_decay": ADAMW_DECAY}),
        "adagrad": (optimizers.Adagrad, {}),
        "sgd": (optimizers.SGD, {"momentum": config.momentum}),
        "rmsprop": (optimizers.RMSprop, {}),
    }
    kind, own = kinds[config.optimizer]
    if config.weight_decay is not None:
        own["weight_decay"] = config.weight_decay or None
    if config.optimizer == "adamw" and not own["weight_decay"]:
        kind, own = optimizers.Adam, {}  # Keras' AdamW refuses a decay of 0
    optimizer = kind(learning_rate=config.learning_rate, **own)
    if own.get("weight_decay"):
        optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
    return optimizer


def make_update(
    optimizer: "keras.optimizers.Optimizer", variables: "Sequence[keras.Variable]"
) -> Update:
    """Return a function of gradients and learning rate that updates `variables` in a step.

    Args:
        optimizer: built on these and maybe others.
        variables: to be updated.
    """
    import keras
    import tensorflow as tf

    alone = tf.distribute.get_strategy().num_replicas_in_sync == 1
    if alone and isinstance(optimizer, keras.optimizers.Adam):
        return _fused_adam(optimizer, variables)

    def update(gradients: "Sequence[tf.Tensor]", rate: "tf.Tensor") -> None:
        optimizer.learning_rate.assign(rate)
        optimizer.apply(gradients, variables)

    return update


def _fused_adam(
    optimizer: "keras.optimizers.Adam", variables: "Sequence[keras.Variable]"
) -> Update:
    """Return the update of Keras' Adam or AdamW, with one kernel per variable, not a dozen."""
    import tensorflow as tf

    # In Keras' order: iterations, rate, then a momentum and a velocity for each variable, of which
    # only some may learn.
    places = [2 + 2 * optimizer._get_variable_index(variable) for variable in variables]
    pairs = [(optimizer.variables[place], optimizer.variables[place + 1]) for place in places]
    decay = optimizer.weight_decay

    def update(gradients: "Sequence[tf.Tensor]", rate: "tf.Tensor") -> None:
        optimizer.learning_rate.assign(rate)
        step = tf.cast(optimizer.iterations.value + 1, tf.float32)
        powers = tf.pow(optimizer.beta_1, step), tf.pow(optimizer.beta_2, step)
        for variable, gradient, (momentum, velocity) in zip(
            variables, gradients, pairs, strict=True
        ):
            if decay and variable.name not in NOT_DECAYED:
                variable.value.assign_sub(variable.value * (decay * rate))
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle,
                m=momentum.value.handle,
                v=velocity.value.handle,
                beta1_power=powers[0],
                beta2_power=powers[1],
                lr=rate,
                beta1=optimizer.beta_1,
                beta2=optimizer.beta_2,
                epsilon=optimizer.epsilon,
                grad=gradient,
            )
        optimizer.iterations.assign_add(1)

    return update
