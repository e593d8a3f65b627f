"""Release of a cross-validation: its networks as an ensemble, or its predictions beside a model.

Each film of the training split was seen by most of the networks, so that their ensemble has no dev
films of its own. Its card holds the out-of-fold figures: those of its members on patients that
each had not seen. A model of the same settings, trained on all folds, may hold them as well.
"""

import shlex
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from fracture_core.config.network_options import NetworkOptions
from fracture_core.config.reference import Reference
from fracture_core.cross_validation import out_of_fold
from fracture_core.cross_validation.group import Group
from fracture_core.cross_validation.out_of_fold import OutOfFold
from fracture_core.errors import ModelError
from fracture_core.files import replace_file
from fracture_core.models import card_changes, model_files, stored_models
from fracture_core.models.model_files import OUT_OF_FOLD, PREVIOUS_OUT_OF_FOLD
from fracture_core.releases import ensemble, release
from fracture_core.runs import training_command

LEVELS = ("studies", "images")


def make(value: Group, name: str) -> Path:
    """Publish the mean of a group's networks, each at its epoch, and return the new folder.

    Args:
        value: the group, all folds finished.
        name: of the new model; letters, digits, dot, dash, underscore.

    Raises:
        RunError: a fold is not finished, or its files do not fit the group.
        ModelError: the name is taken or invalid, or the weights are too large together.
        WriteFailed: no space or no permission.
    """
    predicted = out_of_fold.of_group(value)
    references = [
        str(Reference(run=value.run_name(fold), epoch=epoch))
        for fold, epoch in predicted.epochs.items()
    ]
    card, weights, dev_films = ensemble.prepare(references, name)
    table = predicted.films.to_parquet(None, index=False)
    facts = _facts(value, predicted, table)
    training = card.training | _curation(value, predicted)
    card = replace(card, training=training, out_of_fold=facts, command=command(value, name))
    return release.publish(name, card, weights, dev_films, out_of_fold=table)


def attach(value: Group, name: str) -> Path:
    """Put a group's predictions beside a released model of the same settings; return its folder.

    The model keeps its weights and its own dev films. What is said of it by these predictions holds
    as far as it is like the folds' networks, which saw a fold less. A table of before stays until
    the card names the new one: a kill leaves a whole model.

    Args:
        value: the group, all folds finished.
        name: of the model.

    Raises:
        RunError: a fold is not finished, or its files do not fit the group.
        ModelError: there is no such model, or it was trained by another command or on other data.
        WriteFailed: no space or no permission.
    """
    predicted = out_of_fold.of_group(value)
    model = stored_models.find(name)
    if model.is_run:
        raise ModelError(f"{name} is a run. Release it first, then add the predictions to it.")
    own, same = model.card.command, _train_command(value)
    if own != same or model.card.data.hash != _data(value).get("hash"):
        raise ModelError(
            f"{name} was trained by another command or on other data than {value.name}: {own}. "
            "Cross-validate with the settings of the model."
        )
    if _sources(options for _, options in model.card.networks) != _sources([value.config.options]):
        raise ModelError(
            f"{name} and {value.name} have networks of files with other contents, though of one "
            "name. Cross-validate with the file that the model was trained with."
        )
    folds = next(iter(out_of_fold.finished(value).values()))
    if model.card.data.list_hashes != folds.data.list_hashes:
        raise ModelError(
            f"A model takes the predictions of folds that were trained on the same selection and "
            f"corrected labels; those of {name} and {value.name} differ, though the commands are "
            "the same. Train both again with those that are saved now."
        )
    table = predicted.films.to_parquet(None, index=False)
    folder = model.weights.parent
    with card_changes.changing(folder) as current:  # others may have changed its card
        if (before := out_of_fold.content_of(current)) is not None:
            replace_file(folder / PREVIOUS_OUT_OF_FOLD, before)
        replace_file(folder / OUT_OF_FOLD, table)
        facts = _facts(value, predicted, table)
        card_changes.write(folder, replace(current.card, out_of_fold=facts))
    with suppress(OSError):  # the new table is in use; the next one replaces this file
        (folder / PREVIOUS_OUT_OF_FOLD).unlink(missing_ok=True)
    return folder


def _sources(networks: Iterable[NetworkOptions]) -> set[str]:
    """Return the hashes of networks of the user's own, which no command names."""
    return {options.own.sha256 for options in networks if options.own}


def _facts(value: Group, predicted: OutOfFold, table: bytes) -> dict[str, Any]:
    """Return the facts for a card about a table with this content."""
    return {
        "folds": value.folds,
        "hash": value.hash,
        "films": len(predicted.films),
        "sha256": model_files.sha256(table),
        "method": predicted.figures["method"],
        **{level: predicted.figures[level] for level in LEVELS},
    }


def _curation(value: Group, predicted: OutOfFold) -> dict[str, Any]:
    """Return the facts about the selection and the corrected labels of a group; empty without."""
    studies = predicted.figures["studies"]["accuracy"]["n"]
    facts = out_of_fold.training_facts(out_of_fold.finished(value), studies)
    both = {"selection": facts.selection, "corrections": facts.corrections}
    return {key: own for key, own in both.items() if own}


def _data(value: Group) -> dict[str, Any]:
    """Return the facts about the data of a group's runs."""
    facts: dict[str, Any] = next(iter(out_of_fold.finished(value).values())).facts.get("data", {})
    return facts


def _train_command(value: Group) -> str:
    """Return the command that trains a run with a group's settings, on all folds."""
    return training_command.portable(value.config, _data(value).get("phantom"))


def command(value: Group, name: str) -> str:
    """Return the commands that make the same ensemble anywhere."""
    *before, train = _train_command(value).split(" && ")
    python = "python -m fracture_core"
    start = train.replace(f"{python} train", f"{python} cross-validate", 1)
    own = shlex.join(["--folds", str(value.folds), "--name", value.name])
    last = f"{python} release {shlex.join([value.name, name])}"
    return " && ".join([*before, f"{start} {own}", last])
