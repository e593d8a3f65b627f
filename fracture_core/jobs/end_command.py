"""The command that a person wants to have run when a run ends or needs them."""

import os
import shlex
import subprocess
from pathlib import Path

from fracture_core.runs import run_status

VARIABLE = "FRACTURE_NOTIFY"  # the command, as in a shell; its last argument is added
SECONDS = 30  # after which it is given up


def run(folder: Path) -> None:
    """Run the command of `FRACTURE_NOTIFY`, if there is one, with a sentence on an ended run.

    The sentence is its last argument: "demo: Finished 30 of 30 epochs." No shell reads it. A
    command that fails costs the run nothing; the run's log says why.
    """
    command = os.environ.get(VARIABLE, "").strip()
    if not command:
        return
    sentence = f"{folder.name}: {run_status.read(folder).message}"
    try:
        words = [*shlex.split(command), sentence]
        subprocess.run(words, timeout=SECONDS, check=True, stdin=subprocess.DEVNULL)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        print(f"The command of {VARIABLE} was not run to its end: {error}", flush=True)
