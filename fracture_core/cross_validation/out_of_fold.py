"""Out-of-fold predictions: each training film, by the network that did not see its patient.

One table, in the form of a model's dev predictions. It is made of the fold runs' own prediction
tables, each at its best dev epoch (without a dev share its last), and kept in the group's folder
with its figures and a note of the files that it was made of: where a run has others by now, it
counts no more and is made again. A released ensemble keeps a copy beside its card.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from fracture_core import checksums, file_reader
from fracture_core.config.limits import LIMITS
from fracture_core.cross_validation import fold_figures, folds, group
from fracture_core.cross_validation.group import Group
from fracture_core.curation import corrections
from fracture_core.datasets import family_list
from fracture_core.epochs import predictions
from fracture_core.errors import FileRefused, FractureError, RunError
from fracture_core.evaluations import evaluation
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.models import epoch_models, model_files, prediction_table
from fracture_core.models.model import Model
from fracture_core.models.model_files import OUT_OF_FOLD, PREVIOUS_OUT_OF_FOLD
from fracture_core.run_groups import group_folder
from fracture_core.runs import journal
from fracture_core.runs.run_facts import DataFacts
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State

NOTE = "out_of_fold.json"
SPLIT = "out-of-fold"  # the split of an evaluation of these films
COLUMNS = {**prediction_table.COLUMNS, "fold": "whole", "unit": "text"}


@dataclass(frozen=True, kw_only=True)
class OutOfFold:
    """The out-of-fold predictions of a group.

    Args:
        films: one row per film, see `read`.
        epochs: fold -> the epoch of its run that made them.
        figures: see `fold_figures.record`, at the group's threshold.
    """

    films: pd.DataFrame
    epochs: Mapping[int, int]
    figures: dict[str, Any]


def read(name: str) -> pd.DataFrame:
    """Return the out-of-fold predictions of the group of this name, checked.

    Returns:
        Manifest columns, `probability` (float32, 0 to 1), `role` ("dev", as in a dev prediction
        table), `fold` (from 1), and `unit`, the patient or family that the folds keep together.

    Raises:
        RunNotFound: there is no such group.
        RunError: a fold is not finished, or its files do not fit the group.
    """
    return of_group(group.find(name)).films


def of_group(value: Group) -> OutOfFold:
    """Return the predictions and figures of a group: as kept, or made again; see `read`."""
    runs = finished(value)
    return _kept(value, runs) or _made(value, runs)


def finished(value: Group) -> dict[int, Run]:
    """Return the runs of a group by fold, all of them finished.

    Raises:
        RunError: a fold is missing or not finished.
    """
    runs = group.members(value)
    done = [n for n, run in runs.items() if run.status.state is State.FINISHED]
    if missing := [n for n in value.numbers if n not in done]:
        named = ", ".join(map(str, missing))
        raise RunError(
            f"Out-of-fold predictions need all {value.folds} folds; of {value.name}, fold {named} "
            f"is not finished. Resume {value.name}."
        )
    return dict(sorted(runs.items()))


def save(value: Group) -> OutOfFold:
    """Make the table and its figures, and keep both in the group's folder.

    Raises:
        RunError: see `read`.
        WriteFailed: no space or no permission.
    """
    runs = finished(value)
    made = _made(value, runs)
    table = made.films.to_parquet(None, index=False)
    note = {
        "sha256": checksums.digest(table),
        "sources": _sources(value, made.epochs, runs),
        "epochs": {str(fold): epoch for fold, epoch in made.epochs.items()},
        "figures": made.figures,
    }
    checksums.write(value.folder, value.folder / OUT_OF_FOLD, table)
    checksums.write(value.folder, value.folder / NOTE, json.dumps(note, indent=2).encode())
    return made


def save_after(run: Run) -> None:
    """Keep the table of a run's group, if this run was its last fold to finish."""
    if name := group.of_run(run):
        value = group.find(name)
        states = [each.status.state for each in group.members(value).values()]
        if states == [State.FINISHED] * value.folds:
            save(value)


def kept_figures(value: Group, runs: dict[int, Run]) -> dict[str, Any] | None:
    """Return the kept figures of a group, given its `members`; `None` where there are none."""
    if len(runs) < value.folds or any(r.status.state is not State.FINISHED for r in runs.values()):
        return None
    note = _note(value, runs)
    return note["figures"] if note else None


def of_model(model: Model) -> pd.DataFrame | None:
    """Return the out-of-fold predictions beside a released model's card, see `read`.

    Returns:
        Their labels are those of the model, see `Model.relabelled`; `None` for a model that was
        not cross-validated.

    Raises:
        RunError: the file is missing, or not the one that the card was written for.
    """
    if not model.card.out_of_fold:
        return None
    content = content_of(model)
    try:
        if content is None:
            raise FileRefused(
                OUT_OF_FOLD, "is missing, or not the one that its card was written for"
            )
        return corrections.relabel(_checked(content), model.corrected)
    except FileRefused as error:
        raise RunError(
            f"The {OUT_OF_FOLD} of {model.card.name} {error.reason}. Release it again."
        ) from error


def content_of(model: Model) -> bytes | None:
    """Return the content of the table that a model's card was written for; `None` without one.

    It is the previous one if a kill came between writing the table and the card.
    """
    for name in (OUT_OF_FOLD, PREVIOUS_OUT_OF_FOLD):
        with suppress(FileRefused):
            content = file_reader.read_bytes(model.weights.parent / name, file_reader.TABLE_BYTES)
            if model_files.sha256(content) == model.card.out_of_fold.get("sha256"):
                return content
    return None


def _checked(content: bytes) -> pd.DataFrame:
    """Return the table in a file's content.

    Raises:
        FileRefused: a value is of the wrong kind or out of range.
    """
    films = prediction_table.read(content)
    own = file_reader.read_table(content, COLUMNS, others=True)
    if films.empty or not own["fold"].between(1, LIMITS.folds[1]).all():
        raise FileRefused(OUT_OF_FOLD, "holds no predictions, or a fold that is none")
    return films


def evaluation_of_group(value: Group) -> Evaluation:
    """Return a group's out-of-fold predictions as an evaluation; errors as in `read`."""
    data = next(iter(finished(value).values())).data
    return Evaluation(
        model=value.name,
        data={"root": data.root, "hash": data.hash, "synthetic": data.synthetic},
        split=SPLIT,
        parts=value.config.parts,
        threshold=value.config.threshold,
        films=of_group(value).films,
    )


def evaluation_of_model(model: Model) -> Evaluation | None:
    """Return a released model's out-of-fold predictions as an evaluation, see `of_model`."""
    films = of_model(model)
    return None if films is None else evaluation.of_kept_films(model, SPLIT, films)


def training_facts(runs: Mapping[int, Run], studies: int) -> DataFacts:
    """Return the facts about the data that the folds of a group were trained on together.

    Args:
        runs: of the group by fold, see `finished`.
        studies: number of studies out of fold: each was trained on by the other folds.
    """
    data = next(iter(runs.values())).data
    selection = {**data.selection, "used": studies} if data.selection else None
    return replace(data, folds=None, selection=selection)


# --- from the runs --------------------------------------------------------------------------------


def _made(value: Group, runs: dict[int, Run]) -> OutOfFold:
    """Return the predictions from the runs' own tables."""
    hashes = {run.data.hash for run in runs.values()}
    lists = {(run.data.folds or {}).get("hash") for run in runs.values()}
    curated = {run.data.list_hashes for run in runs.values()}
    if len(hashes) > 1 or lists != {value.hash}:
        raise RunError(
            f"The folds of {value.name} were trained on different data, or by another list of "
            "folds. Start the cross-validation again under another name."
        )
    if len(curated) > 1:
        raise RunError(
            f"The selection or the corrected labels changed between the folds of {value.name}. "
            "Start the cross-validation again under another name."
        )
    changed = {
        (journal.epochs_requested(run.folder, run.config), *journal.rate_changes(run.folder))
        for run in runs.values()
    }
    if len(changed) > 1:
        raise RunError(
            f"The folds of {value.name} were not trained alike: epochs or learning rates of some "
            "were changed by hand. Change them for all, or start another cross-validation."
        )
    models = {fold: epoch_models.of_run(run.folder) for fold, run in runs.items()}
    tables, trained = [], {}
    for fold, model in models.items():
        films = prediction_table.of_model(model)
        tables.append(films[films["role"] == "valid"].assign(fold=fold, role="dev"))
        own = journal.films(runs[fold].folder)
        trained[fold] = own[own["role"].isin(["train", "dev"])]
    films = pd.concat(tables, ignore_index=True)
    films["unit"] = _units(value, films)
    _check_unseen(value, films, trained)
    epochs = {fold: model.card.epoch for fold, model in models.items()}
    figures = fold_figures.record(films, value.config.threshold)
    return OutOfFold(films=films, epochs=epochs, figures=figures)


def _units(value: Group, films: pd.DataFrame) -> pd.Series:
    """Return each film's unit, by the group's own copy of the families."""
    path = value.folder / group_folder.FAMILIES
    families = family_list.read(path) if value.config.families else None
    return folds.units(films, families).astype(str)


def _check_unseen(value: Group, films: pd.DataFrame, trained: Mapping[int, pd.DataFrame]) -> None:
    """Refuse predictions by a network that has seen the unit, or two of one film."""
    unit = dict(zip(films["patient"], films["unit"], strict=True))
    for fold, own in films.groupby("fold"):
        patients = trained[int(str(fold))]["patient"]
        if own["unit"].isin(patients.map(unit)).any() or own["patient"].isin(patients).any():
            raise RunError(
                f"A patient of {value.name} is on both sides of fold {fold}: the run's list of "
                "films was changed. Start the cross-validation again under another name."
            )
    if films["path"].duplicated().any():
        raise RunError(
            f"A film of {value.name} is held out twice: its runs' lists of films were changed. "
            "Start the cross-validation again under another name."
        )


# --- kept -----------------------------------------------------------------------------------------


def _sources(value: Group, epochs: Mapping[int, int], runs: dict[int, Run]) -> dict[str, str]:
    """Return the checksums of the files that the table is made of, by their names."""
    sources = {"folds": value.hash}
    for fold, run in runs.items():
        own = (run.folder / "config.json", run.folder / "films.parquet")
        for path in (*own, predictions.path(run.folder, epochs[fold])):
            name = f"{run.name}/{path.relative_to(run.folder)}"
            sources[name] = next(reversed(checksums.digests(run.folder, path)), "")
    return sources


def _kept(value: Group, runs: dict[int, Run]) -> OutOfFold | None:
    """Return what is kept, if it was made of the runs' present files; else `None`."""
    note = _note(value, runs)
    try:
        if note is None:
            return None
        content = checksums.read_guarded(
            value.folder, value.folder / OUT_OF_FOLD, file_reader.TABLE_BYTES
        )
        if checksums.digest(content) != note["sha256"]:
            return None
        epochs = {int(fold): epoch for fold, epoch in note["epochs"].items()}
        return OutOfFold(films=_checked(content), epochs=epochs, figures=note["figures"])
    except (OSError, FractureError):
        return None


def _note(value: Group, runs: dict[int, Run]) -> dict[str, Any] | None:
    """Return the note of the kept table, if it is whole and of the runs' present files."""
    path = value.folder / NOTE
    try:
        content = checksums.read_guarded(value.folder, path, file_reader.NOTE_BYTES)
        note: dict[str, Any] = file_reader.parsed(content.decode())
        epochs = {fold: predictions.best_epoch(run.folder) for fold, run in runs.items()}
        if None in epochs.values() or note["epochs"] != {str(n): e for n, e in epochs.items()}:
            return None
        present = _sources(value, {n: e for n, e in epochs.items() if e}, runs)
        return note if note["sources"] == present else None
    except (OSError, FractureError, ValueError, LookupError, TypeError):
        return None
