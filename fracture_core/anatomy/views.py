"""Seven parts of a limb as films show them: bones and soft parts in place, before any break."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fracture_core.anatomy import arm_bones, hand_bones, poses, soft_parts
from fracture_core.anatomy.patients import Anatomy
from fracture_core.anatomy.poses import FRONT, OBLIQUE, SIDE
from fracture_core.anatomy.shapes import Block, Flesh, Pad, Tube


@dataclass(frozen=True, kw_only=True)
class Site:
    """A place where a bone breaks: the bone's name, and the first and last u of the line."""

    bone: str
    first: float
    last: float


@dataclass(frozen=True, kw_only=True)
class View:
    """A part of the limb in place, whole.

    Args:
        bones: all bones.
        flesh: the soft parts.
        middle: (x, y) of the film's middle.
        field: height of the film in mm.
        turn: of the limb on the film, in degrees.
        pads: fat and air.
        effusion: further fat that appears where a bone is broken.
        wide: width of the film over its height, about.
    """

    bones: tuple[Tube | Block, ...]
    flesh: tuple[Flesh, ...]
    middle: tuple[float, float]
    field: float
    turn: float = 0.0
    pads: tuple[Pad, ...] = ()
    effusion: tuple[Pad, ...] = ()
    wide: float = 0.78


SITES: dict[str, tuple[Site, ...]] = {
    "elbow": (
        Site(bone="humerus", first=262, last=278),
        Site(bone="radius", first=14, last=24),
        Site(bone="ulna", first=36, last=56),
    ),
    "finger": (
        Site(bone="proximal phalanx", first=0.3, last=0.7),
        Site(bone="proximal phalanx", first=0.3, last=0.7),
        Site(bone="middle phalanx", first=0.35, last=0.65),
    ),
    "forearm": (
        Site(bone="radius", first=95, last=150),
        Site(bone="ulna", first=95, last=150),
    ),
    "hand": (
        Site(bone="fifth metacarpal", first=0.6, last=0.78),
        Site(bone="fourth metacarpal", first=0.35, last=0.65),
        Site(bone="third metacarpal", first=0.35, last=0.65),
        Site(bone="second metacarpal", first=0.35, last=0.65),
    ),
    "humerus": (Site(bone="humerus", first=130, last=185),),
    "shoulder": (
        Site(bone="humerus", first=52, last=74),
        Site(bone="humerus", first=52, last=74),
        Site(bone="clavicle", first=44, last=68),
    ),
    "wrist": (Site(bone="radius", first=205, last=219),),
}


def elbow(kind: int, body: Anatomy, end: int) -> View:
    """Return an elbow: straight from the front, bent by a right angle from the side."""
    if kind != SIDE:
        spread = 1.0 if kind == FRONT else 0.82
        bones = (poses.upper_arm(kind), *poses.below_elbow(spread))
        flesh = (soft_parts.arm(body, (0, -330)), soft_parts.forearm(body, (2, -40), 1.0))
        return View(bones=bones, flesh=flesh, middle=(1, 2), field=164)
    flesh = (
        soft_parts.arm(body, (-2, -330), cut=345.0),
        soft_parts.forearm(body, (-14, 4), 90.0),
    )
    thin = Pad(x=9, y=-27, along=17, across=4.5, degrees=-4, share=0.28)
    sail = (
        Pad(x=12, y=-27, along=19, across=8, degrees=20, share=0.34),
        Pad(x=-15, y=-29, along=18, across=5.5, degrees=-8, share=0.34),
    )
    return View(
        bones=poses.bent_elbow(0, 90),
        flesh=flesh,
        middle=(26, -22),
        field=164,
        pads=(thin,),
        effusion=sail,
        wide=0.86,
    )


def forearm(kind: int, body: Anatomy, end: int) -> View:
    """Return the shafts with the elbow (`end` 0) or the wrist (1)."""
    spread = (1.0, 0.42, 0.74)[kind]
    shafts = poses.shafts(spread, kind)
    if kind == SIDE:
        above = (poses.bent_elbow(-88, 88)[0],)
    else:
        above = (replace(poses.upper_arm(kind), degrees=-4.0, place=(-23.0, -319.0)),)
    hand = poses.shifted(poses.hand(spread), 7.0 * spread, 234.0)
    flesh = (
        soft_parts.forearm(body, (2, -40), 0.0),
        *soft_parts.shifted(soft_parts.hand(body, spread), 7.0 * spread, 234.0),
        *(
            (soft_parts.arm(body, (318, 0), degrees=-90.0, cut=326.0),)
            if kind == SIDE
            else (soft_parts.arm(body, (-23, -330)),)
        ),
    )
    middle = (4.0, 92.0 if end == 0 else 152.0)
    return View(bones=(*shafts, *above, *hand), flesh=flesh, middle=middle, field=192, wide=0.66)


def humerus(kind: int, body: Anatomy, end: int) -> View:
    """Return the shaft with the shoulder (`end` 0) or the elbow (1)."""
    arm = poses.upper_arm(kind, shaft=True)
    if end == 0:
        around = tuple(poses.shifted(poses.shoulder(), -8.0, 24.0))
        middle = (2.0, 102.0)
    else:
        around = tuple(poses.shifted(poses.below_elbow(1.0 if kind == FRONT else 0.6), 0.0, 320.0))
        middle = (0.0, 214.0)
    flesh = (
        soft_parts.arm(body, (0, -10)),
        *soft_parts.shifted(soft_parts.trunk(body), -8.0, 24.0),
        soft_parts.forearm(body, (2, 280), 1.0),
    )
    return View(bones=(arm, *around), flesh=flesh, middle=middle, field=212, wide=0.66)


def shoulder(kind: int, body: Anatomy, end: int) -> View:
    """Return a shoulder from the front, the arm turned outward, inward, or held off."""
    away = (4.0, 9.0, 24.0)[kind]
    arm = poses.upper_arm(OBLIQUE if kind == SIDE else FRONT, shaft=True)
    turn = np.deg2rad(away)
    head = (24 * np.sin(turn) - 8 * np.cos(turn), 24 * np.cos(turn) + 8 * np.sin(turn))
    place = (-float(head[0]), -float(head[1]))
    flesh = (soft_parts.arm(body, place, degrees=away), *soft_parts.trunk(body))
    lung = Pad(x=-122, y=75, along=110, across=46, degrees=-6, share=0.42)
    return View(
        bones=(replace(arm, place=place, degrees=away), *poses.shoulder(), *arm_bones.RIBS),
        flesh=flesh,
        middle=(-32.0, 14.0),
        field=182,
        pads=(lung,),
        wide=0.9,
    )


def wrist(kind: int, body: Anatomy, end: int) -> View:
    """Return a wrist, the hand upward."""
    spread = (1.0, 0.3, 0.68)[kind]
    bones = (*poses.above_wrist(spread, kind), *poses.hand(spread))
    return View(
        bones=bones,
        flesh=soft_parts.hand(body, spread),
        middle=(-1.0, 6.0),
        field=128,
        turn=180.0,
        wide=0.74,
    )


def hand(kind: int, body: Anatomy, end: int) -> View:
    """Return a hand, the fingers upward; spread like a fan from the side."""
    spread = (1.0, 0.5, 0.74)[kind]
    bones = (*poses.above_wrist(spread, kind), *poses.hand(spread))
    return View(
        bones=bones,
        flesh=soft_parts.hand(body, spread),
        middle=(4.0 * spread, 94.0),
        field=230,
        turn=180.0,
        wide=0.76,
    )


def finger(kind: int, body: Anatomy, end: int) -> View:
    """Return one finger, the others cut off by the film's border, or folded away."""
    ray = hand_bones.RAYS[2 if end else 1]
    if kind == SIDE:
        bones = hand_bones.finger(ray, 0.35, (6.0, 14.0, 9.0))
        others = [
            bone
            for other in hand_bones.RAYS[1:]
            if other is not ray
            for bone in hand_bones.finger(other, 0.12, (78.0, 92.0, 50.0))[1:]
        ]
        flesh = (
            *soft_parts.finger(bones, body),
            *(
                each
                for k in hand_bones.RAYS[1:]
                if k is not ray
                for each in soft_parts.finger(hand_bones.finger(k, 0.12, (78.0, 92.0, 50.0)), body)
            ),
            soft_parts.palm(body, 0.5),
        )
    else:
        spread = 1.0 if kind == FRONT else 0.8
        bones = hand_bones.finger(ray, spread)
        others = [
            bone
            for other in hand_bones.RAYS
            if other is not ray
            for bone in hand_bones.finger(other, spread)
        ]
        flesh = soft_parts.hand(body, spread)
    proximal, middle = bones[1], bones[2]
    x = proximal.place[0] + 0.9 * (middle.place[0] - proximal.place[0]) + (6 if kind == SIDE else 0)
    y = middle.place[1] + (9 if kind == SIDE else -3)
    return View(
        bones=(*bones[1:], bones[0], *others),
        flesh=flesh,
        middle=(x, y),
        field=122,
        turn=180.0,
        wide=0.6,
    )


VIEWS: dict[str, Callable[[int, Anatomy, int], View]] = {
    "elbow": elbow,
    "finger": finger,
    "forearm": forearm,
    "hand": hand,
    "humerus": humerus,
    "shoulder": shoulder,
    "wrist": wrist,
}
