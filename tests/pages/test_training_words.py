"""Words beside curves of runs whose training figures are of another kind."""

import pytest

from fracture_core.config.train_config import TrainConfig
from ui.shared import training_words

PLAIN = TrainConfig(data="x")


@pytest.mark.parametrize(
    ("changes", "title", "sentence"),
    [
        ({"label_smoothing": 0.1}, "Loss (per film; training: soft labels)", "SMOOTHED"),
        ({"mixup": 0.2}, "Loss (per film; training: soft labels)", "MIXED"),
        ({"weight_average": 0.9}, "Loss (per film)", "AVERAGED"),
    ],
)
def test_title_and_sentences_say_what_is_different(changes, title, sentence) -> None:
    config = TrainConfig(data="x", **changes)
    assert training_words.loss_title(config) == title
    expected = [getattr(training_words, sentence)]
    assert training_words.sentences([PLAIN, config]) == expected


def test_a_smoothed_loss_per_study_says_both_and_a_plain_run_nothing() -> None:
    config = TrainConfig(data="x", label_smoothing=0.1, learn_from="studies")
    assert training_words.loss_title(config) == "Loss (per study; training: soft labels)"
    assert training_words.loss_title(PLAIN) == "Loss (per film)"
    assert training_words.sentences([PLAIN]) == []
