"""The skin around each part of a limb; parts that overlap melt into one."""

from dataclasses import replace

from fracture_core.anatomy import hand_bones
from fracture_core.anatomy.patients import Anatomy
from fracture_core.anatomy.shapes import Flesh, Tube


def arm(
    body: Anatomy, place: tuple[float, float], degrees: float = 0.0, cut: float = 400.0
) -> Flesh:
    """Return the skin of an upper arm from the shoulder, `cut` mm long."""
    rows = (
        (-6, -44, 40, 62), (20, -46, 46, 80), (55, -42, 48, 82), (90, -36, 42, 78),
        (150, -36, 36, 72), (220, -36, 34, 66), (270, -38, 36, 62), (310, -40, 38, 60),
        (cut, -38, 37, 58),
    )  # fmt: skip
    caps = (34.0, 26.0 if cut < 400 else 0.0)
    return Flesh(rows=_wider(rows, body), place=place, degrees=degrees, caps=caps)


def forearm(body: Anatomy, place: tuple[float, float], degrees: float) -> Flesh:
    """Return the skin of a forearm from the elbow at `place`."""
    rows = (
        (0, -38, 36, 58), (40, -42, 40, 62), (80, -42, 42, 64), (140, -36, 37, 56),
        (200, -29, 31, 44), (250, -27, 29, 38), (290, -28, 30, 36),
    )  # fmt: skip
    bent = degrees == 90.0
    return Flesh(
        rows=_wider(rows, body), place=place, degrees=degrees, caps=(30.0 if bent else 0.0, 0.0)
    )


def hand(body: Anatomy, spread: float) -> tuple[Flesh, ...]:
    """Return the skin of palm and fingers; `spread` as in `poses.hand`."""
    fingers = [
        part for ray in hand_bones.RAYS for part in finger(hand_bones.finger(ray, spread), body)
    ]
    return (palm(body, spread), *fingers)


def palm(body: Anatomy, spread: float) -> Flesh:
    """Return the skin of a palm and of the end of the forearm."""
    rows = (
        (-120, -34, 34, 46), (-60, -29, 30, 41), (-15, -28, 27, 37), (5, -30, 28, 35),
        (25, -35, 33, 34), (50, -38, 34, 32), (75, -37, 32, 28), (95, -36, 30, 25),
        (112, -36, 29, 22),
    )  # fmt: skip
    narrow = 0.5 + 0.5 * spread
    fitted = tuple((u, left * narrow, right * narrow, deep) for u, left, right, deep in rows)
    return Flesh(rows=_wider(fitted, body), caps=(0.0, 14.0))


def finger(bones: tuple[Tube, ...], body: Anatomy) -> tuple[Flesh, ...]:
    """Return the skin around a finger, one part for each of its bones after the first."""
    parts = []
    tip = len(bones) - 1
    for number, bone in enumerate(bones):
        if number == 0 and bone.name != "first metacarpal":
            continue
        half = (13.5, 10.2, 9.0, 8.4)[number]
        beyond = 6.0 if number == tip else 8.0
        rows = (
            (-10, -half, half, 1.8 * half),
            (bone.length / 2, -0.97 * half, 0.97 * half, 1.75 * half),
            (bone.length + beyond, -0.93 * half, 0.93 * half, 1.6 * half),
        )
        parts.append(
            Flesh(rows=_wider(rows, body), place=bone.place, degrees=bone.degrees, caps=(8.0, 8.0))
        )
    return tuple(parts)


def trunk(body: Anatomy) -> tuple[Flesh, ...]:
    """Return chest and trapezius beside a shoulder at (0, 0)."""
    chest = (
        (-110, -50, 10, 60), (-60, -90, 20, 80), (-35, -100, 48, 88), (0, -100, 62, 92),
        (40, -100, 64, 96), (80, -100, 60, 96), (140, -100, 58, 96), (300, -100, 58, 96),
    )  # fmt: skip
    slope = ((0, -40, 26, 80), (60, -36, 27, 80), (110, -32, 28, 76), (150, -30, 26, 60))
    return (
        Flesh(rows=_wider(chest, body), place=(-96.0, 0.0)),
        Flesh(rows=_wider(slope, body), place=(-130.0, -52.0), degrees=77.0, caps=(0.0, 26.0)),
    )


def shifted(flesh: tuple[Flesh, ...], x: float, y: float) -> tuple[Flesh, ...]:
    """Return soft parts moved by (x, y) mm."""
    return tuple(replace(each, place=(each.place[0] + x, each.place[1] + y)) for each in flesh)


def _wider(rows: tuple[tuple[float, ...], ...], body: Anatomy) -> tuple[tuple[float, ...], ...]:
    return tuple(
        (u, left * body.flesh, right * body.flesh, deep * body.flesh)
        for u, left, right, deep in rows
    )
