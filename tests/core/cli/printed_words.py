"""Output of a command, for tests of commands."""

import pytest

from fracture_core.cli import command_line


def printed(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    """Run a command that ends with this status; return its output, or its error."""
    assert command_line.main(list(words)) == status
    said = capsys.readouterr()
    return said.out if status == 0 else said.err
