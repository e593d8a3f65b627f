"""The choice of who starts runs: this machine, or a scheduler."""

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar

from fracture_core.errors import ConfigError

LAUNCHERS = {"local": "This machine", "slurm": "Slurm"}  # name -> title
VARIABLE = "FRACTURE_LAUNCHER"  # who starts runs unless a person chooses: a key of `LAUNCHERS`
_chosen: ContextVar[str | None] = ContextVar("launcher", default=None)


@contextlib.contextmanager
def through(name: str | None) -> Iterator[None]:
    """Have this launcher start the runs of a `with` block: a key of `LAUNCHERS`.

    `None` leaves the choice to `FRACTURE_LAUNCHER`, and to where a resumed run was before.
    """
    token = _chosen.set(name)
    try:
        yield
    finally:
        _chosen.reset(token)


def chosen() -> str | None:
    """Return the launcher of the `through` block that this is in, if there is one."""
    return _chosen.get()


def usual() -> str:
    """Return who starts runs unless a person chooses: `FRACTURE_LAUNCHER`, else "local".

    Raises:
        ConfigError: there is no such launcher.
    """
    name = os.environ.get(VARIABLE) or "local"
    if name not in LAUNCHERS:
        raise ConfigError(
            f"{VARIABLE} must be one of {', '.join(LAUNCHERS)}; received {name[:100]!r}."
        )
    return name
