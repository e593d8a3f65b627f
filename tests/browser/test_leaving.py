"""Requests that the server answers, and those that it never makes: a real server over loopback."""

import http.client
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import Server, free_port

WATCH = """
import json, os, sys

def _note(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        asked = arguments[1] if event == "socket.connect" else arguments[:2]
        with open(os.environ["ASKED"], "a") as file:
            file.write(json.dumps([event, repr(asked)]) + "\\n")

sys.addaudithook(_note)
"""  # what Python itself tells of; nothing of the server is replaced
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, phantom_root: Path) -> Iterator[Server]:
    """A server whose every connection and look-up is written down; a dead end is its proxy."""
    folder = tmp_path_factory.mktemp("watched")
    (folder / "sitecustomize.py").write_text(WATCH)
    with socket.socket() as dead_end, pytest.MonkeyPatch.context() as patch:
        dead_end.bind(("127.0.0.1", 0))  # and never listens
        proxy = f"http://127.0.0.1:{dead_end.getsockname()[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            patch.setenv(name, proxy)
        patch.setenv("NO_PROXY", "localhost")  # the tests' own questions
        patch.setenv("PYTHONPATH", str(folder))
        patch.setenv("ASKED", str(folder / "asked.jsonl"))
        app = Server(folder=folder, data=phantom_root, port=free_port())
        app.start()
        yield app
        app.stop()


def asked(server: Server) -> list[str]:
    """Addresses that the server connected to or looked up, those of its own machine aside."""
    file = server.folder / "asked.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    proxy = os.environ["HTTP_PROXY"].rsplit(":", 1)[1]
    own = ("'localhost'", "'127.0.0.1'", "'::1'")
    return [
        f"{event} {address}"
        for event, address in lines
        if proxy in address or not any(name in address for name in own)
    ]


def answer(
    server: Server, path: str, host: str, method: str = "GET", **headers: str
) -> tuple[int, str]:
    """Status and body of a request over loopback under any Host header."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest(method, path, skip_host=True)
    for name, value in ({"Host": host} | headers).items():
        connection.putheader(name, value)
    connection.endheaders()
    response = connection.getresponse()
    body = "" if response.status == 101 else response.read().decode(errors="replace")
    connection.close()
    return response.status, body


def socket_status(server: Server, host: str, origin: str | None = None) -> int:
    """Status of a WebSocket handshake: 101 where it is opened."""
    headers = HANDSHAKE | ({"Origin": origin} if origin else {})
    return answer(server, "/_stcore/stream", host, **headers)[0]


def test_a_foreign_origin_is_refused_at_the_first_connection_and_nobody_is_asked(
    watched: Server,
) -> None:
    host = f"localhost:{watched.port}"
    # The very first handshake: no visit has run `app.py` yet.
    first = answer(watched, "/_stcore/stream", host, **HANDSHAKE, Origin="http://evil.example")
    assert first[0] == 403
    assert "received the Origin 'http://evil.example'" in first[1]
    hidden = (f"http://localhost.evil.example:{watched.port}", f"http://{host}@evil.example")
    for origin in ("null", "http://[::1", "file://", "http://localhost:1", *hidden):
        assert socket_status(watched, host, origin) == 403, origin
    assert socket_status(watched, host, f"http://{host}") == 101
    assert asked(watched) == []
    log = (watched.folder / "server.log").read_text()
    assert "Refused '/_stcore/stream': This server answers only its own pages" in log


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "localhost."])
def test_the_server_answers_under_its_own_names(watched: Server, name: str) -> None:
    for host in (name, f"{name}:{watched.port}"):
        assert socket_status(watched, host) == 101
        assert socket_status(watched, host, f"http://{host}") == 101
        assert answer(watched, "/_stcore/health", host) == (200, "ok")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "0.0.0.0",
        "",
        "localhost@evil",
        "evil.example/localhost",
        "192.168.0.10",
    ],
)
def test_under_a_foreign_name_nothing_is_answered(watched: Server, host: str) -> None:
    # Such a page has been led here by its own name server, and is its own origin.
    assert socket_status(watched, host, f"http://{host}") in (400, 403)
    for path in (
        "/",
        "/diagnose",
        "/_stcore/health",
        "/_stcore/host-config",
        "/media/0.png",
        "/component/any/index.html",
        "/static/js/index.js",
    ):
        status, body = answer(watched, path, host)
        assert status in (400, 403), path
        assert status == 400 or "--server.allowedHosts" in body
    status, _ = answer(watched, "/_stcore/upload_file/a/b", host, method="PUT")
    assert status in (400, 403)
    assert asked(watched) == []


def test_behind_a_proxy_the_names_of_the_command_line_hold(
    tmp_path: Path, phantom_root: Path
) -> None:
    options = (
        "--browser.serverAddress=films.example.org",
        "--server.allowedHosts=films.example.org",
        "--server.allowedHosts=localhost",
    )  # docs/security.md tells these
    app = Server(folder=tmp_path, data=phantom_root, port=free_port(), options=options)
    app.start()
    try:
        assert socket_status(app, "films.example.org", "https://films.example.org") == 101
        # A proxy that names the server instead of passing the browser's Host on.
        assert socket_status(app, f"localhost:{app.port}", "https://films.example.org") == 101
        assert socket_status(app, f"localhost:{app.port}", "https://evil.example") == 403
        assert socket_status(app, "127.0.0.1", "http://127.0.0.1") == 403
        assert answer(app, "/_stcore/health", "films.example.org") == (200, "ok")
        assert "http://films.example.org" in (tmp_path / "server.log").read_text()
    finally:
        app.stop()


def test_a_server_with_a_desk_opens_its_address_in_the_browser(
    tmp_path: Path, phantom_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opener = tmp_path / "bin" / ("open" if sys.platform == "darwin" else "xdg-open")
    opener.parent.mkdir()
    note = tmp_path / "opened"
    opener.write_text(f'#!/bin/sh\necho "$@" > {note}.part && mv {note}.part {note}\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", f"{opener.parent}:{os.environ['PATH']}")
    options = ("--server.headless=false",)
    app = Server(folder=tmp_path, data=phantom_root, port=free_port(), options=options)
    app.start()
    app.stop()  # it starts the browser before it answers, and waits for none
    for _ in range(300):
        if note.exists():
            break
        time.sleep(0.1)
    assert note.read_text().strip() == app.url
