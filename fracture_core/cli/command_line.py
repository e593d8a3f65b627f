"""The command line: what can be asked in a terminal, and with which options.

Errors are one sentence on standard error and exit 2; a run that fails exits 1, and so does
`predict` where no film could be judged. What each command does is in `commands`.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from fracture_core import config as settings
from fracture_core.cli import commands
from fracture_core.config import DEFAULTS
from fracture_core.errors import FractureError
from fracture_core.files import refusal
from fracture_core.words import readable

CHILDREN = {
    "child": commands.child,
    "child-audit": commands.child_audit,
    "child-averages": commands.child_averages,
    "child-evaluate": commands.child_evaluate,
    "child-gate": commands.child_gate,
    "child-phantom": commands.child_phantom,
    "child-probe": commands.child_probe,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    inner = words and words[0] in CHILDREN
    options = (_child_parser() if inner else parser()).parse_args(words)
    try:
        return options.command(options) or 0
    except FractureError as error:
        commands.say(str(error), file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0  # the reader had enough
    except OSError as error:
        commands.say(refusal(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the page of options that nobody reads."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {readable(message)}. See {self.prog} --help.", file=sys.stderr)
        raise SystemExit(2)


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = _Parser(
        prog="python -m fracture_core", description="Fracture detection on x-ray studies."
    )
    subparsers = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[..., int | None], text: str) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=text, description=text)
        sub.set_defaults(command=run)
        return sub

    _data_commands(command)
    _train_commands(command)
    _model_commands(command)
    _room_command(command)
    return top


def _child_parser() -> argparse.ArgumentParser:
    """What the launcher starts; a person is never offered it."""
    top = argparse.ArgumentParser(prog="python -m fracture_core")
    top.add_argument("command", type=CHILDREN.get)
    top.add_argument("folder")
    top.add_argument("--wait", action="store_true")
    top.add_argument("--threads", type=int)
    top.add_argument("--branches", type=int)
    return top


def _data_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    sub = command("phantom", commands.phantom, "Make a set of synthetic films with known breaks.")
    sub.add_argument("out", type=Path, help="folder to make")
    sub.add_argument("--studies", type=int, default=400, help="studies to draw (400)")
    sub.add_argument("--seed", type=int, default=0, help="same seed, same films (0)")
    sub = command("inspect", commands.inspect, "Count what a data set holds.")
    _data_arguments(sub)
    sub.add_argument("--rescan", action="store_true", help="walk everything, use no kept list")
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub = command("audit", commands.audit, "Open every film and say what is wrong with a data set.")
    _data_arguments(sub)
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub = command("architectures", commands.architectures, "List the networks.")
    sub.add_argument("--size", type=int, default=32, help="input side in px (32)")
    sub.add_argument("--json", action="store_true", help="print JSON")


def _data_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("data", type=Path, help="root of MURA, of FracAtlas, or of class folders")
    sub.add_argument(
        "--positive", metavar="CLASS", help="class folders: the class that is positive"
    )


def _train_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    sub = command("train", commands.train, "Train a network; Ctrl-C stops it and keeps its work.")
    _data_arguments(sub)
    _setting_arguments(sub, lambda _, default: default)
    sub.add_argument("--preset", choices=settings.PRESETS, help="settings to begin with")
    sub.add_argument("--config", type=Path, help="JSON file of settings to begin with")
    sub.add_argument("--name", help="the run's name and folder")
    sub.add_argument("--queue", action="store_true", help="start in the background, in its turn")
    sub = command("resume", commands.resume, "Go on with a run where it stands.")
    sub.add_argument("run")
    sub.add_argument("--more-epochs", type=int, default=0, help="epochs beyond those asked for")
    sub.add_argument("--queue", action="store_true", help="start in the background, in its turn")
    sub = command("stop", commands.stop, "Stop a run and keep its work.")
    sub.add_argument("run")
    sub.add_argument("--after-epoch", action="store_true", help="at the end of this epoch")
    sub = command(
        "fork", commands.fork, "Begin a new run as another stood after an epoch; follow it."
    )
    sub.add_argument("run", metavar="RUN@EPOCH", help="run and an epoch whose state is kept")
    _setting_arguments(sub, _of_parent)
    sub.add_argument("--name", help="the new run's name and folder")
    sub.add_argument("--queue", action="store_true", help="start in the background, in its turn")
    sub = command("set", commands.set_rate, "Change a run's learning rate from its next step on.")
    sub.add_argument("run")
    sub.add_argument("--learning-rate", type=float, required=True, dest="rate")
    sub = command("curves", commands.curves, "Print a run's epochs as CSV.")
    sub.add_argument("run")
    sub = command(
        "check",
        commands.check,
        "Check a run's files by their checksums. Exits 1 if one is damaged.",
    )
    sub.add_argument("run")
    sub = command("runs", commands.list_runs, "List the runs.")
    sub.add_argument("--json", action="store_true", help="print JSON")


def _setting_arguments(sub: argparse.ArgumentParser, usual: Callable[[str, str], str]) -> None:
    """One option a setting; what is not given keeps the value of preset, config file or parent.

    Args:
        usual: (option, its default for `train`) -> what its help says in brackets.
    """
    for title, settings_of_group in _settings().items():
        group = sub.add_argument_group(title)
        for name, kind, text, default in settings_of_group:
            how = {"action": argparse.BooleanOptionalAction} if kind is bool else {"type": kind}
            words = f"{text} ({usual(name, default)})".replace("%", "%%")
            group.add_argument(name, help=words, dest=_DESTINATIONS.get(name), **how)
    parts = f"body part; repeats ({usual('--part', 'all')})"
    sub.add_argument("--part", action="append", dest="parts", help=parts)


def _of_parent(option: str, _: str) -> str:
    """A fork's default: the parent's setting, which some options cannot change."""
    if option == "--learning-rate":  # it may have been changed while the parent trained
        return "the parent's after that epoch"
    return "the parent's; cannot be changed" if option in _FIXED else "the parent's"


# Options that are called otherwise than their field.
_DESTINATIONS = {"--schedule": "kind"}
# Those of `forks.FIXED`, which cannot be imported for a line of help: it loads pandas.
_FIXED = (
    "--part",
    "--architecture",
    "--dense",
    "--dropout",
    "--dense-normalization",
    "--weights",
    "--size",
    "--resample",
    "--fit",
    "--dev-share",
)


def _settings() -> dict[str, tuple[tuple[str, type, str, str], ...]]:
    """By group: option, kind, what it means, with its unit, and its default for `train`."""
    d, change, plan = DEFAULTS, DEFAULTS.augmentation, DEFAULTS.schedule
    network = "the network's own"
    return {
        "network and pixels": (
            ("--architecture", str, "network", d.architecture),
            ("--dense", str, "units of the dense layers, as in 128,64", network),
            ("--dropout", float, "share of units dropped after the first dense layer, 0 to 0.95",
             network),
            ("--dense-normalization", bool, "normalize after the first dense layer", network),
            ("--weights", str, ".weights.h5 file to begin with", "none"),
            ("--size", int, "input side in px", f"{d.recipe.size}"),
            ("--resample", str, "area or nearest", d.recipe.resample),
            ("--fit", str, "pad or squash", d.recipe.fit),
        ),
        "learning": (
            ("--epochs", int, "passes over the training films", f"{d.epochs}"),
            ("--steps-per-epoch", int, "steps called an epoch", "every film once"),
            ("--batch-size", int, "films a step", f"{d.batch_size}"),
            ("--optimizer", str, "adam, adamw, adagrad, sgd or rmsprop", d.optimizer),
            ("--learning-rate", float, "size of a step", f"{d.learning_rate}"),
            ("--momentum", float, "of sgd, 0 for none", f"{d.momentum}"),
            ("--weight-decay", float, "share of a kernel lost a step, times the learning rate",
             "adamw 0.004, others 0"),
            ("--class-weights", str, "equal or balanced", d.class_weights),
            ("--normalization", str, "averages that batch normalization judges with: recomputed "
             "over training films after each epoch, or Keras' running ones", d.normalization),
            ("--early-stopping", int, "epochs without a lower dev loss that end the run", "never"),
            ("--exclude", str, "CSV file of films to leave out of training", "none"),
            ("--dev-share", float, "share of training patients set aside", f"{d.dev_share}"),
            ("--threshold", float, "positive above this probability", f"{d.threshold}"),
            ("--seed", int, "of weights, order, changes and dropout", f"{d.seed}"),
        ),
        "how the learning rate goes on": (
            ("--schedule", str, "constant, cosine, step or plateau", plan.kind),
            ("--warmup-epochs", float, "epochs in which it grows from 0",
             f"{plan.warmup_epochs:g}"),
            ("--floor-percent", float, "lowest rate of cosine and plateau, in percent",
             f"{plan.floor_percent:g}"),
            ("--step-epochs", int, "epochs from one step to the next", f"{plan.step_epochs}"),
            ("--factor", float, "times this at a step or on a plateau", f"{plan.factor:g}"),
            ("--patience", int, "epochs without a lower dev loss that make a plateau",
             f"{plan.patience}"),
        ),
        "random changes of training films": (
            ("--rotation-degrees", float, "largest turn", f"{change.rotation_degrees:g}"),
            ("--zoom-percent", float, "largest zoom in or out", f"{change.zoom_percent:g}"),
            ("--shift-percent", float, "largest shift along each axis, percent of the side",
             f"{change.shift_percent:g}"),
            ("--shear-degrees", float, "largest shear angle", f"{change.shear_degrees:g}"),
            ("--brightness-percent", float, "most that is added to every pixel, percent of the "
             "full range", f"{change.brightness_percent:g}"),
            ("--contrast-percent", float, "largest change of contrast about middle grey",
             f"{change.contrast_percent:g}"),
            ("--horizontal-flip", bool, "mirror every second film left and right",
             _on(change.horizontal_flip)),
            ("--vertical-flip", bool, "mirror every second film top and bottom",
             _on(change.vertical_flip)),
        ),
        "machine": (
            ("--threads", int, "threads inside TensorFlow", "what the speed probe finds quickest"),
            ("--checkpoint-seconds", float, "seconds from one checkpoint to the next inside an "
             "epoch", f"{d.checkpoint_seconds:g}"),
        ),
    }  # fmt: skip


def _on(value: bool) -> str:
    return "on" if value else "off"


def _model_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    model = "released model, run, RUN@EPOCH, or folder with a card"
    text = "Judge studies: a line an image, then the verdict. Exits 1 if no film could be judged."
    sub = command("predict", commands.predict, text)
    sub.add_argument("model", help=model)
    sub.add_argument("study", type=Path, nargs="+", help="study folder, folder of them, zip, files")
    sub.add_argument("--threshold", type=float, help="positive above this (the card's)")
    sub.add_argument(
        "--count-doubted",
        action="store_true",
        help="count films in the verdict that the gate doubts",
    )
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub.add_argument("--report", type=Path, metavar="FILE", help="write an HTML report there, too")
    sub.add_argument("--names", action="store_true", help="name files and patients in the report")
    sub = command(
        "evaluate", commands.evaluate, "Judge every study of a split and count what is right."
    )
    sub.add_argument("model", help=model)
    _data_arguments(sub)
    sub.add_argument("--split", default="valid", help="train, valid or test (valid)")
    sub.add_argument("--part", action="append", dest="parts", help="body part; repeats (all)")
    sub.add_argument("--json", action="store_true", help="print JSON")
    sub = command("gate", commands.gate, "Fit a released model's gate on its training data.")
    sub.add_argument("model", help="released model, or folder with a card")
    _data_arguments(sub)
    sub = command("release", commands.release, "Publish a run as models/NAME.")
    sub.add_argument("run", help="run, or RUN@EPOCH")
    sub.add_argument("name")
    sub = command("ensemble", commands.ensemble, "Publish the mean of models as models/NAME.")
    sub.add_argument("name")
    sub.add_argument("members", nargs="+", metavar="MODEL", help="model, run, or RUN@EPOCH")


def _room_command(command: Callable[..., argparse.ArgumentParser]) -> None:
    text = "Serve the app to a room: visitors watch and upload, only the owner's token changes."
    sub = command("room", commands.room, text)
    sub.add_argument("host", help="host name that visitors type, as in films.example.org")
    sub.add_argument("--port", type=int, default=8501, help="port on this machine (8501)")
