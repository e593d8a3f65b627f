"""Commands that compare: two models, a model and its floors, films as a model sees them.

Modules that load pandas are imported by the command that needs them, so that `--help` is quick.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fracture_core.cli import Command, setting_options, terminal
from fracture_core.config.record import check_range
from fracture_core.errors import ConfigError

if TYPE_CHECKING:
    from fracture_core.neighbours.nearest_films import NearFilm

MOST_SIMILAR = 1_000  # studies listed for a film


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", help=setting_options.MODEL)
    parser.add_argument("second", help=setting_options.MODEL)
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
    from fracture_core.evaluations import evaluation, evaluation_job
    from fracture_core.model_comparison import model_pair, stored_predictions
    from fracture_core.models import stored_models

    names = (options.first, options.second)
    models = [stored_models.find(name) for name in names]
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
        values = [
            evaluation_job.evaluate(name, dataset, own, selection=selection) for name in names
        ]
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
    parser.add_argument("model", help=setting_options.MODEL)
    setting_options.add_data(parser, optional=True)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _floors(options: argparse.Namespace) -> None:
    """Make a model's twins unless they are kept, and print its floors on the films it keeps."""
    from fracture_core.floors import evaluation_floors, floors_job
    from fracture_core.model_comparison import stored_predictions
    from fracture_core.models import stored_models

    model = stored_models.find(options.model)
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
    parser.add_argument("model", help=setting_options.MODEL)
    setting_options.add_data(parser)
    parser.add_argument("film", nargs="*", help="path of a film in the data set")
    parser.add_argument("--count", type=int, default=6, help="studies per film (6)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _similar(options: argparse.Namespace) -> None:
    """Make the features and the map, then print the nearest studies of each film."""
    check_range("count", options.count, (1, MOST_SIMILAR))
    from fracture_core.curation import corrections
    from fracture_core.datasets import family_list
    from fracture_core.models import stored_models
    from fracture_core.neighbours import film_features, nearest_films, neighbours_job

    dataset, model = setting_options.dataset_of(options), stored_models.find(options.model)
    films = [Path(film).as_posix() for film in options.film]
    rows = nearest_films.rows_of(dataset, films)
    folder = film_features.folder_of(model, dataset)
    if film_features.load(folder, dataset) is None:
        terminal.load_tensorflow()
    shown = [terminal.progress_line(noun) for noun in ("films", "features", "steps of the map")]
    made = neighbours_job.make(model, dataset, folder, shown)
    families, corrected = family_list.known(dataset.hash).families, corrections.read(dataset.hash)
    near = {
        film: nearest_films.nearest(
            dataset, made.features, row, made.typical, families, options.count, corrected
        )
        for film, row in zip(films, rows, strict=True)
    }
    readable = int(made.features.readable.sum())
    if options.json:
        facts = {"model": model.reference, "root": str(dataset.root), "films": len(made.places)}
        terminal.print_json(facts | {"readable": readable, "similar": _records(near)})
        return
    if not films:
        print(f"{readable:,} films have features and a place on the map.")
    for film, each in near.items():
        terminal.print_line(film)
        for one in each:
            terminal.print_line(f"  {one.path}: {one.sentence}")


def _records(near: "dict[str, list[NearFilm]]") -> list[dict[str, Any]]:
    """Return a record of each film and its nearest studies, for JSON."""
    return [
        {"film": film, "nearest": [asdict(one) | {"words": one.words} for one in each]}
        for film, each in near.items()
    ]


COMMANDS = {
    "compare": Command(add_arguments=_compare_arguments, run=_compare),
    "floors": Command(add_arguments=_floors_arguments, run=_floors),
    "similar": Command(add_arguments=_similar_arguments, run=_similar),
}
