"""Random changes of training films: drawn with numpy, applied in one resampling by TensorFlow.

What is drawn is a function of (seed, pass over the data, position in it), never of how often it
was asked for, so that a resumed run draws what its untouched twin drew.
"""

from typing import TYPE_CHECKING

import numpy as np

from fracture_core.config import Augmentation

if TYPE_CHECKING:
    import tensorflow as tf

STREAM = 1  # tells this module's random numbers from the pipeline's, which share seed and pass


def draw(augmentation: Augmentation, size: int, count: int, seed: int, number: int) -> np.ndarray:
    """The transformations of one pass over the data.

    Args:
        size: side of the films in px.
        count: films in the pass.
        seed: the run's.
        number: the pass, from 0.

    Returns:
        float32 (count, 8): rows a0 a1 a2 b0 b1 b2 0 0 that map an output pixel (x, y) to the input
        at (a0 x + a1 y + a2, b0 x + b1 y + b2), as `ImageProjectiveTransformV3` takes them.
    """
    random = np.random.Generator(np.random.Philox(key=[seed, number * 2 + STREAM]))
    uniform = random.random((count, 5)) * 2 - 1  # a fixed number a film, whatever is switched on
    turn = np.deg2rad(uniform[:, 0] * augmentation.rotation_degrees)
    shear = np.deg2rad(uniform[:, 1] * augmentation.shear_degrees)
    zoom = 1 + uniform[:, 2:4] * augmentation.zoom_percent / 100
    mirror = np.where(augmentation.horizontal_flip & (uniform[:, 4] < 0), -1.0, 1.0)
    linear = np.empty((count, 2, 2))
    linear[:, 0, 0] = np.cos(turn) * zoom[:, 0] * mirror
    linear[:, 0, 1] = -np.sin(turn + shear) * zoom[:, 1]
    linear[:, 1, 0] = np.sin(turn) * zoom[:, 0] * mirror
    linear[:, 1, 1] = np.cos(turn + shear) * zoom[:, 1]
    centre = np.full(2, (size - 1) / 2)  # the film turns about its middle
    shift = centre - linear @ centre
    rows = np.zeros((count, 8), np.float32)
    rows[:, [0, 1, 3, 4]] = linear.reshape(count, 4)
    rows[:, [2, 5]] = shift
    return rows


def apply(films: "tf.Tensor", transforms: "tf.Tensor") -> "tf.Tensor":
    """Films changed by these transformations, bilinear, edges continued outwards.

    Args:
        films: float32 (n, size, size, 1), 0 to 255.
        transforms: float32 (n, 8) of `draw`.

    Returns:
        float32 (n, size, size, 1), 0 to 255.
    """
    import tensorflow as tf

    return tf.raw_ops.ImageProjectiveTransformV3(
        images=films,
        transforms=transforms,
        output_shape=tf.shape(films)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
