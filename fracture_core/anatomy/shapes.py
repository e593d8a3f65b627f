"""The content of a synthetic film in numbers: bones, soft tissue, metal, and breaks.

Lengths are in mm. A limb has x across it, toward the thumb, and y along it, away from the shoulder.
A tube has coordinates of its own: u along its axis, v across it.
"""

from dataclasses import dataclass

Rows = tuple[tuple[float, ...], ...]
Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A dark line across a tube: a growth plate or a vessel's canal.

    Args:
        u: of its crossing with the middle of the bone.
        slope: change of u per step across the bone.
        width: half-width.
        depth: share of the bone that is missing along the line, 0 to 1.
        reach: its first and last place across the bone, -1 (left edge) to 1.
    """

    u: float
    slope: float
    width: float
    depth: float
    reach: tuple[float, float] = (-1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A thin place of a bone, an ellipse at (u, v) of which `depth` is missing, 0 to 1."""

    u: float
    v: float
    along: float
    across: float
    depth: float


@dataclass(frozen=True, kw_only=True)
class Fracture:
    """A break across a tube, along one line from cortex to cortex.

    Each fragment is rigid and turns about its own end, so that the joints stay closed.

    Args:
        grade: "displaced", "angulated" or "hairline".
        pattern: "transverse", "oblique", "spiral", "comminuted" or "greenstick".
        u: of the line's crossing with the middle of the bone.
        slope: change of the line's u per step across the bone.
        twist: reach of a spiral line along the bone, from the middle to an edge.
        jag: amplitude and phase of the line's teeth.
        near: offset across the bone of the near fragment at the break.
        far: the same of the far fragment.
        along: way of the far fragment along the bone; negative where the fragments overlap.
        depth: share of the bone that is missing along the line, 0 to 1. What is missing is heaped
            beside it, so that a line without a step fades on films with wider pixels.
        width: half-width of the line.
        reach: first and last place of the line across the bone, -1 (left edge) to 1.
        wedge: offset of the loose third fragment of a comminuted break, to its side; 0 for none.
    """

    grade: str
    pattern: str
    u: float
    slope: float = 0.0
    twist: float = 0.0
    jag: tuple[float, float] = (0.5, 0.0)
    near: float = 0.0
    far: float = 0.0
    along: float = 0.0
    depth: float = 0.9
    width: float = 0.8
    reach: tuple[float, float] = (-9.0, 9.0)
    wedge: float = 0.0


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
    """A bone with a long axis: two edges, and an articular surface at each end.

    Args:
        name: in words, "radius".
        rows: of u, left and right edge, thickness of the wall, and filling: density inside the
            wall, relative to the wall.
        near: articular surface of the near end: (place across the bone from -1 to 1, u).
        far: the same of the far end, as the distance from the last row.
        place: (x, y) of u = v = 0.
        degrees: direction of u, from y toward x.
        round: length over which the ends are rounded off.
        depth: thickness from front to back, relative to the width.
        growth: places u of the growth plates of a child.
        lines: growth plates that are open, and vessels.
        spots: thin places.
        fracture: the break in it.
        plate: metal from an old operation.
    """

    name: str
    rows: Rows
    near: Curve = ((-1.0, 0.0), (1.0, 0.0))
    far: Curve = ((-1.0, 0.0), (1.0, 0.0))
    place: tuple[float, float] = (0.0, 0.0)
    degrees: float = 0.0
    round: float = 2.5
    depth: float = 1.0
    growth: tuple[float, ...] = ()
    lines: tuple[Line, ...] = ()
    spots: tuple[Spot, ...] = ()
    fracture: Fracture | None = None
    plate: Plate | None = None

    @property
    def length(self) -> float:
        """Distance from the first row to the last one."""
        return self.rows[-1][0] - self.rows[0][0]


@dataclass(frozen=True, kw_only=True)
class Block:
    """A bone without a long axis: a convex outline with rounded corners.

    Args:
        corners: (x, y) of the outline, in order.
        thickness: from front to back.
        wall: thickness of its wall.
        filling: density inside the wall, relative to the wall.
        round: radius of the corners, roughly.
    """

    corners: tuple[tuple[float, float], ...]
    thickness: float
    wall: float = 1.0
    filling: float = 0.4
    round: float = 2.0


@dataclass(frozen=True, kw_only=True)
class Flesh:
    """Soft parts around a part of the limb; several melt into one.

    Args:
        rows: of u, left and right edge, and thickness from front to back.
        place: (x, y) of u = v = 0.
        degrees: direction of u, from y toward x.
        caps: length over which the near and the far end are rounded off; 0 leaves an end open.
        swelling: u of its middle, reach, and share by which the limb is wider there.
        sway: u of a bend, and the offset across the limb there, of a limb with a broken bone.
    """

    rows: Rows
    place: tuple[float, float] = (0.0, 0.0)
    degrees: float = 0.0
    caps: tuple[float, float] = (0.0, 0.0)
    swelling: tuple[float, float, float] = (0.0, 1.0, 0.0)
    sway: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class Pad:
    """An ellipse of fat or air in the soft tissue, which shows dark.

    Args:
        x: of its middle.
        y: of its middle.
        along: half-axis along `degrees`.
        across: the other half-axis.
        degrees: direction of the first half-axis, from y toward x.
        share: of the tissue that is missing, 0 to 1.
    """

    x: float
    y: float
    along: float
    across: float
    degrees: float = 0.0
    share: float = 0.3


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Content of one film.

    Args:
        size: width and height in px.
        scale: px per mm.
        centre: (x, y) of the limb in the middle of the film.
        degrees: turn of the limb.
        mirrored: a left limb.
        bones: the bones; where they overlap they add up.
        flesh: outlines of the soft parts, which melt into one.
        pads: fat and air.
        fat: thickness of the layer under the skin.
        marker: letter, height in px, turn in degrees, order in which corners are tried; or None.
        collimation: (left, top, right, bottom, degrees) of the exposed field, in px; or None.
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
    bones: tuple[Tube | Block, ...]
    flesh: tuple[Flesh, ...]
    pads: tuple[Pad, ...]
    fat: float
    marker: tuple[str, int, float, tuple[int, ...]] | None
    collimation: tuple[float, float, float, float, float] | None
    exposure: float
    contrast: float
    grain: float
    blur: float
    noise: tuple[int, ...]
