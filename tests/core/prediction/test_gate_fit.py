"""Fitting a gate: few films, films alike, maps that hardly vary."""

import numpy as np
import pytest

from fracture_core.errors import DataError
from fracture_core.prediction import gate_file, gate_fit
from tests.core.made_gates import cloud, fitted


def test_few_dev_films_are_joined_by_training_films_of_other_patients() -> None:
    for dev, origin, count in ((48, "dev and train", 348), (0, "train", 300), (49, "dev", 49)):
        own_gate = fitted(300, dev)
        assert (own_gate.calibrated_with, own_gate.calibrated_on) == (origin, count)
        distances = own_gate.distances(cloud(2000, seed=6))
        assert (distances > own_gate.limit).mean() < 0.1
    with pytest.raises(DataError, match="fitted on 20 training films or more; received 19"):
        fitted(19)


def test_a_map_that_never_woke_in_training_tells_and_breaks_nothing() -> None:
    features = np.c_[cloud(100), np.zeros(100, np.float32)]
    names = np.arange(100).astype(str)
    own_gate = gate_fit.fit(features, np.full(100, "x"), names, names, features[:60])
    awake = features[:1] + np.array([0, 0, 0, 0, 0, 0, 5], np.float32)
    assert own_gate.limit < own_gate.distances(awake)[0] < np.inf


def test_maps_that_hardly_vary_about_a_large_mean_are_measured_all_the_same() -> None:
    features, fresh = cloud(300), cloud(500, seed=2)
    shift = np.float32(3000)  # about as far as float32 still tells the smallest of them apart
    names = np.arange(300).astype(str)
    parts = np.full(300, "x")
    near = gate_fit.fit(features, parts, names, names, cloud(100, seed=1))
    far = gate_fit.fit(features + shift, parts, names, names, cloud(100, seed=1) + shift)
    assert far.distances(fresh + shift) == pytest.approx(near.distances(fresh), rel=0.01)
    # A map far off and all but still: whitened about 0 it would be beyond float16.
    still = np.c_[features, 1e5 + np.random.default_rng(0).normal(size=300) * 0.1]
    own_gate = gate_fit.fit(
        still.astype(np.float32), parts, names, names, still[:100].astype(np.float32)
    )
    assert np.isfinite(own_gate.films).all()
    assert own_gate.distances(still[:5].astype(np.float32)).max() < 20
    assert gate_file.read(gate_file.to_bytes(own_gate), 7).facts() == own_gate.facts()


def test_more_films_than_fit_are_sampled_the_same_each_time(monkeypatch) -> None:
    monkeypatch.setattr(gate_fit, "KEPT_BYTES", 50 * 2 * 6)
    one, other = fitted(), fitted()
    assert len(one.paths) == len(one.films) == 50
    assert gate_file.to_bytes(one) == gate_file.to_bytes(other)
    for path, film in zip(one.paths, one.films, strict=True):
        row = cloud(300)[int(path.removeprefix("film").removesuffix(".png"))]
        assert np.allclose(one.whitened(row), film, rtol=1e-2, atol=1e-2)


def test_films_that_a_network_does_not_tell_apart_give_no_gate() -> None:
    names = np.array([str(n) for n in range(40)])
    with pytest.raises(DataError, match="can tell apart"):
        gate_fit.fit(
            np.ones((40, 6), np.float32), np.full(40, "hand"), names, names, np.ones((9, 6))
        )
