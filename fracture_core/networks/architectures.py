"""Registry of networks: the only place that defines architectures.

Names, sentences and options are plain data; Keras is imported inside the builders. Every network
takes grey films, uint8 or float32 `(n, size, size, 1)` from 0 to 255, and returns the probability
of a positive label, float32 `(n, 1)` from 0 to 1. Its first layer rescales to [0, 1], so that no
caller can forget it.

The convolution block is the report's: convolution 3 x 3 without padding, batch normalization,
ReLU. Only the last block of `five_conv` has ReLU before the normalization, as in its Appendix A.
`all_conv` is mentioned in the report but was not built there: all-convolutional, with a global
average pooling. `residual` and the large networks of `applications` go beyond the report.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fracture_core.config.limits import LIMITS
from fracture_core.config.network_options import OWN, NetworkOptions
from fracture_core.config.record import check_range
from fracture_core.errors import ConfigError
from fracture_core.networks import network_size
from fracture_core.networks.applications import APPLICATIONS
from fracture_core.own_networks import source
from fracture_core.words import short

if TYPE_CHECKING:
    import keras


OUTPUT_ALONE = NetworkOptions(dense=(), dropout=0.0, dense_normalization=False)
KERAS = ("tensorflow", "float32", "float32", "channels_last")  # settings of Keras, see `build`


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Description of a network, available without building it.

    Args:
        name: its identifier.
        title: its name in words.
        sentence: its description in one sentence.
        source: its place in the 2018 report, or the paper that describes it.
        parameters: trained and untrained, with default options at 32 px.
        mega_flop: of training on one film at 32 px: products and sums of convolutions and dense
            layers, forward and backward, in millions.
        smallest: the smallest input in px that leaves a pixel at the end, or that shows a bone.
        options: its defaults.
        features: builds the layers from rescaled input to maps, or to one value per map.
    """

    name: str
    title: str
    sentence: str
    source: str
    parameters: int
    mega_flop: float
    smallest: int
    options: NetworkOptions
    features: Callable[[Any], Any]


def _block(x: Any, filters: int, number: int, relu_first: bool = False, strides: int = 1) -> Any:
    """Add a block of convolution 3 x 3, normalization and ReLU.

    From (n, h, w, c) to (n, h - 2, w - 2, filters), with strides of 2 to half of that.
    """
    from keras import layers

    from fracture_core.networks.layers import BatchNormalization, Conv2D

    relu = layers.ReLU(name=f"relu_{number}")
    norm = BatchNormalization(name=f"norm_{number}")
    x = Conv2D(filters, 3, strides=strides, name=f"conv_{number}")(x)
    return norm(relu(x)) if relu_first else relu(norm(x))


def _pool(x: Any, number: int) -> Any:
    from keras import layers

    return layers.MaxPooling2D(2, name=f"pool_{number}")(x)


def _one_conv(x: Any) -> Any:
    return _pool(_block(x, 32, 1), 1)


def _three_conv(x: Any) -> Any:
    x = _pool(_block(_block(x, 32, 1), 32, 2), 1)
    return _pool(_block(x, 32, 3), 2)


def _five_conv(x: Any) -> Any:
    x = _pool(_block(_block(x, 32, 1), 32, 2), 1)
    x = _pool(_block(_block(x, 64, 3), 64, 4), 2)
    return _pool(_block(x, 32, 5, relu_first=True), 3)


def _all_conv(x: Any) -> Any:
    """Add strided convolutions instead of poolings, then each map's mean: (n, h, w, 1) to (n, 64).

    After Springenberg et al. (2015) and Lin et al. (2014). A dense output of the means equals the
    mean of a 1 x 1 convolution's output.
    """
    from keras import layers

    x = _block(_block(x, 32, 1), 32, 2, strides=2)
    x = _block(_block(x, 64, 3), 64, 4, strides=2)
    return layers.GlobalAveragePooling2D(name="average")(_block(x, 64, 5))


def _residual(x: Any) -> Any:
    """Add three residual blocks with poolings, then each map's maximum: (n, h, w, 1) to (n, 128).

    After He et al. (2016). The maximum over all places keeps a break that a mean would dilute.
    """
    from keras import layers

    x = _pool(_block(x, 32, 1), 1)
    x = _pool(_residual_block(x, 32, 2), 2)
    x = _pool(_residual_block(x, 64, 3), 3)
    return layers.GlobalMaxPooling2D(name="maximum")(_residual_block(x, 128, 4))


def _residual_block(x: Any, filters: int, number: int) -> Any:
    """Add two normalized convolutions to their input: (n, h, w, c) to (n, h, w, filters).

    An input with fewer maps goes through a normalized convolution 1 x 1 first.
    """
    from keras import layers

    from fracture_core.networks.layers import BatchNormalization, Conv2D

    def normalized(x: Any, side: int, name: str) -> Any:
        x = Conv2D(filters, side, padding="same", name=f"conv_{name}")(x)
        return BatchNormalization(name=f"norm_{name}")(x)

    shortcut = x if x.shape[-1] == filters else normalized(x, 1, f"{number}_shortcut")
    x = layers.ReLU(name=f"relu_{number}_a")(normalized(x, 3, f"{number}_a"))
    x = layers.Add(name=f"add_{number}")([normalized(x, 3, f"{number}_b"), shortcut])
    return layers.ReLU(name=f"relu_{number}")(x)


ARCHITECTURES: dict[str, Architecture] = {
    entry.name: entry
    for entry in (
        Architecture(
            name="one_conv",
            title="One convolution",
            sentence="One convolution and a wide dense layer: sees edges and brightness, little "
            "more, and has by far the most parameters.",
            source="2018 report, Results and Analysis, figures 2 and 3",
            parameters=922_305,
            mega_flop=6.6,
            smallest=24,
            options=NetworkOptions(dense=(128,), dropout=0.0, dense_normalization=False),
            features=_one_conv,
        ),
        Architecture(
            name="three_conv",
            title="Three convolutions",
            sentence="Three convolutions with two poolings: sees shapes a few pixels long, and "
            "learns quickly.",
            source="2018 report, Results and Analysis, figures 4 to 8",
            parameters=166_913,
            mega_flop=53.2,
            smallest=24,
            options=NetworkOptions(dense=(128,), dropout=0.0, dense_normalization=False),
            features=_three_conv,
        ),
        Architecture(
            name="five_conv",
            title="Five convolutions",
            sentence="The report's final classifier: the deepest of its three, and the one with "
            "the fewest parameters.",
            source="2018 report, Appendix A, figures 7 and 8",
            parameters=97_409,
            mega_flop=83.5,
            smallest=28,
            options=NetworkOptions(dense=(128, 64), dropout=0.25, dense_normalization=True),
            features=_five_conv,
        ),
        Architecture(
            name="all_conv",
            title="All convolutions",
            sentence="No pooling and no dense layer: convolutions shrink the film themselves, and "
            "the verdict is a weighted mean over all places, which a heat map can show.",
            source="2018 report, Conclusion: mentioned, not built",
            parameters=103_009,
            mega_flop=35.3,
            smallest=24,
            options=OUTPUT_ALONE,
            features=_all_conv,
        ),
        Architecture(
            name="residual",
            title="Residual",
            sentence="Three residual blocks and the maximum over all places: small, and quick to "
            "learn a break that covers few pixels.",
            source="He et al. 2016, Deep residual learning",
            parameters=308_929,
            mega_flop=55.2,
            smallest=24,
            options=OUTPUT_ALONE,
            features=_residual,
        ),
        Architecture(
            name="mobilenet_v3",
            title="MobileNetV3",
            sentence="The small MobileNetV3: 34 normalized layers with little arithmetic, made for "
            "telephones.",
            source="Howard et al. 2019, Searching for MobileNetV3",
            parameters=939_409,
            mega_flop=8.9,
            smallest=32,
            options=OUTPUT_ALONE,
            features=APPLICATIONS["mobilenet_v3"].features,
        ),
        Architecture(
            name="efficientnet_v2",
            title="EfficientNetV2",
            sentence="EfficientNetV2-B0: more accurate on photographs than its size suggests; "
            "skips blocks at random while it learns.",
            source="Tan and Le 2021, EfficientNetV2",
            parameters=5_920_017,
            mega_flop=92.8,
            smallest=32,
            options=OUTPUT_ALONE,
            features=APPLICATIONS["efficientnet_v2"].features,
        ),
        Architecture(
            name="densenet121",
            title="DenseNet-121",
            sentence="DenseNet-121: every layer sees the maps of all before it; common for chest "
            "films.",
            source="Huang et al. 2017, Densely connected networks",
            parameters=7_032_257,
            mega_flop=335.7,
            smallest=32,
            options=OUTPUT_ALONE,
            features=APPLICATIONS["densenet121"].features,
        ),
        Architecture(
            name="densenet169",
            title="DenseNet-169",
            sentence="DenseNet-169, the MURA paper's network, which saw films of 320 px: slow "
            "without a GPU.",
            source="Rajpurkar et al. 2018, MURA",
            parameters=12_638_273,
            mega_flop=400.0,
            smallest=32,
            options=OUTPUT_ALONE,
            features=APPLICATIONS["densenet169"].features,
        ),
    )
}

OWN_ENTRY = Architecture(  # stands beside the registry: each file makes another network
    name=OWN,
    title="Your own",
    sentence="One function in a Python file of yours, which adds the layers between film and "
    "output.",
    source="your file",
    parameters=0,
    mega_flop=0.0,
    smallest=LIMITS.size[0],
    options=OUTPUT_ALONE,
    features=lambda films: films,
)


def find(name: str) -> Architecture:
    """Return the registry's entry of this name, or that of networks of the user's own.

    Raises:
        ConfigError: there is none.
    """
    if name == OWN:
        return OWN_ENTRY
    if name not in ARCHITECTURES:
        names = ", ".join(ARCHITECTURES)
        raise ConfigError(f"No architecture is called {short(name)!r}. Architectures: {names}.")
    return ARCHITECTURES[name]


def resolve(name: str, options: NetworkOptions) -> NetworkOptions:
    """Return `options` with the architecture's defaults where they are `None`."""
    own = find(name).options
    unset = [key for key, value in vars(options).items() if value is None]
    return replace(options, **{key: getattr(own, key) for key in unset})


def check(name: str, size: int, options: NetworkOptions) -> None:
    """Refuse an input that is too small for the network, and a network that is too large.

    Raises:
        ConfigError: the architecture is unknown, `size` in px is too small or too large, or see
            `network_size.check`.
    """
    check_range(f"size for {name}", size, (find(name).smallest, LIMITS.size[1]))
    network_size.check(name, size, options)


def build(name: str, size: int = 32, **options: Any) -> "keras.Model":
    """Build a network with new weights.

    Args:
        name: a name of `ARCHITECTURES`.
        size: side of the input in px.
        **options: fields of `NetworkOptions`; others keep the architecture's defaults.

    Returns:
        A functional model, input (n, size, size, 1) from 0 to 255, output (n, 1) from 0 to 1. The
        initial weights follow `keras.utils.set_random_seed`.

    Raises:
        ConfigError: the name, the size or an option is not allowed, or see `source.apply`.
        ModelError: the network is one's own, and its code is not allowed here.
    """
    chosen = NetworkOptions.from_dict(options)
    check(name, size, chosen)
    chosen = resolve(name, chosen)
    import keras
    from keras import layers

    from fracture_core.networks.layers import BatchNormalization

    _check_keras()
    films = keras.Input((size, size, 1), name="film")
    x = layers.Rescaling(1 / 255, name="rescale")(films)
    x = source.apply(chosen.own, x) if chosen.own else find(name).features(x)
    if len(x.shape) > 2:
        x = layers.Flatten(name="flatten")(x)
    if chosen.dropout and not chosen.dense:
        x = layers.Dropout(chosen.dropout, name="dropout")(x)
    for number, units in enumerate(chosen.dense or (), 1):
        x = layers.Dense(units, activation="relu", name=f"dense_{number}")(x)
        if number == 1 and chosen.dense_normalization:
            x = BatchNormalization(name="norm_dense")(x)
        if number == 1 and chosen.dropout:
            x = layers.Dropout(chosen.dropout, name="dropout")(x)
    probability = layers.Dense(1, activation="sigmoid", name="probability")(x)
    return _with_own_normalization(keras.Model(films, probability, name=name))


def _with_own_normalization(network: "keras.Model") -> "keras.Model":
    """Return a network whose layers of batch normalization are all those of `layers`.

    They are Keras' own but for the kernel, and their averages can be recomputed (see `averages`).
    A network that has no others is returned as it is; else its initial weights are drawn again.
    """
    import keras

    from fracture_core.networks.layers import BatchNormalization

    def own(layer: "keras.Layer") -> "keras.Layer":
        kind = type(layer)
        kind = BatchNormalization if kind is keras.layers.BatchNormalization else kind
        return kind.from_config(layer.get_config())

    if all(type(layer) is not keras.layers.BatchNormalization for layer in network.layers):
        return network
    return keras.models.clone_model(network, clone_function=own)


def _check_keras() -> None:
    """Refuse a Keras that was set otherwise in this process: every number would be another one.

    This package sets it before it is imported (see `fracture_core`), unless Keras came first.
    """
    import keras

    config = keras.config
    policy = config.dtype_policy().name
    settings = (config.backend(), config.floatx(), policy, config.image_data_format())
    if settings != KERAS:
        raise ConfigError(
            f"Keras is set to {', '.join(settings)} in this process; networks need "
            f"{', '.join(KERAS)}. Import fracture_core before keras, and change no setting of it."
        )


def ensemble(members: "Sequence[keras.Model]") -> "keras.Model":
    """Combine networks into one, whose probability of a film is the mean of theirs.

    Args:
        members: of `build`, two or more, all of one input size.
    """
    import keras

    films = keras.Input(members[0].input_shape[1:], name="film")
    each = [
        keras.Model(member.input, member.output, name=f"member_{number}")(films)
        for number, member in enumerate(members, 1)  # two may have the same name
    ]
    mean = keras.layers.Average(name="mean")(each)
    return keras.Model(films, mean, name="ensemble")


def with_penultimate(network: "keras.Model") -> "keras.Model":
    """Return a model of the probability, (n, 1), and of what the output layer receives, (n, d).

    Of an `ensemble` d counts the values of all members.
    """
    import keras

    members = [layer for layer in network.layers if isinstance(layer, keras.Model)]
    if not members:
        return keras.Model(network.input, [network.output, network.layers[-1].input])
    inner = [keras.Model(each.input, each.layers[-1].input) for each in members]
    values = keras.layers.Concatenate()([each(network.input) for each in inner])
    return keras.Model(network.input, [network.output, values])


def blocks(network: "keras.Model") -> list["keras.Layer"]:
    """Return the last layer of each block, in order: its maps after normalization and ReLU.

    A block of a chain begins with each convolution. In a network that branches, a block is all
    that has maps of one size. An `ensemble` has none, only its members do.
    """
    import keras

    if any(isinstance(layer, keras.Model) for layer in network.layers):
        return []
    meets = any(isinstance(layer.input, list) and len(layer.input) > 1 for layer in network.layers)
    return _blocks_by_size(network) if meets else _blocks_of_chain(network)


def _blocks_of_chain(network: "keras.Model") -> list["keras.Layer"]:
    from keras import layers

    same_grid = (
        layers.BatchNormalization,
        layers.ReLU,
        layers.Activation,
        layers.LayerNormalization,
        layers.GroupNormalization,
    )
    ends: list[keras.Layer] = []
    inside = False
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            ends.append(layer)
            inside = True
        elif inside and isinstance(layer, same_grid):
            ends[-1] = layer
        else:
            inside = False
    return ends


def _blocks_by_size(network: "keras.Model") -> list["keras.Layer"]:
    import keras

    ends: dict[int, keras.Layer] = {}
    begun = False
    for layer in _trunk(network):
        begun = begun or isinstance(layer, keras.layers.Conv2D)
        is_map = isinstance(layer, keras.Layer) and len(layer.output.shape) == 4
        if begun and is_map and not isinstance(layer, keras.layers.ZeroPadding2D):
            ends[layer.output.shape[1]] = layer
    return list(ends.values())


def _trunk(network: "keras.Model") -> list[Any]:
    """Return the operations on one way from film to output.

    Where several branches meet it is the way of the largest maps, else of the first branch: not
    through weights of whole maps (squeeze and excitation).
    """
    made_by = {id(each.output): each for each in network.operations}
    way, tensor = [], network.output
    while tensor is not network.input:
        way.append(made_by[id(tensor)])
        inputs = way[-1].input if isinstance(way[-1].input, list) else [way[-1].input]
        tensor = max(inputs, key=lambda each: each.shape[1] if len(each.shape) == 4 else 0)
    return way[::-1]
