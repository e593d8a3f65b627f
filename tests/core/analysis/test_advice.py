"""The rules of advice, on curves that just meet them or just do not."""

import numpy as np
import pandas as pd
import pytest

from fracture_core.analysis import advice


def curves(
    count: int, train_slope: float, dev_slope: float, accuracy: float = 0.8, role: str = "dev"
) -> pd.DataFrame:
    """Return straight lines of loss, and a constant accuracy."""
    epoch = np.arange(1, count + 1)
    return pd.DataFrame(
        {
            "epoch": epoch,
            "train.loss": 0.6 + train_slope * epoch,
            f"{role}.loss": 0.6 + dev_slope * epoch,
            f"{role}.accuracy": accuracy,
            f"{role}.n": 100,
        }
    )


def rule(epochs: pd.DataFrame, guess: float = 0.6) -> str | None:
    result = advice.advise(epochs, {"dev": guess, "valid": guess})
    return result.rule if result else None


def test_overfitting_is_named_after_eight_epochs() -> None:
    assert rule(curves(9, -0.01, 0.01)) == "overfitting"
    assert rule(curves(8, -0.01, 0.01)) is None
    sentence = advice.advise(curves(12, -0.01, 0.01), {"dev": 0.6}).sentence
    assert "loss on 100 dev films rises" in sentence
    assert "above that of epoch 1 for 11 epochs" in sentence


def test_a_lucky_epoch_long_ago_does_not_make_a_falling_loss_rise() -> None:
    table = curves(60, -0.001, -0.004)
    table.loc[9, "dev.loss"] = 0.1
    table.loc[52:, "dev.loss"] += 0.01 * np.arange(8)  # the last epochs go up a little
    assert rule(table) != "overfitting"


@pytest.mark.parametrize(("train", "dev"), [(0.01, 0.01), (-0.01, -0.01)])
def test_both_losses_going_one_way_is_not_overfitting(train: float, dev: float) -> None:
    assert rule(curves(9, train, dev)) is None


def test_a_new_best_epoch_ends_the_advice() -> None:
    table = curves(12, -0.01, 0.01)
    table.loc[8, "dev.loss"] = 0.1
    assert rule(table) != "overfitting"


def test_flat_within_the_interval_is_named_after_ten_epochs() -> None:
    assert rule(curves(10, 0.0, 0.0)) == "flat"
    assert rule(curves(9, 0.0, 0.0)) is None
    assert rule(curves(10, 0.0, -0.01)) is None  # its loss still falls
    moving = curves(10, 0.0, 0.0)
    moving["dev.accuracy"] = np.linspace(0.7, 0.9, 10)  # wider than the interval of 0.9 of 100
    assert rule(moving) is None


def test_guessing_is_named_first_and_not_before_the_fifth_epoch() -> None:
    assert rule(curves(12, -0.01, 0.01, accuracy=0.6)) == "guessing"
    assert rule(curves(4, 0.0, 0.0, accuracy=0.5)) is None
    assert rule(curves(5, 0.0, 0.0, accuracy=0.61)) is None


def test_without_dev_films_valid_is_used_and_named() -> None:
    table = curves(9, -0.01, 0.01, role="valid")
    assert "The loss on 100 valid films" in advice.advise(table, {"valid": 0.6}).sentence
    assert advice.advise(pd.DataFrame(), {}) is None


def test_one_answer_to_all_while_training_goes_well_is_named() -> None:
    table = curves(2, -0.1, 0.1, accuracy=0.6).assign(**{"train.accuracy": [0.7, 0.82]})

    def result(called: float, running: bool = True, **changes: float) -> advice.Advice | None:
        epochs = table.assign(**changes)
        return advice.advise(epochs, {"dev": 0.6}, {"dev": called}, running)

    for called, words in ((0.0, "none of 100 dev films"), (1.0, "all of 100 dev films")):
        one_answer = result(called)
        assert one_answer.rule == "one answer" and words in one_answer.sentence
        assert "82.0 % of the training films" in one_answer.sentence
        assert "running averages of batch normalization lag behind" in one_answer.sentence
    assert "averages" not in result(0.0, running=False).sentence
    assert result(0.01) is None and result(0.99) is None
    assert result(0.0, **{"train.accuracy": 0.69}) is None
    assert advice.advise(table, {"dev": 0.6}, {}, True) is None


def test_a_run_that_learns_from_studies_is_advised_by_its_studies() -> None:
    table = curves(12, -0.01, 0.01).assign(**{"dev.study_accuracy": 0.5, "dev.studies": 30})
    by_study = {"dev": 0.55}
    guessing = advice.advise(table, {"dev": 0.6}, guess_of_studies=by_study)
    assert guessing.rule == "guessing"
    assert "50.0 against 55.0 % of 30 dev studies" in guessing.sentence
    rising = advice.advise(
        table.assign(**{"dev.study_accuracy": 0.7}), {"dev": 0.9}, guess_of_studies=by_study
    )  # its films, of which some show nothing, are below their baseline
    assert rising.rule == "overfitting" and "loss on 30 dev studies rises" in rising.sentence
    level = curves(10, 0.0, 0.0).assign(**{"dev.study_accuracy": 0.7, "dev.studies": 30})
    flat = advice.advise(level, {"dev": 0.6}, guess_of_studies=by_study)
    assert flat.rule == "flat" and "accuracy on 30 dev studies" in flat.sentence
