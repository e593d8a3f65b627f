"""Breaks: how a bone of a given width breaks, what swells around it, and where it shows."""

from dataclasses import replace

import numpy as np

from fracture_core.anatomy.patients import Injury
from fracture_core.anatomy.shapes import Flesh, Fracture, Scene, Tube
from fracture_core.phantom import bone_layers
from fracture_core.phantom.drawing import to_film, to_limb

STEEP = {  # change of u per step across the bone
    "transverse": (0.0, 0.22),
    "oblique": (0.75, 1.25),
    "spiral": (0.5, 0.7),
    "comminuted": (0.35, 0.7),
    "greenstick": (0.0, 0.2),
}
STEP = (1.15, 1.8)  # of a displaced break, in widths of the bone
BEND = {"displaced": (11.0, 22.0), "angulated": (22.0, 34.0)}  # in degrees
MARGIN = 1.2  # mm of a box around a break and its line
THIN = 2.6  # px of half a line's width at least: with its rims a pixel at 96 px, none at 32 px


def fracture(
    bone: Tube, u: float, injury: Injury, view: int, scale: float, rng: np.random.Generator
) -> Fracture:
    """Return a break of this bone at `u`, as it shows in this view of `scale` px per mm."""
    _, half = bone_layers.middle(bone, u)
    low, high = STEEP[injury.pattern]
    slope = injury.side * (low + (high - low) * injury.place) * rng.uniform(0.85, 1.15)
    slim = min((right - left) / 2 for _, left, right, *_ in bone.rows[2:-2])
    flat = min(1.0, (1.25 * slim / half) ** 2)  # wide ends break across
    line = Fracture(
        grade=injury.grade,
        pattern=injury.pattern,
        u=u,
        slope=float(slope * flat),
        twist=float(1.5 * half * flat * injury.side) if injury.pattern == "spiral" else 0.0,
        jag=(float((0.05 + 0.06 * injury.severity) * half), injury.phase),
        width=float(max(0.3 + 0.04 * half, THIN / scale)),
        depth=float(rng.uniform(0.85, 0.98)),
    )
    if injury.grade == "hairline":
        return line
    shown = 1.0 if view != 1 else 0.85
    near_length, far_length = u - bone.rows[0][0], bone.rows[-1][0] - u
    low, high = BEND[injury.grade]
    bend = np.deg2rad(low + (high - low) * injury.severity) * shown
    offset = injury.side * bend / (1 / near_length + 1 / far_length)
    if injury.grade == "angulated":
        green = injury.pattern == "greenstick"
        reach = ((-0.35, 9.0) if injury.side > 0 else (-9.0, 0.35)) if green else line.reach
        step = 0.0 if green else 0.15 * half * injury.side
        impacted = float((-0.35 if green else -0.5) * half * bend)
        return replace(
            line, near=float(offset), far=float(offset + step), along=impacted, reach=reach
        )
    step = injury.side * 2 * half**0.85 * (STEP[0] + (STEP[1] - STEP[0]) * injury.severity) * shown
    share = near_length / (near_length + far_length)  # the shorter fragment turns as far
    share = min(max(share, 0.3), 0.7)
    overlap = -rng.uniform(0.4, 1.4) * half if rng.random() < 0.5 else rng.uniform(0.3, 0.9) * half
    return replace(
        line,
        near=float(offset - share * step),
        far=float(offset + (1 - share) * step),
        along=float(overlap),
        depth=0.0,
        wedge=float(0.55 * half * injury.side) if injury.pattern == "comminuted" else 0.0,
    )


def swollen(flesh: Flesh, bone: Tube, injury: Injury) -> Flesh:
    """Return a soft part, wider around the break of `bone` and bent with it."""
    found = bone.fracture
    assert found is not None
    centre, half = bone_layers.middle(bone, found.u)
    x, y = to_limb(bone, found.u, centre)
    turn = np.deg2rad(flesh.degrees)
    dx, dy = x - flesh.place[0], y - flesh.place[1]
    u, v = dx * np.sin(turn) + dy * np.cos(turn), dx * np.cos(turn) - dy * np.sin(turn)
    first, last = flesh.rows[0][0], flesh.rows[-1][0]
    widest = max(abs(edge) for row in flesh.rows for edge in row[1:3])
    if not first <= u <= last or abs(v) > 1.2 * widest:
        return flesh
    reach = max(4.5 * half, 1.2 * widest)
    along = np.cos(np.deg2rad(bone.degrees - flesh.degrees))
    sway = 0.6 * (found.near + found.far) / 2 * along if abs(along) > 0.8 else 0.0
    return replace(
        flesh,
        swelling=(float(u), float(reach), 0.2 + 0.16 * injury.severity),
        sway=(float(u), float(sway)),
    )


def line_places(bone: Tube, found: Fracture) -> list[tuple[float, float]]:
    """Return places (u, v) of the whole bone along a break's line, from cortex to cortex."""
    centre, half = bone_layers.middle(bone, found.u)
    across = np.linspace(max(found.reach[0], -1.8), min(found.reach[1], 1.8), 37)
    v = centre + half * across
    u = bone_layers.line_at(bone, found, v)
    rows = np.asarray(bone.rows)
    left, right = (np.interp(u, rows[:, 0], rows[:, column]) for column in (1, 2))
    inside = (v >= left - 0.1 * half) & (v <= right + 0.1 * half)
    return list(zip(u[inside].tolist(), v[inside].tolist(), strict=True))


def box(scene: Scene, bone: Tube, found: Fracture) -> tuple[int, int, int, int]:
    """Return (x0, y0, x1, y1) in px around a break's line on its fragments, cut at the border."""
    centre, half = bone_layers.middle(bone, found.u)
    places = line_places(bone, found)
    if found.wedge:
        places += [(found.u + 1.6 * half, centre + np.sign(found.wedge) * half)]
    carried = [to_limb(bone, *place) for place in bone_layers.fragment_places(bone, found, places)]
    xs, ys = zip(*(to_film(scene, *place) for place in carried), strict=True)
    margin = (MARGIN + 2.5 * found.width) * scene.scale
    width, height = scene.size
    return (
        min(max(0, int(min(xs) - margin)), width - 1),
        min(max(0, int(min(ys) - margin)), height - 1),
        max(min(width, int(max(xs) + margin) + 1), 1),
        max(min(height, int(max(ys) + margin) + 1), 1),
    )
