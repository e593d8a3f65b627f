"""The variation of people and of their breaks: what is the same in all films of a study."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """Traits of a patient that are the same in all films.

    Args:
        thickness: factor on the width of the bones.
        cortex: factor on the thickness of their walls.
        flesh: factor on the width of the soft parts.
        bow: offset of the middle of a long bone's shaft, in mm.
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
        thickness=float(rng.uniform(0.92, 1.08)),
        cortex=float(rng.uniform(0.8, 1.15)),
        flesh=float(rng.uniform(0.88, 1.14)),
        bow=float(rng.normal(0, 1.2)),
        growing=bool(rng.random() < 0.22),
        mirrored=bool(rng.random() < 0.5),
        metal=int(rng.choice((-1, 1))) if rng.random() < 0.06 else None,
    )


PATTERNS = {  # shares of transverse, oblique, spiral, comminuted and greenstick, by grade
    "displaced": (0.34, 0.26, 0.18, 0.22, 0.0),
    "angulated": (0.5, 0.3, 0.2, 0.0, 0.0),
    "hairline": (0.3, 0.45, 0.25, 0.0, 0.0),
}
NAMES = ("transverse", "oblique", "spiral", "comminuted", "greenstick")


@dataclass(frozen=True, kw_only=True)
class Injury:
    """Traits of a break that are the same in all films.

    Args:
        grade: "displaced", "angulated" or "hairline".
        pattern: one of `NAMES`.
        site: which of the part's sites, 0 to 1.
        place: within the site, 0 to 1.
        both: whether both bones of a forearm are broken.
        side: -1 or 1, of the fragments' offset.
        severity: 0 to 1.
        phase: of the line's teeth.
    """

    grade: str
    pattern: str
    site: float
    place: float
    both: bool
    side: int
    severity: float
    phase: float


def injury(grade: str, growing: bool, rng: np.random.Generator) -> Injury:
    """Draw a break of this grade; bent bones of children are greenstick fractures."""
    pattern = str(rng.choice(NAMES, p=PATTERNS[grade]))
    if grade == "angulated" and growing:
        pattern = "greenstick"
    return Injury(
        grade=grade,
        pattern=pattern,
        site=float(rng.random()),
        place=float(rng.random()),
        both=bool(rng.random() < 0.8),
        side=int(rng.choice((-1, 1))),
        severity=float(rng.random()),
        phase=float(rng.uniform(0, 6.3)),
    )
