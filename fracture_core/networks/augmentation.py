"""Augmentation of training films: drawn with numpy, applied in one resampling by TensorFlow.

The random changes are a function of (seed, pass over the data, position in it), not of the calls,
so that a resumed run draws the same as an uninterrupted one. `preview` applies them without
TensorFlow, for display.
"""

from typing import TYPE_CHECKING

import numpy as np

from fracture_core.config.film_settings import Augmentation

if TYPE_CHECKING:
    import tensorflow as tf

STREAM = 1  # separates these random numbers from the pipeline's of the same seed and pass
WHITE = 255.0  # the full range of grey levels; brightness is a share of it
MIDDLE = WHITE / 2  # contrast does not change this grey level


def draw(augmentation: Augmentation, size: int, count: int, seed: int, number: int) -> np.ndarray:
    """Draw the changes of one pass over the data.

    Args:
        augmentation: the kinds of changes and their ranges.
        size: side of the films in px.
        count: films in the pass.
        seed: the run's.
        number: the pass, from 0.

    Returns:
        float32 (count, 10): rows a0 a1 a2 b0 b1 b2 0 0 that map an output pixel (x, y) to the input
        at (a0 x + a1 y + a2, b0 x + b1 y + b2), as `ImageProjectiveTransformV3` takes them; then
        gain (1 for none) and offset in grey levels (0 for none), see `apply`.
    """
    random = np.random.Generator(np.random.Philox(key=[seed, number * 2 + STREAM]))
    # A fixed count per film, whatever is switched on. Numbers for newer settings come last, so that
    # runs without these settings still draw the same.
    uniform = random.random((count, 5)) * 2 - 1
    later = random.random((count, 5)) * 2 - 1
    changes = np.zeros((count, 10), np.float32)
    linear = _linear(augmentation, uniform, later[:, 2])
    changes[:, [0, 1, 3, 4]] = linear.reshape(count, 4)
    middle = np.full(2, (size - 1) / 2)  # rotation about the film's centre
    move = later[:, :2] * size * augmentation.shift_percent / 100
    changes[:, [2, 5]] = middle - linear @ middle - (linear * move[:, None, :]).sum(-1)
    changes[:, 8] = 1 + later[:, 4] * augmentation.contrast_percent / 100
    changes[:, 9] = later[:, 3] * WHITE * augmentation.brightness_percent / 100
    return changes


def _linear(augmentation: Augmentation, uniform: np.ndarray, upright: np.ndarray) -> np.ndarray:
    """Return rotation, shear, zoom and flips as float64 (count, 2, 2), from output to input."""
    turn = np.deg2rad(uniform[:, 0] * augmentation.rotation_degrees)
    shear = np.deg2rad(uniform[:, 1] * augmentation.shear_degrees)
    zoom = 1 + uniform[:, 2:4] * augmentation.zoom_percent / 100
    zoom[:, 0] *= np.where(augmentation.horizontal_flip & (uniform[:, 4] < 0), -1.0, 1.0)
    zoom[:, 1] *= np.where(augmentation.vertical_flip & (upright < 0), -1.0, 1.0)
    linear = np.empty((len(uniform), 2, 2))
    linear[:, 0, 0] = np.cos(turn) * zoom[:, 0]
    linear[:, 0, 1] = -np.sin(turn + shear) * zoom[:, 1]
    linear[:, 1, 0] = np.sin(turn) * zoom[:, 0]
    linear[:, 1, 1] = np.cos(turn + shear) * zoom[:, 1]
    return linear


def turned(size: int, degrees: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """Return fixed changes: each film rotated about its centre, and mirrored or not.

    Args:
        size: side of the films in px.
        degrees: (n,), counterclockwise on the screen.
        mirrored: bool (n,), left and right exchanged before the rotation.

    Returns:
        float32 (n, 10), as `draw` returns.
    """
    turn, side = np.deg2rad(degrees), np.where(mirrored, -1.0, 1.0)
    linear = np.empty((len(turn), 2, 2))
    linear[:, 0] = np.stack([np.cos(turn) * side, -np.sin(turn) * side], axis=-1)
    linear[:, 1] = np.stack([np.sin(turn), np.cos(turn)], axis=-1)
    return _about_middle(size, linear)


def sheared(size: int, degrees: np.ndarray) -> np.ndarray:
    """Return fixed changes: each film sheared about its centre, as `draw` does.

    Args:
        size: side of the films in px.
        degrees: (n,).

    Returns:
        float32 (n, 10), as `draw` returns.
    """
    shear = np.deg2rad(degrees)
    linear = np.tile(np.eye(2), (len(shear), 1, 1))
    linear[:, 0, 1], linear[:, 1, 1] = -np.sin(shear), np.cos(shear)
    return _about_middle(size, linear)


def _about_middle(size: int, linear: np.ndarray) -> np.ndarray:
    """Return changes by these (n, 2, 2) that keep the film's centre and its grey levels."""
    changes = np.zeros((len(linear), 10), np.float32)
    changes[:, [0, 1, 3, 4]] = linear.reshape(-1, 4)
    middle = np.full(2, (size - 1) / 2)
    changes[:, [2, 5]] = middle - linear @ middle
    changes[:, 8] = 1
    return changes


def apply(films: "tf.Tensor", changes: "tf.Tensor") -> "tf.Tensor":
    """Apply changes to films: one bilinear resampling with extended edges, then grey values.

    A grey value x becomes (x - 127.5) gain + 127.5 + offset, clipped to 0 to 255.

    Args:
        films: float32 (n, size, size, 1), 0 to 255.
        changes: float32 (n, 10) of `draw`.

    Returns:
        float32 (n, size, size, 1), 0 to 255.
    """
    import tensorflow as tf

    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=films,
        transforms=changes[:, :8],
        output_shape=films.shape[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    gain, offset = changes[:, 8, None, None, None], changes[:, 9, None, None, None]
    # In this order a gain of 1 and an offset of 0 change no bit.
    return tf.clip_by_value(moved * gain + (MIDDLE * (1 - gain) + offset), 0.0, WHITE)


def preview(films: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Return the result of `apply` to the nearest grey level, without TensorFlow.

    Args:
        films: uint8 (n, size, size), 0 to 255.
        changes: float32 (n, 10) of `draw`.

    Returns:
        uint8 (n, size, size), 0 to 255.
    """
    last = films.shape[1] - 1
    y, x = np.mgrid[: last + 1, : last + 1].astype(np.float32)
    a0, a1, a2, b0, b1, b2, _, _, gain, offset = changes.T[:, :, None, None]
    column = np.clip(a0 * x + a1 * y + a2, 0, last)  # beyond an edge its last pixel repeats
    row = np.clip(b0 * x + b1 * y + b2, 0, last)
    left, top = column.astype(np.intp), row.astype(np.intp)
    right, below = np.minimum(left + 1, last), np.minimum(top + 1, last)
    along, down = column % 1, row % 1
    film = np.arange(len(films))[:, None, None]
    upper = films[film, top, left] * (1 - along) + films[film, top, right] * along
    lower = films[film, below, left] * (1 - along) + films[film, below, right] * along
    grey = (upper * (1 - down) + lower * down) * gain + (MIDDLE * (1 - gain) + offset)
    pixels: np.ndarray = np.rint(np.clip(grey, 0, WHITE)).astype(np.uint8)
    return pixels
