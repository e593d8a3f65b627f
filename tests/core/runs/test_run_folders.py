"""Run folders: names, liveness by the lock alone, requests, lines that survive a torn write."""

import csv
import dataclasses
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import (
    ConfigError,
    RunBusy,
    RunError,
    RunNameTaken,
    RunNotFound,
    WriteFailed,
)
from fracture_core.runs import (
    journal,
    run_config,
    run_folders,
    run_labels,
    run_lock,
    run_requests,
    run_status,
)
from fracture_core.runs.run_labels import Labels
from fracture_core.runs.run_status import State, Status
from fracture_core.words import FORMULA

HOLDER = "import fcntl, sys, time; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX); \
print('held', flush=True); time.sleep(60)"


@pytest.fixture
def folder(folders: Path) -> Path:
    """A run that was created and never started."""
    return run_folders.create(TrainConfig(data=os.environ["FRACTURE_DATA"]), "first")


@pytest.fixture
def holder(folder: Path):
    """A process that holds the run's lock, as its child would."""
    command = [sys.executable, "-c", HOLDER, str(folder / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_new_run_holds_its_config_and_the_folders_of_the_design(folder) -> None:
    run = run_folders.read(folder)
    assert run.name == "first"
    assert run.config == TrainConfig(data=os.environ["FRACTURE_DATA"])
    assert run.facts["created"] <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    assert {"checkpoints", "predictions", "requests"} <= {p.name for p in folder.iterdir()}


def test_the_data_path_is_kept_absolute(folders, phantom_root, monkeypatch) -> None:
    monkeypatch.chdir(phantom_root.parent)
    data = run_folders.read(
        run_folders.create(TrainConfig(data=phantom_root.name), "relative")
    ).config.data
    assert data == str(phantom_root)


@pytest.mark.parametrize(
    "name", ["../x", "", "a/b", ".hidden", "-x", "a b", "é", "a\x00b", "a\n", "x" * 81]
)
def test_a_hostile_name_is_refused_and_leaves_nothing(folders, name) -> None:
    before = sorted(folders.rglob("*"))
    with pytest.raises(RunError, match="begins with a letter or digit; received"):
        run_folders.create(TrainConfig(data="x"), name)
    with pytest.raises(RunNotFound):
        run_folders.find(name)
    assert sorted(folders.rglob("*")) == before


def test_a_taken_name_is_refused_and_the_run_stays(folder) -> None:
    content = (folder / "config.json").read_bytes()
    with pytest.raises(RunNameTaken, match="'first' exists"):
        run_folders.create(TrainConfig(data="y"), "first")
    assert (folder / "config.json").read_bytes() == content


def test_runs_without_a_name_get_one_each(folders) -> None:
    names = {run_folders.create(TrainConfig(data="x")).name for _ in range(4)}
    assert len(names) == 4
    assert all(name.startswith("five_conv-") for name in names)


def test_an_unknown_run_is_refused_with_those_that_exist(folder) -> None:
    with pytest.raises(RunNotFound, match=r"'second'\. Runs here: first\."):
        run_folders.find("second")


def test_runs_are_listed_newest_first_and_an_unreadable_one_costs_only_itself(folder) -> None:
    run_folders.create(TrainConfig(data="x"), "second")
    for name, text in (
        ("torn", '{"config"'),
        ("strange", '{"config": {"data": "x", "wings": 2}}'),
        ("empty", '{"config": {}}'),
        ("list", "[]"),
    ):
        run_folders.create(TrainConfig(data="x"), name)
        (folder.parent / name / "config.json").write_text(text)
        with pytest.raises(RunError, match=f"{name} has no readable config.json"):
            run_folders.read(folder.parent / name)
    assert [run.name for run in run_folders.list_runs()] == ["second", "first"]


def test_a_run_that_never_started_counts_as_interrupted(folder) -> None:
    assert run_status.read(folder).state is State.INTERRUPTED


def test_the_lock_decides_who_is_alive(folder, holder) -> None:
    run_status.write(folder, Status(state=State.RUNNING, step=7))
    assert run_status.read(folder).state is State.RUNNING
    with pytest.raises(RunBusy, match="first is running already"):
        run_lock.take(folder)
    holder.kill()
    holder.wait()
    status = run_status.read(folder)
    assert (status.state, status.step) == (State.INTERRUPTED, 7)
    assert "killed" in status.message


def test_a_zombie_is_not_taken_for_a_living_child(folder, holder) -> None:
    run_status.write(folder, Status(state=State.RUNNING))
    os.kill(holder.pid, signal.SIGKILL)
    while Path(f"/proc/{holder.pid}/stat").read_text().split(") ")[1][0] != "Z":
        time.sleep(0.01)  # dead, but not yet reaped
    assert run_status.read(folder).state is State.INTERRUPTED


@pytest.mark.parametrize("state", [State.STOPPED, State.FINISHED, State.FAILED])
def test_a_last_word_stays_after_the_process(folder, state) -> None:
    run_status.write(folder, Status(state=state, message="Done."))
    assert run_status.read(folder).state is state


def test_a_wish_to_stop_shows_before_the_child_has_read_it(folder, holder) -> None:
    run_status.write(folder, Status(state=State.RUNNING))
    run_requests.send(folder, "stop_after_epoch")
    assert run_status.read(folder).state is State.RUNNING
    run_requests.send(folder, "stop")
    assert run_status.read(folder).state is State.STOPPING


def test_those_who_ask_at_once_do_not_take_each_other_for_the_child(folder) -> None:
    os.close(run_lock.take(folder))
    with (folder / "lock").open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        assert not run_lock.is_held(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "dancing"}', '{"state": 3}'])
def test_an_unreadable_status_never_breaks_a_reader(folder, text) -> None:
    (folder / "status.json").write_text(text)
    assert run_status.read(folder).state is State.INTERRUPTED


def test_a_status_with_values_of_other_kinds_keeps_the_sound_ones(folder) -> None:
    odd = {"state": "failed", "step": "7", "epoch": 2, "message": None, "progress": True}
    (folder / "status.json").write_text(json.dumps({**odd, "seconds_left": [], "phase": "x"}))
    assert run_status.read(folder) == Status(state=State.FAILED, epoch=2, phase="x")


def test_a_damaged_status_says_so(folder) -> None:
    (folder / "status.json").write_text('{"state": "fini')
    assert "status.json is damaged" in run_status.read(folder).message
    (folder / "status.json").unlink()
    assert "without a final status" in run_status.read(folder).message


def test_a_status_comes_back_as_it_was_written(folder, holder) -> None:
    written = Status(
        state=State.RUNNING,
        message="Epoch 1 of 2.",
        phase="training",
        step=3,
        steps=9,
        epoch=1,
        epochs=2,
        progress=0.5,
        images_per_second=7.5,
        seconds_left=2.25,
    )
    run_status.write(folder, written)
    status = run_status.read(folder)
    assert status == dataclasses.replace(written, updated=status.updated)
    assert status.updated > 0


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


def test_facts_are_not_added_to_a_config_that_cannot_be_read(folder) -> None:
    torn = (folder / "config.json").read_bytes()[:-3]
    (folder / "config.json").write_bytes(torn)
    with pytest.raises(RunError, match=r"first has no readable config\.json"):
        run_config.complete(folder, versions={})
    assert (folder / "config.json").read_bytes() == torn


def test_labels_come_back_and_an_unlabelled_run_has_none(folder) -> None:
    assert run_labels.read(folder) == Labels()
    value = Labels(tags=("shoulder", "ß 2"), note="Two lines\nof it.", baseline=True)
    run_labels.write(folder, value)
    assert run_labels.read(folder) == value


def test_one_run_at_a_time_is_the_baseline_and_keeps_its_other_labels(folder) -> None:
    second, third = (
        run_folders.create(TrainConfig(data="x"), name) for name in ("second", "third")
    )
    run_labels.write(folder, Labels(tags=("a",), baseline=True))
    run_labels.write(second, Labels(note="n", baseline=True))
    run_labels.write(third, Labels(note="m"))
    assert run_labels.read(folder) == Labels(tags=("a",))
    assert run_labels.read(second) == Labels(note="n", baseline=True)
    run_labels.write(second, Labels())
    assert not any(run_labels.read(run.folder).baseline for run in run_folders.list_runs())


def test_of_many_baselines_made_at_once_one_is_left(folders) -> None:
    run_paths = [run_folders.create(TrainConfig(data="x"), f"run-{number}") for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda f: run_labels.write(f, Labels(baseline=True)), run_paths))
    assert [run_labels.read(f).baseline for f in run_paths].count(True) == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tags": ("",)}, "A tag has 1 to 40 characters"),
        ({"tags": (" a",)}, "no space around it; received ' a'"),
        ({"tags": ("a\nb",)}, "on one line"),
        ({"tags": ("x" * 41,)}, "A tag has 1 to 40"),
        ({"tags": ("a", "b", "a")}, "has each tag once; received a, b, a"),
        ({"tags": tuple(map(str, range(21)))}, "Number of tags must be from 0 to 20; received 21"),
        ({"note": "x" * 4_001}, "characters in the note must be from 0 to 4000; received 4001"),
    ],
)
def test_labels_beyond_their_limits_are_refused(values, message) -> None:
    with pytest.raises(ConfigError, match=message):
        Labels(**values)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"tags": "a"}', '{"tags": [""]}', '{"x": 1}'])
def test_labels_that_cannot_be_read_are_none(folder, text) -> None:
    (folder / "labels.json").write_text(text)
    assert run_labels.read(folder) == Labels()


def test_a_note_that_cannot_be_read_is_kept_beside_the_new_one(folder) -> None:
    text = '{"note": "three weeks of work", "of a later version": 1}'
    (folder / "labels.json").write_text(text)
    run_labels.write(folder, Labels(tags=("new",)))
    assert (folder / "labels.json.damaged").read_text() == text
    assert run_labels.read(folder) == Labels(tags=("new",))


def test_a_file_of_lines_cut_at_any_byte_gives_the_whole_lines_before(tmp_path) -> None:
    values = [{"epoch": number, "note": "né \u2028"} for number in (1, 2, 3)]
    journal.replace_lines(tmp_path / "lines", values)
    whole = (tmp_path / "lines").read_bytes()
    for size in range(len(whole)):
        (tmp_path / "cut").write_bytes(whole[:size])
        lines = journal.lines(tmp_path / "cut")
        assert lines == values[: len(lines)]
        assert len(lines) >= whole[:size].count(b"\n")


def test_a_line_after_a_torn_one_is_not_lost_wherever_it_was_torn(tmp_path) -> None:
    path, first = tmp_path / "events.jsonl", '{"kind": "queued"}\n'
    for size in range(len(first) + 1):
        path.write_text(first[:size])
        journal.append_line(path, {"kind": "resumed"})
        journal.append_line(path, {"kind": "finished"})
        expected = ["queued"] if size >= len(first) - 1 else []
        assert [line["kind"] for line in journal.lines(path)] == [*expected, "resumed", "finished"]


def test_added_epochs_count_from_their_events(folder) -> None:
    config = run_folders.read(folder).config
    journal.log_event(folder, "more_epochs", epochs=25, id="a")
    journal.log_event(folder, "more_epochs", epochs=5, id="b")
    assert journal.epochs_requested(folder, config) == 75 + 30


def test_an_epochs_later_line_holds(folder) -> None:
    lines = [{"epoch": 1, "dev": {"loss": 0.9}}, {"epoch": 1, "dev": {"loss": 0.5}}]
    journal.replace_lines(folder / "metrics.jsonl", lines)
    assert journal.metrics(folder)["dev.loss"].tolist() == [0.5]


EPOCHS = [
    {
        "epoch": epoch,
        "step": epoch * 5,
        "learning_rate": 0.1 + 0.2,
        "train": {"loss": 1 / 3, "accuracy": 0.5, "n": 7},
        "valid": {"loss": 2 / 3, "accuracy": 0.25, "auroc": None, "n": 3},
    }
    for epoch in (1, 2)
]


def test_curves_are_exported_an_epoch_a_row_in_full_precision(folder) -> None:
    journal.replace_lines(folder / "metrics.jsonl", EPOCHS)
    head, *rows = journal.curves_csv(folder).splitlines()
    assert head == (
        "epoch,step,learning_rate,train.loss,train.accuracy,train.n,"
        "valid.loss,valid.accuracy,valid.auroc,valid.n"
    )
    assert rows[1] == "2,10,0.30000000000000004,0.3333333333333333,0.5,7,0.6666666666666666,0.25,,3"
    assert len(rows) == 2


def test_curves_of_a_trained_run_are_its_metrics(finished_run) -> None:
    rows = list(csv.DictReader(journal.curves_csv(finished_run).splitlines()))
    lines = journal.lines(finished_run / "metrics.jsonl")
    assert len(rows) == 3
    for row, line in zip(rows, lines, strict=True):
        assert (int(row["epoch"]), int(row["step"])) == (line["epoch"], line["step"])
        for role in ("train", "dev", "valid"):
            assert float(row[f"{role}.loss"]) == line[role]["loss"]
            assert int(row[f"{role}.n"]) == line[role]["n"]
        assert float(row["valid.auroc"]) == line["valid"]["auroc"]


def test_curves_of_a_run_without_an_epoch_are_a_head_alone(folder) -> None:
    assert journal.curves_csv(folder) == "epoch,step,learning_rate\n"


def test_no_key_or_value_of_a_foreign_line_is_a_spreadsheets_formula(run_copy) -> None:
    path = run_copy / "metrics.jsonl"
    journal.replace_lines(path, [{**line, "=1+1": "@x"} for line in journal.lines(path)])
    cells = [each for row in csv.reader(journal.curves_csv(run_copy).splitlines()) for each in row]
    assert {"'=1+1", "'@x"} <= set(cells)
    assert not any(each.startswith(FORMULA) for each in cells)


def test_the_best_epoch_has_the_lowest_dev_loss_else_it_is_the_last(folder) -> None:
    assert journal.best_epoch(folder) is None
    dev = [{"epoch": n, "dev": {"loss": x}} for n, x in ((1, 0.7), (2, 0.4), (3, 0.6))]
    journal.replace_lines(folder / "metrics.jsonl", dev)
    assert journal.best_epoch(folder) == 2
    journal.replace_lines(folder / "metrics.jsonl", [{"epoch": 1}, {"epoch": 2}])
    assert journal.best_epoch(folder) == 2


def test_a_run_can_be_deleted_when_it_is_not_alive(folder, holder) -> None:
    with pytest.raises(RunBusy):
        run_folders.delete(folder)
    assert (folder / "config.json").is_file()
    holder.kill()
    holder.wait()
    run_folders.delete(folder)
    assert not folder.exists()


def test_a_run_that_is_killed_while_it_is_deleted_is_gone(folder, monkeypatch) -> None:
    class Killed(BaseException):
        pass

    def unlink_one(path: Path, *_: object, **__: object) -> None:
        next(file for file in Path(path).rglob("*") if file.is_file()).unlink()
        raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(run_folders.shutil, "rmtree", unlink_one)
        run_folders.delete(folder)
    assert run_folders.names() == []
    run_folders.create(TrainConfig(data="x"), "first")  # its name is free


def test_what_a_killed_process_left_of_a_run_is_swept_an_hour_later(folder) -> None:
    old, young = (folder.parent / f".{name}.0123abcd.tmp" for name in ("old", "young"))
    for draft in (old, young):
        (draft / "checkpoints").mkdir(parents=True)
    os.utime(old, (0, 0))
    run_folders.create(TrainConfig(data="x"), "second")
    assert (old.exists(), young.exists()) == (False, True)


def test_a_lock_file_that_nobody_holds_stops_no_one(folder, holder) -> None:
    holder.kill()
    holder.wait()
    assert (folder / "lock").exists()
    os.close(run_lock.take(folder))


def test_films_are_asked_for_before_they_are_read(folder) -> None:
    with pytest.raises(RunError, match="first has not read its films yet"):
        journal.films(folder)


def test_the_end_of_a_long_log_is_read(folder) -> None:
    assert journal.log_tail(folder) == ""
    (folder / "train.log").write_text("\n".join(f"line {n}" for n in range(9_999)))
    assert journal.log_tail(folder, 2).splitlines() == ["line 9997", "line 9998"]


def test_a_log_is_read_without_tensorflows_notes_on_the_machine(folder) -> None:
    notes = [
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        "I0000 00:00:1795412232.445267   10921 port.cc:153] oneDNN operations are on.",
        "E0000 00:00:1795412232.445267   10921 cuda_platform.cc:52] failed call to cuInit",
        "W0000 00:00:1795412232.445267   10921 cpu.cc:1] slow",
        "To enable the following instructions: AVX2, rebuild TensorFlow.",
    ]
    (folder / "train.log").write_text("\n".join(["first", *notes, "the reason", *notes]))
    assert journal.log_tail(folder, 2).splitlines() == ["first", "the reason"]


def test_refused_films_are_told_once_each_and_by_role(folder) -> None:
    assert journal.refused(folder) == []
    for path, role in (("a.png", "train"), ("b.png", "valid"), ("a.png", "train")):
        journal.log_event(folder, "film_refused", path=path, role=role, reason=f"{path} is empty.")
    journal.log_event(folder, "stopped", step=3)
    assert journal.refused(folder) == [("a.png", "a.png is empty."), ("b.png", "b.png is empty.")]
    assert journal.refused(folder, "valid") == [("b.png", "b.png is empty.")]
    assert journal.refused(folder, "dev") == []


def test_config_json_is_written_in_the_designs_shape(finished_run) -> None:
    content = json.loads((finished_run / "config.json").read_text())
    assert set(content) == {"config", "created", "versions", "data", "pixels", "probe"}
    assert content["data"]["images"].keys() == {"train", "dev", "valid"}
    assert content["data"]["synthetic"] is True
    assert {"python", "tensorflow", "keras", "numpy", "pillow"} == set(content["versions"])


# --- reading only what changed ------------------------------------------------------------------


def test_what_was_kept_gives_way_to_what_was_written_since(folder: Path) -> None:
    cache: dict = {}
    run_status.write(folder, Status(state=State.STOPPED, epoch=1))
    (before,) = run_folders.list_runs(cache)
    run_status.write(folder, Status(state=State.STOPPED, epoch=2))
    run_config.complete(folder, data={"hash": "x"})
    (after,) = run_folders.list_runs(cache)
    assert (before.status.epoch, after.status.epoch) == (1, 2)
    assert after.facts["data"] == {"hash": "x"} and after == run_folders.list_runs()[0]


def test_the_lock_is_asked_each_time(folder: Path) -> None:
    cache: dict = {}
    run_status.write(folder, Status(state=State.RUNNING))
    with run_lock.hold(folder):
        assert run_folders.list_runs(cache)[0].status.state is State.RUNNING
    assert run_folders.list_runs(cache)[0].status.state is State.INTERRUPTED


def test_what_has_not_changed_is_not_read_again(folder: Path) -> None:
    cache: dict = {}
    (first,), (second,) = run_folders.list_runs(cache), run_folders.list_runs(cache)
    assert second.config is first.config


def test_a_deleted_run_is_forgotten_and_another_may_take_its_name(folder: Path) -> None:
    cache: dict = {}
    run_folders.list_runs(cache)
    run_labels.read(folder, cache)
    run_folders.delete(folder)
    assert run_folders.list_runs(cache) == [] and not cache
    run_folders.create(TrainConfig(data="/films", epochs=9), "first")
    assert run_folders.list_runs(cache)[0].config.epochs == 9


def test_labels_that_were_written_since_are_read(folder: Path) -> None:
    cache: dict = {}
    assert run_labels.read(folder, cache) == Labels()
    run_labels.write(folder, Labels(tags=("a",)))
    assert run_labels.read(folder, cache).tags == ("a",)
