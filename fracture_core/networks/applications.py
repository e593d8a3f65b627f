"""Large networks from `keras.applications`, on grey films.

Films of one channel take the place of three equal ones: a first kernel that is summed over its
channels gives the same maps, and no film is copied. Where the authors scale each colour by itself,
grey takes the mean of the three.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

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
        import keras

        films = keras.layers.Rescaling(self.scale, offset=self.offset, name="scale")(films)
        make = getattr(keras.applications, self.function)
        base = make(include_top=False, weights=None, input_tensor=films, **self.options)
        return keras.layers.GlobalAveragePooling2D(name="average")(base.output)


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
