"""Job that evaluates a model on a split, in this process or in a child.

The model predicts every film of the split. `start` does this in a child process, which stores the
result, so that a page can show it without TensorFlow.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fracture_core.curation import selections
from fracture_core.curation.selections import Selection
from fracture_core.datasets import catalog
from fracture_core.errors import DataError
from fracture_core.evaluations import evaluation_file
from fracture_core.evaluations.evaluation import SELECTION, Evaluation
from fracture_core.files import make_folder
from fracture_core.films import images, pixel_cache
from fracture_core.folders import cache_folder
from fracture_core.jobs import launcher
from fracture_core.models import model_files, stored_models
from fracture_core.runs import run_status
from fracture_core.runs.run_status import State, Status
from fracture_core.words import plural, short


def evaluate(
    reference: str,
    dataset: catalog.Dataset,
    split: str | None = "valid",
    parts: tuple[str, ...] = (),
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    selection: Selection | None = None,
) -> Evaluation:
    """Predict every film of a split. Loads TensorFlow.

    Args:
        reference: see `stored_models.find`.
        dataset: the data.
        split: one of its splits; `None` for all.
        parts: body parts; empty for all.
        progress: called with (films done, films in all).
        should_stop: checked regularly; `True` stops the evaluation.
        selection: predict only the studies of this selection.

    Raises:
        ModelError, RunError: the model cannot be used.
        DataError: the split holds no film.
        Stopped: `should_stop` returned `True`.
    """
    from fracture_core.prediction.inference import Predictor

    model = stored_models.find(reference)
    rows = _rows(dataset, split, parts, selection)
    folder = cache_folder() / "pixels"
    paths = rows["path"].tolist()
    cache = pixel_cache.of_films(
        dataset.root, paths, model.card.recipe, folder, progress, should_stop
    )
    if len(cache.refused) == len(rows):
        raise DataError(f"None of the {len(rows)} films can be read; first, {cache.refused[0]}")
    readable = np.setdiff1d(np.arange(len(rows)), list(cache.refused))
    probabilities = Predictor(model).probabilities(cache.pixels[readable])
    films = rows.iloc[readable].reset_index(drop=True).assign(probability=probabilities)
    return Evaluation(
        model=model.card.name,
        data=_facts(dataset, selection),
        split=split or SELECTION,
        parts=parts,
        threshold=model.card.threshold,
        films=films,
        refused=tuple((paths[row], reason) for row, reason in cache.refused.items()),
    )


def _rows(
    dataset: catalog.Dataset, split: str | None, parts: tuple[str, ...], selection: Selection | None
) -> pd.DataFrame:
    """Return the rows of the films to predict.

    Raises:
        DataError: there are none.
    """
    rows = catalog.select(dataset.manifest, split, parts)
    if selection:
        rows = _selected(rows, selection)
    if rows.empty:
        splits = ", ".join(sorted(dataset.manifest["split"].unique()))
        raise DataError(f"{dataset.root} has no films in split {short(split)!r}. Splits: {splits}.")
    return rows


def _facts(dataset: catalog.Dataset, selection: Selection | None) -> dict[str, Any]:
    """Return the facts of an evaluation about its data set."""
    names = {"positive": dataset.positive, "table": dataset.table}
    return {
        "root": str(dataset.root),
        "hash": dataset.hash,
        "synthetic": dataset.synthetic,
        **{key: text for key, text in names.items() if text},
        **({"selection": selection.facts} if selection else {}),
    }


def _selected(rows: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    """Return the rows of a selection's studies.

    Raises:
        DataError: there are none.
    """
    chosen = rows[selections.films_of(rows, selection.keys)].reset_index(drop=True)
    if chosen.empty:
        raise DataError(
            f"None of the {plural(len(selection.keys), 'study')} of the selection "
            f"{short(selection.name)!r} is among these films. Choose another split, other parts or "
            "another selection."
        )
    return chosen


def folder_of(
    reference: str, dataset: catalog.Dataset, split: str, selection: Selection | None = None
) -> Path:
    """Return the folder for the result of these weights on these films."""
    model, manifest = stored_models.find(reference), dataset.manifest
    rows = manifest if split == SELECTION else manifest[manifest["split"] == split]
    card = model.card.without_choices().to_json()  # they change no probability
    parts = [model_files.sha256(model.weights), card, dataset.hash, split]
    if selection:
        rows = rows[selections.films_of(rows, selection.keys)]
        parts.append(f"{selection.name} {selection.hash}")
    parts.append(images.stamp(dataset.root, rows["path"].tolist()))
    key = hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]
    return cache_folder() / "evaluations" / key


def start(
    reference: str, dataset: catalog.Dataset, split: str, selection: Selection | None = None
) -> Path:
    """Start an evaluation in a child process, unless running or done; return its folder."""
    folder = folder_of(reference, dataset, split, selection)
    if evaluation_file.load(folder) is not None:
        return folder
    make_folder(folder)
    request = {
        "model": reference,
        **catalog.as_request(dataset),
        "split": split,
        "selection": selection.name if selection else None,
        "selection_hash": selection.hash if selection else None,
    }
    launcher.start_job(folder, request, "evaluate", "Loading the network.", "evaluation.log")
    return folder


def run_child(folder: Path) -> None:
    """Run the job in the child: evaluate as `asked.json` says and store the result."""
    request = launcher.job_request(folder, "model", "data", "split")
    dataset = catalog.of_request(request)

    def progress(done: int, total: int) -> None:
        share = done / max(1, total)
        message = f"Reading films: {done:,} of {total:,}."
        run_status.write(folder, Status(state=State.RUNNING, message=message, progress=share))

    selection = None
    if name := request.get("selection"):
        selection = selections.read(selections.folder_of(dataset.hash), name)
        if selection.hash != request.get("selection_hash"):
            raise DataError(
                f"The selection {short(name)!r} was saved again with other studies since this "
                "evaluation was asked for. Start the evaluation once more."
            )
    split = None if request["split"] == SELECTION else request["split"]
    value = evaluate(request["model"], dataset, split, progress=progress, selection=selection)
    evaluation_file.save(folder, value)
    run_status.write(folder, Status(state=State.FINISHED, message="Done.", progress=1.0))
