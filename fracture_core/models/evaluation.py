"""Evaluation of a model on whole studies: the accuracy logger that the report never had.

The model predicts every film of a split; each study gets its OR verdict, a line, and its share in
confusion matrix, accuracy, sensitivity, specificity and Cohen's kappa. `start` does this in a child
process and keeps the result, so that a page can show it without TensorFlow.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fracture_core import checksums, file_reader
from fracture_core.config.record import check_range
from fracture_core.config.reference import Reference
from fracture_core.curation import corrections, selections
from fracture_core.curation.corrections import Corrections
from fracture_core.curation.selections import Selection
from fracture_core.datasets import catalog
from fracture_core.errors import DataError, FractureError
from fracture_core.files import make_folder
from fracture_core.films import images, pixel_cache
from fracture_core.folders import cache_folder
from fracture_core.jobs import launcher
from fracture_core.models import cards
from fracture_core.runs import journal, run_facts, run_folders, run_status
from fracture_core.runs.run_status import State, Status
from fracture_core.verdicts import aggregation, estimates, metrics
from fracture_core.words import cell, plural, short

SELECTION = "selection"  # in place of a split, for a selection's studies in all splits
_FILMS_FILE = "films_file"  # in `evaluation.json`: the name of the file with its films


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Predictions of a model on the films of a split.

    Args:
        model: name of the model.
        data: the data set: root name, hash, synthetic, its positive class or table if it has one;
            the selection of studies and the corrected labels, if there are any, see
            `run_facts.DataFacts`.
        split: "train", "valid", "test", or a run's "dev"; `SELECTION` for one in any split.
        parts: body parts evaluated; empty for all.
        threshold: a film is positive when its probability is greater.
        films: manifest columns and `probability`, float32, of the films that could be read.
        refused: (path, reason) of those that could not.
    """

    model: str
    data: dict[str, Any]
    split: str
    parts: tuple[str, ...]
    threshold: float
    films: pd.DataFrame
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def films_words(self) -> str:
        """The films in a word or two: "valid", "selection odd hands", "valid, selection ..."."""
        if not (chosen := self.data.get("selection")):
            return self.split
        name = f"selection {short(chosen['name'])}"
        return name if self.split == SELECTION else f"{self.split}, {name}"

    @property
    def data_words(self) -> list[str]:
        """The words of a command that name the data set."""
        named = [
            (f"--{key}", str(self.data[key])) for key in ("positive", "table") if self.data.get(key)
        ]
        return [str(self.data.get("root")), *(word for pair in named for word in pair)]

    def studies(self) -> pd.DataFrame:
        """Return one row per study: see `aggregation.verdicts`."""
        return aggregation.verdicts(
            self.films, self.films["probability"].to_numpy(), self.threshold
        )

    def summaries(self) -> dict[str, metrics.Summary]:
        """Return the figures of "images" and "studies"."""
        return cards.summaries(self.films, self.threshold)

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `evaluate --json`: figures of both levels, a line per study."""
        figures = {level: value.to_dict() for level, value in self.summaries().items()}
        return {
            "model": self.model,
            "data": self.data,
            "split": self.split,
            "parts": list(self.parts),
            "threshold": self.threshold,
            **figures,
            "lines": self._lines(),
            "refused": [{"path": path, "reason": reason} for path, reason in self.refused],
        }

    def _lines(self) -> list[dict[str, Any]]:
        keys = catalog.study_key(self.films)
        groups = self.films.groupby(keys, sort=False)["probability"]
        probabilities = {str(key): group.tolist() for key, group in groups}
        studies = self.studies()
        columns = [studies[name].tolist() for name in ("key", "verdict", "label", "right")]
        return [
            {
                "study": key,
                "probabilities": [round(float(p), 6) for p in probabilities[str(key)]],
                "fracture": bool(verdict),
                "label": int(label),
                "right": bool(right),
            }
            for key, verdict, label, right in zip(*columns, strict=True)
        ]


_MORE = (  # figures that a `Summary` lacks
    "balanced_accuracy",
    "ppv",
    "npv",
    "f1",
    "average_precision",
    "brier",
    "ece",
    "expected_cost",
)


def with_estimates(
    record: dict[str, Any],
    value: Evaluation,
    prevalence: float | None = None,
    cost_ratio: float = 1.0,
) -> dict[str, Any]:
    """Return the record of `to_dict` with figures that have intervals over patients.

    Args:
        record: of the evaluation.
        value: the evaluation.
        prevalence: see `estimates.estimate`.
        cost_ratio: see `estimates.estimate`.

    Returns:
        More figures in "images" and "studies"; "prevalence", "cost_ratio"; "slices", the figures of
        each part and number of views by name.
    """
    more = (value.threshold, prevalence, cost_ratio)
    whole = estimates.of_films(value.films, *more)
    parts = estimates.slices(value.films).items()
    named = {name: estimates.of_films(films, *more) for name, films in parts}
    levels = {
        level: record[level]
        | {name: asdict(whole[level][name]) for name in _MORE}
        | {"by_patient": {name: asdict(figure) for name, figure in whole[level].items()}}
        for level in whole
    }
    slices = {
        name: {level: {k: asdict(v) for k, v in own[level].items()} for level in own}
        for name, own in named.items()
    }
    own = {"prevalence": prevalence, "cost_ratio": cost_ratio, "slices": slices}
    return record | levels | own


def lines_csv(lines: Sequence[dict[str, Any]]) -> str:
    """Return the lines of `to_dict`, a study each, as CSV; probabilities separated by blanks."""
    rows = [
        line | {"probabilities": " ".join(f"{p:.6f}" for p in line["probabilities"])}
        for line in lines
    ]
    return str(pd.DataFrame(rows).map(cell).to_csv(index=False))


def of_run(folder: Path, epoch: int, role: str) -> Evaluation:
    """Return the evaluation of a run's dev or valid films, from the table of an epoch.

    Raises:
        RunError: the epoch has no table.
        DataError: the run has no film of this role.
    """
    run = run_folders.read(folder)
    films = cards.run_predictions(folder, epoch)
    films = films[films["role"] == role].reset_index(drop=True)
    if films.empty:
        raise DataError(f"{run.name} has no {role} films. Choose another share of its data.")
    return Evaluation(
        model=str(Reference(run=run.name, epoch=epoch)),
        data={
            "root": run.data.root,
            "hash": run.data.hash,
            "synthetic": run.data.synthetic,
        },
        split=role,
        parts=run.config.parts,
        threshold=run.config.threshold,
        films=films,
        refused=tuple(journal.refused(folder, role)),
    )


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
        reference: see `cards.find`.
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
    from fracture_core.models.inference import Predictor

    model = cards.find(reference)
    rows = catalog.select(dataset.manifest, split, parts)
    if selection:
        rows = _selected(rows, selection)
    if rows.empty:
        splits = ", ".join(sorted(dataset.manifest["split"].unique()))
        raise DataError(f"{dataset.root} has no films in split {short(split)!r}. Splits: {splits}.")
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
        data={
            "root": str(dataset.root),
            "hash": dataset.hash,
            "synthetic": dataset.synthetic,
            **{key: text for key, text in _named(dataset).items() if text},
            **({"selection": selection.facts} if selection else {}),
        },
        split=split or SELECTION,
        parts=parts,
        threshold=model.card.threshold,
        films=films,
        refused=tuple((paths[row], reason) for row, reason in cache.refused.items()),
    )


def _named(dataset: catalog.Dataset) -> dict[str, str | None]:
    """Return what names a data set beside its folder."""
    return {"positive": dataset.positive, "table": dataset.table}


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


def of_kept_films(model: cards.Model, split: str, films: pd.DataFrame) -> Evaluation:
    """Return the evaluation of predictions that a released model keeps.

    Args:
        model: the model.
        split: name of the films.
        films: manifest columns and `probability`.
    """
    card = model.card
    return Evaluation(
        model=card.name,
        data={key: card.training.get(key) for key in ("root", "hash", "synthetic")},
        split=split,
        parts=card.parts,
        threshold=card.threshold,
        films=films,
    )


def relabelled(value: Evaluation, corrected: Corrections) -> Evaluation:
    """Return an evaluation of the data's own labels by the corrected ones, and say how many."""
    if not corrected.items:
        return value
    facts = corrections.facts(value.films, corrected)
    films = corrections.relabel(value.films, corrected)
    return replace(value, films=films, data=value.data | {"corrections": facts})


def by_corrected_labels(
    value: Evaluation, model: cards.Model, read: Callable[[str], Corrections] = corrections.read
) -> tuple[Evaluation, cards.Model]:
    """Return an evaluation and its model with the corrected labels of their data.

    The model's kept films, dev among them, choose thresholds, calibration and limits; they may be
    of other data than the evaluated ones.

    Args:
        value: the evaluation.
        model: the model evaluated.
        read: returns the corrections of a data set's hash.

    Raises:
        DataError: a list of corrected labels is damaged, see `corrections.read`.
    """
    films, kept = read(str(value.data.get("hash"))), read(str(model.card.data.hash))
    return relabelled(value, films), model.relabelled(kept)


# --- stored results -----------------------------------------------------------------------------


def folder_of(
    reference: str, dataset: catalog.Dataset, split: str, selection: Selection | None = None
) -> Path:
    """Return the folder for the result of these weights on these films."""
    model, manifest = cards.find(reference), dataset.manifest
    rows = manifest if split == SELECTION else manifest[manifest["split"] == split]
    card = model.card.without_choices().to_json()  # they change no probability
    parts = [cards.sha256(model.weights), card, dataset.hash, split]
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
    if load(folder) is not None:
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
    save(folder, value)
    run_status.write(folder, Status(state=State.FINISHED, message="Done.", progress=1.0))


def save(folder: Path, value: Evaluation) -> None:
    """Store an evaluation in place of the one before, which stays until this one is whole.

    `evaluation.json` is written last and names the file of its films.

    Raises:
        WriteFailed: no space or no permission; the one before is unchanged.
    """
    make_folder(folder)
    films = value.films.to_parquet(None)
    name = f"films-{checksums.digest(films)[:16]}.parquet"
    checksums.write(folder, folder / name, films)
    text = json.dumps(value.to_dict() | {_FILMS_FILE: name}, indent=2)
    checksums.write(folder, folder / "evaluation.json", text.encode())
    for path in folder.glob("films*.parquet"):
        if path.name != name:
            with suppress(OSError):  # no reader looks at it
                path.unlink()


def load(folder: Path) -> Evaluation | None:
    """Load the evaluation in this folder; `None` if there is none, or it is damaged."""
    try:
        fields = file_reader.parsed(_guarded(folder, "evaluation.json").decode())
        films = _guarded(folder, Path(fields.get(_FILMS_FILE, "films.parquet")).name)
        evaluation = Evaluation(
            model=str(fields["model"]),
            data=run_facts.data(fields["data"]),
            split=str(fields["split"]),
            parts=tuple(map(str, fields["parts"])),
            threshold=fields["threshold"],
            films=cards.prediction_table(films),
            refused=tuple((str(item["path"]), str(item["reason"])) for item in fields["refused"]),
        )
        check_range("threshold", evaluation.threshold, (0.0, 1.0))
        return evaluation
    except (OSError, FractureError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _guarded(folder: Path, name: str) -> bytes:
    return checksums.read_guarded(folder, folder / name, file_reader.TABLE_BYTES)
