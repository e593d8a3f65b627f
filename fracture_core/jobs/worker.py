"""Worker of a run: the child's side of its folder, which writes its status and serves requests."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fracture_core.clusters import run_place
from fracture_core.errors import RunBusy, Stopped
from fracture_core.jobs import end_command
from fracture_core.runs import journal, run_folders, run_lock, run_requests, run_status
from fracture_core.runs.run_status import State, Status

SIGNALS = (signal.SIGTERM, signal.SIGINT)
POLL_SECONDS = 0.25  # between two checks of the requests; a stop must be answered within 3 s
FIRST_SECONDS = 0.15  # of steps in the first point of the live curve, which people wait for
WRITE_SECONDS = 0.5  # between two writes of progress; people read no faster
POINTS = 600  # of the live curve at intervals of WRITE_SECONDS; later intervals grow


class Worker:
    """Status writer and request server of one run, used in its child process.

    Args:
        folder: the run folder.
        lock: descriptor that holds the run's lock; `None` where no other process can take it.

    Attributes:
        stopping: whether a stop at once was requested.
        stop_after_epoch: whether a stop at the end of this epoch was requested.
        epochs: total epochs requested so far, including added ones.
        rate_changes: learning rates requested so far: (first step, rate).
        has_begun: whether training has begun.
    """

    def __init__(self, folder: Path, lock: int | None = None) -> None:
        self.folder, self._lock = folder, lock
        self.config = run_folders.read(folder).config
        self.stopping = False
        self.stop_after_epoch = False
        self.has_begun = False
        self.epochs = journal.epochs_requested(folder, self.config)
        before = run_status.read(folder)
        self.status = Status(
            state=State.STARTING,
            step=before.step,
            epoch=before.epoch,
            oom_kills=before.oom_kills,
            log_from=before.log_from,
        )
        self.rate_changes = journal.rate_changes(folder)
        self._polled = self._written = 0.0
        self._measured = time.monotonic(), time.process_time()  # when the cores were measured
        self._accepted_epochs = self.epochs  # when training last began
        self._mutex, self._may_exit = threading.RLock(), False
        self._handlers: dict[int, Any] = {}  # signal -> its handler before `listen`

    def listen(self) -> None:
        """Treat SIGTERM and SIGINT as requests to stop, and start the watcher thread.

        The watcher ends the process at a stop inside `may_leave`. Main thread only.
        """
        for number in SIGNALS:
            handler = signal.signal(number, lambda *_: setattr(self, "stopping", True))
            self._handlers[number] = handler
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # see `leave_to_next`
        threading.Thread(target=self._watch, daemon=True).start()

    def stop_listening(self) -> None:
        """Restore the signal handlers after the final status: a signal may end the process now."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()

    def _watch(self) -> None:
        while True:
            time.sleep(POLL_SECONDS)
            with self._mutex:
                self._keep_lock()
                if self._may_exit and (self.stopping or run_requests.has(self.folder, "stop")):
                    self._leave()

    def _keep_lock(self) -> None:
        """Take the lock again where its file was removed, so that a second child is refused.

        Where another process was quicker, this one leaves the folder to it and ends at once.
        """
        if self._lock is None:
            return
        with contextlib.suppress(OSError):
            if os.path.samestat((self.folder / "lock").stat(), os.fstat(self._lock)):
                return
        try:
            again = run_lock.take(self.folder)
        except RunBusy:
            os._exit(1)
        except OSError:  # the folder itself is gone
            return
        os.dup2(again, self._lock, inheritable=False)
        os.close(again)

    def let_go(self) -> None:
        """Stop watching the lock, before its descriptor is closed."""
        with self._mutex:
            self._lock = None

    def leave_to_next(self) -> int:
        """Leave the run to the next program in this process; return the lock that it gets.

        Requests that were served and are not logged are made again. Signals wait until the next
        program listens.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        lock = self._lock
        assert lock is not None
        self.let_go()
        for kind, served in (("stop", self.stopping), ("stop_after_epoch", self.stop_after_epoch)):
            if served:
                run_requests.send(self.folder, kind)
        return lock

    def _leave(self) -> None:
        """End the process: the kernel releases its locks, and no work is lost."""
        try:
            journal.log_event(self.folder, "stopped", step=self.status.step)
            kept = "Stopped; all work is kept."
            message = kept if self.status.step else "Stopped before training."
            self.say(state=State.STOPPED, message=message, phase="", seconds_left=None)
            if self._lock is not None:
                os.close(self._lock)  # the run can be resumed while its end is announced
            run_place.end_signs(self.folder)
            end_command.run(self.folder)
        finally:
            os._exit(0)

    @contextlib.contextmanager
    def may_leave(self) -> Iterator[None]:
        """Mark uninterruptible work that may be abandoned: a stop ends the process.

        Loading TensorFlow and compiling take longer than people wait for a stop.
        """
        with self._mutex:
            self._may_exit = True
        try:
            yield
        finally:
            with self._mutex:
                self._may_exit = False

    def say(self, **changes: Any) -> None:
        """Change the status and write it."""
        with self._mutex:
            measured = {
                "epochs": self.epochs,
                "cores": self._cores(),
                "memory_mb": peak_memory_mb(),
            }
            fields = {**self.status.__dict__, **measured, **changes}
            self.status = Status(**fields)
            self._written = time.monotonic()
            run_status.write(self.folder, self.status)

    def _cores(self) -> float:
        """Return the cores used since the last measurement, at least `WRITE_SECONDS` ago."""
        before, now = self._measured, (time.monotonic(), time.process_time())
        if now[0] - before[0] < WRITE_SECONDS:
            return self.status.cores
        self._measured = now
        return round((now[1] - before[1]) / (now[0] - before[0]), 2)

    def tick(self, **changes: Any) -> None:
        """Change and write the status, unless it was written less than `WRITE_SECONDS` ago."""
        if time.monotonic() - self._written >= WRITE_SECONDS:
            self.say(**changes)

    def phase(self, phase: str, message: str) -> None:
        """Enter a phase before training.

        Raises:
            Stopped: a stop was requested.
        """
        self.say(state=State.STARTING, phase=phase, message=message, progress=0.0)
        if self.asked_to_stop():
            raise Stopped("Stopped before training.")

    def begin(self) -> None:
        """Accept the epochs requested so far: training continues from here."""
        self._accepted_epochs = self.epochs
        self.has_begun = True

    def give_up(self) -> None:
        """Withdraw the epochs that a refused resume has added: a refusal changes nothing."""
        if self.status.step and (added := self.epochs - self._accepted_epochs):
            journal.log_event(self.folder, "epochs_withdrawn", epochs=added)
            self.epochs = self._accepted_epochs

    def asked_to_stop(self, step: int | None = None) -> bool:
        """Serve the waiting requests and tell whether to stop now.

        Args:
            step: the next step, while training; requests that need one wait until then.
        """
        if time.monotonic() - self._polled >= POLL_SECONDS:
            self._polled = time.monotonic()
            for path, request in run_requests.waiting(self.folder):
                if self._serve(request, step):
                    path.unlink(missing_ok=True)
        return self.stopping

    def _serve(self, request: dict[str, Any], step: int | None) -> bool:
        """Serve a request and tell whether it is done.

        The event is logged first, so that after a kill it is served twice rather than never.
        """
        match request:
            case {"kind": "stop"}:
                self.stopping = True
                self.say(state=State.STOPPING, message="Stopping, keeping the work.")
            case {"kind": "stop_after_epoch"}:
                self.stop_after_epoch = True
                self.say(message="Stopping at the end of this epoch.")
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
    """Return the peak memory of this process in MB; 0 where the system does not report it.

    From the kernel's record of this program: `getrusage` includes the parent's memory.
    """
    with contextlib.suppress(OSError):
        facts = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
        for line in facts.splitlines():
            if line.startswith("VmHWM:"):  # in KiB
                return int(line.split()[1]) * 1024 // 10**6
    return 0


def time_left() -> Callable[[int, int], float | None]:
    """Return a function that estimates the seconds left, to be created when work begins.

    It takes (done, total) and returns `None` at first. Items done before its first call were kept
    from earlier work and do not count for the speed.
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
    """Training speed and points of the live curve, from the results of the steps.

    Attributes:
        began: end of the first steps, which compile, in `time.monotonic`; `None` before.
        steps: counted since then.
        rate: images per second up to the last point.
    """

    def __init__(self) -> None:
        self.began: float | None = None
        self.steps = 0
        self.rate = 0.0
        self._points = 0
        self._reset(time.monotonic())

    def _reset(self, now: float) -> None:
        self._since, self._loss, self._losses, self._right, self._shown = now, 0.0, 0, 0, 0

    def add(
        self, loss: float, right: int, shown: int, steps: int = 1, losses: int | None = None
    ) -> None:
        """Count some steps; the first call, whose steps compile, starts the clock.

        Args:
            loss: sum of the losses.
            right: films predicted correctly.
            shown: films.
            steps: their number.
            losses: number of the losses in the sum; by default one per film.
        """
        if self.began is None:
            self.began = time.monotonic()
            self._reset(self.began)
            return
        self.steps += steps
        self._loss += loss
        self._losses += shown if losses is None else losses
        self._right += right
        self._shown += shown

    def seconds_a_step(self) -> float:
        """Return the mean since the start, including evaluation and checkpoints; 0 if unknown."""
        return (time.monotonic() - self.began) / self.steps if self.began and self.steps else 0.0

    def point(self) -> dict[str, float] | None:
        """Return the means since the last point if the next one is due, else `None`.

        Pages draw all points at each update, so a day of training leaves only a few thousand.
        """
        now = time.monotonic()
        passed = now - (self.began or now)
        due = max(WRITE_SECONDS, passed / POINTS) if self._points else FIRST_SECONDS
        if now - self._since < due or not self._shown:
            return None
        self._points += 1
        self.rate = self._shown / (now - self._since)
        point = {
            "loss": self._loss / self._losses,
            "accuracy": self._right / self._shown,
            "rate": self.rate,
            "time": time.time(),
        }
        self._reset(now)
        return point
