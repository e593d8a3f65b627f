"""Large networks from `keras.applications`, on grey films.

Films of one channel take the place of three equal ones: a first kernel that is summed over its
channels gives the same maps, and no film is copied. Where the authors scale each colour by itself,
grey takes the mean of the three.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

MEAN, DEVIATION = 0.449, 0.226  # of ImageNet's values from 0 to 1, mean over its three colours


@dataclass(frozen=True, kw_only=True)
class Application:
    """A network of `keras.applications`.

    Args:
        function: its name there.
        scale: multiplies a film's grey values, 0 to 1, first.
        offset: is added to them then; both are the authors'.
        options: of the function.
    """

    function: str
    scale: float
    offset: float
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def features(self, films: Any) -> Any:
        """Add its layers and the mean over all places: (n, size, size, 1), 0 to 1, to (n, maps)."""
        from keras import layers

        films = layers.Rescaling(self.scale, offset=self.offset, name="scale")(films)
        base = self._make(input_tensor=films)
        return layers.GlobalAveragePooling2D(name="average")(base.output)

    def of_colours(self, size: int) -> "keras.Model":
        """Return its layers as they are for pictures, scaled, (n, size, size, 3), to maps."""
        return self._make(input_shape=(size, size, 3))

    def _make(self, **shape: Any) -> "keras.Model":
        import keras

        make = getattr(keras.applications, self.function)
        return make(include_top=False, weights=None, **self.options, **shape)


_UNSCALED = MappingProxyType({"include_preprocessing": False})
_SCALE, _OFFSET = 1 / DEVIATION, -MEAN / DEVIATION
APPLICATIONS = {
    "mobilenet_v3": Application(
        function="MobileNetV3Small", scale=2.0, offset=-1.0, options=_UNSCALED
    ),
    "efficientnet_v2": Application(
        function="EfficientNetV2B0", scale=_SCALE, offset=_OFFSET, options=_UNSCALED
    ),
    "densenet121": Application(function="DenseNet121", scale=_SCALE, offset=_OFFSET),
    "densenet169": Application(function="DenseNet169", scale=_SCALE, offset=_OFFSET),
}


def copy_weights(colours: "keras.Model", network: "keras.Model") -> None:
    """Copy the weights of an application of colours to the grey network of `architectures.build`.

    The first kernel is summed over its three channels; layers after the maps stay as they are.
    """
    for layer in colours.layers:
        if values := layer.get_weights():
            own = network.get_layer(layer.name)
            if own.weights[0].shape != values[0].shape:
                values[0] = values[0].sum(axis=2, keepdims=True)
            own.set_weights(values)
