"""Versions of the packages that a run's numbers depend on."""

import importlib.metadata
import platform


def installed() -> dict[str, str]:
    """Return name -> version of Python and of each package that a run's numbers depend on."""
    names = ("tensorflow", "keras", "numpy", "pillow")
    packages = {name: importlib.metadata.version(name) for name in names}
    return {"python": platform.python_version(), **packages}
