"""The command `predict`: a line per image, then the verdict of each study.

Modules that load pandas are imported when it runs, so that `--help` is quick.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from fracture_core.cli import Command, setting_options, terminal
from fracture_core.config.record import check_range
from fracture_core.files import replace_file

if TYPE_CHECKING:
    from fracture_core.study_sorting.study_paths import SortedPaths


def _predict_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help=setting_options.MODEL)
    parser.add_argument(
        "study", type=Path, nargs="+", help="study folder, folder of them, zip, files"
    )
    parser.add_argument("--threshold", type=float, help="positive above this (the card's)")
    parser.add_argument(
        "--count-doubted",
        action="store_true",
        help="include films in the verdict that the gate doubts",
    )
    setting_options.add_promise(parser)
    parser.add_argument(
        "--corrections",
        action="store_true",
        help="use corrected labels of the dev studies that choose limits",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--report", type=Path, metavar="FILE", help="also write an HTML report")
    parser.add_argument(
        "--names", action="store_true", help="name files and patients in the report"
    )


def _predict(options: argparse.Namespace) -> int:
    """Print a line per image, then the verdict; return 1 if no film has a prediction."""
    from fracture_core.answers import study_answers
    from fracture_core.cli import study_output
    from fracture_core.curation import corrections
    from fracture_core.models import stored_models
    from fracture_core.prediction import caveats
    from fracture_core.reports import study_record, study_report
    from fracture_core.study_sorting import study_paths

    model = stored_models.find(options.model)
    if options.corrections:
        model = model.relabelled(corrections.made(str(model.card.data.hash)))
    threshold = model.card.threshold if options.threshold is None else options.threshold
    check_range("threshold", threshold, (0.0, 1.0))
    promise = setting_options.promise_of(options, model)
    answers = study_answers.of_model(model, threshold, promise)
    is_promised = bool(promise or model.card.choices.promise)
    paths = study_paths.read(options.study)
    terminal.load_tensorflow()
    from fracture_core.prediction import inference

    studies = inference.films_of(paths)
    predictor = inference.Predictor(model)
    real = any(study_output.is_real(films) for _, films in studies)
    if not options.json:
        _print_warnings(caveats.warnings(model, threshold, real))
    predictions = []
    for name, films in studies:
        predictions.append(predictor.predict_study(name, films, options.count_doubted))
        if not options.json:
            is_real = study_output.is_real(films)
            study_output.print_study(predictions[-1], threshold)
            study_output.print_answer(predictions[-1], answers, is_real, is_promised)
    if options.json:
        record = study_record.as_dict(
            predictions, model, threshold, paths.left_out, real, paths.ignored, promise
        )
        terminal.print_json(record)
    _print_remarks(paths)
    if options.report:  # last: what cannot be written costs no figure
        pairs = zip(predictions, studies, strict=True)
        cases = [study_output.case(study, films, model.card.recipe) for study, (_, films) in pairs]
        html = study_report.document(
            cases, model, threshold, names=options.names, left_out=paths.left_out, promise=promise
        )
        replace_file(options.report, html.encode())
        _print_warnings([study_record.text_warning(predictions)])
    if any(study.films for study in predictions):
        return 0
    print("No film has a prediction.", file=sys.stderr)
    return 1


def _print_warnings(sentences: Iterable[str | None]) -> None:
    for sentence in filter(None, sentences):
        terminal.print_line(f"Warning: {sentence}", file=sys.stderr)


def _print_remarks(paths: "SortedPaths") -> None:
    """Print a line on each file or folder that was left out, and on those beside the films."""
    from fracture_core.data_folders import ignored_files

    for sentence in (*(f"{name} {reason}" for name, reason in paths.left_out), *paths.remarks):
        terminal.print_line(sentence, file=sys.stderr)
    if paths.ignored:
        terminal.print_line(ignored_files.sentence(paths.ignored), file=sys.stderr)


COMMANDS = {"predict": Command(add_arguments=_predict_arguments, run=_predict)}
