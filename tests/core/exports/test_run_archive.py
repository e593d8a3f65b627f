"""A run as one file: everything comes back, and nothing else gets in."""

import io
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from fracture_core import checksums
from fracture_core.analysis import comparison
from fracture_core.datasets import catalog
from fracture_core.epochs import predictions
from fracture_core.errors import DamagedFile, DataError, RunBusy, RunError, RunNameTaken
from fracture_core.exports import run_archive
from fracture_core.folders import runs_folder
from fracture_core.jobs import launcher
from fracture_core.runs import journal, run_config, run_folders, run_lock, run_status


def run_of(folder: Path) -> run_folders.Run:
    return run_folders.read(folder)


@pytest.fixture
def archive(run_copy: Path, tmp_path: Path) -> Path:
    out = tmp_path / "out"
    out.mkdir()
    return run_archive.write(run_of(run_copy), out).path


def test_a_run_comes_back_with_every_file_that_its_pages_need(
    run_copy: Path, archive: Path
) -> None:
    assert archive.name == "finished.run.zip"
    folder = run_archive.read(archive, "copy")
    assert folder == runs_folder() / "copy"
    for path in run_copy.rglob("*"):
        name = path.relative_to(run_copy).as_posix()
        if path.is_file() and name != "lock" and not name.startswith("requests/"):
            assert (folder / name).read_bytes() == path.read_bytes(), name
    before, after = run_of(run_copy), run_of(folder)
    assert (after.config, after.facts, after.status) == (
        before.config,
        before.facts,
        before.status,
    )
    assert comparison.outcome(folder) == comparison.outcome(run_copy)
    assert predictions.best_epoch(folder) == predictions.best_epoch(run_copy)
    assert not checksums.damaged(folder) and not list(runs_folder().glob(".*copy*"))
    with pytest.raises(RunNameTaken):
        run_archive.read(archive, "copy")


@pytest.mark.slow
def test_a_run_that_was_read_back_goes_on_where_it_stopped(
    run_copy: Path, archive: Path, phantom_root: Path, tmp_path: Path
) -> None:
    """Resumed with its films in another folder, it trains as the original does, bit for bit."""
    moved = Path(shutil.copytree(phantom_root, tmp_path / "elsewhere"))
    folder = run_archive.read(archive, "copy", data=moved)
    assert run_of(folder).config.data == str(moved)
    assert run_of(folder).data_root == moved  # the films that it was trained on lie there too
    for each in (run_copy, folder):
        launcher.resume(each, more_epochs=1, wait_for_slot=False)
        assert launcher.wait(each).state is run_status.State.FINISHED
    tables = [(each / "predictions" / "epoch_0004.npy").read_bytes() for each in (run_copy, folder)]
    assert tables[0] == tables[1]


def test_a_folder_that_lacks_films_of_the_run_is_refused_and_leaves_no_run(
    archive: Path, run_copy: Path, phantom_root: Path, tmp_path: Path
) -> None:
    fewer = Path(shutil.copytree(phantom_root, tmp_path / "fewer"))
    first = journal.films(run_copy)["path"].iloc[0]
    (fewer / first).unlink()
    with pytest.raises(
        RunError, match=rf"lacks 1 of its .* films, first {first}\. Name the folder"
    ):
        run_archive.read(archive, "copy", data=fewer)
    with pytest.raises(RunError, match="nowhere lacks"):
        run_archive.read(archive, "copy", data=tmp_path / "nowhere")
    assert not run_folders.exists("copy")


def test_the_folder_above_the_films_may_be_named_as_before(
    archive: Path, run_copy: Path, phantom_root: Path, tmp_path: Path
) -> None:
    run_config.complete(
        run_copy,
        config=replace(run_of(run_copy).config, data=str(phantom_root.parent)).to_dict(),
    )
    above = run_archive.write(run_of(run_copy), tmp_path / "above.run.zip").path
    moved = Path(shutil.copytree(phantom_root, tmp_path / "other" / phantom_root.name))
    for name, data in (("parent", moved.parent), ("itself", moved)):
        folder = run_archive.read(above, name, data=data)
        assert run_of(folder).data_root == moved


def test_films_go_with_it_when_asked(run_copy: Path, tmp_path: Path) -> None:
    path = run_archive.write(run_of(run_copy), tmp_path / "whole.run.zip", films=True).path
    folder = run_archive.read(path, "copy", films=tmp_path / "films")
    config = run_of(folder).config
    assert config.data == str(tmp_path / "films")
    assert run_of(folder).data_root == tmp_path / "films"
    there = catalog.read(Path(config.data))
    assert there.hash == run_of(folder).data.hash
    with pytest.raises(RunError, match="holds files already"):
        run_archive.read(path, "other", films=tmp_path / "films")
    assert not run_folders.exists("other")
    (tmp_path / "films").rename(tmp_path / "gone")
    with pytest.raises(DataError):
        run_archive.write(run_of(folder), tmp_path / "again.run.zip", films=True)
    assert not (tmp_path / "again.run.zip").exists()


def test_an_active_or_damaged_run_is_not_exported(run_copy: Path, tmp_path: Path) -> None:
    with run_lock.hold(run_copy), pytest.raises(RunBusy):
        run_archive.write(run_of(run_copy), tmp_path)
    table = run_copy / "predictions" / "epoch_0001.npy"
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedFile, match=r"1 damaged file \(predictions/epoch_0001.npy\)"):
        run_archive.write(run_of(run_copy), tmp_path)
    assert not list(tmp_path.glob("*.zip"))


def packed(archive: Path, **changes: bytes | None) -> io.BytesIO:
    """Return an archive with some entries replaced, added or (`None`) left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            if name not in changes:
                new.writestr(name, old.read(name))
        for name, content in changes.items():
            if content is not None:
                new.writestr(name, content)
    out.seek(0)
    return out


@pytest.mark.parametrize(
    "name",
    [
        "../../outside.txt",
        "/etc/outside.txt",
        "checkpoints/../../outside.txt",
        "code.py",
        "requests/1.json",
        "films/../outside.png",
        "films/C:/outside.png",
        "films/a\\..\\..\\outside.png",
    ],
)
def test_a_name_that_no_run_has_is_refused_and_nothing_is_written(archive: Path, name: str) -> None:
    with pytest.raises(RunError, match="is no archive of a run"):
        run_archive.read(packed(archive, **{name: b"x"}), "evil")
    assert run_folders.names() == ["finished"]
    assert not list(archive.parent.parent.rglob("outside*"))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"{}"),
        ("config.json", None),
        ("predictions/epoch_0002.npy", b"x"),
        ("predictions/epoch_0002.npy", None),
        ("films.parquet", b""),
    ],
)
def test_a_changed_or_missing_file_is_found_before_the_run_appears(
    archive: Path, name: str, content: bytes | None
) -> None:
    with pytest.raises(RunError, match=r"damaged or missing|no archive of a run"):
        run_archive.read(packed(archive, **{name: content}), "changed")
    assert run_folders.names() == ["finished"]


def test_what_is_no_zip_or_cut_short_is_refused(archive: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.run.zip"
    text.write_text("no zip")
    short = tmp_path / "short.run.zip"
    short.write_bytes(archive.read_bytes()[:-200])
    for path in (text, short, tmp_path / "none.run.zip"):
        with pytest.raises(RunError, match="is no archive of a run, or is cut short"):
            run_archive.read(path)
    broken = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as listed:
        place = listed.getinfo("films.parquet").header_offset + 100
    broken[place : place + 8] = b"\0" * 8
    with pytest.raises(RunError):
        run_archive.read(io.BytesIO(bytes(broken)), "broken")
    assert run_folders.names() == ["finished"]
