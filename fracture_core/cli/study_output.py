"""Output of `predict`: a study's prediction as lines, and as a case of the report."""

import sys
from collections.abc import Sequence
from pathlib import Path

from fracture_core.answers import study_answers
from fracture_core.answers.study_answers import Answers
from fracture_core.cli import terminal
from fracture_core.config.film_settings import PixelRecipe
from fracture_core.phantom import phantom_set
from fracture_core.prediction.study_prediction import FilmInput, StudyPrediction
from fracture_core.reports import study_record
from fracture_core.verdicts import aggregation, verdict_words


def print_study(study: StudyPrediction, threshold: float) -> None:
    """Print a line per image, 0 or 1 as the 2018 report printed it, then the verdict."""
    for film in study.films:
        positive = int(aggregation.is_positive(film.probability, threshold))
        terminal.print_line(f"[[{positive}]]  {film.probability:.4f}  {film.name}")
        for doubt in film.doubts:
            terminal.print_line(f"       doubted{'' if film.counted else ', not counted'}: {doubt}")
        for note in film.notes:
            terminal.print_line(f"       note: {note}")
    for name, reason in study.refused:
        terminal.print_line(f"refused: {name} {reason}")
    name, patient = _names(study)
    for remark in study.remarks:
        terminal.print_line(f"{name}: {remark}", file=sys.stderr)
    terminal.print_line(
        verdict_words.sentence(
            study.verdict(threshold),
            name,
            patient,
            study.deciding(threshold),
            films=len(study.probabilities),
            refused=len(study.refused),
            doubted=len(study.doubted),
        )
    )


def print_answer(study: StudyPrediction, answers: Answers, real: bool, with_answer: bool) -> None:
    """Print the finding of the card's own rule, the calibrated probability, and the answer.

    Args:
        study: its prediction.
        answers: of the model.
        real: whether its films are real.
        with_answer: whether to print one of three answers.
    """
    if finding := answers.finding(study):
        terminal.print_line(finding.sentence)
    if (probability := answers.probability(study)) is not None:
        terminal.print_line(f"Calibrated probability: {study_answers.words(probability)}.")
    if with_answer:
        own = answers.of(study, real)
        terminal.print_line(f"Answer: {own.answer}. {own.reason}")


def _names(study: StudyPrediction) -> tuple[str, str | None]:
    """Return the names of a study and its patient; `None` if the folders do not tell."""
    path = Path(study.study)
    return path.name, path.parent.name if path.parent.name.startswith("patient") else None


def case(
    prediction: StudyPrediction, films: Sequence[FilmInput], recipe: PixelRecipe
) -> study_record.Case:
    """Return a study and its prediction, by a model with this recipe, for the report."""
    name, patient = _names(prediction)
    return study_record.Case(
        prediction=prediction,
        exhibits=tuple(study_record.Exhibit(film=film) for film in films),
        study=name,
        patient=patient,
        real=is_real(films),
        recipe=recipe,
    )


def is_real(films: Sequence[FilmInput]) -> bool:
    """Return whether films are taken to be real: they do not lie in a phantom."""
    return not all(any(map(phantom_set.is_synthetic, _folders(film.source))) for film in films)


def _folders(source: Path | bytes) -> Sequence[Path]:
    """Return all folders above a film; none for one out of a zip."""
    return () if isinstance(source, bytes) else source.resolve().parents
