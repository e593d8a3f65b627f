"""From attenuation to a film: tone, scatter, grain, marker and collimation, and textures."""

from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fracture_core.anatomy.shapes import Scene

SPONGE = 512  # side of the texture of spongy bone, a power of two; 4 per mm


def print_film(scene: Scene, attenuation: np.ndarray, rng: np.random.Generator) -> Image.Image:
    """Return the film of this attenuation, mode "L"."""
    from scipy.ndimage import gaussian_filter

    window = np.percentile(attenuation[::8, ::8], 98.5)
    dose = attenuation * np.float32(scene.exposure / max(float(window), 0.2))
    dose -= np.float32(0.3) * wide_blur(dose)
    dose += np.float32(0.5) * (dose - gaussian_filter(dose, 3.0))
    dose = gaussian_filter(dose, scene.blur)
    light = np.maximum(1 - np.exp(np.float32(-1.9) * np.maximum(dose, 0)), 0)
    light **= np.float32(scene.contrast)
    light *= 1 + np.float32(0.03) * clouds(rng, light.shape, (3, 3))
    air = 13 + 5 * clouds(rng, light.shape, (2, 3))
    grey = np.clip(air, 6, 24) + np.float32(246) * light
    if scene.marker:
        grey = np.maximum(grey, _marker(scene.size, _quiet_corners(attenuation), *scene.marker))
    grain = gaussian_filter(rng.standard_normal(light.shape, dtype=np.float32), 0.6)
    grey += grain * np.float32(scene.grain * 2.1)
    if scene.collimation:
        grey = 3 + (grey - 3) * field(scene.size, *scene.collimation)
    return Image.fromarray(np.clip(grey + 0.5, 0, 255).astype(np.uint8))


@cache
def sponge() -> np.ndarray:
    """Return the density of spongy bone, float32 around 1: beams along the bone, and patches.

    It repeats in both directions, and is the same for all films, which see other places of it.
    """
    from scipy.ndimage import gaussian_filter

    white = np.random.default_rng(0).standard_normal((SPONGE, SPONGE), dtype=np.float32)

    def soft(along: float, across: float) -> np.ndarray:
        blurred = gaussian_filter(white, (along, across), mode="wrap")
        return np.asarray(blurred / blurred.std())

    beams = soft(7.0, 1.1) + 0.5 * soft(1.2, 5.0) - 0.5 * soft(12.0, 8.0)
    density: np.ndarray = 1 + 0.15 / beams.std() * beams + 0.07 * soft(22.0, 16.0)
    return density.astype(np.float32)


def clouds(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """Return a smooth random field, float32, about -2 to 2, of these cells along and across."""
    coarse = rng.standard_normal(cells, dtype=np.float32)
    film = Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BICUBIC)
    return np.asarray(film)


def wide_blur(light: np.ndarray) -> np.ndarray:
    """Return the film blurred over about a tenth of its side."""
    from scipy.ndimage import gaussian_filter

    height, width = light.shape
    small = Image.fromarray(light).resize((width // 8, height // 8), Image.Resampling.BOX)
    soft = Image.fromarray(gaussian_filter(np.asarray(small), 6))
    return np.asarray(soft.resize((width, height), Image.Resampling.BICUBIC))


def _quiet_corners(attenuation: np.ndarray) -> list[tuple[float, float, float]]:
    """Return share of tissue, x and y, as shares of the sides, of places for a marker."""
    height, width = attenuation.shape
    corners = []
    for x in (0.13, 0.87):
        for y in (0.12, 0.5, 0.88):
            rows = slice(int((y - 0.08) * height), int((y + 0.08) * height))
            columns = slice(int((x - 0.1) * width), int((x + 0.1) * width))
            corners.append((float((attenuation[rows, columns] > 0.03).mean()), x, y))
    return corners


def _marker(
    size: tuple[int, int],
    corners: list[tuple[float, float, float]],
    letter: str,
    height: int,
    degrees: float,
    order: tuple[int, ...],
) -> np.ndarray:
    """Return the film of a lead letter, in the first corner of `order` that is empty."""
    _, x, y = min((corners[index] for index in order), key=lambda corner: corner[0])
    stamp = Image.new("L", (2 * height, 2 * height))
    pen, font = ImageDraw.Draw(stamp), ImageFont.load_default(height)
    pen.text((height, height), letter, fill=238, font=font, anchor="mm", stroke_width=1)
    if order[0] % 3 == 0:  # some letters are framed by a wire
        inset = height * 0.28
        pen.rectangle((inset, inset, 2 * height - inset, 2 * height - inset), outline=200, width=2)
    stamp = stamp.rotate(degrees, Image.Resampling.BICUBIC)
    film = Image.new("L", size)
    film.paste(stamp, (int(x * size[0]) - height, int(y * size[1]) - height))
    return np.asarray(film, dtype=np.float32)


def field(
    size: tuple[int, int], left: float, top: float, right: float, bottom: float, degrees: float
) -> np.ndarray:
    """Return 1 inside the exposed field, 0 outside, with an edge of a few px."""
    width, height = size
    turn = np.float32(np.deg2rad(degrees))
    x = (np.arange(width, dtype=np.float32) - width / 2)[None, :]
    y = (np.arange(height, dtype=np.float32) - height / 2)[:, None]
    across = x * np.cos(turn) + y * np.sin(turn) + width / 2
    along = y * np.cos(turn) - x * np.sin(turn) + height / 2
    edge = np.minimum(
        np.minimum(across - left, right - across), np.minimum(along - top, bottom - along)
    )
    exposed: np.ndarray = np.clip(edge / 3 + 0.5, 0, 1)
    return exposed
