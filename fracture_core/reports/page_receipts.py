"""Receipts of what is no evaluation of one model: a pair, a cross-validation, data, a verdict."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from fracture_core.analysis.report_2018 import Length
from fracture_core.cross_validation import fold_figures, out_of_fold
from fracture_core.cross_validation.group import Group
from fracture_core.datasets import film_counts
from fracture_core.datasets.catalog import Dataset
from fracture_core.evaluations import evaluation
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.model_comparison import model_pair, stored_predictions
from fracture_core.model_comparison.model_pair import ModelPair
from fracture_core.models import epoch_models
from fracture_core.models.model import Model
from fracture_core.operating_points.promise import Promise
from fracture_core.reports import receipts
from fracture_core.reports.receipts import Receipt
from fracture_core.words import plural


def of_pair(pair: ModelPair, first: Evaluation, models: Sequence[Model]) -> Receipt:
    """Return the receipt of two models on the same studies.

    Args:
        pair: their figures.
        first: the evaluation of the first one.
        models: both.
    """
    words = [*receipts.PYTHON, "compare", *(model.reference for model in models)]
    if any(pair.split not in stored_predictions.roles(model) for model in models):
        words += first.data_words
    words += receipts.films_words(first)
    record = pair.to_dict()
    shown = {key: record[key] for key in ("figures", "mcnemar", "thresholds")}
    others = ", ".join(f"{model.reference}: {model.card.network}" for model in models)
    rows = tuple(
        row for row in receipts.basis(first, models[0]) if row[0] not in ("Model", "Threshold")
    )
    return Receipt(
        title="Two models on the same studies",
        numbers=tuple(receipts.numbers(shown)),
        rows=(("Method", record["method"]), ("Models", others), *rows),
        command=shlex.join([*words, "--json"]),
    )


def of_runs(first: tuple[Path, int], second: tuple[Path, int], role: str) -> Receipt:
    """Return the receipt of the difference of two runs' accuracies, as on Runs.

    Args:
        first: a run's folder and one of its epochs.
        second: those of the run that it is compared with.
        role: "dev" or "valid".
    """
    values = [evaluation.of_run(*each, role) for each in (first, second)]
    pair = model_pair.compare(*values)
    models = [epoch_models.of_run(*each) for each in (first, second)]
    made = of_pair(pair, values[0], models)
    rows = tuple(row for row in made.rows if row[0] != "Method")
    return replace(
        made,
        title=f"{models[0].reference} and {models[1].reference} on {role} studies",
        numbers=tuple(receipts.numbers({"accuracies": asdict(pair.accuracies)})),
        rows=(("Method", "Difference of two paired shares, interval by Newcombe (1998)."), *rows),
    )


def of_folds(value: Group, record: Mapping[str, Any]) -> Receipt:
    """Return the receipt of a cross-validation's figures, see `fold_figures.record`."""
    names = ("value", "low", "high", "n")
    pooled = {
        level: {"by_patient": {name: {k: v[k] for k in names} for name, v in record[level].items()}}
        for level in receipts.LEVELS
    }
    spread = fold_figures.spread(record)
    studies = record["studies"]["accuracy"]["n"]
    training = out_of_fold.training_facts(out_of_fold.finished(value), studies)
    return Receipt(
        title=f"Out-of-fold figures of {value.name}",
        numbers=tuple(receipts.numbers(pooled | {"spread": spread, "folds": record["folds"]})),
        rows=(
            ("Method", str(record["method"])),
            (
                "Models",
                f"{plural(value.folds, 'run')} of one setting, each on the others' patients",
            ),
            ("Folds", f"list {value.hash}"),
            ("Data", f"{value.config.data}, hash {training.hash}"),
            ("Training split", training.split_words or "unknown"),
            ("Rule", receipts.RULES["studies"]),
            ("Threshold", f"{value.config.threshold:g}, set before training"),
        ),
        command=shlex.join([*receipts.PYTHON, "evaluate", value.name, "--json"]),
    )


def of_data(dataset: Dataset) -> Receipt:
    """Return the receipt of the counts of a data set."""
    counts = film_counts.inspect(dataset)["rows"]
    rows = [row for row in counts if row["part"] == "all"]
    shown = {"rows": {place: row for place, row in enumerate(counts) if row["part"] == "all"}}
    words = [*receipts.PYTHON, "inspect", *receipts.data_words(dataset)]
    return Receipt(
        title="Counts of the data in use",
        numbers=tuple(receipts.numbers(shown)),
        rows=(
            ("Method", "Counted, no estimate: a study is positive by its own label."),
            ("Data", f"{dataset.root}, hash {dataset.hash}"),
            ("Splits", ", ".join(str(row["split"]) for row in rows)),
        ),
        command=shlex.join([*words, "--json"]),
    )


def of_claims(claims: Sequence[Mapping[str, Any]], dataset: Dataset, length: Length) -> Receipt:
    """Return the receipt of the 2018 report's claims.

    Args:
        claims: see `report_claims.record`.
        dataset: that the runs were trained on.
        length: of the experiments.
    """
    rows: receipts.Rows = (
        ("Method", "Shares by Wilson, differences on the same films; each seed by itself."),
        ("Data", f"{dataset.root}, hash {dataset.hash}"),
        ("Films", "valid, and training films as augmented in the epoch, each once"),
        ("Threshold", "0.5, as in the report"),
    )
    answered = tuple(
        (
            f"Claim {place} (figure {claim['figure']})",
            f"{claim['words']} Runs: {', '.join(claim['runs']) or 'none yet'}, epoch "
            f"{claim['epoch']}.",
        )
        for place, claim in enumerate(claims, 1)
    )
    words = [*receipts.PYTHON, "claims", *receipts.data_words(dataset), "--length", length.name]
    return Receipt(
        title="Claims of the 2018 report",
        numbers=(),
        rows=(*rows, *answered),
        command=shlex.join([*words, "--json"]),
    )


def of_study(
    record: Mapping[str, Any], model: Model, paths: Sequence[str], asked: Promise, note: str
) -> Receipt:
    """Return the receipt of a verdict.

    Args:
        record: of `study_record.as_dict`, of one study.
        model: that made it.
        paths: of the study's films, or of its folder; a name that stands for them where they came
            by upload.
        asked: the promise of the three answers.
        note: about what the command cannot repeat; "" for nothing.
    """
    card, threshold = model.card, record["threshold"]
    [study] = record["studies"]
    names = ("images", "rules", "calibrated_probability", "operating_point")
    shown = {"studies": [{name: study[name] for name in names if name in study}]}
    promise = {key: record["promise"][key] for key in ("clear", "call", "studies", "patients")}
    corrected = record["promise"].get("corrections")
    rows: receipts.Rows = (
        ("Films", plural(len(study["images"]), "film")),
        ("Method", "The network's own score of each film; a score has no interval."),
        ("Model", f"{model.reference}: {card.network}"),
        ("Training data", f"{card.data.root or 'unknown'}, hash {card.data.hash}"),
        ("Training split", card.data.split_words or "unknown"),
        ("Left out of training", receipts.excluded(card.data.excluded)),
        ("Rule", receipts.RULES["studies"]),
        (
            "Threshold",
            f"{threshold:g}; the model's own {card.threshold:g}, {card.threshold_origin}",
        ),
        ("Answer", f"{study['answer']}. {study['answer_reason']}"),
        *_labels_behind(record["promise"], study, model),
        *((("Not repeated by the command", note),) if note else ()),
    )
    words = [*receipts.PYTHON, "predict", model.reference, *paths, "--threshold", f"{threshold:g}"]
    words += ["--corrections"] if corrected else []
    return Receipt(
        title="The verdict and its scores",
        numbers=tuple(receipts.numbers(shown | {"promise": promise})),
        rows=rows,
        command=shlex.join([*words, *receipts.promise_options(asked), "--json"]),
    )


def _labels_behind(
    promise: Mapping[str, Any], study: Mapping[str, Any], model: Model
) -> receipts.Rows:
    """Return a row on the labels of each choice: limits of today, the others as the card has them.

    Args:
        promise: of `study_answers.promise_record`.
        study: its further keys, see `study_answers.Answers.to_dict`.
        model: that made the verdict.
    """
    choices = model.card.choices
    labels = {}
    if promise["studies"]:
        labels["three answers"] = receipts.labels_words(model, promise.get("corrections"))
    if "calibrated_probability" in study and choices.calibration:
        own = choices.calibration.corrections
        labels["calibrated probability"] = receipts.saved_labels(model, own)
    if "operating_point" in study and choices.operating_point:
        own = choices.operating_point.corrections
        labels["operating point"] = receipts.saved_labels(model, own)
    return tuple((f"Labels behind the {name}", words) for name, words in labels.items())
