"""Size of a network before it is built: parameters, memory for training, and a batch that fits.

The arithmetic of `architectures` without Keras, so that a card or a setting too large for any
machine is refused early. A test builds every network and compares.
"""

import dataclasses
import math
from dataclasses import dataclass

from fracture_core.config.limits import LIMITS
from fracture_core.config.network_options import OWN, NetworkOptions
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError

FLOAT = 4  # bytes of a float32
SLOTS = {  # values that an optimizer stores for each parameter
    "adam": 2,
    "adamw": 2,
    "adagrad": 1,
    "sgd": 1,
    "rmsprop": 1,
}
KEPT_BYTES = 2**30  # of maps between two layers, while averages are recomputed
PIXEL_BYTES = 128  # of these maps per pixel of a film: small networks begin with 32 of float32
PROCESS_BYTES = 800_000_000  # of a child with TensorFlow that trains a tiny network


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A network's blocks and dense layers.

    Args:
        blocks: for each convolution 3 x 3: its maps, its strides, and whether a pooling by 2
            follows.
        average: whether global average pooling follows the blocks.
        dense: units of its default dense layers.
        dense_normalization: whether the first of these is normalized.
    """

    blocks: tuple[tuple[int, int, bool], ...]
    dense: tuple[int, ...]
    average: bool = False
    dense_normalization: bool = False


@dataclass(frozen=True, kw_only=True)
class FixedShape:
    """A network whose layers before the dense ones do not depend on the size of the films.

    Args:
        parameters: of these layers, trained and untrained.
        maps: that they end in, each of them one value.
        values: outputs of these layers for each pixel of a film, at 32 px; fewer for most others.
        dense: units of its default dense layers.
        dense_normalization: whether the first of these is normalized.
    """

    parameters: int
    maps: int
    values: int
    dense: tuple[int, ...] = ()
    dense_normalization: bool = False


SHAPES: dict[str, Shape | FixedShape] = {
    "one_conv": Shape(blocks=((32, 1, True),), dense=(128,)),
    "three_conv": Shape(blocks=((32, 1, False), (32, 1, True), (32, 1, True)), dense=(128,)),
    "five_conv": Shape(
        blocks=((32, 1, False), (32, 1, True), (64, 1, False), (64, 1, True), (32, 1, True)),
        dense=(128, 64),
        dense_normalization=True,
    ),
    "all_conv": Shape(
        blocks=((32, 1, False), (32, 2, False), (64, 1, False), (64, 2, False), (64, 1, False)),
        dense=(),
        average=True,
    ),
    "residual": FixedShape(parameters=308_800, maps=128, values=217),
    "mobilenet_v3": FixedShape(parameters=938_832, maps=576, values=122),
    "efficientnet_v2": FixedShape(parameters=5_918_736, maps=1280, values=356),
    "densenet121": FixedShape(parameters=7_031_232, maps=1024, values=998),
    "densenet169": FixedShape(parameters=12_636_608, maps=1664, values=1202),
}


@dataclass(frozen=True, kw_only=True)
class Size:
    """Size of a network.

    Args:
        parameters: trained and untrained.
        values: outputs of all layers for one film.
    """

    parameters: int
    values: int


def of(name: str, size: int, options: NetworkOptions) -> Size:
    """Return the size of a network.

    Args:
        name: of the architecture.
        size: side of its input in px.
        options: its variants; a field of `None` keeps the architecture's default.

    Raises:
        ConfigError: the architecture is unknown, or the input too small for it; or see `_shape`.
    """
    shape = _shape(name, size, options)
    parameters, values, width = _before_dense(name, shape, size)
    dense = shape.dense if options.dense is None else options.dense
    normalized = options.dense_normalization
    if normalized is None:
        normalized = shape.dense_normalization
    for number, units in enumerate((*dense, 1)):
        parameters += width * units + units
        values += 2 * units
        if number == 0 and normalized and dense:
            parameters += 4 * units
        width = units
    return Size(parameters=parameters, values=values)


def _shape(name: str, size: int, options: NetworkOptions) -> Shape | FixedShape:
    """Return a network's shape; of one's own, that of its check.

    Raises:
        ConfigError: the architecture is unknown, it and the file of one's own contradict each
            other, or that file was checked at another size.
    """
    own = options.own
    if name == OWN and own is None:
        raise ConfigError(
            f"The architecture {OWN!r} is a file of your own. Name it: --network-file FILE."
        )
    if own is None:
        if name not in SHAPES:
            raise ConfigError(
                f"No architecture is called {name!r}. It is one of {', '.join(SHAPES)}."
            )
        return SHAPES[name]
    if name != OWN:
        raise ConfigError(
            f"{own.file} takes the place of an architecture, and cannot stand beside {name}. "
            "Choose one of them."
        )
    if own.size != size:
        raise ConfigError(
            f"{own.file} was checked for films of {own.size} px; received {size} px. Name the "
            "file again, so that it is checked for these."
        )
    values = -(-own.values // size**2)
    return FixedShape(parameters=own.parameters, maps=own.width, values=values)


def _before_dense(name: str, shape: Shape | FixedShape, size: int) -> tuple[int, int, int]:
    """Return parameters and outputs of the layers before the dense ones, and what these receive.

    Raises:
        ConfigError: the input is too small.
    """
    if isinstance(shape, FixedShape):
        return shape.parameters, shape.values * size**2, shape.maps
    side, maps, parameters, values = size, 1, 0, size * size
    for filters, strides, pooled in shape.blocks:
        parameters += 9 * maps * filters + filters + 4 * filters
        side, maps = (side - 3) // strides + 1, filters
        values += 3 * side * side * filters  # convolution, normalization, ReLU
        if pooled:
            side //= 2
            values += side * side * filters
        if side < 1:
            raise ConfigError(f"{size} px are too small for {name}. Choose a larger size.")
    return parameters, values, maps if shape.average else side * side * maps


def check(name: str, size: int, options: NetworkOptions) -> None:
    """Refuse a network that is too large to be built.

    Raises:
        ConfigError: it has more parameters than `LIMITS.parameters`; or as `of`.
    """
    parameters = of(name, size, options).parameters
    if parameters > LIMITS.parameters:
        raise ConfigError(
            f"A network may have {LIMITS.parameters / 1e6:,.0f} million parameters; {name} at "
            f"{size} px with these dense layers has {parameters / 1e6:,.0f} million. Choose "
            "smaller films or fewer units."
        )


def training_bytes(config: TrainConfig) -> int:
    """Estimate the peak memory of training.

    The sum of: the process itself, `PROCESS_BYTES`; each parameter as a float32 with its gradient,
    the optimizer's `SLOTS`, its average if there is one, and two copies while it is created or
    replaced; and for each film of a
    batch every layer output with its gradient. That is P + 4 p (4 + s) + 4 b 2 v bytes, where p is
    the parameters, s the slots, b the batch and v the values of `of`. If they take more than the
    films, the maps kept while averages are recomputed count instead of these.
    """
    size = of(config.architecture, config.recipe.size, config.options)
    averaged = 1 if config.weight_average else 0
    weights = FLOAT * size.parameters * (4 + SLOTS[config.optimizer] + averaged)
    batch = config.batch_size * (2 if config.study_pooling else 1)  # see `study_batches`
    films = FLOAT * batch * 2 * size.values
    kept = 0
    if config.normalization == "recomputed":
        kept = PIXEL_BYTES * config.normalization_films * config.recipe.size**2
    return math.ceil(PROCESS_BYTES + weights + max(films, min(KEPT_BYTES, kept)))


def memory_warning(config: TrainConfig, free: int | None) -> str:
    """Return a warning before a run that may not fit into memory, with a batch size that does.

    Args:
        config: of the run.
        free: bytes that it may use; `None` if unknown.

    Returns:
        Sentences; "" for a run that fits.
    """
    needed = training_bytes(config)
    if free is None or needed <= free:
        return ""
    batch = fitting_batch(config, free)
    return (
        f"This run may need about {needed / 1e9:,.1f} GB of memory, estimated from its network, "
        f"size, batch and optimizer; {free / 1e9:,.1f} GB are free here. The system may end it. "
        + (
            f"Batches of up to {batch:,} films fit."
            if batch
            else "Not even a batch of one film fits: choose smaller films or another network."
        )
    )


def fitting_batch(config: TrainConfig, free: int) -> int:
    """Return the largest batch size up to the config's with which it fits into `free` bytes; or 0.

    It is a power of two where it is smaller than the config's.
    """
    batch = config.batch_size
    while batch and training_bytes(dataclasses.replace(config, batch_size=batch)) > free:
        batch = 0 if batch == 1 else 2 ** ((batch - 1).bit_length() - 1)
    return batch
