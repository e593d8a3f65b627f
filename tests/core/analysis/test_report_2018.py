"""The report's experiments: their settings are the report's, and its claims meet numbers."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fracture_core.analysis import report_2018, report_claims
from fracture_core.analysis.report_2018 import BY_KEY, EXPERIMENTS, FIGURES, LENGTHS, Length
from fracture_core.analysis.report_claims import CLAIMS
from fracture_core.config.film_settings import REPORT_RECIPE
from fracture_core.datasets import catalog
from fracture_core.datasets.catalog import Dataset
from fracture_core.epochs import predictions
from fracture_core.errors import RunError
from fracture_core.folders import runs_folder
from fracture_core.runs import journal, run_folders, run_labels, run_status
from fracture_core.runs.run_status import State

FULL = LENGTHS["full"]


@pytest.fixture
def dataset(phantom_root: Path) -> Dataset:
    return catalog.read(phantom_root)


def test_only_unfinished_runs_are_to_go(folders: Path, dataset: Dataset) -> None:
    length = LENGTHS["quick"]
    for key in ("one", "three", "dense", "dropout"):
        run = make(dataset, key, length, 0.5, 0.5)
        epochs = length.epochs + (length.more if BY_KEY[key].goes_on else 0)
        ended = run_status.Status(state=State.FINISHED, step=epochs * length.steps)
        run_status.write(run.folder, ended)
    runs = report_2018.find(run_folders.list_runs(), dataset.hash, length)
    assert len(runs) == 4
    rest = 3 * length.epochs + length.more  # of AdaGrad, the small rate, and five_conv
    assert report_2018.to_go(runs, length, 1) == (3, rest * length.steps)
    both = report_2018.steps_in_all(length, 1) + rest * length.steps
    assert report_2018.to_go(runs, length, 2) == (10, both)
    run_status.write(runs["one", 1].folder, run_status.Status(state=State.STOPPED, step=60))
    runs = report_2018.find(run_folders.list_runs(), dataset.hash, length)
    steps = rest * length.steps + length.epochs * length.steps - 60
    assert report_2018.to_go(runs, length, 1) == (4, steps)


def test_the_full_length_is_the_reports(dataset: Dataset) -> None:
    assert (FULL.epochs, FULL.steps, FULL.more) == (75, 282, 25)
    for experiment in EXPERIMENTS:
        config = report_2018.config(experiment, dataset, FULL, 1)
        assert config.recipe == REPORT_RECIPE and config.batch_size == 10
        assert (config.epochs, config.steps_per_epoch, config.dev_share) == (75, 282, 0.0)
        assert config.augmentation.shear_degrees == 0.2
        assert config.optimizer == ("adagrad" if experiment.key == "adagrad" else "adam")
    assert BY_KEY["five"].goes_on and BY_KEY["three"].goes_on
    assert sum(experiment.goes_on for experiment in EXPERIMENTS) == 2
    assert report_2018.steps_in_all(FULL, 2) == 2 * (7 * 75 + 2 * 25) * 282


def test_every_figure_and_claim_has_its_experiments() -> None:
    assert [figure.number for figure in FIGURES] == list(range(2, 9))
    assert all(key in BY_KEY for figure in FIGURES for key in figure.keys)
    assert {claim.figure for claim in CLAIMS} <= {figure.number for figure in FIGURES}


def test_parts_are_the_reports_where_the_data_has_them(dataset: Dataset) -> None:
    others = dataset.manifest.assign(part="forearm")
    assert report_2018.parts(Dataset(**{**vars(dataset), "manifest": others})) == ()
    manifest = dataset.manifest.assign(part=report_2018.PART)
    assert report_2018.parts(Dataset(**{**vars(dataset), "manifest": manifest})) == ("shoulder",)


def make(
    dataset: Dataset,
    key: str,
    length: Length,
    right: float,
    train: float = 0.7,
    *,
    late: float | None = None,
    seed: int = 1,
) -> run_folders.Run:
    """Write the folder of a finished run, right on this share of the valid films.

    Its training accuracy is `late` in the epochs that it went on for, where that is given.
    """
    config = report_2018.config(BY_KEY[key], dataset, length, seed)
    folder = run_folders.create(config, report_2018.name(key, dataset.hash, length, seed))
    films = dataset.manifest.assign(
        role=dataset.manifest["split"].where(lambda s: s == "valid", "train")
    )
    films.to_parquet(folder / "films.parquet")
    labels = films[films["role"] == "valid"]["label"].to_numpy()
    wrong = np.arange(len(labels)) >= round(right * len(labels))
    table = np.where(labels.astype(bool) ^ wrong, 0.9, 0.1)
    for epoch in range(1, length.epochs + length.more + 1):
        predictions.save(folder, epoch, table)
        line = {
            "epoch": epoch,
            "step": epoch * length.steps,
            "learning_rate": 1e-3,
            "train": {
                "loss": 0.5,
                "n": 2820,
                "accuracy": train if late is None or epoch <= length.epochs else late,
            },
            "valid": {"loss": 0.5, "accuracy": right, "n": len(labels)},
        }
        journal.append_line(folder / "metrics.jsonl", line)
    return run_folders.read(folder)


SHORT = Length(name="short", epochs=2, steps=3, more=1)


def answers(
    dataset: Dataset, late: float | None = None, **shares: tuple[float, float]
) -> list[bool | None]:
    """Return the answer to each claim of runs of (accuracy on valid films, training accuracy)."""
    runs = {
        (key, 1): make(dataset, key, SHORT, *values, late=late if key == "five" else None)
        for key, values in shares.items()
    }
    assert report_2018.find(run_folders.list_runs(), dataset.hash, SHORT).keys() == runs.keys()
    return [report_claims.answer(claim, runs, SHORT).agrees for claim in CLAIMS]


def test_claims_that_hold_agree(folders: Path, dataset: Dataset) -> None:
    agreements = answers(
        dataset,
        late=0.9,
        one=(0.5, 0.6),
        three=(0.95, 0.77),
        dropout=(1.0, 0.2),
        adagrad=(0.3, 0.6),
        slow=(0.1, 0.6),
        five=(0.1, 0.2),
    )
    assert agreements == [True, True, True, True, None, True, True, True, True]
    # The films are too few for a loss that is a little lower.
    other = make(dataset, "three", SHORT, 0.1, seed=2), make(dataset, "dropout", SHORT, 1.0, seed=2)
    second = dict(zip([("three", 2), ("dropout", 2)], other, strict=True))
    (loss,) = [claim for claim in CLAIMS if claim.figure == 6]
    assert report_claims.answer(loss, second, SHORT).agrees is True


def test_claims_that_do_not_hold_disagree(folders: Path, dataset: Dataset) -> None:
    agreements = answers(
        dataset,
        late=0.5,
        one=(1.0, 0.9),
        three=(0.1, 0.3),
        dropout=(0.05, 0.9),
        adagrad=(0.9, 0.6),
        slow=(0.9, 0.6),
        five=(1.0, 0.9),
    )
    assert agreements == [False, False, False, False, None, False, False, False, False]


def test_equals_cannot_be_told_apart(folders: Path, dataset: Dataset) -> None:
    same = dict.fromkeys(("three", "dropout", "adagrad", "five"), (0.7, 0.7))
    by_claim = dict(zip(CLAIMS, answers(dataset, **same), strict=True))
    assert {by_claim[c] for c in CLAIMS if len(c.keys) == 2} == {None}


def test_a_claim_is_checked_for_every_seed(folders: Path, dataset: Dataset) -> None:
    (adam,) = [claim for claim in CLAIMS if claim.keys == ("three", "adagrad")]

    def answer(*three: float) -> report_claims.Answer:
        runs = {}
        for seed, right in enumerate(three, 1):
            for key, share in (("three", right), ("adagrad", 0.5)):
                called = report_2018.name(key, dataset.hash, SHORT, seed)
                shutil.rmtree(runs_folder() / called, ignore_errors=True)
                runs[key, seed] = make(dataset, key, SHORT, share, seed=seed)
        return report_claims.answer(adam, runs, SHORT)

    most = answer(1.0, 1.0, 0.5)
    assert most.agrees is True
    assert "Of 3 seeds, 2 would agree, 0 disagree and 1 cannot tell." in most.words
    assert answer(1.0, 1.0, 0.0).agrees is None
    assert answer(0.0, 0.0).agrees is False
    assert answer(1.0).words.startswith("seed 1: three_conv (Adam) minus AdaGrad: +")


def test_a_seed_counts_once_all_its_runs_are_there(folders: Path, dataset: Dataset) -> None:
    (adam,) = [claim for claim in CLAIMS if claim.keys == ("three", "adagrad")]
    runs = {("three", 1): make(dataset, "three", SHORT, 0.5)}
    for key, share in (("three", 1.0), ("adagrad", 0.0)):
        runs[key, 2] = make(dataset, key, SHORT, share, seed=2)
    result = report_claims.answer(adam, runs, SHORT)
    assert result.agrees is True and result.words.startswith("seed 2:")


def test_a_film_shown_twice_is_no_second_film(folders: Path, dataset: Dataset) -> None:
    (dropout,) = [claim for claim in CLAIMS if claim.figure == 4]
    runs = {(key, 1): make(dataset, key, SHORT, 0.5, train=0.5) for key in ("dropout", "three")}
    films = journal.films(runs["three", 1].folder)
    count = int((films["role"] == "train").sum())
    assert 0 < count < 2820  # as `make` writes
    assert f"of {count} training films" in report_claims.answer(dropout, runs, SHORT).words


def test_a_missing_epoch_is_named(folders: Path, dataset: Dataset) -> None:
    for claim in CLAIMS:
        result = report_claims.answer(claim, {}, FULL)
        assert result.agrees is None and result.words.startswith("Not available yet (needs epoch")


def test_patients_with_studies_of_both_labels_come_from_valid() -> None:
    studies = pd.DataFrame(
        [
            ("valid", "b", 1),
            ("valid", "b", 0),
            ("valid", "a", 1),
            ("train", "c", 1),
            ("train", "c", 0),
            ("valid", "d", 0),
            ("valid", "d", 1),
        ],
        columns=["split", "patient", "label"],
    )
    assert report_2018.both_labels(studies) == ["b", "d"]


@pytest.mark.slow
def test_the_queue_runs_all_of_them_and_two_go_on(
    folders: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    report_2018.start(dataset, SHORT, 1)
    report_2018.start(dataset, SHORT, 1)  # a second click
    runs = report_2018.find(run_folders.list_runs(), dataset.hash, SHORT)
    assert len(runs) == len(EXPERIMENTS)
    from fracture_core.jobs import launcher

    for (key, _), run in runs.items():
        assert launcher.wait(run.folder).state is run_status.State.FINISHED
        assert len(journal.metrics(run.folder)) == (3 if BY_KEY[key].goes_on else 2)
        assert run_labels.read(run.folder).tags == (report_2018.TAG,)
    runs = report_2018.find(run_folders.list_runs(), dataset.hash, SHORT)
    assert report_2018.steps_done(runs) == report_2018.steps_in_all(SHORT, 1)
    assert all(report_claims.answer(claim, runs, SHORT).words for claim in CLAIMS)


def test_a_run_that_cannot_go_on_does_not_keep_the_others_from_starting(
    folders: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = make(dataset, "one", SHORT, 0.5)  # it has epochs, and no state to go on from
    queued = []
    monkeypatch.setattr(report_2018, "_queue", lambda experiment, *_: queued.append(experiment.key))
    with pytest.raises(RunError, match=f"{stuck.name} needs the state of an epoch"):
        report_2018.start(dataset, SHORT, 1)
    assert set(queued) == set(BY_KEY) - {"one"}
