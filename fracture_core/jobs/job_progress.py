"""How far a long job is, written into its folder, and the request to stop, read from there."""

import time
from pathlib import Path

from fracture_core.jobs.worker import time_left
from fracture_core.runs import run_folders
from fracture_core.runs.run_folders import State, Status

POLL_SECONDS = 0.25  # between two looks at the requests, and two writes of progress


class JobProgress:
    """Writes a job's status, with the time left, and reads its requests, in its child process.

    Args:
        folder: the job's.
        doing: what is counted, as in "Opening every film".
    """

    def __init__(self, folder: Path, doing: str) -> None:
        self._folder, self._doing, self._left = folder, doing, time_left()
        self._looked, self._stop = 0.0, False

    def count(self, done: int, total: int) -> None:
        """Note that so many of all are done."""
        left, now = self._left(done, total), time.monotonic()
        if now - self._looked < POLL_SECONDS and done < total:
            return
        self._looked, self._stop = now, run_folders.has_request(self._folder, "stop")
        status = Status(
            state=State.RUNNING,
            message=f"{self._doing}: {done:,} of {total:,}.",
            progress=done / max(1, total),
            seconds_left=left,
        )
        run_folders.write_status(self._folder, status)

    def should_stop(self) -> bool:
        """Whether a stop was asked for, by the last look."""
        return self._stop

    def say(self, text: str) -> None:
        """Say what is being done after all are counted."""
        status = Status(state=State.RUNNING, message=text, progress=1.0)
        run_folders.write_status(self._folder, status)
