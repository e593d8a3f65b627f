"""The gate: distances, the check of a film, and the nearest training films."""

from dataclasses import replace

import numpy as np
import pytest

from fracture_core.prediction import gate, gate_fit
from tests.core.made_gates import cloud, fitted


def test_distances_are_mahalanobis_and_the_limit_leaves_the_stated_share() -> None:
    own_gate = fitted(4000, 500)
    fresh = cloud(4000, seed=2)
    distances = own_gate.distances(fresh)
    about = fresh - cloud(4000).mean(axis=0)
    exact = np.sqrt(np.einsum("ij,jk,ik->i", about, np.linalg.inv(np.cov(cloud(4000).T)), about))
    assert np.abs(distances / exact - 1).max() < 0.1  # but for the shrinkage
    assert (distances > own_gate.limit).mean() == pytest.approx(gate_fit.FALSE_REFUSAL, abs=0.015)
    assert own_gate.distances(fresh + 1000).min() > own_gate.limit
    assert (own_gate.calibrated_on, own_gate.calibrated_with, own_gate.fitted_on) == (
        500,
        "dev",
        4000,
    )


def test_a_film_is_measured_by_the_part_that_is_nearest() -> None:
    parts = np.repeat(["forearm", "humerus"], 200)
    features = np.concatenate([cloud(200), cloud(200, seed=3, middle=500)])
    names = np.arange(400).astype(str)
    own_gate = gate_fit.fit(features, parts, names, names, cloud(60, seed=4))
    assert own_gate.parts == ("forearm", "humerus")
    for middle, inside in ((0, True), (500, True), (250, False)):
        far = np.median(own_gate.distances(cloud(50, seed=5, middle=middle)))
        assert (far < own_gate.limit) == inside


def test_the_check_names_distance_and_limit() -> None:
    own_gate = replace(fitted(), limit=5.0)
    assert own_gate.check(5.0).passed
    check = own_gate.check(7.25)
    assert (check.name, check.value, check.limit) == ("distance", 7.25, 5.0)
    assert "lies 7.2 from the mean of the training films in the network's" in check.doubt
    several = replace(own_gate, parts=("forearm", "humerus")).check(7.25)
    assert "lies 7.2 from the mean of the nearest body part's training films" in several.doubt
    assert "limit 5.0" in check.doubt


def test_the_nearest_training_films_come_in_order() -> None:
    own_gate = fitted()
    near = own_gate.nearest(cloud(300)[17])
    assert near[0].path == "film17.png"
    assert near[0].distance < 0.05  # kept as float16
    assert [each.distance for each in near] == sorted(each.distance for each in near)
    assert len(near) == gate.NEAREST
