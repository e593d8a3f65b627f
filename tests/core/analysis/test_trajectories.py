"""Predictions of a run at every epoch, on tables with known flips."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fracture_core.analysis import trajectories
from fracture_core.epochs import predictions
from fracture_core.errors import RunError
from fracture_core.models import stored_models
from fracture_core.prediction import inference, study_prediction
from fracture_core.verdicts import aggregation

FILMS = [  # role, patient, label: the films of a study do not stand together
    ("train", "t", 1),
    ("dev", "a", 1),
    ("valid", "b", 0),
    ("dev", "a", 1),
    ("dev", "c", 0),
    ("valid", "b", 0),
]
TABLES = {  # of the five judged films, a b a c b
    1: [0.1, 0.9, 0.1, 0.9, 0.1],  # a wrong, b wrong, c wrong
    2: [0.1, 0.1, 0.9, 0.1, 0.1],  # a right, b right, c right
    3: [0.1, 0.1, 0.1, 0.1, 0.9],  # a wrong, b wrong, c right
    5: [0.9, 0.1, 0.9, 0.9, 0.1],  # a right, b right, c wrong
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    table = pd.DataFrame(FILMS, columns=["role", "patient", "label"])
    split = table["role"].replace("dev", "train")
    table = table.assign(
        split=split, part="wrist", study="study1", view=0, path=[f"{i}.png" for i in range(6)]
    )
    table.to_parquet(tmp_path / "films.parquet")
    for epoch, values in TABLES.items():
        predictions.save(tmp_path, epoch, np.array(values))
    return tmp_path


def names(whole: trajectories.Trajectories, rows: tuple[int, ...]) -> list[str]:
    return whole.studies["patient"].iloc[list(rows)].tolist()


def test_verdicts_are_those_of_the_or_rule_epoch_by_epoch(folder: Path) -> None:
    whole = trajectories.read(folder)
    assert whole.epochs == (1, 2, 3, 5)
    verdicts = trajectories.verdicts(whole, 0.5)
    for number, epoch in enumerate(whole.epochs):
        table = aggregation.verdicts(whole.films, np.array(TABLES[epoch]), 0.5)
        assert verdicts[number].tolist() == table["verdict"].tolist()
        assert trajectories.right(whole, 0.5)[number].tolist() == table["right"].tolist()
    assert whole.studies["key"].tolist() == table["key"].tolist()


def test_flips_name_who_became_right_and_wrong_the_newest_first(folder: Path) -> None:
    whole = trajectories.read(folder)
    newest, middle, oldest = trajectories.flips(whole, 0.5, "dev")
    assert (newest.epoch, middle.epoch, oldest.epoch, newest.n) == (5, 3, 2, 2)
    assert names(whole, newest.became_right) == ["a"]
    assert names(whole, newest.became_wrong) == ["c"]
    assert names(whole, middle.became_wrong) == ["a"]
    assert names(whole, oldest.became_right) == ["a", "c"]
    (valid, *_) = trajectories.flips(whole, 0.5, "valid")
    assert names(whole, valid.became_right) == ["b"] and valid.n == 1


def test_forgettings_are_counted_by_study(folder: Path) -> None:
    whole = trajectories.read(folder)
    counts = dict(zip(whole.studies["patient"], trajectories.forgettings(whole, 0.5), strict=True))
    assert counts == {"a": 1, "b": 1, "c": 1}
    assert trajectories.forgettings(whole, 1.0).sum() == 0  # a is wrong, b and c right, always


def test_the_films_of_a_study_are_found_wherever_they_stand(folder: Path) -> None:
    whole = trajectories.read(folder)
    assert [whole.films_of(study).tolist() for study in range(3)] == [[0, 2], [1, 4], [3]]


def test_only_new_tables_are_read_and_gone_ones_forgotten(folder: Path) -> None:
    before = trajectories.read(folder)
    predictions.path(folder, 1).write_bytes(b"damaged since")
    predictions.path(folder, 5).unlink()
    predictions.save(folder, 6, np.array(TABLES[1]))
    after = trajectories.read(folder, before)
    assert after.epochs == (1, 2, 3, 6)
    assert np.array_equal(after.probabilities[:3], before.probabilities[:3])


def test_a_damaged_table_is_left_out(folder: Path) -> None:
    predictions.path(folder, 2).write_bytes(b"damaged")
    assert trajectories.read(folder).epochs == (1, 3, 5)


def test_before_there_are_films_or_tables(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(RunError, match="has not read its films yet"):
        trajectories.read(tmp_path / "other")
    for epoch in TABLES:
        predictions.path(folder, epoch).unlink()
    whole = trajectories.read(folder)
    assert whole.epochs == () and list(trajectories.flips(whole, 0.5, "dev")) == []
    assert trajectories.forgettings(whole, 0.5).tolist() == [0, 0, 0]


def test_the_verdicts_at_an_epoch_are_those_of_predicting_with_its_weights(
    run_copy: Path, phantom_root: Path
) -> None:
    whole = trajectories.read(run_copy)
    predictor = inference.Predictor(stored_models.find(f"{run_copy.name}@2"))
    verdicts = trajectories.verdicts(whole, 0.5)[whole.epochs.index(2)]
    assert len(whole.studies) > 5
    for number in range(len(whole.studies)):
        rows = whole.films_of(number)
        films = [
            study_prediction.FilmInput(name=path, source=phantom_root / path)
            for path in whole.films["path"].iloc[rows]
        ]
        prediction = predictor.predict_study("s", films, count_doubted=True)
        assert prediction.verdict(0.5) == verdicts[number]
        table = whole.probabilities[whole.epochs.index(2)][rows]
        assert np.allclose(prediction.probabilities, table, atol=1e-6)
