"""Networks of the user's own whose code the owner has allowed on this machine, by their hash.

A file for each hash lies beside the other settings of this machine, never in a run's or model's
folder: what comes from elsewhere cannot allow itself. To delete it withdraws the permission.
"""

from pathlib import Path

from fracture_core.config.network_options import OwnNetwork
from fracture_core.errors import ModelError
from fracture_core.files import make_folder, replace_file
from fracture_core.folders import cache_folder


def is_allowed(sha256: str) -> bool:
    """Tell whether the source of this hash may be run here."""
    return _place(sha256).is_file()


def allow(sha256: str, file: str) -> None:
    """Allow the source of this hash from now on.

    Args:
        sha256: of the source.
        file: its name, for people who look into the folder.

    Raises:
        WriteFailed: no space or no permission.
    """
    if not is_allowed(sha256):
        make_folder(_place(sha256).parent)
        replace_file(_place(sha256), f"{file}\n".encode())


def check(own: OwnNetwork | None) -> None:
    """Refuse a network whose code is not allowed here; `None` has no code.

    Raises:
        ModelError: says how to allow it.
    """
    if own and not is_allowed(own.sha256):
        raise ModelError(
            f"The network {own} is code that is not allowed on this machine. Read it with "
            "python -m fracture_core network NAME, the name of its run or model; if you trust it, "
            "add --allow, or press Allow on Diagnose. If it has none yet, train with "
            "--network-file FILE."
        )


def _place(sha256: str) -> Path:
    return cache_folder() / "allowed_networks" / sha256
