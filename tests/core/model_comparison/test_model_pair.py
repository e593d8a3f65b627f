"""Two models on the same studies: the sentence, what is refused, and the command."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fracture_core.cli import command_line
from fracture_core.config.train_config import TrainConfig
from fracture_core.errors import DataError
from fracture_core.evaluations.evaluation import Evaluation
from fracture_core.model_comparison import model_pair
from tests.core import made_runs


def evaluation(name: str, right: int, n: int = 100, data_hash: str = "d") -> Evaluation:
    """Studies of one film, of which the first `right` are predicted correctly."""
    label = np.arange(n) % 2
    is_right = np.arange(n) < right
    films = pd.DataFrame(
        {
            "split": "valid",
            "part": "hand",
            "patient": [f"p{number}" for number in range(n)],
            "study": "study1",
            "view": 0,
            "label": label,
            "path": [f"{number}.png" for number in range(n)],
            "probability": np.where(is_right == (label == 1), 0.9, 0.1),
        }
    )
    return Evaluation(
        model=name, data={"hash": data_hash}, split="valid", parts=(), threshold=0.5, films=films
    )


def test_the_better_model_is_named_whichever_comes_first() -> None:
    good, bad = evaluation("good", 90), evaluation("bad", 60)
    for pair in (model_pair.compare(good, bad), model_pair.compare(bad, good)):
        start = "good is right more often than bad on 100 valid studies."
        assert pair.sentence.startswith(start)
        assert "McNemar's test p = 1.9e-09" in pair.sentence
    assert model_pair.compare(good, bad).discordant == (30, 0)


def test_models_within_chance_cannot_be_told_apart() -> None:
    pair = model_pair.compare(evaluation("one", 80), evaluation("two", 79))
    start = "one and two cannot be told apart on 100 valid studies."
    assert pair.sentence.startswith(start) and pair.p == 1.0
    assert "a difference of +1.0 points (95 % interval +0.0 to" in pair.sentence


@pytest.mark.parametrize("sign", [1, -1])
def test_one_that_is_right_more_often_and_one_that_ranks_better_are_both_named(sign: int) -> None:
    pair = model_pair.compare(evaluation("one", 90), evaluation("two", 60))
    gaps = {"accuracy": sign, "auroc": -sign}
    three = {
        name: (*figures[:2], replace(figures[2], low=0.1 * gap - 0.05, high=0.1 * gap + 0.05))
        for name, gap in gaps.items()
        for figures in [pair.figures[name]]
    }
    right, ranks = ("one", "two") if sign > 0 else ("two", "one")
    start = f"{right} is right more often, but {ranks} ranks studies better on 100 valid studies."
    assert replace(pair, figures=pair.figures | three).sentence.startswith(start)


def test_other_data_and_other_studies_are_refused() -> None:
    with pytest.raises(DataError, match="Evaluate both on the same data set"):
        model_pair.compare(evaluation("a", 5), evaluation("b", 5, data_hash="e"))
    with pytest.raises(DataError, match="no valid study in common"):
        first, second = evaluation("a", 5), evaluation("b", 5)
        second.films["patient"] += "x"
        model_pair.compare(first, second)


@pytest.fixture
def two_runs(folders: Path) -> None:
    config = TrainConfig(data=str(folders / "films"), epochs=2)
    for number, (name, right) in enumerate({"one": [10, 18], "two": [10, 11]}.items()):
        folder = folders / "runs" / name
        counts = {"dev": right, "valid": right}
        made_runs.make(folder, config, counts, number=number)
        weights = folder / "checkpoints" / "epoch_0002.weights.h5"
        import h5py

        h5py.File(weights, "w").close()


def test_the_command_compares_what_the_models_keep(
    two_runs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["compare", "one", "two", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["models"] == ["one@2", "two@2"] and record["split"] == "valid"
    assert record["studies"] == record["figures"]["accuracy"]["difference"]["n"] == 20
    assert record["mcnemar"] == {"only_first": 7, "only_second": 0, "p": 2 / 2**7}
    assert record["figures"]["accuracy"]["difference"]["value"] == pytest.approx(7 / 20)
    assert command_line.main(["compare", "one", "two", "--split", "dev"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("one@2 is right more often than two@2 on 20 dev studies (syn")
    assert "Balanced accuracy" in printed


def test_the_command_refuses_films_that_no_model_keeps(
    two_runs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line.main(["compare", "one", "two", "--split", "test"]) == 2
    assert "keeps no predictions of test films. Name a data set." in capsys.readouterr().err
