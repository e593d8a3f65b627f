"""Command about several runs at once: `cross-validate`, and what other commands do with a group.

Modules that load pandas are imported by the function that needs them, so that `--help` is quick.
"""

import argparse
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fracture_core.cli import Command, run_group, setting_options, terminal
from fracture_core.config.limits import LIMITS
from fracture_core.errors import ConfigError, ModelError
from fracture_core.files import replace_file
from fracture_core.runs import run_facts, run_folders

if TYPE_CHECKING:
    from fracture_core.cross_validation.group import Group
    from fracture_core.evaluations.evaluation import Evaluation
    from fracture_core.runs.run_facts import DataFacts

OWN = ("fold", "fold_list")  # settings that each fold's run gets
MISSING = "-"  # of a figure that has no meaning
SHOWN = ("accuracy", "sensitivity", "specificity", "auroc")  # of each fold; JSON has all

# --- cross-validate -------------------------------------------------------------------------------


def _arguments(parser: argparse.ArgumentParser) -> None:
    setting_options.add_data(parser)
    low, high = LIMITS.folds
    parser.add_argument("--folds", type=int, default=5, help=f"runs, {low} to {high} (5)")
    setting_options.add_settings(parser, setting_options.default_of_train, OWN)
    setting_options.add_start(parser, "of the group; its runs are NAME-fold1, NAME-fold2, ...")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _cross_validate(options: argparse.Namespace) -> int:
    from fracture_core.cross_validation import group_runs

    config = setting_options.config_of(options)
    setting_options.check_network(config)
    name = options.name or f"{config.architecture}-cv-{datetime.now():%Y%m%d-%H%M%S}"
    value = group_runs.begin(config, options.folds, name, setting_options.dataset_of(options))
    return queued(value, options.json) if options.queue else follow(value, options.json)


def queued(value: "Group", as_json: bool) -> int:
    """Print the folds that wait in the queue; return the exit status."""
    runs = [value.run_name(fold) for fold in value.numbers]
    if as_json:
        record = {"group": value.name, "folds": value.folds, "hash": value.hash, "runs": runs}
        terminal.print_json(record)
    else:
        print(f"{value.name} is queued: {', '.join(runs)}.")
        print(f"Its figures, once all have finished: python -m fracture_core evaluate {value.name}")
    return 0


def follow(value: "Group", as_json: bool) -> int:
    """Show a group's progress until no fold is active, then its figures; return the exit status."""
    progress = run_group.follow(value, as_json)
    if progress.finished < progress.runs:
        return int(bool(progress.problems))
    from fracture_core.cross_validation import out_of_fold

    out_of_fold.save(value)
    _print(*_evaluation(value.name), as_json, None, 1.0)
    return 0


# --- a group in other commands --------------------------------------------------------------------


def release(value: "Group", model: str, attach: bool) -> None:
    """Publish the networks of a group as an ensemble; print its out-of-fold figures.

    Args:
        value: the group.
        model: name of the ensemble.
        attach: whether to add the predictions to the model of this name instead.
    """
    from fracture_core.cross_validation import fold_release
    from fracture_core.models import released_models

    make = fold_release.attach if attach else fold_release.make
    folder = make(value, model)
    terminal.print_line(f"Released {folder}: {released_models.read(folder).card.network}")
    _print(*_evaluation(model), False, None, 1.0)


def evaluate(options: argparse.Namespace) -> None:
    """Print the out-of-fold figures of a group, or of a model made of one."""
    if options.data is not None:
        raise ConfigError(
            "Out-of-fold figures need no data set: they are of the films that each fold held out. "
            "Leave DATA out."
        )
    from fracture_core.curation import corrections
    from fracture_core.evaluations import evaluation, evaluation_figures

    value, data = _evaluation(options.model)
    if options.corrections:
        corrected = corrections.made(str(value.data.get("hash")))
        value = evaluation.relabelled(value, corrected)
    if options.csv:
        text = evaluation_figures.lines_csv(value.to_dict()["lines"])
        replace_file(options.csv, text.encode())
    _print(value, data, options.json, options.prevalence, options.cost_ratio, options.slices)


def _evaluation(name: str) -> tuple["Evaluation", "DataFacts"]:
    """Return a group's or released model's out-of-fold predictions, and what the folds saw."""
    from fracture_core.cross_validation import group, out_of_fold
    from fracture_core.models import stored_models

    if isinstance(value := run_group.find(name), group.Group):
        films = out_of_fold.evaluation_of_group(value)
        runs = out_of_fold.finished(value)
        return films, out_of_fold.training_facts(runs, films.summaries()["studies"].n)
    model = stored_models.find(name)
    of_model = out_of_fold.evaluation_of_model(model)
    if of_model is None:
        known = ", ".join(group.names()) or "none yet"
        raise ModelError(
            f"{name} was not cross-validated, so it has no out-of-fold predictions. "
            f"Cross-validations: {known}."
        )
    return of_model, model.card.data


def _print(
    value: "Evaluation",
    data: "DataFacts",
    as_json: bool,
    prevalence: float | None,
    cost_ratio: float,
    with_slices: bool = False,
) -> None:
    from fracture_core.cross_validation import fold_figures
    from fracture_core.evaluations import evaluation_figures
    from fracture_core.verdicts import estimates

    own = fold_figures.record(value.films, value.threshold)
    if as_json:
        record = evaluation_figures.with_estimates(value.to_dict(), value, prevalence, cost_ratio)
        spread = fold_figures.spread(own)
        more = {"folds": own["folds"], "spread": spread, "interval": own["method"]}
        terminal.print_json(record | more | {"training_split": data.split_words})
        return
    terminal.print_figures("out of fold", value.films, value.threshold, prevalence, cost_ratio)
    for name, films in estimates.slices(value.films).items() if with_slices else ():
        terminal.print_figures(
            f"out of fold, {name}", films, value.threshold, prevalence, cost_ratio
        )
    _print_folds(own)
    if corrected := value.data.get("corrections"):
        terminal.print_line(run_facts.corrections_words(corrected))
    if data.split_words:
        terminal.print_line(f"Training of the folds: {data.split_words}")


def _print_folds(own: dict[str, Any]) -> None:
    """Print some figures of each fold's studies, and how they spread."""
    from fracture_core.cross_validation import fold_figures
    from fracture_core.verdicts import figure_words
    from fracture_core.verdicts.resampling import Interval

    print()
    _print_row(f"{'Studies of':12}{'n':>6}", (figure_words.TITLES[name] for name in SHOWN))
    rows = [(f"fold {each['fold']}", each["studies"]) for each in own["folds"]]
    for words, figures in rows:
        cells = (figure_words.value(name, Interval(**figures[name])) for name in SHOWN)
        n = figures["accuracy"]["n"]
        _print_row(f"{words:12}{n:>6,}", cells)
    for key in ("mean", "least", "greatest"):
        none = asdict(Interval(value=None, low=None, high=None, n=0, groups=0))
        values = (Interval(**{**none, "value": own["studies"][name][key]}) for name in SHOWN)
        _print_row(f"{key:18}", map(figure_words.value, SHOWN, values))
    print(f"\nIntervals: {fold_figures.METHOD}.\n{fold_figures.RANKS}")


def _print_row(head: str, cells: Iterable[str]) -> None:
    print(f"  {head}{''.join(f'{cell or MISSING:>14}' for cell in cells)}")


# --- the 2018 report ------------------------------------------------------------------------------


def _claims_arguments(parser: argparse.ArgumentParser) -> None:
    setting_options.add_data(parser)
    parser.add_argument(
        "--length", choices=("full", "quick"), default="full", help="of the experiments (full)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _claims(options: argparse.Namespace) -> None:
    """Print the 2018 report's claims with the answers of the runs so far."""
    from fracture_core.analysis import report_2018, report_claims

    dataset = setting_options.dataset_of(options)
    length = report_2018.LENGTHS[options.length]
    runs = report_2018.find(run_folders.list_runs(), dataset.hash, length)
    claims = report_claims.record(runs, length)
    if options.json:
        facts = {"data": dataset.hash, "synthetic": dataset.synthetic, "length": length.name}
        terminal.print_json(facts | {"claims": claims})
        return
    for claim in claims:
        terminal.print_line(f"Figure {claim['figure']}: {claim['says']}")
        terminal.print_line(f"  {claim['words']}")


COMMANDS = {
    "cross-validate": Command(add_arguments=_arguments, run=_cross_validate),
    "claims": Command(add_arguments=_claims_arguments, run=_claims),
}
