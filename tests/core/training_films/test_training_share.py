"""Training on a share of the patients: nested, both labels, dev and valid left as they are."""

from pathlib import Path

import pandas as pd

from fracture_core.config.train_config import TrainConfig
from fracture_core.jobs.worker import Worker
from fracture_core.runs import run_folders
from fracture_core.training_films import preparation, training_share


def films(patients: int) -> pd.DataFrame:
    """Two films of each patient; every fourth patient has a positive one, every fifth is dev."""
    rows = [
        {
            "patient": f"patient{number}",
            "label": int(number % 4 == 0 and view == 1),
            "role": "dev" if number % 5 == 0 else "train",
        }
        for number in range(patients)
        for view in range(2)
    ]
    return pd.DataFrame(rows)


def patients_of(rows: pd.DataFrame, role: str = "train") -> set[str]:
    return set(rows.loc[rows["role"] == role, "patient"])


def test_a_smaller_share_lies_within_a_larger_one_and_has_both_labels() -> None:
    whole = films(300)
    before: set[str] = set()
    for share in (0.01, 0.1, 0.2, 0.4, 0.7, 1.0):
        rows = training_share.used(whole, share, seed=3)
        own = patients_of(rows)
        assert before <= own
        assert abs(len(own) - max(2, share * 240)) <= 1
        train = rows[rows["role"] == "train"]
        positive = train.groupby("patient")["label"].max().mean()
        assert share < 0.1 or abs(positive - 0.25) < 0.02
        assert set(train["label"]) == {0, 1} and (train.groupby("patient").size() == 2).all()
        assert patients_of(rows, "dev") == patients_of(whole, "dev")
        assert list(rows.index) == list(range(len(rows)))
        before = own
    assert rows.equals(whole)


def test_another_seed_draws_other_patients() -> None:
    one, other = (patients_of(training_share.used(films(300), 0.2, seed)) for seed in (1, 2))
    assert one != other and len(one) == len(other)


def test_a_run_on_a_share_keeps_dev_and_valid_and_says_how_many_patients_it_used(
    folders: Path, phantom_root: Path
) -> None:
    tables = {}
    for share in (1.0, 0.5):
        folder = run_folders.create(TrainConfig(data=str(phantom_root), training_share=share))
        tables[share], _ = preparation.prepare(folder, Worker(folder))
        data = run_folders.read(folder).data
        if share == 1:
            assert data.share is None and "training patients" not in data.split_words
    for role in ("dev", "valid"):
        whole, part = (own.loc[own["role"] == role, "path"].tolist() for own in tables.values())
        assert whole == part and whole
    used, of = (len(patients_of(tables[share])) for share in (0.5, 1.0))
    assert data.share == {"patients": used, "of": of} and data.is_partial
    assert data.images["train"] == int((tables[0.5]["role"] == "train").sum())
    assert f"Trained on {used} of {of} training patients." in data.split_words


def test_settings_of_before_use_all_patients() -> None:
    kept = {k: v for k, v in TrainConfig(data="x").to_dict().items() if k != "training_share"}
    assert TrainConfig.from_dict(kept) == TrainConfig(data="x")
    assert TrainConfig.from_dict(kept).training_share == 1.0
