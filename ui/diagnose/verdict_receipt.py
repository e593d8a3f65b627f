"""Receipts on Diagnose: of the verdict with its scores, and of the model's figures on dev."""

from dataclasses import replace

from fracture_core.evaluations import evaluation
from fracture_core.model_comparison import stored_predictions
from fracture_core.models.model import Model
from fracture_core.reports import page_receipts, receipts, study_record
from fracture_core.reports.receipts import Receipt
from fracture_core.words import plural
from ui.diagnose.reading import Reading
from ui.shared import promise_fields, receipt

UPLOADED = "FOLDER_OF_THE_STUDY"  # in the command: nobody knows where an upload came from


def offer(reading: Reading) -> None:
    """Draw the button of the verdict's receipt."""
    receipt.offer("verdict", lambda: of_verdict(reading))


def of_verdict(reading: Reading) -> Receipt:
    """Return the receipt of the verdict and its scores, as the page shows them."""
    study, model = reading.study, reading.model
    asked = promise_fields.chosen(model)
    record = study_record.as_dict(
        [reading.prediction], model, reading.threshold, real=study.real, promise=asked
    )
    return page_receipts.of_study(record, model, _paths(reading), asked, _note(reading))


def _paths(reading: Reading) -> list[str]:
    """The study's films in the data set; of an upload, a name in the place of its folder."""
    sources = reading.study.sources
    if not reading.study.key or any(isinstance(source, bytes) for source in sources):
        return [UPLOADED]
    return [str(source) for source in sources]


def _note(reading: Reading) -> str:
    """Describe the changes by hand that the command does not repeat."""
    prediction = reading.prediction
    included = sum(bool(film.doubts) and film.counted for film in prediction.films)
    words = []
    if prediction.altered:
        words.append(f"{plural(len(prediction.altered), 'film')} altered by hand")
    if included:
        words.append(
            f"{plural(included, 'doubted film')} included by hand (--count-doubted includes all)"
        )
    return "; ".join(words)


def of_dev(model: Model, threshold: float) -> Receipt:
    """Return the receipt of a model's figures on its dev studies at a threshold."""
    value = replace(stored_predictions.of_role(model, "dev"), threshold=threshold)
    value = evaluation.relabelled(value, model.corrected)
    return receipts.of_summaries(value, model)
