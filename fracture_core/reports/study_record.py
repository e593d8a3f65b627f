"""Judged studies as they leave the product: with names or without, as JSON and as CSV.

Without names the films are film 1, film 2 and so on, in the order given, those that were refused
counted too; the study is "the study", and nothing tells the patient.
"""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fracture_core.errors import FilmError
from fracture_core.films import images
from fracture_core.models import caveats
from fracture_core.models.cards import Model, sha256
from fracture_core.models.study_prediction import FilmInput, FilmPrediction, StudyPrediction
from fracture_core.models.training_patients import TrainingOverlap
from fracture_core.reports.markup import cell
from fracture_core.verdicts import aggregation

COLUMNS = (
    "study", "film", "probability", "threshold", "positive", "counted", "doubts", "refused",
    "model", "sha256", "altered", "erased_share", "warnings",
)  # fmt: skip
OCCLUSION_FULL = 0.05  # the least change of a probability that has the full colour in its map


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """One film of a judged study, and what is known of it beside its probability.

    Args:
        film: as it was given to `Predictor.predict_study`.
        whole: its probability, 0 to 1, before anything was brushed over; `None` where nothing was.
        spread: least and greatest probability when it is mirrored and turned a little.
        maps: heat maps: name -> PNG bytes with transparency, over the whole film, orange where a
            place speaks for a fracture, blue where against it.
        nearest: pictures of the training films in `FilmPrediction.nearest`: path -> bytes of an
            image; none where the training data are not at hand.
    """

    film: FilmInput
    whole: float | None = None
    spread: tuple[float, float] | None = None
    maps: Mapping[str, bytes] = field(default_factory=dict)
    nearest: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One judged study with all that may be told of it.

    Args:
        judged: what the network says.
        exhibits: every film that was judged or refused, in the order given.
        study: its name, for who wants names.
        patient: likewise; `None` where nobody knows.
        real: whether these are real films.
        label: what the data say, 1 positive, 0 negative; `None` where nobody said.
        acquaintance: whether the model was trained on films of the patient.
    """

    judged: StudyPrediction
    exhibits: tuple[Exhibit, ...]
    study: str
    patient: str | None = None
    real: bool = True
    label: int | None = None
    acquaintance: TrainingOverlap = TrainingOverlap.NEW


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A film's line: judged, or refused for a reason.

    Args:
        name: as it leaves the product.
        exhibit: the film itself; its own name is the one that it was given.
        judged: `None` where it was refused.
        reason: why, as a clause that follows the name; empty where it was judged.
    """

    name: str
    exhibit: Exhibit
    judged: "FilmPrediction | None"
    reason: str = ""


def entries(case: Case, names: bool) -> list[Entry]:
    """Every film of a study in the order given.

    Raises:
        ValueError: the exhibits are not the films that were judged and refused.
    """
    found = []
    for number, (exhibit, judged, reason) in enumerate(_paired(case), 1):
        name = exhibit.film.name
        if not names:
            reason = reason.replace(name, "it")
            name = f"film {number}"
        shown = replace(judged, name=name) if judged else None
        found.append(Entry(name=name, exhibit=exhibit, judged=shown, reason=reason))
    return found


def _paired(case: Case) -> Iterator[tuple[Exhibit, "FilmPrediction | None", str]]:
    films, refused = list(case.judged.films), list(case.judged.refused)
    for exhibit in case.exhibits:
        name = exhibit.film.name
        is_film = bool(films) and films[0].name == name
        is_refused = bool(refused) and refused[0][0] == name
        if is_film and is_refused:  # two of one name, from two folders
            is_film = _is_readable(exhibit.film)
        if not (is_film or is_refused):
            raise ValueError(f"{name} is neither the next film nor the next refused file.")
        yield (exhibit, films.pop(0), "") if is_film else (exhibit, None, refused.pop(0)[1])
    if films or refused:
        raise ValueError(f"{len(films) + len(refused)} films have no exhibit.")


def _is_readable(film: FilmInput) -> bool:
    try:
        images.decode(film.source, film.name)
    except FilmError:
        return False
    return True


def titles(cases: Sequence[Case], names: bool) -> list[str]:
    """How each study is called."""
    if names:
        return [case.study for case in cases]
    several = len(cases) > 1
    return [f"study {number}" if several else "the study" for number, _ in enumerate(cases, 1)]


def renamed(case: Case, title: str, found: Sequence[Entry]) -> StudyPrediction:
    """The judged study under the names with which it leaves the product."""
    return replace(
        case.judged,
        study=title,
        films=tuple(entry.judged for entry in found if entry.judged),
        refused=tuple((entry.name, entry.reason) for entry in found if not entry.judged),
    )


def as_dict(
    studies: Sequence[StudyPrediction],
    model: Model,
    threshold: float,
    left_out: Sequence[tuple[str, str]] = (),
    real: bool = True,
) -> dict[str, Any]:
    """What `predict --json` prints, and what the page's JSON holds.

    What was `left_out`, (name, reason), is in no study; the key is there only if something was.
    `real` is whether any of the films is, see `caveats.warnings`.
    """
    left = [{"file": name, "reason": reason} for name, reason in left_out]
    return {
        "model": model.card.name,
        "threshold": threshold,
        "warnings": list(caveats.warnings(model, threshold, real)),
        "studies": [study.to_dict(threshold) for study in studies],
        **({"left_out": left} if left else {}),
    }


def renamed_left_out(refused: Sequence[tuple[str, str]], names: bool) -> list[tuple[str, str]]:
    """(name, reason) of what is in no study, as it leaves the product."""
    if names:
        return list(refused)
    return [
        (f"file {number}", reason.replace(name, "it"))
        for number, (name, reason) in enumerate(refused, 1)
    ]


def named(cases: Sequence[Case], names: bool) -> list[StudyPrediction]:
    """The judged studies under the names with which they leave the product."""
    called = titles(cases, names)
    return [
        renamed(case, title, entries(case, names))
        for case, title in zip(cases, called, strict=True)
    ]


def as_csv(
    cases: Sequence[Case],
    model: Model,
    threshold: float,
    names: bool = False,
    left_out: Sequence[tuple[str, str]] = (),
) -> str:
    """A line a film, with a head; probabilities to the last bit, refused films with their reason.

    What was `left_out`, (name, reason), has a line without a study.

    The hash is that of the file as it was given; the number may be that of an altered film, see
    `FilmPrediction.altered`, which has columns of its own.
    Every line repeats what `caveats.warnings` says of the model, since lines are moved about.
    Text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    said = " ".join(caveats.warnings(model, threshold, any(case.real for case in cases)))
    for case, title in zip(cases, titles(cases, names), strict=True):
        for entry in entries(case, names):
            film = entry.judged
            says = (film.probability, threshold) if film else ("", threshold)
            positive = int(aggregation.is_positive(film.probability, threshold)) if film else ""
            counts = (int(film.counted), " ".join(film.doubts)) if film else ("", "")
            done = (" ".join(film.altered), film.erased_share) if film else ("", "")
            row = (
                title, entry.name, *says, positive, *counts, entry.reason, model.card.name,
                digest(entry.exhibit.film) or "", *done, said,
            )  # fmt: skip
            writer.writerow([cell(value) for value in row])
    for name, reason in renamed_left_out(left_out, names):
        row = ("", name, "", threshold, "", "", "", reason, model.card.name, "", "", "", said)
        writer.writerow([cell(value) for value in row])
    return stream.getvalue()


def digest(film: FilmInput) -> str | None:
    """SHA-256 of a film's file as it was given, in hex; `None` where it can no longer be read."""
    try:
        if isinstance(film.source, bytes) or os.path.isfile(film.source):  # noqa: PTH113
            return sha256(film.source)
    except OSError:
        pass
    return None
