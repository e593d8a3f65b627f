"""The bones of the wrist and the right hand of an adult, the palm flat on the film.

x runs toward the thumb, y toward the fingertips, from the middle of the wrist's joint.
"""

from dataclasses import dataclass

import numpy as np

from fracture_core.anatomy.shapes import Block, Tube

CARPALS = {
    "scaphoid": (
        (0.6, 3.4),
        (6.5, 6.4),
        (13.0, 11.5),
        (16.5, 18.0),
        (15.5, 21.5),
        (11.0, 22.0),
        (4.5, 16.5),
        (1.0, 11.0),
    ),
    "lunate": (
        (-13.2, 1.4),
        (-7.0, 0.2),
        (-1.2, 2.6),
        (-0.9, 9.5),
        (-4.5, 12.4),
        (-9.0, 12.2),
        (-13.0, 9.5),
    ),
    "triquetrum": (
        (-15.0, 4.6),
        (-14.6, 11.5),
        (-18.5, 16.6),
        (-24.0, 15.5),
        (-25.2, 9.0),
        (-20.0, 4.0),
    ),
    "pisiform": (
        (-24.0, 9.5),
        (-19.5, 8.5),
        (-16.6, 12.0),
        (-18.0, 17.0),
        (-22.5, 18.0),
        (-25.5, 14.0),
    ),
    "hamate": (
        (-13.2, 12.8),
        (-8.6, 15.0),
        (-7.4, 22.0),
        (-7.2, 31.6),
        (-14.0, 33.6),
        (-21.2, 30.0),
        (-20.4, 20.0),
    ),
    "capitate": (
        (-6.6, 14.4),
        (-1.0, 12.6),
        (3.0, 16.6),
        (4.2, 24.0),
        (4.4, 33.4),
        (-1.0, 34.4),
        (-5.8, 33.0),
        (-6.4, 22.0),
    ),
    "trapezoid": ((5.6, 20.6), (10.6, 23.6), (12.6, 31.0), (9.4, 35.0), (6.0, 33.6)),
    "trapezium": ((12.4, 23.8), (17.4, 23.4), (22.6, 28.6), (20.6, 35.4), (13.8, 35.0)),
}


def carpals(spread: float) -> tuple[Block, ...]:
    """Return the bones of the wrist; `spread` is 1 from the front, less at an angle."""
    blocks = []
    for number, corners in enumerate(CARPALS.values()):
        places = np.asarray(corners)
        middle = places.mean(axis=0)
        narrow = 0.62 + 0.38 * spread
        moved = middle * (spread, 1) + (places - middle) * (narrow, 1)
        if spread < 0.5:
            moved += (4.0 * np.sin(2.1 * number), 0)
        blocks.append(
            Block(
                corners=tuple((float(x), float(y)) for x, y in moved),
                thickness=13.0,
                wall=1.0,
                filling=0.3,
                round=1.0,
            )
        )
    return tuple(blocks)


@dataclass(frozen=True, kw_only=True)
class Ray:
    """A finger with its metacarpal.

    Args:
        name: of the finger.
        ordinal: of its metacarpal, "first".
        base: (x, y) of the metacarpal's base.
        degrees: directions of metacarpal and finger, from y toward the thumb.
        lengths: of metacarpal and phalanges, two in the thumb.
        size: factor on all widths.
    """

    name: str
    ordinal: str
    base: tuple[float, float]
    degrees: tuple[float, float]
    lengths: tuple[float, ...]
    size: float


RAYS = (
    Ray(
        name="thumb",
        ordinal="first",
        base=(19.5, 37.0),
        degrees=(36.0, 26.0),
        lengths=(44.0, 31.0, 24.0),
        size=1.06,
    ),
    Ray(
        name="index finger",
        ordinal="second",
        base=(9.4, 36.6),
        degrees=(8.0, 7.0),
        lengths=(65.0, 40.0, 24.0, 18.0),
        size=1.0,
    ),
    Ray(
        name="middle finger",
        ordinal="third",
        base=(-0.6, 36.0),
        degrees=(1.0, 0.5),
        lengths=(63.0, 44.0, 28.0, 19.0),
        size=1.02,
    ),
    Ray(
        name="ring finger",
        ordinal="fourth",
        base=(-9.6, 35.0),
        degrees=(-7.0, -6.0),
        lengths=(56.0, 41.0, 27.0, 19.0),
        size=0.96,
    ),
    Ray(
        name="little finger",
        ordinal="fifth",
        base=(-17.4, 33.0),
        degrees=(-15.0, -14.0),
        lengths=(52.0, 32.0, 19.0, 17.0),
        size=0.88,
    ),
)

METACARPAL = (
    ((0, 7.0, 0.8, 0.32), (0.07, 7.3, 0.9, 0.28), (0.18, 5.5, 1.1, 0.21), (0.35, 4.2, 1.4, 0.06)),
    ((0.55, 3.9, 1.55, 0.0), (0.72, 4.6, 1.5, 0.16), (0.85, 6.4, 0.9, 0.25)),
    ((0.93, 7.0, 0.8, 0.29), (1, 6.6, 0.8, 0.32)),
)
PHALANX = (
    ((0, 7.3, 0.8, 0.32), (0.06, 7.7, 0.8, 0.28), (0.15, 6.5, 1.0, 0.21), (0.35, 4.8, 1.3, 0.06)),
    ((0.6, 4.3, 1.45, 0.0), (0.8, 4.7, 1.1, 0.1), (0.9, 5.5, 0.9, 0.24)),
    ((0.96, 5.7, 0.8, 0.28), (1, 5.4, 0.8, 0.29)),
)
TIP = (
    ((0, 6.6, 0.7, 0.29), (0.1, 6.8, 0.7, 0.28), (0.25, 4.6, 0.9, 0.21), (0.45, 3.2, 1.2, 0.14)),
    ((0.68, 3.0, 1.1, 0.14), (0.82, 4.3, 0.6, 0.28), (0.92, 4.6, 0.5, 0.32), (1, 4.0, 0.5, 0.32)),
)
BASE = ((-1, 1.6), (-0.8, 0.2), (0, 1.3), (0.8, 0.2), (1, 1.6))
FLAT = ((-1, 1.5), (-0.7, 0.2), (0, 0.8), (0.7, 0.0), (1, 1.2))
DOME = ((-1, 5.5), (-0.7, 2.2), (-0.35, 0.5), (0, 0), (0.35, 0.5), (0.7, 2.2), (1, 5.5))
PULLEY = ((-1, 2.8), (-0.55, 0.1), (0, 1.0), (0.55, 0.1), (1, 2.8))
TUFT = ((-1, 3.5), (-0.6, 0.8), (0, 0), (0.6, 0.8), (1, 3.5))
JOINT = 1.9  # space between two bones of a finger


def finger(ray: Ray, spread: float, bends: tuple[float, ...] = ()) -> tuple[Tube, ...]:
    """Return a ray's bones, from the metacarpal on.

    Args:
        ray: the finger.
        spread: 1 from the front, less at an angle.
        bends: further turn at each joint, in degrees.
    """
    kinds = (METACARPAL, *[PHALANX] * (len(ray.lengths) - 2), TIP)
    middle = ("middle phalanx",) * (len(ray.lengths) - 3)  # the thumb has none
    names = ("", "proximal phalanx", *middle, "distal phalanx")
    x, y = ray.base[0] * spread, ray.base[1]
    degrees = ray.degrees[0] * spread
    bones = []
    for number, (kind, name, length) in enumerate(zip(kinds, names, ray.lengths, strict=True)):
        if number:
            degrees = ray.degrees[1] * spread + sum(bends[:number])
        size = ray.size * (1.0 if number < 2 else 0.9) * (0.84 + 0.16 * spread)
        rows = tuple(
            (u * length, -half * size, half * size, wall, filling)
            for part in kind
            for u, half, wall, filling in part
        )
        bones.append(
            Tube(
                name=f"{name} of the {ray.name}" if number else f"{ray.ordinal} metacarpal",
                rows=rows,
                near=BASE if number else FLAT,
                far=TUFT if kind is TIP else PULLEY if number else DOME,
                place=(x, y),
                degrees=degrees,
                round=1.8,
                growth=((0.1 if number else 0.86) * length,),
            )
        )
        turn = np.deg2rad(degrees)
        x += float((length + JOINT) * np.sin(turn))
        y += float((length + JOINT) * np.cos(turn))
    return tuple(bones)
