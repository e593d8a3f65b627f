"""A room: its token is random, readable by its owner alone, and compared as a whole."""

import stat
from itertools import pairwise
from pathlib import Path

import pytest

from fracture_core import room
from fracture_core.cli import command_line
from fracture_core.errors import ConfigError


def test_a_token_is_long_kept_for_its_user_alone_and_new_each_time(folders: Path) -> None:
    assert not room.is_owners("") and not room.is_owners("anything")
    token = room.new_token()
    assert len(token) >= 43  # 256 bits
    assert stat.S_IMODE(room.token_path().stat().st_mode) == 0o600
    assert room.is_owners(token) and room.is_owners(f" {token}\n")
    for wrong in ("", token[:-1], f"{token}x", token.swapcase(), "ä"):
        assert not room.is_owners(wrong)
    other = room.new_token()
    assert other != token and room.is_owners(other) and not room.is_owners(token)
    assert [path.name for path in room.token_path().parent.iterdir()] == ["room_token"]


def test_an_empty_token_file_makes_no_owner(folders: Path) -> None:
    room.token_path().write_text("\n")
    assert not room.is_owners("") and not room.is_owners("\n")


@pytest.mark.parametrize(
    "name", ["", "https://films.example.org", "a b", "films:8501", "localhost", "-x", "films/y"]
)
def test_what_is_no_host_name_is_refused(
    name: str, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError):
        room.checked_host(name)
    if name != "-x":  # an option of no command
        assert command_line.main(["room", name]) == 2
        assert "films.example.org" in capsys.readouterr().err
    assert not room.token_path().exists()


def test_this_machines_own_name_is_no_room_and_the_sentence_says_why(folders: Path) -> None:
    with pytest.raises(ConfigError, match="other machines; 'localhost' is this machine's own"):
        room.checked_host("LocalHost")


def test_the_server_answers_on_this_machine_alone_under_its_own_names() -> None:
    command = room.server_command("films.example.org", 8600)
    allowed = [value for option, value in pairwise(command) if option == "--server.allowedHosts"]
    assert allowed == ["films.example.org", "localhost", "127.0.0.1"]
    assert command[command.index("--server.address") + 1] == "localhost"
    assert not any("token" in word for word in command)


def test_without_a_room_there_is_no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(room.VARIABLE, raising=False)
    assert room.host() == ""
