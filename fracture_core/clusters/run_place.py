"""Place of a run's process, where a scheduler has started it; runs of this machine have none.

A lock does not hold over a network disk. So a run elsewhere is alive, in this order, unless it has
written its end; while it sends signs of life; while the scheduler has it in its queue.
"""

import contextlib
import json
import os
import socket
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from fracture_core import file_reader
from fracture_core.clusters import slurm
from fracture_core.clusters.launcher_choice import LAUNCHERS
from fracture_core.files import replace_file, writing

FILE, SIGN = "place.json", "sign_of_life.json"  # written at the start, and by the process
BEAT_SECONDS = 5.0  # between two signs of life
FRESH_SECONDS = 30.0  # a sign of life that is younger says enough
NEW_SECONDS = 2 * slurm.ASK_SECONDS  # until every process has asked for the queue again
MOST_TEXT = 200  # letters of a job's number and of a machine's name
_over = threading.Event()  # set once this process has sent its last sign


@dataclass(frozen=True, kw_only=True)
class Place:
    """Job of a scheduler that is, or was, a run's process.

    Args:
        launcher: "slurm".
        job: its number in the scheduler's queue.
        submitted: when, in seconds since 1970.
        machine: name of the machine that it runs on; "" before it begins.
        seen: time of its last sign of life, in seconds since 1970; 0 before it begins.
        ended: whether it has said that it ends.
    """

    launcher: str
    job: str
    submitted: float
    machine: str = ""
    seen: float = 0.0
    ended: bool = False

    @property
    def words(self) -> str:
        """Name the place for people: "Slurm job 1234 on node07"."""
        on = f" on {self.machine}" if self.machine else ""
        return f"{LAUNCHERS[self.launcher]} job {self.job}{on}"


def write(folder: Path, launcher: str, job: str) -> None:
    """Note that a run's next process is this job."""
    fields = {"launcher": launcher, "job": job, "submitted": time.time()}
    replace_file(folder / FILE, json.dumps(fields).encode())


def clear(folder: Path) -> None:
    """Note that a run's next process is one of this machine."""
    for path in (folder / FILE, folder / SIGN):
        if path.exists():
            with writing(path):
                path.unlink(missing_ok=True)


def read(folder: Path) -> Place | None:
    """Return the place of a run's latest process; `None` for one of this machine."""
    fields = file_reader.json_or_none(folder / FILE)
    if not isinstance(fields, dict) or fields.get("launcher") not in LAUNCHERS:
        return None
    job, submitted = fields.get("job"), fields.get("submitted")
    if not (isinstance(job, str) and _is_short(job) and isinstance(submitted, int | float)):
        return None
    place = Place(launcher=fields["launcher"], job=job, submitted=float(submitted))
    sign = file_reader.json_or_none(folder / SIGN)
    if not isinstance(sign, dict) or sign.get("job") != job or not _is_short(sign.get("machine")):
        return place
    seen = sign.get("time")
    return Place(
        **asdict(place)
        | {
            "machine": sign["machine"],
            "seen": float(seen) if isinstance(seen, int | float) else 0.0,
            "ended": sign.get("ended") is True,
        }
    )


def words(folder: Path) -> str:
    """Name the place of a run's latest process, see `Place.words`; "" for this machine."""
    place = read(folder)
    return place.words if place else ""


def _is_short(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MOST_TEXT


def is_alive(folder: Path) -> bool:
    """Tell whether a run's process waits or works elsewhere."""
    place = read(folder)
    if place is None or place.ended:
        return False
    if place.seen:
        is_fresh = time.time() - place.seen < FRESH_SECONDS
    else:
        is_fresh = time.time() - place.submitted < NEW_SECONDS
    return is_fresh or slurm.is_active(place.job)


def is_own(folder: Path) -> bool:
    """Tell whether this process is the run's."""
    place = read(folder)
    return place is not None and place.job == own_job()


def own_job() -> str:
    """Return the number of the job that this process belongs to; "" outside of any."""
    return os.environ.get("SLURM_JOB_ID", "")


def why_ended(folder: Path) -> str:
    """Return a sentence on a job that is gone without a last word; "" for a run of this machine."""
    if (place := read(folder)) is None:
        return ""
    state = slurm.end(place.job)
    reason = f"it ended as {state}" if state else "it is no longer in the queue"
    return f"{place.words} is gone: {reason}. Resume the run: it goes on from its last checkpoint."


def cancel_waiting(folder: Path) -> None:
    """Take a run that is asked to stop out of the scheduler's queue, if it has not begun."""
    place = read(folder)
    if place and not place.seen:
        slurm.cancel_waiting(place.job)


def begin_signs(folder: Path) -> None:
    """Send signs of life of this process, a job, from now on until `end_signs`."""
    _over.clear()
    _send(folder)

    def keep_on() -> None:
        while not _over.wait(BEAT_SECONDS):
            with contextlib.suppress(OSError):  # the disk may come back; else the scheduler counts
                _send(folder)

    threading.Thread(target=keep_on, daemon=True).start()


def end_signs(folder: Path) -> None:
    """Say that this process has left its run; nothing for a process of this machine."""
    if is_own(folder):
        _over.set()
        _send(folder, ended=True)


def _send(folder: Path, ended: bool = False) -> None:
    fields = {
        "job": own_job(),
        "machine": socket.gethostname()[:MOST_TEXT],
        "time": time.time(),
        "ended": ended,
    }
    replace_file(folder / SIGN, json.dumps(fields).encode())
