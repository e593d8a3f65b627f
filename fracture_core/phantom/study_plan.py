"""The studies of a phantom set: whose they are, which part they show, and what is broken.

The films of a study depend on seed and study number alone.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fracture_core.anatomy.patients import anatomy, injury
from fracture_core.anatomy.shapes import Scene
from fracture_core.phantom.limbs import compose

# Parts, and how often each comes in 20 patients. In MURA wrist, shoulder, finger and hand lead;
# here those do in which 32 px show a break.
PARTS = {
    "forearm": 4,
    "humerus": 4,
    "shoulder": 4,
    "wrist": 3,
    "elbow": 2,
    "finger": 2,
    "hand": 1,
}
POSITIVE_OF_FIVE = (2, 2, 3, 2)  # 9 of 20 studies are positive; of MURA's 41 %
KIND_ORDER = (  # 10 displaced, 7 angulated, 3 hairline
    *("displaced", "angulated", "displaced", "displaced", "angulated"),
    *("hairline", "displaced", "angulated", "displaced", "displaced"),
    *("angulated", "displaced", "hairline", "angulated", "displaced"),
    *("displaced", "angulated", "displaced", "angulated", "hairline"),
)
TRAIN_SHARE = 0.8  # of the studies; patients are never divided
VIEWS = (0.2, 0.3, 0.3, 0.2)  # chance of 1, 2, 3 and 4 films in a study; 2.5 on average
HIDDEN = 0.15  # chance that a view of a positive study hides the break, if another one shows it


@dataclass(frozen=True, kw_only=True)
class Break:
    """A break visible on a film.

    Args:
        kind: its grade, "displaced", "angulated" or "hairline".
        box: (x0, y0, x1, y1) in px of the film, the last two exclusive.
        pattern: "transverse", "oblique", "spiral", "comminuted" or "greenstick"; "" before
            version 3.
        bone: in words, "radius"; "" before version 3.
    """

    kind: str
    box: tuple[int, int, int, int]
    pattern: str = ""
    bone: str = ""


@dataclass(frozen=True, kw_only=True)
class Study:
    """One study of the plan.

    Args:
        index: number in the set, from 0; it and the seed determine the films.
        patient: number from 1.
        part: one of `PARTS`.
        number: of the study within patient and part, from 1.
        kind: of its break; None for a negative study.
        split: "train" or "valid".
    """

    index: int
    patient: int
    part: str
    number: int
    kind: str | None
    split: str

    @property
    def folder(self) -> str:
        """Folder of the study, relative to the root."""
        label = "positive" if self.kind else "negative"
        return (
            f"{self.split}/XR_{self.part.upper()}/patient{self.patient:05d}"
            f"/study{self.number}_{label}"
        )


@dataclass(frozen=True, kw_only=True)
class Film:
    """One film of the plan: its path relative to the root, its scene, and its breaks."""

    path: str
    scene: Scene
    breaks: tuple[Break, ...]


def plan(studies: int, seed: int, hairlines: int | None = None) -> list[Study]:
    """Plan all studies of a set in order: patient by patient, `train` before `valid`.

    Args:
        studies: how many.
        seed: of the set; with studies it alone determines patients, parts, labels and splits.
        hairlines: share of the breaks that are hairlines, in percent; None for `KIND_ORDER`.
    """
    rng = np.random.default_rng((seed, 0))
    kinds = _kinds(studies, np.random.default_rng((seed, 4)), _grades(hairlines))
    parts = _parts(np.random.default_rng((seed, 5)))
    planned: list[Study] = []
    patient = 0
    while len(planned) < studies:
        patient += 1
        split = "train" if len(planned) < round(TRAIN_SHARE * studies) else "valid"
        count = int(rng.choice((1, 2, 3), p=(0.86, 0.11, 0.03)))
        part = next(parts)
        numbers = dict.fromkeys(PARTS, 0)
        for _ in range(min(count, studies - len(planned))):
            numbers[part] += 1
            index = len(planned)
            planned.append(
                Study(
                    index=index,
                    patient=patient,
                    part=part,
                    number=numbers[part],
                    kind=kinds[index],
                    split=split,
                )
            )
            if rng.random() < 0.3:
                part = str(rng.choice([each for each in PARTS if each != part]))
    return planned


def films(study: Study, seed: int) -> list[Film]:
    """Compose the films of a study, without drawing them; a function of study and seed alone."""
    rng = np.random.default_rng((seed, 1, study.index))
    body = anatomy(np.random.default_rng((seed, 2, study.patient, sorted(PARTS).index(study.part))))
    views = 1 + int(rng.choice(len(VIEWS), p=VIEWS))
    trauma = injury(study.kind, body.growing, rng) if study.kind else None
    shown = rng.random(views) >= HIDDEN
    shown[rng.integers(views)] = True
    end = int(rng.integers(2))
    result = []
    for view in range(views):
        visible = trauma if shown[view] else None
        noise = (seed, 3, study.index, view)
        scene, broken = compose(study.part, view, end, body, visible, rng, noise)
        marks = tuple(
            Break(kind=found.grade, box=box, pattern=found.pattern, bone=bone.name)
            for bone, found, box in broken
        )
        path = f"{study.folder}/image{view + 1}.png"
        result.append(Film(path=path, scene=scene, breaks=marks))
    return result


def _parts(rng: np.random.Generator) -> Iterator[str]:
    """Yield the part of each patient's first study; even a small set has most of them."""
    block = [part for part, count in PARTS.items() for _ in range(count)]
    while True:
        for place in rng.permutation(len(block)):
            yield block[place]


def _grades(hairlines: int | None) -> Iterator[str]:
    """Yield the grade of each break in order, `hairlines` of 100 being a hairline."""
    if hairlines is None:
        yield from itertools.cycle(KIND_ORDER)
        return
    others = itertools.cycle(grade for grade in KIND_ORDER if grade != "hairline")
    for number in itertools.count():
        due = (number + 1) * hairlines // 100 > number * hairlines // 100
        yield "hairline" if due else next(others)


def _kinds(studies: int, rng: np.random.Generator, grades: Iterator[str]) -> list[str | None]:
    """Return the kind of break of each study; even a small set has both labels."""
    kinds: list[str | None] = []
    while len(kinds) < studies:
        block: list[str | None] = [None] * 5
        for place in rng.permutation(5)[: POSITIVE_OF_FIVE[len(kinds) // 5 % 4]]:
            block[place] = next(grades)
        kinds += block
    return kinds[:studies]
