"""Epochs of runs as models: weights, predictions and gate of an epoch, with a card made of them."""

from pathlib import Path

import pandas as pd

from fracture_core import checksums
from fracture_core.config.reference import Reference
from fracture_core.config.setting_table import changed
from fracture_core.epochs import epoch_weights, predictions
from fracture_core.errors import ModelError
from fracture_core.models import model_files
from fracture_core.models.model import Model
from fracture_core.models.model_card import Card, label_meaning
from fracture_core.runs import journal, run_folders, training_command
from fracture_core.verdicts import aggregation


def of_run(folder: Path, epoch: int | None = None) -> Model:
    """Return an epoch of a run as a model; by default its best dev epoch, else its last.

    Raises:
        ModelError: no epoch is complete, or its weights are cut short.
        RunError: the epoch is not kept.
    """
    run = run_folders.read(folder)
    chosen = _best_epoch(folder) if epoch is None else epoch
    weights = epoch_weights.find(folder / "checkpoints", chosen)
    if not model_files.is_whole_weights(weights):
        raise ModelError(
            f"The weights of {run.name} after epoch {chosen} are cut short or damaged. Pick "
            "another of its epochs."
        )
    films = predictions.with_films(folder, chosen)
    card = _card_of_run(run, chosen, films)
    gate = model_files.gate_folder(weights, card.weights_bytes) / model_files.GATE
    sources = [weights, predictions.path(folder, chosen)]
    sources += [folder / "films.parquet", folder / "config.json"]
    named = [path.relative_to(folder).as_posix() for path in sources]
    unlisted = [file for file in journal.lost_checksums(folder) if file in named]
    return Model(
        reference=card.name,
        card=card,
        weights=weights,
        dev_films=films[films["role"] == "dev"],
        gate=gate if model_files.is_whole_gate(gate) else None,
        guarded=all(checksums.is_guarded(folder, path) for path in sources),
        lost=next(iter(unlisted), ""),
    )


def _best_epoch(folder: Path) -> int:
    """Return a run's best dev epoch, else its last.

    Raises:
        ModelError: no epoch is complete, or lines of the metrics are lost.
    """
    best = journal.best_epoch(folder)
    if lost := predictions.lost_lines(folder):
        raise ModelError(
            f"The best epoch of {folder.name} is not known: its metrics.jsonl lost "
            f"{predictions.named(lost)}. Put the file back, or name an epoch, as in "
            f"{Reference(run=folder.name, epoch=best or lost[-1])}."
        )
    if best is None:
        raise ModelError(f"{folder.name} has completed no epoch yet. Wait for its first one.")
    return best


def _card_of_run(run: run_folders.Run, epoch: int, films: pd.DataFrame) -> Card:
    """Return the card of a run's epoch, given its predicted films."""
    by_role = {role: films[films["role"] == role] for role in ("dev", "valid")}
    figures = {
        role: {k: v.to_dict() for k, v in aggregation.summaries(rows, run.config.threshold).items()}
        for role, rows in by_role.items()
        if len(rows)
    }
    data = run.facts.get("data", {})
    return Card(
        name=str(Reference(run=run.name, epoch=epoch)),
        architecture=run.config.architecture,
        options=run.config.options,
        recipe=run.config.recipe,
        label_meaning=label_meaning(data),
        threshold=run.config.threshold,
        threshold_origin="set before training, as in the 2018 report",
        epoch=epoch,
        parts=run.config.parts,
        training={
            **data,
            "root": Path(str(data.get("root", ""))).name,
            "normalization": run.config.normalization,
            "normalization_films": run.config.normalization_films,
            **({"pooling": pooling} if (pooling := run.config.study_pooling) else {}),
            **{each.path: value for each, value in changed(run.config, "regularization")},
            **{key: run.facts[key] for key in ("pretraining",) if key in run.facts},
        },
        metrics=figures,
        command=training_command.portable(run.config, data.get("phantom")),
        versions=run.facts.get("versions", {}),
        created=str(run.facts.get("created", "")),
    )


def last_whole_epoch(run: str) -> int | None:
    """Return the last epoch of a run whose weights are whole; `None` without one, or no run."""
    if not run_folders.exists(run):
        return None
    folder = run_folders.find(run) / "checkpoints"
    whole = reversed(epoch_weights.whole(folder))
    return next(
        (n for n in whole if model_files.is_whole_weights(folder / epoch_weights.name(n))),
        None,
    )
