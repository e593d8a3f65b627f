"""Drawing synthetic films: the bone and tissue behind each pixel, exposed and printed.

A `Scene` describes one film in mm. No film drawn here shows a real person.
"""

import numpy as np
from PIL import Image

from fracture_core.anatomy.shapes import Block, Flesh, Scene, Tube
from fracture_core.phantom import bone_layers, exposure

LONG_SIDE = 512  # px, as in MURA
BONE, TISSUE, FAT = 0.052, 0.0105, 0.0066  # attenuation per mm


def limb_grid(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y on the limb of every pixel, float32 `(height, width)` each, in mm."""
    width, height = scene.size
    across = (np.arange(width, dtype=np.float32) - width / 2)[None, :] / np.float32(scene.scale)
    down = (np.arange(height, dtype=np.float32) - height / 2)[:, None] / np.float32(scene.scale)
    turn = np.deg2rad(scene.degrees)
    sine, cosine = np.float32(np.sin(turn)), np.float32(np.cos(turn))
    x, y = across * cosine + down * sine, down * cosine - across * sine
    return (-x if scene.mirrored else x) + np.float32(scene.centre[0]), y + np.float32(
        scene.centre[1]
    )


def to_film(scene: Scene, x: float, y: float) -> tuple[float, float]:
    """Return the pixel of a place on the limb; the inverse of `limb_grid`."""
    turn = np.deg2rad(scene.degrees)
    across, down = x - scene.centre[0], y - scene.centre[1]
    across = -across if scene.mirrored else across
    column = (across * np.cos(turn) - down * np.sin(turn)) * scene.scale + scene.size[0] / 2
    row = (across * np.sin(turn) + down * np.cos(turn)) * scene.scale + scene.size[1] / 2
    return float(column), float(row)


def to_limb(bone: Tube | Flesh, u: float, v: float) -> tuple[float, float]:
    """Return the place (x, y) on the limb of a tube's (u, v)."""
    turn = np.deg2rad(bone.degrees)
    x = bone.place[0] + u * np.sin(turn) + v * np.cos(turn)
    return float(x), float(bone.place[1] + u * np.cos(turn) - v * np.sin(turn))


def draw(scene: Scene) -> Image.Image:
    """Draw the film, mode "L", `scene.size` px."""
    rng = np.random.default_rng(scene.noise)
    x, y = limb_grid(scene)
    sponge = exposure.sponge()
    starts = rng.integers(0, len(sponge), (len(scene.bones), 2))
    bones = np.zeros_like(x)
    for bone, start in zip(scene.bones, starts, strict=True):
        _add_bone(bones, scene, bone, x, y, (sponge, int(start[0]), int(start[1])))
    attenuation = np.float32(BONE) * bones + _tissue(scene, x, y, rng)
    return exposure.print_film(scene, attenuation, rng)


def _add_bone(
    total: np.ndarray,
    scene: Scene,
    bone: Tube | Block,
    x: np.ndarray,
    y: np.ndarray,
    sponge: bone_layers.Sponge,
) -> None:
    """Add one bone to `total`, computed only inside its bounds."""
    window = _window(scene, _corners(bone))
    if not total[window].size:
        return
    if isinstance(bone, Block):
        total[window] += bone_layers.block(bone, x[window], y[window], sponge)
        return
    u, v = bone_layers.grid(
        bone.degrees, x[window] - np.float32(bone.place[0]), y[window] - np.float32(bone.place[1])
    )
    total[window] += bone_layers.tube(bone, u, v, sponge, scene.scale)


def _corners(bone: Tube | Block) -> list[tuple[float, float]]:
    """Return places on the limb around a bone and its fragments."""
    if isinstance(bone, Block):
        xs, ys = zip(*bone.corners, strict=True)
        return [(x, y) for x in (min(xs) - 1, max(xs) + 1) for y in (min(ys) - 1, max(ys) + 1)]
    first, last = bone.rows[0][0], bone.rows[-1][0]
    beside = 5.0 if bone.plate else 0.5
    left, right = min(row[1] for row in bone.rows), max(row[2] for row in bone.rows)
    if fracture := bone.fracture:
        left += min(fracture.near, fracture.far, fracture.wedge, 0) - abs(fracture.along)
        right += max(fracture.near, fracture.far, fracture.wedge, 0) + abs(fracture.along)
    corners = [(u, v) for u in (first, last) for v in (left - beside, right + beside)]
    return [to_limb(bone, u, v) for u, v in corners]


def _window(scene: Scene, places: list[tuple[float, float]]) -> tuple[slice, slice]:
    """Return the rows and columns of the film within places on the limb."""
    xs, ys = zip(*(to_film(scene, x, y) for x, y in places), strict=True)
    return (
        slice(max(0, int(min(ys)) - 1), max(0, int(max(ys)) + 2)),
        slice(max(0, int(min(xs)) - 1), max(0, int(max(xs)) + 2)),
    )


def _tissue(scene: Scene, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the attenuation of the soft tissue: muscle, and fat under the skin."""
    whole, muscle = np.zeros_like(x), np.zeros_like(x)
    for each in scene.flesh:
        window = _window(scene, _flesh_corners(each))
        if whole[window].size:
            for layer, way in zip(
                (whole, muscle), _flesh(each, x[window], y[window], scene.fat), strict=True
            ):
                np.maximum(layer[window], way, out=layer[window])
    muscle = np.minimum(muscle, whole)
    streaks = exposure.clouds(rng, x.shape, (7, 15)) + exposure.clouds(rng, x.shape, (14, 34))
    muscle *= 1 + np.float32(0.03) * streaks
    for pad in scene.pads:
        u, v = bone_layers.grid(pad.degrees, x - np.float32(pad.x), y - np.float32(pad.y))
        near = (u / np.float32(pad.along)) ** 2 + (v / np.float32(pad.across)) ** 2
        share = 1 - np.float32(pad.share) * np.clip(1 - near, 0, 1)
        muscle *= share
        whole *= share
    tissue: np.ndarray = FAT * whole + (TISSUE - FAT) * muscle
    return tissue


def _flesh_corners(flesh: Flesh) -> list[tuple[float, float]]:
    """Return places on the limb around a soft part."""
    wider = 1 + flesh.swelling[2]
    sway = flesh.sway[1]
    left = min(row[1] for row in flesh.rows) * wider + min(sway, 0)
    right = max(row[2] for row in flesh.rows) * wider + max(sway, 0)
    ends = [
        row[0] + (0 if cap else beyond)
        for row, cap, beyond in zip(
            (flesh.rows[0], flesh.rows[-1]), flesh.caps, (-400, 400), strict=True
        )
    ]
    return [to_limb(flesh, u, v) for u in ends for v in (left, right)]


def _flesh(flesh: Flesh, x: np.ndarray, y: np.ndarray, fat: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the way through a part of the limb, and through what is not fat under its skin."""
    u, v = bone_layers.grid(
        flesh.degrees, x - np.float32(flesh.place[0]), y - np.float32(flesh.place[1])
    )
    first, per_mm, (left, right, thickness) = bone_layers.table(flesh.rows)
    at = np.linspace(flesh.rows[0][0], flesh.rows[-1][0], bone_layers.STEPS)
    middle, reach, wider = flesh.swelling
    near = np.exp(-(((at - middle) / reach) ** 2))
    bend, offset = flesh.sway
    away = np.where(
        at < bend, (bend - at) / max(bend - at[0], 1), (at - bend) / max(at[-1] - bend, 1)
    )
    follow = 0.5 + 0.5 * np.cos(np.pi * np.clip(away, 0, 1))
    centre = ((left + right) / 2 + offset * follow).astype(np.float32)
    layer = fat * (1 - 0.7 * min(6 * wider, 1) * near)  # fluid blurs the fat around a break
    index = np.clip((u - np.float32(first)) * np.float32(per_mm), 0, len(at) - 1).astype(np.int32)
    offset_from = v - centre[index]
    inside = np.ones(u.shape, dtype=bool)
    for cap, beyond in zip(flesh.caps, (u < at[0], u > at[-1]), strict=True):
        if cap:
            inside &= ~beyond
    ways = []
    for inset in (0.0, layer):
        factor = _caps(flesh, at, inset)
        half = np.maximum((right - left) / 2 * (1 + wider * near) - inset, 1) * factor
        deep = np.maximum(thickness * (1 + wider * near) - 2 * inset, 0) * factor
        ratio = offset_from / np.maximum(half, 0.01).astype(np.float32)[index]
        way = np.sqrt(np.maximum(1 - ratio * ratio, 0)) * deep.astype(np.float32)[index]
        ways.append(way * inside)
    return ways[0], ways[1]


def _caps(flesh: Flesh, at: np.ndarray, inset: np.ndarray | float) -> np.ndarray:
    """Return the factor, 0 to 1, on width and thickness that rounds off the ends."""
    factor = np.ones_like(at)
    for cap, depth in zip(flesh.caps, (at - at[0] - inset, at[-1] - at - inset), strict=True):
        if cap:
            factor *= np.sqrt(np.clip(1 - np.clip(1 - depth / cap, 0, 1) ** 2, 0, 1))
    return factor
