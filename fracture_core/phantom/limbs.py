"""The scene of a synthetic film: one patient's limb in one view, whole or broken.

`compose` draws at random the pose, the exposure and lines that resemble a break, and returns a
`Scene`, with the visible breaks. It is cheap; drawing is not.
"""

from dataclasses import replace

import numpy as np

from fracture_core.anatomy.patients import Anatomy, Injury
from fracture_core.anatomy.shapes import Block, Flesh, Fracture, Line, Plate, Scene, Tube
from fracture_core.anatomy.views import SITES, VIEWS, Site, View
from fracture_core.phantom import fractures
from fracture_core.phantom.drawing import LONG_SIDE


def compose(
    part: str,
    view: int,
    end: int,
    body: Anatomy,
    injury: Injury | None,
    rng: np.random.Generator,
    noise: tuple[int, ...],
) -> tuple[Scene, list[tuple[Tube, Fracture, tuple[int, int, int, int]]]]:
    """Compose a film: its scene, and bone, break and box in px of each visible break.

    Args:
        part: one of `VIEWS`.
        view: 0 from the front, 1 from the side, 2 at an angle; again from 3 on.
        end: end of a long bone in view, 0 the upper, 1 the lower one.
        body: the patient's limb.
        injury: its break; None where this view shows none.
        rng: for this film alone.
        noise: seed of texture and grain.
    """
    layout = VIEWS[part](view % 3, body, end)
    bones = tuple(_fitted(bone, body, rng) for bone in layout.bones)
    if body.metal:
        bones = _with_plate(part, bones, body.metal if view % 3 == 0 else 0)
    flesh, pads = layout.flesh, layout.pads
    broken = {}
    if injury:
        broken = _breaks(part, bones, injury, view % 3, LONG_SIDE / layout.field, rng)
        bones = tuple(
            replace(bone, fracture=broken.get(index), plate=None if index in broken else bone.plate)
            if isinstance(bone, Tube)
            else bone
            for index, bone in enumerate(bones)
        )
        if injury.grade != "hairline":
            flesh = _swollen(flesh, bones, injury)
            pads += layout.effusion
    scene = replace(_film(layout, body, rng), bones=bones, flesh=flesh, pads=pads, noise=noise)
    marks = []
    for bone in bones:
        if isinstance(bone, Tube) and bone.fracture:
            marks.append((bone, bone.fracture, fractures.box(scene, bone, bone.fracture)))
    return scene, marks


def _film(layout: View, body: Anatomy, rng: np.random.Generator) -> Scene:
    """Return the empty film of a view, with a pose and an exposure at random."""
    width, height = round(LONG_SIDE * layout.wide * rng.uniform(0.92, 1.06)), LONG_SIDE
    field = layout.field * rng.uniform(0.94, 1.06)
    slack = 0.03 * field
    x, y = layout.middle + rng.uniform(-slack, slack, 2)
    return Scene(
        size=(width, height),
        scale=float(height / field),
        centre=(float(x), float(y)),
        degrees=float(layout.turn + rng.normal(0, 5)),
        mirrored=body.mirrored,
        bones=(),
        flesh=(),
        pads=(),
        fat=float(rng.uniform(2.0, 5.0) * min(1.0, field / 180)),
        marker=_marker(body, rng),
        collimation=_collimation(width, height, rng),
        exposure=float(rng.uniform(0.9, 1.12)),
        contrast=float(rng.uniform(0.95, 1.2)),
        grain=float(rng.uniform(0.8, 1.6)),
        blur=float(rng.uniform(0.6, 0.85)),
        noise=(),
    )


def _fitted(bone: Tube | Block, body: Anatomy, rng: np.random.Generator) -> Tube | Block:
    """Return a bone of the atlas as it is in this patient and view."""
    if isinstance(bone, Block):
        return replace(bone, wall=bone.wall * body.cortex)
    bow = body.bow if bone.length > 150 else 0.1 * body.bow
    rows = tuple(
        (
            u,
            left * body.thickness + bow * np.sin(np.pi * (u - bone.rows[0][0]) / bone.length),
            right * body.thickness + bow * np.sin(np.pi * (u - bone.rows[0][0]) / bone.length),
            wall * body.cortex,
            filling,
        )
        for u, left, right, wall, filling in bone.rows
    )
    lines = _growth_plates(bone, rng) if body.growing else ()
    return replace(bone, rows=rows, lines=lines + _vessels(bone, rng))


def _growth_plates(bone: Tube, rng: np.random.Generator) -> tuple[Line, ...]:
    return tuple(
        Line(
            u=float(u),
            slope=float(rng.normal(0, 0.04)),
            width=float(0.5 + bone.length / 400),
            depth=float(rng.uniform(0.45, 0.65)),
        )
        for u in bone.growth
    )


def _vessels(bone: Tube, rng: np.random.Generator) -> tuple[Line, ...]:
    if bone.length < 150 or rng.random() > 0.25:
        return ()
    side = rng.choice((-1, 1))
    line = Line(
        u=float(bone.length * rng.uniform(0.3, 0.6)),
        slope=float(side * rng.uniform(2.0, 3.0)),
        width=float(rng.uniform(0.7, 1.0)),
        depth=float(rng.uniform(0.12, 0.25)),
        reach=(0.2, 0.95) if side > 0 else (-0.95, -0.2),
    )
    return (line,)


def _with_plate(part: str, bones: tuple[Tube | Block, ...], side: int) -> tuple[Tube | Block, ...]:
    """Return the bones with a plate from an old operation on the first long one."""
    site = SITES[part][0]
    index = next(iter(_matches(bones, site)))
    bone = bones[index]
    assert isinstance(bone, Tube)
    middle = _at(bone, site, 0.5)
    reach = min(38.0, 0.3 * bone.length)
    first = min(max(middle, bone.rows[0][0] + reach), bone.rows[-1][0] - reach) - reach
    plate = Plate(first=first, last=first + 2 * reach, side=side)
    return (*bones[:index], replace(bone, plate=plate), *bones[index + 1 :])


def _matches(bones: tuple[Tube | Block, ...], site: Site) -> list[int]:
    """Return the indices of the bones of a site, the main one first."""
    return [
        index
        for index, bone in enumerate(bones)
        if isinstance(bone, Tube) and bone.name.startswith(site.bone)
    ]


def _at(bone: Tube, site: Site, place: float) -> float:
    """Return u of a place in a site, whose ends are mm or, up to 1, shares of the length."""
    scale = bone.length if site.last <= 1 else 1.0
    return float(scale * (site.first + place * (site.last - site.first)))


def _breaks(
    part: str,
    bones: tuple[Tube | Block, ...],
    injury: Injury,
    view: int,
    scale: float,
    rng: np.random.Generator,
) -> dict[int, Fracture]:
    """Return the broken bones' breaks, by index."""
    sites = SITES[part]
    chosen = sites[int(injury.site * len(sites))]
    places = [(chosen, injury.place)]
    if part == "forearm" and injury.both:
        other = sites[1 - sites.index(chosen)]
        places.append((other, min(max(injury.place + 0.25 * injury.side, 0.0), 1.0)))
    broken = {}
    for site, place in places:
        index = _matches(bones, site)[0]
        bone = bones[index]
        assert isinstance(bone, Tube)
        broken[index] = fractures.fracture(bone, _at(bone, site, place), injury, view, scale, rng)
    return broken


def _swollen(
    flesh: tuple[Flesh, ...], bones: tuple[Tube | Block, ...], injury: Injury
) -> tuple[Flesh, ...]:
    """Return the soft parts, wider around the break and bent with the bone."""
    broken = next(bone for bone in bones if isinstance(bone, Tube) and bone.fracture)
    return tuple(fractures.swollen(each, broken, injury) for each in flesh)


def _marker(
    body: Anatomy, rng: np.random.Generator
) -> tuple[str, int, float, tuple[int, ...]] | None:
    if rng.random() > 0.75:
        return None
    size = int(rng.integers(22, 32))
    turn = rng.normal(0, 7) + (90 * rng.integers(-1, 2) if rng.random() < 0.2 else 0)
    order = tuple(int(each) for each in rng.permutation(6))
    return "L" if body.mirrored else "R", size, float(turn), order


def _collimation(
    width: int, height: int, rng: np.random.Generator
) -> tuple[float, float, float, float, float] | None:
    if rng.random() > 0.6:
        return None
    left, right = rng.uniform(2, 26, 2)
    top, bottom = rng.uniform(2, 22, 2)
    return (
        float(left),
        float(top),
        float(width - right),
        float(height - bottom),
        float(rng.normal(0, 1.2)),
    )
