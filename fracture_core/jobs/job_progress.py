"""Progress of a long job, written into its folder, and the request to stop, read from there."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fracture_core.errors import Stopped
from fracture_core.jobs.worker import time_left
from fracture_core.runs import run_requests, run_status
from fracture_core.runs.run_status import State, Status

POLL_SECONDS = 0.25  # between two checks of the requests, and two writes of progress


@contextmanager
def final_status(folder: Path, kept: str = "") -> Iterator[None]:
    """Write the status that a job ends with: finished, or stopped where it raises `Stopped`.

    Args:
        folder: the job's.
        kept: what a stop keeps, a sentence after the one of the stop.
    """
    try:
        yield
    except Stopped as error:
        message = f"{error} {kept}".strip()
        run_status.write(folder, Status(state=State.STOPPED, message=message))
        return
    run_status.write(folder, Status(state=State.FINISHED, message="Done.", progress=1.0))


class JobProgress:
    """Status writer and request reader of a job, used in its child process.

    Args:
        folder: the job's.
        activity: start of the message, as "Opening every film".
    """

    def __init__(self, folder: Path, activity: str) -> None:
        self._folder, self._activity, self._left = folder, activity, time_left()
        self._polled, self._stop = 0.0, False

    def count(self, done: int, total: int) -> None:
        """Report progress, with the time left; written at most every `POLL_SECONDS`."""
        left, now = self._left(done, total), time.monotonic()
        if now - self._polled < POLL_SECONDS and done < total:
            return
        self._polled, self._stop = now, run_requests.has(self._folder, "stop")
        status = Status(
            state=State.RUNNING,
            message=f"{self._activity}: {done:,} of {total:,}.",
            progress=done / max(1, total),
            seconds_left=left,
        )
        run_status.write(self._folder, status)

    def should_stop(self) -> bool:
        """Tell whether a stop had been requested at the last check."""
        return self._stop

    def say(self, text: str) -> None:
        """Report a step that follows the counted ones."""
        status = Status(state=State.RUNNING, message=text, progress=1.0)
        run_status.write(self._folder, status)
