"""The bone behind each pixel, in mm of solid bone: tubes, their fragments, and blocks."""

import numpy as np

from fracture_core.anatomy.shapes import Block, Curve, Fracture, Line, Plate, Rows, Tube

Sponge = tuple[np.ndarray, int, int]  # density by place along and across, in 1/4 mm; its start
STEPS = 384  # of the tables along a tube
RIMS = (
    2.7  # at 2 nothing is lost of the bone, at 2.7 nothing of its grey, which is no straight line
)
ACROSS = 128  # of the tables of its ends


def grid(turned: float, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return u and v of places (x, y) from a tube's origin; its axis is `turned` degrees."""
    turn = np.deg2rad(turned)
    sine, cosine = np.float32(np.sin(turn)), np.float32(np.cos(turn))
    return x * sine + y * cosine, x * cosine - y * sine


def table(rows: Rows) -> tuple[float, float, np.ndarray]:
    """Return first u, steps per mm, and the smoothed columns of `rows`, `(columns, STEPS)`."""
    numbers = np.asarray(rows, dtype=np.float64)
    at = np.linspace(numbers[0, 0], numbers[-1, 0], STEPS)
    bell = np.hanning(13)
    columns = []
    for column in numbers[:, 1:].T:
        padded = np.pad(np.interp(at, numbers[:, 0], column), 6, mode="reflect", reflect_type="odd")
        columns.append(np.convolve(padded, bell / bell.sum(), mode="valid"))
    return at[0], (STEPS - 1) / (at[-1] - at[0]), np.asarray(columns, dtype=np.float32)


def middle(tube: Tube, u: float) -> tuple[float, float]:
    """Return centre and half-width of a tube at `u`."""
    rows = np.asarray(tube.rows)
    left, right = (float(np.interp(u, rows[:, 0], rows[:, column])) for column in (1, 2))
    return (left + right) / 2, (right - left) / 2


def tube(bone: Tube, u: np.ndarray, v: np.ndarray, sponge: Sponge, scale: float) -> np.ndarray:
    """Return the bone behind every place of a tube, whole or broken.

    Args:
        bone: the tube.
        u: along it, float32.
        v: across it, of the same shape.
        sponge: density of spongy bone around 1.
        scale: px per mm, for the softness of edges.
    """
    fracture = bone.fracture
    if fracture is None:
        return _whole(bone, u, v, sponge)
    if not (fracture.near or fracture.far or fracture.along):
        total: np.ndarray = _whole(bone, u, v, sponge) * _remainder(bone, fracture, u, v)
        return total
    total = np.zeros_like(u)
    for number in range(3 if fracture.wedge else 2):
        at, across = u, v
        for moved in _ways(bone, fracture, number):
            at, across = _turned(at, across, *moved)
        share = _share(bone, fracture, number, at, across, scale)
        if share.any():
            share *= _remainder(bone, fracture, at, across)
            total += _whole(bone, at, across, sponge) * share
    return total


def fragment_places(
    bone: Tube, fracture: Fracture, places: list[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Return where the fragments carry these (u, v) of the whole bone: both, one after another."""
    carried = []
    for number in (0, 1):
        for u, v in places:
            at = u, v
            for u0, v0, degrees, along, across in reversed(_ways(bone, fracture, number)):
                turn = np.deg2rad(degrees)
                du, dv = at[0] - u0, at[1] - v0
                at = (
                    u0 + du * np.cos(turn) - dv * np.sin(turn) + along,
                    v0 + du * np.sin(turn) + dv * np.cos(turn) + across,
                )
            carried.append((float(at[0]), float(at[1])))
    return carried


def line_at(bone: Tube, fracture: Fracture, v: np.ndarray) -> np.ndarray:
    """Return u of the break's line at places `v` across the bone."""
    centre, half = middle(bone, fracture.u)
    offset = v - np.float32(centre)
    amplitude, phase = fracture.jag
    at = fracture.u + fracture.slope * offset + amplitude * _teeth(offset * (7 / half), phase)
    if fracture.twist:
        at = at + fracture.twist * np.arcsin(np.clip(offset / half, -1, 1)) * np.float32(2 / np.pi)
    line: np.ndarray = np.asarray(at, dtype=np.float32)
    return line


def block(bone: Block, x: np.ndarray, y: np.ndarray, sponge: Sponge) -> np.ndarray:
    """Return the bone behind every place of a block; `sponge` as for `tube`."""
    corners = np.asarray(bone.corners, dtype=np.float32)
    following = np.roll(corners, -1, axis=0)
    edges = following - corners
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    middle_x, middle_y = corners.mean(axis=0)
    total = np.zeros_like(x)
    for (x0, y0), (dx, dy), length in zip(corners, edges, lengths, strict=True):
        inward = np.sign((middle_y - y0) * dx - (middle_x - x0) * dy) / length
        depth = ((y - y0) * dx - (x - x0) * dy) * np.float32(inward)
        total += np.exp(np.minimum(-depth, 40) / np.float32(bone.round))
    depth = np.float32(0.7 * bone.round) - np.float32(bone.round) * np.log(total)
    half = np.float32(bone.thickness / 2)
    solid = _dome(depth, half)
    hollow = _dome(depth - np.float32(bone.wall), half - np.float32(bone.wall))
    filling = np.float32(bone.filling) * _sponge_at(sponge, y, x)
    bone_layer: np.ndarray = 2 * (solid - hollow * (1 - filling))
    return bone_layer


def _dome(depth: np.ndarray, half: np.float32) -> np.ndarray:
    """Return half the way through a body whose edge is round, `depth` inside its outline."""
    inside = np.clip(depth, 0, half)
    dome: np.ndarray = np.sqrt(inside * (2 * half - inside))
    return dome


def _whole(bone: Tube, u: np.ndarray, v: np.ndarray, sponge: Sponge) -> np.ndarray:
    first, per_mm, columns = table(bone.rows)
    index = np.clip((u - np.float32(first)) * np.float32(per_mm), 0, STEPS - 1).astype(np.int32)
    left, right, wall, filling = columns
    centre, half = ((left + right) / 2)[index], ((right - left) / 2)[index]
    wall, filling = wall[index], filling[index]
    offset = v - centre
    ratio = offset / half
    place = np.clip((ratio + 1) * (ACROSS / 2), 0, ACROSS).astype(np.int32)
    near, far = (_end(curve)[place] for curve in (bone.near, bone.far))
    depth = np.minimum(u - np.float32(first) - near, np.float32(bone.rows[-1][0]) - far - u)
    solid = np.sqrt(np.maximum(1 - ratio * ratio, 0)) * half * _rounding(depth, bone.round)
    inner = np.maximum(half - wall, np.float32(0.01))
    ratio = offset / inner
    hollow = np.sqrt(np.maximum(1 - ratio * ratio, 0)) * inner
    hollow *= _rounding(depth - np.minimum(wall, np.float32(1.3)), bone.round)
    filling *= _sponge_at(sponge, u, v)
    layer: np.ndarray = np.float32(2 * bone.depth) * (solid - hollow * (1 - filling))
    for line in bone.lines:
        layer *= _gap(line, u, offset, half)
    for spot in bone.spots:
        near_spot = ((u - spot.u) / spot.along) ** 2 + ((v - spot.v) / spot.across) ** 2
        layer *= 1 - np.float32(spot.depth) * np.clip(2.2 * (1 - near_spot), 0, 1)
    np.maximum(layer, 0, out=layer)
    if bone.plate:
        layer += _metal(bone.plate, u, offset, half)
    return layer


def _end(curve: Curve) -> np.ndarray:
    """Return the table of an articular surface, from the left edge to the right one."""
    places, depths = zip(*curve, strict=True)
    at = np.linspace(-1, 1, ACROSS + 1)
    bell = np.hanning(17)
    padded = np.pad(np.interp(at, places, depths), 8, mode="edge")
    return np.convolve(padded, bell / bell.sum(), mode="valid").astype(np.float32)


def _rounding(depth: np.ndarray, length: float) -> np.ndarray:
    away = 1 - np.clip(depth * np.float32(1 / length), 0, 1)
    rounding: np.ndarray = np.sqrt(1 - away * away)
    return rounding


def _sponge_at(sponge: Sponge, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    texture, first_along, first_across = sponge
    mask = len(texture) - 1
    along = ((u * np.float32(4)).astype(np.int32) + first_along) & mask
    across = ((v * np.float32(4)).astype(np.int32) + first_across) & mask
    density: np.ndarray = texture[along, across]
    return density


def _gap(line: Line, u: np.ndarray, offset: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Return the share of the bone that a line leaves."""
    wave = np.float32(0.6 * line.width) * _teeth(offset * np.float32(0.8), line.u)
    near = ((u - line.u - line.slope * offset - wave) / line.width) ** 2
    ratio = offset / half
    inside = np.clip(4 * np.minimum(ratio - line.reach[0], line.reach[1] - ratio) + 1, 0, 1)
    share: np.ndarray = 1 - np.float32(line.depth) * inside * np.exp(-near)
    return share


def _remainder(bone: Tube, fracture: Fracture, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the share of the bone along the break's line, above 1 where it is heaped up."""
    centre, half = middle(bone, fracture.u)
    place = (v - np.float32(centre)) / np.float32(half)
    steep = np.hypot(1, fracture.slope + fracture.twist / half)
    near = ((u - line_at(bone, fracture, v)) / np.float32(fracture.width * steep)) ** 2
    inside = np.clip(
        6 * np.minimum(place - fracture.reach[0], fracture.reach[1] - place) + 0.5, 0, 1
    )
    share = 1 - np.float32(fracture.depth) * inside * (1 - RIMS * near) * np.exp(-near)
    remainder: np.ndarray = share.astype(np.float32)
    return remainder


def _share(
    bone: Tube, fracture: Fracture, number: int, u: np.ndarray, v: np.ndarray, scale: float
) -> np.ndarray:
    """Return 1 on a fragment of the whole bone, 0 beyond: 0 near, 1 far, 2 the loose wedge."""
    beyond = u - line_at(bone, fracture, v)
    soft = np.float32(scale)
    near: np.ndarray = np.clip(-beyond * soft + 0.5, 0, 1)
    far: np.ndarray = np.clip(beyond * soft + 0.5, 0, 1)
    if number == 0:
        return near
    if not fracture.wedge:
        return far
    centre, half = middle(bone, fracture.u)
    side = np.sign(fracture.wedge)
    reach = 1.5 * (side * (v - np.float32(centre)) + np.float32(0.1 * half))
    loose: np.ndarray = far * np.clip((reach - beyond) * soft + 0.5, 0, 1)
    return loose if number == 2 else np.subtract(far, loose)


def _ways(
    bone: Tube, fracture: Fracture, number: int
) -> list[tuple[float, float, float, float, float]]:
    """Return a fragment's turns: about (u, v), degrees, and its way along and across."""
    first, last = bone.rows[0][0], bone.rows[-1][0]
    centre, half = middle(bone, fracture.u)
    end = first if number == 0 else last
    offset = fracture.near if number == 0 else fracture.far
    turn = float(np.rad2deg(np.arctan(offset / (fracture.u - end))))
    way = 0.0 if number == 0 else fracture.along
    ways = [(end, middle(bone, end)[0], turn, way, 0.0)]
    if number == 2:
        loose = fracture.wedge
        ways.append((fracture.u + half, centre, 4.0 * float(np.sign(loose)), 0.0, loose))
    return ways


def _turned(
    u: np.ndarray, v: np.ndarray, u0: float, v0: float, degrees: float, along: float, across: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return where places of the film lay in the whole bone, before a fragment's turn."""
    turn = np.deg2rad(degrees)
    sine, cosine = np.float32(np.sin(turn)), np.float32(np.cos(turn))
    du, dv = u - np.float32(u0 + along), v - np.float32(v0 + across)
    return du * cosine + dv * sine + np.float32(u0), dv * cosine - du * sine + np.float32(v0)


def _teeth(place: np.ndarray, phase: float) -> np.ndarray:
    """Return the distance of a jagged line from a straight one, about -1.5 to 1.5."""
    teeth: np.ndarray = np.sin(0.45 * place + phase) + 0.5 * np.sin(1.1 * place + 2 * phase)
    teeth = teeth + 0.25 * np.sin(2.3 * place + 5 * phase)
    return teeth


def _metal(plate: Plate, u: np.ndarray, offset: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Return plate and screws as the thickness of bone with the same attenuation."""
    outside = plate.side * offset - half
    small = min(1.0, (plate.last - plate.first) / 60)
    depth, reach = (outside - 1.2 * small, 1.5 * small) if plate.side else (offset, 4.0 * small)

    def bar(place: np.ndarray, reach: float) -> np.ndarray:
        inside: np.ndarray = np.clip((reach - np.abs(place)) * 3 + 0.5, 0, 1)
        return inside

    metal = 26 * bar(u - (plate.first + plate.last) / 2, (plate.last - plate.first) / 2)
    metal *= bar(depth, reach)
    for screw in np.linspace(plate.first + 5, plate.last - 5, 6):
        length = 2 * half + 4 if plate.side else np.float32(5.0)
        place = outside + length / 2 - 3 if plate.side else offset
        metal = np.maximum(
            metal, 32 * bar(u - screw, 1.4 * small) * np.clip(length / 2 - np.abs(place), 0, 1)
        )
    return metal
