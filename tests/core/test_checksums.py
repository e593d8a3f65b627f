"""Checksums: every file that a run's numbers depend on is checked when it is read."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from fracture_core import checksums
from fracture_core.analysis import comparison
from fracture_core.cli import command_line
from fracture_core.epochs import (
    checkpoints,
    epoch_weights,
    feature_maps,
    forks,
    pixel_hashes,
    predictions,
    resumption,
)
from fracture_core.errors import DamagedFile, FractureError, ModelError, RunError
from fracture_core.folders import PROJECT
from fracture_core.jobs import launcher
from fracture_core.models import (
    epoch_models,
    model_files,
    model_names,
    released_models,
    stored_models,
)
from fracture_core.prediction import caveats
from fracture_core.releases import release
from fracture_core.runs import journal, run_config, run_folders, run_requests, run_status
from fracture_core.runs.run_status import State
from tests.core import made_runs


def flip(path: Path, place: float = 0.5) -> None:
    """Change one bit in the middle of a file; its length does not change."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 1
    path.write_bytes(content)


def count(folder: Path) -> int:
    return len(predictions.predicted_films(journal.films(folder)))


READERS: dict[str, Callable[[Path], object]] = {
    "config.json": run_folders.read,
    "films.parquet": journal.films,
    "predictions/epoch_0003.npy": lambda folder: predictions.load(folder, 3, count(folder)),
    "checkpoints/epoch_0003.npz": lambda run: checkpoints.position_after(run / "checkpoints", 3),
    "checkpoints/epoch_0003.weights.h5": lambda run: epoch_models.of_run(run, 3),
}


def test_a_run_has_a_checksum_for_everything_that_a_number_depends_on(finished_run) -> None:
    assert checksums.unguarded(finished_run) == []
    names = {
        path.relative_to(finished_run).as_posix()
        for pattern in checksums.GUARDED
        for path in finished_run.glob(pattern)
    }
    assert set(READERS) | {"pixel_hashes.npy", "features/epoch_0003.npz"} <= names


@pytest.mark.parametrize("name", READERS)
def test_one_changed_bit_is_named_and_the_rest_of_the_run_stays(run_copy, name) -> None:
    for place in (0.1, 0.5, 0.9):
        READERS[name](run_copy)  # whole
        content = (run_copy / name).read_bytes()
        flip(run_copy / name, place)
        with pytest.raises(FractureError, match=r"epoch_0003|epoch 3|" + name):
            READERS[name](run_copy)
        if name.startswith(("checkpoints", "predictions")):
            assert epoch_models.of_run(run_copy, 2).card.epoch == 2
        (run_copy / name).write_bytes(content)


def test_an_array_that_was_changed_in_place_reaches_no_model_and_no_release(run_copy) -> None:
    path = run_copy / "checkpoints" / "epoch_0003.weights.h5"

    def negate(_: str, node: object) -> None:
        if isinstance(node, h5py.Dataset) and node.dtype.kind == "f":
            node[...] = -node[...]

    with h5py.File(path, "r+") as file:
        file.visititems(negate)
    for use in (stored_models.find, lambda reference: release.release(reference, "vouched")):
        with pytest.raises(DamagedFile, match=r"epoch_0003\.weights\.h5 .* Pick another"):
            use("finished@3")
    assert model_names.released() == []


def test_a_fork_of_a_damaged_epoch_is_refused_and_of_a_whole_one_it_leaves_out_the_damaged(
    run_copy,
) -> None:
    flip(run_copy / "checkpoints" / "epoch_0003.npz")
    flip(run_copy / "checkpoints" / "epoch_0001.weights.h5")
    with pytest.raises(RunError, match="epoch 3 cannot be read"):
        forks.create(run_copy, 3, "from-damage", epochs=9)
    assert run_folders.names() == ["finished"]
    fork = forks.create(run_copy, 2, "whole", epochs=9)
    assert epoch_weights.kept(fork / "checkpoints") == [2]
    assert checksums.unguarded(fork) == []


def test_a_fork_of_an_epoch_whose_weights_are_damaged_is_refused(run_copy) -> None:
    flip(run_copy / "checkpoints" / "epoch_0003.weights.h5")
    with pytest.raises(RunError, match="epoch 3 cannot be read"):
        forks.create(run_copy, 3, "from-damage", epochs=9)
    assert run_folders.names() == ["finished"]


def test_maps_of_a_damaged_file_are_not_shown(run_copy) -> None:
    assert feature_maps.load(run_copy, 3) is not None
    flip(feature_maps.path(run_copy, 3))
    assert feature_maps.load(run_copy, 3) is None


def test_a_run_of_an_older_version_opens_and_its_files_are_called_unguarded(run_copy) -> None:
    (run_copy / checksums.SUMS).unlink()
    for read in READERS.values():
        read(run_copy)
    assert "checkpoints/epoch_0003.weights.h5" in checksums.unguarded(run_copy)
    run_config.complete(run_copy, note="a write")
    assert "config.json" not in checksums.unguarded(run_copy)


def test_a_run_that_lost_its_list_is_not_taken_for_one_of_an_older_version(
    run_copy, capsys
) -> None:
    sums = run_copy / checksums.SUMS
    lines = sums.read_text().splitlines(keepends=True)
    sums.write_text("".join(line for line in lines if "epoch_0003.weights" not in line))
    sentence = "The checksum of checkpoints/epoch_0003.weights.h5 is missing from SHA256SUMS"
    assert sentence in " ".join(caveats.warnings(epoch_models.of_run(run_copy, 3), 0.5))
    assert not [
        w for w in caveats.warnings(epoch_models.of_run(run_copy, 2), 0.5) if "checksum" in w
    ]
    assert command_line.main(["check", "finished"]) == 1
    assert "SHA256SUMS has lost those of 1. Put it back." in capsys.readouterr().out
    events = run_copy / "events.jsonl"
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    old = [{k: v for k, v in line.items() if k != "check"} for line in lines]
    events.write_text("".join(json.dumps(line) + "\n" for line in old))
    sums.unlink()
    assert "which an older version" in caveats.warnings(epoch_models.of_run(run_copy, 3), 0.5)[-1]
    assert command_line.main(["check", "finished"]) == 0


def test_one_changed_digit_of_a_card_is_noticed(run_copy) -> None:
    folder = release.release("finished@3", "mine")
    assert stored_models.find("mine").guarded
    card = folder / model_files.CARD
    text = card.read_text()
    for before, after in (
        ('"threshold": 0.5', '"threshold": 0.4'),
        ("drawn into", "not in the"),
        ('"epoch": 3', '"epoch": 2'),
        ('"content_sha256": "', '"content_sha256":"x'),
        ('"content_sha256"', '"content_sha255"'),
    ):
        assert text.count(before) == 1 and len(before) == len(after)
        card.write_text(text.replace(before, after))
        with pytest.raises(ModelError, match=r"card.* of mine .*(damaged|does not know)"):
            stored_models.find("mine")
    card.write_text(json.dumps(json.loads(text)))  # says the same
    assert stored_models.find("mine").guarded


def test_a_card_of_an_older_version_opens_and_is_called_unguarded(run_copy) -> None:
    card = release.release("finished", "mine") / model_files.CARD
    made_runs.change_card(card, threshold=0.25)
    model = stored_models.find("mine")
    assert (model.card.threshold, model.guarded) == (0.25, False)
    assert "which an older version" in caveats.warnings(model, 0.5)[-1]


def test_the_shipped_model_carries_every_checksum() -> None:
    assert released_models.read(PROJECT / "models" / "starter-five-conv").guarded


def test_a_kill_between_checksum_and_file_leaves_a_whole_file(run_copy, monkeypatch) -> None:
    def killed(path: Path, data: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checksums, "replace_file", killed)
    with pytest.raises(KeyboardInterrupt):
        run_config.complete(run_copy, note="never written")
    assert "note" not in run_folders.read(run_copy).facts


def test_a_line_that_was_cut_is_closed_before_the_next(tmp_path) -> None:
    (tmp_path / checksums.SUMS).write_text("0123  cut")
    checksums.write(tmp_path, tmp_path / "a.npy", b"content")
    assert checksums.read(tmp_path, tmp_path / "a.npy") == b"content"
    lines = (tmp_path / checksums.SUMS).read_text().splitlines()
    assert lines == ["0123  cut", f"{checksums.digest(b'content')}  a.npy"]


def test_lines_of_files_that_are_gone_are_dropped_and_the_others_stay(tmp_path) -> None:
    for name in ("a.npy", "b.npy"):
        checksums.write(tmp_path, tmp_path / name, name.encode())
    (tmp_path / "a.npy").unlink()
    checksums.drop_missing(tmp_path)
    assert (tmp_path / checksums.SUMS).read_text() == f"{checksums.digest(b'b.npy')}  b.npy\n"


def test_the_systems_own_program_reads_the_checksums(finished_run) -> None:
    expected = [
        line
        for line in (finished_run / checksums.SUMS).read_text().splitlines()
        if not line.endswith("config.json")  # written several times; the last line holds
    ]
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "--ignore-missing"],
        input="\n".join(expected) + "\n",
        cwd=finished_run,
        text=True,
        capture_output=True,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_a_line_of_metrics_that_was_changed_is_left_out(run_copy) -> None:
    path = run_copy / "metrics.jsonl"
    assert journal.best_epoch(run_copy) is not None
    lines = path.read_text().splitlines()
    changed = lines[2].replace('"loss": ', '"loss": 1', 1)
    assert json.loads(changed)["epoch"] == 3
    path.write_text("\n".join([*lines[:2], changed]) + "\n")
    assert journal.metrics(run_copy)["epoch"].tolist() == [1, 2]
    path.write_text("\n".join(line.replace('"dev"', '"dex"') for line in lines))
    assert not len(journal.metrics(run_copy))


def test_lines_of_an_older_version_carry_no_checksum_and_are_read(tmp_path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1, "dev": {"loss": 0.5}}\n')
    journal.append_line(tmp_path / "metrics.jsonl", {"epoch": 2, "dev": {"loss": 0.25}})
    assert journal.metrics(tmp_path)["dev.loss"].tolist() == [0.5, 0.25]
    assert "check" not in journal.metrics(tmp_path)


# --- what is gone, or was changed in a line -----------------------------------------------------


def change(path: Path, line: int, old: str, new: str) -> None:
    """Change a line of a run's file; its checksum stays."""
    lines = path.read_text().splitlines()
    assert old in lines[line]
    lines[line] = lines[line].replace(old, new, 1)
    path.write_text("\n".join(lines) + "\n")


def test_a_run_without_its_list_of_films_refuses_to_go_on(run_copy) -> None:
    (run_copy / "films.parquet").unlink()
    with pytest.raises(RunError, match=r"films\.parquet of finished is missing\. Put it back"):
        launcher.resume(run_copy, more_epochs=1)
    assert checksums.missing(run_copy) == ["films.parquet"]
    with pytest.raises(RunError, match=r"films\.parquet of finished is missing\. Put it back"):
        stored_models.find("finished@3")


def test_a_rate_that_was_asked_for_is_not_forgotten_silently(run_copy) -> None:
    journal.log_event(run_copy, "learning_rate", step=14, rate=1e-05)
    change(run_copy / "events.jsonl", -1, "1e-05", "1e-03")
    with pytest.raises(RunError, match=r"1 of the lines of finished's events\.jsonl was changed"):
        launcher.resume(run_copy, more_epochs=1)


def test_a_line_that_a_full_disk_has_torn_stops_nothing(run_copy) -> None:
    with (run_copy / "events.jsonl").open("a") as stream:
        stream.write('{"kind": "learning_rate", "ti')
    journal.log_event(run_copy, "queued")
    resumption.check_resumable(run_copy / "checkpoints")


def test_the_best_epoch_is_not_chosen_among_damaged_lines(run_copy) -> None:
    change(run_copy / "metrics.jsonl", 1, '"epoch": 2', '"epoch": 7')
    with pytest.raises(ModelError, match=r"best epoch of finished is not known.*finished@"):
        stored_models.find("finished")
    assert stored_models.find("finished@3").card.epoch == 3


def cut(path: Path, count: int) -> None:
    """Remove the last lines of a file, like a copy that ended early."""
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-count]))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_best_epoch_is_not_chosen_where_lines_are_lost(run_copy, count, capsys) -> None:
    cut(run_copy / "metrics.jsonl", count)
    with pytest.raises(ModelError, match=r"best epoch of finished is not known.*lost the line"):
        stored_models.find("finished")
    assert comparison.outcome(run_copy).best_epoch is None
    assert comparison.outcome(run_copy).best == {}
    assert stored_models.find("finished@3").card.epoch == 3
    assert command_line.main(["check", "finished"]) == 1
    assert "missing      metrics.jsonl: the line" in capsys.readouterr().out
    command_line.main(["curves", "finished"])
    assert "The metrics.jsonl of finished lost the line" in capsys.readouterr().err
    command_line.main(["runs", "--json"])
    assert json.loads(capsys.readouterr().out)[0]["best_epoch"] is None


def test_a_resume_keeps_the_lines_that_it_cannot_read(run_copy, runs_here) -> None:
    path = run_copy / "metrics.jsonl"
    change(path, 0, '"epoch": 1', '"epoch": 9')
    changed = path.read_bytes()
    launcher.resume(run_copy, more_epochs=1, wait_for_slot=False)
    assert run_status.read(run_copy).state is State.FINISHED
    assert path.with_name("metrics.jsonl.damaged").read_bytes() == changed
    assert journal.metrics_epochs(run_copy)[-1] == 4


def test_a_rate_that_was_asked_for_is_missed_when_its_line_is_gone(run_copy, runs_here) -> None:
    run_requests.send(run_copy, "learning_rate", rate=1e-5)
    launcher.resume(run_copy, more_epochs=1, wait_for_slot=False)
    assert run_status.read(run_copy).state is State.FINISHED
    fork = forks.create(run_copy, 4, "fork", epochs=9)
    events = run_copy / "events.jsonl"
    whole = events.read_bytes()
    for left in (b"", whole.splitlines(keepends=True)[0]):
        events.write_bytes(left)
        with pytest.raises(RunError, match=r"finished's events\.jsonl lost 2 of them\. Put"):
            launcher.resume(run_copy, more_epochs=1)
    events.write_bytes(whole)
    resumption.check_resumable(run_copy / "checkpoints")
    resumption.check_resumable(fork / "checkpoints")  # it has the rate in its config
    assert run_folders.read(fork).config.learning_rate == 1e-5


def test_a_run_without_its_config_is_named(run_copy) -> None:
    (run_copy / "config.json").unlink()
    (sentence,) = run_folders.unreadable(run_folders.list_runs())
    assert "finished has no readable config.json" in sentence
    with pytest.raises(RunError, match=r"finished has no readable config\.json.*Put the file back"):
        stored_models.find("finished")


def test_hashes_of_films_that_are_gone_guard_nothing_and_say_so(run_copy) -> None:
    (run_copy / pixel_hashes.FILE).unlink()
    with pytest.raises(DamagedFile, match=r"pixel_hashes\.npy of finished is missing"):
        pixel_hashes.changed(run_copy, np.zeros((3, 8, 8), np.uint8))
    with pytest.raises(DamagedFile, match=r"the pixel_hashes\.npy of finished is missing\. Put"):
        forks.create(run_copy, 3, "unguarded", epochs=9)
    assert run_folders.names() == ["finished"]


def test_weights_without_a_checksum_are_held_against_their_state(run_copy) -> None:
    flip(run_copy / "checkpoints" / "epoch_0003.weights.h5")
    (run_copy / checksums.SUMS).unlink()
    with pytest.raises(DamagedFile, match="after epoch 3 are cut short or damaged"):
        epoch_models.of_run(run_copy, 3)


def test_a_damaged_gate_of_a_run_is_none_until_it_is_fitted_again(run_copy) -> None:
    model = stored_models.find("finished@3")
    folder = model_files.gate_folder(model.weights)
    folder.mkdir(parents=True)
    checksums.write(folder, folder / model_files.GATE, b"a gate")
    assert stored_models.find("finished@3").gate is not None
    flip(folder / model_files.GATE)
    assert stored_models.find("finished@3").gate is None


@pytest.mark.parametrize("name", ["events.jsonl", "steps.jsonl", "metrics.jsonl"])
def test_anything_in_the_place_of_a_file_of_lines_is_damage(run_copy, capsys, name) -> None:
    (run_copy / name).unlink(missing_ok=True)
    os.mkfifo(run_copy / name)
    assert command_line.main(["check", "finished"]) == 1
    assert f"damaged      {name}" in capsys.readouterr().out
