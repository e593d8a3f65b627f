"""Records of a prediction: the input of a film, the results of a film and of a study.

They need no TensorFlow, so that reports and pages can use them without a network.
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
    """A training film similar to a doubted one.

    Args:
        path: relative to the root of the model's training data.
        distance: between the two, in the unit of the gate's distance.
    """

    path: str
    distance: float


@dataclass(frozen=True, kw_only=True)
class FilmInput:
    """One film of a study to predict.

    Args:
        name: its name for people, such as the uploaded file's.
        source: a path, or the file's bytes.
        erased: brush strokes of a person, removed from the film before the prediction.
        inverted: whether black and white are exchanged first.
    """

    name: str
    source: Path | bytes
    erased: tuple[Stroke, ...] = ()
    inverted: bool = False


@dataclass(frozen=True, kw_only=True)
class FilmPrediction:
    """Prediction of one film.

    Args:
        name: of the film, see `FilmInput`.
        probability: of a positive label, 0 to 1.
        pixels: the network's input, uint8 (size, size).
        counted: whether it counts in the verdict; a doubted film only counts if it was ticked.
        checks: the checks of the film, each with value and limit; "distance" is the last one
            where the model has a gate.
        nearest: of a doubted film, the training films nearest in the network's features; empty
            without a gate.
        inverted: whether black and white were exchanged before the prediction.
        erased_share: share of the film erased before the prediction, 0 to 1.
        frames: number of frames in its file, of which the first is used.
        notes: what was odd about its file, a sentence each, see `FilmReading`.
        text_lines: number of text-like lines near its rim, see `burnt_in_text`.
        checksum: of its full-size pixels after these changes; together with `pixels` it shows
            whether two films are the same.
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
    notes: tuple[str, ...] = ()
    text_lines: int = 0
    checksum: str = field(default="", repr=False)

    @property
    def altered(self) -> tuple[str, ...]:
        """Changes by hand before the prediction: "erased", "inverted", both or none."""
        changes = {"erased": self.erased_share > 0, "inverted": self.inverted}
        return tuple(name for name, applied in changes.items() if applied)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Reasons why the model may be unable to predict this film, a sentence each."""
        return tuple(check.doubt for check in self.checks if check.doubt)

    @property
    def remedies(self) -> tuple[str, ...]:
        """Possible remedies, see `film_checks.INVERT`."""
        return tuple(check.remedy for check in self.checks if check.remedy)


@dataclass(frozen=True, kw_only=True)
class StudyPrediction:
    """Prediction of one study.

    Args:
        study: its name.
        films: the readable ones, in the order of the input.
        refused: (name, reason) of the others.
    """

    study: str
    films: tuple[FilmPrediction, ...]
    refused: tuple[tuple[str, str], ...]

    @property
    def doubted(self) -> tuple[FilmPrediction, ...]:
        """Films that do not count because they are doubted."""
        return tuple(film for film in self.films if film.doubts and not film.counted)

    @property
    def altered(self) -> tuple[FilmPrediction, ...]:
        """Films changed by hand: a verdict on them cannot be compared with the study's label."""
        return tuple(film for film in self.films if film.altered)

    def counting(self, names: Collection[str]) -> "StudyPrediction":
        """Return the same study where, of the doubted films, only these count."""
        films = tuple(
            replace(film, counted=not film.doubts or film.name in names) for film in self.films
        )
        return replace(self, films=films)

    @property
    def probabilities(self) -> list[float]:
        """Probabilities of the films that count."""
        return [film.probability for film in self.films if film.counted]

    def verdict(self, threshold: float) -> bool | None:
        """Return whether any counted film is positive; `None` when no film counts."""
        return aggregation.any_rule(self.probabilities, threshold).fracture

    def deciding(self, threshold: float) -> list[str]:
        """Return the names of the films that make the verdict positive."""
        return [
            film.name
            for film in self.films
            if film.counted and aggregation.is_positive(film.probability, threshold)
        ]

    @property
    def remarks(self) -> tuple[str, ...]:
        """Further notes on these films, a sentence each."""
        several = [
            f"{film.name} has {film.frames:,} frames; the first was used."
            for film in self.films
            if film.frames > 1
        ]
        alike: dict[tuple[str, bytes], list[FilmPrediction]] = {}
        for film in self.films:
            alike.setdefault((film.checksum, film.pixels.tobytes()), []).append(film)
        same = [
            _same(group) for (checksum, _), group in alike.items() if checksum and len(group) > 1
        ]
        return (*several, *same)

    def to_dict(self, threshold: float) -> dict[str, Any]:
        """Return the study's part of `predict --json`; with "remarks" if there are any."""
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
                    "notes": list(film.notes),
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
    """Return a sentence that some films are the same, and whether each of them counts."""
    names = [film.name for film in films]
    if len(names) > NAMED + 1:
        names = [*names[:NAMED], f"{len(names) - NAMED} others"]
    listed = f"{', '.join(names[:-1])} and {names[-1]} are the same film"
    counted = sum(film.counted for film in films)
    if counted == len(films):
        return f"{listed}, and each counts."
    return f"{listed}; {counted} of them count." if counted else f"{listed}."
