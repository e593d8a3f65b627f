"""The scene of a synthetic film: one patient's limb in one view, whole or broken.

`compose` draws at random the pose, the spread of the bones, the exposure and lines that resemble a
break, and returns a `Scene`, with the boxes of the visible breaks. It is cheap; drawing is not.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fracture_core.phantom.anatomy import (
    BELOW_ELBOW,
    COLLAR_BONE,
    ELBOW,
    FOREARM_FLESH,
    HUMERUS_ENDS,
    HUMERUS_SHAFT,
    KNUCKLES,
    RADIUS,
    RADIUS_TIP,
    SCAPULA,
    SPINE,
    ULNA,
    ULNA_TIP,
    UPPER_ARM_FLESH,
    WRIST,
    Anatomy,
    Bone,
    Flesh,
    Fracture,
    Injury,
    Joint,
    Line,
    Plate,
    Shell,
    Tube,
)
from fracture_core.phantom.drawing import LONG_SIDE, Scene, to_film

PARTS = ("forearm", "humerus")
MIDDLE = {"forearm": (22.0, 76.0), "humerus": (28.0, 74.0)}  # u of the film's middle, by end
CRACK_WIDTH = (0.42, 0.5)  # 3 to 4 px: with its rims a line of one pixel at 96 px, none at 32 px
ELBOW_AT = {"forearm": -2.0, "humerus": 98.0}


def compose(
    part: str,
    view: int,
    end: int,
    body: Anatomy,
    injury: Injury | None,
    rng: np.random.Generator,
    noise: tuple[int, ...],
) -> tuple[Scene, list[tuple[str, tuple[int, int, int, int]]]]:
    """Compose a film: its scene, and kind and box (x0, y0, x1, y1) in px of each visible break.

    Args:
        part: one of `PARTS`.
        view: 0 from the front, 1 from the side, above that at an angle.
        end: end of the limb in view, 0 the upper, 1 the lower one.
        body: the patient's limb.
        injury: its break; None where this view shows none.
        rng: for this film alone.
        noise: seed of texture and grain.
    """
    width, height = int(rng.integers(330, 440)), LONG_SIDE
    scale = rng.uniform(7.0, 7.9)
    middle = MIDDLE[part][end] + rng.uniform(-4, 4)
    spread = rng.uniform(0.92, 1.08) if view % 3 == 0 else rng.uniform(0.3, 0.75)
    at_elbow = end == PARTS.index(part)
    joint = None
    if at_elbow and view % 3 == 1 and rng.random() < 0.6:
        bend = rng.uniform(55, 95)
        joint = Joint(u=ELBOW_AT[part], v=0.0, degrees=float(bend if end == 0 else -bend))
    shafts = _shafts(part, body, injury, spread, middle, rng)
    fractures = [tube.fracture for tube in shafts if tube.fracture]
    scene = Scene(
        size=(width, height),
        scale=float(scale),
        centre=(float(middle), float(rng.uniform(-2.5, 2.5) + (4.0 if joint else 0.0))),
        degrees=float(rng.normal(0, 5)),
        mirrored=body.mirrored,
        bones=_bones(part, shafts, body, spread, joint, rng),
        flesh=_flesh(part, body, spread, joint, fractures, len(shafts)),
        fat=float(rng.uniform(1.2, 3.0)),
        marker=_marker(width, height, body, rng),
        collimation=_collimation(width, height, rng),
        exposure=float(rng.uniform(0.9, 1.25)),
        contrast=float(rng.uniform(0.95, 1.25)),
        grain=float(rng.uniform(1.0, 1.8)),
        blur=float(rng.uniform(0.6, 0.9)),
        noise=noise,
    )
    return scene, [_box(scene, tube, tube.fracture) for tube in shafts if tube.fracture]


def _shafts(
    part: str,
    body: Anatomy,
    injury: Injury | None,
    spread: float,
    middle: float,
    rng: np.random.Generator,
) -> list[Tube]:
    """Return the part's long bones, with their breaks and lines that resemble one."""
    atlas = (RADIUS, ULNA) if part == "forearm" else (HUMERUS_SHAFT,)
    shafts = []
    for number, tube in enumerate(atlas):
        marks = _growth_plates(tube, rng) if body.growing else ()
        fitted = _fit_tube(tube, body, spread)
        fitted = replace(fitted, lines=fitted.lines + marks + _vessels(middle, rng))
        if injury and (len(atlas) == 1 or injury.both or number == injury.bone):
            fitted = replace(fitted, fracture=_fracture(injury, middle, rng))
        shafts.append(fitted)
    if body.metal:
        shafts[0] = replace(shafts[0], plate=_plate(body.metal, shafts[0], spread, middle))
    return shafts


def _plate(side: int, tube: Tube, spread: float, middle: float) -> Plate:
    """Return a plate on the shaft; where the bone is broken again, on its longer fragment."""
    u = middle
    if tube.fracture:
        u = tube.fracture.u + (15 if middle < 50 else -15)
    return Plate(first=u - 11, last=u + 11, side=side if spread > 0.9 else 0)


def _bones(
    part: str,
    shafts: list[Tube],
    body: Anatomy,
    spread: float,
    joint: Joint | None,
    rng: np.random.Generator,
) -> tuple[Bone, ...]:
    """Return the film's bones: the long ones with their ends, and their neighbours."""

    def fit(*parts: Tube | Shell) -> tuple[Tube | Shell, ...]:
        return tuple(_fit(each, body, spread, rng) for each in parts)

    tips: Sequence[Sequence[Tube | Shell]] = (HUMERUS_ENDS,)
    straight: Sequence[Sequence[Tube | Shell]] = (SCAPULA, SPINE, COLLAR_BONE)
    beyond: Sequence[Sequence[Tube | Shell]] = [(each,) for each in BELOW_ELBOW]
    if part == "forearm":
        tips = (RADIUS_TIP, ULNA_TIP)
        straight = [*((each,) for each in WRIST), *((each,) for each in KNUCKLES)]
        beyond = [ELBOW]
    bones = [Bone(parts=(shaft, *fit(*tip))) for shaft, tip in zip(shafts, tips, strict=True)]
    bones += [Bone(parts=fit(*parts)) for parts in straight]
    return (*bones, *(Bone(parts=fit(*parts), joint=joint) for parts in beyond))


def _flesh(
    part: str,
    body: Anatomy,
    spread: float,
    joint: Joint | None,
    fractures: list[Fracture],
    shafts: int,
) -> tuple[Flesh, ...]:
    """Return outlines of the limb and, past a bent elbow, of its neighbour."""
    wider = body.flesh * (0.88 + 0.12 * spread)
    own = FOREARM_FLESH if part == "forearm" else UPPER_ARM_FLESH
    skin = replace(own, rows=_widen(own.rows, wider))
    if fractures:
        first = fractures[0]
        follow = 0.6 * len(fractures) / shafts
        offset = follow * (first.kink + first.shift / 2)
        skin = replace(skin, fracture=replace(first, kink=offset))
    if joint is None:
        return (Flesh(tube=skin),)
    past = tuple((joint.u + u, 0.0, 16.5 * wider, 16.5 * wider, 0.0, 0.0) for u in (-13, 13))
    if part == "forearm":
        rows = ((joint.u - 13, *skin.rows[1][1:]), *(row for row in skin.rows if row[0] > 0))
        stump = Tube(rows=((-80.0, *past[0][1:]), past[1]), caps=(0.0, 14.0), smooth=9.0)
        skin = replace(skin, rows=rows, caps=(14.0, 0.0))
    else:
        rows = (*(row for row in skin.rows if row[0] < 95), (joint.u + 13, *skin.rows[-2][1:]))
        stump = Tube(rows=(past[0], (180.0, *past[1][1:])), caps=(14.0, 0.0), smooth=9.0)
        skin = replace(skin, rows=rows, caps=(0.0, 14.0))
    return Flesh(tube=skin), Flesh(tube=stump, joint=joint)


def _widen(rows: tuple[tuple[float, ...], ...], wider: float) -> tuple[tuple[float, ...], ...]:
    return tuple((u, c, left * wider, right * wider, *rest) for u, c, left, right, *rest in rows)


def _fit(
    bone: Tube | Shell, body: Anatomy, spread: float, rng: np.random.Generator
) -> Tube | Shell:
    """Return a bone of the atlas as it is in this patient and view."""
    if isinstance(bone, Tube):
        return _fit_tube(bone, body, spread)
    size = body.thickness * rng.uniform(0.95, 1.05)
    return replace(
        bone,
        v=bone.v * spread,
        along=bone.along * size,
        across=bone.across * size,
        wall=bone.wall * body.cortex,
    )


def _fit_tube(bone: Tube, body: Anatomy, spread: float) -> Tube:
    wider = body.thickness
    # The flat lower end of the humerus is narrow in side views.
    widest = 99.0 if spread > 0.9 else 3.5 + 6.5 * spread
    rows = tuple(
        (
            u,
            (c + body.bow * np.sin(np.pi * u / 100)) * spread,
            min(left, widest) * wider,
            min(right, widest) * wider,
            wall * body.cortex,
            filling,
        )
        for u, c, left, right, wall, filling in bone.rows
    )
    return replace(bone, rows=rows)


def _growth_plates(tube: Tube, rng: np.random.Generator) -> tuple[Line, ...]:
    first, last = tube.rows[0][0], tube.rows[-1][0]
    return tuple(
        Line(
            u=float(u + rng.normal(0, 0.4)),
            slope=float(rng.normal(0, 0.05)),
            width=float(rng.uniform(0.45, 0.7)),
            depth=float(rng.uniform(0.4, 0.6)),
        )
        for u in (first + 6.5, last - 7.0)
    )


def _vessels(middle: float, rng: np.random.Generator) -> tuple[Line, ...]:
    if rng.random() > 0.25:
        return ()
    side = rng.choice((-1, 1))
    reach = (0.8, 3.6) if side > 0 else (-3.6, -0.8)
    line = Line(
        u=float(middle + rng.uniform(-18, 18)),
        slope=float(side * rng.uniform(2.0, 3.0)),
        width=float(rng.uniform(0.25, 0.4)),
        depth=float(rng.uniform(0.12, 0.25)),
        reach=reach,
    )
    return (line,)


def _fracture(injury: Injury, middle: float, rng: np.random.Generator) -> Fracture:
    u = float(middle + 9 * injury.place + rng.normal(0, 1.0))
    jag = (float(rng.uniform(0.25, 0.6)), float(rng.uniform(0, 6.3)))
    slope = float(injury.side * rng.uniform(0.5, 1.2))
    fracture = Fracture(kind=injury.kind, u=u, jag=jag, cracks=_cracks(u, slope, rng))
    if injury.kind == "hairline":
        depth, width = rng.uniform(0.9, 1.0), rng.uniform(*CRACK_WIDTH)
        return replace(fracture, slope=slope, depth=float(depth), width=float(width))
    kink = injury.side * rng.uniform(7.0, 11.0)
    if injury.kind == "angulated":
        return replace(
            fracture,
            slope=float(rng.normal(0, 0.3)),
            kink=float(kink),
            shift=float(rng.normal(0, 0.2)),
            gap=float(rng.uniform(0.0, 0.2)),
            depth=0.9,
            width=0.46,
        )
    return replace(
        fracture,
        slope=float(rng.normal(0, 0.35)),
        kink=float(-0.4 * kink + rng.normal(0, 1)),
        shift=float(0.95 * kink),
        gap=float(rng.choice((rng.uniform(2.0, 5.0), rng.uniform(-9, -4)))),
    )


def _cracks(u: float, slope: float, rng: np.random.Generator) -> tuple[Line, ...]:
    """Return fine lines on both sides of a break at `u`: a fork, and a fissure beside it."""
    cracks = []
    for side in (-1, 1):
        for turn, away in ((-0.9, rng.uniform(0.5, 1.5)), (1.0, rng.uniform(2.2, 4.0))):
            half = (-99.0, 0.5) if side * slope > 0 else (-0.5, 99.0)
            cracks.append(
                Line(
                    u=float(u + side * away),
                    slope=float(turn * slope + rng.normal(0, 0.1)),
                    width=float(rng.uniform(*CRACK_WIDTH)),
                    depth=float(rng.uniform(0.8, 0.95)),
                    reach=(-99.0, 99.0) if rng.random() < 0.5 else half,
                    rims=1.0,
                    jag=(float(rng.uniform(0.1, 0.25)), float(rng.uniform(0, 6.3))),
                )
            )
    return tuple(cracks)


def _box(scene: Scene, tube: Tube, fracture: Fracture) -> tuple[str, tuple[int, int, int, int]]:
    """Return kind and box of a tube's break, cut at the film's border."""
    rows = np.asarray(tube.rows)
    centre, left, right = (np.interp(fracture.u, rows[:, 0], rows[:, n]) for n in (1, 2, 3))
    half = (left + right) / 2
    rise = abs(fracture.slope) * half + abs(fracture.gap) / 2 + fracture.jag[0] + 1.0
    for crack in fracture.cracks:
        rise = max(rise, abs(crack.u - fracture.u) + abs(crack.slope) * half + 1.5)
    moved = (fracture.kink, fracture.kink + fracture.shift)
    low, high = centre + min(moved) - left - 0.6, centre + max(moved) + right + 0.6
    corners = [
        to_film(scene, fracture.u + along, across)
        for along in (-rise, rise)
        for across in (low, high)
    ]
    xs, ys = zip(*corners, strict=True)
    width, height = scene.size
    box = (
        max(0, int(min(xs))),
        max(0, int(min(ys))),
        min(width, int(max(xs)) + 1),
        min(height, int(max(ys)) + 1),
    )
    return fracture.kind, box


def _marker(
    width: int, height: int, body: Anatomy, rng: np.random.Generator
) -> tuple[str, tuple[float, float], int, float] | None:
    if rng.random() > 0.75:
        return None
    size = int(rng.integers(24, 38))
    x = rng.uniform(30, 60) if rng.random() < 0.5 else width - rng.uniform(30, 60)
    y = rng.uniform(40, 130) if rng.random() < 0.5 else height - rng.uniform(40, 130)
    turn = rng.normal(0, 8) + (90 * rng.integers(-1, 2) if rng.random() < 0.25 else 0)
    return "L" if body.mirrored else "R", (float(x), float(y)), size, float(turn)


def _collimation(
    width: int, height: int, rng: np.random.Generator
) -> tuple[float, float, float, float, float] | None:
    if rng.random() > 0.55:
        return None
    left, right = rng.uniform(0, 26, 2)
    top, bottom = rng.uniform(0, 22, 2)
    return (
        float(left),
        float(top),
        float(width - right),
        float(height - bottom),
        float(rng.normal(0, 1.5)),
    )
