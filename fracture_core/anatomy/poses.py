"""The bones of the atlas in place, from the front, from the side, or at an angle between."""

from dataclasses import replace

import numpy as np

from fracture_core.anatomy import arm_bones, hand_bones
from fracture_core.anatomy.shapes import Block, Tube

FRONT, SIDE, OBLIQUE = range(3)


def upper_arm(kind: int, shaft: bool = False) -> Tube:
    """Return the humerus above an elbow at y = 0, or from its head at y = 0."""
    bone = arm_bones.HUMERUS_SIDE if kind == SIDE else arm_bones.HUMERUS
    return bone if shaft else replace(bone, place=(0.0, -320.0))


def below_elbow(spread: float) -> tuple[Tube, Tube]:
    """Return radius and ulna below an elbow at y = 0."""
    radius = replace(arm_bones.RADIUS, place=(13.0 * spread, 2.4), degrees=7.0)
    return radius, replace(arm_bones.ULNA, place=(-8.0 * spread, -22.0), degrees=8.5)


def bent_elbow(arm: float, bend: float) -> tuple[Tube, Tube, Tube]:
    """Return an elbow from the side, its hinge at (0, 0): directions of the arm and the bend."""

    def at(bone: Tube, degrees: float, hinge: tuple[float, float]) -> Tube:
        turn = np.deg2rad(degrees)
        u, v = hinge
        x = -u * np.sin(turn) - v * np.cos(turn)
        return replace(
            bone, degrees=degrees, place=(float(x), float(-u * np.cos(turn) + v * np.sin(turn)))
        )

    return (
        at(arm_bones.HUMERUS_SIDE, arm, arm_bones.TROCHLEA),
        at(arm_bones.RADIUS_SIDE, arm + bend, (-12.4, -3.5)),
        at(arm_bones.ULNA_SIDE, arm + bend, arm_bones.NOTCH),
    )


def shafts(spread: float, kind: int) -> tuple[Tube, Tube]:
    """Return radius and ulna between an elbow at y = 0 and a wrist at y = 240."""
    if kind == SIDE:
        _, radius, ulna = bent_elbow(-90, 90)
        return replace(radius, degrees=-0.6), replace(ulna, degrees=0.4)
    return (
        replace(arm_bones.RADIUS, place=(13.0 * spread, 2.4), degrees=-1.4 * spread),
        replace(arm_bones.ULNA, place=(-8.0 * spread, -22.0), degrees=-0.9 * spread),
    )


def above_wrist(spread: float, kind: int) -> tuple[Tube, Tube]:
    """Return radius and ulna above a wrist at y = 0."""
    if kind == SIDE:
        return (
            replace(arm_bones.RADIUS_SIDE, place=(0.5, -229.0)),
            replace(arm_bones.ULNA_SIDE, place=(-4.0, -258.0), degrees=-0.6),
        )
    return (
        replace(arm_bones.RADIUS, place=(0.5, -231.5)),
        replace(arm_bones.ULNA, place=(-20.0 * spread, -263.0)),
    )


def hand(spread: float) -> tuple[Tube | Block, ...]:
    """Return the bones of a hand; `spread` is 1 from the front, less from the side."""
    fingers = [bone for ray in hand_bones.RAYS for bone in hand_bones.finger(ray, spread)]
    return (*hand_bones.carpals(spread), *fingers)


def shoulder() -> tuple[Tube | Block, ...]:
    """Return the bones of a shoulder without the humerus."""
    return (
        arm_bones.CLAVICLE,
        *arm_bones.GLENOID,
        *arm_bones.SCAPULA,
        arm_bones.ACROMION,
        arm_bones.CORACOID,
    )


def shifted(bones: tuple[Tube | Block, ...], x: float, y: float) -> tuple[Tube | Block, ...]:
    """Return bones moved by (x, y) mm."""
    moved: list[Tube | Block] = []
    for bone in bones:
        if isinstance(bone, Tube):
            moved.append(replace(bone, place=(bone.place[0] + x, bone.place[1] + y)))
        else:
            moved.append(replace(bone, corners=tuple((a + x, b + y) for a, b in bone.corners)))
    return tuple(moved)
