"""Start of a child process: its command, its environment, its session."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO

from fracture_core.folders import PROJECT


def environment() -> dict[str, str]:
    """Return a child's environment: this process's, able to import this package."""
    path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    # Several runs share one GPU.
    return os.environ | {"PYTHONPATH": path, "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


def command(arguments: Sequence[str]) -> list[str]:
    """Return the words that start a child; see `cli.child` for its arguments."""
    return [sys.executable, "-m", "fracture_core.cli.child", *arguments]


def start(
    arguments: Sequence[str],
    output: IO[bytes],
    descriptors: Sequence[int] = (),
    variables: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `python -m fracture_core.cli.child ...` in its own session.

    Args:
        arguments: kind of work, folder and options; see `cli.child`.
        output: file for what it prints.
        descriptors: open files to hand down.
        variables: of the environment, beside `environment`.
    """
    return subprocess.Popen(
        command(arguments),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=environment() | dict(variables or {}),
        pass_fds=tuple(descriptors),
        start_new_session=True,
    )
