"""Requests keep their order, and one that cannot be read costs no other."""

import subprocess
import sys
import time

import pytest

from fracture_core.errors import (
    WriteFailed,
)
from fracture_core.runs import (
    run_requests,
)


def test_requests_wait_in_the_order_in_which_they_were_made(folder) -> None:
    run_requests.send(folder, "more_epochs", epochs=3)
    run_requests.send(folder, "stop_after_epoch")
    run_requests.send(folder, "stop")
    (folder / "requests" / ".half").write_text("{")
    kinds = [value["kind"] for _, value in run_requests.waiting(folder)]
    assert kinds == ["more_epochs", "stop_after_epoch", "stop"]
    assert run_requests.has(folder, "stop")


def test_requests_keep_their_order_when_the_clock_is_set_back(folder, monkeypatch) -> None:
    run_requests.send(folder, "learning_rate", rate=0.1)
    monkeypatch.setattr(time, "time_ns", lambda: 10**18)
    run_requests.send(folder, "learning_rate", rate=0.01)
    run_requests.send(folder, "learning_rate", rate=0.001)
    rates = [value["rate"] for _, value in run_requests.waiting(folder)]
    assert rates == [0.1, 0.01, 0.001]


SENDER = """import sys; from pathlib import Path; from fracture_core.runs import run_requests
sys.stdin.readline()
for number in range(20):
    run_requests.send(Path(sys.argv[1]), "more_epochs", sender=sys.argv[2], number=number)
"""


def test_of_two_who_ask_at_once_both_are_heard_each_in_order(folder) -> None:
    command = [sys.executable, "-c", SENDER, str(folder)]
    both = [subprocess.Popen([*command, sender], stdin=subprocess.PIPE) for sender in "ab"]
    for process in both:
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in both:
        process.communicate()
        assert process.returncode == 0
    requests = [value for _, value in run_requests.waiting(folder)]
    assert len(requests) == 40
    for sender in "ab":
        assert [v["number"] for v in requests if v["sender"] == sender] == list(range(20))


def test_a_request_that_cannot_be_read_costs_no_other(folder) -> None:
    (folder / "requests" / "00000000000000000001-a.json").write_text('{"kind": "st')
    (folder / "requests" / "00000000000000000002-b.json").write_text('{"epochs": 3}')
    (folder / "requests" / "00000000000000000003-c.json").write_bytes(b"\xff[[")
    run_requests.send(folder, "stop")
    assert [value["kind"] for _, value in run_requests.waiting(folder)] == ["stop"]


def test_a_request_that_the_disk_refuses_is_a_sentence(folder) -> None:
    (folder / "requests").rmdir()
    with pytest.raises(WriteFailed, match=r"could not be written\. Check the disk"):
        run_requests.send(folder, "stop")
