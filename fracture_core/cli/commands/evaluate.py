"""The command `evaluate`: figures of a model on a split, or on predictions that it keeps.

Modules that load pandas are imported when it runs, so that `--help` is quick.
"""

import argparse
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fracture_core.cli import Command, run_group, setting_options, terminal
from fracture_core.config.record import check_range
from fracture_core.errors import ConfigError, WriteFailed
from fracture_core.files import replace_file

if TYPE_CHECKING:
    from fracture_core.cross_validation.group import Group
    from fracture_core.datasets.catalog import Dataset
    from fracture_core.evaluations.evaluation import Evaluation
    from fracture_core.floors.floor_figures import Floors
    from fracture_core.models.model import Model
    from fracture_core.sweeps.sweep import Sweep

MOST_COST = 10_000.0  # of a missed fracture, in false alarms


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", help=f"{setting_options.MODEL}; or a cross-validation, without data"
    )
    setting_options.add_data(parser, optional=True)
    parser.add_argument(
        "--out-of-fold",
        action="store_true",
        help="print the out-of-fold figures of a cross-validation, or of a model made of one",
    )
    parser.add_argument(
        "--split",
        help="train, valid or test (valid; with a selection: its studies in all splits); without "
        "data, what the model keeps: dev, a run's valid",
    )
    parser.add_argument(
        "--selection", metavar="NAME", help="predict only the studies of a saved selection"
    )
    parser.add_argument(
        "--corrections",
        action="store_true",
        help="compare with corrected labels, of the dev studies too",
    )
    _figure_arguments(parser)
    _detail_arguments(parser)
    setting_options.add_promise(parser)
    parser.add_argument("--lines", action="store_true", help="also print a line per study")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write the lines as CSV")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _figure_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that the figures depend on."""
    parser.add_argument("--part", action="append", dest="parts", help="body part; repeats (all)")
    parser.add_argument("--threshold", type=float, help="positive above this (the card's)")
    parser.add_argument(
        "--prevalence",
        type=float,
        help="share of positive studies where the model would be used, for PPV, NPV and cost "
        "(that of the films)",
    )
    parser.add_argument(
        "--cost-ratio",
        type=float,
        default=1.0,
        help="cost of a missed fracture in false alarms (1)",
    )


def _detail_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that print more than the figures."""
    parser.add_argument(
        "--slices", action="store_true", help="also print figures by part and number of views"
    )
    parser.add_argument(
        "--lab",
        type=float,
        metavar="THRESHOLD",
        help="also print every rule at this threshold, what OR costs, the shortcut meter, and the "
        "operating points of --rule",
    )
    parser.add_argument("--rule", default="or", help="rule of the operating points (or)")
    parser.add_argument(
        "--calibration", action="store_true", help="also print the calibration errors"
    )


def _evaluate_group(options: argparse.Namespace, value: "Group | Sweep | None") -> None:
    from fracture_core.cli.commands import cross_validate, start_sweep
    from fracture_core.sweeps.sweep import Sweep

    if isinstance(value, Sweep):
        if options.corrections:
            raise ConfigError(
                f"The answer of {value.name} goes by the labels that its runs were trained with. "
                "Leave --corrections out; or evaluate its runs with it, one at a time."
            )
        start_sweep.show(value, options.json, options.split)
    else:
        cross_validate.evaluate(options)


def _evaluate(options: argparse.Namespace) -> None:
    """Print the figures, and on request a line per study; save those of a whole split."""
    for name in ("threshold", "prevalence", "lab"):
        if (number := getattr(options, name)) is not None:
            check_range(name, number, (0.0, 1.0))
    check_range("cost ratio", options.cost_ratio, (0.0, MOST_COST))
    group = None if options.out_of_fold else run_group.find(options.model)
    if options.out_of_fold or group:
        _evaluate_group(options, group)
        return
    if options.data is None:
        _evaluate_stored(options)
        return
    if _is_kept(options):
        _evaluate_stored(options, setting_options.dataset_of(options))
        return
    from fracture_core.curation import corrections, selections
    from fracture_core.evaluations import evaluation, evaluation_file, evaluation_job
    from fracture_core.models import stored_models

    dataset = setting_options.dataset_of(options)
    parts = tuple(options.parts or ())
    model = stored_models.find(options.model)
    if options.corrections:
        corrections.check_made(
            *(corrections.read(str(each)) for each in (dataset.hash, model.card.data.hash))
        )
    selection = None
    if options.selection is not None:
        selection = selections.read(selections.folder_of(dataset.hash), options.selection)
    split = options.split or (None if selection else "valid")
    terminal.load_tensorflow()
    show = None if options.json else terminal.progress_line("films")
    folder = evaluation_job.folder_of(
        options.model, dataset, split or evaluation.SELECTION, selection
    )
    value = evaluation_job.evaluate(
        options.model, dataset, split, parts, progress=show, selection=selection
    )
    # For the Evaluate page. While a run trains, another epoch may have become its best one.
    if not parts and value.model == model.card.name:
        with contextlib.suppress(WriteFailed):  # the figures are printed all the same
            evaluation_file.save(folder, value)
    if options.corrections:
        value, model = evaluation.by_corrected_labels(value, model)
    _output(options, value, model, dataset)


def _is_kept(options: argparse.Namespace) -> bool:
    """Return whether the model itself keeps the films, which are of no split of a data set."""
    from fracture_core.cross_validation import out_of_fold

    return options.split in ("dev", out_of_fold.SPLIT)


def _evaluate_stored(options: argparse.Namespace, dataset: "Dataset | None" = None) -> None:
    """Print the figures of predictions that a model keeps, without a network.

    Args:
        options: of the command.
        dataset: that the model was trained on, for its floors; `None` for none.
    """
    if options.selection is not None or options.parts:
        raise ConfigError("A selection or a body part is of a data set: evaluate MODEL DATA.")
    from fracture_core.curation import corrections
    from fracture_core.evaluations import evaluation
    from fracture_core.model_comparison import stored_predictions
    from fracture_core.models import stored_models

    model = stored_models.find(options.model)
    roles = stored_predictions.roles(model)
    split = options.split or ("valid" if "valid" in roles else "dev")
    value = stored_predictions.of_role(model, split)
    if options.corrections:
        corrections.made(str(value.data.get("hash")))
        value, model = evaluation.by_corrected_labels(value, model)
    _output(options, value, model, dataset)


def _output(
    options: argparse.Namespace, value: "Evaluation", model: "Model", dataset: "Dataset | None"
) -> None:
    """Print an evaluation as requested, and write its lines.

    Args:
        options: of the command.
        value: the evaluation.
        model: the model evaluated.
        dataset: of the films; `None` for those that the model keeps, of which it was trained on
            none.
    """
    from fracture_core.evaluations import evaluation_figures
    from fracture_core.floors import evaluation_floors
    from fracture_core.prediction import training_patients
    from fracture_core.prediction.training_patients import TrainingOverlap

    if options.threshold is not None:
        value = replace(value, threshold=options.threshold)
    record = value.to_dict()
    overlaps = training_patients.among(model, dataset) if dataset else {}
    for line in record["lines"]:
        patient = line["study"].split("/")[2]
        line["acquaintance"] = str(overlaps.get(patient, TrainingOverlap.NEW))
    data_hash = str(value.data.get("hash"))
    sources = evaluation_floors.sources(model, dataset).on(data_hash)
    floors = evaluation_floors.of_films(value.films, value.threshold, sources)
    if options.json:
        record["training_split"] = model.card.data.split_words
        if model.dev_corrections:
            record["dev_corrections"] = model.dev_corrections
        record["floors"] = {level: each.to_dict() for level, each in floors.items()}
        chosen = (options.prevalence, options.cost_ratio)
        record = evaluation_figures.with_estimates(record, value, *chosen)
        terminal.print_json(record | _details(options, value, model))
    else:
        _print_evaluation(options, value, record, model, floors["studies"])
        _print_details(_details(options, value, model))
        if value.data.get("selection") and (
            warning := training_patients.dev_warning(model, value.films, data_hash)
        ):
            terminal.print_line(warning)
    if options.csv:  # last: what cannot be written costs no figure
        replace_file(options.csv, evaluation_figures.lines_csv(record["lines"]).encode())


def _details(options: argparse.Namespace, value: "Evaluation", model: "Model") -> dict[str, Any]:
    """Return the further figures that the options ask for, see `evaluation_details`."""
    from fracture_core.operating_points import study_scores
    from fracture_core.reports import evaluation_details

    study_scores.check_rule(options.rule)
    details: dict[str, Any] = {}
    if options.lab is not None:
        scaling = evaluation_details.film_scaling(model)
        chosen = (options.rule, options.cost_ratio, scaling)
        details |= evaluation_details.lab(value, options.lab, scaling)
        details["operating_points"] = evaluation_details.points(value, model, *chosen)
    if options.calibration:
        details["calibration"] = evaluation_details.calibration_errors(value, model)
    if promise := setting_options.promise_of(options, model):
        details["answers"] = evaluation_details.answers(value, model, promise)
    return details


def _print_details(details: dict[str, Any]) -> None:
    """Print further figures, a line each under its keys."""
    from fracture_core.reports import receipts

    for number in receipts.numbers(details):
        terminal.print_line(f"  {' › '.join(number.key)}: {number.words}")


def _print_evaluation(
    options: argparse.Namespace,
    value: "Evaluation",
    record: dict[str, Any],
    model: "Model",
    floors: "Floors",
) -> None:
    """Print the figures of an evaluation, what was refused, and a line per study on request.

    Args:
        options: of the command.
        value: the evaluation.
        record: it as JSON, with what each study's patient is to the model.
        model: the model evaluated.
        floors: of the studies.
    """
    from fracture_core.prediction import training_patients
    from fracture_core.prediction.training_patients import TrainingOverlap
    from fracture_core.runs import run_facts
    from fracture_core.verdicts import estimates

    chosen = (value.threshold, options.prevalence, options.cost_ratio)
    terminal.print_figures(value.films_words, value.films, *chosen)
    terminal.print_floors(floors)
    for name, films in estimates.slices(value.films).items() if options.slices else ():
        terminal.print_figures(f"{value.films_words}, {name}", films, *chosen)
    if corrected := value.data.get("corrections"):
        terminal.print_line(run_facts.corrections_words(corrected))
    if value.split != "dev" and (of_dev := model.dev_corrections):
        terminal.print_line(f"Dev: {run_facts.corrections_words(of_dev)}")
    known = [TrainingOverlap(line["acquaintance"]) for line in record["lines"]]
    for sentence in training_patients.warnings(known):
        terminal.print_line(sentence)
    for item in record["refused"]:
        terminal.print_line(f"refused ({item['path']}): {item['reason']}")
    data = model.card.data
    if data.split_words:
        root = Path(data.root or "unknown data").name
        terminal.print_line(f"\nThe model was trained on {root}. {data.split_words}")
    for line in record["lines"] if options.lines else ():
        terminal.print_line(_study_line(line))


def _study_line(line: dict[str, Any]) -> str:
    """Return the printed line of a study: "valid/...: 0.124 0.612 -> fracture, label 1, right"."""
    probabilities = " ".join(f"{p:.3f}" for p in line["probabilities"])
    verdict = "fracture" if line["fracture"] else "no fracture"
    from fracture_core.prediction.training_patients import TrainingOverlap

    mark = TrainingOverlap(line["acquaintance"]).mark
    right = ("right" if line["right"] else "WRONG") + (f" ({mark})" if mark else "")
    return f"{line['study']}: {probabilities} -> {verdict}, label {line['label']}, {right}"


COMMANDS = {"evaluate": Command(add_arguments=_evaluate_arguments, run=_evaluate)}
