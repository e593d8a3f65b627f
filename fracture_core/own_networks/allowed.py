"""Networks of the user's own whose code the owner has allowed on this machine, by their hash.

The list lies beside the other settings of this machine, never in a run's or model's folder: what
comes from elsewhere cannot allow itself.
"""

import json
from pathlib import Path

from fracture_core import file_reader
from fracture_core.config.network_options import OwnNetwork
from fracture_core.errors import FileRefused, ModelError
from fracture_core.files import make_folder, replace_file
from fracture_core.folders import cache_folder


def is_allowed(sha256: str) -> bool:
    """Tell whether the source of this hash may be run here."""
    return sha256 in _files()


def allow(sha256: str, file: str) -> None:
    """Allow the source of this hash from now on.

    Args:
        sha256: of the source.
        file: its name, for people who read the list.

    Raises:
        WriteFailed: no space or no permission.
    """
    if is_allowed(sha256):
        return
    make_folder(_path().parent)
    replace_file(_path(), json.dumps(_files() | {sha256: file}, indent=2).encode())


def check(own: OwnNetwork | None) -> None:
    """Refuse a network whose code is not allowed here; `None` has no code.

    Raises:
        ModelError: says how to allow it.
    """
    if own and not is_allowed(own.sha256):
        raise ModelError(
            f"The network {own} is code that is not allowed on this machine. Read it with "
            "python -m fracture_core network NAME, the name of its run or model; if you trust it, "
            "add --allow, or press Allow on Diagnose."
        )


def _files() -> dict[str, str]:
    """Return the names of the allowed files by their hash; none where the list is damaged."""
    try:
        files = file_reader.read_json(_path())
    except FileRefused:
        return {}
    return files if isinstance(files, dict) else {}


def _path() -> Path:
    return cache_folder() / "allowed_networks.json"
