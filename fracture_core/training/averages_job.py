"""Job that evaluates epochs of runs again, with recomputed averages of batch normalization.

A run that was evaluated with running averages has kept the weights of its epochs. The same weights
with recomputed averages show how much of its curve the averages caused. Results are stored in the
cache folder, a line per epoch, so that a stopped job continues where it was.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fracture_core import checksums
from fracture_core.epochs import epoch_weights, pixel_hashes, predictions
from fracture_core.errors import DamagedFile, DataError, ModelError, RunError, Stopped
from fracture_core.files import make_folder
from fracture_core.films import pixel_cache
from fracture_core.folders import cache_folder
from fracture_core.jobs import launcher
from fracture_core.jobs.job_progress import JobProgress
from fracture_core.runs import journal, run_folders, run_status
from fracture_core.runs.run_folders import Run
from fracture_core.runs.run_status import State, Status

VERSION = 1  # of `averages`: raised with its sample of films, which makes older results obsolete
ACTIVITY = "Evaluating epochs again"
REFUSALS_SHOWN = 3  # runs whose sentences are shown


def folder() -> Path:
    """Return the folder of the job, for its status and results."""
    return cache_folder() / "averages"


def start(names: Sequence[str]) -> Path:
    """Start evaluating these runs again in a child process, unless running; return its folder."""
    make_folder(folder() / "requests")
    request = {"runs": ",".join(names)}
    launcher.start_job(folder(), request, "averages", "Loading TensorFlow.", "averages.log")
    return folder()


def requested_runs() -> list[str]:
    """Return the names of the runs of the job's last start; none before its first start.

    Raises:
        FileRefused: its request cannot be read.
    """
    if not (folder() / "asked.json").is_file():
        return []
    return str(launcher.job_request(folder(), "runs")["runs"]).split(",")


def run_child(place: Path) -> None:
    """Run the job in the child: evaluate the runs in `asked.json` again."""
    progress, done = JobProgress(place, ACTIVITY), 0
    runs: dict[str, tuple[Run, int]] = {}
    refusals: list[str] = []
    for name in filter(run_folders.exists, requested_runs()):
        try:
            run = run_folders.read(run_folders.find(name))
            runs[name] = run, len(missing(run))
        except RunError as error:  # the other runs are evaluated
            refusals.append(str(error))
    epochs = sum(count for _, count in runs.values())

    def count() -> None:
        nonlocal done
        done += 1
        progress.count(done, epochs)

    for run, _ in runs.values():
        try:
            complete(run, count, progress.should_stop)
        except Stopped as error:
            run_status.write(place, Status(state=State.STOPPED, message=str(error)))
            return
        except (RunError, DataError, ModelError) as error:
            refusals.append(str(error))
    state = State.FAILED if refusals else State.FINISHED
    message = _joined(refusals) or "Done."
    run_status.write(place, Status(state=state, message=message, progress=1.0))


def _joined(sentences: Sequence[str]) -> str:
    """Join the refusals into a text of readable length."""
    more = len(sentences) - REFUSALS_SHOWN
    rest = [f"{more} more could not be evaluated."] if more > 0 else []
    return " ".join([*sentences[:REFUSALS_SHOWN], *rest])


def complete(
    run: Run, count: Callable[[], None], should_stop: Callable[[], bool] = lambda: False
) -> None:
    """Evaluate the epochs of a run that have no result yet. Loads TensorFlow.

    Args:
        run: any; for one with recomputed averages the curve is its own.
        count: called after every epoch.
        should_stop: checked regularly; `True` stops the evaluation.

    Raises:
        RunError: its files cannot be read; for single epochs, after all others were evaluated.
        ModelError: the same, where an epoch's weights do not fit its network.
        DataError: its films can no longer be read, or were changed.
        Stopped: `should_stop` returned `True`; finished epochs are kept.
    """
    epochs = missing(run)
    if not epochs:
        return
    films, pixels = _films(run)
    evaluate = _make_evaluate(run, films, pixels, should_stop)
    place = place_of(run)
    make_folder(place)
    refusal = None
    for epoch in epochs:
        try:
            line = evaluate(epoch)
        except (RunError, ModelError) as error:  # the other epochs are evaluated
            refusal = refusal or error
        else:
            if line is None:
                raise Stopped("Stopped; finished epochs are kept.")
            journal.append_line(place / "metrics.jsonl", line)
        count()
    if refusal:
        raise refusal


def place_of(run: Run) -> Path:
    """Return the folder of a run's results, which are appended to its `metrics.jsonl`."""
    return folder() / f"version-{VERSION}" / run.name


def curve(run: Run) -> pd.DataFrame:
    """Return the results for a run's epochs with recomputed averages, as `journal.metrics` does.

    Returns:
        One row per epoch whose weights have not changed since: epoch, and dotted columns such as
        `valid.accuracy`; empty where there are no results yet.
    """
    table = journal.metrics(place_of(run))
    if not len(table) or "weights" not in table:
        return pd.DataFrame(columns=["epoch"])
    valid = [
        _digest(run, epoch) == digest
        for epoch, digest in zip(table["epoch"], table["weights"], strict=True)
    ]
    return table[valid].sort_values("epoch").reset_index(drop=True)


def missing(run: Run) -> list[int]:
    """Return the epochs with weights and without a result, in order."""
    done = set(curve(run)["epoch"])
    return [e for e in epoch_weights.kept(run.folder / "checkpoints") if e not in done]


def _digest(run: Run, epoch: int) -> str:
    """Return the checksum of an epoch's weights: that of the run, or, without one, of the file."""
    path = run.folder / "checkpoints" / epoch_weights.name(epoch)
    if digests := checksums.digests(run.folder, path):
        return digests[-1]
    try:
        return checksums.digest(checksums.read(run.folder, path))
    except (OSError, DamagedFile):
        return ""


def _films(run: Run) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a run's films and their pixels, refused where changed since the run began."""
    films, root = journal.films(run.folder), run.data_root
    cache = pixel_cache.of_films(
        root, films["path"].tolist(), run.config.recipe, cache_folder() / "pixels"
    )
    changed = pixel_hashes.changed(run.folder, cache.pixels)
    if cache.refused or (changed is not None and len(changed)):
        raise DataError(
            f"{run.name} can be evaluated on its own films only; some in {root} are gone or hold "
            "another picture. Put them back."
        )
    return films, cache.pixels


def _make_evaluate(
    run: Run, films: pd.DataFrame, pixels: np.ndarray, should_stop: Callable[[], bool]
) -> Callable[[int], dict[str, Any] | None]:
    """Return a function that evaluates an epoch: its line of metrics, or `None` at a stop."""
    from fracture_core.learners.learner import make_network
    from fracture_core.networks import network_weights
    from fracture_core.training import averages, steps

    roles, config = films["role"].to_numpy(), run.config
    training, others = pixels[roles == "train"], pixels[roles != "train"]
    predicted = predictions.predicted_films(films)
    network = make_network(config)
    predict = steps.make_predict(network)

    @functools.cache
    def recompute(frozen: bool) -> averages.Recompute:
        return averages.make_recompute(network, frozen)

    def line(epoch: int) -> dict[str, Any] | None:
        weights = epoch_weights.find(run.folder / "checkpoints", epoch)
        network_weights.load_weights(network, weights)
        rows = averages.sample(config, len(training), epoch)
        set_averages = recompute(epoch <= config.frozen_epochs)
        if should_stop() or not set_averages(training[rows], should_stop):
            return None
        table = steps.predict_blocks(predict, others, should_stop)
        if table is None:
            return None
        values: dict[str, Any] = {"epoch": epoch, "weights": _digest(run, epoch)}
        return values | predictions.metrics_by_role(
            predicted, table, config.threshold, config.study_pooling
        )

    return line
