"""Prediction tables of a run."""

import json

import numpy as np
import pandas as pd
import pytest

from fracture_core.epochs import predictions
from fracture_core.errors import RunError

TABLE = np.array([0.0, 0.25, 1.0], np.float32)


def test_a_table_comes_back_to_the_last_bit(tmp_path) -> None:
    predictions.save(tmp_path, 7, TABLE)
    table = predictions.load(tmp_path, 7, 3)
    assert table.dtype == np.float32
    assert np.array_equal(table, TABLE)
    assert [p.name for p in (tmp_path / "predictions").iterdir()] == ["epoch_0007.npy"]


def test_a_table_is_kept_as_float32(tmp_path) -> None:
    predictions.save(tmp_path, 1, TABLE.astype(np.float64))
    assert predictions.load(tmp_path, 1, 3).dtype == np.float32


def test_epochs_are_in_order_of_number_and_strangers_are_left_out(tmp_path) -> None:
    for epoch in (10_000, 2, 10):
        predictions.save(tmp_path, epoch, TABLE)
    (tmp_path / "predictions" / ".epoch_0011.npy.1a2b.tmp").touch()
    (tmp_path / "predictions" / "epoch_x.npy").touch()
    assert predictions.epochs(tmp_path) == (2, 10, 10_000)
    assert predictions.latest(tmp_path) == 10_000


def test_a_run_without_tables_has_no_epochs(tmp_path) -> None:
    assert predictions.epochs(tmp_path) == ()
    assert predictions.latest(tmp_path) is None


def test_a_missing_epoch_is_refused_with_those_that_exist(tmp_path) -> None:
    for epoch in (1, 2):
        predictions.save(tmp_path, epoch, TABLE)
    with pytest.raises(RunError, match=r"no predictions of epoch 9\. It has: 1, 2\."):
        predictions.load(tmp_path, 9, 3)


@pytest.mark.parametrize(
    "wrong", [TABLE[:2], TABLE.reshape(1, 3), np.array([0.1, 0.2, 1.5]), np.array([0.1, np.nan, 0])]
)
def test_a_table_that_does_not_fit_the_run_is_refused(tmp_path, wrong) -> None:
    predictions.save(tmp_path, 1, wrong)
    with pytest.raises(RunError, match="must hold 3 float32"):
        predictions.load(tmp_path, 1, 3)


def test_a_table_of_another_number_type_is_refused(tmp_path) -> None:
    (tmp_path / "predictions").mkdir()
    np.save(predictions.path(tmp_path, 1), TABLE.astype(np.float64))
    with pytest.raises(RunError, match="float64"):
        predictions.load(tmp_path, 1, 3)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"text"])
def test_a_damaged_table_is_refused(tmp_path, content) -> None:
    predictions.save(tmp_path, 1, TABLE)
    predictions.path(tmp_path, 1).write_bytes(content)
    with pytest.raises(RunError, match=r"damaged .* Choose another epoch"):
        predictions.load(tmp_path, 1, 3)


def films() -> pd.DataFrame:
    """A train film, a dev study of two films, a valid one."""
    return pd.DataFrame(
        {
            "split": ["train", "train", "train", "valid"],
            "part": "hand",
            "patient": ["patient00001", "patient00002", "patient00002", "patient00003"],
            "study": "study1",
            "view": [0, 0, 1, 0],
            "label": [1, 0, 0, 1],
            "role": ["train", "dev", "dev", "valid"],
        }
    )


def test_a_table_is_joined_to_the_dev_and_valid_films_in_their_order() -> None:
    joined = predictions.join(films(), TABLE)
    assert joined["role"].tolist() == ["dev", "dev", "valid"]
    assert joined["probability"].tolist() == [0.0, 0.25, 1.0]


def test_a_table_of_another_length_is_not_joined() -> None:
    with pytest.raises(RunError, match="predicts 3 films; the table holds 2"):
        predictions.join(films(), TABLE[:2])


def test_metrics_of_an_epoch_are_those_of_its_images_and_studies() -> None:
    rows = predictions.predicted_films(films())
    line = predictions.epoch_metrics(rows, np.array([0.75, 0.25, 0.5], np.float32), 0.5)
    expected = -(np.log(0.25) + np.log(0.75) + np.log(0.5)) / 3
    assert line.pop("loss") == pytest.approx(expected)
    assert line == {
        "accuracy": pytest.approx(1 / 3),  # 0.5 is not greater than 0.5
        "auroc": 0.5,
        "n": 3,
        "study_accuracy": 0.0,
        "studies": 2,
    }


def test_the_loss_is_that_of_keras_even_for_certain_mistakes() -> None:
    rows = predictions.predicted_films(films())
    line = predictions.epoch_metrics(rows, np.array([1.0, 0.0, 0.0], np.float32), 0.5)
    assert line["loss"] == pytest.approx(2 * -np.log(1e-7) / 3, rel=1e-6)


def test_metrics_of_one_label_are_valid_json() -> None:
    rows = predictions.predicted_films(films()).iloc[:2]
    line = predictions.epoch_metrics(rows, TABLE[:2], 0.5)
    assert json.loads(json.dumps(line, allow_nan=False))["auroc"] is None


def test_the_majority_guess_is_counted_for_each_role_alone() -> None:
    assert predictions.majority(films()) == {"train": 1.0, "dev": 1.0, "valid": 1.0}
    more = films().assign(role="dev").iloc[[0, 1, 2]]
    assert predictions.majority(more) == {"dev": pytest.approx(2 / 3)}
