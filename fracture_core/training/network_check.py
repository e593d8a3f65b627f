"""Check of a network of the user's own, before a run is made: built and trained for one step.

Its code runs in a child process, so that neither a page nor a command ends with it.
"""

import dataclasses
import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from fracture_core.config.network_options import OWN, OwnNetwork
from fracture_core.errors import ConfigError, FractureError, ModelError
from fracture_core.jobs import child_process
from fracture_core.networks import architectures
from fracture_core.own_networks import source

if TYPE_CHECKING:
    import keras

SECONDS = 300.0  # of a check; loading TensorFlow and building a large network take up to 60
MARK = "own network: "  # begins the child's last line, after what the file itself prints
FILMS = 4  # of the step: no kernel takes an empty half of a batch


def checked(file: str, text: str, size: int) -> OwnNetwork:
    """Return the network in a file of the user's own, with its measures; runs its code.

    Args:
        file: the file's name.
        text: its content, which is allowed here; see `allowed.allow`.
        size: side of the input in px.

    Raises:
        ConfigError: it makes no network that can be trained; a sentence with the line.
        ModelError: the check came to no result, which may lie in the machine.
    """
    own = OwnNetwork.of_text(file, text, size)
    words = [sys.executable, "-m", "fracture_core.cli.child", "network", "--", file, str(size)]
    try:
        process = subprocess.run(
            words,
            input=text,
            env=child_process.environment() | {"PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(
            f"{file} must make its network within {SECONDS:g} s; it did not. Make it simpler, or "
            "try again while less runs."
        ) from error
    lines = [line for line in process.stdout.splitlines() if line.startswith(MARK)]
    if not lines:
        last = (process.stderr.strip().splitlines() or ["no message"])[-1]
        raise ModelError(
            f"The check of {file} ended before its result (exit status {process.returncode}): "
            f"{last[:300].rstrip('.')}. Correct the file, or try again while less runs."
        )
    facts = json.loads(lines[-1].removeprefix(MARK))
    if "error" in facts:
        raise ConfigError(facts["error"])
    return dataclasses.replace(own, **facts)


def print_facts(file: str, text: str, size: int) -> None:
    """Check a network and print its measures, or the sentence of an error; the child's side."""
    own = OwnNetwork.of_text(file, text, size)
    try:
        facts: dict[str, Any] = measures(own)
    except FractureError as error:
        facts = {"error": str(error)}
    print(f"\n{MARK}{json.dumps(facts)}", flush=True)


def measures(own: OwnNetwork) -> dict[str, Any]:
    """Return the measures of a network that can be trained.

    Raises:
        ConfigError: it cannot.
    """
    network = architectures.build(OWN, own.size, own=own.to_dict())
    _check_layers(own, network)
    _check_step(own, network)
    output = network.layers[-1]
    return {
        "parameters": network.count_params() - output.count_params(),
        "width": output.input.shape[-1],
        "values": max(1, sum(_values(layer) for layer in network.layers[1:-1])),
        "mega_flop": sum(_flop(layer) for layer in network.layers) / 1e6,
    }


def _values(layer: "keras.Layer") -> int:
    """Return the number of a layer's outputs for one film."""
    import keras

    return sum(math.prod(each.shape[1:]) for each in keras.tree.flatten(layer.output))


def _flop(layer: "keras.Layer") -> float:
    """Return the products and sums of training a layer on one film, forward and backward.

    Of each kernel at each place: 2 forward, 2 for its gradient, 2 for that of its inputs.
    """
    import keras

    shape = keras.tree.flatten(layer.output)[0].shape
    places = math.prod(shape[1:-1]) if len(shape) == 4 else 1
    kernels = [math.prod(w.shape) for w in layer.trainable_weights if len(w.shape) > 1]
    return float(6 * places * sum(kernels))


def _check_layers(own: OwnNetwork, network: "keras.Model") -> None:
    """Refuse layers that heat maps, averages or exports cannot deal with.

    Raises:
        ConfigError: says which.
    """
    import keras

    for layer in network.layers:
        where = f"{own.file}: the layer {layer.name!r} ({type(layer).__name__})"
        if isinstance(layer, keras.Model):
            raise ConfigError(
                f"{where} is a model inside the network, into which heat maps cannot look. Call "
                "its layers on the films, as keras.applications do with input_tensor=films."
            )
        if len(layer._inbound_nodes) > 1:
            raise ConfigError(f"{where} is used twice; heat maps need each layer used once.")
        if isinstance(layer, keras.layers.BatchNormalization) and layer.axis not in (
            -1,
            len(layer.output.shape) - 1,
        ):
            raise ConfigError(f"{where} must normalize over the last axis.")
        try:
            type(layer).from_config(layer.get_config())
        except Exception as error:
            raise ConfigError(
                f"{where} cannot be made again from its settings ({source.said_by(error)}). Give "
                "it a get_config that returns the arguments of its __init__, beside those of Keras."
            ) from error
    if not architectures.blocks(network):
        raise ConfigError(
            f"{own.file} needs a keras.layers.Conv2D: heat maps and the pictures of learned "
            f"filters rest on it."
        )


def _check_step(own: OwnNetwork, network: "keras.Model") -> None:
    """Refuse a network whose layers fail in training or give no finite probability.

    Raises:
        ConfigError: says why.
    """
    import numpy as np
    import tensorflow as tf

    random = np.random.default_rng(0)
    films = random.integers(0, 256, (FILMS, own.size, own.size, 1)).astype(np.float32)

    def step() -> tuple[tf.Tensor, list[tf.Tensor | None]]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(network(films, training=True))
        network(films, training=False)
        return loss, tape.gradient(loss, network.trainable_variables)

    try:
        loss, gradients = tf.function(step)()
    except Exception as error:
        raise source.error_of(own, error) from error
    if not np.isfinite(loss):
        raise ConfigError(f"{own.file} must give finite numbers on films from 0 to 1; it does not.")
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        if gradient is None:
            raise ConfigError(
                f"{own.file}: the weights {variable.path} do not influence the output, so they "
                "cannot be trained. Use them, or make them untrained (trainable=False)."
            )
