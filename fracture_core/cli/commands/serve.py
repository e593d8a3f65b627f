"""The command `room`: the app, served to visitors."""

import argparse
import os
import sys

from fracture_core import room
from fracture_core.cli import Command
from fracture_core.folders import PROJECT


def _room_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", help="host name that visitors type, as in films.example.org")
    parser.add_argument("--port", type=int, default=8501, help="port on this machine (8501)")


def _room(options: argparse.Namespace) -> int:
    """Print the addresses, then become the server until it is stopped."""
    host = room.checked_host(options.host)
    token = room.new_token()
    print(f"Visitors: https://{host}/ (they browse, watch and upload films)")
    print(f"You, on this machine: http://localhost:{options.port}/?owner={token}")
    print(f"You, from elsewhere: https://{host}/ with this token under Visitor, Owner's token.")
    print(f"The token is saved in {room.token_path()} and changes at every start.")
    print("Put a proxy with TLS in front of it, see docs/security.md. Ctrl-C stops the server.")
    sys.stdout.flush()
    environment = os.environ | {room.VARIABLE: host}
    os.chdir(PROJECT)  # where .streamlit/config.toml lies
    os.execve(sys.executable, room.server_command(host, options.port), environment)


COMMANDS = {"room": Command(add_arguments=_room_arguments, run=_room)}
