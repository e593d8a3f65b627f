"""Slurm's commands: submit a job, ask for its state, cancel it while it waits.

`sbatch`, `squeue`, `sacct` and `scancel` are looked for on `PATH`, as a person would call them.
"""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from fracture_core.errors import ConfigError, RunError

OPTIONS = "FRACTURE_SBATCH"  # more options of `sbatch`, as in a shell: "--partition=gpu --mem=8G"
CORES = 2  # asked for, unless `OPTIONS` says otherwise
LAST_SECONDS = 60  # before a job's time is up
COMMAND_SECONDS = 20.0  # after which a command that does not answer is given up
ASK_SECONDS = 5.0  # between two questions for the queue; pages look twice a second
_queue: dict[str, tuple[float, frozenset[str] | None]] = {}  # user's jobs, and when asked for
_ends: dict[str, str] = {}  # job -> its last state, which changes no more


def is_installed() -> bool:
    """Tell whether jobs can be submitted from this machine."""
    return shutil.which("sbatch") is not None


def submit(
    name: str, command: Sequence[str], log: Path, folder: Path, environment: Mapping[str, str]
) -> str:
    """Submit a job and return its number, as "1234".

    Args:
        name: of the job, for people who look at the queue.
        command: program and arguments.
        log: file to which the job's output is appended, on a disk that the machines share.
        folder: in which the command is run.
        environment: variables of the job.

    Raises:
        ConfigError: Slurm is not installed, or `FRACTURE_SBATCH` cannot be read.
        RunError: Slurm does not answer, or refuses the job.
    """
    if not is_installed():
        raise ConfigError(
            "A run on Slurm is submitted with sbatch, which is not on PATH here. Start it on a "
            "machine of the cluster, or use --launcher local."
        )
    try:
        more = shlex.split(os.environ.get(OPTIONS, ""))
    except ValueError as error:
        raise ConfigError(f"{OPTIONS} must be options as in a shell ({error}).") from error
    options = [
        "--parsable",
        "--no-requeue",  # a person resumes the run, or leaves it
        f"--signal=B:TERM@{LAST_SECONDS}",  # asks it to stop and to keep its work
        f"--job-name={name}",
        f"--output={log}",
        "--open-mode=append",
        f"--chdir={folder}",
        f"--cpus-per-task={CORES}",
        *more,
    ]
    script = f"#!/bin/sh\nexec {shlex.join(command)}\n"
    answer = _answer(["sbatch", *options], script, environment)
    job = answer.strip().partition(";")[0]  # the cluster's name may follow
    if not job.isdecimal():
        raise RunError(f"Slurm must answer with the number of a job; it said {answer[:200]!r}.")
    _queue.clear()
    return job


def cancel_waiting(job: str) -> None:
    """Cancel a job unless it has begun: that one is asked to stop through its run's folder."""
    if shutil.which("scancel"):
        _answer(["scancel", "--state=PENDING", job])
        _queue.clear()


def is_active(job: str) -> bool:
    """Tell whether a job waits or runs; True as well while Slurm does not answer."""
    if job in _ends or shutil.which("squeue") is None:
        return False
    jobs = _jobs()
    return jobs is None or job in jobs


def end(job: str) -> str:
    """Return the state in which a job ended, such as "NODE_FAIL"; "" where Slurm keeps none."""
    if job not in _ends and shutil.which("sacct"):
        try:
            lines = _answer(["sacct", "-n", "-X", "-P", "-o", "State", "-j", job]).split("\n")
        except RunError:
            return ""
        _ends[job] = lines[0].strip().partition(" ")[0]  # "CANCELLED by 1000"
    return _ends.get(job, "")


def _jobs() -> frozenset[str] | None:
    """Return the numbers of this user's jobs in the queue; `None` where Slurm does not answer."""
    asked, jobs = _queue.get("", (-ASK_SECONDS, None))
    if time.monotonic() - asked < ASK_SECONDS:
        return jobs
    try:
        jobs = frozenset(_answer(["squeue", "--me", "--noheader", "--format=%A"]).split())
    except RunError:
        jobs = None
    _queue[""] = time.monotonic(), jobs
    return jobs


def _answer(
    words: Sequence[str], text: str = "", environment: Mapping[str, str] | None = None
) -> str:
    """Run one of Slurm's commands and return what it prints.

    Raises:
        RunError: it fails, or does not answer in time.
    """
    try:
        done = subprocess.run(
            words,
            input=text,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RunError(f"Slurm's {words[0]} does not answer ({error}). Try again.") from error
    if done.returncode:
        reason = " ".join(done.stderr.split())[:500] or f"exit status {done.returncode}"
        raise RunError(f"Slurm's {words[0]} refused: {reason}")
    return done.stdout
