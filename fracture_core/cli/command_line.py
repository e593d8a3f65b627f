"""The command line: its commands, and the exit status of each.

An error is one sentence on standard error and exit status 2. A run that fails exits 1, and so does
`predict` if no film has a prediction. Only the module of the command that is called is imported.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from fracture_core.cli import Command
from fracture_core.clusters import launcher_choice
from fracture_core.errors import ClassesError, FractureError, WriteFailed
from fracture_core.files import refusal
from fracture_core.words import clean, readable

# By module of `commands`: its commands, and what each does.
COMMANDS = {
    "data_sets": {
        "phantom": "Make a set of synthetic films with known breaks.",
        "fetch": "Fetch an open set of real films from its own repository, resumable.",
        "inspect": "Count the studies and films of a data set.",
        "audit": "Open every film and report what is wrong with a data set.",
        "leak": "Train two short runs to measure how much copies on both sides of a split flatter.",
    },
    "curate": {
        "labels": "Correct labels: list, set, undo, import, export. The data are never written.",
        "selections": "List, save, export or remove selections of studies.",
    },
    "train": {
        "architectures": "List the networks.",
        "train": "Train a network. Ctrl-C stops it and saves its work.",
        "resume": "Resume a run from its last checkpoint.",
        "stop": "Stop a run and save its work.",
        "fork": "Start a new run from another run's saved epoch, and follow it.",
        "set": "Change a run's learning rate from its next step on.",
    },
    "inspect_runs": {
        "curves": "Print a run's epochs as CSV.",
        "check": "Check a run's files by their checksums. Exits 1 if one is damaged.",
        "network": "Print a network of one's own, the code in a run or model; allow it here.",
        "runs": "List the runs; export one as a file, or import it.",
    },
    "cross_validate": {
        "cross-validate": "Train a network per fold, and print the figures of all together.",
        "claims": "Print the 2018 report's claims, and what the runs of its experiments answer.",
    },
    "start_sweep": {
        "sweep": "Train several values of some settings with several seeds: which is better?",
        "learning-curve": "Train on rising shares of the patients: would more films help?",
    },
    "predict": {
        "predict": "Predict studies: a line per image, then the verdict. Exits 1 if no film has a "
        "prediction.",
    },
    "evaluate": {
        "evaluate": "Predict every study of a split and print how many are right.",
    },
    "compare": {
        "compare": "Compare two models on the same studies: differences, with intervals.",
        "floors": "Train a model's twins, which could not learn, and print what it learned beyond.",
        "similar": "Compare all films by a model's features; list the studies most like a film.",
    },
    "publish": {
        "gate": "Fit a released model's gate on its training data.",
        "release": "Publish a run as models/NAME.",
        "ensemble": "Publish the mean of models as models/NAME.",
        "average-weights": "Publish the mean of a run's weights over kept epochs as models/NAME.",
        "export": "Write a model for other programs: Keras, SavedModel, LiteRT, ONNX or weights.",
        "room": "Serve the app to visitors, who watch and upload. Changes need the owner's token.",
    },
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        with launcher_choice.through(getattr(options, "launcher", None)):
            status: int | None = options.run_command(options)
        _finish_output()
        return status or 0
    except FractureError as error:
        option = " Name it with --positive." if isinstance(error, ClassesError) else ""
        print(clean(f"{error}{option}"), file=sys.stderr)
        return 2
    except BrokenPipeError:
        _discard_output()
        return 0  # the reader had enough
    except OSError as error:
        print(clean(refusal(error)), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def _finish_output() -> None:
    """Write what is buffered: a full disk would refuse it after the last exit status otherwise.

    Raises:
        WriteFailed: the file that the output goes to takes no more.
        BrokenPipeError: its reader has ended.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _discard_output()
        raise WriteFailed(refusal(error, Path("standard output"))) from error


def _discard_output() -> None:
    """Discard what is still buffered, which Python would write again as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command; `run_command` is its action.

    Raises:
        SystemExit: help was requested (0), or the words make no command (2).
    """
    name = next((word for word in words if not word.startswith("-")), "")
    top = _Parser(
        prog="python -m fracture_core", description="Fracture detection on x-ray studies."
    )
    subparsers = top.add_subparsers(required=True, metavar="COMMAND")
    for module, sentences in COMMANDS.items():
        for each, sentence in sentences.items():
            parser = subparsers.add_parser(each, help=sentence, description=sentence)
            if each == name:
                command = _load(module, name)
                command.add_arguments(parser)
                parser.set_defaults(run_command=command.run)
    return top.parse_args(words)


def _load(module: str, name: str) -> Command:
    command: Command = importlib.import_module(f"fracture_core.cli.commands.{module}").COMMANDS[
        name
    ]
    return command


class _Parser(argparse.ArgumentParser):
    """Prints an error as one sentence, without the list of all options."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {readable(message)}. See {self.prog} --help.", file=sys.stderr)
        raise SystemExit(2)
