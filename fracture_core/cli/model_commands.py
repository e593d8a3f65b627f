"""Commands about models, from `predict` and `evaluate` to `release` and `ensemble`.

Modules that load pandas are imported by the command that needs them, so that `--help` is quick.
"""

import argparse
import contextlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fracture_core.cli import Command, setting_options, terminal
from fracture_core.config import check_range
from fracture_core.errors import ConfigError, ModelError, WriteFailed
from fracture_core.files import replace_file

if TYPE_CHECKING:
    from fracture_core.datasets.catalog import Dataset
    from fracture_core.floors.floor_figures import Floors
    from fracture_core.models.cards import Card, Model
    from fracture_core.models.evaluation import Evaluation
    from fracture_core.operating_points.promise import Promise
    from fracture_core.runs.run_facts import DataFacts

MOST_SIMILAR = 1_000  # studies listed for a film
MOST_COST = 10_000.0  # of a missed fracture, in false alarms
MODEL = "released model, run, RUN@EPOCH, or folder with a card"

# --- predict ------------------------------------------------------------------------------------


def _predict_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help=MODEL)
    parser.add_argument(
        "study", type=Path, nargs="+", help="study folder, folder of them, zip, files"
    )
    parser.add_argument("--threshold", type=float, help="positive above this (the card's)")
    parser.add_argument(
        "--count-doubted",
        action="store_true",
        help="include films in the verdict that the gate doubts",
    )
    _add_promise(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--report", type=Path, metavar="FILE", help="also write an HTML report")
    parser.add_argument(
        "--names", action="store_true", help="name files and patients in the report"
    )


def _add_promise(parser: argparse.ArgumentParser) -> None:
    """Add the options of the three answers, see `_promise`."""
    for name, what in (
        ("promise", "most studies with a fracture among those that are cleared (the card's, or 5)"),
        (
            "false-alarms",
            "most studies without one among those called a fracture (the card's, or 20)",
        ),
        ("confidence", "of the promise (the card's, or 95)"),
    ):
        parser.add_argument(f"--{name}", type=float, metavar="PERCENT", help=what)


def _promise(options: argparse.Namespace, model: "Model") -> "Promise | None":
    """Return the promise that the options ask for; `None` where none of them is given."""
    from fracture_core.answers import study_answers

    asked = (options.promise, options.confidence, options.false_alarms)
    if all(each is None for each in asked):
        return None
    return study_answers.changed(model, *asked)


def _predict(options: argparse.Namespace) -> int:
    """Print a line per image, then the verdict; return 1 if no film has a prediction."""
    from fracture_core.answers import study_answers
    from fracture_core.cli import study_output
    from fracture_core.datasets import study_paths
    from fracture_core.models import cards, caveats
    from fracture_core.readers import ignored_files
    from fracture_core.reports import study_record, study_report

    model = cards.find(options.model)
    threshold = model.card.threshold if options.threshold is None else options.threshold
    check_range("threshold", threshold, (0.0, 1.0))
    promise = _promise(options, model)
    answers = study_answers.of_model(model, threshold, promise)
    is_promised = bool(promise or model.card.choices.promise)
    paths = study_paths.read(options.study)
    terminal.load_tensorflow()
    from fracture_core.models import inference

    studies = inference.films_of(paths)
    predictor = inference.Predictor(model)
    real = any(study_output.is_real(films) for _, films in studies)
    if not options.json:
        for sentence in caveats.warnings(model, threshold, real):
            terminal.print_line(f"Warning: {sentence}", file=sys.stderr)
    predictions = []
    for name, films in studies:
        predictions.append(predictor.predict_study(name, films, options.count_doubted))
        if not options.json:
            study_output.print_study(predictions[-1], threshold)
            study_output.print_answer(
                predictions[-1], answers, study_output.is_real(films), is_promised
            )
    if options.json:
        record = study_record.as_dict(
            predictions, model, threshold, paths.left_out, real, paths.ignored, promise
        )
        terminal.print_json(record)
    for sentence in (*(f"{name} {reason}" for name, reason in paths.left_out), *paths.remarks):
        terminal.print_line(sentence, file=sys.stderr)
    if paths.ignored:
        terminal.print_line(ignored_files.sentence(paths.ignored), file=sys.stderr)
    if options.report:  # last: what cannot be written costs no figure
        cases = [
            study_output.case(study, films, model.card.recipe)
            for study, (_, films) in zip(predictions, studies, strict=True)
        ]
        html = study_report.document(
            cases, model, threshold, names=options.names, left_out=paths.left_out
        )
        replace_file(options.report, html.encode())
        if warning := study_record.text_warning(predictions):
            terminal.print_line(f"Warning: {warning}", file=sys.stderr)
    if any(study.films for study in predictions):
        return 0
    print("No film has a prediction.", file=sys.stderr)
    return 1


# --- evaluate -----------------------------------------------------------------------------------


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help=f"{MODEL}; or a cross-validation, without data")
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
        help="compare with the labels that were corrected for these data",
    )
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
    _add_promise(parser)
    parser.add_argument("--lines", action="store_true", help="also print a line per study")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write the lines as CSV")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _evaluate(options: argparse.Namespace) -> None:
    """Print the figures, and on request a line per study; save those of a whole split."""
    for name in ("threshold", "prevalence"):
        if (number := getattr(options, name)) is not None:
            check_range(name, number, (0.0, 1.0))
    check_range("cost ratio", options.cost_ratio, (0.0, MOST_COST))
    from fracture_core.cli import experiment_commands

    if options.out_of_fold or experiment_commands.is_group(options.model):
        experiment_commands.evaluate(options)
        return
    if options.data is None:
        _evaluate_stored(options)
        return
    if _is_kept(options):
        _evaluate_stored(options, setting_options.dataset_of(options))
        return
    from fracture_core.curation import corrections, selections
    from fracture_core.models import cards, evaluation

    dataset = setting_options.dataset_of(options)
    parts = tuple(options.parts or ())
    corrected = corrections.made(dataset.hash) if options.corrections else None
    selection = None
    if options.selection is not None:
        selection = selections.read(selections.folder_of(dataset.hash), options.selection)
    split = options.split or (None if selection else "valid")
    terminal.load_tensorflow()
    show = None if options.json else terminal.progress_line("films")
    model = cards.find(options.model)
    folder = evaluation.folder_of(options.model, dataset, split or evaluation.SELECTION, selection)
    value = evaluation.evaluate(
        options.model, dataset, split, parts, progress=show, selection=selection
    )
    # For the Evaluate page. While a run trains, another epoch may have become its best one.
    if not parts and value.model == model.card.name:
        with contextlib.suppress(WriteFailed):  # the figures are printed all the same
            evaluation.save(folder, value)
    if corrected:
        value = evaluation.relabelled(value, corrected)
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
    from fracture_core.model_comparison import stored_predictions
    from fracture_core.models import cards, evaluation

    model = cards.find(options.model)
    roles = stored_predictions.roles(model)
    split = options.split or ("valid" if "valid" in roles else "dev")
    value = stored_predictions.of_role(model, split)
    if options.corrections:
        value = evaluation.relabelled(value, corrections.made(str(value.data.get("hash"))))
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
    from fracture_core.floors import evaluation_floors
    from fracture_core.models import evaluation, training_patients
    from fracture_core.models.training_patients import TrainingOverlap

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
        record["floors"] = {level: each.to_dict() for level, each in floors.items()}
        chosen = (options.prevalence, options.cost_ratio)
        record = evaluation.with_estimates(record, value, *chosen)
        terminal.print_json(record | _details(options, value, model))
    else:
        _print_evaluation(options, value, record, model.card.data, floors["studies"])
        _print_details(_details(options, value, model))
        if value.data.get("selection") and (
            warning := training_patients.dev_warning(model, value.films, data_hash)
        ):
            terminal.print_line(warning)
    if options.csv:  # last: what cannot be written costs no figure
        replace_file(options.csv, evaluation.lines_csv(record["lines"]).encode())


def _details(options: argparse.Namespace, value: "Evaluation", model: "Model") -> dict[str, Any]:
    """Return the further figures that the options ask for, see `evaluation_details`."""
    if options.lab is not None:
        check_range("threshold", options.lab, (0.0, 1.0))
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
    if promise := _promise(options, model):
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
    data: "DataFacts",
    floors: "Floors",
) -> None:
    """Print the figures of an evaluation, what was refused, and a line per study on request.

    Args:
        options: of the command.
        value: the evaluation.
        record: it as JSON, with what each study's patient is to the model.
        data: that the model was trained on.
        floors: of the studies.
    """
    from fracture_core.models import training_patients
    from fracture_core.models.training_patients import TrainingOverlap
    from fracture_core.runs import run_facts
    from fracture_core.verdicts import estimates

    chosen = (value.threshold, options.prevalence, options.cost_ratio)
    terminal.print_figures(value.films_words, value.films, *chosen)
    terminal.print_floors(floors)
    for name, films in estimates.slices(value.films).items() if options.slices else ():
        terminal.print_figures(f"{value.films_words}, {name}", films, *chosen)
    if corrected := value.data.get("corrections"):
        terminal.print_line(run_facts.corrections_words(corrected))
    known = [TrainingOverlap(line["acquaintance"]) for line in record["lines"]]
    for sentence in training_patients.warnings(known):
        terminal.print_line(sentence)
    for item in record["refused"]:
        terminal.print_line(f"refused ({item['path']}): {item['reason']}")
    if data.split_words:
        root = Path(data.root or "unknown data").name
        terminal.print_line(f"\nThe model was trained on {root}. {data.split_words}")
    for line in record["lines"] if options.lines else ():
        terminal.print_line(_study_line(line))


def _study_line(line: dict[str, Any]) -> str:
    """Return the printed line of a study: "valid/...: 0.124 0.612 -> fracture, label 1, right"."""
    probabilities = " ".join(f"{p:.3f}" for p in line["probabilities"])
    verdict = "fracture" if line["fracture"] else "no fracture"
    from fracture_core.models.training_patients import TrainingOverlap

    mark = TrainingOverlap(line["acquaintance"]).mark
    right = ("right" if line["right"] else "WRONG") + (f" ({mark})" if mark else "")
    return f"{line['study']}: {probabilities} -> {verdict}, label {line['label']}, {right}"


# --- compare, floors ----------------------------------------------------------------------------


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", help=MODEL)
    parser.add_argument("second", help=MODEL)
    setting_options.add_data(parser, optional=True)
    parser.add_argument(
        "--split", help="films to compare on (valid; without DATA dev, where either has no valid)"
    )
    parser.add_argument(
        "--selection", metavar="NAME", help="compare on the studies of a saved selection"
    )
    parser.add_argument(
        "--corrections", action="store_true", help="by the labels that were corrected"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _compare(options: argparse.Namespace) -> None:
    """Compare two models on films that both keep predictions of, or on a data set's split."""
    from fracture_core.curation import corrections, selections
    from fracture_core.model_comparison import model_pair, stored_predictions
    from fracture_core.models import cards, evaluation

    names = (options.first, options.second)
    models = [cards.find(name) for name in names]
    if options.data is None:
        if options.selection is not None:
            raise ConfigError("A selection is of a data set: compare FIRST SECOND DATA.")
        both = set.intersection(*map(stored_predictions.roles, models))
        split = options.split or ("valid" if "valid" in both else "dev")
        values = [stored_predictions.of_role(model, split) for model in models]
    else:
        dataset = setting_options.dataset_of(options)
        selection = None
        if options.selection is not None:
            selection = selections.read(selections.folder_of(dataset.hash), options.selection)
        terminal.load_tensorflow()
        own = options.split or (None if selection else "valid")
        values = [evaluation.evaluate(name, dataset, own, selection=selection) for name in names]
    if options.corrections:
        corrected = corrections.made(str(values[0].data.get("hash")))
        values = [evaluation.relabelled(value, corrected) for value in values]
    result = model_pair.compare(*values)
    if options.json:
        terminal.print_json(result.to_dict())
        return
    terminal.print_line(result.sentence)
    terminal.print_pair(result)


def _floors_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help=MODEL)
    setting_options.add_data(parser, optional=True)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _floors(options: argparse.Namespace) -> None:
    """Make a model's twins unless they are kept, and print its floors on the films it keeps."""
    from fracture_core.floors import evaluation_floors, floors_job
    from fracture_core.model_comparison import stored_predictions
    from fracture_core.models import cards

    model = cards.find(options.model)
    dataset = None if options.data is None else setting_options.dataset_of(options)
    folder = floors_job.folder_of(model)
    twins = floors_job.load(folder)
    if twins is None:
        floors_job.sources(model, dataset)  # refused before TensorFlow is loaded
        terminal.load_tensorflow()
        steps, films = terminal.progress_line("steps"), terminal.progress_line("films")
        twins = floors_job.make(model, dataset, steps, films)
        floors_job.save(folder, twins)
    kept = evaluation_floors.sources(model, dataset)
    values = [
        stored_predictions.of_role(model, role) for role in sorted(stored_predictions.roles(model))
    ]
    floors = {
        value.split: evaluation_floors.of_films(value.films, value.threshold, kept)
        for value in values
    }
    if options.json:
        levels = {
            role: {level: each.to_dict() for level, each in own.items()}
            for role, own in floors.items()
        }
        made = {"steps": twins.steps, "own_steps": twins.own_steps, "seed": twins.seed}
        synthetic = model.card.synthetic
        record = {"model": model.card.name, "synthetic": synthetic, "twins": made, "films": levels}
        terminal.print_json(record)
        return
    terminal.print_line(twins.sentence)
    for role, own in floors.items():
        print(f"\n{role}{' (synthetic films)' if model.card.synthetic else ''}")
        terminal.print_floors(own["studies"])


# --- similar ------------------------------------------------------------------------------------


def _similar_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help=MODEL)
    setting_options.add_data(parser)
    parser.add_argument("film", nargs="*", help="path of a film in the data set")
    parser.add_argument("--count", type=int, default=6, help="studies per film (6)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _similar(options: argparse.Namespace) -> None:
    """Make the features and the map, then print the nearest studies of each film."""
    check_range("count", options.count, (1, MOST_SIMILAR))
    from dataclasses import asdict

    from fracture_core.datasets import family_list
    from fracture_core.models import cards
    from fracture_core.neighbours import film_features, nearest_films, neighbours_job

    dataset, model = setting_options.dataset_of(options), cards.find(options.model)
    films = [Path(film).as_posix() for film in options.film]
    rows = nearest_films.rows_of(dataset, films)
    folder = film_features.folder_of(model, dataset)
    if film_features.load(folder, dataset) is None:
        terminal.load_tensorflow()
    shown = [terminal.progress_line(noun) for noun in ("films", "features", "steps of the map")]
    made = neighbours_job.make(model, dataset, folder, shown)
    families = family_list.known(dataset.hash).families
    near = {
        film: nearest_films.nearest(
            dataset, made.features, row, made.typical, families, options.count
        )
        for film, row in zip(films, rows, strict=True)
    }
    readable = int(made.features.readable.sum())
    if options.json:
        terminal.print_json(
            {
                "model": model.reference,
                "root": str(dataset.root),
                "films": len(made.places),
                "readable": readable,
                "similar": [
                    {"film": film, "nearest": [asdict(e) | {"words": e.words} for e in each]}
                    for film, each in near.items()
                ],
            }
        )
        return
    if not films:
        print(f"{readable:,} films have features and a place on the map.")
    for film, each in near.items():
        terminal.print_line(film)
        for one in each:
            terminal.print_line(f"  {one.path}: {one.sentence}")


# --- gate, release, ensemble --------------------------------------------------------------------


def _gate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="released model, or folder with a card")
    setting_options.add_data(parser)


def _gate(options: argparse.Namespace) -> None:
    from fracture_core.models import cards, gate_job

    model = cards.find(options.model)
    if model.is_run:
        raise ModelError(f"{options.model} is a run: its gate is fitted when it is released.")
    dataset = setting_options.dataset_of(options)
    terminal.load_tensorflow()
    path = gate_job.add(model, dataset)
    _print_gate(cards.read(path.parent).card)


def _print_gate(card: "Card") -> None:
    """Print what a released model's gate does, or why it has none."""
    facts = card.gate
    if card.members:
        print("It has no gate: an ensemble predicts without one.")
        return
    if not facts:
        print(
            "It has no gate: its training films could not be read, have changed, or are too few.",
            file=sys.stderr,
        )
        return
    print(
        f"Its gate doubts films further than {facts['limit']:.1f} from its {facts['fitted_on']:,} "
        f"training films, which {facts['false_refusal']:.0%} of {facts['calibrated_on']:,} films "
        f"({facts['calibrated_with']}) are."
    )


def _release_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run", help="run, or RUN@EPOCH; or a cross-validation, whose networks become an ensemble"
    )
    parser.add_argument("name")
    parser.add_argument(
        "--out-of-fold",
        action="store_true",
        help="add the cross-validation's predictions to the released model NAME, trained with the "
        "same settings, in place of an ensemble",
    )


def _release(options: argparse.Namespace) -> None:
    from fracture_core.cli import experiment_commands

    if experiment_commands.is_group(options.run):
        experiment_commands.release(options.run, options.name, options.out_of_fold)
        return
    from fracture_core.models import cards
    from fracture_core.releases import release

    if options.out_of_fold:
        raise ModelError(f"{options.run} is no cross-validation, so it has no such predictions.")
    terminal.load_tensorflow()
    folder = release.release(options.run, options.name)
    print(f"Released {folder}")
    _print_gate(cards.read(folder).card)


def _ensemble_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name")
    parser.add_argument("members", nargs="+", metavar="MODEL", help="model, run, or RUN@EPOCH")


def _ensemble(options: argparse.Namespace) -> None:
    """Publish the ensemble; print its accuracy and that of its members."""
    from fracture_core.models import cards
    from fracture_core.releases import ensemble

    folder = ensemble.make(options.members, options.name)
    model = cards.read(folder)
    terminal.print_line(f"Released {folder}: {model.card.network}")
    _print_gate(model.card)
    members = [(member, levels["studies"]) for member, levels in ensemble.of_members(model)]
    if not members:
        print("Its members share no dev films, so its accuracy is unknown.")
        return
    mean = model.at_threshold(model.card.threshold)["studies"]
    print(f"\nOn the {mean.n} dev studies that none of them was trained on:")
    for name, studies in [*members, (options.name, mean)]:
        p = studies.accuracy
        terminal.print_line(
            f"  {name:36}accuracy {p.value:6.1%}  {p.count}/{p.n}  "
            f"(95 % interval {p.low:.1%} to {p.high:.1%})"
        )


COMMANDS = {
    "predict": Command(add_arguments=_predict_arguments, run=_predict),
    "evaluate": Command(add_arguments=_evaluate_arguments, run=_evaluate),
    "compare": Command(add_arguments=_compare_arguments, run=_compare),
    "floors": Command(add_arguments=_floors_arguments, run=_floors),
    "similar": Command(add_arguments=_similar_arguments, run=_similar),
    "gate": Command(add_arguments=_gate_arguments, run=_gate),
    "release": Command(add_arguments=_release_arguments, run=_release),
    "ensemble": Command(add_arguments=_ensemble_arguments, run=_ensemble),
}
