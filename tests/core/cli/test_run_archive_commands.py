"""`runs export` and `runs import`: a run as one file, on the command line."""

import shutil
from pathlib import Path

import pytest

from fracture_core.runs import run_folders
from tests.core.cli.printed_words import printed


def test_a_run_leaves_as_a_file_and_comes_back_under_another_name(
    run_copy: Path, phantom_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "finished.run.zip"
    moved = Path(shutil.copytree(phantom_root, tmp_path / "moved"))
    text = printed(capsys, "runs", "export", "finished", str(out))
    assert f"{out}: " in text and "without films" in text and "MB" in text
    text = printed(capsys, "runs", "import", str(out), "--name", "copy", "--data", str(moved))
    assert f"copy is imported: three_conv, 3 epochs. Its films: {moved}." in text
    assert set(run_folders.names()) == {"finished", "copy"}
    assert "A run called 'copy' exists" in printed(
        capsys, "runs", "import", str(out), "--name", "copy", status=2
    )
    listed = printed(capsys, "runs")
    assert "finished" in listed and "copy" in listed


def test_what_cannot_be_exported_or_imported_gets_a_sentence(
    folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "No run is called 'none'" in printed(capsys, "runs", "export", "none", status=2)
    assert "is no archive of a run" in printed(
        capsys, "runs", "import", str(tmp_path / "none.run.zip"), status=2
    )
