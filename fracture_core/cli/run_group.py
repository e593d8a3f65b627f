"""Groups of runs in the commands: found by name, followed, resumed, asked to stop.

Modules that load pandas are imported by the function that needs them, so that `--help` is quick.
"""

import sys
import time
from typing import TYPE_CHECKING

from fracture_core.cli import terminal
from fracture_core.errors import ConfigError, RunError
from fracture_core.folders import runs_folder
from fracture_core.runs import run_folders, run_requests
from fracture_core.words import duration, plural

if TYPE_CHECKING:
    from fracture_core.cross_validation.group import Group
    from fracture_core.run_groups.group_progress import Progress
    from fracture_core.sweeps.sweep import Sweep

POLL_SECONDS = 0.5  # between two looks at the runs that are followed


def find(name: str) -> "Group | Sweep | None":
    """Return the group that a command's argument names; a run or model of the name comes first."""
    if run_folders.exists(name):
        return None  # before pandas is loaded
    from fracture_core.cross_validation import group
    from fracture_core.models import model_names
    from fracture_core.sweeps import sweep

    if name in model_names.released():
        return None
    if group.exists(name):
        return group.find(name)
    return sweep.find(name) if sweep.exists(name) else None


def follow(value: "Group | Sweep", as_json: bool) -> "Progress":
    """Show a group's progress until no run is active; Ctrl-C asks all to stop."""
    from fracture_core.run_groups import group_progress, members

    stream = sys.stderr if as_json else sys.stdout
    print(f"{value.name}: {plural(len(value.planned), value.noun)} in {runs_folder()}", file=stream)
    while True:
        try:
            progress = group_progress.progress(value, members.read(value))
            if not progress.active:
                break
            terminal.show_line(line(progress))
            time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            members.stop(value)
    terminal.show_line("")
    for sentence in progress.problems:
        terminal.print_line(sentence, file=sys.stderr)
    if progress.finished < progress.runs:
        print(f"{progress.words.capitalize()}. Go on with: resume {value.name}", file=stream)
    return progress


def line(progress: "Progress") -> str:
    """Return the progress line of a group: "1 of 5 folds done, training 43%, 2 min left"."""
    left = progress.seconds_left
    words = f", {duration(left)} left" if left else ""
    return f"{progress.words} {progress.share:.0%}{words}"


def resume(value: "Group | Sweep", more_epochs: int) -> None:
    """Start or resume the unfinished runs of a group.

    Raises:
        ConfigError: more epochs are asked for.
        RunError: see `members.start`.
    """
    from fracture_core.run_groups import members

    if more_epochs:
        raise ConfigError(
            f"The {value.noun}s of {value.name} train for the epochs that were planned. Resume it "
            "without --more-epochs, or start another one with more --epochs."
        )
    members.start(value)


def stop(value: "Group | Sweep", after_epoch: bool) -> None:
    """Ask the active runs of a group to stop.

    Raises:
        RunError: none is active.
    """
    from fracture_core.run_groups import members

    active = [run for run in members.read(value) if run.status.state.alive]
    if not active:
        raise RunError(f"No {value.noun} of {value.name} is active.")
    for run in active:
        run_requests.send(run.folder, "stop_after_epoch" if after_epoch else "stop")
    print(f"Asked {plural(len(active), value.noun)} of {value.name} to stop.")
