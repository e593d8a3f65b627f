"""The command that is run when a run has ended."""

import sys
from pathlib import Path

import pytest

from fracture_core.jobs import end_command
from fracture_core.runs import run_status


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the command writes its last argument into."""
    file = tmp_path / "a file"
    script = tmp_path / "write it.py"
    script.write_text("import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.argv[-1])")
    monkeypatch.setenv("FRACTURE_NOTIFY", f"{sys.executable} '{script}' '{file}'")
    return file


def test_it_gets_one_sentence_that_no_shell_reads(run_copy: Path, writer: Path) -> None:
    before = run_status.read(run_copy).__dict__
    message = "The loss is not a number; $(touch here) `ls`."
    run_status.write(run_copy, run_status.Status(**{**before, "message": message}))
    end_command.run(run_copy)
    assert writer.read_text() == f"{run_copy.name}: {message}"


@pytest.mark.parametrize("command", ["/nowhere/at-all", "'unclosed", "false"])
def test_one_that_fails_costs_nothing_and_is_named(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, command: str
) -> None:
    monkeypatch.setenv("FRACTURE_NOTIFY", command)
    end_command.run(run_copy)
    assert "FRACTURE_NOTIFY was not run to its end" in capsys.readouterr().out


def test_without_one_nothing_is_run(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.delenv("FRACTURE_NOTIFY", raising=False)
    end_command.run(run_copy)
    assert capsys.readouterr().out == ""
