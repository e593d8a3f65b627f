"""A study's answer by a model's choices: three answers, its saved rule, its calibration.

Words report what the model finds or leaves to a person, never a fact about a patient.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from fracture_core.cross_validation import out_of_fold
from fracture_core.datasets import catalog
from fracture_core.errors import RunError
from fracture_core.models.model import Model
from fracture_core.operating_points import promise as promises
from fracture_core.operating_points import study_scores
from fracture_core.operating_points.choices import Choices, OperatingPoint
from fracture_core.operating_points.promise import Answer, Limits, Promise
from fracture_core.prediction.study_prediction import StudyPrediction
from fracture_core.runs import run_facts
from fracture_core.words import plural

OF_SYNTHETIC = "The promise was shown on synthetic films, and these are real."


@dataclass(frozen=True, kw_only=True)
class StudyAnswer:
    """The answer on one study.

    Args:
        answer: one of three.
        reason: a sentence.
    """

    answer: Answer
    reason: str


@dataclass(frozen=True, kw_only=True)
class RuleFinding:
    """The finding of a rule that is saved in a model's card.

    Args:
        point: the rule and its threshold.
        score: of the study by the rule.
        fracture: whether the score is above the threshold.
    """

    point: OperatingPoint
    score: float
    fracture: bool

    @property
    def sentence(self) -> str:
        """The finding, what it rests on, and where that was chosen."""
        return (
            f"By the rule saved in its card ({self.point.words}) the model finds "
            f"{'a' if self.fracture else 'no'} fracture: score {self.score:.3f}. The rule was "
            f"{self.point.origin}."
        )


@dataclass(frozen=True, kw_only=True)
class Answers:
    """A model's answers at a threshold.

    Args:
        limits: of the three answers.
        threshold: of the OR verdict.
        choices: of the model's card.
        synthetic: whether the model was trained on synthetic films only.
        source: of the studies that the limits come from: "dev" or "out-of-fold".
        source_words: reservation about these studies, in sentences.
        corrected: number and hash of their corrected labels; `None` without one.
    """

    limits: Limits
    threshold: float
    choices: Choices
    synthetic: bool
    source: str
    source_words: str
    corrected: dict[str, Any] | None = None

    def of(self, study: StudyPrediction, real: bool = True) -> StudyAnswer:
        """Return the answer on a study.

        Args:
            study: its prediction.
            real: whether its films are real, which a model of synthetic films cannot assess.
        """
        score = max(study.probabilities, default=np.nan)
        if reason := self._unlike_dev(study, real):
            return StudyAnswer(answer=Answer.PERSON, reason=reason)
        [answer] = promises.answers(np.array([score]), self.limits, self.threshold)
        return StudyAnswer(answer=Answer(answer), reason=self._reason(score, answer))

    def _unlike_dev(self, study: StudyPrediction, real: bool) -> str:
        """Return the reason why the promise does not cover a study; "" where it does."""
        if self.synthetic and real:
            return OF_SYNTHETIC
        doubted = sum(bool(film.doubts) for film in study.films)
        for count, words in (
            (len(study.refused), "could not be read"),
            (doubted, "looked unlike the training films"),
            (len(study.altered), "altered by hand"),
        ):
            if count:
                return f"The promise does not cover it: {plural(count, 'film')} {words}."
        return "" if study.probabilities else "None of its films counts."

    def _reason(self, score: float, answer: Answer) -> str:
        clear, call = self.limits.clear, self.limits.call
        if answer == Answer.NO_FRACTURE:
            return f"Its score {score:.3f} is not above the limit of {clear.score:.3f}."
        if answer == Answer.FRACTURE:
            return f"Its score {score:.3f} reaches the limit of {call.score:.3f}."
        if score <= self.threshold:
            if clear.score is None:
                return f"No study is cleared. {clear.refusal}"
            return f"Its score {score:.3f} is above the limit of {clear.score:.3f} for clearing."
        if call.score is None:
            return f"No study is called a fracture. {call.refusal}"
        return f"Its score {score:.3f} is below the limit of {call.score:.3f} for a fracture."

    def finding(self, study: StudyPrediction) -> RuleFinding | None:
        """Return the finding of the card's rule, where that is another than OR."""
        point = self.choices.operating_point
        if point is None or point.rule == "or":
            return None
        scaling = self.choices.calibration.films if self.choices.calibration else None
        score = study_scores.score(point.rule, study.probabilities, scaling)
        if score is None:
            return None
        return RuleFinding(point=point, score=score, fracture=score > point.threshold)

    def probability(self, study: StudyPrediction) -> float | None:
        """Return the study's calibrated probability; `None` without a calibration or film."""
        calibration = self.choices.calibration
        if calibration is None or not study.probabilities:
            return None
        return float(calibration.studies.apply([max(study.probabilities)])[0])

    def sentences(self, study: StudyPrediction, real: bool) -> list[str]:
        """Return the saved rule's finding, the calibrated probability, the answer and its reason.

        No file, study or patient is named.
        """
        own = self.of(study, real)
        finding, probability = self.finding(study), self.probability(study)
        return [
            *([finding.sentence] if finding else []),
            *([] if probability is None else [f"Calibrated probability: {words(probability)}."]),
            f"Answer: {own.answer}. {own.reason}",
        ]

    def to_dict(self, study: StudyPrediction, real: bool) -> dict[str, Any]:
        """Return a study's further keys of `predict --json`.

        "answer" and "answer_reason"; "operating_point" where the card has a rule other than OR,
        "calibrated_probability" where it has a calibration.
        """
        own = self.of(study, real)
        record: dict[str, Any] = {"answer": own.answer.value, "answer_reason": own.reason}
        if finding := self.finding(study):
            point = {key: getattr(finding.point, key) for key in ("rule", "threshold", "aim")}
            chosen = {"origin": finding.point.origin}
            verdict = {"score": finding.score, "fracture": finding.fracture}
            record["operating_point"] = point | chosen | verdict
        if self.choices.calibration:
            record["calibrated_probability"] = self.probability(study)
        return record

    def promise_record(self) -> dict[str, Any]:
        """Return the promise and its limits for `predict --json`."""
        return promise_record(self.limits, self.source, self.corrected)


def promise_record(
    limits: Limits, source: str, corrected: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return a promise and its limits as plain data, with the studies behind them.

    Args:
        limits: of the answers.
        source: name of the studies.
        corrected: number and hash of their corrected labels; without one, the key is left out.
    """
    return {
        **limits.promise.to_dict(),
        "source": source,
        "studies": limits.studies,
        "patients": limits.patients,
        "clear": asdict(limits.clear),
        "call": asdict(limits.call),
        **({"corrections": corrected} if corrected else {}),
    }


def of_model(model: Model, threshold: float, promise: Promise | None = None) -> Answers:
    """Return a model's answers, with limits from the studies of `unseen_films`.

    Args:
        model: the model.
        threshold: of the OR verdict.
        promise: to be kept; by default that of the card, else `Promise()`.
    """
    chosen = promise or model.card.choices.promise or Promise()
    source, films = unseen_films(model)
    limits = promises.limits(studies_of(films), chosen)
    return with_limits(model, threshold, limits, source, model.corrections_among(films))


def unseen_films(model: Model) -> tuple[str, pd.DataFrame]:
    """Return predictions of films that their network was not trained on, with their name.

    Returns:
        "out-of-fold" and the predictions of a cross-validation where the model has them, since
        they are more, else "dev" and those of the dev films; manifest columns and `probability`.
        Their labels are those of the model, see `Model.relabelled`.
    """
    with suppress(RunError):  # a lost table leaves dev
        films = out_of_fold.of_model(model)
        if films is not None:
            return out_of_fold.SPLIT, films
    return "dev", model.dev_films


def source_words(model: Model, source: str, corrected: dict[str, Any] | None = None) -> str:
    """Return the reservation about the studies of `unseen_films`, and their labels' origin.

    Args:
        model: the model.
        source: name of the studies.
        corrected: number and hash of their corrected labels; `None` without one.
    """
    words = "Each was predicted by a network of the same settings, trained without its patient."
    if source == "dev":
        words = model.card.dev_words
    if corrected:
        words += f" {source.capitalize()}: {run_facts.corrections_words(corrected)}"
    return words


def with_limits(
    model: Model,
    threshold: float,
    limits: Limits,
    source: str,
    corrected: dict[str, Any] | None = None,
) -> Answers:
    """Return a model's answers by limits that are known already; see `of_model`.

    Args:
        model: the model.
        threshold: of the OR verdict.
        limits: of the three answers.
        source: name of the studies that they come from, see `unseen_films`.
        corrected: number and hash of their corrected labels; `None` without one.
    """
    return Answers(
        limits=limits,
        threshold=threshold,
        choices=model.card.choices,
        synthetic=model.card.synthetic,
        source=source,
        source_words=source_words(model, source, corrected),
        corrected=corrected,
    )


def changed(
    model: Model,
    missed_percent: float | None = None,
    confidence_percent: float | None = None,
    false_percent: float | None = None,
) -> Promise:
    """Return the promise of a model's card, else the default, with other numbers where given.

    Raises:
        ConfigError: a number is out of its range.
    """
    own = model.card.choices.promise or Promise()
    numbers = {
        "missed_percent": missed_percent,
        "confidence_percent": confidence_percent,
        "false_percent": false_percent,
    }
    return replace(own, **{name: value for name, value in numbers.items() if value is not None})


def studies_of(films: pd.DataFrame) -> pd.DataFrame:
    """Return a table for `promise.limits`: key, patient, label, OR score, and `unit` if known.

    Args:
        films: manifest columns and `probability`; `unit` of predictions out of fold.
    """
    table = study_scores.of_films(films)
    studies = table[["key", "patient", "label"]].assign(score=table["or"])
    if "unit" not in films:
        return studies
    units = films.groupby(catalog.study_key(films))["unit"].first()
    return studies.assign(unit=studies["key"].map(units))


def words(probability: float) -> str:
    """Format a calibrated probability: "34 %"; never as certain: "below 1 %", "above 99 %"."""
    if probability < 0.01:
        return "below 1 %"
    return "above 99 %" if probability > 0.99 else f"{100 * probability:.0f} %"
