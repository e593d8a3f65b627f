"""Versions of the packages that decide a run's numbers."""

import importlib.metadata
import platform


def installed() -> dict[str, str]:
    """Return name -> version of Python and of each package that decides a run's numbers."""
    names = ("tensorflow", "keras", "numpy", "pillow")
    packages = {name: importlib.metadata.version(name) for name in names}
    return {"python": platform.python_version(), **packages}
