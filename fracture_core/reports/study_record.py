"""Export of predicted studies: with names or without, as JSON and as CSV.

Without names the films are film 1, film 2 and so on, in their order, refused ones included; the
study is "the study", and the patient is left out.
"""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from fracture_core.answers import study_answers
from fracture_core.config.film_settings import PixelRecipe
from fracture_core.data_folders.ignored_files import Ignored
from fracture_core.errors import FilmError
from fracture_core.films import images
from fracture_core.models.model import Model
from fracture_core.models.model_files import sha256
from fracture_core.operating_points.promise import Promise
from fracture_core.prediction import caveats
from fracture_core.prediction.study_prediction import FilmInput, FilmPrediction, StudyPrediction
from fracture_core.prediction.training_patients import TrainingOverlap
from fracture_core.verdicts import aggregation, verdict_words
from fracture_core.words import cell

COLUMNS = (
    "study",
    "film",
    "probability",
    "threshold",
    "positive",
    "counted",
    "doubts",
    "refused",
    "model",
    "sha256",
    "altered",
    "erased_share",
    "warnings",
    "notes",
    "answer",
    "answer_reason",
    "calibrated_probability",
)
ANSWERS = COLUMNS[-3:]  # of the study, on each of its lines
OCCLUSION_FULL = 0.05  # least change of a probability that has the full colour in its map


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """One film of a predicted study, with its additional results.

    Args:
        film: the input of `Predictor.predict_study`.
        whole: its probability, 0 to 1, without erasing; `None` where nothing was erased.
        spread: least and greatest probability under test-time augmentation.
        maps: heat maps: name -> PNG bytes with transparency, over the whole film, orange for
            evidence of a fracture, blue for evidence against it.
        nearest: pictures of the training films in `FilmPrediction.nearest`: path -> bytes of an
            image; empty where the training data are not available.
    """

    film: FilmInput
    whole: float | None = None
    spread: tuple[float, float] | None = None
    maps: Mapping[str, bytes] = field(default_factory=dict)
    nearest: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One predicted study with all that an export may contain.

    Args:
        prediction: of the study.
        exhibits: every film, predicted or refused, in the order of the input.
        study: its name, for exports with names.
        patient: its patient, for exports with names; `None` where unknown.
        real: whether the films are real.
        label: in the data, 1 positive, 0 negative; `None` where unknown.
        acquaintance: overlap of the patient with the model's training data.
        recipe: of the model, by which films were read.
    """

    prediction: StudyPrediction
    exhibits: tuple[Exhibit, ...]
    study: str
    patient: str | None = None
    real: bool = True
    label: int | None = None
    acquaintance: TrainingOverlap = TrainingOverlap.NEW
    recipe: PixelRecipe = field(default_factory=PixelRecipe)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One film of an export, predicted or refused.

    Args:
        name: in the export.
        exhibit: the film itself, with its original name.
        prediction: of the film; `None` where it was refused.
        reason: for the refusal, a clause that follows the name; empty for a predicted film.
    """

    name: str
    exhibit: Exhibit
    prediction: FilmPrediction | None
    reason: str = ""


def entries(case: Case, names: bool) -> list[Entry]:
    """Return all films of a study in the order of the input.

    Raises:
        ValueError: the exhibits are not the predicted and refused films.
    """
    rows = []
    for number, (exhibit, prediction, reason) in enumerate(_paired(case), 1):
        name = exhibit.film.name
        if not names:
            reason = reason.replace(name, "it")
            name = f"film {number}"
        renamed_film = replace(prediction, name=name) if prediction else None
        rows.append(Entry(name=name, exhibit=exhibit, prediction=renamed_film, reason=reason))
    return rows


def _paired(case: Case) -> Iterator[tuple[Exhibit, FilmPrediction | None, str]]:
    films, refused = list(case.prediction.films), list(case.prediction.refused)
    for exhibit in case.exhibits:
        name = exhibit.film.name
        is_film = bool(films) and films[0].name == name
        is_refused = bool(refused) and refused[0][0] == name
        if is_film and is_refused:  # two of one name, from two folders
            is_film = _is_readable(exhibit.film, case.recipe)
        if not (is_film or is_refused):
            raise ValueError(f"{name} is neither the next film nor the next refused file.")
        yield (exhibit, films.pop(0), "") if is_film else (exhibit, None, refused.pop(0)[1])
    if films or refused:
        raise ValueError(f"{len(films) + len(refused)} films have no exhibit.")


def _is_readable(film: FilmInput, recipe: PixelRecipe) -> bool:
    try:
        images.decode(film.source, film.name, recipe.missing_rows_percent)
    except FilmError:
        return False
    return True


def titles(cases: Sequence[Case], names: bool) -> list[str]:
    """Return the name of each study in the export."""
    if names:
        return [case.study for case in cases]
    several = len(cases) > 1
    return [f"study {number}" if several else "the study" for number, _ in enumerate(cases, 1)]


def renamed(case: Case, title: str, films: Sequence[Entry]) -> StudyPrediction:
    """Return the prediction of a study under the names of the export."""
    return replace(
        case.prediction,
        study=title,
        films=tuple(entry.prediction for entry in films if entry.prediction),
        refused=tuple((entry.name, entry.reason) for entry in films if not entry.prediction),
    )


def as_dict(
    studies: Sequence[StudyPrediction],
    model: Model,
    threshold: float,
    left_out: Sequence[tuple[str, str]] = (),
    real: bool = True,
    ignored: Sequence[Ignored] = (),
    promise: Promise | None = None,
) -> dict[str, Any]:
    """Return the content of `predict --json` and of the page's JSON.

    Args:
        studies: their predictions.
        model: the model that made them.
        threshold: a film is positive when its probability is greater.
        left_out: (name, reason) of files in no study; without any, the key is left out.
        real: whether any film is real, see `caveats.warnings`.
        ignored: files that are no films, by kind; without any, the key is left out.
        promise: of the three answers, by default that of the card, see `study_answers.of_model`.
    """
    left = [{"file": name, "reason": reason} for name, reason in left_out]
    answers = study_answers.of_model(model, threshold, promise)
    return {
        "model": model.card.name,
        "threshold": threshold,
        "warnings": list(caveats.warnings(model, threshold, real)),
        "studies": [study.to_dict(threshold) | answers.to_dict(study, real) for study in studies],
        "promise": answers.promise_record(),
        **({"left_out": left} if left else {}),
        **({"ignored": [asdict(each) for each in ignored]} if ignored else {}),
    }


def text_warning(studies: Sequence[StudyPrediction]) -> str:
    """Return a sentence on films that seem to have text burnt in; "" if none does."""
    names = [film.name for study in studies for film in study.films if film.text_lines]
    if not names:
        return ""
    listed = verdict_words.listed(verdict_words.first(names))
    has, it = ("has", "it") if len(names) == 1 else ("have", "them")
    return (
        f"{listed} {has} text-like marks near the rim, perhaps a name or a date. A report shows "
        f"{it}: look, and erase what names a person, before you pass it on."
    )


def renamed_left_out(refused: Sequence[tuple[str, str]], names: bool) -> list[tuple[str, str]]:
    """Return (name, reason) of files in no study, under the names of the export."""
    if names:
        return list(refused)
    return [
        (f"file {number}", reason.replace(name, "it"))
        for number, (name, reason) in enumerate(refused, 1)
    ]


def named(cases: Sequence[Case], names: bool) -> list[StudyPrediction]:
    """Return the predictions of all studies under the names of the export."""
    return [
        renamed(case, title, entries(case, names))
        for case, title in zip(cases, titles(cases, names), strict=True)
    ]


def as_csv(
    cases: Sequence[Case],
    model: Model,
    threshold: float,
    names: bool = False,
    left_out: Sequence[tuple[str, str]] = (),
    promise: Promise | None = None,
) -> str:
    """Return a header and a line per film: probabilities in full precision, reasons of refusals.

    Files that were `left_out`, (name, reason), have a line without a study.

    The hash is that of the original file; the probability may be that of an altered film, see
    `FilmPrediction.altered`, which has its own columns.
    The three answers are by `promise`, by default that of the card; each line has its study's.
    Every line repeats the model's `caveats.warnings`, since lines get copied elsewhere.
    Text that a spreadsheet would read as a formula begins with an apostrophe.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    warnings = " ".join(caveats.warnings(model, threshold, any(case.real for case in cases)))
    answers = study_answers.of_model(model, threshold, promise)
    for case, title in zip(cases, titles(cases, names), strict=True):
        own = answers.to_dict(case.prediction, case.real)
        for entry in entries(case, names):
            film = entry.prediction
            values: dict[str, object] = {
                **{name: own.get(name, "") for name in ANSWERS},
                "study": title,
                "film": entry.name,
                "threshold": threshold,
                "refused": entry.reason,
                "model": model.card.name,
                "sha256": digest(entry.exhibit.film) or "",
                "warnings": warnings,
            }
            if film:
                values |= {
                    "probability": film.probability,
                    "positive": int(aggregation.is_positive(film.probability, threshold)),
                    "counted": int(film.counted),
                    "doubts": " ".join(film.doubts),
                    "altered": " ".join(film.altered),
                    "erased_share": film.erased_share,
                    "notes": " ".join(film.notes),
                }
            writer.writerow(_cells(values))
    for name, reason in renamed_left_out(left_out, names):
        values = {
            "film": name,
            "threshold": threshold,
            "refused": reason,
            "model": model.card.name,
            "warnings": warnings,
        }
        writer.writerow(_cells(values))
    return stream.getvalue()


def _cells(values: Mapping[str, object]) -> list[object]:
    """Return a line's cells, empty ones for missing values."""
    return [cell(values.get(column, "")) for column in COLUMNS]


def digest(film: FilmInput) -> str | None:
    """Return the SHA-256 of a film's original file in hex; `None` where it cannot be read."""
    try:
        if isinstance(film.source, bytes) or os.path.isfile(film.source):  # noqa: PTH113
            return sha256(film.source)
    except OSError:
        pass
    return None
