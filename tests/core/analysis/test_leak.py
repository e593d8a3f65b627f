"""Leak thermometer: the two splits, the paired difference, its words, and the command."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fracture_core.analysis import leak
from fracture_core.cli import command_line
from fracture_core.config.train_config import TrainConfig
from fracture_core.datasets import catalog, exclusions, family_list
from fracture_core.datasets.catalog import Dataset
from fracture_core.datasets.family_list import FamilyList
from fracture_core.errors import DataError
from fracture_core.runs import run_folders, run_labels
from tests.core import made_runs

ORIGINALS, COPIES = 30, 4  # the copies: turned by right angles


def turned_copies(root: Path, valid: int = 0) -> tuple[Dataset, FamilyList]:
    """Class folders of noise, each original with its turned copies; the last copies valid."""
    draw = np.random.default_rng(3)
    families = {}
    for number in range(ORIGINALS):
        pixels = draw.integers(0, 256, (40, 40), np.uint8)
        for turn in range(COPIES):
            split = "val" if turn >= COPIES - valid else "train"
            name = f"{split}/{'fractured' if number % 2 else 'normal'}/{number}-{turn}.png"
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.rot90(pixels, turn)).save(root / name)
            families[name] = f"{number}"
    return catalog.read(root, "fractured"), FamilyList(families=families)


def test_the_honest_run_leaves_out_what_has_a_copy_among_the_evaluated(folders: Path) -> None:
    dataset, families = turned_copies(folders / "films", valid=1)
    few = FamilyList(families={k: v for k, v in families.families.items() if int(v) < 10})
    plan = leak.plan(dataset, few)
    assert (plan.role, plan.films, plan.given.dev_share) == ("valid", ORIGINALS * 3, 0.0)
    assert len(plan.leaked) == 10 * 3 and all(path.startswith("train/") for path in plan.leaked)
    assert plan.given.steps_per_epoch == plan.films // plan.given.batch_size
    assert plan.sentence.startswith("30 of 90 training films have a copy") and not plan.refusal


def test_without_a_valid_split_the_copies_of_dev_films_are_left_out(folders: Path) -> None:
    dataset, families = turned_copies(folders / "films")
    plan = leak.plan(dataset, families)
    roles = catalog.assign_roles(dataset.manifest, plan.given.dev_share, plan.given.seed)
    paths = dataset.manifest["path"]
    family = paths.map(dict(families.families))
    assert set(plan.leaked) == set(paths[(roles == "train") & family.isin(family[roles == "dev"])])
    assert plan.role == "dev" and 0 < len(plan.leaked) < plan.films == (roles == "train").sum()


def test_a_patient_on_both_sides_is_a_leak_without_any_copy(phantom_root: Path) -> None:
    manifest = catalog.read(phantom_root).manifest
    roles = catalog.assign_roles(manifest, 0.0, 1)
    assert not leak.leaked(manifest, FamilyList(), "valid", roles).any()
    first, second = (manifest.loc[roles == role, "patient"].iloc[0] for role in ("train", "valid"))
    moved = manifest.assign(patient=manifest["patient"].replace(first, second))
    out = leak.leaked(moved, FamilyList(), "valid", roles)
    assert set(manifest.loc[out, "patient"]) == {first}


def test_no_leak_and_too_few_films_are_told_before_anything_starts(folders: Path) -> None:
    dataset, families = turned_copies(folders / "films", valid=1)
    with pytest.raises(DataError, match=r"^0 of 90 training films .* no leak to measure"):
        leak.start(dataset, FamilyList(), "1")
    with pytest.raises(DataError, match=r"^90 of 90 training films .* other 0 are too few"):
        leak.start(dataset, families, "1")
    with pytest.raises(DataError, match="was not audited"):
        leak.audited_families(dataset)
    assert not list((folders / "runs").glob("leak*"))


@pytest.mark.parametrize(
    ("given", "honest", "sentence"),
    [
        (19, 9, "As given 95.0 %, honest 45.0 % of 20 valid studies: 50.0 points"),
        (10, 9, "no measurable leak, a difference of 5.0 points"),
    ],
)
def test_the_difference_is_paired_by_study(
    folders: Path, given: int, honest: int, sentence: str
) -> None:
    dataset, families = turned_copies(folders / "films", valid=1)
    config = TrainConfig(data=str(dataset.root), architecture="three_conv")
    data = {"hash": dataset.hash, "images": {"train": 90}}
    runs = [
        run_folders.read(
            made_runs.make(
                folders / "runs" / f"leak-{name}-1", config, {"valid": [1, n]}, data=data
            )
        )
        for name, n in (("given", given), ("honest", honest))
    ]
    assert leak.newest(runs, dataset) == tuple(runs)
    assert leak.newest(runs[:1], dataset) is None
    assert leak.newest(runs, replace(dataset, hash="another table's")) is None
    # The made films are others than the data set's: each is a patient of its own.
    films = dataset.manifest.assign(
        patient=[f"patient{n:05d}" for n in range(len(dataset.manifest))]
    )
    result = leak.measure(runs[0], runs[1], replace(dataset, manifest=films), families)
    assert sentence in result.sentence
    assert result.difference.value == pytest.approx((given - honest) / 20)
    assert result.difference.n == 20


@pytest.mark.slow
@pytest.mark.usefixtures("runs_here")
def test_the_command_trains_both_and_prints_the_difference(
    folders: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, families = turned_copies(folders / "films")
    family_list.write(family_list.file_of(dataset.hash), families)
    monkeypatch.setattr(leak, "EPOCHS", 2)
    words = ["leak", str(dataset.root), "--positive", "fractured", "--json"]
    assert command_line.main(words) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["role"] == "dev" and record["difference"]["n"] == 18
    assert record["films"][0] > record["films"][1] >= leak.LEAST_FILMS
    assert -1 <= record["difference"]["low"] <= record["difference"]["high"] <= 1
    assert record["sentence"].startswith("As given")
    honest = run_folders.read(next((folders / "runs").glob("leak-honest-*")))
    out = exclusions.read(Path(honest.config.exclude)).reasons
    assert len(out) == record["films"][0] - record["films"][1] == honest.data.excluded["films"]
    tags = [run_labels.read(path).tags for path in (folders / "runs").glob("leak-*")]
    assert tags == [(leak.TAG,)] * 2
