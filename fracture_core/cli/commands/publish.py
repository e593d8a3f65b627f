"""Commands that give work to others: `gate`, `release`, `ensemble`, `average-weights`, `export`,
`room`.

Modules that load pandas are imported by the command that needs them, so that `--help` is quick.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fracture_core import room
from fracture_core.cli import Command, run_group, setting_options, terminal
from fracture_core.errors import ModelError
from fracture_core.folders import PROJECT

if TYPE_CHECKING:
    from fracture_core.cross_validation.group import Group
    from fracture_core.models.model_card import Card
    from fracture_core.sweeps.sweep import Sweep
    from fracture_core.verdicts.metrics import Summary


def _gate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="released model, or folder with a card")
    setting_options.add_data(parser)


def _gate(options: argparse.Namespace) -> None:
    from fracture_core.models import released_models, stored_models
    from fracture_core.prediction import gate_job

    model = stored_models.find(options.model)
    if model.is_run:
        raise ModelError(f"{options.model} is a run: its gate is fitted when it is released.")
    dataset = setting_options.dataset_of(options)
    terminal.load_tensorflow()
    path = gate_job.add(model, dataset)
    _print_gate(released_models.read(path.parent).card)


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


def _release_group(value: "Group | Sweep", options: argparse.Namespace) -> None:
    from fracture_core.cli.commands import cross_validate
    from fracture_core.sweeps.sweep import Sweep

    if isinstance(value, Sweep):
        raise ModelError(f"{value.name} is a sweep. Release one of its runs: release RUN NAME.")
    cross_validate.release(value, options.name, options.out_of_fold)


def _release(options: argparse.Namespace) -> None:
    if group := run_group.find(options.run):
        _release_group(group, options)
        return
    from fracture_core.models import released_models
    from fracture_core.releases import release

    if options.out_of_fold:
        raise ModelError(f"{options.run} is no cross-validation, so it has no such predictions.")
    terminal.load_tensorflow()
    folder = release.release(options.run, options.name)
    print(f"Released {folder}")
    _print_gate(released_models.read(folder).card)


def _ensemble_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name")
    parser.add_argument("members", nargs="+", metavar="MODEL", help="model, run, or RUN@EPOCH")


def _ensemble(options: argparse.Namespace) -> None:
    """Publish the ensemble; print its accuracy and that of its members."""
    from fracture_core.models import released_models
    from fracture_core.releases import ensemble

    folder = ensemble.make(options.members, options.name)
    model = released_models.read(folder)
    terminal.print_line(f"Released {folder}: {model.card.network}")
    _print_gate(model.card)
    members = [(member, levels["studies"]) for member, levels in ensemble.of_members(model)]
    if not members:
        print("Its members share no dev films, so its accuracy is unknown.")
        return
    mean = model.at_threshold(model.card.threshold)["studies"]
    print(f"\nOn the {mean.n} dev studies that none of them was trained on:")
    _print_side_by_side([*members, (options.name, mean)])


def _average_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="a run that has ended or is stopped; it is only read")
    parser.add_argument("name", help="of the new model")
    parser.add_argument(
        "--epochs", default="", help="as in 3,4,5 or 3-5 (the last half of those that are kept)"
    )


def _average(options: argparse.Namespace) -> None:
    """Publish the mean of a run's weights; print its accuracy beside its epochs'."""
    from fracture_core.models import released_models
    from fracture_core.releases import averaged_epochs, epoch_average
    from fracture_core.runs import run_folders

    run = run_folders.read(run_folders.find(options.run))
    epochs = epoch_average.check(run, options.name, averaged_epochs.parse(options.epochs))
    terminal.load_tensorflow()
    folder = epoch_average.make(run, options.name, epochs, terminal.show_line)
    terminal.show_line("")
    model = released_models.read(folder)
    terminal.print_line(f"Released {folder}: {model.card.network}")
    _print_gate(model.card)
    print(epoch_average.WHEN)
    members = epoch_average.beside(run, model)
    if not members:
        print("It has no dev films, so its accuracy is unknown.")
        return
    print(f"\nOn the {members[-1][1].n} dev studies:")
    _print_side_by_side(members)


def _print_side_by_side(models: Sequence[tuple[str, "Summary"]]) -> None:
    """Print the accuracy of models on the same studies, a line each."""
    for name, studies in models:
        p = studies.accuracy
        terminal.print_line(
            f"  {name:36}accuracy {p.value:6.1%}  {p.count}/{p.n}  "
            f"(95 % interval {p.low:.1%} to {p.high:.1%})"
        )


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    from fracture_core.exports import model_formats

    parser.add_argument("model", help="released model, run, or RUN@EPOCH")
    parser.add_argument("out", nargs="?", type=Path, help="new folder (MODEL-FORMAT, here)")
    formats = ", ".join(model_formats.FORMATS)
    parser.add_argument("--to", required=True, metavar="FORMAT", help=f"one of {formats}")


def _export(options: argparse.Namespace) -> None:
    from fracture_core.exports import model_formats
    from fracture_core.models import stored_models

    out = options.out or Path(f"{Path(options.model).name}-{options.to}")
    model = stored_models.find(options.model)
    terminal.load_tensorflow()
    folder = model_formats.write(model, options.to, out)
    for path in sorted(folder.iterdir()):
        terminal.print_line(str(path))
    size, threshold = model.card.recipe.size, model.card.threshold
    print(
        f"Films as float32, {size} x {size} px, 0 to 255, made by the recipe in card.json; a film "
        f"is positive above {threshold:g}, a study if any of its films is."
    )


def _room_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", help="host name that visitors type, as in films.example.org")
    parser.add_argument("--port", type=int, default=8501, help="port on this machine (8501)")


def _room(options: argparse.Namespace) -> int:
    """Print the addresses, then become the server until it is stopped."""
    host = room.checked_host(options.host)
    token = room.new_token()
    print(f"Visitors: https://{host}/ (they browse, watch and upload films)")
    print(f"You, on this machine: http://localhost:{options.port}/?owner={token}")
    print(f"You, from elsewhere: https://{host}/ with this token under Visitor, Owner's token.")
    print(f"The token is saved in {room.token_path()} and changes at every start.")
    print("Put a proxy with TLS in front of it, see docs/security.md. Ctrl-C stops the server.")
    sys.stdout.flush()
    environment = os.environ | {room.VARIABLE: host}
    os.chdir(PROJECT)  # where .streamlit/config.toml lies
    os.execve(sys.executable, room.server_command(host, options.port), environment)


COMMANDS = {
    "gate": Command(add_arguments=_gate_arguments, run=_gate),
    "release": Command(add_arguments=_release_arguments, run=_release),
    "ensemble": Command(add_arguments=_ensemble_arguments, run=_ensemble),
    "average-weights": Command(add_arguments=_average_arguments, run=_average),
    "export": Command(add_arguments=_export_arguments, run=_export),
    "room": Command(add_arguments=_room_arguments, run=_room),
}
