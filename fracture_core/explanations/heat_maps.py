"""Heat maps of a film's prediction: Grad-CAM and occlusion.

Grad-CAM uses the network's gradients and takes one pass; occlusion covers one place after the other
and measures the change of the probability. Both return a `HeatMap` with its resolution.
"""

import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from fracture_core.config.film_settings import PixelRecipe
from fracture_core.errors import ConfigError
from fracture_core.films import images
from fracture_core.networks import architectures
from fracture_core.prediction.inference import BLOCK, Predictor

CELLS = 16  # of an occlusion map, along each side: 324 predictions, some tenths of a second
PATCH = 3  # cells; at 32 px a patch of 6 px, about as wide as a break there
BLUR = 0.25  # standard deviation of the Gaussian that hides the covered place, in patch sides


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """Contribution of each place of a film to its probability, in square cells.

    Args:
        method: "grad_cam" or "occlusion".
        values: float32 (rows, columns). Grad-CAM: 0 to 1, where 1 is the maximum of this map, and
            all 0 without evidence of a fracture; no unit. Occlusion: -1 to 1, the decrease of the
            probability without this place.
        cell: side of a cell in network px.
        sees: side in network px of the square that one value depends on, about its cell: the
            receptive field, or the patch that covered it.
        origin: start of the first cell along both axes, in network px.
        probability: of the whole film, 0 to 1.
    """

    method: str
    values: np.ndarray = field(repr=False)
    cell: float
    sees: float
    origin: float
    probability: float

    @property
    def peak(self) -> tuple[float, float]:
        """(x, y) in network px of the centre of the greatest cell, the first of equal ones."""
        row, column = np.unravel_index(np.argmax(self.values), self.values.shape)
        return self.origin + (column + 0.5) * self.cell, self.origin + (row + 0.5) * self.cell


@dataclass(frozen=True, kw_only=True)
class OnFilm:
    """Position of a heat map on the film, in the film's px; parts may lie beyond its edges.

    Args:
        box: (x0, y0, x1, y1) of the map.
        cell: (width, height) of a cell.
        sees: (width, height) of the square that one value depends on.
        peak: (x, y) of the centre of the greatest cell.
    """

    box: tuple[float, float, float, float]
    cell: tuple[float, float]
    sees: tuple[float, float]
    peak: tuple[float, float]


# --- Grad-CAM -----------------------------------------------------------------------------------


def grad_cam(predictor: Predictor, pixels: np.ndarray, convolution: int | None = None) -> HeatMap:
    """Return the evidence of a fracture by place (Grad-CAM, Selvaraju et al. 2017).

    The maps of a convolution block are weighted by the mean gradient of the logit over each of them
    and summed; negative values are set to 0. Where global average pooling and one dense layer
    follow the maps, this is CAM (Zhou et al. 2016) up to a factor.

    Args:
        predictor: the network.
        pixels: one film, uint8 (size, size), as the card's recipe makes it.
        convolution: number of the block, from 1; by default the last one, which has the coarsest
            cells and the largest receptive field.

    Raises:
        ConfigError: the network has no such block.
    """
    ends = architectures.blocks(predictor.network)
    number = len(ends) if convolution is None else convolution
    if not 1 <= number <= len(ends):
        raise ConfigError(
            f"{predictor.network.name} has convolutions 1 to {len(ends)}; received {convolution}."
        )
    values, probability = _compiled(predictor, number)(pixels[None])
    origin, cell, sees = _geometry(predictor.network, ends[number - 1])
    top = float(tf.reduce_max(values))
    return HeatMap(
        method="grad_cam",
        values=(values / top if top > 0 else values).numpy(),
        cell=cell,
        sees=sees,
        origin=origin,
        probability=float(probability),
    )


GradCam = Callable[[np.ndarray], tuple[tf.Tensor, tf.Tensor]]  # a film -> map and probability
_cache: "weakref.WeakKeyDictionary[Predictor, dict[int, GradCam]]" = weakref.WeakKeyDictionary()


def _compiled(predictor: Predictor, number: int) -> GradCam:
    """Return one block's Grad-CAM, compiled once: uint8 (1, size, size) to map and probability."""
    by_block = _cache.setdefault(predictor, {})
    if number not in by_block:
        by_block[number] = _compile(
            predictor.network, architectures.blocks(predictor.network)[number - 1]
        )
    return by_block[number]


def _compile(network: keras.Model, block: keras.Layer) -> GradCam:
    last = network.layers[-1]  # dense with sigmoid: the logit is the sigmoid's argument
    both = keras.Model(network.input, [block.output, last.input])
    size = network.input_shape[1]

    def map_and_probability(film: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            maps, features = both(tf.cast(film, tf.float32)[..., None], training=False)
            logit = tf.matmul(features, last.kernel.value) + last.bias.value
        weights = tf.reduce_mean(tape.gradient(logit, maps), axis=(1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1))[0], tf.sigmoid(logit)[0, 0]

    signature = [tf.TensorSpec((1, size, size), tf.uint8)]
    compiled: GradCam = tf.function(map_and_probability, input_signature=signature)
    return compiled


Geometry = tuple[float, int, int]  # middle of the first cell, cell's side, receptive field; px


def _geometry(network: keras.Model, block: keras.Layer) -> tuple[float, float, float]:
    """Return the start of a layer's first cell, the cell's side, a value's receptive field; px.

    By Araujo et al. (2019). Where branches meet, the widest receptive field counts. Squeeze and
    excitation, by which every value depends a little on the whole film, is left aside.
    """
    of_tensor: dict[int, Geometry] = {id(network.input): (0.5, 1, 1)}
    for layer in network.operations:
        if isinstance(layer, keras.layers.InputLayer | keras.layers.GlobalAveragePooling2D):
            continue
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        several = [of_tensor[id(each)] for each in inputs if id(each) in of_tensor]
        if several:
            before = max(several, key=lambda each: each[2])
            of_tensor[id(layer.output)] = _after(layer, before)
    middle, jump, field_px = of_tensor[id(block.output)]
    return middle - jump / 2, float(jump), float(field_px)


def _after(layer: keras.Layer, geometry: Geometry) -> Geometry:
    """Return the geometry of a layer's output, given that of its input."""
    middle, jump, field_px = geometry
    if isinstance(layer, keras.layers.ZeroPadding2D):
        return middle - layer.padding[0][0] * jump, jump, field_px
    if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
        kernel, stride = layer.kernel_size[0], layer.strides[0]
        reach = (kernel - 1) * layer.dilation_rate[0]
    elif isinstance(layer, keras.layers.MaxPooling2D | keras.layers.AveragePooling2D):
        stride, reach = layer.strides[0], layer.pool_size[0] - 1
    else:
        return geometry
    before = 0
    if layer.padding == "same":  # as TensorFlow pads: the odd pixel comes last
        side = layer.input.shape[1]
        before = max(0, (-(-side // stride) - 1) * stride + reach + 1 - side) // 2
    middle += (reach / 2 - before) * jump
    return middle, jump * stride, field_px + reach * jump


# --- occlusion ----------------------------------------------------------------------------------


def occlusion(
    predictor: Predictor, pixels: np.ndarray, cells: int = CELLS, patch: int = PATCH
) -> HeatMap:
    """Return the decrease of the probability without each place (Zeiler and Fergus 2014).

    A square patch moves over the film cell by cell. The covered place is blurred (Fong and Vedaldi
    2017) rather than grey, since a grey square on a bone looks like a break itself. A cell's value
    is the mean over all patches that cover it.

    Args:
        predictor: the network.
        pixels: one film, uint8 (size, size), as the card's recipe makes it.
        cells: along each side of the map; a cell is never less than a pixel.
        patch: side of the patch in cells.
    """
    size = pixels.shape[0]
    step = max(1, -(-size // cells))
    count = -(-size // step)
    side = patch * step
    # Beyond the edges too, so that all cells are covered by the same number of patches.
    corners = [step * (n - patch + 1) for n in range(count + patch - 1)]
    places = [(top, left) for top in corners for left in corners]
    whole = float(predictor.probabilities(pixels[None])[0])
    covered = np.concatenate(
        [predictor.probabilities(films) for films in _covered(pixels, places, side)]
    )
    drops = (whole - covered).reshape(len(corners), len(corners))
    windows = np.lib.stride_tricks.sliding_window_view(drops, (patch, patch))
    return HeatMap(
        method="occlusion",
        values=windows.mean(axis=(2, 3)).astype(np.float32),
        cell=float(step),
        sees=float(side),
        origin=0.0,
        probability=whole,
    )


def _covered(
    pixels: np.ndarray, places: Sequence[tuple[int, int]], side: int
) -> Iterator[np.ndarray]:
    """Yield the film with a patch at each place, in blocks of films: uint8 (n, size, size)."""
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(pixels.astype(np.float32), BLUR * side, mode="nearest")
    blurred = np.rint(blurred).astype(np.uint8)
    for start in range(0, len(places), BLOCK):
        some = places[start : start + BLOCK]
        films = np.repeat(pixels[None], len(some), axis=0)
        for film, (top, left) in zip(films, some, strict=True):
            patch = np.s_[max(0, top) : top + side, max(0, left) : left + side]
            film[patch] = blurred[patch]
        yield films


METHODS: dict[str, Callable[[Predictor, np.ndarray], HeatMap]] = {
    "grad_cam": grad_cam,
    "occlusion": occlusion,
}


def methods(predictor: Predictor) -> dict[str, Callable[[Predictor, np.ndarray], HeatMap]]:
    """Return those of `METHODS` that work for this model: Grad-CAM needs a single network."""
    if architectures.blocks(predictor.network):
        return METHODS
    return {"occlusion": occlusion}


# --- on the film --------------------------------------------------------------------------------


def on_film(heat: HeatMap, film: tuple[int, int], recipe: PixelRecipe) -> OnFilm:
    """Return a map's position on a film of this (width, height) in px, given the recipe."""
    left, top, width, height = images.placed(film, recipe)
    across, down = film[0] / width, film[1] / height  # film px in a network px
    rows, columns = heat.values.shape
    x, y = heat.peak
    x0, y0 = heat.origin - left, heat.origin - top
    return OnFilm(
        box=(
            x0 * across,
            y0 * down,
            (x0 + columns * heat.cell) * across,
            (y0 + rows * heat.cell) * down,
        ),
        cell=(heat.cell * across, heat.cell * down),
        sees=(heat.sees * across, heat.sees * down),
        peak=((x - left) * across, (y - top) * down),
    )


def overlay(
    heat: HeatMap, film: tuple[int, int], recipe: PixelRecipe, long_side: int = 512
) -> np.ndarray:
    """Return the map as an overlay for the whole film; cells keep their sharp edges.

    Args:
        heat: the map.
        film: the film's (width, height) in px.
        recipe: of the model.
        long_side: px of the picture's longer side.

    Returns:
        float32 (height, width), the map's values; 0 outside its cells.
    """
    place = on_film(heat, film, recipe)
    scale = long_side / max(film)
    width, height = (max(1, round(side * scale)) for side in film)
    x = (np.arange(width) + 0.5) / width * film[0]
    y = (np.arange(height) + 0.5) / height * film[1]
    column = np.floor((x - place.box[0]) / place.cell[0]).astype(int)
    row = np.floor((y - place.box[1]) / place.cell[1]).astype(int)
    rows, columns = heat.values.shape
    inside = ((row >= 0) & (row < rows))[:, None] & ((column >= 0) & (column < columns))[None]
    values = heat.values[np.clip(row, 0, rows - 1)[:, None], np.clip(column, 0, columns - 1)]
    return np.where(inside, values, 0).astype(np.float32)
