"""Where on a film a network's answer comes from: Grad-CAM and occlusion, and a score for both.

Grad-CAM asks the network's own gradients and is done in one pass; occlusion covers one place after
the other and reads how the probability moves. Both give a `HeatMap` that says how coarse it is.
"""

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fracture_core.config import PixelRecipe
from fracture_core.errors import ConfigError
from fracture_core.films import images
from fracture_core.models.inference import BLOCK, Predictor
from fracture_core.networks import architectures
from fracture_core.phantom.phantom_set import Break
from fracture_core.verdicts import metrics

CELLS = 16  # of an occlusion map, along each side: 324 films to judge, some tenths of a second
PATCH = 3  # cells; at 32 px a patch of 6 px, about as wide as a break there
BLUR = 0.25  # sides of the patch: standard deviation of the Gauss that hides what is under it


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """What places of a film do for its probability, in square cells.

    Args:
        method: "grad_cam" or "occlusion".
        values: float32 (rows, columns). Grad-CAM: 0 to 1, where 1 is the greatest of this map, and
            all 0 where nothing speaks for a fracture; no unit. Occlusion: -1 to 1, by how much the
            probability falls without this place.
        cell: side of a cell in network px.
        sees: side in network px of the square that one value speaks of, about its cell: the
            receptive field, or the patch that covered it.
        origin: where the first cell begins along both axes, in network px.
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
        """(x, y) in network px of the middle of the cell with the greatest value, the first if
        several share it."""
        row, column = np.unravel_index(np.argmax(self.values), self.values.shape)
        return self.origin + (column + 0.5) * self.cell, self.origin + (row + 0.5) * self.cell


@dataclass(frozen=True, kw_only=True)
class OnFilm:
    """Where a heat map lies on the film itself, in the film's px; parts may lie beyond its edges.

    Args:
        box: (x0, y0, x1, y1) of the map.
        cell: (width, height) of a cell.
        sees: (width, height) of the square that one value speaks of.
        peak: (x, y) of the middle of the greatest cell.
    """

    box: tuple[float, float, float, float]
    cell: tuple[float, float]
    sees: tuple[float, float]
    peak: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Pointing:
    """How often a map's peak lies in a known break ("pointing game", Zhang et al. 2016).

    Args:
        method: of the maps.
        hits: films whose peak lies in a break, of all films with a break.
        chance: share, 0 to 1, that a peak in any cell of the map alike would hit.
        centre: films whose middle lies in a break: what a map gets that always points there.
        positive: as `hits`, of the films that the network calls positive.
    """

    method: str
    hits: metrics.Proportion
    chance: float
    centre: metrics.Proportion
    positive: metrics.Proportion


# --- Grad-CAM -----------------------------------------------------------------------------------


def grad_cam(predictor: Predictor, pixels: np.ndarray, convolution: int | None = None) -> HeatMap:
    """Which places speak for a fracture (Grad-CAM, Selvaraju et al. 2017).

    The maps of a convolution block are weighed by the mean gradient of the logit over each of them
    and summed, and what speaks against is cut off. Where global average pooling and one dense layer
    follow the maps, this is CAM (Zhou et al. 2016) but for a factor.

    Args:
        predictor: the network.
        pixels: one film, uint8 (size, size), as the card's recipe makes it.
        convolution: number of the block, from 1; the last one if left out, which has the coarsest
            cells and sees the most.

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


_kept: "weakref.WeakKeyDictionary[Predictor, dict[int, Callable]]" = weakref.WeakKeyDictionary()


def _compiled(predictor: Predictor, number: int) -> Callable[[np.ndarray], tuple]:
    """One block's Grad-CAM, compiled once: uint8 (1, size, size) to map and probability."""
    known = _kept.setdefault(predictor, {})
    if number not in known:
        known[number] = _compile(
            predictor.network, architectures.blocks(predictor.network)[number - 1]
        )
    return known[number]


def _compile(network: keras.Model, block: keras.Layer) -> Callable[[np.ndarray], tuple]:
    last = network.layers[-1]  # dense, sigmoid: the logit is what it takes the sigmoid of
    both = keras.Model(network.input, [block.output, last.input])
    size = network.input_shape[1]

    @tf.function(input_signature=[tf.TensorSpec((1, size, size), tf.uint8)])
    def compiled(film: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            maps, features = both(tf.cast(film, tf.float32)[..., None], training=False)
            logit = tf.matmul(features, last.kernel.value) + last.bias.value
        weights = tf.reduce_mean(tape.gradient(logit, maps), axis=(1, 2), keepdims=True)
        return tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1))[0], tf.sigmoid(logit)[0, 0]

    return compiled


def _geometry(network: keras.Model, block: keras.Layer) -> tuple[float, float, float]:
    """Where the first cell of a layer's map begins, a cell's side, a value's receptive field; px.

    Araujo et al. (2019), for layers one behind the other.
    """
    middle, jump, field_px = 0.5, 1, 1
    for layer in network.layers[: network.layers.index(block) + 1]:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, stride = layer.kernel_size[0], layer.strides[0]
            reach = (kernel - 1) * layer.dilation_rate[0]
        elif isinstance(layer, keras.layers.MaxPooling2D | keras.layers.AveragePooling2D):
            stride, reach = layer.strides[0], layer.pool_size[0] - 1
        else:
            continue
        before = 0
        if layer.padding == "same":  # as TensorFlow pads: what is odd goes behind
            side = layer.input.shape[1]
            before = max(0, (-(-side // stride) - 1) * stride + reach + 1 - side) // 2
        middle += (reach / 2 - before) * jump
        field_px += reach * jump
        jump *= stride
    return middle - jump / 2, float(jump), float(field_px)


# --- occlusion ----------------------------------------------------------------------------------


def occlusion(
    predictor: Predictor, pixels: np.ndarray, cells: int = CELLS, patch: int = PATCH
) -> HeatMap:
    """By how much the probability falls without each place (Zeiler and Fergus 2014).

    A square patch goes over the film cell by cell. What it covers is blurred (Fong and Vedaldi
    2017) rather than made grey: a grey square on a bone looks like a break itself. A cell's value
    is the mean over all the patches that cover it.

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
    # So that each cell, those at the rim too, is covered by as many patches.
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
    """The film with a patch at each place, a block of films at a time; uint8 (n, size, size)."""
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
    """Those of `METHODS` that can ask this model: Grad-CAM looks into one network."""
    if architectures.blocks(predictor.network):
        return METHODS
    return {"occlusion": occlusion}


# --- on the film --------------------------------------------------------------------------------


def on_film(heat: HeatMap, film: tuple[int, int], recipe: PixelRecipe) -> OnFilm:
    """Where a map lies on a film of this (width, height) in px, as the recipe saw it."""
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
    """The map as a picture of the whole film's shape, to be laid over it; cells keep their edges.

    Args:
        film: the film's (width, height) in px.
        recipe: of the model.
        long_side: px of the picture's longer side.

    Returns:
        float32 (height, width), the map's values; 0 where no cell lies.
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


# --- how well maps point ------------------------------------------------------------------------


def points_into(x: float, y: float, breaks: Iterable[Break]) -> bool:
    """Whether a point of the film, in its px, lies in one of the breaks' boxes."""
    return any(x0 <= x < x1 and y0 <= y < y1 for x0, y0, x1, y1 in (mark.box for mark in breaks))


def chance(
    heat: HeatMap, film: tuple[int, int], recipe: PixelRecipe, breaks: Sequence[Break]
) -> float:
    """The share, 0 to 1, of the map's cells that would point into a break."""
    place = on_film(heat, film, recipe)
    rows, columns = heat.values.shape
    x = place.box[0] + (np.arange(columns) + 0.5) * place.cell[0]
    y = place.box[1] + (np.arange(rows) + 0.5) * place.cell[1]
    return float(np.mean([points_into(a, b, breaks) for b in y for a in x]))


def pointing_game(
    predictor: Predictor,
    root: Path,
    breaks: dict[str, list[Break]],
    explain: Callable[[Predictor, np.ndarray], HeatMap],
) -> Pointing:
    """How often the peak of a film's map lies in its known break (Zhang et al. 2016), no margin.

    Args:
        predictor: the network.
        root: of the phantom.
        breaks: path of a film -> its breaks, see `phantom_set.breaks`; films without are left out.
        explain: makes a film's map, see `METHODS`.

    Raises:
        FilmError: a film cannot be read.
    """
    hits, centre, positive, shares, method = [], [], [], [], ""
    for path, marks in breaks.items():
        if not marks:
            continue
        whole = images.decode(root / path)
        heat = explain(predictor, images.to_pixels(whole, predictor.recipe))
        method = heat.method
        hits.append(points_into(*on_film(heat, whole.size, predictor.recipe).peak, marks))
        centre.append(points_into(whole.width / 2, whole.height / 2, marks))
        shares.append(chance(heat, whole.size, predictor.recipe, marks))
        positive.append(heat.probability > predictor.model.card.threshold)
    called = [hit for hit, yes in zip(hits, positive, strict=True) if yes]
    return Pointing(
        method=method,
        hits=metrics.wilson(sum(hits), len(hits)),
        chance=float(np.mean(shares)) if shares else 0.0,
        centre=metrics.wilson(sum(centre), len(centre)),
        positive=metrics.wilson(sum(called), len(called)),
    )
