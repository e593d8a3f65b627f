"""Files that are replaced as a whole."""

import os
from pathlib import Path

import pytest

from fracture_core import files
from fracture_core.datasets import catalog
from fracture_core.errors import DataError, WriteFailed
from fracture_core.runs import run_folders


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_replaced_and_no_temporary_name_is_left(tmp_path) -> None:
    path = tmp_path / "status.json"
    files.replace_file(path, b"old")
    files.replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["status.json"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch) -> None:
    path = tmp_path / "status.json"
    files.replace_file(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteFailed) as raised:
        files.replace_file(path, b"new")
    assert str(raised.value) == (
        f"No space left on device: {path} could not be written. Free some space, then try again."
    )
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["status.json"]


def test_a_missing_folder_is_an_error_not_made_silently(tmp_path) -> None:
    with pytest.raises(OSError, match=r"No such file.*none/status.json could not be written"):
        files.replace_file(tmp_path / "none" / "status.json", b"x")


def test_a_refusal_names_the_file_as_the_person_would_and_what_to_do(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(WriteFailed) as raised, files.writing(tmp_path / "runs" / "a.json"):
        (tmp_path / "file" / "inside").mkdir()
    assert str(raised.value) == (
        "Not a directory: runs/a.json could not be written. "
        "Check the disk and its folder, then try again."
    )
    denied = PermissionError(13, "no", str(tmp_path / "labels.json"))
    assert files.refusal(denied) == (
        "Permission denied: labels.json could not be read or written. "
        "Give yourself permission to write there, then try again."
    )
    assert files.refusal(OSError("odd")).startswith("odd: a file could not be read or written.")


def _aged(path: Path, seconds: float) -> None:
    when = path.stat().st_mtime - seconds
    os.utime(path, (when, when))


def test_sweeping_removes_old_temporary_files_and_folders_only(tmp_path) -> None:
    file, folder, young = (files.temporary(tmp_path / name) for name in ("a", "b", "c"))
    file.write_bytes(b"half")
    folder.mkdir()
    (folder / "inside").write_bytes(b"half")
    young.write_bytes(b"being written")
    others = [tmp_path / ".hidden", tmp_path / "plain.tmp"]
    for path in others:
        path.write_bytes(b"mine")
    for path in (file, folder, *others):
        _aged(path, 120)
    files.sweep(tmp_path)
    assert names(tmp_path) == sorted(p.name for p in (young, *others))


def test_sweeping_can_take_young_ones_too(tmp_path) -> None:
    files.temporary(tmp_path / "a").write_bytes(b"half")
    files.sweep(tmp_path, older_than_seconds=-1)
    assert names(tmp_path) == []


def joined(before: bytes | None, text: bytes) -> bytes:
    return (before or b"") + text


def test_of_a_growing_file_only_new_lines_are_read(tmp_path) -> None:
    path, cache, calls = tmp_path / "steps.jsonl", {}, []

    def add(before: bytes | None, text: bytes) -> bytes:
        calls.append(text)
        return joined(before, text)

    def read() -> bytes:
        calls.clear()
        return files.appended(path, cache, add)

    assert read() == b""  # there is none yet
    path.write_bytes(b"one\ntwo\n")
    assert read() == b"one\ntwo\n"
    assert read() == b"one\ntwo\n" and calls == []
    with path.open("ab") as stream:
        stream.write(b"three\nfo")
    assert read() == b"one\ntwo\nthree\nfo" and calls == [b"three\n", b"fo"]
    with path.open("ab") as stream:
        stream.write(b"ur\n")
    assert read() == b"one\ntwo\nthree\nfour\n" and calls == [b"four\n"]


@pytest.mark.parametrize(
    "content",
    [b"one\n", b"", b"one\nthree\nfour\n", b"one\ntwx\n", b"two\n\ntwo\n", b"six\ntwo\n", b"tw"],
)
def test_a_file_that_was_replaced_is_read_from_its_start(tmp_path, content: bytes) -> None:
    path, cache = tmp_path / "steps.jsonl", {}
    path.write_bytes(b"one\ntwo\n")
    files.appended(path, cache, joined)
    files.replace_file(path, content)
    assert files.appended(path, cache, joined) == content


def test_a_file_that_has_gone_is_forgotten(tmp_path) -> None:
    path, cache = tmp_path / "steps.jsonl", {}
    path.write_bytes(b"one\n")
    files.appended(path, cache, joined)
    path.unlink()
    assert files.appended(path, cache, joined) == b"" and cache == {}


def test_what_cannot_be_made_of_new_lines_costs_nothing_of_the_old(tmp_path) -> None:
    path, cache = tmp_path / "steps.jsonl", {}
    path.write_bytes(b"one\n")
    files.appended(path, cache, joined)
    with path.open("ab") as stream:
        stream.write(b"two\n")
    with pytest.raises(ZeroDivisionError):
        files.appended(path, cache, lambda before, text: 1 / 0)
    assert files.appended(path, cache, joined) == b"one\ntwo\n"


def nested(folder: Path, depth: int) -> None:
    """Fill a folder with folders one in the other, deeper than a path can name, and a file."""
    at = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("inner", dir_fd=at)
        inner = os.open("inner", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(os.open("file", os.O_CREAT, dir_fd=at))
    os.close(at)


def test_folders_of_any_depth_are_walked_removed_and_swept(tmp_path) -> None:
    run = tmp_path / "runs" / "deep"
    (run / "beside").mkdir(parents=True)
    (run / "beside" / "file").write_bytes(b"0123456789")
    (run / "link").symlink_to(tmp_path)
    nested(run, 3_000)
    left_by_a_kill = tmp_path / "runs" / ".deep.0123.tmp"
    left_by_a_kill.mkdir()
    nested(left_by_a_kill, 1_500)
    assert files.megabytes(run) >= 10 / 1e6
    with pytest.raises(DataError, match=r"tmp|deep"):
        catalog.read(run)
    run_folders.delete(run)
    files.sweep(tmp_path / "runs", older_than_seconds=0.0)
    assert names(tmp_path / "runs") == []


def test_of_a_run_that_is_a_link_the_link_is_deleted(tmp_path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "file").touch()
    (tmp_path / "run").symlink_to(tmp_path / "far")
    run_folders.delete(tmp_path / "run")
    assert names(tmp_path) == ["far"]
    assert "file" in names(tmp_path / "far")


@pytest.mark.parametrize("target", ["/dev/zero", "/dev/null", "pipe"])
def test_a_line_is_appended_to_regular_files_alone(tmp_path, target) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "SHA256SUMS").symlink_to(tmp_path / target)
    with pytest.raises(WriteFailed, match=r"SHA256SUMS is no regular file\. Remove it, then try"):
        files.append_line(tmp_path / "SHA256SUMS", b"line\n")
