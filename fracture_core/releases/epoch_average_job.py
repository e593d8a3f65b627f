"""Job that averages a run's weights in a child process, for pages, which do not load TensorFlow."""

import itertools
from collections.abc import Sequence
from pathlib import Path

from fracture_core.files import make_folder
from fracture_core.folders import cache_folder
from fracture_core.jobs import job_progress, launcher
from fracture_core.releases import averaged_epochs, epoch_average
from fracture_core.runs import run_folders, run_requests, run_status
from fracture_core.runs.run_status import State, Status


def folder_of(run: str) -> Path:
    """Return the folder of a run's job, which need not exist."""
    return cache_folder() / "epoch_averages" / run


def start(run: str, name: str, epochs: Sequence[int] = ()) -> Path:
    """Start averaging a run's weights in a child process, unless running; return the job's folder.

    Args:
        run: its name.
        name: of the model.
        epochs: see `averaged_epochs.chosen`.

    Raises:
        RunError, ModelError: see `epoch_average.check`; no process is started.
    """
    own = epoch_average.check(run_folders.read(run_folders.find(run)), name, epochs)
    folder = folder_of(run)
    make_folder(folder)
    request = {"run": run, "name": name, "epochs": ",".join(map(str, own))}
    launcher.start_job(folder, request, "average", "Loading TensorFlow.", "average.log")
    return folder


def model_of(run: str) -> str:
    """Return the name of the model that a run's job was last started for; "" before its start.

    Raises:
        FileRefused: its request cannot be read.
    """
    folder = folder_of(run)
    if not (folder / "asked.json").is_file():
        return ""
    return str(launcher.job_request(folder, "name")["name"])


def run_child(folder: Path) -> None:
    """Run the job in the child: make the model that `asked.json` asks for."""
    request = launcher.job_request(folder, "run", "name", "epochs")
    epochs = averaged_epochs.parse(request["epochs"])
    steps, begun = len(epochs) + epoch_average.STEPS, itertools.count()

    def say(text: str) -> None:
        share = min(1.0, next(begun) / steps)
        run_status.write(folder, Status(state=State.RUNNING, message=text, progress=share))

    def should_stop() -> bool:
        return run_requests.has(folder, "stop")

    run = run_folders.read(run_folders.find(request["run"]))
    with job_progress.final_status(folder):
        epoch_average.make(run, request["name"], epochs, say, should_stop)
