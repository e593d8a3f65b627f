"""Checkpoints: written whole or not at all; a resume uses the latest whole one."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from fracture_core.epochs import checkpoints, epoch_weights, resumption
from fracture_core.epochs.checkpoints import Position
from fracture_core.errors import DamagedFile, RunError
from fracture_core.networks import architectures


def network() -> tuple[keras.Model, keras.optimizers.Optimizer]:
    """A network with weights of its own, and its optimizer."""
    model = architectures.build("three_conv", 24, dense=(4,))
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    return model, optimizer


def bits(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> list[bytes]:
    """Every variable's bytes."""
    return [np.asarray(v).tobytes() for v in (*model.variables, *optimizer.variables)]


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> tuple[Path, dict[int, list[bytes]]]:
    """States after epochs 1 and 2, and the bits that each must give back."""
    folder, expected = tmp_path_factory.mktemp("run") / "checkpoints", {}
    folder.mkdir()
    for epoch in (1, 2):
        model, optimizer = network()
        for variable in optimizer.variables:
            variable.assign(keras.ops.ones_like(variable) * epoch)
        line = {"epoch": epoch, "train": {"loss": 0.5}}
        position = Position(step=epoch * 3, epoch=epoch, best_epoch=1, best_loss=0.1, line=line)
        checkpoints.save(folder, model, optimizer, position)
        expected[epoch] = bits(model, optimizer)
    return folder, expected


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A copy of the saved states, free to be changed."""
    return Path(shutil.copytree(saved[0].parent, tmp_path / "run")) / "checkpoints"


def test_a_state_comes_back_to_the_last_bit(saved) -> None:
    model, optimizer = network()
    position, passed_over = resumption.restore(saved[0], model, optimizer)
    assert bits(model, optimizer) == saved[1][2]
    assert position.line == {"epoch": 2, "train": {"loss": 0.5}}
    assert (position.step, position.epoch, position.best_epoch, passed_over) == (6, 2, 1, [])


def test_nothing_kept_leaves_network_and_optimizer_as_they_are(tmp_path) -> None:
    model, optimizer = network()
    before = bits(model, optimizer)
    assert resumption.restore(tmp_path, model, optimizer) == (Position(), [])
    assert bits(model, optimizer) == before


@pytest.mark.parametrize("suffix", [".npz", ".weights.h5"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_state_is_passed_over_for_the_one_before(saved, folder, suffix, share) -> None:
    path = folder / f"epoch_0002{suffix}"
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    model, optimizer = network()
    position, passed_over = resumption.restore(folder, model, optimizer)
    assert position.epoch == 1
    assert bits(model, optimizer) == saved[1][1]
    assert len(passed_over) == 1
    assert passed_over[0].startswith("epoch_0002.npz cannot be read")


def test_when_no_state_is_whole_nothing_changes_and_what_is_damaged_is_named(folder) -> None:
    for path in folder.glob("*.weights.h5"):
        path.write_bytes(path.read_bytes()[:-2_000])
    model, optimizer = network()
    before = bits(model, optimizer)
    with pytest.raises(RunError, match=r"damaged: epoch_0002\.npz, epoch_0001\.npz\. Nothing"):
        resumption.restore(folder, model, optimizer)
    assert bits(model, optimizer) == before


def test_weights_that_are_whole_are_named_where_no_state_is(folder) -> None:
    for path in folder.glob("*.npz"):
        path.unlink()
    with pytest.raises(RunError, match=r"missing from .*run@2, and a new run .*epoch_0002\.weigh"):
        resumption.check_resumable(folder)


def test_a_kill_in_the_first_epoch_leaves_nothing_to_refuse(folder) -> None:
    for path in folder.glob("epoch_*"):
        if path.name != "epoch_0001.weights.h5":
            path.unlink()
    resumption.check_resumable(folder)  # the weights were written, their state was not


def test_a_line_that_is_damaged_comes_from_the_state_of_its_epoch(folder) -> None:
    position = checkpoints.position_after(folder, 2)
    lines = checkpoints.lines_up_to(folder.parent, position)
    assert [line["epoch"] for line in lines] == [1, 2]  # metrics.jsonl is gone as a whole


def test_one_changed_bit_of_any_weights_is_noticed_and_the_other_epoch_stays(folder) -> None:
    path = folder / "epoch_0002.weights.h5"
    content = path.read_bytes()
    for place in range(0, len(content), len(content) // 40):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(DamagedFile, match=r"after epoch 2 .*epoch_0002\.weights\.h5"):
            epoch_weights.find(folder, 2)
    assert epoch_weights.whole(folder) == [1]


def test_a_state_that_was_damaged_in_the_middle_is_passed_over(saved, folder) -> None:
    for suffix in (".npz", ".weights.h5"):
        path = folder / f"epoch_0002{suffix}"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
        model, optimizer = network()
        assert resumption.restore(folder, model, optimizer)[0].epoch == 1
        assert bits(model, optimizer) == saved[1][1]
        (folder / path.name).write_bytes((saved[0] / path.name).read_bytes())


def test_a_state_inside_an_epoch_comes_after_the_end_of_the_one_before(folder) -> None:
    inside = Position(step=8, epoch=2, sums=(1.5, 4, 20))
    checkpoints.save(folder, *network(), inside, inside=True)
    names = [path.name for path in checkpoints.states(folder)]
    assert names == ["epoch_0002_step_00000008.npz", "epoch_0002.npz", "epoch_0001.npz"]
    assert resumption.restore(folder, *network())[0] == inside
    assert epoch_weights.kept(folder) == [1, 2]


def test_the_last_two_the_best_and_every_fifth_state_stay(tmp_path) -> None:
    for epoch in range(1, 13):
        for suffix in (".weights.h5", ".npz"):
            (tmp_path / f"epoch_{epoch:04d}{suffix}").touch()
    checkpoints.prune(tmp_path, Position(epoch=12, best_epoch=3))
    epochs = [int(path.name[6:10]) for path in checkpoints.states(tmp_path)]
    assert epochs == [12, 11, 10, 5, 3]
    assert epoch_weights.kept(tmp_path) == list(range(1, 13))


def test_a_state_inside_an_epoch_goes_when_two_later_ones_are_there(tmp_path) -> None:
    for name in ("epoch_0004_step_00000050", "epoch_0005", "epoch_0006"):
        for suffix in (".weights.h5", ".npz"):
            (tmp_path / f"{name}{suffix}").touch()
    checkpoints.prune(tmp_path, Position(epoch=6))
    assert not list(tmp_path.glob("*_step_*"))


def test_what_came_later_is_what_a_resume_makes_again(tmp_path) -> None:
    stay = ["epoch_0001.weights.h5", "epoch_0002.weights.h5", "epoch_0002.npz"]
    go = [
        "epoch_0002_step_00000008.npz",
        "epoch_0002_step_00000008.weights.h5",
        "epoch_0003.npz",
        "epoch_0003.weights.h5",
        "epoch_0003_step_00000011.npz",
        "epoch_0004.npz",
    ]
    for name in (*stay, *go):
        (tmp_path / name).touch()
    later = checkpoints.later(tmp_path, Position(step=6, epoch=2))
    assert [path.name for path in later] == go


def test_the_state_that_a_run_goes_on_from_is_not_later(tmp_path) -> None:
    for name in ("epoch_0002.npz", "epoch_0002_step_00000008.npz"):
        (tmp_path / name).touch()
    assert checkpoints.later(tmp_path, Position(step=8, epoch=2)) == []


def test_weights_of_an_epoch_are_found_or_those_kept_are_named(saved) -> None:
    assert epoch_weights.find(saved[0], 2) == saved[0] / "epoch_0002.weights.h5"
    with pytest.raises(RunError, match=r"no weights of epoch 9\. Kept: 1, 2\."):
        epoch_weights.find(saved[0], 9)


def test_a_state_holds_no_pickled_objects(saved) -> None:
    with np.load(saved[0] / "epoch_0002.npz", allow_pickle=False) as stored:
        assert json.loads(str(stored["position"]))["epoch"] == 2
        assert all(stored[name].dtype != object for name in stored.files)
