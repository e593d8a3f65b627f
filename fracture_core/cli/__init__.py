"""The command line; here the record of a command: its arguments and its action."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command of the command line.

    Args:
        add_arguments: adds the command's arguments to its parser.
        run: carries the command out; returns the exit status, `None` for 0.
    """

    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int | None]
