"""A server opened to a room: its host name, and the token that identifies its owner.

Off by default: everyone who reaches the server is then its owner. `FRACTURE_ROOM` is the host name
while a room is open.
"""

import hmac
import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path

from fracture_core.errors import ConfigError
from fracture_core.files import make_folder, replace_file
from fracture_core.folders import PROJECT, cache_folder

VARIABLE = "FRACTURE_ROOM"
TOKEN_BYTES = 32  # 256 random bits, too many to guess
_LOCAL = ("localhost", "127.0.0.1")
_LETTERS = set("abcdefghijklmnopqrstuvwxyz0123456789-.")


def host() -> str:
    """Return the name by which visitors reach this server; "" where no room is open."""
    return os.environ.get(VARIABLE, "").strip()


def token_path() -> Path:
    """Return the file with the owner's token, readable by its user alone."""
    return cache_folder() / "room_token"


def new_token() -> str:
    """Create and save a new owner's token; the old one becomes invalid.

    Raises:
        WriteFailed: the cache folder takes no file.
    """
    token, path = secrets.token_urlsafe(TOKEN_BYTES), token_path()
    make_folder(path.parent)
    replace_file(path, token.encode(), mode=0o600)  # never readable by others
    return token


def is_owners(token: str) -> bool:
    """Return whether this is the owner's token; false where there is none."""
    saved = b""
    with suppress(OSError):
        saved = token_path().read_bytes().strip()
    return bool(saved) and hmac.compare_digest(saved, token.strip().encode())


def checked_host(name: str) -> str:
    """Return the host name in lower case.

    Raises:
        ConfigError: it is empty, or an address with more than the host's name.
    """
    name = name.strip().lower()
    if name in _LOCAL:
        raise ConfigError(
            f"A room is for visitors from other machines; {name!r} is this machine's own name. "
            "Give the host name that they type, such as films.example.org; alone at this machine, "
            "start the app with streamlit run app.py."
        )
    if not name or not set(name) <= _LETTERS or name[0] in "-.":
        raise ConfigError(
            f"A room needs the host name that visitors type, such as films.example.org; received "
            f"{name!r}. Give the name alone, without https:// and without a port."
        )
    return name


def server_command(name: str, port: int) -> list[str]:
    """Return the command that starts the app for a room, on localhost behind its proxy."""
    command = [sys.executable, "-m", "streamlit", "run", str(PROJECT / "app.py")]
    command += ["--server.address", "localhost", "--server.port", str(port)]
    command += ["--server.headless", "true", "--browser.serverAddress", name]
    for allowed in (name, *_LOCAL):
        command += ["--server.allowedHosts", allowed]
    return command
