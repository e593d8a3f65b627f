"""Records of a prediction: what goes in of a film, what comes out of a film and of a study.

They need no TensorFlow, so that reports and pages can hold them without a network.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from fracture_core.films.eraser import Stroke
from fracture_core.films.film_checks import Check
from fracture_core.verdicts import aggregation

NAMED = 3  # films of a kind that a sentence names before it counts the others


@dataclass(frozen=True, kw_only=True)
class NearestFilm:
    """A training film near to the one in question.

    Args:
        path: relative to the root of the model's training data.
        distance: between the two, in the units of the gate's own distance.
    """

    path: str
    distance: float


@dataclass(frozen=True, kw_only=True)
class FilmInput:
    """One film of a study to judge.

    Args:
        name: how the person knows it.
        source: a path, or the file's bytes.
        erased: what a person has brushed over: the film is judged without it.
        inverted: whether black and white are exchanged before anything else is done.
    """

    name: str
    source: Path | bytes
    erased: tuple[Stroke, ...] = ()
    inverted: bool = False


@dataclass(frozen=True, kw_only=True)
class FilmPrediction:
    """What the network says of one film.

    Args:
        name: as given.
        probability: of a positive label, 0 to 1.
        pixels: what the network saw, uint8 (size, size).
        counted: whether it counts in the verdict; a doubted film does not unless it was ticked.
        checks: what the gate asked, each with value and limit; "distance" is the last of them
            where the model has a gate of its own.
        nearest: of a doubted film, the training films that are nearest in the network's features;
            none without a gate.
        inverted: whether it was judged with black and white exchanged.
        erased_share: how much of it was brushed over before it was judged, 0 to 1.
        frames: how many its file holds, of which the first was judged.
        checksum: of its pixels at full size, as it was judged; with `pixels` it tells whether two
            films are the same.
    """

    name: str
    probability: float
    pixels: np.ndarray = field(repr=False)
    counted: bool = True
    checks: tuple[Check, ...] = ()
    nearest: tuple[NearestFilm, ...] = ()
    inverted: bool = False
    erased_share: float = 0.0
    frames: int = 1
    checksum: str = field(default="", repr=False)

    @property
    def altered(self) -> tuple[str, ...]:
        """What was done to it before it was judged: "erased", "inverted", both or nothing."""
        done = {"erased": self.erased_share > 0, "inverted": self.inverted}
        return tuple(name for name, was_done in done.items() if was_done)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why it may not be a film that the model can judge, a sentence each."""
        return tuple(check.doubt for check in self.checks if check.doubt)

    @property
    def remedies(self) -> tuple[str, ...]:
        """What may help, see `film_checks.INVERT`."""
        return tuple(check.remedy for check in self.checks if check.remedy)


@dataclass(frozen=True, kw_only=True)
class StudyPrediction:
    """What the network says of one study.

    Args:
        study: its name, as given.
        films: those that could be read, in the order given.
        refused: (name, reason) of those that could not.
    """

    study: str
    films: tuple[FilmPrediction, ...]
    refused: tuple[tuple[str, str], ...]

    @property
    def doubted(self) -> tuple[FilmPrediction, ...]:
        """The films that do not count, since the gate doubts them."""
        return tuple(film for film in self.films if film.doubts and not film.counted)

    @property
    def altered(self) -> tuple[FilmPrediction, ...]:
        """The films that were not judged as they were given: a verdict on them proves nothing about
        a label of the films themselves."""
        return tuple(film for film in self.films if film.altered)

    def counting(self, names: Collection[str]) -> "StudyPrediction":
        """The same study where these doubted films count as well, and no other doubted one."""
        films = tuple(
            replace(film, counted=not film.doubts or film.name in names) for film in self.films
        )
        return replace(self, films=films)

    @property
    def probabilities(self) -> list[float]:
        """Of the films that count."""
        return [film.probability for film in self.films if film.counted]

    def verdict(self, threshold: float) -> bool | None:
        """Fracture if any counted film is positive; `None` when none counts."""
        return aggregation.any_rule(self.probabilities, threshold).fracture

    def deciding(self, threshold: float) -> list[str]:
        """Names of the films that make the verdict positive."""
        return [
            film.name
            for film in self.films
            if film.counted and aggregation.is_positive(film.probability, threshold)
        ]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What else a person should know of these films, a sentence each."""
        several = [
            f"{film.name} has {film.frames:,} frames; the first was judged."
            for film in self.films
            if film.frames > 1
        ]
        alike: dict[tuple[str, bytes], list[FilmPrediction]] = {}
        for film in self.films:
            alike.setdefault((film.checksum, film.pixels.tobytes()), []).append(film)
        same = [_same(group) for (known, _), group in alike.items() if known and len(group) > 1]
        return (*several, *same)

    def to_dict(self, threshold: float) -> dict[str, Any]:
        """The study's part of `predict --json`; with "remarks" where there are any."""
        remarks = {"remarks": list(self.remarks)} if self.remarks else {}
        return {
            "study": self.study,
            "fracture": self.verdict(threshold),
            "images": [
                {
                    "file": film.name,
                    "probability": film.probability,
                    "fracture": bool(aggregation.is_positive(film.probability, threshold)),
                    "counted": film.counted,
                    "doubts": list(film.doubts),
                    "altered": list(film.altered),
                    "erased_share": film.erased_share,
                }
                for film in self.films
            ],
            "refused": [{"file": name, "reason": reason} for name, reason in self.refused],
            "rules": aggregation.rules(self.probabilities, threshold),
            **remarks,
        }


def _same(films: Sequence[FilmPrediction]) -> str:
    """That some films are one and the same, and whether each of them counts."""
    names = [film.name for film in films]
    if len(names) > NAMED + 1:
        names = [*names[:NAMED], f"{len(names) - NAMED} others"]
    listed = f"{', '.join(names[:-1])} and {names[-1]} are the same film"
    counted = sum(film.counted for film in films)
    if counted == len(films):
        return f"{listed}, and each counts."
    return f"{listed}; {counted} of them count." if counted else f"{listed}."
