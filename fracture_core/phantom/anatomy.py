"""The bones of forearm and upper arm in numbers, and the variation of people and breaks.

Lengths are in hundredths of the part's long bone: u runs along the limb, away from the shoulder,
v across it, toward the thumb. The numbers are rounded from textbook proportions: a forearm of
24 cm, an upper arm of 32 cm.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Line:
    """A dark line in a bone: a growth plate, a vessel's canal, a crack.

    Args:
        u: of its crossing with the middle of the bone.
        slope: change of u per step across the bone.
        width: half-width.
        depth: share of the bone that is missing along the line, 0 to 1.
        reach: its first and last place across the bone, from the bone's middle.
        rims: share of the missing bone that is heaped beside the line, 0 to 1. At 1 nothing is
            lost on average, so that the line fades on films with wider pixels.
        jag: amplitude and phase of its teeth.
    """

    u: float
    slope: float
    width: float
    depth: float
    reach: tuple[float, float] = (-99.0, 99.0)
    rims: float = 0.0
    jag: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class Fracture:
    """A break across one tube.

    Args:
        kind: "displaced", "angulated" or "hairline".
        u: of its crossing with the middle of the bone.
        slope: change of u per step across the bone.
        kink: offset of both fragments at the break, which bends the shaft.
        shift: offset of the far fragment at the break from the near one.
        gap: space between the fragments along the bone; negative where they overlap.
        depth: share of the bone that is missing along the line itself, 0 to 1; it is heaped
            beside the line, as for a `Line` with rims of 1.
        width: half-width of that line.
        jag: amplitude and phase of the line's teeth.
        cracks: fine lines that run from the break into the bone.
    """

    kind: str
    u: float
    slope: float = 0.0
    kink: float = 0.0
    shift: float = 0.0
    gap: float = 0.0
    depth: float = 0.0
    width: float = 0.15
    jag: tuple[float, float] = (0.5, 0.0)
    cracks: tuple[Line, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plate:
    """A metal plate with screws, from `first` to `last` along a bone.

    It lies on the right (`side` 1) or left (-1) edge, or is seen from above (0).
    """

    first: float
    last: float
    side: int


@dataclass(frozen=True, kw_only=True)
class Tube:
    """A long bone, or a limb's soft tissue.

    Args:
        rows: of u, centre, left and right half-width, wall thickness, and filling: density inside
            the wall, relative to the wall. Below 0 the canal is darker than it is in life, as it
            appears on films.
        caps: length over which the near and the far end are rounded off; 0 leaves an end open.
        smooth: reach along u over which the rows are smoothed.
        fracture: the break in it.
        lines: straight dark lines other than the break.
        plate: metal from an old operation.
    """

    rows: tuple[tuple[float, ...], ...]
    caps: tuple[float, float] = (0.0, 0.0)
    smooth: float = 3.0
    fracture: Fracture | None = None
    lines: tuple[Line, ...] = ()
    plate: Plate | None = None


@dataclass(frozen=True, kw_only=True)
class Shell:
    """A rounded bone: an ellipse at (u, v), with its half-axes, turn in degrees and wall."""

    u: float
    v: float
    along: float
    across: float
    degrees: float = 0.0
    wall: float = 0.5
    filling: float = 0.45


@dataclass(frozen=True, kw_only=True)
class Joint:
    """A turn of the limb beyond a joint: about the place (u, v), in degrees toward v."""

    u: float
    v: float
    degrees: float


@dataclass(frozen=True, kw_only=True)
class Bone:
    """Tubes and shells that melt into one bone, bent out of the limb's line at a joint or not."""

    parts: tuple[Tube | Shell, ...]
    joint: Joint | None = None


@dataclass(frozen=True, kw_only=True)
class Flesh:
    """The skin around a part of the limb; several melt into one."""

    tube: Tube
    joint: Joint | None = None


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """Traits of a patient that are the same in all films.

    Args:
        thickness: factor on the width of the bones.
        cortex: factor on the thickness of their walls.
        flesh: factor on the width of the soft parts.
        bow: curvature of the shaft.
        growing: whether growth plates are open.
        mirrored: whether it is the left limb.
        metal: side of a plate from an old operation, -1 or 1; or None.
    """

    thickness: float
    cortex: float
    flesh: float
    bow: float
    growing: bool
    mirrored: bool
    metal: int | None


def anatomy(rng: np.random.Generator) -> Anatomy:
    """Draw a patient's limb."""
    return Anatomy(
        thickness=float(rng.uniform(0.95, 1.15)),
        cortex=float(rng.uniform(0.8, 1.15)),
        flesh=float(rng.uniform(0.9, 1.2)),
        bow=float(rng.normal(0, 0.7)),
        growing=bool(rng.random() < 0.22),
        mirrored=bool(rng.random() < 0.5),
        metal=int(rng.choice((-1, 1))) if rng.random() < 0.06 else None,
    )


@dataclass(frozen=True, kw_only=True)
class Injury:
    """Traits of a break that are the same in all films.

    Args:
        kind: "displaced", "angulated" or "hairline".
        place: along the shaft, -1 (towards the elbow or shoulder) to 1.
        bone: index of the part's long bone; the forearm's second bone may break with the first.
        both: whether both bones of a forearm are broken.
        side: -1 or 1, of the fragments' offset.
    """

    kind: str
    place: float
    bone: int
    both: bool
    side: int


def injury(kind: str, rng: np.random.Generator) -> Injury:
    """Draw a break of this kind."""
    return Injury(
        kind=kind,
        place=float(rng.uniform(-1, 1)),
        bone=int(rng.integers(2)),
        both=bool(rng.random() < 0.85),
        side=int(rng.choice((-1, 1))),
    )


RADIUS = Tube(
    rows=(
        (3, 7.0, 4.6, 4.6, 0.5, 0.5),
        (7, 7.0, 4.8, 4.8, 0.6, 0.45),
        (11, 6.6, 3.2, 3.1, 0.9, 0.25),
        (16, 5.6, 3.8, 3.0, 1.1, 0.2),
        (22, 5.9, 3.1, 3.0, 1.3, -0.02),
        (45, 8.2, 3.4, 3.3, 1.45, -0.1),
        (70, 8.0, 3.4, 3.3, 1.2, -0.05),
        (83, 6.6, 4.2, 4.2, 0.8, 0.16),
        (92, 5.6, 6.0, 6.0, 0.55, 0.28),
        (100, 5.4, 6.7, 6.7, 0.5, 0.34),
    ),
    caps=(2.5, 2.5),
)
ULNA = Tube(
    rows=(
        (-6, -3.4, 4.4, 4.4, 0.6, 0.45),
        (4, -3.6, 5.6, 4.8, 0.7, 0.4),
        (12, -4.6, 4.3, 3.7, 1.0, 0.3),
        (20, -5.2, 3.3, 3.2, 1.3, 0.0),
        (45, -5.7, 3.0, 3.0, 1.35, -0.1),
        (75, -5.7, 2.5, 2.5, 1.05, 0.0),
        (88, -5.5, 2.4, 2.4, 0.7, 0.2),
        (96.5, -5.3, 3.4, 3.4, 0.5, 0.42),
    ),
    caps=(4.0, 2.0),
)
RADIUS_TIP = (Shell(u=98.8, v=9.0, along=4.6, across=3.2, degrees=-8, filling=0.34),)
ULNA_TIP = (Shell(u=97.0, v=-7.6, along=2.6, across=1.1),)
FOSSA = Line(u=-10.5, slope=0.0, width=2.6, depth=0.4, reach=(-3.6, 3.2))
ELBOW = (  # the lower end of the upper arm, seen on a film of the forearm
    Tube(
        rows=(
            (-75, 0, 4.8, 4.8, 1.5, -0.05),
            (-32, 0, 4.9, 4.9, 1.4, 0.0),
            (-20, 0, 6.6, 6.2, 0.9, 0.1),
            (-12, 0, 10.6, 9.0, 0.6, 0.2),
            (-8, 0, 11.4, 9.6, 0.5, 0.25),
            (-4, 0, 9.2, 9.2, 0.5, 0.3),
            (1.5, 0, 8.6, 8.8, 0.5, 0.3),
        ),
        caps=(0.0, 2.5),
        lines=(FOSSA,),
    ),
    Shell(u=-1.2, v=-5.0, along=4.2, across=4.2, filling=0.3),
    Shell(u=-1.4, v=5.4, along=4.3, across=4.3, filling=0.3),
)
WRIST = (
    Shell(u=105.0, v=10.0, along=4.6, across=3.0, degrees=25),
    Shell(u=103.8, v=3.6, along=3.6, across=3.5),
    Shell(u=104.2, v=-3.0, along=3.2, across=3.0),
    Shell(u=102.8, v=-4.8, along=2.0, across=1.9),
    Shell(u=110.5, v=12.4, along=3.0, across=2.9),
    Shell(u=110.8, v=8.0, along=2.7, across=2.4),
    Shell(u=110.0, v=3.2, along=5.2, across=3.0),
    Shell(u=110.5, v=-3.2, along=4.2, across=3.1),
)
KNUCKLES = tuple(
    Tube(
        rows=(
            (first, v, 3.0, 3.0, 0.5, 0.42),
            (first + 5, v * 1.12, 2.0, 2.0, 0.7, 0.2),
            (first + 18, v * 1.5, 1.7, 1.7, 0.8, 0.12),
            (first + 32, v * 1.8, 2.6, 2.6, 0.5, 0.4),
        ),
        caps=(1.5, 2.5),
    )
    for first, v in ((114.5, -5.0), (115.0, -0.4), (115.5, 4.4), (114.5, 9.6), (112.5, 15.5))
)
FOREARM_FLESH = Tube(
    rows=(
        (-60, 0, 19, 19, 0, 0),
        (-10, 0, 19, 18, 0, 0),
        (20, 0.6, 18.5, 19.5, 0, 0),
        (50, 0.5, 16, 17, 0, 0),
        (80, 0, 12.5, 13, 0, 0),
        (97, 0, 12, 13, 0, 0),
        (110, 1, 14, 16, 0, 0),
        (125, 2, 17, 19, 0, 0),
        (170, 2, 19, 19, 0, 0),
    ),
    smooth=9.0,
)
HUMERUS_SHAFT = Tube(
    rows=(
        (0, -1.4, 6.6, 6.6, 0.5, 0.36),
        (10, -0.4, 6.6, 6.4, 0.6, 0.3),
        (18, 0.4, 4.9, 4.9, 1.0, 0.12),
        (30, 0.6, 4.1, 4.1, 1.45, -0.08),
        (60, 0, 3.8, 3.8, 1.5, -0.1),
        (76, 0, 4.1, 4.1, 1.2, 0.0),
        (84, 0, 5.8, 5.4, 0.8, 0.12),
        (90, 0, 9.2, 7.8, 0.6, 0.2),
        (93, 0, 9.8, 8.2, 0.5, 0.24),
        (96, 0, 8.0, 7.8, 0.5, 0.28),
        (100, 0, 7.4, 7.4, 0.5, 0.3),
    ),
    caps=(4.0, 2.0),
    lines=(Line(u=91.0, slope=0.0, width=2.2, depth=0.4, reach=(-3.2, 2.8)),),
)
HUMERUS_ENDS = (
    Shell(u=5.6, v=-3.6, along=7.4, across=7.8, filling=0.36),
    Shell(u=6.8, v=4.2, along=6.4, across=3.4, filling=0.3),
    Shell(u=98.0, v=-4.2, along=3.4, across=3.6, filling=0.3),
    Shell(u=97.8, v=4.4, along=3.5, across=3.6, filling=0.3),
)
SCAPULA = (
    Shell(u=8.2, v=-14.0, along=6.6, across=2.6, degrees=-6, wall=0.45, filling=0.3),
    Shell(u=8.6, v=-18.0, along=4.6, across=4.6, wall=0.4, filling=0.22),
    Shell(u=20.0, v=-29.0, along=15.0, across=1.4, degrees=-48, wall=0.4, filling=0.1),
    Shell(u=1.4, v=-17.5, along=2.2, across=5.4, degrees=28, wall=0.45, filling=0.25),
)
SPINE = (
    Shell(u=-5.2, v=-3.4, along=2.1, across=7.2, degrees=14, wall=0.5, filling=0.25),
    Shell(u=-3.4, v=-20.0, along=2.0, across=14.0, degrees=-12, wall=0.5, filling=0.12),
)
COLLAR_BONE = (Shell(u=-9.5, v=-22.0, along=2.2, across=18.0, degrees=-9, wall=0.7, filling=0.12),)
BELOW_ELBOW = (
    Tube(
        rows=(
            (92, -2.4, 3.4, 3.4, 0.5, 0.4),
            (101, -2.8, 4.4, 3.6, 0.6, 0.4),
            (112, -3.8, 2.6, 2.6, 1.0, 0.15),
            (160, -4.2, 2.3, 2.3, 1.0, 0.12),
        ),
        caps=(3.0, 0.0),
    ),
    Tube(
        rows=(
            (100.4, 5.0, 3.6, 3.6, 0.5, 0.45),
            (103.5, 5.0, 3.6, 3.6, 0.5, 0.4),
            (107, 4.7, 2.3, 2.3, 0.8, 0.2),
            (160, 6.4, 2.5, 2.5, 1.0, 0.12),
        ),
        caps=(1.6, 0.0),
    ),
)
UPPER_ARM_FLESH = Tube(
    rows=(
        (-40, -14, 40, 18, 0, 0),
        (-8, -8, 42, 19, 0, 0),
        (8, -4, 42, 19, 0, 0),
        (22, -1, 24, 17, 0, 0),
        (34, 0, 16, 15, 0, 0),
        (60, 0, 15, 14.5, 0, 0),
        (85, 0, 14, 14, 0, 0),
        (100, 0, 15, 15, 0, 0),
        (125, 0, 13, 13, 0, 0),
    ),
    smooth=9.0,
)
