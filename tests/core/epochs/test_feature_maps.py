"""Feature maps: stored by epoch, for display only."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fracture_core.epochs import epoch_weights, feature_maps, forks, predictions
from fracture_core.jobs import launcher
from fracture_core.models import stored_models
from fracture_core.prediction.inference import Predictor
from fracture_core.runs import journal


def test_a_run_leaves_filters_and_maps_of_one_film_at_every_epoch(run_copy: Path) -> None:
    assert feature_maps.epochs(run_copy) == (1, 2, 3)
    features = feature_maps.load(run_copy, 3)
    films = predictions.predicted_films(journal.films(run_copy))
    film = films.iloc[features.film]
    assert (film["role"], film["label"]) == ("dev", 1)
    predictor = Predictor(stored_models.find(f"{run_copy.name}@3"))
    kernels = predictor.network.get_layer("conv_1").kernel.numpy()
    assert np.array_equal(features.kernels, kernels[:, :, 0])
    assert [maps.shape for maps in features.maps] == [(16, 30, 30), (16, 28, 28), (16, 12, 12)]
    for maps, peaks in zip(features.maps, features.peaks, strict=True):
        assert ((maps.max(axis=(1, 2)) == 255) == (peaks > 0)).all()
    one, other = feature_maps.load(run_copy, 1), feature_maps.load(run_copy, 3)
    assert not np.array_equal(one.kernels, other.kernels)
    assert np.array_equal(one.pixels, other.pixels)


def test_a_missing_or_damaged_file_is_nothing(run_copy: Path) -> None:
    assert feature_maps.load(run_copy, 9) is None
    whole = feature_maps.path(run_copy, 2).read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 30):
        feature_maps.path(run_copy, 2).write_bytes(whole[:cut])
        assert feature_maps.load(run_copy, 2) is None


def test_wrong_arrays_are_nothing_and_the_last_whole_epoch_stands_in(run_copy: Path) -> None:
    with np.load(feature_maps.path(run_copy, 3)) as stored:
        arrays = dict(stored)
    for wrong in (
        {"pixels": np.zeros(3, np.uint8)},
        {"film": np.int64(-1)},
        {"maps_1": arrays["maps_1"][0]},
        {"peaks_1": arrays["peaks_1"][:2]},
    ):
        np.savez(feature_maps.path(run_copy, 3), **(arrays | wrong))
        assert feature_maps.load(run_copy, 3) is None
    assert feature_maps.latest(run_copy, 3)[0] == 2
    assert feature_maps.latest(run_copy, 0) is None


def test_a_fork_has_the_maps_of_the_epochs_that_it_shares(run_copy: Path) -> None:
    folder = forks.create(run_copy, 2, "fork", epochs=4)
    assert feature_maps.epochs(folder) == (1, 2)
    assert np.array_equal(
        feature_maps.load(folder, 2).kernels, feature_maps.load(run_copy, 2).kernels
    )


def test_large_maps_are_thinned(tmp_path: Path) -> None:
    maps = [np.ones((222, 222, 3), np.float32)]
    kernels = np.ones((3, 3, 1, 3), np.float32)
    feature_maps.save(tmp_path, 1, 0, np.zeros((224, 224), np.uint8), kernels, maps)
    assert feature_maps.load(tmp_path, 1).maps[0].shape == (3, 56, 56)


@pytest.mark.slow
def test_a_resumed_run_makes_anew_what_is_later_than_its_state_and_what_a_kill_has_cost(
    run_copy: Path, runs_here: None
) -> None:
    feature_maps.path(run_copy, 7).write_bytes(b"of another time")
    before = {epoch: feature_maps.path(run_copy, epoch).read_bytes() for epoch in (1, 2, 3)}
    for epoch in (2, 3):  # as where the child was killed after the epoch's weights
        feature_maps.path(run_copy, epoch).unlink()
    launcher.resume(run_copy, more_epochs=1, wait_for_slot=False)
    assert feature_maps.epochs(run_copy) == (1, 2, 3, 4)
    assert epoch_weights.kept(run_copy / "checkpoints") == [1, 2, 3, 4]
    for epoch, content in before.items():
        with (
            np.load(io.BytesIO(content)) as then,
            np.load(feature_maps.path(run_copy, epoch)) as now,
        ):
            assert then.files == now.files
            # The child trained with other threads: its sums may differ in the last bits.
            for each in then.files:
                near = 1 if then[each].dtype == np.uint8 else 1e-4
                assert np.allclose(then[each].astype(float), now[each].astype(float), atol=near)


@pytest.mark.slow
def test_feature_maps_made_anew_change_nothing_that_the_run_computes(
    run_copy: Path, runs_here: None
) -> None:
    twin = forks.create(run_copy, 3, "twin", epochs=4)
    hole = forks.create(run_copy, 3, "hole", epochs=4)
    feature_maps.path(hole, 1).unlink()
    for folder in (twin, hole):
        launcher.start_run(folder, wait_for_slot=False)
    assert feature_maps.epochs(hole) == feature_maps.epochs(twin) == (1, 2, 3, 4)
    weights = [epoch_weights.find(folder / "checkpoints", 4) for folder in (twin, hole)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("dev", 0), ("valid", 1), ("dev", 1)], 2),
        ([("valid", 0), ("valid", 1)], 1),
        ([("valid", 0)], 0),
        ([], None),
    ],
)
def test_the_first_positive_dev_film_is_looked_at(rows: list, expected: int | None) -> None:
    assert feature_maps.chosen_film(pd.DataFrame(rows, columns=["role", "label"])) == expected


def test_dead_maps_stay_black(tmp_path: Path) -> None:
    maps = [np.stack([np.zeros((4, 4)), np.eye(4) * 3], axis=-1)]
    kernels = np.ones((3, 3, 1, 2), np.float32)
    feature_maps.save(tmp_path, 1, 0, np.zeros((32, 32), np.uint8), kernels, maps)
    features = feature_maps.load(tmp_path, 1)
    assert features.peaks[0].tolist() == [0, 3]
    assert features.maps[0][0].max() == 0 and features.maps[0][1].max() == 255
