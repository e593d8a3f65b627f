"""The open set, fetched from a server on this machine that breaks off in the middle."""

import hashlib
import http.server
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fracture_core import locks
from fracture_core.cli import command_line
from fracture_core.datasets import catalog, download, open_set
from fracture_core.errors import DataError, Stopped
from fracture_core.jobs import fetch_job, launcher
from fracture_core.runs import run_status

LIST = "image_id,hand,hardware,fractured\nIMG1.jpg,1,0,1\nIMG2.jpg,1,0,0\n"


def packed(*more: tuple[str, bytes]) -> bytes:
    """FracAtlas with two films, padded so that it comes in several pieces."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("FracAtlas/dataset.csv", LIST)
        for folder, name in (("Fractured", "IMG1.jpg"), ("Non_fractured", "IMG2.jpg")):
            archive.writestr(f"FracAtlas/images/{folder}/{name}", bytes(1000))
        archive.writestr("FracAtlas/Annotations/a.bin", bytes(600_000))
        for name, content in more:
            archive.writestr(name, content)
    return stream.getvalue()


class Repository(http.server.ThreadingHTTPServer):
    """A repository with one record; each answer with the file ends after `breaks` bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.breaks, self.ranges = packed(), 200_000, True
        self.requests: list[str] = []
        self.record: dict[str, object] = {}
        self.licence = "CC BY 4.0"
        self.address = f"http://127.0.0.1:{self.server_port}/record"

    def described(self) -> dict[str, object]:
        file = {
            "name": "FracAtlas.zip",
            "size": len(self.content),
            "download_url": self.address.replace("record", "file"),
            "computed_md5": hashlib.md5(self.content, usedforsecurity=False).hexdigest(),
        }
        return {"files": [file | self.record], "license": {"name": self.licence}}


class Handler(http.server.BaseHTTPRequestHandler):
    server: Repository

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/record":
            self._send(200, json.dumps(self.server.described()).encode(), {})
            return
        wanted = self.headers.get("Range", "")
        self.server.requests.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-") or 0) if self.server.ranges else 0
        content, total = self.server.content[start:], len(self.server.content)
        headers = {"Content-Range": f"bytes {start}-{total - 1}/{total}"} if start else {}
        self._send(206 if start else 200, content, headers, self.server.breaks)

    def _send(self, code: int, content: bytes, headers: dict[str, str], most: int = 10**9) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[:most])  # and the connection ends, whatever was promised
        self.close_connection = True


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    monkeypatch.setattr(download, "WAIT_SECONDS", 0.0)
    with Repository() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv(open_set.VARIABLE, server.address)
        yield server
        server.shutdown()


def test_a_connection_that_breaks_off_is_continued_and_the_set_is_checked(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[int, int]] = []
    root = open_set.fetch(tmp_path / "open", lambda *each: shown.append(each))
    assert repository.requests == ["", "bytes=200000-", "bytes=400000-", "bytes=600000-"]
    assert [done for done, _ in shown] == sorted(done for done, _ in shown)
    assert shown[-1] == (len(repository.content), len(repository.content))
    names = {path.name for path in (tmp_path / "open").iterdir()}
    assert names == {"FracAtlas", open_set.LOCK}
    note = open_set.source(root)
    assert note["sha256"] == hashlib.sha256(repository.content).hexdigest()
    assert note["md5_checked"] and note["licence"] == "CC BY 4.0"
    monkeypatch.setenv("FRACTURE_CACHE", str(tmp_path / "cache"))
    data = catalog.read(root)
    assert (data.kind, len(data.manifest), data.ignored) == ("fracatlas", 2, ())
    repository.requests.clear()
    assert open_set.fetch(tmp_path / "open") == root and repository.requests == []


def test_a_stop_keeps_what_was_fetched_and_the_next_call_continues(
    repository: Repository, tmp_path: Path
) -> None:
    repository.breaks = 10**9
    seen: list[int] = []
    with pytest.raises(Stopped, match="the next start continues"):
        open_set.fetch(tmp_path, lambda done, _: seen.append(done), lambda: len(seen) > 1)
    part = tmp_path / "FracAtlas.zip.part"
    assert part.stat().st_size == download.PIECE
    open_set.fetch(tmp_path)
    assert repository.requests == ["", f"bytes={download.PIECE}-"]


def test_a_server_without_ranges_and_a_changed_file_begin_anew(
    repository: Repository, tmp_path: Path
) -> None:
    repository.ranges, repository.breaks = False, 10**9
    (tmp_path / "FracAtlas.zip.part").write_bytes(b"of another file")
    assert open_set.fetch(tmp_path).is_dir()
    assert repository.requests == [""]


def test_a_file_that_is_not_the_records_is_removed(repository: Repository, tmp_path: Path) -> None:
    repository.record = {"computed_md5": "0" * 32}
    with pytest.raises(DataError, match=r"not the expected one .*It was removed: try again"):
        open_set.fetch(tmp_path)
    assert not (tmp_path / "FracAtlas.zip.part").exists()


def test_without_a_checksum_that_is_said(repository: Repository, tmp_path: Path, capsys) -> None:
    repository.record = {"computed_md5": None}
    words = ["fetch", "fracatlas", str(tmp_path), "--accept-licence", "--from", repository.address]
    assert command_line.main(words) == 0
    printed = capsys.readouterr().out
    assert "CC BY 4.0" in printed and "its record names no checksum; SHA-256" in printed


def test_nothing_is_requested_before_the_licence_is_accepted(
    repository: Repository, tmp_path: Path, capsys
) -> None:
    assert command_line.main(["fetch", "fracatlas", str(tmp_path)]) == 2
    assert "accept the licence (--accept-licence)" in capsys.readouterr().err
    assert repository.requests == []


def test_a_licence_that_has_changed_is_refused(repository: Repository, tmp_path: Path) -> None:
    repository.licence = "All rights reserved"
    with pytest.raises(DataError, match="licence is 'All rights reserved' now"):
        open_set.fetch(tmp_path)


def test_without_a_network_one_sentence_says_what_to_do(tmp_path: Path, capsys) -> None:
    words = ["fetch", "fracatlas", str(tmp_path), "--accept-licence"]
    assert command_line.main([*words, "--from", "http://127.0.0.1:9/record"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("127.0.0.1:9 cannot be reached (Connection refused). Check the network")
    assert command_line.main([*words, "--from", "file:///etc/passwd"]) == 2
    assert "is no web address" in capsys.readouterr().err


def test_a_server_that_sends_nothing_more_is_left_after_some_tries(
    repository: Repository, tmp_path: Path
) -> None:
    repository.breaks = 0
    with pytest.raises(DataError, match=r"0% of it is kept: the next try continues"):
        open_set.fetch(tmp_path)
    assert len(repository.requests) == download.TRIES


@pytest.mark.parametrize("name", ["../out.txt", "/abs.txt", "a/../../out.txt", "C:\\out.txt"])
def test_no_file_is_written_outside(repository: Repository, tmp_path: Path, name: str) -> None:
    repository.content, repository.breaks = packed((name, b"x")), 10**9
    with pytest.raises(DataError, match="leads out of its folder"):
        open_set.fetch(tmp_path / "open")
    assert not list(tmp_path.glob("**/*.txt"))
    assert not (tmp_path / "open" / "FracAtlas").exists()


def test_the_app_fetches_in_a_child(repository: Repository, folders: Path) -> None:
    folder = fetch_job.start(folders / "open")
    for child in launcher._children:
        child.wait(timeout=60)
    status = run_status.read(folder)
    assert status.state is run_status.State.FINISHED, status.message
    assert (folders / "open" / "FracAtlas" / "dataset.csv").is_file()


def test_a_second_process_does_not_fetch_into_the_same_folder(tmp_path: Path) -> None:
    with locks.held(tmp_path / open_set.LOCK), pytest.raises(DataError, match="Another process"):
        open_set.fetch(tmp_path, address="http://localhost:9/record")
