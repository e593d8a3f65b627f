"""The child's side of a run folder: it says what it does, and serves what was asked of it."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fracture_core.errors import RunBusy, Stopped
from fracture_core.runs import journal, run_folders
from fracture_core.runs.run_folders import State, Status

POLL_SECONDS = 0.25  # between two looks at the requests; a stop is to be answered within 3 s
WRITE_SECONDS = 0.5  # between two writes of progress; a person reads no faster
POINTS = 600  # of the live curve in as many WRITE_SECONDS; later ones lie ever further apart


class Worker:
    """Writes `status.json` and reads `requests/` for one run, in its child process.

    Args:
        folder: the run folder.
        lock: descriptor that holds the run's lock; `None` where nobody else can take it.

    Attributes:
        stopping: whether the run was asked to stop at once.
        stop_after_epoch: whether it was asked to stop at the end of this epoch.
        epochs: epochs asked for so far, added ones counted.
        rate_changes: learning rates asked for so far: (first step, rate).
    """

    def __init__(self, folder: Path, lock: int | None = None) -> None:
        self.folder, self._lock = folder, lock
        self.config = run_folders.read(folder).config
        self.stopping = False
        self.stop_after_epoch = False
        self.epochs = journal.epochs_requested(folder, self.config)
        before = run_folders.status(folder)
        self.status = Status(
            state=State.STARTING,
            step=before.step,
            epoch=before.epoch,
            oom_kills=before.oom_kills,
            log_from=before.log_from,
        )
        self.rate_changes = journal.rate_changes(folder)
        self._polled = self._written = 0.0
        self._asked = self.epochs  # when training last began
        self._door, self._leavable = threading.RLock(), False
        self._before: dict[int, Any] = {}  # signal -> what it did before `listen`

    def listen(self) -> None:
        """Take SIGTERM and SIGINT for the request to stop, and watch where it can be answered by
        leaving (see `may_leave`); main thread only."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, lambda *_: setattr(self, "stopping", True))
        threading.Thread(target=self._watch, daemon=True).start()

    def stop_listening(self) -> None:
        """Give the signals back once the last word is written: now they may end the process."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _watch(self) -> None:
        while True:
            time.sleep(POLL_SECONDS)
            with self._door:
                self._keep_lock()
                if self._leavable and (
                    self.stopping or run_folders.has_request(self.folder, "stop")
                ):
                    self._leave()

    def _keep_lock(self) -> None:
        """Take the lock anew where its file was removed: a second child must find it taken.

        Where another process was quicker, this one leaves the folder to it at once.
        """
        if self._lock is None:
            return
        with contextlib.suppress(OSError):
            if os.path.samestat((self.folder / "lock").stat(), os.fstat(self._lock)):
                return
        try:
            again = run_folders.take_lock(self.folder)
        except RunBusy:
            os._exit(1)
        except OSError:  # the folder itself is gone
            return
        os.dup2(again, self._lock, inheritable=False)
        os.close(again)

    def let_go(self) -> None:
        """Look after the lock no more: its descriptor is closed next."""
        with self._door:
            self._lock = None

    def _leave(self) -> None:
        """End the process: the kernel lets go of its locks, and nothing was begun that is lost."""
        try:
            kept = "; all work is kept" if self.status.step else ""
            journal.log_event(self.folder, "stopped", step=self.status.step)
            message = f"Stopped before it trained{kept}."
            self.say(state=State.STOPPED, message=message, phase="", seconds_left=None)
        finally:
            os._exit(0)

    @contextlib.contextmanager
    def may_leave(self) -> Iterator[None]:
        """Work that cannot ask whether to stop, and that nobody would miss: a stop ends the run.

        Loading TensorFlow and compiling take longer than a person waits for a stop.
        """
        with self._door:
            self._leavable = True
        try:
            yield
        finally:
            with self._door:
                self._leavable = False

    def say(self, **changes: Any) -> None:
        """Change the status and write it."""
        with self._door:
            held = {"epochs": self.epochs, "memory_mb": peak_memory_mb()}
            fields = {**self.status.__dict__, **held, **changes}
            self.status = Status(**fields)
            self._written = time.monotonic()
            run_folders.write_status(self.folder, self.status)

    def tick(self, **changes: Any) -> None:
        """Change the status; write it if the last writing is long enough ago."""
        if time.monotonic() - self._written >= WRITE_SECONDS:
            self.say(**changes)

    def phase(self, phase: str, message: str) -> None:
        """Enter a phase that comes before training.

        Raises:
            Stopped: the run was asked to stop.
        """
        self.say(state=State.STARTING, phase=phase, message=message, progress=0.0)
        if self.asked_to_stop():
            raise Stopped("Stopped before training.")

    def begin(self) -> None:
        """Take note that training goes on from here: what was asked of it so far is accepted."""
        self._asked = self.epochs

    def give_up(self) -> None:
        """Take back the epochs that were asked of a resume which is refused: it changes nothing."""
        if self.status.step and (added := self.epochs - self._asked):
            journal.log_event(self.folder, "epochs_withdrawn", epochs=added)
            self.epochs = self._asked

    def asked_to_stop(self, step: int | None = None) -> bool:
        """Serve the requests that wait; gives whether to stop now.

        Args:
            step: the next step, while training; requests that need one wait until then.
        """
        if time.monotonic() - self._polled >= POLL_SECONDS:
            self._polled = time.monotonic()
            for path, request in run_folders.requests(self.folder):
                if self._serve(request, step):
                    path.unlink(missing_ok=True)
        return self.stopping

    def _serve(self, request: dict[str, Any], step: int | None) -> bool:
        """Do what is asked; gives whether it is done.

        The event is logged first, so that a kill in between serves it twice rather than never.
        """
        match request:
            case {"kind": "stop"}:
                self.stopping = True
                self.say(state=State.STOPPING, message="Stops and keeps its work.")
            case {"kind": "stop_after_epoch"}:
                self.stop_after_epoch = True
                self.say(message="Stops at the end of this epoch.")
            case {"kind": "more_epochs", "epochs": int(count), "id": str(key)}:
                self._log_once("more_epochs", key, epochs=count, epoch=self.status.epoch)
                self.epochs = journal.epochs_requested(self.folder, self.config)
            case {"kind": "learning_rate", "rate": float(rate), "id": str(key)}:
                if step is None:
                    return False
                self._log_once("learning_rate", key, rate=rate, step=step)
                self.rate_changes = journal.rate_changes(self.folder)
        return True

    def _log_once(self, kind: str, key: str, **values: Any) -> None:
        if key not in [e.get("id") for e in journal.events(self.folder)]:
            journal.log_event(self.folder, kind, id=key, **values)


def peak_memory_mb() -> int:
    """The most memory that this process has held so far, in MB; 0 where the system does not say.

    By the kernel's own mark of this program: `getrusage` counts what the parent held as well.
    """
    with contextlib.suppress(OSError):
        facts = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
        for line in facts.splitlines():
            if line.startswith("VmHWM:"):  # in KiB
                return int(line.split()[1]) * 1024 // 10**6
    return 0


def time_left() -> Callable[[int, int], float | None]:
    """Made when work begins: gives the seconds left, from (done, total); `None` at first.

    What was done before the first question was kept from an earlier time, and says nothing of the
    speed.
    """
    first: tuple[float, int] | None = None

    def left(done: int, total: int) -> float | None:
        nonlocal first
        first = first or (time.monotonic(), done)
        began, before = first
        if done <= before:
            return None
        return (time.monotonic() - began) / (done - before) * (total - done)

    return left


class Clock:
    """Speed and the live curve's points, from what the steps report.

    Attributes:
        began: when the first steps, which compile, were over; `None` before.
        steps: counted since then.
        rate: images a second up to the last point.
    """

    def __init__(self) -> None:
        self.began: float | None = None
        self.steps = 0
        self.rate = 0.0
        self._reset(time.monotonic())

    def _reset(self, now: float) -> None:
        self._since, self._loss, self._right, self._shown = now, 0.0, 0, 0

    def add(self, loss: float, right: int, shown: int, steps: int = 1) -> None:
        """Count some steps; the first ones, which compile, set the clock."""
        if self.began is None:
            self.began = time.monotonic()
            self._reset(self.began)
            return
        self.steps += steps
        self._loss, self._right, self._shown = (
            self._loss + loss,
            self._right + right,
            self._shown + shown,
        )

    def seconds_a_step(self) -> float:
        """Mean since the start, evaluation and checkpoints counted; 0 while unknown."""
        return (time.monotonic() - self.began) / self.steps if self.began and self.steps else 0.0

    def point(self) -> dict[str, float] | None:
        """Means since the last point, if one is due; else `None`.

        Who watches is shown all of them, again and again: a day's training leaves a few thousand.
        """
        now = time.monotonic()
        passed = now - (self.began or now)
        if now - self._since < max(WRITE_SECONDS, passed / POINTS) or not self._shown:
            return None
        self.rate = self._shown / (now - self._since)
        point = {
            "loss": self._loss / self._shown,
            "accuracy": self._right / self._shown,
            "rate": self.rate,
            "time": time.time(),
        }
        self._reset(now)
        return point
