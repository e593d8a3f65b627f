"""Commands on released models: `gate`, `release`, `ensemble`.

Modules that load pandas are imported by the command that needs them, so that `--help` is quick.
"""

import argparse
import sys
from typing import TYPE_CHECKING

from fracture_core.cli import Command, setting_options, terminal
from fracture_core.errors import ModelError

if TYPE_CHECKING:
    from fracture_core.models.cards import Card


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
    from fracture_core.cli.commands import cross_validate

    if cross_validate.is_group(options.run):
        cross_validate.release(options.run, options.name, options.out_of_fold)
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
    "gate": Command(add_arguments=_gate_arguments, run=_gate),
    "release": Command(add_arguments=_release_arguments, run=_release),
    "ensemble": Command(add_arguments=_ensemble_arguments, run=_ensemble),
}
