"""A disk that refuses one write, or all from then on, at every place where an action writes.

What was there stays as it was or is replaced as a whole, the sentence names a file and the next
step, and the same action works when the disk takes writes again.
"""

import errno
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fracture_core import checksums, files, room
from fracture_core.audit import audit_job
from fracture_core.audit.findings import Audit
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog, chosen_data, exclusions
from fracture_core.datasets.exclusions import Exclusions
from fracture_core.epochs import checkpoints, forks
from fracture_core.errors import FractureError, WriteFailed
from fracture_core.evaluations import evaluation, evaluation_file
from fracture_core.folders import PROJECT
from fracture_core.jobs import launcher
from fracture_core.models import model_files, stored_models
from fracture_core.phantom import phantom_set
from fracture_core.prediction import gate_file, gate_fit, gate_job
from fracture_core.releases import ensemble, release
from fracture_core.runs import run_folders, run_labels, run_requests
from fracture_core.runs.run_labels import Labels
from tests.core.refusing_disk import Disk

SOME = {"a.png": "blank"}
FAULTS = [  # number, whether all later writes are refused as well
    (errno.ENOSPC, False),
    (errno.EROFS, True),
]


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something that a person does.

    Args:
        stride: between the writes that are refused: one of a fork's 40 is like the next.
        before: makes what is there before.
        act: does it.
        still: asserts, after a refusal, that what was there before is whole.
        check: asserts that it was done.
    """

    act: Callable[[Path], object]
    check: Callable[[Path], object]
    before: Callable[[Path], object] = lambda home: None
    still: Callable[[Path], object] = lambda home: None
    stride: int = 1


def is_true(value: object) -> None:
    assert value


# --- what is there before, and what is done -----------------------------------------------------


def list_path() -> Path:
    return exclusions.file_of("abc")


def write_list(home: Path) -> None:
    exclusions.write(list_path(), Exclusions(reasons=SOME))


def write_longer_list(home: Path) -> None:
    exclusions.write(list_path(), exclusions.read(list_path()).ticked("copy", ["b.png"]))


def write_damaged_list(home: Path) -> None:
    write_list(home)
    list_path().write_text("film\na.png\n")


def keeps_damaged_list(home: Path) -> None:
    copy = list_path().with_name("abc.csv.damaged")
    path = list_path() if "film" in list_path().read_text() else copy
    assert path.read_text() == "film\na.png\n"


def mark_first(home: Path) -> None:
    copy_run(home)
    run_labels.write(home / "runs" / "finished", Labels(note="Mine.", baseline=True))


def mark_second(home: Path) -> None:
    labels = Labels(tags=("good",), note="As expected.", baseline=True)
    run_labels.write(home / "runs" / "second", labels)


def has_a_baseline(home: Path) -> None:
    labels = [run_labels.read(home / "runs" / name) for name in ("finished", "second")]
    assert any(each.baseline for each in labels)
    assert labels[0].note == "Mine."


def has_second_baseline(home: Path) -> None:
    has_a_baseline(home)
    assert not run_labels.read(home / "runs" / "finished").baseline


def save_evaluation(home: Path, threshold: float) -> None:
    model = stored_models.find("finished@1")
    value = evaluation.Evaluation(
        model="finished@1",
        data=model.card.training,
        split="valid",
        parts=(),
        threshold=threshold,
        films=model.dev_films.assign(probability=np.float32(threshold)),
    )
    evaluation_file.save(home / "cache" / "evaluation", value)


def has_evaluation(home: Path, *thresholds: float) -> None:
    """There is one, and its films are its own."""
    value = evaluation_file.load(home / "cache" / "evaluation")
    assert value is not None
    assert value.threshold in thresholds
    assert set(value.films["probability"]) == {value.threshold}


def store_gate(home: Path) -> None:
    """The gate of the run's best epoch, so that a release needs no fit of its own."""
    folder = model_files.gate_folder(stored_models.find("finished").weights)
    files.make_folder(folder)
    checksums.write(folder, folder / model_files.GATE, some_gate(0))


def release_one(home: Path) -> None:
    store_gate(home)
    release.release("finished", "mine")


def add_gate(home: Path) -> None:
    gate_job.add(stored_models.find("mine"), catalog.read(Path(os.environ["FRACTURE_DATA"])))


def has_gate(home: Path, *seeds: int) -> None:
    assert stored_models.find("mine").gate.read_bytes() in map(some_gate, seeds)


@functools.cache
def some_gate(seed: int) -> bytes:
    features = np.random.default_rng(seed).normal(size=(40, 3)).astype(np.float32)
    names = np.arange(40).astype(str)
    return gate_file.to_bytes(
        gate_fit.fit(features, np.full(40, "forearm"), names, names, features)
    )


def copy_run(home: Path) -> None:
    shutil.copytree(home / "runs" / "finished", home / "runs" / "second")


def delete(home: Path) -> None:
    """Delete the run, as a page does, which no longer lists it once it is hidden."""
    if run_folders.exists("second"):
        run_folders.delete(home / "runs" / "second")


def is_whole_or_gone(home: Path) -> None:
    if run_folders.exists("second"):
        assert checksums.names(home / "runs" / "second") == checksums.names(
            home / "runs" / "finished"
        )


def has_token(home: Path) -> None:
    assert len(room.token_path().read_bytes()) > room.TOKEN_BYTES


ACTIONS = {
    "first list of exclusions": Action(
        act=write_list,
        check=lambda _: is_true(exclusions.read(list_path()).reasons == SOME),
    ),
    "list of exclusions": Action(
        before=write_list,
        act=write_longer_list,
        still=lambda _: is_true(SOME.keys() <= exclusions.read(list_path()).reasons.keys()),
        check=lambda _: is_true(len(exclusions.read(list_path()).reasons) == 2),
    ),
    "empty list": Action(
        before=write_list,
        act=lambda _: exclusions.write(list_path(), Exclusions()),
        still=lambda _: is_true(exclusions.read(list_path()).reasons == SOME),
        check=lambda _: is_true(not list_path().exists()),
    ),
    "list in place of a damaged one": Action(
        before=write_damaged_list,
        act=write_list,
        still=keeps_damaged_list,
        check=lambda _: is_true(exclusions.read(list_path()).reasons == SOME),
    ),
    "baseline with a note": Action(
        before=mark_first, act=mark_second, still=has_a_baseline, check=has_second_baseline
    ),
    "evaluation": Action(
        before=lambda home: save_evaluation(home, 0.25),
        act=lambda home: save_evaluation(home, 0.75),
        still=lambda home: has_evaluation(home, 0.25, 0.75),
        check=lambda home: has_evaluation(home, 0.75),
    ),
    "audit": Action(
        act=lambda home: audit_job.save(home / "cache", Audit(films=3, findings=(), shortcuts=())),
        check=lambda home: is_true(audit_job.load(home / "cache")),
    ),
    "release": Action(
        before=store_gate,
        act=lambda _: release.release("finished", "mine"),
        check=lambda home: has_gate(home, 0),
    ),
    "gate": Action(
        before=release_one,
        act=add_gate,
        still=lambda home: has_gate(home, 0, 1),
        check=lambda home: has_gate(home, 1),
    ),
    "ensemble": Action(
        act=lambda _: ensemble.make(["finished@1", "finished@2"], "both"),
        check=lambda _: is_true(len(stored_models.find("both").card.members) == 2),
        stride=3,
    ),
    "run": Action(
        act=lambda _: run_folders.create(TrainConfig(data="films"), "second"),
        check=lambda home: run_folders.read(home / "runs" / "second"),
    ),
    "fork": Action(
        act=lambda home: forks.create(home / "runs" / "finished", 2, "second", epochs=4),
        check=lambda home: checkpoints.position_after(home / "runs/second/checkpoints", 2),
        stride=9,
    ),
    "request": Action(
        act=lambda home: run_requests.send(home / "runs" / "finished", "stop"),
        check=lambda home: is_true(run_requests.has(home / "runs" / "finished", "stop")),
    ),
    "deletion": Action(
        before=copy_run,
        act=delete,
        still=is_whole_or_gone,
        check=lambda _: is_true(run_folders.names() == ["finished"]),
    ),
    "phantom": Action(
        act=lambda home: phantom_set.make(home / "phantom", studies=1),
        check=lambda home: is_true(phantom_set.is_complete(home / "phantom")),
        stride=6,
    ),
    "choice of data": Action(
        before=lambda home: chosen_data.choose(home / "others"),
        act=lambda home: chosen_data.choose(home / "films"),
        still=lambda home: is_true(chosen_data.chosen().root.parent == home),
        check=lambda home: is_true(chosen_data.chosen().root == home / "films"),
    ),
    "owner's token": Action(
        before=lambda _: room.new_token(),
        act=lambda _: room.new_token(),
        still=has_token,
        check=has_token,
    ),
}


@pytest.mark.parametrize(("number", "for_good"), FAULTS)
@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_that_the_disk_refuses_loses_nothing_and_can_be_repeated(
    run_copy: Path, folders: Path, tmp_path_factory, monkeypatch, name, number, for_good
) -> None:
    monkeypatch.setattr(gate_job, "of_data", lambda *_: some_gate(1))  # without TensorFlow
    action, saved = ACTIONS[name], tmp_path_factory.mktemp("saved") / "home"
    action.before(folders)
    shutil.copytree(folders, saved)
    at = 0
    while True:
        with pytest.MonkeyPatch.context() as patch:
            disk = Disk(folders, patch)
            disk.refuse(at, number, for_good)
            message = refusal(action, folders)
        if message:
            is_sentence(message, disk)
            action.still(folders)
            action.act(folders)
        action.check(folders)
        if number == errno.ENOSPC:  # else a draft cannot be removed, and is swept later
            assert list(folders.rglob(files.TEMPORARY)) == [], disk.refused
        shutil.rmtree(folders)
        shutil.copytree(saved, folders)
        if not disk.refused:
            break
        at += action.stride
    assert at or name == "empty list"  # which removes a file: a full disk does not refuse that


def refusal(action: Action, home: Path) -> str:
    """Do it; return the sentence that a page or the command line shows, "" without a refusal."""
    try:
        action.act(home)
    except FractureError as error:
        return str(error)
    except OSError as error:
        return files.refusal(error)
    return ""


def is_sentence(message: str, disk: Disk) -> None:
    """Assert that a message names a file below the disk's folder and the next step."""
    reason = os.strerror(disk.number)
    if message.endswith("Name another folder."):  # of a set of films
        assert message.startswith(f"{disk.home}/phantom cannot be made ({reason})")
        return
    assert message.startswith(f"{reason}: {disk.home}"), (disk.refused, message)
    assert " could not be " in message, (disk.refused, message)
    assert message.endswith(", then try again."), (disk.refused, message)


def test_a_resume_that_the_disk_refuses_adds_no_epochs(run_copy: Path, folders: Path) -> None:
    for at in range(11):  # the last one opens the log of the child
        with pytest.MonkeyPatch.context() as patch:
            Disk(folders, patch).refuse(at)
            with pytest.raises(WriteFailed, match="Free some space"):
                launcher.resume(run_copy, more_epochs=25)
        assert run_requests.waiting(run_copy) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_an_export_into_a_file_on_a_full_disk_says_so_in_one_sentence(run_copy: Path) -> None:
    command = [sys.executable, "-m", "fracture_core", "curves", run_copy.name]
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            command, cwd=PROJECT, env=buffered, stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert ended.returncode == 2
    assert ended.stderr == (
        "No space left on device: standard output could not be written. Free some space, then try "
        "again.\n"
    )


def test_a_reader_that_has_had_enough_is_no_error(run_copy: Path) -> None:
    command = [sys.executable, "-m", "fracture_core", "curves", run_copy.name]
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as pipe:  # noqa: PTH123
        ended = subprocess.run(
            command, cwd=PROJECT, env=buffered, stdout=pipe, stderr=subprocess.PIPE, text=True
        )
    assert (ended.returncode, ended.stderr) == (0, "")
