"""The epochs of runs judged anew with recomputed averages of batch normalization: a long job.

A run whose networks judged with running averages has kept the weights of its epochs. The same
weights with recomputed averages say how much of its curve were the averages. What was judged is
kept in the cache folder, a line an epoch, so that a stopped job goes on where it was.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fracture_core import checksums
from fracture_core.config import cache_folder
from fracture_core.errors import DamagedFile, DataError, ModelError, RunError, Stopped
from fracture_core.files import make_folder
from fracture_core.films import images
from fracture_core.jobs import launcher
from fracture_core.jobs.job_progress import JobProgress
from fracture_core.runs import checkpoints, journal, pixel_hashes, predictions, run_folders
from fracture_core.runs.run_folders import Run, State, Status

VERSION = 1  # of `averages`: what another sample of films has judged is judged anew
DOING = "Judging epochs anew"
REFUSALS_SHOWN = 3  # runs whose sentences are shown


def folder() -> Path:
    """Where the job says how far it is, and keeps what it has judged."""
    return cache_folder() / "averages"


def start(names: Sequence[str]) -> Path:
    """Judge these runs anew in a child process, unless one is at it; gives the job's folder."""
    make_folder(folder() / "requests")
    asked = {"runs": ",".join(names)}
    launcher.start_job(folder(), asked, "averages", "Loading TensorFlow.", "averages.log")
    return folder()


def requested_runs() -> list[str]:
    """The names of the runs that the job was last started for; none before its first start.

    Raises:
        FileRefused: its request cannot be read.
    """
    if not (folder() / "asked.json").is_file():
        return []
    return launcher.job_request(folder(), "runs")["runs"].split(",")


def run_child(place: Path) -> None:
    """The child's work: judge anew the runs that `asked.json` names."""
    progress, done, wanted, refusals = JobProgress(place, DOING), 0, {}, []
    for name in filter(run_folders.exists, requested_runs()):
        try:
            run = run_folders.read(run_folders.find(name))
            wanted[name] = run, len(missing(run))
        except RunError as error:  # it costs itself only
            refusals.append(str(error))
    epochs = sum(count for _, count in wanted.values())

    def count() -> None:
        nonlocal done
        done += 1
        progress.count(done, epochs)

    for run, _ in wanted.values():
        try:
            complete(run, count, progress.should_stop)
        except Stopped as error:
            run_folders.write_status(place, Status(state=State.STOPPED, message=str(error)))
            return
        except (RunError, DataError, ModelError) as error:
            refusals.append(str(error))
    state = State.FAILED if refusals else State.FINISHED
    message = _together(refusals) or "Done."
    run_folders.write_status(place, Status(state=state, message=message, progress=1.0))


def _together(sentences: Sequence[str]) -> str:
    """All that went wrong, as a text that can still be read."""
    more = len(sentences) - REFUSALS_SHOWN
    rest = [f"{more} more could not be judged."] if more > 0 else []
    return " ".join([*sentences[:REFUSALS_SHOWN], *rest])


def complete(
    run: Run, count: Callable[[], None], should_stop: Callable[[], bool] = lambda: False
) -> None:
    """Judge anew the epochs of a run that lack it. Loads TensorFlow.

    Args:
        run: any; of one with recomputed averages the curve is its own.
        count: called after every epoch.
        should_stop: asked now and then.

    Raises:
        RunError: its files cannot be read; of single epochs, after all others were judged.
        ModelError: the same, where an epoch's weights are not those of its network.
        DataError: its films can no longer be read, or are others.
        Stopped: `should_stop` said so; what was judged is kept.
    """
    epochs = missing(run)
    if not epochs:
        return
    films, pixels = _films(run)
    judge = _make_judge(run, films, pixels, should_stop)
    place = place_of(run)
    make_folder(place)
    refusal = None
    for epoch in epochs:
        try:
            line = judge(epoch)
        except (RunError, ModelError) as error:  # an epoch without its weights costs itself only
            refusal = refusal or error
        else:
            if line is None:
                raise Stopped("Stopped; what was judged is kept.")
            journal.append_line(place / "metrics.jsonl", line)
        count()
    if refusal:
        raise refusal


def place_of(run: Run) -> Path:
    """The folder of what is known of a run; its `metrics.jsonl` is appended to."""
    return folder() / f"version-{VERSION}" / run.name


def curve(run: Run) -> pd.DataFrame:
    """What is known of a run's epochs with recomputed averages, as `journal.metrics` gives it.

    Returns:
        One row an epoch whose weights are those that were judged: epoch, and dotted columns such
        as `valid.accuracy`; empty where nothing is known yet.
    """
    table = journal.metrics(place_of(run))
    if not len(table) or "weights" not in table:
        return pd.DataFrame(columns=["epoch"])
    known = [
        _digest(run, epoch) == told
        for epoch, told in zip(table["epoch"], table["weights"], strict=True)
    ]
    return table[known].sort_values("epoch").reset_index(drop=True)


def missing(run: Run) -> list[int]:
    """The epochs whose weights are kept, and which were not judged anew yet, in order."""
    done = set(curve(run)["epoch"])
    return [e for e in checkpoints.epochs(run.folder / "checkpoints") if e not in done]


def _digest(run: Run, epoch: int) -> str:
    """The checksum of an epoch's weights: that of the run, or, without one, of the file."""
    path = run.folder / "checkpoints" / checkpoints.weights_name(epoch)
    if told := checksums.digests(run.folder, path):
        return told[-1]
    try:
        return checksums.digest(checksums.read(run.folder, path))
    except (OSError, DamagedFile):
        return ""


def _films(run: Run) -> tuple[pd.DataFrame, np.ndarray]:
    """A run's films and their pixels, which must be those that it began with."""
    films, root = journal.films(run.folder), run.data_root
    cache = images.pixel_cache(
        root, films["path"].tolist(), run.config.recipe, cache_folder() / "pixels"
    )
    changed = pixel_hashes.changed(run.folder, cache.pixels)
    if cache.refused or (changed is not None and len(changed)):
        raise DataError(
            f"{run.name} can be judged anew on its own films only; some in {root} are gone or hold "
            "another picture. Put them back."
        )
    return films, cache.pixels


def _make_judge(
    run: Run, films: pd.DataFrame, pixels: np.ndarray, should_stop: Callable[[], bool]
) -> Callable[[int], dict[str, Any] | None]:
    """Gives a function of an epoch: its line of metrics, or `None` if asked to stop."""
    from fracture_core.networks import architectures
    from fracture_core.training import averages, loop, steps

    roles, config = films["role"].to_numpy(), run.config
    learned, others = pixels[roles == "train"], pixels[roles != "train"]
    judged = predictions.predicted_films(films)
    network = loop.make_network(config)
    judge, recompute = steps.make_predict(network), averages.make_recompute(network)
    block = max(1, loop.JUDGED_PIXELS // config.recipe.size**2)

    def line(epoch: int) -> dict[str, Any] | None:
        weights = checkpoints.weights_of(run.folder / "checkpoints", epoch)
        architectures.load_weights(network, weights)
        rows = averages.sample(len(learned), config.seed, epoch, config.recipe.size)
        if should_stop() or not recompute(learned[rows], should_stop):
            return None
        parts = [judge(others[first : first + block]) for first in range(0, len(others), block)]
        table = np.concatenate([np.empty(0, np.float32), *parts])
        found: dict[str, Any] = {"epoch": epoch, "weights": _digest(run, epoch)}
        for role in predictions.ROLES:
            if (of_role := (judged["role"] == role).to_numpy()).any():
                found[role] = predictions.epoch_metrics(
                    judged[of_role], table[of_role], config.threshold
                )
        return found

    return line
