"""Learning curve of runs: its points, its sentence, and what it needs."""

from pathlib import Path

import numpy as np
import pytest

from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import ConfigError
from fracture_core.folders import runs_folder
from fracture_core.learning_curve import curve, curve_words
from fracture_core.learning_curve.curve import Curve
from fracture_core.run_groups import members
from fracture_core.sweeps import answer, axes, sweep
from fracture_core.sweeps.sweep import Sweep
from tests.core import made_runs

FALLING = (72, 84, 94, 100, 103)  # right studies of 120
BASE = TrainConfig(data="/made", architecture="three_conv", epochs=1, seed=7)


def made(value: Sweep, right: tuple[int, ...], without: tuple[int, int] | None = None) -> None:
    """Write finished runs with about these numbers of right studies, and films by their share."""
    for number, (name, (size, seed)) in enumerate(value.places.items()):
        if (size, seed) == without:
            continue
        count = right[size - 1] + (size * seed * 5) % 7 - 3
        folder = runs_folder() / name
        own = value.planned[name]
        counts = {"dev": [count], "valid": [60]}
        made_runs.make(folder, own, counts, studies=120, number=number)
        made_runs.add_training_films(folder, round(400 * own.training_share))


def of(value: Sweep, role: str = "dev") -> Curve | str:
    runs = members.read(value)
    return curve.of_runs(value, runs, answer.tables(value, runs), role)


def test_a_learning_curve_is_a_sweep_of_the_training_share() -> None:
    value = curve.plan(BASE, 3, "c")
    assert curve.is_one(value)
    assert [each.training_share for each in value.planned.values()] == [*curve.SHARES] * 3
    assert [each.seed for each in value.planned.values()] == [7] * 5 + [8] * 5 + [9] * 5
    other = sweep.plan(BASE, [axes.Axis(path="epochs", values=(1, 2))], 1)
    assert not curve.is_one(other)
    with pytest.raises(ConfigError, match="needs 4 shares at least; received 50%, 100%"):
        curve.plan(BASE, shares=(0.5, 1.0))
    with pytest.raises(ConfigError, match=r"training_share must be from 0\.01 to 1"):
        curve.plan(BASE, shares=(0, 0.2, 0.5, 1.0))


def test_it_ends_in_a_sentence_with_its_band(folders: Path) -> None:
    value = curve.plan(BASE, 3, "c")
    made(value, FALLING)
    own = of(value)
    assert isinstance(own, Curve)
    level = own.levels["studies"]
    assert [point.films for point in level.points] == [40, 80, 160, 280, 400]
    assert level.points[0].accuracy.n == 360 and len(level.points[0].by_seed) == 3
    assert level.points[0].accuracy.low < level.points[0].accuracy.value
    gain = level.gains[2]
    said = curve_words.sentence(own, "studies")
    assert said.startswith("Twice the films (about 800 in place of 400) would probably bring ")
    band = f"({100 * gain.low:.1f} to {100 * gain.high:.1f})"
    assert f"{100 * gain.value:.1f} points of study accuracy {band}; four times, " in said
    assert said.endswith("). Basis: three seeds, 120 dev studies.")
    assert curve_words.brief(own).startswith("twice the films: +")
    assert curve_words.law(level).startswith("error = ")
    assert "simulated tables only" in curve_words.method(own)
    # One film per study here: films say the same.
    assert own.levels["films"].points == level.points
    assert of(value, "valid").levels["studies"].refusal.startswith("No forecast: accuracy does not")


def test_only_seeds_that_have_finished_with_every_share_count(folders: Path) -> None:
    value = curve.plan(BASE, 2, "c")
    made(value, FALLING, without=(3, 2))
    own = of(value)
    assert isinstance(own, Curve) and own.answer.seeds == 1
    assert "one seed does not show" in curve_words.sentence(own, "studies")
    assert curve_words.brief(own) == "no forecast" and curve_words.law(own.levels["films"]) == ""
    assert len(own.levels["studies"].points) == 5


def test_shares_are_in_order_however_they_were_given(folders: Path) -> None:
    value = curve.plan(BASE, 2, "c", (1.0, 0.4, 0.1, 0.7))
    made(value, FALLING[:4])
    own = of(value)
    assert isinstance(own, Curve)
    assert [point.share for point in own.levels["studies"].points] == [0.1, 0.4, 0.7, 1.0]
    assert np.all(np.diff([point.films for point in own.levels["films"].points]) > 0)
