"""Large networks from `keras.applications`, on grey films, with new weights.

Each function takes rescaled films, (n, size, size, 1) from 0 to 1, scales them as the network's
authors did, and returns its last maps averaged over all places, (n, maps). A first kernel of one
channel equals one of three that see the same grey value, with the kernel summed over them; so no
film is copied. Where the authors scale each colour by itself, grey takes the mean of the three.
"""

from typing import Any

MEAN, DEVIATION = 0.449, 0.226  # of ImageNet's grey values from 0 to 1, mean over its colours


def mobilenet_v3(films: Any) -> Any:
    """Add MobileNetV3 small (Howard et al. 2019): (n, size, size, 1) to (n, 576)."""
    return _application("MobileNetV3Small", _symmetric(films), include_preprocessing=False)


def efficientnet_v2(films: Any) -> Any:
    """Add EfficientNetV2-B0 (Tan and Le 2021): (n, size, size, 1) to (n, 1280)."""
    return _application("EfficientNetV2B0", _standardized(films), include_preprocessing=False)


def densenet121(films: Any) -> Any:
    """Add DenseNet-121 (Huang et al. 2017): (n, size, size, 1) to (n, 1024)."""
    return _application("DenseNet121", _standardized(films))


def densenet169(films: Any) -> Any:
    """Add DenseNet-169, the MURA paper's: (n, size, size, 1) to (n, 1664)."""
    return _application("DenseNet169", _standardized(films))


def _symmetric(films: Any) -> Any:
    from keras import layers

    return layers.Rescaling(2.0, offset=-1.0, name="scale")(films)


def _standardized(films: Any) -> Any:
    from keras import layers

    return layers.Rescaling(1 / DEVIATION, offset=-MEAN / DEVIATION, name="scale")(films)


def _application(name: str, films: Any, **options: Any) -> Any:
    import keras

    make = getattr(keras.applications, name)
    base = make(include_top=False, weights=None, input_tensor=films, **options)
    return keras.layers.GlobalAveragePooling2D(name="average")(base.output)
