"""Drawing synthetic films: bones as hollow tubes and shells, with x-rays through them.

A `Scene` describes one film, in the limb's coordinates of `anatomy`. `draw` sums up the bone and
tissue behind each pixel and turns it into grey, with scatter, blur and grain. No film drawn here
shows a real person.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fracture_core.phantom.anatomy import Bone, Flesh, Fracture, Joint, Line, Plate, Shell, Tube

LONG_SIDE = 512  # px, as in MURA
FIRST_U, LAST_U, STEP_U = -80.0, 180.0, 0.05  # reach and step of the tables along a limb
EDGE = 7.0  # px per unit, roughly: edges are one px soft
FRAGMENT = 42.0  # distance from the break beyond which a fragment has its normal place


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Content of one film.

    Args:
        size: width and height in px.
        scale: px per unit of u or v.
        centre: (u, v) in the middle of the film.
        degrees: turn of the limb.
        mirrored: a left limb.
        bones: the bones; where they overlap they add up.
        flesh: outlines of the soft parts, which melt into one.
        fat: thickness of the layer under the skin.
        marker: letter, (x, y) in px, height in px, turn in degrees; or None.
        collimation: (left, top, right, bottom, degrees) of the exposed field, in px.
        exposure: factor on all attenuation.
        contrast: exponent of the tone curve.
        grain: standard deviation of the noise in grey levels.
        blur: in px.
        noise: seed of texture and grain.
    """

    size: tuple[int, int]
    scale: float
    centre: tuple[float, float]
    degrees: float
    mirrored: bool
    bones: tuple[Bone, ...]
    flesh: tuple[Flesh, ...]
    fat: float
    marker: tuple[str, tuple[float, float], int, float] | None
    collimation: tuple[float, float, float, float, float] | None
    exposure: float
    contrast: float
    grain: float
    blur: float
    noise: tuple[int, ...]


def limb_grid(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Return u and v of every pixel, float32 `(height, width)` each."""
    width, height = scene.size
    x = (np.arange(width, dtype=np.float32) - width / 2)[None, :] / scene.scale
    y = (np.arange(height, dtype=np.float32) - height / 2)[:, None] / scene.scale
    turn = np.float32(np.deg2rad(scene.degrees))
    u = y * np.cos(turn) - x * np.sin(turn) + np.float32(scene.centre[0])
    across = x * np.cos(turn) + y * np.sin(turn)
    return u, (-across if scene.mirrored else across) + np.float32(scene.centre[1])


def to_film(scene: Scene, u: float, v: float) -> tuple[float, float]:
    """Return the pixel (x, y) of a place on the limb; the inverse of `limb_grid`."""
    turn = np.deg2rad(scene.degrees)
    along, across = u - scene.centre[0], v - scene.centre[1]
    across = -across if scene.mirrored else across
    x = (across * np.cos(turn) - along * np.sin(turn)) * scene.scale + scene.size[0] / 2
    y = (across * np.sin(turn) + along * np.cos(turn)) * scene.scale + scene.size[1] / 2
    return float(x), float(y)


def draw(scene: Scene) -> Image.Image:
    """Draw the film, mode "L", `scene.size` px."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(scene.noise)
    u, v = limb_grid(scene)
    sponge = _sponge(rng, u.shape)
    bone = np.zeros_like(u)
    for each in scene.bones:
        _add_bone(bone, scene, each, u, v, sponge)
    tissue = _tissue(scene, 0.0, u, v) + _tissue(scene, scene.fat, u, v)
    tissue *= 1 + 0.045 * _clouds(rng, u.shape, (6, 16))
    attenuation = scene.exposure * (0.0115 * tissue + 0.21 * bone)
    light = (1 - np.exp(-attenuation)) ** np.float32(scene.contrast)
    light = 0.94 * light + 0.06 * _wide_blur(light)
    light *= 1 + 0.04 * _clouds(rng, u.shape, (3, 3))
    grey = 9 + 236 * gaussian_filter(light, scene.blur)
    if scene.marker:
        grey = np.maximum(grey, _marker(scene.size, *scene.marker))
    grain = gaussian_filter(rng.standard_normal(u.shape, dtype=np.float32), 0.6)
    grey += grain * (scene.grain * 2.1)
    if scene.collimation:
        grey = 3 + (grey - 3) * _field(scene.size, *scene.collimation)
    return Image.fromarray(np.clip(grey + 0.5, 0, 255).astype(np.uint8))


def _bent(u: np.ndarray, v: np.ndarray, joint: Joint | None) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates in which the limb beyond the joint is straight."""
    if joint is None:
        return u, v
    turn = np.float32(np.deg2rad(joint.degrees))
    along, across = u - np.float32(joint.u), v - np.float32(joint.v)
    return (
        along * np.cos(turn) + across * np.sin(turn) + np.float32(joint.u),
        across * np.cos(turn) - along * np.sin(turn) + np.float32(joint.v),
    )


def _add_bone(
    total: np.ndarray, scene: Scene, bone: Bone, u: np.ndarray, v: np.ndarray, sponge: np.ndarray
) -> None:
    """Add one bone to `total`, computed only inside its bounds.

    Its outside is the union of its parts' outsides, its hollow that of their hollows.
    """
    solid, hollow = np.zeros_like(total), np.zeros_like(total)
    first = bone.parts[0]
    fracture = first.fracture if isinstance(first, Tube) else None
    for part in bone.parts:
        place = _window(scene, bone.joint, _reach(part, fracture))
        if not solid[place].size:
            continue
        along, across = _bent(u[place], v[place], bone.joint)
        if isinstance(part, Tube):
            layers = _tube(part, along, across, sponge[place])
        else:
            if fracture:
                across = across - _moved(fracture, along, part.u > fracture.u)
            layers = _shell(part, along, across, sponge[place])
        for total_layer, layer in zip((solid, hollow), layers, strict=True):
            np.maximum(total_layer[place], layer, out=total_layer[place])
    total += np.maximum(solid - hollow, 0)


def _tissue(scene: Scene, inset: float, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the soft tissue behind every pixel, deeper than `inset` under the skin."""
    depths = [_outline(each.tube, *_bent(u, v, each.joint), inset) for each in scene.flesh]
    tissue: np.ndarray = np.maximum.reduce(depths)
    return tissue


def _reach(part: Tube | Shell, fracture: Fracture | None) -> tuple[float, float, float, float]:
    """Return bounds of a part with its fragments: first and last u, lowest and highest v."""
    moved = (0.0, fracture.kink, fracture.kink + fracture.shift) if fracture else (0.0,)
    if isinstance(part, Shell):
        far = 1.1 * max(part.along, part.across)
        return part.u - far, part.u + far, part.v - far + min(moved), part.v + far + max(moved)
    rows = np.asarray(part.rows)
    beside = 2.0 if part.plate else 0.0
    low = (rows[:, 1] - rows[:, 2]).min() + min(moved) - beside
    high = (rows[:, 1] + rows[:, 3]).max() + max(moved) + beside
    open_ends = [0.0 if cap else 99.0 for cap in part.caps]
    return rows[0, 0] - open_ends[0], rows[-1, 0] + open_ends[1], low, high


def _window(
    scene: Scene, joint: Joint | None, reach: tuple[float, float, float, float]
) -> tuple[slice, slice]:
    """Return the rows and columns of the film within these bounds of u and v."""
    back = joint and Joint(u=joint.u, v=joint.v, degrees=-joint.degrees)
    corners = [
        to_film(
            scene, *map(float, _bent(np.asarray(u, np.float64), np.asarray(v, np.float64), back))
        )
        for u in reach[:2]
        for v in reach[2:]
    ]
    xs, ys = zip(*corners, strict=True)
    return (
        slice(max(0, int(min(ys)) - 1), max(0, int(max(ys)) + 2)),
        slice(max(0, int(min(xs)) - 1), max(0, int(max(xs)) + 2)),
    )


def _tables(tube: Tube) -> tuple[np.ndarray, ...]:
    """Return centre, left, right, inner left, inner right and filling at every step of u."""
    at = np.arange(FIRST_U, LAST_U, STEP_U)
    rows = np.asarray(tube.rows, dtype=np.float64)
    reach = round(tube.smooth / STEP_U)
    bell = np.hanning(2 * reach + 1)
    columns = []
    for column in rows[:, 1:].T:
        padded = np.pad(np.interp(at, rows[:, 0], column), reach, mode="edge")
        columns.append(np.convolve(padded, bell / bell.sum(), mode="valid"))
    centre, left, right, wall, filling = columns
    outer, inner = (_caps(tube, at, inset) for inset in (0.0, wall))
    return tuple(
        table.astype(np.float32)
        for table in (
            centre,
            left * outer,
            right * outer,
            np.maximum(left - wall, 0) * inner,
            np.maximum(right - wall, 0) * inner,
            filling,
        )
    )


def _caps(tube: Tube, at: np.ndarray, inset: np.ndarray | float) -> np.ndarray:
    """Return the factor, 0 to 1, on the half-widths that rounds off both ends."""
    factor = np.ones_like(at)
    first, last = tube.rows[0][0], tube.rows[-1][0]
    for cap, depth in ((tube.caps[0], at - first - inset), (tube.caps[1], last - at - inset)):
        if cap:
            factor *= np.sqrt(np.clip(1 - np.clip(1 - depth / cap, 0, 1) ** 2, 0, 1))
    return factor


def _chord(offset: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return half the ray's way through a rounded section, at `offset` from its centre."""
    ratio = offset / np.maximum(np.where(offset < 0, left, right), 1e-3)
    chord: np.ndarray = np.sqrt(np.maximum(1 - ratio * ratio, 0)) * ((left + right) / 2)
    return chord


def _tube(
    tube: Tube, u: np.ndarray, v: np.ndarray, sponge: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return outside and hollow behind every pixel; overlapping fragments add up."""
    tables = _tables(tube)
    index = np.clip((u - FIRST_U) / STEP_U, 0, len(tables[0]) - 1).astype(np.int32)
    centre, *profile, filling = (table[index] for table in tables)
    offset = v - centre
    if tube.fracture is None:
        solid, hollow = _section(offset, profile)
    else:
        solid, hollow = _fragments(tube.fracture, u, offset, profile)
    hollow *= 1 - filling * sponge
    for line in (*tube.lines, *(tube.fracture.cracks if tube.fracture else ())):
        place = offset
        if tube.fracture:
            place = offset - _moved(tube.fracture, u, line.u > tube.fracture.u)
        remainder = _remainder(line, u, place)
        solid *= remainder
        hollow *= remainder
    if tube.plate:
        if tube.fracture:
            offset = offset - _moved(tube.fracture, u, tube.plate.first > tube.fracture.u)
        solid += _metal(tube.plate, u, offset, profile[0], profile[1])
    return solid, hollow


def _remainder(line: Line, u: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Return the share of the bone that a line leaves, above 1 where it is heaped up."""
    jag, phase = line.jag
    near = ((u - line.u - line.slope * offset - jag * _teeth(offset, phase)) / line.width) ** 2
    inside = np.clip(np.minimum(offset - line.reach[0], line.reach[1] - offset), 0, 1)
    share: np.ndarray = 1 - line.depth * inside * (1 - 2 * line.rims * near) * np.exp(-near)
    return share


def _section(offset: np.ndarray, profile: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    left, right, inner_left, inner_right = profile
    return _chord(offset, left, right), _chord(offset, inner_left, inner_right)


def _fragments(
    fracture: Fracture, u: np.ndarray, offset: np.ndarray, profile: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return outside and hollow of both fragments; their other ends do not move."""
    solid, hollow = np.zeros_like(u), np.zeros_like(u)
    for far in (False, True):
        place = offset - _moved(fracture, u, far)
        jag, phase = fracture.jag
        across = u - fracture.u - fracture.slope * place - jag * _teeth(place, phase)
        share = np.clip(((across if far else -across) - fracture.gap / 2) * EDGE + 0.5, 0, 1)
        if fracture.depth:
            near = (across / fracture.width) ** 2
            share *= 1 - fracture.depth * (1 - 2 * near) * np.exp(-near)
        outer, inner = _section(place, profile)
        solid += outer * share
        hollow += inner * share
    return solid, hollow


def _teeth(place: np.ndarray, phase: float) -> np.ndarray:
    """Return the distance of a jagged line from a straight one, about -1.5 to 1.5."""
    teeth: np.ndarray = np.sin(0.9 * place + phase) + 0.5 * np.sin(2.3 * place + 2 * phase)
    teeth = teeth + 0.25 * np.sin(4.3 * place + 5 * phase)
    return teeth


def _moved(fracture: Fracture, u: np.ndarray, far: bool) -> np.ndarray:
    """Return a fragment's offset across the limb from its normal place."""
    offset = fracture.kink + (fracture.shift if far else 0.0)
    moved: np.ndarray = np.float32(offset) * np.clip(1 - np.abs(u - fracture.u) / FRAGMENT, 0, 1)
    return moved


def _outline(tube: Tube, u: np.ndarray, v: np.ndarray, inset: float) -> np.ndarray:
    centre, left, right, *_ = _tables(tube)
    index = np.clip((u - FIRST_U) / STEP_U, 0, len(centre) - 1).astype(np.int32)
    offset = v - centre[index]
    if tube.fracture:
        offset -= _moved(tube.fracture, u, False)
    narrow = np.minimum(np.float32(inset), left / 2), np.minimum(np.float32(inset), right / 2)
    return _chord(offset, (left - narrow[0])[index], (right - narrow[1])[index])


def _shell(
    shell: Shell, u: np.ndarray, v: np.ndarray, sponge: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    turn = np.deg2rad(shell.degrees)
    along = (u - shell.u) * np.cos(turn) + (v - shell.v) * np.sin(turn)
    across = (v - shell.v) * np.cos(turn) - (u - shell.u) * np.sin(turn)
    size = min(shell.along, shell.across)

    def depth(inset: float) -> np.ndarray:
        ratio = np.abs(along / (shell.along - inset)) ** 2.4
        ratio += np.abs(across / (shell.across - inset)) ** 2.4
        thickness: np.ndarray = np.maximum(1 - ratio, 0) ** 0.4 * (size - inset)
        return thickness

    return depth(0.0), (1 - shell.filling * sponge) * depth(shell.wall)


def _metal(
    plate: Plate, u: np.ndarray, offset: np.ndarray, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Return plate and screws as the thickness of bone with the same attenuation."""
    outside = plate.side * offset - (right if plate.side > 0 else left)
    depth, half = (outside - 0.5, 0.8) if plate.side else (offset, 1.7)

    def bar(place: np.ndarray, half: float) -> np.ndarray:
        inside: np.ndarray = np.clip((half - np.abs(place)) * EDGE + 0.5, 0, 1)
        return inside

    metal = 7 * bar(u - (plate.first + plate.last) / 2, (plate.last - plate.first) / 2)
    metal *= bar(depth, half)
    for screw in np.linspace(plate.first + 2, plate.last - 2, 5):
        length = left + right + 1.5 if plate.side else np.float32(1.6)
        middle = outside + length / 2 - 1.5 if plate.side else offset
        metal = np.maximum(
            metal, 9 * bar(u - screw, 0.6) * np.clip(length / 2 - np.abs(middle), 0, 1)
        )
    return metal


def _sponge(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return the density of spongy bone, float32 around 1: beams along the limb, and patches."""
    from scipy.ndimage import gaussian_filter

    white = rng.standard_normal(shape, dtype=np.float32)
    beams = gaussian_filter(white, (2.0, 0.8)) - gaussian_filter(white, (5.0, 2.2))
    density: np.ndarray = 1 + 0.16 / beams.std() * beams + 0.10 * _clouds(rng, shape, (24, 20))
    return density


def _clouds(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]) -> np.ndarray:
    """Return a smooth random field, float32, about -2 to 2, of these cells along and across."""
    coarse = rng.standard_normal(cells, dtype=np.float32)
    film = Image.fromarray(coarse).resize(shape[::-1], Image.Resampling.BICUBIC)
    return np.asarray(film)


def _wide_blur(light: np.ndarray) -> np.ndarray:
    """Return the scatter: the film blurred over about a tenth of its side."""
    from scipy.ndimage import gaussian_filter

    height, width = light.shape
    small = Image.fromarray(light).resize((width // 8, height // 8), Image.Resampling.BOX)
    soft = Image.fromarray(gaussian_filter(np.asarray(small), 6))
    return np.asarray(soft.resize((width, height), Image.Resampling.BICUBIC))


def _marker(
    size: tuple[int, int], letter: str, place: tuple[float, float], height: int, degrees: float
) -> np.ndarray:
    x, y = place
    stamp = Image.new("L", (2 * height, 2 * height))
    pen, font = ImageDraw.Draw(stamp), ImageFont.load_default(height)
    pen.text((height, height), letter, fill=246, font=font, anchor="mm", stroke_width=1)
    stamp = stamp.rotate(degrees, Image.Resampling.BICUBIC)
    film = Image.new("L", size)
    film.paste(stamp, (int(x) - height, int(y) - height))
    return np.asarray(film, dtype=np.float32)


def _field(
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
    field: np.ndarray = np.clip(edge / 3 + 0.5, 0, 1)
    return field
