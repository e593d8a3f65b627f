"""The open set of films, fetched by a child process of the app."""

import hashlib
from pathlib import Path

from fracture_core.datasets import open_set
from fracture_core.errors import Stopped
from fracture_core.files import make_folder
from fracture_core.folders import cache_folder
from fracture_core.jobs import launcher
from fracture_core.jobs.job_progress import JobProgress
from fracture_core.runs import run_requests, run_status
from fracture_core.runs.run_status import State, Status


def folder_of(out: Path) -> Path:
    """Return the job's folder for a set that is fetched into `out`."""
    key = hashlib.sha256(str(out).encode()).hexdigest()[:16]
    return cache_folder() / "fetches" / key


def start(out: Path) -> Path:
    """Start fetching into a folder in a child process, unless one does; return the job's folder.

    Call it only for a person who has accepted `open_set.TERMS`.
    """
    folder = folder_of(out)
    make_folder(folder / "requests")
    launcher.start_job(folder, {"out": str(out)}, "fetch", "Asking the repository.", "fetch.log")
    return folder


def run_child(folder: Path) -> None:
    """Fetch the set as `asked.json` says; runs in the child."""
    out = Path(launcher.job_request(folder, "out")["out"])
    fetched = JobProgress(folder, "Fetching MB")

    def count(done: int, total: int) -> None:
        fetched.count(done // 10**6, max(1, total // 10**6))

    def should_stop() -> bool:
        return run_requests.has(folder, "stop")

    try:
        root = open_set.fetch(out, count, should_stop, fetched.say)
    except Stopped as error:
        run_status.write(folder, Status(state=State.STOPPED, message=str(error)))
        return
    message = f"FracAtlas is in {root}."
    run_status.write(folder, Status(state=State.FINISHED, message=message, progress=1.0))
