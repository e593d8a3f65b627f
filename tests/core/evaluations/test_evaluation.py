"""Evaluation: the figures are those that a person counts by hand."""

import json

import pytest

from fracture_core.epochs import predictions
from fracture_core.errors import DataError
from fracture_core.evaluations import evaluation
from fracture_core.models import stored_models
from fracture_core.runs import journal
from fracture_core.verdicts import metrics
from tests.core.made_evaluations import by_hand


def test_the_figures_are_those_counted_by_hand() -> None:
    figures = by_hand().summaries()
    assert figures["images"].confusion == metrics.Confusion(tp=1, fp=1, fn=2, tn=2)
    assert figures["studies"].confusion == metrics.Confusion(tp=1, fp=1, fn=1, tn=1)
    assert figures["images"].accuracy.value == 0.5
    assert (figures["images"].sensitivity.count, figures["images"].sensitivity.n) == (1, 3)
    assert figures["images"].specificity.value == pytest.approx(2 / 3)
    assert figures["images"].kappa == pytest.approx(0.0)
    assert figures["studies"].kappa == pytest.approx(0.0)
    assert figures["studies"].majority.value == 0.5


def test_there_is_a_line_a_study() -> None:
    lines = {line["study"].split("/")[2]: line for line in by_hand().to_dict()["lines"]}
    assert lines["a"]["probabilities"] == [0.9, 0.2]
    verdicts = {
        key: (line["fracture"], line["label"], line["right"]) for key, line in lines.items()
    }
    assert verdicts == {
        "a": (True, 1, True),
        "b": (False, 1, False),
        "c": (True, 0, False),
        "d": (False, 0, True),
    }


def test_the_threshold_decides() -> None:
    assert by_hand(0.3).summaries()["studies"].confusion == metrics.Confusion(
        tp=2, fp=2, fn=0, tn=0
    )


def test_json_holds_figures_lines_and_refused() -> None:
    content = json.loads(json.dumps(by_hand().to_dict(), allow_nan=False))
    assert {"model", "data", "split", "threshold", "images", "studies", "lines", "refused"} <= set(
        content
    )
    assert content["images"]["sensitivity"] == content["images"]["sensitivity"] | {
        "count": 1,
        "n": 3,
    }


def test_a_runs_own_films_are_judged_by_its_tables(run_copy) -> None:
    valid = evaluation.of_run(run_copy, 3, "valid")
    films = predictions.predicted_films(journal.films(run_copy))
    assert len(valid.films) == (films["role"] == "valid").sum()
    figures = stored_models.find("finished@3").card.metrics["valid"]
    assert valid.summaries()["studies"].to_dict() == figures["studies"]
    with pytest.raises(DataError, match="has no test films"):
        evaluation.of_run(run_copy, 3, "test")


def test_a_runs_refused_films_are_those_of_the_role(run_copy) -> None:
    for path, role in (("a.png", "train"), ("b.png", "valid")):
        journal.log_event(run_copy, "film_refused", path=path, role=role, reason="is empty.")
    assert evaluation.of_run(run_copy, 3, "valid").refused == (("b.png", "is empty."),)
    assert evaluation.of_run(run_copy, 3, "dev").refused == ()
