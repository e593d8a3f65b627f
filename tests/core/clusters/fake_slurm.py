"""A stand-in for Slurm: `sbatch`, `squeue`, `sacct` and `scancel` that really run the script.

One machine, no priorities, no limits: it says nothing about Slurm itself. Its state is in files of
one folder; a file `full` there keeps jobs waiting, and `broken` makes every command fail.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = ("sbatch", "squeue", "sacct", "scancel")
ACTIVE = ("PENDING", "RUNNING")


def install(folder: Path) -> Path:
    """Write the commands into `folder / "bin"`, to be put on PATH; return it."""
    (folder / "jobs").mkdir(parents=True)
    (folder / "bin").mkdir()
    for name in COMMANDS:
        path = folder / "bin" / name
        path.write_text(f'#!/bin/sh\nexec {sys.executable} -S {__file__} {folder} {name} "$@"\n')
        path.chmod(0o755)
    return folder / "bin"


def kill_machine(folder: Path, job: str) -> None:
    """End a job as the failure of its machine does: at once, without a word."""
    (folder / "jobs" / job / "state").write_text("NODE_FAIL")
    group = int((folder / "jobs" / job / "group").read_text())
    os.killpg(group, signal.SIGKILL)
    while _is_there(group):
        time.sleep(0.01)


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return any(_group_of(path) == group for path in Path("/proc").glob("[0-9]*/stat"))


def _group_of(path: Path) -> int | None:
    """Return the process group of a living process; `None` for a zombie, or one that has gone."""
    try:
        fields = path.read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[2])


def _state(folder: Path, job: str) -> str:
    path = folder / "jobs" / job / "state"
    return path.read_text() if path.exists() else ""


def sbatch(folder: Path, words: list[str]) -> None:
    """Keep the script and its options, and start whoever runs it."""
    if any(word == "--partition=none" for word in words):
        sys.exit("sbatch: error: invalid partition specified: none")
    job = str(1 + len(list((folder / "jobs").iterdir())))
    home = folder / "jobs" / job
    home.mkdir()
    (home / "script").write_text(sys.stdin.read())
    (home / "options").write_text("\n".join(words))
    (home / "state").write_text("PENDING")
    runner = [sys.executable, "-S", __file__, str(folder), "run", job]
    null = subprocess.DEVNULL
    subprocess.Popen(runner, stdin=null, stdout=null, stderr=null, start_new_session=True)
    print(f"{job};fake")


def run(folder: Path, job: str) -> None:
    """Wait for a free machine, run a job's script on it, and note how it ended."""
    home = folder / "jobs" / job
    while (folder / "full").exists():
        time.sleep(0.02)
    if _state(folder, job) != "PENDING":
        return
    (home / "state").write_text("RUNNING")
    options = dict(
        word.removeprefix("--").split("=", 1)
        for word in (home / "options").read_text().splitlines()
        if "=" in word
    )
    with Path(options["output"]).open("ab") as log:
        process = subprocess.Popen(
            ["/bin/sh", str(home / "script")],
            cwd=options["chdir"],
            env=os.environ | {"SLURM_JOB_ID": job},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (home / "group").write_text(str(process.pid))
    status = process.wait()
    if _state(folder, job) == "RUNNING":
        (home / "state").write_text("FAILED" if status else "COMPLETED")


def main() -> None:
    """Do what the command of this name does."""
    folder, name, *words = sys.argv[1:]
    root = Path(folder)
    if (root / "broken").exists() and name != "run":
        sys.exit(f"{name}: error: Unable to contact slurm controller")
    if name == "sbatch":
        sbatch(root, words)
    elif name == "run":
        run(root, words[0])
    elif name == "squeue":
        jobs = [path.name for path in sorted((root / "jobs").iterdir())]
        print("\n".join(job for job in jobs if _state(root, job) in ACTIVE))
    elif name == "sacct":
        print(_state(root, words[-1]))
    elif _state(root, words[-1]) == "PENDING":
        (root / "jobs" / words[-1] / "state").write_text("CANCELLED by 0")


if __name__ == "__main__":
    main()
